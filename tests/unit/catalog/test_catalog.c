// SPDX-License-Identifier: Apache-2.0
/* SQL files: names, marks, headers, namespaces, variants, and every mistake that is refused, each
 * with its place. */
#include "base/alloc.h"
#include "base/buf.h"
#include "service/catalog/catalog.h"
#include "support/oom.h"

#define CX_FILE_MAX (16u << 20)

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char root[64];

static int make_root(void **state)
{
	snprintf(root, sizeof root, "/tmp/cdbc-catalog-XXXXXX");
	return mkdtemp(root) ? 0 : 1;
}

static int remove_root(void **state)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", root);
	return system(command);
}

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof path, "%s/%s", root, name);
	return path;
}

static void write_n(const char *name, const char *text, size_t length)
{
	FILE *f = fopen(path_of(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, length, f), length);
	fclose(f);
}

static void write_file(const char *name, const char *text)
{
	write_n(name, text, strlen(text));
}

static cdbc_catalog *load(const char *name)
{
	cdbc_catalog *catalog = NULL;
	cdbc_error *err = NULL;

	assert_int_equal(cdbc_catalog_new(&catalog, NULL), CDBC_OK);
	if (cdbc_catalog_load(catalog, path_of(name), &err))
		fail_msg("%s", cdbc_error_message(err));
	return catalog;
}

static cdbc_query_info get(const cdbc_catalog *catalog, const char *name)
{
	cdbc_query_info info;

	assert_int_equal(cdbc_catalog_get(catalog, name, &info, NULL), CDBC_OK);
	return info;
}

static const char whole[] =
	"-- Licence: none\n"
	"\n"
	"-- name: get_user_transactions :many\n"
	"-- Newest transactions of one user.\n"
	"-- param: user_id int8 -- whose\n"
	"--   Second line: with a colon.\n"
	"-- param: since timestamptz?\n"
	"-- param: state text? in('pending', 'it''s', 'failed')\n"
	"-- param: n int4 min=1 max=100 = 10 -- how many\n"
	"-- param: code string length=2..3 match='[a-z]+' = 'ab'\n"
	"-- column: total numeric(10,2)\n"
	"-- read-only\n"
	"-- timeout: 2s\n"
	"-- max-rows: 10000\n"
	"-- deprecated: use the other one\n"
	"select id, 'a;b' from transactions -- not a header\n"
	" where user_id = :user_id and created_at >= :since and state = :state and code = :code\n"
	" limit :n;\n"
	"-- after\n"
	"\n"
	"-- name: one-row^\n"
	"select 1;\n"
	"-- name: save!\n"
	"-- idempotent\n"
	"insert into t values (:a, :b, :a)\n"
	"-- name: by_list(ids, x)$\n"
	"select count(*) from t where id in (:ids) and x = :x\n"
	"-- name: several #\n"
	"create table a (x int); -- first\n"
	"insert into a values (1);\n";

