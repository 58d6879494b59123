// SPDX-License-Identifier: Apache-2.0
// What a connection does: start-up, then its script, its replay, or the table.
#include "wire_internal.h"

#include <string.h>

// ---- start-up ----

// CockroachDB's answer to a request for GSS encryption: an error, and the end.
static bool refuse_gss(wire_conn *conn)
{
	wire_put_error_text(&conn->out, "08P01", "GSS encryption is not yet supported");
	conn->end = WIRE_CLOSE;
	wire_conn_flush(conn);
	return false;
}

static bool answer_byte(wire_conn *conn, char answer)
{
	char byte = answer != 0 ? answer : 'N';
	return wire_conn_send(conn, &byte, 1);
}

// Reads up to the start-up message. False: it was a cancel request, or the client is gone.
static bool negotiate(wire_conn *conn)
{
	const wire_server_options *options = &conn->server->options;
	wire_message message;
	while (!conn->is_started && wire_conn_read_startup(conn, &message)) {
		wire_log_message(conn, &message, NULL);
		switch (message.type) {
		case WIRE_SSL_REQUEST:
			if (!answer_byte(conn, options->ssl_answer))
				return false;
			break;
		case WIRE_GSS_REQUEST:
			if (options->gss_answer == 'E')
				return refuse_gss(conn);
			if (!answer_byte(conn, options->gss_answer))
				return false;
			break;
		case WIRE_CANCEL_REQUEST:
			wire_server_take_cancel(conn->server, &message);
			return false;
		default:
			conn->is_started = true;
		}
	}
	return conn->is_started;
}

// Sends the greeting; each connection gets a cancel key of its own that keeps the node's number.
static bool greet(wire_conn *conn)
{
	const wire_table *table = conn->server->options.table;
	const wire_bytes *greeting =
		wire_table_greeting(table != NULL ? table : conn->server->own_table);
	wire_message message;
	for (size_t at = 0; wire_message_next(greeting, &at, &message);) {
		if (message.type != 'K') {
			wire_put(&conn->out, message.type, message.body, message.length);
			continue;
		}
		wire_reader reader = wire_reader_of(&message);
		uint32_t pid = wire_read_u32(&reader), key = wire_read_u32(&reader);
		uint32_t number = (uint32_t)conn->number;
		if (pid != 0) {
			pid = (pid & ~0xfffffU) | ((pid + number) & 0xfffffU);
			key += number;
		}
		wire_server_set_key(conn, pid, key);
		wire_put_backend_key(&conn->out, pid, key);
	}
	return wire_conn_flush(conn);
}

// ---- scripts ----

static const char *sql_of(const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	if (message->type == 'P')
		wire_read_string(&reader);
	return message->type == 'P' || message->type == 'Q' ? wire_read_string(&reader) : NULL;
}

static bool expect(wire_conn *conn, const wire_step *step)
{
	wire_message message;
	if (!wire_conn_read(conn, &message)) {
		wire_log_problem(conn->server, "script: expected %c, but the client left", step->type);
		return false;
	}
	const char *sql = sql_of(&message);
	wire_log_message(conn, &message, sql);
	if (message.type == step->type &&
		(step->sql == NULL || (sql != NULL && strstr(sql, step->sql) != NULL)))
		return true;
	wire_log_problem(conn->server, "script: expected %c %s, got %c %s", step->type,
					 step->sql != NULL ? step->sql : "", message.type, sql != NULL ? sql : "");
	return false;
}

static bool send_step(wire_conn *conn, const wire_step *step)
{
	size_t length = step->bytes.length < step->limit ? step->bytes.length : step->limit;
	bool goes_on = wire_conn_flush(conn);
	for (size_t i = 0; i < step->times && goes_on; i++)
		goes_on = wire_conn_send(conn, step->bytes.data, length);
	return goes_on;
}

static bool flood(wire_conn *conn, const wire_step *step)
{
	if (!wire_conn_flush(conn))
		return false;
	while (!wire_conn_is_cancelled(conn))
		if (!wire_conn_send(conn, step->bytes.data, step->bytes.length))
			return false;
	return true;
}

// Gives the normal answer, but only its first bytes.
static bool answer_part(wire_conn *conn, wire_session *session, const wire_message *message,
						size_t limit)
{
	if (session == NULL || !wire_conn_flush(conn))
		return false;
	conn->keeps_output = limit != SIZE_MAX;
	bool goes_on = wire_session_answer(session, message);
	conn->keeps_output = false;
	if (conn->out.length > limit)
		conn->out.length = limit;
	return wire_conn_flush(conn) && goes_on;
}

static bool end(wire_conn *conn, wire_end how)
{
	wire_conn_flush(conn);
	conn->end = how;
	return false;
}

