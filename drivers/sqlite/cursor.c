// SPDX-License-Identifier: Apache-2.0
/* The way of requests: submit keeps them, next_result runs the next one, fetch reads its rows. A
 * cursor lives in its connection. */
#include "sqlite/internal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/number.h"

#define BATCH_ROWS  (64 << 10)
#define BATCH_BYTES (16 << 20)
#define BATCH_NS    (100 * CX_NS_PER_MS)

/* ---- keeping requests
 * --------------------------------------------------------------------------------------- */

static bool copy_value(cx_arena *arena, cdbc_value *v)
{
	if ((v->kind == CDBC_VALUE_TEXT || v->kind == CDBC_VALUE_BYTES) && v->as.text.length) {
		v->as.text.data = cx_arena_strndup(arena, v->as.text.data, v->as.text.length);
		return v->as.text.data != NULL;
	}
	if (v->kind == CDBC_VALUE_ARRAY && v->as.array.count) {
		cdbc_value *items = cx_arena_calloc(arena, v->as.array.count, sizeof *items);

		if (!items)
			return false;
		memcpy(items, v->as.array.items, v->as.array.count * sizeof *items);
		v->as.array.items = items;
		for (size_t i = 0; i < v->as.array.count; i++)
			if (!copy_value(arena, &items[i]))
				return false;
	}
	return true;
}

static bool copy_hints(cx_arena *arena, cdbc_request *r)
{
	cdbc_column_hint *hints = cx_arena_calloc(arena, r->column_count + 1, sizeof *hints);

	if (!hints)
		return false;
	for (size_t i = 0; i < r->column_count; i++) {
		hints[i] = r->columns[i];
		hints[i].name = cx_arena_strdup(arena, r->columns[i].name);
		if (!hints[i].name)
			return false;
	}
	r->columns = hints;
	return true;
}

/* Copies what a request points to into the arena. */
static bool copy_request(cx_arena *arena, cdbc_request *r)
{
	cdbc_value *values = cx_arena_calloc(arena, r->value_count + 1, sizeof *values);

	if (!values || !copy_hints(arena, r))
		return false;
	for (size_t i = 0; i < r->value_count; i++) {
		values[i] = r->values[i];
		if (!copy_value(arena, &values[i]))
			return false;
	}
	r->values = values;
	r->sql = cx_arena_strndup(arena, r->sql, r->sql_length);
	r->name = NULL;
	return r->sql != NULL;
}

static cdbc_status keep_requests(cx_sqlite_cursor *c, const cdbc_request *requests, size_t count,
								 cdbc_error **err)
{
	cdbc_request *kept = cx_arena_calloc(&c->arena, count, sizeof *kept);

	if (!kept)
		return cx_error_nomem(err);
	memcpy(kept, requests, count * sizeof *kept);
	for (size_t i = 0; i < count; i++)
		if (!copy_request(&c->arena, &kept[i]))
			return cx_error_nomem(err);
	c->requests = kept;
	return CDBC_OK;
}

/* ---- transactions of ours
 * ----------------------------------------------------------------------------------- */

static bool is_simple(const cdbc_request *r)
{
	return r->flags & CDBC_REQUEST_SIMPLE;
}

/* Nothing follows that belongs to the same transaction. */
static bool is_group_end(const cx_sqlite_cursor *c)
{
	return !c->text_left && (c->sync == CDBC_SYNC_EACH || c->request_next == c->request_count);
}

static bool is_all_read_only(const cx_sqlite_cursor *c)
{
	for (size_t i = 0; i < c->request_count; i++)
		if (!(c->requests[i].flags & CDBC_REQUEST_READ_ONLY) &&
			c->requests[i].kind != CDBC_KIND_SELECT)
			return false;
	return true;
}

/* Begins one when the statement is not alone and none is open. Writing ones take the lock at once:
 * a transaction that reads first and cannot write then has waited for nothing. */
