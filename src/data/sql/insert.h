// SPDX-License-Identifier: Apache-2.0
/* The one form of INSERT of which many can be one with an array a column: a table, perhaps its
 * columns, and one row of nothing but parameters. */
#ifndef CX_INSERT_H
#define CX_INSERT_H

#include "base/arena.h"

#include <cdbc/error.h>

typedef struct cx_insert {
	const char *table;          /* as it is written: public."T" */
	const char *const *columns; /* as the database keeps them; NULL: none are named */
	const size_t *params;       /* of each column, from 0 */
	size_t count;               /* of columns that get a value */
} cx_insert;

/* Reads a statement that takes its parameters as $1. *out is in the arena; table NULL: it has
 * another form (a second row, an expression, RETURNING, ON CONFLICT, an alias, WITH...). Fails with
 * CDBC_NOMEM. */
cdbc_status cx_insert_read(const char *sql, size_t length, cx_arena *arena, cx_insert *out,
						   cdbc_error **err);

#endif
