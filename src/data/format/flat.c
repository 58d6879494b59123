// SPDX-License-Identifier: Apache-2.0
/* Flatbuffers, as much as Arrow's messages need. */
#include "data/format/flat.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
			   "flatbuffers and our columns are little-endian");

/* Adds n zero bytes; returns their place, 0 when the buffer has failed. */
static size_t put_zeros(cx_buf *buf, size_t n)
{
	size_t at = buf->length;

	if (!cx_buf_reserve(buf, n))
		return 0;
	memset(buf->data + at, 0, n + 1);
	buf->length += n;
	return at;
}

static void align(cx_buf *buf, size_t to)
{
	put_zeros(buf, (to - buf->length % to) % to);
}

void cx_flat_set(cx_buf *buf, size_t at, const void *value, size_t size)
{
	if (!buf->is_nomem && !buf->is_over && at + size <= buf->length)
		memcpy(buf->data + at, value, size);
}

void cx_flat_point(cx_buf *buf, size_t at, size_t target)
{
	uint32_t distance = (uint32_t)(target - at);

	cx_flat_set(buf, at, &distance, sizeof distance);
}

/* The widest fields come first, so that each lies at a multiple of its size; the first four bytes
 * are the way to the vtable. */
size_t cx_flat_table(cx_buf *buf, const uint8_t *sizes, size_t count, size_t *at)
{
	uint16_t vtable[2 + CX_FLAT_SLOTS_MAX] = {0};
	size_t vtable_size = (2 + count) * sizeof *vtable, end = 4, place, table;

	for (size_t size = 8; size; size /= 2) {
		for (size_t i = 0; i < count; i++) {
			if (sizes[i] != size)
				continue;
			end = (end + size - 1) / size * size;
			vtable[2 + i] = (uint16_t)end;
			end += size;
		}
	}
	vtable[0] = (uint16_t)vtable_size;
	vtable[1] = (uint16_t)end;
	align(buf, 2);
	place = put_zeros(buf, vtable_size);
	cx_flat_set(buf, place, vtable, vtable_size);
	align(buf, 8);
	table = put_zeros(buf, end);
	cx_flat_set32(buf, table, (int32_t)(table - place));
	for (size_t i = 0; i < count; i++)
		at[i] = table + vtable[2 + i];
	return table;
}

size_t cx_flat_vector(cx_buf *buf, size_t count, size_t item_size, size_t item_align)
{
	size_t place;

	align(buf, 4);
	if (item_align == 8 && buf->length % 8 == 0)
		put_zeros(buf, 4);
	place = put_zeros(buf, 4 + count * item_size);
	cx_flat_set32(buf, place, (int32_t)count);
	return place;
}

size_t cx_flat_string(cx_buf *buf, const char *text, size_t length)
{
	size_t place;

	align(buf, 4);
	place = put_zeros(buf, 4 + length + 1);
	cx_flat_set32(buf, place, (int32_t)length);
	cx_flat_set(buf, place + 4, text, length);
	return place;
}
