// SPDX-License-Identifier: Apache-2.0
/* Deadlines, cancels, killed servers and unread rows: what a connection is worth afterwards, and
 * which facts are told. */
#include "pg_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t pid_of(void *conn)
{
	cdbc_value v;

	assert_int_equal(DRIVER->info(conn, CDBC_INFO_SERVER_PID, &v, NULL), CDBC_OK);
	return v.as.int64;
}

static void kill_server_of(void *conn)
{
	void *killer = pg_open();
	int64_t pid = pid_of(conn);
	char sql[128];

	snprintf(sql, sizeof sql, "select pg_terminate_backend(%lld, 5000)::int::int8", (long long)pid);
	assert_int_equal(pg_int_of(killer, sql), 1);
	DRIVER->close(killer);
}

static void expect_works(void *conn)
{
	assert_false(DRIVER->state(conn).is_lost);
	assert_false(DRIVER->state(conn).is_busy);
	assert_int_equal(pg_int_of(conn, "select 3::int8"), 3);
}

/* That a limit was kept, never how fast: soon() would be waited for without it. */
#define LATE_NS (15 * CX_NS_PER_S)

static const char no_cancel[] = "before v22.1 it takes no cancel over the wire";
static const char no_kill[] =
	"it has no pg_terminate_backend; how it ends connections is in the recordings";

/* ---- deadlines
 * -----------------------------------------------------------------------------------------------
 */

static void gives_up_and_can_be_used_again(void **state)
{
	static const char *const sqls[] = {
		"select pg_sleep(60)", "select g::int8, case when g = 1000 then pg_sleep(60) end from "
							   "generate_series(1, 2000) g"};
	void *conn;

	pg_not_on_cockroach(2201, no_cancel);
	conn = pg_open();
	for (int i = 0; i < 4; i++) {
		cdbc_request r = pg_request(sqls[i % 2], 0, NULL, 0);
		const struct ArrowSchema *schema;
		struct ArrowArray batch;
		cdbc_error *err = NULL;
		cdbc_summary facts = {0};
		bool has_result;
		void *cursor = NULL;
		int64_t begun = cx_clock_now_ns();
		cdbc_status status;

		r.flags = i >= 2 ? CDBC_REQUEST_SMALL_RESULT : 0;
		r.batch_ns = CX_NS_PER_S * 5;
		status = DRIVER->submit(conn, &r, 1, CDBC_SYNC_EACH, in_ms(500), &cursor, &facts, &err);
		if (!status) {
			assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL),
							 CDBC_OK);
			while (!(status = DRIVER->fetch(cursor, in_ms(500), &batch, &err)))
				batch.release(&batch);
			facts = *DRIVER->summary(cursor);
			DRIVER->cursor_close(cursor, soon());
		}
		assert_int_equal(status, CDBC_TIMEOUT);
		assert_string_equal(cdbc_error_sqlstate(err), "57014");
		assert_non_null(strstr(cdbc_error_message(err), "within the deadline"));
		assert_true(facts.is_cancel_sent);
		assert_int_equal(facts.position, CDBC_POSITION_DONE);
		assert_false(facts.is_link_lost);
		assert_true(cx_clock_now_ns() - begun < LATE_NS);
		cdbc_error_free(err);
		expect_works(conn);
	}
	DRIVER->close(conn);
}

static void tells_the_servers_own_timeout(void **state)
{
	void *conn = pg_open_with("set.statement_timeout", "1s");
	cdbc_request r = pg_request("select pg_sleep(10)", 0, NULL, 0);
	cdbc_error *err = NULL;
	cdbc_summary facts;

	assert_int_equal(pg_try(conn, &r, &facts, &err), CDBC_TIMEOUT);
	assert_string_equal(cdbc_error_sqlstate(err), "57014");
	assert_false(facts.is_cancel_sent);
	cdbc_error_free(err);
	expect_works(conn);
	DRIVER->close(conn);
}

/* ---- cancel
 * --------------------------------------------------------------------------------------------------
 */

static void *canceller(void *data)
{
	void *conn = data;

	/* As soon as the other thread's statement runs, which a third connection sees. */
	assert_int_equal(DRIVER->cancel(conn, soon(), NULL), CDBC_OK);
	return NULL;
}

