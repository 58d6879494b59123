// SPDX-License-Identifier: Apache-2.0
/* Sessions: parameters bound, a connection taken when a request needs one, the request run, its end
 * told. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "data/exec/run.h"
#include "service/client.h"

#include <cdbc/session.h>
#include <string.h>

#define RELEASE_GRACE_MS 1000
#define CANCEL_MS        5000
#define FEW_VALUES       16

struct cdbc_session {
	cdbc_client *client;
	cx_lease lease;
	bool is_busy; /* a result is open */
	const char *source;
	int64_t timeout_ms;
	cdbc_setting *settings;
	size_t setting_count;
	cx_statement *statement; /* of the open result, when it was given as text */
	uint64_t request_id;     /* of the open result, when somebody watches */
	int64_t started_ns;
	cx_run run;
	cdbc_result result;
};

/* ---- acquire and release ---- */

static void free_settings(cdbc_session *session)
{
	for (size_t i = 0; i < session->setting_count; i++) {
		cx_free((void *)(uintptr_t)session->settings[i].name);
		cx_free((void *)(uintptr_t)session->settings[i].value);
	}
	cx_free(session->settings);
	session->settings = NULL;
	session->setting_count = 0;
}

static cdbc_status copy_options(cdbc_session *session, const cdbc_session_options *options,
								cdbc_error **err)
{
	session->source = options->source;
	if (options->timeout_ms)
		session->timeout_ms = options->timeout_ms;
	if (options->setting_count == 0)
		return CDBC_OK;
	if (session->client->driver->capabilities & CDBC_IS_EMBEDDED) {
		cx_error_set(err, CDBC_UNSUPPORTED, "driver %s has no settings of a session",
					 session->client->driver->name);
		cx_error_hint(err, "give them to every connection, in database.settings");
		return CDBC_UNSUPPORTED;
	}
	session->settings = cx_calloc(options->setting_count, sizeof *session->settings);
	if (!session->settings)
		return cx_error_nomem(err);
	for (size_t i = 0; i < options->setting_count; i++) {
		session->setting_count = i + 1;
		session->settings[i].name = cx_strdup(options->settings[i].key);
		session->settings[i].value = cx_strdup(options->settings[i].value);
		if (!session->settings[i].name || !session->settings[i].value)
			return cx_error_nomem(err);
	}
	return CDBC_OK;
}

static cdbc_status connect(cdbc_session *session, int64_t deadline_ns, cdbc_error **err);

/* By the cheap clock where one of its ticks does not matter. */
static int64_t deadline_in(int64_t timeout_ms)
{
	if (timeout_ms >= 1000 && timeout_ms < INT64_MAX / CX_NS_PER_MS / 2)
		return cx_clock_coarse_ns() + timeout_ms * CX_NS_PER_MS;
	return cx_deadline_after_ms(timeout_ms);
}

/* The spare session or a new one, with a reference to the client. */
static cdbc_session *session_get(cdbc_client *client)
{
	cdbc_session *session = atomic_load_explicit(&client->spare, memory_order_relaxed);

	if (session && session != CX_SPARE_CLOSED &&
		atomic_compare_exchange_strong_explicit(&client->spare, &session, NULL,
												memory_order_acquire, memory_order_relaxed))
		return session;
	session = cx_alloc(sizeof *session);
	if (!session)
		return NULL;
	memset(session, 0, offsetof(cdbc_session, run));
	session->client = client;
	cx_lease_init(&session->lease);
	cx_client_ref(client);
	return session;
}

/* Keeps an empty session for the next acquire, or frees it. */
static void session_put(cdbc_session *session)
{
	cdbc_client *client = session->client;
	cdbc_session *none = NULL;

	if (!atomic_load_explicit(&client->spare, memory_order_relaxed) &&
		atomic_compare_exchange_strong_explicit(&client->spare, &none, session,
												memory_order_release, memory_order_relaxed))
		return; /* the client may be gone already */
	cx_free(session);
	cx_client_unref(client);
}

