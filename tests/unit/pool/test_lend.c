// SPDX-License-Identifier: Apache-2.0
/* Lending and taking back with one caller: order, states on return, checks, refusals, closing. */
#include "pool_fixture.h"

static void lends_and_takes_back(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn, *again;

	fixture_pool(f, NULL);
	conn = must_acquire(f);
	assert_ptr_equal(conn->driver, &stub_driver);
	assert_ptr_equal(conn->pool, f->pool);
	assert_int_equal(conn->serial, 1);
	assert_int_equal(stats(f).used_now, 1);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_int_equal(stats(f).idle_now, 1);
	again = must_acquire(f);
	assert_ptr_equal(again, conn);
	cx_pool_release(f->pool, again, CX_RELEASE_CLEAN, NULL);
	assert_int_equal(stub_count().open_begun, 1);
	assert_int_equal(stub_count().ping, 0);
	assert_int_equal(stats(f).acquire_count, 2);
	assert_int_equal(stats(f).acquire_wait_count, 1);
}

static void gives_the_warmest_first(void **state)
{
	pool_fixture *f = *state;
	cx_conn *a, *b;

	fixture_pool(f, NULL);
	a = must_acquire(f);
	b = must_acquire(f);
	cx_pool_release(f->pool, a, CX_RELEASE_CLEAN, NULL);
	cx_pool_release(f->pool, b, CX_RELEASE_CLEAN, NULL);
	assert_ptr_equal(must_acquire(f), b);
	assert_ptr_equal(must_acquire(f), a);
	cx_pool_release(f->pool, a, CX_RELEASE_CLEAN, NULL);
	cx_pool_release(f->pool, b, CX_RELEASE_CLEAN, NULL);
}

static void flawed(pool_fixture *f, void (*spoil)(void *handle), const char *why)
{
	cx_conn *conn = must_acquire(f);
	int closed = stub_count().close;

	spoil(conn->handle);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_int_equal(stub_count().close, closed + 1);
	assert_string_equal(f->last_close, why);
	assert_int_equal(stats(f).open_now, 0);
}

static void leave_busy(void *handle)
{
	stub_set_busy(handle, true);
}

static void leave_open(void *handle)
{
	stub_set_tx(handle, CDBC_TX_OPEN);
}

static void leave_failed(void *handle)
{
	stub_set_tx(handle, CDBC_TX_FAILED);
}

static void closes_what_comes_back_flawed(void **state)
{
	pool_fixture *f = *state;

	fixture_pool(f, NULL);
	flawed(f, stub_lose, "the connection was lost");
	flawed(f, leave_busy, "given back with a result unread");
	flawed(f, leave_open, "given back in a transaction");
	flawed(f, leave_failed, "given back in a transaction");
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLOSE, "its node drains");
	assert_string_equal(f->last_close, "its node drains");
	cx_pool_release(f->pool, NULL, CX_RELEASE_CLEAN, NULL);
}

static void resets_on_a_helper(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn, *again;

	fixture_pool(f, NULL);
	conn = must_acquire(f);
	stub_set_tx(conn->handle, CDBC_TX_OPEN);
	cx_pool_release(f->pool, conn, CX_RELEASE_RESET, NULL);
	again = must_acquire(f); /* waits for it rather than for a new one */
	assert_ptr_equal(again, conn);
	assert_int_equal(stub_count().reset, 1);
	assert_int_equal(stub_count().open_begun, 1);

	stub_reset_fails(CDBC_CONNECT);
	cx_pool_release(f->pool, again, CX_RELEASE_RESET, NULL);
	again = must_acquire(f);
	assert_int_equal(stub_count().open_begun, 2);
	assert_string_equal(f->last_close, "it could not be reset");
	cx_pool_release(f->pool, again, CX_RELEASE_CLEAN, NULL);
}

static void checks_what_rested_long(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn;

	cx_clock_fake_start(FAKE_START_NS);
	f->options.check_idle_ms = 500;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	cx_clock_fake_advance_ns(500 * CX_NS_PER_MS);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN, NULL);
	assert_int_equal(stub_count().ping, 0);
	cx_clock_fake_advance_ns(501 * CX_NS_PER_MS);
	conn = must_acquire(f);
	assert_int_equal(stub_count().ping, 1);
	assert_int_equal(stub_count().open_begun, 1);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
}

