// SPDX-License-Identifier: Apache-2.0
/* The forms under which a statement is known: fingerprint and identity, written in one pass over
 * its tokens. What is written for a token depends on tokens only, never on white space. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "data/sql/keyword.h"
#include "data/sql/split.h"
#include "data/sql/statement.h"

#include <cdbc/sql.h>
#include <string.h>

#define FORM_MAX (1u << 30)

struct cdbc_sql_form {
	uint64_t hash;
	size_t length;
	char text[];
};

/* What was written last. */
typedef enum last_kind {
	LAST_NONE,
	LAST_NAME,    /* a bracket after it is a call's */
	LAST_KEYWORD, /* an expression may begin after it */
	LAST_VALUE,
	LAST_OPEN,
	LAST_CLOSE,
	LAST_COMMA,
	LAST_SIGN, /* + or - where an expression begins */
	LAST_OPERATOR,
	LAST_DOT /* dot and casts: what follows sticks to it */
} last_kind;

/* A level of brackets in the output. */
typedef struct level {
	size_t begin;   /* after the bracket */
	bool is_call;   /* its list is a function's arguments */
	bool has_other; /* than values, rows of them and commas */
	bool has_value;
	bool has_plain;    /* a value that is no row of them */
	size_t row_end;    /* the output after the last row of values; 0: none */
	bool is_row_comma; /* only a comma came since */
} level;

typedef struct writer {
	cx_buf out;
	bool is_folding; /* literals */
	last_kind last, before_sign;
	bool is_after_is; /* IS, IS NOT, NOT: null, true and false are words */
	level *levels;
	size_t depth, capacity;
} writer;

static bool begins_expression(last_kind last)
{
	return last != LAST_NAME && last != LAST_VALUE && last != LAST_CLOSE;
}

static void put(writer *w, const char *text, size_t length, last_kind kind)
{
	bool is_tight = w->last == LAST_NONE || w->last == LAST_OPEN || w->last == LAST_DOT ||
					kind == LAST_CLOSE || kind == LAST_COMMA || kind == LAST_DOT ||
					(w->last == LAST_SIGN && kind != LAST_OPERATOR && kind != LAST_SIGN) ||
					(kind == LAST_OPEN && w->last == LAST_NAME);

	if (!is_tight)
		cx_buf_putc(&w->out, ' ');
	cx_buf_put(&w->out, text, length);
	w->before_sign = w->last;
	w->last = kind;
}

static void put_folded(writer *w, const char *text, size_t length, last_kind kind)
{
	size_t at;

	put(w, text, length, kind);
	if (w->out.is_nomem || w->out.is_over)
		return;
	for (at = w->out.length - length; at < w->out.length; at++)
		w->out.data[at] = cx_lower(w->out.data[at]);
}

/* Anything but values and commas in a level. */
static void note_other(writer *w)
{
	w->levels[w->depth].has_other = true;
	w->levels[w->depth].row_end = 0;
}

static void cut(writer *w, size_t length)
{
	if (w->out.data && length < w->out.length) {
		w->out.length = length;
		w->out.data[length] = '\0';
	}
}

static void put_value(writer *w)
{
	level *l = &w->levels[w->depth];

	if (w->last == LAST_SIGN) { /* -1 is one literal */
		cut(w, w->out.length - 1);
		if (w->out.length && w->out.data[w->out.length - 1] == ' ')
			cut(w, w->out.length - 1);
		w->last = w->before_sign;
	}
	if (w->last == LAST_VALUE) /* 'a' 'b' is one literal */
		return;
	put(w, "?", 1, LAST_VALUE);
	l->has_value = true;
	l->has_plain = true;
	l->row_end = 0;
}

static cdbc_status open_level(writer *w, const char *text, bool is_call, cdbc_error **err)
{
	put(w, text, 1, LAST_OPEN);
	if (!cx_grow(&w->levels, ++w->depth, &w->capacity, sizeof *w->levels))
		return cx_error_nomem(err);
	w->levels[w->depth] = (level){.begin = w->out.length, .is_call = is_call};
	return CDBC_OK;
}

