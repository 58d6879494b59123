// SPDX-License-Identifier: Apache-2.0
/* The helper threads. One mutex protects everything in cx_helpers and the state of its jobs; it is
 * never held while a job runs. */
#include "base/helpers.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"

#define IDLE_NS (30 * CX_NS_PER_S)

typedef enum job_state {
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_DONE,
	JOB_DROPPED,  /* the helpers went before it began */
	JOB_ABANDONED /* its caller left: the helper frees it */
} job_state;

typedef struct job {
	struct job *next;
	void (*fn)(void *data);
	void (*gone)(void *data); /* dropped of submit, abandoned of run */
	void *data;
	cx_cond *done; /* the caller's, of run; NULL for submit */
	job_state state;
} job;

typedef enum seat_state {
	SEAT_EMPTY,
	SEAT_TAKEN,
	SEAT_LEFT /* its thread has ended and must be joined */
} seat_state;

typedef struct seat {
	cx_thread thread;
	seat_state state;
} seat;

struct cx_helpers {
	cx_mutex lock;
	cx_cond work; /* a job was queued, or it is over */
	cx_cond left; /* a caller of run has left */
	job *first;
	job **last;
	size_t max_threads;
	size_t max_queued;
	size_t queued_count;
	size_t thread_count;
	size_t busy_count;
	size_t caller_count; /* callers inside run */
	bool is_over;
	seat seats[];
};

/* Which helpers the present thread belongs to: such a thread runs a nested job itself, as waiting
 * for another could deadlock. */
static _Thread_local const cx_helpers *mine;

cdbc_status cx_helpers_new(size_t max_threads, size_t max_queued, cx_helpers **out,
						   cdbc_error **err)
{
	cx_helpers *helpers;

	if (max_threads == 0 || max_threads > 1024)
		return cx_error_set(err, CDBC_USAGE, "helper threads: %zu is not between 1 and 1024",
							max_threads);
	helpers = cx_calloc(1, sizeof *helpers + max_threads * sizeof(seat));
	if (!helpers)
		return cx_error_nomem(err);
	cx_mutex_init(&helpers->lock);
	cx_cond_init(&helpers->work);
	cx_cond_init(&helpers->left);
	helpers->last = &helpers->first;
	helpers->max_threads = max_threads;
	helpers->max_queued = max_queued;
	*out = helpers;
	return CDBC_OK;
}

static job *take_first(cx_helpers *helpers)
{
	job *j = helpers->first;

	helpers->first = j->next;
	if (!helpers->first)
		helpers->last = &helpers->first;
	helpers->queued_count--;
	return j;
}

/* Called and returns with the lock held. */
static void run_job(cx_helpers *helpers, job *j)
{
	bool is_mine = !j->done;

	j->state = JOB_RUNNING;
	helpers->busy_count++;
	cx_mutex_unlock(&helpers->lock);
	j->fn(j->data);
	cx_mutex_lock(&helpers->lock);
	if (j->state == JOB_ABANDONED) {
		if (j->gone) {
			cx_mutex_unlock(&helpers->lock);
			j->gone(j->data);
			cx_mutex_lock(&helpers->lock);
		}
		is_mine = true;
	} else if (j->done) {
		j->state = JOB_DONE;
		cx_cond_signal(j->done);
	}
	helpers->busy_count--;
	if (is_mine)
		cx_free(j);
}

typedef struct start {
	cx_helpers *helpers;
	seat *seat;
} start;

static void *helper_main(void *data)
{
	start *begin = data;
	cx_helpers *helpers = begin->helpers;
	seat *my_seat = begin->seat;

	cx_free(begin);
	mine = helpers;
	cx_mutex_lock(&helpers->lock);
	for (;;) {
		int64_t until = cx_clock_now_ns() + IDLE_NS;
		bool is_rested = false;

		while (!helpers->first && !helpers->is_over && !is_rested)
			is_rested = !cx_cond_wait(&helpers->work, &helpers->lock, until);
		if (!helpers->first)
			break;
		run_job(helpers, take_first(helpers));
	}
	helpers->thread_count--;
	my_seat->state = SEAT_LEFT;
	cx_mutex_unlock(&helpers->lock);
	return NULL;
}

/* With the lock held: starts one more thread when there is more to do than threads free to do it.
 * False when none runs at all. */
static bool ensure_thread(cx_helpers *helpers)
{
	seat *empty = NULL;
	start *begin;

	if (helpers->thread_count - helpers->busy_count >= helpers->queued_count ||
		helpers->thread_count == helpers->max_threads)
		return true;
	for (size_t i = 0; i < helpers->max_threads && !empty; i++)
		if (helpers->seats[i].state != SEAT_TAKEN)
			empty = &helpers->seats[i];
	begin = cx_alloc(sizeof *begin);
	if (!begin)
		return helpers->thread_count > 0;
	if (empty->state == SEAT_LEFT) {
		cx_thread_join(&empty->thread); /* it has let go of the lock for good */
		empty->state = SEAT_EMPTY;
	}
	*begin = (start){helpers, empty};
	if (!cx_thread_start(&empty->thread, helper_main, begin, "cdbc-helper")) {
		cx_free(begin);
		return helpers->thread_count > 0;
	}
	empty->state = SEAT_TAKEN;
	helpers->thread_count++;
	return true;
}

