// SPDX-License-Identifier: Apache-2.0
/* CSV into rows: RFC 4180, as our own writer gives it. An empty value is NULL, "" an empty text.
 * Which types the values have is not known here. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/format/reader.h"

#define FIRST_ROOM 16

void cx_csv_reader_init(cx_csv_reader *reader, cx_reader_row row, void *self)
{
	*reader = (cx_csv_reader){.row = row, .self = self, .line = 1};
	cx_buf_init(&reader->carry, CX_READER_RECORD_MAX);
	cx_buf_init(&reader->text, CX_READER_RECORD_MAX);
}

void cx_csv_reader_fini(cx_csv_reader *reader)
{
	cx_buf_free(&reader->carry);
	cx_buf_free(&reader->text);
	cx_free(reader->values);
	reader->values = NULL;
}

static cdbc_status add(cx_csv_reader *reader, size_t count, cdbc_value value, cdbc_error **err)
{
	if (count == reader->value_room) {
		size_t room = count ? count * 2 : FIRST_ROOM;
		cdbc_value *grown = cx_realloc(reader->values, room * sizeof *grown);

		if (!grown)
			return cx_error_nomem(err);
		reader->values = grown;
		reader->value_room = room;
	}
	reader->values[count] = value;
	return CDBC_OK;
}

static cdbc_status bad(const cx_csv_reader *reader, const char *what, cdbc_error **err)
{
	return cx_error_set(err, CDBC_DATA, "line %lld: %s", (long long)reader->line, what);
}

/* A value in quotes that begins at *p; *p is then after its closing quote. The text has room for
 * the whole record, so it does not move. */
static bool unquote(cx_csv_reader *reader, const char **p, const char *end, cdbc_value *out)
{
	size_t begin = reader->text.length;
	const char *c = *p + 1;

	for (;;) {
		const char *quote = memchr(c, '"', (size_t)(end - c));

		if (!quote)
			return false;
		cx_buf_put(&reader->text, c, (size_t)(quote - c));
		c = quote + 1;
		if (c == end || *c != '"')
			break;
		cx_buf_putc(&reader->text, '"');
		c++;
	}
	*p = c;
	*out = cdbc_text_n(reader->text.data + begin, reader->text.length - begin);
	return true;
}

/* One record, without its line end. */
static cdbc_status record(cx_csv_reader *reader, const char *p, const char *end, cdbc_error **err)
{
	size_t count = 0;

	cx_buf_clear(&reader->text);
	if (!cx_buf_reserve(&reader->text, (size_t)(end - p)))
		return cx_buf_status(&reader->text, "record", err);
	for (;;) {
		cdbc_value value = cdbc_null();
		cdbc_status status;

		if (p < end && *p == '"') {
			if (!unquote(reader, &p, end, &value))
				return bad(reader, "a quote is not closed", err);
			if (p < end && *p != ',')
				return bad(reader, "something stands between a closing quote and the comma", err);
		} else {
			const char *from = p;

			while (p < end && *p != ',' && *p != '"' && *p != '\r')
				p++;
			if (p < end && *p != ',')
				return bad(reader,
						   *p == '"' ? "a quote inside a value that is not quoted"
									 : "a carriage return inside a value that is not quoted",
						   err);
			if (p > from)
				value = cdbc_text_n(from, (size_t)(p - from));
		}
		status = add(reader, count, value, err);
		if (status)
			return status;
		count++;
		if (p == end)
			break;
		p++;
	}
	return reader->row(reader->self, reader->values, count, reader->line, err);
}

/* The line end that closes the record at p, which is the reader's next; *lines counts those in it.
 * NULL: it has not come. */
static const char *record_end(const char *p, const char *end, int64_t *lines)
{
	bool in_quotes = false;

	for (*lines = 1;; ++*lines) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		if (!newline)
			return NULL;
		for (const char *q = p; (q = memchr(q, '"', (size_t)(newline - q))); q++)
			in_quotes = !in_quotes;
		if (!in_quotes)
			return newline;
		p = newline + 1;
	}
}

/* Hands over the whole records of a text; *p is then where the rest begins. */
static cdbc_status records(cx_csv_reader *reader, const char **p, const char *end, cdbc_error **err)
{
	const char *newline;
	int64_t lines;

	while ((newline = record_end(*p, end, &lines))) {
		const char *last = newline > *p && newline[-1] == '\r' ? newline - 1 : newline;
		cdbc_status status = record(reader, *p, last, err);

		if (status)
			return status;
		reader->line += lines;
		*p = newline + 1;
	}
	return CDBC_OK;
}

static cdbc_status carry(cx_csv_reader *reader, const char *bytes, size_t length, cdbc_error **err)
{
	cdbc_status status;

	for (size_t i = 0; i < length; i++)
		reader->is_quoted ^= bytes[i] == '"';
	cx_buf_put(&reader->carry, bytes, length);
	status = cx_buf_status(&reader->carry, "record", err);
	if (status == CDBC_RESOURCE) {
		cx_error_wrap(err, "line %lld", (long long)reader->line);
		cx_error_hint(err, "is a quote left open there?");
	}
	return status;
}

/* The mark of UTF-8 that some programs put first. */
static bool skip_mark(cx_csv_reader *reader, const char **p, const char *end, bool is_end)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t length = (size_t)(end - *p);

	if (reader->has_begun)
		return true;
	if (length < 3 && !is_end && memcmp(*p, mark, length) == 0)
		return false;
	reader->has_begun = true;
	if (length >= 3 && memcmp(*p, mark, 3) == 0)
		*p += 3;
	return true;
}

/* What was carried over, up to the first end of a record in the new bytes that may be its own: the
 * new bytes are looked at line by line, each once. */
static cdbc_status join(cx_csv_reader *reader, const char **bytes, const char *end,
						cdbc_error **err)
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
		if (!skip_mark(reader, &p, p + reader->carry.length, false))
			continue;
		status = records(reader, &p, reader->carry.data + reader->carry.length, err);
		if (status)
			return status;
		if (p == reader->carry.data + reader->carry.length)
			cx_buf_clear(&reader->carry);
	}
	return CDBC_OK;
}

cdbc_status cx_csv_reader_feed(cx_csv_reader *reader, const char *bytes, size_t length,
							   cdbc_error **err)
{
	const char *p = bytes, *end = bytes + length;
	cdbc_status status = join(reader, &p, end, err);

	if (status || p == end)
		return status;
	if (skip_mark(reader, &p, end, false))
		status = records(reader, &p, end, err);
	if (!status && p < end)
		status = carry(reader, p, (size_t)(end - p), err);
	return status;
}

cdbc_status cx_csv_reader_end(cx_csv_reader *reader, cdbc_error **err)
{
	const char *p = reader->carry.data, *end;
	cdbc_status status;

	if (!reader->carry.length)
		return CDBC_OK;
	end = p + reader->carry.length;
	skip_mark(reader, &p, end, true);
	if (p == end)
		return CDBC_OK;
	status = record(reader, p, end, err);
	cx_buf_clear(&reader->carry);
	return status;
}
