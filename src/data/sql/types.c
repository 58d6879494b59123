// SPDX-License-Identifier: Apache-2.0
/* Type names: one table of names, and the few that have several words. */
#include "data/sql/types.h"

#include "base/error.h"
#include "base/text.h"
#include "data/sql/keyword.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
#define TYPES(X)                                                                                                       \
	X("bool", BOOL) X("boolean", BOOL) X("int2", INT2) X("smallint", INT2) X("smallserial", INT2) X("serial2", INT2)   \
	X("int4", INT4) X("serial4", INT4) X("int", INT8) X("integer", INT8) X("int8", INT8) X("int64", INT8)              \
	X("bigint", INT8) X("serial", INT8) X("serial8", INT8) X("bigserial", INT8) X("float4", FLOAT4)                    \
	X("real", FLOAT4) X("float8", FLOAT8) X("float", FLOAT8) X("double", FLOAT8) X("numeric", NUMERIC)                 \
	X("decimal", NUMERIC) X("dec", NUMERIC) X("text", TEXT) X("string", TEXT) X("varchar", TEXT) X("char", TEXT)       \
	X("character", TEXT) X("nchar", TEXT) X("bpchar", TEXT) X("name", TEXT) X("clob", TEXT) X("json", JSON)            \
	X("jsonb", JSON) X("bytes", BYTES) X("bytea", BYTES) X("blob", BYTES) X("date", DATE) X("time", TIME)              \
	X("timestamp", TIMESTAMP) X("timestamptz", TIMESTAMPTZ) X("interval", INTERVAL) X("uuid", UUID)                    \
	X("timetz", OTHER) X("inet", OTHER) X("cidr", OTHER) X("macaddr", OTHER) X("macaddr8", OTHER) X("money", OTHER)    \
	X("bit", OTHER) X("varbit", OTHER) X("xml", OTHER) X("point", OTHER) X("line", OTHER) X("lseg", OTHER)             \
	X("box", OTHER) X("path", OTHER) X("polygon", OTHER) X("circle", OTHER) X("tsvector", OTHER) X("tsquery", OTHER)   \
	X("int4range", OTHER) X("int8range", OTHER) X("numrange", OTHER) X("tsrange", OTHER) X("tstzrange", OTHER)         \
	X("daterange", OTHER) X("int4multirange", OTHER) X("int8multirange", OTHER) X("nummultirange", OTHER)              \
	X("tsmultirange", OTHER) X("tstzmultirange", OTHER) X("datemultirange", OTHER) X("oid", OTHER)                     \
	X("regclass", OTHER) X("regtype", OTHER) X("regproc", OTHER) X("regprocedure", OTHER) X("regnamespace", OTHER)     \
	X("regrole", OTHER) X("pg_lsn", OTHER) X("jsonpath", OTHER) X("xid", OTHER) X("xid8", OTHER) X("tid", OTHER)       \
	X("refcursor", OTHER) X("citext", OTHER) X("hstore", OTHER) X("ltree", OTHER) X("geometry", OTHER)                 \
	X("geography", OTHER) X("box2d", OTHER) X("vector", OTHER)
/* clang-format on */

static const char *const names[] = {
#define NAME(name, id) name,
	TYPES(NAME)
#undef NAME
};

static const unsigned char ids[] = {
#define ID(name, id) CDBC_TYPE_##id,
	TYPES(ID)
#undef ID
};

#define NAME_COUNT    (sizeof names / sizeof *names)
#define PRECISION_MAX 1000

static bool is_word(const cx_token *token, const char *word)
{
	return token->kind == CX_TOKEN_WORD && cx_word_is(token->text, token->length, word);
}

static bool skip_word(cx_lexer *lexer, cx_token *token, const char *word)
{
	if (!is_word(token, word))
		return false;
	cx_lexer_next_solid(lexer, token);
	return true;
}

static cdbc_status fail_unknown(const cx_token *token, cdbc_error **err)
{
	char name[65];
	size_t n = token->length < sizeof name ? token->length : sizeof name - 1;
	const char *nearest;
	cdbc_status status;

	for (size_t i = 0; i < n; i++)
		name[i] = cx_lower(token->text[i]);
	name[n] = '\0';
	if (n == 0)
		return cx_error_set(err, CDBC_SQL_FILE, "a type is missing");
	nearest = cx_text_nearest(name, names, NAME_COUNT);
	status = cx_error_set(err, CDBC_SQL_FILE, "unknown type \"%s\"", name);
	if (nearest)
		cx_error_hint(
			err, "did you mean \"%s\"? A type of your own is written with its schema: public.%s",
			nearest, name);
	else
		cx_error_hint(err, "a type of your own is written with its schema: public.%s", name);
	return status;
}

static bool read_number(const cx_token *token, int64_t max, int64_t *out)
{
	return token->kind == CX_TOKEN_NUMBER && cx_text_int64(token->text, token->length, 0, max, out);
}

