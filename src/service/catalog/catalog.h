// SPDX-License-Identifier: Apache-2.0
/* The catalog inside: what client and session need of a named query besides the public calls. */
#ifndef CX_CATALOG_H
#define CX_CATALOG_H

#include "data/sql/statement.h"

#include <cdbc/catalog.h>

/* A named query. Borrowed from the catalog. */
typedef struct cx_query {
	cdbc_query_info info;
	cx_statement *statement; /* for $n databases; with optional parts: all parameters, no SQL */
	cx_statement *statement_qmark; /* for ?n databases */
	const cdbc_column_hint *columns;
	size_t column_count;
	int64_t timeout_ms; /* 0: none given */
	int64_t max_rows;   /* 0: none given */
	bool is_idempotent;
	bool is_read_only;        /* declared: to be run in a READ ONLY transaction */
	const char *deprecated;   /* NULL: it is not */
	const char *const *roles; /* who may run it; none: the policy's default */
	size_t role_count;
	int64_t cache_ms;      /* 0: none given */
	int64_t retry_count;   /* -1: none given; 0: never */
	const char *isolation; /* SQL words in capitals: "READ COMMITTED"; NULL: none given */
	const char *priority;  /* "LOW", "NORMAL", "HIGH"; NULL: none given */
} cx_query;

/* Finds a query by name (`-` and `_` alike) for a dialect: its own, else that of the dialect it is
 * based on, else the one for all. NULL: any variant, to learn whether there is one. CDBC_NOT_FOUND
 * as cdbc_catalog_get. */
cdbc_status cx_catalog_find(const cdbc_catalog *catalog, const char *name,
							const cx_dialect *dialect, const cx_query **out, cdbc_error **err);

/* What :_user, :_roles, :_now and :_request_id stand for in a call; a NULL value (the zero of the
 * struct) where nothing is known. */
typedef struct cx_server_values {
	cdbc_value values[4];
} cx_server_values;

enum { CX_SERVER_USER, CX_SERVER_ROLES, CX_SERVER_NOW, CX_SERVER_REQUEST_ID };

/* Whether a call needs them. */
bool cx_query_wants_server(const cx_query *query);

/* The same for SQL text, whose parameters are then bound with them; else cx_statement_bind does. */
bool cx_statement_wants_server(const cx_statement *statement);
cdbc_status cx_statement_bind_server(const cx_statement *statement, cdbc_params params,
									 const cx_server_values *server, cdbc_value *values,
									 cdbc_error **err);

/* How many values cx_query_bind needs room for. */
size_t cx_query_room(const cx_query *query);

/* Checks given parameters against the declarations (type, range), fills in defaults, absent
 * optional ones (NULL) and those of the server (NULL: all are NULL), chooses the statement that the
 * parameters make of the query, and binds them in its order into values. *statement lives as long
 * as the catalog. Fails with CDBC_PARAM naming query and parameter, and CDBC_NOMEM,
 * and as the functions of a dialect that an application added. */
cdbc_status cx_query_bind(const cx_query *query, const cx_dialect *dialect, cdbc_params params,
						  const cx_server_values *server, cdbc_value *values,
						  const cx_statement **statement, cdbc_error **err);

/* A place in a query as it was written. */
typedef struct cx_query_place {
	int64_t position;     /* in info.sql, in characters from 1 */
	int64_t line, column; /* in the file */
} cx_query_place;

/* Where byte offset of a statement's SQL comes from; the statement is one that cx_query_bind chose
 * for the dialect. False: it is not, or memory is short. */
bool cx_query_origin(const cx_query *query, const cx_statement *statement,
					 const cx_dialect *dialect, size_t offset, cx_query_place *out);

#endif
