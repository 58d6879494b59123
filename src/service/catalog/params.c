// SPDX-License-Identifier: Apache-2.0
/* `param:` lines: NAME TYPE[?] CHECK* [= LITERAL] [-- text]. What the checks do with a value is in
 * rules.c. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "data/sql/check.h"
#include "data/sql/dialect.h"
#include "data/sql/keyword.h"
#include "data/sql/types.h"
#include "service/catalog/internal.h"

#include <stdio.h>
#include <string.h>

/* A header line while it is read. */
typedef struct reader {
	cx_sqlfiles *loader;
	cx_section *section;
	cx_param_rule *rule;
	cx_place line;
	size_t from; /* of the lexer's text in the file */
	cx_lexer lexer;
	cx_token token;
	bool is_check; /* a literal is compared with the elements of an array, not with itself */
} reader;

typedef struct literal {
	cdbc_value value;
	cx_limit number;
	const char *text; /* as written */
	bool is_null;
} literal;

static void next(reader *r)
{
	cx_lexer_next_solid(&r->lexer, &r->token);
}

/* The next token, where a comment counts: the help at the line's end. */
static void next_or_help(reader *r)
{
	while (cx_lexer_next(&r->lexer, &r->token) == CX_TOKEN_SPACE)
		;
}

static cx_place here(const reader *r)
{
	return (cx_place){r->line.line, r->line.line_start, r->from + r->token.offset};
}

static cdbc_status fail(reader *r, const char *hint, const char *what)
{
	if (r->token.kind == CX_TOKEN_ERROR) { /* that is what is wrong, whatever was wanted here */
		hint = r->lexer.error.hint;
		what = r->lexer.error.message;
	}
	return cx_sqlfiles_fail(r->loader, r->section, here(r), hint, "%s", what);
}

static bool is_word(const reader *r, const char *word)
{
	return r->token.kind == CX_TOKEN_WORD && cx_word_is(r->token.text, r->token.length, word);
}

/* ---- Literals ------------------------------------------------------------------------------- */

char *cx_unquote(cx_arena *arena, const char *text, size_t length, size_t *out_length)
{
	char *out = cx_arena_alloc(arena, length);
	size_t n = 0;

	if (!out)
		return NULL;
	for (size_t i = 1; i + 1 < length; i++) {
		out[n++] = text[i];
		i += text[i] == '\'';
	}
	out[n] = '\0';
	*out_length = n;
	return out;
}

static cdbc_status keep_literal(reader *r, size_t begin, cx_place place, literal *out)
{
	cdbc_type type = r->rule->info.type;
	cdbc_error *error = NULL;

	out->text = cx_arena_strndup(r->loader->arena, r->lexer.text + begin,
								 r->token.offset + r->token.length - begin);
	if (!out->text)
		return cx_error_nomem(r->loader->err);
	if (r->is_check)
		type.is_array = false;
	if (cx_value_check(r->rule->info.name, type, &out->value, &out->value, &error))
		return cx_sqlfiles_adopt(r->loader, r->section, place, &error);
	if (cx_type_is_number(type.id) && !type.is_array && !out->is_null)
		cx_limit_read(out->text, &out->number);
	if (cx_type_is_moment(type.id) && !type.is_array && !out->is_null)
		cx_limit_moment(type.id, out->value.as.text, out->text, &out->number);
	next_or_help(r);
	return CDBC_OK;
}

/* An identifier: a bare word (with its table's: t.a), which SQL would fold to lower case, or '..'
 * or
 * "..", which it would not. out->value is what a caller gives, *quoted what is written into SQL. */
