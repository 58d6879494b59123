// SPDX-License-Identifier: Apache-2.0
/* What CockroachDB takes is taken, also where only it does; what no statement looks like is refused
 * at its place. */
#include "base/error.h"
#include "data/sql/grammar.h"
#include "support/skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Taken; with something that is CockroachDB's alone. */
static const char *const own[] = {
	"select id from accounts as of system time follower_read_timestamp() where id = :id",
	"upsert into accounts (id, balance) values (:id, :balance) returning nothing",
	"explain upsert into accounts values (1)",
	"select id from accounts@{force_index=by_owner,desc} where owner = 'x'",
	"select id from accounts@by_owner order by index accounts@by_owner desc",
	"select id from accounts@primary order by primary key accounts",
	"select table_name from [show tables] as x where schema_name = 'public'",
	"select id from [insert into accounts values (1) returning id]",
	"with x as (show jobs) select * from x",
	"select (1,), (), ((1, 2) as a, b), (row(1, 2) as a, b).a, @1",
	"select '{}':::jsonb, 7 // 2, 0xff, annotate_type(1, string)",
	"select a from t where b = any array[1, 2] and c is not of (int8, string)",
	"select a from (select 1 as a), (select 2 as b) where true",
	"select a from t inner lookup join u using (a) left merge join v on b = c",
	"update t@i set a = 1 where b = 2 order by c limit 3 returning d",
	"delete from t where a = 1 order by b limit 10",
	"delete batch (size 100) from t where a < now()",
	"create table t (a int8, b string, index (b) storing (a), family f (a, b))",
	"create index on t (a) using hash with (bucket_count = 8)",
	"alter table t split at values (1), (2)",
	"alter range default configure zone using num_replicas = 5, gc.ttlseconds = 600",
	"alter database d add region 'west'",
	"backup table a, b into 'nodelocal://1/x' as of system time '-10s' with revision_history",
	"restore database d from latest in 'nodelocal://1/x'",
	"import into t (a, b) csv data ('nodelocal://1/t.csv') with skip = '1'",
	"export into parquet 'x' with chunk_rows = '10' from select a from t where b = 1",
	"create changefeed into 'kafka://k' with updated, resolved = '10s' as select a from t where b",
	"show ranges from index t@i with details, keys",
	"cancel queries select query_id from [show queries] where user_name = 'x'",
	"begin priority high, as of system time '-1s'",
	"explain analyze (debug) select a from t",
};

/* Taken by both. */
static const char *const both[] = {
	"select a from rows from (f(1), g(2)) as x, lateral rows from (h(x.a)) as y",
	"select a from t where b is distinct from c and d is not distinct from e",
	"select extract(year from a), substring(b from 1 for 2), trim(both 'x' from c) from t",
	"select a as from, b as where, c as \"order\", t.group, t.limit from t",
	"select sum(a order by b) filter (where c) over (partition by d order by e) from t",
	"select percentile_disc(0.5) within group (order by a desc) from t",
	"select distinct on (a, b) c from t group by a having count(*) > 1 order by 1 offset 2 limit "
	"3",
	"select a from t order by a for no key update of t skip locked limit 1",
	"(select a from t order by a limit 1) union all (select 2) order by 1 limit 5",
	"select a from t union select b from u where c except distinct select d from v order by 1",
	"with recursive r (a) as (select 1 union all select a + 1 from r where a < 9) select * from r",
	"with d as (delete from t where a returning b), u as (update v set c = 1) select * from d",
	"insert into t (a) select b from u where c order by d limit 1 on conflict (a) where a > 1 do "
	"update set a = excluded.a where t.b > 2 returning a",
	"insert into t default values",
	"update t set (a, b) = (select 1, 2), c = default from u where t.id = u.id",
	"select a from t where b operator(pg_catalog.=) c and d operator(=) e",
	"select case a when 1 then b else c end, not d, -e from t where not exists (select 1)",
	"values (1, 2), (:a, :b) order by 1",
	"grant select, insert, update on table a, b to c",
	"declare c cursor for select a from t",
	"",
	"-- nothing",
	"select 1; update t set a = 1;",
};

typedef struct mistake {
	const char *sql;
	int column;
	const char *message;
} mistake;

