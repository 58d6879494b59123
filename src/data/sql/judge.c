// SPDX-License-Identifier: Apache-2.0
/* The judge: a few marks taken while the tokens go by. verdict.c weighs them. */
#include "data/sql/judge.h"

#include <string.h>
#include <strings.h>

#define SMALL_ROWS 100

void cx_judge_init(cx_judge *judge)
{
	memset(judge, 0, sizeof *judge);
}

/* The verbs that may follow WITH or EXPLAIN. */
static bool is_main_verb(cx_keyword keyword)
{
	switch (keyword) {
	case CX_KW_SELECT:
	case CX_KW_VALUES:
	case CX_KW_TABLE:
	case CX_KW_INSERT:
	case CX_KW_UPSERT:
	case CX_KW_UPDATE:
	case CX_KW_DELETE:
	case CX_KW_MERGE:
	case CX_KW_REPLACE:
		return true;
	default:
		return false;
	}
}

static bool is_small_number(const cx_token *token)
{
	unsigned n = 0;

	if (token->kind != CX_TOKEN_NUMBER || token->length > 3)
		return false;
	for (size_t i = 0; i < token->length; i++) {
		if (token->text[i] < '0' || token->text[i] > '9')
			return false;
		n = n * 10 + (unsigned)(token->text[i] - '0');
	}
	return n <= SMALL_ROWS;
}

static void feed_limit(cx_judge *j, const cx_token *token, cx_keyword kw, size_t depth)
{
	switch (j->limit_state) {
	case CX_LIMIT_WORD:
		j->limit_state = is_small_number(token) ? CX_LIMIT_NUMBER : CX_LIMIT_NONE;
		return;
	case CX_LIMIT_NUMBER:
		j->limit_state = token->kind == CX_TOKEN_WORD ? CX_LIMIT_SURE : CX_LIMIT_NONE;
		return;
	case CX_LIMIT_SURE:
	case CX_FETCH_ONLY:
		return;
	case CX_FETCH_WORD:
		j->limit_state = kw == CX_KW_FIRST || kw == CX_KW_NEXT ? CX_FETCH_FIRST : CX_LIMIT_NONE;
		return;
	case CX_FETCH_FIRST:
	case CX_FETCH_NUMBER:
		if (j->limit_state == CX_FETCH_FIRST && is_small_number(token))
			j->limit_state = CX_FETCH_NUMBER;
		else
			j->limit_state = kw == CX_KW_ROW || kw == CX_KW_ROWS ? CX_FETCH_ROWS : CX_LIMIT_NONE;
		return;
	case CX_FETCH_ROWS:
		j->limit_state = kw == CX_KW_ONLY ? CX_FETCH_ONLY : CX_LIMIT_NONE;
		return;
	default:
		if (depth == 0 && kw == CX_KW_LIMIT)
			j->limit_state = CX_LIMIT_WORD;
		else if (depth == 0 && kw == CX_KW_FETCH && j->word_count)
			j->limit_state = CX_FETCH_WORD;
	}
}

/* CURRENT_TIMESTAMP and its like need no brackets. */
static bool is_clock(const cx_token *token)
{
	return (token->length == 9 || (token->length >= 12 && token->length <= 17)) &&
		   (cx_word_begins(token->text, token->length, "current_") ||
			cx_word_begins(token->text, token->length, "local")) &&
		   cx_function_is_volatile(token->text, token->length);
}

/* SQLite's, which take the time of now when they are given none. */
static bool takes_time(const cx_token *name)
{
	return cx_word_is(name->text, name->length, "date") ||
		   cx_word_is(name->text, name->length, "time") ||
		   cx_word_is(name->text, name->length, "datetime") ||
		   cx_word_is(name->text, name->length, "julianday") ||
		   cx_word_is(name->text, name->length, "unixepoch");
}

static bool is_now(const cx_token *token)
{
	const char *text;
	size_t length;

	if (token->kind != CX_TOKEN_STRING || token->length < 5 || token->text[0] != '\'')
		return false; /* or there is none */
	text = token->text + 1;
	length = token->length - 2;
	return (cx_word_is(text, length, "now") || cx_word_is(text, length, "today") ||
			cx_word_is(text, length, "tomorrow") || cx_word_is(text, length, "yesterday"));
}

