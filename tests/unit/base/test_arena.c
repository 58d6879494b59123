// SPDX-License-Identifier: Apache-2.0
/* The arena and the allocator's helpers: alignment, growth, overflow, lack of memory. */
#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static cdbc_status fill(void *data, cdbc_error **err)
{
	cx_arena arena = CX_ARENA_INIT;
	cdbc_status status = CDBC_OK;
	char *first = NULL;

	(void)data;
	for (size_t i = 0; i < 200 && !status; i++) {
		char *p = cx_arena_alloc(&arena, i * 7);

		if (!p) {
			status = cx_error_nomem(err);
			break;
		}
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		memset(p, (int)i, i * 7);
		if (i == 1)
			first = p;
	}
	if (first)
		assert_memory_equal(first, "\1\1\1\1\1\1\1", 7);
	cx_arena_free(&arena);
	cx_arena_free(&arena);
	return status;
}

static void grows_and_survives_a_lack_of_memory(void **state)
{
	(void)state;
	assert_true(oom_run(fill, NULL) >= 4);
}

static void takes_large_pieces(void **state)
{
	cx_arena arena = CX_ARENA_INIT;
	char *large, *small;

	(void)state;
	small = cx_arena_strdup(&arena, "small");
	large = cx_arena_calloc(&arena, 1000, 3000);
	assert_non_null(large);
	assert_int_equal(large[2999999], 0);
	assert_string_equal(small, "small");
	assert_non_null(cx_arena_alloc(&arena, 0));
	assert_ptr_not_equal(cx_arena_alloc(&arena, 0), cx_arena_alloc(&arena, 0));
	cx_arena_free(&arena);
}

static void refuses_what_overflows(void **state)
{
	cx_arena arena = CX_ARENA_INIT;

	(void)state;
	assert_null(cx_arena_alloc(&arena, SIZE_MAX));
	assert_null(cx_arena_alloc(&arena, SIZE_MAX - 8));
	assert_null(cx_arena_calloc(&arena, SIZE_MAX, 2));
	assert_null(cx_arena_strndup(&arena, "x", SIZE_MAX));
	assert_null(cx_arena_strdup(&arena, NULL));
	assert_null(cx_calloc(SIZE_MAX / 2, 3));
	assert_null(cx_strndup("x", SIZE_MAX));
	assert_null(cx_strdup(NULL));
	cx_arena_free(&arena);
}

static void copies_texts(void **state)
{
	cx_arena arena = CX_ARENA_INIT;
	char *copy = cx_strndup("abcdef", 3);

	(void)state;
	assert_string_equal(copy, "abc");
	cx_free(copy);
	assert_string_equal(cx_arena_strndup(&arena, "abcdef", 2), "ab");
	cx_arena_free(&arena);
}

static cdbc_status grow(void *data, cdbc_error **err)
{
	int *items = NULL;
	size_t capacity = 0;
	cdbc_status status = CDBC_OK;

	(void)data;
	for (size_t i = 0; i < 100; i++) {
		if (!cx_grow(&items, i, &capacity, sizeof *items)) {
			status = cx_error_nomem(err);
			break;
		}
		items[i] = (int)i;
		assert_int_equal(items[i / 2], i / 2);
	}
	cx_free(items);
	return status;
}

static void arrays_grow(void **state)
{
	size_t capacity = SIZE_MAX / 2;
	char *items = NULL;

	(void)state;
	assert_int_equal(oom_run(grow, NULL), 5); /* 8, 16, 32, 64, 128 */
	assert_false(cx_grow(&items, SIZE_MAX / 2, &capacity, 16));
	assert_int_equal(capacity, SIZE_MAX / 2);
}

static void the_hook_can_be_taken_back(void **state)
{
	void *block;

	(void)state;
	oom_watch();
	block = cx_calloc(0, 5);
	assert_non_null(block);
	assert_int_equal(oom_live(), 1);
	cx_free(block);
	cx_free(NULL);
	assert_int_equal(oom_live(), 0);
	oom_unwatch();
	assert_ptr_equal(cx_allocator.alloc, malloc);
	assert_true(*cdbc_version());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_survives_a_lack_of_memory),
		cmocka_unit_test(takes_large_pieces),
		cmocka_unit_test(refuses_what_overflows),
		cmocka_unit_test(copies_texts),
		cmocka_unit_test(arrays_grow),
		cmocka_unit_test(the_hook_can_be_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
