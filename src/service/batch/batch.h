// SPDX-License-Identifier: Apache-2.0
/* A batch inside: what was added (batch.c), how it goes (send.c), and results that wait for
 * their commit (held.c). */
#ifndef CX_BATCH_SERVICE_H
#define CX_BATCH_SERVICE_H

#include "base/arena.h"
#include "data/exec/flight.h"
#include "service/session.h"

#include <cdbc/batch.h>

#define CX_HELD_MAX   ((int64_t)16 << 20)
#define CX_FOLD_LEAST 64 /* rows that are worth a question to the catalogue: see bench/ */
#define CX_FOLDS_MAX  16 /* different statements of an execute */

typedef struct cx_batch_item {
	const cx_query *query; /* NULL: SQL text */
	const cx_statement *statement;
	const cdbc_value *values;
	const char *file; /* NULL: not known */
	int64_t line, column;
} cx_batch_item;

/* A result that waits for its commit, or as many that are alike and have no rows. */
typedef struct cx_held {
	int64_t index;
	size_t statement_count;    /* from index on */
	struct ArrowSchema schema; /* release NULL: no columns */
	struct ArrowArray *arrays;
	size_t count, capacity, at;
	int64_t row_count, byte_count, affected_count;
	bool is_told;
	cdbc_summary summary;
} cx_held;

/* A statement, and what stands for many of it. */
typedef struct cx_fold {
	const cx_statement *of;
	const cx_query *query;
	cx_statement *statement; /* with an array a column; NULL: there is none */
	const size_t *params;    /* of `of`, for each column */
	size_t count;            /* of columns */
	bool *takes_bytes;       /* each column */
	const cdbc_value *types; /* each parameter's: a row whose types they are */
} cx_fold;

/* What goes as one request: a statement, or many that were made one. */
typedef struct cx_batch_part {
	size_t at, count;
} cx_batch_part;

/* What had taken effect at a time. */
typedef struct cx_batch_mark {
	int64_t done_count, affected_count, row_count;
} cx_batch_mark;

struct cdbc_batch {
	cdbc_session *session;
	cdbc_batch_options options;           /* its strings are in `own` */
	cdbc_transaction_options transaction; /* likewise */
	cx_arena own, arena;                  /* arena: of what was added */
	cdbc_catalog *catalog;                /* the generation that its queries are from, or NULL */
	cx_batch_item *items;
	size_t count, capacity;
	int64_t bytes;
	const char *last_file;

	/* while it is executed */
	cdbc_batch_on_result on_result;
	void *data;
	cdbc_batch_summary summary;
	cx_batch_mark mark; /* before the transaction that is open, or now */
	cdbc_error *error;  /* the first failure */
	int64_t deadline_ns;
	uint32_t cancel_count; /* the session's, when it began */
	bool is_over;          /* nothing more is sent */
	bool is_silenced;      /* the caller wants to hear no more */
	bool was_in_tx;        /* when it began */
	bool is_watched;
	cdbc_request *requests;
	size_t request_capacity;
	cx_flight flight;
	cdbc_result result;
	cx_held *held;
	size_t held_count, held_capacity;
	int64_t held_bytes;
	int64_t started_ns, attempt; /* of what is on its way, for observers, when there are some */
	bool is_handed; /* results of the present transaction were told before its commit */
	cx_fold *folds;
	size_t fold_count, fold_capacity;
	cx_arena fold_arena;
	bool is_unfolded; /* arrays failed where single statements did not */
};

/* batch.c */
cdbc_call cx_batch_call(const cdbc_batch *batch, size_t index);
/* Names the statement in its error. is_named: its query's name is there already. */
void cx_batch_name(const cdbc_batch *batch, size_t index, bool is_named, cdbc_error **err);

/* The session is free, and the batch not full. */
cdbc_status cx_batch_check_room(const cdbc_batch *batch, cdbc_error **err);
/* The values of a statement that are in the arena already, and were checked; in the order of its
 * parameters. */
