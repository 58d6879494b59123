// SPDX-License-Identifier: Apache-2.0
/* The calendar and its text. */
#include "base/civil.h"

#include "base/column.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void days_and_dates(void **unused)
{
	static const struct {
		cx_civil date;
		int64_t days;
	} cases[] = {
		{{1970, 1, 1}, 0},      {{1969, 12, 31}, -1},        {{2000, 1, 1}, 10957},
		{{2000, 2, 29}, 11016}, {{2024, 2, 29}, 19782},      {{1, 1, 1}, -719162},
		{{0, 12, 31}, -719163}, {{-4713, 11, 24}, -2440588}, {{5874897, 12, 31}, 2145042905}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cx_civil date = cx_civil_of_days(cases[i].days);

		assert_int_equal(cx_civil_days(cases[i].date), cases[i].days);
		assert_int_equal(date.year, cases[i].date.year);
		assert_int_equal(date.month, cases[i].date.month);
		assert_int_equal(date.day, cases[i].date.day);
	}
}

/* Day after day over three eras, each date follows from the one before. */
static void every_day_follows(void **unused)
{
	cx_civil before = cx_civil_of_days(-900000);

	for (int64_t day = -899999; day < 300000; day++) {
		cx_civil date = cx_civil_of_days(day), expected = before;

		if (++expected.day > cx_civil_month_days(before.year, before.month)) {
			expected.day = 1;
			if (++expected.month > 12) {
				expected.month = 1;
				expected.year++;
			}
		}
		if (date.year != expected.year || date.month != expected.month ||
			date.day != expected.day || cx_civil_days(date) != day)
			fail_msg("day %lld", (long long)day);
		before = date;
	}
}

static void check_date(const char *text, int32_t days, const char *printed)
{
	char out[CX_CIVIL_MAX];
	int32_t read;

	assert_int_equal(cx_date_parse(text, strlen(text), &read), CX_PARSE_OK);
	assert_int_equal(read, days);
	assert_int_equal(cx_date_print(days, out), strlen(printed ? printed : text));
	assert_string_equal(out, printed ? printed : text);
}

static void dates(void **unused)
{
	static const char *const bad[] = {"",
									  "2024",
									  "2024-02",
									  "2024-02-30",
									  "2023-02-29",
									  "2024-13-01",
									  "2024-00-01",
									  "2024-01-00",
									  "24-01-01",
									  "2024-1-1",
									  "2024/01/01",
									  "2024-01-01 ",
									  " 2024-01-01",
									  "2024-01-01x",
									  "0000-01-01 BC",
									  "-0001-01-01 BC",
									  "inf",
									  "2024-02-29 B",
									  "1900-02-29"};
	int32_t days;

	check_date("2024-02-29", 19782, NULL);
	check_date("0001-01-01", -719162, NULL);
	check_date("0001-12-31 BC", -719163, NULL);
	check_date("0000-12-31", -719163, "0001-12-31 BC");
	check_date("-0043-03-15", -735160, "0044-03-15 BC");
	check_date("4714-11-24 BC", -2440588, NULL);
	check_date("12024-02-29", 3672207, NULL);
	check_date("2024-02-29 AD", 19782, "2024-02-29");
	check_date("infinity", CX_DATE_INFINITY, NULL);
	check_date("-infinity", CX_DATE_NEG_INFINITY, NULL);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(cx_date_parse(bad[i], strlen(bad[i]), &days), CX_PARSE_BAD);
	assert_int_equal(cx_date_parse("9999999-01-01", 13, &days), CX_PARSE_RANGE);
}

