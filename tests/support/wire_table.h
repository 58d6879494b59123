// SPDX-License-Identifier: Apache-2.0
// What a server answers to which SQL: learned from recordings, or put in by a test. The wire
// server asks it, whatever order of messages the client chose. It knows no sockets.
//
// A statement may have several answers; they are given in their order, and the last one stays. Each
// is tied to the transaction status it was recorded in, so that `select 1` fails in an aborted
// transaction and works outside. A table also knows what every client says at start-up and between
// transactions (SET, BEGIN, COMMIT, ROLLBACK, SAVEPOINT, DISCARD, DEALLOCATE, SHOW node_id, an
// empty statement); what a test adds goes first.
#ifndef CDBC_TEST_WIRE_TABLE_H
#define CDBC_TEST_WIRE_TABLE_H

#include "wire_recording.h"

typedef struct wire_table wire_table;

typedef enum wire_phase {
	WIRE_NEVER, // it succeeds
	WIRE_AT_PARSE,
	WIRE_AT_BIND,
	WIRE_AT_EXECUTE,
} wire_phase;

typedef struct wire_answer {
	char before; // transaction status it was recorded in (I, T, E); 0: I or T
	char after;  // status after it; 0: follows from its tag
	bool is_binary;
	bool has_rows;
	bool waits_for_cancel; // its error is what a cancel request brings about
	wire_phase fails_at;
	size_t source;          // which recording it came from; 0: the test or built in
	wire_bytes description; // RowDescription, or nothing
	wire_bytes head;        // what follows at Execute
	wire_bytes tail;        // what follows the client's CopyDone or CopyFail
} wire_answer;

typedef enum wire_pick {
	WIRE_PICKED,
	WIRE_UNKNOWN_SQL,    // the table has never heard of it
	WIRE_OTHER_FORMAT,   // it has rows of it, but only in the other format
	WIRE_ABORTED_ALREADY // the transaction is aborted, and so is this
} wire_pick;

wire_table *wire_table_new(void);
void wire_table_free(wire_table *table);

// Learns both files (simple, extended) of a scenario: version "v22.1"; label NULL: all connections.
// False, with the reason on stderr, when one cannot be read.
bool wire_table_add_scenario(wire_table *table, const char *version, const char *scenario,
							 const char *label);
// Learns one connection. Its answers share a source number made up by the caller, not 0.
void wire_table_learn(wire_table *table, const wire_recorded_connection *connection, size_t source);
// Adds an answer: messages as a simple query gives them, without ReadyForQuery.
void wire_table_add(wire_table *table, const char *sql, const wire_bytes *messages, bool is_binary);
// The same for every statement that begins so (case does not matter); the longest prefix wins.
void wire_table_add_prefix(wire_table *table, const char *prefix, const wire_bytes *messages);
// Adds answer number index of sql (as it was learned) once more, at the end.
bool wire_table_repeat(wire_table *table, const char *sql, size_t index);
// What Describe says of the statement's parameters, where the recording does not know.
void wire_table_set_parameters(wire_table *table, const char *sql, const uint32_t *type_ids,
							   size_t count);

// ---- for the server ----

// The messages from AuthenticationOk to ReadyForQuery; the first recording's, or a plain one.
const wire_bytes *wire_table_greeting(const wire_table *table);

// How often each answer was given: one for a server, or one a connection. Not locked.
typedef struct wire_cursors {
	size_t (*used)[3];
} wire_cursors;

void wire_cursors_init(wire_cursors *cursors, const wire_table *table);
void wire_cursors_fini(wire_cursors *cursors);

bool wire_table_knows(const wire_table *table, const char *sql);
// Finds the answer to give now; with `peek` it will be found again. *out only when WIRE_PICKED.
wire_pick wire_table_pick(const wire_table *table, wire_cursors *cursors, const char *sql,
						  char status, bool is_binary, bool peek, const wire_answer **out);
// A RowDescription that some answer has; false: the statement returns no rows.
bool wire_table_describe(const wire_table *table, const char *sql, wire_message *out);
// Type ids of the parameters, or NULL when unknown.
const uint32_t *wire_table_parameters(const wire_table *table, const char *sql, size_t *count);
// The transaction status after these messages, by tag or error, where nothing is recorded.
char wire_status_after(char status, const wire_bytes *messages);

// ---- for wire_learn.c ----

void wire_table_take(wire_table *table, const char *sql, wire_answer *answer);
void wire_table_set_description(wire_table *table, const char *sql, const wire_message *message);
bool wire_table_has_from_other(const wire_table *table, const char *sql, bool is_binary,
							   size_t source);
void wire_table_set_greeting(wire_table *table, const wire_bytes *messages);
void wire_answer_free(wire_answer *answer);

#endif
