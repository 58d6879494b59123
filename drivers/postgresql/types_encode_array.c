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

static void put32(cx_buf *out, uint32_t number)
{
	uint32_t big = htobe32(number);

	cx_buf_put(out, &big, sizeof big);
}

/* An item with its length before it, in one piece of room. */
static inline void put_item(const void *bytes, size_t length, cx_buf *out)
{
	uint32_t big = htobe32((uint32_t)length);

	if (!cx_buf_reserve(out, sizeof big + length))
		return;
	memcpy(out->data + out->length, &big, sizeof big);
	if (length)
		memcpy(out->data + out->length + sizeof big, bytes, length);
	out->length += sizeof big + length;
}

static bool put_text(cdbc_text text, pg_kind kind, cx_buf *out)
{
	char uuid[16];

	if (kind == PG_TEXT && cx_text_is_clean(text.data, text.length))
		put_item(text.data, text.length, out);
	else if (kind == PG_UUID && cx_uuid_parse(text.data, text.length, uuid) == CX_PARSE_OK)
		put_item(uuid, sizeof uuid, out);
	else
		return false;
	return true;
}

/* Numbers of their own type first: the rest goes the way of single values. */
static inline bool put_number(const cdbc_value *item, pg_kind kind, cx_buf *out)
{
	cx_pg_param number;

	if (item->kind == CDBC_VALUE_INT64 && kind == PG_INT8) {
		put_item(&(uint64_t){htobe64((uint64_t)item->as.int64)}, 8, out);
	} else if (item->kind == CDBC_VALUE_INT64 && kind == PG_INT4 &&
			   item->as.int64 == (int32_t)item->as.int64) {
		put_item(&(uint32_t){htobe32((uint32_t)item->as.int64)}, 4, out);
	} else {
		if (!cx_pg_encode_binary(item, kind, &number))
			return false;
		put_item(number.fixed, (size_t)number.length, out);
	}
	return true;
}

/* Checks an item and writes it, at once. False: it has no binary form, or is none of this type:
 * then the array is looked at again, and refused or written as text. */
static inline bool put_binary(const cdbc_value *item, pg_kind kind, bool *has_null, cx_buf *out)
{
	switch (item->kind) {
	case CDBC_VALUE_NULL:
		put32(out, UINT32_MAX);
		*has_null = true;
		return true;
	case CDBC_VALUE_TEXT:
		return put_text(item->as.text, kind, out);
	case CDBC_VALUE_BYTES:
		if (kind != PG_BYTEA && (kind != PG_UUID || item->as.text.length != 16))
			return false;
		put_item(item->as.text.data, item->as.text.length, out);
		return true;
	default:
		return put_number(item, kind, out);
	}
}

static bool put_binary_array(const cdbc_value *array, const pg_type *row, cx_buf *out)
{
	size_t count = array->as.array.count, flags;
	bool has_null = false;

	put32(out, count ? 1 : 0);
	flags = out->length;
	put32(out, 0);
	put32(out, row->oid);
	if (count) {
		put32(out, (uint32_t)count);
		put32(out, 1);
	}
	for (size_t i = 0; i < count; i++)
		if (!put_binary(&array->as.array.items[i], (pg_kind)row->kind, &has_null, out))
			return false;
	if (has_null && cx_buf_reserve(out, 0))
		out->data[flags + 3] = 1;
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
