// SPDX-License-Identifier: Apache-2.0
/* The batch builder. Schemas are in schema.c. A batch's block is shared by the struct array and its
 * children, which may be moved away and released on their own: it is counted. */
#include "base/column_block.h"

#include "base/alloc.h"
#include "base/error.h"

#define OWNS_VALIDITY 1u
#define OWNS_DATA     2u
#define OWNS_BYTES    4u
#define BYTES_MAX     ((size_t)INT32_MAX)

static const uint8_t widths[CX_STORAGE_COUNT] = {
	[CX_BOOL] = 0,        [CX_INT16] = 2,     [CX_INT32] = 4,  [CX_INT64] = 8,
	[CX_FLOAT32] = 4,     [CX_FLOAT64] = 8,   [CX_UTF8] = 0,   [CX_BINARY] = 0,
	[CX_DECIMAL128] = 16, [CX_DATE32] = 4,    [CX_TIME64] = 8, [CX_TIMESTAMP] = 8,
	[CX_TIMESTAMPTZ] = 8, [CX_INTERVAL] = 16, [CX_UUID] = 16,  [CX_LIST] = 0};

static bool has_bytes(cx_storage storage)
{
	return storage == CX_UTF8 || storage == CX_BINARY;
}

static bool has_offsets(cx_storage storage)
{
	return has_bytes(storage) || storage == CX_LIST;
}

/* Bytes of the data buffer for so many rows. */
static size_t data_size(const cx_builder *c, int64_t rows)
{
	if (c->storage == CX_BOOL)
		return ((size_t)rows + 7) / 8;
	if (has_offsets(c->storage))
		return ((size_t)rows + 1) * sizeof(int32_t);
	return (size_t)rows * c->width;
}

static size_t align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* ---- begin
 * --------------------------------------------------------------------------------------------------
 */

/* Bytes of the data buffer for so many rows, aligned; a single row is what most batches are for. */
static inline size_t first_size(cx_storage storage, int64_t rows)
{
	cx_builder probe;

	if (rows == 1)
		return widths[storage] == 16 ? 16 : 8;
	probe.storage = storage;
	probe.width = widths[storage];
	return align8(data_size(&probe, rows));
}

/* What the columns begin with, besides the block's head; *lists counts the lists. */
static size_t first_sizes(const cx_field *fields, size_t count, int64_t rows, size_t bytes_each,
						  size_t *lists)
{
	size_t need = 0, n = 0;

	for (size_t i = 0; i < count; i++) {
		cx_storage storage = fields[i].storage;

		need += first_size(storage, rows) + (has_bytes(storage) ? bytes_each : 0);
		n += storage == CX_LIST;
	}
	*lists = n;
	return need;
}

/* Begins a column with memory at `at`; returns where the next one's is. */
static inline char *column_init(cx_builder *c, cx_storage storage, int64_t rows, size_t bytes_each,
								char *at)
{
	size_t size = first_size(storage, rows);

	*c = (cx_builder){.storage = storage, .width = widths[storage], .data = at};
	if (storage == CX_BOOL)
		memset(at, 0, size);
	else if (has_offsets(storage))
		*(int32_t *)c->data = 0;
	if (has_bytes(storage)) {
		c->bytes = at + size;
		c->bytes_capacity = bytes_each;
		size += bytes_each;
	}
	return at + size;
}

cdbc_status cx_batch_begin(cx_batch *batch, const cx_field *fields, size_t count, int64_t row_hint,
						   size_t bytes_hint, cdbc_error **err)
{
	int64_t rows = row_hint < 1 ? 1 : row_hint;
	size_t bytes_each = align8(bytes_hint), lists,
		   need = first_sizes(fields, count, rows, bytes_each, &lists);
	size_t parts = count + lists;
	size_t head = sizeof(cx_batch_block) + parts * (sizeof(array_part) + sizeof(cx_builder)) +
				  count * sizeof(void *);
	cx_batch_block *block = cx_alloc(head + need);
	cx_builder *columns, *item;
	char *at;

	if (!block)
		return cx_error_nomem(err);
	block->parts = (array_part *)(block + 1);
	block->columns = columns = (cx_builder *)(block->parts + parts);
	block->children = (struct ArrowArray **)(columns + parts);
	block->column_count = count;
	block->no_validity = NULL;
	block->store = NULL;
	block->is_filled = false;
	atomic_init(&block->refs, 1);
	at = (char *)block + head;
	item = columns + count;
	for (size_t i = 0; i < count; i++) {
		at = column_init(&columns[i], fields[i].storage, rows, bytes_each, at);
		if (fields[i].storage == CX_LIST) {
			*item = (cx_builder){.storage = fields[i].item, .width = widths[fields[i].item]};
			columns[i].item = item++;
		}
	}
	*batch =
		(cx_batch){.block = block, .columns = columns, .column_count = count, .row_capacity = rows};
	return CDBC_OK;
}

