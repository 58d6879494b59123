// SPDX-License-Identifier: Apache-2.0
/* What the two files that read test files share. */
#ifndef CLI_TEST_INTERNAL_H
#define CLI_TEST_INTERNAL_H

#include "app/cli/test_file.h"

#include <string.h>

typedef struct cli_test_reader {
	cli_test_file *file;
	const char *text;
	size_t length;
	void (*report)(void *data, const cdbc_diagnostic *diagnostic);
	void *data;
	size_t error_count;
	bool is_nomem;
	size_t relexed; /* bytes of statements that were looked at again */
	/* where it is */
	size_t at, line, line_start;
	/* for the tests that follow */
	bool no_transaction;
	unsigned dialects;
	/* what is open */
	cli_test *test; /* NULL: before the first */
	size_t test_line_start;
	cli_test **test_tail;
	cli_test_step *step; /* what an expectation is of; NULL: nothing */
	cli_test_step **step_tail;
	cli_expect **expect_tail;
	cli_expect *table; /* whose rows follow */
	cli_test_row **row_tail;
	size_t table_line; /* the line before must be of the table too */
	bool may_rule;     /* the line after the names may be of dashes */
} cli_test_reader;

/* A comment's text while it is read. */
typedef struct cli_line {
	const char *text;
	size_t length;
	size_t at;
} cli_line;

/* ---- test_file.c */
size_t cli_test_column(const cli_test_reader *r, size_t offset);
void cli_test_report(cli_test_reader *r, size_t line, size_t line_start, size_t column,
					 const char *hint, const char *format, ...) CDBC_PRINTF(6, 7);
/* Zeroed; NULL: out of memory, which is noted. */
void *cli_test_alloc(cli_test_reader *r, size_t size);
const char *cli_test_text(cli_test_reader *r, const char *text, size_t length);
cli_test_step *cli_test_add_step(cli_test_reader *r, size_t line, size_t column);
void cli_test_begin(cli_test_reader *r, size_t offset, const char *name, size_t length);

/* ---- test_table.c */
/* A row of the table that is open, or an error. */
void cli_test_row_line(cli_test_reader *r, cli_line *l);

/* ---- test_marks.c */
/* Takes what follows the dashes of a comment. */
void cli_test_mark(cli_test_reader *r, const char *text, size_t length, bool begins_line);
/* Whether it would be a mark. */
bool cli_test_is_mark(const char *text, size_t length);

static inline bool cli_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline void cli_skip_blanks(cli_line *l)
{
	while (l->at < l->length && cli_is_blank(l->text[l->at]))
		l->at++;
}

static inline void cli_trim_end(cli_line *l)
{
	while (l->length > l->at && cli_is_blank(l->text[l->length - 1]))
		l->length--;
}

static inline bool cli_is_word(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(word, name, length) == 0;
}

static inline size_t cli_offset_of(const cli_test_reader *r, const cli_line *l)
{
	return (size_t)(l->text - r->text) + l->at;
}

#define CLI_TEST_FAIL(r, l, ...)                                                            \
	cli_test_report(r, (r)->line, (r)->line_start, cli_test_column(r, cli_offset_of(r, l)), \
					__VA_ARGS__)

#endif
