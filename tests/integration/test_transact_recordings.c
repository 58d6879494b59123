// SPDX-License-Identifier: Apache-2.0
// Transactions as a function, against what a real CockroachDB answered in every transaction
// scenario of the recordings, both versions. Single requests are in test_client_recordings.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/wire_client.h"

#include <cdbc/cdbc.h>

static const char *const versions[] = {"v21.2", "v22.1"};

typedef struct cluster {
	wire_table *table;
	wire_server *server;
	cdbc_client *client;
	cdbc_session *session;
	int calls;                   // of the function
	const char *const *tries[3]; // the statements of each attempt, NULL at the end
	const char *overlooked;      // a statement whose failure the function does not tell
	int64_t attempts;            // that were told
} cluster;

static void on_event(void *self, const cdbc_event *event)
{
	cluster *c = self;

	c->attempts = event->attempt;
}

static void open_cluster(cluster *c, const char *version, const char *scenario)
{
	cdbc_config_item items[] = {{"pool.max_size", "2"},        {"pool.min_size", "0"},
								{"retry.conflict_max", "1ms"}, {"retry.lost_first", "1ms"},
								{"retry.lost_max", "1ms"},     {"pool.max_opens_per_second", "0"}};
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = CDBC_EVENT_ATTEMPT,
							  .on_event = on_event,
							  .self = c};

	*c = (cluster){.table = wire_table_new()};
	assert_true(wire_table_add_scenario(c->table, version, scenario, NULL));
	wire_client_open(c->table, items, sizeof items / sizeof *items, TEST_OBSERVED(&observer),
					 &c->server, &c->client, &c->session);
}

static void close_cluster(cluster *c)
{
	wire_client_close(c->table, c->server, c->client, c->session);
}

static cdbc_status run(cdbc_session *session, const char *sql, cdbc_error **err)
{
	cdbc_result *result;
	cdbc_error *error = NULL;
	cdbc_status status = cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, &error);

	if (!status) {
		while (cdbc_result_next(result, &error))
			;
		status = error ? cdbc_error_status(error) : CDBC_OK;
		cdbc_result_free(result);
	}
	if (err)
		*err = error;
	else
		cdbc_error_free(error);
	return status;
}

// The statements of this attempt, one after the other.
static cdbc_status work(cdbc_session *session, void *data, cdbc_error **err)
{
	cluster *c = data;
	const char *const *sql = c->tries[c->calls];

	assert_non_null(sql);
	for (c->calls++; *sql; sql++) {
		bool is_overlooked = c->overlooked && strcmp(*sql, c->overlooked) == 0;
		cdbc_status status = run(session, *sql, is_overlooked ? NULL : err);

		if (status && !is_overlooked)
			return status;
	}
	return CDBC_OK;
}

