// SPDX-License-Identifier: Apache-2.0
/* Arrow's IPC stream into rows: the types of our type table, each value as the text that CSV has of
 * it, but for bytes. Others are refused by name. Nothing of the input is believed: every buffer is
 * measured before a value is read. What the schema message says is read in arrow_read.c. */
#include "data/format/arrow_numbers.h"
#include "data/format/arrow_read.h"
#include "data/format/reader_internal.h"
#include "data/result/print.h"

#include "base/text.h"

#define METADATA_MAX ((size_t)16 << 20)
#define DAY_US       INT64_C(86400000000)

typedef enum step { STEP_HEAD, STEP_METADATA, STEP_BODY, STEP_OVER } step;

/* A column of the present batch, and the items of a list. */
typedef struct column {
	struct ArrowArray array, item, *children[1];
	const void *buffers[3], *item_buffers[3];
} column;

typedef struct state {
	step step;
	size_t wanted; /* bytes of the present step */
	cx_buf metadata;
	cx_arrow_fields fields;
	column *columns;
	int64_t batch; /* from 1, for messages */
	int64_t row_count;
} state;

/* What is left of a batch's metadata and body. */
typedef struct body {
	cx_flat *flat;
	size_t node_at, node_count, buffer_at, buffer_count;
	const uint8_t *data;
	size_t length;
} body;

static cdbc_status arrow_open(cx_reader *reader, cdbc_error **err)
{
	state *s = cx_calloc(1, sizeof *s);

	if (!s)
		return cx_error_nomem(err);
	reader->state = s;
	s->wanted = 8;
	cx_buf_init(&s->metadata, METADATA_MAX);
	cx_buf_free(&reader->carry);
	cx_buf_init(&reader->carry, CX_READER_BATCH_MAX);
	return CDBC_OK;
}

static void arrow_fini(cx_reader *reader)
{
	state *s = reader->state;

	if (!s)
		return;
	cx_buf_free(&s->metadata);
	cx_arrow_fields_fini(&s->fields);
	cx_free(s->columns);
	cx_free(s);
}

static cdbc_status bad(const state *s, cdbc_error **err, const char *what)
{
	if (s->batch)
		return cx_error_set(err, CDBC_DATA, "batch %lld of the Arrow stream: %s",
							(long long)s->batch, what);
	return cx_error_set(err, CDBC_DATA, "the Arrow stream: %s", what);
}

/* ---- a batch ---- */

/* The next node's rows and NULLs. */
static bool next_node(body *b, int64_t *length, int64_t *nulls)
{
	if (b->node_count == 0)
		return false;
	b->node_count--;
	*length = (int64_t)cx_flat_get(b->flat, b->node_at, 8);
	*nulls = (int64_t)cx_flat_get(b->flat, b->node_at + 8, 8);
	b->node_at += 16;
	return *length >= 0 && *nulls >= 0 && *nulls <= *length;
}

/* The next buffer, which must have so many bytes. */
static bool next_buffer(body *b, uint64_t need, const uint8_t **out, size_t *length)
{
	uint64_t offset, size;

	if (b->buffer_count == 0)
		return false;
	b->buffer_count--;
	offset = cx_flat_get(b->flat, b->buffer_at, 8);
	size = cx_flat_get(b->flat, b->buffer_at + 8, 8);
	b->buffer_at += 16;
	if (b->flat->is_bad || offset > b->length || size > b->length - offset || size < need ||
		offset % 8)
		return false;
	*out = b->data + offset;
	*length = (size_t)size;
	return true;
}

static bool are_offsets(const int32_t *offsets, int64_t rows, int64_t end)
{
	if (offsets[0] < 0)
		return false;
	for (int64_t i = 0; i < rows; i++)
		if (offsets[i + 1] < offsets[i])
			return false;
	return offsets[rows] <= end;
}

static bool are_times(const int64_t *times, int64_t rows)
{
	for (int64_t i = 0; i < rows; i++)
		if (times[i] < 0 || times[i] > DAY_US)
			return false;
	return true;
}

