// SPDX-License-Identifier: Apache-2.0
/* The fake driver does what its header says: answers, gates, planned failures, lost links, counts.
 */
#include "support/fake_driver.h"

#include "base/clock.h"
#include "base/column.h"
#include "base/error.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void *connect_to(fake_server *server)
{
	cdbc_setting item;
	cdbc_settings settings = fake_settings(server, &item);
	void *conn = NULL;

	assert_int_equal(fake_driver.open(&settings, CX_NEVER, &conn, NULL), CDBC_OK);
	return conn;
}

/* Runs a text to its end and returns its facts. */
static cdbc_status run_for(void *conn, const char *sql, int64_t deadline_ns, cdbc_summary *facts,
						   cdbc_error **err)
{
	cdbc_request r = {
		.struct_size = sizeof r, .sql = sql, .sql_length = strlen(sql), .batch_rows = 2};
	const struct ArrowSchema *schema = NULL;
	struct ArrowArray batch;
	bool has_result;
	void *cursor;
	cdbc_status status =
		fake_driver.submit(conn, &r, 1, CDBC_ONE_SYNC, deadline_ns, &cursor, facts, err);

	if (status)
		return status;
	status = fake_driver.next_result(cursor, deadline_ns, &schema, &has_result, err);
	while (!status && schema) {
		status = fake_driver.fetch(cursor, deadline_ns, &batch, err);
		if (status || !batch.release)
			break;
		batch.release(&batch);
	}
	if (facts)
		*facts = *fake_driver.summary(cursor);
	fake_driver.cursor_close(cursor, deadline_ns);
	return status;
}

static cdbc_status run(void *conn, const char *sql, cdbc_summary *facts)
{
	return run_for(conn, sql, CX_NEVER, facts, NULL);
}

static void test_answers(void **state)
{
	fake_server *server = fake_server_new("a");
	void *conn = connect_to(server);
	int64_t serial = 0;
	cdbc_summary s;

	fake_server_answer(server, &(fake_answer){.sql = "select 1",
											  .times = 1,
											  .columns = "n int8, t text",
											  .rows = "1|one;2|\\N"});
	fake_server_answer(
		server, &(fake_answer){.sql = "select*", .columns = "n int8", .rows = "1", .repeat = 5});
	assert_int_equal(run(conn, "select 1", &s), CDBC_OK);
	assert_string_equal(s.tag, "SELECT 2");
	assert_int_equal(s.position, CDBC_POSITION_DONE);
	assert_int_equal(run(conn, "select 1", &s), CDBC_OK);
	assert_string_equal(s.tag, "SELECT 5");
	assert_int_equal(run(conn, "other", &s), CDBC_SQL);
	assert_string_equal(fake_server_sql(server, 2, &serial), "other");
	assert_int_equal(serial, fake_conn_serial(conn));
	assert_null(fake_server_sql(server, 3, NULL));
	fake_driver.close(conn);
	fake_server_free(server);
}

static void test_transactions(void **state)
{
	fake_server *server = fake_server_new("a");
	void *conn = connect_to(server);
	cdbc_summary s;

	assert_int_equal(run(conn, "begin", &s), CDBC_OK);
	assert_int_equal(s.tx_before, CDBC_TX_IDLE);
	assert_int_equal(fake_driver.state(conn).tx, CDBC_TX_OPEN);
	assert_int_equal(run(conn, "nonsense", &s), CDBC_SQL);
	assert_int_equal(fake_driver.state(conn).tx, CDBC_TX_FAILED);
	assert_int_equal(run(conn, "set x = 1", &s), CDBC_SQL);
	assert_int_equal(run(conn, "commit", &s), CDBC_SQL);
	assert_string_equal(s.tag, "ROLLBACK");
	assert_int_equal(s.tx_before, CDBC_TX_FAILED);
	assert_int_equal(fake_driver.state(conn).tx, CDBC_TX_IDLE);
	fake_driver.close(conn);
	fake_server_free(server);
}

