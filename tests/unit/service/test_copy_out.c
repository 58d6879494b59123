// SPDX-License-Identifier: Apache-2.0
/* Bulk copy out on the scripted driver: names quoted, counts compared, failures told. */
#include "support/test_client.h"

#include <cdbc/cdbc.h>
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
	char text[4096];
	size_t length, room;
	int64_t told;
} fixture;

static int set_up(void **state)
{
	static fixture f;
	cdbc_config_item items[] = {{"pool.max_size", "1"}, {"pool.min_size", "0"}};

	memset(&f, 0, sizeof f);
	f.room = sizeof f.text - 1;
	f.server = fake_server_new("copyout");
	test_client_open("fake:copyout", items, sizeof items / sizeof *items, NULL, &f.client,
					 &f.session);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	return 0;
}

static cdbc_status keep(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	fixture *f = self;

	(void)err;
	if (length > f->room - f->length)
		return CDBC_IO;
	memcpy(f->text + f->length, bytes, length);
	f->length += length;
	f->text[f->length] = '\0';
	return CDBC_OK;
}

static void progress(void *data, int64_t rows)
{
	((fixture *)data)->told = rows;
}

static cdbc_status out(fixture *f, const char *table, int64_t *rows, cdbc_error **err)
{
	static const char *const columns[] = {"Id", "s\"x"};
	cdbc_copy_out_options options = CDBC_COPY_OUT_OPTIONS_INIT;
	const cdbc_sink sink = {sizeof sink, keep, f};

	options.progress = progress;
	options.progress_data = f;
	f->length = 0;
	return cdbc_copy_out_table(f->session, table, columns, 2, cdbc_format_find("csv"), &options,
							   &sink, rows, err);
}

static void test_rows_go_out(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	int64_t rows = 0;

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "SELECT \"Id\", \"s\"\"x\" FROM \"bank\".\"It.ems\"",
									  .columns = "Id int8, s text",
									  .rows = "1|a;2|\\N"});
	assert_int_equal(out(f, "Bank.\"It.ems\"", &rows, &err), CDBC_OK);
	assert_null(err);
	assert_int_equal(rows, 2);
	assert_int_equal(f->told, 2);
	assert_string_equal(f->text, "Id,s\n1,a\n2,\n");
}

/* The server's count is another: not a success. */
static void test_counts_differ(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	int64_t rows = 77;

	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "SELECT*", .columns = "id int8", .rows = "1;2", .tag = "SELECT 3"});
	assert_int_equal(out(f, "t", &rows, &err), CDBC_DATA);
	assert_string_equal(cdbc_error_message(err), "copy out: 2 rows came, the server counted 3");
	assert_int_equal(rows, 77);
	cdbc_error_free(err);
}

static void test_failures(void **state)
{
	fixture *f = *state;
	const cdbc_sink sink = {sizeof sink, keep, f};
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "create table*"});
	fake_server_answer(f->server, &(fake_answer){.sql = "SELECT*",
												 .columns = "id int8",
												 .rows = "1;2",
												 .times = 1,
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_ROWS_TAKEN});
	fake_server_answer(f->server,
					   &(fake_answer){.sql = "SELECT*", .columns = "id int8", .rows = "1;2"});
	assert_int_equal(out(f, "\"t", NULL, &err), CDBC_USAGE);
	cdbc_error_free(err);
	assert_int_equal(out(f, "a\"b", NULL, &err), CDBC_USAGE);
	cdbc_error_free(err);
	assert_int_equal(out(f, "\"a\"b", NULL, &err), CDBC_USAGE);
	cdbc_error_free(err);
	assert_int_equal(out(f, "", NULL, &err), CDBC_USAGE);
	cdbc_error_free(err);
	/* a write without RETURNING is refused before it is sent; what only the server knows is told */
	assert_int_equal(cdbc_copy_out_query(f->session, "update t set a = :a; -- all",
										 CDBC_PARAMS({"a", cdbc_int64(1)}), cdbc_format_find("csv"),
										 NULL, &sink, NULL, &err),
					 CDBC_USAGE);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cdbc_copy_out_query(f->session, "create table t (a int)", CDBC_NO_PARAMS,
										 cdbc_format_find("csv"), NULL, &sink, NULL, &err),
					 CDBC_USAGE);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_COMMITTED);
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(out(f, "t", NULL, &err), CDBC_CONNECT);
	cdbc_error_free(err);
	f->room = 3;
	assert_int_equal(out(f, "t", NULL, &err), CDBC_IO);
	cdbc_error_free(err);
	assert_int_equal(out(f, "t", NULL, NULL), CDBC_IO);
	/* the session is whole */
	f->room = 100;
	assert_int_equal(out(f, "t", NULL, NULL), CDBC_OK);
}

static cdbc_status out_query(fixture *f, const char *sql, cdbc_error **err)
{
	const cdbc_sink sink = {sizeof sink, keep, f};

	f->length = 0;
	return cdbc_copy_out_query(f->session, sql, CDBC_NO_PARAMS, cdbc_format_find("csv"), NULL,
							   &sink, NULL, err);
}

