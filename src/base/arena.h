// SPDX-License-Identifier: Apache-2.0
/* Many small allocations that die together. Not for hot paths that free one by one. */
#ifndef CX_ARENA_H
#define CX_ARENA_H

#include <cdbc/base.h>
#include <stddef.h>

typedef struct cx_arena_block {
	struct cx_arena_block *next;
	max_align_t bytes[];
} cx_arena_block;

typedef struct cx_arena {
	cx_arena_block *blocks;
	size_t used;
	size_t capacity;
} cx_arena;

#define CX_ARENA_INIT \
	{                 \
		NULL, 0, 0    \
	}

/* Memory aligned for anything, valid until cx_arena_free; NULL when out of memory. */
void *cx_arena_alloc(cx_arena *arena, size_t size);
void *cx_arena_calloc(cx_arena *arena, size_t count, size_t size);
/* The same without zeroes; NULL also when the product overflows. */
void *cx_arena_array(cx_arena *arena, size_t count, size_t size);
char *cx_arena_more_bytes(cx_arena *arena, size_t size);
/* Memory for bytes, at least one, not aligned: for texts, of which many stand close together. */
static inline char *cx_arena_bytes(cx_arena *arena, size_t size)
{
	char *p;

	if (arena->capacity - arena->used < size)
		return cx_arena_more_bytes(arena, size);
	p = (char *)arena->blocks->bytes + arena->used;
	arena->used += size;
	return p;
}

char *cx_arena_strndup(cx_arena *arena, const char *text, size_t length);
char *cx_arena_strdup(cx_arena *arena, const char *text);
void cx_arena_free(cx_arena *arena);

#endif
