// SPDX-License-Identifier: Apache-2.0
// A list of steps for one connection of the scripted server, or for one moment of it (see
// wire_server_when). Building only; running it is the server's.
#ifndef CDBC_TEST_WIRE_SCRIPT_H
#define CDBC_TEST_WIRE_SCRIPT_H

#include "wire_message.h"

typedef struct wire_script wire_script;

wire_script *wire_script_new(void);
void wire_script_free(wire_script *script);

// Reads the start-up packets (no to encryption) and sends the greeting up to ReadyForQuery.
void wire_script_handshake(wire_script *script);
// Reads the start-up packets only: what follows is the script's.
void wire_script_accept(wire_script *script);
// Reads one message of this type, whose SQL contains the text (NULL: any). Another is a problem
// that wire_server_problems tells, and ends the connection.
void wire_script_expect(wire_script *script, char type, const char *sql);
// Sends the bytes that the caller appends to what this returns (valid until the next step).
wire_bytes *wire_script_send(wire_script *script);
// The same `times` times over.
wire_bytes *wire_script_send_times(wire_script *script, size_t times);
// Sends only the first `limit` of them: a message cut in its middle, when followed by a close.
wire_bytes *wire_script_send_first(wire_script *script, size_t limit);
// Sends them again and again until a cancel request, a release or the client's end.
wire_bytes *wire_script_flood(wire_script *script);
// An error as the server itself would give it: in wire_server_when it also skips until Sync.
void wire_script_error(wire_script *script, const char *sqlstate, const char *message);
// Ends the connection in order (FIN), or with RST.
void wire_script_close(wire_script *script);
void wire_script_reset(wire_script *script);
// Neither reads nor writes: until the server stops; until wire_server_release; until a cancel
// request for this connection (or a release).
void wire_script_stall(wire_script *script);
void wire_script_hold(wire_script *script);
void wire_script_wait_cancel(wire_script *script);
// Goes on as a server with its table until the client leaves.
void wire_script_serve(wire_script *script);
// Only in wire_server_when: gives the normal answer, or its first `limit` bytes (SIZE_MAX: all).
void wire_script_answer(wire_script *script, size_t limit);

// ---- for the server ----

typedef enum wire_step_kind {
	WIRE_STEP_HANDSHAKE,
	WIRE_STEP_ACCEPT,
	WIRE_STEP_EXPECT,
	WIRE_STEP_SEND,
	WIRE_STEP_FLOOD,
	WIRE_STEP_ERROR,
	WIRE_STEP_CLOSE,
	WIRE_STEP_RESET,
	WIRE_STEP_STALL,
	WIRE_STEP_HOLD,
	WIRE_STEP_WAIT_CANCEL,
	WIRE_STEP_SERVE,
	WIRE_STEP_ANSWER,
} wire_step_kind;

typedef struct wire_step {
	wire_step_kind kind;
	char type;
	char *sql;
	wire_bytes bytes;
	size_t times;
	size_t limit;
} wire_step;

size_t wire_script_count(const wire_script *script);
const wire_step *wire_script_step(const wire_script *script, size_t index);
// True when it begins by reading the start-up packets.
bool wire_script_reads_first(const wire_script *script);

#endif
