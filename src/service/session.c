// SPDX-License-Identifier: Apache-2.0
/* A session's life: acquired, given a connection when a request needs one, released. What it runs
 * is in request.c. */
#include "service/session.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <string.h>

#define RELEASE_GRACE_MS 1000
#define CANCEL_MS        5000

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
	if (cx_identity_copy(&session->identity, options, err))
		return CDBC_NOMEM;
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

static inline cdbc_session *take_spare(cdbc_client *client)
{
	cdbc_session *session = atomic_load_explicit(&client->spare, memory_order_relaxed);

	if (session && session != CX_SPARE_CLOSED &&
		atomic_compare_exchange_strong_explicit(&client->spare, &session, NULL,
												memory_order_acquire, memory_order_relaxed))
		return session;
	return NULL;
}

/* The spare session or a new one, with a reference to the client. */
static cdbc_session *session_get(cdbc_client *client)
{
	cdbc_session *session = take_spare(client);

	if (session)
		return session;
	session = cx_alloc(sizeof *session);
	if (!session)
		return NULL;
	memset(session, 0, offsetof(cdbc_session, run));
	session->run.cursor = NULL;
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

	if (__builtin_expect(session->catalog && !cx_session_is_current(session), 0)) {
		cdbc_catalog_free(session->catalog);
		session->catalog = NULL;
	}
	if (!atomic_load_explicit(&client->spare, memory_order_relaxed) &&
		atomic_compare_exchange_strong_explicit(&client->spare, &none, session,
												memory_order_release, memory_order_relaxed))
		return; /* the client may be gone already */
	cx_session_free(session);
}

void cx_session_free(cdbc_session *session)
{
	cdbc_client *client = session->client;

	cdbc_catalog_free(session->catalog);
	cx_free(session->spare_answer);
	cx_free(session);
	cx_client_unref(client);
}

void cx_session_trim_spare(cdbc_client *client)
{
	cdbc_session *session = take_spare(client);

	if (!session)
		return;
	cdbc_catalog_free(session->catalog);
	session->catalog = NULL;
	session_put(session);
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
			status = cx_session_connect(session, cx_session_deadline(session->timeout_ms), &error);
		if (status) {
			cx_error_pass(err, error);
			cdbc_session_release(session);
			return status;
		}
	}
	*out = session;
	return CDBC_OK;
}

/* A session is not given back by the function that runs on it: its caller still holds it. */
static void refuse_release(cdbc_session *session)
{
	cdbc_error *error = NULL;

	cx_error_set(&error, CDBC_USAGE, "the session was released within its own transaction");
	cx_error_hint(&error,
				  "release it when cdbc_session_transact has returned: until then it stays");
	cx_session_tx_note(session, error);
	cdbc_error_free(error);
}

void cdbc_session_release(cdbc_session *session)
{
	if (!session)
		return;
	if (session->tx.fn_depth) {
		refuse_release(session);
		return;
	}
	if (session->is_lent) {
		session->is_given_back = true;
		return;
	}
	if (session->copy)
		cx_copy_abort(session->copy);
	if (session->is_busy)
		cx_session_close_result(session);
	if (session->tx.depth) {
		cx_session_tell_tx_end(session, session->tx.name, 1, false, NULL);
		cx_session_tx_forget(session);
	}
	session->is_text_tx_lost = false;
	if (session->lease.conn)
		cx_lease_give(&session->lease, RELEASE_GRACE_MS);
	if (session->settings)
		free_settings(session);
	if (session->identity.is_somebody)
		cx_identity_fini(&session->identity);
	session->is_busy = false;
	session_put(session);
}

cdbc_status cdbc_client_with_session(cdbc_client *client, const cdbc_session_options *options,
									 cdbc_status (*fn)(cdbc_session *session, void *data,
													   cdbc_error **err),
									 void *data, cdbc_error **err)
{
	cdbc_session *session;
	cdbc_error *error = NULL;
	cdbc_status status = cdbc_client_acquire(client, options, &session, err);

	if (status)
		return status;
	session->is_lent = true;
	status = fn(session, data, &error);
	if (session->is_given_back && !status) {
		cx_error_clear(&error);
		status = cx_error_set(&error, CDBC_USAGE, "the session was released by its own function");
		cx_error_hint(&error, "cdbc_client_with_session releases it: until then it stays");
		cx_error_outcome(&error, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	}
	session->is_lent = session->is_given_back = false;
	cdbc_session_release(session);
	if (!status)
		cdbc_error_free(error); /* of what fn has dealt with */
	else if (error)
		cx_error_pass(err, error);
	else
		cx_error_set(err, status, "the session's function failed");
	return status;
}

cdbc_status cdbc_session_cancel(cdbc_session *session, cdbc_error **err)
{
	cdbc_status status;

	/* whoever is between two attempts just now, and does not wait yet, counts them */
	atomic_fetch_add(&session->cancel_count, 1);
	if (atomic_load(&session->is_waiting)) {
		atomic_store(&session->is_woken, true);
		return CDBC_OK;
	}
	if (cx_pool_stop_waiting(session->client->pool, &session->lease))
		return CDBC_OK;
	status = cx_lease_cancel(&session->lease, session->client->helpers,
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
	session->lease.is_changed = false;
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
		session->tx.is_lost = session->tx.depth > 0;
		cx_lease_give(&session->lease, 0);
	} else if (status) {
		cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE);
	}
	return status;
}

cdbc_status cx_session_connect(cdbc_session *session, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status;

	session->had_no_conn = !session->lease.conn;
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
	session->had_no_conn = status != CDBC_OK;
	return status;
}
