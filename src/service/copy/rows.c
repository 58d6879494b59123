// SPDX-License-Identifier: Apache-2.0
/* The rows of a copy on their way into the table: streamed by COPY, in blocks behind a savepoint,
 * or one by one; and which of them it was that failed. */
#include "service/copy/copy.h"

#include "base/alloc.h"
#include "base/error.h"

#define SEND_BYTES  ((size_t)64 << 10)
#define BLOCK_ROWS  1000
#define BLOCK_BYTES ((size_t)1 << 20)
#define TURNS_MAX   100000

int64_t cx_copy_deadline(const cdbc_copy *copy)
{
	return cx_session_deadline(copy->options.timeout_ms ? copy->options.timeout_ms
														: copy->session->timeout_ms);
}

static bool uses_blocks(const cdbc_copy *copy)
{
	return copy->method == CDBC_COPY_ROWS ||
		   (copy->method == CDBC_COPY_COPY && copy->options.on_error == CDBC_COPY_REJECT);
}

static void tell_progress(const cdbc_copy *copy)
{
	if (copy->options.progress)
		copy->options.progress(copy->options.data, &copy->summary);
}

/* ---- which row it was ---- */

/* Puts where a row stands before the error, and into it. */
static void name_row(const cdbc_copy *copy, int64_t row, int64_t line, int64_t column,
					 cdbc_error **err)
{
	cx_error_wrap(err, "row %lld", (long long)row);
	if (!line) {
		cx_error_wrap(err, "%s", copy->source);
		return;
	}
	if (column)
		cx_error_wrap(err, "%s:%lld:%lld", copy->source, (long long)line, (long long)column);
	else
		cx_error_wrap(err, "%s:%lld", copy->source, (long long)line);
	cx_error_place(err, copy->source, line, column);
}

static cdbc_status note_line(cdbc_copy *copy, const cx_record *record, cdbc_error **err)
{
	if (!record->line || (copy->turn_count && record->line == copy->last_line + 1)) {
		copy->last_line = record->line;
		return CDBC_OK;
	}
	copy->last_line = record->line;
	if (copy->turn_count == TURNS_MAX)
		return CDBC_OK; /* from here on the line is not told */
	if (copy->turn_count == copy->turn_room) {
		size_t room = copy->turn_room ? copy->turn_room * 2 : 16;
		cx_copy_turn *grown = cx_realloc(copy->turns, room * sizeof *grown);

		if (!grown)
			return cx_error_nomem(err);
		copy->turns = grown;
		copy->turn_room = room;
	}
	copy->turns[copy->turn_count++] = (cx_copy_turn){copy->summary.rows_read, record->line};
	return CDBC_OK;
}

/* 0: not known. */
static int64_t line_of(const cdbc_copy *copy, int64_t row)
{
	size_t i = copy->turn_count;

	while (i > 0 && copy->turns[i - 1].row > row)
		i--;
	if (i == 0 || (i == TURNS_MAX && copy->turns[i - 1].row != row))
		return 0;
	return copy->turns[i - 1].line + (row - copy->turns[i - 1].row);
}

/* Whether it is the row's fault, so that others may be well. */
static bool is_of_row(const cdbc_error *error)
{
	static const char *const classes[] = {"22", "23", "44", "P0001"};
	const char *sqlstate = error ? cdbc_error_sqlstate(error) : "";
	cdbc_status status = error ? cdbc_error_status(error) : CDBC_NOMEM;

	if (!sqlstate[0])
		return status == CDBC_DATA || status == CDBC_PARAM || status == CDBC_UNSUPPORTED;
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (strncmp(sqlstate, classes[i], strlen(classes[i])) == 0)
			return true;
	return false;
}

/* A streamed COPY has failed: its line is the row's number in this chunk. */
static cdbc_status stream_failed(cdbc_copy *copy, cdbc_status status, cdbc_error **err)
{
	int64_t at = *err ? cdbc_error_line(*err) : 0, row = copy->chunk_first + at;

	if (at > 0 && at <= copy->sent && is_of_row(*err)) {
		name_row(copy, row, line_of(copy, row), 0, err);
	} else if (copy->sent) {
		cx_error_wrap(err, "%s: rows %lld to %lld", copy->source,
					  (long long)(copy->chunk_first + 1), (long long)copy->summary.rows_read);
		cx_error_place(err, NULL, 0, 0);
	}
	cx_session_give_lost(copy->session);
	return status;
}

