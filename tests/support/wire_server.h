// SPDX-License-Identifier: Apache-2.0
// A server for tests that speaks the PostgreSQL protocol on 127.0.0.1 in threads of its own. What
// it does on a connection is decided in this order:
//   1. the acts queued for connections (a script, or the replay of a recorded connection byte for
//      byte), each taken by the next connection accepted; cancel requests take none;
//   2. the table of answers, for any order of messages the client chooses;
//   3. neither: the connection is closed.
// Rules (wire_server_when) interrupt 2: at such a message, run this script instead.
//
// Any thread may call any function here. Nothing sleeps: waiting is by events, with a limit in
// milliseconds after which it returns false. A server that is stopped has closed every connection
// and joined every thread, so a client that waits without end is freed by it.
#ifndef CDBC_TEST_WIRE_SERVER_H
#define CDBC_TEST_WIRE_SERVER_H

#include "wire_message.h"
#include "wire_recording.h"
#include "wire_script.h"
#include "wire_table.h"

typedef struct wire_server wire_server;

typedef struct wire_server_options {
	const wire_table *table;  // borrowed, and not changed while the server runs
	char ssl_answer;          // to SSLRequest; 0: 'N'
	char gss_answer;          // to GSSENCRequest; 0: 'N', 'E': the error CockroachDB gives
	int receive_buffer_bytes; // small, so that a client's sends block soon; 0: the system's
	bool has_own_cursors;     // each connection begins anew with the table's answers
	bool pauses_at_notes;     // replay waits for wire_server_release at a recorded note
	bool has_no_waiting;      // answers that a cancel brought about are given at once
} wire_server_options;

wire_server *wire_server_start(const wire_server_options *options);
void wire_server_stop(wire_server *server);

uint16_t wire_server_port(const wire_server *server);
// "host=127.0.0.1 port=... user=root dbname=defaultdb sslmode=disable gssencmode=disable", and
// "postgresql://root@127.0.0.1:PORT/defaultdb?sslmode=disable&gssencmode=disable".
const char *wire_server_conninfo(const wire_server *server);
const char *wire_server_url(const wire_server *server);
// Closes the listening socket: new connections are refused, the others go on.
void wire_server_refuse(wire_server *server);

// ---- acts and rules ----

// The next `times` connections (-1: all from now on) run the script, which becomes the server's.
void wire_server_add_script(wire_server *server, wire_script *script, int times);
// The next `times` connections replay the recorded one, which must live as long as the server.
void wire_server_add_replay(wire_server *server, const wire_recorded_connection *connection,
							int times);
// One act for each connection of the recording (cancel requests excepted).
void wire_server_add_recording(wire_server *server, const wire_recording *recording);
// The next `times` messages (-1: all) of this type (0: any) whose SQL contains the text (NULL:
// any) run the script, which becomes the server's. For Bind, Describe, Execute it is the SQL of
// their statement. Connections with an act of their own know rules only once they `serve`.
void wire_server_when(wire_server *server, char type, const char *sql, int times,
					  wire_script *script);

// ---- events from the test ----

// Lets one connection that holds, or waits for a cancel, go on; now or as soon as one does.
void wire_server_release(wire_server *server);
// Every connection forgets its prepared statements: the next Bind gets 26000.
void wire_server_forget_statements(wire_server *server);

typedef enum wire_end {
	WIRE_STAY,
	WIRE_CLOSE,
	WIRE_RESET,
} wire_end;

// Sends the bytes on every open connection that waits for its client, then ends it or not: a
// drain, an administrator's kill, a notice out of the blue.
void wire_server_push(wire_server *server, const wire_bytes *bytes, wire_end end);

// ---- what was seen ----

typedef struct wire_logged {
	size_t connection; // in the order of acceptance, from 0
	char type;
	const char *sql; // of Parse, Query, and of the statement of Bind and Execute; or NULL
	const uint8_t *body;
	size_t length;
} wire_logged;

// Calls fn for each message from clients under the lock, until it returns false.
void wire_server_each_message(wire_server *server,
							  bool (*fn)(void *data, const wire_logged *logged), void *data);
// How many messages of this type (0: any) whose SQL contains the text (NULL: any).
size_t wire_server_count(wire_server *server, char type, const char *sql);
// Whether a client's SQL text (Parse or Query) contains it; whether any message's bytes do.
bool wire_server_sql_contains(wire_server *server, const char *text);
bool wire_server_bytes_contain(wire_server *server, const void *bytes, size_t length);

typedef struct wire_cancel {
	uint32_t pid;
	uint32_t key;
	bool is_known; // some open connection has this key
} wire_cancel;

size_t wire_server_cancel_count(wire_server *server);
bool wire_server_cancel_at(wire_server *server, size_t index, wire_cancel *out);
// Connections accepted so far (cancel requests excepted); and those still open.
size_t wire_server_connection_count(wire_server *server);
size_t wire_server_open_count(wire_server *server);

// Waits until so many messages, cancels, open connections, holding connections are there.
bool wire_server_wait_message(wire_server *server, char type, const char *sql, size_t count,
							  int64_t limit_ms);
bool wire_server_wait_cancel(wire_server *server, size_t count, int64_t limit_ms);
bool wire_server_wait_open(wire_server *server, size_t count, int64_t limit_ms);
bool wire_server_wait_holding(wire_server *server, size_t count, int64_t limit_ms);

// What did not go as the recording or the script says, a line each; NULL when all went well. The
// caller frees it.
char *wire_server_problems(wire_server *server);

#endif
