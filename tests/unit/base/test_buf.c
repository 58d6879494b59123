// SPDX-License-Identifier: Apache-2.0
/* The bounded buffer: growing, its end, sticky failure, taking. */
#include "base/alloc.h"
#include "base/buf.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void grows(void **state)
{
	cx_buf b = CX_BUF_INIT(1 << 20);

	(void)state;
	for (int i = 0; i < 10000; i++)
		cx_buf_putc(&b, (char)('a' + i % 26));
	assert_int_equal(b.length, 10000);
	assert_int_equal(b.data[10000], 0);
	assert_int_equal(b.data[9999], 'a' + 9999 % 26);
	assert_int_equal(cx_buf_status(&b, "text", NULL), CDBC_OK);
	cx_buf_clear(&b);
	assert_int_equal(b.length, 0);
	assert_string_equal(b.data, "");
	cx_buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.max, 1 << 20);
}

static void formats(void **state)
{
	cx_buf b = CX_BUF_INIT(1 << 20);

	(void)state;
	cx_buf_putf(&b, "%d-%s", 42, "x");
	assert_string_equal(b.data, "42-x");
	cx_buf_clear(&b);
	cx_buf_putf(&b, "%500d|", 7); /* longer than its small room */
	assert_int_equal(b.length, 501);
	assert_string_equal(b.data + 498, " 7|");
	cx_buf_clear(&b);
	cx_buf_put_int64(&b, 0);
	cx_buf_putc(&b, ' ');
	cx_buf_put_int64(&b, -1);
	cx_buf_putc(&b, ' ');
	cx_buf_put_int64(&b, INT64_MAX);
	cx_buf_putc(&b, ' ');
	cx_buf_put_int64(&b, INT64_MIN);
	assert_string_equal(b.data, "0 -1 9223372036854775807 -9223372036854775808");
	cx_buf_put(&b, NULL, 0);
	cx_buf_free(&b);
}

static void stops_at_its_end_and_stays_stopped(void **state)
{
	cx_buf b = CX_BUF_INIT(10);
	cdbc_error *err = NULL;

	(void)state;
	cx_buf_puts(&b, "0123456789");
	assert_int_equal(cx_buf_status(&b, "name", NULL), CDBC_OK);
	cx_buf_putc(&b, 'x');
	assert_int_equal(b.length, 10);
	assert_int_equal(cx_buf_status(&b, "name", &err), CDBC_RESOURCE);
	assert_string_equal(cdbc_error_message(err), "name is longer than 10 bytes");
	cdbc_error_free(err);
	cx_buf_put(&b, "", 0);
	cx_buf_putf(&b, "%s", "more");
	assert_string_equal(b.data, "0123456789");
	assert_null(cx_buf_take(&b));
	cx_buf_puts(&b, "again");
	assert_string_equal(b.data, "again");
	cx_buf_putf(&b, "%300d", 1);
	assert_int_equal(cx_buf_status(&b, "name", NULL), CDBC_RESOURCE);
	cx_buf_clear(&b);
	assert_int_equal(cx_buf_status(&b, "name", NULL), CDBC_OK);
	assert_false(cx_buf_reserve(&b, SIZE_MAX));
	cx_buf_free(&b);
}

static void gives_its_memory_away(void **state)
{
	cx_buf b = CX_BUF_INIT(100);
	char *text;

	(void)state;
	text = cx_buf_take(&b);
	assert_string_equal(text, "");
	cx_free(text);
	cx_buf_puts(&b, "hello");
	text = cx_buf_take(&b);
	assert_string_equal(text, "hello");
	assert_null(b.data);
	cx_free(text);
	cx_buf_free(&b);
}

static cdbc_status fill(void *data, cdbc_error **err)
{
	cx_buf b = CX_BUF_INIT(1 << 20);
	cdbc_status status;

	(void)data;
	for (int i = 0; i < 100; i++)
		cx_buf_putf(&b, "%300d", i);
	status = cx_buf_status(&b, "text", err);
	assert_true(status || b.length == 30000);
	cx_buf_free(&b);
	return status;
}

static void survives_a_lack_of_memory(void **state)
{
	(void)state;
	assert_true(oom_run(fill, NULL) >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(formats),
		cmocka_unit_test(stops_at_its_end_and_stays_stopped),
		cmocka_unit_test(gives_its_memory_away),
		cmocka_unit_test(survives_a_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