static void replaces_what_does_not_answer(void **state)
{
	pool_fixture *f = *state;
	cx_conn *a, *b, *c;

	f->options.check_idle_ms = 0;
	fixture_pool(f, NULL);
	a = must_acquire(f);
	b = must_acquire(f);
	cx_pool_release(f->pool, a, CX_RELEASE_CLEAN, NULL);
	cx_pool_release(f->pool, b, CX_RELEASE_CLEAN, NULL);
	stub_ping_fails(CDBC_CONNECT);
	c = must_acquire(f);
	assert_int_equal(stub_count().ping, 2);
	assert_int_equal(stub_count().close, 2);
	assert_int_equal(stub_number(c->handle), 3);
	assert_string_equal(f->last_close, "it did not answer");
	cx_pool_release(f->pool, c, CX_RELEASE_CLEAN, NULL);
}

static void keeps_what_there_was_no_time_to_check(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;
	cx_conn *conn = NULL;

	f->options.check_idle_ms = 0;
	fixture_pool(f, NULL);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN, NULL);
	assert_int_equal(cx_pool_acquire(f->pool, 0, "here", &conn, &err), CDBC_TIMEOUT);
	assert_null(conn);
	cdbc_error_free(err);
	assert_int_equal(stub_count().ping, 0);
	assert_int_equal(stats(f).idle_now, 1);
}

static void times_out_and_says_how_matters_stand(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;
	cx_conn *conn, *none = NULL;

	f->options.max_size = 1;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	assert_int_equal(cx_pool_acquire(f->pool, cx_deadline_after_ms(2), "here", &none, &err),
					 CDBC_TIMEOUT);
	assert_null(none);
	assert_non_null(
		strstr(cdbc_error_message(err), "acquire from pool \"main\": none was free within "));
	assert_non_null(strstr(cdbc_error_message(err), " ms: 1 of 1 are lent, 0 are being opened, "));
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_SAFE);
	assert_non_null(cdbc_error_field(err, CDBC_FIELD_HINT));
	cdbc_error_free(err);
	assert_int_equal(cx_pool_acquire(f->pool, cx_deadline_after_ms(1), "here", &none, NULL),
					 CDBC_TIMEOUT);
	assert_int_equal(stats(f).acquire_timeout_count, 2);
	assert_int_equal(stats(f).waiting_now, 0);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);

	f->options.acquire_timeout_ms = 1; /* bounds a caller who would wait without end */
	fixture_reopen(f);
	conn = must_acquire_slowly(f);
	assert_int_equal(cx_pool_acquire(f->pool, CX_NEVER, "here", &none, NULL), CDBC_TIMEOUT);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
}

static void refuses_bad_options(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;

	f->options.min_size = 5;
	f->options.max_size = 4;
	assert_int_equal(
		cx_pool_new(&f->options, &stub_driver, &fixture_settings, NULL, f->helpers, &f->pool, &err),
		CDBC_CONFIG);
	assert_string_equal(cdbc_error_message(err),
						"pool.min_size: 5 is not between 0 and max_size, 4");
	cdbc_error_free(err);
	f->options.max_size = 0;
	assert_int_equal(
		cx_pool_new(&f->options, &stub_driver, &fixture_settings, NULL, f->helpers, &f->pool, NULL),
		CDBC_CONFIG);
	assert_null(f->pool);
}

static void closes_in_order(void **state)
{
	pool_fixture *f = *state;
	cdbc_error *err = NULL;
	cx_conn *conn, *none = NULL;

	fixture_pool(f, NULL);
	conn = must_acquire(f);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN, NULL);
	assert_false(cx_pool_close(f->pool, cx_deadline_after_ms(1)));
	assert_int_equal(stub_count().close, 1);
	assert_int_equal(cx_pool_acquire(f->pool, CX_NEVER, "here", &none, &err), CDBC_CLOSED);
	assert_string_equal(cdbc_error_message(err), "acquire from pool \"main\": the pool is closed");
	cdbc_error_free(err);
	cx_pool_free(f->pool);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL); /* the last one out frees the pool */
	assert_int_equal(stub_count().close, 2);
	f->pool = NULL;
	cx_pool_free(NULL);
}

static void opens_min_size_by_itself(void **state)
{
	pool_fixture *f = *state;

	f->options.min_size = 3;
	f->options.max_opens_per_s = 0;
	fixture_pool(f, NULL);
	stub_wait_open_begun(3);
	assert_true(cx_pool_close(f->pool, CX_NEVER));
	assert_int_equal(stats(f).acquire_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(lends_and_takes_back),
		POOL_TEST(gives_the_warmest_first),
		POOL_TEST(closes_what_comes_back_flawed),
		POOL_TEST(resets_on_a_helper),
		POOL_TEST(checks_what_rested_long),
		POOL_TEST(replaces_what_does_not_answer),
		POOL_TEST(keeps_what_there_was_no_time_to_check),
		POOL_TEST(times_out_and_says_how_matters_stand),
		POOL_TEST(refuses_bad_options),
		POOL_TEST(closes_in_order),
		POOL_TEST(opens_min_size_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
