// SPDX-License-Identifier: Apache-2.0
/* The allocator hook. Nothing else in the library calls malloc. */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

cdbc_allocator cx_allocator = {malloc, realloc, free};

void cdbc_set_allocator(const cdbc_allocator *allocator)
{
	static const cdbc_allocator standard = {malloc, realloc, free};

	cx_allocator = allocator ? *allocator : standard;
}

const char *cdbc_version(void)
{
	return CDBC_VERSION_STRING;
}

void *cx_calloc(size_t count, size_t size)
{
	size_t total;
	void *p;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	p = cx_alloc(total ? total : 1);
	if (p)
		memset(p, 0, total);
	return p;
}

char *cx_strndup(const char *text, size_t length)
{
	char *copy;

	if (!text || length == SIZE_MAX)
		return NULL;
	copy = cx_alloc(length + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *cx_strdup(const char *text)
{
	return text ? cx_strndup(text, strlen(text)) : NULL;
}

bool cx_grow(void *items_ptr, size_t count, size_t *capacity, size_t item_size)
{
	void *items, *grown;
	size_t wanted, bytes;

	if (count < *capacity)
		return true;
	wanted = *capacity ? *capacity : 8;
	if (count >= wanted && __builtin_mul_overflow(wanted, (size_t)2, &wanted))
		return false;
	if (__builtin_mul_overflow(wanted, item_size, &bytes))
		return false;
	memcpy(&items, items_ptr, sizeof items);
	grown = cx_realloc(items, bytes);
	if (!grown)
		return false;
	memcpy(items_ptr, &grown, sizeof grown);
	*capacity = wanted;
	return true;
}
