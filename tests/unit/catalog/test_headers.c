// SPDX-License-Identifier: Apache-2.0
/* Which comment line is a header, which is nearly one, which is a text: for every header there is.
 * What each says is tested in test_catalog.c and test_policy.c. */
#include "service/catalog/catalog.h"
#include "support/oom.h"
#include "sql_file.h"

/* Every header, a value that it takes (NULL: none), and a statement that it may stand on. */
static const struct {
	const char *word, *value, *sql;
} words[] = {
	{"param", "x int8", "select :x"},
	{"column", "x int8", "select 1"},
	{"roles", "teller", "select 1"},
	{"read-only", NULL, "select 1"},
	{"idempotent", NULL, "insert into t values (1)"},
	{"allow-all-rows", NULL, "delete from t"},
	{"timeout", "2s", "select 1"},
	{"max-rows", "5", "select 1"},
	{"cache", "3s", "select 1"},
	{"retry", "3", "select 1"},
	{"isolation", "serializable", "select 1"},
	{"priority", "low", "select 1"},
	{"dialect", "sqlite", "select 1"},
	{"deprecated", "use b", "select 1"},
};

#define WORD_COUNT (sizeof words / sizeof *words)

static void make(char *text, size_t size, const char *word, size_t i, const char *blanks)
{
	snprintf(text, size, "-- name: a\n--%s%s%s%s%s\n%s\n", blanks, word, words[i].value ? ":" : "",
			 words[i].value ? blanks : "", words[i].value ? words[i].value : "", words[i].sql);
}

static void test_every_word(void **state)
{
	static const char *const blanks[] = {"", " ", "\t", "    "};
	char text[200], spaced[40], message[100];

	for (size_t i = 0; i < WORD_COUNT; i++) {
		for (size_t b = 0; b < 4; b++) {
			make(text, sizeof text, words[i].word, i, blanks[b]);
			cdbc_catalog_free(sql_file_load(text));
		}
		if (words[i].value) {
			snprintf(spaced, sizeof spaced, "%s  ", words[i].word);
			make(text, sizeof text, spaced, i, " ");
			cdbc_catalog_free(sql_file_load(text));
		}
		/* as a block, with a star */
		snprintf(text, sizeof text, "-- name: a\n/*\n * %s%s%s\n */\n%s\n", words[i].word,
				 words[i].value ? ": " : "", words[i].value ? words[i].value : "", words[i].sql);
		cdbc_catalog_free(sql_file_load(text));
		/* with a colon too many, or one too few */
		snprintf(text, sizeof text, "-- name: a\n-- %s%s\n%s\n", words[i].word,
				 words[i].value ? "" : ": x", words[i].sql);
		snprintf(message, sizeof message, "2:4: `%s` %s", words[i].word,
				 words[i].value ? "needs a colon and a value" : "takes no value");
		sql_file_refuse(&(sql_file_mistake){text, message}, 1);
		if (!words[i].value)
			continue;
		snprintf(text, sizeof text, "-- name: a\n-- %s:\n%s\n", words[i].word, words[i].sql);
		snprintf(message, sizeof message, "2:4: `%s` needs something after its colon",
				 words[i].word);
		sql_file_refuse(&(sql_file_mistake){text, message}, 1);
	}
}

static void test_twice(void **state)
{
	char text[300], message[100], line[60];

	for (size_t i = 0; i < WORD_COUNT; i++) {
		snprintf(line, sizeof line, "-- %s%s%s\n", words[i].word, words[i].value ? ": " : "",
				 words[i].value ? words[i].value : "");
		snprintf(text, sizeof text, "-- name: a\n%s%s%s\n", line, line, words[i].sql);
		snprintf(message, sizeof message,
				 !strcmp(words[i].word, "param")    ? "3:11: parameter \"x\" is declared twice"
				 : !strcmp(words[i].word, "column") ? "3:18: column \"x\" is declared twice"
													: "3:4: `%s` is given twice",
				 words[i].word);
		sql_file_refuse(&(sql_file_mistake){text, message}, 1);
	}
}

