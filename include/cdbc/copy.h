// SPDX-License-Identifier: Apache-2.0
/* Bulk copy: many rows into a table, from bytes of a format or from values, by the fastest way the
 * database has, with a count that must agree and a place to go on from; and a table's or a query's
 * rows out of it, into any format. */
#ifndef CDBC_COPY_H
#define CDBC_COPY_H

#include <cdbc/format.h>
#include <cdbc/session.h>

CDBC_BEGIN

typedef struct cdbc_copy cdbc_copy;

/* How rows get into the table. */
typedef enum cdbc_copy_method {
	CDBC_COPY_AUTO,  /* COPY on PostgreSQL, ROWS on CockroachDB, INSERT elsewhere */
	CDBC_COPY_COPY,  /* COPY ... FROM STDIN */
	CDBC_COPY_ROWS,  /* a thousand rows a statement, as arrays */
	CDBC_COPY_INSERT /* a prepared statement a row */
} cdbc_copy_method;

/* What becomes of a row that cannot be read, or that the database refuses (SQLSTATE classes 22, 23,
 * 44 and P0001; a trigger that keeps it out). */
typedef enum cdbc_copy_on_error {
	CDBC_COPY_STOP,  /* the copy fails */
	CDBC_COPY_REJECT /* it is left out and told; the others go in. Costs a savepoint each thousand
						rows, and about twenty statements a refused row */
} cdbc_copy_on_error;

/* How far a copy has come. Rows are counted in the input, without its header. */
typedef struct cdbc_copy_summary {
	size_t struct_size;
	int64_t rows_read;      /* whole rows, those skipped included */
	int64_t rows_skipped;   /* by skip_rows */
	int64_t rows_committed; /* committed by this copy, for sure */
	int64_t rows_unknown; /* after them, of which nobody can tell: their commit was not answered */
	int64_t restart_row;  /* skip_rows of the copy that goes on: those of which it is sure */
	int64_t rows_rejected;
} cdbc_copy_summary;

/* A row that was left out. All is borrowed for the call. */
typedef struct cdbc_copy_rejected {
	size_t struct_size;
	int64_t row;  /* in the input, from 1 */
	int64_t line; /* where it begins; 0: the format has no lines */
	cdbc_text
		text; /* its record as it stood, without the line end; of Arrow and of values: as TSV */
	const cdbc_error *error;
} cdbc_copy_rejected;

typedef struct cdbc_copy_options {
	size_t struct_size;
	bool has_header;    /* csv, tsv: the first line names the columns */
	int64_t chunk_rows; /* a transaction for each so many rows; 0: one for all, so that all are in
						   or none */
	int64_t skip_rows;  /* rows at the input's beginning that are in already */
	int64_t timeout_ms; /* of each wait for the server, not of the whole; 0: the session's */
	const char *source; /* what the input is called in messages; NULL: "input" */
	const char *format; /* csv, tsv, ndjson, arrow; NULL: csv */
	cdbc_copy_method method;
	cdbc_copy_on_error on_error;
	/* Told of each row that is left out; a failure ends the copy. NULL: nobody is told. */
	cdbc_status (*rejected)(void *data, const cdbc_copy_rejected *row, cdbc_error **err);
	/* Told how far it is, about each 64 KiB. NULL: nobody is. */
	void (*progress)(void *data, const cdbc_copy_summary *summary);
	void *data; /* of both */
} cdbc_copy_options;

#define CDBC_COPY_OPTIONS_INIT                                                                \
	{                                                                                         \
		sizeof(cdbc_copy_options), true, 0, 0, 0, NULL, NULL, CDBC_COPY_AUTO, CDBC_COPY_STOP, \
			NULL, NULL, NULL                                                                  \
	}

