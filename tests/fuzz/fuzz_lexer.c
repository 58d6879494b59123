// SPDX-License-Identifier: Apache-2.0
/* Any bytes as SQL: the tokens' bytes add up to the text, pieces put together are the script, and
 * reading parameters never changes a byte outside them. */
#include "base/error.h"
#include "data/sql/split.h"
#include "data/sql/statement.h"
#include "data/sql/types.h"

#include <stdint.h>
#include <string.h>

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
		check(piece.length == 0 ||
			  (piece.offset >= piece.whole_offset && piece.offset + piece.length <= total));
	}
	check(splitter.lexer.error.message || total == length);
}

/* What stands in the SQL besides placeholders stands in the text, in the same order; without
 * parameters nothing differs at all. */
static void check_statement(const char *text, size_t length)
{
	cx_statement *dollar = NULL, *question = NULL;
	cdbc_error *err = NULL;

	if (cx_statement_parse_both(text, length, NULL, 0, &dollar, &question, &err)) {
		check(cdbc_error_line(err) > 0 && cdbc_error_column(err) > 0);
		cdbc_error_free(err);
		return;
	}
	if (dollar->param_count == 0)
		check(dollar->sql_length == length && !memcmp(dollar->sql, text, length));
	if (dollar->is_positional)
		check(dollar->sql_length == length && !memcmp(dollar->sql, text, length));
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
