// SPDX-License-Identifier: Apache-2.0
/* The rows after COPY ... FROM STDIN: the one place in a script where the lexer must be told what
 * comes, because it is no SQL. */
#include "data/sql/lexer.h"

#include <string.h>

/* The line end after at, when nothing but space and comments stands before it; else NULL. Looks no
 * further than it must: it is asked after each statement of a line. */
static const char *blank_line_end(const cx_lexer *lx)
{
	const char *end = lx->text + lx->limit;

	for (const char *p = lx->text + lx->at; p < end; p++) {
		if (*p == '\n')
			return p;
		if (memchr(" \t\r\f\v", *p, 5))
			continue;
		if (end - p < 2)
			return NULL;
		if (p[0] == '-' && p[1] == '-')
			return memchr(p, '\n', (size_t)(end - p));
		if (p[0] != '/' || p[1] != '*')
			return NULL;
		for (p += 2; end - p >= 2 && *p != '\n' && (p[0] != '*' || p[1] != '/'); p++)
			;
		if (end - p < 2 || *p == '\n')
			return NULL;
		p++;
	}
	return NULL;
}

/* Whether the lexer stands behind the line end that ends rows. */
static bool is_at_line_start(const cx_lexer *lx)
{
	return lx->at > 0 && lx->at == lx->line_start;
}

/* The rows of one COPY. */
static bool take(cx_lexer *lexer, cx_token *token, bool *has_none)
{
	const char *p = is_at_line_start(lexer) ? lexer->text + lexer->at - 1 : blank_line_end(lexer);
	const char *end = lexer->text + lexer->limit, *line;
	size_t lines = (size_t)0 - is_at_line_start(lexer); /* its line end is counted already */

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

bool cx_lexer_copy_data(cx_lexer *lexer, cx_copy_rows *rows, bool is_copy, cx_token *token)
{
	cx_token more;

	if (rows->has_none || (!rows->wanted && !is_copy))
		return false;
	if (lexer->line_start != rows->line_start) /* a statement went on in the next line */
		rows->wanted = 0;
	rows->wanted += is_copy;
	rows->line_start = lexer->line_start;
	if (!rows->wanted || !take(lexer, token, &rows->has_none))
		return false;
	while (--rows->wanted && take(lexer, &more, &rows->has_none))
		token->length += more.length;
	rows->wanted = 0;
	return true;
}
