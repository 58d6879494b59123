// SPDX-License-Identifier: Apache-2.0
/* The table of a cache: rows by their keys, who loads which, and what goes when it is full. Knows
 * no session and no chain; a key is bytes, of which the query's name is the beginning. */
#ifndef CX_CACHE_TABLE_H
#define CX_CACHE_TABLE_H

#include "data/result/kept.h"

#include <cdbc/client.h>

typedef struct cx_cache_key {
	const char *bytes; /* begins with the name and a NUL, `-` in it written as `_` */
	size_t length;
	int64_t ttl_ns;
} cx_cache_key;

typedef struct cx_cache_table cx_cache_table;
typedef struct cx_cache_entry cx_cache_entry;

cx_cache_table *cx_cache_table_new(int64_t max_bytes); /* NULL: out of memory */
/* Nobody may be in it. Takes NULL. */
void cx_cache_table_free(cx_cache_table *table);

typedef enum cx_cache_found {
	CX_CACHE_NONE, /* it was not asked */
	CX_CACHE_HIT,  /* *kept is there, a reference of the caller's */
	CX_CACHE_LOAD, /* *entry is the caller's to load and to end */
	CX_CACHE_WAIT, /* somebody loads it: *entry is to be awaited */
	CX_CACHE_PASS  /* its rows are too large to keep, or memory is short */
} cx_cache_found;

/* now_ns: a load that begins here is good from now on for the key's ttl. */
cx_cache_found cx_cache_table_find(cx_cache_table *table, const cx_cache_key *key, int64_t now_ns,
								   cx_cache_entry **entry, cx_kept **kept);

/* A load is over. kept (not taken over): its rows; NULL: there are none to keep, and is_large says
 * whether for their size. Who waits is woken. False: the rows are not kept, for they may be older
 * than an invalidation, and who waits loads for himself. */
bool cx_cache_table_end(cx_cache_table *table, cx_cache_entry *entry, cx_kept *kept, bool is_large);

/* Waits for a load until the time; false when it is not over. May return early. */
bool cx_cache_table_wait(cx_cache_table *table, cx_cache_entry *entry, int64_t until_ns);
/* Gives a waiter's entry back. HIT: as above; PASS: as above; LOAD: look for it again. */
cx_cache_found cx_cache_table_leave(cx_cache_table *table, cx_cache_entry *entry, cx_kept **kept);

/* Forgets what is kept of the query, and what is being loaded. name NULL: everything. */
void cx_cache_table_invalidate(cx_cache_table *table, const char *name);
/* Fills *out; its struct_size is set. */
void cx_cache_table_stats(cx_cache_table *table, cdbc_cache_stats *out);

#endif
