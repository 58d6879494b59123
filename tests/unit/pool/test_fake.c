// SPDX-License-Identifier: Apache-2.0
/* The pool over the scripted driver, with work done on what was lent: what transactions, unread
 * results and cut links leave behind. */
#include "pool_fixture.h"
#include "support/fake_driver.h"

static fake_server *server;
static cdbc_setting item;
static cdbc_settings settings;

static int setup(void **state)
{
	pool_fixture *f;

	fixture_setup(state);
	f = *state;
	server = fake_server_new("pool");
	settings = fake_settings(server, &item);
	f->settings = &settings;
	fixture_pool(f, &fake_driver);
	return 0;
}

static int teardown(void **state)
{
	fixture_teardown(state);
	assert_int_equal(fake_server_counts(server).live, 0);
	fake_server_free(server);
	return 0;
}

static void *begin_request(const cx_conn *conn, const char *sql)
{
	const cdbc_request request = {
		.struct_size = sizeof request, .sql = sql, .sql_length = strlen(sql)};
	void *cursor = NULL;

	assert_int_equal(conn->driver->submit(conn->handle, &request, 1, CDBC_SYNC_EACH, CX_NEVER,
										  &cursor, NULL, NULL),
					 CDBC_OK);
	return cursor;
}

static void run(const cx_conn *conn, const char *sql)
{
	const struct ArrowSchema *schema;
	void *cursor = begin_request(conn, sql);
	bool has_result;

	assert_int_equal(conn->driver->next_result(cursor, CX_NEVER, &schema, &has_result, NULL),
					 CDBC_OK);
	conn->driver->cursor_close(cursor, CX_NEVER);
}

static void a_finished_transaction_leaves_nothing(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn = must_acquire(f);

	run(conn, "begin");
	run(conn, "commit");
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_ptr_equal(must_acquire(f), conn);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_int_equal(fake_server_counts(server).opens, 1);
}

static void an_open_transaction_is_not_lent_on(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn = must_acquire(f);

	run(conn, "begin");
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_string_equal(f->last_close, "given back in a transaction");
	conn = must_acquire(f);
	assert_int_equal(fake_conn_serial(conn->handle), 2);
	run(conn, "begin");
	cx_pool_release(f->pool, conn, CX_RELEASE_RESET, NULL);
	conn = must_acquire(f);
	assert_int_equal(fake_conn_serial(conn->handle), 2);
	assert_int_equal(conn->driver->state(conn->handle).tx, CDBC_TX_IDLE);
	assert_int_equal(fake_server_counts(server).resets, 1);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
}

static void an_unread_result_is_not_lent_on(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn = must_acquire(f);

	begin_request(conn, "begin");
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_string_equal(f->last_close, "given back with a result unread");
}

static void a_cut_link_is_found_before_it_is_lent(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn;

	f->options.check_idle_ms = 0;
	assert_true(cx_pool_close(f->pool, CX_NEVER));
	cx_pool_free(f->pool);
	fixture_pool(f, &fake_driver);
	cx_pool_release(f->pool, must_acquire(f), CX_RELEASE_CLEAN, NULL);
	fake_server_cut(server);
	conn = must_acquire(f);
	assert_string_equal(f->last_close, "it did not answer");
	assert_int_equal(fake_server_counts(server).pings, 1);
	assert_int_equal(fake_server_counts(server).opens, 2);
	fake_server_cut(server);
	assert_int_not_equal(conn->driver->ping(conn->handle, CX_NEVER, NULL), CDBC_OK);
	cx_pool_release(f->pool, conn, CX_RELEASE_RESET, NULL); /* a lost one cannot be reset */
	while (stats(f).close_count < 2)
		sched_yield();
	assert_int_equal(fake_server_counts(server).closes, 2);
}

#define FAKE_DRIVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE_DRIVER_TEST(a_finished_transaction_leaves_nothing),
		FAKE_DRIVER_TEST(an_open_transaction_is_not_lent_on),
		FAKE_DRIVER_TEST(an_unread_result_is_not_lent_on),
		FAKE_DRIVER_TEST(a_cut_link_is_found_before_it_is_lent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
