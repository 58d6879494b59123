// SPDX-License-Identifier: Apache-2.0
/* What a `match` expression may ask of the C library: its compiler writes each counted repetition
 * out, and needs memory with the third power of what may be empty and is repeated, so that twenty
 * bytes can take gigabytes. Whether an expression is right is the library's to say. */
#include "base/text.h"
#include "service/catalog/internal.h"

#include <string.h>

#define LENGTH_MAX   1000
#define DEPTH_MAX    20
#define ATOMS_MAX    3000 /* when all repetitions are written out */
#define NULLABLE_MAX 128  /* optional parts of a repeated part that may be empty */
#define COUNT_MAX    100000

/* A piece of the expression, written out. */
typedef struct piece {
	size_t atoms, optional, nullable;
	bool is_compound, may_be_empty;
	bool has_empty_loop; /* an endless repetition of what may be empty */
} piece;

/* An open bracket: its finished branches and pieces, and the latest piece. */
typedef struct level {
	piece sum;
	piece last;
	bool is_branch_empty; /* every piece of the branch may be empty */
	bool is_any_empty;    /* a finished branch may be */
} level;

static const piece nothing = {0, 0, 0, false, true, false};

static size_t times(size_t a, size_t b)
{
	return a && b > COUNT_MAX / a ? COUNT_MAX : a * b;
}

static void settle_last(level *l)
{
	l->sum.atoms += l->last.atoms;
	l->sum.optional += l->last.optional;
	l->sum.nullable += l->last.nullable;
	l->sum.has_empty_loop |= l->last.has_empty_loop;
	l->is_branch_empty &= l->last.may_be_empty;
	l->last = nothing;
}

static void begin_level(level *l)
{
	*l = (level){nothing, nothing, true, false};
}

static piece end_level(level *l)
{
	settle_last(l);
	l->sum.atoms++;
	l->sum.is_compound = true;
	l->sum.may_be_empty = l->is_any_empty || l->is_branch_empty;
	return l->sum;
}

/* max below 0: endless */
static void repeat(piece *p, int64_t min, int64_t max)
{
	size_t copies = max < 0 ? (size_t)min + 1 : max ? (size_t)max : 1;
	bool is_again = copies > 1 || max < 0;

	if (max < 0 && min == 0)
		copies = 1;
	p->atoms = times(p->atoms, copies);
	p->optional = times(p->optional, copies);
	p->nullable = times(p->nullable, copies);
	if (p->is_compound && p->may_be_empty && is_again)
		p->nullable += p->optional ? p->optional : copies;
	p->has_empty_loop |= max < 0 && p->may_be_empty;
	p->optional += max < 0 ? 1 : (size_t)(max - min);
	p->may_be_empty |= min == 0;
	p->is_compound = true; /* when it is repeated once more */
}

/* The bytes of `{2,5}`, or 0: it is none. */
static size_t read_bounds(const char *text, int64_t *min, int64_t *max)
{
	size_t begin = 1, i = 1;

	while (text[i] >= '0' && text[i] <= '9')
		i++;
	if (!cx_text_int64(text + begin, i - begin, 0, COUNT_MAX, min))
		*min = i > begin ? COUNT_MAX : 0;
	*max = *min;
	if (text[i] == ',') {
		for (begin = ++i; text[i] >= '0' && text[i] <= '9'; i++)
			;
		if (!cx_text_int64(text + begin, i - begin, 0, COUNT_MAX, max))
			*max = i > begin ? COUNT_MAX : -1;
	}
	if (text[i] != '}' || i == 1 || (*max >= 0 && *max < *min))
		return 0;
	return i + 1;
}

/* The bytes of `[...]`, up to the end when it is not closed. */
static size_t set_length(const char *text)
{
	size_t i = 1;

	i += text[i] == '^';
	i += text[i] == ']';
	while (text[i] && text[i] != ']') {
		if (text[i] == '[' && text[i + 1] && strchr(":.=", text[i + 1])) {
			char kind = text[i + 1];

			for (i += 2; text[i] && !(text[i] == kind && text[i + 1] == ']'); i++)
				;
			i += text[i] != '\0';
		}
		i += text[i] != '\0';
	}
	return i + (text[i] != '\0');
}

static const char *judge(const level *l)
{
	if (l->sum.atoms + l->last.atoms > ATOMS_MAX)
		return "its repetitions multiply to more than 3000 characters";
	if (l->sum.nullable + l->last.nullable > NULLABLE_MAX)
		return "a part that may be empty is repeated too often";
	if (l->sum.has_empty_loop || l->last.has_empty_loop)
		return "an endless repetition of what may be empty";
	return NULL;
}

/* A repetition at text; 0 bytes: something else stands there. */
static size_t take_repetition(piece *p, const char *text)
{
	int64_t min = *text == '+', max = *text == '?' ? 1 : -1;
	size_t length = *text == '*' || *text == '+' || *text == '?';

	if (*text == '{')
		length = read_bounds(text, &min, &max);
	if (length)
		repeat(p, min, max);
	return length;
}

const char *cx_pattern_refused(const char *text, size_t length, size_t *out_offset)
{
	level levels[DEPTH_MAX + 1];
	size_t depth = 0, n;
	const char *why = NULL;

	*out_offset = LENGTH_MAX;
	if (length > LENGTH_MAX)
		return "more than 1000 bytes";
	begin_level(&levels[0]);
	for (size_t i = 0; i < length && !why; i += n) {
		level *l = &levels[depth];

		*out_offset = i;
		n = take_repetition(&l->last, text + i);
		if (!n) {
			settle_last(l);
			n = 1;
			if (text[i] == '(') {
				if (depth == DEPTH_MAX)
					return "brackets more than 20 deep";
				begin_level(&levels[++depth]);
			} else if (text[i] == ')' && depth) {
				levels[--depth].last = end_level(l);
			} else if (text[i] == '|') {
				l->is_any_empty |= l->is_branch_empty;
				l->is_branch_empty = true;
			} else if (text[i] == '\\' && text[i + 1] >= '1' && text[i + 1] <= '9') {
				return "POSIX extended expressions have no back-references";
			} else {
				l->last = (piece){1, 0, 0, false, text[i] == '^' || text[i] == '$', false};
				n = text[i] == '[' ? set_length(text + i) : text[i] == '\\' ? 2 : 1;
			}
		}
		why = judge(&levels[depth]);
	}
	return why;
}
