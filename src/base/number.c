// SPDX-License-Identifier: Apache-2.0
/* Printing is Schubfach (R. Giulietti, "The Schubfach way to render doubles"): the shortest digits
 * from one table look-up and three multiplications, without the ends of the rounding interval, as
 * PostgreSQL does. Reading is exact by doubles alone for what people write (Clinger's fast path),
 * and strtod for the rest. */
#include "base/number.h"

#include "base/pow10.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

__extension__ typedef unsigned __int128 uint128;

typedef struct digits {
	uint64_t digits;
	int exponent; /* the number is digits * 10^exponent */
} digits;

static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334"
							"3536373839404142434445464748"
							"4950515253545556575859606162636465666768697071727374757677787980818283"
							"848586878889909192939495969798"
							"99";

/* Writes a number's digits so that they end before end; returns where they begin. */
static char *digits_before(char *end, uint64_t n)
{
	while (n >= 100) {
		end -= 2;
		memcpy(end, pairs + n % 100 * 2, 2);
		n /= 100;
	}
	if (n >= 10) {
		end -= 2;
		memcpy(end, pairs + n * 2, 2);
	} else {
		*--end = (char)('0' + n);
	}
	return end;
}

size_t cx_int64_print(int64_t number, char *out)
{
	char text[24], *end = text + sizeof text, *p;
	size_t length;

	p = digits_before(end, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
	if (number < 0)
		*--p = '-';
	length = (size_t)(end - p);
	memcpy(out, p, length);
	out[length] = '\0';
	return length;
}

/* ---- shortest digits
 * ---------------------------------------------------------------------------------------- */

static int floor_log10_pow2(int q, bool lower_is_closer)
{
	return (q * 1262611 - (lower_is_closer ? 524031 : 0)) >> 22;
}

static int floor_log2_pow10(int k)
{
	return (k * 1741647) >> 19;
}

/* The product's upper bits; the lowest is set when anything below is lost. */
static uint64_t round_to_odd(const uint64_t g[2], uint64_t n)
{
	uint128 low = (uint128)g[1] * n, high = (uint128)g[0] * n;

	high += (uint64_t)(low >> 64);
	return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static uint32_t round_to_odd32(uint64_t g, uint32_t n)
{
	uint128 p = (uint128)g * n;

	return (uint32_t)(p >> 64) | ((uint32_t)(p >> 32) > 1);
}

/* Chooses between the two neighbours of one digit less, then of all digits. vb is four times the
 * number, vbl and vbr the ends of what rounds to it, all times 10^-k. */
static digits choose(uint64_t vbl, uint64_t vb, uint64_t vbr, int k)
{
	uint64_t lower = vbl + 1, upper = vbr - 1, s = vb / 4, mid = 4 * s + 2;
	bool under, over;

	if (s >= 10) {
		uint64_t sp = s / 10;

		under = lower <= 40 * sp;
		over = 40 * sp + 40 <= upper;
		if (under != over)
			return (digits){sp + over, k + 1};
	}
	under = lower <= 4 * s;
	over = 4 * s + 4 <= upper;
	if (under != over)
		return (digits){s + over, k};
	return (digits){s + (vb > mid || (vb == mid && (s & 1))), k};
}

static digits shortest_double(uint64_t fraction, int biased)
{
	bool lower_is_closer = fraction == 0 && biased > 1;
	uint64_t c = biased ? fraction | UINT64_C(1) << 52 : fraction;
	int q = (biased ? biased : 1) - 1075, k, h;
	const uint64_t *g;

	if (q <= 0 && q > -53 && (c & ((UINT64_C(1) << -q) - 1)) == 0)
		return (digits){c >> -q, 0};
	k = floor_log10_pow2(q, lower_is_closer);
	h = q + floor_log2_pow10(-k) + 1;
	g = pow10_bits[-k - POW10_MIN];
	return choose(round_to_odd(g, (4 * c - 2 + lower_is_closer) << h),
				  round_to_odd(g, (4 * c) << h), round_to_odd(g, (4 * c + 2) << h), k);
}

static digits shortest_float(uint32_t fraction, int biased)
{
	bool lower_is_closer = fraction == 0 && biased > 1;
	uint32_t c = biased ? fraction | UINT32_C(1) << 23 : fraction;
	int q = (biased ? biased : 1) - 150, k, h;
	uint64_t g;

	if (q <= 0 && q > -24 && (c & ((UINT32_C(1) << -q) - 1)) == 0)
		return (digits){c >> -q, 0};
	k = floor_log10_pow2(q, lower_is_closer);
	h = q + floor_log2_pow10(-k) + 1;
	g = pow10_bits[-k - POW10_MIN][0] + (pow10_bits[-k - POW10_MIN][1] != 0);
	return choose(round_to_odd32(g, (4 * c - 2 + lower_is_closer) << h),
				  round_to_odd32(g, (4 * c) << h), round_to_odd32(g, (4 * c + 2) << h), k);
}

/* ---- layout
 * -------------------------------------------------------------------------------------------------
 */

static char *put_exponent(char *p, int exponent)
{
	unsigned n = (unsigned)(exponent < 0 ? -exponent : exponent);

	*p++ = 'e';
	*p++ = exponent < 0 ? '-' : '+';
	if (n >= 100) {
		*p++ = (char)('0' + n / 100);
		n %= 100;
	}
	memcpy(p, pairs + n * 2, 2);
	return p + 2;
}

/* exponent_max: from here on numbers are written with an exponent. */
static size_t lay_out(bool is_negative, digits d, int exponent_max, char *out)
{
	char text[24], *end = text + sizeof text, *first, *p = out;
	int count, exponent;

	while (d.digits && d.digits % 10 == 0) {
		d.digits /= 10;
		d.exponent++;
	}
	first = digits_before(end, d.digits);
	count = (int)(end - first);
	exponent = d.digits ? d.exponent + count - 1 : 0;
	if (is_negative)
		*p++ = '-';
	if (exponent < -4 || exponent >= exponent_max) {
		*p++ = *first++;
		if (count > 1)
			*p++ = '.';
		memcpy(p, first, (size_t)count - 1);
		p = put_exponent(p + count - 1, exponent);
	} else if (exponent < 0) {
		memcpy(p, "0.0000", 6);
		p += 1 - exponent;
		memcpy(p, first, (size_t)count);
		p += count;
	} else if (count <= exponent + 1) {
		memcpy(p, first, (size_t)count);
		memset(p + count, '0', (size_t)(exponent + 1 - count));
		p += exponent + 1;
	} else {
		memcpy(p, first, (size_t)exponent + 1);
		p += exponent + 1;
		*p++ = '.';
		memcpy(p, first + exponent + 1, (size_t)(count - exponent - 1));
		p += count - exponent - 1;
	}
	*p = '\0';
	return (size_t)(p - out);
}

static size_t print_special(bool is_nan, bool is_negative, char *out)
{
	const char *word = is_nan ? "NaN" : is_negative ? "-Infinity" : "Infinity";
	size_t length = strlen(word);

	memcpy(out, word, length + 1);
	return length;
}

size_t cx_double_print(double number, char *out)
{
	uint64_t bits, fraction;
	int biased;

	memcpy(&bits, &number, sizeof bits);
	fraction = bits & ((UINT64_C(1) << 52) - 1);
	biased = (int)(bits >> 52 & 0x7ff);
	if (biased == 0x7ff)
		return print_special(fraction != 0, bits >> 63, out);
	if (!(bits << 1))
		return lay_out(bits >> 63, (digits){0, 0}, 15, out);
	return lay_out(bits >> 63, shortest_double(fraction, biased), 15, out);
}

size_t cx_float_print(float number, char *out)
{
	uint32_t bits, fraction;
	int biased;

	memcpy(&bits, &number, sizeof bits);
	fraction = bits & ((UINT32_C(1) << 23) - 1);
	biased = (int)(bits >> 23 & 0xff);
	if (biased == 0xff)
		return print_special(fraction != 0, bits >> 31, out);
	if (!(bits << 1))
		return lay_out(bits >> 31, (digits){0, 0}, 6, out);
	return lay_out(bits >> 31, shortest_float(fraction, biased), 6, out);
}

/* ---- reading
 * ------------------------------------------------------------------------------------------------
 */

typedef struct scanned {
	uint64_t digits;
	int count; /* significant digits in it */
	int exponent;
	bool is_negative;
	bool is_exact; /* digits holds all of them */
} scanned;

/* `e-10` */
static bool scan_exponent(const char *text, size_t length, int *out)
{
	size_t i = 1;
	int exponent = 0;
	bool is_negative = false;

	if ((text[0] | 0x20) != 'e' || length < 2)
		return false;
	if (text[i] == '-' || text[i] == '+')
		is_negative = text[i++] == '-';
	if (i == length)
		return false;
	for (; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		if (exponent < 100000000)
			exponent = exponent * 10 + (text[i] - '0');
	}
	*out = is_negative ? -exponent : exponent;
	return true;
}

/* Checks the form `[+-]digits[.digits][e[+-]digits]` and takes the digits. */
static bool scan(const char *text, size_t length, scanned *out)
{
	size_t i = 0;
	int fraction = 0;
	bool has_point = false, seen = false;

	memset(out, 0, sizeof *out);
	out->is_exact = true;
	if (length && (text[0] == '-' || text[0] == '+'))
		out->is_negative = text[i++] == '-';
	for (; i < length; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';

		if (text[i] == '.' && !has_point) {
			has_point = true;
			continue;
		}
		if (digit > 9)
			break;
		seen = true;
		fraction += has_point;
		if (out->count >= 19)
			out->is_exact = false;
		else if (digit || out->count)
			out->count++;
		if (out->is_exact)
			out->digits = out->digits * 10 + digit;
	}
	if (!seen)
		return false;
	if (i < length && !scan_exponent(text + i, length - i, &out->exponent))
		return false;
	out->exponent -= fraction;
	return true;
}

static bool parse_special(const char *text, size_t length, double *out)
{
	bool is_negative = length && text[0] == '-';
	size_t n = length;

	if (length && (text[0] == '-' || text[0] == '+')) {
		text++;
		n--;
	}
	if (n == length && n == 3 && strncasecmp(text, "nan", 3) == 0)
		*out = (double)NAN;
	else if ((n == 8 && strncasecmp(text, "infinity", 8) == 0) ||
			 (n == 3 && strncasecmp(text, "inf", 3) == 0))
		*out = is_negative ? -(double)INFINITY : (double)INFINITY;
	else
		return false;
	return true;
}

/* The C library rounds correctly. It gets digits and an exponent without a point, so that no locale
 * matters; of more than 800 digits the rest only says whether a tie is one. */
#define DIGITS_KEPT 800

static void normalize(const char *text, size_t length, int exponent, char *out)
{
	char *p = out;
	int kept = 0, dropped = 0;
	bool is_sticky = false;

	if (text[0] == '-')
		*p++ = '-';
	for (size_t i = 0; i < length && (text[i] | 0x20) != 'e'; i++) {
		if (text[i] < '0' || text[i] > '9' || (text[i] == '0' && kept == 0))
			continue;
		if (kept < DIGITS_KEPT) {
			*p++ = text[i];
			kept++;
		} else {
			is_sticky |= text[i] != '0';
			dropped++;
		}
	}
	if (kept == 0)
		*p++ = '0';
	if (is_sticky) {
		*p++ = '1';
		dropped--;
	}
	snprintf(p, 24, "e%d", exponent + dropped);
}

cx_parse cx_double_parse(const char *text, size_t length, double *out)
{
	static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
									1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
									1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	char copy[DIGITS_KEPT + 32];
	double number;
	scanned s;

	if (!scan(text, length, &s))
		return parse_special(text, length, out) ? CX_PARSE_OK : CX_PARSE_BAD;
	if (s.is_exact && s.digits <= UINT64_C(1) << 53 && s.exponent >= -22 && s.exponent <= 22) {
		number = (double)s.digits;
		number = s.exponent < 0 ? number / powers[-s.exponent] : number * powers[s.exponent];
		*out = s.is_negative ? -number : number;
		return CX_PARSE_OK;
	}
	normalize(text, length, s.exponent, copy);
	number = strtod(copy, NULL);
	if (isinf(number))
		return CX_PARSE_RANGE;
	*out = number;
	return CX_PARSE_OK;
}

cx_parse cx_float_parse(const char *text, size_t length, float *out)
{
	char copy[DIGITS_KEPT + 32];
	double special;
	float number;
	scanned s;

	if (!scan(text, length, &s)) {
		if (!parse_special(text, length, &special))
			return CX_PARSE_BAD;
		*out = (float)special;
		return CX_PARSE_OK;
	}
	normalize(text, length, s.exponent, copy);
	number = strtof(copy, NULL);
	if (isinf(number))
		return CX_PARSE_RANGE;
	*out = number;
	return CX_PARSE_OK;
}
