// SPDX-License-Identifier: Apache-2.0
/* Plans as three databases print them: which tables are read whole. */
#include "service/check/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *dialect, const char *plan, const char *wanted)
{
	cx_plan_scan scans[3];
	char found[4000] = "";
	size_t count = cx_plan_scans(dialect, plan, scans, 3);

	for (size_t i = 0; i < count; i++)
		snprintf(found + strlen(found), sizeof found - strlen(found), "%s|%s|%s|%lld\n",
				 scans[i].table, scans[i].filter, scans[i].advice, (long long)scans[i].rows);
	assert_string_equal(found, wanted);
}

static void test_postgresql(void **state)
{
	(void)state;
	expect("postgresql", "", "");
	expect("postgresql",
		   "Seq Scan on public.things t\n  Output: id\n  Filter: (t.kind = $1)\nSettings: x\n",
		   "public.things|(t.kind = $1)||-1\n");
	expect("postgresql",
		   "Hash Join\n  Hash Cond: (a = b)\n  ->  Parallel Seq Scan on public.\"My table\" m\n"
		   "        Output: a\n  ->  Hash\n        Filter: (no)\n        ->  Index Scan using x on "
		   "t\n",
		   "public.\"My table\"|||-1\n");
	expect("postgresql", "Limit\n  Output: id\n  ->  Seq Scan on public.t\n        Output: id\n",
		   "");
	expect("postgresql", "Limit\n  ->  Sort\n        ->  Seq Scan on public.t\n",
		   "public.t|||-1\n");
	expect("postgresql", "Limit\n  ->  Seq Scan on public.t\n        Filter: (a = 1)\n",
		   "public.t|(a = 1)||-1\n");
	expect(
		"postgresql",
		"Append\n  ->  Seq Scan on a\n  ->  Seq Scan on b\n  ->  Seq Scan on c\n  ->  Seq Scan on "
		"d\n",
		"a|||-1\nb|||-1\nc|||-1\n");
}

static void test_cockroachdb(void **state)
{
	(void)state;
	expect("cockroachdb",
		   "distribution: full\nvectorized: true\n\n• filter\n│ estimated row count: 1\n"
		   "│ filter: kind = 'a'\n│\n└── • scan\n"
		   "      estimated row count: 1,234,567 (100% of the table; stats collected 3 days ago)\n"
		   "      table: things@things_pkey\n      spans: FULL SCAN\n\nindex recommendations: 1\n"
		   "1. type: index creation\n   SQL command: CREATE INDEX ON things (kind);\n",
		   "things|kind = 'a'|CREATE INDEX ON things (kind);|1234567\n");
	expect("cockroachdb",
		   "• scan\n  missing stats\n  table: t@t_pkey\n  spans: FULL SCAN (SOFT LIMIT)\n", "");
	expect("cockroachdb", "• scan\n  missing stats\n  table: t@t_pkey\n  spans: FULL SCAN\n",
		   "t|||-1\n");
	expect("cockroachdb",
		   "• scan\n  estimated row count: 1 (<0.01% of the table)\n  table: t@t_pkey\n"
		   "  spans: [/1 - /1]\n",
		   "");
	expect("cockroachdb",
		   "• scan\n  estimated row count: 99999999999999999999999\n  spans: FULL SCAN",
		   "|||99999999999999999\n");
}

static void test_sqlite(void **state)
{
	(void)state;
	expect("sqlite", "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)\n", "");
	expect("sqlite", "SCAN t\nSCAN u USING COVERING INDEX i\nUSE TEMP B-TREE FOR ORDER BY\n",
		   "t|||-1\nu|||-1\n");
	expect("sqlite", "SCAN TABLE t\n", "t|||-1\n");
	expect("sqlite",
		   "SCAN CONSTANT ROW\nSCAN 2 CONSTANT ROWS\nSCAN (subquery-1)\n"
		   "SCAN json_each VIRTUAL TABLE INDEX 1:\n",
		   "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgresql),
		cmocka_unit_test(test_cockroachdb),
		cmocka_unit_test(test_sqlite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