/* ---- growing
 * ------------------------------------------------------------------------------------------------
 */

/* Moves a buffer to memory of its own with a new size. */
static bool regrow(void **buffer, uint8_t *owned, uint8_t bit, size_t old_size, size_t new_size)
{
	void *grown;

	if (*owned & bit) {
		grown = cx_realloc(*buffer, new_size);
	} else {
		grown = cx_alloc(new_size);
		if (grown && old_size)
			memcpy(grown, *buffer, old_size);
	}
	if (!grown)
		return false;
	*buffer = grown;
	*owned = (uint8_t)(*owned | bit);
	return true;
}

static bool column_grow(cx_builder *c, int64_t old_rows, int64_t new_rows)
{
	size_t old_size = c->data ? data_size(c, old_rows) : 0, new_size = data_size(c, new_rows);
	size_t old_bits = ((size_t)old_rows + 7) / 8, new_bits = ((size_t)new_rows + 7) / 8;

	if (!regrow(&c->data, &c->owned, OWNS_DATA, old_size, new_size))
		return false;
	if (c->storage == CX_BOOL)
		memset((char *)c->data + old_size, 0, new_size - old_size);
	if (c->validity) {
		void *validity = c->validity;

		if (!regrow(&validity, &c->owned, OWNS_VALIDITY, old_bits, new_bits))
			return false;
		c->validity = validity;
		memset(c->validity + old_bits, 0xff, new_bits - old_bits);
	}
	return true;
}

bool cx_batch_grow(cx_batch *batch)
{
	int64_t rows = batch->row_capacity * 2;

	if (batch->has_failed)
		return false;
	if (rows < 64)
		rows = 64;
	for (size_t i = 0; i < batch->column_count; i++) {
		if (!column_grow(&batch->columns[i], batch->row_capacity, rows)) {
			batch->has_failed = true;
			return false;
		}
	}
	batch->row_capacity = rows;
	return true;
}

/* Makes the bitmap when the first NULL comes, all valid. */
static bool need_validity(cx_builder *c, int64_t rows)
{
	size_t size = ((size_t)rows + 7) / 8;

	if (c->validity)
		return true;
	c->validity = cx_alloc(size);
	if (!c->validity)
		return false;
	memset(c->validity, 0xff, size);
	c->owned |= OWNS_VALIDITY;
	return true;
}

static void column_null(cx_builder *c, int64_t at)
{
	c->validity[at >> 3] = (uint8_t)(c->validity[at >> 3] & ~(1u << (at & 7)));
	c->null_count++;
	if (c->storage == CX_LIST)
		((int32_t *)c->data)[at + 1] = (int32_t)c->item_length;
	else if (has_bytes(c->storage))
		((int32_t *)c->data)[at + 1] = (int32_t)c->bytes_length;
	else if (c->storage != CX_BOOL)
		memset((char *)c->data + (size_t)at * c->width, 0, c->width);
}

void cx_batch_set_null(cx_batch *batch, size_t column)
{
	cx_builder *c = &batch->columns[column];

	if (!need_validity(c, batch->row_capacity))
		batch->has_failed = true;
	else
		column_null(c, cx_batch_at(batch));
}

/* Room for n more bytes; false when it failed. */
static bool bytes_room(cx_batch *batch, cx_builder *c, size_t n)
{
	size_t need, capacity;
	void *bytes = c->bytes;

	if (__builtin_add_overflow(c->bytes_length, n, &need) || need > BYTES_MAX) {
		batch->is_over = batch->has_failed = true;
		return false;
	}
	if (need <= c->bytes_capacity)
		return true;
	capacity = c->bytes_capacity < 256 ? 512 : c->bytes_capacity * 2;
	if (capacity < need)
		capacity = need;
	if (!regrow(&bytes, &c->owned, OWNS_BYTES, c->bytes_length, capacity)) {
		batch->has_failed = true;
		return false;
	}
	c->bytes = bytes;
	c->bytes_capacity = capacity;
	return true;
}

