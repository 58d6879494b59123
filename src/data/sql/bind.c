// SPDX-License-Identifier: Apache-2.0
/* Puts a caller's values into a statement's order. On the way of every call: nothing is allocated,
 * nothing is looked up twice. */
#include "data/sql/statement.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && a[0] == b[0] && strcmp(a, b) == 0);
}

/* Names a parameter in messages. */
static void describe(const cx_statement *statement, size_t index, const char **name, char *number,
					 size_t size)
{
	size_t n = index + 1, at = size - 1;

	*name = statement->params[index].name;
	if (*name)
		return;
	number[at] = '\0';
	for (; n && at > 1; n /= 10)
		number[--at] = (char)('0' + n % 10);
	number[--at] = '$';
	*name = number + at;
}

static cdbc_status fail_param(const cx_statement *statement, size_t index, const char *what,
							  cdbc_error **err)
{
	char number[24];
	const char *name;

	describe(statement, index, &name, number, sizeof number);
	return cx_error_set(err, CDBC_PARAM, "parameter \"%s\" %s", name, what);
}

static cdbc_status check_text(const cx_statement *statement, size_t index, cdbc_text text,
							  cdbc_error **err)
{
	if (cx_text_is_clean(text.data, text.length))
		return CDBC_OK;
	return fail_param(statement, index,
					  cx_utf8_valid_prefix(text.data, text.length) != text.length
						  ? "is not valid UTF-8"
						  : "holds a NUL byte",
					  err);
}

static cdbc_status check_array(const cx_statement *statement, size_t index, const cdbc_value *value,
							   cdbc_error **err)
{
	const cdbc_type *type = &statement->params[index].type;
	cdbc_status status;

	if (type->id != CDBC_TYPE_UNKNOWN && !type->is_array)
		return fail_param(statement, index, "takes one value, not an array", err);
	for (size_t i = 0; i < value->as.array.count; i++) {
		const cdbc_value *item = &value->as.array.items[i];

		if (item->kind != CDBC_VALUE_ARRAY && item->kind != CDBC_VALUE_TEXT)
			continue;
		if (item->kind == CDBC_VALUE_ARRAY)
			return fail_param(statement, index, "is an array of arrays", err);
		status = check_text(statement, index, item->as.text, err);
		if (status)
			return status;
	}
	return CDBC_OK;
}

static cdbc_status fail_scalar(const cx_statement *statement, size_t index, cdbc_error **err)
{
	cdbc_status status = fail_param(statement, index, "stands in a list: it takes an array", err);

	cx_error_hint(err, "give an array; '{..}' text is one when the type is declared: int8[]");
	return status;
}

static inline cdbc_status take(const cx_statement *statement, size_t index, const cdbc_value *value,
							   cdbc_value *out, cdbc_error **err)
{
	const cx_statement_param *param = &statement->params[index];
	cdbc_status status = CDBC_OK;

	if (value->kind == CDBC_VALUE_TEXT)
		status = check_text(statement, index, value->as.text, err);
	else if (value->kind == CDBC_VALUE_ARRAY)
		status = check_array(statement, index, value, err);
	if (status)
		return status;
	if (param->is_list && value->kind != CDBC_VALUE_ARRAY && value->kind != CDBC_VALUE_NULL &&
		!(value->kind == CDBC_VALUE_TEXT &&
		  (param->type.id != CDBC_TYPE_UNKNOWN || value->type.is_array)))
		return fail_scalar(statement, index, err);
	*out = *value;
	if (value->type.id == CDBC_TYPE_UNKNOWN)
		out->type = param->type;
	return CDBC_OK;
}

/* ---- What is not in order ------------------------------------------------------------------- */

static cdbc_status fail_unknown(const cx_statement *statement, const char *name, cdbc_error **err)
{
	const char *nearest = NULL;
	cdbc_status status;

	if (!name) {
		status = cx_error_set(err, CDBC_PARAM,
							  "a value without a name, but the statement's parameters have names");
		cx_error_hint(err, "the first one is \"%s\"", statement->params[0].name);
		return status;
	}
	for (size_t limit = 1; limit <= 2 && !nearest; limit++)
		for (size_t i = 0; i < statement->param_count && !nearest; i++)
			if (statement->params[i].name &&
				cx_text_distance(name, statement->params[i].name, limit) <= limit)
				nearest = statement->params[i].name;
	status = cx_error_set(err, CDBC_PARAM, "there is no parameter \"%s\" in the statement", name);
	if (nearest)
		cx_error_hint(err, "did you mean \"%s\"?", nearest);
	return status;
}

