// SPDX-License-Identifier: Apache-2.0
/* The whole public interface on real databases: each case runs on PostgreSQL and, where it can, on
 * SQLite. The server that goes away is one of its own. */
#include "support/test_server.h"
#include "support/skip.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define QUERIES                                                                                    \
	"-- name: pair :one\n-- param: a int8\n-- param: b text?\nselect cast(:a as bigint) as a, :b " \
	"as b;\n"                                                                                      \
	"-- name: add_note !\n-- param: id int8\n-- param: body text\ninsert into notes values (:id, " \
	":body);\n"                                                                                    \
	"-- name: notes_of :many\n-- param: ids int8[]\nselect id, body from notes where id in "       \
	"(:ids) order by id;\n"

typedef struct fixture {
	cdbc_client *client;
	cdbc_session *session;
	bool is_sqlite;
	char folder[32], queries[64], database[80];
} fixture;

static fixture f;

static void fail_with(const char *what, cdbc_error *err)
{
	fail_msg("%s: %s", what, err ? cdbc_error_message(err) : "no error was given");
}

static cdbc_client *open_client(const char *url, const char *max_size)
{
	cdbc_config_item items[] = {
		{"pool.max_size", max_size}, {"queries.folders", f.queries}, {"pool.check_idle", "0"}};
	cdbc_client *client = NULL;

	test_client_open(url, items, 3, NULL, &client, NULL);
	return client;
}

static void execute(cdbc_session *session, const char *sql)
{
	cdbc_error *err = NULL;

	if (cdbc_session_execute_script(session, sql, NULL, &err))
		fail_with(sql, err);
}

static int set_up(const char *url)
{
	FILE *file;
	cdbc_error *err = NULL;

	strcpy(f.folder, "/tmp/cdbc-client-XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	snprintf(f.queries, sizeof f.queries, "%s/q.sql", f.folder);
	file = fopen(f.queries, "w");
	assert_non_null(file);
	fputs(QUERIES, file);
	assert_int_equal(fclose(file), 0);
	snprintf(f.database, sizeof f.database, "sqlite:%s/db", f.folder);
	f.is_sqlite = !url;
	f.client = open_client(url ? url : f.database, "3");
	if (cdbc_client_acquire(f.client, NULL, &f.session, &err))
		fail_with("acquire", err);
	execute(f.session,
			"drop table if exists notes; create table notes (id bigint primary key, body text)");
	return 0;
}

static int on_postgresql(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");

	(void)state;
	memset(&f, 0, sizeof f);
	return url ? set_up(url) : 0;
}

static int on_sqlite(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	return set_up(NULL);
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	cdbc_session_release(f.session);
	cdbc_client_close(f.client, 5000);
	if (f.folder[0]) {
		snprintf(command, sizeof command, "rm -rf %s", f.folder);
		return system(command);
	}
	return 0;
}

static void need_server(void)
{
	if (!f.client) {
		test_skip("CDBC_TEST_URL is not set: run by scripts/with-postgres");
	}
}

/* Before a version; 0: on any. */
static void not_on_cockroach(int before, const char *why)
{
	const test_server *server = test_server_find();

	if (before ? test_server_is_before(server, before) : server->is_cockroach) {
		test_skip("on CockroachDB: %s", why);
	}
}

static cdbc_result *query(cdbc_session *session, const char *sql, cdbc_params params)
{
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;

	if (cdbc_session_query(session, sql, params, NULL, &result, &err))
		fail_with(sql, err);
	return result;
}

static void next_row(cdbc_result *result)
{
	cdbc_error *err = NULL;

	if (!cdbc_result_next(result, &err))
		fail_with("next", err);
}

static void at_end(cdbc_result *result)
{
	cdbc_error *err = NULL;

	if (cdbc_result_next(result, &err) || !cdbc_result_is_complete(result))
		fail_with("end", err);
	cdbc_result_free(result);
}

static int64_t number(cdbc_session *session, const char *sql)
{
	cdbc_result *result = query(session, sql, CDBC_NO_PARAMS);
	int64_t value;

	next_row(result);
	value = cdbc_result_int64(result, 0);
	at_end(result);
	return value;
}

static void assert_text(cdbc_result *result, size_t column, const char *wanted)
{
	cdbc_text text = cdbc_result_text(result, column);

	if (text.length != strlen(wanted) || memcmp(text.data, wanted, text.length) != 0)
		fail_msg("column %zu: %.*s, not %s", column, (int)text.length, text.data, wanted);
}

/* ---- on both ---- */

static void test_named_query(void **state)
{
	cdbc_result *result;
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	if (cdbc_session_run(f.session, "pair",
						 CDBC_PARAMS({"a", cdbc_int64(7)}, {"b", cdbc_string("it's")}), NULL,
						 &result, &err))
		fail_with("pair", err);
	next_row(result);
	assert_int_equal(cdbc_result_int64(result, 0), 7);
	assert_text(result, 1, "it's");
	at_end(result);
	if (cdbc_session_run(f.session, "pair", CDBC_PARAMS({"a", cdbc_string("8")}), NULL, &result,
						 &err))
		fail_with("pair", err);
	next_row(result);
	assert_int_equal(cdbc_result_int64(result, 0), 8);
	assert_true(cdbc_result_is_null(result, 1));
	cdbc_result_free(result);
	assert_int_equal(cdbc_session_run(f.session, "pair", CDBC_PARAMS({"a", cdbc_string("x")}), NULL,
									  &result, &err),
					 CDBC_PARAM);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cdbc_session_run(f.session, "pear", CDBC_NO_PARAMS, NULL, &result, &err),
					 CDBC_NOT_FOUND);
	assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_HINT), "pair"));
	cdbc_error_free(err);
}

