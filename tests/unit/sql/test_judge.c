// SPDX-License-Identifier: Apache-2.0
/* What statements do, and where they end. */
#include "data/sql/keyword.h"
#include "data/sql/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define R CDBC_REQUEST_READ_ONLY
#define S CDBC_REQUEST_CHANGES_SESSION
#define F CDBC_REQUEST_SMALL_RESULT
#define C CDBC_REQUEST_COMMITS
#define V CDBC_REQUEST_VOLATILE
#define P CDBC_REQUEST_COMMITS_PARTS
#define X CDBC_REQUEST_CONTROLS

static const struct {
	const char *sql;
	cdbc_statement_kind kind;
	uint32_t flags;
} verdicts[] = {
	{"select 1", CDBC_KIND_SELECT, R},
	{"(select 1) union (select 2)", CDBC_KIND_SELECT, R},
	{"values (1)", CDBC_KIND_SELECT, R},
	{"table t", CDBC_KIND_SELECT, R},
	{"with a as (select 1) select * from a", CDBC_KIND_SELECT, R},
	{"with a (x, y) as materialized (select 1, 2), b(z) as (select 3) select count(*) from a",
	 CDBC_KIND_SELECT, R},
	{"with recursive a(n) as (select 1 union all select n + 1 from a where n < 5) table a",
	 CDBC_KIND_SELECT, R},
	{"with a as (delete from t returning *) select * from a", CDBC_KIND_SELECT, 0},
	{"with a as (select 1) insert into t select * from a", CDBC_KIND_DML, F},
	{"with a as (select 1) update t set x = 1 returning x", CDBC_KIND_DML, 0},
	{"select * from [insert into t values (1) returning id]", CDBC_KIND_SELECT, 0},
	{"select * from [show tables]", CDBC_KIND_SELECT, R},
	{"select * from [cancel query '1']", CDBC_KIND_SELECT, 0},
	{"select * from t for update", CDBC_KIND_SELECT, 0},
	{"select * from t for no key update", CDBC_KIND_SELECT, 0},
	{"select * from t for share", CDBC_KIND_SELECT, 0},
	{"select * from t for key share", CDBC_KIND_SELECT, 0},
	{"select t.update, \"delete\", share from t", CDBC_KIND_SELECT, R},
	{"select * into x from t", CDBC_KIND_SELECT, 0},
	{"select * into temp x from t", CDBC_KIND_SELECT, S},
	{"select nextval('s')", CDBC_KIND_SELECT, 0},
	{"select pg_catalog.setval('s', 1)", CDBC_KIND_SELECT, 0},
	{"select \"nextval\"('s')", CDBC_KIND_SELECT, 0},
	{"select U&\"nextval\"('s')", CDBC_KIND_SELECT, 0},
	{"select pg_catalog.lower(x), COUNT(*) over (partition by y) from t", CDBC_KIND_SELECT, R},
	{"select app.lower(x)", CDBC_KIND_SELECT, 0},
	{"select my_function(1)", CDBC_KIND_SELECT, 0},
	{"select cast(x as numeric(10,2)), coalesce(a, b), extract(year from d), x in (1, 2), any(y) "
	 "from t as u (a, b)",
	 CDBC_KIND_SELECT, R},
	{"select pg_advisory_lock(1)", CDBC_KIND_SELECT, S},
	{"select pg_try_advisory_lock_shared(1)", CDBC_KIND_SELECT, S},
	{"select pg_advisory_xact_lock(1)", CDBC_KIND_SELECT, 0},
	{"select set_config('a.b', 'c', false)", CDBC_KIND_SELECT, S},
	{"select set_config('a.b', lower('c'), true)", CDBC_KIND_SELECT, 0},
	{"select lo_create(0)", CDBC_KIND_SELECT, 0},
	{"select * from dblink('x', 'y') as t (a int)", CDBC_KIND_SELECT, 0},
	{"select 1 limit 100", CDBC_KIND_SELECT, R | F},
	{"select 1 limit 10 offset 5", CDBC_KIND_SELECT, R | F},
	{"select 1 limit 101", CDBC_KIND_SELECT, R},
	{"select 1 limit 10 * 100", CDBC_KIND_SELECT, R},
	{"select 1 limit 10::int", CDBC_KIND_SELECT, R},
	{"select 1 limit $1", CDBC_KIND_SELECT, R},
	{"select 1 from (select 2 limit 1) x", CDBC_KIND_SELECT, R},
	{"(select 1 limit 1) union all (select 2 limit 1)", CDBC_KIND_SELECT, R},
	{"select 1 fetch first 5 rows only", CDBC_KIND_SELECT, R | F},
	{"select 1 fetch first row only", CDBC_KIND_SELECT, R | F},
	{"select 1 fetch next 5 rows with ties", CDBC_KIND_SELECT, R},
	{"insert into t values (1)", CDBC_KIND_DML, F},
	{"insert into t values (1) returning id", CDBC_KIND_DML, 0},
	{"upsert into t values (1)", CDBC_KIND_DML, F},
	{"update t set a = 1", CDBC_KIND_DML, F},
	{"delete from t", CDBC_KIND_DML, F},
	{"merge into t using u on a = b when matched then delete", CDBC_KIND_DML, F},
	{"call p(1)", CDBC_KIND_DML, P},
	{"create index i on t (a)", CDBC_KIND_DDL, F},
	{"create index concurrently i on t (a)", CDBC_KIND_DDL, F | P},
	{"drop index concurrently i", CDBC_KIND_DDL, F | P},
	{"reindex (verbose) index concurrently i", CDBC_KIND_DDL, F | P},
	{"select concurrently from t", CDBC_KIND_SELECT, R},
	{"do $$ begin end $$", CDBC_KIND_DML, S | P},
	{"create table t (a int)", CDBC_KIND_DDL, F},
	{"create temp table t (a int)", CDBC_KIND_DDL, F | S},
	{"create or replace temporary view v as select 1", CDBC_KIND_DDL, F | S},
	{"create local temp table t (a int)", CDBC_KIND_DDL, F | S},
	{"create table pg_temp.t (a int)", CDBC_KIND_DDL, F | S},
	{"create table temp (a int)", CDBC_KIND_DDL, F},
	{"truncate t", CDBC_KIND_DDL, F},
	{"grant select on t to u", CDBC_KIND_DDL, F},
	{"begin", CDBC_KIND_TRANSACTION, F | X},
	{"commit", CDBC_KIND_TRANSACTION, F | C | X},
	{"/* done */ COMMIT", CDBC_KIND_TRANSACTION, F | C | X},
	{"end transaction", CDBC_KIND_TRANSACTION, F | C | X},
	{"release savepoint a", CDBC_KIND_TRANSACTION, F | X},
	{"release Cockroach_Restart", CDBC_KIND_TRANSACTION, F | C | X},
	{"release savepoint \"cockroach_restart\"", CDBC_KIND_TRANSACTION, F | C | X},
	{"release savepoint cockroach_restart2", CDBC_KIND_TRANSACTION, F | X},
	{"savepoint a", CDBC_KIND_TRANSACTION, F | X},
	{"set transaction isolation level serializable", CDBC_KIND_TRANSACTION, F},
	{"prepare transaction 'x'", CDBC_KIND_TRANSACTION, F | C | X},
	{"commit prepared 'x'", CDBC_KIND_TRANSACTION, F | C | X},
	{"rollback prepared 'x'", CDBC_KIND_TRANSACTION, F | C | X},
	{"set constraints all deferred", CDBC_KIND_TRANSACTION, F},
	{"set x = 1", CDBC_KIND_SESSION, S},
	{"set session x = 1", CDBC_KIND_SESSION, S},
	{"set local x = 1", CDBC_KIND_SESSION, 0},
	{"reset all", CDBC_KIND_SESSION, S},
	{"prepare p as select 1", CDBC_KIND_SESSION, S},
	{"deallocate p", CDBC_KIND_SESSION, S},
	{"discard all", CDBC_KIND_SESSION, S},
	{"listen x", CDBC_KIND_SESSION, S},
	{"use db", CDBC_KIND_SESSION, S},
	{"declare c cursor with hold for select 1", CDBC_KIND_SESSION, S},
	{"declare c cursor for select 1", CDBC_KIND_SESSION, 0},
	{"copy t from stdin", CDBC_KIND_COPY, 0},
	{"copy t to stdout", CDBC_KIND_COPY, R},
	{"copy (delete from t returning *) to stdout", CDBC_KIND_COPY, 0},
	{"copy t to '/tmp/x'", CDBC_KIND_COPY, 0},
	{"show tables", CDBC_KIND_UTILITY, R},
	{"explain delete from t", CDBC_KIND_UTILITY, R},
	{"explain analyze delete from t", CDBC_KIND_UTILITY, 0},
	{"explain (analyze, buffers) update t set x = 1", CDBC_KIND_UTILITY, 0},
	{"explain (analyze) select 1", CDBC_KIND_UTILITY, R},
	{"explain analyze with a as (select 1) select * from a", CDBC_KIND_UTILITY, R},
	{"explain analyze execute p", CDBC_KIND_UTILITY, 0},
	{"explain analyze create table a as select 1", CDBC_KIND_UTILITY, 0},
	{"vacuum", CDBC_KIND_UTILITY, P},
	{"analyze a, b", CDBC_KIND_UTILITY, P},
	{"cluster", CDBC_KIND_UTILITY, P},
	{"reindex (verbose) schema s", CDBC_KIND_DDL, F | P},
	{"whatever", CDBC_KIND_UNKNOWN, 0},
	/* another answer each time */
	{"select now()", CDBC_KIND_SELECT, R | V},
	{"select pg_catalog.now()", CDBC_KIND_SELECT, R | V},
	{"select * from t where at > Current_Timestamp - interval '1 day'", CDBC_KIND_SELECT, R | V},
	{"select current_date, localtime(0)", CDBC_KIND_SELECT, R | V},
	{"select * from t order by RANDOM() limit 1", CDBC_KIND_SELECT, R | F | V},
	{"select gen_random_uuid()", CDBC_KIND_SELECT, R | V},
	{"select timestamp 'now', date 'today'", CDBC_KIND_SELECT, R | V},
	{"select date 'Today'", CDBC_KIND_SELECT, R | V},
	{"select 'now'::timestamptz", CDBC_KIND_SELECT, R | V},
	{"select date('now')", CDBC_KIND_SELECT, R | V},
	{"select datetime()", CDBC_KIND_SELECT, R | V},
	{"select strftime('%s', 'now')", CDBC_KIND_SELECT, R | V},
	{"insert into t values (now())", CDBC_KIND_DML, F | V},
	{"select age(at) from t", CDBC_KIND_SELECT, R | V},
	{"select pg_catalog.AGE ( timestamp '2024-01-01' )", CDBC_KIND_SELECT, R | V},
	{"select \"age\"(coalesce(a, b)), f from t", CDBC_KIND_SELECT, R | V},
	{"select age((a, b)), age(x[1]), 2", CDBC_KIND_SELECT, R | V},
	{"select age(a, b), age($1, $2), age(coalesce(a, b), c) from t", CDBC_KIND_SELECT, R},
	{"select age(a, greatest(b, least(c, d))), (age(e, f)), 1 from t", CDBC_KIND_SELECT, R},
	{"select age(a, b), age(c) from t", CDBC_KIND_SELECT, R | V},
	{"select age(a, b - age(c)) from t", CDBC_KIND_SELECT, R | V},
	{"select age(a - age(b), c) from t", CDBC_KIND_SELECT, R | V},
	{"select age(a - age(b, c), d) from t", CDBC_KIND_SELECT, R | V}, /* nested: not counted */
	{"select age(a, d - age(b, c)) from t", CDBC_KIND_SELECT, R},
	{"select age, (age), t.age, 1 as age from t", CDBC_KIND_SELECT, R},
	{"with age (a) as (select 1) select a from age", CDBC_KIND_SELECT, R},
	{"select strftime('%s')", CDBC_KIND_SELECT, R | V},
	{"select strftime('%s', at) from t", CDBC_KIND_SELECT, R},
	{"select date('2024-01-01'), t.now, current_dates, \"current_date\" from t where a = 'now'",
	 CDBC_KIND_SELECT, R},
	{"select * from t where a in ('now', 'today')", CDBC_KIND_SELECT, R},
	{"select date_trunc('day', at), t.current_date from t", CDBC_KIND_SELECT, R},
	{"select * from t as of system time follower_read_timestamp()", CDBC_KIND_SELECT, R},
	/* keywords that are not reserved name functions of the user's */
	{"select set('a')", CDBC_KIND_SELECT, 0},
	{"select reset()", CDBC_KIND_SELECT, 0},
	{"select 1 + lock(2)", CDBC_KIND_SELECT, 0},
	{"select escape('a')", CDBC_KIND_SELECT, 0},
	{"select first(a), next(b)", CDBC_KIND_SELECT, 0},
	{"select filter(a)", CDBC_KIND_SELECT, 0},
	{"select over(a)", CDBC_KIND_SELECT, 0},
	{"select by(a)", CDBC_KIND_SELECT, 0},
	{"select materialized(a)", CDBC_KIND_SELECT, 0},
	{"select system(a)", CDBC_KIND_SELECT, 0},
	{"select sets(a)", CDBC_KIND_SELECT, 0},
	{"select replace(a, 'b', 'c')", CDBC_KIND_SELECT, R},
	{"select row(1, 2), array(select 3) from only (t)", CDBC_KIND_SELECT, R},
	{"select sum(a) filter (where b) over (order by (c)) from t group by (d)", CDBC_KIND_SELECT, R},
	{"select a from t tablesample system (10)", CDBC_KIND_SELECT, R},
	{"select a from t group by grouping sets ((a), ())", CDBC_KIND_SELECT, R},
	{"select a from t fetch first (5) rows only", CDBC_KIND_SELECT, R},
	{"with a as not materialized (select 1) select * from a", CDBC_KIND_SELECT, R},
	/* a quoted name is as it is written; what stands after a cast is a type */
	{"select \"Lower\"(a)", CDBC_KIND_SELECT, 0},
	{"select \"lower\"(a)", CDBC_KIND_SELECT, R},
	{"select a::decimal(10, 2), b:::my_type(3)", CDBC_KIND_SELECT, R},
	{"select cast(a as character varying(3)), varying(3)", CDBC_KIND_SELECT, 0},
	{"select cast(a as character varying(3)), b::bit varying(3)", CDBC_KIND_SELECT, R},
	/* main queries in brackets */
	{"with a as (select 1) (select * from a)", CDBC_KIND_SELECT, R},
	{"with a (x) as (select 1), b as (select 2) (table b)", CDBC_KIND_SELECT, R},
	{"explain (analyze) (select 1)", CDBC_KIND_UTILITY, R},
	{"explain (analyze) (select nextval('s'))", CDBC_KIND_UTILITY, 0},
	{"explain analyze verbose (select 1)", CDBC_KIND_UTILITY, R},
	{"explain analyze call p((select 1))", CDBC_KIND_UTILITY, 0},
	{"explain analyze execute p((select 1))", CDBC_KIND_UTILITY, 0},
	{"explain (opt) call p(1)", CDBC_KIND_UTILITY, R},
	{"explain explain analyze delete from t", CDBC_KIND_UTILITY, 0},
	{"explain analyze with a (x) as (select 1) select * from a", CDBC_KIND_UTILITY, R},
	{"explain analyze with a as (select f(1)) select * from a", CDBC_KIND_UTILITY, 0},
	/* what only names functions calls none */
	{"create function pg_advisory_lock_all() returns void language sql as ''", CDBC_KIND_DDL, F},
	{"grant execute on function dblink_connect(text) to u", CDBC_KIND_DDL, F},
	{"copy t (a, b) to stdout", CDBC_KIND_COPY, R},
	{"copy (select f(1)) to stdout", CDBC_KIND_COPY, 0},
	{"copy (select 1) to program 'x'", CDBC_KIND_COPY, 0},
	{"select 1 into local temp x", CDBC_KIND_SELECT, S},
	{"create schema s create temp view v as select 1", CDBC_KIND_DDL, F | S},
	{"import foreign schema a from server b into c", CDBC_KIND_DDL, F},
	{"import into t csv data ('x')", CDBC_KIND_UTILITY, 0},
	/* CockroachDB */
	{"show commit timestamp", CDBC_KIND_UTILITY, C | X},
	{"show trace for delete from t", CDBC_KIND_UTILITY, 0},
	{"select * from [experimental scrub table t]", CDBC_KIND_SELECT, 0},
	/* only words that begin a statement do so in square brackets, and not in an array's */
	{"select array[true]", CDBC_KIND_SELECT, R},
	{"select array[null, x], array[false, true], array[[true], [null]]", CDBC_KIND_SELECT, R},
	{"select * from t where a = any(array[not b, case when c then d end])", CDBC_KIND_SELECT, R},
	{"select array[start, key], array[comment], a[end], (a)[end], \"a\"[first]", CDBC_KIND_SELECT,
	 R},
	{"select a[1:n], a[1:2], a[n:], a[b[n]], $1[n]", CDBC_KIND_SELECT, R},
	{"select id from [insert into t values (1) returning id]", CDBC_KIND_SELECT, 0},
	{"select array[a], x from t, [insert into u values (1) returning x]", CDBC_KIND_SELECT, 0},
	{"select * from [delete from t returning *]", CDBC_KIND_SELECT, 0},
	{"select * from [show ranges from table t]", CDBC_KIND_SELECT, R},
	{"select * from t, [show jobs] as j, [values (1)], [table t]", CDBC_KIND_SELECT, R},
	{"select * from t, [pause job 1]", CDBC_KIND_SELECT, 0},
	{"select * from t join [cancel job 1] on true", CDBC_KIND_SELECT, 0},
	{"select * from ([backup into 'x'])", CDBC_KIND_SELECT, 0},
	{"select * from [create changefeed for table t]", CDBC_KIND_SELECT, 0},
	{"select * from [execute p]", CDBC_KIND_SELECT, 0},
	{"select * from [set a = 1]", CDBC_KIND_SELECT, 0},
	{"select * from [explain select 1]", CDBC_KIND_SELECT, R},
	{"select * from [explain analyze select 1]", CDBC_KIND_SELECT, 0},
	{"select * from [explain analyze (debug) delete from t]", CDBC_KIND_SELECT, 0},
	{"select * from [explain (analyze) create table a as select 1]", CDBC_KIND_SELECT, 0},
	{"select * from [with a as (select 1) select * from a]", CDBC_KIND_SELECT, R},
	{"select * from [with a as (select 1) insert into t table a returning b]", CDBC_KIND_SELECT, 0},
	{"select a[b], array[c, [d]] from [53 as t] as u", CDBC_KIND_SELECT, R},
	{"select * from t@{force_index=i} as of system time '-1s' where a:::int8 = $1:::int8",
	 CDBC_KIND_SELECT, R},
	{"select crdb_internal.force_retry('1s')", CDBC_KIND_SELECT, 0},
};

