// SPDX-License-Identifier: Apache-2.0
/* Numbers as text: PostgreSQL's words, the shortest digits that read back, and reading in every
 * form. */
#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t state = 88172645463325252u;

static uint64_t random_bits(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void prints_as_postgresql(void **unused)
{
	static const struct {
		double number;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "-0"},
		{1, "1"},
		{1.5, "1.5"},
		{0.1, "0.1"},
		{-2.5, "-2.5"},
		{100000, "100000"},
		{1e14, "100000000000000"},
		{1e15, "1e+15"},
		{1e20, "1e+20"},
		{123456789012345680.0, "1.2345678901234568e+17"},
		{0.0001, "0.0001"},
		{0.00001, "1e-05"},
		{1e100, "1e+100"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{5e-324, "5e-324"},
		{2.2250738585072014e-308, "2.2250738585072014e-308"},
		{0.3, "0.3"},
		{1.0 / 3, "0.3333333333333333"},
		{2.0 / 3, "0.6666666666666666"},
		{1e23, "9.999999999999999e+22"},
		{9007199254740993.0, "9.007199254740992e+15"},
		{123456.789, "123456.789"},
		{26453.2642822265625, "26453.264282226562"},
		{0.00012345, "0.00012345"},
		{1e-7, "1e-07"},
		{2251799813685248.5, "2.2517998136852485e+15"},
	};
	char text[CX_NUMBER_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(cx_double_print(cases[i].number, text), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
	cx_double_print((double)NAN, text);
	assert_string_equal(text, "NaN");
	cx_double_print((double)INFINITY, text);
	assert_string_equal(text, "Infinity");
	cx_double_print(-(double)INFINITY, text);
	assert_string_equal(text, "-Infinity");
}

static void prints_floats(void **unused)
{
	static const struct {
		float number;
		const char *text;
	} cases[] = {{0.1f, "0.1"},
				 {1.5f, "1.5"},
				 {100000, "100000"},
				 {1e6f, "1e+06"},
				 {16777216, "1.6777216e+07"},
				 {3.4028235e38f, "3.4028235e+38"},
				 {1e-45f, "1e-45"},
				 {0.3f, "0.3"},
				 {-0.0f, "-0"},
				 {1.17549435e-38f, "1.1754944e-38"},
				 {0.000244140625f, "0.00024414062"}};
	char text[CX_NUMBER_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cx_float_print(cases[i].number, text);
		assert_string_equal(text, cases[i].text);
	}
	cx_float_print((float)NAN, text);
	assert_string_equal(text, "NaN");
}

static void prints_integers(void **unused)
{
	static const int64_t cases[] = {0, 7, -7, 10, 99, 100, 12345, INT64_MAX, INT64_MIN};
	char text[CX_NUMBER_MAX], expected[CX_NUMBER_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(expected, sizeof expected, "%lld", (long long)cases[i]);
		assert_int_equal(cx_int64_print(cases[i], text), strlen(expected));
		assert_string_equal(text, expected);
	}
}

static size_t count_digits(const char *text)
{
	size_t n = 0, trailing = 0;

	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (*text == '0' && n == 0))
			continue;
		n++;
		trailing = *text == '0' ? trailing + 1 : 0;
	}
	return n - trailing;
}

/* Every double reads back, by the C library and by us, and no shorter text of its digits does.
 * (From 2^53 on one may, from the very end of the interval, which we leave out as PostgreSQL does.)
 */
static void round_trips(void **unused)
{
	char text[CX_NUMBER_MAX], shorter[CX_NUMBER_MAX];

	for (int i = 0; i < 200000; i++) {
		uint64_t bits = random_bits();
		double number, back;
		size_t n;

		if (i % 4 == 1)
			bits = (bits & 0xfffff) << 44 | (bits >> 40 & 3);
		memcpy(&number, &bits, sizeof number);
		if (i % 4 == 2)
			number = (double)(int64_t)(bits >> 20) / 100;
		if (!isfinite(number))
			continue;
		n = cx_double_print(number, text);
		assert_int_equal(n, strlen(text));
		assert_true(n < CX_NUMBER_MAX);
		back = strtod(text, NULL);
		assert_memory_equal(&back, &number, sizeof back);
		assert_int_equal(cx_double_parse(text, n, &back), CX_PARSE_OK);
		assert_memory_equal(&back, &number, sizeof back);
		n = count_digits(text);
		if (n > 1 && fabs(number) < 0x1p53) {
			snprintf(shorter, sizeof shorter, "%.*e", (int)n - 2, number);
			assert_true(strtod(shorter, NULL) < number || strtod(shorter, NULL) > number);
		}
	}
}

static void round_trips_floats(void **unused)
{
	char text[CX_NUMBER_MAX], shorter[CX_NUMBER_MAX];

	for (int i = 0; i < 200000; i++) {
		uint32_t bits = (uint32_t)(random_bits() >> 16);
		float number, back;
		size_t n;

		memcpy(&number, &bits, sizeof number);
		if (!isfinite(number))
			continue;
		n = cx_float_print(number, text);
		assert_int_equal(cx_float_parse(text, n, &back), CX_PARSE_OK);
		assert_memory_equal(&back, &number, sizeof back);
		n = count_digits(text);
		if (n > 1 && fabsf(number) < 0x1p24f) {
			snprintf(shorter, sizeof shorter, "%.*e", (int)n - 2, (double)number);
			assert_true(strtof(shorter, NULL) < number || strtof(shorter, NULL) > number);
		}
	}
}

static cx_parse parse(const char *text, double *out)
{
	return cx_double_parse(text, strlen(text), out);
}

static void parses(void **unused)
{
	static const char *const good[] = {"0",
									   "-1",
									   "+1.5",
									   ".5",
									   "5.",
									   "1e5",
									   "1E-5",
									   "00012.5",
									   "123456789012345678901234567890",
									   "2.2250738585072011e-308",
									   "4.9e-324",
									   "9007199254740993",
									   "1e22",
									   "1e23",
									   "0e999999999999",
									   "0.000000000000000000000000000000000000000000001"};
	static const char *const bad[] = {"",   "-",  ".",     "e5",  "1e",   "1e+",  "1x", "0x10",
									  " 1", "1 ", "1.2.3", "--1", "nanx", "-nan", "+"};
	double number, expected;
	char huge[3000];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(parse(good[i], &number), CX_PARSE_OK);
		expected = strtod(good[i], NULL);
		assert_memory_equal(&number, &expected, sizeof number);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(parse(bad[i], &number), CX_PARSE_BAD);
	assert_int_equal(parse("1e400", &number), CX_PARSE_RANGE);
	assert_int_equal(parse("-inf", &number), CX_PARSE_OK);
	assert_true(isinf(number) && number < 0);
	assert_int_equal(parse("NaN", &number), CX_PARSE_OK);
	assert_true(isnan(number));
	/* a tie that only the last of 2,500 digits decides: 2^53 + 1 and a little */
	snprintf(huge, sizeof huge, "9007199254740993.%02480d1", 0);
	assert_int_equal(parse(huge, &number), CX_PARSE_OK);
	assert_true(number > 9007199254740993.0);
	huge[strlen(huge) - 1] = '0';
	assert_int_equal(parse(huge, &number), CX_PARSE_OK);
	assert_true(number < 9007199254740994.0);
}

static void parses_floats(void **unused)
{
	float number;

	assert_int_equal(cx_float_parse("1e39", 4, &number), CX_PARSE_RANGE);
	assert_int_equal(cx_float_parse("Infinity", 8, &number), CX_PARSE_OK);
	assert_true(isinf(number));
	assert_int_equal(cx_float_parse("x", 1, &number), CX_PARSE_BAD);
	/* rounding by way of a double would go wrong here */
	assert_int_equal(cx_float_parse("1.00000017881393432617187499", 28, &number), CX_PARSE_OK);
	assert_true(number < 1.0000002f);
}

static void ignores_the_locale(void **unused)
{
	double number;

	/* where this locale is not there, the check is of the C locale and says little */
	setlocale(LC_ALL, "de_DE.UTF-8");
	assert_int_equal(parse("1.2345678901234567890", &number), CX_PARSE_OK);
	assert_true(number > 1.2);
	setlocale(LC_ALL, "C");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_as_postgresql), cmocka_unit_test(prints_floats),
		cmocka_unit_test(prints_integers),      cmocka_unit_test(round_trips),
		cmocka_unit_test(round_trips_floats),   cmocka_unit_test(parses),
		cmocka_unit_test(parses_floats),        cmocka_unit_test(ignores_the_locale),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
