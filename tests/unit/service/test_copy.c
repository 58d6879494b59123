// SPDX-License-Identifier: Apache-2.0
/* Bulk copy in on the scripted driver: what is sent, which row is named, what is left out, and what
 * a failure at each step leaves behind. */
#include "support/test_client.h"
#include "support/oom.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ROWS "a,b\n1,x\n2,\"y\ny\"\n3,z\n"

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	cdbc_copy_summary summary;
	int starts, ends, tx_starts, tx_ends, progress;
	int64_t affected;
	char rejected[512];
} fixture;

static void on_event(void *self, const cdbc_event *event)
{
	fixture *f = self;

	f->starts += event->kind == CDBC_EVENT_REQUEST_START;
	f->tx_starts += event->kind == CDBC_EVENT_TRANSACTION_START;
	f->tx_ends += event->kind == CDBC_EVENT_TRANSACTION_END;
	if (event->kind == CDBC_EVENT_REQUEST_END) {
		f->ends++;
		f->affected = event->affected_count;
	}
}

static int set_up(void **state)
{
	static fixture f;
	cdbc_observer observer = {.struct_size = sizeof observer,
							  .name = "test",
							  .events = CDBC_EVENT_REQUEST_START | CDBC_EVENT_REQUEST_END |
										CDBC_EVENT_TRANSACTION_START | CDBC_EVENT_TRANSACTION_END,
							  .on_event = on_event,
							  .self = &f};
	cdbc_config_item items[] = {{"pool.max_size", "1"}, {"pool.min_size", "0"}};

	memset(&f, 0, sizeof f);
	f.server = fake_server_new("copy");
	fake_server_answer(f.server, &(fake_answer){.sql = "ROLLBACK TO*"});
	fake_server_answer(f.server, &(fake_answer){.sql = "BEGIN*", .tx_after = FAKE_TX_OPEN});
	test_client_open("fake:copy", items, sizeof items / sizeof *items, TEST_OBSERVED(&observer),
					 &f.client, &f.session);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	test_fake_close(f->server, f->client, f->session);
	return 0;
}

static cdbc_status on_rejected(void *data, const cdbc_copy_rejected *row, cdbc_error **err)
{
	fixture *f = data;
	size_t used = strlen(f->rejected);

	(void)err;
	snprintf(f->rejected + used, sizeof f->rejected - used, "%lld@%lld:%.*s;", (long long)row->row,
			 (long long)row->line, (int)row->text.length, row->text.data);
	return CDBC_OK;
}

static void on_progress(void *data, const cdbc_copy_summary *summary)
{
	(void)summary;
	((fixture *)data)->progress++;
}

static cdbc_copy_options options_of(fixture *f)
{
	cdbc_copy_options options = CDBC_COPY_OPTIONS_INIT;

	options.source = "in.csv";
	options.rejected = on_rejected;
	options.progress = on_progress;
	options.data = f;
	return options;
}

static cdbc_status copy_in(fixture *f, const cdbc_copy_options *options, const char *text,
						   cdbc_error **err)
{
	cdbc_copy *copy = NULL;
	cdbc_status status = cdbc_copy_in_open(f->session, "T", NULL, 0, options, &copy, err);

	if (!status)
		status = cdbc_copy_in_write(copy, text, strlen(text), err);
	if (!status)
		status = cdbc_copy_in_finish(copy, NULL, err);
	if (copy)
		cdbc_copy_in_summary(copy, &f->summary);
	cdbc_copy_in_free(copy);
	return status;
}

static void failed(fixture *f, const cdbc_copy_options *options, cdbc_status wanted,
				   cdbc_outcome outcome, cdbc_replay replay, const char *message)
{
	cdbc_error *err = NULL;
	cdbc_status status = copy_in(f, options, ROWS, &err);

	if (status != wanted)
		fail_msg("status %d: %s", (int)status, err ? cdbc_error_message(err) : "");
	assert_int_equal(cdbc_error_outcome(err), outcome);
	assert_int_equal(cdbc_error_replay(err), replay);
	if (!strstr(cdbc_error_message(err), message))
		fail_msg("%s", cdbc_error_message(err));
	cdbc_error_free(err);
	assert_int_equal(f->starts, f->ends);
	assert_int_equal(f->tx_starts, f->tx_ends);
}

#define REFUSED(line_number)                                                                \
	{                                                                                       \
		.struct_size = sizeof(cdbc_error_info), .status = CDBC_SQL, .message = "duplicate", \
		.sqlstate = "23505", .line = (line_number)                                          \
	}

