// SPDX-License-Identifier: Apache-2.0
/* Batches that are one transaction, on the scripted driver: what a failure at each place means, and
 * what is sent again. */
#include "batch_fixture.h"

/* ---- atomic ---- */

static void test_atomic_is_one_round_trip(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = ATOMIC;
	cdbc_transaction_options tx = CDBC_TRANSACTION_OPTIONS_INIT;
	outcome o;

	tx.isolation = CDBC_ISOLATION_SERIALIZABLE;
	options.transaction = &tx;
	batch_answer(f, "insert a");
	batch_answer_rows(f, "select b", "1;2");
	o = batch_run(f, &options, SQLS("insert a", "select b", "insert a"));
	batch_is_ok(&o);
	assert_string_equal(batch_said(f, 0),
						"BEGIN ISOLATION LEVEL SERIALIZABLE | insert a | select b | "
						"insert a | COMMIT");
	assert_int_equal(fake_server_counts(f->server).submits, 1);
	assert_string_equal(f->told, "0:0,1; 1:2,-1; 2:0,1; ");
	batch_assert_counts(&o, 3, 0, 0, 0, 0);
	assert_int_equal(o.sum.affected_count, 2);
	assert_int_equal(o.sum.row_count, 2);
	assert_int_equal(f->starts, 1);
	assert_int_equal(f->ends, 1);
	assert_int_equal(f->requests, 3);
	assert_int_equal(f->request_failures, 0);
}

