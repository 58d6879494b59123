// SPDX-License-Identifier: Apache-2.0
/* Reading and printing of one value of each type. No layers, no files, no keys. */
#include "infra/config/option.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct unit {
	const char *name;
	int64_t factor;
} unit;

/* Largest first: printing takes the first that divides. */
static const unit durations[] = {{"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};
static const unit sizes[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
#define UNIT_COUNT 4

static bool wrong(cx_option_problem *problem, const char *hint, const char *format, ...)
	CDBC_PRINTF(3, 4);
static bool wrong(cx_option_problem *problem, const char *hint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem->text, sizeof problem->text, format, args);
	va_end(args);
	snprintf(problem->hint, sizeof problem->hint, "%s", hint);
	return false;
}

static const char *print_unit(const unit *units, int64_t number, char *buffer)
{
	size_t i = 0;

	while (i < UNIT_COUNT - 1 && (number == 0 || number % units[i].factor != 0))
		i++;
	snprintf(buffer, CX_OPTION_PRINT_MAX, "%lld%s", (long long)(number / units[i].factor),
			 units[i].name);
	return buffer;
}

static bool check_range(const cx_option *o, const char *text, int64_t number,
						cx_option_problem *problem)
{
	char low[CX_OPTION_PRINT_MAX], high[CX_OPTION_PRINT_MAX];

	if (number >= o->min && number <= o->max)
		return true;
	return wrong(problem, "", "%s is out of range: %s to %s", text, cx_option_print(o, o->min, low),
				 cx_option_print(o, o->max, high));
}

static bool read_int(const cx_option *o, const char *text, int64_t *number,
					 cx_option_problem *problem)
{
	if (!cx_text_int64(text, strlen(text), INT64_MIN, INT64_MAX, number))
		return wrong(problem, "", "\"%s\" is not a whole number", text);
	return check_range(o, text, *number, problem);
}

static bool read_bool(const char *text, int64_t *number, cx_option_problem *problem)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(text, words[i]) == 0) {
			*number = (int64_t)(i % 2);
			return true;
		}
	return wrong(problem, "", "\"%s\" is neither true nor false", text);
}

/* A number and a unit. A bare number is refused, except 0 and in libpq's manner (seconds). */
static bool read_unit(const cx_option *o, const unit *units, const char *text, bool is_libpq,
					  int64_t *number, cx_option_problem *problem)
{
	bool is_duration = units == durations;
	size_t digits = strspn(text, "+-0123456789");
	const char *name = text + digits;
	char hint[128];
	int64_t n;

	if (digits == 0 || !cx_text_int64(text, digits, INT64_MIN, INT64_MAX, &n))
		return wrong(problem,
					 is_duration ? "write it like 500ms, 2s, 5min or 1h"
								 : "write it like 64KiB or 16MiB",
					 "\"%s\" is not a %s", text, is_duration ? "duration" : "size");
	if (!*name && is_libpq && is_duration)
		name = o->flags & CX_OPTION_LIBPQ_MS ? "ms" : "s";
	if (!*name && n == 0)
		name = units[UNIT_COUNT - 1].name;
	for (size_t i = 0; i < UNIT_COUNT; i++)
		if (strcmp(name, units[i].name) == 0) {
			if (__builtin_mul_overflow(n, units[i].factor, number))
				*number = n < 0 ? INT64_MIN : INT64_MAX;
			return check_range(o, text, *number, problem);
		}
	if (is_duration)
		snprintf(hint, sizeof hint, "write %lldms, %llds, %lldmin or %lldh", (long long)n,
				 (long long)n, (long long)n, (long long)n);
	else
		snprintf(hint, sizeof hint, "write %lldB, %lldKiB, %lldMiB or %lldGiB", (long long)n,
				 (long long)n, (long long)n, (long long)n);
	if (*name)
		return wrong(problem, hint, "\"%s\" has an unknown unit", text);
	return wrong(problem, hint, "\"%s\" has no unit", text);
}

static bool read_duration(const cx_option *o, const char *text, bool is_libpq, int64_t *number,
						  cx_option_problem *problem)
{
	cx_option wide = *o;

	if ((o->flags & CX_OPTION_NEVER) && strcasecmp(text, "never") == 0) {
		*number = CX_OPTION_IS_NEVER;
		return true;
	}
	if (o->flags & CX_OPTION_ZERO_NEVER)
		wide.min = wide.min > 0 ? 0 : wide.min;
	if (!read_unit(&wide, durations, text, is_libpq, number, problem))
		return false;
	if (*number == 0 && (o->flags & CX_OPTION_ZERO_NEVER))
		*number = CX_OPTION_IS_NEVER;
	else
		return check_range(o, text, *number, problem);
	return true;
}

