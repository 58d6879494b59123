// SPDX-License-Identifier: Apache-2.0
/* Openings that fail: who is told what and when, backoff, the rate limit, and helpers that refuse.
 */
#include "pool_fixture.h"

static void a_refused_first_connection_is_told_at_once(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;
	cx_conn *none = NULL;

	stub_open_fails(CDBC_CONNECT);
	fixture_pool(f, NULL);
	assert_int_equal(cx_pool_acquire(f->pool, CX_NEVER, "here", &none, &err), CDBC_CONNECT);
	assert_string_equal(cdbc_error_message(err),
						"acquire from pool \"main\": connect db1: refused");
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_SAFE);
	cdbc_error_free(err);
	assert_int_equal(stub_count().open_begun, 1);
	assert_int_equal(stats(f).open_failed_count, 1);
	assert_int_equal(f->open_failures, 1);
	stub_open_fails(CDBC_OK);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN, NULL);
}

/* A pool that had a connection and has lost it. */
static void lose_the_server(pool_fixture *f, cdbc_status status)
{
	fixture_pool(f, NULL);
	stub_open_fails(CDBC_OK);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLOSE, "test");
	stub_open_fails(status);
}

static void a_lost_server_is_waited_for(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;
	cx_conn *none = NULL;
	taker patient = {0};

	lose_the_server(f, CDBC_CONNECT);
	taker_start(&patient, f, CX_NEVER);
	stub_wait_open_failed(3); /* it is tried again and again */
	assert_int_equal(stats(f).waiting_now, 1);
	assert_int_equal(cx_pool_acquire(f->pool, 0, "here", &none, &err),
					 CDBC_CONNECT); /* the time is over: the last failure */
	assert_string_equal(cdbc_error_message(err),
						"acquire from pool \"main\": connect db1: refused");
	cdbc_error_free(err);
	assert_int_equal(stats(f).acquire_timeout_count, 1);
	stub_open_fails(CDBC_OK);
	taker_join(&patient);
	assert_int_equal(patient.status, CDBC_OK);
	cx_pool_release(f->pool, patient.conn, CX_RELEASE_CLEAN, NULL);
}

static void pauses_between_attempts_grow(void **state)
{
	pool_fixture *f = *state;
	cx_conn *none = NULL;
	int64_t pause_ms = 10;

	lose_the_server(f, CDBC_CONNECT);
	cx_clock_fake_start(FAKE_START_NS);
	cx_pool_keeper_stop(f->pool);
	for (int i = 1; i <= 9; i++) {
		assert_int_not_equal(cx_pool_acquire(f->pool, 0, "here", &none, NULL), CDBC_OK);
		while (stats(f).open_failed_count < i)
			sched_yield();
		cx_clock_fake_advance_ns(pause_ms * CX_NS_PER_MS / 2 -
								 1); /* the jitter takes half of it at most */
		assert_int_equal(cx_pool_acquire(f->pool, 0, "here", &none, NULL), CDBC_CONNECT);
		assert_int_equal(stub_count().open_failed, i);
		cx_clock_fake_advance_ns(pause_ms * CX_NS_PER_MS / 2 + 2);
		pause_ms = pause_ms * 2 < 1000 ? pause_ms * 2 : 1000;
	}
}

static void what_is_permanent_is_told_at_once(void **state)
{
	static const cdbc_status permanent[] = {CDBC_AUTH, CDBC_CONFIG, CDBC_UNSUPPORTED};
	pool_fixture *f = *state;

	lose_the_server(f, CDBC_OK);
	for (size_t i = 0; i < sizeof permanent / sizeof *permanent; i++) {
		cx_conn *none = NULL;

		stub_open_fails(permanent[i]);
		assert_int_equal(cx_pool_acquire(f->pool, CX_NEVER, "here", &none, NULL), permanent[i]);
	}
	assert_int_equal(stats(f).acquire_timeout_count, 0);
}

