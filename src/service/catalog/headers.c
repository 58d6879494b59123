// SPDX-License-Identifier: Apache-2.0
/* Header lines: which comment is one, which is nearly one (an error: a slip must not open a door),
 * and what each says. */
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "data/sql/keyword.h"
#include "data/sql/types.h"
#include "service/catalog/internal.h"

#include "base/alloc.h"

#include <string.h>

typedef cdbc_status (*header_fn)(cx_sqlfiles *loader, cx_section *section, cx_place line,
								 size_t from, size_t to);

typedef struct header {
	const char *word;
	bool takes_value;
	bool is_strict; /* a line that begins with it, but is not it, is never documentation */
	bool is_terse;  /* its value is one word: `timeout 2s` is no documentation, but a slip */
	bool may_repeat;
	bool is_guard; /* before the name or after the SQL it is an error, never a comment */
	header_fn read;
} header;

static cdbc_status read_column(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							   size_t to);
static cdbc_status read_read_only(cx_sqlfiles *loader, cx_section *section, cx_place line,
								  size_t from, size_t to);
static cdbc_status read_idempotent(cx_sqlfiles *loader, cx_section *section, cx_place line,
								   size_t from, size_t to);
static cdbc_status read_allow_all_rows(cx_sqlfiles *loader, cx_section *section, cx_place line,
									   size_t from, size_t to);
static cdbc_status read_timeout(cx_sqlfiles *loader, cx_section *section, cx_place line,
								size_t from, size_t to);
static cdbc_status read_max_rows(cx_sqlfiles *loader, cx_section *section, cx_place line,
								 size_t from, size_t to);
static cdbc_status read_dialect(cx_sqlfiles *loader, cx_section *section, cx_place line,
								size_t from, size_t to);
static cdbc_status read_deprecated(cx_sqlfiles *loader, cx_section *section, cx_place line,
								   size_t from, size_t to);
static cdbc_status read_nothing(cx_sqlfiles *loader, cx_section *section, cx_place line,
								size_t from, size_t to);

static const header headers[] = {
	{"param", true, true, false, true, true, cx_header_param},
	{"column", true, false, false, true, false, read_column},
	{"roles", true, true, true, false, true, cx_header_roles},
	{"read-only", false, true, false, false, true, read_read_only},
	{"idempotent", false, false, false, false, true, read_idempotent},
	{"allow-all-rows", false, true, false, false, true, read_allow_all_rows},
	{"as-of", true, true, true, false, true, cx_header_as_of},
	{"timeout", true, false, true, false, true, read_timeout},
	{"max-rows", true, true, true, false, true, read_max_rows},
	{"cache", true, false, true, false, true, cx_header_cache},
	{"retry", true, false, true, false, true, cx_header_retry},
	{"isolation", true, false, true, false, true, cx_header_isolation},
	{"priority", true, false, true, false, true, cx_header_priority},
	{"dialect", true, true, true, false, true, read_dialect},
	{"deprecated", true, false, false, false, false, read_deprecated},
	{"record_class", true, false, false, true, false, read_nothing}, /* aiosql's */
};

#define HEADER_COUNT (sizeof headers / sizeof *headers)
#define WORD_MAX     24
#define DIALECTS_MAX (sizeof(unsigned) * 8) /* a bit each */

/* ---- What each says ------------------------------------------------------------------------- */

static cdbc_status read_nothing(cx_sqlfiles *loader, cx_section *section, cx_place line,
								size_t from, size_t to)
{
	return CDBC_OK;
}

/* The end of a type's name, behind which a comment may stand before the next token. */
static size_t end_of_type(const char *text, size_t begin, size_t end)
{
	for (size_t i = begin; i + 1 < end; i++)
		if (!memcmp(text + i, "--", 2) || !memcmp(text + i, "/*", 2))
			end = i;
	while (end > begin && cx_header_is_blank(text[end - 1]))
		end--;
	return end;
}

