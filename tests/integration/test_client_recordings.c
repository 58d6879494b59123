// SPDX-License-Identifier: Apache-2.0
// What a real CockroachDB answered, met by a client: from a cockroachdb: URL through configuration,
// pool, session and named queries to rows and judged errors. The driver alone is in
// test_recordings.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/wire_client.h"

#include <cdbc/cdbc.h>

enum { LIMIT_MS = 20000 };

static const char *const versions[] = {"v21.2", "v22.1"};

typedef struct cluster {
	wire_table *table;
	wire_server *server;
	cdbc_client *client;
	cdbc_session *session;
} cluster;

// ---- a client of a recorded server ----

static void learn(cluster *c, const char *version, const char *scenario, const char *label)
{
	*c = (cluster){.table = wire_table_new()};
	assert_true(wire_table_add_scenario(c->table, version, scenario, label));
}

static void open_client(cluster *c, const char *folder)
{
	cdbc_config_item items[] = {{"pool.max_size", "2"},
								{"pool.min_size", "0"},
								{"retry.enabled", "false"}, // each failure is to be seen
								{"queries.folders", folder}};

	wire_client_open(c->table, items, folder ? 4 : 3, NULL, &c->server, &c->client, &c->session);
}

static void open_cluster(cluster *c, const char *version, const char *scenario, const char *label)
{
	learn(c, version, scenario, label);
	open_client(c, NULL);
}

static void close_cluster(cluster *c)
{
	wire_client_close(c->table, c->server, c->client, c->session);
}

// ---- requests ----

static char output[16384];

static cdbc_status append(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	size_t *used = self;

	(void)err;
	assert_true(*used + length < sizeof output);
	memcpy(output + *used, bytes, length);
	*used += length;
	output[*used] = '\0';
	return CDBC_OK;
}

