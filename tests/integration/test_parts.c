// SPDX-License-Identifier: Apache-2.0
/* What commits by itself on its way, and fails then: it is neither repeated nor called rolled back,
 * on PostgreSQL and SQLite. */
#include "support/skip.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct fixture {
	cdbc_client *client;
	cdbc_session *session;
} fixture;

static fixture open_at(const char *url)
{
	cdbc_error *err = NULL;
	fixture f;

	if (cdbc_client_open_url(url, &f.client, &err) ||
		cdbc_client_acquire(f.client, NULL, &f.session, &err))
		fail_msg("%s", cdbc_error_message(err));
	return f;
}

static void close_all(fixture *f)
{
	cdbc_session_release(f->session);
	cdbc_client_close(f->client, 5000);
}

static cdbc_status execute(const fixture *f, const char *sql, cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(f->session, sql, CDBC_NO_PARAMS, NULL, &result, err);

	if (!status)
		cdbc_result_free(result);
	return status;
}

static void ok(const fixture *f, const char *sql)
{
	cdbc_error *err = NULL;

	if (execute(f, sql, &err))
		fail_msg("%s: %s", sql, cdbc_error_message(err));
}

static int64_t count(const fixture *f)
{
	cdbc_result *result;
	int64_t n;

	assert_int_equal(cdbc_session_query(f->session,
										"select cast(count(*) as bigint) from parts_rows",
										CDBC_NO_PARAMS, NULL, &result, NULL),
					 CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	n = cdbc_result_int64(result, 0);
	cdbc_result_free(result);
	return n;
}

/* Fails with that outcome and replay, and leaves so many rows, which are deleted. */
static void fails(const fixture *f, const char *sql, cdbc_outcome outcome, cdbc_replay replay,
				  int64_t rows)
{
	cdbc_error *err = NULL;
	int64_t n;

	assert_true(execute(f, sql, &err));
	n = count(f);
	if (cdbc_error_outcome(err) != outcome || cdbc_error_replay(err) != replay || n != rows)
		fail_msg("%s: %s, %s, %d rows", sql, cdbc_outcome_name(cdbc_error_outcome(err)),
				 cdbc_replay_name(cdbc_error_replay(err)), (int)n);
	cdbc_error_free(err);
	ok(f, "delete from parts_rows");
}

static int calls;

static cdbc_status call_conflict(cdbc_session *session, void *data, cdbc_error **err)
{
	fixture f = {NULL, session};

	(void)data;
	return calls++ ? CDBC_OK : execute(&f, "call parts_conflict()", err);
}

static void test_postgresql(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");
	fixture f;

	(void)state;
	if (!url || strncmp(url, "cockroachdb:", 12) == 0)
		test_skip("no PostgreSQL in CDBC_TEST_URL");
	f = open_at(url);
	ok(&f, "drop table if exists parts_rows");
	ok(&f, "create table parts_rows (a int)");
	ok(&f, "create or replace procedure parts_fail(state text) language plpgsql as $$ begin "
		   "insert into parts_rows values (1); commit; "
		   "raise exception 'no' using errcode = state; end $$");
	ok(&f, "create or replace procedure parts_conflict() language plpgsql as $$ begin "
		   "raise exception 'no' using errcode = '40001'; end $$");
	fails(&f, "call parts_fail('40001')", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_IF_IDEMPOTENT, 1);
	fails(&f, "call parts_fail('23505')", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO, 1);
	fails(&f,
		  "do $$ begin insert into parts_rows values (1); commit; "
		  "raise exception 'no' using errcode = '40001'; end $$",
		  CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_IF_IDEMPOTENT, 1);
	fails(&f, "begin; insert into parts_rows values (1); commit; select 1/0", CDBC_OUTCOME_UNKNOWN,
		  CDBC_REPLAY_NO, 1);
	/* nothing of these can be in */
	fails(&f, "call parts_none()", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO, 0);
	fails(&f, "insert into parts_rows values (1); select 1/0", CDBC_OUTCOME_ROLLED_BACK,
		  CDBC_REPLAY_NO, 0);
	fails(&f, "select 1/0; commit", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO, 0);
	/* in a transaction nothing commits by itself */
	calls = 0;
	assert_int_equal(cdbc_session_transact(f.session, call_conflict, NULL, NULL, NULL), CDBC_OK);
	assert_int_equal(calls, 2);
	ok(&f, "begin");
	assert_int_equal(execute(&f, "call parts_fail('23505')", NULL), CDBC_SQL);
	/* in a transaction that has failed it is a ROLLBACK */
	assert_int_equal(execute(&f, "prepare transaction 'parts'", NULL), CDBC_SQL);
	assert_int_equal(count(&f), 0);
	ok(&f, "drop procedure parts_fail");
	ok(&f, "drop procedure parts_conflict");
	ok(&f, "drop table parts_rows");
	close_all(&f);
}

/* What goes through tables and indexes in transactions of its own: what it has done stays. */
static void test_utilities(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");
	fixture f, other;

	(void)state;
	if (!url || strncmp(url, "cockroachdb:", 12) == 0)
		test_skip("no PostgreSQL in CDBC_TEST_URL");
	f = open_at(url);
	other = open_at(url);
	ok(&f, "drop schema if exists parts_schema cascade");
	ok(&f, "drop table if exists parts_rows, parts_locked");
	ok(&f, "create table parts_rows (a int)");
	ok(&f, "create table parts_locked (a int primary key)");
	ok(&f, "insert into parts_rows values (1), (1)");
	fails(&f, "create unique index concurrently parts_index on parts_rows (a)",
		  CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO, 2);
	ok(&f, "drop index parts_index"); /* it is there, and not valid */
	ok(&f, "create schema parts_schema");
	ok(&f, "create table parts_schema.a (a int primary key)");
	ok(&f, "create table parts_schema.b (a int primary key)");
	ok(&f, "set lock_timeout = '20ms'");
	ok(&other, "begin");
	ok(&other, "lock table parts_locked, parts_schema.b in access exclusive mode");
	fails(&f, "vacuum parts_rows, parts_locked", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_IF_IDEMPOTENT,
		  0);
	fails(&f, "analyze parts_rows, parts_locked", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_IF_IDEMPOTENT,
		  0);
	fails(&f, "reindex schema parts_schema", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_IF_IDEMPOTENT, 0);
	/* one index, one transaction */
	fails(&f, "create index parts_index on parts_locked (a)", CDBC_OUTCOME_ROLLED_BACK,
		  CDBC_REPLAY_SAFE, 0);
	ok(&other, "rollback");
	ok(&f, "drop schema parts_schema cascade");
	ok(&f, "drop table parts_rows, parts_locked");
	close_all(&other);
	close_all(&f);
}

static void test_sqlite(void **state)
{
	fixture f = open_at("sqlite::memory:");

	(void)state;
	ok(&f, "create table parts_rows (a integer primary key)");
	fails(&f, "insert or fail into parts_rows values (1), (2), (1)", CDBC_OUTCOME_COMMITTED_PARTIAL,
		  CDBC_REPLAY_NO, 2);
	fails(&f, "begin; insert into parts_rows values (1); commit; insert into parts_rows values (1)",
		  CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO, 1);
	/* nothing of these is in, whatever was counted before */
	fails(&f, "insert or fail into parts_rows values (null), ('x')", CDBC_OUTCOME_ROLLED_BACK,
		  CDBC_REPLAY_NO, 0);
	fails(&f, "insert into parts_rows values (1), (2), (1)", CDBC_OUTCOME_ROLLED_BACK,
		  CDBC_REPLAY_NO, 0);
	ok(&f, "insert into parts_rows values (1), (2)");
	fails(&f, "insert or fail into parts_rows values (1), (3)", CDBC_OUTCOME_ROLLED_BACK,
		  CDBC_REPLAY_NO, 2);
	ok(&f, "insert into parts_rows values (1), (2)");
	fails(&f, "insert into parts_none values (1)", CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO, 2);
	fails(&f, "insert into parts_rows values (3); insert or fail into parts_rows values (4), (3)",
		  CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO, 0);
	close_all(&f);
}

static sqlite3_vfs disk, *real_disk;
static int strikes;

/* The journal's end is the commit. It is gone; whether for good is not known. */
static int delete_and_fail(sqlite3_vfs *vfs, const char *path, int must_sync)
{
	int rc = real_disk->xDelete(real_disk, path, must_sync);

	(void)vfs;
	return strikes && strikes-- ? SQLITE_IOERR_DIR_FSYNC : rc;
}

static void test_a_disk_that_fails_at_the_commit(void **state)
{
	char folder[] = "/tmp/cdbc-parts-XXXXXX", url[80], path[64];
	fixture f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/db", folder);
	snprintf(url, sizeof url, "sqlite:%s", path);
	real_disk = sqlite3_vfs_find(NULL);
	disk = *real_disk;
	disk.zName = "parts";
	disk.xDelete = delete_and_fail;
	assert_int_equal(sqlite3_vfs_register(&disk, 1), SQLITE_OK);
	f = open_at(url);
	ok(&f, "pragma journal_mode = delete");
	ok(&f, "create table parts_rows (a integer)");
	strikes = 1;
	fails(&f, "insert into parts_rows values (1)", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO, 1);
	ok(&f, "begin");
	ok(&f, "insert into parts_rows values (1)");
	strikes = 1;
	fails(&f, "commit", CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO, 1);
	close_all(&f);
	sqlite3_vfs_unregister(&disk);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postgresql),
		cmocka_unit_test(test_utilities),
		cmocka_unit_test(test_sqlite),
		cmocka_unit_test(test_a_disk_that_fails_at_the_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
