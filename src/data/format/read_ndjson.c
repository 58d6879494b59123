// SPDX-License-Identifier: Apache-2.0
/* NDJSON into rows: one object a line, a member a column, in any order; a member that is not there
 * is NULL. Numbers keep all their digits. How a string in a column of JSON, or an array, is to be
 * understood says the sink, which knows the columns. */
#include "data/format/reader_internal.h"

#include "data/result/print.h"

#define DEPTH_MAX 32 /* of arrays in an array's value */

typedef struct state {
	char **own; /* names out of the first object */
	const char *const *names;
	size_t count;
	const cx_read_as *kinds;
	size_t kind_count;
	bool *is_set;  /* of the present object's */
	bool is_asked; /* for the kinds */
} state;

static void forget_names(state *s)
{
	for (size_t i = 0; s->own && i < s->count; i++)
		cx_free(s->own[i]);
	cx_free(s->own);
	cx_free(s->is_set);
	s->own = NULL;
	s->is_set = NULL;
	s->count = 0;
}

static void ndjson_fini(cx_reader *reader)
{
	state *s = reader->state;

	if (!s)
		return;
	forget_names(s);
	cx_free(s);
}

static cdbc_status ndjson_open(cx_reader *reader, cdbc_error **err)
{
	state *s = cx_calloc(1, sizeof *s);

	if (!s)
		return cx_error_nomem(err);
	reader->state = s;
	reader->options.has_header = false; /* names come with each object */
	if (!reader->options.name_count)
		return CDBC_OK;
	s->names = reader->options.names;
	s->count = reader->options.name_count;
	s->is_set = cx_calloc(s->count, sizeof *s->is_set);
	return s->is_set ? CDBC_OK : cx_error_nomem(err);
}

/* ---- a scan of text that is known to be JSON ---- */

static const char *skip_space(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
		p++;
	return p;
}

static const char *skip_string(const char *p)
{
	for (p++; *p != '"'; p++)
		p += *p == '\\';
	return p + 1;
}

/* Where the value that begins at p ends. */
static const char *skip_value(const char *p)
{
	size_t depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			depth--;
			p++;
		} else if (depth) {
			p++;
		} else {
			while (*p && !strchr(",}] \t\r\n", *p))
				p++;
		}
	} while (depth);
	return p;
}

static unsigned hex4(const char *p)
{
	unsigned number = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		number = number * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return number;
}

static void put_utf8(cx_buf *out, unsigned c)
{
	if (c < 0x80) {
		cx_buf_putc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		cx_buf_putc(out, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		cx_buf_putc(out, (char)(0xe0 | c >> 12));
		cx_buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
	} else {
		cx_buf_putc(out, (char)(0xf0 | c >> 18));
		cx_buf_putc(out, (char)(0x80 | (c >> 12 & 63)));
		cx_buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
	}
	cx_buf_putc(out, (char)(0x80 | (c & 63)));
}

/* \u and four digits at *p, and the second half of a pair. False: a half alone, or NUL, which no
 * text of a database holds. */
static bool put_escape(cx_buf *out, const char **p)
{
	unsigned c = hex4(*p), low;

	*p += 4;
	if (c >= 0xd800 && c < 0xdc00 && (*p)[0] == '\\' && (*p)[1] == 'u') {
		low = hex4(*p + 2);
		if (low < 0xdc00 || low > 0xdfff)
			return false;
		*p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	} else if (c == 0 || (c >= 0xd800 && c < 0xe000)) {
		return false;
	}
	put_utf8(out, c);
	return true;
}

/* The text of the string at p. False: it is none that can be held. */
static bool put_string(cx_buf *out, const char *p)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

	for (p++; *p != '"';) {
		const char *run = p;

		while (*p != '"' && *p != '\\')
			p++;
		cx_buf_put(out, run, (size_t)(p - run));
		if (*p == '"')
			break;
		p++;
		if (*p == 'u') {
			p++;
			if (!put_escape(out, &p))
				return false;
		} else {
			const char *known = strchr(from, *p);

			cx_buf_putc(out, known ? to[known - from] : *p);
			p++;
		}
	}
	return true;
}

