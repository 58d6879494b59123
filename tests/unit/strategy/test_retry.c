// SPDX-License-Identifier: Apache-2.0
/* The policy of retries on the fake clock, and the chain with an application's own links. */
#include "service/strategy/retry.h"

#include "base/clock.h"
#include "base/error.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- the policy ---- */

static const cx_retry_options policy = {.is_enabled = true,
										.max_retries = 10,
										.conflict_first_ns = CX_NS_PER_MS,
										.conflict_max_ns = 1000 * CX_NS_PER_MS,
										.lost_first_ns = 10 * CX_NS_PER_MS,
										.lost_max_ns = 5000 * CX_NS_PER_MS,
										.budget_pct = 10};

static cdbc_error *failure(cdbc_status status, const char *message, cdbc_replay replay)
{
	cdbc_error *error = NULL;

	cx_error_set(&error, status, "%s", message);
	cx_error_outcome(&error, CDBC_OUTCOME_ROLLED_BACK, replay);
	return error;
}

static int clock_on(void **state)
{
	(void)state;
	cx_clock_fake_start(CX_NS_PER_S);
	return 0;
}

static int clock_off(void **state)
{
	(void)state;
	cx_clock_fake_stop();
	return 0;
}

static void test_conflicts_are_met_at_once_then_later(void **state)
{
	cdbc_error *error = failure(CDBC_CONFLICT, "restart", CDBC_REPLAY_SAFE);
	cx_attempt_facts facts = {.deadline_ns = CX_NEVER};
	int64_t wait_ns, step = CX_NS_PER_MS;
	cx_attempts attempts;
	cx_retry retry;

	(void)state;
	cx_retry_init(&retry, &policy);
	cx_attempts_init(&attempts, &retry, -1);
	assert_true(cx_attempts_next(&attempts, &retry, error, &facts, &wait_ns));
	assert_int_equal(wait_ns, 0);
	for (int i = 1; i < 10; i++, step *= 2) {
		assert_true(cx_attempts_next(&attempts, &retry, error, &facts, &wait_ns));
		assert_in_range(wait_ns, 0, step);
	}
	assert_false(cx_attempts_next(&attempts, &retry, error, &facts, &wait_ns));
	/* contention is normal: it has cost nothing of the budget */
	assert_int_equal(atomic_load(&retry.budget), 1000);
	cdbc_error_free(error);
}

static void test_lost_connections_have_a_budget(void **state)
{
	cdbc_error *error = failure(CDBC_CONNECT, "lost", CDBC_REPLAY_SAFE);
	cx_attempt_facts facts = {.deadline_ns = CX_NEVER};
	cx_attempts attempts;
	cx_retry retry;
	int64_t wait_ns;
	int count = 0;

	(void)state;
	cx_retry_init(&retry, &policy);
	for (;; count++) {
		cx_attempts_init(&attempts, &retry, -1);
		if (!cx_attempts_next(&attempts, &retry, error, &facts, &wait_ns))
			break;
		assert_in_range(wait_ns, 0, 10 * CX_NS_PER_MS);
	}
	assert_int_equal(count, 10);
	cx_retry_earn(&retry, 9);
	assert_false(cx_attempts_next(&attempts, &retry, error, &facts, &wait_ns));
	cx_retry_earn(&retry, 1);
	assert_true(cx_attempts_next(&attempts, &retry, error, &facts, &wait_ns));
	cx_retry_earn(&retry, 1000000);
	assert_int_equal(atomic_load(&retry.budget), 1000);
	cdbc_error_free(error);
}

