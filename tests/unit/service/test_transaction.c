// SPDX-License-Identifier: Apache-2.0
/* Transactions on the scripted driver: by hand, with savepoints, and as a function that is run
 * again; and what may not be committed, repeated or moved. */
#include "base/clock.h"
#include "support/oom.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define QUERIES                                        \
	"-- name: peek :one\n-- read-only\nselect peek;\n" \
	"-- name: mark :exec\n-- isolation: serializable\nupdate mark set a=1;\n"

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	char file[40];
	int starts, ends, attempts, failures;
	int calls;       /* of the function of a transaction */
	char said[80];   /* by the last transaction that failed */
	cdbc_status own; /* what fail_of_ones_own fails with */
} fixture;

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;

	if (event->kind == CDBC_EVENT_TRANSACTION_START) {
		f->starts++;
	} else if (event->kind == CDBC_EVENT_TRANSACTION_END) {
		f->ends++;
		f->failures += event->error != NULL;
		if (event->error)
			snprintf(f->said, sizeof f->said, "%s", cdbc_error_message(event->error));
	} else {
		f->attempts++;
		assert_non_null(event->error);
	}
}

static int set_up(void **state)
{
	static fixture f;
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = CDBC_EVENT_ATTEMPT | CDBC_EVENT_TRANSACTION_START |
										CDBC_EVENT_TRANSACTION_END,
							  .on_event = on_event,
							  .self = &f};
	cdbc_config_item items[] = {{"pool.max_size", "1"},
								{"pool.min_size", "0"},
								{"retry.conflict_max", "1ms"},
								{"retry.lost_first", "1ms"},
								{"retry.lost_max", "1ms"},
								{"queries.folders", f.file},
								{"transaction.idle_timeout", "1h"}};

	memset(&f, 0, sizeof f);
	strcpy(f.file, "/tmp/cdbc-transaction-XXXXXX.sql");
	test_sql_file(f.file, QUERIES);
	f.server = fake_server_new("transaction");
	fake_server_answer(f.server, &(fake_answer){.sql = "ROLLBACK TO*"});
	fake_server_answer(f.server, &(fake_answer){.sql = "BEGIN*", .tx_after = FAKE_TX_OPEN});
	test_client_open("fake:transaction", items, sizeof items / sizeof *items,
					 TEST_OBSERVED(&observer), &f.client, &f.session);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	unlink(f->file);
	return 0;
}

static void ok(fixture *f, const char *sql)
{
	cdbc_error *err = NULL;

	if (test_execute(f->session, sql, &err))
		fail_msg("%s: %s", sql, cdbc_error_message(err));
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

static void answer(fixture *f, const char *sql)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql});
}

static void answer_error(fixture *f, const char *sql, int64_t times, cdbc_status status,
						 const char *sqlstate)
{
	fake_server_answer(
		f->server, &(fake_answer){.sql = sql,
								  .times = times,
								  .tx_after = strcmp(sql, "COMMIT") ? FAKE_TX_USUAL : FAKE_TX_IDLE,
								  .error = {.struct_size = sizeof(cdbc_error_info),
											.status = status,
											.message = "no",
											.sqlstate = sqlstate}});
}

static void answer_lost(fixture *f, const char *sql)
{
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = sql, .times = 1, .loses_link = true, .lost_at = CDBC_POSITION_SENT});
}

/* ---- by hand ---- */

static void test_begin_and_commit(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, "put");
	assert_int_equal(cdbc_session_transaction_depth(f->session), 0);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_transaction_depth(f->session), 1);
	assert_int_equal(cdbc_session_begin(f->session, NULL, &err), CDBC_USAGE);
	cdbc_error_free(err);
	ok(f, "put");
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_transaction_depth(f->session), 0);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_USAGE);
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN | put | COMMIT");
}

/* BEGIN goes with the first request, whatever that is. */
static void test_begin_goes_with_the_first(void **state)
{
	fixture *f = *state;
	int64_t before;

	answer(f, "put");
	answer(f, "put; put");
	answer(f, "set a = 1");
	ok(f, "put"); /* connected */
	before = fake_server_counts(f->server).submits;
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(fake_server_counts(f->server).submits - before, 0);
	ok(f, "put");
	ok(f, "put");
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_int_equal(fake_server_counts(f->server).submits - before, 3);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	ok(f, "put; put"); /* a script cannot take it along */
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 1),
						"BEGIN | put | put | COMMIT | BEGIN | put; put | COMMIT | "
						"BEGIN | SAVEPOINT cdbc_1 | ROLLBACK");
}

