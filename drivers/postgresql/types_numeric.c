// SPDX-License-Identifier: Apache-2.0
/* numeric, from text and from digits to the base 10000, into decimal128, exact text, or float8 when
 * that was asked for. */
#include "types_internal.h"

#include "base/decimal.h"

#define HEADER     8
#define SIGN_PLUS  0x0000
#define SIGN_MINUS 0x4000
#define SIGN_NAN   0xc000
#define SIGN_PINF  0xd000
#define SIGN_NINF  0xf000

/* A binary numeric's head. */
typedef struct head {
	size_t count;
	int weight;
	unsigned sign;
	int scale;
	const char *digits;
} head;

static bool read_head(const char *bytes, size_t length, head *out)
{
	if (length < HEADER)
		return false;
	out->count = pg_get16(bytes);
	out->weight = (int16_t)pg_get16(bytes + 2);
	out->sign = pg_get16(bytes + 4);
	out->scale = (int16_t)pg_get16(bytes + 6);
	out->digits = bytes + HEADER;
	return length == HEADER + 2 * out->count && out->scale >= 0;
}

static const char *special_of(unsigned sign)
{
	return sign == SIGN_NAN    ? "NaN"
		   : sign == SIGN_PINF ? "Infinity"
		   : sign == SIGN_NINF ? "-Infinity"
							   : NULL;
}

/* Four digits of the number, those that stand for 10000^power. */
static unsigned group_at(const head *h, int power)
{
	int i = h->weight - power;

	return i >= 0 && (size_t)i < h->count ? pg_get16(h->digits + 2 * (size_t)i) : 0;
}

static char *put_group(char *p, unsigned group, int digits)
{
	static const unsigned powers[] = {1000, 100, 10, 1};

	for (int i = 0; i < digits; i++)
		*p++ = (char)('0' + group / powers[i] % 10);
	return p;
}

/* The digits before the point, at least one. */
static char *put_whole(const head *h, char *start)
{
	char *p = start;
	size_t zeros = 0, count;

	*p++ = '0';
	for (int power = h->weight; power >= 0; power--)
		p = put_group(p, group_at(h, power), 4);
	count = (size_t)(p - start);
	while (zeros + 1 < count && start[zeros] == '0')
		zeros++;
	memmove(start, start + zeros, count - zeros);
	return p - zeros;
}

/* Digits that are no digits, or lie beyond the scale. */
static bool has_bad_digit(const head *h)
{
	static const unsigned powers[] = {1, 10, 100, 1000};

	for (size_t i = 0; i < h->count; i++) {
		unsigned group = pg_get16(h->digits + 2 * i);
		int beyond = -4 * (h->weight - (int)i) -
					 h->scale; /* digits of the group after the last one printed */

		if (group > 9999 || (beyond >= 4 ? group != 0 : beyond > 0 && group % powers[beyond] != 0))
			return true;
	}
	return false;
}

pg_fault cx_pg_numeric_text(const char *bytes, size_t length, pg_cell *cell)
{
	const char *special;
	char *out, *p;
	head h;

	if (!read_head(bytes, length, &h))
		return PG_MALFORMED;
	special = special_of(h.sign);
	if (special) {
		cell->bytes = special;
		cell->length = strlen(special);
		return PG_FINE;
	}
	if ((h.sign != SIGN_PLUS && h.sign != SIGN_MINUS) || has_bad_digit(&h))
		return PG_MALFORMED;
	out = p =
		cx_pg_cell_room(cell, 8 + 4 * (size_t)(h.weight > 0 ? h.weight : 0) + (size_t)h.scale + 8);
	if (!out)
		return PG_NOMEM;
	if (h.sign == SIGN_MINUS)
		*p++ = '-';
	p = put_whole(&h, p);
	if (h.scale > 0) {
		*p++ = '.';
		for (int done = 0, power = -1; done < h.scale; done += 4, power--)
			p = put_group(p, group_at(&h, power), h.scale - done < 4 ? h.scale - done : 4);
	}
	cell->bytes = out;
	cell->length = (size_t)(p - out);
	return PG_FINE;
}

static pg_fault fault_of(cx_parse parse)
{
	return parse == CX_PARSE_OK ? PG_FINE : parse == CX_PARSE_BAD ? PG_MALFORMED : PG_RANGE;
}

/* The text form as exact text: CockroachDB writes 1E-10 where the rest of the world, and its own
 * binary form, have 0.0000000001. */
static pg_fault plain_text(const char *bytes, size_t length, pg_cell *cell)
{
	double special;
	char *out;
	size_t n;

	if (length && (bytes[length - 1] < '0' || bytes[length - 1] > '9')) {
		cell->bytes = bytes;
		cell->length = length;
		return cx_double_parse(bytes, length, &special) || __builtin_isfinite(special)
				   ? PG_MALFORMED
				   : PG_FINE;
	}
	n = cx_decimal_plain(bytes, length, NULL, 0);
	if (n == 0)
		return PG_MALFORMED;
	out = cx_pg_cell_room(cell, n);
	if (!out)
		return PG_NOMEM;
	cell->bytes = out;
	cell->length = cx_decimal_plain(bytes, length, out, n);
	return PG_FINE;
}

static pg_fault read_decimal(const cx_pg_decoder *d, const char *bytes, size_t length,
							 pg_cell *cell)
{
	cx_parse parse;
	head h;

	cell->bytes = cell->fixed.bytes;
	cell->length = 16;
	if (!d->is_binary)
		return fault_of(cx_decimal_parse(bytes, length, d->precision, d->scale, cell->fixed.bytes));
	if (!read_head(bytes, length, &h))
		return PG_MALFORMED;
	if (special_of(h.sign))
		return PG_RANGE;
	if ((h.sign != SIGN_PLUS && h.sign != SIGN_MINUS) || has_bad_digit(&h))
		return PG_MALFORMED;
	parse = cx_decimal_of_base10000(h.sign == SIGN_MINUS, h.weight, h.digits, h.count, d->precision,
									d->scale, cell->fixed.bytes);
	return fault_of(parse);
}

static pg_fault read_double(const cx_pg_decoder *d, const char *bytes, size_t length, pg_cell *cell)
{
	pg_fault fault = PG_FINE;

	if (d->is_binary)
		fault = cx_pg_numeric_text(bytes, length, cell);
	if (fault)
		return fault;
	if (d->is_binary) {
		bytes = cell->bytes;
		length = cell->length;
	}
	fault = fault_of(cx_double_parse(bytes, length, &cell->fixed.float64));
	cell->bytes = cell->fixed.bytes;
	cell->length = 8;
	return fault;
}

pg_fault cx_pg_read_numeric(const cx_pg_decoder *decoder, const char *bytes, size_t length,
							pg_cell *cell)
{
	if (decoder->storage == CX_DECIMAL128)
		return read_decimal(decoder, bytes, length, cell);
	if (decoder->storage == CX_FLOAT64)
		return read_double(decoder, bytes, length, cell);
	return decoder->is_binary ? cx_pg_numeric_text(bytes, length, cell)
							  : plain_text(bytes, length, cell);
}
