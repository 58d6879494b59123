// SPDX-License-Identifier: Apache-2.0
/* NDJSON into rows: one object a line, a member a column, in any order; a member that is not there
 * is NULL. Numbers keep all their digits. How a string in a column of JSON, or an array, is to be
 * understood says the sink, which knows the columns. */
#include "base/arena.h"
#include "base/json.h"
#include "data/format/reader_internal.h"

#define ARRAY_DEPTH_MAX 32 /* of arrays in an array's value */

typedef struct state {
	cdbc_text *names;
	size_t count;
	bool is_learnt; /* out of the first object */
	cx_arena own;   /* of their texts then */
	const cx_read_as *kinds;
	size_t kind_count;
	bool *is_set;  /* of the present object's */
	bool is_asked; /* for the kinds */
	cx_buf room;   /* for an item of an array */
	cx_json json;
} state;

static void forget_names(state *s)
{
	cx_arena_free(&s->own);
	cx_free(s->names);
	cx_free(s->is_set);
	s->names = NULL;
	s->is_set = NULL;
	s->count = 0;
}

static void ndjson_fini(cx_reader *reader)
{
	state *s = reader->state;

	if (!s)
		return;
	forget_names(s);
	cx_buf_free(&s->room);
	cx_free(s);
}

static cdbc_status ndjson_open(cx_reader *reader, cdbc_error **err)
{
	const cx_reader_options *o = &reader->options;
	state *s = cx_calloc(1, sizeof *s);

	if (!s)
		return cx_error_nomem(err);
	reader->state = s;
	reader->options.has_header = false; /* names come with each object */
	cx_buf_init(&s->room, CX_READER_RECORD_MAX);
	if (!o->name_count)
		return CDBC_OK;
	s->names = cx_calloc(o->name_count, sizeof *s->names);
	s->is_set = cx_calloc(o->name_count, sizeof *s->is_set);
	if (!s->names || !s->is_set)
		return cx_error_nomem(err);
	for (; s->count < o->name_count; s->count++)
		s->names[s->count] = (cdbc_text){o->names[s->count], strlen(o->names[s->count])};
	return CDBC_OK;
}

/* ---- values ---- */

/* What is wrong with the JSON of a line, in the file's terms. */
static cdbc_status bad_json(cx_reader *reader, const cx_json *r, cdbc_error **err)
{
	return cx_reader_bad(reader, r->begin, r->p, err, "%s", r->wrong);
}

/* The text of the present string: in the line as it stands, or out of its escapes. */
static bool text_of(cx_json *r, cx_buf *room, cdbc_text *out)
{
	*out = (cdbc_text){r->text, r->length};
	if (!r->has_escape)
		return true;
	if (!cx_buf_reserve(room, r->length))
		return true; /* the buffer knows */
	out->data = room->data + room->length;
	if (!cx_json_decode(r, room->data + room->length, &out->length))
		return false;
	room->length += out->length;
	room->data[room->length] = '\0';
	return true;
}

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
static bool put_item(cx_json *r, cx_buf *out, cx_buf *room, bool is_json)
{
	const char *at = cx_json_at(r);
	cdbc_text text;

	if (r->kind == CX_JSON_NULL) {
		cx_buf_put(out, "NULL", 4);
	} else if (is_json || r->kind == CX_JSON_OBJECT) {
		if (cx_json_skip(r) == CX_JSON_BAD)
			return false;
		put_item_text(out, at, (size_t)(r->p - at));
	} else if (r->kind == CX_JSON_STRING) {
		cx_buf_clear(room);
		if (!text_of(r, room, &text))
			return false;
		put_item_text(out, text.data, text.length);
		out->is_nomem |= room->is_nomem;
	} else {
		cx_buf_put(out, r->text, r->length);
	}
	return true;
}

/* A JSON array, whose bracket is the present token, as PostgreSQL writes arrays. False: it cannot
 * be, and r says why. */
