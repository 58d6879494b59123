// SPDX-License-Identifier: Apache-2.0
/* Parameters, several requests, and allocation failure: what the suite of all drivers
 * (tests/contract) does not ask. */
#include "sqlite_helper.h"

#include "support/oom.h"

#include <math.h>

static cdbc_status run_with(void *conn, const char *sql, const cdbc_value *values, size_t count,
							struct ArrowArray *first, cdbc_error **err)
{
	cdbc_request r = request_of(sql);

	r.values = values;
	r.value_count = count;
	return run_request(conn, &r, NULL, first, NULL, err);
}

static cdbc_value typed(cdbc_value v, cdbc_type_id id)
{
	v.type.id = id;
	return v;
}

static void expect_bound(void *conn, cdbc_value value, const char *shown)
{
	struct ArrowArray a;

	assert_int_equal(run_with(conn, "select typeof(?1) || ' ' || quote(?1)", &value, 1, &a, NULL),
					 CDBC_OK);
	assert_int_equal(((const int32_t *)a.children[0]->buffers[1])[1], strlen(shown));
	assert_memory_equal(a.children[0]->buffers[2], shown, strlen(shown));
	a.release(&a);
}

static void test_values_by_type(void **state)
{
	void *conn = open_memory();
	cdbc_value items[] = {cdbc_int64(1), cdbc_string("a\"\n"), cdbc_null(), cdbc_double(0.5),
						  cdbc_bool(true)};

	expect_bound(conn, cdbc_string("12"), "text '12'");
	expect_bound(conn, typed(cdbc_string("12"), CDBC_TYPE_INT4), "integer 12");
	expect_bound(conn, typed(cdbc_string("12"), CDBC_TYPE_FLOAT8), "real 12.0");
	expect_bound(conn, typed(cdbc_int64(12), CDBC_TYPE_FLOAT8), "real 12.0");
	expect_bound(conn, typed(cdbc_string("12"), CDBC_TYPE_NUMERIC), "integer 12");
	expect_bound(conn, typed(cdbc_string("12.50"), CDBC_TYPE_NUMERIC), "real 12.5");
	expect_bound(conn, typed(cdbc_string("12345678901234567890.5"), CDBC_TYPE_NUMERIC),
				 "text '12345678901234567890.5'");
	expect_bound(conn, typed(cdbc_string("TRUE"), CDBC_TYPE_BOOL), "integer 1");
	expect_bound(conn, typed(cdbc_string("\\x00fF"), CDBC_TYPE_BYTES), "blob X'00FF'");
	expect_bound(conn, cdbc_bytes("", 0), "blob X''");
	expect_bound(conn, typed(cdbc_string("2024-02-29"), CDBC_TYPE_DATE), "text '2024-02-29'");
	expect_bound(conn, cdbc_array(items, 5), "text '[1,\"a\\\"\\u000a\",null,0.5,true]'");
	expect_bound(conn, cdbc_array(NULL, 0), "text '[]'");
	DRIVER->close(conn);
}

static void test_values_refused(void **state)
{
	const struct {
		cdbc_value value;
		const char *message;
	} rows[] = {
		{typed(cdbc_string("1x"), CDBC_TYPE_INT8), "parameter 1: \"1x\" is not a valid int8"},
		{typed(cdbc_string("0x10"), CDBC_TYPE_FLOAT8),
		 "parameter 1: \"0x10\" is not a valid float8"},
		{typed(cdbc_string(""), CDBC_TYPE_NUMERIC), "parameter 1: \"\" is not a valid numeric"},
		{typed(cdbc_string("maybe"), CDBC_TYPE_BOOL), "parameter 1: \"maybe\" is not a valid bool"},
		{typed(cdbc_string("\\x0"), CDBC_TYPE_BYTES), "parameter 1: \"\\x0\" is not a valid bytea"},
		{cdbc_double((double)NAN), "parameter 1: SQLite cannot hold NaN, it would become NULL"},
		{cdbc_string("a\xff"), "parameter 1: byte 2 is not valid UTF-8"},
		{cdbc_text_n("a\0b", 3), "parameter 1: a text cannot hold a NUL byte"},
	};
	void *conn = open_memory();

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_error *err = NULL;

		assert_int_equal(run_with(conn, "select ?1", &rows[i].value, 1, NULL, &err), CDBC_PARAM);
		assert_string_equal(cdbc_error_message(err), rows[i].message);
		cdbc_error_free(err);
	}
	run(conn, "select 1");
	DRIVER->close(conn);
}

static int64_t count_rows(void *conn)
{
	cdbc_request r = request_of("select count(*) from t");
	struct ArrowArray a;
	int64_t n;

	assert_int_equal(run_request(conn, &r, NULL, &a, NULL, NULL), CDBC_OK);
	n = ((const int64_t *)a.children[0]->buffers[1])[0];
	a.release(&a);
	return n;
}

