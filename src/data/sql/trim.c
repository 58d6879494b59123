// SPDX-License-Identifier: Apache-2.0
/* What a removed part leaves dangling, decided on tokens: at each gap, what stands before it and
 * what stands after it are weighed until nothing more has to go. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/sql/trim.h"

#include <string.h>

typedef struct word_traits {
	const char *word;
	uint32_t traits;
} word_traits;

#define CLAUSE   (CX_TRAIT_CLAUSE | CX_TRAIT_STARTS | CX_TRAIT_OPENS | CX_TRAIT_GROUPS)
#define STARTS   CX_TRAIT_STARTS
#define OPENS    CX_TRAIT_OPENS
#define NEEDS    CX_TRAIT_NEEDS
#define QUERY    (CX_TRAIT_NEEDS | CX_TRAIT_QUERY)
#define AFTER    CX_TRAIT_AFTER
#define BRACKETS CX_TRAIT_BRACKETS
#define CONSTANT CX_TRAIT_CONSTANT
#define JOINER   CX_TRAIT_JOINER
#define COMPARES (NEEDS | AFTER | CONSTANT)

static const word_traits words_a[] = {{"and", CX_TRAIT_AND | CX_TRAIT_GROUPS | CONSTANT},
									  {"any", NEEDS | BRACKETS | CONSTANT},
									  {"all", BRACKETS | CONSTANT},
									  {"array", CONSTANT},
									  {"as", STARTS | QUERY | AFTER | BRACKETS | CONSTANT},
									  {"asc", AFTER},
									  {0}};
static const word_traits words_b[] = {{"by", CX_TRAIT_CLAUSE | OPENS | CX_TRAIT_GROUPS},
									  {"between", CX_TRAIT_BETWEEN | COMPARES},
									  {0}};
static const word_traits words_c[] = {{"case", CX_TRAIT_CASE | OPENS | CONSTANT},
									  {"cast", BRACKETS | CONSTANT},
									  {"collate", NEEDS | AFTER | CONSTANT},
									  {"conflict", BRACKETS},
									  {"cross", JOINER},
									  {"cube", BRACKETS},
									  {"current_catalog", CONSTANT},
									  {"current_date", CONSTANT},
									  {"current_role", CONSTANT},
									  {"current_schema", CONSTANT},
									  {"current_time", CONSTANT},
									  {"current_timestamp", CONSTANT},
									  {"current_user", CONSTANT},
									  {0}};
static const word_traits words_d[] = {{"delete", CX_TRAIT_VERB},
									  {"desc", AFTER},
									  {"distinct", OPENS | QUERY | CONSTANT},
									  {"do", STARTS},
									  {0}};
static const word_traits words_e[] = {{"else", STARTS | OPENS | NEEDS | CONSTANT},
									  {"end", CX_TRAIT_END | STARTS | CONSTANT},
									  {"escape", NEEDS | CONSTANT},
									  {"except", STARTS | QUERY},
									  {"exists", BRACKETS},
									  {"extract", BRACKETS | CONSTANT},
									  {0}};
static const word_traits words_f[] = {
	{"false", CONSTANT}, {"fetch", STARTS},
	{"for", STARTS},     {"from", STARTS | OPENS | NEEDS | BRACKETS},
	{"full", JOINER},    {0}};
static const word_traits words_g[] = {{"group", STARTS | BRACKETS}, {0}};
static const word_traits words_h[] = {{"having", CLAUSE}, {0}};
static const word_traits words_i[] = {{"ilike", COMPARES},
									  {"in", COMPARES | BRACKETS},
									  {"inner", JOINER},
									  {"insert", CX_TRAIT_VERB},
									  {"intersect", STARTS | QUERY},
									  {"interval", CONSTANT},
									  {"into", STARTS | NEEDS},
									  {"is", COMPARES},
									  {"isnull", AFTER | CONSTANT},
									  {0}};
static const word_traits words_j[] = {{"join", STARTS | NEEDS | CX_TRAIT_JOIN}, {0}};
static const word_traits words_k[] = {{"key", BRACKETS}, {0}};
static const word_traits words_l[] = {{"lateral", NEEDS | BRACKETS},
									  {"left", JOINER},
									  {"like", COMPARES},
									  {"limit", CX_TRAIT_CLAUSE | STARTS},
									  {"localtime", CONSTANT},
									  {"localtimestamp", CONSTANT},
									  {0}};
static const word_traits words_m[] = {{"merge", CX_TRAIT_VERB}, {0}};
static const word_traits words_n[] = {{"natural", JOINER},
									  {"not", CX_TRAIT_NOT | CX_TRAIT_GROUPS | NEEDS | CONSTANT},
									  {"notnull", AFTER | CONSTANT},
									  {"null", CONSTANT},
									  {0}};
static const word_traits words_o[] = {{"offset", CX_TRAIT_CLAUSE | STARTS},
									  {"on", CLAUSE | CX_TRAIT_ON},
									  {"or", CX_TRAIT_OR | CX_TRAIT_GROUPS | CONSTANT},
									  {"order", STARTS},
									  {"over", NEEDS},
									  {0}};
static const word_traits words_r[] = {{"recursive", OPENS | CX_TRAIT_WITH},
									  {"returning", STARTS | OPENS | NEEDS},
									  {"right", JOINER},
									  {"rollup", BRACKETS},
									  {"row", CONSTANT},
									  {0}};
static const word_traits words_s[] = {{"select", STARTS | OPENS | NEEDS | BRACKETS},
									  {"session_user", CONSTANT},
									  {"set", CX_TRAIT_CLAUSE | OPENS | CX_TRAIT_SET},
									  {"sets", BRACKETS},
									  {"similar", COMPARES},
									  {"some", NEEDS | BRACKETS | CONSTANT},
									  {"symmetric", CONSTANT},
									  {0}};
static const word_traits words_t[] = {
	{"then", STARTS | OPENS | NEEDS | CONSTANT}, {"true", CONSTANT}, {0}};
static const word_traits words_u[] = {{"union", STARTS | QUERY},
									  {"unique", BRACKETS},
									  {"unknown", CONSTANT},
									  {"update", CX_TRAIT_VERB},
									  {"upsert", CX_TRAIT_VERB},
									  {"using", STARTS | OPENS | NEEDS | BRACKETS | CX_TRAIT_ON},
									  {0}};
static const word_traits words_v[] = {{"values", OPENS | CX_TRAIT_GROUPS | NEEDS | CX_TRAIT_VALUES},
									  {0}};
static const word_traits words_w[] = {{"when", STARTS | OPENS | CX_TRAIT_GROUPS | NEEDS | CONSTANT},
									  {"where", CLAUSE | CX_TRAIT_WHERE},
									  {"window", STARTS},
									  {"with", OPENS | CX_TRAIT_WITH},
									  {0}};
static const word_traits *const words[26] = {
	words_a, words_b, words_c, words_d, words_e, words_f, words_g, words_h, words_i,
	words_j, words_k, words_l, words_m, words_n, words_o, NULL,    NULL,    words_r,
	words_s, words_t, words_u, words_v, words_w, NULL,    NULL,    NULL};

/* An operator between two operands, or one that may stand before its only one. */
static uint32_t operator_traits(const char *text, size_t length)
{
	static const char *const between[] = {"=",  "<",  ">",  "<=",  ">=",  "<>", "!=",  "||",
										  "/",  "%",  "^",  "->",  "->>", "#>", "#>>", "@>",
										  "<@", "&&", "::", ":::", "~*",  "!~", "~~",  "=>"};

	if (text[0] == '?' || text[0] == '*' || (length == 1 && (text[0] == ':' || text[0] == '!')))
		return 0;
	for (size_t i = 0; i < sizeof between / sizeof *between; i++)
		if (strlen(between[i]) == length && !memcmp(text, between[i], length))
			return NEEDS | AFTER;
	return NEEDS;
}

