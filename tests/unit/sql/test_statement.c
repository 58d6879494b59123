// SPDX-License-Identifier: Apache-2.0
/* Parameters: what is one, what it becomes, and how values find their place. */
#include "data/sql/statement.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const cx_param_decl decls[] = {{"ids", {CDBC_TYPE_INT8, true, -1, -1}},
									  {"n", {CDBC_TYPE_INT4, false, -1, -1}},
									  {"t", {CDBC_TYPE_TIMESTAMPTZ, false, -1, -1}}};

/* SQL as written, with $n, with ?n (NULL: as $n with the sign changed). */
static const struct {
	const char *sql, *dollar, *question;
} rewrites[] = {
	{"select 1", "select 1", "select 1"},
	{"select :a, :b, :a", "select $1, $2, $1", "select ?1, ?2, ?1"},
	{"select :a::int, x:::int8, y::text", "select $1::int, x:::int8, y::text",
	 "select ?1::int, x:::int8, y::text"},
	{"select f(a := :x)", "select f(a := $1)", "select f(a := ?1)"},
	{"select ':a', \":a\", E'\\':a', $$:a$$, $t$ :a $x$ $t$ -- :a\n, /* :a /* :a */ :a */ :b",
	 "select ':a', \":a\", E'\\':a', $$:a$$, $t$ :a $x$ $t$ -- :a\n, /* :a /* :a */ :a */ $1",
	 "select ':a', \":a\", E'\\':a', $$:a$$, $t$ :a $x$ $t$ -- :a\n, /* :a /* :a */ :a */ ?1"},
	{"select b'\\':a', B':a', x':a', U&':a', U&\":a\", N':a', :c",
	 "select b'\\':a', B':a', x':a', U&':a', U&\":a\", N':a', $1",
	 "select b'\\':a', B':a', x':a', U&':a', U&\":a\", N':a', ?1"},
	{"select E'a'\n'\\':a', :b", "select E'a'\n'\\':a', $1", "select E'a'\n'\\':a', ?1"},
	{"select E'a' -- c\n -- d\n '\\':a', :b", "select E'a' -- c\n -- d\n '\\':a', $1",
	 "select E'a' -- c\n -- d\n '\\':a', ?1"},
	{"select 'a'\n'\\', :b", "select 'a'\n'\\', $1", "select 'a'\n'\\', ?1"},
	{"select * from t@idx where a = :a and b @> c and d ? 'x'",
	 "select * from t@idx where a = $1 and b @> c and d ? 'x'",
	 "select * from t@idx where a = ?1 and b @> c and d ? 'x'"},
	/* slices */
	{"select a[1:x], a[:x], a[x:], a[:], a[i:j]", "select a[1:x], a[:x], a[x:], a[:], a[i:j]",
	 "select a[1:x], a[:x], a[x:], a[:], a[i:j]"},
	{"select a[:n]", "select a[$1]", "select a[?1]"},
	{"select a[:n:x], a[1 : :x], a[(:y)], a[1 + :z], b[f(x, :w)]",
	 "select a[$1:x], a[1 : $2], a[($3)], a[1 + $4], b[f(x, $5)]",
	 "select a[?1:x], a[1 : ?2], a[(?3)], a[1 + ?4], b[f(x, ?5)]"},
	{"select array[:a, :b], ARRAY[[:c], [:d]], array[:a][:x]",
	 "select array[$1, $2], ARRAY[[$3], [$4]], array[$1][:x]",
	 "select array[?1, ?2], ARRAY[[?3], [?4]], array[?1][:x]"},
	{"select f(x)[1:y], (a)[b:c], t.array[:x], \"array\"[:x]",
	 "select f(x)[1:y], (a)[b:c], t.array[:x], \"array\"[:x]",
	 "select f(x)[1:y], (a)[b:c], t.array[:x], \"array\"[:x]"},
	{"select a[case when :x then 1 else :y end]", "select a[case when $1 then 1 else $2 end]",
	 "select a[case when ?1 then 1 else ?2 end]"},
	{"select * from [insert into t values (:a) returning id]",
	 "select * from [insert into t values ($1) returning id]",
	 "select * from [insert into t values (?1) returning id]"},
	/* lists */
	{"select position('x' in (:p)), f((:a) in (:b)) where position(:c in x) > 0 and y in (:d)",
	 "select position('x' in ($1)), f(($2) = any($3)) where position($4 in x) > 0 and y = any($5)",
	 "select position('x' in (?1)), f((?2) in (select value from json_each(ifnull(?3, '[null]')))) "
	 "where "
	 "position(?4 in x) > 0 and y in (select value from json_each(ifnull(?5, '[null]')))"},
	{"select t.position in (:a)", "select t.position = any($1)",
	 "select t.position in (select value from json_each(ifnull(?1, '[null]')))"},
	{"select position((a in (:a))::text in (:b))", "select position((a = any($1))::text in ($2))",
	 "select position((a in (select value from json_each(ifnull(?1, '[null]'))))::text in (?2))"},
	{"select * from t where id in (:ids)", "select * from t where id = any($1)",
	 "select * from t where id in (select value from json_each(ifnull(?1, '[null]')))"},
	{"select * from t where id NOT  IN ( :x )", "select * from t where id <> all( $1 )",
	 "select * from t where id NOT  IN ( select value from json_each(ifnull(?1, '[null]')) )"},
	{"where id not /* a */ in /* b */ (:x /* c */)", "where id <> /* a */ all /* b */ ($1 /* c */)",
	 "where id not /* a */ in /* b */ (select value from json_each(ifnull(?1, '[null]')) /* c */)"},
	{"where id in (:a, :b) or id in (:a + 1)", "where id in ($1, $2) or id in ($1 + 1)",
	 "where id in (?1, ?2) or id in (?1 + 1)"},
	{"where a in(:x)and b in (:y)", "where a = any($1)and b = any($2)",
	 "where a in(select value from json_each(ifnull(?1, '[null]')))and b in (select value from "
	 "json_each(ifnull(?2, '[null]')))"},
	{"where x.in (:a)", "where x.in ($1)", "where x.in (?1)"},
	/* a placeholder never joins the word before it */
	{"select a from t limit:x", "select a from t limit $1", "select a from t limit ?1"},
	{"select $1, $2", "select $1, $2", "select ?1, ?2"},
	{"select 1$1, $02", "select 1$1, $02", "select 1 ?1, ?2"},
	{"select $2, $1, $$ $3 $$", "select $2, $1, $$ $3 $$", "select ?2, ?1, $$ $3 $$"},
	{"prepare p as select $1", "prepare p as select $1", "prepare p as select $1"},
	{"select 1..2, 1.5e3, .5, 0x1F, 1_000, :a", "select 1..2, 1.5e3, .5, 0x1F, 1_000, $1",
	 "select 1..2, 1.5e3, .5, 0x1F, 1_000, ?1"},
	{"select a->>:k, b=:v, c<:w", "select a->>$1, b=$2, c<$3", "select a->>?1, b=?2, c<?3"},
	{"select :größe", "select $1", "select ?1"},
	{"select 1 /*/ :a */, /**/:b", "select 1 /*/ :a */, /**/$1", "select 1 /*/ :a */, /**/?1"},
};

