// SPDX-License-Identifier: Apache-2.0
/* Where AS OF SYSTEM TIME goes: behind the last item of the FROM clause of the SELECT on top, which
 * may stand in brackets or behind WITH. CockroachDB looks nowhere else for it, so a set operation
 * has no place. */
#include "data/sql/as_of.h"

#include "base/error.h"
#include "data/sql/keyword.h"
#include "data/sql/lexer.h"

#include <string.h>

static cdbc_status fail(const char *text, size_t line, size_t line_start, size_t offset,
						const char *hint, const char *message, cdbc_error **err)
{
	cx_error_set(err, CDBC_SQL_FILE, "%s", message);
	cx_error_place(err, NULL, (int64_t)line, (int64_t)cx_column(text, line_start, offset));
	cx_error_position(err, (int64_t)cx_column(text, 0, offset));
	if (hint)
		cx_error_hint(err, "%s", hint);
	return CDBC_SQL_FILE;
}

static cdbc_status fail_lexical(const cx_lexer *lexer, cdbc_error **err)
{
	const cx_lex_error *e = &lexer->error;

	return fail(lexer->text, e->line, e->line_start, e->offset, e->hint, e->message, err);
}

/* ---- The statement -------------------------------------------------------------------------- */

typedef enum finder_state {
	AT_START,  /* the SELECT, WITH, or a bracket before either */
	IN_WITH,   /* its queries */
	IN_SELECT, /* before FROM */
	IN_FROM,
	PAST_FROM
} finder_state;

typedef struct finder {
	cx_lexer lexer;
	cx_token token, prev, select;
	cx_keyword keyword, prev_keyword, before_keyword;
	finder_state state;
	size_t base; /* brackets around the SELECT */
	size_t end;  /* of the last token that is the statement's */
	size_t place;
	bool is_ended; /* by a semicolon */
	cdbc_error **err;
} finder;

static cdbc_status fail_here(finder *f, const char *hint, const char *message)
{
	return fail(f->lexer.text, f->token.line, f->token.line_start, f->token.offset, hint, message,
				f->err);
}

static cdbc_status fail_no_select(finder *f)
{
	bool is_table = f->keyword == CX_KW_VALUES || f->keyword == CX_KW_TABLE;

	return fail_here(f, is_table ? "write: select * from ..." : NULL,
					 is_table ? "`as-of` needs a SELECT with a FROM clause"
							  : "`as-of` needs a statement that reads: a SELECT");
}

static bool is_write(cx_keyword keyword)
{
	return keyword == CX_KW_INSERT || keyword == CX_KW_UPSERT || keyword == CX_KW_UPDATE ||
		   keyword == CX_KW_DELETE || keyword == CX_KW_MERGE;
}

static bool is_set_operation(cx_keyword keyword)
{
	return keyword == CX_KW_UNION || keyword == CX_KW_INTERSECT || keyword == CX_KW_EXCEPT;
}

/* What may follow a FROM clause. */
static bool ends_from(const cx_token *token, cx_keyword keyword)
{
	switch (keyword) {
	case CX_KW_WHERE:
	case CX_KW_HAVING:
	case CX_KW_ORDER:
	case CX_KW_LIMIT:
	case CX_KW_OFFSET:
	case CX_KW_FETCH:
	case CX_KW_FOR:
		return true;
	default:
		return cx_word_is(token->text, token->length, "group") ||
			   cx_word_is(token->text, token->length, "window");
	}
}

static cdbc_status take_start(finder *f)
{
	if (cx_token_is(&f->token, '(')) {
		f->base = f->lexer.depth;
		return CDBC_OK;
	}
	if (f->keyword == CX_KW_SELECT) {
		f->state = IN_SELECT;
		f->select = f->token;
	} else if (f->keyword == CX_KW_WITH) {
		f->state = IN_WITH;
	} else {
		return fail_no_select(f);
	}
	return CDBC_OK;
}

