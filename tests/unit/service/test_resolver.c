// SPDX-License-Identifier: Apache-2.0
/* The commit resolver on the scripted driver: what each answer, and each want of one, comes to.
 * That the question itself is the right one is for real databases: integration/test_resolver.c. */
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define TABLE "\"public\".\"cdbc_commits\""
#define CHECK "INSERT INTO " TABLE " AS old (token, writer) SELECT*"
#define ASK   "INSERT INTO " TABLE " AS old (token, writer) VALUES*"
#define PUT   "INSERT INTO " TABLE " (token*"
#define SWEEP "DELETE FROM " TABLE "*"

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	int calls, resolved;
	int64_t tries;
	char text[32];
} fixture;

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;

	f->resolved++;
	f->tries = event->attempt;
	snprintf(f->text, sizeof f->text, "%s", event->text);
	assert_non_null(event->error);
	assert_int_equal(cdbc_error_outcome(event->error), CDBC_OUTCOME_UNKNOWN);
}

static void open_client(fixture *f, const char *enabled, const char *timeout)
{
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = CDBC_EVENT_RESOLVED,
							  .on_event = on_event,
							  .self = f};
	cdbc_config_item items[] = {{"pool.max_size", "1"},
								{"pool.min_size", "0"},
								{"retry.lost_first", "1ms"},
								{"retry.lost_max", "1ms"},
								{"resolver.enabled", enabled},
								{"resolver.timeout", timeout},
								{"pool.max_opens_per_second", "0"}};

	test_client_open("fake:resolver", items, sizeof items / sizeof *items, TEST_OBSERVED(&observer),
					 &f->client, &f->session);
}

static void answer(fixture *f, const char *sql)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql});
}

/* What the table has to say when it is asked. */
static void answer_ask(fixture *f, int64_t times, const char *writer)
{
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = ASK, .times = times, .columns = "writer text", .rows = writer});
}

static void answer_error(fixture *f, const char *sql, int64_t times, cdbc_status status,
						 const char *sqlstate)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql,
												 .times = times,
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = status,
														   .message = "no",
														   .sqlstate = sqlstate}});
}

static void answer_lost(fixture *f, const char *sql, int64_t times)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql,
												 .times = times,
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_SENT});
}

static int set_up(void **state)
{
	static fixture f;

	memset(&f, 0, sizeof f);
	f.server = fake_server_new("resolver");
	fake_server_identify(f.server, "PostgreSQL", "15", "postgresql", -1);
	fake_server_answer(f.server, &(fake_answer){.sql = CHECK, .columns = "writer text"});
	fake_server_answer(f.server, &(fake_answer){.sql = "BEGIN*", .tx_after = FAKE_TX_OPEN});
	answer(&f, "put");
	open_client(&f, "true", "2s");
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	return 0;
}

/* What the server was sent, our own statements by one word each. */
static const char *said(const fixture *f, size_t from)
{
	static const struct {
		const char *sql, *word;
	} words[] = {{CHECK, "check"}, {ASK, "ask"}, {PUT, "token"}, {SWEEP, "sweep"}};
	static char text[4096];
	const char *sql;

	text[0] = '\0';
	for (size_t i = from; (sql = fake_server_sql(f->server, i, NULL)); i++) {
		for (size_t w = 0; w < sizeof words / sizeof *words; w++)
			if (strncmp(sql, words[w].sql, strlen(words[w].sql) - 1) == 0)
				sql = words[w].word;
		if (i > from)
			strcat(text, " | ");
		strncat(text, sql, 100);
	}
	return text;
}

static cdbc_status put(cdbc_session *session, void *data, cdbc_error **err)
{
	fixture *f = data;
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(session, "put", CDBC_NO_PARAMS, NULL, &result, err);

	f->calls++;
	if (!status)
		cdbc_result_free(result);
	return status;
}

