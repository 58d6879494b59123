// SPDX-License-Identifier: Apache-2.0
/* What the headers promise of clients, sessions and results when something is wrong: who is told
 * what, what is judged how, and what is left for the next request. */
#include "base/clock.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define QUERIES                                        \
	"-- name: the_one :one\nselect one;\n"             \
	"-- name: added <!\ninsert into t returning id;\n" \
	"-- name: put :one\ninsert one returning id;\n"    \
	"-- name: slow\nselect slow;\n"                    \
	"-- name: few\n-- max-rows: 2\nselect rows;\n"     \
	"-- name: value $\nselect value;\n"                \
	"-- name: guarded\n-- roles: teller, auditor\nselect rows;\n"

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	char file[32];
	int starts, ends, failures, destroyed;
} fixture;

static pthread_mutex_t leak_lock = PTHREAD_MUTEX_INITIALIZER; /* guards leak_text */
static pthread_cond_t leak_told = PTHREAD_COND_INITIALIZER;
static char leak_text[128];

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;

	if (event->kind == CDBC_EVENT_LEAK) {
		pthread_mutex_lock(&leak_lock);
		snprintf(leak_text, sizeof leak_text, "%s", event->text ? event->text : "nowhere");
		pthread_cond_signal(&leak_told);
		pthread_mutex_unlock(&leak_lock);
	} else if (event->kind == CDBC_EVENT_REQUEST_START) {
		f->starts++;
	} else {
		f->ends++;
		f->failures += event->error != NULL;
	}
}

static void on_destroy(void *self)
{
	((fixture *)self)->destroyed++;
}

static cdbc_status open_client(fixture *f, const char *url, const char *queries, cdbc_client **out,
							   cdbc_error **err)
{
	cdbc_observer observer = {sizeof observer,
							  "test",
							  CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END | CDBC_EVENT_LEAK,
							  on_event,
							  on_destroy,
							  f};
	cdbc_config_item items[] = {{"pool.max_size", "1"},
								{"pool.min_size", "0"},
								{"queries.folders", queries},
								{"pool.leak_warning", "20ms"},
								{"pool.acquire_timeout", "1min"},
								{"retry.enabled", "false"}}; /* each failure is to be seen */

	return test_client_try(url, items, sizeof items / sizeof *items, TEST_OBSERVED(&observer), out,
						   err);
}

static int set_up(void **state)
{
	static fixture f;
	cdbc_error *err = NULL;

	memset(&f, 0, sizeof f);
	strcpy(f.file, "/tmp/cdbc-promises-XXXXXX.sql");
	test_sql_file(f.file, QUERIES);
	f.server = fake_server_new("promises");
	if (open_client(&f, "fake:promises", f.file, &f.client, &err) ||
		cdbc_client_acquire(f.client, NULL, &f.session, &err))
		fail_msg("%s", cdbc_error_message(err));
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	assert_int_equal(f->starts, f->ends);
	assert_int_equal(f->destroyed, 1);
	unlink(f->file);
	return 0;
}

static cdbc_status run(fixture *f, const char *name, cdbc_result **result, cdbc_error **err)
{
	return cdbc_session_run(f->session, name, CDBC_NO_PARAMS, NULL, result, err);
}

static cdbc_status query(fixture *f, const char *sql, cdbc_result **result, cdbc_error **err)
{
	return cdbc_session_query(f->session, sql, CDBC_NO_PARAMS, NULL, result, err);
}

static void answer(fixture *f, const char *sql, const char *columns, const char *rows)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql, .columns = columns, .rows = rows});
}

static void check(cdbc_error *err, cdbc_status status, cdbc_outcome outcome, cdbc_replay replay)
{
	assert_non_null(err);
	if (cdbc_error_status(err) != status || cdbc_error_outcome(err) != outcome ||
		cdbc_error_replay(err) != replay)
		fail_msg(
			"%s: %s, %s, %s", cdbc_error_message(err), cdbc_status_name(cdbc_error_status(err)),
			cdbc_outcome_name(cdbc_error_outcome(err)), cdbc_replay_name(cdbc_error_replay(err)));
	cdbc_error_free(err);
}

