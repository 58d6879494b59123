// SPDX-License-Identifier: Apache-2.0
/* Reads a statement once, notes what must be replaced, and writes it out with a database's
 * placeholders. How it is written is in edits.c, binding values in bind.c. */
#include "data/sql/statement.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "data/sql/edits.h"
#include "data/sql/param_table.h"
#include "data/sql/split.h"

#include <stdio.h>
#include <string.h>

#define PARAM_MAX 65535 /* the wire protocol counts in 16 bits */
/* what a script does when one of its statements does it */
#define OF_ANY                                                                     \
	(CDBC_REQUEST_CHANGES_SESSION | CDBC_REQUEST_COMMITS | CDBC_REQUEST_VOLATILE | \
	 CDBC_REQUEST_COMMITS_PARTS | CDBC_REQUEST_CONTROLS)
#define POSITION_BYTES (sizeof "$65535")

typedef struct seen_token {
	cx_token token;
	cx_keyword keyword;
} seen_token;

typedef struct parser {
	const char *text;
	size_t length;
	const cx_param_decl *decls;
	size_t decl_count;
	cx_lexer lexer;
	cx_judge judge;
	cx_boundary boundary;
	seen_token last[3];    /* the solid tokens before, latest first */
	size_t position_depth; /* of brackets in `position(`, whose IN makes no list; 0: outside */
	cx_copy_rows rows;
	bool has_pending; /* a parameter that may be the only thing in `in (...)` */
	cx_token pending;
	cx_edits edits;
	cx_param_table params;
	size_t positional_count;
	bool is_mixed;     /* $1 is declared: it may stand beside names, which take the free numbers */
	uint32_t *numbers; /* then: of each name */
	size_t statement_count;
	cdbc_statement_kind kind;
	uint32_t flags;
	cdbc_error **err;
} parser;

static atomic_uint_fast64_t last_id;

/* An error at a place of the text. */
static cdbc_status fail_at(parser *p, cdbc_status status, size_t line, size_t line_start,
						   size_t offset, const char *message)
{
	cx_error_set(p->err, status, "%s", message);
	cx_error_place(p->err, NULL, (int64_t)line, (int64_t)cx_column(p->text, line_start, offset));
	cx_error_position(p->err, (int64_t)cx_column(p->text, 0, offset));
	return status;
}

static cdbc_status fail_token(parser *p, cdbc_status status, const cx_token *token,
							  const char *message)
{
	return fail_at(p, status, token->line, token->line_start, token->offset, message);
}

static cdbc_status fail_lexical(parser *p)
{
	const cx_lex_error *e = &p->lexer.error;
	cdbc_status status = fail_at(p, CDBC_SQL_FILE, e->line, e->line_start, e->offset, e->message);

	if (e->hint)
		cx_error_hint(p->err, "%s", e->hint);
	return status;
}

/* The innermost bracket that stays open: read again, noting where the final depth was reached last.
 */
static cdbc_status fail_unclosed(parser *p)
{
	size_t depth = p->lexer.depth, before = 0;
	cx_token token, open = {0};
	char message[32];

	cx_lexer_init(&p->lexer, p->text, p->length);
	while (cx_lexer_next_solid(&p->lexer, &token) != CX_TOKEN_END) {
		if (before < depth && p->lexer.depth == depth)
			open = token;
		before = p->lexer.depth;
	}
	snprintf(message, sizeof message, "`%c` is never closed", open.op);
	return fail_token(p, CDBC_SQL_FILE, &open, message);
}

static cdbc_status add_edit(parser *p, size_t offset, size_t length, cx_edit_kind kind,
							uint32_t number)
{
	return cx_edits_add(&p->edits, (cx_edit){offset, length, kind, number})
			   ? CDBC_OK
			   : cx_error_nomem(p->err);
}

static const cx_param_decl *find_decl(const parser *p, const char *name, size_t length)
{
	for (size_t i = 0; i < p->decl_count; i++)
		if (!strncmp(p->decls[i].name, name, length) && p->decls[i].name[length] == '\0')
			return &p->decls[i];
	return NULL;
}

