// SPDX-License-Identifier: Apache-2.0
/* A declared parameter's checks on a value, and the binding of a named query: given values,
 * defaults, absent optional ones. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "data/sql/check.h"
#include "data/sql/keyword.h"
#include "service/catalog/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES 40
#define MATCH_FEW   256

cx_param_rule *cx_section_rule(cx_section *section, const char *name, size_t length)
{
	for (cx_param_rule *rule = section->record->rules; rule; rule = rule->next)
		if (strlen(rule->info.name) == length && !memcmp(rule->info.name, name, length))
			return rule;
	return NULL;
}

cx_param_rule *cx_section_add_rule(cx_sqlfiles *loader, cx_section *section, const char *name,
								   size_t length, cx_place place)
{
	cx_param_rule *rule = cx_arena_calloc(loader->arena, 1, sizeof *rule);

	if (!rule)
		return NULL;
	rule->info.name = cx_arena_strndup(loader->arena, name, length);
	if (!rule->info.name)
		return NULL;
	rule->info.type_name = "";
	rule->info.help = "";
	rule->info.checks = "";
	rule->info.type = (cdbc_type){CDBC_TYPE_UNKNOWN, false, -1, -1};
	rule->place = place;
	rule->length_min = rule->length_max = -1;
	if (section->last_rule)
		section->last_rule->next = rule;
	else
		section->record->rules = rule;
	section->last_rule = rule;
	section->rule_count++;
	return rule;
}

void cx_rule_fini(cx_param_rule *rule)
{
	if (rule->match)
		regfree(rule->match);
	rule->match = NULL;
}

/* ---- Numbers and moments
 * -------------------------------------------------------------------------------- */

/* A plain decimal number taken apart; false with an exponent, NaN, Infinity. */
typedef struct decimal {
	bool is_negative;
	const char *whole;
	size_t whole_length; /* without leading zeros */
	const char *fraction;
	size_t fraction_length; /* without trailing zeros */
} decimal;

static bool take_apart(const char *text, size_t length, decimal *out)
{
	size_t i = length && (text[0] == '-' || text[0] == '+'), begin;

	memset(out, 0, sizeof *out);
	out->is_negative = i && text[0] == '-';
	while (i < length && text[i] == '0')
		i++;
	for (begin = i; i < length && text[i] >= '0' && text[i] <= '9'; i++)
		;
	out->whole = text + begin;
	out->whole_length = i - begin;
	if (i < length && text[i] == '.') {
		for (begin = ++i; i < length && text[i] >= '0' && text[i] <= '9'; i++)
			;
		out->fraction = text + begin;
		out->fraction_length = i - begin;
		while (out->fraction_length && out->fraction[out->fraction_length - 1] == '0')
			out->fraction_length--;
	}
	if (out->whole_length + out->fraction_length == 0)
		out->is_negative = false;
	return i == length;
}

static int compare_decimal(const decimal *a, const decimal *b)
{
	int sign = a->is_negative ? -1 : 1, difference;
	size_t common =
		a->fraction_length < b->fraction_length ? a->fraction_length : b->fraction_length;

	if (a->is_negative != b->is_negative)
		return sign;
	if (a->whole_length != b->whole_length)
		return a->whole_length < b->whole_length ? -sign : sign;
	difference = a->whole_length ? memcmp(a->whole, b->whole, a->whole_length) : 0;
	if (!difference && common)
		difference = memcmp(a->fraction, b->fraction, common);
	if (!difference)
		difference =
			a->fraction_length < b->fraction_length ? -1 : a->fraction_length > b->fraction_length;
	return difference < 0 ? -sign : difference > 0 ? sign : 0;
}

void cx_limit_read(const char *text, cx_limit *out)
{
	out->is_set = true;
	out->text = text;
	out->is_int64 = cx_text_int64(text, strlen(text), INT64_MIN, INT64_MAX, &out->int64);
	cx_double_parse(text, strlen(text), &out->number);
}

void cx_limit_moment(cdbc_type_id id, cdbc_text value, const char *text, cx_limit *out)
{
	*out = (cx_limit){.is_set = true, .is_int64 = true, .moment = id, .text = text};
	out->int64 = cx_moment_of(id, value);
}

bool cx_type_is_number(cdbc_type_id id)
{
	return id >= CDBC_TYPE_INT2 && id <= CDBC_TYPE_NUMERIC;
}

