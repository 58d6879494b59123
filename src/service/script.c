// SPDX-License-Identifier: Apache-2.0
/* Scripts: their statements one by one, each a request of the session as any other. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/sql/split.h"

#include <cdbc/session.h>

/* Runs one statement to its end, discarding rows. */
static cdbc_status run_one(cdbc_session *session, const char *sql, int64_t *affected_count,
						   cdbc_error **err)
{
	struct ArrowArray batch;
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, err);

	if (status)
		return status;
	while (!(status = cdbc_result_take(result, &batch, err)) && batch.release)
		batch.release(&batch);
	if (!status && cdbc_result_affected_count(result) > 0)
		*affected_count += cdbc_result_affected_count(result);
	cdbc_result_free(result);
	return status;
}

static cdbc_status run_piece(cdbc_session *session, const cx_piece *piece, int64_t *affected_count,
							 cdbc_error **err)
{
	char *text = cx_strndup(piece->text, piece->length);
	cdbc_status status;

	if (!text)
		return cx_error_nomem(err);
	status = run_one(session, text, affected_count, err);
	cx_free(text);
	if (status)
		cx_error_wrap(err, "statement at line %zu", piece->line);
	return status;
}

/* The call again would run what was run already: that is not safe, whatever is true of the one that
 * failed. */
static void refuse_replay(cdbc_error **err)
{
	if (err && cdbc_error_replay(*err) != CDBC_REPLAY_TRANSACTION)
		cx_error_outcome(err, cdbc_error_outcome(*err), CDBC_REPLAY_NO);
}

/* Reads it to its end once, so that a quote left open in the last statement is told before the
 * first one runs. */
static cdbc_status check_script(const char *sql, cdbc_error **err)
{
	cx_splitter splitter;
	cx_piece piece;
	const cx_lexer *lexer = &splitter.lexer;

	cx_splitter_init(&splitter, sql, strlen(sql));
	while (cx_splitter_next(&splitter, &piece))
		;
	if (!lexer->error.message)
		return CDBC_OK;
	return cx_error_set(err, CDBC_SQL_FILE, "%zu:%zu: %s", lexer->error.line,
						lexer->error.offset - lexer->error.line_start + 1, lexer->error.message);
}

cdbc_status cdbc_session_execute_script(cdbc_session *session, const char *sql,
										int64_t *affected_count, cdbc_error **err)
{
	cx_splitter splitter;
	cx_piece piece;
	int64_t sum = 0;
	bool is_begun = false;
	cdbc_status status = check_script(sql, err);

	if (status)
		return status;
	cx_splitter_init(&splitter, sql, strlen(sql));
	while (cx_splitter_next(&splitter, &piece)) {
		if (piece.length == 0)
			continue;
		status = run_piece(session, &piece, &sum, err);
		if (status) {
			if (is_begun)
				refuse_replay(err);
			return status;
		}
		is_begun = true;
	}
	if (affected_count)
		*affected_count = sum;
	return CDBC_OK;
}
