// SPDX-License-Identifier: Apache-2.0
/* The fixture. */
#include "pool_fixture.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static const cdbc_setting settings_items[] = {{"host", "db1"}, {"password", "open sesame"}};
const cdbc_settings fixture_settings = {
	.struct_size = sizeof fixture_settings, .scheme = "stub", .items = settings_items, .count = 2};

static void remember(void *self, const cdbc_event *event)
{
	pool_fixture *f = self;

	cx_mutex_lock(&f->lock);
	f->opens += event->kind == CDBC_EVENT_CONN_OPEN && !event->error;
	f->open_failures += event->kind == CDBC_EVENT_CONN_OPEN && event->error;
	f->closes += event->kind == CDBC_EVENT_CONN_CLOSE;
	f->waits += event->kind == CDBC_EVENT_ACQUIRE_WAIT;
	f->leaks += event->kind == CDBC_EVENT_LEAK;
	if (event->kind == CDBC_EVENT_CONN_CLOSE)
		snprintf(f->last_close, sizeof f->last_close, "%s", event->text ? event->text : "");
	if (event->kind == CDBC_EVENT_LEAK)
		snprintf(f->last_leak, sizeof f->last_leak, "%s", event->text ? event->text : "");
	if (event->host)
		snprintf(f->last_host, sizeof f->last_host, "%s", event->host);
	cx_cond_broadcast(&f->seen);
	cx_mutex_unlock(&f->lock);
}

int fixture_setup(void **state)
{
	pool_fixture *f = calloc(1, sizeof *f);
	cdbc_observer observer = {sizeof observer, "test", CDBC_EVENT_ALL, remember, NULL, f};

	f->options = (cx_pool_options){
		.name = "main",
		.max_size = 4,
		.acquire_timeout_ms = 30000,
		.connect_timeout_ms = 5000,
		.check_idle_ms = -1,
		.max_waiters_per_slot = 10,
	};
	f->settings = &fixture_settings;
	stub_begin();
	cx_mutex_init(&f->lock);
	cx_cond_init(&f->seen);
	assert_int_equal(cx_events_init(&f->events, &observer, 1, NULL), CDBC_OK);
	assert_int_equal(cx_helpers_new(8, 64, &f->helpers, NULL), CDBC_OK);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	pool_fixture *f = *state;

	stub_gate_open();
	if (f->pool) {
		cx_pool_close(f->pool, 0);
		cx_pool_free(f->pool);
	}
	cx_helpers_free(f->helpers);
	cx_events_fini(&f->events);
	cx_clock_fake_stop();
	assert_int_equal(stub_count().clash, 0);
	assert_int_equal(stub_count().close, stub_count().open_done);
	cx_mutex_fini(&f->lock);
	cx_cond_fini(&f->seen);
	free(f);
	return 0;
}

void fixture_pool(pool_fixture *f, const cdbc_driver *driver)
{
	cdbc_error *err = NULL;
	cdbc_status status = cx_pool_new(&f->options, driver ? driver : &stub_driver, f->settings,
									 &f->events, f->helpers, &f->pool, &err);

	if (status)
		print_error("%s\n", cdbc_error_message(err));
	assert_int_equal(status, CDBC_OK);
}

void fixture_reopen(pool_fixture *f)
{
	assert_true(cx_pool_close(f->pool, CX_NEVER));
	cx_pool_free(f->pool);
	fixture_pool(f, NULL);
}

void fixture_wait(pool_fixture *f, const int *count, int wanted)
{
	cx_mutex_lock(&f->lock);
	while (*count < wanted)
		cx_cond_wait(&f->seen, &f->lock, CX_NEVER);
	cx_mutex_unlock(&f->lock);
}

void fixture_wait_queued(pool_fixture *f, int64_t wanted)
{
	while (stats(f).waiting_now != wanted)
		sched_yield();
}

cx_conn *must_acquire(pool_fixture *f)
{
	cdbc_error *err = NULL;
	cx_conn *conn = NULL;
	cdbc_status status = cx_pool_acquire(f->pool, CX_NEVER, "test", &conn, &err);

	if (status)
		print_error("%s\n", cdbc_error_message(err));
	assert_int_equal(status, CDBC_OK);
	assert_non_null(conn);
	return conn;
}

cx_conn *must_acquire_slowly(pool_fixture *f)
{
	cx_conn *conn = NULL;
	cdbc_status status;

	do
		status = cx_pool_acquire(f->pool, CX_NEVER, "test", &conn, NULL);
	while (status == CDBC_TIMEOUT);
	assert_int_equal(status, CDBC_OK);
	return conn;
}

cdbc_pool_stats stats(const pool_fixture *f)
{
	cdbc_pool_stats out = {.struct_size = sizeof out};

	cx_pool_stats(f->pool, &out);
	return out;
}

void fixture_keep(pool_fixture *f)
{
	cx_pool_keeper_stop(f->pool);
	cx_mutex_lock(&f->pool->lock);
	cx_pool_keep(f->pool);
	cx_mutex_unlock(&f->pool->lock);
}

static void *taker_main(void *data)
{
	taker *t = data;

	t->status =
		cx_pool_acquire_for(t->fixture->pool, t->deadline_ns, "taker", t, &t->conn, &t->err);
	if (t->counter)
		t->place = atomic_fetch_add(t->counter, 1) + 1;
	if (!t->status && t->must_return)
		cx_pool_release(t->fixture->pool, t->conn, CX_RELEASE_CLEAN, NULL);
	return NULL;
}

void taker_start(taker *t, pool_fixture *f, int64_t deadline_ns)
{
	t->fixture = f;
	t->deadline_ns = deadline_ns;
	assert_true(cx_thread_start(&t->thread, taker_main, t, "taker"));
}

void taker_join(taker *t)
{
	cx_thread_join(&t->thread);
}
