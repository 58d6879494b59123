// SPDX-License-Identifier: Apache-2.0
/* One request: found or prepared, its values written, sent, and its first answer read while the
 * values are still at hand, because a stale prepared statement is made anew and run again here.
 * Several requests are in pipeline.c. */
#include "internal.h"

#include "base/alloc.h"

#include <ctype.h>
#include <strings.h>

/* ---- slots
 * --------------------------------------------------------------------------------------------------
 */

/* Steps over blanks and comments; those that are not closed are the server's to complain of. */
static const char *skip_blanks(const char *sql)
{
	for (;;) {
		const char *end;

		while (isspace((unsigned char)*sql))
			sql++;
		if (sql[0] == '-' && sql[1] == '-')
			end = strchr(sql, '\n');
		else if (sql[0] == '/' && sql[1] == '*')
			end = strstr(sql + 2, "*/");
		else
			return sql;
		if (!end)
			return sql;
		sql = end + (*end == '*' ? 2 : 1);
	}
}

/* COMMIT and END are answered by ROLLBACK when the transaction had failed. */
static bool is_commit(const cdbc_request *request)
{
	const char *sql;

	if (request->kind != CDBC_KIND_TRANSACTION)
		return false;
	sql = skip_blanks(request->sql);
	switch (*sql) {
	case 'C':
	case 'c':
		return strncasecmp(sql, "commit", 6) == 0;
	case 'E':
	case 'e':
		return strncasecmp(sql, "end", 3) == 0;
	default:
		return false;
	}
}

void cx_pg_slot_init(cx_pg_slot *slot, const cdbc_request *request, cx_pg_statement *statement)
{
	slot->statement = statement;
	slot->numeric = request->numeric;
	slot->arrays = request->arrays;
	slot->batch_rows = request->batch_rows > 0 ? request->batch_rows : CX_PG_BATCH_ROWS;
	slot->batch_bytes = request->batch_bytes > 0 ? request->batch_bytes : CX_PG_BATCH_BYTES;
	slot->batch_ns = request->batch_ns > 0 ? request->batch_ns : CX_PG_BATCH_NS;
	/* A result without columns has nothing to stream. */
	slot->is_small =
		request->flags & CDBC_REQUEST_SMALL_RESULT || (statement && statement->shape.count == 0);
	slot->is_commit =
		(request->flags & (CDBC_REQUEST_COMMITS | CDBC_REQUEST_SIMPLE)) == CDBC_REQUEST_COMMITS ||
		is_commit(request);
	slot->is_session = request->kind == CDBC_KIND_SESSION || request->kind == CDBC_KIND_UNKNOWN ||
					   request->flags & CDBC_REQUEST_SIMPLE;
	slot->has_sync = false;
}

bool cx_pg_is_direct(const cdbc_request *request)
{
	if (request->value_count > 0)
		return false;
	switch (request->kind) {
	case CDBC_KIND_TRANSACTION:
	case CDBC_KIND_SESSION:
	case CDBC_KIND_DDL:
	case CDBC_KIND_UTILITY:
	case CDBC_KIND_COPY:
		return true;
	default:
		return false;
	}
}

cdbc_status cx_pg_send_failed(cx_pg_conn *c, cdbc_error **err)
{
	char text[512];

	if (PQstatus(c->pg) != CONNECTION_OK)
		return cx_pg_error_lost(c, err);
	cx_pg_one_line(PQerrorMessage(c->pg), text, sizeof text);
	if (strstr(text, "memory"))
		return cx_error_nomem(err);
	return cx_error_set(err, CDBC_INTERNAL, "libpq: %s", text);
}

/* ---- sending
 * ------------------------------------------------------------------------------------------------
 */

void cx_pg_room_init(cx_pg_conn *c)
{
	c->few =
		(cx_pg_room){c->few_params, c->few_values, c->few_lengths, c->few_formats, c->few_oids};
}

cx_pg_room *cx_pg_room_make(cx_pg_conn *c, const cdbc_request *requests, size_t count)
{
	cx_pg_room *room;
	size_t all = 0, most = 0;

	for (size_t i = 0; i < count; i++) {
		all += requests[i].value_count;
		if (requests[i].value_count > most)
			most = requests[i].value_count;
	}
	if (all <= CX_PG_FEW_PARAMS)
		return &c->few;
	room = cx_alloc(sizeof *room + all * sizeof *room->params +
					most * (sizeof *room->values + 2 * sizeof(int) + sizeof(Oid)));
	if (!room)
		return NULL;
	room->params = (cx_pg_param *)(room + 1);
	room->values = (const char **)(room->params + all);
	room->lengths = (int *)(room->values + most);
	room->formats = room->lengths + most;
	room->oids = (Oid *)(room->formats + most);
	return room;
}

