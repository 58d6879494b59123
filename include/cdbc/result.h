// SPDX-License-Identifier: Apache-2.0
/* Results: rows as views on columns, whole batches, and Arrow. One thread at a time. */
#ifndef CDBC_RESULT_H
#define CDBC_RESULT_H

#include <cdbc/arrow.h>
#include <cdbc/error.h>
#include <cdbc/value.h>

CDBC_BEGIN

/* A column of a result; borrowed from it, valid until the result is freed. */
typedef struct cdbc_column {
	const char *name;
	const char *sql_type; /* the database's word for it: "numeric(10,2)" */
	const char *format;   /* Arrow's: "l", "u", "tsu:UTC" */
	cdbc_type type;
} cdbc_column;

/* Moves to the next row. False at the end and on failure: cdbc_result_is_complete tells which, and
 * *err says why. Values got from the row before become invalid. Waits for the server at most until
 * the request's deadline, which the time between batches that is the caller's does not count
 * against. Fails with CDBC_SQL, CDBC_CONNECT, CDBC_TIMEOUT, CDBC_CANCELLED, CDBC_RESOURCE
 * (max-rows), CDBC_DATA, CDBC_NOMEM. Round trips: none beyond the request's own. */
CDBC_API bool cdbc_result_next(cdbc_result *result, cdbc_error **err);

/* True once the database's last word was read and it was success: everything was handed over. */
CDBC_API bool cdbc_result_is_complete(const cdbc_result *result);

/* Rows handed over so far. */
CDBC_API int64_t cdbc_result_row_count(const cdbc_result *result);

/* Rows that the statement changed; -1 when it has no such number. Known once the result is
 * complete. */
CDBC_API int64_t cdbc_result_affected_count(const cdbc_result *result);

/* The database's command tag ("UPDATE 1"), "" before the end. Borrowed. */
CDBC_API const char *cdbc_result_tag(const cdbc_result *result);

/* Columns of a row; 0 when the statement returns none. */
CDBC_API size_t cdbc_result_column_count(const cdbc_result *result);
/* NULL when index is out of range, or memory is short. */
CDBC_API const cdbc_column *cdbc_result_column(const cdbc_result *result, size_t index);
/* Finds a column by its exact name, the first where several share it. False: there is none. */
CDBC_API bool cdbc_result_find_column(const cdbc_result *result, const char *name, size_t *index);

/* The present row's values. column out of range, or no present row, reads as NULL. int64 of a whole
 * numeric or text has all its digits, of a date its days and of a time or timestamp its
 * microseconds since 1970 (UTC) or midnight. What does not fit the asked type is 0 (a text that is
 * no number), rounded (a fraction) or the nearest there is: look at the column's type, or use text.
 */
CDBC_API bool cdbc_result_is_null(const cdbc_result *result, size_t column);
CDBC_API bool cdbc_result_bool(const cdbc_result *result, size_t column);
CDBC_API int64_t cdbc_result_int64(const cdbc_result *result, size_t column);
CDBC_API double cdbc_result_double(const cdbc_result *result, size_t column);
/* The value's text as CSV prints it; of text, JSON and bytes: the bytes themselves, not copied.
 * NULL reads as "". Valid until the next next, take or free; asking for another column does not end
 * it. When memory is too short to print it, it is "" and the result ends with CDBC_NOMEM after the
 * present batch, never complete. */
CDBC_API cdbc_text cdbc_result_text(cdbc_result *result, size_t column);

/* The present row as a dictionary: a name and a value for each column, in their order. items has
 * room for cdbc_result_column_count of them. Fails with CDBC_NOMEM (a value had to be printed). */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_result_row(cdbc_result *result, cdbc_param *items,
													cdbc_error **err);

/* Hands over the next whole batch (after rows read by next: what is left of the present one). The
 * caller releases it. out->release is NULL at the end. Errors as cdbc_result_next. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_result_take(cdbc_result *result, struct ArrowArray *out,
													 cdbc_error **err);

/* Gives a copy of the schema, a struct of the columns; the caller releases it. An empty struct when
 * no rows are returned. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_result_schema(const cdbc_result *result,
													   struct ArrowSchema *out, cdbc_error **err);

/* Hands the remaining rows over as an Arrow stream, which keeps the session's connection until its
 * end or release; releasing the session first ends the stream with an error. The result itself may
 * be freed at once. One thread at a time. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_result_export_arrow(cdbc_result *result,
															 struct ArrowArrayStream *out,
															 cdbc_error **err);

/* A whole result in memory, kept in chunks. */
typedef struct cdbc_chunks {
	struct ArrowSchema schema;
	struct ArrowArray *items;
	size_t count;
	int64_t row_count;
} cdbc_chunks;

/* Reads all that is left. max_bytes bounds the memory (0: no bound), else CDBC_RESOURCE and the
 * result is over. Other errors as cdbc_result_next. Free with cdbc_chunks_clear. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_result_collect(cdbc_result *result, int64_t max_bytes,
														cdbc_chunks *out, cdbc_error **err);
/* Takes NULL. */
CDBC_API void cdbc_chunks_clear(cdbc_chunks *chunks);

/* Frees the result. What was not read is cancelled and drained within bounds. Takes NULL. Round
 * trips: none when it was read to its end, else one or two. */
CDBC_API void cdbc_result_free(cdbc_result *result);

CDBC_END
#endif
