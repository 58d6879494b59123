// SPDX-License-Identifier: Apache-2.0
/* Secrets: kept, replaced, wiped before their memory is given back. */
#include "base/error.h"
#include "base/secret.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char kept[64];
static bool was_wiped;

static void *block_alloc(size_t size)
{
	return size <= sizeof kept ? kept : NULL;
}

static void *block_realloc(void *old, size_t size)
{
	(void)old;
	(void)size;
	return NULL;
}

static void block_free(void *block)
{
	was_wiped = block == kept;
	for (int i = 0; was_wiped && i < 11; i++)
		was_wiped = kept[i] == 0;
}

static void is_wiped_when_it_goes(void **state)
{
	static const cdbc_allocator hook = {block_alloc, block_realloc, block_free};
	cx_secret secret = CX_SECRET_INIT;

	(void)state;
	cdbc_set_allocator(&hook);
	assert_true(cx_secret_set(&secret, "open sesame", 11));
	assert_string_equal(cx_secret_reveal(&secret), "open sesame");
	cx_secret_release(&secret);
	cdbc_set_allocator(NULL);
	assert_true(was_wiped);
	assert_false(cx_secret_is_set(&secret));
	assert_null(cx_secret_reveal(&secret));
}

static void is_replaced(void **state)
{
	cx_secret secret = CX_SECRET_INIT;

	(void)state;
	assert_false(cx_secret_is_set(&secret));
	assert_true(cx_secret_set(&secret, "first", 5));
	assert_true(cx_secret_set(&secret, "second and more", 6));
	assert_string_equal(cx_secret_reveal(&secret), "second");
	assert_true(cx_secret_set(&secret, "", 0));
	assert_true(cx_secret_is_set(&secret));
	assert_string_equal(cx_secret_reveal(&secret), "");
	assert_true(cx_secret_set(&secret, NULL, 0));
	assert_false(cx_secret_is_set(&secret));
	cx_secret_release(&secret);
}

static cdbc_status set_twice(void *data, cdbc_error **err)
{
	cx_secret secret = CX_SECRET_INIT;
	cdbc_status status = CDBC_OK;

	(void)data;
	if (!cx_secret_set(&secret, "one", 3))
		status = cx_error_nomem(err);
	else if (!cx_secret_set(&secret, "two", 3)) {
		assert_string_equal(cx_secret_reveal(&secret), "one"); /* what was there stays */
		status = cx_error_nomem(err);
	}
	cx_secret_release(&secret);
	return status;
}

static void survives_a_lack_of_memory(void **state)
{
	(void)state;
	assert_int_equal(oom_run(set_twice, NULL), 2);
	cx_wipe(NULL, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_wiped_when_it_goes),
		cmocka_unit_test(is_replaced),
		cmocka_unit_test(survives_a_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