/* Below, at or above a limit; false for what cannot be compared (NaN). */
static bool compare(const cdbc_value *value, const cx_limit *limit, int *out)
{
	char digits[24];
	cdbc_text text = value->as.text;
	decimal a, b;
	double number = value->as.float64;

	if (limit->moment) {
		int64_t moment = value->kind == CDBC_VALUE_TEXT ? cx_moment_of(limit->moment, text) : 0;

		*out = moment < limit->int64 ? -1 : moment > limit->int64;
		return value->kind == CDBC_VALUE_TEXT;
	}
	if (value->kind == CDBC_VALUE_INT64 && limit->is_int64) {
		*out = value->as.int64 < limit->int64 ? -1 : value->as.int64 > limit->int64;
		return true;
	}
	if (value->kind != CDBC_VALUE_DOUBLE) {
		if (value->kind == CDBC_VALUE_INT64)
			text = (cdbc_text){digits, (size_t)snprintf(digits, sizeof digits, "%lld",
														(long long)value->as.int64)};
		if (take_apart(text.data, text.length, &a) &&
			take_apart(limit->text, strlen(limit->text), &b)) {
			*out = compare_decimal(&a, &b);
			return true;
		}
		if (cx_double_parse(text.data, text.length, &number) == CX_PARSE_BAD)
			return false;
	}
	*out = number < limit->number ? -1 : number > limit->number;
	return !isnan(number);
}

/* ---- Checks --------------------------------------------------------------------------------- */

static cdbc_status refuse(const cx_param_rule *rule, const cdbc_value *value, cdbc_error **err,
						  const char *what, const char *limit)
{
	char shown[SHOWN_BYTES + 8];
	size_t n = value->as.text.length < SHOWN_BYTES ? value->as.text.length : SHOWN_BYTES;

	switch (value->kind) {
	case CDBC_VALUE_INT64:
		snprintf(shown, sizeof shown, "%lld", (long long)value->as.int64);
		break;
	case CDBC_VALUE_DOUBLE:
		snprintf(shown, sizeof shown, "%.17g", value->as.float64);
		break;
	case CDBC_VALUE_BOOL:
		snprintf(shown, sizeof shown, "%s", value->as.boolean ? "true" : "false");
		break;
	case CDBC_VALUE_TEXT:
		while (n && n < value->as.text.length &&
			   ((unsigned char)value->as.text.data[n] & 0xc0) == 0x80)
			n--;
		snprintf(shown, sizeof shown, "\"%.*s%s\"", (int)n, value->as.text.data,
				 n < value->as.text.length ? "..." : "");
		break;
	default:
		snprintf(shown, sizeof shown, "the value");
		break;
	}
	return cx_error_set(err, CDBC_PARAM, "parameter \"%s\": %s %s %s", rule->info.name, shown, what,
						limit);
}

bool cx_choice_is(const cx_choice *choice, const cdbc_value *value)
{
	int order;

	if (choice->number.is_set)
		return (value->kind == CDBC_VALUE_INT64 || value->kind == CDBC_VALUE_DOUBLE ||
				value->kind == CDBC_VALUE_TEXT) &&
			   compare(value, &choice->number, &order) && order == 0;
	if (choice->value.kind != value->kind)
		return false;
	if (value->kind == CDBC_VALUE_BOOL)
		return choice->value.as.boolean == value->as.boolean;
	return value->kind == CDBC_VALUE_TEXT &&
		   choice->value.as.text.length == value->as.text.length &&
		   !memcmp(choice->value.as.text.data, value->as.text.data, value->as.text.length);
}

static bool is_choice(const cx_param_rule *rule, const cdbc_value *value)
{
	for (size_t i = 0; i < rule->choice_count; i++)
		if (cx_choice_is(&rule->choices[i], value))
			return true;
	return false;
}

/* Characters of a text, bytes of a bytes value (or of its \x text). */
static int64_t length_of(const cx_param_rule *rule, const cdbc_value *value)
{
	int64_t n = 0;

	if (value->kind == CDBC_VALUE_BYTES)
		return (int64_t)value->as.text.length;
	if (rule->info.type.id == CDBC_TYPE_BYTES)
		return (int64_t)(value->as.text.length - 2) / 2;
	for (size_t i = 0; i < value->as.text.length; i++)
		n += ((unsigned char)value->as.text.data[i] & 0xc0) != 0x80;
	return n;
}

