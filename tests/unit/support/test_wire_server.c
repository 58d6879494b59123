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

// ---- every recorded statement again, in several shapes ----

// A transcript of results: rows and tag of each statement, or its SQLSTATE. What came before an
// error of the same statement is left out, as libpq drops it.
typedef struct wire_transcript {
	wire_bytes text;
	size_t statement_start;
} wire_transcript;

static void transcript_put(wire_transcript *transcript, const char *kind, const void *data,
						   size_t length)
{
	wire_bytes_put(&transcript->text, kind, strlen(kind));
	wire_bytes_put(&transcript->text, data, length);
	wire_bytes_put(&transcript->text, "\n", 1);
}

static void transcript_end(wire_transcript *transcript, bool is_error, const char *text)
{
	if (is_error)
		transcript->text.length = transcript->statement_start;
	transcript_put(transcript, is_error ? "error " : "tag ", text, strlen(text));
	transcript->statement_start = transcript->text.length;
}

static void put_recorded_row(wire_transcript *transcript, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	size_t count = wire_read_u16(&reader);
	for (size_t i = 0; i < count; i++) {
		uint32_t length = wire_read_u32(&reader);
		if (length == UINT32_MAX)
			transcript_put(transcript, "null", NULL, 0);
		else
			transcript_put(transcript, "value ", reader.data + reader.offset, length);
		wire_read_skip(&reader, length == UINT32_MAX ? 0 : length);
	}
}

static void put_recorded_columns(wire_transcript *transcript, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	size_t count = wire_read_u16(&reader);
	for (size_t i = 0; i < count; i++) {
		const char *name = wire_read_string(&reader);
		transcript_put(transcript, "column ", name, strlen(name));
		wire_read_skip(&reader, 18);
	}
}

static void put_recorded(wire_transcript *transcript, const wire_message *message)
{
	if (message->type == 'T')
		put_recorded_columns(transcript, message);
	else if (message->type == 'D')
		put_recorded_row(transcript, message);
	else if (message->type == 'E')
		transcript_end(transcript, true, wire_error_field(message, 'C'));
	else if (message->type == 'C' || message->type == 'I')
		transcript_end(transcript, false, message->type == 'C' ? (const char *)message->body : "");
}

static void put_result(wire_transcript *transcript, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	for (int column = 0; column < PQnfields(result); column++) {
		const char *name = PQfname(result, column);
		transcript_put(transcript, "column ", name, strlen(name));
	}
	for (int row = 0; row < PQntuples(result); row++)
		for (int column = 0; column < PQnfields(result); column++)
			if (PQgetisnull(result, row, column))
				transcript_put(transcript, "null", NULL, 0);
			else
				transcript_put(transcript, "value ", PQgetvalue(result, row, column),
							   (size_t)PQgetlength(result, row, column));
	transcript_end(transcript, sqlstate != NULL,
				   sqlstate != NULL ? sqlstate : PQcmdStatus((PGresult *)(uintptr_t)result));
}

typedef enum wire_shape {
	SIMPLE,   // PQexec, over the simple recording
	EXTENDED, // PQexecParams, binary results, over the extended one
	PREPARED, // prepare, describe, execute, over the extended one
} wire_shape;

static bool put_if_failed(wire_transcript *transcript, PGresult *result)
{
	bool has_failed = PQresultStatus(result) != PGRES_COMMAND_OK;
	if (has_failed)
		put_result(transcript, result);
	PQclear(result);
	return has_failed;
}

static void run_statement(wire_transcript *transcript, PGconn *conn, wire_shape shape,
						  const char *sql)
{
	char name[32];
	PGresult *result;
	if (shape == SIMPLE)
		assert_int_equal(PQsendQuery(conn, sql), 1);
	if (shape == EXTENDED)
		assert_int_equal(PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1), 1);
	if (shape == PREPARED) {
		// A name that no other call has.
		snprintf(name, sizeof name, "s%zu", transcript->text.length);
		if (put_if_failed(transcript, PQprepare(conn, name, sql, 0, NULL)) ||
			put_if_failed(transcript, PQdescribePrepared(conn, name)))
			return;
		assert_int_equal(PQsendQueryPrepared(conn, name, 0, NULL, NULL, NULL, 1), 1);
	}
	while ((result = PQgetResult(conn)) != NULL) {
		put_result(transcript, result);
		PQclear(result);
	}
}