static void test_lost_links(void **state)
{
	static const cdbc_position places[] = {CDBC_POSITION_NOT_FLUSHED, CDBC_POSITION_SENT,
										   CDBC_POSITION_ROWS_TAKEN};
	fake_server *server = fake_server_new("a");
	cdbc_summary s;
	void *conn;

	for (int i = 0; i < 3; i++) {
		fake_server_forget(server);
		fake_server_answer(server, &(fake_answer){.sql = "q",
												  .columns = "n int8",
												  .rows = "1;2;3",
												  .loses_link = true,
												  .lost_at = places[i]});
		conn = connect_to(server);
		memset(&s, 0, sizeof s);
		assert_int_equal(run(conn, "q", &s), CDBC_CONNECT);
		assert_int_equal(s.position, places[i]);
		assert_true(s.is_link_lost);
		assert_true(fake_driver.state(conn).is_lost);
		fake_driver.close(conn);
	}
	conn = connect_to(server);
	fake_server_cut(server);
	assert_false(fake_driver.state(conn).is_lost);
	assert_int_equal(fake_driver.ping(conn, CX_NEVER, NULL), CDBC_CONNECT);
	assert_true(fake_driver.state(conn).is_lost);
	fake_driver.close(conn);
	assert_int_equal(fake_server_counts(server).lost, 4);
	fake_server_free(server);
}

static void test_planned_failures(void **state)
{
	fake_server *server = fake_server_new("a");
	cdbc_setting item;
	cdbc_settings settings = fake_settings(server, &item);
	cdbc_error *err = NULL;
	void *conn = NULL;

	fake_server_fail_opens(
		server, 2,
		&(cdbc_error_info){.status = CDBC_AUTH, .message = "no ticket", .sqlstate = "28000"});
	assert_int_equal(fake_driver.open(&settings, CX_NEVER, &conn, &err), CDBC_AUTH);
	assert_string_equal(cdbc_error_sqlstate(err), "28000");
	cdbc_error_free(err);
	assert_int_equal(fake_driver.open(&settings, CX_NEVER, &conn, NULL), CDBC_AUTH);
	assert_int_equal(fake_driver.open(&settings, CX_NEVER, &conn, NULL), CDBC_OK);
	fake_server_fail_pings(server, 1, NULL);
	assert_int_equal(fake_driver.ping(conn, CX_NEVER, NULL), CDBC_CONNECT);
	fake_driver.close(conn);
	assert_int_equal(fake_server_counts(server).opens_failed, 2);
	assert_int_equal(fake_server_counts(server).opens_begun, 3);
	assert_int_equal(fake_server_counts(server).live, 0);
	fake_server_free(server);
}

struct job {
	void *conn;
	cdbc_status status;
};

static void *run_job(void *data)
{
	struct job *job = data;

	job->status = run(job->conn, "wait", NULL);
	return NULL;
}

static void test_gates(void **state)
{
	fake_server *server = fake_server_new("a");
	struct job job = {connect_to(server), CDBC_INTERNAL};
	pthread_t thread;

	fake_server_answer(server,
					   &(fake_answer){.sql = "wait", .gate = "g", .gate_at = CDBC_POSITION_SENT});
	pthread_create(&thread, NULL, run_job, &job);
	assert_true(fake_server_wait(server, "g", 1));
	fake_driver.cancel(job.conn, CX_NEVER, NULL);
	pthread_join(thread, NULL);
	assert_int_equal(job.status, CDBC_CANCELLED);
	assert_int_equal(run_for(job.conn, "wait", cx_clock_now_ns(), NULL, NULL), CDBC_TIMEOUT);
	pthread_create(&thread, NULL, run_job, &job);
	assert_true(fake_server_wait(server, "g", 1));
	fake_server_let(server, "g");
	pthread_join(thread, NULL);
	assert_int_equal(job.status, CDBC_OK);
	fake_driver.close(job.conn);
	fake_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),    cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_lost_links), cmocka_unit_test(test_planned_failures),
		cmocka_unit_test(test_gates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