static cdbc_status read_ident(reader *r, literal *out, const char **quoted)
{
	cx_buf text = CX_BUF_INIT(1024), sql = CX_BUF_INIT(2048), name = CX_BUF_INIT(1024);
	size_t begin = r->token.offset, end = begin;
	cdbc_status status = CDBC_OK;
	char quote;

	memset(out, 0, sizeof *out);
	for (;;) {
		quote = r->token.text[0];
		if (r->token.kind != CX_TOKEN_WORD && quote != '\'' && quote != '"')
			break;
		cx_buf_clear(&name);
		if (r->token.kind == CX_TOKEN_WORD) {
			cx_buf_put(&text, r->token.text, r->token.length);
			for (size_t i = 0; i < r->token.length; i++)
				cx_buf_putc(&name, cx_lower(r->token.text[i]));
		} else {
			for (size_t i = 1; i + 1 < r->token.length; i++) {
				cx_buf_putc(&name, r->token.text[i]);
				i += r->token.text[i] == quote;
			}
			cx_buf_put(&text, name.data, name.length);
		}
		cx_identifier_put(&sql, name.data, name.length);
		end = r->token.offset + r->token.length;
		next_or_help(r);
		if (!cx_token_is(&r->token, '.'))
			break;
		cx_buf_putc(&text, '.');
		cx_buf_putc(&sql, '.');
		next(r);
		end = begin; /* something has to follow the dot */
	}
	if (text.is_nomem || sql.is_nomem || name.is_nomem) {
		status = cx_error_nomem(r->loader->err);
	} else if (end == begin || text.length == 0 || text.is_over || sql.is_over || name.is_over) {
		status = fail(r, "write a column's name, t.a, or 'A name'", "an identifier is missing");
	} else {
		out->text = cx_arena_strndup(r->loader->arena, r->lexer.text + begin, end - begin);
		out->value =
			cdbc_text_n(cx_arena_strndup(r->loader->arena, text.data, text.length), text.length);
		*quoted = cx_arena_strndup(r->loader->arena, sql.data, sql.length);
		if (!out->text || !out->value.as.text.data || !*quoted)
			status = cx_error_nomem(r->loader->err);
	}
	cx_buf_free(&text);
	cx_buf_free(&sql);
	cx_buf_free(&name);
	return status;
}

/* number | true | false | null | '..' */
static cdbc_status read_literal(reader *r, literal *out)
{
	cx_place place = here(r);
	size_t begin = r->token.offset, length = 0;
	char *text;

	memset(out, 0, sizeof *out);
	if (cx_token_is(&r->token, '-') || cx_token_is(&r->token, '+')) {
		next(r);
		if (r->token.kind != CX_TOKEN_NUMBER)
			return fail(r, NULL, "a number is missing after its sign");
	}
	if (r->token.kind == CX_TOKEN_NUMBER) {
		length = r->token.offset + r->token.length - begin;
		text = cx_arena_strndup(r->loader->arena, r->lexer.text + begin, length);
	} else if (r->token.kind == CX_TOKEN_STRING && r->token.text[0] == '\'') {
		text = cx_unquote(r->loader->arena, r->token.text, r->token.length, &length);
	} else if (is_word(r, "true") || is_word(r, "false")) {
		out->value = cdbc_bool(cx_lower(r->token.text[0]) == 't');
		return keep_literal(r, begin, place, out);
	} else if (is_word(r, "null")) {
		out->value = cdbc_null();
		out->is_null = true;
		return keep_literal(r, begin, place, out);
	} else {
		return fail(r, "a literal is a number, true, false, null, or text in single quotes",
					r->token.kind == CX_TOKEN_WORD ? "a bare word is no literal"
												   : "a literal is missing");
	}
	if (!text)
		return cx_error_nomem(r->loader->err);
	out->value = cdbc_text_n(text, length);
	return keep_literal(r, begin, place, out);
}

/* ---- Checks --------------------------------------------------------------------------------- */

static cdbc_status read_choices(reader *r)
{
	cx_choice *choices = NULL, *kept;
	const char **names = NULL, **kept_names, *quoted = NULL;
	size_t count = 0, capacity = 0, name_capacity = 0, begin = r->token.offset;
	cdbc_status status = CDBC_OK;
	literal one;

	if (r->rule->choices)
		return fail(r, NULL, "`in` is given twice");
	next(r);
	if (!cx_token_is(&r->token, '('))
		return fail(r, "write: in('a', 'b')", "`(` is missing after `in`");
	do {
		next(r);
		status = r->rule->is_ident ? read_ident(r, &one, &quoted) : read_literal(r, &one);
		if (status || r->section->is_bad)
			goto out;
		if (!cx_grow(&choices, count, &capacity, sizeof *choices) ||
			!cx_grow(&names, count, &name_capacity, sizeof *names)) {
			status = cx_error_nomem(r->loader->err);
			goto out;
		}
		if (r->rule->is_ident && count == CX_STATES_MAX - 2) {
			status = fail(r, NULL, "more than 62 identifiers");
			goto out;
		}
		names[count] = quoted;
		choices[count++] = (cx_choice){one.value, one.number};
	} while (cx_token_is(&r->token, ','));
	if (!cx_token_is(&r->token, ')')) {
		status = fail(r, "write: in('a', 'b')", "`)` is missing after the choices");
		goto out;
	}
	kept = cx_arena_calloc(r->loader->arena, count, sizeof *kept);
	kept_names = cx_arena_calloc(r->loader->arena, count, sizeof *kept_names);
	r->rule->choices_text =
		cx_arena_strndup(r->loader->arena, r->lexer.text + begin, r->token.offset + 1 - begin);
	if (!kept || !kept_names || !r->rule->choices_text) {
		status = cx_error_nomem(r->loader->err);
		goto out;
	}
	memcpy(kept, choices, count * sizeof *kept);
	memcpy(kept_names, names, count * sizeof *names);
	r->rule->names = kept_names;
	r->rule->choices = kept;
	r->rule->choice_count = count;
	next_or_help(r);
out:
	cx_free(choices);
	cx_free(names);
	return status;
}