static void test_values_in_and_out(void **state)
{
	static const unsigned char bytes[] = {0, 255, '\\', 'a'};
	cdbc_result *result;
	cdbc_text text;

	(void)state;
	need_server();
	if (f.is_sqlite)
		execute(f.session,
				"create table v (b boolean, i bigint, d double precision, t text, x blob, n text)");
	else
		execute(f.session, "drop table if exists v; create table v (b boolean, i bigint, d double "
						   "precision, t text, x bytea, n text)");
	result = query(f.session, "insert into v values (:b, :i, :d, :t, :x, :n)",
				   CDBC_PARAMS({"b", cdbc_bool(true)}, {"i", cdbc_int64(INT64_MIN)},
							   {"d", cdbc_double(0.1)}, {"t", cdbc_string("h\xc3\xa9")},
							   {"x", cdbc_bytes(bytes, sizeof bytes)}, {"n", cdbc_null()}));
	assert_int_equal(cdbc_result_affected_count(result), -1 + 2 * cdbc_result_is_complete(result));
	assert_false(cdbc_result_next(result, NULL));
	assert_int_equal(cdbc_result_affected_count(result), 1);
	cdbc_result_free(result);
	result = query(f.session, "select * from v", CDBC_NO_PARAMS);
	next_row(result);
	assert_true(cdbc_result_bool(result, 0));
	assert_true(cdbc_result_int64(result, 1) == INT64_MIN);
	assert_true(cdbc_result_double(result, 2) == 0.1);
	assert_text(result, 3, "h\xc3\xa9");
	text = cdbc_result_text(result, 4);
	assert_int_equal(text.length, sizeof bytes);
	assert_memory_equal(text.data, bytes, sizeof bytes);
	assert_true(cdbc_result_is_null(result, 5));
	at_end(result);
	execute(f.session, "drop table v");
}

static void add_notes(int64_t count)
{
	for (int64_t i = 1; i <= count; i++) {
		cdbc_result *result;
		cdbc_error *err = NULL;

		if (cdbc_session_run(f.session, "add_note",
							 CDBC_PARAMS({"id", cdbc_int64(i)}, {"body", cdbc_string("note")}),
							 NULL, &result, &err))
			fail_with("add_note", err);
		assert_false(cdbc_result_next(result, NULL));
		assert_int_equal(cdbc_result_affected_count(result), 1);
		cdbc_result_free(result);
	}
}

static void test_lists(void **state)
{
	const cdbc_value ids[] = {cdbc_int64(3), cdbc_int64(1), cdbc_int64(99)};
	cdbc_result *result;
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	add_notes(5);
	for (size_t count = 0; count <= 3; count++) {
		static const int64_t rows[] = {0, 1, 2, 2};

		if (cdbc_session_run(f.session, "notes_of", CDBC_PARAMS({"ids", cdbc_array(ids, count)}),
							 NULL, &result, &err))
			fail_with("notes_of", err);
		for (int64_t i = 0; i < rows[count]; i++)
			next_row(result);
		at_end(result);
	}
}

