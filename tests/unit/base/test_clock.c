// SPDX-License-Identifier: Apache-2.0
/* Clock and deadlines, real and fake; conditions that wait by them. */
#include "base/clock.h"
#include "base/thread.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int real_again(void **state)
{
	(void)state;
	cx_clock_fake_stop();
	return 0;
}

static void goes_forward(void **state)
{
	int64_t before = cx_clock_now_ns(), coarse = cx_clock_coarse_ns();

	(void)state;
	assert_true(before > 0);
	assert_true(cx_clock_now_ns() >= before);
	assert_true(coarse <= cx_clock_now_ns());
	assert_true(before - coarse < CX_NS_PER_S);
}

static void deadlines_saturate(void **state)
{
	(void)state;
	cx_clock_fake_start(1000 * CX_NS_PER_MS);
	assert_true(cx_deadline_after_ms(5) == 1005 * CX_NS_PER_MS);
	assert_true(cx_deadline_after_ms(0) == 1000 * CX_NS_PER_MS);
	assert_true(cx_deadline_after_ms(-5) == 1000 * CX_NS_PER_MS);
	assert_true(cx_deadline_after_ms(INT64_MAX) == CX_NEVER);
	assert_true(cx_deadline_after_ms(INT64_MAX - 1) == CX_NEVER);
	assert_true(cx_deadline_after_ms(INT64_MAX / CX_NS_PER_MS) == CX_NEVER);
	assert_true(cx_deadline_sooner(CX_NEVER, 5) == 5);
}

static void says_what_is_left(void **state)
{
	int64_t deadline;

	(void)state;
	cx_clock_fake_start(1000 * CX_NS_PER_MS);
	deadline = cx_deadline_after_ms(10);
	assert_int_equal(cx_deadline_left_ns(deadline), 10 * CX_NS_PER_MS);
	assert_int_equal(cx_deadline_poll_ms(deadline), 10);
	cx_clock_fake_advance_ns(1);
	assert_int_equal(cx_deadline_poll_ms(deadline),
					 10); /* rounded up: poll may not come back too early */
	assert_false(cx_deadline_passed(deadline));
	cx_clock_fake_advance_ns(10 * CX_NS_PER_MS - 1);
	assert_true(cx_deadline_passed(deadline));
	assert_int_equal(cx_deadline_left_ns(deadline), 0);
	assert_int_equal(cx_deadline_poll_ms(deadline), 0);
	cx_clock_fake_advance_ns(CX_NS_PER_S);
	assert_int_equal(cx_deadline_left_ns(deadline), 0);
	assert_true(cx_deadline_left_ns(CX_NEVER) == CX_NEVER);
	assert_int_equal(cx_deadline_poll_ms(CX_NEVER), -1);
	assert_int_equal(cx_deadline_poll_ms(CX_NEVER - 1), INT_MAX);
	assert_false(cx_deadline_passed(CX_NEVER));
}

static void the_fake_stands_still(void **state)
{
	(void)state;
	cx_clock_fake_start(-5);
	assert_int_equal(cx_clock_now_ns(), 1);
	cx_clock_fake_start(42);
	assert_int_equal(cx_clock_now_ns(), 42);
	assert_int_equal(cx_clock_coarse_ns(), 42);
	cx_clock_fake_advance_ns(8);
	assert_int_equal(cx_clock_now_ns(), 50);
	cx_clock_fake_stop();
	assert_true(cx_clock_now_ns() != 50);
}

static void conditions_wait_by_deadline(void **state)
{
	int64_t deadline = cx_deadline_after_ms(2);
	cx_mutex mutex;
	cx_cond cond;

	(void)state;
	cx_mutex_init(&mutex);
	cx_cond_init(&cond);
	cx_mutex_lock(&mutex);
	while (cx_cond_wait(&cond, &mutex, deadline))
		;
	assert_true(cx_deadline_passed(deadline));
	assert_false(cx_cond_wait(&cond, &mutex, 0));
	cx_mutex_unlock(&mutex);
	cx_cond_fini(&cond);
	cx_mutex_fini(&mutex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_forward),
		cmocka_unit_test_teardown(deadlines_saturate, real_again),
		cmocka_unit_test_teardown(says_what_is_left, real_again),
		cmocka_unit_test_teardown(the_fake_stands_still, real_again),
		cmocka_unit_test(conditions_wait_by_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
