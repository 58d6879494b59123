// SPDX-License-Identifier: Apache-2.0
/* Inside of templates: the tokens that are left of one while parts are taken out of it. Only
 * template.c, trim.c, dangle.c and lost.c include it. */
#ifndef CX_TRIM_H
#define CX_TRIM_H

#include "data/sql/keyword.h"
#include "data/sql/lexer.h"
#include "data/sql/template.h"

enum {
	CX_TRAIT_AND = 1u << 0,
	CX_TRAIT_OR = 1u << 1,
	CX_TRAIT_COMMA = 1u << 2,
	CX_TRAIT_CLAUSE = 1u << 3, /* where, having, set, on, by, limit: nothing without what follows */
	CX_TRAIT_STARTS = 1u << 4, /* begins a clause: no expression goes on with it */
	CX_TRAIT_OPENS = 1u << 5,  /* a list or expression begins after it */
	CX_TRAIT_JOINER = 1u << 6, /* left, inner: begins a clause before JOIN */
	CX_TRAIT_VERB = 1u << 7,   /* insert, update, delete: may begin a statement */
	CX_TRAIT_BETWEEN = 1u << 8, /* its AND is no connective */
	CX_TRAIT_CASE = 1u << 9,
	CX_TRAIT_END = 1u << 10,
	CX_TRAIT_NOT = 1u << 11,
	CX_TRAIT_GROUPS = 1u << 12, /* a bracket after it is neither a call's nor a table's */
	CX_TRAIT_WHERE = 1u << 13,
	CX_TRAIT_SET = 1u << 14,
	CX_TRAIT_WITH = 1u << 15,     /* with, recursive */
	CX_TRAIT_NEEDS = 1u << 16,    /* something has to follow */
	CX_TRAIT_QUERY = 1u << 17,    /* that may be a query */
	CX_TRAIT_AFTER = 1u << 18,    /* has to follow something */
	CX_TRAIT_BRACKETS = 1u << 19, /* the brackets after it have to hold something */
	CX_TRAIT_ON = 1u << 20,       /* on, using: a join's condition */
	CX_TRAIT_JOIN = 1u << 21,
	CX_TRAIT_VALUES = 1u << 22,
	CX_TRAIT_CONSTANT = 1u << 23, /* part of a condition that names nothing */
	CX_TRAIT_CONNECTIVE = CX_TRAIT_AND | CX_TRAIT_OR | CX_TRAIT_COMMA,
	CX_TRAITS_OF_NAMES = CX_TRAIT_AFTER | CX_TRAIT_BRACKETS | CX_TRAIT_CONSTANT /* words that may be
																					names too */
};

typedef struct cx_trim {
	const cx_template *template;
	const bool *is_kept;   /* parts, from 1 */
	uint32_t *solid;       /* tokens that are kept and solid, in order */
	uint32_t *next, *prev; /* in solid, counted from 1; 0 is before the first and after the last */
	bool *is_plain_and;    /* an AND that is a connective */
	bool *is_gap;          /* something was taken out after it; [0]: before the first */
	size_t count;
	cx_rendered *info; /* where to say what is wrong; NULL: nobody asks */
} cx_trim;

/* The traits of a solid token. */
uint32_t cx_token_traits(const char *text, size_t length, uint8_t kind);
/* Takes out what dangles at the gaps. Fails with CDBC_NOMEM. */
cdbc_status cx_trim_run(cx_trim *trim, cdbc_error **err);
/* Looks for what may not be lost: the WHERE of an UPDATE or DELETE, a JOIN's ON, one of two lists
 * of equal length and the like. Fails with CDBC_NOMEM. */
cdbc_status cx_trim_find_lost(const cx_trim *trim, cdbc_error **err);
/* Says of the settled gap after left when what stands there cannot stand so. */
void cx_trim_find_dangling(const cx_trim *trim, uint32_t left);

/* 3, 2, 1 for and, or, comma: how tightly it binds; 0 for what is no connective. */
unsigned cx_trim_connective(const cx_trim *t, uint32_t at);
/* Whether no list or condition goes on with it: the end, a closing bracket, the next clause. */
bool cx_trim_ends(const cx_trim *t, uint32_t at);
/* Whether a statement may begin after it. */
bool cx_trim_is_head(const cx_trim *t, uint32_t before);
/* Whether the bracket that follows it has the columns of an INSERT. */
bool cx_trim_is_insert_table(const cx_trim *t, uint32_t at);

static inline cx_template_token *cx_trim_token(const cx_trim *t, uint32_t at)
{
	return &t->template->tokens[t->solid[at]];
}

static inline unsigned cx_trim_traits(const cx_trim *t, uint32_t at)
{
	return at ? cx_trim_token(t, at)->traits : 0;
}

static inline bool cx_trim_is_op(const cx_trim *t, uint32_t at, char op)
{
	return at && cx_trim_token(t, at)->kind == CX_TOKEN_OPERATOR &&
		   cx_trim_token(t, at)->length == 1 &&
		   t->template->text[cx_trim_token(t, at)->offset] == op;
}

static inline bool cx_trim_is_word(const cx_trim *t, uint32_t at, const char *word)
{
	return at && cx_trim_token(t, at)->kind == CX_TOKEN_WORD &&
		   cx_word_is(t->template->text + cx_trim_token(t, at)->offset,
					  cx_trim_token(t, at)->length, word);
}

/* Notes the first thing that is wrong. message and hint are static. */
static inline void cx_trim_wrong(const cx_trim *t, const cx_template_token *token,
								 const char *message, const char *hint)
{
	if (t->info && !t->info->wrong) {
		t->info->wrong = token;
		t->info->wrong_message = message;
		t->info->wrong_hint = hint;
	}
}

#endif
