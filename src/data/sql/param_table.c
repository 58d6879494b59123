// SPDX-License-Identifier: Apache-2.0
/* Numbers for parameters' names: see the header. */
#include "data/sql/param_table.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <string.h>

#define SEARCHED_MAX 16 /* a power of two */

static bool is_param(const cx_seen_param *seen, const char *name, size_t length, uint64_t hash)
{
	return seen->hash == hash && seen->length == length && !memcmp(seen->name, name, length);
}

/* The slot of a parameter, or the free one where it belongs. */
static uint32_t *slot_of(const cx_param_table *table, const char *name, size_t length,
						 uint64_t hash)
{
	size_t mask = table->slot_count - 1, i = hash & mask;

	while (table->slots[i] && !is_param(&table->items[table->slots[i] - 1], name, length, hash))
		i = (i + 1) & mask;
	return &table->slots[i];
}

uint32_t cx_param_table_find(const cx_param_table *table, const char *name, size_t length)
{
	uint64_t hash = cx_hash_bytes(name, length, 0);

	if (table->slots)
		return *slot_of(table, name, length, hash);
	for (size_t i = 0; i < table->count; i++)
		if (is_param(&table->items[i], name, length, hash))
			return (uint32_t)i + 1;
	return 0;
}

/* Notes where the latest is; when the table grows, where each of them is. */
static bool index_latest(cx_param_table *table)
{
	size_t from = table->count - 1;

	if (table->count <= SEARCHED_MAX)
		return true;
	if (table->count * 2 > table->slot_count) {
		size_t count = table->slot_count ? table->slot_count * 4 : SEARCHED_MAX * 8;
		uint32_t *slots = cx_calloc(count, sizeof *slots);

		if (!slots)
			return false;
		cx_free(table->slots);
		table->slots = slots;
		table->slot_count = count;
		from = 0;
	}
	for (; from < table->count; from++) {
		const cx_seen_param *seen = &table->items[from];

		*slot_of(table, seen->name, seen->length, seen->hash) = (uint32_t)from + 1;
	}
	return true;
}

uint32_t cx_param_table_add(cx_param_table *table, const char *name, size_t length)
{
	if (!cx_grow(&table->items, table->count, &table->capacity, sizeof *table->items))
		return 0;
	table->items[table->count++] = (cx_seen_param){
		name, length, cx_hash_bytes(name, length, 0), {CDBC_TYPE_UNKNOWN, false, -1, -1}, false};
	return index_latest(table) ? (uint32_t)table->count : 0;
}

void cx_param_table_free(cx_param_table *table)
{
	cx_free(table->items);
	cx_free(table->slots);
	*table = (cx_param_table){0};
}
