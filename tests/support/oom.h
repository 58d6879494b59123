// SPDX-License-Identifier: Apache-2.0
/* Allocation failure: runs a scenario again and again, failing allocation 1, then 2, ... until it
 * succeeds, and counts what is still allocated after each run.
 *
 *     static cdbc_status scenario(void *data, cdbc_error **err) { ... everything made is freed,
 * also on failure ... } oom_run(scenario, data);        asserts: each failure is CDBC_NOMEM,
 * nothing leaks, and success comes in the end
 *
 * Only the library's own allocations count (cx_alloc). Not for scenarios that start threads. */
#ifndef TEST_OOM_H
#define TEST_OOM_H

#include <cdbc/error.h>

typedef cdbc_status (*oom_scenario)(void *data, cdbc_error **err);

/* Returns the number of allocations that were made to fail. */
size_t oom_run(oom_scenario scenario, void *data);

/* Blocks allocated and not freed since oom_watch, by the thread that called it. */
void oom_watch(void);
long oom_live(void);
void oom_unwatch(void);

#endif
