// SPDX-License-Identifier: Apache-2.0
/* Copies that are stopped on real databases, by their deadline or from another thread, while they
 * wait for a lock: each says so, says honestly what became of its rows, and leaves a session and
 * connections that are of use. */
#include "support/skip.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define ROWS_MAX 20000000 /* nobody gets so far */

typedef enum means { BY_CANCEL, BY_DEADLINE } means;

typedef struct fixture {
	cdbc_client *client;
	cdbc_session *session, *other, *watch;
	bool is_embedded;
	char waits[200]; /* how many of the session's statements wait for a lock */
} fixture;

static cdbc_status try_run(cdbc_session *session, const char *sql, int64_t *value, cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, err);

	if (status)
		return status;
	while (cdbc_result_next(result, err))
		if (value)
			*value = cdbc_result_int64(result, 0);
	status = cdbc_result_is_complete(result) ? CDBC_OK : CDBC_INTERNAL;
	cdbc_result_free(result);
	return status;
}

static int64_t run(cdbc_session *session, const char *sql)
{
	cdbc_error *err = NULL;
	int64_t value = -1;

	if (try_run(session, sql, &value, &err))
		fail_msg("%s: %s", sql, err ? cdbc_error_message(err) : "no error was given");
	return value;
}

static void set_up(fixture *f, const char *url)
{
	cdbc_config_item items[] = {
		{"pool.max_size", "3"}, {"pool.max_opens_per_second", "0"}, {"results.batch_rows", "1000"}};
	cdbc_error *err = NULL;

	memset(f, 0, sizeof *f);
	test_client_open(url, items, sizeof items / sizeof *items, NULL, &f->client, &f->session);
	if (cdbc_client_acquire(f->client, NULL, &f->other, &err) ||
		cdbc_client_acquire(f->client, NULL, &f->watch, &err))
		fail_msg("%s", cdbc_error_message(err));
	f->is_embedded = strncmp(url, "sqlite", 6) == 0;
	run(f->other, "drop table if exists copy_stop");
	run(f->other, "create table copy_stop(id bigint primary key, s text)");
}

/* A table that nobody has anything in any more, and connections that nothing hits. */
static void tear_down(fixture *f)
{
	run(f->other, "drop table copy_stop");
	cdbc_session_release(f->session);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(cdbc_client_acquire(f->client, NULL, &f->session, NULL), CDBC_OK);
		assert_int_equal(run(f->session, "select 4711"), 4711);
		cdbc_session_release(f->session);
	}
	cdbc_session_release(f->other);
	cdbc_session_release(f->watch);
	cdbc_client_close(f->client, 5000);
}

static void server(fixture *f)
{
	const char *url = getenv("CDBC_TEST_URL");

	if (!url || strncmp(url, "cockroachdb", 11) == 0) {
		test_skip("needs a PostgreSQL server in CDBC_TEST_URL: run by scripts/with-postgres");
	}
	set_up(f, url);
}

/* ---- who stops it ---- */

typedef struct stopper {
	fixture *f;
	means how;
	atomic_bool is_ready, is_over, was_stuck;
	pthread_t thread;
} stopper;

/* On a server: once the session's statement waits for a lock. Elsewhere: from when it is told to
 * on, until the copy has ended. */
static void *stop(void *data)
{
	stopper *s = data;

	while (!atomic_load(&s->is_over)) {
		cdbc_error *err = NULL;
		int64_t count = atomic_load(&s->is_ready);

		sched_yield();
		if (!s->f->is_embedded && try_run(s->f->watch, s->f->waits, &count, &err))
			print_error("watch: %s\n", cdbc_error_message(err));
		cdbc_error_free(err);
		if (!count)
			continue;
		atomic_store(&s->was_stuck, true);
		if (s->how == BY_CANCEL && cdbc_session_cancel(s->f->session, NULL))
			print_error("the cancel failed\n");
		if (!s->f->is_embedded)
			break;
	}
	return NULL;
}

static void start_stopper(stopper *s, fixture *f, means how)
{
	memset(s, 0, sizeof *s);
	s->f = f;
	s->how = how;
	atomic_init(&s->is_ready, false);
	atomic_init(&s->is_over, false);
	atomic_init(&s->was_stuck, false);
	if (!f->is_embedded) /* asked anew each time: the connection may be another one */
		snprintf(f->waits, sizeof f->waits,
				 "select count(*) from pg_stat_activity where pid = %lld and "
				 "wait_event_type = 'Lock'",
				 (long long)run(f->session, "select pg_backend_pid()"));
	assert_int_equal(pthread_create(&s->thread, NULL, stop, s), 0);
}

static bool end_stopper(stopper *s)
{
	atomic_store(&s->is_over, true);
	pthread_join(s->thread, NULL);
	return atomic_load(&s->was_stuck);
}

/* Nothing of it is left on the server, though what it waited for is still held. */
static void has_gone(fixture *f)
{
	while (!f->is_embedded && run(f->watch, f->waits) > 0)
		sched_yield();
}