static void test_headers(void **state)
{
	cdbc_catalog *catalog;
	const cx_query *query;
	cdbc_query_info info;

	write_file("whole.sql", whole);
	catalog = load("whole.sql");
	assert_int_equal(cdbc_catalog_count(catalog), 5);
	info = get(catalog, "get-user-transactions");
	assert_string_equal(info.name, "get_user_transactions");
	assert_int_equal(info.line, 3);
	assert_string_equal(info.documentation,
						"Newest transactions of one user.\nSecond line: with a colon.");
	assert_int_equal(info.cardinality, CDBC_MANY);
	assert_int_equal(info.kind, CDBC_KIND_SELECT);
	assert_true(info.is_read_only);
	assert_int_equal(info.param_count, 5);
	assert_string_equal(info.params[0].name, "user_id");
	assert_string_equal(info.params[0].type_name, "int8");
	assert_string_equal(info.params[0].help, "whose");
	assert_true(info.params[1].is_optional);
	assert_int_equal(info.params[1].type.id, CDBC_TYPE_TIMESTAMPTZ);
	assert_string_equal(info.params[3].default_text, "10");
	assert_string_equal(info.params[3].help, "how many");
	assert_memory_equal(info.sql, "select id", 9);
	assert_string_equal(info.sql + strlen(info.sql) - 9, " limit :n");
	assert_int_equal(
		cx_catalog_find(catalog, "get_user_transactions", &cx_dialect_sqlite, &query, NULL),
		CDBC_OK);
	assert_int_equal(query->timeout_ms, 2000);
	assert_int_equal(query->max_rows, 10000);
	assert_string_equal(query->deprecated, "use the other one");
	assert_int_equal(query->column_count, 1);
	assert_int_equal(query->columns[0].type.precision, 10);
	assert_true(query->is_read_only);
	assert_true(query->statement->flags & CDBC_REQUEST_READ_ONLY);
	info = get(catalog, "one_row");
	assert_int_equal(info.cardinality, CDBC_ZERO_OR_ONE);
	info = get(catalog, "save");
	assert_int_equal(info.cardinality, CDBC_EXEC);
	assert_int_equal(info.param_count, 2);
	assert_string_equal(info.params[1].name, "b");
	assert_string_equal(info.params[1].type_name, "");
	assert_int_equal(cx_catalog_find(catalog, "save", &cx_dialect_sqlite, &query, NULL), CDBC_OK);
	assert_true(query->is_idempotent);
	assert_true(query->statement->flags & CDBC_REQUEST_IDEMPOTENT);
	info = get(catalog, "by_list");
	assert_int_equal(info.cardinality, CDBC_SCALAR);
	info = get(catalog, "several");
	assert_int_equal(info.cardinality, CDBC_SCRIPT);
	assert_string_equal(info.sql, "create table a (x int); -- first\ninsert into a values (1)");
	assert_true(cdbc_catalog_at(catalog, 0, &info));
	assert_string_equal(info.name, "by_list");
	assert_false(cdbc_catalog_at(catalog, 5, &info));
	cdbc_catalog_free(catalog);
}

static void test_folders(void **state)
{
	cdbc_catalog *catalog;
	cdbc_query_info info;
	cdbc_error *err = NULL;

	mkdir(path_of("q"), 0755);
	mkdir(path_of("q/reports"), 0755);
	mkdir(path_of("q/reports/deep"), 0755);
	write_file("q/a.sql", "-- name: top\nselect 1");
	write_file("q/plain-name.sql", "\xef\xbb\xbf-- Says one.\n-- param: x int8\nselect :x;\n");
	write_file("q/notes.txt", "not sql '");
	write_file("q/.hidden.sql", "not sql '");
	write_file("q/a.test.sql", "not sql '");
	write_file("q/reports/daily.sql",
			   "-- name: top\r\nselect 2\r\n;\r\n/* name: block :one */\nselect 3\n");
	write_file("q/reports/deep/x.sql", "select 4");
	catalog = load("q");
	assert_int_equal(cdbc_catalog_count(catalog), 5);
	assert_string_equal(get(catalog, "plain_name").documentation, "Says one.");
	assert_string_equal(get(catalog, "reports.top").sql, "select 2");
	assert_int_equal(get(catalog, "reports.block").cardinality, CDBC_ONE);
	assert_string_equal(get(catalog, "reports.deep.x").sql, "select 4");
	assert_int_equal(cdbc_catalog_get(catalog, "tpo", &info, &err), CDBC_NOT_FOUND);
	assert_string_equal(cdbc_error_message(err), "there is no query \"tpo\"");
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT),
						"did you mean \"reports.top\", \"top\"?");
	cdbc_error_free(err);
	err = NULL;
	/* nothing is added when anything is wrong, and what was there stays */
	write_file("second.sql", "-- name: fine\nselect 1;\n-- name: top\nselect 1");
	assert_int_equal(cdbc_catalog_load(catalog, path_of("second.sql"), &err), CDBC_SQL_FILE);
	assert_non_null(strstr(cdbc_error_message(err), "second.sql:3:10: query \"top\" is also in "));
	assert_non_null(strstr(cdbc_error_message(err), "q/a.sql:1"));
	assert_int_equal(cdbc_error_line(err), 3);
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cdbc_catalog_count(catalog), 5);
	assert_int_equal(cdbc_catalog_get(catalog, "fine", &info, NULL), CDBC_NOT_FOUND);
	assert_string_equal(get(catalog, "top").sql, "select 1");
	write_file("third.sql", "-- name: third\nselect 1");
	assert_int_equal(cdbc_catalog_load(catalog, path_of("third.sql"), NULL), CDBC_OK);
	assert_int_equal(cdbc_catalog_count(catalog), 6);
	assert_int_equal(cdbc_catalog_load(catalog, path_of("none"), &err), CDBC_IO);
	assert_non_null(strstr(cdbc_error_message(err), "none: No such file"));
	cdbc_error_free(err);
	cdbc_catalog_free(catalog);
	assert_int_equal(symlink(root, path_of("q/reports/loop")), 0);
	assert_int_equal(symlink(path_of("q"), path_of("q/reports/loop2")) & 0, 0);
	unlink(path_of("q/reports/loop"));
	unlink(path_of("q/reports/loop2"));
}

