// SPDX-License-Identifier: Apache-2.0
/* Values as text and as JSON, by storage. Quoting that belongs to a format is the format's; reading
 * text is src/base's. */
#include "data/result/print.h"

#include "base/civil.h"
#include "base/decimal.h"
#include "base/json.h"
#include "base/number.h"

#include <math.h>
#include <strings.h>

/* Room for n bytes at the buffer's end, or NULL. */
static char *room(cx_buf *out, size_t n)
{
	return cx_buf_reserve(out, n) ? out->data + out->length : NULL;
}

static void put_int64(cx_buf *out, int64_t number)
{
	char *p = room(out, CX_NUMBER_MAX);

	if (p)
		out->length += cx_int64_print(number, p);
}

static void put_hex(cx_buf *out, cdbc_text bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *p;

	if (bytes.length > SIZE_MAX / 2) {
		out->is_over = true;
		return;
	}
	p = room(out, bytes.length * 2);
	if (!p)
		return;
	for (size_t i = 0; i < bytes.length; i++) {
		*p++ = digits[(unsigned char)bytes.data[i] >> 4];
		*p++ = digits[(unsigned char)bytes.data[i] & 15];
	}
	*p = '\0';
	out->length += bytes.length * 2;
}

static const char *at16(const struct ArrowArray *array, int64_t at)
{
	return (const char *)array->buffers[1] + at * 16;
}

#define VALUE(ctype) (((const ctype *)array->buffers[1])[at])

static bool bit_at(const struct ArrowArray *array, int64_t at)
{
	return ((const uint8_t *)array->buffers[1])[at >> 3] >> (at & 7) & 1;
}

static void put_interval(cx_buf *out, const char *bytes, bool is_iso)
{
	char *p = room(out, CX_CIVIL_MAX);
	int32_t months, days;
	int64_t ns;

	if (!p)
		return;
	memcpy(&months, bytes, 4);
	memcpy(&days, bytes + 4, 4);
	memcpy(&ns, bytes + 8, 8);
	out->length += is_iso ? cx_interval_print_iso(months, days, ns, p)
						  : cx_interval_print_pg(months, days, ns, p);
}

/* What both forms print alike, and JSON puts between quotes. */
static void put_civil(cx_buf *out, cx_storage storage, const struct ArrowArray *array, int64_t at)
{
	char *p = room(out, CX_CIVIL_MAX);

	if (!p)
		return;
	switch (storage) {
	case CX_DATE32:
		out->length += cx_date_print(VALUE(int32_t), p);
		return;
	case CX_TIME64:
		out->length += cx_time_print(VALUE(int64_t), p);
		return;
	case CX_TIMESTAMP:
	case CX_TIMESTAMPTZ:
		out->length += cx_timestamp_print(VALUE(int64_t), storage == CX_TIMESTAMPTZ, true, p);
		return;
	default:
		out->length += cx_uuid_print(at16(array, at), p);
	}
}

/* Numbers print alike everywhere; JSON takes care of those that are none. */
static void put_number(cx_buf *out, const cx_field *field, const struct ArrowArray *array,
					   int64_t at)
{
	char *p;

	switch (field->storage) {
	case CX_INT16:
		put_int64(out, VALUE(int16_t));
		return;
	case CX_INT32:
		put_int64(out, VALUE(int32_t));
		return;
	case CX_INT64:
		put_int64(out, VALUE(int64_t));
		return;
	default:
		break;
	}
	p = room(out, CX_DECIMAL_MAX);
	if (!p)
		return;
	if (field->storage == CX_FLOAT32)
		out->length += cx_float_print(VALUE(float), p);
	else if (field->storage == CX_FLOAT64)
		out->length += cx_double_print(VALUE(double), p);
	else
		out->length += cx_decimal_print(at16(array, at), field->type.scale, p);
}

/* ---- lists
 * --------------------------------------------------------------------------------------------------
 */

typedef struct list_view {
	cx_field item;
	const struct ArrowArray *array;
	int64_t first, end; /* with the items' offset counted in */
} list_view;

static list_view list_at(const cx_field *field, const struct ArrowArray *array, int64_t at)
{
	const int32_t *offsets = array->buffers[1];
	list_view list = {.item = *field, .array = array->children[0]};

	list.item.storage = field->item;
	list.item.type.is_array = false;
	list.first = offsets[at] + list.array->offset;
	list.end = offsets[at + 1] + list.array->offset;
	return list;
}

/* As PostgreSQL's array_out: an item in quotes when it is empty, looks like NULL, or has a
 * character that means something. */
static bool needs_quotes(const char *text, size_t length)
{
	if (length == 0 || (length == 4 && strncasecmp(text, "NULL", 4) == 0))
		return true;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '{' || c == '}' || c == '"' || c == ',' || c == '\\' || c == ' ' ||
			(c >= '\t' && c <= '\r'))
			return true;
	}
	return false;
}

/* Puts what was printed from start on between quotes. */
static void quote_item(cx_buf *out, size_t start)
{
	size_t length = out->length - start, escapes = 0;
	char *from, *to;

	for (size_t i = start; i < out->length; i++)
		escapes += out->data[i] == '"' || out->data[i] == '\\';
	if (!room(out, escapes + 2))
		return;
	from = out->data + out->length;
	to = from + escapes + 2;
	out->length += escapes + 2;
	*to = '\0';
	*--to = '"';
	while (length--) {
		*--to = *--from;
		if (*from == '"' || *from == '\\')
			*--to = '\\';
	}
	*--to = '"';
}

