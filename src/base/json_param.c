// SPDX-License-Identifier: Apache-2.0
/* Tokens of JSON as values of parameters. Recurses once a level of arrays, which the reader's
 * depth_max bounds. */
#include "base/json.h"

#include "base/error.h"
#include "base/text.h"

#include <stdlib.h>

#define ITEMS_MAX 65536 /* of arrays that are open at a time */

typedef struct builder {
	cx_json *r;
	cx_arena *arena;
	cx_buf items; /* of the open arrays */
	bool is_nomem;
} builder;

typedef struct member {
	cdbc_param param;
	const char *at;
} member;

static bool no_memory(builder *b)
{
	b->is_nomem = true;
	return false;
}

static bool refuse(builder *b, const char *at, const char *what)
{
	cx_json_refuse(b->r, at, what);
	return false;
}

static cdbc_status finish(builder *b, bool is_good, cdbc_error **err)
{
	cx_buf_free(&b->items);
	if (is_good)
		return CDBC_OK;
	return b->is_nomem ? cx_error_nomem(err) : cx_json_fail(b->r, CDBC_USAGE, err);
}

static bool read_text(builder *b, cdbc_text *out)
{
	char *text = cx_arena_alloc(b->arena, b->r->length + 1);
	size_t length;

	if (!text)
		return no_memory(b);
	if (!cx_json_decode(b->r, text, &length))
		return false;
	text[length] = '\0';
	*out = (cdbc_text){text, length};
	return true;
}

static bool keep(builder *b, const char *from, size_t length, cdbc_value *out)
{
	char *text = cx_arena_strndup(b->arena, from, length);

	if (!text)
		return no_memory(b);
	*out = cdbc_text_n(text, length);
	return true;
}

static bool read_value(builder *b, cdbc_value *out);

static bool read_list(builder *b, cdbc_value *out)
{
	size_t begin = b->items.length, length;
	cdbc_value item, *items;

	while (cx_json_next(b->r) > CX_JSON_END && b->r->kind != CX_JSON_CLOSE) {
		const char *at = cx_json_at(b->r);

		if (!read_value(b, &item))
			return false;
		cx_buf_put(&b->items, &item, sizeof item);
		if (b->items.is_nomem)
			return no_memory(b);
		if (b->items.is_over)
			return refuse(b, at, "too many values");
	}
	if (b->r->kind != CX_JSON_CLOSE)
		return false;
	length = b->items.length - begin;
	items = cx_arena_alloc(b->arena, length + 1);
	if (!items)
		return no_memory(b);
	if (length)
		memcpy(items, b->items.data + begin, length);
	b->items.length = begin;
	*out = cdbc_array(items, length / sizeof *items);
	return true;
}

static bool read_value(builder *b, cdbc_value *out)
{
	cx_json *r = b->r;
	const char *at = cx_json_at(r);
	int64_t number;

	switch (r->kind) {
	case CX_JSON_NULL:
		*out = cdbc_null();
		return true;
	case CX_JSON_FALSE:
	case CX_JSON_TRUE:
		*out = cdbc_bool(r->kind == CX_JSON_TRUE);
		return true;
	case CX_JSON_NUMBER:
		if (!cx_text_int64(r->text, r->length, INT64_MIN, INT64_MAX, &number))
			return keep(b, r->text, r->length, out);
		*out = cdbc_int64(number);
		return true;
	case CX_JSON_STRING:
		*out = cdbc_text_n("", 0);
		return read_text(b, &out->as.text);
	case CX_JSON_ARRAY:
		return read_list(b, out);
	case CX_JSON_OBJECT:
		return cx_json_skip(r) == CX_JSON_CLOSE && keep(b, at, (size_t)(r->p - at), out);
	default:
		return refuse(b, at, "a value is expected");
	}
}

cdbc_status cx_json_value(cx_json *r, cx_arena *arena, cdbc_value *out, cdbc_error **err)
{
	builder b = {r, arena, CX_BUF_INIT(ITEMS_MAX * sizeof(cdbc_value)), false};
	cdbc_value value;
	bool is_good = read_value(&b, &value);

	if (is_good)
		*out = value;
	return finish(&b, is_good, err);
}

/* By name, then by place. */
static int compare_members(const void *a, const void *b)
{
	const member *x = *(const member *const *)a, *y = *(const member *const *)b;
	int order = strcmp(x->param.name, y->param.name);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static bool none_is_twice(builder *b, const member *members, size_t count)
{
	const member **sorted = cx_arena_calloc(b->arena, count + 1, sizeof *sorted);
	const char *twice = NULL;

	if (!sorted)
		return no_memory(b);
	for (size_t i = 0; i < count; i++)
		sorted[i] = &members[i];
	qsort(sorted, count, sizeof *sorted, compare_members);
	for (size_t i = 1; i < count; i++)
		if (strcmp(sorted[i - 1]->param.name, sorted[i]->param.name) == 0 &&
			(!twice || sorted[i]->at < twice))
			twice = sorted[i]->at;
	return !twice || refuse(b, twice, "a name is there twice");
}

static bool read_members(builder *b, cx_buf *members, size_t max)
{
	size_t count = 0;

	while (cx_json_next(b->r) == CX_JSON_NAME) {
		member m = {.at = cx_json_at(b->r)};
		cdbc_text name;

		if (count++ == max)
			return refuse(b, m.at, "too many members");
		if (!read_text(b, &name))
			return false;
		m.param.name = name.data;
		cx_json_next(b->r);
		if (!read_value(b, &m.param.value))
			return false;
		cx_buf_put(members, &m, sizeof m);
		if (members->is_nomem)
			return no_memory(b);
	}
	return b->r->kind == CX_JSON_CLOSE &&
		   (count < 2 || none_is_twice(b, (void *)members->data, count));
}

static bool read_object(builder *b, size_t max, cdbc_param **out, size_t *count)
{
	cx_buf members = CX_BUF_INIT(SIZE_MAX / 2);
	bool is_good = read_members(b, &members, max);
	size_t n = members.length / sizeof(member);
	const member *from = (const void *)members.data;
	cdbc_param *params = is_good ? cx_arena_calloc(b->arena, n + 1, sizeof *params) : NULL;

	for (size_t i = 0; params && i < n; i++)
		params[i] = from[i].param;
	cx_buf_free(&members);
	if (!is_good)
		return false;
	*out = params;
	*count = n;
	return params || no_memory(b);
}

static bool read_array(builder *b, size_t max, cdbc_param **out, size_t *count)
{
	const char *at = b->r->text;
	cdbc_param *params;
	cdbc_value list;

	if (!read_list(b, &list))
		return false;
	if (list.as.array.count > max)
		return refuse(b, at, "too many values");
	params = cx_arena_calloc(b->arena, list.as.array.count + 1, sizeof *params);
	if (!params)
		return no_memory(b);
	*out = params;
	*count = list.as.array.count;
	for (size_t i = 0; i < *count; i++)
		params[i] = cdbc_param_of(NULL, list.as.array.items[i]);
	return true;
}

cdbc_status cx_json_params(cx_json *r, cx_arena *arena, size_t max, cdbc_param **out, size_t *count,
						   cdbc_error **err)
{
	builder b = {r, arena, CX_BUF_INIT(ITEMS_MAX * sizeof(cdbc_value)), false};
	bool is_good;

	if (r->kind == CX_JSON_OBJECT)
		is_good = read_object(&b, max, out, count);
	else if (r->kind == CX_JSON_ARRAY)
		is_good = read_array(&b, max, out, count);
	else
		is_good = refuse(&b, cx_json_at(r), "an object or an array is expected");
	return finish(&b, is_good, err);
}
