// SPDX-License-Identifier: Apache-2.0
/* The three dialects, function by function; names that mean harm; and dialects that are added. */
#include "data/sql/dialect.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *const dialects[] = {"cockroachdb", "postgresql", "sqlite"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- Placeholders, lists, facts ------------------------------------------------------------- */

static void test_placeholder(void **state)
{
	static const char *const expected[] = {"$1 $65535", "$1 $65535", "?1 ?65535"};

	for (size_t i = 0; i < 3; i++) {
		const cdbc_dialect *d = cdbc_dialect_find(dialects[i]);
		cx_buf out = CX_BUF_INIT(100);
		cdbc_sink sink = cx_dialect_sink(&out);

		assert_int_equal(d->placeholder(d, 1, &sink, NULL), CDBC_OK);
		cx_buf_putc(&out, ' ');
		assert_int_equal(d->placeholder(d, 65535, &sink, NULL), CDBC_OK);
		assert_string_equal(out.data, expected[i]);
		cx_buf_free(&out);
	}
}

static void test_facts(void **state)
{
	const cdbc_dialect *c = cdbc_dialect_find("cockroachdb"), *p = cdbc_dialect_find("postgresql"),
					   *s = cdbc_dialect_find("sqlite");

	assert_string_equal(c->based_on, "postgresql");
	assert_null(p->based_on);
	assert_null(s->based_on);
	assert_non_null(c->as_of);
	assert_null(p->as_of);
	assert_null(s->as_of);
	assert_int_equal(c->features, p->features);
	assert_true(p->features & CDBC_DIALECT_ARRAYS);
	assert_false(s->features & (CDBC_DIALECT_ARRAYS | CDBC_DIALECT_READ_ONLY));
	assert_true(s->features & CDBC_DIALECT_RETURNING);
	assert_true(s->features & CDBC_DIALECT_SAVEPOINTS);
	assert_string_equal(p->list.not_in, "<> all");
	assert_string_equal(s->list.before, "select value from json_each(ifnull(");
	for (size_t i = 0; i < 3; i++) {
		const cdbc_dialect *d = cdbc_dialect_find(dialects[i]);

		assert_string_equal(d->name, dialects[i]);
		assert_int_equal(d->struct_size, sizeof *d);
	}
}

/* ---- Names ---------------------------------------------------------------------------------- */

#define LETTERS_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static const struct {
	const char *name;
	size_t length; /* 0: all of it */
	const char *quoted;
	const char *error;      /* of all */
	const char *postgresql; /* of it alone */
} names[] = {
	{"a", 0, "\"a\"", NULL, NULL},
	{"Select", 0, "\"Select\"", NULL, NULL},
	{"a\"b", 0, "\"a\"\"b\"", NULL, NULL},
	{"\"", 0, "\"\"\"\"", NULL, NULL},
	{"\"; drop table t; --", 0, "\"\"\"; drop table t; --\"", NULL, NULL},
	{"a\\\"", 0, "\"a\\\"\"\"", NULL, NULL},
	{"$1 ?1 :a @b", 0, "\"$1 ?1 :a @b\"", NULL, NULL},
	{"a.b", 0, "\"a.b\"", NULL, NULL},
	{"a\nb", 0, "\"a\nb\"", NULL, NULL},
	{"größe \xf0\x9f\x8c\x8d", 0, "\"größe \xf0\x9f\x8c\x8d\"", NULL, NULL},
	{LETTERS_63, 0, "\"" LETTERS_63 "\"", NULL, NULL},
	{LETTERS_63 "l", 0, "\"" LETTERS_63 "l\"", NULL,
	 "an identifier of 64 bytes: postgresql keeps 63"},
	{"", 0, NULL, "an identifier is empty", NULL},
	{"a\0b", 3, NULL, "an identifier holds a NUL byte", NULL},
	{"a\0", 2, NULL, "an identifier holds a NUL byte", NULL},
	{"a\xff", 0, NULL, "an identifier is not valid UTF-8", NULL},
	{"\xed\xa0\x80", 0, NULL, "an identifier is not valid UTF-8", NULL},
	{"a\xc3", 0, NULL, "an identifier is not valid UTF-8", NULL},
};

