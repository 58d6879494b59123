// SPDX-License-Identifier: Apache-2.0
/* Batches whose commits carry tokens, on the scripted driver: a commit that was not answered is
 * found out, and the batch is what it turned out to be. */
#include "batch_fixture.h"

#define TABLE "\"public\".\"cdbc_commits\""
#define CHECK "INSERT INTO " TABLE " AS old (token, writer) SELECT*"
#define ASK   "INSERT INTO " TABLE " AS old (token, writer) VALUES*"
#define PUT   "INSERT INTO " TABLE " (token*"

static void answer_resolver(fixture *f, const char *writer)
{
	fake_server_answer(f->server, &(fake_answer){.sql = CHECK, .columns = "writer text"});
	fake_server_answer(f->server, &(fake_answer){.sql = PUT});
	fake_server_answer(f->server, &(fake_answer){.sql = ASK,
												 .columns = "writer text",
												 .rows = writer,
												 .loses_link = !writer,
												 .lost_at = CDBC_POSITION_SENT});
	batch_answer(f, "insert a");
	batch_answer_rows(f, "select b", "1;2");
}

static size_t count(const fixture *f, const char *begin)
{
	size_t n = 0;
	const char *sql;

	for (size_t i = 0; (sql = fake_server_sql(f->server, i, NULL)); i++)
		n += strncmp(sql, begin, strlen(begin)) == 0;
	return n;
}

/* Atomic, and as a group. */
static const cdbc_batch_options *const both[] = {&ATOMIC, NULL};

static void test_the_token_goes_along(void **state)
{
	fixture *f = *state;
	outcome o;

	answer_resolver(f, "transaction");
	for (int i = 0; i < 2; i++) {
		o = batch_run(f, both[i], SQLS("insert a", "select b"));
		batch_is_ok(&o);
		assert_int_equal(count(f, "INSERT INTO " TABLE " (token"), i + 1);
	}
	assert_int_equal(count(f, "INSERT INTO " TABLE " AS old (token, writer) V"), 0);
}

/* A write alone is a transaction too; a read needs none. One that continues asks for no statement:
 * docs/resolver.md says why. */
static void test_a_group_of_one(void **state)
{
	fixture *f = *state;
	cdbc_batch_options on = CDBC_BATCH_OPTIONS_INIT;
	outcome o;

	answer_resolver(f, "transaction");
	batch_answer(f, "create table a (b int)");
	batch_answer_lost(f, "COMMIT", 2, CDBC_POSITION_SENT);
	o = batch_run(f, NULL, SQLS("insert a"));
	batch_is_ok(&o);
	batch_assert_counts(&o, 1, 0, 0, 0, 0);
	assert_string_equal(f->told, "0:0,1; ");
	assert_int_equal(count(f, "insert a"), 1);
	o = batch_run(f, NULL, SQLS("create table a (b int)", "insert a", "create table a (b int)"));
	batch_is_ok(&o);
	assert_int_equal(count(f, "INSERT INTO " TABLE " (token"), 2);
	o = batch_run(f, NULL, SQLS("select b"));
	batch_is_ok(&o);
	on.on_error = CDBC_BATCH_CONTINUE;
	o = batch_run(f, &on, SQLS("insert a"));
	batch_is_ok(&o);
	assert_int_equal(count(f, "INSERT INTO " TABLE " (token"), 2);
}

static void test_it_was_committed(void **state)
{
	fixture *f = *state;
	outcome o;

	answer_resolver(f, "transaction");
	batch_answer_lost(f, "COMMIT", 2, CDBC_POSITION_SENT);
	for (int i = 0; i < 2; i++) {
		o = batch_run(f, both[i], SQLS("insert a", "select b"));
		batch_is_ok(&o);
		assert_string_equal(f->told, "0:0,1; 1:2,-1; "); /* once */
		batch_assert_counts(&o, 2, 0, 0, 0, 0);
		assert_int_equal(o.sum.attempt_count, 1);
		assert_int_equal(count(f, "insert a"), i + 1);
	}
}

static void test_it_was_rolled_back(void **state)
{
	fixture *f = *state;
	outcome o;

	answer_resolver(f, "resolver");
	batch_answer_lost(f, "COMMIT", 1, CDBC_POSITION_SENT);
	o = batch_run(f, &ATOMIC, SQLS("insert a", "select b"));
	batch_is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:2,-1; ");
	assert_int_equal(o.sum.attempt_count, 2);
	assert_int_equal(count(f, "insert a"), 2);
}

/* It is in, and what the statements answered is gone for good. */
static void test_its_results_are_lost(void **state)
{
	fixture *f = *state;
	outcome o;

	answer_resolver(f, "transaction");
	batch_answer_lost(f, "insert b", 1, CDBC_POSITION_SENT);
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert b"));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_COMMITTED, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 2, 0, 0, 0, 0);
	assert_int_equal(count(f, "insert a"), 1);
}

static void test_nobody_answers(void **state)
{
	fixture *f = *state;
	outcome o;

	answer_resolver(f, NULL);
	batch_answer_lost(f, "COMMIT", 1, CDBC_POSITION_SENT);
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert a"));
	assert_non_null(cdbc_error_field(o.err, CDBC_FIELD_TOKEN));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 0, 0, 0, 2, 0);
	assert_string_equal(f->told, "");
	assert_int_equal(count(f, "insert a"), 2);
}

/* A schema change could commit the token before its time. */
static void test_a_schema_change_has_no_token(void **state)
{
	fixture *f = *state;
	outcome o;

	fake_server_identify(f->server, "CockroachDB", "v25.2.0", "cockroachdb", -1);
	answer_resolver(f, "transaction");
	batch_answer(f, "create table a (b int)");
	batch_answer_lost(f, "COMMIT", 1, CDBC_POSITION_SENT);
	o = batch_run(f, &ATOMIC, SQLS("insert a", "create table a (b int)"));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_int_equal(count(f, "INSERT INTO " TABLE " (token"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, batch_set_up_resolving, batch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_the_token_goes_along),
		CASE(test_a_group_of_one),
		CASE(test_it_was_committed),
		CASE(test_it_was_rolled_back),
		CASE(test_its_results_are_lost),
		CASE(test_nobody_answers),
		CASE(test_a_schema_change_has_no_token),
	};

	return test_fake_begin() ? 1 : cmocka_run_group_tests_name("batch_doubt", tests, NULL, NULL);
}