static void succeeds(cluster *c, bool has_restart, int calls)
{
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	options.restart_savepoint = has_restart;
	if (cdbc_session_transact(c->session, work, c, &options, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_int_equal(c->calls, calls);
	assert_int_equal(c->attempts, calls - 1);
}

static void fails(cluster *c, cdbc_status status, const char *sqlstate, cdbc_outcome outcome,
				  cdbc_replay replay)
{
	cdbc_error *err = NULL;

	assert_int_not_equal(cdbc_session_transact(c->session, work, c, NULL, &err), CDBC_OK);
	if (cdbc_error_status(err) != status || strcmp(cdbc_error_sqlstate(err), sqlstate) != 0)
		print_error("%s\n", cdbc_error_message(err));
	assert_int_equal(cdbc_error_status(err), status);
	assert_string_equal(cdbc_error_sqlstate(err), sqlstate);
	assert_string_equal(cdbc_outcome_name(cdbc_error_outcome(err)), cdbc_outcome_name(outcome));
	assert_string_equal(cdbc_replay_name(cdbc_error_replay(err)), cdbc_replay_name(replay));
	cdbc_error_free(err);
}

#define EACH_VERSION for (size_t v = 0; v < 2; v++)

static void test_serialization_conflict(void **state)
{
	static const char *const loser[] = {"select sum(bal) from acct",
										"update acct set bal=bal+10 where id=1", NULL};
	static const char *const winner[] = {"select sum(bal) from acct",
										 "update acct set bal=bal-10 where id=1", NULL};

	(void)state;
	EACH_VERSION
	{
		cluster c;

		open_cluster(&c, versions[v], "serialization_conflict");
		c.tries[0] = loser;
		c.tries[1] = winner;
		succeeds(&c, false, 2);
		assert_int_equal(wire_server_connection_count(c.server), 1);
		/* overlooked, its COMMIT would have been answered by ROLLBACK: it is not sent */
		c.calls = 0;
		c.attempts = 0;
		c.overlooked = loser[1];
		succeeds(&c, false, 2);
		assert_int_equal(wire_server_count(c.server, 'Q', "COMMIT"), 2);
		close_cluster(&c);
	}
}

static void test_conflict_at_commit(void **state)
{
	static const char *const loser[] = {"select bal from acct where id=1",
										"update acct set bal=0 where id=2", NULL};
	static const char *const winner[] = {"select bal from acct where id=2",
										 "update acct set bal=0 where id=1", NULL};

	(void)state;
	EACH_VERSION
	{
		cluster c;

		open_cluster(&c, versions[v], "conflict_at_commit");
		c.tries[0] = loser;
		c.tries[1] = winner;
		succeeds(&c, false, 2);
		/* it says idle: there is nothing to roll back */
		assert_int_equal(wire_server_count(c.server, 0, "ROLLBACK"), 0);
		close_cluster(&c);
	}
}

static void test_restart_savepoint(void **state)
{
	static const char *const sql[] = {"update acct set bal=bal+1 where id=1",
									  "select crdb_internal.force_retry('300ms')", NULL};

	(void)state;
	EACH_VERSION
	{
		cluster c;

		open_cluster(&c, versions[v], "cockroach_restart");
		c.tries[0] = c.tries[1] = sql;
		succeeds(&c, true, 2);
		assert_int_equal(wire_server_count(c.server, 'Q', "BEGIN"), 1);
		assert_int_equal(wire_server_count(c.server, 'Q', "ROLLBACK TO SAVEPOINT"), 1);
		assert_int_equal(wire_server_count(c.server, 'Q', "RELEASE SAVEPOINT cockroach_restart"),
						 1);
		close_cluster(&c);
	}
}

static void test_injected_errors(void **state)
{
	static const char *const first[] = {"select 1", NULL};
	static const char *const second[] = {"set inject_retry_errors_enabled=false", "select 1", NULL};
	cluster c;

	(void)state;
	open_cluster(&c, "v22.1", "inject_retry_errors");
	assert_int_equal(run(c.session, "set inject_retry_errors_enabled=true", NULL), CDBC_OK);
	c.tries[0] = first;
	c.tries[1] = second;
	succeeds(&c, false, 2);
	/* SQL had changed the session: it was not moved */
	assert_int_equal(wire_server_connection_count(c.server), 1);
	close_cluster(&c);
	/* the older one does not know the setting: that is no reason to run it again */
	open_cluster(&c, "v21.2", "inject_retry_errors");
	assert_int_equal(run(c.session, "set inject_retry_errors_enabled=true", NULL), CDBC_SQL);
	c.tries[0] = second;
	fails(&c, CDBC_SQL, "42704", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(c.calls, 1);
	close_cluster(&c);
}

static void test_force_retry(void **state)
{
	static const char *const first[] = {"select 1", "select crdb_internal.force_retry('1s')", NULL};
	static const char *const second[] = {"select 1", NULL};

	(void)state;
	EACH_VERSION
	{
		cluster c;

		open_cluster(&c, versions[v], "force_retry");
		c.tries[0] = first;
		c.tries[1] = second;
		succeeds(&c, false, 2);
		close_cluster(&c);
	}
}

// Anything but a conflict is told, not run again, and by overlooking it nothing is committed.
static void test_a_failure_that_lasts(void **state)
{
	static const char *const sql[] = {"insert into x values (3,3)",
									  "create unique index xu on x(a)", NULL};

	(void)state;
	EACH_VERSION
	{
		for (int is_overlooked = 0; is_overlooked < 2; is_overlooked++) {
			cluster c;

			open_cluster(&c, versions[v], "ddl_at_commit");
			c.tries[0] = sql;
			c.overlooked = is_overlooked ? sql[1] : NULL;
			fails(&c, CDBC_UNSUPPORTED, "0A000", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
			assert_int_equal(c.calls, 1);
			assert_int_equal(wire_server_count(c.server, 0, "COMMIT"), 0);
			close_cluster(&c);
		}
	}
}

// COMMIT of an aborted transaction answers ROLLBACK: that is no success.
static void test_a_commit_that_answers_rollback(void **state)
{
	static const char *const sql[] = {"select 1", NULL};

	(void)state;
	EACH_VERSION
	{
		wire_bytes rolled_back = {0};
		wire_script *script = wire_script_new();
		cluster c;

		open_cluster(&c, versions[v], "force_retry");
		wire_bytes_put(&rolled_back, "ROLLBACK", sizeof "ROLLBACK");
		wire_put(wire_script_send(script), 'C', rolled_back.data, rolled_back.length);
		wire_put_ready(wire_script_send(script), 'I');
		wire_bytes_fini(&rolled_back);
		wire_server_when(c.server, 'Q', "COMMIT", 1, script);
		c.tries[0] = sql;
		fails(&c, CDBC_SQL, "40000", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		close_cluster(&c);
	}
}

static cdbc_status nest(cdbc_session *session, void *data, cdbc_error **err)
{
	cluster *c = data;

	if (run(session, "select 1", err))
		return cdbc_error_status(*err);
	assert_int_equal(cdbc_session_transact(session, work, c, NULL, NULL), CDBC_SQL);
	return run(session, "select 2", err);
}

static void test_nested_savepoints(void **state)
{
	static const char *const sql[] = {"select 1/0", NULL};

	(void)state;
	EACH_VERSION
	{
		cdbc_error *err = NULL;
		cluster c;

		open_cluster(&c, versions[v], "nested_savepoints");
		c.tries[0] = sql;
		if (cdbc_session_transact(c.session, nest, &c, NULL, &err))
			fail_msg("%s", cdbc_error_message(err));
		assert_int_equal(wire_server_count(c.server, 'Q', "ROLLBACK TO SAVEPOINT cdbc_1"), 1);
		assert_int_equal(wire_server_count(c.server, 'Q', "COMMIT"), 1);
		close_cluster(&c);
	}
}

// The server's own last words of the recording, as bytes.
static wire_script *last_words(const char *version, const char *label)
{
	wire_recording *recording = wire_recording_open(version, "extended", "server_drain");
	const wire_recorded_connection *connection = wire_recording_find(recording, label);
	wire_script *script = wire_script_new();

	assert_non_null(connection);
	for (size_t i = 0; i < connection->count; i++) {
		const wire_recorded *at = &connection->messages[i];

		if (at->from == WIRE_FROM_SERVER && at->message.type == 'E')
			wire_put(wire_script_send(script), 'E', at->message.body, at->message.length);
	}
	wire_script_close(script);
	wire_recording_free(recording);
	return script;
}

// A node that is drained in the middle: the whole transaction runs on another connection; at the
// commit nobody knows.
static void test_server_drain_in_a_transaction(void **state)
{
	static const char *const labels[] = {"in transaction", "running a statement"};
	static const char *const sql[] = {"select 1", "select 2", NULL};

	(void)state;
	EACH_VERSION
	{
		for (size_t i = 0; i < 2; i++) {
			cluster c;

			open_cluster(&c, versions[v], "server_drain");
			wire_server_when(c.server, 'E', "select 2", 1, last_words(versions[v], labels[i]));
			c.tries[0] = c.tries[1] = sql;
			succeeds(&c, false, 2);
			assert_int_equal(wire_server_connection_count(c.server), 2);
			wire_server_when(c.server, 'Q', "COMMIT", 1, last_words(versions[v], labels[i]));
			c.calls = 0;
			fails(&c, CDBC_CONNECT, "57P01", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
			assert_int_equal(c.calls, 1);
			close_cluster(&c);
		}
	}
}

// A write in a transaction that was begun to read.
static void test_read_only(void **state)
{
	static const char *const sql[] = {"create table nope (i int)", NULL};
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;

	(void)state;
	options.is_read_only = true;
	EACH_VERSION
	{
		cdbc_error *err = NULL;
		cluster c;

		open_cluster(&c, versions[v], "read_only_transaction");
		c.tries[0] = sql;
		assert_int_equal(cdbc_session_transact(c.session, work, &c, &options, &err), CDBC_SQL);
		assert_string_equal(cdbc_error_sqlstate(err), "25006");
		assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
		assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_NO);
		cdbc_error_free(err);
		assert_int_equal(c.calls, 1);
		assert_int_equal(wire_server_count(c.server, 'P', "BEGIN READ ONLY"), 1);
		close_cluster(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serialization_conflict),
		cmocka_unit_test(test_conflict_at_commit),
		cmocka_unit_test(test_restart_savepoint),
		cmocka_unit_test(test_injected_errors),
		cmocka_unit_test(test_force_retry),
		cmocka_unit_test(test_a_failure_that_lasts),
		cmocka_unit_test(test_a_commit_that_answers_rollback),
		cmocka_unit_test(test_nested_savepoints),
		cmocka_unit_test(test_server_drain_in_a_transaction),
		cmocka_unit_test(test_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
