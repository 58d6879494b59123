// SPDX-License-Identifier: Apache-2.0
/* Decimals: text and base 10000 in, text out, nothing ever rounded. */
#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void check(const char *text, int precision, int scale, const char *printed)
{
	char decimal[16], out[CX_DECIMAL_MAX];

	assert_int_equal(cx_decimal_parse(text, strlen(text), precision, scale, decimal), CX_PARSE_OK);
	assert_int_equal(cx_decimal_print(decimal, scale, out), strlen(printed));
	assert_string_equal(out, printed);
}

static void parses_exactly(void **unused)
{
	check("12.50", 10, 2, "12.50");
	check("-12.5", 10, 2, "-12.50");
	check("0", 10, 2, "0.00");
	check("-0.00", 10, 2, "0.00");
	check("+.5", 3, 1, "0.5");
	check("7.", 3, 0, "7");
	check("1E-10", 38, 10, "0.0000000001");
	check("1.5e+3", 38, 0, "1500");
	check("0e99999999999", 5, 2, "0.00");
	check("12.500000", 4, 2, "12.50");
	check("00000000000000000000000000000000000000000000012.5", 3, 1, "12.5");
	check("99999999999999999999999999999999999999", 38, 0,
		  "99999999999999999999999999999999999999");
	check("-99999999999999999999999999999999999999", 38, 0,
		  "-99999999999999999999999999999999999999");
	check("0.99999999999999999999999999999999999999", 38, 38,
		  "0.99999999999999999999999999999999999999");
	check("18446744073709551616", 38, 0, "18446744073709551616");
	check("1000000000000000000000000000000000000", 38, 0, "1000000000000000000000000000000000000");
}

static cx_parse parse(const char *text, int precision, int scale)
{
	char decimal[16];

	return cx_decimal_parse(text, strlen(text), precision, scale, decimal);
}

static void refuses_what_does_not_fit(void **unused)
{
	assert_int_equal(parse("12.505", 10, 2), CX_PARSE_RANGE);
	assert_int_equal(parse("100", 2, 0), CX_PARSE_RANGE);
	assert_int_equal(parse("10", 2, 1), CX_PARSE_RANGE);
	assert_int_equal(parse("1e38", 38, 0), CX_PARSE_RANGE);
	assert_int_equal(parse("1e-1", 38, 0), CX_PARSE_RANGE);
	assert_int_equal(parse("1e9999999999999999999", 38, 0), CX_PARSE_RANGE);
	assert_int_equal(parse("1e-9999999999999999999", 38, 0), CX_PARSE_RANGE);
	assert_int_equal(parse("100000000000000000000000000000000000000", 38, 0), CX_PARSE_RANGE);
	assert_int_equal(parse("NaN", 38, 0), CX_PARSE_SPECIAL);
	assert_int_equal(parse("-Infinity", 38, 0), CX_PARSE_SPECIAL);
	assert_int_equal(parse("inf", 38, 0), CX_PARSE_SPECIAL);
}

