// SPDX-License-Identifier: Apache-2.0
/* Arrays as parameters: binary when every item has a certain binary form, else PostgreSQL's `{..}`,
 * which also nests. */
#include "types_encode.h"

#include "base/civil.h"
#include "base/error.h"
#include "base/text.h"

#define DEPTH_MAX 6 /* PostgreSQL's dimensions */

/* ---- binary
 * -------------------------------------------------------------------------------------------------
 */

/* Where the next item goes. It is kept in registers: hence by value, and no cx_buf_put an item. */
typedef struct pen {
	char *at; /* NULL: the buffer has failed */
	size_t left;
} pen;

/* Room for n bytes in out, at least. */
static pen more(pen p, size_t n, cx_buf *out)
{
	if (p.at)
		out->length = (size_t)(p.at - out->data);
	if (!cx_buf_reserve(out, n))
		return (pen){NULL, 0};
	return (pen){out->data + out->length, out->capacity - out->length - 1};
}

static inline pen put_item(pen p, const void *bytes, size_t length, cx_buf *out)
{
	uint32_t big = htobe32((uint32_t)length);

	if (p.left < sizeof big + length)
		p = more(p, sizeof big + length, out);
	if (!p.at)
		return p;
	memcpy(p.at, &big, sizeof big);
	if (length)
		memcpy(p.at + sizeof big, bytes, length);
	return (pen){p.at + sizeof big + length, p.left - sizeof big - length};
}

static inline pen put_null(pen p, cx_buf *out)
{
	if (p.left < 4)
		p = more(p, 4, out);
	if (!p.at)
		return p;
	memset(p.at, 0xff, 4);
	return (pen){p.at + 4, p.left - 4};
}

/* A text, or a number or bool that is not of the type's own kind. */
static pen put_converted(pen p, const cdbc_value *item, pg_kind kind, cx_buf *out)
{
	cx_pg_param number;
	char uuid[16];

	if (item->kind == CDBC_VALUE_TEXT) {
		if (kind == PG_UUID &&
			cx_uuid_parse(item->as.text.data, item->as.text.length, uuid) == CX_PARSE_OK)
			return put_item(p, uuid, sizeof uuid, out);
	} else if (cx_pg_encode_binary(item, kind, &number)) {
		return put_item(p, number.fixed, (size_t)number.length, out);
	}
	return (pen){NULL, 0};
}

/* Checks an item and writes it, at once. NULL: it has no binary form, or is none of this type (then
 * the array is looked at again, and refused or written as text), or the buffer has failed. */
static inline pen put_binary(pen p, const cdbc_value *item, pg_kind kind, cx_buf *out)
{
	const cdbc_text *text = &item->as.text;
	int64_t number = item->as.int64;

	switch (item->kind) {
	case CDBC_VALUE_NULL:
		return put_null(p, out);
	case CDBC_VALUE_INT64:
		if (kind == PG_INT8)
			return put_item(p, &(uint64_t){htobe64((uint64_t)number)}, 8, out);
		if (kind == PG_INT4 && number == (int32_t)number)
			return put_item(p, &(uint32_t){htobe32((uint32_t)number)}, 4, out);
		break;
	case CDBC_VALUE_TEXT:
		if (kind == PG_TEXT && cx_text_is_clean(text->data, text->length))
			return put_item(p, text->data, text->length, out);
		break;
	case CDBC_VALUE_BYTES:
		if (kind == PG_BYTEA || (kind == PG_UUID && text->length == 16))
			return put_item(p, text->data, text->length, out);
		return (pen){NULL, 0};
	default:
		break;
	}
	return put_converted(p, item, kind, out);
}

static bool put_binary_array(const cdbc_value *array, const pg_type *row, cx_buf *out)
{
	const cdbc_value *items = array->as.array.items;
	size_t count = array->as.array.count, begin = out->length;
	pg_kind kind = (pg_kind)row->kind;
	uint32_t head[] = {htobe32(count > 0), 0, htobe32(row->oid), htobe32((uint32_t)count),
					   htobe32(1)};
	uint32_t has_null = 0;
	pen p;

	cx_buf_put(out, head, count ? sizeof head : 3 * sizeof *head);
	p = more((pen){NULL, 0}, 0, out);
	for (size_t i = 0; p.at && i < count; i++) {
		has_null |= items[i].kind == CDBC_VALUE_NULL;
		p = put_binary(p, &items[i], kind, out);
	}
	if (!p.at)
		return false;
	out->length = (size_t)(p.at - out->data);
	out->data[begin + 7] = (char)has_null; /* the flags */
	return true;
}