static cdbc_status transact(fixture *f, cdbc_error **err)
{
	return cdbc_session_transact(f->session, put, f, NULL, err);
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

/* The error is looked at once the call is over. */
#define is_ok(call, err)                                                          \
	do {                                                                          \
		if (call)                                                                 \
			fail_msg("%s", err ? cdbc_error_message(err) : "no error was given"); \
	} while (0)

/* ---- nothing goes wrong ---- */

static void test_the_token_goes_with_the_commit(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	int64_t submits;

	answer(f, PUT);
	is_ok(transact(f, &err), err);
	submits = fake_server_counts(f->server).submits;
	is_ok(transact(f, &err), err);
	assert_string_equal(said(f, 0),
						"check | BEGIN | put | token | COMMIT | BEGIN | put | token | COMMIT");
	assert_int_equal(fake_server_counts(f->server).submits - submits, 2); /* put, commit */
	assert_int_equal(f->resolved, 0);
}

static void test_it_is_off_unless_asked_for(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	options.resolve = CDBC_RESOLVE_OFF;
	is_ok(cdbc_session_transact(f->session, put, f, &options, &err), err);
	options.resolve = CDBC_RESOLVE_DEFAULT;
	options.is_read_only = true; /* leaves nothing that could be lost */
	is_ok(cdbc_session_begin(f->session, &options, &err), err);
	is_ok(put(f->session, f, &err), err);
	is_ok(cdbc_session_commit(f->session, &err), err);
	assert_string_equal(said(f, 0), "BEGIN | put | COMMIT | BEGIN READ ONLY | put | COMMIT");
	cdbc_session_release(f->session);
	cdbc_client_close(f->client, 5000);
	open_client(f, "false", "2s");
	is_ok(transact(f, &err), err);
	answer(f, PUT);
	options.is_read_only = false;
	options.resolve = CDBC_RESOLVE_ON;
	is_ok(cdbc_session_transact(f->session, put, f, &options, &err), err);
	assert_string_equal(said(f, 6), "BEGIN | put | COMMIT | check | BEGIN | put | token | COMMIT");
}

/* A program compiled before there was the option. */
static void test_options_that_are_shorter(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	answer(f, PUT);
	options.struct_size = offsetof(cdbc_transaction_options, resolve);
	options.resolve = CDBC_RESOLVE_OFF; /* not its own any more */
	is_ok(cdbc_session_transact(f->session, put, f, &options, &err), err);
	assert_string_equal(said(f, 0), "check | BEGIN | put | token | COMMIT");
}

static void test_the_table_is_missing(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	fake_server_forget(f->server);
	answer_error(f, CHECK, 0, CDBC_SQL, "42P01");
	assert_int_equal(transact(f, &err), CDBC_SQL);
	assert_non_null(strstr(cdbc_error_message(err), "begin: commit resolver: "));
	assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_HINT), "cdbc_commits"));
	is_error(err, CDBC_SQL, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 0);
	assert_string_equal(said(f, 0), "check");
}

static void test_no_right_to_the_table(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	fake_server_forget(f->server);
	answer_error(f, CHECK, 0, CDBC_DENIED, "42501");
	assert_int_equal(transact(f, &err), CDBC_DENIED);
	assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_HINT), "cdbc_commits"));
	is_error(err, CDBC_DENIED, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	assert_string_equal(said(f, 0), "check");
}

/* The token's own failure keeps the commit from being said. */
static void test_the_token_is_refused(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer_error(f, PUT, 1, CDBC_DENIED, "42501");
	answer_error(f, PUT, 1, CDBC_CONFLICT, "40001");
	answer(f, PUT);
	assert_int_equal(transact(f, &err), CDBC_DENIED);
	is_error(err, CDBC_DENIED, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(f->calls, 1);
	is_ok(transact(f, &err), err);
	assert_int_equal(f->calls, 3);
	assert_int_equal(f->resolved, 0);
}

/* ---- the commit is not answered ---- */

static void test_it_was_committed(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	int64_t first, second;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	answer_ask(f, 0, "transaction");
	is_ok(transact(f, &err), err);
	assert_int_equal(f->calls, 1);
	assert_string_equal(said(f, 0), "check | BEGIN | put | token | COMMIT | ask");
	assert_string_equal(f->text, "committed");
	fake_server_sql(f->server, 4, &first);
	fake_server_sql(f->server, 5, &second);
	assert_true(first != second);
}

/* It may have been lost together with the token's answer. */
static void test_it_was_lost_with_the_token(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer_lost(f, PUT, 1);
	answer_ask(f, 0, "transaction");
	is_ok(transact(f, &err), err);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->resolved, 1);
}

static void test_it_was_rolled_back(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	answer_ask(f, 0, "resolver");
	is_ok(transact(f, &err), err); /* run again */
	assert_int_equal(f->calls, 2);
	assert_string_equal(f->text, "rolled-back");
	assert_string_equal(
		said(f, 0), "check | BEGIN | put | token | COMMIT | ask | BEGIN | put | token | COMMIT");
}

