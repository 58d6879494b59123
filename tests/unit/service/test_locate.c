// SPDX-License-Identifier: Apache-2.0
/* Where a statement is wrong: a server counts in what it was sent, the error in what was written.
 * In every text here HERE stands where the server points to. */
#include "support/test_client.h"
#include "support/oom.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static fake_server *server;
static cdbc_client *client;
static cdbc_session *session;

static void connect_to(const char *product, const char *dialect)
{
	cdbc_error *err = NULL;

	server = fake_server_new("locate");
	fake_server_identify(server, product, "1", dialect, -1);
	if (cdbc_client_open_url("fake:locate", &client, &err) ||
		cdbc_client_acquire(client, NULL, &session, &err))
		fail_msg("%s", cdbc_error_message(err));
}

static int set_up(void **state)
{
	(void)state;
	connect_to("PostgreSQL", "postgresql");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
	fake_server_free(server);
	return 0;
}

/* The character at which HERE begins, from 1. */
static int64_t here(const char *text)
{
	const char *end = strstr(text, "HERE");
	int64_t n = 1;

	assert_non_null(end);
	for (; text < end; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

typedef struct request {
	const char *name; /* NULL: sql is run */
	const char *sql;
	cdbc_params params;
} request;

static cdbc_status perform(void *data, cdbc_error **err)
{
	const request *r = data;
	cdbc_result *result;

	return r->name ? cdbc_session_run(session, r->name, r->params, NULL, &result, err)
				   : cdbc_session_query(session, r->sql, r->params, NULL, &result, err);
}

/* Fails it, at HERE in what was sent. */
static cdbc_error *fail_here(request *r)
{
	fake_answer answer = {.sql = "*",
						  .error = {.struct_size = sizeof(cdbc_error_info),
									.status = CDBC_SQL,
									.sqlstate = "42703",
									.message = "no such column"}};
	cdbc_error *err = NULL;

	fake_server_forget(server);
	fake_server_answer(server, &answer);
	assert_int_equal(perform(r, &err), CDBC_SQL);
	assert_int_equal(cdbc_error_position(err), 0);
	cdbc_error_free(err);
	err = NULL;
	answer.error.position =
		here(fake_server_sql(server, (size_t)fake_server_counts(server).requests - 1, NULL));
	fake_server_forget(server);
	fake_server_answer(server, &answer);
	assert_int_equal(perform(r, &err), CDBC_SQL);
	return err;
}

static void check_text(const char *sql, cdbc_params params)
{
	request r = {NULL, sql, params};
	cdbc_error *err = fail_here(&r);

	assert_int_equal(cdbc_error_position(err), here(sql));
	assert_null(cdbc_error_field(err, CDBC_FIELD_FILE));
	cdbc_error_free(err);
}

static void test_text(void **state)
{
	cdbc_value ids[] = {cdbc_int64(1), cdbc_int64(2)};

	(void)state;
	check_text("select HERE", CDBC_NO_PARAMS);
	check_text("select :a_long_name, \xc3\xa9, HERE, :a_long_name",
			   CDBC_PARAMS({"a_long_name", cdbc_int64(1)}));
	check_text("select 1 where a in (:ids)\n and HERE", CDBC_PARAMS({"ids", cdbc_array(ids, 2)}));
	check_text("select $1,\tHERE", CDBC_PARAMS({NULL, cdbc_int64(1)}));
	check_text("select 1; select \xe2\x82\xac, HERE; select 3", CDBC_NO_PARAMS);
}

/* file has one query, q, and HERE at that line and column. */
static void check_file(const char *file, cdbc_params params, int64_t line, int64_t column)
{
	request r = {"some.q", NULL, params};
	cdbc_query_info info;
	cdbc_catalog *catalog;
	cdbc_error *err = NULL;

	if (cdbc_client_register(client, "some/file.sql", file, strlen(file), &err))
		fail_msg("%s", cdbc_error_message(err));
	catalog = cdbc_client_catalog(client);
	assert_int_equal(cdbc_catalog_get(catalog, r.name, &info, NULL), CDBC_OK);
	err = fail_here(&r);
	assert_int_equal(cdbc_error_position(err), here(info.sql));
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_FILE), "some/file.sql");
	assert_int_equal(cdbc_error_line(err), line);
	assert_int_equal(cdbc_error_column(err), column);
	cdbc_error_free(err);
	cdbc_catalog_free(catalog);
}

