// SPDX-License-Identifier: Apache-2.0
/* Dialects: how a database wants SQL written where databases differ: placeholders, quoting, lists,
 * reads of the past, pages, upserts, rows as arrays. cockroachdb, postgresql and sqlite are built
 * in, and an application adds its own.
 *
 * Every function writes text into a sink; a failed one may have written a part of it. No value of a
 * caller gets into the text: values are parameters, identifiers are quoted, and what is taken as
 * SQL (a statement, an expression, a type) is the program's own or a SQL file's.
 *
 *     const cdbc_dialect *d = cdbc_dialect_find("postgresql");
 *     cdbc_dialect_insert row = {.struct_size = sizeof row, .table = "t", ...};
 *     status = d->upsert(d, &row, &sink, &err);
 */
#ifndef CDBC_DIALECT_H
#define CDBC_DIALECT_H

#include <cdbc/error.h>
#include <cdbc/format.h>

CDBC_BEGIN

/* What a database has. */
enum {
	CDBC_DIALECT_RETURNING = 1u << 0,  /* INSERT ... RETURNING */
	CDBC_DIALECT_SAVEPOINTS = 1u << 1, /* SAVEPOINT, ROLLBACK TO, RELEASE */
	CDBC_DIALECT_READ_ONLY = 1u << 2,  /* BEGIN READ ONLY */
	CDBC_DIALECT_ARRAYS = 1u << 3,     /* arrays as values; else they are sent as JSON */
	CDBC_DIALECT_SCHEMAS = 1u << 4     /* tables in schemas that are made with CREATE SCHEMA */
};

/* What stands for `in (:ids)`, whose parameter is an array. The words are replaced; the brackets
 * stay, and so do comments. */
typedef struct cdbc_dialect_list {
	const char *in;     /* "= any"; "in": the words stay as they are written */
	const char *not_in; /* "<> all"; "not in" */
	const char *before; /* before the placeholder, in the brackets: "" */
	const char *after;  /* after it: "" */
} cdbc_dialect_list;

/* A table, and rows for it. Names are as the catalogue of the database has them, without quotes. */
typedef struct cdbc_dialect_insert {
	size_t struct_size;
	const char *schema; /* NULL: none named */
	const char *table;
	const char *const *columns;
	const char *const *types; /* rows: each column's SQL type, as in a `param:` line; never an
								 array */
	size_t column_count;
	const char *const
		*keys;        /* the columns of the constraint that says which row is there already */
	size_t key_count; /* 0: a plain insert, for rows only */
	const char *const *updates; /* what an existing row takes from the new one */
	size_t update_count;        /* 0: an existing row stays as it is */
} cdbc_dialect_insert;

#define CDBC_DIALECT_INSERT_INIT                                                 \
	{                                                                            \
		sizeof(cdbc_dialect_insert), NULL, NULL, NULL, NULL, 0, NULL, 0, NULL, 0 \
	}

/* A page of a statement's rows. */
typedef struct cdbc_dialect_page {
	size_t struct_size;
	const char *const *keys; /* columns of the result that give the order; not NULL in any row, and
								together unique */
	size_t key_count;
	bool is_descending;
	bool is_after;       /* rows after the last one of the page before: a parameter a key */
	bool has_offset;     /* as many rows are passed over: one parameter, after the limit's */
	size_t first_number; /* of the first parameter that is added: one more than the statement has */
} cdbc_dialect_page;

#define CDBC_DIALECT_PAGE_INIT                                     \
	{                                                              \
		sizeof(cdbc_dialect_page), NULL, 0, false, false, false, 1 \
	}

/* A dialect. Every function has the dialect itself as its first argument, is called from any
 * thread, and keeps nothing of its arguments. One of an application may leave *err as it is when it
 * fails: the error then names the dialect and the function. */
typedef struct cdbc_dialect cdbc_dialect;
struct cdbc_dialect {
	size_t struct_size;
	const char *name; /* as in `dialect:` lines: small letters, digits, _ and -, at most 40 */
	/* The dialect whose functions stand for those that are NULL here, and whose queries are taken
	 * where a catalog has none for this one. NULL: none, then every function is needed. */
	const char *based_on;
	uint32_t features;      /* CDBC_DIALECT_*; 0 when based_on is given: as that one */
	cdbc_dialect_list list; /* all four, or all NULL: as based_on */

	/* Writes what stands for parameter number (from 1): $1. */
	cdbc_status (*placeholder)(const cdbc_dialect *dialect, size_t number, const cdbc_sink *sink,
							   cdbc_error **err);
	/* Writes a name, quoted. CDBC_USAGE for one that the database cannot hold: empty, with a NUL
	 * byte, not UTF-8, too long. */
	cdbc_status (*identifier)(const cdbc_dialect *dialect, const char *name, size_t length,
							  const cdbc_sink *sink, cdbc_error **err);
	/* Writes a SELECT with the time it is to read at put in; expression is SQL. NULL with no
	 * based_on that has one: the database cannot read the past, and `as-of:` lines are a note.
	 * CDBC_SQL_FILE for a statement or expression that cannot take it. */
	cdbc_status (*as_of)(const cdbc_dialect *dialect, const char *sql, size_t length,
						 const char *expression, const cdbc_sink *sink, cdbc_error **err);
	/* Writes a SELECT's page, ordered by the keys: parameters are added for the keys (is_after),
	 * the limit, and the offset (has_offset), in this order. A page of a statement `as of` is the
	 * page first, and then its time. CDBC_SQL_FILE for what is no SELECT, CDBC_USAGE. */
	cdbc_status (*page)(const cdbc_dialect *dialect, const char *sql, size_t length,
						const cdbc_dialect_page *page, const cdbc_sink *sink, cdbc_error **err);
	/* Writes an insert of one row, a parameter a column, that meets an existing row as keys and
	 * updates say. CDBC_USAGE. */
	cdbc_status (*upsert)(const cdbc_dialect *dialect, const cdbc_dialect_insert *insert,
						  const cdbc_sink *sink, cdbc_error **err);
	/* Writes an insert of any number of rows, a parameter a column: an array of that column's
	 * values. Arrays of one length each; a shorter one is filled up with NULL. CDBC_USAGE. */
	cdbc_status (*rows)(const cdbc_dialect *dialect, const cdbc_dialect_insert *insert,
						const cdbc_sink *sink, cdbc_error **err);
	void *self; /* the application's */
};

/* Adds a dialect for the whole process, for good; copies it and its strings, not what self points
 * to. From then on its name may stand in `dialect:` lines, in cdbc_catalog_render and the like, and
 * in what a driver says of its server (CDBC_INFO_DIALECT). Add it before the SQL files are loaded
 * and clients opened. Any thread. Fails with CDBC_USAGE (no name, a name that is taken, an unknown
 * based_on, a function that is missing), CDBC_RESOURCE (more than 32 in all), CDBC_NOMEM. Round
 * trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_dialect_add(const cdbc_dialect *dialect, cdbc_error **err);

/* Finds a dialect; NULL when there is none of that name. All its functions are there, but perhaps
 * as_of. Lives as long as the process. Any thread. Round trips: none. */
CDBC_API const cdbc_dialect *cdbc_dialect_find(const char *name);

/* The same, or CDBC_NOT_FOUND with the known ones in the hint. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_dialect_get(const char *name, const cdbc_dialect **out,
													 cdbc_error **err);

CDBC_END
#endif