static void test_verdicts(void **state)
{
	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		cx_splitter splitter;
		cx_piece piece;

		cx_splitter_init(&splitter, verdicts[i].sql, strlen(verdicts[i].sql));
		assert_true(cx_splitter_next(&splitter, &piece));
		if (piece.kind != verdicts[i].kind || piece.flags != verdicts[i].flags)
			fail_msg("%s: kind %d flags %x, wanted %d %x", verdicts[i].sql, (int)piece.kind,
					 piece.flags, (int)verdicts[i].kind, verdicts[i].flags);
	}
}

/* The words that are known to act: whatever may do more than read where it begins a statement may
 * do so in square brackets, and nothing else. */
static void test_words_in_square_brackets(void **state)
{
#define WORD(id, text, flags) text,
	static const char *const words[] = {CX_WORDS(WORD)};
	char sql[80];
	size_t acting = 0;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		bool acts = false;

		for (int is_inner = 0; is_inner < 2; is_inner++) {
			cx_splitter splitter;
			cx_piece piece;

			snprintf(sql, sizeof sql, is_inner ? "select * from [%s x]" : "%s x", words[i]);
			cx_splitter_init(&splitter, sql, strlen(sql));
			assert_true(cx_splitter_next(&splitter, &piece));
			if (!is_inner)
				acts = piece.kind != CDBC_KIND_UNKNOWN && !(piece.flags & R);
			else if (acts == ((piece.flags & R) != 0) && strcmp(words[i], "into") != 0)
				fail_msg("%s: flags %x", sql, piece.flags);
		}
		acting += acts;
	}
	assert_in_range(acting, 40, sizeof words / sizeof *words - 40);
}

