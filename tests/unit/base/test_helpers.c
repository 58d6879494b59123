// SPDX-License-Identifier: Apache-2.0
/* Helper threads: bounds, order of ending, abandoned and dropped jobs, nesting, and a crowd. */
#include "base/clock.h"
#include "base/error.h"
#include "base/helpers.h"
#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* What jobs of these tests do: count, and wait at a gate. */
static struct {
	cx_mutex lock;
	cx_cond changed;
	bool is_closed;
	int running;
	int most;
	int done;
	int gone;
} gate;

static int setup(void **state)
{
	(void)state;
	cx_mutex_init(&gate.lock);
	cx_cond_init(&gate.changed);
	gate.is_closed = false;
	gate.running = gate.most = gate.done = gate.gone = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cx_mutex_fini(&gate.lock);
	cx_cond_fini(&gate.changed);
	return 0;
}

static void set_gate(bool is_closed)
{
	cx_mutex_lock(&gate.lock);
	gate.is_closed = is_closed;
	cx_cond_broadcast(&gate.changed);
	cx_mutex_unlock(&gate.lock);
}

static void pass(void *data)
{
	(void)data;
	cx_mutex_lock(&gate.lock);
	if (++gate.running > gate.most)
		gate.most = gate.running;
	cx_cond_broadcast(&gate.changed);
	while (gate.is_closed)
		cx_cond_wait(&gate.changed, &gate.lock, CX_NEVER);
	gate.running--;
	gate.done++;
	cx_cond_broadcast(&gate.changed);
	cx_mutex_unlock(&gate.lock);
}

static void count_gone(void *data)
{
	(void)data;
	cx_mutex_lock(&gate.lock);
	gate.gone++;
	cx_cond_broadcast(&gate.changed);
	cx_mutex_unlock(&gate.lock);
}

static void wait_for(const int *number, int wanted)
{
	cx_mutex_lock(&gate.lock);
	while (*number != wanted)
		cx_cond_wait(&gate.changed, &gate.lock, CX_NEVER);
	cx_mutex_unlock(&gate.lock);
}

static cx_helpers *make(size_t threads, size_t queued)
{
	cx_helpers *helpers = NULL;

	assert_int_equal(cx_helpers_new(threads, queued, &helpers, NULL), CDBC_OK);
	return helpers;
}

static void runs_as_many_as_it_has_threads(void **state)
{
	cx_helpers *helpers = make(3, 10);

	(void)state;
	set_gate(true);
	for (int i = 0; i < 10; i++)
		assert_int_equal(cx_helpers_submit(helpers, pass, NULL, NULL, NULL), CDBC_OK);
	wait_for(&gate.running, 3);
	set_gate(false);
	wait_for(&gate.done, 10);
	assert_int_equal(gate.most, 3);
	cx_helpers_free(helpers);
	cx_helpers_free(NULL);
}

static void refuses_when_the_queue_is_full(void **state)
{
	cx_helpers *helpers = make(1, 1);
	cdbc_error *err = NULL;

	(void)state;
	set_gate(true);
	assert_int_equal(cx_helpers_submit(helpers, pass, NULL, NULL, NULL), CDBC_OK);
	wait_for(&gate.running, 1);
	assert_int_equal(cx_helpers_submit(helpers, pass, NULL, NULL, NULL), CDBC_OK);
	assert_int_equal(cx_helpers_submit(helpers, pass, count_gone, NULL, &err), CDBC_OVERLOADED);
	assert_string_equal(cdbc_error_message(err),
						"all 1 helper threads are busy and 1 jobs wait for them");
	cdbc_error_free(err);
	assert_int_equal(cx_helpers_run(helpers, pass, count_gone, NULL, CX_NEVER, NULL),
					 CDBC_OVERLOADED);
	set_gate(false);
	wait_for(&gate.done, 2);
	cx_helpers_free(helpers);
	assert_int_equal(gate.gone, 0);
}

static void refuses_silly_sizes(void **state)
{
	cx_helpers *helpers = NULL;
	cdbc_error *err = NULL;

	(void)state;
	assert_int_equal(cx_helpers_new(0, 1, &helpers, &err), CDBC_USAGE);
	cdbc_error_free(err);
	assert_int_equal(cx_helpers_new(5000, 1, &helpers, NULL), CDBC_USAGE);
	assert_null(helpers);
}

