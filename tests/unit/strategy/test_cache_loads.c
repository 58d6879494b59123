// SPDX-License-Identifier: Apache-2.0
/* Many who ask the cache for the same at once: one loads, the others wait, and each has his own
 * deadline, cancel and failure; nobody gets rows that are older than an invalidation before he
 * asked. */
#include "base/clock.h"
#include "base/thread.h"
#include "cache_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- many at once ---- */

#define MANY 8

typedef struct asker {
	cache_fixture *f;
	cx_thread thread;
	cdbc_session *session;
	int64_t timeout_ms;
	cdbc_status status;
	atomic_bool is_done;
} asker;

static void *ask_apart(void *data)
{
	asker *a = data;

	a->status = cache_ask_on(a->session, "get_one", cdbc_string("a"), NULL);
	atomic_store(&a->is_done, true);
	return NULL;
}

static void begin(cache_fixture *f, asker *askers, size_t count, int64_t timeout_ms)
{
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;

	options.timeout_ms = timeout_ms;
	for (size_t i = 0; i < count; i++) {
		askers[i].f = f;
		atomic_init(&askers[i].is_done, false);
		assert_int_equal(cdbc_client_acquire(f->client, &options, &askers[i].session, NULL),
						 CDBC_OK);
		assert_true(cx_thread_start(&askers[i].thread, ask_apart, &askers[i], "asker"));
	}
}

/* Gives how many did not succeed. */
static int join(asker *askers, size_t count)
{
	int failures = 0;

	for (size_t i = 0; i < count; i++) {
		cx_thread_join(&askers[i].thread);
		cdbc_session_release(askers[i].session);
		failures += askers[i].status != CDBC_OK;
	}
	return failures;
}

/* Until so many have come to wait; ten seconds at most. */
static void await_waiters(cache_fixture *f, int64_t count)
{
	for (int i = 0; i < 10000 && cache_stats(f).wait_count < count; i++)
		cx_clock_sleep_ns(CX_NS_PER_MS);
	assert_int_equal(cache_stats(f).wait_count, count);
}

static void answer_gated(cache_fixture *f, int64_t times, cdbc_status status)
{
	fake_answer answer = {.sql = "select one*",
						  .times = times,
						  .columns = "id int8, given text",
						  .rows = "1|$1;2|\\N",
						  .gate = "slow",
						  .gate_at = CDBC_POSITION_SENT};

	if (status)
		answer.error = (cdbc_error_info){.struct_size = sizeof(cdbc_error_info),
										 .status = status,
										 .message = "no",
										 .sqlstate = "22012"};
	fake_server_answer(f->server, &answer);
}

/* The dialect is known, and the connection of the session warm. */
static void warm_up(cache_fixture *f)
{
	cache_ask(f, "plain", cdbc_int64(0));
	fake_server_forget(f->server);
}

static void test_one_loads_for_all(void **state)
{
	cache_fixture *f = *state;
	asker askers[MANY];
	int64_t before;

	warm_up(f);
	before = cache_requests(f);
	answer_gated(f, 0, CDBC_OK);
	begin(f, askers, MANY, 0);
	await_waiters(f, MANY - 1);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY), 0);
	assert_int_equal(cache_requests(f) - before, 1);
	assert_int_equal(cache_stats(f).miss_count, 1);
}

static void test_who_fails_fails_alone(void **state)
{
	cache_fixture *f = *state;
	asker askers[MANY];
	int64_t before;

	warm_up(f);
	before = cache_requests(f);
	answer_gated(f, 1, CDBC_SQL);
	answer_gated(f, 0, CDBC_OK);
	begin(f, askers, MANY, 0);
	await_waiters(f, MANY - 1);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY), 1);
	assert_int_equal(cache_requests(f) - before, 2);
	assert_false(cache_ask(f, "get_one", cdbc_string("a")));
}

static void test_a_waiter_has_its_own_deadline(void **state)
{
	cache_fixture *f = *state;
	asker loader, waiter;

	warm_up(f);
	answer_gated(f, 0, CDBC_OK);
	begin(f, &loader, 1, 0);
	assert_true(fake_server_wait(f->server, "slow", 1));
	begin(f, &waiter, 1, 50);
	assert_int_equal(join(&waiter, 1), 1);
	assert_int_equal(waiter.status, CDBC_TIMEOUT);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(&loader, 1), 0);
}