/* ---- rows that are left out ---- */

static cdbc_status reject(cdbc_copy *copy, int64_t row, int64_t line, cdbc_text text,
						  cdbc_error *error, cdbc_error **err)
{
	cdbc_copy_rejected rejected = {sizeof rejected, row, line, text, error};
	cdbc_status status = CDBC_OK;

	copy->summary.rows_rejected++;
	if (copy->options.rejected) {
		status = copy->options.rejected(copy->options.data, &rejected, err);
		if (status && !*err)
			cx_error_set(err, status, "row %lld was not taken by who keeps those left out",
						 (long long)row);
	}
	cdbc_error_free(error);
	return status;
}

/* ---- statements ---- */

/* A cancel counts from the copy's beginning on, also one that came when nothing ran, or after what
 * it was to stop had ended. */
static cdbc_status check_cancel(const cdbc_copy *copy, cdbc_error **err)
{
	if (cx_session_cancel_count(copy->session) == copy->cancel_count)
		return CDBC_OK;
	cx_error_set(err, CDBC_CANCELLED, "cancelled");
	if (copy->is_in_chunk)
		cx_error_outcome(err, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	return CDBC_CANCELLED;
}

/* Before a statement of the copy's transaction that is no request: its time begins, and nothing
 * that was to hit another one hits it. */
static cdbc_status get_ready(cdbc_copy *copy, cdbc_error **err)
{
	cdbc_status status = check_cancel(copy, err);

	if (copy->is_own)
		copy->session->tx.deadline_ns = cx_copy_deadline(copy);
	return status ? status : cx_session_connect(copy->session, cx_copy_deadline(copy), err);
}

/* An insert of rows, as one request that nobody watches by itself. */
static cdbc_status perform(cdbc_copy *copy, int64_t *count, cdbc_error **err)
{
	cdbc_session *session = copy->session;
	cdbc_call call = {.session = session,
					  .statement = copy->statement,
					  .values = copy->values,
					  .deadline_ns = cx_copy_deadline(copy),
					  .attempt = 1};
	cdbc_result *result = NULL;
	cdbc_status status;

	session->run.name = NULL;
	session->run.was_unknown = false;
	session->is_in_chain = true; /* what ends here is not what is watched */
	status = cx_session_execute(&call, &result, err);
	if (!status) {
		while (cdbc_result_next(result, err))
			;
		if (!cdbc_result_is_complete(result))
			status = *err ? cdbc_error_status(*err) : cx_error_set(err, CDBC_INTERNAL, "no end");
		*count = cdbc_result_affected_count(result);
		cdbc_result_free(result);
	}
	session->is_in_chain = false;
	return status;
}

static cdbc_status check_count(int64_t count, int64_t wanted, cdbc_error **err)
{
	if (count == wanted)
		return CDBC_OK;
	cx_error_set(err, CDBC_DATA, "%lld rows were sent, the server took %lld", (long long)wanted,
				 (long long)count);
	cx_error_hint(err, "a trigger or rule of the table keeps rows out");
	cx_error_outcome(err, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	return CDBC_DATA;
}

static cdbc_status put_copy(cdbc_copy *copy, size_t from, size_t to, int64_t *count,
							cdbc_error **err)
{
	cdbc_status status = get_ready(copy, err);

	if (!status)
		status = cx_copy_run_begin(&copy->run, copy->sql.data, copy->sql.length,
								   cx_copy_deadline(copy), err);
	cx_buf_clear(&copy->out);
	cx_row_block_lines(&copy->block, from, to, &copy->out);
	if (!status)
		status = cx_buf_status(&copy->out, "rows", err);
	if (!status)
		status = cx_copy_run_write(&copy->run, copy->out.data, copy->out.length,
								   cx_copy_deadline(copy), err);
	if (!status)
		status = cx_copy_run_end(&copy->run, count, cx_copy_deadline(copy), err);
	cx_copy_run_abort(&copy->run, cx_deadline_after_ms(CX_TX_GRACE_MS));
	cx_buf_clear(&copy->out);
	return status;
}

static cdbc_status put_arrays(cdbc_copy *copy, size_t from, size_t to, int64_t *count,
							  cdbc_error **err)
{
	size_t rows = to - from;

	if (!copy->items)
		copy->items = cx_calloc(copy->width * BLOCK_ROWS, sizeof *copy->items);
	if (!copy->items)
		return cx_error_nomem(err);
	for (size_t i = 0; i < copy->width; i++) {
		cdbc_value *items = copy->items + i * rows;

		for (size_t row = 0; row < rows; row++)
			items[row] = cx_row_block_value(&copy->block, from + row, i);
		copy->values[i] = cdbc_array(items, rows);
		copy->values[i].type.id = CDBC_TYPE_TEXT;
		copy->values[i].type.is_array = true;
	}
	return perform(copy, count, err);
}

/* ---- blocks ---- */

/* Rows of the block in one statement, behind a savepoint: as if nothing had been when it fails. */
static cdbc_status try_rows(cdbc_copy *copy, size_t from, size_t to, bool *is_back,
							cdbc_error **err)
{
	cdbc_session *session = copy->session;
	cdbc_error *error = NULL;
	int64_t count = 0;
	cdbc_status status = get_ready(copy, err);

	if (!status)
		status = cdbc_session_savepoint(session, err);
	if (status)
		return status;
	status = copy->method == CDBC_COPY_COPY ? put_copy(copy, from, to, &count, &error)
											: put_arrays(copy, from, to, &count, &error);
	if (!status)
		status = check_count(count, (int64_t)(to - from), &error);
	if (copy->is_own)
		session->tx.deadline_ns = cx_copy_deadline(copy);
	if (!status)
		return cdbc_session_release_savepoint(session, err);
	*is_back = is_of_row(error) && !cdbc_session_rollback_savepoint(session, NULL);
	if (!*is_back)
		cx_session_give_lost(session);
	cx_error_pass(err, error);
	return status;
}

static cdbc_status row_refused(cdbc_copy *copy, size_t at, cdbc_status status, cdbc_error *error,
							   cdbc_error **err)
{
	const cx_row_place *place = &copy->block.places[at];
	cx_buf made = CX_BUF_INIT(CX_ROW_TEXT_MAX);

	name_row(copy, place->row, place->line, 0, &error);
	if (copy->options.on_error == CDBC_COPY_STOP) {
		cx_error_pass(err, error);
		return status;
	}
	copy->sent--;
	status = reject(copy, place->row, place->line, cx_row_block_raw(&copy->block, at, &made), error,
					err);
	cx_buf_free(&made);
	return status;
}

/* In halves, down to the rows that are refused. */
static cdbc_status put_rows(cdbc_copy *copy, size_t from, size_t to, cdbc_error **err)
{
	cdbc_error *error = NULL;
	bool is_back = false;
	cdbc_status status = try_rows(copy, from, to, &is_back, &error);
	size_t middle = from + (to - from) / 2;

	if (!status)
		return CDBC_OK;
	if (!is_back) {
		cx_error_wrap(&error, "%s: rows %lld to %lld", copy->source,
					  (long long)copy->block.places[from].row,
					  (long long)copy->block.places[to - 1].row);
		cx_error_pass(err, error);
		return status;
	}
	if (to - from == 1)
		return row_refused(copy, from, status, error, err);
	cdbc_error_free(error);
	status = put_rows(copy, from, middle, err);
	return status ? status : put_rows(copy, middle, to, err);
}

static cdbc_status flush_block(cdbc_copy *copy, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	if (copy->block.row_count)
		status = put_rows(copy, 0, copy->block.row_count, err);
	cx_row_block_clear(&copy->block);
	if (!status)
		tell_progress(copy);
	return status;
}

/* ---- one by one ---- */

static cdbc_status insert_row(cdbc_copy *copy, const cx_record *record, cdbc_error **err)
{
	bool is_rejecting = copy->options.on_error == CDBC_COPY_REJECT;
	cdbc_error *error = NULL;
	int64_t count = 0;
	cdbc_status status;

	for (size_t i = 0; i < copy->width; i++) {
		copy->values[i] = record->values[i];
		copy->values[i].type = copy->types[i];
	}
	status = is_rejecting ? get_ready(copy, err) : CDBC_OK;
	if (!status && is_rejecting)
		status = cdbc_session_savepoint(copy->session, err);
	if (status)
		return status;
	status = perform(copy, &count, &error);
	if (!status)
		status = check_count(count, 1, &error);
	if (!status) {
		copy->sent++;
		return is_rejecting ? cdbc_session_release_savepoint(copy->session, err) : CDBC_OK;
	}
	name_row(copy, copy->summary.rows_read, record->line, 0, &error);
	if (is_rejecting && is_of_row(error) && !cdbc_session_rollback_savepoint(copy->session, NULL)) {
		cx_buf line = CX_BUF_INIT(CX_ROW_TEXT_MAX);
		cdbc_text text = {record->raw, record->raw_length};

		if (!record->raw) {
			(void)cx_copy_line(&line, record->values, record->count, NULL);
			text = (cdbc_text){line.data ? line.data : "", line.length ? line.length - 1 : 0};
		}
		status = reject(copy, copy->summary.rows_read, record->line, text, error, err);
		cx_buf_free(&line);
		return status;
	}
	cx_session_give_lost(copy->session);
	cx_error_pass(err, error);
	return status;
}

/* ---- chunks ---- */

static cdbc_status begin_chunk(cdbc_copy *copy, cdbc_error **err)
{
	static const cdbc_transaction_options defaults = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_session *session = copy->session;
	cdbc_status status = cx_copy_prepare(copy, err);
	cdbc_call call = {.session = session, .statement = copy->statement};

	if (status)
		return status;
	if (!session->request_id && session->client->events.wanted & CX_WATCHED) {
		cx_session_tell_start(session, &call);
		session->was_executed = true;
	}
	copy->sent = 0;
	copy->turn_count = 0;
	copy->chunk_first = copy->summary.rows_read - 1;
	if (!session->tx.depth) {
		cx_session_tell_tx_start(session, NULL);
		status = cx_session_tx_begin(session, &defaults, cx_copy_deadline(copy), err);
		if (status) {
			cx_session_tell_tx_end(session, NULL, 1, false, *err);
			return status;
		}
		copy->is_own = true;
		session->tx.deadline_ns = CX_NEVER;
	}
	copy->is_in_chunk = true;
	status = get_ready(copy, err);
	if (!status)
		status = cx_session_tx_send_begin(session, cx_copy_deadline(copy), err);
	if (status)
		return stream_failed(copy, status, err);
	if (session->request_id)
		cx_session_tell_host(session);
	copy->run.lease = &session->lease;
	copy->block.width = copy->width;
	copy->block.keeps_raw = copy->options.on_error == CDBC_COPY_REJECT;
	if (copy->method != CDBC_COPY_COPY || uses_blocks(copy))
		return CDBC_OK;
	status = get_ready(copy, err);
	if (!status)
		status = cx_copy_run_begin(&copy->run, copy->sql.data, copy->sql.length,
								   cx_copy_deadline(copy), err);
	return status ? stream_failed(copy, status, err) : CDBC_OK;
}

static cdbc_status send(cdbc_copy *copy, cdbc_error **err)
{
	cdbc_status status = cx_buf_status(&copy->out, "row", err);

	if (!status) {
		copy->byte_count += (int64_t)copy->out.length;
		status = cx_copy_run_write(&copy->run, copy->out.data, copy->out.length,
								   cx_copy_deadline(copy), err);
	}
	cx_buf_clear(&copy->out);
	if (status)
		return stream_failed(copy, status, err);
	tell_progress(copy);
	return CDBC_OK;
}

static cdbc_status end_stream(cdbc_copy *copy, cdbc_error **err)
{
	bool has_rest = copy->out.length || copy->out.is_nomem || copy->out.is_over;
	cdbc_status status = has_rest ? send(copy, err) : CDBC_OK;
	int64_t count = 0;

	if (status)
		return status;
	status = cx_copy_run_end(&copy->run, &count, cx_copy_deadline(copy), err);
	return status ? stream_failed(copy, status, err) : check_count(count, copy->sent, err);
}

cdbc_status cx_copy_end_chunk(cdbc_copy *copy, cdbc_error **err)
{
	cdbc_session *session = copy->session;
	cdbc_status status = CDBC_OK;

	if (uses_blocks(copy))
		status = flush_block(copy, err);
	else if (copy->method == CDBC_COPY_COPY)
		status = end_stream(copy, err);
	if (status)
		return status;
	status = get_ready(copy, err); /* the last moment for a cancel */
	if (status)
		return status;
	if (copy->is_own) {
		status = cx_session_tx_commit(session, err);
		cx_session_tell_tx_end(session, NULL, 1, true, *err);
		copy->is_own = false;
		if (status)
			return status;
		copy->summary.rows_committed += copy->sent;
		copy->summary.restart_row = copy->summary.rows_read;
	}
	copy->sent = 0;
	copy->is_in_chunk = false;
	tell_progress(copy);
	return CDBC_OK;
}

/* ---- a row ---- */

static cdbc_status put_row(cdbc_copy *copy, const cx_record *record, cdbc_error **err)
{
	cdbc_status status;

	if (copy->method == CDBC_COPY_INSERT)
		return insert_row(copy, record, err);
	if (uses_blocks(copy)) {
		status = cx_row_block_add(&copy->block, record, copy->summary.rows_read, err);
		if (status)
			return status;
		copy->sent++;
		if (copy->block.row_count < BLOCK_ROWS && copy->block.text.length < BLOCK_BYTES)
			return CDBC_OK;
		copy->byte_count += (int64_t)copy->block.text.length;
		return flush_block(copy, err);
	}
	status = note_line(copy, record, err);
	if (!status)
		status = cx_copy_line(&copy->out, record->values, record->count, err);
	if (status)
		return status;
	copy->sent++;
	return copy->out.length >= SEND_BYTES ? send(copy, err) : CDBC_OK;
}

cdbc_status cx_copy_bad(cdbc_copy *copy, const cx_record *record, cdbc_error *error,
						cdbc_error **err)
{
	cdbc_status status = cdbc_error_status(error), flushed;

	copy->summary.rows_read++;
	if (copy->summary.rows_read <= copy->options.skip_rows) {
		copy->summary.rows_skipped++;
		copy->summary.restart_row++;
		cdbc_error_free(error);
		return CDBC_OK;
	}
	name_row(copy, copy->summary.rows_read,
			 record->line ? cdbc_error_line(error) ? cdbc_error_line(error) : record->line : 0,
			 record->line ? cdbc_error_column(error) : 0, &error);
	if (copy->options.on_error == CDBC_COPY_REJECT) {
		/* those before it may be left out, too, and are told first */
		flushed = uses_blocks(copy) && copy->is_in_chunk ? flush_block(copy, err) : CDBC_OK;
		if (flushed) {
			cdbc_error_free(error);
			return flushed;
		}
		return reject(copy, copy->summary.rows_read, record->line,
					  (cdbc_text){record->raw, record->raw_length}, error, err);
	}
	cx_error_pass(err, error);
	return status;
}

cdbc_status cx_copy_row(cdbc_copy *copy, const cx_record *record, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = CDBC_OK;

	if (!copy->width)
		copy->width = record->count;
	status = check_cancel(copy, err);
	if (status)
		return status;
	if (record->count != copy->width) {
		cx_error_set(&error, CDBC_DATA, "%zu values, not %zu", record->count, copy->width);
		return cx_copy_bad(copy, record, error, err);
	}
	copy->summary.rows_read++;
	if (copy->summary.rows_read <= copy->options.skip_rows) {
		copy->summary.rows_skipped++;
		copy->summary.restart_row++;
		return CDBC_OK;
	}
	if (!copy->is_in_chunk)
		status = begin_chunk(copy, err);
	if (!status)
		status = put_row(copy, record, err);
	if (!status && copy->method == CDBC_COPY_INSERT && copy->summary.rows_read % BLOCK_ROWS == 0)
		tell_progress(copy);
	if (!status && copy->options.chunk_rows &&
		copy->summary.rows_read - copy->chunk_first >= copy->options.chunk_rows)
		status = cx_copy_end_chunk(copy, err);
	return status;
}
