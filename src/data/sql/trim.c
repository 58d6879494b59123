// SPDX-License-Identifier: Apache-2.0
/* What a removed part leaves dangling, decided on tokens: at each gap, what stands before it and
 * what stands after it are weighed until nothing more has to go. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/sql/keyword.h"
#include "data/sql/lexer.h"
#include "data/sql/template.h"

#include <string.h>

typedef struct word_traits {
	const char *word;
	uint16_t traits;
} word_traits;

#define CLAUSE (CX_TRAIT_CLAUSE | CX_TRAIT_STARTS | CX_TRAIT_OPENS | CX_TRAIT_GROUPS)
#define STARTS CX_TRAIT_STARTS
#define OPENS  CX_TRAIT_OPENS

static const word_traits words[] = {
	{"and", CX_TRAIT_AND | CX_TRAIT_GROUPS},
	{"or", CX_TRAIT_OR | CX_TRAIT_GROUPS},
	{"not", CX_TRAIT_NOT | CX_TRAIT_GROUPS},
	{"where", CLAUSE | CX_TRAIT_WHERE},
	{"having", CLAUSE},
	{"on", CLAUSE},
	{"set", CX_TRAIT_CLAUSE | OPENS | CX_TRAIT_SET},
	{"by", CX_TRAIT_CLAUSE | OPENS | CX_TRAIT_GROUPS},
	{"between", CX_TRAIT_BETWEEN},
	{"case", CX_TRAIT_CASE | OPENS},
	{"end", CX_TRAIT_END | STARTS},
	{"when", STARTS | OPENS | CX_TRAIT_GROUPS},
	{"then", STARTS | OPENS},
	{"else", STARTS | OPENS},
	{"select", STARTS | OPENS},
	{"distinct", OPENS},
	{"from", STARTS | OPENS},
	{"values", OPENS | CX_TRAIT_GROUPS},
	{"returning", STARTS | OPENS},
	{"with", OPENS},
	{"recursive", OPENS},
	{"using", STARTS | OPENS},
	{"insert", CX_TRAIT_VERB},
	{"upsert", CX_TRAIT_VERB},
	{"update", CX_TRAIT_VERB},
	{"delete", CX_TRAIT_VERB},
	{"left", CX_TRAIT_JOINER},
	{"right", CX_TRAIT_JOINER},
	{"full", CX_TRAIT_JOINER},
	{"inner", CX_TRAIT_JOINER},
	{"cross", CX_TRAIT_JOINER},
	{"natural", CX_TRAIT_JOINER},
	{"join", STARTS},
	{"order", STARTS},
	{"group", STARTS},
	{"limit", STARTS},
	{"offset", STARTS},
	{"fetch", STARTS},
	{"for", STARTS},
	{"union", STARTS},
	{"intersect", STARTS},
	{"except", STARTS},
	{"window", STARTS},
	{"into", STARTS},
	{"as", STARTS},
	{"do", STARTS},
};

uint16_t cx_token_traits(const char *text, size_t length, uint8_t kind)
{
	if (kind == CX_TOKEN_OPERATOR && length == 1)
		switch (text[0]) {
		case ',':
			return CX_TRAIT_COMMA | CX_TRAIT_GROUPS;
		case '(':
			return CX_TRAIT_OPENS | CX_TRAIT_GROUPS;
		case '[':
			return CX_TRAIT_OPENS;
		case ';':
			return CX_TRAIT_OPENS | CX_TRAIT_STARTS;
		case ')':
		case ']':
			return CX_TRAIT_STARTS;
		default:
			return 0;
		}
	if (kind != CX_TOKEN_WORD || length > 9)
		return 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (cx_lower(text[0]) == words[i].word[0] && cx_word_is(text, length, words[i].word))
			return words[i].traits;
	return 0;
}

/* ---- Looking at what is left ---------------------------------------------------------------- */

static const cx_template_token *token_of(const cx_trim *t, uint32_t at)
{
	return &t->template->tokens[t->solid[at]];
}

static unsigned traits_of(const cx_trim *t, uint32_t at)
{
	return at ? token_of(t, at)->traits : 0;
}

static bool is_op(const cx_trim *t, uint32_t at, char op)
{
	return at && token_of(t, at)->kind == CX_TOKEN_OPERATOR && token_of(t, at)->length == 1 &&
		   t->template->text[token_of(t, at)->offset] == op;
}

static bool is_word(const cx_trim *t, uint32_t at, const char *word)
{
	return at && token_of(t, at)->kind == CX_TOKEN_WORD &&
		   cx_word_is(t->template->text + token_of(t, at)->offset, token_of(t, at)->length, word);
}

