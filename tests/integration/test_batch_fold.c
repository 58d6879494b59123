// SPDX-License-Identifier: Apache-2.0
/* Rows of a batch that go as arrays, on PostgreSQL (skipped without CDBC_TEST_URL): the table and
 * what the caller hears are the same as without, or none are made. How many statements inserted a
 * table's rows is seen in cmin. */
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ROWS 200

typedef struct fixture {
	cdbc_client *client;
	cdbc_session *session;
	char told[16384];
} fixture;

/* A macro: err is read after the call has been made. */
#define ok(call, err)                                \
	do {                                             \
		if (call)                                    \
			fail_msg("%s", cdbc_error_message(err)); \
	} while (0)

static int set_up(void **state)
{
	static fixture f;
	const char *url = getenv("CDBC_TEST_URL");

	memset(&f, 0, sizeof f);
	*state = &f;
	if (!url)
		return 0;
	test_client_open(url, NULL, 0, NULL, &f.client, &f.session);
	test_must_run(f.session, "drop schema if exists \"Fold\" cascade");
	test_must_run(f.session, "create schema \"Fold\"");
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	if (f->session)
		test_must_run(f->session, "drop schema \"Fold\" cascade");
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
	char *end = f->told + length;

	if (error) {
		snprintf(end, sizeof f->told - length, "%lld failed %s; ", (long long)index,
				 cdbc_error_sqlstate(error));
		return true;
	}
	assert_false(cdbc_result_next(result, NULL));
	assert_true(cdbc_result_is_complete(result));
	snprintf(end, sizeof f->told - length, "%lld %s %lld; ", (long long)index,
			 cdbc_result_tag(result), (long long)cdbc_result_affected_count(result));
	return true;
}

static cdbc_batch *make(fixture *f, bool is_atomic, bool is_row_by_row)
{
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	cdbc_batch *batch = NULL;
	cdbc_error *err = NULL;

	options.is_atomic = is_atomic;
	options.is_row_by_row = is_row_by_row;
	ok(cdbc_batch_new(f->session, &options, &batch, &err), err);
	f->told[0] = '\0';
	return batch;
}

/* ROWS times a statement of (:id, :n); n is the id, but for the row at. */
static void add_rows(cdbc_batch *batch, const char *sql, int64_t at, int64_t n_there)
{
	cdbc_error *err = NULL;

	for (int64_t i = 0; i < ROWS; i++) {
		ok(cdbc_batch_add_sql(
			   batch, sql,
			   CDBC_PARAMS({"id", cdbc_int64(i)}, {"n", cdbc_int64(i == at ? n_there : i)}), &err),
		   err);
		ok(cdbc_batch_place(batch, "rows.sql", i + 1, 3, &err), err);
	}
}

static const char plain_sql[] = "insert into \"Fold\".t (id, n) values (:id, :n)";

static int64_t commands(fixture *f)
{
	return test_number_of(f->session,
						  "select count(distinct (xmin::text, cmin::text)) from \"Fold\".t");
}

static void check_all_told(const fixture *f, int64_t count)
{
	char want[16384] = "";

	for (int64_t i = 0; i < count; i++)
		snprintf(want + strlen(want), sizeof want - strlen(want), "%lld INSERT 0 1 1; ",
				 (long long)i);
	assert_string_equal(f->told, want);
}

/* ---- the same ---- */

static void rows_are_one(void **state)
{
	fixture *f = begin(state);

	for (int way = 0; way < 4; way++) {
		cdbc_batch *batch = make(f, way & 1, way & 2);
		cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
		cdbc_error *err = NULL;

		test_must_run(f->session, "drop table if exists \"Fold\".t");
		test_must_run(
			f->session,
			"create table \"Fold\".t (o bigserial, at timestamptz default now(), id int, n "
			"numeric(8,2) unique, u uuid default gen_random_uuid(), w text default 'w')");
		add_rows(batch, plain_sql, -1, 0);
		ok(cdbc_batch_execute(batch, on_result, f, &sum, &err), err);
		check_all_told(f, ROWS);
		assert_int_equal(sum.done_count, ROWS);
		assert_int_equal(sum.affected_count, ROWS);
		assert_int_equal(sum.attempt_count, 1);
		assert_int_equal(commands(f), way & 2 ? ROWS : 1);
		assert_int_equal(
			test_number_of(f->session,
						   "select count(*) from \"Fold\".t where o = id + 1 and n = id "
						   "and u is not null and w = 'w' and at is not null"),
			ROWS);
		cdbc_batch_free(batch);
	}
}

