// SPDX-License-Identifier: Apache-2.0
/* Several statements of a batch as one transaction in one pipeline, and what may be sent again when
 * it fails. Results are held until the commit is answered. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/exec/outcome.h"
#include "service/batch/batch.h"

#define NONE      SIZE_MAX
#define LEAD_MAX  2 /* BEGIN, and a token */
#define NOT_HEARD "committed, as its token shows, but results were lost"

/* One transaction while it is tried. */
typedef struct unit {
	cdbc_batch *batch;
	const cdbc_transaction_options *options;
	size_t first, count;
	cx_arena arena;
	cx_batch_part *parts; /* what each request stands for; NULL: one statement */
	size_t request_count;
	bool is_fold_failed; /* the failure is that of a part of many */
	size_t failed;       /* of count; NONE: none in particular */
	cdbc_error *error;   /* of the last attempt */
	/* a result that the server gave, and that could not be handed over */
	size_t spoilt;
	cdbc_error *spoilt_error;
	bool is_all_read; /* every answer but the commit's */
	bool is_resolved;
	cx_commit_token token;
} unit;

static void forget(unit *u)
{
	cx_error_clear(&u->error);
	cx_error_clear(&u->spoilt_error);
	u->failed = u->spoilt = NONE;
	u->is_all_read = u->is_fold_failed = false;
	u->token.text[0] = '\0';
	u->parts = NULL;
	cx_arena_free(&u->arena);
}

static cx_batch_part part_of(const unit *u, size_t request)
{
	return u->parts ? u->parts[request] : (cx_batch_part){.at = request, .count = 1};
}

/* A request has failed. NONE: none in particular. */
static void blame(unit *u, size_t request)
{
	cx_batch_part part;

	u->failed = request;
	if (request == NONE)
		return;
	part = part_of(u, request);
	u->failed = part.at;
	u->is_fold_failed = part.count > 1;
}

/* ---- one attempt ---- */

/* An embedded database has no read-only transactions of its own. */
static cdbc_status check_read_only(unit *u)
{
	const cdbc_batch *batch = u->batch;

	if (!u->options->is_read_only ||
		!(batch->session->client->driver->capabilities & CDBC_IS_EMBEDDED))
		return CDBC_OK;
	for (size_t i = 0; i < u->count; i++) {
		if (batch->items[u->first + i].statement->flags & CDBC_REQUEST_READ_ONLY)
			continue;
		cx_error_set(&u->error, CDBC_SQL,
					 "the statement may write, and the transaction is read only");
		cx_error_sqlstate(&u->error, "25006");
		u->failed = i;
		return CDBC_SQL;
	}
	return CDBC_OK;
}

/* What all of them are together. */
static uint32_t common_flags(const unit *u, const cdbc_request *requests)
{
	uint32_t flags = CDBC_REQUEST_READ_ONLY | CDBC_REQUEST_IDEMPOTENT;

	for (size_t i = 0; i < u->request_count; i++)
		flags &= requests[i].flags;
	if (u->options->is_read_only || u->options->as_of)
		flags |= CDBC_REQUEST_READ_ONLY;
	return flags;
}

static cdbc_status start(unit *u, const char *begin, cdbc_value *token_value)
{
	cdbc_batch *batch = u->batch;
	cdbc_session *session = batch->session;
	cx_flight *flight = &batch->flight;
	size_t lead = u->is_resolved ? 2 : 1;
	cdbc_status status = cx_batch_room(batch, u->count + LEAD_MAX + 1, &u->error);
	cdbc_request *requests = batch->requests;
	uint32_t flags;

	if (status)
		return status;
	requests[0] = cx_flight_control(begin, 0);
	if (u->is_resolved) {
		status = cx_commit_token_make(&u->token, &u->error);
		if (status)
			return status;
		requests[1] = cx_resolver_put(&session->client->resolver, &u->token, token_value);
	}
	status = cx_batch_fold(batch, u->first, u->count, &u->arena, requests + lead, &u->parts,
						   &u->request_count, &u->error);
	if (!status)
		status = cx_batch_held_room(batch, u->request_count, &u->error);
	if (status)
		return status;
	flags = common_flags(u, requests + lead);
	requests[lead + u->request_count] =
		cx_flight_control("COMMIT", CDBC_REQUEST_COMMITS | (flags & CDBC_REQUEST_READ_ONLY));
	*flight = (cx_flight){.lease = &session->lease,
						  .deadline_ns = batch->deadline_ns,
						  .form = CX_FLIGHT_UNIT,
						  .requests = requests,
						  .count = lead + u->request_count + 1,
						  .lead = lead,
						  .flags = flags};
	batch->started_ns = batch->is_watched ? cx_clock_now_ns() : 0;
	status = cx_flight_start(flight, &u->error);
	if (status)
		blame(u, cx_batch_blamed(batch, lead, u->request_count));
	return status;
}

