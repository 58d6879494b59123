// SPDX-License-Identifier: Apache-2.0
/* The executor: the last link of the chain. A call becomes a driver's request on the session's
 * connection; a call that is to be a transaction of its own goes with its BEGIN and COMMIT. */
#include "base/error.h"
#include "data/exec/transaction.h"
#include "service/session.h"

#include <string.h>

#define BEGIN_MAX 256

/* The run has ended, well or not. */
static void on_end(void *self, const cdbc_error *error)
{
	cdbc_session *session = self;

	if (error && session->tx.depth)
		cx_session_tx_note(session, error);
	if (session->unfinished.links) {
		cdbc_finish finish = {.name = session->run.name,
							  .error = error,
							  .summary = &session->run.summary,
							  .row_count = session->result.row_count};

		cx_chain_finish(&session->client->chain, &session->unfinished, &finish);
	}
	if (!session->is_in_chain)
		cx_session_request_end(session, error);
}

void cx_session_give_lost(cdbc_session *session)
{
	const cx_conn *conn = session->lease.conn;

	if (!conn || !conn->driver->state(conn->handle).is_lost)
		return;
	if (session->tx.depth)
		session->tx.is_lost = true;
	else if (session->run.summary.tx_before != CDBC_TX_IDLE &&
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

void cx_session_close_result(cdbc_session *session)
{
	if (!session->is_busy)
		return;
	cx_run_close(&session->run, &session->result);
	session->is_busy = false;
	if (__builtin_expect(!cx_run_is_clean(&session->run), 0))
		cx_session_give_lost(session);
}

static void source_close(void *self)
{
	cx_session_close_result(self);
}

static cdbc_status source_fetch(void *self, struct ArrowArray *out, cdbc_error **err)
{
	cdbc_session *session = self;

	return cx_run_fetch(&session->run, out, err);
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

static void fill_request(const cdbc_call *a, cdbc_request *request)
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
		request->flags |= CDBC_REQUEST_SIMPLE;
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

/* What the query promises of its rows. */
static void set_limits(cdbc_result *result, const cdbc_call *a)
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

static cdbc_status start_unit(const cdbc_call *call, const cdbc_request *request, cdbc_error **err)
{
	cdbc_session *session = call->session;
	const cx_query *query = call->query;
	const char *dialect =
		cx_dialect_family(atomic_load_explicit(&session->client->dialect, memory_order_relaxed));
	cx_begin begin = {query->isolation, query->priority, NULL, query->is_read_only};
	cx_buf text = CX_BUF_INIT(BEGIN_MAX);
	cdbc_status status = cx_begin_write(&begin, dialect, &text, err);

	if (!status)
		status = cx_run_start_unit(&session->run, text.data, request, &session->result, err);
	cx_buf_free(&text);
	return status;
}

/* A query of one value gives one column. */
static cdbc_status check_columns(const cdbc_call *call, cdbc_result *result, cdbc_error **err)
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
	set_limits(result, call);
	session->is_busy = true;
	if (cx_result_load(result, &error) || result->state == CX_RESULT_COMPLETE)
		status = check_columns(call, result, &error);
	else
		status = cdbc_error_status(error);
	if (!status) {
		*out = result;
		return CDBC_OK;
	}
	cx_error_pass(err, error);
	cx_session_close_result(session);
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
	fill_request(call, &request);
	run->lease = &session->lease;
	run->deadline_ns = call->deadline_ns;
	run->on_end = on_end;
	run->self = session;
	session->result.row_count = 0;
	if (__builtin_expect(wants_unit(call, &request), 0))
		status = start_unit(call, &request, err);
	else
		status = cx_run_start(run, &request, &session->result, err);
	if (status) {
		cx_session_give_lost(session);
		return status;
	}
	return await_first(call, out, err);
}
