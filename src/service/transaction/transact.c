// SPDX-License-Identifier: Apache-2.0
/* A transaction as a function, run again when the database asks for it. */
#include "base/error.h"
#include "service/session.h"

/* What an attempt came to. */
typedef struct attempt {
	cdbc_status status;
	cdbc_error *error; /* for the caller */
	cdbc_error *cause; /* what decides on another attempt; NULL: the error does */
} attempt;

/* fn may fail without saying why, or leave the error of what it has dealt with. */
static void settle_error(attempt *a)
{
	if (!a->status)
		cx_error_clear(&a->error);
	else if (!a->error)
		cx_error_set(&a->error, a->status, "the transaction's function failed");
}

/* fn, and what has to be undone or kept after it. */
static void run_fn(cdbc_session *session, cdbc_transaction_fn fn, void *data, attempt *a)
{
	session->tx.fn_depth = 1;
	a->status = fn(session, data, &a->error);
	session->tx.fn_depth = 0;
	cx_session_close_result(session);
	settle_error(a);
	if (!a->status) {
		a->status = cx_session_tx_commit(session, &a->error);
		return;
	}
	a->cause = session->tx.failure;
	session->tx.failure = NULL;
}

/* Sets what became of a failed attempt, which is rolled back: its cause's replay is the whole
 * transaction's. */
static void judge(cdbc_session *session, attempt *a)
{
	bool is_over = cx_session_tx_is_over(session);

	cx_session_tx_judge(&a->error, is_over,
						a->cause ? cdbc_error_replay(a->cause) : CDBC_REPLAY_NO);
	if (!is_over)
		return;
	cdbc_error_free(a->cause); /* it does not decide any more */
	a->cause = NULL;
}

static void attempt_fini(attempt *a)
{
	cdbc_error_free(a->error);
	cdbc_error_free(a->cause);
	*a = (attempt){0};
}

/* One attempt, from its BEGIN (unless it stands at its savepoint already) to its end. */
static void try_once(cdbc_session *session, cdbc_transaction_fn fn, void *data,
					 const cdbc_transaction_options *options, int64_t deadline_ns, attempt *a)
{
	if (session->tx.depth == 0)
		a->status = cx_session_tx_begin(session, options, deadline_ns, &a->error);
	if (a->status)
		return;
	run_fn(session, fn, data, a);
	if (a->status && session->tx.depth)
		judge(session, a);
}

/* After a failure: whether there is another attempt, with everything ready for it. */
static bool get_ready(cdbc_session *session, const cdbc_transaction_options *options,
					  cx_attempts *attempts, int64_t number, int64_t deadline_ns,
					  uint32_t cancel_count, attempt *a)
{
	const cdbc_error *cause = a->cause ? a->cause : a->error;
	cx_attempt_facts facts = {
		.is_whole = true, .had_no_conn = session->had_no_conn, .deadline_ns = deadline_ns};
	int64_t wait_ns;

	if (session->has_lost_state ||
		!cx_attempts_next(attempts, &session->client->retry, cause, &facts, &wait_ns)) {
		if (session->tx.depth)
			cx_session_tx_rollback(session);
		return false;
	}
	cx_session_tell_attempt(session, options->name, number, a->error);
	if (session->tx.depth && !cx_session_tx_restart(session))
		cx_session_tx_rollback(session);
	/* standing at the savepoint it keeps its place in the queue */
	if (!cx_session_wait_since(session, wait_ns, cancel_count))
		return true;
	if (session->tx.depth)
		cx_session_tx_rollback(session);
	a->status = cx_session_cancelled(&a->error);
	return false;
}

static cdbc_status run_outermost(cdbc_session *session, cdbc_transaction_fn fn, void *data,
								 const cdbc_transaction_options *options, cdbc_error **err)
{
	int64_t deadline_ns = cx_session_tx_deadline(session, options), began_ns = cx_clock_coarse_ns();
	uint32_t cancel_count = cx_session_cancel_count(session);
	int64_t number = 1;
	cx_attempts attempts;
	attempt a = {0};
	cdbc_status status;

	cx_attempts_init(&attempts, &session->client->retry,
					 options->max_retries < 0   ? 0
					 : options->max_retries > 0 ? options->max_retries
												: -1);
	session->has_lost_state = false;
	cx_session_tell_tx_start(session, options->name);
	for (;;) {
		try_once(session, fn, data, options, deadline_ns, &a);
		if (!a.status ||
			!get_ready(session, options, &attempts, number, deadline_ns, cancel_count, &a))
			break;
		attempt_fini(&a);
		number++;
	}
	if (a.status && number > 1)
		cx_error_wrap(&a.error, "attempt %lld after %lld ms", (long long)number,
					  (long long)((cx_clock_coarse_ns() - began_ns) / CX_NS_PER_MS));
	if (a.status && options->name)
		cx_error_wrap(&a.error, "transaction \"%s\"", options->name);
	cx_session_tell_tx_end(session, options->name, number, !a.status, a.error);
	status = a.status;
	if (status) {
		cx_error_pass(err, a.error);
		a.error = NULL;
	}
	attempt_fini(&a);
	return status;
}

/* Inside a transaction: a savepoint. */
static cdbc_status run_nested(cdbc_session *session, cdbc_transaction_fn fn, void *data,
							  cdbc_error **err)
{
	cx_session_tx *tx = &session->tx;
	int64_t outer_depth = tx->fn_depth;
	attempt a = {0};
	cdbc_error *undo = NULL;
	cdbc_status status = cdbc_session_savepoint(session, err);

	if (status)
		return status;
	tx->fn_depth = tx->depth;
	a.status = fn(session, data, &a.error);
	settle_error(&a);
	cx_session_close_result(session);
	/* savepoints that fn has left go the way of its own */
	tx->depth = tx->fn_depth;
	if (tx->failed_depth > tx->depth)
		tx->failed_depth = tx->depth;
	tx->fn_depth = outer_depth;
	if (!a.status)
		a.status = cdbc_session_release_savepoint(session, &a.error);
	if (!a.status)
		return CDBC_OK;
	status = a.status;
	/* what cannot be undone here is the whole transaction's failure, and says so itself */
	if (cdbc_session_rollback_savepoint(session, &undo)) {
		status = cdbc_error_status(undo);
		cdbc_error_free(a.error);
		a.error = undo;
	} else if (cdbc_error_outcome(a.error) == CDBC_OUTCOME_NOT_SENT) { /* as of fn's own */
		cx_error_outcome(&a.error, CDBC_OUTCOME_ROLLED_BACK, cdbc_error_replay(a.error));
	}
	cx_error_pass(err, a.error);
	return status;
}

cdbc_status cdbc_session_transact(cdbc_session *session, cdbc_transaction_fn fn, void *data,
								  const cdbc_transaction_options *options, cdbc_error **err)
{
	static const cdbc_transaction_options defaults = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *error = NULL;
	cdbc_status status = cx_session_check_free(session, &error);

	if (status)
		return cx_session_failed(session, status, error, err);
	if (session->tx.depth)
		return run_nested(session, fn, data, err);
	status = cx_session_tx_check_begin(session, err);
	if (status)
		return status;
	return run_outermost(session, fn, data, options ? options : &defaults, err);
}