static void test_file(void **state)
{
	(void)state;
	check_file("-- name: q\nselect HERE;\n", CDBC_NO_PARAMS, 2, 8);
	check_file("-- name: q\r\n-- param: a int8\r\n\t select :a,\r\n\t\xc3\xa9, HERE\r\n",
			   CDBC_PARAMS({"a", cdbc_int64(1)}), 4, 5);
	check_file("-- name: q\n  select 1 + HERE", CDBC_NO_PARAMS, 2, 14);
}

static void test_parts(void **state)
{
	static const char file[] = "-- name: q\n-- param: s ident in(a, b_long) = b_long\n-- param: x "
							   "int8?\n-- param: ys int8[]\n-- param: z int8?\n"
							   "select 1 from t\n where /*? x */ x = :x and /*?*/ y in (:ys)\n"
							   " /*? z */ or z = :z /*?*/\n order by :s, HERE";
	cdbc_value ys[] = {cdbc_int64(1)};

	(void)state;
	check_file(file, CDBC_PARAMS({"ys", cdbc_array(ys, 1)}), 9, 15);
	check_file(file, CDBC_PARAMS({"ys", cdbc_array(ys, 1)}, {"x", cdbc_int64(1)}), 9, 15);
	check_file(
		file, CDBC_PARAMS({"ys", cdbc_array(ys, 1)}, {"z", cdbc_int64(1)}, {"s", cdbc_string("a")}),
		9, 15);
}

static int set_up_cockroach(void **state)
{
	(void)state;
	connect_to("CockroachDB", "cockroachdb");
	return 0;
}

/* What is put in to read as of a time does not count. */
static void test_past(void **state)
{
	static const char file[] = "-- name: q\n-- as-of: '-10s'\n"
							   "select 1 from t\n where /*? x */ x = :x and /*?*/ HERE";

	(void)state;
	check_file(file, CDBC_NO_PARAMS, 4, 34);
	check_file(file, CDBC_PARAMS({"x", cdbc_int64(1)}), 4, 34);
	assert_non_null(strstr(fake_server_sql(server, 0, NULL), "system time"));
}

/* Success: the failure was told with its place in the file. Without memory it has none, or is the
 * lack of memory itself. */
static cdbc_status fail_located(void *data, cdbc_error **err)
{
	cdbc_error *error = NULL;
	cdbc_status status = perform(data, &error);
	bool is_located;

	assert_true(status == CDBC_SQL || status == CDBC_NOMEM);
	is_located = cdbc_error_position(error) == here(((request *)data)->sql);
	cdbc_error_free(error);
	(void)err;
	return is_located ? CDBC_OK : CDBC_NOMEM;
}

static void test_oom(void **state)
{
	static const char file[] = "-- name: q\nselect 1 where /*? x */ x = :x and /*?*/ HERE";
	request requests[] = {
		{"some.q", "select 1 where /*? x */ x = :x and /*?*/ HERE", CDBC_NO_PARAMS},
		{NULL, "select :a, HERE", CDBC_PARAMS({"a", cdbc_int64(1)})},
	};

	(void)state;
	check_file(file, CDBC_NO_PARAMS, 2, 42);
	for (size_t i = 0; i < 2; i++) {
		cdbc_error_free(fail_here(&requests[i]));
		assert_true(oom_run(fail_located, &requests[i]) > 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_past, set_up_cockroach, tear_down),
		cmocka_unit_test_setup_teardown(test_oom, set_up, tear_down),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