static void test_variants(void **state)
{
	cdbc_catalog *catalog;
	const cx_query *query = NULL;
	cdbc_error *err = NULL;

	write_file(
		"variants.sql",
		"-- name: v\n-- dialect: postgresql\nselect 1\n-- name: v\n-- dialect: sqlite\nselect 2\n"
		"-- name: w\nselect 3\n-- name: w\n-- dialect: cockroachdb, postgresql\nselect 4\n");
	catalog = load("variants.sql");
	assert_int_equal(cdbc_catalog_count(catalog), 2);
	assert_int_equal(cx_catalog_find(catalog, "v", &cx_dialect_cockroachdb, &query, NULL), CDBC_OK);
	assert_string_equal(query->info.sql, "select 1");
	assert_int_equal(cx_catalog_find(catalog, "v", &cx_dialect_sqlite, &query, NULL), CDBC_OK);
	assert_string_equal(query->info.sql, "select 2");
	assert_int_equal(cx_catalog_find(catalog, "w", &cx_dialect_sqlite, &query, NULL), CDBC_OK);
	assert_string_equal(query->info.sql, "select 3");
	assert_int_equal(cx_catalog_find(catalog, "w", &cx_dialect_cockroachdb, &query, NULL), CDBC_OK);
	assert_string_equal(query->info.sql, "select 4");
	assert_int_equal(cx_catalog_find(catalog, "v", NULL, &query, NULL), CDBC_OK);
	assert_int_equal(cx_catalog_find(catalog, "v", &cx_dialect_other[0], &query, &err),
					 CDBC_NOT_FOUND);
	assert_string_equal(cdbc_error_message(err), "query \"v\" has no variant for other");
	cdbc_error_free(err);
	cdbc_catalog_free(catalog);
	write_file("twice.sql", "-- name: v\n-- dialect: postgresql\nselect 1\n-- name: v\n-- dialect: "
							"sqlite, postgresql\nselect 2\n");
	assert_int_equal(cdbc_catalog_new(&catalog, NULL), CDBC_OK);
	assert_int_equal(cdbc_catalog_load(catalog, path_of("twice.sql"), NULL), CDBC_SQL_FILE);
	cdbc_catalog_free(catalog);
}

