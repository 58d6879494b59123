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
	const char *checks;       /* as written: in('a', 'b') length=1..20; "" when none */
} cdbc_query_param;

/* A result column whose type the file declares. Strings are borrowed from the catalog. */
typedef struct cdbc_query_column {
	const char *name;
	const char *type_name; /* as written */
	cdbc_type type;
} cdbc_query_column;

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
	const char *const *roles; /* who may run it; none: the policy's default */
	size_t role_count;
	int64_t timeout_ms;    /* 0: none given */
	int64_t max_rows;      /* 0: none given */
	int64_t cache_ms;      /* 0: none given */
	int64_t retry_count;   /* -1: none given; 0: never */
	const char *isolation; /* "READ COMMITTED"; NULL: none given */
	const char *priority;  /* "LOW", "NORMAL", "HIGH"; NULL: none given */
	bool is_idempotent;
	const char *deprecated;      /* what is said of it; NULL: it is not */
	const char *as_of;           /* the time it reads at, as written; NULL: now */
	bool is_declared_read_only;  /* `read-only`; is_read_only is what is known of the SQL, too */
	bool may_lose_condition;     /* `allow-all-rows` */
	const char *const *dialects; /* that it is for; none: all */
	size_t dialect_count;
	const cdbc_query_column *columns;
	size_t column_count;
} cdbc_query_info;

/* Makes an empty catalog. Fails with CDBC_NOMEM. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_new(cdbc_catalog **out, cdbc_error **err);
/* Frees a catalog that was made here, or gives back one that a client gave. */
CDBC_API void cdbc_catalog_free(cdbc_catalog *catalog);

/* Which of its client's catalogs this is, from 1; 0 when it is no client's. */
CDBC_API uint64_t cdbc_catalog_generation(const cdbc_catalog *catalog);

/* Adds a file, or a folder with all below it. Nothing is added when anything is wrong. Not while
 * another thread uses the catalog. Fails with CDBC_SQL_FILE (file:line:column in the message),
 * CDBC_IO, CDBC_NOMEM, CDBC_USAGE (it is a client's). */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_load(cdbc_catalog *catalog, const char *path,
													  cdbc_error **err);

/* The same for a text that is in no file. file is its name in messages ("reports/daily.sql"): its
 * folders are namespaces, as those below a loaded folder are. Copies the text. Fails as
 * cdbc_catalog_load, but with no CDBC_IO. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_add_text(cdbc_catalog *catalog, const char *file,
														  const char *text, size_t length,
														  cdbc_error **err);

enum { CDBC_SAVE_OVERWRITE = 1u << 0 };

/* Checks a text of queries and writes it to the file of that name below a folder: beside it first,
 * then renamed, with its sub-folders made. Permissions are those of the file that it replaces, else
 * the umask's. A file that is there is replaced only with CDBC_SAVE_OVERWRITE; a name that leads
 * out of the folder, by .. or a link, is refused, and so is one that would not be loaded. Fails
 * with CDBC_SQL_FILE, CDBC_USAGE (the name), CDBC_IO, CDBC_NOMEM. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_save_text(const char *folder, const char *file,
														   const char *text, size_t length,
														   uint32_t flags, cdbc_error **err);

/* SQL files that are part of the program: `cdbc queries embed` writes them as a C source. */
typedef struct cdbc_embedded_file {
	const char *file; /* its path in the folder that was embedded */
	const char *text;
	size_t length;
} cdbc_embedded_file;

typedef struct cdbc_embedded_queries {
	size_t struct_size;
	const cdbc_embedded_file *files;
	size_t file_count;
} cdbc_embedded_queries;

/* Adds all of them as cdbc_catalog_add_text does one. Nothing is added when anything is wrong. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_add_embedded(cdbc_catalog *catalog,
															  const cdbc_embedded_queries *embedded,
															  cdbc_error **err);

/* Checks files or folders as load does, but goes on after an error and reports every one; and it
 * asks the grammars of the databases that a query is for: PostgreSQL's own parser (see
 * cdbc_catalog_has_grammar), and for CockroachDB the structure of its statements. A query without a
 * dialect line is wrong only when PostgreSQL's refuses it and it has nothing that is CockroachDB's.
 * *error_count is the number of errors. Fails with CDBC_IO, CDBC_NOMEM only. */
CDBC_API CDBC_MUSTCHECK cdbc_status
cdbc_catalog_check(const char *const *paths, size_t path_count,
				   void (*report)(void *data, const cdbc_diagnostic *diagnostic), void *data,
				   size_t *error_count, cdbc_error **err);

/* The same, when queries without a dialect line are known to be for a dialect ("postgresql",
 * "cockroachdb", "sqlite"; NULL: not known). Fails with CDBC_CONFIG too: it is none of these. */