static void test_streamed(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);
	cdbc_error *err = NULL;

	if (copy_in(f, &options, ROWS, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_string_equal(test_fake_said(f->server, 0),
						"BEGIN | COPY \"t\" (\"a\", \"b\") FROM STDIN | COMMIT");
	assert_int_equal(f->summary.rows_committed, 3);
	assert_int_equal(f->summary.restart_row, 3);
	assert_int_equal(fake_server_counts(f->server).copied_bytes, strlen("1\tx\n2\ty\\ny\n3\tz\n"));
	assert_true(f->progress > 0);
	/* one request and one transaction to those who watch */
	assert_int_equal(f->starts, 1);
	assert_int_equal(f->ends, 1);
	assert_int_equal(f->affected, 3);
	assert_int_equal(f->tx_starts, 1);
	assert_int_equal(f->tx_ends, 1);
}

/* The server's line is the row's number; the row stands where the input has it. */
static void test_row_named(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);
	cdbc_error *err = NULL;

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "COPY*", .error = REFUSED(3), .error_after_rows = 1});
	assert_int_equal(copy_in(f, &options, ROWS, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_message(err), "copy into T: in.csv:5: row 3: duplicate");
	assert_int_equal(cdbc_error_line(err), 5);
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_FILE), "in.csv");
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
	cdbc_error_free(err);
}

/* A line that is none of those that were sent is not believed. */
static void test_row_not_known(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "COPY*", .error = REFUSED(99), .error_after_rows = 1});
	failed(f, &options, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO,
		   "in.csv: rows 1 to 3: duplicate");
}

static void test_lost(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);

	fake_server_answer(f->server, &(fake_answer){.sql = "COPY*",
												 .times = 1,
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_SENT});
	fake_server_answer(f->server, &(fake_answer){.sql = "COPY*",
												 .times = 1,
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_DONE});
	fake_server_answer(f->server, &(fake_answer){.sql = "COMMIT",
												 .times = 1,
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_SENT});
	failed(f, &options, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION, "rows 1");
	failed(f, &options, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION, "rows 1");
	assert_int_equal(f->summary.rows_unknown, 0);
	failed(f, &options, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO, "commit");
	assert_int_equal(f->summary.rows_unknown, 3);
	assert_int_equal(f->summary.restart_row, 0);
	/* and then all is well */
	assert_int_equal(copy_in(f, &options, ROWS, NULL), CDBC_OK);
}

static void test_refused_at_each_step(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);

	fake_server_answer(f->server, &(fake_answer){.sql = "COPY*", .times = 1, .error = REFUSED(0)});
	fake_server_answer(f->server, &(fake_answer){.sql = "COPY*", .times = 1, .affected = 2});
	fake_server_answer(f->server, &(fake_answer){.sql = "COMMIT",
												 .times = 1,
												 .error = {sizeof(cdbc_error_info), CDBC_CONFLICT,
														   "again", "40001"}});
	failed(f, &options, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO, "duplicate");
	failed(f, &options, CDBC_DATA, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO,
		   "3 rows were sent, the server took 2");
	failed(f, &options, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION,
		   "commit: again");
	fake_server_cut(f->server);
	failed(f, &options, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_SAFE, "begin");
	options.format = "xml";
	assert_int_equal(copy_in(f, &options, ROWS, NULL), CDBC_UNSUPPORTED);
}

/* Earlier chunks stay, and the copy that goes on begins after them. */
static void test_chunks(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);

	options.chunk_rows = 2;
	fake_server_answer(f->server, &(fake_answer){.sql = "COPY*", .times = 1});
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "COPY*", .times = 1, .error = REFUSED(1), .error_after_rows = 1});
	failed(f, &options, CDBC_SQL, CDBC_OUTCOME_COMMITTED_PARTIAL, CDBC_REPLAY_NO,
		   "in.csv:5: row 3: duplicate");
	assert_int_equal(f->summary.rows_committed, 2);
	assert_int_equal(f->summary.restart_row, 2);
	options.skip_rows = f->summary.restart_row;
	assert_int_equal(copy_in(f, &options, ROWS, NULL), CDBC_OK);
	assert_int_equal(f->summary.rows_skipped, 2);
	assert_int_equal(f->summary.rows_committed, 1);
	assert_int_equal(f->summary.restart_row, 3);
}

static void be_cockroach(fixture *f)
{
	fake_server_identify(f->server, "CockroachDB", "v22.1.0", "cockroachdb", 1);
	fake_server_answer(f->server, &(fake_answer){.sql = "SELECT \"a\", \"b\" FROM \"t\"",
												 .columns = "a int8, b numeric(10,2)"});
}

