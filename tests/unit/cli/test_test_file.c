// SPDX-License-Identifier: Apache-2.0
/* Test files as structs: what each mark becomes, and that memory may run out anywhere. What is
 * wrong in one is in tests/cli/test_queries_test.py. */
#include "app/cli/test_file.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char text[] = "-- dialect: sqlite\n"
						   "create table t (i int);\n"
						   "-- test: one\n"
						   "-- no-transaction\n"
						   "-- call: q a=1 b='x ''y' c=E'\\n\\'z' d=NULL e='NULL' f=\n"
						   "-- param: g={1,2}\n"
						   "-- expect: 2 rows\n"
						   "-- expect: unordered\n"
						   "-- | n | a\\|b |\n"
						   "-- |---|:---:|\n"
						   "-- | 1 |  |\n"
						   "  -- | NULL | \"\" |\n"
						   "-- test: two\n"
						   "-- dialect: cockroachdb, postgresql\n"
						   "select '\n-- expect: error\n';\n"
						   "-- expect: error 23505 of it\n";

static void fail_report(void *data, const cdbc_diagnostic *d)
{
	(void)data;
	fail_msg("%lld:%lld: %s", (long long)d->line, (long long)d->column, d->message);
}

static void assert_param(const cdbc_param *param, const char *name, const char *value)
{
	assert_string_equal(param->name, name);
	assert_int_equal(param->value.kind, value ? CDBC_VALUE_TEXT : CDBC_VALUE_NULL);
	if (value) {
		assert_int_equal(param->value.as.text.length, strlen(value));
		assert_memory_equal(param->value.as.text.data, value, strlen(value));
	}
}

static void assert_call(const cli_test_step *step)
{
	static const char *const given[][2] = {{"a", "1"},    {"b", "x 'y"}, {"c", "\n'z"}, {"d", NULL},
										   {"e", "NULL"}, {"f", ""},     {"g", "{1,2}"}};

	assert_null(step->sql);
	assert_string_equal(step->name, "q");
	assert_int_equal(step->param_count, 7);
	for (size_t i = 0; i < 7; i++)
		assert_param(&step->params[i], given[i][0], given[i][1]);
	assert_int_equal(step->line, 5);
	assert_int_equal(step->column, 10);
}

static void assert_table(const cli_expect *table)
{
	assert_int_equal(table->kind, EXPECT_TABLE);
	assert_true(table->is_unordered);
	assert_int_equal(table->column_count, 2);
	assert_string_equal(table->names[1], "a|b");
	assert_int_equal(table->row_count, 2);
	assert_string_equal(table->rows->cells[1], "NULL");
	assert_string_equal(table->rows->next->cells[0], "NULL");
	assert_string_equal(table->rows->next->cells[1], "\"\"");
	assert_int_equal(table->rows->next->line, 12);
	assert_int_equal(table->rows->next->column, 6);
}

/* A value is no rule below the names, whatever it is made of. */
static void test_cells_like_rules(void **state)
{
	static const char *const values[][2] = {
		{"---", "\\---"},   {":--", "\\:--"}, {":---:", "\\:---:"},
		{"--:", "\\--:"},   {"--", "--"},     {":-", ":-"},
		{"-- :", "-- :"},   {":::", ":::"},   {"---x", "---x"},
		{":--:-", ":--:-"}, {"-", "-"}};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		cx_buf cell = CX_BUF_INIT(100), test = CX_BUF_INIT(200);
		cli_test_file file;
		size_t errors = 0;

		cli_cell_put(&cell, values[i][0], strlen(values[i][0]), false);
		assert_string_equal(cell.data, values[i][1]);
		cx_buf_putf(&test, "-- test: t\nselect 1;\n-- expect:\n-- | a |\n-- | %s |", cell.data);
		assert_int_equal(cli_test_file_read("f.test.sql", test.data, test.length, fail_report, NULL,
											&errors, &file, NULL),
						 CDBC_OK);
		assert_int_equal(file.tests->steps->expects->row_count, 1);
		assert_string_equal(file.tests->steps->expects->rows->cells[0], values[i][1]);
		cli_test_file_free(&file);
		cx_buf_free(&cell);
		cx_buf_free(&test);
	}
}

static void test_marks(void **state)
{
	cli_test_file file;
	size_t errors = 0;
	const cli_test *one, *two;

	(void)state;
	assert_int_equal(
		cli_test_file_read("f", text, sizeof text - 1, fail_report, NULL, &errors, &file, NULL),
		CDBC_OK);
	assert_int_equal(errors, 0);
	assert_int_equal(file.test_count, 2);
	assert_string_equal(file.setup->sql, "create table t (i int)");
	one = file.tests;
	two = one->next;
	assert_true(one->no_transaction);
	assert_int_equal(one->dialects, CLI_DIALECT_SQLITE);
	assert_call(one->steps);
	assert_int_equal(one->steps->expects->kind, EXPECT_ROWS);
	assert_int_equal(one->steps->expects->count, 2);
	assert_table(one->steps->expects->next);
	assert_false(two->no_transaction);
	assert_int_equal(two->dialects, CLI_DIALECT_COCKROACHDB | CLI_DIALECT_POSTGRESQL);
	assert_string_equal(two->steps->sql, "select '\n-- expect: error\n'");
	assert_string_equal(two->steps->expects->sqlstate, "23505");
	assert_string_equal(two->steps->expects->text, "of it");
	cli_test_file_free(&file);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	cli_test_file file;
	size_t errors = 0;
	cdbc_status status;

	(void)data;
	status = cli_test_file_read("f", text, sizeof text - 1, fail_report, NULL, &errors, &file, err);
	cli_test_file_free(&file);
	return status;
}

static void test_oom(void **state)
{
	(void)state;
	assert_true(oom_run(scenario, NULL) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_cells_like_rules),
		cmocka_unit_test(test_oom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
