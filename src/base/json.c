// SPDX-License-Identifier: Apache-2.0
/* The reader: what the grammar allows next is one of three states, and the levels above are bits.
 * Making values of tokens is json_param.c's, or the user's own. */
#include "base/json.h"

#include "base/error.h"
#include "base/json_run.h"
#include "base/text.h"

enum {
	VALUE, /* the first, or a member's */
	FIRST, /* of an array or object just begun, or its end */
	AFTER, /* a value: a comma, an end of its level, the text's end */
};

void cx_json_init(cx_json *r, const char *text, size_t length, size_t depth_max)
{
	r->begin = r->p = r->text = text;
	r->end = text + length;
	r->length = 0;
	r->wrong = NULL;
	r->kind = CX_JSON_END;
	r->has_escape = false;
	r->expects = VALUE;
	r->depth = 0;
	r->depth_max = depth_max < CX_JSON_DEPTH_MAX ? depth_max : CX_JSON_DEPTH_MAX;
}

cx_json_kind cx_json_refuse(cx_json *r, const char *at, const char *what)
{
	if (!r->wrong) {
		r->wrong = what;
		r->p = at;
	}
	return r->kind = CX_JSON_BAD;
}

static inline void skip_space(cx_json *r)
{
	while (r->p < r->end && (unsigned char)*r->p <= ' ' &&
		   (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
		r->p++;
}

static inline bool in_object(const cx_json *r)
{
	return r->levels[(r->depth - 1) >> 6] >> ((r->depth - 1) & 63) & 1;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* p is behind a backslash; NULL: no such escape, and r says so. */
static const char *pass_escape(cx_json *r, const char *p)
{
	if (p == r->end || !*p || !strchr("\"\\/bfnrtu", *p)) {
		cx_json_refuse(r, p, p == r->end ? "the string is not closed" : "no such escape");
		return NULL;
	}
	if (*p++ != 'u')
		return p;
	for (int i = 0; i < 4; i++, p++) {
		if (p == r->end || hex_digit(*p) < 0) {
			cx_json_refuse(r, p, "\\u is followed by four hexadecimal digits");
			return NULL;
		}
	}
	return p;
}

/* At the opening quote; leaves p behind the closing one. */
static bool string(cx_json *r, cx_json_kind kind)
{
	const char *p = r->p + 1, *begin = p;
	uint64_t high = 0;

	r->has_escape = false;
	for (;;) {
		p += cx_json_run(p, r->end, &high);
		if (p == r->end)
			return cx_json_refuse(r, p, "the string is not closed");
		if (*p == '"')
			break;
		if (*p != '\\')
			return cx_json_refuse(r, p, "a control character in a string");
		r->has_escape = true;
		p = pass_escape(r, p + 1);
		if (!p)
			return false;
	}
	r->text = begin;
	r->length = (size_t)(p - begin);
	if (high) {
		size_t valid = cx_utf8_valid_prefix(begin, r->length);

		if (valid != r->length)
			return cx_json_refuse(r, begin + valid, "the string is not UTF-8");
	}
	r->p = p + 1;
	r->kind = kind;
	return true;
}

static unsigned hex4(const char *p)
{
	unsigned number = 0;

	for (int i = 0; i < 4; i++)
		number = number << 4 | (unsigned)hex_digit(p[i]);
	return number;
}

static size_t put_utf8(char *out, unsigned c)
{
	const char *begin = out;

	if (c < 0x80) {
		*out = (char)c;
		return 1;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 63));
		}
		*out++ = (char)(0x80 | (c >> 6 & 63));
	}
	*out++ = (char)(0x80 | (c & 63));
	return (size_t)(out - begin);
}

