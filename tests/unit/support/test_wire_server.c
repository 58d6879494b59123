// SPDX-License-Identifier: Apache-2.0
// The scripted wire server, driven by libpq itself: if libpq is content, a driver on it can be
// tested against it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/wire_server.h"

enum { LIMIT_MS = 20000 };

static PGconn *connect_to(wire_server *server)
{
	PGconn *conn = PQconnectdb(wire_server_conninfo(server));
	if (PQstatus(conn) != CONNECTION_OK)
		fprintf(stderr, "# %s", PQerrorMessage(conn));
	assert_int_equal(PQstatus(conn), CONNECTION_OK);
	return conn;
}

static void no_problems(wire_server *server)
{
	char *problems = wire_server_problems(server);
	if (problems != NULL)
		fprintf(stderr, "# %s", problems);
	assert_null(problems);
}

static wire_server *serve(wire_table **table, const char *version, const char *scenario)
{
	*table = wire_table_new();
	assert_true(wire_table_add_scenario(*table, version, scenario, NULL));
	return wire_server_start(&(wire_server_options){.table = *table});
}

static void stop(wire_server *server, wire_table *table)
{
	wire_server_stop(server);
	wire_table_free(table);
}

// ---- recordings served by meaning ----

static void test_startup_of_both_versions(void **state)
{
	static const char *const versions[] = {"v21.2", "v22.1"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		wire_table *table;
		wire_server *server = serve(&table, versions[i], "startup");
		PGconn *conn = connect_to(server);
		const char *version = PQparameterStatus(conn, "crdb_version");
		assert_non_null(version);
		assert_non_null(strstr(version, versions[i]));
		assert_int_equal(PQbackendPID(conn) >> 20, i == 0 ? 0 : 1);
		assert_int_equal(wire_server_connection_count(server), 1);
		PQfinish(conn);
		assert_true(wire_server_wait_open(server, 0, LIMIT_MS));
		no_problems(server);
		stop(server, table);
	}
}

static void test_same_values_in_both_formats(void **state)
{
	wire_table *table;
	(void)state;
	wire_server *server = serve(&table, "v22.1", "as_of_system_time");
	PGconn *conn = connect_to(server);
	stop(server, table);
	PQfinish(conn);
	table = wire_table_new();
	wire_bytes rows = {0};
	const char *const text[] = {"7"};
	const wire_value binary[] = {{"\0\0\0\7", 4}};
	wire_put_row_description(&rows, &(wire_column){"n", 23, 4, -1, 0}, 1);
	wire_put_text_row(&rows, text, 1);
	wire_put_command_complete(&rows, "SELECT 1");
	wire_table_add(table, "select 7::int4 as n", &rows, false);
	rows.length = 0;
	wire_put_row_description(&rows, &(wire_column){"n", 23, 4, -1, 1}, 1);
	wire_put_data_row(&rows, binary, 1);
	wire_put_command_complete(&rows, "SELECT 1");
	wire_table_add(table, "select 7::int4 as n", &rows, true);
	server = wire_server_start(&(wire_server_options){.table = table});
	conn = connect_to(server);
	for (int format = 0; format < 2; format++) {
		PGresult *result =
			PQexecParams(conn, "SELECT 7::int4 AS n;", 0, NULL, NULL, NULL, NULL, format);
		assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
		assert_int_equal(PQfformat(result, 0), format);
		assert_int_equal(PQgetlength(result, 0, 0), format == 0 ? 1 : 4);
		PQclear(result);
	}
	PQfinish(conn);
	no_problems(server);
	stop(server, table);
	wire_bytes_fini(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_startup_of_both_versions),
		cmocka_unit_test(test_same_values_in_both_formats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
