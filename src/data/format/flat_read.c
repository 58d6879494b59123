// SPDX-License-Identifier: Apache-2.0
/* Reading flatbuffers that may be anything. */
#include "data/format/flat_read.h"

#include <string.h>

uint64_t cx_flat_get(cx_flat *flat, size_t at, size_t size)
{
	uint64_t number = 0;

	if (at > flat->length || size > flat->length - at) {
		flat->is_bad = true;
		return 0;
	}
	memcpy(&number, flat->data + at, size); /* little-endian, as we are */
	return number;
}

size_t cx_flat_follow(cx_flat *flat, size_t at)
{
	size_t distance, target;

	if (at == 0)
		return 0;
	distance = (size_t)cx_flat_get(flat, at, 4);
	target = at + distance;
	if (distance == 0 || target >= flat->length) {
		flat->is_bad = true;
		return 0;
	}
	return target;
}

size_t cx_flat_root(cx_flat *flat)
{
	size_t target = (size_t)cx_flat_get(flat, 0, 4);

	if (target == 0 || target >= flat->length)
		flat->is_bad = true;
	return flat->is_bad ? 0 : target;
}

size_t cx_flat_field(cx_flat *flat, size_t table, size_t slot)
{
	int64_t vtable;
	uint64_t size, offset;

	if (table == 0 || flat->is_bad)
		return 0;
	vtable = (int64_t)table - (int32_t)cx_flat_get(flat, table, 4);
	if (flat->is_bad || vtable < 0 || (uint64_t)vtable >= flat->length) {
		flat->is_bad = true;
		return 0;
	}
	size = cx_flat_get(flat, (size_t)vtable, 2);
	if (4 + 2 * slot + 2 > size)
		return 0;
	offset = cx_flat_get(flat, (size_t)vtable + 4 + 2 * slot, 2);
	return offset ? table + (size_t)offset : 0;
}

int64_t cx_flat_int(cx_flat *flat, size_t table, size_t slot, size_t size, int64_t absent)
{
	size_t at = cx_flat_field(flat, table, slot);
	uint64_t number;

	if (at == 0)
		return absent;
	number = cx_flat_get(flat, at, size);
	switch (size) {
	case 1:
		return (uint8_t)number;
	case 2:
		return (int16_t)number;
	case 4:
		return (int32_t)number;
	default:
		return (int64_t)number;
	}
}

size_t cx_flat_child(cx_flat *flat, size_t table, size_t slot)
{
	return cx_flat_follow(flat, cx_flat_field(flat, table, slot));
}

size_t cx_flat_items(cx_flat *flat, size_t table, size_t slot, size_t item_size, size_t *count)
{
	size_t at = cx_flat_child(flat, table, slot);

	*count = at ? (size_t)cx_flat_get(flat, at, 4) : 0;
	if (at == 0 || flat->is_bad)
		return 0;
	if (*count > (flat->length - at - 4) / item_size) {
		flat->is_bad = true;
		*count = 0;
		return 0;
	}
	return at + 4;
}
