// SPDX-License-Identifier: Apache-2.0
/* Queries that may become several statements: which one for which parameters, identifiers out of
 * their list, the parameters that a server fills in, the limits. */
#include "base/alloc.h"
#include "base/buf.h"
#include "service/catalog/catalog.h"
#include "support/oom.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static cdbc_status load(const char *text, cdbc_catalog **out, cdbc_error **err)
{
	char path[64];
	int fd = memfd_create("q.sql", 0);
	cdbc_status status;

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	*out = NULL;
	status = cdbc_catalog_new(out, err);
	if (!status)
		status = cdbc_catalog_load(*out, path, err);
	close(fd);
	return status;
}

static cdbc_catalog *loaded(const char *text)
{
	cdbc_catalog *catalog;
	cdbc_error *err = NULL;

	if (load(text, &catalog, &err))
		fail_msg("%s", cdbc_error_message(err));
	return catalog;
}

static const cx_query *find(const cdbc_catalog *catalog, const char *name)
{
	const cx_query *query = NULL;

	assert_int_equal(cx_catalog_find(catalog, name, &cx_dialect_postgresql, &query, NULL), CDBC_OK);
	return query;
}

static cdbc_value values[128];

static const char *bound(const cx_query *query, cdbc_params params, const cx_statement **statement)
{
	const cx_statement *own;
	cdbc_error *err = NULL;

	assert_true(cx_query_room(query) <= 128);
	if (cx_query_bind(query, &cx_dialect_postgresql, params, NULL, values,
					  statement ? statement : &own, &err))
		fail_msg("%s", cdbc_error_message(err));
	return statement ? (*statement)->sql : own->sql;
}

static void refuse(const cx_query *query, cdbc_params params, const char *message)
{
	const cx_statement *statement;
	cdbc_error *err = NULL;

	assert_int_equal(
		cx_query_bind(query, &cx_dialect_postgresql, params, NULL, values, &statement, &err),
		CDBC_PARAM);
	assert_string_equal(cdbc_error_message(err), message);
	cdbc_error_free(err);
}

static const char example[] =
	"-- name: list :many\n"
	"-- param: user_id int8 -- whose\n"
	"-- param: since timestamptz? -- only later ones\n"
	"-- param: state text? in('pending', 'settled', 'failed')\n"
	"-- param: ids int8[]?\n"
	"-- param: sort ident in(created_at, Amount, t.\"Odd\"\"Name\") = created_at\n"
	"select id\n"
	"  from transactions t\n"
	" where user_id = :user_id\n"
	"/*? since */   and created_at >= :since\n"
	"/*? state */   and state = :state\n"
	"/*? ids */   and id in (:ids)\n"
	"/*?*/\n"
	" order by :sort;\n";

static void test_example(void **state)
{
	cdbc_catalog *catalog = loaded(example);
	const cx_query *query = find(catalog, "list");
	const cx_statement *statement, *again;
	cdbc_value ids[2] = {cdbc_int64(4), cdbc_int64(5)};

	assert_int_equal(query->info.kind, CDBC_KIND_SELECT);
	assert_true(query->info.is_read_only);
	assert_int_equal(query->info.param_count, 5);
	assert_string_equal(query->info.params[4].type_name, "ident");
	assert_string_equal(bound(query, CDBC_PARAMS({"user_id", cdbc_int64(7)}), NULL),
						"select id\n  from transactions t\n where user_id = $1\n order by "
						"\"created_at\"");
	assert_string_equal(
		bound(query,
			  CDBC_PARAMS({"state", cdbc_string("failed")}, {"sort", cdbc_string("Amount")},
						  {"user_id", cdbc_int64(7)}, {"ids", cdbc_array(ids, 2)}),
			  &statement),
		"select id\n  from transactions t\n where user_id = $1\n   and state = $2\n   and id = "
		"any($3)\n order by \"amount\"");
	assert_int_equal(statement->param_count, 3);
	assert_int_equal(values[0].as.int64, 7);
	assert_string_equal(values[1].as.text.data, "failed");
	assert_int_equal(values[2].as.array.count, 2);
	assert_true(statement->flags & CDBC_REQUEST_READ_ONLY);
	/* the same statement for the same parts, whatever the values, for each style */
	bound(query,
		  CDBC_PARAMS({"state", cdbc_string("pending")}, {"sort", cdbc_string("Amount")},
					  {"user_id", cdbc_int64(8)}, {"ids", cdbc_array(ids, 1)},
					  {"since", cdbc_null()}),
		  &again);
	assert_ptr_equal(statement, again);
	assert_int_equal(
		cx_query_bind(query, &cx_dialect_sqlite,
					  CDBC_PARAMS({"user_id", cdbc_int64(7)}, {"ids", cdbc_array(ids, 2)},
								  {"sort", cdbc_string("t.Odd\"Name")}),
					  NULL, values, &statement, NULL),
		CDBC_OK);
	assert_string_equal(
		statement->sql,
		"select id\n  from transactions t\n where user_id = ?1\n   and id in (select "
		"value from json_each(ifnull(?2, '[null]')))\n order by \"t\".\"Odd\"\"Name\"");
	refuse(query, CDBC_PARAMS({"user_id", cdbc_int64(7)}, {"sort", cdbc_string("id; drop")}),
		   "query \"list\": parameter \"sort\": \"id; drop\" is not in(created_at, Amount, "
		   "t.\"Odd\"\"Name\")");
	refuse(query, CDBC_PARAMS({"since", cdbc_string("2024-01-01")}),
		   "query \"list\": parameter \"user_id\" is missing");
	cdbc_catalog_free(catalog);
}

