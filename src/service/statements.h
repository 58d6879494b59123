// SPDX-License-Identifier: Apache-2.0
/* Statements by their text: SQL that is run again is not lexed again. Bounded, least recently used
 * first out. Any thread. */
#ifndef CX_STATEMENTS_H
#define CX_STATEMENTS_H

#include "data/sql/statement.h"

typedef struct cx_statements cx_statements;

cdbc_status cx_statements_new(size_t capacity, cx_statements **out, cdbc_error **err);
void cx_statements_free(cx_statements *statements); /* takes NULL */

/* The statement of a text for a dialect, parsed when it is new. Give it back with
 * cx_statement_unref. Errors as cx_statement_parse; also CDBC_PARAM when it is several statements
 * with parameters, which no database takes at once. */
cdbc_status cx_statements_get(cx_statements *statements, const cx_dialect *dialect, const char *sql,
							  size_t length, cx_statement **out, cdbc_error **err);

#endif