/* The text is copied, though REG_STARTEND would do without: the sanitisers of applications read on
 * to a byte that ends it. */
static cdbc_status check_match(const cx_param_rule *rule, const cdbc_value *value, cdbc_error **err)
{
	cdbc_text text = value->as.text;
	char few[MATCH_FEW], *many = NULL;
	bool is_match;

	if (text.length >= sizeof few) {
		many = cx_alloc(text.length + 1);
		if (!many)
			return cx_error_nomem(err);
	}
	memcpy(many ? many : few, text.data, text.length);
	(many ? many : few)[text.length] = '\0';
	is_match = regexec(rule->match, many ? many : few, 0, NULL, 0) == 0;
	cx_free(many);
	return is_match ? CDBC_OK : refuse(rule, value, err, "does not match", rule->match_text);
}

static cdbc_status check_one(const cx_param_rule *rule, const cdbc_value *value, cdbc_error **err)
{
	bool is_text = value->kind == CDBC_VALUE_TEXT || value->kind == CDBC_VALUE_BYTES;
	char limit[64];
	int order;

	if (value->kind == CDBC_VALUE_NULL)
		return CDBC_OK;
	if (rule->choices && !is_choice(rule, value))
		return refuse(rule, value, err, "is not", rule->choices_text);
	if (rule->min.is_set && (!compare(value, &rule->min, &order) || order < 0))
		return refuse(rule, value, err, "is less than", rule->min.text);
	if (rule->max.is_set && (!compare(value, &rule->max, &order) || order > 0))
		return refuse(rule, value, err, "is more than", rule->max.text);
	if (rule->length_min >= 0 && is_text &&
		(length_of(rule, value) < rule->length_min || length_of(rule, value) > rule->length_max)) {
		snprintf(limit, sizeof limit, rule->length_max == INT64_MAX ? "%lld.." : "%lld..%lld",
				 (long long)rule->length_min, (long long)rule->length_max);
		return refuse(rule, value, err, "has not the length", limit);
	}
	if (rule->match && value->kind == CDBC_VALUE_TEXT)
		return check_match(rule, value, err);
	return CDBC_OK;
}

/* ---- Arrays: each element ------------------------------------------------------------------- */

static cdbc_status check_element(const cx_param_rule *rule, const char *text, size_t length,
								 cdbc_error **err)
{
	cdbc_value value = cdbc_text_n(text, length);
	cdbc_type type = rule->info.type;
	cdbc_status status;

	type.is_array = false;
	status = cx_value_check(rule->info.name, type, &value, &value, err);
	return status ? status : check_one(rule, &value, err);
}

/* '{1, "a b", NULL}', whose syntax is known to be right. */
static cdbc_status check_literal(const cx_param_rule *rule, cdbc_text text, cdbc_error **err)
{
	char *element = cx_alloc(text.length + 1);
	cdbc_status status = CDBC_OK;
	size_t i = 1;

	if (!element)
		return cx_error_nomem(err);
	while (i + 1 < text.length && !status) {
		bool is_quoted = false, is_open = false;
		size_t n = 0, kept = 0; /* kept: without the blanks at its end */

		for (; i + 1 < text.length && (is_open || text.data[i] != ','); i++) {
			if (text.data[i] == '"') {
				is_quoted = true;
				is_open = !is_open;
				continue;
			}
			if (!is_open && text.data[i] == ' ' && (is_quoted || n == 0))
				continue;
			i += text.data[i] == '\\';
			element[n++] = text.data[i];
			if (is_open || text.data[i] != ' ')
				kept = n;
		}
		i++;
		if (is_quoted || (kept && !cx_word_is(element, kept, "null")))
			status = check_element(rule, element, kept, err);
	}
	cx_free(element);
	return status;
}

cdbc_status cx_rule_check(const cx_param_rule *rule, const cdbc_value *value, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	if (!rule->info.type.is_array)
		return check_one(rule, value, err);
	if (value->kind == CDBC_VALUE_TEXT)
		return check_literal(rule, value->as.text, err);
	if (value->kind == CDBC_VALUE_ARRAY)
		for (size_t i = 0; i < value->as.array.count && !status; i++) {
			const cdbc_value *item = &value->as.array.items[i];

			status = item->kind == CDBC_VALUE_TEXT
						 ? check_element(rule, item->as.text.data, item->as.text.length, err)
						 : check_one(rule, item, err);
		}
	return status;
}