static void test_conditions(void **state)
{
	cdbc_catalog *catalog = loaded(
		"-- name: equal\n-- param: n numeric?\n-- param: b bool?\n-- param: s text? in('x', "
		"'it''s')\n"
		"select 1 /*? n = 5 */, 'five' /*? n = -1.50 */, 'minus' /*? !n */, 'none' /*?*/\n"
		"/*? b = true */, 'yes' /*? b = false */, 'no' /*? s = 'it''s' */, 'its' /*?*/\n"
		"-- name: bare\nselect 1 /*? flag */, 2 /*? x = 'a' */, :y /*? n = 1 */, 3 /*?*/\n"
		"-- name: sorted\n-- param: s ident in(a, b)\n-- param: d text? in('up', 'down')\n"
		"select 1 from t order by :s /*? d = 'down' */ desc /*? s = b */ nulls last /*?*/\n");
	const cx_query *query = find(catalog, "equal");

	assert_string_equal(bound(query, CDBC_NO_PARAMS, NULL), "select 1, 'none'");
	assert_string_equal(bound(query, CDBC_PARAMS({"n", cdbc_string("5.0")}), NULL),
						"select 1, 'five'");
	assert_string_equal(
		bound(query, CDBC_PARAMS({"n", cdbc_double(-1.5)}, {"b", cdbc_string("off")}), NULL),
		"select 1, 'minus'\n , 'no'");
	assert_string_equal(
		bound(query,
			  CDBC_PARAMS({"n", cdbc_int64(6)}, {"s", cdbc_string("it's")}, {"b", cdbc_bool(true)}),
			  NULL),
		"select 1\n, 'yes', 'its'");
	query = find(catalog, "bare");
	assert_true(query->info.params[0].is_optional != query->info.params[1].is_optional);
	assert_string_equal(bound(query, CDBC_NO_PARAMS, NULL), "select 1");
	assert_string_equal(bound(query, CDBC_PARAMS({"flag", cdbc_bool(false)}), NULL), "select 1, 2");
	assert_string_equal(
		bound(query, CDBC_PARAMS({"x", cdbc_string("b")}, {"n", cdbc_int64(1)}), NULL),
		"select 1, 3");
	assert_string_equal(
		bound(query, CDBC_PARAMS({"x", cdbc_string("a")}, {"y", cdbc_int64(1)}), NULL),
		"select 1, $1");
	refuse(query, CDBC_PARAMS({"x", cdbc_string("a")}),
		   "query \"bare\": parameter \"y\" is missing");
	refuse(query, CDBC_PARAMS({"z", cdbc_string("a")}),
		   "query \"bare\": there is no parameter \"z\" in the statement");
	query = find(catalog, "sorted");
	assert_string_equal(
		bound(query, CDBC_PARAMS({"s", cdbc_string("b")}, {"d", cdbc_string("down")}), NULL),
		"select 1 from t order by \"b\" desc nulls last");
	assert_string_equal(bound(query, CDBC_PARAMS({"s", cdbc_string("a")}), NULL),
						"select 1 from t order by \"a\"");
	refuse(query, CDBC_PARAMS({"s", cdbc_null()}), "query \"sorted\": parameter \"s\" is missing");
	cdbc_catalog_free(catalog);
}

