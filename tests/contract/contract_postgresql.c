// SPDX-License-Identifier: Apache-2.0
/* The driver suite on the server at CDBC_TEST_URL; without one it is skipped. */
#include "contract.h"

#include "postgresql/driver.h"

#include "support/test_server.h"

#include <libpq-fe.h>
#include <string.h>

#define SETTINGS_MAX 24

int main(void)
{
	const test_server *server = test_server_find();
	PQconninfoOption *options = server ? PQconninfoParse(server->url, NULL) : NULL;
	cdbc_setting items[SETTINGS_MAX];
	contract_subject subject = {
		.name = "postgresql",
		.driver = &cx_driver_postgresql,
		.settings = {.struct_size = sizeof(cdbc_settings), .scheme = "postgresql", .items = items},
		.placeholder = '$',
		.fails_in_transaction = true,
		.slow = "select cast(count(*) as bigint) as n from generate_series(1, 100000) a, "
				"generate_series(1, 1000000) b",
		.bytes_type = "bytea",
		.any_of = "select count(*) as n from (select 1 as n union all select 2 union all select 3) "
				  "as t where n = any($1)",
	};
	int failed;

	if (!options) {
		printf("1..0 # SKIP %s\n", server ? "CDBC_TEST_URL is no URL"
										  : "CDBC_TEST_URL is not set: no server to test with");
		return 0;
	}
	subject.settings.scheme = server->scheme;
	if (server->is_cockroach) {
		items[subject.settings.count++] =
			(cdbc_setting){"set.experimental_enable_temp_tables", "on"};
		subject.is_cockroach = true;
		subject.has_no_cancel = subject.has_no_batch = test_server_is_before(server, 2201);
		subject.slow = "select count(*) as n from generate_series(1, 1000000000000) a";
	}
	for (const PQconninfoOption *o = options; o->keyword && subject.settings.count < SETTINGS_MAX;
		 o++)
		if (o->val)
			items[subject.settings.count++] = (cdbc_setting){o->keyword, o->val};
	failed = contract_run(&subject);
	PQconninfoFree(options);
	return failed;
}