#define COLUMNS                                                                                   \
	"bo bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, nu numeric, n2 numeric(8,2), "     \
	"te text, vc varchar(9), ch char(4), by bytea, da date, ti time, tt timetz, ts timestamp, "   \
	"tz timestamptz, iv interval, uu uuid, js json, jb jsonb, ine inet, mo money, ra int4range, " \
	"en \"Fold\".mood, pt point, vb varbit, oi oid, na name, xm xml"
#define TYPE_COUNT 30

/* A value of each column, in text. */
static const char *const texts[2][TYPE_COUNT] = {{"t",
												  "-7",
												  "8",
												  "-9223372036854775808",
												  "1.5",
												  "0.1",
												  "12345678901234567890.123456789",
												  "1.255",
												  "a \"q\", {x}\\ 'NULL'",
												  "abc",
												  "ab",
												  "\\x00ff",
												  "0044-03-15 BC",
												  "24:00",
												  "10:00+02",
												  "2024-02-29 12:00:00.123456",
												  "infinity",
												  "1 mon -3 days 04:05:06.7",
												  "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
												  "{\"a\" : [1, null]}",
												  "{\"b\" : \"\\\\\"}",
												  "10.0.0.1/8",
												  "$12.34",
												  "[1,5)",
												  "so so",
												  "(1,2)",
												  "101",
												  "4294967295",
												  "NULL",
												  "<a b=\"1\"/>"},
												 {"no",
												  "0",
												  "+1",
												  "7",
												  "NaN",
												  "-Infinity",
												  "NaN",
												  "-0.005",
												  "",
												  "",
												  "",
												  "\\x",
												  "5874897-12-31",
												  "00:00",
												  "10:00-02:30",
												  "-infinity",
												  "2024-03-31 02:30:00+02",
												  "P1Y",
												  "00000000-0000-0000-0000-000000000000",
												  "null",
												  "[]",
												  "::1",
												  "-1",
												  "empty",
												  "\"ok\"",
												  "(0,-1e300)",
												  "",
												  "0",
												  "x",
												  "t"}};

static void add_typed(cdbc_batch *batch, const char *sql)
{
	cdbc_param params[TYPE_COUNT];
	cdbc_error *err = NULL;

	for (int i = 0; i < ROWS; i++) {
		for (int k = 0; k < TYPE_COUNT; k++)
			params[k] =
				cdbc_param_of(NULL, (i + k) % 7 == 0 ? cdbc_null() : cdbc_string(texts[i & 1][k]));
		if (i % 3 == 0) { /* as they come from a program */
			params[0].value = cdbc_bool(i & 1);
			params[2].value = cdbc_int64(i);
			params[3].value = cdbc_int64(-i);
			params[4].value = cdbc_double(i / 4.0);
			params[5].value = cdbc_double(i / 3.0);
			params[6].value = cdbc_int64(i);
			params[8].value = cdbc_int64(i);
			params[9].value = cdbc_double(1.5);
			params[11].value = cdbc_bytes("\0\\\"", 3);
			params[18].value = cdbc_bytes("0123456789abcdef", 16);
		}
		ok(cdbc_batch_add_sql(batch, sql, cdbc_params_of(params, TYPE_COUNT), &err), err);
	}
}

static void types_are_the_same(void **state)
{
	fixture *f = begin(state);
	static const char *const tables[] = {"t", "single"};
	char sql[1024];

	test_must_run(f->session, "create type \"Fold\".mood as enum ('so so', '\"ok\"')");
	test_must_run(f->session, "create table \"Fold\".t (" COLUMNS ")");
	test_must_run(f->session, "create table \"Fold\".single (" COLUMNS ")");
	for (int i = 0; i < 2; i++) {
		cdbc_batch *batch = make(f, false, i);
		cdbc_error *err = NULL;

		snprintf(sql, sizeof sql, "insert into \"Fold\".%s values ($1", tables[i]);
		for (int k = 2; k <= TYPE_COUNT; k++)
			snprintf(sql + strlen(sql), sizeof sql - strlen(sql), ", $%d", k);
		strcat(sql, ")");
		add_typed(batch, sql);
		ok(cdbc_batch_execute(batch, on_result, f, NULL, &err), err);
		check_all_told(f, ROWS);
		cdbc_batch_free(batch);
	}
	assert_int_equal(commands(f), 1);
	assert_int_equal(test_number_of(f->session,
									"select count(*) from (select row_number() over (), t::text "
									"from \"Fold\".t except select row_number() over (), s::text "
									"from \"Fold\".single s) d"),
					 0);
}

