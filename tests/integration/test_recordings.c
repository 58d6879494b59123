// SPDX-License-Identifier: Apache-2.0
// What a real CockroachDB answered, served to our driver: start-up, errors, prepared statements,
// transactions, cancel, drain. Values and types are in test_recorded_types.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorded.h"

static const char *const versions[] = {"v21.2", "v22.1"};

static void assert_info(cockroach *node, cdbc_info_id id, const char *expected)
{
	cdbc_value value;
	assert_int_equal(node->driver->info(node->conn, id, &value, NULL), CDBC_OK);
	assert_int_equal(value.kind, CDBC_VALUE_TEXT);
	assert_true(value.as.text.length >= strlen(expected));
	assert_memory_equal(value.as.text.data, expected, strlen(expected));
}

static void assert_ran(recorded_run run, const char *tag)
{
	if (run.status != CDBC_OK)
		print_message("# %s\n", run.message);
	assert_int_equal(run.status, CDBC_OK);
	assert_string_equal(run.summary.tag, tag);
	assert_int_equal(run.summary.position, CDBC_POSITION_DONE);
}

static void assert_failed(recorded_run run, cdbc_status status, const char *sqlstate)
{
	if (run.status != status)
		print_message("# %s: %s\n", cdbc_status_name(run.status), run.message);
	assert_int_equal(run.status, status);
	assert_string_equal(run.sqlstate, sqlstate);
}

// ---- start-up ----

static void test_startup_of_both_versions(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cockroach node;
		cdbc_value value;
		recorded_open(&node, versions[i], "version_and_nodes", NULL);
		assert_info(&node, CDBC_INFO_PRODUCT, "CockroachDB");
		assert_info(&node, CDBC_INFO_VERSION, versions[i]);
		assert_info(&node, CDBC_INFO_DIALECT, "cockroachdb");
		assert_int_equal(node.driver->info(node.conn, CDBC_INFO_NODE_ID, &value, NULL), CDBC_OK);
		assert_int_equal(value.kind, CDBC_VALUE_INT64);
		assert_int_equal(value.as.int64, 1);
		// The cancel key tells it since v22.1; before, one question does.
		assert_int_equal(wire_server_sql_contains(node.server, "node_id"), i == 0);
		assert_int_equal(wire_server_count(node.server, WIRE_GSS_REQUEST, NULL), 0);
		assert_int_equal(recorded_status(&node), 'I');
		recorded_close(&node);
	}
}

static void refused(const char *version, const char *scenario, const char *label,
					cdbc_status status, const char *sqlstate)
{
	cockroach node;
	cdbc_error *error = NULL;
	wire_recording *recording = wire_recording_open(version, "simple", scenario);
	assert_non_null(recording);
	recorded_init(&node, version, NULL, NULL);
	recorded_start(&node);
	wire_server_add_replay(node.server, wire_recording_find(recording, label), -1);
	assert_int_equal(recorded_connect(&node, &node.conn, &error), status);
	assert_string_equal(cdbc_error_sqlstate(error), sqlstate);
	cdbc_error_free(error);
	recorded_close(&node);
	wire_recording_free(recording);
}

static void test_refused_at_startup(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++)
		refused(versions[i], "server_drain", "new connection 1.0 s after the signal", CDBC_CONNECT,
				"57P01");
	refused("v22.1", "unknown_database_and_user", "user", CDBC_AUTH, "28000");
	refused("v21.2", "unknown_database_and_user", "user", CDBC_AUTH, "XXUUU");
}

// ---- every recorded statement ----

typedef struct recorded_statement {
	const char *sql;
	char outcome[64]; // its tag, or its SQLSTATE
	bool has_failed;
	char status;
} recorded_statement;

// The next statement of the connection and what came of it; *index moves behind it.
static bool next_statement(const wire_recorded_connection *connection, size_t *index,
						   recorded_statement *out)
{
	*out = (recorded_statement){0};
	for (; *index < connection->count; (*index)++) {
		const wire_recorded *at = &connection->messages[*index];
		const wire_message *message = &at->message;
		const char *text = (const char *)message->body;
		if (at->from == WIRE_FROM_CLIENT && message->type == 'P')
			out->sql = text + strlen(text) + 1;
		if (at->from != WIRE_FROM_SERVER || out->sql == NULL)
			continue;
		if (message->type == 'E')
			out->has_failed = true;
		if (message->type == 'C' || message->type == 'E')
			snprintf(out->outcome, sizeof out->outcome, "%s",
					 message->type == 'C' ? text : wire_error_field(message, 'C'));
		out->status = message->type == 'Z' ? *text : '\0';
		if (message->type == 'Z')
			return true;
	}
	return false;
}