// All of a result as JSON lines, in `output`.
static void print(cdbc_result *result)
{
	cdbc_format_options options = CDBC_FORMAT_OPTIONS_INIT;
	size_t used = 0;
	cdbc_sink sink = {sizeof sink, append, &used};
	cdbc_error *err = NULL;

	output[0] = '\0';
	if (cdbc_result_write(result, cdbc_format_find("ndjson"), &options, NULL, 0, NULL, NULL, &sink,
						  &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_true(cdbc_result_is_complete(result));
	cdbc_result_free(result);
}

static void query(cluster *c, const char *sql)
{
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;

	if (cdbc_session_query(c->session, sql, CDBC_NO_PARAMS, NULL, &result, &err))
		fail_msg("%s: %s", sql, cdbc_error_message(err));
	print(result);
}

// A statement that fails at once or while its rows are read. sqlstate NULL: any.
static void fails(cluster *c, const char *sql, cdbc_status status, const char *sqlstate,
				  cdbc_outcome outcome, cdbc_replay replay)
{
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;

	if (!cdbc_session_query(c->session, sql, CDBC_NO_PARAMS, NULL, &result, &err)) {
		while (cdbc_result_next(result, &err))
			;
		assert_false(cdbc_result_is_complete(result));
		cdbc_result_free(result);
	}
	assert_non_null(err);
	if (!sqlstate)
		sqlstate = cdbc_error_sqlstate(err);
	if (cdbc_error_status(err) != status || strcmp(cdbc_error_sqlstate(err), sqlstate) != 0)
		print_message("# %s: %s\n", sql, cdbc_error_message(err));
	assert_int_equal(cdbc_error_status(err), status);
	assert_string_equal(cdbc_error_sqlstate(err), sqlstate);
	assert_string_equal(cdbc_outcome_name(cdbc_error_outcome(err)), cdbc_outcome_name(outcome));
	assert_string_equal(cdbc_replay_name(cdbc_error_replay(err)), cdbc_replay_name(replay));
	cdbc_error_free(err);
}

// ---- what the server is ----

static void keep_database(void *data, const cdbc_health_item *item)
{
	if (strcmp(item->name, "database") == 0)
		snprintf(data, 256, "%s", item->text);
}

static void test_health(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char text[256] = "", product[64];
		bool is_ok = false;
		cluster c;

		open_cluster(&c, versions[i], "version_and_nodes", NULL);
		assert_int_equal(cdbc_client_health(c.client, LIMIT_MS, keep_database, text, &is_ok, NULL),
						 CDBC_OK);
		assert_true(is_ok);
		snprintf(product, sizeof product, "CockroachDB %s", versions[i]);
		assert_memory_equal(text, product, strlen(product));
		assert_non_null(strstr(text, ", node 1, "));
		close_cluster(&c);
	}
}

static void write_file(const char *folder, const char *text, char *path, size_t size)
{
	FILE *file;

	snprintf(path, size, "%s/q.sql", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

// The variant for CockroachDB is chosen by what the server says, and one for PostgreSQL serves too.
static void test_variants_of_queries(void **state)
{
	static const char queries[] = "-- name: one $\n-- dialect: postgresql, sqlite\nselect 77;\n"
								  "-- name: one $\n-- dialect: cockroachdb\nshow node_id;\n"
								  "-- name: two $\n-- dialect: sqlite\nselect 78;\n"
								  "-- name: two $\n-- dialect: postgresql\nselect version();\n";
	char folder[] = "/tmp/cdbc-client-XXXXXX", path[64];
	cluster c;

	(void)state;
	assert_non_null(mkdtemp(folder));
	write_file(folder, queries, path, sizeof path);
	for (size_t i = 0; i < 2; i++) {
		cdbc_result *result = NULL;
		cdbc_error *err = NULL;

		learn(&c, versions[i], "version_and_nodes", NULL);
		open_client(&c, folder);
		if (cdbc_session_run(c.session, "one", CDBC_NO_PARAMS, NULL, &result, &err))
			fail_msg("%s", cdbc_error_message(err));
		print(result);
		assert_string_equal(output, "{\"node_id\":\"1\"}\n");
		if (cdbc_session_run(c.session, "two", CDBC_NO_PARAMS, NULL, &result, &err))
			fail_msg("%s", cdbc_error_message(err));
		print(result);
		assert_non_null(strstr(output, "\"version\":\"CockroachDB CCL v2"));
		close_cluster(&c);
	}
	unlink(path);
	rmdir(folder);
}

// ---- rows ----

// The statement that a scenario's file holds, by its beginning.
static char *sql_of(const char *version, const char *scenario, const char *beginning)
{
	wire_recording *recording = wire_recording_open(version, "simple", scenario);
	char *found = NULL;

	assert_non_null(recording);
	for (size_t i = 0; i < recording->connections[0].count && !found; i++) {
		const wire_recorded *at = &recording->connections[0].messages[i];

		if (at->from == WIRE_FROM_CLIENT && at->message.type == 'P' &&
			strncmp((const char *)at->message.body + 1, beginning, strlen(beginning)) == 0)
			found = strdup((const char *)at->message.body + 1); // of the statement without a name
	}
	wire_recording_free(recording);
	assert_non_null(found);
	return found;
}

static void test_every_type_as_json(void **state)
{
	static const char *const words[] = {
		"{\"i2\":1,\"i4\":2,\"i8\":3,\"f4\":1.5,\"f8\":2.5,\"fnan\":\"NaN\",\"ninf\":\"-Infinity\","
		"\"b\":true,",
		"\"s\":\"text é\"",
		"\"d104\":1234.5600,",
		"\"dnan\":\"NaN\"",
		"\"big\":12345678901234567890123456789012345678.12",
		"\"bys\":\"\\\\x00ff\"",
		"\"dte\":\"2020-02-29\"",
		"\"dinf\":\"infinity\"",
		"\"tm\":\"12:34:56.789012\"",
		"\"ts\":\"2020-02-29T12:34:56.789012\"",
		"\"u\":\"acde070d-8c4c-4f0d-9d8a-162843c10333\"",
		"\"ai\":[1,2,null]",
		"\"nul\":null",
	};
	(void)state;
	for (size_t v = 0; v < 2; v++) {
		char *sql = sql_of(versions[v], "types_text", "select 1::int2");
		cluster c;

		open_cluster(&c, versions[v], "types_text", NULL);
		query(&c, sql);
		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			if (!strstr(output, words[i]))
				print_message("# no %s in %s\n", words[i], output);
			assert_non_null(strstr(output, words[i]));
		}
		close_cluster(&c);
		free(sql);
	}
}

static void test_reads_of_the_past_and_read_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cluster c;

		open_cluster(&c, versions[i], "as_of_system_time", NULL);
		query(&c, "select * from acct as of system time '-100ms'");
		assert_string_equal(output, "{\"id\":1,\"bal\":100}\n{\"id\":2,\"bal\":100}\n");
		query(&c, "select count(*) from acct as of system time follower_read_timestamp()");
		assert_string_equal(output, "{\"count\":2}\n");
		query(&c, "begin as of system time '-100ms'");
		query(&c, "select count(*) from acct");
		fails(&c, "update acct set bal=1", CDBC_SQL, "25006", CDBC_OUTCOME_ROLLED_BACK,
			  CDBC_REPLAY_NO);
		query(&c, "rollback");
		close_cluster(&c);
	}
}

