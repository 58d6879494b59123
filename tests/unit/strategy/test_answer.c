// SPDX-License-Identifier: Apache-2.0
/* Answers from an application's own Arrow streams: an executor of its own behind cache and retry,
 * links that make a result of another, and streams that fail or are not as they say. */
#include "planned_stream.h"
#include "support/test_client.h"
#include "support/oom.h"

#include <cdbc/cdbc.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char queries[] = "-- name: kept\n-- cache: 30s\nselect kept $1;\n"
							  "-- name: one :one\nselect one $1;\n"
							  "-- name: passed\nselect passed $1;\n";

/* What the executor is to do, and what was done. */
typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	int calls, finished, failed, destroyed;
	cdbc_status finished_status;
	int64_t finished_rows;
	stream_plan plan;
	int fail_calls; /* so many calls fail, and may be repeated */
	bool wraps;     /* the outer link doubles what it gets */
} fixture;

static cdbc_status answer(fixture *f, cdbc_call *call, cdbc_result *inner, cdbc_result **out,
						  cdbc_error **err)
{
	struct ArrowArrayStream stream = planned_stream(&f->plan, inner);
	cdbc_status status = cdbc_call_answer(call, &stream, out, err);

	assert_null(stream.release);
	return status;
}

/* ---- links ---- */

static cdbc_status execute(void *data, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err)
{
	fixture *f = data;

	f->calls++;
	if (cdbc_call_name(call) && strcmp(cdbc_call_name(call), "passed") == 0)
		return cdbc_next_run(next, call, out, err);
	if (f->fail_calls > 0) {
		cdbc_error_info info = {.struct_size = sizeof info,
								.status = CDBC_CONNECT,
								.message = "gone",
								.sqlstate = "08006"};

		f->fail_calls--;
		return cdbc_call_fail_as(call, &info, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE, err);
	}
	return answer(f, call, NULL, out, err);
}

static void executor_destroy(void *data)
{
	((fixture *)data)->destroyed++;
}

static cdbc_status outer(void *data, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						 cdbc_error **err)
{
	fixture *f = data;
	cdbc_result *inner;
	cdbc_status status;

	if (!f->wraps)
		return cdbc_next_run(next, call, out, err);
	status = cdbc_next_run(next, call, &inner, err);
	return status ? status : answer(f, call, inner, out, err);
}

static void outer_finished(void *data, const cdbc_finish *finish)
{
	fixture *f = data;

	f->finished++;
	f->failed += finish->error != NULL;
	f->finished_status = finish->error ? cdbc_error_status(finish->error) : CDBC_OK;
	f->finished_rows = finish->row_count;
}

static int set_up(void **state)
{
	static fixture f;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config_item items[] = {{"pool.max_size", "2"},
								{"pool.min_size", "0"},
								{"retry.lost_first", "1ms"},
								{"retry.lost_max", "1ms"},
								{"cache.max_entry_bytes", "16KiB"}};
	cdbc_strategy executor = {.struct_size = sizeof executor,
							  .name = "own",
							  .execute = execute,
							  .destroy = executor_destroy,
							  .self = &f};
	cdbc_strategy link = {.struct_size = sizeof link,
						  .name = "outer",
						  .execute = outer,
						  .finished = outer_finished,
						  .self = &f};
	cdbc_error *err = NULL;

	memset(&f, 0, sizeof f);
	f.plan.batch_count = 2;
	f.plan.rows = 3;
	f.server = fake_server_new("answer");
	fake_server_answer(
		f.server,
		&(fake_answer){.sql = "select passed*", .columns = "id int8, name text", .rows = "7|full"});
	options.executor = &executor;
	options.strategies = &link;
	options.strategy_count = 1;
	test_client_open("fake:answer", items, sizeof items / sizeof *items, &options, &f.client, NULL);
	if (cdbc_client_register(f.client, "test.sql", queries, sizeof queries - 1, &err) ||
		cdbc_client_acquire(f.client, NULL, &f.session, &err))
		fail_msg("%s", cdbc_error_message(err));
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	return f->destroyed != 1 || f->plan.streams_now || f->plan.arrays_now || f->plan.schemas_now;
}

/* ---- what is asked ---- */

static cdbc_status ask(fixture *f, const char *name, int64_t *count, cdbc_error **err)
{
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_int64(1)});
	cdbc_error *error = NULL;
	cdbc_result *result;
	cdbc_status status = cdbc_session_run(f->session, name, params, NULL, &result, err);

	*count = 0;
	if (status)
		return status;
	while (cdbc_result_next(result, &error)) {
		++*count;
		assert_int_equal(cdbc_result_int64(result, 0) > 0, 1);
		assert_int_equal(cdbc_result_text(result, 1).length, 4);
	}
	status = error ? cdbc_error_status(error) : CDBC_OK;
	assert_int_equal(cdbc_result_is_complete(result), !status);
	cdbc_result_free(result);
	if (err)
		*err = error;
	else
		cdbc_error_free(error);
	return status;
}