static cdbc_status implicit_begin(cx_sqlite_cursor *c, cdbc_error **err)
{
	cx_sqlite_conn *conn = c->conn;
	cx_sqlite_verb verb = c->statement->tag.verb;
	bool is_group = (c->sync == CDBC_ONE_SYNC && c->request_count > 1) || c->text_left;
	int rc;

	if (!is_group || c->is_implicit || !sqlite3_get_autocommit(conn->db) || verb >= CX_SQLITE_BEGIN)
		return CDBC_OK;
	rc = cx_sqlite_exec(conn,
						conn->is_read_only || is_all_read_only(c) ? "BEGIN" : "BEGIN IMMEDIATE");
	if (rc)
		return cx_sqlite_fail(conn, rc, NULL, err);
	c->is_implicit = true;
	return CDBC_OK;
}

static void rollback(cx_sqlite_conn *conn)
{
	if (!sqlite3_get_autocommit(conn->db) && cx_sqlite_exec(conn, "ROLLBACK") != SQLITE_OK &&
		!sqlite3_get_autocommit(conn->db))
		conn->is_lost = true;
}

/* ---- the end of a request
 * ----------------------------------------------------------------------------------- */

static void let_statement_go(cx_sqlite_cursor *c)
{
	if (c->statement)
		cx_sqlite_statement_put(c->conn, c->statement);
	c->statement = NULL;
}

/* INSERT OR FAIL, and a trigger's RAISE(FAIL): outside a transaction the rows before the failure
 * stay, and only then does SQLite count any. The statement has been reset. */
static bool is_partly_kept(const cx_sqlite_cursor *c, cx_sqlite_verb verb)
{
	return (verb == CX_SQLITE_INSERT || verb == CX_SQLITE_CHANGE) && !c->is_implicit &&
		   c->summary.position != CDBC_POSITION_NOT_FLUSHED &&
		   c->summary.tx_before == CDBC_TX_IDLE && sqlite3_get_autocommit(c->conn->db) &&
		   sqlite3_changes64(c->conn->db) > 0;
}

/* What a failure leaves behind. Returns status. */
static cdbc_status request_failed(cx_sqlite_cursor *c, cdbc_status status)
{
	cx_sqlite_conn *conn = c->conn;
	cx_sqlite_verb verb = c->statement ? c->statement->tag.verb : CX_SQLITE_OTHER;

	if (c->statement && c->statement->handle)
		sqlite3_reset(c->statement->handle);
	c->summary.is_partly_kept = is_partly_kept(c, verb);
	if (c->first.release)
		c->first.release(&c->first);
	c->stage = CX_SQLITE_FINISHED;
	if (status != CDBC_TIMEOUT || c->summary.position != CDBC_POSITION_NOT_FLUSHED)
		c->summary.position = CDBC_POSITION_DONE;
	c->summary.is_cancel_sent = atomic_load(&conn->is_cancelled) || conn->is_deadline_hit;
	c->text_left = NULL;
	c->is_stopped = c->sync == CDBC_ONE_SYNC;
	if (c->is_implicit || verb == CX_SQLITE_COMMIT)
		rollback(conn);
	else if (c->summary.tx_before == CDBC_TX_OPEN && verb != CX_SQLITE_ROLLBACK &&
			 sqlite3_get_autocommit(conn->db))
		conn->is_tx_failed = true;
	c->is_implicit = false;
	return status;
}

/* "UPDATE 3": on the way of every request, so without printf. */
static void write_tag(cx_sqlite_cursor *c)
{
	const cx_sqlite_tag *tag = &c->statement->tag;
	cdbc_summary *summary = &c->summary;
	size_t length = strlen(tag->words);

	_Static_assert(sizeof summary->tag >= sizeof tag->words + CX_NUMBER_MAX + 1,
				   "a tag and its count fit");
	memcpy(summary->tag, tag->words, length + 1);
	if (tag->verb == CX_SQLITE_INSERT || tag->verb == CX_SQLITE_CHANGE)
		summary->affected_count = sqlite3_changes64(c->conn->db);
	else if (tag->verb != CX_SQLITE_SELECT)
		return;
	summary->tag[length++] = ' ';
	cx_int64_print(tag->verb == CX_SQLITE_SELECT ? c->row_count : summary->affected_count,
				   summary->tag + length);
}