/* Whether something is neither below min nor above max. */
static bool is_range(const cx_limit *min, const cx_limit *max)
{
	return !min->is_set || !max->is_set ||
		   (min->is_int64 && max->is_int64 ? min->int64 <= max->int64 : min->number <= max->number);
}

static cdbc_status read_limit(reader *r, cx_limit *limit)
{
	literal one;
	cx_place place;
	cdbc_status status;

	if (limit->is_set)
		return fail(r, NULL, "a limit is given twice");
	if (!cx_type_is_number(r->rule->info.type.id) && !cx_type_is_moment(r->rule->info.type.id))
		return fail(r, "for text there are length and match",
					"min and max are for numbers, dates and times");
	next(r);
	if (!cx_token_is(&r->token, '='))
		return fail(r, "write: min=1", "`=` is missing");
	next(r);
	place = here(r);
	status = read_literal(r, &one);
	if (status || r->section->is_bad)
		return status;
	if (one.is_null)
		return fail(r, NULL, "a limit is no null");
	*limit = one.number;
	if (!is_range(&r->rule->min, &r->rule->max))
		return cx_sqlfiles_fail(r->loader, r->section, place, NULL, "no value is in that range");
	return CDBC_OK;
}

static bool read_count(reader *r, int64_t *out)
{
	if (r->token.kind != CX_TOKEN_NUMBER ||
		!cx_text_int64(r->token.text, r->token.length, 0, INT64_MAX, out))
		return false;
	next_or_help(r);
	return true;
}

/* length=N..M, N.., ..M, N */
static cdbc_status read_length(reader *r)
{
	cx_param_rule *rule = r->rule;
	bool has_dots;

	if (rule->length_min >= 0)
		return fail(r, NULL, "`length` is given twice");
	if (rule->info.type.id != CDBC_TYPE_TEXT && rule->info.type.id != CDBC_TYPE_BYTES &&
		rule->info.type.id != CDBC_TYPE_OTHER)
		return fail(r, NULL, "`length` is for text and bytes");
	next(r);
	if (!cx_token_is(&r->token, '='))
		return fail(r, "write: length=1..20", "`=` is missing");
	next(r);
	if (!read_count(r, &rule->length_min))
		rule->length_min = -1;
	has_dots = r->token.kind == CX_TOKEN_OPERATOR && r->token.length == 2 &&
			   !memcmp(r->token.text, "..", 2);
	if (has_dots) {
		next_or_help(r);
		if (!read_count(r, &rule->length_max))
			rule->length_max = INT64_MAX;
	} else {
		rule->length_max = rule->length_min;
	}
	if (rule->length_min < 0 && (!has_dots || rule->length_max == INT64_MAX))
		return fail(r, "write: length=1..20, length=1.. or length=..20", "a length is missing");
	if (rule->length_min < 0)
		rule->length_min = 0;
	if (rule->length_min > rule->length_max)
		return fail(r, NULL, "no length is in that range");
	return CDBC_OK;
}

