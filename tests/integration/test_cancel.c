// SPDX-License-Identifier: Apache-2.0
/* Storms of cancels on a real server: who is cancelled fails with that and nothing else, who is not
 * never does, though both borrow the same connections; and nothing is left behind. */
#include "support/fault_proxy.h"
#include "support/skip.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define VICTIMS   4
#define INNOCENTS 4
#define ROUNDS    150

static atomic_bool is_over;
static atomic_int cancelled, wrong, sent;
static cdbc_client *client;

static cdbc_client *open_client(const char *url, const char *max_size, const char *idle)
{
	cdbc_config_item items[] = {
		{"pool.max_size", max_size},        {"pool.max_opens_per_second", "0"},
		{"pool.acquire_timeout", "1min"},   {"helpers.threads", "8"},
		{"transaction.idle_timeout", idle}, {"retry.budget", "100"}};
	cdbc_client *out = NULL;

	test_client_open(url, items, sizeof items / sizeof *items, NULL, &out, NULL);
	return out;
}

static cdbc_status run(cdbc_session *session, const char *sql, cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, err);

	if (status)
		return status;
	while (cdbc_result_next(result, err))
		;
	if (!cdbc_result_is_complete(result))
		status = CDBC_INTERNAL;
	cdbc_result_free(result);
	return status;
}

static void tell(const char *who, cdbc_error *err)
{
	print_error("%s: %s\n", who, err ? cdbc_error_message(err) : "no error was given");
	atomic_fetch_add(&wrong, 1);
}

/* A session that stays while it is cancelled, and gives its connection back in between. */
typedef struct victim {
	pthread_t thread;
	cdbc_session *session;
} victim;

static cdbc_status work(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_status status = run(session, "select pg_sleep(0.001)", err);

	(void)data;
	return status ? status : run(session, "select 1", err);
}

static void *be_cancelled(void *data)
{
	victim *v = data;

	for (int i = 0; i < ROUNDS; i++) {
		cdbc_error *err = NULL;
		cdbc_status status = i % 2 ? cdbc_session_transact(v->session, work, NULL, NULL, &err)
								   : run(v->session, "select pg_sleep(0.002)", &err);

		if (status == CDBC_CANCELLED)
			atomic_fetch_add(&cancelled, 1);
		else if (status)
			tell("victim", err);
		cdbc_error_free(err);
	}
	return NULL;
}

/* Takes a connection anew each time: what a victim has just given back. */
static void *be_innocent(void *data)
{
	(void)data;
	for (int i = 0; i < ROUNDS; i++) {
		cdbc_session *session;
		cdbc_error *err = NULL;

		if (cdbc_client_acquire(client, NULL, &session, &err) ||
			run(session, "select pg_sleep(0.001)", &err))
			tell("innocent", err);
		cdbc_error_free(err);
		cdbc_session_release(session);
	}
	return NULL;
}

static void *cancel_all(void *data)
{
	victim *victims = data;

	for (int i = 0; !atomic_load(&is_over); i++) {
		cdbc_error *err = NULL;

		if (cdbc_session_cancel(victims[i % VICTIMS].session, &err) &&
			cdbc_error_status(err) != CDBC_TIMEOUT)
			tell("cancel", err);
		atomic_fetch_add(&sent, 1);
		sched_yield();
		cdbc_error_free(err);
	}
	return NULL;
}

/* Victims keep their sessions, but a session that was cancelled gives its connection up: so there
 * are fewer connections than sessions, and all kinds of waiting happen. */
static void test_a_storm(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");
	pthread_t innocents[INNOCENTS], canceller;
	cdbc_pool_stats stats = {.struct_size = sizeof stats};
	victim victims[VICTIMS];

	(void)state;
	if (!url || strncmp(url, "cockroachdb", 11) == 0) {
		test_skip("needs a PostgreSQL server in CDBC_TEST_URL: run by scripts/with-postgres");
	}
	client = open_client(url, "6", "1min");
	atomic_store(&is_over, false);
	for (int i = 0; i < VICTIMS; i++)
		assert_int_equal(cdbc_client_acquire(client, NULL, &victims[i].session, NULL), CDBC_OK);
	for (int i = 0; i < INNOCENTS; i++)
		assert_int_equal(pthread_create(&innocents[i], NULL, be_innocent, NULL), 0);
	for (int i = 0; i < VICTIMS; i++)
		assert_int_equal(pthread_create(&victims[i].thread, NULL, be_cancelled, &victims[i]), 0);
	assert_int_equal(pthread_create(&canceller, NULL, cancel_all, victims), 0);
	for (int i = 0; i < VICTIMS; i++)
		pthread_join(victims[i].thread, NULL);
	for (int i = 0; i < INNOCENTS; i++)
		pthread_join(innocents[i], NULL);
	atomic_store(&is_over, true);
	pthread_join(canceller, NULL);
	for (int i = 0; i < VICTIMS; i++)
		cdbc_session_release(victims[i].session);
	print_error("%d cancels, %d requests cancelled\n", atomic_load(&sent), atomic_load(&cancelled));
	assert_int_equal(atomic_load(&wrong), 0);
	assert_true(atomic_load(&cancelled) > 0);
	cdbc_client_pool_stats(client, &stats);
	assert_int_equal(stats.used_now, 0);
	cdbc_client_close(client, 5000);
}

