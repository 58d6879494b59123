// SPDX-License-Identifier: Apache-2.0
/* Folders that change under a client: every way in which editors, deployments and ConfigMaps change
 * them is seen, by inotify and by looking; what is wrong changes nothing and shows in health. Waits
 * are for the observer's word. */
#include "base/thread.h"
#include "base/clock.h"
#include "service/catalog/watch.h"
#include "support/oom.h"
#include "support/sql_folder.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define PATIENCE_NS (30 * CX_NS_PER_S)

static struct {
	cx_mutex lock;
	cx_cond told;
	int loads, failures;
	uint64_t generation;
	char message[1000];
} seen = {.lock = CX_MUTEX_INIT};

static cdbc_client *client;
static const char *mode;

static void on_event(void *self, const cdbc_event *event)
{
	(void)self;
	cx_mutex_lock(&seen.lock);
	if (event->error) {
		seen.failures++;
		snprintf(seen.message, sizeof seen.message, "%s", cdbc_error_message(event->error));
	} else {
		seen.loads++;
	}
	seen.generation = event->id;
	cx_cond_broadcast(&seen.told);
	cx_mutex_unlock(&seen.lock);
}

static void open_client(const char *folder)
{
	cdbc_observer observer = {sizeof observer, "test", CDBC_EVENT_CATALOG, on_event, NULL, NULL};
	cdbc_config_item items[] = {{"queries.folders", folder},
								{"queries.reload", mode},
								{"queries.reload_delay", "20ms"},
								{"queries.reload_interval", "20ms"}};

	seen.loads = seen.failures = 0;
	seen.generation = 1;
	test_client_open("sqlite::memory:", items, 4, TEST_OBSERVED(&observer), &client, NULL);
}

static int set_up(void **state)
{
	mode = *state;
	sql_folder_make();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cdbc_client_close(client, 1000);
	client = NULL;
	sql_folder_remove();
	return 0;
}

/* Waits until a query is what it should be; NULL: there is none of that name. */
static void wait_for(const char *name, const char *sql)
{
	int64_t deadline_ns = cx_clock_now_ns() + PATIENCE_NS;
	bool is_so = false, is_late = false;

	cx_mutex_lock(&seen.lock);
	while (!is_so && !is_late) {
		cdbc_catalog *catalog = cdbc_client_catalog(client);
		cdbc_query_info info;

		if (cdbc_catalog_get(catalog, name, &info, NULL))
			is_so = sql == NULL;
		else
			is_so = sql && strcmp(info.sql, sql) == 0;
		cdbc_catalog_free(catalog);
		if (!is_so)
			is_late = !cx_cond_wait(&seen.told, &seen.lock, deadline_ns);
	}
	cx_mutex_unlock(&seen.lock);
	if (!is_so)
		fail_msg("mode %s: %s is still not %s", mode, name, sql ? sql : "gone");
}

static void wait_for_failure(const char *part)
{
	int64_t deadline_ns = cx_clock_now_ns() + PATIENCE_NS;
	bool is_so;

	cx_mutex_lock(&seen.lock);
	while (!(is_so = seen.failures && strstr(seen.message, part)) &&
		   cx_cond_wait(&seen.told, &seen.lock, deadline_ns))
		;
	cx_mutex_unlock(&seen.lock);
	if (!is_so)
		fail_msg("mode %s: nobody says \"%s\"", mode, part);
}

static char health[2000];
static bool is_catalog_ok;

static void on_health(void *data, const cdbc_health_item *item)
{
	(void)data;
	if (strcmp(item->name, "catalog") != 0)
		return;
	is_catalog_ok = item->is_ok;
	snprintf(health, sizeof health, "%s", item->text);
}

static void check_health(bool is_ok, const char *part)
{
	bool all;

	assert_int_equal(cdbc_client_health(client, 5000, on_health, NULL, &all, NULL), CDBC_OK);
	if (is_catalog_ok != is_ok || !strstr(health, part))
		fail_msg("health is %d: %s", is_catalog_ok, health);
	assert_true(all == is_ok);
}

/* ---- ways to change ---- */

