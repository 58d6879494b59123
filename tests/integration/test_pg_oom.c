// SPDX-License-Identifier: Apache-2.0
/* The driver when allocation n fails: nothing is lost, and the connection stays sound or says that
 * it is not. */
#include "pg_fixture.h"

#include "infra/driver/registry.h"
#include "support/oom.h"

static cdbc_status read_all(void *conn, const cdbc_request *requests, size_t count,
							cdbc_error **err)
{
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	bool has_result = true;
	void *cursor = NULL;
	cdbc_status status =
		DRIVER->submit(conn, requests, count, CDBC_SYNC_EACH, soon(), &cursor, NULL, err);

	if (status)
		return status;
	while (!status && has_result) {
		status = DRIVER->next_result(cursor, soon(), &schema, &has_result, err);
		while (!status && has_result) {
			status = DRIVER->fetch(cursor, soon(), &batch, err);
			if (status || !batch.release)
				break;
			batch.release(&batch);
		}
	}
	DRIVER->cursor_close(cursor, soon());
	return status;
}

static cdbc_status copy_in(void *conn, cdbc_error **err)
{
	cdbc_request r = pg_request("copy o from stdin", 0, NULL, 0);
	cdbc_summary facts;
	void *copy;
	cdbc_status status = DRIVER->copy_begin(conn, &r, soon(), &copy, err);

	if (!status)
		status = DRIVER->copy_write(copy, "1\tx\n", 4, soon(), err);
	return status ? status : DRIVER->copy_end(copy, true, soon(), &facts, err);
}

static cdbc_status work(void *conn, cdbc_error **err)
{
	cdbc_value values[20], list = cdbc_array(values, 17);
	cdbc_request rs[6], many[20];
	cdbc_description *d;
	cdbc_status status;

	for (int i = 0; i < 20; i++)
		values[i] = cdbc_int64(i);
	rs[0] = pg_request("create temp table o (a int8, b text)", 0, NULL, 0);
	rs[0].kind = CDBC_KIND_DDL;
	rs[1] = pg_request("insert into o values ($1, 'x')", 1, values, 1);
	rs[2] =
		pg_request("select a, b, array[1,2]::int8[] from o, generate_series(1, 300)", 2, NULL, 0);
	rs[3] = pg_request("select $1::int8+$2+$3+$4+$5+$6+$7+$8+$9+$10+$11+$12+$13+$14+$15+$16+$17", 3,
					   values, 17);
	rs[4] = pg_request("select a from o", 0, NULL, 0);
	rs[5] = pg_request("show TimeZone", 0, NULL, 0);
	rs[5].kind = CDBC_KIND_UTILITY;
	for (int i = 0; i < 6; i++)
		if ((status = read_all(conn, &rs[i], 1, err)))
			return status;
	for (int i = 0; i < 20; i++) /* more than a connection has room for */
		many[i] = i % 2 ? rs[3] : pg_request("select cardinality($1::int8[])", 4, &list, 1);
	if ((status = read_all(conn, rs + 1, 5, err)) || (status = read_all(conn, many, 20, err)) ||
		(status = copy_in(conn, err)) || (status = DRIVER->ping(conn, soon(), err)))
		return status;
	if ((status = DRIVER->describe(conn, &rs[2], soon(), &d, err)))
		return status;
	d->release(d);
	return DRIVER->reset(conn, soon(), err);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	void *conn = NULL;
	cdbc_status status = DRIVER->open(data, soon(), &conn, err);

	if (status)
		return status;
	status = work(conn, err);
	/* What failed for lack of memory only, can be done once there is some. */
	if (status == CDBC_NOMEM && !DRIVER->state(conn).is_lost && !DRIVER->state(conn).is_busy)
		assert_int_equal(DRIVER->ping(conn, soon(), NULL), CDBC_OK);
	DRIVER->close(conn);
	return status;
}

static void survives_without_memory(void **state)
{
	pg_settings s;

	pg_not_on_cockroach(
		0, "hundreds of temporary tables would take minutes, and the code is the same");
	pg_settings_init(&s, "postgresql", NULL);
	cx_driver_host_init(&s.host, NULL); /* no threads */
	assert_true(oom_run(scenario, &s.settings) > 30);
	pg_settings_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