/* ---- a server that is drained in the middle of a transaction ---- */

static int calls;

static cdbc_status mark(cdbc_session *session, void *data, cdbc_error **err)
{
	(void)data;
	calls++;
	return run(session, "insert into drained values (1)", err);
}

/* 57014 and then 57P01: no statement timeout, but a server that goes away. */
static void test_a_drain_in_a_transaction(void **state)
{
	fault_proxy_options options = {.url = getenv("CDBC_TEST_URL"), .seed = 1};
	fault_proxy *proxy;
	cdbc_session *session;
	cdbc_error *err = NULL;

	(void)state;
	if (!options.url) {
		test_skip("CDBC_TEST_URL is not set: run by scripts/with-postgres");
	}
	proxy = fault_proxy_start(&options);
	assert_non_null(proxy);
	client = open_client(fault_proxy_url(proxy), "2", "1min");
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(run(session, "drop table if exists drained", NULL), CDBC_OK);
	assert_int_equal(run(session, "create table drained (a bigint)", NULL), CDBC_OK);
	for (int i = 1; i <= 2; i++) {
		calls = 0;
		/* at its first statement, and at its commit: before that is delivered */
		fault_proxy_strike(proxy, i == 1 ? FAULT_DRAIN : FAULT_SHUTDOWN);
		if (cdbc_session_transact(session, mark, NULL, NULL, &err))
			fail_msg("%s", cdbc_error_message(err));
		assert_true(calls <= 2);
	}
	assert_int_equal(fault_proxy_count(proxy, FAULT_DRAIN), 1);
	/* by hand it says what to do */
	assert_int_equal(cdbc_session_begin(session, NULL, NULL), CDBC_OK);
	fault_proxy_strike(proxy, FAULT_DRAIN);
	assert_int_equal(mark(session, NULL, &err), CDBC_CONNECT);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_TRANSACTION);
	cdbc_error_free(err);
	assert_int_equal(cdbc_session_rollback(session, NULL), CDBC_OK);
	assert_int_equal(run(session, "drop table drained", NULL), CDBC_OK);
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
	fault_proxy_stop(proxy);
}

/* ---- idle in a transaction ---- */

/* The server ends it, which is no unanswered commit. */
static void test_idle_for_too_long(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");
	cdbc_session *session, *watch;
	cdbc_error *err = NULL;
	cdbc_result *result;
	int64_t left = 1;

	(void)state;
	if (!url || strncmp(url, "cockroachdb", 11) == 0) {
		test_skip("needs a PostgreSQL server in CDBC_TEST_URL: run by scripts/with-postgres");
	}
	client = open_client(url, "2", "1s");
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(cdbc_client_acquire(client, NULL, &watch, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_begin(session, NULL, NULL), CDBC_OK);
	assert_int_equal(run(session, "select 4711", NULL), CDBC_OK);
	while (left > 0) {
		assert_int_equal(
			cdbc_session_query(watch,
							   "select count(*) from pg_stat_activity where query = 'select 4711'",
							   CDBC_NO_PARAMS, NULL, &result, NULL),
			CDBC_OK);
		assert_true(cdbc_result_next(result, NULL));
		left = cdbc_result_int64(result, 0);
		cdbc_result_free(result);
	}
	assert_int_equal(cdbc_session_commit(session, &err), CDBC_TIMEOUT);
	assert_string_equal(cdbc_error_sqlstate(err), "25P03");
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_TRANSACTION);
	cdbc_error_free(err);
	cdbc_session_release(session);
	cdbc_session_release(watch);
	cdbc_client_close(client, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_storm),
		cmocka_unit_test(test_a_drain_in_a_transaction),
		cmocka_unit_test(test_idle_for_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
