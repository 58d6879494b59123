// SPDX-License-Identifier: Apache-2.0
/* Batches on the scripted driver: what goes together, what a failure at each place means for the
 * others, what is added, links, and memory that runs out. */
#include "batch_fixture.h"

/* ---- stop at the first failure ---- */

static void test_groups(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	outcome o;

	options.chunk_count = 2;
	batch_answer(f, "insert a");
	batch_answer(f, "create t");
	o = batch_run(f, &options, SQLS("insert a", "insert a", "insert a", "create t", "insert a"));
	batch_is_ok(&o);
	assert_string_equal(batch_said(f, 0),
						"BEGIN | insert a | insert a | COMMIT | insert a | create t | insert a");
	assert_string_equal(f->told, "0:0,1; 1:0,1; 2:0,1; 3:0,1; 4:0,1; ");
	batch_assert_counts(&o, 5, 0, 0, 0, 0);
	assert_int_equal(f->requests, 5);
}

static void test_stop_keeps_what_was_before(void **state)
{
	fixture *f = *state;
	size_t from;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	o = batch_run(f, NULL, SQLS("insert a", "insert a", "insert bad", "insert a"));
	assert_non_null(strstr(cdbc_error_message(o.err), "statement 3 of 4"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(batch_said(f, 0),
						"BEGIN | insert a | insert a | insert bad | insert a | COMMIT | ROLLBACK | "
						"BEGIN | insert a | insert a | COMMIT");
	assert_string_equal(f->told, "0:0,1; 1:0,1; 2 failed 23505; ");
	batch_assert_counts(&o, 2, 1, 0, 0, 1);
	/* the first of all */
	from = batch_said_count(f);
	o = batch_run(f, NULL, SQLS("insert bad", "insert a"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(batch_said(f, from), "BEGIN | insert bad | insert a | COMMIT | ROLLBACK");
	batch_assert_counts(&o, 0, 1, 0, 0, 1);
}

/* A constraint that is checked at the commit: each by itself shows whose fault it is. */
static void test_stop_when_the_commit_fails(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_error(f, "COMMIT", 1, CDBC_SQL, "23503");
	o = batch_run(f, NULL, SQLS("insert a", "insert a"));
	batch_is_ok(&o);
	batch_assert_counts(&o, 2, 0, 0, 0, 0);
	assert_string_equal(f->told, "0:0,1; 1:0,1; ");
}

static void test_stop_and_lost(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	outcome o;

	options.chunk_count = 2;
	batch_answer(f, "insert a");
	batch_answer_lost(f, "insert b", 1, CDBC_POSITION_SENT);
	o = batch_run(f, &options, SQLS("insert a", "insert a", "insert a", "insert b", "insert a"));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 2, 0, 0, 2, 1);
}

static void test_stop_with_a_text_transaction(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	o = batch_run(f, NULL, SQLS("begin", "insert a", "insert a", "commit", "insert a", "insert a"));
	batch_is_ok(&o);
	assert_string_equal(
		batch_said(f, 0),
		"begin | insert a | insert a | commit | BEGIN | insert a | insert a | COMMIT");
}

/* ---- go on ---- */

static void test_continue(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CONTINUE;
	outcome o;

	options.chunk_count = 3;
	batch_answer(f, "insert a");
	batch_answer_rows(f, "select b", "1;2;3");
	batch_answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	o = batch_run(f, &options,
				  SQLS("insert a", "insert bad", "select b", "insert bad", "insert a"));
	assert_non_null(strstr(cdbc_error_message(o.err), "statement 2 of 5"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(f->told, "0:0,1; 1 failed 23505; 2:3,-1; 3 failed 23505; 4:0,1; ");
	batch_assert_counts(&o, 3, 2, 0, 0, 0);
	assert_int_equal(fake_server_counts(f->server).submits, 2);
	assert_int_equal(f->requests, 5);
	assert_int_equal(f->request_failures, 2);
	/* a conflict is not repeated, and says that it may be */
	batch_answer_error(f, "insert c", 1, CDBC_CONFLICT, "40001");
	o = batch_run(f, &CONTINUE, SQLS("insert c", "insert bad"));
	batch_is_error(&o, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE);
	batch_assert_counts(&o, 0, 2, 0, 0, 0);
}

static void test_continue_and_lost(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CONTINUE;
	outcome o;

	options.chunk_count = 4;
	batch_answer(f, "insert a");
	batch_answer_rows(f, "select b", "1");
	batch_answer_lost(f, "insert lost", 1, CDBC_POSITION_SENT);
	o = batch_run(f, &options,
				  SQLS("insert a", "insert lost", "insert a", "select b", "insert a", "insert a"));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	/* the read had no effect, whatever became of it */
	batch_assert_counts(&o, 1, 1, 0, 2, 2);
	assert_string_equal(f->told, "0:0,1; 1 failed ; 2 failed ; 3 failed ; ");
	o = batch_run(f, &options, SQLS("insert a", "insert a"));
	batch_is_ok(&o);
}

static void test_continue_rows_then_failure(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select broken",
					   .columns = "n int8",
					   .rows = "1;2;3",
					   .error_after_rows = 2,
					   .error = {.status = CDBC_SQL, .message = "late", .sqlstate = "22012"}});
	o = batch_run(f, &CONTINUE, SQLS("insert a", "select broken", "insert a"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(f->told, "0:0,1; 1 broke; 1 failed 22012; 2:0,1; ");
	batch_assert_counts(&o, 2, 1, 0, 0, 0);
}

static void test_no_connection(void **state)
{
	fixture *f = *state;
	const cdbc_batch_options *all[] = {&ATOMIC, &CONTINUE, NULL};
	outcome o;

	fake_server_fail_opens(f->server, -1, NULL);
	for (size_t i = 0; i < 3; i++) {
		o = batch_run(f, all[i], SQLS("insert a", "insert a"));
		assert_int_equal(cdbc_error_outcome(o.err), CDBC_OUTCOME_NOT_SENT);
		cdbc_error_free(o.err);
		batch_assert_counts(&o, 0, 0, 0, 0, 2);
		assert_string_equal(f->told, "");
	}
}

/* ---- whoever listens wants no more ---- */

static void test_listener_stops(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CONTINUE;
	outcome o;

	options.chunk_count = 2;
	f->stop_at = 1;
	batch_answer(f, "insert a");
	o = batch_run(f, &options, SQLS("insert a", "insert a", "insert a", "insert a"));
	batch_is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:0,1; ");
	batch_assert_counts(&o, 2, 0, 0, 0, 2);
}

static bool use_session(void *data, int64_t index, cdbc_result *result, const cdbc_error *error)
{
	fixture *f = data;
	cdbc_result *other;

	(void)index, (void)result, (void)error;
	assert_int_equal(cdbc_session_query(f->session, "select b", CDBC_NO_PARAMS, NULL, &other, NULL),
					 CDBC_USAGE);
	return true;
}

static void test_listener_may_not_use_the_session(void **state)
{
	fixture *f = *state;
	const cdbc_batch_options *all[] = {&ATOMIC, &CONTINUE, NULL};

	batch_answer(f, "insert a");
	for (size_t i = 0; i < 3; i++) {
		cdbc_batch *batch = batch_of(f, all[i], SQLS("insert a", "insert a"));

		assert_int_equal(cdbc_batch_execute(batch, use_session, f, NULL, NULL), CDBC_OK);
		cdbc_batch_free(batch);
	}
}

/* ---- in an open transaction ---- */

static void test_inside(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_rows(f, "select b", "1;2");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	o = batch_run(f, NULL, SQLS("insert a", "select b", "insert a"));
	batch_is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:2,-1; 2:0,1; ");
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_OK);
	assert_string_equal(batch_said(f, 0), "BEGIN | insert a | select b | insert a | COMMIT");
	assert_int_equal(fake_server_counts(f->server).submits, 3);
}

static void test_inside_fails(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_error(f, "insert bad", 0, CDBC_CONFLICT, "40001");
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	o = batch_run(f, &CONTINUE, SQLS("insert a", "insert bad", "insert a"));
	assert_int_equal(cdbc_error_outcome(o.err), CDBC_OUTCOME_ROLLED_BACK);
	assert_string_equal(f->told, "0:0,1; 1 failed 40001; ");
	batch_assert_counts(&o, 0, 1, 1, 0, 1);
	cdbc_error_free(o.err);
	assert_int_equal(cdbc_session_commit(f->session, &err), CDBC_CONFLICT);
	assert_non_null(strstr(cdbc_error_message(err), "commit refused"));
	cdbc_error_free(err);
}

static void test_inside_lost(void **state)
{
	fixture *f = *state;
	cdbc_result *result;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_lost(f, "insert lost", 1, CDBC_POSITION_SENT);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	o = batch_run(f, NULL, SQLS("insert a", "insert lost"));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION);
	batch_assert_counts(&o, 0, 1, 1, 0, 0);
	assert_int_equal(o.sum.affected_count, 0);
	/* the transaction is gone, and nothing of it goes elsewhere */
	assert_int_equal(
		cdbc_session_query(f->session, "insert a", CDBC_NO_PARAMS, NULL, &result, NULL),
		CDBC_CONNECT);
	o = batch_run(f, NULL, SQLS("insert a", "insert a"));
	assert_int_equal(o.status, CDBC_CONNECT);
	cdbc_error_free(o.err);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
	o = batch_run(f, NULL, SQLS("insert a", "insert a"));
	batch_is_ok(&o);
}

/* What a transaction of text has done counts as done when it has committed, and not before it is
 * known that it cannot. */
static void test_a_transaction_of_text(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	o = batch_run(f, NULL, SQLS("insert a", "begin", "insert a", "insert bad", "commit"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 1, 1, 2, 0, 1);
	assert_int_equal(o.sum.affected_count, 1);
	o = batch_run(f, NULL, SQLS("rollback"));
	batch_is_ok(&o);
	o = batch_run(f, &CONTINUE,
				  SQLS("begin", "insert a", "insert bad", "insert a", "commit", "insert a"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 1, 3, 2, 0, 0);
	/* its own word undoes it, too */
	o = batch_run(f, NULL, SQLS("begin", "insert a", "rollback", "insert a"));
	batch_is_ok(&o);
	batch_assert_counts(&o, 2, 0, 2, 0, 0);
	/* what goes on may still be committed */
	o = batch_run(f, NULL, SQLS("begin", "insert a"));
	batch_is_ok(&o);
	batch_assert_counts(&o, 2, 0, 0, 0, 0);
	batch_answer_lost(f, "commit", 1, CDBC_POSITION_SENT);
	o = batch_run(f, NULL, SQLS("insert a", "commit", "insert a"));
	batch_is_error(&o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 0, 0, 0, 2, 1);
}

/* ---- what is added ---- */

static void test_values_are_copied(void **state)
{
	fixture *f = *state;
	cdbc_batch *batch = batch_of(f, NULL, SQLS("insert a"));
	cdbc_batch_summary sum = CDBC_BATCH_SUMMARY_INIT;
	char text[] = "seven";
	cdbc_value items[2] = {cdbc_string(text), cdbc_null()};
	cdbc_error *err = NULL;

	batch_answer(f, "insert a");
	batch_answer(f, "update mark*");
	batch_answer_rows(f, "select $1", "$1");
	assert_int_equal(cdbc_batch_add(batch, "mark", CDBC_PARAMS({"a", cdbc_int64(7)}), NULL),
					 CDBC_OK);
	assert_int_equal(cdbc_batch_add_sql(batch, "insert a -- :l",
										CDBC_PARAMS({NULL, cdbc_array(items, 2)}), &err),
					 CDBC_PARAM);
	cdbc_error_free(err);
	memset(text, 'x', sizeof text - 1);
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, &sum, NULL), CDBC_OK);
	assert_int_equal(sum.done_count, 2);
	/* again, and after a clear */
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, &sum, NULL), CDBC_OK);
	cdbc_batch_clear(batch);
	assert_int_equal(cdbc_batch_count(batch), 0);
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, &sum, NULL), CDBC_OK);
	assert_int_equal(sum.statement_count, 0);
	cdbc_batch_free(batch);
}