static void test_rewrites(void **state)
{
	for (size_t i = 0; i < sizeof rewrites / sizeof *rewrites; i++) {
		cx_statement *s = NULL, *q = NULL;
		cdbc_error *err = NULL;

		if (cx_statement_parse(rewrites[i].sql, strlen(rewrites[i].sql), &cx_dialect_postgresql,
							   decls, 3, &s, &err))
			fail_msg("%s: %s", rewrites[i].sql, cdbc_error_message(err));
		assert_string_equal(s->sql, rewrites[i].dollar);
		assert_int_equal(s->sql_length, strlen(s->sql));
		assert_int_equal(cx_statement_parse(rewrites[i].sql, strlen(rewrites[i].sql),
											&cx_dialect_sqlite, decls, 3, &q, NULL),
						 0);
		assert_string_equal(q->sql, rewrites[i].question);
		assert_true(q->id != s->id && q->id && s->id);
		assert_int_equal(q->param_count, s->param_count);
		cx_statement_unref(s);
		cx_statement_unref(q);
	}
}

static const struct {
	const char *sql;
	size_t length; /* 0: strlen */
	cdbc_status status;
	const char *message;
} refusals[] = {
	{"select 'abc", 0, CDBC_SQL_FILE, "1:8: string without its closing quote"},
	{"select\n  \"abc\n", 0, CDBC_SQL_FILE, "2:3: quoted name without its closing quote"},
	{"select /* a /* b */", 0, CDBC_SQL_FILE, "1:8: comment without its end"},
	{"select $x$ abc $y$", 0, CDBC_SQL_FILE, "1:8: dollar-quoted string without its closing tag"},
	{"select 'é', E'\\'", 0, CDBC_SQL_FILE, "1:13: string without its closing quote"},
	{"select 'a\nb\xff', 1", 0, CDBC_SQL_FILE, "2:2: invalid UTF-8"},
	{"select \0 1", 10, CDBC_SQL_FILE, "1:8: NUL byte"},
	{"select (1, [2)", 0, CDBC_SQL_FILE, "1:14: `)` closes no `(`"},
	{"select 1)", 0, CDBC_SQL_FILE, "1:9: `)` closes no `(`"},
	{"select a[1", 0, CDBC_SQL_FILE, "1:9: `[` is never closed"},
	{"select (1, (2, 3)\n", 0, CDBC_SQL_FILE, "1:8: `(` is never closed"},
	{"select :'x'", 0, CDBC_SQL_FILE, "1:8: psql's quoted variable is not known here"},
	{"select :\"x\"", 0, CDBC_SQL_FILE, "1:8: psql's quoted variable is not known here"},
	{"select :a, $1", 0, CDBC_PARAM, "1:12: $1 beside a parameter with a name"},
	{"select $1, :a", 0, CDBC_PARAM, "1:12: a parameter with a name beside $1"},
	{"select $0", 0, CDBC_PARAM, "1:8: there is no parameter of that number: from $1 to $65535"},
	{"select $99999999999999999999999", 0, CDBC_PARAM,
	 "1:8: there is no parameter of that number: from $1 to $65535"},
	{"where a in (:n)", 0, CDBC_PARAM,
	 "1:13: parameter \"n\" stands in a list, but is declared as a single int4"},
	{"copy t from stdin; select 2;\n1\n\\.\n", 0, CDBC_SQL_FILE,
	 "1:29: rows after COPY ... FROM STDIN cannot be run from here"},
	{"copy t from stdin;\n1\n\\.\n", 0, CDBC_SQL_FILE,
	 "1:19: rows after COPY ... FROM STDIN cannot be run from here"},
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		size_t length = refusals[i].length ? refusals[i].length : strlen(refusals[i].sql);
		cx_statement *s = NULL;
		cdbc_error *err = NULL;

		assert_int_equal(
			cx_statement_parse(refusals[i].sql, length, &cx_dialect_postgresql, decls, 3, &s, &err),
			refusals[i].status);
		assert_null(s);
		assert_string_equal(cdbc_error_message(err), refusals[i].message);
		assert_true(cdbc_error_line(err) > 0 && cdbc_error_column(err) > 0 &&
					cdbc_error_position(err) > 0);
		cdbc_error_free(err);
	}
}

