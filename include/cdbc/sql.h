// SPDX-License-Identifier: Apache-2.0
/* SQL as text: the statements of a script, and the forms under which a statement is known. Needs no
 * database. Any thread. */
#ifndef CDBC_SQL_H
#define CDBC_SQL_H

#include <cdbc/driver.h>
#include <cdbc/error.h>

CDBC_BEGIN

/* A statement's text in one of its forms, and a 64-bit hash of it (FNV-1a) that stays the same from
 * release to release. */
typedef struct cdbc_sql_form cdbc_sql_form;

/* The fingerprint: what the statement does, whatever its values are. Literals and parameters become
 * `?`, bracketed lists of them (not a function's arguments) one `?`, rows of them one row; case and
 * white space are folded, comments are gone. Identity: the same statement with the same literals;
 * only case, white space and comments are folded. Fail with CDBC_SQL_FILE (a lexical error, with
 * its place), CDBC_NOMEM. Free *out with cdbc_sql_form_free. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_sql_fingerprint(const char *sql, size_t length,
														 cdbc_sql_form **out, cdbc_error **err);
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_sql_identity(const char *sql, size_t length,
													  cdbc_sql_form **out, cdbc_error **err);
/* NUL-terminated, borrowed from the form. */
CDBC_API const char *cdbc_sql_form_text(const cdbc_sql_form *form);
CDBC_API uint64_t cdbc_sql_form_hash(const cdbc_sql_form *form);
CDBC_API void cdbc_sql_form_free(cdbc_sql_form *form); /* takes NULL */

/* A statement of a script. Borrowed for the call. */
typedef struct cdbc_sql_piece {
	size_t struct_size;
	const char *text; /* length bytes, without the semicolon and comments around */
	size_t length;
	size_t offset; /* bytes from the script's beginning */
	size_t line;   /* from 1 */
	size_t column; /* in characters, from 1 */
	cdbc_statement_kind kind;
	bool is_read_only;
	bool changes_session;
	const cdbc_sql_form *fingerprint;
} cdbc_sql_piece;

/* Calls fn for each statement of a script, until it returns false. Fails with CDBC_SQL_FILE (a
 * lexical error, with its place, after the statements before it), CDBC_NOMEM. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_sql_split(const char *sql, size_t length,
												   bool (*fn)(void *data,
															  const cdbc_sql_piece *piece),
												   void *data, cdbc_error **err);

CDBC_END
#endif
