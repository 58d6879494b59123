// SPDX-License-Identifier: Apache-2.0
/* Reads the marks of optional parts, and writes a statement without some of them. What goes with a
 * part that is taken out is in trim.c. */
#include "data/sql/template.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "data/sql/keyword.h"
#include "data/sql/lexer.h"
#include "data/sql/trim.h"

#include <string.h>

typedef struct reader {
	cx_template *t;
	cx_lexer lexer;
	uint16_t block; /* the innermost open one, from 1 */
	uint16_t part;  /* open at its level, from 1 */
	cdbc_error **err;
} reader;

bool cx_template_is_marker(const char *text, size_t length)
{
	return length >= 5 && text[0] == '/' && text[1] == '*' && text[2] == '?';
}

static cdbc_status fail_at(const reader *r, size_t line, size_t line_start, size_t offset,
						   const char *hint, const char *message)
{
	cx_error_set(r->err, CDBC_SQL_FILE, "%s", message);
	cx_error_place(r->err, NULL, (int64_t)line, (int64_t)cx_column(r->t->text, line_start, offset));
	cx_error_position(r->err, (int64_t)cx_column(r->t->text, 0, offset));
	if (hint)
		cx_error_hint(r->err, "%s", hint);
	return CDBC_SQL_FILE;
}

static cdbc_status fail_token(const reader *r, const cx_token *token, const char *hint,
							  const char *message)
{
	return fail_at(r, token->line, token->line_start, token->offset, hint, message);
}

static cdbc_status fail_part(const reader *r, uint16_t part, const char *hint, const char *message)
{
	const cx_part *p = &r->t->parts[part - 1];

	return fail_at(r, p->line, p->line_start, p->marker, hint, message);
}

/* ---- Marks ---------------------------------------------------------------------------------- */

#define FORMS "the forms are NAME, !NAME and NAME = 'literal'"

/* Reads what stands in a mark: [!] NAME [= LITERAL]. at counts from the mark's beginning. */
static cdbc_status read_condition(const reader *r, const cx_token *marker, size_t at, cx_part *part)
{
	cx_lexer lexer;
	cx_token token;
	size_t begin;

	cx_lexer_init(&lexer, marker->text + at, marker->length - 2 - at);
	cx_lexer_next_solid(&lexer, &token);
	if (cx_token_is(&token, '!')) {
		part->test = CX_PART_ABSENT;
		cx_lexer_next_solid(&lexer, &token);
	}
	if (token.kind != CX_TOKEN_WORD)
		return fail_token(r, marker, FORMS, "an optional part without a parameter's name");
	part->name = (uint32_t)(marker->offset + at + token.offset);
	part->name_length = (uint32_t)token.length;
	cx_lexer_next_solid(&lexer, &token);
	if (part->test == CX_PART_GIVEN && cx_token_is(&token, '=')) {
		part->test = CX_PART_EQUAL;
		cx_lexer_next_solid(&lexer, &token);
		begin = token.offset;
		if (cx_token_is(&token, '-') || cx_token_is(&token, '+'))
			cx_lexer_next_solid(&lexer, &token);
		if (token.kind != CX_TOKEN_NUMBER && token.kind != CX_TOKEN_WORD &&
			(token.kind != CX_TOKEN_STRING || token.text[0] != '\''))
			return fail_token(r, marker, FORMS, "a literal is missing in an optional part");
		part->literal = (uint32_t)(marker->offset + at + begin);
		do /* a name may have dots */
			part->literal_length = (uint32_t)(token.offset + token.length - begin);
		while (
			cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END &&
			(cx_token_is(&token, '.') || (token.kind == CX_TOKEN_WORD && lexer.is_prev_after_dot)));
	}
	if (token.kind != CX_TOKEN_END)
		return fail_token(r, marker, FORMS, "an optional part's condition is not understood");
	return CDBC_OK;
}

static bool is_blank_to(const cx_token *token, size_t from, size_t to)
{
	while (from < to && strchr(" \t\r\n\f\v", token->text[from]))
		from++;
	return from == to;
}

static cdbc_status take_end(reader *r, const cx_token *token, bool is_block)
{
	if (!is_block && !r->part)
		return fail_token(r, token, NULL, "the end of an optional part where none is open");
	r->part = 0;
	if (!is_block)
		return CDBC_OK;
	if (!r->block)
		return fail_token(r, token, NULL, "the end of a block where none is open");
	r->block = (uint16_t)r->t->parts[r->block - 1].parent;
	return CDBC_OK;
}