/* The number, from 1, of the parameter that a token names. */
static cdbc_status number_of(parser *p, const cx_token *token, uint32_t *out)
{
	const char *name = token->text + 1;
	size_t length = token->length - 1;
	const cx_param_decl *decl;

	*out = cx_param_table_find(&p->params, name, length);
	if (*out)
		return CDBC_OK;
	if (p->params.count == PARAM_MAX)
		return fail_token(p, CDBC_PARAM, token, "more than 65535 parameters");
	*out = cx_param_table_add(&p->params, name, length);
	if (!*out)
		return cx_error_nomem(p->err);
	decl = find_decl(p, name, length);
	if (decl)
		p->params.items[*out - 1].type = decl->type;
	return CDBC_OK;
}

static bool is_blank(const parser *p, size_t from, size_t to)
{
	for (; from < to; from++)
		if (!strchr(" \t\r\n\f\v", p->text[from]))
			return false;
	return true;
}

/* `in (` becomes `= any(`, `not in (` becomes `<> all(`, or what the dialect has for them; comments
 * between the words stay. */
static cdbc_status replace_in(parser *p)
{
	const cx_token *open = &p->last[0].token, *in = &p->last[1].token, *not = &p->last[2].token;
	bool is_not = p->last[2].keyword == CX_KW_NOT;
	bool is_tight = is_blank(p, in->offset + 2, open->offset);
	size_t end = is_tight ? open->offset : in->offset + 2;

	if (!is_not)
		return add_edit(p, in->offset, end - in->offset, CX_EDIT_IN, 0);
	if (is_blank(p, not ->offset + 3, in->offset))
		return add_edit(p, not ->offset, end - not ->offset, CX_EDIT_NOT_IN, 0);
	if (add_edit(p, not ->offset, 3, CX_EDIT_NOT, 0))
		return CDBC_NOMEM;
	return add_edit(p, in->offset, end - in->offset, CX_EDIT_NOT_REST, 0);
}

/* Takes the parameter that waited for its next token. */
static cdbc_status settle_pending(parser *p, bool is_list)
{
	cdbc_status status;
	uint32_t number = 0;

	p->has_pending = false;
	status = number_of(p, &p->pending, &number);
	if (!status && is_list) {
		cx_seen_param *seen = &p->params.items[number - 1];

		if (seen->type.id != CDBC_TYPE_UNKNOWN && !seen->type.is_array) {
			char message[128];

			snprintf(message, sizeof message,
					 "parameter \"%.*s\" stands in a list, but is declared as a single %s",
					 (int)(seen->length < 64 ? seen->length : 64), seen->name,
					 cdbc_type_name(seen->type.id));
			status = fail_token(p, CDBC_PARAM, &p->pending, message);
			cx_error_hint(p->err, "declare it as an array: %s[]", cdbc_type_name(seen->type.id));
			return status;
		}
		seen->is_list = true;
		seen->type.is_array = true;
		status = replace_in(p);
	}
	return status ? status
				  : add_edit(p, p->pending.offset, p->pending.length,
							 is_list ? CX_EDIT_LIST : CX_EDIT_PARAM, number);
}

static cdbc_status take_named(parser *p, const cx_token *token)
{
	if (token->is_first_in_subscript && !find_decl(p, token->text + 1, token->length - 1))
		return CDBC_OK; /* a slice */
	if (p->positional_count && !p->is_mixed)
		return fail_token(p, CDBC_PARAM, token, "a parameter with a name beside $1");
	p->pending = *token;
	p->has_pending = true;
	if (p->last[1].keyword == CX_KW_IN && cx_token_is(&p->last[0].token, '(') &&
		!(p->position_depth && p->lexer.depth == p->position_depth + 1))
		return CDBC_OK;
	return settle_pending(p, false);
}

static cdbc_status take_positional(parser *p, const cx_token *token)
{
	size_t number = 0;
	char name[16];

	if (cx_judge_owns_positional(&p->judge))
		return CDBC_OK;
	for (size_t i = 1; i < token->length && number <= PARAM_MAX; i++)
		number = number * 10 + (size_t)(token->text[i] - '0');
	if (!p->is_mixed)
		p->is_mixed = find_decl(p, name, (size_t)snprintf(name, sizeof name, "$%zu", number));
	if (p->params.count && !p->is_mixed)
		return fail_token(p, CDBC_PARAM, token, "$1 beside a parameter with a name");
	if (number == 0 || number > PARAM_MAX)
		return fail_token(p, CDBC_PARAM, token,
						  "there is no parameter of that number: from $1 to $65535");
	if (number > p->positional_count)
		p->positional_count = number;
	return add_edit(p, token->offset, token->length, CX_EDIT_POSITION, (uint32_t)number);
}