static void test_full(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	cdbc_error *err = NULL;
	cdbc_batch *batch;
	int64_t count = 0;

	options.max_bytes = 4096;
	batch = batch_of(f, &options, SQLS("insert a"));
	while (!cdbc_batch_add_sql(batch, "insert a", CDBC_NO_PARAMS, &err))
		assert_true(++count < 1000);
	assert_int_equal(cdbc_error_status(err), CDBC_RESOURCE);
	cdbc_error_free(err);
	batch_answer(f, "insert a");
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, NULL, NULL), CDBC_OK);
	cdbc_batch_clear(batch);
	assert_int_equal(cdbc_batch_add_sql(batch, "insert a", CDBC_NO_PARAMS, NULL), CDBC_OK);
	cdbc_batch_free(batch);
}

static void test_files(void **state)
{
	fixture *f = *state;
	char path[] = "/tmp/cdbc-batch-file-XXXXXX";
	int fd = mkstemp(path);
	static const char good[] = "insert a;\n-- why\n  insert bad;\n", open_quote[] = "insert a; 'x";
	cdbc_batch *batch = batch_of(f, NULL, SQLS("insert a"));
	char place[80];
	cdbc_error *err = NULL;

	batch_answer(f, "insert a");
	batch_answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	assert_int_equal(write(fd, good, sizeof good - 1), sizeof good - 1);
	assert_int_equal(cdbc_batch_add_file(batch, path, NULL), CDBC_OK);
	assert_int_equal(cdbc_batch_count(batch), 3);
	assert_int_equal(cdbc_batch_execute(batch, NULL, NULL, NULL, &err), CDBC_SQL);
	snprintf(place, sizeof place, "%s:3:3: ", path);
	if (strncmp(cdbc_error_message(err), place, strlen(place)) != 0)
		fail_msg("%s", cdbc_error_message(err));
	cdbc_error_free(err);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, open_quote, sizeof open_quote - 1, 0), sizeof open_quote - 1);
	assert_int_equal(cdbc_batch_add_file(batch, path, &err), CDBC_SQL_FILE);
	cdbc_error_free(err);
	assert_int_equal(cdbc_batch_count(batch), 3); /* none of it */
	assert_int_equal(cdbc_batch_add_file(batch, "/nowhere/x.sql", NULL), CDBC_IO);
	close(fd);
	unlink(path);
	cdbc_batch_free(batch);
}

