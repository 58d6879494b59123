// SPDX-License-Identifier: Apache-2.0
/*
 * Skipping a test case, never without its reason: cmocka's skip() prints none, and the count of the
 * suite (tools/count_tests) takes a skip without one for a failure. For cmocka's tests alone;
 * include <cmocka.h> first.
 */
#ifndef CDBC_TESTS_SKIP_H
#define CDBC_TESTS_SKIP_H

/* Ends the running case, with the line that tools/count_tests reads as the reason. */
#define test_skip(...)                         \
	do {                                       \
		print_message("# skip: " __VA_ARGS__); \
		print_message("\n");                   \
		skip();                                \
	} while (0)

#endif