static void test_identifier(void **state)
{
	for (size_t i = 0; i < COUNT(names); i++)
		for (size_t k = 0; k < 3; k++) {
			const cdbc_dialect *d = cdbc_dialect_find(dialects[k]);
			const char *wrong = names[i].error;
			size_t length = names[i].length ? names[i].length : strlen(names[i].name);
			cx_buf out = CX_BUF_INIT(1000);
			cdbc_sink sink = cx_dialect_sink(&out);
			cdbc_error *err = NULL;
			cdbc_status status = d->identifier(d, names[i].name, length, &sink, &err);

			if (!wrong && k == 1)
				wrong = names[i].postgresql;
			assert_int_equal(status, wrong ? CDBC_USAGE : CDBC_OK);
			if (wrong)
				assert_string_equal(cdbc_error_message(err), wrong);
			else
				assert_string_equal(out.data, names[i].quoted);
			cdbc_error_free(err);
			cx_buf_free(&out);
		}
}

/* ---- Inserts -------------------------------------------------------------------------------- */

static const char *const columns[] = {"id", "na\"me"}, *const types[] = {"int8", "numeric(10,2)"},
						 *const keys[] = {"id"}, *const updates[] = {"na\"me"};

static const cdbc_dialect_insert full = {sizeof full, "s",  "t", columns, types,
										 2,           keys, 1,   updates, 1};

