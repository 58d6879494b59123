// SPDX-License-Identifier: Apache-2.0
/* Command tags from a statement's words, and blank texts. */
#include "sqlite/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_tags(void **state)
{
	static const struct {
		const char *sql, *words;
		cx_sqlite_verb verb;
	} rows[] = {
		{"select 1", "SELECT", CX_SQLITE_SELECT},
		{"-- what\n/* ever */ ;Values (1)", "SELECT", CX_SQLITE_SELECT},
		{"with a as (select 1) insert into t select * from a", "INSERT 0", CX_SQLITE_INSERT},
		{"with \"update\"(x) as (delete) select 1", "SELECT", CX_SQLITE_SELECT},
		{"replace into t values (1)", "INSERT 0", CX_SQLITE_INSERT},
		{"update t set a = 1", "UPDATE", CX_SQLITE_CHANGE},
		{"create temp table t (a)", "CREATE TABLE", CX_SQLITE_OTHER},
		{"CREATE UNIQUE INDEX i on t (a)", "CREATE INDEX", CX_SQLITE_OTHER},
		{"drop view v", "DROP VIEW", CX_SQLITE_OTHER},
		{"begin immediate", "BEGIN", CX_SQLITE_BEGIN},
		{"end", "COMMIT", CX_SQLITE_COMMIT},
		{"rollback transaction", "ROLLBACK", CX_SQLITE_ROLLBACK},
		{"rollback transaction to savepoint a", "ROLLBACK", CX_SQLITE_ROLLBACK_TO},
		{"pragma foreign_keys", "PRAGMA", CX_SQLITE_OUTSIDE},
		{"", "", CX_SQLITE_OTHER},
		{"-- nothing", "", CX_SQLITE_OTHER},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cx_sqlite_tag tag;

		cx_sqlite_tag_read(rows[i].sql, &tag);
		assert_string_equal(tag.words, rows[i].words);
		assert_int_equal(tag.verb, rows[i].verb);
	}
}

static void test_blank(void **state)
{
	assert_true(cx_sqlite_is_blank(""));
	assert_true(cx_sqlite_is_blank(" ;; -- a\n /* b */ ;"));
	assert_true(cx_sqlite_is_blank("/* open"));
	assert_false(cx_sqlite_is_blank("; select"));
	assert_false(cx_sqlite_is_blank("'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tags), cmocka_unit_test(test_blank)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
