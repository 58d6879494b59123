// SPDX-License-Identifier: Apache-2.0
/* The session inside: what its life (session.c), its requests (request.c), the executor (execute.c)
 * and its transactions (transaction/) share. */
#ifndef CX_SESSION_H
#define CX_SESSION_H

#include "base/clock.h"
#include "data/exec/run.h"
#include "service/client.h"
#include "service/identity.h"
#include "service/transaction/resolver.h"
#include "service/strategy/cache_table.h"
#include "service/strategy/chain.h"

#include <cdbc/session.h>
#include <cdbc/transaction.h>

/* The transaction of a session, begun by our own calls. */
typedef struct cx_session_tx {
	int64_t depth;    /* 0: none; 1: in it; more: in savepoints */
	int64_t fn_depth; /* where the fn of a cdbc_session_transact that runs began; 0: none runs */
	int64_t failed_depth; /* where something has failed that was not rolled back; 0: nowhere */
	cdbc_error *failure;  /* a copy of what that was */
	bool is_read_only;
	bool is_lost;        /* with its connection */
	bool is_over;        /* a statement in it has ended it */
	bool has_restart;    /* SAVEPOINT cockroach_restart stands */
	bool is_resolved;    /* its commit is to carry a token */
	int64_t deadline_ns; /* of it all */
	int64_t used_ns;     /* when something was last done in it, where that is limited */
	const char *name;    /* borrowed from its options, or NULL */
	const char *begin;   /* what begins it, on its way with the first request; NULL: it was sent */
	char *begin_own;     /* the same, where it is no constant */
	cx_commit_token token; /* of its commit, once that is sent */
} cx_session_tx;

typedef struct cx_answer cx_answer;

struct cdbc_session {
	cdbc_client *client;
	cx_lease lease;
	bool is_busy;           /* a result, an answer or a copy is open */
	struct cdbc_copy *copy; /* the open one */
	bool is_lent;           /* to the function of a cdbc_client_with_session that runs */
	bool is_given_back;     /* by that function, whose it is not to give */
	bool is_in_chain;       /* a request goes through the strategies: its attempts may end */
	bool is_text_tx_lost;   /* a transaction begun by SQL text was lost with its connection */
	bool had_no_conn;       /* the last attempt failed for want of a connection */
	bool has_lost_state;    /* a connection was lost that SQL had changed the session of */
	atomic_bool is_waiting, is_woken; /* between attempts; cancelled meanwhile */
	_Atomic uint32_t cancel_count;    /* cdbc_session_cancel's calls */
	const char *source;
	int64_t timeout_ms;
	cdbc_setting *settings;
	size_t setting_count;
	cx_identity identity;
	cdbc_catalog *catalog; /* the generation that its last named query is from, or NULL */
	const cx_query *found; /* that query, for found_for; NULL: none since the catalog is this one */
	const cx_dialect *found_for;
	cx_session_tx tx;
	int64_t request_count;   /* not yet told to the retry budget */
	cx_statement *statement; /* of the open result, when it was given as text */
	cx_commit_token token;   /* of the open result, or the last; "": it has none */
	bool is_found_out;       /* the open result is one whose answer was lost */
	uint64_t request_id;     /* of the open result, when somebody watches */
	int64_t started_ns;
	uint64_t transaction_id; /* of the open transaction, when somebody watches */
	int64_t tx_began_ns;
	uint64_t fingerprint; /* this and what follows: of the request that is watched */
	int64_t attempt;
	int64_t byte_count;
	bool was_executed; /* host says where */
	cx_cache_found cache_use;
	uint64_t host_serial;
	char host[256];
	cx_unfinished unfinished;
	cx_answer *answer;       /* the outermost open one, or NULL */
	cx_answer *spare_answer; /* storage for the next */
	cx_run run;              /* from here on it needs no initial value */
	cdbc_result result;
};

/* Sees to it that there is a connection, as the session wants it. err is not NULL. */
cdbc_status cx_session_connect(cdbc_session *session, int64_t deadline_ns, cdbc_error **err);

static inline bool cx_session_is_current(const cdbc_session *session)
{
	return session->catalog ==
		   atomic_load_explicit(&session->client->queries.current, memory_order_relaxed);
}

/* The queries in force, as one generation. Not while a result is open: it may be of another. */
static inline const cdbc_catalog *cx_session_catalog(cdbc_session *session)
{
	if (__builtin_expect(!cx_session_is_current(session), 0)) {
		cx_repository_renew(&session->client->queries, &session->catalog);
		session->found = NULL;
	}
	return session->catalog;
}

/* Frees a session that is not in use, and its reference to the client. */
void cx_session_free(cdbc_session *session);
/* The spare session does not keep an old generation. */
void cx_session_trim_spare(cdbc_client *client);