static void list_text(cx_buf *out, const cx_field *field, const struct ArrowArray *array,
					  int64_t at)
{
	list_view list = list_at(field, array, at);

	cx_buf_putc(out, '{');
	for (int64_t i = list.first; i < list.end; i++) {
		size_t start;

		if (i > list.first)
			cx_buf_putc(out, ',');
		if (cx_is_null_at(list.array, i)) {
			cx_buf_put(out, "NULL", 4);
			continue;
		}
		start = out->length;
		cx_print_text(out, &list.item, list.array, i);
		if (!out->is_nomem && !out->is_over && needs_quotes(out->data + start, out->length - start))
			quote_item(out, start);
	}
	cx_buf_putc(out, '}');
}

static void list_json(cx_buf *out, const cx_field *field, const struct ArrowArray *array,
					  int64_t at)
{
	list_view list = list_at(field, array, at);

	cx_buf_putc(out, '[');
	for (int64_t i = list.first; i < list.end; i++) {
		if (i > list.first)
			cx_buf_putc(out, ',');
		cx_print_json(out, &list.item, list.array, i);
	}
	cx_buf_putc(out, ']');
}

/* ---- text
 * ---------------------------------------------------------------------------------------------------
 */

void cx_print_text(cx_buf *out, const cx_field *field, const struct ArrowArray *array, int64_t at)
{
	cdbc_text text;

	if (cx_is_null_at(array, at))
		return;
	switch (field->storage) {
	case CX_BOOL:
		cx_buf_putc(out, bit_at(array, at) ? 't' : 'f');
		return;
	case CX_UTF8:
		text = cx_bytes_at(array, at);
		cx_buf_put(out, text.data, text.length);
		return;
	case CX_BINARY:
		cx_buf_put(out, "\\x", 2);
		put_hex(out, cx_bytes_at(array, at));
		return;
	case CX_INTERVAL:
		put_interval(out, at16(array, at), false);
		return;
	case CX_LIST:
		list_text(out, field, array, at);
		return;
	case CX_DATE32:
	case CX_TIME64:
	case CX_TIMESTAMP:
	case CX_TIMESTAMPTZ:
	case CX_UUID:
		put_civil(out, field->storage, array, at);
		return;
	default:
		put_number(out, field, array, at);
	}
}

/* ---- JSON
 * ---------------------------------------------------------------------------------------------------
 */

/* JSON as it is, but on one line: a raw line end can only be white space in it. */
static void embed_json(cx_buf *out, cdbc_text text)
{
	size_t start = out->length;

	if (!cx_json_is_valid(text.data, text.length, CX_JSON_DEPTH_MAX)) {
		cx_json_put_string(out, text.data, text.length);
		return;
	}
	cx_buf_put(out, text.data, text.length);
	for (size_t i = start; i < out->length; i++)
		if (out->data[i] == '\n' || out->data[i] == '\r')
			out->data[i] = ' ';
}

static void text_json(cx_buf *out, cdbc_type_id id, cdbc_text text)
{
	if (id == CDBC_TYPE_JSON)
		embed_json(out, text);
	else if (id == CDBC_TYPE_NUMERIC && cx_json_is_number(text.data, text.length))
		cx_buf_put(out, text.data, text.length);
	else
		cx_json_put_string(out, text.data, text.length);
}

/* JSON has no word for numbers that are none: PostgreSQL's words, as strings. */
static void float_json(cx_buf *out, const cx_field *field, const struct ArrowArray *array,
					   int64_t at)
{
	bool is_number =
		field->storage == CX_FLOAT32 ? isfinite(VALUE(float)) : isfinite(VALUE(double));

	if (!is_number)
		cx_buf_putc(out, '"');
	put_number(out, field, array, at);
	if (!is_number)
		cx_buf_putc(out, '"');
}

static void quoted_json(cx_buf *out, const cx_field *field, const struct ArrowArray *array,
						int64_t at)
{
	cx_buf_putc(out, '"');
	if (field->storage == CX_BINARY) {
		cx_buf_put(out, "\\\\x", 3);
		put_hex(out, cx_bytes_at(array, at));
	} else if (field->storage == CX_INTERVAL) {
		put_interval(out, at16(array, at), true);
	} else {
		put_civil(out, field->storage, array, at);
	}
	cx_buf_putc(out, '"');
}

void cx_print_json(cx_buf *out, const cx_field *field, const struct ArrowArray *array, int64_t at)
{
	if (cx_is_null_at(array, at)) {
		cx_buf_put(out, "null", 4);
		return;
	}
	switch (field->storage) {
	case CX_BOOL:
		cx_buf_puts(out, bit_at(array, at) ? "true" : "false");
		return;
	case CX_UTF8:
		text_json(out, field->type.id, cx_bytes_at(array, at));
		return;
	case CX_LIST:
		list_json(out, field, array, at);
		return;
	case CX_FLOAT32:
	case CX_FLOAT64:
		float_json(out, field, array, at);
		return;
	case CX_INT16:
	case CX_INT32:
	case CX_INT64:
	case CX_DECIMAL128:
		put_number(out, field, array, at);
		return;
	default:
		quoted_json(out, field, array, at);
	}
}
