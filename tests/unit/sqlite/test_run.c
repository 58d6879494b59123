// SPDX-License-Identifier: Apache-2.0
/* Requests from submit to the end. */
#include "sqlite_helper.h"

static void test_select(void **state)
{
	void *conn = open_memory();
	cdbc_request r = request_of("select 7 as n, 'seven' as t, null as z, 1.5 as f");
	struct ArrowSchema schema = {.release = NULL};
	struct ArrowArray a;
	char tag[64];

	assert_int_equal(run_request(conn, &r, &schema, &a, tag, NULL), CDBC_OK);
	assert_string_equal(tag, "SELECT 1");
	assert_int_equal(schema.n_children, 4);
	assert_string_equal(schema.children[0]->format, "l");
	assert_string_equal(schema.children[1]->name, "t");
	assert_string_equal(schema.children[2]->format, "u");
	assert_string_equal(schema.children[3]->format, "g");
	assert_int_equal(a.length, 1);
	assert_int_equal(((const int64_t *)a.children[0]->buffers[1])[0], 7);
	assert_memory_equal(a.children[1]->buffers[2], "seven", 5);
	assert_int_equal(a.children[2]->null_count, 1);
	a.release(&a);
	schema.release(&schema);
	DRIVER->close(conn);
}

static void test_table(void **state)
{
	void *conn = open_memory();
	cdbc_request r = request_of("insert into t (a, b) values (?1, ?2), (2, 'two')");
	cdbc_value values[] = {cdbc_int64(1), cdbc_string("one")};
	struct ArrowArray a;
	char tag[64];

	run(conn, "create table t (a integer primary key, b text)");
	r.values = values;
	r.value_count = 2;
	assert_int_equal(run_request(conn, &r, NULL, NULL, tag, NULL), CDBC_OK);
	assert_string_equal(tag, "INSERT 0 2");
	r = request_of("select a, b from t order by a");
	assert_int_equal(run_request(conn, &r, NULL, &a, tag, NULL), CDBC_OK);
	assert_string_equal(tag, "SELECT 2");
	assert_int_equal(a.length, 2);
	assert_memory_equal(a.children[1]->buffers[2], "onetwo", 6);
	a.release(&a);
	DRIVER->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_select), cmocka_unit_test(test_table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
