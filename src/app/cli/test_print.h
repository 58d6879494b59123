// SPDX-License-Identifier: Apache-2.0
/* What came of tests, for people and for programs. */
#ifndef CLI_TEST_PRINT_H
#define CLI_TEST_PRINT_H

#include "app/cli/test_run.h"

typedef enum cli_test_format { TEST_AS_TEXT, TEST_AS_TAP, TEST_AS_JSON } cli_test_format;

typedef struct cli_test_printer {
	cli_test_format format;
	size_t passed, failed, skipped;
	bool has_coverage;
	size_t query_count, called;
} cli_test_printer;

/* False: there is no such format. NULL: text. */
bool cli_test_printer_init(cli_test_printer *printer, const char *format);
void cli_test_print_begin(cli_test_printer *printer, size_t test_count);
void cli_test_print(cli_test_printer *printer, const cli_test_file *file, const cli_test *test,
					const cli_test_outcome *outcome);
/* A query, and whether any test calls it. After the tests. */
void cli_test_print_query(cli_test_printer *printer, const cdbc_query_info *query, bool is_called);
/* The counts: on stderr when they are for people. */
void cli_test_print_end(cli_test_printer *printer, bool is_quiet);

#endif