#define INSERT                                                                            \
	"INSERT INTO \"t\" (\"a\", \"b\") SELECT CAST(c1 AS int8), CAST(c2 AS numeric) FROM " \
	"unnest($1::text[], $2::text[]) AS r (c1, c2)"

static void test_cockroach(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);
	cdbc_error *err = NULL;

	be_cockroach(f);
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT*", .affected = 3});
	if (copy_in(f, &options, ROWS, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_string_equal(test_fake_said(f->server, 0), "BEGIN | SAVEPOINT cdbc_1 | " INSERT
													  " | RELEASE SAVEPOINT cdbc_1 | COMMIT");
	assert_int_equal(f->summary.rows_committed, 3);
	assert_int_equal(f->starts, 1);
	assert_int_equal(f->ends, 1);
	assert_int_equal(f->affected, 3);
}

/* The block fails; in halves, row 2 is it. */
static void refuse_row_2(fixture *f)
{
	be_cockroach(f);
	fake_server_answer(f->server,
					   &(fake_answer){.sql = "INSERT*", .times = 1, .error = REFUSED(0)});
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT*", .times = 1, .affected = 1});
	fake_server_answer(f->server,
					   &(fake_answer){.sql = "INSERT*", .times = 2, .error = REFUSED(0)});
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT*", .times = 1, .affected = 1});
}

static void test_cockroach_rejects(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);
	cdbc_error *err = NULL;

	refuse_row_2(f);
	options.on_error = CDBC_COPY_REJECT;
	if (copy_in(f, &options, ROWS, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_string_equal(f->rejected, "2@3:2,\"y\ny\";");
	assert_int_equal(f->summary.rows_committed, 2);
	assert_int_equal(f->summary.rows_rejected, 1);
}

static void test_cockroach_stops(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);

	refuse_row_2(f);
	failed(f, &options, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO,
		   "copy into T: in.csv:3: row 2: duplicate");
}

/* What is not a row's fault leaves no row out. */
static void test_not_the_rows_fault(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);

	be_cockroach(f);
	options.on_error = CDBC_COPY_REJECT;
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT*",
												 .times = 1,
												 .error = {sizeof(cdbc_error_info), CDBC_CONFLICT,
														   "again", "40001"}});
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT*",
												 .times = 1,
												 .loses_link = true,
												 .lost_at = CDBC_POSITION_SENT});
	failed(f, &options, CDBC_CONFLICT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION, "again");
	failed(f, &options, CDBC_CONNECT, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_TRANSACTION, "lost");
	assert_string_equal(f->rejected, "");
}

/* In the caller's transaction: nothing is committed, and a failure is the transaction's. */
static void test_in_a_transaction(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);

	fake_server_answer(f->server, &(fake_answer){.sql = "COPY*", .times = 1});
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "COPY*", .times = 1, .error = REFUSED(1), .error_after_rows = 1});
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(copy_in(f, &options, ROWS, NULL), CDBC_OK);
	assert_int_equal(f->summary.rows_committed, 0);
	assert_int_equal(copy_in(f, &options, ROWS, NULL), CDBC_SQL);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_SQL);
	options.chunk_rows = 1;
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(copy_in(f, &options, ROWS, NULL), CDBC_USAGE);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
}

/* Left in the middle: nothing stays, and the session is whole. */
static void test_abandoned(void **state)
{
	fixture *f = *state;
	const cdbc_value row[] = {cdbc_int64(1), cdbc_string("x")};
	cdbc_copy *copy = NULL;
	cdbc_result *result;

	assert_int_equal(cdbc_copy_in_open(f->session, "t", NULL, 0, NULL, &copy, NULL), CDBC_OK);
	assert_int_equal(cdbc_copy_in_write_row(copy, row, 2, NULL), CDBC_OK);
	assert_int_equal(cdbc_copy_in_write_row(copy, row, 1, NULL), CDBC_DATA);
	assert_int_equal(cdbc_copy_in_write_row(copy, row, 2, NULL), CDBC_CLOSED);
	cdbc_copy_in_free(copy);
	assert_int_equal(cdbc_copy_in_open(f->session, "t", NULL, 0, NULL, &copy, NULL), CDBC_OK);
	assert_int_equal(
		cdbc_session_query(f->session, "select 1", CDBC_NO_PARAMS, NULL, &result, NULL),
		CDBC_USAGE);
	assert_int_equal(cdbc_copy_in_write_row(copy, row, 2, NULL), CDBC_OK);
	cdbc_session_release(f->session);
	cdbc_copy_in_free(copy);
	assert_int_equal(cdbc_client_acquire(f->client, NULL, &f->session, NULL), CDBC_OK);
	assert_null(strstr(test_fake_said(f->server, 0), "COMMIT"));
	assert_int_equal(f->starts, f->ends);
}

