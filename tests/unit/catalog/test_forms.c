// SPDX-License-Identifier: Apache-2.0
/* Queries as each dialect takes them: `as-of:`, and dialects that an application added. */
#include "base/buf.h"
#include "service/catalog/catalog.h"
#include "sql_file.h"
#include "support/oom.h"

/* The statements of a query for a dialect, a line each. */
static bool add_line(void *data, const cdbc_query_variant *variant)
{
	cx_buf_puts(data, variant->sql);
	cx_buf_putc(data, '\n');
	return true;
}

static void check_sql(const cdbc_catalog *catalog, const char *name, const char *dialect,
					  const char *expected)
{
	cx_buf out = CX_BUF_INIT(10000);
	cdbc_error *err = NULL;

	for (int i = 0; i < 2; i++) { /* made, and found made */
		cx_buf_clear(&out);
		if (cdbc_catalog_expand(catalog, name, dialect, add_line, &out, &err))
			fail_msg("%s: %s", name, cdbc_error_message(err));
		assert_string_equal(out.data, expected);
	}
	cx_buf_free(&out);
}

/* ---- as-of ---------------------------------------------------------------------------------- */

static const char past[] =
	"-- name: plain :many\n-- as-of: '-10s' -- ten seconds\n-- param: a int8\n"
	"select * from t where a = :a;\n"
	"-- name: parts :many\n-- param: a int8?\n-- param: by ident in(x, y) = x\n"
	"-- as-of: follower_read_timestamp()\n"
	"select * from t\n/*? a */ join u on u.a = :a /*?*/\norder by :by;\n"
	"-- name: listed :many\n-- as-of: '-1s'\nselect a from t where a not in (:ids)\n"
	"-- name: own :many\n-- dialect: sqlite\n-- as-of: now()\nselect 1\n"
	"-- name: now :many\nselect a from t\n";

static void test_as_of(void **state)
{
	cdbc_catalog *catalog = sql_file_load(past);
	cdbc_query_info info;

	check_sql(catalog, "plain", "postgresql", "select * from t where a = $1\n");
	check_sql(catalog, "plain", "sqlite", "select * from t where a = ?1\n");
	check_sql(catalog, "plain", NULL, "select * from t where a = $1\n");
	check_sql(catalog, "plain", "cockroachdb",
			  "select * from t as of system time '-10s' where a = $1\n");
	check_sql(catalog, "parts", "postgresql",
			  "select * from t\n join u on u.a = $1\norder by \"x\"\n"
			  "select * from t\n join u on u.a = $1\norder by \"y\"\n"
			  "select * from t\norder by \"x\"\nselect * from t\norder by \"y\"\n");
	check_sql(catalog, "listed", "cockroachdb",
			  "select a from t as of system time '-1s' where a <> all($1)\n");
	check_sql(catalog, "own", "sqlite", "select 1\n");
	assert_int_equal(cdbc_catalog_get(catalog, "plain", &info, NULL), CDBC_OK);
	assert_string_equal(info.as_of, "'-10s'");
	assert_string_equal(info.sql, "select * from t where a = :a");
	assert_true(info.is_read_only);
	assert_int_equal(cdbc_catalog_get(catalog, "own", &info, NULL), CDBC_OK);
	assert_string_equal(info.as_of, "now()");
	assert_int_equal(cdbc_catalog_get(catalog, "now", &info, NULL), CDBC_OK);
	assert_null(info.as_of);
	sql_file_keep(catalog);
}

