// SPDX-License-Identifier: Apache-2.0
/* Which type a column gets, and what happens to values that are not of it. */
#include "sqlite/internal.h"

#include "sqlite_helper.h"

static void test_declared(void **state)
{
	static const struct {
		const char *declared;
		cdbc_type_id id;
		int precision, scale;
	} rows[] = {
		{"INTEGER", CDBC_TYPE_INT8, -1, -1},
		{"bigint", CDBC_TYPE_INT8, -1, -1},
		{"int2", CDBC_TYPE_INT8, -1, -1},
		{"boolean", CDBC_TYPE_BOOL, -1, -1},
		{"double  precision", CDBC_TYPE_FLOAT8, -1, -1},
		{"real", CDBC_TYPE_FLOAT8, -1, -1},
		{"varchar(20)", CDBC_TYPE_TEXT, -1, -1},
		{"string", CDBC_TYPE_TEXT, -1, -1},
		{"blob", CDBC_TYPE_BYTES, -1, -1},
		{"bytea", CDBC_TYPE_BYTES, -1, -1},
		{"date", CDBC_TYPE_DATE, -1, -1},
		{"time", CDBC_TYPE_TIME, -1, -1},
		{"datetime", CDBC_TYPE_TIMESTAMP, -1, -1},
		{"timestamp (3)  with time zone", CDBC_TYPE_TIMESTAMPTZ, -1, -1},
		{"timestamptz", CDBC_TYPE_TIMESTAMPTZ, -1, -1},
		{"interval", CDBC_TYPE_INTERVAL, -1, -1},
		{"numeric", CDBC_TYPE_NUMERIC, -1, -1},
		{"numeric(10)", CDBC_TYPE_NUMERIC, 10, 0},
		{"Decimal( 12 , 3 )", CDBC_TYPE_NUMERIC, 12, 3},
		{"numeric(2,5)", CDBC_TYPE_NUMERIC, -1, -1},
		{"uuid", CDBC_TYPE_UUID, -1, -1},
		{"jsonb", CDBC_TYPE_JSON, -1, -1},
		{"int8[]", CDBC_TYPE_JSON, -1, -1},
		{"money", CDBC_TYPE_UNKNOWN, -1, -1},
		{"", CDBC_TYPE_UNKNOWN, -1, -1},
		{NULL, CDBC_TYPE_UNKNOWN, -1, -1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_type type = cx_sqlite_type_of(rows[i].declared);

		assert_int_equal(type.id, rows[i].id);
		assert_int_equal(type.precision, rows[i].precision);
		assert_int_equal(type.scale, rows[i].scale);
	}
}

/* The Arrow format that the one column of a query gets. */
static void expect_format(void *conn, const char *sql, const char *format)
{
	cdbc_request r = request_of(sql);
	struct ArrowSchema schema = {.release = NULL};
	struct ArrowArray a;
	cdbc_error *err = NULL;

	r.batch_rows = 3;
	if (run_request(conn, &r, &schema, &a, NULL, &err))
		fail_msg("%s: %s", sql, cdbc_error_message(err));
	if (strcmp(schema.children[0]->format, format) != 0)
		fail_msg("%s: %s, not %s", sql, schema.children[0]->format, format);
	schema.release(&schema);
	if (a.release)
		a.release(&a);
}

static void test_by_value(void **state)
{
	void *conn = open_memory();

	expect_format(conn, "select 1", "l");
	expect_format(conn, "select 1.5", "g");
	expect_format(conn, "select 'x'", "u");
	expect_format(conn, "select x'00'", "z");
	expect_format(conn, "select null", "u");
	expect_format(conn, "select 1 where 0", "u");
	expect_format(conn, "values (null), (2)", "l");
	expect_format(conn, "values (1), (2.5)", "g");
	expect_format(conn, "values (2.5), (1)", "g");
	expect_format(conn, "values (1), ('x'), (2.5)", "u");
	expect_format(conn, "values (9007199254740993), (2.5)", "u");
	expect_format(conn, "values (2.5), (9007199254740993)", "u");
	DRIVER->close(conn);
}

static void test_widened_values_stay(void **state)
{
	void *conn = open_memory();
	cdbc_request r = request_of("values (9007199254740993), (2.5), ('x')");
	struct ArrowArray a;

	assert_int_equal(run_request(conn, &r, NULL, &a, NULL, NULL), CDBC_OK);
	assert_memory_equal(a.children[0]->buffers[2], "90071992547409932.5x", 20);
	a.release(&a);
	DRIVER->close(conn);
}

/* Two executions of one kept statement may differ in type. */
static void test_each_execution_anew(void **state)
{
	void *conn = open_memory();
	cdbc_value value = cdbc_int64(1);
	cdbc_request r = request_of("select ?1");
	struct ArrowSchema schema;

	r.statement_id = 5;
	r.values = &value;
	r.value_count = 1;
	for (int i = 0; i < 4; i++) {
		value = i % 2 ? cdbc_string("x") : cdbc_int64(1);
		schema.release = NULL;
		assert_int_equal(run_request(conn, &r, &schema, NULL, NULL, NULL), CDBC_OK);
		assert_string_equal(schema.children[0]->format, i % 2 ? "u" : "l");
		schema.release(&schema);
	}
	DRIVER->close(conn);
}

static void expect_mismatch(void *conn, const char *sql, const char *message, const char *hint)
{
	cdbc_request r = request_of(sql);
	cdbc_error *err = NULL;

	r.batch_rows = 2;
	assert_int_equal(run_request(conn, &r, NULL, NULL, NULL, &err), CDBC_DATA);
	assert_string_equal(cdbc_error_message(err), message);
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT), hint);
	cdbc_error_free(err);
}