static cdbc_status read_column(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							   size_t to)
{
	cx_lexer lexer;
	cx_token token;
	cdbc_query_column column = {.name = NULL};
	size_t begin, end;
	cdbc_error *error = NULL;

	cx_lexer_init(&lexer, loader->text + from, to - from);
	cx_lexer_next_solid(&lexer, &token);
	if (token.kind != CX_TOKEN_WORD && token.kind != CX_TOKEN_QUOTED)
		return cx_sqlfiles_fail(loader, section, line, "write: -- column: NAME TYPE",
								"a column's name is missing");
	if (token.kind == CX_TOKEN_QUOTED && token.text[0] == '"') {
		token.text++;
		token.length -= 2;
	}
	column.name = cx_arena_strndup(loader->arena, token.text, token.length);
	if (!column.name || !cx_grow(&section->columns, section->column_count,
								 &section->column_capacity, sizeof *section->columns))
		return cx_error_nomem(loader->err);
	cx_lexer_next_solid(&lexer, &token);
	begin = from + token.offset;
	if (cx_type_read(&lexer, &token, &column.type, &error)) {
		line.offset = from + token.offset;
		return cx_sqlfiles_adopt(loader, section, line, &error);
	}
	line.offset = from + token.offset;
	if (token.kind != CX_TOKEN_END && token.kind != CX_TOKEN_COMMENT)
		return cx_sqlfiles_fail(loader, section, line, NULL, "something follows the column's type");
	for (size_t i = 0; i < section->column_count; i++)
		if (!strcmp(section->columns[i].name, column.name))
			return cx_sqlfiles_fail(loader, section, line, NULL, "column \"%s\" is declared twice",
									column.name);
	end = end_of_type(loader->text, begin, from + token.offset);
	column.type_name = cx_arena_strndup(loader->arena, loader->text + begin, end - begin);
	if (!column.type_name)
		return cx_error_nomem(loader->err);
	section->columns[section->column_count++] = column;
	return CDBC_OK;
}

static cdbc_status read_read_only(cx_sqlfiles *loader, cx_section *section, cx_place line,
								  size_t from, size_t to)
{
	section->record->query.is_read_only = true;
	section->record->query.info.is_declared_read_only = true;
	section->read_only_place = line;
	return CDBC_OK;
}

static cdbc_status read_idempotent(cx_sqlfiles *loader, cx_section *section, cx_place line,
								   size_t from, size_t to)
{
	section->record->query.is_idempotent = true;
	return CDBC_OK;
}

static cdbc_status read_allow_all_rows(cx_sqlfiles *loader, cx_section *section, cx_place line,
									   size_t from, size_t to)
{
	section->record->may_lose_condition = true;
	section->record->query.info.may_lose_condition = true;
	return CDBC_OK;
}

static cdbc_status read_timeout(cx_sqlfiles *loader, cx_section *section, cx_place line,
								size_t from, size_t to)
{
	return cx_header_duration(loader, section, line, from, to, &section->record->query.timeout_ms);
}

static cdbc_status read_max_rows(cx_sqlfiles *loader, cx_section *section, cx_place line,
								 size_t from, size_t to)
{
	if (cx_text_int64(loader->text + from, to - from, 1, INT64_MAX,
					  &section->record->query.max_rows))
		return CDBC_OK;
	line.offset = from;
	return cx_sqlfiles_fail(loader, section, line, "write a number from 1",
							"\"%.*s\" is not a number of rows",
							(int)(to - from < 40 ? to - from : 40), loader->text + from);
}

