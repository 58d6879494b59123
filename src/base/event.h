// SPDX-License-Identifier: Apache-2.0
/* The list of observers: how a lower layer tells what happens without knowing who listens. Fixed
 * once made: any thread may emit. */
#ifndef CX_EVENT_H
#define CX_EVENT_H

#include <cdbc/event.h>

typedef struct cx_events {
	cdbc_observer *observers;
	size_t count;
	uint32_t wanted; /* the union of what they want */
} cx_events;

/* Copies the observers. */
cdbc_status cx_events_init(cx_events *events, const cdbc_observer *observers, size_t count,
						   cdbc_error **err);
/* Destroys the observers. */
void cx_events_fini(cx_events *events);

/* events may be NULL. */
static inline bool cx_events_wants(const cx_events *events, cdbc_event_kind kind)
{
	return events && (events->wanted & (uint32_t)kind);
}

/* Fills in struct_size and, when 0, time_ns; calls those who want it. No lock may be held. */
void cx_events_emit(const cx_events *events, cdbc_event *event);

#endif
