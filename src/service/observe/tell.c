// SPDX-License-Identifier: Apache-2.0
/* What a session tells those who watch: its requests and transactions, from their beginning to
 * their end, and attempts between. Nothing here runs when nobody watches. */
#include "base/column.h"
#include "base/error.h"
#include "service/session.h"

#include <string.h>

/* ---- facts for events ---- */

/* The bytes of a column's values; texts without their offsets, bits as bits. */
static int64_t column_bytes(cx_storage storage, cx_storage item, const struct ArrowArray *array)
{
	static const int8_t widths[CX_STORAGE_COUNT] = {
		[CX_INT16] = 2,     [CX_INT32] = 4,       [CX_INT64] = 8,       [CX_FLOAT32] = 4,
		[CX_FLOAT64] = 8,   [CX_DATE32] = 4,      [CX_DECIMAL128] = 16, [CX_TIME64] = 8,
		[CX_TIMESTAMP] = 8, [CX_TIMESTAMPTZ] = 8, [CX_INTERVAL] = 16,   [CX_UUID] = 16};
	const int32_t *offsets;

	switch (storage) {
	case CX_BOOL:
		return (array->length + 7) / 8;
	case CX_UTF8:
	case CX_BINARY:
		offsets = array->buffers[1];
		return offsets && array->length
				   ? offsets[array->offset + array->length] - offsets[array->offset]
				   : 0;
	case CX_LIST:
		return array->n_children ? column_bytes(item, item, array->children[0]) : 0;
	default:
		return widths[storage] * array->length;
	}
}

int64_t cx_result_batch_bytes(const cdbc_result *result, const struct ArrowArray *batch)
{
	int64_t bytes = 0;

	if (!batch->release || !result->fields)
		return 0;
	for (int64_t i = 0; i < batch->n_children && i < (int64_t)result->column_count; i++)
		bytes +=
			column_bytes(result->fields[i].storage, result->fields[i].item, batch->children[i]);
	return bytes;
}

void cx_session_tell_host(cdbc_session *session)
{
	const cx_conn *conn = session->lease.conn;
	cdbc_value host;
	size_t length;

	if (conn->serial == session->host_serial && session->host[0])
		return;
	session->host[0] = '\0';
	session->host_serial = conn->serial;
	if (conn->driver->info(conn->handle, CDBC_INFO_HOST, &host, NULL) ||
		host.kind != CDBC_VALUE_TEXT)
		return;
	length =
		host.as.text.length < sizeof session->host ? host.as.text.length : sizeof session->host - 1;
	memcpy(session->host, host.as.text.data, length);
	session->host[length] = '\0';
}

/* ---- requests ---- */

void cx_session_tell_start(cdbc_session *session, const cdbc_call *call)
{
	cdbc_client *client = session->client;
	cdbc_event event = {.kind = CDBC_EVENT_REQUEST_START,
						.time_ns = cx_clock_now_ns(),
						.name = call->name,
						.attempt = 1,
						.transaction_id = session->transaction_id,
						.affected_count = -1};

	session->request_id = 1 + atomic_fetch_add(&client->request_serial, 1);
	session->started_ns = event.time_ns;
	session->attempt = 1;
	session->byte_count = 0;
	session->was_executed = false;
	session->cache_use = CX_CACHE_NONE;
	session->result.row_count = 0;
	session->fingerprint = cx_statement_fingerprint(call->statement);
	event.id = session->request_id;
	event.fingerprint = session->fingerprint;
	if (client->tells_values) {
		event.values = call->values;
		event.value_count = call->statement->param_count;
	}
	cx_events_emit(&client->events, &event);
}

static const char *cache_word(cx_cache_found found)
{
	switch (found) {
	case CX_CACHE_HIT:
		return "hit";
	case CX_CACHE_LOAD:
		return "miss";
	case CX_CACHE_WAIT:
		return "wait";
	case CX_CACHE_PASS:
		return "pass";
	default:
		return NULL;
	}
}

