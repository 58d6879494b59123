// SPDX-License-Identifier: Apache-2.0
/* Parameters: the bytes that each kind of value becomes for each type, and what is refused. */
#include "postgresql/types.h"

#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <cmocka.h>

/* Encodes and gives `text` or, for binary, hex after an x; NULL for NULL. */
static const char *encode(cdbc_value value, Oid oid)
{
	static char shown[512];
	cx_buf scratch = CX_BUF_INIT(1 << 20);
	cx_pg_param param;
	cdbc_error *err = NULL;
	const char *data;
	size_t n;

	if (cx_pg_encode(&value, oid, &param, &scratch, 1, &err)) {
		snprintf(shown, sizeof shown, "%s: %s", cdbc_status_name(cdbc_error_status(err)),
				 cdbc_error_message(err));
		cdbc_error_free(err);
		cx_buf_free(&scratch);
		return shown;
	}
	data = cx_pg_param_data(&param, &scratch);
	if (!data) {
		snprintf(shown, sizeof shown, "NULL");
	} else if (param.format == 0) {
		assert_int_equal(strlen(data), param.length);
		snprintf(shown, sizeof shown, "%s", data);
	} else {
		n = (size_t)snprintf(shown, sizeof shown, "x");
		for (int i = 0; i < param.length; i++)
			n += (size_t)snprintf(shown + n, sizeof shown - n, "%02x", (unsigned char)data[i]);
	}
	cx_buf_free(&scratch);
	return shown;
}

static void integers(void **unused)
{
	assert_string_equal(encode(cdbc_int64(-2), 21), "xfffe");
	assert_string_equal(encode(cdbc_int64(-2), 23), "xfffffffe");
	assert_string_equal(encode(cdbc_int64(-2), 20), "xfffffffffffffffe");
	assert_string_equal(encode(cdbc_int64(INT64_MIN), 20), "x8000000000000000");
	assert_string_equal(encode(cdbc_int64(4294967295), 26), "xffffffff");
	assert_string_equal(encode(cdbc_int64(3), 701), "x4008000000000000");
	assert_string_equal(encode(cdbc_int64(3), 700), "x40400000");
	assert_string_equal(encode(cdbc_int64(7), 25), "7");
	assert_string_equal(encode(cdbc_int64(INT64_MIN), 1700), "-9223372036854775808");
	assert_string_equal(encode(cdbc_int64(7), 0), "7");
	assert_string_equal(encode(cdbc_int64(7), 99999), "7");
	assert_string_equal(encode(cdbc_int64(32768), 21), "param: parameter $2: 32768 is not an int2");
	assert_string_equal(encode(cdbc_int64(-2147483649), 23),
						"param: parameter $2: -2147483649 is not an int4");
	assert_string_equal(encode(cdbc_int64(-1), 26), "param: parameter $2: -1 is not an oid");
	assert_string_equal(encode(cdbc_int64(9007199254740993), 701),
						"param: parameter $2: 9007199254740993 is not a float8");
	assert_string_equal(encode(cdbc_int64(INT64_MAX), 701),
						"param: parameter $2: 9223372036854775807 is not a float8");
	assert_string_equal(encode(cdbc_int64(16777217), 700),
						"param: parameter $2: 16777217 is not a float4");
	assert_string_equal(encode(cdbc_int64(1), 16), "param: parameter $2: 1 is not a bool");
	assert_string_equal(encode(cdbc_int64(1), 17), "param: parameter $2: 1 is not a bytea");
	assert_string_equal(encode(cdbc_int64(1), 1016), "param: parameter $2: 1 is not an int8[]");
}

static void doubles(void **unused)
{
	assert_string_equal(encode(cdbc_double(1.5), 701), "x3ff8000000000000");
	assert_string_equal(encode(cdbc_double(0.1), 700), "x3dcccccd");
	assert_string_equal(encode(cdbc_double(3), 20), "x0000000000000003");
	assert_string_equal(encode(cdbc_double(-0.0), 20), "x0000000000000000");
	assert_string_equal(encode(cdbc_double(0.1), 1700), "0.1");
	assert_string_equal(encode(cdbc_double((double)NAN), 1700), "NaN");
	assert_string_equal(encode(cdbc_double(-1.7976931348623157e308), 25),
						"-1.7976931348623157e+308");
	assert_string_equal(encode(cdbc_double(1.5), 20), "param: parameter $2: 1.5 is not an int8");
	assert_string_equal(encode(cdbc_double(1e19), 20), "param: parameter $2: 1e+19 is not an int8");
	assert_string_equal(encode(cdbc_double((double)NAN), 20),
						"param: parameter $2: NaN is not an int8");
	assert_string_equal(encode(cdbc_double(70000), 21),
						"param: parameter $2: 70000 is not an int2");
	assert_string_equal(encode(cdbc_double(1e39), 700),
						"param: parameter $2: 1e+39 is not a float4");
	assert_string_equal(encode(cdbc_double(1e-60), 700),
						"param: parameter $2: 1e-60 is not a float4");
	assert_string_equal(encode(cdbc_double(1), 16), "param: parameter $2: 1 is not a bool");
}

