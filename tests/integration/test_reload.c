// SPDX-License-Identifier: Apache-2.0
/* Queries reloaded under load: eight threads run them while releases are swapped, bad ones among
 * them. No request fails, no result mixes two generations, no thread sees an older one again. */
#include "base/clock.h"
#include "base/thread.h"
#include "support/sql_folder.h"
#include "support/skip.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define THREADS     8
#define RELEASES    40
#define PATIENCE_NS (60 * CX_NS_PER_S)

static struct {
	cx_mutex lock;
	cx_cond told;
	int failures;
} seen = {.lock = CX_MUTEX_INIT};

static cdbc_client *client;
static atomic_bool is_over;
static atomic_int ready_count;

static void on_event(void *self, const cdbc_event *event)
{
	(void)self;
	cx_mutex_lock(&seen.lock);
	seen.failures += event->error != NULL;
	cx_cond_broadcast(&seen.told);
	cx_mutex_unlock(&seen.lock);
}

/* A release: two files that must agree, and a query of several rows. */
static void write_release(int number, bool is_bad)
{
	char name[48], text[400];

	snprintf(name, sizeof name, "v%d", number);
	sql_mkdir(name);
	snprintf(name, sizeof name, "v%d/a.sql", number);
	snprintf(text, sizeof text,
			 "-- name: a :one\nselect %d as n;\n-- name: rows :many\n-- param: x int8\n"
			 "select %d as n union all select %d union all select %d + 0 * :x;\n",
			 number, number, number, number);
	sql_write(name, text);
	snprintf(name, sizeof name, "v%d/b.sql", number);
	snprintf(text, sizeof text, "-- name: b :one\nselect %d as n%s\n", number, is_bad ? " '" : "");
	sql_write(name, text);
}

static void release(int number)
{
	char name[32];

	snprintf(name, sizeof name, "v%d", number);
	sql_symlink(name, "next");
	sql_rename("next", "current");
}

static int number_in(const cdbc_catalog *catalog, const char *name)
{
	cdbc_query_info info;

	return cdbc_catalog_get(catalog, name, &info, NULL) ? -1 : atoi(info.sql + strlen("select "));
}

/* ---- readers ---- */

typedef struct reader {
	cx_thread thread;
	char complaint[600];
	int64_t requests, last;
} reader;

static bool run(reader *r, cdbc_session *session, const char *name, int rows)
{
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;
	cdbc_params params =
		rows > 1 ? (cdbc_params)CDBC_PARAMS({"x", cdbc_int64(5)}) : (cdbc_params)CDBC_NO_PARAMS;
	int64_t first = 0;
	int count = 0;

	if (!cdbc_session_run(session, name, params, NULL, &result, &err)) {
		while (cdbc_result_next(result, &err)) {
			int64_t n = cdbc_result_int64(result, 0);

			if (count++ == 0)
				first = n;
			if (n != first)
				snprintf(r->complaint, sizeof r->complaint, "%s: %lld and %lld", name,
						 (long long)first, (long long)n);
		}
		if (!err && count != rows)
			snprintf(r->complaint, sizeof r->complaint, "%s: %d rows", name, count);
		cdbc_result_free(result);
	}
	if (err)
		snprintf(r->complaint, sizeof r->complaint, "%s", cdbc_error_message(err));
	else if (first < r->last)
		snprintf(r->complaint, sizeof r->complaint, "%s: %lld after %lld", name, (long long)first,
				 (long long)r->last);
	cdbc_error_free(err);
	r->last = first;
	r->requests++;
	return !r->complaint[0];
}

static bool look(reader *r)
{
	cdbc_catalog *catalog = cdbc_client_catalog(client);
	int a = number_in(catalog, "a"), b = number_in(catalog, "b");

	if (a < 1 || a != b)
		snprintf(r->complaint, sizeof r->complaint, "one catalog has %d and %d", a, b);
	cdbc_catalog_free(catalog);
	return !r->complaint[0];
}