typedef struct cx_batch_owned {
	cdbc_value *values;
	int64_t bytes; /* of what they hold */
} cx_batch_owned;
/* cdbc_batch_add_text; owned NULL: the values are those of params. */
cdbc_status cx_batch_add_text(cdbc_batch *batch, const char *sql, size_t length, cdbc_params params,
							  const cx_batch_owned *owned, cdbc_error **err);

/* send.c: from the first to the last. */
void cx_batch_send(cdbc_batch *batch);
/* Whether a failure is the way's, not its statement's: nothing can be hoped for from others. */
bool cx_batch_is_final(const cdbc_batch *batch, const cdbc_error *error);
/* A statement has failed: counted, named, told. is_told: observers were, and its query is named.
 * The error is taken. */
void cx_batch_fail(cdbc_batch *batch, size_t index, bool is_told, cdbc_error *error);
/* The batch has failed, none of its statements in particular. The error is taken. */
void cx_batch_fail_all(cdbc_batch *batch, cdbc_error *error);
/* Somebody wants it to end: then it has failed so. */
bool cx_batch_is_cancelled(cdbc_batch *batch);
/* Whether somebody has asked it to stop. */
static inline bool cx_batch_is_stopped(const cdbc_batch *batch)
{
	return cx_session_cancel_count(batch->session) != batch->cancel_count;
}
cdbc_status cx_batch_room(cdbc_batch *batch, size_t request_count, cdbc_error **err);
void cx_batch_requests(cdbc_batch *batch, size_t first, size_t count, cdbc_request *out);
/* The statement to blame, of count, when the flight did not start; SIZE_MAX: none. */
size_t cx_batch_blamed(const cdbc_batch *batch, size_t lead, size_t count);

/* unit.c: transactions of several statements */
void cx_batch_send_atomic(cdbc_batch *batch);
/* The same where there are no pipelines. */
void cx_batch_transact(cdbc_batch *batch);
/* Statements that are to stop at the first failure. */
void cx_batch_send_group(cdbc_batch *batch, size_t first, size_t count);

/* fold.c: rows as arrays */
/* Asks the database of the tables in whose statements many rows follow each other. The connection
 * is there, in no transaction. A failure says that nothing was sent. err is not NULL. */
cdbc_status cx_batch_fold_plan(cdbc_batch *batch, size_t first, size_t count, cdbc_error **err);
/* The execute is over. */
void cx_batch_fold_forget(cdbc_batch *batch);
/* The requests of statements, at most count: *parts says what each stands for, in the arena; NULL:
 * one statement each. */
cdbc_status cx_batch_fold(cdbc_batch *batch, size_t first, size_t count, cx_arena *arena,
						  cdbc_request *requests, cx_batch_part **parts, size_t *request_count,
						  cdbc_error **err);
/* Keeps the results of the statements of a part that was one: each as that of an INSERT of a row.
 */
void cx_batch_hold_part(cdbc_batch *batch, size_t first, size_t count, int64_t affected_count);

/* held.c */
/* Makes room for as many results to be held: before anything is sent, for what comes back has
 * committed. */
cdbc_status cx_batch_held_room(cdbc_batch *batch, size_t count, cdbc_error **err);
/* Reads a statement's result to its end and keeps it, or tells it when too much is kept already. */
cdbc_status cx_batch_hold(cdbc_batch *batch, size_t index, cdbc_result *result, cdbc_error **err);
/* The same for statements that follow each other, each with a result like this, without rows. */
void cx_batch_hold_alike(cdbc_batch *batch, size_t index, size_t count,
						 const cdbc_summary *summary);
/* Tells a result and reads it to its end; *row_count and *byte_count are what it had. */
cdbc_status cx_batch_tell_result(cdbc_batch *batch, size_t index, cdbc_result *result,
								 int64_t *row_count, int64_t *byte_count, cdbc_error **err);
void cx_batch_tell_failure(cdbc_batch *batch, size_t index, const cdbc_error *error);
/* The transaction has committed: all that is held is told and counted. */
void cx_batch_tell_held(cdbc_batch *batch);
/* A statement that took effect is counted, and observers are told. */
void cx_batch_count_done(cdbc_batch *batch, const cx_told *told);
/* It has not. */
void cx_batch_drop_held(cdbc_batch *batch);

#endif
