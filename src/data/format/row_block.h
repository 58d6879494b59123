// SPDX-License-Identifier: Apache-2.0
/* Rows of values kept as text, and as the lines of COPY's text format. Knows no database. */
#ifndef CX_ROW_BLOCK_H
#define CX_ROW_BLOCK_H

#include "base/buf.h"
#include "data/format/reader.h"

#define CX_ROW_TEXT_MAX ((size_t)512 << 20)

/* Where a value's text is in the block. */
typedef struct cx_row_cell {
	size_t at, length;
	bool is_null;
} cx_row_cell;

typedef struct cx_row_place {
	int64_t row, line;
	size_t raw_at, raw_length;
} cx_row_place;

typedef struct cx_row_block {
	size_t width; /* values of a row */
	size_t row_count;
	cx_buf text;
	cx_row_cell *cells;
	size_t cell_room;
	cx_row_place *places;
	size_t place_room;
	bool keeps_raw; /* the records too, in text */
} cx_row_block;

void cx_row_block_init(cx_row_block *block);
void cx_row_block_fini(cx_row_block *block);
/* Forgets its rows, keeps its memory. */
void cx_row_block_clear(cx_row_block *block);
/* Adds a row, whose number is row. CDBC_UNSUPPORTED: a value that has no text; CDBC_RESOURCE,
 * CDBC_NOMEM. */
cdbc_status cx_row_block_add(cx_row_block *block, const cx_record *record, int64_t row,
							 cdbc_error **err);
/* A value, borrowed until the next change. */
cdbc_value cx_row_block_value(const cx_row_block *block, size_t row, size_t column);
/* Rows [from, to) as COPY's lines. */
void cx_row_block_lines(const cx_row_block *block, size_t from, size_t to, cx_buf *out);
/* The record of a row as it stood; where it was no text, its values as TSV, made in *made. */
cdbc_text cx_row_block_raw(const cx_row_block *block, size_t row, cx_buf *made);

/* A value's text, as COPY's CSV has it; no NULL. CDBC_UNSUPPORTED: it has none. */
cdbc_status cx_value_text(cx_buf *out, const cdbc_value *value, cdbc_error **err);
/* A row as one of COPY's lines, at the end of a buffer, whose failure is sticky. */
cdbc_status cx_copy_line(cx_buf *out, const cdbc_value *values, size_t count, cdbc_error **err);

#endif
