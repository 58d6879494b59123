// SPDX-License-Identifier: Apache-2.0
/* Each type's values as text and as JSON: the type table, by example. */
#include "data/result/print.h"
#include "format/sample.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

typedef struct print_case {
	cx_field field;
	const char *value;
	const char *text, *json;
} print_case;

#define F(id)       SAMPLE_FIELD("c", CDBC_TYPE_##id)
#define A(id)       SAMPLE_ARRAY("c", CDBC_TYPE_##id)
#define D(p, s)     SAMPLE_DECIMAL("c", p, s)
#define INT64_LEAST "-9223372036854775808"
#define BIG         "99999999999999999999999999999999999999"

static const print_case cases[] = {
	{F(BOOL), "t", "t", "true"},
	{F(BOOL), "f", "f", "false"},
	{F(BOOL), NULL, "", "null"},
	{F(INT2), "-32768", "-32768", "-32768"},
	{F(INT4), "2147483647", "2147483647", "2147483647"},
	{F(INT8), INT64_LEAST, INT64_LEAST, INT64_LEAST},
	{F(INT8), "0", "0", "0"},
	{F(INT8), NULL, "", "null"},
	{F(FLOAT4), "0.1", "0.1", "0.1"},
	{F(FLOAT4), "3.4028235e+38", "3.4028235e+38", "3.4028235e+38"},
	{F(FLOAT4), "NaN", "NaN", "\"NaN\""},
	{F(FLOAT8), "0.1", "0.1", "0.1"},
	{F(FLOAT8), "100000", "100000", "100000"},
	{F(FLOAT8), "1e+300", "1e+300", "1e+300"},
	{F(FLOAT8), "5e-324", "5e-324", "5e-324"},
	{F(FLOAT8), "Infinity", "Infinity", "\"Infinity\""},
	{F(FLOAT8), "-Infinity", "-Infinity", "\"-Infinity\""},
	{F(FLOAT8), NULL, "", "null"},
	{F(TEXT), "", "", "\"\""},
	{F(TEXT), "a\"b\\c/d", "a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
	{F(TEXT), "\b\f\n\r\t\x01\x1f\x7f", "\b\f\n\r\t\x01\x1f\x7f",
	 "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
	{F(TEXT), "eight by\xc3\xa9te runs, and \"one\" at the end\"",
	 "eight by\xc3\xa9te runs, and \"one\" at the end\"",
	 "\"eight by\xc3\xa9te runs, and \\\"one\\\" at the end\\\"\""},
	{F(TEXT), NULL, "", "null"},
	{F(JSON), "{\"a\": [1,\n 2]}", "{\"a\": [1,\n 2]}", "{\"a\": [1,  2]}"},
	{F(JSON), "null", "null", "null"},
	{F(JSON), "no json", "no json", "\"no json\""},
	{F(JSON), "", "", "\"\""},
	{F(JSON), NULL, "", "null"},
	{F(BYTES), "", "\\x", "\"\\\\x\""},
	{F(BYTES), "\x01\xfe\x80", "\\x01fe80", "\"\\\\x01fe80\""},
	{D(5, 2), "-1.50", "-1.50", "-1.50"},
	{D(38, 0), BIG, BIG, BIG},
	{D(38, 38), "-0." BIG, "-0." BIG, "-0." BIG},
	{D(5, 2), NULL, "", "null"},
	{F(NUMERIC), BIG "1234567890.000", BIG "1234567890.000", BIG "1234567890.000"},
	{F(NUMERIC), "1E-10", "1E-10", "1E-10"},
	{F(NUMERIC), "NaN", "NaN", "\"NaN\""},
	{F(NUMERIC), "-Infinity", "-Infinity", "\"-Infinity\""},
	{F(NUMERIC), "1,5", "1,5", "\"1,5\""},
	{F(DATE), "2024-02-29", "2024-02-29", "\"2024-02-29\""},
	{F(DATE), "infinity", "infinity", "\"infinity\""},
	{F(DATE), "-infinity", "-infinity", "\"-infinity\""},
	{F(DATE), "0044-03-15 BC", "0044-03-15 BC", "\"0044-03-15 BC\""},
	{F(TIME), "24:00:00", "24:00:00", "\"24:00:00\""},
	{F(TIME), "00:00:00.5", "00:00:00.5", "\"00:00:00.5\""},
	{F(TIMESTAMP), "2024-02-29T23:59:59.999999", "2024-02-29T23:59:59.999999",
	 "\"2024-02-29T23:59:59.999999\""},
	{F(TIMESTAMP), "infinity", "infinity", "\"infinity\""},
	{F(TIMESTAMPTZ), "2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z", "\"2024-02-29T23:59:59Z\""},
	{F(TIMESTAMPTZ), "-infinity", "-infinity", "\"-infinity\""},
	{F(INTERVAL), "1 year 2 mons 3 days 04:05:06.789", "1 year 2 mons 3 days 04:05:06.789",
	 "\"P1Y2M3DT4H5M6.789S\""},
	{F(INTERVAL), "00:00:00", "00:00:00", "\"PT0S\""},
	{F(UUID), "acde070d-8c4c-4f0d-9d8a-162843c10333", "acde070d-8c4c-4f0d-9d8a-162843c10333",
	 "\"acde070d-8c4c-4f0d-9d8a-162843c10333\""},
	{F(OTHER), "(1,\"x\")", "(1,\"x\")", "\"(1,\\\"x\\\")\""},
	{A(INT8), "", "{}", "[]"},
	{A(INT8), "1|~|-3", "{1,NULL,-3}", "[1,null,-3]"},
	{A(INT8), NULL, "", "null"},
	{A(BOOL), "t|f|~", "{t,f,NULL}", "[true,false,null]"},
	{A(FLOAT8), "1.5|NaN", "{1.5,NaN}", "[1.5,\"NaN\"]"},
	{A(TEXT), "a|b c|null|{x}|a,b|\"|\\|t\ttab",
	 "{a,\"b c\",\"null\",\"{x}\",\"a,b\",\"\\\"\",\"\\\\\",\"t\ttab\"}",
	 "[\"a\",\"b c\",\"null\",\"{x}\",\"a,b\",\"\\\"\",\"\\\\\",\"t\\ttab\"]"},
	{A(TEXT), "|x", "{\"\",x}", "[\"\",\"x\"]"},
	{A(BYTES), "ab", "{\"\\\\x6162\"}", "[\"\\\\x6162\"]"},
	{A(NUMERIC), "1.10|NaN", "{1.10,NaN}", "[1.10,\"NaN\"]"},
	{A(JSON), "{\"a\":1}", "{\"{\\\"a\\\":1}\"}", "[{\"a\":1}]"},
	{A(DATE), "2024-02-29", "{2024-02-29}", "[\"2024-02-29\"]"},
	{A(INTERVAL), "1 day", "{\"1 day\"}", "[\"P1D\"]"},
	{A(TIMESTAMPTZ), "2024-02-29T00:00:00Z", "{2024-02-29T00:00:00Z}",
	 "[\"2024-02-29T00:00:00Z\"]"},
	{A(UUID), "acde070d-8c4c-4f0d-9d8a-162843c10333", "{acde070d-8c4c-4f0d-9d8a-162843c10333}",
	 "[\"acde070d-8c4c-4f0d-9d8a-162843c10333\"]"},
};

typedef void (*print_fn)(cx_buf *out, const cx_field *field, const struct ArrowArray *array,
						 int64_t at);

static void check_one(print_fn print, const cx_field *field, const struct ArrowArray *array,
					  int64_t at, const char *expected)
{
	cx_buf out = CX_BUF_INIT(1 << 20);

	cx_buf_puts(&out, "before:");
	print(&out, field, array, at);
	assert_int_equal(cx_buf_status(&out, "value", NULL), CDBC_OK);
	assert_int_equal(out.data[out.length], '\0');
	if (strcmp(out.data + 7, expected) != 0)
		fail_msg("%s printed, not %s", out.data + 7, expected);
	cx_buf_free(&out);
}

/* The value stands in the second of two rows, so that it is not at the start of anything. */
static void test_every_type(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cx_field field = cases[i].field;
		const char *rows[] = {cases[i].value, cases[i].value};
		struct ArrowArray array;

		cx_field_resolve(&field);
		assert_int_equal(sample_batch(&field, 1, rows, 2, &array, NULL), CDBC_OK);
		check_one(cx_print_text, &field, array.children[0], 1, cases[i].text);
		check_one(cx_print_json, &field, array.children[0], 1, cases[i].json);
		array.release(&array);
	}
}

/* A buffer that is too small fails and stays whole, whatever is printed into it. */
static void test_full_buffer(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cx_field field = cases[i].field;
		struct ArrowArray array;

		cx_field_resolve(&field);
		assert_int_equal(sample_batch(&field, 1, &cases[i].value, 1, &array, NULL), CDBC_OK);
		for (size_t max = 0; max < strlen(cases[i].json); max++) {
			cx_buf out = CX_BUF_INIT(max);

			cx_print_json(&out, &field, array.children[0], 0);
			assert_true(out.is_over);
			assert_true(out.length <= max);
			cx_buf_free(&out);
			cx_print_text(&out, &field, array.children[0], 0);
			assert_true(out.is_over || max >= strlen(cases[i].text));
			cx_buf_free(&out);
		}
		array.release(&array);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_full_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
