// SPDX-License-Identifier: Apache-2.0
// The wire server as a CockroachDB made of recordings, driven by libpq itself: where libpq is
// content, a driver on it can be tested. Scripts and faults are in test_wire_script.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire_client.h"

static const char *const versions[] = {"v21.2", "v22.1"};

static wire_server *serve(wire_table **table, const char *version, const char *scenario,
						  const char *label)
{
	*table = wire_table_new();
	assert_true(wire_table_add_scenario(*table, version, scenario, label));
	return wire_server_start(&(wire_server_options){.table = *table});
}

static void stop(wire_server *server, wire_table *table, PGconn *conn)
{
	PQfinish(conn);
	assert_true(wire_server_wait_open(server, 0, LIMIT_MS));
	assert_no_problems(server);
	wire_server_stop(server);
	wire_table_free(table);
}

static void test_startup_of_both_versions(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		wire_table *table;
		wire_server *server = serve(&table, versions[i], "startup", NULL);
		PGconn *conn = connect_to(server);
		const char *version = PQparameterStatus(conn, "crdb_version");
		assert_non_null(version);
		assert_non_null(strstr(version, versions[i]));
		assert_int_equal(PQbackendPID(conn) >> 20, i == 0 ? 0 : 1);
		assert_int_equal(wire_server_connection_count(server), 1);
		stop(server, table, conn);
	}
}

// ---- prepared statements ----

static PGresult *run_prepared(PGconn *conn, const char *name, int is_binary)
{
	static const char *const values[] = {"1", "a"};
	return PQexecPrepared(conn, name, 2, values, NULL, NULL, is_binary);
}

static void test_prepared_statement_names(void **state)
{
	static const char sql[] = "select id, s from ps where id=$1 and s=$2";
	wire_table *table;
	(void)state;
	wire_server *server = serve(&table, "v22.1", "prepared_statements", NULL);
	PGconn *conn = connect_to(server);
	assert_outcome(PQprepare(conn, "st", sql, 0, NULL), "");
	PGresult *described = PQdescribePrepared(conn, "st");
	assert_int_equal(PQnparams(described), 2);
	assert_int_equal(PQparamtype(described, 0), 20);
	assert_int_equal(PQparamtype(described, 1), 25);
	assert_string_equal(PQfname(described, 1), "s");
	assert_int_equal(PQfformat(described, 0), 0);
	PQclear(described);
	for (int is_binary = 0; is_binary < 2; is_binary++) {
		PGresult *result = run_prepared(conn, "st", is_binary);
		assert_int_equal(PQfformat(result, 0), is_binary);
		assert_int_equal(PQgetlength(result, 0, 0), is_binary ? 8 : 1);
		assert_outcome(result, "SELECT 1");
	}
	assert_outcome(PQprepare(conn, "st", sql, 0, NULL), "42P05");
	assert_outcome(run_prepared(conn, "missing", 1), "26000");
	assert_outcome(PQexec(conn, "DEALLOCATE \"st\""), "DEALLOCATE");
	assert_outcome(run_prepared(conn, "st", 1), "26000");
	assert_outcome(PQprepare(conn, "st", sql, 0, NULL), "");
	wire_server_forget_statements(server);
	assert_outcome(run_prepared(conn, "st", 1), "26000");
	assert_outcome(PQprepare(conn, "st", sql, 0, NULL), "");
	assert_outcome(PQexec(conn, "discard all"), "DISCARD ALL");
	assert_outcome(run_prepared(conn, "st", 1), "26000");
	stop(server, table, conn);
}

static void test_cached_plan_and_repeat(void **state)
{
	static const char sql[] = "select * from ps";
	(void)state;
	wire_table *table = wire_table_new();
	assert_true(wire_table_add_scenario(table, "v22.1", "prepared_statements", NULL));
	assert_true(wire_table_repeat(table, sql, 0));
	assert_false(wire_table_repeat(table, sql, 99));
	assert_false(wire_table_repeat(table, "select no such", 0));
	wire_server *server = wire_server_start(&(wire_server_options){.table = table});
	PGconn *conn = connect_to(server);
	assert_outcome(PQprepare(conn, "star", sql, 0, NULL), "");
	assert_outcome(PQexecPrepared(conn, "star", 0, NULL, NULL, NULL, 1), "SELECT 1");
	assert_outcome(PQexecPrepared(conn, "star", 0, NULL, NULL, NULL, 1), "0A000");
	assert_outcome(PQexec(conn, "deallocate star"), "DEALLOCATE");
	assert_outcome(PQprepare(conn, "star", sql, 0, NULL), "");
	assert_outcome(PQexecPrepared(conn, "star", 0, NULL, NULL, NULL, 1), "SELECT 1");
	stop(server, table, conn);
}