/* A list of values becomes one value, and rows of values one row: (1, 2) is no ((1, 2)). */
static void close_level(writer *w, const char *text)
{
	level *l = &w->levels[w->depth], *up;
	bool is_list = w->is_folding && l->has_value && !l->has_other && !l->is_call;

	if (is_list && l->has_plain) {
		cut(w, l->begin);
		cx_buf_putc(&w->out, '?');
	}
	put(w, text, 1, LAST_CLOSE);
	if (!w->depth)
		return;
	up = &w->levels[--w->depth];
	if (!is_list) {
		note_other(w);
		return;
	}
	up->has_value = true;
	if (up->row_end && up->is_row_comma && !up->is_call)
		cut(w, up->row_end);
	else
		up->row_end = w->out.length;
	up->is_row_comma = false;
}

static void put_word(writer *w, const cx_token *token)
{
	cx_keyword keyword = cx_keyword_of(token->text, token->length);
	bool is_constant = cx_word_is(token->text, token->length, "null") || keyword == CX_KW_TRUE ||
					   keyword == CX_KW_FALSE;
	bool is_name = w->last == LAST_DOT || keyword == CX_KW_NONE;

	if (w->is_folding && is_constant && !w->is_after_is && w->last != LAST_DOT &&
		begins_expression(w->last)) {
		put_value(w);
		return;
	}
	w->is_after_is = w->last != LAST_DOT && (keyword == CX_KW_IS || keyword == CX_KW_NOT);
	note_other(w);
	put_folded(w, token->text, token->length,
			   is_name || !(cx_keyword_flags(keyword) & CX_WORD_OPENS) ? LAST_NAME : LAST_KEYWORD);
}

static cdbc_status put_operator(writer *w, const cx_token *token, cdbc_error **err)
{
	bool is_sign = token->op == '-' || token->op == '+';

	switch (token->op) {
	case '(':
	case '[':
		return open_level(w, token->text, w->last == LAST_NAME, err);
	case ')':
	case ']':
		close_level(w, token->text);
		return CDBC_OK;
	case ',':
		put(w, ",", 1, LAST_COMMA);
		w->levels[w->depth].is_row_comma = true;
		return CDBC_OK;
	case '.':
		note_other(w);
		put(w, ".", 1, LAST_DOT);
		return CDBC_OK;
	default:
		break;
	}
	if (is_sign && begins_expression(w->last)) {
		put(w, token->text, 1, LAST_SIGN);
		return CDBC_OK; /* what follows tells whether it is a value */
	}
	note_other(w);
	put(w, token->text, token->length, token->text[0] == ':' ? LAST_DOT : LAST_OPERATOR);
	return CDBC_OK;
}

static cdbc_status put_token(writer *w, const cx_token *token, cdbc_error **err)
{
	bool was_after_is = w->is_after_is;

	w->is_after_is = false;
	switch (token->kind) {
	case CX_TOKEN_STRING:
	case CX_TOKEN_NUMBER:
	case CX_TOKEN_PARAM:
	case CX_TOKEN_POSITIONAL:
		if (w->is_folding) {
			put_value(w);
		} else {
			put(w, token->text, token->length, LAST_VALUE);
		}
		return CDBC_OK;
	case CX_TOKEN_WORD:
		w->is_after_is = was_after_is;
		put_word(w, token);
		return CDBC_OK;
	case CX_TOKEN_QUOTED:
		note_other(w);
		put(w, token->text, token->length, LAST_NAME);
		return CDBC_OK;
	default:
		return put_operator(w, token, err);
	}
}

static cdbc_status fail_lexical(const char *sql, const cx_lex_error *e, cdbc_error **err)
{
	cx_error_set(err, CDBC_SQL_FILE, "%s", e->message);
	cx_error_place(err, NULL, (int64_t)e->line, (int64_t)cx_column(sql, e->line_start, e->offset));
	cx_error_position(err, (int64_t)cx_column(sql, 0, e->offset));
	if (e->hint)
		cx_error_hint(err, "%s", e->hint);
	return CDBC_SQL_FILE;
}

