// SPDX-License-Identifier: Apache-2.0
/* The named parameters of one statement while it is read: a number for each name, by search while
 * they are few, by hash when they are many. What a parameter means is not known here. */
#ifndef CX_PARAM_TABLE_H
#define CX_PARAM_TABLE_H

#include <cdbc/driver.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cx_seen_param {
	const char *name; /* borrowed; no NUL at its end */
	size_t length;
	uint64_t hash;
	cdbc_type type;
	bool is_list;
} cx_seen_param;

/* All zeros: empty. */
typedef struct cx_param_table {
	cx_seen_param *items; /* number 1 first */
	size_t count, capacity;
	uint32_t *slots; /* numbers by hash, 0: free; NULL while there are few */
	size_t slot_count;
} cx_param_table;

/* The number of a name, or 0. */
uint32_t cx_param_table_find(const cx_param_table *table, const char *name, size_t length);
/* The number of a name that is not in it yet, its type unknown; 0: out of memory. */
uint32_t cx_param_table_add(cx_param_table *table, const char *name, size_t length);
void cx_param_table_free(cx_param_table *table);

#endif
