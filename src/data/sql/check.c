// SPDX-License-Identifier: Apache-2.0
/* Values against types: one function a family of types. What only the server can judge (json,
 * interval, its own types) is left to it. */
#include "data/sql/check.h"

#include "base/civil.h"
#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "data/sql/keyword.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES 40

/* A caller's value as a message shows it: shortened, in quotes when it is text. */
static void show(const cdbc_value *value, char *out, size_t size)
{
	size_t n = value->as.text.length < SHOWN_BYTES ? value->as.text.length : SHOWN_BYTES;

	switch (value->kind) {
	case CDBC_VALUE_BOOL:
		snprintf(out, size, "%s", value->as.boolean ? "true" : "false");
		return;
	case CDBC_VALUE_INT64:
		snprintf(out, size, "%lld", (long long)value->as.int64);
		return;
	case CDBC_VALUE_DOUBLE:
		snprintf(out, size, "%.17g", value->as.float64);
		return;
	case CDBC_VALUE_TEXT:
		n = cx_utf8_valid_prefix(value->as.text.data, n);
		snprintf(out, size, "\"%.*s%s\"", (int)n, value->as.text.data,
				 n < value->as.text.length ? "..." : "");
		return;
	case CDBC_VALUE_BYTES:
		snprintf(out, size, "a value of bytes");
		return;
	case CDBC_VALUE_ARRAY:
		snprintf(out, size, "an array");
		return;
	default:
		snprintf(out, size, "null");
	}
}

static cdbc_status fail_type(const char *name, cdbc_type type, const cdbc_value *value,
							 cdbc_error **err)
{
	const char *type_name = cdbc_type_name(type.id);
	char text[SHOWN_BYTES + 16];

	show(value, text, sizeof text);
	return cx_error_set(err, CDBC_PARAM, "parameter \"%s\": %s is not %s %s%s", name, text,
						strchr("aeio", type_name[0]) ? "an" : "a", type_name,
						type.is_array ? "[]" : "");
}