/* A file, and the one thing that is wrong with it. */
static const struct {
	const char *text;
	const char *message; /* after the file's name */
} mistakes[] = {
	{"-- name: a\nselect 'x\n", "2:8: string without its closing quote"},
	{"-- name: a\nselect \"x\n", "2:8: quoted name without its closing quote"},
	{"-- name: a\nselect /* x\n", "2:8: comment without its end"},
	{"-- name: a\nselect $a$ x\n", "2:8: dollar-quoted string without its closing tag"},
	{"-- name: a\nselect (1\n", "2:8: `(` is never closed"},
	{"-- name: a\nselect 1]\n", "2:9: `]` closes no `[`"},
	{"-- name: a\nselect :'x'\n", "2:8: psql's quoted variable is not known here"},
	{"-- name: a\nselect '\xff'\n", "2:9: invalid UTF-8"},
	{"-- name: a\nselect 1;\nselect 2;\n", "3:1: a second statement in one query"},
	{"-- name: a\n  select 1;  select 2;\n", "2:14: a second statement in one query"},
	{"-- name: a #\nselect :x; select 2;\n",
	 "1:10: a script of several statements takes no parameters"},
	{"-- name: a\n-- nothing\n", "1:10: the query has no SQL"},
	{"-- name: a\n;;\n", "1:10: the query has no SQL"},
	{"", "1:1: the query has no SQL"},
	{"select 1;\n-- name: a\nselect 1;\n", "1:1: SQL before the file's first `name` line"},
	{"-- roles: x\n-- name: a\nselect 1;\n", "1:1: a header before the query's name"},
	{"-- name: a\nselect 1\n-- roles: x\n", "3:1: a header after the SQL began"},
	{"-- name: \nselect 1\n", "1:10: a query's name is missing"},
	{"-- name: a :onne\nselect 1\n", "1:12: \":onne\" is no mark"},
	{"-- name: a\nselect 1;\n-- name: b\nselect 1;\n-- name: a\nselect 1\n",
	 "5:10: query \"a\" is also in "},
	{"-- name: a-b\nselect 1;\n-- name: a_b\nselect 1;\n", "3:10: query \"a_b\" is also in "},
	/* headers that are nearly right */
	{"-- name: a\n-- role: x\nselect 1\n", "2:4: `role` is nearly the header `roles`"},
	{"-- name: a\n-- readonly\nselect 1\n", "2:4: `readonly` is nearly the header `read-only`"},
	{"-- name: a\n-- Read-Only\nselect 1\n", "2:4: `Read-Only` is nearly the header `read-only`"},
	{"-- name: a\n-- parma: x int\nselect 1\n", "2:4: `parma` is nearly the header `param`"},
	{"-- nmae: a\nselect 1\n", "1:4: `nmae` is nearly the header `name`"},
	{"-- name: a\n-- max rows: 5\nselect 1\n", "2:4: `max rows` is nearly the header `max-rows`"},
	{"-- name: a\n-- roles teller\nselect 1\n", "2:4: `roles` needs a colon directly after it"},
	{"-- name: a\n-- read-only please\nselect 1\n", "2:4: `read-only` stands alone in its line"},
	{"-- name: a\n-- read-only: yes\nselect 1\n", "2:4: `read-only` takes no value"},
	{"-- name: a\n-- timeout\nselect 1\n", "2:4: `timeout` needs a colon and a value"},
	{"-- name: a\n-- timeout:\nselect 1\n", "2:4: `timeout` needs something after its colon"},
	{"-- name: a\n-- timeout: 1s\n-- timeout: 2s\nselect 1\n", "3:4: `timeout` is given twice"},
	{"-- name: a\n-- timeout: soon\nselect 1\n", "2:13: \"soon\" is not a duration"},
	{"-- name: a\n-- max-rows: -1\nselect 1\n", "2:14: \"-1\" is not a number of rows"},
	{"-- name: a\n-- dialect: oracle\nselect 1\n", "2:13: unknown dialect \"oracle\""},
	{"-- name: a\n-- column: x itn8\nselect 1\n", "2:14: unknown type \"itn8\""},
	{"-- name: a #\n-- read-only\nselect 1; delete from t\n",
	 "2:4: declared read-only, but a statement of the script may write"},
	{"-- name: a\n-- read-only\ndelete from t\n",
	 "2:4: declared read-only, but it is a change of data"},
	/* what comes later is refused, never ignored */
	{"-- name: a\n-- as-of: '-1s'\nselect 1\n",
	 "3:1: a SELECT without FROM has nothing to read `as-of` a time"},
	/* parameters */
	{"-- name: a\n-- param: x int8\nselect :x, :y\n",
	 "3:12: parameter \"y\" is used, but not declared"},
	{"-- name: a\n-- param: x int8\n-- param: y int8\nselect :x\n",
	 "3:11: parameter \"y\" is declared, but not used"},
	{"-- name: a(x, y)\nselect :x\n", "1:15: parameter \"y\" is declared, but not used"},
	{"-- name: a(x\nselect :x\n", "1:13: `)` is missing after the parameters' names"},
	{"-- name: a\n-- param: x int8\n-- param: x int8\nselect :x\n",
	 "3:11: parameter \"x\" is declared twice"},
	{"-- name: a\n-- param: x intt8\nselect :x\n", "2:13: unknown type \"intt8\""},
	{"-- name: a\n-- param: x\nselect :x\n", "2:12: a type is missing"},
	{"-- name: a\n-- param: 5 int8\nselect :x\n", "2:11: a parameter's name is missing"},
	{"-- name: a\n-- param: _x int8\nselect :x\n",
	 "2:11: names that begin with `_` are filled in here, they cannot be declared"},
	{"-- name: a\n-- param: x int8 mni=1\nselect :x\n", "2:18: unknown check \"mni\""},
	{"-- name: a\n-- param: x int8 min='a'\nselect :x\n",
	 "2:22: parameter \"x\": \"a\" is not an int8"},
	{"-- name: a\n-- param: x int8 max=5 = 6\nselect :x\n",
	 "2:26: parameter \"x\": 6 is more than 5"},
	{"-- name: a\n-- param: x text in(a, b)\nselect :x\n", "2:21: a bare word is no literal"},
	{"-- name: a\n-- param: x text in('a' 'b')\nselect :x\n",
	 "2:25: `)` is missing after the choices"},
	{"-- name: a\n-- param: x text match='('\nselect :x\n", "2:24: the expression is wrong: "},
	{"-- name: a\n-- param: x text length=5..2\nselect :x\n", "2:29: no length is in that range"},
	{"-- name: a\n-- param: x int8 min=5 max=1\nselect :x\n", "2:28: no value is in that range"},
	{"-- name: a\n-- param: x float8 max=-1.5 min=-1\nselect :x\n",
	 "2:33: no value is in that range"},
	{"-- name: a\n-- param: x text min=1\nselect :x\n", "2:18: min and max are for numbers"},
	{"-- name: a\n-- param: x int8 = 'abc\nselect :x\n", "2:20: string without its closing quote"},
	{"-- name: a\n-- param: x int8 , text\nselect :x\n", "2:18: neither a check nor a default"},
	{"-- name: a\n-- param: x int8 = 1 text\nselect :x\n",
	 "2:22: something follows the parameter's declaration"},
	{"-- name: a\n-- param: x int8\nselect 1 where y in (:x)\n",
	 "3:22: parameter \"x\" stands in a list, but is declared as a single int8"},
	{"-- name: a\nselect :x, $1\n", "2:12: $1 beside a parameter with a name"},
};

