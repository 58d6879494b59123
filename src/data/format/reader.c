// SPDX-License-Identifier: Apache-2.0
/* The readers' common part: which there are, lines out of pieces that end anywhere, and rows handed
 * over. What a record looks like is the affair of each. */
#include "data/format/reader_internal.h"

#include <stdarg.h>
#include <stdio.h>

#define FIRST_ROOM 16

static const cx_reader_class *const classes[] = {&cx_reader_csv, &cx_reader_tsv, &cx_reader_ndjson,
												 &cx_reader_arrow};

cdbc_status cx_reader_open(const char *format, const cx_reader_options *options,
						   const cx_reader_sink *sink, cx_reader **out, cdbc_error **err)
{
	cx_reader *reader = NULL;
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		if (strcmp(classes[i]->name, format) != 0)
			continue;
		reader = cx_calloc(1, sizeof *reader);
		if (!reader)
			return cx_error_nomem(err);
		reader->own = classes[i];
	}
	if (!reader) {
		cx_error_set(err, CDBC_UNSUPPORTED, "format \"%s\" is not read", format);
		cx_error_hint(err, "csv, tsv, ndjson and arrow are");
		return CDBC_UNSUPPORTED;
	}
	reader->sink = *sink;
	reader->options = *options;
	reader->line = 1;
	cx_buf_init(&reader->text, 4 * CX_READER_RECORD_MAX + 64);
	cx_buf_init(&reader->carry, CX_READER_RECORD_MAX);
	if (reader->own->open)
		status = reader->own->open(reader, err);
	if (status)
		cx_reader_free(reader);
	else
		*out = reader;
	return status;
}

void cx_reader_free(cx_reader *reader)
{
	if (!reader)
		return;
	if (reader->own->fini)
		reader->own->fini(reader);
	cx_buf_free(&reader->text);
	cx_buf_free(&reader->carry);
	cx_free(reader->values);
	cx_free(reader);
}

/* ---- rows ---- */

cdbc_status cx_reader_value(cx_reader *reader, cdbc_value value, cdbc_error **err)
{
	if (reader->value_count == reader->value_room) {
		size_t room = reader->value_room ? reader->value_room * 2 : FIRST_ROOM;
		cdbc_value *grown;

		if (reader->value_count >= CX_READER_COLUMN_MAX)
			return cx_error_set(err, CDBC_DATA, "more than %d values in a row",
								CX_READER_COLUMN_MAX);
		grown = cx_realloc(reader->values, room * sizeof *grown);
		if (!grown)
			return cx_error_nomem(err);
		reader->values = grown;
		reader->value_room = room;
	}
	reader->values[reader->value_count++] = value;
	return CDBC_OK;
}

cdbc_status cx_reader_bad(const cx_reader *reader, const char *from, const char *at,
						  cdbc_error **err, const char *format, ...)
{
	int64_t line = reader->line;
	const char *newline, *p = from;
	int64_t column = 1;
	va_list args;

	va_start(args, format);
	cx_error_setv(err, CDBC_DATA, format, args);
	va_end(args);
	for (; (newline = memchr(p, '\n', (size_t)(at - p))); p = newline + 1)
		line++;
	for (; p < at; p++)
		column += ((unsigned char)*p & 0xc0) != 0x80;
	cx_error_place(err, "", line, column);
	return CDBC_DATA;
}

static cdbc_status hand_names(cx_reader *reader, cdbc_error **err)
{
	cdbc_text *names = cx_calloc(reader->value_count, sizeof *names);
	cdbc_status status;

	if (!names)
		return cx_error_nomem(err);
	for (size_t i = 0; i < reader->value_count; i++)
		names[i] = reader->values[i].kind == CDBC_VALUE_TEXT ? reader->values[i].as.text
															 : (cdbc_text){"", 0};
	reader->has_names = true;
	status = reader->sink.names(reader->sink.self, names, reader->value_count, err);
	cx_free(names);
	return status;
}

cdbc_status cx_reader_row(cx_reader *reader, const char *raw, size_t length, cdbc_error **err)
{
	cx_record record = {reader->values, reader->value_count, raw ? reader->line : 0, raw, length};

	reader->is_handed = true;
	if (reader->options.has_header && !reader->has_names)
		return hand_names(reader, err);
	return reader->sink.row(reader->sink.self, &record, err);
}

/* ---- lines ---- */

/* One record, without its line end. */
static cdbc_status record(cx_reader *reader, const char *p, const char *end, cdbc_error **err)
{
	size_t length = (size_t)(end - p);
	cx_record raw = {NULL, 0, reader->line, p, length};
	cdbc_error *error = NULL;
	cdbc_status status;

	cx_buf_clear(&reader->text);
	reader->value_count = 0;
	reader->is_handed = false;
	/* values point into it: it must not move */
	if (!cx_buf_reserve(&reader->text, length * 4 + 16))
		return cx_buf_status(&reader->text, "record", err);
	status = reader->own->record(reader, p, length, &error);
	if (!status)
		return CDBC_OK;
	if (status == CDBC_DATA && !reader->is_handed && error && cdbc_error_line(error) &&
		reader->sink.bad && (reader->has_names || !reader->options.has_header))
		return reader->sink.bad(reader->sink.self, &raw, error, err);
	cx_error_pass(err, error);
	return status;
}

