// SPDX-License-Identifier: Apache-2.0
/* The table of dialects inside: the built-in ones and those an application added. A dialect stays
 * where it is for the life of the process, so a pointer to one may be kept and compared. */
#ifndef CX_DIALECT_H
#define CX_DIALECT_H

#include "base/buf.h"

#include <cdbc/dialect.h>

#define CX_DIALECTS_MAX 32 /* a bit each */

/* How statements are written for it: many dialects share a text. */
typedef enum cx_dialect_form {
	CX_FORM_DOLLAR,   /* $1, = any($1) */
	CX_FORM_QUESTION, /* ?1, json_each(?1) */
	CX_FORM_OWN       /* by its own functions */
} cx_dialect_form;

typedef struct cx_dialect {
	cdbc_dialect api; /* first: what cdbc_dialect_find gives is one; every function is there */
	const struct cx_dialect *based_on;
	unsigned bit;
	cx_dialect_form form;
	struct cx_dialect *next; /* added before it */
} cx_dialect;

extern cx_dialect cx_dialect_cockroachdb, cx_dialect_postgresql, cx_dialect_sqlite;
/* What a server speaks that names none of the table: no query is meant for it alone. [0] with $1,
 * [1] with ?1. */
extern cx_dialect cx_dialect_other[2];

/* Finds a dialect by length bytes of name; NULL: there is none. */
const cx_dialect *cx_dialect_find(const char *name, size_t length);
/* CDBC_NOT_FOUND, with the nearest or all in the hint. */
cdbc_status cx_dialect_get(const char *name, size_t length, const cx_dialect **out,
						   cdbc_error **err);
/* A dialect by its name, or the one for servers of none. */
static inline const cx_dialect *cx_dialect_named(const char *name)
{
	const cx_dialect *dialect = cx_dialect_find(name, strlen(name));

	return dialect ? dialect : &cx_dialect_other[0];
}
/* The built-in dialect that one is, or is based on in the end ("other": none); NULL gives NULL. */
const char *cx_dialect_family(const cx_dialect *dialect);
/* The dialect of a bit, or NULL. */
const cx_dialect *cx_dialect_of_bit(unsigned bit);
/* Whether an application added one. */
bool cx_dialect_has_added(void);
/* Writes "cockroachdb, postgresql and sqlite", with those added, into out; cut to its size. */
void cx_dialect_list_names(char *out, size_t size);

/* Hands on what a dialect's function failed with; one of an application may have said nothing. */
cdbc_status cx_dialect_failed(const cx_dialect *dialect, const char *function, cdbc_status status,
							  cdbc_error *error, cdbc_error **err);

/* A sink that writes into a buffer. */
cdbc_sink cx_dialect_sink(cx_buf *buf);

/* Writes a quoted identifier: "a ""name""". No question is asked of the name. */
void cx_identifier_put(cx_buf *out, const char *name, size_t length);

/* Tests only, with no other thread inside: forgets the dialects that were added. */
void cx_dialect_forget_added(void);

/* ---- Inside: dialect_text.c, the functions of the built-in dialects ------------------------- */

cdbc_status cx_dialect_dollar(const cdbc_dialect *dialect, size_t number, const cdbc_sink *sink,
							  cdbc_error **err);
cdbc_status cx_dialect_question(const cdbc_dialect *dialect, size_t number, const cdbc_sink *sink,
								cdbc_error **err);
cdbc_status cx_dialect_quote(const cdbc_dialect *dialect, const char *name, size_t length,
							 const cdbc_sink *sink, cdbc_error **err);
/* The same, but longer than the 63 bytes after which PostgreSQL cuts a name is refused. */
cdbc_status cx_dialect_quote_63(const cdbc_dialect *dialect, const char *name, size_t length,
								const cdbc_sink *sink, cdbc_error **err);
cdbc_status cx_dialect_page(const cdbc_dialect *dialect, const char *sql, size_t length,
							const cdbc_dialect_page *page, const cdbc_sink *sink, cdbc_error **err);
cdbc_status cx_dialect_upsert(const cdbc_dialect *dialect, const cdbc_dialect_insert *insert,
							  const cdbc_sink *sink, cdbc_error **err);
cdbc_status cx_dialect_rows_unnest(const cdbc_dialect *dialect, const cdbc_dialect_insert *insert,
								   const cdbc_sink *sink, cdbc_error **err);
cdbc_status cx_dialect_rows_json(const cdbc_dialect *dialect, const cdbc_dialect_insert *insert,
								 const cdbc_sink *sink, cdbc_error **err);

#endif