static void test_by_hand(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 2);
	answer_ask(f, 1, "resolver");
	answer_ask(f, 1, "transaction");
	is_ok(cdbc_session_begin(f->session, NULL, &err), err);
	is_ok(put(f->session, f, &err), err);
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_CONNECT);
	assert_non_null(strstr(cdbc_error_message(err), "not committed"));
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	err = NULL;
	is_ok(cdbc_session_begin(f->session, NULL, &err), err);
	is_ok(put(f->session, f, &err), err);
	is_ok(cdbc_session_commit(f->session, &err), err);
	assert_int_equal(f->resolved, 2);
}

static void test_an_ambiguous_commit(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, PUT);
	fake_server_answer(f->server, &(fake_answer){.sql = "COMMIT",
												 .times = 1,
												 .tx_after = FAKE_TX_IDLE,
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = CDBC_SQL,
														   .message = "result is ambiguous",
														   .sqlstate = "40003"}});
	answer_ask(f, 0, "transaction");
	is_ok(transact(f, &err), err);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->resolved, 1);
}

static void test_the_restart_savepoint_is_the_commit(void **state)
{
	fixture *f = *state;
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	fake_server_forget(f->server);
	fake_server_identify(f->server, "CockroachDB", "v22.1", "cockroachdb", 1);
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "SELECT current_database()", .columns = "a text", .rows = "bank"});
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT INTO \"bank\".\"public\"."
														"\"cdbc_commits\" AS old (token, writer) "
														"SELECT*",
												 .columns = "writer text"});
	answer(f, "put");
	answer(f, "INSERT INTO \"bank\".\"public\".\"cdbc_commits\" (token*");
	answer_lost(f, "RELEASE SAVEPOINT cockroach_restart", 1);
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT INTO \"bank\".\"public\"."
														"\"cdbc_commits\" AS old (token, writer) "
														"VALUES*",
												 .columns = "writer text",
												 .rows = "transaction"});
	options.restart_savepoint = true;
	is_ok(cdbc_session_transact(f->session, put, f, &options, &err), err);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->resolved, 1);
}

/* ---- the question is not answered either ---- */

static void test_the_question_is_lost_again_and_again(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	answer_lost(f, ASK, 2);
	answer_error(f, ASK, 1, CDBC_CONFLICT, "40001");
	answer_error(f, ASK, 1, CDBC_SQL, "40003");
	answer_error(f, ASK, 1, CDBC_SQL, "25006"); /* a standby: the next may be none */
	answer_ask(f, 0, "transaction");
	is_ok(transact(f, &err), err);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->tries, 6);
}

/* Its row was read, but not its end: then it may not have been kept, and proves nothing. */
static void test_the_answer_is_believed_at_its_end_only(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	fake_server_answer(f->server, &(fake_answer){.sql = ASK,
												 .times = 1,
												 .columns = "writer text",
												 .rows = "resolver",
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_ROWS_TAKEN});
	answer_ask(f, 0, "transaction");
	is_ok(transact(f, &err), err);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->tries, 2);
}

static void test_nobody_answers(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	char token[64];

	cdbc_session_release(f->session);
	cdbc_client_close(f->client, 5000);
	open_client(f, "true", "500ms");
	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	answer_lost(f, ASK, 0);
	assert_int_equal(transact(f, &err), CDBC_CONNECT);
	assert_int_equal(f->calls, 1);
	assert_non_null(cdbc_error_field(err, CDBC_FIELD_TOKEN));
	snprintf(token, sizeof token, "%s", cdbc_error_field(err, CDBC_FIELD_TOKEN));
	assert_int_equal(strlen(token), 36);
	assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_HINT), token));
	assert_non_null(strstr(cdbc_error_message(err), "outcome not found"));
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_string_equal(f->text, "unknown");
	assert_true(f->tries > 1);
}

/* A transaction in flight makes the question wait, until its own time is over. */
static void test_it_waits_for_a_transaction_in_flight(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = ASK, .times = 1, .gate = "in flight", .gate_at = CDBC_POSITION_SENT});
	answer_ask(f, 0, "transaction");
	is_ok(transact(f, &err), err);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->tries, 2);
}

