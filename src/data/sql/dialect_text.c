// SPDX-License-Identifier: Apache-2.0
/* How the built-in dialects write. What one function writes for another dialect's sake (names,
 * placeholders) it asks that dialect for, so that an application's own may replace a single one. */
#include "base/error.h"
#include "base/text.h"
#include "data/sql/dialect.h"
#include "data/sql/keyword.h"
#include "data/sql/lexer.h"
#include "data/sql/types.h"

#include <stdio.h>
#include <string.h>

#define PARAM_MAX        65535
#define JSON_COLUMNS_MAX 500 /* SQLite's limit for SELECTs in one */
#define POSTGRESQL_NAME  63  /* bytes: it cuts longer ones, which may then be another's */

/* ---- Writing -------------------------------------------------------------------------------- */

/* Writes until something fails. */
typedef struct writer {
	const cdbc_dialect *dialect;
	const cdbc_sink *sink;
	cdbc_error **err;
	cdbc_status status;
} writer;

static void put(writer *w, const char *text, size_t length)
{
	if (!w->status && length)
		w->status = w->sink->write(w->sink->self, text, length, w->err);
}

static void puts_text(writer *w, const char *text)
{
	put(w, text, strlen(text));
}

static void put_name(writer *w, const char *name)
{
	if (!w->status)
		w->status =
			w->dialect->identifier(w->dialect, name, name ? strlen(name) : 0, w->sink, w->err);
}

static void put_param(writer *w, size_t number)
{
	if (!w->status)
		w->status = w->dialect->placeholder(w->dialect, number, w->sink, w->err);
}

static void put_names(writer *w, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			puts_text(w, ", ");
		put_name(w, names[i]);
	}
}

static void put_number(writer *w, const char *before, size_t number, const char *after)
{
	char text[24];

	snprintf(text, sizeof text, "%zu", number);
	puts_text(w, before);
	puts_text(w, text);
	puts_text(w, after);
}

static cdbc_status put_placeholder(char mark, size_t number, const cdbc_sink *sink,
								   cdbc_error **err)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%c%zu", mark, number);

	return sink->write(sink->self, text, (size_t)n, err);
}

cdbc_status cx_dialect_dollar(const cdbc_dialect *dialect, size_t number, const cdbc_sink *sink,
							  cdbc_error **err)
{
	return put_placeholder('$', number, sink, err);
}

cdbc_status cx_dialect_question(const cdbc_dialect *dialect, size_t number, const cdbc_sink *sink,
								cdbc_error **err)
{
	return put_placeholder('?', number, sink, err);
}

/* ---- Names ---------------------------------------------------------------------------------- */

void cx_identifier_put(cx_buf *out, const char *name, size_t length)
{
	cx_buf_putc(out, '"');
	for (size_t i = 0; i < length; i++) {
		if (name[i] == '"')
			cx_buf_putc(out, '"');
		cx_buf_putc(out, name[i]);
	}
	cx_buf_putc(out, '"');
}

cdbc_status cx_dialect_quote(const cdbc_dialect *dialect, const char *name, size_t length,
							 const cdbc_sink *sink, cdbc_error **err)
{
	writer w = {dialect, sink, err, CDBC_OK};
	const char *at = name, *end = name + length, *quote;

	if (!name || !length)
		return cx_error_set(err, CDBC_USAGE, "an identifier is empty");
	if (memchr(name, '\0', length))
		return cx_error_set(err, CDBC_USAGE, "an identifier holds a NUL byte");
	if (cx_utf8_valid_prefix(name, length) != length)
		return cx_error_set(err, CDBC_USAGE, "an identifier is not valid UTF-8");
	puts_text(&w, "\"");
	while ((quote = memchr(at, '"', (size_t)(end - at))) != NULL) {
		put(&w, at, (size_t)(quote - at) + 1);
		puts_text(&w, "\"");
		at = quote + 1;
	}
	put(&w, at, (size_t)(end - at));
	puts_text(&w, "\"");
	return w.status;
}

cdbc_status cx_dialect_quote_63(const cdbc_dialect *dialect, const char *name, size_t length,
								const cdbc_sink *sink, cdbc_error **err)
{
	if (length > POSTGRESQL_NAME)
		return cx_error_set(err, CDBC_USAGE, "an identifier of %zu bytes: %s keeps %d", length,
							dialect->name, POSTGRESQL_NAME);
	return cx_dialect_quote(dialect, name, length, sink, err);
}

/* ---- Inserts -------------------------------------------------------------------------------- */