static void test_server(void **state)
{
	cdbc_catalog *catalog = loaded(
		"-- name: a\n-- param: x int8\nselect :x where owner = :_user and role in (:_roles)\n"
		"-- name: b\nselect :_now, :_request_id /*? _user */, :_user /*?*/\n");
	cdbc_value role = cdbc_string("teller");
	cx_server_values server = {
		{cdbc_string("ann"), cdbc_array(&role, 1), cdbc_string("2024-01-01"), cdbc_string("r1")}};
	const cx_query *query = find(catalog, "a");
	const cx_statement *statement;

	assert_true(cx_query_wants_server(query));
	assert_int_equal(query->info.param_count, 1);
	assert_int_equal(cx_query_bind(query, &cx_dialect_postgresql, CDBC_PARAMS({"x", cdbc_int64(1)}),
								   &server, values, &statement, NULL),
					 CDBC_OK);
	assert_string_equal(statement->sql, "select $1 where owner = $2 and role = any($3)");
	assert_string_equal(values[1].as.text.data, "ann");
	assert_int_equal(values[2].as.array.count, 1);
	assert_true(values[2].type.is_array);
	refuse(query, CDBC_PARAMS({"x", cdbc_int64(1)}, {"_user", cdbc_string("eve")}),
		   "query \"a\": parameter \"_user\" is filled in here, a caller cannot set it");
	bound(query, CDBC_PARAMS({"x", cdbc_int64(1)}), NULL);
	assert_int_equal(values[1].kind, CDBC_VALUE_NULL);
	query = find(catalog, "b");
	assert_int_equal(query->info.param_count, 0);
	assert_int_equal(cx_query_bind(query, &cx_dialect_postgresql, CDBC_NO_PARAMS, &server, values,
								   &statement, NULL),
					 CDBC_OK);
	assert_string_equal(statement->sql, "select $1, $2, $3");
	assert_string_equal(values[1].as.text.data, "r1");
	assert_int_equal(values[0].type.id, CDBC_TYPE_TIMESTAMPTZ);
	assert_string_equal(bound(query, CDBC_NO_PARAMS, NULL), "select $1, $2");
	refuse(query, CDBC_PARAMS({"_user", cdbc_string("eve")}),
		   "query \"b\": parameter \"_user\" is filled in here, a caller cannot set it");
	cdbc_catalog_free(catalog);
}

/* 2^12 statements are allowed, and no more; parts of parts are not counted when their block is
 * gone.
 */
static void test_limit(void **state)
{
	cx_buf text = CX_BUF_INIT(1u << 20);
	cdbc_catalog *catalog;
	cdbc_error *err = NULL;

	cx_buf_puts(&text, "-- name: a\nselect 1");
	for (int i = 0; i < 12; i++)
		cx_buf_putf(&text, " /*? p%d */, %d /*?*/", i, i);
	catalog = loaded(text.data);
	assert_string_equal(bound(find(catalog, "a"), CDBC_PARAMS({"p11", cdbc_int64(1)}), NULL),
						"select 1, 11");
	cdbc_catalog_free(catalog);
	cx_buf_puts(&text, " /*? p12 */, 12 /*?*/");
	assert_int_equal(load(text.data, &catalog, &err), CDBC_SQL_FILE);
	assert_non_null(strstr(cdbc_error_message(err), ":2:10: more than 4096 possible statements"));
	cdbc_error_free(err);
	cdbc_catalog_free(catalog);
	cx_buf_clear(&text);
	cx_buf_puts(&text, "-- name: a\nselect 1");
	for (int i = 0; i < 60; i++)
		cx_buf_putf(&text, " /*?{ p%d */, %d", i, i);
	for (int i = 0; i < 60; i++)
		cx_buf_puts(&text, " /*?}*/");
	catalog = loaded(text.data);
	assert_string_equal(
		bound(find(catalog, "a"),
			  CDBC_PARAMS({"p0", cdbc_int64(1)}, {"p1", cdbc_int64(1)}, {"p3", cdbc_int64(1)}),
			  NULL),
		"select 1, 0, 1");
	cdbc_catalog_free(catalog);
	cx_buf_free(&text);
}

