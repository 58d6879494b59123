// SPDX-License-Identifier: Apache-2.0
/* The decimals, on the compiler's 128-bit integers. */
#include "base/decimal.h"

#include <string.h>
#include <strings.h>

__extension__ typedef unsigned __int128 uint128;

/* A number's text, taken apart. */
typedef struct numeral {
	const char *whole; /* digits before the point */
	const char *fraction;
	size_t whole_count;
	size_t fraction_count;
	int64_t exponent;
	bool is_negative;
} numeral;

static uint128 power_of_10(int n)
{
	uint128 power = 1;

	while (n-- > 0)
		power *= 10;
	return power;
}

static cx_parse store(bool is_negative, uint128 number, int precision, void *out)
{
	if (number >= power_of_10(precision))
		return CX_PARSE_RANGE;
	if (is_negative)
		number = 0 - number;
	memcpy(out, &number, sizeof number);
	return CX_PARSE_OK;
}

/* ---- from text
 * ---------------------------------------------------------------------------------------------- */

static bool is_special(const char *text, size_t length)
{
	if (length == 3 && strncasecmp(text, "nan", 3) == 0)
		return true;
	if (length && (text[0] == '-' || text[0] == '+')) {
		text++;
		length--;
	}
	return (length == 8 && strncasecmp(text, "infinity", 8) == 0) ||
		   (length == 3 && strncasecmp(text, "inf", 3) == 0);
}

