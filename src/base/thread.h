// SPDX-License-Identifier: Apache-2.0
/* Mutex, condition and thread, thinly over POSIX: waits take a deadline of CLOCK_MONOTONIC, threads
 * start with signals blocked. No queues or pools here: see base/helpers.h. */
#ifndef CX_THREAD_H
#define CX_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct cx_mutex {
	pthread_mutex_t mutex;
} cx_mutex;

typedef struct cx_cond {
	pthread_cond_t cond;
} cx_cond;

typedef struct cx_thread {
	pthread_t id;
} cx_thread;

#define CX_MUTEX_INIT             \
	{                             \
		PTHREAD_MUTEX_INITIALIZER \
	}

void cx_mutex_init(cx_mutex *mutex);
void cx_mutex_fini(cx_mutex *mutex);

static inline void cx_mutex_lock(cx_mutex *mutex)
{
	pthread_mutex_lock(&mutex->mutex);
}

static inline void cx_mutex_unlock(cx_mutex *mutex)
{
	pthread_mutex_unlock(&mutex->mutex);
}

void cx_cond_init(cx_cond *cond);
void cx_cond_fini(cx_cond *cond);

/* Waits, with mutex held, for a signal or the deadline. False when the deadline passed. May wake
 * without a reason. */
bool cx_cond_wait(cx_cond *cond, cx_mutex *mutex, int64_t deadline_ns);

static inline void cx_cond_signal(cx_cond *cond)
{
	pthread_cond_signal(&cond->cond);
}

static inline void cx_cond_broadcast(cx_cond *cond)
{
	pthread_cond_broadcast(&cond->cond);
}

/* Starts run(data) on a new thread with all signals blocked, so that the application's handlers run
 * on its own threads. False when the system gives none. name: at most 15 letters, for debuggers. */
bool cx_thread_start(cx_thread *thread, void *(*run)(void *data), void *data, const char *name);
void cx_thread_join(cx_thread *thread);

#endif