static void test_replay_decides(void **state)
{
	static const struct {
		cdbc_replay replay;
		bool is_whole, is_idempotent, is_again;
	} rows[] = {
		{CDBC_REPLAY_NO, true, true, false},
		{CDBC_REPLAY_SAFE, false, false, true},
		{CDBC_REPLAY_TRANSACTION, false, true, false},
		{CDBC_REPLAY_TRANSACTION, true, false, true},
		{CDBC_REPLAY_IF_IDEMPOTENT, true, false, false},
		{CDBC_REPLAY_IF_IDEMPOTENT, false, true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_error *error = failure(CDBC_CONNECT, "lost", rows[i].replay);
		cx_attempt_facts facts = {.is_whole = rows[i].is_whole,
								  .is_idempotent = rows[i].is_idempotent,
								  .deadline_ns = CX_NEVER};
		cx_attempts attempts;
		cx_retry retry;
		int64_t wait_ns;

		cx_retry_init(&retry, &policy);
		cx_attempts_init(&attempts, &retry, -1);
		assert_int_equal(cx_attempts_next(&attempts, &retry, error, &facts, &wait_ns),
						 rows[i].is_again);
		cdbc_error_free(error);
	}
}

static void test_its_ends(void **state)
{
	cdbc_error *conflict = failure(CDBC_CONFLICT, "restart", CDBC_REPLAY_TRANSACTION);
	cdbc_error *late = failure(CDBC_CONFLICT, "RETRY_COMMIT_DEADLINE_EXCEEDED", CDBC_REPLAY_SAFE);
	cdbc_error *refused = failure(CDBC_CONNECT, "refused", CDBC_REPLAY_SAFE);
	cdbc_error *hung = failure(CDBC_TIMEOUT, "no answer", CDBC_REPLAY_SAFE);
	cdbc_error *nomem = failure(CDBC_NOMEM, "memory", CDBC_REPLAY_SAFE);
	cx_attempt_facts facts = {.is_whole = true, .deadline_ns = cx_clock_now_ns()};
	cx_attempts attempts;
	cx_retry retry;
	int64_t wait_ns;

	(void)state;
	cx_retry_init(&retry, &policy);
	cx_attempts_init(&attempts, &retry, -1);
	assert_false(cx_attempts_next(&attempts, &retry, conflict, &facts, &wait_ns)); /* too late */
	facts.deadline_ns = CX_NEVER;
	cx_attempts_init(&attempts, &retry, 0);
	assert_false(cx_attempts_next(&attempts, &retry, conflict, &facts, &wait_ns)); /* never */
	cx_attempts_init(&attempts, &retry, -1);
	assert_true(cx_attempts_next(&attempts, &retry, late, &facts, &wait_ns));
	assert_true(cx_attempts_next(&attempts, &retry, late, &facts, &wait_ns));
	assert_false(cx_attempts_next(&attempts, &retry, late, &facts, &wait_ns)); /* too slow */
	facts.had_no_conn = true;
	cx_attempts_init(&attempts, &retry, -1);
	assert_false(cx_attempts_next(&attempts, &retry, hung, &facts, &wait_ns));
	assert_true(cx_attempts_next(&attempts, &retry, refused, &facts, &wait_ns));
	assert_true(cx_attempts_next(&attempts, &retry, refused, &facts, &wait_ns));
	assert_false(cx_attempts_next(&attempts, &retry, refused, &facts, &wait_ns));
	facts.had_no_conn = false;
	cx_attempts_init(&attempts, &retry, -1);
	assert_false(cx_attempts_next(&attempts, &retry, nomem, &facts, &wait_ns));
	cdbc_error_free(conflict);
	cdbc_error_free(late);
	cdbc_error_free(refused);
	cdbc_error_free(hung);
	cdbc_error_free(nomem);
}

/* ---- the chain ---- */

typedef struct fixture {
	fake_server *server;
	cdbc_client *client;
	cdbc_session *session;
	int entered[2], finished[2], destroyed;
	int order[8], order_count;
	int64_t attempt;
	bool refuses, is_mute, runs_twice;
	cdbc_status finished_status;
} fixture;

typedef struct link_self {
	fixture *f;
	int index;
} link_self;

static cdbc_status link_execute(void *self, const cdbc_next *next, cdbc_call *call,
								cdbc_result **out, cdbc_error **err)
{
	link_self *l = self;
	cdbc_status status;

	l->f->entered[l->index]++;
	l->f->order[l->f->order_count++ % 8] = l->index;
	if (l->index == 1 && l->f->is_mute)
		return CDBC_DENIED;
	if (l->index == 1 && l->f->refuses)
		return cdbc_call_fail(call, CDBC_DENIED, "not today", err);
	status = cdbc_next_run(next, call, out, err);
	l->f->attempt = cdbc_call_attempt(call);
	if (!status && l->index == 0 && l->f->runs_twice) {
		cdbc_result_free(*out);
		status = cdbc_next_run(next, call, out, err);
	}
	return status;
}

static void link_finished(void *self, const cdbc_finish *finish)
{
	link_self *l = self;

	l->f->finished[l->index]++;
	l->f->finished_status = finish->error ? cdbc_error_status(finish->error) : CDBC_OK;
}

static void link_destroy(void *self)
{
	((link_self *)self)->f->destroyed++;
}

static int set_up(void **state)
{
	static fixture f;
	static link_self selves[2];
	cdbc_client_options options = CDBC_CLIENT_OPTIONS_INIT;
	cdbc_config_item items[] = {{"pool.max_size", "1"},
								{"pool.min_size", "0"},
								{"retry.lost_first", "1ms"},
								{"retry.lost_max", "1ms"}};
	cdbc_strategy links[2];

	memset(&f, 0, sizeof f);
	for (int i = 0; i < 2; i++) {
		selves[i] = (link_self){&f, i};
		links[i] = (cdbc_strategy){.struct_size = sizeof(cdbc_strategy),
								   .name = "test",
								   .execute = link_execute,
								   .finished = link_finished,
								   .destroy = link_destroy,
								   .self = &selves[i]};
	}
	f.server = fake_server_new("retry");
	options.strategies = links;
	options.strategy_count = 2;
	test_client_open("fake:retry", items, sizeof items / sizeof *items, &options, &f.client,
					 &f.session);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	fixture *f = *state;

	cdbc_session_release(f->session);
	cdbc_client_close(f->client, 5000);
	assert_int_equal(f->destroyed, 2);
	fake_server_free(f->server);
	return 0;
}

static void answer(fixture *f, const char *sql, int64_t times, cdbc_position lost_at)
{
	fake_server_answer(f->server, &(fake_answer){.sql = sql,
												 .times = times,
												 .columns = "id int8",
												 .rows = "1;2",
												 .loses_link = times > 0,
												 .lost_at = lost_at});
}

static cdbc_status query(fixture *f, const char *sql, cdbc_result **out, cdbc_error **err)
{
	return cdbc_session_query(f->session, sql, CDBC_NO_PARAMS, NULL, out, err);
}

static void test_links_in_their_order(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	answer(f, "select a", 0, 0);
	assert_int_equal(query(f, "select a", &result, NULL), CDBC_OK);
	assert_int_equal(f->order[0], 0);
	assert_int_equal(f->order[1], 1);
	assert_int_equal(f->finished[0] + f->finished[1], 0); /* the result is open */
	while (cdbc_result_next(result, NULL))
		;
	cdbc_result_free(result);
	assert_int_equal(f->finished[0], 1);
	assert_int_equal(f->finished[1], 1);
	assert_int_equal(f->finished_status, CDBC_OK);
}

static void test_a_link_refuses(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	f->refuses = true;
	assert_int_equal(query(f, "select a", &result, &err), CDBC_DENIED);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_NOT_SENT);
	cdbc_error_free(err);
	assert_int_equal(f->finished[0] + f->finished[1], 0);
	assert_int_equal(fake_server_counts(f->server).opens, 0); /* it has cost no connection */
}

