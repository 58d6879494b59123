// SPDX-License-Identifier: Apache-2.0
/* Checks on what a caller gives: of arrays each element, of texts their encoding; and defaults.
 * What is wrong with a declaration is in test_catalog.c. */
#include "service/catalog/catalog.h"
#include "support/oom.h"
#include "sql_file.h"

static const cx_query *query_of(const char *declaration)
{
	const cx_query *query = NULL;
	cdbc_catalog *catalog;
	char text[300];

	snprintf(text, sizeof text, "-- name: a\n-- param: x %s\nselect :x\n", declaration);
	catalog = sql_file_load(text);
	assert_int_equal(cx_catalog_find(catalog, "a", NULL, &query, NULL), CDBC_OK);
	sql_file_keep(catalog);
	return query;
}

static void take(const cx_query *query, cdbc_value value, cdbc_value *out)
{
	const cx_statement *statement;
	cdbc_error *err = NULL;

	if (cx_query_bind(query, &cx_dialect_postgresql, CDBC_PARAMS({"x", value}), NULL, out,
					  &statement, &err))
		fail_msg("%s", cdbc_error_message(err));
}

static void refuse(const cx_query *query, cdbc_value value, const char *message)
{
	const cx_statement *statement;
	cdbc_error *err = NULL;
	cdbc_value out[2];

	if (cx_query_bind(query, &cx_dialect_postgresql, CDBC_PARAMS({"x", value}), NULL, out,
					  &statement, &err) != CDBC_PARAM)
		fail_msg("not refused: %s", message);
	assert_string_equal(cdbc_error_message(err), message);
	cdbc_error_free(err);
}

#define NOT "query \"a\": parameter \"x\": "

static void test_arrays(void **state)
{
	cdbc_value one_two[] = {cdbc_int64(1), cdbc_null(), cdbc_string("2")},
			   one_nine[] = {cdbc_int64(1), cdbc_int64(9)}, text_nine[] = {cdbc_string("9")},
			   out[2];
	const cx_query *query = query_of("int8[] min=1 max=5 = '{2, 3}'");
	const cx_statement *statement;

	take(query, cdbc_array(one_two, 3), out);
	take(query, cdbc_string("{1, 2,NULL , \"5\"}"), out);
	take(query, cdbc_string("{}"), out);
	take(query, cdbc_array(NULL, 0), out);
	take(query, cdbc_null(), out);
	refuse(query, cdbc_array(one_nine, 2), NOT "9 is more than 5");
	refuse(query, cdbc_array(text_nine, 1), NOT "9 is more than 5");
	refuse(query, cdbc_string("{1,9}"), NOT "9 is more than 5");
	refuse(query, cdbc_string("{0}"), NOT "0 is less than 1");
	assert_int_equal(
		cx_query_bind(query, &cx_dialect_postgresql, CDBC_NO_PARAMS, NULL, out, &statement, NULL),
		CDBC_OK);
	assert_string_equal(out[0].as.text.data, "{2, 3}");
	query = query_of("text[] in('a b', 'it''s', 'q\"', 'null', '')");
	take(query, cdbc_string("{a b, it's ,\"q\\\"\",\"null\",NULL,\"\"}"), out);
	refuse(query, cdbc_string("{a b,\"c,d\"}"),
		   NOT "\"c,d\" is not in('a b', 'it''s', 'q\"', 'null', '')");
	query = query_of("text[] length=2..3 match='[a-z]+'");
	take(query, cdbc_string("{ab,\"abc\"}"), out);
	refuse(query, cdbc_string("{ab,\"abcd\"}"), NOT "\"abcd\" has not the length 2..3");
	refuse(query, cdbc_string("{ab,a1}"), NOT "\"a1\" does not match [a-z]+");
	query = query_of("bool[] in(true)");
	take(query, cdbc_string("{t,true}"), out);
	refuse(query, cdbc_string("{t,f}"), NOT "false is not in(true)");
	query = query_of("numeric(5,2)[] max=10.5");
	take(query, cdbc_string("{10.50}"), out);
	refuse(query, cdbc_string("{10.51}"), NOT "\"10.51\" is more than 10.5");
}