static cdbc_status take_with(finder *f)
{
	/* the statement itself in brackets: nothing else has a bracket after one */
	if (cx_token_is(&f->token, '(') && cx_token_is(&f->prev, ')') &&
		f->lexer.depth == f->base + 1) {
		f->base++;
		f->state = AT_START;
	} else if (f->lexer.depth == f->base && f->token.kind == CX_TOKEN_WORD &&
			   f->keyword == CX_KW_SELECT) {
		return take_start(f);
	} else if (f->lexer.depth == f->base && cx_token_is(&f->prev, ')') &&
			   (is_write(f->keyword) || f->keyword == CX_KW_VALUES || f->keyword == CX_KW_TABLE)) {
		return fail_no_select(f);
	}
	return CDBC_OK;
}

/* A word outside the brackets in the SELECT. */
static cdbc_status take_outer(finder *f)
{
	if (is_set_operation(f->keyword))
		return fail_here(f, "write: select * from (... union ...) as u",
						 "`as-of` needs one SELECT on top, not a set operation");
	if (f->keyword == CX_KW_FOR)
		return fail_here(f, NULL, "rows that are read `as-of` cannot be locked");
	if (f->state == IN_SELECT && f->keyword == CX_KW_INTO)
		return fail_here(f, NULL, "`as-of` needs a statement that reads: a SELECT");
	if (f->state == IN_SELECT && f->keyword == CX_KW_FROM && f->prev_keyword != CX_KW_DISTINCT) {
		f->state = IN_FROM;
	} else if (f->state == IN_FROM && ends_from(&f->token, f->keyword)) {
		f->state = PAST_FROM;
		f->place = f->end;
	}
	return CDBC_OK;
}

static cdbc_status take(finder *f)
{
	bool is_name =
		cx_token_is(&f->prev, '.') || (f->state == IN_SELECT && f->prev_keyword == CX_KW_AS);
	bool is_word = f->token.kind == CX_TOKEN_WORD && !is_name;

	if (f->is_ended)
		return fail_here(f, NULL, "`as-of` needs one statement");
	if (is_word && f->before_keyword == CX_KW_AS &&
		cx_word_is(f->prev.text, f->prev.length, "of") &&
		cx_word_is(f->token.text, f->token.length, "system"))
		return fail_here(f, "take it out, or the header", "the statement has its own AS OF");
	if (is_word && is_write(f->keyword) &&
		(cx_token_is(&f->prev, '(') || cx_token_is(&f->prev, '[')))
		return fail_here(f, NULL, "`as-of` needs a statement that only reads");
	switch (f->state) {
	case AT_START:
		return take_start(f);
	case IN_WITH:
		return take_with(f);
	default:
		if (f->state == IN_FROM && f->lexer.depth < f->base) {
			f->state = PAST_FROM;
			f->place = f->end;
		}
		return is_word && f->lexer.depth <= f->base ? take_outer(f) : CDBC_OK;
	}
}

static cdbc_status find_place(finder *f)
{
	cdbc_status status = CDBC_OK;

	while (!status && cx_lexer_next_solid(&f->lexer, &f->token) != CX_TOKEN_END) {
		if (f->token.kind == CX_TOKEN_ERROR)
			return fail_lexical(&f->lexer, f->err);
		if (cx_token_is(&f->token, ';') && f->state != AT_START) {
			f->is_ended = true;
			continue;
		}
		f->keyword = f->token.kind == CX_TOKEN_WORD ? cx_keyword_of(f->token.text, f->token.length)
													: CX_KW_NONE;
		status = take(f);
		f->before_keyword = f->prev_keyword;
		f->prev_keyword = cx_token_is(&f->prev, '.') ? CX_KW_NONE : f->keyword;
		f->prev = f->token;
		f->end = f->token.offset + f->token.length;
	}
	if (status)
		return status;
	if (f->state == IN_FROM) {
		f->place = f->end;
	} else if (f->state == IN_SELECT) {
		f->token = f->select;
		return fail_here(f, NULL, "a SELECT without FROM has nothing to read `as-of` a time");
	} else if (f->state != PAST_FROM) {
		return fail_no_select(f);
	}
	return CDBC_OK;
}