static void booleans(void **unused)
{
	assert_string_equal(encode(cdbc_bool(true), 16), "x01");
	assert_string_equal(encode(cdbc_bool(false), 16), "x00");
	assert_string_equal(encode(cdbc_bool(true), 0), "true");
	assert_string_equal(encode(cdbc_bool(false), 25), "false");
	assert_string_equal(encode(cdbc_bool(true), 20), "param: parameter $2: true is not an int8");
}

static void texts_and_bytes(void **unused)
{
	assert_string_equal(encode(cdbc_null(), 20), "NULL");
	assert_string_equal(encode(cdbc_string("ab"), 25), "x6162");
	assert_string_equal(encode(cdbc_string("ab"), 1043), "x6162");
	assert_string_equal(encode(cdbc_text_n("abc", 2), 0), "ab");
	assert_string_equal(encode(cdbc_string(""), 25), "x");
	assert_string_equal(encode(cdbc_string("2024-02-29"), 1082), "2024-02-29");
	assert_string_equal(encode(cdbc_string("{\"a\":1}"), 3802), "{\"a\":1}");
	assert_string_equal(encode(cdbc_string("12"), 20), "12");
	assert_string_equal(encode(cdbc_text_n("a\0b", 3), 25),
						"param: parameter $2: the text has a NUL byte");
	assert_string_equal(encode(cdbc_string("a\xff"), 25),
						"param: parameter $2: the text is not valid UTF-8");
	assert_string_equal(encode(cdbc_bytes("\0\xff", 2), 17), "x00ff");
	assert_string_equal(encode(cdbc_bytes("\0\xff", 2), 0), "\\x00ff");
	assert_string_equal(encode(cdbc_bytes("0123456789abcdef", 16), 2950),
						"x30313233343536373839616263646566");
	assert_string_equal(encode(cdbc_bytes("\0", 1), 25),
						"param: parameter $2: a value of bytes is not a text");
	assert_string_equal(encode(cdbc_bytes("\0", 1), 2950),
						"param: parameter $2: a value of bytes is not a uuid");
}

static void arrays_in_binary(void **unused)
{
	cdbc_value numbers[] = {cdbc_int64(1), cdbc_null()},
			   texts[] = {cdbc_string("a"), cdbc_string("")}, flags[] = {cdbc_bool(true)};
	cdbc_value uuids[] = {cdbc_string("acde070d-8c4c-4f0d-9d8a-162843c10333")},
			   bytes[] = {cdbc_bytes("\0", 1)};

	assert_string_equal(encode(cdbc_array(numbers, 2), 1016), "x000000010000000100000014"
															  "0000000200000001"
															  "000000080000000000000001ffffffff");
	assert_string_equal(encode(cdbc_array(numbers, 1), 1007), "x000000010000000000000017"
															  "0000000100000001"
															  "0000000400000001");
	assert_string_equal(encode(cdbc_array(numbers, 1), 1022), "x0000000100000000000002bd"
															  "0000000100000001"
															  "000000083ff0000000000000");
	assert_string_equal(encode(cdbc_array(texts, 2), 1009), "x000000010000000000000019"
															"0000000200000001"
															"000000016100000000");
	assert_string_equal(encode(cdbc_array(flags, 1), 1000), "x000000010000000000000010"
															"0000000100000001"
															"0000000101");
	assert_string_equal(encode(cdbc_array(uuids, 1), 2951),
						"x000000010000000000000b86"
						"0000000100000001"
						"00000010acde070d8c4c4f0d9d8a162843c10333");
	assert_string_equal(encode(cdbc_array(bytes, 1), 1001), "x000000010000000000000011"
															"0000000100000001"
															"0000000100");
	assert_string_equal(encode(cdbc_array(NULL, 0), 1016), "x000000000000000000000014");
}

/* What its last item is decides for the whole array. */
static void arrays_are_refused_whole(void **unused)
{
	cdbc_value numbers[] = {cdbc_int64(1), cdbc_int64(INT32_MAX), cdbc_int64(INT64_C(2147483648))},
			   mixed[] = {cdbc_int64(7), cdbc_null(), cdbc_string("12")},
			   texts[] = {cdbc_string("a"), cdbc_string("\xc3\xa4"), cdbc_string("12345678\xff")};

	assert_string_equal(encode(cdbc_array(numbers, 3), 1007),
						"param: parameter $2: 2147483648 is not an int4");
	assert_string_equal(encode(cdbc_array(numbers, 3), 1231), "{1,2147483647,2147483648}");
	assert_string_equal(encode(cdbc_array(numbers, 2), 1007), "x000000010000000000000017"
															  "0000000200000001"
															  "0000000400000001000000047fffffff");
	assert_string_equal(encode(cdbc_array(mixed, 3), 1016), "{7,NULL,\"12\"}");
	assert_string_equal(encode(cdbc_array(mixed, 3), 1009), "{7,NULL,\"12\"}");
	assert_string_equal(encode(cdbc_array(texts, 2), 1009), "x000000010000000000000019"
															"0000000200000001"
															"000000016100000002c3a4");
	assert_string_equal(encode(cdbc_array(texts, 3), 1009),
						"param: parameter $2: the text is not valid UTF-8");
	assert_string_equal(encode(cdbc_array(texts, 3), 1182),
						"param: parameter $2: the text is not valid UTF-8");
}

