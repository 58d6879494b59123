// SPDX-License-Identifier: Apache-2.0
/* Clients, sessions and results when memory runs out, at each allocation in turn, with callers that
 * want the error and with those that do not. Connections are there already: opening one is the work
 * of another thread. */
#include "service/statements.h"
#include "support/fake_driver.h"
#include "support/oom.h"

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

#define SELECT "select rows"

static fake_server *server;
static cdbc_config *config;
static cdbc_client *client;
static cdbc_session *session;
static char file[] = "/tmp/cdbc-oom-XXXXXX.sql";

static int set_up(void **state)
{
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_config_item items[] = {
		{"pool.max_size", "1"}, {"pool.min_size", "0"}, {"queries.folders", file}};
	const char *const no_environment[] = {NULL};
	int fd = mkstemps(file, 4);
	static const char text[] = "-- name: rows\n-- param: a int8 = 5\n" SELECT " where :a;\n";
	cdbc_result *result;
	cdbc_error *err = NULL;

	(void)state;
	assert_true(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
	close(fd);
	from.url = "fake:oom";
	from.items = items;
	from.item_count = 3;
	from.environ_list = no_environment;
	server = fake_server_new("oom");
	fake_server_answer(server, &(fake_answer){.sql = SELECT "*",
											  .columns = "id int8, name text, n numeric(10,2)",
											  .rows = "1|one|1.50;2|\\N|2"});
	if (cdbc_driver_add(&fake_driver, &err) || cdbc_config_load(&from, &config, &err) ||
		cdbc_client_open(config, NULL, &client, &err) ||
		cdbc_client_acquire(client, NULL, &session, &err) ||
		cdbc_session_query(session, SELECT, CDBC_NO_PARAMS, NULL, &result, &err))
		fail_msg("%s", cdbc_error_message(err));
	cdbc_result_free(result);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
	cdbc_config_free(config);
	fake_server_free(server);
	return unlink(file);
}

/* ---- clients and sessions ---- */

static cdbc_status open_and_close(void *data, cdbc_error **err)
{
	cdbc_client *one = NULL;
	cdbc_session *s = NULL;
	cdbc_config_item items[] = {{"a", "b"}};
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_status status = cdbc_client_open(config, NULL, &one, data ? NULL : err);

	if (status) {
		assert_null(one);
		return status;
	}
	options.settings = items;
	options.setting_count = 1;
	status = cdbc_client_acquire(one, &options, &s, data ? NULL : err);
	assert_true((status == CDBC_OK) == (s != NULL));
	cdbc_session_release(s);
	cdbc_client_close(one, 5000);
	return status;
}

static void test_clients(void **state)
{
	char nobody_listens = 1;

	(void)state;
	assert_true(oom_run(open_and_close, NULL) > 20);
	assert_true(oom_run(open_and_close, &nobody_listens) > 20);
}

/* ---- statements ---- */

static cdbc_status get_statements(void *data, cdbc_error **err)
{
	cx_statements *statements = NULL;
	cx_statement *first = NULL, *again = NULL, *other = NULL;
	cdbc_status status = cx_statements_new(4, &statements, err);

	(void)data;
	if (!status)
		status =
			cx_statements_get(statements, &cx_dialect_postgresql, "select :a, :b", 13, &first, err);
	if (!status)
		status =
			cx_statements_get(statements, &cx_dialect_postgresql, "select :a, :b", 13, &again, err);
	for (int i = 0; !status && i < 10; i++) { /* others push it out */
		char sql[32];
		int n = snprintf(sql, sizeof sql, "select %d", i);

		status = cx_statements_get(statements, &cx_dialect_postgresql, sql, (size_t)n, &other, err);
		if (!status)
			cx_statement_unref(other);
	}
	cx_statement_unref(first);
	cx_statement_unref(again);
	cx_statements_free(statements);
	return status;
}

static void test_statements(void **state)
{
	(void)state;
	assert_true(oom_run(get_statements, NULL) > 20);
}

/* ---- results ---- */

static cdbc_status read_rows(cdbc_result *result, cdbc_error **err)
{
	cdbc_param row[3];
	cdbc_status status = CDBC_OK;

	if (!cdbc_result_column(result, 0))
		return CDBC_NOMEM;
	while (!status && cdbc_result_next(result, err)) {
		cdbc_result_text(result, 0);
		cdbc_result_double(result, 2);
		cdbc_result_int64(result, 2);
		status = cdbc_result_row(result, row, err);
	}
	return status ? status : cdbc_result_is_complete(result) ? CDBC_OK : CDBC_NOMEM;
}

static cdbc_status read_chunks(cdbc_result *result, cdbc_error **err)
{
	cdbc_chunks chunks;
	cdbc_status status = cdbc_result_collect(result, 0, &chunks, err);

	if (!status)
		cdbc_chunks_clear(&chunks);
	return status;
}

static cdbc_status read_stream(cdbc_result *result, cdbc_error **err)
{
	struct ArrowArrayStream stream;
	struct ArrowSchema schema;
	struct ArrowArray batch;
	cdbc_status status = cdbc_result_export_arrow(result, &stream, err);
	int failed;

	if (status)
		return status;
	failed = stream.get_schema(&stream, &schema);
	if (!failed)
		schema.release(&schema);
	while (!failed && !(failed = stream.get_next(&stream, &batch)) && batch.release)
		batch.release(&batch);
	if (failed)
		assert_non_null(stream.get_last_error(&stream));
	stream.release(&stream);
	return failed ? CDBC_NOMEM : CDBC_OK;
}

typedef struct reading {
	cdbc_status (*read)(cdbc_result *result, cdbc_error **err);
	bool is_named, is_silent;
} reading;

static cdbc_status run_and_read(void *data, cdbc_error **err)
{
	const reading *r = data;
	cdbc_error **wanted = r->is_silent ? NULL : err;
	cdbc_result *result = NULL;
	cdbc_status status =
		r->is_named ? cdbc_session_run(session, "rows", CDBC_NO_PARAMS, NULL, &result, wanted)
					: cdbc_session_query(session, SELECT, CDBC_NO_PARAMS, NULL, &result, wanted);

	if (status) {
		assert_null(result);
		return status;
	}
	status = r->read(result, wanted);
	cdbc_result_free(result);
	return status;
}

static void test_results(void **state)
{
	static cdbc_status (*const reads[])(cdbc_result *, cdbc_error **) = {read_rows, read_chunks,
																		 read_stream};

	(void)state;
	for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
		for (int how = 0; how < 4; how++) {
			reading r = {reads[i], how & 1, how & 2};

			assert_true(oom_run(run_and_read, &r) > 3);
		}
	assert_int_equal(fake_server_counts(server).opens, 1); /* no connection was lost over it */
}

/* ---- scripts ---- */

static cdbc_status run_script(void *data, cdbc_error **err)
{
	return cdbc_session_execute_script(session, data, NULL, err);
}

static void test_scripts(void **state)
{
	char script[] = SELECT ";\n" SELECT ";";

	(void)state;
	assert_true(oom_run(run_script, script) > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_scripts),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
