// SPDX-License-Identifier: Apache-2.0
/* Rows of a running statement into batches. The first batch of a statement with columns by value is
 * kept as it came until the types are known, then written like any other. */
#include "sqlite/internal.h"

#include "base/clock.h"
#include "base/error.h"

#define FIRST_TEXT_BYTES 64
#define SCRATCH_KEPT     (256u << 10)

typedef struct limits {
	int64_t rows, bytes, until_ns;
} limits;

static limits limits_begin(const cx_sqlite_cursor *cursor)
{
	return (limits){cursor->batch_rows, cursor->batch_bytes,
					cx_clock_coarse_ns() + cursor->batch_ns};
}

/* Counts a row; true when the batch must be closed after it. */
static bool limits_row(limits *left, size_t bytes)
{
	left->rows--;
	left->bytes -= (int64_t)bytes;
	return left->rows <= 0 || left->bytes <= 0 || cx_clock_coarse_ns() >= left->until_ns;
}

/* Steps to the next row. */
static cdbc_status step(cx_sqlite_cursor *cursor, bool *has_row, cdbc_error **err)
{
	int rc = sqlite3_step(cursor->statement->handle);

	*has_row = rc == SQLITE_ROW;
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		return CDBC_OK;
	return cx_sqlite_fail(cursor->conn, rc, NULL, err);
}

/* ---- the usual way
 * ------------------------------------------------------------------------------------------ */

static cdbc_status begin(cx_sqlite_cursor *cursor, int64_t rows_hint, size_t bytes_hint,
						 cx_batch *batch, cdbc_error **err)
{
	return cx_batch_begin(batch, cursor->statement->fields, cursor->statement->column_count,
						  rows_hint, bytes_hint, err);
}

static cdbc_status put_row(cx_sqlite_cursor *cursor, cx_batch *batch, size_t *bytes,
						   cdbc_error **err)
{
	const cx_sqlite_statement *s = cursor->statement;
	cx_sqlite_cell cell;

	cursor->row_count++;
	if (!cx_batch_row(batch))
		return cx_batch_status(batch, err);
	*bytes = s->column_count * 8;
	for (size_t i = 0; i < s->column_count; i++) {
		cx_sqlite_cell_read(s->handle, (int)i, &cell);
		*bytes += cell.length;
		if (!cx_sqlite_cell_put(batch, i, &s->fields[i], &cell))
			return cx_sqlite_cell_mismatch(&s->fields[i], &cell, cursor->row_count, err);
	}
	return CDBC_OK;
}

cdbc_status cx_sqlite_batch_read(cx_sqlite_cursor *cursor, struct ArrowArray *out, bool *has_more,
								 cdbc_error **err)
{
	limits left = limits_begin(cursor);
	bool is_full = false, has_row = true;
	cx_batch batch;
	size_t bytes = 0, total = 0;
	cdbc_status status = begin(cursor, cursor->rows_hint, cursor->bytes_hint, &batch, err);

	if (status)
		return status;
	while (!status && has_row && !is_full) {
		status = put_row(cursor, &batch, &bytes, err);
		if (!status) {
			total += bytes;
			is_full = limits_row(&left, bytes);
			status = step(cursor, &has_row, err);
		}
	}
	if (status) {
		cx_batch_discard(&batch);
		return status;
	}
	cursor->rows_hint = batch.row_count; /* the next is likely as large */
	cursor->bytes_hint = total / (cursor->statement->column_count + 1) + FIRST_TEXT_BYTES;
	*has_more = has_row;
	return cx_batch_finish(&batch, out, err);
}

/* ---- the first batch of columns by value
 * -------------------------------------------------------------------- */

static void save_cell(cx_buf *buf, const cx_sqlite_cell *cell)
{
	cx_buf_putc(buf, (char)cell->type);
	if (cell->type == SQLITE_INTEGER || cell->type == SQLITE_FLOAT) {
		cx_buf_put(buf, &cell->as, sizeof cell->as);
	} else if (cell->type != SQLITE_NULL) {
		cx_buf_put(buf, &cell->length, sizeof cell->length);
		cx_buf_put(buf, cell->data, cell->length);
	}
}

static const char *load_cell(const char *p, cx_sqlite_cell *cell)
{
	memset(cell, 0, sizeof *cell);
	cell->type = *p++;
	if (cell->type == SQLITE_INTEGER || cell->type == SQLITE_FLOAT) {
		memcpy(&cell->as, p, sizeof cell->as);
		return p + sizeof cell->as;
	}
	if (cell->type == SQLITE_NULL)
		return p;
	memcpy(&cell->length, p, sizeof cell->length);
	cell->data = p + sizeof cell->length;
	return cell->data + cell->length;
}

/* Keeps the waiting row and lets it widen the types. */
static cdbc_status save_row(cx_sqlite_cursor *cursor, size_t *bytes, cdbc_error **err)
{
	cx_sqlite_statement *s = cursor->statement;
	cx_sqlite_cell cell;

	cursor->row_count++;
	*bytes = s->column_count * 8;
	for (size_t i = 0; i < s->column_count; i++) {
		cx_sqlite_cell_read(s->handle, (int)i, &cell);
		*bytes += cell.length;
		if (s->columns[i].is_by_value &&
			!cx_sqlite_widen(&s->fields[i], &s->columns[i].has_big, &cell))
			return cx_sqlite_cell_mismatch(&s->columns[i].field, &cell, cursor->row_count, err);
		save_cell(&cursor->conn->scratch, &cell);
	}
	return cx_buf_status(&cursor->conn->scratch, "batch", err);
}

static cdbc_status write_saved(cx_sqlite_cursor *cursor, size_t total, struct ArrowArray *out,
							   cdbc_error **err)
{
	const cx_sqlite_statement *s = cursor->statement;
	const char *p = cursor->conn->scratch.data;
	cx_sqlite_cell cell;
	cx_batch batch;
	cdbc_status status = begin(cursor, cursor->row_count, total / s->column_count, &batch, err);

	for (int64_t row = 1; !status && row <= cursor->row_count; row++) {
		if (!cx_batch_row(&batch))
			status = cx_batch_status(&batch, err);
		for (size_t i = 0; !status && i < s->column_count; i++) {
			p = load_cell(p, &cell);
			if (!cx_sqlite_cell_put(&batch, i, &s->fields[i], &cell))
				status = cx_sqlite_cell_mismatch(&s->fields[i], &cell, row, err);
		}
		if (status)
			cx_batch_discard(&batch);
	}
	return status ? status : cx_batch_finish(&batch, out, err);
}

cdbc_status cx_sqlite_batch_read_first(cx_sqlite_cursor *cursor, struct ArrowArray *out,
									   bool *has_more, cdbc_error **err)
{
	cx_buf *scratch = &cursor->conn->scratch;
	limits left = limits_begin(cursor);
	bool is_full = false, has_row = true;
	cdbc_status status = CDBC_OK;
	size_t bytes = 0, total = 0;

	cx_buf_clear(scratch);
	while (!status && has_row && !is_full) {
		status = save_row(cursor, &bytes, err);
		if (!status) {
			total += bytes;
			is_full = limits_row(&left, bytes);
			status = step(cursor, &has_row, err);
		}
	}
	if (!status)
		status = cx_sqlite_statement_schema(cursor->statement, err);
	if (!status)
		status = write_saved(cursor, total, out, err);
	if (scratch->capacity > SCRATCH_KEPT)
		cx_buf_free(scratch);
	cursor->rows_hint = cursor->row_count;
	*has_more = has_row;
	return status;
}