static cdbc_status check_insert(const cdbc_dialect_insert *i, bool is_rows, cdbc_error **err)
{
	const char *what = NULL;

	if (!i || i->struct_size < sizeof *i)
		return cx_error_set(err, CDBC_USAGE, "an insert without its struct_size");
	if (!i->table)
		what = "no table";
	else if (!i->columns || !i->column_count)
		what = "no columns";
	else if (i->column_count > PARAM_MAX)
		what = "more than 65535 columns";
	else if (is_rows && !i->types)
		what = "no types";
	else if (!is_rows && !i->key_count)
		what = "no keys, so nothing says which row is there already";
	else if ((i->key_count && !i->keys) || (i->update_count && !i->updates))
		what = "a list is NULL";
	else if (i->update_count && !i->key_count)
		what = "columns to update, but no keys";
	return what ? cx_error_set(err, CDBC_USAGE, "insert: %s", what) : CDBC_OK;
}

static void put_target(writer *w, const cdbc_dialect_insert *i)
{
	puts_text(w, "insert into ");
	if (i->schema) {
		put_name(w, i->schema);
		puts_text(w, ".");
	}
	put_name(w, i->table);
	puts_text(w, " (");
	put_names(w, i->columns, i->column_count);
	puts_text(w, ") ");
}

static void put_conflict(writer *w, const cdbc_dialect_insert *i)
{
	if (!i->key_count)
		return;
	puts_text(w, " on conflict (");
	put_names(w, i->keys, i->key_count);
	puts_text(w, i->update_count ? ") do update set " : ") do nothing");
	for (size_t k = 0; k < i->update_count; k++) {
		if (k)
			puts_text(w, ", ");
		put_name(w, i->updates[k]);
		puts_text(w, " = excluded.");
		put_name(w, i->updates[k]);
	}
}

cdbc_status cx_dialect_upsert(const cdbc_dialect *dialect, const cdbc_dialect_insert *insert,
							  const cdbc_sink *sink, cdbc_error **err)
{
	writer w = {dialect, sink, err, check_insert(insert, false, err)};

	if (w.status)
		return w.status;
	put_target(&w, insert);
	puts_text(&w, "values (");
	for (size_t i = 0; i < insert->column_count; i++) {
		if (i)
			puts_text(&w, ", ");
		put_param(&w, i + 1);
	}
	puts_text(&w, ")");
	put_conflict(&w, insert);
	return w.status;
}

static bool has_comment(const char *text)
{
	cx_lexer lexer;
	cx_token token;

	cx_lexer_init(&lexer, text, strlen(text));
	while (cx_lexer_next(&lexer, &token) != CX_TOKEN_END)
		if (token.kind == CX_TOKEN_COMMENT)
			return true;
	return false;
}

/* A type is written as it came: the reader of types has seen all of it but comments. */
static cdbc_status check_type(const char *type, cdbc_error **err)
{
	cdbc_type read;
	cdbc_error *error = NULL;
	cdbc_status status;

	if (!type)
		return cx_error_set(err, CDBC_USAGE, "insert: a column's type is NULL");
	if (has_comment(type))
		return cx_error_set(err, CDBC_USAGE, "insert: type \"%.60s\": a comment", type);
	if (cx_type_parse(type, strlen(type), &read, &error)) {
		status = cx_error_set(err, CDBC_USAGE, "insert: type \"%.60s\": %s", type,
							  cdbc_error_message(error));
		cx_error_clear(&error);
		return status;
	}
	if (read.is_array)
		return cx_error_set(err, CDBC_USAGE, "insert: a column of the array type \"%.60s\"", type);
	return CDBC_OK;
}

cdbc_status cx_dialect_rows_unnest(const cdbc_dialect *dialect, const cdbc_dialect_insert *insert,
								   const cdbc_sink *sink, cdbc_error **err)
{
	writer w = {dialect, sink, err, check_insert(insert, true, err)};

	for (size_t i = 0; !w.status && i < insert->column_count; i++)
		w.status = check_type(insert->types[i], err);
	if (w.status)
		return w.status;
	put_target(&w, insert);
	puts_text(&w, "select * from unnest(");
	for (size_t i = 0; i < insert->column_count; i++) {
		if (i)
			puts_text(&w, ", ");
		put_param(&w, i + 1);
		puts_text(&w, "::");
		puts_text(&w, insert->types[i]);
		puts_text(&w, "[]");
	}
	puts_text(&w, ")");
	put_conflict(&w, insert);
	return w.status;
}

/* All values below each other with their row and column, and then grouped by row: joining a table a
 * parameter takes time with the square of the rows. */
