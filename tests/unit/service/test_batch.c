// SPDX-License-Identifier: Apache-2.0
/* Batches on the scripted driver: what goes together, what a failure at each place means, what is
 * sent again and what is told. */
#include "support/fake_driver.h"
#include "support/oom.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define QUERIES "-- name: mark :exec\n-- param: a int8\nupdate mark set a=:a;\n"

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	char file[40];
	int starts, ends, attempts, requests, request_failures;
	char told[1024]; /* what on_result heard: "0:1 rows; 1 failed 23505; " */
	int64_t stop_at; /* on_result wants no more after this index; -1: all */
} fixture;

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;

	f->starts += event->kind == CDBC_EVENT_TRANSACTION_START;
	f->ends += event->kind == CDBC_EVENT_TRANSACTION_END;
	f->attempts += event->kind == CDBC_EVENT_ATTEMPT;
	if (event->kind == CDBC_EVENT_REQUEST_END) {
		f->requests++;
		f->request_failures += event->error != NULL;
	}
}

static cdbc_status pass_on(void *self, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err)
{
	(void)self;
	return cdbc_next_run(next, call, out, err);
}

static cdbc_status allow_all_but_drop(void *self, cdbc_call *call, cdbc_error **err)
{
	(void)self;
	return strstr(cdbc_call_sql(call), "forbidden")
			   ? cdbc_call_fail(call, CDBC_DENIED, "not this one", err)
			   : CDBC_OK;
}

static int set_up_with(void **state, const cdbc_strategy *link)
{
	static fixture f;
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = CDBC_EVENT_ATTEMPT | CDBC_EVENT_TRANSACTION_START |
										CDBC_EVENT_TRANSACTION_END | CDBC_EVENT_REQUEST_END,
							  .on_event = on_event,
							  .self = &f};
	cdbc_config_item items[] = {{"pool.max_size", "1"},        {"pool.min_size", "0"},
								{"retry.conflict_max", "1ms"}, {"retry.lost_first", "1ms"},
								{"retry.lost_max", "1ms"},     {"queries.folders", f.file}};
	const char *const no_environment[] = {NULL};
	cdbc_config *config = NULL;
	cdbc_error *err = NULL;
	int fd;

	memset(&f, 0, sizeof f);
	f.stop_at = -1;
	strcpy(f.file, "/tmp/cdbc-batch-XXXXXX.sql");
	fd = mkstemps(f.file, 4);
	assert_true(fd >= 0 && write(fd, QUERIES, strlen(QUERIES)) == (ssize_t)strlen(QUERIES));
	close(fd);
	f.server = fake_server_new("batch");
	from.url = "fake:batch";
	from.items = items;
	from.item_count = sizeof items / sizeof *items;
	from.environ_list = no_environment;
	options.observers = &observer;
	options.observer_count = 1;
	options.strategies = link;
	options.strategy_count = link ? 1 : 0;
	if (cdbc_config_load(&from, &config, &err) ||
		cdbc_client_open(config, &options, &f.client, &err) ||
		cdbc_client_acquire(f.client, NULL, &f.session, &err))
		fail_msg("%s", cdbc_error_message(err));
	cdbc_config_free(config);
	*state = &f;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, NULL);
}

/* A link that lets every batch pass, but for one statement. */
static int set_up_allowing(void **state)
{
	cdbc_strategy link = {.struct_size = sizeof link,
						  .name = "asks",
						  .execute = pass_on,
						  .allow = allow_all_but_drop};

	return set_up_with(state, &link);
}

/* A link that knows of no batches. */
static int set_up_singly(void **state)
{
	cdbc_strategy link = {.struct_size = sizeof link, .name = "old", .execute = pass_on};

	return set_up_with(state, &link);
}

static int tear_down(void **state)
{
	fixture *f = *state;

	cdbc_session_release(f->session);
	cdbc_client_close(f->client, 5000);
	assert_int_equal(fake_server_counts(f->server).live, 0);
	fake_server_free(f->server);
	unlink(f->file);
	return 0;
}

/* ---- the script, and what came of it ---- */

static const char *said(const fixture *f, size_t from)
{
	static char text[8192];
	const char *sql;

	text[0] = '\0';
	for (size_t i = from; (sql = fake_server_sql(f->server, i, NULL)); i++) {
		if (i > from)
			strcat(text, " | ");
		strncat(text, sql, 200);
	}
	return text;
}

