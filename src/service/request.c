// SPDX-License-Identifier: Apache-2.0
/* A request of a session: found, allowed, its parameters bound, and handed to the chain; its
 * beginning and its end told. */
#include "base/alloc.h"
#include "base/error.h"
#include "service/session.h"

#include <string.h>

#define FEW_VALUES 16

void cx_session_request_end(cdbc_session *session, const cdbc_error *error)
{
	if (session->request_id)
		cx_session_tell_end(session, error);
	session->request_id = 0;
	if (session->statement) {
		cx_statement_unref(session->statement);
		session->statement = NULL;
	}
}

cdbc_status cx_session_perform(cdbc_session *session, cdbc_call *call, cdbc_result **out,
							   cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status;

	call->session = session;
	call->attempt = 1;
	if (!session->tx.depth)
		session->has_lost_state = false;
	session->run.name = call->name;
	session->run.was_unknown = false;
	if (__builtin_expect(session->client->events.wanted & CX_WATCHED, 0))
		cx_session_tell_start(session, call);
	session->is_in_chain = true;
	status = cdbc_next_run(session->client->chain.places, call, out, &error);
	session->is_in_chain = false;
	if (status) {
		if (!error) /* a link of the application's may fail without a word */
			cdbc_call_fail(call, status, cdbc_status_text(status), &error);
		cx_session_locate(call, &error);
		cx_session_request_end(session, error);
		cx_error_pass(err, error);
	}
	return status;
}

static int64_t deadline_of(const cdbc_session *session, cdbc_call *call)
{
	int64_t timeout_ms = session->timeout_ms, deadline_ns;

	if (call->query && call->query->timeout_ms)
		timeout_ms = call->query->timeout_ms;
	if (call->options && call->options->timeout_ms)
		timeout_ms = call->options->timeout_ms;
	if (cx_session_is_coarse(timeout_ms)) {
		call->asked_ns = cx_clock_coarse_ns();
		deadline_ns = call->asked_ns + timeout_ms * CX_NS_PER_MS;
	} else {
		deadline_ns = cx_deadline_after_ms(timeout_ms);
	}
	return session->tx.depth ? cx_deadline_sooner(deadline_ns, session->tx.deadline_ns)
							 : deadline_ns;
}