static void test_files(void **state)
{
	(void)state;
	sql_write("a.sql", "select 1");
	open_client(sql_path("."));
	check_health(true, strcmp(mode, "on") == 0 ? ", watched" : ", looked at every 0.02 s");
	sql_write("a.sql", "select 2");
	wait_for("a", "select 2");
	sql_replace("a.sql", "select 3");
	wait_for("a", "select 3");
	sql_write("b.sql", "select 4");
	wait_for("b", "select 4");
	sql_rename("b.sql", "c.sql");
	wait_for("c", "select 4");
	wait_for("b", NULL);
	sql_unlink("c.sql");
	wait_for("c", NULL);
	sql_write("d.txt", "select 5"); /* no query */
	sql_rename("d.txt", "d.sql");
	wait_for("d", "select 5");
	assert_int_equal(seen.failures, 0);
}

static void test_folders(void **state)
{
	(void)state;
	sql_mkdir("q");
	open_client(sql_path("q"));
	sql_mkdir("q/one");
	sql_write("q/one/a.sql", "select 1");
	wait_for("one.a", "select 1");
	sql_mkdir("q/one/two");
	sql_write("q/one/two/b.sql", "select 2");
	wait_for("one.two.b", "select 2");
	sql_write("q/one/two/b.sql", "select 3");
	wait_for("one.two.b", "select 3");
	sql_rename("q/one", "q/three");
	wait_for("three.two.b", "select 3");
	wait_for("one.a", NULL);
	sql_mkdir("new"); /* full already when it comes */
	sql_write("new/c.sql", "select 4");
	sql_rename("new", "q/new");
	wait_for("new.c", "select 4");
	sql_rmtree("q/three");
	wait_for("three.a", NULL);
}

/* The folder itself goes, and comes again. */
static void test_folder_gone(void **state)
{
	(void)state;
	sql_mkdir("up");
	sql_mkdir("up/q");
	sql_write("up/q/a.sql", "select 1");
	open_client(sql_path("up/q"));
	sql_rmtree("up/q");
	wait_for_failure("No such file or directory");
	wait_for("a", "select 1"); /* stays */
	check_health(false, "No such file or directory");
	sql_mkdir("up/q");
	sql_write("up/q/a.sql", "select 2");
	wait_for("a", "select 2");
	check_health(true, "queries, generation");
	/* another takes its place */
	sql_mkdir("up/other");
	sql_write("up/other/a.sql", "select 3");
	sql_rename("up/q", "up/old");
	sql_rename("up/other", "up/q");
	wait_for("a", "select 3");
	/* with the one above it */
	sql_mkdir("next");
	sql_mkdir("next/q");
	sql_write("next/q/a.sql", "select 4");
	sql_rename("up", "away");
	sql_rename("next", "up");
	wait_for("a", "select 4");
	sql_write("up/q/a.sql", "select 5");
	wait_for("a", "select 5");
}

/* A release's `current`, swapped whole, above the folder and as the folder. */
static void test_links(void **state)
{
	(void)state;
	sql_mkdir("v1");
	sql_mkdir("v1/q");
	sql_write("v1/q/a.sql", "select 1");
	sql_mkdir("v2");
	sql_mkdir("v2/q");
	sql_write("v2/q/a.sql", "select 2");
	sql_symlink("v1", "current");
	sql_symlink("current/q", "q");
	open_client(sql_path("q"));
	sql_symlink("v2", "next");
	sql_rename("next", "current");
	wait_for("a", "select 2");
	sql_write("v2/q/a.sql", "select 3");
	wait_for("a", "select 3");
	sql_symlink("v1/q", "next");
	sql_rename("next", "q");
	wait_for("a", "select 1");
	/* files that are links to files elsewhere */
	sql_write("elsewhere.txt", "select 4");
	sql_symlink("../../elsewhere.txt", "v1/q/b.sql");
	wait_for("b", "select 4");
	sql_write("elsewhere.txt", "select 5");
	wait_for("b", "select 5");
	sql_replace("elsewhere.txt", "select 6");
	wait_for("b", "select 6");
}

