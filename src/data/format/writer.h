// SPDX-License-Identifier: Apache-2.0
/* What the formats share: a writer with a buffer before its sink, the schema's fields, and a view
 * of each column of the present batch. A format's own writer begins with a cx_writer. Nothing here
 * knows what a format looks like. */
#ifndef CX_WRITER_H
#define CX_WRITER_H

#include "base/alloc.h"
#include "base/error.h"
#include "data/result/print.h"

#include <cdbc/format.h>

/* The buffer is written out when it holds this much, and after each batch. */
#define CX_WRITER_FLUSH ((size_t)64 << 10)

/* A column of the present batch: row r is array's value at base + r, which is what cx_print_* take.
 */
typedef struct cx_view {
	const cx_field *field;
	const struct ArrowArray *array;
	int64_t base;
} cx_view;

typedef struct cx_writer {
	cdbc_format_options options;
	cdbc_sink sink;
	cx_buf buf;
	struct ArrowSchema schema; /* a copy; release NULL before begin */
	const cx_field *fields;
	size_t column_count;
	cx_view *views;
	int64_t row_count;
} cx_writer;

/* Makes a zeroed writer of size bytes that begins with a cx_writer. */
cdbc_status cx_writer_open(size_t size, const cdbc_format_options *options, const cdbc_sink *sink,
						   void **out, cdbc_error **err);
/* Frees what cx_writer has, and the writer itself. */
void cx_writer_destroy(void *writer);

/* Keeps the schema. CDBC_UNSUPPORTED for a column type that is none of ours. */
cdbc_status cx_writer_begin(cx_writer *writer, const struct ArrowSchema *schema, cdbc_error **err);
/* Points the views at a batch; CDBC_USAGE when it is not of the schema. */
cdbc_status cx_writer_batch(cx_writer *writer, const struct ArrowArray *batch, cdbc_error **err);

/* Hands the buffer's bytes to the sink. A failure of the buffer comes out here. */
cdbc_status cx_writer_flush(cx_writer *writer, cdbc_error **err);

/* After each row: flushes when the buffer is full, or has failed. */
static inline cdbc_status cx_writer_row(cx_writer *writer, cdbc_error **err)
{
	if (writer->buf.length < CX_WRITER_FLUSH && !writer->buf.is_nomem && !writer->buf.is_over)
		return CDBC_OK;
	return cx_writer_flush(writer, err);
}

/* Bytes past the buffer, straight to the sink. */
cdbc_status cx_writer_direct(cx_writer *writer, const void *bytes, size_t length, cdbc_error **err);

static inline bool cx_view_is_null(const cx_view *view, int64_t row)
{
	return cx_is_null_at(view->array, view->base + row);
}

/* True for a column of numbers, which stand to the right in tables. */
bool cx_field_is_number(const cx_field *field);

extern const cdbc_format cx_format_table, cx_format_json, cx_format_ndjson, cx_format_csv,
	cx_format_tsv, cx_format_markdown, cx_format_arrow;

#endif
