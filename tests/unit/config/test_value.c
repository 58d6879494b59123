// SPDX-License-Identifier: Apache-2.0
/* Values of each type, read and printed. */
#include "infra/config/option.h"

#include "fixture.h"

#include <string.h>

static const cx_option duration = {"d", CX_OPTION_DURATION, NULL, 1, 3600000, NULL, 0, NULL, NULL,
								   ""};
static const cx_option duration_never = {"d",
										 CX_OPTION_DURATION,
										 NULL,
										 1,
										 3600000,
										 NULL,
										 CX_OPTION_NEVER | CX_OPTION_ZERO_NEVER,
										 NULL,
										 NULL,
										 ""};
static const cx_option duration_from_0 = {"d",  CX_OPTION_DURATION, NULL, 0,    3600000,
										  NULL, CX_OPTION_NEVER,    NULL, NULL, ""};
static const cx_option milliseconds = {"d",  CX_OPTION_DURATION, NULL, 1,    3600000,
									   NULL, CX_OPTION_LIBPQ_MS, NULL, NULL, ""};
static const cx_option size = {"s", CX_OPTION_SIZE, NULL, 1024, 1 << 30, NULL, 0, NULL, NULL, ""};
static const cx_option number = {"n", CX_OPTION_INT, NULL, -5, 100, NULL, 0, NULL, NULL, ""};
static const cx_option truth = {"b", CX_OPTION_BOOL, NULL, 0, 1, NULL, 0, NULL, NULL, ""};
static const cx_option choice = {
	"c", CX_OPTION_CHOICE, NULL, 0, 0, "verify-ca|verify-full|off", 0, NULL, NULL, ""};
static const cx_option text_1_4 = {"t", CX_OPTION_TEXT, NULL, 1, 4, NULL, 0, NULL, NULL, ""};
static const cx_option secret = {"p", CX_OPTION_SECRET, NULL, 0, 0, NULL, 0, NULL, NULL, ""};
static const cx_option path = {"f", CX_OPTION_PATH, NULL, 0, 0, NULL, 0, NULL, NULL, ""};

static void reads(const cx_option *option, const char *text, bool is_libpq, int64_t wanted,
				  const char *canonical)
{
	char buffer[CX_OPTION_PRINT_MAX];
	cx_option_problem problem;
	const char *printed;
	int64_t n;

	if (!cx_option_read(option, text, is_libpq, &n, &problem))
		fail_msg("%s: %s", text, problem.text);
	assert_int_equal(n, wanted);
	printed = cx_option_print(option, n, buffer);
	if (canonical)
		assert_string_equal(printed, canonical);
	else
		assert_null(printed);
}

static void refuses(const cx_option *option, const char *text, bool is_libpq, const char *message,
					const char *hint)
{
	cx_option_problem problem;
	int64_t n;

	assert_false(cx_option_read(option, text, is_libpq, &n, &problem));
	assert_string_equal(problem.text, message);
	assert_string_equal(problem.hint, hint);
}

