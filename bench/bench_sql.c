// SPDX-License-Identifier: Apache-2.0
/* What is done with SQL before any server is asked: the lexer, the loading and checking of 10,000
 * queries, the choice of a statement with three optional parts. One core (its processor time), no
 * server; a line each, the best of some rounds. bench_sql [ROUNDS] */
#include "data/sql/lexer.h"
#include "service/catalog/catalog.h"

#include <cdbc/cdbc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { QUERIES = 10000, LEXED_BYTES = 16 << 20, RENDERS = 1000000 };

static const char plain[] =
	"-- name: query_%d :many\n-- Newest transactions of one user.\n-- param: user_id int8 -- "
	"whose\n"
	"-- param: state text? in('pending', 'settled', 'failed')\nselect t.id, t.amount, t.state, "
	"t.created_at -- newest first\n  from transactions t join accounts a on a.id = t.account_id\n"
	" where a.user_id = :user_id and (t.state = :state or :state is null)\n   and t.note <> 'it''s "
	"not :a parameter'\n order by t.created_at desc limit 100;\n\n";
static const char parts[] =
	"-- name: query_%d :many\n-- Newest transactions of one user.\n-- param: user_id int8 -- "
	"whose\n"
	"-- param: since timestamptz? -- only later ones\n-- param: state text? in('pending', "
	"'settled', 'failed')\n-- param: ids int8[]?\nselect id, amount, state, created_at\n  from "
	"transactions\n where user_id = :user_id\n/*? since */   and created_at >= :since\n/*? state "
	"*/   and state = :state\n/*? ids */   and id in (:ids)\n/*?*/\n order by created_at;\n\n";

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void lex(int rounds)
{
	char one[2048];
	size_t length = (size_t)snprintf(one, sizeof one, plain, 1), tokens = 0;
	char *text = malloc(LEXED_BYTES);
	double best = 1e9;

	memset(text, ' ', LEXED_BYTES);
	for (size_t at = 0; at + length <= LEXED_BYTES; at += length)
		memcpy(text + at, one, length);
	for (int round = 0; round < rounds; round++) {
		cx_lexer lexer;
		cx_token token;
		double begin = seconds(), took;

		cx_lexer_init(&lexer, text, LEXED_BYTES);
		for (tokens = 0; cx_lexer_next(&lexer, &token) != CX_TOKEN_END; tokens++)
			if (token.kind == CX_TOKEN_ERROR)
				exit(1);
		took = seconds() - begin;
		best = took < best ? took : best;
	}
	printf("sql.lexer      %8.0f MB/s   %zu tokens of %d MiB\n", LEXED_BYTES / best / 1e6, tokens,
		   LEXED_BYTES >> 20);
	free(text);
}

static cdbc_catalog *loaded(const char *path)
{
	cdbc_catalog *catalog = NULL;
	cdbc_error *err = NULL;

	if (cdbc_catalog_new(&catalog, &err) || cdbc_catalog_load(catalog, path, &err)) {
		fprintf(stderr, "bench_sql: %s\n", cdbc_error_message(err));
		exit(1);
	}
	return catalog;
}

static void write_file(char *path, const char *format)
{
	FILE *out;

	strcpy(path, "/tmp/cdbc-bench-XXXXXX.sql");
	out = fdopen(mkstemps(path, 4), "w");
	for (int i = 0; i < QUERIES; i++)
		fprintf(out, format, i);
	fclose(out);
}

static void load(const char *name, const char *what, const char *path, int rounds)
{
	double best = 1e9;

	for (int round = 0; round < rounds; round++) {
		double begin = seconds(), took;
		cdbc_catalog *catalog = loaded(path);

		took = seconds() - begin;
		best = took < best ? took : best;
		cdbc_catalog_free(catalog);
	}
	printf("%-14s %8.1f ms     %s\n", name, best * 1e3, what);
}

/* Which statement, and its values in order: what a run does before it asks for a connection. */
static void render(const char *path, int rounds)
{
	cdbc_catalog *catalog = loaded(path);
	const cx_query *query = NULL;
	const cx_statement *statement = NULL;
	cdbc_value ids[2] = {cdbc_int64(1), cdbc_int64(2)}, values[16];
	double best = 1e9;

	if (cx_catalog_find(catalog, "query_1", &cx_dialect_postgresql, &query, NULL))
		exit(1);
	for (int round = 0; round < rounds; round++) {
		double begin = seconds(), took;

		for (int i = 0; i < RENDERS; i++) {
			cdbc_param params[4] = {{"user_id", cdbc_int64(i)},
									{"since", cdbc_string("2024-02-29")},
									{"state", cdbc_string("failed")},
									{"ids", cdbc_array(ids, 2)}};

			if (cx_query_bind(query, &cx_dialect_postgresql,
							  cdbc_params_of(params, 1 + (size_t)i % 4), NULL, values, &statement,
							  NULL))
				exit(1);
		}
		took = seconds() - begin;
		best = took < best ? took : best;
	}
	printf("sql.render     %8.0f ns     three optional parts, one of them a list; parameters "
		   "checked\n",
		   best / RENDERS * 1e9);
	cdbc_catalog_free(catalog);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 5;
	char path[64];

	lex(rounds);
	write_file(path, plain);
	load("sql.load", "10,000 queries loaded and checked lexically", path, rounds);
	unlink(path);
	write_file(path, parts);
	load("sql.load.parts", "10,000 queries with three optional parts, 8 statements each", path,
		 rounds);
	render(path, rounds);
	unlink(path);
	return 0;
}
