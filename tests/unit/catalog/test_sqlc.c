// SPDX-License-Identifier: Apache-2.0
/* Files written for sqlc: what of theirs is a parameter, and what is left alone. */
#include "service/catalog/catalog.h"
#include "support/oom.h"
#include "sql_file.h"

static cdbc_status try_sqlc(const char *text, cdbc_catalog **out, cdbc_error **err)
{
	cdbc_status status = cdbc_catalog_new(out, err);

	sql_file_write(text);
	if (!status)
		status = cdbc_catalog_load_style(*out, sql_file_path, CDBC_STYLE_SQLC, err);
	return status;
}

static cdbc_catalog *load_sqlc(const char *text)
{
	cdbc_catalog *catalog = NULL;
	cdbc_error *err = NULL;

	if (try_sqlc(text, &catalog, &err))
		fail_msg("%s\n%s", text, cdbc_error_message(err));
	return catalog;
}

/* The one statement "a" of an SQL text, with $n; its parameters' names are added in brackets. */
static const char *sent(const char *sql)
{
	static char out[1000];
	char text[1000];
	const cx_query *query = NULL;
	cdbc_catalog *catalog;
	size_t n;

	snprintf(text, sizeof text, "-- name: a :many\n%s\n", sql);
	catalog = load_sqlc(text);
	assert_int_equal(cx_catalog_find(catalog, "a", &cx_dialect_postgresql, &query, NULL), CDBC_OK);
	assert_string_equal(query->info.sql, sql); /* as written */
	n = (size_t)snprintf(out, sizeof out, "%s [", query->statement->sql);
	for (size_t i = 0; i < query->info.param_count; i++)
		n += (size_t)snprintf(out + n, sizeof out - n, "%s%s%s", i ? "," : "",
							  query->info.params[i].name,
							  query->info.params[i].is_optional ? "?" : "");
	snprintf(out + n, sizeof out - n, "]");
	cdbc_catalog_free(catalog);
	return out;
}

