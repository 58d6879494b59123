// SPDX-License-Identifier: Apache-2.0
/* What the files of the SQLite driver share. Nothing outside this folder includes it, its unit
 * tests excepted. */
#ifndef CX_SQLITE_INTERNAL_H
#define CX_SQLITE_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/column.h"

#include <cdbc/driver.h>
#include <sqlite3.h>
#include <stdatomic.h>

#define CX_SQLITE_STATEMENTS_DEFAULT 64
#define CX_SQLITE_STATEMENTS_MAX     1000
#define CX_SQLITE_BUCKETS            128
#define CX_SQLITE_COLUMN_TYPE_MAX    128

/* What a statement's first words say of it: the command tag, and whether rows are counted. */
typedef enum cx_sqlite_verb {
	CX_SQLITE_OTHER,
	CX_SQLITE_SELECT, /* the tag counts rows */
	CX_SQLITE_INSERT,
	CX_SQLITE_CHANGE, /* UPDATE, DELETE */
	CX_SQLITE_BEGIN,
	CX_SQLITE_COMMIT,
	CX_SQLITE_ROLLBACK,    /* the whole transaction */
	CX_SQLITE_ROLLBACK_TO, /* a savepoint */
	CX_SQLITE_OUTSIDE /* cannot run, or does nothing, inside a transaction: VACUUM, PRAGMA, ATTACH,
						 DETACH */
} cx_sqlite_verb;

typedef struct cx_sqlite_tag {
	cx_sqlite_verb verb;
	char words[31]; /* "UPDATE", "CREATE TABLE" */
} cx_sqlite_tag;

/* A column as the statement declares it. */
typedef struct cx_sqlite_column {
	cx_field field;
	bool is_by_value; /* no declared type: the first batch decides */
	bool has_big;     /* ... and it holds a whole number that a double cannot */
} cx_sqlite_column;

typedef struct cx_sqlite_statement {
	sqlite3_stmt *handle;
	uint64_t id; /* 0: not kept */
	struct cx_sqlite_statement *bucket_next, *newer, *older;
	cx_sqlite_tag tag;
	/* Columns, made after the first step (SQLite may have prepared it anew) and kept while the
	 * three below agree. */
	size_t column_count;
	cx_sqlite_column *columns;
	cx_field *fields; /* what the present execution uses */
	cx_arena arena;   /* holds columns, fields and their strings */
	int prepared_count;
	cdbc_numeric_mode numeric;
	uint64_t hints_hash;
	bool has_columns, has_by_value;
	struct ArrowSchema
		schema; /* of schema_fields, which fields may have left behind; release NULL: not made */
	cx_field *schema_fields;
	/* The request's hints, copied. */
	cdbc_column_hint *hints;
	size_t hint_count;
	cx_arena hints_arena;
} cx_sqlite_statement;

/* One value, from a running statement or from the buffer of the first batch. type is SQLITE_INTEGER
 * and so on. */
typedef struct cx_sqlite_cell {
	int type;
	union {
		int64_t integer;
		double real;
	} as;
	const char *data; /* TEXT and BLOB */
	size_t length;
} cx_sqlite_cell;

typedef enum cx_sqlite_stage {
	CX_SQLITE_READY,   /* before the present request ran */
	CX_SQLITE_ROW,     /* a row waits in the statement */
	CX_SQLITE_BATCH,   /* cursor.first waits to be fetched */
	CX_SQLITE_FINISHED /* ended or failed */
} cx_sqlite_stage;

typedef struct cx_sqlite_cursor {
	struct cx_sqlite_conn *conn;
	const cdbc_request *requests; /* one: the copy below; several: in arena */
	cdbc_request only;
	size_t request_count;
	size_t request_next;
	cdbc_sync sync;
	cx_arena arena;
	const char *text_left; /* of a SIMPLE request: its statements to come */
	cx_sqlite_statement *statement;
	cdbc_error *early; /* an error of submit, told by next_result */
	cx_sqlite_stage stage;
	bool is_started;  /* the one request is prepared and bound already */
	bool is_implicit; /* a transaction of ours is open */
	bool is_stopped;  /* an error ended the batch */
	bool is_last;     /* nothing follows the present statement */
	struct ArrowArray first;
	bool has_more;     /* after first, a row waits */
	int64_t row_count; /* read from SQLite so far */
	int64_t batch_rows, batch_bytes, batch_ns;
	int64_t rows_hint;
	size_t bytes_hint;
	cdbc_summary summary;
} cx_sqlite_cursor;

typedef struct cx_sqlite_conn {
	sqlite3 *db;
	char *path;
	bool is_memory;
	bool is_read_only;
	bool is_busy;
	bool is_lost;
	bool is_tx_failed;        /* SQLite rolled the caller's transaction back by itself */
	bool is_deadline_hit;     /* the present call was stopped by its deadline */
	atomic_bool is_cancelled; /* cancel came during the present cursor */
	int64_t deadline_ns;      /* of the present call; read by SQLite's callbacks on this thread */
	cx_sqlite_cursor cursor;
	cx_buf scratch; /* first batches, arrays as JSON */
	/* kept statements */
	cx_sqlite_statement *buckets[CX_SQLITE_BUCKETS];
	cx_sqlite_statement *newest, *oldest;
	size_t kept_count, kept_max;
	cx_sqlite_statement loose; /* one that is not kept */
	/* settings to bring back by reset */
	char *pragmas; /* "PRAGMA a=b;PRAGMA c=d;" */
} cx_sqlite_conn;

