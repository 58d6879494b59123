// SPDX-License-Identifier: Apache-2.0
/* Whole batches: taken one by one, collected, and exported as an Arrow stream. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/result/arrow_limits.h"
#include "data/result/result.h"

#include <errno.h>

/* A stream that was exported. It outlives its result when the session ends first. */
struct cx_export {
	cdbc_result *result; /* NULL: cut off */
	struct ArrowSchema schema;
	cdbc_error *error;
	bool is_ended;
};

int64_t cx_array_bytes(const struct ArrowArray *array, const struct ArrowSchema *schema)
{
	int64_t bytes = 0, length = array->length + array->offset;
	cx_field field;

	for (int64_t i = 0; i < array->n_children; i++)
		bytes += cx_array_bytes(array->children[i], schema->children[i]);
	if (array->buffers && array->n_buffers && array->buffers[0])
		bytes += (length + 7) / 8;
	if (!cx_field_of_schema(schema, &field))
		return bytes;
	switch (field.storage) {
	case CX_BOOL:
		return bytes + (length + 7) / 8;
	case CX_INT16:
		return bytes + length * 2;
	case CX_INT32:
	case CX_FLOAT32:
	case CX_DATE32:
	case CX_LIST:
		return bytes + length * 4;
	case CX_UTF8:
	case CX_BINARY:
		return bytes + length * 4 + ((const int32_t *)array->buffers[1])[length];
	case CX_DECIMAL128:
	case CX_INTERVAL:
	case CX_UUID:
		return bytes + length * 16;
	default:
		return bytes + length * 8;
	}
}

static cdbc_status take(cdbc_result *result, struct ArrowArray *out, cdbc_error **err)
{
	cdbc_error *error = NULL;

	if (!(result->batch.release && result->row + 1 < result->batch.length) &&
		!cx_result_load(result, &error)) {
		if (result->state != CX_RESULT_COMPLETE) {
			cdbc_status status = cdbc_error_status(error);

			cx_error_pass(err, error);
			return status;
		}
		cx_array_none(out);
		return CDBC_OK;
	}
	*out = result->batch;
	result->batch.release = NULL;
	if (result->row >= 0) { /* what rows took already is left out */
		out->offset += result->row + 1;
		out->length -= result->row + 1;
	}
	result->row = -1;
	result->row_count += out->length;
	return CDBC_OK;
}

cdbc_status cdbc_result_take(cdbc_result *result, struct ArrowArray *out, cdbc_error **err)
{
	if (result->exported)
		return cx_error_set(err, CDBC_USAGE, "the result was exported as an Arrow stream");
	return take(result, out, err);
}

cdbc_status cdbc_result_schema(const cdbc_result *result, struct ArrowSchema *out, cdbc_error **err)
{
	if (!result->schema)
		return cx_schema_make(NULL, 0, out, err);
	return cx_schema_copy(result->schema, out, err);
}

/* ---- collect ---- */

void cdbc_chunks_clear(cdbc_chunks *chunks)
{
	if (!chunks)
		return;
	for (size_t i = 0; i < chunks->count; i++)
		if (chunks->items[i].release)
			chunks->items[i].release(&chunks->items[i]);
	cx_free(chunks->items);
	if (chunks->schema.release)
		chunks->schema.release(&chunks->schema);
	memset(chunks, 0, sizeof *chunks);
}

static cdbc_status too_large(cdbc_result *result, int64_t max_bytes, cdbc_error **err)
{
	cdbc_error *error = NULL;

	cx_error_set(&error, CDBC_RESOURCE, "the result is larger than %lld bytes",
				 (long long)max_bytes);
	cx_error_hint(&error, "read it batch by batch with cdbc_result_take");
	return cx_result_refuse(result, CDBC_RESOURCE, error, err);
}

cdbc_status cdbc_result_collect(cdbc_result *result, int64_t max_bytes, cdbc_chunks *out,
								cdbc_error **err)
{
	cdbc_chunks chunks;
	size_t capacity = 0;
	int64_t bytes = 0;
	cdbc_status status;

	memset(&chunks, 0, sizeof chunks);
	status = cdbc_result_schema(result, &chunks.schema, err);
	while (!status) {
		struct ArrowArray batch;

		status = cdbc_result_take(result, &batch, err);
		if (status || !batch.release)
			break;
		bytes += cx_array_bytes(&batch, &chunks.schema);
		if (!cx_grow(&chunks.items, chunks.count, &capacity, sizeof *chunks.items)) {
			batch.release(&batch);
			status = cx_error_nomem(err);
			break;
		}
		chunks.items[chunks.count++] = batch;
		chunks.row_count += batch.length;
		if (max_bytes > 0 && bytes > max_bytes) {
			status = too_large(result, max_bytes, err);
		}
	}
	if (status) {
		cdbc_chunks_clear(&chunks);
		return status;
	}
	*out = chunks;
	return CDBC_OK;
}

/* ---- the stream ---- */

void cx_export_cut(cx_export *exported)
{
	exported->result = NULL;
}

static int stream_errno(cdbc_status status)
{
	return status == CDBC_NOMEM       ? ENOMEM
		   : status == CDBC_CANCELLED ? ECANCELED
		   : status == CDBC_TIMEOUT   ? ETIMEDOUT
									  : EIO;
}

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
	cx_export *e = stream->private_data;
	cdbc_status status;

	cx_error_clear(&e->error);
	status = cx_schema_copy(&e->schema, out, &e->error);
	return status ? stream_errno(status) : 0;
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
	cx_export *e = stream->private_data;
	cdbc_status status;

	cx_error_clear(&e->error);
	if (e->is_ended) {
		cx_array_none(out);
		return 0;
	}
	if (e->result)
		status = take(e->result, out, &e->error);
	else
		status = cx_error_set(&e->error, CDBC_CLOSED,
							  "the session was released before the stream's end");
	if (!status && out->release) {
		status = cx_arrow_limits(e->result->fields, e->result->column_count, out,
								 e->result->row_count - out->length, &e->error);
		if (status)
			out->release(out);
	}
	if (status)
		return stream_errno(status);
	if (!out->release) {
		cdbc_result *result = e->result;

		/* the end: the connection goes back at once */
		e->is_ended = true;
		e->result = NULL;
		result->exported = NULL;
		cdbc_result_free(result);
	}
	return 0;
}

static const char *stream_error(struct ArrowArrayStream *stream)
{
	const cx_export *e = stream->private_data;

	return e->error ? cdbc_error_message(e->error) : NULL;
}

static void stream_release(struct ArrowArrayStream *stream)
{
	cx_export *e = stream->private_data;

	if (e->result) {
		e->result->exported = NULL;
		cdbc_result_free(e->result);
	}
	e->schema.release(&e->schema);
	cdbc_error_free(e->error);
	cx_free(e);
	stream->release = NULL;
}

cdbc_status cdbc_result_export_arrow(cdbc_result *result, struct ArrowArrayStream *out,
									 cdbc_error **err)
{
	cx_export *e;
	cdbc_status status;

	if (result->exported || result->state == CX_RESULT_CLOSED)
		return cx_error_set(err, CDBC_USAGE, "the result was exported or freed already");
	e = cx_calloc(1, sizeof *e);
	if (!e)
		return cx_error_nomem(err);
	status = cdbc_result_schema(result, &e->schema, err);
	if (status) {
		cx_free(e);
		return status;
	}
	e->result = result;
	result->exported = e;
	*out = (struct ArrowArrayStream){stream_schema, stream_next, stream_error, stream_release, e};
	return CDBC_OK;
}
