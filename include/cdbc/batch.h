// SPDX-License-Identifier: Apache-2.0
/* Batches: many statements in few round trips; whole transactions in one. A statement that needs an
 * earlier one's result goes into one with it, as `with ... as (insert ... returning ...)`.
 *
 *     cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
 *     options.is_atomic = true;
 *     status = cdbc_batch_new(session, &options, &batch, &err);
 *     status = cdbc_batch_add(batch, "debit", CDBC_PARAMS({"id", cdbc_int64(7)}), &err);
 *     status = cdbc_batch_add(batch, "credit", CDBC_PARAMS({"id", cdbc_int64(8)}), &err);
 *     status = cdbc_batch_execute(batch, NULL, NULL, NULL, &err);
 *     cdbc_batch_free(batch);
 *
 * How they go, and what a failure means:
 *
 * - atomic: BEGIN, the statements and COMMIT in one pipeline to one Sync, one round trip for it
 *   all, so that CockroachDB can run it again by itself. All of them take effect, or none. What may
 *   safely be repeated is, as a whole, within the limits of the retry policy. When the link is lost
 *   before the commit is answered the outcome is UNKNOWN, unless the transaction resolves.
 * - CDBC_BATCH_STOP: everything before the first failure has taken effect, nothing after it has.
 *   Statements that read or change rows go in groups of up to chunk_count, each group a transaction
 *   in one round trip. When one fails its group is rolled back, and those before it are sent again
 *   as a smaller group. Anything else (DDL, SET, BEGIN, a query with a transaction of its own kind)
 *   goes alone, between groups.
 * - CDBC_BATCH_CONTINUE: each statement is a transaction by itself and all of them are tried, up to
 *   chunk_count on their way at a time, in their order. None is repeated: a conflict is reported
 *   with replay SAFE. When the link is lost, or the deadline passes, those whose answer was read
 *   are done, the others on their way UNKNOWN (reads: ROLLED_BACK), the rest was not sent.
 * - in a transaction that is open already: its next statements, pipelined; the first failure ends
 *   the batch, and the transaction must be rolled back. An atomic batch is a part of it.
 *
 * - many rows by the same INSERT (64 or more after each other, in an atomic batch or with
 *   CDBC_BATCH_STOP, one row of parameters alone, no ON CONFLICT, no RETURNING) go as one statement
 *   with an array a column, as cdbc_batch_add_rows makes them, up to 1,000 rows each. This is so by
 *   default because it is done only where nothing can tell: the server's catalogue is asked first,
 *   in each execute, in one round trip a statement. It is not done for a table with triggers,
 *   rules, row security, partitions, or a foreign key to itself, for a column of an array or domain
 *   type, beside a default that is more than a constant, a sequence, now() or a random uuid, when
 *   the catalogue cannot be read, in a transaction that is open already, nor where the database has
 *   no arrays (SQLite). The order of the rows, and so of sequences' numbers, stays. Each statement
 *   has its result and its event as ever. When the arrays fail, their transaction is rolled back
 *   and tried once more row by row: so the failing statement is named, and with CDBC_BATCH_STOP
 *   those before it take effect. What changes is what the server counts and times: it sees one
 *   statement, and its own statement_timeout is measured on that. is_row_by_row switches it off.
 *
 * Results of a transaction are held until it has committed, so that each is told once; up to 16 MiB
 * of them. Beyond that they are told as they come, nothing is sent again from then on, and a
 * failure makes void what was told of its transaction.
 *
 * Statements pass the client's strategies by their `allow` (see strategy.h); where an application's
 * own link has none, or the driver takes one request at a time, they go through the chain one by
 * one, with the same meaning. Observers see each statement as a request, and the transactions of
 * the batch as transactions. One thread at a time. */
#ifndef CDBC_BATCH_H
#define CDBC_BATCH_H

#include <cdbc/dialect.h>
#include <cdbc/session.h>
#include <cdbc/transaction.h>

CDBC_BEGIN

typedef struct cdbc_batch cdbc_batch;

typedef enum cdbc_batch_on_error { CDBC_BATCH_STOP, CDBC_BATCH_CONTINUE } cdbc_batch_on_error;

/* Strings are copied. */
typedef struct cdbc_batch_options {
	size_t struct_size;
	const char *name; /* for messages and events; NULL: none */
	bool is_atomic;
	cdbc_batch_on_error on_error; /* when not atomic */
	/* when atomic: isolation, priority, is_read_only, as_of, max_retries, resolve;
	 * restart_savepoint says nothing here. NULL: the defaults */
	const cdbc_transaction_options *transaction;
	bool is_idempotent;  /* doing it all twice is the same as once */
	int64_t timeout_ms;  /* of one execute, with every attempt; 0: the session's */
	int64_t max_bytes;   /* of what is added; 0: 16 MiB */
	int64_t chunk_count; /* statements on their way at a time, or in a group; 0: 1,000 */
	bool is_row_by_row;  /* makes no arrays of rows */
} cdbc_batch_options;

#define CDBC_BATCH_OPTIONS_INIT                                                               \
	{                                                                                         \
		sizeof(cdbc_batch_options), NULL, false, CDBC_BATCH_STOP, NULL, false, 0, 0, 0, false \
	}

