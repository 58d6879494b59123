// SPDX-License-Identifier: Apache-2.0
/* What cannot stand when an optional part is gone is a mistake with a place, and what can stand is
 * no mistake: a row a case. `^` in a text is where the mistake is; it is not part of the text. */
#include "base/buf.h"
#include "data/sql/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NEEDS    "what has to follow here is gone"
#define BEFORE   "what has to stand before this is gone"
#define BRACKETS "brackets are left with nothing in them"
#define SET      "an UPDATE has nothing left to set"
#define COUNT    "a count of rows is lost"
#define JOIN     "a JOIN loses its condition"
#define BETWEEN  "a BETWEEN loses its AND"
#define BOUND    "a BETWEEN loses its second bound"
#define ROLES    "this AND is a BETWEEN's for some parameters, for others not"
#define CASE     "a CASE is left without one of its parts"
#define NO_WHEN  "a CASE has no WHEN left"
#define LISTS    "a list is left longer or shorter than its other one"
#define LOST     "lost" /* the condition of an UPDATE, DELETE, MERGE */

/* The statement with the letters of given, and the message when it is a mistake; else NULL. */
static const struct {
	const char *text, *given, *expected, *message;
} rows[] = {
	/* limit and offset go with their number */
	{"select 1 limit /*? a */ :a /*?*/ offset 5", "", "select 1 offset 5", NULL},
	{"select 1 limit /*? a */ :a /*?*/", "", "select 1", NULL},
	{"select 1 limit 5 offset /*? a */ :a /*?*/", "", "select 1 limit 5", NULL},
	{"select 1 limit /*? a */ :a /*?*/ offset /*? b */ :b /*?*/", "", "select 1", NULL},
	{"select 1 limit /*? a */ :a /*?*/ offset /*? b */ :b /*?*/", "b", "select 1 offset :b", NULL},
	{"select 1 where /*? a */ x /*?*/ limit /*? b */ 1 /*?*/ for update", "", "select 1 for update",
	 NULL},
	{"select 1 limit 5 ^, /*? a */ 10 /*?*/", "", "select 1 limit 5",
	 "a LIMIT with two numbers loses its second"},
	{"select 1 fetch ^first /*? a */ :a /*?*/ rows only", "", "select 1 fetch first rows only",
	 COUNT},
	{"select 1 ^offset /*? a */ :a /*?*/ rows", "", "select 1 offset rows", COUNT},
	{"select x as limit /*? a */ , y /*?*/ from t", "", "select x as limit from t", NULL},
	{"select 1 order by x nulls first /*? a */ , y /*?*/", "", "select 1 order by x nulls first",
	 NULL},
	/* between */
	{"select 1 where x between :a ^and /*? b */ :b /*?*/", "", "select 1 where x between :a and",
	 BOUND},
	{"select 1 where x ^between /*? a */ :a /*?*/ and :b", "", "select 1 where x between and :b",
	 NEEDS},
	{"select 1 where x ^between :a /*? b */ and :b /*?*/", "", "select 1 where x between :a",
	 BETWEEN},
	{"select 1 where x between :a /*? b */ and :b /*? !b */ and 9 /*?*/ and y", "",
	 "select 1 where x between :a and 9 and y", NULL},
	{"select 1 where x between /*? a */ :a /*? !a */ 1 /*?*/ and 2", "",
	 "select 1 where x between 1 and 2", NULL},
	{"select 1 where /*? a */ x between 1 and 2 and /*?*/ y", "", "select 1 where y", NULL},
	/* set */
	{"update t set a = :a, /*? b */ b = :b /*?*/ where z", "", "update t set a = :a where z", NULL},
	{"update t set /*? b */ b = :b, /*?*/ a = :a where z", "", "update t set a = :a where z", NULL},
	{"update t set /*? a */ a = :a /*?*/, /*? b */ b = :b /*?*/ where z", "b",
	 "update t set b = :b where z", NULL},
	{"insert into t values (1) on conflict (x) do ^update set /*? a */ y = 2 /*?*/", "",
	 "insert into t values (1) on conflict (x) do update", SET},
	{"insert into t values (1) on conflict (x) do ^update /*? a */ set y = 2 /*?*/ where z", "",
	 "insert into t values (1) on conflict (x) do update where z", SET},
	{"insert into t values (1) on conflict (x) do /*? a */ update set y = 2 /*? !a */ nothing "
	 "/*?*/",
	 "", "insert into t values (1) on conflict (x) do nothing", NULL},
	{"merge into t using s on t.x = s.x when matched then ^update set /*? a */ y = 2 /*?*/", "",
	 "merge into t using s on t.x = s.x when matched then update", SET},
	{"^update /*? a */ t /*?*/ set x = 1", "", "update set x = 1", SET},
	/* brackets that have to hold something, and such that need not */
	{"select 1 where x in ^(/*? a */ 1 /*?*/)", "", "select 1 where x in ()", BRACKETS},
	{"select 1 where x = any ^(/*? a */ :a /*?*/)", "", "select 1 where x = any ()", BRACKETS},
	{"select 1 where x = ^(/*? a */ :a /*?*/)", "", "select 1 where x = ()", BRACKETS},
	{"select 1 where exists ^(/*? a */ select 1 /*?*/)", "", "select 1 where exists ()", BRACKETS},
	{"insert into t ^values (/*? a */ 1 /*?*/)", "", "insert into t values", NEEDS},
	{"insert into t ^(/*? a */ x /*?*/) values (/*? a */ 1 /*?*/)", "", "insert into t () values",
	 BRACKETS},
	{"insert into s.t as u ^(/*? a */ x /*?*/) select 1", "", "insert into s.t as u () select 1",
	 BRACKETS},
	{"select 1 group by rollup ^(/*? a */ x /*?*/)", "", "select 1 group by rollup ()", BRACKETS},
	{"select 1 group by grouping sets ((/*? a */ x /*?*/), (y))", "",
	 "select 1 group by grouping sets ((y))", NULL},
	{"select 1 from a join b using ^(/*? a */ x /*?*/)", "", "select 1 from a join b using ()",
	 BRACKETS},
	{"select distinct on ^(/*? a */ x /*?*/) y from t", "", "select distinct on () y from t",
	 BRACKETS},
	{"select distinct on ^(/*? a */ x /*?*/) from t", "", "select distinct on () from t", BRACKETS},
	{"with x as ^(/*? a */ select 1 /*?*/) select 2", "", "with x as () select 2", BRACKETS},
	{"select array[/*? a */ :a /*?*/]", "", "select array[]", NULL},
	{"select now(/*? a */ 1 /*?*/)", "", "select now()", NULL},
	{"select sum(x) over (/*? a */ partition by y /*?*/)", "", "select sum(x) over ()", NULL},
	{"select sum(x) over (partition by /*? a */ y /*?*/ order by z)", "",
	 "select sum(x) over (order by z)", NULL},
	{"select sum(x) over (partition by /*? a */ y /*?*/)", "", "select sum(x) over ()", NULL},
	{"select count(*) filter (where /*? a */ x /*?*/) from t", "", "select count(*) from t", NULL},
	{"select mode() within group ^(order by /*? a */ x /*?*/) from t", "",
	 "select mode() within group () from t", BRACKETS},
	{"select 1 where x or (/*? a */ y /*?*/)", "", "select 1 where x", NULL},
	{"select 1 where x and not (/*? a */ y /*?*/)", "", "select 1 where x", NULL},
	{"select 1 where x and not /*? a */ y /*?*/ and z", "", "select 1 where x and z", NULL},
	/* lists of equal length */
	{"insert into t (a, /*? b */ b /*?*/) values ^(:a, :b)", "",
	 "insert into t (a) values (:a, :b)", LISTS},
	{"insert into t (a, b) values ^(:a /*? b */ , :b /*?*/)", "",
	 "insert into t (a, b) values (:a)", LISTS},
	{"insert into t (a, /*? b */ b /*?*/) values (:a, /*? b */ :b /*?*/)", "",
	 "insert into t (a) values (:a)", NULL},
	{"insert into t (a, /*? b */ b /*?*/) values (f(1, 2), /*? b */ :b /*?*/) on conflict (a, c) "
	 "do nothing",
	 "", "insert into t (a) values (f(1, 2)) on conflict (a, c) do nothing", NULL},
	{"insert into t values (1, 2), ^(3, /*? a */ 4 /*?*/)", "", "insert into t values (1, 2), (3)",
	 LISTS},
	{"insert into t (a, b) values (1, 2), /*? a */ (3, 4), /*?*/ (5, 6)", "",
	 "insert into t (a, b) values (1, 2), (5, 6)", NULL},
	{"insert into t (a, /*? b */ b /*?*/) select 1, 2, 3", "", "insert into t (a) select 1, 2, 3",
	 NULL},
	{"update t set (a, /*? b */ b /*?*/) = ^(:a, :b) where x", "",
	 "update t set (a) = (:a, :b) where x", LISTS},
	{"update t set (a, b) = (select 1, 2 /*? b */ , 3 /*?*/) where x", "",
	 "update t set (a, b) = (select 1, 2) where x", NULL},
	/* case */
	{"select case when x then 1 end, ^case /*? a */ when y then 2 /*?*/ else 3 end", "",
	 "select case when x then 1 end, case else 3 end", NO_WHEN},
	{"select ^case x /*? a */ when 1 then 2 /*?*/ else 3 end", "", "select case x else 3 end",
	 CASE},
	{"select case ^when /*? a */ x /*?*/ then 1 end", "", "select case when then 1 end", NEEDS},
	{"select case when x ^then /*? a */ 1 /*?*/ end", "", "select case when x then end", NEEDS},
	{"select ^case when x /*? a */ then 1 /*?*/ end", "", "select case when x end", CASE},
	{"select case when x then 1 ^else /*? a */ 2 /*?*/ end", "",
	 "select case when x then 1 else end", NEEDS},
	{"select case when x then 1 /*? a */ when y then 2 /*?*/ end", "",
	 "select case when x then 1 end", NULL},
	{"select case when x then 1 /*? a */ else 2 /*?*/ end", "", "select case when x then 1 end",
	 NULL},
	/* with */
	{"with /*? a */ x as (select 1) /*?*/ select 2", "", "select 2", NULL},
	{"with recursive /*? a */ x as (select 1), /*? b */ y as (select 2) /*?*/ select 2", "",
	 "select 2", NULL},
	{"with x as (select 1) /*? a */ , y as (select 2) /*?*/ merge into t", "",
	 "with x as (select 1) merge into t", NULL},
	{"with x as (select 1), /*? a */ y as (select 2) /*?*/ merge into t", "",
	 "with x as (select 1) merge into t", NULL},
	{"with /*? a */ x /*?*/ ^as (select 1) select 2", "", "with as (select 1) select 2", BEFORE},
	/* join */
	{"select 1 from a join b ^on /*? a */ x /*?*/ where y", "", "select 1 from a join b where y",
	 JOIN},
	{"select 1 from a join b /*? a */ ^on x /*?*/", "", "select 1 from a join b", JOIN},
	{"select 1 from a /*? a */ join b on x /*?*/ where y", "", "select 1 from a where y", NULL},
	{"select 1 from a join b /*? a */ on x /*? !a */ using (y) /*?*/", "",
	 "select 1 from a join b using (y)", NULL},
	{"select 1 from a join b /*? a */ ^on x /*?*/ join c on y", "",
	 "select 1 from a join b join c on y", JOIN},
	{"select 1 from a cross join b /*? a */ join c on x /*?*/", "", "select 1 from a cross join b",
	 NULL},
	{"select 1 from a natural left outer join b", "", "select 1 from a natural left outer join b",
	 NULL},
	{"select 1 from a left /*? a */ outer /*?*/ join b on x", "",
	 "select 1 from a left join b on x", NULL},
	{"select 1 from a ^join /*? a */ b /*?*/ on x", "", "select 1 from a join on x", NEEDS},
	{"select 1 from a ^left /*? a */ join b on x /*?*/ where y", "", "select 1 from a left where y",
	 "nothing is left to join"},
	{"delete from t using u, v /*? a */ , w /*?*/ where x", "", "delete from t using u, v where x",
	 NULL},
	/* words and operators on their own */
	{"insert into t values (1) ^returning /*? a */ x /*?*/", "",
	 "insert into t values (1) returning", NEEDS},
	{"insert into t values (1) returning x /*? a */ , y /*?*/", "",
	 "insert into t values (1) returning x", NULL},
	{"^select /*? a */ x /*?*/ from t", "", "select from t", NEEDS},
	{"select distinct /*? a */ x, /*?*/ y from t", "", "select distinct y from t", NULL},
	{"select x ^from /*? a */ t /*?*/ where y", "", "select x from where y", NEEDS},
	{"select 1 where x ^= /*? a */ :a /*?*/ and y", "", "select 1 where x = and y", NEEDS},
	{"select 1 where /*? a */ x /*?*/ ^= 1", "", "select 1 where = 1", BEFORE},
	{"select 1 where /*? a */ x + /*?*/ y = 1", "", "select 1 where y = 1", NULL},
	{"select 1 where x and /*? a */ y /*?*/ ^not in (1)", "", "select 1 where x and not in (1)",
	 BEFORE},
	{"select 1 where x and /*? a */ not /*?*/ y", "", "select 1 where x and y", NULL},
	{"select x ^|| /*? a */ y /*?*/ from t", "", "select x || from t", NEEDS},
	{"select * /*? a */ , 1 /*?*/ from t", "", "select * from t", NULL},
	{"select count(*) /*? a */ , 1 /*?*/ from t", "", "select count(*) from t", NULL},
	{"select -/*? a */ 1 - /*?*/ x", "", "select - x", NULL},
	{"select 1 ^union /*? a */ select 2 /*?*/", "", "select 1 union", NEEDS},
	{"select 1 union /*? a */ all /*?*/ select 2", "", "select 1 union select 2", NULL},
	{"select 1 order by /*? a */ x /*?*/ ^desc", "", "select 1 order by desc", BEFORE},
	{"select 1 order by x /*? a */ desc /*?*/ limit 1", "", "select 1 order by x limit 1", NULL},
	{"select x ^as /*? a */ y /*?*/ from t", "", "select x as from t", NEEDS},
	{"select 1 where x is /*? a */ not /*?*/ null", "", "select 1 where x is null", NULL},
	{"select 1 where x ^is /*? a */ null /*?*/", "", "select 1 where x is", NEEDS},
	{"select 1 for update /*? a */ skip locked /*?*/", "", "select 1 for update", NULL},
	/* an UPDATE's, DELETE's, MERGE's condition that is only constants */
	{"delete from t ^where 1 = 1 /*? a */ and x = :a /*?*/", "", "delete from t where 1 = 1", LOST},
	{"delete from t ^where true and /*? a */ x = :a /*?*/", "", "delete from t where true", LOST},
	{"delete from t ^where (true) /*? a */ and x = :a /*?*/ returning x", "",
	 "delete from t where (true) returning x", LOST},
	{"delete from t ^where ('a' = 'a'::text and /*? a */ x = :a /*?*/)", "",
	 "delete from t where ('a' = 'a'::text)", LOST},
	{"delete from t ^where now() > date '2024-01-01' /*? a */ and x = :a /*?*/", "",
	 "delete from t where now() > date '2024-01-01'", LOST},
	{"delete from t ^where :b is not null /*? a */ and x = :a /*?*/", "",
	 "delete from t where :b is not null", LOST},
	{"delete from t ^where not false /*? a */ and x = :a /*?*/ order by x limit 1", "",
	 "delete from t where not false order by x limit 1", LOST},
	{"delete from t ^where case when true then true end /*? a */ and x = :a /*?*/", "",
	 "delete from t where case when true then true end", LOST},
	{"delete from t /*? a */ where x = :a /*? !a */ ^where true /*?*/", "",
	 "delete from t where true", LOST},
	{"delete from t where 1 = 1 /*? a */ and x = :a /*?*/", "a",
	 "delete from t where 1 = 1 and x = :a", NULL},
	{"delete from t where key = 1 /*? a */ and x = :a /*?*/", "", "delete from t where key = 1",
	 NULL},
	{"delete from t where \"x\" = 1 /*? a */ and x = :a /*?*/", "", "delete from t where \"x\" = 1",
	 NULL},
	{"delete from t where lower(x) = 'a' /*? a */ and x = :a /*?*/", "",
	 "delete from t where lower(x) = 'a'", NULL},
	{"delete from t where exists (select 1 from u) /*? a */ and x = :a /*?*/", "",
	 "delete from t where exists (select 1 from u)", NULL},
	{"delete from t where true", "", "delete from t where true", NULL},
	{"update t set x = 1 /*? a */ , y = 2 /*?*/ where true", "", "update t set x = 1 where true",
	 NULL},
	{"update t set x = 1 ^where 1=1 /*? a */ and x = :a /*?*/ returning x", "",
	 "update t set x = 1 where 1=1 returning x", LOST},
	{"with d as (delete from t ^where true /*? a */ and x /*?*/ returning x) select y from d", "",
	 "with d as (delete from t where true returning x) select y from d", LOST},
	{"select 1 where true /*? a */ and x = :a /*?*/", "", "select 1 where true", NULL},
	{"merge into t using s ^on /*? a */ t.x = s.x /*?*/ when matched then delete", "",
	 "merge into t using s when matched then delete", LOST},
	{"merge into t using s ^on true /*? a */ and t.x = s.x /*?*/ when matched then update set x = "
	 "y",
	 "", "merge into t using s on true when matched then update set x = y", LOST},
	{"merge into t using s on t.x = s.x /*? a */ and t.y = s.y /*?*/ when matched then delete", "",
	 "merge into t using s on t.x = s.x when matched then delete", NULL},
	{"upsert into t (x) values (1) /*? a */ , (2) /*?*/", "", "upsert into t (x) values (1)", NULL},
};