static void test_nothing_is_done(void **state)
{
	fixture *f = *state;

	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	cdbc_session_release(f->session);
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_transaction_depth(f->session), 0);
	assert_string_equal(test_fake_said(f->server, 0), "");
}

/* When it is refused, the statements behind it must not run by themselves. */
static void test_a_begin_that_is_refused(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	fake_server_forget(f->server);
	answer(f, "put");
	answer_error(f, "BEGIN", 1, CDBC_SQL, "22023");
	answer(f, "BEGIN");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(test_execute(f->session, "put", &err), CDBC_SQL);
	assert_non_null(strstr(cdbc_error_message(err), "begin: "));
	is_error(err, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(test_execute(f->session, "put", &err), CDBC_CONNECT);
	assert_non_null(strstr(cdbc_error_message(err), "could not begin"));
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_CONNECT);
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_SQL);
	is_error(err, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | put"); /* which the server has skipped */
	ok(f, "put");
}

/* The same before a savepoint. */
static void test_a_begin_that_is_refused_alone(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	fake_server_forget(f->server);
	answer(f, "put");
	answer_error(f, "BEGIN", 1, CDBC_SQL, "22023");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_SQL);
	assert_int_equal(test_execute(f->session, "put", &err), CDBC_CONNECT);
	cdbc_error_free(err);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN");
}

static void test_the_first_is_refused(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer_error(f, "put", 1, CDBC_SQL, "23505");
	answer(f, "put");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_USAGE);
	assert_int_equal(test_execute(f->session, "put", &err), CDBC_SQL);
	assert_null(strstr(cdbc_error_message(err), "begin: "));
	is_error(err, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN | put | ROLLBACK");
}

/* A write that had no answer is in the transaction, and so it is undone. */
static void test_lost_with_the_first(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer_lost(f, "put");
	answer(f, "put");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(test_execute(f->session, "put", &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_int_equal(test_execute(f->session, "put", &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN | put");
}

static void test_options(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	options.isolation = CDBC_ISOLATION_SNAPSHOT;
	options.priority = CDBC_PRIORITY_HIGH;
	options.is_read_only = true;
	answer(f, "select get");
	assert_int_equal(cdbc_session_begin(f->session, &options, NULL), CDBC_OK);
	ok(f, "select get");
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY | select "
						"get | ROLLBACK");
	options.as_of = "'-1s'";
	assert_int_equal(cdbc_session_begin(f->session, &options, &err), CDBC_UNSUPPORTED);
	cdbc_error_free(err);
	assert_int_equal(cdbc_session_transaction_depth(f->session), 0);
}

static void test_an_overlooked_failure_is_not_committed(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer_error(f, "put", 0, CDBC_SQL, "23505");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(test_execute(f->session, "put", NULL), CDBC_SQL);
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_SQL);
	assert_non_null(strstr(cdbc_error_message(err), "commit refused"));
	is_error(err, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN | put | ROLLBACK");
	answer(f, "get");
	ok(f, "get"); /* the session is of use again */
}

/* What was refused before it was sent is missing all the same: half of the work is no work. */
static void test_what_was_not_sent_is_not_overlooked(void **state)
{
	static const struct {
		const char *sql;
		cdbc_status status;
	} cases[] = {{"select :a", CDBC_PARAM}, {"select 'a", CDBC_SQL_FILE}, {"commit", CDBC_USAGE}};
	fixture *f = *state;
	cdbc_result *open = NULL, *result;
	cdbc_batch *batch;
	cdbc_error *err = NULL;

	answer(f, "put");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
		ok(f, "put");
		assert_int_equal(test_execute(f->session, cases[i].sql, NULL), cases[i].status);
		assert_int_equal(cdbc_session_commit(f->session, &err), cases[i].status);
		is_error(err, cases[i].status, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		assert_string_equal(test_fake_said(f->server, 3 * i), "BEGIN | put | ROLLBACK");
	}
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_run(f->session, "nobody", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_NOT_FOUND);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_NOT_FOUND);
	/* a result that is still open keeps the next statement out, and a batch, and a function */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(cdbc_batch_new(f->session, NULL, &batch, NULL), CDBC_OK);
		assert_int_equal(cdbc_batch_add_sql(batch, "put", CDBC_NO_PARAMS, NULL), CDBC_OK);
		assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
		assert_int_equal(cdbc_session_query(f->session, "put", CDBC_NO_PARAMS, NULL, &open, NULL),
						 CDBC_OK);
		if (i == 0)
			assert_int_equal(test_execute(f->session, "put", NULL), CDBC_USAGE);
		else if (i == 1)
			assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, NULL, NULL), CDBC_USAGE);
		else
			assert_int_equal(cdbc_session_transact(f->session, NULL, NULL, NULL, NULL), CDBC_USAGE);
		cdbc_result_free(open);
		cdbc_batch_free(batch);
		assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_USAGE);
	}
}