cdbc_status cdbc_client_acquire(cdbc_client *client, const cdbc_session_options *options,
								cdbc_session **out, cdbc_error **err)
{
	cdbc_session *session;
	cdbc_status status;

	if (atomic_load_explicit(&client->is_closed, memory_order_relaxed))
		return cx_error_set(err, CDBC_CLOSED, "acquire session: the client was closed");
	session = session_get(client);
	if (!session)
		return cx_error_nomem(err);
	session->source = NULL;
	session->timeout_ms = client->timeout_ms;
	if (options) {
		cdbc_error *error = NULL;

		status = copy_options(session, options, &error);
		if (!status && options->connect_now)
			status = connect(session, deadline_in(session->timeout_ms), &error);
		if (status) {
			cx_error_pass(err, error);
			cdbc_session_release(session);
			return status;
		}
	}
	*out = session;
	return CDBC_OK;
}

void cdbc_session_release(cdbc_session *session)
{
	if (!session)
		return;
	if (session->is_busy)
		cx_run_close(&session->run, &session->result);
	if (session->lease.conn)
		cx_lease_give(&session->lease, RELEASE_GRACE_MS);
	if (session->settings)
		free_settings(session);
	session->is_busy = false;
	session_put(session);
}

cdbc_status cdbc_client_with_session(cdbc_client *client, const cdbc_session_options *options,
									 cdbc_status (*fn)(cdbc_session *session, void *data,
													   cdbc_error **err),
									 void *data, cdbc_error **err)
{
	cdbc_session *session;
	cdbc_status status = cdbc_client_acquire(client, options, &session, err);

	if (status)
		return status;
	status = fn(session, data, err);
	cdbc_session_release(session);
	return status;
}

cdbc_status cdbc_session_cancel(cdbc_session *session, cdbc_error **err)
{
	cdbc_status status = cx_lease_cancel(&session->lease, session->client->helpers,
										 cx_deadline_after_ms(CANCEL_MS), err);

	if (status)
		cx_error_wrap(err, "cancel");
	return status;
}

/* ---- a connection ---- */

static cdbc_status apply_setting(cdbc_session *session, const cdbc_setting *setting,
								 int64_t deadline_ns, cdbc_error **err)
{
	cdbc_value values[2] = {cdbc_string(setting->name), cdbc_string(setting->value)};
	cdbc_request request = {.struct_size = sizeof request,
							.sql = "select set_config($1, $2, false)",
							.sql_length = strlen("select set_config($1, $2, false)"),
							.values = values,
							.value_count = 2,
							.kind = CDBC_KIND_SESSION,
							.flags = CDBC_REQUEST_SMALL_RESULT | CDBC_REQUEST_CHANGES_SESSION};
	cx_run run = {.lease = &session->lease, .deadline_ns = deadline_ns};
	cdbc_result result;
	cdbc_status status = cx_run_start(&run, &request, &result, err);

	if (status)
		return status;
	if (!cx_result_load(&result, err) && result.state == CX_RESULT_FAILED)
		status = cdbc_error_status(*err);
	cx_run_close(&run, &result);
	if (!status && cx_lease_has_cancel(&session->lease))
		status = cx_error_set(err, CDBC_CANCELLED, "cancelled");
	return status;
}

/* Applies the session's settings to a fresh connection. err is not NULL. */
static cdbc_status apply_settings(cdbc_session *session, int64_t deadline_ns, cdbc_error **err)
{
	for (size_t i = 0; i < session->setting_count; i++) {
		cdbc_status status = apply_setting(session, &session->settings[i], deadline_ns, err);

		if (status) {
			cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT,
							 status == CDBC_SQL || status == CDBC_CANCELLED ? CDBC_REPLAY_NO
																			: CDBC_REPLAY_SAFE);
			cx_error_wrap(err, "session setting \"%s\"", session->settings[i].name);
			return status;
		}
	}
	return CDBC_OK;
}

