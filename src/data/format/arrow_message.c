// SPDX-License-Identifier: Apache-2.0
/* The messages of Arrow's IPC stream. The numbers are the specification's: the order of a table's
 * fields, of a union's members, of an enum's values. */
#include "data/format/arrow_message.h"

#include "data/format/arrow_numbers.h"
#include "data/format/flat.h"

#define METADATA_V5 4

/* The Message table around a header; sets *at to where the header's pointer is. */
static void message(cx_buf *out, uint8_t header_type, int64_t body_length, size_t *at)
{
	size_t place[4], table;

	cx_flat_vector(out, 0, 1, 4); /* four bytes, soon the root's pointer */
	table = cx_flat_table(out, (const uint8_t[]){2, 1, 4, 8}, 4, place);
	cx_flat_point(out, 0, table);
	cx_flat_set16(out, place[0], METADATA_V5);
	cx_flat_set8(out, place[1], header_type);
	cx_flat_set64(out, place[3], body_length);
	*at = place[2];
}

/* ---- types
 * --------------------------------------------------------------------------------------------------
 */

static size_t type_none(cx_buf *out)
{
	size_t place[1];

	return cx_flat_table(out, NULL, 0, place);
}

static size_t type_int(cx_buf *out, int32_t bits)
{
	size_t place[2], table = cx_flat_table(out, (const uint8_t[]){4, 1}, 2, place);

	cx_flat_set32(out, place[0], bits);
	cx_flat_set8(out, place[1], 1);
	return table;
}

/* A table of one enum: a float's precision, a date's or an interval's unit. */
static size_t type_unit(cx_buf *out, int16_t unit)
{
	size_t place[1], table = cx_flat_table(out, (const uint8_t[]){2}, 1, place);

	cx_flat_set16(out, place[0], unit);
	return table;
}

static size_t type_decimal(cx_buf *out, cdbc_type type)
{
	size_t place[3], table = cx_flat_table(out, (const uint8_t[]){4, 4, 4}, 3, place);

	cx_flat_set32(out, place[0], type.precision);
	cx_flat_set32(out, place[1], type.scale);
	cx_flat_set32(out, place[2], 128);
	return table;
}

static size_t type_time(cx_buf *out)
{
	size_t place[2], table = cx_flat_table(out, (const uint8_t[]){2, 4}, 2, place);

	cx_flat_set16(out, place[0], TIME_MICROSECOND);
	cx_flat_set32(out, place[1], 64);
	return table;
}

static size_t type_timestamp(cx_buf *out, bool is_utc)
{
	size_t place[2], table = cx_flat_table(out, (const uint8_t[]){2, is_utc ? 4 : 0}, 2, place);

	cx_flat_set16(out, place[0], TIME_MICROSECOND);
	if (is_utc)
		cx_flat_point(out, place[1], cx_flat_string(out, "UTC", 3));
	return table;
}

static size_t type_bytes(cx_buf *out, int32_t width)
{
	size_t place[1], table = cx_flat_table(out, (const uint8_t[]){4}, 1, place);

	cx_flat_set32(out, place[0], width);
	return table;
}

static const uint8_t type_ids[CX_STORAGE_COUNT] = {[CX_BOOL] = TYPE_BOOL,
												   [CX_INT16] = TYPE_INT,
												   [CX_INT32] = TYPE_INT,
												   [CX_INT64] = TYPE_INT,
												   [CX_FLOAT32] = TYPE_FLOATING_POINT,
												   [CX_FLOAT64] = TYPE_FLOATING_POINT,
												   [CX_UTF8] = TYPE_UTF8,
												   [CX_BINARY] = TYPE_BINARY,
												   [CX_DECIMAL128] = TYPE_DECIMAL,
												   [CX_DATE32] = TYPE_DATE,
												   [CX_TIME64] = TYPE_TIME,
												   [CX_TIMESTAMP] = TYPE_TIMESTAMP,
												   [CX_TIMESTAMPTZ] = TYPE_TIMESTAMP,
												   [CX_INTERVAL] = TYPE_INTERVAL,
												   [CX_UUID] = TYPE_FIXED_SIZE_BINARY,
												   [CX_LIST] = TYPE_LIST};

