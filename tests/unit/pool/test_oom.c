// SPDX-License-Identifier: Apache-2.0
/* The pool and the allocator: when memory runs out, as far as that happens on the caller's thread
 * (the failing allocator is not for several), and what is left in memory that is given back. */
#include "pool_fixture.h"
#include "support/oom.h"

#include <malloc.h>
#include <stdlib.h>

static cdbc_status new_and_free(void *data, cdbc_error **err)
{
	pool_fixture *f = data;
	cx_pool *pool = NULL;
	cdbc_status status =
		cx_pool_new(&f->options, &stub_driver, &fixture_settings, NULL, f->helpers, &pool, err);

	if (status)
		return status;
	cx_pool_close(pool, CX_NEVER);
	cx_pool_free(pool);
	return CDBC_OK;
}

static void survives_a_lack_of_memory(void **state)
{
	assert_true(oom_run(new_and_free, *state) >= 8);
}

static cdbc_status time_out(void *data, cdbc_error **err)
{
	pool_fixture *f = data;
	cx_conn *none = NULL;
	cdbc_status status = cx_pool_acquire(f->pool, 0, "here", &none, err);

	assert_int_equal(cdbc_error_status(*err), status);
	return status == CDBC_TIMEOUT ? CDBC_OK : status;
}

static void nothing(void *data)
{
	(void)data;
}

static void times_out_without_memory(void **state)
{
	pool_fixture *f = *state;
	cx_conn *conn;
	cx_helpers *many = f->helpers;

	assert_int_equal(cx_helpers_new(1, 8, &f->helpers, NULL), CDBC_OK);
	f->options.max_size = 1;
	fixture_pool(f, NULL);
	conn = must_acquire(f);
	assert_int_equal(cx_helpers_run(f->helpers, nothing, NULL, NULL, CX_NEVER, NULL),
					 CDBC_OK); /* the opener has left */
	assert_true(oom_run(time_out, f) >= 2);
	cx_pool_release(f->pool, conn, CX_RELEASE_CLEAN, NULL);
	assert_true(cx_pool_close(f->pool, CX_NEVER));
	cx_pool_free(f->pool);
	f->pool = NULL;
	cx_helpers_free(f->helpers);
	f->helpers = many;
}

/* An allocator that looks at what is given back. */
static int leftovers;

static void look_and_free(void *block)
{
	if (block && memmem(block, malloc_usable_size(block), "open sesame", 11))
		leftovers++;
	free(block);
}

static void wipes_secrets(void **state)
{
	static const cdbc_allocator hook = {malloc, realloc, look_and_free};
	pool_fixture *f = *state;
	cdbc_error *err = NULL;

	cdbc_set_allocator(&hook);
	leftovers = 0;
	assert_int_equal(new_and_free(f, &err), CDBC_OK);
	cdbc_set_allocator(NULL);
	assert_int_equal(leftovers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(survives_a_lack_of_memory),
		POOL_TEST(times_out_without_memory),
		POOL_TEST(wipes_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
