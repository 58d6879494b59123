// SPDX-License-Identifier: Apache-2.0
/* Reading dates and times. Strict: what is not of the form is not guessed at. */
#include "base/civil.h"
#include "base/column.h"

#include <string.h>
#include <strings.h>

__extension__ typedef __int128 int128;

/* What is left to read. */
typedef struct cursor {
	const char *at;
	const char *end;
} cursor;

static size_t left(const cursor *c)
{
	return (size_t)(c->end - c->at);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take(cursor *c, char wanted)
{
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static bool next_is(const cursor *c, char wanted)
{
	return c->at < c->end && *c->at == wanted;
}

static bool take_word(cursor *c, const char *word)
{
	size_t n = strlen(word);

	if (left(c) < n || strncasecmp(c->at, word, n) != 0)
		return false;
	c->at += n;
	return true;
}

/* A whole number of min to max digits, and no digit after it. */
static bool take_number(cursor *c, size_t min, size_t max, int64_t *out)
{
	int64_t number = 0;
	size_t n = 0;

	for (; n < max && n < left(c) && is_digit(c->at[n]); n++)
		number = number * 10 + (c->at[n] - '0');
	if (n < min || (n < left(c) && is_digit(c->at[n])))
		return false;
	c->at += n;
	*out = number;
	return true;
}

static bool take_pair(cursor *c, int max, int *out)
{
	int64_t number;

	if (!take_number(c, 2, 2, &number) || number > max)
		return false;
	*out = (int)number;
	return true;
}

/* A fraction's digits after the point, as a number of `digits` digits. */
static cx_parse take_fraction(cursor *c, int digits, int64_t *out)
{
	int64_t number = 0;
	int n = 0;

	for (; c->at < c->end && is_digit(*c->at); c->at++, n++) {
		if (n < digits)
			number = number * 10 + (*c->at - '0');
		else if (*c->at != '0')
			return CX_PARSE_RANGE;
	}
	if (n == 0)
		return CX_PARSE_BAD;
	for (; n < digits; n++)
		number *= 10;
	*out = number;
	return CX_PARSE_OK;
}

/* ---- dates
 * --------------------------------------------------------------------------------------------------
 */

/* `[+-]YYYY-MM-DD` without BC. */
static bool take_date(cursor *c, cx_civil *out, bool *is_signed)
{
	bool is_negative = next_is(c, '-');
	int64_t year;

	*is_signed = is_negative || next_is(c, '+');
	if (*is_signed)
		c->at++;
	if (!take_number(c, 4, 9, &year) || !take(c, '-') || !take_pair(c, 12, &out->month) ||
		!take(c, '-') || !take_pair(c, 31, &out->day))
		return false;
	out->year = is_negative ? -year : year;
	return out->month >= 1 && out->day >= 1;
}

/* Ends a date: ` BC` or nothing, then the day must exist. */
static bool end_date(cursor *c, cx_civil *date, bool is_signed)
{
	if (take_word(c, " BC")) {
		if (is_signed || date->year == 0)
			return false;
		date->year = 1 - date->year;
	} else {
		take_word(c, " AD");
	}
	return c->at == c->end && date->day <= cx_civil_month_days(date->year, date->month);
}

/* -1, 1: an infinity; 0: something else. */
static int infinity_of(const char *text, size_t length)
{
	if (length == 8 && strncasecmp(text, "infinity", 8) == 0)
		return 1;
	return length == 9 && strncasecmp(text, "-infinity", 9) == 0 ? -1 : 0;
}

cx_parse cx_date_parse(const char *text, size_t length, int32_t *days)
{
	cursor c = {text, text + length};
	int infinity = infinity_of(text, length);
	bool is_signed;
	cx_civil date;
	int64_t n;

	if (infinity) {
		*days = infinity > 0 ? CX_DATE_INFINITY : CX_DATE_NEG_INFINITY;
		return CX_PARSE_OK;
	}
	if (!take_date(&c, &date, &is_signed) || !end_date(&c, &date, is_signed))
		return CX_PARSE_BAD;
	n = cx_civil_days(date);
	if (n <= CX_DATE_NEG_INFINITY || n >= CX_DATE_INFINITY)
		return CX_PARSE_RANGE;
	*days = (int32_t)n;
	return CX_PARSE_OK;
}

/* ---- times
 * --------------------------------------------------------------------------------------------------
 */

static cx_parse take_time(cursor *c, int64_t *us)
{
	int hours, minutes, seconds = 0;
	int64_t fraction = 0;
	cx_parse parse;

	if (!take_pair(c, 24, &hours) || !take(c, ':') || !take_pair(c, 59, &minutes))
		return CX_PARSE_BAD;
	if (take(c, ':')) {
		if (!take_pair(c, 59, &seconds))
			return CX_PARSE_BAD;
		if (take(c, '.')) {
			parse = take_fraction(c, 6, &fraction);
			if (parse)
				return parse;
		}
	}
	*us = ((hours * 60 + minutes) * INT64_C(60) + seconds) * 1000000 + fraction;
	return *us > CX_DAY_US ? CX_PARSE_BAD : CX_PARSE_OK;
}

cx_parse cx_time_parse(const char *text, size_t length, int64_t *us)
{
	cursor c = {text, text + length};
	int64_t n;
	cx_parse parse = take_time(&c, &n);

	if (parse)
		return parse;
	if (c.at != c.end)
		return CX_PARSE_BAD;
	*us = n;
	return CX_PARSE_OK;
}

/* `Z`, `+02`, `-03:30`, `+0530`, `+00:19:32`; nothing is no zone. */
static bool take_zone(cursor *c, int64_t *offset_us, bool *has_zone)
{
	int hours, minutes = 0, seconds = 0, sign;

	*offset_us = 0;
	*has_zone = take(c, 'Z') || take(c, 'z');
	if (*has_zone || (!next_is(c, '+') && !next_is(c, '-')))
		return true;
	*has_zone = true;
	sign = *c->at++ == '-' ? -1 : 1;
	if (left(c) < 2 || !is_digit(c->at[0]) || !is_digit(c->at[1]))
		return false;
	hours = (c->at[0] - '0') * 10 + (c->at[1] - '0');
	c->at += 2;
	if ((take(c, ':') || (c->at < c->end && is_digit(*c->at))) && !take_pair(c, 59, &minutes))
		return false;
	if (take(c, ':') && !take_pair(c, 59, &seconds))
		return false;
	*offset_us = sign * ((hours * 60 + minutes) * INT64_C(60) + seconds) * 1000000;
	return true;
}

cx_parse cx_timestamp_parse(const char *text, size_t length, int64_t *us, bool *has_zone)
{
	cursor c = {text, text + length};
	int infinity = infinity_of(text, length);
	int64_t time = 0, offset = 0;
	bool is_signed, zone = false;
	cx_parse parse;
	cx_civil date;
	int128 total;

	if (infinity) {
		*us = infinity > 0 ? CX_TIMESTAMP_INFINITY : CX_TIMESTAMP_NEG_INFINITY;
		goto out;
	}
	if (!take_date(&c, &date, &is_signed))
		return CX_PARSE_BAD;
	if (take(&c, 'T') || (left(&c) > 1 && is_digit(c.at[1]) && take(&c, ' '))) {
		parse = take_time(&c, &time);
		if (parse)
			return parse;
		if (!take_zone(&c, &offset, &zone))
			return CX_PARSE_BAD;
	}
	if (!end_date(&c, &date, is_signed))
		return CX_PARSE_BAD;
	total = (int128)cx_civil_days(date) * CX_DAY_US + time - offset;
	if (total <= CX_TIMESTAMP_NEG_INFINITY || total >= CX_TIMESTAMP_INFINITY)
		return CX_PARSE_RANGE;
	*us = (int64_t)total;
out:
	if (has_zone)
		*has_zone = zone;
	return CX_PARSE_OK;
}

/* ---- intervals
 * ---------------------------------------------------------------------------------------------- */

typedef struct interval {
	int64_t months;
	int64_t days;
	int64_t ns;
} interval;

static bool add(int64_t *sum, int64_t number, int64_t factor)
{
	int64_t product;

	return !__builtin_mul_overflow(number, factor, &product) &&
		   !__builtin_add_overflow(*sum, product, sum);
}

/* `[+-]digits[.digits]`; the fraction in billionths, with the sign. */
static cx_parse take_signed(cursor *c, int64_t *whole, int64_t *fraction, bool *is_negative)
{
	cx_parse parse;

	*fraction = 0;
	*is_negative = next_is(c, '-');
	if (*is_negative || next_is(c, '+'))
		c->at++;
	if (!take_number(c, 1, 18, whole))
		return CX_PARSE_BAD;
	if (take(c, '.')) {
		parse = take_fraction(c, 9, fraction);
		if (parse)
			return parse;
	}
	if (*is_negative) {
		*whole = -*whole;
		*fraction = -*fraction;
	}
	return CX_PARSE_OK;
}

/* `:MM[:SS[.f]]` after the hours. */
static cx_parse take_clock(cursor *c, int64_t hours, bool is_negative, interval *out)
{
	int64_t fraction = 0, rest;
	int minutes, seconds = 0;
	cx_parse parse;

	if (!take(c, ':') || !take_pair(c, 59, &minutes))
		return CX_PARSE_BAD;
	if (take(c, ':')) {
		if (!take_pair(c, 59, &seconds))
			return CX_PARSE_BAD;
		if (take(c, '.')) {
			parse = take_fraction(c, 9, &fraction);
			if (parse)
				return parse;
		}
	}
	rest = (minutes * INT64_C(60) + seconds) * 1000000000 + fraction;
	return add(&out->ns, hours, INT64_C(3600000000000)) &&
				   add(&out->ns, is_negative ? -rest : rest, 1)
			   ? CX_PARSE_OK
			   : CX_PARSE_RANGE;
}

typedef struct unit {
	const char *word;
	int64_t months;
	int64_t days;
	int64_t ns;
} unit;

/* The longer words first. */
static const unit words[] = {
	{"years", 12, 0, 0},
	{"year", 12, 0, 0},
	{"months", 1, 0, 0},
	{"month", 1, 0, 0},
	{"mons", 1, 0, 0},
	{"mon", 1, 0, 0},
	{"weeks", 0, 7, 0},
	{"week", 0, 7, 0},
	{"days", 0, 1, 0},
	{"day", 0, 1, 0},
	{"hours", 0, 0, INT64_C(3600000000000)},
	{"hour", 0, 0, INT64_C(3600000000000)},
	{"minutes", 0, 0, INT64_C(60000000000)},
	{"minute", 0, 0, INT64_C(60000000000)},
	{"mins", 0, 0, INT64_C(60000000000)},
	{"min", 0, 0, INT64_C(60000000000)},
	{"seconds", 0, 0, 1000000000},
	{"second", 0, 0, 1000000000},
	{"secs", 0, 0, 1000000000},
	{"sec", 0, 0, 1000000000},
};

static const unit date_letters[] = {
	{"Y", 12, 0, 0}, {"M", 1, 0, 0}, {"W", 0, 7, 0}, {"D", 0, 1, 0}};
static const unit time_letters[] = {{"H", 0, 0, INT64_C(3600000000000)},
									{"M", 0, 0, INT64_C(60000000000)},
									{"S", 0, 0, 1000000000}};

/* Only seconds may have a fraction. */
static cx_parse take_unit(cursor *c, const unit *units, size_t count, int64_t whole,
						  int64_t fraction, interval *out)
{
	for (size_t i = 0; i < count; i++) {
		const unit *u = &units[i];

		if (!take_word(c, u->word))
			continue;
		if (fraction && u->ns != 1000000000)
			return CX_PARSE_BAD;
		return add(&out->months, whole, u->months) && add(&out->days, whole, u->days) &&
					   add(&out->ns, whole, u->ns) && add(&out->ns, fraction, 1)
				   ? CX_PARSE_OK
				   : CX_PARSE_RANGE;
	}
	return CX_PARSE_BAD;
}

/* After the P. */
static cx_parse take_iso(cursor *c, interval *out)
{
	int64_t whole, fraction;
	bool in_time = false, is_negative;
	cx_parse parse;

	if (c->at == c->end)
		return CX_PARSE_BAD;
	while (c->at < c->end) {
		if (!in_time && take(c, 'T')) {
			in_time = true;
			if (c->at == c->end)
				return CX_PARSE_BAD;
		}
		parse = take_signed(c, &whole, &fraction, &is_negative);
		if (!parse)
			parse = take_unit(c, in_time ? time_letters : date_letters, in_time ? 3 : 4, whole,
							  fraction, out);
		if (parse)
			return parse;
	}
	return CX_PARSE_OK;
}

static cx_parse take_words(cursor *c, interval *out)
{
	int64_t whole, fraction;
	bool is_negative;
	cx_parse parse;

	do {
		parse = take_signed(c, &whole, &fraction, &is_negative);
		if (parse)
			return parse;
		if (next_is(c, ':'))
			parse = fraction ? CX_PARSE_BAD : take_clock(c, whole, is_negative, out);
		else
			parse = take(c, ' ')
						? take_unit(c, words, sizeof words / sizeof *words, whole, fraction, out)
						: CX_PARSE_BAD;
		if (parse)
			return parse;
	} while (take(c, ' '));
	return c->at == c->end ? CX_PARSE_OK : CX_PARSE_BAD;
}

cx_parse cx_interval_parse(const char *text, size_t length, int32_t *months, int32_t *days,
						   int64_t *ns)
{
	cursor c = {text, text + length};
	interval i = {0, 0, 0};
	cx_parse parse;

	if (infinity_of(text, length))
		return CX_PARSE_SPECIAL;
	parse = take(&c, 'P') ? take_iso(&c, &i) : take_words(&c, &i);
	if (parse)
		return parse;
	if (i.months < INT32_MIN || i.months > INT32_MAX || i.days < INT32_MIN || i.days > INT32_MAX)
		return CX_PARSE_RANGE;
	*months = (int32_t)i.months;
	*days = (int32_t)i.days;
	*ns = i.ns;
	return CX_PARSE_OK;
}

/* ---- UUID
 * ---------------------------------------------------------------------------------------------------
 */

static int hex_of(char c)
{
	return is_digit(c)                              ? c - '0'
		   : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
													: -1;
}

cx_parse cx_uuid_parse(const char *text, size_t length, void *out)
{
	unsigned char bytes[16];
	bool has_hyphens;
	size_t n = 0;

	if (length >= 2 && text[0] == '{' && text[length - 1] == '}') {
		text++;
		length -= 2;
	}
	has_hyphens = length == 36;
	if (!has_hyphens && length != 32)
		return CX_PARSE_BAD;
	for (size_t i = 0; i < length; n++) {
		int high, low;

		if (has_hyphens && (n == 4 || n == 6 || n == 8 || n == 10) && text[i++] != '-')
			return CX_PARSE_BAD;
		high = hex_of(text[i]);
		low = hex_of(text[i + 1]);
		if (high < 0 || low < 0)
			return CX_PARSE_BAD;
		bytes[n] = (unsigned char)(high << 4 | low);
		i += 2;
	}
	memcpy(out, bytes, sizeof bytes);
	return CX_PARSE_OK;
}
