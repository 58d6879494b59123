// SPDX-License-Identifier: Apache-2.0
/* Transactions: begun and ended by hand, or run again by the library when the database asks for it.
 * A session has one at a time; inside it, savepoints. */
#ifndef CDBC_TRANSACTION_H
#define CDBC_TRANSACTION_H

#include <cdbc/session.h>

CDBC_BEGIN

typedef enum cdbc_isolation {
	CDBC_ISOLATION_DEFAULT, /* the database's, or the session's */
	CDBC_ISOLATION_READ_COMMITTED,
	CDBC_ISOLATION_REPEATABLE_READ,
	CDBC_ISOLATION_SNAPSHOT, /* CockroachDB's word for repeatable read */
	CDBC_ISOLATION_SERIALIZABLE
} cdbc_isolation;

/* Which of two conflicting transactions gives way, on CockroachDB. */
typedef enum cdbc_priority {
	CDBC_PRIORITY_DEFAULT,
	CDBC_PRIORITY_LOW,
	CDBC_PRIORITY_NORMAL,
	CDBC_PRIORITY_HIGH
} cdbc_priority;

typedef struct cdbc_transaction_options {
	size_t struct_size;
	const char *name;         /* for messages and events; NULL: none. Read during the call; of
								 cdbc_session_begin: until the transaction ends */
	cdbc_isolation isolation; /* SQLite's transactions are serializable, whatever is asked */
	cdbc_priority priority;   /* CockroachDB; elsewhere it says nothing */
	bool is_read_only;
	/* AS OF SYSTEM TIME: a SQL expression of the program's own, never a caller's text; makes it
	 * read only. CockroachDB; elsewhere CDBC_UNSUPPORTED. CDBC_SQL_FILE: it is not one constant
	 * expression, or none of CockroachDB's functions for it. */
	const char *as_of;
	int64_t timeout_ms;     /* of it all, with every attempt; 0: the session's */
	int64_t max_retries;    /* of cdbc_session_transact; 0: the configuration's; -1: none */
	bool restart_savepoint; /* SAVEPOINT cockroach_restart: on CockroachDB the next attempt keeps
							   connection and place in the queue; elsewhere as without */
	cdbc_resolve resolve;   /* what became of an unanswered commit is found out */
} cdbc_transaction_options;

#define CDBC_TRANSACTION_OPTIONS_INIT                                                          \
	{                                                                                          \
		sizeof(cdbc_transaction_options), NULL, CDBC_ISOLATION_DEFAULT, CDBC_PRIORITY_DEFAULT, \
			false, NULL, 0, 0, false, CDBC_RESOLVE_DEFAULT                                     \
	}

/* ---- by hand ---- */

/* Begins a transaction. It keeps the session's connection until it ends; when that is lost, every
 * request fails with CDBC_CONNECT (rolled back, replay TRANSACTION) until cdbc_session_rollback.
 * options NULL: the defaults. Fails with CDBC_USAGE (one is open, or a result), CDBC_UNSUPPORTED,
 * and as connecting does. Round trips: the taking of a connection, and no more where the driver
 * pipelines: BEGIN goes with the first statement, and fails with it ("begin: ..."). With
 * restart_savepoint on CockroachDB: two. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_begin(cdbc_session *session,
													   const cdbc_transaction_options *options,
													   cdbc_error **err);
/* Commits. A transaction in which something has failed, or was refused before it was sent, outside
 * a savepoint that was rolled back, is rolled back instead, and the error says what had failed:
 * whoever overlooked it cannot commit; nor can who comes after its timeout. The transaction is
 * over, whatever this returns. Fails with CDBC_USAGE (none is open, or a result is), CDBC_CONFLICT
 * (rolled back: begin anew), CDBC_CONNECT, CDBC_TIMEOUT, CDBC_SQL and others, whose outcome says
 * whether the work is in: UNKNOWN with SQLSTATE 25P01 when one of its own statements had ended it.
 * Round trips: one; none when nothing was done. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_commit(cdbc_session *session, cdbc_error **err);
/* Rolls back. The transaction is over whatever this returns, and has no effect. Fails with
 * CDBC_USAGE (none is open, a result is open) and, with the outcome UNKNOWN, CDBC_SQL (25P01: one
 * of its own statements had ended it, as CockroachDB does where autocommit_before_ddl is on: what
 * was before may be in). Round trips: one; none when the connection is lost or nothing was done. */
CDBC_API cdbc_status cdbc_session_rollback(cdbc_session *session, cdbc_error **err);

/* Sets a savepoint inside the transaction; they nest, at most 1,000 deep. Round trips: one, two
 * when nothing was done before. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_savepoint(cdbc_session *session, cdbc_error **err);
/* Ends the innermost savepoint and keeps its work, unless something has failed in it. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_release_savepoint(cdbc_session *session,
																   cdbc_error **err);
/* Ends the innermost savepoint and undoes its work and its failure. What was a conflict fails it
 * all: CDBC_CONFLICT. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_rollback_savepoint(cdbc_session *session,
																	cdbc_error **err);

/* How deep the session stands: 0, no transaction; 1, in one; more, in savepoints. A transaction
 * begun with SQL text is not counted. */
CDBC_API int64_t cdbc_session_transaction_depth(const cdbc_session *session);

/* ---- by the library ---- */

/* The work of a transaction. Whatever it does outside the database may happen several times.
 * Anything but CDBC_OK rolls back; *err is then its own to set: to the error of what failed, or by
 * cdbc_error_set to one of its own, whose status, message and hint the caller of
 * cdbc_session_transact gets, with the outcome ROLLED_BACK. Neither status nor error make it run
 * again: only what the database said in it does. */
typedef cdbc_status (*cdbc_transaction_fn)(cdbc_session *session, void *data, cdbc_error **err);

/* Runs fn in a transaction and commits. When the database asks for it (40001, 40P01, SQLITE_BUSY),
 * or the connection was lost before the commit was sent, fn is run again from its start, up to
 * max_retries times and the deadline; between attempts a clean connection is given back, so the
 * next one may sit on another, and another node. A failure that fn overlooked is not committed.
 * Inside a transaction it is a savepoint, and conflicts go to the outermost call; savepoints that
 * fn leaves open end with it, and what it did not begin itself it cannot end (CDBC_USAGE), nor can
 * it release the session. The error's outcome says whether the work is in: UNKNOWN only when the
 * commit was sent and no answer came, or a statement of fn had ended the transaction (25P01).
 * Errors as cdbc_session_begin and cdbc_session_commit, and fn's own. options NULL: the defaults.
 * Round trips an attempt: those of fn, and one for the commit. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_transact(cdbc_session *session,
														  cdbc_transaction_fn fn, void *data,
														  const cdbc_transaction_options *options,
														  cdbc_error **err);

CDBC_END
#endif
