// SPDX-License-Identifier: Apache-2.0
/* A result through transformers and a format into a sink, by public calls on all four. */
#include "base/error.h"

#include <cdbc/format.h>
#include <cdbc/result.h>

#include <string.h>

typedef struct pipe_line {
	const cdbc_format *format;
	void *writer;
	const cdbc_transformer *transformers;
	size_t transformer_count;
	int64_t row_count;
} pipe_line;

static cdbc_status transform_schema(const pipe_line *p, struct ArrowSchema *schema, cdbc_error **err)
{
	for (size_t i = 0; i < p->transformer_count; i++) {
		const cdbc_transformer *t = &p->transformers[i];
		cdbc_status status = t->schema ? t->schema(t->self, schema, err) : CDBC_OK;

		if (status) {
			cx_error_wrap(err, "transformer \"%s\"", t->name);
			return status;
		}
	}
	return CDBC_OK;
}

static cdbc_status transform_batch(const pipe_line *p, struct ArrowArray *batch, cdbc_error **err)
{
	for (size_t i = 0; i < p->transformer_count; i++) {
		const cdbc_transformer *t = &p->transformers[i];
		cdbc_status status = t->batch ? t->batch(t->self, batch, err) : CDBC_OK;

		if (status) {
			cx_error_wrap(err, "transformer \"%s\"", t->name);
			return status;
		}
	}
	return CDBC_OK;
}

/* The next batch all the way; false at the end or on failure. */
static bool pass_batch(pipe_line *p, cdbc_result *result, cdbc_status *status, cdbc_error **err)
{
	struct ArrowArray batch;

	memset(&batch, 0, sizeof batch);
	*status = cdbc_result_take(result, &batch, err);
	if (*status || !batch.release)
		return false;
	*status = transform_batch(p, &batch, err);
	if (!*status)
		*status = p->format->batch(p->writer, &batch, err);
	p->row_count += batch.length;
	if (batch.release)
		batch.release(&batch);
	return !*status;
}

cdbc_status cdbc_result_write(cdbc_result *result, const cdbc_format *format, const cdbc_format_options *options,
							  const cdbc_transformer *transformers, size_t transformer_count,
							  void (*progress)(void *data, int64_t row_count), void *progress_data,
							  const cdbc_sink *sink, cdbc_error **err)
{
	pipe_line p = {.format = format, .transformers = transformers, .transformer_count = transformer_count};
	struct ArrowSchema schema;
	cdbc_status status;

	memset(&schema, 0, sizeof schema);
	status = cdbc_result_schema(result, &schema, err);
	if (status)
		return status;
	status = transform_schema(&p, &schema, err);
	if (!status)
		status = format->open(options, sink, &p.writer, err);
	if (!status)
		status = format->begin(p.writer, &schema, err);
	if (!status) {
		while (pass_batch(&p, result, &status, err))
			if (progress)
				progress(progress_data, p.row_count);
	}
	if (!status)
		status = format->end(p.writer, err);
	if (p.writer)
		format->destroy(p.writer);
	if (schema.release)
		schema.release(&schema);
	return status;
}