static void refuse_near(const char *near, size_t i)
{
	char text[200], message[100];

	make(text, sizeof text, near, i, " ");
	snprintf(message, sizeof message, "2:%d: `", near[0] == ' ' ? 5 : 4);
	sql_file_refuse(&(sql_file_mistake){text, message}, 1);
}

/* Each word with one edit, of each kind and in each place, and with two. */
static void test_every_slip(void **state)
{
	char near[40];

	for (size_t i = 0; i < WORD_COUNT; i++) {
		const char *w = words[i].word;
		size_t n = strlen(w);

		for (size_t k = 0; k < n; k++) {
			int at = (int)k;

			snprintf(near, sizeof near, "%.*s%s", at, w, w + k + 1);
			refuse_near(near, i);
			snprintf(near, sizeof near, "%.*sq%s", at, w, w + k + 1);
			refuse_near(near, i);
			snprintf(near, sizeof near, "%.*sz%s", at, w, w + k);
			refuse_near(near, i);
			snprintf(near, sizeof near, "%.*s%c%s", at, w, w[k] == '-' ? '_' : w[k] - 32,
					 w + k + 1);
			refuse_near(near, i);
			if (k + 1 < n && w[k] != w[k + 1]) {
				snprintf(near, sizeof near, "%.*s%c%c%s", at, w, w[k + 1], w[k], w + k + 2);
				refuse_near(near, i);
			}
			if (k + 1 < n) { /* two */
				snprintf(near, sizeof near, "%.*sqz%s", at, w, w + k + 2);
				refuse_near(near, i);
			}
		}
		snprintf(near, sizeof near, "@%s", w);
		refuse_near(near, i);
		snprintf(near, sizeof near, "\xe2\x80\x8b%s", w); /* a space that is not seen */
		refuse_near(near, i);
		snprintf(near, sizeof near, "`%s`", w);
		refuse_near(near, i);
	}
}

static const sql_file_mistake slips[] = {
	{"-- name: a\n-- role: x\nselect 1\n", "2:4: `role` is nearly the header `roles`"},
	{"-- name: a\n-- rows: see below\nselect 1\n", "2:4: `rows` is nearly the header `roles`"},
	{"-- name: a\n-- ROLES: x\nselect 1\n", "2:4: `ROLES` is nearly the header `roles`"},
	{"-- name: a\n-- paramater: x int8\nselect :x\n", ""},
	{"-- name: a\n-- params: x int8\nselect :x\n", "2:4: `params` is nearly the header `param`"},
	{"-- name: a\n-- cahce: 3s\nselect 1\n", "2:4: `cahce` is nearly the header `cache`"},
	{"-- name: a\n-- cahce : 3s\nselect 1\n", "2:4: `cahce` is nearly the header `cache`"},
	{"-- name: a\n-- read only\nselect 1\n", "2:4: `read only` is nearly the header `read-only`"},
	{"-- name: a\n-- readonly.\nselect 1\n", "2:4: `readonly.` is nearly the header `read-only`"},
	{"-- name: a\n-- asof: '-1s'\nselect 1\n", "2:4: `asof` is nearly the header `as-of`"},
	{"-- name: a\n-- retry 3\nselect 1\n", "2:4: `retry` needs a colon directly after it"},
	{"-- name: a\n-- timeout 2s\nselect 1\n", "2:4: `timeout` needs a colon directly after it"},
	{"-- name: a\n-- cache = 3s\nselect 1\n", "2:4: `cache` needs a colon directly after it"},
	{"-- name: a\n-- priority low\nselect 1\n", "2:4: `priority` needs a colon directly after it"},
	{"-- name: a\n/* roles teller */\nselect 1\n", "2:4: `roles` needs a colon directly after it"},
	{"-- name: a\n/* A text.\n * role: x */\nselect 1\n",
	 "3:4: `role` is nearly the header `roles`"},
	{"-- name: a\n/* roles: teller\n   timeout: soon */\nselect 1\n",
	 "3:13: \"soon\" is not a duration"},
	/* names */
	{"-- Name: a :one\nselect 1\n", "1:4: `Name` is nearly the header `name`"},
	{"-- names: a\nselect 1\n", "1:4: `names` is nearly the header `name`"},
	{"-- name a :one\nselect 1\n", "1:4: `name` needs a colon directly after it"},
	{"-- :name get-it :? :1\nselect 1\n",
	 "1:1: HugSQL's files are not read: their names are written otherwise"},
	{"-- name: a\nselect 1;\n-- :name get-it :? :1\n",
	 "3:1: HugSQL's files are not read: their names are written otherwise"},
	{"/* :snip cols */\nselect 1\n",
	 "1:1: HugSQL's files are not read: their names are written otherwise"},
	/* where a header guards nothing */
	{"-- timeout: 2s\n-- name: a\nselect 1\n", "1:1: a header before the query's name"},
	{"-- name: a\nselect 1;\n-- timeout: 2s\n", "3:1: a header after the SQL began"},
	{"-- name: a\nselect 1,\n-- idempotent\n2\n", "3:1: a header after the SQL began"},
};

