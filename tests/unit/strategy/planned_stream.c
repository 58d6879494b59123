// SPDX-License-Identifier: Apache-2.0
/* One allocation a batch, which its columns point into. */
#include "planned_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct stream_self {
	stream_plan *plan;
	int64_t at;
	cdbc_result *inner; /* what it is made of, or NULL */
} stream_self;

typedef struct array_self {
	stream_plan *plan;
	struct ArrowArray columns[2], *children[2];
	const void *none[1], *ids[2], *names[3];
	int64_t id[PLAN_ROWS_MAX];
	int32_t offsets[PLAN_ROWS_MAX + 1];
	char bytes[PLAN_ROWS_MAX * 4];
} array_self;

static void release_child(struct ArrowArray *array)
{
	array->release = NULL;
}

static void release_array(struct ArrowArray *array)
{
	array_self *self = array->private_data;

	self->plan->arrays_now--;
	free(self);
	array->release = NULL;
}

static void make_batch(stream_plan *p, int64_t from, struct ArrowArray *out)
{
	array_self *self = calloc(1, sizeof *self);
	int64_t length = p->rows - p->offset, total = p->rows;

	self->plan = p;
	p->arrays_now++;
	for (int64_t i = 0; i < total; i++) {
		self->id[i] = from + i - p->offset;
		memcpy(self->bytes + i * 4, "name", 4);
		self->offsets[i + 1] = (int32_t)(i + 1) * 4;
	}
	self->ids[1] = self->id;
	self->names[1] = self->offsets;
	self->names[2] = self->bytes;
	self->columns[0] = (struct ArrowArray){.length = length,
										   .offset = p->offset,
										   .n_buffers = 2,
										   .buffers = self->ids,
										   .release = release_child};
	self->columns[1] = (struct ArrowArray){.length = p->has_short_column ? length - 1 : length,
										   .offset = p->offset,
										   .n_buffers = 3,
										   .buffers = self->names,
										   .release = release_child};
	self->children[0] = &self->columns[0];
	self->children[1] = &self->columns[1];
	*out = (struct ArrowArray){.length = length,
							   .n_buffers = 1,
							   .n_children = 2,
							   .buffers = self->none,
							   .children = self->children,
							   .release = release_array,
							   .private_data = self};
}

static void release_schema(struct ArrowSchema *schema)
{
	stream_plan *p = schema->private_data;

	p->schemas_now--;
	free(schema->children[0]);
	free(schema->children[1]);
	free(schema->children);
	schema->release = NULL;
}

static void release_field(struct ArrowSchema *schema)
{
	schema->release = NULL;
}

static struct ArrowSchema *field(const char *name, const char *format)
{
	struct ArrowSchema *schema = calloc(1, sizeof *schema);

	schema->name = name;
	schema->format = format;
	schema->flags = ARROW_FLAG_NULLABLE;
	schema->release = release_field;
	return schema;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
	stream_plan *p = ((stream_self *)stream->private_data)->plan;

	if (p->fails_schema)
		return ENOTSUP;
	*out = (struct ArrowSchema){.format = "+s", .name = "", .n_children = 2};
	out->children = calloc(2, sizeof(struct ArrowSchema *));
	out->children[0] = field("id", p->format ? p->format : "l");
	out->children[1] = field("name", "u");
	if (p->has_dictionary)
		out->children[1]->dictionary = out->children[0];
	out->release = release_schema;
	out->private_data = p;
	p->schemas_now++;
	return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
	stream_self *self = stream->private_data;

	self->at++;
	if (self->at == self->plan->fails_at)
		return self->plan->error_code;
	if (self->inner) { /* its own rows after those that it is made of */
		cdbc_error *err = NULL;

		if (cdbc_result_take(self->inner, out, &err)) {
			cdbc_error_free(err);
			return EIO;
		}
		if (out->release)
			return 0;
		cdbc_result_free(self->inner);
		self->inner = NULL;
		self->at = 1;
	}
	memset(out, 0, sizeof *out);
	if (self->at <= self->plan->batch_count)
		make_batch(self->plan, 1 + (self->at - 1) * self->plan->rows, out);
	return 0;
}

static const char *last_error(struct ArrowArrayStream *stream)
{
	return ((stream_self *)stream->private_data)->plan->error_text;
}

static void release_stream(struct ArrowArrayStream *stream)
{
	stream_self *self = stream->private_data;

	self->plan->streams_now--;
	cdbc_result_free(self->inner);
	free(self);
	stream->release = NULL;
}

struct ArrowArrayStream planned_stream(stream_plan *plan, cdbc_result *inner)
{
	stream_self *self = calloc(1, sizeof *self);

	*self = (stream_self){plan, 0, inner};
	plan->streams_now++;
	return (struct ArrowArrayStream){get_schema, get_next, last_error, release_stream, self};
}