// ---- conflicts ----

static void test_conflicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cluster c;

		open_cluster(&c, versions[i], "conflict_at_commit", "a");
		query(&c, "begin");
		query(&c, "select bal from acct where id=1");
		query(&c, "update acct set bal=0 where id=2");
		fails(&c, "commit", CDBC_CONFLICT, "40001", CDBC_OUTCOME_ROLLED_BACK,
			  CDBC_REPLAY_TRANSACTION);
		close_cluster(&c);
		open_cluster(&c, versions[i], "serialization_conflict", "b");
		query(&c, "begin");
		query(&c, "select sum(bal) from acct");
		fails(&c, "update acct set bal=bal+10 where id=1", CDBC_CONFLICT, "40001",
			  CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
		fails(&c, "commit", CDBC_SQL, "40000", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		close_cluster(&c);
	}
}

static void test_conflict_outside_a_transaction(void **state)
{
	wire_bytes answer = {0};
	cluster c;

	(void)state;
	learn(&c, "v22.1", "version_and_nodes", NULL);
	wire_put_error_text(&answer, "40001", "restart transaction: TransactionRetryError");
	wire_table_add(c.table, "update t set a = 1", &answer, false);
	wire_bytes_fini(&answer);
	open_client(&c, NULL);
	fails(&c, "update t set a = 1", CDBC_CONFLICT, "40001", CDBC_OUTCOME_ROLLED_BACK,
		  CDBC_REPLAY_SAFE);
	close_cluster(&c);
}

// ---- connections that end ----