static void check_text(const char *dialect, bool is_rows, const cdbc_dialect_insert *insert,
					   const char *expected)
{
	const cdbc_dialect *d = cdbc_dialect_find(dialect);
	cx_buf out = CX_BUF_INIT(100000);
	cdbc_sink sink = cx_dialect_sink(&out);
	cdbc_error *err = NULL;

	if ((is_rows ? d->rows : d->upsert)(d, insert, &sink, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_string_equal(out.data, expected);
	cx_buf_free(&out);
}

static void check_refused(bool is_rows, const cdbc_dialect_insert *insert, const char *expected)
{
	for (size_t i = 0; i < 3; i++) {
		const cdbc_dialect *d = cdbc_dialect_find(dialects[i]);
		cx_buf out = CX_BUF_INIT(100000);
		cdbc_sink sink = cx_dialect_sink(&out);
		cdbc_error *err = NULL;

		assert_int_equal((is_rows ? d->rows : d->upsert)(d, insert, &sink, &err), CDBC_USAGE);
		assert_string_equal(cdbc_error_message(err), expected);
		cdbc_error_free(err);
		cx_buf_free(&out);
	}
}

static void test_upsert(void **state)
{
	cdbc_dialect_insert i = full;

	check_text("postgresql", false, &i,
			   "insert into \"s\".\"t\" (\"id\", \"na\"\"me\") values ($1, $2) on conflict "
			   "(\"id\") do update set \"na\"\"me\" = excluded.\"na\"\"me\"");
	check_text("cockroachdb", false, &i,
			   "insert into \"s\".\"t\" (\"id\", \"na\"\"me\") values ($1, $2) on conflict "
			   "(\"id\") do update set \"na\"\"me\" = excluded.\"na\"\"me\"");
	i.update_count = 0;
	i.schema = NULL;
	check_text("sqlite", false, &i,
			   "insert into \"t\" (\"id\", \"na\"\"me\") values (?1, ?2) on conflict (\"id\") do "
			   "nothing");
	i.key_count = 0;
	check_refused(false, &i, "insert: no keys, so nothing says which row is there already");
	i = full;
	i.table = NULL;
	check_refused(false, &i, "insert: no table");
	i.table = "";
	check_refused(false, &i, "an identifier is empty");
	i = full;
	i.column_count = 0;
	check_refused(false, &i, "insert: no columns");
	i.column_count = 65536;
	check_refused(false, &i, "insert: more than 65535 columns");
	i = full;
	i.updates = NULL;
	check_refused(false, &i, "insert: a list is NULL");
	i = full;
	i.struct_size = 8;
	check_refused(false, &i, "an insert without its struct_size");
}

static void test_rows(void **state)
{
	static const struct {
		const char *type, *error;
	} wrong[] = {
		{"int8[]", "insert: a column of the array type \"int8[]\""},
		{"int8 -- x", "insert: type \"int8 -- x\": a comment"},
		{"int8) from x; --", "insert: type \"int8) from x; --\": a comment"},
		{"int8)", "insert: type \"int8)\": `)` does not belong to a type"},
		{NULL, "insert: a column's type is NULL"},
	};
	cdbc_dialect_insert i = full;

	check_text("postgresql", true, &i,
			   "insert into \"s\".\"t\" (\"id\", \"na\"\"me\") select * from unnest($1::int8[], "
			   "$2::numeric(10,2)[]) on conflict (\"id\") do update set \"na\"\"me\" = "
			   "excluded.\"na\"\"me\"");
	i.key_count = i.update_count = 0;
	i.schema = NULL;
	check_text("cockroachdb", true, &i,
			   "insert into \"t\" (\"id\", \"na\"\"me\") select * from unnest($1::int8[], "
			   "$2::numeric(10,2)[])");
	check_text("sqlite", true, &i,
			   "insert into \"t\" (\"id\", \"na\"\"me\") select max(iif(c = 1, v, null)), "
			   "max(iif(c = 2, v, null)) from (select key as n, 1 as c, value as v from "
			   "json_each(?1) union all select key, 2, value from json_each(?2)) where true group "
			   "by n order by n");
	i.update_count = 1;
	check_refused(true, &i, "insert: columns to update, but no keys");
	i = full;
	i.types = NULL;
	check_refused(true, &i, "insert: no types");
	for (size_t k = 0; k < COUNT(wrong); k++) {
		const char *own[] = {"text", wrong[k].type};

		i.types = own;
		check_refused(true, &i, wrong[k].error);
	}
	i = full;
	{
		const cdbc_dialect *d = cdbc_dialect_find("sqlite");
		cdbc_error *err = NULL;

		i.column_count = 501;
		assert_int_equal(d->rows(d, &i, NULL, &err), CDBC_USAGE);
		assert_string_equal(cdbc_error_message(err), "insert: more than 500 columns");
		cdbc_error_free(err);
	}
}

/* ---- Pages ---------------------------------------------------------------------------------- */

static const char *const by[] = {"at", "id"};
static const struct {
	const char *sql;
	cdbc_dialect_page page;
	const char *dollar, *error;
	cdbc_status status;
} pages[] = {
	{"select 1; -- end",
	 {sizeof(cdbc_dialect_page), by, 1, false, false, false, 1},
	 "select * from (select 1) as \"page\" order by \"at\" limit $1",
	 NULL,
	 CDBC_OK},
	{"/* a */ (select a from t -- x\nlimit $1)",
	 {sizeof(cdbc_dialect_page), by, 2, true, false, true, 2},
	 "select * from ((select a from t -- x\nlimit $1)) as \"page\" order by \"at\" desc, "
	 "\"id\" desc limit $2 offset $3",
	 NULL,
	 CDBC_OK},
	{"with x as (select 1) select * from x",
	 {sizeof(cdbc_dialect_page), by, 2, true, true, false, 1},
	 "select * from (with x as (select 1) select * from x) as \"page\" where (\"at\", \"id\") "
	 "< ($1, $2) order by \"at\" desc, \"id\" desc limit $3",
	 NULL,
	 CDBC_OK},
	{"values (1)",
	 {sizeof(cdbc_dialect_page), by, 1, false, true, false, 7},
	 "select * from (values (1)) as \"page\" where (\"at\") > ($7) order by \"at\" limit $8",
	 NULL,
	 CDBC_OK},
#define BAD(text, message)                                                      \
	{                                                                           \
		text, {sizeof(cdbc_dialect_page), by, 1, false, false, false, 1}, NULL, \
			"page of a statement: " message, CDBC_SQL_FILE                      \
	}
	BAD("delete from t", "no SELECT"),
	BAD("", "no SELECT"),
	BAD("-- only", "no SELECT"),
	BAD("; select 1", "no SELECT"),
	BAD("select 1; select 2", "a second statement"),
	BAD("select (1", "a bracket is never closed"),
	BAD("select 1) x, (select 2", "a bracket that closes none"),
	BAD("select 'a", "a string in '..' is never closed"),
#undef BAD
	{"select 1",
	 {sizeof(cdbc_dialect_page), NULL, 0, false, false, false, 1},
	 NULL,
	 "page: no keys, so it has no order",
	 CDBC_USAGE},
	{"select 1",
	 {sizeof(cdbc_dialect_page), by, 1, false, true, true, 1},
	 NULL,
	 "page: rows after a key and an offset, which do not go together",
	 CDBC_USAGE},
	{"select 1",
	 {sizeof(cdbc_dialect_page), by, 1, false, false, false, 0},
	 NULL,
	 "page: no numbers for its parameters",
	 CDBC_USAGE},
	{"select 1",
	 {sizeof(cdbc_dialect_page), by, 1, false, false, false, SIZE_MAX},
	 NULL,
	 "page: no numbers for its parameters",
	 CDBC_USAGE},
	{"select 1", {0}, NULL, "a page without its struct_size", CDBC_USAGE},
};

static void test_page(void **state)
{
	for (size_t i = 0; i < COUNT(pages); i++)
		for (size_t k = 0; k < 3; k++) {
			const cdbc_dialect *d = cdbc_dialect_find(dialects[k]);
			cx_buf out = CX_BUF_INIT(10000);
			cdbc_sink sink = cx_dialect_sink(&out);
			cdbc_error *err = NULL;

			assert_int_equal(
				d->page(d, pages[i].sql, strlen(pages[i].sql), &pages[i].page, &sink, &err),
				pages[i].status);
			if (pages[i].error) {
				if (strncmp(pages[i].sql, "select 'a", 9) != 0)
					assert_string_equal(cdbc_error_message(err), pages[i].error);
			} else if (k < 2) {
				assert_string_equal(out.data, pages[i].dollar);
			} else {
				assert_non_null(strstr(out.data, "limit ?"));
				assert_null(strstr(strstr(out.data, "\"page\""), "$"));
			}
			cdbc_error_free(err);
			cx_buf_free(&out);
		}
}

/* ---- A sink that fails ---------------------------------------------------------------------- */

static cdbc_status write_some(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	int *left = self;

	return (*left)-- > 0 ? CDBC_OK : CDBC_IO;
}

static void test_sink_fails(void **state)
{
	cdbc_dialect_page page = {sizeof page, by, 2, false, true, false, 1};
	int left;
	cdbc_sink sink = {sizeof sink, write_some, &left};

	for (size_t k = 0; k < 3; k++) {
		const cdbc_dialect *d = cdbc_dialect_find(dialects[k]);
		int n[3] = {0};

		for (; left = n[0], d->upsert(d, &full, &sink, NULL) != CDBC_OK; n[0]++)
			;
		for (; left = n[1], d->rows(d, &full, &sink, NULL) != CDBC_OK; n[1]++)
			;
		for (; left = n[2], d->page(d, "select 1", 8, &page, &sink, NULL) != CDBC_OK; n[2]++)
			;
		assert_true(n[0] > 10 && n[1] > 10 && n[2] > 10);
	}
}

/* ---- Those of an application ---------------------------------------------------------------- */

static cdbc_status colon(const cdbc_dialect *d, size_t number, const cdbc_sink *sink,
						 cdbc_error **err)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%s%zu", (const char *)d->self, number);

	return sink->write(sink->self, text, (size_t)n, err);
}

static void test_added(void **state)
{
	char name[] = "my-db", base[] = "cockroachdb", mark[] = ":p";
	cdbc_dialect own = {.struct_size = sizeof own, .name = name, .based_on = base};
	const cdbc_dialect *d;
	cdbc_error *err = NULL;

	assert_null(cdbc_dialect_find("my-db"));
	assert_int_equal(cdbc_dialect_add(&own, &err), CDBC_OK);
	memset(name, 'x', 5); /* it was copied */
	memset(base, 'x', 5);
	d = cdbc_dialect_find("my-db");
	assert_non_null(d);
	assert_ptr_equal(d->as_of, cdbc_dialect_find("cockroachdb")->as_of);
	assert_string_equal(d->based_on, "cockroachdb");
	assert_int_equal(((const cx_dialect *)d)->form, CX_FORM_DOLLAR);
	own = (cdbc_dialect){.struct_size = sizeof own,
						 .name = "other",
						 .based_on = "my-db",
						 .placeholder = colon,
						 .features = CDBC_DIALECT_RETURNING,
						 .self = mark};
	assert_int_equal(cdbc_dialect_add(&own, &err), CDBC_OK);
	d = cdbc_dialect_find("other");
	assert_int_equal(((const cx_dialect *)d)->form, CX_FORM_OWN);
	assert_int_equal(d->features, CDBC_DIALECT_RETURNING);
	assert_string_equal(cx_dialect_family((const cx_dialect *)d), "cockroachdb");
	assert_string_equal(cx_dialect_family(&cx_dialect_cockroachdb), "cockroachdb");
	assert_string_equal(cx_dialect_family(&cx_dialect_other[1]), "other");
	assert_null(cx_dialect_family(NULL));
	assert_string_equal(((const cx_dialect *)d)->based_on->api.name, "my-db");
	check_text("other", false, &full,
			   "insert into \"s\".\"t\" (\"id\", \"na\"\"me\") values (:p1, :p2) on conflict "
			   "(\"id\") do update set \"na\"\"me\" = excluded.\"na\"\"me\"");
	own = (cdbc_dialect){.struct_size = sizeof own, .name = "lite2", .based_on = "sqlite"};
	assert_int_equal(cdbc_dialect_add(&own, &err), CDBC_OK);
	assert_int_equal(((const cx_dialect *)cdbc_dialect_find("lite2"))->form, CX_FORM_QUESTION);
	assert_int_equal(cdbc_dialect_get("lite3", &d, &err), CDBC_NOT_FOUND);
	assert_string_equal(cdbc_error_message(err), "unknown dialect \"lite3\"");
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT), "did you mean lite2?");
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cdbc_dialect_get("oracle", &d, &err), CDBC_NOT_FOUND);
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT),
						"the dialects are cockroachdb, postgresql, sqlite, lite2, other and my-db");
	cdbc_error_free(err);
	cx_dialect_forget_added();
	assert_null(cdbc_dialect_find("my-db"));
	assert_null(cdbc_dialect_find(NULL));
	err = NULL;
	assert_int_equal(cdbc_dialect_get(NULL, &d, &err), CDBC_USAGE);
	assert_string_equal(cdbc_error_message(err), "a dialect without a name was asked for");
	cdbc_error_free(err);
	err = NULL;
	assert_int_equal(cdbc_dialect_add(NULL, &err), CDBC_USAGE);
	assert_string_equal(cdbc_error_message(err), "add dialect: it is NULL");
	cdbc_error_free(err);
}

