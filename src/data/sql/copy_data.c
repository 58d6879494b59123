// SPDX-License-Identifier: Apache-2.0
/* The rows after COPY ... FROM STDIN: the one place in a script where the lexer must be told what
 * comes, because it is no SQL. */
#include "data/sql/lexer.h"

#include <string.h>

/* The line end after at, when nothing but space and comments stands before it; else NULL. */
static const char *blank_line_end(const cx_lexer *lx)
{
	const char *p = lx->text + lx->at, *end = lx->text + lx->limit, *star;
	const char *stop = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

	for (; stop && p < stop; p++) {
		if (memchr(" \t\r\f\v", *p, 5))
			continue;
		if (stop - p < 2)
			return NULL;
		if (p[0] == '-' && p[1] == '-')
			return stop;
		if (p[0] != '/' || p[1] != '*')
			return NULL;
		for (star = p + 2; star + 1 < stop && (star[0] != '*' || star[1] != '/'); star++)
			;
		if (star + 1 >= stop)
			return NULL;
		p = star + 1;
	}
	return stop;
}

bool cx_lexer_copy_data(cx_lexer *lexer, cx_token *token, bool *has_none)
{
	const char *p = blank_line_end(lexer), *end = lexer->text + lexer->limit, *line;
	size_t lines = 0;

	if (!p)
		return false;
	for (line = p + 1; line < end; line = p + 1) {
		lines++;
		p = memchr(line, '\n', (size_t)(end - line));
		if (line[0] == '\\' && end - line >= 2 && line[1] == '.' &&
			((p ? p : end) == line + 2 || ((p ? p : end) == line + 3 && line[2] == '\r'))) {
			*token = (cx_token){.kind = CX_TOKEN_DATA,
								.text = lexer->text + lexer->at,
								.offset = lexer->at,
								.line = lexer->line,
								.line_start = lexer->line_start};
			lexer->at = (size_t)((p ? p + 1 : end) - lexer->text);
			token->length = lexer->at - token->offset;
			lexer->line += lines + (p != NULL);
			lexer->line_start = p ? lexer->at : (size_t)(line - lexer->text);
			return true;
		}
		if (!p)
			break;
	}
	*has_none = true;
	return false;
}
