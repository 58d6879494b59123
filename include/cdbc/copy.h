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

typedef struct cdbc_copy_options {
	size_t struct_size;
	bool has_header;    /* of bytes: the first line names the columns */
	int64_t chunk_rows; /* a transaction for each so many rows; 0: one for all, so that all are in
						   or none */
	int64_t skip_rows;  /* rows at the input's beginning that are in already */
	int64_t timeout_ms; /* of each wait for the server, not of the whole; 0: the session's */
	const char *source; /* what the input is called in messages; NULL: "input". Kept until free */
} cdbc_copy_options;

#define CDBC_COPY_OPTIONS_INIT                         \
	{                                                  \
		sizeof(cdbc_copy_options), true, 0, 0, 0, NULL \
	}

/* How far a copy has come. Rows are counted in the input, without its header. */
typedef struct cdbc_copy_summary {
	size_t struct_size;
	int64_t rows_read;      /* whole rows, those skipped included */
	int64_t rows_skipped;   /* by skip_rows */
	int64_t rows_committed; /* committed by this copy, for sure */
	int64_t rows_unknown; /* after them, of which nobody can tell: their commit was not answered */
	int64_t restart_row;  /* skip_rows of the copy that goes on: those of which it is sure */
} cdbc_copy_summary;

/* Opens a copy into a table, named as in SQL (`items`, `bank.items`, `"My Items"`). columns: as the
 * catalogue has them; NULL: those of the header, or all of the table in their order. In an open
 * transaction the copy is part of it, and chunk_rows must be 0; else it has its own. Until the
 * copy is freed or finished, the session does nothing else. options NULL: the defaults. Fails with
 * CDBC_USAGE, CDBC_NOMEM. Round trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_copy_in_open(cdbc_session *session, const char *table,
													  const char *const *columns,
													  size_t column_count,
													  const cdbc_copy_options *options,
													  cdbc_copy **out, cdbc_error **err);

/* Give rows. _csv: any bytes of a CSV input (RFC 4180), which may end anywhere: a value that is
 * empty and not quoted is NULL. _row: one row of values. A copy takes one of the two. A failure
 * ends the copy; the error names line or rows, its outcome says what became of them:
 * COMMITTED_PARTIAL when earlier chunks are in and nothing of this one, UNKNOWN when a commit was
 * not answered. Fail with CDBC_DATA (the input), CDBC_PARAM (a value), CDBC_SQL and as other
 * requests do. Round trips: three a chunk and none a row, where the database has COPY; else one a
 * row. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_copy_in_write_csv(cdbc_copy *copy, const void *bytes,
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
 * the caller's transaction: it has failed). Takes NULL. Releasing
 * the session aborts it too. */
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
 * the counts differ. Fail with CDBC_USAGE (no table's name; the statement gives no rows), as
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
