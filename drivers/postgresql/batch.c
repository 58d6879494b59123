// SPDX-License-Identifier: Apache-2.0
/* Rows to batches: the inner loop of every read. No allocation and no clock a row. */
#include "internal.h"

#include <poll.h>

#define FIRST_ROWS      256
#define LOOK_EVERY_ROWS 256 /* rows between two looks at a batch's size */
#define BIG_ROW_BYTES   8192

typedef struct filling {
	cx_pg_cursor *cursor;
	const cx_pg_slot *slot;
	cx_batch batch;
	bool is_begun;
	int64_t big_bytes; /* of rows so big that each is counted */
	int64_t until_ns;  /* the batch's time; 0: not looked at the clock yet */
} filling;

/* A row or few of a statement that will come again. */
static cdbc_status begin_stored(filling *f, cx_pg_statement *st, cdbc_error **err)
{
	cdbc_status status;

	if (!st->store && !(st->store = cx_batch_store_new()))
		return cx_error_nomem(err);
	status = cx_batch_begin_stored(&f->batch, st->store, st->shape.fields, st->shape.count, err);
	f->is_begun = status == CDBC_OK;
	return status;
}

/* Bytes of texts to make room for in each column: exact for a row or few. */
static size_t hint_of(const cx_pg_cursor *cursor, int64_t rows)
{
	const cx_pg_shape *shape = cursor->shape;
	size_t most = 0;

	if (shape->text_count == 0)
		return 0;
	if (cursor->last_bytes)
		return cursor->last_bytes;
	if (rows > 4 || cursor->is_streamed)
		return rows < 2048 ? (size_t)rows * 32 : (size_t)65536;
	for (size_t i = 0; i < shape->text_count; i++) {
		size_t sum = 0;

		for (int row = cursor->result_row; row < cursor->result_rows; row++)
			sum += (size_t)PQgetlength(cursor->result, row, shape->text_columns[i]);
		most = sum > most ? sum : most;
	}
	return most;
}

static cdbc_status begin(filling *f, cdbc_error **err)
{
	cx_pg_cursor *cursor = f->cursor;
	int64_t rows = cursor->result_rows - cursor->result_row;
	cdbc_status status;

	if (cursor->is_streamed)
		rows = cursor->last_rows ? cursor->last_rows : FIRST_ROWS;
	else if (rows <= CX_BATCH_STORE_ROWS && f->slot->statement && f->slot->statement->name[0])
		return begin_stored(f, f->slot->statement, err);
	if (rows > f->slot->batch_rows)
		rows = f->slot->batch_rows;
	status = cx_batch_begin(&f->batch, cursor->shape->fields, cursor->shape->count, rows,
							hint_of(cursor, rows), err);
	f->is_begun = status == CDBC_OK;
	return status;
}

/* Bytes of the longest column, and of all. */
static size_t bytes_of(const cx_batch *batch, size_t *most)
{
	size_t sum = 0;

	*most = 0;
	for (size_t i = 0; i < batch->column_count; i++) {
		const cx_builder *column = &batch->columns[i];
		size_t bytes = column->bytes_length;

		if (column->item)
			bytes += column->item->bytes_length + (size_t)column->item_length * column->item->width;
		*most = bytes > *most ? bytes : *most;
		sum += bytes + (size_t)batch->row_count * (column->width ? column->width : 4);
	}
	return sum;
}

static bool is_full(filling *f)
{
	size_t most;

	if (f->batch.row_count >= f->slot->batch_rows || f->big_bytes >= f->slot->batch_bytes)
		return true;
	return f->batch.row_count % LOOK_EVERY_ROWS == 0 &&
		   (int64_t)bytes_of(&f->batch, &most) >= f->slot->batch_bytes;
}

/* Decodes rows of a whole result until it is used up or the batch is full. */
static cdbc_status take_rows(filling *f, bool *has_filled, cdbc_error **err)
{
	cx_pg_cursor *cursor = f->cursor;
	const cx_pg_shape *shape = cursor->shape;
	PGresult *result = cursor->result;
	cdbc_status status = f->is_begun ? CDBC_OK : begin(f, err);

	while (!status && cursor->result_row < cursor->result_rows && !*has_filled) {
		status = cx_pg_decode_row(shape->decoders, shape->count, result, cursor->result_row,
								  &f->batch, cursor->row_number + 1, err);
		if (status)
			break;
		cursor->result_row++;
		cursor->row_number++;
		*has_filled = is_full(f);
	}
	if (!status && cursor->result_row == cursor->result_rows) {
		PQclear(result);
		cursor->result = NULL;
	}
	return status;
}