uint32_t cx_token_traits(const char *text, size_t length, uint8_t kind)
{
	const word_traits *word;
	char first = cx_lower(text[0]);

	if (kind == CX_TOKEN_OPERATOR && length == 1)
		switch (text[0]) {
		case ',':
			return CX_TRAIT_COMMA | CX_TRAIT_GROUPS;
		case '(':
			return OPENS | CX_TRAIT_GROUPS;
		case '[':
			return OPENS;
		case ';':
			return OPENS | STARTS;
		case ')':
		case ']':
			return STARTS;
		default:
			return operator_traits(text, length);
		}
	if (kind == CX_TOKEN_OPERATOR)
		return operator_traits(text, length);
	if (kind != CX_TOKEN_WORD || first < 'a' || first > 'z' || !words[first - 'a'])
		return 0;
	for (word = words[first - 'a']; word->word; word++)
		if (cx_word_is(text, length, word->word))
			return word->traits;
	return 0;
}

/* ---- Looking at what is left ---------------------------------------------------------------- */

#define token_of   cx_trim_token
#define traits_of  cx_trim_traits
#define is_op      cx_trim_is_op
#define is_word    cx_trim_is_word
#define connective cx_trim_connective
#define ends       cx_trim_ends

unsigned cx_trim_connective(const cx_trim *t, uint32_t at)
{
	unsigned traits = traits_of(t, at);

	if (traits & CX_TRAIT_AND)
		return t->is_plain_and[at] ? 3 : 0;
	return traits & CX_TRAIT_OR ? 2 : traits & CX_TRAIT_COMMA ? 1 : 0;
}