void cx_pg_room_free(cx_pg_conn *c, cx_pg_room *room)
{
	if (room != &c->few)
		cx_free(room);
	if (c->scratch.capacity > CX_PG_SCRATCH_KEPT)
		cx_buf_free(&c->scratch);
}

cdbc_status cx_pg_encode_all(cx_pg_conn *c, const cdbc_request *request, const cx_pg_statement *st,
							 cx_pg_param *params, cdbc_error **err)
{
	size_t n = request->value_count;
	cdbc_status status = CDBC_OK;

	if (st && n != st->param_count)
		return cx_error_set(err, CDBC_PARAM, "the statement takes %zu parameters, %zu were given",
							st->param_count, n);
	if (n > PQ_QUERY_PARAM_MAX_LIMIT)
		return cx_error_set(err, CDBC_PARAM, "%zu parameters; a statement takes %d at most", n,
							PQ_QUERY_PARAM_MAX_LIMIT);
	c->scratch.max = c->scratch.length + CX_PG_SCRATCH_MAX;
	for (size_t i = 0; i < n && !status; i++)
		status = cx_pg_encode(&request->values[i],
							  st ? st->oids[i] : cx_pg_oid_of(request->values[i].type), &params[i],
							  &c->scratch, i, err);
	return status;
}

cdbc_status cx_pg_send(cx_pg_conn *c, const cdbc_request *request, const cx_pg_statement *st,
					   const cx_pg_param *params, const cx_pg_room *room, size_t *bytes,
					   cdbc_error **err)
{
	int n = (int)request->value_count, is_sent;

	*bytes += 64 + (st ? 0 : request->sql_length);
	for (int i = 0; i < n; i++) {
		room->values[i] = cx_pg_param_data(&params[i], &c->scratch);
		room->lengths[i] = params[i].length;
		room->formats[i] = params[i].format;
		*bytes += (size_t)params[i].length;
	}
	if (st) {
		is_sent = PQsendQueryPrepared(c->pg, st->name, n, room->values, room->lengths,
									  room->formats, st->shape.is_binary);
	} else {
		for (int i = 0; i < n; i++)
			room->oids[i] = cx_pg_oid_of(request->values[i].type);
		is_sent = PQsendQueryParams(c->pg, request->sql, n, room->oids, room->values, room->lengths,
									room->formats, 0);
	}
	return is_sent ? CDBC_OK : cx_pg_send_failed(c, err);
}

/* ---- one request
 * -------------------------------------------------------------------------------------------- */

/* Finds or prepares the statement; *out NULL for one that is sent as it is. */
static cdbc_status statement_for(cx_pg_conn *c, const cdbc_request *request, int64_t deadline_ns,
								 cx_pg_statement **out, cdbc_error **err)
{
	cx_pg_statement *st = cx_pg_prepared_find(c, request);
	cx_pg_preparing item = {.request = request};
	bool is_there = false;
	cdbc_status status;

	if (st || cx_pg_is_direct(request)) {
		*out = st;
		return CDBC_OK;
	}
	status = cx_pg_prepare(c, &item, 1, deadline_ns, err);
	/* Somebody else has taken the name; the next one is another. */
	if (!status && !item.statement && c->cursor.summary.tx_before == CDBC_TX_IDLE &&
		cx_pg_is_stale(item.failure, &is_there)) {
		PQclear(item.failure);
		status = cx_pg_prepare(c, &item, 1, deadline_ns, err);
	}
	if (status)
		return status;
	if (!item.statement) {
		status = cx_pg_error_result(c, item.failure, err);
		c->cursor.summary.position = CDBC_POSITION_DONE;
		c->cursor.summary.is_refused = true;
	}
	PQclear(item.failure);
	*out = item.statement;
	return status;
}

