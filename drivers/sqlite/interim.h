// SPDX-License-Identifier: Apache-2.0
/* Stands in for base/civil.h and base/decimal.h until they are there: whole numbers and reals only. */
#ifndef CX_SQLITE_INTERIM_H
#define CX_SQLITE_INTERIM_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CX_NUMBER_MAX 32
typedef enum cx_parse { CX_PARSE_OK, CX_PARSE_BAD, CX_PARSE_RANGE, CX_PARSE_SPECIAL } cx_parse;

static inline size_t cx_int64_print(int64_t number, char *out)
{
	return (size_t)snprintf(out, CX_NUMBER_MAX, "%" PRId64, number);
}

static inline size_t cx_double_print(double number, char *out)
{
	int n = 0;

	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(out, CX_NUMBER_MAX, "%.*g", digits, number);
		if (strtod(out, NULL) == number)
			break;
	}
	return (size_t)n;
}

#define cx_double_parse(text, length, out)              ((void)(text), *(out) = 0, CX_PARSE_BAD)
#define cx_decimal_parse(text, length, p, s, out)       ((void)(text), (void)(out), CX_PARSE_BAD)
#define cx_decimal_plain(text, length, out, size)       ((size_t)0)
#define cx_date_parse(text, length, out)                (*(out) = 0, CX_PARSE_BAD)
#define cx_time_parse(text, length, out)                (*(out) = 0, CX_PARSE_BAD)
#define cx_timestamp_parse(text, length, out, zone)     (*(out) = 0, *(zone) = false, CX_PARSE_BAD)
#define cx_interval_parse(text, length, m, d, ns)       (*(m) = *(d) = 0, *(ns) = 0, CX_PARSE_BAD)
#define cx_uuid_parse(text, length, out)                ((void)(out), CX_PARSE_BAD)

#endif