/* In a savepoint it is undone with it. */
static void test_what_was_not_sent_in_a_savepoint(void **state)
{
	fixture *f = *state;

	answer(f, "put");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	ok(f, "put");
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_OK);
	assert_int_equal(test_execute(f->session, "select :a", NULL), CDBC_PARAM);
	assert_int_equal(cdbc_session_release_savepoint(f->session, NULL), CDBC_PARAM);
	assert_int_equal(cdbc_session_rollback_savepoint(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
}

/* A statement that had no time to be sent is not left out of what is committed; nor is a commit
 * sent that could only be given up. */
static void test_the_time_is_over(void **state)
{
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_request_options request = CDBC_REQUEST_OPTIONS_INIT;
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	options.timeout_ms = 60 * 1000;
	request.timeout_ms = 1;
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "late", .gate = "late", .gate_at = CDBC_POSITION_NOT_FLUSHED});
	answer(f, "put");
	ok(f, "put");
	assert_int_equal(cdbc_session_begin(f->session, &options, NULL), CDBC_OK);
	ok(f, "put");
	assert_int_equal(
		cdbc_session_query(f->session, "late", CDBC_NO_PARAMS, &request, &result, &err),
		CDBC_TIMEOUT);
	is_error(err, CDBC_TIMEOUT, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE);
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_TIMEOUT);
	is_error(err, CDBC_TIMEOUT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	cx_clock_fake_start(cx_clock_now_ns());
	assert_int_equal(cdbc_session_begin(f->session, &options, NULL), CDBC_OK);
	ok(f, "put");
	cx_clock_fake_advance_ns(61 * CX_NS_PER_S);
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_TIMEOUT);
	cx_clock_fake_stop();
	is_error(err, CDBC_TIMEOUT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_null(strstr(test_fake_said(f->server, 0), "COMMIT"));
}

/* A commit that never left: to its transaction that is the end, and nothing of it can be sent again
 * alone. */
static void test_a_commit_that_is_not_sent(void **state)
{
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	fixture *f = *state;
	cdbc_error *err = NULL;

	options.timeout_ms = 500;
	answer(f, "put");
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "COMMIT", .gate = "late", .gate_at = CDBC_POSITION_NOT_FLUSHED});
	ok(f, "put");
	assert_int_equal(cdbc_session_begin(f->session, &options, NULL), CDBC_OK);
	ok(f, "put");
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_TIMEOUT);
	is_error(err, CDBC_TIMEOUT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_string_equal(test_fake_said(f->server, 1), "BEGIN | put | COMMIT | ROLLBACK");
}

/* CockroachDB commits before a schema change where it is told to: what follows stands alone, and
 * nobody may say that it is rolled back, nor run it again. */
static void test_a_statement_ends_it(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, "put");
	fake_server_answer(f->server, &(fake_answer){.sql = "create*", .tx_after = FAKE_TX_IDLE});
	for (int i = 0; i < 3; i++) {
		assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
		ok(f, "put");
		ok(f, "create table t (a int)");
		if (i == 0) {
			assert_int_equal(test_execute(f->session, "put", &err), CDBC_SQL);
			is_error(err, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
		}
		assert_int_equal(i < 2 ? cdbc_session_commit(f->session, &err)
							   : cdbc_session_rollback(f->session, &err),
						 CDBC_SQL);
		assert_string_equal(cdbc_error_sqlstate(err), "25P01");
		is_error(err, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
		assert_int_equal(cdbc_session_transaction_depth(f->session), 0);
		assert_string_equal(test_fake_said(f->server, 3 * (size_t)i),
							"BEGIN | put | create table t (a int)");
	}
	ok(f, "put");
}

static void test_text_does_not_end_it(void **state)
{
	fixture *f = *state;

	answer(f, "put");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_OK);
	assert_int_equal(test_execute(f->session, "commit", NULL), CDBC_USAGE);
	assert_int_equal(test_execute(f->session, "savepoint a", NULL), CDBC_USAGE);
	assert_int_equal(test_execute(f->session, "put; rollback; begin", NULL), CDBC_USAGE);
	assert_int_equal(test_execute(f->session, "commit; begin; get", NULL), CDBC_USAGE);
	assert_int_equal(test_execute(f->session, "show commit timestamp", NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_rollback_savepoint(f->session, NULL), CDBC_OK);
	ok(f, "put");
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | SAVEPOINT cdbc_1 | ROLLBACK TO SAVEPOINT cdbc_1 | "
						"RELEASE SAVEPOINT cdbc_1 | put | COMMIT");
}

