// SPDX-License-Identifier: Apache-2.0
/* Flatbuffers, as much as Arrow's messages need, written from front to back: a table or vector is
 * put down with room for its fields, and what it points to comes after it. Knows nothing of Arrow.
 * Positions count from the buffer's start, which must be empty at first. */
#ifndef CX_FLAT_H
#define CX_FLAT_H

#include "base/buf.h"

#define CX_FLAT_SLOTS_MAX 8

/* Puts a table whose field i takes sizes[i] bytes (1, 2, 4, 8; 0: absent), all zero, and sets at[i]
 * to the field's place. Returns the table's place, for cx_flat_point. */
size_t cx_flat_table(cx_buf *buf, const uint8_t *sizes, size_t count, size_t *at);
/* Puts a vector of count zeroed items; its first is at the returned place + 4. item_align: 4 or 8.
 */
size_t cx_flat_vector(cx_buf *buf, size_t count, size_t item_size, size_t item_align);
size_t cx_flat_string(cx_buf *buf, const char *text, size_t length);

/* Set the field at a place. */
void cx_flat_set(cx_buf *buf, size_t at, const void *value, size_t size);
static inline void cx_flat_set8(cx_buf *buf, size_t at, uint8_t value)
{
	cx_flat_set(buf, at, &value, 1);
}
static inline void cx_flat_set16(cx_buf *buf, size_t at, int16_t value)
{
	cx_flat_set(buf, at, &value, 2);
}
static inline void cx_flat_set32(cx_buf *buf, size_t at, int32_t value)
{
	cx_flat_set(buf, at, &value, 4);
}
static inline void cx_flat_set64(cx_buf *buf, size_t at, int64_t value)
{
	cx_flat_set(buf, at, &value, 8);
}
/* Makes the four bytes at a place point to what lies at target, further on. */
void cx_flat_point(cx_buf *buf, size_t at, size_t target);

#endif