CDBC_API CDBC_MUSTCHECK cdbc_status
cdbc_catalog_check_for(const char *const *paths, size_t path_count, const char *dialect,
					   void (*report)(void *data, const cdbc_diagnostic *diagnostic), void *data,
					   size_t *error_count, cdbc_error **err);
/* Whether PostgreSQL's parser (libpg_query) was built in and is installed; without it a check skips
 * what needs it. */
CDBC_API bool cdbc_catalog_has_grammar(void);
/* How files are written. */
typedef enum cdbc_sql_style {
	CDBC_STYLE_CDBC, /* as docs/sql-files.md has it, aiosql and yesql among it */
	CDBC_STYLE_SQLC  /* the same, and @name, sqlc.arg, sqlc.narg, sqlc.slice and sqlc.embed */
} cdbc_sql_style;

/* As cdbc_catalog_load and cdbc_catalog_check_for; styles is one for each path (NULL: ours). */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_load_style(cdbc_catalog *catalog, const char *path,
															cdbc_sql_style style, cdbc_error **err);
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_check_style(
	const char *const *paths, const cdbc_sql_style *styles, size_t path_count, const char *dialect,
	void (*report)(void *data, const cdbc_diagnostic *diagnostic), void *data, size_t *error_count,
	cdbc_error **err);

/* How many queries there are. */
CDBC_API size_t cdbc_catalog_count(const cdbc_catalog *catalog);
/* Queries in the order of their names; false when index is out of range. */
CDBC_API bool cdbc_catalog_at(const cdbc_catalog *catalog, size_t index, cdbc_query_info *out);
/* Fails with CDBC_NOT_FOUND; the hint names the nearest. `-` and `_` are the same in a name. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_get(const cdbc_catalog *catalog, const char *name,
													 cdbc_query_info *out, cdbc_error **err);

/* One of the statements that a query may become: with some of its optional parts, and one of the
 * identifiers where it has those. Borrowed for the call. */
typedef struct cdbc_query_variant {
	size_t struct_size;
	const char *sql;           /* with the dialect's placeholders */
	const char *when;          /* "\"since\" is absent"; "" when there is but one */
	const char *const *params; /* names in the order of the placeholders */
	size_t param_count;
	size_t index, count; /* which, of how many */
} cdbc_query_variant;

/* Calls fn for every statement that a query may become for a dialect ("postgresql", "cockroachdb",
 * "sqlite", or one that was added; NULL: postgresql), until it returns false. Any thread. Fails
 * with CDBC_NOT_FOUND (no such query, no such dialect), CDBC_NOMEM, and as an added dialect does.
 * Round trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_expand(
	const cdbc_catalog *catalog, const char *name, const char *dialect,
	bool (*fn)(void *data, const cdbc_query_variant *variant), void *data, cdbc_error **err);

/* What stands for :_user, :_roles, :_now and :_request_id where there is no session; NULL (or 0
 * roles): NULL. */
typedef struct cdbc_render_options {
	size_t struct_size;
	const char *user;
	const char *const *roles;
	size_t role_count;
	const char *now; /* ISO 8601 */
	const char *request_id;
} cdbc_render_options;

#define CDBC_RENDER_OPTIONS_INIT                               \
	{                                                          \
		sizeof(cdbc_render_options), NULL, NULL, 0, NULL, NULL \
	}

/* A query with parameters as it would be sent. */
typedef struct cdbc_rendered cdbc_rendered;

/* Checks the parameters and chooses the statement, as a run does, but runs nothing. The values
 * point into params, options and the catalog, which must outlive *out. Any thread. options NULL:
 * the defaults. Dialects and errors as cdbc_catalog_expand; also CDBC_PARAM. Round trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_render(const cdbc_catalog *catalog,
														const char *name, const char *dialect,
														cdbc_params params,
														const cdbc_render_options *options,
														cdbc_rendered **out, cdbc_error **err);
/* The SQL, and its values in the order of its placeholders, each with its parameter's name (NULL
 * for $1 written so). Valid until cdbc_rendered_free. */
CDBC_API const char *cdbc_rendered_sql(const cdbc_rendered *rendered);
CDBC_API cdbc_params cdbc_rendered_params(const cdbc_rendered *rendered);
CDBC_API void cdbc_rendered_free(cdbc_rendered *rendered);

/* Checks parameters as render does, and nothing else. Errors as cdbc_catalog_render. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_catalog_validate(const cdbc_catalog *catalog,
														  const char *name, const char *dialect,
														  cdbc_params params, cdbc_error **err);

/* The word for a cardinality or a statement kind, as `queries show` prints it. Static. */
CDBC_API const char *cdbc_cardinality_name(cdbc_cardinality cardinality);
CDBC_API const char *cdbc_kind_name(cdbc_statement_kind kind);

CDBC_END
#endif