static const uint8_t widths[CX_STORAGE_COUNT] = {
	[CX_INT16] = 2,     [CX_INT32] = 4,       [CX_INT64] = 8,     [CX_FLOAT32] = 4,
	[CX_FLOAT64] = 8,   [CX_DECIMAL128] = 16, [CX_DATE32] = 4,    [CX_TIME64] = 8,
	[CX_TIMESTAMP] = 8, [CX_TIMESTAMPTZ] = 8, [CX_INTERVAL] = 16, [CX_UUID] = 16};

/* Offsets, which an array without rows may lack. */
static bool read_offsets(body *b, int64_t rows, const void **out)
{
	static const int32_t none[1];
	const uint8_t *data;
	size_t length;

	if (!next_buffer(b, rows ? ((uint64_t)rows + 1) * 4 : 0, &data, &length))
		return false;
	*out = rows ? (const void *)data : none;
	return true;
}

/* An array that is no list; its rows are as many as rows says. */
static bool read_flat_array(body *b, cx_storage storage, int64_t rows, struct ArrowArray *array,
							const void **buffers)
{
	const uint8_t *data;
	size_t length;

	switch (storage) {
	case CX_BOOL:
		if (!next_buffer(b, ((uint64_t)rows + 7) / 8, &data, &length))
			return false;
		buffers[1] = data;
		return true;
	case CX_UTF8:
	case CX_BINARY:
		if (!read_offsets(b, rows, &buffers[1]) || !next_buffer(b, 0, &data, &length))
			return false;
		buffers[2] = data;
		array->n_buffers = 3;
		return are_offsets(buffers[1], rows, (int64_t)(length < INT32_MAX ? length : INT32_MAX)) &&
			   (storage == CX_BINARY || cx_utf8_valid_prefix((const char *)data, length) == length);
	default:
		if (!next_buffer(b, (uint64_t)rows * widths[storage], &data, &length))
			return false;
		buffers[1] = data;
		return storage != CX_TIME64 || are_times(buffers[1], rows);
	}
}

/* rows < 0: any. */
static bool read_head(body *b, int64_t rows, struct ArrowArray *array, const void **buffers)
{
	int64_t length, nulls;
	const uint8_t *validity;
	size_t size;

	if (!next_node(b, &length, &nulls) || (rows >= 0 && length != rows) || length > INT32_MAX)
		return false;
	if (!next_buffer(b, nulls ? ((uint64_t)length + 7) / 8 : 0, &validity, &size))
		return false;
	*array = (struct ArrowArray){
		.length = length, .null_count = nulls, .n_buffers = 2, .buffers = buffers};
	buffers[0] = nulls ? validity : NULL;
	buffers[1] = buffers[2] = NULL;
	return true;
}

static bool read_column(body *b, const cx_field *field, int64_t rows, column *c)
{
	if (!read_head(b, rows, &c->array, c->buffers))
		return false;
	if (field->storage != CX_LIST)
		return read_flat_array(b, field->storage, rows, &c->array, c->buffers);
	if (!read_offsets(b, rows, &c->buffers[1]) || !read_head(b, -1, &c->item, c->item_buffers) ||
		!read_flat_array(b, field->item, c->item.length, &c->item, c->item_buffers))
		return false;
	c->children[0] = &c->item;
	c->array.children = c->children;
	c->array.n_children = 1;
	return are_offsets(c->buffers[1], rows, c->item.length);
}

