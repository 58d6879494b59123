// SPDX-License-Identifier: Apache-2.0
/* Results of a batch on their way to whoever asked for them: at once, or once their transaction has
 * committed. Knows nothing of how the statements were sent. */
#include "base/alloc.h"
#include "base/error.h"
#include "service/batch/batch.h"

/* ---- a result from memory ---- */

static cdbc_status source_fetch(void *self, struct ArrowArray *out, cdbc_error **err)
{
	cx_held *held = self;

	(void)err;
	if (held->at < held->count) {
		*out = held->arrays[held->at];
		held->arrays[held->at++].release = NULL;
	} else {
		cx_array_none(out);
	}
	return CDBC_OK;
}

static const cdbc_summary *source_summary(void *self)
{
	return &((cx_held *)self)->summary;
}

static void source_close(void *self)
{
	(void)self; /* cx_batch_drop_held frees it */
}

static const cx_result_source held_source = {source_fetch, source_summary, NULL, source_close};

/* The next batch of a result, the first of which may be there already. False: its end, or its
 * failure. */
static bool take_batch(cdbc_result *result, struct ArrowArray *out, cdbc_error **err)
{
	bool is_there = result->batch.release && result->row < 0;

	if (!is_there && !cx_result_load(result, err))
		return false;
	*out = result->batch;
	result->batch.release = NULL;
	return true;
}

/* ---- telling ---- */

void cx_batch_count_done(cdbc_batch *batch, const cx_told *told)
{
	batch->summary.done_count++;
	batch->summary.row_count += told->row_count;
	if (told->affected_count > 0)
		batch->summary.affected_count += told->affected_count;
	if (batch->is_watched)
		cx_session_tell_statement(batch->session, told);
}

static void call_listener(cdbc_batch *batch, size_t index, cdbc_result *result,
						  const cdbc_error *error)
{
	bool was_busy = batch->session->is_busy;

	if (!batch->on_result || batch->is_silenced)
		return;
	batch->session->is_busy = true; /* it is not the listener's to use */
	if (!batch->on_result(batch->data, (int64_t)index, result, error))
		batch->is_silenced = batch->is_over = true;
	batch->session->is_busy = was_busy;
}

void cx_batch_tell_failure(cdbc_batch *batch, size_t index, const cdbc_error *error)
{
	call_listener(batch, index, NULL, error);
}

/* A result as the caller sees it: what is held of it first, then the rest from its source. Keeps
 * the failure, whoever was told. */
typedef struct tail {
	cx_held *held; /* NULL: nothing is */
	cdbc_result *rest;
	cdbc_error *error;
	int64_t byte_count;
} tail;

static cdbc_status tail_fetch(void *self, struct ArrowArray *out, cdbc_error **err)
{
	tail *t = self;

	if (t->held && t->held->at < t->held->count)
		return source_fetch(t->held, out, err);
	cx_array_none(out);
	if (take_batch(t->rest, out, &t->error)) {
		t->byte_count += cx_result_batch_bytes(t->rest, out);
		return CDBC_OK;
	}
	if (t->rest->state == CX_RESULT_COMPLETE)
		return CDBC_OK;
	if (!t->error)
		cx_error_nomem(&t->error);
	cx_error_pass(err, cx_error_copy(t->error));
	return cdbc_error_status(t->error);
}

static const cdbc_summary *tail_summary(void *self)
{
	tail *t = self;

	return t->rest->source->summary(t->rest->self);
}

static const cx_result_source tail_source = {tail_fetch, tail_summary, NULL, source_close};

/* Tells the result, and reads what is left of it. */
static cdbc_status tell_tail(cdbc_batch *batch, size_t index, tail *t, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;
	cdbc_result whole;

	cx_result_init(&whole, &tail_source, t, t->rest->schema);
	call_listener(batch, index, &whole, NULL);
	while (whole.state == CX_RESULT_OPEN)
		cx_result_load(&whole, NULL);
	if (whole.state == CX_RESULT_FAILED && !t->error)
		cx_error_nomem(&t->error); /* a value could not be printed */
	cx_result_fini(&whole);
	if (t->error) {
		status = cdbc_error_status(t->error);
		cx_error_pass(err, t->error);
	}
	return status;
}