static void test_durations(void **state)
{
	reads(&duration, "500ms", false, 500, "500ms");
	reads(&duration, "2s", false, 2000, "2s");
	reads(&duration, "5min", false, 300000, "5min");
	reads(&duration, "1h", false, 3600000, "1h");
	reads(&duration, "60min", false, 3600000, "1h");
	reads(&duration, "1500ms", false, 1500, "1500ms");
	reads(&duration, "10", true, 10000, "10s");
	reads(&milliseconds, "10", true, 10, "10ms");
	reads(&duration, "10ms", true, 10, "10ms");
	reads(&duration_never, "never", false, CX_OPTION_IS_NEVER, "never");
	reads(&duration_never, "0", false, CX_OPTION_IS_NEVER, "never");
	reads(&duration_never, "0s", false, CX_OPTION_IS_NEVER, "never");
	reads(&duration_from_0, "0", false, 0, "0ms");
	refuses(&duration, "10", false, "\"10\" has no unit", "write 10ms, 10s, 10min or 10h");
	refuses(&duration, "10d", false, "\"10d\" has an unknown unit",
			"write 10ms, 10s, 10min or 10h");
	refuses(&duration, "never", false, "\"never\" is not a duration",
			"write it like 500ms, 2s, 5min or 1h");
	refuses(&duration, "1.5s", false, "\"1.5s\" has an unknown unit", "write 1ms, 1s, 1min or 1h");
	refuses(&duration, "0", false, "0 is out of range: 1ms to 1h", "");
	refuses(&duration, "2h", false, "2h is out of range: 1ms to 1h", "");
	refuses(&duration, "-1s", false, "-1s is out of range: 1ms to 1h", "");
	refuses(&duration_never, "-1s", false, "-1s is out of range: 0ms to 1h", "");
	refuses(&duration, "9223372036854775807h", false,
			"9223372036854775807h is out of range: 1ms to 1h", "");
	refuses(&duration, "99999999999999999999s", false,
			"\"99999999999999999999s\" is not a duration", "write it like 500ms, 2s, 5min or 1h");
	refuses(&duration, "", false, "it is empty", "");
}

static void test_sizes(void **state)
{
	reads(&size, "16MiB", false, 16 << 20, "16MiB");
	reads(&size, "1024B", false, 1024, "1KiB");
	reads(&size, "1GiB", false, 1 << 30, "1GiB");
	reads(&size, "1025B", false, 1025, "1025B");
	refuses(&size, "16MB", false, "\"16MB\" has an unknown unit",
			"write 16B, 16KiB, 16MiB or 16GiB");
	refuses(&size, "4096", false, "\"4096\" has no unit",
			"write 4096B, 4096KiB, 4096MiB or 4096GiB");
	refuses(&size, "big", false, "\"big\" is not a size", "write it like 64KiB or 16MiB");
	refuses(&size, "2GiB", false, "2GiB is out of range: 1KiB to 1GiB", "");
	refuses(&size, "4096", true, "\"4096\" has no unit",
			"write 4096B, 4096KiB, 4096MiB or 4096GiB");
}

static void test_numbers_and_words(void **state)
{
	static const char *const yes[] = {"true", "yes", "on", "True", "ON"}, *const no[] = {
																			  "false", "no", "off",
																			  "FALSE"};

	reads(&number, "-5", false, -5, "-5");
	reads(&number, "100", false, 100, "100");
	refuses(&number, "101", false, "101 is out of range: -5 to 100", "");
	refuses(&number, "1e2", false, "\"1e2\" is not a whole number", "");
	refuses(&number, "9223372036854775808", false, "\"9223372036854775808\" is not a whole number",
			"");
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		reads(&truth, yes[i], false, 1, "true");
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		reads(&truth, no[i], false, 0, "false");
	reads(&truth, "1", true, 1, "true");
	refuses(&truth, "1", false, "\"1\" is neither true nor false", "");
	reads(&choice, "verify-full", false, 1, "verify-full");
	reads(&choice, "VERIFY-CA", false, 0, "verify-ca");
	reads(&choice, "off", false, 2, "off");
	refuses(&choice, "verify", false, "\"verify\" is not one of verify-ca, verify-full, off", "");
}

static void test_texts(void **state)
{
	reads(&text_1_4, "four", false, 0, NULL);
	refuses(&text_1_4, "five5", false, "longer than 4 bytes", "");
	refuses(&text_1_4, "", false, "it is empty", "");
	refuses(&text_1_4, "a\nb", false, "it has a control character (10)", "");
	refuses(&text_1_4, "a\x80", false, "not UTF-8", "");
	refuses(&path, "", false, "it is empty", "");
	reads(&secret, "", false, 0, NULL);
	refuses(&secret, "hunter\x01", false, "it has a control character (1)", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_numbers_and_words),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