static cdbc_status read_dialect(cx_sqlfiles *loader, cx_section *section, cx_place line,
								size_t from, size_t to)
{
	const cx_dialect *dialect;
	cdbc_query_info *info = &section->record->query.info;
	const char **names = cx_arena_calloc(loader->arena, DIALECTS_MAX, sizeof *names);
	size_t at = from, begin;
	cdbc_error *error = NULL;

	if (!names)
		return cx_error_nomem(loader->err);
	info->dialects = names;
	for (;;) {
		while (at < to && cx_header_is_blank(loader->text[at]))
			at++;
		for (begin = at; at < to && cx_header_is_name_char(loader->text[at]); at++)
			;
		line.offset = begin;
		if (cx_dialect_get(loader->text + begin, at - begin, &dialect, &error))
			return cx_sqlfiles_adopt(loader, section, line, &error);
		if (!(section->record->dialects & dialect->bit))
			names[info->dialect_count++] = dialect->api.name;
		section->record->dialects |= dialect->bit;
		while (at < to && cx_header_is_blank(loader->text[at]))
			at++;
		if (at == to)
			return CDBC_OK;
		line.offset = at;
		if (loader->text[at++] != ',')
			return cx_sqlfiles_fail(loader, section, line, NULL,
									"a comma is missing between dialects");
	}
}

static cdbc_status read_deprecated(cx_sqlfiles *loader, cx_section *section, cx_place line,
								   size_t from, size_t to)
{
	section->record->query.deprecated =
		cx_arena_strndup(loader->arena, loader->text + from, to - from);
	return section->record->query.deprecated ? CDBC_OK : cx_error_nomem(loader->err);
}

/* ---- Which line is what --------------------------------------------------------------------- */

static const header *find_exact(const char *word, size_t length)
{
	for (size_t i = 0; i < HEADER_COUNT; i++)
		if (strlen(headers[i].word) == length && !memcmp(headers[i].word, word, length))
			return &headers[i];
	return NULL;
}

static bool is_letter_or_digit(char c)
{
	return cx_header_is_name_char(c) && c != '_' && c != '-';
}

/* The header word, or "name", that a word was probably meant to be: within two edits, whatever the
 * case and the marks around it (a byte that is not seen among them). NULL: it is far from all. */
static const char *find_near(const char *word, size_t length)
{
	char copy[WORD_MAX + 1];
	bool is_plain = true;

	while (length && !is_letter_or_digit(word[length - 1]))
		length--, is_plain = false;
	while (length && !is_letter_or_digit(*word))
		word++, length--, is_plain = false;
	if (length == 0 || length > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < length; i++)
		copy[i] = cx_lower(word[i]);
	copy[length] = '\0';
	for (size_t limit = 0; limit <= 2; limit++) {
		for (size_t i = 0; i < HEADER_COUNT; i++)
			if (headers[i].read != read_nothing &&
				cx_text_distance(copy, headers[i].word, limit) <= limit)
				return headers[i].word;
		/* two edits away is "note", and `- name: ..` is an item of a list */
		if (limit < 2 && is_plain && cx_text_distance(copy, "name", limit) <= limit)
			return "name";
	}
	return NULL;
}

static cdbc_status add_documentation(cx_sqlfiles *loader, cx_section *section, size_t from,
									 size_t to)
{
	cx_buf *out = section->documentation;

	if (out->length)
		cx_buf_putc(out, '\n');
	cx_buf_put(out, loader->text + from, to - from);
	return out->is_nomem ? cx_error_nomem(loader->err) : CDBC_OK;
}

static cdbc_status run_header(cx_sqlfiles *loader, cx_section *section, const header *h,
							  cx_place line, size_t from, size_t to)
{
	unsigned bit = 1u << (h - headers);

	if ((section->seen & bit) && !h->may_repeat)
		return cx_sqlfiles_fail(loader, section, line, NULL, "`%s` is given twice", h->word);
	section->seen |= bit;
	if (h->takes_value && from == to)
		return cx_sqlfiles_fail(loader, section, line, NULL, "`%s` needs something after its colon",
								h->word);
	return h->read(loader, section, line, from, to);
}

/* Whether one word, which ends the line, begins at offset at or after blanks or `=`. */
static bool is_one_word(const char *text, size_t at, size_t to)
{
	while (at < to && (cx_header_is_blank(text[at]) || text[at] == '='))
		at++;
	if (at == to)
		return false;
	while (at < to && !cx_header_is_blank(text[at]))
		at++;
	return at == to;
}

