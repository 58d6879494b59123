// SPDX-License-Identifier: Apache-2.0
/* Threads over POSIX. */
#include "base/thread.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

void cx_mutex_init(cx_mutex *mutex)
{
	pthread_mutex_init(&mutex->mutex, NULL);
}

void cx_mutex_fini(cx_mutex *mutex)
{
	pthread_mutex_destroy(&mutex->mutex);
}

void cx_cond_init(cx_cond *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&cond->cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

void cx_cond_fini(cx_cond *cond)
{
	pthread_cond_destroy(&cond->cond);
}

bool cx_cond_wait(cx_cond *cond, cx_mutex *mutex, int64_t deadline_ns)
{
	struct timespec until;

	if (deadline_ns == CX_NEVER) {
		pthread_cond_wait(&cond->cond, &mutex->mutex);
		return true;
	}
	until.tv_sec = (time_t)(deadline_ns / CX_NS_PER_S);
	until.tv_nsec = (long)(deadline_ns % CX_NS_PER_S);
	return pthread_cond_timedwait(&cond->cond, &mutex->mutex, &until) != ETIMEDOUT;
}

bool cx_thread_start(cx_thread *thread, void *(*run)(void *data), void *data, const char *name)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&thread->id, NULL, run, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failed)
		pthread_setname_np(thread->id, name);
	return !failed;
}

void cx_thread_join(cx_thread *thread)
{
	pthread_join(thread->id, NULL);
}