typedef struct collected {
	size_t count;
	char text[4096];
} collected;

static void collect(void *data, const cdbc_diagnostic *d)
{
	collected *c = data;
	size_t n = strlen(c->text);

	c->count++;
	snprintf(c->text + n, sizeof c->text - n, "%lld:%lld: %s [%s]\n", (long long)d->line,
			 (long long)d->column, d->message, d->line_text);
}

static void test_mistakes(void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		cdbc_catalog *catalog = NULL;
		cdbc_error *err = NULL;
		const char *message, *paths[1];
		collected found = {0, ""};
		size_t count = 0;

		write_file("bad.sql", mistakes[i].text);
		assert_int_equal(cdbc_catalog_new(&catalog, NULL), CDBC_OK);
		if (cdbc_catalog_load(catalog, path_of("bad.sql"), &err) != CDBC_SQL_FILE)
			fail_msg("not refused: %s: %s", mistakes[i].text, err ? cdbc_error_message(err) : "");
		message = strstr(cdbc_error_message(err), "bad.sql:") + 8;
		if (strncmp(message, mistakes[i].message, strlen(mistakes[i].message)) != 0)
			fail_msg("%s\nwas:    %s\nwanted: %s", mistakes[i].text, message, mistakes[i].message);
		assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_FILE), "bad.sql"));
		assert_int_equal(cdbc_catalog_count(catalog), 0);
		cdbc_error_free(err);
		cdbc_catalog_free(catalog);
		/* check says the same, once */
		paths[0] = path_of("bad.sql");
		assert_int_equal(cdbc_catalog_check(paths, 1, collect, &found, &count, NULL), CDBC_OK);
		if (found.count != 1 || count != 1 ||
			strncmp(found.text, mistakes[i].message, strlen(mistakes[i].message)) != 0)
			fail_msg("%s\nchecked: %s", mistakes[i].text, found.text);
	}
}

