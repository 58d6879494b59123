// SPDX-License-Identifier: Apache-2.0
// Messages of the PostgreSQL protocol as bytes. No sockets, no threads, no recordings here.
#include "wire_message.h"

#include <stdlib.h>
#include <string.h>

void wire_bytes_put(wire_bytes *bytes, const void *data, size_t length)
{
	if (length == 0)
		return;
	if (bytes->capacity - bytes->length < length) {
		size_t capacity = bytes->capacity > 0 ? bytes->capacity : 256;
		while (capacity - bytes->length < length)
			capacity *= 2;
		uint8_t *grown = realloc(bytes->data, capacity);
		if (grown == NULL)
			abort();
		bytes->data = grown;
		bytes->capacity = capacity;
	}
	memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

void wire_bytes_shift(wire_bytes *bytes, size_t offset)
{
	if (offset == 0)
		return;
	bytes->length -= offset;
	memmove(bytes->data, bytes->data + offset, bytes->length);
}

void wire_bytes_fini(wire_bytes *bytes)
{
	free(bytes->data);
	*bytes = (wire_bytes){0};
}

static uint32_t load_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool wire_message_next(const wire_bytes *bytes, size_t *offset, wire_message *out)
{
	if (bytes->length - *offset < 5)
		return false;
	const uint8_t *p = bytes->data + *offset;
	size_t length = load_u32(p + 1);
	if (length < 4 || bytes->length - *offset - 1 < length)
		return false;
	*out = (wire_message){.type = (char)p[0], .body = p + 5, .length = length - 4};
	*offset += 1 + length;
	return true;
}

char wire_startup_type(const uint8_t *body, size_t length)
{
	switch (length >= 4 ? load_u32(body) : 0) {
	case 80877102:
		return WIRE_CANCEL_REQUEST;
	case 80877103:
		return WIRE_SSL_REQUEST;
	case 80877104:
		return WIRE_GSS_REQUEST;
	default:
		return WIRE_STARTUP;
	}
}

wire_reader wire_reader_of(const wire_message *message)
{
	return (wire_reader){.data = message->body, .length = message->length};
}

void wire_read_skip(wire_reader *reader, size_t count)
{
	if (reader->failed || reader->length - reader->offset < count)
		reader->failed = true;
	else
		reader->offset += count;
}

uint8_t wire_read_byte(wire_reader *reader)
{
	size_t at = reader->offset;
	wire_read_skip(reader, 1);
	return reader->failed ? 0 : reader->data[at];
}

uint16_t wire_read_u16(wire_reader *reader)
{
	size_t at = reader->offset;
	wire_read_skip(reader, 2);
	return reader->failed ? 0 : (uint16_t)(reader->data[at] << 8 | reader->data[at + 1]);
}

uint32_t wire_read_u32(wire_reader *reader)
{
	size_t at = reader->offset;
	wire_read_skip(reader, 4);
	return reader->failed ? 0 : load_u32(reader->data + at);
}

const char *wire_read_string(wire_reader *reader)
{
	size_t left = reader->failed ? 0 : reader->length - reader->offset;
	const char *text = left > 0 ? (const char *)reader->data + reader->offset : NULL;
	const char *end = text != NULL ? memchr(text, 0, left) : NULL;
	if (end == NULL) {
		reader->failed = true;
		return "";
	}
	reader->offset += (size_t)(end - text) + 1;
	return text;
}

bool wire_read_bind(const wire_message *message, wire_bind *out)
{
	wire_reader reader = wire_reader_of(message);
	wire_bind bind = {0};
	bind.portal = wire_read_string(&reader);
	bind.statement = wire_read_string(&reader);
	wire_read_skip(&reader, 2 * (size_t)wire_read_u16(&reader));
	bind.parameter_count = wire_read_u16(&reader);
	for (size_t i = 0; i < bind.parameter_count && !reader.failed; i++) {
		uint32_t length = wire_read_u32(&reader);
		if (length != UINT32_MAX)
			wire_read_skip(&reader, length);
	}
	bind.is_binary = wire_read_u16(&reader) > 0 && wire_read_u16(&reader) == 1;
	if (reader.failed)
		return false;
	*out = bind;
	return true;
}

const char *wire_error_field(const wire_message *message, char field)
{
	wire_reader reader = wire_reader_of(message);
	for (uint8_t letter = wire_read_byte(&reader); letter != 0; letter = wire_read_byte(&reader)) {
		const char *value = wire_read_string(&reader);
		if (reader.failed)
			return NULL;
		if (letter == (uint8_t)field)
			return value;
	}
	return NULL;
}

// ---- building ----

static void put_u16(wire_bytes *out, uint16_t value)
{
	uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};
	wire_bytes_put(out, bytes, sizeof bytes);
}

static void put_u32(wire_bytes *out, uint32_t value)
{
	uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
					   (uint8_t)value};
	wire_bytes_put(out, bytes, sizeof bytes);
}

static void put_string(wire_bytes *out, const char *text)
{
	wire_bytes_put(out, text, strlen(text) + 1);
}

// Begins a message whose length message_end fills in; gives where it began.
static size_t message_begin(wire_bytes *out, char type)
{
	size_t start = out->length;
	wire_bytes_put(out, &type, 1);
	put_u32(out, 0);
	return start;
}

static void message_end(wire_bytes *out, size_t start)
{
	size_t length = out->length - start - 1;
	for (size_t i = 0; i < 4; i++)
		out->data[start + 1 + i] = (uint8_t)(length >> (8 * (3 - i)));
}

