// SPDX-License-Identifier: Apache-2.0
/* Answers of links, and the one that reads an Arrow stream of an application's own. */
#include "service/answer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "data/result/foreign.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- storage ---- */

cx_answer *cx_answer_new(cdbc_session *session)
{
	cx_answer *answer = session->spare_answer;

	if (answer)
		session->spare_answer = NULL;
	else
		answer = cx_alloc(sizeof *answer);
	if (answer)
		answer->session = session;
	return answer;
}

void cx_answer_discard(cx_answer *answer)
{
	if (!answer)
		return;
	if (answer->session->spare_answer)
		cx_free(answer);
	else
		answer->session->spare_answer = answer;
}

/* ---- the end ---- */

/* What became unfinished since the answer was made. */
static uint32_t *links_above(const cx_answer *answer)
{
	cx_answer *above = answer->session->answer;

	if (above == answer)
		return &answer->session->unfinished.links;
	while (above->below != answer)
		above = above->below;
	return &above->links_beneath;
}

/* Tells the links outside of it, once. */
static void tell_end(cx_answer *answer, const cdbc_error *error)
{
	cdbc_session *session = answer->session;
	uint32_t *links = links_above(answer);
	cdbc_finish finish = {.name = session->run.name,
						  .error = error,
						  .summary = &answer->summary,
						  .row_count = answer->result.row_count};

	if (answer->is_told)
		return;
	answer->is_told = true;
	cx_chain_finish(&session->client->chain, &session->unfinished, links, &finish);
	if (session->answer == answer && !session->is_in_chain) {
		session->result.row_count = answer->result.row_count; /* which its event tells */
		cx_session_request_end(session, error);
	}
}

static void source_close(void *self)
{
	cx_answer *answer = self;
	cdbc_session *session = answer->session;
	cx_answer **at = &session->answer;
	uint32_t *links;

	cx_result_fini(&answer->result);
	answer->source->close(answer);
	tell_end(answer, NULL);
	links = links_above(answer);
	*links |= answer->links_beneath; /* of what is still open, if anything */
	while (*at != answer)
		at = &(*at)->below;
	*at = answer->below;
	session->is_busy = session->answer || cx_session_has_run(session);
	cx_answer_discard(answer);
}

/* ---- the result's source ---- */

static cdbc_status source_fetch(void *self, struct ArrowArray *out, cdbc_error **err)
{
	cx_answer *answer = self;
	cdbc_error *error = NULL;
	cdbc_status status = answer->source->fetch(answer, out, &error);

	if (status) {
		tell_end(answer, error);
		cx_error_pass(err, error);
		return status;
	}
	if (answer->session->request_id && answer->session->answer == answer)
		answer->session->byte_count += cx_result_batch_bytes(&answer->result, out);
	answer->summary.position = out->release ? CDBC_POSITION_ROWS_TAKEN : CDBC_POSITION_DONE;
	if (!out->release && !answer->summary.tag[0])
		snprintf(answer->summary.tag, sizeof answer->summary.tag, "SELECT %lld",
				 (long long)answer->result.received_count);
	return CDBC_OK;
}

static const cdbc_summary *source_summary(void *self)
{
	return &((cx_answer *)self)->summary;
}

/* Says what was asked, and that it can have changed nothing. */
static cdbc_status judge(const cx_answer *answer, cdbc_status status, cdbc_error **err)
{
	const char *name = answer->session->run.name;

	cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	if (name) {
		cx_error_field(err, CDBC_FIELD_STATEMENT, name);
		cx_error_wrap(err, "query \"%s\"", name);
	}
	return status;
}

static void source_refuse(void *self, cdbc_status status, cdbc_error **err)
{
	cx_answer *answer = self;

	judge(answer, status, err);
	tell_end(answer, *err);
}

static const cx_result_source answer_source = {source_fetch, source_summary, source_refuse,
											   source_close};

/* ---- opening ---- */

static void push(cx_answer *answer)
{
	cdbc_session *session = answer->session;

	answer->below = session->answer;
	answer->links_beneath = session->unfinished.links;
	session->unfinished.links = 0;
	session->answer = answer;
	session->is_busy = true;
	session->byte_count = 0; /* of what the caller reads, from here on */
}