/* error.c: makes *err of SQLite's last error on the connection, whose code is rc; sql, when not
 * NULL, is what a position refers to. */
cdbc_status cx_sqlite_fail(cx_sqlite_conn *conn, int rc, const char *sql, cdbc_error **err);

/* open.c */
void cx_sqlite_enter(cx_sqlite_conn *conn, int64_t deadline_ns);
/* Runs SQL of our own, without results. */
int cx_sqlite_exec(cx_sqlite_conn *conn, const char *sql);
cdbc_tx_state cx_sqlite_tx_state(const cx_sqlite_conn *conn);

/* statement.c: gives a prepared statement, kept or loose; *tail is what follows it in sql. A handle
 * NULL: only comments. */
cdbc_status cx_sqlite_statement_get(cx_sqlite_conn *conn, const cdbc_request *request,
									const char *sql, size_t length, const char **tail,
									cx_sqlite_statement **out, cdbc_error **err);
/* Ends its execution; a loose one is gone. */
void cx_sqlite_statement_put(cx_sqlite_conn *conn, cx_sqlite_statement *statement);
void cx_sqlite_statements_free(cx_sqlite_conn *conn);
/* True when sql holds nothing but space, comments and semicolons. */
bool cx_sqlite_is_blank(const char *sql);
void cx_sqlite_tag_read(const char *sql, cx_sqlite_tag *out);

/* bind.c */
cdbc_status cx_sqlite_bind(cx_sqlite_conn *conn, sqlite3_stmt *handle, const cdbc_request *request,
						   cdbc_error **err);

/* typing.c: the type of a declared column type; id UNKNOWN when the values decide. */
cdbc_type cx_sqlite_type_of(const char *declared);
cdbc_status cx_sqlite_statement_hints(cx_sqlite_statement *statement, const cdbc_request *request,
									  cdbc_error **err);
/* Makes or keeps the statement's columns. */
cdbc_status cx_sqlite_statement_columns(cx_sqlite_statement *statement, cdbc_numeric_mode numeric,
										cdbc_error **err);
/* Decides a by-value column: widens *field so that the cell fits. *has_big is its memory. False:
 * nothing holds both. */
bool cx_sqlite_widen(cx_field *field, bool *has_big, const cx_sqlite_cell *cell);
/* Makes statement->schema of statement->fields. */
cdbc_status cx_sqlite_statement_schema(cx_sqlite_statement *statement, cdbc_error **err);

/* cell.c */
void cx_sqlite_cell_read(sqlite3_stmt *handle, int column, cx_sqlite_cell *out);
/* Puts a cell into the open row; false when it does not fit the field's type (the batch's own
 * failures are seen in it). */
bool cx_sqlite_cell_put(cx_batch *batch, size_t column, const cx_field *field,
						const cx_sqlite_cell *cell);
/* The error of a cell that did not fit. row counts from 1. */
cdbc_status cx_sqlite_cell_mismatch(const cx_field *field, const cx_sqlite_cell *cell, int64_t row,
									cdbc_error **err);
/* The shortest text that reads back as the same number. */
size_t cx_sqlite_real_text(double number, char out[32]);

/* batch.c: reads rows of the running statement, the first of which waits, until a limit or the end.
 * *has_more: a row waits still. */
cdbc_status cx_sqlite_batch_read(cx_sqlite_cursor *cursor, struct ArrowArray *out, bool *has_more,
								 cdbc_error **err);
/* The same for the first batch of a statement with columns by value: it decides their types, then
 * there is a schema. */
cdbc_status cx_sqlite_batch_read_first(cx_sqlite_cursor *cursor, struct ArrowArray *out,
									   bool *has_more, cdbc_error **err);

/* cursor.c */
cdbc_status cx_sqlite_submit(void *conn, const cdbc_request *requests, size_t count, cdbc_sync sync,
							 int64_t deadline_ns, void **cursor, cdbc_summary *failed,
							 cdbc_error **err);
cdbc_status cx_sqlite_next_result(void *cursor, int64_t deadline_ns,
								  const struct ArrowSchema **schema, bool *has_result,
								  cdbc_error **err);
cdbc_status cx_sqlite_fetch(void *cursor, int64_t deadline_ns, struct ArrowArray *out,
							cdbc_error **err);
const cdbc_summary *cx_sqlite_summary(void *cursor);
void cx_sqlite_cursor_close(void *cursor, int64_t deadline_ns);

/* describe.c */
cdbc_status cx_sqlite_describe(void *conn, const cdbc_request *request, int64_t deadline_ns,
							   cdbc_description **out, cdbc_error **err);

#endif
