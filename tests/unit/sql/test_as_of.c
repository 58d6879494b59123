// SPDX-License-Identifier: Apache-2.0
/* AS OF SYSTEM TIME: every shape of a statement, a row each, and what an expression may be. `~` is
 * where it goes. */
#include "base/buf.h"
#include "data/sql/as_of.h"
#include "data/sql/dialect.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const places[] = {
	"select * from t~",
	"SELECT * FROM t~",
	"select * from t~;",
	"select * from t~ ; -- c",
	"select * from t~ -- c\n",
	"select * from t~ /* c */ where a = 1",
	"select * from t~ where a = :a",
	"select * from t~ where a in (select b from u where c)",
	"select a, count(*) from t~ group by a",
	"select count(*) from t~ having count(*) > 1",
	"select a from t~ window w as (partition by a)",
	"select a from t~ order by a",
	"select a from t~ limit 3",
	"select a from t~ offset 3",
	"select a from t~ fetch first 3 rows only",
	"select * from t as x~ where x.a",
	"select * from t x~",
	"select * from t, u, (select * from v where w order by x) as y~ where 1",
	"select * from t join u on t.a = u.a and u.b is not distinct from t.b~ where t.c",
	"select * from t left join u using (a)~ order by a",
	"select * from t@idx~ where a",
	"select * from t@{force_index=idx,asc}~ where a",
	"select * from [show jobs]~ where a",
	"select * from generate_series(1, 3) with ordinality as g(a, b)~ order by a",
	"select * from rows from (f(1), g(2))~",
	"select * from lateral (select 1 from x) y~",
	"select a is distinct from b from t~",
	"select a is not distinct from b, extract(year from c), trim(both 'x' from d) from t~ where e",
	"select substring(a from 1 for 2), overlay(a placing b from 1 for 2) from t~ where c",
	"select (select b from u where c) from t~ where d",
	"select t.from, t.union, t.where from t~",
	"select a as from, b as union, c as for from t~ where d",
	"select \"from\", 'from x', $$ from $$ from t~",
	"select /* from x */ a -- from y\nfrom t~\nwhere b",
	"select percentile_cont(0.5) within group (order by a) from t~",
	"select count(*) filter (where a), sum(b) over (order by c) from t~ where d",
	"select case when a then b else c end from t~",
	"select distinct a from t~",
	"select distinct on (a) a from t~ order by a",
	"with x as (select * from y where z) select * from x~ where a",
	"with recursive x(n) as (select 1 from a union all select n from x), z as materialized (values "
	"(1)) select * from x, z~ order by 1",
	"with x as (select 1 from y) (select * from x~ where a)",
	"(select * from t~)",
	"(select * from t~ where a) order by b limit 1",
	"((select * from t~ order by a) limit 2)",
	"(with x as (select 1) select * from x~)",
	"select * from (select a from t union select b from u) as x~ where c",
	"select * from (values (1), (2)) as x(a)~",
	"select * from t as u(a, b)~ where a",
	"select a from s.t~ where t.order",
	"select a from t~ where b like '%as of system time%'",
	"select of from t as of~",
	"select :a, :b::int8 from t~ where c in (:d)",
	"select a[:n] from t~",
	"select $1 from t~ where b = $2",
};

static void test_places(void **state)
{
	for (size_t i = 0; i < COUNT(places); i++) {
		const char *mark = strchr(places[i], '~');
		char sql[400], expected[500];
		size_t at = (size_t)(mark - places[i]), out = 0;
		const cdbc_dialect *d = cdbc_dialect_find("cockroachdb");
		cx_buf buf = CX_BUF_INIT(1000);
		cdbc_sink sink = cx_dialect_sink(&buf);
		cdbc_error *err = NULL;

		snprintf(sql, sizeof sql, "%.*s%s", (int)at, places[i], mark + 1);
		if (cx_as_of_place(sql, strlen(sql), &out, &err))
			fail_msg("%s: %s", sql, cdbc_error_message(err));
		if (out != at)
			fail_msg("%s: at %zu, not %zu", sql, out, at);
		snprintf(expected, sizeof expected, "%.*s as of system time '-1s'%s", (int)at, places[i],
				 mark + 1);
		assert_int_equal(d->as_of(d, sql, strlen(sql), " '-1s' -- c", &sink, NULL), CDBC_OK);
		assert_string_equal(buf.data, expected);
		/* a second time is refused */
		assert_int_equal(cx_as_of_place(expected, strlen(expected), &out, &err), CDBC_SQL_FILE);
		assert_string_equal(cdbc_error_message(err), "the statement has its own AS OF");
		cdbc_error_free(err);
		cx_buf_free(&buf);
	}
}