/* 'now' and its like as a time: date('now'), timestamp 'now', 'now'::date. */
static bool names_now(const cx_judge *j, const cx_token *token)
{
	const cx_token *prev = &j->prev;

	if (token->kind == CX_TOKEN_OPERATOR)
		return token->length >= 2 && token->text[0] == ':' && token->text[1] == ':' && is_now(prev);
	if (!is_now(token))
		return false;
	if (prev->kind == CX_TOKEN_WORD)
		return takes_time(prev) || cx_word_begins(prev->text, prev->length, "timestamp") ||
			   cx_word_is(prev->text, prev->length, "zone");
	return cx_token_is(prev, '(') ? j->is_time_call : cx_token_is(prev, ',') && j->has_time_format;
}

static void feed_time(cx_judge *j, const cx_token *token)
{
	j->is_volatile |= names_now(j, token);
	if (cx_token_is(token, ')') && cx_token_is(&j->prev, '('))
		j->is_volatile |= j->is_time_call;
	else if (cx_token_is(token, '('))
		j->is_time_call = j->prev.kind == CX_TOKEN_WORD && takes_time(&j->prev);
}

/* One of them within the first argument of another would need a stack: taken for volatile. */
static void begin_now_call(cx_judge *j, size_t depth)
{
	j->is_volatile |= j->now_depth != 0;
	j->now_depth = depth;
}

static void feed_argument(cx_judge *j, const cx_token *token, size_t depth)
{
	if (cx_token_is(token, ',') && depth == j->now_depth) {
		j->now_depth = 0;
	} else if (cx_token_is(token, ')') && depth + 1 == j->now_depth) {
		j->is_volatile = true;
		j->now_depth = 0;
	}
}

/* Whether a word may begin a statement in square brackets: they are no array's, no subscript's. */
static bool may_begin(const cx_judge *j)
{
	const cx_token *before = &j->before;

	if (!cx_token_is(&j->prev, '['))
		return false;
	if (before->kind == CX_TOKEN_WORD)
		return j->before_keyword != CX_KW_NONE && j->before_keyword != CX_KW_ARRAY;
	return before->kind == CX_TOKEN_OPERATOR && !cx_token_is(before, ')') &&
		   !cx_token_is(before, ']');
}

/* A word anywhere that makes a query write. Names of columns that look like verbs are taken for
 * verbs, unless qualified or quoted. */
static void feed_write(cx_judge *j, cx_keyword kw)
{
	switch (kw) {
	case CX_KW_INSERT:
	case CX_KW_UPSERT:
	case CX_KW_UPDATE:
	case CX_KW_DELETE:
	case CX_KW_MERGE:
	case CX_KW_TRUNCATE:
	case CX_KW_INTO:
		j->may_write = true;
		break;
	case CX_KW_SHARE:
		j->may_write |= j->prev_keyword == CX_KW_FOR || j->prev_keyword == CX_KW_KEY;
		break;
	case CX_KW_CREATE:
	case CX_KW_EXECUTE:
	case CX_KW_DECLARE:
	case CX_KW_REFRESH:
		j->may_write |= j->is_explain || may_begin(j);
		break;
	case CX_KW_TEMP:
	case CX_KW_TEMPORARY: /* CREATE stands inside CREATE SCHEMA and EXPLAIN too */
		j->is_session_changed |= j->prev_keyword == CX_KW_INTO || j->before_keyword == CX_KW_INTO ||
								 j->prev_keyword == CX_KW_CREATE;
		break;
	case CX_KW_RETURNING:
		j->has_returning = true;
		break;
	case CX_KW_ANALYZE:
	case CX_KW_ANALYSE:
		j->is_analyze = true;
		j->may_write |= j->is_inner_explain || may_begin(j);
		break;
	case CX_KW_HOLD:
		j->is_hold |= j->prev_keyword == CX_KW_WITH;
		break;
	case CX_KW_CONCURRENTLY:
		j->is_concurrent = true;
		break;
	case CX_KW_STDIN:
		j->is_from_stdin |= j->prev_keyword == CX_KW_FROM;
		break;
	case CX_KW_STDOUT:
		j->is_to_stdout |= j->prev_keyword == CX_KW_TO;
		break;
	case CX_KW_EXPLAIN:
		j->is_inner_explain |= may_begin(j);
		break;
	case CX_KW_NONE: /* a name in an array, unless a table stands there */
		j->may_write |= cx_token_is(&j->prev, '[') &&
						(j->before_keyword == CX_KW_FROM || j->before_keyword == CX_KW_JOIN);
		break;
	default: /* CockroachDB runs any statement in brackets as a table */
		j->may_write |= may_begin(j) && (cx_keyword_flags(kw) & CX_WORD_ACTS);
		break;
	}
}