static cdbc_status read_match(reader *r)
{
	cx_param_rule *rule = r->rule;
	cx_buf pattern = CX_BUF_INIT(64u << 10);
	cx_place place;
	regex_t *match;
	const char *why;
	char message[128], *text;
	size_t length = 0, at = 0;
	int failed;

	if (rule->match)
		return fail(r, NULL, "`match` is given twice");
	if (rule->info.type.id != CDBC_TYPE_TEXT && rule->info.type.id != CDBC_TYPE_OTHER)
		return fail(r, NULL, "`match` is for text");
	next(r);
	if (!cx_token_is(&r->token, '='))
		return fail(r, "write: match='[a-z]+'", "`=` is missing");
	next(r);
	place = here(r);
	if (r->token.kind != CX_TOKEN_STRING || r->token.text[0] != '\'')
		return fail(r, "write: match='[a-z]+'", "an expression in single quotes is missing");
	text = cx_unquote(r->loader->arena, r->token.text, r->token.length, &length);
	why = text ? cx_pattern_refused(text, length, &at) : NULL;
	if (why) {
		for (size_t i = 0; i < at; i++)
			place.offset += text[i] == '\'';
		place.offset += at + 1;
		return cx_sqlfiles_fail(r->loader, r->section, place,
								"what is more is for a CHECK constraint, or for the program",
								"the expression is not taken: %s", why);
	}
	match = cx_arena_calloc(r->loader->arena, 1, sizeof *match);
	if (text)
		cx_buf_putf(&pattern, "^(%s)$", text);
	if (!text || !match || !pattern.data || pattern.is_nomem || pattern.is_over) {
		cx_buf_free(&pattern);
		return cx_error_nomem(r->loader->err);
	}
	failed = regcomp(match, pattern.data, REG_EXTENDED | REG_NOSUB);
	cx_buf_free(&pattern);
	if (failed == REG_ESPACE)
		return cx_error_nomem(r->loader->err);
	if (failed) {
		regerror(failed, match, message, sizeof message);
		return cx_sqlfiles_fail(r->loader, r->section, place,
								"it is a POSIX extended regular expression",
								"the expression is wrong: %s", message);
	}
	rule->match = match;
	rule->match_text = text;
	next_or_help(r);
	return CDBC_OK;
}

static cdbc_status read_default(reader *r)
{
	literal one;
	cx_place place;
	cdbc_error *error = NULL;
	const char *quoted;
	cdbc_status status;

	next(r);
	place = here(r);
	status = r->rule->is_ident ? read_ident(r, &one, &quoted) : read_literal(r, &one);
	if (status || r->section->is_bad)
		return status;
	if (cx_rule_check(r->rule, &one.value, &error))
		return cx_sqlfiles_adopt(r->loader, r->section, place, &error);
	r->rule->has_default = true;
	r->rule->default_value = one.value;
	r->rule->info.default_text = one.text;
	return CDBC_OK;
}

static cdbc_status read_check(reader *r)
{
	static const char *const words[] = {"in", "min", "max", "length", "match"};
	char word[24];
	char hint[48] = "the checks are in, min, max, length and match";
	const char *near;

	if (r->token.kind != CX_TOKEN_WORD || r->token.length >= sizeof word)
		return fail(r,
					"after the type stand in(...), min=, max=, length=, match=, then = and the "
					"default, then -- and a text",
					"neither a check nor a default");
	if (is_word(r, "in"))
		return read_choices(r);
	if (r->rule->is_ident)
		return fail(r, NULL, "an identifier is checked with in(...) only");
	if (is_word(r, "min"))
		return read_limit(r, &r->rule->min);
	if (is_word(r, "max"))
		return read_limit(r, &r->rule->max);
	if (is_word(r, "length"))
		return read_length(r);
	if (is_word(r, "match"))
		return read_match(r);
	snprintf(word, sizeof word, "%.*s", (int)r->token.length, r->token.text);
	near = cx_text_nearest(word, words, sizeof words / sizeof *words);
	if (near)
		snprintf(hint, sizeof hint, "did you mean \"%s\"?", near);
	return cx_sqlfiles_fail(r->loader, r->section, here(r), hint, "unknown check \"%s\"", word);
}

/* ---- The line ------------------------------------------------------------------------------- */

/* cx_type_read passes a comment: the help is looked for again from the token before it. */
static void find_help(reader *r, size_t type_begin)
{
	cx_lexer lexer;
	cx_token token;
	size_t end = r->token.offset;

	cx_lexer_init(&lexer, r->lexer.text, r->lexer.length);
	cx_lexer_seek(&lexer, type_begin, 1, 0);
	while (cx_lexer_next(&lexer, &token) != CX_TOKEN_END && token.offset < end)
		if (token.kind == CX_TOKEN_COMMENT && token.text[0] == '-') {
			r->token = token;
			return;
		}
}