/* 3, 2, 1 for and, or, comma: how tightly it binds; 0 for what is no connective. */
static unsigned connective(const cx_trim *t, uint32_t at)
{
	unsigned traits = traits_of(t, at);

	if (traits & CX_TRAIT_AND)
		return t->is_plain_and[at] ? 3 : 0;
	return traits & CX_TRAIT_OR ? 2 : traits & CX_TRAIT_COMMA ? 1 : 0;
}

/* Whether no list or condition goes on with it: the end, a closing bracket, the next clause. */
static bool ends(const cx_trim *t, uint32_t at)
{
	unsigned traits = traits_of(t, at);
	uint32_t after = at ? t->next[at] : 0;

	if (!at || (traits & CX_TRAIT_STARTS))
		return true;
	if (traits & CX_TRAIT_JOINER)
		return is_word(t, after, "join") || is_word(t, after, "outer") ||
			   (traits_of(t, after) & CX_TRAIT_JOINER);
	if (traits & CX_TRAIT_VERB)
		return is_word(t, at, "delete")   ? is_word(t, after, "from")
			   : is_word(t, at, "update") ? after &&
												(token_of(t, after)->kind == CX_TOKEN_WORD ||
												 token_of(t, after)->kind == CX_TOKEN_QUOTED) &&
												!traits_of(t, after)
										  : is_word(t, after, "into");
	return false;
}

static bool opens(const cx_trim *t, uint32_t at)
{
	return !at || (traits_of(t, at) & CX_TRAIT_OPENS);
}

static void take_out(cx_trim *t, uint32_t at)
{
	t->next[t->prev[at]] = t->next[at];
	t->prev[t->next[at]] = t->prev[at];
	t->solid[at] = UINT32_MAX;
}

/* Whether the brackets around a gap hold nothing and mean nothing. */
static bool is_empty_group(const cx_trim *t, uint32_t left, uint32_t right)
{
	uint32_t before = left ? t->prev[left] : 0, after = right ? t->next[right] : 0;

	return is_op(t, left, '(') && is_op(t, right, ')') && before &&
		   (traits_of(t, before) & CX_TRAIT_GROUPS) && (ends(t, after) || connective(t, after));
}

/* Settles the gap after left; returns what is before it in the end. */
static uint32_t settle(cx_trim *t, uint32_t left)
{
	for (;;) {
		uint32_t right = t->next[left], before = left ? t->prev[left] : 0;
		unsigned l = connective(t, left), r = connective(t, right);

		if (r && opens(t, left)) {
			take_out(t, right);
		} else if (l && (ends(t, right) || r >= 1)) {
			if (r > l) { /* it binds what was taken out tighter */
				take_out(t, right);
				continue;
			}
			take_out(t, left);
			left = before;
		} else if ((traits_of(t, left) & CX_TRAIT_CLAUSE) && ends(t, right)) {
			take_out(t, left);
			if (is_word(t, before, "order") || is_word(t, before, "group") ||
				is_word(t, before, "partition")) {
				left = t->prev[before];
				take_out(t, before);
			} else {
				left = before;
			}
		} else if ((traits_of(t, left) & CX_TRAIT_NOT) && (r || ends(t, right)) &&
				   (opens(t, before) || connective(t, before))) {
			take_out(t, left);
			left = before;
		} else if (is_empty_group(t, left, right)) {
			take_out(t, left);
			take_out(t, right);
			left = before;
		} else {
			return left;
		}
	}
}

/* Which ANDs belong to a BETWEEN: one each, at its own level of brackets and CASE. */
static cdbc_status mark_ands(cx_trim *t, cdbc_error **err)
{
	uint32_t *pending = NULL; /* BETWEENs a level; the top bit: the level is a CASE's */
	size_t capacity = 0, depth = 0;
	const uint32_t is_case = UINT32_C(1) << 31;

	if (!cx_grow(&pending, 0, &capacity, sizeof *pending))
		return cx_error_nomem(err);
	pending[0] = 0;
	for (uint32_t at = 1; at <= t->count; at++) {
		unsigned traits = traits_of(t, at);
		bool is_open = is_op(t, at, '(') || is_op(t, at, '[');

		if (is_open || (traits & CX_TRAIT_CASE)) {
			if (!cx_grow(&pending, ++depth, &capacity, sizeof *pending)) {
				cx_free(pending);
				return cx_error_nomem(err);
			}
			pending[depth] = is_open ? 0 : is_case;
		} else if (is_op(t, at, ')') || is_op(t, at, ']')) {
			while (depth && (pending[depth] & is_case))
				depth--;
			depth -= depth != 0;
		} else if ((traits & CX_TRAIT_END) && (pending[depth] & is_case)) {
			depth--;
		} else if (traits & CX_TRAIT_BETWEEN) {
			pending[depth]++;
		} else if (traits & CX_TRAIT_AND) {
			t->is_plain_and[at] = (pending[depth] & ~is_case) == 0;
			pending[depth] -= !t->is_plain_and[at];
		}
	}
	cx_free(pending);
	return CDBC_OK;
}