static char status_of(PGconn *conn)
{
	switch (PQtransactionStatus(conn)) {
	case PQTRANS_IDLE:
		return 'I';
	case PQTRANS_INTRANS:
		return 'T';
	default:
		return 'E';
	}
}

// The SQL of the statement at *index, and its recorded transcript; *index moves behind it.
static const char *next_statement(const wire_recorded_connection *recorded, size_t *index,
								  wire_transcript *transcript, char *status)
{
	const char *sql = NULL;
	for (; *index < recorded->count; (*index)++) {
		const wire_recorded *at = &recorded->messages[*index];
		const wire_message *message = &at->message;
		if (at->from == WIRE_FROM_CLIENT && (message->type == 'P' || message->type == 'Q')) {
			sql = (const char *)message->body;
			sql += message->type == 'P' ? strlen(sql) + 1 : 0;
		}
		if (at->from != WIRE_FROM_SERVER || sql == NULL)
			continue;
		put_recorded(transcript, message);
		if (message->type == 'Z') {
			*status = (char)message->body[0];
			return sql;
		}
	}
	return NULL;
}

static void check_connection(const char *version, const char *scenario, wire_shape shape,
							 const wire_recorded_connection *recorded)
{
	wire_table *table;
	wire_server *server = serve(&table, version, scenario, recorded->label);
	PGconn *conn = connect_to(server);
	wire_transcript expected = {0}, seen = {0};
	const char *sql;
	char status = 'I';
	for (size_t i = 0; (sql = next_statement(recorded, &i, &expected, &status)) != NULL;) {
		run_statement(&seen, conn, shape, sql);
		if (expected.text.length != seen.text.length || status_of(conn) != status)
			print_message("# %s %s, shape %d: %s\n# %s", version, scenario, (int)shape, sql,
						  PQerrorMessage(conn));
		assert_int_equal(status_of(conn), status);
		assert_int_equal(seen.text.length, expected.text.length);
		if (seen.text.length > 0)
			assert_memory_equal(seen.text.data, expected.text.data, seen.text.length);
	}
	wire_bytes_fini(&expected.text);
	wire_bytes_fini(&seen.text);
	stop(server, table, conn);
}

static void check_scenarios(wire_shape shape, const char *const *scenarios)
{
	for (size_t v = 0; v < 2; v++)
		for (size_t s = 0; scenarios[s] != NULL; s++) {
			wire_recording *recording = wire_recording_open(
				versions[v], shape == SIMPLE ? "simple" : "extended", scenarios[s]);
			assert_non_null(recording);
			for (size_t c = 0; c < recording->count; c++)
				check_connection(versions[v], scenarios[s], shape, &recording->connections[c]);
			wire_recording_free(recording);
		}
}

static const char *const all_scenarios[] = {
	"as_of_system_time",
	"cockroach_restart",
	"conflict_at_commit",
	"ddl_at_commit",
	"errors",
	"force_retry",
	"inject_retry_errors",
	"large_result",
	"nested_savepoints",
	"read_only_transaction",
	"serialization_conflict",
	"statement_timeout",
	"startup",
	"version_and_nodes",
	NULL,
};

static void test_simple_queries_as_recorded(void **state)
{
	static const char *const more[] = {"multi_statement_simple", NULL};
	(void)state;
	check_scenarios(SIMPLE, all_scenarios);
	check_scenarios(SIMPLE, more);
}

static void test_extended_queries_as_recorded(void **state)
{
	static const char *const more[] = {"types_binary", NULL};
	(void)state;
	check_scenarios(EXTENDED, all_scenarios);
	check_scenarios(EXTENDED, more);
}

static void test_prepared_statements_as_recorded(void **state)
{
	static const char *const more[] = {"types_binary", NULL};
	(void)state;
	check_scenarios(PREPARED, all_scenarios);
	check_scenarios(PREPARED, more);
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
		cmocka_unit_test(test_simple_queries_as_recorded),
		cmocka_unit_test(test_extended_queries_as_recorded),
		cmocka_unit_test(test_prepared_statements_as_recorded),
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