/* Nobody listens. */
static cdbc_status read_away(cdbc_result *result, int64_t *byte_count, cdbc_error **err)
{
	cdbc_error *error = NULL;
	struct ArrowArray rows;
	cdbc_status status;

	while (take_batch(result, &rows, &error)) {
		*byte_count += cx_result_batch_bytes(result, &rows);
		rows.release(&rows);
	}
	if (result->state == CX_RESULT_COMPLETE)
		return CDBC_OK;
	status = error ? cdbc_error_status(error) : cx_error_nomem(&error);
	cx_error_pass(err, error);
	return status;
}

cdbc_status cx_batch_tell_result(cdbc_batch *batch, size_t index, cdbc_result *result,
								 int64_t *row_count, int64_t *byte_count, cdbc_error **err)
{
	tail t = {.rest = result};
	cdbc_status status;

	if (batch->on_result && !batch->is_silenced)
		status = tell_tail(batch, index, &t, err);
	else
		status = read_away(result, &t.byte_count, err);
	*row_count = result->received_count;
	*byte_count = t.byte_count;
	return status;
}

/* ---- holding ---- */

cdbc_status cx_batch_held_room(cdbc_batch *batch, size_t count, cdbc_error **err)
{
	cx_held *held;

	if (count <= batch->held_capacity)
		return CDBC_OK;
	held = cx_realloc(batch->held, count * sizeof *held);
	if (!held)
		return cx_error_nomem(err);
	for (size_t i = batch->held_capacity; i < count; i++) {
		held[i].arrays = NULL;
		held[i].capacity = 0;
	}
	batch->held = held;
	batch->held_capacity = count;
	return CDBC_OK;
}

static cx_held *next_held(cdbc_batch *batch, size_t index)
{
	cx_held *held = &batch->held[batch->held_count++];

	held->index = (int64_t)index;
	held->statement_count = 1;
	held->schema.release = NULL;
	held->count = held->at = 0;
	held->row_count = held->byte_count = 0;
	held->affected_count = -1;
	held->is_told = false;
	return held;
}

static void tell_one(cdbc_batch *batch, cx_held *held, size_t number)
{
	cdbc_result result;

	if (held->is_told || !batch->on_result || batch->is_silenced)
		return;
	cx_result_init(&result, &held_source, held, held->schema.release ? &held->schema : NULL);
	call_listener(batch, (size_t)held->index + number, &result, NULL);
	cx_result_fini(&result);
}

static void tell_all(cdbc_batch *batch, cx_held *held)
{
	for (size_t i = 0; i < held->statement_count; i++)
		tell_one(batch, held, i);
	held->is_told = true;
}

static void free_arrays(cx_held *held)
{
	for (size_t i = held->at; i < held->count; i++)
		if (held->arrays[i].release)
			held->arrays[i].release(&held->arrays[i]);
	held->count = held->at = 0;
	if (held->schema.release)
		held->schema.release(&held->schema);
	held->schema.release = NULL;
}

/* Too much to hold: from here on results are told as they come. The one that is being read is the
 * last of those held, and is told as far as it came. */
static void let_go(cdbc_batch *batch)
{
	batch->is_handed = true;
	for (size_t i = 0; i < batch->held_count; i++) {
		tell_all(batch, &batch->held[i]);
		free_arrays(&batch->held[i]);
	}
	batch->held_bytes = 0;
}

static cdbc_status keep_batch(cx_held *held, struct ArrowArray *rows, cdbc_error **err)
{
	if (!cx_grow(&held->arrays, held->count, &held->capacity, sizeof *held->arrays)) {
		rows->release(rows);
		return cx_error_nomem(err);
	}
	held->arrays[held->count++] = *rows;
	return CDBC_OK;
}

