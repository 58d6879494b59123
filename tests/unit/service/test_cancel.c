// SPDX-License-Identifier: Apache-2.0
/* Cancel from another thread, and deadlines, wherever a session may be: waiting for a connection,
 * in a statement, between two attempts, in a transaction, at its commit. On the scripted driver;
 * storms of cancels on a real server are in integration/test_cancel.c. */
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ASK "INSERT INTO \"public\".\"cdbc_commits\" AS old (token, writer)"

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session, *other;
	cdbc_status other_status;
	cdbc_outcome other_outcome;
	int calls, attempts;
} fixture;

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;

	(void)event;
	__atomic_fetch_add(&f->attempts, 1, __ATOMIC_SEQ_CST);
}

static int set_up(void **state)
{
	static fixture f;
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = CDBC_EVENT_ATTEMPT,
							  .on_event = on_event,
							  .self = &f};
	cdbc_config_item items[] = {{"pool.max_size", "1"},           {"pool.min_size", "0"},
								{"pool.acquire_timeout", "1min"}, {"retry.conflict_first", "1min"},
								{"retry.conflict_max", "10min"},  {"database.timeout", "1h"}};
	cdbc_error *err = NULL;

	memset(&f, 0, sizeof f);
	f.server = fake_server_new("cancel");
	fake_server_identify(f.server, "PostgreSQL", "15", "postgresql", -1);
	fake_server_answer(f.server, &(fake_answer){.sql = "BEGIN*", .tx_after = FAKE_TX_OPEN});
	test_client_open("fake:cancel", items, sizeof items / sizeof *items, TEST_OBSERVED(&observer),
					 &f.client, &f.session);
	if (cdbc_client_acquire(f.client, NULL, &f.other, &err))
		fail_msg("%s", cdbc_error_message(err));
	*state = &f;
	return 0;
}

/* Nothing leaks: every connection is back, and is closed with the client. */
static int tear_down(void **state)
{
	fixture *f = *state;

	cdbc_session_release(f->other);
	test_fake_close(f->server, f->client, f->session);
	return 0;
}

static void is_error(cdbc_error *err, cdbc_status status, cdbc_outcome outcome, cdbc_replay replay)
{
	assert_non_null(err);
	if (cdbc_error_status(err) != status || cdbc_error_outcome(err) != outcome ||
		cdbc_error_replay(err) != replay)
		fail_msg(
			"%s: %s, %s, %s", cdbc_error_message(err), cdbc_status_name(cdbc_error_status(err)),
			cdbc_outcome_name(cdbc_error_outcome(err)), cdbc_replay_name(cdbc_error_replay(err)));
	cdbc_error_free(err);
}

static void answer_gate(fixture *f, const char *sql)
{
	fake_server_answer(
		f->server, &(fake_answer){.sql = sql, .gate = "at work", .gate_at = CDBC_POSITION_SENT});
}

static cdbc_status put(cdbc_session *session, void *data, cdbc_error **err)
{
	fixture *f = data;

	f->calls++;
	return test_execute(session, "put", err);
}

static void *cancel_at_work(void *data)
{
	fixture *f = data;

	assert_true(fake_server_wait(f->server, "at work", 1));
	assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
	return NULL;
}

/* ---- waiting for a connection ---- */

static void *run_other(void *data)
{
	fixture *f = data;
	cdbc_error *err = NULL;

	f->other_status = cdbc_session_transact(f->other, put, f, NULL, &err);
	f->other_outcome = err ? cdbc_error_outcome(err) : CDBC_OUTCOME_COMMITTED;
	cdbc_error_free(err);
	return NULL;
}

static void test_waiting_for_a_connection(void **state)
{
	fixture *f = *state;
	cdbc_pool_stats stats = {.struct_size = sizeof stats};
	pthread_t thread;

	fake_server_answer(f->server, &(fake_answer){.sql = "put"});
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK); /* has the only one */
	assert_int_equal(pthread_create(&thread, NULL, run_other, f), 0);
	do {
		sched_yield();
		cdbc_client_pool_stats(f->client, &stats);
	} while (stats.waiting_now == 0);
	assert_int_equal(cdbc_session_cancel(f->other, NULL), CDBC_OK);
	pthread_join(thread, NULL);
	assert_int_equal(f->other_status, CDBC_CANCELLED);
	assert_int_equal(f->other_outcome, CDBC_OUTCOME_NOT_SENT);
	assert_int_equal(f->calls, 0);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	cdbc_session_release(f->session);
	f->session = NULL;
	run_other(f); /* it is of use again */
	assert_int_equal(f->other_status, CDBC_OK);
}

/* ---- in a transaction ---- */

static void test_in_a_function_it_is_not_run_again(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	pthread_t thread;

	answer_gate(f, "put");
	assert_int_equal(pthread_create(&thread, NULL, cancel_at_work, f), 0);
	assert_int_equal(cdbc_session_transact(f->session, put, f, NULL, &err), CDBC_CANCELLED);
	pthread_join(thread, NULL);
	is_error(err, CDBC_CANCELLED, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 1);
}