static void test_own_cursors_begin_anew(void **state)
{
	static const char sql[] = "select * from ps";
	(void)state;
	wire_table *table = wire_table_new();
	assert_true(wire_table_add_scenario(table, "v22.1", "prepared_statements", NULL));
	wire_server *server =
		wire_server_start(&(wire_server_options){.table = table, .has_own_cursors = true});
	for (int i = 0; i < 2; i++) {
		PGconn *conn = connect_to(server);
		assert_outcome(PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1), "SELECT 1");
		assert_outcome(PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1), "0A000");
		PQfinish(conn);
	}
	stop(server, table, NULL);
}

// ---- errors, transactions, values ----

static void test_error_fields(void **state)
{
	wire_table *table;
	(void)state;
	wire_server *server = serve(&table, "v22.1", "errors", NULL);
	PGconn *conn = connect_to(server);
	PGresult *result = PQexec(conn, "insert into e values (1,1)");
	assert_string_equal(PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME), "e_pkey");
	assert_string_equal(PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
						"Key (id)=(1) already exists.");
	assert_outcome(result, "23505");
	result = PQprepare(conn, "", "selec 1", 0, NULL);
	assert_string_equal(PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
						"source SQL:\nselec 1\n^");
	assert_outcome(result, "42601");
	stop(server, table, conn);
}

static void test_transactions_without_a_recording(void **state)
{
	(void)state;
	wire_table *table = wire_table_new();
	wire_bytes rows = {0};
	wire_put_error_text(&rows, "23505", "duplicate");
	wire_table_add(table, "insert x", &rows, false);
	wire_bytes_fini(&rows);
	wire_server *server = wire_server_start(&(wire_server_options){.table = table});
	PGconn *conn = connect_to(server);
	assert_outcome(PQexec(conn, "SET statement_timeout = 10"), "SET");
	assert_outcome(PQexec(conn, "BEGIN ISOLATION LEVEL SERIALIZABLE"), "BEGIN");
	assert_int_equal(PQtransactionStatus(conn), PQTRANS_INTRANS);
	assert_outcome(PQexec(conn, "insert x"), "23505");
	assert_int_equal(PQtransactionStatus(conn), PQTRANS_INERROR);
	assert_outcome(PQexec(conn, "set a = 1"), "25P02");
	assert_outcome(PQexec(conn, "COMMIT;"), "ROLLBACK");
	assert_int_equal(PQtransactionStatus(conn), PQTRANS_IDLE);
	assert_outcome(PQexec(conn, "insert x"), "23505");
	assert_int_equal(PQtransactionStatus(conn), PQTRANS_IDLE);
	assert_outcome(PQexec(conn, "  "), "");
	PGresult *result = PQexecParams(conn, "SHOW node_id", 0, NULL, NULL, NULL, NULL, 1);
	assert_string_equal(PQgetvalue(result, 0, 0), "1");
	assert_outcome(result, "SHOW 1");
	stop(server, table, conn);
}

static void test_overridden_and_unknown_statements(void **state)
{
	(void)state;
	wire_table *table = wire_table_new();
	wire_bytes answer = {0};
	wire_put_error_text(&answer, "42501", "not allowed");
	wire_table_add_prefix(table, "set role", &answer);
	wire_bytes_fini(&answer);
	wire_server *server = wire_server_start(&(wire_server_options){.table = table});
	PGconn *conn = connect_to(server);
	assert_outcome(PQexec(conn, "SET ROLE admin"), "42501");
	assert_outcome(PQexec(conn, "set x = 1"), "SET");
	assert_outcome(PQexec(conn, "select surprise"), "42601");
	assert_outcome(PQprepare(conn, "", "select surprise", 0, NULL), "42601");
	assert_problem(server, "not in the recording: select surprise");
	PQfinish(conn);
	wire_server_stop(server);
	wire_table_free(table);
}