static bool put_array(cx_json *r, cx_buf *out, cx_buf *room, bool is_json)
{
	const char *begin = r->text;
	size_t outside = r->depth - 1;
	bool is_first = true;

	cx_buf_putc(out, '{');
	while (cx_json_next(r) != CX_JSON_BAD) {
		if (r->kind == CX_JSON_CLOSE) {
			cx_buf_putc(out, '}');
			if (r->depth == outside)
				return true;
			is_first = false;
			continue;
		}
		if (!is_first)
			cx_buf_putc(out, ',');
		is_first = r->kind == CX_JSON_ARRAY && !is_json;
		if (is_first)
			cx_buf_putc(out, '{');
		else if (!put_item(r, out, room, is_json))
			return false;
		if (r->depth - outside > ARRAY_DEPTH_MAX)
			return cx_json_refuse(r, begin, "an array that cannot be one of the column");
	}
	return false;
}

/* The value whose first token is the present one; its end is r->p. */
static bool read_value(cx_reader *reader, cx_json *r, cx_read_as kind, cdbc_value *out)
{
	state *s = reader->state;
	const char *at = cx_json_at(r);
	cx_buf *text = &reader->text;
	size_t begin = text->length;

	if (r->kind == CX_JSON_NULL) {
		*out = cdbc_null();
		return true;
	}
	*out = cdbc_text_n(NULL, 0);
	if (r->kind == CX_JSON_STRING && kind != CX_READ_JSON)
		return text_of(r, text, &out->as.text);
	if (r->kind == CX_JSON_ARRAY && (kind == CX_READ_ARRAY || kind == CX_READ_ARRAY_JSON)) {
		if (!put_array(r, text, &s->room, kind == CX_READ_ARRAY_JSON))
			return false;
		out->as.text = (cdbc_text){text->data + begin, text->length - begin};
		return true;
	}
	if (cx_json_skip(r) == CX_JSON_BAD)
		return false;
	out->as.text = (cdbc_text){at, (size_t)(r->p - at)};
	return true;
}

/* ---- names ---- */

static cdbc_status is_twice(const cx_reader *reader, const cx_json *r, const cdbc_text *name,
							cdbc_error **err)
{
	return cx_reader_bad(reader, r->begin, cx_json_at(r), err, "\"%.*s\" is there twice",
						 name->length < 100 ? (int)name->length : 100, name->data);
}

static cdbc_status learn_name(cx_reader *reader, cx_json *r, size_t *room, cdbc_error **err)
{
	state *s = reader->state;
	size_t length;
	char *text;

	for (size_t i = 0; i < s->count; i++)
		if (cx_json_is(r, s->names[i].data, s->names[i].length))
			return is_twice(reader, r, &s->names[i], err);
	if (s->count == *room) {
		size_t more = *room ? *room * 2 : 16;
		cdbc_text *grown = cx_realloc(s->names, more * sizeof *grown);

		if (!grown)
			return cx_error_nomem(err);
		s->names = grown;
		*room = more;
	}
	text = cx_arena_alloc(&s->own, r->length + 1);
	if (!text)
		return cx_error_nomem(err);
	if (!cx_json_decode(r, text, &length))
		return bad_json(reader, r, err);
	s->names[s->count++] = (cdbc_text){text, length};
	return CDBC_OK;
}

/* The keys of the first object, which is all of the line. */
static cdbc_status learn_names(cx_reader *reader, const char *line, size_t length, cdbc_error **err)
{
	state *s = reader->state;
	cx_json *r = &s->json;
	cdbc_status status = CDBC_OK;
	size_t count = 0, room = 0;

	s->is_learnt = true;
	cx_json_init(r, line, length, CX_JSON_DEPTH_MAX);
	for (cx_json_next(r); !status && cx_json_next(r) == CX_JSON_NAME; cx_json_skip(r)) {
		if (++count <= CX_READER_COLUMN_MAX)
			status = learn_name(reader, r, &room, err);
		cx_json_next(r);
	}
	if (!status && cx_json_next(r) != CX_JSON_END)
		status = bad_json(reader, r, err);
	if (!status && (count == 0 || count > CX_READER_COLUMN_MAX))
		status = cx_reader_bad(reader, line, line, err, "an object of %zu members names no columns",
							   count);
	if (!status) {
		s->is_set = cx_calloc(count, sizeof *s->is_set);
		if (!s->is_set)
			status = cx_error_nomem(err);
	}
	if (status)
		forget_names(s);
	return status;
}

