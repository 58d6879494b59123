// SPDX-License-Identifier: Apache-2.0
/* Text: UTF-8 of every length and its wrong forms, nearness of names, numbers, secrets compared. */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void knows_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t valid;
	} cases[] = {
		{"", 0},
		{"plain ascii, longer than eight", 30},
		{"\xc3\xa4", 2},
		{"\xe2\x82\xac", 3},
		{"\xf0\x9f\x98\x80", 4},
		{"\xf4\x8f\xbf\xbf", 4}, /* 10FFFF */
		{"\xf4\x90\x80\x80", 0}, /* past it */
		{"\xf5\x80\x80\x80", 0},
		{"\xc0\x80", 0}, /* overlong */
		{"\xc1\xbf", 0},
		{"\xe0\x9f\xbf", 0},
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xed\x9f\xbf", 3},
		{"\xed\xa0\x80", 0}, /* surrogate */
		{"\xee\x80\x80", 3},
		{"a\x80", 1},      /* a tail alone */
		{"ab\xe2\x82", 2}, /* cut */
		{"\xe2(\xa1", 0},
		{"12345678\xff", 8},
		{"1234567\xc3\xa4 and on", 16},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (cx_utf8_valid_prefix(cases[i].text, strlen(cases[i].text)) != cases[i].valid)
			fail_msg("case %zu", i);
	assert_int_equal(cx_utf8_valid_prefix("a\0b", 3), 3);
}

/* Every byte at every place of texts of every length about the words that are read at once. */
static void knows_clean_text(void **state)
{
	static const char *const pieces[] = {"\xc3\xa4", "\xe2\x82", "\xff", "\x80", "\x7f", "\x01"};
	char text[40];

	(void)state;
	assert_true(cx_text_is_clean("", 0));
	for (size_t length = 1; length < sizeof text; length++)
		for (size_t at = 0; at < length; at++) {
			memset(text, 'a', sizeof text);
			assert_true(cx_text_is_clean(text, length));
			text[at] = '\0';
			assert_false(cx_text_is_clean(text, length));
			for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
				size_t n = strlen(pieces[i]) < length - at ? strlen(pieces[i]) : length - at;

				memset(text, 'a', sizeof text);
				memcpy(text + at, pieces[i], n);
				assert_int_equal(cx_text_is_clean(text, length),
								 cx_utf8_valid_prefix(text, length) == length);
			}
		}
}

static void measures_edits(void **state)
{
	char far[100];

	(void)state;
	assert_int_equal(cx_text_distance("kitten", "kitten", 2), 0);
	assert_int_equal(cx_text_distance("kitten", "kittens", 2), 1);
	assert_int_equal(cx_text_distance("kitten", "itten", 2), 1);
	assert_int_equal(cx_text_distance("kitten", "kettin", 2), 2);
	assert_int_equal(cx_text_distance("timeout", "tiemout", 2), 1); /* neighbours swapped */
	assert_int_equal(cx_text_distance("a", "abcd", 2), 3);
	assert_int_equal(cx_text_distance("abcd", "wxyz", 2), 3);
	assert_int_equal(cx_text_distance("", "", 2), 0);
	memset(far, 'a', sizeof far - 1);
	far[sizeof far - 1] = '\0';
	assert_int_equal(cx_text_distance(far, far, 2), 3);
	far[64] = '\0';
	assert_int_equal(cx_text_distance(far, far, 2), 0);
}

static void finds_the_nearest(void **state)
{
	static const char *const names[] = {"roles", "read-only", "max-rows", "id", "timeout"};

	(void)state;
	assert_string_equal(cx_text_nearest("role", names, 5), "roles");
	assert_string_equal(cx_text_nearest("readonly", names, 5), "read-only");
	assert_string_equal(cx_text_nearest("tiemuot", names, 5), "timeout");
	assert_null(cx_text_nearest("xyz", names, 5));
	assert_string_equal(cx_text_nearest("ix", names, 5), "id");
	assert_null(cx_text_nearest("xy", names, 5)); /* short names: one edit only */
	assert_null(cx_text_nearest("x", names, 5));  /* of one letter: nothing is near */
	assert_null(cx_text_nearest("roles", names, 0));
}

static void number(const char *text, bool is_good, int64_t wanted)
{
	int64_t n = -77;

	if (cx_text_int64(text, strlen(text), INT64_MIN, INT64_MAX, &n) != is_good ||
		n != (is_good ? wanted : -77))
		fail_msg("%s", text);
}

static void reads_numbers(void **state)
{
	int64_t n;

	(void)state;
	number("0", true, 0);
	number("-12", true, -12);
	number("+12", true, 12);
	number("9223372036854775807", true, INT64_MAX);
	number("-9223372036854775808", true, INT64_MIN);
	number("9223372036854775808", false, 0);
	number("-9223372036854775809", false, 0);
	number("99999999999999999999", false, 0);
	number("", false, 0);
	number("-", false, 0);
	number("1x", false, 0);
	number(" 1", false, 0);
	number("1.5", false, 0);
	assert_true(cx_text_int64("10", 2, 1, 10, &n));
	assert_false(cx_text_int64("11", 2, 1, 10, &n));
	assert_false(cx_text_int64("0", 1, 1, 10, &n));
	assert_true(cx_text_int64("123", 2, 0, 99, &n));
	assert_int_equal(n, 12);
}

static void compares_secrets(void **state)
{
	(void)state;
	assert_true(cx_text_equal_secret("abc", 3, "abc", 3));
	assert_false(cx_text_equal_secret("abc", 3, "abd", 3));
	assert_false(cx_text_equal_secret("abc", 3, "ab", 2));
	assert_true(cx_text_equal_secret("", 0, "", 0));
	assert_false(cx_text_equal_secret("\x80", 1, "\x00", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_utf8),     cmocka_unit_test(knows_clean_text),
		cmocka_unit_test(measures_edits), cmocka_unit_test(finds_the_nearest),
		cmocka_unit_test(reads_numbers),  cmocka_unit_test(compares_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
