// SPDX-License-Identifier: Apache-2.0
/* The executor: the last link of the chain. A call becomes a driver's request on the session's
 * connection; a call that is to be a transaction of its own goes with its BEGIN and COMMIT. */
#include "base/error.h"
#include "data/exec/transaction.h"
#include "service/answer.h"

#include <stddef.h>
#include <string.h>

#define BEGIN_MAX 256

/* The run has ended of which an answer is made: the request goes on. */
static void end_beneath(cdbc_session *session, const cdbc_error *error)
{
	cdbc_finish finish = {.name = session->run.name,
						  .error = error,
						  .summary = &session->run.summary,
						  .row_count = session->result.row_count};
	cx_answer *lowest = session->answer;

	while (lowest->below)
		lowest = lowest->below;
	cx_chain_finish(&session->client->chain, &session->unfinished, &lowest->links_beneath, &finish);
	if (error && !session->is_in_chain)
		cx_breaker_tell_late(&session->client->breaker, error);
}

/* The run has ended, well or not. */
static void on_end(void *self, const cdbc_error *error)
{
	cdbc_session *session = self;

	if (error && session->tx.depth)
		cx_session_tx_note(session, error);
	if (__builtin_expect(session->answer != NULL, 0)) {
		end_beneath(session, error);
		return;
	}
	if (session->unfinished.links) {
		cdbc_finish finish = {.name = session->run.name,
							  .error = error,
							  .summary = &session->run.summary,
							  .row_count = session->result.row_count};

		cx_chain_finish(&session->client->chain, &session->unfinished, &session->unfinished.links,
						&finish);
	}
	if (!session->is_in_chain) {
		if (error)
			cx_breaker_tell_late(&session->client->breaker, error);
		cx_session_request_end(session, error);
	}
}

void cx_session_give_lost(cdbc_session *session)
{
	const cx_conn *conn = session->lease.conn;

	if (!conn || !conn->driver->state(conn->handle).is_lost)
		return;
	if (session->tx.depth)
		session->tx.is_lost = true;
	else if (!session->run.is_unit && session->run.summary.tx_before != CDBC_TX_IDLE &&
			 !(session->run.flags & CDBC_REQUEST_COMMITS))
		session->is_text_tx_lost = true;
	session->has_lost_state = session->lease.is_dirty;
	cx_lease_give(&session->lease, 0);
}

void cx_session_drop_lost(cdbc_session *session)
{
	const cx_conn *conn = session->lease.conn;

	if (!conn || !conn->driver->state(conn->handle).is_lost)
		return;
	session->has_lost_state |= session->lease.is_dirty;
	cx_lease_give(&session->lease, 0);
}

static void close_run(cdbc_session *session)
{
	cx_run_close(&session->run, &session->result);
	session->is_busy = session->answer != NULL;
	cx_session_tx_used(session);
	if (__builtin_expect(session->is_found_out, 0)) {
		session->is_found_out = false;
		on_end(session, NULL);
		return;
	}
	if (__builtin_expect(!cx_run_is_clean(&session->run), 0))
		cx_session_give_lost(session);
}

void cx_session_close_result(cdbc_session *session)
{
	if (!session->is_busy)
		return;
	cx_answers_close(session);
	if (cx_session_has_run(session))
		close_run(session);
}

static void source_close(void *self)
{
	close_run(self);
}

static cdbc_status source_fetch(void *self, struct ArrowArray *out, cdbc_error **err)
{
	cdbc_session *session = self;
	cdbc_status status = cx_run_fetch(&session->run, out, err);

	if (__builtin_expect(!status && session->request_id && !session->answer, 0))
		session->byte_count += cx_result_batch_bytes(&session->result, out);
	if (__builtin_expect(status && session->token.text[0] && err && *err, 0) &&
		cdbc_error_outcome(*err) == CDBC_OUTCOME_UNKNOWN)
		cx_resolver_sign(&session->token, err);
	return status;
}

static const cdbc_summary *source_summary(void *self)
{
	cdbc_session *session = self;

	return cx_run_summary(&session->run);
}

static void source_refuse(void *self, cdbc_status status, cdbc_error **err)
{
	cdbc_session *session = self;

	cx_run_refuse(&session->run, status, err);
}

static const cx_result_source session_source = {source_fetch, source_summary, source_refuse,
												source_close};