static void arrays_in_text(void **unused)
{
	cdbc_value mixed[] = {cdbc_string("a\"b\\c,{}"), cdbc_null(),     cdbc_string("NULL"),
						  cdbc_bytes("\0", 1),       cdbc_bool(true), cdbc_double(1.5)};
	cdbc_value inner[] = {cdbc_int64(1), cdbc_int64(2)},
			   outer[] = {cdbc_array(inner, 2), cdbc_array(inner, 2)}, deep = cdbc_array(NULL, 0);
	cdbc_value deeper[8], wrong[] = {cdbc_double(1.5)},
						  uuid[] = {cdbc_bytes("0123456789abcdef", 16), cdbc_string("?")},
						  dates[] = {cdbc_string("2024-02-29")};

	assert_string_equal(encode(cdbc_array(mixed, 6), 0),
						"{\"a\\\"b\\\\c,{}\",NULL,\"NULL\",\"\\\\x00\",true,1.5}");
	assert_string_equal(encode(cdbc_array(outer, 2), 1016), "{{1,2},{1,2}}");
	assert_string_equal(encode(cdbc_array(dates, 1), 1182), "{\"2024-02-29\"}");
	assert_string_equal(encode(cdbc_array(uuid, 2), 2951),
						"{30313233-3435-3637-3839-616263646566,\"?\"}");
	assert_string_equal(encode(cdbc_array(inner, 2), 1231), "{1,2}");
	assert_string_equal(encode(cdbc_array(wrong, 1), 1016),
						"param: parameter $2: 1.5 is not an int8");
	assert_string_equal(encode(cdbc_array(inner, 2), 20),
						"param: parameter $2: an array is not an int8");
	assert_string_equal(encode(cdbc_array(inner, 2), 3802),
						"param: parameter $2: an array is not a jsonb");
	mixed[0] = cdbc_text_n("a\0", 2);
	assert_string_equal(encode(cdbc_array(mixed, 6), 0),
						"param: parameter $2: the text has a NUL byte");
	for (int i = 0; i < 8; i++) {
		deeper[i] = deep;
		deep = cdbc_array(&deeper[i], 1);
	}
	assert_string_equal(encode(deep, 0), "param: parameter $2: over 6 arrays in each other");
}

static cdbc_status encode_much(void *data, cdbc_error **err)
{
	cdbc_value items[] = {
		cdbc_string("a text"), cdbc_null(),
		cdbc_string("another one, longer than a small buffer would hold at first")};
	cdbc_value values[] = {cdbc_int64(7), cdbc_string("x"), cdbc_array(items, 3),
						   cdbc_double(1e300), cdbc_array(items, 3)};
	static const Oid oids[] = {20, 25, 1009, 1700, 0};
	cx_buf scratch = CX_BUF_INIT(1 << 20);
	cdbc_status status = CDBC_OK;
	cx_pg_param params[5];

	for (size_t i = 0; !status && i < 5; i++)
		status = cx_pg_encode(&values[i], oids[i], &params[i], &scratch, i, err);
	if (!status)
		assert_string_equal(cx_pg_param_data(&params[3], &scratch), "1e+300");
	cx_buf_free(&scratch);
	return status;
}

static void survives_without_memory(void **unused)
{
	assert_true(oom_run(encode_much, NULL) >= 2);
}

static void a_full_scratch_is_said(void **unused)
{
	cx_buf scratch = CX_BUF_INIT(8);
	cdbc_value value = cdbc_string("2024-02-29 12:00:00");
	cx_pg_param param;

	assert_int_equal(cx_pg_encode(&value, 1114, &param, &scratch, 0, NULL), CDBC_RESOURCE);
	cx_buf_free(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),
		cmocka_unit_test(doubles),
		cmocka_unit_test(booleans),
		cmocka_unit_test(texts_and_bytes),
		cmocka_unit_test(arrays_in_binary),
		cmocka_unit_test(arrays_are_refused_whole),
		cmocka_unit_test(arrays_in_text),
		cmocka_unit_test(survives_without_memory),
		cmocka_unit_test(a_full_scratch_is_said),
	};

	return cmocka_run_group_tests_name("postgresql parameters", tests, NULL, NULL);
}
