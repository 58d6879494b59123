// SPDX-License-Identifier: Apache-2.0
/* Files written for sqlc, read as ours: its parameters and calls are written over in their places,
 * byte for byte, so that every place in the file stays where it is. Only in folders of that style:
 * elsewhere `@` is CockroachDB's, and `sqlc` a schema's name. */
#include "base/error.h"
#include "data/sql/keyword.h"
#include "service/catalog/internal.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 63

typedef struct walk {
	cx_sqlfiles *loader;
	char *text; /* the copy that is written over */
	cx_lexer lexer;
	cx_token token, before; /* this one, and the solid one before it */
	cx_recovery recovery;
} walk;

static bool is_name(const char *text, size_t length)
{
	if (length == 0 || length > NAME_MAX_BYTES || (text[0] >= '0' && text[0] <= '9'))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || text[i] == '_' ||
			  (cx_lower(text[i]) >= 'a' && cx_lower(text[i]) <= 'z')))
			return false;
	return true;
}

static cdbc_status fail_at(const walk *w, const cx_token *token, const char *hint, const char *what)
{
	return cx_sqlfiles_fail(w->loader, NULL,
							(cx_place){token->line, token->line_start, token->offset}, hint, "%s",
							what);
}

/* ---- @name ---------------------------------------------------------------------------------- */

/* Operators of the database that end in @, and so are not an @name's. */
static bool is_own_operator(const cx_token *token)
{
	static const char *const names[] = {"<@", "@@", "@@@", "@-@", "!@"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == token->length && !memcmp(names[i], token->text, token->length))
			return true;
	return false;
}

/* An operator that ends in @, and what follows it. */
static cdbc_status take_at(walk *w)
{
	cx_token at = w->token, word;
	size_t end = at.offset + at.length;
	cx_lexer ahead = w->lexer;
	bool is_hint = at.length == 1 && at.offset > 0 &&
				   (w->before.kind == CX_TOKEN_WORD || w->before.kind == CX_TOKEN_QUOTED) &&
				   w->before.offset + w->before.length == at.offset;

	cx_lexer_next(&ahead, &word);
	if (word.kind != CX_TOKEN_WORD || word.offset != end || is_hint || is_own_operator(&at))
		return CDBC_OK;
	if (!is_name(word.text, word.length))
		return fail_at(w, &word, "letters, digits and _", "this is no parameter's name");
	if (end > 1 && w->text[end - 2] == ':')
		return fail_at(w, &word, "write a blank before the @",
					   "a parameter directly after a colon");
	w->text[end - 1] = ':';
	return CDBC_OK;
}

/* ---- sqlc.arg(name) ------------------------------------------------------------------------- */

static cdbc_status write_over(walk *w, const cx_token *call, const cx_token *closing,
							  const char *name, size_t length, bool is_embed)
{
	char *at = w->text + call->offset, *end = w->text + closing->offset + 1;
	char kept[NAME_MAX_BYTES];

	memcpy(kept, name, length);
	for (char *p = at; p < end; p++)
		if (*p != '\n' && *p != '\r')
			*p = ' ';
	if (!is_embed)
		*at++ = ':';
	memcpy(at, kept, length);
	if (is_embed)
		memcpy(at + length, ".*", 2);
	return CDBC_OK;
}

/* From the word sqlc on: a call, unless something else follows. */
static cdbc_status take_call(walk *w)
{
	static const char *const calls[] = {"arg", "narg", "slice", "embed"};
	cx_token call = w->token, token, which, argument;
	cx_lexer ahead = w->lexer;
	const char *name;
	size_t length, i = 0;

	cx_lexer_next_solid(&ahead, &token);
	if (!cx_token_is(&token, '.'))
		return CDBC_OK;
	cx_lexer_next_solid(&ahead, &which);
	cx_lexer_next_solid(&ahead, &token);
	if (which.kind != CX_TOKEN_WORD || !cx_token_is(&token, '('))
		return CDBC_OK;
	while (i < 4 && !cx_word_is(which.text, which.length, calls[i]))
		i++;
	if (i == 4)
		return fail_at(w, &which, "there are sqlc.arg, sqlc.narg, sqlc.slice and sqlc.embed",
					   "sqlc has no such call");
	cx_lexer_next_solid(&ahead, &argument);
	cx_lexer_next_solid(&ahead, &token);
	name = argument.text;
	length = argument.length;
	if (length > 1 && (argument.kind == CX_TOKEN_STRING || argument.kind == CX_TOKEN_QUOTED)) {
		name++;
		length -= 2;
	} else if (argument.kind != CX_TOKEN_WORD) {
		length = 0;
	}
	if (!is_name(name, length) || !cx_token_is(&token, ')'))
		return fail_at(w, &argument, "write: sqlc.arg(name), its letters, digits and _",
					   "a call of sqlc's takes one name");
	if (i < 3 && call.offset && w->text[call.offset - 1] == ':')
		return fail_at(w, &call, "write a blank before it", "a parameter directly after a colon");
	w->lexer = ahead;
	w->token = token;
	return write_over(w, &call, &token, name, length, i == 3);
}

/* ---- The file ------------------------------------------------------------------------------- */

/* `# name:`, sqlc's for MySQL. */
static void rename_hashes(char *text, size_t length)
{
	char *end = text + length;

	for (char *p = text; end - p >= 7; p++) {
		if (!memcmp(p, "# name:", 7))
			memcpy(p, "--", 2);
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return;
	}
}

