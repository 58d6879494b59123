// SPDX-License-Identifier: Apache-2.0
/* Backoff and jitter: doubling, bounds, ranges. */
#include "base/backoff.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void doubles_up_to_its_most(void **state)
{
	cx_backoff b;

	(void)state;
	cx_backoff_init(&b, 10, 65, 0, 1);
	assert_int_equal(cx_backoff_next_ns(&b), 10);
	assert_int_equal(cx_backoff_next_ns(&b), 20);
	assert_int_equal(cx_backoff_next_ns(&b), 40);
	assert_int_equal(cx_backoff_next_ns(&b), 65);
	assert_int_equal(cx_backoff_next_ns(&b), 65);
	cx_backoff_reset(&b);
	assert_int_equal(cx_backoff_next_ns(&b), 10);
	cx_backoff_init(&b, 100, 65, 0, 1);
	assert_int_equal(cx_backoff_next_ns(&b), 65);
	cx_backoff_init(&b, INT64_MAX - 1, INT64_MAX, 100, 1);
	for (int i = 0; i < 5; i++)
		assert_true(cx_backoff_next_ns(&b) >= 0);
}

static void jitter_stays_in_its_range(void **state)
{
	uint64_t random = 7;
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t n = cx_jitter_ns(&random, 1000, 10);

		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	assert_int_equal(least, 900);
	assert_int_equal(most, 1000);
	for (int i = 0; i < 1000; i++) {
		assert_in_range(cx_jitter_ns(&random, 50, 100), 0, 50);
		assert_in_range(cx_jitter_ns(&random, 50, 900), 0, 50);
	}
	assert_int_equal(cx_jitter_ns(&random, 1000, 0), 1000);
	assert_int_equal(cx_jitter_ns(&random, 1000, -5), 1000);
	assert_int_equal(cx_jitter_ns(&random, 0, 50), 0);
	assert_true(cx_jitter_ns(&random, CX_NEVER, 50) == CX_NEVER);
	assert_true(cx_jitter_ns(&random, CX_NEVER - 1, 100) >= 0);
}

static void random_numbers_differ(void **state)
{
	uint64_t a = 1, b = 1, c = 2;

	(void)state;
	assert_true(cx_random_next(&a) == cx_random_next(&b));
	assert_true(cx_random_next(&a) != cx_random_next(&c));
	assert_true(cx_random_seed() != cx_random_seed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doubles_up_to_its_most),
		cmocka_unit_test(jitter_stays_in_its_range),
		cmocka_unit_test(random_numbers_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
