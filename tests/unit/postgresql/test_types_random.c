// SPDX-License-Identifier: Apache-2.0
/* Random values of every type: what the binary form shows, read back as text, gives the same array.
 */
#include "pg_rows.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define ROUNDS        20000
#define DAY_US        INT64_C(86400000000)
#define NUMERIC(p, s) (((p) << 16 | ((s)&0x7ff)) + 4)

static uint64_t state = 88172645463325252u;

static uint64_t random_bits(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Bits of a random length, with a sign. */
static int64_t random_int64(void)
{
	return (int64_t)random_bits() >> (random_bits() % 64);
}

static void show(const pg_column *column, bool is_binary, const char *data, int length, char *out,
				 size_t size)
{
	pg_bytes value = {data, length};
	PGresult *res = pg_row_of(column, &value, 1, is_binary);
	char words[CX_PG_WORDS_MAX];
	struct ArrowArray array;
	cdbc_error *err = NULL;
	bool has_binary;
	cx_field field;

	cx_pg_field(column->oid, column->typmod, "c", column->numeric, column->arrays, words, &field,
				&has_binary);
	if (pg_decode(column, 1, res, is_binary, false, &array, &err))
		fail_msg("type %u: %s", column->oid, cdbc_error_message(err));
	pg_show(array.children[0], field.storage, field.item, field.type.scale, 0, out, size);
	array.release(&array);
	PQclear(res);
}

static void check(Oid oid, int typmod, const char *binary, int length)
{
	pg_column column = {oid, typmod, CDBC_NUMERIC_AUTO, CDBC_ARRAYS_LIST};
	char first[1024], second[1024];

	show(&column, true, binary, length, first, sizeof first);
	show(&column, false, first, (int)strlen(first), second, sizeof second);
	assert_string_equal(second, first);
}

static void check_64(Oid oid, int64_t number)
{
	uint64_t big = htobe64((uint64_t)number);

	check(oid, -1, (const char *)&big, 8);
}

static void check_32(Oid oid, int32_t number)
{
	uint32_t big = htobe32((uint32_t)number);

	check(oid, -1, (const char *)&big, 4);
}

static void numbers(void **unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t bits = random_bits();
		uint16_t small = htobe16((uint16_t)bits);

		check_64(20, random_int64());
		check_32(23, (int32_t)random_int64());
		check(21, -1, (const char *)&small, 2);
		check_64(701, (int64_t)bits);
		check_32(700, (int32_t)bits);
		check_32(26, (int32_t)bits);
	}
}

static void dates_and_times(void **unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t day = random_bits() % (2451545u + 2145031948u);
		int64_t us = random_int64() / 2;

		check_32(1082, (int32_t)((int64_t)day - 2451545));
		check_64(1083, (int64_t)(random_bits() % (uint64_t)(DAY_US + 1)));
		check_64(1114, us);
		check_64(1184, us);
	}
}

static void intervals(void **unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		char binary[16];
		uint64_t us = htobe64((uint64_t)(random_int64() / 1000));
		uint32_t days = htobe32((uint32_t)random_int64()),
				 months = htobe32((uint32_t)random_int64());

		memcpy(binary, &us, 8);
		memcpy(binary + 8, &days, 4);
		memcpy(binary + 12, &months, 4);
		check(1186, -1, binary, 16);
	}
}

static void put16(char *at, int number)
{
	at[0] = (char)(number >> 8);
	at[1] = (char)number;
}

/* Digits anywhere near the point, and as many after it as are there. */
static void numerics(void **unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		char binary[8 + 2 * 12];
		int count = (int)(random_bits() % 10), weight = (int)(random_bits() % 12) - 4,
			after = 4 * (count - 1 - weight);

		put16(binary, count);
		put16(binary + 2, count ? weight : 0);
		put16(binary + 4, count && random_bits() % 2 ? 0x4000 : 0);
		put16(binary + 6, count && after > 0 ? after : (int)(random_bits() % 4));
		for (int k = 0; k < count; k++)
			put16(binary + 8 + 2 * k, 1 + (int)(random_bits() % 9999));
		check(1700, -1, binary, 8 + 2 * count);
		if (count <= 6 && weight < 4 && after <= 18)
			check(1700, NUMERIC(38, 18), binary, 8 + 2 * count);
	}
}

static void uuids(void **unused)
{
	for (int i = 0; i < 1000; i++) {
		uint64_t bits[2] = {random_bits(), random_bits()};

		check(2950, -1, (const char *)bits, 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),  cmocka_unit_test(dates_and_times), cmocka_unit_test(intervals),
		cmocka_unit_test(numerics), cmocka_unit_test(uuids),
	};

	return cmocka_run_group_tests_name("postgresql types, random", tests, NULL, NULL);
}
