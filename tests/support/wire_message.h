// SPDX-License-Identifier: Apache-2.0
// Messages of the PostgreSQL protocol: building what a server says, reading what a client says.
// Bytes only: no sockets, no threads, no recordings.
#ifndef CDBC_TEST_WIRE_MESSAGE_H
#define CDBC_TEST_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Growing bytes. All zero is empty and ready; a test helper may abort when memory is out.
typedef struct wire_bytes {
	uint8_t *data;
	size_t length;
	size_t capacity;
} wire_bytes;

void wire_bytes_put(wire_bytes *bytes, const void *data, size_t length);
// Drops what stands before offset.
void wire_bytes_shift(wire_bytes *bytes, size_t offset);
void wire_bytes_fini(wire_bytes *bytes);

// Requests before the start-up message have no type letter on the wire; these stand for them in
// logs, scripts and recordings.
enum {
	WIRE_STARTUP = '<',
	WIRE_SSL_REQUEST = '~',
	WIRE_GSS_REQUEST = '!',
	WIRE_CANCEL_REQUEST = '^',
};

// One message: its letter and its body (what follows the length). Borrowed from where it was read.
typedef struct wire_message {
	char type;
	const uint8_t *body;
	size_t length;
} wire_message;

// Reads the message at offset of bytes that hold whole messages. False at the end or when cut off.
bool wire_message_next(const wire_bytes *bytes, size_t *offset, wire_message *out);
// The same for what a client sends first: no letter, a code instead.
char wire_startup_type(const uint8_t *body, size_t length);

// Reading a body piece by piece; `failed` sticks when the body was too short.
typedef struct wire_reader {
	const uint8_t *data;
	size_t length;
	size_t offset;
	bool failed;
} wire_reader;

wire_reader wire_reader_of(const wire_message *message);
uint8_t wire_read_byte(wire_reader *reader);
uint16_t wire_read_u16(wire_reader *reader);
uint32_t wire_read_u32(wire_reader *reader);
// A string ended by NUL, borrowed from the body; "" when it failed.
const char *wire_read_string(wire_reader *reader);
void wire_read_skip(wire_reader *reader, size_t count);

// What Bind says, as far as a server that knows its answers must know.
typedef struct wire_bind {
	const char *portal;
	const char *statement;
	size_t parameter_count;
	bool is_binary; // the first result format code
} wire_bind;

bool wire_read_bind(const wire_message *message, wire_bind *out);
// A field of ErrorResponse or NoticeResponse by its letter; NULL when absent. Borrowed.
const char *wire_error_field(const wire_message *message, char field);

// ---- what a server says: each appends one message ----

typedef struct wire_column {
	const char *name;
	uint32_t type_id;
	int16_t size;
	int32_t typmod; // -1: none
	int16_t format; // 0 text, 1 binary
} wire_column;

// A value of a row; data NULL is NULL.
typedef struct wire_value {
	const void *data;
	size_t length;
} wire_value;

typedef struct wire_error {
	const char *severity; // NULL: ERROR
	const char *sqlstate;
	const char *message;
	const char *detail;
	const char *hint;
	const char *position;
	const char *constraint;
	const char *table;
	const char *schema;
	const char *column;
} wire_error;

void wire_put(wire_bytes *out, char type, const void *body, size_t length);
void wire_put_authentication(wire_bytes *out, uint32_t code); // 0 ok, 3 password, 7 GSS...
void wire_put_parameter_status(wire_bytes *out, const char *name, const char *value);
void wire_put_backend_key(wire_bytes *out, uint32_t pid, uint32_t key);
void wire_put_ready(wire_bytes *out, char status);
void wire_put_row_description(wire_bytes *out, const wire_column *columns, size_t count);
void wire_put_data_row(wire_bytes *out, const wire_value *values, size_t count);
// The same of strings; NULL is NULL.
void wire_put_text_row(wire_bytes *out, const char *const *values, size_t count);
void wire_put_command_complete(wire_bytes *out, const char *tag);
void wire_put_error(wire_bytes *out, const wire_error *error);
void wire_put_error_text(wire_bytes *out, const char *sqlstate, const char *message);
void wire_put_notice(wire_bytes *out, const wire_error *notice);
void wire_put_parameter_description(wire_bytes *out, const uint32_t *type_ids, size_t count);
void wire_put_parse_complete(wire_bytes *out);
void wire_put_bind_complete(wire_bytes *out);
void wire_put_close_complete(wire_bytes *out);
void wire_put_no_data(wire_bytes *out);
void wire_put_empty_query(wire_bytes *out);
void wire_put_portal_suspended(wire_bytes *out);
void wire_put_copy_in_response(wire_bytes *out, int16_t column_count);
// A RowDescription's body again, with every column in the given format.
void wire_put_row_description_as(wire_bytes *out, const wire_message *description, int16_t format);

#endif