/* What is run has the flags and parameters of the statement without its time. */
static void test_bound(void **state)
{
	cdbc_catalog *catalog = sql_file_load(past);
	cdbc_value values[8];
	const cx_statement *there = NULL, *plain = NULL, *again = NULL;
	const cx_query *query;
	cdbc_params params = CDBC_PARAMS({"a", cdbc_int64(7)});

	assert_int_equal(cx_catalog_find(catalog, "plain", &cx_dialect_cockroachdb, &query, NULL), 0);
	assert_int_equal(
		cx_query_bind(query, &cx_dialect_cockroachdb, params, NULL, values, &there, NULL), 0);
	assert_int_equal(values[0].as.int64, 7);
	assert_int_equal(
		cx_query_bind(query, &cx_dialect_postgresql, params, NULL, values, &plain, NULL), 0);
	assert_true(there != plain && there->id != plain->id);
	assert_int_equal(there->flags, plain->flags);
	assert_true(there->past_length == strlen(" as of system time '-10s'") && !plain->past_length);
	assert_memory_equal(there->sql + there->past_offset, "as of system time", 17);
	assert_int_equal(there->kind, plain->kind);
	assert_int_equal(there->sql_length, strlen(there->sql));
	assert_string_equal(there->params[0].name, "a");
	assert_true(there->params[0].name != plain->params[0].name);
	assert_int_equal(there->params[0].type.id, CDBC_TYPE_INT8);
	assert_int_equal(
		cx_query_bind(query, &cx_dialect_cockroachdb, params, NULL, values, &again, NULL), 0);
	assert_ptr_equal(there, again);
	assert_int_equal(cx_catalog_find(catalog, "parts", &cx_dialect_cockroachdb, &query, NULL), 0);
	assert_int_equal(
		cx_query_bind(query, &cx_dialect_cockroachdb, params, NULL, values, &there, NULL), 0);
	assert_string_equal(there->sql, "select * from t\n join u on u.a = $1 as of system time "
									"follower_read_timestamp()\norder by \"x\"");
	assert_int_equal(there->param_count, 1);
	assert_int_equal(values[0].as.int64, 7);
	sql_file_keep(catalog);
}

static const sql_file_mistake mistakes[] = {
	{"-- name: a\n-- as-of:\nselect 1 from t\n", "2:4: `as-of` needs"},
	{"-- name: a\n-- as-of '-1s'\nselect 1 from t\n", "2:4: `as-of` needs a colon"},
	{"-- name: a\n-- as-of: '-1s'\n-- as-of: '-2s'\nselect 1 from t\n",
	 "3:4: `as-of` is given twice"},
	{"-- name: a\n-- as-of: :time\nselect 1 from t\n", "2:11: `as-of` takes no parameter"},
	{"-- name: a\n-- as-of:  ('-1s'\nselect 1 from t\n", "2:12: a bracket is never closed"},
	{"-- name: a\n-- as-of: '-1s'; drop table t\nselect 1 from t\n", "2:16: a semicolon"},
	{"-- name: a\n-- as-of: -- '-1s'\nselect 1 from t\n", "2:11: an expression is missing"},
	{"-- name: a\n-- as-of: now()\nselect 1 from t\n", "2:11: CockroachDB takes only a constant"},
	{"-- name: a\n-- dialect: postgresql\n-- as-of: now()\nselect 1 from t\n",
	 "3:11: CockroachDB takes only a constant"},
	{"-- name: a\n-- dialect: sqlite\n-- as-of: 1;\nselect 1 from t\n", "3:12: a semicolon"},
	{"-- name: a\n-- as-of: '-1s'\n\ninsert into t values (1)\n", "4:1: `as-of` needs a statement"},
	{"-- name: a\n-- as-of: '-1s'\nselect 1 from t\n  for update\n", "4:3: rows that are read"},
	{"-- name: a #\n-- as-of: '-1s'\nselect 1 from t; select 2 from t\n",
	 "3:18: `as-of` needs one statement"},
	{"-- name: a\n-- as-of: '-1s'\n-- param: b int8?\nselect 1\n/*? b */ from t where b = :b "
	 "/*?*/\n",
	 "4:1: a SELECT without FROM has nothing to read `as-of` a time, when \"b\" is absent"},
	{"-- name: a\n-- as-of: '-1s'\n-- param: b int8?\nselect 1 from t\n/*? b */ union select :b\n"
	 "/*?*/\n",
	 "5:10: `as-of` needs one SELECT on top, not a set operation, when \"b\" is given"},
	{"-- name: a\n-- as-of: '-1s'\n-- priority: low\nselect 1 from t\n",
	 "2:11: a statement `as-of` a time has no isolation and no priority"},
	{"-- name: a\n-- dialect: oracle\nselect 1\n", "2:13: unknown dialect \"oracle\""},
	{"-- name: a\n-- dialect: sqlite, postgres\nselect 1\n", "2:21: unknown dialect \"postgres\""},
	{"-- name: a\n-- dialect: sqlite,\nselect 1\n", "2:20: unknown dialect \"\""},
};

