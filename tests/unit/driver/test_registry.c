// SPDX-License-Identifier: Apache-2.0
/* The table of drivers: finding, adding, clashes, older and newer structs, the host table. */
#include "base/clock.h"
#include "base/error.h"
#include "infra/driver/registry.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static cdbc_status no_open(const cdbc_settings *s, int64_t d, void **c, cdbc_error **e)
{
	(void)s, (void)d, (void)c, (void)e;
	return CDBC_CONNECT;
}

static void no_close(void *c)
{
	(void)c;
}

static cdbc_conn_state no_state(void *c)
{
	(void)c;
	return (cdbc_conn_state){CDBC_TX_IDLE, true, false};
}

static cdbc_status no_info(void *c, cdbc_info_id i, cdbc_value *o, cdbc_error **e)
{
	(void)c, (void)i, (void)o, (void)e;
	return CDBC_UNSUPPORTED;
}

static cdbc_status no_ping(void *c, int64_t d, cdbc_error **e)
{
	(void)c, (void)d, (void)e;
	return CDBC_UNSUPPORTED;
}

static cdbc_status no_describe(void *c, const cdbc_request *r, int64_t d, cdbc_description **o,
							   cdbc_error **e)
{
	(void)c, (void)r, (void)d, (void)o, (void)e;
	return CDBC_UNSUPPORTED;
}

static cdbc_status no_submit(void *c, const cdbc_request *r, size_t n, cdbc_sync s, int64_t d,
							 void **k, cdbc_summary *f, cdbc_error **e)
{
	(void)c, (void)r, (void)n, (void)s, (void)d, (void)k, (void)f, (void)e;
	return CDBC_UNSUPPORTED;
}

static cdbc_status no_next(void *k, int64_t d, const struct ArrowSchema **s, bool *h,
						   cdbc_error **e)
{
	(void)k, (void)d, (void)s, (void)h, (void)e;
	return CDBC_UNSUPPORTED;
}

static cdbc_status no_fetch(void *k, int64_t d, struct ArrowArray *o, cdbc_error **e)
{
	(void)k, (void)d, (void)o, (void)e;
	return CDBC_UNSUPPORTED;
}

static const cdbc_summary *no_summary(void *k)
{
	(void)k;
	return NULL;
}

static void no_cursor_close(void *k, int64_t d)
{
	(void)k, (void)d;
}

static cdbc_driver whole(const char *schemes)
{
	return (cdbc_driver){
		.struct_size = sizeof(cdbc_driver),
		.name = "whole",
		.schemes = schemes,
		.open = no_open,
		.close = no_close,
		.state = no_state,
		.info = no_info,
		.ping = no_ping,
		.reset = no_ping,
		.describe = no_describe,
		.submit = no_submit,
		.next_result = no_next,
		.fetch = no_fetch,
		.summary = no_summary,
		.cursor_close = no_cursor_close,
		.cancel = no_ping,
	};
}

static int forget(void **state)
{
	(void)state;
	cx_driver_forget_added();
	return 0;
}

static void finds_the_built_in_ones(void **state)
{
	const cdbc_driver *driver = NULL;

	(void)state;
	assert_int_equal(cx_driver_find("postgresql", &driver, NULL), CDBC_OK);
	assert_string_equal(driver->name, "postgresql");
	assert_int_equal(cx_driver_find("postgres", &driver, NULL), CDBC_OK);
	assert_int_equal(cx_driver_find("cockroachdb", &driver, NULL), CDBC_OK);
}

static void names_the_known_ones(void **state)
{
	const cdbc_driver *driver = NULL;
	cdbc_driver mine = whole("mine other");
	cdbc_error *err = NULL;

	(void)state;
	assert_int_equal(cdbc_driver_add(&mine, NULL), CDBC_OK);
	assert_int_equal(cx_driver_find("oracle", &driver, &err), CDBC_CONFIG);
	assert_string_equal(cdbc_error_message(err), "no driver for \"oracle:\"");
	assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_HINT),
						   "known are postgresql:, postgres:, cockroachdb:"));
	assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_HINT), ", mine:, other:"));
	assert_null(driver);
	cdbc_error_free(err);
	assert_int_equal(cx_driver_find("min", &driver, NULL), CDBC_CONFIG);
	assert_int_equal(cx_driver_find("mine other", &driver, NULL), CDBC_CONFIG);
	assert_int_equal(cx_driver_find("", &driver, NULL), CDBC_CONFIG);
	assert_int_equal(cx_driver_find(NULL, &driver, NULL), CDBC_USAGE);
	assert_int_equal(cx_driver_find("other", &driver, NULL), CDBC_OK);
	assert_int_equal(driver->open(NULL, 0, NULL, NULL), CDBC_CONNECT);
}

static void refuses_a_scheme_that_is_taken(void **state)
{
	cdbc_driver first = whole("first"), second = whole("second first"), third = whole("postgres");
	const cdbc_driver *driver;
	cdbc_error *err = NULL;

	(void)state;
	second.name = "second";
	assert_int_equal(cdbc_driver_add(&first, NULL), CDBC_OK);
	assert_int_equal(cdbc_driver_add(&second, &err), CDBC_USAGE);
	assert_string_equal(cdbc_error_message(err),
						"add driver second: the scheme \"first:\" belongs to driver whole");
	cdbc_error_free(err);
	assert_int_equal(cx_driver_find("second", &driver, NULL), CDBC_CONFIG);
	assert_int_equal(cdbc_driver_add(&third, NULL), CDBC_USAGE);
}

