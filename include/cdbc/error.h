// SPDX-License-Identifier: Apache-2.0
/* Errors: what failed, where, what became of the work, and what may be done now. */
#ifndef CDBC_ERROR_H
#define CDBC_ERROR_H

#include <cdbc/base.h>

CDBC_BEGIN

/* The error family, by what the caller can do about it. X(id, name, text) */
#define CDBC_STATUS_LIST(X)                                                             \
	X(OK, "ok", "success")                                                              \
	X(CONNECT, "connect", "no connection, or it was lost: try again, maybe elsewhere")  \
	X(AUTH, "auth", "the server did not accept who we are: renew the credential")       \
	X(DENIED, "denied", "not allowed: ask for the right")                               \
	X(CONFIG, "config", "a setting is wrong: mend the configuration")                   \
	X(USAGE, "usage", "the call was wrong: mend the program")                           \
	X(SQL_FILE, "sql-file", "a SQL file is wrong: mend the file")                       \
	X(NOT_FOUND, "not-found", "no query, file or column of that name")                  \
	X(PARAM, "param", "a parameter is missing, undeclared, or does not fit its type")   \
	X(SQL, "sql", "the database refused or failed the statement")                       \
	X(CONFLICT, "conflict", "a concurrent transaction was in the way: see replay")      \
	X(TIMEOUT, "timeout", "the deadline passed")                                        \
	X(CANCELLED, "cancelled", "the caller asked to stop")                               \
	X(OVERLOADED, "overloaded", "too much work waits already: come back later")         \
	X(RESOURCE, "resource", "memory, disk or a limit (such as max-rows) was exhausted") \
	X(DATA, "data", "a value cannot be represented as asked")                           \
	X(IO, "io", "a file or sink could not be read or written")                          \
	X(UNSUPPORTED, "unsupported", "this driver or server cannot do it")                 \
	X(CLOSED, "closed", "the object was closed")                                        \
	X(NOMEM, "nomem", "out of memory")                                                  \
	X(INTERNAL, "internal", "a defect of this library or of a driver: report it")

typedef enum cdbc_status {
#define CDBC_STATUS_ID(id, name, text) CDBC_##id,
	CDBC_STATUS_LIST(CDBC_STATUS_ID)
#undef CDBC_STATUS_ID
		CDBC_STATUS_COUNT
} cdbc_status;

/* What became of the work that failed. */
typedef enum cdbc_outcome {
	CDBC_OUTCOME_NOT_SENT,          /* the server never saw it */
	CDBC_OUTCOME_ROLLED_BACK,       /* it had no effect */
	CDBC_OUTCOME_COMMITTED,         /* it took effect; only the answer was lost */
	CDBC_OUTCOME_COMMITTED_PARTIAL, /* some is in: the data without a schema change (XXA00), a
									   copy's earlier chunks without the last one, or the rows
									   before one that INSERT OR FAIL refused */
	CDBC_OUTCOME_UNKNOWN            /* nobody can tell yet */
} cdbc_outcome;

/* What a caller may do now. */
typedef enum cdbc_replay {
	CDBC_REPLAY_NO,
	CDBC_REPLAY_SAFE,         /* the same call again */
	CDBC_REPLAY_TRANSACTION,  /* the whole transaction from its start, never one statement of it */
	CDBC_REPLAY_IF_IDEMPOTENT /* only when doing it twice is the same as once */
} cdbc_replay;

typedef enum cdbc_error_field_id {
	CDBC_FIELD_DETAIL,
	CDBC_FIELD_HINT,
	CDBC_FIELD_CONSTRAINT,
	CDBC_FIELD_SCHEMA,
	CDBC_FIELD_TABLE,
	CDBC_FIELD_COLUMN,
	CDBC_FIELD_STATEMENT, /* the query's name */
	CDBC_FIELD_HOST,
	CDBC_FIELD_FILE,    /* where in a file: see cdbc_error_line and cdbc_error_column */
	CDBC_FIELD_TOKEN,   /* of a commit whose outcome is unknown: see docs/resolver.md */
	CDBC_FIELD_CONTEXT, /* where the server was, in its own words */
	CDBC_FIELD_COUNT
} cdbc_error_field_id;

