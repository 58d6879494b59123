// SPDX-License-Identifier: Apache-2.0
/* Reads one value from either wire format. Every length is checked: what the server sends is not
 * trusted. Rows are in types_row.c, numeric in types_numeric.c, arrays in types_array.c. */
#include "types_internal.h"

#include "base/alloc.h"
#include "base/civil.h"
#include "base/text.h"

#include <stdio.h>

char *cx_pg_cell_room(pg_cell *cell, size_t n)
{
	cx_free(cell->own);
	cell->own = NULL;
	if (n <= sizeof cell->small)
		return cell->small;
	cell->own = cx_alloc(n);
	return cell->own;
}

void cx_pg_cell_free(pg_cell *cell)
{
	cx_free(cell->own);
	cell->own = NULL;
}

static pg_fault give(pg_cell *cell, size_t length)
{
	cell->bytes = cell->fixed.bytes;
	cell->length = length;
	return PG_FINE;
}

static pg_fault fault_of(cx_parse parse)
{
	return parse == CX_PARSE_OK ? PG_FINE : parse == CX_PARSE_BAD ? PG_MALFORMED : PG_RANGE;
}

static pg_fault read_text(const cx_pg_decoder *decoder, const char *bytes, size_t length,
						  pg_cell *cell)
{
	if (decoder->checks_utf8 && cx_utf8_valid_prefix(bytes, length) != length)
		return PG_ENCODING;
	cell->bytes = bytes;
	cell->length = length;
	return PG_FINE;
}

/* ---- binary
 * -------------------------------------------------------------------------------------------------
 */

static pg_fault read_date(const char *bytes, pg_cell *cell)
{
	int32_t days = (int32_t)pg_get32(bytes);

	if (days != INT32_MIN && days != INT32_MAX) {
		if (days >= INT32_MAX - PG_EPOCH_DAYS)
			return PG_RANGE;
		days += PG_EPOCH_DAYS;
	}
	cell->fixed.int32 = days;
	return give(cell, 4);
}

static pg_fault read_time(const char *bytes, pg_cell *cell)
{
	cell->fixed.int64 = (int64_t)pg_get64(bytes);
	return cell->fixed.int64 < 0 || cell->fixed.int64 > CX_DAY_US ? PG_MALFORMED : give(cell, 8);
}

static pg_fault read_timestamp(const char *bytes, pg_cell *cell)
{
	int64_t us = (int64_t)pg_get64(bytes);

	if (us != INT64_MIN && us != INT64_MAX) {
		if (!pg_is_usual_timestamp(us))
			return PG_RANGE;
		us += PG_EPOCH_US;
	}
	cell->fixed.int64 = us;
	return give(cell, 8);
}

static pg_fault put_interval(int32_t months, int32_t days, int64_t ns, pg_cell *cell)
{
	memcpy(cell->fixed.bytes, &months, 4);
	memcpy(cell->fixed.bytes + 4, &days, 4);
	memcpy(cell->fixed.bytes + 8, &ns, 8);
	return give(cell, 16);
}

static pg_fault read_interval(const char *bytes, pg_cell *cell)
{
	int64_t ns;

	if (__builtin_mul_overflow((int64_t)pg_get64(bytes), INT64_C(1000), &ns))
		return PG_RANGE;
	return put_interval((int32_t)pg_get32(bytes + 12), (int32_t)pg_get32(bytes + 8), ns, cell);
}

static pg_fault read_oid(const char *bytes, pg_cell *cell)
{
	cell->bytes = cell->small;
	cell->length = cx_int64_print(pg_get32(bytes), cell->small);
	return PG_FINE;
}

/* "char" holds any byte; 0 is the empty text, and what is not ASCII is written as newer servers do.
 */
static pg_fault read_char(const char *bytes, size_t length, pg_cell *cell)
{
	if (length == 4 && bytes[0] == '\\') {
		cell->bytes = bytes;
		cell->length = 4;
		return PG_FINE;
	}
	if (length > 1)
		return PG_MALFORMED;
	cell->bytes = cell->small;
	cell->length = length && bytes[0] ? 1 : 0;
	cell->small[0] = length ? bytes[0] : '\0';
	if (length && (unsigned char)bytes[0] > 127)
		cell->length =
			(size_t)snprintf(cell->small, sizeof cell->small, "\\%03o", (unsigned char)bytes[0]);
	return PG_FINE;
}

