// SPDX-License-Identifier: Apache-2.0
/* Rows as text and as COPY's lines: the one place where a caller's value gets the text that a
 * database reads it from. */
#include "data/format/row_block.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/number.h"

#define ARRAY_DEPTH_MAX 6

/* ---- text ---- */

static void put_hex(cx_buf *out, const char *data, size_t length)
{
	static const char hex[] = "0123456789abcdef";

	cx_buf_put(out, "\\x", 2);
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)data[i];

		cx_buf_putc(out, hex[byte >> 4]);
		cx_buf_putc(out, hex[byte & 15]);
	}
}

static cdbc_status put_text(cx_buf *out, const cdbc_value *value, int depth, cdbc_error **err);

/* An item of an array, between quotes: what it holds is never looked at. */
static cdbc_status put_item(cx_buf *out, const cdbc_value *item, int depth, cdbc_error **err)
{
	cx_buf text = CX_BUF_INIT(CX_ROW_TEXT_MAX);
	cdbc_status status;

	if (item->kind == CDBC_VALUE_NULL) {
		cx_buf_put(out, "NULL", 4);
		return CDBC_OK;
	}
	if (item->kind == CDBC_VALUE_ARRAY)
		return put_text(out, item, depth + 1, err);
	status = put_text(&text, item, depth, err);
	if (!status)
		status = cx_buf_status(&text, "array", err);
	cx_buf_putc(out, '"');
	for (size_t i = 0; !status && i < text.length; i++) {
		if (text.data[i] == '"' || text.data[i] == '\\')
			cx_buf_putc(out, '\\');
		cx_buf_putc(out, text.data[i]);
	}
	cx_buf_putc(out, '"');
	cx_buf_free(&text);
	return status;
}

static cdbc_status put_text(cx_buf *out, const cdbc_value *value, int depth, cdbc_error **err)
{
	char number[CX_NUMBER_MAX];
	cdbc_status status = CDBC_OK;

	switch (value->kind) {
	case CDBC_VALUE_BOOL:
		cx_buf_putc(out, value->as.boolean ? 't' : 'f');
		return CDBC_OK;
	case CDBC_VALUE_INT64:
		cx_buf_put_int64(out, value->as.int64);
		return CDBC_OK;
	case CDBC_VALUE_DOUBLE:
		cx_buf_put(out, number, cx_double_print(value->as.float64, number));
		return CDBC_OK;
	case CDBC_VALUE_TEXT:
		cx_buf_put(out, value->as.text.data, value->as.text.length);
		return CDBC_OK;
	case CDBC_VALUE_BYTES:
		put_hex(out, value->as.text.data, value->as.text.length);
		return CDBC_OK;
	case CDBC_VALUE_ARRAY:
		if (depth >= ARRAY_DEPTH_MAX)
			return cx_error_set(err, CDBC_UNSUPPORTED, "an array of more than %d dimensions",
								ARRAY_DEPTH_MAX);
		cx_buf_putc(out, '{');
		for (size_t i = 0; !status && i < value->as.array.count; i++) {
			if (i)
				cx_buf_putc(out, ',');
			status = put_item(out, &value->as.array.items[i], depth, err);
		}
		cx_buf_putc(out, '}');
		return status;
	default:
		return cx_error_set(err, CDBC_UNSUPPORTED, "a value of kind %d", (int)value->kind);
	}
}

cdbc_status cx_value_text(cx_buf *out, const cdbc_value *value, cdbc_error **err)
{
	return put_text(out, value, 0, err);
}

static void put_escaped(cx_buf *out, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *p = text;

		while (p < end && *p != '\t' && *p != '\n' && *p != '\r' && *p != '\\')
			p++;
		cx_buf_put(out, text, (size_t)(p - text));
		if (p < end) {
			cx_buf_putc(out, '\\');
			cx_buf_putc(out, *p == '\n' ? 'n' : *p == '\r' ? 'r' : *p == '\t' ? 't' : '\\');
			p++;
		}
		text = p;
	}
}