/* A line whose first word is a header's, or `name`, but that is not that header. */
static cdbc_status check_first_word(cx_sqlfiles *loader, cx_section *section, cx_place line,
									size_t from, size_t to)
{
	const char *text = loader->text;
	size_t word = from;
	const header *h;

	while (word < to && cx_header_is_name_char(text[word]))
		word++;
	if (word - from == 4 && !memcmp(text + from, "name", 4)) {
		size_t mark = to;

		while (mark > word && !cx_header_is_blank(text[mark - 1]))
			mark--;
		if (cx_header_is_mark(text + mark, to - mark))
			return cx_sqlfiles_fail(loader, section, line, NULL,
									"`name` needs a colon directly after it");
	}
	h = find_exact(text + from, word - from);
	if (h && (h->is_strict || (h->is_terse && is_one_word(text, word, to))))
		return cx_sqlfiles_fail(loader, section, line,
								"documentation may not begin with a header's word",
								h->takes_value ? "`%s` needs a colon directly after it"
											   : "`%s` stands alone in its line",
								h->word);
	return CDBC_OK;
}

cdbc_status cx_header_line(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
						   size_t to)
{
	const char *text = loader->text, *colon = memchr(text + from, ':', to - from), *near;
	size_t end = colon ? (size_t)(colon - text) : to, value = colon ? end + 1 : to,
		   errors = loader->error_count;
	const header *h;
	cdbc_status status;

	while (end > from && cx_header_is_blank(text[end - 1]))
		end--;
	while (value < to && cx_header_is_blank(text[value]))
		value++;
	line.offset = from;
	h = find_exact(text + from, end - from);
	if (h && h->takes_value == (colon != NULL))
		return run_header(loader, section, h, line, value, to);
	if (h)
		return cx_sqlfiles_fail(
			loader, section, line, NULL,
			h->takes_value ? "`%s` needs a colon and a value" : "`%s` takes no value", h->word);
	status = check_first_word(loader, section, line, from, to);
	if (status || loader->error_count > errors)
		return status;
	near = find_near(text + from, end - from);
	if (near)
		return cx_sqlfiles_fail(
			loader, section, line, "documentation may not look like a header: write it otherwise",
			"`%.*s` is nearly the header `%s`", (int)(end - from), text + from, near);
	return add_documentation(loader, section, from, to);
}

cdbc_status cx_header_block(cx_sqlfiles *loader, cx_section *section, cx_place place, size_t from,
							size_t to)
{
	const char *text = loader->text, *end;
	cdbc_status status = CDBC_OK;
	size_t stop, next;

	for (; from < to && !status; from = next) {
		end = memchr(text + from, '\n', to - from);
		stop = end ? (size_t)(end - text) : to;
		next = end ? stop + 1 : to;
		while (from < stop && (cx_header_is_blank(text[from]) || text[from] == '*'))
			from++;
		while (stop > from && cx_header_is_blank(text[stop - 1]))
			stop--;
		place.offset = from;
		if (from < stop)
			status = cx_header_line(loader, section, place, from, stop);
		else if (section->documentation->length)
			status = add_documentation(loader, section, from, from);
		place.line++;
		place.line_start = next;
	}
	return status;
}

/* A comment's bytes without the blanks around them; *end: where the header's word may end, which is
 * at the colon. NULL: there is no colon. */
static const char *comment_word(const char *text, const cx_token *token, size_t *from, size_t *to,
								size_t *end)
{
	const char *colon;

	*from = token->offset + 2;
	*to = token->offset + token->length - (text[token->offset] == '/' ? 2 : 0);
	while (*from < *to && cx_header_is_blank(text[*from]))
		++*from;
	while (*to > *from && cx_header_is_blank(text[*to - 1]))
		--*to;
	colon = memchr(text + *from, ':', *to - *from);
	*end = colon ? (size_t)(colon - text) : *to;
	while (*end > *from && cx_header_is_blank(text[*end - 1]))
		--*end;
	return colon;
}