/* Bytes of a binary value; 0: they vary. */
static size_t width_of(pg_kind kind)
{
	switch (kind) {
	case PG_BOOL:
		return 1;
	case PG_INT2:
		return 2;
	case PG_INT4:
	case PG_FLOAT4:
	case PG_DATE:
	case PG_OID:
		return 4;
	case PG_INT8:
	case PG_FLOAT8:
	case PG_TIME:
	case PG_TIMESTAMP:
		return 8;
	case PG_INTERVAL:
	case PG_UUID:
		return 16;
	default:
		return 0;
	}
}

static pg_fault read_fixed(pg_kind kind, const char *bytes, pg_cell *cell)
{
	switch (kind) {
	case PG_BOOL:
		cell->fixed.boolean = bytes[0] != 0;
		return give(cell, 1);
	case PG_INT2:
		cell->fixed.int16 = (int16_t)pg_get16(bytes);
		return give(cell, 2);
	case PG_INT4:
		cell->fixed.int32 = (int32_t)pg_get32(bytes);
		return give(cell, 4);
	case PG_INT8:
		cell->fixed.int64 = (int64_t)pg_get64(bytes);
		return give(cell, 8);
	case PG_FLOAT4:
		cell->fixed.float32 = pg_get_float(bytes);
		return give(cell, 4);
	case PG_FLOAT8:
		cell->fixed.float64 = pg_get_double(bytes);
		return give(cell, 8);
	case PG_DATE:
		return read_date(bytes, cell);
	case PG_TIME:
		return read_time(bytes, cell);
	case PG_TIMESTAMP:
		return read_timestamp(bytes, cell);
	case PG_INTERVAL:
		return read_interval(bytes, cell);
	case PG_OID:
		return read_oid(bytes, cell);
	default: /* PG_UUID */
		cell->bytes = bytes;
		cell->length = 16;
		return PG_FINE;
	}
}

static pg_fault read_binary(const cx_pg_decoder *decoder, const char *bytes, size_t length,
							pg_cell *cell)
{
	size_t width = width_of(decoder->kind);

	if (width)
		return length == width ? read_fixed(decoder->kind, bytes, cell) : PG_MALFORMED;
	switch ((pg_kind)decoder->kind) {
	case PG_TEXT:
		return read_text(decoder, bytes, length, cell);
	case PG_JSONB:
		if (length < 1 || bytes[0] != 1)
			return PG_MALFORMED;
		return read_text(decoder, bytes + 1, length - 1, cell);
	case PG_BYTEA:
		cell->bytes = bytes;
		cell->length = length;
		return PG_FINE;
	case PG_CHAR:
		return read_char(bytes, length, cell);
	case PG_NUMERIC:
		return cx_pg_read_numeric(decoder, bytes, length, cell);
	default:
		return PG_MALFORMED;
	}
}

/* ---- text
 * ---------------------------------------------------------------------------------------------------
 */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
		   : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
													: -1;
}

/* bytea_output = escape: `\\` and `\000`. */
static pg_fault unescape(const char *bytes, size_t length, char *out, size_t *written)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\\') {
			out[n++] = bytes[i];
		} else if (length - i >= 2 && bytes[i + 1] == '\\') {
			out[n++] = '\\';
			i++;
		} else {
			int value = 0;

			if (length - i < 4)
				return PG_MALFORMED;
			for (int k = 0; k < 3; k++) {
				char c = bytes[++i];

				if (c < '0' || c > '7')
					return PG_MALFORMED;
				value = value * 8 + (c - '0');
			}
			if (value > 255)
				return PG_MALFORMED;
			out[n++] = (char)value;
		}
	}
	*written = n;
	return PG_FINE;
}