static void unqueue(cx_helpers *helpers, job *wanted)
{
	for (job **at = &helpers->first; *at; at = &(*at)->next) {
		if (*at != wanted)
			continue;
		*at = wanted->next;
		if (helpers->last == &wanted->next)
			helpers->last = at;
		helpers->queued_count--;
		return;
	}
}

/* With the lock held: queues a job, or says why not. */
static cdbc_status enqueue(cx_helpers *helpers, job *j, cdbc_error **err)
{
	size_t room = helpers->max_queued + (helpers->max_threads - helpers->busy_count);

	if (helpers->is_over)
		return cx_error_set(err, CDBC_OVERLOADED, "the helper threads are closing");
	if (helpers->queued_count >= room)
		return cx_error_set(err, CDBC_OVERLOADED,
							"all %zu helper threads are busy and %zu jobs wait for them",
							helpers->max_threads, helpers->queued_count);
	j->next = NULL;
	*helpers->last = j;
	helpers->last = &j->next;
	helpers->queued_count++;
	if (!ensure_thread(helpers)) {
		unqueue(helpers, j);
		return cx_error_set(err, CDBC_OVERLOADED, "the system gives no thread");
	}
	cx_cond_signal(&helpers->work);
	return CDBC_OK;
}

static job *job_new(void (*fn)(void *data), void (*gone)(void *data), void *data, cx_cond *done)
{
	job *j = cx_alloc(sizeof *j);

	if (j)
		*j = (job){NULL, fn, gone, data, done, JOB_QUEUED};
	return j;
}

cdbc_status cx_helpers_submit(cx_helpers *helpers, void (*fn)(void *data),
							  void (*dropped)(void *data), void *data, cdbc_error **err)
{
	job *j = job_new(fn, dropped, data, NULL);
	cdbc_status status;

	if (!j)
		return cx_error_nomem(err);
	cx_mutex_lock(&helpers->lock);
	status = enqueue(helpers, j, err);
	cx_mutex_unlock(&helpers->lock);
	if (status)
		cx_free(j);
	return status;
}

/* With the lock held: waits for a job of ours and says what became of it. The job is freed unless
 * it goes on alone. */
static cdbc_status await(cx_helpers *helpers, job *j, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	while (j->state <= JOB_RUNNING)
		if (!cx_cond_wait(j->done, &helpers->lock, deadline_ns))
			break;
	if (j->state == JOB_RUNNING) {
		j->state = JOB_ABANDONED;
		return cx_error_set(err, CDBC_TIMEOUT, "the deadline passed");
	}
	if (j->state == JOB_QUEUED) {
		unqueue(helpers, j);
		status =
			cx_error_set(err, CDBC_OVERLOADED, "no helper thread was free before the deadline");
	} else if (j->state == JOB_DROPPED) {
		status = cx_error_set(err, CDBC_OVERLOADED, "the helper threads are closing");
	}
	cx_free(j);
	return status;
}

cdbc_status cx_helpers_run(cx_helpers *helpers, void (*fn)(void *data),
						   void (*abandoned)(void *data), void *data, int64_t deadline_ns,
						   cdbc_error **err)
{
	cdbc_status status;
	cx_cond done;
	job *j;

	if (mine == helpers) {
		fn(data);
		return CDBC_OK;
	}
	cx_cond_init(&done);
	j = job_new(fn, abandoned, data, &done);
	if (!j) {
		cx_cond_fini(&done);
		return cx_error_nomem(err);
	}
	cx_mutex_lock(&helpers->lock);
	helpers->caller_count++;
	status = enqueue(helpers, j, err);
	if (status)
		cx_free(j);
	else
		status = await(helpers, j, deadline_ns, err);
	helpers->caller_count--;
	cx_cond_signal(&helpers->left);
	cx_mutex_unlock(&helpers->lock);
	cx_cond_fini(&done);
	return status;
}

void cx_helpers_free(cx_helpers *helpers)
{
	job *dropped = NULL;

	if (!helpers)
		return;
	cx_mutex_lock(&helpers->lock);
	helpers->is_over = true;
	while (helpers->first) {
		job *j = take_first(helpers);

		j->state = JOB_DROPPED;
		if (j->done) {
			cx_cond_signal(j->done);
			continue;
		}
		j->next = dropped;
		dropped = j;
	}
	cx_cond_broadcast(&helpers->work);
	cx_mutex_unlock(&helpers->lock);
	while (dropped) {
		job *next = dropped->next;

		if (dropped->gone)
			dropped->gone(dropped->data);
		cx_free(dropped);
		dropped = next;
	}
	cx_mutex_lock(&helpers->lock);
	while (helpers->caller_count)
		cx_cond_wait(&helpers->left, &helpers->lock, CX_NEVER);
	for (size_t i = 0; i < helpers->max_threads; i++) {
		if (helpers->seats[i].state == SEAT_EMPTY)
			continue;
		cx_mutex_unlock(&helpers->lock);
		cx_thread_join(&helpers->seats[i].thread);
		cx_mutex_lock(&helpers->lock);
	}
	cx_mutex_unlock(&helpers->lock);
	cx_cond_fini(&helpers->work);
	cx_cond_fini(&helpers->left);
	cx_mutex_fini(&helpers->lock);
	cx_free(helpers);
}
