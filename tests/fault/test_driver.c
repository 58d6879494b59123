// SPDX-License-Identifier: Apache-2.0
/* The driver that strikes, on SQLite: each kind does what its name says, to a transaction and to a
 * single write, and what the library says of it is true. */
#include "support/fault_driver.h"

#include "sqlite/driver.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct fixture {
	char folder[40], path[64], url[80];
	cdbc_client *client; /* through the driver that strikes */
	cdbc_session *session;
} fixture;

static fixture f;

static cdbc_client *open_client(const char *url)
{
	cdbc_config_item items[] = {{"retry.max_retries", "0"}, {"pool.max_opens_per_second", "0"}};
	cdbc_client *client = NULL;

	test_client_open(url, items, sizeof items / sizeof *items, NULL, &client, NULL);
	return client;
}

static int set_up(void **state)
{
	fault_driver_options options = {.inner = &cx_driver_sqlite, .path = f.path, .seed = 1};

	(void)state;
	snprintf(f.folder, sizeof f.folder, "/tmp/cdbc-faulty.XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	snprintf(f.path, sizeof f.path, "%s/a.db", f.folder);
	snprintf(f.url, sizeof f.url, "sqlite:%s", f.path);
	fault_driver_start(&options);
	f.client = open_client("faulty:a");
	assert_int_equal(cdbc_client_acquire(f.client, NULL, &f.session, NULL), CDBC_OK);
	assert_int_equal(
		cdbc_session_execute_script(f.session, "create table marks (id bigint)", NULL, NULL),
		CDBC_OK);
	return 0;
}

/* Ends all connections, so that what was under way is decided. */
static void settle(void)
{
	cdbc_session_release(f.session);
	f.session = NULL;
	if (f.client)
		cdbc_client_close(f.client, 5000);
	f.client = NULL;
	fault_driver_stop();
}

static int tear_down(void **state)
{
	static const char *const tails[] = {"", "-wal", "-shm"};

	(void)state;
	settle();
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		char name[80];

		snprintf(name, sizeof name, "%s%s", f.path, tails[i]);
		unlink(name);
	}
	rmdir(f.folder);
	return 0;
}

static int64_t count(void)
{
	cdbc_client *client = open_client(f.url);
	cdbc_session *session;
	cdbc_result *result;
	int64_t value;

	assert_int_equal(cdbc_client_acquire(client, NULL, &session, NULL), CDBC_OK);
	assert_int_equal(cdbc_session_query(session, "select count(*) from marks", CDBC_NO_PARAMS, NULL,
										&result, NULL),
					 CDBC_OK);
	assert_true(cdbc_result_next(result, NULL));
	value = cdbc_result_int64(result, 0);
	cdbc_result_free(result);
	cdbc_session_release(session);
	cdbc_client_close(client, 5000);
	return value;
}

static cdbc_status insert(cdbc_error **err)
{
	cdbc_result *result = NULL;
	cdbc_status status = cdbc_session_query(f.session, "insert into marks values (1)",
											CDBC_NO_PARAMS, NULL, &result, err);

	cdbc_result_free(result);
	return status;
}

static cdbc_status in_transaction(fault_kind kind, cdbc_error **err)
{
	assert_int_equal(cdbc_session_begin(f.session, NULL, NULL), CDBC_OK);
	assert_int_equal(insert(NULL), CDBC_OK);
	fault_driver_strike(kind);
	return cdbc_session_commit(f.session, err);
}

static cdbc_status alone(fault_kind kind, cdbc_error **err)
{
	fault_driver_strike(kind);
	return insert(err);
}

typedef struct expectation {
	fault_kind kind;
	cdbc_status status;
	cdbc_outcome outcome;
	int64_t there;
} expectation;

static void expect(const expectation *e, cdbc_status (*way)(fault_kind kind, cdbc_error **err))
{
	cdbc_error *err = NULL;
	cdbc_status status;

	set_up(NULL);
	status = way(e->kind, &err);
	if (status != e->status || (err && cdbc_error_outcome(err) != e->outcome))
		fail_msg("%s: %s, %s: %s", fault_kind_name(e->kind), cdbc_status_name(status),
				 cdbc_outcome_name(cdbc_error_outcome(err)), err ? cdbc_error_message(err) : "");
	cdbc_error_free(err);
	assert_int_equal(fault_driver_count(e->kind), 1);
	settle();
	if (count() != e->there)
		fail_msg("%s: %s", fault_kind_name(e->kind), e->there ? "not there" : "there");
	tear_down(NULL);
}

static void test_a_commit(void **state)
{
	static const expectation all[] = {
		{FAULT_CUT_BEFORE_COMMIT, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, 0},
		{FAULT_CUT_AFTER_COMMIT, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, 1},
		{FAULT_LATE_COMMIT, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, 1},
		{FAULT_CONFLICT_COMMIT, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, 0},
		{FAULT_AMBIGUOUS_UNDONE, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, 0},
		{FAULT_AMBIGUOUS_DONE, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, 1},
		{FAULT_ROLLBACK_TAG, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, 0},
		{FAULT_DELAY, CDBC_OK, CDBC_OUTCOME_COMMITTED, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		expect(&all[i], in_transaction);
}

static void test_a_write_alone(void **state)
{
	static const expectation all[] = {
		{FAULT_CUT_BEFORE_COMMIT, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, 0},
		{FAULT_CUT_AFTER_COMMIT, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, 1},
		{FAULT_LATE_COMMIT, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, 1},
		{FAULT_CONFLICT, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, 0},
		{FAULT_AMBIGUOUS_UNDONE, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, 0},
		{FAULT_AMBIGUOUS_DONE, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, 1},
		{FAULT_DELAY, CDBC_OK, CDBC_OUTCOME_COMMITTED, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		expect(&all[i], alone);
}

static void test_inside(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	set_up(NULL);
	assert_int_equal(cdbc_session_begin(f.session, NULL, NULL), CDBC_OK);
	assert_int_equal(insert(NULL), CDBC_OK);
	fault_driver_strike(FAULT_CUT_INSIDE);
	assert_int_equal(insert(&err), CDBC_CONNECT);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_TRANSACTION);
	cdbc_error_free(err);
	assert_int_equal(cdbc_session_rollback(f.session, NULL), CDBC_OK);
	settle();
	assert_int_equal(count(), 0);
	tear_down(NULL);
}

static void test_refused(void **state)
{
	cdbc_error *err = NULL;

	(void)state;
	set_up(NULL);
	settle();
	f.client = open_client("faulty:a");
	assert_int_equal(cdbc_client_acquire(f.client, NULL, &f.session, NULL), CDBC_OK);
	fault_driver_strike(FAULT_REFUSE);
	assert_int_equal(insert(&err), CDBC_CONNECT);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	cdbc_error_free(err);
	tear_down(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_commit),
		cmocka_unit_test(test_a_write_alone),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
