// SPDX-License-Identifier: Apache-2.0
/* Arrow's IPC stream: a schema message, a message for each batch, and the end mark. Buffers go out
 * as they lie in memory, except that a slice (an array with an offset) is cut to its rows: bits are
 * moved to a byte's start and offsets to zero. Messages are made in arrow_message.c. */
#include "data/format/arrow_message.h"
#include "data/format/writer.h"
#include "data/result/arrow_limits.h"

#define DIRECT ((size_t)16 << 10) /* buffers from this size on are not copied */

typedef enum part_kind {
	PART_BYTES,
	PART_BITS,   /* from a bit on */
	PART_OFFSETS /* less their first */
} part_kind;

/* One buffer of the body. */
typedef struct part {
	part_kind kind;
	const void *data;
	int64_t first; /* BITS: the first bit, and how many */
	int64_t count;
	size_t length; /* in bytes, as written */
} part;

typedef struct arrow {
	cx_writer base;
	cx_buf message;
	part *parts;
	cx_arrow_buffer *buffers;
	size_t part_count;
	cx_arrow_node *nodes;
	size_t node_count;
	int64_t rows_before;
} arrow;

static cdbc_status arrow_open(const cdbc_format_options *options, const cdbc_sink *sink, void **out,
							  cdbc_error **err)
{
	cdbc_status status = cx_writer_open(sizeof(arrow), options, sink, out, err);

	if (!status)
		cx_buf_init(&((arrow *)*out)->message, INT32_MAX);
	return status;
}

static void arrow_destroy(void *self)
{
	arrow *a = self;

	if (a) {
		cx_buf_free(&a->message);
		cx_free(a->parts);
		cx_free(a->buffers);
		cx_free(a->nodes);
	}
	cx_writer_destroy(a);
}

/* ---- planning: which bytes a batch is
 * --------------------------------------------------------------------------- */

static void add_part(arrow *a, part_kind kind, const void *data, size_t length)
{
	a->parts[a->part_count++] = (part){.kind = kind, .data = data, .length = length};
}

static void add_bits(arrow *a, const void *bits, int64_t first, int64_t count)
{
	size_t length = ((size_t)count + 7) / 8;

	if (first % 8 == 0 || count == 0) {
		add_part(a, PART_BYTES, count ? (const char *)bits + first / 8 : NULL, length);
		return;
	}
	add_part(a, PART_BITS, bits, length);
	a->parts[a->part_count - 1].first = first;
	a->parts[a->part_count - 1].count = count;
}

static int64_t count_nulls(const uint8_t *bits, int64_t first, int64_t count)
{
	int64_t nulls = 0;

	for (int64_t i = first; i < first + count;) {
		if (i % 8 == 0 && first + count - i >= 8) {
			nulls += 8 - __builtin_popcount(bits[i >> 3]);
			i += 8;
		} else {
			nulls += !(bits[i >> 3] >> (i & 7) & 1);
			i++;
		}
	}
	return nulls;
}

static void add_validity(arrow *a, const struct ArrowArray *array, int64_t base, int64_t count)
{
	const uint8_t *bits = array->buffers[0];
	bool is_whole = base == array->offset && count == array->length;
	int64_t nulls = 0;

	if (bits)
		nulls =
			is_whole && array->null_count >= 0 ? array->null_count : count_nulls(bits, base, count);
	a->nodes[a->node_count++] = (cx_arrow_node){count, nulls};
	if (nulls)
		add_bits(a, bits, base, count);
	else
		add_part(a, PART_BYTES, NULL, 0);
}

/* Returns where the items begin, and sets *count to their number. */
static int64_t add_offsets(arrow *a, const struct ArrowArray *array, int64_t base, int64_t rows,
						   int64_t *count)
{
	static const int32_t zero;
	const int32_t *offsets = array->buffers[1];

	offsets = rows && offsets ? offsets + base : &zero;
	rows = offsets == &zero ? 0 : rows;
	*count = offsets[rows] - offsets[0];
	add_part(a, offsets[0] ? PART_OFFSETS : PART_BYTES, offsets,
			 ((size_t)rows + 1) * sizeof *offsets);
	return offsets[0];
}

static const uint8_t widths[CX_STORAGE_COUNT] = {
	[CX_INT16] = 2,     [CX_INT32] = 4,       [CX_INT64] = 8,     [CX_FLOAT32] = 4,
	[CX_FLOAT64] = 8,   [CX_DECIMAL128] = 16, [CX_DATE32] = 4,    [CX_TIME64] = 8,
	[CX_TIMESTAMP] = 8, [CX_TIMESTAMPTZ] = 8, [CX_INTERVAL] = 16, [CX_UUID] = 16};

/* base counts array->offset in. */
static void add_array(arrow *a, const cx_field *field, const struct ArrowArray *array, int64_t base,
					  int64_t rows)
{
	cx_field item = *field;
	int64_t first, count;
	size_t width = widths[field->storage];

	add_validity(a, array, base, rows);
	switch (field->storage) {
	case CX_BOOL:
		add_bits(a, array->buffers[1], base, rows);
		return;
	case CX_UTF8:
	case CX_BINARY:
		first = add_offsets(a, array, base, rows, &count);
		add_part(a, PART_BYTES, count ? (const char *)array->buffers[2] + first : NULL,
				 (size_t)count);
		return;
	case CX_LIST:
		first = add_offsets(a, array, base, rows, &count);
		item.storage = field->item;
		add_array(a, &item, array->children[0], first + array->children[0]->offset, count);
		return;
	default:
		add_part(a, PART_BYTES,
				 rows ? (const char *)array->buffers[1] + (size_t)base * width : NULL,
				 (size_t)rows * width);
	}
}

