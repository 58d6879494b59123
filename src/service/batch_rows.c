// SPDX-License-Identifier: Apache-2.0
/* Rows of a batch as one statement with an array a column, written by the dialect. */
#include "base/error.h"
#include "service/batch.h"

#define ROWS_SQL_MAX ((size_t)1 << 20)

/* Row after row becomes column after column, in the arena. */
static cdbc_status turn(cdbc_batch *batch, const cdbc_value *values, size_t row_count,
						size_t column_count, cdbc_param **out, int64_t *bytes, cdbc_error **err)
{
	cdbc_param *params = cx_arena_calloc(&batch->arena, column_count, sizeof *params);

	if (!params)
		return cx_error_nomem(err);
	for (size_t column = 0; column < column_count; column++) {
		cdbc_value *items = cx_arena_calloc(&batch->arena, row_count, sizeof *items);

		if (!items)
			return cx_error_nomem(err);
		for (size_t row = 0; row < row_count; row++) {
			const cdbc_value *from = &values[row * column_count + column];

			if (from->kind == CDBC_VALUE_ARRAY)
				return cx_error_set(err, CDBC_PARAM, "row %zu, column %zu: rows hold no arrays",
									row + 1, column + 1);
			if (!cx_batch_copy_value(batch, from, &items[row], bytes))
				return cx_error_nomem(err);
		}
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