/* (10), (10, 2), ('x', 4326): numbers count for numeric only. */
static cdbc_status read_arguments(cx_lexer *lexer, cx_token *token, cdbc_type *out,
								  cdbc_error **err)
{
	int64_t precision = -1, scale = 0;
	bool is_numeric = out->id == CDBC_TYPE_NUMERIC;

	if (!cx_token_is(token, '('))
		return CDBC_OK;
	for (int i = 0; i == 0 || cx_token_is(token, ','); i++) {
		cx_lexer_next_solid(lexer, token);
		if (is_numeric && (i > 1 || !read_number(token, PRECISION_MAX, i ? &scale : &precision)))
			return cx_error_set(err, CDBC_SQL_FILE,
								"numeric takes a precision of 1 to %d, and a scale", PRECISION_MAX);
		if (token->kind != CX_TOKEN_NUMBER && token->kind != CX_TOKEN_WORD &&
			token->kind != CX_TOKEN_STRING)
			return cx_error_set(err, CDBC_SQL_FILE, "a type's argument is missing");
		cx_lexer_next_solid(lexer, token);
	}
	if (!cx_token_is(token, ')'))
		return cx_error_set(err, CDBC_SQL_FILE, "the type's `)` is missing");
	if (is_numeric && (precision == 0 || scale > precision))
		return cx_error_set(err, CDBC_SQL_FILE,
							"numeric takes a precision of 1 to %d, and a scale up to it",
							PRECISION_MAX);
	if (is_numeric) {
		out->precision = (int16_t)precision;
		out->scale = (int16_t)scale;
	}
	cx_lexer_next_solid(lexer, token);
	return CDBC_OK;
}

/* [], [3], [][], ARRAY */
static cdbc_status read_array(cx_lexer *lexer, cx_token *token, cdbc_type *out, cdbc_error **err)
{
	out->is_array = skip_word(lexer, token, "array");
	while (cx_token_is(token, '[')) {
		cx_lexer_next_solid(lexer, token);
		if (token->kind == CX_TOKEN_NUMBER)
			cx_lexer_next_solid(lexer, token);
		if (!cx_token_is(token, ']'))
			return cx_error_set(err, CDBC_SQL_FILE, "the type's `]` is missing");
		out->is_array = true;
		cx_lexer_next_solid(lexer, token);
	}
	return CDBC_OK;
}

/* WITH TIME ZONE, WITHOUT TIME ZONE. */
static cdbc_status read_zone(cx_lexer *lexer, cx_token *token, cdbc_type *out, cdbc_error **err)
{
	bool is_with = is_word(token, "with");

	if (!is_with && !is_word(token, "without"))
		return CDBC_OK;
	cx_lexer_next_solid(lexer, token);
	if (!skip_word(lexer, token, "time") || !skip_word(lexer, token, "zone"))
		return cx_error_set(err, CDBC_SQL_FILE, "`time zone` is missing");
	if (is_with)
		out->id = out->id == CDBC_TYPE_TIMESTAMP ? CDBC_TYPE_TIMESTAMPTZ : CDBC_TYPE_OTHER;
	return CDBC_OK;
}

/* Names with a schema: the user's own, but for pg_catalog's. */
static cdbc_status read_qualified(cx_lexer *lexer, cx_token *token, bool *is_system, cx_token *name,
								  cdbc_error **err)
{
	*is_system = cx_word_is(name->text, name->length, "pg_catalog");
	while (cx_token_is(token, '.')) {
		if (cx_lexer_next_solid(lexer, token) != CX_TOKEN_WORD && token->kind != CX_TOKEN_QUOTED)
			return cx_error_set(err, CDBC_SQL_FILE, "a type's name is missing after its schema");
		*name = *token;
		cx_lexer_next_solid(lexer, token);
	}
	return CDBC_OK;
}

static bool find_name(const cx_token *token, cdbc_type_id *out)
{
	for (size_t i = 0; i < NAME_COUNT; i++)
		if (cx_word_is(token->text, token->length, names[i])) {
			*out = (cdbc_type_id)ids[i];
			return true;
		}
	return false;
}

cdbc_status cx_type_read(cx_lexer *lexer, cx_token *token, cdbc_type *out, cdbc_error **err)
{
	cdbc_type type = {CDBC_TYPE_UNKNOWN, false, -1, -1};
	cx_token name = *token;
	bool is_system = true;
	cdbc_status status = CDBC_OK;

	if (token->kind != CX_TOKEN_WORD && token->kind != CX_TOKEN_QUOTED)
		return fail_unknown(token, err);
	if (skip_word(lexer, token, "national"))
		name = *token;
	cx_lexer_next_solid(lexer, token);
	if (cx_token_is(token, '.'))
		status = read_qualified(lexer, token, &is_system, &name, err);
	if (status)
		return status;
	if (!is_system) {
		type.id = CDBC_TYPE_OTHER;
	} else if (!find_name(&name, &type.id)) {
		*token = name;
		return fail_unknown(token, err);
	}
	if (cx_word_is(name.text, name.length, "double"))
		skip_word(lexer, token, "precision");
	else if (type.id == CDBC_TYPE_TEXT || type.id == CDBC_TYPE_OTHER)
		skip_word(lexer, token, "varying");
	status = read_arguments(lexer, token, &type, err);
	if (!status && (type.id == CDBC_TYPE_TIMESTAMP || type.id == CDBC_TYPE_TIME))
		status = read_zone(lexer, token, &type, err);
	if (!status)
		status = read_array(lexer, token, &type, err);
	if (!status)
		*out = type;
	return status;
}

cdbc_status cx_type_parse(const char *text, size_t length, cdbc_type *out, cdbc_error **err)
{
	cx_lexer lexer;
	cx_token token;
	cdbc_type type;
	cdbc_status status;

	cx_lexer_init(&lexer, text, length);
	cx_lexer_next_solid(&lexer, &token);
	status = cx_type_read(&lexer, &token, &type, err);
	if (status)
		return status;
	if (token.kind != CX_TOKEN_END)
		return cx_error_set(err, CDBC_SQL_FILE, "`%.*s` does not belong to a type",
							(int)(token.length < 40 ? token.length : 40), token.text);
	*out = type;
	return CDBC_OK;
}
