// SPDX-License-Identifier: Apache-2.0
/* The failing allocator of tests. */
#include "support/oom.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

/* Of the thread that watches: what others still do, such as a helper that tidies up, is theirs. */
static _Thread_local bool is_watching;
static _Thread_local long live;
static _Thread_local long until_failure; /* 0: never */

#ifdef __SANITIZE_THREAD__
/* A program sets its allocator before all else. Here it is changed while a helper thread lives, and
 * both kinds free what either has given. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:cdbc_set_allocator\n";
}
#endif

static bool must_fail(void)
{
	return until_failure > 0 && --until_failure == 0;
}

static void *hook_alloc(size_t size)
{
	void *p = must_fail() ? NULL : malloc(size);

	live += is_watching && p != NULL;
	return p;
}

static void *hook_realloc(void *old, size_t size)
{
	void *p = must_fail() ? NULL : realloc(old, size);

	live += is_watching && p != NULL && old == NULL;
	return p;
}

static void hook_free(void *block)
{
	live -= is_watching && block != NULL;
	free(block);
}

void oom_watch(void)
{
	static const cdbc_allocator hook = {hook_alloc, hook_realloc, hook_free};

	is_watching = true;
	live = 0;
	until_failure = 0;
	cdbc_set_allocator(&hook);
}

long oom_live(void)
{
	return live;
}

void oom_unwatch(void)
{
	is_watching = false;
	cdbc_set_allocator(NULL);
}

size_t oom_run(oom_scenario scenario, void *data)
{
	for (size_t n = 1; n < 100000; n++) {
		cdbc_error *err = NULL;
		cdbc_status status;
		bool has_failed_one;

		oom_watch();
		until_failure = (long)n;
		status = scenario(data, &err);
		has_failed_one = until_failure == 0;
		until_failure = 0;
		if (status && status != CDBC_NOMEM)
			print_error("allocation %zu: %s: %s\n", n, cdbc_status_name(status),
						err ? cdbc_error_message(err) : "");
		cdbc_error_free(err);
		oom_unwatch();
		if (live != 0)
			print_error("allocation %zu failing leaves %ld blocks\n", n, live);
		assert_int_equal(live, 0);
		if (!has_failed_one) {
			assert_int_equal(status, CDBC_OK);
			return n - 1;
		}
		assert_true(status == CDBC_NOMEM || status == CDBC_OK); /* OK: a part that may be lost */
	}
	fail_msg("more than 100,000 allocations");
	return 0;
}