/* It should not, but whoever asked has an error to look at. */
static void test_a_link_fails_without_a_word(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	f->is_mute = true;
	assert_int_equal(query(f, "select a", &result, &err), CDBC_DENIED);
	assert_int_equal(cdbc_error_status(err), CDBC_DENIED);
	assert_string_equal(cdbc_error_message(err), cdbc_status_text(CDBC_DENIED));
	cdbc_error_free(err);
}

static void test_a_link_runs_it_twice(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	f->runs_twice = true;
	answer(f, "select a", 0, 0);
	assert_int_equal(query(f, "select a", &result, NULL), CDBC_OK);
	assert_int_equal(f->finished[1], 1); /* of the first, which was freed */
	cdbc_result_free(result);
	assert_int_equal(f->finished[0], 1);
	assert_int_equal(f->finished[1], 2);
}

static void test_a_read_that_is_lost_is_read_again(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	answer(f, "select a", 2, CDBC_POSITION_SENT);
	answer(f, "select a", 0, 0);
	assert_int_equal(query(f, "select a", &result, NULL), CDBC_OK);
	assert_int_equal(f->attempt, 3);
	assert_true(cdbc_result_next(result, NULL));
	cdbc_result_free(result);
	assert_int_equal(f->entered[1], 1); /* links outside see one request */
	assert_int_equal(f->finished[1], 1);
}