static void test_slips(void **state)
{
	sql_file_mistake refused[sizeof slips / sizeof *slips];
	size_t n = 0;

	for (size_t i = 0; i < sizeof slips / sizeof *slips; i++)
		if (slips[i].message[0])
			refused[n++] = slips[i];
	sql_file_refuse(refused, n);
	assert_string_equal(sql_file_hint("-- :name x :? :1\nselect 1\n"),
						"write: -- name: NAME, and its mark: :one, :many, :exec");
}

/* What looks a little like a header, and is none. */
static void test_prose(void **state)
{
	static const char text[] = "Roles may be several, see below: all of them.\n"
							   "Note: the columns come as they are.\n"
							   "Example: x. Returns: y. Author: z.\n"
							   "- name: of the user\n"
							   "column names are as the table has them\n"
							   "name of the account, and more\n"
							   "timeout after two seconds\n"
							   "Cache users\n"
							   "isolation is what the database says\n"
							   "deprecated since long\n"
							   "Limits: 5\n"
							   "http://example.com/roles: no\n"
							   "WHERE id = :role\n"
							   "date: today\n"
							   "https: never\n"
							   "\n"
							   "record_class of nothing";
	char file[1024];
	size_t n = (size_t)snprintf(file, sizeof file, "-- name: a\n-- ");
	cdbc_catalog *catalog;
	cdbc_query_info info;

	for (const char *p = text; *p; p++)
		n += (size_t)snprintf(file + n, sizeof file - n, *p == '\n' ? "\n-- " : "%c", *p);
	snprintf(file + n, sizeof file - n, "\nselect 1\n");
	catalog = sql_file_load(file);
	assert_int_equal(cdbc_catalog_get(catalog, "a", &info, NULL), CDBC_OK);
	assert_int_equal(strncmp(info.documentation, text, 60), 0);
	assert_non_null(strstr(info.documentation, "\nhttps: never\nrecord_class of nothing"));
	cdbc_catalog_free(catalog);
	/* the same as a block, whose empty lines stay */
	snprintf(file, sizeof file, "/* name: a :one */\n/* %s */\nselect 1\n", text);
	catalog = sql_file_load(file);
	assert_int_equal(cdbc_catalog_get(catalog, "a", &info, NULL), CDBC_OK);
	assert_string_equal(info.documentation, text);
	cdbc_catalog_free(catalog);
}

