// SPDX-License-Identifier: Apache-2.0
/* Counters of a client's requests and transactions, as an observer of its events. Lock-free
 * but for a name that is new; what is printed of them is in stats.c. */
#ifndef CX_COUNTERS_H
#define CX_COUNTERS_H

#include "base/thread.h"
#include "service/observe/histogram.h"

#include <cdbc/event.h>

/* A named query's; of "" those without a name, and one more for those that found no place. */
typedef struct cx_query_counters {
	_Atomic int64_t error_count, row_count;
	cx_histogram durations;
	uint64_t hash;
	char name[];
} cx_query_counters;

typedef struct cx_counters {
	_Atomic int64_t requests[CDBC_STATUS_COUNT];
	_Atomic int64_t retry_count, row_count, byte_count;
	_Atomic int64_t committed_count, rolled_back_count, tx_failed[CDBC_OUTCOME_UNKNOWN + 1];
	cx_histogram durations, transactions;
	size_t max_queries;
	cx_mutex lock;              /* held while an entry is put in */
	_Atomic size_t query_count; /* of entries that are there */
	size_t mask;
	_Atomic(cx_query_counters *) *queries; /* a hash table that only grows fuller */
	cx_query_counters *other;
} cx_counters;

/* max_queries: names counted by themselves, the rest together. Fails with CDBC_NOMEM. */
cdbc_status cx_counters_new(size_t max_queries, cx_counters **out, cdbc_error **err);
void cx_counters_free(cx_counters *counters);
/* The observer, which is borrowed: it has no destroy. */
cdbc_observer cx_counters_observer(cx_counters *counters);

#endif