/* A parameter of a declared type is cast to its column's in both cases. */
static void declared_types(void **state)
{
	fixture *f = begin(state);
	cdbc_error *err = NULL;

	test_must_run(f->session, "create table \"Fold\".t (id int2, n text)");
	for (int by_row = 0; by_row < 2; by_row++) {
		cdbc_batch *batch = make(f, true, by_row);

		test_must_run(f->session, "truncate \"Fold\".t");
		for (int i = 0; i < ROWS; i++) {
			cdbc_value id = cdbc_double(i + 0.5), n = cdbc_string("2024-01-01 23:30:00+00");

			id.type.id = CDBC_TYPE_FLOAT8;
			n.type.id = CDBC_TYPE_TIMESTAMPTZ;
			ok(cdbc_batch_add_sql(batch, plain_sql, CDBC_PARAMS({"id", id}, {"n", n}), &err), err);
		}
		ok(cdbc_batch_execute(batch, NULL, NULL, NULL, &err), err);
		assert_int_equal(commands(f), by_row ? ROWS : 1);
		assert_int_equal(test_number_of(f->session, "select sum(id) from \"Fold\".t"),
						 20000); /* to even */
		assert_int_equal(test_number_of(f->session, "select count(*) from \"Fold\".t where n = "
													"'2024-01-01 23:30:00+00'"),
						 ROWS);
		cdbc_batch_free(batch);
	}
}

/* ---- failures ---- */

static void the_failing_row_is_named(void **state)
{
	fixture *f = begin(state);

	for (int way = 0; way < 4; way++) {
		bool is_atomic = way & 1;
		cdbc_batch *batch = make(f, is_atomic, way & 2);
		cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
		cdbc_error *err = NULL;

		test_must_run(f->session, "drop table if exists \"Fold\".t");
		test_must_run(f->session,
					  "create table \"Fold\".t (id int primary key, n int check (n <> 1000))");
		add_rows(batch, plain_sql, 157, 1000);
		assert_int_equal(cdbc_batch_execute(batch, on_result, f, &sum, &err), CDBC_SQL);
		assert_non_null(strstr(cdbc_error_message(err), "rows.sql:158:3"));
		assert_string_equal(cdbc_error_sqlstate(err), "23514");
		assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
		assert_int_equal(sum.done_count, is_atomic ? 0 : 157);
		assert_int_equal(sum.failed_count, 1);
		assert_int_equal(sum.undone_count, is_atomic ? ROWS - 1 : 0);
		assert_int_equal(sum.not_sent_count, is_atomic ? 0 : ROWS - 158);
		assert_int_equal(test_number_of(f->session, "select count(*) from \"Fold\".t"),
						 is_atomic ? 0 : 157);
		assert_non_null(strstr(f->told, is_atomic ? "157 failed" : "156 INSERT 0 1 1; 157 failed"));
		if (!is_atomic)
			assert_int_equal(commands(f), way & 2 ? 157 : 1);
		cdbc_error_free(err);
		cdbc_batch_free(batch);
	}
}

/* A value that no server sees. */
static void a_value_that_does_not_fit(void **state)
{
	fixture *f = begin(state);
	cdbc_batch *batch = make(f, false, false);
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
	cdbc_error *err = NULL;

	test_must_run(f->session, "create table \"Fold\".t (id int, n int)");
	add_rows(batch, plain_sql, 140, INT64_MAX);
	assert_int_equal(cdbc_batch_execute(batch, on_result, f, &sum, &err), CDBC_PARAM);
	assert_non_null(strstr(cdbc_error_message(err), "rows.sql:141:3"));
	assert_int_equal(sum.done_count, 140);
	assert_int_equal(test_number_of(f->session, "select count(*) from \"Fold\".t"), 140);
	cdbc_error_free(err);
	cdbc_batch_free(batch);
}

/* ---- none are made ---- */

/* The batch's result is that of single statements; is_one: arrays were made. */
static void goes(fixture *f, const char *sql, const char *failure, bool is_one)
{
	cdbc_batch *batch = make(f, false, false);
	cdbc_error *err = NULL;

	add_rows(batch, sql, -1, 0);
	if (cdbc_batch_execute(batch, on_result, f, NULL, &err)) {
		if (!failure)
			fail_msg("%s: %s", sql, cdbc_error_message(err));
		assert_string_equal(cdbc_error_sqlstate(err), failure);
		cdbc_error_free(err);
	} else {
		assert_null(failure);
		check_all_told(f, ROWS);
		if (commands(f) != (is_one ? 1 : ROWS))
			fail_msg("%s: %lld commands", sql, (long long)commands(f));
	}
	cdbc_batch_free(batch);
}