static bool is_rolled_back_commit(const recorded_statement *statement)
{
	return strncmp(statement->sql, "commit", 6) == 0 && strcmp(statement->outcome, "ROLLBACK") == 0;
}

static void check_connection(const char *version, const char *scenario,
							 const wire_recorded_connection *connection)
{
	cockroach node;
	recorded_statement expected;
	recorded_open(&node, version, scenario, connection->label);
	for (size_t i = 0; next_statement(connection, &i, &expected);) {
		recorded_run run = recorded_exec(&node, expected.sql);
		bool fails = expected.has_failed || is_rolled_back_commit(&expected);
		const char *outcome = expected.has_failed ? run.sqlstate : run.summary.tag;
		if (strcmp(outcome, expected.outcome) != 0 || fails != (run.status != CDBC_OK))
			print_message("# %s %s: %s: %s instead of %s %s\n", version, scenario, expected.sql,
						  outcome, expected.outcome, run.message);
		assert_string_equal(outcome, expected.outcome);
		assert_int_equal(run.status != CDBC_OK, fails);
		assert_int_equal(recorded_status(&node), expected.status);
		assert_false(run.summary.is_link_lost);
	}
	recorded_close(&node);
}

static void test_statements_as_recorded(void **state)
{
	static const char *const scenarios[] = {
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
		"types_text",
		"version_and_nodes",
	};
	(void)state;
	for (size_t v = 0; v < 2; v++)
		for (size_t s = 0; s < sizeof scenarios / sizeof *scenarios; s++) {
			wire_recording *recording = wire_recording_open(versions[v], "extended", scenarios[s]);
			assert_non_null(recording);
			for (size_t c = 0; c < recording->count; c++)
				check_connection(versions[v], scenarios[s], &recording->connections[c]);
			wire_recording_free(recording);
		}
}

// ---- errors ----

static void test_error_fields_and_positions(void **state)
{
	// The caret counts bytes in its line, as CockroachDB's lexer does; a position, characters.
	static const char multibyte[] = "select 'é',\n 'éé' 'x' frm t";
	cockroach node;
	wire_bytes answer = {0};
	(void)state;
	recorded_init(&node, "v22.1", "errors", NULL);
	assert_true(wire_table_add_scenario(node.table, "v22.1", "copy_out", NULL));
	wire_put_error(
		&answer,
		&(wire_error){.sqlstate = "42601",
					  .message = "at or near \"frm\": syntax error",
					  .detail = "source SQL:\nselect 'é',\n 'éé' 'x' frm t\n            ^"});
	wire_table_add(node.table, multibyte, &answer, false);
	wire_bytes_fini(&answer);
	recorded_start(&node);
	assert_int_equal(recorded_connect(&node, &node.conn, NULL), CDBC_OK);
	recorded_run run = recorded_exec(&node, "selec 1");
	assert_failed(run, CDBC_SQL, "42601");
	assert_int_equal(run.position, 1);
	run = recorded_exec(&node, multibyte);
	assert_failed(run, CDBC_SQL, "42601");
	assert_int_equal(run.position, 12 + 1 + 10);
	run = recorded_exec(&node, "copy (select 1) to stdout");
	assert_int_equal(run.position, 6);
	run = recorded_exec(&node, "insert into e values (1,1)");
	assert_failed(run, CDBC_SQL, "23505");
	assert_string_equal(run.constraint, "e_pkey");
	assert_string_equal(run.detail, "Key (id)=(1) already exists.");
	assert_int_equal(run.position, 0);
	recorded_close(&node);
}

// ---- prepared statements ----

static const char star[] = "select * from ps";

static recorded_run run_with_values(cockroach *node)
{
	const cdbc_value values[] = {cdbc_int64(1), cdbc_string("a")};
	return recorded_query(node, "select id, s from ps where id=$1 and s=$2", values, 2, NULL, NULL);
}