static void test_collect_and_stream(void **state)
{
	struct ArrowArrayStream stream;
	struct ArrowArray batch;
	cdbc_chunks chunks;
	cdbc_result *result;
	cdbc_error *err = NULL;
	int64_t rows = 0;

	(void)state;
	need_server();
	add_notes(5);
	result = query(f.session, "select a.id, b.body from notes a, notes b, notes c", CDBC_NO_PARAMS);
	next_row(result);
	if (cdbc_result_collect(result, 0, &chunks, &err))
		fail_with("collect", err);
	assert_int_equal(chunks.row_count, 124);
	assert_int_equal(chunks.schema.n_children, 2);
	cdbc_chunks_clear(&chunks);
	cdbc_result_free(result);
	result = query(f.session, "select a.id, b.body from notes a, notes b, notes c", CDBC_NO_PARAMS);
	assert_int_equal(cdbc_result_export_arrow(result, &stream, NULL), CDBC_OK);
	cdbc_result_free(result);
	while (stream.get_next(&stream, &batch) == 0 && batch.release) {
		rows += batch.length;
		batch.release(&batch);
	}
	assert_int_equal(rows, 125);
	stream.release(&stream);
	assert_int_equal(number(f.session, "select count(*) from notes"), 5);
}

static void test_errors_leave_the_session_usable(void **state)
{
	static const struct {
		const char *sql;
		cdbc_status status;
	} wrong[] = {{"selec 1", CDBC_SQL},
				 {"select * from nowhere", CDBC_SQL},
				 {"insert into notes values (1, 'a'), (1, 'b')", CDBC_SQL},
				 {"select 'x", CDBC_SQL_FILE},
				 {"select :a", CDBC_PARAM}};

	(void)state;
	need_server();
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		cdbc_result *result;
		cdbc_error *err = NULL;

		assert_int_equal(
			cdbc_session_query(f.session, wrong[i].sql, CDBC_NO_PARAMS, NULL, &result, &err),
			wrong[i].status);
		assert_int_equal(cdbc_error_outcome(err), wrong[i].status == CDBC_SQL
													  ? CDBC_OUTCOME_ROLLED_BACK
													  : CDBC_OUTCOME_NOT_SENT);
		assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_NO);
		cdbc_error_free(err);
		assert_int_equal(number(f.session, "select count(*) from notes"), 0);
	}
}

/* Texts at the edge: no statement at all, several with and without values, a lone comment. */
static void test_odd_texts(void **state)
{
	static const char *const nothing[] = {"", " \n", "-- only words", "/* so */ ;"};
	cdbc_result *result;
	cdbc_error *err = NULL;
	cdbc_status status;

	(void)state;
	need_server();
	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
		status = cdbc_session_query(f.session, nothing[i], CDBC_NO_PARAMS, NULL, &result, &err);
		if (status) {
			cdbc_error_free(err);
			err = NULL;
		} else {
			assert_int_equal(cdbc_result_column_count(result), 0);
			at_end(result);
		}
		assert_int_equal(cdbc_session_execute_script(f.session, nothing[i], NULL, NULL), CDBC_OK);
	}
	status = cdbc_session_query(f.session, "insert into notes values (:id, 'x'); select 1",
								CDBC_PARAMS({"id", cdbc_int64(1)}), NULL, &result, &err);
	assert_int_not_equal(status, CDBC_OK);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	cdbc_error_free(err);
	assert_int_equal(number(f.session, "select count(*) from notes"), 0);
}

/* What went wrong, or NULL. */
static void *insert_many(void *data)
{
	int64_t from = *(int64_t *)data;
	cdbc_session *session;
	cdbc_error *err = NULL;

	if (cdbc_client_acquire(f.client, NULL, &session, &err))
		return &f;
	for (int64_t i = from; i < from + 50; i++) {
		cdbc_result *result;

		if (cdbc_session_query(session, "insert into notes values ($1, 'x')",
							   CDBC_PARAMS({NULL, cdbc_int64(i)}), NULL, &result, &err)) {
			fprintf(stderr, "%s\n", cdbc_error_message(err));
			cdbc_error_free(err);
			return &f;
		}
		cdbc_result_free(result);
	}
	cdbc_session_release(session);
	return NULL;
}

static void test_two_threads(void **state)
{
	int64_t from[] = {100, 1000};
	pthread_t threads[2];

	(void)state;
	need_server();
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, insert_many, &from[i]), 0);
	for (int i = 0; i < 2; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(number(f.session, "select count(*) from notes"), 100);
}

