// SPDX-License-Identifier: Apache-2.0
/* The calendar: days and microseconds to dates and times and back, in the Gregorian calendar
 * carried on in both directions, and their text. ISO 8601 and PostgreSQL's forms; no time zone but
 * offsets; knows no clock. No allocation. The print functions add a NUL and return the length
 * without it.
 *
 * Dates are days, timestamps microseconds since 1970-01-01; the extremes of their types stand for
 * infinity (base/column.h). */
#ifndef CX_CIVIL_H
#define CX_CIVIL_H

#include "base/number.h"

#define CX_DAY_US INT64_C(86400000000)
/* Room for any printed date, time, timestamp, interval or UUID, with its NUL. */
#define CX_CIVIL_MAX 128

/* year 0 is 1 BC, -1 is 2 BC. */
typedef struct cx_civil {
	int64_t year;
	int month; /* 1 to 12 */
	int day;   /* 1 to 31 */
} cx_civil;

int64_t cx_civil_days(cx_civil date);
cx_civil cx_civil_of_days(int64_t days);
int cx_civil_month_days(int64_t year, int month);

/* `2024-02-29`, `0044-03-15 BC`, `infinity`. */
size_t cx_date_print(int32_t days, char *out);
/* `12:34:56.789`; us 0 to CX_DAY_US, which prints `24:00:00`. */
size_t cx_time_print(int64_t us, char *out);
/* is_iso: `2024-02-29T12:34:56.789012`, and `Z` after it for is_utc; else a space between, and
 * `+00`. ` BC` comes last. */
size_t cx_timestamp_print(int64_t us, bool is_utc, bool is_iso, char *out);
/* `P1Y2M3DT4H5M6.789S`, `PT0S`. */
size_t cx_interval_print_iso(int32_t months, int32_t days, int64_t ns, char *out);
/* `1 year 2 mons 3 days 04:05:06.789`, `00:00:00`. */
size_t cx_interval_print_pg(int32_t months, int32_t days, int64_t ns, char *out);
/* `acde070d-8c4c-4f0d-9d8a-162843c10333`. */
size_t cx_uuid_print(const void *bytes16, char *out);

/* Read what is printed above, and ISO 8601's negative years. No white space around. CX_PARSE_RANGE:
 * the type cannot hold it, as with digits other than 0 beyond microseconds. */
cx_parse cx_date_parse(const char *text, size_t length, int32_t *days);
cx_parse cx_time_parse(const char *text, size_t length, int64_t *us);
/* A date alone is its midnight. An offset is taken off, so *us is in UTC then; *has_zone, which may
 * be NULL, tells. */
cx_parse cx_timestamp_parse(const char *text, size_t length, int64_t *us, bool *has_zone);
/* CX_PARSE_SPECIAL: infinite, as newer servers have them. */
cx_parse cx_interval_parse(const char *text, size_t length, int32_t *months, int32_t *days,
						   int64_t *ns);
/* With or without hyphens, any case, also in braces. out: 16 bytes. */
cx_parse cx_uuid_parse(const char *text, size_t length, void *out);

#endif