static void test_allowed(void **state)
{
	cdbc_catalog *catalog =
		loaded("-- name: a!\n-- allow-all-rows\ndelete from t where /*? id */ id = :id /*?*/\n");

	assert_string_equal(bound(find(catalog, "a"), CDBC_NO_PARAMS, NULL), "delete from t");
	assert_int_equal(find(catalog, "a")->info.kind, CDBC_KIND_DML);
	cdbc_catalog_free(catalog);
}

/* No text of a caller's is ever in the SQL. */
static void test_no_injection(void **state)
{
	static const char *const evil[] = {"x' or 1=1 --", "/*?*/", ":user_id",
									   "created_at",   "\"",    "$1"};
	cdbc_catalog *catalog =
		loaded("-- name: a\nselect 1 where z /*? a */ and x = :a /*? b */ and y = :b /*? c = "
			   "'x' */ and w = :c /*?*/");
	const cx_query *query = find(catalog, "a");

	for (size_t i = 0; i < sizeof evil / sizeof *evil; i++)
		for (unsigned mask = 0; mask < 8; mask++) {
			cdbc_param given[3];
			size_t n = 0;
			const char *sql;

			for (unsigned k = 0; k < 3; k++)
				if (mask >> k & 1)
					given[n++] =
						cdbc_param_of((const char *[]){"a", "b", "c"}[k], cdbc_string(evil[i]));
			sql = bound(query, cdbc_params_of(given, n), NULL);
			if (i != 5)
				assert_null(strstr(sql, evil[i]));
		}
	cdbc_catalog_free(catalog);
}

typedef struct expanded {
	size_t count;
	char text[2000];
} expanded;

static bool collect(void *data, const cdbc_query_variant *variant)
{
	expanded *e = data;
	size_t n = strlen(e->text);

	assert_int_equal(variant->index, e->count);
	e->count++;
	snprintf(e->text + n, sizeof e->text - n, "%zu/%zu %s: %s (%zu%s%s)\n", variant->index + 1,
			 variant->count, variant->when, variant->sql, variant->param_count,
			 variant->param_count ? " " : "", variant->param_count ? variant->params[0] : "");
	return e->count < 7;
}

static void test_api(void **state)
{
	cdbc_catalog *catalog =
		loaded("-- name: a\n-- param: x int8?\n-- param: s ident in(b, c) = c\n"
			   "select 1 where u = :_user /*? x */ and x = :x /*?*/ order by :s\n"
			   "-- name: plain\nselect :y\n");
	cdbc_render_options options = CDBC_RENDER_OPTIONS_INIT;
	cdbc_rendered *rendered = NULL;
	cdbc_error *err = NULL;
	expanded e = {0, ""};

	options.user = "ann";
	assert_int_equal(cdbc_catalog_render(catalog, "a", "sqlite",
										 CDBC_PARAMS({"x", cdbc_string("5")}), &options, &rendered,
										 NULL),
					 CDBC_OK);
	assert_string_equal(cdbc_rendered_sql(rendered),
						"select 1 where u = ?1 and x = ?2 order by \"c\"");
	assert_int_equal(cdbc_rendered_params(rendered).count, 2);
	assert_string_equal(cdbc_rendered_params(rendered).items[0].value.as.text.data, "ann");
	assert_string_equal(cdbc_rendered_params(rendered).items[1].name, "x");
	assert_int_equal(cdbc_rendered_params(rendered).items[1].value.as.int64, 5);
	cdbc_rendered_free(rendered);
	cdbc_rendered_free(NULL);
	assert_int_equal(cdbc_catalog_validate(catalog, "plain", NULL, CDBC_NO_PARAMS, &err),
					 CDBC_PARAM);
	assert_string_equal(cdbc_error_message(err), "query \"plain\": parameter \"y\" is missing");
	cdbc_error_free(err);
	assert_int_equal(cdbc_catalog_validate(catalog, "none", NULL, CDBC_NO_PARAMS, NULL),
					 CDBC_NOT_FOUND);
	assert_int_equal(cdbc_catalog_expand(catalog, "a", "postgresql", collect, &e, NULL), CDBC_OK);
	assert_string_equal(
		e.text,
		"1/4 \"x\" is given, \"s\" = 'b': select 1 where u = $1 and x = $2 order by \"b\" (2 "
		"_user)\n"
		"2/4 \"x\" is given, \"s\" = 'c': select 1 where u = $1 and x = $2 order by \"c\" (2 "
		"_user)\n"
		"3/4 \"x\" is absent, \"s\" = 'b': select 1 where u = $1 order by \"b\" (1 _user)\n"
		"4/4 \"x\" is absent, \"s\" = 'c': select 1 where u = $1 order by \"c\" (1 _user)\n");
	cdbc_catalog_free(catalog);
}

