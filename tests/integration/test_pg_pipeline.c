// SPDX-License-Identifier: Apache-2.0
/* Several requests in one round trip. */
#include "pg_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static void *submit(void *conn, const cdbc_request *requests, size_t count, cdbc_sync sync)
{
	cdbc_error *err = NULL;
	void *cursor = NULL;

	if (DRIVER->submit(conn, requests, count, sync, soon(), &cursor, NULL, &err))
		fail_msg("%s", cdbc_error_message(err));
	return cursor;
}

/* Goes to the next result and reads it; its status, rows in *rows, the first value in *first. */
static cdbc_status next(void *cursor, int64_t *rows, int64_t *first, cdbc_error **err)
{
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	bool has_result;
	cdbc_status status = DRIVER->next_result(cursor, soon(), &schema, &has_result, err);

	*rows = 0;
	if (status)
		return status;
	assert_true(has_result);
	for (;;) {
		status = DRIVER->fetch(cursor, soon(), &batch, err);
		if (status || !batch.release)
			return status;
		if (*rows == 0)
			*first = batch_int64(&batch, 0, 0);
		*rows += batch.length;
		batch.release(&batch);
	}
}

static void expect_end(void *cursor)
{
	const struct ArrowSchema *schema;
	bool has_result;

	assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
	assert_false(has_result);
}

static void make_table(void *conn)
{
	pg_run(conn, "create temp table p (a int8 primary key, b text)", NULL);
}

static void runs_a_batch(void **state)
{
	void *conn = pg_open();
	cdbc_value values[6] = {cdbc_int64(1), cdbc_string("x"), cdbc_int64(2), cdbc_string("y"),
							cdbc_int64(3)};
	cdbc_request rs[4];
	int64_t rows, first = 0;

	make_table(conn);
	for (int round = 0; round < 4; round++) {
		void *cursor;

		rs[0] = pg_request("insert into p values ($1, $2)", 1, values, 2);
		rs[1] = pg_request("insert into p values ($1, $2)", 1, values + 2, 2);
		rs[2] = pg_request("select a, b from p order by a", 2, NULL, 0);
		rs[3] = pg_request("select $1::int8", round == 3 ? 0 : 3, values + 4, 1);
		rs[0].kind = rs[1].kind = CDBC_KIND_DML;
		rs[2].flags = round & 1 ? CDBC_REQUEST_SMALL_RESULT : 0;
		cursor = submit(conn, rs, 4, round & 2 ? CDBC_SYNC_EACH : CDBC_ONE_SYNC);
		assert_true(DRIVER->state(conn).is_busy);
		assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
		assert_string_equal(DRIVER->summary(cursor)->tag, "INSERT 0 1");
		assert_int_equal(DRIVER->summary(cursor)->affected_count, 1);
		assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
		assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
		assert_int_equal(rows, 2);
		assert_int_equal(first, 1);
		assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
		assert_int_equal(first, 3);
		expect_end(cursor);
		DRIVER->cursor_close(cursor, soon());
		assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_IDLE);
		pg_run(conn, "delete from p", NULL);
	}
	DRIVER->close(conn);
}

static void ends_at_the_first_error(void **state)
{
	void *conn;
	cdbc_request rs[4];
	int64_t rows, first;
	cdbc_error *err = NULL;
	void *cursor;

	pg_not_on_cockroach(2201, "each statement of a pipeline commits by itself");
	conn = pg_open();
	make_table(conn);
	for (int each = 0; each < 2; each++) {
		rs[0] = pg_request("insert into p values (1, 'x')", 1, NULL, 0);
		rs[1] = pg_request("insert into p values (1, 'y')", 2, NULL, 0);
		rs[2] = pg_request("insert into p values (2, 'z')", 3, NULL, 0);
		rs[3] = pg_request("select count(*) from p", 4, NULL, 0);
		for (int i = 0; i < 3; i++)
			rs[i].kind = CDBC_KIND_DML;
		cursor = submit(conn, rs, 4, each ? CDBC_SYNC_EACH : CDBC_ONE_SYNC);
		assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
		assert_int_equal(next(cursor, &rows, &first, &err), CDBC_SQL);
		assert_string_equal(cdbc_error_sqlstate(err), "23505");
		assert_int_equal(DRIVER->summary(cursor)->position, CDBC_POSITION_DONE);
		cdbc_error_free(err);
		if (each) {
			assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
			assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
			assert_int_equal(first, 2);
		} else {
			for (int i = 0; i < 2; i++) {
				assert_int_equal(next(cursor, &rows, &first, &err), CDBC_SQL);
				assert_non_null(strstr(cdbc_error_message(err), "not executed"));
				cdbc_error_free(err);
			}
		}
		expect_end(cursor);
		DRIVER->cursor_close(cursor, soon());
		assert_int_equal(pg_int_of(conn, "select count(*) from p"), each ? 2 : 0);
	}
	DRIVER->close(conn);
}