static cdbc_status send_values(cx_pg_conn *c, const cdbc_request *request,
							   const cx_pg_statement *st, cdbc_error **err)
{
	cx_pg_room *room = cx_pg_room_make(c, request, 1);
	size_t bytes = 0;
	cdbc_status status;

	if (!room)
		return cx_error_nomem(err);
	status = cx_pg_encode_all(c, request, st, room->params, err);
	if (!status)
		status = cx_pg_send(c, request, st, room->params, room, &bytes, err);
	cx_pg_room_free(c, room);
	return status;
}

/* BEGIN, COMMIT and the like, in words of the library's own, which the simple protocol takes in one
 * message. It would take two statements as well: a BEGIN has the caller's expression of a time. */
static bool is_control(const cdbc_request *request)
{
	return request->kind == CDBC_KIND_TRANSACTION && request->flags & CDBC_REQUEST_NO_PREPARE &&
		   request->value_count == 0 && !memchr(request->sql, ';', request->sql_length);
}

static cdbc_status send_one(cx_pg_conn *c, const cdbc_request *request, cx_pg_statement *st,
							int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_cursor *cursor = &c->cursor;
	cdbc_status status;

	if (request->flags & CDBC_REQUEST_SIMPLE || is_control(request))
		status = PQsendQuery(c->pg, request->sql) ? CDBC_OK : cx_pg_send_failed(c, err);
	else
		status = send_values(c, request, st, err);
	if (status)
		return status;
	cursor->is_idle = false;
	cursor->summary.position = CDBC_POSITION_SENT;
	cursor->is_streamed = !cursor->few[0].is_small && PQsetSingleRowMode(c->pg);
	return cx_pg_flush(c, deadline_ns, err);
}

/* True when the answer says that the prepared statement must be made anew, and trying again changes
 * nothing else. */
static bool try_again(cx_pg_conn *c, cx_pg_statement *st)
{
	bool is_there = false;

	if (!st || !st->name[0] || PQresultStatus(c->cursor.result) != PGRES_FATAL_ERROR ||
		!cx_pg_is_stale(c->cursor.result, &is_there))
		return false;
	cx_pg_prepared_drop(c, st, is_there);
	return c->cursor.summary.tx_before == CDBC_TX_IDLE;
}

static cdbc_status submit_one(cx_pg_conn *c, const cdbc_request *request, int64_t deadline_ns,
							  cdbc_error **err)
{
	cx_pg_cursor *cursor = &c->cursor;

	cursor->is_simple = request->flags & CDBC_REQUEST_SIMPLE;
	for (bool is_first = true;; is_first = false) {
		cx_pg_statement *st = NULL;
		cdbc_status status =
			cursor->is_simple ? CDBC_OK : statement_for(c, request, deadline_ns, &st, err);

		if (status)
			return status;
		cx_pg_slot_init(cursor->few, request, st);
		status = send_one(c, request, st, deadline_ns, err);
		if (!status)
			status = cx_pg_cursor_read(cursor, deadline_ns, err);
		if (status)
			return status;
		if (try_again(c, st) && is_first) {
			status = cx_pg_cursor_forget(cursor, deadline_ns, err);
			if (status)
				return status;
			continue;
		}
		return cx_pg_cursor_open(cursor, deadline_ns, err);
	}
}

cdbc_status cx_pg_submit(void *conn, const cdbc_request *requests, size_t count, cdbc_sync sync,
						 int64_t deadline_ns, void **cursor, cdbc_summary *failed, cdbc_error **err)
{
	cx_pg_conn *c = conn;
	cdbc_status status;

	if (c->is_busy || count == 0) {
		status = cx_error_set(err, CDBC_USAGE,
							  count ? "the connection is busy with another result"
									: "nothing to submit");
		if (failed)
			*failed = (cdbc_summary){
				.struct_size = sizeof *failed, .affected_count = -1, .tx_before = c->tx};
		return status;
	}
	cx_pg_cursor_start(c);
	if (c->is_lost)
		status = cx_pg_error_lost(c, err);
	else if (count == 1)
		status = submit_one(c, requests, deadline_ns, err);
	else
		status = cx_pg_submit_many(c, requests, count, sync, deadline_ns, err);
	if (!status) {
		*cursor = &c->cursor;
		return CDBC_OK;
	}
	cx_pg_cursor_end(&c->cursor, cx_clock_now_ns() + CX_PG_GRACE_NS);
	if (failed)
		*failed = *cx_pg_summary(&c->cursor);
	return status;
}