static void test_no_right_to_ask(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	answer_error(f, ASK, 0, CDBC_DENIED, "42501");
	assert_int_equal(transact(f, &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_int_equal(f->tries, 1);
}

/* That no row is there says nothing once it may have been swept. */
static void test_a_token_that_grew_old_while_asked_for(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_outcome outcome;
	struct timespec now;
	char token[40];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(token, sizeof token, "00000000-0000-8000-8000-%012llx",
			 (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000 -
				 12 * 3600 * 1000 + 5); /* half of resolver.keep, but for 5 ms */
	answer_error(f, ASK, 3, CDBC_CONFLICT, "40001");
	answer_ask(f, 0, "resolver");
	assert_int_equal(cdbc_session_resolve(f->session, token, &outcome, &err), CDBC_DATA);
	assert_non_null(strstr(cdbc_error_message(err), "too old"));
	cdbc_error_free(err);
}

static void *cancel(void *data)
{
	fixture *f = data;

	assert_true(fake_server_wait(f->server, "in flight", 1));
	assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
	return NULL;
}

static void test_the_caller_gives_up(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	pthread_t thread;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	fake_server_answer(
		f->server, &(fake_answer){.sql = ASK, .gate = "in flight", .gate_at = CDBC_POSITION_SENT});
	assert_int_equal(pthread_create(&thread, NULL, cancel, f), 0);
	assert_int_equal(transact(f, &err), CDBC_CONNECT);
	pthread_join(thread, NULL);
	assert_non_null(cdbc_error_field(err, CDBC_FIELD_TOKEN));
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_int_equal(f->tries, 1);
}

static void test_a_table_that_says_something_else(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	answer_ask(f, 0, "somebody");
	assert_int_equal(transact(f, &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
}

/* ---- old tokens ---- */

static void test_old_tokens_are_swept(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	const char *sql, *last = "";
	size_t sweeps = 0;

	answer(f, PUT);
	answer_error(f, SWEEP, 1, CDBC_DENIED, "42501"); /* which is nobody's failure */
	answer(f, SWEEP);
	for (int i = 0; i < 2000; i++)
		is_ok(transact(f, &err), err);
	for (size_t i = 0; (sql = fake_server_sql(f->server, i, NULL)); i++)
		if (strncmp(sql, SWEEP, strlen(SWEEP) - 1) == 0) {
			sweeps++;
			last = sql;
		}
	assert_int_equal(sweeps, 2);
	assert_non_null(strstr(last, "interval '86400 seconds'"));
	assert_non_null(strstr(last, "LIMIT 2000"));
}

/* ---- a statement alone ---- */

static cdbc_status alone(fixture *f, const char *sql, int64_t batch_rows, cdbc_result **out,
						 cdbc_error **err)
{
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;

	options.resolve = CDBC_RESOLVE_ON;
	options.batch_rows = batch_rows;
	return cdbc_session_query(f->session, sql, CDBC_NO_PARAMS, &options, out, err);
}

static void test_a_write_with_its_token(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	answer(f, PUT);
	fake_server_answer(f->server, &(fake_answer){.sql = "insert a", .affected = 3});
	is_ok(alone(f, "insert a", 0, &result, &err), err);
	assert_int_equal(cdbc_result_affected_count(result), 3);
	cdbc_result_free(result);
	assert_string_equal(said(f, 0), "check | BEGIN | token | insert a | COMMIT");
	assert_int_equal(fake_server_counts(f->server).submits, 2);
	/* in a transaction it is that one's commit which counts */
	is_ok(cdbc_session_begin(f->session, NULL, &err), err);
	is_ok(alone(f, "insert a", 0, &result, &err), err);
	cdbc_result_free(result);
	is_ok(cdbc_session_commit(f->session, &err), err);
	assert_string_equal(said(f, 5), "BEGIN | insert a | token | COMMIT");
}

static void test_a_write_that_was_committed(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	answer_ask(f, 0, "transaction");
	fake_server_answer(f->server, &(fake_answer){.sql = "insert a", .affected = 3});
	is_ok(alone(f, "insert a", 0, &result, &err), err);
	assert_int_equal(cdbc_result_affected_count(result), 3);
	assert_true(cdbc_result_is_complete(result));
	assert_false(cdbc_result_next(result, NULL));
	cdbc_result_free(result);
	assert_int_equal(f->resolved, 1);
	answer(f, "put");
	is_ok(put(f->session, f, &err), err); /* the session is of use */
}

/* Nothing is heard of the statement: its count is lost, and no success can be told. */
static void test_a_write_whose_result_is_lost(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	answer(f, PUT);
	answer_lost(f, "insert a", 1);
	answer_lost(f, "COMMIT", 1);
	answer_ask(f, 0, "transaction");
	assert_int_equal(alone(f, "insert a", 0, &result, &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO);
	/* rows that nobody has seen the end of */
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "insert b returning id", .columns = "id int8", .rows = "1;2"});
	err = NULL;
	assert_int_equal(alone(f, "insert b returning id", 0, &result, &err), CDBC_CONNECT);
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO);
	assert_int_equal(f->resolved, 2);
}

static void test_a_write_that_was_rolled_back(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	answer(f, PUT);
	answer_lost(f, "COMMIT", 1);
	answer_ask(f, 0, "resolver");
	fake_server_answer(f->server, &(fake_answer){.sql = "insert a", .affected = 3});
	is_ok(alone(f, "insert a", 0, &result, &err), err);
	cdbc_result_free(result);
	assert_string_equal(said(f, 0), "check | BEGIN | token | insert a | COMMIT | ask | "
									"BEGIN | token | insert a | COMMIT");
}

static void test_a_write_with_rows(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;
	int rows = 0;

	answer(f, PUT);
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "insert b returning id", .columns = "id int8", .rows = "1;2;3"});
	for (int64_t batch_rows = 0; batch_rows < 4; batch_rows++) {
		is_ok(alone(f, "insert b returning id", batch_rows, &result, &err), err);
		while (cdbc_result_next(result, NULL))
			assert_int_equal(cdbc_result_int64(result, 0), rows++ % 3 + 1);
		assert_true(cdbc_result_is_complete(result));
		cdbc_result_free(result);
	}
	assert_int_equal(rows, 12);
	is_ok(alone(f, "insert b returning id", 1, &result, &err), err);
	cdbc_result_free(result); /* with rows read ahead */
	/* of several batches the first is out before the end is known */
	answer_lost(f, "COMMIT", 1);
	is_ok(alone(f, "insert b returning id", 1, &result, &err), err);
	while (cdbc_result_next(result, &err))
		;
	assert_non_null(cdbc_error_field(err, CDBC_FIELD_TOKEN));
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	cdbc_result_free(result);
}

static void test_a_write_that_nobody_answers(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	answer(f, PUT);
	answer(f, "insert a");
	answer_lost(f, "COMMIT", 1);
	answer_error(f, ASK, 0, CDBC_DENIED, "42501");
	assert_int_equal(alone(f, "insert a", 0, &result, &err), CDBC_CONNECT);
	assert_non_null(cdbc_error_field(err, CDBC_FIELD_TOKEN));
	is_error(err, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
}

static void test_what_takes_no_token(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	answer(f, PUT);
	fake_server_answer(f->server,
					   &(fake_answer){.sql = "select 1", .columns = "a int8", .rows = "1"});
	is_ok(alone(f, "select 1", 0, &result, &err), err);
	cdbc_result_free(result);
	assert_string_equal(said(f, 0), "select 1");
	assert_int_equal(alone(f, "create table a (b int)", 0, &result, &err), CDBC_UNSUPPORTED);
	is_error(err, CDBC_UNSUPPORTED, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_the_token_goes_with_the_commit),
		CASE(test_it_is_off_unless_asked_for),
		CASE(test_options_that_are_shorter),
		CASE(test_the_table_is_missing),
		CASE(test_the_token_is_refused),
		CASE(test_it_was_committed),
		CASE(test_it_was_lost_with_the_token),
		CASE(test_it_was_rolled_back),
		CASE(test_by_hand),
		CASE(test_an_ambiguous_commit),
		CASE(test_the_restart_savepoint_is_the_commit),
		CASE(test_the_question_is_lost_again_and_again),
		CASE(test_the_answer_is_believed_at_its_end_only),
		CASE(test_nobody_answers),
		CASE(test_it_waits_for_a_transaction_in_flight),
		CASE(test_no_right_to_ask),
		CASE(test_no_right_to_the_table),
		CASE(test_a_token_that_grew_old_while_asked_for),
		CASE(test_the_caller_gives_up),
		CASE(test_a_table_that_says_something_else),
		CASE(test_old_tokens_are_swept),
		CASE(test_a_write_with_its_token),
		CASE(test_a_write_that_was_committed),
		CASE(test_a_write_whose_result_is_lost),
		CASE(test_a_write_that_was_rolled_back),
		CASE(test_a_write_with_rows),
		CASE(test_a_write_that_nobody_answers),
		CASE(test_what_takes_no_token),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
