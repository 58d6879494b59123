// SPDX-License-Identifier: Apache-2.0
/* The bank on the server of CDBC_TEST_URL, through the fault proxy. Short by itself;
 * CDBC_BANK_FAULTS=1000 strikes at least that often with each kind, CDBC_BANK_SEED repeats a run.
 */
#include "fault/bank.h"
#include "support/fault_proxy.h"
#include "support/test_server.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define THREADS     8
#define SHORT_MS    90000
#define MS_A_FAULT  4000 /* far more than it takes */
#define COMMIT_RATE 250
#define OTHER_RATE  30

static bool is_enough(void *data)
{
	return fault_proxy_least(data) >= bank_fault_count();
}

static void run(bool is_resolved)
{
	const test_server *server = test_server_find();
	fault_proxy_options faults = {.commit_permille = COMMIT_RATE,
								  .other_permille = OTHER_RATE,
								  .at_least = bank_fault_count(),
								  .seed = bank_seed()};
	bank_options options = {.thread_count = THREADS,
							.seed = faults.seed,
							.is_resolved = is_resolved,
							.deadline_ms = SHORT_MS + bank_fault_count() * MS_A_FAULT,
							.is_enough = is_enough};
	fault_proxy *proxy;
	struct bank *bank;
	bool is_done;

	if (!server) {
		print_message("CDBC_TEST_URL is not set: run by scripts/with-postgres\n");
		skip();
	}
	print_message("CDBC_BANK_SEED=%" PRIu64 "\n", faults.seed);
	faults.url = options.true_url = getenv("CDBC_TEST_URL");
	proxy = fault_proxy_start(&faults);
	assert_non_null(proxy);
	options.url = fault_proxy_url(proxy);
	options.data = proxy;
	options.dialect = server->is_cockroach ? BANK_COCKROACHDB : BANK_POSTGRESQL;
	bank = bank_new(&options);
	fault_proxy_arm(proxy, true);
	is_done = bank_run(bank);
	fault_proxy_arm(proxy, false);
	bank_report(bank);
	for (fault_kind kind = 0; kind < FAULT_KIND_COUNT; kind++)
		print_message("%8" PRId64 " times: %s\n", fault_proxy_count(proxy, kind),
					  fault_kind_name(kind));
	fault_proxy_stop(proxy);
	bank_check(bank);
	bank_free(bank);
	if (!is_done)
		fail_msg("not enough faults of each kind within the time");
}

static void test_bank(void **state)
{
	(void)state;
	run(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