static size_t said_count(const fixture *f)
{
	return (size_t)fake_server_counts(f->server).requests;
}

static void answer(fixture *f, const char *sql)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql, .affected = 1});
}

static void answer_rows(fixture *f, const char *sql, const char *rows)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql, .columns = "n int8", .rows = rows});
}

static void answer_error(fixture *f, const char *sql, int64_t times, cdbc_status status,
						 const char *sqlstate)
{
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = sql,
					   .times = times,
					   .error = {.status = status, .message = "it fails", .sqlstate = sqlstate}});
}

static void answer_lost(fixture *f, const char *sql, int64_t times, cdbc_position at)
{
	fake_server_answer(
		f->server, &(fake_answer){.sql = sql, .times = times, .loses_link = true, .lost_at = at});
}

static bool on_result(void *data, int64_t index, cdbc_result *result, const cdbc_error *error)
{
	fixture *f = data;
	size_t length = strlen(f->told);
	char *end = f->told + length;
	size_t room = sizeof f->told - length;
	int64_t rows = 0;

	if (error) {
		snprintf(end, room, "%lld failed %s; ", (long long)index, cdbc_error_sqlstate(error));
		return true;
	}
	while (cdbc_result_next(result, NULL))
		rows++;
	if (!cdbc_result_is_complete(result))
		snprintf(end, room, "%lld broke; ", (long long)index);
	else
		snprintf(end, room, "%lld:%lld,%lld; ", (long long)index, (long long)rows,
				 (long long)cdbc_result_affected_count(result));
	return index != f->stop_at;
}

static cdbc_batch *batch_of(fixture *f, const cdbc_batch_options *options, const char *const *sqls)
{
	cdbc_batch *batch = NULL;
	cdbc_error *err = NULL;

	if (cdbc_batch_new(f->session, options, &batch, &err))
		fail_msg("%s", cdbc_error_message(err));
	for (; *sqls; sqls++)
		if (cdbc_batch_add_sql(batch, *sqls, CDBC_NO_PARAMS, &err))
			fail_msg("%s: %s", *sqls, cdbc_error_message(err));
	return batch;
}

#define SQLS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const cdbc_batch_options ATOMIC = {
	sizeof ATOMIC, NULL, true, CDBC_BATCH_STOP, NULL, false, 0, 0, 0};
static const cdbc_batch_options CONTINUE = {
	sizeof CONTINUE, NULL, false, CDBC_BATCH_CONTINUE, NULL, false, 0, 0, 0};

/* Runs them; what was said since and what was told are compared. */
typedef struct outcome {
	cdbc_status status;
	cdbc_error *err;
	cdbc_batch_summary sum;
} outcome;

static outcome run(fixture *f, const cdbc_batch_options *options, const char *const *sqls)
{
	outcome o = {.sum = CDBC_BATCH_SUMMARY_INIT};
	cdbc_batch *batch = batch_of(f, options, sqls);

	f->told[0] = '\0';
	o.status = cdbc_batch_execute(batch, on_result, f, &o.sum, &o.err);
	assert_int_equal(o.sum.statement_count, o.sum.done_count + o.sum.failed_count +
												o.sum.undone_count + o.sum.unknown_count +
												o.sum.not_sent_count);
	cdbc_batch_free(batch);
	return o;
}

static void assert_counts(const outcome *o, int64_t done, int64_t failed, int64_t undone,
						  int64_t unknown, int64_t not_sent)
{
	const cdbc_batch_summary *s = &o->sum;

	if (s->done_count != done || s->failed_count != failed || s->undone_count != undone ||
		s->unknown_count != unknown || s->not_sent_count != not_sent)
		fail_msg("done %lld, failed %lld, undone %lld, unknown %lld, not sent %lld: %s",
				 (long long)s->done_count, (long long)s->failed_count, (long long)s->undone_count,
				 (long long)s->unknown_count, (long long)s->not_sent_count,
				 o->err ? cdbc_error_message(o->err) : "");
}

static void is_ok(const outcome *o)
{
	if (o->status)
		fail_msg("%s", cdbc_error_message(o->err));
}

