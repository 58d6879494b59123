// SPDX-License-Identifier: Apache-2.0
/* Sessions: where requests are made. One thread at a time, but for cancel. */
#ifndef CDBC_SESSION_H
#define CDBC_SESSION_H

#include <cdbc/client.h>
#include <cdbc/driver.h>
#include <cdbc/result.h>
#include <cdbc/value.h>

CDBC_BEGIN

/* Whether a write whose commit was not answered is looked up until it is known what became of it
 * (docs/resolver.md). It costs a row in a table a commit. */
typedef enum cdbc_resolve {
	CDBC_RESOLVE_DEFAULT, /* of a transaction: as resolver.enabled says; of a single request: off */
	CDBC_RESOLVE_ON,
	CDBC_RESOLVE_OFF
} cdbc_resolve;

/* Overrides for one request; zero or NULL: the query's, the session's or the configuration's. */
typedef struct cdbc_request_options {
	size_t struct_size;
	int64_t timeout_ms;
	int64_t max_rows; /* more is CDBC_RESOURCE; 0: no limit */
	cdbc_numeric_mode numeric;
	cdbc_arrays_mode arrays;
	int64_t batch_rows;
	bool is_idempotent;
	/* ON, outside a transaction: a write goes with its token as a transaction of its own, in one
	 * round trip. When its commit is not answered and turns out to be in, the call succeeds; one
	 * whose rows or count were lost with the answer fails with the outcome COMMITTED. Of a result
	 * of several batches the error has the token (CDBC_FIELD_TOKEN). */
	cdbc_resolve resolve;
} cdbc_request_options;

#define CDBC_REQUEST_OPTIONS_INIT                                                          \
	{                                                                                      \
		sizeof(cdbc_request_options), 0, 0, CDBC_NUMERIC_AUTO, CDBC_ARRAYS_LIST, 0, false, \
			CDBC_RESOLVE_DEFAULT                                                           \
	}

/* Run a named query, or SQL text, and stream its rows. name, sql and params are read only during
 * the call; values are bound, never spliced. Parameters are given by name (:name), or all without
 * names for $1, $2, ... Free the result before the next call on the session. options NULL: the
 * defaults. Fail with CDBC_NOT_FOUND (name), CDBC_PARAM, CDBC_SQL_FILE (sql: the lexer refuses it),
 * CDBC_SQL, CDBC_CONFLICT, CDBC_TIMEOUT, CDBC_CONNECT, CDBC_AUTH, CDBC_OVERLOADED, CDBC_CANCELLED,
 * CDBC_RESOURCE, CDBC_DATA, CDBC_CLOSED, CDBC_USAGE (a result is open), CDBC_NOMEM. Round trips:
 * one; two the first time a connection sees the statement. (A connection is taken first when the
 * session has none: none when an idle one is fresh, one to check it when it rested longer than
 * pool.check_idle.) */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_run(cdbc_session *session, const char *name,
													 cdbc_params params,
													 const cdbc_request_options *options,
													 cdbc_result **out, cdbc_error **err);
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_query(cdbc_session *session, const char *sql,
													   cdbc_params params,
													   const cdbc_request_options *options,
													   cdbc_result **out, cdbc_error **err);

/* Runs every statement of a script in turn, discarding rows, and stops at the first that fails;
 * none when a quote or comment is left open. Each has the session's timeout for itself, and an
 * error is the failed statement's, but once one has run there is no safe replay. No parameters.
 * *affected_count (may be NULL) is the sum. Errors as cdbc_session_query. Round trips: one a
 * statement. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_execute_script(cdbc_session *session,
																const char *sql,
																int64_t *affected_count,
																cdbc_error **err);

/* Asks the server to abandon what the session is running, which then fails with CDBC_CANCELLED, as
 * does a request that waits for a connection or between two attempts. A transaction as a function
 * is not run again. The one call that any thread may make on a session, as long as it is not
 * released. Success when nothing runs, or it ends by itself meanwhile. Fails with CDBC_UNSUPPORTED,
 * CDBC_CONNECT, CDBC_TIMEOUT. Waits at most 5 s. Round trips: one, on a connection of its own. */
CDBC_API cdbc_status cdbc_session_cancel(cdbc_session *session, cdbc_error **err);

/* Gives the session back. A result still open is closed as by cdbc_result_free; an open transaction
 * is rolled back; an exported stream ends with an error. Within the function of a
 * cdbc_session_transact the session stays: the transaction is rolled back instead of committed,
 * with CDBC_USAGE. Takes NULL. Round trips: none when clean. */
CDBC_API void cdbc_session_release(cdbc_session *session);

CDBC_END
#endif
