// SPDX-License-Identifier: Apache-2.0
/* Stores of batches: the block of a small batch that was released whole is kept for the next one of
 * the same columns. Building batches is in column.c. */
#include "base/alloc.h"
#include "base/column_block.h"

#define STORE_BYTES     64 /* of a text column, at first and at most */
#define STORE_BYTES_MAX ((size_t)1024)

#define SPARE_FREED ((cx_batch_block *)1) /* no block: the place is taken for good */

struct cx_batch_store {
	atomic_int refs;                 /* the owner's, and one a block */
	_Atomic(cx_batch_block *) spare; /* SPARE_FREED once the store was freed */
	atomic_size_t bytes;             /* to begin a text column with */
};

cx_batch_store *cx_batch_store_new(void)
{
	cx_batch_store *store = cx_calloc(1, sizeof *store);

	if (!store)
		return NULL;
	atomic_init(&store->refs, 1);
	atomic_init(&store->bytes, STORE_BYTES);
	return store;
}

static void store_unref(cx_batch_store *store)
{
	if (atomic_fetch_sub_explicit(&store->refs, 1, memory_order_acq_rel) == 1)
		cx_free(store);
}

void cx_batch_block_free(cx_batch_block *block)
{
	if (block->store)
		store_unref(block->store);
	cx_free(block);
}

void cx_batch_store_free(cx_batch_store *store)
{
	cx_batch_block *spare;

	if (!store)
		return;
	spare = atomic_exchange(&store->spare, SPARE_FREED);
	if (spare)
		cx_batch_block_free(spare);
	store_unref(store);
}

void cx_batch_block_keep(cx_batch_block *block)
{
	cx_batch_store *store = block->store;
	cx_batch_block *none = NULL;

	if (!atomic_compare_exchange_strong_explicit(&store->spare, &none, block, memory_order_release,
												 memory_order_relaxed))
		cx_batch_block_free(block); /* else it may be gone already */
}

static void block_again(cx_batch_block *block)
{
	for (size_t i = 0; i < block->column_count; i++) {
		cx_builder *c = &block->columns[i];

		c->bytes_length = 0;
		if (c->storage == CX_BOOL)
			*(uint8_t *)c->data = 0; /* CX_BATCH_STORE_ROWS bits */
	}
}

cdbc_status cx_batch_begin_stored(cx_batch *batch, cx_batch_store *store, const cx_field *fields,
								  size_t count, cdbc_error **err)
{
	cx_batch_block *block = atomic_load_explicit(&store->spare, memory_order_relaxed);
	cdbc_status status;

	if (block && atomic_compare_exchange_strong_explicit(
					 &store->spare, &block, NULL, memory_order_acquire, memory_order_relaxed)) {
		block_again(block);
		*batch = (cx_batch){.block = block,
							.columns = block->columns,
							.column_count = count,
							.row_capacity = CX_BATCH_STORE_ROWS};
		return CDBC_OK;
	}
	status = cx_batch_begin(batch, fields, count, CX_BATCH_STORE_ROWS,
							atomic_load_explicit(&store->bytes, memory_order_relaxed), err);
	if (status)
		return status;
	atomic_fetch_add_explicit(&store->refs, 1, memory_order_relaxed);
	batch->block->store = store;
	return CDBC_OK;
}

void cx_batch_store_learn(cx_batch_store *store, const cx_builder *c)
{
	size_t bytes = atomic_load_explicit(&store->bytes, memory_order_relaxed);

	while (bytes < c->bytes_length && bytes < STORE_BYTES_MAX)
		bytes *= 2;
	atomic_store_explicit(&store->bytes, bytes, memory_order_relaxed);
}