static void times(void **unused)
{
	static const struct {
		const char *text;
		int64_t us;
		const char *printed;
	} good[] = {{"00:00:00", 0, NULL},
				{"12:34:56.789012", 45296789012, NULL},
				{"12:34:56.7", 45296700000, NULL},
				{"12:34", 45240000000, "12:34:00"},
				{"23:59:59.999999", 86399999999, NULL},
				{"24:00:00", CX_DAY_US, NULL},
				{"01:02:03.500000000", 3723500000, "01:02:03.5"}};
	static const char *const bad[] = {"",         "1:2:3",      "24:00:01",  "25:00:00",
									  "12:60:00", "12:00:60",   "12:00:00.", "12:00:00x",
									  "12",       "12:00:00+00"};
	char out[CX_CIVIL_MAX];
	int64_t us;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(cx_time_parse(good[i].text, strlen(good[i].text), &us), CX_PARSE_OK);
		assert_int_equal(us, good[i].us);
		cx_time_print(us, out);
		assert_string_equal(out, good[i].printed ? good[i].printed : good[i].text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(cx_time_parse(bad[i], strlen(bad[i]), &us), CX_PARSE_BAD);
	assert_int_equal(cx_time_parse("00:00:00.1234567", 16, &us), CX_PARSE_RANGE);
}

static void check_timestamp(const char *text, int64_t us, bool has_zone, const char *iso)
{
	char out[CX_CIVIL_MAX];
	int64_t read;
	bool zone;

	assert_int_equal(cx_timestamp_parse(text, strlen(text), &read, &zone), CX_PARSE_OK);
	assert_int_equal(read, us);
	assert_int_equal(zone, has_zone);
	assert_int_equal(cx_timestamp_print(us, has_zone, true, out), strlen(iso));
	assert_string_equal(out, iso);
}

static void timestamps(void **unused)
{
	static const char *const bad[] = {"",
									  "2024-02-29 ",
									  "2024-02-29T",
									  "2024-02-29 12",
									  "2024-02-29 12:00:00+",
									  "2024-02-29 12:00:00+0",
									  "2024-02-29 12:00:00+00:",
									  "2024-02-29 12:00:00 +00",
									  "2024-02-30 12:00:00",
									  "2024-02-29 24:00:01",
									  "now"};
	char out[CX_CIVIL_MAX];
	int64_t us;

	check_timestamp("2024-02-29 12:34:56.789012", 1709210096789012, false,
					"2024-02-29T12:34:56.789012");
	check_timestamp("2024-02-29T12:34:56.789012Z", 1709210096789012, true,
					"2024-02-29T12:34:56.789012Z");
	check_timestamp("2024-02-29 12:34:56.5+00", 1709210096500000, true, "2024-02-29T12:34:56.5Z");
	check_timestamp("2024-02-29 12:34:56+00:00", 1709210096000000, true, "2024-02-29T12:34:56Z");
	check_timestamp("2024-02-29 12:34:56+02", 1709202896000000, true, "2024-02-29T10:34:56Z");
	check_timestamp("2024-02-29 12:34:56-03:30", 1709222696000000, true, "2024-02-29T16:04:56Z");
	check_timestamp("2024-02-29 12:34:56+0530", 1709190296000000, true, "2024-02-29T07:04:56Z");
	check_timestamp("1890-01-01 00:19:32+00:19:32", -2524521600000000, true,
					"1890-01-01T00:00:00Z");
	check_timestamp("1969-12-31 23:59:59.999999", -1, false, "1969-12-31T23:59:59.999999");
	check_timestamp("2024-02-29", 1709164800000000, false, "2024-02-29T00:00:00");
	check_timestamp("0044-03-15 12:00:00 BC", -63517780800000000, false, "0044-03-15T12:00:00 BC");
	check_timestamp("0044-03-15 12:00:00+00 BC", -63517780800000000, true,
					"0044-03-15T12:00:00Z BC");
	check_timestamp("infinity", CX_TIMESTAMP_INFINITY, false, "infinity");
	check_timestamp("-infinity", CX_TIMESTAMP_NEG_INFINITY, false, "-infinity");
	check_timestamp("294247-01-10 04:00:54.775806", INT64_MAX - 1, false,
					"294247-01-10T04:00:54.775806");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(cx_timestamp_parse(bad[i], strlen(bad[i]), &us, NULL), CX_PARSE_BAD);
	assert_int_equal(cx_timestamp_parse("294276-12-31 23:59:59.999999", 28, &us, NULL),
					 CX_PARSE_RANGE);
	cx_timestamp_print(1709210096500000, true, false, out);
	assert_string_equal(out, "2024-02-29 12:34:56.5+00");
	cx_timestamp_print(1709210096500000, false, false, out);
	assert_string_equal(out, "2024-02-29 12:34:56.5");
}

static void timestamps_come_back(void **unused)
{
	char out[CX_CIVIL_MAX];

	srand(11);
	for (int i = 0; i < 100000; i++) {
		int64_t us = (int64_t)((uint64_t)rand() << 33 ^ (uint64_t)rand() << 12 ^ (uint64_t)rand()),
				back;
		size_t n;

		us >>= rand() % 20;
		if (i % 2)
			us = -us;
		n = cx_timestamp_print(us, i % 3, i % 5, out);
		assert_int_equal(cx_timestamp_parse(out, n, &back, NULL), CX_PARSE_OK);
		assert_int_equal(back, us);
	}
}

static void check_interval(const char *text, int32_t months, int32_t days, int64_t ns,
						   const char *pg, const char *iso)
{
	char out[CX_CIVIL_MAX];
	int32_t m, d;
	int64_t n;

	assert_int_equal(cx_interval_parse(text, strlen(text), &m, &d, &n), CX_PARSE_OK);
	assert_int_equal(m, months);
	assert_int_equal(d, days);
	assert_int_equal(n, ns);
	assert_int_equal(cx_interval_print_pg(months, days, ns, out), strlen(pg));
	assert_string_equal(out, pg);
	assert_int_equal(cx_interval_print_iso(months, days, ns, out), strlen(iso));
	assert_string_equal(out, iso);
}

static void intervals(void **unused)
{
	static const char *const bad[] = {
		"",      "P",           "PT",     "P1",        "P1H",           "PT1D",
		"1",     "1 fortnight", "1 day ", "1.5 days",  "1 day  2 days", "12:60:00",
		"P1.5D", "day",         "1day",   "1.5:00:00", "PT1S ",         "--1 day"};
	int32_t months, days;
	int64_t ns;

	check_interval("1 year 2 mons 3 days 04:05:06.789", 14, 3, 14706789000000,
				   "1 year 2 mons 3 days 04:05:06.789", "P1Y2M3DT4H5M6.789S");
	check_interval("00:00:00", 0, 0, 0, "00:00:00", "PT0S");
	check_interval("P1Y2M3DT4H5M6.789S", 14, 3, 14706789000000, "1 year 2 mons 3 days 04:05:06.789",
				   "P1Y2M3DT4H5M6.789S");
	check_interval("-1 years -2 mons +3 days -04:05:06", -14, 3, -14706000000000,
				   "-1 years -2 mons +3 days -04:05:06", "P-1Y-2M3DT-4H-5M-6S");
	check_interval("-00:00:00.000001", 0, 0, -1000, "-00:00:00.000001", "PT-0.000001S");
	check_interval("-1 days +02:03:04", 0, -1, 7384000000000, "-1 days +02:03:04", "P-1DT2H3M4S");
	check_interval("1 day -00:00:01", 0, 1, -1000000000, "1 day -00:00:01", "P1DT-1S");
	check_interval("2562047:47:16.854775", 0, 0, 9223372036854775000, "2562047:47:16.854775",
				   "PT2562047H47M16.854775S");
	check_interval("2 weeks 3 hours 4 minutes 5.5 seconds", 0, 14, 11045500000000,
				   "14 days 03:04:05.5", "P14DT3H4M5.5S");
	check_interval("PT0.000000001S", 0, 0, 1, "00:00:00.000000001", "PT0.000000001S");
	check_interval("178956970 years 7 mons", INT32_MAX, 0, 0, "178956970 years 7 mons",
				   "P178956970Y7M");
	check_interval("-178956970 years -8 mons -2147483648 days", INT32_MIN, INT32_MIN, 0,
				   "-178956970 years -8 mons -2147483648 days", "P-178956970Y-8M-2147483648D");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(cx_interval_parse(bad[i], strlen(bad[i]), &months, &days, &ns),
						 CX_PARSE_BAD);
	assert_int_equal(cx_interval_parse("-infinity", 9, &months, &days, &ns), CX_PARSE_SPECIAL);
	assert_int_equal(cx_interval_parse("2562048:00:00", 13, &months, &days, &ns), CX_PARSE_RANGE);
	assert_int_equal(cx_interval_parse("178956971 years", 15, &months, &days, &ns), CX_PARSE_RANGE);
	assert_int_equal(cx_interval_parse("999999999999999999 years", 24, &months, &days, &ns),
					 CX_PARSE_RANGE);
	assert_int_equal(cx_interval_parse("PT0.0000000001S", 15, &months, &days, &ns), CX_PARSE_RANGE);
}

static void uuids(void **unused)
{
	static const unsigned char bytes[16] = {0xac, 0xde, 0x07, 0x0d, 0x8c, 0x4c, 0x4f, 0x0d,
											0x9d, 0x8a, 0x16, 0x28, 0x43, 0xc1, 0x03, 0x33};
	static const char *const good[] = {"acde070d-8c4c-4f0d-9d8a-162843c10333",
									   "ACDE070D8C4C4F0D9D8A162843C10333",
									   "{acde070d-8c4c-4f0d-9d8a-162843c10333}"};
	static const char *const bad[] = {"",
									  "{}",
									  "acde070d-8c4c-4f0d-9d8a-162843c1033",
									  "acde070d-8c4c-4f0d-9d8a-162843c1033g",
									  "acde070d-8c4c-4f0d-9d8a1-62843c10333",
									  "acde070d8c4c4f0d9d8a162843c10333aaaa"};
	char out[CX_CIVIL_MAX];
	unsigned char read[16];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(cx_uuid_parse(good[i], strlen(good[i]), read), CX_PARSE_OK);
		assert_memory_equal(read, bytes, 16);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(cx_uuid_parse(bad[i], strlen(bad[i]), read), CX_PARSE_BAD);
	assert_int_equal(cx_uuid_print(bytes, out), 36);
	assert_string_equal(out, good[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_and_dates), cmocka_unit_test(every_day_follows),
		cmocka_unit_test(dates),          cmocka_unit_test(times),
		cmocka_unit_test(timestamps),     cmocka_unit_test(timestamps_come_back),
		cmocka_unit_test(intervals),      cmocka_unit_test(uuids),
	};

	return cmocka_run_group_tests_name("civil", tests, NULL, NULL);
}
