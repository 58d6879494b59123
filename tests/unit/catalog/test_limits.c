// SPDX-License-Identifier: Apache-2.0
/* Limits of SQL files and folders, each passed by one; and a few slips that no other test makes. */
#include "base/buf.h"
#include "sql_file.h"

#include <fcntl.h>
#include <sys/stat.h>

static char told[400];

static void keep_told(void *data, const cdbc_diagnostic *d)
{
	snprintf(told, sizeof told, "%lld:%lld: %s", (long long)d->line, (long long)d->column,
			 d->message);
	++*(size_t *)data;
}

/* Refused with one error, by load and by check. */
static void refuse(const cx_buf *text, const char *message)
{
	const char *paths[1] = {sql_file_path};
	cdbc_error *err = NULL;
	size_t count = 0, seen = 0;

	assert_false(text->is_over || text->is_nomem);
	if (sql_file_try(text->data, &err) != CDBC_SQL_FILE ||
		!strstr(cdbc_error_message(err), message))
		fail_msg("%s\nwas:    %s", message, err ? cdbc_error_message(err) : "no error");
	cdbc_error_free(err);
	assert_int_equal(cdbc_catalog_check(paths, 1, keep_told, &seen, &count, NULL), CDBC_OK);
	if (count != 1 || strncmp(told, message, strlen(message)) != 0)
		fail_msg("%s\nchecked: %zu errors, %s", message, count, told);
}

static const sql_file_mistake mistakes[] = {
	{"-- name: a\n-- param: x numeric(10\nselect :x\n", "2:23: the type's `)` is missing"},
	{"-- name: a\n-- column: 5 int8\nselect 1\n", "2:4: a column's name is missing"},
	{"-- name: a\n-- column: a int8 = 5\nselect 1\n", "2:19: something follows the column's type"},
	{"-- name: a\n-- param: x int8 = -a\nselect :x\n", "2:21: a number is missing after its sign"},
};

static void test_slips(void **state)
{
	sql_file_refuse(mistakes, sizeof mistakes / sizeof *mistakes);
}

static void test_names(void **state)
{
	cx_buf text = CX_BUF_INIT(1000);
	cdbc_catalog *catalog = NULL;
	cdbc_error *err = NULL;

	cx_buf_puts(&text, "-- name: ");
	for (int i = 0; i < 121; i++)
		cx_buf_putc(&text, 'a');
	cx_buf_puts(&text, "\nselect 1\n");
	refuse(&text, "1:10: a query's name has 1 to 120 bytes with its folders");
	cx_buf_free(&text);
	assert_int_equal(cdbc_catalog_new(&catalog, NULL), CDBC_OK);
	assert_int_equal(cdbc_catalog_add_text(catalog, "a b.sql", "select 1", 8, &err), CDBC_SQL_FILE);
	assert_string_equal(cdbc_error_message(err),
						"a b.sql:1:1: \"a b\" is no name for a query: letters, digits, _ and -");
	cdbc_error_free(err);
	cdbc_catalog_free(catalog);
}

static void test_counts(void **state)
{
	cx_buf text = CX_BUF_INIT(2u << 20);

	cx_buf_puts(&text, "-- name: a\n");
	for (int i = 0; i < 1001; i++)
		cx_buf_putf(&text, "-- param: x%d int8\n", i);
	cx_buf_puts(&text, "select 1");
	for (int i = 0; i < 1001; i++)
		cx_buf_putf(&text, " + :x%d", i);
	assert_string_equal(sql_file_message(text.data), "more than 1000 declared parameters");
	cx_buf_clear(&text);
	cx_buf_puts(&text, "-- name: a(x0");
	for (int i = 1; i < 1001; i++)
		cx_buf_putf(&text, ", x%d", i);
	cx_buf_puts(&text, ")\nselect 1\n");
	assert_string_equal(sql_file_message(text.data), "more than 1000 declared parameters");
	cx_buf_clear(&text);
	cx_buf_puts(&text, "-- name: a\n-- param: s ident in(x");
	for (int i = 0; i < 62; i++)
		cx_buf_putf(&text, ", x%d", i);
	cx_buf_puts(&text, ")\nselect 1 order by :s\n");
	assert_string_equal(sql_file_message(text.data), "more than 62 identifiers");
	cx_buf_clear(&text);
	cx_buf_puts(&text, "-- name: a\nselect 1");
	for (int i = 0; i < 65; i++)
		cx_buf_putf(&text, "/*? x%d */, 1 /*?*/", i);
	assert_string_equal(sql_file_message(text.data),
						"more than 64 parameters decide about optional parts");
	cx_buf_clear(&text);
	cx_buf_puts(&text, "-- name: a\nselect 1");
	for (int i = 0; i < 63; i++)
		cx_buf_putf(&text, "/*? x = %d */, 1 /*?*/", i);
	assert_string_equal(sql_file_message(text.data),
						"parameter \"x\" is compared with too many values");
	cx_buf_free(&text);
}