static const struct {
	const char *sql;
	const char *pieces; /* a bar after each statement */
} splits[] = {
	{"", ""},
	{" ; ;; -- x\n", ""},
	{"select 1", "select 1|"},
	{"select 1;select 2 ; ", "select 1|select 2|"},
	{"select ';' -- ;\n, $$;$$, \";\" /* ; */; select 2",
	 "select ';' -- ;\n, $$;$$, \";\"|select 2|"},
	{"create rule r as on insert to t do (select 1; select 2); select 3",
	 "create rule r as on insert to t do (select 1; select 2)|select 3|"},
	{"create function f() returns int begin atomic select 1; select case when 1 = 1 then 2 end; "
	 "end; select 3",
	 "create function f() returns int begin atomic select 1; select case when 1 = 1 then 2 end; "
	 "end|select 3|"},
	{"create procedure p() begin atomic create table t (begin int); end; select (case when 1 then "
	 "2 "
	 "end)",
	 "create procedure p() begin atomic create table t (begin int); end|select (case when 1 then 2 "
	 "end)|"},
	{"create procedure p() begin atomic select (case when 1 then 2 end), (begin); end; select 1",
	 "create procedure p() begin atomic select (case when 1 then 2 end), (begin); end|select 1|"},
	{"create or replace procedure p() begin atomic begin; end; end; select 1",
	 "create or replace procedure p() begin atomic begin; end; end|select 1|"},
	{"create function f() returns int as $$ begin return 1; end $$ language plpgsql; select 2",
	 "create function f() returns int as $$ begin return 1; end $$ language plpgsql|select 2|"},
	{"create trigger x after insert on t begin update a set b = 1; end; select 1",
	 "create trigger x after insert on t begin update a set b = 1; end|select 1|"},
	{"begin; select 1; end; select 2", "begin|select 1|end|select 2|"},
	{"copy t from stdin;\n1;'\n\\.\nselect 2;", "copy t from stdin|select 2|"},
	{"copy t (a) from stdin with csv; \r\n';\r\n\\.\r\nselect 2",
	 "copy t (a) from stdin with csv|select 2|"},
	{"copy t from stdin; -- rows\n1;'\n\\.\nselect 2;", "copy t from stdin|select 2|"},
	{"copy t from stdin; /* rows */ -- of t\n1;'\n\\.\nselect 2;", "copy t from stdin|select 2|"},
	{"copy t from stdin; /* a\n */ select 1;\n\\;", "copy t from stdin|select 1|\\|"},
	{"copy t from stdin; -", "copy t from stdin|-|"},
	{"copy t from stdin; select 2;", "copy t from stdin|select 2|"},
	/* the rows begin with the next line, whatever stands on this one */
	{"copy t from stdin; select 2; -- two\n1;'\n\\.\nselect 3;",
	 "copy t from stdin|select 2|select 3|"},
	{"copy t from stdin;;\n1;'\n\\.\nselect 3;", "copy t from stdin|select 3|"},
	{"copy t from stdin; select 2; copy u from stdin;\n1;'\n\\.\n;'2\n\\.\nselect 3;\n\\;",
	 "copy t from stdin|select 2|copy u from stdin|select 3|\\|"},
	{"copy t from stdin; copy u from stdin;\n1;'\n\\.\nselect 3;",
	 "copy t from stdin|copy u from stdin|select 3|"},
	{"copy t from stdin; select 2\n; select 3;\n1;\n\\.\n",
	 "copy t from stdin|select 2|select 3|1|\\.|"},
	{"copy t from stdin;\nselect 2;\n", "copy t from stdin|select 2|"},
	{"select a[1:2]; select 2", "select a[1:2]|select 2|"},
};

