// SPDX-License-Identifier: Apache-2.0
/* Sessions on the scripted driver: one request from its text to its end, and everything that can go
 * wrong on the way. */
#include "base/clock.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	bool fails;
} fixture;

/* What observers saw. */
static struct {
	int starts, ends, failures;
	uint64_t last_id;
	int64_t rows;
} seen;

static void on_event(void *self, const cdbc_event *event)
{
	(void)self;
	if (event->kind == CDBC_EVENT_REQUEST_START) {
		seen.starts++;
		seen.last_id = event->id;
	} else {
		seen.ends++;
		assert_true(event->id == seen.last_id);
		seen.failures += event->error != NULL;
		seen.rows = event->row_count;
	}
}

static int set_up(void **state)
{
	static fixture f;
	cdbc_observer observer = {
		sizeof observer, "test", CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END,
		on_event,        NULL,   NULL};
	cdbc_config_item items[] = {{"pool.max_size", "2"}, {"pool.min_size", "0"}};

	memset(&seen, 0, sizeof seen);
	f.server = fake_server_new("session");
	test_client_open("fake:session", items, 2, TEST_OBSERVED(&observer), &f.client, &f.session);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	assert_int_equal(seen.starts, seen.ends);
	return 0;
}

static cdbc_status query(fixture *f, const char *sql, cdbc_result **result, cdbc_error **err)
{
	return cdbc_session_query(f->session, sql, CDBC_NO_PARAMS, NULL, result, err);
}

static void answer_rows(fixture *f)
{
	fake_server_answer(f->server, &(fake_answer){.sql = "select rows",
												 .columns = "id int8, name text",
												 .rows = "1|one;2|\\N;3|three"});
}

static void test_rows(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	size_t name;

	answer_rows(f);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	assert_int_equal(cdbc_result_column_count(result), 2);
	assert_string_equal(cdbc_result_column(result, 1)->name, "name");
	assert_null(cdbc_result_column(result, 2));
	assert_true(cdbc_result_find_column(result, "name", &name));
	assert_false(cdbc_result_find_column(result, "nome", &name));
	assert_true(cdbc_result_is_null(result, 0)); /* no row yet */
	assert_true(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_result_int64(result, 0), 1);
	assert_memory_equal(cdbc_result_text(result, name).data, "one", 3);
	assert_true(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_is_null(result, name));
	assert_int_equal(cdbc_result_text(result, name).length, 0);
	assert_true(cdbc_result_next(result, NULL));
	assert_false(cdbc_result_is_complete(result));
	assert_false(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_is_complete(result));
	assert_int_equal(cdbc_result_row_count(result), 3);
	assert_string_equal(cdbc_result_tag(result), "SELECT 3");
	cdbc_result_free(result);
	assert_int_equal(seen.rows, 3);
}

static void test_row_as_dictionary(void **state)
{
	fixture *f = *state;
	cdbc_param row[2];
	cdbc_result *result;

	answer_rows(f);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	assert_int_equal(cdbc_result_row(result, row, NULL), CDBC_USAGE);
	assert_true(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_result_row(result, row, NULL), CDBC_OK);
	assert_string_equal(row[0].name, "id");
	assert_int_equal(row[0].value.as.int64, 1);
	assert_int_equal(row[1].value.kind, CDBC_VALUE_TEXT);
	cdbc_result_free(result);
}

static void test_one_result_at_a_time(void **state)
{
	fixture *f = *state;
	cdbc_result *result, *second;
	cdbc_error *err = NULL;

	answer_rows(f);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	assert_int_equal(query(f, "select rows", &second, &err), CDBC_USAGE);
	assert_non_null(cdbc_error_field(err, CDBC_FIELD_HINT));
	cdbc_error_free(err);
	cdbc_result_free(result);
	assert_int_equal(query(f, "select rows", &second, NULL), CDBC_OK);
	cdbc_result_free(second);
	assert_int_equal(fake_server_counts(f->server).opens, 1); /* the session kept its connection */
}

