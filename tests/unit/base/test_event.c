// SPDX-License-Identifier: Apache-2.0
/* Events: who gets which, what is filled in, who is destroyed. */
#include "base/clock.h"
#include "base/event.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct watcher {
	int count;
	int destroyed;
	cdbc_event last;
} watcher;

static void note(void *self, const cdbc_event *event)
{
	watcher *w = self;

	w->count++;
	w->last = *event;
}

static void destroy(void *self)
{
	((watcher *)self)->destroyed++;
}

static void each_gets_what_it_wants(void **state)
{
	watcher a = {0}, b = {0};
	const cdbc_observer observers[] = {
		{sizeof(cdbc_observer), "a", CDBC_EVENT_LEAK, note, destroy, &a},
		{sizeof(cdbc_observer), "b", CDBC_EVENT_LEAK | CDBC_EVENT_DEPRECATED, note, NULL, &b},
	};
	cdbc_event leak = {.kind = CDBC_EVENT_LEAK, .text = "here"},
			   notice = {.kind = CDBC_EVENT_DEPRECATED, .time_ns = 5},
			   other = {.kind = CDBC_EVENT_CONN_OPEN};
	cx_events events;

	(void)state;
	assert_int_equal(cx_events_init(&events, observers, 2, NULL), CDBC_OK);
	assert_true(cx_events_wants(&events, CDBC_EVENT_DEPRECATED));
	assert_false(cx_events_wants(&events, CDBC_EVENT_CONN_OPEN));
	assert_false(cx_events_wants(NULL, CDBC_EVENT_LEAK));
	cx_events_emit(&events, &leak);
	cx_events_emit(&events, &notice);
	cx_events_emit(&events, &other);
	cx_events_emit(NULL, &other);
	assert_int_equal(a.count, 1);
	assert_int_equal(b.count, 2);
	assert_string_equal(a.last.text, "here");
	assert_int_equal(a.last.struct_size, sizeof(cdbc_event));
	assert_true(a.last.time_ns > 0 && a.last.time_ns <= cx_clock_now_ns());
	assert_int_equal(b.last.time_ns, 5);
	cx_events_fini(&events);
	cx_events_fini(&events);
	assert_int_equal(a.destroyed, 1);
	assert_int_equal(b.destroyed, 0);
}

static cdbc_status make(void *data, cdbc_error **err)
{
	const cdbc_observer one = {sizeof one, "a", CDBC_EVENT_ALL, note, NULL, data};
	cx_events events;
	cdbc_status status = cx_events_init(&events, &one, 1, err);

	cx_events_fini(&events);
	return status;
}

static void survives_a_lack_of_memory(void **state)
{
	cx_events none;

	(void)state;
	assert_int_equal(oom_run(make, NULL), 1);
	assert_int_equal(cx_events_init(&none, NULL, 0, NULL), CDBC_OK);
	assert_false(cx_events_wants(&none, CDBC_EVENT_LEAK));
	cx_events_fini(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_what_it_wants),
		cmocka_unit_test(survives_a_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