static cdbc_status take_marker(reader *r, const cx_token *token)
{
	cx_template *t = r->t;
	size_t at = 3, end = token->length - 2;
	cx_part part = {.marker = (uint32_t)token->offset,
					.line = (uint32_t)token->line,
					.line_start = (uint32_t)token->line_start,
					.parent = r->block};
	cdbc_status status;

	while (at < end && strchr(" \t\r\n\f\v", token->text[at]))
		at++;
	if (at == end)
		return take_end(r, token, false);
	if (token->text[at] == '}' && is_blank_to(token, at + 1, end))
		return take_end(r, token, true);
	part.is_block = token->text[at] == '{';
	status = read_condition(r, token, at + part.is_block, &part);
	if (status)
		return status;
	if (t->part_count == CX_PARTS_MAX)
		return fail_token(r, token, NULL, "more than 1000 optional parts");
	if (!cx_grow(&t->parts, t->part_count, &t->part_capacity, sizeof *t->parts))
		return cx_error_nomem(r->err);
	t->parts[t->part_count++] = part;
	if (part.is_block) {
		r->block = (uint16_t)t->part_count;
		r->part = 0;
	} else {
		r->part = (uint16_t)t->part_count;
	}
	return CDBC_OK;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static cdbc_status add_token(reader *r, const cx_token *token, bool is_marker)
{
	cx_template *t = r->t;

	if (!cx_grow(&t->tokens, t->token_count, &t->token_capacity, sizeof *t->tokens))
		return cx_error_nomem(r->err);
	t->tokens[t->token_count++] = (cx_template_token){.offset = (uint32_t)token->offset,
													  .length = (uint32_t)token->length,
													  .line = (uint32_t)token->line,
													  .line_start = (uint32_t)token->line_start,
													  .part = r->part ? r->part : r->block,
													  .kind = (uint8_t)token->kind,
													  .is_marker = is_marker};
	return CDBC_OK;
}

static bool is_solid(const cx_template_token *token)
{
	return token->kind != CX_TOKEN_SPACE && token->kind != CX_TOKEN_COMMENT;
}

/* A word beside a dot is part of a name. */
static void set_traits(cx_template *t)
{
	cx_template_token *prev = NULL;
	bool is_prev_dot = false;

	for (size_t i = 0; i < t->token_count; i++) {
		cx_template_token *token = &t->tokens[i];
		bool is_dot;

		if (!is_solid(token))
			continue;
		is_dot =
			token->kind == CX_TOKEN_OPERATOR && token->length == 1 && t->text[token->offset] == '.';
		if (is_dot && prev && prev->kind == CX_TOKEN_WORD)
			prev->traits = 0;
		token->traits =
			is_prev_dot ? 0 : cx_token_traits(t->text + token->offset, token->length, token->kind);
		prev = token;
		is_prev_dot = is_dot;
	}
}

cdbc_status cx_template_read(const char *text, size_t length, cx_template *out, cdbc_error **err)
{
	reader r = {.t = out, .err = err};
	cx_token token;
	cdbc_status status = CDBC_OK;

	memset(out, 0, sizeof *out);
	out->text = text;
	out->length = length;
	if (length > CX_TEMPLATE_MAX_BYTES) {
		cx_error_set(err, CDBC_SQL_FILE,
					 "a statement with optional parts or identifiers has at "
					 "most %u bytes",
					 CX_TEMPLATE_MAX_BYTES);
		cx_error_place(err, NULL, 1, 1);
		cx_error_position(err, 1);
		return CDBC_SQL_FILE;
	}
	cx_lexer_init(&r.lexer, text, length);
	while (!status && cx_lexer_next(&r.lexer, &token) != CX_TOKEN_END) {
		bool is_marker =
			token.kind == CX_TOKEN_COMMENT && cx_template_is_marker(token.text, token.length);

		if (token.kind == CX_TOKEN_ERROR)
			return fail_at(&r, r.lexer.error.line, r.lexer.error.line_start, r.lexer.error.offset,
						   r.lexer.error.hint, r.lexer.error.message);
		if (is_marker)
			status = take_marker(&r, &token);
		if (!status)
			status = add_token(&r, &token, is_marker);
	}
	if (!status && r.part)
		status =
			fail_part(&r, r.part, "write /*?*/ where it ends", "an optional part without its end");
	if (!status && r.block)
		status = fail_part(&r, r.block, "write /*?}*/ where it ends", "a block without its end");
	if (status)
		return status;
	set_traits(out);
	return CDBC_OK;
}

void cx_template_fini(cx_template *template)
{
	cx_free(template->tokens);
	cx_free(template->parts);
	memset(template, 0, sizeof *template);
}

/* ---- Which tokens are kept ------------------------------------------------------------------ */

/* Parts by their switches, from 1; a part of a block that is gone is gone. [0] is the statement. */
static void decide(const cx_template *t, const uint8_t *states, bool *is_kept)
{
	is_kept[0] = true;
	for (size_t i = 0; i < t->part_count; i++) {
		const cx_part *part = &t->parts[i];

		is_kept[i + 1] = is_kept[part->parent] && (part->mask >> states[part->switch_index] & 1);
	}
}

static cdbc_status trim_begin(cx_trim *trim, const cx_template *t, const bool *is_kept,
							  cx_rendered *info, cdbc_error **err)
{
	size_t solid = 0;

	memset(trim, 0, sizeof *trim);
	trim->template = t;
	trim->is_kept = is_kept;
	trim->info = info;
	for (size_t i = 0; i < t->token_count; i++)
		solid += is_solid(&t->tokens[i]);
	trim->solid = cx_calloc(solid + 1, 3 * sizeof(uint32_t) + 2 * sizeof(bool));
	if (!trim->solid)
		return cx_error_nomem(err);
	trim->next = trim->solid + solid + 1;
	trim->prev = trim->next + solid + 1;
	trim->is_plain_and = (bool *)(trim->prev + solid + 1);
	trim->is_gap = trim->is_plain_and + solid + 1;
	for (uint32_t i = 0; i < t->token_count; i++) {
		if (!is_solid(&t->tokens[i]))
			continue;
		if (!is_kept[t->tokens[i].part])
			trim->is_gap[trim->count] = true;
		else
			trim->solid[++trim->count] = i;
	}
	for (uint32_t i = 0; i <= trim->count; i++) {
		trim->next[i] = i == trim->count ? 0 : i + 1;
		trim->prev[i] = i ? i - 1 : (uint32_t)trim->count;
	}
	return CDBC_OK;
}

static void trim_end(cx_trim *trim)
{
	cx_free(trim->solid);
}

/* ---- Writing -------------------------------------------------------------------------------- */

typedef struct writer {
	const cx_trim *trim;
	const uint8_t *states;
	const char *const *names;
	cx_buf *out;
	bool is_begun;
	bool is_gap; /* something was taken out since the last token, or a mark stood there */
	bool is_broken_line;
	const char *indent; /* of the last line break */
	size_t indent_length;
	size_t origin; /* the output's byte whose token is looked for; SIZE_MAX: none */
	const cx_template_token *found;
	uint64_t hash;
} writer;

static uint64_t add_hash(uint64_t hash, unsigned kind, const char *text, size_t length)
{
	return cx_hash_bytes(text, length, hash + kind);
}

uint64_t cx_template_hash(const char *text, size_t length)
{
	cx_lexer lexer;
	cx_token token;
	uint64_t hash = 0;

	cx_lexer_init(&lexer, text, length);
	while (cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END)
		hash = add_hash(hash, token.kind, token.text, token.length);
	return hash;
}

/* Goes on with the tokens of a name that is written instead of a parameter. */
static uint64_t add_name(uint64_t hash, const char *name)
{
	cx_lexer lexer;
	cx_token token;

	cx_lexer_init(&lexer, name, strlen(name));
	while (cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END)
		hash = add_hash(hash, token.kind, token.text, token.length);
	return hash;
}

static void note_gap(writer *w, const char *text, size_t length)
{
	const char *line = length ? memrchr(text, '\n', length) : NULL;

	w->is_gap = true;
	if (line) {
		w->is_broken_line = true;
		w->indent = line + 1;
		w->indent_length = (size_t)(text + length - line - 1);
	} else if (length && w->is_broken_line) { /* after a mark that begins the line */
		w->indent = text;
		w->indent_length = length;
	}
}

/* White space for a gap before next: one line break with the last one's indent, or one blank, which
 * brackets and commas do without. */
static void close_gap(writer *w, char next)
{
	char last = w->out->length ? w->out->data[w->out->length - 1] : '\0';
	bool is_tight = last == '(' || last == '[' || next == ',' || next == ')' || next == ']';

	if (w->is_gap && w->is_begun && w->is_broken_line) {
		cx_buf_putc(w->out, '\n');
		cx_buf_put(w->out, w->indent, w->indent_length);
	} else if (w->is_gap && w->is_begun && !is_tight) {
		cx_buf_putc(w->out, ' ');
	}
	w->is_gap = w->is_broken_line = false;
}

/* Where the space between two tokens is as written, it is copied; else it becomes a gap's. */
static bool is_touched(const cx_trim *trim, uint32_t from, uint32_t to)
{
	const cx_template *t = trim->template;

	for (uint32_t i = from; i < to; i++)
		if (t->tokens[i].is_marker || is_solid(&t->tokens[i]) || !trim->is_kept[t->tokens[i].part])
			return true;
	return false;
}

/* What stands between two tokens that are left: from up to to. */
static void write_between(writer *w, uint32_t from, uint32_t to)
{
	const cx_template *t = w->trim->template;
	bool touched = is_touched(w->trim, from, to);

	for (uint32_t i = from; i < to; i++) {
		const cx_template_token *token = &t->tokens[i];

		if (!touched && w->is_begun) {
			cx_buf_put(w->out, t->text + token->offset, token->length);
		} else if (token->kind == CX_TOKEN_COMMENT && !token->is_marker && w->is_begun &&
				   w->trim->is_kept[token->part]) {
			close_gap(w, '/');
			cx_buf_put(w->out, t->text + token->offset, token->length);
		} else {
			note_gap(w, t->text + token->offset, token->kind == CX_TOKEN_SPACE ? token->length : 0);
		}
	}
	close_gap(w, t->text[t->tokens[to].offset]);
}

static void write_token(writer *w, const cx_template_token *token, bool is_hashed)
{
	const char *text = w->trim->template->text + token->offset;
	const char *name = token->switch_index && w->names ? w->names[token->switch_index - 1] : NULL;

	if (w->out->length <= w->origin && w->origin != SIZE_MAX)
		w->found = token;
	if (name)
		cx_buf_puts(w->out, name);
	else
		cx_buf_put(w->out, text, token->length);
	if (is_hashed)
		w->hash =
			name ? add_name(w->hash, name) : add_hash(w->hash, token->kind, text, token->length);
	w->is_begun = true;
}

static void write_all(writer *w, bool is_hashed)
{
	const cx_trim *trim = w->trim;
	uint32_t last = 0, end = trim->prev[0];

	while (end && trim->template->text[trim->template->tokens[trim->solid[end]].offset] == ';')
		end = trim->prev[end]; /* the last semicolon is not the statement's */
	if (!end)
		return;
	for (uint32_t at = trim->next[0];; at = trim->next[at]) {
		uint32_t token = trim->solid[at];

		write_between(w, last, token);
		write_token(w, &trim->template->tokens[token], is_hashed);
		last = token + 1;
		if (at == end)
			break;
	}
}

static cdbc_status render(const cx_template *t, writer *w, cx_rendered *info, cdbc_error **err)
{
	bool *is_kept = cx_calloc(t->part_count + 1, sizeof *is_kept);
	cx_trim trim = {0};
	cdbc_status status;

	if (!is_kept)
		return cx_error_nomem(err);
	decide(t, w->states, is_kept);
	status = trim_begin(&trim, t, is_kept, info, err);
	if (!status)
		status = cx_trim_run(&trim, err);
	if (!status) {
		w->trim = &trim;
		write_all(w, info != NULL);
		status = cx_buf_status(w->out, "statement", err);
	}
	if (!status && info)
		status = cx_trim_find_lost(&trim, err);
	if (!status && info)
		info->token_hash = w->hash;
	trim_end(&trim);
	cx_free(is_kept);
	return status;
}

cdbc_status cx_template_render(const cx_template *template, const uint8_t *states,
							   const char *const *names, cx_buf *out, cx_rendered *info,
							   cdbc_error **err)
{
	writer w = {.states = states, .names = names, .out = out, .origin = SIZE_MAX};

	if (info)
		memset(info, 0, sizeof *info);
	return render(template, &w, info, err);
}

cdbc_status cx_template_origin(const cx_template *template, const uint8_t *states,
							   const char *const *names, size_t offset,
							   const cx_template_token **out, cdbc_error **err)
{
	cx_buf text = CX_BUF_INIT(CX_TEMPLATE_MAX_BYTES * 2);
	writer w = {.states = states, .names = names, .out = &text, .origin = offset};
	cdbc_status status = render(template, &w, NULL, err);

	cx_buf_free(&text);
	if (!status)
		*out = w.found;
	return status;
}