/* ---- text
 * ---------------------------------------------------------------------------------------------------
 */

static void put_quoted(cdbc_text text, cx_buf *out)
{
	size_t from = 0;

	cx_buf_putc(out, '"');
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] != '"' && text.data[i] != '\\')
			continue;
		cx_buf_put(out, text.data + from, i - from);
		cx_buf_putc(out, '\\');
		from = i;
	}
	cx_buf_put(out, text.data + from, text.length - from);
	cx_buf_putc(out, '"');
}

static void put_literal(const cdbc_value *value, pg_kind kind, cx_buf *out)
{
	char number[CX_CIVIL_MAX];

	switch (value->kind) {
	case CDBC_VALUE_NULL:
		cx_buf_puts(out, "NULL");
		break;
	case CDBC_VALUE_BOOL:
		cx_buf_puts(out, value->as.boolean ? "true" : "false");
		break;
	case CDBC_VALUE_INT64:
		cx_buf_put_int64(out, value->as.int64);
		break;
	case CDBC_VALUE_DOUBLE:
		cx_buf_put(out, number, cx_double_print(value->as.float64, number));
		break;
	case CDBC_VALUE_BYTES:
		if (kind == PG_UUID) {
			cx_buf_put(out, number, cx_uuid_print(value->as.text.data, number));
			break;
		}
		cx_buf_puts(out, "\"\\");
		cx_pg_put_hex(value->as.text, out);
		cx_buf_putc(out, '"');
		break;
	case CDBC_VALUE_TEXT:
		put_quoted(value->as.text, out);
		break;
	default: /* an array in it */
		cx_buf_putc(out, '{');
		for (size_t i = 0; i < value->as.array.count; i++) {
			if (i)
				cx_buf_putc(out, ',');
			put_literal(&value->as.array.items[i], kind, out);
		}
		cx_buf_putc(out, '}');
		break;
	}
}

/* ---- what an item may be
 * ------------------------------------------------------------------------------------ */

/* The rules of a value alone: numbers and bool that the type cannot hold are refused. row NULL: the
 * server judges. */
static cdbc_status check(const cdbc_value *item, const pg_type *row, int depth, size_t index,
						 cdbc_error **err)
{
	pg_kind kind = row ? (pg_kind)row->kind : PG_OTHER;
	cdbc_status status = CDBC_OK;
	cx_pg_param number;
	bool is_numeric_type = kind == PG_INT2 || kind == PG_INT4 || kind == PG_INT8 ||
						   kind == PG_OID || kind == PG_FLOAT4 || kind == PG_FLOAT8 ||
						   kind == PG_BOOL || kind == PG_BYTEA;

	switch (item->kind) {
	case CDBC_VALUE_NULL:
		return CDBC_OK;
	case CDBC_VALUE_TEXT:
		return cx_pg_check_text(item->as.text, index, err);
	case CDBC_VALUE_BYTES:
		if (!row || kind == PG_BYTEA || (kind == PG_UUID && item->as.text.length == 16))
			return CDBC_OK;
		return cx_pg_misfit(item, row->oid, index, err);
	case CDBC_VALUE_ARRAY:
		if (depth == DEPTH_MAX)
			return cx_error_set(err, CDBC_PARAM, "parameter $%zu: over %d arrays in each other",
								index + 1, DEPTH_MAX);
		for (size_t i = 0; !status && i < item->as.array.count; i++)
			status = check(&item->as.array.items[i], row, depth + 1, index, err);
		return status;
	default:
		if (is_numeric_type && !cx_pg_encode_binary(item, kind, &number))
			return cx_pg_misfit(item, row->oid, index, err);
		return CDBC_OK;
	}
}

cdbc_status cx_pg_encode_array(const cdbc_value *value, Oid oid, cx_pg_param *out, cx_buf *scratch,
							   size_t index, cdbc_error **err)
{
	bool is_array;
	const pg_type *row = oid ? cx_pg_type_find(oid, &is_array) : NULL;
	size_t begin = scratch->length;
	cdbc_status status;

	if (row && !is_array)
		return cx_pg_misfit(value, oid, index, err);
	if (row && value->as.array.count <= INT32_MAX && put_binary_array(value, row, scratch))
		return cx_pg_in_scratch(begin, 1, out, scratch, index, err);
	if (scratch->length > begin)
		scratch->length = begin;
	status = check(value, row, 0, index, err);
	if (status)
		return status;
	put_literal(value, row ? (pg_kind)row->kind : PG_OTHER, scratch);
	return cx_pg_in_scratch(begin, 0, out, scratch, index, err);
}
