// SPDX-License-Identifier: Apache-2.0
/* A dialect that the application added, from end to end: the server says that it is its own, and
 * what is sent to it is written as that dialect has it. */
#include "data/sql/dialect.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <cdbc/dialect.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char sql[] = "-- name: find :many\n-- param: a int8\n-- param: b text?\n"
						  "-- param: by ident in(id, name) = id\n"
						  "select id from t where a = :a /*? b */ and b = :b /*?*/ order by :by;\n"
						  "-- name: listed :many\n-- param: ids int8[]\n"
						  "select id from t where id in (:ids)\n"
						  "-- name: past :many\n-- as-of: '-1s'\nselect id from t\n"
						  "-- name: pick :many\n-- dialect: sqlite\nselect 'theirs' as id\n"
						  "-- name: pick :many\n-- dialect: mine\nselect 'mine' as id\n"
						  "-- name: base :many\n-- dialect: cockroachdb\nselect 'base' as id\n"
						  "-- name: other :many\n-- dialect: sqlite\nselect 'other' as id\n";

static const cdbc_embedded_file file = {"q.sql", sql, sizeof sql - 1};
static const cdbc_embedded_queries queries = {sizeof queries, &file, 1};

static cdbc_status at(const cdbc_dialect *d, size_t number, const cdbc_sink *sink, cdbc_error **err)
{
	char text[24];
	int n = snprintf(text, sizeof text, "@p%zu", number);

	(void)d;
	return sink->write(sink->self, text, (size_t)n, err);
}

static cdbc_status at_end(const cdbc_dialect *d, const char *text, size_t length,
						  const char *expression, const cdbc_sink *sink, cdbc_error **err)
{
	cdbc_status status = sink->write(sink->self, text, length, err);

	(void)d;
	if (!status)
		status = sink->write(sink->self, " at time ", 9, err);
	return status ? status : sink->write(sink->self, expression, strlen(expression), err);
}

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
} fixture;

static int set_up(void **state)
{
	static fixture f;
	cdbc_dialect mine = {.struct_size = sizeof mine,
						 .name = "mine",
						 .based_on = "cockroachdb",
						 .list = {"in", "not in", "select * from split(", ")"},
						 .placeholder = at,
						 .as_of = at_end};
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;

	assert_int_equal(cdbc_dialect_add(&mine, NULL), CDBC_OK);
	f.server = fake_server_new("mine");
	fake_server_identify(f.server, "My database", "1.0", "mine", -1);
	fake_server_answer(f.server,
					   &(fake_answer){.sql = "select*", .columns = "id text", .rows = "$1"});
	options.embedded = &queries;
	test_client_open("fake:mine", NULL, 0, &options, &f.client, &f.session);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	cx_dialect_forget_added();
	return 0;
}

/* Whether the server was sent exactly that, among all else that a client says. */
static bool was_sent(const fixture *f, const char *text)
{
	const char *said;

	for (size_t i = 0; (said = fake_server_sql(f->server, i, NULL)) != NULL; i++)
		if (!strcmp(said, text))
			return true;
	for (size_t i = 0; (said = fake_server_sql(f->server, i, NULL)) != NULL; i++)
		print_message("# sent: %s\n", said);
	return false;
}

static void check_run(fixture *f, const char *name, cdbc_params params, const char *sent,
					  const char *first)
{
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;

	if (cdbc_session_run(f->session, name, params, NULL, &result, &err) ||
		!cdbc_result_next(result, &err))
		fail_msg("%s: %s", name, err ? cdbc_error_message(err) : "no row");
	if (first)
		assert_memory_equal(cdbc_result_text(result, 0).data, first, strlen(first));
	cdbc_result_free(result);
	assert_true(was_sent(f, sent));
}

static void test_named(void **state)
{
	const cdbc_value items[] = {cdbc_int64(1), cdbc_int64(2)};

	for (int i = 0; i < 2; i++) { /* made, and found made */
		check_run(*state, "find", CDBC_PARAMS({"b", cdbc_string("x")}, {"a", cdbc_int64(7)}),
				  "select id from t where a = @p1 and b = @p2 order by \"id\"", "7");
		check_run(*state, "find", CDBC_PARAMS({"by", cdbc_string("name")}, {"a", cdbc_int64(8)}),
				  "select id from t where a = @p1 order by \"name\"", "8");
		check_run(*state, "listed", CDBC_PARAMS({"ids", cdbc_array(items, 2)}),
				  "select id from t where id in (select * from split(@p1))", NULL);
		check_run(*state, "past", CDBC_NO_PARAMS, "select id from t at time '-1s'", NULL);
	}
}

/* Its own query, else one of the dialect that it is based on, else none. */
static void test_chosen(void **state)
{
	fixture *f = *state;
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;

	check_run(f, "pick", CDBC_NO_PARAMS, "select 'mine' as id", NULL);
	check_run(f, "base", CDBC_NO_PARAMS, "select 'base' as id", NULL);
	assert_int_equal(cdbc_session_run(f->session, "other", CDBC_NO_PARAMS, NULL, &result, &err),
					 CDBC_NOT_FOUND);
	assert_non_null(strstr(cdbc_error_message(err), "query \"other\" has no variant for mine"));
	cdbc_error_free(err);
}

static void test_text(void **state)
{
	fixture *f = *state;
	cdbc_result *result = NULL;

	assert_int_equal(cdbc_session_query(f->session, "select :x, :y, :x",
										CDBC_PARAMS({"x", cdbc_int64(3)}, {"y", cdbc_int64(4)}),
										NULL, &result, NULL),
					 CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	assert_memory_equal(cdbc_result_text(result, 0).data, "3", 1);
	cdbc_result_free(result);
	assert_true(was_sent(f, "select @p1, @p2, @p1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_chosen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
	};

	return cdbc_driver_add(&fake_driver, NULL) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