/* The rare part of connect, with a connection there: an earlier cancel, or the client's end. err is
 * not NULL. */
static cdbc_status connect_again(cdbc_session *session, int64_t deadline_ns, cdbc_error **err)
{
	const cx_conn *conn = session->lease.conn;
	bool is_idle = conn->driver->state(conn->handle).tx == CDBC_TX_IDLE;
	cdbc_status status;

	if (is_idle &&
		atomic_load(&session->client->is_closed)) /* an open transaction may come to its end */
		return cx_error_set(err, CDBC_CLOSED, "the client was closed");
	status = cx_lease_settle(&session->lease, deadline_ns, err);
	if (status == CDBC_CONNECT) {
		cx_error_outcome(err, is_idle ? CDBC_OUTCOME_NOT_SENT : CDBC_OUTCOME_ROLLED_BACK,
						 is_idle ? CDBC_REPLAY_SAFE : CDBC_REPLAY_TRANSACTION);
		cx_lease_give(&session->lease, 0);
	} else if (status) {
		cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE);
	}
	return status;
}

/* Sees to it that there is a connection, as the session wants it. err is not NULL. */
static cdbc_status connect(cdbc_session *session, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status;

	if (session->lease.conn) {
		if (__builtin_expect(
				cx_lease_has_cancel(&session->lease) ||
					atomic_load_explicit(&session->client->is_closed, memory_order_relaxed),
				0))
			return connect_again(session, deadline_ns, err);
		return CDBC_OK;
	}
	status =
		cx_lease_take(&session->lease, session->client->pool, deadline_ns, session->source, err);
	if (status)
		return status;
	if (__builtin_expect(!session->lease.conn->is_known, 0))
		status = cx_client_note_dialect(session->client, session->lease.conn, err);
	if (!status && session->setting_count)
		status = apply_settings(session, deadline_ns, err);
	if (status) /* half prepared, it is not for the next request */
		cx_lease_give(&session->lease, RELEASE_GRACE_MS);
	return status;
}

/* ---- a request ---- */

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
	return deadline_in(timeout_ms);
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
	status = connect(session, run->deadline_ns, &error);
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

/* Room for a statement's values: few on the caller's stack, many on the heap. */
static cdbc_value *values_room(const cx_statement *statement, cdbc_value *few, cdbc_error **err)
{
	cdbc_value *many;

	if (statement->param_count <= FEW_VALUES)
		return few;
	many = cx_calloc(statement->param_count, sizeof *many);
	if (!many)
		cx_error_nomem(err);
	return many;
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
	values = values_room(statement, few, err);
	if (!values) {
		cx_statement_unref(statement);
		return CDBC_NOMEM;
	}
	status = cx_statement_bind(statement, params, values, err);
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
	cdbc_error *error = NULL;
	cdbc_status status;

	if (__builtin_expect(session->is_busy, 0))
		return check_free(session, err);
	if (!dialect) { /* which variant is meant is known once connected */
		status = cx_catalog_find(client->catalog, name, NULL, &a.query, err);
		if (status)
			return status;
		a.deadline_ns = deadline_of(session, &a);
		status = connect(session, a.deadline_ns, &error);
		if (status) {
			cx_error_pass(err, error);
			return status;
		}
		dialect = atomic_load_explicit(&client->dialect, memory_order_relaxed);
	}
	status =
		cx_catalog_find(client->catalog, name, dialect ? dialect : "postgresql", &a.query, err);
	if (status)
		return status;
	a.name = a.query->info.name;
	a.statement =
		client->style == CX_PLACEHOLDER_QUESTION ? a.query->statement_qmark : a.query->statement;
	values = values_room(a.statement, few, err);
	if (!values)
		return CDBC_NOMEM;
	status = cx_query_bind(a.query, a.statement, params, values, err);
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