cdbc_status cx_dialect_rows_json(const cdbc_dialect *dialect, const cdbc_dialect_insert *insert,
								 const cdbc_sink *sink, cdbc_error **err)
{
	writer w = {dialect, sink, err, check_insert(insert, true, err)};
	size_t n = w.status ? 0 : insert->column_count;

	if (n > JSON_COLUMNS_MAX)
		return cx_error_set(err, CDBC_USAGE, "insert: more than %d columns", JSON_COLUMNS_MAX);
	for (size_t i = 0; !w.status && i < n; i++)
		w.status = check_type(insert->types[i], err);
	if (w.status)
		return w.status;
	put_target(&w, insert);
	for (size_t i = 1; i <= n; i++)
		put_number(&w, i == 1 ? "select max(iif(c = " : ", max(iif(c = ", i, ", v, null))");
	puts_text(&w, " from (");
	for (size_t i = 1; i <= n; i++) {
		put_number(&w, i == 1 ? "select key as n, " : " union all select key, ", i,
				   i == 1 ? " as c, value as v from json_each(" : ", value from json_each(");
		put_param(&w, i);
		puts_text(&w, ")");
	}
	puts_text(&w,
			  ") where true group by n order by n"); /* without where, `on` would be the join's */
	put_conflict(&w, insert);
	return w.status;
}

/* ---- Pages ---------------------------------------------------------------------------------- */

/* The bytes of the one SELECT in a text, without a semicolon and what stands around it. */
static cdbc_status select_of(const char *sql, size_t length, size_t *begin, size_t *end,
							 cdbc_error **err)
{
	cx_lexer lexer;
	cx_token token;
	bool is_ended = false;
	const char *fault = NULL;

	*begin = *end = length;
	cx_lexer_init(&lexer, sql, length);
	while (!fault && cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END) {
		bool is_open = cx_token_is(&token, '(');
		cx_keyword keyword =
			token.kind == CX_TOKEN_WORD ? cx_keyword_of(token.text, token.length) : CX_KW_NONE;

		if (token.kind == CX_TOKEN_ERROR) {
			fault = lexer.error.message;
		} else if (cx_token_is(&token, ';') && *begin < length) {
			is_ended = true;
		} else if (is_ended) {
			fault = "a second statement";
		} else if ((cx_token_is(&token, ')') || cx_token_is(&token, ']')) && lexer.is_mismatched) {
			fault = "a bracket that closes none";
		} else {
			if (*begin == length && keyword != CX_KW_SELECT && keyword != CX_KW_WITH &&
				keyword != CX_KW_VALUES && keyword != CX_KW_TABLE && !is_open)
				fault = "no SELECT";
			if (*begin == length)
				*begin = token.offset;
			*end = token.offset + token.length;
		}
	}
	if (!fault && *begin == length)
		fault = "no SELECT";
	if (!fault && lexer.depth)
		fault = "a bracket is never closed";
	return fault ? cx_error_set(err, CDBC_SQL_FILE, "page of a statement: %s", fault) : CDBC_OK;
}

static cdbc_status check_page(const cdbc_dialect_page *p, cdbc_error **err)
{
	const char *what = NULL;

	if (!p || p->struct_size < sizeof *p)
		return cx_error_set(err, CDBC_USAGE, "a page without its struct_size");
	if (!p->keys || !p->key_count)
		what = "no keys, so it has no order";
	else if (p->is_after && p->has_offset)
		what = "rows after a key and an offset, which do not go together";
	else if (p->first_number == 0 || p->first_number > PARAM_MAX || p->key_count > PARAM_MAX ||
			 p->first_number + p->key_count + 1 > PARAM_MAX)
		what = "no numbers for its parameters";
	return what ? cx_error_set(err, CDBC_USAGE, "page: %s", what) : CDBC_OK;
}

cdbc_status cx_dialect_page(const cdbc_dialect *dialect, const char *sql, size_t length,
							const cdbc_dialect_page *page, const cdbc_sink *sink, cdbc_error **err)
{
	writer w = {dialect, sink, err, check_page(page, err)};
	size_t begin, end, number;

	if (!w.status)
		w.status = select_of(sql, length, &begin, &end, err);
	if (w.status)
		return w.status;
	number = page->first_number;
	puts_text(&w, "select * from (");
	put(&w, sql + begin, end - begin);
	puts_text(&w, ") as \"page\"");
	if (page->is_after) {
		puts_text(&w, " where (");
		put_names(&w, page->keys, page->key_count);
		puts_text(&w, page->is_descending ? ") < (" : ") > (");
		for (size_t i = 0; i < page->key_count; i++) {
			if (i)
				puts_text(&w, ", ");
			put_param(&w, number++);
		}
		puts_text(&w, ")");
	}
	puts_text(&w, " order by ");
	for (size_t i = 0; i < page->key_count; i++) {
		if (i)
			puts_text(&w, ", ");
		put_name(&w, page->keys[i]);
		if (page->is_descending)
			puts_text(&w, " desc");
	}
	puts_text(&w, " limit ");
	put_param(&w, number++);
	if (page->has_offset) {
		puts_text(&w, " offset ");
		put_param(&w, number);
	}
	return w.status;
}