/* The main query after WITH's and EXPLAIN's brackets may stand in brackets itself. */
static bool is_verb_depth(const cx_judge *j, size_t depth)
{
	if (depth == j->base_depth)
		return true;
	return depth == j->base_depth + 1 && cx_token_is(&j->prev, '(') &&
		   (cx_token_is(&j->before, ')') || j->before_keyword == CX_KW_EXPLAIN ||
			j->before_keyword == CX_KW_ANALYZE || j->before_keyword == CX_KW_ANALYSE ||
			j->before_keyword == CX_KW_VERBOSE);
}

static void feed_word(cx_judge *j, cx_keyword kw, size_t depth)
{
	if (j->word_count < sizeof j->words / sizeof *j->words)
		j->words[j->word_count] = kw;
	if (j->word_count++ == 0) {
		j->base_depth = depth;
		if (kw == CX_KW_WITH)
			j->is_with = true;
		else if (kw == CX_KW_EXPLAIN)
			j->is_explain = true;
		else
			j->verb = kw;
	} else if (!j->verb && kw == CX_KW_WITH) {
		j->is_with = true;
	} else if (!j->verb && is_main_verb(kw) && is_verb_depth(j, depth)) {
		j->verb = kw;
	}
}

/* Whether the keyword before an opening bracket is syntax there. Many are no reserved words: they
 * may name a function of the user's. */
static bool is_syntax(const cx_judge *j)
{
	cx_keyword kw = j->prev_keyword, before = j->before_keyword;

	switch (kw) {
	case CX_KW_ROW:
	case CX_KW_ONLY:
	case CX_KW_TABLE:
	case CX_KW_ANALYZE:
	case CX_KW_ANALYSE:
		return true;
	case CX_KW_FIRST:
	case CX_KW_NEXT:
		return before == CX_KW_FETCH;
	case CX_KW_MATERIALIZED:
		return before == CX_KW_AS || before == CX_KW_NOT;
	case CX_KW_BY:
		return before == CX_KW_ORDER ||
			   (before == CX_KW_NONE && j->before.kind == CX_TOKEN_WORD); /* GROUP, PARTITION */
	case CX_KW_OVER:
		return cx_token_is(&j->before, ')') ||
			   (before == CX_KW_NONE && j->before.kind == CX_TOKEN_WORD); /* IGNORE NULLS */
	case CX_KW_FILTER:
		return cx_token_is(&j->before, ')');
	case CX_KW_ESCAPE:
	case CX_KW_RECURSIVE:
	case CX_KW_SET:
	case CX_KW_WITHIN:
		return false;
	default:
		return (cx_keyword_flags(kw) & CX_WORD_OPENS) != 0;
	}
}

/* Names that are no functions where another word stands before them. */
static bool is_phrase(const cx_judge *j, const char *name, size_t length)
{
	const cx_token *before = &j->before;

	if (before->kind != CX_TOKEN_WORD)
		return false;
	if (cx_word_is(name, length, "system") || cx_word_is(name, length, "bernoulli"))
		return cx_word_is(before->text, before->length, "tablesample");
	if (cx_word_is(name, length, "sets"))
		return cx_word_is(before->text, before->length, "grouping");
	if (cx_word_is(name, length, "varying"))
		return cx_word_is(before->text, before->length, "character") ||
			   cx_word_is(before->text, before->length, "char") ||
			   cx_word_is(before->text, before->length, "bit");
	return false;
}

