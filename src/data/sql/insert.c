// SPDX-License-Identifier: Apache-2.0
/* Token by token; whatever is not expected ends it. */
#include "data/sql/insert.h"

#include "base/error.h"
#include "base/text.h"
#include "base/text.h"
#include "data/sql/keyword.h"
#include "data/sql/lexer.h"

#include <string.h>

#define COLUMNS_MAX 1664 /* more than a table has on either database */

typedef struct reader {
	cx_lexer lexer;
	cx_token token;
	cx_arena *arena;
	bool is_short; /* of memory */
} reader;

static void step(reader *r)
{
	cx_lexer_next_solid(&r->lexer, &r->token);
}

static bool take_word(reader *r, const char *word)
{
	if (r->token.kind != CX_TOKEN_WORD || !cx_word_is(r->token.text, r->token.length, word))
		return false;
	step(r);
	return true;
}

static bool take(reader *r, char op)
{
	if (!cx_token_is(&r->token, op))
		return false;
	step(r);
	return true;
}

static char *keep(reader *r, const char *text, size_t length)
{
	char *kept = cx_arena_strndup(r->arena, text, length);

	r->is_short |= !kept;
	return kept;
}

/* A name as the database keeps it. Letters beyond ASCII without quotes are folded by rules of each
 * database's own: no name for us. */
static char *name_of(reader *r)
{
	const cx_token *token = &r->token;
	char *name, *to;

	if (token->kind == CX_TOKEN_WORD) {
		for (size_t i = 0; i < token->length; i++)
			if ((unsigned char)token->text[i] >= 0x80)
				return NULL;
		name = keep(r, token->text, token->length);
		for (to = name; to && *to; to++)
			*to = cx_lower(*to);
		return name;
	}
	if (token->kind != CX_TOKEN_QUOTED || token->text[0] != '"')
		return NULL;
	name = keep(r, token->text + 1, token->length - 2);
	to = name;
	for (const char *from = name; from && *from; from++) {
		from += from[0] == '"'; /* written twice */
		*to++ = *from;
	}
	if (to)
		*to = '\0';
	return name;
}

static bool is_name(const cx_token *token)
{
	return token->kind == CX_TOKEN_WORD ||
		   (token->kind == CX_TOKEN_QUOTED && token->text[0] == '"');
}

static bool read_table(reader *r, cx_insert *out)
{
	const char *begin = r->token.text, *end = begin;

	for (int parts = 0; parts < 2; parts++) {
		if (!is_name(&r->token))
			return false;
		end = r->token.text + r->token.length;
		step(r);
		if (!cx_token_is(&r->token, '.'))
			break;
		step(r);
	}
	for (const char *p = begin; p < end; p++) /* a comment between them: no table's name has it */
		if (*p == '\n' || (p[0] == '/' && p + 1 < end && p[1] == '*'))
			return false;
	out->table = keep(r, begin, (size_t)(end - begin));
	return out->table != NULL;
}

static bool read_columns(reader *r, cx_insert *out, size_t *count)
{
	const char **columns = cx_arena_calloc(r->arena, COLUMNS_MAX, sizeof *columns);

	r->is_short |= !columns;
	for (*count = 0; columns && *count < COLUMNS_MAX;) {
		char *name = name_of(r);

		if (!name)
			return false;
		columns[(*count)++] = name;
		step(r);
		if (!take(r, ','))
			break;
	}
	out->columns = columns;
	return columns && take(r, ')');
}

static bool read_params(reader *r, cx_insert *out)
{
	size_t *params = cx_arena_calloc(r->arena, COLUMNS_MAX, sizeof *params);
	int64_t number;

	r->is_short |= !params;
	for (out->count = 0; params && out->count < COLUMNS_MAX;) {
		if (r->token.kind != CX_TOKEN_POSITIONAL ||
			!cx_text_int64(r->token.text + 1, r->token.length - 1, 1, 65535, &number))
			return false;
		params[out->count++] = (size_t)number - 1;
		step(r);
		if (!take(r, ','))
			break;
	}
	out->params = params;
	return params && take(r, ')');
}

static bool read(reader *r, cx_insert *out)
{
	size_t column_count = 0;

	step(r);
	if (!take_word(r, "insert") || !take_word(r, "into") || !read_table(r, out))
		return false;
	if (take(r, '(') && !read_columns(r, out, &column_count))
		return false;
	if (!take_word(r, "values") || !take(r, '(') || !read_params(r, out))
		return false;
	take(r, ';');
	return r->token.kind == CX_TOKEN_END && (!out->columns || column_count == out->count);
}

cdbc_status cx_insert_read(const char *sql, size_t length, cx_arena *arena, cx_insert *out,
						   cdbc_error **err)
{
	reader r = {.arena = arena};

	*out = (cx_insert){0};
	cx_lexer_init(&r.lexer, sql, length);
	if (!read(&r, out))
		*out = (cx_insert){0};
	return r.is_short ? cx_error_nomem(err) : CDBC_OK;
}
