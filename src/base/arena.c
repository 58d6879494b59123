// SPDX-License-Identifier: Apache-2.0
/* The arena: blocks that grow, freed at once. */
#include "base/arena.h"

#include "base/alloc.h"

#include <string.h>

#define FIRST_BLOCK  1008u /* with its head no more than what malloc keeps at hand for a thread */
#define LARGEST_STEP (256u * 1024u)

/* A new block with room for size bytes. */
static bool add_block(cx_arena *arena, size_t size)
{
	size_t capacity = arena->capacity ? arena->capacity * 2 : FIRST_BLOCK;
	cx_arena_block *block;

	if (size > SIZE_MAX / 2)
		return false;
	if (capacity > LARGEST_STEP)
		capacity = LARGEST_STEP;
	if (capacity < size)
		capacity = size;
	block = cx_alloc(sizeof *block + capacity);
	if (!block)
		return false;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->capacity = capacity;
	arena->used = 0;
	return true;
}

char *cx_arena_more_bytes(cx_arena *arena, size_t size)
{
	if ((!arena->blocks || arena->capacity - arena->used < size) && !add_block(arena, size))
		return NULL;
	arena->used += size;
	return (char *)arena->blocks->bytes + arena->used - size;
}

void *cx_arena_alloc(cx_arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	size_t at = (arena->used + align - 1) / align * align;

	size += size == 0; /* each has its own */
	if (arena->blocks && at <= arena->capacity && arena->capacity - at >= size)
		arena->used = at;
	else if (!add_block(arena, size))
		return NULL;
	arena->used += size;
	return (char *)arena->blocks->bytes + arena->used - size;
}

void *cx_arena_array(cx_arena *arena, size_t count, size_t size)
{
	size_t total;

	return __builtin_mul_overflow(count, size, &total) ? NULL : cx_arena_alloc(arena, total);
}

void *cx_arena_calloc(cx_arena *arena, size_t count, size_t size)
{
	void *p = cx_arena_array(arena, count, size);

	if (p)
		memset(p, 0, count * size);
	return p;
}

char *cx_arena_strndup(cx_arena *arena, const char *text, size_t length)
{
	char *copy;

	if (!text || length == SIZE_MAX)
		return NULL;
	copy = cx_arena_bytes(arena, length + 1);
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
