// SPDX-License-Identifier: Apache-2.0
/* A lease between two threads: one borrows, gives back and borrows again, the other cancels
 * whenever it likes. */
#include "base/clock.h"
#include "data/exec/lease.h"
#include "infra/driver/registry.h"
#include "support/fake_driver.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

typedef struct fixture {
	fake_server *server;
	cx_events events;
	cx_helpers *helpers;
	cx_pool *pool;
	cx_lease lease;
	atomic_bool is_over;
} fixture;

static int set_up(void **state)
{
	static fixture f;
	cx_pool_options options = {.name = "test",
							   .max_size = 2,
							   .acquire_timeout_ms = 10000,
							   .check_idle_ms = -1,
							   .max_waiters_per_slot = 10};
	cdbc_setting item;
	cdbc_settings settings;
	cdbc_driver_host host;

	f.server = fake_server_new("lease");
	settings = fake_settings(f.server, &item);
	assert_int_equal(cx_events_init(&f.events, NULL, 0, NULL), CDBC_OK);
	assert_int_equal(cx_helpers_new(2, 64, &f.helpers, NULL), CDBC_OK);
	cx_driver_host_init(&host, f.helpers);
	settings.host = &host;
	assert_int_equal(
		cx_pool_new(&options, &fake_driver, &settings, &f.events, f.helpers, &f.pool, NULL),
		CDBC_OK);
	cx_lease_init(&f.lease);
	atomic_init(&f.is_over, false);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	assert_true(cx_pool_close(f->pool, cx_deadline_after_ms(10000)));
	cx_pool_free(f->pool);
	cx_helpers_free(f->helpers);
	cx_events_fini(&f->events);
	assert_int_equal(fake_server_counts(f->server).live, 0);
	fake_server_free(f->server);
	return 0;
}

static void *cancel_often(void *data)
{
	fixture *f = data;

	while (!atomic_load(&f->is_over))
		assert_int_equal(cx_lease_cancel(&f->lease, f->helpers, cx_deadline_after_ms(10000), NULL),
						 CDBC_OK);
	return NULL;
}

static void test_given_back_while_it_is_cancelled(void **state)
{
	fixture *f = *state;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, cancel_often, f), 0);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(
			cx_lease_take(&f->lease, f->pool, cx_deadline_after_ms(10000), "here", NULL), CDBC_OK);
		cx_lease_start(&f->lease);
		if (i % 2)
			cx_lease_stop(&f->lease);
		cx_lease_give(&f->lease, 0);
	}
	atomic_store(&f->is_over, true);
	pthread_join(thread, NULL);
}

static void test_kept_while_it_is_cancelled(void **state)
{
	fixture *f = *state;
	pthread_t thread;

	assert_int_equal(cx_lease_take(&f->lease, f->pool, cx_deadline_after_ms(10000), "here", NULL),
					 CDBC_OK);
	assert_int_equal(pthread_create(&thread, NULL, cancel_often, f), 0);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(cx_lease_settle(&f->lease, CX_NEVER, NULL), CDBC_OK);
		cx_lease_start(&f->lease);
		cx_lease_stop(&f->lease);
	}
	atomic_store(&f->is_over, true);
	pthread_join(thread, NULL);
	cx_lease_give(&f->lease, 0);
}

static void test_nothing_to_cancel(void **state)
{
	fixture *f = *state;

	assert_int_equal(cx_lease_cancel(&f->lease, f->helpers, CX_NEVER, NULL), CDBC_OK);
	assert_int_equal(cx_lease_take(&f->lease, f->pool, CX_NEVER, "here", NULL), CDBC_OK);
	assert_int_equal(cx_lease_cancel(&f->lease, f->helpers, CX_NEVER, NULL), CDBC_OK);
	assert_false(cx_lease_has_cancel(&f->lease));
	assert_int_equal(fake_server_counts(f->server).cancels, 0);
	cx_lease_give(&f->lease, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_given_back_while_it_is_cancelled),
		CASE(test_kept_while_it_is_cancelled),
		CASE(test_nothing_to_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
