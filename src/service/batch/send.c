// SPDX-License-Identifier: Apache-2.0
/* How a batch goes: which statements go together and what their failure means for the others. A
 * transaction of several is unit.c. */
#include "base/alloc.h"
#include "base/error.h"
#include "service/batch/batch.h"

/* ---- failures ---- */

bool cx_batch_is_final(const cdbc_batch *batch, const cdbc_error *error)
{
	switch (cdbc_error_status(error)) {
	case CDBC_CANCELLED:
	case CDBC_CONNECT:
	case CDBC_AUTH:
	case CDBC_OVERLOADED:
	case CDBC_CLOSED:
	case CDBC_NOMEM:
		return true;
	default:
		return batch->session->has_lost_state || cx_deadline_passed(batch->deadline_ns);
	}
}

static void count_failure(cdbc_batch *batch, const cdbc_error *error)
{
	switch (cdbc_error_outcome(error)) {
	case CDBC_OUTCOME_NOT_SENT:
		break; /* what is in no other count was not sent */
	case CDBC_OUTCOME_ROLLED_BACK:
		batch->summary.failed_count++;
		break;
	case CDBC_OUTCOME_UNKNOWN:
		batch->summary.unknown_count++;
		break;
	default:
		batch->summary.done_count++;
		break;
	}
}

void cx_batch_fail(cdbc_batch *batch, size_t index, bool is_told, cdbc_error *error)
{
	cdbc_call call = cx_batch_call(batch, index);

	count_failure(batch, error);
	if (!is_told)
		cx_session_locate(&call, &error);
	cx_batch_name(batch, index, is_told, &error);
	if (batch->is_watched && !is_told)
		cx_session_tell_statement(batch->session, &(cx_told){.call = &call,
															 .error = error,
															 .started_ns = batch->started_ns,
															 .attempt = batch->attempt,
															 .affected_count = -1});
	cx_batch_tell_failure(batch, index, error);
	if (batch->options.on_error == CDBC_BATCH_STOP || batch->options.is_atomic ||
		batch->was_in_tx || cx_batch_is_final(batch, error))
		batch->is_over = true;
	if (batch->error)
		cdbc_error_free(error);
	else
		batch->error = error;
}

void cx_batch_fail_all(cdbc_batch *batch, cdbc_error *error)
{
	if (batch->options.name)
		cx_error_wrap(&error, "batch \"%s\"", batch->options.name);
	batch->is_over = true;
	if (batch->error)
		cdbc_error_free(error);
	else
		batch->error = error;
}