cdbc_status cx_copy_line(cx_buf *out, const cdbc_value *values, size_t count, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; !status && i < count; i++) {
		const cdbc_value *value = &values[i];

		if (i)
			cx_buf_putc(out, '\t');
		if (value->kind == CDBC_VALUE_NULL) {
			cx_buf_put(out, "\\N", 2);
		} else if (value->kind == CDBC_VALUE_TEXT) {
			put_escaped(out, value->as.text.data, value->as.text.length);
		} else if (value->kind == CDBC_VALUE_BYTES) {
			cx_buf_putc(out, '\\');
			put_hex(out, value->as.text.data, value->as.text.length);
		} else if (value->kind == CDBC_VALUE_ARRAY) {
			cx_buf text = CX_BUF_INIT(CX_ROW_TEXT_MAX);

			status = put_text(&text, value, 0, err);
			if (!status)
				status = cx_buf_status(&text, "array", err);
			if (!status)
				put_escaped(out, text.data, text.length);
			cx_buf_free(&text);
		} else {
			status = put_text(out, value, 0, err);
		}
	}
	cx_buf_putc(out, '\n');
	return status;
}

/* ---- blocks ---- */

void cx_row_block_init(cx_row_block *block)
{
	*block = (cx_row_block){0};
	cx_buf_init(&block->text, CX_ROW_TEXT_MAX);
}

void cx_row_block_fini(cx_row_block *block)
{
	cx_buf_free(&block->text);
	cx_free(block->cells);
	cx_free(block->places);
	*block = (cx_row_block){0};
}

void cx_row_block_clear(cx_row_block *block)
{
	block->row_count = 0;
	cx_buf_clear(&block->text);
}

static bool grow(void **items, size_t *room, size_t need, size_t size)
{
	size_t more = *room ? *room : 64;
	void *grown;

	while (more < need)
		more *= 2;
	if (more == *room)
		return true;
	grown = cx_realloc(*items, more * size);
	if (!grown)
		return false;
	*items = grown;
	*room = more;
	return true;
}

cdbc_status cx_row_block_add(cx_row_block *block, const cx_record *record, int64_t row,
							 cdbc_error **err)
{
	size_t first = block->row_count * block->width, before = block->text.length;
	cx_row_place *place;
	cdbc_status status = CDBC_OK;

	if (!grow((void **)&block->cells, &block->cell_room, first + block->width,
			  sizeof *block->cells) ||
		!grow((void **)&block->places, &block->place_room, block->row_count + 1,
			  sizeof *block->places))
		return cx_error_nomem(err);
	for (size_t i = 0; !status && i < block->width; i++) {
		cx_row_cell *cell = &block->cells[first + i];
		const cdbc_value *value = &record->values[i];

		*cell = (cx_row_cell){block->text.length, 0, value->kind == CDBC_VALUE_NULL};
		if (!cell->is_null)
			status = cx_value_text(&block->text, value, err);
		cell->length = block->text.length - cell->at;
	}
	place = &block->places[block->row_count];
	*place = (cx_row_place){row, record->line, block->text.length, 0};
	if (block->keeps_raw && record->raw) {
		cx_buf_put(&block->text, record->raw, record->raw_length);
		place->raw_length = record->raw_length;
	} else {
		place->raw_at = SIZE_MAX;
	}
	if (!status)
		status = cx_buf_status(&block->text, "rows", err);
	if (status)
		block->text.length = before < block->text.length ? before : block->text.length;
	else
		block->row_count++;
	return status;
}

cdbc_value cx_row_block_value(const cx_row_block *block, size_t row, size_t column)
{
	const cx_row_cell *cell = &block->cells[row * block->width + column];

	if (cell->is_null)
		return cdbc_null();
	return cdbc_text_n(block->text.data ? block->text.data + cell->at : "", cell->length);
}

void cx_row_block_lines(const cx_row_block *block, size_t from, size_t to, cx_buf *out)
{
	for (size_t row = from; row < to; row++) {
		for (size_t i = 0; i < block->width; i++) {
			cdbc_value value = cx_row_block_value(block, row, i);

			if (i)
				cx_buf_putc(out, '\t');
			if (value.kind == CDBC_VALUE_NULL)
				cx_buf_put(out, "\\N", 2);
			else
				put_escaped(out, value.as.text.data, value.as.text.length);
		}
		cx_buf_putc(out, '\n');
	}
}

cdbc_text cx_row_block_raw(const cx_row_block *block, size_t row, cx_buf *made)
{
	const cx_row_place *place = &block->places[row];

	if (place->raw_at != SIZE_MAX)
		return (cdbc_text){block->text.data ? block->text.data + place->raw_at : "",
						   place->raw_length};
	cx_buf_clear(made);
	cx_row_block_lines(block, row, row + 1, made);
	return (cdbc_text){made->data ? made->data : "", made->length ? made->length - 1 : 0};
}