// An idle connection that was drained costs one statement that may be run again, and then is
// replaced.
static void test_idle_connection_is_drained(void **state)
{
	wire_bytes gone = {0};
	cluster c;

	(void)state;
	open_cluster(&c, "v22.1", "version_and_nodes", NULL);
	query(&c, "select version()");
	cdbc_session_release(c.session);
	c.session = NULL;
	wire_put_error_text(&gone, "57P01", "server is shutting down");
	wire_server_push(c.server, &gone, WIRE_RESET);
	wire_bytes_fini(&gone);
	assert_true(wire_server_wait_open(c.server, 0, LIMIT_MS));
	assert_int_equal(cdbc_client_acquire(c.client, NULL, &c.session, NULL), CDBC_OK);
	fails(&c, "select version()", CDBC_CONNECT, NULL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
	query(&c, "select version()"); // on another connection
	assert_int_equal(wire_server_connection_count(c.server), 2);
	close_cluster(&c);
}

static wire_script *drain_script(bool has_errors)
{
	wire_script *script = wire_script_new();

	if (has_errors) {
		wire_bytes *out = wire_script_send(script);

		wire_put_error_text(out, "57014", "query execution canceled");
		wire_put_error_text(out, "57P01", "server is shutting down");
	}
	wire_script_close(script);
	return script;
}

// A statement that was running: 57014 and 57P01 in a drain, nothing when the node is killed.
static void test_running_statement_loses_its_node(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		cluster c;

		open_cluster(&c, "v22.1", "server_drain", "running a statement");
		query(&c, "begin");
		query(&c, "rollback");
		wire_server_when(c.server, 'E', "pg_sleep", 1, drain_script(i == 0));
		fails(&c, "select pg_sleep(25)", CDBC_CONNECT, i == 0 ? "57P01" : "",
			  CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
		query(&c, "begin"); // on another connection
		query(&c, "rollback");
		assert_int_equal(wire_server_connection_count(c.server), 2);
		close_cluster(&c);
	}
}

static void test_link_lost_at_commit_and_before(void **state)
{
	(void)state;
	for (int at_commit = 0; at_commit < 2; at_commit++) {
		cluster c;

		open_cluster(&c, "v22.1", "conflict_at_commit", "b");
		wire_server_when(c.server, 'E', at_commit ? "commit" : "update", 1, drain_script(false));
		query(&c, "begin");
		query(&c, "select bal from acct where id=2");
		if (at_commit) {
			query(&c, "update acct set bal=0 where id=1");
			fails(&c, "commit", CDBC_CONNECT, "", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
		} else {
			fails(&c, "update acct set bal=0 where id=1", CDBC_CONNECT, "",
				  CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
		}
		close_cluster(&c);
	}
}

static void *cancel_when_it_runs(void *data)
{
	cluster *c = data;
	cdbc_status status = CDBC_TIMEOUT;

	if (wire_server_wait_holding(c->server, 1, LIMIT_MS))
		status = cdbc_session_cancel(c->session, NULL);
	return (void *)(intptr_t)status;
}

static void test_cancel(void **state)
{
	pthread_t thread;
	void *status = NULL;
	cluster c;

	(void)state;
	open_cluster(&c, "v22.1", "cancel", NULL);
	assert_int_equal(pthread_create(&thread, NULL, cancel_when_it_runs, &c), 0);
	fails(&c, "select pg_sleep(3)", CDBC_CANCELLED, "57014", CDBC_OUTCOME_ROLLED_BACK,
		  CDBC_REPLAY_NO);
	pthread_join(thread, &status);
	assert_int_equal((intptr_t)status, CDBC_OK);
	query(&c, "begin"); // the connection was not given up
	query(&c, "rollback");
	assert_int_equal(wire_server_connection_count(c.server), 1);
	close_cluster(&c);
}

// A node that drains refuses new connections.
static void test_draining_node_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		wire_recording *recording = wire_recording_open(versions[i], "simple", "server_drain");
		cluster c;

		assert_non_null(recording);
		open_cluster(&c, versions[i], "version_and_nodes", NULL);
		wire_server_add_replay(
			c.server, wire_recording_find(recording, "new connection 1.0 s after the signal"), 1);
		fails(&c, "select version()", CDBC_CONNECT, "57P01", CDBC_OUTCOME_NOT_SENT,
			  CDBC_REPLAY_SAFE);
		query(&c, "select version()");
		close_cluster(&c);
		wire_recording_free(recording);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_variants_of_queries),
		cmocka_unit_test(test_every_type_as_json),
		cmocka_unit_test(test_reads_of_the_past_and_read_only),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_conflict_outside_a_transaction),
		cmocka_unit_test(test_idle_connection_is_drained),
		cmocka_unit_test(test_running_statement_loses_its_node),
		cmocka_unit_test(test_link_lost_at_commit_and_before),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_draining_node_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