/* Whether a quote after the byte begins a quoted value, or goes on with one: elsewhere it is an
 * error of its own line only. */
static inline bool opens_quote(char before)
{
	return before == ',' || before == '"';
}

/* The line end that closes the record at p, which is the reader's next; *lines counts those in it.
 * NULL: it has not come. */
static const char *record_end(const cx_reader *reader, const char *p, const char *end,
							  int64_t *lines)
{
	const char *begin = p;
	bool in_quotes = false;

	for (*lines = 1;; ++*lines) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		if (!newline || !reader->own->has_quotes)
			return newline;
		for (const char *q = p; (q = memchr(q, '"', (size_t)(newline - q))); q++)
			if (in_quotes || q == begin || opens_quote(q[-1]))
				in_quotes = !in_quotes;
		if (!in_quotes)
			return newline;
		p = newline + 1;
	}
}

/* Hands over the whole records of a text; *p is then where the rest begins. */
static cdbc_status records(cx_reader *reader, const char **p, const char *end, cdbc_error **err)
{
	const char *newline;
	int64_t lines;

	while ((newline = record_end(reader, *p, end, &lines))) {
		const char *last = newline > *p && newline[-1] == '\r' ? newline - 1 : newline;
		cdbc_status status = record(reader, *p, last, err);

		if (status)
			return status;
		reader->line += lines;
		*p = newline + 1;
	}
	return CDBC_OK;
}

static cdbc_status carry(cx_reader *reader, const char *bytes, size_t length, cdbc_error **err)
{
	cdbc_status status;

	if (reader->own->has_quotes) {
		char before = reader->carry.length ? reader->carry.data[reader->carry.length - 1] : ',';

		for (size_t i = 0; i < length; before = bytes[i++])
			if (bytes[i] == '"' && (reader->is_quoted || opens_quote(before)))
				reader->is_quoted = !reader->is_quoted;
	}
	cx_buf_put(&reader->carry, bytes, length);
	status = cx_buf_status(&reader->carry, "record", err);
	if (status == CDBC_RESOURCE) {
		cx_error_wrap(err, "line %lld", (long long)reader->line);
		cx_error_hint(err, "is a quote left open there?");
	}
	return status;
}

/* Takes the mark of UTF-8 that some programs put first, whose bytes may come one by one; what only
 * began like it is carried over. Afterwards all of the text has come, or has_begun is set. */
static cdbc_status skip_mark(cx_reader *reader, const char **p, const char *end, cdbc_error **err)
{
	static const char mark[] = "\xef\xbb\xbf";

	while (*p < end && reader->mark_length < 3 && **p == mark[reader->mark_length]) {
		reader->mark_length++;
		++*p;
	}
	reader->has_begun = *p < end || reader->mark_length == 3;
	if (!reader->has_begun || reader->mark_length == 3)
		return CDBC_OK;
	return carry(reader, mark, reader->mark_length, err);
}

/* What was carried over, up to the first end of a record in the new bytes that may be its own: the
 * new bytes are looked at line by line, each once. */
static cdbc_status join(cx_reader *reader, const char **bytes, const char *end, cdbc_error **err)
{
	while (reader->carry.length && *bytes < end) {
		const char *newline = memchr(*bytes, '\n', (size_t)(end - *bytes));
		const char *to = newline ? newline + 1 : end, *p;
		cdbc_status status = carry(reader, *bytes, (size_t)(to - *bytes), err);

		if (status)
			return status;
		*bytes = to;
		if (!newline)
			return CDBC_OK;
		if (reader->is_quoted)
			continue;
		p = reader->carry.data;
		status = records(reader, &p, reader->carry.data + reader->carry.length, err);
		if (status)
			return status;
		if (p == reader->carry.data + reader->carry.length)
			cx_buf_clear(&reader->carry);
	}
	return CDBC_OK;
}

cdbc_status cx_reader_feed(cx_reader *reader, const char *bytes, size_t length, cdbc_error **err)
{
	const char *p = bytes, *end = bytes + length;
	cdbc_status status;

	if (length == 0)
		return CDBC_OK;
	if (reader->own->feed)
		return reader->own->feed(reader, bytes, length, err);
	status = reader->has_begun ? CDBC_OK : skip_mark(reader, &p, end, err);
	if (!status)
		status = join(reader, &p, end, err);
	if (!status)
		status = records(reader, &p, end, err);
	if (!status && p < end)
		status = carry(reader, p, (size_t)(end - p), err);
	return status;
}

cdbc_status cx_reader_end(cx_reader *reader, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	if (reader->own->end)
		return reader->own->end(reader, err);
	if (!reader->has_begun) /* a mark that was cut short is text */
		status = carry(reader, "\xef\xbb", reader->mark_length, err);
	if (!status && reader->carry.length)
		status = record(reader, reader->carry.data, reader->carry.data + reader->carry.length, err);
	cx_buf_clear(&reader->carry);
	return status;
}
