// SPDX-License-Identifier: Apache-2.0
// A recording of tests/recordings as it stands in its JSON file: connections, and their messages
// in order. What to make of them belongs to wire_table (answers) and wire_server (replay).
#ifndef CDBC_TEST_WIRE_RECORDING_H
#define CDBC_TEST_WIRE_RECORDING_H

#include <jansson.h>

#include "wire_message.h"

typedef enum wire_origin {
	WIRE_FROM_CLIENT,
	WIRE_FROM_SERVER,
	WIRE_NOTE, // the recorder's remark: time passed here
} wire_origin;

enum { WIRE_EOF = '$' }; // the type of the server's end of file

typedef struct wire_recorded {
	wire_origin from;
	wire_message message; // WIRE_STARTUP and its sisters for packets without a letter
	json_t *shown;        // the same for a reader; NULL when the file has none. Borrowed
} wire_recorded;

typedef struct wire_recorded_connection {
	const char *label;
	wire_recorded *messages;
	size_t count;
} wire_recorded_connection;

typedef struct wire_recording {
	const char *scenario;
	wire_recorded_connection *connections;
	size_t count;
	json_t *root;
} wire_recording;

// Loads a file; on failure prints why to stderr and returns NULL.
wire_recording *wire_recording_load(const char *path);
// The file of a scenario: version "v22.1", form "simple" or "extended".
wire_recording *wire_recording_open(const char *version, const char *form, const char *scenario);
void wire_recording_free(wire_recording *recording);

// The first connection so labelled (NULL: the first); NULL when there is none.
const wire_recorded_connection *wire_recording_find(const wire_recording *recording,
													const char *label);

#endif
