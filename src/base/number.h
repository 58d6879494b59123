// SPDX-License-Identifier: Apache-2.0
/* Numbers as text and back, exactly and in every locale. No allocation. The print functions add a
 * NUL and return the length without it. What a SQL type or a format makes of a number does not
 * belong here. */
#ifndef CX_NUMBER_H
#define CX_NUMBER_H

#include <cdbc/base.h>

/* What came of reading a text. */
typedef enum cx_parse {
	CX_PARSE_OK,
	CX_PARSE_BAD,    /* not of the form */
	CX_PARSE_RANGE,  /* of the form, but not to be held exactly */
	CX_PARSE_SPECIAL /* NaN or infinite, where only numbers can be held */
} cx_parse;

/* Room for what any print function below writes, with its NUL. */
#define CX_NUMBER_MAX 32

size_t cx_int64_print(int64_t number, char *out);

/* The shortest digits that read back as the same number, as PostgreSQL prints them: 0.1, 1.5,
 * 1e+20, 100000, NaN, -Infinity. */
size_t cx_double_print(double number, char *out);
size_t cx_float_print(float number, char *out);

/* The nearest number. Also reads NaN and [+-]Infinity or Inf, in any case of letters.
 * CX_PARSE_RANGE: finite in the text, but too large for the type. No white space. */
cx_parse cx_double_parse(const char *text, size_t length, double *out);
cx_parse cx_float_parse(const char *text, size_t length, float *out);

#endif
