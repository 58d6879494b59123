// SPDX-License-Identifier: Apache-2.0
/* The arena: blocks that grow, freed at once. */
#include "base/arena.h"

#include "base/alloc.h"

#include <stddef.h>
#include <string.h>

#define FIRST_BLOCK  1008u /* with its head no more than what malloc keeps at hand for a thread */
#define LARGEST_STEP (256u * 1024u)

struct cx_arena_block {
	cx_arena_block *next;
	max_align_t bytes[];
};

void *cx_arena_alloc(cx_arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	size_t need, capacity;
	cx_arena_block *block;

	if (size > SIZE_MAX / 2)
		return NULL;
	need = (size + align - 1) / align * align;
	if (need == 0)
		need = align;
	if (!arena->blocks || arena->capacity - arena->used < need) {
		capacity = arena->capacity ? arena->capacity * 2 : FIRST_BLOCK;
		if (capacity > LARGEST_STEP)
			capacity = LARGEST_STEP;
		if (capacity < need)
			capacity = need;
		block = cx_alloc(sizeof *block + capacity);
		if (!block)
			return NULL;
		block->next = arena->blocks;
		arena->blocks = block;
		arena->capacity = capacity;
		arena->used = 0;
	}
	arena->used += need;
	return (char *)arena->blocks->bytes + arena->used - need;
}

void *cx_arena_calloc(cx_arena *arena, size_t count, size_t size)
{
	size_t total;
	void *p;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	p = cx_arena_alloc(arena, total);
	if (p)
		memset(p, 0, total);
	return p;
}

char *cx_arena_strndup(cx_arena *arena, const char *text, size_t length)
{
	char *copy;

	if (!text || length == SIZE_MAX)
		return NULL;
	copy = cx_arena_alloc(arena, length + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *cx_arena_strdup(cx_arena *arena, const char *text)
{
	return text ? cx_arena_strndup(arena, text, strlen(text)) : NULL;
}

void cx_arena_free(cx_arena *arena)
{
	while (arena->blocks) {
		cx_arena_block *next = arena->blocks->next;

		cx_free(arena->blocks);
		arena->blocks = next;
	}
	arena->used = 0;
	arena->capacity = 0;
}
