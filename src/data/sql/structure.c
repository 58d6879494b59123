// SPDX-License-Identifier: Apache-2.0
/* What CockroachDB's statements never look like, read from tokens, a bracket at a time. No grammar:
 * where it is not sure it says nothing, because a statement that the server takes must pass. Of a
 * bracket only what begins with a SELECT, INSERT, UPSERT, UPDATE or DELETE is looked at closely. */
#include "data/sql/grammar.h"

#include "base/error.h"
#include "data/sql/keyword.h"
#include "data/sql/lexer.h"

#include <string.h>

/* In the order in which they come. */
typedef enum clause {
	CLAUSE_NONE,
	CLAUSE_SELECT,
	CLAUSE_SET,
	CLAUSE_FROM,
	CLAUSE_WHERE,
	CLAUSE_GROUP,
	CLAUSE_HAVING,
	CLAUSE_ORDER,
	CLAUSE_LIMIT,
	CLAUSE_RETURNING
} clause;

static const char *const after_clauses[] = {"",
											" after SELECT",
											" after SET",
											" after FROM",
											" after WHERE",
											" after GROUP BY",
											" after HAVING",
											" after ORDER BY",
											" after LIMIT",
											" after RETURNING"};

/* An open bracket, and what is known of what stands in it. */
typedef struct level {
	cx_keyword verb; /* SELECT and others; NONE: not looked at; WITH, EXPLAIN: it comes yet */
	clause last;     /* the latest clause */
	bool is_begun;   /* a token was seen */
	bool is_free;    /* after ON CONFLICT, of INSERT: clauses come again */
	bool has_set;    /* of UPDATE */
	size_t set_at;   /* its offset */
	bool is_table;   /* stands where a table may */
} level;

#define LEVELS_MAX 64 /* deeper ones are not looked at */

typedef struct reader {
	const char *text;
	cx_lexer lexer;
	level levels[LEVELS_MAX];
	size_t depth;
	/* of the statement */
	bool is_begun, is_dml;
	cx_token first; /* its verb */
	/* the tokens before, latest first, and the one that comes */
	cx_token last[3], token, next;
	bool has_additions;
	cdbc_error **err;
} reader;

/* ---- Words ---------------------------------------------------------------------------------- */

/* What begins a statement, here or in PostgreSQL, which CockroachDB answers with a reason. */
static const char *const verbs[] = {
	"abort",      "alter",        "analyse",   "analyze",  "backup",  "begin",  "call",    "cancel",
	"check",      "checkpoint",   "close",     "cluster",  "comment", "commit", "copy",    "create",
	"deallocate", "declare",      "delete",    "describe", "discard", "do",     "drop",    "end",
	"execute",    "experimental", "explain",   "export",   "fetch",   "grant",  "import",  "insert",
	"inspect",    "listen",       "load",      "lock",     "merge",   "move",   "notify",  "pause",
	"prepare",    "reassign",     "refresh",   "reindex",  "release", "reset",  "restore", "resume",
	"revoke",     "rollback",     "savepoint", "security", "select",  "set",    "show",    "split",
	"start",      "table",        "truncate",  "unlisten", "unsplit", "update", "upsert",  "use",
	"vacuum",     "values",       "with"};

/* Statements that only CockroachDB has. */
static const char *const own_verbs[] = {
	"backup", "cancel",  "check",  "describe", "experimental", "export",  "import", "inspect",
	"pause",  "restore", "resume", "show",     "split",        "unsplit", "upsert", "use"};

/* Words of statements that are neither queries nor changes of data, which only CockroachDB has, or
 * which PostgreSQL does not know where they can be there. */
static const char *const own_words[] = {
	"bucket_count", "changefeed", "cluster",  "configure",  "connections", "external",
	"family",       "index",      "indexes",  "interleave", "inverted",    "job",
	"jobs",         "lease",      "locality", "logical",    "opt",         "partition",
	"priority",     "range",      "ranges",   "region",     "regional",    "regions",
	"relocate",     "scatter",    "schedule", "schedules",  "scrub",       "sharded",
	"split",        "statistics", "stored",   "storing",    "survive",     "tenant",
	"tracing",      "ttl",        "unsplit",  "virtual",    "visibility",  "visible",
	"zone"};

static bool is_in(const char *const *words, size_t count, const cx_token *token)
{
	for (size_t i = 0; i < count; i++)
		if (cx_lower(token->text[0]) == words[i][0] &&
			cx_word_is(token->text, token->length, words[i]))
			return true;
	return false;
}

#define IS_IN(words, token) is_in(words, sizeof words / sizeof *words, token)

