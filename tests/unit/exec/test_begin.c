// SPDX-License-Identifier: Apache-2.0
/* BEGIN in its dialects, and that a time gets nothing else into it. */
#include "base/error.h"
#include "data/exec/transaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void writes(const cx_begin *begin, const char *dialect, const char *wanted)
{
	cx_buf out = CX_BUF_INIT(1000);
	cdbc_error *err = NULL;

	assert_int_equal(cx_begin_write(begin, dialect, &out, &err), CDBC_OK);
	assert_string_equal(out.data, wanted);
	cx_buf_free(&out);
}

static void refuses(const cx_begin *begin, const char *dialect, cdbc_status wanted,
					const char *message)
{
	cx_buf out = CX_BUF_INIT(1000);
	cdbc_error *err = NULL;

	assert_int_equal(cx_begin_write(begin, dialect, &out, &err), wanted);
	assert_non_null(strstr(cdbc_error_message(err), message));
	cdbc_error_free(err);
	cx_buf_free(&out);
}

static void test_dialects(void **state)
{
	const cx_begin all = {"SNAPSHOT", "HIGH", NULL, true}, none = {NULL, NULL, NULL, false};

	(void)state;
	writes(&none, "postgresql", "BEGIN");
	writes(&none, NULL, "BEGIN");
	writes(&none, "sqlite", "BEGIN IMMEDIATE");
	writes(&all, "sqlite", "BEGIN");
	writes(&all, "postgresql", "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
	writes(&all, "cockroachdb", "BEGIN ISOLATION LEVEL SNAPSHOT, PRIORITY HIGH, READ ONLY");
}

static void test_times(void **state)
{
	static const char *const good[][2] = {
		{"'-10s'", "'-10s'"},
		{"  '-10s' -- ago\n", "'-10s'"},
		{"follower_read_timestamp()", "follower_read_timestamp()"},
		{"'a; b, :c $1 -- d'", "'a; b, :c $1 -- d'"}};
	static const char *const bad[] = {"'-1s'; drop table t",
									  "'-1s', READ WRITE",
									  "'-1s' READ WRITE",
									  "'-1s' priority high",
									  "'-1s' isolation level serializable",
									  "'-1s' not deferrable",
									  "'-1s'); drop table t; --",
									  "$1",
									  ":at",
									  "'-1s",
									  "/* '-1s'",
									  "(select 1)",
									  "now()",
									  "x",
									  "",
									  "-- '-1s'"};
	cx_begin begin = {NULL, NULL, NULL, true};
	char wanted[100];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		begin.as_of = good[i][0];
		snprintf(wanted, sizeof wanted, "BEGIN READ ONLY, AS OF SYSTEM TIME %s", good[i][1]);
		writes(&begin, "cockroachdb", wanted);
		refuses(&begin, "postgresql", CDBC_UNSUPPORTED, "the database is postgresql");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		begin.as_of = bad[i];
		refuses(&begin, "cockroachdb", CDBC_SQL_FILE, "as of \"");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialects),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
