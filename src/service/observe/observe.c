// SPDX-License-Identifier: Apache-2.0
/* The list of observers, made once. */
#include "service/observe/observe.h"

#include "base/alloc.h"
#include "base/error.h"
#include "service/client.h"

#include <string.h>

cdbc_status cx_observe_init(cx_observe *observe, const cx_observe_options *options,
							const cdbc_observer *others, size_t other_count, cx_events *events,
							cdbc_error **err)
{
	cdbc_observer *all = cx_calloc(other_count + 2, sizeof *all);
	size_t count = other_count;
	cdbc_status status = CDBC_OK;

	if (!all)
		return cx_error_nomem(err);
	if (count)
		memcpy(all, others, count * sizeof *all);
	if (options->has_stats)
		status = cx_counters_new((size_t)options->max_queries, &observe->counters, err);
	if (!status && options->log.target != CX_SINK_OFF)
		status = cx_log_new(&options->log, &observe->log, err);
	if (observe->counters)
		all[count++] = cx_counters_observer(observe->counters);
	if (observe->log)
		all[count++] = cx_log_observer(observe->log);
	if (!status)
		status = cx_events_init(events, all, count, err);
	cx_free(all);
	if (status)
		cx_observe_fini(observe);
	return status;
}

void cx_observe_fini(cx_observe *observe)
{
	cx_counters_free(observe->counters);
	cx_log_free(observe->log);
	*observe = (cx_observe){NULL, NULL};
}

cdbc_status cdbc_client_reopen_log(cdbc_client *client, cdbc_error **err)
{
	return client->observe.log ? cx_log_reopen(client->observe.log, err) : CDBC_OK;
}
