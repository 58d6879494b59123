// SPDX-License-Identifier: Apache-2.0
/* Writing fields. A field is written whole or taken back; room for the end is always kept. */
#include "service/observe/line.h"

#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define END_ROOM 3 /* } and a line feed, and the NUL of printing */

static bool put(cx_line *line, const char *bytes, size_t n)
{
	if (line->length + n > sizeof line->text - END_ROOM)
		return false;
	memcpy(line->text + line->length, bytes, n);
	line->length += n;
	return true;
}

static bool put_key(cx_line *line, const char *key)
{
	bool is_json = line->format == CX_LINE_JSON;
	bool is_first = line->length == (is_json ? 1u : 0u);

	if (!is_first && !put(line, is_json ? "," : " ", 1))
		return false;
	return (!is_json || put(line, "\"", 1)) && put(line, key, strlen(key)) &&
		   put(line, is_json ? "\":" : "=", is_json ? 2 : 1);
}

static void put_field(cx_line *line, const char *key, const char *format, ...) CDBC_PRINTF(3, 4);
static void put_field(cx_line *line, const char *key, const char *format, ...)
{
	size_t before = line->length;
	char text[64];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!put_key(line, key) || !put(line, text, (size_t)n))
		line->length = before;
}

void cx_line_begin(cx_line *line, cx_line_format format)
{
	line->format = format;
	line->length = 0;
	if (format == CX_LINE_JSON)
		put(line, "{", 1);
}

void cx_line_end(cx_line *line)
{
	if (line->format == CX_LINE_JSON)
		line->text[line->length++] = '}';
	line->text[line->length++] = '\n';
}

void cx_line_int(cx_line *line, const char *key, int64_t number)
{
	put_field(line, key, "%lld", (long long)number);
}

void cx_line_ms(cx_line *line, const char *key, int64_t ns)
{
	put_field(line, key, "%lld.%03lld", (long long)(ns / 1000000), (long long)(ns / 1000 % 1000));
}

void cx_line_hex(cx_line *line, const char *key, uint64_t number)
{
	put_field(line, key, line->format == CX_LINE_JSON ? "\"%016llx\"" : "%016llx",
			  (unsigned long long)number);
}

void cx_line_bool(cx_line *line, const char *key, bool is_true)
{
	put_field(line, key, "%s", is_true ? "true" : "false");
}

/* ---- texts ---- */

/* A word that needs no quotes in logfmt. */
static bool is_bare(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return length > 0;
}

/* Escaped, at most max bytes of it, with dots where it was cut. */
static bool put_escaped(cx_line *line, const char *text, size_t length, size_t max)
{
	const char *end = text + length;
	size_t left = max;
	char room[8];

	while (text < end) {
		cdbc_text piece = cx_json_piece(&text, end, room);

		if (piece.length > left) /* only a run of ASCII may be cut */
			return (*piece.data == '\\' || *piece.data & 0x80 || put(line, piece.data, left)) &&
				   put(line, "...", 3);
		if (!put(line, piece.data, piece.length))
			return false;
		left -= piece.length;
	}
	return true;
}

static void put_text(cx_line *line, const char *key, const char *text, size_t length, size_t max)
{
	size_t before = line->length;
	bool is_quoted = line->format == CX_LINE_JSON || !is_bare(text, length);

	if (!put_key(line, key) || (is_quoted && !put(line, "\"", 1)) ||
		!put_escaped(line, text, length, max) || (is_quoted && !put(line, "\"", 1)))
		line->length = before;
}

void cx_line_text(cx_line *line, const char *key, const char *text, size_t max)
{
	if (text)
		put_text(line, key, text, strlen(text), max);
}

/* ---- values ---- */

typedef struct room {
	char *text;
	size_t length, capacity;
} room;

static void room_put(room *r, const char *text, size_t length)
{
	if (length > r->capacity - r->length)
		length = r->capacity - r->length;
	memcpy(r->text + r->length, text, length);
	r->length += length;
}

static void room_putf(room *r, const char *format, ...) CDBC_PRINTF(2, 3);
static void room_putf(room *r, const char *format, ...)
{
	char text[64];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	room_put(r, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static void put_value(room *r, const cdbc_value *value)
{
	switch (value->kind) {
	case CDBC_VALUE_NULL:
		room_put(r, "null", 4);
		break;
	case CDBC_VALUE_BOOL:
		room_putf(r, "%s", value->as.boolean ? "true" : "false");
		break;
	case CDBC_VALUE_INT64:
		room_putf(r, "%lld", (long long)value->as.int64);
		break;
	case CDBC_VALUE_DOUBLE:
		room_putf(r, "%.17g", value->as.float64);
		break;
	case CDBC_VALUE_TEXT:
		room_put(r, "'", 1);
		room_put(r, value->as.text.data, value->as.text.length);
		room_put(r, "'", 1);
		break;
	case CDBC_VALUE_BYTES:
		room_putf(r, "%zu bytes", value->as.text.length);
		break;
	case CDBC_VALUE_ARRAY:
		room_put(r, "[", 1);
		for (size_t i = 0; i < value->as.array.count && r->length < r->capacity; i++) {
			if (i)
				room_put(r, ", ", 2);
			if (value->as.array.items[i].kind != CDBC_VALUE_ARRAY)
				put_value(r, &value->as.array.items[i]);
		}
		room_put(r, "]", 1);
		break;
	}
}

void cx_line_values(cx_line *line, const char *key, const cdbc_value *values, size_t count,
					size_t max)
{
	char text[CX_SINK_LINE_MAX];
	room r = {text, 0, sizeof text};

	for (size_t i = 0; i < count && r.length < r.capacity; i++) {
		if (i)
			room_put(&r, ", ", 2);
		put_value(&r, &values[i]);
	}
	put_text(line, key, text, r.length, max);
}
