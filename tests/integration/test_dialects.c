// SPDX-License-Identifier: Apache-2.0
/* What the dialects write (upserts, rows as arrays, pages), run on PostgreSQL and SQLite: the same
 * rows on both. The names of the table and its columns need quotes. */
#include <cdbc/cdbc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "support/skip.h"

#define TABLE "we\"ird t\xc3\xa4" /* we"ird tä */
#define NAME             \
	"gr\xc3\xb6\xc3\x9f" \
	"e; --"

static const char *const columns[] = {"order", NAME};
static const char *const types[] = {"int8", "text"};

typedef struct fixture {
	cdbc_client *client;
	cdbc_session *session;
	const cdbc_dialect *dialect;
	char sql[2048];
	size_t length;
} fixture;

static fixture f;

static void fail_with(const char *what, cdbc_error *err)
{
	fail_msg("%s: %s", what, err ? cdbc_error_message(err) : "no error was given");
}

/* Placeholders are written as a session takes them: $1, whatever the database's are. */
static cdbc_status append(void *data, const void *bytes, size_t length, cdbc_error **err)
{
	const char *text = bytes;

	(void)data;
	(void)err;
	assert_true(f.length + length < sizeof f.sql);
	for (size_t i = 0; i < length; i++)
		f.sql[f.length++] = text[i] == '?' ? '$' : text[i];
	f.sql[f.length] = '\0';
	return CDBC_OK;
}

/* The rows of f.sql, as "1=a 2=b ". */
static const char *run(const cdbc_value *values, size_t count)
{
	static char found[1024];
	cdbc_param params[4];
	cdbc_result *result = NULL;
	cdbc_error *err = NULL;
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		params[i] = cdbc_param_of(NULL, values[i]);
	if (cdbc_session_query(f.session, f.sql, cdbc_params_of(params, count), NULL, &result, &err))
		fail_with(f.sql, err);
	found[0] = '\0';
	while (cdbc_result_next(result, &err)) {
		cdbc_text text = {"NULL", 4};

		if (!cdbc_result_is_null(result, 1))
			text = cdbc_result_text(result, 1);
		n += (size_t)snprintf(found + n, sizeof found - n, "%lld=%.*s ",
							  (long long)cdbc_result_int64(result, 0), (int)text.length, text.data);
	}
	if (err)
		fail_with(f.sql, err);
	cdbc_result_free(result);
	f.length = 0;
	return found;
}

static const cdbc_sink sink = {sizeof sink, append, NULL};

static void identifier(const char *name)
{
	assert_int_equal(f.dialect->identifier(f.dialect, name, strlen(name), &sink, NULL), CDBC_OK);
}

static void text(const char *sql)
{
	append(NULL, sql, strlen(sql), NULL);
}

static void select_all(void)
{
	text("select ");
	identifier(columns[0]);
	text(", ");
	identifier(columns[1]);
	text(" from ");
	identifier(TABLE);
}

static const char *all(void)
{
	select_all();
	text(" order by 1");
	return run(NULL, 0);
}

static cdbc_dialect_insert into(size_t key_count, size_t update_count)
{
	cdbc_dialect_insert insert = CDBC_DIALECT_INSERT_INIT;

	insert.table = TABLE;
	insert.columns = columns;
	insert.types = types;
	insert.column_count = 2;
	insert.keys = columns;
	insert.key_count = key_count;
	insert.updates = columns + 1;
	insert.update_count = update_count;
	return insert;
}

static void upsert(int64_t order, const char *name, size_t update_count)
{
	cdbc_dialect_insert insert = into(1, update_count);
	cdbc_error *err = NULL;

	if (f.dialect->upsert(f.dialect, &insert, &sink, &err))
		fail_with("upsert", err);
	run((const cdbc_value[]){cdbc_int64(order), name ? cdbc_string(name) : cdbc_null()}, 2);
}

static void test_upsert(void **state)
{
	(void)state;
	if (!f.session)
		test_skip("CDBC_TEST_URL is not set: run by scripts/with-postgres");
	upsert(1, "a", 1);
	upsert(2, "b", 1);
	assert_string_equal(all(), "1=a 2=b ");
	upsert(1, "c'\"", 1); /* there: changed */
	upsert(2, "d", 0);    /* there: left */
	upsert(3, NULL, 0);
	assert_string_equal(all(), "1=c'\" 2=b 3=NULL ");
}

static void rows(size_t key_count, size_t update_count, const cdbc_value *orders,
				 const cdbc_value *names, size_t count)
{
	cdbc_dialect_insert insert = into(key_count, update_count);
	cdbc_value values[] = {cdbc_array(orders, count), cdbc_array(names, count)};
	cdbc_error *err = NULL;

	values[0].type = (cdbc_type){CDBC_TYPE_INT8, true, -1, -1};
	values[1].type = (cdbc_type){CDBC_TYPE_TEXT, true, -1, -1};
	if (f.dialect->rows(f.dialect, &insert, &sink, &err))
		fail_with("rows", err);
	run(values, 2);
}