static cx_statement *parse(const char *sql)
{
	cx_statement *s = NULL;

	assert_int_equal(
		cx_statement_parse(sql, strlen(sql), &cx_dialect_postgresql, decls, 3, &s, NULL), CDBC_OK);
	return s;
}

static void test_bind(void **state)
{
	cx_statement *s = parse("select :a, :n, :b");
	cdbc_value v[3];

	assert_int_equal(cx_statement_bind(s,
									   CDBC_PARAMS({"a", cdbc_int64(1)}, {"n", cdbc_int64(2)},
												   {"b", cdbc_string("x")}),
									   v, NULL),
					 0);
	assert_int_equal(v[0].as.int64, 1);
	assert_int_equal(v[0].type.id, CDBC_TYPE_UNKNOWN);
	assert_int_equal(v[1].type.id, CDBC_TYPE_INT4);
	assert_string_equal(v[2].as.text.data, "x");
	memset(v, 0, sizeof v);
	assert_int_equal(cx_statement_bind(s,
									   CDBC_PARAMS({"b", cdbc_null()}, {"n", cdbc_int64(2)},
												   {"a", cdbc_int64(1)}),
									   v, NULL),
					 0);
	assert_int_equal(v[0].as.int64, 1);
	assert_int_equal(v[1].as.int64, 2);
	assert_int_equal(v[2].kind, CDBC_VALUE_NULL);
	cx_statement_unref(s);
	s = parse("select $2, $1");
	assert_int_equal(
		cx_statement_bind(s, CDBC_PARAMS({NULL, cdbc_int64(1)}, {NULL, cdbc_int64(2)}), v, NULL),
		0);
	assert_int_equal(v[1].as.int64, 2);
	assert_int_equal(
		cx_statement_bind(s, CDBC_PARAMS({"2", cdbc_int64(1)}, {"$1", cdbc_int64(2)}), v, NULL), 0);
	assert_int_equal(v[0].as.int64, 2);
	cx_statement_unref(s);
	s = parse("select 1");
	assert_int_equal(cx_statement_bind(s, CDBC_NO_PARAMS, v, NULL), 0);
	cx_statement_unref(s);
}