/* The choice at index, or the one that equals text; its length in *length. */
static const char *find_choice(const char *choices, const char *text, int64_t *index,
							   size_t *length)
{
	int64_t i = 0;

	for (const char *c = choices; c; i++) {
		size_t n = strcspn(c, "|");

		if (text ? strlen(text) == n && strncasecmp(c, text, n) == 0 : i == *index) {
			*index = i;
			*length = n;
			return c;
		}
		c = c[n] ? c + n + 1 : NULL;
	}
	return NULL;
}

static bool read_choice(const cx_option *o, const char *text, int64_t *number,
						cx_option_problem *problem)
{
	char list[256];
	size_t length, at = 0;

	if (find_choice(o->choices, text, number, &length))
		return true;
	for (const char *c = o->choices; *c && at + 3 < sizeof list; c++) {
		list[at++] = *c == '|' ? ',' : *c;
		if (*c == '|')
			list[at++] = ' ';
	}
	list[at] = '\0';
	return wrong(problem, "", "\"%s\" is not one of %s", text, list);
}

static bool check_text(const cx_option *o, const char *text, cx_option_problem *problem)
{
	size_t length = strlen(text);

	if (cx_utf8_valid_prefix(text, length) != length)
		return wrong(problem, "", "not UTF-8");
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return wrong(problem, "", "it has a control character (%d)", text[i]);
	if (o->type == CX_OPTION_TEXT && o->max > 0 && (int64_t)length > o->max)
		return wrong(problem, "", "longer than %lld bytes", (long long)o->max);
	if (o->type == CX_OPTION_TEXT && (int64_t)length < o->min)
		return wrong(problem, "", "it is empty");
	if (o->type != CX_OPTION_TEXT && o->type != CX_OPTION_SECRET && o->type != CX_OPTION_MAP &&
		length == 0)
		return wrong(problem, "", "it is empty");
	return true;
}

bool cx_option_read(const cx_option *option, const char *text, bool is_libpq, int64_t *number,
					cx_option_problem *problem)
{
	*number = 0;
	problem->hint[0] = '\0';
	if (!check_text(option, text, problem))
		return false;
	switch (option->type) {
	case CX_OPTION_INT:
		return read_int(option, text, number, problem);
	case CX_OPTION_BOOL:
		/* libpq's booleans are 0 and 1 */
		if (is_libpq && (strcmp(text, "0") == 0 || strcmp(text, "1") == 0)) {
			*number = text[0] - '0';
			return true;
		}
		return read_bool(text, number, problem);
	case CX_OPTION_DURATION:
		return read_duration(option, text, is_libpq, number, problem);
	case CX_OPTION_SIZE:
		return read_unit(option, sizes, text, false, number, problem);
	case CX_OPTION_CHOICE:
		return read_choice(option, text, number, problem);
	default:
		return true;
	}
}

const char *cx_option_print(const cx_option *option, int64_t number,
							char buffer[CX_OPTION_PRINT_MAX])
{
	const char *choice;
	size_t length;

	switch (option->type) {
	case CX_OPTION_INT:
		snprintf(buffer, CX_OPTION_PRINT_MAX, "%lld", (long long)number);
		return buffer;
	case CX_OPTION_BOOL:
		return number ? "true" : "false";
	case CX_OPTION_DURATION:
		return number == CX_OPTION_IS_NEVER ? "never" : print_unit(durations, number, buffer);
	case CX_OPTION_SIZE:
		return print_unit(sizes, number, buffer);
	case CX_OPTION_CHOICE:
		choice = find_choice(option->choices, NULL, &number, &length);
		if (!choice)
			return "";
		snprintf(buffer, CX_OPTION_PRINT_MAX, "%.*s", (int)length, choice);
		return buffer;
	default:
		return NULL;
	}
}

const char *cx_option_type_name(const cx_option *option)
{
	static const char *const names[] = {"text", "number", "true or false", "duration",
										"size", "choice", "path",          "map of texts",
										"URL",  "secret", "path"};

	if (option->flags & CX_OPTION_LIST)
		return option->type == CX_OPTION_INT    ? "list of numbers"
			   : option->type == CX_OPTION_PATH ? "list of paths"
												: "list of texts";
	return names[option->type];
}
