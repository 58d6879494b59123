// SPDX-License-Identifier: Apache-2.0
/* The headers that say who may run a query and how: what each keeps, and what is refused because it
 * cannot be true of the query. */
#include "service/catalog/catalog.h"
#include "support/oom.h"
#include "sql_file.h"

static cdbc_query_info info_of(const char *text)
{
	cdbc_query_info info;
	cdbc_catalog *catalog = sql_file_load(text);

	assert_int_equal(cdbc_catalog_get(catalog, "a", &info, NULL), CDBC_OK);
	sql_file_keep(catalog);
	return info;
}

static void test_kept(void **state)
{
	const cx_query *query;
	cdbc_query_info info;
	cdbc_catalog *catalog = sql_file_load("-- name: a :many\n"
										  "-- roles: teller,\tnight-auditor , ops@EXAMPLE.COM\n"
										  "-- cache: 30s\n"
										  "-- retry: 5\n"
										  "-- isolation: Read Committed\n"
										  "-- priority: HIGH\n"
										  "select 1\n");

	assert_int_equal(cdbc_catalog_get(catalog, "a", &info, NULL), CDBC_OK);
	assert_int_equal(cx_catalog_find(catalog, "a", NULL, &query, NULL), CDBC_OK);
	assert_int_equal(query->role_count, 3);
	assert_string_equal(query->roles[0], "teller");
	assert_string_equal(query->roles[1], "night-auditor");
	assert_string_equal(query->roles[2], "ops@EXAMPLE.COM");
	assert_int_equal(query->cache_ms, 30000);
	assert_int_equal(query->retry_count, 5);
	assert_string_equal(query->isolation, "READ COMMITTED");
	assert_string_equal(query->priority, "HIGH");
	assert_ptr_equal(info.roles, query->roles);
	assert_int_equal(info.role_count, 3);
	assert_int_equal(info.cache_ms, 30000);
	assert_int_equal(info.retry_count, 5);
	assert_string_equal(info.isolation, "READ COMMITTED");
	assert_string_equal(info.priority, "HIGH");
	assert_false(info.is_idempotent);
	assert_null(info.deprecated);
	cdbc_catalog_free(catalog);
	info = info_of("-- name: a\nselect 1\n");
	assert_int_equal(info.role_count, 0);
	assert_int_equal(info.cache_ms, 0);
	assert_int_equal(info.retry_count, -1);
	assert_null(info.isolation);
	assert_null(info.priority);
	info = info_of("-- name: a\n-- retry: 0\n-- idempotent\n-- timeout: 5m\n-- max-rows: 7\n"
				   "-- deprecated: use b\n-- isolation: repeatable_read\n-- priority: normal\n"
				   "insert into t values (1)\n");
	assert_int_equal(info.retry_count, 0);
	assert_int_equal(info.timeout_ms, 300000);
	assert_int_equal(info.max_rows, 7);
	assert_true(info.is_idempotent);
	assert_string_equal(info.deprecated, "use b");
	assert_string_equal(info.isolation, "REPEATABLE READ");
	assert_string_equal(info.priority, "NORMAL");
	info = info_of("-- name: a\n-- isolation: snapshot\n-- priority: low\nselect 1\n");
	assert_string_equal(info.isolation, "REPEATABLE READ");
	assert_string_equal(info.priority, "LOW");
	info = info_of("-- name: a\n-- isolation: SERIALIZABLE\n-- cache: 250ms\n-- roles: x\n"
				   "select 1 /*? n */ where 1 = :n /*?*/\n");
	assert_string_equal(info.isolation, "SERIALIZABLE");
}

