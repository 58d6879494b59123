// SPDX-License-Identifier: Apache-2.0
/* Several callers at once: order, refusals, slow openings, giving up, closing, and a crowd. */
#include "pool_fixture.h"

#include <stdlib.h>

static void serves_in_the_order_of_arrival(void **state)
{
	pool_fixture *f = *state;
	_Atomic int counter = 0;
	taker takers[6];
	cx_conn *conn;

	f->options.max_size = 1;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	memset(takers, 0, sizeof takers);
	for (int i = 0; i < 6; i++) {
		takers[i].counter = &counter;
		takers[i].must_return = true;
		taker_start(&takers[i], f, CX_NEVER);
		fixture_wait_queued(f, i + 1);
	}
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	for (int i = 0; i < 6; i++) {
		taker_join(&takers[i]);
		assert_int_equal(takers[i].status, CDBC_OK);
		assert_ptr_equal(takers[i].conn, conn);
		assert_int_equal(takers[i].place, i + 1);
	}
	assert_int_equal(stats(f).acquire_wait_count, 7);
	assert_int_equal(f->waits, 7);
}

static void one_who_comes_later_does_not_overtake(void **state)
{
	pool_fixture *f = *state;
	taker first = {0};
	cx_conn *conn, *none = NULL;

	f->options.max_size = 1;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	taker_start(&first, f, CX_NEVER);
	fixture_wait_queued(f, 1);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN,
					NULL); /* goes to the first waiter, whenever it wakes */
	assert_int_equal(cx_pool_acquire(f->pool, 0, "later", &none, NULL), CDBC_TIMEOUT);
	taker_join(&first);
	assert_ptr_equal(first.conn, conn);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
}

static void refuses_when_too_many_wait(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;
	cx_conn *conn, *none = NULL;
	taker takers[2];

	f->options.max_size = 1;
	f->options.max_waiters_per_slot = 2;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	memset(takers, 0, sizeof takers);
	for (int i = 0; i < 2; i++) {
		takers[i].must_return = true;
		taker_start(&takers[i], f, CX_NEVER);
		fixture_wait_queued(f, i + 1);
	}
	assert_int_equal(cx_pool_acquire(f->pool, CX_NEVER, "here", &none, &err), CDBC_OVERLOADED);
	assert_string_equal(cdbc_error_message(err),
						"acquire from pool \"main\": 2 wait already for its 1 connections");
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_SAFE);
	cdbc_error_free(err);
	assert_int_equal(stats(f).acquire_refused_count, 1);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	taker_join(&takers[0]);
	taker_join(&takers[1]);
}

static void none_may_wait_but_for_an_opening(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn, *none = NULL;

	f->options.max_size = 1;
	f->options.max_waiters_per_slot = 0;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	assert_int_equal(cx_pool_acquire(f->pool, CX_NEVER, "here", &none, NULL), CDBC_OVERLOADED);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
}

static void a_slow_opening_blocks_nobody_else(void **state)
{
	pool_fixture *f = *state;
	taker slow = {0};
	cx_conn *conn;

	fixture_pool(f, NULL);
	conn = must_acquire(f);
	stub_gate_close();
	taker_start(&slow, f, CX_NEVER);
	stub_wait_open_begun(2);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN,
					NULL); /* serves the one who waits for the opening */
	taker_join(&slow);
	assert_ptr_equal(slow.conn, conn);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_ptr_equal(must_acquire(f), conn);
	assert_int_equal(stats(f).opening_now, 1);
	stub_gate_open();
	fixture_wait(f, &f->opens, 2);
	while (stats(f).idle_now != 1)
		sched_yield();
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
}

static void keeps_a_connection_whose_caller_gave_up(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;
	cx_conn *none = NULL;

	stub_gate_close();
	fixture_pool(f, NULL);
	assert_int_equal(cx_pool_acquire(f->pool, cx_deadline_after_ms(1), "here", &none, &err),
					 CDBC_TIMEOUT);
	assert_non_null(strstr(cdbc_error_message(err), "0 of 4 are lent, 1 are being opened"));
	cdbc_error_free(err);
	stub_gate_open();
	while (stats(f).idle_now != 1)
		sched_yield();
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN, NULL);
	assert_int_equal(stub_count().open_begun, 1);
	assert_string_equal(f->last_host, "db1:26257");
}

/* One who waits is stopped by its name, and nobody else. */
static void one_who_waits_is_stopped(void **state)
{
	pool_fixture *f = *state;
	taker first = {0}, second = {0}, third = {0};
	cx_conn *conn;

	f->options.max_size = 1;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	assert_false(cx_pool_stop_waiting(f->pool, &first));
	taker_start(&first, f, CX_NEVER);
	fixture_wait_queued(f, 1);
	taker_start(&second, f, CX_NEVER);
	fixture_wait_queued(f, 2);
	taker_start(&third, f, CX_NEVER);
	fixture_wait_queued(f, 3);
	assert_true(cx_pool_stop_waiting(f->pool, &second));
	taker_join(&second);
	assert_int_equal(second.status, CDBC_CANCELLED);
	assert_int_equal(cdbc_error_outcome(second.err), CDBC_OUTCOME_NOT_SENT);
	assert_int_equal(cdbc_error_replay(second.err), CDBC_REPLAY_NO);
	cdbc_error_free(second.err);
	assert_false(cx_pool_stop_waiting(f->pool, &second));
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	taker_join(&first);
	assert_int_equal(first.status, CDBC_OK);
	cx_pool_release(f->pool, first.conn, CX_RELEASE_CLEAN, NULL);
	taker_join(&third);
	assert_int_equal(third.status, CDBC_OK);
	cx_pool_release(f->pool, third.conn, CX_RELEASE_CLEAN, NULL);
}