static size_t put_type(cx_buf *out, const cx_field *field)
{
	switch (field->storage) {
	case CX_INT16:
		return type_int(out, 16);
	case CX_INT32:
		return type_int(out, 32);
	case CX_INT64:
		return type_int(out, 64);
	case CX_FLOAT32:
		return type_unit(out, PRECISION_SINGLE);
	case CX_FLOAT64:
		return type_unit(out, PRECISION_DOUBLE);
	case CX_DECIMAL128:
		return type_decimal(out, field->type);
	case CX_DATE32:
		return type_unit(out, DATE_DAY);
	case CX_TIME64:
		return type_time(out);
	case CX_TIMESTAMP:
	case CX_TIMESTAMPTZ:
		return type_timestamp(out, field->storage == CX_TIMESTAMPTZ);
	case CX_INTERVAL:
		return type_unit(out, INTERVAL_MONTH_DAY_NANO);
	case CX_UUID:
		return type_bytes(out, 16);
	default:
		return type_none(out);
	}
}

/* ---- fields
 * -------------------------------------------------------------------------------------------------
 */

/* Reads one of the C data interface's length-prefixed texts. */
static cdbc_text next_text(const char **p)
{
	cdbc_text text;
	int32_t length;

	memcpy(&length, *p, 4);
	text = (cdbc_text){*p + 4, (size_t)length};
	*p += 4 + length;
	return text;
}

/* From the C data interface's form to a vector of KeyValue tables. */
static size_t put_metadata(cx_buf *out, const char *metadata)
{
	int32_t count;
	size_t vector;

	memcpy(&count, metadata, 4);
	metadata += 4;
	vector = cx_flat_vector(out, (size_t)count, 4, 4);
	for (int32_t i = 0; i < count; i++) {
		size_t place[2], pair = cx_flat_table(out, (const uint8_t[]){4, 4}, 2, place);
		cdbc_text key = next_text(&metadata), value = next_text(&metadata);

		cx_flat_point(out, vector + 4 + (size_t)i * 4, pair);
		cx_flat_point(out, place[0], cx_flat_string(out, key.data, key.length));
		cx_flat_point(out, place[1], cx_flat_string(out, value.data, value.length));
	}
	return vector;
}

static size_t put_field(cx_buf *out, const struct ArrowSchema *schema, const cx_field *field)
{
	size_t place[7], children;
	size_t table =
		cx_flat_table(out, (const uint8_t[]){4, 1, 1, 4, 0, 4, schema->metadata ? 4 : 0}, 7, place);
	const char *name = schema->name ? schema->name : "";
	cx_field item = *field;

	cx_flat_point(out, place[0], cx_flat_string(out, name, strlen(name)));
	cx_flat_set8(out, place[1], schema->flags & ARROW_FLAG_NULLABLE ? 1 : 0);
	cx_flat_set8(out, place[2], type_ids[field->storage]);
	cx_flat_point(out, place[3], put_type(out, field));
	children = cx_flat_vector(out, (size_t)schema->n_children, 4, 4);
	cx_flat_point(out, place[5], children);
	item.storage = field->item;
	item.type.is_array = false;
	for (int64_t i = 0; i < schema->n_children; i++)
		cx_flat_point(out, children + 4 + (size_t)i * 4,
					  put_field(out, schema->children[i], &item));
	if (schema->metadata)
		cx_flat_point(out, place[6], put_metadata(out, schema->metadata));
	return table;
}

/* ---- messages
 * -----------------------------------------------------------------------------------------------
 */

void cx_arrow_schema(cx_buf *out, const struct ArrowSchema *schema, const cx_field *fields)
{
	size_t count = (size_t)schema->n_children, header, table, vector, place[2];

	message(out, HEADER_SCHEMA, 0, &header);
	table = cx_flat_table(out, (const uint8_t[]){2, 4}, 2, place);
	cx_flat_point(out, header, table);
	vector = cx_flat_vector(out, count, 4, 4);
	cx_flat_point(out, place[1], vector);
	for (size_t i = 0; i < count; i++)
		cx_flat_point(out, vector + 4 + i * 4, put_field(out, schema->children[i], &fields[i]));
}

void cx_arrow_batch(cx_buf *out, int64_t rows, const cx_arrow_node *nodes, size_t node_count,
					const cx_arrow_buffer *buffers, size_t buffer_count, int64_t body_length)
{
	size_t header, table, vector, place[3];

	message(out, HEADER_RECORD_BATCH, body_length, &header);
	table = cx_flat_table(out, (const uint8_t[]){8, 4, 4}, 3, place);
	cx_flat_point(out, header, table);
	cx_flat_set64(out, place[0], rows);
	vector = cx_flat_vector(out, node_count, sizeof *nodes, 8);
	cx_flat_point(out, place[1], vector);
	cx_flat_set(out, vector + 4, nodes, node_count * sizeof *nodes);
	vector = cx_flat_vector(out, buffer_count, sizeof *buffers, 8);
	cx_flat_point(out, place[2], vector);
	cx_flat_set(out, vector + 4, buffers, buffer_count * sizeof *buffers);
}
