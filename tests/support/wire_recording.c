// SPDX-License-Identifier: Apache-2.0
// Reads recordings. It knows the file's form, not the protocol's rules.
#include "wire_recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Decodes text of hexadecimal digits; the bytes are malloc'd (never NULL) and the caller's.
static bool decode_hex(const char *text, wire_message *out)
{
	size_t length = strlen(text);
	uint8_t *bytes = calloc(1, length / 2 + 1);
	if (bytes == NULL)
		abort();
	out->body = bytes;
	out->length = length / 2;
	for (size_t i = 0; i < out->length; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return length % 2 == 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}

static bool load_message(const json_t *from, wire_recorded *out)
{
	const char *origin = text_of(from, "from");
	const char *type = text_of(from, "type");
	if (!decode_hex(text_of(from, "hex"), &out->message))
		return false;
	out->shown = json_object_get(from, "shown");
	if (strcmp(origin, "note") == 0) {
		out->from = WIRE_NOTE;
		return true;
	}
	out->from = strcmp(origin, "client") == 0 ? WIRE_FROM_CLIENT : WIRE_FROM_SERVER;
	if (out->from == WIRE_FROM_SERVER && strcmp(origin, "server") != 0)
		return false;
	if (strcmp(type, "EOF") == 0)
		out->message.type = WIRE_EOF;
	else if (type[0] == '\0')
		out->message.type = wire_startup_type(out->message.body, out->message.length);
	else
		out->message.type = type[0];
	return true;
}

static bool load_connection(const json_t *from, wire_recorded_connection *out)
{
	const json_t *messages = json_object_get(from, "messages");
	out->label = text_of(from, "label");
	out->messages = calloc(json_array_size(messages) + 1, sizeof *out->messages);
	if (out->messages == NULL)
		abort();
	for (; out->count < json_array_size(messages); out->count++)
		if (!load_message(json_array_get(messages, out->count), &out->messages[out->count])) {
			out->count++;
			return false;
		}
	return true;
}

wire_recording *wire_recording_load(const char *path)
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error);
	if (root == NULL) {
		fprintf(stderr, "%s:%d:%d: %s\n", path, error.line, error.column, error.text);
		return NULL;
	}
	wire_recording *recording = calloc(1, sizeof *recording);
	const json_t *connections = json_object_get(root, "connections");
	size_t count = json_array_size(connections);
	if (recording == NULL)
		abort();
	recording->root = root;
	recording->scenario = text_of(root, "scenario");
	recording->connections = calloc(count + 1, sizeof *recording->connections);
	if (recording->connections == NULL)
		abort();
	for (size_t i = 0; i < count; i++) {
		recording->count++;
		if (!load_connection(json_array_get(connections, i), &recording->connections[i])) {
			fprintf(stderr, "%s: connection %zu: not a recording\n", path, i);
			wire_recording_free(recording);
			return NULL;
		}
	}
	return recording;
}

wire_recording *wire_recording_open(const char *version, const char *form, const char *scenario)
{
	char path[1024];
	int length = snprintf(path, sizeof path, "%s/%s/%s/%s.json", CDBC_TEST_RECORDINGS, version,
						  form, scenario);
	if (length < 0 || (size_t)length >= sizeof path)
		return NULL;
	return wire_recording_load(path);
}

void wire_recording_free(wire_recording *recording)
{
	if (recording == NULL)
		return;
	for (size_t i = 0; i < recording->count; i++) {
		wire_recorded_connection *connection = &recording->connections[i];
		for (size_t j = 0; j < connection->count; j++)
			free((void *)(uintptr_t)connection->messages[j].message.body);
		free(connection->messages);
	}
	free(recording->connections);
	json_decref(recording->root);
	free(recording);
}

const wire_recorded_connection *wire_recording_find(const wire_recording *recording,
													const char *label)
{
	for (size_t i = 0; i < recording->count; i++)
		if (label == NULL || strcmp(recording->connections[i].label, label) == 0)
			return &recording->connections[i];
	return NULL;
}
