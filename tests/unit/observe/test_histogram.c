// SPDX-License-Identifier: Apache-2.0
/* Percentiles against exact ones, counts within a bound, counters by name, and many threads. */
#include "service/observe/histogram.h"

#include "base/error.h"
#include "service/observe/counters.h"
#include "support/oom.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT 19993 /* prime, so that ranks are rounded */

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void check_quantiles(const cdbc_histogram *seen, const int64_t *sorted, size_t count)
{
	static const double quantiles[] = {0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};

	for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
		double at = quantiles[i] * (double)count;
		size_t rank = (size_t)at + ((double)(size_t)at < at);
		int64_t exact = sorted[rank ? rank - 1 : 0];
		int64_t told = cdbc_histogram_quantile_ns(seen, quantiles[i]);

		if (told < exact || told > exact + (exact / 16 > 64 ? exact / 16 : 64))
			fail_msg("quantile %g: %lld, exactly %lld", quantiles[i], (long long)told,
					 (long long)exact);
	}
}

static void test_percentiles(void **state)
{
	static int64_t values[COUNT];
	static cx_histogram h;
	static cdbc_histogram seen;
	uint64_t random = 7;
	int64_t sum = 0;

	(void)state;
	for (int magnitude = 4; magnitude <= 40; magnitude += 4) {
		memset(&h, 0, sizeof h);
		sum = 0;
		for (size_t i = 0; i < COUNT; i++) {
			values[i] =
				(int64_t)((next_random(&random) << 20 ^ next_random(&random)) &
						  ((UINT64_C(1) << (next_random(&random) % (unsigned)magnitude)) * 2 - 1));
			sum += values[i];
			cx_histogram_add(&h, values[i]);
		}
		qsort(values, COUNT, sizeof *values, compare);
		cx_histogram_read(&h, &seen);
		assert_int_equal(cdbc_histogram_count(&seen), COUNT);
		assert_int_equal(cdbc_histogram_sum_ns(&seen), sum);
		assert_int_equal(cdbc_histogram_max_ns(&seen), values[COUNT - 1]);
		check_quantiles(&seen, values, COUNT);
	}
}

static void test_within(void **state)
{
	static cx_histogram h;
	static cdbc_histogram seen;

	(void)state;
	cx_histogram_read(&h, &seen);
	assert_int_equal(cdbc_histogram_quantile_ns(&seen, 0.5), 0);
	assert_int_equal(cdbc_histogram_count_within(&seen, 1000), 0);
	for (int64_t ns = 1; ns <= 1000000; ns += 1000)
		cx_histogram_add(&h, ns);
	cx_histogram_add(&h, INT64_MAX / 4); /* past the last bucket */
	cx_histogram_add(&h, -5);            /* a clock that went back */
	cx_histogram_read(&h, &seen);
	assert_int_equal(cdbc_histogram_count_within(&seen, INT64_MAX), 1002);
	assert_int_equal(cdbc_histogram_quantile_ns(&seen, 1), INT64_MAX / 4);
	for (int64_t ns = 1024; ns <= 1048576; ns *= 2) { /* where buckets end, it is exact */
		int64_t exact = 2 + (ns - 2) / 1000;

		exact = exact > 1001 ? 1001 : exact;
		assert_int_equal(cdbc_histogram_count_within(&seen, ns - 1), exact);
	}
}

/* ---- counters ---- */

static void send(cx_counters *c, const char *name, int64_t rows)
{
	cdbc_observer observer = cx_counters_observer(c);
	cdbc_event event = {.struct_size = sizeof event,
						.kind = CDBC_EVENT_REQUEST_END,
						.name = name,
						.duration_ns = 1000,
						.row_count = rows};

	observer.on_event(observer.self, &event);
}

static int64_t requests_of(const cx_query_counters *q)
{
	static cdbc_histogram seen;

	cx_histogram_read(&q->durations, &seen);
	return seen.count;
}

static void test_names_are_bounded(void **state)
{
	cx_counters *c;
	char name[16];
	size_t found = 0;
	int64_t total = 0;

	(void)state;
	assert_int_equal(cx_counters_new(10, &c, NULL), CDBC_OK);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof name, "query_%d", i);
			send(c, name, 2);
		}
	for (size_t i = 0; i <= c->mask; i++) {
		const cx_query_counters *q = atomic_load(&c->queries[i]);

		if (!q)
			continue;
		found++;
		assert_int_equal(requests_of(q), 3);
		assert_int_equal(atomic_load(&q->row_count), 6);
		total += requests_of(q);
	}
	assert_int_equal(found, 10);
	assert_int_equal(total + requests_of(c->other), 300);
	assert_int_equal(atomic_load(&c->row_count), 600);
	cx_counters_free(c);
	cx_counters_free(NULL);
}

static cdbc_status count_some(void *data, cdbc_error **err)
{
	cx_counters *c;
	cdbc_status status = cx_counters_new(4, &c, err);

	(void)data;
	if (status)
		return status;
	send(c, "a", 1); /* without memory it is one of the others */
	status = requests_of(c->other) ? cx_error_nomem(err) : CDBC_OK;
	cx_counters_free(c);
	return status;
}

static void test_memory_short(void **state)
{
	(void)state;
	assert_true(oom_run(count_some, NULL) >= 4);
}

static void *count_many(void *data)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	cx_counters *c = data;

	for (size_t i = 0; i < COUNT; i++)
		send(c, names[i % 6], 1);
	return NULL;
}

static void test_many_threads(void **state)
{
	pthread_t threads[4];
	cx_counters *c;
	int64_t total = 0;
	size_t found = 0;

	(void)state;
	assert_int_equal(cx_counters_new(8, &c, NULL), CDBC_OK);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_many, c), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i <= c->mask; i++) {
		const cx_query_counters *q = atomic_load(&c->queries[i]);

		found += q != NULL;
		total += q ? requests_of(q) : 0;
	}
	assert_int_equal(found, 6);
	assert_int_equal(total, 4 * COUNT);
	assert_int_equal(atomic_load(&c->requests[CDBC_OK]), 4 * COUNT);
	cx_counters_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),       cmocka_unit_test(test_within),
		cmocka_unit_test(test_names_are_bounded), cmocka_unit_test(test_memory_short),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
