// SPDX-License-Identifier: Apache-2.0
/* The second rung of the checks: which grammars a query's statements must fit, and where in the
 * SQL file a parser's complaint points. The grammars themselves are in data/sql. */
#include "base/error.h"
#include "service/catalog/internal.h"

#include <string.h>

/* The byte of a text where its character number `position`, from 1, begins; the length when it has
 * no so many. */
static size_t byte_of(const char *text, size_t length, int64_t position)
{
	size_t i = 0;

	for (; i < length; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && --position <= 0)
			break;
	return i;
}

/* The parameter that stands at a byte of the text; *length 0: none. */
static const char *param_at(const char *text, size_t length, size_t offset, size_t *out_length)
{
	cx_lexer lexer;
	cx_token token;

	*out_length = 0;
	cx_lexer_init(&lexer, text + offset, length - offset);
	if (cx_lexer_next(&lexer, &token) != CX_TOKEN_PARAM)
		return "";
	*out_length = token.length;
	return token.text;
}

/* A parser's error about sql, told of the text that sql was made of. */
static cdbc_status translate(const char *text, size_t length, const cx_param_decl *decls,
							 size_t decl_count, const char *sql, cdbc_error *error,
							 cdbc_error **err)
{
	const char *message = cdbc_error_message(error), *near = strstr(message, " at or near \"$"),
			   *name;
	size_t offset = byte_of(sql, strlen(sql), cdbc_error_position(error)), name_length;
	cdbc_status status = cx_statement_origin(text, length, &cx_dialect_postgresql, decls,
											 decl_count, offset, &offset, err);

	if (status)
		return status;
	name = param_at(text, length, offset, &name_length);
	if (near && name_length)
		status = cx_error_set(err, CDBC_SQL_FILE, "%.*s at or near \"%.*s\"", (int)(near - message),
							  message, (int)name_length, name);
	else
		status = cx_error_set(err, CDBC_SQL_FILE, "%s", message);
	cx_error_place(err, NULL, 1, 1); /* there is one; whoever takes it counts from the position */
	cx_error_position(err, (int64_t)cx_column(text, 0, offset));
	return status;
}

static cdbc_status ask_postgresql(const cx_sqlfiles *loader, const char *text, size_t length,
								  const cx_param_decl *decls, size_t decl_count, const char *sql,
								  cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = cx_grammar_parse(&loader->grammar, sql, &error);

	if (status == CDBC_SQL_FILE)
		status = error ? translate(text, length, decls, decl_count, sql, error, err)
					   : cx_error_nomem(err);
	else if (status)
		cx_error_nomem(err);
	cdbc_error_free(error);
	return status;
}

cdbc_status cx_sqlfiles_grammar(cx_sqlfiles *loader, const cx_record *record, const char *text,
								size_t length, const cx_param_decl *decls, size_t decl_count,
								const char *sql, cdbc_error **err)
{
	unsigned dialects = record->dialects ? record->dialects : loader->dialect;
	bool is_postgresql =
		loader->grammar.parse && (!dialects || (dialects & cx_dialect_postgresql.bit));
	bool has_additions = false;
	cdbc_status status = CDBC_OK;

	if (is_postgresql && !cx_grammar_is_bounded(sql, strlen(sql))) {
		loader->is_passed_over = true;
		is_postgresql = false;
	}
	if (is_postgresql)
		status = ask_postgresql(loader, text, length, decls, decl_count, sql, err);
	if (!status && (dialects & cx_dialect_cockroachdb.bit))
		return cx_structure_check(text, length, NULL, err);
	if (status != CDBC_SQL_FILE || dialects)
		return status;
	/* it may be for CockroachDB: only with something that makes it so */
	if (!cx_structure_check(text, length, &has_additions, NULL) && has_additions) {
		cx_error_clear(err);
		return CDBC_OK;
	}
	cx_error_hint(err, "PostgreSQL refuses it, and nothing in it is CockroachDB's alone; a line "
					   "`-- dialect: sqlite` says what it is for");
	return status;
}
