// SPDX-License-Identifier: Apache-2.0
/* Decimals of up to 38 digits in 16 bytes, as Arrow's decimal128 lays them out: an integer,
 * little-endian two's complement, that stands for integer * 10^-scale. Nothing is ever rounded. No
 * allocation. */
#ifndef CX_DECIMAL_H
#define CX_DECIMAL_H

#include "base/number.h"

#define CX_DECIMAL_PRECISION_MAX 38
/* Room for a printed decimal of scale 0 to 38, with its NUL. */
#define CX_DECIMAL_MAX 48

/* Reads `-12.50`, `1E-10`, `.5`. CX_PARSE_RANGE: more digits than precision, or digits other than 0
 * beyond the scale. CX_PARSE_SPECIAL: NaN, Infinity. out: 16 bytes. */
cx_parse cx_decimal_parse(const char *text, size_t length, int precision, int scale, void *out);

/* From digits to the base 10000, each two bytes, the highest first: the first stands for digit *
 * 10000^weight. */
cx_parse cx_decimal_of_base10000(bool is_negative, int weight, const void *big_endian, size_t count,
								 int precision, int scale, void *out);

/* All digits, the fraction with scale of them. scale 0 to 38. */
size_t cx_decimal_print(const void *decimal, int scale, char *out);

/* Writes a number's text without an exponent, every digit kept: `1.50E-10` gives `0.000000000150`.
 * Returns the length, and writes only when that is at most size; 0: not a number, or over
 * CX_DECIMAL_PLAIN_MAX digits. Adds no NUL. */
#define CX_DECIMAL_PLAIN_MAX 200000
size_t cx_decimal_plain(const char *text, size_t length, char *out, size_t size);

#endif