static pg_fault read_bytea_text(const char *bytes, size_t length, pg_cell *cell)
{
	bool is_hex = length >= 2 && bytes[0] == '\\' && bytes[1] == 'x';
	char *out = cx_pg_cell_room(cell, is_hex ? length / 2 : length);

	if (!out)
		return PG_NOMEM;
	cell->bytes = out;
	if (!is_hex)
		return unescape(bytes, length, out, &cell->length);
	if (length % 2)
		return PG_MALFORMED;
	for (size_t i = 2; i < length; i += 2) {
		int high = hex_digit(bytes[i]), low = hex_digit(bytes[i + 1]);

		if (high < 0 || low < 0)
			return PG_MALFORMED;
		*out++ = (char)(high << 4 | low);
	}
	cell->length = length / 2 - 1;
	return PG_FINE;
}

static pg_fault read_integer_text(pg_kind kind, const char *bytes, size_t length, pg_cell *cell)
{
	int64_t n;

	if (!cx_text_int64(bytes, length, INT64_MIN, INT64_MAX, &n))
		return PG_MALFORMED;
	if (kind == PG_INT2) {
		cell->fixed.int16 = (int16_t)n;
		return cell->fixed.int16 == n ? give(cell, 2) : PG_MALFORMED;
	}
	if (kind == PG_INT4) {
		cell->fixed.int32 = (int32_t)n;
		return cell->fixed.int32 == n ? give(cell, 4) : PG_MALFORMED;
	}
	cell->fixed.int64 = n;
	return give(cell, 8);
}

static pg_fault read_interval_text(const char *bytes, size_t length, pg_cell *cell)
{
	int32_t months = 0, days = 0;
	int64_t ns = 0;
	cx_parse parse = cx_interval_parse(bytes, length, &months, &days, &ns);

	return parse ? fault_of(parse) : put_interval(months, days, ns, cell);
}

static pg_fault read_fixed_text(pg_kind kind, const char *bytes, size_t length, pg_cell *cell)
{
	cx_parse parse;

	switch (kind) {
	case PG_FLOAT4:
		parse = cx_float_parse(bytes, length, &cell->fixed.float32);
		break;
	case PG_FLOAT8:
		parse = cx_double_parse(bytes, length, &cell->fixed.float64);
		break;
	case PG_DATE:
		parse = cx_date_parse(bytes, length, &cell->fixed.int32);
		break;
	case PG_TIME:
		parse = cx_time_parse(bytes, length, &cell->fixed.int64);
		break;
	case PG_TIMESTAMP:
		parse = cx_timestamp_parse(bytes, length, &cell->fixed.int64, NULL);
		break;
	default: /* PG_UUID */
		parse = cx_uuid_parse(bytes, length, cell->fixed.bytes);
		break;
	}
	return parse ? fault_of(parse) : give(cell, width_of(kind));
}

pg_fault cx_pg_read(const cx_pg_decoder *decoder, const char *bytes, size_t length, pg_cell *cell)
{
	if (decoder->is_binary)
		return read_binary(decoder, bytes, length, cell);
	switch ((pg_kind)decoder->kind) {
	case PG_BOOL:
		cell->fixed.boolean = length == 1 && bytes[0] == 't';
		return length == 1 && (bytes[0] == 't' || bytes[0] == 'f') ? give(cell, 1) : PG_MALFORMED;
	case PG_INT2:
	case PG_INT4:
	case PG_INT8:
		return read_integer_text(decoder->kind, bytes, length, cell);
	case PG_NUMERIC:
		return cx_pg_read_numeric(decoder, bytes, length, cell);
	case PG_BYTEA:
		return read_bytea_text(bytes, length, cell);
	case PG_INTERVAL:
		return read_interval_text(bytes, length, cell);
	case PG_FLOAT4:
	case PG_FLOAT8:
	case PG_DATE:
	case PG_TIME:
	case PG_TIMESTAMP:
	case PG_UUID:
		return read_fixed_text(decoder->kind, bytes, length, cell);
	case PG_CHAR:
		return read_char(bytes, length, cell);
	default: /* PG_TEXT, PG_JSONB, PG_OID, PG_OTHER */
		return read_text(decoder, bytes, length, cell);
	}
}
