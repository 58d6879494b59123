// SPDX-License-Identifier: Apache-2.0
/* Files, settings, locks between connections, and what stops a statement. */
#include "sqlite_helper.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/cdbc-sqlite-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/t.db", folder);
	return 0;
}

static int remove_file(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[128];

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "%s%s", path, ends[i]);
		unlink(name);
	}
	return 0;
}

static int remove_folder(void **state)
{
	return rmdir(folder);
}

static void *open_file(void)
{
	void *conn = NULL;

	assert_int_equal(open_path(path, &conn, NULL), CDBC_OK);
	return conn;
}

static cdbc_status open_with(const char *name, const char *value, void **conn, cdbc_error **err)
{
	cdbc_setting items[] = {{"path", path}, {name, value}};
	cdbc_settings settings = {
		.struct_size = sizeof settings, .scheme = "sqlite", .items = items, .count = 2};

	return DRIVER->open(&settings, CX_NEVER, conn, err);
}

static void expect_refused(const char *name, const char *value, cdbc_status status,
						   const char *part)
{
	cdbc_error *err = NULL;
	void *conn = NULL;

	assert_int_equal(open_with(name, value, &conn, &err), status);
	assert_null(conn);
	if (!strstr(cdbc_error_message(err), part))
		fail_msg("%s", cdbc_error_message(err));
	cdbc_error_free(err);
}

static void test_settings(void **state)
{
	cdbc_error *err = NULL;
	void *conn = NULL;

	expect_refused("mode", "x", CDBC_CONFIG, "none of rwc, rw, ro");
	expect_refused("prepared_statements", "-1", CDBC_CONFIG, "0 to 1000");
	expect_refused("set.cache size", "1", CDBC_CONFIG, "not a pragma");
	expect_refused("set.cache_size", "1;drop", CDBC_CONFIG, "not a pragma");
	expect_refused("pathh", "x", CDBC_CONFIG, "\"pathh\" is unknown");
	assert_int_equal(open_path("", &conn, &err), CDBC_CONFIG);
	assert_non_null(strstr(cdbc_error_message(err), "\"path\" is missing"));
	cdbc_error_free(err);
	assert_int_equal(open_with("set.user_version", "17", &conn, NULL), CDBC_OK);
	DRIVER->close(conn);
}

static void test_no_such_folder(void **state)
{
	cdbc_error *err = NULL;
	void *conn = NULL;

	assert_int_equal(open_path("/nonexistent/x.db", &conn, &err), CDBC_CONNECT);
	assert_string_equal(cdbc_error_message(err),
						"open \"/nonexistent/x.db\": unable to open database file");
	assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_HINT), "does not exist"));
	cdbc_error_free(err);
	expect_refused("mode", "ro", CDBC_CONNECT, "unable to open database file");
	assert_int_not_equal(access(path, F_OK), 0);
}

static void test_no_database(void **state)
{
	FILE *file = fopen(path, "w");
	cdbc_error *err = NULL;
	void *conn = NULL;

	fputs("this is a letter, not a database; and it is long enough to be looked at by everybody "
		  "who wants to, all of it, really.\n",
		  file);
	fclose(file);
	assert_int_equal(open_path(path, &conn, &err), CDBC_CONNECT);
	assert_non_null(strstr(cdbc_error_message(err), "file is not a database"));
	cdbc_error_free(err);
}

static cdbc_status run_by(void *conn, const char *sql, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_request r = request_of(sql);
	const struct ArrowSchema *schema;
	bool has_result;
	void *cursor;
	cdbc_status status =
		DRIVER->submit(conn, &r, 1, CDBC_ONE_SYNC, deadline_ns, &cursor, NULL, err);

	if (status)
		return status;
	status = DRIVER->next_result(cursor, deadline_ns, &schema, &has_result, err);
	DRIVER->cursor_close(cursor, deadline_ns);
	return status;
}

