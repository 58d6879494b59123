// SPDX-License-Identifier: Apache-2.0
/* The one way to memory: everything goes through the hook that cdbc_set_allocator sets, which is
 * also where tests make allocation n fail. No function here reports an error: NULL means out of
 * memory. */
#ifndef CX_ALLOC_H
#define CX_ALLOC_H

#include <cdbc/base.h>

extern cdbc_allocator cx_allocator;

static inline void *cx_alloc(size_t size)
{
	return cx_allocator.alloc(size);
}

static inline void *cx_realloc(void *old, size_t size)
{
	return cx_allocator.realloc(old, size);
}

static inline void cx_free(void *block)
{
	cx_allocator.free(block);
}

/* Zeroed memory for count items of size bytes; NULL when the product overflows. */
void *cx_calloc(size_t count, size_t size);
/* Copies of a text; the length form adds a NUL. text NULL gives NULL. */
char *cx_strdup(const char *text);
char *cx_strndup(const char *text, size_t length);

/* A growable array: makes room for one more item after *count ones, doubling; false when out of
 * memory, items unchanged. */
bool cx_grow(void *items_ptr, size_t count, size_t *capacity, size_t item_size);

#endif
