// SPDX-License-Identifier: Apache-2.0
// Batches against what a real CockroachDB answered in the recordings, both versions: one pipeline,
// a statement that fails in it, conflicts, time-outs and a drain.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/wire_client.h"

#include <cdbc/cdbc.h>

static const char *const versions[] = {"v21.2", "v22.1"};

#define EACH_VERSION for (size_t v = 0; v < 2; v++)
#define SQLS(...)    ((const char *const[]){__VA_ARGS__, NULL})

typedef struct cluster {
	wire_table *table;
	wire_server *server;
	cdbc_client *client;
	cdbc_session *session;
	char told[256];
	cdbc_batch_summary sum;
	cdbc_error *err;
} cluster;

// Adds an answer that leaves the transaction so.
static void answer(cluster *c, const char *sql, char after, const char *tag, const char *sqlstate)
{
	wire_answer *as = calloc(1, sizeof *as);

	assert_non_null(as);
	as->after = after;
	as->fails_at = sqlstate ? WIRE_AT_EXECUTE : WIRE_NEVER;
	if (sqlstate)
		wire_put_error_text(&as->head, sqlstate, "it fails");
	else
		wire_put_command_complete(&as->head, tag);
	wire_table_take(c->table, sql, as);
}

// A schema change as a server with autocommit_before_ddl on takes it in a transaction.
static void answer_schema_change(cluster *c)
{
	answer(c, "create table x (a int)", 'I', "CREATE TABLE", NULL);
	answer(c, "create table y (a int)", 'I', NULL, "42P07");
	answer(c, "insert into x values (1)", 0, "INSERT 0 1", NULL);
	answer(c, "insert into x values (2)", 0, NULL, "40001");
	answer(c, "insert into x values (3)", 0, NULL, "57014");
}

static void open_cluster(cluster *c, const char *version, const char *scenario)
{
	cdbc_config_item items[] = {{"pool.max_size", "2"},        {"pool.min_size", "0"},
								{"retry.conflict_max", "1ms"}, {"retry.lost_first", "1ms"},
								{"retry.lost_max", "1ms"},     {"pool.max_opens_per_second", "0"}};

	*c = (cluster){.table = wire_table_new()};
	assert_true(wire_table_add_scenario(c->table, version, scenario, NULL));
	answer_schema_change(c);
	wire_client_open(c->table, items, sizeof items / sizeof *items, NULL, &c->server, &c->client,
					 &c->session);
}

static void close_cluster(cluster *c)
{
	wire_client_close(c->table, c->server, c->client, c->session);
}

static bool on_result(void *data, int64_t index, cdbc_result *result, const cdbc_error *error)
{
	cluster *c = data;
	size_t length = strlen(c->told);

	while (result && cdbc_result_next(result, NULL))
		;
	snprintf(c->told + length, sizeof c->told - length, "%lld %s; ", (long long)index,
			 error ? cdbc_error_sqlstate(error) : cdbc_result_tag(result));
	return true;
}

static cdbc_status run(cluster *c, bool is_atomic, cdbc_batch_on_error on_error,
					   const char *const *sqls)
{
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	cdbc_batch *batch = NULL;
	cdbc_status status;

	options.is_atomic = is_atomic;
	options.on_error = on_error;
	c->told[0] = '\0';
	c->err = NULL;
	c->sum = (cdbc_batch_summary)CDBC_BATCH_SUMMARY_INIT;
	assert_int_equal(cdbc_batch_new(c->session, &options, &batch, NULL), CDBC_OK);
	for (; *sqls; sqls++)
		assert_int_equal(cdbc_batch_add_sql(batch, *sqls, CDBC_NO_PARAMS, NULL), CDBC_OK);
	status = cdbc_batch_execute(batch, on_result, c, &c->sum, &c->err);
	cdbc_batch_free(batch);
	return status;
}

static void is_error(cluster *c, cdbc_status status, const char *sqlstate, cdbc_outcome outcome,
					 cdbc_replay replay)
{
	assert_non_null(c->err);
	if (cdbc_error_status(c->err) != status || cdbc_error_outcome(c->err) != outcome ||
		cdbc_error_replay(c->err) != replay || strcmp(cdbc_error_sqlstate(c->err), sqlstate) != 0)
		fail_msg("%s: %s, %s", cdbc_error_message(c->err),
				 cdbc_outcome_name(cdbc_error_outcome(c->err)),
				 cdbc_replay_name(cdbc_error_replay(c->err)));
	cdbc_error_free(c->err);
	c->err = NULL;
}

static void is_ok(cluster *c, cdbc_status status)
{
	if (status)
		fail_msg("%s", cdbc_error_message(c->err));
}

#define DEBIT  "update acct set bal=bal-1 where id=1"
#define CREDIT "update acct set bal=bal+1 where id=2"

