// SPDX-License-Identifier: Apache-2.0
/* Whether a database's grammar takes a statement, without asking a database: PostgreSQL's own
 * parser (libpg_query, when built with it and when it is there), and for CockroachDB our reading of
 * its statements' structure. Slower than loading; for checks. */
#ifndef CX_GRAMMAR_H
#define CX_GRAMMAR_H

#include <cdbc/error.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- grammar_pg.c --------------------------------------------------------------------------- */

/* The functions of PostgreSQL's parser; all NULL: it is not there. */
typedef struct cx_grammar {
	void (*parse)(void);
	void (*free)(void);
} cx_grammar;

/* Looks for the parser; false: not built with it, or it is not installed. Once found it stays in
 * the process: it keeps memory for each thread that used it, until the thread ends. */
bool cx_grammar_open(cx_grammar *out);

/* Whether the parser takes a text in a time and memory that go with its length. Its scanner looks
 * at a run of operator characters again for each sign and each beginning of a comment in it, and
 * its tree takes two hundred bytes for each of the text's. */
bool cx_grammar_is_bounded(const char *sql, size_t length);

/* Whether PostgreSQL parses a text of any number of statements, with placeholders $n. Any thread.
 * Fails with CDBC_SQL_FILE (position set, and nothing else of the place), CDBC_NOMEM. */
cdbc_status cx_grammar_parse(const cx_grammar *grammar, const char *sql, cdbc_error **err);

/* ---- structure.c ---------------------------------------------------------------------------- */

/* What no statement of CockroachDB has: an unknown verb, clauses out of order or with nothing in
 * them, commas and brackets that hold nothing. Knows :name and $1 as parameters. It refuses nothing
 * that CockroachDB takes, and takes much that CockroachDB refuses. *has_additions, which may be
 * NULL: whether there is something in it that only CockroachDB has. Nothing is allocated. Fails
 * with CDBC_SQL_FILE, place set from the text's beginning. */
cdbc_status cx_structure_check(const char *text, size_t length, bool *has_additions,
							   cdbc_error **err);

#endif
