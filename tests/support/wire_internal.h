// SPDX-License-Identifier: Apache-2.0
// What the files of the wire server share: connections, and the server's state behind its lock.
// Not for tests.
#ifndef CDBC_TEST_WIRE_INTERNAL_H
#define CDBC_TEST_WIRE_INTERNAL_H

#include <pthread.h>

#include "wire_server.h"

typedef struct wire_conn {
	wire_server *server;
	size_t number;
	int fd;
	pthread_t thread;
	struct wire_conn *next;
	// its thread's own
	wire_bytes in, out;
	size_t in_taken; // bytes of `in` that belong to the message last read
	bool keeps_output;
	wire_end end;
	bool is_started; // its start-up packet was read
	// behind the server's lock
	int wake_fd;
	bool is_finished, is_counted, is_holding, is_cancelled, has_key, forgets;
	uint32_t pid, key;
	wire_bytes pushed;
	wire_end pushed_end;
} wire_conn;

typedef struct wire_act {
	wire_script *script;
	const wire_recorded_connection *replay;
	int times;
	struct wire_act *next;
} wire_act;

typedef struct wire_rule {
	char type;
	char *sql;
	int times;
	wire_script *script;
	struct wire_rule *next;
} wire_rule;

typedef struct wire_log_entry {
	wire_logged logged;
	char *sql;
	uint8_t *body;
} wire_log_entry;

struct wire_server {
	wire_server_options options;
	wire_table *own_table; // when the options have none: for the greeting
	int listen_fd, wake_fd;
	uint16_t port;
	char conninfo[160], url[160];
	pthread_t thread;
	// The lock protects everything below, and what wire_conn says.
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_stopping, is_refusing;
	wire_conn *conns;
	size_t conn_count, accepted_count, open_count, holding_count, ticket_count;
	wire_act *acts;
	wire_rule *rules;
	wire_cursors cursors;
	wire_log_entry *log;
	size_t log_count, log_capacity;
	wire_cancel *cancels;
	size_t cancel_count;
	char **problems;
	size_t problem_count;
};

// ---- wire_conn.c: bytes in and out, and waiting ----

// Reads the next message, answering pushes while it waits; false: the connection is over. The body
// is valid until the next read.
bool wire_conn_read(wire_conn *conn, wire_message *out);
// The same for a packet before start-up.
bool wire_conn_read_startup(wire_conn *conn, wire_message *out);
// Sends now; false: the client is gone, or the server stops.
bool wire_conn_send(wire_conn *conn, const void *data, size_t length);
// Sends what is in conn->out, unless keeps_output.
bool wire_conn_flush(wire_conn *conn);

typedef enum wire_wait {
	WIRE_WAIT_STOP,
	WIRE_WAIT_RELEASE,
	WIRE_WAIT_CANCEL,
} wire_wait;

// Waits without reading; false: the server stops. A release ends the wait for a cancel too.
bool wire_conn_wait(wire_conn *conn, wire_wait kind);
// True when a cancel or a release is there, which it takes.
bool wire_conn_is_cancelled(wire_conn *conn);
// What was to be cancelled is over.
void wire_conn_forget_cancel(wire_conn *conn);
// Ends the connection in the way of conn->end, waiting for the client to see it.
void wire_conn_finish(wire_conn *conn);

// ---- wire_log.c ----

void wire_log_message(wire_conn *conn, const wire_message *message, const char *sql);
void wire_log_problem(wire_server *server, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void wire_log_free(wire_server *server);
// Wakes whoever waits for something to change; the lock is held.
void wire_server_changed(wire_server *server);

// ---- wire_session.c: serving from the table ----

typedef struct wire_session wire_session;

// Serves until the client leaves, the server stops, or a rule ends it.
void wire_session_serve(wire_conn *conn);
// For rules: the normal answer of the message at hand, and an error in its place.
bool wire_session_answer(wire_session *session, const wire_message *message);
bool wire_session_fail(wire_session *session, const wire_message *message, const wire_bytes *error);

// ---- wire_act.c: start-up, scripts, replays ----

// What a connection does from its first byte to its last.
void wire_act_run(wire_conn *conn);
// Runs a script; with a session and the message it interrupts for a rule. False: it is over.
bool wire_script_run(wire_conn *conn, const wire_script *script, wire_session *session,
					 const wire_message *message);

// ---- wire_server.c ----

// The rule for this message, its count taken; NULL: none.
const wire_script *wire_server_take_rule(wire_server *server, char type, const char *sql);
// The next act; `is_accepting`: only one that does not begin with the start-up packet. False: none.
bool wire_server_take_act(wire_server *server, bool is_accepting, wire_act *out);
// Counts the connection: it is no cancel request.
void wire_server_count_in(wire_conn *conn);
void wire_server_set_key(wire_conn *conn, uint32_t pid, uint32_t key);
void wire_server_take_cancel(wire_server *server, const wire_message *message);
// CANCEL QUERY of another session: whatever waits for a cancel is cancelled.
void wire_server_cancel_all(wire_server *server);

#endif