/* Whether the mark promises few rows, or none. */
static bool is_small(cdbc_cardinality cardinality)
{
	return cardinality == CDBC_ONE || cardinality == CDBC_ZERO_OR_ONE ||
		   cardinality == CDBC_SCALAR || cardinality == CDBC_EXEC || cardinality == CDBC_EXEC_ROWS;
}

/* CockroachDB before v22.2, and later when told so, commits each statement of a script by itself.
 */
static uint32_t script_flags(const cdbc_session *session)
{
	const char *dialect =
		cx_dialect_family(atomic_load_explicit(&session->client->dialect, memory_order_relaxed));

	return dialect && strcmp(dialect, "cockroachdb") == 0 ? CDBC_REQUEST_COMMITS_PARTS : 0u;
}

void cx_session_fill_request(const cdbc_call *a, cdbc_request *request)
{
	const cx_result_options *defaults = &a->session->client->results;
	const cx_statement *statement = a->statement;

	memset(request, 0, sizeof *request);
	request->struct_size = sizeof *request;
	request->sql = statement->sql;
	request->sql_length = statement->sql_length;
	request->name = a->name;
	request->statement_id = statement->id;
	request->values = a->values;
	request->value_count = statement->param_count;
	request->kind = statement->kind;
	request->flags = statement->flags;
	request->numeric = defaults->numeric;
	request->arrays = defaults->arrays;
	request->batch_rows = defaults->batch_rows;
	request->batch_bytes = defaults->batch_bytes;
	request->batch_ns = defaults->batch_ns;
	if (statement->statement_count > 1)
		request->flags |= CDBC_REQUEST_SIMPLE | script_flags(a->session);
	if (a->query) {
		request->columns = a->query->columns;
		request->column_count = a->query->column_count;
		if (a->query->is_idempotent)
			request->flags |= CDBC_REQUEST_IDEMPOTENT;
		if (a->query->is_read_only)
			request->flags |= CDBC_REQUEST_READ_ONLY;
		if (is_small(a->query->info.cardinality))
			request->flags |= CDBC_REQUEST_SMALL_RESULT;
	}
	if (a->options) {
		if (a->options->numeric)
			request->numeric = a->options->numeric;
		if (a->options->arrays)
			request->arrays = a->options->arrays;
		if (a->options->batch_rows)
			request->batch_rows = a->options->batch_rows;
		if (a->options->is_idempotent)
			request->flags |= CDBC_REQUEST_IDEMPOTENT;
	}
}

void cx_session_set_limits(cdbc_result *result, const cdbc_call *a)
{
	if (a->options && a->options->max_rows > 0)
		result->max_rows = a->options->max_rows;
	if (!a->query)
		return;
	if (!result->max_rows)
		result->max_rows = a->query->max_rows;
	switch (a->query->info.cardinality) {
	case CDBC_ONE:
		result->promised_min = 1;
		result->promised_max = 1;
		break;
	case CDBC_ZERO_OR_ONE:
	case CDBC_SCALAR:
		result->promised_max = 1;
		break;
	default:
		break;
	}
}

/* Whether the query wants a transaction of its own kind, and is not in one already. */
static inline bool wants_unit(const cdbc_call *call, const cdbc_request *request)
{
	const cx_query *query = call->query;

	if (query && query->info.as_of && call->statement->past_length)
		return false; /* it only reads, and its time may be given to a statement alone only */
	return query && (query->is_read_only || query->isolation || query->priority) &&
		   !(request->flags & CDBC_REQUEST_SIMPLE) && !cx_session_in_transaction(call->session);
}

bool cx_session_wants_unit(const cdbc_call *call, const cdbc_request *request)
{
	return wants_unit(call, request);
}

static cdbc_status start_unit(const cdbc_call *call, const cdbc_request *token,
							  const cdbc_request *request, cdbc_error **err)
{
	cdbc_session *session = call->session;
	const cx_query *query = call->query;
	const char *dialect =
		cx_dialect_family(atomic_load_explicit(&session->client->dialect, memory_order_relaxed));
	cx_begin begin = {0};
	cx_buf text = CX_BUF_INIT(BEGIN_MAX);
	cdbc_status status;

	if (query)
		begin = (cx_begin){query->isolation, query->priority, NULL, query->is_read_only};
	status = cx_begin_write(&begin, dialect, &text, err);
	if (!status)
		status = cx_run_start_unit(&session->run, text.data, token, request, &session->result, err);
	cx_buf_free(&text);
	return status;
}