static uint64_t hash_of(const char *text, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static cdbc_status finish(const writer *w, cdbc_sql_form **out, cdbc_error **err)
{
	cdbc_status status = cx_buf_status(&w->out, "statement", err);
	cdbc_sql_form *form;

	if (status)
		return status;
	form = cx_alloc(sizeof *form + w->out.length + 1);
	if (!form)
		return cx_error_nomem(err);
	if (w->out.length)
		memcpy(form->text, w->out.data, w->out.length);
	form->text[w->out.length] = '\0';
	form->length = w->out.length;
	form->hash = hash_of(form->text, form->length);
	*out = form;
	return CDBC_OK;
}

static cdbc_status make_form(const char *sql, size_t length, bool is_folding, cdbc_sql_form **out,
							 cdbc_error **err)
{
	writer w = {.out = CX_BUF_INIT(FORM_MAX), .is_folding = is_folding};
	cx_lexer lexer;
	cx_token token;
	size_t pending = 0; /* semicolons: the last ones are not the statement's */
	cdbc_status status = CDBC_OK;

	if (!cx_grow(&w.levels, 0, &w.capacity, sizeof *w.levels))
		return cx_error_nomem(err);
	w.levels[0] = (level){0};
	cx_lexer_init(&lexer, sql, length);
	while (!status && cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END) {
		if (token.kind == CX_TOKEN_ERROR) {
			status = fail_lexical(sql, &lexer.error, err);
			break;
		}
		if (cx_token_is(&token, ';')) {
			pending += w.last != LAST_NONE;
			continue;
		}
		if (pending) {
			put(&w, ";", 1, LAST_COMMA);
			pending = 0;
		}
		status = put_token(&w, &token, err);
	}
	if (!status)
		status = finish(&w, out, err);
	cx_buf_free(&w.out);
	cx_free(w.levels);
	return status;
}

cdbc_status cdbc_sql_fingerprint(const char *sql, size_t length, cdbc_sql_form **out,
								 cdbc_error **err)
{
	return make_form(sql, length, true, out, err);
}

cdbc_status cdbc_sql_identity(const char *sql, size_t length, cdbc_sql_form **out, cdbc_error **err)
{
	return make_form(sql, length, false, out, err);
}

const char *cdbc_sql_form_text(const cdbc_sql_form *form)
{
	return form->text;
}

uint64_t cdbc_sql_form_hash(const cdbc_sql_form *form)
{
	return form->hash;
}

void cdbc_sql_form_free(cdbc_sql_form *form)
{
	cx_free(form);
}

/* ---- A script ------------------------------------------------------------------------------- */

cdbc_status cdbc_sql_split(const char *sql, size_t length,
						   bool (*fn)(void *data, const cdbc_sql_piece *piece), void *data,
						   cdbc_error **err)
{
	cx_splitter splitter;
	cx_piece piece;
	cdbc_sql_form *form;
	bool go_on = true;
	cdbc_status status = CDBC_OK;

	cx_splitter_init(&splitter, sql, length);
	while (go_on && !status && cx_splitter_next(&splitter, &piece)) {
		if (piece.length == 0)
			continue;
		form = NULL;
		status = cdbc_sql_fingerprint(piece.text, piece.length, &form, err);
		if (status)
			return status;
		go_on =
			fn(data, &(cdbc_sql_piece){sizeof(cdbc_sql_piece), piece.text, piece.length,
									   piece.offset, piece.line, piece.column, piece.kind,
									   (piece.flags & CDBC_REQUEST_READ_ONLY) != 0,
									   (piece.flags & CDBC_REQUEST_CHANGES_SESSION) != 0, form});
		cdbc_sql_form_free(form);
	}
	if (go_on && splitter.lexer.error.message)
		return fail_lexical(sql, &splitter.lexer.error, err);
	return status;
}

uint64_t cx_statement_fingerprint(const cx_statement *statement)
{
	uint64_t hash = atomic_load_explicit(&statement->fingerprint, memory_order_relaxed);
	cdbc_sql_form *form = NULL;
	cx_statement *own;

	if (hash || cdbc_sql_fingerprint(statement->sql, statement->sql_length, &form, NULL))
		return hash;
	hash = cdbc_sql_form_hash(form);
	cdbc_sql_form_free(form);
	memcpy(&own, &statement, sizeof own); /* what is kept does not show */
	atomic_store_explicit(&own->fingerprint, hash, memory_order_relaxed);
	return hash;
}