static void is_judged(cdbc_error *err, cdbc_outcome outcome)
{
	assert_non_null(err);
	if (cdbc_error_outcome(err) != outcome || cdbc_error_replay(err) != CDBC_REPLAY_NO)
		fail_msg("%s: %s, %s", cdbc_error_message(err), cdbc_outcome_name(cdbc_error_outcome(err)),
				 cdbc_replay_name(cdbc_error_replay(err)));
	cdbc_error_free(err);
}

/* In a transaction nothing is committed yet, and nothing will be when that was overlooked. */
static void test_failures_in_a_transaction(void **state)
{
	static const struct {
		const char *sql;
		cdbc_status status;
	} cases[] = {{"create table t (a int)", CDBC_USAGE},
				 {"update t set a = 1", CDBC_USAGE},
				 {"update t set a = 1 returning a", CDBC_IO},
				 {"select a from t", CDBC_IO}};
	fixture *f = *state;
	cdbc_error *err = NULL;

	fake_server_answer(f->server, &(fake_answer){.sql = "create table*"});
	fake_server_answer(f->server,
					   &(fake_answer){.sql = "update*", .columns = "a int8", .rows = "1"});
	fake_server_answer(f->server,
					   &(fake_answer){.sql = "select*", .columns = "a int8", .rows = "1"});
	f->room = 1;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
		assert_int_equal(out_query(f, cases[i].sql, &err), cases[i].status);
		is_judged(err, i == 1 ? CDBC_OUTCOME_NOT_SENT : CDBC_OUTCOME_ROLLED_BACK);
		assert_int_equal(cdbc_session_commit(f->session, &err), cases[i].status);
		is_judged(err, CDBC_OUTCOME_ROLLED_BACK);
	}
	/* outside of one a write stands, though its rows could not be kept; a read has changed nothing
	 */
	assert_int_equal(out_query(f, cases[2].sql, &err), CDBC_IO);
	is_judged(err, CDBC_OUTCOME_UNKNOWN);
	assert_int_equal(out_query(f, cases[3].sql, &err), CDBC_IO);
	is_judged(err, CDBC_OUTCOME_ROLLED_BACK);
}

static cdbc_status write_query(fixture *f, const char *sql, const char *format, cdbc_error **err)
{
	const cdbc_sink sink = {sizeof sink, keep, f};
	cdbc_result *result = NULL;
	cdbc_status status = cdbc_session_query(f->session, sql, CDBC_NO_PARAMS, NULL, &result, err);

	f->length = 0;
	assert_int_equal(status, CDBC_OK);
	status =
		cdbc_result_write(result, cdbc_format_find(format), NULL, NULL, 0, NULL, NULL, &sink, err);
	cdbc_result_free(result);
	return status;
}

/* The same of a result that the application writes: while its rows come, and behind its end. */
static void test_a_result_that_cannot_be_written(void **state)
{
	static const char *const write = "update t set a = 1 returning a", *const read = "select a";
	fixture *f = *state;
	cdbc_error *err = NULL;

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "update*", .columns = "a int8", .rows = "1"});
	fake_server_answer(f->server,
					   &(fake_answer){.sql = "select*", .columns = "a int8", .rows = "1"});
	for (int is_late = 0; is_late < 2; is_late++) {
		const char *format = is_late ? "json" : "csv";

		f->room = sizeof f->text - 1;
		assert_int_equal(write_query(f, write, format, &err), CDBC_OK);
		f->room = is_late ? f->length - 1 : 1;
		assert_int_equal(write_query(f, write, format, &err), CDBC_IO);
		is_judged(err, is_late ? CDBC_OUTCOME_COMMITTED : CDBC_OUTCOME_UNKNOWN);
		assert_int_equal(write_query(f, read, format, &err), CDBC_IO);
		is_judged(err, CDBC_OUTCOME_ROLLED_BACK);
		assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
		assert_int_equal(write_query(f, write, format, &err), CDBC_IO);
		is_judged(err, CDBC_OUTCOME_ROLLED_BACK);
		assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_IO);
		is_judged(err, CDBC_OUTCOME_ROLLED_BACK);
	}
	assert_int_equal(write_query(f, write, "json", NULL), CDBC_IO);
}

/* Nor is it a transformer's to say, whose failures look like a server's. */
static void test_a_result_that_cannot_be_transformed(void **state)
{
	fixture *f = *state;
	const cdbc_sink sink = {sizeof sink, keep, f};
	cdbc_transformer mask;
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "update*", .columns = "a int8", .rows = "1"});
	assert_int_equal(cdbc_transformer_mask("b", &mask, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_query(f->session, "update t set a = 1 returning a",
										CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	assert_int_equal(
		cdbc_result_write(result, cdbc_format_find("csv"), NULL, &mask, 1, NULL, NULL, &sink, &err),
		CDBC_NOT_FOUND);
	is_judged(err, CDBC_OUTCOME_UNKNOWN);
	cdbc_result_free(result);
	mask.destroy(mask.self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows_go_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counts_differ, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures_in_a_transaction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_result_that_cannot_be_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_result_that_cannot_be_transformed, set_up,
										tear_down),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
