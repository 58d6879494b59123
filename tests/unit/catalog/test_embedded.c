// SPDX-License-Identifier: Apache-2.0
/* Queries that are in no file: names and namespaces, places in messages, all or nothing, and a
 * client that is opened with them. */
#include "support/oom.h"
#include "support/sql_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cdbc/cdbc.h>
#include <cmocka.h>

#define TEXT(file, text)                 \
	{                                    \
		(file), (text), sizeof(text) - 1 \
	}

static const cdbc_embedded_file good_files[] = {
	TEXT("a.sql", "-- name: a :one\nselect 1 as g;\n"),
	TEXT("reports/of/daily.sql", "-- name: top :one\nselect 2 as g;\n"),
	TEXT("./reports//plain.sql", "select 3 as g"),
};
static const cdbc_embedded_queries good = {sizeof good, good_files, 3};

static const cdbc_embedded_file bad_files[] = {
	TEXT("a.sql", "-- name: a :one\nselect 1 as g;\n"),
	TEXT("reports/b.sql", "-- name: b :one\n-- param: x int8\nselect 'x\n"),
};
static const cdbc_embedded_queries bad = {sizeof bad, bad_files, 2};

static cdbc_catalog *catalog;

static int set_up(void **state)
{
	(void)state;
	return cdbc_catalog_new(&catalog, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	cdbc_catalog_free(catalog);
	catalog = NULL;
	return 0;
}

static void test_names(void **state)
{
	cdbc_query_info info = {.struct_size = sizeof info};

	(void)state;
	assert_int_equal(cdbc_catalog_add_embedded(catalog, &good, NULL), CDBC_OK);
	assert_int_equal(cdbc_catalog_count(catalog), 3);
	assert_int_equal(cdbc_catalog_get(catalog, "a", &info, NULL), CDBC_OK);
	assert_string_equal(info.file, "a.sql");
	assert_int_equal(cdbc_catalog_get(catalog, "reports.of.top", &info, NULL), CDBC_OK);
	assert_string_equal(info.file, "reports/of/daily.sql");
	assert_int_equal(info.line, 1);
	assert_int_equal(cdbc_catalog_get(catalog, "reports.plain", &info, NULL), CDBC_OK);
	assert_string_equal(info.sql, "select 3 as g");
}

static void test_places(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	assert_int_equal(cdbc_catalog_add_embedded(catalog, &bad, &err), CDBC_SQL_FILE);
	assert_int_equal(strncmp(cdbc_error_message(err), "reports/b.sql:3:8: ", 19), 0);
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_FILE), "reports/b.sql");
	assert_int_equal(cdbc_error_line(err), 3);
	cdbc_error_free(err);
	assert_int_equal(cdbc_catalog_count(catalog), 0); /* the good file is not there either */
}

static void test_duplicates(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	assert_int_equal(cdbc_catalog_add_text(catalog, "x.sql", "-- name: a\nselect 1", 19, NULL),
					 CDBC_OK);
	assert_int_equal(cdbc_catalog_add_embedded(catalog, &good, &err), CDBC_SQL_FILE);
	assert_non_null(strstr(cdbc_error_message(err), "a.sql:1:10: query \"a\" is also in x.sql:1"));
	cdbc_error_free(err);
	assert_int_equal(cdbc_catalog_count(catalog), 1);
	assert_int_equal(cdbc_catalog_add_text(catalog, "y.sql", NULL, 0, NULL), CDBC_SQL_FILE);
}

/* The text is bytes with a length: nothing behind it is read, and nothing of it is kept. */
static void test_bytes(void **state)
{
	static const char sql[] = "-- name: n\nselect 'n'";
	cdbc_query_info info = {.struct_size = sizeof info};
	char *exact = malloc(sizeof sql - 1);
	cdbc_error *err = NULL;

	(void)state;
	assert_non_null(exact);
	memcpy(exact, sql, sizeof sql - 1);
	assert_int_equal(cdbc_catalog_add_text(catalog, "n.sql", exact, sizeof sql - 1, NULL), CDBC_OK);
	memset(exact, 'x', sizeof sql - 1);
	free(exact);
	assert_int_equal(cdbc_catalog_get(catalog, "n", &info, NULL), CDBC_OK);
	assert_string_equal(info.sql, "select 'n'");
	assert_int_equal(cdbc_catalog_add_text(catalog, "z.sql", "select '\0'", 10, &err),
					 CDBC_SQL_FILE);
	cdbc_error_free(err);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	cdbc_catalog *made = NULL;
	cdbc_status status = cdbc_catalog_new(&made, err);

	(void)data;
	if (!status)
		status = cdbc_catalog_add_embedded(made, &good, err);
	cdbc_catalog_free(made);
	return status;
}

static void test_oom(void **state)
{
	(void)state;
	assert_true(oom_run(scenario, NULL) > 5);
}

static void open_client(const cdbc_embedded_queries *embedded, const char *folder,
						cdbc_status wanted, cdbc_client **out, cdbc_error **err)
{
	static const char *const no_variables[] = {NULL};
	cdbc_config_item items[] = {{"database.url", "sqlite::memory:"}, {"queries.folders", folder}};
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config *config = NULL;

	from.items = items;
	from.item_count = folder ? 2 : 1;
	from.environ_list = no_variables;
	options.embedded = embedded;
	assert_int_equal(cdbc_config_load(&from, &config, NULL), CDBC_OK);
	assert_int_equal(cdbc_client_open(config, &options, out, err), wanted);
	cdbc_config_free(config);
}

static size_t count_of(cdbc_client *client)
{
	cdbc_catalog *queries = cdbc_client_catalog(client);
	size_t count = cdbc_catalog_count(queries);

	cdbc_catalog_free(queries);
	return count;
}

static void test_client(void **state)
{
	const char *folder = sql_folder_make();
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;

	(void)state;
	open_client(&bad, NULL, CDBC_SQL_FILE, &client, &err);
	assert_non_null(strstr(cdbc_error_message(err), "reports/b.sql:3:8: "));
	cdbc_error_free(err);
	err = NULL;
	sql_write("mine.sql", "-- name: mine\nselect 4 as g");
	open_client(&good, folder, CDBC_OK, &client, NULL);
	assert_int_equal(count_of(client), 4);
	sql_write("other.sql", "-- name: other\nselect 5 as g");
	assert_int_equal(cdbc_client_reload(client, NULL), CDBC_OK);
	assert_int_equal(count_of(client), 5);
	cdbc_client_close(client, 0);
	sql_write("other.sql", "-- name: reports.plain\nselect 5 as g");
	sql_write("mine.sql", "-- name: a\nselect 4 as g");
	open_client(&good, folder, CDBC_SQL_FILE, &client, &err);
	assert_non_null(strstr(cdbc_error_message(err), "query \"a\" is also in a.sql:1"));
	cdbc_error_free(err);
	sql_folder_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_duplicates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
		cmocka_unit_test(test_oom),
		cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