/* ---- links ---- */

static void test_links_are_asked(void **state)
{
	fixture *f = *state;
	outcome o;

	batch_answer(f, "insert a");
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert a"));
	batch_is_ok(&o);
	assert_int_equal(fake_server_counts(f->server).submits, 1);
	o = batch_run(f, &CONTINUE, SQLS("insert a", "insert forbidden"));
	batch_is_error(&o, CDBC_DENIED, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 0, 0, 0, 0, 2);
	assert_int_equal(fake_server_counts(f->server).submits, 1);
}

static void test_one_by_one(void **state)
{
	fixture *f = *state;
	size_t from;
	outcome o;

	batch_answer(f, "insert a");
	batch_answer_rows(f, "select b", "1;2");
	batch_answer_error(f, "insert bad", 0, CDBC_SQL, "23505");
	batch_answer_error(f, "insert once", 1, CDBC_CONFLICT, "40001");
	batch_answer(f, "insert once");
	o = batch_run(f, &ATOMIC, SQLS("insert a", "select b"));
	batch_is_ok(&o);
	assert_string_equal(batch_said(f, 0), "BEGIN | insert a | select b | COMMIT");
	assert_string_equal(f->told, "0:0,1; 1:2,-1; ");
	assert_int_equal(fake_server_counts(f->server).submits, 3); /* BEGIN goes with the first */
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert bad", "insert a"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(f->told, "1 failed 23505; ");
	batch_assert_counts(&o, 0, 1, 2, 0, 0);
	o = batch_run(f, &ATOMIC, SQLS("insert a", "insert once"));
	batch_is_ok(&o);
	assert_string_equal(f->told, "0:0,1; 1:0,1; ");
	from = batch_said_count(f);
	o = batch_run(f, NULL, SQLS("insert a", "insert bad", "insert a"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	assert_string_equal(batch_said(f, from), "insert a | insert bad");
	batch_assert_counts(&o, 1, 1, 0, 0, 1);
	o = batch_run(f, &CONTINUE, SQLS("insert a", "insert bad", "insert a"));
	batch_is_error(&o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	batch_assert_counts(&o, 2, 1, 0, 0, 0);
}

/* ---- out of memory ---- */

typedef struct oom_case {
	fixture *f;
	const cdbc_batch_options *options;
} oom_case;

static cdbc_status scenario(void *data, cdbc_error **err)
{
	const oom_case *c = data;
	cdbc_batch *batch = NULL;
	cdbc_status status = cdbc_batch_new(c->f->session, c->options, &batch, err);

	for (int i = 0; !status && i < 3; i++)
		status = cdbc_batch_add_sql(batch, i == 1 ? "select b" : "insert a", CDBC_NO_PARAMS, err);
	if (!status)
		status = cdbc_batch_add(batch, "mark", CDBC_PARAMS({"a", cdbc_string("7")}), err);
	c->f->told[0] = '\0';
	if (!status)
		status = cdbc_batch_execute(batch, batch_on_result, c->f, NULL, err);
	cdbc_batch_free(batch);
	return status;
}

static void test_out_of_memory(void **state)
{
	fixture *f = *state;
	const cdbc_batch_options *all[] = {&ATOMIC, &CONTINUE, NULL};
	outcome o;

	batch_answer(f, "insert a");
	batch_answer(f, "update mark*");
	batch_answer_rows(f, "select b", "1;2");
	o = batch_run(f, NULL, SQLS("insert a", "select b")); /* the connection is there */
	batch_is_ok(&o);
	for (size_t i = 0; i < 3; i++)
		assert_true(oom_run(scenario, &(oom_case){f, all[i]}) > 5);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, batch_set_up, batch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_groups),
		CASE(test_stop_keeps_what_was_before),
		CASE(test_stop_when_the_commit_fails),
		CASE(test_stop_and_lost),
		CASE(test_stop_with_a_text_transaction),
		CASE(test_continue),
		CASE(test_continue_and_lost),
		CASE(test_continue_rows_then_failure),
		CASE(test_no_connection),
		CASE(test_listener_stops),
		CASE(test_listener_may_not_use_the_session),
		CASE(test_inside),
		CASE(test_inside_fails),
		CASE(test_inside_lost),
		CASE(test_a_transaction_of_text),
		CASE(test_values_are_copied),
		CASE(test_full),
		CASE(test_files),
		CASE(test_out_of_memory),
		cmocka_unit_test_setup_teardown(test_links_are_asked, batch_set_up_allowing,
										batch_tear_down),
		cmocka_unit_test_setup_teardown(test_one_by_one, batch_set_up_singly, batch_tear_down),
	};

	return test_fake_begin() ? 1 : cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
