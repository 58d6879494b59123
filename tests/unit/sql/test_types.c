// SPDX-License-Identifier: Apache-2.0
/* Type names, and values against types. */
#include "data/sql/check.h"
#include "data/sql/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *name;
	cdbc_type_id id;
	bool is_array;
	int precision, scale;
} names[] = {
	{"bool", CDBC_TYPE_BOOL, false, -1, -1},
	{"INT8", CDBC_TYPE_INT8, false, -1, -1},
	{"int", CDBC_TYPE_INT8, false, -1, -1},
	{"int4[]", CDBC_TYPE_INT4, true, -1, -1},
	{"bigint", CDBC_TYPE_INT8, false, -1, -1},
	{"double precision", CDBC_TYPE_FLOAT8, false, -1, -1},
	{"double  precision [ 3 ] []", CDBC_TYPE_FLOAT8, true, -1, -1},
	{"numeric", CDBC_TYPE_NUMERIC, false, -1, -1},
	{"numeric(10,2)", CDBC_TYPE_NUMERIC, false, 10, 2},
	{"decimal (5) []", CDBC_TYPE_NUMERIC, true, 5, 0},
	{"varchar(10)", CDBC_TYPE_TEXT, false, -1, -1},
	{"character varying (10)", CDBC_TYPE_TEXT, false, -1, -1},
	{"national character varying(3)", CDBC_TYPE_TEXT, false, -1, -1},
	{"string", CDBC_TYPE_TEXT, false, -1, -1},
	{"\"char\"", CDBC_TYPE_OTHER, false, -2, -2},
	{"bytes", CDBC_TYPE_BYTES, false, -1, -1},
	{"timestamp", CDBC_TYPE_TIMESTAMP, false, -1, -1},
	{"timestamp with time zone", CDBC_TYPE_TIMESTAMPTZ, false, -1, -1},
	{"timestamp(3) without time zone[]", CDBC_TYPE_TIMESTAMP, true, -1, -1},
	{"time with time zone", CDBC_TYPE_OTHER, false, -1, -1},
	{"bit varying(5)", CDBC_TYPE_OTHER, false, -1, -1},
	{"app.mood", CDBC_TYPE_OTHER, false, -1, -1},
	{"\"My App\".\"Mood\"[]", CDBC_TYPE_OTHER, true, -1, -1},
	{"pg_catalog.int4", CDBC_TYPE_INT4, false, -1, -1},
	{"text array", CDBC_TYPE_TEXT, true, -1, -1},
	{"inet", CDBC_TYPE_OTHER, false, -1, -1},
};

static void test_names(void **state)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		cdbc_type type = {0};
		cdbc_status status = cx_type_parse(names[i].name, strlen(names[i].name), &type, NULL);

		if (names[i].precision == -2) {
			assert_int_equal(status, CDBC_SQL_FILE);
			continue;
		}
		if (status || type.id != names[i].id || type.is_array != names[i].is_array ||
			type.precision != names[i].precision || type.scale != names[i].scale)
			fail_msg("%s", names[i].name);
	}
}