static const struct {
	const char *text;
	const char *message; /* after the file's name */
} mistakes[] = {
	/* optional parts and identifiers */
	{"-- name: a\n-- param: x ident\nselect :x\n",
	 "2:18: an identifier needs the list of those that it may be"},
	{"-- name: a\n-- param: x ident in(a, 5)\nselect :x\n", "2:25: an identifier is missing"},
	{"-- name: a\n-- param: x ident in(a, b) = c\nselect :x\n",
	 "2:30: parameter \"x\": \"c\" is not in(a, b)"},
	{"-- name: a\n-- param: x ident in(a, b) min=1\nselect :x\n",
	 "2:28: an identifier is checked with in(...) only"},
	{"-- name: a\n-- param: x ident? in(a, b)\nselect :x\n",
	 "3:8: identifier \"x\" may be absent here"},
	{"-- name: a\nselect 1 /*? x */ where y = :x\n", "2:10: an optional part without its end"},
	{"-- name: a\nselect 1 /*?{ x */ where y = :x\n", "2:10: a block without its end"},
	{"-- name: a\nselect 1 /*? x = y */ where y = :x /*?*/\n", "2:10: \"y\" is no literal"},
	{"-- name: a\n-- param: x int8\nselect 1 /*? x = 'y' */ where y = :x /*?*/\n",
	 "3:10: parameter \"x\": \"y\" is not an int8"},
	{"-- name: a\n-- param: x text in('a', 'b')\nselect 1 /*? x = 'c' */ where y = :x /*?*/\n",
	 "3:10: parameter \"x\": \"c\" is not in('a', 'b')"},
	{"-- name: a\n-- param: x int8[]\nselect 1 /*? x = 1 */ where y = :x /*?*/\n",
	 "3:10: parameter \"x\" is an array: it is given or not, nothing else"},
	{"-- name: a\nselect 1 /*? x */ where y = $1 /*?*/\n",
	 "2:29: $1 in a query with optional parts or identifiers"},
	{"-- name: a\ndelete from t where /*? id */ id = :id /*?*/\n",
	 "2:15: an UPDATE or DELETE loses its condition, when \"id\" is absent"},
	{"-- name: a\ndelete from t /*? id */ where id = :id /*?*/\n",
	 "2:25: an UPDATE or DELETE loses its condition, when \"id\" is absent"},
	{"-- name: a\n-- allow-all-rows\nupdate t set /*? x */ x = :x /*?*/ where /*? id */ id = :id "
	 "/*?*/\n",
	 "3:10: an UPDATE has nothing left to set, when \"x\" is absent, \"id\" is given"},
	{"-- name: a\nselect (1 /*? x */ ) /*?*/ , 2 /*? !x */ + 1 /*?*/\n",
	 "2:8: `(` is never closed, when \"x\" is absent"},
	{"-- name: a\nselect 1 /*? x */ ) /*?*/\n", "2:19: `)` closes no `(`, when \"x\" is given"},
	{"-- name: a\nselect 1 /*? x */ ; select 2 /*?*/\n",
	 "2:10: a second statement in one query, when \"x\" is given"},
	{"-- name: a\n/*? x */ select :x /*?*/\n",
	 "2:1: nothing is left of the query, when \"x\" is absent"},
	{"-- name: a\nselect E'a' /*? x */ , /*?*/\n'b\\', 1 --'\n, 2\n",
	 "2:13: what is left reads otherwise than it was written, when \"x\" is absent"},
	{"-- name: a\n-- read-only\n/*? x */ select 1 /*? !x */ delete from t /*?*/\n",
	 "2:4: declared read-only, but it is a change of data"},
	{"-- name: a\n-- param: y int8\nselect 1 /*? x */ + :y /*?*/\n",
	 "3:10: parameter \"x\" is used, but not declared"},
	{"-- name: a\nselect :_usr\n", "2:8: there is no parameter \"_usr\""},
	{"-- name: a\nselect 1 /*? _usr */ + 1 /*?*/\n", "2:10: there is no parameter \"_usr\""},
};