static void test_values_of_both_formats(void **state)
{
	static const char *const text[] = {"7"};
	static const wire_value binary[] = {{"\0\0\0\7", 4}};
	static const wire_column column = {"n", 23, 4, -1, 0};
	(void)state;
	wire_table *table = wire_table_new();
	wire_bytes rows = {0};
	wire_put_row_description(&rows, &column, 1);
	wire_put_text_row(&rows, text, 1);
	wire_put_command_complete(&rows, "SELECT 1");
	wire_table_add(table, "select 7::int4 as n", &rows, false);
	rows.length = 0;
	wire_put_row_description(&rows, &column, 1);
	wire_put_data_row(&rows, binary, 1);
	wire_put_command_complete(&rows, "SELECT 1");
	wire_table_add(table, "select 7::int4 as n", &rows, true);
	wire_table_add(table, "only binary", &rows, true);
	wire_bytes_fini(&rows);
	wire_server *server = wire_server_start(&(wire_server_options){.table = table});
	PGconn *conn = connect_to(server);
	for (int format = 0; format < 2; format++) {
		PGresult *result =
			PQexecParams(conn, "SELECT 7::int4 AS n;", 0, NULL, NULL, NULL, NULL, format);
		assert_int_equal(PQfformat(result, 0), format);
		assert_int_equal(PQgetlength(result, 0, 0), format == 0 ? 1 : 4);
		assert_outcome(result, "SELECT 1");
	}
	assert_no_problems(server);
	assert_outcome(PQexec(conn, "only binary"), "42601");
	assert_problem(server, "only in the other result format");
	PQfinish(conn);
	wire_server_stop(server);
	wire_table_free(table);
}

static void test_log_tells_values_from_sql(void **state)
{
	static const char *const values[] = {"1", "very secret"};
	wire_table *table;
	(void)state;
	wire_server *server = serve(&table, "v22.1", "prepared_statements", NULL);
	PGconn *conn = connect_to(server);
	assert_outcome(PQexecParams(conn, "select id, s from ps where id=$1 and s=$2", 2, NULL, values,
								NULL, NULL, 1),
				   "SELECT 1");
	assert_true(wire_server_bytes_contain(server, values[1], strlen(values[1])));
	assert_false(wire_server_sql_contains(server, values[1]));
	assert_true(wire_server_sql_contains(server, "from ps"));
	assert_int_equal(wire_server_count(server, 'E', "from ps"), 1);
	assert_int_equal(wire_server_count(server, WIRE_STARTUP, NULL), 1);
	stop(server, table, conn);
}

// ---- pipelines and COPY ----

static void assert_next_outcome(PGconn *conn, const char *expected)
{
	PGresult *result = PQgetResult(conn);
	assert_non_null(result);
	assert_outcome(result, expected);
	assert_null(PQgetResult(conn));
}