static bool is_word(const cx_token *token, const char *word)
{
	return token->kind == CX_TOKEN_WORD && cx_word_is(token->text, token->length, word);
}

static cx_keyword keyword(const cx_token *token)
{
	return token->kind == CX_TOKEN_WORD ? cx_keyword_of(token->text, token->length) : CX_KW_NONE;
}

/* Words that nobody may take for a name without quotes, and that no expression, table or list
 * begins with. */
static bool is_never_first(const cx_token *token)
{
	switch (keyword(token)) {
	case CX_KW_FROM:
	case CX_KW_HAVING:
	case CX_KW_ORDER:
	case CX_KW_LIMIT:
	case CX_KW_OFFSET:
	case CX_KW_UNION:
	case CX_KW_INTERSECT:
	case CX_KW_EXCEPT:
	case CX_KW_RETURNING:
	case CX_KW_AND:
	case CX_KW_OR:
	case CX_KW_THEN:
	case CX_KW_WHEN:
	case CX_KW_ELSE:
	case CX_KW_WHERE:
	case CX_KW_USING:
	case CX_KW_INTO:
		return true;
	default:
		return is_word(token, "group");
	}
}

/* Words after which an expression, a table or a list must come. */
static bool wants_operand(const reader *r, const cx_token *token)
{
	switch (keyword(token)) {
	case CX_KW_SELECT:
	case CX_KW_FROM:
	case CX_KW_HAVING:
	case CX_KW_LIMIT:
	case CX_KW_UNION:
	case CX_KW_INTERSECT:
	case CX_KW_EXCEPT:
	case CX_KW_AND:
	case CX_KW_OR:
	case CX_KW_NOT:
	case CX_KW_THEN:
	case CX_KW_WHEN:
	case CX_KW_ELSE:
	case CX_KW_WHERE:
	case CX_KW_RETURNING:
	case CX_KW_INTO:
	case CX_KW_IN:
		return true;
	case CX_KW_BY:
		return is_word(&r->last[1], "group") || keyword(&r->last[1]) == CX_KW_ORDER;
	case CX_KW_SET:
		return r->levels[r->depth].has_set && r->levels[r->depth].set_at == token->offset;
	default:
		return false;
	}
}

static bool is_comparison(const cx_token *token)
{
	static const char *const operators[] = {"=", "<", ">", "<=", ">=", "<>", "!="};

	if (token->kind != CX_TOKEN_OPERATOR)
		return false;
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
		if (strlen(operators[i]) == token->length &&
			!memcmp(operators[i], token->text, token->length))
			return true;
	return false;
}

/* ---- What is wrong -------------------------------------------------------------------------- */

/* before `word` after */
static cdbc_status fail(const reader *r, const cx_token *token, const char *before,
						const char *after)
{
	int length = token->length < 40 ? (int)token->length : 40;

	if (*after || !*before || before[strlen(before) - 1] == ' ')
		cx_error_set(r->err, CDBC_SQL_FILE, "%s`%.*s`%s", before, length, token->text, after);
	else
		cx_error_set(r->err, CDBC_SQL_FILE, "%s", before);
	cx_error_place(r->err, NULL, (int64_t)token->line,
				   (int64_t)cx_column(r->text, token->line_start, token->offset));
	cx_error_position(r->err, (int64_t)cx_column(r->text, 0, token->offset));
	return CDBC_SQL_FILE;
}

/* Whether the word is part of a name, or a label after AS. */
static bool is_name(const reader *r)
{
	return cx_token_is(&r->last[0], '.') || cx_token_is(&r->next, '.') ||
		   cx_token_is(&r->last[0], '@') || keyword(&r->last[0]) == CX_KW_AS;
}

/* Whether a token stands where an expression may not end: after WHERE, AND, a comparison. */
static cdbc_status check_operand(const reader *r)
{
	const cx_token *before = &r->last[0], *token = &r->token;
	bool is_close = cx_token_is(token, ')') || cx_token_is(token, ']') || cx_token_is(token, '}');
	bool is_end = token->kind == CX_TOKEN_END || cx_token_is(token, ';') || is_close;
	bool is_label = cx_token_is(&r->last[1], '.') || cx_token_is(&r->last[1], '@') ||
					keyword(&r->last[1]) == CX_KW_AS;

	if (!r->is_dml || !(is_end || cx_token_is(token, ',') || is_never_first(token)))
		return CDBC_OK;
	if (!is_end && token->kind == CX_TOKEN_WORD && cx_token_is(&r->next, '.'))
		return CDBC_OK;
	if (is_comparison(before) && !cx_token_is(&r->last[1], '(') && !cx_token_is(&r->last[1], '.') &&
		!is_word(&r->last[1], "operator"))
		return fail(r, before, "nothing stands after ", "");
	if (!is_label && wants_operand(r, before) &&
		!(keyword(before) == CX_KW_IN && token->kind == CX_TOKEN_WORD) &&
		!(keyword(before) == CX_KW_NOT && token->kind == CX_TOKEN_WORD))
		return fail(r, before, "nothing stands after ", "");
	return CDBC_OK;
}

