// SPDX-License-Identifier: Apache-2.0
/* Generations: catalogs that do not change any more, counted, each put together of parts that
 * other generations may share. What is loaded when, and which is in force, is repository.c's. */
#ifndef CX_GENERATION_H
#define CX_GENERATION_H

#include "service/catalog/catalog.h"

cdbc_catalog *cx_catalog_ref(cdbc_catalog *catalog);

/* A catalog of all queries of the parts, which are kept alive, and sealed. Fails with CDBC_SQL_FILE
 * when two parts have a query of one name (whatever its dialects), CDBC_NOMEM. */
cdbc_status cx_catalog_compose(cdbc_catalog *const *parts, size_t part_count, uint64_t generation,
							   cdbc_catalog **out, cdbc_error **err);

/* Gives the queries of a catalog that nobody uses yet the statements of those in old that are the
 * same, so that what connections have prepared stays of use. */
void cx_catalog_inherit(cdbc_catalog *catalog, const cdbc_catalog *old);

#endif