/* One that ran into its timeout: nothing comes behind the batch, and the rest was not executed. */
static void is_stopped_in_the_middle(void **state)
{
	void *conn = pg_open(), *cursor;
	cdbc_request rs[4];
	cdbc_error *err = NULL;
	int64_t rows, first = 0;

	(void)state;
	pg_run(conn, "set statement_timeout = 200", NULL);
	for (uint64_t i = 0; i < 4; i++)
		rs[i] = pg_request(i == 1 ? "select pg_sleep(60)" : "select 1", 1 + i, NULL, 0);
	cursor = submit(conn, rs, 4, CDBC_ONE_SYNC);
	assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
	assert_int_equal(next(cursor, &rows, &first, &err), CDBC_TIMEOUT);
	assert_string_equal(cdbc_error_sqlstate(err), "57014");
	assert_int_equal(DRIVER->summary(cursor)->position, CDBC_POSITION_DONE);
	assert_false(DRIVER->summary(cursor)->is_link_lost);
	cdbc_error_free(err);
	for (int i = 0; i < 2; i++) {
		err = NULL;
		assert_int_equal(next(cursor, &rows, &first, &err), CDBC_SQL);
		assert_non_null(strstr(cdbc_error_message(err), "not executed"));
		assert_int_equal(DRIVER->summary(cursor)->position, CDBC_POSITION_SENT);
		cdbc_error_free(err);
	}
	expect_end(cursor);
	DRIVER->cursor_close(cursor, soon());
	assert_int_equal(pg_int_of(conn, "select 7::int8"), 7);
	DRIVER->close(conn);
}

/* A statement that needs what an earlier one of the batch makes cannot be prepared ahead. */
static void runs_what_depends_on_the_batch(void **state)
{
	void *conn = pg_open();
	cdbc_value v = cdbc_int64(5);
	cdbc_request rs[3];
	int64_t rows, first = 0;

	for (int hidden = 0; hidden < (pg_is_cockroach() ? 1 : 2); hidden++) {
		void *cursor;

		rs[0] = pg_request(
			hidden ? "select 1::int8 from (select set_config('search_path', 'pg_temp', false)) x"
				   : "create temp table late (a int8)",
			0, NULL, 0);
		rs[1] = pg_request("insert into late values ($1)", 1 + (uint64_t)hidden, &v, 1);
		rs[2] = pg_request("select a from late", 3 + (uint64_t)hidden, NULL, 0);
		rs[0].kind = hidden ? CDBC_KIND_SELECT : CDBC_KIND_DDL;
		rs[1].kind = CDBC_KIND_DML;
		cursor = submit(conn, rs, 3, CDBC_ONE_SYNC);
		for (int i = 0; i < 3; i++)
			assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
		assert_int_equal(first, 5);
		DRIVER->cursor_close(cursor, soon());
	}
	DRIVER->close(conn);
}

static void runs_a_transaction_in_one_round_trip(void **state)
{
	void *conn = pg_open();
	cdbc_request rs[4];
	int64_t rows, first;
	cdbc_summary facts = {.struct_size = sizeof facts};
	cdbc_error *err = NULL;
	void *cursor;

	make_table(conn);
	rs[0] = pg_request("begin", 0, NULL, 0);
	rs[1] = pg_request("insert into p values (1, 'x')", 1, NULL, 0);
	rs[2] = pg_request("select 1/(select count(*) - 1 from p)", 2, NULL, 0);
	rs[3] = pg_request("commit", 0, NULL, 0);
	rs[0].kind = rs[3].kind = CDBC_KIND_TRANSACTION;
	rs[1].kind = CDBC_KIND_DML;
	cursor = submit(conn, rs, 4, CDBC_SYNC_EACH);
	assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
	assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
	assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_SQL);
	assert_int_equal(next(cursor, &rows, &first, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "40000"); /* the commit that was none */
	cdbc_error_free(err);
	DRIVER->cursor_close(cursor, soon());
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_IDLE);
	/* In an open transaction, what cannot be prepared is the batch's error. */
	pg_run(conn, "begin", NULL);
	rs[0] = pg_request("select nosuch", 9, NULL, 0);
	assert_int_equal(DRIVER->submit(conn, rs, 2, CDBC_ONE_SYNC, soon(), &cursor, &facts, &err),
					 CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "42703");
	assert_int_equal(facts.request_number, 1);
	cdbc_error_free(err);
	assert_false(DRIVER->state(conn).is_busy);
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_FAILED);
	DRIVER->close(conn);
}

