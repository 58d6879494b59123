// SPDX-License-Identifier: Apache-2.0
/* What a statement may not lose with an optional part, wherever the part stands: the condition of
 * an UPDATE, DELETE, MERGE or JOIN, the SET of an UPDATE, the AND of a BETWEEN, the WHENs of a
 * CASE, one of two lists that are equally long. One pass over all tokens, those that were taken out
 * among them. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/sql/trim.h"

#include <string.h>

/* A level of brackets or CASE, and what is open in it. */
typedef struct level {
	const cx_template_token *opener;
	bool is_case;
	bool is_open, is_merge;               /* an UPDATE, DELETE, MERGE */
	bool has_where, has_set;              /* it has, that are kept */
	const cx_template_token *where, *set; /* taken out, or the condition that is kept */
	/* the condition: whether it names anything, whether something of it was taken out */
	bool is_in_where, has_name, has_gap, is_where_gone;
	/* JOINs that wait for their condition, and one that was taken out */
	uint32_t joins;
	const cx_template_token *lost_on;
	/* BETWEENs that wait for their AND */
	uint32_t betweens;
	const cx_template_token *between;
	bool has_lost_and;
	uint32_t whens, thens, elses;
	/* of a list in brackets; how many it should have, 0: not known */
	uint32_t commas, expected;
	bool is_row, is_column_list, is_query, is_any_gap;
	/* the lists in it: an INSERT's columns, its VALUES, the last one before `=` */
	bool is_in_values;
	uint32_t columns, row_count, row_end;
	bool is_columns_gap;
} level;

typedef struct scan {
	const cx_trim *t;
	level *levels;
	size_t depth, capacity;
	uint32_t at; /* the next token that is kept; of the present one when it is kept */
} scan;

#define ALONE "put it into the optional part with what it belongs to"

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
		return !(after->traits & ~(uint32_t)CX_TRAITS_OF_NAMES);
	return cx_word_is(t->text + after->offset, after->length,
					  cx_lower(word[0]) == 'd' ? "from" : "into");
}

/* Whether an UPDATE, DELETE or MERGE begins here. */
static bool is_change(const cx_trim *t, uint32_t at)
{
	uint32_t after = t->next[at];

	if (!cx_trim_is_head(t, t->prev[at]))
		return false;
	if (cx_trim_is_word(t, at, "delete"))
		return cx_trim_is_word(t, after, "from");
	if (cx_trim_is_word(t, at, "merge"))
		return cx_trim_is_word(t, after, "into");
	return cx_trim_is_word(t, at, "update") && after &&
		   (cx_trim_token(t, after)->kind == CX_TOKEN_WORD ||
			cx_trim_token(t, after)->kind == CX_TOKEN_QUOTED);
}

/* A condition of which something was taken out, and what is left names no column. */
static void end_where(const scan *s, level *l)
{
	if (l->is_open && l->is_in_where && (l->has_gap || l->is_where_gone) && !l->has_name)
		s->t->info->lost_where = l->where;
	l->is_in_where = false;
}

static void end_joins(const scan *s, level *l)
{
	if (l->joins && l->lost_on)
		cx_trim_wrong(s->t, l->lost_on, "a JOIN loses its condition",
					  "put the JOIN into the optional part too");
	l->joins = 0;
	l->lost_on = NULL;
}

/* Ends the statement of a level; the level goes on. */
static void end_statement(const scan *s, level *l)
{
	cx_rendered *out = s->t->info;

	end_where(s, l);
	end_joins(s, l);
	if (l->is_open && !l->has_where && l->where)
		out->lost_where = l->where;
	if (l->is_open && !l->has_set && l->set)
		out->lost_set = l->set;
	if (l->betweens && l->has_lost_and)
		cx_trim_wrong(s->t, l->between, "a BETWEEN loses its AND", ALONE);
	l->is_open = l->is_merge = l->has_where = l->has_set = false;
	l->where = l->set = NULL;
	l->is_where_gone = l->has_gap = l->has_name = false;
	l->betweens = 0;
	l->has_lost_and = l->is_in_values = false;
	l->columns = l->row_count = l->row_end = 0;
}

static bool push(scan *s, level with)
{
	if (!cx_grow(&s->levels, ++s->depth, &s->capacity, sizeof *s->levels))
		return false;
	s->levels[s->depth] = with;
	return true;
}

/* Leaves a level: what was in it is in the one around it. */
static void pop(scan *s)
{
	level *l = &s->levels[s->depth];

	end_statement(s, l);
	if (!s->depth) {
		*l = (level){0};
		return;
	}
	s->depth--;
}

/* ---- Lists ---------------------------------------------------------------------------------- */

