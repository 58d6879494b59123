// SPDX-License-Identifier: Apache-2.0
/* Kept results, and the arrays of their views: structs of their own over buffers that are shared.
 */
#include "data/result/kept.h"

#include "base/alloc.h"
#include "base/error.h"

#define BUFFERS_MAX 3
#define NODE_BYTES  144 /* what an array takes besides its buffers, roughly */
#define BLOCK_BYTES 16  /* what a block takes of the allocator's own */

/* ---- the rows ---- */

cx_kept *cx_kept_new(void)
{
	cx_kept *kept = cx_calloc(1, sizeof *kept);

	if (!kept)
		return NULL;
	atomic_init(&kept->refs, 1);
	kept->bytes = (int64_t)sizeof *kept;
	kept->affected_count = -1;
	return kept;
}

static void free_batches(struct ArrowArray *batches, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (batches[i].release)
			batches[i].release(&batches[i]);
	cx_free(batches);
}

void cx_kept_unref(cx_kept *kept)
{
	if (!kept || atomic_fetch_sub_explicit(&kept->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (kept->block)
		cx_free(kept->block);
	else
		free_batches(kept->batches, kept->count);
	if (kept->schema.release)
		kept->schema.release(&kept->schema);
	cx_free(kept);
}

static int64_t text_bytes(const char *text)
{
	return text ? (int64_t)strlen(text) + 1 + BLOCK_BYTES : 0;
}

static int64_t metadata_bytes(const char *metadata)
{
	const char *at = metadata;
	int32_t count, length;

	if (!metadata)
		return 0;
	memcpy(&count, at, sizeof count);
	at += sizeof count;
	for (int64_t i = 0; i < (int64_t)count * 2; i++) {
		memcpy(&length, at, sizeof length);
		at += sizeof length + (size_t)length;
	}
	return at - metadata + BLOCK_BYTES;
}

static int64_t schema_bytes(const struct ArrowSchema *schema)
{
	int64_t bytes = (int64_t)(sizeof *schema + sizeof(void *) + sizeof(cx_field)) + BLOCK_BYTES +
					text_bytes(schema->name) + text_bytes(schema->format) +
					metadata_bytes(schema->metadata);

	for (int64_t i = 0; i < schema->n_children; i++)
		bytes += schema_bytes(schema->children[i]);
	return bytes;
}

static size_t count_nodes(const struct ArrowArray *array)
{
	size_t count = 1;

	for (int64_t i = 0; i < array->n_children; i++)
		count += count_nodes(array->children[i]);
	return count;
}

static void add(cx_kept *kept, const struct ArrowArray *batch)
{
	size_t nodes = count_nodes(batch);

	kept->batches[kept->count++] = *batch;
	kept->node_count += nodes;
	kept->bytes += cx_array_bytes(batch, &kept->schema) + (int64_t)nodes * NODE_BYTES;
}

cx_kept_fill cx_kept_take(cx_kept *kept, cdbc_result *result, int64_t max_bytes, cdbc_error **err)
{
	if (result->schema && cx_schema_copy(result->schema, &kept->schema, NULL))
		return CX_KEPT_PART;
	if (kept->schema.release)
		kept->bytes += schema_bytes(&kept->schema);
	while (kept->bytes <= max_bytes) {
		struct ArrowArray batch;

		if (!cx_grow(&kept->batches, kept->count, &kept->capacity, sizeof *kept->batches))
			return CX_KEPT_PART;
		if (cdbc_result_take(result, &batch, err))
			return CX_KEPT_FAILED;
		if (!batch.release) {
			kept->affected_count = cdbc_result_affected_count(result);
			memcpy(kept->tag, result->source->summary(result->self)->tag, sizeof kept->tag);
			return CX_KEPT_ALL;
		}
		add(kept, &batch);
	}
	return CX_KEPT_LARGE;
}

/* ---- packing ---- */

/* Writes into a block from its beginning, or only counts. */
typedef struct packer {
	char *block; /* NULL: only count */
	size_t used;
} packer;

/* Room for so many bytes, with a copy of them in it when there are any. NULL when counting. */
static void *put(packer *p, const void *bytes, size_t n)
{
	char *at = p->block ? p->block + p->used : NULL;

	p->used += (n + 7) / 8 * 8;
	if (at && bytes && n)
		memcpy(at, bytes, n);
	return at;
}

static size_t width_of(cx_storage storage)
{
	switch (storage) {
	case CX_INT16:
		return 2;
	case CX_INT32:
	case CX_FLOAT32:
	case CX_DATE32:
		return 4;
	case CX_DECIMAL128:
	case CX_INTERVAL:
	case CX_UUID:
		return 16;
	default:
		return 8;
	}
}

static size_t buffer_bytes(cx_storage storage, const struct ArrowArray *array, int64_t i)
{
	size_t end = (size_t)(array->offset + array->length);

	if (i == 0 || storage == CX_BOOL)
		return (end + 7) / 8;
	if (i == 2)
		return end ? (size_t)((const int32_t *)array->buffers[1])[end] : 0;
	if (storage == CX_UTF8 || storage == CX_BINARY || storage == CX_LIST)
		return (end + 1) * sizeof(int32_t);
	return width_of(storage) * end;
}

/* Never called: the block is freed as one. That it is there says that the array is. */
static void release_packed(struct ArrowArray *array)
{
	array->release = NULL;
}

static void pack_buffers(packer *p, cx_storage storage, const struct ArrowArray *array,
						 struct ArrowArray *out)
{
	*out = *array;
	out->release = release_packed;
	out->private_data = NULL;
	out->buffers = put(p, NULL, (size_t)array->n_buffers * sizeof(void *));
	for (int64_t i = 0; i < array->n_buffers; i++) {
		const void *buffer = array->buffers[i];

		if (buffer)
			buffer = put(p, buffer, buffer_bytes(storage, array, i));
		if (p->block)
			out->buffers[i] = buffer;
	}
	out->children =
		array->n_children ? put(p, NULL, (size_t)array->n_children * sizeof(void *)) : NULL;
}

/* False: it is none of ours. */
static bool pack_column(packer *p, cx_storage storage, cx_storage item,
						const struct ArrowArray *array, struct ArrowArray *out)
{
	bool has_bytes = storage == CX_UTF8 || storage == CX_BINARY;
	struct ArrowArray *slot, made;

	if (array->dictionary || array->n_buffers != 2 + has_bytes ||
		array->n_children != (storage == CX_LIST))
		return false;
	pack_buffers(p, storage, array, out);
	if (storage != CX_LIST)
		return true;
	slot = put(p, NULL, sizeof *slot);
	if (!pack_column(p, item, item, array->children[0], &made))
		return false;
	if (p->block) {
		*slot = made;
		out->children[0] = slot;
	}
	return true;
}

static bool pack_batch(packer *p, const cx_field *fields, const struct ArrowArray *batch,
					   struct ArrowArray *out)
{
	if (batch->dictionary || batch->n_buffers != 1)
		return false;
	pack_buffers(p, CX_BOOL, batch, out);
	for (int64_t i = 0; i < batch->n_children; i++) {
		struct ArrowArray *slot = put(p, NULL, sizeof *slot), made;

		if (!pack_column(p, fields[i].storage, fields[i].item, batch->children[i], &made))
			return false;
		if (p->block) {
			*slot = made;
			out->children[i] = slot;
		}
	}
	return true;
}

static bool pack(packer *p, const cx_kept *kept)
{
	const cx_field *fields = kept->count ? cx_schema_fields(&kept->schema) : NULL;
	struct ArrowArray *batches = put(p, NULL, kept->count * sizeof *batches), made;

	if (kept->count && !fields)
		return false;
	for (size_t i = 0; i < kept->count; i++) {
		if (!pack_batch(p, fields, &kept->batches[i], &made))
			return false;
		if (p->block)
			batches[i] = made;
	}
	return true;
}

cx_kept_view *cx_kept_pack(cx_kept *kept)
{
	struct ArrowArray *batches = kept->batches;
	cx_kept_view *view;
	packer p = {NULL, 0};

	if (!pack(&p, kept))
		return NULL;
	p.block = cx_alloc(p.used ? p.used : 1);
	if (!p.block)
		return NULL;
	p.used = 0;
	(void)pack(&p, kept);
	kept->batches = (struct ArrowArray *)(void *)p.block;
	view = cx_kept_view_new(kept);
	if (!view) {
		kept->batches = batches;
		cx_free(p.block);
		return NULL;
	}
	free_batches(batches, kept->count);
	kept->block = p.block;
	kept->bytes = (int64_t)(sizeof *kept + p.used) + 2 * BLOCK_BYTES +
				  (kept->schema.release ? schema_bytes(&kept->schema) : 0);
	return view;
}

/* ---- views ---- */

typedef struct view_part {
	struct ArrowArray array;
	const void *buffers[BUFFERS_MAX];
} view_part;

/* Counted: the reader's, and one for each array that was not released yet, since children may be
 * moved away from their parents. */
struct cx_kept_view {
	atomic_long refs;
	cx_kept *kept;
	size_t at;
	size_t part_count;
	struct ArrowArray **children; /* behind the parts */
	view_part parts[];            /* the batches first */
};

static void view_unref(cx_kept_view *view, long count)
{
	if (atomic_fetch_sub_explicit(&view->refs, count, memory_order_acq_rel) != count)
		return;
	cx_kept_unref(view->kept);
	cx_free(view);
}

static void release_shared(struct ArrowArray *array);

/* An array and those of its children that are still there; how many. */
static long let_go(struct ArrowArray *array)
{
	long count = 1;

	array->release = NULL;
	for (int64_t i = 0; i < array->n_children; i++) {
		struct ArrowArray *child = array->children[i];

		if (child->release == release_shared)
			count += let_go(child);
		else if (child->release) /* somebody put another in its place */
			child->release(child);
	}
	return count;
}

static void release_shared(struct ArrowArray *array)
{
	cx_kept_view *view = array->private_data;

	view_unref(view, let_go(array));
}

/* Makes a part, and new ones for its children. */
static bool share(cx_kept_view *view, const struct ArrowArray *array, view_part *part,
				  struct ArrowArray ***children)
{
	struct ArrowArray **own = *children;

	if (array->n_buffers > BUFFERS_MAX || array->dictionary)
		return false;
	part->array = *array;
	for (int64_t i = 0; i < array->n_buffers; i++)
		part->buffers[i] = array->buffers[i];
	part->array.buffers = part->buffers;
	part->array.release = release_shared;
	part->array.private_data = view;
	part->array.children = array->n_children ? own : NULL;
	*children += array->n_children;
	for (int64_t i = 0; i < array->n_children; i++) {
		view_part *child = &view->parts[view->part_count++];

		own[i] = &child->array;
		if (!share(view, array->children[i], child, children))
			return false;
	}
	return true;
}

cx_kept_view *cx_kept_view_new(cx_kept *kept)
{
	size_t nodes = kept->node_count;
	cx_kept_view *view = cx_alloc(sizeof *view + nodes * (sizeof(view_part) + sizeof(void *)));
	struct ArrowArray **children;

	if (!view)
		return NULL;
	view->at = 0;
	view->part_count = kept->count;
	view->children = children = (struct ArrowArray **)(view->parts + nodes);
	for (size_t i = 0; i < kept->count; i++) {
		if (!share(view, &kept->batches[i], &view->parts[i], &children)) {
			cx_free(view);
			return NULL;
		}
	}
	view->kept = cx_kept_ref(kept);
	atomic_init(&view->refs, (long)nodes + 1);
	return view;
}

void cx_kept_view_next(cx_kept_view *view, struct ArrowArray *out)
{
	if (view->at == view->kept->count)
		cx_array_none(out);
	else
		*out = view->parts[view->at++].array;
}

void cx_kept_view_free(cx_kept_view *view)
{
	long count = 1;

	if (!view)
		return;
	while (view->at < view->kept->count)
		count += let_go(&view->parts[view->at++].array);
	view_unref(view, count);
}