/* ---- writing
 * ------------------------------------------------------------------------------------------------
 */

static void put_zeros(cx_buf *out, size_t n)
{
	static const char zeros[CX_ARROW_ALIGN];

	cx_buf_put(out, zeros, n);
}

/* The message of a->message, between its length and the padding. */
static void put_message(arrow *a)
{
	cx_buf *out = &a->base.buf;
	size_t padded = cx_arrow_padded(a->message.length + 8) - 8;
	int32_t head[2] = {-1, (int32_t)padded};

	cx_buf_put(out, head, sizeof head);
	cx_buf_put(out, a->message.data, a->message.length);
	put_zeros(out, padded - a->message.length);
}

static cdbc_status put_bytes(arrow *a, const part *p, cdbc_error **err)
{
	cdbc_status status;

	if (p->length < DIRECT) {
		cx_buf_put(&a->base.buf, p->data, p->length);
		return CDBC_OK;
	}
	status = cx_writer_flush(&a->base, err);
	return status ? status : cx_writer_direct(&a->base, p->data, p->length, err);
}

static cdbc_status put_bits(arrow *a, const part *p, cdbc_error **err)
{
	const uint8_t *bits = (const uint8_t *)p->data + p->first / 8;
	unsigned shift = (unsigned)(p->first % 8);
	size_t sources = ((size_t)p->count + shift + 7) / 8;
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; !status && i < p->length; i++) {
		unsigned next = i + 1 < sources ? bits[i + 1] : 0;

		cx_buf_putc(&a->base.buf, (char)(uint8_t)(bits[i] >> shift | next << (8 - shift)));
		status = cx_writer_row(&a->base, err);
	}
	return status;
}

static cdbc_status put_offsets(arrow *a, const part *p, cdbc_error **err)
{
	const int32_t *offsets = p->data;
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; !status && i < p->length / sizeof *offsets; i++) {
		int32_t offset = offsets[i] - offsets[0];

		cx_buf_put(&a->base.buf, &offset, sizeof offset);
		status = cx_writer_row(&a->base, err);
	}
	return status;
}

static cdbc_status put_part(arrow *a, const part *p, cdbc_error **err)
{
	cdbc_status status;

	if (p->kind == PART_BYTES)
		status = put_bytes(a, p, err);
	else if (p->kind == PART_BITS)
		status = put_bits(a, p, err);
	else
		status = put_offsets(a, p, err);
	put_zeros(&a->base.buf, cx_arrow_padded(p->length) - p->length);
	return status ? status : cx_writer_row(&a->base, err);
}

/* ---- the format
 * --------------------------------------------------------------------------------------------- */

static cdbc_status arrow_begin(void *self, const struct ArrowSchema *schema, cdbc_error **err)
{
	arrow *a = self;
	cdbc_status status = cx_writer_begin(&a->base, schema, err);
	size_t count = a->base.column_count;

	if (status)
		return status;
	a->parts = cx_calloc(count * 5 + 1,
						 sizeof *a->parts); /* a list of text has five buffers, and two nodes */
	a->buffers = cx_calloc(count * 5 + 1, sizeof *a->buffers);
	a->nodes = cx_calloc(count * 2 + 1, sizeof *a->nodes);
	if (!a->parts || !a->buffers || !a->nodes)
		return cx_error_nomem(err);
	cx_arrow_schema(&a->message, &a->base.schema, a->base.fields);
	status = cx_buf_status(&a->message, "an Arrow schema", err);
	if (!status)
		put_message(a);
	return status;
}

static cdbc_status arrow_batch(void *self, const struct ArrowArray *batch, cdbc_error **err)
{
	arrow *a = self;
	cdbc_status status = cx_writer_batch(&a->base, batch, err);
	int64_t body = 0;

	if (!status)
		status = cx_arrow_limits(a->base.fields, a->base.column_count, batch, a->rows_before, err);
	if (status)
		return status;
	a->rows_before += batch->length;
	a->part_count = a->node_count = 0;
	for (size_t i = 0; i < a->base.column_count; i++)
		add_array(a, a->base.views[i].field, a->base.views[i].array, a->base.views[i].base,
				  batch->length);
	for (size_t i = 0; i < a->part_count; i++) {
		a->buffers[i] = (cx_arrow_buffer){body, (int64_t)a->parts[i].length};
		body += (int64_t)cx_arrow_padded(a->parts[i].length);
	}
	cx_buf_clear(&a->message);
	cx_arrow_batch(&a->message, batch->length, a->nodes, a->node_count, a->buffers, a->part_count,
				   body);
	status = cx_buf_status(&a->message, "an Arrow message", err);
	if (!status)
		put_message(a);
	for (size_t i = 0; !status && i < a->part_count; i++)
		status = put_part(a, &a->parts[i], err);
	return status ? status : cx_writer_flush(&a->base, err);
}

static cdbc_status arrow_end(void *self, cdbc_error **err)
{
	static const int32_t end[2] = {-1, 0};
	arrow *a = self;

	cx_buf_put(&a->base.buf, end, sizeof end);
	return cx_writer_flush(&a->base, err);
}

const cdbc_format cx_format_arrow = {sizeof(cdbc_format),
									 "arrow",
									 "application/vnd.apache.arrow.stream",
									 true,
									 arrow_open,
									 arrow_begin,
									 arrow_batch,
									 arrow_end,
									 arrow_destroy};
