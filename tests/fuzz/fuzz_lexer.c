// SPDX-License-Identifier: Apache-2.0
/* Any bytes as SQL: the tokens' bytes add up to the text, pieces put together are the script, and
 * reading parameters never changes a byte outside them: what a driver gets is walked along beside
 * the text. */
#include "base/error.h"
#include "data/sql/split.h"
#include "data/sql/statement.h"
#include "data/sql/types.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_so)
{
	if (!is_so)
		__builtin_trap();
}

static void check_tokens(const char *text, size_t length)
{
	cx_lexer lexer;
	cx_token token;
	size_t total = 0, line = 1;

	cx_lexer_init(&lexer, text, length);
	while (cx_lexer_next(&lexer, &token) != CX_TOKEN_END) {
		check(token.offset == total && token.length > 0 && token.line == line);
		check(token.line_start <= token.offset &&
			  (token.line_start == 0 || text[token.line_start - 1] == '\n'));
		for (size_t i = 0; i < token.length; i++)
			line += token.text[i] == '\n';
		total += token.length;
		check((token.kind == CX_TOKEN_ERROR) == (lexer.error.message != NULL));
	}
	check(total == length);
}

static void check_pieces(const char *text, size_t length)
{
	cx_splitter splitter;
	cx_piece piece;
	size_t total = 0;

	cx_splitter_init(&splitter, text, length);
	while (cx_splitter_next(&splitter, &piece)) {
		check(piece.whole_offset == total);
		total += piece.whole_length;
		check(piece.length == 0 || piece.column == cx_column(text, piece.line_start, piece.offset));
		check(piece.length == 0 ||
			  (piece.offset >= piece.whole_offset && piece.offset + piece.length <= total));
	}
	check(splitter.lexer.error.message || total == length);
}

/* What is left of the statement that a driver gets. */
typedef struct rest {
	const char *at, *end;
} rest;

static bool take(rest *r, const char *text, size_t length)
{
	if ((size_t)(r->end - r->at) < length || memcmp(r->at, text, length) != 0)
		return false;
	r->at += length;
	return true;
}

/* A placeholder, a list's subquery around it, and the blank before one that would stick to a word.
 */
static bool take_placeholder(rest *r, bool is_dollar)
{
	static const char query[] = "select value from json_each(ifnull(", end[] = ", '[null]'))";
	bool is_query;

	take(r, " ", 1);
	is_query = !is_dollar && take(r, query, sizeof query - 1);
	if (!take(r, is_dollar ? "$" : "?", 1) || r->at == r->end || *r->at < '1' || *r->at > '9')
		return false;
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return !is_query || take(r, end, sizeof end - 1);
}

static bool is_word(const cx_token *token, const char *lower)
{
	return token->kind == CX_TOKEN_WORD && token->length == strlen(lower) &&
		   strncasecmp(token->text, lower, token->length) == 0;
}

/* Every byte outside parameters is there, in order, but for `in` and `not in` of lists. */
static void check_outside(const char *text, size_t length, const cx_statement *statement,
						  bool is_dollar)
{
	rest r = {statement->sql, statement->sql + statement->sql_length};
	bool is_after_in = false, is_in_all = false;
	cx_lexer lexer;
	cx_token token;

	cx_lexer_init(&lexer, text, length);
	while (cx_lexer_next(&lexer, &token) != CX_TOKEN_END) {
		if (is_in_all) { /* `not in` has become `<> all` as one */
			is_in_all = !is_word(&token, "in");
			check(!is_in_all || token.kind == CX_TOKEN_SPACE);
		} else if (take(&r, token.text, token.length)) {
			is_after_in &= token.kind == CX_TOKEN_SPACE || token.kind == CX_TOKEN_COMMENT;
		} else if (token.kind == CX_TOKEN_PARAM) {
			check(take_placeholder(&r, is_dollar));
		} else if (is_dollar && is_word(&token, "not")) {
			is_in_all = is_after_in = take(&r, "<> all", 6);
			check(is_in_all || take(&r, "<>", 2));
		} else if (is_dollar && is_word(&token, "in")) {
			check(take(&r, "= any", 5) || take(&r, "all", 3));
			is_after_in = true;
		} else {
			check(is_after_in && token.kind == CX_TOKEN_SPACE);
		}
	}
	check(r.at == r.end);
}

/* Without named parameters nothing differs at all. */
static void check_statement(const char *text, size_t length)
{
	cx_statement *dollar = NULL, *question = NULL;
	cdbc_error *err = NULL;

	if (cx_statement_parse_both(text, length, NULL, 0, &dollar, &question, &err)) {
		check(cdbc_error_line(err) > 0 && cdbc_error_column(err) > 0);
		cdbc_error_free(err);
		return;
	}
	if (dollar->param_count == 0 || dollar->is_positional) {
		check(dollar->sql_length == length && !memcmp(dollar->sql, text, length));
	} else {
		check_outside(text, length, dollar, true);
		check_outside(text, length, question, false);
	}
	check(dollar->param_count == question->param_count);
	cx_statement_unref(dollar);
	cx_statement_unref(question);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cdbc_type type;

	check_tokens((const char *)data, size);
	check_pieces((const char *)data, size);
	check_statement((const char *)data, size);
	if (cx_type_parse((const char *)data, size, &type, NULL) == CDBC_OK)
		check(type.id < CDBC_TYPE_COUNT);
	return 0;
}