/* As Kubernetes does it: files are links through ..data, which is swapped. */
static void test_config_map(void **state)
{
	(void)state;
	sql_mkdir("q");
	sql_mkdir("q/..1");
	sql_write("q/..1/a.sql", "select 1");
	sql_write("q/..1/b.sql", "select 1");
	sql_symlink("..1", "q/..data");
	sql_symlink("..data/a.sql", "q/a.sql");
	sql_symlink("..data/b.sql", "q/b.sql");
	open_client(sql_path("q"));
	for (int i = 2; i < 6; i++) {
		char folder[32], name[48], text[32];

		snprintf(folder, sizeof folder, "q/..%d", i);
		snprintf(text, sizeof text, "select %d", i);
		sql_mkdir(folder);
		for (int k = 'a'; k <= 'b'; k++) {
			snprintf(name, sizeof name, "%s/%c.sql", folder, k);
			sql_write(name, text);
		}
		sql_symlink(folder + 2, "q/..data_tmp");
		sql_rename("q/..data_tmp", "q/..data");
		snprintf(folder, sizeof folder, "q/..%d", i - 1);
		sql_rmtree(folder);
		wait_for("a", text);
		wait_for("b", text);
	}
	assert_int_equal(seen.failures, 0);
}

static void test_bad_file(void **state)
{
	(void)state;
	sql_write("a.sql", "-- name: a\nselect 1");
	open_client(sql_path("."));
	sql_write("a.sql", "-- name: a\n-- cash: 30s\nselect 2");
	wait_for_failure("a.sql:2:");
	wait_for("a", "select 1");
	check_health(false, "a newer one was refused: ");
	assert_non_null(strstr(health, "a.sql:2:"));
	assert_non_null(strstr(health, "1 queries, generation 1 of "));
	sql_write("a.sql", "-- name: a\nselect 2");
	wait_for("a", "select 2");
	check_health(true, "generation 2 of ");
}

/* A file in the configuration, not a folder. */
static void test_one_file(void **state)
{
	(void)state;
	sql_write("a.sql", "select 1");
	open_client(sql_path("a.sql"));
	sql_write("a.sql", "select 2");
	wait_for("a", "select 2");
	sql_replace("a.sql", "select 3");
	wait_for("a", "select 3");
	sql_unlink("a.sql");
	wait_for_failure("No such file or directory");
	sql_write("a.sql", "select 4");
	wait_for("a", "select 4");
}

/* Not asked for, nothing is seen; on demand it is. */
static void test_off(void **state)
{
	(void)state;
	sql_write("a.sql", "select 1");
	open_client(sql_path("."));
	sql_write("a.sql", "select 2");
	wait_for("a", "select 1");
	assert_int_equal(cdbc_client_reload(client, NULL), CDBC_OK);
	wait_for("a", "select 2");
	assert_int_equal(seen.loads, 1);
}

/* ---- the watch alone ---- */

static struct {
	cx_mutex lock;
	cx_cond told;
	int calls, retries, failures_left;
} w = {.lock = CX_MUTEX_INIT};

static bool on_change(void *self, bool is_retry)
{
	bool is_done;

	(void)self;
	cx_mutex_lock(&w.lock);
	w.calls++;
	w.retries += is_retry;
	is_done = w.failures_left == 0;
	w.failures_left -= !is_done;
	cx_cond_broadcast(&w.told);
	cx_mutex_unlock(&w.lock);
	return is_done;
}

static void wait_for_calls(int calls)
{
	int64_t deadline_ns = cx_clock_now_ns() + PATIENCE_NS;
	bool is_late = false;

	cx_mutex_lock(&w.lock);
	while (w.calls < calls && !is_late)
		is_late = !cx_cond_wait(&w.told, &w.lock, deadline_ns);
	cx_mutex_unlock(&w.lock);
	assert_false(is_late);
}

