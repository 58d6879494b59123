// SPDX-License-Identifier: Apache-2.0
/* A small bounded set of helper threads for what can only be done blocking (name look-ups,
 * connecting, cancelling), while the caller waits by its deadline. Threads start when they are
 * needed and end when idle for long. */
#ifndef CX_HELPERS_H
#define CX_HELPERS_H

#include <cdbc/error.h>

typedef struct cx_helpers cx_helpers;

cdbc_status cx_helpers_new(size_t max_threads, size_t max_queued, cx_helpers **out,
						   cdbc_error **err);
/* Waits for jobs that run; those that did not start are dropped through their abandoned function.
 * Takes NULL. */
void cx_helpers_free(cx_helpers *helpers);

/* Queues fn(data) and returns at once. CDBC_OVERLOADED when the queue is full (fn will not be
 * called), CDBC_NOMEM. dropped(data), may be NULL, is called instead of fn when the helpers are
 * freed first. */
cdbc_status cx_helpers_submit(cx_helpers *helpers, void (*fn)(void *data),
							  void (*dropped)(void *data), void *data, cdbc_error **err);

/* As cdbc_driver_host.run_blocking says. */
cdbc_status cx_helpers_run(cx_helpers *helpers, void (*fn)(void *data),
						   void (*abandoned)(void *data), void *data, int64_t deadline_ns,
						   cdbc_error **err);

#endif