cdbc_status cx_session_check_free(const cdbc_session *session, cdbc_error **err)
{
	if (session->is_busy) {
		cx_error_set(err, CDBC_USAGE, "the session's last result, or a copy, is still open");
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

cdbc_status cx_session_bind_text(cdbc_session *session, const cx_statement *statement,
								 cdbc_params params, cdbc_value *values, cdbc_error **err)
{
	cx_server_values server;

	if (!cx_statement_wants_server(statement))
		return cx_statement_bind(statement, params, values, err);
	cx_identity_fill(&session->identity, &server);
	return cx_statement_bind_server(statement, params, &server, values, err);
}

/* Connects, which tells what the server speaks. */
static cdbc_status learn_dialect(cdbc_session *session, cdbc_call *call, const cx_dialect **out,
								 cdbc_error **err)
{
	cx_breaker *breaker = &session->client->breaker;
	cx_breaker_ticket ticket;
	cdbc_error *error = NULL;
	cdbc_status status = cx_breaker_ask(breaker, &ticket, err);

	if (status)
		return status;
	call->deadline_ns = deadline_of(session, call);
	status = cx_session_connect(session, call->deadline_ns, &error);
	cx_breaker_tell(breaker, &ticket, error);
	if (status) {
		cx_error_pass(err, error);
		return status;
	}
	*out = atomic_load_explicit(&session->client->dialect, memory_order_relaxed);
	return CDBC_OK;
}

cdbc_status cx_session_dialect(cdbc_session *session, cdbc_call *call, const cx_dialect **out,
							   cdbc_error **err)
{
	*out = atomic_load_explicit(&session->client->dialect, memory_order_relaxed);
	if (!*out && cx_dialect_has_added()) /* it may be one with placeholders of its own */
		return learn_dialect(session, call, out, err);
	return CDBC_OK;
}

static cdbc_status query_text(cdbc_session *session, const char *sql, cdbc_params params,
							  const cdbc_request_options *options, cdbc_result **out,
							  cdbc_error **err)
{
	cdbc_value few[FEW_VALUES], *values;
	cdbc_call call = {.text = sql, .options = options};
	const cdbc_client *client = session->client;
	const cx_dialect *dialect;
	cx_statement *statement;
	cdbc_status status;

	if (__builtin_expect(session->is_busy, 0))
		return cx_session_check_free(session, err);
	status = cx_session_dialect(session, &call, &dialect, err);
	if (!status)
		status = cx_statements_get(client->statements, cx_client_writes(client, dialect), sql,
								   strlen(sql), &statement, err);
	if (status)
		return status;
	values = values_room(statement->param_count, few, err);
	if (!values) {
		cx_statement_unref(statement);
		return CDBC_NOMEM;
	}
	status = cx_session_bind_text(session, statement, params, values, err);
	if (status) {
		cx_statement_unref(statement);
	} else {
		session->statement = statement; /* given back when the request ends */
		call.statement = statement;
		call.values = values;
		call.deadline_ns = deadline_of(session, &call);
		status = cx_session_perform(session, &call, out, err);
	}
	if (values != few)
		cx_free(values);
	return status;
}

cdbc_status cx_session_failed(cdbc_session *session, cdbc_status status, cdbc_error *error,
							  cdbc_error **err)
{
	if (session->tx.depth)
		cx_session_tx_note(session, error);
	cx_error_pass(err, error);
	return status;
}

cdbc_status cdbc_session_query(cdbc_session *session, const char *sql, cdbc_params params,
							   const cdbc_request_options *options, cdbc_result **out,
							   cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = query_text(session, sql, params, options, out, &error);

	return __builtin_expect(!status, 1) ? CDBC_OK : cx_session_failed(session, status, error, err);
}

static void warn_deprecated(cdbc_session *session, const cx_query *query)
{
	cdbc_event event = {
		.kind = CDBC_EVENT_DEPRECATED, .name = query->info.name, .text = query->deprecated};

	cx_events_emit(&session->client->events, &event);
}

/* Whether the session's user has one of the roles that the query names. */
static cdbc_status check_roles(const cdbc_session *session, const cx_query *query, cdbc_error **err)
{
	if (cx_identity_has_role(&session->identity, query->roles, query->role_count))
		return CDBC_OK;
	cx_error_set(err, CDBC_DENIED, "query \"%s\": %s has none of the roles that may run it",
				 query->info.name,
				 session->identity.user ? session->identity.user : "the session's user");
	cx_error_field(err, CDBC_FIELD_STATEMENT, query->info.name);
	cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	return CDBC_DENIED;
}

cdbc_status cx_session_find(cdbc_session *session, const char *name, cdbc_call *call,
							const cx_dialect **dialect, cdbc_error **err)
{
	const cdbc_catalog *catalog = cx_session_catalog(session);
	cdbc_status status;

	*dialect = atomic_load_explicit(&session->client->dialect, memory_order_relaxed);
	if (!*dialect) { /* which variant is meant is known once connected */
		status = cx_catalog_find(catalog, name, NULL, &call->query, err);
		if (status)
			return status;
		status = learn_dialect(session, call, dialect, err);
		if (status)
			return status;
	}
	if (session->found && session->found_for == *dialect &&
		strcmp(session->found->info.name, name) == 0) { /* the same as the last */
		call->query = session->found;
	} else {
		status = cx_catalog_find(catalog, name, *dialect ? *dialect : &cx_dialect_postgresql,
								 &call->query, err);
		if (status)
			return status;
		session->found = call->query;
		session->found_for = *dialect;
	}
	call->name = call->query->info.name;
	return call->query->role_count ? check_roles(session, call->query, err) : CDBC_OK;
}

cdbc_status cx_session_bind(cdbc_session *session, cdbc_call *call, const cx_dialect *dialect,
							cdbc_params params, cdbc_value *values, cdbc_error **err)
{
	cx_server_values server;
	cdbc_status status;

	if (cx_query_wants_server(call->query))
		cx_identity_fill(&session->identity, &server);
	status = cx_query_bind(call->query, cx_client_writes(session->client, dialect), params, &server,
						   values, &call->statement, err);
	if (!status && call->query->deprecated)
		warn_deprecated(session, call->query);
	return status;
}

static cdbc_status run_named(cdbc_session *session, const char *name, cdbc_params params,
							 const cdbc_request_options *options, cdbc_result **out,
							 cdbc_error **err)
{
	cdbc_value few[FEW_VALUES], *values;
	cdbc_call call = {.options = options};
	const cx_dialect *dialect;
	cdbc_status status;

	if (__builtin_expect(session->is_busy, 0))
		return cx_session_check_free(session, err);
	status = cx_session_find(session, name, &call, &dialect, err);
	if (status)
		return status;
	values = values_room(cx_query_room(call.query), few, err);
	if (!values)
		return CDBC_NOMEM;
	status = cx_session_bind(session, &call, dialect, params, values, err);
	if (!status) {
		call.values = values;
		if (!call.deadline_ns)
			call.deadline_ns = deadline_of(session, &call);
		status = cx_session_perform(session, &call, out, err);
	}
	if (values != few)
		cx_free(values);
	return status;
}

cdbc_status cdbc_session_run(cdbc_session *session, const char *name, cdbc_params params,
							 const cdbc_request_options *options, cdbc_result **out,
							 cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = run_named(session, name, params, options, out, &error);

	return __builtin_expect(!status, 1) ? CDBC_OK : cx_session_failed(session, status, error, err);
}