/* The statement ran to its end. */
static cdbc_status request_done(cx_sqlite_cursor *c, cdbc_error **err)
{
	cx_sqlite_verb verb = c->statement->tag.verb;
	int rc;

	write_tag(c);
	if (c->statement->handle)
		sqlite3_reset(c->statement->handle);
	if (verb == CX_SQLITE_COMMIT || verb == CX_SQLITE_ROLLBACK)
		c->is_implicit = false;
	if (c->is_implicit && is_group_end(c)) {
		rc = cx_sqlite_exec(c->conn, "COMMIT");
		if (rc)
			return request_failed(c, cx_sqlite_fail(c->conn, rc, NULL, err));
		c->is_implicit = false;
	}
	c->stage = CX_SQLITE_FINISHED;
	c->summary.position = CDBC_POSITION_DONE;
	return CDBC_OK;
}

/* ---- running one
 * -------------------------------------------------------------------------------------------- */

/* Prepares the next statement of the request and binds its values. */
static cdbc_status request_start(cx_sqlite_cursor *c, const cdbc_request *r, cdbc_error **err)
{
	const char *sql = c->text_left ? c->text_left : r->sql, *tail = "";
	size_t length = c->text_left ? strlen(sql) : r->sql_length;
	cdbc_status status;

	c->stage = CX_SQLITE_READY;
	c->row_count = 0;
	c->rows_hint = 1;
	c->bytes_hint = 64;
	c->batch_rows = r->batch_rows > 0 ? r->batch_rows : BATCH_ROWS;
	c->batch_bytes = r->batch_bytes > 0 ? r->batch_bytes : BATCH_BYTES;
	c->batch_ns = r->batch_ns > 0 ? r->batch_ns : BATCH_NS;
	c->summary =
		(cdbc_summary){.struct_size = sizeof(cdbc_summary),
					   .affected_count = -1,
					   .tx_before = c->is_implicit ? CDBC_TX_IDLE : cx_sqlite_tx_state(c->conn)};
	c->text_left = NULL;
	status = cx_sqlite_statement_get(c->conn, r, sql, length, &tail, &c->statement, err);
	if (status)
		return status;
	if (is_simple(r) && !cx_sqlite_is_blank(tail))
		c->text_left = tail;
	status = cx_sqlite_statement_hints(c->statement, r, err);
	if (!status)
		status = cx_sqlite_bind(c->conn, c->statement->handle, r, err);
	return status;
}

/* Statements that are answered without SQLite: BEGIN inside a batch's own transaction makes that
 * the caller's; in a transaction that SQLite has rolled back by itself only its end is accepted. */
static cdbc_status answer_ourselves(cx_sqlite_cursor *c, bool *is_answered, cdbc_error **err)
{
	cx_sqlite_verb verb = c->statement->tag.verb;
	cdbc_status status;

	*is_answered = true;
	if (c->is_implicit && verb == CX_SQLITE_BEGIN) {
		c->is_implicit = false;
		return request_done(c, err);
	}
	if (c->conn->is_tx_failed && (verb == CX_SQLITE_COMMIT || verb == CX_SQLITE_ROLLBACK)) {
		c->conn->is_tx_failed = false;
		status = request_done(c, err);
		memcpy(c->summary.tag, "ROLLBACK", sizeof "ROLLBACK");
		if (status || verb == CX_SQLITE_ROLLBACK)
			return status;
		status = cx_error_set(err, CDBC_SQL, "commit: the transaction was aborted and rolled back");
		cx_error_sqlstate(err, "40000");
		return status;
	}
	if (c->conn->is_tx_failed) {
		status = cx_error_set(
			err, CDBC_SQL,
			"the transaction was rolled back by an earlier failure: only ROLLBACK is accepted");
		cx_error_sqlstate(err, "25P02");
		return status;
	}
	*is_answered = false;
	return CDBC_OK;
}

