// SPDX-License-Identifier: Apache-2.0
/* COPY ... FROM STDIN: bytes of the caller's go to the server as they are. What the server says
 * meanwhile is read, so neither side waits for the other with full buffers. libpq tells a failure
 * of the server's at the end only. The copy is the connection itself: it has one at a time. */
#include "internal.h"

#include <poll.h>

#define PIECE_BYTES 65536

static cdbc_status first_failure(cx_pg_conn *c, PGresult *failure, cdbc_error **err)
{
	cdbc_status status = cx_pg_error_result(c, failure, err);

	PQclear(failure);
	return status;
}

static bool keep_failure(void *data, size_t query, PGresult *result)
{
	PGresult **kept = data;

	if (*kept ||
		(PQresultStatus(result) != PGRES_FATAL_ERROR && PQresultStatus(result) != PGRES_COMMAND_OK))
		return false;
	*kept = result;
	return true;
}

/* The server takes no more of it: it waits for something else. Without a word it would go on doing
 * so, with all its locks, after the link is gone. */
static void copy_stuck(cx_pg_conn *c)
{
	if (PQstatus(c->pg) == CONNECTION_OK)
		(void)cx_pg_cancel_now(c, cx_clock_now_ns() + CX_PG_GRACE_NS);
}

static void copy_over(cx_pg_conn *c)
{
	c->is_busy = false;
	c->copy_summary.is_link_lost = c->is_lost;
	c->copy_summary.is_cancel_sent = atomic_load(&c->is_cancel_sent);
	cx_pg_tx(c);
}

/* Reads to the end; the server's first word is the answer. */
static cdbc_status copy_answer(cx_pg_conn *c, int64_t deadline_ns, cdbc_error **err)
{
	PGresult *answer = NULL;
	cdbc_status status = cx_pg_exchange(c, 0, deadline_ns, keep_failure, &answer, err);

	if (!status && answer && PQresultStatus(answer) == PGRES_FATAL_ERROR) {
		status = first_failure(c, answer, err);
		answer = NULL;
	} else if (!status && !answer) {
		status = cx_error_set(err, CDBC_INTERNAL, "the server did not answer the copy");
	} else if (!status) {
		cx_pg_summary_tag(&c->copy_summary, PQcmdStatus(answer), false);
	}
	if (!c->is_lost)
		c->copy_summary.position = CDBC_POSITION_DONE;
	PQclear(answer);
	return status;
}

cdbc_status cx_pg_copy_begin(void *conn, const cdbc_request *request, int64_t deadline_ns,
							 void **copy, cdbc_error **err)
{
	cx_pg_conn *c = conn;
	PGresult *result;
	ExecStatusType kind;
	cdbc_status status;

	if (c->is_busy)
		return cx_error_set(err, CDBC_USAGE, "the connection is busy with another result");
	if (request->value_count > 0)
		return cx_error_set(err, CDBC_PARAM, "COPY takes no parameters");
	if (c->is_lost)
		return cx_pg_error_lost(c, err);
	atomic_store(&c->is_cancel_sent, false);
	c->copy_summary = (cdbc_summary){
		.struct_size = sizeof c->copy_summary, .affected_count = -1, .tx_before = cx_pg_tx(c)};
	if (!PQsendQuery(c->pg, request->sql))
		return cx_pg_send_failed(c, err);
	status = cx_pg_flush(c, deadline_ns, err);
	if (status)
		return status;
	if (cx_pg_wait_result(c, deadline_ns) == CX_PG_LATE) {
		cx_pg_exchange(c, 0, deadline_ns, NULL, NULL, NULL);
		return cx_pg_error_late(c, err);
	}
	result = PQgetResult(c->pg);
	kind = PQresultStatus(result);
	if (kind == PGRES_COPY_IN) {
		PQclear(result);
		c->is_busy = true;
		c->copy_summary.position = CDBC_POSITION_SENT;
		*copy = c;
		return CDBC_OK;
	}
	if (!result || kind == PGRES_FATAL_ERROR) {
		status = result ? cx_pg_error_result(c, result, err) : cx_pg_error_lost(c, err);
	} else {
		if (kind == PGRES_COPY_OUT || kind == PGRES_COPY_BOTH)
			c->is_lost = true; /* there is no way out but reading it all */
		status = cx_error_set(err, CDBC_USAGE, "not a COPY ... FROM STDIN");
	}
	PQclear(result);
	if (!c->is_lost)
		cx_pg_exchange(c, 0, deadline_ns, NULL, NULL, NULL);
	return status;
}

/* The server has ended the copy: why, it says now. */
static cdbc_status copy_broken(cx_pg_conn *c, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_error *why = NULL;
	cdbc_status status = copy_answer(c, deadline_ns, &why);

	copy_over(c);
	if (!status)
		return cx_error_set(err, CDBC_INTERNAL, "the server ended the copy early");
	if (err)
		*err = why;
	else
		cdbc_error_free(why);
	return status;
}

cdbc_status cx_pg_copy_write(void *copy, const void *bytes, size_t length, int64_t deadline_ns,
							 cdbc_error **err)
{
	cx_pg_conn *c = copy;
	const char *p = bytes;
	cdbc_status status;

	if (!c->is_busy)
		return cx_error_set(err, CDBC_CLOSED, "the copy is over");
	while (length > 0) {
		int piece = length < PIECE_BYTES ? (int)length : PIECE_BYTES, done;

		while ((done = PQputCopyData(c->pg, p, piece)) == 0) {
			status = cx_pg_flush(c, deadline_ns, err);
			if (status) {
				copy_stuck(c);
				copy_over(c);
				return status;
			}
		}
		if (done < 0)
			return copy_broken(c, deadline_ns, err);
		p += piece;
		length -= (size_t)piece;
		status = cx_pg_flush(c, deadline_ns, err);
		if (status) {
			copy_stuck(c);
			copy_over(c);
			return status;
		}
	}
	return CDBC_OK;
}

cdbc_status cx_pg_copy_end(void *copy, bool keep, int64_t deadline_ns, cdbc_summary *out,
						   cdbc_error **err)
{
	cx_pg_conn *c = copy;
	cdbc_error *why = NULL;
	cdbc_status status;

	if (!c->is_busy) { /* it failed before, and that was told */
		if (out)
			*out = c->copy_summary;
		return keep ? cx_error_set(err, CDBC_CLOSED, "the copy is over") : CDBC_OK;
	}
	if (PQputCopyEnd(c->pg, keep ? NULL : "discarded by the client") < 0 &&
		PQstatus(c->pg) != CONNECTION_OK)
		status = cx_pg_error_lost(c, &why);
	else
		status = copy_answer(c, deadline_ns, &why);
	copy_over(c);
	/* To be refused is what was asked for. */
	if (status && !keep && !c->is_lost) {
		cx_error_clear(&why);
		status = CDBC_OK;
	}
	if (out)
		*out = c->copy_summary;
	if (status && err)
		*err = why;
	else
		cdbc_error_free(why);
	return status;
}
