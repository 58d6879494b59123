// SPDX-License-Identifier: Apache-2.0
/* One look at what a format makes of a few rows. Included after cmocka. */
#ifndef TEST_FORMAT_CHECK_H
#define TEST_FORMAT_CHECK_H

#include "format/sample.h"

/* Resolves the fields, builds a batch of the texts, writes it with the format; the caller frees the
 * buffer. */
static inline cx_buf written(const char *format, const cdbc_format_options *options,
							 cx_field *fields, size_t count, const char *const *texts, int64_t rows)
{
	sample_sink kept = {.out = CX_BUF_INIT(1 << 30)};
	cdbc_sink sink = sample_sink_of(&kept);
	struct ArrowSchema schema;
	struct ArrowArray batch;

	for (size_t i = 0; i < count; i++)
		cx_field_resolve(&fields[i]);
	assert_int_equal(cx_schema_make(fields, count, &schema, NULL), CDBC_OK);
	assert_int_equal(sample_batch(fields, count, texts, rows, &batch, NULL), CDBC_OK);
	assert_int_equal(
		sample_write(cdbc_format_find(format), options, &schema, &batch, 1, &sink, NULL), CDBC_OK);
	batch.release(&batch);
	schema.release(&schema);
	cx_buf_put(&kept.out, "", 0);
	return kept.out;
}

static inline void check_written(const char *format, const cdbc_format_options *options,
								 cx_field *fields, size_t count, const char *const *texts,
								 int64_t rows, const char *expected)
{
	cx_buf out = written(format, options, fields, count, texts, rows);

	if (out.length != strlen(expected) || memcmp(out.data, expected, out.length) != 0)
		fail_msg("%s wrote:\n%s\nnot:\n%s", format, out.data, expected);
	cx_buf_free(&out);
}

#endif