void wire_put(wire_bytes *out, char type, const void *body, size_t length)
{
	size_t start = message_begin(out, type);
	wire_bytes_put(out, body, length);
	message_end(out, start);
}

void wire_put_authentication(wire_bytes *out, uint32_t code)
{
	size_t start = message_begin(out, 'R');
	put_u32(out, code);
	message_end(out, start);
}

void wire_put_parameter_status(wire_bytes *out, const char *name, const char *value)
{
	size_t start = message_begin(out, 'S');
	put_string(out, name);
	put_string(out, value);
	message_end(out, start);
}

void wire_put_backend_key(wire_bytes *out, uint32_t pid, uint32_t key)
{
	size_t start = message_begin(out, 'K');
	put_u32(out, pid);
	put_u32(out, key);
	message_end(out, start);
}

void wire_put_ready(wire_bytes *out, char status)
{
	wire_put(out, 'Z', &status, 1);
}

void wire_put_row_description(wire_bytes *out, const wire_column *columns, size_t count)
{
	size_t start = message_begin(out, 'T');
	put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		put_string(out, columns[i].name);
		put_u32(out, 0);
		put_u16(out, 0);
		put_u32(out, columns[i].type_id);
		put_u16(out, (uint16_t)columns[i].size);
		put_u32(out, (uint32_t)columns[i].typmod);
		put_u16(out, (uint16_t)columns[i].format);
	}
	message_end(out, start);
}

void wire_put_data_row(wire_bytes *out, const wire_value *values, size_t count)
{
	size_t start = message_begin(out, 'D');
	put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		put_u32(out, values[i].data != NULL ? (uint32_t)values[i].length : UINT32_MAX);
		if (values[i].data != NULL)
			wire_bytes_put(out, values[i].data, values[i].length);
	}
	message_end(out, start);
}

void wire_put_text_row(wire_bytes *out, const char *const *values, size_t count)
{
	size_t start = message_begin(out, 'D');
	put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		size_t length = values[i] != NULL ? strlen(values[i]) : 0;
		put_u32(out, values[i] != NULL ? (uint32_t)length : UINT32_MAX);
		wire_bytes_put(out, values[i], length);
	}
	message_end(out, start);
}

void wire_put_command_complete(wire_bytes *out, const char *tag)
{
	wire_put(out, 'C', tag, strlen(tag) + 1);
}

static void put_field(wire_bytes *out, char letter, const char *value)
{
	if (value == NULL)
		return;
	wire_bytes_put(out, &letter, 1);
	put_string(out, value);
}

static void put_fields(wire_bytes *out, char type, const wire_error *error, const char *severity)
{
	size_t start = message_begin(out, type);
	severity = error->severity != NULL ? error->severity : severity;
	put_field(out, 'S', severity);
	put_field(out, 'V', severity);
	put_field(out, 'C', error->sqlstate);
	put_field(out, 'M', error->message);
	put_field(out, 'D', error->detail);
	put_field(out, 'H', error->hint);
	put_field(out, 'P', error->position);
	put_field(out, 's', error->schema);
	put_field(out, 't', error->table);
	put_field(out, 'c', error->column);
	put_field(out, 'n', error->constraint);
	wire_bytes_put(out, "", 1);
	message_end(out, start);
}

void wire_put_error(wire_bytes *out, const wire_error *error)
{
	put_fields(out, 'E', error, "ERROR");
}

void wire_put_error_text(wire_bytes *out, const char *sqlstate, const char *message)
{
	wire_put_error(out, &(wire_error){.sqlstate = sqlstate, .message = message});
}

void wire_put_notice(wire_bytes *out, const wire_error *notice)
{
	put_fields(out, 'N', notice, "NOTICE");
}

void wire_put_parameter_description(wire_bytes *out, const uint32_t *type_ids, size_t count)
{
	size_t start = message_begin(out, 't');
	put_u16(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++)
		put_u32(out, type_ids[i]);
	message_end(out, start);
}

void wire_put_parse_complete(wire_bytes *out)
{
	wire_put(out, '1', NULL, 0);
}

void wire_put_bind_complete(wire_bytes *out)
{
	wire_put(out, '2', NULL, 0);
}

void wire_put_close_complete(wire_bytes *out)
{
	wire_put(out, '3', NULL, 0);
}

void wire_put_no_data(wire_bytes *out)
{
	wire_put(out, 'n', NULL, 0);
}

void wire_put_empty_query(wire_bytes *out)
{
	wire_put(out, 'I', NULL, 0);
}

void wire_put_portal_suspended(wire_bytes *out)
{
	wire_put(out, 's', NULL, 0);
}

void wire_put_copy_in_response(wire_bytes *out, int16_t column_count)
{
	size_t start = message_begin(out, 'G');
	wire_bytes_put(out, "", 1);
	put_u16(out, (uint16_t)column_count);
	for (int16_t i = 0; i < column_count; i++)
		put_u16(out, 0);
	message_end(out, start);
}

void wire_put_row_description_as(wire_bytes *out, const wire_message *description, int16_t format)
{
	size_t start = out->length;
	wire_put(out, 'T', description->body, description->length);
	uint8_t *body = out->data + start + 5;
	wire_reader reader = wire_reader_of(description);
	size_t count = wire_read_u16(&reader);
	for (size_t i = 0; i < count; i++) {
		wire_read_string(&reader);
		wire_read_skip(&reader, 18);
		if (reader.failed)
			return;
		body[reader.offset - 2] = (uint8_t)((uint16_t)format >> 8);
		body[reader.offset - 1] = (uint8_t)format;
	}
}
