// SPDX-License-Identifier: Apache-2.0
/* What happens while nobody calls: rest, life, leaks, and the connections that are always to be
 * there. Time is the fake clock's but in the tests of the keeper's own thread. */
#include "pool_fixture.h"

static int setup_fake(void **state)
{
	fixture_setup(state);
	cx_clock_fake_start(FAKE_START_NS);
	return 0;
}

static void advance_ms(pool_fixture *f, int64_t ms)
{
	cx_pool_keeper_stop(f->pool);
	cx_clock_fake_advance_ns(ms * CX_NS_PER_MS);
}

/* Two connections at rest. */
static void two_at_rest(pool_fixture *f)
{
	cx_conn *a = must_acquire(f), *b = must_acquire(f);

	cx_pool_release(f->pool, a, CX_RELEASE_CLEAN, NULL);
	cx_pool_release(f->pool, b, CX_RELEASE_CLEAN, NULL);
}

static void closes_what_rests_too_long(void **state)
{
	pool_fixture *f = *state;

	f->options.idle_timeout_ms = 1000;
	fixture_pool(f, NULL);
	two_at_rest(f);
	advance_ms(f, 999);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN,
					NULL); /* the upper one rests anew */
	fixture_keep(f);
	assert_int_equal(stats(f).idle_now, 2);
	advance_ms(f, 1);
	fixture_keep(f);
	assert_int_equal(stats(f).idle_now, 1);
	assert_string_equal(f->last_close, "idle for long");
	advance_ms(f, 1000);
	fixture_keep(f);
	assert_int_equal(stats(f).idle_now, 0);
	assert_int_equal(stats(f).close_count, 2);
}

static void rest_does_not_go_below_min_size(void **state)
{
	pool_fixture *f = *state;

	f->options.idle_timeout_ms = 1000;
	f->options.min_size = 1;
	fixture_pool(f, NULL);
	two_at_rest(f);
	advance_ms(f, 5000);
	fixture_keep(f);
	assert_int_equal(stats(f).idle_now, 1);
	assert_int_equal(stats(f).open_count, 2);
}

static void ends_lives(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn;

	f->options.lifetime_ms = 1000;
	fixture_pool(f, NULL);
	two_at_rest(f);
	conn = must_acquire(f);
	advance_ms(f, 1000);
	fixture_keep(f); /* at rest */
	assert_int_equal(stats(f).close_count, 1);
	assert_string_equal(f->last_close, "end of its life");
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL); /* coming back */
	assert_int_equal(stats(f).close_count, 2);
	conn = must_acquire(f);
	advance_ms(f, 1000);
	cx_pool_release(f->pool, conn, CX_RELEASE_RESET, NULL);
	assert_int_equal(stub_count().reset, 0);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN, NULL);
	advance_ms(f, 1000);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN, NULL); /* to be lent */
	assert_int_equal(stats(f).close_count, 4);
	assert_int_equal(stats(f).open_count, 5);
}

static void lives_differ_by_jitter(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conns[4];
	int64_t least = INT64_MAX, most = 0;

	f->options.lifetime_ms = 1000;
	f->options.jitter_pct = 50;
	fixture_pool(f, NULL);
	for (int i = 0; i < 4; i++) {
		conns[i] = must_acquire(f);
		least =
			cx_deadline_sooner(least, ((cx_slot *)(void *)conns[i])->expires_ns - FAKE_START_NS);
		if (((cx_slot *)(void *)conns[i])->expires_ns - FAKE_START_NS > most)
			most = ((cx_slot *)(void *)conns[i])->expires_ns - FAKE_START_NS;
	}
	assert_true(least >= 500 * CX_NS_PER_MS);
	assert_true(most <= 1000 * CX_NS_PER_MS);
	assert_true(least < most);
	for (int i = 0; i < 4; i++)
		cx_pool_release(f->pool, conns[i], CX_RELEASE_CLEAN, NULL);
}

static void opens_up_to_min_size_again(void **state)
{
	pool_fixture *f = *state;

	f->options.lifetime_ms = 1000;
	f->options.min_size = 2;
	fixture_pool(f, NULL);
	fixture_wait(f, &f->opens, 2);
	while (stats(f).idle_now != 2)
		sched_yield();
	advance_ms(f, 1000);
	fixture_keep(f);
	fixture_wait(f, &f->opens, 4);
	while (stats(f).idle_now != 2)
		sched_yield();
	assert_int_equal(stats(f).close_count, 2);
}

static void tells_of_a_leak_once_a_lease(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn = NULL;

	f->options.leak_warn_ms = 1000;
	fixture_pool(f, NULL);
	assert_int_equal(cx_pool_acquire(f->pool, CX_NEVER, "orders.c:42", &conn, NULL), CDBC_OK);
	advance_ms(f, 999);
	fixture_keep(f);
	assert_int_equal(f->leaks, 0);
	advance_ms(f, 1);
	fixture_keep(f);
	advance_ms(f, 5000);
	fixture_keep(f);
	assert_int_equal(f->leaks, 1);
	assert_string_equal(f->last_leak, "orders.c:42");
	assert_int_equal(stats(f).leak_count, 1);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_int_equal(cx_pool_acquire(f->pool, CX_NEVER, "orders.c:50", &conn, NULL), CDBC_OK);
	advance_ms(f, 1000);
	fixture_keep(f);
	assert_int_equal(f->leaks, 2);
	assert_string_equal(f->last_leak, "orders.c:50");
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
}

static void tells_of_many_leaks(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conns[20];

	f->options.leak_warn_ms = 1000;
	f->options.max_size = 20;
	fixture_pool(f, NULL);
	for (int i = 0; i < 20; i++)
		conns[i] = must_acquire(f);
	advance_ms(f, 1000);
	fixture_keep(f);
	assert_int_equal(f->leaks, 20);
	for (int i = 0; i < 20; i++)
		cx_pool_release(f->pool, conns[i], CX_RELEASE_CLEAN, NULL);
}

/* The keeper's own thread, by the real clock: it wakes by itself for a leak, then for the end of
 * the rest. */
static void the_keeper_wakes_by_itself(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn;

	f->options.leak_warn_ms = 2;
	f->options.idle_timeout_ms = 3;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	fixture_wait(f, &f->leaks, 1);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	fixture_wait(f, &f->closes, 1);
	f->options.idle_timeout_ms = 0;
	f->options.lifetime_ms = 5;
	fixture_reopen(f);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN, NULL);
	fixture_wait(f, &f->closes, 2);
}

#define FAKE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_fake, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_TEST(closes_what_rests_too_long),
		FAKE_TEST(rest_does_not_go_below_min_size),
		FAKE_TEST(ends_lives),
		FAKE_TEST(lives_differ_by_jitter),
		FAKE_TEST(opens_up_to_min_size_again),
		FAKE_TEST(tells_of_a_leak_once_a_lease),
		FAKE_TEST(tells_of_many_leaks),
		POOL_TEST(the_keeper_wakes_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