/* One thing that is wrong in a file that is checked. Strings are valid during the report. */
typedef struct cdbc_diagnostic {
	const char *file; /* of a setting that is in no file: the variable or option */
	int64_t line;     /* from 1; 0: not in a file */
	int64_t column;
	bool is_error; /* else a warning */
	const char *message;
	const char *hint;      /* "" when none */
	const char *line_text; /* the line it is in, for the caret; "" when it may hold a secret, or is
							  very long */
	int64_t end_line;      /* just after what is meant; 0: not known */
	int64_t end_column;
	const char *query; /* the named query it is about; NULL: none, or not known */
	const char *rung; /* which check said it: "lexical", "grammar", "server", "plan"; NULL: not of a
						 SQL file */
	const char *code; /* SQLSTATE, or the name of a rule ("full-scan"); NULL: none */
	bool is_note;     /* neither error nor warning: only told */
} cdbc_diagnostic;

/* Returns "connect", "sql" and so on; "unknown" for a number that is none. Static storage. */
CDBC_API const char *cdbc_status_name(cdbc_status status);
/* Returns one sentence on what the status means. Static storage. */
CDBC_API const char *cdbc_status_text(cdbc_status status);

/* Return the parts of an error. Strings are borrowed from it. error may not be NULL. Any thread,
 * none changing it. */
CDBC_API cdbc_status cdbc_error_status(const cdbc_error *error);
/* The whole message, from the outside in: `acquire from pool "main": connect db2:26257: refused`.
 */
CDBC_API const char *cdbc_error_message(const cdbc_error *error);
/* The five characters of the SQLSTATE, or "" when there is none. */
CDBC_API const char *cdbc_error_sqlstate(const cdbc_error *error);
/* A field's text, or NULL when the error has none. */
CDBC_API const char *cdbc_error_field(const cdbc_error *error, cdbc_error_field_id id);
/* The place in the SQL as it was given, of a named query as it is written, counted in characters
 * from 1; 0 when unknown. */
CDBC_API int64_t cdbc_error_position(const cdbc_error *error);
/* The place in the file of CDBC_FIELD_FILE (a named query's: where its SQL is wrong), from 1; 0
 * when unknown. */
CDBC_API int64_t cdbc_error_line(const cdbc_error *error);
CDBC_API int64_t cdbc_error_column(const cdbc_error *error);
CDBC_API cdbc_outcome cdbc_error_outcome(const cdbc_error *error);
CDBC_API cdbc_replay cdbc_error_replay(const cdbc_error *error);
/* Return "rolled-back", "if-idempotent" and so on. Static storage. */
CDBC_API const char *cdbc_outcome_name(cdbc_outcome outcome);
CDBC_API const char *cdbc_replay_name(cdbc_replay replay);

/* Makes an error of the application's own, in a function that the library calls (of a transaction,
 * a strategy, a format, a dialect, ...) or anywhere else, and returns status, for
 *
 *     return cdbc_error_set(err, CDBC_DATA, "account %lld cannot pay %lld", id, amount);
 *
 * The text is formatted as by printf and copied; of more than 4,000 bytes the rest is cut. What
 * *err has is not looked at, as by every call: free it first. err NULL: nothing is made. The
 * outcome is NOT_SENT and the replay NO, whatever the status; a transaction whose function returns
 * it is rolled back and says so (cdbc_session_transact). A status that is CDBC_OK or none becomes
 * CDBC_USAGE. When memory is short, *err is CDBC_NOMEM's static error, and that is returned; or
 * only the text is lost, and the status's own stands for it. The caller's to free. Any thread.
 * Round trips: none. */
CDBC_API cdbc_status cdbc_error_set(cdbc_error **err, cdbc_status status, const char *format, ...)
	CDBC_PRINTF(3, 4);
/* Sets CDBC_FIELD_HINT of *err, in place of the one it has: what to do next. Formatted, copied and
 * cut likewise. Nothing happens when err or *err is NULL, or memory is short. Any thread, none
 * using the error. Round trips: none. */
CDBC_API void cdbc_error_set_hint(cdbc_error **err, const char *format, ...) CDBC_PRINTF(2, 3);

/* Frees an error; NULL is fine. */
CDBC_API void cdbc_error_free(cdbc_error *error);

CDBC_END
#endif