void cx_session_tell_end(cdbc_session *session, const cdbc_error *error)
{
	const char *host = error ? cdbc_error_field(error, CDBC_FIELD_HOST) : NULL;
	cdbc_event event = {.kind = CDBC_EVENT_REQUEST_END,
						.id = session->request_id,
						.time_ns = cx_clock_now_ns(),
						.name = session->run.name,
						.attempt = session->attempt,
						.row_count = session->result.row_count,
						.error = error,
						.transaction_id = session->transaction_id,
						.fingerprint = session->fingerprint,
						.byte_count = session->byte_count,
						.affected_count = -1,
						.cache = cache_word(session->cache_use)};

	event.duration_ns = event.time_ns - session->started_ns;
	event.host = host ? host : session->was_executed && session->host[0] ? session->host : NULL;
	if (!error && session->was_executed)
		event.affected_count = session->run.summary.affected_count;
	cx_events_emit(&session->client->events, &event);
}

void cx_session_tell_statement(cdbc_session *session, const cx_told *told)
{
	cdbc_client *client = session->client;
	cdbc_event event = {.kind = CDBC_EVENT_REQUEST_START,
						.id = 1 + atomic_fetch_add(&client->request_serial, 1),
						.time_ns = told->started_ns,
						.name = told->call->name,
						.attempt = 1,
						.transaction_id = session->transaction_id,
						.fingerprint = cx_statement_fingerprint(told->call->statement),
						.affected_count = -1};

	if (client->tells_values) {
		event.values = told->call->values;
		event.value_count = told->call->statement->param_count;
	}
	cx_events_emit(&client->events, &event);
	event.kind = CDBC_EVENT_REQUEST_END;
	event.time_ns = cx_clock_now_ns();
	event.duration_ns = event.time_ns - told->started_ns;
	event.values = NULL;
	event.value_count = 0;
	event.attempt = told->attempt;
	event.error = told->error;
	event.row_count = told->row_count;
	event.byte_count = told->byte_count;
	event.affected_count = told->affected_count;
	event.host = told->error ? cdbc_error_field(told->error, CDBC_FIELD_HOST) : NULL;
	if (!event.host && session->host[0])
		event.host = session->host;
	cx_events_emit(&client->events, &event);
}

void cx_session_tell_attempt(cdbc_session *session, const char *name, int64_t attempt,
							 const cdbc_error *error)
{
	bool is_request = session->is_in_chain; /* else it is the whole transaction's */
	cdbc_event event = {.kind = CDBC_EVENT_ATTEMPT,
						.id = is_request ? session->request_id : session->transaction_id,
						.name = name,
						.host = cdbc_error_field(error, CDBC_FIELD_HOST),
						.attempt = attempt,
						.error = error,
						.transaction_id = session->transaction_id,
						.fingerprint = is_request ? session->fingerprint : 0,
						.affected_count = -1};

	session->attempt = attempt + 1;
	cx_events_emit(&session->client->events, &event);
}

/* ---- transactions ---- */

void cx_session_tell_tx_start(cdbc_session *session, const char *name)
{
	cdbc_event event = {
		.kind = CDBC_EVENT_TRANSACTION_START, .name = name, .attempt = 1, .affected_count = -1};

	if (!(session->client->events.wanted & CX_WATCHED))
		return;
	session->transaction_id = 1 + atomic_fetch_add(&session->client->request_serial, 1);
	session->tx_began_ns = event.time_ns = cx_clock_now_ns();
	event.id = event.transaction_id = session->transaction_id;
	cx_events_emit(&session->client->events, &event);
}

void cx_session_tell_tx_end(cdbc_session *session, const char *name, int64_t attempt,
							bool is_commit, const cdbc_error *error)
{
	cdbc_event event = {.kind = CDBC_EVENT_TRANSACTION_END,
						.id = session->transaction_id,
						.time_ns = cx_clock_now_ns(),
						.name = name,
						.attempt = attempt,
						.text = is_commit ? "commit" : "rollback",
						.error = error,
						.transaction_id = session->transaction_id,
						.affected_count = -1};

	if (!session->transaction_id)
		return;
	session->transaction_id = 0;
	event.duration_ns = event.time_ns - session->tx_began_ns;
	cx_events_emit(&session->client->events, &event);
}