static void test_not_added(void **state)
{
	static const struct {
		cdbc_dialect dialect;
		const char *error;
	} rows[] = {
		{{.struct_size = 8, .name = "a"},
		 "add dialect: its struct_size of 8 ends before placeholder"},
		{{.struct_size = sizeof(cdbc_dialect)}, "add dialect: it has no name"},
		{{.struct_size = sizeof(cdbc_dialect), .name = ""}, "add dialect: it has no name"},
		{{.struct_size = sizeof(cdbc_dialect), .name = "My"},
		 "add dialect \"My\": small letters, digits, _ and - only, at most 40"},
		{{.struct_size = sizeof(cdbc_dialect), .name = "a23456789a23456789a23456789a23456789abcde"},
		 "add dialect \"a23456789a23456789a23456789a23456789abcd\": small letters, digits, _ and - "
		 "only, at most 40"},
		{{.struct_size = sizeof(cdbc_dialect), .name = "a", .based_on = "b"},
		 "add dialect a: based on \"b\", which is unknown"},
		{{.struct_size = sizeof(cdbc_dialect), .name = "a"},
		 "add dialect a: a function, or a part of its list, is NULL, and it is based on no other"},
		{{.struct_size = sizeof(cdbc_dialect),
		  .name = "a",
		  .based_on = "sqlite",
		  .list = {"in", NULL, NULL, NULL}},
		 "add dialect a: a function, or a part of its list, is NULL, and the list needs all four "
		 "or none"},
		{{.struct_size = sizeof(cdbc_dialect), .name = "sqlite", .based_on = "sqlite"},
		 "add dialect sqlite: there is one of that name"},
	};
	cdbc_error *err = NULL;
	cdbc_dialect own = {.struct_size = sizeof own, .based_on = "postgresql"};
	char name[24];

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(cdbc_dialect_add(&rows[i].dialect, &err), CDBC_USAGE);
		assert_string_equal(cdbc_error_message(err), rows[i].error);
		cdbc_error_free(err);
		err = NULL;
	}
	assert_int_equal(cdbc_dialect_add(NULL, NULL), CDBC_USAGE);
	for (int i = 3; i < CX_DIALECTS_MAX; i++) {
		snprintf(name, sizeof name, "d%d", i);
		own.name = name;
		assert_int_equal(cdbc_dialect_add(&own, NULL), CDBC_OK);
		assert_int_equal(((const cx_dialect *)cdbc_dialect_find(name))->bit, 1u << i);
	}
	own.name = "more";
	assert_int_equal(cdbc_dialect_add(&own, &err), CDBC_RESOURCE);
	cdbc_error_free(err);
	cx_dialect_forget_added();
}

