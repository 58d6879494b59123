// SPDX-License-Identifier: Apache-2.0
/* The observers that a client brings along, put together with the application's: counters, the
 * log. */
#ifndef CX_OBSERVE_H
#define CX_OBSERVE_H

#include "base/event.h"
#include "service/observe/counters.h"
#include "service/observe/log.h"

typedef struct cx_observe_options {
	cx_log_options log;
	bool has_stats;
	int64_t max_queries;
} cx_observe_options;

typedef struct cx_observe {
	cx_counters *counters; /* NULL: not wanted */
	cx_log *log;           /* likewise */
} cx_observe;

/* Makes those that are wanted, and the list of all with the application's first. Errors as
 * cx_log_new; nothing is left then. */
cdbc_status cx_observe_init(cx_observe *observe, const cx_observe_options *options,
							const cdbc_observer *others, size_t other_count, cx_events *events,
							cdbc_error **err);
/* After the list is gone. */
void cx_observe_fini(cx_observe *observe);

#endif
