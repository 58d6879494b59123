// SPDX-License-Identifier: Apache-2.0
/* A driver that strikes: it wraps the table of another one, for databases that no proxy can stand
 * before. The kinds and their meaning are those of the fault proxy, without those of a server that
 * is shut down and of a torn message. There is one in a process; all calls from any thread. A test
 * helper: aborts when memory is out. */
#ifndef CDBC_TEST_FAULT_DRIVER_H
#define CDBC_TEST_FAULT_DRIVER_H

#include "fault_proxy.h"

#include <cdbc/driver.h>

/* The kinds it has, as 1 << kind. */
#define FAULT_DRIVER_KINDS                                                                     \
	(1u << FAULT_CUT_BEFORE_COMMIT | 1u << FAULT_CUT_AFTER_COMMIT | 1u << FAULT_LATE_COMMIT |  \
	 1u << FAULT_CUT_INSIDE | 1u << FAULT_DELAY | 1u << FAULT_CONFLICT |                       \
	 1u << FAULT_CONFLICT_COMMIT | 1u << FAULT_AMBIGUOUS_UNDONE | 1u << FAULT_AMBIGUOUS_DONE | \
	 1u << FAULT_ROLLBACK_TAG | 1u << FAULT_REFUSE)

typedef struct fault_driver_options {
	const cdbc_driver *inner;
	const char *path; /* its setting "path"; borrowed until the stop */
	uint64_t seed;
	int commit_permille, other_permille; /* as those of the proxy */
	int64_t at_least;
	int delay_max_ms; /* 0: 10 */
} fault_driver_options;

/* The URL for clients is "faulty:". Adds the driver to the process's table the first time. Strikes
 * nothing before fault_driver_arm. All clients of the run before must be closed. */
void fault_driver_start(const fault_driver_options *options);
void fault_driver_arm(bool is_armed);
/* Strikes the next one that this kind fits, armed or not. One is kept. */
void fault_driver_strike(fault_kind kind);
int64_t fault_driver_count(fault_kind kind);
int64_t fault_driver_least(void);
/* Waits until every late commit is decided. All clients must be closed. */
void fault_driver_stop(void);

#endif