char *cx_batch_put_room(cx_batch *batch, size_t column, size_t n)
{
	cx_builder *c = &batch->columns[column];
	char *room;

	if (!bytes_room(batch, c, n)) {
		((int32_t *)c->data)[batch->row_count] = (int32_t)c->bytes_length;
		return NULL;
	}
	room = c->bytes + c->bytes_length;
	c->bytes_length += n;
	((int32_t *)c->data)[batch->row_count] = (int32_t)c->bytes_length;
	return room;
}

/* ---- lists
 * --------------------------------------------------------------------------------------------------
 */

void cx_batch_list_begin(cx_batch *batch, size_t column)
{
	cx_builder *c = &batch->columns[column];

	((int32_t *)c->data)[batch->row_count] = (int32_t)c->item_length;
}

/* Opens one item in a list's child. */
static cx_builder *item_open(cx_batch *batch, size_t column)
{
	cx_builder *c = &batch->columns[column], *item = c->item;

	if (batch->has_failed)
		return NULL;
	if (c->item_length == INT32_MAX) {
		batch->is_over = batch->has_failed = true;
		return NULL;
	}
	if (c->item_length == c->item_capacity) {
		int64_t capacity = c->item_capacity ? c->item_capacity * 2 : 16;
		bool is_first = c->item_capacity == 0;

		if (!column_grow(item, is_first ? 0 : c->item_capacity, capacity)) {
			batch->has_failed = true;
			return NULL;
		}
		if (is_first && has_offsets(item->storage))
			((int32_t *)item->data)[0] = 0;
		c->item_capacity = capacity;
	}
	c->item_length++;
	((int32_t *)c->data)[batch->row_count] = (int32_t)c->item_length;
	return item;
}

void cx_batch_item_null(cx_batch *batch, size_t column)
{
	cx_builder *c = &batch->columns[column], *item = item_open(batch, column);

	if (!item)
		return;
	if (!need_validity(item, c->item_capacity))
		batch->has_failed = true;
	else
		column_null(item, c->item_length - 1);
}

void cx_batch_item_put(cx_batch *batch, size_t column, const void *bytes, size_t n)
{
	cx_builder *c = &batch->columns[column], *item = item_open(batch, column);
	int64_t at = c->item_length - 1;

	if (!item)
		return;
	if (item->storage == CX_BOOL) {
		uint8_t *bits = item->data;

		if (*(const char *)bytes)
			bits[at >> 3] = (uint8_t)(bits[at >> 3] | 1u << (at & 7));
	} else if (has_bytes(item->storage)) {
		if (bytes_room(batch, item, n)) {
			if (n)
				memcpy(item->bytes + item->bytes_length, bytes, n);
			item->bytes_length += n;
		}
		((int32_t *)item->data)[at + 1] = (int32_t)item->bytes_length;
	} else {
		memcpy((char *)item->data + (size_t)at * item->width, bytes, item->width);
	}
}

/* ---- taking back
 * -------------------------------------------------------------------------------------------- */

static void column_unset(cx_builder *c, int64_t at)
{
	if (c->validity && !(c->validity[at >> 3] >> (at & 7) & 1)) {
		c->validity[at >> 3] = (uint8_t)(c->validity[at >> 3] | 1u << (at & 7));
		c->null_count--;
	}
	if (c->storage == CX_BOOL) {
		uint8_t *bits = c->data;

		bits[at >> 3] = (uint8_t)(bits[at >> 3] & ~(1u << (at & 7)));
	} else if (has_bytes(c->storage)) {
		c->bytes_length = (size_t)((int32_t *)c->data)[at];
	}
}

void cx_batch_unrow(cx_batch *batch)
{
	int64_t at = --batch->row_count;

	for (size_t i = 0; i < batch->column_count; i++) {
		cx_builder *c = &batch->columns[i];

		if (c->storage == CX_LIST)
			for (int64_t first = ((int32_t *)c->data)[at]; c->item_length > first; c->item_length--)
				column_unset(c->item, c->item_length - 1);
		column_unset(c, at);
	}
}

/* ---- handing over
 * ------------------------------------------------------------------------------------------- */

static void block_unref(cx_batch_block *block, int refs)
{
	if (atomic_fetch_sub_explicit(&block->refs, refs, memory_order_acq_rel) == refs)
		cx_batch_block_free(block);
}

static inline void column_release(cx_builder *c)
{
	if (!c->owned)
		return;
	if (c->owned & OWNS_VALIDITY)
		cx_free(c->validity);
	if (c->owned & OWNS_DATA)
		cx_free(c->data);
	if (c->owned & OWNS_BYTES)
		cx_free(c->bytes);
	c->owned = 0;
}