static void test_mistakes(void **state)
{
	sql_file_refuse(mistakes, sizeof mistakes / sizeof *mistakes);
	assert_string_equal(sql_file_hint("-- name: a\n-- dialect: postgresq\nselect 1\n"),
						"did you mean postgresql?");
	assert_string_equal(sql_file_hint("-- name: a\n-- dialect: oracle\nselect 1\n"),
						"the dialects are cockroachdb, postgresql and sqlite");
	assert_string_equal(
		sql_file_hint("-- name: a\n-- as-of: '-1s'\nselect 1 from t union select 2\n"),
		"write: select * from (... union ...) as u");
}

/* ---- An application's own ------------------------------------------------------------------- */

static cdbc_status at(const cdbc_dialect *d, size_t number, const cdbc_sink *sink, cdbc_error **err)
{
	char text[24];
	int n = snprintf(text, sizeof text, "@p%zu", number);

	return sink->write(sink->self, text, (size_t)n, err);
}

/* AS OF at the statement's end; not of a statement that says "never". */
static cdbc_status at_end(const cdbc_dialect *d, const char *sql, size_t length,
						  const char *expression, const cdbc_sink *sink, cdbc_error **err)
{
	cdbc_status status;

	(void)err;
	if (strstr(sql, "never"))
		return CDBC_SQL_FILE;
	status = sink->write(sink->self, sql, length, err);
	if (!status)
		status = sink->write(sink->self, " as of ", 7, err);
	return status ? status : sink->write(sink->self, expression, strlen(expression), err);
}

static int add_own(void **state)
{
	cdbc_dialect d = {.struct_size = sizeof d,
					  .name = "mine",
					  .based_on = "cockroachdb",
					  .list = {"in", "not in", "select * from split(", ")"},
					  .placeholder = at,
					  .as_of = at_end};

	if (cdbc_dialect_add(&d, NULL))
		return 1;
	d = (cdbc_dialect){.struct_size = sizeof d, .name = "yours", .based_on = "postgresql"};
	return cdbc_dialect_add(&d, NULL) != CDBC_OK;
}

static int forget_own(void **state)
{
	cx_dialect_forget_added();
	return 0;
}

static const char own[] =
	"-- name: q :many\n-- param: a int8\n-- param: n int8\n-- param: ids int8[]\n-- as-of: now\n-- "
	"dialect: mine\n"
	"select x[:n], y[:m] from t where a = :a and b in (:ids) and c not /* c */ in (:ids)\n"
	"-- name: q :many\n-- dialect: postgresql\nselect 2\n"
	"-- name: parts :many\n-- param: a int8?\n-- as-of: '-1s'\n"
	"select * from t /*? a */ where a = :a /*?*/\n"
	"-- name: base :many\n-- dialect: cockroachdb\nselect 'cockroachdb'\n"
	"-- name: base :many\n-- dialect: postgresql\nselect 'postgresql'\n"
	"-- name: base :many\nselect 'all'\n"
	"-- name: numbered :many\nselect $2, $1, $2\n";