static level open_bracket(const scan *s, const cx_template_token *token)
{
	const cx_trim *t = s->t;
	const level *l = &s->levels[s->depth];
	uint32_t before = t->prev[s->at], after = t->next[s->at];
	level made = {.opener = token};

	made.is_query = cx_trim_is_word(t, after, "select") || cx_trim_is_word(t, after, "values") ||
					(cx_trim_traits(t, after) & CX_TRAIT_WITH);
	made.is_column_list = cx_trim_is_insert_table(t, before);
	made.is_row = (cx_trim_traits(t, before) & (CX_TRAIT_GROUPS | CX_TRAIT_SET)) ||
				  cx_trim_is_op(t, before, '=');
	if (l->is_in_values && made.is_row)
		made.expected = l->columns ? l->columns : l->row_count;
	else if (cx_trim_is_op(t, before, '=') && l->row_end && l->row_end == t->prev[before])
		made.expected = l->row_count;
	return made;
}

static void close_list(scan *s, const level *list, bool is_any)
{
	level *l = &s->levels[s->depth];
	uint32_t count = list->commas + is_any;

	if (list->expected && count && list->expected != count && !list->is_query &&
		(list->is_any_gap || l->is_columns_gap))
		cx_trim_wrong(s->t, list->opener, "a list is left longer or shorter than its other one",
					  "put the same parts into both lists");
	l->is_any_gap |= list->is_any_gap;
	if (list->is_column_list) {
		l->columns = count;
		l->is_columns_gap = list->is_any_gap;
	} else if (list->is_row && !list->is_query && !(l->is_in_values && l->row_count)) {
		l->row_count = count;
		l->row_end = s->at;
		l->is_columns_gap |= list->is_any_gap;
	}
}

static void close_bracket(scan *s, bool is_kept)
{
	level list;
	bool is_any;

	while (s->depth && s->levels[s->depth].is_case)
		pop(s);
	list = s->levels[s->depth];
	is_any = is_kept && !cx_trim_is_op(s->t, s->t->prev[s->at], '(');
	pop(s);
	if (is_kept && list.opener)
		close_list(s, &list, is_any);
	s->levels[s->depth].has_name |= list.has_name;
	s->levels[s->depth].has_gap |= list.has_gap || list.is_any_gap;
}

static void close_case(scan *s)
{
	level own = s->levels[s->depth];

	if (own.is_any_gap && (!own.whens || own.whens != own.thens || own.elses > 1))
		cx_trim_wrong(s->t, own.opener, "a CASE is left without one of its parts", ALONE);
	pop(s);
	s->levels[s->depth].has_name |= own.has_name;
	s->levels[s->depth].has_gap |= own.has_gap || own.is_any_gap;
	s->levels[s->depth].is_any_gap |= own.is_any_gap;
}

/* ---- Words ---------------------------------------------------------------------------------- */

/* CROSS and NATURAL JOINs have no condition. */
static bool is_join_with_condition(const cx_trim *t, uint32_t at)
{
	uint32_t before = t->prev[at];

	for (int i = 0; i < 4 && before; i++, before = t->prev[before])
		if (cx_trim_is_word(t, before, "cross") || cx_trim_is_word(t, before, "natural"))
			return false;
		else if (!(cx_trim_traits(t, before) & CX_TRAIT_JOINER) &&
				 !cx_trim_is_word(t, before, "outer"))
			break;
	return true;
}

/* Whether a token of a condition names something that a row has. */
static bool is_naming(const cx_trim *t, uint32_t at)
{
	const cx_template_token *token = cx_trim_token(t, at);
	const cx_template_token *before = t->prev[at] ? cx_trim_token(t, t->prev[at]) : NULL;
	const cx_template_token *after = t->next[at] ? cx_trim_token(t, t->next[at]) : NULL;

	if (token->kind == CX_TOKEN_QUOTED)
		return true;
	if (token->kind != CX_TOKEN_WORD || (token->traits & CX_TRAIT_CONSTANT) ||
		cx_trim_is_op(t, t->next[at], '('))
		return false;
	if (after && after->kind == CX_TOKEN_STRING) /* date '2024-01-01' */
		return false;
	return !before || before->kind != CX_TOKEN_OPERATOR ||
		   t->template->text[before->offset] != ':'; /* a cast's type */
}

static void take_and(const scan *s, level *l, cx_template_token *token)
{
	bool is_bound = l->betweens != 0;

	l->betweens -= is_bound;
	token->and_roles |= is_bound ? 2 : 1;
	if (token->and_roles == 3)
		cx_trim_wrong(s->t, token, "this AND is a BETWEEN's for some parameters, for others not",
					  "put a BETWEEN into an optional part whole");
}

static void take_condition(const scan *s, level *l, const cx_template_token *token)
{
	if (l->has_where) /* of a script's next statement, or a MERGE's WHEN */
		return;
	end_joins(s, l);
	l->is_where_gone = l->where != NULL;
	l->has_where = l->is_in_where = true;
	l->where = token;
	l->has_name = l->has_gap = false;
}

