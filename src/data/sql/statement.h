// SPDX-License-Identifier: Apache-2.0
/* A statement: SQL as written turned into what a driver takes, with its parameters in order and
 * what the lexer knows of it. Immutable and counted, so that any thread may use one. */
#ifndef CX_STATEMENT_H
#define CX_STATEMENT_H

#include "data/sql/dialect.h"

#include <cdbc/driver.h>
#include <cdbc/error.h>
#include <stdatomic.h>

/* A parameter of a statement, in the order of its number. */
typedef struct cx_statement_param {
	const char *name; /* NULL: positional; "$1": beside others that have names */
	cdbc_type type;   /* declared; UNKNOWN: left to the server */
	bool is_list;     /* stands in `in (:ids)`: takes an array */
} cx_statement_param;

typedef struct cx_statement {
	atomic_int refs;
	_Atomic uint64_t fingerprint; /* 0: not asked for yet */
	uint64_t id;                  /* unique in the process, never 0 */
	const char *sql;
	size_t sql_length;
	const cx_statement_param *params;
	size_t param_count;
	size_t past_offset, past_length; /* what was put in to read as of a time; 0 bytes: nothing */
	bool is_positional;              /* written with $1, $2: params have no names */
	cdbc_statement_kind kind;
	uint32_t flags; /* CDBC_REQUEST_READ_ONLY, _CHANGES_SESSION, _SMALL_RESULT (a literal limit <=
					   100) */
	size_t statement_count; /* statements in the text: 1, or more for a script, 0 for nothing but
							   comments */
} cx_statement;

/* Of the statement's form; computed when first asked for, and kept. 0: there is none, or no memory.
 */
uint64_t cx_statement_fingerprint(const cx_statement *statement);

/* Declared types by name, for the parameters of a named query. */
typedef struct cx_param_decl {
	const char *name;
	cdbc_type type;
} cx_param_decl;

/* Lexes, rewrites :name parameters into the dialect's placeholders, judges kind and flags. Fails
 * with CDBC_SQL_FILE (a lexical error; message begins with line:column, place set from the text's
 * beginning), CDBC_PARAM ($n and :name mixed; they may be when "$n" is declared), CDBC_NOMEM, and
 * as the dialect's placeholder does. */
cdbc_status cx_statement_parse(const char *text, size_t length, const cx_dialect *dialect,
							   const cx_param_decl *decls, size_t decl_count, cx_statement **out,
							   cdbc_error **err);

/* As PostgreSQL and as SQLite take it, from one reading. The message does not begin with
 * line:column; the place is set. */
cdbc_status cx_statement_parse_both(const char *text, size_t length, const cx_param_decl *decls,
									size_t decl_count, cx_statement **dollar,
									cx_statement **question, cdbc_error **err);

/* The byte of a text, from 0, that byte offset of the SQL made of it came from; the text's length
 * when it is past the end. The text must be one that can be parsed. Fails with CDBC_NOMEM. */
cdbc_status cx_statement_origin(const char *text, size_t length, const cx_dialect *dialect,
								const cx_param_decl *decls, size_t decl_count, size_t offset,
								size_t *out, cdbc_error **err);

/* The same statement, written otherwise: parameters, kind and flags are the other's. Fails with
 * CDBC_NOMEM. */
cdbc_status cx_statement_rewrite(const cx_statement *statement, const char *sql, size_t sql_length,
								 cx_statement **out, cdbc_error **err);

static inline cx_statement *cx_statement_ref(cx_statement *statement)
{
	atomic_fetch_add_explicit(&statement->refs, 1, memory_order_relaxed);
	return statement;
}
void cx_statement_unref(cx_statement *statement); /* takes NULL */

/* Puts the caller's parameters into the statement's order, with declared types. values has room for
 * param_count. Every one must be given once, none unknown (the hint names the nearest). A list must
 * be an array (or NULL, or, when its array type is declared, '{..}' text); a parameter declared as
 * something else may not be one. Names that begin with `_` are not the caller's. Fails with
 * CDBC_PARAM. Checks text for encoding and NUL. Does not allocate. */
cdbc_status cx_statement_bind(const cx_statement *statement, cdbc_params params, cdbc_value *values,
							  cdbc_error **err);

/* The same, but a parameter that is not given gets the kind CX_VALUE_MISSING instead of being an
 * error. */
#define CX_VALUE_MISSING ((cdbc_value_kind)0x7f)
cdbc_status cx_statement_bind_given(const cx_statement *statement, cdbc_params params,
									cdbc_value *values, cdbc_error **err);

#endif