static void check(fixture *f, const char *name, int64_t rows, int calls)
{
	int before = f->calls;
	cdbc_error *err = NULL;
	int64_t count;

	if (ask(f, name, &count, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_int_equal(count, rows);
	assert_int_equal(f->calls - before, calls);
}

/* Fails with status and a message that contains text. */
static void check_fails(fixture *f, const char *name, cdbc_status status, const char *text)
{
	cdbc_error *err = NULL;
	int64_t count;

	assert_int_equal(ask(f, name, &count, &err), status);
	if (!strstr(cdbc_error_message(err), text))
		fail_msg("%s", cdbc_error_message(err));
	if (status != CDBC_NOMEM) { /* which is static */
		assert_string_equal(cdbc_error_field(err, CDBC_FIELD_STATEMENT), name);
		assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	}
	cdbc_error_free(err);
	assert_int_equal(f->plan.streams_now, 0);
	f->plan.fails_at = 0;
	check(f, "passed", 1, 1); /* the session goes on */
}

static void test_an_executor(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	assert_int_equal(
		cdbc_session_query(f->session, "select anything", CDBC_NO_PARAMS, NULL, &result, NULL),
		CDBC_OK);
	for (int64_t i = 1; i <= 6; i++) {
		assert_true(cdbc_result_next(result, NULL));
		assert_int_equal(cdbc_result_int64(result, 0), i);
		assert_memory_equal(cdbc_result_text(result, 1).data, "name", 4);
	}
	assert_false(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_is_complete(result));
	assert_string_equal(cdbc_result_tag(result), "SELECT 6");
	cdbc_result_free(result);
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finished_rows, 6);
	assert_int_equal(fake_server_counts(f->server).requests, 0);
	check(f, "passed", 1, 1); /* and the library's stands behind it */
	assert_int_equal(fake_server_counts(f->server).requests, 1);
}

static void test_behind_the_cache(void **state)
{
	fixture *f = *state;

	check(f, "kept", 6, 1);
	check(f, "kept", 6, 0);
	cdbc_client_cache_invalidate(f->client, "kept");
	f->plan.offset = 1; /* batches that begin in the middle of their buffers */
	check(f, "kept", 4, 1);
	check(f, "kept", 4, 0);
	cdbc_client_cache_invalidate(f->client, "kept");
	f->plan.batch_count = 0;
	check(f, "kept", 0, 1);
	check(f, "kept", 0, 0);
	cdbc_client_cache_invalidate(f->client, "kept");
	f->plan.batch_count = 100; /* too large: the first batches, then the others */
	f->plan.rows = PLAN_ROWS_MAX;
	f->plan.offset = 0;
	check(f, "kept", 100 * PLAN_ROWS_MAX, 1);
	check(f, "kept", 100 * PLAN_ROWS_MAX, 1);
	assert_int_equal(f->finished, 8);
}

static void test_half_a_stream_is_not_kept(void **state)
{
	fixture *f = *state;

	f->plan.fails_at = 2;
	f->plan.error_code = EIO;
	f->plan.error_text = "the disk is gone";
	check_fails(f, "kept", CDBC_IO, "query \"kept\": the disk is gone");
	check(f, "kept", 6, 1);
	check(f, "kept", 6, 0);
}

static void test_behind_retry(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	int64_t count;

	f->fail_calls = 2;
	check(f, "kept", 6, 3);
	check(f, "kept", 6, 0);
	f->fail_calls = 1000;
	assert_int_equal(ask(f, "one", &count, &err), CDBC_CONNECT);
	assert_string_equal(cdbc_error_sqlstate(err), "08006");
	assert_non_null(strstr(cdbc_error_message(err), "query \"one\": gone"));
	cdbc_error_free(err);
}

static void test_promises(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	int64_t count;

	assert_int_equal(ask(f, "one", &count, &err), CDBC_DATA);
	cdbc_error_free(err);
	assert_int_equal(f->finished, 0); /* its execute has failed */
	f->plan.batch_count = f->plan.rows = 1;
	check(f, "one", 1, 1);
}

static void test_streams_that_fail(void **state)
{
	static const struct {
		int code;
		cdbc_status status;
	} rows[] = {{ENOMEM, CDBC_NOMEM},
				{ECANCELED, CDBC_CANCELLED},
				{ETIMEDOUT, CDBC_TIMEOUT},
				{ENOTSUP, CDBC_UNSUPPORTED},
				{EIO, CDBC_IO},
				{-1, CDBC_IO}};
	fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		f->plan.fails_at = 1 + (int)(i % 3);
		f->plan.error_code = rows[i].code;
		f->plan.error_text = i % 2 ? "so it is" : NULL;
		check_fails(f, "kept", rows[i].status, i % 2 ? "so it is" : "");
	}
	f->plan.fails_schema = true;
	check_fails(f, "kept", CDBC_UNSUPPORTED, "");
	f->plan.fails_schema = false;
	f->finished = 0;
	f->plan.batch_count = 100; /* the links outside hear of a failure that comes later */
	f->plan.rows = PLAN_ROWS_MAX;
	f->plan.fails_at = 90;
	f->plan.error_code = EIO;
	check_fails(f, "kept", CDBC_IO, "");
	assert_int_equal(f->finished,
					 2); /* this one, and the one that shows that the session goes on */
	assert_int_equal(f->failed, 1);
}

