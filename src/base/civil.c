// SPDX-License-Identifier: Apache-2.0
/* Dates and times: the arithmetic and the printing. Reading them is in civil_parse.c. */
#include "base/civil.h"

#include "base/column.h"

#include <string.h>

/* After "days_from_civil" by H. Hinnant: years begin in March, so that the leap day is the last. */
int64_t cx_civil_days(cx_civil date)
{
	int64_t year = date.month <= 2 ? date.year - 1 : date.year;
	int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
	int64_t day = (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day - 719468;
}

cx_civil cx_civil_of_days(int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned day = (unsigned)(z - era * 146097);
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned of_year = day - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
	cx_civil date;

	date.day = (int)(of_year - (153 * month + 2) / 5 + 1);
	date.month = (int)(month < 10 ? month + 3 : month - 9);
	date.year = (int64_t)year + era * 400 + (date.month <= 2);
	return date;
}

int cx_civil_month_days(int64_t year, int month)
{
	static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && is_leap);
}

/* ---- printing
 * -----------------------------------------------------------------------------------------------
 */

static char *put_2(char *p, unsigned n)
{
	p[0] = (char)('0' + n / 10);
	p[1] = (char)('0' + n % 10);
	return p + 2;
}

/* The date but for " BC". */
static char *put_date(char *p, cx_civil date)
{
	uint64_t year = (uint64_t)(date.year > 0 ? date.year : 1 - date.year);

	if (year < 10000) {
		p = put_2(p, (unsigned)year / 100);
		p = put_2(p, (unsigned)year % 100);
	} else {
		p += cx_int64_print((int64_t)year, p);
	}
	*p++ = '-';
	p = put_2(p, (unsigned)date.month);
	*p++ = '-';
	return put_2(p, (unsigned)date.day);
}

/* `.789`, trailing zeros left out; nothing for 0. */
static char *put_fraction(char *p, uint32_t fraction, int digits)
{
	char *end = p + 1 + digits;

	if (fraction == 0)
		return p;
	*p = '.';
	for (int i = digits; i > 0; i--, fraction /= 10)
		p[i] = (char)('0' + fraction % 10);
	while (end[-1] == '0')
		end--;
	return end;
}

static char *put_time(char *p, int64_t us)
{
	unsigned seconds = (unsigned)(us / 1000000);

	p = put_2(p, seconds / 3600);
	*p++ = ':';
	p = put_2(p, seconds / 60 % 60);
	*p++ = ':';
	p = put_2(p, seconds % 60);
	return put_fraction(p, (uint32_t)(us % 1000000), 6);
}

static size_t finish(char *end, bool is_bc, char *out)
{
	if (is_bc) {
		memcpy(end, " BC", 3);
		end += 3;
	}
	*end = '\0';
	return (size_t)(end - out);
}

static char *put_word(char *p, const char *word)
{
	size_t length = strlen(word);

	memcpy(p, word, length);
	return p + length;
}

static size_t put_infinity(bool is_negative, char *out)
{
	return finish(put_word(out, is_negative ? "-infinity" : "infinity"), false, out);
}

size_t cx_date_print(int32_t days, char *out)
{
	cx_civil date;

	if (days == CX_DATE_INFINITY || days == CX_DATE_NEG_INFINITY)
		return put_infinity(days < 0, out);
	date = cx_civil_of_days(days);
	return finish(put_date(out, date), date.year <= 0, out);
}

size_t cx_time_print(int64_t us, char *out)
{
	return finish(put_time(out, us), false, out);
}

size_t cx_timestamp_print(int64_t us, bool is_utc, bool is_iso, char *out)
{
	int64_t days, rest;
	cx_civil date;
	char *p;

	if (us == CX_TIMESTAMP_INFINITY || us == CX_TIMESTAMP_NEG_INFINITY)
		return put_infinity(us < 0, out);
	days = us / CX_DAY_US;
	rest = us % CX_DAY_US;
	if (rest < 0) {
		rest += CX_DAY_US;
		days--;
	}
	date = cx_civil_of_days(days);
	p = put_date(out, date);
	*p++ = is_iso ? 'T' : ' ';
	p = put_time(p, rest);
	if (is_utc && is_iso) {
		*p++ = 'Z';
	} else if (is_utc) {
		memcpy(p, "+00", 3);
		p += 3;
	}
	return finish(p, date.year <= 0, out);
}

