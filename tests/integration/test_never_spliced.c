// SPDX-License-Identifier: Apache-2.0
/* No text of a caller's value is ever in the SQL that is sent. Random queries with optional parts,
 * lists and identifiers, and random hostile values, through the library and the command; what went
 * over the wire is looked at on a scripted server. Each value holds a token of its own, which may
 * stand in Bind messages and nowhere else, and the text of each Parse is one of those that the
 * query may become. CDBC_TEST_SEED=N repeats a run. */
#include "support/wire_server.h"
#include "support/test_client.h"

#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { QUERIES = 12, CALLS = 600, TEXTS = 400, COMMANDS = 20, PARAMS = 6, TEXT_MAX = 4096 };

static uint64_t seed;

static unsigned roll(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static const char *pick(const char *const *words, size_t count)
{
	return words[roll((unsigned)count)];
}

#define PICK(words) pick(words, sizeof(words) / sizeof *(words))

typedef struct fixture {
	wire_table *table;
	wire_server *server;
	cdbc_client *client;
	cdbc_session *session;
	cdbc_catalog *catalog;
	char path[64];
	size_t seen; /* messages that were looked at */
} fixture;

static fixture f;

/* ---- Values --------------------------------------------------------------------------------- */

/* What a value holds besides its token. */
static const char *const poison[] = {"'",
									 "''",
									 "\\'",
									 "\"",
									 "; drop table t; --",
									 "--",
									 "/*",
									 "*/",
									 "/*? a */",
									 "/*?*/",
									 "/*?{ a */",
									 "$1",
									 "$2",
									 ":a",
									 ":b",
									 "?1",
									 "$$",
									 "$x$",
									 "E'\\''",
									 "{",
									 "}",
									 "{\"a\",'b'}",
									 "[1,2]",
									 "null",
									 "NULL",
									 "\\",
									 "\\\\",
									 "\n",
									 "\r\n",
									 "\t",
									 "\xc3\xa9",
									 "\xe2\x80\xa8",
									 "\xef\xbb\xbf",
									 "\xf0\x9f\x92\xa5",
									 "') or 1=1 --",
									 "${x}",
									 "%s%n",
									 "::text",
									 ":::int8",
									 "@x",
									 "`x`",
									 "U&'\\0027'",
									 "{\"k\": \"v'\"}",
									 "true",
									 "1e9",
									 "\x01\x7f",
									 ","};

typedef struct hostile {
	char token[32];
	char text[3][400];
	cdbc_value items[3], value;
	int64_t number;
} hostile;

static void make_text(hostile *h, size_t i)
{
	size_t before = roll(4), after = roll(4);

	h->text[i][0] = '\0';
	while (before--)
		strcat(h->text[i], PICK(poison));
	strcat(h->text[i], h->token);
	while (after--)
		strcat(h->text[i], PICK(poison));
}

/* kind: t text, j JSON, b bytes, l list of text, n number */
static void make_value(hostile *h, char kind)
{
	static uint64_t count;
	size_t items = roll(4);

	snprintf(h->token, sizeof h->token, "zq%xq%llxz", roll(1u << 30), (unsigned long long)++count);
	for (size_t i = 0; i < 3; i++) {
		make_text(h, i);
		h->items[i] = roll(8) ? cdbc_string(h->text[i]) : cdbc_null();
	}
	h->value = cdbc_string(h->text[0]);
	if (kind == 'j')
		snprintf(h->text[0], sizeof h->text[0], "{\"%s\": \"' ; -- $1 :a\"}", h->token);
	if (kind == 'j')
		h->value = cdbc_string(h->text[0]);
	if (kind == 'b')
		h->value = cdbc_bytes(h->text[0], strlen(h->text[0]));
	if (kind == 'l')
		h->value = cdbc_array(h->items, items < 3 ? items : 3);
	if (kind == 'n') {
		h->number = INT64_C(7000000000000000000) + (int64_t)roll(1u << 30) * 1000 + roll(1000);
		snprintf(h->token, sizeof h->token, "%lld", (long long)h->number);
		h->value = cdbc_int64(h->number);
	}
}

/* ---- What was sent -------------------------------------------------------------------------- */

typedef struct look {
	const hostile *values;
	size_t count, at;
	const char *query; /* the query's name, or NULL */
	const char *text;  /* the text that must be sent, when there is no name */
	char problem[2 * TEXT_MAX];
	size_t parses;
	bool is_found; /* on the way of looking for a variant */
	const char *sql;
} look;

static bool same_variant(void *data, const cdbc_query_variant *variant)
{
	look *l = data;

	l->is_found = strcmp(variant->sql, l->sql) == 0;
	return !l->is_found;
}

/* DEALLOCATE of a name that the driver made up. */
static bool is_own(const char *sql)
{
	size_t digits = strncmp(sql, "DEALLOCATE cdbc_", 16) == 0 ? strspn(sql + 16, "0123456789") : 0;

	return digits && sql[16 + digits] == '\0';
}

static bool is_expected(look *l, const char *sql)
{
	if (is_own(sql))
		return true;
	if (!l->query)
		return strcmp(sql, l->text) == 0;
	l->sql = sql;
	l->is_found = false;
	assert_int_equal(cdbc_catalog_expand(f.catalog, l->query, "postgresql", same_variant, l, NULL),
					 CDBC_OK);
	return l->is_found;
}

static bool see(void *data, const wire_logged *logged)
{
	look *l = data;
	const char *sql = logged->sql ? logged->sql : "";

	if (l->at++ < f.seen)
		return true;
	for (size_t i = 0; i < l->count && logged->type != 'B'; i++)
		if (memmem(logged->body, logged->length, l->values[i].token, strlen(l->values[i].token)))
			snprintf(l->problem, sizeof l->problem, "%s in a message %c: %s", l->values[i].token,
					 logged->type, sql);
	if (logged->type == 'Q' && l->query)
		snprintf(l->problem, sizeof l->problem, "a simple query: %s", sql);
	if (logged->type == 'P' && !is_expected(l, sql))
		snprintf(l->problem, sizeof l->problem, "not a statement of %s: %s",
				 l->query ? l->query : l->text, sql);
	l->parses += logged->type == 'P';
	return true;
}

static size_t check_wire(const hostile *values, size_t count, const char *query, const char *text)
{
	look l = {.values = values, .count = count, .query = query, .text = text};

	wire_server_each_message(f.server, see, &l);
	f.seen = l.at;
	if (l.problem[0])
		fail_msg("%s", l.problem);
	return l.parses;
}

/* ---- Named queries -------------------------------------------------------------------------- */

static const char kinds[PARAMS] = {'t', 't', 'l', 'n', 'j', 'b'};

/* Conditions on a to f, optional or not, and an identifier. */
static void write_query(FILE *out, int number)
{
	static const char *const types[PARAMS] = {"text?", "text?",  "text[]?",
											  "int8?", "jsonb?", "bytea?"};

	fprintf(out, "-- name: q%d\n", number);
	for (int i = 0; i < PARAMS; i++)
		fprintf(out, "-- param: %c %s\n", 'a' + i, types[i]);
	fprintf(out, "-- param: sort ident in(id, \"Od;d\", t.x) = id\n");
	fprintf(out, "select '/*? a */ :a $0', $x$ :b $x$, \":c\" from t where id > 0\n");
	for (int i = 0; i < PARAMS; i++) {
		char name = (char)('a' + i);
		bool is_first = roll(2);

		fprintf(out, "%s/*? %c */ %s", is_first ? "and " : "", name, is_first ? "" : "and ");
		if (kinds[i] == 'l')
			fprintf(out, "x %sin (:%c)", roll(2) ? "not " : "", name);
		else
			fprintf(out, roll(2) ? "x = :%c" : "f(:%c, ':z') is null", name);
		fprintf(out, "%s/*?*/\n", roll(2) ? " " : " -- :x 'y\n ");
	}
	fprintf(out, " order by :sort /*? a = 'down' */ desc /*?*/;\n");
}

static void test_run(void **state)
{
	size_t parses = 0, done = 0;

	for (int call = 0; call < CALLS; call++) {
		hostile values[PARAMS];
		cdbc_param params[PARAMS + 1];
		size_t count = 0, used = 0;
		char name[16];
		cdbc_result *result = NULL;
		cdbc_error *err = NULL;
		bool is_bad_name = roll(8) == 0;

		snprintf(name, sizeof name, "q%u", roll(QUERIES));
		for (int i = 0; i < PARAMS; i++) {
			static const char *const names[PARAMS] = {"a", "b", "c", "d", "e", "f"};

			if (!roll(2))
				continue;
			make_value(&values[used], kinds[i]);
			params[count++] = (cdbc_param){names[i], values[used++].value};
		}
		if (is_bad_name) {
			static hostile bad;

			make_value(&bad, 't');
			params[count++] = (cdbc_param){"sort", bad.value};
		} else if (roll(2)) {
			static const char *const good[] = {"id", "Od;d", "t.x"};

			params[count++] = (cdbc_param){"sort", cdbc_string(PICK(good))};
		}
		if (cdbc_session_run(f.session, name, cdbc_params_of(params, count), NULL, &result, &err)) {
			if (!is_bad_name || cdbc_error_status(err) != CDBC_PARAM)
				fail_msg("%s: %s", name, cdbc_error_message(err));
			cdbc_error_free(err);
		} else {
			assert_false(is_bad_name);
			done++;
		}
		cdbc_result_free(result);
		if (is_bad_name) { /* refused before anything was sent */
			check_wire(values, used, name, NULL);
			assert_int_equal(wire_server_count(f.server, 'E', "select"), done);
		} else {
			parses += check_wire(values, used, name, NULL);
			for (size_t i = 0; i < used; i++)
				if (values[i].value.kind == CDBC_VALUE_TEXT)
					assert_true(wire_server_bytes_contain(f.server, values[i].token,
														  strlen(values[i].token)));
		}
	}
	assert_true(done > CALLS / 2 && parses > QUERIES);
}

/* ---- SQL text ------------------------------------------------------------------------------- */

/* Appends pieces to both: the text, and what must be sent for it. Returns how many parameters. */
static size_t write_text(char *text, char *sent, bool is_positional)
{
	static const char *const around[] = {
		", ':a $0'",  ", $$ :a '$0 $$", ", \":a $0\"", " /* :a $0 /* ' */ */ ",
		" -- :a '\n", ", E'\\':a'",     ", x::int8",   ", '{}'::text[]",
		", U&':a'"};
	size_t numbers[26] = {0}, count = 0, pieces = 1 + roll(8);

	strcpy(text, "select 1");
	strcpy(sent, text);
	while (pieces--) {
		const char *piece = PICK(around);
		unsigned letter = roll(5);
		char piece_sent[32], piece_text[32];

		strcat(text, piece);
		strcat(sent, piece);
		if (!numbers[letter])
			numbers[letter] = ++count;
		snprintf(piece_sent, sizeof piece_sent, " , $%zu", numbers[letter]);
		snprintf(piece_text, sizeof piece_text, " , :%c%zu", 'a' + (char)letter, numbers[letter]);
		strcat(text, is_positional ? piece_sent : piece_text);
		strcat(sent, piece_sent);
	}
	return count;
}

/* The names in the order of their numbers, as they stand in the text. */
static void find_names(const char *text, char names[][24], size_t count)
{
	for (size_t n = 1; n <= count; n++)
		for (char letter = 'a'; letter < 'f'; letter++) {
			char want[32];

			snprintf(want, sizeof want, " , :%c%zu", letter, n);
			if (strstr(text, want))
				snprintf(names[n - 1], 24, "%c%zu", letter, n);
		}
}

static void test_text(void **state)
{
	for (int call = 0; call < TEXTS; call++) {
		char text[TEXT_MAX], sent[TEXT_MAX], names[26][24] = {{0}};
		bool is_positional = roll(3) == 0;
		size_t count = write_text(text, sent, is_positional);
		hostile values[26];
		cdbc_param params[26];
		cdbc_result *result = NULL;
		cdbc_error *err = NULL;

		find_names(text, names, count);
		for (size_t i = 0; i < count; i++) {
			bool is_text = roll(4) != 0;

			make_value(&values[i], is_text ? 't' : 'b');
			values[i].value.type.id = is_text ? CDBC_TYPE_TEXT : CDBC_TYPE_BYTES;
			params[i] = (cdbc_param){is_positional ? NULL : names[i], values[i].value};
		}
		if (cdbc_session_query(f.session, text, cdbc_params_of(params, count), NULL, &result, &err))
			fail_msg("%s: %s", text, cdbc_error_message(err));
		cdbc_result_free(result);
		check_wire(values, count, NULL, sent);
		for (size_t i = 0; i < count; i++)
			assert_true(
				wire_server_bytes_contain(f.server, values[i].token, strlen(values[i].token)));
	}
}

/* ---- The command ---------------------------------------------------------------------------- */

static int run_command(char *const *words)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr))
			execv(words[0], words);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_command(void **state)
{
	for (int call = 0; call < COMMANDS; call++) {
		hostile values[2];
		char a[500], b[500], name[16], url[256];
		bool is_bad = roll(4) == 0;
		char command[] = CDBC_COMMAND, run[] = "run", d[] = "-d", q[] = "-Q", p[] = "-p";
		char *words[] = {command, run, d, url, q, f.path, name, p, a, p, b, NULL};
		int code;

		snprintf(url, sizeof url, "%s", wire_server_url(f.server));
		snprintf(name, sizeof name, "q%u", roll(QUERIES));
		make_value(&values[0], 't');
		make_value(&values[1], 't');
		snprintf(a, sizeof a, "a=%s", values[0].text[0]);
		snprintf(b, sizeof b, "%s=%s", is_bad ? "sort" : "b", values[1].text[0]);
		code = run_command(words);
		if (code != (is_bad ? 2 : 0))
			fail_msg("exit %d for %s, -p '%s' -p '%s'", code, name, a, b);
		check_wire(values, 2, name, NULL);
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(
				wire_server_bytes_contain(f.server, values[i].token, strlen(values[i].token)),
				!is_bad);
	}
}