#define READS  "`as-of` needs a statement that reads: a SELECT"
#define SELECT "`as-of` needs a SELECT with a FROM clause"
#define SET    "`as-of` needs one SELECT on top, not a set operation"
#define WRITES "`as-of` needs a statement that only reads"
#define OWN    "the statement has its own AS OF"

static const struct {
	const char *sql;
	int64_t line, column;
	const char *error;
} refused[] = {
	{"", 1, 1, READS},
	{"insert into t values (1)", 1, 1, READS},
	{" update t set a = 1", 1, 2, READS},
	{"delete from t", 1, 1, READS},
	{"upsert into t values (1)", 1, 1, READS},
	{"create table t (a int)", 1, 1, READS},
	{"explain select * from t", 1, 1, READS},
	{"show tables", 1, 1, READS},
	{"begin", 1, 1, READS},
	{"; select a from t", 1, 1, READS},
	{"with x as (select 1) insert into t select * from x", 1, 22, READS},
	{"with x as (select 1)\ndelete from t", 2, 1, READS},
	{"with x as (insert into t values (1) returning a) select * from x", 1, 12, WRITES},
	{"select * from [delete from t returning a]", 1, 16, WRITES},
	{"values (1)", 1, 1, SELECT},
	{"table t", 1, 1, SELECT},
	{"(values (1))", 1, 2, SELECT},
	{"with x as (select 1) table x", 1, 22, SELECT},
	{"select 1", 1, 1, "a SELECT without FROM has nothing to read `as-of` a time"},
	{"with x as (select 1 from t)\n select 1", 2, 2,
	 "a SELECT without FROM has nothing to read `as-of` a time"},
	{"select a into u from t", 1, 10, READS},
	{"select a from t union select b from u", 1, 17, SET},
	{"select a from t where b\nunion all select c from u", 2, 1, SET},
	{"(select a from t) intersect (select b from u)", 1, 19, SET},
	{"(select a from t order by a) except select b from u", 1, 30, SET},
	{"((select a from t) union select b from u) limit 1", 1, 20, SET},
	{"select 1 union select a from t", 1, 10, SET},
	{"select a from t for update", 1, 17, "rows that are read `as-of` cannot be locked"},
	{"select a from t where b for share", 1, 25, "rows that are read `as-of` cannot be locked"},
	{"(select a from t) for update", 1, 19, "rows that are read `as-of` cannot be locked"},
	{"select a from t as of system time '-1s' where b", 1, 23, OWN},
	{"select a from t AS OF SYSTEM TIME '-1s'", 1, 23, OWN},
	{"select a from (select b from u as of system time '-1s') x", 1, 38, OWN},
	{"select a from t; select b from u", 1, 18, "`as-of` needs one statement"},
	{"select 'a from t", 1, 8, NULL},
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		size_t out = 77;
		cdbc_error *err = NULL;

		if (cx_as_of_place(refused[i].sql, strlen(refused[i].sql), &out, &err) != CDBC_SQL_FILE)
			fail_msg("%s: not refused", refused[i].sql);
		assert_int_equal(out, 77);
		if (refused[i].error && strcmp(cdbc_error_message(err), refused[i].error) != 0)
			fail_msg("%s: %s", refused[i].sql, cdbc_error_message(err));
		if (cdbc_error_line(err) != refused[i].line || cdbc_error_column(err) != refused[i].column)
			fail_msg("%s: at %d:%d", refused[i].sql, (int)cdbc_error_line(err),
					 (int)cdbc_error_column(err));
		cdbc_error_free(err);
	}
}

/* ---- Expressions ---------------------------------------------------------------------------- */

static const char *const expressions[] = {
	"'-10s'",
	"  '-10s'  ",
	"'-10s' -- a comment",
	"'2026-01-01 00:00:00'",
	"interval '-10s'",
	"'-10s'::interval",
	"'-10s':::interval",
	"-10000000000",
	"1795412704837623186.0000000001",
	"follower_read_timestamp()",
	"FOLLOWER_READ_TIMESTAMP ( )",
	"experimental_follower_read_timestamp()",
	"with_max_staleness('10s')",
	"with_max_staleness('10s', true)",
	"with_min_timestamp(now() - interval '10s')",
	"with_min_timestamp(statement_timestamp() - '10s', true)",
	"('a' || 'b')::interval",
	"timestamptz '2026-01-01' - interval '1h'",
	"timestamp '2026-01-01' at time zone 'UTC'",
};

