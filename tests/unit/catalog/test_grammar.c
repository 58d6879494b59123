// SPDX-License-Identifier: Apache-2.0
/* The second rung of the checks: which grammar is asked for which query, and where in the SQL file
 * its complaint points. */
#include "data/sql/grammar.h"
#include "data/sql/statement.h"
#include "support/oom.h"
#include "unit/catalog/sql_file.h"

/* Files with what a check finds, all of it: line:column: message, one a line. */
typedef struct sample {
	const char *text;
	const char *found;
	const char *dialect;
	bool needs_parser;
} sample;

static const sample samples[] = {
	/* nothing wrong, for one, the other or both */
	{"select a from t where b = :x and c in (:ids) and d not in (:ids)", "", NULL, false},
	{"-- dialect: postgresql\nselect a, b, from t", "2:14: syntax error at or near \"from\"\n",
	 NULL, true},
	{"select a from t as of system time :ts where b = 1", "", NULL, false},
	{"upsert into t values (:a)", "", NULL, false},
	{"select a from t@{FORCE_INDEX=i} where b = :b", "", "cockroachdb", false},
	{"-- dialect: sqlite\ninsert or replace into t values (1)", "", NULL, false},
	{"insert or replace into t values (1)", "", "sqlite", false},
	{"insert or replace into t values (1)", "1:8: syntax error at or near \"or\"\n", NULL, true},
	/* CockroachDB's words, but wrong for both */
	{"select a, from t@i", "1:9: nothing stands after the comma\n", "cockroachdb", false},
	{"-- dialect: cockroachdb\nupsert into t values (1,, 2)", "2:25: a second comma\n", NULL,
	 false},
	{"-- dialect: cockroachdb, postgresql\nselect a from t group by a where b = 1",
	 "2:28: syntax error at or near \"where\"\n", NULL, true},
	{"-- dialect: cockroachdb, postgresql\nselect a from t as of system time '-1s'",
	 "2:23: syntax error at or near \"system\"\n", NULL, true},
	{"select a from t as of system time '-1s'", "1:23: syntax error at or near \"system\"\n",
	 "postgresql", true},
	/* places: behind letters of several bytes, :names, lists; on later lines */
	{"select 'é', :é_x from t\n where b in (:ids)\n and c not in (:ids) d",
	 "3:22: syntax error at or near \"d\"\n", NULL, true},
	{"select a from t where x = :a :b", "1:30: syntax error at or near \":b\"\n", NULL, true},
	{"select a from t where x in (:a) :b", "1:33: syntax error at or near \":b\"\n", NULL, true},
	{"select a from t where not x in x", "1:32: syntax error at or near \"x\"\n", NULL, true},
	{"select a from t where", "1:22: syntax error at end of input\n", NULL, true},
	{"-- name: s #\nselect 1;\nselect 2 from;\nselect 3", "3:14: syntax error at or near \";\"\n",
	 NULL, true},
	{"select $1 $2", "1:11: syntax error at or near \"$2\"\n", NULL, true},
	/* one place once, with the first combination that shows it */
	{"-- param: since timestamptz?\n-- param: sort ident in(a, b) = a\n"
	 "select a from t where c = 1 /*? since */ and b > :since c /*?*/ order by :sort x y",
	 "3:57: syntax error at or near \"c\", when \"since\" is given, \"sort\" = 'a'\n"
	 "3:80: syntax error at or near \"x\", when \"since\" is absent, \"sort\" = 'a'\n",
	 NULL, true},
	{"select a from t /*? x */ where b = :x /*?*/ order",
	 "1:45: syntax error at end of input, when"
	 " \"x\" is given\n",
	 NULL, true},
	{"-- dialect: cockroachdb\nselect a from t /*? x */ where b = :x /*?*/ group by a where c = 1",
	 "2:56: `where` after GROUP BY, when \"x\" is given\n", NULL, false},
};

static char seen[2048];

static void collect(void *data, const cdbc_diagnostic *d)
{
	size_t n = strlen(seen);

	assert_string_equal(d->rung, "grammar");
	if (d->is_note)
		assert_true(strstr(d->message, "parser was not asked"));
	assert_true(d->is_error || d->is_note);
	snprintf(seen + n, sizeof seen - n, "%lld:%lld: %s\n", (long long)d->line, (long long)d->column,
			 d->message);
}

static size_t check(const sample *s)
{
	const char *paths[1] = {sql_file_path};
	size_t count = 0;

	sql_file_write(s->text);
	seen[0] = '\0';
	assert_int_equal(cdbc_catalog_check_for(paths, 1, s->dialect, collect, NULL, &count, NULL),
					 CDBC_OK);
	return count;
}