static cdbc_status fail_range(const char *name, cdbc_type type, const cdbc_value *value,
							  cdbc_error **err)
{
	char text[SHOWN_BYTES + 16];

	show(value, text, sizeof text);
	return cx_error_set(err, CDBC_PARAM, "parameter \"%s\": %s is out of range for %s", name, text,
						cdbc_type_name(type.id));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int64_t int_max(cdbc_type_id id)
{
	return id == CDBC_TYPE_INT2 ? INT16_MAX : id == CDBC_TYPE_INT4 ? INT32_MAX : INT64_MAX;
}

/* [+-]digits */
static bool is_integer(const char *text, size_t length)
{
	size_t i = length && (text[0] == '+' || text[0] == '-');

	if (i == length)
		return false;
	for (; i < length; i++)
		if (!is_digit(text[i]))
			return false;
	return true;
}

static cdbc_status check_int(const char *name, cdbc_type type, const cdbc_value *value,
							 cdbc_value *out, cdbc_error **err)
{
	int64_t max = int_max(type.id), number = value->as.int64;

	if (value->kind == CDBC_VALUE_TEXT) {
		const char *text = value->as.text.data;
		size_t length = value->as.text.length;

		if (!is_integer(text, length))
			return fail_type(name, type, value, err);
		if (text[0] == '+') {
			text++;
			length--;
		}
		if (!cx_text_int64(text, length, -max - 1, max, &number))
			return fail_range(name, type, value, err);
	} else if (value->kind != CDBC_VALUE_INT64) {
		return fail_type(name, type, value, err);
	}
	if (number > max || number < -max - 1)
		return fail_range(name, type, value, err);
	*out = cdbc_int64(number);
	return CDBC_OK;
}

/* [+-]digits[.digits][e[+-]digits], NaN, Infinity. */
static bool is_number(const char *text, size_t length)
{
	size_t i = length && (text[0] == '+' || text[0] == '-'), count = 0;

	if (cx_word_is(text, length, "nan") || cx_word_is(text + i, length - i, "infinity") ||
		cx_word_is(text + i, length - i, "inf"))
		return true;
	for (; i < length && is_digit(text[i]); i++)
		count++;
	if (i < length && text[i] == '.')
		for (i++; i < length && is_digit(text[i]); i++)
			count++;
	if (count == 0)
		return false;
	if (i < length && cx_lower(text[i]) == 'e')
		return is_integer(text + i + 1, length - i - 1);
	return i == length;
}

static cdbc_status check_number(const char *name, cdbc_type type, const cdbc_value *value,
								cdbc_value *out, cdbc_error **err)
{
	bool is_float = type.id != CDBC_TYPE_NUMERIC;
	double number;

	*out = *value;
	switch (value->kind) {
	case CDBC_VALUE_INT64:
		if (is_float)
			*out = cdbc_double((double)value->as.int64);
		return CDBC_OK;
	case CDBC_VALUE_DOUBLE:
		if (type.id == CDBC_TYPE_FLOAT4 && isfinite(value->as.float64) &&
			fabs(value->as.float64) > 3.4028235677973366e38)
			return fail_range(name, type, value, err);
		return CDBC_OK;
	case CDBC_VALUE_TEXT:
		if (!is_number(value->as.text.data, value->as.text.length))
			return fail_type(name, type, value, err);
		if (type.id != CDBC_TYPE_FLOAT8)
			return CDBC_OK;
		if (cx_double_parse(value->as.text.data, value->as.text.length, &number) == CX_PARSE_RANGE)
			return fail_range(name, type, value, err);
		*out = cdbc_double(number);
		return CDBC_OK;
	default:
		return fail_type(name, type, value, err);
	}
}

static cdbc_status check_bool(const char *name, cdbc_type type, const cdbc_value *value,
							  cdbc_value *out, cdbc_error **err)
{
	static const char *const words[] = {"true",  "t", "yes", "y", "on",  "1",
										"false", "f", "no",  "n", "off", "0"};

	if (value->kind == CDBC_VALUE_BOOL) {
		*out = *value;
		return CDBC_OK;
	}
	if (value->kind == CDBC_VALUE_TEXT)
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (cx_word_is(value->as.text.data, value->as.text.length, words[i])) {
				*out = cdbc_bool(i < 6);
				return CDBC_OK;
			}
	return fail_type(name, type, value, err);
}

static bool is_hex(char c)
{
	return is_digit(c) || (cx_lower(c) >= 'a' && cx_lower(c) <= 'f');
}

static bool is_hex_bytes(const char *text, size_t length)
{
	if (length < 2 || text[0] != '\\' || text[1] != 'x' || length % 2)
		return false;
	for (size_t i = 2; i < length; i++)
		if (!is_hex(text[i]))
			return false;
	return true;
}

bool cx_type_is_moment(cdbc_type_id id)
{
	return id >= CDBC_TYPE_DATE && id <= CDBC_TYPE_TIMESTAMPTZ;
}

static cx_parse parse_moment(cdbc_type_id id, cdbc_text text, int64_t *out)
{
	int32_t days = 0;
	bool has_zone = false;
	cx_parse parsed;

	if (id == CDBC_TYPE_DATE) {
		parsed = cx_date_parse(text.data, text.length, &days);
		*out = days;
		return parsed;
	}
	if (id == CDBC_TYPE_TIME)
		return cx_time_parse(text.data, text.length, out);
	parsed = cx_timestamp_parse(text.data, text.length, out, &has_zone);
	return parsed == CX_PARSE_OK && has_zone && id == CDBC_TYPE_TIMESTAMP
			   ? CX_PARSE_BAD
			   : parsed; /* it would be dropped silently */
}

int64_t cx_moment_of(cdbc_type_id id, cdbc_text text)
{
	int64_t moment = 0;

	parse_moment(id, text, &moment);
	return moment;
}

/* Text for the types that are kept as text. */
static cx_parse parse_text(cdbc_type_id id, cdbc_text text)
{
	unsigned char uuid[16];
	int64_t moment;

	switch (id) {
	case CDBC_TYPE_UUID:
		return cx_uuid_parse(text.data, text.length, uuid);
	case CDBC_TYPE_BYTES:
		return is_hex_bytes(text.data, text.length) ? CX_PARSE_OK : CX_PARSE_BAD;
	case CDBC_TYPE_DATE:
	case CDBC_TYPE_TIME:
	case CDBC_TYPE_TIMESTAMP:
	case CDBC_TYPE_TIMESTAMPTZ:
		return parse_moment(id, text, &moment);
	case CDBC_TYPE_JSON:
	case CDBC_TYPE_INTERVAL:
		return text.length ? CX_PARSE_OK : CX_PARSE_BAD;
	default:
		return CX_PARSE_OK;
	}
}

static cdbc_status check_one(const char *name, cdbc_type type, const cdbc_value *value,
							 cdbc_value *out, cdbc_error **err)
{
	cx_parse parsed;

	if (value->kind == CDBC_VALUE_NULL) {
		*out = *value;
		return CDBC_OK;
	}
	switch (type.id) {
	case CDBC_TYPE_UNKNOWN:
		*out = *value;
		return CDBC_OK;
	case CDBC_TYPE_INT2:
	case CDBC_TYPE_INT4:
	case CDBC_TYPE_INT8:
		return check_int(name, type, value, out, err);
	case CDBC_TYPE_FLOAT4:
	case CDBC_TYPE_FLOAT8:
	case CDBC_TYPE_NUMERIC:
		return check_number(name, type, value, out, err);
	case CDBC_TYPE_BOOL:
		return check_bool(name, type, value, out, err);
	default:
		break;
	}
	if (type.id == CDBC_TYPE_OTHER)
		parsed = value->kind == CDBC_VALUE_BYTES || value->kind == CDBC_VALUE_ARRAY ? CX_PARSE_BAD
																					: CX_PARSE_OK;
	else if (value->kind == CDBC_VALUE_TEXT)
		parsed = parse_text(type.id, value->as.text);
	else
		parsed = type.id == CDBC_TYPE_BYTES && value->kind == CDBC_VALUE_BYTES ? CX_PARSE_OK
																			   : CX_PARSE_BAD;
	if (parsed != CX_PARSE_OK)
		return parsed == CX_PARSE_RANGE ? fail_range(name, type, value, err)
										: fail_type(name, type, value, err);
	*out = *value;
	return CDBC_OK;
}

/* ---- Arrays --------------------------------------------------------------------------------- */

/* One item of '{..}', from at to the comma or brace after it; 0 when it is malformed. Plain items
 * are checked as values. */
static cdbc_status check_item(const char *name, cdbc_type type, cdbc_text text, size_t *at,
							  cdbc_error **err)
{
	cdbc_type whole = type;
	cdbc_value value = cdbc_text_n(text.data, text.length), ignored;
	size_t i = *at, begin = i;
	bool has_escape = false;

	whole.is_array = true;
	if (text.data[i] == '"') {
		for (begin = ++i; i < text.length && text.data[i] != '"'; i++)
			if (text.data[i] == '\\') {
				has_escape = true;
				i++;
			}
		if (i >= text.length)
			return fail_type(name, whole, &value, err);
		*at = i + 1;
	} else {
		for (; i < text.length && text.data[i] != ',' && text.data[i] != '}'; i++)
			if (text.data[i] == '{' || text.data[i] == '"' || text.data[i] == '\\')
				return fail_type(name, whole, &value, err);
		*at = i;
		while (i > begin && text.data[i - 1] == ' ')
			i--;
		if (i == begin)
			return fail_type(name, whole, &value, err);
		if (cx_word_is(text.data + begin, i - begin, "null"))
			return CDBC_OK;
	}
	if (has_escape)
		return CDBC_OK; /* the server unescapes and judges */
	value = cdbc_text_n(text.data + begin, i - begin);
	return check_one(name, type, &value, &ignored, err);
}

static cdbc_status check_literal(const char *name, cdbc_type type, const cdbc_value *value,
								 cdbc_error **err)
{
	cdbc_text text = value->as.text;
	cdbc_type item = type;
	cdbc_status status;
	size_t i = 1;

	item.is_array = false;
	if (text.length < 2 || text.data[0] != '{' || text.data[text.length - 1] != '}')
		return fail_type(name, type, value, err);
	while (i < text.length && text.data[i] == ' ')
		i++;
	if (i == text.length - 1)
		return CDBC_OK;
	for (;; i++) {
		while (i < text.length && text.data[i] == ' ')
			i++;
		if (i == text.length)
			return fail_type(name, type, value, err);
		status = check_item(name, item, text, &i, err);
		if (status)
			return status;
		while (i < text.length && text.data[i] == ' ')
			i++;
		if (i + 1 == text.length && text.data[i] == '}')
			return CDBC_OK;
		if (i >= text.length || text.data[i] != ',')
			return fail_type(name, type, value, err);
	}
}

static cdbc_status check_array(const char *name, cdbc_type type, const cdbc_value *value,
							   cdbc_value *out, cdbc_error **err)
{
	cdbc_type item = type;
	cdbc_value ignored;
	cdbc_status status = CDBC_OK;

	item.is_array = false;
	if (value->kind == CDBC_VALUE_TEXT)
		status = check_literal(name, type, value, err);
	else if (value->kind != CDBC_VALUE_ARRAY && value->kind != CDBC_VALUE_NULL)
		status = fail_type(name, type, value, err);
	else if (value->kind == CDBC_VALUE_ARRAY)
		for (size_t i = 0; i < value->as.array.count && !status; i++)
			status = check_one(name, item, &value->as.array.items[i], &ignored, err);
	if (!status)
		*out = *value;
	return status;
}

cdbc_status cx_value_check(const char *name, cdbc_type type, const cdbc_value *value,
						   cdbc_value *out, cdbc_error **err)
{
	cdbc_value checked;
	cdbc_status status;

	status = type.is_array ? check_array(name, type, value, &checked, err)
						   : check_one(name, type, value, &checked, err);
	if (status)
		return status;
	if (type.id != CDBC_TYPE_UNKNOWN)
		checked.type = type;
	*out = checked;
	return CDBC_OK;
}
