// SPDX-License-Identifier: Apache-2.0
/* The cache on PostgreSQL and SQLite: every type comes out of it as it went in, and rows that the
 * database shows to one role never answer another. */
#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "support/skip.h"

static const char pg_types[] =
	"-- name: typed\n-- cache: 1h\n"
	"select i, i % 2 = 0 as even, i::int2 as i2, i::int4 as i4, i * 1.5::float4 as f4,\n"
	"       i * 2.5::float8 as f8, 'text ' || i as txt, case when i % 3 = 0 then null else i end "
	"as n,\n"
	"       (i * 1.25)::numeric(12,2) as d, i::numeric as exact, decode(lpad(to_hex(i), 4, '0'), "
	"'hex') as b,\n"
	"       date '2024-01-01' + i as day, time '01:02:03' as t, timestamp '2024-01-01 00:00:00.5' "
	"as ts,\n"
	"       timestamptz '2024-01-01 00:00:00Z' as tz, interval '1 month 2 days 3 s' as span,\n"
	"       md5(i::text)::uuid as u, array[i, null, i + 1] as list, array['a', null, i::text] as "
	"texts,\n"
	"       array[]::int8[] as none, null::int8[] as nothing, '{t,NULL,f}'::bool[] as bools,\n"
	"       jsonb_build_object('i', i) as j\n"
	"  from generate_series(1, :count::int) i\n";

static const char sqlite_types[] =
	"-- name: typed\n-- cache: 1h\n"
	"with recursive s(i) as (select 1 union all select i + 1 from s where i < :count)\n"
	"select i, i * 1.5 as f, 'text ' || i as txt, case when i % 3 = 0 then null else i end as n,\n"
	"       x'00ff' as b from s\n";

static const char roles[] =
	"-- name: mine\n-- cache: 1h\nselect who, secret from cache_rows order by 1\n"
	"-- name: everybodys\nselect who, secret from cache_rows order by 1\n";

static void fail_with(const char *what, cdbc_error *err)
{
	fail_msg("%s: %s", what, err ? cdbc_error_message(err) : "no error was given");
}

static cdbc_client *open_client(const char *url, const char *queries)
{
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_config_item items[] = {{"results.batch_rows", "64"}};
	cdbc_config *config = NULL;
	cdbc_client *client = NULL;
	cdbc_error *err = NULL;

	from.url = url;
	from.items = items;
	from.item_count = 1;
	if (cdbc_config_load(&from, &config, &err) || cdbc_client_open(config, NULL, &client, &err) ||
		cdbc_client_register(client, "test.sql", queries, strlen(queries), &err))
		fail_with("open", err);
	cdbc_config_free(config);
	return client;
}

static cdbc_session *open_session(cdbc_client *client, const char *role)
{
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_config_item setting = {"role", role};
	cdbc_session *session;
	cdbc_error *err = NULL;

	options.settings = &setting;
	options.setting_count = role != NULL;
	if (cdbc_client_acquire(client, &options, &session, &err))
		fail_with("acquire", err);
	return session;
}

static cdbc_status to_buffer(void *data, const void *bytes, size_t length, cdbc_error **err)
{
	FILE *file = data;

	(void)err;
	return fwrite(bytes, 1, length, file) == length ? CDBC_OK : CDBC_IO;
}

/* All rows as JSON. */
static char *rows_of(cdbc_session *session, const char *name, cdbc_params params)
{
	char *text = NULL;
	size_t length = 0;
	FILE *file = open_memstream(&text, &length);
	cdbc_sink sink = {.struct_size = sizeof sink, .write = to_buffer, .self = file};
	cdbc_result *result;
	cdbc_error *err = NULL;

	if (cdbc_session_run(session, name, params, NULL, &result, &err) ||
		cdbc_result_write(result, cdbc_format_find("json"), NULL, NULL, 0, NULL, NULL, &sink, &err))
		fail_with(name, err);
	cdbc_result_free(result);
	fclose(file);
	return text;
}

static int64_t hits(cdbc_client *client)
{
	cdbc_cache_stats stats = {.struct_size = sizeof stats};

	cdbc_client_cache_stats(client, &stats);
	return stats.hit_count;
}

static void check_types(const char *url, const char *queries)
{
	static const int64_t counts[] = {0, 1, 8, 64, 65, 300};
	cdbc_client *client = open_client(url, queries);
	cdbc_session *session = open_session(client, NULL);

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		cdbc_params params = CDBC_PARAMS({"count", cdbc_int64(counts[i])});
		char *first = rows_of(session, "typed", params), *second, *fresh;
		int64_t before = hits(client);

		second = rows_of(session, "typed", params);
		assert_int_equal(hits(client), before + 1);
		assert_string_equal(first, second);
		cdbc_client_cache_invalidate(client, "typed");
		fresh = rows_of(session, "typed", params);
		assert_string_equal(first, fresh);
		free(first);
		free(second);
		free(fresh);
	}
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
}