static void test_one_pipeline(void **state)
{
	(void)state;
	EACH_VERSION
	{
		for (int is_atomic = 0; is_atomic < 2; is_atomic++) {
			cluster c;

			open_cluster(&c, versions[v], "transaction_in_one_pipeline");
			is_ok(&c, run(&c, is_atomic, CDBC_BATCH_STOP, SQLS(DEBIT, CREDIT)));
			assert_string_equal(c.told, "0 UPDATE 1; 1 UPDATE 1; ");
			assert_int_equal(c.sum.affected_count, 2);
			assert_int_equal(wire_server_count(c.server, 'E', "COMMIT"), 1);
			close_cluster(&c);
		}
	}
}

// Prepared statements with parameters in one pipeline; then one of them is refused.
static void test_prepared_pipeline(void **state)
{
	static const char debit[] = "update acct set bal=bal-$1 where id=$2";
	static const char bad[] = "insert into acct values (1,1)";

	(void)state;
	EACH_VERSION
	{
		cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
		cdbc_batch *batch = NULL;
		cluster c;

		options.is_atomic = true;
		open_cluster(&c, versions[v], "transaction_prepared_pipeline");
		c.sum = (cdbc_batch_summary)CDBC_BATCH_SUMMARY_INIT;
		assert_int_equal(cdbc_batch_new(c.session, &options, &batch, NULL), CDBC_OK);
		for (int64_t id = 1; id <= 2; id++)
			assert_int_equal(
				cdbc_batch_add_sql(
					batch, debit, CDBC_PARAMS({NULL, cdbc_int64(1)}, {NULL, cdbc_int64(id)}), NULL),
				CDBC_OK);
		is_ok(&c, cdbc_batch_execute(batch, on_result, &c, &c.sum, &c.err));
		assert_string_equal(c.told, "0 UPDATE 1; 1 UPDATE 1; ");
		assert_int_equal(c.sum.affected_count, 2);
		assert_int_equal(wire_server_count(c.server, 'E', "COMMIT"), 1);
		c.told[0] = '\0';
		assert_int_equal(cdbc_batch_add_sql(batch, bad, CDBC_NO_PARAMS, NULL), CDBC_OK);
		assert_int_equal(cdbc_batch_execute(batch, on_result, &c, &c.sum, &c.err), CDBC_SQL);
		assert_string_equal(c.told, "2 23505; ");
		assert_int_equal(c.sum.undone_count, 2);
		assert_int_equal(c.sum.attempt_count, 1);
		is_error(&c, CDBC_SQL, "23505", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		assert_int_equal(wire_server_count(c.server, 'E', debit), 4); // nothing a second time
		cdbc_batch_free(batch);
		close_cluster(&c);
	}
}

static void test_one_of_them_fails(void **state)
{
	static const char one[] = "insert into p values (1)";

	(void)state;
	EACH_VERSION
	{
		cluster c;

		open_cluster(&c, versions[v], "pipeline_and_error");
		assert_int_equal(run(&c, true, CDBC_BATCH_STOP, SQLS(one, one, one)), CDBC_SQL);
		assert_string_equal(c.told, "1 23505; ");
		assert_int_equal(c.sum.undone_count, 2);
		is_error(&c, CDBC_SQL, "23505", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		close_cluster(&c);
		/* the recording has its one success and then failures: going on */
		open_cluster(&c, versions[v], "pipeline_and_error");
		assert_int_equal(run(&c, false, CDBC_BATCH_CONTINUE, SQLS(one, one, one)), CDBC_SQL);
		assert_string_equal(c.told, "0 INSERT 0 1; 1 23505; 2 23505; ");
		assert_int_equal(c.sum.done_count, 1);
		assert_int_equal(c.sum.failed_count, 2);
		is_error(&c, CDBC_SQL, "23505", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		assert_int_equal(wire_server_count(c.server, 'E', one), 3); /* none twice */
		close_cluster(&c);
	}
}

// Both forms, at a statement and at COMMIT: one more time, and told once.
static void test_conflicts(void **state)
{
	(void)state;
	EACH_VERSION
	{
		for (int is_atomic = 0; is_atomic < 2; is_atomic++) {
			for (int at_commit = 0; at_commit < 2; at_commit++) {
				wire_script *script = wire_script_new();
				cluster c;

				open_cluster(&c, versions[v], "transaction_in_one_pipeline");
				wire_script_error(script, "40001", "restart transaction");
				wire_server_when(c.server, 'E', at_commit ? "COMMIT" : CREDIT, 1, script);
				is_ok(&c, run(&c, is_atomic, CDBC_BATCH_STOP, SQLS(DEBIT, CREDIT)));
				assert_string_equal(c.told, "0 UPDATE 1; 1 UPDATE 1; ");
				assert_int_equal(c.sum.attempt_count, 2);
				close_cluster(&c);
			}
		}
	}
}

// What the server itself recorded: write skew, of which the loser learns at COMMIT.
static void test_a_recorded_conflict(void **state)
{
	static const char read[] = "select bal from acct where id=1",
					  write[] = "update acct set bal=0 where id=2";

	(void)state;
	EACH_VERSION
	{
		cluster c;

		open_cluster(&c, versions[v], "conflict_at_commit");
		is_ok(&c, run(&c, true, CDBC_BATCH_STOP, SQLS(read, write)));
		assert_int_equal(c.sum.attempt_count, 2);
		assert_int_equal(wire_server_count(c.server, 'E', "COMMIT"), 2);
		close_cluster(&c);
	}
}

static void test_an_ambiguous_commit(void **state)
{
	(void)state;
	EACH_VERSION
	{
		wire_script *script = wire_script_new();
		cluster c;

		open_cluster(&c, versions[v], "transaction_in_one_pipeline");
		wire_script_error(script, "40003", "result is ambiguous");
		wire_server_when(c.server, 'E', "COMMIT", 1, script);
		assert_int_not_equal(run(&c, true, CDBC_BATCH_STOP, SQLS(DEBIT, CREDIT)), CDBC_OK);
		assert_int_equal(c.sum.unknown_count, 2);
		assert_string_equal(cdbc_error_sqlstate(c.err), "40003");
		assert_int_equal(cdbc_error_outcome(c.err), CDBC_OUTCOME_UNKNOWN);
		assert_int_equal(cdbc_error_replay(c.err), CDBC_REPLAY_NO);
		cdbc_error_free(c.err);
		assert_int_equal(wire_server_count(c.server, 'E', DEBIT), 1);
		close_cluster(&c);
	}
}

// A statement is stopped, and nothing follows: its own time was over. The session's end follows:
// the server goes away, and nobody knows how far it came.
static void test_stopped(void **state)
{
	(void)state;
	EACH_VERSION
	{
		for (int is_drain = 0; is_drain < 2; is_drain++) {
			wire_script *script = wire_script_new();
			cluster c;

			open_cluster(&c, versions[v], "transaction_in_one_pipeline");
			if (is_drain) {
				wire_bytes *out = wire_script_send(script);

				wire_put_error_text(out, "57014", "query execution canceled");
				wire_put_error_text(out, "57P01", "server is shutting down");
				wire_script_close(script);
			} else {
				wire_script_error(script, "57014",
								  "query execution canceled due to statement timeout");
			}
			wire_server_when(c.server, 'E', CREDIT, 1, script);
			assert_int_not_equal(run(&c, true, CDBC_BATCH_STOP, SQLS(DEBIT, CREDIT)), CDBC_OK);
			if (is_drain) {
				assert_int_equal(c.sum.unknown_count, 2);
				is_error(&c, CDBC_CONNECT, "57P01", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
			} else {
				assert_int_equal(c.sum.failed_count, 1);
				assert_int_equal(c.sum.undone_count, 1);
				assert_string_equal(cdbc_error_sqlstate(c.err), "57014");
				assert_int_equal(cdbc_error_outcome(c.err), CDBC_OUTCOME_ROLLED_BACK);
				cdbc_error_free(c.err);
			}
			is_ok(&c, run(&c, true, CDBC_BATCH_STOP, SQLS(DEBIT, CREDIT)));
			close_cluster(&c);
		}
	}
}

// A schema change has committed what was before it and ended the transaction; what follows stood
// alone. Whatever fails then, nobody may say that it was rolled back, nor do it again.
static void test_a_schema_change_ends_it(void **state)
{
	static const char change[] = "create table x (a int)", write[] = "insert into x values (1)";
	const struct {
		const char *const *sqls;
		const char *sqlstate;
		bool is_commit;
	} cases[] = {
		{SQLS(DEBIT, change, "insert into x values (2)", write), "40001", false},
		{SQLS(DEBIT, change, "insert into x values (3)", write), "57014", false},
		{SQLS(DEBIT, "create table y (a int)", write), "42P07", false},
		{SQLS(DEBIT, change, write), "25P01", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cluster c;
		cdbc_status status;

		open_cluster(&c, versions[1], "transaction_in_one_pipeline");
		if (cases[i].is_commit) {
			wire_script *script = wire_script_new();

			wire_script_error(script, "25P01", "there is no transaction in progress");
			wire_server_when(c.server, 'E', "COMMIT", -1, script);
		}
		status = run(&c, true, CDBC_BATCH_STOP, cases[i].sqls);
		assert_int_equal(c.sum.unknown_count, c.sum.statement_count);
		assert_int_equal(c.sum.attempt_count, 1);
		is_error(&c, status, cases[i].sqlstate, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
		close_cluster(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_pipeline),
		cmocka_unit_test(test_prepared_pipeline),
		cmocka_unit_test(test_one_of_them_fails),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_a_recorded_conflict),
		cmocka_unit_test(test_an_ambiguous_commit),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_a_schema_change_ends_it),
	};

	return cmocka_run_group_tests_name("batch_recordings", tests, NULL, NULL);
}
