// SPDX-License-Identifier: Apache-2.0
/* The catalog inside: what client and session need of a named query besides the public calls. */
#ifndef CX_CATALOG_H
#define CX_CATALOG_H

#include "data/sql/statement.h"

#include <cdbc/catalog.h>

/* A named query. Borrowed from the catalog. */
typedef struct cx_query {
	cdbc_query_info info;
	cx_statement *statement;       /* for $n databases */
	cx_statement *statement_qmark; /* for ?n databases */
	const cdbc_column_hint *columns;
	size_t column_count;
	int64_t timeout_ms; /* 0: none given */
	int64_t max_rows;   /* 0: none given */
	bool is_idempotent;
	bool is_read_only;      /* declared: to be run in a READ ONLY transaction */
	const char *deprecated; /* NULL: it is not */
} cx_query;

/* Finds a query by name (`-` and `_` alike) for a dialect ("postgresql", "cockroachdb", "sqlite";
 * NULL: any variant, to learn whether there is one). CDBC_NOT_FOUND as cdbc_catalog_get. */
cdbc_status cx_catalog_find(const cdbc_catalog *catalog, const char *name, const char *dialect,
							const cx_query **out, cdbc_error **err);

/* Checks given parameters against the declarations (type, range), fills in defaults and absent
 * optional ones (NULL), and binds them in the statement's order into values (room for param_count).
 * Fails with CDBC_PARAM naming query and parameter. */
cdbc_status cx_query_bind(const cx_query *query, const cx_statement *statement, cdbc_params params,
						  cdbc_value *values, cdbc_error **err);

#endif
