// SPDX-License-Identifier: Apache-2.0
/* The forms under which a statement is known, and the statements of a script. */
#include "support/oom.h"

#include <cdbc/sql.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *sql, *fingerprint, *identity;
} rows[] = {
	{"select 1", "select ?", "select 1"},
	{"SELECT  A,\n b /* c */ FROM T -- x\n where X='Y' ;", "select a, b from t where x = ?",
	 "select a, b from t where x = 'Y'"},
	{"select \"A\".\"b\" from t", "select \"A\".\"b\" from t", "select \"A\".\"b\" from t"},
	{"select a where b in (1, 2,3)", "select a where b in (?)", "select a where b in (1, 2, 3)"},
	{"select a where b in(:x)", "select a where b in (?)", "select a where b in (:x)"},
	{"insert into t (a, b) values (1,'x'), (:a,$2)", "insert into t(a, b) values (?)",
	 "insert into t(a, b) values (1, 'x'), (:a, $2)"},
	{"select f(1, 2), f(1)", "select f(?, ?), f(?)", "select f(1, 2), f(1)"},
	{"select count (*), max( x )", "select count(*), max(x)", "select count(*), max(x)"},
	{"select -1, a-1, a - -1", "select ?, a - ?, a - ?", "select -1, a - 1, a - -1"},
	{"select -a", "select -a", "select -a"},
	{"select x::int, 'a'::text", "select x::int, ?::text", "select x::int, 'a'::text"},
	{"select 'a'\n'b'", "select ?", "select 'a' 'b'"},
	{"select array[1,2,3]", "select array [?]", "select array [1, 2, 3]"},
	{"where a is null and b is not true", "where a is null and b is not true",
	 "where a is null and b is not true"},
	{"select null, true, a = false", "select ?, ?, a = ?", "select null, true, a = false"},
	{"select $$x$$, E'a\\'b', x'ff'", "select ?, ?, ?", "select $$x$$, E'a\\'b', x'ff'"},
	{"select 1; select 2;", "select ?; select ?", "select 1; select 2"},
	{"values ((1), 2)", "values (?)", "values ((1), 2)"},
	{"values ((1, 2))", "values ((?))", "values ((1, 2))"},
	{"where (a, b) in ((1, 2), (3, 4))", "where (a, b) in ((?))",
	 "where (a, b) in ((1, 2), (3, 4))"},
	{"select array[[1,2],[3,4]]", "select array [[?]]", "select array [[1, 2], [3, 4]]"},
	{"select (1 + a)", "select (? + a)", "select (1 + a)"},
	{"", "", ""},
};

static void test_forms(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_sql_form *form = NULL, *again = NULL;

		assert_int_equal(cdbc_sql_fingerprint(rows[i].sql, strlen(rows[i].sql), &form, NULL), 0);
		assert_string_equal(cdbc_sql_form_text(form), rows[i].fingerprint);
		/* a fingerprint's fingerprint and an identity's identity are themselves */
		if (!strchr(rows[i].fingerprint, '?')) {
			assert_int_equal(cdbc_sql_fingerprint(rows[i].fingerprint, strlen(rows[i].fingerprint),
												  &again, NULL),
							 0);
			assert_int_equal(cdbc_sql_form_hash(form), cdbc_sql_form_hash(again));
			cdbc_sql_form_free(again);
		}
		cdbc_sql_form_free(form);
		assert_int_equal(cdbc_sql_identity(rows[i].sql, strlen(rows[i].sql), &form, NULL), 0);
		assert_string_equal(cdbc_sql_form_text(form), rows[i].identity);
		assert_int_equal(
			cdbc_sql_identity(rows[i].identity, strlen(rows[i].identity), &again, NULL), 0);
		assert_string_equal(cdbc_sql_form_text(again), rows[i].identity);
		cdbc_sql_form_free(again);
		cdbc_sql_form_free(form);
	}
	cdbc_sql_form_free(NULL);
}

static bool collect(void *data, const cdbc_sql_piece *p)
{
	char *out = data;
	size_t n = strlen(out);

	snprintf(out + n, 500 - n, "%zu+%zu %zu:%zu %d%s%s %s\n", p->offset, p->length, p->line,
			 p->column, (int)p->kind, p->is_read_only ? " r" : "", p->changes_session ? " s" : "",
			 cdbc_sql_form_text(p->fingerprint));
	return true;
}

static void test_split(void **state)
{
	static const char script[] = "select 1;\n -- no\n  set a = 'x'; insert into t values (1)";
	char out[500] = "";
	cdbc_error *err = NULL;
	cdbc_sql_form *form;

	assert_int_equal(cdbc_sql_split(script, strlen(script), collect, out, NULL), CDBC_OK);
	assert_string_equal(out, "0+8 1:1 1 r select ?\n19+11 3:3 5 s set a = ?\n"
							 "32+24 3:16 2 insert into t values (?)\n");
	out[0] = '\0';
	assert_int_equal(cdbc_sql_split("select 1;\n 'x", 13, collect, out, &err), CDBC_SQL_FILE);
	assert_int_equal(cdbc_error_line(err), 2);
	assert_int_equal(cdbc_error_column(err), 2);
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cdbc_sql_identity("select \"x", 9, &form, &err), CDBC_SQL_FILE);
	assert_int_equal(cdbc_error_column(err), 8);
	cdbc_error_free(err);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	char out[500] = "";

	return cdbc_sql_split(data, strlen(data), collect, out, err);
}

static void test_out_of_memory(void **state)
{
	char script[] = "select ((((((1)))))); select 'a long one, so that the buffer has to grow'";

	assert_true(oom_run(scenario, script) > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
