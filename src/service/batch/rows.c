// SPDX-License-Identifier: Apache-2.0
/* Rows of a batch as one statement with an array a column, written by the dialect. */
#include "base/error.h"
#include "base/text.h"
#include "service/batch/batch.h"

#include <string.h>

#define ROWS_SQL_MAX ((size_t)1 << 20)

static cdbc_status fail_value(size_t row, size_t column, const cdbc_value *value, cdbc_error **err)
{
	const cdbc_text *text = &value->as.text;
	const char *what = "it is not valid UTF-8";

	if (value->kind == CDBC_VALUE_ARRAY)
		what = "rows hold no arrays";
	else if (cx_utf8_valid_prefix(text->data, text->length) == text->length)
		what = "the text has a NUL byte";
	return cx_error_set(err, CDBC_PARAM, "row %zu, column %zu: %s", row + 1, column + 1, what);
}

/* Checks a value and copies it, at once: there are many. CDBC_PARAM, CDBC_NOMEM. */
static inline cdbc_status take(cx_arena *arena, const cdbc_value *from, cdbc_value *to,
							   int64_t *bytes)
{
	size_t length;
	char *copy;

	*to = *from;
	if (from->kind == CDBC_VALUE_ARRAY)
		return CDBC_PARAM;
	if (from->kind != CDBC_VALUE_TEXT && from->kind != CDBC_VALUE_BYTES)
		return CDBC_OK;
	length = from->as.text.length;
	if (from->kind == CDBC_VALUE_TEXT && !cx_text_is_clean(from->as.text.data, length))
		return CDBC_PARAM;
	copy = cx_arena_bytes(arena, length + 1);
	if (!copy)
		return CDBC_NOMEM;
	if (length)
		memcpy(copy, from->as.text.data, length);
	copy[length] = '\0';
	to->as.text.data = copy;
	*bytes += (int64_t)length;
	return CDBC_OK;
}

static cdbc_status take_column(cx_arena *arena, const cdbc_value *from, size_t row_count,
							   size_t column, size_t column_count, cdbc_value *items,
							   int64_t *bytes, cdbc_error **err)
{
	int64_t taken = 0; /* not *bytes: it is counted in a register */

	for (size_t row = 0; row < row_count; row++, from += column_count) {
		cdbc_status status = take(arena, from, &items[row], &taken);

		if (status == CDBC_PARAM)
			return fail_value(row, column, from, err);
		if (status)
			return cx_error_nomem(err);
	}
	*bytes += taken + (int64_t)(row_count * sizeof *items);
	return CDBC_OK;
}

/* Row after row becomes column after column, in the arena. */
static cdbc_status turn(cdbc_batch *batch, const cdbc_value *values, size_t row_count,
						size_t column_count, cx_batch_owned *out, cdbc_error **err)
{
	cx_arena *arena = &batch->arena;
	cdbc_status status = CDBC_OK;

	out->values = cx_arena_array(arena, column_count, sizeof *out->values);
	if (!out->values)
		return cx_error_nomem(err);
	for (size_t column = 0; !status && column < column_count; column++) {
		cdbc_value *items = cx_arena_array(arena, row_count, sizeof *items);

		if (!items)
			return cx_error_nomem(err);
		out->values[column] = cdbc_array(items, row_count);
		status = take_column(arena, values + column, row_count, column, column_count, items,
							 &out->bytes, err);
	}
	return status;
}

/* Stand for the columns while the statement's parameters are counted and their types found: what
 * the arrays hold was checked. */
static cdbc_status stand_ins(cdbc_batch *batch, size_t column_count, cdbc_params *out,
							 cdbc_error **err)
{
	cdbc_param *params = cx_arena_array(&batch->arena, column_count, sizeof *params);

	if (!params)
		return cx_error_nomem(err);
	for (size_t column = 0; column < column_count; column++)
		params[column] = cdbc_param_of(NULL, cdbc_array(NULL, 0));
	*out = cdbc_params_of(params, column_count);
	return CDBC_OK;
}

/* A text that a dialect wrote for its database becomes one that statements are made from: ?1 is $1
 * there. */
static void write_dollars(cx_buf *sql)
{
	char quote = '\0';

	for (char *p = sql->data; *p; p++) {
		if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"')
			quote = *p;
		else if (*p == '?')
			*p = '$';
	}
}

cdbc_status cdbc_batch_add_rows(cdbc_batch *batch, const cdbc_dialect_insert *insert,
								const cdbc_value *values, size_t row_count, cdbc_error **err)
{
	cdbc_session *session = batch->session;
	cdbc_call call = {.session = session};
	cx_buf sql = CX_BUF_INIT(ROWS_SQL_MAX);
	cdbc_sink sink = cx_dialect_sink(&sql);
	const cx_dialect *dialect;
	cx_batch_owned owned = {0};
	cdbc_params params;
	cdbc_status status = cx_batch_check_room(batch, err);

	if (!status && (row_count == 0 || insert->column_count == 0 || !insert->types))
		status =
			cx_error_set(err, CDBC_USAGE, "rows have columns with types, and there is one row");
	if (!status)
		status = cx_session_dialect(session, &call, &dialect, err);
	if (status)
		return status;
	dialect = cx_client_writes(session->client, dialect);
	if (dialect->form == CX_FORM_OWN)
		return cx_error_set(err, CDBC_UNSUPPORTED, "dialect %s has placeholders of its own",
							dialect->api.name);
	status = dialect->api.rows(&dialect->api, insert, &sink, err);
	if (!status)
		status = cx_buf_status(&sql, "statement", err);
	if (!status && dialect->form == CX_FORM_QUESTION)
		write_dollars(&sql);
	if (!status)
		status = turn(batch, values, row_count, insert->column_count, &owned, err);
	if (!status)
		status = stand_ins(batch, insert->column_count, &params, err);
	if (!status)
		status = cx_batch_add_text(batch, sql.data, sql.length, params, &owned, err);
	cx_buf_free(&sql);
	return status;
}
