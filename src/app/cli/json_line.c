// SPDX-License-Identifier: Apache-2.0
/* A small JSON reader for lines that hold a statement and its parameters. Not for documents. */
#include "app/cli/json_line.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 65536

typedef struct reader {
	const char *begin, *p, *end;
	cx_arena *arena;
	int depth;
	bool is_nomem;
	const char *wrong; /* NULL: nothing is */
} reader;

static bool fail(reader *r, const char *what)
{
	if (!r->wrong)
		r->wrong = what;
	return false;
}

static bool no_memory(reader *r)
{
	r->is_nomem = true;
	return fail(r, "out of memory");
}

static void skip_space(reader *r)
{
	while (r->p < r->end && strchr(" \t\r\n", *r->p) && *r->p)
		r->p++;
}

static bool take(reader *r, char c)
{
	skip_space(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool take_word(reader *r, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(r->end - r->p) < length || memcmp(r->p, word, length) != 0)
		return fail(r, "not a JSON value");
	r->p += length;
	return true;
}

/* ---- strings ---- */

static bool read_hex(reader *r, unsigned *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		char c = r->p < r->end ? *r->p : '\0';

		if (c >= '0' && c <= '9')
			*out = *out * 16 + (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			*out = *out * 16 + (unsigned)((c | 32) - 'a') + 10;
		else
			return fail(r, "\\u is followed by four hexadecimal digits");
		r->p++;
	}
	return true;
}

static size_t put_utf8(unsigned code, char *out)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 63));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 63));
		out[2] = (char)(0x80 | (code & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 63));
	out[2] = (char)(0x80 | (code >> 6 & 63));
	out[3] = (char)(0x80 | (code & 63));
	return 4;
}

static bool read_code(reader *r, unsigned *out)
{
	unsigned low;

	if (!read_hex(r, out))
		return false;
	if (*out >= 0xdc00 && *out < 0xe000)
		return fail(r, "half of a surrogate pair");
	if (*out < 0xd800 || *out >= 0xe000)
		return *out != 0 || fail(r, "a text holds no NUL");
	if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
		return fail(r, "half of a surrogate pair");
	r->p += 2;
	if (!read_hex(r, &low))
		return false;
	if (low < 0xdc00 || low >= 0xe000)
		return fail(r, "half of a surrogate pair");
	*out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

static bool read_escape(reader *r, char *out, size_t *length)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	unsigned code;

	if (r->p == r->end)
		return fail(r, "the string is not closed");
	if (*r->p == 'u') {
		r->p++;
		if (!read_code(r, &code))
			return false;
		*length += put_utf8(code, out + *length);
		return true;
	}
	at = *r->p ? strchr(from, *r->p) : NULL;
	if (!at)
		return fail(r, "no such escape");
	out[(*length)++] = to[at - from];
	r->p++;
	return true;
}

/* Behind the opening quote. An escape is never shorter than what it stands for. */
static bool read_string(reader *r, cdbc_text *out)
{
	const char *end = r->p;
	size_t length = 0;
	char *text;

	while (end < r->end && *end != '"')
		end += *end == '\\' && r->end - end > 1 ? 2 : 1;
	text = cx_arena_alloc(r->arena, (size_t)(end - r->p) + 1);
	if (!text)
		return no_memory(r);
	while (r->p < r->end && *r->p != '"') {
		if ((unsigned char)*r->p < ' ')
			return fail(r, "a control character in a string");
		if (*r->p != '\\')
			text[length++] = *r->p++;
		else if (r->p++, !read_escape(r, text, &length))
			return false;
	}
	if (r->p == r->end)
		return fail(r, "the string is not closed");
	r->p++;
	text[length] = '\0';
	if (cx_utf8_valid_prefix(text, length) != length)
		return fail(r, "the string is not UTF-8");
	*out = (cdbc_text){text, length};
	return true;
}

/* ---- values ---- */

static bool read_value(reader *r, cdbc_value *out);

static bool is_number_byte(char c)
{
	return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

/* JSON's grammar, which is narrower than strtod's. */
static bool is_number(const char *text)
{
	const char *p = text + (*text == '-');

	if (*p == '0')
		p++;
	else if (*p >= '1' && *p <= '9')
		p += strspn(p, "0123456789");
	else
		return false;
	if (*p == '.') {
		size_t digits = strspn(p + 1, "0123456789");

		if (digits == 0)
			return false;
		p += 1 + digits;
	}
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '+' || p[1] == '-');
		if (!strspn(p, "0123456789"))
			return false;
		p += strspn(p, "0123456789");
	}
	return *p == '\0';
}

static bool read_number(reader *r, cdbc_value *out)
{
	const char *from = r->p;
	char *text, *rest;
	long long number;

	while (r->p < r->end && is_number_byte(*r->p))
		r->p++;
	text = cx_arena_strndup(r->arena, from, (size_t)(r->p - from));
	if (!text)
		return no_memory(r);
	if (!is_number(text)) {
		r->p = from;
		return fail(r, "not a JSON value");
	}
	errno = 0;
	number = strtoll(text, &rest, 10);
	*out = *rest || errno ? cdbc_string(text) : cdbc_int64(number);
	return true;
}

