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

#define MANY        8
#define PATIENCE_MS 10000 /* a limit for what is broken; whoever asks gives up by then */

typedef struct asker {
	cx_thread thread;
	bool is_running;
	cdbc_session *session;
	cdbc_status status;
	char text[64]; /* what the first row said */
	bool is_whole; /* and the others came, too */
	atomic_bool is_done;
} asker;

/* All who ask in a test, where they outlive it: one that fails leaves before they have ended. */
static asker crowd[2 * MANY];
static size_t crowd_count;

/* Two rows; nothing is asserted where a failure could not be told. */
static void read_rows(asker *a, cdbc_result *result)
{
	cdbc_text text = {NULL, 0};
	bool is_whole = cdbc_result_next(result, NULL) && cdbc_result_int64(result, 0) == 1;

	if (is_whole)
		text = cdbc_result_text(result, 1);
	snprintf(a->text, sizeof a->text, "%.*s", (int)text.length, text.length ? text.data : "");
	is_whole = is_whole && cdbc_result_next(result, NULL) && cdbc_result_int64(result, 0) == 2 &&
			   cdbc_result_is_null(result, 1) && !cdbc_result_next(result, NULL);
	a->is_whole = is_whole && cdbc_result_is_complete(result) &&
				  strcmp(cdbc_result_tag(result), "SELECT 2") == 0;
}

static void *ask_apart(void *data)
{
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_string("a")});
	cdbc_result *result;
	asker *a = data;

	a->status = cdbc_session_run(a->session, "get_one", params, NULL, &result, NULL);
	if (!a->status) {
		read_rows(a, result);
		cdbc_result_free(result);
	}
	atomic_store(&a->is_done, true);
	return NULL;
}

/* So many ask on threads of their own. Gives the first of them. */
static asker *begin(cache_fixture *f, size_t count, int64_t timeout_ms)
{
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	asker *first = crowd + crowd_count;

	assert_in_range(crowd_count + count, 1, sizeof crowd / sizeof *crowd);
	options.timeout_ms = timeout_ms;
	for (size_t i = 0; i < count; i++) {
		asker *a = &crowd[crowd_count];

		memset(a, 0, sizeof *a);
		assert_int_equal(cdbc_client_acquire(f->client, &options, &a->session, NULL), CDBC_OK);
		crowd_count++;
		a->is_running = cx_thread_start(&a->thread, ask_apart, a, "asker");
		assert_true(a->is_running);
	}
	return first;
}

static void leave(asker *a)
{
	if (a->is_running)
		cx_thread_join(&a->thread);
	a->is_running = false;
	cdbc_session_release(a->session);
	a->session = NULL;
}

/* Gives how many did not succeed; the others were told text. */
static int join(asker *askers, size_t count, const char *text)
{
	int failures = 0;

	for (size_t i = 0; i < count; i++)
		leave(&askers[i]);
	for (size_t i = 0; i < count; i++) {
		failures += askers[i].status != CDBC_OK;
		if (askers[i].status)
			continue;
		assert_string_equal(askers[i].text, text);
		assert_true(askers[i].is_whole);
	}
	return failures;
}

static int tear_down(void **state)
{
	cache_fixture *f = *state;

	fake_server_let(f->server, "slow");
	for (size_t i = 0; i < crowd_count; i++)
		leave(&crowd[i]);
	crowd_count = 0;
	return cache_tear_down(state);
}

/* Until so many have come to wait. */
static void await_waiters(cache_fixture *f, int64_t count)
{
	for (int i = 0; i < PATIENCE_MS && cache_stats(f).wait_count < count; i++)
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
	asker *askers;
	int64_t before;

	warm_up(f);
	before = cache_requests(f);
	answer_gated(f, 0, CDBC_OK);
	askers = begin(f, MANY, PATIENCE_MS);
	await_waiters(f, MANY - 1);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY, "a"), 0);
	assert_int_equal(cache_requests(f) - before, 1);
	assert_int_equal(cache_stats(f).miss_count, 1);
}

