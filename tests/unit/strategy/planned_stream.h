// SPDX-License-Identifier: Apache-2.0
/* An Arrow stream of an application's own that goes as a test has planned, and counts what of it is
 * not released. Two columns: id int64, from 1, and name, which is "name". */
#ifndef TEST_PLANNED_STREAM_H
#define TEST_PLANNED_STREAM_H

#include <cdbc/cdbc.h>

#define PLAN_ROWS_MAX 64

/* What its streams are to do, and what is there of them. */
typedef struct stream_plan {
	int64_t batch_count, rows, offset; /* rows of each batch, the first of them skipped */
	int fails_at;                      /* the get_next that fails, from 1 */
	int error_code;
	const char *error_text, *format; /* format: of id */
	bool has_short_column, has_dictionary, fails_schema;
	int streams_now, arrays_now, schemas_now;
} stream_plan;

/* plan outlives it; inner (taken over): rows that come before its own, or NULL. */
struct ArrowArrayStream planned_stream(stream_plan *plan, cdbc_result *inner);

#endif
