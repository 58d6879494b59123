// SPDX-License-Identifier: Apache-2.0
/* Savepoints in a session's transaction, and what has failed since one. */
#include "base/error.h"
#include "service/session.h"

#include <stdio.h>

#define DEPTH_MAX     1000
#define SAVEPOINT_MAX 64

static cdbc_status savepoint(cdbc_session *session, const char *words, int64_t depth,
							 cdbc_error **err)
{
	char sql[SAVEPOINT_MAX];

	snprintf(sql, sizeof sql, "%s cdbc_%lld", words, (long long)depth);
	return cx_session_tx_control(session, sql, 0, err);
}

/* Notes what failed, as a request's failure is. */
static cdbc_status noted(cdbc_session *session, cdbc_status status, cdbc_error *error,
						 const char *what, cdbc_error **err)
{
	if (!status)
		return CDBC_OK;
	cx_session_tx_note(session, error);
	cx_error_wrap(&error, "%s", what);
	cx_error_pass(err, error);
	return status;
}

cdbc_status cdbc_session_savepoint(cdbc_session *session, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = cx_session_tx_check_open(session, false, err);

	if (status)
		return status;
	if (session->tx.depth > DEPTH_MAX)
		return cx_error_set(err, CDBC_USAGE, "more than %d savepoints", DEPTH_MAX);
	status = savepoint(session, "SAVEPOINT", session->tx.depth, &error);
	if (!status)
		session->tx.depth++;
	return noted(session, status, error, "savepoint", err);
}

cdbc_status cdbc_session_release_savepoint(cdbc_session *session, cdbc_error **err)
{
	cx_session_tx *tx = &session->tx;
	cdbc_error *error = NULL;
	cdbc_status status = cx_session_tx_check_open(session, true, err);

	if (status)
		return status;
	if (tx->failed_depth) { /* it may not be kept */
		error = cx_error_copy(tx->failure);
		status = cdbc_error_status(error);
		cx_error_wrap(&error, "savepoint not released, something had failed in it");
		cx_error_pass(err, error);
		return status;
	}
	status = savepoint(session, "RELEASE SAVEPOINT", tx->depth - 1, &error);
	if (!status)
		tx->depth--;
	return noted(session, status, error, "release savepoint", err);
}

/* Whether the failure ends the whole transaction, savepoint or not. */
static bool is_whole(const cdbc_error *failure)
{
	return cdbc_error_replay(failure) == CDBC_REPLAY_TRANSACTION;
}

cdbc_status cdbc_session_rollback_savepoint(cdbc_session *session, cdbc_error **err)
{
	cx_session_tx *tx = &session->tx;
	cdbc_error *error = NULL;
	cdbc_status status = cx_session_tx_check_open(session, true, err);

	if (status)
		return status;
	if (tx->failed_depth && (is_whole(tx->failure) || tx->failed_depth < tx->depth)) {
		tx->depth--;
		if (tx->failed_depth > tx->depth)
			tx->failed_depth = tx->depth;
		error = cx_error_copy(tx->failure);
		status = cdbc_error_status(error);
		cx_error_pass(err, error);
		return status;
	}
	status = savepoint(session, "ROLLBACK TO SAVEPOINT", tx->depth - 1, &error);
	if (!status)
		status = savepoint(session, "RELEASE SAVEPOINT", tx->depth - 1, &error);
	if (!status) {
		tx->depth--;
		tx->failed_depth = 0;
		cdbc_error_free(tx->failure);
		tx->failure = NULL;
	}
	return noted(session, status, error, "rollback to savepoint", err);
}