static void *cancel_when_it_runs(void *data)
{
	PGconn *watcher = ((void **)data)[1];
	char sql[200];

	if (pg_is_cockroach())
		snprintf(sql, sizeof sql,
				 "select 1 from [show cluster queries] where query like '%%pg_sleep(30%%' and "
				 "query not like '%%cluster%%'");
	else
		snprintf(sql, sizeof sql,
				 "select 1 from pg_stat_activity where pid = %lld and state = 'active' and "
				 "wait_event = 'PgSleep'",
				 (long long)pid_of(((void **)data)[0]));
	for (bool is_seen = false; !is_seen;) {
		PGresult *result = PQexec(watcher, sql);

		is_seen = PQntuples(result) > 0;
		PQclear(result);
	}
	return canceller(((void **)data)[0]);
}

static void is_cancelled_from_another_thread(void **state)
{
	void *conn, *both[2];
	cdbc_request r = pg_request("select pg_sleep(30)", 0, NULL, 0);
	cdbc_error *err = NULL;
	cdbc_summary facts = {0};
	pthread_t thread;
	PGconn *watcher;

	pg_not_on_cockroach(2201, no_cancel);
	conn = both[0] = pg_open();
	watcher = both[1] = PQconnectdb(test_server_find()->url);
	assert_int_equal(pthread_create(&thread, NULL, cancel_when_it_runs, both), 0);
	assert_int_equal(pg_try(conn, &r, &facts, &err), CDBC_CANCELLED);
	pthread_join(thread, NULL);
	assert_string_equal(cdbc_error_sqlstate(err), "57014");
	assert_true(facts.is_cancel_sent);
	cdbc_error_free(err);
	expect_works(conn);
	PQfinish(watcher);
	DRIVER->close(conn);
}

/* ---- unread rows
 * --------------------------------------------------------------------------------------------- */

static void closes_with_rows_unread(void **state)
{
	static const char *const counts[] = {"10", "5000", "50000000"};
	void *conn;
	char sql[200];

	pg_not_on_cockroach(2201, no_cancel);
	conn = pg_open();
	for (int i = 0; i < 6; i++) {
		cdbc_request r;
		const struct ArrowSchema *schema;
		struct ArrowArray batch;
		bool has_result;
		void *cursor;
		int64_t begun = cx_clock_now_ns();

		snprintf(sql, sizeof sql, "select generate_series(1, %s)::int8, repeat('x', 100)",
				 counts[i % 3]);
		r = pg_request(sql, 0, NULL, 0);
		r.batch_rows = 5;
		cursor = pg_submit(conn, &r);
		if (i >= 3) {
			assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL),
							 CDBC_OK);
			assert_int_equal(DRIVER->fetch(cursor, soon(), &batch, NULL), CDBC_OK);
			batch.release(&batch);
		}
		DRIVER->cursor_close(cursor, soon());
		assert_true(cx_clock_now_ns() - begun < LATE_NS);
		expect_works(conn);
	}
	DRIVER->cursor_close(NULL, 0);
	DRIVER->close(conn);
}

/* A short rest is read, not cancelled: the transaction lives. */
static void closes_without_harm_to_a_transaction(void **state)
{
	void *conn = pg_open(), *cursor;
	cdbc_request r = pg_request("select g::int8 from generate_series(1, 100) g", 0, NULL, 0);

	pg_run(conn, "begin", NULL);
	cursor = pg_submit(conn, &r);
	DRIVER->cursor_close(cursor, soon());
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_OPEN);
	expect_works(conn);
	DRIVER->close(conn);
}

/* ---- killed
 * --------------------------------------------------------------------------------------------------
 */

static void expect_lost(void *conn, cdbc_status status, cdbc_error *err)
{
	assert_int_equal(status, CDBC_CONNECT);
	assert_int_equal(strncmp(cdbc_error_message(err), "connection to ", 14), 0);
	assert_non_null(strstr(cdbc_error_message(err), " lost: "));
	assert_null(strchr(cdbc_error_message(err), '\n'));
	cdbc_error_free(err);
	assert_true(DRIVER->state(conn).is_lost);
	assert_int_equal(DRIVER->ping(conn, soon(), NULL), CDBC_CONNECT);
}