static void test_refusals_cost_no_connection(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	assert_int_equal(cdbc_session_run(f->session, "nobody", CDBC_NO_PARAMS, NULL, &result, &err),
					 CDBC_NOT_FOUND);
	cdbc_error_free(err);
	assert_int_equal(query(f, "select 'unclosed", &result, &err), CDBC_SQL_FILE);
	cdbc_error_free(err);
	assert_int_equal(query(f, "select :missing", &result, &err), CDBC_PARAM);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	cdbc_error_free(err);
	assert_int_equal(fake_server_counts(f->server).opens_begun, 0);
}

static void test_failure_is_judged(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "update t set a = 1",
												 .error = {.status = CDBC_CONFLICT,
														   .sqlstate = "40001",
														   .message = "restart"}});
	assert_int_equal(query(f, "update t set a = 1", &result, &err), CDBC_CONFLICT);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_SAFE);
	cdbc_error_free(err);
	answer_rows(f);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(fake_server_counts(f->server).opens, 1);
	assert_int_equal(seen.failures, 1);
}

static void test_lost_write_is_unknown_and_next_goes_elsewhere(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "insert into t values (1)",
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_SENT});
	answer_rows(f);
	assert_int_equal(query(f, "insert into t values (1)", &result, &err), CDBC_CONNECT);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_UNKNOWN);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_NO);
	cdbc_error_free(err);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(fake_server_counts(f->server).opens, 2);
}

static void test_read_lost_after_rows(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "select rows",
												 .columns = "id int8",
												 .rows = "1",
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_ROWS_TAKEN});
	assert_int_equal(query(f, "select rows", &result, &err), CDBC_OK);
	assert_true(cdbc_result_next(result, &err));
	assert_false(cdbc_result_next(result, &err));
	assert_false(cdbc_result_is_complete(result));
	assert_int_equal(cdbc_error_status(err), CDBC_CONNECT);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_NO);
	cdbc_error_free(err);
	cdbc_result_free(result);
}

static void test_max_rows(void **state)
{
	fixture *f = *state;
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result;
	cdbc_error *err = NULL;

	answer_rows(f);
	options.max_rows = 3;
	assert_int_equal(
		cdbc_session_query(f->session, "select rows", CDBC_NO_PARAMS, &options, &result, NULL),
		CDBC_OK);
	while (cdbc_result_next(result, NULL))
		;
	assert_true(cdbc_result_is_complete(result));
	cdbc_result_free(result);
	options.max_rows = 2;
	assert_int_equal(
		cdbc_session_query(f->session, "select rows", CDBC_NO_PARAMS, &options, &result, &err),
		CDBC_RESOURCE);
	assert_non_null(strstr(cdbc_error_message(err), "max-rows"));
	cdbc_error_free(err);
}

