// SPDX-License-Identifier: Apache-2.0
/* COPY ... FROM STDIN. */
#include "pg_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static cdbc_request request(const char *sql)
{
	cdbc_request r = pg_request(sql, 0, NULL, 0);

	r.kind = CDBC_KIND_COPY;
	return r;
}

static void *table(void)
{
	void *conn = pg_open();

	pg_run(conn, "create temp table c (a int8, b text)", NULL);
	return conn;
}

static void *begin(void *conn)
{
	cdbc_request r = request("copy c from stdin");
	cdbc_error *err = NULL;
	void *copy = NULL;

	if (DRIVER->copy_begin(conn, &r, soon(), &copy, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_true(DRIVER->state(conn).is_busy);
	return copy;
}

static void copies_in(void **state)
{
	void *conn = table(), *copy = begin(conn);
	cdbc_summary facts;

	assert_int_equal(DRIVER->copy_write(copy, "1\tx\n2", 5, soon(), NULL), CDBC_OK);
	assert_int_equal(DRIVER->copy_write(copy, "\ty\n", 3, soon(), NULL), CDBC_OK);
	assert_int_equal(DRIVER->copy_end(copy, true, soon(), &facts, NULL), CDBC_OK);
	assert_string_equal(facts.tag, "COPY 2");
	assert_int_equal(facts.affected_count, 2);
	assert_int_equal(facts.position, CDBC_POSITION_DONE);
	assert_false(DRIVER->state(conn).is_busy);
	assert_int_equal(pg_int_of(conn, "select sum(a)::int8 from c"), 3);
	DRIVER->close(conn);
}

/* 60 MB, so that the sockets are full, with a notice for each 100 rows coming back. */
static void copies_much(void **state)
{
	const int count = pg_is_cockroach() ? 6000 : 60000; /* it is one transaction */
	void *conn = table(), *copy;
	char *rows = malloc((size_t)count * 1010), *p = rows;
	cdbc_summary facts;

	assert_non_null(rows);
	for (int i = 0; i < count; i++) {
		p += sprintf(p, "%d\t", i);
		memset(p, 'x', 1000);
		p += 1000;
		*p++ = '\n';
	}
	if (!pg_is_cockroach()) {
		pg_run(conn,
			   "create function pg_temp.tell() returns trigger language plpgsql as $$ begin if "
			   "new.a % 100 = 0 then "
			   "raise notice '%', repeat('n', 8000); end if; return new; end $$",
			   NULL);
		pg_run(
			conn,
			"create trigger tell before insert on c for each row execute function pg_temp.tell()",
			NULL);
	}
	copy = begin(conn);
	assert_int_equal(DRIVER->copy_write(copy, rows, (size_t)(p - rows), soon(), NULL), CDBC_OK);
	assert_int_equal(DRIVER->copy_end(copy, true, soon(), &facts, NULL), CDBC_OK);
	assert_int_equal(facts.affected_count, count);
	free(rows);
	DRIVER->close(conn);
}

static void discards(void **state)
{
	void *conn = table(), *copy = begin(conn);
	cdbc_summary facts;

	assert_int_equal(DRIVER->copy_write(copy, "1\tx\n", 4, soon(), NULL), CDBC_OK);
	assert_int_equal(DRIVER->copy_end(copy, false, soon(), &facts, NULL), CDBC_OK);
	assert_string_equal(facts.tag, "");
	assert_int_equal(pg_int_of(conn, "select count(*) from c"), 0);
	DRIVER->close(conn);
}

static void fails(void **state)
{
	void *conn = table(), *copy = begin(conn);
	cdbc_request no = request("copy nosuch from stdin"), select = request("select 1"),
				 out = request("copy c to stdout");
	cdbc_error *err = NULL;
	cdbc_summary facts;
	cdbc_status status = CDBC_OK;
	char row[1000];

	assert_int_equal(DRIVER->copy_write(copy, "one\tx\n", 6, soon(), NULL), CDBC_OK);
	assert_int_equal(DRIVER->copy_end(copy, true, soon(), &facts, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "22P02");
	assert_int_equal(facts.position, CDBC_POSITION_DONE);
	cdbc_error_free(err);
	err = NULL;
	/* A failure that comes while much is still being written; libpq tells it at the end. */
	copy = begin(conn);
	memset(row, 'x', sizeof row);
	row[sizeof row - 1] = '\n';
	for (int i = 0; i < 20000 && !status; i++)
		status = DRIVER->copy_write(copy, row, sizeof row, soon(), &err);
	if (!status)
		status = DRIVER->copy_end(copy, true, soon(), &facts, &err);
	assert_int_equal(status, CDBC_SQL);
	if (!pg_is_cockroach()) /* it counts the columns first */
		assert_string_equal(cdbc_error_sqlstate(err), "22P02");
	cdbc_error_free(err);
	assert_int_equal(DRIVER->copy_write(copy, "1", 1, soon(), NULL), CDBC_CLOSED);
	assert_int_equal(DRIVER->copy_end(copy, true, soon(), &facts, NULL), CDBC_CLOSED);
	assert_int_equal(DRIVER->copy_begin(conn, &no, soon(), &copy, NULL), CDBC_SQL);
	assert_int_equal(DRIVER->copy_begin(conn, &select, soon(), &copy, NULL), CDBC_USAGE);
	assert_int_equal(pg_int_of(conn, "select count(*) from c"), 0);
	if (pg_is_cockroach()) /* up to v22.2 it does not parse it */
		assert_int_not_equal(DRIVER->copy_begin(conn, &out, soon(), &copy, NULL), CDBC_OK);
	else
		assert_int_equal(DRIVER->copy_begin(conn, &out, soon(), &copy, NULL), CDBC_USAGE);
	DRIVER->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_in),
		cmocka_unit_test(copies_much),
		cmocka_unit_test(discards),
		cmocka_unit_test(fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