bool cx_batch_is_cancelled(cdbc_batch *batch)
{
	cdbc_error *error = NULL;

	if (!cx_batch_is_stopped(batch))
		return false;
	cx_error_set(&error, CDBC_CANCELLED, "cancelled before all was sent");
	cx_error_outcome(&error, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	cx_batch_fail_all(batch, error);
	return true;
}

/* ---- one at a time, through the chain ---- */

static void send_alone(cdbc_batch *batch, size_t index)
{
	cdbc_session *session = batch->session;
	cdbc_call call = cx_batch_call(batch, index);
	int64_t row_count = 0, byte_count = 0, affected_count = -1;
	bool is_watched = batch->is_watched;
	cdbc_error *error = NULL;
	cdbc_result *result;
	cdbc_status status;

	if (!call.query) /* given back when the request ends */
		session->statement = cx_statement_ref((cx_statement *)(uintptr_t)call.statement);
	status = cx_session_perform(session, &call, &result, &error);
	if (!status) {
		status = cx_batch_tell_result(batch, index, result, &row_count, &byte_count, &error);
		affected_count = cdbc_result_affected_count(result);
		cdbc_result_free(result);
	}
	if (status) {
		cx_batch_fail(batch, index, true, error);
		return;
	}
	batch->is_watched = false; /* the chain has told */
	cx_batch_count_done(batch,
						&(cx_told){.row_count = row_count, .affected_count = affected_count});
	batch->is_watched = is_watched;
}

/* ---- each for itself, many on their way ---- */

cdbc_status cx_batch_room(cdbc_batch *batch, size_t count, cdbc_error **err)
{
	cdbc_request *more;

	if (count <= batch->request_capacity)
		return CDBC_OK;
	more = cx_realloc(batch->requests, count * sizeof *more);
	if (!more)
		return cx_error_nomem(err);
	batch->requests = more;
	batch->request_capacity = count;
	return CDBC_OK;
}

void cx_batch_requests(cdbc_batch *batch, size_t first, size_t count, cdbc_request *out)
{
	for (size_t i = 0; i < count; i++) {
		cdbc_call call = cx_batch_call(batch, first + i);

		cx_session_fill_request(&call, &out[i]);
		if (batch->options.is_idempotent)
			out[i].flags |= CDBC_REQUEST_IDEMPOTENT;
	}
}

/* Makes the flight ready for statements of which none has a transaction of its own. */
static cdbc_status make_ready(cdbc_batch *batch, size_t first, size_t count, cx_flight_form form,
							  cdbc_error **err)
{
	cdbc_status status = cx_batch_room(batch, count, err);

	if (status)
		return status;
	cx_batch_requests(batch, first, count, batch->requests);
	batch->flight = (cx_flight){.lease = &batch->session->lease,
								.deadline_ns = batch->deadline_ns,
								.form = form,
								.requests = batch->requests,
								.count = count};
	batch->started_ns = batch->is_watched ? cx_clock_now_ns() : 0;
	return CDBC_OK;
}

/* The connection is there, and the statements are on their way. *error is not NULL. */
static cdbc_status start_each(cdbc_batch *batch, size_t first, size_t count, cdbc_error **error)
{
	cdbc_session *session = batch->session;
	cx_breaker *breaker = &session->client->breaker;
	cx_breaker_ticket ticket;
	cdbc_status status;

	session->had_no_conn = true;
	status = cx_breaker_ask(breaker, &ticket, error);
	if (status)
		return status;
	status = cx_session_connect(session, batch->deadline_ns, error);
	if (!status)
		status = make_ready(batch, first, count, CX_FLIGHT_EACH, error);
	if (!status)
		status = cx_flight_start(&batch->flight, error);
	cx_breaker_tell(breaker, &ticket, *error);
	if (status)
		cx_session_drop_lost(session);
	return status;
}

/* What was on its way when the flight ended early. */
static void fail_left(cdbc_batch *batch, size_t first, size_t from, size_t count,
					  const cdbc_error *cause)
{
	batch->is_over = true;
	for (size_t i = from; i < count; i++) {
		cdbc_error *error = cx_error_copy(cause);

		cx_flight_judge_left(&batch->flight, i, &error);
		cx_batch_fail(batch, first + i, false, error);
	}
}

/* One statement's answer: its result is told, or its failure is in *error. */
static bool read_one(cdbc_batch *batch, size_t index, cdbc_error **error)
{
	cdbc_call call = cx_batch_call(batch, index);
	cx_told told = {.call = &call, .started_ns = batch->started_ns, .attempt = batch->attempt};
	bool has_result = false;
	cdbc_status status = cx_flight_next(&batch->flight, &batch->result, &has_result);

	if (!status && has_result) {
		cx_session_set_limits(&batch->result, &call);
		status = cx_session_check_columns(&call, &batch->result, NULL);
		if (!status)
			status = cx_batch_tell_result(batch, index, &batch->result, &told.row_count,
										  &told.byte_count, NULL);
		told.affected_count = batch->result.source->summary(batch->result.self)->affected_count;
		cx_result_fini(&batch->result);
	}
	if (!status && has_result && !batch->flight.error) {
		cx_batch_count_done(batch, &told);
		return true;
	}
	if (batch->flight.error)
		*error = cx_error_copy(batch->flight.error);
	else
		cx_error_nomem(error);
	return false;
}

static void read_each(cdbc_batch *batch, size_t first, size_t count)
{
	cdbc_session *session = batch->session;
	cx_flight *flight = &batch->flight;
	cdbc_error *cause = NULL;
	size_t i;

	if (batch->is_watched)
		cx_session_tell_host(session);
	for (i = 0; i < count && !flight->is_over; i++) {
		cdbc_error *error = NULL;

		if (read_one(batch, first + i, &error))
			continue;
		if (flight->is_over)
			cause = cx_error_copy(error);
		cx_batch_fail(batch, first + i, false, error);
	}
	if (cause) {
		fail_left(batch, first, i, count, cause);
		cx_breaker_tell_late(&session->client->breaker, cause);
	}
	(void)cx_flight_end(flight, NULL);
	cdbc_error_free(cause);
	cx_session_drop_lost(session);
}

/* The flight did not start. Which of them is to blame, if one is. */
size_t cx_batch_blamed(const cdbc_batch *batch, size_t lead, size_t count)
{
	size_t number = batch->flight.summary.request_number;

	return number > lead && number - lead <= count ? number - lead - 1 : SIZE_MAX;
}

static void send_each(cdbc_batch *batch, size_t first, size_t count);

/* A statement of those that were not sent cannot be: it fails, the others go without it. */
static void go_round(cdbc_batch *batch, size_t first, size_t count, size_t at, cdbc_error *error)
{
	if (at > 0)
		send_each(batch, first, at);
	if (batch->is_over) {
		cdbc_error_free(error);
		return;
	}
	cx_batch_fail(batch, first + at, false, error);
	if (!batch->is_over && at + 1 < count)
		send_each(batch, first + at + 1, count - at - 1);
}

static void send_each(cdbc_batch *batch, size_t first, size_t count)
{
	cdbc_session *session = batch->session;
	cx_attempts attempts;
	cdbc_error *error = NULL;

	cx_attempts_init(&attempts, &session->client->retry, -1);
	for (;;) {
		cx_attempt_facts facts = {.deadline_ns = batch->deadline_ns};
		int64_t wait_ns;
		size_t at;

		batch->flight.summary.request_number = 0;
		if (!start_each(batch, first, count, &error)) {
			read_each(batch, first, count);
			return;
		}
		at = cx_batch_blamed(batch, 0, count);
		if (at < count && cdbc_error_outcome(error) == CDBC_OUTCOME_NOT_SENT) {
			go_round(batch, first, count, at, error);
			return;
		}
		facts.had_no_conn = session->had_no_conn;
		if (cdbc_error_outcome(error) != CDBC_OUTCOME_NOT_SENT || session->has_lost_state ||
			!cx_attempts_next(&attempts, &session->client->retry, error, &facts, &wait_ns))
			break;
		if (cx_session_wait_since(session, wait_ns, batch->cancel_count)) {
			(void)cx_session_cancelled(&error);
			break;
		}
		cx_error_clear(&error);
		batch->summary.attempt_count++;
	}
	if (cdbc_error_outcome(error) == CDBC_OUTCOME_NOT_SENT) {
		cx_batch_fail_all(batch, error);
		return;
	}
	fail_left(batch, first, 0, count, error);
	cdbc_error_free(error);
}

/* ---- in the caller's transaction ---- */

static void lose_transaction(cdbc_session *session)
{
	const cx_conn *conn = session->lease.conn;

	if (!conn || !conn->driver->state(conn->handle).is_lost)
		return;
	if (session->tx.depth)
		session->tx.is_lost = true;
	else
		session->is_text_tx_lost = true;
	session->has_lost_state |= session->lease.is_dirty;
	cx_lease_give(&session->lease, 0);
}

static cdbc_status start_inside(cdbc_batch *batch, size_t first, size_t count, size_t *at,
								cdbc_error **err)
{
	cdbc_session *session = batch->session;
	cdbc_status status;

	for (*at = 0; *at < count && (session->tx.depth || session->is_text_tx_lost); ++*at) {
		status = cx_session_tx_check(session, batch->items[first + *at].statement, err);
		if (status)
			return status;
	}
	*at = SIZE_MAX;
	status = cx_session_connect(session, batch->deadline_ns, err);
	if (!status)
		status = cx_session_tx_send_begin(session, batch->deadline_ns, err);
	if (!status)
		status = make_ready(batch, first, count, CX_FLIGHT_INSIDE, err);
	if (!status)
		status = cx_flight_start(&batch->flight, err);
	if (status)
		*at = cx_batch_blamed(batch, 0, count);
	return status;
}

static void send_inside(cdbc_batch *batch, size_t first, size_t count)
{
	cdbc_session *session = batch->session;
	cdbc_error *error = NULL;
	size_t at = SIZE_MAX;

	batch->flight.summary.request_number = 0;
	if (!start_inside(batch, first, count, &at, &error)) {
		if (batch->is_watched)
			cx_session_tell_host(session);
		for (at = 0; at < count && !batch->flight.is_over; at++)
			if (!read_one(batch, first + at, &error))
				break;
		(void)cx_flight_end(&batch->flight, NULL);
	}
	if (!error)
		return;
	if (session->tx.depth)
		cx_session_tx_note(session, error);
	cx_breaker_tell_late(&session->client->breaker, error);
	lose_transaction(session);
	if (at < count)
		cx_batch_fail(batch, first + at, false, error);
	else
		cx_batch_fail_all(batch, error);
}

/* ---- which go together ---- */

/* Reads or changes rows, and nothing else. */
static bool is_plain(const cdbc_batch *batch, size_t index)
{
	cdbc_call call = cx_batch_call(batch, index);
	const cx_statement *statement = call.statement;
	cdbc_request request = {.flags = statement->flags};

	return (statement->kind == CDBC_KIND_SELECT || statement->kind == CDBC_KIND_DML) &&
		   !(statement->flags & (CDBC_REQUEST_CHANGES_SESSION | CDBC_REQUEST_COMMITS)) &&
		   !(call.query && call.query->info.as_of) && !cx_session_wants_unit(&call, &request);
}

static size_t plain_count(const cdbc_batch *batch, size_t first)
{
	size_t count = 0;

	while (first + count < batch->count && (int64_t)count < batch->options.chunk_count &&
		   is_plain(batch, first + count))
		count++;
	return count;
}

/* A statement that goes alone, and is a transaction all the same, so that its commit can be asked
 * for. */
static bool is_group_of_one(const cdbc_batch *batch, size_t index)
{
	return batch->options.on_error == CDBC_BATCH_STOP &&
		   !(batch->items[index].statement->flags & CDBC_REQUEST_READ_ONLY) &&
		   cx_session_tx_is_resolved(batch->session, &batch->transaction);
}

static size_t send_next(cdbc_batch *batch, size_t first)
{
	size_t count = 0;

	batch->was_in_tx = batch->was_in_tx && cx_session_in_transaction(batch->session);
	if (batch->was_in_tx) {
		while (first + count < batch->count && (int64_t)count < batch->options.chunk_count &&
			   batch->items[first + count].statement->kind != CDBC_KIND_TRANSACTION)
			count++;
		if (count == 0) {
			send_alone(batch, first);
			return 1;
		}
		send_inside(batch, first, count);
		return count;
	}
	/* a transaction that the batch's own statements have begun is gone through step by step */
	count = cx_session_in_transaction(batch->session) ? 0 : plain_count(batch, first);
	if (count == 0 || (count == 1 && !is_group_of_one(batch, first))) {
		send_alone(batch, first);
		return 1;
	}
	if (batch->options.on_error == CDBC_BATCH_CONTINUE)
		send_each(batch, first, count);
	else
		cx_batch_send_group(batch, first, count);
	return count;
}

static size_t send_single(cdbc_batch *batch, size_t first)
{
	send_alone(batch, first);
	return 1;
}

/* ---- what a transaction's end makes of its statements ---- */

static cx_batch_mark mark_of(const cdbc_batch *batch)
{
	const cdbc_batch_summary *s = &batch->summary;

	return (cx_batch_mark){s->done_count, s->affected_count, s->row_count};
}

/* What was done since the mark has not taken effect, or nobody knows: it is counted there. */
static void take_back(cdbc_batch *batch, const cx_batch_mark *last, int64_t *instead)
{
	const cx_batch_mark *mark = &batch->mark;
	cdbc_batch_summary *s = &batch->summary;

	*instead += last->done_count - mark->done_count;
	s->done_count -= last->done_count - mark->done_count;
	s->affected_count -= last->affected_count - mark->affected_count;
	s->row_count -= last->row_count - mark->row_count;
}

/* The transaction has ended: by its COMMIT, or without. */
static void on_tx_end(cdbc_batch *batch, const cx_batch_mark *last, int64_t unknown_count,
					  const cx_statement *end)
{
	cdbc_batch_summary *s = &batch->summary;
	bool is_unknown;

	if (s->done_count > last->done_count && end->flags & CDBC_REQUEST_COMMITS)
		return;
	is_unknown = s->unknown_count > unknown_count || end->kind != CDBC_KIND_TRANSACTION;
	take_back(batch, last, is_unknown ? &s->unknown_count : &s->undone_count);
}

/* Whether the transaction that is open can only be rolled back. */
static bool is_tx_dead(const cdbc_session *session)
{
	const cx_conn *conn = session->lease.conn;

	return session->tx.failed_depth || session->tx.is_lost || session->is_text_tx_lost ||
		   (conn && conn->driver->state(conn->handle).tx == CDBC_TX_FAILED);
}

static void send_in_steps(cdbc_batch *batch, size_t (*send)(cdbc_batch *batch, size_t first))
{
	cdbc_session *session = batch->session;
	cx_batch_mark last;

	for (size_t i = 0, sent; i < batch->count && !batch->is_over && !cx_batch_is_cancelled(batch);
		 i += sent) {
		bool was_open = cx_session_in_transaction(session);
		int64_t unknown_count = batch->summary.unknown_count;

		last = mark_of(batch);
		if (!was_open)
			batch->mark = last;
		sent = send(batch, i);
		if (was_open && !cx_session_in_transaction(session))
			on_tx_end(batch, &last, unknown_count, batch->items[i + sent - 1].statement);
	}
	last = mark_of(batch);
	if (cx_session_in_transaction(session) && is_tx_dead(session))
		take_back(batch, &last,
				  cx_session_tx_is_over(session) ? &batch->summary.unknown_count
												 : &batch->summary.undone_count);
}

void cx_batch_send(cdbc_batch *batch)
{
	const cdbc_client *client = batch->session->client;
	bool is_piped = client->chain.takes_batches && client->driver->capabilities & CDBC_CAN_PIPELINE;

	if (batch->options.is_atomic && !batch->was_in_tx) {
		if (is_piped)
			cx_batch_send_atomic(batch);
		else
			cx_batch_transact(batch);
	} else if (is_piped) {
		send_in_steps(batch, send_next);
	} else {
		send_in_steps(batch, send_single);
	}
}
