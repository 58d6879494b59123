// SPDX-License-Identifier: Apache-2.0
/* The memory of a batch, shared by column.c and column_store.c only. */
#ifndef CX_COLUMN_BLOCK_H
#define CX_COLUMN_BLOCK_H

#include "base/column.h"

#include <stdatomic.h>

/* What a column becomes when the batch is finished. */
typedef struct array_part {
	struct ArrowArray array;
	cx_batch_block *block;
	struct ArrowArray *child; /* of a list */
	const void *buffers[3];
} array_part;

struct cx_batch_block {
	atomic_int refs;
	size_t column_count;
	array_part *parts; /* column_count, then those of the lists' items */
	struct ArrowArray **children;
	cx_builder *columns;
	const void *no_validity;
	cx_batch_store *store; /* where it goes back to; counted */
	bool
		is_filled; /* parts are what they were in a former batch, and so are the columns' buffers */
};

/* Frees a block that nobody refers to. */
void cx_batch_block_free(cx_batch_block *block);
/* Keeps a block that nobody refers to, in its store. It has no buffers of its own, and its parts
 * are as they were when it was finished. */
void cx_batch_block_keep(cx_batch_block *block);
/* A column outgrew its part of a block from a store. */
void cx_batch_store_learn(cx_batch_store *store, const cx_builder *column);

#endif
