// SPDX-License-Identifier: Apache-2.0
/* Plans as text: which tables are read from their first to their last row. */
#ifndef CX_CHECK_PLAN_H
#define CX_CHECK_PLAN_H

#include <cdbc/base.h>

#define CX_PLAN_SCANS_MAX 16 /* of one plan; more are left out */

/* A table that is read whole. Texts are cut to what there is room for. */
typedef struct cx_plan_scan {
	char table[200];  /* as the server writes it: public."My table" */
	char filter[300]; /* what is then thrown away; "" when nothing is */
	char advice[500]; /* an index that the server recommends; "" when none */
	int64_t rows;     /* about so many; -1: the plan does not say */
} cx_plan_scan;

/* Finds them in what EXPLAIN answered, a line each: PostgreSQL's `(verbose, costs off)`,
 * CockroachDB's own, SQLite's QUERY PLAN. A scan that ends early (a limit) is none. Returns how
 * many. */
size_t cx_plan_scans(const char *dialect, const char *text, cx_plan_scan *out, size_t max);

#endif