static void is_of_use(fixture *f)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(f->session, "select 4711"), 4711);
	assert_int_equal(run(f->session, "select count(*) from copy_stop"), 0);
}

/* ---- in ---- */

static cdbc_status write_all(cdbc_copy *copy, stopper *s, int64_t row_count, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	for (int64_t i = 1; !status && i <= row_count; i++) {
		cdbc_value row[] = {cdbc_int64(i), cdbc_string("a text that is not that short")};

		if (i == 1000 || row_count == 1)
			atomic_store(&s->is_ready, true);
		status = cdbc_copy_in_write_row(copy, row, 2, err);
	}
	return status ? status : cdbc_copy_in_finish(copy, NULL, err);
}

/* Copies in until it is stopped; false when its deadline passed before it got stuck. */
static bool copy_in(fixture *f, cdbc_copy_method method, means how, int64_t timeout_ms,
					int64_t row_count, cdbc_outcome *outcome)
{
	cdbc_copy_options options = CDBC_COPY_OPTIONS_INIT;
	cdbc_copy_summary sum = {.struct_size = sizeof sum};
	cdbc_error *err = NULL;
	cdbc_copy *copy;
	stopper s;
	cdbc_status status;
	bool was_stuck;

	start_stopper(&s, f, how);
	options.method = method;
	options.timeout_ms = timeout_ms;
	assert_int_equal(cdbc_copy_in_open(f->session, "copy_stop", NULL, 0, &options, &copy, NULL),
					 CDBC_OK);
	status = write_all(copy, &s, row_count, &err);
	was_stuck = end_stopper(&s);
	if (status != (how == BY_CANCEL ? CDBC_CANCELLED : CDBC_TIMEOUT))
		fail_msg("%d: %s", status, err ? cdbc_error_message(err) : "it ended well");
	cdbc_copy_in_summary(copy, &sum);
	*outcome = cdbc_error_outcome(err);
	assert_int_equal(sum.rows_committed, 0);
	assert_int_equal(sum.rows_unknown, *outcome == CDBC_OUTCOME_UNKNOWN ? row_count : 0);
	if (*outcome != CDBC_OUTCOME_ROLLED_BACK && *outcome != CDBC_OUTCOME_UNKNOWN)
		fail_msg("%s", cdbc_error_message(err));
	cdbc_error_free(err);
	cdbc_copy_in_free(copy);
	has_gone(f);
	return was_stuck;
}

/* With the first limit that is long enough for this machine to get stuck. */
static cdbc_outcome stop_in(fixture *f, cdbc_copy_method method, means how, int64_t row_count)
{
	static const int64_t limits_ms[] = {500, 3000, 20000};
	cdbc_outcome outcome = CDBC_OUTCOME_NOT_SENT;
	size_t i = how == BY_CANCEL ? 2 : 0;

	while (!copy_in(f, method, how, limits_ms[i], row_count, &outcome))
		assert_true(++i < sizeof limits_ms / sizeof *limits_ms);
	return outcome;
}

static void at_a_lock(fixture *f, const char *lock)
{
	for (cdbc_copy_method method = CDBC_COPY_COPY; method <= CDBC_COPY_INSERT; method++) {
		for (means how = BY_CANCEL; how <= BY_DEADLINE; how++) {
			run(f->other, "begin");
			run(f->other, lock);
			assert_int_equal(stop_in(f, method, how, ROWS_MAX), CDBC_OUTCOME_ROLLED_BACK);
			run(f->other, "rollback");
			is_of_use(f);
		}
	}
}

/* The table is not to be had at all. */
static void test_in_locked_table(void **state)
{
	fixture f;

	(void)state;
	server(&f);
	at_a_lock(&f, "lock table copy_stop in access exclusive mode");
	tear_down(&f);
}

/* In its middle the server waits for another transaction's row, and reads no more. */
static void test_in_locked_row(void **state)
{
	fixture f;

	(void)state;
	server(&f);
	at_a_lock(&f, "insert into copy_stop values (2500, '')");
	tear_down(&f);
}

/* The commit itself waits. What becomes of it nobody promises, but nothing is called in or out that
 * is not. */
static void test_in_commit(void **state)
{
	cdbc_outcome outcome;
	fixture f;

	(void)state;
	server(&f);
	run(f.other, "create or replace function copy_stop_wait() returns trigger language plpgsql as "
				 "'begin perform pg_advisory_xact_lock(471147); return null; end'");
	run(f.other, "create constraint trigger wait after insert on copy_stop deferrable initially "
				 "deferred for each row execute function copy_stop_wait()");
	for (means how = BY_CANCEL; how <= BY_DEADLINE; how++) {
		run(f.other, "begin");
		run(f.other, "select 1 from pg_advisory_xact_lock(471147)");
		outcome = stop_in(&f, CDBC_COPY_COPY, how, 10);
		assert_true(outcome == CDBC_OUTCOME_UNKNOWN || outcome == CDBC_OUTCOME_ROLLED_BACK);
		run(f.other, "rollback");
		is_of_use(&f);
	}
	run(f.other, "drop function copy_stop_wait() cascade");
	tear_down(&f);
}