static void test_parameters(void **state)
{
	static const struct {
		const char *sql, *sent;
	} cases[] = {
		{"select @a::text, @b, @a", "select $1::text, $2, $1 [a,b]"},
		{"select 1 where id=@id and x>=@y", "select 1 where id=$1 and x>=$2 [id,y]"},
		{"select (@a), f(@b,@c)", "select ($1), f($2,$3) [a,b,c]"},
		{"select sqlc.arg(ab)::text", "select $1         ::text [ab]"},
		{"select sqlc.arg('ab'), SQLC.ARG ( \"c\" )", "select $1           , $2 [ab,c]"},
		{"select sqlc.narg(ab), @c", "select $1          , $2 [ab?,c]"},
		{"select @ab, sqlc.narg('ab')", "select $1, $1 [ab?]"},
		{"select 1 where id in (sqlc.slice('ids'))",
		 "select 1 where id = any($1             ) [ids]"},
		{"select sqlc.embed(t), t.x from t", "select t.*          , t.x from t []"},
		{"select sqlc.\n arg(\nab)", "select $1 [ab]"},
		{"select x[@i], y[1 : @n]", "select x[$1], y[1 : $2] [i,n]"},
		/* positions keep their numbers, names take those that are free */
		{"select @a, $1", "select $2, $1 [a,$1]"},
		{"select 1 where id = sqlc.arg(id) and a <> $1 limit sqlc.arg('limit')",
		 "select 1 where id = $2          and a <> $1 limit $3 [id,$1,limit]"},
		{"select $2, sqlc.narg(x), $1, @y, $2, @y",
		 "select $2, $3          , $1, $4, $2, $4 [$2,x?,$1,y]"},
		{"select $3, @a, @b, @c", "select $3, $1, $2, $4 [$3,a,b,c]"},
		{"select $01, @a, $1", "select $1, $2, $1 [$1,a]"},
		{"select 1 where a in (sqlc.slice(x)) and b = $1",
		 "select 1 where a = any($2           ) and b = $1 [x,$1]"},
		/* what is none */
		{"select '@a', \"@b\", $$ @c $$ -- @d\n, 1", "select '@a', \"@b\", $$ @c $$ -- @d\n, 1 []"},
		{"select 'sqlc.arg(a)' /* sqlc.arg(b) */, 1",
		 "select 'sqlc.arg(a)' /* sqlc.arg(b) */, 1 []"},
		{"select * from t@idx where a <@ b", "select * from t@idx where a <@ b []"},
		{"select a <@b, tsv @@query, @ -5", "select a <@b, tsv @@query, @ -5 []"},
		{"select * from t@{FORCE_INDEX=x}", "select * from t@{FORCE_INDEX=x} []"},
		{"select my.sqlc.arg(a), sqlc.x from sqlc", "select my.sqlc.arg(a), sqlc.x from sqlc []"},
		{"select ? , @a", "select ? , $1 [a]"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(sent(cases[i].sql), cases[i].sent);
	assert_non_null(strstr(sent("select $1, $2"), "select $1, $2 ["));
}

/* A part may ask for a parameter that nothing else names; it need not be given. */
static void test_parts(void **state)
{
	static const char *const texts[] = {
		"-- name: a :many\nselect @a /*? c */ , 2 /*?*/\n",
		"-- name: a :many\nselect @a /*? c */ , sqlc.arg(c) /*?*/\n",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		cdbc_catalog *catalog = load_sqlc(texts[i]);
		const cx_query *query = NULL;
		const cx_statement *statement = NULL;
		cdbc_value values[4];

		assert_int_equal(cx_catalog_find(catalog, "a", NULL, &query, NULL), CDBC_OK);
		assert_int_equal(query->info.param_count, 2);
		assert_string_equal(query->info.params[1].name, "c");
		assert_true(query->info.params[1].is_optional && !query->info.params[0].is_optional);
		assert_int_equal(cx_query_bind(query, &cx_dialect_postgresql,
									   CDBC_PARAMS({"a", cdbc_int64(1)}), NULL, values, &statement,
									   NULL),
						 CDBC_OK);
		assert_string_equal(statement->sql, "select $1");
		cdbc_catalog_free(catalog);
	}
}

/* Positions are given without names or by their numbers, the others by name, in any order. */
static void test_mixed(void **state)
{
	static const struct {
		cdbc_param params[4];
		size_t count;
		const char *bound; /* the values in the order of $1, $2, $3, or the mistake */
	} cases[] = {
		{{{"x", {.kind = CDBC_VALUE_INT64, .as.int64 = 7}},
		  {NULL, {.kind = CDBC_VALUE_INT64, .as.int64 = 1}},
		  {NULL, {.kind = CDBC_VALUE_INT64, .as.int64 = 2}}},
		 3,
		 "1 2 7"},
		{{{"2", {.kind = CDBC_VALUE_INT64, .as.int64 = 2}},
		  {"$1", {.kind = CDBC_VALUE_INT64, .as.int64 = 1}}},
		 2,
		 "1 2 null"},
		{{{NULL, {.kind = CDBC_VALUE_INT64, .as.int64 = 1}},
		  {NULL, {.kind = CDBC_VALUE_INT64, .as.int64 = 2}},
		  {NULL, {.kind = CDBC_VALUE_INT64, .as.int64 = 3}}},
		 3,
		 "query \"a\": a value without a name, but the statement's parameters have names"},
		{{{"1", {.kind = CDBC_VALUE_INT64, .as.int64 = 1}}},
		 1,
		 "query \"a\": parameter \"$2\" is missing"},
		{{{"3", {.kind = CDBC_VALUE_INT64, .as.int64 = 1}}},
		 1,
		 "query \"a\": there is no parameter \"3\" in the statement"},
		{{{"1", {.kind = CDBC_VALUE_INT64, .as.int64 = 1}},
		  {"$1", {.kind = CDBC_VALUE_INT64, .as.int64 = 1}}},
		 2,
		 "query \"a\": parameter \"$1\" is given twice"},
	};
	cdbc_catalog *catalog = load_sqlc("-- name: a :many\nselect $2, sqlc.narg(x), $1\n");
	const cx_query *query = NULL;

	assert_int_equal(cx_catalog_find(catalog, "a", &cx_dialect_sqlite, &query, NULL), CDBC_OK);
	assert_string_equal(query->statement_qmark->sql, "select ?2, ?3          , ?1");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cdbc_params params = {cases[i].params, cases[i].count};
		const cx_statement *statement = NULL;
		cdbc_value values[3];
		cdbc_error *err = NULL;
		char bound[40] = "";

		if (cx_query_bind(query, &cx_dialect_postgresql, params, NULL, values, &statement, &err)) {
			assert_string_equal(cdbc_error_message(err), cases[i].bound);
			cdbc_error_free(err);
			continue;
		}
		for (size_t k = 0; k < 3; k++)
			snprintf(bound + strlen(bound), sizeof bound - strlen(bound),
					 values[k].kind == CDBC_VALUE_NULL ? "%snull" : "%s%lld", k ? " " : "",
					 (long long)values[k].as.int64);
		assert_string_equal(bound, cases[i].bound);
	}
	cdbc_catalog_free(catalog);
}

static void test_names(void **state)
{
	cdbc_catalog *catalog = load_sqlc("/* name: Block :one */\nselect 1;\n"
									  "# name: Hash :execrows\ndelete from t where id = @id;\n"
									  "-- name: Batch :batchmany\nselect @x;\n"
									  "-- name: Last :execlastid\ninsert into t values (@x);\n"
									  "-- @sqlc-vet-disable\n"
									  "-- name: Typed :one\n-- param: x int8?\nselect @x\n"
									  "-- name: Part :many\nselect 1 where true\n"
									  "/*? y */ and b = @y /*?*/\n");
	cdbc_query_info info;

	assert_int_equal(cdbc_catalog_get(catalog, "Block", &info, NULL), CDBC_OK);
	assert_int_equal(info.cardinality, CDBC_ONE);
	assert_int_equal(cdbc_catalog_get(catalog, "Hash", &info, NULL), CDBC_OK);
	assert_int_equal(info.cardinality, CDBC_EXEC_ROWS);
	assert_int_equal(info.line, 3);
	assert_int_equal(cdbc_catalog_get(catalog, "Batch", &info, NULL), CDBC_OK);
	assert_int_equal(info.cardinality, CDBC_BATCH);
	assert_int_equal(cdbc_catalog_get(catalog, "Last", &info, NULL), CDBC_OK);
	assert_int_equal(info.cardinality, CDBC_EXEC);
	assert_int_equal(cdbc_catalog_get(catalog, "Typed", &info, NULL), CDBC_OK);
	assert_int_equal(info.params[0].type.id, CDBC_TYPE_INT8);
	assert_int_equal(cdbc_catalog_get(catalog, "Part", &info, NULL), CDBC_OK);
	assert_string_equal(info.sql, "select 1 where true\n/*? y */ and b = @y /*?*/");
	cdbc_catalog_free(catalog);
}

static const sql_file_mistake mistakes[] = {
	{"-- name: a\nselect sqlc.ar(x)\n", "2:13: sqlc has no such call"},
	{"-- name: a\nselect sqlc.arg()\n", "2:17: a call of sqlc's takes one name"},
	{"-- name: a\nselect sqlc.arg(x, y)\n", "2:17: a call of sqlc's takes one name"},
	{"-- name: a\nselect sqlc.arg('x y')\n", "2:17: a call of sqlc's takes one name"},
	{"-- name: a\nselect x[1:@y]\n", "2:13: a parameter directly after a colon"},
	{"-- name: a\nselect x[1:sqlc.arg(y)]\n", "2:12: a parameter directly after a colon"},
	{"-- name: a\nselect @caf\xc3\xa9\n", "2:9: this is no parameter's name"},
	{"-- name: a\n-- param: a int8\nselect @a, $1\n", "3:12: $1 beside a parameter with a name"},
	{"-- name: a\n-- param: a int8\nselect $1, @a\n", "3:12: a parameter with a name beside $1"},
	{"-- name: a\nselect @a, $0\n", "2:12: there is no parameter of that number"},
	{"-- name: a\nselect @a, $70000\n", "2:12: there is no parameter of that number"},
	{"-- name: a\nselect @a, $65535\n", "2:1: more than 65535 parameters"},
	{"-- name: a\nselect @a, $1 /*? b */, @b /*?*/\n",
	 "2:12: $1 in a query with optional parts or identifiers"},
	{"-- name: a\n-- param: x int8\nselect @x, @y\n",
	 "3:12: parameter \"y\" is used, but not declared"},
	{"-- name: a\nselect 'x\n-- name: b\nselect sqlc.arg()",
	 "2:8: string without its closing quote"},
};

static void test_mistakes(void **state)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		cdbc_catalog *catalog = NULL;
		cdbc_error *err = NULL;
		const char *message;

		if (try_sqlc(mistakes[i].text, &catalog, &err) != CDBC_SQL_FILE)
			fail_msg("not refused: %s", mistakes[i].text);
		message = strstr(cdbc_error_message(err), "bad.sql:") + 8;
		if (i + 1 < sizeof mistakes / sizeof *mistakes)
			if (strncmp(message, mistakes[i].message, strlen(mistakes[i].message)))
				fail_msg("%s\n%s", mistakes[i].text, message);
		cdbc_error_free(err);
		cdbc_catalog_free(catalog);
	}
}

