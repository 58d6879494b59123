// SPDX-License-Identifier: Apache-2.0
/* Many small allocations that die together. Not for hot paths that free one by one. */
#ifndef CX_ARENA_H
#define CX_ARENA_H

#include <cdbc/base.h>

typedef struct cx_arena_block cx_arena_block;
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
char *cx_arena_strndup(cx_arena *arena, const char *text, size_t length);
char *cx_arena_strdup(cx_arena *arena, const char *text);
void cx_arena_free(cx_arena *arena);

#endif