/* Passes over an object, whose own text is the value. */
static bool read_nested(reader *r, cdbc_value *out)
{
	const char *from = r->p - 1;
	cdbc_value ignored;
	cdbc_text name;
	char *text;

	if (!take(r, '}')) {
		do {
			if (!take(r, '"'))
				return fail(r, "a name in quotes is expected");
			if (!read_string(r, &name))
				return false;
			if (!take(r, ':'))
				return fail(r, "a colon is expected");
			if (!read_value(r, &ignored))
				return false;
		} while (take(r, ','));
		if (!take(r, '}'))
			return fail(r, "a comma or a closing brace is expected");
	}
	text = cx_arena_strndup(r->arena, from, (size_t)(r->p - from));
	if (!text)
		return no_memory(r);
	*out = cdbc_text_n(text, (size_t)(r->p - from));
	return true;
}

/* Behind the opening bracket. */
static bool read_items(reader *r, cdbc_value *items, size_t max, size_t *count)
{
	*count = 0;
	if (take(r, ']'))
		return true;
	do {
		if (*count == max)
			return fail(r, "too many values");
		if (!read_value(r, &items[*count]))
			return false;
		++*count;
	} while (take(r, ','));
	return take(r, ']') || fail(r, "a comma or a closing bracket is expected");
}

static bool read_list(reader *r, cdbc_value *out)
{
	size_t max = 1, count;
	cdbc_value *items;

	/* no more values than commas, and one */
	for (const char *p = r->p; p < r->end && max < ITEMS_MAX; p++)
		max += *p == ',';
	items = cx_arena_calloc(r->arena, max, sizeof *items);
	if (!items)
		return no_memory(r);
	if (!read_items(r, items, max, &count))
		return false;
	*out = cdbc_array(items, count);
	return true;
}

static bool read_value(reader *r, cdbc_value *out)
{
	bool is_good;

	skip_space(r);
	if (r->p == r->end)
		return fail(r, "a value is expected");
	if (++r->depth > CLI_JSON_DEPTH_MAX)
		return fail(r, "nested too deeply");
	switch (*r->p) {
	case '"':
		r->p++;
		*out = cdbc_text_n("", 0);
		is_good = read_string(r, &out->as.text);
		break;
	case '{':
		r->p++;
		is_good = read_nested(r, out);
		break;
	case '[':
		r->p++;
		is_good = read_list(r, out);
		break;
	case 't':
	case 'f':
		*out = cdbc_bool(*r->p == 't');
		is_good = take_word(r, *r->p == 't' ? "true" : "false");
		break;
	case 'n':
		*out = cdbc_null();
		is_good = take_word(r, "null");
		break;
	default:
		is_good = read_number(r, out);
		break;
	}
	r->depth--;
	return is_good;
}

/* ---- what a line holds ---- */

static bool read_members(reader *r, cli_json_member *members, size_t max, size_t *count)
{
	*count = 0;
	if (!take(r, '{'))
		return fail(r, "an object in braces is expected");
	if (take(r, '}'))
		return true;
	do {
		cli_json_member *m = &members[*count];
		cdbc_text name;

		if (*count == max)
			return fail(r, "too many members");
		if (!take(r, '"'))
			return fail(r, "a name in quotes is expected");
		if (!read_string(r, &name))
			return false;
		if (!take(r, ':'))
			return fail(r, "a colon is expected");
		skip_space(r);
		m->name = name.data;
		m->begin = r->p;
		if (!read_value(r, &m->value))
			return false;
		m->length = (size_t)(r->p - m->begin);
		++*count;
	} while (take(r, ','));
	return take(r, '}') || fail(r, "a comma or a closing brace is expected");
}

static cdbc_status finish(reader *r, size_t *column, cdbc_error **err)
{
	skip_space(r);
	if (!r->wrong && r->p < r->end)
		fail(r, "something follows the value");
	if (!r->wrong)
		return CDBC_OK;
	*column = (size_t)(r->p - r->begin) + 1;
	return r->is_nomem ? cx_error_nomem(err) : cx_error_set(err, CDBC_USAGE, "%s", r->wrong);
}

cdbc_status cli_json_object(const char *text, size_t length, cx_arena *arena,
							cli_json_member *members, size_t max, size_t *count, size_t *column,
							cdbc_error **err)
{
	reader r = {.begin = text, .p = text, .end = text + length, .arena = arena};

	read_members(&r, members, max, count);
	return finish(&r, column, err);
}

cdbc_status cli_json_array(const char *text, size_t length, cx_arena *arena, cdbc_value *values,
						   size_t max, size_t *count, size_t *column, cdbc_error **err)
{
	reader r = {.begin = text, .p = text, .end = text + length, .arena = arena};

	*count = 0;
	if (take(&r, '['))
		read_items(&r, values, max, count);
	else
		fail(&r, "an array is expected");
	return finish(&r, column, err);
}