/* Makes the columns and, where only values can tell their types, reads the first batch. */
static cdbc_status open_rows(cx_sqlite_cursor *c, cdbc_numeric_mode numeric, bool has_row,
							 cdbc_error **err)
{
	cx_sqlite_statement *s = c->statement;
	bool has_more = false;
	cdbc_status status = cx_sqlite_statement_columns(s, numeric, err);

	c->stage = CX_SQLITE_ROW;
	if (status)
		return status;
	if (!has_row || !s->has_by_value) {
		status = cx_sqlite_statement_schema(s, err);
		return status || has_row ? status : request_done(c, err);
	}
	status = cx_sqlite_batch_read_first(c, &c->first, &has_more, err);
	if (status)
		return status;
	if (!has_more)
		status = request_done(c, err);
	if (!status) {
		c->stage = CX_SQLITE_BATCH;
		c->has_more = has_more;
	}
	return status;
}

static cdbc_status request_run(cx_sqlite_cursor *c, cdbc_numeric_mode numeric,
							   const struct ArrowSchema **schema, cdbc_error **err)
{
	bool is_answered;
	int rc = SQLITE_DONE;
	cdbc_status status = answer_ourselves(c, &is_answered, err);

	if (status || is_answered)
		return status;
	if (c->statement->tag.verb != CX_SQLITE_ROLLBACK && cx_deadline_passed(c->conn->deadline_ns))
		return cx_error_set(err, CDBC_TIMEOUT,
							"the deadline passed before the statement was begun");
	status = implicit_begin(c, err);
	if (status)
		return status;
	c->summary.position = CDBC_POSITION_SENT;
	if (c->statement->handle)
		rc = sqlite3_step(c->statement->handle);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return cx_sqlite_fail(c->conn, rc,
							  c->statement->handle ? sqlite3_sql(c->statement->handle) : NULL, err);
	if (sqlite3_column_count(c->statement->handle) == 0)
		return request_done(c, err);
	status = open_rows(c, numeric, rc == SQLITE_ROW, err);
	if (!status)
		*schema = &c->statement->schema;
	return status;
}

/* ---- the driver's entries
 * ----------------------------------------------------------------------------------- */

static cdbc_status refuse(const cx_sqlite_conn *conn, size_t count, cdbc_summary *failed,
						  cdbc_error **err)
{
	if (failed)
		*failed = (cdbc_summary){.struct_size = sizeof *failed,
								 .affected_count = -1,
								 .is_link_lost = conn->is_lost,
								 .tx_before = cx_sqlite_tx_state(conn)};
	if (conn->is_lost)
		return cx_error_set(err, CDBC_CONNECT, "the connection is lost");
	if (conn->is_busy)
		return cx_error_set(err, CDBC_USAGE, "a result of this connection is still open");
	if (count == 0)
		return cx_error_set(err, CDBC_USAGE, "no request to submit");
	return CDBC_OK;
}

cdbc_status cx_sqlite_submit(void *handle, const cdbc_request *requests, size_t count,
							 cdbc_sync sync, int64_t deadline_ns, void **cursor,
							 cdbc_summary *failed, cdbc_error **err)
{
	cx_sqlite_conn *conn = handle;
	cx_sqlite_cursor *c = &conn->cursor;
	cdbc_status status = refuse(conn, count, failed, err);

	if (status)
		return status;
	cx_sqlite_enter(conn, deadline_ns);
	atomic_store(&conn->is_cancelled, false);
	memset(c, 0, sizeof *c);
	c->conn = conn;
	c->request_count = count;
	c->sync = sync;
	c->stage = CX_SQLITE_FINISHED;
	conn->is_busy = true;
	if (count == 1 && !is_simple(requests)) {
		/* The usual case copies nothing: values go into the statement, and the rest is not looked
		 * at later. */
		c->only = *requests;
		c->requests = &c->only;
		c->is_started = true;
		c->request_next = 1;
		if (request_start(c, requests, &c->early))
			request_failed(c, CDBC_OK);
	} else {
		status = keep_requests(c, requests, count, err);
	}
	if (status) {
		cx_sqlite_cursor_close(c, deadline_ns);
		return status;
	}
	*cursor = c;
	return CDBC_OK;
}