cdbc_status cx_answer_open(cx_answer *answer, cdbc_call *call, const cx_answer_source *source,
						   const struct ArrowSchema *schema, cdbc_result **out, cdbc_error **err)
{
	cdbc_result *result = &answer->result;
	cdbc_error *error = NULL;
	cdbc_status status;

	answer->is_told = false;
	answer->source = source;
	cx_result_init(result, &answer_source, answer, schema);
	cx_session_set_limits(result, call);
	push(answer);
	if (cx_result_load(result, &error) || result->state == CX_RESULT_COMPLETE)
		status = cx_session_check_columns(call, result, &error);
	else
		status = cdbc_error_status(error);
	if (!status) {
		*out = result;
		return CDBC_OK;
	}
	cx_error_pass(err, error);
	source_close(answer);
	return status;
}

void cx_answers_close(cdbc_session *session)
{
	while (session->answer)
		source_close(session->answer);
}

/* ---- a stream from elsewhere ---- */

/* In the answer's room. */
typedef struct streamed {
	struct ArrowArrayStream stream;
	struct ArrowSchema *schema;
} streamed;

_Static_assert(sizeof(streamed) <= CX_ANSWER_ROOM * sizeof(void *), "an answer has room for it");

static cdbc_status status_of(int error)
{
	switch (error) {
	case ENOMEM:
		return CDBC_NOMEM;
	case ECANCELED:
		return CDBC_CANCELLED;
	case ETIMEDOUT:
		return CDBC_TIMEOUT;
	case ENOSYS:
	case ENOTSUP:
		return CDBC_UNSUPPORTED;
	default:
		return CDBC_IO;
	}
}

static cdbc_status stream_failed(struct ArrowArrayStream *stream, int code, cdbc_error **err)
{
	const char *text = stream->get_last_error ? stream->get_last_error(stream) : NULL;
	cdbc_status status = status_of(code);

	return cx_error_set(err, status, "%s", text && *text ? text : cdbc_status_text(status));
}

static cdbc_status stream_fetch(cx_answer *answer, struct ArrowArray *out, cdbc_error **err)
{
	streamed *s = (streamed *)(void *)answer->room;
	cdbc_status status;
	int code;

	cx_array_none(out);
	code = s->stream.get_next(&s->stream, out);
	if (code)
		return judge(answer, stream_failed(&s->stream, code, err), err);
	if (!out->release)
		return CDBC_OK;
	status = cx_foreign_batch(answer->result.fields, answer->result.column_count, out, err);
	if (!status)
		return CDBC_OK;
	out->release(out);
	return judge(answer, status, err);
}

static void stream_close(cx_answer *answer)
{
	streamed *s = (streamed *)(void *)answer->room;

	s->stream.release(&s->stream);
	s->schema->release(s->schema);
	cx_free(s->schema);
}

static const cx_answer_source stream_source = {stream_fetch, stream_close};

/* The schema in memory of its own, checked. */
static cdbc_status stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema **out,
								 cdbc_error **err)
{
	struct ArrowSchema foreign, *schema = cx_calloc(1, sizeof *schema);
	cdbc_status status;
	int code;

	if (!schema)
		return cx_error_nomem(err);
	memset(&foreign, 0, sizeof foreign);
	code = stream->get_schema(stream, &foreign);
	status = code ? stream_failed(stream, code, err) : cx_foreign_schema(&foreign, schema, err);
	if (foreign.release)
		foreign.release(&foreign);
	if (status)
		cx_free(schema);
	else
		*out = schema;
	return status;
}

cdbc_status cdbc_call_answer(cdbc_call *call, struct ArrowArrayStream *stream, cdbc_result **out,
							 cdbc_error **err)
{
	cdbc_error *error = NULL;
	cx_answer *answer = cx_answer_new(call->session);
	struct ArrowSchema *schema = NULL;
	cdbc_status status = answer ? CDBC_OK : cx_error_nomem(&error);

	if (!status)
		status = stream_schema(stream, &schema, &error);
	if (status) {
		if (answer)
			judge(answer, status, &error);
		cx_answer_discard(answer);
		stream->release(stream);
		stream->release = NULL;
		cx_error_pass(err, error);
		return status;
	}
	memcpy(answer->room, &(streamed){*stream, schema}, sizeof(streamed));
	stream->release = NULL;
	answer->summary = (cdbc_summary){.struct_size = sizeof answer->summary, .affected_count = -1};
	return cx_answer_open(answer, call, &stream_source, schema, out, err);
}