cdbc_status cx_header_stray(cx_sqlfiles *loader, cx_section *section, const cx_token *token,
							const char *what)
{
	static const char hint[] = "headers stand between the query's name and its SQL";
	size_t from, to, end, word;
	const char *text = loader->text, *colon = comment_word(text, token, &from, &to, &end), *near;
	cx_place place = {token->line, token->line_start, token->offset};
	const header *h, *first;

	h = find_exact(text + from, end - from);
	if (h && h->is_guard && h->takes_value == (colon != NULL))
		return cx_sqlfiles_fail(loader, section, place, hint, "a header %s", what);
	if (h && h->read == read_nothing)
		return CDBC_OK;
	for (word = from; word < to && cx_header_is_name_char(text[word]); word++)
		;
	first = h ? h : find_exact(text + from, word - from);
	if (h || (first && first->is_terse && is_one_word(text, word, to)))
		return cx_sqlfiles_warn(loader, section, place, hint, "`%s` %s says nothing of the query",
								first->word, what);
	near = find_near(text + from, end - from);
	h = near ? find_exact(near, strlen(near)) : NULL;
	if (!h || h->takes_value != (colon != NULL))
		return CDBC_OK;
	return cx_sqlfiles_warn(loader, section, place, hint,
							"`%.*s` %s is nearly the header `%s`, and says nothing of the query",
							(int)(end - from), text + from, what, near);
}

/* ---- Behind SQL ----------------------------------------------------------------------------- */

/* Whether a header (NULL: `name`, with a mark) may have this value. Nothing is kept of it. */
static cdbc_status try_value(const cx_sqlfiles *loader, const header *h, cx_place line, size_t from,
							 size_t to, bool *is_one)
{
	cx_sqlfiles other = *loader;
	cx_section section;
	cx_record record;
	cdbc_error *error = NULL;
	cdbc_status status;

	memset(&section, 0, sizeof section);
	memset(&record, 0, sizeof record);
	section.record = &record;
	other.report = NULL;
	other.err = &error;
	status = h ? h->read(&other, &section, line, from, to)
			   : cx_header_name(&other, &section, line, from, to);
	*is_one = !status && (h || section.has_mark);
	cx_record_fini(&record);
	cx_free(section.columns);
	cdbc_error_free(error);
	return status == CDBC_NOMEM ? cx_error_nomem(loader->err) : CDBC_OK;
}

cdbc_status cx_header_behind(cx_sqlfiles *loader, cx_section *section, const cx_token *token)
{
	size_t from, to, end, value;
	const char *text = loader->text, *colon = comment_word(text, token, &from, &to, &end);
	cx_place place = {token->line, token->line_start, token->offset};
	bool is_name = cx_header_is_name(token->text, token->length) != 0, is_one;
	const header *h;
	cdbc_status status;

	for (value = colon ? (size_t)(colon - text) + 1 : to;
		 value < to && cx_header_is_blank(text[value]); value++)
		;
	h = is_name ? NULL : find_exact(text + from, end - from);
	if (!is_name && (!h || !h->is_guard || h->takes_value != (colon != NULL)))
		return CDBC_OK;
	if (colon && value == to)
		return CDBC_OK;
	status = try_value(loader, h, place, value, to, &is_one);
	if (status || !is_one)
		return status;
	if (h && strcmp(h->word, "roles") == 0) /* everybody could run it */
		return cx_sqlfiles_fail(loader, section, place,
								"put it between the query's name and its SQL",
								"`roles` behind the SQL keeps nobody out");
	return cx_sqlfiles_warn(loader, section, place,
							is_name ? "begin a line with it"
									: "headers stand between the query's name and its SQL",
							is_name ? "`%s` behind the SQL begins no query"
									: "`%s` behind the SQL says nothing of the query",
							is_name ? "name" : h->word);
}
