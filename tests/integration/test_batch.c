// SPDX-License-Identifier: Apache-2.0
/* Batches on real databases, PostgreSQL (skipped without CDBC_TEST_URL) and SQLite: what is in the
 * table after a success and after each kind of failure. */
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

typedef struct fixture {
	cdbc_client *client;
	cdbc_session *session;
	char told[4096];
} fixture;

/* A macro: err is read after the call has been made. */
#define ok(call, err)                                \
	do {                                             \
		if (call)                                    \
			fail_msg("%s", cdbc_error_message(err)); \
	} while (0)

static int set_up(void **state, const char *url)
{
	static fixture f;

	memset(&f, 0, sizeof f);
	*state = &f;
	if (!url)
		return 0;
	test_client_open(url, NULL, 0, NULL, &f.client, &f.session);
	test_must_run(f.session, "drop table if exists batch_rows");
	test_must_run(f.session,
				  "create table batch_rows (id bigint primary key, s text, n int check (n < 100))");
	return 0;
}

static int set_up_postgresql(void **state)
{
	return set_up(state, getenv("CDBC_TEST_URL"));
}

static int set_up_sqlite(void **state)
{
	return set_up(state, "sqlite::memory:");
}

static int tear_down(void **state)
{
	fixture *f = *state;

	if (f->session)
		test_must_run(f->session, "drop table batch_rows");
	cdbc_session_release(f->session);
	cdbc_client_close(f->client, 5000);
	return 0;
}

static fixture *begin(void **state)
{
	fixture *f = *state;

	if (!f->session) {
		print_message("CDBC_TEST_URL is not set: run by scripts/with-postgres\n");
		skip();
	}
	return f;
}

static bool on_result(void *data, int64_t index, cdbc_result *result, const cdbc_error *error)
{
	fixture *f = data;
	size_t length = strlen(f->told);
	int64_t sum = 0;

	if (error) {
		snprintf(f->told + length, sizeof f->told - length, "%lld failed; ", (long long)index);
		return true;
	}
	while (cdbc_result_next(result, NULL))
		sum += cdbc_result_int64(result, 0);
	snprintf(
		f->told + length, sizeof f->told - length, "%lld:%lld; ", (long long)index,
		(long long)(cdbc_result_column_count(result) ? sum : cdbc_result_affected_count(result)));
	return true;
}

#define INSERT "insert into batch_rows values (:id, :s, :n)"

static void add(cdbc_batch *batch, int64_t id, int64_t n)
{
	cdbc_error *err = NULL;

	ok(cdbc_batch_add_sql(
		   batch, INSERT,
		   CDBC_PARAMS({"id", cdbc_int64(id)}, {"s", cdbc_string("x")}, {"n", cdbc_int64(n)}),
		   &err),
	   err);
}

static cdbc_batch *make(fixture *f, bool is_atomic, cdbc_batch_on_error on_error)
{
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	cdbc_batch *batch = NULL;
	cdbc_error *err = NULL;

	options.is_atomic = is_atomic;
	options.on_error = on_error;
	options.chunk_count = 10;
	ok(cdbc_batch_new(f->session, &options, &batch, &err), err);
	f->told[0] = '\0';
	return batch;
}

static void all_or_nothing(void **state)
{
	fixture *f = begin(state);
	cdbc_batch *batch = make(f, true, CDBC_BATCH_STOP);
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
	cdbc_error *err = NULL;

	add(batch, 1, 1);
	add(batch, 2, 2);
	ok(cdbc_batch_add_sql(batch, "select id from batch_rows order by id", CDBC_NO_PARAMS, &err),
	   err);
	ok(cdbc_batch_execute(batch, on_result, f, &sum, &err), err);
	assert_string_equal(f->told, "0:1; 1:1; 2:3; ");
	assert_int_equal(sum.affected_count, 2);
	cdbc_batch_clear(batch);
	f->told[0] = '\0';
	add(batch, 3, 3);
	add(batch, 4, 1000);
	add(batch, 5, 5);
	assert_int_equal(cdbc_batch_execute(batch, on_result, f, &sum, &err), CDBC_SQL);
	assert_string_equal(f->told, "1 failed; ");
	assert_string_equal(cdbc_error_sqlstate(err), "23514");
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	cdbc_error_free(err);
	assert_int_equal(sum.undone_count, 2);
	assert_int_equal(test_number_of(f->session, "select count(*) from batch_rows"), 2);
	cdbc_batch_free(batch);
}