static cdbc_status keep_rows(cdbc_batch *batch, cx_held *held, cdbc_result *result,
							 cdbc_error **err)
{
	int64_t before = batch->held_bytes;
	cdbc_status status = CDBC_OK;
	struct ArrowArray rows;

	if (result->schema && !held->schema.release)
		status = cx_schema_copy(result->schema, &held->schema, err);
	while (!status && take_batch(result, &rows, err)) {
		held->byte_count += cx_result_batch_bytes(result, &rows);
		status = keep_batch(held, &rows, err);
		batch->held_bytes = before + held->byte_count;
		if (!status && batch->held_bytes > CX_HELD_MAX)
			return CDBC_OK;
	}
	if (status) {
		cdbc_error *error = cx_error_copy(*err);

		cx_error_clear(err);
		return cx_result_refuse(result, status, error, err);
	}
	return result->state == CX_RESULT_FAILED ? CDBC_SQL : CDBC_OK;
}

/* The present result is longer than what may be held. */
static cdbc_status tell_long(cdbc_batch *batch, cx_held *held, cdbc_result *result,
							 cdbc_error **err)
{
	tail t = {.held = held, .rest = result};
	cdbc_status status = tell_tail(batch, (size_t)held->index, &t, err);

	free_arrays(held);
	held->byte_count += t.byte_count;
	return status;
}

cdbc_status cx_batch_hold(cdbc_batch *batch, size_t index, cdbc_result *result, cdbc_error **err)
{
	cx_held *held = next_held(batch, index);
	const cdbc_summary *summary;
	cdbc_error *error = NULL;
	cdbc_status status;

	if (batch->is_handed || !batch->on_result || batch->is_silenced) {
		held->is_told = true;
		status =
			cx_batch_tell_result(batch, index, result, &held->row_count, &held->byte_count, err);
	} else {
		status = keep_rows(batch, held, result, &error);
		cx_error_pass(err, error);
		if (!status && result->state == CX_RESULT_OPEN) {
			batch->held_count--; /* those before it */
			let_go(batch);
			batch->held_count++;
			held->is_told = true;
			status = tell_long(batch, held, result, err);
		}
		held->row_count = result->received_count;
	}
	if (status) {
		batch->held_count--;
		free_arrays(held);
		return status;
	}
	summary = result->source->summary(result->self);
	held->affected_count = summary->affected_count;
	if (!held->is_told)
		held->summary = *summary;
	return CDBC_OK;
}

void cx_batch_hold_alike(cdbc_batch *batch, size_t index, size_t count, const cdbc_summary *summary)
{
	cx_held *held = next_held(batch, index);

	held->statement_count = count;
	held->summary = *summary;
	held->affected_count = summary->affected_count;
	if (batch->is_handed)
		tell_all(batch, held);
}

static void count_held(cdbc_batch *batch, const cx_held *held, size_t number)
{
	cdbc_call call;
	cx_told told = {.call = &call,
					.started_ns = batch->started_ns,
					.attempt = batch->attempt,
					.row_count = held->row_count,
					.byte_count = held->byte_count,
					.affected_count = held->affected_count};

	if (batch->is_watched)
		call = cx_batch_call(batch, (size_t)held->index + number);
	cx_batch_count_done(batch, &told);
}

void cx_batch_tell_held(cdbc_batch *batch)
{
	for (size_t i = 0; i < batch->held_count; i++)
		for (size_t k = 0; k < batch->held[i].statement_count; k++) {
			count_held(batch, &batch->held[i], k);
			tell_one(batch, &batch->held[i], k);
		}
	cx_batch_drop_held(batch);
}

void cx_batch_drop_held(cdbc_batch *batch)
{
	for (size_t i = 0; i < batch->held_count; i++)
		free_arrays(&batch->held[i]);
	batch->held_count = 0;
	batch->held_bytes = 0;
	batch->is_handed = false;
}