/* What a part of many was answered becomes what each of it would have been. */
static cdbc_status hold_part(unit *u, cx_batch_part part)
{
	cdbc_batch *batch = u->batch;
	cdbc_result *result = &batch->result;
	int64_t affected_count;

	while (result->state == CX_RESULT_OPEN)
		cx_result_load(result, NULL);
	affected_count = result->source->summary(result->self)->affected_count;
	if (batch->flight.error)
		return cdbc_error_status(batch->flight.error);
	cx_batch_hold_part(batch, u->first + part.at, part.count, affected_count);
	return CDBC_OK;
}

/* The answer to one request. False: the transaction has failed. */
static bool read_one(unit *u, size_t request)
{
	cdbc_batch *batch = u->batch;
	cx_flight *flight = &batch->flight;
	cx_batch_part part = part_of(u, request);
	size_t at = part.at;
	cdbc_call call = cx_batch_call(batch, u->first + at);
	bool has_result = false;
	cdbc_status status = cx_flight_next(flight, &batch->result, &has_result);

	if (!status && has_result && part.count > 1) {
		status = hold_part(u, part);
		cx_result_fini(&batch->result);
	} else if (!status && has_result) {
		cx_session_set_limits(&batch->result, &call);
		status = cx_session_check_columns(&call, &batch->result, NULL);
		if (!status)
			status = cx_batch_hold(batch, u->first + at, &batch->result, NULL);
		cx_result_fini(&batch->result);
	}
	if (!flight->error && !status)
		return has_result;
	if (!flight->error || cx_flight_is_local(flight, flight->error)) {
		if (!u->spoilt_error) {
			u->spoilt = at;
			if (flight->error)
				u->spoilt_error = cx_error_copy(flight->error);
			else
				cx_error_nomem(&u->spoilt_error);
		}
		return true;
	}
	blame(u, request);
	u->error = cx_error_copy(flight->error);
	return false;
}

