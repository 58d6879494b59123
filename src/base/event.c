// SPDX-License-Identifier: Apache-2.0
/* Emitting events. */
#include "base/event.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <string.h>

cdbc_status cx_events_init(cx_events *events, const cdbc_observer *observers, size_t count,
						   cdbc_error **err)
{
	memset(events, 0, sizeof *events);
	if (count == 0)
		return CDBC_OK;
	events->observers = cx_calloc(count, sizeof *observers);
	if (!events->observers)
		return cx_error_nomem(err);
	memcpy(events->observers, observers, count * sizeof *observers);
	events->count = count;
	for (size_t i = 0; i < count; i++)
		events->wanted |= observers[i].events;
	return CDBC_OK;
}

void cx_events_fini(cx_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		if (events->observers[i].destroy)
			events->observers[i].destroy(events->observers[i].self);
	cx_free(events->observers);
	memset(events, 0, sizeof *events);
}

void cx_events_emit(const cx_events *events, cdbc_event *event)
{
	if (!cx_events_wants(events, event->kind))
		return;
	event->struct_size = sizeof *event;
	if (event->time_ns == 0)
		event->time_ns = cx_clock_now_ns();
	for (size_t i = 0; i < events->count; i++)
		if (events->observers[i].events & (uint32_t)event->kind)
			events->observers[i].on_event(events->observers[i].self, event);
}