static void test_a_read_of_which_rows_were_taken_is_not(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	answer(f, "select a", 1, CDBC_POSITION_ROWS_TAKEN);
	assert_int_equal(query(f, "select a", &result, NULL), CDBC_OK);
	while (cdbc_result_next(result, &err))
		;
	assert_int_equal(cdbc_error_status(err), CDBC_CONNECT);
	assert_int_equal(f->finished_status, CDBC_CONNECT);
	cdbc_error_free(err);
	cdbc_result_free(result);
	assert_int_equal(f->finished[0], 1);
}

static void test_a_write_is_repeated_when_that_was_allowed(void **state)
{
	fixture *f = *state;
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_error *err = NULL;
	cdbc_result *result;

	answer(f, "delete from t", 2, CDBC_POSITION_SENT);
	answer(f, "delete from t", 0, 0);
	assert_int_equal(query(f, "delete from t", &result, &err), CDBC_CONNECT);
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_UNKNOWN);
	cdbc_error_free(err);
	options.is_idempotent = true;
	assert_int_equal(
		cdbc_session_query(f->session, "delete from t", CDBC_NO_PARAMS, &options, &result, NULL),
		CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(f->attempt, 2);
}

/* The first attempt may have done it: that the last one surely did not says nothing. */
static void test_what_was_unknown_stays_so(void **state)
{
	static const struct {
		cdbc_status status;
		const char *sqlstate;
		cdbc_replay replay;
	} last[] = {{CDBC_SQL, "40000", CDBC_REPLAY_NO},
				{CDBC_CONFLICT, "40001", CDBC_REPLAY_IF_IDEMPOTENT}};
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	fixture *f = *state;
	cdbc_result *result;

	options.is_idempotent = true;
	for (size_t i = 0; i < 2; i++) {
		cdbc_error *err = NULL;
		char sql[32];

		snprintf(sql, sizeof sql, "delete from t%zu", i);
		answer(f, sql, 1, CDBC_POSITION_SENT);
		fake_server_answer(f->server,
						   &(fake_answer){.sql = sql,
										  .error = {.struct_size = sizeof(cdbc_error_info),
													.status = last[i].status,
													.message = "the last word",
													.sqlstate = last[i].sqlstate}});
		assert_int_equal(
			cdbc_session_query(f->session, sql, CDBC_NO_PARAMS, &options, &result, &err),
			last[i].status);
		assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_UNKNOWN);
		assert_int_equal(cdbc_error_replay(err), last[i].replay);
		cdbc_error_free(err);
		/* and the next request has nothing to do with it */
		err = NULL;
		assert_int_equal(query(f, sql, &result, &err), last[i].status);
		assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_ROLLED_BACK);
		cdbc_error_free(err);
	}
}

