// SPDX-License-Identifier: Apache-2.0
/* The bank while faults strike: on the server of CDBC_TEST_URL, through the fault proxy, and on
 * SQLite, through the faulting driver; each with the commit resolver and without. Short by itself;
 * CDBC_BANK_FAULTS=1000 strikes at least that often with each kind, CDBC_BANK_SEED repeats a run.
 */
#include "fault/bank.h"
#include "support/fault_driver.h"
#include "support/fault_proxy.h"
#include "support/test_server.h"

#ifdef BANK_SQLITE_DRIVER
#include "sqlite/driver.h"
#endif

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libpq-fe.h>
#include <cmocka.h>

#include "support/skip.h"

#define THREADS        8
#define SQLITE_THREADS 4 /* one writes at a time */
#define SHORT_MS       90000
#define MS_A_FAULT     4000 /* far more than it takes */
#define COMMIT_RATE    250
#define OTHER_RATE     30

/* ---- both ---- */

static bank_options options_of(bool is_resolved)
{
	return (bank_options){.seed = bank_seed(),
						  .is_resolved = is_resolved,
						  .deadline_ms = SHORT_MS + bank_fault_count() * MS_A_FAULT};
}

static void tell_seed(const bank_options *options)
{
	print_message("CDBC_BANK_SEED=%" PRIu64 " %s\n", options->seed,
				  options->is_resolved ? "with the resolver" : "without the resolver");
}

static void report(const struct bank *bank, unsigned kinds,
				   int64_t (*count)(void *data, fault_kind kind), void *data)
{
	bank_report(bank);
	for (fault_kind kind = 0; kind < FAULT_KIND_COUNT; kind++)
		if (kinds & 1u << kind)
			print_message("%8" PRId64 " times: %s\n", count(data, kind), fault_kind_name(kind));
}

static void finish(struct bank *bank, bool is_done)
{
	bank_check(bank);
	bank_free(bank);
	if (!is_done)
		fail_msg("not enough faults of each kind within the time");
}

/* ---- a server ---- */

static bool proxy_is_enough(void *data)
{
	return fault_proxy_least(data) >= bank_fault_count();
}

static int64_t proxy_count(void *data, fault_kind kind)
{
	return fault_proxy_count(data, kind);
}

static bool connects(const char *url, const char *sslmode)
{
	PGconn *pg =
		PQconnectdbParams((const char *const[]){"dbname", sslmode ? "sslmode" : NULL, NULL},
						  (const char *const[]){url, sslmode, NULL}, 1);
	bool is_there = PQstatus(pg) == CONNECTION_OK;

	if (!is_there && !sslmode)
		print_message("%s", PQerrorMessage(pg));
	PQfinish(pg);
	return is_there;
}

static void run_server(bool is_resolved)
{
	const test_server *server = test_server_find();
	bank_options options = options_of(is_resolved);
	fault_proxy_options faults = {.commit_permille = COMMIT_RATE,
								  .other_permille = OTHER_RATE,
								  .at_least = bank_fault_count(),
								  .seed = options.seed};
	fault_proxy *proxy;
	struct bank *bank;
	bool is_done;

	if (!server)
		test_skip("CDBC_TEST_URL is not set: no server to test with");
	assert_true(connects(server->url, NULL));
	if (!connects(server->url, "disable"))
		test_skip("the server of CDBC_TEST_URL takes no connection without encryption: the proxy "
				  "could not read it");
	tell_seed(&options);
	faults.url = options.true_url = getenv("CDBC_TEST_URL");
	proxy = fault_proxy_start(&faults);
	assert_non_null(proxy);
	options.url = fault_proxy_url(proxy);
	options.is_enough = proxy_is_enough;
	options.data = proxy;
	options.thread_count = bank_thread_count(THREADS);
	options.dialect = server->is_cockroach ? BANK_COCKROACHDB : BANK_POSTGRESQL;
	bank = bank_new(&options);
	fault_proxy_arm(proxy, true);
	is_done = bank_run(bank);
	fault_proxy_arm(proxy, false);
	report(bank, ~0u, proxy_count, proxy);
	fault_proxy_stop(proxy);
	finish(bank, is_done);
}

/* ---- SQLite ---- */

#ifdef BANK_SQLITE_DRIVER

static bool driver_is_enough(void *data)
{
	(void)data;
	return fault_driver_least() >= bank_fault_count();
}

static int64_t driver_count(void *data, fault_kind kind)
{
	(void)data;
	return fault_driver_count(kind);
}

static void remove_all(const char *path)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
	char name[128];

	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		snprintf(name, sizeof name, "%s%s", path, tails[i]);
		unlink(name);
	}
}

static void run_sqlite(bool is_resolved)
{
	bank_options options = options_of(is_resolved);
	char folder[] = "/tmp/cdbc-bank.XXXXXX", path[64], url[80];
	fault_driver_options faults = {.inner = &cx_driver_sqlite,
								   .path = path,
								   .seed = options.seed,
								   .commit_permille = COMMIT_RATE,
								   .other_permille = OTHER_RATE,
								   .at_least = bank_fault_count()};
	struct bank *bank;
	bool is_done;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/bank.db", folder);
	snprintf(url, sizeof url, "sqlite:%s", path);
	tell_seed(&options);
	fault_driver_start(&faults);
	options.url = "faulty:bank";
	options.true_url = url;
	options.is_enough = driver_is_enough;
	options.thread_count = bank_thread_count(SQLITE_THREADS);
	options.dialect = BANK_SQLITE;
	bank = bank_new(&options);
	fault_driver_arm(true);
	is_done = bank_run(bank);
	fault_driver_stop();
	report(bank, FAULT_DRIVER_KINDS, driver_count, NULL);
	finish(bank, is_done);
	remove_all(path);
	rmdir(folder);
}

#else

static void run_sqlite(bool is_resolved)
{
	(void)is_resolved;
	test_skip("built without SQLite");
}

#endif

static void test_server_bank(void **state)
{
	(void)state;
	run_server(false);
}

static void test_server_bank_resolved(void **state)
{
	(void)state;
	run_server(true);
}

static void test_sqlite_bank(void **state)
{
	(void)state;
	run_sqlite(false);
}

static void test_sqlite_bank_resolved(void **state)
{
	(void)state;
	run_sqlite(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_bank),
		cmocka_unit_test(test_server_bank_resolved),
		cmocka_unit_test(test_sqlite_bank),
		cmocka_unit_test(test_sqlite_bank_resolved),
	};

	if (getenv("CDBC_BANK_ONLY"))
		cmocka_set_test_filter(getenv("CDBC_BANK_ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
