// SPDX-License-Identifier: Apache-2.0
/* Is a text JSON (RFC 8259)? SQLite does not check what a column declared JSON holds, and what
 * leaves us as JSON is embedded as it is. */
#include "sqlite/internal.h"

#define DEPTH_MAX 1000

typedef struct reader {
	const char *p, *end;
	int depth;
} reader;

static void skip_space(reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static bool take(reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool take_word(reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
		return false;
	r->p += n;
	return true;
}

static bool is_digit(const reader *r)
{
	return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static bool take_digits(reader *r)
{
	if (!is_digit(r))
		return false;
	while (is_digit(r))
		r->p++;
	return true;
}

static bool take_number(reader *r)
{
	take(r, '-');
	if (!take(r, '0') && !take_digits(r))
		return false;
	if (take(r, '.') && !take_digits(r))
		return false;
	if (take(r, 'e') || take(r, 'E')) {
		if (!take(r, '+'))
			take(r, '-');
		return take_digits(r);
	}
	return true;
}

static bool take_escape(reader *r)
{
	if (r->p == r->end)
		return false;
	if (*r->p != 'u')
		return *r->p && strchr("\"\\/bfnrt", *r->p++) != NULL;
	r->p++;
	for (int i = 0; i < 4; i++, r->p++)
		if (r->p == r->end || !*r->p || !strchr("0123456789abcdefABCDEF", *r->p))
			return false;
	return true;
}

static bool take_string(reader *r)
{
	if (!take(r, '"'))
		return false;
	while (r->p < r->end && (unsigned char)*r->p >= 0x20) {
		char c = *r->p++;

		if (c == '"')
			return true;
		if (c == '\\' && !take_escape(r))
			return false;
	}
	return false;
}

static bool take_value(reader *r);

/* An object's or an array's inside, up to its closing bracket. */
static bool take_members(reader *r, bool is_object)
{
	char close = is_object ? '}' : ']';

	skip_space(r);
	if (take(r, close))
		return true;
	do {
		skip_space(r);
		if (is_object) {
			if (!take_string(r))
				return false;
			skip_space(r);
			if (!take(r, ':'))
				return false;
		}
		if (!take_value(r))
			return false;
	} while (take(r, ','));
	return take(r, close);
}

/* A value with the space around it. */
static bool take_value(reader *r)
{
	bool is_good;

	if (++r->depth > DEPTH_MAX)
		return false;
	skip_space(r);
	if (r->p == r->end)
		return false;
	switch (*r->p) {
	case '{':
	case '[':
		is_good = take_members(r, *r->p++ == '{');
		break;
	case '"':
		is_good = take_string(r);
		break;
	case 't':
		is_good = take_word(r, "true");
		break;
	case 'f':
		is_good = take_word(r, "false");
		break;
	case 'n':
		is_good = take_word(r, "null");
		break;
	default:
		is_good = take_number(r);
	}
	skip_space(r);
	r->depth--;
	return is_good;
}

bool cx_sqlite_is_json(const char *text, size_t length)
{
	reader r = {text, text + length, 0};

	return take_value(&r) && r.p == r.end;
}