static void closing_fails_those_who_wait(void **state)
{
	pool_fixture *f = *state;
	taker waiting = {0};
	cx_conn *conn;

	f->options.max_size = 1;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	taker_start(&waiting, f, CX_NEVER);
	fixture_wait_queued(f, 1);
	assert_false(cx_pool_close(f->pool, 0));
	taker_join(&waiting);
	assert_int_equal(waiting.status, CDBC_CLOSED);
	assert_string_equal(cdbc_error_message(waiting.err),
						"acquire from pool \"main\": the pool is closed");
	cdbc_error_free(waiting.err);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_string_equal(f->last_close, "the pool closes");
}

static void *give_back(void *data)
{
	taker *t = data;

	cx_pool_release(t->fixture->pool, t->conn, CX_RELEASE_CLEAN, NULL);
	return NULL;
}

static void closing_waits_for_what_is_lent(void **state)
{
	pool_fixture *f = *state;
	taker t = {.fixture = f};

	fixture_pool(f, NULL);
	t.conn = must_acquire(f);
	assert_true(cx_thread_start(&t.thread, give_back, &t, "giver"));
	assert_true(cx_pool_close(f->pool, CX_NEVER));
	cx_thread_join(&t.thread);
	assert_int_equal(stats(f).open_now, 0);
}

static void an_opening_outlives_the_pool_safely(void **state)
{
	pool_fixture *f = *state;
	cx_conn *none = NULL;

	stub_gate_close();
	fixture_pool(f, NULL);
	assert_int_equal(cx_pool_acquire(f->pool, 0, "here", &none, NULL), CDBC_TIMEOUT);
	stub_wait_open_begun(1);
	assert_true(cx_pool_close(f->pool, 0));
	cx_pool_free(f->pool);
	f->pool = NULL;
	stub_gate_open(); /* the connection is closed by its helper, which frees the pool */
	stub_wait_close(1);
}

#define CROWD  8
#define ROUNDS 3000

static void *crowd_main(void *data)
{
	taker *t = data;
	unsigned n = (unsigned)(uintptr_t)t;

	for (int i = 0; i < ROUNDS; i++) {
		cx_conn *conn = NULL;
		cdbc_status status = cx_pool_acquire(
			t->fixture->pool, cx_deadline_after_ms(i % 50 ? 20000 : 0), "crowd", &conn, NULL);
		unsigned dice = (n = n * 1664525u + 1013904223u) >> 24;

		if (status) {
			t->status = status == CDBC_TIMEOUT ? t->status : status;
			continue;
		}
		if (dice == 0)
			stub_lose(conn->handle);
		if (dice == 1)
			stub_set_tx(conn->handle, CDBC_TX_OPEN);
		cx_pool_release(t->fixture->pool, conn,
						dice == 2   ? CX_RELEASE_RESET
						: dice == 3 ? CX_RELEASE_CLOSE
									: CX_RELEASE_CLEAN,
						"test");
	}
	return NULL;
}

static void a_crowd(void **state)
{
	pool_fixture *f = *state;
	taker takers[CROWD];

	f->options.check_idle_ms = 0;
	f->options.min_size = 2;
	f->options.leak_warn_ms = 1;
	f->options.lifetime_ms = 20;
	f->options.idle_timeout_ms = 10;
	f->options.jitter_pct = 50;
	fixture_pool(f, NULL);
	memset(takers, 0, sizeof takers);
	for (int i = 0; i < CROWD; i++) {
		takers[i].fixture = f;
		assert_true(cx_thread_start(&takers[i].thread, crowd_main, &takers[i], "crowd"));
	}
	for (int i = 0; i < CROWD; i++) {
		taker_join(&takers[i]);
		assert_int_equal(takers[i].status, CDBC_OK);
	}
	assert_true(cx_pool_close(f->pool, CX_NEVER));
	assert_int_equal(stats(f).used_now, 0);
	assert_int_equal(stats(f).waiting_now, 0);
	assert_true(stats(f).acquire_count > CROWD * ROUNDS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(serves_in_the_order_of_arrival),
		POOL_TEST(one_who_comes_later_does_not_overtake),
		POOL_TEST(refuses_when_too_many_wait),
		POOL_TEST(none_may_wait_but_for_an_opening),
		POOL_TEST(a_slow_opening_blocks_nobody_else),
		POOL_TEST(keeps_a_connection_whose_caller_gave_up),
		POOL_TEST(one_who_waits_is_stopped),
		POOL_TEST(closing_fails_those_who_wait),
		POOL_TEST(closing_waits_for_what_is_lent),
		POOL_TEST(an_opening_outlives_the_pool_safely),
		POOL_TEST(a_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
