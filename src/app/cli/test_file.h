// SPDX-License-Identifier: Apache-2.0
/* Test files of queries (NAME.test.sql) as lists of steps: what they say, not what comes of it.
 * Text in, structs out; no files, no database. */
#ifndef CLI_TEST_FILE_H
#define CLI_TEST_FILE_H

#include "base/arena.h"
#include "base/buf.h"

#include <cdbc/cdbc.h>

#define CLI_TEST_FILE_MAX ((size_t)4 << 20) /* bytes of a test file */

enum {
	CLI_DIALECT_COCKROACHDB = 1u << 0,
	CLI_DIALECT_POSTGRESQL = 1u << 1,
	CLI_DIALECT_SQLITE = 1u << 2
};

typedef enum cli_expect_kind {
	EXPECT_ROWS,     /* count of them */
	EXPECT_AFFECTED, /* count of them */
	EXPECT_NOTHING,  /* no rows, nothing changed */
	EXPECT_ERROR,
	EXPECT_TABLE
} cli_expect_kind;

/* A row of a table: its cells as cli_cell_put writes them. */
typedef struct cli_test_row {
	struct cli_test_row *next;
	size_t line, column;
	const char *cells[];
} cli_test_row;

typedef struct cli_expect {
	struct cli_expect *next;
	cli_expect_kind kind;
	size_t line, column;
	int64_t count;
	const char *sqlstate; /* of an error; "": any */
	const char *text;     /* what its message must contain; "": anything */
	bool is_unordered;
	const char *const *names; /* of the columns, as the database names them */
	size_t column_count;
	cli_test_row *rows;
	size_t row_count;
} cli_expect;

/* A statement or a call of a query, and what is expected of it. */
typedef struct cli_test_step {
	struct cli_test_step *next;
	size_t line, column;
	const char *sql;  /* NULL: a call */
	const char *name; /* of the query that is called */
	cdbc_param *params;
	size_t param_count;
	cli_expect *expects;
} cli_test_step;

typedef struct cli_test {
	struct cli_test *next;
	const char *name;
	size_t line, column;
	bool no_transaction;
	unsigned dialects; /* 0: all */
	cli_test_step *steps;
} cli_test;

typedef struct cli_test_file {
	struct cli_test_file *next;
	const char *path; /* borrowed */
	cx_arena arena;
	cli_test_step *setup; /* run before each test */
	cli_test *tests;
	size_t test_count;
} cli_test_file;

/* Reads the text of a test file. What is wrong with it is reported, at most 100 times, and counted
 * in *error_count. Fails with CDBC_NOMEM only. *out is to be freed in any case. */
cdbc_status cli_test_file_read(const char *path, const char *text, size_t length,
							   void (*report)(void *data, const cdbc_diagnostic *diagnostic),
							   void *data, size_t *error_count, cli_test_file *out,
							   cdbc_error **err);
void cli_test_file_free(cli_test_file *file);

/* Writes a value as the cell of a table: what would end it is escaped, NULL is NULL, and a text
 * that would read as one is \NULL. */
void cli_cell_put(cx_buf *out, const char *text, size_t length, bool is_null);

/* The bit of a dialect's name; 0: none is named so. */
unsigned cli_dialect_bit(const char *name, size_t length);

#endif