static void test_rows(void **state)
{
	const cdbc_value orders[] = {cdbc_int64(1), cdbc_int64(2), cdbc_int64(3)};
	const cdbc_value names[] = {cdbc_string("a,\"{}\\'"), cdbc_null(), cdbc_string("")};
	const cdbc_value others[] = {cdbc_string("x"), cdbc_string("y"), cdbc_null()};

	(void)state;
	if (!f.session)
		test_skip("CDBC_TEST_URL is not set: run by scripts/with-postgres");
	rows(0, 0, orders, names, 3);
	assert_string_equal(all(), "1=a,\"{}\\' 2=NULL 3= ");
	rows(0, 0, orders, names, 0); /* none: nothing happens */
	rows(1, 0, orders, others, 3);
	assert_string_equal(all(), "1=a,\"{}\\' 2=NULL 3= ");
	rows(1, 1, orders, others, 3);
	assert_string_equal(all(), "1=x 2=y 3=NULL ");
}

static const char *page(const cdbc_dialect_page *page, const cdbc_value *values, size_t count)
{
	char base[512];
	cdbc_error *err = NULL;

	select_all();
	strcpy(base, f.sql);
	f.length = 0;
	if (f.dialect->page(f.dialect, base, strlen(base), page, &sink, &err))
		fail_with("page", err);
	return run(values, count);
}

static void test_pages(void **state)
{
	static const char *const keys[] = {NAME, "order"};
	const char *const names[] = {"a", "b", "a", "b", "c"};
	cdbc_dialect_page p = CDBC_DIALECT_PAGE_INIT;

	(void)state;
	if (!f.session)
		test_skip("CDBC_TEST_URL is not set: run by scripts/with-postgres");
	for (int64_t i = 0; i < 5; i++)
		upsert(i + 1, names[i], 1);
	p.keys = keys;
	p.key_count = 2;
	assert_string_equal(page(&p, (const cdbc_value[]){cdbc_int64(2)}, 1), "1=a 3=a ");
	p.has_offset = true;
	assert_string_equal(page(&p, (const cdbc_value[]){cdbc_int64(2), cdbc_int64(3)}, 2),
						"4=b 5=c ");
	p.has_offset = false;
	p.is_after = true;
	assert_string_equal(
		page(&p, (const cdbc_value[]){cdbc_string("a"), cdbc_int64(3), cdbc_int64(2)}, 3),
		"2=b 4=b ");
	p.is_descending = true;
	assert_string_equal(
		page(&p, (const cdbc_value[]){cdbc_string("b"), cdbc_int64(2), cdbc_int64(9)}, 3),
		"3=a 1=a ");
}

static int set_up(const char *url, const char *dialect)
{
	cdbc_error *err = NULL;

	memset(&f, 0, sizeof f);
	if (!url) {
		print_message("CDBC_TEST_URL is not set: run by scripts/with-postgres\n");
		return 0;
	}
	f.dialect = cdbc_dialect_find(dialect);
	if (cdbc_client_open_url(url, &f.client, &err) ||
		cdbc_client_acquire(f.client, NULL, &f.session, &err))
		fail_with(url, err);
	text("create temporary table ");
	identifier(TABLE);
	text(" (");
	identifier(columns[0]);
	text(" bigint primary key, ");
	identifier(columns[1]);
	text(" text)");
	run(NULL, 0);
	return 0;
}

static int on_postgresql(void **state)
{
	(void)state;
	return set_up(getenv("CDBC_TEST_URL"), "postgresql");
}

static int on_sqlite(void **state)
{
	(void)state;
	return set_up("sqlite::memory:", "sqlite");
}

static int tear_down(void **state)
{
	(void)state;
	if (f.session) {
		text("drop table ");
		identifier(TABLE);
		run(NULL, 0);
	}
	cdbc_session_release(f.session);
	cdbc_client_close(f.client, 1000);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"upsert on PostgreSQL", test_upsert, on_postgresql, tear_down, NULL},
		{"upsert on SQLite", test_upsert, on_sqlite, tear_down, NULL},
		{"rows on PostgreSQL", test_rows, on_postgresql, tear_down, NULL},
		{"rows on SQLite", test_rows, on_sqlite, tear_down, NULL},
		{"pages on PostgreSQL", test_pages, on_postgresql, tear_down, NULL},
		{"pages on SQLite", test_pages, on_sqlite, tear_down, NULL},
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
