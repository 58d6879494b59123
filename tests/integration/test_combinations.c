// SPDX-License-Identifier: Apache-2.0
/* A query with three optional parts, a list and an identifier to order by, run for every
 * combination of what can be given, on PostgreSQL and SQLite. The rows that must come are worked
 * out here from the fixture's data, not by SQL. */
#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "support/skip.h"

enum { ROWS = 12, PARTS = 3 };

#define BODY                                                                 \
	"-- param: low int8?\n-- param: state text?\n-- param: label text?\n"    \
	"-- param: ids int8[]\n-- param: sort ident in(id, amount, \"Label\")\n" \
	"select id from combos\n where id %s (:ids)\n"                           \
	"/*? low */   and amount >= :low\n"                                      \
	"/*? state */ and state = :state\n"                                      \
	"/*? label */ and \"Label\" <> :label\n"                                 \
	"/*?*/\n order by :sort, id;\n"

typedef struct row {
	int64_t id, amount;
	const char *state; /* may be NULL */
	char label[4];
} row;

static row rows[ROWS];

/* What the list may be. */
typedef struct list {
	const char *what;
	bool is_null, has_null;
	size_t count;
	int64_t items[5];
} list;

static const list lists[] = {
	{"empty", false, false, 0, {0}},
	{"one", false, false, 1, {4}},
	{"one that is not there", false, false, 1, {99}},
	{"several, one twice", false, false, 5, {9, 2, 7, 2, 11}},
	{"with a null", false, true, 3, {5, 3, 12}},
	{"nothing but a null", false, true, 0, {0}},
	{"null", true, false, 0, {0}},
};

static const char *const sorts[] = {"id", "amount", "Label"};

/* A call, and what it asks for. */
typedef struct call {
	unsigned parts; /* a bit for each that is given */
	const list *ids;
	size_t sort;
	bool is_not;
} call;

typedef struct fixture {
	cdbc_client *client;
	cdbc_session *session;
	char path[64];
} fixture;

static fixture f;

static void fail_with(const char *what, cdbc_error *err)
{
	fail_msg("%s: %s", what, err ? cdbc_error_message(err) : "no error was given");
}

/* ---- What must come ------------------------------------------------------------------------- */

static bool is_listed(const call *c, int64_t id)
{
	for (size_t i = 0; i < c->ids->count; i++)
		if (c->ids->items[i] == id)
			return true;
	return false;
}

/* SQL's three values: what is not known is not chosen. */
static bool is_wanted(const call *c, const row *r)
{
	if (c->ids->is_null)
		return false;
	if (c->is_not ? is_listed(c, r->id) || c->ids->has_null : !is_listed(c, r->id))
		return false;
	if ((c->parts & 1) && r->amount < 2)
		return false;
	if ((c->parts & 2) && !(r->state && !strcmp(r->state, "settled")))
		return false;
	return !(c->parts & 4) || strcmp(r->label, "b") != 0;
}

static bool comes_before(const call *c, const row *a, const row *b)
{
	int order = 0;

	if (c->sort == 1)
		order = (a->amount > b->amount) - (a->amount < b->amount);
	else if (c->sort == 2)
		order = strcmp(a->label, b->label);
	return order ? order < 0 : a->id < b->id;
}

static size_t expect(const call *c, int64_t ids[ROWS])
{
	const row *chosen[ROWS];
	size_t n = 0;

	for (size_t i = 0; i < ROWS; i++) {
		size_t at = n;

		if (!is_wanted(c, &rows[i]))
			continue;
		for (; at > 0 && comes_before(c, &rows[i], chosen[at - 1]); at--)
			chosen[at] = chosen[at - 1];
		chosen[at] = &rows[i];
		n++;
	}
	for (size_t i = 0; i < n; i++)
		ids[i] = chosen[i]->id;
	return n;
}

/* ---- What comes ----------------------------------------------------------------------------- */

static size_t run(const call *c, int64_t ids[ROWS])
{
	static const char *const names[PARTS] = {"low", "state", "label"};
	const cdbc_value given[PARTS] = {cdbc_int64(2), cdbc_string("settled"), cdbc_string("b")};
	cdbc_value items[6];
	cdbc_param params[PARTS + 2];
	size_t count = 0, n = 0;
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;

	for (; count < c->ids->count; count++)
		items[count] = cdbc_int64(c->ids->items[count]);
	if (c->ids->has_null)
		items[count++] = cdbc_null();
	params[n++] = cdbc_param_of("ids", c->ids->is_null ? cdbc_null() : cdbc_array(items, count));
	params[n++] = cdbc_param_of("sort", cdbc_string(sorts[c->sort]));
	for (size_t i = 0; i < PARTS; i++)
		if (c->parts & (1u << i))
			params[n++] = cdbc_param_of(names[i], given[i]);
		else if (i == c->sort) /* a NULL is as good as nothing */
			params[n++] = cdbc_param_of(names[i], cdbc_null());
	if (cdbc_session_run(f.session, c->is_not ? "others" : "chosen", cdbc_params_of(params, n),
						 NULL, &result, &err))
		fail_with(c->ids->what, err);
	for (count = 0; cdbc_result_next(result, &err); count++) {
		assert_true(count < ROWS);
		ids[count] = cdbc_result_int64(result, 0);
	}
	assert_null(err);
	cdbc_result_free(result);
	return count;
}

