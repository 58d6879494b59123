// SPDX-License-Identifier: Apache-2.0
/* What the lexer says of a statement against what PostgreSQL's own parser makes of it: the kind is
 * the tree's, and nothing is called read-only that has a change in its tree. */
#include "data/sql/split.h"
#include "support/skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#ifdef CDBC_PG_QUERY
#include <pg_query.h>

static const char *const statements[] = {
	"select 1",
	"values (1), (2)",
	"table t",
	"select a into b from t",
	"select a from t where b in (select c from u) order by d limit 3",
	"select a from t for update",
	"select a from t for key share of t",
	"select t.update, u.delete from t, u",
	"select \"insert\" from \"update\"",
	"insert into t values (1) returning a",
	"insert into t (select a from t for share)",
	"insert into t (a) select b from u on conflict (a) do update set a = 1",
	"update t set a = 1 from u where t.b = u.b",
	"delete from t using u where t.a = u.a",
	"merge into t using u on a = b when matched then delete",
};

/* Around each of them, as far as PostgreSQL takes it. */
static const char *const wrappers[] = {
	"%s",
	"(%s)",
	"((%s))",
	"explain %s",
	"explain (costs off) %s",
	"with x as (%s) select 1",
	"with x as (%s), y as (select 2) select * from x, y",
	"with x as (select 1) %s",
	"with recursive x as not materialized (%s) table x",
	"select * from (%s) as x",
	"(%s) union all (select 3)",
	"(select 3) except (%s)",
	"select 1 where exists (%s)",
	"create table n as %s",
	"create view n as %s",
	"prepare p as %s",
	"declare c cursor for %s",
	"copy (%s) to stdout",
	"/* insert */ %s -- delete",
	"select 1 as a, (%s) as b",
};

static const struct {
	const char *node;
	cdbc_statement_kind kind;
} kinds[] = {
	{"SelectStmt", CDBC_KIND_SELECT},     {"InsertStmt", CDBC_KIND_DML},
	{"UpdateStmt", CDBC_KIND_DML},        {"DeleteStmt", CDBC_KIND_DML},
	{"MergeStmt", CDBC_KIND_DML},         {"ExplainStmt", CDBC_KIND_UTILITY},
	{"CreateTableAsStmt", CDBC_KIND_DDL}, {"ViewStmt", CDBC_KIND_DDL},
	{"PrepareStmt", CDBC_KIND_SESSION},   {"DeclareCursorStmt", CDBC_KIND_SESSION},
	{"CopyStmt", CDBC_KIND_COPY},
};

/* Nodes of a tree that writes or locks. */
static const char *const writes[] = {"\"InsertStmt\"",       "\"UpdateStmt\"", "\"DeleteStmt\"",
									 "\"MergeStmt\"",        "\"intoClause\"", "\"lockingClause\"",
									 "\"CreateTableAsStmt\""};

static cdbc_statement_kind kind_of(const char *tree, const char *sql)
{
	const char *at = strstr(tree, "\"stmt\":{\"");

	assert_non_null(at);
	at += 9;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strncmp(at, kinds[i].node, strlen(kinds[i].node)) == 0)
			return kinds[i].kind;
	fail_msg("%s is %.40s", sql, at);
	return CDBC_KIND_UNKNOWN;
}

static bool check(const char *sql)
{
	PgQueryParseResult result = pg_query_parse(sql);
	bool is_taken = !result.error, may_write = false;
	cx_splitter splitter;
	cx_piece piece;

	cx_splitter_init(&splitter, sql, strlen(sql));
	if (is_taken) {
		assert_true(cx_splitter_next(&splitter, &piece));
		if (piece.kind != kind_of(result.parse_tree, sql))
			fail_msg("%s: kind %d", sql, (int)piece.kind);
		for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
			may_write |= strstr(result.parse_tree, writes[i]) != NULL;
		/* EXPLAIN alone runs nothing */
		if (may_write && piece.kind != CDBC_KIND_UTILITY && (piece.flags & CDBC_REQUEST_READ_ONLY))
			fail_msg("%s: read-only", sql);
		if (!may_write && piece.kind == CDBC_KIND_SELECT && !(piece.flags & CDBC_REQUEST_READ_ONLY))
			fail_msg("%s: not read-only", sql);
	}
	pg_query_free_parse_result(result);
	return is_taken;
}

static void test_agree(void **state)
{
	size_t taken = 0, refused = 0;
	char sql[512];

	for (size_t w = 0; w < sizeof wrappers / sizeof *wrappers; w++)
		for (size_t s = 0; s < sizeof statements / sizeof *statements; s++) {
			const char *hole = strstr(wrappers[w], "%s");

			snprintf(sql, sizeof sql, "%.*s%s%s", (int)(hole - wrappers[w]), wrappers[w],
					 statements[s], hole + 2);
			if (check(sql))
				taken++;
			else
				refused++;
		}
	print_message("# %zu statements, and %zu that PostgreSQL does not take\n", taken, refused);
	assert_true(taken > 150);
}

#else

static void test_agree(void **state)
{
	test_skip("libpg_query is not there");
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_agree)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
