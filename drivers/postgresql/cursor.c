// SPDX-License-Identifier: Apache-2.0
/* The one cursor of a connection: reads PGresults, tells where a result begins and ends, and keeps
 * the facts. Rows become batches in batch.c. What is left unread is cancelled and drained here. */
#include "internal.h"

#include "base/alloc.h"

#define DRAIN_QUIETLY_BYTES                                              \
	(1 << 20) /* thrown away before the server is bothered with a cancel \
			   */
#define DRAIN_QUIETLY_NS (20 * CX_NS_PER_MS)
#define CLOSE_MAX_NS     (5 * CX_NS_PER_S)
#define ABORTED          "40000" /* COMMIT was answered by ROLLBACK */

static cx_pg_slot *slot_of(cx_pg_cursor *cursor)
{
	return &cursor->slots[cursor->at];
}

/* ---- facts
 * --------------------------------------------------------------------------------------------------
 */

static void summary_reset(cx_pg_cursor *cursor, cdbc_position position)
{
	cdbc_summary *s = &cursor->summary;

	s->tag[0] = '\0';
	s->affected_count = -1;
	s->position = position;
	s->is_link_lost = s->is_refused = false;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits; a tag has no room for too many of them but from a server that does not mean it. */
static int64_t read_count(const char *digits)
{
	uint64_t count = 0;

	for (; *digits && count <= INT64_MAX / 10 - 1; digits++)
		count = count * 10 + (uint64_t)(*digits - '0');
	return *digits ? INT64_MAX : (int64_t)count;
}

void cx_pg_summary_tag(cdbc_summary *summary, const char *tag, bool has_rows)
{
	size_t length = strlen(tag);
	const char *count;

	if (length >= sizeof summary->tag)
		length = sizeof summary->tag - 1;
	memcpy(summary->tag, tag, length);
	summary->tag[length] = '\0';
	if (has_rows && tag[0] == 'S')
		return; /* SELECT 5 counts what was read, not what was changed */
	for (count = summary->tag + length; count > summary->tag && is_digit(count[-1]);)
		count--;
	if (*count && count > summary->tag && count[-1] == ' ')
		summary->affected_count = read_count(count);
}

const cdbc_summary *cx_pg_summary(void *handle)
{
	cx_pg_cursor *cursor = handle;

	cursor->summary.is_link_lost = cursor->conn->is_lost;
	cursor->summary.is_cancel_sent =
		atomic_load_explicit(&cursor->conn->is_cancel_sent, memory_order_relaxed);
	return &cursor->summary;
}

/* ---- begin
 * --------------------------------------------------------------------------------------------------
 */

void cx_pg_cursor_start(cx_pg_conn *c)
{
	cx_pg_cursor *cursor = &c->cursor;

	c->is_busy = true;
	c->serial++;
	c->may_hide = false;
	cx_buf_clear(&c->scratch); /* a failure of the submit before does not last */
	atomic_store_explicit(&c->is_cancel_sent, false, memory_order_relaxed);
	cursor->slots = cursor->few;
	cursor->count = 1;
	cursor->at = 0;
	cursor->phase = CX_PG_BEFORE;
	cursor->is_simple = cursor->is_pipeline = cursor->is_streamed = cursor->is_told = false;
	cursor->is_cut_short = false;
	cursor->is_idle = true; /* until something is sent */
	cursor->syncs_left = 0;
	cursor->shape = NULL;
	cursor->row_number = cursor->last_rows = 0;
	cursor->last_bytes = 0;
	cursor->summary.is_cancel_sent = false;
	cursor->summary.request_number = 0;
	cursor->summary.tx_before = cx_pg_tx(c);
	summary_reset(cursor, CDBC_POSITION_NOT_FLUSHED);
}

static void drop_result(cx_pg_cursor *cursor)
{
	PQclear(cursor->result);
	cursor->result = NULL;
}

/* ---- reading to an end
 * ---------------------------------------------------------------------------------------- */

/* The server has nothing more to say. */
static void at_rest(cx_pg_cursor *cursor)
{
	cx_pg_conn *c = cursor->conn;

	cursor->is_idle = true;
	if (cursor->is_pipeline && PQpipelineStatus(c->pg) != PQ_PIPELINE_OFF &&
		PQexitPipelineMode(c->pg) != 1)
		c->is_lost = true;
	if (PQstatus(c->pg) != CONNECTION_OK)
		c->is_lost = true;
	cx_pg_tx(c);
}

/* Takes part in no COPY that a request brought about. False: there is no way out of it. */
static bool refuse_copy(cx_pg_conn *c, const PGresult *result)
{
	ExecStatusType kind = PQresultStatus(result);
	char *bytes = NULL;
	int n;

	if (kind == PGRES_COPY_IN)
		return PQputCopyEnd(c->pg, "not expected here") >= 0;
	if (kind != PGRES_COPY_OUT)
		return kind != PGRES_COPY_BOTH;
	while ((n = PQgetCopyData(c->pg, &bytes, 1)) > 0)
		PQfreemem(bytes);
	return n < 0; /* 0: more would have to be waited for */
}

/* Roughly the bytes of a result; a row alone comes in a block of 2 KiB at least, however short it
 * is. */
static size_t size_of(const PGresult *result)
{
	size_t size = PQresultMemorySize(result);

	return size > 8192 ? size : size / 16;
}

/* Throws away what comes until all is at rest, keeping the present slot's last words for the facts.
 * False: the bound came first. */
static bool drain(cx_pg_cursor *cursor, int64_t until_ns, size_t max_bytes, char sqlstate[6])
{
	cx_pg_conn *c = cursor->conn;
	bool is_present = cursor->phase != CX_PG_ENDED;
	size_t bytes = 0;

	while (!cursor->is_idle) {
		PGresult *result;
		ExecStatusType kind;
		const char *code;

		if (bytes > max_bytes || cx_pg_wait_result(c, until_ns) == CX_PG_LATE)
			return false;
		result = PQgetResult(c->pg);
		if (!result) {
			is_present = is_present && cursor->is_pipeline && slot_of(cursor)->has_sync;
			if (!cursor->is_pipeline || PQstatus(c->pg) != CONNECTION_OK)
				at_rest(cursor);
			continue;
		}
		kind = PQresultStatus(result);
		bytes += size_of(result);
		code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		if (kind == PGRES_FATAL_ERROR)
			cx_pg_error_result(c, result, NULL); /* it may end the session */
		if (is_present && code && strlen(code) == 5 && sqlstate)
			memcpy(sqlstate, code, 6);
		else if (is_present && (kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK))
			cx_pg_summary_tag(&cursor->summary, PQcmdStatus(result), PQnfields(result) > 0);
		if (kind == PGRES_PIPELINE_SYNC) {
			is_present = false;
			if (cursor->syncs_left > 0 && --cursor->syncs_left == 0)
				at_rest(cursor);
		}
		if (!refuse_copy(c, result))
			c->is_lost = true;
		PQclear(result);
		if (c->is_lost)
			return false;
	}
	return true;
}

/* The deadline has passed while the server was at work: it is asked to stop, and given a moment. */
cdbc_status cx_pg_cursor_late(cx_pg_cursor *cursor, cdbc_error **err)
{
	cx_pg_conn *c = cursor->conn;
	int64_t grace = cx_clock_now_ns() + CX_PG_GRACE_NS;
	bool is_commit = slot_of(cursor)->is_commit;
	char sqlstate[6] = "";
	cdbc_status status;

	drop_result(cursor);
	if (cx_pg_cancel_now(c, grace)) {
		if (drain(cursor, grace, CX_PG_DRAIN_BYTES, sqlstate))
			cursor->summary.position = CDBC_POSITION_DONE;
		else
			c->is_lost = true;
	}
	if (is_commit && !sqlstate[0] && strcmp(cursor->summary.tag, "ROLLBACK") == 0)
		strcpy(sqlstate, ABORTED);
	cursor->phase = CX_PG_ENDED;
	cursor->at = cursor->count - 1;
	status = cx_pg_error_late(c, err);
	cx_error_sqlstate(err, sqlstate);
	return status;
}

/* Reads what follows the last PGresult of the present slot: the end mark, and a Sync's answer where
 * one was sent. A failure may still come here: a constraint that is checked at the commit.
 * is_marked: the end mark is at hand. */
static cdbc_status finish(cx_pg_cursor *cursor, bool is_marked, int64_t deadline_ns,
						  cdbc_error **err)
{
	cx_pg_conn *c = cursor->conn;
	cdbc_status status = CDBC_OK;

	if (cursor->is_simple) /* more statements may follow */
		return CDBC_OK;
	for (;;) {
		PGresult *result;
		ExecStatusType kind;

		if (!is_marked && cx_pg_wait_result(c, deadline_ns) == CX_PG_LATE) {
			cdbc_status late = cx_pg_cursor_late(cursor, status ? NULL : err);

			return status ? status : late;
		}
		is_marked = false;
		result = PQgetResult(c->pg);
		if (!result) {
			if (!cursor->is_pipeline || PQstatus(c->pg) != CONNECTION_OK) {
				at_rest(cursor);
				break;
			}
			if (!slot_of(cursor)->has_sync && !cursor->is_cut_short)
				break;
			continue;
		}
		kind = PQresultStatus(result);
		if (kind == PGRES_FATAL_ERROR) {
			cdbc_status found = cx_pg_error_result(c, result, status ? NULL : err);

			status = status ? status : found;
		}
		PQclear(result);
		if (kind == PGRES_PIPELINE_SYNC) {
			if (cursor->syncs_left > 0 && --cursor->syncs_left == 0)
				at_rest(cursor);
			break;
		}
	}
	cursor->phase = CX_PG_ENDED;
	if (!c->is_lost)
		cursor->summary.position = CDBC_POSITION_DONE;
	if (c->is_lost && !status && cursor->is_idle)
		status = cx_pg_error_lost(c, err);
	return status;
}

/* The session forgot its statements, by the caller's own words. */
static void look_at_tag(cx_pg_cursor *cursor)
{
	const char *tag = cursor->summary.tag;

	if (strcmp(tag, "DISCARD ALL") == 0 || strcmp(tag, "DEALLOCATE ALL") == 0 ||
		strcmp(tag, "DISCARD") == 0)
		cx_pg_prepared_clear(cursor->conn);
}

cdbc_status cx_pg_cursor_complete(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_slot *slot = slot_of(cursor);
	cdbc_status status;

	cx_pg_summary_tag(&cursor->summary, PQcmdStatus(cursor->result), cursor->shape != NULL);
	cursor->phase = CX_PG_ENDED;
	/* in a pipeline the mark is libpq's own, which the server's word on the statement brings */
	status = finish(cursor, cursor->is_pipeline, deadline_ns, err);
	if (slot->is_session)
		look_at_tag(cursor);
	if (!status && slot->is_commit && strcmp(cursor->summary.tag, "ROLLBACK") == 0) {
		status = cx_error_set(err, CDBC_SQL, "commit: the transaction was aborted and rolled back");
		cx_error_sqlstate(err, ABORTED);
	}
	return status;
}

/* Ends a slot that has failed; gives what became of the session meanwhile. */
static cdbc_status finish_failed(cx_pg_cursor *cursor, bool is_aborted, int64_t deadline_ns,
								 cdbc_error **err)
{
	cx_pg_conn *c = cursor->conn;
	cdbc_status status;

	if (PQstatus(c->pg) != CONNECTION_OK) {
		at_rest(cursor);
		return cx_pg_error_lost(c, err);
	}
	status = finish(cursor, false, deadline_ns, err);
	/* A session that is ended has said so; a statement that was never begun has no last word. */
	if (!c->is_lost && !is_aborted)
		cursor->summary.position = CDBC_POSITION_DONE;
	return status;
}

static cdbc_status fail(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_conn *c = cursor->conn;
	cx_pg_statement *st = slot_of(cursor)->statement;
	const char *sqlstate = PQresultErrorField(cursor->result, PG_DIAG_SQLSTATE);
	bool is_there = false, is_aborted = PQresultStatus(cursor->result) == PGRES_PIPELINE_ABORTED;
	bool is_stopped = sqlstate && strcmp(sqlstate, "57014") == 0;
	cdbc_status status = cx_pg_error_result(c, cursor->result, err), end;
	cdbc_error *end_error = NULL;

	/* class 42: the types it was prepared with may be those from before an ALTER */
	if (st && (cx_pg_is_stale(cursor->result, &is_there) ||
			   (sqlstate && strncmp(sqlstate, "42", 2) == 0)))
		cx_pg_prepared_drop(c, st, is_there);
	drop_result(cursor);
	cursor->phase = CX_PG_ENDED;
	/* whether the session goes too is said behind the batch: what is between is not executed */
	cursor->is_cut_short = is_stopped && cursor->is_pipeline && !slot_of(cursor)->has_sync;
	end = finish_failed(cursor, is_aborted, deadline_ns, is_stopped && err ? &end_error : NULL);
	cursor->summary.is_link_lost = c->is_lost;
	/* A statement that is stopped, and then its session: nobody cancelled it, the server is going
	 * away. */
	if (is_stopped && end == CDBC_CONNECT && status != CDBC_CANCELLED) {
		status = end;
		if (err) {
			cdbc_error_free(*err);
			*err = end_error;
			end_error = NULL;
		}
	}
	cdbc_error_free(end_error);
	return status;
}

/* ---- the first answer
 * ---------------------------------------------------------------------------------------- */

cdbc_status cx_pg_cursor_read(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_conn *c = cursor->conn;

	if (cursor->is_pipeline)
		cursor->is_streamed = !slot_of(cursor)->is_small && PQsetSingleRowMode(c->pg);
	if (cx_pg_wait_result(c, deadline_ns) == CX_PG_LATE)
		return cx_pg_cursor_late(cursor, err);
	cursor->result = PQgetResult(c->pg);
	cursor->phase = CX_PG_IN;
	return CDBC_OK;
}

cdbc_status cx_pg_cursor_forget(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status;

	drop_result(cursor);
	status = finish(cursor, false, deadline_ns, err);
	cx_pg_prepared_sweep(&cursor->conn->prepared);
	cursor->phase = CX_PG_BEFORE;
	summary_reset(cursor, CDBC_POSITION_NOT_FLUSHED);
	return status;
}

static cdbc_status open_rows(cx_pg_cursor *cursor, cdbc_error **err)
{
	cx_pg_slot *slot = slot_of(cursor);
	size_t columns = (size_t)PQnfields(cursor->result);
	cdbc_status status;

	if (slot->statement) {
		if (columns != slot->statement->shape.count)
			return cx_error_set(err, CDBC_INTERNAL, "%zu columns came, %zu were described", columns,
								slot->statement->shape.count);
		cursor->shape = columns ? &slot->statement->shape : NULL;
		return CDBC_OK;
	}
	cx_pg_shape_release(&cursor->own_shape);
	status = cx_pg_shape_make(cursor->result, false, cursor->conn->checks_utf8, slot->numeric,
							  slot->arrays, &cursor->own_shape, err);
	if (!status && columns)
		cursor->shape = &cursor->own_shape;
	return status;
}

/* Throws the rest of the present result away. */
static cdbc_status discard_rest(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_conn *c = cursor->conn;

	drop_result(cursor);
	while (cursor->phase == CX_PG_IN) {
		if (cx_pg_wait_result(c, deadline_ns) == CX_PG_LATE)
			return cx_pg_cursor_late(cursor, err);
		cursor->result = PQgetResult(c->pg);
		if (!cursor->result || PQresultStatus(cursor->result) == PGRES_FATAL_ERROR)
			return cx_pg_cursor_open(cursor, deadline_ns, err);
		if (PQresultStatus(cursor->result) == PGRES_TUPLES_OK) {
			cdbc_status status = cx_pg_cursor_complete(cursor, deadline_ns, err);

			drop_result(cursor);
			return status;
		}
		drop_result(cursor);
	}
	return CDBC_OK;
}

cdbc_status cx_pg_cursor_open(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_conn *c = cursor->conn;
	cdbc_status status;
	ExecStatusType kind;

	if (!cursor->result) {
		at_rest(cursor);
		return c->is_lost
				   ? cx_pg_error_lost(c, err)
				   : cx_error_set(err, CDBC_INTERNAL, "the server did not answer the statement");
	}
	kind = PQresultStatus(cursor->result);
	switch (kind) {
	case PGRES_SINGLE_TUPLE:
	case PGRES_TUPLES_OK:
		status = open_rows(cursor, err);
		if (status)
			return status;
		cursor->result_row = 0;
		cursor->result_rows = cursor->shape ? PQntuples(cursor->result) : 0;
		cursor->row_number = 0;
		if (kind == PGRES_TUPLES_OK)
			status = cx_pg_cursor_complete(cursor, deadline_ns, err);
		if (status || cursor->result_rows == 0)
			drop_result(cursor);
		if (!status && !cursor->shape) /* rows of no columns */
			status = discard_rest(cursor, deadline_ns, err);
		return status;
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		status = cx_pg_cursor_complete(cursor, deadline_ns, err);
		drop_result(cursor);
		return status;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		if (!refuse_copy(c, cursor->result))
			c->is_lost = true;
		drop_result(cursor);
		if (!c->is_lost)
			finish(cursor, false, deadline_ns, NULL);
		cx_error_set(err, CDBC_UNSUPPORTED, "COPY is not run as a query");
		cx_error_hint(err,
					  "copy in goes through the copy functions; read a query instead of copy out");
		return CDBC_UNSUPPORTED;
	default:
		return fail(cursor, deadline_ns, err);
	}
}

/* ---- moving on
 * ------------------------------------------------------------------------------------------------
 */

/* Goes to the next statement. *is_there false: none is left. */
static cdbc_status advance(cx_pg_cursor *cursor, int64_t deadline_ns, bool *is_there,
						   cdbc_error **err)
{
	cdbc_status status = CDBC_OK;
	bool is_last = !cursor->is_simple && cursor->at + 1 == cursor->count;

	*is_there = false;
	if (cursor->is_cut_short && !is_last && !cursor->conn->is_lost) {
		cursor->at++;
		summary_reset(cursor, CDBC_POSITION_SENT);
		return cx_error_set(err, CDBC_SQL, CX_PG_NOT_EXECUTED);
	}
	if (cursor->is_idle || (is_last && cursor->phase == CX_PG_IN))
		return CDBC_OK;
	status = discard_rest(cursor, deadline_ns, err);
	if (status || is_last || cursor->is_idle)
		return status;
	if (!cursor->is_simple)
		cursor->at++;
	cursor->phase = CX_PG_BEFORE;
	cursor->shape = NULL;
	summary_reset(cursor, CDBC_POSITION_SENT);
	*is_there = true;
	return CDBC_OK;
}

cdbc_status cx_pg_next_result(void *handle, int64_t deadline_ns, const struct ArrowSchema **schema,
							  bool *has_result, cdbc_error **err)
{
	cx_pg_cursor *cursor = handle;
	cdbc_status status = CDBC_OK;
	bool is_there = true;

	if (cursor->is_told)
		status = advance(cursor, deadline_ns, &is_there, err);
	if (status)
		return status;
	cursor->is_told = true;
	if (is_there && cursor->phase == CX_PG_BEFORE) {
		status = cx_pg_cursor_read(cursor, deadline_ns, err);
		if (status)
			return status;
		if (!cursor->result && cursor->is_simple) {
			at_rest(cursor);
			cursor->phase = CX_PG_ENDED;
			is_there = false;
		} else {
			status = cx_pg_cursor_open(cursor, deadline_ns, err);
		}
	}
	if (status)
		return status;
	*has_result = is_there;
	*schema = is_there && cursor->shape ? &cursor->shape->schema : NULL;
	return CDBC_OK;
}

/* ---- the end
 * --------------------------------------------------------------------------------------------------
 */

static void stop(cx_pg_cursor *cursor, int64_t deadline_ns)
{
	cx_pg_conn *c = cursor->conn;
	int64_t now = cx_clock_now_ns();

	/* A short rest is cheaper to read than to cancel, and a cancel would end a transaction. */
	if (drain(cursor, cx_deadline_sooner(deadline_ns, now + DRAIN_QUIETLY_NS), DRAIN_QUIETLY_BYTES,
			  NULL) ||
		c->is_lost)
		return;
	deadline_ns = cx_deadline_sooner(deadline_ns, now + CLOSE_MAX_NS);
	if (cx_pg_cancel_now(c, deadline_ns) && !drain(cursor, deadline_ns, CX_PG_DRAIN_BYTES, NULL))
		c->is_lost = true;
}

void cx_pg_cursor_end(cx_pg_cursor *cursor, int64_t deadline_ns)
{
	cx_pg_conn *c = cursor->conn;

	drop_result(cursor);
	if (!cursor->is_idle && !c->is_lost)
		stop(cursor, deadline_ns);
	if (cursor->slots != cursor->few) {
		cx_free(cursor->slots);
		cursor->slots = cursor->few;
		cursor->count = 1;
		cursor->at = 0;
	}
	if (cursor->own_shape.fields)
		cx_pg_shape_release(&cursor->own_shape);
	if (c->prepared.dead)
		cx_pg_prepared_sweep(&c->prepared);
	cursor->shape = NULL;
	c->is_busy = false;
}

void cx_pg_cursor_close(void *handle, int64_t deadline_ns)
{
	if (handle)
		cx_pg_cursor_end(handle, deadline_ns);
}