/* Inotify's limit is reached: it looks, and says so. */
static void test_limit(void **state)
{
	const char *paths[] = {sql_path(".")};
	cx_watch_options options = {.paths = paths,
								.path_count = 1,
								.delay_ns = CX_NS_PER_MS,
								.interval_ns = 10 * CX_NS_PER_MS,
								.watch_max = 1,
								.changed = on_change};
	cx_watch *watch = NULL;
	char text[200];

	(void)state;
	w.calls = 0;
	sql_mkdir("deep");
	assert_int_equal(cx_watch_new(&options, &watch, NULL), CDBC_OK);
	cx_watch_describe(watch, text, sizeof text);
	assert_non_null(strstr(text, "as inotify fails: No space left on device (raise "));
	assert_int_equal(cx_watch_start(watch, NULL), CDBC_OK);
	sql_write("deep/a.sql", "select 1");
	wait_for_calls(1);
	cx_watch_free(watch);
}

/* What failed for a reason that may pass is tried again, though nothing changes. */
static void test_retry(void **state)
{
	const char *paths[] = {sql_path(".")};
	cx_watch_options options = {.paths = paths,
								.path_count = 1,
								.delay_ns = CX_NS_PER_MS,
								.interval_ns = CX_NS_PER_S,
								.changed = on_change};
	cx_watch *watch = NULL;

	(void)state;
	w.calls = w.retries = 0;
	w.failures_left = 1;
	assert_int_equal(cx_watch_new(&options, &watch, NULL), CDBC_OK);
	sql_write("a.sql", "select 1"); /* before it is started: told all the same */
	assert_int_equal(cx_watch_start(watch, NULL), CDBC_OK);
	wait_for_calls(2);
	cx_watch_free(watch);
	assert_int_equal(w.retries, 1);
}

static cx_watch *restless;
static bool answers[2];

static bool write_meanwhile(void *self, bool is_retry)
{
	int call = w.calls;

	if (call == 0)
		sql_write("b.sql", "select 1"); /* while it is read */
	if (call < 2)
		answers[call] = cx_watch_is_still(restless);
	on_change(self, is_retry);
	return call > 0;
}

/* What changes while it is read is known, and told again. */
static void test_still(void **state)
{
	const char *paths[] = {sql_path(".")};
	cx_watch_options options = {.paths = paths,
								.path_count = 1,
								.must_poll = strcmp(*state, "poll") == 0,
								.delay_ns = CX_NS_PER_MS,
								.interval_ns = CX_NS_PER_MS,
								.changed = write_meanwhile};

	w.calls = w.failures_left = 0;
	assert_int_equal(cx_watch_new(&options, &restless, NULL), CDBC_OK);
	sql_write("a.sql", "select 1");
	assert_int_equal(cx_watch_start(restless, NULL), CDBC_OK);
	wait_for_calls(2);
	cx_watch_free(restless);
	assert_false(answers[0]);
	assert_true(answers[1]);
}

/* Without memory for all watches it looks. */
static cdbc_status set_watches(void *data, cdbc_error **err)
{
	const char *paths[] = {data};
	cx_watch_options options = {.paths = paths, .path_count = 1, .changed = on_change};
	cx_watch *watch = NULL;
	cdbc_status status = cx_watch_new(&options, &watch, err);

	cx_watch_free(watch);
	return status;
}

static void test_oom(void **state)
{
	char path[256];

	(void)state;
	sql_mkdir("q");
	sql_symlink("q", "link");
	sql_write("q/a.sql", "select 1");
	snprintf(path, sizeof path, "%s", sql_path("link"));
	assert_true(oom_run(set_watches, path) > 4);
}

#define BY(test, how)                                                       \
	{                                                                       \
#test " by " how, test, set_up, tear_down, (void *)(uintptr_t)(how) \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BY(test_files, "on"),        BY(test_files, "poll"),     BY(test_folders, "on"),
		BY(test_folders, "poll"),    BY(test_folder_gone, "on"), BY(test_folder_gone, "poll"),
		BY(test_links, "on"),        BY(test_links, "poll"),     BY(test_config_map, "on"),
		BY(test_config_map, "poll"), BY(test_bad_file, "on"),    BY(test_bad_file, "poll"),
		BY(test_one_file, "on"),     BY(test_one_file, "poll"),  BY(test_off, "off"),
		BY(test_limit, "on"),        BY(test_retry, "on"),       BY(test_still, "on"),
		BY(test_still, "poll"),      BY(test_oom, "on"),
	};

	cx_cond_init(&seen.told);
	cx_cond_init(&w.told);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