static bool is_name(const cx_trim *t, uint32_t at)
{
	return at &&
		   (token_of(t, at)->kind == CX_TOKEN_WORD || token_of(t, at)->kind == CX_TOKEN_QUOTED) &&
		   !(traits_of(t, at) & ~(uint32_t)CX_TRAITS_OF_NAMES);
}

bool cx_trim_ends(const cx_trim *t, uint32_t at)
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
			   : is_word(t, at, "update") ? is_name(t, after)
										  : is_word(t, after, "into");
	return false;
}

bool cx_trim_is_head(const cx_trim *t, uint32_t before)
{
	return !before || is_op(t, before, ';') || is_op(t, before, '(') || is_op(t, before, '[') ||
		   is_op(t, before, ')') || is_word(t, before, "explain") ||
		   is_word(t, before, "analyze") || is_word(t, before, "analyse") ||
		   is_word(t, before, "verbose");
}

/* The first word of a name with dots. */
static uint32_t name_begin(const cx_trim *t, uint32_t at)
{
	while (at && is_op(t, t->prev[at], '.'))
		at = t->prev[t->prev[at]];
	return at;
}

bool cx_trim_is_insert_table(const cx_trim *t, uint32_t at)
{
	uint32_t before;

	if (!at || (token_of(t, at)->kind != CX_TOKEN_WORD && token_of(t, at)->kind != CX_TOKEN_QUOTED))
		return false;
	before = t->prev[name_begin(t, at)];
	if (is_word(t, before, "as"))
		before = t->prev[name_begin(t, t->prev[before])];
	return is_word(t, before, "into");
}

static bool opens(const cx_trim *t, uint32_t at)
{
	return !at || (traits_of(t, at) & OPENS);
}

static void take_out(cx_trim *t, uint32_t at)
{
	t->next[t->prev[at]] = t->next[at];
	t->prev[t->next[at]] = t->prev[at];
	t->solid[at] = UINT32_MAX;
}

static bool is_distinct_on(const cx_trim *t, uint32_t at)
{
	return (traits_of(t, at) & CX_TRAIT_ON) && is_word(t, t->prev[at], "distinct");
}

/* The count of `limit from, count` cannot go alone: what is left would be a count. */
static void check_limit(const cx_trim *t, uint32_t comma)
{
	uint32_t before = t->prev[comma];

	if (t->info && (traits_of(t, comma) & CX_TRAIT_COMMA) && before &&
		is_word(t, t->prev[before], "limit"))
		cx_trim_wrong(t, token_of(t, comma), "a LIMIT with two numbers loses its second",
					  "write `limit COUNT offset FROM`");
}

/* Whether the brackets around a gap hold nothing and mean nothing. */
static bool is_empty_group(const cx_trim *t, uint32_t left, uint32_t right)
{
	uint32_t before = left ? t->prev[left] : 0, after = right ? t->next[right] : 0;

	return is_op(t, left, '(') && is_op(t, right, ')') && before &&
		   (traits_of(t, before) & CX_TRAIT_GROUPS) && !is_distinct_on(t, before) &&
		   (ends(t, after) || connective(t, after));
}

/* `with` whose queries are all gone. */
static bool is_empty_with(const cx_trim *t, uint32_t left, uint32_t right)
{
	uint32_t before = left ? t->prev[left] : 0;

	if (!(traits_of(t, left) & CX_TRAIT_WITH) ||
		!(is_word(t, right, "select") || is_word(t, right, "values") ||
		  is_word(t, right, "table") || (traits_of(t, right) & CX_TRAIT_VERB)))
		return false;
	return is_word(t, left, "recursive") ? is_word(t, before, "with") : cx_trim_is_head(t, before);
}

/* Settles the gap after left. */
static void settle(cx_trim *t, uint32_t left)
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
			check_limit(t, left);
			take_out(t, left);
			left = before;
		} else if ((traits_of(t, left) & CX_TRAIT_CLAUSE) && ends(t, right) &&
				   !is_word(t, before, "as") && !is_distinct_on(t, left)) {
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
		} else if (is_op(t, left, '(') && is_op(t, right, ')') && is_word(t, before, "filter")) {
			left = t->prev[before]; /* what counts all without its condition */
			take_out(t, before);
			take_out(t, t->next[left]);
			take_out(t, right);
		} else if (is_empty_with(t, left, right)) {
			take_out(t, left);
			left = before;
		} else {
			return;
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
	for (uint32_t at = 0; !status && trim->info && at <= trim->count; at++) {
		if (!trim->is_gap[at])
			continue;
		for (left = at; left && trim->solid[left] == UINT32_MAX;)
			left = trim->prev[left];
		cx_trim_find_dangling(trim, left);
	}
	return status;
}