static void *free_them(void *data)
{
	cx_helpers_free(data);
	return NULL;
}

static void drops_what_did_not_begin(void **state)
{
	cx_helpers *helpers = make(1, 10);
	cx_thread thread;

	(void)state;
	set_gate(true);
	assert_int_equal(cx_helpers_submit(helpers, pass, count_gone, NULL, NULL), CDBC_OK);
	wait_for(&gate.running, 1);
	assert_int_equal(cx_helpers_submit(helpers, pass, count_gone, NULL, NULL), CDBC_OK);
	assert_int_equal(cx_helpers_submit(helpers, pass, count_gone, NULL, NULL), CDBC_OK);
	assert_int_equal(cx_helpers_submit(helpers, pass, NULL, NULL, NULL), CDBC_OK);
	assert_true(cx_thread_start(&thread, free_them, helpers, "free"));
	wait_for(&gate.gone, 2);
	assert_int_equal(gate.done, 0);
	set_gate(false);
	cx_thread_join(&thread);
	assert_int_equal(gate.done, 1);
}

static void note_thread(void *data)
{
	*(pthread_t *)data = pthread_self();
}

static void runs_and_waits(void **state)
{
	cx_helpers *helpers = make(4, 0);
	pthread_t first, second;

	(void)state;
	assert_int_equal(cx_helpers_run(helpers, note_thread, NULL, &first, CX_NEVER, NULL), CDBC_OK);
	assert_int_equal(cx_helpers_run(helpers, note_thread, NULL, &second, CX_NEVER, NULL), CDBC_OK);
	assert_true(!pthread_equal(first, pthread_self()));
	assert_true(
		pthread_equal(first, second)); /* a thread that rests is used before another is started */
	cx_helpers_free(helpers);
}

static void one_who_leaves_gives_the_job_away(void **state)
{
	cx_helpers *helpers = make(1, 0);
	cdbc_error *err = NULL;
	cdbc_status status;

	(void)state;
	set_gate(true);
	do {
		cx_error_clear(&err);
		status = cx_helpers_run(helpers, pass, count_gone, NULL, cx_deadline_after_ms(20), &err);
	} while (status == CDBC_OVERLOADED); /* a slow machine: it did not begin in time */
	assert_int_equal(status, CDBC_TIMEOUT);
	assert_int_equal(cdbc_error_status(err), CDBC_TIMEOUT);
	cdbc_error_free(err);
	assert_int_equal(gate.gone, 0);
	set_gate(false);
	wait_for(&gate.gone, 1);
	assert_int_equal(gate.done, 1);
	set_gate(true);
	cx_helpers_run(helpers, pass, NULL, NULL, cx_deadline_after_ms(20),
				   NULL); /* nothing to be told */
	set_gate(false);
	cx_helpers_free(helpers);
}

static void a_job_that_did_not_begin_in_time_stays_its_callers(void **state)
{
	cx_helpers *helpers = make(1, 5);
	cdbc_error *err = NULL;

	(void)state;
	set_gate(true);
	assert_int_equal(cx_helpers_submit(helpers, pass, NULL, NULL, NULL), CDBC_OK);
	wait_for(&gate.running, 1);
	assert_int_equal(cx_helpers_run(helpers, pass, count_gone, NULL, cx_deadline_after_ms(1), &err),
					 CDBC_OVERLOADED);
	assert_string_equal(cdbc_error_message(err), "no helper thread was free before the deadline");
	cdbc_error_free(err);
	assert_int_equal(cx_helpers_submit(helpers, pass, NULL, NULL, NULL),
					 CDBC_OK); /* the queue is whole */
	set_gate(false);
	wait_for(&gate.done, 2);
	cx_helpers_free(helpers);
	assert_int_equal(gate.gone, 0);
}

typedef struct nest {
	cx_helpers *helpers;
	pthread_t outer;
	pthread_t inner;
} nest;