static cdbc_status hand_row(cx_reader *reader, int64_t row, cdbc_error **err)
{
	state *s = reader->state;
	size_t spans[2];
	cdbc_status status = CDBC_OK;

	cx_buf_clear(&reader->text);
	reader->value_count = 0;
	for (size_t i = 0; i < s->fields.count; i++) {
		const cx_field *field = &s->fields.items[i];
		const struct ArrowArray *array = &s->columns[i].array;
		cdbc_value value = cdbc_null();

		if (!cx_is_null_at(array, row)) {
			cdbc_text bytes = {NULL, 0};

			if (field->storage == CX_UTF8 || field->storage == CX_BINARY)
				bytes = cx_bytes_at(array, row);
			if (field->storage == CX_UTF8) {
				value = cdbc_text_n(bytes.data, bytes.length);
			} else if (field->storage == CX_BINARY) {
				value = cdbc_bytes(bytes.data, bytes.length);
			} else {
				spans[0] = reader->text.length;
				cx_print_text(&reader->text, field, array, row);
				spans[1] = reader->text.length - spans[0];
				value = cdbc_text_n(NULL, spans[1]); /* it may move: set below */
			}
		}
		status = cx_reader_value(reader, value, err);
		if (status)
			return status;
	}
	spans[0] = 0;
	for (size_t i = 0; i < s->fields.count; i++) {
		cdbc_value *value = &reader->values[i];

		if (value->kind != CDBC_VALUE_TEXT || s->fields.items[i].storage == CX_UTF8)
			continue;
		value->as.text.data = reader->text.data + spans[0];
		spans[0] += value->as.text.length;
	}
	s->row_count++;
	status = cx_buf_status(&reader->text, "row", err);
	return status ? status : cx_reader_row(reader, NULL, 0, err);
}

static cdbc_status take_batch(cx_reader *reader, cx_flat *flat, size_t header, const char *data,
							  size_t length, cdbc_error **err)
{
	state *s = reader->state;
	int64_t rows = cx_flat_int(flat, header, 0, 8, 0);
	body b = {.flat = flat, .data = (const uint8_t *)data, .length = length};
	cdbc_status status = CDBC_OK;

	s->batch++;
	b.node_at = cx_flat_items(flat, header, 1, 16, &b.node_count);
	b.buffer_at = cx_flat_items(flat, header, 2, 16, &b.buffer_count);
	if (cx_flat_field(flat, header, 3)) {
		bad(s, err, "it is compressed");
		cx_error_hint(err, "write it without compression");
		return CDBC_UNSUPPORTED;
	}
	if (flat->is_bad || rows < 0 || rows > INT32_MAX)
		return bad(s, err, "it is damaged");
	for (size_t i = 0; i < s->fields.count; i++)
		if (!read_column(&b, &s->fields.items[i], rows, &s->columns[i]) || flat->is_bad) {
			bad(s, err, "damaged");
			cx_error_wrap(err, "column \"%s\"", s->fields.items[i].name);
			return CDBC_DATA;
		}
	for (int64_t row = 0; !status && row < rows; row++)
		status = hand_row(reader, row, err);
	return status;
}

/* ---- messages ---- */

static cdbc_status take_schema(cx_reader *reader, cx_flat *flat, size_t header, cdbc_error **err)
{
	state *s = reader->state;
	cdbc_text *names;
	cdbc_status status;

	if (s->columns)
		return bad(s, err, "a second schema");
	status = cx_arrow_fields_read(&s->fields, flat, header, err);
	if (status)
		return status;
	s->columns = cx_calloc(s->fields.count, sizeof *s->columns);
	names = cx_calloc(s->fields.count, sizeof *names);
	if (!s->columns || !names) {
		cx_free(names);
		return cx_error_nomem(err);
	}
	for (size_t i = 0; i < s->fields.count; i++)
		names[i] = (cdbc_text){s->fields.items[i].name, strlen(s->fields.items[i].name)};
	reader->has_names = true;
	status = reader->sink.names(reader->sink.self, names, s->fields.count, err);
	cx_free(names);
	return status;
}

static cdbc_status take_message(cx_reader *reader, const char *data, size_t length,
								cdbc_error **err)
{
	state *s = reader->state;
	cx_flat flat = {(const uint8_t *)s->metadata.data, s->metadata.length, false};
	size_t message = cx_flat_root(&flat);
	int64_t type = cx_flat_int(&flat, message, 1, 1, 0);
	size_t header = cx_flat_child(&flat, message, 2);

	if (flat.is_bad || !header)
		return bad(s, err, "a damaged message");
	if (type == HEADER_SCHEMA)
		return take_schema(reader, &flat, header, err);
	if (type == HEADER_DICTIONARY)
		return bad(s, err, "a dictionary, which is not read") ? CDBC_UNSUPPORTED : CDBC_OK;
	if (type != HEADER_RECORD_BATCH)
		return bad(s, err, "a message that is neither schema nor batch");
	if (!s->columns)
		return bad(s, err, "a batch before the schema");
	return take_batch(reader, &flat, header, data, length, err);
}