cdbc_status cx_session_check_columns(const cdbc_call *call, cdbc_result *result, cdbc_error **err)
{
	cdbc_error *error = NULL;

	if (!call->query || call->query->info.cardinality != CDBC_SCALAR || result->column_count == 1)
		return CDBC_OK;
	cx_error_set(&error, CDBC_DATA, "the query promises one value and returned %zu columns",
				 result->column_count);
	return cx_result_refuse(result, CDBC_DATA, error, err);
}

/* The request is under way: the result is made ready, and its first batch awaited. */
static cdbc_status await_first(const cdbc_call *call, cdbc_result **out, cdbc_error **err)
{
	cdbc_session *session = call->session;
	cdbc_result *result = &session->result;
	cdbc_error *error = NULL;
	cdbc_status status;

	result->source = &session_source;
	result->self = session;
	cx_session_set_limits(result, call);
	session->is_busy = true;
	if (cx_result_load(result, &error) || result->state == CX_RESULT_COMPLETE)
		status = cx_session_check_columns(call, result, &error);
	else
		status = cdbc_error_status(error);
	if (!status) {
		*out = result;
		return CDBC_OK;
	}
	cx_error_pass(err, error);
	close_run(session);
	return status;
}

/* ---- a write with a token ---- */

/* Whether the request is one whose commit is to be looked up when it is not answered. */
static inline bool wants_token(const cdbc_call *call)
{
	const cdbc_request_options *options = call->options;

	return options &&
		   options->struct_size >=
			   offsetof(cdbc_request_options, resolve) + sizeof options->resolve &&
		   options->resolve == CDBC_RESOLVE_ON && !cx_session_in_transaction(call->session);
}

/* What cannot be made a transaction with a token is refused, not run without. */
static cdbc_status check_token(const cdbc_call *call, const cdbc_request *request, cdbc_error **err)
{
	bool is_write = request->kind == CDBC_KIND_DML || request->kind == CDBC_KIND_SELECT;

	if (is_write && !(request->flags & CDBC_REQUEST_SIMPLE) &&
		call->session->client->driver->capabilities & CDBC_CAN_PIPELINE)
		return CDBC_OK;
	cx_error_set(err, CDBC_UNSUPPORTED,
				 "only single statements that write rows go with a token of their own");
	cx_error_hint(err, "run it in a transaction that resolves, or without the option");
	cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	return CDBC_UNSUPPORTED;
}

/* It was committed, and only the answer is lost: all is well when that was heard of the statement.
 * lost: what the failure was. */
static cdbc_status found_committed(cdbc_session *session, bool has_columns, cdbc_error *lost,
								   cdbc_result **out, cdbc_error **err)
{
	cx_run *run = &session->run;
	cdbc_status status = cdbc_error_status(lost);

	if (run->has_count && !has_columns) {
		cdbc_error_free(lost);
		cx_run_ended_well(run, &session->result);
		session->result.source = &session_source;
		session->result.self = session;
		session->result.state = CX_RESULT_COMPLETE;
		session->is_busy = session->is_found_out = true;
		*out = &session->result;
		return CDBC_OK;
	}
	cx_error_wrap(&lost, "committed, as its token shows, but the result was lost");
	cx_error_hint(&lost, "never run it again: its work is in");
	cx_error_outcome(&lost, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO);
	cx_error_pass(err, lost);
	return status;
}