static void where_it_would_be_seen(void **state)
{
	fixture *f = begin(state);
	static const struct {
		const char *table;
		const char *then; /* "": nothing */
		const char *failure;
	} cases[] = {{"(id int, n int, at timestamptz default statement_timestamp())", "", NULL},
				 {"(id int, n int, c int default \"Fold\".next())", "", NULL},
				 {"(id int primary key, n int references \"Fold\".t)", "", NULL},
				 {"(id int, n \"Fold\".small)", "", NULL},
				 {"(id int, n \"char\")", "", NULL},
				 {"(id int, n bit(8))", "", "22026"},
				 {"(id int, n int)", "alter table \"Fold\".t enable row level security", NULL},
				 {"(id int, n int)",
				  "create rule r as on insert to \"Fold\".t where new.n < 0 do instead nothing",
				  NULL},
				 {"(id int, n int)",
				  "create trigger a after insert on \"Fold\".t for each statement execute function "
				  "\"Fold\".touch()",
				  NULL},
				 {"(id int, n int)",
				  "create trigger a after insert on \"Fold\".t for each row execute function "
				  "\"Fold\".touch()",
				  NULL},
				 {"(id int, n int) partition by range (id)",
				  "create table \"Fold\".p partition of \"Fold\".t default", NULL}};

	test_must_run(f->session,
				  "create function \"Fold\".next() returns int language sql as 'select 1'");
	test_must_run(f->session,
				  "create function \"Fold\".touch() returns trigger language plpgsql as "
				  "'begin return null; end'");
	test_must_run(f->session, "create domain \"Fold\".small as int");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char sql[200];

		test_must_run(f->session, "drop table if exists \"Fold\".t cascade");
		snprintf(sql, sizeof sql, "create table \"Fold\".t %s", cases[i].table);
		test_must_run(f->session, sql);
		if (cases[i].then[0])
			test_must_run(f->session, cases[i].then);
		/* a text of its own: a prepared statement keeps the types it was prepared for */
		snprintf(sql, sizeof sql, "%s -- %zu", plain_sql, i);
		goes(f, sql, cases[i].failure, false);
	}
}

/* The children come before their parents: what single statements refuse is refused. */
static void a_key_to_itself(void **state)
{
	fixture *f = begin(state);
	cdbc_batch *batch = make(f, false, false);
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;

	test_must_run(f->session,
				  "create table \"Fold\".t (id int primary key, n int references \"Fold\".t)");
	add_rows(batch, plain_sql, 150, 199);
	assert_int_equal(cdbc_batch_execute(batch, on_result, f, &sum, NULL), CDBC_SQL);
	assert_int_equal(sum.done_count, 150);
	cdbc_batch_free(batch);
}

static void other_statements(void **state)
{
	fixture *f = begin(state);

	test_must_run(f->session, "create table \"Fold\".t (id int, n int, unique (id, n))");
	test_must_run(f->session, "set search_path to \"Fold\", public");
#define GOES(sql, is_one)                        \
	do {                                         \
		test_must_run(f->session, "truncate t"); \
		goes(f, sql, NULL, is_one);              \
	} while (0)
	GOES("insert into t (id, n) values (:id, :n)", true);
	GOES("INSERT INTO T(\"n\", ID) VALUES(:id , :n) ;", true);
	GOES("insert into t values (:id, :n) -- the end", true);
	GOES("insert into /* here */ t values (:id, :n)", true);
	GOES("insert into t (id, n) values (:id, :n + 0)", false);
	GOES("insert into t (id, n) values (:id::int, :n)", false);
	GOES("insert into t as a (id, n) values (:id, :n)", false);
	GOES("insert into t (id, n) values (:id, :n) on conflict do nothing", false);
	GOES("insert into t (id, n) select :id, :n::int", false);
	GOES("with x as (select 1) insert into t (id, n) values (:id, :n)", false);
	GOES("insert into t (id, n) overriding system value values (:id, :n)", false);
	test_must_run(f->session, "truncate t");
	goes(f, "insert into t (id, id) values (:id, :n)", "42701", false);
	goes(f, "insert into nowhere (id, n) values (:id, :n)", "42P01", false);
	test_must_run(f->session, "reset search_path");
}

/* In a transaction of the caller's a failure could not be taken back. */
static void not_inside(void **state)
{
	fixture *f = begin(state);
	cdbc_error *err = NULL;

	test_must_run(f->session, "create table \"Fold\".t (id int, n int)");
	ok(cdbc_session_begin(f->session, NULL, &err), err);
	goes(f, plain_sql, NULL, false);
	ok(cdbc_session_commit(f->session, &err), err);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(rows_are_one),
		CASE(types_are_the_same),
		CASE(declared_types),
		CASE(the_failing_row_is_named),
		CASE(a_value_that_does_not_fit),
		CASE(where_it_would_be_seen),
		CASE(a_key_to_itself),
		CASE(other_statements),
		CASE(not_inside),
	};

	return cmocka_run_group_tests_name("batch_fold", tests, NULL, NULL);
}
