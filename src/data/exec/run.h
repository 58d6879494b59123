// SPDX-License-Identifier: Apache-2.0
/* A run: one request on one lease, from its sending to the end of its result. The executor of the
 * chain. */
#ifndef CX_RUN_H
#define CX_RUN_H

#include "data/exec/lease.h"
#include "data/result/result.h"

typedef struct cx_run {
	cx_lease *lease;
	void *cursor; /* NULL: none, or closed */
	int64_t deadline_ns;
	int64_t handed_ns; /* when a batch was handed over, for the time that is the caller's; 0: not
						  noted */
	uint32_t flags;
	cdbc_statement_kind kind;
	bool is_script;   /* all its results were read already */
	bool has_part;    /* of a script: one of its statements has ended well */
	bool is_unit;     /* BEGIN went before it and COMMIT after it, in the same round trip */
	bool is_opening;  /* BEGIN went before it, in the same round trip: it runs in a transaction */
	bool handed_any;  /* rows of a unit */
	bool has_count;   /* of a unit: its statement has ended well, and count tells how */
	bool was_unknown; /* of an attempt before this one nobody knows what became; set by who tries */
	bool is_told;     /* summary is its last word: a script's, or a unit's statement */
	const char *name; /* of the query; borrowed from the catalog or NULL */
	const char *sql;  /* borrowed from the statement */
	size_t sql_length;
	cdbc_summary summary; /* after the end */
	cdbc_summary count;
	struct ArrowArray ahead; /* read already, for the next fetch; release NULL: none */
	/* a unit's own, for the driver's is gone when the commit's result is asked for */
	struct ArrowSchema schema;
	cdbc_result *result; /* the one it feeds */
	/* told once when the run has ended, well or not, a start that failed included; error is its
	 * failure or NULL. NULL: nobody waits */
	void (*on_end)(void *self, const cdbc_error *error);
	void *self;
} cx_run;

/* Sends the request on the lease's connection, which is there, and makes result ready: its first
 * batch, its end or its failure is known when this returns. A script (CDBC_REQUEST_SIMPLE) runs to
 * its end here: its rows are discarded, its counts added up. On failure the error carries outcome
 * and replay, and the run has ended. */
cdbc_status cx_run_start(cx_run *run, const cdbc_request *request, cdbc_result *result,
						 cdbc_error **err);

/* The same as the first of a transaction, with begin, the statement that begins it, in the same
 * round trip. No script. *has_begun: whether the server may have seen it. */
cdbc_status cx_run_start_opening(cx_run *run, const char *begin, const cdbc_request *request,
								 cdbc_result *result, bool *has_begun, cdbc_error **err);

/* The same as a transaction of its own, in one round trip: begin is the statement that begins it,
 * token (may be NULL) one that goes before the request and whose rows nobody wants. Judged like a
 * statement that stands alone: the transaction is all here. No script. */
cdbc_status cx_run_start_unit(cx_run *run, const char *begin, const cdbc_request *token,
							  const cdbc_request *request, cdbc_result *result, cdbc_error **err);
/* Reads a batch ahead: when there is none, the end is known before the present one is handed over.
 */
cdbc_status cx_run_look_ahead(cx_run *run, cdbc_error **err);
/* After a run that failed, on a connection that is closed: makes result the end of a statement that
 * has, as was found out, ended as run->count says. on_end is the caller's affair. */
void cx_run_ended_well(cx_run *run, cdbc_result *result);

/* Runs a statement without values to its end, discarding its rows: BEGIN, COMMIT, SAVEPOINT and the
 * like. flags: CDBC_REQUEST_. Judged as any other. */
cdbc_status cx_run_control(cx_lease *lease, const char *sql, cdbc_statement_kind kind,
						   uint32_t flags, int64_t deadline_ns, cdbc_error **err);

/* Ends a transaction with one more statement before its end, in one round trip: the last word is
 * said only when that statement succeeded. A failure of either is judged as the commit's. sql:
 * COMMIT or RELEASE; flags: CDBC_REQUEST_. */
cdbc_status cx_run_commit(cx_lease *lease, const cdbc_request *last, const char *sql,
						  uint32_t flags, int64_t deadline_ns, cdbc_error **err);

/* The source's part for whoever wraps the run in a result of its own. */
cdbc_status cx_run_fetch(cx_run *run, struct ArrowArray *out, cdbc_error **err);
const cdbc_summary *cx_run_summary(const cx_run *run);
/* *err, which is there, is why its result is refused (see cx_result_source): it is judged like a
 * driver's. */
void cx_run_refuse(cx_run *run, cdbc_status status, cdbc_error **err);

/* After the end: the server's last word was read, and the link was there then. A script's summary
 * does not tell. */
static inline bool cx_run_is_clean(const cx_run *run)
{
	return run->summary.position == CDBC_POSITION_DONE && !run->summary.is_link_lost &&
		   !run->is_script;
}

/* Ends the run and its result: what is left is cancelled and drained within bounds. */
void cx_run_close(cx_run *run, cdbc_result *result);

#endif