static bool run_step(wire_conn *conn, const wire_step *step, wire_session *session,
					 const wire_message *message)
{
	switch (step->kind) {
	case WIRE_STEP_HANDSHAKE:
		return negotiate(conn) && greet(conn);
	case WIRE_STEP_ACCEPT:
		return negotiate(conn);
	case WIRE_STEP_EXPECT:
		return expect(conn, step);
	case WIRE_STEP_SEND:
		return send_step(conn, step);
	case WIRE_STEP_FLOOD:
		return flood(conn, step);
	case WIRE_STEP_ERROR:
		return session != NULL ? wire_session_fail(session, message, &step->bytes)
							   : send_step(conn, step);
	case WIRE_STEP_CLOSE:
		return end(conn, WIRE_CLOSE);
	case WIRE_STEP_RESET:
		return end(conn, WIRE_RESET);
	case WIRE_STEP_STALL:
		return wire_conn_flush(conn) && wire_conn_wait(conn, WIRE_WAIT_STOP);
	case WIRE_STEP_HOLD:
		return wire_conn_flush(conn) && wire_conn_wait(conn, WIRE_WAIT_RELEASE);
	case WIRE_STEP_WAIT_CANCEL:
		return wire_conn_flush(conn) && wire_conn_wait(conn, WIRE_WAIT_CANCEL);
	case WIRE_STEP_SERVE:
		wire_session_serve(conn);
		return false;
	case WIRE_STEP_ANSWER:
		return answer_part(conn, session, message, step->limit);
	}
	return false;
}

bool wire_script_run(wire_conn *conn, const wire_script *script, wire_session *session,
					 const wire_message *message)
{
	for (size_t i = 0; i < wire_script_count(script); i++)
		if (!run_step(conn, wire_script_step(script, i), session, message))
			return false;
	if (session == NULL)
		conn->end = WIRE_CLOSE;
	return true;
}

// ---- replays ----

// Reads what the client says where the recording has `expected`. False: the replay is over.
static bool replay_client(wire_conn *conn, const wire_recorded *expected)
{
	wire_message message;
	bool is_startup = strchr("<~!^", expected->message.type) != NULL;
	if (expected->message.type == WIRE_STARTUP)
		return negotiate(conn);
	if (!wire_conn_flush(conn))
		return false;
	for (;;) {
		if (!(is_startup ? wire_conn_read_startup : wire_conn_read)(conn, &message)) {
			if (expected->message.type != 'X')
				wire_log_problem(conn->server, "replay: expected %c, but the client left",
								 expected->message.type);
			return false;
		}
		const char *sql = sql_of(&message);
		wire_log_message(conn, &message, sql);
		if (message.type == expected->message.type)
			return message.type != 'X';
		// How libpq cuts its data, and when it flushes, is its own matter; and where a long
		// recording was thinned out, Describe may be missing.
		if (strchr("dHD", message.type) != NULL)
			continue;
		wire_log_problem(conn->server, "replay: expected %c, got %c %s", expected->message.type,
						 message.type, sql != NULL ? sql : "");
		return false;
	}
}

static bool is_cancelled_error(const wire_message *message)
{
	const char *text = message->type == 'E' ? wire_error_field(message, 'M') : NULL;
	return text != NULL && strcmp(text, "query execution canceled") == 0;
}

static bool replay_server(wire_conn *conn, const wire_message *message)
{
	if (message->type == WIRE_EOF)
		return end(conn, WIRE_CLOSE);
	if (message->type == 'N' && message->length == 0)
		return answer_byte(conn, 'N');
	if (message->type == 'K') {
		wire_reader reader = wire_reader_of(message);
		uint32_t pid = wire_read_u32(&reader);
		wire_server_set_key(conn, pid, wire_read_u32(&reader));
	}
	if (is_cancelled_error(message) && !conn->server->options.has_no_waiting &&
		(!wire_conn_flush(conn) || !wire_conn_wait(conn, WIRE_WAIT_CANCEL)))
		return false;
	wire_put(&conn->out, message->type, message->body, message->length);
	return true;
}

static void replay(wire_conn *conn, const wire_recorded_connection *recorded)
{
	bool goes_on = true;
	for (size_t i = 0; i < recorded->count && goes_on; i++) {
		const wire_recorded *at = &recorded->messages[i];
		if (at->from == WIRE_FROM_CLIENT)
			goes_on = replay_client(conn, at);
		else if (at->from == WIRE_FROM_SERVER)
			goes_on = replay_server(conn, &at->message);
		else if (conn->server->options.pauses_at_notes)
			goes_on = wire_conn_flush(conn) && wire_conn_wait(conn, WIRE_WAIT_RELEASE);
	}
	if (goes_on)
		end(conn, WIRE_CLOSE);
}

// ---- a connection ----

void wire_act_run(wire_conn *conn)
{
	wire_act act = {0};
	bool has_act = wire_server_take_act(conn->server, true, &act);
	if (!has_act) {
		if (!negotiate(conn))
			return;
		has_act = wire_server_take_act(conn->server, false, &act);
	}
	wire_server_count_in(conn);
	if (has_act && act.script != NULL)
		wire_script_run(conn, act.script, NULL, NULL);
	else if (has_act)
		replay(conn, act.replay);
	else if (conn->server->options.table != NULL && greet(conn))
		wire_session_serve(conn);
	else
		conn->end = WIRE_CLOSE;
}