/* What became of the statements of an execute; the counts of statements add up. Those in a
 * transaction that is still open at its end, and may be committed, count as done. */
typedef struct cdbc_batch_summary {
	size_t struct_size;
	int64_t statement_count;
	int64_t done_count;     /* took effect */
	int64_t failed_count;   /* failed, and had no effect */
	int64_t undone_count;   /* rolled back because another failed, or by a ROLLBACK of the batch */
	int64_t unknown_count;  /* nobody can tell */
	int64_t not_sent_count; /* never seen by the server */
	int64_t affected_count; /* rows changed by those that took effect */
	int64_t row_count;      /* rows returned by them */
	int64_t attempt_count;  /* 1, and one for each time that something was sent again */
} cdbc_batch_summary;

#define CDBC_BATCH_SUMMARY_INIT                               \
	{                                                         \
		sizeof(cdbc_batch_summary), 0, 0, 0, 0, 0, 0, 0, 0, 0 \
	}

/* Is told of each statement, in the order of the adds: its result, to be read during the call (what
 * is left is thrown away; not to be freed), or its failure (result NULL). A result that fails while
 * it is read is followed by the failure. index is from 0. False: tell no more, and send no more.
 * Must not use the session. */
typedef bool (*cdbc_batch_on_result)(void *data, int64_t index, cdbc_result *result,
									 const cdbc_error *error);

/* Makes an empty batch for a session, which it borrows. Fails with CDBC_USAGE, CDBC_NOMEM. Round
 * trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_batch_new(cdbc_session *session,
												   const cdbc_batch_options *options,
												   cdbc_batch **out, cdbc_error **err);

/* Adds a named query or one SQL statement with its parameters, which are checked now and copied.
 * What one statement cannot be is refused: a script, COPY, and in an atomic batch BEGIN, COMMIT and
 * the like. Fails as cdbc_session_run and cdbc_session_query do before they send, and with
 * CDBC_RESOURCE when the batch is full (max_bytes): execute and clear it, and add again. Round
 * trips: none, but the taking of a connection by the first when the client has had none yet. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_batch_add(cdbc_batch *batch, const char *name,
												   cdbc_params params, cdbc_error **err);
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_batch_add_sql(cdbc_batch *batch, const char *sql,
													   cdbc_params params, cdbc_error **err);
/* The same for a text of length bytes, NUL terminated or not. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_batch_add_text(cdbc_batch *batch, const char *sql,
														size_t length, cdbc_params params,
														cdbc_error **err);
/* Adds rows of a table as one statement, an array a column (`insert ... select ... from
 * unnest(...)` where the database has that): up to ten times as fast as a statement a row on
 * CockroachDB. values holds row_count rows of insert->column_count values, row after row, each of
 * its column's type or NULL; 1,000 rows a call are a good measure. insert->types must be given;
 * keys and updates make it an upsert. It is one statement and one result, whose affected count is
 * that of all rows: it succeeds or fails as a whole, triggers of statements run once, constraints
 * between its rows are looked at when all are there, and an upsert may not name a key twice (21000
 * on PostgreSQL). Where that is not the meaning, add a statement a row: a batch makes arrays by
 * itself only where nothing can tell. Fails as cdbc_batch_add_sql, with CDBC_USAGE (no row, no
 * column, no type), CDBC_PARAM (a value that is an array, or a text with a NUL or not of UTF-8: the
 * message has its row and column), and as the dialect's rows does. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_batch_add_rows(cdbc_batch *batch,
														const cdbc_dialect_insert *insert,
														const cdbc_value *values, size_t row_count,
														cdbc_error **err);
/* Adds the statements of a SQL script, without parameters: all or, on failure, none. Also CDBC_IO
 * and CDBC_SQL_FILE (a quote left open); errors begin with file:line:column, also those of execute.
 * At most 64 MiB. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_batch_add_file(cdbc_batch *batch, const char *path,
														cdbc_error **err);
/* Says where the last statement that was added came from, for messages: file is copied (NULL: not
 * known), line and column are from 1 (0: not known). An error of a text without parameters names
 * the place within it, where the database gives one and the column is known: it stands so in the
 * file. Fails with CDBC_USAGE (there is none), CDBC_NOMEM. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_batch_place(cdbc_batch *batch, const char *file,
													 int64_t line, int64_t column,
													 cdbc_error **err);

/* How many statements there are. */
CDBC_API int64_t cdbc_batch_count(const cdbc_batch *batch);

/* Runs them all, as the head of this file says. The statements stay, and may be run again.
 * on_result and summary may be NULL; *summary is written in any case (set its struct_size). The
 * error is that of the first failure, and names its statement; its outcome and replay are those of
 * the batch: no replay once another statement took effect. Errors as cdbc_session_run and
 * cdbc_session_commit. Round trips: one a chunk, two when it has statements that are new to the
 * connection, and one more for each INSERT of many rows, for the catalogue. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_batch_execute(cdbc_batch *batch,
													   cdbc_batch_on_result on_result, void *data,
													   cdbc_batch_summary *summary,
													   cdbc_error **err);

/* Removes the statements. */
CDBC_API void cdbc_batch_clear(cdbc_batch *batch);
/* Before its session is released. Takes NULL. */
CDBC_API void cdbc_batch_free(cdbc_batch *batch);

CDBC_END
#endif