static void before_the_failure(void **state)
{
	fixture *f = begin(state);
	cdbc_batch *batch = make(f, false, CDBC_BATCH_STOP);
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;

	for (int64_t i = 0; i < 25; i++)
		add(batch, i, i == 17 ? 1000 : i);
	assert_int_equal(cdbc_batch_execute(batch, on_result, f, &sum, NULL), CDBC_SQL);
	assert_int_equal(sum.done_count, 17);
	assert_int_equal(sum.failed_count, 1);
	assert_int_equal(sum.not_sent_count, 7);
	assert_int_equal(test_number_of(f->session, "select count(*) from batch_rows where id < 17"),
					 17);
	assert_int_equal(test_number_of(f->session, "select count(*) from batch_rows"), 17);
	assert_non_null(strstr(f->told, "16:1; 17 failed; "));
	cdbc_batch_free(batch);
}

static void all_but_the_failures(void **state)
{
	fixture *f = begin(state);
	cdbc_batch *batch = make(f, false, CDBC_BATCH_CONTINUE);
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;

	for (int64_t i = 0; i < 25; i++)
		add(batch, i, i % 5 == 4 ? 1000 : i);
	assert_int_equal(cdbc_batch_execute(batch, on_result, f, &sum, NULL), CDBC_SQL);
	assert_int_equal(sum.done_count, 20);
	assert_int_equal(sum.failed_count, 5);
	assert_int_equal(test_number_of(f->session, "select count(*) from batch_rows"), 20);
	cdbc_batch_free(batch);
}

static void inside(void **state)
{
	fixture *f = begin(state);
	cdbc_batch *batch = make(f, false, CDBC_BATCH_STOP);
	cdbc_error *err = NULL;

	for (int64_t i = 0; i < 25; i++)
		add(batch, i, i);
	ok(cdbc_session_begin(f->session, NULL, &err), err);
	ok(cdbc_batch_execute(batch, NULL, NULL, NULL, &err), err);
	assert_int_equal(test_number_of(f->session, "select count(*) from batch_rows"), 25);
	ok(cdbc_session_rollback(f->session, &err), err);
	assert_int_equal(test_number_of(f->session, "select count(*) from batch_rows"), 0);
	cdbc_batch_free(batch);
}

static void rows_as_arrays(void **state)
{
	fixture *f = begin(state);
	static const char *const columns[] = {"id", "s", "n"},
							 *const types[] = {"int8", "text", "int4"}, *const keys[] = {"id"},
							 *const updates[] = {"s"};
	cdbc_dialect_insert insert = CDBC_DIALECT_INSERT_INIT;
	cdbc_batch *batch = make(f, true, CDBC_BATCH_STOP);
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
	cdbc_value values[3 * 300];
	cdbc_error *err = NULL;
	char text[] = "a \"q\", {x}\\";

	insert.table = "batch_rows";
	insert.columns = columns;
	insert.types = types;
	insert.column_count = 3;
	for (int64_t i = 0; i < 300; i++) {
		values[3 * i] = cdbc_int64(i);
		values[3 * i + 1] = i % 3 ? cdbc_string(text) : cdbc_null();
		values[3 * i + 2] = cdbc_int64(i % 100);
	}
	ok(cdbc_batch_add_rows(batch, &insert, values, 200, &err), err);
	insert.keys = keys;
	insert.key_count = 1;
	insert.updates = updates;
	insert.update_count = 1;
	values[3 * 199 + 1] = cdbc_string("new");
	ok(cdbc_batch_add_rows(batch, &insert, values + 3 * 199, 101, &err), err);
	memset(text, '?', sizeof text - 1); /* they were copied */
	ok(cdbc_batch_execute(batch, on_result, f, &sum, &err), err);
	assert_string_equal(f->told, "0:200; 1:101; ");
	assert_int_equal(sum.affected_count, 301);
	assert_int_equal(test_number_of(f->session, "select count(*) from batch_rows"), 300);
	assert_int_equal(test_number_of(f->session, "select count(*) from batch_rows where s is null"),
					 100);
	assert_int_equal(
		test_number_of(f->session, "select count(*) from batch_rows where s = 'a \"q\", {x}\\'"),
		199);
	assert_int_equal(test_number_of(f->session, "select id from batch_rows where s = 'new'"), 199);
	/* what it does not take */
	assert_int_equal(cdbc_batch_add_rows(batch, &insert, values, 0, NULL), CDBC_USAGE);
	values[0] = cdbc_array(values + 1, 1);
	assert_int_equal(cdbc_batch_add_rows(batch, &insert, values, 1, NULL), CDBC_PARAM);
	insert.types = NULL;
	assert_int_equal(cdbc_batch_add_rows(batch, &insert, values, 1, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_batch_count(batch), 2);
	cdbc_batch_free(batch);
}

#define BOTH(fn)                                                  \
	{"postgresql: " #fn, fn, set_up_postgresql, tear_down, NULL}, \
	{                                                             \
		"sqlite: " #fn, fn, set_up_sqlite, tear_down, NULL        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {BOTH(all_or_nothing), BOTH(before_the_failure),
									   BOTH(all_but_the_failures), BOTH(inside),
									   BOTH(rows_as_arrays)};

	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