static void test_stream_outlives_result_not_session(void **state)
{
	fixture *f = *state;
	struct ArrowArrayStream stream;
	struct ArrowSchema schema;
	struct ArrowArray batch;
	cdbc_session *session;
	cdbc_result *result;

	answer_rows(f);
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(
		cdbc_session_query(session, "select rows", CDBC_NO_PARAMS, NULL, &result, NULL), CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_result_export_arrow(result, &stream, NULL), CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(stream.get_schema(&stream, &schema), 0);
	assert_int_equal(schema.n_children, 2);
	schema.release(&schema);
	assert_int_equal(stream.get_next(&stream, &batch), 0);
	assert_int_equal(batch.length, 2); /* the first row was taken */
	batch.release(&batch);
	cdbc_session_release(session);
	assert_int_not_equal(stream.get_next(&stream, &batch), 0);
	assert_non_null(strstr(stream.get_last_error(&stream), "released"));
	stream.release(&stream);
}

static void test_stream_to_its_end_frees_the_session(void **state)
{
	fixture *f = *state;
	struct ArrowArrayStream stream;
	struct ArrowArray batch;
	cdbc_result *result;

	answer_rows(f);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	assert_int_equal(cdbc_result_export_arrow(result, &stream, NULL), CDBC_OK);
	assert_int_equal(stream.get_next(&stream, &batch), 0);
	batch.release(&batch);
	assert_int_equal(stream.get_next(&stream, &batch), 0);
	assert_null(batch.release);
	assert_int_equal(query(f, "select rows", &result, NULL), CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(stream.get_next(&stream, &batch), 0);
	assert_null(batch.release);
	stream.release(&stream);
}

static void test_what_arrow_cannot_hold(void **state)
{
	fixture *f = *state;
	struct ArrowArrayStream stream;
	struct ArrowArray batch;
	cdbc_result *result;

	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select times", .columns = "t time", .rows = "12:00:00;24:00:00"});
	assert_int_equal(query(f, "select times", &result, NULL), CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_next(result, NULL));
	assert_memory_equal(cdbc_result_text(result, 0).data, "24:00:00", 8); /* rows hold it */
	cdbc_result_free(result);
	assert_int_equal(query(f, "select times", &result, NULL), CDBC_OK);
	assert_int_equal(cdbc_result_export_arrow(result, &stream, NULL), CDBC_OK);
	assert_int_not_equal(stream.get_next(&stream, &batch), 0);
	assert_non_null(strstr(stream.get_last_error(&stream), "row 2, column \"t\""));
	stream.release(&stream);
}

static void test_collect(void **state)
{
	fixture *f = *state;
	cdbc_chunks chunks;
	cdbc_result *result;
	cdbc_error *err = NULL;

	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select many", .columns = "id int8", .rows = "1;2", .repeat = 5000});
	assert_int_equal(query(f, "select many", &result, NULL), CDBC_OK);
	assert_int_equal(cdbc_result_collect(result, 0, &chunks, NULL), CDBC_OK);
	assert_int_equal(chunks.row_count, 10000);
	assert_int_equal(chunks.schema.n_children, 1);
	cdbc_chunks_clear(&chunks);
	cdbc_result_free(result);
	assert_int_equal(query(f, "select many", &result, NULL), CDBC_OK);
	assert_int_equal(cdbc_result_collect(result, 1000, &chunks, &err), CDBC_RESOURCE);
	cdbc_error_free(err);
	cdbc_result_free(result);
}

static void test_session_change_resets_the_connection(void **state)
{
	fixture *f = *state;
	cdbc_session *session;
	cdbc_result *result;

	assert_int_equal(cdbc_client_acquire(f->client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_query(session, "set a = 1", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
	fake_server_hold(f->server, "reset");
	cdbc_session_release(session);
	assert_true(fake_server_wait(f->server, "reset", 1));
	fake_server_let(f->server, "reset");
}

static void test_open_transaction_is_rolled_back(void **state)
{
	fixture *f = *state;
	cdbc_session *session;
	cdbc_result *result;

	assert_int_equal(cdbc_client_acquire(f->client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_query(session, "begin", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
	cdbc_session_release(session);
	assert_string_equal(fake_server_sql(f->server, 1, NULL), "ROLLBACK");
	assert_int_equal(fake_server_counts(f->server).live, 1);
}

static void *cancel_it(void *data)
{
	fixture *f = data;

	assert_true(fake_server_wait(f->server, "slow", 1));
	assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
	return NULL;
}

static void test_cancel_from_another_thread(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	cdbc_error *err = NULL;
	pthread_t thread;

	fake_server_answer(f->server, &(fake_answer){.sql = "select slow",
												 .columns = "id int8",
												 .gate = "slow",
												 .gate_at = CDBC_POSITION_SENT});
	answer_rows(f);
	assert_int_equal(pthread_create(&thread, NULL, cancel_it, f), 0);
	assert_int_equal(query(f, "select slow", &result, &err), CDBC_CANCELLED);
	cdbc_error_free(err);
	pthread_join(thread, NULL);
	assert_int_equal(query(f, "select rows", &result, NULL),
					 CDBC_OK); /* a late cancel does not hit this one */
	cdbc_result_free(result);
	assert_int_equal(fake_server_counts(f->server).cancels, 1);
	assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK); /* nothing runs */
	assert_int_equal(fake_server_counts(f->server).cancels, 1);
}

static void test_deadline(void **state)
{
	fixture *f = *state;
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "select slow",
												 .columns = "id int8",
												 .gate = "slow",
												 .gate_at = CDBC_POSITION_SENT});
	options.timeout_ms = 20;
	assert_int_equal(
		cdbc_session_query(f->session, "select slow", CDBC_NO_PARAMS, &options, &result, &err),
		CDBC_TIMEOUT);
	cdbc_error_free(err);
}

static void test_script(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	int64_t affected = 0;

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "insert *", .tag = "INSERT 0 2", .affected = 2});
	fake_server_answer(f->server, &(fake_answer){.sql = "create *", .tag = "CREATE TABLE"});
	assert_int_equal(
		cdbc_session_execute_script(
			f->session,
			"create table t (a int);\n insert into t values (1);\ninsert into t values (2); -- end",
			&affected, NULL),
		CDBC_OK);
	assert_int_equal(affected, 4);
	assert_int_equal(cdbc_session_execute_script(
						 f->session,
						 "create table u (a int);\n\nselect nothing;\ncreate table v (a int)", NULL,
						 &err),
					 CDBC_SQL);
	assert_non_null(strstr(cdbc_error_message(err), "line 3"));
	cdbc_error_free(err);
	assert_null(fake_server_sql(f->server, 5, NULL)); /* it stopped there */
}

static void test_script_of_a_query_text(void **state)
{
	fixture *f = *state;
	cdbc_client *client;
	cdbc_session *session;
	cdbc_result *result;
	cdbc_error *err = NULL;

	(void)f;
	assert_int_equal(cdbc_client_open_url("sqlite::memory:", &client, NULL), CDBC_OK);
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(
		cdbc_session_query(
			session,
			"create table t (a int); insert into t values (1), (2); insert into t values (3)",
			CDBC_NO_PARAMS, NULL, &result, NULL),
		CDBC_OK);
	assert_false(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_is_complete(result));
	assert_int_equal(cdbc_result_affected_count(result), 3); /* of all statements */
	cdbc_result_free(result);
	assert_int_equal(
		cdbc_session_query(
			session,
			"insert into t values (4); insert into nowhere values (1); insert into t values (5)",
			CDBC_NO_PARAMS, NULL, &result, &err),
		CDBC_SQL);
	cdbc_error_free(err);
	assert_int_equal(cdbc_session_query(session, "select count(*) from t where a = 5",
										CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_result_int64(result, 0), 0);
	cdbc_result_free(result);
	cdbc_session_release(session);
	cdbc_client_close(client, 1000);
}

/* The memory of a session is used again; nothing of what it was. */
static void test_nothing_is_left_of_a_session(void **state)
{
	fixture *f = *state;
	cdbc_config_item settings[] = {{"a", "1"}};
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_session *session, *next;
	cdbc_result *result;

	options.settings = settings;
	options.setting_count = 1;
	options.timeout_ms = 1;
	answer_rows(f);
	fake_server_answer(f->server, &(fake_answer){.sql = "select set_config($1, $2, false)",
												 .columns = "s text",
												 .rows = "1"});
	assert_int_equal(cdbc_client_acquire(f->client, &options, &session, NULL), CDBC_OK);
	cdbc_session_release(session);
	options.timeout_ms = 5000;
	assert_int_equal(cdbc_client_acquire(f->client, &options, &session, NULL), CDBC_OK);
	assert_int_equal(
		cdbc_session_query(session, "select rows", CDBC_NO_PARAMS, NULL, &result, NULL), CDBC_OK);
	cdbc_session_release(session); /* with its result open */
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &next, NULL), CDBC_OK);
	assert_ptr_equal(next, session);
	assert_int_equal(cdbc_session_query(next, "select rows", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
	cdbc_session_release(next);
	assert_string_equal(fake_server_sql(f->server, 0, NULL), "select set_config($1, $2, false)");
	assert_string_equal(fake_server_sql(f->server, 1, NULL), "select rows");
	assert_string_equal(fake_server_sql(f->server, 2, NULL), "select rows");
	assert_null(fake_server_sql(f->server, 3, NULL));
}

static void test_closed_client(void **state)
{
	fixture *f = *state;
	cdbc_session *sessions[3];
	cdbc_client *client;
	cdbc_error *err = NULL;

	(void)f;
	assert_int_equal(cdbc_client_open_url("sqlite::memory:", &client, &err), CDBC_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(cdbc_client_acquire(client, NULL, &sessions[i], &err), CDBC_OK);
	cdbc_session_release(sessions[0]); /* kept for the next, until the client closes */
	cdbc_session_release(sessions[1]);
	cdbc_client_close(client, 0);
	cdbc_session_release(sessions[2]); /* keeps its client's memory alive until here */
}

static void test_health(void **state)
{
	fixture *f = *state;
	bool is_ok = false;

	assert_int_equal(cdbc_client_health(f->client, 1000, NULL, NULL, &is_ok, NULL), CDBC_OK);
	assert_true(is_ok);
	fake_server_fail_opens(f->server, -1, NULL);
	fake_server_cut(f->server);
	assert_int_equal(cdbc_client_health(f->client, 1000, NULL, NULL, &is_ok, NULL), CDBC_OK);
	assert_false(is_ok);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Fails with what it was given, or without a word (NULL), or leaves what it has dealt with. */
static cdbc_status scoped(cdbc_session *session, void *data, cdbc_error **err)
{
	const cdbc_status *own = data;

	assert_non_null(session);
	assert_non_null(err);
	if (own)
		cdbc_error_set(err, CDBC_DATA, "of its own");
	return own ? *own : CDBC_IO;
}

static void test_scoped_use(void **state)
{
	fixture *f = *state;
	cdbc_status status = CDBC_DATA;
	cdbc_error *err = NULL;

	assert_int_equal(cdbc_client_with_session(f->client, NULL, scoped, &status, &err), CDBC_DATA);
	assert_string_equal(cdbc_error_message(err), "of its own");
	cdbc_error_free(err);
	assert_int_equal(cdbc_client_with_session(f->client, NULL, scoped, NULL, &err), CDBC_IO);
	assert_int_equal(cdbc_error_status(err), CDBC_IO);
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cdbc_client_with_session(f->client, NULL, scoped, NULL, NULL), CDBC_IO);
	status = CDBC_OK;
	assert_int_equal(cdbc_client_with_session(f->client, NULL, scoped, &status, &err), CDBC_OK);
	assert_null(err);
}

/* Gives back what its caller still holds, and goes on with it; fails in the end when told to. */
static cdbc_status releases(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_result *result = NULL;
	cdbc_session *other = NULL;
	fixture *f = data;

	cdbc_session_release(session);
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &other, NULL), CDBC_OK);
	assert_ptr_not_equal(other, session);
	cdbc_session_release(other);
	assert_int_equal(cdbc_session_query(session, "select 1", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	cdbc_result_free(result);
	return f->fails ? cdbc_error_set(err, CDBC_DATA, "of its own") : CDBC_OK;
}

static void test_scoped_use_is_not_ended_within(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_status status = CDBC_OK;

	fake_server_answer(f->server, &(fake_answer){.sql = "select 1", .columns = "a int8"});
	for (int i = 0; i < 2; i++) {
		f->fails = i;
		assert_int_equal(cdbc_client_with_session(f->client, NULL, releases, f, &err),
						 i ? CDBC_DATA : CDBC_USAGE);
		assert_int_equal(cdbc_error_outcome(err), i ? CDBC_OUTCOME_NOT_SENT : CDBC_OUTCOME_UNKNOWN);
		cdbc_error_free(err);
		err = NULL;
	}
	assert_int_equal(cdbc_client_with_session(f->client, NULL, scoped, &status, &err), CDBC_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_rows),
		CASE(test_row_as_dictionary),
		CASE(test_one_result_at_a_time),
		CASE(test_refusals_cost_no_connection),
		CASE(test_failure_is_judged),
		CASE(test_lost_write_is_unknown_and_next_goes_elsewhere),
		CASE(test_read_lost_after_rows),
		CASE(test_max_rows),
		CASE(test_stream_outlives_result_not_session),
		CASE(test_stream_to_its_end_frees_the_session),
		CASE(test_what_arrow_cannot_hold),
		CASE(test_collect),
		CASE(test_session_change_resets_the_connection),
		CASE(test_open_transaction_is_rolled_back),
		CASE(test_cancel_from_another_thread),
		CASE(test_deadline),
		CASE(test_script),
		CASE(test_script_of_a_query_text),
		CASE(test_nothing_is_left_of_a_session),
		CASE(test_scoped_use),
		CASE(test_scoped_use_is_not_ended_within),
		CASE(test_closed_client),
		CASE(test_health),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