cdbc_status cx_as_of_place(const char *sql, size_t length, size_t *out, cdbc_error **err)
{
	finder f;
	cdbc_status status;

	memset(&f.token, 0, sizeof f - offsetof(finder, token));
	cx_lexer_init(&f.lexer, sql, length);
	f.err = err;
	status = find_place(&f);
	if (!status)
		*out = f.place;
	return status;
}

/* ---- The expression ------------------------------------------------------------------------- */

#define HINT_TIME "write '-10s', a timestamp in quotes, or follower_read_timestamp()"

/* The functions that CockroachDB takes there as a whole. */
static bool is_time_function(const cx_token *t)
{
	static const char *const names[] = {"follower_read_timestamp",
										"experimental_follower_read_timestamp",
										"with_min_timestamp", "with_max_staleness"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (cx_word_is(t->text, t->length, names[i]))
			return true;
	return false;
}

/* Not constant: they are another time in each statement. */
static bool is_clock(const cx_token *t)
{
	static const char *const names[] = {
		"now",          "current_timestamp", "statement_timestamp", "transaction_timestamp",
		"current_date", "clock_timestamp",   "localtimestamp",      "cluster_logical_timestamp"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (cx_word_is(t->text, t->length, names[i]))
			return true;
	return false;
}

/* What no expression has in it at this depth. */
static const char *fault_of(const cx_token *t, size_t depth, const char **hint)
{
	*hint = NULL;
	if (t->kind == CX_TOKEN_PARAM || t->kind == CX_TOKEN_POSITIONAL) {
		*hint = HINT_TIME;
		return "`as-of` takes no parameter: it is a part of the statement's text";
	}
	if (cx_token_is(t, ';'))
		return "a semicolon in an expression";
	if (cx_token_is(t, ',') && depth == 0)
		return "`as-of` takes one expression";
	return NULL;
}

/* Words that go on with the statement behind the time, in a SELECT or in a BEGIN. */
static bool goes_on(const cx_token *t)
{
	static const char *const words[] = {"group",     "window",   "read",
										"isolation", "priority", "deferrable"};

	if (cx_keyword_of(t->text, t->length) != CX_KW_NONE)
		return true;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (cx_word_is(t->text, t->length, words[i]))
			return true;
	return false;
}

/* What CockroachDB's has not either: it is constant, or one of its functions. */
static const char *cockroachdb_fault_of(const cx_token *t, size_t depth, bool is_inside_time,
										const char **hint)
{
	cx_keyword keyword = t->kind == CX_TOKEN_WORD ? cx_keyword_of(t->text, t->length) : CX_KW_NONE;

	if (keyword == CX_KW_SELECT || keyword == CX_KW_VALUES || keyword == CX_KW_TABLE ||
		keyword == CX_KW_WITH)
		return "a query in AS OF SYSTEM TIME";
	if (depth == 0 && t->kind == CX_TOKEN_WORD && goes_on(t))
		return "`as-of` takes one expression, and nothing after it";
	if (t->kind == CX_TOKEN_WORD && !is_inside_time && is_clock(t)) {
		*hint = HINT_TIME;
		return "CockroachDB takes only a constant in AS OF SYSTEM TIME";
	}
	return NULL;
}

typedef struct reader {
	cx_lexer lexer;
	cx_token token, first, second;
	bool is_cockroachdb;
	size_t count, end;
	size_t call_end; /* where the bracket of a call that begins it closes */
} reader;

static cdbc_status fail_token(const reader *x, const cx_token *token, const char *hint,
							  const char *message, cdbc_error **err)
{
	return fail(x->lexer.text, token->line, token->line_start, token->offset, hint, message, err);
}

static cdbc_status take_expression(reader *x, cdbc_error **err)
{
	bool is_time, is_comment_before = false;
	const char *message, *hint;

	while (cx_lexer_next(&x->lexer, &x->token) != CX_TOKEN_END) {
		if (x->token.kind == CX_TOKEN_ERROR)
			return fail_lexical(&x->lexer, err);
		if (x->token.kind == CX_TOKEN_SPACE)
			continue;
		if (x->token.kind == CX_TOKEN_COMMENT) {
			is_comment_before = true;
			continue;
		}
		if (is_comment_before)
			return fail_token(x, &x->token, "put it behind the expression",
							  "a comment in an `as-of` expression", err);
		if (x->count == 0)
			x->first = x->token;
		if (x->count == 1)
			x->second = x->token;
		is_time = x->count > 1 && is_time_function(&x->first) && cx_token_is(&x->second, '(');
		message = fault_of(&x->token, x->lexer.depth, &hint);
		if (!message && x->lexer.is_mismatched &&
			(cx_token_is(&x->token, ')') || cx_token_is(&x->token, ']')))
			message = "a bracket that closes none";
		if (!message && x->is_cockroachdb)
			message = cockroachdb_fault_of(&x->token, x->lexer.depth, is_time, &hint);
		if (message)
			return fail_token(x, &x->token, hint, message, err);
		x->count++;
		x->end = x->token.offset + x->token.length;
		if (x->lexer.depth == 0 && cx_token_is(&x->token, ')') && !x->call_end)
			x->call_end = x->end;
	}
	return CDBC_OK;
}

cdbc_status cx_as_of_expression(const char *text, size_t length, bool is_cockroachdb, size_t *begin,
								size_t *end, cdbc_error **err)
{
	reader x;
	cdbc_status status;

	memset(&x.token, 0, sizeof x - offsetof(reader, token));
	x.is_cockroachdb = is_cockroachdb;
	cx_lexer_init(&x.lexer, text, length);
	status = take_expression(&x, err);
	if (status)
		return status;
	if (x.count == 0)
		return fail(text, 1, 0, 0, HINT_TIME, "an expression is missing", err);
	if (x.lexer.depth)
		return fail_token(&x, &x.first, NULL, "a bracket is never closed", err);
	*begin = x.first.offset;
	*end = x.end;
	if (!is_cockroachdb)
		return CDBC_OK;
	if (x.count == 1 && (x.first.kind == CX_TOKEN_WORD || x.first.kind == CX_TOKEN_QUOTED))
		return fail_token(&x, &x.first, HINT_TIME, "a name is no time", err);
	if (x.first.kind == CX_TOKEN_WORD && cx_token_is(&x.second, '(') && x.call_end == x.end &&
		!is_time_function(&x.first))
		return fail_token(&x, &x.first, HINT_TIME,
						  "CockroachDB takes no such function in AS OF SYSTEM TIME", err);
	return CDBC_OK;
}

/* ---- Both ----------------------------------------------------------------------------------- */

cdbc_status cx_as_of_system_time(const cdbc_dialect *dialect, const char *sql, size_t length,
								 const char *expression, const cdbc_sink *sink, cdbc_error **err)
{
	static const char words[] = " as of system time ";
	size_t begin, end, place;
	cdbc_status status =
		cx_as_of_expression(expression, strlen(expression), true, &begin, &end, err);

	if (status) {
		cx_error_wrap(err, "as of \"%s\"", expression);
		return status;
	}
	status = cx_as_of_place(sql, length, &place, err);
	if (!status)
		status = sink->write(sink->self, sql, place, err);
	if (!status)
		status = sink->write(sink->self, words, sizeof words - 1, err);
	if (!status)
		status = sink->write(sink->self, expression + begin, end - begin, err);
	if (!status && length > place)
		status = sink->write(sink->self, sql + place, length - place, err);
	return status;
}