static void test_names_refused(void **state)
{
	static const char *const cases[][2] = {
		{"intt8", "unknown type \"intt8\""},
		{"", "a type is missing"},
		{"mood", "unknown type \"mood\""},
		{"app.", "a type's name is missing after its schema"},
		{"numeric(0)", "numeric takes a precision of 1 to 1000, and a scale up to it"},
		{"numeric(3,5)", "numeric takes a precision of 1 to 1000, and a scale up to it"},
		{"numeric(2000)", "numeric takes a precision of 1 to 1000, and a scale"},
		{"int8[", "the type's `]` is missing"},
		{"varchar(", "a type's argument is missing"},
		{"timestamp with tie zone", "`time zone` is missing"},
		{"int8 x", "`x` does not belong to a type"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cdbc_type type;
		cdbc_error *err = NULL;

		assert_int_equal(cx_type_parse(cases[i][0], strlen(cases[i][0]), &type, &err),
						 CDBC_SQL_FILE);
		assert_string_equal(cdbc_error_message(err), cases[i][1]);
		cdbc_error_free(err);
	}
}

static const struct {
	const char *type, *text;
	const char *message; /* NULL: it fits */
} texts[] = {
	{"int8", "9223372036854775807", NULL},
	{"int8", "-9223372036854775808", NULL},
	{"int8", "9223372036854775808", "\"9223372036854775808\" is out of range for int8"},
	{"int8", "abc", "\"abc\" is not an int8"},
	{"int8", "", "\"\" is not an int8"},
	{"int8", "1.5", "\"1.5\" is not an int8"},
	{"int8", " 1", "\" 1\" is not an int8"},
	{"int2", "32767", NULL},
	{"int2", "32768", "\"32768\" is out of range for int2"},
	{"int4", "-2147483649", "\"-2147483649\" is out of range for int4"},
	{"bool", "TRUE", NULL},
	{"bool", "off", NULL},
	{"bool", "maybe", "\"maybe\" is not a bool"},
	{"float8", "1.5e300", NULL},
	{"float8", "-Infinity", NULL},
	{"float8", "1e999", "\"1e999\" is out of range for float8"},
	{"float8", "1,5", "\"1,5\" is not a float8"},
	{"numeric", "123456789012345678901234567890.5", NULL},
	{"numeric(4,2)", "1.", NULL},
	{"numeric", "1e5", NULL},
	{"numeric", "--1", "\"--1\" is not a numeric"},
	{"uuid", "acde070d-8c4c-4f0d-9d8a-162843c10333", NULL},
	{"uuid", "acde070d", "\"acde070d\" is not a uuid"},
	{"date", "2024-02-29", NULL},
	{"date", "2023-02-29", "\"2023-02-29\" is not a date"},
	{"date", "29.2.2024", "\"29.2.2024\" is not a date"},
	{"time", "24:00:00", NULL},
	{"time", "25:00", "\"25:00\" is not a time"},
	{"timestamp", "2024-02-29T12:00:00", NULL},
	{"timestamp", "2024-02-29 12:00:00+02", "\"2024-02-29 12:00:00+02\" is not a timestamp"},
	{"timestamptz", "2024-02-29 12:00:00.123456+02", NULL},
	{"timestamptz", "2024-02-29T12:00:00Z", NULL},
	{"timestamptz", "infinity", NULL},
	{"timestamptz", "yesterday", "\"yesterday\" is not a timestamptz"},
	{"bytes", "\\x00ff", NULL},
	{"bytes", "\\x0", "\"\\x0\" is not a bytea"},
	{"text", "", NULL},
	{"int8[]", "{}", NULL},
	{"int8[]", "{1, 2,NULL,\"3\"}", NULL},
	{"int8[]", "{1,x}", "\"x\" is not an int8"},
	{"int8[]", "{1,,2}", "\"{1,,2}\" is not an int8[]"},
	{"int8[]", "{1", "\"{1\" is not an int8[]"},
	{"int8[]", "1,2", "\"1,2\" is not an int8[]"},
	{"int8[]", "{1}2}", "\"{1}2}\" is not an int8[]"},
	{"int8[]", "{1,}", "\"{1,}\" is not an int8[]"},
	{"text[]", "{\"a,b\",\"c\\\"}\",d e}", NULL},
	{"text[]", "{\"a}", "\"{\"a}\" is not a text[]"},
	{"text", "a text that is much longer than what a message shows of it", NULL},
	{"int8", "a text that is much longer than what a message shows of it",
	 "\"a text that is much longer than what a m...\" is not an int8"},
};

static void test_texts(void **state)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		cdbc_type type;
		cdbc_value value = cdbc_string(texts[i].text), out;
		cdbc_error *err = NULL;
		cdbc_status status;

		assert_int_equal(cx_type_parse(texts[i].type, strlen(texts[i].type), &type, NULL), CDBC_OK);
		status = cx_value_check("p", type, &value, &out, &err);
		if ((status == CDBC_OK) != (texts[i].message == NULL))
			fail_msg("%s %s: %s", texts[i].type, texts[i].text,
					 err ? cdbc_error_message(err) : "fits");
		if (status) {
			assert_int_equal(status, CDBC_PARAM);
			assert_memory_equal(cdbc_error_message(err), "parameter \"p\": ", 15);
			assert_string_equal(cdbc_error_message(err) + 15, texts[i].message);
		} else {
			assert_int_equal(out.type.id, type.id);
		}
		cdbc_error_free(err);
	}
}