/* Opens a copy into a table, named as in SQL (`items`, `bank.items`, `"My Items"`). columns: as the
 * catalogue has them; NULL: those that the input names, or all of the table in their order. In an
 * open transaction that a call began the copy is part of it, and chunk_rows must be 0; else it has
 * its own. Until the copy is freed or finished, the session does nothing else, and
 * cdbc_session_cancel cancels the copy, also between two of its calls. What the options point to is
 * kept until then; NULL: the defaults. Fails with CDBC_USAGE, CDBC_UNSUPPORTED (a
 * format that is not read), CDBC_NOMEM. Round trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_copy_in_open(cdbc_session *session, const char *table,
													  const char *const *columns,
													  size_t column_count,
													  const cdbc_copy_options *options,
													  cdbc_copy **out, cdbc_error **err);

/* Give rows. _write: any bytes of the input, which may end anywhere. csv is RFC 4180's, where a
 * value that is empty and not quoted is NULL; tsv is COPY's text; ndjson one object a line, whose
 * columns, when none are given, are those that the first object names; arrow
 * an IPC stream of the types of the type table, whose arrays, dates and others come out as they
 * went in. _row: one row of values. A copy takes one of the two. A failure ends the copy; the error
 * names the row, and of text its line (cdbc_error_line, with CDBC_FIELD_FILE) as far as the
 * database says which it was; its outcome says what became of all: COMMITTED_PARTIAL when earlier
 * chunks are in and nothing of this one, UNKNOWN when a commit was not answered. Fail with
 * CDBC_DATA (the input), CDBC_PARAM (a value), CDBC_SQL and as other requests do. Round trips:
 * three a chunk and none a row with COPY; three a thousand rows as ROWS; else one a row. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_copy_in_write(cdbc_copy *copy, const void *bytes,
													   size_t length, cdbc_error **err);
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_copy_in_write_row(cdbc_copy *copy,
														   const cdbc_value *values, size_t count,
														   cdbc_error **err);

/* The input's end: what is open is committed. The rows that the server says it took must be those
 * that were sent, or nothing of the last chunk is kept (CDBC_DATA). *summary may be NULL. Fails as
 * the writes do. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_copy_in_finish(cdbc_copy *copy, cdbc_copy_summary *summary,
														cdbc_error **err);

/* How far it has come, also after a failure. */
CDBC_API void cdbc_copy_in_summary(const cdbc_copy *copy, cdbc_copy_summary *out);

/* Frees the copy; one that was not finished is aborted: what is not committed is rolled back (in
 * the caller's transaction: it has failed). Takes NULL. Releasing the session aborts it too. */
CDBC_API void cdbc_copy_in_free(cdbc_copy *copy);

/* ---- out ---- */

typedef struct cdbc_copy_out_options {
	size_t struct_size;
	const cdbc_format_options *format_options; /* NULL: the defaults */
	int64_t timeout_ms; /* of each wait for the server, not of the whole; 0: the session's */
	void (*progress)(void *data, int64_t row_count); /* after each batch; NULL: nobody asks */
	void *progress_data;
} cdbc_copy_out_options;

#define CDBC_COPY_OUT_OPTIONS_INIT                         \
	{                                                      \
		sizeof(cdbc_copy_out_options), NULL, 0, NULL, NULL \
	}

/* Write a table's rows (named as for cdbc_copy_in_open; column_count 0: all its columns), or those
 * of a query, through a format into a sink; memory does not grow with the rows. The rows that went
 * out must be as many as the server says there were (CDBC_DATA). *row_count may be NULL. In an open
 * transaction they are read in it. What was written when it fails lacks its end, except where only
 * the counts differ. Fail with CDBC_USAGE (no table's name; the statement gives no rows: a write
 * without RETURNING is not sent, of others the outcome says that they were done), as
 * cdbc_session_query and cdbc_result_write do. Round trips: one; two the first time a connection
 * sees the statement. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_copy_out_table(
	cdbc_session *session, const char *table, const char *const *columns, size_t column_count,
	const cdbc_format *format, const cdbc_copy_out_options *options, const cdbc_sink *sink,
	int64_t *row_count, cdbc_error **err);
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_copy_out_query(cdbc_session *session, const char *sql,
														cdbc_params params,
														const cdbc_format *format,
														const cdbc_copy_out_options *options,
														const cdbc_sink *sink, int64_t *row_count,
														cdbc_error **err);

CDBC_END
#endif