static void test_types(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");

	(void)state;
	if (!url || strncmp(url, "cockroachdb:", 12) == 0)
		test_skip("no PostgreSQL in CDBC_TEST_URL");
	check_types(url, pg_types);
}

static void test_types_of_sqlite(void **state)
{
	cdbc_error *err = NULL;
	cdbc_client *client;

	(void)state;
	if (cdbc_client_open_url("sqlite::memory:", &client, &err)) {
		cdbc_error_free(err);
		test_skip("built without SQLite");
	}
	cdbc_client_close(client, 0);
	check_types("sqlite::memory:", sqlite_types);
}

static void run(cdbc_session *session, const char *sql)
{
	cdbc_error *err = NULL;
	cdbc_result *result;

	if (cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, &err))
		fail_with(sql, err);
	cdbc_result_free(result);
}

static void run_in_batch(cdbc_session *session, const char *sql)
{
	cdbc_error *err = NULL;
	cdbc_batch *batch;

	if (cdbc_batch_new(session, NULL, &batch, &err) ||
		cdbc_batch_add_sql(batch, "select 1", CDBC_NO_PARAMS, &err) ||
		cdbc_batch_add_sql(batch, sql, CDBC_NO_PARAMS, &err) ||
		cdbc_batch_execute(batch, NULL, NULL, NULL, &err))
		fail_with(sql, err);
	cdbc_batch_free(batch);
}

/* Row-level security decides by role. */
static void test_roles(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");
	cdbc_session *owner, *ann, *bob;
	cdbc_client *client;

	(void)state;
	if (!url || strncmp(url, "cockroachdb:", 12) == 0)
		test_skip("no PostgreSQL in CDBC_TEST_URL");
	client = open_client(url, roles);
	owner = open_session(client, NULL);
	run(owner, "drop table if exists cache_rows");
	run(owner, "drop role if exists cache_ann");
	run(owner, "drop role if exists cache_bob");
	run(owner, "create role cache_ann");
	run(owner, "create role cache_bob");
	run(owner, "create table cache_rows (who text, secret text)");
	run(owner, "insert into cache_rows values ('cache_ann', 'a'), ('cache_bob', 'b')");
	run(owner, "alter table cache_rows enable row level security");
	run(owner, "create policy own on cache_rows using (who = current_user)");
	run(owner, "grant select on cache_rows to cache_ann, cache_bob");
	ann = open_session(client, "cache_ann");
	bob = open_session(client, "cache_bob");
	for (int round = 0; round < 2; round++) {
		char *of_ann = rows_of(ann, "mine", CDBC_NO_PARAMS);
		char *of_bob = rows_of(bob, "mine", CDBC_NO_PARAMS);
		char *all = rows_of(owner, "mine", CDBC_NO_PARAMS);

		assert_true(strstr(of_ann, "cache_ann") && !strstr(of_ann, "cache_bob"));
		assert_true(strstr(of_bob, "cache_bob") && !strstr(of_bob, "cache_ann"));
		assert_true(strstr(all, "cache_ann") && strstr(all, "cache_bob"));
		free(of_ann);
		free(of_bob);
		free(all);
	}
	assert_int_equal(hits(client), 3);
	/* who becomes another by SQL has no part in it */
	run(owner, "set role cache_bob");
	for (int round = 0; round < 2; round++) {
		char *rows = rows_of(owner, "mine", CDBC_NO_PARAMS);

		assert_true(strstr(rows, "cache_bob") && !strstr(rows, "cache_ann"));
		free(rows);
	}
	assert_int_equal(hits(client), 3);
	cdbc_session_release(owner);
	owner = open_session(client, NULL);
	run_in_batch(owner, "set role cache_ann");
	for (int round = 0; round < 2; round++) {
		char *rows = rows_of(owner, "mine", CDBC_NO_PARAMS);

		assert_true(strstr(rows, "cache_ann") && !strstr(rows, "cache_bob"));
		free(rows);
	}
	assert_int_equal(hits(client), 3);
	run(owner, "reset role");
	run(owner, "drop table cache_rows");
	run(owner, "drop role cache_ann");
	run(owner, "drop role cache_bob");
	cdbc_session_release(ann);
	cdbc_session_release(bob);
	cdbc_session_release(owner);
	cdbc_client_close(client, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_types_of_sqlite),
		cmocka_unit_test(test_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