static void open_file(fixture *f, char path[32])
{
	char url[64];
	int fd;

	strcpy(path, "/tmp/cdbc-copy-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	snprintf(url, sizeof url, "sqlite:%s", path);
	set_up(f, url);
}

static void test_in_embedded(void **state)
{
	char path[32];
	cdbc_outcome outcome;
	fixture f;

	(void)state;
	open_file(&f, path);
	/* in the middle of its rows, and while it waits for the file */
	for (int64_t row_count = ROWS_MAX; row_count > 0; row_count = row_count == 1 ? 0 : 1) {
		for (means how = BY_CANCEL; how <= BY_DEADLINE; how++) {
			if (row_count > 1 && how == BY_DEADLINE)
				continue; /* each of its rows has its own */
			if (row_count == 1) {
				run(f.other, "begin immediate");
				run(f.other, "insert into copy_stop values (0, '')");
			}
			(void)copy_in(&f, CDBC_COPY_INSERT, how, how == BY_CANCEL ? 20000 : 300, row_count,
						  &outcome);
			assert_int_equal(outcome, CDBC_OUTCOME_ROLLED_BACK);
			if (row_count == 1)
				run(f.other, "rollback");
			is_of_use(&f);
		}
	}
	tear_down(&f);
	unlink(path);
}

/* ---- out ---- */

static cdbc_status keep_length(void *data, const void *bytes, size_t length, cdbc_error **err)
{
	stopper *s = data;

	(void)bytes;
	(void)length;
	(void)err;
	atomic_store(&s->is_ready, true);
	return CDBC_OK;
}

static void stop_out(fixture *f, means how, const char *table, const char *sql)
{
	static const int64_t limits_ms[] = {500, 3000, 20000};
	size_t i = how == BY_CANCEL ? 2 : 0;
	bool was_stuck = false;

	for (; !was_stuck; i++) {
		cdbc_copy_out_options options = CDBC_COPY_OUT_OPTIONS_INIT;
		cdbc_error *err = NULL;
		cdbc_status status;
		stopper s;
		cdbc_sink sink = {.struct_size = sizeof sink, .write = keep_length, .self = &s};

		assert_true(i < sizeof limits_ms / sizeof *limits_ms);
		options.timeout_ms = limits_ms[i];
		start_stopper(&s, f, how);
		status = table ? cdbc_copy_out_table(f->session, table, NULL, 0, cdbc_format_find("csv"),
											 &options, &sink, NULL, &err)
					   : cdbc_copy_out_query(f->session, sql, CDBC_NO_PARAMS,
											 cdbc_format_find("csv"), &options, &sink, NULL, &err);
		was_stuck = end_stopper(&s);
		if (status != (how == BY_CANCEL ? CDBC_CANCELLED : CDBC_TIMEOUT))
			fail_msg("%d: %s", status, err ? cdbc_error_message(err) : "it ended well");
		/* a locked table is waited for while the statement is made ready, too */
		if (cdbc_error_outcome(err) != CDBC_OUTCOME_ROLLED_BACK &&
			(sql || cdbc_error_outcome(err) != CDBC_OUTCOME_NOT_SENT))
			fail_msg("%s", cdbc_error_message(err));
		if (was_stuck && sql)
			assert_true(atomic_load(&s.is_ready)); /* rows had come */
		cdbc_error_free(err);
		has_gone(f);
	}
}

static void test_out(void **state)
{
	fixture f;

	(void)state;
	server(&f);
	for (means how = BY_CANCEL; how <= BY_DEADLINE; how++) {
		run(f.other, "begin");
		run(f.other, "lock table copy_stop in access exclusive mode");
		run(f.other, "select 1 from pg_advisory_xact_lock(471148)");
		stop_out(&f, how, "copy_stop", NULL);
		stop_out(&f, how, NULL,
				 "select i, repeat('x', 300) from generate_series(1, 100000) i where i < 100000 or "
				 "pg_advisory_xact_lock(471148)::text = ''");
		run(f.other, "rollback");
		is_of_use(&f);
	}
	tear_down(&f);
}

static void test_out_embedded(void **state)
{
	char path[32];
	cdbc_error *err = NULL;
	fixture f;
	stopper s;
	cdbc_sink sink = {.struct_size = sizeof sink, .write = keep_length, .self = &s};

	(void)state;
	open_file(&f, path);
	start_stopper(&s, &f, BY_CANCEL);
	assert_int_equal(
		cdbc_copy_out_query(f.session,
							"with recursive n(i) as (select 1 union all select i + 1 from n) "
							"select i from n",
							CDBC_NO_PARAMS, cdbc_format_find("csv"), NULL, &sink, NULL, &err),
		CDBC_CANCELLED);
	assert_true(end_stopper(&s));
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	cdbc_error_free(err);
	is_of_use(&f);
	tear_down(&f);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_locked_table),
		cmocka_unit_test(test_in_locked_row),
		cmocka_unit_test(test_in_commit),
		cmocka_unit_test(test_in_embedded),
		cmocka_unit_test(test_out),
		cmocka_unit_test(test_out_embedded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