/* ---- what a query promises ---- */

static void test_a_broken_promise_is_judged(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	answer(f, "select one", "id int8", "1;2");
	answer(f, "insert one returning id", "id int8", NULL);
	assert_int_equal(run(f, "the_one", &result, &err), CDBC_DATA);
	assert_non_null(strstr(cdbc_error_message(err), "query \"the_one\""));
	check(err, CDBC_DATA, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	/* the insert was done: nobody may be told that it was not sent */
	assert_int_equal(run(f, "put", &result, &err), CDBC_DATA);
	check(err, CDBC_DATA, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO);
	assert_int_equal(f->failures, 2);
}

static void test_max_rows_of_a_query(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	answer(f, "select rows", "id int8", "1;2;3");
	assert_int_equal(run(f, "few", &result, &err), CDBC_RESOURCE);
	check(err, CDBC_RESOURCE, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(f->failures, 1);
}

static void test_collect_beyond_its_bound(void **state)
{
	fixture *f = *state;
	cdbc_chunks chunks;
	cdbc_result *result;
	cdbc_error *err = NULL;

	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "insert *", .columns = "id int8", .rows = "1;2", .repeat = 5000});
	assert_int_equal(query(f, "insert many", &result, NULL), CDBC_OK);
	assert_int_equal(cdbc_result_collect(result, 100, &chunks, &err), CDBC_RESOURCE);
	check(err, CDBC_RESOURCE, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	err = NULL;
	assert_false(cdbc_result_next(result, &err));
	check(err, CDBC_USAGE, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	cdbc_result_free(result);
	assert_int_equal(f->failures, 1);
	cdbc_chunks_clear(NULL);
}

/* ---- failures ---- */

static void test_a_failure_is_one_though_nobody_wants_the_error(void **state)
{
	fixture *f = *state;
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result;

	assert_int_equal(query(f, "select nothing known", &result, NULL), CDBC_SQL);
	assert_int_equal(f->failures, 1);
	options.timeout_ms = 50;
	fake_server_fail_opens(f->server, -1, NULL);
	fake_server_cut(f->server);
	assert_int_not_equal(cdbc_session_query(f->session, "select nothing known", CDBC_NO_PARAMS,
											&options, &result, NULL),
						 CDBC_OK);
	assert_int_equal(f->failures, 2);
	assert_int_not_equal(cdbc_session_query(f->session, "select nothing known", CDBC_NO_PARAMS,
											&options, &result, NULL),
						 CDBC_OK);
	assert_int_equal(f->failures, 3);
	fake_server_fail_opens(f->server, 0, NULL);
}

static void test_columns_outlive_a_failure(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	struct ArrowArray batch;
	struct ArrowSchema schema;
	cdbc_error *err = NULL;
	size_t index;

	fake_server_answer(f->server, &(fake_answer){.sql = "select rows",
												 .columns = "id int8, name text",
												 .rows = "1|a",
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_ROWS_TAKEN});
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_false(cdbc_result_next(result, &err));
	check(err, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(f->ends, 1); /* told at once, not when the result is freed */
	assert_string_equal(cdbc_result_column(result, 1)->name, "name");
	assert_true(cdbc_result_find_column(result, "name", &index));
	assert_int_equal(cdbc_result_schema(result, &schema, NULL), CDBC_OK);
	schema.release(&schema);
	/* asked again, it says again that it is not at its end */
	err = NULL;
	assert_false(cdbc_result_next(result, &err));
	check(err, CDBC_USAGE, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	err = NULL;
	assert_int_equal(cdbc_result_take(result, &batch, &err), CDBC_USAGE);
	cdbc_error_free(err);
	assert_false(cdbc_result_is_complete(result));
	cdbc_result_free(result);
	assert_int_equal(f->ends, 1);
	answer(f, "select more", "id int8", "1");
	assert_int_equal(query(f, "select more", &result, NULL), CDBC_OK); /* on another connection */
	cdbc_result_free(result);
}

static void test_a_script_with_an_open_quote_does_not_begin(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "insert *", .tag = "INSERT 0 1", .affected = 1});
	assert_int_equal(cdbc_session_execute_script(f->session, "insert 1;\ninsert 'x", NULL, &err),
					 CDBC_SQL_FILE);
	assert_non_null(strstr(cdbc_error_message(err), "2:8"));
	check(err, CDBC_SQL_FILE, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	assert_null(fake_server_sql(f->server, 0, NULL));
}

/* ---- time ---- */

static void test_a_script_half_done_is_not_safe_to_run_again(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "insert *", .tag = "INSERT 0 1", .affected = 1});
	fake_server_answer(f->server, &(fake_answer){.sql = "update *",
												 .error = {.status = CDBC_CONFLICT,
														   .sqlstate = "40001",
														   .message = "again"}});
	assert_int_equal(cdbc_session_execute_script(f->session, "update 1; insert 1", NULL, &err),
					 CDBC_CONFLICT);
	check(err, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
	assert_int_equal(cdbc_session_execute_script(f->session, "insert 1; update 1", NULL, &err),
					 CDBC_CONFLICT);
	check(err, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_int_equal(cdbc_session_execute_script(f->session, "insert 1; update 1", NULL, NULL),
					 CDBC_CONFLICT);
	assert_int_equal(
		cdbc_session_execute_script(f->session, "insert 1; begin; update 1", NULL, &err),
		CDBC_CONFLICT);
	check(err, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
}

static void test_no_time_left_is_not_for_ever(void **state)
{
	fixture *f = *state;
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "select slow",
												 .columns = "id int8",
												 .gate = "slow",
												 .gate_at = CDBC_POSITION_SENT});
	options.timeout_ms = -1;
	assert_int_equal(
		cdbc_session_query(f->session, "select slow", CDBC_NO_PARAMS, &options, &result, &err),
		CDBC_TIMEOUT);
	cdbc_error_free(err);
}

static void test_the_first_named_query_has_its_own_timeout(void **state)
{
	fixture *f = *state;
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result;
	cdbc_error *err = NULL;
	int64_t began_ns = cx_clock_now_ns();

	fake_server_hold(f->server, "open");
	options.timeout_ms = 20;
	assert_int_equal(cdbc_session_run(f->session, "slow", CDBC_NO_PARAMS, &options, &result, &err),
					 CDBC_TIMEOUT);
	check(err, CDBC_TIMEOUT, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE);
	assert_true(cx_clock_now_ns() - began_ns <
				30 * CX_NS_PER_S); /* pool.acquire_timeout is a minute */
	fake_server_let(f->server, "open");
}

/* ---- settings of a session ---- */

static cdbc_session *session_with(fixture *f, const cdbc_config_item *items, size_t count)
{
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_session *session = NULL;

	options.settings = items;
	options.setting_count = count;
	cdbc_session_release(f->session);
	f->session = NULL;
	assert_int_equal(cdbc_client_acquire(f->client, &options, &session, NULL), CDBC_OK);
	f->session = session;
	return session;
}

static void test_no_request_without_its_settings(void **state)
{
	fixture *f = *state;
	cdbc_config_item items[] = {{"timezone", "UTC"}, {"a.b", "c"}};
	cdbc_result *result;
	cdbc_error *err = NULL;

	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select set_config*", .times = 1, .columns = "v text", .rows = "$2"});
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select set_config*",
					   .times = 1,
					   .error = {.status = CDBC_SQL, .sqlstate = "42704", .message = "no"}});
	fake_server_answer(
		f->server, &(fake_answer){.sql = "select set_config*", .columns = "v text", .rows = "$2"});
	answer(f, "select rows", "id int8", "1");
	session_with(f, items, 2);
	assert_int_equal(query(f, "select rows", &result, &err), CDBC_SQL);
	assert_non_null(strstr(cdbc_error_message(err), "session setting \"a.b\""));
	check(err, CDBC_SQL, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	cdbc_result_free(result);
	/* both settings came before it */
	assert_string_equal(fake_server_sql(f->server, 4, NULL), "select rows");
}

static void *cancel_it(void *data)
{
	fixture *f = data;

	assert_true(fake_server_wait(f->server, "setting", 1));
	assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
	return NULL;
}

static void test_cancelled_while_settings_are_made(void **state)
{
	fixture *f = *state;
	cdbc_config_item items[] = {{"timezone", "UTC"}};
	cdbc_result *result;
	cdbc_error *err = NULL;
	pthread_t thread;

	fake_server_answer(f->server, &(fake_answer){.sql = "select set_config*",
												 .times = 1,
												 .columns = "v text",
												 .rows = "$2",
												 .gate = "setting",
												 .gate_at = CDBC_POSITION_SENT});
	fake_server_answer(
		f->server, &(fake_answer){.sql = "select set_config*", .columns = "v text", .rows = "$2"});
	answer(f, "select rows", "id int8", "1");
	session_with(f, items, 1);
	assert_int_equal(pthread_create(&thread, NULL, cancel_it, f), 0);
	assert_int_equal(query(f, "select rows", &result, &err), CDBC_CANCELLED);
	pthread_join(thread, NULL);
	check(err, CDBC_CANCELLED, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	cdbc_result_free(result);
}

static void test_an_embedded_database_has_no_session_settings(void **state)
{
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_config_item items[] = {{"timezone", "UTC"}};
	cdbc_session *session = NULL;
	cdbc_client *client;
	cdbc_error *err = NULL;

	(void)state;
	assert_int_equal(cdbc_client_open_url("sqlite::memory:", &client, NULL), CDBC_OK);
	options.settings = items;
	options.setting_count = 1;
	assert_int_equal(cdbc_client_acquire(client, &options, &session, &err), CDBC_UNSUPPORTED);
	assert_non_null(cdbc_error_field(err, CDBC_FIELD_HINT));
	cdbc_error_free(err);
	assert_null(session);
	cdbc_client_close(client, 1000);
}

/* ---- connections ---- */

static void test_a_leak_is_told_with_its_place(void **state)
{
	fixture *f = *state;
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	char here[] = CDBC_HERE;
	struct timespec until;

	cdbc_session_release(f->session);
	f->session = NULL;
	options.connect_now = true;
	leak_text[0] = '\0';
	assert_int_equal(cdbc_client_acquire(f->client, &options, &f->session, NULL), CDBC_OK);
	pthread_mutex_lock(&leak_lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	while (!leak_text[0] && pthread_cond_timedwait(&leak_told, &leak_lock, &until) == 0)
		;
	pthread_mutex_unlock(&leak_lock);
	*strrchr(here, ':') = '\0';
	assert_memory_equal(leak_text, here, strlen(here));
}

static void test_each_connection_is_of_one_kind(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	answer(f, "select rows", "id int8", "1");
	fake_server_identify(f->server, "PostgreSQL", "15", "postgresql", -1);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	cdbc_result_free(result);
	fake_server_cut(f->server);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_CONNECT);
	fake_server_identify(f->server, "CockroachDB", "v22", "cockroachdb", 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(query(f, "select rows", &result, &err), CDBC_CONFIG);
		check(err, CDBC_CONFIG, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	}
}

static void *cancel_slow(void *data)
{
	fixture *f = data;

	assert_true(fake_server_wait(f->server, "slow", 1));
	assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
	return NULL;
}

/* A link that is lost with a cancel on it is found out at the next request, and only there. */
static void test_lost_while_a_cancel_is_settled(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;
	pthread_t thread;

	fake_server_answer(f->server, &(fake_answer){.sql = "select slow",
												 .columns = "id int8",
												 .gate = "slow",
												 .gate_at = CDBC_POSITION_SENT});
	answer(f, "select rows", "id int8", "1");
	assert_int_equal(pthread_create(&thread, NULL, cancel_slow, f), 0);
	assert_int_equal(query(f, "select slow", &result, NULL), CDBC_CANCELLED);
	pthread_join(thread, NULL);
	fake_server_fail_pings(f->server, 1, NULL);
	assert_int_equal(query(f, "select rows", &result, &err), CDBC_CONNECT);
	check(err, CDBC_CONNECT, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	cdbc_result_free(result);
}

static void test_a_closed_client_lets_transactions_end(void **state)
{
	fixture *f = *state;
	cdbc_session *session;
	cdbc_client *client;
	cdbc_result *result;
	cdbc_error *err = NULL;

	answer(f, "select rows", "id int8", "1");
	assert_int_equal(open_client(f, "fake:promises", f->file, &client, NULL), CDBC_OK);
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_query(session, "begin", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
	cdbc_client_close(client, 0);
	assert_int_equal(
		cdbc_session_query(session, "select rows", CDBC_NO_PARAMS, NULL, &result, NULL), CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(cdbc_session_query(session, "commit", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(
		cdbc_session_query(session, "select rows", CDBC_NO_PARAMS, NULL, &result, &err),
		CDBC_CLOSED);
	check(err, CDBC_CLOSED, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	cdbc_session_release(session);
	f->destroyed = 0; /* the other client's */
}

static void test_observers_of_a_client_that_does_not_open(void **state)
{
	fixture *f = *state;
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;

	assert_int_not_equal(open_client(f, "fake:promises", "/nonexistent/folder", &client, &err),
						 CDBC_OK);
	assert_null(client);
	cdbc_error_free(err);
	err = NULL;
	assert_int_not_equal(open_client(f, "nobody:x", f->file, &client, &err), CDBC_OK);
	cdbc_error_free(err);
	assert_int_equal(f->destroyed, 0);
}

/* ---- values ---- */

static void test_whole_numbers_keep_their_digits(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	answer(f, "select rows", "a numeric(38,0), b text, c numeric(10,2), d text, e text",
		   "9007199254740993|-9223372036854775807|12.60|99999999999999999999|x");
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_int64(result, 0) == INT64_C(9007199254740993));
	assert_true(cdbc_result_int64(result, 1) == -INT64_C(9223372036854775807));
	assert_int_equal(cdbc_result_int64(result, 2), 13);
	assert_true(cdbc_result_int64(result, 3) == INT64_MAX);
	assert_int_equal(cdbc_result_int64(result, 4), 0);
	assert_int_equal(cdbc_result_int64(result, 5), 0);
	assert_true(cdbc_result_double(result, 2) == 12.6);
	assert_true(cdbc_result_is_null(result, 5));
	assert_int_equal(cdbc_result_text(result, 5).length, 0);
	assert_false(cdbc_result_bool(result, 99));
	cdbc_result_free(result);
}

/* On this thread only: helpers go on. */
static _Thread_local bool is_short;

static void *alloc_or_not(size_t size)
{
	return is_short ? NULL : malloc(size);
}

static void *realloc_or_not(void *old, size_t size)
{
	return is_short ? NULL : realloc(old, size);
}

static void test_a_text_that_was_not_printed_is_no_empty_one(void **state)
{
	fixture *f = *state;
	cdbc_param row[1];
	cdbc_result *result;
	cdbc_error *err = NULL;
	cdbc_status status;
	cdbc_text text;

	answer(f, "select rows", "a int8", "12;13");
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	is_short = true;
	text = cdbc_result_text(result, 0);
	is_short = false;
	assert_int_equal(text.length, 0);
	status = cdbc_result_row(result, row, &err);
	assert_int_equal(status, CDBC_NOMEM);
	cdbc_error_free(err);
	assert_true(cdbc_result_next(result, NULL));
	err = NULL;
	assert_false(cdbc_result_next(result, &err));
	assert_int_equal(cdbc_error_status(err), CDBC_NOMEM);
	cdbc_error_free(err);
	assert_false(cdbc_result_is_complete(result));
	cdbc_result_free(result);
}

static cdbc_status to_buffer(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	char *text = self;

	(void)err;
	strncat(text, bytes, length);
	return CDBC_OK;
}

/* A batch that rows were taken from leaves with an offset: whoever prints it must see that. */
static void test_formats_after_rows_were_taken(void **state)
{
	static const struct {
		const char *format, *text;
	} rows[] = {{"csv", "id,name\n2,b\n3,\n"},
				{"tsv", "id\tname\n2\tb\n3\t\\N\n"},
				{"json", "[\n{\"id\":2,\"name\":\"b\"},\n{\"id\":3,\"name\":null}\n]\n"},
				{"ndjson", "{\"id\":2,\"name\":\"b\"}\n{\"id\":3,\"name\":null}\n"}};
	fixture *f = *state;
	char text[4096];
	cdbc_sink sink = {sizeof sink, to_buffer, text};

	answer(f, "select rows", "id int8, name text", "1|a;2|b;3|\\N");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_format_options options = CDBC_FORMAT_OPTIONS_INIT;
		cdbc_result *result;

		text[0] = '\0';
		assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
		assert_true(cdbc_result_next(result, NULL));
		assert_int_equal(cdbc_result_write(result, cdbc_format_find(rows[i].format), &options, NULL,
										   0, NULL, NULL, &sink, NULL),
						 CDBC_OK);
		assert_int_equal(cdbc_result_row_count(result), 3);
		cdbc_result_free(result);
		assert_string_equal(text, rows[i].text);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* $ is one value: of one column. */
static void test_one_value(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "select value",
												 .times = 1,
												 .columns = "a int8, b int8",
												 .rows = "1|2"});
	answer(f, "select value", "a int8", "1");
	assert_int_equal(cdbc_session_run(f->session, "value", CDBC_NO_PARAMS, NULL, &result, &err),
					 CDBC_DATA);
	assert_non_null(strstr(cdbc_error_message(err), "returned 2 columns"));
	cdbc_error_free(err);
	assert_int_equal(cdbc_session_run(f->session, "value", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
}

/* Who has none of a query's roles is refused before anything is done. */
static void test_roles(void **state)
{
	static const struct {
		const char *roles[2];
		size_t count;
		cdbc_status status;
	} rows[] = {{{NULL}, 0, CDBC_DENIED},
				{{"tell", "tellers"}, 2, CDBC_DENIED},
				{{"clerk", "auditor"}, 2, CDBC_OK}};
	fixture *f = *state;

	answer(f, "select rows", "id int8", "1");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
		cdbc_error *err = NULL;
		cdbc_session *session;
		cdbc_result *result;

		options.user = "ada";
		options.roles = rows[i].roles;
		options.role_count = rows[i].count;
		assert_int_equal(cdbc_client_acquire(f->client, &options, &session, NULL), CDBC_OK);
		assert_int_equal(cdbc_session_run(session, "guarded", CDBC_NO_PARAMS, NULL, &result, &err),
						 rows[i].status);
		if (rows[i].status) {
			check(err, CDBC_DENIED, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
			assert_int_equal(fake_server_counts(f->server).requests, 0);
		} else {
			cdbc_result_free(result);
		}
		cdbc_session_release(session);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_broken_promise_is_judged),
		CASE(test_max_rows_of_a_query),
		CASE(test_collect_beyond_its_bound),
		CASE(test_a_failure_is_one_though_nobody_wants_the_error),
		CASE(test_columns_outlive_a_failure),
		CASE(test_a_script_with_an_open_quote_does_not_begin),
		CASE(test_a_script_half_done_is_not_safe_to_run_again),
		CASE(test_no_time_left_is_not_for_ever),
		CASE(test_the_first_named_query_has_its_own_timeout),
		CASE(test_no_request_without_its_settings),
		CASE(test_cancelled_while_settings_are_made),
		CASE(test_an_embedded_database_has_no_session_settings),
		CASE(test_a_leak_is_told_with_its_place),
		CASE(test_each_connection_is_of_one_kind),
		CASE(test_lost_while_a_cancel_is_settled),
		CASE(test_a_closed_client_lets_transactions_end),
		CASE(test_observers_of_a_client_that_does_not_open),
		CASE(test_whole_numbers_keep_their_digits),
		CASE(test_a_text_that_was_not_printed_is_no_empty_one),
		CASE(test_formats_after_rows_were_taken),
		CASE(test_one_value),
		CASE(test_roles),
	};
	cdbc_allocator allocator = {alloc_or_not, realloc_or_not, free};

	cdbc_set_allocator(&allocator);
	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