static void test_lost_statement_is_prepared_again(void **state)
{
	cockroach node;
	(void)state;
	recorded_open(&node, "v22.1", "prepared_statements", NULL);
	assert_ran(run_with_values(&node), "SELECT 1");
	assert_ran(run_with_values(&node), "SELECT 1");
	assert_int_equal(wire_server_count(node.server, 'P', "from ps"), 1);
	wire_server_forget_statements(node.server);
	assert_ran(run_with_values(&node), "SELECT 1");
	assert_int_equal(wire_server_count(node.server, 'P', "from ps"), 2);
	assert_false(wire_server_sql_contains(node.server, "'a'"));
	// Inside a transaction it is too late: the server has aborted it.
	assert_ran(recorded_exec(&node, "begin"), "BEGIN");
	wire_server_forget_statements(node.server);
	recorded_run run = run_with_values(&node);
	assert_int_not_equal(run.status, CDBC_OK);
	assert_string_equal(run.sqlstate, "26000");
	assert_int_equal(recorded_status(&node), 'E');
	assert_ran(recorded_exec(&node, "rollback"), "ROLLBACK");
	assert_ran(run_with_values(&node), "SELECT 1");
	recorded_close(&node);
}

static void test_taken_name_is_survived(void **state)
{
	cockroach node;
	wire_script *script = wire_script_new();
	(void)state;
	recorded_open(&node, "v22.1", "prepared_statements", NULL);
	wire_script_error(script, "42P05", "prepared statement already exists");
	wire_server_when(node.server, 'P', "from ps", 1, script);
	assert_ran(run_with_values(&node), "SELECT 1");
	assert_ran(run_with_values(&node), "SELECT 1");
	recorded_close(&node);
}

static void test_changed_plan_is_prepared_again(void **state)
{
	cockroach node;
	(void)state;
	recorded_init(&node, "v22.1", "prepared_statements", NULL);
	assert_true(wire_table_repeat(node.table, star, 0));
	recorded_start(&node);
	assert_int_equal(recorded_connect(&node, &node.conn, NULL), CDBC_OK);
	assert_ran(recorded_exec(&node, star), "SELECT 1");
	assert_ran(recorded_exec(&node, star), "SELECT 1");
	assert_int_equal(wire_server_count(node.server, 'P', star), 2);
	recorded_close(&node);
}

static void test_changed_plan_in_a_transaction(void **state)
{
	cockroach node;
	(void)state;
	recorded_open(&node, "v22.1", "prepared_statements", NULL);
	assert_ran(recorded_exec(&node, "begin"), "BEGIN");
	assert_ran(recorded_exec(&node, star), "SELECT 1");
	recorded_run run = recorded_exec(&node, star);
	assert_int_not_equal(run.status, CDBC_OK);
	assert_string_equal(run.sqlstate, "0A000");
	assert_int_equal(recorded_status(&node), 'E');
	assert_ran(recorded_exec(&node, "rollback"), "ROLLBACK");
	recorded_close(&node);
}

// ---- transactions ----

static void test_commit_of_an_aborted_transaction(void **state)
{
	cockroach node;
	(void)state;
	recorded_open(&node, "v22.1", "errors", NULL);
	assert_ran(recorded_exec(&node, "begin"), "BEGIN");
	assert_failed(recorded_exec(&node, "insert into e values (1,1)"), CDBC_SQL, "23505");
	recorded_run run = recorded_exec(&node, "commit");
	assert_int_not_equal(run.status, CDBC_OK);
	assert_string_equal(run.summary.tag, "ROLLBACK");
	assert_int_equal(recorded_status(&node), 'I');
	recorded_close(&node);
}

static void test_conflict_at_commit(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cockroach node;
		recorded_open(&node, versions[i], "conflict_at_commit", "a");
		assert_ran(recorded_exec(&node, "begin"), "BEGIN");
		assert_ran(recorded_exec(&node, "select bal from acct where id=1"), "SELECT 1");
		assert_ran(recorded_exec(&node, "update acct set bal=0 where id=2"), "UPDATE 1");
		recorded_run run = recorded_exec(&node, "commit");
		assert_failed(run, CDBC_CONFLICT, "40001");
		assert_int_equal(run.summary.tx_before, CDBC_TX_OPEN);
		assert_int_equal(run.summary.position, CDBC_POSITION_DONE);
		assert_int_equal(recorded_status(&node), 'I');
		recorded_close(&node);
	}
}

// ---- cancel and drain ----

static void *cancel_when_it_runs(void *data)
{
	cockroach *node = data;
	cdbc_status status = CDBC_TIMEOUT;
	if (wire_server_wait_holding(node->server, 1, RECORDED_LIMIT_MS))
		status = node->driver->cancel(node->conn, recorded_deadline(node), NULL);
	return (void *)(intptr_t)status;
}

