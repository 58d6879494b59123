// SPDX-License-Identifier: Apache-2.0
/* A request of a session: parameters bound, a connection taken, the statement run, its end told. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "service/session.h"

#include <string.h>

#define FEW_VALUES 16

static void emit(cdbc_session *session, cdbc_event_kind kind, const cdbc_error *error)
{
	cdbc_event event = {.kind = kind,
						.id = session->request_id,
						.time_ns = cx_clock_now_ns(),
						.name = session->run.name,
						.attempt = 1,
						.error = error};

	if (kind == CDBC_EVENT_REQUEST_END) {
		event.duration_ns = event.time_ns - session->started_ns;
		event.row_count = session->result.row_count;
	} else {
		session->started_ns = event.time_ns;
	}
	cx_events_emit(&session->client->events, &event);
}

/* The run has ended, well or not. */
static void on_end(void *self, const cdbc_error *error)
{
	cdbc_session *session = self;

	if (session->request_id)
		emit(session, CDBC_EVENT_REQUEST_END, error);
	session->request_id = 0;
	if (session->statement) {
		cx_statement_unref(session->statement);
		session->statement = NULL;
	}
}

/* The next request takes another connection. */
static void give_lost(cdbc_session *session)
{
	const cx_conn *conn = session->lease.conn;

	if (conn && conn->driver->state(conn->handle).is_lost)
		cx_lease_give(&session->lease, 0);
}

static void close_result(void *self)
{
	cdbc_session *session = self;

	cx_run_close(&session->run, &session->result);
	session->is_busy = false;
	if (__builtin_expect(!cx_run_is_clean(&session->run), 0))
		give_lost(session);
}

static cdbc_status session_fetch(void *self, struct ArrowArray *out, cdbc_error **err)
{
	cdbc_session *session = self;

	return cx_run_fetch(&session->run, out, err);
}

static const cdbc_summary *session_summary(void *self)
{
	cdbc_session *session = self;

	return cx_run_summary(&session->run);
}

static void session_refuse(void *self, cdbc_status status, cdbc_error **err)
{
	cdbc_session *session = self;

	cx_run_refuse(&session->run, status, err);
}

static const cx_result_source session_source = {session_fetch, session_summary, session_refuse,
												close_result};

/* What a request needs besides its statement and values. */
typedef struct ask {
	const char *name;
	const cx_query *query; /* NULL: SQL text */
	const cx_statement *statement;
	const cdbc_value *values;
	const cdbc_request_options *options;
	int64_t deadline_ns; /* 0: still to be reckoned */
} ask;

static int64_t deadline_of(const cdbc_session *session, const ask *a)
{
	int64_t timeout_ms = session->timeout_ms;

	if (a->query && a->query->timeout_ms)
		timeout_ms = a->query->timeout_ms;
	if (a->options && a->options->timeout_ms)
		timeout_ms = a->options->timeout_ms;
	return cx_session_deadline(timeout_ms);
}

/* Whether the mark promises few rows, or none. */
static bool is_small(cdbc_cardinality cardinality)
{
	return cardinality == CDBC_ONE || cardinality == CDBC_ZERO_OR_ONE ||
		   cardinality == CDBC_SCALAR || cardinality == CDBC_EXEC || cardinality == CDBC_EXEC_ROWS;
}

