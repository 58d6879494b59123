// SPDX-License-Identifier: Apache-2.0
/* A result kept in memory whole, and views of it: what is handed out shares the rows, which nobody
 * changes, and is released on its own. Knows Arrow columns; not what a result is kept for. */
#ifndef CX_KEPT_H
#define CX_KEPT_H

#include "data/result/result.h"

#include <stdatomic.h>

/* Counted. Filled by one thread, then read by any. */
typedef struct cx_kept {
	atomic_int refs;
	struct ArrowSchema schema; /* release NULL: no rows are returned */
	struct ArrowArray *batches;
	void *block; /* once packed: what batches and all they point to stand in */
	size_t count, capacity;
	size_t node_count; /* arrays and their children, of all batches */
	int64_t bytes;     /* what it takes; before it is packed, roughly and without spare room */
	int64_t affected_count;
	char tag[64];
} cx_kept;

cx_kept *cx_kept_new(void);        /* NULL: out of memory */
void cx_kept_unref(cx_kept *kept); /* takes NULL; any thread */
static inline cx_kept *cx_kept_ref(cx_kept *kept)
{
	atomic_fetch_add_explicit(&kept->refs, 1, memory_order_relaxed);
	return kept;
}

typedef enum cx_kept_fill {
	CX_KEPT_ALL,    /* the result was read to its end */
	CX_KEPT_PART,   /* memory is short: what was taken is here, the rest still in the result */
	CX_KEPT_LARGE,  /* the same: it takes more than max_bytes */
	CX_KEPT_FAILED, /* so has the result */
} cx_kept_fill;

/* Takes the batches of a result of which nothing was taken. What was got is not lost whatever
 * happens. err is not NULL. */
cx_kept_fill cx_kept_take(cx_kept *kept, cdbc_result *result, int64_t max_bytes, cdbc_error **err);

/* What one reader sees. Keeps the rows alive, and so does every batch got of it. */
typedef struct cx_kept_view cx_kept_view;

/* What was read to its end is moved into one block that it fills, and seen for the first time.
 * NULL: out of memory, or columns that are none of ours; then the batches are as they were. */
cx_kept_view *cx_kept_pack(cx_kept *kept);
/* Of what is packed. NULL: out of memory. */
cx_kept_view *cx_kept_view_new(cx_kept *kept);
void cx_kept_view_free(cx_kept_view *view); /* takes NULL */
/* The next batch, the caller's to release; release NULL at the end. Cannot fail. */
void cx_kept_view_next(cx_kept_view *view, struct ArrowArray *out);

#endif