static bool has_capital(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			return true;
	return false;
}

/* Brackets of statements that only name functions. */
static bool is_only_named(const cx_judge *j)
{
	switch (j->words[0]) {
	case CX_KW_ALTER:
	case CX_KW_DROP:
	case CX_KW_GRANT:
	case CX_KW_REVOKE:
	case CX_KW_COMMENT:
		return true;
	default:
		return cx_judge_is_routine(j);
	}
}

/* What stands before an opening bracket is called, unless it is syntax, a type, an alias, the name
 * of a WITH query or the table of COPY. */
static void feed_call(cx_judge *j, size_t depth)
{
	const char *name = j->prev.text;
	size_t length = j->prev.length;
	bool is_quoted = j->prev.kind == CX_TOKEN_QUOTED, is_system = true;

	if ((!is_quoted && j->prev.kind != CX_TOKEN_WORD) || is_only_named(j))
		return;
	if (depth == j->base_depth + 1 &&
		(j->words[0] == CX_KW_COPY || ((j->is_with || j->is_explain) && !j->verb)))
		return;
	if (is_quoted && name[0] != '"') { /* U&".." */
		j->may_write = true;
		return;
	}
	name += is_quoted;
	length -= is_quoted ? 2 : 0;
	if (j->is_prev_after_dot)
		is_system = j->qualifier && cx_word_is(j->qualifier, j->qualifier_length, "pg_catalog");
	else if (!is_quoted &&
			 (j->prev_keyword != CX_KW_NONE ? is_syntax(j) : is_phrase(j, name, length)))
		return;
	if (cx_word_is(name, length, "set_config"))
		j->set_config_depth = depth;
	if (cx_function_fills_in_now(name, length))
		begin_now_call(j, depth);
	j->has_time_format |= cx_word_is(name, length, "strftime");
	j->is_volatile |= cx_function_is_volatile(name, length);
	j->is_session_changed |= cx_function_changes_session(name, length);
	j->may_write |= !is_system || (is_quoted && has_capital(name, length)) ||
					!cx_function_is_pure(name, length);
}

/* Whether a bracket may be a call's: after AS stands an alias or a type, after a cast a type. */
static bool may_be_call(const cx_judge *j)
{
	return j->token_count && j->before_keyword != CX_KW_AS &&
		   !(j->before.kind == CX_TOKEN_OPERATOR && j->before.length >= 2 &&
			 j->before.text[0] == ':' && j->before.text[1] == ':');
}

void cx_judge_feed(cx_judge *judge, const cx_token *token, cx_keyword keyword, size_t depth)
{
	bool is_after_dot = cx_token_is(&judge->prev, '.');

	if (token->kind == CX_TOKEN_WORD && !is_after_dot) {
		feed_limit(judge, token, keyword, depth);
		feed_word(judge, keyword, depth);
		feed_write(judge, keyword);
		judge->is_volatile |= is_clock(token);
		if (judge->words[0] == CX_KW_CREATE && cx_word_is(token->text, token->length, "pg_temp"))
			judge->is_session_changed = true;
	} else {
		feed_limit(judge, token, CX_KW_NONE, depth);
	}
	if (token->kind == CX_TOKEN_STRING || token->kind == CX_TOKEN_OPERATOR)
		feed_time(judge, token);
	if (judge->now_depth)
		feed_argument(judge, token, depth);
	if (cx_token_is(token, '(') && may_be_call(judge))
		feed_call(judge, depth);
	if (cx_token_is(token, ')') && judge->set_config_depth == depth + 1) {
		judge->is_session_changed |= judge->prev_keyword != CX_KW_TRUE;
		judge->set_config_depth = 0;
	}
	if (cx_token_is(token, '.')) {
		judge->qualifier = judge->prev.text;
		judge->qualifier_length = judge->prev.length;
	}
	judge->token_count++;
	judge->before = judge->prev;
	judge->prev = *token;
	judge->before_keyword = judge->prev_keyword;
	judge->prev_keyword = keyword;
	judge->is_prev_after_dot = is_after_dot;
}