static void test_a_waiter_is_cancelled(void **state)
{
	cache_fixture *f = *state;
	asker loader, waiter;

	warm_up(f);
	answer_gated(f, 0, CDBC_OK);
	begin(f, &loader, 1, 0);
	assert_true(fake_server_wait(f->server, "slow", 1));
	begin(f, &waiter, 1, 0);
	await_waiters(f, 1);
	while (!atomic_load(&waiter.is_done)) { /* until it has begun to wait */
		assert_int_equal(cdbc_session_cancel(waiter.session, NULL), CDBC_OK);
		cx_clock_sleep_ns(CX_NS_PER_MS);
	}
	assert_int_equal(join(&waiter, 1), 1);
	assert_int_equal(waiter.status, CDBC_CANCELLED);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(&loader, 1), 0);
}

static void test_a_cancelled_loader_fails_alone(void **state)
{
	cache_fixture *f = *state;
	asker loader, waiters[MANY - 1];

	warm_up(f);
	answer_gated(f, 1, CDBC_OK);
	cache_answer_one(f);
	begin(f, &loader, 1, 0);
	assert_true(fake_server_wait(f->server, "slow", 1));
	begin(f, waiters, MANY - 1, 0);
	await_waiters(f, MANY - 1);
	assert_int_equal(cdbc_session_cancel(loader.session, NULL), CDBC_OK);
	assert_int_equal(join(&loader, 1), 1);
	assert_int_equal(loader.status, CDBC_CANCELLED);
	assert_int_equal(join(waiters, MANY - 1), 0);
}

static int64_t used_now(cache_fixture *f)
{
	cdbc_pool_stats pool = {.struct_size = sizeof pool};

	cdbc_client_pool_stats(f->client, &pool);
	return pool.used_now;
}

/* A waiter's connection is its own until it waits. */
static void test_who_waits_keeps_no_connection(void **state)
{
	cache_fixture *f = *state;
	asker askers[MANY];

	warm_up(f);
	answer_gated(f, 0, CDBC_OK);
	begin(f, askers, MANY, 0);
	await_waiters(f, MANY - 1);
	for (int i = 0; i < 10000 && used_now(f) != 2; i++) /* they are about to wait */
		cx_clock_sleep_ns(CX_NS_PER_MS);
	assert_int_equal(used_now(f), 2); /* the fixture's, and the loader's */
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY), 0);
}

/* ---- invalidation ---- */

static void test_invalidation_while_it_is_loaded(void **state)
{
	cache_fixture *f = *state;
	asker askers[MANY];
	int64_t before;

	warm_up(f);
	before = cache_requests(f);
	answer_gated(f, 1, CDBC_OK);
	cache_answer_one(f);
	begin(f, askers, MANY, 0);
	await_waiters(f, MANY - 1);
	cdbc_client_cache_invalidate(f->client, "get_one");
	for (size_t i = 0; i < 1000 && cache_requests(f) - before < 2; i++)
		cx_clock_sleep_ns(CX_NS_PER_MS); /* who waited reads anew, before the old one is there */
	assert_int_equal(cache_requests(f) - before, 2);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY), 0);
	assert_int_equal(cache_requests(f) - before, 2);
	assert_false(cache_ask(f, "get_one", cdbc_string("a")));
}

/* Gives what the one row says. */
static void said(cdbc_session *session, char *out, size_t size)
{
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_string("a")});
	cdbc_result *result;
	cdbc_text text;

	assert_int_equal(cdbc_session_run(session, "get_one", params, NULL, &result, NULL), CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	text = cdbc_result_text(result, 1);
	snprintf(out, size, "%.*s", (int)text.length, text.data);
	cdbc_result_free(result);
}

typedef struct listener {
	cdbc_session *session;
	cx_thread thread;
	char text[16];
} listener;

static void *listen_apart(void *data)
{
	listener *l = data;

	said(l->session, l->text, sizeof l->text);
	return NULL;
}

/* A load that began before an invalidation may end after it: nobody who asks later sees its rows,
 * neither while it is under way nor when it has ended. */
static void test_a_load_from_before_the_invalidation(void **state)
{
	cache_fixture *f = *state;
	listener loader = {.session = NULL}, waiter = {.session = NULL};
	char text[16];

	warm_up(f);
	fake_server_answer(f->server, &(fake_answer){.sql = "select one*",
												 .times = 1,
												 .columns = "id int8, given text",
												 .rows = "1|old",
												 .gate = "slow",
												 .gate_at = CDBC_POSITION_SENT});
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select one*", .columns = "id int8, given text", .rows = "1|new"});
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &loader.session, NULL), CDBC_OK);
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &waiter.session, NULL), CDBC_OK);
	assert_true(cx_thread_start(&loader.thread, listen_apart, &loader, "loader"));
	assert_true(fake_server_wait(f->server, "slow", 1));
	assert_true(cx_thread_start(&waiter.thread, listen_apart, &waiter, "waiter"));
	await_waiters(f, 1);
	cdbc_client_cache_invalidate(f->client, "get_one");
	said(f->session, text, sizeof text); /* while the old one is still under way */
	assert_string_equal(text, "new");
	cx_thread_join(&waiter.thread);
	assert_string_equal(waiter.text, "new");
	fake_server_let(f->server, "slow");
	cx_thread_join(&loader.thread);
	assert_string_equal(loader.text, "old"); /* it had asked before */
	said(f->session, text, sizeof text);
	assert_string_equal(text, "new");
	cdbc_session_release(loader.session);
	cdbc_session_release(waiter.session);
}

