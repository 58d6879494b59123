// SPDX-License-Identifier: Apache-2.0
/* The result inside: a cursor on batches that come from a source. Knows Arrow columns; not
 * connections, statements or strategies. */
#ifndef CX_RESULT_H
#define CX_RESULT_H

#include "base/buf.h"
#include "base/column.h"

#include <cdbc/driver.h>
#include <cdbc/result.h>

/* Where the batches come from. */
typedef struct cx_result_source {
	/* The next batch; out->release NULL at the end, and then the summary is complete. */
	cdbc_status (*fetch)(void *self, struct ArrowArray *out, cdbc_error **err);
	const cdbc_summary *(*summary)(void *self);
	/* The result refuses what came, by a limit of its own: the source judges *err and has ended but
	 * for its close. NULL: nothing to do. */
	void (*refuse)(void *self, cdbc_status status, cdbc_error **err);
	/* Ends the source. The result's memory may be gone when it returns. */
	void (*close)(void *self);
} cx_result_source;

typedef enum cx_result_state {
	CX_RESULT_OPEN,
	CX_RESULT_COMPLETE,
	CX_RESULT_FAILED,
	CX_RESULT_CLOSED
} cx_result_state;

typedef struct cx_export cx_export;

struct cdbc_result {
	const cx_result_source *source;
	void *self;
	const struct ArrowSchema *schema; /* NULL: no rows are returned; the source's */
	const cx_field *fields;
	size_t column_count;
	struct ArrowArray batch; /* release NULL: none */
	int64_t row;             /* in the batch; -1 before its first */
	int64_t row_count;       /* handed over */
	int64_t received_count;
	int64_t max_rows;     /* 0: no limit */
	int64_t promised_min; /* of the query's cardinality */
	int64_t promised_max; /* INT64_MAX: none */
	cx_result_state state;
	bool is_short;        /* a value could not be printed for lack of memory */
	cdbc_column *columns; /* made when asked for */
	cx_buf *texts;        /* a printed value for each column, likewise */
	cx_export *exported;
};

/* Makes an open result. schema may be NULL. It must be one of ours (cx_schema_fields). */
void cx_result_init(cdbc_result *result, const cx_result_source *source, void *self,
					const struct ArrowSchema *schema);
/* Frees what the result itself holds, not the source; an exported stream is cut off. */
void cx_result_fini(cdbc_result *result);
/* Gets the next batch ready, or the end; false at the end or on failure (state tells). */
bool cx_result_load(cdbc_result *result, cdbc_error **err);

/* Fails an open result by a limit of ours, not the source's. err as everywhere. */
cdbc_status cx_result_refuse(cdbc_result *result, cdbc_status status, cdbc_error *error,
							 cdbc_error **err);

/* Bytes that a batch's buffers take, children included; what was cut from its front still counts.
 */
int64_t cx_array_bytes(const struct ArrowArray *array, const struct ArrowSchema *schema);

/* For chunks.c. */
void cx_export_cut(cx_export *exported);

#endif