static void keep_line(void *data, const cdbc_diagnostic *d)
{
	snprintf(data, 200, "%s", d->line_text);
}

/* Each is told once, the line as it is in the file; and in no other style is any of it read. */
static void test_check(void **state)
{
	const char *paths[1] = {sql_file_path};
	cdbc_sql_style styles[1] = {CDBC_STYLE_SQLC};
	char line[200] = "";
	size_t count = 0;
	cdbc_catalog *catalog;
	cdbc_query_info info;

	sql_file_write("-- name: a\nselect 'x\n-- name: b\nselect sqlc.arg(), 1");
	assert_int_equal(
		cdbc_catalog_check_style(paths, styles, 1, NULL, keep_line, line, &count, NULL), CDBC_OK);
	assert_int_equal(count, 2);
	sql_file_write("-- name: b\nselect sqlc.arg(x), @y, $0");
	assert_int_equal(
		cdbc_catalog_check_style(paths, styles, 1, NULL, keep_line, line, &count, NULL), CDBC_OK);
	assert_int_equal(count, 1);
	assert_string_equal(line, "select sqlc.arg(x), @y, $0");
	catalog = sql_file_load("-- name: b\nselect sqlc.arg(x), @y, sqlc.nothing(z)");
	assert_int_equal(cdbc_catalog_get(catalog, "b", &info, NULL), CDBC_OK);
	assert_int_equal(info.param_count, 0);
	cdbc_catalog_free(catalog);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	cdbc_catalog *catalog = NULL;
	cdbc_status status = try_sqlc("-- name: a\nselect sqlc.narg(x), @y /*? z */, @z /*?*/\n"
								  "-- name: b\nselect @a, $1\n",
								  &catalog, err);

	cdbc_catalog_free(catalog);
	return status;
}

static void test_out_of_memory(void **state)
{
	assert_true(oom_run(scenario, NULL) > 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters),    cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_parts),         cmocka_unit_test(test_names),
		cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_check),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, sql_file_begin, sql_file_end);
}