static void refuse(const cx_statement *s, cdbc_params params, const char *message, const char *hint)
{
	cdbc_value v[4];
	cdbc_error *err = NULL;

	assert_int_equal(cx_statement_bind(s, params, v, &err), CDBC_PARAM);
	assert_string_equal(cdbc_error_message(err), message);
	if (hint)
		assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT), hint);
	cdbc_error_free(err);
}

static void test_bind_refuses(void **state)
{
	cdbc_value items[] = {cdbc_int64(1), cdbc_string("\xff")}, nested[] = {cdbc_array(items, 1)};
	cx_statement *s = parse("select :user_id, :n where :x in (:ids) and y in (:list)");

	(void)nested;
	cx_statement_unref(s);
	s = parse("select :user_id, :n");
	refuse(s, CDBC_PARAMS({"user_id", cdbc_int64(1)}), "parameter \"n\" is missing", NULL);
	refuse(s, CDBC_PARAMS({"usr_id", cdbc_int64(1)}),
		   "there is no parameter \"usr_id\" in the statement", "did you mean \"user_id\"?");
	refuse(s, CDBC_PARAMS({"n", cdbc_int64(1)}, {"n", cdbc_int64(1)}),
		   "parameter \"n\" is given twice", NULL);
	refuse(s, CDBC_PARAMS({"user_id", cdbc_null()}, {"n", cdbc_int64(1)}, {"user_id", cdbc_null()}),
		   "parameter \"user_id\" is given twice", NULL);
	refuse(s, CDBC_PARAMS({"user_id", cdbc_string("a\xff")}, {"n", cdbc_null()}),
		   "parameter \"user_id\" is not valid UTF-8", NULL);
	refuse(s, CDBC_PARAMS({"n", cdbc_text_n("a\0b", 3)}), "parameter \"n\" holds a NUL byte", NULL);
	refuse(s, CDBC_PARAMS({NULL, cdbc_int64(1)}),
		   "a value without a name, but the statement's parameters have names",
		   "the first one is \"user_id\"");
	refuse(s, CDBC_PARAMS({"user_id", cdbc_null()}, {"n", cdbc_array(items, 1)}),
		   "parameter \"n\" takes one value, not an array", NULL);
	cx_statement_unref(s);
	s = parse("select 1 where y in (:list) and :_user = 1");
	refuse(s, CDBC_PARAMS({"list", cdbc_int64(1)}),
		   "parameter \"list\" stands in a list: it takes an array", NULL);
	refuse(s, CDBC_PARAMS({"list", cdbc_string("{1}")}),
		   "parameter \"list\" stands in a list: it takes an array", NULL);
	refuse(s, CDBC_PARAMS({"list", cdbc_array(items, 2)}), "parameter \"list\" is not valid UTF-8",
		   NULL);
	refuse(s, CDBC_PARAMS({"list", cdbc_array(nested, 1)}),
		   "parameter \"list\" is an array of arrays", NULL);
	refuse(s, CDBC_PARAMS({"list", cdbc_null()}, {"_user", cdbc_string("root")}),
		   "parameter \"_user\" is filled in here, a caller cannot set it", NULL);
	refuse(s, CDBC_PARAMS({"_user", cdbc_string("root")}, {"list", cdbc_null()}),
		   "parameter \"_user\" is filled in here, a caller cannot set it", NULL);
	cx_statement_unref(s);
	s = parse("select $1, $2");
	refuse(s, CDBC_PARAMS({NULL, cdbc_int64(1)}), "parameter \"$2\" is missing", NULL);
	refuse(s, CDBC_PARAMS({NULL, cdbc_int64(1)}, {NULL, cdbc_int64(1)}, {NULL, cdbc_int64(1)}),
		   "3 values are given, the statement takes 2", NULL);
	refuse(s, CDBC_PARAMS({"x", cdbc_int64(1)}), "there is no parameter \"x\" in the statement",
		   NULL);
	cx_statement_unref(s);
	s = parse("select 1");
	refuse(s, CDBC_PARAMS({"x", cdbc_int64(1)}),
		   "the statement takes no parameters, but \"x\" is given", NULL);
	cx_statement_unref(s);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	const char *sql =
		"select :a, :b, :c, :d, :e, :f, :g from t where x in (:ids) and not y not in (:zs)";
	cx_statement *one = NULL, *two = NULL;
	cdbc_status status = cx_statement_parse_both(sql, strlen(sql), decls, 3, &one, &two, err);

	if (!status) {
		cx_statement_ref(one);
		cx_statement_unref(one);
	}
	cx_statement_unref(one);
	cx_statement_unref(two);
	return status;
}

static void test_out_of_memory(void **state)
{
	assert_true(oom_run(scenario, NULL) >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rewrites),      cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bind),          cmocka_unit_test(test_bind_refuses),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
