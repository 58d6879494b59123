// SPDX-License-Identifier: Apache-2.0
/* What bounds a cache: results that are too large for it, its time, its bytes (which are those that
 * it takes), and memory that runs out. */
#include "base/clock.h"
#include "support/oom.h"
#include "cache_fixture.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- what is too large ---- */

static void test_large_results_are_streamed(void **state)
{
	cache_fixture *f = *state;
	cdbc_result *result;

	cache_answer_many(f, 5000);
	for (int i = 0; i < 2; i++) {
		int64_t count = 0;

		assert_int_equal(cdbc_session_run(f->session, "many", CDBC_NO_PARAMS, NULL, &result, NULL),
						 CDBC_OK);
		while (cdbc_result_next(result, NULL))
			count += cdbc_result_int64(result, 0) == 7;
		assert_true(cdbc_result_is_complete(result));
		assert_string_equal(cdbc_result_tag(result), "SELECT 5000");
		assert_int_equal(count, 5000);
		cdbc_result_free(result);
	}
	assert_int_equal(cache_stats(f).miss_count, 1);
	assert_int_equal(cache_stats(f).pass_count, 1);
	assert_true(cache_stats(f).bytes_now < 4096);
}

static void test_a_large_result_given_up(void **state)
{
	cache_fixture *f = *state;
	struct ArrowArrayStream stream;
	struct ArrowArray batch;
	cdbc_session *session;
	cdbc_result *result;

	cache_answer_many(f, 5000);
	assert_int_equal(cdbc_session_run(f->session, "many", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_USAGE); /* it is open */
	cdbc_result_free(result);
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	cdbc_client_cache_invalidate(f->client, "many");
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_run(session, "many", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	assert_int_equal(cdbc_result_export_arrow(result, &stream, NULL), CDBC_OK);
	assert_int_equal(stream.get_next(&stream, &batch), 0);
	batch.release(&batch);
	cdbc_session_release(session);
	assert_int_not_equal(stream.get_next(&stream, &batch), 0);
	stream.release(&stream);
}

static void test_a_large_result_that_fails(void **state)
{
	cache_fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;
	int64_t count = 0;

	fake_server_answer(f->server, &(fake_answer){.sql = "select many",
												 .columns = "id int8, text text",
												 .rows = "7|some text that takes its room",
												 .repeat = 5000,
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = CDBC_SQL,
														   .message = "division by zero",
														   .sqlstate = "22012"},
												 .error_after_rows = 4000});
	assert_int_equal(cdbc_session_run(f->session, "many", CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	while (cdbc_result_next(result, &err))
		count++;
	assert_int_equal(count, 4000);
	assert_int_equal(cdbc_error_status(err), CDBC_SQL);
	assert_string_equal(cdbc_error_message(err), "query \"many\": division by zero");
	cdbc_error_free(err);
	assert_false(cdbc_result_is_complete(result));
	cdbc_result_free(result);
	assert_int_equal(f->started, 1);
	assert_int_equal(f->ended, 1);
}

/* ---- time ---- */

static void test_its_time(void **state)
{
	cache_fixture *f = *state;

	cx_clock_fake_start(cx_clock_now_ns());
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	cx_clock_fake_advance_ns(30 * CX_NS_PER_S - 1);
	assert_false(cache_ask(f, "get_one", cdbc_int64(1)));
	cx_clock_fake_advance_ns(1);
	assert_true(cache_ask(f, "get_one", cdbc_int64(1)));
	assert_false(cache_ask(f, "get_one", cdbc_int64(1)));
	cx_clock_fake_stop();
}

/* ---- memory ---- */

/* What the library has in use, as the allocator sees it. */
static _Atomic int64_t in_use;

static void *counted_alloc(size_t size)
{
	void *block = malloc(size);

	if (block)
		atomic_fetch_add(&in_use, (int64_t)malloc_usable_size(block));
	return block;
}

static void counted_free(void *block)
{
	if (block)
		atomic_fetch_sub(&in_use, (int64_t)malloc_usable_size(block));
	free(block);
}

static void *counted_realloc(void *old, size_t size)
{
	int64_t before = old ? (int64_t)malloc_usable_size(old) : 0;
	void *block = realloc(old, size);

	if (block)
		atomic_fetch_add(&in_use, (int64_t)malloc_usable_size(block) - before);
	return block;
}

static const cdbc_allocator counted = {counted_alloc, counted_realloc, counted_free};

static void fill_with(cache_fixture *f, const char *name, size_t value_bytes, int count)
{
	char *text = calloc(1, value_bytes + 16);

	for (int i = 0; i < count; i++) {
		cdbc_params params = CDBC_PARAMS({NULL, cdbc_string(text)});
		cdbc_error *err = NULL;
		cdbc_result *result;

		memset(text, 'x', value_bytes);
		snprintf(text + value_bytes, 16, "%d", i);
		if (cdbc_session_run(f->session, name, params, NULL, &result, &err))
			fail_msg("%s", cdbc_error_message(err));
		while (cdbc_result_next(result, NULL))
			;
		cdbc_result_free(result);
		assert_in_range(cache_stats(f).bytes_now, 1, CACHE_MAX_BYTES);
	}
	free(text);
}

/* The bytes that it counts are those that it takes: small rows, large rows and large keys. */
static void test_its_bytes_are_true(void **state)
{
	static const struct {
		const char *name;
		size_t value_bytes;
		int rows; /* of select wide */
	} cases[] = {{"get_one", 1, 0}, {"get_one", 300, 0}, {"keyed", 3000, 0}, {"wide", 1, 1},
				 {"wide", 1, 10},   {"wide", 1, 90},     {"wide", 1, 100},   {"wide", 1, 130}};
	cache_fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t full, counted_bytes, taken;

		fake_server_answer(f->server,
						   &(fake_answer){.sql = "select wide*",
										  .times = 200,
										  .columns = "a int8, b text, c bool, d int4, e text",
										  .rows = "1|some text or other|t|\\N|one two three",
										  .repeat = cases[i].rows});
		fake_server_answer(
			f->server, &(fake_answer){.sql = "select keyed*", .columns = "a int8", .rows = "1"});
		fill_with(f, cases[i].name, cases[i].value_bytes, 200);
		full = atomic_load(&in_use);
		counted_bytes = cache_stats(f).bytes_now;
		assert_true(cache_stats(f).eviction_count > 0 || counted_bytes < CACHE_MAX_BYTES);
		cdbc_client_cache_invalidate(f->client, NULL);
		taken = full - atomic_load(&in_use);
		if (taken > counted_bytes + counted_bytes / 8 || taken < counted_bytes / 2)
			fail_msg("case %zu: counted %lld, took %lld", i, (long long)counted_bytes,
					 (long long)taken);
		fake_server_forget(f->server);
		cache_answer_one(f);
	}
}

static cdbc_status miss_and_hit(void *data, cdbc_error **err)
{
	cache_fixture *f = data;
	char long_text[3000];
	cdbc_status status = cache_ask_on(f->session, "get_one", cdbc_string("a"), err);

	if (!status)
		status = cache_ask_on(f->session, "get_one", cdbc_string("a"), err);
	memset(long_text, 'x', sizeof long_text);
	long_text[sizeof long_text - 1] = '\0';
	if (!status) /* a key that does not stand on the stack */
		status = cache_ask_on(f->session, "get_one", cdbc_string(long_text), err);
	cdbc_client_cache_invalidate(f->client, NULL);
	return status;
}

static cdbc_status pass_through(void *data, cdbc_error **err)
{
	cache_fixture *f = data;
	cdbc_result *result;
	cdbc_status status = cdbc_session_run(f->session, "many", CDBC_NO_PARAMS, NULL, &result, err);
	cdbc_error *error = NULL;
	int64_t count = 0;

	if (!status) {
		while (cdbc_result_next(result, &error))
			count++;
		if (cdbc_result_is_complete(result))
			assert_int_equal(count, 1000);
		else
			status = cdbc_error_status(error);
		cdbc_error_free(error);
		cdbc_result_free(result);
	}
	cdbc_client_cache_invalidate(f->client, NULL);
	return status;
}

static void test_memory_runs_out(void **state)
{
	cache_fixture *f = *state;

	cache_answer_many(f, 1000);
	cache_ask(f, "get_one", cdbc_string("a"));
	cdbc_client_cache_invalidate(f->client, NULL);
	assert_true(oom_run(miss_and_hit, f) > 10);
	assert_true(oom_run(pass_through, f) > 10);
}

int main(void)
{
#define CASE(test)    cmocka_unit_test_setup_teardown(test, cache_set_up, cache_tear_down)
#define WATCHED(test) cmocka_unit_test_setup_teardown(test, cache_set_up_watched, cache_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_large_results_are_streamed),   CASE(test_a_large_result_given_up),
		WATCHED(test_a_large_result_that_fails), CASE(test_its_time),
		CASE(test_its_bytes_are_true),           CASE(test_memory_runs_out),
	};

	cdbc_set_allocator(&counted);
	return cache_run_group(tests);
}
