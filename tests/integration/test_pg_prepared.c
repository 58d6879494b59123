// SPDX-License-Identifier: Apache-2.0
/* Statements that stay prepared: found again, given way, gone stale, lost. */
#include "pg_fixture.h"

#include <stdio.h>

static int64_t kept_count(void *conn)
{
	cdbc_value v;

	assert_int_equal(DRIVER->info(conn, CDBC_INFO_PREPARED_COUNT, &v, NULL), CDBC_OK);
	return v.as.int64;
}

static int64_t server_count(void *conn)
{
	return pg_int_of(conn, "select count(*) from pg_prepared_statements where name like 'cdbc%'");
}

static void prepares_once(void **state)
{
	void *conn = pg_open();

	for (int i = 0; i < 10; i++) {
		cdbc_value v = cdbc_int64(i);
		cdbc_request r = pg_request("select $1::int8", 1, &v, 1);

		assert_int_equal(pg_int(conn, &r), i);
	}
	assert_int_equal(kept_count(conn), 1);
	assert_int_equal(server_count(conn), 1);
	DRIVER->close(conn);
}

static void keeps_what_was_used_last(void **state)
{
	void *conn = pg_open_with("prepared_statements", "4");
	char sql[64];

	for (int64_t i = 0; i < 40; i++) {
		int64_t id = i % 2 ? 1 : 1 + i; /* 1 again and again, others once */
		cdbc_request r;

		snprintf(sql, sizeof sql, "select %lld::int8", (long long)id);
		r = pg_request(sql, (uint64_t)id, NULL, 0);
		assert_int_equal(pg_int(conn, &r), id);
		assert_true(kept_count(conn) <= 4);
		assert_true(server_count(conn) <= 5); /* one may still wait to be deallocated */
	}
	assert_int_equal(kept_count(conn), 4);
	/* The first was used all the time, so it was never prepared anew. */
	assert_int_equal(
		pg_int_of(conn, "select count(*) from pg_prepared_statements where name = 'cdbc_1'"), 1);
	DRIVER->close(conn);
}

static void keeps_none_when_told_so(void **state)
{
	void *conn = pg_open_with("prepared_statements", "0"), *other = pg_open();
	cdbc_request r = pg_request("select 5::int8", 1, NULL, 0);

	assert_int_equal(pg_int(conn, &r), 5);
	assert_int_equal(server_count(conn), 0);
	r.flags = CDBC_REQUEST_NO_PREPARE;
	assert_int_equal(pg_int(other, &r), 5);
	assert_int_equal(server_count(other), 0);
	DRIVER->close(conn);
	DRIVER->close(other);
}

/* After ALTER TABLE the server refuses the old plan: made anew inside the driver, outside a
 * transaction. */
static void makes_stale_plans_anew(void **state)
{
	void *conn = pg_open();
	cdbc_request r = pg_request("select * from stale", 1, NULL, 0);
	cdbc_error *err = NULL;

	pg_run(conn, "create temp table stale (a int8)", NULL);
	pg_run(conn, "insert into stale values (7)", NULL);
	for (int i = 0; i < 2; i++) {
		r.flags = i ? CDBC_REQUEST_SMALL_RESULT : 0;
		assert_int_equal(pg_int(conn, &r), 7);
		pg_run(conn, i ? "alter table stale drop column b" : "alter table stale add column b int8",
			   NULL);
		assert_int_equal(pg_int(conn, &r), 7);
		assert_int_equal(kept_count(conn), 1);
	}
	pg_run(conn, "alter table stale add column c int8", NULL);
	pg_run(conn, "begin", NULL);
	assert_int_equal(pg_try(conn, &r, NULL, &err), CDBC_UNSUPPORTED);
	assert_string_equal(cdbc_error_sqlstate(err), "0A000");
	cdbc_error_free(err);
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_FAILED);
	pg_run(conn, "rollback", NULL);
	assert_int_equal(kept_count(conn), 0); /* so that the next time is a new one */
	pg_run(conn, "begin", NULL);
	assert_int_equal(pg_int(conn, &r), 7);
	pg_run(conn, "commit", NULL);
	DRIVER->close(conn);
}

/* A parameter's type is from before ALTER TABLE: that fails once, not for as long as the connection
 * lives. */