static void test_splits(void **state)
{
	for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
		cx_splitter splitter;
		cx_piece piece;
		char all[512] = "", whole[512] = "";

		cx_splitter_init(&splitter, splits[i].sql, strlen(splits[i].sql));
		while (cx_splitter_next(&splitter, &piece)) {
			assert_int_equal(piece.whole_offset, strlen(whole));
			strncat(whole, splits[i].sql + piece.whole_offset, piece.whole_length);
			strncat(all, piece.length ? piece.text : "", piece.length);
			strcat(all, piece.length ? "|" : "");
		}
		assert_string_equal(whole, splits[i].sql);
		assert_string_equal(all, splits[i].pieces);
		assert_null(splitter.lexer.error.message);
	}
}

/* A second for what takes milliseconds: reading again from the beginning would take minutes. */
static void test_long_lines(void **state)
{
	enum { COUNT = 200000 };
	char *text = malloc(COUNT * 9 + 1);
	cx_splitter splitter;
	cx_piece piece;
	size_t count = 0, column = 1;
	clock_t begin = clock();

	assert_non_null(text);
	for (size_t i = 0; i < COUNT; i++)
		memcpy(text + i * 9, i % 2 ? "select 1;" : "select \xc3\xa9", 9);
	for (size_t i = 0; i < COUNT; i += 2)
		text[i * 9 + 8] = ';';
	for (size_t i = 0; i < COUNT; i += 2)
		text[i * 9 + 7] = '1';
	memcpy(text, "select \xc3\xa9", 9);
	cx_splitter_init(&splitter, text, COUNT * 9);
	while (cx_splitter_next(&splitter, &piece)) {
		assert_int_equal(piece.column, column);
		column += count++ == 0 ? 17 : 9;
	}
	assert_int_equal(count, COUNT - 1); /* the first one has no semicolon */
	for (size_t i = 0; i < COUNT * 9; i++)
		text[i] = "+-"[i % 2];
	cx_splitter_init(&splitter, text, COUNT);
	assert_true(cx_splitter_next(&splitter, &piece));
	assert_int_equal(piece.length, COUNT);
	memset(text, ' ', COUNT);
	memcpy(text, "copy t from stdin;", 18);
	for (size_t i = 18; i + 4 < COUNT; i += 4)
		memcpy(text + i, "/**/", 4);
	memcpy(text + COUNT, "\n\\.\n", 4);
	cx_splitter_init(&splitter, text, COUNT + 4);
	assert_true(cx_splitter_next(&splitter, &piece));
	assert_int_equal(piece.whole_length, COUNT + 4);
	assert_int_equal(splitter.lexer.line, 3);
	assert_int_equal(splitter.lexer.line_start, COUNT + 4);
	for (size_t i = 18; i + 9 < COUNT * 9; i += 9) /* many after it in its line */
		memcpy(text + i, "select 1;", 9);
	cx_splitter_init(&splitter, text, COUNT * 9);
	for (count = 0; cx_splitter_next(&splitter, &piece); count++)
		;
	assert_true(count >= COUNT - 2);
	assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
	free(text);
}

static void test_places(void **state)
{
	const char *sql = "select 1;\n  -- é\n é; copy t from stdin;\nx\n\\.\n select 'x";
	cx_splitter splitter;
	cx_piece piece;

	cx_splitter_init(&splitter, sql, strlen(sql));
	assert_true(cx_splitter_next(&splitter, &piece));
	assert_true(cx_splitter_next(&splitter, &piece));
	assert_int_equal(piece.line, 3);
	assert_int_equal(piece.column, 2);
	assert_true(cx_splitter_next(&splitter, &piece));
	assert_int_equal(piece.column, 5);
	assert_int_equal(piece.data_length, 6);
	assert_memory_equal(piece.data, "\nx\n\\.\n", 6);
	assert_false(cx_splitter_next(&splitter, &piece));
	assert_int_equal(splitter.lexer.error.line, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),   cmocka_unit_test(test_words_in_square_brackets),
		cmocka_unit_test(test_splits),     cmocka_unit_test(test_places),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
