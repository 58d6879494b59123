// SPDX-License-Identifier: Apache-2.0
/* The catalog: named queries from SQL files. Any thread. */
#ifndef CDBC_CATALOG_H
#define CDBC_CATALOG_H

#include <cdbc/driver.h>
#include <cdbc/error.h>
#include <cdbc/value.h>

CDBC_BEGIN

/* How many rows a query promises (the mark after its name). */
typedef enum cdbc_cardinality {
	CDBC_MANY,        /* :many */
	CDBC_ONE,         /* :one    exactly one row */
	CDBC_ZERO_OR_ONE, /* ^ :one? none or one */
	CDBC_SCALAR,      /* $       one value */
	CDBC_EXEC,        /* :exec ! affected rows */
	CDBC_EXEC_ROWS,   /* :execrows */
	CDBC_RETURNING,   /* <! */
	CDBC_BATCH,       /* :batch *! many executions */
	CDBC_COPY_FROM,   /* :copyfrom */
	CDBC_SCRIPT       /* # several statements */
} cdbc_cardinality;

/* A declared parameter. Strings are borrowed from the catalog. */
typedef struct cdbc_query_param {
	const char *name;
	const char *type_name; /* as written; "" when undeclared */
	cdbc_type type;
	bool is_optional;
	const char *default_text; /* NULL: none */
	const char *help;         /* "" when none */
} cdbc_query_param;

/* A query as the catalog knows it. Borrowed from the catalog, valid until it is freed. */
typedef struct cdbc_query_info {
	size_t struct_size;
	const char *name; /* with its namespace: reports.top */
	const char *file;
	int64_t line;
	const char *documentation; /* "" when none */
	const char *sql;           /* as written */
	cdbc_cardinality cardinality;
	cdbc_statement_kind kind;
	bool is_read_only;
	const cdbc_query_param *params;
	size_t param_count;
} cdbc_query_info;

/* Makes an empty catalog. Fails with CDBC_NOMEM. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_new(cdbc_catalog **out, cdbc_error **err);
CDBC_API void cdbc_catalog_free(cdbc_catalog *catalog);

/* Adds a file, or a folder with all below it. Nothing is added when anything is wrong. Not while
 * the catalog is in use by a client. Fails with CDBC_SQL_FILE (file:line:column in the message),
 * CDBC_IO, CDBC_NOMEM. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_load(cdbc_catalog *catalog, const char *path,
													  cdbc_error **err);

/* Checks files or folders as load does, but goes on after an error and reports every one.
 * *error_count is the number of errors. Fails with CDBC_IO, CDBC_NOMEM only. */
CDBC_API CDBC_MUSTCHECK cdbc_status
cdbc_catalog_check(const char *const *paths, size_t path_count,
				   void (*report)(void *data, const cdbc_diagnostic *diagnostic), void *data,
				   size_t *error_count, cdbc_error **err);

/* How many queries there are. */
CDBC_API size_t cdbc_catalog_count(const cdbc_catalog *catalog);
/* Queries in the order of their names; false when index is out of range. */
CDBC_API bool cdbc_catalog_at(const cdbc_catalog *catalog, size_t index, cdbc_query_info *out);
/* Fails with CDBC_NOT_FOUND; the hint names the nearest. `-` and `_` are the same in a name. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_get(const cdbc_catalog *catalog, const char *name,
													 cdbc_query_info *out, cdbc_error **err);

/* The word for a cardinality or a statement kind, as `queries show` prints it. Static. */
CDBC_API const char *cdbc_cardinality_name(cdbc_cardinality cardinality);
CDBC_API const char *cdbc_kind_name(cdbc_statement_kind kind);

CDBC_END
#endif