static cdbc_status check_comma(const reader *r)
{
	const cx_token *before = &r->last[0], *token = &r->token;

	if (cx_token_is(token, ',')) {
		if (cx_token_is(before, ','))
			return fail(r, token, "a second comma", "");
		if (cx_token_is(before, '(') || cx_token_is(before, '{'))
			return fail(r, token, "nothing stands before the comma", "");
		return CDBC_OK;
	}
	if (!cx_token_is(before, ','))
		return CDBC_OK;
	/* a tuple of one is written (1,) */
	if (token->kind == CX_TOKEN_END || cx_token_is(token, ';') || cx_token_is(token, ']') ||
		cx_token_is(token, '}') ||
		(r->is_dml && is_never_first(token) && !cx_token_is(&r->next, '.')))
		return fail(r, before, "nothing stands after the comma", "");
	return CDBC_OK;
}

/* ---- Clauses -------------------------------------------------------------------------------- */

static clause clause_of(const reader *r, const level *l)
{
	const cx_token *token = &r->token;

	switch (keyword(token)) {
	case CX_KW_SELECT:
		return CLAUSE_SELECT;
	case CX_KW_SET:
		return l->verb == CX_KW_UPDATE && !l->has_set ? CLAUSE_SET : CLAUSE_NONE;
	case CX_KW_FROM: /* is distinct from, from rows from (f(), g()) */
		return (is_word(&r->last[0], "distinct") &&
				(is_word(&r->last[1], "is") || is_word(&r->last[1], "not"))) ||
					   (is_word(&r->last[0], "rows") && cx_token_is(&r->next, '('))
				   ? CLAUSE_NONE
				   : CLAUSE_FROM;
	case CX_KW_WHERE:
		return CLAUSE_WHERE;
	case CX_KW_HAVING:
		return CLAUSE_HAVING;
	case CX_KW_ORDER:
		return keyword(&r->next) == CX_KW_BY ? CLAUSE_ORDER : CLAUSE_NONE;
	case CX_KW_LIMIT:
	case CX_KW_OFFSET:
		return CLAUSE_LIMIT;
	case CX_KW_RETURNING:
		return CLAUSE_RETURNING;
	default:
		return is_word(token, "group") && keyword(&r->next) == CX_KW_BY ? CLAUSE_GROUP
																		: CLAUSE_NONE;
	}
}

static bool is_set_operation(cx_keyword word)
{
	return word == CX_KW_UNION || word == CX_KW_INTERSECT || word == CX_KW_EXCEPT;
}

static cdbc_status check_clause(reader *r, level *l)
{
	cx_keyword word = keyword(&r->token);
	clause c = clause_of(r, l);

	if (is_set_operation(word)) {
		if (!l->is_free && l->last >= CLAUSE_ORDER)
			return fail(r, &r->token, "", after_clauses[l->last]);
		l->last = CLAUSE_NONE;
		return CDBC_OK;
	}
	if (l->verb == CX_KW_INSERT && word == CX_KW_ON && is_word(&r->next, "conflict"))
		l->is_free = true;
	if (c == CLAUSE_NONE || l->is_free)
		return CDBC_OK;
	if (c == CLAUSE_SET) {
		l->has_set = true;
		l->set_at = r->token.offset;
	}
	if (c == CLAUSE_SELECT && l->last != CLAUSE_NONE)
		return fail(r, &r->token, "a second ", ", which nothing joins to the first");
	if (c == l->last && c != CLAUSE_LIMIT)
		return fail(r, &r->token, "a second ", "");
	if (c < l->last)
		return fail(r, &r->token, "", after_clauses[l->last]);
	l->last = c;
	return CDBC_OK;
}