cdbc_status cx_sqlc_translate(cx_sqlfiles *loader, char *text)
{
	walk w = {.loader = loader, .text = text};
	cdbc_status status = CDBC_OK;

	rename_hashes(text, loader->length);
	cx_lexer_init(&w.lexer, loader->text, loader->length);
	while (!status && cx_lexer_next(&w.lexer, &w.token) != CX_TOKEN_END) {
		const cx_token *t = &w.token;

		if (t->kind == CX_TOKEN_ERROR && !cx_recovery_skip(&w.recovery, loader, &w.lexer))
			break;
		if (t->kind == CX_TOKEN_COMMENT && cx_header_is_name(t->text, t->length))
			cx_lexer_seek(&w.lexer, w.lexer.at, w.lexer.line, w.lexer.line_start);
		if (t->kind == CX_TOKEN_OPERATOR && t->text[t->length - 1] == '@')
			status = take_at(&w);
		else if (t->kind == CX_TOKEN_WORD && cx_word_is(t->text, t->length, "sqlc") &&
				 !cx_token_is(&w.before, '.'))
			status = take_call(&w);
		if (w.token.kind != CX_TOKEN_SPACE && w.token.kind != CX_TOKEN_COMMENT)
			w.before = w.token;
	}
	return status;
}

/* Whether a call that was read before is sqlc.narg. */
static bool is_narg(const char *text, size_t length)
{
	cx_lexer lexer;
	cx_token token;

	if (length == 0 || text[0] == '@' || text[0] == ':')
		return false;
	cx_lexer_init(&lexer, text, length);
	for (int i = 0; i < 3; i++)
		cx_lexer_next_solid(&lexer, &token);
	return cx_word_is(token.text, token.length, "narg");
}

/* The parameter that a mark of an optional part asks for. */
static bool part_name(const cx_token *mark, const char **name, size_t *length)
{
	cx_lexer lexer;
	cx_token token;

	cx_lexer_init(&lexer, mark->text + 3, mark->length - 5);
	do
		cx_lexer_next_solid(&lexer, &token);
	while (token.kind != CX_TOKEN_WORD && token.kind != CX_TOKEN_END &&
		   token.kind != CX_TOKEN_ERROR);
	*name = token.text;
	*length = token.length;
	return token.kind == CX_TOKEN_WORD;
}

static cdbc_status declare(cx_sqlfiles *loader, cx_section *section, const cx_token *token,
						   cx_place place, bool is_declared)
{
	const char *name = token->text + 1;
	size_t length = token->length - 1;
	char position[16];
	cx_param_rule *rule;

	if (token->kind == CX_TOKEN_POSITIONAL) {
		while (length > 1 && *name == '0')
			name++, length--;
		if (length > 5)
			return CDBC_OK; /* there is none of that number */
		length = (size_t)snprintf(position, sizeof position, "$%.*s", (int)length, name);
		name = position;
	}
	if (token->kind == CX_TOKEN_COMMENT && !part_name(token, &name, &length))
		return CDBC_OK;
	rule = cx_section_rule(section, name, length);
	if (!rule && (is_declared || name[0] == '_'))
		return CDBC_OK; /* that is told with the others */
	if (!rule && section->rule_count == CX_RULES_MAX)
		return cx_sqlfiles_fail(loader, section, place, NULL, "more than %d parameters",
								CX_RULES_MAX);
	if (!rule)
		rule = cx_section_add_rule(loader, section, name, length, place);
	if (!rule)
		return cx_error_nomem(loader->err);
	rule->info.is_optional |=
		token->kind == CX_TOKEN_COMMENT
			? !is_declared
			: is_narg(loader->written + place.offset, loader->length - place.offset);
	return CDBC_OK;
}

/* Whether a token is one of a parameter, or a mark of an optional part, which may name one. */
static bool is_wanted(const cx_token *token)
{
	return token->kind == CX_TOKEN_PARAM || token->kind == CX_TOKEN_POSITIONAL ||
		   (token->kind == CX_TOKEN_COMMENT && cx_template_is_marker(token->text, token->length));
}

cdbc_status cx_sqlc_declare(cx_sqlfiles *loader, cx_section *section, cx_place base, size_t to)
{
	bool is_declared = section->record->rules != NULL, has_names = false;
	cdbc_status status = CDBC_OK;
	cx_lexer lexer;
	cx_token token;

	cx_lexer_init(&lexer, loader->text + base.offset, to - base.offset);
	while (!has_names && cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END)
		has_names = token.kind == CX_TOKEN_PARAM;
	cx_lexer_init(&lexer, loader->text + base.offset, to - base.offset);
	while (!status && has_names && cx_lexer_next(&lexer, &token) != CX_TOKEN_END) {
		cx_place place = {base.line + token.line - 1,
						  token.line == 1 ? base.line_start : base.offset + token.line_start,
						  base.offset + token.offset};

		if (is_wanted(&token))
			status = declare(loader, section, &token, place, is_declared);
	}
	return status;
}

char *cx_sqlc_written(cx_sqlfiles *loader, size_t from, size_t length)
{
	size_t end = from + length;

	/* a call at the end became a name and blanks */
	for (size_t i = end; i < loader->length && strchr(" \r\n", loader->text[i]); i++)
		if (loader->text[i] != loader->written[i])
			end = i + 1;
	return cx_arena_strndup(loader->arena, loader->written + from, end - from);
}