/* Leaves the present result, and finds the request whose statement is next; NULL: none is left. */
static const cdbc_request *advance(cx_sqlite_cursor *c)
{
	if (c->is_started)
		return &c->only;
	if (c->is_stopped)
		return NULL;
	if (c->text_left)
		return &c->requests[c->request_next - 1];
	return c->request_next < c->request_count ? &c->requests[c->request_next++] : NULL;
}

/* Ends a result of which rows are left: they are not wanted, but its effects are. */
static cdbc_status leave_result(cx_sqlite_cursor *c, cdbc_error **err)
{
	if (c->first.release)
		c->first.release(&c->first);
	if (!c->statement || c->stage == CX_SQLITE_FINISHED)
		return CDBC_OK;
	return request_done(c, err);
}

cdbc_status cx_sqlite_next_result(void *cursor, int64_t deadline_ns,
								  const struct ArrowSchema **schema, bool *has_result,
								  cdbc_error **err)
{
	cx_sqlite_cursor *c = cursor;
	const struct ArrowSchema *columns = NULL;
	const cdbc_request *request;
	cdbc_status status = CDBC_OK;

	cx_sqlite_enter(c->conn, deadline_ns);
	if (c->early) {
		status = cdbc_error_status(c->early);
		if (err)
			*err = c->early;
		else
			cx_error_clear(&c->early);
		c->early = NULL;
		c->is_started = false;
		return status;
	}
	if (!c->is_started) {
		status = leave_result(c, err);
		if (status)
			return status;
	}
	request = advance(c);
	if (!request) {
		*schema = NULL;
		*has_result = false;
		return CDBC_OK;
	}
	if (!c->is_started) {
		let_statement_go(c);
		status = request_start(c, request, err);
	}
	c->is_started = false;
	if (!status)
		status = request_run(c, request->numeric, &columns, err);
	if (status)
		return request_failed(c, status);
	*schema = columns;
	*has_result = true;
	return CDBC_OK;
}

cdbc_status cx_sqlite_fetch(void *cursor, int64_t deadline_ns, struct ArrowArray *out,
							cdbc_error **err)
{
	cx_sqlite_cursor *c = cursor;
	struct ArrowArray array;
	bool has_more = false;
	cdbc_status status;

	cx_sqlite_enter(c->conn, deadline_ns);
	if (c->first.release) {
		*out = c->first;
		c->first.release = NULL;
		c->stage = c->has_more ? CX_SQLITE_ROW : CX_SQLITE_FINISHED;
		if (c->has_more)
			c->summary.position = CDBC_POSITION_ROWS_TAKEN;
		return CDBC_OK;
	}
	if (c->stage != CX_SQLITE_ROW) {
		cx_array_none(out);
		return CDBC_OK;
	}
	status = cx_sqlite_batch_read(c, &array, &has_more, err);
	if (status)
		return request_failed(c, status);
	if (!has_more)
		status = request_done(c, err);
	if (status) {
		array.release(&array);
		return status;
	}
	if (has_more)
		c->summary.position = CDBC_POSITION_ROWS_TAKEN;
	*out = array;
	return CDBC_OK;
}

const cdbc_summary *cx_sqlite_summary(void *cursor)
{
	return &((cx_sqlite_cursor *)cursor)->summary;
}

void cx_sqlite_cursor_close(void *cursor, int64_t deadline_ns)
{
	cx_sqlite_cursor *c = cursor;

	if (!c)
		return;
	if (c->first.release)
		c->first.release(&c->first);
	cx_error_clear(&c->early);
	let_statement_go(c);
	if (c->is_implicit) {
		cx_sqlite_enter(c->conn, CX_NEVER); /* a rollback waits for nobody */
		rollback(c->conn);
	}
	cx_arena_free(&c->arena);
	c->conn->is_busy = false;
}