/* Whether a tick of the cheap clock does not matter. */
static inline bool cx_session_is_coarse(int64_t timeout_ms)
{
	return timeout_ms >= 1000 && timeout_ms < INT64_MAX / CX_NS_PER_MS / 2;
}

static inline int64_t cx_session_deadline(int64_t timeout_ms)
{
	if (cx_session_is_coarse(timeout_ms))
		return cx_clock_coarse_ns() + timeout_ms * CX_NS_PER_MS;
	return cx_deadline_after_ms(timeout_ms);
}

/* request.c */
/* How the server wants statements; NULL when that is not known and need not be. Connects when it
 * has to be learnt. */
cdbc_status cx_session_dialect(cdbc_session *session, cdbc_call *call, const cx_dialect **out,
							   cdbc_error **err);
/* Finds a query for that dialect, and sees that the session's user may run it: call->query and
 * call->name are set. */
cdbc_status cx_session_find(cdbc_session *session, const char *name, cdbc_call *call,
							const cx_dialect **dialect, cdbc_error **err);
/* Checks and binds the parameters of a found query: call->statement is set. values has room for
 * cx_query_room. */
cdbc_status cx_session_bind(cdbc_session *session, cdbc_call *call, const cx_dialect *dialect,
							cdbc_params params, cdbc_value *values, cdbc_error **err);
/* The same for a statement that was given as text. values has room for its parameters. */
cdbc_status cx_session_bind_text(cdbc_session *session, const cx_statement *statement,
								 cdbc_params params, cdbc_value *values, cdbc_error **err);
/* CDBC_USAGE when a result is open. */
cdbc_status cx_session_check_free(const cdbc_session *session, cdbc_error **err);
/* Whatever has kept a call from being done: its transaction is without it, and may not be
 * committed. The error is passed on. */
cdbc_status cx_session_failed(cdbc_session *session, cdbc_status status, cdbc_error *error,
							  cdbc_error **err);
/* The chain, for a call whose deadline is set: events around it, its links, the executor. */
cdbc_status cx_session_perform(cdbc_session *session, cdbc_call *call, cdbc_result **out,
							   cdbc_error **err);

/* locate.c: an error's place in the SQL that was sent becomes the one in the call's, and in the
 * query's file. Left as it is when memory is short. */
void cx_session_locate(const cdbc_call *call, cdbc_error **err);

/* copy/copy.c: rolls back what is not committed; the copy is over. */
void cx_copy_abort(struct cdbc_copy *copy);

/* execute.c */
/* The end of the chain: sends the call and waits for its first batch, its end or its failure. */
cdbc_status cx_session_execute(cdbc_call *call, cdbc_result **out, cdbc_error **err);
/* What the driver is asked for. */
void cx_session_fill_request(const cdbc_call *call, cdbc_request *request);
/* What the query promises of its rows, and the caller's limit. */
void cx_session_set_limits(cdbc_result *result, const cdbc_call *call);
/* A query of one value gives one column. */
cdbc_status cx_session_check_columns(const cdbc_call *call, cdbc_result *result, cdbc_error **err);
/* Whether the query wants a transaction of its own kind, and is not in one already. */
bool cx_session_wants_unit(const cdbc_call *call, const cdbc_request *request);
/* Gives a connection back that is lost, so that the next request takes another. */
void cx_session_give_lost(cdbc_session *session);
/* The same of one that no request of a caller ran on. */
void cx_session_drop_lost(cdbc_session *session);
/* Closes the open result, if there is one, and answers made of it. */
void cx_session_close_result(cdbc_session *session);
/* Whether the connection's own result is open. */
static inline bool cx_session_has_run(const cdbc_session *session)
{
	return session->run.cursor || session->is_found_out;
}
/* What the query promises of its rows, and the call's limit. */
void cx_session_set_limits(cdbc_result *result, const cdbc_call *call);
/* A query of one value gives one column. */
cdbc_status cx_session_check_columns(const cdbc_call *call, cdbc_result *result, cdbc_error **err);

/* request.c: the request is over, well or not. */
void cx_session_request_end(cdbc_session *session, const cdbc_error *error);

/* observe/tell.c: for who watches. Requests: between start and end, request_id is not 0. */
#define CX_WATCHED                                                            \
	(CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END | CDBC_EVENT_ATTEMPT | \
	 CDBC_EVENT_TRANSACTION_START | CDBC_EVENT_TRANSACTION_END)