static void resolve(cx_template *t)
{
	for (size_t i = 0; i < t->part_count; i++) {
		t->parts[i].switch_index = (uint32_t)(t->text[t->parts[i].name] - 'a');
		t->parts[i].mask = t->parts[i].test == CX_PART_ABSENT ? 1 : 2;
	}
}

/* Takes the `^` out; its offset, or -1. */
static long take_place(char *text)
{
	char *at = strchr(text, '^');

	if (!at)
		return -1;
	memmove(at, at + 1, strlen(at));
	return at - text;
}

static size_t failures;

static void complain(size_t i, const char *what, const char *was, const char *wanted)
{
	failures++;
	print_error("%s\n  %s: %s\n  wanted: %s\n", rows[i].text, what, was, wanted);
}

static void check_row(size_t i, const cx_rendered *info, const char *text, long place)
{
	const cx_template_token *found = info->wrong        ? info->wrong
									 : info->lost_where ? info->lost_where
														: info->lost_set;
	const char *message = info->wrong ? info->wrong_message : found ? LOST : NULL;

	if (strcmp(text, rows[i].expected) != 0)
		complain(i, "is", text, rows[i].expected);
	if (strcmp(message ? message : "", rows[i].message ? rows[i].message : "") != 0)
		complain(i, "said", message ? message : "nothing",
				 rows[i].message ? rows[i].message : "nothing");
	else if (found && (long)found->offset != place)
		complain(i, "is at", rows[i].text + found->offset, "the place of `^`");
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cx_buf out = CX_BUF_INIT(1u << 20);
		char *text = strdup(rows[i].text);
		long place = take_place(text);
		uint8_t states[26] = {0};
		cx_rendered info;
		cx_template t;

		for (const char *letter = rows[i].given; *letter; letter++)
			states[*letter - 'a'] = 1;
		if (cx_template_read(text, strlen(text), &t, NULL))
			fail_msg("%s", text);
		resolve(&t);
		assert_int_equal(cx_template_render(&t, states, NULL, &out, &info, NULL), CDBC_OK);
		check_row(i, &info, out.data ? out.data : "", place);
		cx_template_fini(&t);
		cx_buf_free(&out);
		free(text);
	}
	assert_int_equal(failures, 0);
}

/* An AND that is a BETWEEN's in one statement and a connective in another is seen when both were
 * looked at. */
static void test_roles(void **state)
{
	const char *text = "select 1 where x between 1 /*? b */ and 2 /*?*/ and y";
	uint8_t states[26] = {0};
	cx_rendered info;
	cx_template t;

	assert_int_equal(cx_template_read(text, strlen(text), &t, NULL), CDBC_OK);
	resolve(&t);
	for (int given = 1; given >= 0; given--) {
		cx_buf out = CX_BUF_INIT(1u << 20);

		states[1] = (uint8_t)given;
		assert_int_equal(cx_template_render(&t, states, NULL, &out, &info, NULL), CDBC_OK);
		assert_int_equal(info.wrong != NULL, given == 0);
		cx_buf_free(&out);
	}
	assert_string_equal(info.wrong_message, ROLES);
	assert_int_equal(info.wrong->offset, 48);
	cx_template_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_roles)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