static void refuses_what_is_no_number(void **unused)
{
	static const char *const bad[] = {"",   "-",  ".",   "1..2", "1e",    "1e+", "1.5x",
									  " 1", "1 ", "0x1", "e1",   "1e1.5", "-nan"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(parse(bad[i], 38, 2), CX_PARSE_BAD);
}

static void of_base10000(void **unused)
{
	static const unsigned char amount[] = {0x04, 0xd2, 0x15, 0xe0}; /* 1234 5600 */
	static const unsigned char bad[] = {0x27, 0x10};
	static const unsigned char tiny[] = {0x00, 0x64};
	char decimal[16], out[CX_DECIMAL_MAX];

	assert_int_equal(cx_decimal_of_base10000(false, 0, amount, 2, 10, 4, decimal), CX_PARSE_OK);
	cx_decimal_print(decimal, 4, out);
	assert_string_equal(out, "1234.5600");
	assert_int_equal(cx_decimal_of_base10000(true, 0, amount, 2, 10, 2, decimal), CX_PARSE_OK);
	cx_decimal_print(decimal, 2, out);
	assert_string_equal(out, "-1234.56");
	assert_int_equal(cx_decimal_of_base10000(false, 0, amount, 2, 10, 1, decimal), CX_PARSE_RANGE);
	assert_int_equal(cx_decimal_of_base10000(false, 1, amount, 2, 10, 0, decimal), CX_PARSE_OK);
	cx_decimal_print(decimal, 0, out);
	assert_string_equal(out, "12345600");
	assert_int_equal(cx_decimal_of_base10000(false, 3, amount, 2, 38, 2, decimal), CX_PARSE_OK);
	cx_decimal_print(decimal, 2, out);
	assert_string_equal(out, "1234560000000000.00");
	assert_int_equal(cx_decimal_of_base10000(false, -3, tiny, 1, 38, 10, decimal), CX_PARSE_OK);
	cx_decimal_print(decimal, 10, out);
	assert_string_equal(out, "0.0000000001");
	assert_int_equal(cx_decimal_of_base10000(false, -3, tiny, 1, 38, 8, decimal), CX_PARSE_RANGE);
	assert_int_equal(cx_decimal_of_base10000(false, -3, tiny, 1, 38, 2, decimal), CX_PARSE_RANGE);
	assert_int_equal(cx_decimal_of_base10000(false, 32767, tiny, 1, 38, 2, decimal),
					 CX_PARSE_RANGE);
	assert_int_equal(cx_decimal_of_base10000(false, 0, bad, 1, 38, 2, decimal), CX_PARSE_BAD);
	assert_int_equal(cx_decimal_of_base10000(false, 32767, NULL, 0, 38, 2, decimal), CX_PARSE_OK);
	cx_decimal_print(decimal, 2, out);
	assert_string_equal(out, "0.00");
}

/* Random digits, as text and to the base 10000, give the same bytes and come back as they were. */
static void agrees_with_itself(void **unused)
{
	srand(7);
	for (int round = 0; round < 20000; round++) {
		unsigned char groups[16];
		char text[CX_DECIMAL_MAX], out[CX_DECIMAL_MAX], a[16], b[16];
		int count = 1 + rand() % 8, scale = rand() % 2 ? 4 * (rand() % count) : 0, n = 0;
		bool is_negative = rand() % 2;

		if (is_negative)
			text[n++] = '-';
		for (int i = 0; i < count; i++) {
			int group = i ? rand() % 10000 : 1 + rand() % 9999;

			groups[2 * i] = (unsigned char)(group >> 8);
			groups[2 * i + 1] = (unsigned char)group;
			if (4 * (count - i) == scale)
				text[n++] = '.';
			n += sprintf(text + n, i ? "%04d" : "%d", group);
		}
		assert_int_equal(cx_decimal_parse(text, (size_t)n, 38, scale, a), CX_PARSE_OK);
		assert_int_equal(cx_decimal_of_base10000(is_negative, count - 1 - scale / 4, groups,
												 (size_t)count, 38, scale, b),
						 CX_PARSE_OK);
		assert_memory_equal(a, b, 16);
		cx_decimal_print(a, scale, out);
		assert_string_equal(out, text);
	}
}

static void plain(void **unused)
{
	static const char *const cases[][2] = {{"1.50E-10", "0.000000000150"},
										   {"1E+20", "100000000000000000000"},
										   {"12.50", "12.50"},
										   {"-1.5e1", "-15"},
										   {"-1.55e1", "-15.5"},
										   {"0E-10", "0.0000000000"},
										   {"0E+3", "0"},
										   {".5", "0.5"},
										   {"-0", "-0"},
										   {"007", "7"},
										   {"12345e-2", "123.45"},
										   {"1e0", "1"},
										   {"10", "10"}};
	char out[64];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = strlen(cases[i][1]);

		assert_int_equal(cx_decimal_plain(cases[i][0], strlen(cases[i][0]), out, sizeof out), n);
		assert_memory_equal(out, cases[i][1], n);
	}
	out[0] = 'x';
	assert_int_equal(cx_decimal_plain("1e9", 3, out, 9), 10);
	assert_int_equal(out[0], 'x');
	assert_int_equal(cx_decimal_plain("1e999999", 8, out, sizeof out), 0);
	assert_int_equal(cx_decimal_plain("NaN", 3, out, sizeof out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_exactly),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(refuses_what_is_no_number),
		cmocka_unit_test(of_base10000),
		cmocka_unit_test(agrees_with_itself),
		cmocka_unit_test(plain),
	};

	return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