static void test_marks(void **state)
{
	static const struct {
		const char *mark;
		cdbc_cardinality cardinality;
	} marks[] = {
		{"", CDBC_MANY},
		{" :many", CDBC_MANY},
		{" :one", CDBC_ONE},
		{" :one?", CDBC_ZERO_OR_ONE},
		{"^", CDBC_ZERO_OR_ONE},
		{"$", CDBC_SCALAR},
		{" :exec", CDBC_EXEC},
		{"!", CDBC_EXEC},
		{" :execrows", CDBC_EXEC_ROWS},
		{"<!", CDBC_RETURNING},
		{" :batch", CDBC_BATCH},
		{"*!", CDBC_BATCH},
		{" :copyfrom", CDBC_COPY_FROM},
		{"#", CDBC_SCRIPT},
		{" :execresult", CDBC_EXEC},
		{" :execlastid", CDBC_EXEC},
		{" :batchexec", CDBC_BATCH},
		{" :batchmany", CDBC_BATCH},
		{" :batchone", CDBC_BATCH},
		{"(x, y)^", CDBC_ZERO_OR_ONE},
		{"() $  ", CDBC_SCALAR},
	};
	static const sql_file_mistake wrong[] = {
		{"-- name: a :two\nselect 1\n", "1:12: \":two\" is no mark"},
		{"-- name: a, :one\nselect 1\n", "1:11: \", :one\" is no mark"},
		{"-- name: a :one something\nselect 1\n", "1:12: \":one something\" is no mark"},
		{"-- name: reports.top :one\nselect 1\n", "1:17: a query's name has no dots"},
		{"-- name: a^^\nselect 1\n", "1:11: \"^^\" is no mark"},
		{"-- name: a(x, x)\nselect :x\n", "1:15: parameter \"x\" is declared twice"},
		{"-- name: a\n-- name: b\nselect 1\n", "1:10: the query has no SQL"},
		/* only a script has several statements, and it takes no parameters and no rows of its own
		 */
		{"-- name: a\nselect 1; select 2\n", "2:11: a second statement in one query"},
		{"-- name: a #\nselect :x; select 2\n",
		 "1:10: a script of several statements takes no parameters"},
		{"-- name: a #\ncopy t from stdin;\n1\n\\.\nselect 1;\n",
		 "2:19: rows after COPY ... FROM STDIN cannot be run from here"},
	};
	char text[100];

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		cdbc_query_info info;
		cdbc_catalog *catalog;

		snprintf(text, sizeof text, "-- name: a%s\nselect 1%s\n", marks[i].mark,
				 marks[i].mark[0] == '(' && marks[i].mark[1] == 'x' ? " + :x + :y" : "");
		catalog = sql_file_load(text);
		assert_int_equal(cdbc_catalog_get(catalog, "a", &info, NULL), CDBC_OK);
		if (info.cardinality != marks[i].cardinality)
			fail_msg("%s: %s", marks[i].mark, cdbc_cardinality_name(info.cardinality));
		cdbc_catalog_free(catalog);
	}
	sql_file_refuse(wrong, sizeof wrong / sizeof *wrong);
}

static char told[20000];

static void keep_told(void *data, const cdbc_diagnostic *d)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof told - n, "%lld:%lld: %s: %s\n", (long long)d->line,
			 (long long)d->column,
			 d->is_error  ? "error"
			 : d->is_note ? "note"
						  : "warning",
			 d->message);
	(void)data;
}

static size_t check_file(const char *text)
{
	const char *paths[1] = {sql_file_path};
	size_t count = 0;

	sql_file_write(text);
	told[0] = '\0';
	assert_int_equal(cdbc_catalog_check(paths, 1, keep_told, NULL, &count, NULL), CDBC_OK);
	return count;
}