/* ---- values ---- */

static void put_item_text(cx_buf *out, const char *text, size_t length)
{
	cx_buf_putc(out, '"');
	for (const char *p = text; p < text + length; p++) {
		if (*p == '"' || *p == '\\')
			cx_buf_putc(out, '\\');
		cx_buf_putc(out, *p);
	}
	cx_buf_putc(out, '"');
}

/* An item of an array that is no array itself. */
static bool put_item(cx_reader *reader, const char *p, const char *end, bool is_json)
{
	cx_buf *out = &reader->text;
	size_t begin;
	bool is_good = true;

	if (*p == 'n') {
		cx_buf_put(out, "NULL", 4);
	} else if (is_json || *p == '{') {
		put_item_text(out, p, (size_t)(end - p));
	} else if (*p == '"') {
		/* its text first, quoted from there, and the first taken away */
		cx_buf text = CX_BUF_INIT(CX_READER_RECORD_MAX);

		is_good = put_string(&text, p);
		if (is_good)
			put_item_text(out, text.data ? text.data : "", text.length);
		out->is_nomem |= text.is_nomem;
		cx_buf_free(&text);
	} else {
		begin = (size_t)(end - p);
		cx_buf_put(out, p, begin);
	}
	return is_good;
}

/* A JSON array as PostgreSQL writes arrays. Returns what is behind it; NULL: it cannot be. */
static const char *put_array(cx_reader *reader, const char *p, bool is_json, int depth)
{
	cx_buf *out = &reader->text;

	if (depth > DEPTH_MAX)
		return NULL;
	cx_buf_putc(out, '{');
	for (p = skip_space(p + 1); *p != ']';) {
		const char *end;

		if (*p == '[' && !is_json) {
			end = put_array(reader, p, is_json, depth + 1);
			if (!end)
				return NULL;
		} else {
			end = skip_value(p);
			if (!put_item(reader, p, end, is_json))
				return NULL;
		}
		p = skip_space(end);
		if (*p == ',') {
			cx_buf_putc(out, ',');
			p = skip_space(p + 1);
		}
	}
	cx_buf_putc(out, '}');
	return p + 1;
}

static cdbc_status read_value(cx_reader *reader, const char *line, const char *p, const char *end,
							  cx_read_as kind, cdbc_value *out, cdbc_error **err)
{
	size_t begin = reader->text.length;

	*out = cdbc_text_n(p, (size_t)(end - p));
	if (*p == 'n') {
		*out = cdbc_null();
		return CDBC_OK;
	}
	if (kind == CX_READ_JSON)
		return CDBC_OK;
	if (*p == '[' && kind != CX_READ_PLAIN) {
		if (!put_array(reader, p, kind == CX_READ_ARRAY_JSON, 1))
			return cx_reader_bad(reader, line, p, err, "an array that cannot be one of the column");
	} else if (*p == '"') {
		if (!put_string(&reader->text, p))
			return cx_reader_bad(reader, line, p, err,
								 "a string with \\u0000 or half a surrogate pair");
	} else {
		return CDBC_OK;
	}
	*out = cdbc_text_n(reader->text.data + begin, reader->text.length - begin);
	return cx_buf_status(&reader->text, "record", err);
}

/* ---- names ---- */

/* The keys of the first object. */
static cdbc_status learn_names(cx_reader *reader, const char *line, cdbc_error **err)
{
	state *s = reader->state;
	const char *p = skip_space(line);
	size_t count = 0;

	for (p = skip_space(p + 1); *p == '"'; count++) {
		p = skip_space(skip_value(skip_space(skip_space(skip_string(p)) + 1)));
		if (*p == ',')
			p = skip_space(p + 1);
	}
	if (count == 0 || count > CX_READER_COLUMN_MAX)
		return cx_reader_bad(reader, line, line, err, "an object of %zu members names no columns",
							 count);
	forget_names(s); /* of one that was passed over */
	s->own = cx_calloc(count, sizeof *s->own);
	s->is_set = cx_calloc(count, sizeof *s->is_set);
	if (!s->own || !s->is_set)
		return cx_error_nomem(err);
	p = skip_space(skip_space(line) + 1);
	for (s->count = 0; s->count < count; s->count++) {
		cx_buf name = CX_BUF_INIT(CX_READER_RECORD_MAX);

		cx_buf_put(&name, "", 0);
		if (!put_string(&name, p)) {
			cx_buf_free(&name);
			return cx_reader_bad(reader, line, p, err, "a name that no column has");
		}
		s->own[s->count] = cx_buf_take(&name);
		if (!s->own[s->count])
			return cx_error_nomem(err);
		p = skip_space(skip_value(skip_space(skip_space(skip_string(p)) + 1)));
		if (*p == ',')
			p = skip_space(p + 1);
	}
	s->names = (const char *const *)s->own;
	return CDBC_OK;
}

