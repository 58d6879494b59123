// SPDX-License-Identifier: Apache-2.0
/* A result through transformers and a format into a sink, by public calls on all four; what a
 * failure of those three makes of the statement is its source's to say. */
#include "base/error.h"
#include "data/result/result.h"

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

/* An application's own transformer may fail without a word. */
static void blame(const cdbc_transformer *t, cdbc_status status, cdbc_error **err)
{
	if (*err)
		cx_error_wrap(err, "transformer \"%s\"", t->name);
	else
		cx_error_set(err, status, "transformer \"%s\": %s", t->name, cdbc_status_text(status));
}

static cdbc_status transform_schema(const pipe_line *p, struct ArrowSchema *schema,
									cdbc_error **err)
{
	for (size_t i = 0; i < p->transformer_count; i++) {
		const cdbc_transformer *t = &p->transformers[i];
		cdbc_status status = t->schema ? t->schema(t->self, schema, err) : CDBC_OK;

		if (status) {
			blame(t, status, err);
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
			blame(t, status, err);
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

static cdbc_status write_all(pipe_line *p, cdbc_result *result, const cdbc_format_options *options,
							 struct ArrowSchema *schema,
							 void (*progress)(void *data, int64_t row_count), void *progress_data,
							 const cdbc_sink *sink, cdbc_error **err)
{
	cdbc_status status = transform_schema(p, schema, err);

	if (!status)
		status = p->format->open(options, sink, &p->writer, err);
	if (!status)
		status = p->format->begin(p->writer, schema, err);
	if (!status) {
		while (pass_batch(p, result, &status, err))
			if (progress)
				progress(progress_data, p->row_count);
	}
	return status ? status : p->format->end(p->writer, err);
}

/* The database has done its part, or does it still: that it cannot be handed over undoes nothing.
 */
static void judge(cdbc_result *result, cdbc_error **err)
{
	if (result->state != CX_RESULT_OPEN && result->state != CX_RESULT_COMPLETE)
		return;
	if (result->source->refuse) {
		cdbc_error *error = *err;

		/* whatever the status: it is not the database's */
		(void)cx_result_refuse(result, CDBC_IO, error, err);
	} else {
		cx_error_outcome(err, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	}
}

cdbc_status cdbc_result_write(cdbc_result *result, const cdbc_format *format,
							  const cdbc_format_options *options,
							  const cdbc_transformer *transformers, size_t transformer_count,
							  void (*progress)(void *data, int64_t row_count), void *progress_data,
							  const cdbc_sink *sink, cdbc_error **err)
{
	pipe_line p = {
		.format = format, .transformers = transformers, .transformer_count = transformer_count};
	struct ArrowSchema schema;
	cdbc_error *why = NULL;
	cdbc_status status;

	memset(&schema, 0, sizeof schema);
	status = cdbc_result_schema(result, &schema, &why);
	if (!status)
		status = write_all(&p, result, options, &schema, progress, progress_data, sink, &why);
	if (p.writer)
		format->destroy(p.writer);
	if (schema.release)
		schema.release(&schema);
	/* So may its format or its sink. */
	if (status && !why)
		cx_error_set(&why, status, "write as %s: %s", format->name, cdbc_status_text(status));
	if (status)
		judge(result, &why);
	if (status && err)
		*err = why;
	else
		cdbc_error_free(why);
	return status;
}