static void is_error(outcome *o, cdbc_status status, cdbc_outcome became, cdbc_replay replay)
{
	assert_non_null(o->err);
	if (o->status != status || cdbc_error_status(o->err) != status ||
		cdbc_error_outcome(o->err) != became || cdbc_error_replay(o->err) != replay)
		fail_msg("%s: %s, %s, %s", cdbc_error_message(o->err),
				 cdbc_status_name(cdbc_error_status(o->err)),
				 cdbc_outcome_name(cdbc_error_outcome(o->err)),
				 cdbc_replay_name(cdbc_error_replay(o->err)));
	cdbc_error_free(o->err);
	o->err = NULL;
}

/* ---- atomic ---- */

static void test_atomic_is_one_round_trip(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = ATOMIC;
	cdbc_transaction_options tx = CDBC_TRANSACTION_OPTIONS_INIT;
	outcome o;

	tx.isolation = CDBC_ISOLATION_SERIALIZABLE;
	options.transaction = &tx;
	answer(f, "insert a");
	answer_rows(f, "select b", "1;2");
	o = run(f, &options, SQLS("insert a", "select b", "insert a"));
	is_ok(&o);
	assert_string_equal(said(f, 0), "BEGIN ISOLATION LEVEL SERIALIZABLE | insert a | select b | "
									"insert a | COMMIT");
	assert_int_equal(fake_server_counts(f->server).submits, 1);
	assert_string_equal(f->told, "0:0,1; 1:2,-1; 2:0,1; ");
	assert_counts(&o, 3, 0, 0, 0, 0);
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

	answer(f, "insert a");
	answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	o = run(f, &ATOMIC, SQLS("insert a", "insert bad", "insert a"));
	assert_non_null(strstr(cdbc_error_message(o.err), "statement 2 of 3"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(f->told, "1 failed 23505; "); /* nothing of what was undone */
	assert_counts(&o, 0, 1, 2, 0, 0);
	assert_int_equal(f->request_failures, 1);
	/* the connection is clean again */
	answer_rows(f, "select b", "1");
	o = run(f, &ATOMIC, SQLS("insert a", "select b"));
	is_ok(&o);
}

static void test_atomic_conflict_runs_it_again(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	answer_error(f, "insert b", 2, CDBC_CONFLICT, "40001");
	answer(f, "insert b");
	o = run(f, &ATOMIC, SQLS("insert a", "insert b"));
	is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:0,1; "); /* once */
	assert_int_equal(o.sum.attempt_count, 3);
	assert_int_equal(f->attempts, 2);
	assert_int_equal(f->starts, 1);
	/* of the commit too */
	answer_error(f, "COMMIT", 1, CDBC_CONFLICT, "40001");
	o = run(f, &ATOMIC, SQLS("insert a", "insert b"));
	is_ok(&o);
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
	answer(f, "insert a");
	answer_error(f, "insert b", 0, CDBC_CONFLICT, "40001");
	o = run(f, &options, SQLS("insert a", "insert b"));
	is_error(&o, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
	assert_int_equal(o.sum.attempt_count, 1);
	assert_counts(&o, 0, 1, 1, 0, 0);
}

static void test_atomic_link_lost(void **state)
{
	fixture *f = *state;
	outcome o;

	/* nobody knows how far it came */
	answer(f, "insert a");
	answer_lost(f, "insert b", 1, CDBC_POSITION_SENT);
	o = run(f, &ATOMIC, SQLS("insert a", "insert b"));
	is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_counts(&o, 0, 0, 0, 2, 0);
	assert_string_equal(f->told, "1 failed ; ");
	/* a commit that was not answered: never again */
	answer(f, "insert b");
	answer_lost(f, "COMMIT", 1, CDBC_POSITION_SENT);
	o = run(f, &ATOMIC, SQLS("insert a", "insert b"));
	is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_counts(&o, 0, 0, 0, 2, 0);
	assert_string_equal(f->told, "");
	assert_int_equal(f->attempts, 0);
}

static void test_atomic_lost_and_idempotent(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = ATOMIC;
	outcome o;

	options.is_idempotent = true;
	answer(f, "insert a");
	answer_lost(f, "COMMIT", 1, CDBC_POSITION_SENT);
	o = run(f, &options, SQLS("insert a", "insert a"));
	is_ok(&o);
	assert_int_equal(o.sum.attempt_count, 2);
	assert_string_equal(f->told, "0:0,1; 1:0,1; ");
}

static void test_atomic_reads_may_be_lost(void **state)
{
	fixture *f = *state;
	outcome o;

	answer_lost(f, "select b", 1, CDBC_POSITION_SENT);
	answer_rows(f, "select b", "1");
	o = run(f, &ATOMIC, SQLS("select b", "select b"));
	is_ok(&o);
	assert_int_equal(o.sum.attempt_count, 2);
}

static void test_atomic_not_sent(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	answer_lost(f, "BEGIN", 1, CDBC_POSITION_NOT_FLUSHED);
	o = run(f, &ATOMIC, SQLS("insert a", "insert a"));
	is_ok(&o);
	assert_int_equal(o.sum.attempt_count, 2);
	fake_server_cut(f->server);
	fake_server_fail_opens(f->server, -1, NULL);
}

static void test_a_commit_that_is_none(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	answer_error(f, "COMMIT", 1, CDBC_SQL, "40000");
	o = run(f, &ATOMIC, SQLS("insert a", "insert a"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_counts(&o, 0, 0, 2, 0, 0);
	assert_string_equal(f->told, "");
	answer_error(f, "COMMIT", 1, CDBC_SQL, "40003");
	o = run(f, &ATOMIC, SQLS("insert a", "insert a"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_counts(&o, 0, 0, 0, 2, 0);
}

/* A drain: the statement is stopped, and then the session. */
static void test_a_drain_is_no_timeout(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	fake_server_answer(f->server, &(fake_answer){.sql = "insert b",
												 .times = 1,
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_SENT,
												 .error = {.status = CDBC_CONNECT,
														   .message = "shutting down",
														   .sqlstate = "57P01"}});
	o = run(f, &ATOMIC, SQLS("insert a", "insert b"));
	is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
}

static void test_atomic_deadline(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = ATOMIC;
	outcome o;

	options.timeout_ms = 30;
	answer(f, "insert a");
	fake_server_answer(f->server, &(fake_answer){.sql = "insert slow",
												 .times = 1,
												 .gate = "slow",
												 .gate_at = CDBC_POSITION_SENT});
	o = run(f, &options, SQLS("insert a", "insert slow"));
	assert_int_equal(o.status, CDBC_TIMEOUT);
	assert_int_equal(cdbc_error_replay(o.err), CDBC_REPLAY_NO);
	cdbc_error_free(o.err);
	o = run(f, &ATOMIC, SQLS("insert a", "insert a"));
	is_ok(&o);
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

	answer(f, "insert a");
	for (size_t i = 0; i < 3; i++) {
		fake_server_hold(f->server, "gate");
		fake_server_answer(f->server, &(fake_answer){.sql = "insert slow",
													 .times = 1,
													 .gate = "gate",
													 .gate_at = CDBC_POSITION_SENT});
		pthread_create(&thread, NULL, cancel_at_gate, f);
		o = run(f, both[i], SQLS("insert a", "insert slow"));
		pthread_join(thread, NULL);
		assert_int_equal(o.status, CDBC_CANCELLED);
		assert_int_equal(cdbc_error_outcome(o.err), CDBC_OUTCOME_ROLLED_BACK);
		assert_int_equal(cdbc_error_replay(o.err), CDBC_REPLAY_NO);
		cdbc_error_free(o.err);
		assert_int_equal(o.sum.done_count, both[i] == &CONTINUE);
	}
	o = run(f, &ATOMIC, SQLS("insert a", "insert a"));
	is_ok(&o);
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
	/* not inside another */
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, NULL, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	cdbc_batch_free(batch);
}

static void test_long_results_are_not_held(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select long", .columns = "n int8", .rows = "7", .repeat = 3000000});
	o = run(f, &ATOMIC, SQLS("insert a", "select long", "insert a"));
	is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:3000000,-1; 2:0,1; ");
	/* what was told is not run again */
	answer_error(f, "COMMIT", 1, CDBC_CONFLICT, "40001");
	o = run(f, &ATOMIC, SQLS("insert a", "select long", "insert a"));
	is_error(&o, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
	assert_int_equal(o.sum.attempt_count, 1);
	assert_counts(&o, 0, 0, 3, 0, 0);
}

/* ---- stop at the first failure ---- */

static void test_groups(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	outcome o;

	options.chunk_count = 2;
	answer(f, "insert a");
	answer(f, "create t");
	o = run(f, &options, SQLS("insert a", "insert a", "insert a", "create t", "insert a"));
	is_ok(&o);
	assert_string_equal(said(f, 0),
						"BEGIN | insert a | insert a | COMMIT | insert a | create t | insert a");
	assert_string_equal(f->told, "0:0,1; 1:0,1; 2:0,1; 3:0,1; 4:0,1; ");
	assert_counts(&o, 5, 0, 0, 0, 0);
	assert_int_equal(f->requests, 5);
}

static void test_stop_keeps_what_was_before(void **state)
{
	fixture *f = *state;
	size_t from;
	outcome o;

	answer(f, "insert a");
	answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	o = run(f, NULL, SQLS("insert a", "insert a", "insert bad", "insert a"));
	assert_non_null(strstr(cdbc_error_message(o.err), "statement 3 of 4"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(said(f, 0),
						"BEGIN | insert a | insert a | insert bad | insert a | COMMIT | ROLLBACK | "
						"BEGIN | insert a | insert a | COMMIT");
	assert_string_equal(f->told, "0:0,1; 1:0,1; 2 failed 23505; ");
	assert_counts(&o, 2, 1, 0, 0, 1);
	/* the first of all */
	from = said_count(f);
	o = run(f, NULL, SQLS("insert bad", "insert a"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(said(f, from), "BEGIN | insert bad | insert a | COMMIT | ROLLBACK");
	assert_counts(&o, 0, 1, 0, 0, 1);
}

/* A constraint that is checked at the commit: each by itself shows whose fault it is. */
static void test_stop_when_the_commit_fails(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	answer_error(f, "COMMIT", 1, CDBC_SQL, "23503");
	o = run(f, NULL, SQLS("insert a", "insert a"));
	is_ok(&o);
	assert_counts(&o, 2, 0, 0, 0, 0);
	assert_string_equal(f->told, "0:0,1; 1:0,1; ");
}

static void test_stop_and_lost(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	outcome o;

	options.chunk_count = 2;
	answer(f, "insert a");
	answer_lost(f, "insert b", 1, CDBC_POSITION_SENT);
	o = run(f, &options, SQLS("insert a", "insert a", "insert a", "insert b", "insert a"));
	is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_counts(&o, 2, 0, 0, 2, 1);
}

static void test_stop_with_a_text_transaction(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	o = run(f, NULL, SQLS("begin", "insert a", "insert a", "commit", "insert a", "insert a"));
	is_ok(&o);
	assert_string_equal(
		said(f, 0), "begin | insert a | insert a | commit | BEGIN | insert a | insert a | COMMIT");
}

/* ---- go on ---- */

static void test_continue(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CONTINUE;
	outcome o;

	options.chunk_count = 3;
	answer(f, "insert a");
	answer_rows(f, "select b", "1;2;3");
	answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	o = run(f, &options, SQLS("insert a", "insert bad", "select b", "insert bad", "insert a"));
	assert_non_null(strstr(cdbc_error_message(o.err), "statement 2 of 5"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(f->told, "0:0,1; 1 failed 23505; 2:3,-1; 3 failed 23505; 4:0,1; ");
	assert_counts(&o, 3, 2, 0, 0, 0);
	assert_int_equal(fake_server_counts(f->server).submits, 2);
	assert_int_equal(f->requests, 5);
	assert_int_equal(f->request_failures, 2);
	/* a conflict is not repeated, and says that it may be */
	answer_error(f, "insert c", 1, CDBC_CONFLICT, "40001");
	o = run(f, &CONTINUE, SQLS("insert c", "insert bad"));
	is_error(&o, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
	assert_counts(&o, 0, 2, 0, 0, 0);
}

static void test_continue_and_lost(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CONTINUE;
	outcome o;

	options.chunk_count = 4;
	answer(f, "insert a");
	answer_rows(f, "select b", "1");
	answer_lost(f, "insert lost", 1, CDBC_POSITION_SENT);
	o = run(f, &options,
			SQLS("insert a", "insert lost", "insert a", "select b", "insert a", "insert a"));
	is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	/* the read had no effect, whatever became of it */
	assert_counts(&o, 1, 1, 0, 2, 2);
	assert_string_equal(f->told, "0:0,1; 1 failed ; 2 failed ; 3 failed ; ");
	o = run(f, &options, SQLS("insert a", "insert a"));
	is_ok(&o);
}

static void test_continue_rows_then_failure(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select broken",
					   .columns = "n int8",
					   .rows = "1;2;3",
					   .error_after_rows = 2,
					   .error = {.status = CDBC_SQL, .message = "late", .sqlstate = "22012"}});
	o = run(f, &CONTINUE, SQLS("insert a", "select broken", "insert a"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(f->told, "0:0,1; 1 broke; 1 failed 22012; 2:0,1; ");
	assert_counts(&o, 2, 1, 0, 0, 0);
}

static void test_no_connection(void **state)
{
	fixture *f = *state;
	const cdbc_batch_options *all[] = {&ATOMIC, &CONTINUE, NULL};
	outcome o;

	fake_server_fail_opens(f->server, -1, NULL);
	for (size_t i = 0; i < 3; i++) {
		o = run(f, all[i], SQLS("insert a", "insert a"));
		assert_int_equal(cdbc_error_outcome(o.err), CDBC_OUTCOME_NOT_SENT);
		cdbc_error_free(o.err);
		assert_counts(&o, 0, 0, 0, 0, 2);
		assert_string_equal(f->told, "");
	}
}

/* ---- whoever listens wants no more ---- */

static void test_listener_stops(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CONTINUE;
	outcome o;

	options.chunk_count = 2;
	f->stop_at = 1;
	answer(f, "insert a");
	o = run(f, &options, SQLS("insert a", "insert a", "insert a", "insert a"));
	is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:0,1; ");
	assert_counts(&o, 2, 0, 0, 0, 2);
}

static bool use_session(void *data, int64_t index, cdbc_result *result, const cdbc_error *error)
{
	fixture *f = data;
	cdbc_result *other;

	(void)index, (void)result, (void)error;
	assert_int_equal(cdbc_session_query(f->session, "select b", CDBC_NO_PARAMS, NULL, &other, NULL),
					 CDBC_USAGE);
	return true;
}

static void test_listener_may_not_use_the_session(void **state)
{
	fixture *f = *state;
	const cdbc_batch_options *all[] = {&ATOMIC, &CONTINUE, NULL};

	answer(f, "insert a");
	for (size_t i = 0; i < 3; i++) {
		cdbc_batch *batch = batch_of(f, all[i], SQLS("insert a", "insert a"));

		assert_int_equal(cdbc_batch_execute(batch, use_session, f, NULL, NULL), CDBC_OK);
		cdbc_batch_free(batch);
	}
}

/* ---- in an open transaction ---- */

static void test_inside(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	answer_rows(f, "select b", "1;2");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	o = run(f, NULL, SQLS("insert a", "select b", "insert a"));
	is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:2,-1; 2:0,1; ");
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_string_equal(said(f, 0), "BEGIN | insert a | select b | insert a | COMMIT");
	assert_int_equal(fake_server_counts(f->server).submits, 3);
}

static void test_inside_fails(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	outcome o;

	answer(f, "insert a");
	answer_error(f, "insert bad", 0, CDBC_CONFLICT, "40001");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	o = run(f, &CONTINUE, SQLS("insert a", "insert bad", "insert a"));
	assert_int_equal(cdbc_error_outcome(o.err), CDBC_OUTCOME_ROLLED_BACK);
	assert_string_equal(f->told, "0:0,1; 1 failed 40001; ");
	cdbc_error_free(o.err);
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_CONFLICT);
	assert_non_null(strstr(cdbc_error_message(err), "commit refused"));
	cdbc_error_free(err);
}

static void test_inside_lost(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	outcome o;

	answer(f, "insert a");
	answer_lost(f, "insert lost", 1, CDBC_POSITION_SENT);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	o = run(f, NULL, SQLS("insert a", "insert lost"));
	is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	/* the transaction is gone, and nothing of it goes elsewhere */
	assert_int_equal(
		cdbc_session_query(f->session, "insert a", CDBC_NO_PARAMS, NULL, &result, NULL),
		CDBC_CONNECT);
	o = run(f, NULL, SQLS("insert a", "insert a"));
	assert_int_equal(o.status, CDBC_CONNECT);
	cdbc_error_free(o.err);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	o = run(f, NULL, SQLS("insert a", "insert a"));
	is_ok(&o);
}

/* ---- what is added ---- */

static void test_values_are_copied(void **state)
{
	fixture *f = *state;
	cdbc_batch *batch = batch_of(f, NULL, SQLS("insert a"));
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
	char text[] = "seven";
	cdbc_value items[2] = {cdbc_string(text), cdbc_null()};
	cdbc_error *err = NULL;

	answer(f, "insert a");
	answer(f, "update mark*");
	answer_rows(f, "select $1", "$1");
	assert_int_equal(cdbc_batch_add(batch, "mark", CDBC_PARAMS({"a", cdbc_int64(7)}), NULL),
					 CDBC_OK);
	assert_int_equal(cdbc_batch_add_sql(batch, "insert a -- :l",
										CDBC_PARAMS({NULL, cdbc_array(items, 2)}), &err),
					 CDBC_PARAM);
	cdbc_error_free(err);
	memset(text, 'x', sizeof text - 1);
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, &sum, NULL), CDBC_OK);
	assert_int_equal(sum.done_count, 2);
	/* again, and after a clear */
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, &sum, NULL), CDBC_OK);
	cdbc_batch_clear(batch);
	assert_int_equal(cdbc_batch_count(batch), 0);
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, &sum, NULL), CDBC_OK);
	assert_int_equal(sum.statement_count, 0);
	cdbc_batch_free(batch);
}

static void test_full(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	cdbc_error *err = NULL;
	cdbc_batch *batch;
	int64_t count = 0;

	options.max_bytes = 4096;
	batch = batch_of(f, &options, SQLS("insert a"));
	while (!cdbc_batch_add_sql(batch, "insert a", CDBC_NO_PARAMS, &err))
		assert_true(++count < 1000);
	assert_int_equal(cdbc_error_status(err), CDBC_RESOURCE);
	cdbc_error_free(err);
	answer(f, "insert a");
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, NULL, NULL), CDBC_OK);
	cdbc_batch_clear(batch);
	assert_int_equal(cdbc_batch_add_sql(batch, "insert a", CDBC_NO_PARAMS, NULL), CDBC_OK);
	cdbc_batch_free(batch);
}

static void test_files(void **state)
{
	fixture *f = *state;
	char path[] = "/tmp/cdbc-batch-file-XXXXXX";
	int fd = mkstemp(path);
	static const char good[] = "insert a;\n-- why\n  insert bad;\n", open_quote[] = "insert a; 'x";
	cdbc_batch *batch = batch_of(f, NULL, SQLS("insert a"));
	char place[80];
	cdbc_error *err = NULL;

	answer(f, "insert a");
	answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	assert_int_equal(write(fd, good, sizeof good - 1), sizeof good - 1);
	assert_int_equal(cdbc_batch_add_file(batch, path, NULL), CDBC_OK);
	assert_int_equal(cdbc_batch_count(batch), 3);
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, NULL, &err), CDBC_SQL);
	snprintf(place, sizeof place, "%s:3:3: ", path);
	if (strncmp(cdbc_error_message(err), place, strlen(place)) != 0)
		fail_msg("%s", cdbc_error_message(err));
	cdbc_error_free(err);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, open_quote, sizeof open_quote - 1, 0), sizeof open_quote - 1);
	assert_int_equal(cdbc_batch_add_file(batch, path, &err), CDBC_SQL_FILE);
	cdbc_error_free(err);
	assert_int_equal(cdbc_batch_count(batch), 3); /* none of it */
	assert_int_equal(cdbc_batch_add_file(batch, "/nowhere/x.sql", NULL), CDBC_IO);
	close(fd);
	unlink(path);
	cdbc_batch_free(batch);
}

/* ---- links ---- */

static void test_links_are_asked(void **state)
{
	fixture *f = *state;
	outcome o;

	answer(f, "insert a");
	o = run(f, &ATOMIC, SQLS("insert a", "insert a"));
	is_ok(&o);
	assert_int_equal(fake_server_counts(f->server).submits, 1);
	o = run(f, &CONTINUE, SQLS("insert a", "insert forbidden"));
	is_error(&o, CDBC_DENIED, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	assert_counts(&o, 0, 0, 0, 0, 2);
	assert_int_equal(fake_server_counts(f->server).submits, 1);
}

static void test_one_by_one(void **state)
{
	fixture *f = *state;
	size_t from;
	outcome o;

	answer(f, "insert a");
	answer_rows(f, "select b", "1;2");
	answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	answer_error(f, "insert once", 1, CDBC_CONFLICT, "40001");
	answer(f, "insert once");
	o = run(f, &ATOMIC, SQLS("insert a", "select b"));
	is_ok(&o);
	assert_string_equal(said(f, 0), "BEGIN | insert a | select b | COMMIT");
	assert_string_equal(f->told, "0:0,1; 1:2,-1; ");
	assert_int_equal(fake_server_counts(f->server).submits, 4);
	o = run(f, &ATOMIC, SQLS("insert a", "insert bad", "insert a"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(f->told, "1 failed 23505; ");
	assert_counts(&o, 0, 1, 2, 0, 0);
	o = run(f, &ATOMIC, SQLS("insert a", "insert once"));
	is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:0,1; ");
	from = said_count(f);
	o = run(f, NULL, SQLS("insert a", "insert bad", "insert a"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(said(f, from), "insert a | insert bad");
	assert_counts(&o, 1, 1, 0, 0, 1);
	o = run(f, &CONTINUE, SQLS("insert a", "insert bad", "insert a"));
	is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_counts(&o, 2, 1, 0, 0, 0);
}

/* ---- out of memory ---- */

typedef struct oom_case {
	fixture *f;
	const cdbc_batch_options *options;
} oom_case;

static cdbc_status scenario(void *data, cdbc_error **err)
{
	const oom_case *c = data;
	cdbc_batch *batch = NULL;
	cdbc_status status = cdbc_batch_new(c->f->session, c->options, &batch, err);

	for (int i = 0; !status && i < 3; i++)
		status = cdbc_batch_add_sql(batch, i == 1 ? "select b" : "insert a", CDBC_NO_PARAMS, err);
	if (!status)
		status = cdbc_batch_add(batch, "mark", CDBC_PARAMS({"a", cdbc_string("7")}), err);
	c->f->told[0] = '\0';
	if (!status)
		status = cdbc_batch_execute(batch, on_result, c->f, NULL, err);
	cdbc_batch_free(batch);
	return status;
}

static void test_out_of_memory(void **state)
{
	fixture *f = *state;
	const cdbc_batch_options *all[] = {&ATOMIC, &CONTINUE, NULL};
	outcome o;

	answer(f, "insert a");
	answer(f, "update mark*");
	answer_rows(f, "select b", "1;2");
	o = run(f, NULL, SQLS("insert a", "select b")); /* the connection is there */
	is_ok(&o);
	for (size_t i = 0; i < 3; i++)
		assert_true(oom_run(scenario, &(oom_case){f, all[i]}) > 5);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		CASE(test_atomic_refuses),
		CASE(test_long_results_are_not_held),
		CASE(test_groups),
		CASE(test_stop_keeps_what_was_before),
		CASE(test_stop_when_the_commit_fails),
		CASE(test_stop_and_lost),
		CASE(test_stop_with_a_text_transaction),
		CASE(test_continue),
		CASE(test_continue_and_lost),
		CASE(test_continue_rows_then_failure),
		CASE(test_no_connection),
		CASE(test_listener_stops),
		CASE(test_listener_may_not_use_the_session),
		CASE(test_inside),
		CASE(test_inside_fails),
		CASE(test_inside_lost),
		CASE(test_values_are_copied),
		CASE(test_full),
		CASE(test_files),
		cmocka_unit_test_setup_teardown(test_links_are_asked, set_up_allowing, tear_down),
		cmocka_unit_test_setup_teardown(test_one_by_one, set_up_singly, tear_down),
		CASE(test_out_of_memory),
	};
	cdbc_error *err = NULL;

	if (cdbc_driver_add(&fake_driver, &err)) {
		fprintf(stderr, "%s\n", cdbc_error_message(err));
		return 1;
	}
	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