cdbc_status cx_trim_run(cx_trim *trim, cdbc_error **err)
{
	cdbc_status status = mark_ands(trim, err);
	uint32_t left = 0;

	for (uint32_t at = 0; !status && at <= trim->count; at++) {
		if (!trim->is_gap[at])
			continue;
		if (!at || trim->solid[at] != UINT32_MAX)
			left = at;
		else /* it went with a gap before: that one was settled up to here */
			continue;
		settle(trim, left);
	}
	return status;
}

/* ---- UPDATE and DELETE ---------------------------------------------------------------------- */

/* Whether a statement begins here. */
static bool is_change(const cx_trim *t, uint32_t at)
{
	uint32_t before = t->prev[at], after = t->next[at];

	if (before && !is_op(t, before, ';') && !is_op(t, before, '(') && !is_op(t, before, '[') &&
		!is_op(t, before, ')') && !is_word(t, before, "explain") &&
		!is_word(t, before, "analyze") && !is_word(t, before, "analyse") &&
		!is_word(t, before, "verbose"))
		return false;
	if (is_word(t, at, "delete"))
		return is_word(t, after, "from");
	return is_word(t, at, "update") && after &&
		   (token_of(t, after)->kind == CX_TOKEN_WORD ||
			token_of(t, after)->kind == CX_TOKEN_QUOTED);
}

/* Whether a token that was taken out began another statement: the one before ends there. */
static bool began_statement(const cx_template *t, uint32_t i)
{
	const char *word = t->text + t->tokens[i].offset;
	const cx_template_token *after = NULL;

	for (uint32_t k = i + 1; k < t->token_count && !after; k++)
		if (t->tokens[k].kind != CX_TOKEN_SPACE && t->tokens[k].kind != CX_TOKEN_COMMENT)
			after = &t->tokens[k];
	if (!after || after->kind == CX_TOKEN_OPERATOR)
		return false;
	if (cx_lower(word[0]) == 'u' && cx_lower(word[3]) == 'a') /* update, not upsert */
		return !after->traits;
	return cx_word_is(t->text + after->offset, after->length,
					  cx_lower(word[0]) == 'd' ? "from" : "into");
}

/* A level of brackets, and the change that is open in it. */
typedef struct level {
	bool is_open;
	bool has_where, has_set;
	const cx_template_token *where, *set; /* taken out */
} level;

static void close_level(level *l, cx_rendered *out)
{
	if (l->is_open && !l->has_where && l->where)
		out->lost_where = l->where;
	if (l->is_open && !l->has_set && l->set)
		out->lost_set = l->set;
	memset(l, 0, sizeof *l);
}

static void take_word(level *l, const cx_template_token *token, bool is_kept)
{
	if (token->traits & CX_TRAIT_WHERE) {
		l->has_where |= is_kept;
		l->where = is_kept ? l->where : token;
	}
	if (token->traits & CX_TRAIT_SET) {
		l->has_set |= is_kept;
		l->set = is_kept ? l->set : token;
	}
}

cdbc_status cx_trim_find_lost(const cx_trim *trim, cx_rendered *out, cdbc_error **err)
{
	const cx_template *t = trim->template;
	level *levels = NULL;
	size_t depth = 0, capacity = 0;
	uint32_t at = trim->next[0];

	if (!cx_grow(&levels, 0, &capacity, sizeof *levels))
		return cx_error_nomem(err);
	memset(levels, 0, sizeof *levels);
	for (uint32_t i = 0; i < t->token_count; i++) {
		const cx_template_token *token = &t->tokens[i];
		bool is_kept = at && trim->solid[at] == i;
		char op =
			token->kind == CX_TOKEN_OPERATOR && token->length == 1 ? t->text[token->offset] : 0;

		if (op == '(' || op == '[') {
			if (!cx_grow(&levels, ++depth, &capacity, sizeof *levels)) {
				cx_free(levels);
				return cx_error_nomem(err);
			}
			memset(&levels[depth], 0, sizeof *levels);
		} else if (op == ')' || op == ']') {
			close_level(&levels[depth], out);
			depth -= depth != 0;
		} else if (op == ';') {
			close_level(&levels[depth], out);
		} else if ((token->traits & CX_TRAIT_VERB) &&
				   (is_kept ? is_change(trim, at) : began_statement(t, i))) {
			close_level(&levels[depth], out);
			levels[depth].is_open = is_kept;
		} else {
			take_word(&levels[depth], token, is_kept);
		}
		if (is_kept)
			at = trim->next[at];
	}
	for (size_t i = 0; i <= depth; i++)
		close_level(&levels[i], out);
	cx_free(levels);
	return CDBC_OK;
}