/* What is nearly a header, but where none counts, is warned of; it may be prose. */
static void test_stray(void **state)
{
	assert_int_equal(check_file("-- role: x\n"
								"-- name: a\nselect 1\n"
								"-- role: a\n"
								"-- readonly\n"
								"  -- Time-Out: 2s\n"
								"-- timeout 2s\n"
								"-- read-only: yes\n"
								"-- deprecated: use b\n"),
					 0);
	assert_string_equal(
		told, "1:1: warning: `role` before the query's name is nearly the header `roles`, and "
			  "says nothing of the query\n"
			  "4:1: warning: `role` after the SQL began is nearly the header `roles`, and says "
			  "nothing of the query\n"
			  "5:1: warning: `readonly` after the SQL began is nearly the header `read-only`, and "
			  "says nothing of the query\n"
			  "6:3: warning: `Time-Out` after the SQL began is nearly the header `timeout`, and "
			  "says nothing of the query\n"
			  "7:1: warning: `timeout` after the SQL began says nothing of the query\n"
			  "8:1: warning: `read-only` after the SQL began says nothing of the query\n"
			  "9:1: warning: `deprecated` after the SQL began says nothing of the query\n");
	assert_int_equal(check_file("-- name: a\nselect 1 -- role: a\n"
								"-- role a\n-- the roles: all\n-- note: a\n-- timeout of it is 2s\n"
								"-- record_class: X\n/* role: a */\n-- readonly: yes\n--\n-- :\n"),
					 0);
	assert_string_equal(told, "");
	assert_int_equal(check_file("-- name: a\n"
								"select 1 -- roles: admin, x\n"
								"  , 2, -- read-only\n"
								"  'é', -- max-rows: 5\n"
								"  3; -- name: b :one\n"),
					 1);
	assert_string_equal(told, "2:10: error: `roles` behind the SQL keeps nobody out\n"
							  "3:8: warning: `read-only` behind the SQL says nothing of the query\n"
							  "4:8: warning: `max-rows` behind the SQL says nothing of the query\n"
							  "5:6: warning: `name` behind the SQL begins no query\n");
	assert_int_equal(check_file("-- name: a\nselect 1 /* roles: admin */, 2 /*roles:x*/\n"
								"/* roles: y */ /* the roles: z */ /**/ /* roles of it */\n"
								", 3 /* read-only */ /* name: of it */ /* timeout: soon */\n"),
					 3);
	assert_string_equal(told,
						"2:10: error: `roles` behind the SQL keeps nobody out\n"
						"2:32: error: `roles` behind the SQL keeps nobody out\n"
						"3:1: error: `roles` behind the SQL keeps nobody out\n"
						"4:5: warning: `read-only` behind the SQL says nothing of the query\n");
	assert_int_equal(check_file("-- name: a\nselect 1, -- name: of the user\n"
								"2, -- name: full\n3, -- roles: of the user\n4, -- roles\n"
								"5, -- param: the user\n6, -- cache: a day\n7, -- timeout:\n"
								"8, -- read-only: yes\n9, -- deprecated: use b\n"
								"10, -- column: x int8\n11 -- dialect: of the south\n"),
					 0);
	assert_string_equal(told, "");
	assert_int_equal(check_file("# of all\n-- name: a\n# more\nselect 1 # 2\n# 3;\n# name: b\n"),
					 3);
	assert_string_equal(told, "1:1: error: `#` begins neither a comment nor a statement\n"
							  "3:1: error: `#` begins neither a comment nor a statement\n"
							  "6:1: error: `#` begins neither a comment nor a statement\n");
	assert_int_equal(check_file("-- name: a\nselect 1\n-- roles: a\n"), 1);
	assert_string_equal(told, "3:1: error: a header after the SQL began\n");
	assert_int_equal(check_file("-- roles: a\n-- name: a\nselect 1\n"), 1);
	assert_string_equal(told, "1:1: error: a header before the query's name\n");
}

/* A hundred lexical errors are told, the others counted. */
static void test_left_out(void **state)
{
	enum { QUERIES = 150 };
	static char text[QUERIES * 40];
	size_t n = 0;

	for (int i = 0; i < QUERIES; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "-- name: q%d\nselect %s\n", i,
							  i == 120 ? "1; select 2" : "/* x");
	assert_int_equal(check_file(text), 102);
	assert_non_null(strstr(told, "\n200:8: error: comment without its end\n242:11: "
								 "error: a second statement in one query\n202:8: error: 49 more "
								 "errors of this kind are left out\n"));
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	return sql_file_try("-- name: a\n/* roles: x\n * A text.\n\n * More. */\nselect 1\n", err);
}

static void test_out_of_memory(void **state)
{
	assert_true(oom_run(scenario, NULL) > 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_word),    cmocka_unit_test(test_marks),
		cmocka_unit_test(test_twice),         cmocka_unit_test(test_every_slip),
		cmocka_unit_test(test_slips),         cmocka_unit_test(test_prose),
		cmocka_unit_test(test_stray),         cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, sql_file_begin, sql_file_end);
}