static void test_who_fails_fails_alone(void **state)
{
	cache_fixture *f = *state;
	asker *askers;
	int64_t before;

	warm_up(f);
	before = cache_requests(f);
	answer_gated(f, 1, CDBC_SQL);
	answer_gated(f, 0, CDBC_OK);
	askers = begin(f, MANY, PATIENCE_MS);
	await_waiters(f, MANY - 1);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY, "a"), 1);
	assert_int_equal(cache_requests(f) - before, 2);
	assert_false(cache_ask(f, "get_one", cdbc_string("a")));
}

static void test_a_waiter_has_its_own_deadline(void **state)
{
	cache_fixture *f = *state;
	asker *loader, *waiter;

	warm_up(f);
	answer_gated(f, 0, CDBC_OK);
	loader = begin(f, 1, PATIENCE_MS);
	assert_true(fake_server_wait(f->server, "slow", 1));
	waiter = begin(f, 1, 50);
	assert_int_equal(join(waiter, 1, "a"), 1);
	assert_int_equal(waiter->status, CDBC_TIMEOUT);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(loader, 1, "a"), 0);
}

static void test_a_waiter_is_cancelled(void **state)
{
	cache_fixture *f = *state;
	asker *loader, *waiter;

	warm_up(f);
	answer_gated(f, 0, CDBC_OK);
	loader = begin(f, 1, PATIENCE_MS);
	assert_true(fake_server_wait(f->server, "slow", 1));
	waiter = begin(f, 1, PATIENCE_MS);
	await_waiters(f, 1);
	/* once is enough, also when it has only just found that it must wait */
	assert_int_equal(cdbc_session_cancel(waiter->session, NULL), CDBC_OK);
	assert_int_equal(join(waiter, 1, "a"), 1);
	assert_int_equal(waiter->status, CDBC_CANCELLED);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(loader, 1, "a"), 0);
}

static void test_a_cancelled_loader_fails_alone(void **state)
{
	cache_fixture *f = *state;
	asker *loader, *waiters;

	warm_up(f);
	answer_gated(f, 1, CDBC_OK);
	cache_answer_one(f);
	loader = begin(f, 1, PATIENCE_MS);
	assert_true(fake_server_wait(f->server, "slow", 1));
	waiters = begin(f, MANY - 1, PATIENCE_MS);
	await_waiters(f, MANY - 1);
	assert_int_equal(cdbc_session_cancel(loader->session, NULL), CDBC_OK);
	assert_int_equal(join(loader, 1, "a"), 1);
	assert_int_equal(loader->status, CDBC_CANCELLED);
	assert_int_equal(join(waiters, MANY - 1, "a"), 0);
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
	asker *askers;

	warm_up(f);
	answer_gated(f, 0, CDBC_OK);
	askers = begin(f, MANY, PATIENCE_MS);
	await_waiters(f, MANY - 1);
	for (int i = 0; i < PATIENCE_MS && used_now(f) != 2; i++) /* they are about to wait */
		cx_clock_sleep_ns(CX_NS_PER_MS);
	assert_int_equal(used_now(f), 2); /* the fixture's, and the loader's */
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY, "a"), 0);
}

/* ---- invalidation ---- */

/* That none of so many loads stands in the table: who asks from here on does not wait for them. */
static void check_forgotten(cache_fixture *f, int64_t loads)
{
	cdbc_cache_stats s = cache_stats(f); /* of one moment: later loads are there, and were missed */

	if (s.entries_now != s.miss_count - loads)
		fail_msg("the invalidation did not reach a load under way: %lld entries, %lld misses",
				 (long long)s.entries_now, (long long)s.miss_count);
}