/* Parameters with names beside positions: as sqlc has it, positions stay, and names take the
 * numbers that are free, in the order of their first use. */
static cdbc_status number_names(parser *p)
{
	size_t room = p->positional_count + p->params.count, next = 1;
	bool *is_taken;

	if (room > PARAM_MAX)
		return fail_at(p, CDBC_PARAM, 1, 0, 0, "more than 65535 parameters");
	is_taken = cx_calloc(room + 1, sizeof *is_taken);
	p->numbers = cx_calloc(p->params.count, sizeof *p->numbers);
	if (!is_taken || !p->numbers) {
		cx_free(is_taken);
		return cx_error_nomem(p->err);
	}
	for (size_t i = 0; i < p->edits.count; i++)
		if (p->edits.items[i].kind == CX_EDIT_POSITION)
			is_taken[p->edits.items[i].number] = true;
	for (size_t i = 0; i < p->params.count; i++, next++) {
		while (is_taken[next])
			next++;
		p->numbers[i] = (uint32_t)next;
	}
	for (size_t i = 0; i < p->edits.count; i++) {
		cx_edit *e = &p->edits.items[i];

		if (e->kind == CX_EDIT_PARAM || e->kind == CX_EDIT_LIST)
			e->number = p->numbers[e->number - 1];
	}
	if (p->positional_count < next - 1)
		p->positional_count = next - 1;
	cx_free(is_taken);
	return CDBC_OK;
}

static void end_statement(parser *p)
{
	uint32_t flags;
	cdbc_statement_kind kind;

	if (cx_judge_is_empty(&p->judge))
		return;
	kind = cx_judge_verdict(&p->judge, &flags);
	if (p->statement_count++ == 0) {
		p->kind = kind;
		p->flags = flags;
	} else {
		p->kind = p->kind == kind ? kind : CDBC_KIND_UNKNOWN;
		p->flags = (p->flags & flags) | ((p->flags | flags) & OF_ANY);
		if (p->flags & CDBC_REQUEST_COMMITS) /* and what comes behind it may fail */
			p->flags |= CDBC_REQUEST_COMMITS_PARTS;
	}
	cx_judge_init(&p->judge);
	p->boundary = (cx_boundary){0, false};
	memset(p->last, 0, sizeof p->last);
}

static void remember(parser *p, const cx_token *token, cx_keyword keyword)
{
	p->last[2] = p->last[1];
	p->last[1] = p->last[0];
	p->last[0] = (seen_token){*token, cx_token_is(&p->last[1].token, '.') ? CX_KW_NONE : keyword};
}

static cdbc_status take_token(parser *p, const cx_token *token)
{
	cx_keyword keyword =
		token->kind == CX_TOKEN_WORD ? cx_keyword_of(token->text, token->length) : CX_KW_NONE;
	cdbc_status status = CDBC_OK;

	if (p->has_pending) {
		status = settle_pending(p, cx_token_is(token, ')'));
		if (status)
			return status;
		remember(p, &p->pending, CX_KW_NONE);
	}
	if ((cx_token_is(token, ')') || cx_token_is(token, ']')) && p->lexer.is_mismatched)
		return fail_token(p, CDBC_SQL_FILE, token,
						  token->op == ')' ? "`)` closes no `(`" : "`]` closes no `[`");
	if (cx_boundary_feed(&p->boundary, &p->judge, token, keyword, p->lexer.depth)) {
		cx_token data;

		if (cx_lexer_copy_data(&p->lexer, &p->rows, cx_judge_is_copy_in(&p->judge), &data))
			return fail_token(p, CDBC_SQL_FILE, &data,
							  "rows after COPY ... FROM STDIN cannot be run from here");
		end_statement(p);
		return CDBC_OK;
	}
	if (cx_token_is(token, '(') && !p->position_depth && p->last[0].token.kind == CX_TOKEN_WORD &&
		cx_word_is(p->last[0].token.text, p->last[0].token.length, "position"))
		p->position_depth = p->lexer.depth;
	else if (p->lexer.depth < p->position_depth)
		p->position_depth = 0;
	if (token->kind == CX_TOKEN_PARAM)
		status = take_named(p, token);
	else if (token->kind == CX_TOKEN_POSITIONAL)
		status = take_positional(p, token);
	cx_judge_feed(&p->judge, token, keyword, p->lexer.depth);
	if (!p->has_pending) /* else what stands before it is still wanted */
		remember(p, token, keyword);
	return status;
}