static cdbc_status read_type(reader *r)
{
	cx_param_rule *rule = r->rule;
	size_t begin = r->token.offset, end;
	cdbc_error *error = NULL;

	if (is_word(r, "ident")) {
		rule->is_ident = true;
		rule->info.type.id = CDBC_TYPE_TEXT;
		next_or_help(r);
	} else {
		if (cx_type_read(&r->lexer, &r->token, &rule->info.type, &error))
			return cx_sqlfiles_adopt(r->loader, r->section, here(r), &error);
		find_help(r, begin);
	}
	for (end = r->token.offset; end > begin && strchr(" \t\r", r->lexer.text[end - 1]); end--)
		;
	rule->info.type_name = cx_arena_strndup(r->loader->arena, r->lexer.text + begin, end - begin);
	if (!rule->info.type_name)
		return cx_error_nomem(r->loader->err);
	if (r->token.kind == CX_TOKEN_OPERATOR && r->token.text[0] == '?') {
		rule->info.is_optional = true;
		cx_lexer_seek(&r->lexer, r->token.offset + 1, 1, 0);
		next_or_help(r);
	}
	return CDBC_OK;
}

static cdbc_status read_help(reader *r)
{
	size_t begin = 2, end = r->token.length;

	if (r->token.kind == CX_TOKEN_END)
		return CDBC_OK;
	if (r->token.kind != CX_TOKEN_COMMENT || r->token.text[0] != '-')
		return fail(r, "a text about the parameter follows --",
					"something follows the parameter's declaration");
	while (begin < end && strchr(" \t\r", r->token.text[begin]))
		begin++;
	while (end > begin && strchr(" \t\r", r->token.text[end - 1]))
		end--;
	r->rule->info.help = cx_arena_strndup(r->loader->arena, r->token.text + begin, end - begin);
	return r->rule->info.help ? CDBC_OK : cx_error_nomem(r->loader->err);
}

/* The checks as they are written, between a byte and the token. */
static cdbc_status keep_checks(reader *r, size_t begin)
{
	size_t end = r->token.offset;

	while (end > begin && strchr(" \t\r", r->lexer.text[end - 1]))
		end--;
	if (end == begin)
		return CDBC_OK;
	r->rule->info.checks = cx_arena_strndup(r->loader->arena, r->lexer.text + begin, end - begin);
	return r->rule->info.checks ? CDBC_OK : cx_error_nomem(r->loader->err);
}

static cdbc_status read_line(reader *r)
{
	cdbc_status status;
	size_t begin;

	next(r);
	status = read_type(r);
	if (status || r->section->is_bad)
		return status;
	begin = r->token.offset;
	while (r->token.kind != CX_TOKEN_END && r->token.kind != CX_TOKEN_COMMENT &&
		   !cx_token_is(&r->token, '=')) {
		r->is_check = true;
		status = read_check(r);
		r->is_check = false;
		if (status || r->section->is_bad)
			return status;
	}
	status = keep_checks(r, begin);
	if (status)
		return status;
	if (r->rule->is_ident && !r->rule->choices)
		return fail(r, "write: -- param: sort ident in(created_at, amount)",
					"an identifier needs the list of those that it may be");
	if (cx_token_is(&r->token, '=')) {
		status = read_default(r);
		if (status || r->section->is_bad)
			return status;
	}
	return read_help(r);
}

cdbc_status cx_header_param(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to)
{
	reader r = {.loader = loader, .section = section, .line = line, .from = from};
	bool was_bad = section->is_bad;
	cdbc_status status;

	cx_lexer_init(&r.lexer, loader->text + from, to - from);
	next(&r);
	if (r.token.kind != CX_TOKEN_WORD)
		return fail(&r, "write: -- param: NAME TYPE", "a parameter's name is missing");
	if (r.token.text[0] == '_')
		return fail(&r, "take another name",
					"names that begin with `_` are filled in here, they cannot be declared");
	r.rule = cx_section_rule(section, r.token.text, r.token.length);
	if (r.rule && (*r.rule->info.type_name || r.rule->place.line == line.line))
		return cx_sqlfiles_fail(loader, section, here(&r), NULL,
								"parameter \"%s\" is declared twice", r.rule->info.name);
	if (!r.rule && section->rule_count == CX_RULES_MAX)
		return cx_sqlfiles_fail(loader, section, here(&r), NULL, "more than %d declared parameters",
								CX_RULES_MAX);
	if (!r.rule)
		r.rule = cx_section_add_rule(loader, section, r.token.text, r.token.length, here(&r));
	if (!r.rule)
		return cx_error_nomem(loader->err);
	section->is_bad = false; /* each line stands for itself */
	status = read_line(&r);
	section->is_bad |= was_bad;
	return status;
}