static void test_twelve(void **state)
{
	static const char text[] =
		"-- name: ok\nselect 1;\n"
		"-- name: one\nselect 'open;\n"                                       /* 4:8 */
		"-- name: two\n-- readonly\n-- param: x itn8\nselect :x;\n"           /* 6:4, 7:13 */
		"-- name: three :sometimes\nselect (1;\n"                             /* 9:16, 10:8 */
		"-- name: ok\nselect 2;\n"                                            /* 11:10 */
		"-- name: four\n-- param: a int8\n-- param: b int8\nselect :a, :c;\n" /* 16:12, 15:11 */
		"-- name: five\nselect 1; select 2;\n"                                /* 18:11 */
		"-- name: six\n-- cache: x\nselect $x$ body $y$;\n"                   /* 20:11, 21:8 */
		"-- name: seven\n";                                                   /* 22:10 */
	collected found = {0, ""};
	const char *paths[1];
	char *self;
	size_t count = 0;

	write_file("twelve.sql", text);
	paths[0] = path_of("twelve.sql");
	assert_int_equal(cdbc_catalog_check(paths, 1, collect, &found, &count, NULL), CDBC_OK);
	assert_int_equal(count, 12);
	self = strstr(found.text, paths[0]); /* the duplicate names the other place in full */
	assert_non_null(self);
	memmove(self + 4, self + strlen(paths[0]), strlen(self + strlen(paths[0])) + 1);
	memcpy(self, "SELF", 4);
	assert_string_equal(
		found.text, "4:8: string without its closing quote [select 'open;]\n"
					"6:4: `readonly` is nearly the header `read-only` [-- readonly]\n"
					"7:13: unknown type \"itn8\" [-- param: x itn8]\n"
					"9:16: \":sometimes\" is no mark [-- name: three :sometimes]\n"
					"10:8: `(` is never closed [select (1;]\n"
					"11:10: query \"ok\" is also in SELF:1 [-- name: ok]\n"
					"15:11: parameter \"b\" is declared, but not used [-- param: b int8]\n"
					"16:12: parameter \"c\" is used, but not declared [select :a, :c;]\n"
					"18:11: a second statement in one query [select 1; select 2;]\n"
					"20:11: \"x\" is not a duration [-- cache: x]\n"
					"21:8: dollar-quoted string without its closing tag [select $x$ body $y$;]\n"
					"22:10: the query has no SQL [-- name: seven]\n");
}

static void test_twice_and_wrong(void **state)
{
	collected found = {0, ""};
	const char *paths[1];
	size_t count = 0;

	write_file("twice.sql", "-- name: a\n-- role: x\nselect 1;\n-- name: a\nselect 2;\n"
							"-- name: b\nselect 3;\n-- name: b :what\nselect 4;\n");
	paths[0] = path_of("twice.sql");
	assert_int_equal(cdbc_catalog_check(paths, 1, collect, &found, &count, NULL), CDBC_OK);
	assert_int_equal(count, 4);
	assert_non_null(strstr(found.text, "4:10: query \"a\" is also in "));
	assert_non_null(strstr(found.text, "8:10: query \"b\" is also in "));
}

static void refuse(const cx_query *query, cdbc_params params, const char *message)
{
	const cx_statement *statement;
	cdbc_value values[8];
	cdbc_error *err = NULL;

	assert_int_equal(
		cx_query_bind(query, &cx_dialect_postgresql, params, NULL, values, &statement, &err),
		CDBC_PARAM);
	assert_string_equal(cdbc_error_message(err), message);
	cdbc_error_free(err);
}