static void count_item(void *data, const cdbc_health_item *item)
{
	assert_true(item->is_ok);
	assert_true(strlen(item->text) > 3);
	++*(int *)data;
}

static void test_pool_and_health(void **state)
{
	cdbc_pool_stats stats = {.struct_size = sizeof stats};
	cdbc_session *session;
	int items = 0;
	bool is_ok = false;

	(void)state;
	need_server();
	assert_int_equal(cdbc_client_health(f.client, 5000, count_item, &items, &is_ok, NULL), CDBC_OK);
	assert_true(is_ok);
	assert_int_equal(items, 3);
	assert_int_equal(cdbc_client_acquire(f.client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(number(session, "select 1"), 1);
	cdbc_client_pool_stats(f.client, &stats);
	assert_int_equal(stats.max_count, 3);
	assert_int_equal(stats.used_now, 2);
	assert_true(stats.acquire_count >= 3);
	assert_int_equal(stats.waiting_now, 0);
	cdbc_session_release(session);
	cdbc_client_pool_stats(f.client, &stats);
	assert_int_equal(stats.used_now, 1);
}

static void test_released_in_the_middle(void **state)
{
	cdbc_session *session;
	cdbc_result *result;

	(void)state;
	need_server();
	add_notes(9);
	for (int i = 0; i < 6; i++) { /* more than the pool has connections */
		assert_int_equal(cdbc_client_acquire(f.client, NULL, &session, NULL), CDBC_OK);
		execute(session, "begin; update notes set body = 'changed'");
		result =
			query(session, "select a.id from notes a, notes b, notes c, notes d", CDBC_NO_PARAMS);
		next_row(result);
		cdbc_session_release(session);
		assert_int_equal(number(f.session, "select count(*) from notes where body = 'changed'"), 0);
	}
}

/* ---- on a server ---- */

static void *cancel_soon(void *data)
{
	cdbc_session *other;
	cdbc_result *result;
	int64_t runs = 0;

	(void)data;
	if (cdbc_client_acquire(f.client, NULL, &other, NULL))
		return NULL;
	while (!runs) { /* until the server says that it runs */
		if (cdbc_session_query(other,
							   test_server_find()->is_cockroach
								   ? "select count(*) from [show cluster queries] where query "
									 "ilike 'select pg_sleep(20)%'"
								   : "select count(*) from pg_stat_activity where state = 'active' "
									 "and query like 'select pg_sleep(20)%'",
							   CDBC_NO_PARAMS, NULL, &result, NULL))
			break;
		if (cdbc_result_next(result, NULL))
			runs = cdbc_result_int64(result, 0);
		cdbc_result_free(result);
	}
	cdbc_session_release(other);
	return cdbc_session_cancel(f.session, NULL) == CDBC_OK ? &f : NULL;
}

static void test_cancel_then_reuse(void **state)
{
	cdbc_result *result;
	cdbc_error *err = NULL;
	pthread_t thread;
	void *was_ok;

	(void)state;
	need_server();
	not_on_cockroach(2201, "it takes no cancel over the wire");
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
	assert_int_equal(
		cdbc_session_query(f.session, "select pg_sleep(20)", CDBC_NO_PARAMS, NULL, &result, &err),
		CDBC_CANCELLED);
	pthread_join(thread, &was_ok);
	assert_non_null(was_ok);
	assert_string_equal(cdbc_error_sqlstate(err), "57014");
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	cdbc_error_free(err);
	assert_int_equal(number(f.session, "select 4"), 4);
}

static void test_deadline_then_reuse(void **state)
{
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result;
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	not_on_cockroach(2201, "it takes no cancel over the wire");
	options.timeout_ms = 500;
	assert_int_equal(cdbc_session_query(f.session, "insert into notes select 1, pg_sleep(20)::text",
										CDBC_NO_PARAMS, &options, &result, &err),
					 CDBC_TIMEOUT);
	assert_int_equal(cdbc_error_outcome(err),
					 CDBC_OUTCOME_ROLLED_BACK); /* the server said that it stopped */
	cdbc_error_free(err);
	assert_int_equal(number(f.session, "select count(*) from notes"), 0);
}

/* Reads many rows within so many seconds of the server's time, and rests for longer meanwhile. */
static cdbc_status read_at_leisure(int timeout_s, int64_t *rows, cdbc_error **err)
{
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	const struct timespec pause = {timeout_s, 200 * 1000000};
	cdbc_result *result;
	struct ArrowArray batch;
	cdbc_status status;

	options.timeout_ms = timeout_s * 1000;
	options.batch_rows = 100000;
	*rows = 0;
	status = cdbc_session_query(f.session,
								"select g, repeat('x', 100) from generate_series(1, 400000) g",
								CDBC_NO_PARAMS, &options, &result, err);
	if (status)
		return status;
	while (!(status = cdbc_result_take(result, &batch, err)) && batch.release) {
		*rows += batch.length;
		batch.release(&batch);
		if (*rows <= 100000)
			nanosleep(&pause, NULL); /* the test's point: longer than the deadline */
	}
	cdbc_result_free(result);
	return status;
}

static void test_the_callers_time_does_not_count(void **state)
{
	static const int limits_s[] = {1, 3, 10}; /* the first that is enough for the server's time */
	cdbc_status status = CDBC_TIMEOUT;
	cdbc_error *err = NULL;
	int64_t rows = 0;

	(void)state;
	need_server();
	not_on_cockroach(0, "it needs longer for the rows than their deadline");
	for (size_t i = 0; i < sizeof limits_s / sizeof *limits_s && status == CDBC_TIMEOUT; i++) {
		cdbc_error_free(err);
		err = NULL;
		status = read_at_leisure(limits_s[i], &rows, &err);
	}
	if (status)
		fail_with("read", err);
	assert_int_equal(rows, 400000);
}

/* What one session leaves behind does not meet the next one. The pool has one connection, so it is
 * the same. */
static void test_dirty_sessions_are_reset(void **state)
{
	cdbc_client *client;
	cdbc_session *session;
	int64_t pid;

	(void)state;
	need_server();
	not_on_cockroach(0, "it has none of the settings and locks that are looked at");
	client = open_client(getenv("CDBC_TEST_URL"), "1");
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	pid = number(session, "select pg_backend_pid()");
	execute(session, "set work_mem = '123kB'; create temp table left_over (a int)");
	assert_int_equal(number(session, "select 1 from pg_advisory_lock(4711)"), 1);
	cdbc_session_release(session);
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(number(session, "select pg_backend_pid()"), pid);
	assert_int_equal(number(session, "select count(*) from pg_class where relname = 'left_over'"),
					 0);
	assert_int_equal(number(session, "select count(*) from pg_locks where locktype = 'advisory'"),
					 0);
	assert_int_equal(
		number(session,
			   "select count(*) from pg_settings where name = 'work_mem' and setting = '123'"),
		0);
	/* and what the driver set when it opened is there again */
	assert_int_equal(
		number(session,
			   "select count(*) from pg_settings where name = 'TimeZone' and setting = 'UTC'"),
		1);
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
}

static void test_settings_of_a_session(void **state)
{
	static const cdbc_config_item items[] = {{"work_mem", "77kB"}, {"cdbc.note", "it's"}};
	static const cdbc_config_item wrong[] = {{"no_such_setting", "1"}};
	cdbc_session_options options = CDBC_SESSION_OPTIONS_INIT;
	cdbc_client *client;
	cdbc_session *session;
	cdbc_result *result;
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	not_on_cockroach(0, "it has none of the settings that are looked at");
	client = open_client(getenv("CDBC_TEST_URL"), "1");
	options.settings = items;
	options.setting_count = 2;
	options.connect_now = true;
	assert_int_equal(cdbc_client_acquire(client, &options, &session, NULL), CDBC_OK);
	assert_int_equal(
		number(session,
			   "select count(*) from pg_settings where name = 'work_mem' and setting = '77'"),
		1);
	result = query(session, "select current_setting('cdbc.note')", CDBC_NO_PARAMS);
	next_row(result);
	assert_text(result, 0, "it's");
	at_end(result);
	cdbc_session_release(session);
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(
		number(session,
			   "select count(*) from pg_settings where name = 'work_mem' and setting = '77'"),
		0);
	cdbc_session_release(session);
	options.settings = wrong;
	options.setting_count = 1;
	assert_int_equal(cdbc_client_acquire(client, &options, &session, &err), CDBC_SQL);
	assert_non_null(strstr(cdbc_error_message(err), "session setting \"no_such_setting\""));
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	cdbc_error_free(err);
	cdbc_client_close(client, 5000);
}

static void test_another_kind_of_server(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");
	char other[256];
	cdbc_client *client;
	cdbc_session *session;
	cdbc_result *result;
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	not_on_cockroach(0, "it is what the URL says");
	snprintf(other, sizeof other, "cockroachdb%s", strchr(url, ':'));
	client = open_client(other, "1");
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_query(session, "select 1", CDBC_NO_PARAMS, NULL, &result, &err),
					 CDBC_CONFIG);
	assert_non_null(strstr(cdbc_error_message(err), "postgresql"));
	cdbc_error_free(err);
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
}

/* ---- a server that goes away ---- */

static void server(const char *what, const char *folder, char *url, size_t size)
{
	char command[256];
	FILE *pipe;

	snprintf(command, sizeof command, "%s/scripts/test-postgres %s %s", CDBC_SOURCE, what, folder);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	if (url) {
		assert_non_null(fgets(url, (int)size, pipe));
		url[strcspn(url, "\n")] = '\0';
	}
	assert_int_equal(pclose(pipe), 0);
}

static void control(const char *folder, const char *what)
{
	char command[512];

	snprintf(command, sizeof command,
			 "cd / && %s%s/pg_ctl %s -D %s/data -l %s/log -w -s -o \"-p $(cat %s/port)\" "
			 ">/dev/null 2>&1 </dev/null",
			 geteuid() ? "" : "setpriv --reuid=postgres --regid=postgres --init-groups ",
			 getenv("CDBC_TEST_PGBIN"), what, folder, folder, folder);
	assert_int_equal(system(command), 0);
}

static void test_the_server_restarts(void **state)
{
	char folder[] = "/tmp/cdbc-client-pg-XXXXXX", url[256];
	cdbc_session *session;
	cdbc_client *client;
	cdbc_result *result;
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	if (!getenv("CDBC_TEST_PGBIN"))
		test_skip("CDBC_TEST_PGBIN is not set: run by scripts/with-postgres");
	assert_non_null(mkdtemp(folder));
	server("start", folder, url, sizeof url);
	client = open_client(url, "2");
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	execute(session, "create table t (a int); insert into t values (1); checkpoint");
	/* an idle one in the pool as well */
	{
		bool is_ok;

		assert_int_equal(cdbc_client_health(client, 5000, NULL, NULL, &is_ok, NULL), CDBC_OK);
		assert_true(is_ok);
	}
	control(folder, "restart -m immediate");
	/* the session's own connection died: it is told, once, that nothing was sent or nothing is
	 * known; then all is well */
	if (cdbc_session_query(session, "select count(*) from t", CDBC_NO_PARAMS, NULL, &result,
						   &err)) {
		assert_int_equal(cdbc_error_status(err), CDBC_CONNECT);
		assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_SAFE);
		cdbc_error_free(err);
		err = NULL;
	} else {
		cdbc_result_free(result);
	}
	assert_int_equal(number(session, "select count(*) from t"), 1);
	cdbc_session_release(session);
	/* one from the pool is checked before it is lent */
	control(folder, "restart -m fast");
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(number(session, "select count(*) from t"), 1);
	control(folder, "stop -m immediate");
	cdbc_session_release(session);
	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_query(session, "select 1", CDBC_NO_PARAMS, NULL, &result, &err),
					 CDBC_CONNECT);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_SAFE);
	cdbc_error_free(err);
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
	server("stop", folder, NULL, 0);
}

#define BOTH(test)                                                  \
	{#test " on postgresql", test, on_postgresql, tear_down, NULL}, \
	{                                                               \
#test " on sqlite", test, on_sqlite, tear_down, NULL        \
	}
#define SERVER(test)                                \
	{                                               \
#test, test, on_postgresql, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_named_query),
		BOTH(test_values_in_and_out),
		BOTH(test_lists),
		BOTH(test_collect_and_stream),
		BOTH(test_errors_leave_the_session_usable),
		BOTH(test_odd_texts),
		BOTH(test_two_threads),
		BOTH(test_pool_and_health),
		BOTH(test_released_in_the_middle),
		SERVER(test_cancel_then_reuse),
		SERVER(test_deadline_then_reuse),
		SERVER(test_the_callers_time_does_not_count),
		SERVER(test_dirty_sessions_are_reset),
		SERVER(test_settings_of_a_session),
		SERVER(test_another_kind_of_server),
		SERVER(test_the_server_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