static cdbc_status read_text(parser *p)
{
	cdbc_status status;
	cx_token token;

	cx_lexer_init(&p->lexer, p->text, p->length);
	cx_judge_init(&p->judge);
	while (cx_lexer_next_solid(&p->lexer, &token) != CX_TOKEN_END) {
		status = token.kind == CX_TOKEN_ERROR ? fail_lexical(p) : take_token(p, &token);
		if (status)
			return status;
	}
	if (p->has_pending) {
		status = settle_pending(p, false);
		if (status)
			return status;
	}
	if (p->lexer.depth)
		return fail_unclosed(p);
	end_statement(p);
	return p->positional_count && p->params.count ? number_names(p) : CDBC_OK;
}

static cdbc_status write_sql(const parser *p, const cx_dialect *dialect, cx_buf *out,
							 size_t *origin)
{
	bool keeps_numbers = p->positional_count && !p->numbers && dialect->form == CX_FORM_DOLLAR;

	return cx_edits_write(&p->edits, p->text, p->length, dialect, keeps_numbers, out, origin,
						  p->err);
}

static void finish(parser *p)
{
	cx_edits_free(&p->edits);
	cx_param_table_free(&p->params);
	cx_free(p->numbers);
}

/* The parameters, and their names into the bytes at `at`; the first byte after them. */
static char *put_params(const parser *p, cx_statement_param *params, size_t count, char *at)
{
	for (size_t i = 0; i < count; i++) {
		params[i] = (cx_statement_param){NULL, {CDBC_TYPE_UNKNOWN, false, -1, -1}, false};
		if (p->is_mixed) {
			params[i].name = at;
			at += snprintf(at, POSITION_BYTES, "$%zu", i + 1) + 1;
		}
	}
	for (size_t i = 0; i < p->params.count; i++) {
		const cx_seen_param *seen = &p->params.items[i];

		params[p->numbers ? p->numbers[i] - 1 : i] =
			(cx_statement_param){at, seen->type, seen->is_list};
		memcpy(at, seen->name, seen->length);
		at[seen->length] = '\0';
		at += seen->length + 1;
	}
	return at;
}

/* One block: the statement, its parameters, their names, the SQL. */
static cdbc_status make(const parser *p, const cx_dialect *dialect, cx_statement **out)
{
	size_t count = p->positional_count ? p->positional_count : p->params.count, names = 0,
		   origin = 0;
	cx_buf sql = CX_BUF_INIT(SIZE_MAX / 2);
	cx_statement *statement = NULL;
	cx_statement_param *params;
	cdbc_status status;
	char *at;

	for (size_t i = 0; i < p->params.count; i++)
		names += p->params.items[i].length + 1;
	if (p->is_mixed)
		names += count * POSITION_BYTES;
	status = write_sql(p, dialect, &sql, &origin);
	if (!status)
		status = cx_buf_status(&sql, "statement", p->err);
	if (status)
		goto out;
	statement = cx_alloc(sizeof *statement + count * sizeof *params + names + sql.length + 1);
	if (!statement) {
		status = cx_error_nomem(p->err);
		goto out;
	}
	params = (cx_statement_param *)(statement + 1);
	at = put_params(p, params, count, (char *)(params + count));
	if (sql.length)
		memcpy(at, sql.data, sql.length);
	at[sql.length] = '\0';
	*statement = (cx_statement){.id = atomic_fetch_add(&last_id, 1) + 1,
								.sql = at,
								.sql_length = sql.length,
								.params = params,
								.param_count = count,
								.is_positional = p->positional_count && !p->is_mixed,
								.kind = p->kind,
								.flags = p->flags,
								.statement_count = p->statement_count};
	atomic_init(&statement->refs, 1);
	*out = statement;
out:
	cx_buf_free(&sql);
	return status;
}

