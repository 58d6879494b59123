// SPDX-License-Identifier: Apache-2.0
/* Running a test of a test file, and what came of it. */
#ifndef CLI_TEST_RUN_H
#define CLI_TEST_RUN_H

#include "app/cli/cli.h"
#include "app/cli/test_file.h"

typedef enum cli_verdict {
	TEST_PASSED,
	TEST_FAILED,
	TEST_SKIPPED,
	TEST_BROKEN /* the database cannot be asked any more: error tells */
} cli_verdict;

/* What came of a test. */
typedef struct cli_test_outcome {
	cli_verdict verdict;
	size_t line, column; /* of what failed, in the file */
	cx_buf message;      /* one line: what was expected, what came */
	cx_buf details;      /* lines below it: rows, what the database said */
	cdbc_error *error;   /* TEST_BROKEN */
	cdbc_status status;
} cli_test_outcome;

void cli_test_outcome_init(cli_test_outcome *out);
void cli_test_outcome_fini(cli_test_outcome *outcome);

/* Runs one test on a session of its own, in a transaction that is rolled back unless the test says
 * otherwise. who may be NULL. dialect is the database's bit. out is initialised. */
void cli_test_run(cdbc_client *client, const cdbc_session_options *who, unsigned dialect,
				  const cli_test_file *file, const cli_test *test, cli_test_outcome *out);

/* ---- test_rows.c */
/* The rows that a step gave, as far as an expected table needs them. */
typedef struct cli_rows {
	cx_arena arena;
	const cli_expect *table; /* NULL: none is expected, and none is kept */
	size_t *columns;         /* of the result, for each of the table's */
	cli_test_row *first, **tail;
	size_t kept;
	int64_t count;
} cli_rows;

/* Finds the table's columns in the result. False: one is not there, and out says so, or memory is
 * short. */
bool cli_rows_begin(cli_rows *rows, const cdbc_result *result, cli_test_outcome *out);
/* Keeps the present row. False: memory is short. */
bool cli_rows_add(cli_rows *rows, cdbc_result *result);
/* Compares with the table; false: they differ, and out says where. */
bool cli_rows_judge(const cli_rows *rows, cli_test_outcome *out);

#endif