static size_t count_digits(const char *text, size_t length)
{
	size_t n = 0;

	while (n < length && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

static bool take_exponent(const char *text, size_t length, int64_t *out)
{
	size_t i = 0;
	int64_t exponent = 0;
	bool is_negative = false;

	if (length && (text[0] == '-' || text[0] == '+'))
		is_negative = text[i++] == '-';
	if (i == length || count_digits(text + i, length - i) != length - i)
		return false;
	for (; i < length; i++)
		if (exponent < INT64_C(10000000000))
			exponent = exponent * 10 + (text[i] - '0');
	*out = is_negative ? -exponent : exponent;
	return true;
}

static bool take_apart(const char *text, size_t length, numeral *out)
{
	size_t i = 0;

	memset(out, 0, sizeof *out);
	if (length && (text[0] == '-' || text[0] == '+'))
		out->is_negative = text[i++] == '-';
	out->whole = out->fraction = text + i;
	out->whole_count = count_digits(text + i, length - i);
	i += out->whole_count;
	if (i < length && text[i] == '.') {
		out->fraction = text + ++i;
		out->fraction_count = count_digits(text + i, length - i);
		i += out->fraction_count;
	}
	if (out->whole_count + out->fraction_count == 0)
		return false;
	if (i == length)
		return true;
	return (text[i] | 0x20) == 'e' && take_exponent(text + i + 1, length - i - 1, &out->exponent);
}

/* Digit i of all, the point left out. */
static unsigned digit_at(const numeral *n, size_t i)
{
	return (unsigned)((i < n->whole_count ? n->whole[i] : n->fraction[i - n->whole_count]) - '0');
}

cx_parse cx_decimal_parse(const char *text, size_t length, int precision, int scale, void *out)
{
	uint128 number = 0, limit = power_of_10(precision) / 10;
	int64_t shift;
	size_t count, kept;
	numeral n;

	if (!take_apart(text, length, &n))
		return is_special(text, length) ? CX_PARSE_SPECIAL : CX_PARSE_BAD;
	count = n.whole_count + n.fraction_count;
	shift = (int64_t)scale + n.exponent - (int64_t)n.fraction_count;
	kept = shift >= 0 ? count : (uint64_t)-shift >= count ? 0 : count - (size_t)-shift;
	for (size_t i = 0; i < kept; i++) {
		if (number >= limit)
			return CX_PARSE_RANGE;
		number = number * 10 + digit_at(&n, i);
	}
	for (size_t i = kept; i < count; i++)
		if (digit_at(&n, i))
			return CX_PARSE_RANGE;
	for (; shift > 0 && number; shift--) {
		if (number >= limit)
			return CX_PARSE_RANGE;
		number *= 10;
	}
	return store(n.is_negative, number, precision, out);
}

size_t cx_decimal_plain(const char *text, size_t length, char *out, size_t size)
{
	int64_t point, count, first = 0, wholes, zeros, fractions, total;
	numeral n;

	if (!take_apart(text, length, &n))
		return 0;
	count = (int64_t)(n.whole_count + n.fraction_count);
	if (count > CX_DECIMAL_PLAIN_MAX || n.exponent > CX_DECIMAL_PLAIN_MAX ||
		n.exponent < -CX_DECIMAL_PLAIN_MAX)
		return 0;
	point = (int64_t)n.whole_count + n.exponent; /* digits before the point */
	wholes = point > 0 ? point : 1;
	zeros = point < 0 ? -point : 0;
	fractions = count > point ? (point > 0 ? count - point : count) : 0;
	while (first < wholes - 1 && (first >= count || digit_at(&n, (size_t)first) == 0))
		first++;
	total = n.is_negative + wholes - first + (fractions ? 1 + zeros + fractions : 0);
	if (total > CX_DECIMAL_PLAIN_MAX)
		return 0;
	if ((size_t)total > size)
		return (size_t)total;
	if (n.is_negative)
		*out++ = '-';
	for (int64_t i = first; i < wholes; i++)
		*out++ = (char)('0' + (point > 0 && i < count ? digit_at(&n, (size_t)i) : 0));
	if (fractions) {
		*out++ = '.';
		memset(out, '0', (size_t)zeros);
		out += zeros;
		for (int64_t i = count - fractions; i < count; i++)
			*out++ = (char)('0' + digit_at(&n, (size_t)i));
	}
	return (size_t)total;
}

/* ---- from base 10000
 * ---------------------------------------------------------------------------------------- */

static unsigned base10000_at(const unsigned char *digits, size_t i)
{
	return (unsigned)digits[2 * i] << 8 | digits[2 * i + 1];
}

cx_parse cx_decimal_of_base10000(bool is_negative, int weight, const void *big_endian, size_t count,
								 int precision, int scale, void *out)
{
	static const unsigned small[] = {1, 10, 100, 1000, 10000};
	const unsigned char *digits = big_endian;
	uint128 number = 0, limit = power_of_10(CX_DECIMAL_PRECISION_MAX);
	int64_t exponent = 4 * (int64_t)weight + scale; /* of the present digit, in our integer */

	for (size_t i = 0; i < count; i++, exponent -= 4) {
		unsigned digit = base10000_at(digits, i), cut;

		if (digit > 9999)
			return CX_PARSE_BAD;
		if (exponent <= -4) {
			if (digit)
				return CX_PARSE_RANGE;
			continue;
		}
		cut = exponent < 0 ? (unsigned)-exponent : 0;
		if (digit % small[cut] || number > limit / small[4 - cut])
			return CX_PARSE_RANGE;
		number = number * small[4 - cut] + digit / small[cut];
	}
	for (exponent += 4; exponent > 0 && number; exponent--) {
		if (number >= limit / 10)
			return CX_PARSE_RANGE;
		number *= 10;
	}
	return store(is_negative, number, precision, out);
}

/* ---- print
 * --------------------------------------------------------------------------------------------------
 */

size_t cx_decimal_print(const void *decimal, int scale, char *out)
{
	char text[CX_DECIMAL_MAX], *end = text + sizeof text, *p = end, *start = out;
	uint128 number;
	uint64_t part;
	bool is_negative;
	size_t count;

	memcpy(&number, decimal, sizeof number);
	is_negative = number >> 127;
	if (is_negative)
		number = 0 - number;
	while (number >> 64) {
		part = (uint64_t)(number % UINT64_C(1000000000000000000));
		number /= UINT64_C(1000000000000000000);
		for (int i = 0; i < 18; i++, part /= 10)
			*--p = (char)('0' + part % 10);
	}
	for (part = (uint64_t)number; part; part /= 10)
		*--p = (char)('0' + part % 10);
	while (end - p <= scale)
		*--p = '0';
	count = (size_t)(end - p);
	if (is_negative)
		*out++ = '-';
	memcpy(out, p, count - (size_t)scale);
	out += count - (size_t)scale;
	if (scale) {
		*out++ = '.';
		memcpy(out, end - scale, (size_t)scale);
		out += scale;
	}
	*out = '\0';
	return (size_t)(out - start);
}