/* Waits for the next row. *has_filled: the batch's time came first. */
static cdbc_status wait_row(filling *f, int64_t deadline_ns, bool *has_filled, cdbc_error **err)
{
	cx_pg_conn *c = f->cursor->conn;

	while (PQisBusy(c->pg)) {
		int64_t until = deadline_ns;

		if (c->may_hide && cx_pg_take_hidden(c))
			break;
		if (f->is_begun) {
			if (f->until_ns == 0)
				f->until_ns = cx_clock_now_ns() + f->slot->batch_ns;
			until = cx_deadline_sooner(until, f->until_ns);
		}
		if (cx_pg_poll(c, POLLIN, until, NULL) == CX_PG_LATE) {
			*has_filled = f->is_begun;
			return f->is_begun ? CDBC_OK : cx_pg_cursor_late(f->cursor, err);
		}
		c->may_hide = c->is_encrypted;
		if (!PQconsumeInput(c->pg))
			break;
	}
	return CDBC_OK;
}

/* Takes what a stream gave instead of a row: its end, or a failure, which is told by opening it. */
static cdbc_status take_end(cx_pg_cursor *cursor, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status;

	if (PQresultStatus(cursor->result) != PGRES_TUPLES_OK)
		return cx_pg_cursor_open(cursor, deadline_ns, err);
	status = cx_pg_cursor_complete(cursor, deadline_ns, err);
	PQclear(cursor->result);
	cursor->result = NULL;
	return status;
}

/* Takes rows of a stream until the batch is full or the end was read; the row at hand first, if
 * there is one. */
static cdbc_status take_stream(filling *f, int64_t deadline_ns, bool *has_filled, cdbc_error **err)
{
	cx_pg_cursor *cursor = f->cursor;
	const cx_pg_shape *shape = cursor->shape;
	PGconn *pg = cursor->conn->pg;
	cdbc_status status = CDBC_OK;

	for (;;) {
		if (!cursor->result) {
			status = PQisBusy(pg) ? wait_row(f, deadline_ns, has_filled, err) : CDBC_OK;
			if (status || *has_filled)
				return status;
			cursor->result = PQgetResult(pg);
			if (PQresultStatus(cursor->result) != PGRES_SINGLE_TUPLE)
				return take_end(cursor, deadline_ns, err);
		}
		if (!f->is_begun)
			status = begin(f, err);
		if (!status)
			status = cx_pg_decode_row(shape->decoders, shape->count, cursor->result, 0, &f->batch,
									  cursor->row_number + 1, err);
		if (status)
			return status;
		cursor->row_number++;
		if (shape->has_long) {
			size_t size = PQresultMemorySize(cursor->result);

			if (size > BIG_ROW_BYTES)
				f->big_bytes += (int64_t)size;
		}
		PQclear(cursor->result);
		cursor->result = NULL;
		*has_filled = is_full(f);
		if (*has_filled)
			return CDBC_OK;
	}
}

/* As many bytes a text column as in the longest one of this batch, and some more, since moving them
 * costs more than memory that is not touched; all of them together within the size of a batch. */
static size_t next_hint(const filling *f, size_t bytes)
{
	size_t columns = f->cursor->shape->text_count,
		   most = (size_t)f->slot->batch_bytes / (columns ? columns : 1);

	bytes += bytes / 16;
	return bytes < most ? bytes : most;
}

static cdbc_status hand_over(filling *f, struct ArrowArray *out, cdbc_error **err)
{
	cx_pg_cursor *cursor = f->cursor;

	if (!f->is_begun) {
		cx_array_none(out);
		return CDBC_OK;
	}
	if (cursor->phase == CX_PG_IN) {
		cursor->last_rows = f->batch.row_count;
		bytes_of(&f->batch, &cursor->last_bytes);
		cursor->last_bytes = next_hint(f, cursor->last_bytes);
		cursor->summary.position = CDBC_POSITION_ROWS_TAKEN;
	}
	return cx_batch_finish(&f->batch, out, err);
}

static cdbc_status fetch_rows(cx_pg_cursor *cursor, int64_t deadline_ns, struct ArrowArray *out,
							  cdbc_error **err)
{
	filling f = {.cursor = cursor, .slot = &cursor->slots[cursor->at]};
	cdbc_status status = CDBC_OK;
	bool has_filled = false;

	if (cursor->is_streamed && cursor->phase == CX_PG_IN)
		status = take_stream(&f, deadline_ns, &has_filled, err);
	else if (cursor->result)
		status = take_rows(&f, &has_filled, err);
	if (!status)
		return hand_over(&f, out, err);
	if (f.is_begun)
		cx_batch_discard(&f.batch);
	return status;
}

cdbc_status cx_pg_fetch(void *handle, int64_t deadline_ns, struct ArrowArray *out, cdbc_error **err)
{
	cx_pg_cursor *cursor = handle;

	if (cursor->shape)
		return fetch_rows(cursor, deadline_ns, out, err);
	cx_array_none(out);
	return CDBC_OK;
}