static void test_samples(void **state)
{
	size_t skipped = 0;

	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		if (samples[i].needs_parser && !cdbc_catalog_has_grammar()) {
			skipped++;
			continue;
		}
		check(&samples[i]);
		if (strcmp(seen, samples[i].found) != 0)
			fail_msg("%s\nfound:  %s\nwanted: %s", samples[i].text, seen, samples[i].found);
	}
	if (skipped)
		print_message("# %zu skipped: libpg_query is not there\n", skipped);
}

/* Of what is wrong already, the grammar does not say the same again. */
static const sql_file_mistake told_before[] = {
	{"-- name: a\nupdate t set a = 1 /*? x */ where /*?*/ b = :x\n",
	 "2:29: an UPDATE or DELETE loses its condition, when \"x\" is absent"},
	{"-- name: a\nselect case /*? x */ when :x then 1 /*?*/ end\n",
	 "2:8: a CASE has no WHEN left, when \"x\" is absent"},
	{"-- name: a\nselect array[1, /*? x */ :x /*?*/ )\n",
	 "2:35: `)` closes no `(`, when \"x\" is given"},
	{"-- name: a\nselect (1\n", "2:8: `(` is never closed"},
	{"-- name: a\nselect 'a\n", "2:8: string without its closing quote"},
};

static void test_once(void **state)
{
	sql_file_refuse(told_before, sizeof told_before / sizeof *told_before);
}

/* What the parser would look at too often is not given to it, and there is a note. */
static void test_bounds(void **state)
{
	static char text[(2 << 20) + 64];
	size_t n = (size_t)sprintf(text, "-- name: a\nselect 1 /*? x */ + :x /*?*/");
	sample s = {.text = text};

	assert_true(cx_grammar_is_bounded("select 1", 8));
	memset(text + n, '+', 3000);
	memcpy(text + n + 3000, "1", 2);
	assert_false(cx_grammar_is_bounded(text, n + 3001));
	assert_int_equal(check(&s), 0);
	if (cdbc_catalog_has_grammar())
		assert_non_null(strstr(seen, "2:1: PostgreSQL's parser was not asked: "));
	memset(text + n, '-', 3000); /* a comment, of which nobody looks at much */
	assert_true(cx_grammar_is_bounded(text, n + 3001));
	memset(text, ' ', sizeof text);
	assert_true(cx_grammar_is_bounded(text, 2 << 20));
	assert_false(cx_grammar_is_bounded(text, (2 << 20) + 1));
}

/* Loading does not ask a grammar: what it takes, a server may refuse. */
static void test_loading(void **state)
{
	cdbc_catalog_free(sql_file_load("-- dialect: cockroachdb\nselect a, from t where"));
}

static void test_dialects(void **state)
{
	const char *paths[1] = {sql_file_path};
	cdbc_error *err = NULL;
	size_t count = 0;

	sql_file_write("select 1");
	assert_int_equal(cdbc_catalog_check_for(paths, 1, "mysql", collect, NULL, &count, &err),
					 CDBC_CONFIG);
	assert_string_equal(cdbc_error_message(err), "unknown dialect \"mysql\"");
	cdbc_error_free(err);
}

/* Every byte of what is made of a text is traced to the byte it came from. */
static void test_origins(void **state)
{
	static const char text[] = "select :a, x:a from t where b not in (:ids) and c in (:a2)";
	cx_statement *statement = NULL;
	size_t origin = 0;
	const char *sql;

	assert_int_equal(
		cx_statement_parse(text, strlen(text), &cx_dialect_postgresql, NULL, 0, &statement, NULL),
		CDBC_OK);
	sql = statement->sql;
	for (size_t i = 0; i <= statement->sql_length; i++) {
		assert_int_equal(cx_statement_origin(text, strlen(text), &cx_dialect_postgresql, NULL, 0, i,
											 &origin, NULL),
						 CDBC_OK);
		if (sql[i] == '$')
			assert_int_equal(text[origin], ':');
		else if (sql[i] == ',' || (sql[i] >= 'd' && sql[i] <= 'w' && origin < 28))
			assert_int_equal(text[origin], sql[i]);
	}
	assert_int_equal(origin, strlen(text));
	cx_statement_unref(statement);
}

static cdbc_status check_scenario(void *data, cdbc_error **err)
{
	const char *paths[1] = {sql_file_path};
	size_t count = 0;

	return cdbc_catalog_check_for(paths, 1, NULL, collect, NULL, &count, err);
}

static void test_out_of_memory(void **state)
{
	sql_file_write("-- name: a\nselect a b c from t where x in (:ids)\n-- name: b\n"
				   "select 1 /*? x */ + :x y z /*?*/\n-- name: c\n-- dialect: cockroachdb\nselect");
	seen[0] = '\0';
	assert_true(oom_run(check_scenario, NULL) > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),       cmocka_unit_test(test_once),
		cmocka_unit_test(test_loading),       cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_dialects),      cmocka_unit_test(test_origins),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, sql_file_begin, sql_file_end);
}
