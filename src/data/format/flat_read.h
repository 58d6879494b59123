// SPDX-License-Identifier: Apache-2.0
/* Flatbuffers from outside, as much as Arrow's messages need: every read is within the bytes, or
 * gives 0 and notes it. Knows nothing of Arrow. */
#ifndef CX_FLAT_READ_H
#define CX_FLAT_READ_H

#include <cdbc/base.h>

typedef struct cx_flat {
	const uint8_t *data;
	size_t length;
	bool is_bad; /* sticky: something pointed outside */
} cx_flat;

/* A number of size bytes (1, 2, 4, 8) at a place, without a sign. */
uint64_t cx_flat_get(cx_flat *flat, size_t at, size_t size);
/* The table that the bytes begin with; 0 stands for none. */
size_t cx_flat_root(cx_flat *flat);
/* Where a table's field is; 0: it is absent. */
size_t cx_flat_field(cx_flat *flat, size_t table, size_t slot);
/* Scalars of a table, with their default. */
int64_t cx_flat_int(cx_flat *flat, size_t table, size_t slot, size_t size, int64_t absent);
/* What a field points to; 0: it is absent. */
size_t cx_flat_follow(cx_flat *flat, size_t at);
size_t cx_flat_child(cx_flat *flat, size_t table, size_t slot);
/* A vector in a table: its first item's place, and how many of item_size bytes there are. */
size_t cx_flat_items(cx_flat *flat, size_t table, size_t slot, size_t item_size, size_t *count);

#endif