/* How long a message's body is. */
static cdbc_status body_length(state *s, cdbc_error **err)
{
	cx_flat flat = {(const uint8_t *)s->metadata.data, s->metadata.length, false};
	int64_t length = cx_flat_int(&flat, cx_flat_root(&flat), 3, 8, 0);

	if (flat.is_bad || length < 0)
		return bad(s, err, "a damaged message");
	if ((uint64_t)length > CX_READER_BATCH_MAX)
		return cx_error_set(err, CDBC_RESOURCE, "a batch of %lld bytes is more than %zu",
							(long long)length, CX_READER_BATCH_MAX);
	s->wanted = (size_t)length;
	s->step = STEP_BODY;
	return CDBC_OK;
}

/* The eight bytes before a message: a mark and its length; a length of 0 is the end. */
static cdbc_status take_head(state *s, const char *head, cdbc_error **err)
{
	uint32_t mark, length;

	memcpy(&mark, head, 4);
	memcpy(&length, head + 4, 4);
	if (memcmp(head, "ARROW1", 6) == 0) {
		bad(s, err, "it is an Arrow file");
		cx_error_hint(err, "write the streaming format: pyarrow.ipc.new_stream");
		return CDBC_UNSUPPORTED;
	}
	if (mark != UINT32_MAX)
		return bad(s, err, "it does not begin as one");
	s->step = length ? STEP_METADATA : STEP_OVER;
	if (length > METADATA_MAX)
		return bad(s, err, "a message of more than 16 MiB without its body");
	s->wanted = length;
	return CDBC_OK;
}

/* One whole step of the input. */
static cdbc_status take_step(cx_reader *reader, const char *data, size_t length, cdbc_error **err)
{
	state *s = reader->state;
	cdbc_status status;

	switch (s->step) {
	case STEP_HEAD:
		return take_head(s, data, err);
	case STEP_METADATA:
		cx_buf_clear(&s->metadata);
		cx_buf_put(&s->metadata, data, length);
		status = cx_buf_status(&s->metadata, "message", err);
		return status ? status : body_length(s, err);
	case STEP_BODY:
		status = take_message(reader, data, length, err);
		s->step = STEP_HEAD;
		s->wanted = 8;
		return status;
	default:
		return bad(s, err, "something stands behind its end");
	}
}

/* Steps are gathered whole, so that what they hold lies where numbers may be read. */
static cdbc_status arrow_feed(cx_reader *reader, const char *bytes, size_t length, cdbc_error **err)
{
	state *s = reader->state;
	cdbc_status status = CDBC_OK;

	while (!status && (length || (s->wanted == reader->carry.length && s->step == STEP_BODY))) {
		size_t missing = s->wanted - reader->carry.length;
		size_t n = length < missing ? length : missing;

		if (s->step == STEP_OVER)
			return take_step(reader, bytes, length, err);
		cx_buf_put(&reader->carry, bytes, n);
		bytes += n;
		length -= n;
		status = cx_buf_status(&reader->carry, "batch", err);
		if (status || reader->carry.length < s->wanted)
			continue;
		status = take_step(reader, reader->carry.data ? reader->carry.data : "",
						   reader->carry.length, err);
		cx_buf_clear(&reader->carry);
	}
	return status;
}

static cdbc_status arrow_end(cx_reader *reader, cdbc_error **err)
{
	state *s = reader->state;

	if (s->step == STEP_OVER)
		return CDBC_OK;
	return bad(s, err, "its end is missing: it is not complete");
}

const cx_reader_class cx_reader_arrow = {
	.name = "arrow", .open = arrow_open, .feed = arrow_feed, .end = arrow_end, .fini = arrow_fini};
