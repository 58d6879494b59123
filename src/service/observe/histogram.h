// SPDX-License-Identifier: Apache-2.0
/* Durations counted in log-linear buckets: sixteen for each doubling, from a microsecond to half an
 * hour. Any thread adds, without a lock. */
#ifndef CX_HISTOGRAM_H
#define CX_HISTOGRAM_H

#include <cdbc/stats.h>
#include <stdatomic.h>

#define CX_HISTOGRAM_BUCKETS 512

typedef struct cx_histogram {
	_Atomic int64_t sum_ns, max_ns;
	_Atomic int64_t counts[CX_HISTOGRAM_BUCKETS];
} cx_histogram;

/* As it was at one moment, or nearly. */
struct cdbc_histogram {
	int64_t count, sum_ns, max_ns;
	int64_t counts[CX_HISTOGRAM_BUCKETS];
};

/* It begins as zeros. */
void cx_histogram_add(cx_histogram *histogram, int64_t ns);
void cx_histogram_read(const cx_histogram *histogram, cdbc_histogram *out);

#endif