/* ---- intervals
 * ---------------------------------------------------------------------------------------------- */

/* An interval's time, with one sign for all of it. */
typedef struct clock_parts {
	uint64_t hours;
	unsigned minutes;
	unsigned seconds;
	uint32_t ns;
	bool is_negative;
} clock_parts;

static clock_parts split_ns(int64_t ns)
{
	uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, seconds = n / 1000000000;

	return (clock_parts){.hours = seconds / 3600,
						 .minutes = (unsigned)(seconds / 60 % 60),
						 .seconds = (unsigned)(seconds % 60),
						 .ns = (uint32_t)(n % 1000000000),
						 .is_negative = ns < 0};
}

static char *put_iso_part(char *p, int64_t number, char unit)
{
	if (number == 0)
		return p;
	p += cx_int64_print(number, p);
	*p++ = unit;
	return p;
}

size_t cx_interval_print_iso(int32_t months, int32_t days, int64_t ns, char *out)
{
	clock_parts t = split_ns(ns);
	int sign = t.is_negative ? -1 : 1;
	char *p = out;

	if (months == 0 && days == 0 && ns == 0)
		return finish(put_word(p, "PT0S"), false, out);
	*p++ = 'P';
	p = put_iso_part(p, months / 12, 'Y');
	p = put_iso_part(p, months % 12, 'M');
	p = put_iso_part(p, days, 'D');
	if (ns)
		*p++ = 'T';
	p = put_iso_part(p, sign * (int64_t)t.hours, 'H');
	p = put_iso_part(p, sign * (int64_t)t.minutes, 'M');
	if (t.seconds || t.ns) {
		if (t.is_negative)
			*p++ = '-';
		p += cx_int64_print(t.seconds, p);
		p = put_fraction(p, t.ns, 9);
		*p++ = 'S';
	}
	return finish(p, false, out);
}

/* `-1 years`: a part that follows a negative one says that it is positive. */
static char *put_word_part(char *p, const char *out, int32_t number, const char *unit,
						   bool *is_after_negative)
{
	if (number == 0)
		return p;
	if (p != out)
		*p++ = ' ';
	if (*is_after_negative && number > 0)
		*p++ = '+';
	p += cx_int64_print(number, p);
	*p++ = ' ';
	p = put_word(p, unit);
	if (number != 1)
		*p++ = 's';
	*is_after_negative = number < 0;
	return p;
}

size_t cx_interval_print_pg(int32_t months, int32_t days, int64_t ns, char *out)
{
	clock_parts t = split_ns(ns);
	bool is_after_negative = false;
	char *p = out;

	p = put_word_part(p, out, months / 12, "year", &is_after_negative);
	p = put_word_part(p, out, months % 12, "mon", &is_after_negative);
	p = put_word_part(p, out, days, "day", &is_after_negative);
	if (p == out || ns) {
		if (p != out)
			*p++ = ' ';
		if (t.is_negative || is_after_negative)
			*p++ = t.is_negative ? '-' : '+';
		if (t.hours < 10)
			*p++ = '0';
		p += cx_int64_print((int64_t)t.hours, p);
		*p++ = ':';
		p = put_2(p, t.minutes);
		*p++ = ':';
		p = put_2(p, t.seconds);
		p = put_fraction(p, t.ns, 9);
	}
	return finish(p, false, out);
}

size_t cx_uuid_print(const void *bytes16, char *out)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *bytes = bytes16;
	char *p = out;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[bytes[i] >> 4];
		*p++ = hex[bytes[i] & 15];
	}
	return finish(p, false, out);
}