/* The word that tells what the bracket holds, and the one that must follow it. */
static cdbc_status begin_verb(reader *r, level *l, cx_keyword word)
{
	l->verb = word == CX_KW_UPSERT ? CX_KW_INSERT : word;
	l->last = word == CX_KW_SELECT ? CLAUSE_SELECT : CLAUSE_NONE;
	if (r->depth == 0)
		r->is_dml = true;
	if (l->verb == CX_KW_INSERT && keyword(&r->next) != CX_KW_INTO)
		return fail(r, &r->token, "", " without INTO");
	if (word == CX_KW_DELETE && keyword(&r->next) != CX_KW_FROM && !is_word(&r->next, "batch"))
		return fail(r, &r->token, "", " without FROM");
	return CDBC_OK;
}

static bool is_verb(cx_keyword word)
{
	return word == CX_KW_SELECT || word == CX_KW_INSERT || word == CX_KW_UPSERT ||
		   word == CX_KW_UPDATE || word == CX_KW_DELETE;
}

static cdbc_status take_word(reader *r, level *l, bool is_first)
{
	cx_keyword word = keyword(&r->token);

	if (is_first && (word == CX_KW_WITH || (word == CX_KW_EXPLAIN && r->depth == 0))) {
		l->verb = word;
		r->is_dml |= r->depth == 0;
		return CDBC_OK;
	}
	if (is_first && r->depth == 0 && (word == CX_KW_VALUES || word == CX_KW_TABLE))
		r->is_dml = true;
	if (is_verb(word) && (is_first || l->verb == CX_KW_WITH || l->verb == CX_KW_EXPLAIN) &&
		keyword(&r->last[0]) != CX_KW_AS && !cx_token_is(&r->last[0], ','))
		return begin_verb(r, l, word);
	if (l->verb == CX_KW_EXPLAIN && word == CX_KW_WITH) {
		l->verb = CX_KW_WITH;
		return CDBC_OK;
	}
	if (l->verb == CX_KW_NONE || l->verb == CX_KW_WITH || l->verb == CX_KW_EXPLAIN || is_name(r))
		return CDBC_OK;
	return check_clause(r, l);
}

static cdbc_status end_level(const reader *r, const level *l)
{
	if (l->verb == CX_KW_UPDATE && !l->has_set)
		return fail(r, &r->token, "an UPDATE without SET", "");
	return CDBC_OK;
}

/* ---- Tokens --------------------------------------------------------------------------------- */

/* In queries and changes of data: words that PostgreSQL does not take where CockroachDB does. */
static bool is_own_in_dml(const reader *r)
{
	const cx_token *token = &r->token, *before = &r->last[0];
	cx_keyword verb = r->depth < LEVELS_MAX ? r->levels[r->depth].verb : CX_KW_NONE;

	switch (keyword(token)) {
	case CX_KW_ORDER:
	case CX_KW_LIMIT:
		return verb == CX_KW_UPDATE || verb == CX_KW_DELETE;
	case CX_KW_ARRAY:
		return is_word(before, "any") || is_word(before, "some") || is_word(before, "all");
	case CX_KW_AS: /* ((1, 2) as a, b) */
		return verb == CX_KW_NONE && r->depth && cx_token_is(before, ')');
	case CX_KW_MERGE:
	case CX_KW_SHOW:
	case CX_KW_UPSERT:
		return true;
	default:
		return is_word(token, "primary") || is_word(token, "debug") || is_word(token, "distsql") ||
			   is_word(token, "vec") || is_word(token, "lookup") || is_word(token, "inverted") ||
			   is_word(token, "annotate_type") || is_word(token, "ordinality") ||
			   is_word(token, "changefeed") ||
			   (is_word(token, "batch") && is_word(before, "delete")) ||
			   (is_word(token, "index") && is_word(before, "by")) ||
			   (is_word(token, "nothing") && is_word(before, "returning")) ||
			   (is_word(token, "of") && (is_word(before, "is") || is_word(before, "not")));
	}
}

static bool is_own_operator(const reader *r)
{
	const cx_token *token = &r->token, *before = &r->last[0];
	const level *l = &r->levels[r->depth < LEVELS_MAX ? r->depth : 0];

	switch (token->op) {
	case '@':
	case '{':
		return true;
	case '[':
		return is_never_first(before);
	case ')': /* (1,), (), a query as a table without a name */
		return cx_token_is(before, ',') || cx_token_is(before, '(') ||
			   (l->is_table && l->verb == CX_KW_SELECT &&
				(r->next.kind == CX_TOKEN_END || cx_token_is(&r->next, ')') ||
				 is_never_first(&r->next)));
	default:
		return (token->length == 3 && !memcmp(token->text, ":::", 3)) ||
			   (token->length == 2 && !memcmp(token->text, "//", 2));
	}
}

