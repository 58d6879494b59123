// SPDX-License-Identifier: Apache-2.0
/* A session's transaction: begun, ended, and what has failed in it. Its savepoints are
 * savepoint.c; running it again is transact.c. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/exec/transaction.h"
#include "service/session.h"

#include <stddef.h>
#include <string.h>

#define BEGIN_MAX (64 << 10)
#define RESTART   "cockroach_restart"

/* ---- its state ---- */

void cx_session_tx_forget(cdbc_session *session)
{
	cdbc_error_free(session->tx.failure);
	cx_free(session->tx.begin_own);
	session->tx = (cx_session_tx){0};
}

void cx_session_tx_note(cdbc_session *session, const cdbc_error *error)
{
	cx_session_tx *tx = &session->tx;

	cx_session_tx_used(session);
	if (tx->failed_depth)
		return;
	tx->failed_depth = tx->depth;
	tx->failure = cx_error_copy(error);
}

static cdbc_status tell_lost(const cdbc_session *session, cdbc_error **err)
{
	cx_error_set(err, CDBC_CONNECT,
				 session->lease.conn ? "the transaction could not begin"
									 : "the transaction was lost with its connection");
	cx_error_hint(err, "roll back, and run it again from its start");
	cx_error_outcome(err, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	return CDBC_CONNECT;
}

bool cx_session_tx_is_over(cdbc_session *session)
{
	const cx_conn *conn = session->lease.conn;
	cx_session_tx *tx = &session->tx;
	cdbc_conn_state state;

	if (tx->is_over || tx->is_lost || tx->begin || !conn)
		return tx->is_over;
	state = conn->driver->state(conn->handle);
	tx->is_over = !state.is_lost && state.tx == CDBC_TX_IDLE;
	return tx->is_over;
}

cdbc_status cx_session_tx_tell_over(cdbc_error **err)
{
	cx_error_set(err, CDBC_SQL, "a statement has ended the transaction, and may have committed it");
	cx_error_sqlstate(err, "25P01");
	cx_error_hint(err, "look at what is in before anything else; CockroachDB commits before a "
					   "schema change, unless autocommit_before_ddl is off");
	cx_error_outcome(err, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	return CDBC_SQL;
}

/* Ends a transaction that has rested for too long, where the server did not: no driver knows of one
 * that does it for SQLite, and a server's clock may be late. */
static cdbc_status check_idle(cdbc_session *session, cdbc_error **err)
{
	cx_session_tx *tx = &session->tx;
	int64_t limit_ns = session->client->tx_idle_ns;
	cdbc_error *error = NULL;

	if (limit_ns == CX_NEVER || tx->is_lost || cx_clock_now_ns() - tx->used_ns <= limit_ns)
		return CDBC_OK;
	if (session->lease.conn &&
		!cx_lease_tidy(&session->lease, cx_deadline_after_ms(CX_TX_GRACE_MS)))
		cx_lease_give(&session->lease, 0);
	tx->is_lost = true;
	cx_error_set(&error, CDBC_TIMEOUT,
				 "the transaction was idle for longer than transaction.idle_timeout allows");
	cx_error_sqlstate(&error, "25P03");
	cx_error_hint(&error, "roll back, and run it again from its start");
	cx_error_outcome(&error, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	cx_session_tx_note(session, error);
	cx_error_pass(err, error);
	return CDBC_TIMEOUT;
}

/* A transaction that SQL text had begun. Its COMMIT must not be sent to a connection that knows of
 * none, and would say that all is well. */
static cdbc_status check_text_tx(cdbc_session *session, const cx_statement *statement,
								 cdbc_error **err)
{
	if (statement->kind != CDBC_KIND_TRANSACTION)
		return tell_lost(session, err);
	session->is_text_tx_lost = false;
	return statement->flags & CDBC_REQUEST_COMMITS ? tell_lost(session, err) : CDBC_OK;
}

cdbc_status cx_session_tx_check(cdbc_session *session, const cx_statement *statement,
								cdbc_error **err)
{
	const cx_session_tx *tx = &session->tx;

	if (!tx->depth)
		return check_text_tx(session, statement, err);
	if (tx->is_lost)
		return tell_lost(session, err);
	if (check_idle(session, err))
		return CDBC_TIMEOUT;
	if (__builtin_expect(cx_session_tx_is_over(session), 0)) /* it would stand alone */
		return cx_session_tx_tell_over(err);
	if (statement->flags & CDBC_REQUEST_CONTROLS) {
		cx_error_set(err, CDBC_USAGE, "the transaction was begun by a call, and ends by one");
		cx_error_hint(err, "cdbc_session_commit, _rollback, _savepoint");
		return CDBC_USAGE;
	}
	if (tx->is_read_only && !(statement->flags & CDBC_REQUEST_READ_ONLY) &&
		session->client->driver->capabilities & CDBC_IS_EMBEDDED) {
		cx_error_set(err, CDBC_SQL, "the statement may write, and the transaction is read only");
		cx_error_sqlstate(err, "25006");
		return CDBC_SQL;
	}
	return CDBC_OK;
}

int64_t cdbc_session_transaction_depth(const cdbc_session *session)
{
	return session->tx.depth;
}

/* ---- statements of its own ---- */

void cx_session_tx_begun(cdbc_session *session, bool is_well)
{
	const cx_conn *conn = session->lease.conn;
	cx_session_tx *tx = &session->tx;

	tx->begin = NULL;
	cx_free(tx->begin_own);
	tx->begin_own = NULL;
	if (!is_well && (!conn || conn->driver->state(conn->handle).tx == CDBC_TX_IDLE))
		tx->is_lost = true;
}

cdbc_status cx_session_tx_send_begin(cdbc_session *session, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status;

	if (!session->tx.begin)
		return CDBC_OK;
	status = cx_run_control(&session->lease, session->tx.begin, CDBC_KIND_TRANSACTION, 0,
							deadline_ns, err);
	cx_session_tx_begun(session, !status);
	return status;
}

static cdbc_status check_alive(cdbc_session *session, cdbc_error **err)
{
	int64_t deadline_ns = session->tx.deadline_ns;
	cdbc_status status;

	if (!session->lease.conn || session->tx.is_lost)
		return tell_lost(session, err);
	status = check_idle(session, err);
	if (!status && cx_session_tx_is_over(session))
		status = cx_session_tx_tell_over(err);
	if (!status)
		status = cx_session_connect(session, deadline_ns, err);
	return status ? status : cx_session_tx_send_begin(session, deadline_ns, err);
}

cdbc_status cx_session_tx_control(cdbc_session *session, const char *sql, uint32_t flags,
								  cdbc_error **err)
{
	cdbc_status status = check_alive(session, err);

	if (!status)
		status = cx_run_control(&session->lease, sql, CDBC_KIND_TRANSACTION, flags,
								session->tx.deadline_ns, err);
	if (status)
		cx_session_give_lost(session);
	cx_session_tx_used(session);
	return status;
}

cdbc_status cx_session_tx_check_open(const cdbc_session *session, bool in_savepoint,
									 cdbc_error **err)
{
	if (session->is_busy)
		return cx_session_check_free(session, err);
	if (session->tx.depth == 0)
		return cx_error_set(err, CDBC_USAGE, "no transaction is open");
	if (in_savepoint && (session->tx.depth == 1 || session->tx.depth == session->tx.fn_depth))
		return cx_error_set(err, CDBC_USAGE, "no savepoint is set");
	return CDBC_OK;
}

/* ---- begin ---- */

static const char *isolation_words(cdbc_isolation isolation)
{
	static const char *const words[] = {NULL, "READ COMMITTED", "REPEATABLE READ", "SNAPSHOT",
										"SERIALIZABLE"};

	return (unsigned)isolation < sizeof words / sizeof *words ? words[isolation] : NULL;
}

static const char *priority_words(cdbc_priority priority)
{
	static const char *const words[] = {NULL, "LOW", "NORMAL", "HIGH"};

	return (unsigned)priority < sizeof words / sizeof *words ? words[priority] : NULL;
}

cdbc_status cx_session_tx_begin_text(const cdbc_session *session,
									 const cdbc_transaction_options *options, const char **text,
									 char **own, cdbc_error **err)
{
	const char *dialect =
		cx_dialect_family(atomic_load_explicit(&session->client->dialect, memory_order_relaxed));
	cx_begin begin = {isolation_words(options->isolation), priority_words(options->priority),
					  options->as_of, options->is_read_only || options->as_of};
	cx_buf written = CX_BUF_INIT(BEGIN_MAX);
	cdbc_status status;

	*text = "BEGIN";
	*own = NULL;
	if (!begin.isolation && !begin.priority && !begin.is_read_only)
		return CDBC_OK;
	status = cx_begin_write(&begin, dialect, &written, err);
	if (!status)
		*text = *own = cx_buf_take(&written);
	cx_buf_free(&written);
	return status || *text ? status : cx_error_nomem(err);
}

/* How the transaction will begin: with its first request, in one round trip, or at once, where
 * statements go one by one or a savepoint is to follow. */
static cdbc_status begin(cdbc_session *session, const cdbc_transaction_options *options,
						 cdbc_error **err)
{
	const char *dialect =
		cx_dialect_family(atomic_load_explicit(&session->client->dialect, memory_order_relaxed));
	bool wants_restart =
		options->restart_savepoint && dialect && strcmp(dialect, "cockroachdb") == 0;
	cx_session_tx *tx = &session->tx;
	cdbc_status status;

	status = cx_session_tx_begin_text(session, options, &tx->begin, &tx->begin_own, err);
	if (status) {
		tx->begin = NULL;
		return status;
	}
	if (session->client->driver->capabilities & CDBC_CAN_PIPELINE && !wants_restart)
		return CDBC_OK;
	status = cx_session_tx_send_begin(session, tx->deadline_ns, err);
	if (!status && wants_restart) {
		status = cx_run_control(&session->lease, "SAVEPOINT " RESTART, CDBC_KIND_TRANSACTION, 0,
								tx->deadline_ns, err);
		tx->has_restart = !status;
	}
	return status;
}

cdbc_status cx_session_tx_check_begin(const cdbc_session *session, cdbc_error **err)
{
	const cx_conn *conn = session->lease.conn;

	if (session->is_busy)
		return cx_session_check_free(session, err);
	if (session->tx.depth || (conn && conn->driver->state(conn->handle).tx != CDBC_TX_IDLE)) {
		cx_error_set(err, CDBC_USAGE, "a transaction is open already");
		cx_error_hint(err, "cdbc_session_savepoint nests");
		return CDBC_USAGE;
	}
	if (!(session->client->driver->capabilities & CDBC_CAN_TRANSACT))
		return cx_error_set(err, CDBC_UNSUPPORTED, "driver %s has no transactions",
							session->client->driver->name);
	return CDBC_OK;
}

bool cx_session_tx_is_resolved(const cdbc_session *session, const cdbc_transaction_options *options)
{
	bool is_new = options->struct_size >=
				  offsetof(cdbc_transaction_options, resolve) + sizeof options->resolve;

	return !options->is_read_only && !options->as_of &&
		   cx_resolver_wants(&session->client->resolver,
							 is_new ? options->resolve : CDBC_RESOLVE_DEFAULT);
}

cdbc_status cx_session_tx_begin(cdbc_session *session, const cdbc_transaction_options *options,
								int64_t deadline_ns, cdbc_error **err)
{
	cx_breaker *breaker = &session->client->breaker;
	cx_breaker_ticket ticket;
	cdbc_error *error = NULL;
	cdbc_status status;

	session->is_text_tx_lost = false;
	session->tx.deadline_ns = deadline_ns;
	session->had_no_conn = true;
	status = cx_breaker_ask(breaker, &ticket, &error);
	if (status) {
		cx_error_wrap(&error, "begin");
		cx_error_pass(err, error);
		return status;
	}
	status = cx_session_connect(session, deadline_ns, &error);
	if (!status && cx_session_tx_is_resolved(session, options)) {
		status = cx_resolver_ready(session, deadline_ns, &error);
		session->tx.is_resolved = true;
	}
	if (!status)
		status = begin(session, options, &error);
	cx_breaker_tell(breaker, &ticket, error);
	if (status) {
		cx_session_drop_lost(session);
		if (session->lease.conn &&
			!cx_lease_tidy(&session->lease, cx_deadline_after_ms(CX_TX_GRACE_MS)))
			cx_lease_give(&session->lease, 0);
		cx_session_tx_forget(session);
		cx_error_wrap(&error, "begin");
		/* nothing was done in it */
		if (cdbc_error_replay(error) == CDBC_REPLAY_TRANSACTION)
			cx_error_outcome(&error, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
		cx_error_pass(err, error);
		return status;
	}
	session->tx.depth = 1;
	session->tx.name = options->name;
	session->tx.is_read_only = options->is_read_only || options->as_of;
	cx_session_tx_used(session);
	return CDBC_OK;
}

cdbc_status cdbc_session_begin(cdbc_session *session, const cdbc_transaction_options *options,
							   cdbc_error **err)
{
	static const cdbc_transaction_options defaults = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *error = NULL;
	cdbc_status status = cx_session_tx_check_begin(session, err);

	if (status)
		return status;
	if (!options)
		options = &defaults;
	cx_session_tell_tx_start(session, options->name);
	status =
		cx_session_tx_begin(session, options, cx_session_tx_deadline(session, options), &error);
	if (status) {
		cx_session_tell_tx_end(session, options->name, 1, false, error);
		cx_error_pass(err, error);
	}
	return status;
}

int64_t cx_session_tx_deadline(const cdbc_session *session, const cdbc_transaction_options *options)
{
	return cx_session_deadline(options->timeout_ms ? options->timeout_ms : session->timeout_ms);
}

/* ---- the end ---- */

/* Rolls back as far as there is something to roll back. */
void cx_session_tx_rollback(cdbc_session *session)
{
	cx_session_close_result(session);
	if (session->lease.conn &&
		!cx_lease_tidy(&session->lease, cx_deadline_after_ms(CX_TX_GRACE_MS)))
		cx_lease_give(&session->lease, 0);
	cx_session_tx_forget(session);
}

void cx_session_tx_judge(cdbc_error **error, bool is_over, cdbc_replay replay)
{
	if (is_over) {
		cx_error_wrap(error, "a statement had ended the transaction, and may have committed it");
		cx_error_outcome(error, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
		return;
	}
	cx_error_outcome(error, CDBC_OUTCOME_ROLLED_BACK,
					 replay == CDBC_REPLAY_SAFE || replay == CDBC_REPLAY_TRANSACTION
						 ? CDBC_REPLAY_TRANSACTION
						 : CDBC_REPLAY_NO);
}

/* What was overlooked stands in the way of a commit. */
static cdbc_status refuse_commit(cdbc_session *session, cdbc_error **err)
{
	cdbc_error *failure = session->tx.failure;
	cdbc_status status = cdbc_error_status(failure);
	bool is_over = cx_session_tx_is_over(session);

	session->tx.failure = NULL;
	cx_session_tx_rollback(session);
	cx_error_wrap(&failure, "commit refused, something had failed in the transaction");
	cx_session_tx_judge(&failure, is_over, cdbc_error_replay(failure));
	cx_error_pass(err, failure);
	return status;
}

/* The word of the commit, with the token before it when it is to leave one. Where none was sent,
 * the transaction has none. */
static cdbc_status send_word(cdbc_session *session, const char *sql, cdbc_error **err)
{
	uint32_t flags = CDBC_REQUEST_COMMITS | (session->tx.is_read_only ? CDBC_REQUEST_READ_ONLY : 0);
	cx_session_tx *tx = &session->tx;
	cdbc_value value;
	cdbc_request put;
	cdbc_status status;

	if (!tx->is_resolved)
		return cx_session_tx_control(session, sql, flags, err);
	status = check_alive(session, err);
	if (!status)
		status = cx_commit_token_make(&tx->token, err);
	if (!status) {
		put = cx_resolver_put(&session->client->resolver, &tx->token, &value);
		status = cx_run_commit(&session->lease, &put, sql, flags, tx->deadline_ns, err);
	}
	if (status)
		cx_session_give_lost(session);
	return status;
}

/* A commit that has no time left could only be sent to be given up: nobody would know. */
static cdbc_status check_time(const cdbc_session *session, cdbc_error **err)
{
	if (!cx_deadline_passed(session->tx.deadline_ns))
		return CDBC_OK;
	cx_error_set(err, CDBC_TIMEOUT, "the transaction's time was over before it");
	cx_error_outcome(err, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	return CDBC_TIMEOUT;
}

/* The word of the commit, and no more. */
static cdbc_status send_commit(cdbc_session *session, cdbc_error **err)
{
	cdbc_status status = check_time(session, err);

	if (status)
		return status;
	if (!session->tx.has_restart)
		return send_word(session, "COMMIT", err);
	status = send_word(session, "RELEASE SAVEPOINT " RESTART, err);
	/* that was the commit: nothing hangs on what becomes of this one */
	if (!status)
		(void)cx_session_tx_control(session, "COMMIT", 0, NULL);
	return status;
}

cdbc_status cx_session_tx_commit(cdbc_session *session, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status;
	const char *name;
	cx_commit_token token;

	if (session->tx.failed_depth)
		return refuse_commit(session, err);
	if (session->tx.begin) { /* nothing was done in it */
		cx_session_tx_rollback(session);
		return CDBC_OK;
	}
	status = send_commit(session, &error);
	token = session->tx.token;
	name = session->tx.name;
	cx_session_tx_rollback(session);
	if (status) {
		cx_breaker_tell_late(&session->client->breaker, error);
		cx_error_wrap(&error, "commit");
		if (cdbc_error_outcome(error) == CDBC_OUTCOME_NOT_SENT) /* the transaction was */
			cx_session_tx_judge(&error, false, cdbc_error_replay(error));
		if (token.text[0] && cx_resolver_must_ask(error))
			status = cx_resolver_settle(session, name, &token, &error);
		if (status && cdbc_error_outcome(error) == CDBC_OUTCOME_COMMITTED) {
			cx_error_clear(&error); /* the answer came late; a commit has no other result */
			status = CDBC_OK;
		}
		cx_error_pass(err, error);
	}
	if (!status && token.text[0])
		cx_resolver_tidy(session);
	return status;
}

/* The transaction of a closure is not the closure's to end. */
static cdbc_status check_by_hand(const cdbc_session *session, cdbc_error **err)
{
	if (session->tx.fn_depth) {
		cx_error_set(err, CDBC_USAGE,
					 "the transaction ends when the function that runs in it does");
		cx_error_hint(err, "return CDBC_OK to commit, anything else to roll back");
		return CDBC_USAGE;
	}
	return cx_session_tx_check_open(session, false, err);
}

cdbc_status cdbc_session_commit(cdbc_session *session, cdbc_error **err)
{
	const char *name = session->tx.name;
	cdbc_error *error = NULL;
	cdbc_status status = check_by_hand(session, err);

	if (status)
		return status;
	status = cx_session_tx_commit(session, &error);
	cx_session_tell_tx_end(session, name, 1, true, error);
	cx_error_pass(err, error);
	return status;
}

cdbc_status cdbc_session_rollback(cdbc_session *session, cdbc_error **err)
{
	cdbc_error *error = NULL;
	const char *name;
	cdbc_status status;

	if (session->is_text_tx_lost && !session->tx.depth) {
		session->is_text_tx_lost = false;
		return CDBC_OK;
	}
	status = check_by_hand(session, err);
	if (status)
		return status;
	name = session->tx.name;
	if (cx_session_tx_is_over(session))
		status = cx_session_tx_tell_over(&error);
	cx_session_tx_rollback(session);
	cx_session_tell_tx_end(session, name, 1, false, error);
	cx_error_pass(err, error);
	return status;
}

bool cx_session_tx_restart(cdbc_session *session)
{
	cx_session_tx *tx = &session->tx;

	if (!tx->has_restart || tx->is_lost || !session->lease.conn)
		return false;
	cx_session_close_result(session);
	if (cx_session_tx_control(session, "ROLLBACK TO SAVEPOINT " RESTART, 0, NULL))
		return false;
	cdbc_error_free(tx->failure);
	tx->failure = NULL;
	tx->failed_depth = 0;
	tx->depth = 1;
	return true;
}
