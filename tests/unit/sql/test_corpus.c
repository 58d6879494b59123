// SPDX-License-Identifier: Apache-2.0
/* Other people's SQL through lexer, splitter and fingerprint: every .sql file in the folder that
 * CDBC_CORPUS names. Nothing of them is kept in this repository. */
#include "data/sql/grammar.h"
#include "data/sql/split.h"
#include "support/skip.h"

#include <cdbc/sql.h>
#include <fts.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#ifdef CDBC_PG_QUERY
#include <pg_query.h>
#endif

typedef struct counts {
	size_t files, read_files, pieces, compared;
} counts;

static char *read_file(const char *path, size_t size)
{
	char *text = malloc(size + 1);
	FILE *file = fopen(path, "rb");

	assert_non_null(text);
	assert_non_null(file);
	assert_int_equal(fread(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	text[size] = '\0';
	return text;
}

/* Each token begins where the one before ended, and the last one ends the text. */
static void check_tokens(const char *path, const char *text, size_t length)
{
	cx_lexer lexer;
	cx_token token;
	size_t at = 0;

	cx_lexer_init(&lexer, text, length);
	while (cx_lexer_next(&lexer, &token) != CX_TOKEN_END && token.kind != CX_TOKEN_ERROR) {
		if (token.offset != at || token.length == 0 || token.text != text + at)
			fail_msg("%s: byte %zu: a token at %zu", path, at, token.offset);
		at += token.length;
	}
	if (token.kind == CX_TOKEN_END && at != length)
		fail_msg("%s: the tokens end at byte %zu of %zu", path, at, length);
}

/* The same hash every time. */
static void check_fingerprint(const char *path, const cx_piece *piece)
{
	cdbc_sql_form *first = NULL, *again = NULL;

	assert_int_equal(cdbc_sql_fingerprint(piece->text, piece->length, &first, NULL), CDBC_OK);
	assert_int_equal(cdbc_sql_fingerprint(piece->text, piece->length, &again, NULL), CDBC_OK);
	if (cdbc_sql_form_hash(first) != cdbc_sql_form_hash(again))
		fail_msg("%s:%zu: another fingerprint the second time", path, piece->line);
	cdbc_sql_form_free(again);
	cdbc_sql_form_free(first);
}

/* The pieces put together are the text. False: not all of it could be read. */
static bool check_pieces(const char *path, const char *text, size_t length, counts *n)
{
	cx_splitter splitter;
	cx_piece piece;
	size_t at = 0;

	cx_splitter_init(&splitter, text, length);
	while (cx_splitter_next(&splitter, &piece)) {
		if (piece.whole_offset != at ||
			(piece.length &&
			 (piece.offset < at || piece.offset + piece.length > at + piece.whole_length)))
			fail_msg("%s:%zu: the pieces do not join", path, piece.line);
		at += piece.whole_length;
		if (piece.length)
			check_fingerprint(path, &piece);
		n->pieces += piece.length != 0;
	}
	if (splitter.lexer.error.message)
		return false;
	if (at != length)
		fail_msg("%s: the pieces end at byte %zu of %zu", path, at, length);
	return true;
}

#ifdef CDBC_PG_QUERY
/* A statement's identity is a statement of the same identity. */
static void check_identity(const char *path, const cx_piece *piece)
{
	cdbc_sql_form *first = NULL, *again = NULL;
	const char *text;

	assert_int_equal(cdbc_sql_identity(piece->text, piece->length, &first, NULL), CDBC_OK);
	text = cdbc_sql_form_text(first);
	if (cdbc_sql_identity(text, strlen(text), &again, NULL) ||
		strcmp(cdbc_sql_form_text(again), text) != 0)
		fail_msg("%s:%zu: its identity has another: %s", path, piece->line, text);
	cdbc_sql_form_free(first);
	cdbc_sql_form_free(again);
}

/* Where PostgreSQL's parser takes a file, its statements are the pieces. */
static void compare(const char *path, const char *text, size_t length, counts *n)
{
	PgQuerySplitResult theirs;
	cx_splitter splitter;
	cx_piece piece;
	int i = 0;

	if (memchr(text, '\0', length) || !cx_grammar_is_bounded(text, length))
		return;
	theirs = pg_query_split_with_parser(text);
	if (!theirs.error) {
		cx_splitter_init(&splitter, text, length);
		while (cx_splitter_next(&splitter, &piece)) {
			const PgQuerySplitStmt *s = i < theirs.n_stmts ? theirs.stmts[i] : NULL;

			if (!piece.length)
				continue;
			if (!s || piece.offset < (size_t)s->stmt_location ||
				piece.offset + piece.length > (size_t)(s->stmt_location + s->stmt_len))
				fail_msg("%s:%zu: PostgreSQL's parser splits otherwise", path, piece.line);
			check_identity(path, &piece);
			i++;
		}
		if (i != theirs.n_stmts)
			fail_msg("%s: %d statements, %d by PostgreSQL's parser", path, i, theirs.n_stmts);
		n->compared++;
	}
	pg_query_free_split_result(theirs);
}
#endif

static void check_file(const char *path, size_t size, counts *n)
{
	char *text = read_file(path, size);

	n->files++;
	check_tokens(path, text, size);
	if (check_pieces(path, text, size, n)) {
		n->read_files++;
#ifdef CDBC_PG_QUERY
		compare(path, text, size, n);
#endif
	}
	free(text);
}

static void test_corpus(void **state)
{
	char *folder = getenv("CDBC_CORPUS"), *paths[] = {folder, NULL};
	counts n = {0};
	FTSENT *entry;
	FTS *walk;

	(void)state;
	if (!folder || !*folder) {
		test_skip("CDBC_CORPUS is not set: it names a folder of SQL files");
	}
	walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	assert_non_null(walk);
	while ((entry = fts_read(walk)) != NULL)
		if (entry->fts_info == FTS_F && entry->fts_namelen > 4 &&
			!strcmp(entry->fts_name + entry->fts_namelen - 4, ".sql"))
			check_file(entry->fts_accpath, (size_t)entry->fts_statp->st_size, &n);
	fts_close(walk);
	print_message("# %zu files, %zu read to the end, %zu statements, %zu files compared\n", n.files,
				  n.read_files, n.pieces, n.compared);
	assert_true(n.files > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