void cx_session_tell_start(cdbc_session *session, const cdbc_call *call);
void cx_session_tell_end(cdbc_session *session, const cdbc_error *error);
void cx_session_tell_host(cdbc_session *session);
/* The bytes of a batch's values; of the result that the caller reads, for byte_count. */
int64_t cx_result_batch_bytes(const cdbc_result *result, const struct ArrowArray *batch);
/* A statement of a batch that has ended: both its events, for their ends are known together. */
typedef struct cx_told {
	const cdbc_call *call;
	const cdbc_error *error; /* NULL: it ended well */
	int64_t started_ns, attempt;
	int64_t row_count, byte_count, affected_count;
} cx_told;
void cx_session_tell_statement(cdbc_session *session, const cx_told *told);
/* An attempt has failed and another follows. */
void cx_session_tell_attempt(cdbc_session *session, const char *name, int64_t attempt,
							 const cdbc_error *error);
void cx_session_tell_tx_start(cdbc_session *session, const char *name);
void cx_session_tell_tx_end(cdbc_session *session, const char *name, int64_t attempt,
							bool is_commit, const cdbc_error *error);

/* transaction/transaction.c */
static inline bool cx_session_in_transaction(const cdbc_session *session)
{
	const cx_conn *conn = session->lease.conn;

	return session->tx.depth > 0 || session->is_text_tx_lost ||
		   (conn && conn->driver->state(conn->handle).tx != CDBC_TX_IDLE);
}
/* Whether a request may run in the session's transaction as it stands. */
cdbc_status cx_session_tx_check(cdbc_session *session, const cx_statement *statement,
								cdbc_error **err);
/* Something was done in it: from now on it is idle. */
static inline void cx_session_tx_used(cdbc_session *session)
{
	if (__builtin_expect(session->client->tx_idle_ns != CX_NEVER, 0) && session->tx.depth)
		session->tx.used_ns = cx_clock_now_ns();
}
/* Sends the BEGIN that no request has taken with it yet: for who sends other things than requests.
 * There is a connection. */
cdbc_status cx_session_tx_send_begin(cdbc_session *session, int64_t deadline_ns, cdbc_error **err);
/* One statement of the transaction's own, behind its BEGIN. Fails when there is none any more. */
cdbc_status cx_session_tx_control(cdbc_session *session, const char *sql, uint32_t flags,
								  cdbc_error **err);
/* Whether a transaction, or a savepoint in it, is open and may be ended now. */
cdbc_status cx_session_tx_check_open(const cdbc_session *session, bool in_savepoint,
									 cdbc_error **err);
/* The BEGIN was sent, alone or with a request. When not all was well, it may be what has failed. */
void cx_session_tx_begun(cdbc_session *session, bool is_well);
/* Whether one of its own statements has ended it: what follows would stand alone. */
bool cx_session_tx_is_over(cdbc_session *session);
cdbc_status cx_session_tx_tell_over(cdbc_error **err);
/* Sets the outcome of a transaction that was rolled back, whose failure had that replay. */
void cx_session_tx_judge(cdbc_error **error, bool is_over, cdbc_replay replay);
/* Something has failed in the transaction, or was refused before it was sent. */
void cx_session_tx_note(cdbc_session *session, const cdbc_error *error);
/* Ends it without a word to the server. */
void cx_session_tx_forget(cdbc_session *session);
#define CX_TX_GRACE_MS 1000 /* for a rollback */
int64_t cx_session_tx_deadline(const cdbc_session *session,
							   const cdbc_transaction_options *options);
/* The statement that begins it. *own: its memory, or NULL when it is a constant. */
cdbc_status cx_session_tx_begin_text(const cdbc_session *session,
									 const cdbc_transaction_options *options, const char **text,
									 char **own, cdbc_error **err);
/* Whether its commit is to carry a token. */
bool cx_session_tx_is_resolved(const cdbc_session *session,
							   const cdbc_transaction_options *options);
/* CDBC_USAGE, CDBC_UNSUPPORTED: none can be begun here. */
cdbc_status cx_session_tx_check_begin(const cdbc_session *session, cdbc_error **err);
/* None may be open. */
cdbc_status cx_session_tx_begin(cdbc_session *session, const cdbc_transaction_options *options,
								int64_t deadline_ns, cdbc_error **err);
/* It is over when these return. */
cdbc_status cx_session_tx_commit(cdbc_session *session, cdbc_error **err);
void cx_session_tx_rollback(cdbc_session *session);
/* Back to SAVEPOINT cockroach_restart; false when there is none, or no way back. */
bool cx_session_tx_restart(cdbc_session *session);

/* transaction/wait.c: between attempts */
/* Waits, without a connection unless SQL has changed it or a transaction is open; true when
 * cancelled since the count was that: meanwhile, or while an attempt ended by itself. */
bool cx_session_wait_since(cdbc_session *session, int64_t wait_ns, uint32_t cancel_count);
static inline uint32_t cx_session_cancel_count(const cdbc_session *session)
{
	return atomic_load_explicit(&session->cancel_count, memory_order_relaxed);
}
/* *err becomes CDBC_CANCELLED; the outcome stays. */
cdbc_status cx_session_cancelled(cdbc_error **err);

#endif
