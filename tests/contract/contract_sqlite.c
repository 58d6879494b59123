// SPDX-License-Identifier: Apache-2.0
/* The driver suite on the embedded database: in memory, or in the file that is named, which is made
 * anew. */
#include "contract.h"

#include "sqlite/driver.h"

#include <unistd.h>

int main(int argc, char **argv)
{
	const cdbc_setting items[] = {{"path", argc > 1 ? argv[1] : ":memory:"}};
	contract_subject subject = {
		.name = argc > 1 ? "sqlite_file" : "sqlite",
		.driver = &cx_driver_sqlite,
		.settings = {.struct_size = sizeof(cdbc_settings),
					 .scheme = "sqlite",
					 .items = items,
					 .count = 1},
		.placeholder = '?',
		.slow = "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) "
				"from r",
		.bytes_type = "blob",
		.any_of =
			"select count(*) as n from (select 1 as n union all select 2 union all select 3) as t"
			" where n in (select value from json_each($1))",
	};

	if (argc > 1)
		unlink(argv[1]);
	return contract_run(&subject);
}