static void *read_on(void *data)
{
	reader *r = data;
	cdbc_session *session = NULL;

	if (cdbc_client_acquire(client, NULL, &session, NULL)) {
		snprintf(r->complaint, sizeof r->complaint, "no session");
		session = NULL;
	}
	atomic_fetch_add(&ready_count, 1);
	for (int i = 0; session && !atomic_load(&is_over); i++) {
		if (!run(r, session, "a", 1) || !run(r, session, "rows", 3) || !look(r) ||
			!run(r, session, "b", 1))
			break;
		if (i % 16 == 0) { /* a session that is new, or was somebody else's */
			cdbc_session_release(session);
			if (cdbc_client_acquire(client, NULL, &session, NULL))
				session = NULL;
		}
	}
	if (session && !r->complaint[0]) /* the last one is in force: it is seen at once */
		run(r, session, "a", 1);
	cdbc_session_release(session);
	return NULL;
}

/* ---- the test ---- */

static void open_client(const char *url)
{
	cdbc_observer observer = {sizeof observer, "test", CDBC_EVENT_CATALOG, on_event, NULL, NULL};
	cdbc_config_item items[] = {{"queries.folders", sql_path("current")},
								{"queries.reload", "on"},
								{"queries.reload_delay", "1ms"},
								{"pool.max_size", "4"}};

	test_client_open(url, items, sizeof items / sizeof *items, TEST_OBSERVED(&observer), &client,
					 NULL);
}

/* Until the release is in force, or (bad) was refused once more. */
static bool wait_for(int number, int failures)
{
	int64_t deadline_ns = cx_clock_now_ns() + PATIENCE_NS;
	bool is_so = false, is_late = false;

	cx_mutex_lock(&seen.lock);
	while (!is_so && !is_late) {
		if (failures) {
			is_so = seen.failures >= failures;
		} else {
			cdbc_catalog *catalog = cdbc_client_catalog(client);

			is_so = number_in(catalog, "a") == number;
			cdbc_catalog_free(catalog);
		}
		if (!is_so)
			is_late = !cx_cond_wait(&seen.told, &seen.lock, deadline_ns);
	}
	cx_mutex_unlock(&seen.lock);
	return is_so;
}

static void swap_under_load(const char *url)
{
	static reader readers[THREADS];
	int failures = 0, missed = 0;

	memset(readers, 0, sizeof readers);
	seen.failures = 0;
	atomic_store(&is_over, false);
	atomic_store(&ready_count, 0);
	open_client(url);
	for (int i = 0; i < THREADS; i++)
		assert_true(cx_thread_start(&readers[i].thread, read_on, &readers[i], "reader"));
	for (int number = 2; number <= RELEASES && !missed; number++) {
		bool is_bad = number % 5 == 0;

		write_release(number, is_bad);
		release(number);
		failures += is_bad;
		missed = wait_for(number, is_bad ? failures : 0) ? 0 : number;
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < THREADS; i++)
		cx_thread_join(&readers[i].thread);
	cdbc_client_close(client, 5000);
	for (int i = 0; i < THREADS; i++) {
		if (readers[i].complaint[0])
			fail_msg("thread %d: %s", i, readers[i].complaint);
		assert_true(readers[i].requests > 0);
		assert_true(missed || readers[i].last == RELEASES - 1); /* the very last is bad */
	}
	if (missed)
		fail_msg("release %d was not seen", missed);
	assert_int_equal(seen.failures, failures);
}

static int set_up(void **state)
{
	(void)state;
	sql_folder_make();
	write_release(1, false);
	release(1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sql_folder_remove();
	return 0;
}

static void test_sqlite(void **state)
{
	char url[300];

	(void)state;
	snprintf(url, sizeof url, "sqlite:%s", sql_path("data.db"));
	swap_under_load(url);
}

static void test_postgresql(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");

	(void)state;
	if (!url) {
		test_skip("CDBC_TEST_URL is not set: no PostgreSQL to run this on");
	}
	swap_under_load(url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sqlite, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_postgresql, set_up, tear_down),
	};

	cx_cond_init(&seen.told);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