static cdbc_status tell_names(cx_reader *reader, cdbc_error **err)
{
	state *s = reader->state;
	cdbc_text *names;
	cdbc_status status;

	s->is_asked = true;
	names = cx_calloc(s->count, sizeof *names);
	if (!names)
		return cx_error_nomem(err);
	for (size_t i = 0; i < s->count; i++)
		names[i] = (cdbc_text){s->names[i], strlen(s->names[i])};
	status = reader->sink.names(reader->sink.self, names, s->count, err);
	cx_free(names);
	if (!status && reader->sink.kinds)
		status = reader->sink.kinds(reader->sink.self, &s->kinds, &s->kind_count, err);
	return status;
}

/* The column of the member whose name is at p; hint is where it most likely is. */
static bool find_column(cx_reader *reader, const char *p, size_t hint, size_t *index)
{
	const state *s = reader->state;
	size_t begin = reader->text.length, length;
	const char *text;
	bool is_found = false;

	if (!put_string(&reader->text, p))
		return false;
	text = reader->text.data + begin;
	length = reader->text.length - begin;
	for (size_t i = 0; !is_found && i < s->count; i++) {
		*index = (hint + i) % s->count;
		is_found =
			strlen(s->names[*index]) == length && memcmp(s->names[*index], text, length) == 0;
	}
	reader->text.length = begin;
	return is_found;
}

static cdbc_status ndjson_record(cx_reader *reader, const char *line, size_t length,
								 cdbc_error **err)
{
	state *s = reader->state;
	const char *p = line, *end = line + length;
	cdbc_status status = CDBC_OK;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	if (p == end)
		return CDBC_OK;
	if (*p != '{' || !cx_json_is_valid(line, length))
		return cx_reader_bad(reader, line, p, err, "not one JSON object");
	if (!s->names)
		status = learn_names(reader, line, err);
	if (!status && !s->is_asked)
		status = tell_names(reader, err);
	for (size_t i = 0; !status && i < s->count; i++)
		status = cx_reader_value(reader, cdbc_null(), err);
	if (status)
		return status;
	memset(s->is_set, 0, s->count * sizeof *s->is_set);
	p = skip_space(p + 1);
	for (size_t n = 0; *p == '"'; n++) {
		const char *name = p, *value_end;
		size_t i;

		if (!find_column(reader, name, n, &i))
			return cx_reader_bad(
				reader, line, name, err, "%.*s is none of the columns%s",
				(int)(skip_string(name) - name < 100 ? skip_string(name) - name : 100), name,
				s->own ? ", which the first object names" : "");
		if (s->is_set[i])
			return cx_reader_bad(reader, line, name, err, "\"%s\" is there twice", s->names[i]);
		s->is_set[i] = true;
		p = skip_space(skip_space(skip_string(name)) + 1);
		value_end = skip_value(p);
		status =
			read_value(reader, line, p, value_end, i < s->kind_count ? s->kinds[i] : CX_READ_PLAIN,
					   &reader->values[i], err);
		if (status)
			return status;
		p = skip_space(value_end);
		if (*p == ',')
			p = skip_space(p + 1);
	}
	return cx_reader_row(reader, line, length, err);
}

const cx_reader_class cx_reader_ndjson = {
	.name = "ndjson", .record = ndjson_record, .open = ndjson_open, .fini = ndjson_fini};
