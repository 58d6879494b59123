// SPDX-License-Identifier: Apache-2.0
/* Where statements of a script end: at a semicolon outside brackets, BEGIN ATOMIC ... END of a
 * routine, and the rows of COPY ... FROM STDIN. */
#ifndef CX_SPLIT_H
#define CX_SPLIT_H

#include "data/sql/judge.h"
#include "data/sql/lexer.h"

/* Knows, while tokens go by, whether a semicolon ends the statement. Reset it (and the judge) after
 * each. */
typedef struct cx_boundary {
	size_t body_depth; /* BEGIN ATOMIC, and CASE inside it */
	bool is_begin_seen;
} cx_boundary;

/* Takes a solid token, before the judge is fed with it. True: it is the semicolon that ends the
 * statement. */
bool cx_boundary_feed(cx_boundary *boundary, const cx_judge *judge, const cx_token *token,
					  cx_keyword keyword, size_t depth);

typedef struct cx_piece {
	const char *text; /* the statement, from its first to its last byte, without comments around it
						 and without its semicolon */
	size_t length;
	size_t offset;
	size_t line;       /* from 1 */
	size_t line_start; /* offset of its line's first byte */
	size_t column;     /* in characters, from 1 */
	cdbc_statement_kind kind;
	uint32_t flags;
	/* with everything before it since the last piece, and its semicolon or data: pieces put
	 * together are the script; the last piece may be of white space and comments only (length 0) */
	size_t whole_offset;
	size_t whole_length;
	/* the rows of every COPY ... FROM STDIN in the line that it ends; NULL: none */
	const char *data;
	size_t data_length;
} cx_piece;

typedef struct cx_splitter {
	cx_lexer lexer;    /* lexer.error.message tells why it stopped early */
	cx_copy_rows rows; /* that are still to come */
	/* the last piece's place: columns are counted from there on */
	size_t column_line, column_offset, column;
} cx_splitter;

void cx_splitter_init(cx_splitter *splitter, const char *text, size_t length);
/* The next piece; false at the end and at a lexical error. Empty statements are part of the next
 * piece. */
bool cx_splitter_next(cx_splitter *splitter, cx_piece *piece);

#endif