static void take_kept(scan *s, cx_template_token *token)
{
	const cx_trim *t = s->t;
	level *l = &s->levels[s->depth];
	uint32_t traits = token->traits, at = s->at;

	if (traits & CX_TRAIT_WHERE)
		take_condition(s, l, token);
	else if ((traits & CX_TRAIT_ON) && l->joins)
		l->joins--;
	else if (l->is_merge && cx_trim_is_word(t, at, "on"))
		take_condition(s, l, token);
	else if (traits & CX_TRAIT_JOIN)
		l->joins += is_join_with_condition(t, at);
	else if (((traits & CX_TRAIT_STARTS) && !(traits & (CX_TRAIT_ON | CX_TRAIT_CONSTANT))) ||
			 (traits & CX_TRAIT_SET))
		end_joins(s, l);
	if (traits & CX_TRAIT_SET)
		l->has_set = true;
	if (traits & CX_TRAIT_COMMA) {
		end_joins(s, l);
		l->commas++;
	}
	if (traits & CX_TRAIT_BETWEEN) {
		l->betweens++;
		l->between = token;
	}
	if (traits & CX_TRAIT_AND)
		take_and(s, l, token);
	if (traits & CX_TRAIT_VALUES) {
		l->is_in_values = true;
		l->row_count = 0;
	} else if (traits & (CX_TRAIT_STARTS | CX_TRAIT_CLAUSE)) {
		l->is_in_values = false;
	}
	l->whens += l->is_case && cx_trim_is_word(t, at, "when");
	l->thens += l->is_case && cx_trim_is_word(t, at, "then");
	l->elses += l->is_case && cx_trim_is_word(t, at, "else");
	if (l->is_in_where && (traits & CX_TRAIT_STARTS) && !(traits & CX_TRAIT_WHERE) &&
		(cx_trim_is_word(t, at, "returning") || cx_trim_is_word(t, at, "order") ||
		 cx_trim_is_word(t, at, "limit") || (l->is_merge && cx_trim_is_word(t, at, "when"))))
		end_where(s, l);
	if (!l->has_name && !(traits & (CX_TRAIT_WHERE | CX_TRAIT_ON)))
		l->has_name = is_naming(t, at);
}

static void take_lost(scan *s, const cx_template_token *token)
{
	level *l = &s->levels[s->depth];

	l->is_any_gap = l->has_gap = true;
	if ((token->traits & CX_TRAIT_WHERE) && !l->has_where)
		l->where = token;
	if ((token->traits & CX_TRAIT_ON) && l->is_merge && !l->joins && !l->has_where)
		l->where = token;
	if ((token->traits & CX_TRAIT_ON) && l->joins)
		l->lost_on = token;
	if (token->traits & CX_TRAIT_SET)
		l->set = token;
	if (token->traits & CX_TRAIT_AND)
		l->has_lost_and = true;
}

/* ---- The pass ------------------------------------------------------------------------------- */

/* Brackets that were taken out have levels too: what is in them is not what is around them. */
static bool take(scan *s, uint32_t i)
{
	const cx_trim *t = s->t;
	cx_template_token *token = &t->template->tokens[i];
	bool is_kept = s->at && t->solid[s->at] == i;
	char op = token->kind == CX_TOKEN_OPERATOR && token->length == 1
				  ? t->template->text[token->offset]
				  : 0;

	if (op == '(' || op == '[') {
		if (!is_kept)
			take_lost(s, token);
		return push(s, is_kept ? open_bracket(s, token) : (level){0});
	}
	if (op == ')' || op == ']') {
		close_bracket(s, is_kept);
	} else if (op == ';') {
		end_statement(s, &s->levels[s->depth]);
	} else if ((token->traits & CX_TRAIT_VERB) &&
			   (is_kept ? is_change(t, s->at) : began_statement(t->template, i))) {
		end_statement(s, &s->levels[s->depth]);
		s->levels[s->depth].is_open = is_kept;
		s->levels[s->depth].is_merge = is_kept && cx_trim_is_word(t, s->at, "merge");
	} else if (is_kept && (token->traits & CX_TRAIT_CASE) &&
			   !cx_trim_is_word(t, t->prev[s->at], "end")) {
		return push(s, (level){.is_case = true, .opener = token});
	} else if (is_kept && (token->traits & CX_TRAIT_END) && s->levels[s->depth].is_case) {
		close_case(s);
	} else if (is_kept) {
		take_kept(s, token);
	} else {
		take_lost(s, token);
	}
	return true;
}

cdbc_status cx_trim_find_lost(const cx_trim *trim, cdbc_error **err)
{
	const cx_template *t = trim->template;
	scan s = {.t = trim, .at = trim->next[0]};
	bool is_room = cx_grow(&s.levels, 0, &s.capacity, sizeof *s.levels);

	if (is_room)
		s.levels[0] = (level){0};
	for (uint32_t i = 0; i < t->token_count && is_room; i++) {
		if (t->tokens[i].kind == CX_TOKEN_SPACE || t->tokens[i].kind == CX_TOKEN_COMMENT)
			continue;
		is_room = take(&s, i);
		if (s.at && trim->solid[s.at] == i)
			s.at = trim->next[s.at];
	}
	while (is_room && s.depth)
		pop(&s);
	if (is_room)
		pop(&s);
	cx_free(s.levels);
	return is_room ? CDBC_OK : cx_error_nomem(err);
}
