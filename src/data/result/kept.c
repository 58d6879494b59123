// SPDX-License-Identifier: Apache-2.0
/* Kept results, and the arrays of their views: structs of their own over buffers that are shared.
 */
#include "data/result/kept.h"

#include "base/alloc.h"
#include "base/error.h"

#define BUFFERS_MAX 3
#define NODE_BYTES  192 /* what an array takes besides its buffers, roughly */

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

void cx_kept_unref(cx_kept *kept)
{
	if (!kept || atomic_fetch_sub_explicit(&kept->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < kept->count; i++)
		if (kept->batches[i].release)
			kept->batches[i].release(&kept->batches[i]);
	cx_free(kept->batches);
	if (kept->schema.release)
		kept->schema.release(&kept->schema);
	cx_free(kept);
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
	kept->bytes += (int64_t)result->column_count * NODE_BYTES * 2;
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