static void fill(cx_buf *text, size_t bytes)
{
	static const char line[] = "-- 234567890123456789012345678901234567890123456789012345678901\n";

	while (bytes > sizeof line) {
		cx_buf_puts(text, line);
		bytes -= sizeof line - 1;
	}
}

static void test_bytes(void **state)
{
	cx_buf text = CX_BUF_INIT(20u << 20);

	cx_buf_puts(&text, "-- name: a\n");
	fill(&text, 66000 * 66 / 60);
	cx_buf_puts(&text, "select 1\n");
	refuse(&text, "1:10: more than 65536 bytes of documentation");
	cx_buf_clear(&text);
	cx_buf_puts(&text, "-- name: a\nselect 1 /*? a */, :a /*?*/\n");
	fill(&text, 1100000);
	cx_buf_puts(&text, ", 2\n");
	refuse(&text, "2:1: a statement with optional parts or identifiers has at most 1048576 bytes");
	cx_buf_clear(&text);
	cx_buf_puts(&text, "-- name: a\nselect 1\n");
	for (int i = 0; i < 6; i++)
		cx_buf_putf(&text, "/*? x%d */, :x%d /*?*/\n", i, i);
	fill(&text, 500000);
	cx_buf_puts(&text, ", 2\n");
	refuse(&text, "2:1: the statements that the query may become have more than 16777216 bytes");
	cx_buf_clear(&text);
	fill(&text, (16u << 20) + 100);
	cx_buf_puts(&text, "-- name: a\nselect 1\n");
	refuse(&text, "1:1: the file is longer than 16777216 bytes");
	cx_buf_free(&text);
}

/* So many errors, each of which looks at so much, that the rest of a file is left alone. */
static void test_errors(void **state)
{
	const char *paths[1] = {sql_file_path};
	cx_buf text = CX_BUF_INIT(8u << 20);
	size_t count = 0, seen = 0;

	for (int i = 0; i < 200; i++) {
		cx_buf_putf(&text, "-- name: q%d\nselect /*\n", i);
		if (i == 150)
			fill(&text, 6u << 20);
	}
	sql_file_write(text.data);
	assert_int_equal(cdbc_catalog_check(paths, 1, keep_told, &seen, &count, NULL), CDBC_OK);
	assert_int_equal(count, 101);
	assert_string_equal(
		told, "200:8: the rest of the file was not read: there are too many errors of this kind");
	cx_buf_free(&text);
}

static void expect_io(const char *path, const char *message)
{
	cdbc_catalog *catalog = NULL;
	cdbc_error *err = NULL;

	assert_int_equal(cdbc_catalog_new(&catalog, NULL), CDBC_OK);
	assert_int_equal(cdbc_catalog_load(catalog, path, &err), CDBC_IO);
	if (!strstr(cdbc_error_message(err), message))
		fail_msg("%s", cdbc_error_message(err));
	cdbc_error_free(err);
	cdbc_catalog_free(catalog);
}

static void test_folders(void **state)
{
	int above[40], depth = 0;

	unlink(sql_file_path);
	assert_int_equal(symlink(".", sql_file_path), 0);
	expect_io(sql_file_root, ": a folder that links to itself");
	unlink(sql_file_path);
	above[0] = open(sql_file_root, O_RDONLY | O_DIRECTORY);
	for (; depth < 34; depth++) {
		assert_int_equal(mkdirat(above[depth], "d", 0700), 0);
		above[depth + 1] = openat(above[depth], "d", O_RDONLY | O_DIRECTORY);
	}
	expect_io(sql_file_root, ": folders nested deeper than 32");
	while (depth) {
		close(above[depth--]);
		assert_int_equal(unlinkat(above[depth], "d", AT_REMOVEDIR), 0);
	}
	close(above[0]);
	sql_file_write("select 1"); /* which the end removes */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slips), cmocka_unit_test(test_names),  cmocka_unit_test(test_counts),
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_errors), cmocka_unit_test(test_folders),
	};

	return cmocka_run_group_tests(tests, sql_file_begin, sql_file_end);
}