static void test_invalidation_while_it_is_loaded(void **state)
{
	cache_fixture *f = *state;
	asker *askers;
	int64_t before;

	warm_up(f);
	before = cache_requests(f);
	answer_gated(f, 1, CDBC_OK);
	cache_answer_one(f);
	askers = begin(f, MANY, PATIENCE_MS);
	await_waiters(f, MANY - 1);
	cdbc_client_cache_invalidate(f->client, "get_one");
	check_forgotten(f, 1);
	for (int i = 0; i < PATIENCE_MS && cache_requests(f) - before < 2; i++)
		cx_clock_sleep_ns(CX_NS_PER_MS); /* who waited reads anew, before the old one is there */
	assert_int_equal(cache_requests(f) - before, 2);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(askers, MANY, "a"), 0);
	assert_int_equal(cache_requests(f) - before, 2);
	assert_false(cache_ask(f, "get_one", cdbc_string("a")));
}

/* The first request gets old rows once the gate is open, the others new ones. */
static void answer_old_then_new(cache_fixture *f)
{
	fake_server_answer(f->server, &(fake_answer){.sql = "select one*",
												 .times = 1,
												 .columns = "id int8, given text",
												 .rows = "1|old;2|\\N",
												 .gate = "slow",
												 .gate_at = CDBC_POSITION_SENT});
	fake_server_answer(f->server, &(fake_answer){.sql = "select one*",
												 .columns = "id int8, given text",
												 .rows = "1|new;2|\\N"});
}

/* A load that began before an invalidation may end after it: nobody who asks later sees its rows,
 * neither while it is under way nor when it has ended. */
static void test_a_load_from_before_the_invalidation(void **state)
{
	cache_fixture *f = *state;
	asker *loader, *waiter;

	warm_up(f);
	answer_old_then_new(f);
	loader = begin(f, 1, PATIENCE_MS);
	assert_true(fake_server_wait(f->server, "slow", 1));
	waiter = begin(f, 1, PATIENCE_MS);
	await_waiters(f, 1);
	cdbc_client_cache_invalidate(f->client, "get_one");
	check_forgotten(f, 1);
	/* while the old one is still under way */
	assert_int_equal(join(begin(f, 1, PATIENCE_MS), 1, "new"), 0);
	assert_int_equal(join(waiter, 1, "new"), 0);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(loader, 1, "old"), 0); /* it had asked before */
	assert_int_equal(join(begin(f, 1, PATIENCE_MS), 1, "new"), 0);
}

/* Of everything, as by name. */
static void test_a_load_from_before_all_was_invalidated(void **state)
{
	cache_fixture *f = *state;
	asker *loader;

	warm_up(f);
	answer_old_then_new(f);
	loader = begin(f, 1, PATIENCE_MS);
	assert_true(fake_server_wait(f->server, "slow", 1));
	cdbc_client_cache_invalidate(f->client, "other");
	assert_int_equal(cache_stats(f).entries_now, 1);
	cdbc_client_cache_invalidate(f->client, NULL);
	check_forgotten(f, 1);
	fake_server_let(f->server, "slow");
	assert_int_equal(join(loader, 1, "old"), 0);
	assert_int_equal(cache_stats(f).entries_now, 0); /* nothing of it is kept */
	assert_int_equal(join(begin(f, 1, PATIENCE_MS), 1, "new"), 0);
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

	options.timeout_ms = PATIENCE_MS;
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
	for (int i = 0; i < STORM_THREADS; i++)
		cx_thread_join(&all[i].thread);
	for (int i = 0; i < STORM_THREADS; i++) {
		assert_int_equal(all[i].late, 0);
		assert_int_equal(all[i].good + all[i].failed, STORM_ROUNDS);
		good += all[i].good;
		failed += all[i].failed;
	}
	assert_true(good > failed && cache_stats(f).hit_count > 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, cache_set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_one_loads_for_all),
		CASE(test_who_fails_fails_alone),
		CASE(test_a_waiter_has_its_own_deadline),
		CASE(test_a_waiter_is_cancelled),
		CASE(test_a_cancelled_loader_fails_alone),
		CASE(test_who_waits_keeps_no_connection),
		CASE(test_invalidation_while_it_is_loaded),
		CASE(test_a_load_from_before_the_invalidation),
		CASE(test_a_load_from_before_all_was_invalidated),
		CASE(test_a_storm),
	};

	return cache_run_group(tests);
}