static void note_addition(reader *r)
{
	const cx_token *token = &r->token, *before = &r->last[0];

	if (token->kind == CX_TOKEN_WORD && !cx_token_is(before, '.'))
		r->has_additions |=
			(r->is_dml ? is_own_in_dml(r) : IS_IN(own_words, token) || is_word(token, "if")) ||
			cx_word_begins(token->text, token->length, "experimental") ||
			(is_word(token, "system") && (is_word(before, "of") || is_word(before, "grant")));
	else if (token->kind == CX_TOKEN_NUMBER)
		r->has_additions |=
			token->length > 2 && token->text[0] == '0' && cx_lower(token->text[1]) == 'x';
	else if (token->kind == CX_TOKEN_OPERATOR)
		r->has_additions |= is_own_operator(r);
}

static cdbc_status begin_statement(reader *r)
{
	if (r->is_begun || cx_token_is(&r->token, '('))
		return CDBC_OK;
	r->is_begun = true;
	r->first = r->token;
	if (r->token.kind != CX_TOKEN_WORD || !IS_IN(verbs, &r->token))
		return fail(r, &r->token, "no statement begins with ", "");
	r->has_additions |= IS_IN(own_verbs, &r->token);
	return CDBC_OK;
}

static cdbc_status end_statement(reader *r)
{
	cdbc_status status = end_level(r, &r->levels[0]);

	memset(&r->levels[0], 0, sizeof r->levels[0]);
	memset(r->last, 0, sizeof r->last);
	r->depth = 0;
	r->is_begun = r->is_dml = false;
	return status;
}

static cdbc_status take_bracket(reader *r)
{
	cdbc_status status = CDBC_OK;

	if (cx_token_is(&r->token, '(') || cx_token_is(&r->token, '[') || cx_token_is(&r->token, '{')) {
		if (cx_token_is(&r->token, '(') && keyword(&r->last[0]) == CX_KW_VALUES &&
			cx_token_is(&r->next, ')') && r->is_dml)
			return fail(r, &r->token, "nothing stands in the brackets after `values`", "");
		if (r->depth < LEVELS_MAX)
			r->levels[r->depth].is_begun = true;
		if (++r->depth < LEVELS_MAX)
			r->levels[r->depth] = (level){.is_table = keyword(&r->last[0]) == CX_KW_FROM ||
													  keyword(&r->last[0]) == CX_KW_JOIN ||
													  keyword(&r->last[0]) == CX_KW_LATERAL ||
													  cx_token_is(&r->last[0], ',')};
	} else if (r->depth) {
		if (r->depth < LEVELS_MAX)
			status = end_level(r, &r->levels[r->depth]);
		r->depth--;
	}
	return status;
}

static cdbc_status take_token(reader *r)
{
	const cx_token *token = &r->token;
	level *l = r->depth < LEVELS_MAX ? &r->levels[r->depth] : NULL;
	bool is_first;
	cdbc_status status = begin_statement(r);

	if (!status)
		status = check_comma(r);
	if (!status && l)
		status = check_operand(r);
	if (status)
		return status;
	note_addition(r);
	if (token->op && token->kind == CX_TOKEN_OPERATOR && strchr("()[]{}", token->op))
		return take_bracket(r);
	if (!l)
		return CDBC_OK;
	is_first = !l->is_begun;
	l->is_begun = true;
	if (token->kind == CX_TOKEN_WORD)
		status = take_word(r, l, is_first);
	return status;
}

cdbc_status cx_structure_check(const char *text, size_t length, bool *has_additions,
							   cdbc_error **err)
{
	reader r;
	cdbc_status status = CDBC_OK;

	memset(&r, 0, sizeof r);
	r.text = text;
	r.err = err;
	cx_lexer_init(&r.lexer, text, length);
	cx_lexer_next_solid(&r.lexer, &r.next);
	while (!status) {
		r.token = r.next;
		if (r.token.kind == CX_TOKEN_ERROR)
			break; /* the reading before this one has reported it */
		if (r.token.kind != CX_TOKEN_END)
			cx_lexer_next_solid(&r.lexer, &r.next);
		if (r.token.kind == CX_TOKEN_END || (cx_token_is(&r.token, ';') && r.depth == 0)) {
			if (r.is_begun) {
				status = check_comma(&r);
				if (!status)
					status = check_operand(&r);
			}
			if (!status)
				status = end_statement(&r);
			if (r.token.kind == CX_TOKEN_END)
				break;
			continue;
		}
		status = take_token(&r);
		r.last[2] = r.last[1];
		r.last[1] = r.last[0];
		r.last[0] = r.token;
	}
	if (!status && has_additions)
		*has_additions = r.has_additions;
	return status;
}
