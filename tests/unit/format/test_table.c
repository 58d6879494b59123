// SPDX-License-Identifier: Apache-2.0
/* The table: widths, alignment, what is shown instead of what cannot be, narrow terminals, late
 * long values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/width.h"
#include "format/check.h"

static void test_layout(void **state)
{
	static const char *const rows[] = {"1", "alice", "t", "-1000", NULL, "f", NULL, "", NULL};
	cx_field fields[] = {SAMPLE_FIELD("id", CDBC_TYPE_INT8), SAMPLE_FIELD("name", CDBC_TYPE_TEXT),
						 SAMPLE_FIELD("ok", CDBC_TYPE_BOOL)};

	check_written("table", NULL, fields, 3, rows, 3,
				  "    id | name  | ok\n"
				  "-------+-------+----\n"
				  "     1 | alice | t\n"
				  " -1000 |       | f\n"
				  "       | \"\"    |\n"
				  "(3 rows)\n");
	check_written("table", NULL, fields, 3, rows, 1,
				  " id | name  | ok\n"
				  "----+-------+----\n"
				  "  1 | alice | t\n"
				  "(1 row)\n");
}

static void test_colour(void **state)
{
	static const char *const rows[] = {"NULL", NULL, "", "1"};
	cdbc_format_options options = CDBC_FORMAT_OPTIONS_INIT;
	cx_field fields[] = {SAMPLE_FIELD("a", CDBC_TYPE_TEXT), SAMPLE_FIELD("b", CDBC_TYPE_INT4)};

	options.is_colored = true;
	check_written("table", &options, fields, 2, rows, 2,
				  " a   \x1b[2m |\x1b[0m    b\n"
				  "\x1b[2m------+------\x1b[0m\n"
				  " NULL\x1b[2m |\x1b[0m \x1b[2mNULL\x1b[0m\n"
				  " \"\"  \x1b[2m |\x1b[0m    1\n"
				  "(2 rows)\n");
}

/* Wide and combining characters keep the lines straight; what would move the cursor or turn the
 * text is escaped. */
static void test_display_width(void **state)
{
	static const char *const rows[] = {"\xe6\x97\xa5\xe6\x9c\xac",
									   "|",
									   "e\xcc\x81",
									   "|",
									   "a\nb\tc\x1b[2J",
									   "|",
									   "\xff\xc3",
									   "|",
									   "\xe2\x80\xae",
									   "|",
									   "\xc2\x85",
									   "|"};
	cx_field fields[] = {SAMPLE_FIELD("t", CDBC_TYPE_TEXT), SAMPLE_FIELD("x", CDBC_TYPE_TEXT)};

	check_written("table", NULL, fields, 2, rows, 6,
				  " t              | x\n"
				  "----------------+---\n"
				  " \xe6\x97\xa5\xe6\x9c\xac           | |\n"
				  " e\xcc\x81              | |\n"
				  " a\\nb\\tc\\x1b[2J | |\n"
				  " \\xff\\xc3       | |\n"
				  " \\u202e         | |\n"
				  " \\u0085         | |\n"
				  "(6 rows)\n");
}

/* Widths come from the first rows; what comes later is whole nevertheless. */
static void test_late_long_value(void **state)
{
	static const char *const rows[] = {"a", "1", "b", "2", "longer than before", "30000", "c", "4"};
	cdbc_format_options options = CDBC_FORMAT_OPTIONS_INIT;
	cx_field fields[] = {SAMPLE_FIELD("t", CDBC_TYPE_TEXT), SAMPLE_FIELD("n", CDBC_TYPE_INT4)};

	options.table_rows = 2;
	check_written("table", &options, fields, 2, rows, 4,
				  " t | n\n"
				  "---+---\n"
				  " a | 1\n"
				  " b | 2\n"
				  " longer than before | 30000\n"
				  " c | 4\n"
				  "(4 rows)\n");
	options.table_rows = 0;
	check_written("table", &options, fields, 2, rows, 1,
				  " t | n\n"
				  "---+---\n"
				  " a | 1\n"
				  "(1 row)\n");
}

/* A terminal that is too narrow costs the widest texts their ends, never a number its digits. */
static void test_narrow_terminal(void **state)
{
	static const char *const rows[] = {
		"123456789012345",
		"a text of thirty characters ..",
		"short",
		"1",
		"\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5",
		"x"};
	cdbc_format_options options = CDBC_FORMAT_OPTIONS_INIT;
	cx_field fields[] = {SAMPLE_FIELD("n", CDBC_TYPE_INT8), SAMPLE_FIELD("t", CDBC_TYPE_TEXT),
						 SAMPLE_FIELD("s", CDBC_TYPE_TEXT)};

	options.max_width = 40;
	check_written("table", &options, fields, 3, rows, 2,
				  "               n | t            | s\n"
				  "-----------------+--------------+-------\n"
				  " 123456789012345 | a text of t\xe2\x80\xa6 | short\n"
				  "               1 | "
				  "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe2\x80\xa6  | x\n"
				  "(2 rows)\n");
	options.max_width = 5;
	check_written("table", &options, fields, 3, rows, 1,
				  "               n | t        | s\n"
				  "-----------------+----------+-------\n"
				  " 123456789012345 | a text \xe2\x80\xa6 | short\n"
				  "(1 row)\n");
}

static void test_char_widths(void **state)
{
	static const struct {
		uint32_t c;
		int width;
	} cases[] = {{'a', 1},     {0xe9, 1},     {0x300, 0},  {0x200b, 0}, {0x200d, 0}, {0x1100, 2},
				 {0x3042, 2},  {0x4e00, 2},   {0xac00, 2}, {0xff01, 2}, {0xff61, 1}, {0x1f600, 2},
				 {0x20000, 2}, {0x10ffff, 1}, {0x0416, 1}, {0x2500, 1}, {0xfe0f, 0}};
	uint32_t c = 0;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (cx_char_width(cases[i].c) != cases[i].width)
			fail_msg("U+%04X is %d wide", cases[i].c, cx_char_width(cases[i].c));
	assert_int_equal(cx_char_next("\xf0\x9f\x98\x80", 4, &c), 4);
	assert_int_equal(c, 0x1f600);
	assert_int_equal(cx_char_next("\xf0\x9f\x98\x80", 3, &c), 0);
	assert_int_equal(cx_char_next("\xc0\x80", 2, &c), 0);
	assert_int_equal(cx_char_next("\xed\xa0\x80", 3, &c), 0);
	assert_int_equal(cx_char_next("\xf4\x90\x80\x80", 4, &c), 0);
	assert_int_equal(cx_char_next("\x80", 1, &c), 0);
	assert_int_equal(cx_char_next("\xe0\x80\x80", 3, &c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),          cmocka_unit_test(test_colour),
		cmocka_unit_test(test_display_width),   cmocka_unit_test(test_late_long_value),
		cmocka_unit_test(test_narrow_terminal), cmocka_unit_test(test_char_widths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