static void while_one_is_lent_failing_openings_are_no_answer(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;
	cx_conn *conn, *none = NULL;
	taker waiting = {0};

	fixture_pool(f, NULL);
	conn = must_acquire(f);
	stub_open_fails(CDBC_AUTH);
	taker_start(&waiting, f, CX_NEVER);
	while (stats(f).open_failed_count == 0)
		sched_yield();
	assert_int_equal(cx_pool_acquire(f->pool, 0, "here", &none, &err), CDBC_TIMEOUT);
	assert_non_null(strstr(cdbc_error_message(err), "1 of 4 are lent"));
	assert_non_null(strstr(cdbc_error_message(err), "; opening fails: connect db1: refused"));
	cdbc_error_free(err);
	assert_int_equal(stats(f).waiting_now, 1);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	taker_join(&waiting);
	assert_ptr_equal(waiting.conn, conn);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
}

static void opens_no_more_a_second_than_allowed(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conns[4], *none = NULL;

	cx_clock_fake_start(FAKE_START_NS);
	f->options.max_opens_per_s = 3;
	fixture_pool(f, NULL);
	for (int i = 0; i < 3; i++)
		conns[i] = must_acquire(f);
	assert_int_equal(cx_pool_acquire(f->pool, 0, "here", &none, NULL), CDBC_TIMEOUT);
	assert_int_equal(stub_count().open_begun, 3);
	cx_clock_fake_advance_ns(CX_NS_PER_S / 3 + 1);
	conns[3] = must_acquire(f);
	assert_int_equal(stub_count().open_begun, 4);
	for (int i = 0; i < 4; i++)
		cx_pool_release(f->pool, conns[i], CX_RELEASE_CLEAN, NULL);
}

static void block(void *data)
{
	(void)data;
	stub_driver.ping(data, CX_NEVER, NULL);
}

static void helpers_that_refuse_are_a_failed_opening(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;
	cx_conn *conn, *none = NULL;
	cx_helpers *many = f->helpers;

	assert_int_equal(cx_helpers_new(1, 0, &f->helpers, NULL), CDBC_OK);
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	stub_gate_close();
	while (cx_helpers_submit(f->helpers, block, NULL, conn->handle, NULL) == CDBC_OVERLOADED)
		sched_yield(); /* the opener is just leaving */
	while (stub_count().ping == 0)
		sched_yield();
	assert_int_equal(cx_pool_acquire(f->pool, cx_deadline_after_ms(5), "here", &none, &err),
					 CDBC_TIMEOUT);
	assert_non_null(
		strstr(cdbc_error_message(err), "opening fails: all 1 helper threads are busy"));
	cdbc_error_free(err);
	stub_set_tx(conn->handle, CDBC_TX_OPEN);
	stub_gate_open();
	cx_pool_close(f->pool, 0);
	cx_helpers_free(f->helpers);
	f->helpers = many;
	cx_pool_release(f->pool, conn, CX_RELEASE_RESET, NULL);
	assert_int_equal(stub_count().reset, 0); /* a closing pool resets nothing */
}

static void openings_that_never_began_are_dropped(void **state)
{
	pool_fixture *f = *state;
	cx_helpers *many = f->helpers;
	cx_conn *none = NULL;

	assert_int_equal(cx_helpers_new(1, 8, &f->helpers, NULL), CDBC_OK);
	stub_gate_close();
	f->options.min_size = 3;
	fixture_pool(f, NULL);
	stub_wait_open_begun(1);
	assert_int_equal(cx_pool_acquire(f->pool, 0, "here", &none, NULL), CDBC_TIMEOUT);
	cx_pool_close(f->pool, 0);
	cx_pool_free(f->pool);
	f->pool = NULL;
	stub_gate_open();
	cx_helpers_free(f->helpers); /* the pool's memory goes with the last of them */
	f->helpers = many;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(a_refused_first_connection_is_told_at_once),
		POOL_TEST(a_lost_server_is_waited_for),
		POOL_TEST(pauses_between_attempts_grow),
		POOL_TEST(what_is_permanent_is_told_at_once),
		POOL_TEST(while_one_is_lent_failing_openings_are_no_answer),
		POOL_TEST(opens_no_more_a_second_than_allowed),
		POOL_TEST(helpers_that_refuse_are_a_failed_opening),
		POOL_TEST(openings_that_never_began_are_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