static void sends_nothing_when_a_value_is_wrong(void **state)
{
	void *conn = pg_open();
	cdbc_value bad = cdbc_string("no number");
	cdbc_request rs[2];
	cdbc_summary facts;
	cdbc_error *err = NULL;
	void *cursor;

	make_table(conn);
	rs[0] = pg_request("insert into p values (1, 'x')", 1, NULL, 0);
	rs[0].kind = CDBC_KIND_DML;
	rs[1] = pg_request("select $1::int8 + 1, $2::text", 2, &bad, 1);
	assert_int_equal(DRIVER->submit(conn, rs, 2, CDBC_ONE_SYNC, soon(), &cursor, &facts, &err),
					 CDBC_PARAM);
	assert_int_equal(facts.request_number, 2);
	assert_int_equal(facts.position, CDBC_POSITION_NOT_FLUSHED);
	cdbc_error_free(err);
	assert_int_equal(pg_int_of(conn, "select count(*) from p"), 0);
	DRIVER->close(conn);
}

/* Much more in both directions than sockets hold: neither side may wait for the other. */
static void drains_while_it_sends(void **state)
{
	enum { COUNT = 400, BYTES = 100000 };
	void *conn = pg_open(), *cursor;
	cdbc_request *rs = calloc(COUNT, sizeof *rs);
	char *text = malloc(BYTES + 1);
	cdbc_value v;

	assert_non_null(rs);
	assert_non_null(text);
	memset(text, 'x', BYTES);
	text[BYTES] = '\0';
	v = cdbc_string(text);
	for (size_t i = 0; i < COUNT; i++)
		rs[i] = pg_request("select length($1::text)::int8, $1::text || 'y'", 1, &v, 1);
	cursor = submit(conn, rs, COUNT, CDBC_SYNC_EACH);
	for (size_t i = 0; i < COUNT; i++) {
		int64_t rows, first = 0;

		assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
		assert_int_equal(first, BYTES);
	}
	expect_end(cursor);
	DRIVER->cursor_close(cursor, soon());
	assert_int_equal(pg_int_of(conn, "select 3::int8"), 3);
	DRIVER->close(conn);
	free(rs);
	free(text);
}

static void closes_in_the_middle(void **state)
{
	void *conn = pg_open();
	cdbc_request rs[50];
	int64_t rows, first;

	for (size_t i = 0; i < 50; i++)
		rs[i] = pg_request("select g::int8 from generate_series(1, 1000) g", 1, NULL, 0);
	for (int read = 0; read < 3; read++) {
		void *cursor = submit(conn, rs, 50, read == 1 ? CDBC_SYNC_EACH : CDBC_ONE_SYNC);

		for (int i = 0; i < read; i++)
			assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
		DRIVER->cursor_close(cursor, soon());
		assert_false(DRIVER->state(conn).is_lost);
		assert_int_equal(pg_int_of(conn, "select 3::int8"), 3);
	}
	DRIVER->close(conn);
}

/* More statements in a batch than may be kept. */
static void runs_more_statements_than_it_keeps(void **state)
{
	void *conn = pg_open_with("prepared_statements", "3");
	cdbc_request rs[10];
	char sql[10][64];
	cdbc_value v;

	for (int round = 0; round < 3; round++) {
		void *cursor;

		for (size_t i = 0; i < 10; i++) {
			snprintf(sql[i], sizeof sql[i], "select %d::int8", (int)i);
			rs[i] = pg_request(sql[i], i + 1, NULL, 0);
		}
		cursor = submit(conn, rs, 10, CDBC_ONE_SYNC);
		for (int64_t i = 0; i < 10; i++) {
			int64_t rows, first = -1;

			assert_int_equal(next(cursor, &rows, &first, NULL), CDBC_OK);
			assert_int_equal(first, i);
		}
		DRIVER->cursor_close(cursor, soon());
	}
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_PREPARED_COUNT, &v, NULL), CDBC_OK);
	assert_true(v.as.int64 <= 3);
	DRIVER->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_a_batch),
		cmocka_unit_test(ends_at_the_first_error),
		cmocka_unit_test(is_stopped_in_the_middle),
		cmocka_unit_test(runs_what_depends_on_the_batch),
		cmocka_unit_test(runs_a_transaction_in_one_round_trip),
		cmocka_unit_test(sends_nothing_when_a_value_is_wrong),
		cmocka_unit_test(drains_while_it_sends),
		cmocka_unit_test(closes_in_the_middle),
		cmocka_unit_test(runs_more_statements_than_it_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