static void test_read_only(void **state)
{
	cdbc_error *err = NULL;
	void *conn = open_file();

	run(conn, "create table t (a int)");
	DRIVER->close(conn);
	assert_int_equal(open_with("mode", "ro", &conn, NULL), CDBC_OK);
	assert_int_equal(run_by(conn, "insert into t values (1)", CX_NEVER, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "25006");
	cdbc_error_free(err);
	run(conn, "select * from t");
	DRIVER->close(conn);
}

static void test_defaults(void **state)
{
	cdbc_error *err = NULL;
	void *conn = open_file();

	run(conn, "create table p (a integer primary key)");
	run(conn, "create table c (p integer references p (a))");
	assert_int_equal(run_by(conn, "insert into c values (1)", CX_NEVER, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "23503");
	cdbc_error_free(err);
	run(conn, "pragma foreign_keys = off");
	assert_int_equal(DRIVER->reset(conn, CX_NEVER, NULL), CDBC_OK);
	assert_int_equal(run_by(conn, "insert into c values (1)", CX_NEVER, NULL), CDBC_SQL);
	assert_int_equal(run_by(conn, "update sqlite_schema set sql = ''", CX_NEVER, NULL), CDBC_SQL);
	DRIVER->close(conn);
}

/* ---- locks
 * --------------------------------------------------------------------------------------------------
 */

static void test_lock_until_deadline(void **state)
{
	void *a = open_file(), *b = open_file();
	cdbc_error *err = NULL;

	run(a, "create table t (a int)");
	run(a, "begin immediate");
	run(a, "insert into t values (1)");
	run(b, "select * from t"); /* readers are not in the way */
	assert_int_equal(run_by(b, "insert into t values (2)", cx_deadline_after_ms(200), &err),
					 CDBC_TIMEOUT);
	assert_string_equal(cdbc_error_message(err),
						"the deadline passed while waiting for a lock on the database");
	cdbc_error_free(err);
	run(a, "commit");
	assert_int_equal(run_by(b, "insert into t values (2)", cx_deadline_after_ms(10000), NULL),
					 CDBC_OK);
	DRIVER->close(a);
	DRIVER->close(b);
}

static void *commit_soon(void *conn)
{
	run(conn, "commit");
	return NULL;
}

static void test_lock_is_waited_for(void **state)
{
	void *a = open_file(), *b = open_file();
	pthread_t thread;

	run(a, "create table t (a int)");
	run(a, "begin immediate");
	pthread_create(&thread, NULL, commit_soon, a);
	assert_int_equal(run_by(b, "insert into t values (2)", cx_deadline_after_ms(10000), NULL),
					 CDBC_OK);
	pthread_join(thread, NULL);
	DRIVER->close(a);
	DRIVER->close(b);
}

/* A reader that turns writer after another wrote: waiting cannot help. */
static void test_conflict(void **state)
{
	void *a = open_file(), *b = open_file();
	cdbc_error *err = NULL;

	run(a, "create table t (a int)");
	run(b, "begin");
	run(b, "select * from t");
	run(a, "insert into t values (1)");
	assert_int_equal(run_by(b, "insert into t values (2)", cx_deadline_after_ms(10000), &err),
					 CDBC_CONFLICT);
	assert_string_equal(cdbc_error_sqlstate(err), "");
	cdbc_error_free(err);
	run(b, "rollback");
	DRIVER->close(a);
	DRIVER->close(b);
}

typedef struct canceller {
	void *conn;
	atomic_bool is_over;
} canceller;

/* It cannot be seen from outside that the wait has begun: so again, until it is over. */
static void *cancel_until_over(void *data)
{
	canceller *c = data;

	while (!atomic_load(&c->is_over)) {
		DRIVER->cancel(c->conn, CX_NEVER, NULL);
		sched_yield();
	}
	return NULL;
}

static void test_cancel_while_waiting(void **state)
{
	void *a = open_file();
	canceller c = {.conn = open_file()};
	cdbc_error *err = NULL;
	pthread_t thread;

	run(a, "create table t (a int)");
	run(a, "begin immediate");
	pthread_create(&thread, NULL, cancel_until_over, &c);
	assert_int_equal(run_by(c.conn, "insert into t values (2)", cx_deadline_after_ms(30000), &err),
					 CDBC_CANCELLED);
	atomic_store(&c.is_over, true);
	pthread_join(thread, NULL);
	assert_string_equal(cdbc_error_sqlstate(err), "57014");
	cdbc_error_free(err);
	DRIVER->close(a);
	DRIVER->close(c.conn);
}

/* A batch is closed by time too: slow rows do not wait for a full one. */
static void test_batch_by_time(void **state)
{
	cdbc_request r = request_of("select a, (with recursive r(n) as (select a union all select n + "
								"1 from r where n < 30000) "
								"select count(*) from r) as n from t");
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	void *conn = open_memory(), *cursor;
	bool has_result;
	int batches = 0, rows = 0;

	run(conn, "create table t (a int)");
	run(conn, "insert into t values (1), (2), (3), (4), (5), (6), (7), (8)");
	r.batch_ns = 1;
	assert_int_equal(DRIVER->submit(conn, &r, 1, CDBC_ONE_SYNC, CX_NEVER, &cursor, NULL, NULL),
					 CDBC_OK);
	assert_int_equal(DRIVER->next_result(cursor, CX_NEVER, &schema, &has_result, NULL), CDBC_OK);
	for (;;) {
		assert_int_equal(DRIVER->fetch(cursor, CX_NEVER, &batch, NULL), CDBC_OK);
		if (!batch.release)
			break;
		batches++;
		rows += (int)batch.length;
		batch.release(&batch);
	}
	DRIVER->cursor_close(cursor, CX_NEVER);
	assert_int_equal(rows, 8);
	assert_true(batches > 1);
	DRIVER->close(conn);
}

/* An interrupted write takes the whole transaction with it; what follows must not run outside of
 * one. */
static void test_transaction_gone(void **state)
{
	static const char slow_write[] = "insert into t with recursive r(n) as (select 1 union all "
									 "select n + 1 from r) select n from r";
	void *conn = open_memory();
	cdbc_error *err = NULL;

	run(conn, "create table t (a int)");
	run(conn, "begin");
	run(conn, "insert into t values (1)");
	assert_int_equal(run_by(conn, slow_write, cx_deadline_after_ms(30), &err), CDBC_TIMEOUT);
	cdbc_error_free(err);
	err = NULL;
	if (DRIVER->state(conn).tx == CDBC_TX_FAILED) {
		assert_int_equal(run_by(conn, "insert into t values (2)", CX_NEVER, &err), CDBC_SQL);
		assert_string_equal(cdbc_error_sqlstate(err), "25P02");
		cdbc_error_free(err);
		err = NULL;
		assert_int_equal(run_by(conn, "commit", CX_NEVER, &err), CDBC_SQL);
		assert_string_equal(cdbc_error_sqlstate(err), "40000");
		cdbc_error_free(err);
	} else {
		fail_msg("the transaction is %d", DRIVER->state(conn).tx);
	}
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_IDLE);
	run(conn, "insert into t values (3)");
	DRIVER->close(conn);
}

/* Nothing begins after its deadline but a rollback. */
static void test_deadline_was_before(void **state)
{
	cdbc_request r = request_of("insert into t values (1)");
	const struct ArrowSchema *schema;
	void *conn = open_memory(), *cursor;
	bool has_result;

	run(conn, "create table t (a int)");
	run(conn, "begin");
	assert_int_equal(DRIVER->submit(conn, &r, 1, CDBC_ONE_SYNC, 1, &cursor, NULL, NULL), CDBC_OK);
	assert_int_equal(DRIVER->next_result(cursor, 1, &schema, &has_result, NULL), CDBC_TIMEOUT);
	assert_int_equal(DRIVER->summary(cursor)->position, CDBC_POSITION_NOT_FLUSHED);
	DRIVER->cursor_close(cursor, 1);
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_OPEN);
	assert_int_equal(run_by(conn, "rollback", 1, NULL), CDBC_OK);
	DRIVER->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_settings, remove_file),
		cmocka_unit_test_teardown(test_no_such_folder, remove_file),
		cmocka_unit_test_teardown(test_no_database, remove_file),
		cmocka_unit_test_teardown(test_read_only, remove_file),
		cmocka_unit_test_teardown(test_defaults, remove_file),
		cmocka_unit_test_teardown(test_lock_until_deadline, remove_file),
		cmocka_unit_test_teardown(test_lock_is_waited_for, remove_file),
		cmocka_unit_test_teardown(test_conflict, remove_file),
		cmocka_unit_test_teardown(test_cancel_while_waiting, remove_file),
		cmocka_unit_test_teardown(test_batch_by_time, remove_file),
		cmocka_unit_test_teardown(test_transaction_gone, remove_file),
		cmocka_unit_test_teardown(test_deadline_was_before, remove_file),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