/* ---- all at once ---- */

#define STORM_THREADS 8
#define STORM_ROUNDS  300

typedef struct storm {
	cache_fixture *f;
	cx_thread thread;
	int number;
	int64_t good, failed, late;
} storm;

/* The server's rows: they change, then the cache is told. What is told is the least that a later
 * request may see. */
static _Atomic int64_t version_told;

static int64_t version_seen(cdbc_session *session, int64_t key, cdbc_status *status)
{
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_int64(key)});
	cdbc_error *err = NULL;
	cdbc_result *result;
	int64_t seen = -1;

	*status = cdbc_session_run(session, "versioned", params, NULL, &result, &err);
	if (*status) {
		cdbc_error_free(err);
		return -1;
	}
	if (cdbc_result_next(result, NULL))
		seen = cdbc_result_int64(result, 0);
	cdbc_result_free(result);
	return seen;
}

static void *storm_run(void *data)
{
	storm *s = data;
	cdbc_session *session;
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;

	options.timeout_ms = 10000;
	if (cdbc_client_acquire(s->f->client, &options, &session, NULL))
		return NULL;
	for (int i = 0; i < STORM_ROUNDS; i++) {
		int64_t least = atomic_load(&version_told), seen;
		cdbc_status status;

		seen = version_seen(session, (i * 7 + s->number) % 5, &status);
		if (status)
			s->failed++;
		else if (seen < least)
			s->late++;
		else
			s->good++;
	}
	cdbc_session_release(session);
	return NULL;
}

/* Readers, who sometimes fail, and one who changes the rows: nobody sees rows older than the last
 * invalidation before he asked. */
static void test_a_storm(void **state)
{
	cache_fixture *f = *state;
	storm all[STORM_THREADS];
	int64_t good = 0, failed = 0;

	warm_up(f);
	atomic_store(&version_told, 0);
	fake_server_answer(
		f->server, &(fake_answer){.sql = "select versioned*", .columns = "v int8", .rows = "0"});
	for (int i = 0; i < STORM_THREADS; i++) {
		all[i] = (storm){.f = f, .number = i};
		assert_true(cx_thread_start(&all[i].thread, storm_run, &all[i], "storm"));
	}
	for (int64_t version = 1; version <= 60; version++) {
		char row[24];

		fake_server_forget(f->server);
		snprintf(row, sizeof row, "%lld", (long long)version);
		fake_server_answer(f->server,
						   &(fake_answer){.sql = "select versioned*",
										  .times = 1,
										  .columns = "v int8",
										  .error = {.struct_size = sizeof(cdbc_error_info),
													.status = CDBC_SQL,
													.message = "no",
													.sqlstate = "22012"}});
		fake_server_answer(
			f->server,
			&(fake_answer){.sql = "select versioned*", .columns = "v int8", .rows = row});
		cdbc_client_cache_invalidate(f->client, version % 3 ? "versioned" : NULL);
		atomic_store(&version_told, version);
		cx_clock_sleep_ns(CX_NS_PER_MS);
	}
	for (int i = 0; i < STORM_THREADS; i++) {
		cx_thread_join(&all[i].thread);
		assert_int_equal(all[i].late, 0);
		assert_int_equal(all[i].good + all[i].failed, STORM_ROUNDS);
		good += all[i].good;
		failed += all[i].failed;
	}
	assert_true(good > failed && cache_stats(f).hit_count > 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, cache_set_up, cache_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_one_loads_for_all),
		CASE(test_who_fails_fails_alone),
		CASE(test_a_waiter_has_its_own_deadline),
		CASE(test_a_waiter_is_cancelled),
		CASE(test_a_cancelled_loader_fails_alone),
		CASE(test_who_waits_keeps_no_connection),
		CASE(test_invalidation_while_it_is_loaded),
		CASE(test_a_load_from_before_the_invalidation),
		CASE(test_a_storm),
	};

	return cache_run_group(tests);
}
