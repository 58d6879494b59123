// SPDX-License-Identifier: Apache-2.0
/* The PostgreSQL driver against a real server: opening, statements, results, preparing, failures. */
#include "pg_fixture.h"

/* ---- opening ------------------------------------------------------------------------------------------------- */

static void opens_and_tells_facts(void **state)
{
	void *conn = pg_open();
	cdbc_value v;

	assert_int_equal(DRIVER->info(conn, CDBC_INFO_PRODUCT, &v, NULL), CDBC_OK);
	assert_string_equal(v.as.text.data, "PostgreSQL");
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_VERSION, &v, NULL), CDBC_OK);
	assert_true(v.as.text.data[0] >= '1' && v.as.text.data[0] <= '9' && !strchr(v.as.text.data, ' '));
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_HOST, &v, NULL), CDBC_OK);
	assert_non_null(strchr(v.as.text.data, ':'));
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_NODE_ID, &v, NULL), CDBC_OK);
	assert_int_equal(v.kind, CDBC_VALUE_NULL);
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_SERVER_PID, &v, NULL), CDBC_OK);
	assert_int_equal(v.as.int64, pg_int_of(conn, "select pg_backend_pid()::int8"));
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_IDLE);
	assert_int_equal(DRIVER->ping(conn, soon(), NULL), CDBC_OK);
	DRIVER->close(conn);
	DRIVER->close(NULL);
}

/* ---- results ------------------------------------------------------------------------------------------------- */

static void selects_whole_and_streamed(void **state)
{
	void *conn = pg_open();
	cdbc_value v = cdbc_int64(7);
	cdbc_request r = pg_request("select $1::int8 + 1", 11, &v, 1);

	for (int i = 0; i < 3; i++) {
		r.flags = i == 1 ? CDBC_REQUEST_SMALL_RESULT : 0;
		assert_int_equal(pg_int(conn, &r), 8);
	}
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_PREPARED_COUNT, &v, NULL), CDBC_OK);
	assert_int_equal(v.as.int64, 1);
	assert_int_equal(pg_run(conn, "select * from generate_series(1, 100000)", NULL), 100000);
	DRIVER->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_tells_facts),
		cmocka_unit_test(selects_whole_and_streamed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