static void test_own(void **state)
{
	cdbc_catalog *catalog = sql_file_load(own);
	cdbc_rendered *rendered = NULL;
	cdbc_error *err = NULL;
	const cdbc_value items[] = {cdbc_int64(1), cdbc_int64(2)};

	check_sql(catalog, "q", "mine",
			  "select x[@p1], y[:m] from t where a = @p2 and b in (select * from split(@p3)) and c "
			  "not /* c */ in (select * from split(@p3)) as of now\n");
	check_sql(catalog, "q", "yours", "select 2\n");
	check_sql(catalog, "q", "cockroachdb", "select 2\n");
	check_sql(catalog, "parts", "mine",
			  "select * from t where a = @p1 as of '-1s'\nselect * from t as of '-1s'\n");
	check_sql(catalog, "parts", "yours", "select * from t where a = $1\nselect * from t\n");
	check_sql(catalog, "base", "mine", "select 'cockroachdb'\n");
	check_sql(catalog, "base", "yours", "select 'postgresql'\n");
	check_sql(catalog, "base", "sqlite", "select 'all'\n");
	check_sql(catalog, "numbered", "mine", "select @p2, @p1, @p2\n");
	check_sql(catalog, "numbered", "yours", "select $2, $1, $2\n");
	if (cdbc_catalog_render(
			catalog, "q", "mine",
			CDBC_PARAMS({"ids", cdbc_array(items, 2)}, {"n", cdbc_int64(4)}, {"a", cdbc_int64(5)}),
			NULL, &rendered, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_string_equal(cdbc_rendered_params(rendered).items[0].name, "n");
	assert_int_equal(cdbc_rendered_params(rendered).items[1].value.as.int64, 5);
	assert_int_equal(cdbc_rendered_params(rendered).items[2].value.as.array.count, 2);
	cdbc_rendered_free(rendered);
	assert_int_equal(
		cdbc_catalog_render(catalog, "q", "min", CDBC_NO_PARAMS, NULL, &rendered, &err),
		CDBC_NOT_FOUND);
	assert_string_equal(cdbc_error_message(err), "unknown dialect \"min\"");
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT), "did you mean mine?");
	cdbc_error_free(err);
	sql_file_keep(catalog);
}

static void test_own_mistakes(void **state)
{
	static const sql_file_mistake rows[] = {
		{"-- name: a\n-- dialect: mine\n-- as-of: 5\nselect 'never' from t\n",
		 "3:11: dialect mine: as_of failed"},
		{"-- name: a\n-- dialect: mine\n-- as-of: 5\n-- param: b int8?\nselect 1 from t\n"
		 "/*? b */ where 'never' = :b /*?*/\n",
		 "3:11: dialect mine: as_of failed"},
		{"-- name: a\n-- dialect: mines\nselect 1\n", "2:13: unknown dialect \"mines\""},
	};

	sql_file_refuse(rows, sizeof rows / sizeof *rows);
}

/* ---- Memory --------------------------------------------------------------------------------- */

static cdbc_status render_all(void *data, cdbc_error **err)
{
	static const char *const dialects[] = {"cockroachdb", "mine", "sqlite"};
	cdbc_catalog *catalog = NULL;
	cdbc_rendered *rendered = NULL;
	cdbc_status status = cdbc_catalog_new(&catalog, err);

	if (!status)
		status = cdbc_catalog_load(catalog, sql_file_path, err);
	for (size_t i = 0; i < 6 && !status; i++) {
		status = cdbc_catalog_render(catalog, i < 3 ? "parts" : "plain", dialects[i % 3],
									 CDBC_PARAMS({"a", cdbc_int64(1)}), NULL, &rendered, err);
		if (!status)
			cdbc_rendered_free(rendered);
	}
	cdbc_catalog_free(catalog);
	return status;
}

static void test_oom(void **state)
{
	sql_file_write(past);
	assert_true(oom_run(render_all, NULL) > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_of),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test_setup_teardown(test_own, add_own, forget_own),
		cmocka_unit_test_setup_teardown(test_own_mistakes, add_own, forget_own),
		cmocka_unit_test_setup_teardown(test_oom, add_own, forget_own),
	};

	return cmocka_run_group_tests(tests, sql_file_begin, sql_file_end);
}
