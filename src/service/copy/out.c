// SPDX-License-Identifier: Apache-2.0
/* Bulk copy out of a table or a query: a request like any other, streamed through a format into a
 * sink, whose rows must be as many as the database says. One way for every database: COPY TO is not
 * there on CockroachDB and writes other texts than our formats do. */
#include "base/error.h"
#include "data/sql/split.h"
#include "service/copy/sql.h"
#include "service/session.h"

#include <cdbc/copy.h>

#include <stdlib.h>

/* A write without RETURNING: known before anything is sent. */
static bool gives_no_rows(const char *sql)
{
	cx_splitter splitter;
	cx_piece piece, rest;

	cx_splitter_init(&splitter, sql, strlen(sql));
	return cx_splitter_next(&splitter, &piece) && piece.kind == CDBC_KIND_DML &&
		   piece.flags & CDBC_REQUEST_SMALL_RESULT &&
		   (!cx_splitter_next(&splitter, &rest) || rest.length == 0);
}

/* The rows that went out against the server's own count; a database without one is believed. */
static cdbc_status check_count(const cdbc_result *result, cdbc_error **err)
{
	const char *tag = cdbc_result_tag(result);
	int64_t told, given = cdbc_result_row_count(result);

	if (strncmp(tag, "SELECT ", 7) != 0)
		return CDBC_OK;
	told = strtoll(tag + 7, NULL, 10);
	if (told == given)
		return CDBC_OK;
	cx_error_set(err, CDBC_DATA, "%lld rows came, the server counted %lld", (long long)given,
				 (long long)told);
	cx_error_outcome(err, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	return CDBC_DATA;
}

typedef struct copy_out {
	cdbc_session *session;
	const cdbc_copy_out_options *options;
} copy_out;

/* A batch is out: the wait for the next one has its own time. */
static void on_batch(void *data, int64_t row_count)
{
	const copy_out *out = data;
	cdbc_session *session = out->session;
	int64_t timeout_ms = out->options->timeout_ms, deadline_ns;

	if (out->options->progress)
		out->options->progress(out->options->progress_data, row_count);
	if (!cx_session_has_run(session) || session->run.deadline_ns == CX_NEVER)
		return;
	deadline_ns = cx_session_deadline(timeout_ms ? timeout_ms : session->timeout_ms);
	session->run.deadline_ns =
		session->tx.depth ? cx_deadline_sooner(deadline_ns, session->tx.deadline_ns) : deadline_ns;
	session->run.handed_ns = 0;
}

static cdbc_status write_result(cdbc_session *session, cdbc_result *result,
								const cdbc_format *format, const cdbc_copy_out_options *options,
								const cdbc_sink *sink, cdbc_error **err)
{
	copy_out out = {session, options};
	cdbc_status status;

	if (cdbc_result_column_count(result) == 0) {
		status =
			cx_error_set(err, CDBC_USAGE, "the statement was run, but gave no rows to be copied");
		cx_error_outcome(err,
						 cx_session_in_transaction(session) ? CDBC_OUTCOME_ROLLED_BACK
															: CDBC_OUTCOME_COMMITTED,
						 CDBC_REPLAY_NO);
		return status;
	}
	return cdbc_result_write(result, format, options->format_options, NULL, 0, on_batch, &out, sink,
							 err);
}

cdbc_status cdbc_copy_out_query(cdbc_session *session, const char *sql, cdbc_params params,
								const cdbc_format *format, const cdbc_copy_out_options *options,
								const cdbc_sink *sink, int64_t *row_count, cdbc_error **err)
{
	static const cdbc_copy_out_options defaults = CDBC_COPY_OUT_OPTIONS_INIT;
	cdbc_request_options request = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result = NULL;
	cdbc_error *error = NULL;
	cdbc_status status;

	if (!options)
		options = &defaults;
	if (gives_no_rows(sql)) {
		status = cx_error_set(&error, CDBC_USAGE,
							  "copy out: the statement gives no rows to be copied: it was not run");
		return cx_session_failed(session, status, error, err);
	}
	request.timeout_ms = options->timeout_ms;
	status = cdbc_session_query(session, sql, params, &request, &result, &error);
	if (!status)
		status = write_result(session, result, format, options, sink, &error);
	if (!status)
		status = check_count(result, &error);
	if (!status && row_count)
		*row_count = cdbc_result_row_count(result);
	cdbc_result_free(result);
	if (!status)
		return CDBC_OK;
	cx_error_wrap(&error, "copy out");
	return cx_session_failed(session, status, error, err);
}

cdbc_status cdbc_copy_out_table(cdbc_session *session, const char *table,
								const char *const *columns, size_t column_count,
								const cdbc_format *format, const cdbc_copy_out_options *options,
								const cdbc_sink *sink, int64_t *row_count, cdbc_error **err)
{
	const cdbc_client *client = session->client;
	const cx_dialect *dialect = atomic_load_explicit(&client->dialect, memory_order_relaxed);
	cx_buf sql = CX_BUF_INIT(CX_COPY_SQL_MAX);
	cdbc_status status;

	if (!table || !*table)
		return cx_error_set(err, CDBC_USAGE, "copy out: no table");
	status = cx_copy_put_select(&sql, cx_client_writes(client, dialect), table, columns,
								column_count, err);
	if (status)
		cx_error_wrap(err, "copy out");
	else
		status = cdbc_copy_out_query(session, sql.data, CDBC_NO_PARAMS, format, options, sink,
									 row_count, err);
	cx_buf_free(&sql);
	return status;
}