/* An older dialect, whose struct ends early. */
static void test_small_struct(void **state)
{
	cdbc_dialect own = {.struct_size = offsetof(cdbc_dialect, identifier),
						.name = "old",
						.based_on = "postgresql",
						.placeholder = colon,
						.rows = (void *)(uintptr_t)1};

	assert_int_equal(cdbc_dialect_add(&own, NULL), CDBC_OK);
	assert_ptr_equal(cdbc_dialect_find("old")->rows, cdbc_dialect_find("postgresql")->rows);
	assert_ptr_equal(cdbc_dialect_find("old")->placeholder, colon);
	cx_dialect_forget_added();
}

static cdbc_status add_scenario(void *data, cdbc_error **err)
{
	cdbc_dialect own = {.struct_size = sizeof own, .name = "oom", .based_on = "sqlite"};
	cdbc_status status = cdbc_dialect_add(&own, err);

	cx_dialect_forget_added();
	return status;
}

static cdbc_status write_scenario(void *data, cdbc_error **err)
{
	const cdbc_dialect *d = cdbc_dialect_find("sqlite");
	cx_buf out = CX_BUF_INIT(10000);
	cdbc_sink sink = cx_dialect_sink(&out);
	cdbc_status status = d->rows(d, &full, &sink, err);

	cx_buf_free(&out);
	return status;
}

static void test_oom(void **state)
{
	assert_true(oom_run(add_scenario, NULL) >= 7);
	assert_true(oom_run(write_scenario, NULL) >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_placeholder), cmocka_unit_test(test_facts),
		cmocka_unit_test(test_identifier),  cmocka_unit_test(test_upsert),
		cmocka_unit_test(test_rows),        cmocka_unit_test(test_page),
		cmocka_unit_test(test_sink_fails),  cmocka_unit_test(test_added),
		cmocka_unit_test(test_not_added),   cmocka_unit_test(test_small_struct),
		cmocka_unit_test(test_oom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