static void test_pipeline_skips_until_sync(void **state)
{
	static const char *const statements[] = {"insert into p values (1)", "insert into p values (1)",
											 "insert into p values (2)"};
	wire_table *table;
	(void)state;
	wire_server *server = serve(&table, "v22.1", "pipeline_and_error", NULL);
	PGconn *conn = connect_to(server);
	assert_int_equal(PQenterPipelineMode(conn), 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(PQsendQueryParams(conn, statements[i], 0, NULL, NULL, NULL, NULL, 1), 1);
	assert_int_equal(PQpipelineSync(conn), 1);
	assert_next_outcome(conn, "INSERT 0 1");
	assert_next_outcome(conn, "23505");
	PGresult *result = PQgetResult(conn);
	assert_int_equal(PQresultStatus(result), PGRES_PIPELINE_ABORTED);
	PQclear(result);
	assert_null(PQgetResult(conn));
	result = PQgetResult(conn);
	assert_int_equal(PQresultStatus(result), PGRES_PIPELINE_SYNC);
	PQclear(result);
	assert_int_equal(PQexitPipelineMode(conn), 1);
	assert_int_equal(PQtransactionStatus(conn), PQTRANS_IDLE);
	stop(server, table, conn);
}

static void test_copy_in(void **state)
{
	static const char *const outcomes[] = {"COPY 2", "22P02", "XXUUU"};
	wire_table *table;
	(void)state;
	wire_server *server = serve(&table, "v22.1", "copy_in", NULL);
	PGconn *conn = connect_to(server);
	for (size_t i = 0; i < 3; i++) {
		PGresult *result = PQexec(conn, "copy cp from stdin");
		assert_int_equal(PQresultStatus(result), PGRES_COPY_IN);
		PQclear(result);
		assert_int_equal(PQputCopyData(conn, "1\ta\n", 4), 1);
		assert_int_equal(PQputCopyEnd(conn, i == 2 ? "stop" : NULL), 1);
		assert_next_outcome(conn, outcomes[i]);
		assert_int_equal(PQtransactionStatus(conn), PQTRANS_IDLE);
	}
	assert_int_equal(wire_server_count(server, 'd', NULL), 3);
	stop(server, table, conn);
}

// ---- cancel ----

static void cancel(PGconn *conn)
{
	char text[256];
	PGcancel *handle = PQgetCancel(conn);
	assert_non_null(handle);
	assert_int_equal(PQcancel(handle, text, sizeof text), 1);
	PQfreeCancel(handle);
}

static void test_cancel_on_the_wire(void **state)
{
	wire_table *table;
	wire_cancel seen;
	(void)state;
	wire_server *server = serve(&table, "v22.1", "cancel", NULL);
	PGconn *conn = connect_to(server), *other = connect_to(server);
	assert_int_not_equal(PQbackendPID(conn), PQbackendPID(other));
	assert_int_equal(PQsendQuery(conn, "select pg_sleep(3)"), 1);
	assert_true(wire_server_wait_holding(server, 1, LIMIT_MS));
	cancel(other);
	assert_true(wire_server_wait_cancel(server, 1, LIMIT_MS));
	assert_true(wire_server_wait_holding(server, 1, 0));
	cancel(conn);
	assert_next_outcome(conn, "57014");
	assert_int_equal(wire_server_cancel_count(server), 2);
	assert_true(wire_server_cancel_at(server, 1, &seen));
	assert_int_equal((int)seen.pid, PQbackendPID(conn));
	assert_true(seen.is_known);
	assert_false(wire_server_cancel_at(server, 2, &seen));
	assert_int_equal(wire_server_connection_count(server), 2);
	PQfinish(other);
	stop(server, table, conn);
}

static void test_cancel_does_nothing_on_v21(void **state)
{
	static const char killer[] =
		"cancel queries (select query_id from [show cluster queries] where "
		"query like '%pg_sleep(5%' and query not like '%cancel%')";
	wire_table *table;
	wire_cancel seen;
	(void)state;
	wire_server *server = serve(&table, "v21.2", "cancel", NULL);
	PGconn *conn = connect_to(server), *other = connect_to(server);
	assert_int_equal(PQsendQuery(conn, "select pg_sleep(5)"), 1);
	assert_true(wire_server_wait_holding(server, 1, LIMIT_MS));
	cancel(conn);
	assert_true(wire_server_wait_cancel(server, 1, LIMIT_MS));
	assert_true(wire_server_cancel_at(server, 0, &seen));
	assert_false(seen.is_known);
	assert_true(wire_server_wait_holding(server, 1, 0));
	assert_outcome(PQexec(other, killer), "CANCEL QUERIES 1");
	assert_next_outcome(conn, "57014");
	PQfinish(other);
	stop(server, table, conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_startup_of_both_versions),
		cmocka_unit_test(test_prepared_statement_names),
		cmocka_unit_test(test_cached_plan_and_repeat),
		cmocka_unit_test(test_own_cursors_begin_anew),
		cmocka_unit_test(test_error_fields),
		cmocka_unit_test(test_transactions_without_a_recording),
		cmocka_unit_test(test_overridden_and_unknown_statements),
		cmocka_unit_test(test_values_of_both_formats),
		cmocka_unit_test(test_log_tells_values_from_sql),
		cmocka_unit_test(test_pipeline_skips_until_sync),
		cmocka_unit_test(test_copy_in),
		cmocka_unit_test(test_cancel_on_the_wire),
		cmocka_unit_test(test_cancel_does_nothing_on_v21),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
