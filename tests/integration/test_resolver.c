// SPDX-License-Identifier: Apache-2.0
/* The commit resolver on real databases: links that are cut around a commit, commits that come
 * after the question, transactions in flight while it is asked. */
#include "support/fault_proxy.h"
#include "support/skip.h"

#include <cdbc/cdbc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct fixture {
	cdbc_client *client; /* without the proxy */
	cdbc_session *session;
	fault_proxy *proxy; /* NULL: SQLite */
	cdbc_client *struck;
	cdbc_session *other; /* of the client that is struck, or SQLite's second */
	char folder[40];
	const char *dialect;
	int calls;
	int resolved;
} fixture;

static fixture f;

/* The error is looked at once the call is over. */
#define is_ok(call, err)                                                          \
	do {                                                                          \
		if (call)                                                                 \
			fail_msg("%s", err ? cdbc_error_message(err) : "no error was given"); \
	} while (0)

static void on_event(void *self, const cdbc_event *event)
{
	(void)self;
	(void)event;
	__atomic_fetch_add(&f.resolved, 1, __ATOMIC_RELAXED);
}

static cdbc_config *load(const char *url)
{
	cdbc_config_options from = CDBC_CONFIG_OPTIONS_INIT;
	cdbc_config_item items[] = {{"pool.max_size", "4"},
								{"resolver.enabled", "true"},
								{"resolver.timeout", "5s"},
								{"pool.max_opens_per_second", "0"},
								{"retry.budget", "100"}};
	const char *const no_environment[] = {NULL};
	cdbc_config *config = NULL;
	cdbc_error *err = NULL;

	from.url = url;
	from.items = items;
	from.item_count = sizeof items / sizeof *items;
	from.environ_list = no_environment;
	is_ok(cdbc_config_load(&from, &config, &err), err);
	return config;
}

static cdbc_client *open_client(const char *url)
{
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = CDBC_EVENT_RESOLVED,
							  .on_event = on_event};
	cdbc_config *config = load(url);
	cdbc_client *client;
	cdbc_error *err = NULL;

	options.observers = &observer;
	options.observer_count = 1;
	is_ok(cdbc_client_open(config, &options, &client, &err), err);
	cdbc_config_free(config);
	return client;
}

static void execute(cdbc_session *session, const char *sql)
{
	cdbc_error *err = NULL;

	is_ok(cdbc_session_execute_script(session, sql, NULL, &err), err);
}

static int64_t number(cdbc_session *session, const char *sql)
{
	cdbc_result *result;
	cdbc_error *err = NULL;
	int64_t value;

	is_ok(cdbc_session_query(session, sql, CDBC_NO_PARAMS, NULL, &result, &err), err);
	assert_true(cdbc_result_next(result, NULL));
	value = cdbc_result_int64(result, 0);
	cdbc_result_free(result);
	return value;
}

typedef struct schema_text {
	char data[2048];
	size_t length;
} schema_text;

static cdbc_status take_text(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	schema_text *t = self;

	(void)err;
	assert_true(t->length + length < sizeof t->data);
	memcpy(t->data + t->length, bytes, length);
	t->length += length;
	return CDBC_OK;
}

static void make_tables(const char *url)
{
	schema_text schema = {.length = 0};
	cdbc_sink sink = {sizeof sink, take_text, &schema};
	cdbc_config *config = load(url);
	cdbc_error *err = NULL;

	is_ok(cdbc_resolver_schema(config, f.dialect, &sink, &err), err);
	cdbc_config_free(config);
	execute(f.session, "drop table if exists cdbc_commits; drop table if exists marks; create "
					   "table marks (id bigint primary key)");
	execute(f.session, schema.data);
}

static int set_up(const char *url, const char *struck_url)
{
	cdbc_error *err = NULL;

	f.client = open_client(url);
	is_ok(cdbc_client_acquire(f.client, NULL, &f.session, &err), err);
	make_tables(url);
	f.struck = open_client(struck_url);
	is_ok(cdbc_client_acquire(f.struck, NULL, &f.other, &err), err);
	/* the first one looks at the table, which is not to be struck */
	is_ok(cdbc_session_begin(f.other, NULL, &err), err);
	execute(f.other, "select 1");
	is_ok(cdbc_session_commit(f.other, &err), err);
	return 0;
}

