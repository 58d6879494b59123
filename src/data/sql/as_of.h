// SPDX-License-Identifier: Apache-2.0
/* AS OF SYSTEM TIME: whether a statement and an expression can take it, and where in the statement
 * it stands. By tokens alone; the server has the last word. */
#ifndef CX_AS_OF_H
#define CX_AS_OF_H

#include <cdbc/dialect.h>

/* Checks an expression: one, without parameters, and for CockroachDB constant or one of its
 * functions for it. *begin and *end are its bytes without white space and comments around it. Fails
 * with CDBC_SQL_FILE, place and position set from the text's beginning. */
cdbc_status cx_as_of_expression(const char *text, size_t length, bool is_cockroachdb, size_t *begin,
								size_t *end, cdbc_error **err);

/* Finds the end of the outermost SELECT's FROM clause. Fails with CDBC_SQL_FILE, place and position
 * set: for what is no SELECT of tables, for set operations (CockroachDB looks for the time in a
 * SELECT on top only), for locks and for a statement that has a time. */
cdbc_status cx_as_of_place(const char *sql, size_t length, size_t *out, cdbc_error **err);

/* The function of a dialect. */
cdbc_status cx_as_of_system_time(const cdbc_dialect *dialect, const char *sql, size_t length,
								 const char *expression, const cdbc_sink *sink, cdbc_error **err);

#endif