static cdbc_status short_of_memory(void *data, cdbc_error **err)
{
	fixture *f = data;
	cdbc_copy_options options = options_of(f);

	return copy_in(f, &options, ROWS, err);
}

/* Gives ROWS in two writes with a cancel between, or one before the end: what came of it. */
static void cancelled_between(fixture *f, cdbc_copy_options *options, const char *first,
							  const char *second, cdbc_outcome outcome)
{
	cdbc_error *err = NULL;
	cdbc_copy *copy;
	cdbc_status status;

	/* one that came before the copy was not meant for it */
	assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
	assert_int_equal(cdbc_copy_in_open(f->session, "T", NULL, 0, options, &copy, NULL), CDBC_OK);
	if (cdbc_copy_in_write(copy, first, strlen(first), &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_int_equal(cdbc_session_cancel(f->session, NULL), CDBC_OK);
	status = second ? cdbc_copy_in_write(copy, second, strlen(second), &err)
					: cdbc_copy_in_finish(copy, NULL, &err);
	assert_int_equal(status, CDBC_CANCELLED);
	assert_int_equal(cdbc_error_outcome(err), outcome);
	cdbc_copy_in_summary(copy, &f->summary);
	cdbc_error_free(err);
	cdbc_copy_in_free(copy);
	assert_int_equal(f->starts, f->ends);
}

/* A cancel that comes when no statement runs is a cancel of the copy. */
static void test_cancelled_between(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);

	fake_server_answer(f->server,
					   &(fake_answer){.sql = "SELECT \"a\" FROM \"t\"", .columns = "a int8"});
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT*", .affected = 1});
	for (cdbc_copy_method method = CDBC_COPY_COPY; method <= CDBC_COPY_INSERT; method++) {
		for (cdbc_copy_on_error on = CDBC_COPY_STOP; on <= CDBC_COPY_REJECT; on++) {
			options.method = method;
			options.on_error = on;
			options.chunk_rows = 0;
			cancelled_between(f, &options, "a\n1\n2\n", "3\n", CDBC_OUTCOME_ROLLED_BACK);
			cancelled_between(f, &options, "a\n1\n2\n", NULL, CDBC_OUTCOME_ROLLED_BACK);
			assert_null(strstr(test_fake_said(f->server, 0), "COMMIT"));
			assert_int_equal(f->summary.rows_committed, 0);
		}
	}
	for (cdbc_copy_method method = CDBC_COPY_COPY; method <= CDBC_COPY_INSERT; method++) {
		options.method = method;
		options.on_error = CDBC_COPY_STOP;
		options.chunk_rows = 1;
		cancelled_between(f, &options, "a\n1\n", "2\n", CDBC_OUTCOME_COMMITTED_PARTIAL);
		assert_int_equal(f->summary.restart_row, 1);
	}
	assert_int_equal(f->tx_starts, f->tx_ends);
}

/* In the caller's transaction, which has failed with it. */
static void test_cancelled_in_a_transaction(void **state)
{
	fixture *f = *state;
	cdbc_copy_options options = options_of(f);

	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	cancelled_between(f, &options, "a\n1\n", NULL, CDBC_OUTCOME_ROLLED_BACK);
	assert_int_equal(cdbc_session_commit(f->session, NULL), CDBC_CANCELLED);
	assert_null(strstr(test_fake_said(f->server, 0), "COMMIT"));
}

static void test_oom(void **state)
{
	fixture *f = *state;

	assert_int_equal(short_of_memory(f, NULL), CDBC_OK);
	assert_true(oom_run(short_of_memory, f) > 5);
	assert_int_equal(f->starts, f->ends);
}

static void test_oom_rows(void **state)
{
	fixture *f = *state;

	be_cockroach(f);
	fake_server_answer(f->server, &(fake_answer){.sql = "INSERT*", .affected = 3});
	assert_int_equal(short_of_memory(f, NULL), CDBC_OK);
	assert_true(oom_run(short_of_memory, f) > 5);
	assert_int_equal(f->starts, f->ends);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_streamed),
		TEST(test_row_named),
		TEST(test_row_not_known),
		TEST(test_lost),
		TEST(test_refused_at_each_step),
		TEST(test_chunks),
		TEST(test_cockroach),
		TEST(test_cockroach_rejects),
		TEST(test_cockroach_stops),
		TEST(test_not_the_rows_fault),
		TEST(test_in_a_transaction),
		TEST(test_abandoned),
		TEST(test_cancelled_between),
		TEST(test_cancelled_in_a_transaction),
		TEST(test_oom),
		TEST(test_oom_rows),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