static cdbc_status read_all(unit *u)
{
	cx_flight *flight = &u->batch->flight;
	cdbc_status status;
	size_t at = 0;

	while (at < u->request_count && read_one(u, at))
		at++;
	u->is_all_read = at == u->request_count && !u->spoilt_error;
	if (u->error) {
		status = cdbc_error_status(u->error);
		(void)cx_flight_end(flight, NULL);
		return status;
	}
	status = cx_flight_end(flight, &u->error);
	if (status && u->spoilt_error && cdbc_error_outcome(u->error) == CDBC_OUTCOME_ROLLED_BACK &&
		!cdbc_error_sqlstate(u->error)[0]) {
		/* what could not be handed over is why */
		cdbc_error_free(u->error);
		u->error = u->spoilt_error;
		u->failed = u->spoilt;
		u->spoilt_error = NULL;
		cx_error_outcome(&u->error, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		status = cdbc_error_status(u->error);
	}
	return status;
}

/* The commit was not answered, and left a token. */
static cdbc_status settle(unit *u, cdbc_status status)
{
	cdbc_error *lost;

	if (!u->token.text[0] || !cx_resolver_must_ask(u->error))
		return status;
	lost = cx_error_copy(u->error);
	status = cx_resolver_settle(u->batch->session, u->options->name, &u->token, &u->error);
	if (status) {
		cdbc_error_free(lost);
		if (cdbc_error_outcome(u->error) == CDBC_OUTCOME_ROLLED_BACK)
			cx_error_outcome(&u->error, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
		return status;
	}
	if (u->is_all_read) {
		cdbc_error_free(lost);
		return CDBC_OK;
	}
	status = cdbc_error_status(lost);
	u->error = lost;
	cx_error_wrap(&u->error, NOT_HEARD);
	cx_error_hint(&u->error, "never run it again: its work is in");
	cx_error_outcome(&u->error, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO);
	return status;
}

/* A schema change may end the transaction on CockroachDB and commit the token with what was before
 * it: then a token shows nothing of what follows. */
static bool may_end_early(const unit *u)
{
	const cdbc_client *client = u->batch->session->client;

	if (atomic_load_explicit(&client->dialect, memory_order_relaxed) == &cx_dialect_postgresql)
		return false;
	for (size_t i = 0; i < u->count; i++)
		if (u->batch->items[u->first + i].statement->kind == CDBC_KIND_DDL)
			return true;
	return false;
}

static cdbc_status connect_for(unit *u)
{
	cdbc_session *session = u->batch->session;
	cdbc_status status = cx_session_connect(session, u->batch->deadline_ns, &u->error);

	u->is_resolved = !status && cx_session_tx_is_resolved(session, u->options) && !may_end_early(u);
	if (u->is_resolved)
		status = cx_resolver_ready(session, u->batch->deadline_ns, &u->error);
	return status;
}

static cdbc_status try_once(unit *u)
{
	cdbc_batch *batch = u->batch;
	cdbc_session *session = batch->session;
	cx_breaker *breaker = &session->client->breaker;
	cx_breaker_ticket ticket;
	const char *begin = NULL;
	char *own = NULL;
	cdbc_value token_value;
	cdbc_status status = check_read_only(u);

	session->had_no_conn = true;
	if (!status)
		status = cx_breaker_ask(breaker, &ticket, &u->error);
	if (status)
		return status;
	status = connect_for(u);
	if (!status)
		status = cx_batch_fold_plan(batch, u->first, u->count, &u->error);
	if (!status)
		status = cx_session_tx_begin_text(session, u->options, &begin, &own, &u->error);
	if (!status)
		status = start(u, begin, &token_value);
	if (!status && batch->is_watched)
		cx_session_tell_host(session);
	if (!status)
		status = read_all(u);
	cx_breaker_tell(breaker, &ticket, u->error);
	cx_session_drop_lost(session);
	cx_free(own);
	if (status)
		return settle(u, status);
	return CDBC_OK;
}

/* ---- all attempts ---- */

static bool may_try_again(unit *u, cx_attempts *attempts, int64_t *wait_ns)
{
	cdbc_session *session = u->batch->session;
	cx_attempt_facts facts = {.is_whole = true,
							  .is_idempotent = u->batch->flight.flags & CDBC_REQUEST_IDEMPOTENT,
							  .had_no_conn = session->had_no_conn,
							  .deadline_ns = u->batch->deadline_ns};

	return !u->batch->is_handed && !session->has_lost_state && !cx_batch_is_stopped(u->batch) &&
		   cx_attempts_next(attempts, &session->client->retry, u->error, &facts, wait_ns);
}

static cdbc_status run_attempts(unit *u)
{
	cdbc_batch *batch = u->batch;
	cdbc_session *session = batch->session;
	int64_t max_retries = u->options->max_retries, wait_ns;
	bool is_doubtful = false; /* an attempt may have taken effect */
	cx_attempts attempts;
	cdbc_status status;

	cx_attempts_init(&attempts, &session->client->retry,
					 max_retries < 0   ? 0
					 : max_retries > 0 ? max_retries
									   : -1);
	cx_retry_earn(&session->client->retry, 1);
	for (batch->attempt = 1;; batch->attempt++) {
		forget(u);
		cx_batch_drop_held(batch);
		status = try_once(u);
		if (status && is_doubtful) {
			cx_verdict verdict = {cdbc_error_outcome(u->error), cdbc_error_replay(u->error)};

			verdict = cx_outcome_doubt(verdict);
			cx_error_outcome(&u->error, verdict.outcome, verdict.replay);
		}
		is_doubtful = status && cdbc_error_outcome(u->error) == CDBC_OUTCOME_UNKNOWN;
		if (!status || !may_try_again(u, &attempts, &wait_ns))
			return status;
		cx_session_tell_attempt(session, batch->options.name, batch->attempt, u->error);
		if (cx_session_wait_since(session, wait_ns, batch->cancel_count))
			return cx_session_cancelled(&u->error);
		batch->summary.attempt_count++;
	}
}

/* Whether the failure may be that of the arrays alone, and nothing of the transaction is in. */
static bool may_unfold(const unit *u)
{
	const cdbc_batch *batch = u->batch;

	if (!u->is_fold_failed || batch->is_handed || batch->session->has_lost_state ||
		cx_batch_is_stopped(batch) || cx_deadline_passed(batch->deadline_ns))
		return false;
	if (cdbc_error_outcome(u->error) != CDBC_OUTCOME_ROLLED_BACK &&
		cdbc_error_outcome(u->error) != CDBC_OUTCOME_NOT_SENT)
		return false;
	switch (cdbc_error_status(u->error)) {
	case CDBC_SQL:
	case CDBC_PARAM:
	case CDBC_DATA:
	case CDBC_DENIED:
	case CDBC_RESOURCE:
	case CDBC_TIMEOUT: /* the server's own, of a statement: ours has not passed */
		return true;
	default:
		return false;
	}
}

/* The same statements one by one: the one that fails has a name, or none does. */
static cdbc_status run_unfolded(unit *u)
{
	cdbc_batch *batch = u->batch;
	cdbc_status status;

	cx_session_tell_attempt(batch->session, batch->options.name, batch->attempt, u->error);
	batch->summary.attempt_count++;
	batch->is_unfolded = true;
	status = run_attempts(u);
	if (status) /* arrays were not to blame */
		batch->is_unfolded = false;
	return status;
}

/* The whole transaction. On failure u->error and u->failed say what there is to say. */
static cdbc_status run(unit *u)
{
	cdbc_batch *batch = u->batch;
	cdbc_session *session = batch->session;
	int64_t done_count = batch->summary.done_count;
	cdbc_error *spoilt;
	cdbc_status status;

	cx_session_tell_tx_start(session, batch->options.name);
	status = run_attempts(u);
	if (status && may_unfold(u))
		status = run_unfolded(u);
	if (!status) {
		cx_batch_tell_held(batch);
		spoilt = u->spoilt_error;
		u->spoilt_error = NULL;
		if (spoilt) {
			cx_error_outcome(&spoilt, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO);
			cx_batch_fail(batch, u->first + u->spoilt, false, spoilt);
			/* all of it is in, also what could not be handed over after that */
			batch->summary.done_count = done_count + (int64_t)u->count;
		}
	}
	cx_session_tell_tx_end(session, batch->options.name, batch->attempt, !status, u->error);
	if (!status && u->token.text[0])
		cx_resolver_tidy(session);
	return status;
}

static unit make_unit(cdbc_batch *batch, size_t first, size_t count)
{
	return (unit){.batch = batch,
				  .options = &batch->transaction,
				  .first = first,
				  .count = count,
				  .failed = NONE,
				  .spoilt = NONE};
}

/* Counts the statements of a transaction that failed, but for the one to blame. */
static void count_undone(unit *u)
{
	cdbc_batch_summary *s = &u->batch->summary;
	int64_t others = (int64_t)u->count - (u->failed != NONE);

	switch (cdbc_error_outcome(u->error)) {
	case CDBC_OUTCOME_NOT_SENT:
		break;
	case CDBC_OUTCOME_ROLLED_BACK:
		s->undone_count += others;
		break;
	case CDBC_OUTCOME_UNKNOWN:
		s->unknown_count += others;
		break;
	default:
		s->done_count += others;
		break;
	}
}

static void fail(unit *u)
{
	cdbc_error *error = u->error;

	u->error = NULL;
	if (u->failed != NONE)
		cx_batch_fail(u->batch, u->first + u->failed, false, error);
	else
		cx_batch_fail_all(u->batch, error);
}

void cx_batch_send_atomic(cdbc_batch *batch)
{
	unit u = make_unit(batch, 0, batch->count);

	if (run(&u)) {
		count_undone(&u);
		fail(&u);
	}
	forget(&u);
	cx_batch_drop_held(batch);
}

/* ---- groups: everything before the first failure takes effect ---- */

/* Whether those before the failure can be sent again: nothing of the group is in, and it is one
 * statement that failed, not the way to the server. */
static bool may_go_again(const unit *u)
{
	cdbc_outcome outcome = cdbc_error_outcome(u->error);

	return !u->batch->is_handed && !cx_batch_is_final(u->batch, u->error) &&
		   (outcome == CDBC_OUTCOME_ROLLED_BACK || outcome == CDBC_OUTCOME_NOT_SENT);
}

/* Its commit failed, and does not say by whose fault: each by itself tells. */
static void go_singly(cdbc_batch *batch, size_t first, size_t count)
{
	for (size_t i = 0; i < count && !batch->is_over && !cx_batch_is_cancelled(batch); i++)
		cx_batch_send_group(batch, first + i, 1);
}

void cx_batch_send_group(cdbc_batch *batch, size_t first, size_t count)
{
	unit u = make_unit(batch, first, count);
	size_t failed;

	if (run(&u)) {
		failed = u.failed;
		if (!may_go_again(&u) || count == 1) {
			count_undone(&u);
			if (count == 1)
				u.failed = 0;
			if (count == 1 && failed == NONE)
				batch->summary.undone_count -=
					cdbc_error_outcome(u.error) == CDBC_OUTCOME_ROLLED_BACK;
			fail(&u);
		} else if (failed == NONE) {
			go_singly(batch, first, count);
		} else {
			cx_batch_drop_held(batch);
			if (failed > 0) {
				batch->summary.attempt_count++;
				cx_batch_send_group(batch, first, failed);
			}
			if (!batch->is_over)
				fail(&u);
		}
	}
	forget(&u);
	cx_batch_drop_held(batch);
}

/* ---- without pipelines ---- */

/* The transaction's function: the statements through the chain, one by one. */
static cdbc_status run_inside(cdbc_session *session, void *data, cdbc_error **err)
{
	unit *u = data;
	cdbc_batch *batch = u->batch;

	if (batch->is_handed)
		return cx_error_set(err, CDBC_RESOURCE, "results were told already: it is not run again");
	if (cx_batch_held_room(batch, u->count, err))
		return CDBC_NOMEM;
	cx_batch_drop_held(batch);
	u->failed = NONE;
	batch->started_ns = cx_clock_now_ns();
	for (size_t i = 0; i < u->count; i++) {
		cdbc_call call = cx_batch_call(batch, u->first + i);
		cdbc_result *result;
		cdbc_status status;

		if (!call.query)
			session->statement = cx_statement_ref((cx_statement *)(uintptr_t)call.statement);
		u->failed = i;
		status = cx_session_perform(session, &call, &result, err);
		if (status)
			return status;
		status = cx_batch_hold(batch, u->first + i, result, err);
		cdbc_result_free(result);
		if (status)
			return status;
	}
	u->failed = NONE;
	return CDBC_OK;
}

void cx_batch_transact(cdbc_batch *batch)
{
	unit u = make_unit(batch, 0, batch->count);
	cdbc_transaction_options options = batch->transaction;
	bool is_watched = batch->is_watched;

	options.timeout_ms = batch->options.timeout_ms;
	batch->is_watched = false; /* the chain tells */
	if (cdbc_session_transact(batch->session, run_inside, &u, &options, &u.error)) {
		count_undone(&u);
		if (u.failed != NONE)
			cx_batch_fail(batch, u.failed, true, u.error);
		else
			cx_batch_fail_all(batch, u.error);
		u.error = NULL;
	} else {
		cx_batch_tell_held(batch);
	}
	batch->is_watched = is_watched;
	forget(&u);
	cx_batch_drop_held(batch);
}