static int on_server(void **state)
{
	fault_proxy_options options = {.url = getenv("CDBC_TEST_URL"), .seed = 1};

	(void)state;
	memset(&f, 0, sizeof f);
	if (!options.url)
		return 0;
	f.dialect = strncmp(options.url, "cockroachdb", 11) == 0 ? "cockroachdb" : "postgresql";
	f.proxy = fault_proxy_start(&options);
	assert_non_null(f.proxy);
	return set_up(options.url, fault_proxy_url(f.proxy));
}

static int on_sqlite(void **state)
{
	char url[64];

	(void)state;
	memset(&f, 0, sizeof f);
	f.dialect = "sqlite";
	strcpy(f.folder, "/tmp/cdbc-resolver-XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	snprintf(url, sizeof url, "sqlite:%s/db", f.folder);
	return set_up(url, url);
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	cdbc_session_release(f.session);
	cdbc_session_release(f.other);
	cdbc_client_close(f.client, 5000);
	cdbc_client_close(f.struck, 5000);
	fault_proxy_stop(f.proxy);
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

static cdbc_status mark(cdbc_session *session, void *data, cdbc_error **err)
{
	cdbc_result *result;
	cdbc_status status;

	(void)data;
	f.calls++;
	status =
		cdbc_session_query(session, "insert into marks select coalesce(max(id), 0) + 1 from marks",
						   CDBC_NO_PARAMS, NULL, &result, err);
	if (!status)
		cdbc_result_free(result);
	return status;
}

/* A transaction that is struck: it succeeds, and has its effect once. wanted_calls 0: one or two.
 */
static void strike(fault_kind kind, int wanted_calls)
{
	int64_t marks = number(f.session, "select count(*) from marks");
	cdbc_error *err = NULL;

	f.calls = f.resolved = 0;
	fault_proxy_strike(f.proxy, kind);
	is_ok(cdbc_session_transact(f.other, mark, NULL, NULL, &err), err);
	/* a commit that comes after the question is refused, and then it struck nobody */
	if (kind != FAULT_LATE_COMMIT)
		assert_int_equal(fault_proxy_count(f.proxy, kind), 1);
	if (wanted_calls)
		assert_int_equal(f.calls, wanted_calls);
	assert_int_equal(f.resolved, 1);
	assert_int_equal(number(f.session, "select count(*) from marks"), marks + 1);
}

static void test_cut_after_the_commit(void **state)
{
	(void)state;
	need_server();
	strike(FAULT_CUT_AFTER_COMMIT, 1);
	strike(FAULT_SHUTDOWN_DONE, 1);
	strike(FAULT_DRAIN_DONE, 1);
	strike(FAULT_AMBIGUOUS_DONE, 1);
}

static void test_cut_before_the_commit(void **state)
{
	(void)state;
	need_server();
	strike(FAULT_CUT_BEFORE_COMMIT, 2);
	strike(FAULT_AMBIGUOUS_UNDONE, 2);
}

/* Delivered before the question or after it: it counts once. */
static void test_cut_and_delivered_later(void **state)
{
	(void)state;
	need_server();
	strike(FAULT_LATE_COMMIT, 0);
}

/* ---- the question alone ---- */

/* Two transactions' worth of what the library does, by hand: the token in the hands of the test. */
static const char token[] = "0fd1ea43-9d8f-8c3b-9a57-";

static const char *fresh_token(void)
{
	static char text[64];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(text, sizeof text, "%s%012llx", token,
			 (unsigned long long)now.tv_sec * 1000 + (unsigned long long)now.tv_nsec / 1000000);
	return text;
}

static cdbc_status put_token(cdbc_session *session, const char *text, cdbc_error **err)
{
	cdbc_param item = cdbc_param_of("token", cdbc_string(text));
	cdbc_result *result;
	cdbc_status status = cdbc_session_query(
		session, "insert into cdbc_commits (token, writer) values (:token, 'transaction')",
		cdbc_params_of(&item, 1), NULL, &result, err);

	if (!status)
		cdbc_result_free(result);
	return status;
}

static void begin_unresolved(cdbc_session *session)
{
	cdbc_transaction_options options = CDBC_TRANSACTION_OPTIONS_INIT;
	cdbc_error *err = NULL;

	options.resolve = CDBC_RESOLVE_OFF;
	is_ok(cdbc_session_begin(session, &options, &err), err);
}

/* A commit whose token comes after the question: it must fail, for "rolled back" was the answer. A
 * resolver that reads without inserting says the same, and then both happen. */
static void test_a_commit_that_comes_late(void **state)
{
	const char *text = fresh_token();
	cdbc_outcome outcome = CDBC_OUTCOME_UNKNOWN;
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	if (!f.folder[0]) { /* SQLite has one writer */
		begin_unresolved(f.session);
		is_ok(mark(f.session, NULL, &err), err);
	}
	is_ok(cdbc_session_resolve(f.other, text, &outcome, &err), err);
	assert_int_equal(outcome, CDBC_OUTCOME_ROLLED_BACK);
	if (f.folder[0])
		begin_unresolved(f.session);
	assert_int_equal(put_token(f.session, text, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "23505");
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cdbc_session_commit(f.session, NULL), CDBC_SQL);
	/* asked again it says the same: its own row is no transaction's */
	is_ok(cdbc_session_resolve(f.other, text, &outcome, &err), err);
	assert_int_equal(outcome, CDBC_OUTCOME_ROLLED_BACK);
	assert_int_equal(number(f.session, "select count(*) from marks"), 0);
}

typedef struct question {
	pthread_t thread;
	const char *token;
	cdbc_outcome outcome;
	cdbc_status status;
	atomic_bool is_over;
} question;

static void *ask(void *data)
{
	question *q = data;

	q->status = cdbc_session_resolve(f.other, q->token, &q->outcome, NULL);
	atomic_store(&q->is_over, true);
	return NULL;
}

/* Until the question stands behind the transaction's lock, where that can be seen. */
static void until_it_waits(question *q)
{
	cdbc_session *watch;
	cdbc_error *err = NULL;

	if (strcmp(f.dialect, "postgresql") != 0) {
		usleep(50000); /* only to give it the chance to be wrong */
		return;
	}
	is_ok(cdbc_client_acquire(f.client, NULL, &watch, &err), err);
	while (!atomic_load(&q->is_over) &&
		   number(watch, "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and "
						 "query like '%cdbc_commits%'") == 0)
		;
	cdbc_session_release(watch);
}

static void in_flight(bool is_committed)
{
	question q = {.token = fresh_token(), .outcome = CDBC_OUTCOME_UNKNOWN};
	cdbc_error *err = NULL;

	begin_unresolved(f.session);
	is_ok(put_token(f.session, q.token, &err), err);
	assert_int_equal(pthread_create(&q.thread, NULL, ask, &q), 0);
	until_it_waits(&q);
	if (is_committed)
		is_ok(cdbc_session_commit(f.session, &err), err);
	else
		is_ok(cdbc_session_rollback(f.session, &err), err);
	pthread_join(q.thread, NULL);
	assert_int_equal(q.status, CDBC_OK);
	assert_int_equal(q.outcome, is_committed ? CDBC_OUTCOME_COMMITTED : CDBC_OUTCOME_ROLLED_BACK);
}

static void test_a_transaction_in_flight(void **state)
{
	(void)state;
	need_server();
	in_flight(true);
	in_flight(false);
}

/* The session's own search path is not the question's. */
static void test_another_search_path(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	execute(f.other, "drop schema if exists elsewhere cascade; create schema elsewhere; "
					 "create table elsewhere.cdbc_commits (like public.cdbc_commits including all);"
					 "create table elsewhere.marks (like public.marks)");
	execute(f.other, "set search_path = elsewhere, public");
	f.resolved = f.calls = 0;
	fault_proxy_strike(f.proxy, FAULT_CUT_AFTER_COMMIT);
	is_ok(cdbc_session_transact(f.other, mark, NULL, NULL, &err), err);
	assert_int_equal(f.calls, 1);
	assert_int_equal(f.resolved, 1);
	assert_int_equal(number(f.session, "select count(*) from elsewhere.cdbc_commits"), 0);
	assert_int_equal(number(f.session, "select count(*) from elsewhere.marks"), 1);
	execute(f.session, "drop schema elsewhere cascade");
}

/* A statement alone, with its token. */
static int64_t mark_alone(cdbc_session *session)
{
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;
	int64_t count;

	options.resolve = CDBC_RESOLVE_ON;
	is_ok(cdbc_session_query(session,
							 "insert into marks select coalesce(max(id), 0) + 1 from marks",
							 CDBC_NO_PARAMS, &options, &result, &err),
		  err);
	count = cdbc_result_affected_count(result);
	cdbc_result_free(result);
	return count;
}

static void test_a_statement_alone(void **state)
{
	(void)state;
	need_server();
	assert_int_equal(mark_alone(f.other), 1);
	assert_int_equal(number(f.session, "select count(*) from marks"), 1);
	if (!f.proxy)
		return;
	f.resolved = 0;
	fault_proxy_strike(f.proxy, FAULT_CUT_BEFORE_COMMIT); /* nothing of it is delivered */
	assert_int_equal(mark_alone(f.other), 1);
	assert_int_equal(number(f.session, "select count(*) from marks"), 2);
	fault_proxy_strike(f.proxy, FAULT_AMBIGUOUS_UNDONE);
	assert_int_equal(mark_alone(f.other), 1);
	assert_int_equal(number(f.session, "select count(*) from marks"), 3);
	assert_int_equal(f.resolved, 2);
}

static void test_the_token_is_there(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	is_ok(cdbc_session_transact(f.other, mark, NULL, NULL, &err), err);
	/* set_up's is the other one */
	assert_int_equal(
		number(f.session, "select count(*) from cdbc_commits where writer = 'transaction'"), 2);
	assert_int_equal(number(f.session, "select count(*) from marks"), 1);
}

static void test_tokens_that_are_none(void **state)
{
	static const char *const bad[] = {"", "x", "0fd1ea43-9d8f-8c3b-9a57-00000000000g",
									  "0fd1ea43-9d8f-4c3b-9a57-000000000000",
									  "0fd1ea43-9d8f-8c3b-9a57-0000000000000"};
	cdbc_outcome outcome;
	cdbc_error *err = NULL;

	(void)state;
	need_server();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(cdbc_session_resolve(f.other, bad[i], &outcome, NULL), CDBC_PARAM);
	/* of 1970: its row may have been swept */
	assert_int_equal(
		cdbc_session_resolve(f.other, "0fd1ea43-9d8f-8c3b-9a57-000000000001", &outcome, &err),
		CDBC_DATA);
	cdbc_error_free(err);
	begin_unresolved(f.other);
	assert_int_equal(cdbc_session_resolve(f.other, fresh_token(), &outcome, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_rollback(f.other, NULL), CDBC_OK);
}

static void test_old_tokens_go(void **state)
{
	cdbc_error *err = NULL;
	bool is_sqlite = f.folder[0];

	(void)state;
	need_server();
	execute(f.session,
			is_sqlite
				? "insert into cdbc_commits values ('old', 'transaction', unixepoch() - 90000)"
				: "insert into cdbc_commits values ('0fd1ea43-9d8f-8c3b-9a57-000000000001', "
				  "'transaction', clock_timestamp() - interval '25 hours')");
	for (int i = 0; i < 1000; i++) { /* a sweep is due then */
		is_ok(cdbc_session_begin(f.session, NULL, &err), err);
		execute(f.session, "select 1");
		is_ok(cdbc_session_commit(f.session, &err), err);
	}
	assert_int_equal(number(f.session, "select count(*) from cdbc_commits"), 1001);
}

int main(void)
{
#define SERVER(test) cmocka_unit_test_setup_teardown(test, on_server, tear_down)
#define SQLITE(test)                                         \
	{                                                        \
#test " on sqlite", test, on_sqlite, tear_down, NULL \
	}
	const struct CMUnitTest tests[] = {
		SERVER(test_cut_after_the_commit),
		SERVER(test_cut_before_the_commit),
		SERVER(test_cut_and_delivered_later),
		SERVER(test_another_search_path),
		SERVER(test_a_commit_that_comes_late),
		SQLITE(test_a_commit_that_comes_late),
		SERVER(test_a_transaction_in_flight),
		SQLITE(test_a_transaction_in_flight),
		SERVER(test_a_statement_alone),
		SQLITE(test_a_statement_alone),
		SERVER(test_the_token_is_there),
		SQLITE(test_the_token_is_there),
		SERVER(test_tokens_that_are_none),
		SERVER(test_old_tokens_go),
		SQLITE(test_old_tokens_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