static void run_inner(void *data)
{
	nest *n = data;

	n->outer = pthread_self();
	assert_int_equal(cx_helpers_run(n->helpers, note_thread, NULL, &n->inner, CX_NEVER, NULL),
					 CDBC_OK);
}

static void a_nested_job_runs_where_it_is(void **state)
{
	nest n = {.helpers = make(1, 0)};

	(void)state;
	assert_int_equal(cx_helpers_run(n.helpers, run_inner, NULL, &n, CX_NEVER, NULL), CDBC_OK);
	assert_true(pthread_equal(n.outer, n.inner));
	cx_helpers_free(n.helpers);
}

static void *run_and_be_refused(void *data)
{
	return cx_helpers_run(data, pass, NULL, NULL, CX_NEVER, NULL) == CDBC_OVERLOADED ? data : NULL;
}

static void freeing_answers_those_who_wait(void **state)
{
	cx_helpers *helpers = make(1, 5);
	cx_thread waiting, freeing;
	void *answer = NULL;

	(void)state;
	set_gate(true);
	assert_int_equal(cx_helpers_submit(helpers, pass, count_gone, NULL, NULL), CDBC_OK);
	wait_for(&gate.running, 1);
	assert_int_equal(cx_helpers_submit(helpers, pass, count_gone, NULL, NULL), CDBC_OK);
	assert_true(cx_thread_start(&waiting, run_and_be_refused, helpers, "waiting"));
	while (cx_helpers_submit(helpers, pass, count_gone, NULL, NULL) ==
		   CDBC_OK) /* until the waiting one fills the queue too */
		;
	assert_true(cx_thread_start(&freeing, free_them, helpers, "free"));
	pthread_join(waiting.id, &answer);
	assert_non_null(answer);
	set_gate(false);
	cx_thread_join(&freeing);
}

static void threads_that_rest_long_end(void **state)
{
	cx_helpers *helpers = make(2, 2);

	(void)state;
	cx_clock_fake_start(1); /* long ago: every rest is over at once */
	for (int i = 0; i < 200; i++)
		assert_int_equal(cx_helpers_run(helpers, pass, NULL, NULL, CX_NEVER, NULL), CDBC_OK);
	assert_int_equal(gate.done, 200);
	cx_clock_fake_stop();
	cx_helpers_free(helpers);
}

static _Atomic long made, freed;

static void touch(void *data)
{
	*(int *)data = 1;
}

static void let_go(void *data)
{
	assert_int_equal(*(int *)data, 1);
	free(data);
	freed++;
}

static void *crowd_main(void *data)
{
	for (int i = 0; i < 2000; i++) {
		int *piece = calloc(1, sizeof *piece);
		cdbc_status status;

		made++;
		status = cx_helpers_run(data, touch, let_go, piece,
								i % 3 ? cx_clock_now_ns() + i % 7 * 1000 : CX_NEVER, NULL);
		if (status == CDBC_TIMEOUT)
			continue;
		free(piece);
		freed++;
	}
	return NULL;
}

static void a_crowd(void **state)
{
	cx_helpers *helpers = make(2, 3);
	cx_thread threads[6];

	(void)state;
	made = freed = 0;
	for (int i = 0; i < 6; i++)
		assert_true(cx_thread_start(&threads[i], crowd_main, helpers, "crowd"));
	for (int i = 0; i < 6; i++)
		cx_thread_join(&threads[i]);
	cx_helpers_free(helpers);
	assert_int_equal(made, 12000);
	assert_int_equal(freed, 12000);
}

#define GATE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GATE_TEST(runs_as_many_as_it_has_threads),
		GATE_TEST(refuses_when_the_queue_is_full),
		GATE_TEST(refuses_silly_sizes),
		GATE_TEST(drops_what_did_not_begin),
		GATE_TEST(runs_and_waits),
		GATE_TEST(one_who_leaves_gives_the_job_away),
		GATE_TEST(a_job_that_did_not_begin_in_time_stays_its_callers),
		GATE_TEST(a_nested_job_runs_where_it_is),
		GATE_TEST(freeing_answers_those_who_wait),
		GATE_TEST(threads_that_rest_long_end),
		GATE_TEST(a_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
