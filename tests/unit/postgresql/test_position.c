// SPDX-License-Identifier: Apache-2.0
/* Caret lines and SQLSTATEs, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "postgresql/internal.h"

static void reads_caret_lines(void **state)
{
	static const struct {
		const char *detail;
		int64_t position;
	} rows[] = {
		{"source SQL:\nselec 1\n^", 1},
		{"source SQL:\nselect * frm t\n             ^", 14},
		{"source SQL:\nselect 1,\n  2 3\n    ^", 15},
		{"source SQL:\nselect 'ä' x y\n             ^",
		 13},                                /* the server counts bytes, we count characters */
		{"source SQL:\nselect\n      ^", 7}, /* at the end */
		{"source SQL:\n\n^", 1},
		{"source SQL:\nselect\n         ^", 0}, /* past the line */
		{"source SQL:\nselect\n  ^ there", 0},
		{"source SQL:\nselect", 0},
		{"source SQL:\n", 0},
		{"source SQL:\n^", 0},
		{"Key (id)=(1) already exists.", 0},
		{"", 0},
		{NULL, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(cx_pg_caret_position(rows[i].detail), rows[i].position);
}

static void knows_sqlstates(void **state)
{
	static const struct {
		const char *sqlstate, *message;
		bool is_cancel_sent;
		cdbc_status status;
	} rows[] = {
		{"40001", "restart transaction", false, CDBC_CONFLICT},
		{"40P01", "deadlock detected", false, CDBC_CONFLICT},
		{"40003", "result is ambiguous", false, CDBC_SQL},
		{"57014", "query execution canceled due to statement timeout", true, CDBC_TIMEOUT},
		{"57014", "canceling statement due to user request", true, CDBC_CANCELLED},
		{"57014", "canceling statement due to user request", false, CDBC_SQL},
		{"28P01", "", false, CDBC_AUTH},
		{"42501", "", false, CDBC_DENIED},
		{"53200", "", false, CDBC_RESOURCE},
		{"53300", "", false, CDBC_CONNECT},
		{"57P01", "", false, CDBC_CONNECT},
		{"08006", "", false, CDBC_CONNECT},
		{"0A000", "", false, CDBC_UNSUPPORTED},
		{"42601", "", false, CDBC_SQL},
		{"XXUUU", "", false, CDBC_SQL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(cx_pg_status_of(rows[i].sqlstate, rows[i].message, rows[i].is_cancel_sent),
						 rows[i].status);
}

static void puts_texts_into_one_line(void **state)
{
	char out[64];

	cx_pg_one_line("no such host\n\tIs it up?\n", out, sizeof out);
	assert_string_equal(out, "no such host; Is it up?");
	cx_pg_one_line("failed:\n  because\nof this.\n\n", out, sizeof out);
	assert_string_equal(out, "failed: because; of this.");
	cx_pg_one_line("ääääää", out, 8);
	assert_string_equal(out, "ää");
	cx_pg_one_line(NULL, out, sizeof out);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_caret_lines),
		cmocka_unit_test(knows_sqlstates),
		cmocka_unit_test(puts_texts_into_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