static void test_mismatches(void **state)
{
	void *conn = open_memory();

	run(conn, "create table t (i integer, d date, n numeric(5,2), b boolean, u uuid, z timestamp, "
			  "t text)");
	run(conn, "insert into t (i) values (1), (2), ('three')");
	expect_mismatch(conn, "select i from t",
					"column \"i\", row 3: 'three' is no value of type int8",
					"say what the column holds in the SQL file: -- column: i text");
	run(conn, "delete from t");
	run(conn, "insert into t values (1, 'soon', 1234.5, 2, 'no', '2024-01-01 00:00:00Z', x'00')");
	expect_mismatch(conn, "select d from t", "column \"d\", row 1: 'soon' is no value of type date",
					"say what the column holds in the SQL file: -- column: d text");
	expect_mismatch(conn, "select n from t",
					"column \"n\", row 1: 1234.5 is no value of type numeric(5,2)",
					"say what the column holds in the SQL file: -- column: n text");
	expect_mismatch(conn, "select b from t", "column \"b\", row 1: 2 is no value of type bool",
					"say what the column holds in the SQL file: -- column: b text");
	expect_mismatch(conn, "select u from t", "column \"u\", row 1: 'no' is no value of type uuid",
					"say what the column holds in the SQL file: -- column: u text");
	expect_mismatch(conn, "select z from t",
					"column \"z\", row 1: '2024-01-01 00:00:00Z' is no value of type timestamp",
					"say what the column holds in the SQL file: -- column: z text");
	expect_mismatch(conn, "select t from t",
					"column \"t\", row 1: a blob of 1 bytes is no value of type text",
					"say what the column holds in the SQL file: -- column: t bytea");
	expect_mismatch(conn,
					"select v from (select 1 as v, 1 as o union all select 2, 2 union all select "
					"'x', 3) order by o",
					"column \"v\", row 3: 'x' is no value of type int8",
					"say what the column holds in the SQL file: -- column: v text");
	expect_mismatch(conn, "select 1 as v union all select x'00'",
					"column \"v\", row 2: blobs and other values are mixed (a blob of 1 bytes)",
					"say what the column holds in the SQL file: -- column: v bytea");
	expect_mismatch(conn, "select cast(x'ff41' as text) as v",
					"column \"v\", row 1: ''... is not valid UTF-8",
					"read it as bytes: cast(... as blob)");
	run(conn, "select 1"); /* and the connection goes on */
	DRIVER->close(conn);
}

static void test_hints_win(void **state)
{
	static const cdbc_column_hint hints[] = {
		{"V", {CDBC_TYPE_NUMERIC, false, 10, 2}},
		{"w", {CDBC_TYPE_INT4, false, -1, -1}},
		{"l", {CDBC_TYPE_INT8, true, -1, -1}},
	};
	void *conn = open_memory();
	cdbc_request r = request_of("select 0.1 + 0.2 as v, '7' as w, '[1,2]' as l, 3 as free");
	struct ArrowSchema schema = {.release = NULL};
	struct ArrowArray a;
	int64_t decimal;

	r.columns = hints;
	r.column_count = 3;
	assert_int_equal(run_request(conn, &r, &schema, &a, NULL, NULL), CDBC_OK);
	assert_string_equal(schema.children[0]->format, "d:10,2");
	assert_string_equal(schema.children[1]->format, "i");
	assert_string_equal(schema.children[2]->format, "u");
	assert_string_equal(schema.children[3]->format, "l");
	memcpy(&decimal, a.children[0]->buffers[1], 8);
	assert_int_equal(decimal, 30);
	a.release(&a);
	schema.release(&schema);
	DRIVER->close(conn);
}

static void test_numeric_modes(void **state)
{
	static const char *const formats[] = {"d:10,2", "d:10,2", "u", "g"};
	static const char *const plain[] = {"u", "u", "u", "g"};
	void *conn = open_memory();
	cdbc_request r = request_of("select a, b from t");
	struct ArrowSchema schema;
	struct ArrowArray a;

	run(conn, "create table t (a numeric(10,2), b numeric)");
	run(conn, "insert into t values ('12.50', '1e20')");
	r.statement_id = 9;
	for (int mode = 0; mode < 4; mode++) {
		r.numeric = (cdbc_numeric_mode)mode;
		schema.release = NULL;
		assert_int_equal(run_request(conn, &r, &schema, &a, NULL, NULL), CDBC_OK);
		assert_string_equal(schema.children[0]->format, formats[mode]);
		assert_string_equal(schema.children[1]->format, plain[mode]);
		if (mode == CDBC_NUMERIC_TEXT)
			assert_memory_equal(a.children[1]->buffers[2], "100000000000000000000", 21);
		a.release(&a);
		schema.release(&schema);
	}
	DRIVER->close(conn);
}

static void test_json(void **state)
{
	void *conn = open_memory();

	run(conn, "create table t (j json)");
	run(conn, "insert into t values ('{\"a\":1}'), ('{')");
	expect_mismatch(conn, "select j from t", "column \"j\", row 2: '{' is no value of type json",
					"say what the column holds in the SQL file: -- column: j text");
	DRIVER->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declared),
		cmocka_unit_test(test_by_value),
		cmocka_unit_test(test_widened_values_stay),
		cmocka_unit_test(test_each_execution_anew),
		cmocka_unit_test(test_mismatches),
		cmocka_unit_test(test_hints_win),
		cmocka_unit_test(test_numeric_modes),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
