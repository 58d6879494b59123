// SPDX-License-Identifier: Apache-2.0
/* Batches for tests of formats, made from text: a value is written as a person would, and goes
 * through the builder. */
#ifndef TEST_SAMPLE_H
#define TEST_SAMPLE_H

#include "base/buf.h"
#include "base/column.h"

#include <cdbc/format.h>

/* Fields of one type each; cx_field_resolve is called for them. */
#define SAMPLE_FIELD(field_name, type_id)                         \
	{                                                             \
		.name = (field_name), .type = {(type_id), false, -1, -1 } \
	}
#define SAMPLE_ARRAY(field_name, type_id)                        \
	{                                                            \
		.name = (field_name), .type = {(type_id), true, -1, -1 } \
	}
#define SAMPLE_DECIMAL(field_name, p, s)                                     \
	{                                                                        \
		.name = (field_name), .type = { CDBC_TYPE_NUMERIC, false, (p), (s) } \
	}

/* Sets a column of the row that is open. text NULL: NULL. A list's items are parted by |, its NULL
 * items are written ~. */
void sample_set(cx_batch *batch, size_t column, const cx_field *field, const char *text);
/* rows * count texts, row by row. */
cdbc_status sample_batch(const cx_field *fields, size_t count, const char *const *texts,
						 int64_t rows, struct ArrowArray *out, cdbc_error **err);

/* A sink that keeps everything; out must be initialised. fail_at: the call of write that fails,
 * from 1; 0: none. */
typedef struct sample_sink {
	cx_buf out;
	int call_count;
	int fail_at;
} sample_sink;
cdbc_sink sample_sink_of(sample_sink *sink);

/* Runs a format over batches; schema and batches stay the caller's. */
cdbc_status sample_write(const cdbc_format *format, const cdbc_format_options *options,
						 const struct ArrowSchema *schema, const struct ArrowArray *batches,
						 size_t batch_count, const cdbc_sink *sink, cdbc_error **err);

/* Every type of the type table, with values, NULLs and edges: SAMPLE_ROWS rows. */
#define SAMPLE_ROWS 5
extern const size_t sample_field_count;
const cx_field *sample_fields(void); /* resolved */
cdbc_status sample_every_type(struct ArrowSchema *schema, struct ArrowArray *batch,
							  cdbc_error **err);

#endif
