// SPDX-License-Identifier: Apache-2.0
/* A line of the log stays one line with the fields it was given, whatever their texts hold. The
 * command's tests read such lines with a parser of JSON; this looks at the bytes. */
#include "service/observe/line.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *ended(cx_line *line)
{
	static char text[CX_SINK_LINE_MAX + 1];

	cx_line_end(line);
	assert_true(line->length <= CX_SINK_LINE_MAX);
	memcpy(text, line->text, line->length);
	text[line->length] = '\0';
	return text;
}

static void test_fields(void **state)
{
	cdbc_value items[2] = {cdbc_int64(1), cdbc_int64(2)};
	cdbc_value values[] = {cdbc_int64(-1), cdbc_string("a'b"), cdbc_null(), cdbc_bool(true),
						   cdbc_array(items, 2)};
	cx_line line;

	(void)state;
	cx_line_begin(&line, CX_LINE_JSON);
	cx_line_text(&line, "a", "b\"c\\d\n\r\t\x01\x7f=", 100);
	cx_line_text(&line, "none", NULL, 100);
	cx_line_int(&line, "i", -7);
	cx_line_ms(&line, "ms", 1234567);
	cx_line_hex(&line, "h", 0xabc);
	cx_line_bool(&line, "t", true);
	cx_line_values(&line, "v", values, 5, 100);
	assert_string_equal(ended(&line),
						"{\"a\":\"b\\\"c\\\\d\\n\\r\\t\\u0001\\u007f=\",\"i\":-7,\"ms\":1.234,"
						"\"h\":\"0000000000000abc\",\"t\":true,"
						"\"v\":\"-1, 'a'b', null, true, [1, 2]\"}\n");
	cx_line_begin(&line, CX_LINE_LOGFMT);
	cx_line_text(&line, "a", "plain", 100);
	cx_line_text(&line, "b", "two words", 100);
	cx_line_text(&line, "c", "x=1\nlevel=error", 100);
	cx_line_text(&line, "d", "", 100);
	cx_line_hex(&line, "h", 1);
	assert_string_equal(ended(&line), "a=plain b=\"two words\" c=\"x=1\\nlevel=error\" d=\"\" "
									  "h=0000000000000001\n");
}

static void test_bytes_that_are_no_text(void **state)
{
	cx_line line;

	(void)state;
	cx_line_begin(&line, CX_LINE_JSON);
	cx_line_text(&line, "a", "\xff\xc3(\xed\xa0\x80\xf0\x9f\x98\x80\xc3\xa9\xe2\x82", 100);
	cx_line_text(&line, "b",
				 "\xc2\x9b"
				 "31m",
				 100); /* a terminal takes it for an escape */
	assert_string_equal(ended(&line),
						"{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
						"\xf0\x9f\x98\x80\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\",\"b\":\"\\u009b31m\"}"
						"\n");
}

static void test_long_ones_are_cut(void **state)
{
	static char text[20000];
	cx_line line;
	const char *made;

	(void)state;
	for (int fill = 0; fill < 3; fill++) {
		memset(text, fill == 0 ? 'x' : fill == 1 ? '\1' : '\xc3', sizeof text - 1);
		for (size_t max = 0; max < 6000; max += 7) {
			cx_line_begin(&line, CX_LINE_JSON);
			cx_line_text(&line, "first", text, max);
			cx_line_text(&line, "second", text, max);
			cx_line_int(&line, "last", 1);
			made = ended(&line);
			assert_int_equal(made[0], '{');
			assert_string_equal(made + strlen(made) - 2, "}\n");
			assert_int_equal(strchr(made, '\n') - made, (long)strlen(made) - 1);
			assert_int_equal(cx_utf8_valid_prefix(made, strlen(made)), strlen(made));
			assert_true(max > 1900 || strstr(made, "\"last\":1"));
		}
	}
}

static void test_any_bytes(void **state)
{
	char text[64];
	uint64_t random = 3;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		cx_line_format format = i % 2 ? CX_LINE_JSON : CX_LINE_LOGFMT;
		const char *made;
		int quotes = 0;
		cx_line line;

		for (size_t k = 0; k < sizeof text - 1; k++) {
			random = random * UINT64_C(6364136223846793005) + 1;
			text[k] = (char)(random >> 56);
			if (!text[k])
				text[k] = '"';
		}
		text[sizeof text - 1] = '\0';
		cx_line_begin(&line, format);
		cx_line_text(&line, "a", text, 1000);
		cx_line_int(&line, "z", 1);
		made = ended(&line);
		assert_int_equal(cx_utf8_valid_prefix(made, strlen(made)), strlen(made));
		for (const char *at = made; *at && at[1]; at++) {
			assert_true((unsigned char)*at >= 0x20);
			if (*at == '\\')
				at++;
			else
				quotes += *at == '"';
		}
		assert_int_equal(quotes, format == CX_LINE_JSON ? 6 : 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_long_ones_are_cut),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