#define NO_PARAM "`as-of` takes no parameter: it is a part of the statement's text"

static const struct {
	const char *text;
	int64_t column;
	const char *error;
} wrong[] = {
	{"", 1, "an expression is missing"},
	{"  -- nothing", 1, "an expression is missing"},
	{"'-1s", 1, NULL},
	{"('-1s'", 1, "a bracket is never closed"},
	{"'-1s')", 6, "a bracket that closes none"},
	{"('-1s']", 7, "a bracket that closes none"},
	{"'-1s'; drop table t", 6, "a semicolon in an expression"},
	{"'-1s', '-2s'", 6, "`as-of` takes one expression"},
	{":time", 1, NO_PARAM},
	{"'-1s' || $1", 10, NO_PARAM},
	{"with_min_timestamp(:t)", 20, NO_PARAM},
	{"(select max(a) from t)", 2, "a query in AS OF SYSTEM TIME"},
	{"with_max_staleness((table t))", 21, "a query in AS OF SYSTEM TIME"},
	{"'-1s' where true", 7, "`as-of` takes one expression, and nothing after it"},
	{"'-1s' order by a", 7, "`as-of` takes one expression, and nothing after it"},
	{"'-1s' group by a", 7, "`as-of` takes one expression, and nothing after it"},
	{"'-1s' union select 1", 7, "`as-of` takes one expression, and nothing after it"},
	{"'-1s' for update", 7, "`as-of` takes one expression, and nothing after it"},
	{"yesterday", 1, "a name is no time"},
	{"\"yesterday\"", 1, "a name is no time"},
	{"now()", 1, "CockroachDB takes only a constant in AS OF SYSTEM TIME"},
	{"now() - interval '1h'", 1, "CockroachDB takes only a constant in AS OF SYSTEM TIME"},
	{"interval '1h' + current_timestamp", 17,
	 "CockroachDB takes only a constant in AS OF SYSTEM TIME"},
	{"random()", 1, "CockroachDB takes no such function in AS OF SYSTEM TIME"},
	{"'-1s' /* why */ || 'x'", 17, "a comment in an `as-of` expression"},
	{"/* why */ '-1s'", 11, "a comment in an `as-of` expression"},
};

static void test_expressions(void **state)
{
	size_t begin, end;
	cdbc_error *err = NULL;

	for (size_t i = 0; i < COUNT(expressions); i++) {
		if (cx_as_of_expression(expressions[i], strlen(expressions[i]), true, &begin, &end, &err))
			fail_msg("%s: %s", expressions[i], cdbc_error_message(err));
		assert_true(end > begin && end <= strlen(expressions[i]));
	}
	assert_int_equal(cx_as_of_expression("  '-1s' -- x", 12, true, &begin, &end, NULL), CDBC_OK);
	assert_int_equal(begin, 2);
	assert_int_equal(end, 7);
	/* another database's: only what no expression has */
	assert_int_equal(cx_as_of_expression("now()", 5, false, &begin, &end, NULL), CDBC_OK);
	assert_int_equal(cx_as_of_expression("at least 5", 10, false, &begin, &end, NULL), CDBC_OK);
	assert_int_equal(cx_as_of_expression(":a", 2, false, &begin, &end, NULL), CDBC_SQL_FILE);
	assert_int_equal(cx_as_of_expression("(5", 2, false, &begin, &end, NULL), CDBC_SQL_FILE);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (cx_as_of_expression(wrong[i].text, strlen(wrong[i].text), true, &begin, &end, &err) !=
			CDBC_SQL_FILE)
			fail_msg("%s: not refused", wrong[i].text);
		if (wrong[i].error && strcmp(cdbc_error_message(err), wrong[i].error) != 0)
			fail_msg("%s: %s", wrong[i].text, cdbc_error_message(err));
		if (cdbc_error_column(err) != wrong[i].column)
			fail_msg("%s: at %d", wrong[i].text, (int)cdbc_error_column(err));
		cdbc_error_free(err);
		err = NULL;
	}
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	const cdbc_dialect *d = cdbc_dialect_find("cockroachdb");
	cx_buf out = CX_BUF_INIT(1000);
	cdbc_sink sink = cx_dialect_sink(&out);
	cdbc_status status = d->as_of(d, "select * from t", 15, "'-1s'", &sink, err);

	cx_buf_free(&out);
	return status;
}

static void test_oom(void **state)
{
	assert_true(oom_run(scenario, NULL) >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_oom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