static void test_bind(void **state)
{
	cdbc_catalog *catalog;
	const cx_query *query = NULL;
	const cx_statement *statement;
	cdbc_value v[8];

	write_file("whole.sql", whole);
	catalog = load("whole.sql");
	assert_int_equal(
		cx_catalog_find(catalog, "get_user_transactions", &cx_dialect_postgresql, &query, NULL),
		CDBC_OK);
	assert_int_equal(cx_query_bind(query, &cx_dialect_postgresql,
								   CDBC_PARAMS({"user_id", cdbc_string("+17")}), NULL, v,
								   &statement, NULL),
					 CDBC_OK);
	assert_int_equal(v[0].kind, CDBC_VALUE_INT64);
	assert_int_equal(v[0].as.int64, 17);
	assert_int_equal(v[0].type.id, CDBC_TYPE_INT8);
	assert_int_equal(v[1].kind, CDBC_VALUE_NULL);
	assert_int_equal(v[1].type.id, CDBC_TYPE_TIMESTAMPTZ);
	assert_string_equal(v[3].as.text.data, "ab");
	assert_int_equal(v[4].as.int64, 10);
	assert_int_equal(v[4].type.id, CDBC_TYPE_INT4);
	assert_int_equal(
		cx_query_bind(query, &cx_dialect_postgresql,
					  CDBC_PARAMS({"state", cdbc_string("it's")}, {"user_id", cdbc_int64(1)},
								  {"n", cdbc_string("100")},
								  {"since", cdbc_string("2024-02-29 12:00:00+02")}),
					  NULL, v, &statement, NULL),
		CDBC_OK);
	assert_int_equal(v[4].as.int64, 100);
	refuse(query, CDBC_NO_PARAMS,
		   "query \"get_user_transactions\": parameter \"user_id\" is missing");
	refuse(query, CDBC_PARAMS({"user_id", cdbc_string("abc")}),
		   "query \"get_user_transactions\": parameter \"user_id\": \"abc\" is not an int8");
	refuse(query, CDBC_PARAMS({"user_id", cdbc_int64(1)}, {"n", cdbc_int64(101)}),
		   "query \"get_user_transactions\": parameter \"n\": 101 is more than 100");
	refuse(query, CDBC_PARAMS({"user_id", cdbc_int64(1)}, {"n", cdbc_int64(0)}),
		   "query \"get_user_transactions\": parameter \"n\": 0 is less than 1");
	refuse(query, CDBC_PARAMS({"user_id", cdbc_int64(1)}, {"n", cdbc_int64(5000000000)}),
		   "query \"get_user_transactions\": parameter \"n\": 5000000000 is out of range for int4");
	refuse(query, CDBC_PARAMS({"user_id", cdbc_int64(1)}, {"state", cdbc_string("x")}),
		   "query \"get_user_transactions\": parameter \"state\": \"x\" is not in('pending', "
		   "'it''s', 'failed')");
	refuse(query, CDBC_PARAMS({"user_id", cdbc_int64(1)}, {"code", cdbc_string("abcd")}),
		   "query \"get_user_transactions\": parameter \"code\": \"abcd\" has not the length 2..3");
	refuse(query, CDBC_PARAMS({"user_id", cdbc_int64(1)}, {"code", cdbc_string("a1")}),
		   "query \"get_user_transactions\": parameter \"code\": \"a1\" does not match [a-z]+");
	refuse(query, CDBC_PARAMS({"user_id", cdbc_int64(1)}, {"since", cdbc_string("2023-02-29")}),
		   "query \"get_user_transactions\": parameter \"since\": \"2023-02-29\" is not a "
		   "timestamptz");
	refuse(query, CDBC_PARAMS({"usr_id", cdbc_int64(1)}),
		   "query \"get_user_transactions\": there is no parameter \"usr_id\" in the statement");
	cdbc_catalog_free(catalog);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	cdbc_catalog *catalog = NULL;
	const cx_query *query;
	cdbc_status status = cdbc_catalog_new(&catalog, err);

	if (!status)
		status = cdbc_catalog_load(catalog, data, err);
	if (!status)
		status = cx_catalog_find(catalog, "get_user_transactions", &cx_dialect_sqlite, &query, err);
	cdbc_catalog_free(catalog);
	return status;
}

static void ignore(void *data, const cdbc_diagnostic *d)
{
}

static cdbc_status check_scenario(void *data, cdbc_error **err)
{
	const char *paths[1] = {data};
	size_t count;

	return cdbc_catalog_check(paths, 1, ignore, NULL, &count, err);
}

static void test_out_of_memory(void **state)
{
	char path[512];

	write_file("whole.sql", whole);
	snprintf(path, sizeof path, "%s", path_of("whole.sql"));
	assert_true(oom_run(scenario, path) > 30);
	snprintf(path, sizeof path, "%s", path_of("twelve.sql"));
	assert_true(oom_run(check_scenario, path) > 30);
	snprintf(path, sizeof path, "%s", path_of("q"));
	assert_true(oom_run(check_scenario, path) > 30);
}

/* 10,000 queries: looked up, each found. */
static void test_many(void **state)
{
	cx_buf text = CX_BUF_INIT(CX_FILE_MAX);
	cdbc_catalog *catalog;
	const cx_query *query = NULL;
	char name[32];

	for (int i = 0; i < 10000; i++)
		cx_buf_putf(&text,
					"-- name: query_%d :one\n-- param: id int8\nselect a, b from t%d where id = "
					":id and state = 'x';\n\n",
					i, i);
	write_n("many.sql", text.data, text.length);
	cx_buf_free(&text);
	catalog = load("many.sql");
	assert_int_equal(cdbc_catalog_count(catalog), 10000);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof name, "query-%d", i);
		assert_int_equal(cx_catalog_find(catalog, name, &cx_dialect_sqlite, &query, NULL), CDBC_OK);
		assert_int_equal(query->info.line, i * 5 - i + 1);
	}
	cdbc_catalog_free(catalog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),  cmocka_unit_test(test_folders),
		cmocka_unit_test(test_variants), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_twelve),   cmocka_unit_test(test_twice_and_wrong),
		cmocka_unit_test(test_bind),     cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
