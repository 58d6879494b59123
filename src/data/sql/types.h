// SPDX-License-Identifier: Apache-2.0
/* SQL type names, as written in headers: `double precision`, `numeric(10,2)`, `timestamp with time
 * zone`, `int8[]`, `app.mood`. */
#ifndef CX_TYPES_H
#define CX_TYPES_H

#include "data/sql/lexer.h"

#include <cdbc/error.h>
#include <cdbc/value.h>

/* Reads a type that begins with *token; *token is then the first one after it. `int` and `integer`
 * are int8, as CockroachDB and SQLite have them: wide enough for either. A type with a schema is
 * the user's own (CDBC_TYPE_OTHER), and so are the servers' that have no id here (inet, tsvector).
 * Fails with CDBC_SQL_FILE: an unknown name (the hint has the nearest); *token is then the one to
 * blame. */
cdbc_status cx_type_read(cx_lexer *lexer, cx_token *token, cdbc_type *out, cdbc_error **err);

/* The same for a whole text. */
cdbc_status cx_type_parse(const char *text, size_t length, cdbc_type *out, cdbc_error **err);

#endif