static cdbc_status tell_names(cx_reader *reader, cdbc_error **err)
{
	state *s = reader->state;
	cdbc_status status;

	s->is_asked = true;
	status = reader->sink.names(reader->sink.self, s->names, s->count, err);
	if (!status && reader->sink.kinds)
		status = reader->sink.kinds(reader->sink.self, &s->kinds, &s->kind_count, err);
	return status;
}

/* The column of the member whose name is the present token; hint is where it most likely is. */
static bool find_column(const state *s, const cx_json *r, size_t hint, size_t *index)
{
	for (size_t i = 0; i < s->count; i++) {
		*index = hint + i < s->count ? hint + i : (hint + i) % s->count;
		if (cx_json_is(r, s->names[*index].data, s->names[*index].length))
			return true;
	}
	return false;
}

/* ---- rows ---- */

/* Room for a value a column. */
static cdbc_status make_room(cx_reader *reader, size_t count, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	if (reader->value_room >= count)
		reader->value_count = count;
	while (!status && reader->value_count < count)
		status = cx_reader_value(reader, cdbc_null(), err);
	return status;
}

/* The member whose name is the present token; n others came before it. */
static cdbc_status read_member(cx_reader *reader, cx_json *r, size_t n, cdbc_error **err)
{
	state *s = reader->state;
	size_t i;

	if (!find_column(s, r, n, &i))
		return cx_reader_bad(reader, r->begin, cx_json_at(r), err,
							 "\"%.*s\" is none of the columns%s",
							 r->length < 100 ? (int)r->length : 100, r->text,
							 s->is_learnt ? ", which the first object names" : "");
	if (s->is_set[i])
		return is_twice(reader, r, &s->names[i], err);
	s->is_set[i] = true;
	if (cx_json_next(r) == CX_JSON_BAD ||
		!read_value(reader, r, i < s->kind_count ? s->kinds[i] : CX_READ_PLAIN, &reader->values[i]))
		return bad_json(reader, r, err);
	return CDBC_OK;
}

static cdbc_status ndjson_record(cx_reader *reader, const char *line, size_t length,
								 cdbc_error **err)
{
	state *s = reader->state;
	cx_json *r = &s->json;
	const char *p = line, *end = line + length;
	cdbc_status status = CDBC_OK;
	size_t n = 0;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	if (p == end)
		return CDBC_OK;
	if (*p != '{')
		return cx_reader_bad(reader, line, p, err, "not one JSON object");
	if (!s->names)
		status = learn_names(reader, line, length, err);
	if (!status && !s->is_asked)
		status = tell_names(reader, err);
	if (!status)
		status = make_room(reader, s->count, err);
	if (status)
		return status;
	memset(s->is_set, 0, s->count * sizeof *s->is_set);
	cx_json_init(r, line, length, CX_JSON_DEPTH_MAX);
	cx_json_next(r);
	for (; !status && cx_json_next(r) == CX_JSON_NAME; n++)
		status = read_member(reader, r, n, err);
	if (!status && cx_json_next(r) != CX_JSON_END)
		status = bad_json(reader, r, err);
	for (size_t i = 0; !status && n < s->count && i < s->count; i++)
		if (!s->is_set[i])
			reader->values[i] = cdbc_null();
	if (!status)
		status = cx_buf_status(&reader->text, "record", err);
	return status ? status : cx_reader_row(reader, line, length, err);
}

const cx_reader_class cx_reader_ndjson = {
	.name = "ndjson", .record = ndjson_record, .open = ndjson_open, .fini = ndjson_fini};
