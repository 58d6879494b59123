// SPDX-License-Identifier: Apache-2.0
/* Rows of a batch as one statement with an array a column, written by the dialect. */
#include "base/error.h"
#include "service/batch.h"

#include <string.h>

#define ROWS_SQL_MAX ((size_t)1 << 20)

static inline bool has_text(const cdbc_value *value)
{
	return value->kind == CDBC_VALUE_TEXT || value->kind == CDBC_VALUE_BYTES;
}

/* Memory for a column: its values, and behind them its texts, each with a NUL. *bytes grows by what
 * the batch counts. */
static cdbc_status column_room(cdbc_batch *batch, const cdbc_value *from, size_t row_count,
							   size_t column, size_t column_count, cdbc_value **out, int64_t *bytes,
							   cdbc_error **err)
{
	size_t text = 0, room;
	bool is_over = false;

	for (size_t row = 0; row < row_count; row++, from += column_count) {
		if (from->kind == CDBC_VALUE_ARRAY)
			return cx_error_set(err, CDBC_PARAM, "row %zu, column %zu: rows hold no arrays",
								row + 1, column + 1);
		if (has_text(from))
			is_over |= __builtin_add_overflow(text, from->as.text.length + 1, &text);
	}
	if (is_over || __builtin_mul_overflow(row_count, sizeof **out, &room) ||
		__builtin_add_overflow(room, text, &room))
		return cx_error_nomem(err);
	*out = cx_arena_alloc(&batch->arena, room);
	*bytes += (int64_t)room;
	return *out ? CDBC_OK : cx_error_nomem(err);
}

static void copy_column(const cdbc_value *from, size_t row_count, size_t column_count,
						cdbc_value *items)
{
	char *texts = (char *)(items + row_count);

	for (size_t row = 0; row < row_count; row++, from += column_count) {
		items[row] = *from;
		if (!has_text(from))
			continue;
		if (from->as.text.length)
			memcpy(texts, from->as.text.data, from->as.text.length);
		texts[from->as.text.length] = '\0';
		items[row].as.text.data = texts;
		texts += from->as.text.length + 1;
	}
}

/* Row after row becomes column after column, in the arena. */
static cdbc_status turn(cdbc_batch *batch, const cdbc_value *values, size_t row_count,
						size_t column_count, cdbc_param **out, int64_t *bytes, cdbc_error **err)
{
	cdbc_param *params = cx_arena_calloc(&batch->arena, column_count, sizeof *params);

	if (!params)
		return cx_error_nomem(err);
	for (size_t column = 0; column < column_count; column++) {
		cdbc_value *items;
		cdbc_status status = column_room(batch, values + column, row_count, column, column_count,
										 &items, bytes, err);

		if (status)
			return status;
		copy_column(values + column, row_count, column_count, items);
		params[column] = cdbc_param_of(NULL, cdbc_array(items, row_count));
	}
	*out = params;
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
	cdbc_param *params = NULL;
	int64_t bytes = 0;
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
		status = turn(batch, values, row_count, insert->column_count, &params, &bytes, err);
	if (!status)
		status = cx_batch_add_text(batch, sql.data, sql.length,
								   cdbc_params_of(params, insert->column_count), &bytes, err);
	cx_buf_free(&sql);
	return status;
}