static void is_killed_at_rest(void **state)
{
	cdbc_request r = pg_request("select 3::int8", 1, NULL, 0);

	pg_not_on_cockroach(0, no_kill);
	for (int known = 0; known < 2; known++) {
		void *conn = pg_open();
		cdbc_error *err = NULL;
		cdbc_summary facts = {0};
		cdbc_status status;

		if (known)
			assert_int_equal(pg_int(conn, &r), 3);
		kill_server_of(conn);
		status = pg_try(conn, &r, &facts, &err);
		assert_string_equal(cdbc_error_sqlstate(err), "57P01");
		assert_true(facts.is_link_lost);
		/* Preparing is not running. */
		assert_int_equal(facts.position, known ? CDBC_POSITION_SENT : CDBC_POSITION_NOT_FLUSHED);
		expect_lost(conn, status, err);
		assert_int_equal(pg_try(conn, &r, &facts, NULL), CDBC_CONNECT);
		assert_int_equal(facts.position, CDBC_POSITION_NOT_FLUSHED);
		DRIVER->close(conn);
	}
}

static void is_killed_between_rows(void **state)
{
	pg_not_on_cockroach(0, no_kill);
	for (int taken = 0; taken < 2; taken++) {
		void *conn = pg_open(), *cursor;
		cdbc_request r = pg_request(
			"select g::int8, repeat('x', 1000) from generate_series(1, 1000000) g", 0, NULL, 0);
		const struct ArrowSchema *schema;
		struct ArrowArray batch;
		cdbc_error *err = NULL;
		bool has_result;
		cdbc_status status;

		r.batch_rows = taken ? 10 : 10000000;
		r.batch_bytes = INT64_C(1) << 40;
		r.batch_ns = 100 * CX_NS_PER_S;
		cursor = pg_submit(conn, &r);
		assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
		if (taken) {
			assert_int_equal(DRIVER->fetch(cursor, soon(), &batch, NULL), CDBC_OK);
			batch.release(&batch);
		}
		kill_server_of(conn);
		while (!(status = DRIVER->fetch(cursor, soon(), &batch, &err)))
			batch.release(&batch);
		assert_int_equal(DRIVER->summary(cursor)->position,
						 taken ? CDBC_POSITION_ROWS_TAKEN : CDBC_POSITION_SENT);
		assert_true(DRIVER->summary(cursor)->is_link_lost);
		DRIVER->cursor_close(cursor, soon());
		expect_lost(conn, status, err);
		DRIVER->close(conn);
	}
}

static void is_killed_in_a_batch(void **state)
{
	void *conn, *cursor = NULL;
	char sql[100];
	cdbc_request rs[3];
	const struct ArrowSchema *schema;
	cdbc_error *err = NULL;
	bool has_result = true;
	cdbc_status status;

	pg_not_on_cockroach(0, no_kill);
	conn = pg_open();
	snprintf(sql, sizeof sql, "select pg_terminate_backend(%lld)", (long long)pid_of(conn));
	rs[0] = pg_request("select 1", 0, NULL, 0);
	rs[1] = pg_request(sql, 0, NULL, 0);
	rs[2] = pg_request("select 3", 0, NULL, 0);
	status = DRIVER->submit(conn, rs, 3, CDBC_SYNC_EACH, soon(), &cursor, NULL, &err);
	assert_int_equal(status, CDBC_OK);
	for (int i = 0; i < 3 && !status; i++)
		status = DRIVER->next_result(cursor, soon(), &schema, &has_result, &err);
	assert_true(DRIVER->summary(cursor)->is_link_lost);
	/* What is left has no other answer. */
	assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
	assert_false(has_result);
	DRIVER->cursor_close(cursor, soon());
	expect_lost(conn, status, err);
	DRIVER->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_up_and_can_be_used_again),
		cmocka_unit_test(tells_the_servers_own_timeout),
		cmocka_unit_test(is_cancelled_from_another_thread),
		cmocka_unit_test(closes_with_rows_unread),
		cmocka_unit_test(closes_without_harm_to_a_transaction),
		cmocka_unit_test(is_killed_at_rest),
		cmocka_unit_test(is_killed_between_rows),
		cmocka_unit_test(is_killed_in_a_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
