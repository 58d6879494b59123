// SPDX-License-Identifier: Apache-2.0
#include "support/wire_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

void wire_client_open(wire_table *table, const cdbc_config_item *items, size_t item_count,
					  const cdbc_client_options *options, wire_server **server,
					  cdbc_client **client, cdbc_session **session)
{
	char url[128];

	*server = wire_server_start(&(wire_server_options){.table = table});
	snprintf(url, sizeof url, "cockroachdb://root@127.0.0.1:%d/defaultdb?sslmode=disable",
			 wire_server_port(*server));
	test_client_open(url, items, item_count, options, client, session);
}

void wire_client_close(wire_table *table, wire_server *server, cdbc_client *client,
					   cdbc_session *session)
{
	char *problems;

	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
	problems = wire_server_problems(server);
	if (problems)
		print_message("# %s", problems);
	assert_null(problems);
	wire_server_stop(server);
	wire_table_free(table);
}