static void compare(const call *c)
{
	int64_t wanted[ROWS], found[ROWS];
	size_t wanted_count = expect(c, wanted), found_count = run(c, found);

	if (wanted_count != found_count || memcmp(wanted, found, found_count * sizeof *found) != 0)
		fail_msg("%s, parts %u, list %s, by %s: %zu rows, wanted %zu", c->is_not ? "not in" : "in",
				 c->parts, c->ids->what, sorts[c->sort], found_count, wanted_count);
}

static void test_combinations(void **state)
{
	size_t count = 0, with_rows = 0;
	int64_t ids[ROWS];

	(void)state;
	if (!f.session) {
		test_skip("CDBC_TEST_URL is not set: run by scripts/with-postgres");
	}
	for (unsigned is_not = 0; is_not < 2; is_not++)
		for (unsigned parts = 0; parts < 1u << PARTS; parts++)
			for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
				for (size_t sort = 0; sort < sizeof sorts / sizeof *sorts; sort++) {
					call c = {parts, &lists[l], sort, is_not};

					compare(&c);
					with_rows += expect(&c, ids) > 1;
					count++;
				}
	assert_int_equal(count, 2 * 8 * 7 * 3);
	assert_true(with_rows > 60); /* the data tells the combinations apart */
}

/* ---- The databases -------------------------------------------------------------------------- */

static void execute(const char *sql)
{
	cdbc_error *err = NULL;

	if (cdbc_session_execute_script(f.session, sql, NULL, &err))
		fail_with(sql, err);
}

static void fill(void)
{
	static const char *const states[] = {"settled", "pending", NULL, "settled", "settled"};
	char sql[256];

	execute("drop table if exists combos;create table combos (id bigint primary key, amount bigint "
			"not null, state text, \"Label\" text not null)");
	for (size_t i = 0; i < ROWS; i++) {
		row *r = &rows[i];

		*r = (row){(int64_t)i + 1, (int64_t)(i * 7 % 5), states[i % 5], {(char)('a' + i * 5 % 3)}};
		snprintf(sql, sizeof sql, "insert into combos values (%lld, %lld, %s%s%s, '%s')",
				 (long long)r->id, (long long)r->amount, r->state ? "'" : "",
				 r->state ? r->state : "null", r->state ? "'" : "", r->label);
		execute(sql);
	}
}

static int set_up(const char *url)
{
	char text[1600];
	int n = snprintf(text, sizeof text, "-- name: chosen :many\n" BODY, "in");
	cdbc_error *err = NULL;

	snprintf(text + n, sizeof text - (size_t)n, "-- name: others :many\n" BODY, "not in");
	if (cdbc_client_open_url(url, &f.client, &err) ||
		cdbc_client_register(f.client, "combos.sql", text, strlen(text), &err) ||
		cdbc_client_acquire(f.client, NULL, &f.session, &err))
		fail_with(url, err);
	fill();
	return 0;
}

static int on_postgresql(void **state)
{
	const char *url = getenv("CDBC_TEST_URL");

	(void)state;
	memset(&f, 0, sizeof f);
	return url ? set_up(url) : 0;
}

static int on_sqlite(void **state)
{
	char url[80];
	int file;

	(void)state;
	memset(&f, 0, sizeof f);
	strcpy(f.path, "/tmp/cdbc-combinations-XXXXXX");
	file = mkstemp(f.path);
	assert_true(file >= 0);
	close(file);
	snprintf(url, sizeof url, "sqlite:%s", f.path);
	return set_up(url);
}

static int tear_down(void **state)
{
	(void)state;
	if (f.session)
		execute("drop table combos");
	cdbc_session_release(f.session);
	cdbc_client_close(f.client, 1000);
	if (f.path[0])
		unlink(f.path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"every combination on PostgreSQL", test_combinations, on_postgresql, tear_down, NULL},
		{"every combination on SQLite", test_combinations, on_sqlite, tear_down, NULL},
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