/* Runs a text of several statements, result by result, and closes after so many. */
static cdbc_status run_text(void *conn, const char *sql, int results)
{
	cdbc_request r = request_of(sql);
	const struct ArrowSchema *schema;
	bool has_result = true;
	void *cursor;
	cdbc_status status = CDBC_OK;

	r.flags = CDBC_REQUEST_SIMPLE;
	assert_int_equal(DRIVER->submit(conn, &r, 1, CDBC_ONE_SYNC, CX_NEVER, &cursor, NULL, NULL),
					 CDBC_OK);
	for (int i = 0; i < results && !status && has_result; i++)
		status = DRIVER->next_result(cursor, CX_NEVER, &schema, &has_result, NULL);
	DRIVER->cursor_close(cursor, CX_NEVER);
	return status;
}

static void test_text_is_one_transaction(void **state)
{
	void *conn = open_memory();

	assert_int_equal(
		run_text(conn, "create table t (a int primary key); insert into t values (1);", 9),
		CDBC_OK);
	assert_int_equal(count_rows(conn), 1);
	assert_int_equal(
		run_text(conn,
				 "insert into t values (2); insert into t values (1); insert into t values (3)", 9),
		CDBC_SQL);
	assert_int_equal(count_rows(conn), 1);
	assert_int_equal(run_text(conn, "insert into t values (2); insert into t values (3)", 1),
					 CDBC_OK);
	assert_int_equal(count_rows(conn), 1); /* not read to its end: undone */
	assert_int_equal(
		run_text(conn, "begin; insert into t values (4); commit; insert into t values (1)", 9),
		CDBC_SQL);
	assert_int_equal(count_rows(conn), 2);
	assert_int_equal(run_text(conn, "insert into t values (5); begin; insert into t values (6)", 9),
					 CDBC_OK);
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_OPEN);
	run(conn, "rollback");
	assert_int_equal(count_rows(conn), 2);
	assert_int_equal(run_text(conn, " -- nothing\n", 9), CDBC_OK);
	DRIVER->close(conn);
}

/* A commit that fails is over: nothing stays open behind it. */
static void test_commit_fails(void **state)
{
	void *conn = open_memory();
	cdbc_request r = request_of("commit");
	cdbc_error *err = NULL;

	run(conn, "create table t (a int primary key)");
	run(conn, "create table c (a int references t (a) deferrable initially deferred)");
	run(conn, "begin");
	run(conn, "insert into c values (1)");
	assert_int_equal(run_request(conn, &r, NULL, NULL, NULL, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "23503");
	cdbc_error_free(err);
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_IDLE);
	DRIVER->close(conn);
}

/* ---- allocation failure
 * ------------------------------------------------------------------------------------- */

static cdbc_status oom_one(void *conn, const char *sql, uint64_t id, cdbc_error **err)
{
	static const cdbc_column_hint hint = {"a", {CDBC_TYPE_INT8, false, -1, -1}};
	cdbc_request r = request_of(sql);

	r.statement_id = id;
	r.columns = &hint;
	r.column_count = id ? 1 : 0;
	return run_request(conn, &r, NULL, NULL, NULL, err);
}

static cdbc_status oom_several(void *conn, cdbc_error **err)
{
	cdbc_value items[] = {cdbc_string("x"), cdbc_int64(2)};
	cdbc_value values[] = {cdbc_array(items, 2)};
	cdbc_request requests[] = {request_of("insert into t values (10, 'ten')"),
							   request_of("select ?1")};
	const struct ArrowSchema *schema;
	struct ArrowArray a;
	bool has_result = true;
	void *cursor;
	cdbc_status status;

	requests[1].values = values;
	requests[1].value_count = 1;
	status = DRIVER->submit(conn, requests, 2, CDBC_ONE_SYNC, CX_NEVER, &cursor, NULL, err);
	if (status)
		return status;
	while (!status && has_result) {
		status = DRIVER->next_result(cursor, CX_NEVER, &schema, &has_result, err);
		if (status || !has_result || !schema)
			continue;
		status = DRIVER->fetch(cursor, CX_NEVER, &a, err);
		if (!status && a.release)
			a.release(&a);
	}
	DRIVER->cursor_close(cursor, CX_NEVER);
	return status;
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	cdbc_setting items[] = {
		{"path", ":memory:"}, {"set.cache_size", "100"}, {"prepared_statements", "1"}};
	cdbc_settings settings = {
		.struct_size = sizeof settings, .scheme = "sqlite", .items = items, .count = 3};
	cdbc_request r = request_of("select b from t where a = ?1");
	cdbc_description *description = NULL;
	void *conn = NULL;
	cdbc_status status = DRIVER->open(&settings, CX_NEVER, &conn, err);

	if (status)
		return status;
	status = oom_one(conn, "create table t (a integer, b text)", 0, err);
	if (!status)
		status = oom_one(conn, "insert into t values (1, 'one'), (2, 'two')", 0, err);
	if (!status)
		status = oom_one(conn, "select a, b from t", 1, err);
	if (!status)
		status = oom_one(conn, "select a, count(*), null, 'text' || b from t group by a", 2, err);
	if (!status)
		status = oom_several(conn, err);
	if (!status)
		status = DRIVER->describe(conn, &r, CX_NEVER, &description, err);
	if (description)
		description->release(description);
	DRIVER->close(conn);
	return status;
}

static void test_out_of_memory(void **state)
{
	assert_true(oom_run(scenario, NULL) > 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_by_type),          cmocka_unit_test(test_values_refused),
		cmocka_unit_test(test_text_is_one_transaction), cmocka_unit_test(test_commit_fails),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