static const mistake mistakes[] = {
	{"selct 1", 1, "no statement begins with `selct`"},
	{"1", 1, "no statement begins with `1`"},
	{"select from t", 1, "nothing stands after `select`"},
	{"select a from where b", 10, "nothing stands after `from`"},
	{"select a from t where", 17, "nothing stands after `where`"},
	{"select a from t where b and", 25, "nothing stands after `and`"},
	{"select a from t where (b or )", 26, "nothing stands after `or`"},
	{"select a from t where b = order by c", 25, "nothing stands after `=`"},
	{"select a from t where b in (select c from u where d >) and e", 53,
	 "nothing stands after `>`"},
	{"select a, from t", 9, "nothing stands after the comma"},
	{"select a,, b from t", 10, "a second comma"},
	{"select f(, b) from t", 10, "nothing stands before the comma"},
	{"select array[1, ]", 15, "nothing stands after the comma"},
	{"select a from t order by", 23, "nothing stands after `by`"},
	{"select a from t limit", 17, "nothing stands after `limit`"},
	{"select a from t group by b where c = 1", 28, "`where` after GROUP BY"},
	{"select a from t order by b where c = 1", 28, "`where` after ORDER BY"},
	{"select a from t limit 1 order by b", 25, "`order` after LIMIT"},
	{"select a where b from t", 18, "`from` after WHERE"},
	{"select a from t where b where c", 25, "a second `where`"},
	{"select a from t select b", 17, "a second `select`, which nothing joins to the first"},
	{"select a from t order by b union select c", 28, "`union` after ORDER BY"},
	{"select a from t where (select b where c from u)", 41, "`from` after WHERE"},
	{"update t where a = 1", 21, "an UPDATE without SET"},
	{"update t set where a = 1", 10, "nothing stands after `set`"},
	{"update t set a = where b", 16, "nothing stands after `=`"},
	{"delete t where a = 1", 1, "`delete` without FROM"},
	{"insert t values (1)", 1, "`insert` without INTO"},
	{"insert into t values ()", 22, "nothing stands in the brackets after `values`"},
	{"upsert into t (a, b) values (1, 2) returning", 36, "nothing stands after `returning`"},
	{"with x as (select a,, b) select * from x", 21, "a second comma"},
	{"select case when then 1 end", 13, "nothing stands after `when`"},
	{"select 1; selct 2", 11, "no statement begins with `selct`"},
	{"create table t (a int8,, b int8)", 24, "a second comma"},
};

static void take(const char *sql, bool wanted)
{
	cdbc_error *err = NULL;
	bool has_additions = false;

	if (cx_structure_check(sql, strlen(sql), &has_additions, &err))
		fail_msg("%s: %s", sql, cdbc_error_message(err));
	if (has_additions != wanted)
		fail_msg("%s: additions %d", sql, has_additions);
}

static void test_taken(void **state)
{
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		take(own[i], true);
	for (size_t i = 0; i < sizeof both / sizeof *both; i++)
		take(both[i], false);
}

/* What PostgreSQL takes has to be what its parser takes, as far as it is there. */
static void test_against_parser(void **state)
{
	cx_grammar grammar;

	if (!cx_grammar_open(&grammar)) {
		test_skip("libpg_query is not there");
	}
	for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
		cdbc_error *err = NULL;

		if (!strchr(both[i], ':') && cx_grammar_parse(&grammar, both[i], &err))
			fail_msg("%s: %s", both[i], cdbc_error_message(err));
	}
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (!cx_grammar_parse(&grammar, own[i], NULL))
			fail_msg("PostgreSQL takes: %s", own[i]);
}

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		const mistake *m = &mistakes[i];
		cdbc_error *err = NULL;

		if (cx_structure_check(m->sql, strlen(m->sql), NULL, &err) != CDBC_SQL_FILE)
			fail_msg("taken: %s", m->sql);
		if (strcmp(cdbc_error_message(err), m->message) != 0 ||
			cdbc_error_column(err) != m->column || cdbc_error_position(err) != m->column)
			fail_msg("%s\n%d: %s", m->sql, (int)cdbc_error_column(err), cdbc_error_message(err));
		cdbc_error_free(err);
	}
}

/* Deeper than it looks; and whatever the lexer makes of bytes. */
static void test_deep(void **state)
{
	char sql[4096];
	size_t n = (size_t)snprintf(sql, sizeof sql, "select ");

	memset(sql + n, '(', 1000);
	memcpy(sql + n + 1000, "a = ", 4);
	memset(sql + n + 1004, ')', 1000);
	strcpy(sql + n + 2004, " from t where");
	assert_int_equal(cx_structure_check(sql, strlen(sql), NULL, NULL), CDBC_SQL_FILE);
	strcpy(sql + n + 2004, " from t where b)))");
	assert_int_equal(cx_structure_check(sql, strlen(sql), NULL, NULL), CDBC_OK);
	assert_int_equal(cx_structure_check("select 'open", 12, NULL, NULL), CDBC_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_against_parser),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