static const sql_file_mistake mistakes[] = {
	{"-- name: a\n-- roles: ,\nselect 1\n", "2:11: a role's name is missing"},
	{"-- name: a\n-- roles: x,\nselect 1\n", "2:13: a role's name is missing"},
	{"-- name: a\n-- roles: x,,y\nselect 1\n", "2:13: a role's name is missing"},
	{"-- name: a\n-- roles: x y\nselect 1\n", "2:13: a comma is missing between roles"},
	{"-- name: a\n-- roles: x, y, x\nselect 1\n", "2:17: role \"x\" is given twice"},
	{"-- name: a\n-- roles: "
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nselect 1\n",
	 "2:11: a role's name has more than 63 bytes"},
	{"-- name: a\n-- roles:\nselect 1\n", "2:4: `roles` needs something after its colon"},
	{"-- name: a\n-- roles: x\n-- roles: y\nselect 1\n", "3:4: `roles` is given twice"},
	{"-- name: a\n-- cache: 30\nselect 1\n", "2:11: \"30\" is not a duration"},
	{"-- name: a\n-- cache: 0s\nselect 1\n", "2:11: a duration is above 0"},
	{"-- name: a\n-- retry: -1\nselect 1\n", "2:11: \"-1\" is not a number of retries"},
	{"-- name: a\n-- retry: 1001\nselect 1\n", "2:11: \"1001\" is not a number of retries"},
	{"-- name: a\n-- isolation: serialisable\nselect 1\n",
	 "2:15: \"serialisable\" is no isolation level"},
	{"-- name: a\n-- isolation: chaos\nselect 1\n", "2:15: \"chaos\" is no isolation level"},
	{"-- name: a\n-- isolation: serializable                                            x\n"
	 "select 1\n",
	 "2:15: \"serializable"},
	{"-- name: a\n-- priority: hihg\nselect 1\n", "2:14: \"hihg\" is no priority"},
	/* what cannot be true */
	{"-- name: a\n-- cache: 3s\ninsert into t values (1)\n",
	 "2:4: `cache` on a query that is not read only"},
	{"-- name: a\n-- cache: 3s\nselect 1 for update\n",
	 "2:4: `cache` on a query that is not read only"},
	{"-- name: a\n-- cache: 3s\nselect * from t where at < now()\n",
	 "2:4: `cache` on a query that names the time, chance or its connection"},
	{"-- name: a\n-- cache: 3s\nselect * from t where 1 = 1\n"
	 "/*? b */ and c = :b and random() < 1\n/*?*/\n",
	 "2:4: `cache` on a query that names the time, chance or its connection"},
	{"-- name: a #\n-- cache: 3s\nselect 1\n", "2:4: `cache` on a query that gives no rows"},
	{"-- name: a :exec\n-- cache: 3s\nselect 1\n", "2:4: `cache` on a query that gives no rows"},
	{"-- name: a #\n-- retry: 2\nselect 1\n", "2:4: `retry` on a script, which is never repeated"},
	{"-- name: a :copyfrom\n-- retry: 2\ncopy t from stdin\n",
	 "2:4: `retry` on a copy of rows, which is never repeated"},
	{"-- name: a #\n-- isolation: serializable\nselect 1\n", "2:4: `isolation` on a script"},
	{"-- name: a\n-- isolation: serializable\nbegin\n",
	 "2:4: `isolation` on a statement that begins or ends one"},
	{"-- name: a\n-- priority: low\nset timezone = 'UTC'\n",
	 "2:4: `priority` on a statement that sets the session"},
	{"-- name: a #\n-- priority: low\nselect 1\n", "2:4: `priority` on a script"},
};

static void test_mistakes(void **state)
{
	sql_file_refuse(mistakes, sizeof mistakes / sizeof *mistakes);
}

static void test_hints(void **state)
{
	assert_string_equal(sql_file_hint("-- name: a\n-- isolation: serialisable\nselect 1\n"),
						"did you mean \"serializable\"?");
	assert_string_equal(sql_file_hint("-- name: a\n-- isolation: chaos\nselect 1\n"),
						"one of: serializable, repeatable read, read committed or snapshot");
	assert_string_equal(sql_file_hint("-- name: a\n-- priority: hihg\nselect 1\n"),
						"did you mean \"high\"?");
	assert_string_equal(sql_file_hint("-- name: a\n-- priority: urgent\nselect 1\n"),
						"one of: low, normal or high");
}

static void test_many_roles(void **state)
{
	char text[1024] = "-- name: a\n-- roles: r0";
	size_t n = strlen(text);

	for (int i = 1; i < 65; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, ",r%d", i);
	snprintf(text + n, sizeof text - n, "\nselect 1\n");
	sql_file_refuse(&(sql_file_mistake){text, "2:257: more than 64 roles"}, 1);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	return sql_file_try("-- name: a\n-- roles: x, y\n-- cache: 3s\n-- isolation: snapshot\n"
						"select 1\n",
						err);
}

static void test_out_of_memory(void **state)
{
	assert_true(oom_run(scenario, NULL) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept),          cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_hints),         cmocka_unit_test(test_many_roles),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, sql_file_begin, sql_file_end);
}