/* The statement with its token has failed, and nothing is open any more. */
static cdbc_status settle(const cdbc_call *call, bool has_columns, cdbc_error *error,
						  cdbc_result **out, cdbc_error **err)
{
	cdbc_session *session = call->session;
	cdbc_status status = cdbc_error_status(error);
	cdbc_error *copy;

	if (!cx_resolver_must_ask(error)) {
		cx_error_pass(err, error);
		return status;
	}
	copy = cx_error_copy(error);
	status = cx_resolver_settle(session, call->name, &session->token, &error);
	if (!status)
		return found_committed(session, has_columns, copy, out, err);
	cdbc_error_free(copy);
	if (cdbc_error_outcome(error) == CDBC_OUTCOME_ROLLED_BACK) /* it is all here */
		cx_error_outcome(&error, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
	cx_error_pass(err, error);
	return status;
}

/* err is not NULL. */
static cdbc_status execute_with_token(const cdbc_call *call, const cdbc_request *request,
									  cdbc_result **out, cdbc_error **err)
{
	cdbc_session *session = call->session;
	cdbc_error *error = NULL;
	cdbc_request token;
	bool has_columns = false;
	cdbc_value value;
	cdbc_status status = check_token(call, request, err);

	if (!status)
		status = cx_resolver_ready(session, call->deadline_ns, err);
	if (!status)
		status = cx_commit_token_make(&session->token, err);
	if (status)
		return status;
	token = cx_resolver_put(&session->client->resolver, &session->token, &value);
	status = start_unit(call, &token, request, &error);
	if (status) {
		cx_session_drop_lost(session);
	} else {
		has_columns = session->result.schema;
		status = await_first(call, out, &error);
	}
	if (!status && session->result.state == CX_RESULT_OPEN &&
		cx_run_look_ahead(&session->run, &error)) {
		status = cdbc_error_status(error);
		close_run(session);
	}
	return status ? settle(call, has_columns, error, out, err) : CDBC_OK;
}

/* What goes with other statements around it. */
static cdbc_status execute_specially(const cdbc_call *call, const cdbc_request *request,
									 cdbc_result **out, cdbc_error **err)
{
	cdbc_session *session = call->session;
	cdbc_status status;

	if (wants_token(call) && !(request->flags & CDBC_REQUEST_READ_ONLY))
		return execute_with_token(call, request, out, err);
	status = wants_unit(call, request)
				 ? start_unit(call, NULL, request, err)
				 : cx_run_start(&session->run, request, &session->result, err);
	if (status) {
		cx_session_give_lost(session);
		return status;
	}
	return await_first(call, out, err);
}

/* Starts the first request of a transaction, which takes its BEGIN with it. err is not NULL. */
static cdbc_status start_first(cdbc_session *session, const cdbc_request *request, cdbc_error **err)
{
	bool has_begun = false;
	cdbc_status status;

	if (request->flags & CDBC_REQUEST_SIMPLE) {
		status = cx_session_tx_send_begin(session, session->run.deadline_ns, err);
		if (!status)
			return cx_run_start(&session->run, request, &session->result, err);
		cx_session_tx_note(session, *err);
		return status;
	}
	status = cx_run_start_opening(&session->run, session->tx.begin, request, &session->result,
								  &has_begun, err);
	if (has_begun)
		cx_session_tx_begun(session, !status);
	return status;
}

cdbc_status cx_session_execute(cdbc_call *call, cdbc_result **out, cdbc_error **err)
{
	cdbc_session *session = call->session;
	cx_run *run = &session->run;
	cdbc_error *error = NULL;
	cdbc_request request;
	cdbc_status status;

	if (__builtin_expect(session->is_busy, 0))
		return cx_session_check_free(session, err);
	if (__builtin_expect(session->tx.depth > 0 || session->is_text_tx_lost, 0)) {
		status = cx_session_tx_check(session, call->statement, err);
		if (status)
			return status;
	}
	status = cx_session_connect(session, call->deadline_ns, &error);
	if (status) {
		cx_error_pass(err, error);
		return status;
	}
	if (__builtin_expect(session->request_id != 0, 0)) {
		session->was_executed = true;
		cx_session_tell_host(session);
	}
	cx_session_fill_request(call, &request);
	run->lease = &session->lease;
	run->deadline_ns = call->deadline_ns;
	run->on_end = on_end;
	run->self = session;
	session->result.row_count = 0;
	session->token.text[0] = '\0';
	if (__builtin_expect(wants_token(call) || wants_unit(call, &request), 0)) {
		status = execute_specially(call, &request, out, &error);
		cx_error_pass(err, error);
		return status;
	}
	status = __builtin_expect(session->tx.begin != NULL, 0)
				 ? start_first(session, &request, &error)
				 : cx_run_start(run, &request, &session->result, &error);
	if (status) {
		cx_error_pass(err, error);
		cx_session_give_lost(session);
		return status;
	}
	return await_first(call, out, err);
}