static void refused(const cdbc_driver *driver, const char *message)
{
	cdbc_error *err = NULL;

	assert_int_equal(cdbc_driver_add(driver, &err), CDBC_USAGE);
	assert_string_equal(cdbc_error_message(err), message);
	cdbc_error_free(err);
}

static void refuses_what_is_no_driver(void **state)
{
	cdbc_driver d;

	(void)state;
	refused(NULL, "add driver: it is NULL");
	d = whole("x");
	d.struct_size = 16;
	refused(&d, "add driver: its struct_size of 16 ends before cursor_close");
	d = whole("x");
	d.name = "";
	refused(&d, "add driver: it has no name");
	d = whole("  ");
	refused(&d, "add driver whole: it has no schemes");
	d = whole("x Y:z");
	refused(&d, "add driver whole: \"Y:z\" is no scheme: lower case letters, digits, + - . only");
	d = whole("x");
	d.fetch = NULL;
	refused(&d, "add driver whole: a required function (open to cursor_close) is NULL");
}

static void an_older_driver_lacks_what_came_later(void **state)
{
	cdbc_driver old = whole("old");
	const cdbc_driver *found;

	(void)state;
	old.struct_size = offsetof(cdbc_driver, copy_begin);
	assert_int_equal(cdbc_driver_add(&old, NULL), CDBC_OK);
	assert_int_equal(cx_driver_find("old", &found, NULL), CDBC_OK);
	assert_ptr_equal(found->cursor_close, no_cursor_close);
	assert_null(found->cancel); /* it is there in memory, but not by struct_size */
	assert_int_equal(found->struct_size, sizeof *found);
}

static void a_newer_driver_is_cut(void **state)
{
	struct {
		cdbc_driver driver;
		void *later[4];
	} newer = {.driver = whole("newer")};
	const cdbc_driver *found;

	(void)state;
	newer.driver.struct_size = sizeof newer;
	assert_int_equal(cdbc_driver_add(&newer.driver, NULL), CDBC_OK);
	assert_int_equal(cx_driver_find("newer", &found, NULL), CDBC_OK);
	assert_int_equal(found->struct_size, sizeof *found);
	assert_ptr_equal(found->cancel, no_ping);
}

static cdbc_status add_and_miss(void *data, cdbc_error **err)
{
	cdbc_driver d = whole("mem");
	const cdbc_driver *found;
	cdbc_status status = cdbc_driver_add(&d, err);

	(void)data;
	if (!status && cx_driver_find("nothing", &found, err) != CDBC_CONFIG)
		status = CDBC_NOMEM;
	cx_driver_forget_added();
	if (!status && cdbc_error_status(*err) == CDBC_NOMEM)
		status = CDBC_NOMEM;
	return status;
}

static void survives_a_lack_of_memory(void **state)
{
	(void)state;
	assert_true(oom_run(add_and_miss, NULL) >= 5);
}

static void set_true(void *data)
{
	*(bool *)data = true;
}

static void the_host_table_serves(void **state)
{
	cdbc_error_info info = {.struct_size = sizeof info,
							.status = CDBC_SQL,
							.message = "no",
							.sqlstate = "42601",
							.host = "db1"};
	cdbc_driver_host host;
	cdbc_error *err = NULL;
	cx_helpers *helpers;
	bool has_run = false;
	void *block;

	(void)state;
	cx_driver_host_init(&host, NULL);
	assert_int_equal(host.struct_size, sizeof host);
	block = host.allocator.alloc(8);
	host.allocator.free(block);
	assert_int_equal(host.error_set(&err, &info), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "42601");
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HOST), "db1");
	cdbc_error_free(err);
	info.struct_size = offsetof(cdbc_error_info, host); /* an older one has no host */
	assert_int_equal(host.error_set(&err, &info), CDBC_SQL);
	assert_null(cdbc_error_field(err, CDBC_FIELD_HOST));
	cdbc_error_free(err);
	assert_true(host.now_ns() <= cx_clock_now_ns());
	assert_int_equal(host.run_blocking(&host, set_true, NULL, &has_run, 0, NULL), CDBC_OK);
	assert_true(has_run);

	assert_int_equal(cx_helpers_new(1, 1, &helpers, NULL), CDBC_OK);
	cx_driver_host_init(&host, helpers);
	has_run = false;
	assert_int_equal(host.run_blocking(&host, set_true, NULL, &has_run, CX_NEVER, NULL), CDBC_OK);
	assert_true(has_run);
	cx_helpers_free(helpers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_built_in_ones),
		cmocka_unit_test_teardown(names_the_known_ones, forget),
		cmocka_unit_test_teardown(refuses_a_scheme_that_is_taken, forget),
		cmocka_unit_test_teardown(refuses_what_is_no_driver, forget),
		cmocka_unit_test_teardown(an_older_driver_lacks_what_came_later, forget),
		cmocka_unit_test_teardown(a_newer_driver_is_cut, forget),
		cmocka_unit_test(survives_a_lack_of_memory),
		cmocka_unit_test(the_host_table_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
