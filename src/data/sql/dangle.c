// SPDX-License-Identifier: Apache-2.0
/* What is left at a gap and cannot stand so: an operator without its operand, a word that wants
 * something after it, brackets that have to hold something. A mistake of the file, told when it is
 * loaded; only the two tokens beside the gap are looked at, what is further away is in lost.c. */
#include "data/sql/trim.h"

#define PUT_INSIDE "put it into the optional part with what it needs"

/* Whether a word stands as a name, so that it wants nothing. */
static bool is_alias(const cx_trim *t, uint32_t at)
{
	unsigned traits = cx_trim_traits(t, at);

	return cx_trim_token(t, at)->kind == CX_TOKEN_WORD && cx_trim_is_word(t, t->prev[at], "as") &&
		   !cx_trim_is_word(t, at, "select") && !(traits & (CX_TRAIT_WITH | CX_TRAIT_VALUES));
}

/* Whether nothing that belongs to a word or an operator comes after it. */
static bool lacks(const cx_trim *t, uint32_t left, uint32_t right)
{
	unsigned traits = cx_trim_traits(t, left);

	if (cx_trim_traits(t, right) & CX_TRAIT_CONNECTIVE)
		return true;
	if ((traits & CX_TRAIT_QUERY) && (cx_trim_is_word(t, right, "select") ||
									  (cx_trim_traits(t, right) & (CX_TRAIT_WITH | CX_TRAIT_VERB))))
		return false;
	if (cx_trim_is_word(t, left, "then") && cx_trim_is_word(t, right, "do"))
		return false;
	return cx_trim_ends(t, right);
}

static bool is_rows(const cx_trim *t, uint32_t at)
{
	return cx_trim_is_word(t, at, "row") || cx_trim_is_word(t, at, "rows") ||
		   cx_trim_is_word(t, at, "percent") || cx_trim_is_word(t, at, "only");
}

/* FETCH FIRST n ROWS, which without n means one row, and OFFSET n ROWS. */
static bool lost_count(const cx_trim *t, uint32_t left, uint32_t right)
{
	uint32_t before = t->prev[left];

	if (!is_rows(t, right))
		return false;
	return cx_trim_is_word(t, left, "fetch") || cx_trim_is_word(t, left, "offset") ||
		   ((cx_trim_is_word(t, left, "first") || cx_trim_is_word(t, left, "next")) &&
			cx_trim_is_word(t, before, "fetch"));
}

/* UPDATE without its table, DO UPDATE without its SET. */
static bool lost_update(const cx_trim *t, uint32_t left, uint32_t right)
{
	uint32_t before = t->prev[left];
	bool is_set = (cx_trim_traits(t, right) & CX_TRAIT_SET) != 0;

	if (!cx_trim_is_word(t, left, "update"))
		return false;
	if (cx_trim_is_word(t, before, "do") || cx_trim_is_word(t, before, "then"))
		return !is_set;
	return cx_trim_is_head(t, before) && (is_set || cx_trim_ends(t, right));
}

static bool must_hold(const cx_trim *t, uint32_t before)
{
	const cx_template_token *token = before ? cx_trim_token(t, before) : NULL;

	if (!before || (token->traits & CX_TRAIT_BRACKETS) || cx_trim_is_insert_table(t, before))
		return true;
	if (cx_trim_is_word(t, before, "on")) /* distinct on */
		return true;
	return token->kind == CX_TOKEN_OPERATOR && (token->traits & CX_TRAIT_NEEDS) &&
		   !cx_trim_is_op(t, before, '.');
}

static bool comes_after_nothing(const cx_trim *t, uint32_t left, uint32_t right)
{
	unsigned before = cx_trim_traits(t, left), traits = cx_trim_traits(t, right);

	if (!left || cx_trim_is_op(t, left, ';'))
		return false;
	if (traits & CX_TRAIT_NOT) { /* x not in (..) */
		unsigned after = cx_trim_traits(t, t->next[right]);

		if (!(after & CX_TRAIT_AFTER) || (after & CX_TRAIT_STARTS))
			return false;
	} else if (!(traits & CX_TRAIT_AFTER)) {
		return false;
	}
	return (before & (CX_TRAIT_OPENS | CX_TRAIT_CONNECTIVE | CX_TRAIT_NEEDS)) != 0;
}

void cx_trim_find_dangling(const cx_trim *t, uint32_t left)
{
	uint32_t right = t->next[left];
	unsigned traits = cx_trim_traits(t, left);

	if (left && is_alias(t, left))
		return;
	if (left && cx_trim_is_op(t, left, '(') && cx_trim_is_op(t, right, ')') &&
		must_hold(t, t->prev[left]))
		cx_trim_wrong(t, cx_trim_token(t, left), "brackets are left with nothing in them",
					  "put them into the optional part, or leave something in them");
	else if (left && lost_update(t, left, right))
		cx_trim_wrong(t, cx_trim_token(t, left), "an UPDATE has nothing left to set", PUT_INSIDE);
	else if (left && lost_count(t, left, right))
		cx_trim_wrong(t, cx_trim_token(t, left), "a count of rows is lost", PUT_INSIDE);
	else if ((traits & CX_TRAIT_JOINER) && cx_trim_ends(t, right) &&
			 !(cx_trim_traits(t, right) & (CX_TRAIT_JOIN | CX_TRAIT_JOINER)))
		cx_trim_wrong(t, cx_trim_token(t, left), "nothing is left to join", PUT_INSIDE);
	else if ((traits & CX_TRAIT_NEEDS) && lacks(t, left, right))
		cx_trim_wrong(t, cx_trim_token(t, left), "what has to follow here is gone", PUT_INSIDE);
	else if ((traits & CX_TRAIT_AND) && !t->is_plain_and[left] && lacks(t, left, right))
		cx_trim_wrong(t, cx_trim_token(t, left), "a BETWEEN loses its second bound", PUT_INSIDE);
	else if ((traits & CX_TRAIT_CASE) && lacks(t, left, right) &&
			 !cx_trim_is_word(t, right, "when"))
		cx_trim_wrong(t, cx_trim_token(t, left), "a CASE has no WHEN left", PUT_INSIDE);
	else if (comes_after_nothing(t, left, right))
		cx_trim_wrong(t, cx_trim_token(t, right), "what has to stand before this is gone",
					  PUT_INSIDE);
}