static cdbc_status check(cdbc_type_id id, bool is_array, cdbc_value value, cdbc_value *out)
{
	cdbc_type type = {id, is_array, -1, -1};

	return cx_value_check("p", type, &value, out, NULL);
}

static void test_kinds(void **state)
{
	cdbc_value items[] = {cdbc_int64(1), cdbc_string("2"), cdbc_null()}, out;

	assert_int_equal(check(CDBC_TYPE_INT8, false, cdbc_string("5"), &out), CDBC_OK);
	assert_int_equal(out.kind, CDBC_VALUE_INT64);
	assert_int_equal(check(CDBC_TYPE_BOOL, false, cdbc_string("yes"), &out), CDBC_OK);
	assert_true(out.kind == CDBC_VALUE_BOOL && out.as.boolean);
	assert_int_equal(check(CDBC_TYPE_BOOL, false, cdbc_string("n"), &out), CDBC_OK);
	assert_false(out.as.boolean);
	assert_int_equal(check(CDBC_TYPE_FLOAT8, false, cdbc_int64(2), &out), CDBC_OK);
	assert_int_equal(out.kind, CDBC_VALUE_DOUBLE);
	assert_int_equal(check(CDBC_TYPE_FLOAT4, false, cdbc_double(1e300), &out), CDBC_PARAM);
	assert_int_equal(check(CDBC_TYPE_INT2, false, cdbc_int64(40000), &out), CDBC_PARAM);
	assert_int_equal(check(CDBC_TYPE_INT8, false, cdbc_bool(true), &out), CDBC_PARAM);
	assert_int_equal(check(CDBC_TYPE_INT8, false, cdbc_double(1), &out), CDBC_PARAM);
	assert_int_equal(check(CDBC_TYPE_TEXT, false, cdbc_int64(1), &out), CDBC_PARAM);
	assert_int_equal(check(CDBC_TYPE_BYTES, false, cdbc_bytes("\0\1", 2), &out), CDBC_OK);
	assert_int_equal(check(CDBC_TYPE_TEXT, false, cdbc_bytes("x", 1), &out), CDBC_PARAM);
	assert_int_equal(check(CDBC_TYPE_INT8, false, cdbc_null(), &out), CDBC_OK);
	assert_int_equal(out.type.id, CDBC_TYPE_INT8);
	assert_int_equal(check(CDBC_TYPE_INT8, true, cdbc_array(items, 3), &out), CDBC_OK);
	assert_int_equal(check(CDBC_TYPE_BOOL, true, cdbc_array(items, 3), &out), CDBC_PARAM);
	assert_int_equal(check(CDBC_TYPE_INT8, true, cdbc_int64(1), &out), CDBC_PARAM);
	assert_int_equal(check(CDBC_TYPE_INT8, false, cdbc_array(items, 3), &out), CDBC_PARAM);
	assert_int_equal(check(CDBC_TYPE_OTHER, false, cdbc_int64(1), &out), CDBC_OK);
	assert_int_equal(check(CDBC_TYPE_UNKNOWN, false, cdbc_bool(true), &out), CDBC_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_refused),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