static cdbc_status overlook(cdbc_session *session, void *data, cdbc_error **err)
{
	(void)put(session, data, NULL);
	(void)err;
	return CDBC_OK;
}

static void test_a_function_that_overlooks_a_cancel(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	pthread_t thread;

	answer_gate(f, "put");
	assert_int_equal(pthread_create(&thread, NULL, cancel_at_work, f), 0);
	assert_int_equal(cdbc_session_transact(f->session, overlook, f, NULL, &err), CDBC_CANCELLED);
	pthread_join(thread, NULL);
	is_error(err, CDBC_CANCELLED, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 1);
}

/* ---- between attempts ---- */

/* The conflict was there first: nothing runs, and nobody waits yet. */
static cdbc_status put_and_cancel(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_status status = put(session, data, err);

	assert_int_equal(cdbc_session_cancel(session, NULL), CDBC_OK);
	return status;
}

static void test_a_cancel_just_after_a_failure(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "put",
												 .times = 1,
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = CDBC_CONFLICT,
														   .message = "no",
														   .sqlstate = "40001"}});
	fake_server_answer(f->server, &(fake_answer){.sql = "put"});
	assert_int_equal(cdbc_session_transact(f->session, put_and_cancel, f, NULL, &err),
					 CDBC_CANCELLED);
	is_error(err, CDBC_CANCELLED, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 1);
	/* it was for that transaction, not for the next one */
	assert_int_equal(cdbc_session_transact(f->session, put, f, NULL, NULL), CDBC_OK);
}

static void *cancel_between(void *data)
{
	fixture *f = data;

	/* the first retry is at once, the second waits */
	while (__atomic_load_n(&f->attempts, __ATOMIC_SEQ_CST) < 2)
		sched_yield();
	while (__atomic_load_n(&f->attempts, __ATOMIC_SEQ_CST) < 3) {
		assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
		sched_yield();
	}
	return NULL;
}

static void between(fixture *f, bool at_savepoint)
{
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;
	pthread_t thread;

	fake_server_answer(f->server, &(fake_answer){.sql = "put",
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = CDBC_CONFLICT,
														   .message = "no",
														   .sqlstate = "40001"}});
	options.restart_savepoint = at_savepoint;
	assert_int_equal(pthread_create(&thread, NULL, cancel_between, f), 0);
	assert_int_equal(cdbc_session_transact(f->session, put, f, &options, &err), CDBC_CANCELLED);
	__atomic_store_n(&f->attempts, 3, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	is_error(err, CDBC_CANCELLED, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 2);
	assert_int_equal(cdbc_session_transaction_depth(f->session), 0);
}

static void test_between_two_attempts(void **state)
{
	between(*state, false);
}

static void test_at_the_restart_savepoint(void **state)
{
	fixture *f = *state;

	fake_server_identify(f->server, "CockroachDB", "v22.1", "cockroachdb", 1);
	fake_server_answer(f->server, &(fake_answer){.sql = "ROLLBACK TO*"});
	between(f, true);
}

/* ---- deadlines ---- */

static void test_the_transactions_time_is_over_in_a_statement(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	answer_gate(f, "put");
	options.timeout_ms = 500; /* of it all; the statement's own is an hour */
	assert_int_equal(cdbc_session_transact(f->session, put, f, &options, &err), CDBC_TIMEOUT);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	cdbc_error_free(err);
	assert_int_equal(f->calls, 1);
}

/* Nobody knows what becomes of a commit that was given up. */
static void test_the_transactions_time_is_over_in_the_commit(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "put"});
	fake_server_answer(f->server, &(fake_answer){.sql = "COMMIT",
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_DONE,
												 .gate = "commit",
												 .gate_at = CDBC_POSITION_SENT});
	options.timeout_ms = 500;
	assert_int_equal(cdbc_session_transact(f->session, put, f, &options, &err), CDBC_TIMEOUT);
	is_error(err, CDBC_TIMEOUT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 1);
}

/* ... but for the resolver, which has a time of its own. */
static void test_a_commit_out_of_time_is_looked_up(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "put"});
	fake_server_answer(f->server, &(fake_answer){.sql = "COMMIT",
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_DONE,
												 .gate = "commit",
												 .gate_at = CDBC_POSITION_SENT});
	fake_server_answer(f->server, &(fake_answer){.sql = ASK " SELECT*", .columns = "writer text"});
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = ASK " VALUES*", .columns = "writer text", .rows = "transaction"});
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT INTO*"});
	options.timeout_ms = 500;
	options.resolve = CDBC_RESOLVE_ON;
	if (cdbc_session_transact(f->session, put, f, &options, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_int_equal(f->calls, 1);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_waiting_for_a_connection),
		CASE(test_in_a_function_it_is_not_run_again),
		CASE(test_a_function_that_overlooks_a_cancel),
		CASE(test_a_cancel_just_after_a_failure),
		CASE(test_between_two_attempts),
		CASE(test_at_the_restart_savepoint),
		CASE(test_the_transactions_time_is_over_in_a_statement),
		CASE(test_the_transactions_time_is_over_in_the_commit),
		CASE(test_a_commit_out_of_time_is_looked_up),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
