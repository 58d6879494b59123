// SPDX-License-Identifier: Apache-2.0
/* The CSV reader: the same rows wherever the input is cut, and what it refuses. */
#include "base/error.h"
#include "data/format/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static cdbc_status keep(void *self, const cdbc_value *values, size_t count, int64_t line,
						cdbc_error **err)
{
	cx_buf_putf(self, "%lld:", (long long)line);
	for (size_t i = 0; i < count; i++) {
		if (values[i].kind == CDBC_VALUE_NULL)
			cx_buf_puts(self, "NULL;");
		else
			cx_buf_putf(self, "[%.*s];", (int)values[i].as.text.length, values[i].as.text.data);
	}
	return CDBC_OK;
}

static cdbc_status read_cut(const char *text, size_t length, size_t cut, cx_buf *out,
							cdbc_error **err)
{
	cx_csv_reader reader;
	cdbc_status status;

	cx_buf_clear(out);
	cx_csv_reader_init(&reader, keep, out);
	status = cx_csv_reader_feed(&reader, text, cut, err);
	if (!status)
		status = cx_csv_reader_feed(&reader, text + cut, length - cut, err);
	if (!status)
		status = cx_csv_reader_end(&reader, err);
	cx_csv_reader_fini(&reader);
	return status;
}

static void cut_anywhere(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
							   "a,b\r\n1,\"x\"\"\n,y\"\n,\"\"\n\n\"\\.\",2";
	cx_buf out = CX_BUF_INIT(4096);

	for (size_t cut = 0; cut < sizeof text; cut++) {
		assert_int_equal(
			read_cut(text, sizeof text - 1, cut < sizeof text - 1 ? cut : 0, &out, NULL), CDBC_OK);
		assert_string_equal(out.data, "1:[a];[b];2:[1];[x\"\n,y];4:NULL;[];5:NULL;6:[\\.];[2];");
	}
	cx_buf_free(&out);
}

static void refuses(void **state)
{
	static const char *const rows[][2] = {
		{"a\nb\"c\n", "line 2: a quote inside a value that is not quoted"},
		{"a\n\"b\"c\n", "line 2: something stands between a closing quote and the comma"},
		{"\"a\nb", "line 1: a quote is not closed"},
		{"a\rb\n", "line 1: a carriage return inside a value that is not quoted"},
	};
	cx_buf out = CX_BUF_INIT(4096);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_error *err = NULL;

		assert_int_equal(read_cut(rows[i][0], strlen(rows[i][0]), 1, &out, &err), CDBC_DATA);
		assert_string_equal(cdbc_error_message(err), rows[i][1]);
		cdbc_error_free(err);
	}
	cx_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(cut_anywhere), cmocka_unit_test(refuses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