static void test_mistakes(void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		cdbc_catalog *catalog;
		cdbc_error *err = NULL;
		const char *message;

		if (load(mistakes[i].text, &catalog, &err) != CDBC_SQL_FILE)
			fail_msg("not refused: %s: %s", mistakes[i].text, err ? cdbc_error_message(err) : "");
		message = strchr(cdbc_error_message(err), ':') + 1;
		if (strncmp(message, mistakes[i].message, strlen(mistakes[i].message)) != 0)
			fail_msg("%s\nwas:    %s\nwanted: %s", mistakes[i].text, message, mistakes[i].message);
		cdbc_error_free(err);
		cdbc_catalog_free(catalog);
	}
}

/* Statements are made by whoever wants them first, each once. */
static void *bind_many(void *data)
{
	const cx_query *query = data;
	cdbc_value own[128];
	const cx_statement *statement;
	uintptr_t sum = 0;

	for (unsigned i = 0; i < 64; i++) {
		cdbc_param given[6];
		size_t n = 0;

		for (unsigned k = 0; k < 6; k++)
			if (i >> k & 1)
				given[n++] =
					cdbc_param_of((const char *[]){"a", "b", "c", "d", "e", "f"}[k], cdbc_int64(1));
		if (cx_query_bind(query, &cx_dialect_postgresql, cdbc_params_of(given, n), NULL, own,
						  &statement, NULL))
			return NULL;
		sum = sum * 31 + (uintptr_t)statement;
	}
	return (void *)sum;
}

static void test_threads(void **state)
{
	cdbc_catalog *catalog =
		loaded("-- name: t\nselect 1 /*? a */, 1 /*? b */, 2 /*? c */, 3 /*? d */, 4 /*? e */, 5 "
			   "/*? f */, 6 /*?*/");
	void *query = (void *)(uintptr_t)find(catalog, "t"), *answers[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, bind_many, query), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], &answers[i]);
	assert_non_null(answers[0]);
	for (int i = 1; i < 4; i++)
		assert_ptr_equal(answers[i], answers[0]);
	cdbc_catalog_free(catalog);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	cdbc_catalog *catalog;
	const cx_query *query;
	const cx_statement *statement;
	cdbc_rendered *rendered = NULL;
	const char *role = "teller";
	cdbc_render_options options = {sizeof options, "ann", &role, 1, NULL, NULL};
	cdbc_status status = load(data, &catalog, err);

	if (!status)
		status = cx_catalog_find(catalog, "list", &cx_dialect_sqlite, &query, err);
	if (!status)
		status =
			cx_query_bind(query, &cx_dialect_sqlite,
						  CDBC_PARAMS({"user_id", cdbc_int64(1)}, {"state", cdbc_string("failed")}),
						  NULL, values, &statement, err);
	if (!status)
		status =
			cdbc_catalog_render(catalog, "list", "postgresql",
								CDBC_PARAMS({"user_id", cdbc_int64(1)}), &options, &rendered, err);
	cdbc_rendered_free(rendered);
	cdbc_catalog_free(catalog);
	return status;
}

static void test_out_of_memory(void **state)
{
	assert_true(oom_run(scenario, (void *)(uintptr_t)example) > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),  cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_server),   cmocka_unit_test(test_limit),
		cmocka_unit_test(test_allowed),  cmocka_unit_test(test_no_injection),
		cmocka_unit_test(test_api),      cmocka_unit_test(test_threads),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