static void test_cancel(void **state)
{
	cockroach node;
	wire_cancel cancel;
	pthread_t thread;
	void *status = NULL;
	(void)state;
	recorded_open(&node, "v22.1", "cancel", NULL);
	assert_int_equal(pthread_create(&thread, NULL, cancel_when_it_runs, &node), 0);
	recorded_run run = recorded_exec(&node, "select pg_sleep(3)");
	pthread_join(thread, &status);
	assert_int_equal((intptr_t)status, CDBC_OK);
	assert_failed(run, CDBC_CANCELLED, "57014");
	assert_true(run.summary.is_cancel_sent);
	assert_true(wire_server_cancel_at(node.server, 0, &cancel));
	assert_true(cancel.is_known);
	assert_int_equal(recorded_status(&node), 'I');
	assert_false(node.driver->state(node.conn).is_lost);
	assert_ran(recorded_exec(&node, "begin"), "BEGIN");
	recorded_close(&node);
}

// CockroachDB acts on a cancel after it has hung up, so one that hit nothing may still come.
static void test_cancel_that_hit_nothing(void **state)
{
	cockroach node;
	(void)state;
	recorded_open(&node, "v22.1", "cancel", NULL);
	assert_false(node.driver->state(node.conn).is_lost);
	assert_int_equal(node.driver->cancel(node.conn, recorded_deadline(&node), NULL), CDBC_OK);
	assert_true(node.driver->state(node.conn).is_lost);
	recorded_close(&node);
}

static void test_idle_connection_is_drained(void **state)
{
	cockroach node;
	wire_bytes gone = {0};
	cdbc_error *error = NULL;
	(void)state;
	recorded_open(&node, "v22.1", "version_and_nodes", NULL);
	wire_put_error_text(&gone, "57P01", "server is shutting down");
	wire_server_push(node.server, &gone, WIRE_RESET);
	wire_bytes_fini(&gone);
	assert_true(wire_server_wait_open(node.server, 0, RECORDED_LIMIT_MS));
	assert_int_equal(node.driver->ping(node.conn, recorded_deadline(&node), &error), CDBC_CONNECT);
	cdbc_error_free(error);
	assert_true(node.driver->state(node.conn).is_lost);
	recorded_close(&node);
}

// The running statement gets 57014, and then the connection 57P01 and its end.
static void test_running_statement_is_drained(void **state)
{
	cockroach node;
	wire_script *script = wire_script_new();
	wire_recording *recording = wire_recording_open("v22.1", "extended", "server_drain");
	(void)state;
	assert_non_null(recording);
	const wire_recorded_connection *running = wire_recording_find(recording, "running a statement");
	wire_bytes *out = wire_script_send(script);
	for (size_t i = 0; i < running->count; i++)
		if (running->messages[i].from == WIRE_FROM_SERVER &&
			running->messages[i].message.type == 'E')
			wire_put(out, 'E', running->messages[i].message.body,
					 running->messages[i].message.length);
	wire_script_close(script);
	recorded_open(&node, "v22.1", "server_drain", "running a statement");
	wire_server_when(node.server, 'E', "pg_sleep", 1, script);
	recorded_run run = recorded_exec(&node, "select pg_sleep(25)");
	assert_failed(run, CDBC_CONNECT, "57P01");
	assert_true(run.summary.is_link_lost);
	assert_false(run.summary.is_cancel_sent);
	assert_true(node.driver->state(node.conn).is_lost);
	recorded_close(&node);
	wire_recording_free(recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_startup_of_both_versions),
		cmocka_unit_test(test_refused_at_startup),
		cmocka_unit_test(test_statements_as_recorded),
		cmocka_unit_test(test_error_fields_and_positions),
		cmocka_unit_test(test_lost_statement_is_prepared_again),
		cmocka_unit_test(test_taken_name_is_survived),
		cmocka_unit_test(test_changed_plan_is_prepared_again),
		cmocka_unit_test(test_changed_plan_in_a_transaction),
		cmocka_unit_test(test_commit_of_an_aborted_transaction),
		cmocka_unit_test(test_conflict_at_commit),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_that_hit_nothing),
		cmocka_unit_test(test_idle_connection_is_drained),
		cmocka_unit_test(test_running_statement_is_drained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