static void test_atomic_fails_at_a_statement(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert bad", "insert a"));
	assert_non_null(strstr(cdbc_error_message(o.err), "statement 2 of 3"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(f->told, "1 failed 23505; "); /* nothing of what was undone */
	batch_assert_counts(&o, 0, 1, 2, 0, 0);
	assert_int_equal(f->request_failures, 1);
	/* the connection is clean again */
	batch_answer_rows(f, "select b", "1");
	o = batch_run(f, &ATOMIC, SQLS("insert a", "select b"));
	batch_is_ok(&o);
}

static void test_atomic_conflict_runs_it_again(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_error(f, "insert b", 2, CDBC_CONFLICT, "40001");
	batch_answer(f, "insert b");
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert b"));
	batch_is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:0,1; "); /* once */
	assert_int_equal(o.sum.attempt_count, 3);
	assert_int_equal(f->attempts, 2);
	assert_int_equal(f->starts, 1);
	/* of the commit too */
	batch_answer_error(f, "COMMIT", 1, CDBC_CONFLICT, "40001");
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert b"));
	batch_is_ok(&o);
	assert_int_equal(o.sum.attempt_count, 2);
}

static void test_atomic_conflict_has_limits(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = ATOMIC;
	cdbc_transaction_options tx = CDBC_TRANSACTION_OPTIONS_INIT;
	outcome o;

	tx.max_retries = -1;
	options.transaction = &tx;
	batch_answer(f, "insert a");
	batch_answer_error(f, "insert b", 0, CDBC_CONFLICT, "40001");
	o = batch_run(f, &options, SQLS("insert a", "insert b"));
	batch_is_error(&o, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
	assert_int_equal(o.sum.attempt_count, 1);
	batch_assert_counts(&o, 0, 1, 1, 0, 0);
}

static void test_atomic_link_lost(void **state)
{
	fixture *f = *state;
	outcome o;

	/* nobody knows how far it came */
	batch_answer(f, "insert a");
	batch_answer_lost(f, "insert b", 1, CDBC_POSITION_SENT);
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert b"));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 0, 0, 0, 2, 0);
	assert_string_equal(f->told, "1 failed ; ");
	/* a commit that was not answered: never again */
	batch_answer(f, "insert b");
	batch_answer_lost(f, "COMMIT", 1, CDBC_POSITION_SENT);
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert b"));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 0, 0, 0, 2, 0);
	assert_string_equal(f->told, "");
	assert_int_equal(f->attempts, 0);
}

static void test_atomic_lost_and_idempotent(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = ATOMIC;
	outcome o;

	options.is_idempotent = true;
	batch_answer(f, "insert a");
	batch_answer_lost(f, "COMMIT", 1, CDBC_POSITION_SENT);
	o = batch_run(f, &options, SQLS("insert a", "insert a"));
	batch_is_ok(&o);
	assert_int_equal(o.sum.attempt_count, 2);
	assert_string_equal(f->told, "0:0,1; 1:0,1; ");
}

static void test_atomic_reads_may_be_lost(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer_lost(f, "select b", 1, CDBC_POSITION_SENT);
	batch_answer_rows(f, "select b", "1");
	o = batch_run(f, &ATOMIC, SQLS("select b", "select b"));
	batch_is_ok(&o);
	assert_int_equal(o.sum.attempt_count, 2);
}

static void test_atomic_not_sent(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_lost(f, "BEGIN", 1, CDBC_POSITION_NOT_FLUSHED);
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert a"));
	batch_is_ok(&o);
	assert_int_equal(o.sum.attempt_count, 2);
	fake_server_cut(f->server);
	fake_server_fail_opens(f->server, -1, NULL);
}

static void test_a_commit_that_is_none(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_error(f, "COMMIT", 1, CDBC_SQL, "40000");
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert a"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 0, 0, 2, 0, 0);
	assert_string_equal(f->told, "");
	batch_answer_error(f, "COMMIT", 1, CDBC_SQL, "40003");
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert a"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 0, 0, 0, 2, 0);
}

/* A drain: the statement is stopped, and then the session. */
static void test_a_drain_is_no_timeout(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	fake_server_answer(f->server, &(fake_answer){.sql = "insert b",
												 .times = 1,
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_SENT,
												 .error = {.status = CDBC_CONNECT,
														   .message = "shutting down",
														   .sqlstate = "57P01"}});
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert b"));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
}

static void test_atomic_deadline(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = ATOMIC;
	outcome o;

	options.timeout_ms = 500;
	batch_answer(f, "insert a");
	fake_server_answer(f->server, &(fake_answer){.sql = "insert slow",
												 .times = 1,
												 .gate = "slow",
												 .gate_at = CDBC_POSITION_SENT});
	o = batch_run(f, &options, SQLS("insert a", "insert slow"));
	assert_int_equal(o.status, CDBC_TIMEOUT);
	assert_int_equal(cdbc_error_replay(o.err), CDBC_REPLAY_NO);
	cdbc_error_free(o.err);
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert a"));
	batch_is_ok(&o);
}

static void *cancel_at_gate(void *data)
{
	fixture *f = data;

	assert_true(fake_server_wait(f->server, "gate", 1));
	assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
	return NULL;
}

static void test_cancel(void **state)
{
	fixture *f = *state;
	const cdbc_batch_options *both[] = {&ATOMIC, &CONTINUE, NULL};
	pthread_t thread;
	outcome o;

	batch_answer(f, "insert a");
	for (size_t i = 0; i < 3; i++) {
		fake_server_hold(f->server, "gate");
		fake_server_answer(f->server, &(fake_answer){.sql = "insert slow",
													 .times = 1,
													 .gate = "gate",
													 .gate_at = CDBC_POSITION_SENT});
		pthread_create(&thread, NULL, cancel_at_gate, f);
		o = batch_run(f, both[i], SQLS("insert a", "insert slow"));
		pthread_join(thread, NULL);
		assert_int_equal(o.status, CDBC_CANCELLED);
		assert_int_equal(cdbc_error_outcome(o.err), CDBC_OUTCOME_ROLLED_BACK);
		assert_int_equal(cdbc_error_replay(o.err), CDBC_REPLAY_NO);
		cdbc_error_free(o.err);
		assert_int_equal(o.sum.done_count, both[i] == &CONTINUE);
	}
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert a"));
	batch_is_ok(&o);
}

static void test_cancel_between_attempts(void **state)
{
	fixture *f = *state;
	const cdbc_batch_options *both[] = {&ATOMIC, NULL};
	outcome o;

	batch_answer(f, "insert a");
	for (size_t i = 0; i < 2; i++) {
		batch_answer_error(f, "insert once", 1, CDBC_CONFLICT, "40001");
		f->is_cancelled_between = true;
		o = batch_run(f, both[i], SQLS("insert a", "insert once"));
		batch_is_error(&o, CDBC_CANCELLED, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		batch_assert_counts(&o, 0, 1, 1, 0, 0);
		assert_int_equal(f->attempts, (int)i + 1);
		f->is_cancelled_between = false;
		o = batch_run(f, both[i], SQLS("insert a", "insert a"));
		batch_is_ok(&o);
	}
}

static void test_atomic_refuses(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_batch *batch = batch_of(f, &ATOMIC, SQLS("insert a"));

	assert_int_equal(cdbc_batch_add_sql(batch, "commit", CDBC_NO_PARAMS, &err), CDBC_USAGE);
	cdbc_error_free(err);
	assert_int_equal(cdbc_batch_add_sql(batch, "select 1; select 2", CDBC_NO_PARAMS, NULL),
					 CDBC_USAGE);
	assert_int_equal(cdbc_batch_add_sql(batch, "copy t from stdin", CDBC_NO_PARAMS, NULL),
					 CDBC_USAGE);
	assert_int_equal(cdbc_batch_add_sql(batch, "select :a", CDBC_NO_PARAMS, NULL), CDBC_PARAM);
	assert_int_equal(cdbc_batch_add(batch, "nowhere", CDBC_NO_PARAMS, NULL), CDBC_NOT_FOUND);
	assert_int_equal(cdbc_batch_count(batch), 1);
	/* inside another it is a part of that */
	batch_answer(f, "insert a");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	assert_string_equal(batch_said(f, 0), "BEGIN | insert a | ROLLBACK");
	cdbc_batch_free(batch);
}

static void test_long_results_are_not_held(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select long", .columns = "n int8", .rows = "7", .repeat = 3000000});
	o = batch_run(f, &ATOMIC, SQLS("insert a", "select long", "insert a"));
	batch_is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:3000000,-1; 2:0,1; ");
	/* what was told is not run again */
	batch_answer_error(f, "COMMIT", 1, CDBC_CONFLICT, "40001");
	o = batch_run(f, &ATOMIC, SQLS("insert a", "select long", "insert a"));
	batch_is_error(&o, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
	assert_int_equal(o.sum.attempt_count, 1);
	batch_assert_counts(&o, 0, 0, 3, 0, 0);
}

/* Results that cannot be handed over do not keep the commit from being run: all of it is in. */
static void test_spoilt_results(void **state)
{
	fixture *f = *state;
	outcome o = {.sum = CDBC_BATCH_SUMMARY_INIT};
	cdbc_batch *batch = batch_of(f, &ATOMIC, SQLS("insert a"));

	batch_answer(f, "insert a");
	fake_server_answer(
		f->server, &(fake_answer){.sql = "select two", .columns = "a int8, b int8", .rows = "1|2"});
	for (int i = 0; i < 3; i++)
		assert_int_equal(cdbc_batch_add(batch, "one", CDBC_NO_PARAMS, NULL), CDBC_OK);
	o.status = cdbc_batch_execute(batch, batch_on_result, f, &o.sum, &o.err);
	batch_assert_counts(&o, 4, 0, 0, 0, 0);
	assert_int_equal(o.sum.affected_count, 1);
	assert_string_equal(f->told, "0:0,1; 1 failed ; ");
	batch_is_error(&o, CDBC_DATA, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO);
	cdbc_batch_free(batch);
}

/* A schema change that ended the caller's transaction, and perhaps committed it. */
static void test_a_schema_change_inside(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	outcome o;

	batch_answer(f, "insert a");
	fake_server_answer(f->server, &(fake_answer){.sql = "create b", .tx_after = FAKE_TX_IDLE});
	batch_answer_error(f, "insert b", 1, CDBC_CONFLICT, "40001");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	o = batch_run(f, NULL, SQLS("insert a", "create b", "insert b", "insert a"));
	batch_is_error(&o, CDBC_CONFLICT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 0, 0, 0, 3, 1);
	assert_int_not_equal(cdbc_session_commit(f->session, &err), CDBC_OK);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_UNKNOWN);
	cdbc_error_free(err);
}

/* Memory that runs out makes nothing untrue: what has committed is counted so. */
static cdbc_status scenario(void *data, cdbc_error **err)
{
	fixture *f = data;
	size_t from = batch_said_count(f);
	const char *const sqls[] = {"insert a", "insert a", "insert a", "insert a", "insert a",
								"insert a", "insert a", "insert a", "insert a", NULL};
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
	cdbc_batch *batch = NULL;
	cdbc_status status = cdbc_batch_new(f->session, &ATOMIC, &batch, err);
	bool was_sent;

	for (size_t i = 0; !status && sqls[i]; i++)
		status = cdbc_batch_add_sql(batch, sqls[i], CDBC_NO_PARAMS, err);
	if (!status) {
		f->told[0] = '\0';
		status = cdbc_batch_execute(batch, batch_on_result, f, &sum, err);
		was_sent = batch_said_count(f) > from;
		assert_int_equal(sum.done_count, was_sent ? 9 : 0);
		assert_int_equal(sum.not_sent_count, was_sent ? 0 : 9);
	}
	cdbc_batch_free(batch);
	return status;
}

static void test_out_of_memory(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	o = batch_run(f, &ATOMIC, SQLS("insert a")); /* the connection is there */
	batch_is_ok(&o);
	assert_true(oom_run(scenario, f) > 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, batch_set_up, batch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_atomic_is_one_round_trip),
		CASE(test_atomic_fails_at_a_statement),
		CASE(test_atomic_conflict_runs_it_again),
		CASE(test_atomic_conflict_has_limits),
		CASE(test_atomic_link_lost),
		CASE(test_atomic_lost_and_idempotent),
		CASE(test_atomic_reads_may_be_lost),
		CASE(test_atomic_not_sent),
		CASE(test_a_commit_that_is_none),
		CASE(test_a_drain_is_no_timeout),
		CASE(test_atomic_deadline),
		CASE(test_cancel),
		CASE(test_cancel_between_attempts),
		CASE(test_atomic_refuses),
		CASE(test_long_results_are_not_held),
		CASE(test_spoilt_results),
		CASE(test_a_schema_change_inside),
		CASE(test_out_of_memory),
	};

	return test_fake_begin() ? 1 : cmocka_run_group_tests_name("batch_atomic", tests, NULL, NULL);
}