/* Nor does it help that no connection was left for the last one. */
static void test_what_was_unknown_stays_so_without_a_connection(void **state)
{
	cdbc_request_options options = CDBC_REQUEST_OPTIONS_INIT;
	cdbc_error *err = NULL;
	fixture *f = *state;
	cdbc_result *result;

	options.is_idempotent = true;
	answer(f, "delete from t", 1, CDBC_POSITION_SENT);
	assert_int_equal(query(f, "select a", &result, &err), CDBC_SQL); /* takes a connection */
	cdbc_error_free(err);
	err = NULL;
	fake_server_fail_opens(f->server, 100,
						   &(cdbc_error_info){.struct_size = sizeof(cdbc_error_info),
											  .status = CDBC_AUTH,
											  .message = "refused"});
	assert_int_equal(
		cdbc_session_query(f->session, "delete from t", CDBC_NO_PARAMS, &options, &result, &err),
		CDBC_AUTH);
	assert_non_null(strstr(cdbc_error_message(err), "refused"));
	assert_int_equal(cdbc_error_outcome(err), CDBC_OUTCOME_UNKNOWN);
	cdbc_error_free(err);
}

/* A session that SQL has changed does not go on elsewhere as if nothing had happened. */
static void test_a_changed_session_is_not_moved(void **state)
{
	fixture *f = *state;
	cdbc_result *result;

	fake_server_answer(f->server, &(fake_answer){.sql = "set a = 1"});
	answer(f, "select a", 1, CDBC_POSITION_SENT);
	answer(f, "select a", 0, 0);
	assert_int_equal(query(f, "set a = 1", &result, NULL), CDBC_OK);
	cdbc_result_free(result);
	assert_int_equal(query(f, "select a", &result, NULL), CDBC_CONNECT);
	assert_int_equal(f->attempt, 1);
}

static void test_no_statement_of_a_transaction_is_repeated(void **state)
{
	fixture *f = *state;
	cdbc_error *err = NULL;
	cdbc_result *result;

	fake_server_answer(f->server, &(fake_answer){.sql = "select a",
												 .times = 1,
												 .error = {.struct_size = sizeof(cdbc_error_info),
														   .status = CDBC_CONFLICT,
														   .message = "restart",
														   .sqlstate = "40001"}});
	answer(f, "select a", 0, 0);
	assert_int_equal(cdbc_session_begin(f->session, NULL, NULL), CDBC_OK);
	assert_int_equal(query(f, "select a", &result, &err), CDBC_CONFLICT);
	assert_int_equal(cdbc_error_replay(err), CDBC_REPLAY_TRANSACTION);
	cdbc_error_free(err);
	assert_int_equal(f->attempt, 1);
	assert_int_equal(cdbc_session_rollback(f->session, NULL), CDBC_OK);
}

int main(void)
{
#define TIMED(test) cmocka_unit_test_setup_teardown(test, clock_on, clock_off)
#define CASE(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TIMED(test_conflicts_are_met_at_once_then_later),
		TIMED(test_lost_connections_have_a_budget),
		TIMED(test_replay_decides),
		TIMED(test_its_ends),
		CASE(test_links_in_their_order),
		CASE(test_a_link_refuses),
		CASE(test_a_link_fails_without_a_word),
		CASE(test_a_link_runs_it_twice),
		CASE(test_a_read_that_is_lost_is_read_again),
		CASE(test_a_read_of_which_rows_were_taken_is_not),
		CASE(test_a_write_is_repeated_when_that_was_allowed),
		CASE(test_what_was_unknown_stays_so),
		CASE(test_what_was_unknown_stays_so_without_a_connection),
		CASE(test_a_changed_session_is_not_moved),
		CASE(test_no_statement_of_a_transaction_is_repeated),
	};

	if (test_fake_begin())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