/* Compared as moments, not as texts. */
static void test_moments(void **state)
{
	cdbc_value out[2], days[] = {cdbc_string("2024-02-29"), cdbc_string("2023-01-01")};
	const cx_query *query = query_of("date min='2024-01-01' max='9999-12-31'");

	take(query, cdbc_string("2024-01-01"), out);
	take(query, cdbc_string("9999-12-31"), out);
	refuse(query, cdbc_string("2023-12-31"), NOT "\"2023-12-31\" is less than '2024-01-01'");
	refuse(query, cdbc_string("10000-01-01"), NOT "\"10000-01-01\" is more than '9999-12-31'");
	refuse(query, cdbc_string("infinity"), NOT "\"infinity\" is more than '9999-12-31'");
	refuse(query, cdbc_string("0044-03-15 BC"), NOT "\"0044-03-15 BC\" is less than '2024-01-01'");
	query = query_of("timestamptz max='2024-01-01T12:00:00+02:00' in('2024-01-01T10:00:00Z')");
	take(query, cdbc_string("2024-01-01 11:00:00+01"), out);
	refuse(query, cdbc_string("2024-01-01T12:00:00+01:00"),
		   NOT "\"2024-01-01T12:00:00+01:00\" is not in('2024-01-01T10:00:00Z')");
	query = query_of("timestamp min='2024-01-01'");
	take(query, cdbc_string("2024-01-01 00:00:00"), out);
	refuse(query, cdbc_string("2023-12-31T23:59:59.999999"),
		   NOT "\"2023-12-31T23:59:59.999999\" is less than '2024-01-01'");
	query = query_of("time min='08:00' max='17:30:00.5' = '09:00'");
	take(query, cdbc_string("17:30:00.500"), out);
	refuse(query, cdbc_string("17:30:00.6"), NOT "\"17:30:00.6\" is more than '17:30:00.5'");
	query = query_of("date[] min='2024-01-01' = '{2024-01-01}'");
	take(query, cdbc_string("{2024-02-29,NULL}"), out);
	refuse(query, cdbc_array(days, 2), NOT "\"2023-01-01\" is less than '2024-01-01'");
	refuse(query, cdbc_string("{2023-01-01}"), NOT "\"2023-01-01\" is less than '2024-01-01'");
	/* all digits of a number */
	query = query_of("numeric min=0.1 max=123456789012345678901234567890.5");
	take(query, cdbc_string("123456789012345678901234567890.50"), out);
	refuse(query, cdbc_string("123456789012345678901234567890.51"),
		   NOT "\"123456789012345678901234567890.51\" is more than "
			   "123456789012345678901234567890.5");
	refuse(query, cdbc_string("NaN"), NOT "\"NaN\" is less than 0.1");
	query = query_of("numeric max=1");
	refuse(query, cdbc_string("NaN"), NOT "\"NaN\" is more than 1");
}

/* An optional part that asks for a moment is kept for every way of writing it. */
static void test_moment_part(void **state)
{
	const cx_query *query = NULL;
	const cx_statement *statement = NULL;
	cdbc_value out[4];
	cdbc_catalog *catalog = sql_file_load("-- name: a\n-- param: x timestamptz?\n"
										  "select 1 /*? x = '2024-01-01T00:00:00Z' */ , 2 /*?*/\n");

	assert_int_equal(cx_catalog_find(catalog, "a", NULL, &query, NULL), CDBC_OK);
	assert_int_equal(cx_query_bind(query, &cx_dialect_postgresql,
								   CDBC_PARAMS({"x", cdbc_string("2024-01-01 01:00+01")}), NULL,
								   out, &statement, NULL),
					 CDBC_OK);
	assert_non_null(strstr(statement->sql, "2"));
	assert_int_equal(cx_query_bind(query, &cx_dialect_postgresql,
								   CDBC_PARAMS({"x", cdbc_string("2024-01-01 00:00+01")}), NULL,
								   out, &statement, NULL),
					 CDBC_OK);
	assert_null(strstr(statement->sql, "2"));
	cdbc_catalog_free(catalog);
}