/* The number that a positional name means: "1" or "$1"; 0 when it is none. */
static size_t number_of(const char *name)
{
	size_t n = 0;

	name += name[0] == '$';
	for (size_t i = 0; name[i]; i++) {
		if (name[i] < '0' || name[i] > '9' || i > 5)
			return 0;
		n = n * 10 + (size_t)(name[i] - '0');
	}
	return n;
}

/* Whether a parameter was written $1, beside others that have names. */
static bool is_position(const cx_statement *statement, size_t index)
{
	return statement->params[index].name && statement->params[index].name[0] == '$';
}

/* The index of a given parameter: where it is expected, else wherever it is; param_count when it is
 * unknown. */
static size_t find(const cx_statement *statement, const char *name, size_t expected)
{
	size_t count = statement->param_count, number;

	if (statement->is_positional) {
		number = name ? number_of(name) : expected + 1;
		return number >= 1 && number <= count ? number - 1 : count;
	}
	if (!name)
		return count;
	for (size_t i = expected; i < count; i++)
		if (same_name(name, statement->params[i].name))
			return i;
	for (size_t i = 0; i < expected && i < count; i++)
		if (same_name(name, statement->params[i].name))
			return i;
	number = number_of(name); /* "1" is $1 */
	return number >= 1 && number <= count && is_position(statement, number - 1) ? number - 1
																				: count;
}

/* The first position at or after one of the parameters; param_count when there is none. */
static size_t next_position(const cx_statement *statement, size_t from)
{
	while (from < statement->param_count && !is_position(statement, from))
		from++;
	return from;
}

static cdbc_status bind_any_order(const cx_statement *statement, cdbc_params params, size_t done,
								  cdbc_value *values, cdbc_error **err)
{
	size_t count = statement->param_count, expected = done, position = 0;
	cdbc_status status;

	for (size_t i = done; i < count; i++)
		values[i].kind = CX_VALUE_MISSING;
	for (size_t k = done; k < params.count; k++) {
		const char *name = params.items[k].name;
		size_t i = find(statement, name, expected);

		if (!name && !statement->is_positional) { /* where there are both: of those without */
			i = next_position(statement, position);
			position = i + 1;
		}
		if (i == count && statement->is_positional && (!name || number_of(name)))
			return cx_error_set(err, CDBC_PARAM, "%zu values are given, the statement takes %zu",
								params.count, count);
		if (i == count && count == 0)
			return cx_error_set(err, CDBC_PARAM,
								"the statement takes no parameters, but \"%s\" is given",
								name ? name : "$1");
		if (i == count)
			return fail_unknown(statement, name, err);
		if (name && name[0] == '_')
			return fail_param(statement, i, "is filled in here, a caller cannot set it", err);
		if (values[i].kind != CX_VALUE_MISSING)
			return fail_param(statement, i, "is given twice", err);
		status = take(statement, i, &params.items[k].value, &values[i], err);
		if (status)
			return status;
		expected = i + 1;
	}
	return CDBC_OK;
}

cdbc_status cx_statement_bind(const cx_statement *statement, cdbc_params params, cdbc_value *values,
							  cdbc_error **err)
{
	cdbc_status status = cx_statement_bind_given(statement, params, values, err);

	if (status || params.count == statement->param_count) /* each given once: none is missing */
		return status;
	for (size_t i = 0; i < statement->param_count; i++)
		if (values[i].kind == CX_VALUE_MISSING)
			return fail_param(statement, i, "is missing", err);
	return CDBC_OK;
}

cdbc_status cx_statement_bind_given(const cx_statement *statement, cdbc_params params,
									cdbc_value *values, cdbc_error **err)
{
	size_t i;
	cdbc_status status;

	for (i = 0; i < params.count && i < statement->param_count; i++) {
		const cdbc_param *given = &params.items[i];

		if (!same_name(given->name, statement->params[i].name) ||
			(given->name && given->name[0] == '_'))
			break;
		status = take(statement, i, &given->value, &values[i], err);
		if (status)
			return status;
	}
	if (i == params.count && i == statement->param_count)
		return CDBC_OK;
	return bind_any_order(statement, params, i, values, err);
}
