// SPDX-License-Identifier: Apache-2.0
/* Strategies: links of the chain that every request of a session goes through. From the outside in:
 * the application's own, in the order in which they were given, then cache, retry and breaker, and
 * the executor last: the application's (cdbc_client_options.executor) before the library's. */
#ifndef CDBC_STRATEGY_H
#define CDBC_STRATEGY_H

#include <cdbc/arrow.h>
#include <cdbc/catalog.h>
#include <cdbc/driver.h>
#include <cdbc/result.h>

CDBC_BEGIN

/* A request on its way through the chain: its parameters are checked and bound already. Borrowed
 * for the call of execute, on the thread that made the request. */
typedef struct cdbc_call cdbc_call;

/* What comes after a link. */
typedef struct cdbc_next cdbc_next;

/* How a request has ended. Borrowed for the call. */
typedef struct cdbc_finish {
	size_t struct_size;
	const char *name;        /* of the query; NULL: SQL text */
	const cdbc_error *error; /* NULL: it ended well, or its result was freed before its end */
	const cdbc_summary *summary;
	int64_t duration_ns; /* since the link was entered */
	int64_t row_count;
} cdbc_finish;

/* A link. Its functions may run on several threads at once, one a request. */
typedef struct cdbc_strategy {
	size_t struct_size;
	const char *name;
	/* Runs the request by cdbc_next_run, once, several times (after freeing what it has) or not at
	 * all, and returns when the first batch, the end or an error is there. An error is passed on,
	 * or made by cdbc_call_fail; none may be missing. */
	cdbc_status (*execute)(void *self, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err);
	/* Once for each execute that succeeded, when its result has ended or is freed. NULL: not
	 * wanted. */
	void (*finished)(void *self, const cdbc_finish *finish);
	void (*destroy)(void *self); /* with the client; NULL: nothing to do */
	void *self;
	/* Whether a statement may go with others in a batch, which does not pass execute and finished:
	 * asked of each before any is sent; a failure (by cdbc_call_fail) refuses the whole batch.
	 * NULL: statements of batches go one at a time, through execute. */
	cdbc_status (*allow)(void *self, cdbc_call *call, cdbc_error **err);
} cdbc_strategy;

/* Hands the request to what comes next. Errors as cdbc_session_run. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_next_run(const cdbc_next *next, cdbc_call *call,
												  cdbc_result **out, cdbc_error **err);

/* Makes an error of a link's own, as cdbc_error_set does, with the query's name before the text and
 * in CDBC_FIELD_STATEMENT. cdbc_error_set_hint adds what to do. */
CDBC_API cdbc_status cdbc_call_fail(cdbc_call *call, cdbc_status status, const char *message,
									cdbc_error **err);

/* The same with more facts, and what became of the work: of an executor that spoke to somebody.
 * Retry goes by replay. info is borrowed. */
CDBC_API cdbc_status cdbc_call_fail_as(cdbc_call *call, const cdbc_error_info *info,
									   cdbc_outcome outcome, cdbc_replay replay, cdbc_error **err);

/* Answers the request from any Arrow stream of struct batches whose columns are of the formats that
 * results have (docs: the table of types), in the place of what comes next, or made of its result:
 * then the stream reads of that, and frees it when it is released. For a cache, or an executor of
 * the application's own (cdbc_client_options.executor). The stream is taken over,
 * also on failure, and released on the session's thread when the result ends; its release pointer
 * is NULL then. The query's promises (`:one`, max-rows) hold for it as for any result. Fails with
 * CDBC_UNSUPPORTED (a column of another format, a dictionary), CDBC_DATA, CDBC_NOMEM, and with
 * CDBC_CANCELLED, CDBC_TIMEOUT or CDBC_IO and the stream's own text where the stream fails. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_call_answer(cdbc_call *call,
													 struct ArrowArrayStream *stream,
													 cdbc_result **out, cdbc_error **err);

/* What is asked. Strings and values are borrowed. */
CDBC_API const char *cdbc_call_name(const cdbc_call *call); /* of the query; NULL: SQL text */
CDBC_API const char *cdbc_call_sql(const cdbc_call *call);  /* with placeholders, as it is sent */
CDBC_API const cdbc_value *cdbc_call_values(const cdbc_call *call, size_t *count);
CDBC_API cdbc_statement_kind cdbc_call_kind(const cdbc_call *call);
CDBC_API bool cdbc_call_is_read_only(const cdbc_call *call);
/* Names the time, chance or the connection: another answer each time, of the same data. */
CDBC_API bool cdbc_call_is_volatile(const cdbc_call *call);
CDBC_API bool cdbc_call_is_idempotent(const cdbc_call *call);
/* In a transaction, where one statement must not be repeated, moved or answered from elsewhere. */
CDBC_API bool cdbc_call_in_transaction(const cdbc_call *call);
/* CLOCK_MONOTONIC; INT64_MAX: none. */
CDBC_API int64_t cdbc_call_deadline_ns(const cdbc_call *call);
/* From 1; one who repeats a request counts on. */
CDBC_API int64_t cdbc_call_attempt(const cdbc_call *call);
CDBC_API void cdbc_call_set_attempt(cdbc_call *call, int64_t attempt);
/* For whom: as cdbc_session_options says; NULL and 0: nobody in particular. */
CDBC_API const char *cdbc_call_user(const cdbc_call *call);
CDBC_API const cdbc_value *cdbc_call_roles(const cdbc_call *call, size_t *count);

CDBC_END
#endif