static void test_streams_that_are_wrong(void **state)
{
	fixture *f = *state;

	f->plan.has_short_column = true;
	check_fails(f, "kept", CDBC_DATA, "column \"name\" of a batch is not as its schema says");
	f->plan.has_short_column = false;
	f->plan.has_dictionary = true;
	check_fails(f, "kept", CDBC_UNSUPPORTED, "in a dictionary");
	f->plan.has_dictionary = false;
	f->plan.format = "tDn";
	check_fails(f, "kept", CDBC_UNSUPPORTED, "column \"id\" has the Arrow format \"tDn\"");
}

/* One answer is made of another; and of the connection's own rows. */
static void test_made_of_another(void **state)
{
	fixture *f = *state;

	f->wraps = true;
	check(f, "kept", 12, 1);
	check(f, "kept", 12, 0);
	assert_int_equal(f->finished, 2);
	assert_int_equal(f->finished_rows, 12);
	f->plan.batch_count = 0;
	check(f, "passed", 1, 1);
	assert_int_equal(f->finished, 3);
	assert_int_equal(f->finished_rows, 1);
}

static void test_given_up(void **state)
{
	cdbc_params params = CDBC_PARAMS({NULL, cdbc_int64(1)});
	fixture *f = *state;
	struct ArrowArrayStream stream;
	struct ArrowArray batch;
	cdbc_result *result;

	for (int wraps = 0; wraps < 2; wraps++) {
		f->wraps = wraps;
		assert_int_equal(cdbc_session_run(f->session, "kept", params, NULL, &result, NULL),
						 CDBC_OK);
		assert_true(cdbc_result_next(result, NULL));
		assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_USAGE);
		cdbc_result_free(result);
		assert_int_equal(f->finished, 1 + 3 * wraps);
		check(f, "passed", wraps ? 7 : 1, 1);
		assert_int_equal(cdbc_session_run(f->session, "kept", params, NULL, &result, NULL),
						 CDBC_OK);
		assert_int_equal(cdbc_result_export_arrow(result, &stream, NULL), CDBC_OK);
		assert_int_equal(stream.get_next(&stream, &batch), 0);
		cdbc_session_release(f->session); /* with its result open */
		assert_int_not_equal(stream.get_next(&stream, &(struct ArrowArray){0}), 0);
		stream.release(&stream);
		assert_memory_equal(((const int64_t *)batch.children[0]->buffers[1]), (&(int64_t){1}), 8);
		batch.release(&batch);
		assert_int_equal(f->finished, 3 + 3 * wraps);
		assert_int_equal(cdbc_client_acquire(f->client, NULL, &f->session, NULL), CDBC_OK);
	}
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	fixture *f = data;
	int64_t count;
	cdbc_status status = ask(f, "kept", &count, err);

	if (!status)
		status = ask(f, "kept", &count, err);
	cdbc_client_cache_invalidate(f->client, NULL);
	return status;
}

static void test_memory_runs_out(void **state)
{
	fixture *f = *state;

	check(f, "passed", 1, 1);
	check(f, "kept", 6, 1);
	cdbc_client_cache_invalidate(f->client, NULL);
	assert_true(oom_run(scenario, f) > 10);
	f->wraps = true;
	assert_true(oom_run(scenario, f) > 10);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_an_executor),
		CASE(test_behind_the_cache),
		CASE(test_half_a_stream_is_not_kept),
		CASE(test_behind_retry),
		CASE(test_promises),
		CASE(test_streams_that_fail),
		CASE(test_streams_that_are_wrong),
		CASE(test_made_of_another),
		CASE(test_given_up),
		CASE(test_memory_runs_out),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
