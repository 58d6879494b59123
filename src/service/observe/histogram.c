// SPDX-License-Identifier: Apache-2.0
/* The histogram's buckets. The first sixteen are 64 ns wide; then each doubling has sixteen. */
#include "service/observe/histogram.h"

#define FIRST_BITS 10 /* 1024 ns: where doubling begins */
#define SUB_BITS   4
#define SUBS       (1 << SUB_BITS)

static size_t bucket_of(int64_t ns)
{
	uint64_t v = ns > 0 ? (uint64_t)ns : 0;
	unsigned top;
	size_t bucket;

	if (v < UINT64_C(1) << FIRST_BITS)
		return (size_t)(v >> (FIRST_BITS - SUB_BITS));
	top = 63 - (unsigned)__builtin_clzll(v);
	bucket = (top - FIRST_BITS + 1) * SUBS + ((v >> (top - SUB_BITS)) & (SUBS - 1));
	return bucket < CX_HISTOGRAM_BUCKETS ? bucket : CX_HISTOGRAM_BUCKETS - 1;
}

/* The greatest duration of a bucket; that of the last one has no bound. */
static int64_t bucket_end(size_t bucket)
{
	unsigned top = (unsigned)(bucket / SUBS) + FIRST_BITS - 1;
	int64_t sub = (int64_t)(bucket % SUBS);

	if (bucket < SUBS)
		return ((sub + 1) << (FIRST_BITS - SUB_BITS)) - 1;
	return ((SUBS + sub + 1) << (top - SUB_BITS)) - 1;
}

void cx_histogram_add(cx_histogram *histogram, int64_t ns)
{
	int64_t max_ns = atomic_load_explicit(&histogram->max_ns, memory_order_relaxed);

	atomic_fetch_add_explicit(&histogram->counts[bucket_of(ns)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->sum_ns, ns, memory_order_relaxed);
	while (ns > max_ns &&
		   !atomic_compare_exchange_weak_explicit(&histogram->max_ns, &max_ns, ns,
												  memory_order_relaxed, memory_order_relaxed))
		;
}

void cx_histogram_read(const cx_histogram *histogram, cdbc_histogram *out)
{
	out->count = 0;
	for (size_t i = 0; i < CX_HISTOGRAM_BUCKETS; i++) {
		out->counts[i] = atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
		out->count += out->counts[i];
	}
	out->sum_ns = atomic_load_explicit(&histogram->sum_ns, memory_order_relaxed);
	out->max_ns = atomic_load_explicit(&histogram->max_ns, memory_order_relaxed);
}

int64_t cdbc_histogram_count(const cdbc_histogram *histogram)
{
	return histogram->count;
}

int64_t cdbc_histogram_sum_ns(const cdbc_histogram *histogram)
{
	return histogram->sum_ns;
}

int64_t cdbc_histogram_max_ns(const cdbc_histogram *histogram)
{
	return histogram->max_ns;
}

int64_t cdbc_histogram_quantile_ns(const cdbc_histogram *histogram, double q)
{
	double exact = q * (double)histogram->count;
	int64_t rank = (int64_t)exact, seen = 0;

	if (histogram->count == 0)
		return 0;
	rank += (double)rank < exact; /* rounded up */
	if (rank < 1)
		rank = 1;
	for (size_t i = 0; i < CX_HISTOGRAM_BUCKETS - 1; i++) {
		seen += histogram->counts[i];
		if (seen >= rank)
			return bucket_end(i) < histogram->max_ns ? bucket_end(i) : histogram->max_ns;
	}
	return histogram->max_ns;
}

int64_t cdbc_histogram_count_within(const cdbc_histogram *histogram, int64_t ns)
{
	int64_t count = 0;

	if (ns >= histogram->max_ns)
		return histogram->count;
	for (size_t i = 0; i < CX_HISTOGRAM_BUCKETS - 1 && bucket_end(i) <= ns; i++)
		count += histogram->counts[i];
	return count;
}
