// SPDX-License-Identifier: Apache-2.0
/* Drivers from shared objects: the example plug-in at work, and those that are no good. */
#include "infra/driver/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void runs_the_example(const cdbc_driver *driver)
{
	const cdbc_request request = {
		.struct_size = sizeof request, .sql = "select 'hello'", .sql_length = 14};
	const cdbc_settings settings = {.struct_size = sizeof settings, .scheme = "echo"};
	const struct ArrowSchema *schema = NULL;
	struct ArrowArray batch;
	void *conn, *cursor;
	bool has_result = false;

	assert_int_equal(driver->open(&settings, INT64_MAX, &conn, NULL), CDBC_OK);
	assert_int_equal(
		driver->submit(conn, &request, 1, CDBC_SYNC_EACH, INT64_MAX, &cursor, NULL, NULL), CDBC_OK);
	assert_true(driver->state(conn).is_busy);
	assert_int_equal(driver->next_result(cursor, INT64_MAX, &schema, &has_result, NULL), CDBC_OK);
	assert_true(has_result);
	assert_string_equal(schema->children[0]->name, "sql");
	assert_int_equal(driver->fetch(cursor, INT64_MAX, &batch, NULL), CDBC_OK);
	assert_int_equal(batch.length, 1);
	assert_memory_equal(batch.children[0]->buffers[2], "select 'hello'", 14);
	assert_int_equal(((const int32_t *)batch.children[0]->buffers[1])[1], 14);
	batch.release(&batch);
	assert_int_equal(driver->fetch(cursor, INT64_MAX, &batch, NULL), CDBC_OK);
	assert_null(batch.release);
	assert_int_equal(driver->summary(cursor)->position, CDBC_POSITION_DONE);
	assert_string_equal(driver->summary(cursor)->tag, "SELECT 1");
	assert_int_equal(driver->next_result(cursor, INT64_MAX, &schema, &has_result, NULL), CDBC_OK);
	assert_false(has_result);
	driver->cursor_close(cursor, INT64_MAX);
	assert_false(driver->state(conn).is_busy);
	driver->close(conn);
}

static void loads_the_example(void **state)
{
	static const cdbc_setting refuse[] = {{"refuse", "yes"}};
	const cdbc_settings settings = {
		.struct_size = sizeof settings, .scheme = "echo", .items = refuse, .count = 1};
	const cdbc_driver *driver = NULL;
	cdbc_error *err = NULL;
	void *conn;

	(void)state;
	assert_int_equal(cdbc_driver_load(ECHO_DRIVER, NULL), CDBC_OK);
	assert_int_equal(cx_driver_find("echo", &driver, NULL), CDBC_OK);
	assert_string_equal(driver->name, "echo");
	assert_null(driver->cancel);
	runs_the_example(driver);
	assert_int_equal(driver->open(&settings, INT64_MAX, &conn, &err), CDBC_CONNECT);
	assert_string_equal(cdbc_error_message(err), "echo: refused, as the setting says");
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cdbc_driver_load(ECHO_DRIVER, &err), CDBC_USAGE);
	assert_non_null(strstr(cdbc_error_message(err),
						   "add driver echo: the scheme \"echo:\" belongs to driver echo"));
	cdbc_error_free(err);
	cx_driver_forget_added();
}

static void is_no_good(const char *path, cdbc_status wanted, const char *part)
{
	cdbc_error *err = NULL;
	char start[1024] = "load driver ";

	assert_int_equal(cdbc_driver_load(path, &err), wanted);
	strncat(start, path, sizeof start - strlen(start) - 1);
	assert_int_equal(strncmp(cdbc_error_message(err), start, strlen(start)), 0);
	if (!strstr(cdbc_error_message(err), part))
		fail_msg("%s", cdbc_error_message(err));
	cdbc_error_free(err);
}

static void says_what_is_wrong(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	is_no_good("/nonexistent/driver.so", CDBC_CONFIG, "No such file");
	is_no_good("/dev/null", CDBC_CONFIG, "/dev/null");
	is_no_good(BAD_PLUGIN "1.so", CDBC_CONFIG, "cdbc_driver_init");
	is_no_good(BAD_PLUGIN "2.so", CDBC_UNSUPPORTED, "ABI 7 is wanted");
	is_no_good(BAD_PLUGIN "3.so", CDBC_CONFIG, "cdbc_driver_init gave no driver");
	is_no_good(BAD_PLUGIN "4.so", CDBC_USAGE, "add driver half: a required function");
	assert_int_equal(cdbc_driver_load("", &err), CDBC_USAGE);
	cdbc_error_free(err);
	assert_int_equal(cdbc_driver_load(NULL, NULL), CDBC_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(loads_the_example),
									   cmocka_unit_test(says_what_is_wrong)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