/* Four digits at *p, and the second half of a pair. 0: no text of a database holds it. */
static unsigned code_at(const char **p, const char *end)
{
	unsigned c = hex4(*p), low;

	*p += 4;
	if (c < 0xd800 || c >= 0xe000)
		return c;
	if (c >= 0xdc00 || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return 0;
	low = hex4(*p + 2);
	*p += 6;
	return low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0;
}

/* The escape at *p, whose grammar is good, as UTF-8. 0: no text of a database holds it. */
static size_t unescape(const char **p, const char *end, char out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	char letter = (*p)[1];
	const char *known = strchr(from, letter);
	unsigned c;

	*p += 2;
	if (letter != 'u') {
		*out = known ? to[known - from] : letter;
		return 1;
	}
	c = code_at(p, end);
	return c ? put_utf8(out, c) : 0;
}

bool cx_json_decode(cx_json *r, char *out, size_t *length)
{
	const char *p = r->text, *end = p + r->length;
	char *o = out;

	while (p < end) {
		const char *escape = r->has_escape ? memchr(p, '\\', (size_t)(end - p)) : NULL;
		size_t n = (size_t)((escape ? escape : end) - p);

		memcpy(o, p, n);
		o += n;
		p += n;
		if (!escape)
			break;
		n = unescape(&p, end, o);
		if (!n)
			return cx_json_refuse(r, escape,
								  memcmp(escape, "\\u0000", 6) == 0 ? "a text holds no NUL"
																	: "half of a surrogate pair");
		o += n;
	}
	*length = (size_t)(o - out);
	return true;
}

bool cx_json_is(const cx_json *r, const char *text, size_t length)
{
	const char *p = r->text, *end = p + r->length;
	char room[4];

	if (!r->has_escape)
		return r->length == length && memcmp(p, text, length) == 0;
	while (p < end) {
		size_t n = 1;

		*room = *p;
		if (*p != '\\')
			p++;
		else
			n = unescape(&p, end, room);
		if (n == 0 || n > length || memcmp(room, text, n) != 0)
			return false;
		text += n;
		length -= n;
	}
	return length == 0;
}

/* ---- other values ---- */

static const char *digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Where the number at p ends; NULL: it is none. Narrower than strtod's grammar. */
static const char *number_end(const char *p, const char *end)
{
	const char *from;

	p += p < end && *p == '-';
	from = p;
	p = p < end && *p == '0' ? p + 1 : digits(p, end);
	if (p == from)
		return NULL;
	if (p < end && *p == '.') {
		from = p + 1;
		p = digits(from, end);
		if (p == from)
			return NULL;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		from = p;
		p = digits(p, end);
		if (p == from)
			return NULL;
	}
	return p;
}

bool cx_json_is_number(const char *text, size_t length)
{
	return number_end(text, text + length) == text + length;
}

static cx_json_kind token(cx_json *r, cx_json_kind kind, size_t length)
{
	r->text = r->p;
	r->length = length;
	r->p += length;
	return r->kind = kind;
}

static cx_json_kind word(cx_json *r, const char *text, size_t length, cx_json_kind kind)
{
	if ((size_t)(r->end - r->p) < length || memcmp(r->p, text, length) != 0)
		return cx_json_refuse(r, r->p, "not a JSON value");
	return token(r, kind, length);
}

static cx_json_kind push(cx_json *r, bool is_object)
{
	uint64_t *level = &r->levels[r->depth >> 6], bit = UINT64_C(1) << (r->depth & 63);

	if (r->depth == r->depth_max)
		return cx_json_refuse(r, r->p, "nested too deeply");
	*level = is_object ? *level | bit : *level & ~bit;
	r->depth++;
	r->expects = FIRST;
	return token(r, is_object ? CX_JSON_OBJECT : CX_JSON_ARRAY, 1);
}

static cx_json_kind value(cx_json *r)
{
	const char *end;

	if (r->p == r->end)
		return cx_json_refuse(r, r->p, "a value is expected");
	r->expects = AFTER;
	switch (*r->p) {
	case '"':
		string(r, CX_JSON_STRING);
		return r->kind;
	case '{':
	case '[':
		return push(r, *r->p == '{');
	case 't':
		return word(r, "true", 4, CX_JSON_TRUE);
	case 'f':
		return word(r, "false", 5, CX_JSON_FALSE);
	case 'n':
		return word(r, "null", 4, CX_JSON_NULL);
	default:
		end = number_end(r->p, r->end);
		if (!end)
			return cx_json_refuse(r, r->p, "not a JSON value");
		return token(r, CX_JSON_NUMBER, (size_t)(end - r->p));
	}
}

/* ---- tokens ---- */

static cx_json_kind name(cx_json *r)
{
	if (r->p == r->end || *r->p != '"')
		return cx_json_refuse(r, r->p, "a name in quotes is expected");
	if (!string(r, CX_JSON_NAME))
		return CX_JSON_BAD;
	skip_space(r);
	if (r->p == r->end || *r->p != ':')
		return cx_json_refuse(r, r->p, "a colon is expected");
	r->p++;
	r->expects = VALUE;
	return CX_JSON_NAME;
}

static cx_json_kind close(cx_json *r)
{
	r->depth--;
	r->expects = AFTER;
	return token(r, CX_JSON_CLOSE, 1);
}

cx_json_kind cx_json_next(cx_json *r)
{
	if (r->wrong)
		return CX_JSON_BAD;
	skip_space(r);
	if (r->expects == VALUE)
		return value(r);
	if (r->depth == 0)
		return r->p == r->end ? (r->kind = CX_JSON_END)
							  : cx_json_refuse(r, r->p, "something follows the value");
	if (r->p < r->end && *r->p == (in_object(r) ? '}' : ']'))
		return close(r);
	if (r->expects == AFTER) {
		if (r->p == r->end || *r->p != ',')
			return cx_json_refuse(r, r->p,
								  in_object(r) ? "a comma or a closing brace is expected"
											   : "a comma or a closing bracket is expected");
		r->p++;
		skip_space(r);
	}
	return in_object(r) ? name(r) : value(r);
}

cx_json_kind cx_json_skip(cx_json *r)
{
	size_t depth = r->depth;

	if (r->kind != CX_JSON_ARRAY && r->kind != CX_JSON_OBJECT)
		return r->kind;
	while (cx_json_next(r) != CX_JSON_BAD && r->depth >= depth) {
	}
	return r->kind;
}

const char *cx_json_at(const cx_json *r)
{
	return r->text - (r->kind == CX_JSON_STRING || r->kind == CX_JSON_NAME);
}

bool cx_json_is_valid(const char *text, size_t length, size_t depth_max)
{
	cx_json r;

	cx_json_init(&r, text, length, depth_max);
	while (cx_json_next(&r) > CX_JSON_END) {
	}
	return r.kind == CX_JSON_END;
}

cdbc_status cx_json_fail(const cx_json *r, cdbc_status status, cdbc_error **err)
{
	const char *newline, *p = r->begin;
	int64_t line = 1, column = 1;

	for (; (newline = memchr(p, '\n', (size_t)(r->p - p))); p = newline + 1)
		line++;
	for (; p < r->p; p++)
		column += ((unsigned char)*p & 0xc0) != 0x80;
	cx_error_set(err, status, "%s", r->wrong ? r->wrong : "not the JSON that is expected");
	cx_error_place(err, "", line, column);
	return status;
}