static void fill_request(const cdbc_session *session, const ask *a, cdbc_request *request)
{
	const cx_result_options *defaults = &session->client->results;
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
static void set_limits(cdbc_result *result, const ask *a)
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

/* Sends the request and waits for its first batch, its end or its failure. The last link of the
 * chain. */
static cdbc_status execute(cdbc_session *session, const ask *a, cdbc_result **out, cdbc_error **err)
{
	cx_run *run = &session->run;
	cdbc_result *result = &session->result;
	cdbc_error *error = NULL;
	cdbc_request request;
	cdbc_status status;

	run->deadline_ns = a->deadline_ns ? a->deadline_ns : deadline_of(session, a);
	run->name = a->name;
	if (__builtin_expect(session->client->events.wanted &
							 (CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END),
						 0)) {
		session->request_id = 1 + atomic_fetch_add(&session->client->request_serial, 1);
		result->row_count = 0;
		emit(session, CDBC_EVENT_REQUEST_START, NULL);
	}
	status = cx_session_connect(session, run->deadline_ns, &error);
	if (status) {
		on_end(session, error);
		cx_error_pass(err, error);
		return status;
	}
	fill_request(session, a, &request);
	run->lease = &session->lease;
	run->on_end = on_end;
	run->self = session;
	status = cx_run_start(run, &request, result, err);
	if (status) {
		give_lost(session);
		return status;
	}
	result->source = &session_source;
	result->self = session;
	set_limits(result, a);
	session->is_busy = true;
	if (cx_result_load(result, &error) || result->state == CX_RESULT_COMPLETE) {
		*out = result;
		return CDBC_OK;
	}
	status = cdbc_error_status(error);
	cx_error_pass(err, error);
	close_result(session);
	return status;
}

static cdbc_status check_free(const cdbc_session *session, cdbc_error **err)
{
	if (session->is_busy) {
		cx_error_set(err, CDBC_USAGE, "the session's last result is still open");
		cx_error_hint(err, "free it first, or use another session");
		return CDBC_USAGE;
	}
	return CDBC_OK;
}

/* Room for values: few on the caller's stack, many on the heap. */
static cdbc_value *values_room(size_t count, cdbc_value *few, cdbc_error **err)
{
	cdbc_value *many;

	if (count <= FEW_VALUES)
		return few;
	many = cx_calloc(count, sizeof *many);
	if (!many)
		cx_error_nomem(err);
	return many;
}

static inline cdbc_status bind_text(cdbc_session *session, const cx_statement *statement,
									cdbc_params params, cdbc_value *values, cdbc_error **err)
{
	cx_server_values server;

	if (!cx_statement_wants_server(statement))
		return cx_statement_bind(statement, params, values, err);
	cx_identity_fill(&session->identity, &server);
	return cx_statement_bind_server(statement, params, &server, values, err);
}

cdbc_status cdbc_session_query(cdbc_session *session, const char *sql, cdbc_params params,
							   const cdbc_request_options *options, cdbc_result **out,
							   cdbc_error **err)
{
	cdbc_value few[FEW_VALUES], *values;
	ask a = {.options = options};
	cx_statement *statement;
	cdbc_status status;

	if (__builtin_expect(session->is_busy, 0))
		return check_free(session, err);
	status = cx_statements_get(session->client->statements, sql, strlen(sql), &statement, err);
	if (status)
		return status;
	values = values_room(statement->param_count, few, err);
	if (!values) {
		cx_statement_unref(statement);
		return CDBC_NOMEM;
	}
	status = bind_text(session, statement, params, values, err);
	if (status) {
		cx_statement_unref(statement);
	} else {
		session->statement = statement; /* on_end gives it back */
		a.statement = statement;
		a.values = values;
		status = execute(session, &a, out, err);
	}
	if (values != few)
		cx_free(values);
	return status;
}

static void warn_deprecated(cdbc_session *session, const cx_query *query)
{
	cdbc_event event = {
		.kind = CDBC_EVENT_DEPRECATED, .name = query->info.name, .text = query->deprecated};

	cx_events_emit(&session->client->events, &event);
}

cdbc_status cdbc_session_run(cdbc_session *session, const char *name, cdbc_params params,
							 const cdbc_request_options *options, cdbc_result **out,
							 cdbc_error **err)
{
	cdbc_client *client = session->client;
	const char *dialect = atomic_load_explicit(&client->dialect, memory_order_relaxed);
	cdbc_value few[FEW_VALUES], *values;
	ask a = {.options = options};
	const cdbc_catalog *catalog;
	cx_server_values server;
	cdbc_error *error = NULL;
	cdbc_status status;

	if (__builtin_expect(session->is_busy, 0))
		return check_free(session, err);
	catalog = cx_session_catalog(session);
	if (!dialect) { /* which variant is meant is known once connected */
		status = cx_catalog_find(catalog, name, NULL, &a.query, err);
		if (status)
			return status;
		a.deadline_ns = deadline_of(session, &a);
		status = cx_session_connect(session, a.deadline_ns, &error);
		if (status) {
			cx_error_pass(err, error);
			return status;
		}
		dialect = atomic_load_explicit(&client->dialect, memory_order_relaxed);
	}
	status = cx_catalog_find(catalog, name, dialect ? dialect : "postgresql", &a.query, err);
	if (status)
		return status;
	a.name = a.query->info.name;
	values = values_room(cx_query_room(a.query), few, err);
	if (!values)
		return CDBC_NOMEM;
	if (cx_query_wants_server(a.query))
		cx_identity_fill(&session->identity, &server);
	status = cx_query_bind(a.query, client->style, params, &server, values, &a.statement, err);
	if (!status) {
		if (a.query->deprecated)
			warn_deprecated(session, a.query);
		a.values = values;
		status = execute(session, &a, out, err);
	}
	if (values != few)
		cx_free(values);
	return status;
}