static void forgets_types_of_another_time(void **state)
{
	const cdbc_value one = cdbc_int64(1);
	void *conn = pg_open();
	cdbc_request r = pg_request("insert into typed values ($1) returning 7::int8", 1, &one, 1);
	cdbc_error *err = NULL;

	(void)state;
	pg_run(conn, "create temp table typed (a int8)", NULL);
	assert_int_equal(pg_int(conn, &r), 7);
	pg_run(conn, "alter table typed alter a type bool using true", NULL);
	assert_int_equal(pg_try(conn, &r, NULL, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "42804");
	cdbc_error_free(err);
	assert_int_equal(kept_count(conn), 0);
	pg_run(conn, "alter table typed alter a type int4 using 1", NULL);
	assert_int_equal(pg_int(conn, &r), 7);
	DRIVER->close(conn);
}

static void makes_lost_statements_anew(void **state)
{
	void *conn = pg_open();
	cdbc_request r = pg_request("select 7::int8", 1, NULL, 0);
	cdbc_request all = pg_request("deallocate all", 0, NULL, 0);

	assert_int_equal(pg_int(conn, &r), 7);
	pg_run(conn,
		   pg_is_cockroach() ? "deallocate cdbc_1"
							 : "do $$ begin execute 'deallocate cdbc_1'; end $$",
		   NULL);
	assert_int_equal(pg_int(conn, &r), 7);
	all.kind = CDBC_KIND_SESSION;
	assert_int_equal(pg_try(conn, &all, NULL, NULL), CDBC_OK);
	assert_int_equal(kept_count(conn), 0);
	pg_run(conn, "begin", NULL);
	assert_int_equal(pg_int(conn, &r), 7);
	pg_run(conn, "commit", NULL);
	assert_int_equal(DRIVER->reset(conn, soon(), NULL), CDBC_OK);
	assert_int_equal(kept_count(conn), 0);
	assert_int_equal(server_count(conn), 0);
	assert_int_equal(pg_int(conn, &r), 7);
	DRIVER->close(conn);
}

static void survives_a_taken_name(void **state)
{
	void *conn = pg_open();
	cdbc_request r = pg_request("select 7::int8", 1, NULL, 0);

	pg_run(conn, "prepare cdbc_1 as select 8", NULL);
	assert_int_equal(pg_int(conn, &r), 7);
	DRIVER->close(conn);
}

/* The same text for other types is another statement; a NULL of no type is not. */
static void tells_declared_types_apart(void **state)
{
	void *conn;
	cdbc_value v = cdbc_null();
	cdbc_request r = pg_request("select $1 as v", 1, &v, 1);

	pg_not_on_cockroach(0, "a parameter without a type is no text there, but an error (42P18)");
	conn = pg_open();
	assert_int_equal(pg_try(conn, &r, NULL, NULL), CDBC_OK); /* text to the server */
	v = cdbc_int64(5);
	v.type.id = CDBC_TYPE_INT8;
	assert_int_equal(pg_int(conn, &r), 5);
	v = cdbc_null();
	assert_int_equal(pg_try(conn, &r, NULL, NULL), CDBC_OK);
	v = cdbc_int64(6);
	v.type.id = CDBC_TYPE_INT8;
	assert_int_equal(pg_int(conn, &r), 6);
	assert_int_equal(kept_count(conn), 1);
	assert_int_equal(
		pg_int_of(conn, "select count(*) from pg_prepared_statements where name = 'cdbc_2'"), 1);
	DRIVER->close(conn);
}

static void tells_modes_apart(void **state)
{
	void *conn = pg_open();
	cdbc_request r = pg_request("select 1.5::numeric(5,2)", 1, NULL, 0);
	static const char *const formats[] = {"d:5,2", "u", "d:5,2"};
	static const cdbc_numeric_mode modes[] = {CDBC_NUMERIC_AUTO, CDBC_NUMERIC_TEXT,
											  CDBC_NUMERIC_DECIMAL};

	for (int i = 0; i < 6; i++) {
		const struct ArrowSchema *schema;
		bool has_result;
		void *cursor;

		r.numeric = modes[i % 3];
		cursor = pg_submit(conn, &r);
		assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
		assert_string_equal(schema->children[0]->format, formats[i % 3]);
		DRIVER->cursor_close(cursor, soon());
	}
	assert_int_equal(kept_count(conn), 3);
	DRIVER->close(conn);
}

static void refuses_to_prepare_nonsense(void **state)
{
	void *conn = pg_open();
	cdbc_request r = pg_request("selec 1", 1, NULL, 0);
	cdbc_summary facts = {0};

	assert_int_equal(pg_try(conn, &r, &facts, NULL), CDBC_SQL);
	assert_int_equal(facts.position, CDBC_POSITION_DONE);
	assert_int_equal(kept_count(conn), 0);
	assert_false(DRIVER->state(conn).is_busy);
	assert_int_equal(pg_int_of(conn, "select 3::int8"), 3);
	DRIVER->close(conn);
}

static void takes_many_values(void **state)
{
	void *conn = pg_open();
	cdbc_value values[300];
	char sql[4096] = "select 0::int8";

	for (int i = 0; i < 300; i++) {
		values[i] = cdbc_int64(i);
		snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "+$%d", i + 1);
	}
	for (int i = 0; i < 2; i++) {
		cdbc_request r = pg_request(sql, 1, values, 300);

		assert_int_equal(pg_int(conn, &r), 299 * 300 / 2);
	}
	DRIVER->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prepares_once),
		cmocka_unit_test(keeps_what_was_used_last),
		cmocka_unit_test(keeps_none_when_told_so),
		cmocka_unit_test(makes_stale_plans_anew),
		cmocka_unit_test(forgets_types_of_another_time),
		cmocka_unit_test(makes_lost_statements_anew),
		cmocka_unit_test(survives_a_taken_name),
		cmocka_unit_test(tells_declared_types_apart),
		cmocka_unit_test(tells_modes_apart),
		cmocka_unit_test(refuses_to_prepare_nonsense),
		cmocka_unit_test(takes_many_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