static void test_a_lost_transaction_stays_lost(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer_lost(f, "put");
	answer(f, "get");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(test_execute(f->session, "put", &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	err = NULL;
	/* nothing of it goes to another connection */
	assert_int_equal(test_execute(f->session, "get", &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_CONNECT);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	ok(f, "get");
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN | put | get");
}

/* The same of one that SQL text began: its COMMIT is not told a lie by another connection. */
static void test_a_transaction_of_text_that_is_lost(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer_lost(f, "put");
	answer(f, "get");
	ok(f, "begin");
	assert_int_equal(test_execute(f->session, "put", NULL), CDBC_CONNECT);
	assert_int_equal(test_execute(f->session, "get", NULL), CDBC_CONNECT);
	assert_int_equal(test_execute(f->session, "commit", &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	ok(f, "get");
}

static void test_savepoints(void **state)
{
	fixture *f = *state;

	answer(f, "put");
	answer_error(f, "bad", 0, CDBC_SQL, "23505");
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_release_savepoint(f->session, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_transaction_depth(f->session), 3);
	ok(f, "put");
	assert_int_equal(cdbc_session_release_savepoint(f->session, NULL), CDBC_OK);
	assert_int_equal(test_execute(f->session, "bad", NULL), CDBC_SQL);
	assert_int_equal(cdbc_session_release_savepoint(f->session, NULL), CDBC_SQL);
	fake_server_answer(f->server, &(fake_answer){.sql = "x"});
	assert_int_equal(cdbc_session_rollback_savepoint(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_transaction_depth(f->session), 1);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | SAVEPOINT cdbc_1 | SAVEPOINT cdbc_2 | put | "
						"RELEASE SAVEPOINT cdbc_2 | bad | ROLLBACK TO SAVEPOINT cdbc_1 | "
						"RELEASE SAVEPOINT cdbc_1 | COMMIT");
}

/* ---- as a function ---- */

static cdbc_status put(cdbc_session *session, void *data, cdbc_error **err)
{
	fixture *f = data;

	f->calls++;
	return test_execute(session, "put", err);
}

static cdbc_status transact(fixture *f, cdbc_transaction_fn fn, cdbc_error **err)
{
	return cdbc_session_transact(f->session, fn, f, NULL, err);
}

static void test_a_conflict_runs_it_again(void **state)
{
	fixture *f = *state;

	answer_error(f, "put", 2, CDBC_CONFLICT, "40001");
	answer(f, "put");
	assert_int_equal(transact(f, put, NULL), CDBC_OK);
	assert_int_equal(f->calls, 3);
	assert_int_equal(f->attempts, 2);
	assert_int_equal(f->starts, 1);
	assert_int_equal(f->ends, 1);
	assert_int_equal(f->failures, 0);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | put | ROLLBACK | BEGIN | put | ROLLBACK | "
						"BEGIN | put | COMMIT");
}

static void test_a_conflict_at_the_commit(void **state)
{
	fixture *f = *state;

	answer(f, "put");
	answer_error(f, "COMMIT", 1, CDBC_CONFLICT, "40001");
	assert_int_equal(transact(f, put, NULL), CDBC_OK);
	assert_int_equal(f->calls, 2);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | put | COMMIT | BEGIN | put | COMMIT");
}

static void test_lost_before_the_commit(void **state)
{
	fixture *f = *state;
	int64_t first, second;

	answer_lost(f, "put");
	answer(f, "put");
	assert_int_equal(transact(f, put, NULL), CDBC_OK);
	assert_int_equal(f->calls, 2);
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN | put | BEGIN | put | COMMIT");
	fake_server_sql(f->server, 0, &first);
	fake_server_sql(f->server, 2, &second);
	assert_true(first != second);
}

static void test_a_commit_that_is_lost_is_not_repeated(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, "put");
	answer_lost(f, "COMMIT");
	assert_int_equal(transact(f, put, &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->failures, 1);
}

static void test_an_ambiguous_commit_is_not_repeated(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, "put");
	answer_error(f, "COMMIT", 0, CDBC_SQL, "40003");
	assert_int_equal(transact(f, put, &err), CDBC_SQL);
	is_error(err, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 1);
}

static cdbc_status overlook(cdbc_session *session, void *data, cdbc_error **err)
{
	(void)put(session, data, NULL);
	(void)err;
	return CDBC_OK;
}

static void test_a_function_that_overlooks_a_failure(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer_error(f, "put", 1, CDBC_CONFLICT, "40001");
	answer_error(f, "put", 0, CDBC_SQL, "23505");
	assert_int_equal(transact(f, overlook, &err), CDBC_SQL);
	is_error(err, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 2); /* the conflict, overlooked, was run again all the same */
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | put | ROLLBACK | BEGIN | put | ROLLBACK");
}

/* Releases the session that it runs on, with its last word or before. */
static cdbc_status let_go(cdbc_session *session, void *data, cdbc_error **err)
{
	(void)put(session, data, err);
	cdbc_session_release(session);
	return put(session, data, err);
}

static cdbc_status let_go_within(cdbc_session *session, void *data, cdbc_error **err)
{
	assert_int_equal(cdbc_session_transact(session, let_go, data, NULL, NULL), CDBC_USAGE);
	return put(session, data, err);
}

static void test_a_function_that_releases_its_session(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, "put");
	assert_int_equal(transact(f, let_go, &err), CDBC_USAGE);
	assert_non_null(strstr(cdbc_error_message(err), "released within its own transaction"));
	is_error(err, CDBC_USAGE, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN | put | put | ROLLBACK");
	assert_int_equal(f->calls, 2);
	/* nested it is undone alone */
	assert_int_equal(transact(f, let_go_within, NULL), CDBC_OK);
	assert_null(strstr(test_fake_said(f->server, 4), "| ROLLBACK |"));
	ok(f, "put"); /* the session is the caller's as before */
}

/* Says no after a schema change that has committed what was before it. */
static cdbc_status change_schema(cdbc_session *session, void *data, cdbc_error **err)
{
	(void)put(session, data, err);
	assert_int_equal(test_execute(session, "create table t (a int)", err), CDBC_OK);
	return CDBC_DATA;
}

static void test_a_function_whose_statement_ends_it(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, "put");
	fake_server_answer(f->server, &(fake_answer){.sql = "create*", .tx_after = FAKE_TX_IDLE});
	assert_int_equal(transact(f, change_schema, &err), CDBC_DATA);
	is_error(err, CDBC_DATA, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 1);
}

static cdbc_status refuse(cdbc_session *session, void *data, cdbc_error **err)
{
	fixture *f = data;

	(void)session;
	(void)err;
	f->calls++;
	return CDBC_DATA;
}

static void test_a_function_that_says_no(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	assert_int_equal(transact(f, refuse, &err), CDBC_DATA);
	is_error(err, CDBC_DATA, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 1);
	assert_string_equal(test_fake_said(f->server, 0),
						""); /* nothing was done that could be undone */
}

/* Does something, and fails of its own, whatever came of that. */
static cdbc_status fail_of_ones_own(cdbc_session *session, void *data, cdbc_error **err)
{
	fixture *f = data;
	cdbc_status status;

	(void)put(session, data, NULL);
	status = cdbc_error_set(err, f->own, "account %d cannot pay", 7);
	cdbc_error_set_hint(err, "wait for the %s", "salary");
	return status;
}

static void test_an_error_of_ones_own(void **state)
{
	static const cdbc_status own[] = {CDBC_DATA, CDBC_CONFLICT, CDBC_CONNECT}; /* none is retried */
	fixture *f = *state;
	cdbc_error *err;

	answer(f, "put");
	for (int i = 0; i < 3; i++) {
		f->own = own[i];
		err = NULL;
		assert_int_equal(transact(f, fail_of_ones_own, &err), own[i]);
		assert_string_equal(cdbc_error_message(err), "account 7 cannot pay");
		assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT), "wait for the salary");
		is_error(err, own[i], CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
		assert_string_equal(f->said, "account 7 cannot pay");
		assert_int_equal(f->calls, i + 1);
		assert_int_equal(f->failures, i + 1);
	}
	assert_int_equal(f->attempts, 0);
	assert_string_equal(test_fake_said(f->server, 6), "BEGIN | put | ROLLBACK");
	assert_int_equal(transact(f, fail_of_ones_own, NULL), own[2]);
}

/* It hides a conflict from the caller, not from the library. */
static void test_an_error_of_ones_own_after_a_conflict(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	answer_error(f, "put", 0, CDBC_CONFLICT, "40001");
	f->own = CDBC_DATA;
	options.name = "pay";
	options.max_retries = 1;
	assert_int_equal(cdbc_session_transact(f->session, fail_of_ones_own, f, &options, &err),
					 CDBC_DATA);
	assert_int_equal(f->calls, 2);
	assert_non_null(strstr(cdbc_error_message(err), "transaction \"pay\": attempt 2 after "));
	assert_non_null(strstr(cdbc_error_message(err), ": account 7 cannot pay"));
	is_error(err, CDBC_DATA, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
}

static cdbc_status fail_nested(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_error *inner = NULL;

	assert_int_equal(cdbc_session_transact(session, fail_of_ones_own, data, NULL, &inner),
					 CDBC_DATA);
	assert_string_equal(cdbc_error_message(inner), "account 7 cannot pay");
	is_error(inner, CDBC_DATA, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	(void)err;
	return CDBC_OK;
}

static void test_an_error_of_ones_own_in_a_savepoint(void **state)
{
	fixture *f = *state;

	answer(f, "put");
	f->own = CDBC_DATA;
	assert_int_equal(transact(f, fail_nested, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | SAVEPOINT cdbc_1 | put | ROLLBACK TO SAVEPOINT cdbc_1 | "
						"RELEASE SAVEPOINT cdbc_1 | COMMIT");
}

/* The error of what was dealt with stays behind in err; the commit's takes its place. */
static cdbc_status leave_an_error(cdbc_session *session, void *data, cdbc_error **err)
{
	(void)session;
	(void)data;
	cdbc_error_set(err, CDBC_DATA, "dealt with");
	return CDBC_OK;
}

static cdbc_status leave_errors(cdbc_session *session, void *data, cdbc_error **err)
{
	assert_int_equal(cdbc_session_transact(session, leave_an_error, data, NULL, NULL), CDBC_OK);
	assert_int_equal(put(session, data, NULL), CDBC_OK);
	return leave_an_error(session, data, err);
}

static void test_an_error_that_was_dealt_with(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, "put");
	answer_error(f, "COMMIT", 2, CDBC_SQL, "23505");
	answer(f, "COMMIT");
	for (int i = 0; i < 2; i++) {
		if (i == 1) /* what is kept from the first time on is there */
			oom_watch();
		assert_int_equal(transact(f, leave_errors, &err), CDBC_SQL);
		is_error(err, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	}
	assert_int_equal(transact(f, leave_errors, NULL), CDBC_OK);
	assert_int_equal(oom_live(), 0);
	oom_unwatch();
}

static cdbc_status end_it(cdbc_session *session, void *data, cdbc_error **err)
{
	(void)data;
	assert_int_equal(test_execute(session, "put", err), CDBC_OK);
	assert_int_equal(cdbc_session_commit(session, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_rollback(session, NULL), CDBC_USAGE);
	return CDBC_OK;
}

static void test_a_function_does_not_end_its_transaction(void **state)
{
	fixture *f = *state;

	answer(f, "put");
	assert_int_equal(transact(f, end_it, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN | put | COMMIT");
}

static void test_how_often(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	answer_error(f, "put", 0, CDBC_CONFLICT, "40001");
	options.max_retries = 3;
	options.name = "transfer";
	assert_int_equal(cdbc_session_transact(f->session, put, f, &options, &err), CDBC_CONFLICT);
	assert_non_null(strstr(cdbc_error_message(err), "transaction \"transfer\": attempt 4"));
	is_error(err, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_int_equal(f->calls, 4);
	options.max_retries = -1;
	assert_int_equal(cdbc_session_transact(f->session, put, f, &options, NULL), CDBC_CONFLICT);
	assert_int_equal(f->calls, 5);
}

static cdbc_status nest(cdbc_session *session, void *data, cdbc_error **err)
{
	return cdbc_session_transact(session, put, data, NULL, err);
}

static void test_nested(void **state)
{
	fixture *f = *state;

	answer_error(f, "put", 1, CDBC_CONFLICT, "40001");
	answer(f, "put");
	assert_int_equal(transact(f, nest, NULL), CDBC_OK);
	assert_int_equal(f->calls, 2);
	/* a conflict is the outermost one's; no savepoint can mend it */
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | SAVEPOINT cdbc_1 | put | ROLLBACK | BEGIN | "
						"SAVEPOINT cdbc_1 | put | RELEASE SAVEPOINT cdbc_1 | COMMIT");
}

/* Ends what is not its own, leaves a savepoint, and fails when data says so. */
static cdbc_status reach_out(cdbc_session *session, void *data, cdbc_error **err)
{
	const bool *fails = data;

	assert_int_equal(cdbc_session_commit(session, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_rollback(session, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_release_savepoint(session, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_rollback_savepoint(session, NULL), CDBC_USAGE);
	assert_int_equal(test_execute(session, "put", err), CDBC_OK);
	assert_int_equal(cdbc_session_savepoint(session, err), CDBC_OK);
	assert_int_equal(test_execute(session, "get", err), CDBC_OK);
	return *fails ? CDBC_DATA : CDBC_OK;
}

static void test_a_nested_function_ends_what_it_began(void **state)
{
	fixture *f = *state;
	bool fails = false;
	size_t from;

	answer(f, "put");
	answer(f, "get");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_transact(f->session, reach_out, &fails, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_transaction_depth(f->session), 1);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | SAVEPOINT cdbc_1 | put | SAVEPOINT cdbc_2 | get | "
						"RELEASE SAVEPOINT cdbc_1");
	from = 6;
	fails = true;
	assert_int_equal(cdbc_session_transact(f->session, reach_out, &fails, NULL, NULL), CDBC_DATA);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, from),
						"SAVEPOINT cdbc_1 | put | SAVEPOINT cdbc_2 | get | "
						"ROLLBACK TO SAVEPOINT cdbc_1 | RELEASE SAVEPOINT cdbc_1 | "
						"COMMIT");
}

static cdbc_status nest_and_go_on(cdbc_session *session, void *data, cdbc_error **err)
{
	assert_int_equal(cdbc_session_transact(session, put, data, NULL, NULL), CDBC_SQL);
	return test_execute(session, "get", err);
}

static void test_a_nested_failure_is_undone_alone(void **state)
{
	fixture *f = *state;

	answer_error(f, "put", 0, CDBC_SQL, "23505");
	answer(f, "get");
	assert_int_equal(transact(f, nest_and_go_on, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | SAVEPOINT cdbc_1 | put | "
						"ROLLBACK TO SAVEPOINT cdbc_1 | RELEASE SAVEPOINT cdbc_1 | "
						"get | COMMIT");
}

static void test_restart_savepoint(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;

	fake_server_identify(f->server, "CockroachDB", "v22.1", "cockroachdb", 1);
	answer_error(f, "put", 1, CDBC_CONFLICT, "40001");
	answer(f, "put");
	options.restart_savepoint = true;
	assert_int_equal(cdbc_session_transact(f->session, put, f, &options, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | SAVEPOINT cockroach_restart | put | "
						"ROLLBACK TO SAVEPOINT cockroach_restart | put | "
						"RELEASE SAVEPOINT cockroach_restart | COMMIT");
}

/* ---- a statement that is a transaction of its own ---- */

static void test_a_read_only_query_is_one_round_trip(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "select peek", .columns = "id int8", .rows = "7"});
	assert_int_equal(cdbc_session_run(f->session, "peek", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_result_int64(result, 0), 7);
	assert_false(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_is_complete(result));
	assert_string_equal(cdbc_result_tag(result), "SELECT 1");
	cdbc_result_free(result);
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN READ ONLY | select peek | COMMIT");
	assert_int_equal(fake_server_counts(f->server).submits, 1);
	/* inside another it is an ordinary statement */
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_run(f->session, "peek", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_string_equal(test_fake_said(f->server, 3), "BEGIN | select peek | COMMIT");
}

static void test_a_query_with_an_isolation(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	answer_error(f, "update mark set a=1", 1, CDBC_CONFLICT, "40001");
	fake_server_answer(f->server, &(fake_answer){.sql = "update mark set a=1", .affected = 3});
	/* the whole transaction is here, so a conflict may be met by the whole again */
	assert_int_equal(cdbc_session_run(f->session, "mark", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	assert_int_equal(cdbc_result_affected_count(result), 3);
	cdbc_result_free(result);
	assert_int_equal(f->attempts, 1);
	answer_lost(f, "COMMIT");
	assert_int_equal(cdbc_session_run(f->session, "mark", CDBC_NO_PARAMS, NULL, &result, &err),
					 CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
}

/* Its transaction was over before its COMMIT: the statement has ended it, and is in perhaps. */
static void test_a_query_that_ends_its_transaction(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "update mark set a=1", .affected = 3, .tx_after = FAKE_TX_IDLE});
	answer_error(f, "COMMIT", 1, CDBC_SQL, "25P01");
	assert_int_equal(cdbc_session_run(f->session, "mark", CDBC_NO_PARAMS, NULL, &result, &err),
					 CDBC_SQL);
	is_error(err, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
}

/* ---- idle ---- */

#define HOUR_NS (3600 * CX_NS_PER_S)

/* The client ends what has rested for longer than it may, whatever the server thinks of it. */
static void test_a_transaction_that_rests(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, "put");
	ok(f, "put"); /* connected on the true clock */
	cx_clock_fake_start(HOUR_NS);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	for (int i = 0; i < 3; i++) { /* never longer than it may */
		cx_clock_fake_advance_ns(HOUR_NS);
		ok(f, "put");
	}
	cx_clock_fake_advance_ns(HOUR_NS);
	assert_int_equal(cdbc_session_savepoint(f->session, NULL), CDBC_OK);
	cx_clock_fake_advance_ns(HOUR_NS + 1);
	assert_int_equal(test_execute(f->session, "put", &err), CDBC_TIMEOUT);
	assert_string_equal(cdbc_error_sqlstate(err), "25P03");
	is_error(err, CDBC_TIMEOUT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_string_equal(test_fake_said(f->server, 5), "SAVEPOINT cdbc_1 | ROLLBACK");
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_TIMEOUT);
	is_error(err, CDBC_TIMEOUT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_null(fake_server_sql(f->server, 7, NULL));
	ok(f, "put"); /* and the session goes on */
	cx_clock_fake_stop();
}

static void test_a_commit_that_comes_late(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, "put");
	ok(f, "put"); /* connected on the true clock */
	cx_clock_fake_start(HOUR_NS);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	ok(f, "put");
	cx_clock_fake_advance_ns(HOUR_NS + 1);
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_TIMEOUT);
	is_error(err, CDBC_TIMEOUT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	assert_string_equal(test_fake_said(f->server, 1), "BEGIN | put | ROLLBACK");
	cx_clock_fake_stop();
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_begin_and_commit),
		CASE(test_begin_goes_with_the_first),
		CASE(test_nothing_is_done),
		CASE(test_a_begin_that_is_refused),
		CASE(test_a_begin_that_is_refused_alone),
		CASE(test_the_first_is_refused),
		CASE(test_lost_with_the_first),
		CASE(test_options),
		CASE(test_an_overlooked_failure_is_not_committed),
		CASE(test_what_was_not_sent_is_not_overlooked),
		CASE(test_what_was_not_sent_in_a_savepoint),
		CASE(test_the_time_is_over),
		CASE(test_a_commit_that_is_not_sent),
		CASE(test_a_statement_ends_it),
		CASE(test_a_function_that_releases_its_session),
		CASE(test_a_function_whose_statement_ends_it),
		CASE(test_text_does_not_end_it),
		CASE(test_a_lost_transaction_stays_lost),
		CASE(test_a_transaction_of_text_that_is_lost),
		CASE(test_savepoints),
		CASE(test_a_conflict_runs_it_again),
		CASE(test_a_conflict_at_the_commit),
		CASE(test_lost_before_the_commit),
		CASE(test_a_commit_that_is_lost_is_not_repeated),
		CASE(test_an_ambiguous_commit_is_not_repeated),
		CASE(test_a_function_that_overlooks_a_failure),
		CASE(test_a_function_that_says_no),
		CASE(test_an_error_of_ones_own),
		CASE(test_an_error_of_ones_own_after_a_conflict),
		CASE(test_an_error_of_ones_own_in_a_savepoint),
		CASE(test_an_error_that_was_dealt_with),
		CASE(test_a_function_does_not_end_its_transaction),
		CASE(test_how_often),
		CASE(test_nested),
		CASE(test_a_nested_failure_is_undone_alone),
		CASE(test_a_nested_function_ends_what_it_began),
		CASE(test_restart_savepoint),
		CASE(test_a_read_only_query_is_one_round_trip),
		CASE(test_a_query_with_an_isolation),
		CASE(test_a_query_that_ends_its_transaction),
		CASE(test_a_transaction_that_rests),
		CASE(test_a_commit_that_comes_late),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