/* ---- Before and after ----------------------------------------------------------------------- */

static void open_session(void)
{
	cdbc_config_item items[] = {{"pool.max_size", "1"}, {"queries.folders", f.path}};
	cdbc_error *err = NULL;

	test_client_open(wire_server_url(f.server), items, 2, NULL, &f.client, &f.session);
	if (cdbc_catalog_new(&f.catalog, &err) || cdbc_catalog_load(f.catalog, f.path, &err))
		fail_msg("%s", cdbc_error_message(err));
}

static int begin(void **state)
{
	const char *given = getenv("CDBC_TEST_SEED");
	wire_column column = {"x", 25, -1, -1, 0};
	wire_bytes answer = {0};
	FILE *out;

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("# CDBC_TEST_SEED=%llu\n", (unsigned long long)seed);
	strcpy(f.path, "/tmp/cdbc-spliced-XXXXXX.sql");
	out = fdopen(mkstemps(f.path, 4), "w");
	if (!out)
		return 1;
	for (int i = 0; i < QUERIES; i++)
		write_query(out, i);
	fclose(out);
	f.table = wire_table_new();
	wire_put_row_description(&answer, &column, 1);
	wire_put_command_complete(&answer, "SELECT 0");
	wire_table_add_prefix(f.table, "select", &answer);
	wire_bytes_fini(&answer);
	f.server = wire_server_start(&(wire_server_options){.table = f.table});
	open_session();
	return 0;
}

static int end(void **state)
{
	cdbc_session_release(f.session);
	cdbc_catalog_free(f.catalog);
	cdbc_client_close(f.client, 5000);
	wire_server_stop(f.server);
	wire_table_free(f.table);
	return unlink(f.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
