// SPDX-License-Identifier: Apache-2.0
/* The catalog's own struct, for the two files that make catalogs: catalog.c one from SQL files,
 * generation.c one from others. */
#ifndef CX_CATALOG_TABLE_H
#define CX_CATALOG_TABLE_H

#include "service/catalog/internal.h"

#include <stdatomic.h>

struct cdbc_catalog {
	atomic_int refs;
	bool is_sealed;       /* it is, or is part of, a generation: nothing is added any more */
	uint64_t generation;  /* 0: none */
	cdbc_catalog **parts; /* whose queries are in the table; then it has none of its own */
	size_t part_count;
	cx_arena *arenas; /* one a load */
	size_t arena_count, arena_capacity;
	cx_record **records; /* everything, variants too, as loaded */
	size_t record_count, record_capacity;
	cx_record **table;  /* first variants, by hash, linear probing */
	size_t table_size;  /* a power of two, more than half of it empty */
	cx_record **sorted; /* first variants, by name */
	size_t name_count, sorted_capacity;
};

cx_record *cx_catalog_find_key(const cdbc_catalog *catalog, const cx_key *key);
/* Into the table, which has room. */
void cx_catalog_put(cdbc_catalog *catalog, cx_record *record);
/* Makes the list by name of what is in the table. */
cdbc_status cx_catalog_sort(cdbc_catalog *catalog, cdbc_error **err);

#endif
