// SPDX-License-Identifier: Apache-2.0
/* Is it JSON? A json column is embedded in JSON output as it stands, so one value that is none
 * would spoil the whole. No values are made, nothing is allocated, and no depth of nesting uses up
 * the stack. */
#include "data/result/print.h"

typedef struct scan {
	const unsigned char *p, *end;
} scan;

static bool is_digit(const scan *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool digits(scan *s)
{
	if (!is_digit(s))
		return false;
	while (is_digit(s))
		s->p++;
	return true;
}

static bool eat(scan *s, char c)
{
	if (s->p == s->end || *s->p != (unsigned char)c)
		return false;
	s->p++;
	return true;
}

static bool number(scan *s)
{
	eat(s, '-');
	if (!eat(s, '0') && !digits(s))
		return false;
	if (eat(s, '.') && !digits(s))
		return false;
	if (eat(s, 'e') || eat(s, 'E')) {
		if (!eat(s, '+'))
			eat(s, '-');
		return digits(s);
	}
	return true;
}

static bool string(scan *s)
{
	if (!eat(s, '"'))
		return false;
	while (s->p < s->end && *s->p != '"') {
		if (*s->p < 0x20)
			return false;
		if (*s->p++ != '\\')
			continue;
		if (s->p == s->end || *s->p == '\0' || !strchr("\"\\/bfnrtu", *s->p))
			return false;
		if (*s->p++ == 'u') {
			for (int i = 0; i < 4; i++, s->p++)
				if (s->p == s->end || *s->p == '\0' || !strchr("0123456789abcdefABCDEF", *s->p))
					return false;
		}
	}
	return eat(s, '"');
}

static bool word(scan *s, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
		return false;
	s->p += n;
	return true;
}

static void space(scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool scalar(scan *s)
{
	if (s->p == s->end)
		return false;
	switch (*s->p) {
	case '"':
		return string(s);
	case 't':
		return word(s, "true");
	case 'f':
		return word(s, "false");
	case 'n':
		return word(s, "null");
	default:
		return number(s);
	}
}

/* The name and colon before a member's value. */
static bool key(scan *s)
{
	space(s);
	if (!string(s))
		return false;
	space(s);
	return eat(s, ':');
}

/* One bit a level: set for an object. */
typedef struct levels {
	size_t depth;
	uint64_t bits[CX_JSON_DEPTH_MAX / 64];
} levels;

static bool push(levels *l, bool is_object)
{
	uint64_t bit;

	if (l->depth == CX_JSON_DEPTH_MAX)
		return false;
	bit = UINT64_C(1) << (l->depth & 63);
	if (is_object)
		l->bits[l->depth >> 6] |= bit;
	else
		l->bits[l->depth >> 6] &= ~bit;
	l->depth++;
	return true;
}

static bool in_object(const levels *l)
{
	return l->bits[(l->depth - 1) >> 6] >> ((l->depth - 1) & 63) & 1;
}

/* What may follow a value: ends of its levels, then a comma, or the text's end. */
static bool after_value(scan *s, levels *l, bool *is_over)
{
	for (;;) {
		space(s);
		if (l->depth == 0) {
			*is_over = true;
			return s->p == s->end;
		}
		if (eat(s, ','))
			return !in_object(l) || key(s);
		if (!eat(s, in_object(l) ? '}' : ']'))
			return false;
		l->depth--;
	}
}

bool cx_json_is_number(const char *text, size_t length)
{
	scan s = {(const unsigned char *)text, (const unsigned char *)text + length};

	return number(&s) && s.p == s.end;
}

bool cx_json_is_valid(const char *text, size_t length)
{
	scan s = {(const unsigned char *)text, (const unsigned char *)text + length};
	bool is_over = false;
	levels l;

	l.depth = 0;
	while (!is_over) {
		bool is_object;

		space(&s);
		is_object = s.p < s.end && *s.p == '{';
		if (is_object || (s.p < s.end && *s.p == '[')) {
			s.p++;
			if (!push(&l, is_object))
				return false;
			space(&s);
			if (!eat(&s, is_object ? '}' : ']')) {
				if (is_object && !key(&s))
					return false;
				continue;
			}
			l.depth--;
		} else if (!scalar(&s)) {
			return false;
		}
		if (!after_value(&s, &l, &is_over))
			return false;
	}
	return true;
}