static void begin(parser *p, const char *text, size_t length, const cx_param_decl *decls,
				  size_t decl_count, cdbc_error **err)
{
	memset(p, 0, offsetof(parser, lexer));
	memset(&p->judge, 0, sizeof *p - offsetof(parser, judge));
	p->text = text;
	p->length = length;
	p->decls = decls;
	p->decl_count = decl_count;
	p->err = err;
}

/* One statement for each of two dialects; second NULL: for one. */
static cdbc_status parse(const char *text, size_t length, const cx_param_decl *decls,
						 size_t decl_count, const cx_dialect *const dialects[2],
						 cx_statement **out[2], cdbc_error **err)
{
	parser p;
	cx_statement *made[2] = {NULL, NULL};
	cdbc_status status;

	begin(&p, text, length, decls, decl_count, err);
	status = read_text(&p);
	for (size_t i = 0; i < 2 && !status; i++)
		if (out[i])
			status = make(&p, dialects[i], &made[i]);
	finish(&p);
	if (status) {
		cx_statement_unref(made[0]);
		return status;
	}
	for (size_t i = 0; i < 2; i++)
		if (out[i])
			*out[i] = made[i];
	return CDBC_OK;
}

cdbc_status cx_statement_parse_both(const char *text, size_t length, const cx_param_decl *decls,
									size_t decl_count, cx_statement **dollar,
									cx_statement **question, cdbc_error **err)
{
	const cx_dialect *const dialects[] = {&cx_dialect_postgresql, &cx_dialect_sqlite};

	return parse(text, length, decls, decl_count, dialects, (cx_statement * *[]){dollar, question},
				 err);
}

cdbc_status cx_statement_parse(const char *text, size_t length, const cx_dialect *dialect,
							   const cx_param_decl *decls, size_t decl_count, cx_statement **out,
							   cdbc_error **err)
{
	const cx_dialect *const dialects[] = {dialect, NULL};
	cdbc_status status =
		parse(text, length, decls, decl_count, dialects, (cx_statement * *[]){out, NULL}, err);

	if (status && err && *err && cdbc_error_line(*err))
		cx_error_wrap(err, "%lld:%lld", (long long)cdbc_error_line(*err),
					  (long long)cdbc_error_column(*err));
	return status;
}

cdbc_status cx_statement_origin(const char *text, size_t length, const cx_dialect *dialect,
								const cx_param_decl *decls, size_t decl_count, size_t offset,
								size_t *out, cdbc_error **err)
{
	cx_buf sql = CX_BUF_INIT(SIZE_MAX / 2);
	cdbc_status status;
	parser p;

	begin(&p, text, length, decls, decl_count, err);
	status = read_text(&p);
	if (!status) {
		status = write_sql(&p, dialect, &sql, &offset);
		status = status ? status : cx_buf_status(&sql, "statement", err);
	}
	if (!status)
		*out = offset;
	cx_buf_free(&sql);
	finish(&p);
	return status;
}

cdbc_status cx_statement_rewrite(const cx_statement *statement, const char *sql, size_t sql_length,
								 cx_statement **out, cdbc_error **err)
{
	size_t before = (size_t)(statement->sql - (const char *)statement);
	cx_statement *copy = cx_alloc(before + sql_length + 1);
	cx_statement_param *params;
	char *text;

	if (!copy)
		return cx_error_nomem(err);
	/* the SQL is the last of the block, the parameters and their names stand before it */
	memcpy(copy, statement, before);
	params = (cx_statement_param *)(copy + 1);
	for (size_t i = 0; i < copy->param_count; i++)
		if (params[i].name)
			params[i].name = (const char *)copy + (params[i].name - (const char *)statement);
	text = (char *)copy + before;
	memcpy(text, sql, sql_length);
	text[sql_length] = '\0';
	copy->params = params;
	copy->sql = text;
	copy->sql_length = sql_length;
	copy->id = atomic_fetch_add(&last_id, 1) + 1;
	atomic_init(&copy->refs, 1);
	atomic_init(&copy->fingerprint, 0);
	*out = copy;
	return CDBC_OK;
}

void cx_statement_unref(cx_statement *statement)
{
	if (statement && atomic_fetch_sub_explicit(&statement->refs, 1, memory_order_acq_rel) == 1)
		cx_free(statement);
}