static const sql_file_mistake mistakes[] = {
	{"-- name: a\n-- param: x date min=2024\nselect :x\n",
	 "2:22: parameter \"x\": \"2024\" is not a date"},
	{"-- name: a\n-- param: x date min='2024-02-02' max='2024-02-01'\nselect :x\n",
	 "2:39: no value is in that range"},
	{"-- name: a\n-- param: x date = '2024-13-01'\nselect :x\n",
	 "2:20: parameter \"x\": \"2024-13-01\" is"},
	{"-- name: a\n-- param: x interval min='1 day'\nselect :x\n",
	 "2:22: min and max are for numbers, dates and times"},
	{"-- name: a\n-- param: x int8[] min='a'\nselect :x\n",
	 "2:24: parameter \"x\": \"a\" is not an int8"},
	{"-- name: a\n-- param: x int8[] max=5 = '{1,6}'\nselect :x\n",
	 "2:28: parameter \"x\": 6 is more than 5"},
	{"-- name: a\n-- param: x int8[] = 5\nselect :x\n",
	 "2:22: parameter \"x\": \"5\" is not an int8[]"},
	{"-- name: a\n-- param: x int8[] = '{a}'\nselect :x\n", "2:22: parameter \"x\": "},
	{"-- name: a\n-- param: x text[] min=1\nselect :x\n", "2:20: min and max are for numbers"},
	{"-- name: a\n-- param: x text? = 'a\\b' = 'c'\nselect :x\n",
	 "2:27: something follows the parameter's declaration"},
	/* each check once */
	{"-- name: a\n-- param: x int8 min=1 min=2\nselect :x\n", "2:24: a limit is given twice"},
	{"-- name: a\n-- param: x int8 max=1 max=2\nselect :x\n", "2:24: a limit is given twice"},
	{"-- name: a\n-- param: x int8 in(1) in(2)\nselect :x\n", "2:24: `in` is given twice"},
	{"-- name: a\n-- param: x text length=1 length=2\nselect :x\n",
	 "2:27: `length` is given twice"},
	{"-- name: a\n-- param: x text match='a' match='b'\nselect :x\n",
	 "2:28: `match` is given twice"},
	{"-- name: a\n-- param: x int8 length=1\nselect :x\n", "2:18: `length` is for text and bytes"},
	{"-- name: a\n-- param: x int8 match='a'\nselect :x\n", "2:18: `match` is for text"},
	{"-- name: a\n-- param: x int8 min=null\nselect :x\n", "2:26: a limit is no null"},
	{"-- name: a\n-- param: x int8 min 1\nselect :x\n", "2:22: `=` is missing"},
	{"-- name: a\n-- param: x text length=\nselect :x\n", "2:25: a length is missing"},
	{"-- name: a\n-- param: x text match='''(a{99}){99}'\nselect :x\n",
	 "2:34: the expression is not taken: its repetitions multiply to more than 3000"},
	{"-- name: a\n-- param: x text match='(a)\\1'\nselect :x\n",
	 "2:28: the expression is not taken: POSIX extended expressions have no back-references"},
	{"-- name: a\n-- param: x text match=a\nselect :x\n",
	 "2:24: an expression in single quotes is missing"},
	{"-- name: a\n-- param: x int8 in 1\nselect :x\n", "2:21: `(` is missing after `in`"},
	{"-- name: a\n-- param: s ident\nselect 1 order by :s\n",
	 "2:18: an identifier needs the list of those that it may be"},
	{"-- name: a\n-- param: s ident min=1\nselect 1 order by :s\n",
	 "2:19: an identifier is checked with in(...) only"},
};

static void test_mistakes(void **state)
{
	sql_file_refuse(mistakes, sizeof mistakes / sizeof *mistakes);
}

static void test_texts(void **state)
{
	const cx_query *query = query_of("text length=1..2");
	cdbc_value out[2];

	take(query, cdbc_string("\xc3\xa9\xe2\x82\xac"), out);
	refuse(query, cdbc_string("abc"), NOT "\"abc\" has not the length 1..2");
	refuse(query, cdbc_string(""), NOT "\"\" has not the length 1..2");
	refuse(query, cdbc_text_n("\xff", 1), "query \"a\": parameter \"x\" is not valid UTF-8");
	refuse(query, cdbc_text_n("a\0", 2), "query \"a\": parameter \"x\" holds a NUL byte");
	query = query_of("text[]");
	refuse(query, cdbc_text_n("{\xff}", 3), "query \"a\": parameter \"x\" is not valid UTF-8");
	query = query_of("json");
	refuse(query, cdbc_text_n("\"\xff\"", 3), "query \"a\": parameter \"x\" is not valid UTF-8");
	query = query_of("bytea length=2");
	take(query, cdbc_string("\\x0102"), out);
	take(query, cdbc_bytes("\0\1", 2), out);
	refuse(query, cdbc_string("\\x01"), NOT "\"\\x01\" has not the length 2..2");
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	const cx_statement *statement;
	const cx_query *query = data;
	cdbc_value out[2];

	return cx_query_bind(query, &cx_dialect_postgresql, CDBC_PARAMS({"x", cdbc_string("{1,2}")}),
						 NULL, out, &statement, err);
}

static void test_out_of_memory(void **state)
{
	assert_true(oom_run(scenario, (void *)(uintptr_t)query_of("int8[] min=1")) >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arrays),      cmocka_unit_test(test_moments),
		cmocka_unit_test(test_moment_part), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_texts),       cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, sql_file_begin, sql_file_end);
}