/* private_data is the part, which stays in the block even when the array was moved elsewhere. */
static void release_part(struct ArrowArray *array)
{
	array_part *part = array->private_data;

	for (int64_t i = 0; i < array->n_children; i++)
		if (array->children[i]->release)
			array->children[i]->release(array->children[i]);
	column_release(&part->block->columns[part - part->block->parts]);
	array->release = NULL;
	block_unref(part->block, 1);
}

/* Children that are still in their place go at once, with one count. */
static void release_batch(struct ArrowArray *array)
{
	cx_batch_block *block = array->private_data;
	bool is_clean = block->store != NULL;
	int refs = 1;

	for (size_t i = 0; i < block->column_count; i++) {
		struct ArrowArray *child = array->children[i];

		if (child->release == release_part && child->n_children == 0 &&
			child->private_data == &block->parts[i]) {
			is_clean = is_clean && !block->columns[i].owned;
			column_release(&block->columns[i]);
			child->release = NULL;
			refs++;
		} else if (child->release) {
			child->release(child);
		}
	}
	array->release = NULL;
	if (is_clean && refs == (int)block->column_count + 1 &&
		atomic_load_explicit(&block->refs, memory_order_acquire) == refs)
		cx_batch_block_keep(block);
	else
		block_unref(block, refs);
}

static inline void part_fill(cx_batch_block *block, size_t index, int64_t length)
{
	array_part *part = &block->parts[index];
	cx_builder *c = &block->columns[index];
	struct ArrowArray *array = &part->array;
	static const int32_t no_offsets[1] = {0};

	part->block = block;
	part->buffers[0] = c->null_count ? c->validity : NULL;
	part->buffers[1] = c->data;
	part->buffers[2] = c->bytes;
	if (!c->data && has_offsets(c->storage))
		part->buffers[1] = no_offsets;
	if (!c->bytes && has_bytes(c->storage))
		part->buffers[2] = no_offsets;
	*array = (struct ArrowArray){.length = length,
								 .null_count = c->null_count,
								 .n_buffers = has_bytes(c->storage) ? 3 : 2,
								 .buffers = part->buffers,
								 .release = release_part,
								 .private_data = part};
}

cdbc_status cx_batch_finish(cx_batch *batch, struct ArrowArray *out, cdbc_error **err)
{
	cx_batch_block *block = batch->block;
	size_t count = batch->column_count, parts = count;
	cdbc_status status = CDBC_OK;

	if (__builtin_expect(batch->has_failed, 0)) {
		status = cx_batch_status(batch, err);
		cx_batch_discard(batch);
		return status;
	}
	for (size_t i = 0; i < count; i++) {
		cx_builder *c = &batch->columns[i];

		if (block->is_filled && !c->owned) {
			struct ArrowArray *array = &block->parts[i].array;

			array->length = batch->row_count;
			array->offset = 0;
			array->release = release_part;
			continue;
		}
		if (block->store && c->owned)
			cx_batch_store_learn(block->store, c);
		part_fill(block, i, batch->row_count);
		block->children[i] = &block->parts[i].array;
		if (c->item) {
			array_part *part = &block->parts[i];
			size_t item = (size_t)(c->item - block->columns);

			part_fill(block, item, c->item_length);
			part->child = &block->parts[item].array;
			part->array.n_children = 1;
			part->array.children = &part->child;
			parts++;
		}
	}
	block->is_filled = block->store && parts == count;
	atomic_store_explicit(&block->refs, (int)parts + 1, memory_order_relaxed);
	*out = (struct ArrowArray){.length = batch->row_count,
							   .n_buffers = 1,
							   .n_children = (int64_t)count,
							   .buffers = &block->no_validity,
							   .children = block->children,
							   .release = release_batch,
							   .private_data = block};
	memset(batch, 0, sizeof *batch);
	return CDBC_OK;
}

void cx_batch_discard(cx_batch *batch)
{
	if (!batch->block)
		return;
	for (size_t i = 0; i < batch->column_count; i++) {
		if (batch->columns[i].item)
			column_release(batch->columns[i].item);
		column_release(&batch->columns[i]);
	}
	cx_batch_block_free(batch->block);
	memset(batch, 0, sizeof *batch);
}

cdbc_status cx_batch_status(const cx_batch *batch, cdbc_error **err)
{
	if (batch->is_over)
		return cx_error_set(err, CDBC_RESOURCE, "more than 2 GiB in one column of a batch");
	if (batch->has_failed)
		return cx_error_nomem(err);
	return CDBC_OK;
}
