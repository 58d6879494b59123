// SPDX-License-Identifier: Apache-2.0
/* The PostgreSQL driver against a real server: opening, statements, results, preparing, failures.
 */
#include "pg_fixture.h"

#include <stdlib.h>

/* ---- opening
 * -------------------------------------------------------------------------------------------------
 */

static void opens_and_tells_facts(void **state)
{
	void *conn = pg_open();
	const char *digits;
	cdbc_value v;

	assert_int_equal(DRIVER->info(conn, CDBC_INFO_PRODUCT, &v, NULL), CDBC_OK);
	assert_string_equal(v.as.text.data, pg_is_cockroach() ? "CockroachDB" : "PostgreSQL");
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_VERSION, &v, NULL), CDBC_OK);
	digits = v.as.text.data + (pg_is_cockroach() && v.as.text.data[0] == 'v');
	assert_true(digits[0] >= '1' && digits[0] <= '9' && !strchr(digits, ' '));
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_HOST, &v, NULL), CDBC_OK);
	assert_non_null(strchr(v.as.text.data, ':'));
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_NODE_ID, &v, NULL), CDBC_OK);
	assert_int_equal(v.kind, pg_is_cockroach() ? CDBC_VALUE_INT64 : CDBC_VALUE_NULL);
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_SERVER_PID, &v, NULL), CDBC_OK);
	if (pg_is_cockroach())
		assert_int_equal(v.kind, CDBC_VALUE_NULL);
	else
		assert_int_equal(v.as.int64, pg_int_of(conn, "select pg_backend_pid()::int8"));
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_IDLE);
	assert_int_equal(DRIVER->ping(conn, soon(), NULL), CDBC_OK);
	DRIVER->close(conn);
	DRIVER->close(NULL);
}

static void refuses_settings_it_does_not_know(void **state)
{
	static const struct {
		const char *name, *value, *word;
	} rows[] = {
		{"sslmod", "require", "did you mean \"sslmode\"?"},
		{"service", "x", "give host"},
		{"prepared_statements", "many", NULL},
		{"set.bad name", "1", NULL},
		{"set.no_such_setting", "1", NULL}, /* CockroachDB only logs it */
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows - pg_is_cockroach(); i++) {
		pg_settings s;
		cdbc_error *err = NULL;
		void *conn = NULL;

		pg_settings_init(&s, "postgresql", rows[i].name, rows[i].value, NULL);
		assert_int_equal(DRIVER->open(&s.settings, soon(), &conn, &err), CDBC_CONFIG);
		assert_null(conn);
		if (rows[i].word)
			assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_HINT), rows[i].word));
		cdbc_error_free(err);
		pg_settings_free(&s);
	}
}

static void tells_why_it_cannot_open(void **state)
{
	static const struct {
		const char *name, *value, *sqlstate, *word;
		cdbc_status status;
	} rows[] = {
		{"dbname", "nosuch", "3D000", "database \"nosuch\" does not exist", CDBC_CONFIG},
		{"user", "nobody_here", "28000", "nobody_here", CDBC_AUTH},
		{"port", "1", "", "refused", CDBC_CONNECT},
		{"sslmode", "no", "", "invalid sslmode", CDBC_CONFIG},
		{"host", "/nowhere/at/all", "", "No such file", CDBC_CONNECT},
	};

	/* CockroachDB finds a database missing at the first statement only. */
	for (size_t i = pg_is_cockroach(); i < sizeof rows / sizeof *rows; i++) {
		pg_settings s;
		cdbc_error *err = NULL;
		void *conn = NULL;

		pg_settings_init(&s, "postgresql", rows[i].name, rows[i].value, "password", "hush-hush",
						 NULL);
		assert_int_equal(DRIVER->open(&s.settings, soon(), &conn, &err), rows[i].status);
		if (!pg_is_cockroach()) /* its versions differ */
			assert_string_equal(cdbc_error_sqlstate(err), rows[i].sqlstate);
		assert_non_null(strstr(cdbc_error_message(err), rows[i].word));
		assert_int_equal(strncmp(cdbc_error_message(err), "connect ", 8), 0);
		assert_null(strchr(cdbc_error_message(err), '\n'));
		assert_null(strstr(cdbc_error_message(err), "hush"));
		assert_non_null(cdbc_error_field(err, CDBC_FIELD_HOST));
		cdbc_error_free(err);
		pg_settings_free(&s);
	}
}

/* What the environment says to libpq is not for us. */
static void reads_no_environment(void **state)
{
	static const char *const names[] = {
		"PGHOST",          "PGPORT",    "PGUSER",      "PGDATABASE",       "PGPASSWORD",
		"PGOPTIONS",       "PGAPPNAME", "PGSSLMODE",   "PGCLIENTENCODING", "PGTARGETSESSIONATTRS",
		"PGREQUIREPEER",   "PGTZ",      "PGDATESTYLE", "PGGSSENCMODE",     "PGSSLCERT",
		"PGCHANNELBINDING"};
	void *conn;
	bool is_cockroach = pg_is_cockroach();
	cdbc_request r =
		pg_request(is_cockroach ? "select (current_setting('application_name') = 'cdbc' and "
								  "current_setting('timezone') = 'UTC' "
								  "and current_setting('datestyle') like 'ISO%' and "
								  "current_setting('statement_timeout') like '9%')::int::int8"
								: "select (current_setting('application_name') = 'cdbc' and "
								  "current_setting('TimeZone') = 'UTC' "
								  "and current_setting('DateStyle') like 'ISO%' and "
								  "current_setting('statement_timeout') = '9s' "
								  "and current_setting('cdbc.note') = E'a b\\\\c')::int::int8",
				   0, NULL, 0);
	cdbc_error *err = NULL;
	pg_settings s;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!is_cockroach ||
			strcmp(names[i], "PGDATESTYLE") != 0) /* libpq sends it, and it refuses other styles */
			setenv(names[i],
				   strcmp(names[i], "PGTZ") == 0          ? "Asia/Tokyo"
				   : strcmp(names[i], "PGDATESTYLE") == 0 ? "German"
														  : "nonsense",
				   1);
	pg_settings_init(&s, "postgresql", "set.statement_timeout", "9s", "set.cdbc.note", "a b\\c",
					 NULL);
	if (DRIVER->open(&s.settings, soon(), &conn, &err))
		fail_msg("%s", cdbc_error_message(err));
	assert_int_equal(pg_int(conn, &r), 1);
	pg_run(conn, "set statement_timeout = '5s'", NULL);
	pg_run(conn, "begin", NULL);
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_OPEN);
	assert_int_equal(DRIVER->reset(conn, soon(), NULL), CDBC_OK);
	assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_IDLE);
	assert_int_equal(pg_int(conn, &r), 1);
	DRIVER->close(conn);
	pg_settings_free(&s);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

/* ---- results
 * -------------------------------------------------------------------------------------------------
 */

static void selects_whole_and_streamed(void **state)
{
	void *conn = pg_open();
	cdbc_value v = cdbc_int64(7);
	cdbc_request r = pg_request("select $1::int8 + 1", 11, &v, 1);

	for (int i = 0; i < 3; i++) {
		r.flags = i == 1 ? CDBC_REQUEST_SMALL_RESULT : 0;
		assert_int_equal(pg_int(conn, &r), 8);
	}
	assert_int_equal(DRIVER->info(conn, CDBC_INFO_PREPARED_COUNT, &v, NULL), CDBC_OK);
	assert_int_equal(v.as.int64, 1);
	assert_int_equal(pg_run(conn, "select * from generate_series(1, 100000)", NULL), 100000);
	DRIVER->close(conn);
}

/* Reads a request to its end; counts batches and rows and checks the numbers 1.. in the first
 * column. */
static void read_batches(void *conn, cdbc_request *r, int64_t *batches, int64_t *rows,
						 int64_t *most)
{
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	bool has_result;
	void *cursor = pg_submit(conn, r);

	*batches = *rows = *most = 0;
	assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
	for (;;) {
		assert_int_equal(DRIVER->fetch(cursor, soon(), &batch, NULL), CDBC_OK);
		if (!batch.release)
			break;
		for (int64_t i = 0; i < batch.length; i++)
			assert_int_equal(batch_int64(&batch, 0, i), ++*rows);
		++*batches;
		*most = batch.length > *most ? batch.length : *most;
		batch.release(&batch);
	}
	assert_int_equal(DRIVER->summary(cursor)->position, CDBC_POSITION_DONE);
	assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
	assert_false(has_result);
	DRIVER->cursor_close(cursor, soon());
}

static void closes_batches_by_rows_and_bytes(void **state)
{
	void *conn = pg_open();
	cdbc_request r =
		pg_request("select g::int8, repeat('x', 100) from generate_series(1, 5000) g", 1, NULL, 0);
	int64_t batches, rows, most;

	for (int small = 0; small < 2; small++) {
		r.flags = small ? CDBC_REQUEST_SMALL_RESULT : 0;
		r.batch_rows = 1000;
		r.batch_bytes = 0;
		read_batches(conn, &r, &batches, &rows, &most);
		assert_int_equal(rows, 5000);
		assert_int_equal(most, 1000);
		assert_int_equal(batches, 5);
		r.batch_rows = 0;
		r.batch_bytes = 100000;
		read_batches(conn, &r, &batches, &rows, &most);
		assert_int_equal(rows, 5000);
		assert_true(most >= 700 && most <= 1400);
	}
	r = pg_request("select g::int8, repeat('x', 100000) from generate_series(1, 40) g", 2, NULL, 0);
	r.batch_bytes = 1000000;
	read_batches(conn, &r, &batches, &rows, &most);
	assert_int_equal(rows, 40);
	assert_true(most >= 9 && most <= 12);
	DRIVER->close(conn);
}

/* A batch is given when its time is up, though more rows are to come. */
static void closes_batches_by_time(void **state)
{
	void *conn = pg_open();
	cdbc_request r = pg_request(
		"select g::int8, case when g = 5000 then pg_sleep(1.5) end from generate_series(1, 6000) g",
		1, NULL, 0);
	int64_t batches, rows, most;

	read_batches(conn, &r, &batches, &rows, &most);
	assert_int_equal(rows, 6000);
	assert_true(pg_is_cockroach() ? batches >= 2 : batches == 2);
	DRIVER->close(conn);
}

static void tells_tags_and_counts(void **state)
{
	static const struct {
		const char *sql, *tag;
		int64_t count;
		bool is_other; /* on CockroachDB */
	} rows[] = {
		{"create temp table t (a int8 primary key, b text)", "CREATE TABLE", -1},
		{"insert into t select g, 'x' from generate_series(1, 5) g", "INSERT 0 5", 5},
		{"update t set b = 'y' where a < 3", "UPDATE 2", 2},
		{"select * from t", "SELECT 5", -1},
		{"delete from t where a = 1 returning a", "DELETE 1", 1},
		{"select from t", "SELECT 4", 4, true},
		{"create temp table u as select * from t", "SELECT 4", 4, true},
		{"", "", -1},
		{"show TimeZone", "SHOW", -1, true},
		{"begin", "BEGIN", -1},
		{"rollback", "ROLLBACK", -1},
	};
	void *conn = pg_open();

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_request r = pg_request(rows[i].sql, 0, NULL, 0);
		cdbc_summary summary;

		if (rows[i].is_other && pg_is_cockroach())
			continue;
		assert_int_equal(pg_try(conn, &r, &summary, NULL), CDBC_OK);
		assert_string_equal(summary.tag, rows[i].tag);
		assert_int_equal(summary.affected_count, rows[i].count);
		assert_int_equal(summary.position, CDBC_POSITION_DONE);
		assert_false(summary.is_link_lost);
		if (strncmp(rows[i].sql, "select", 6) == 0) { /* once more, not prepared */
			r.kind = CDBC_KIND_UTILITY;
			assert_int_equal(pg_try(conn, &r, &summary, NULL), CDBC_OK);
			assert_string_equal(summary.tag, rows[i].tag);
		}
	}
	DRIVER->close(conn);
}

/* Text format and unprepared statements give the same columns as binary ones. */
static void reads_texts_as_binaries(void **state)
{
	static const char sql[] =
		"select 7::int8, 'a'::text, null::int4, true, 1.50::numeric(5,2), '2024-02-29'::date";
	static const char text_sql[] = "select 7::int8, 'a'::text, null::int4, true, "
								   "1.50::numeric(5,2), '2024-02-29'::date, '10.0.0.1'::inet";
	void *conn = pg_open();

	for (int i = 0; i < 4; i++) {
		cdbc_request r = pg_request(i == 1 ? text_sql : sql, i == 0 ? 5 : 0, NULL, 0);
		const struct ArrowSchema *schema;
		struct ArrowArray batch;
		bool has_result;
		void *cursor;

		r.kind = i == 2 ? CDBC_KIND_UTILITY : CDBC_KIND_SELECT; /* sent as it is */
		r.flags = i == 3 ? CDBC_REQUEST_SIMPLE : 0;
		cursor = pg_submit(conn, &r);
		assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
		assert_string_equal(schema->children[0]->format, "l");
		assert_string_equal(schema->children[2]->format, "i");
		assert_string_equal(schema->children[4]->format, "d:5,2");
		assert_int_equal(DRIVER->fetch(cursor, soon(), &batch, NULL), CDBC_OK);
		DRIVER->cursor_close(cursor, soon());
		assert_int_equal(batch_int64(&batch, 0, 0), 7);
		assert_string_equal(batch_text(&batch, 1, 0), "a");
		assert_int_equal(batch.children[2]->null_count, 1);
		assert_int_equal(((const int64_t *)batch.children[4]->buffers[1])[0], 150);
		assert_int_equal(((const int32_t *)batch.children[5]->buffers[1])[0], 19782);
		batch.release(&batch);
	}
	DRIVER->close(conn);
}

static void runs_several_statements_in_one_text(void **state)
{
	void *conn = pg_open();
	cdbc_request r = pg_request(
		"create temp table s (a int8); insert into s values (1), (2); select a from s order by a; "
		"select 1/0; select 2",
		0, NULL, 0);
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	cdbc_error *err = NULL;
	bool has_result;
	void *cursor;

	r.flags = CDBC_REQUEST_SIMPLE;
	cursor = pg_submit(conn, &r);
	assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
	assert_null(schema);
	assert_string_equal(DRIVER->summary(cursor)->tag, "CREATE TABLE");
	assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
	assert_string_equal(DRIVER->summary(cursor)->tag, "INSERT 0 2");
	assert_int_equal(DRIVER->fetch(cursor, soon(), &batch, NULL), CDBC_OK);
	assert_null(batch.release);
	assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
	assert_non_null(schema);
	assert_int_equal(DRIVER->fetch(cursor, soon(), &batch, NULL), CDBC_OK);
	assert_int_equal(batch.length, 2);
	batch.release(&batch);
	assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "22012");
	cdbc_error_free(err);
	assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
	assert_false(has_result);
	DRIVER->cursor_close(cursor, soon());
	assert_int_equal(pg_int_of(conn, "select 3::int8"), 3);
	DRIVER->close(conn);
}

/* ---- failures
 * ------------------------------------------------------------------------------------------------
 */

static void tells_errors_in_full(void **state)
{
	void *conn = pg_open();
	cdbc_request r = pg_request("insert into e values (1, 2)", 3, NULL, 0);
	cdbc_error *err = NULL;
	cdbc_summary facts = {0};

	pg_run(conn, "create temp table e (a int8 primary key, b int8 constraint small check (b < 2))",
		   NULL);
	assert_int_equal(pg_try(conn, &r, &facts, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "23514");
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_CONSTRAINT), "small");
	if (!pg_is_cockroach()) {
		assert_string_equal(cdbc_error_field(err, CDBC_FIELD_TABLE), "e");
		assert_non_null(strstr(cdbc_error_field(err, CDBC_FIELD_DETAIL), "Failing row"));
		assert_non_null(cdbc_error_field(err, CDBC_FIELD_SCHEMA));
	}
	assert_int_equal(facts.position, CDBC_POSITION_DONE);
	assert_int_equal(facts.tx_before, CDBC_TX_IDLE);
	cdbc_error_free(err);
	r = pg_request("select 'ä', nosuch", 4, NULL, 0);
	assert_int_equal(pg_try(conn, &r, &facts, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "42703");
	assert_int_equal(cdbc_error_position(err), pg_is_cockroach() ? 0 : 13);
	cdbc_error_free(err);
	assert_false(DRIVER->state(conn).is_lost);
	assert_false(DRIVER->state(conn).is_busy);
	DRIVER->close(conn);
}

/* A failure after rows that were not handed over yet, and after some that were. */
static void fails_between_rows(void **state)
{
	void *conn = pg_open();
	cdbc_request r =
		pg_request("select g::int8, 1/(3000 - g) from generate_series(1, 5000) g", 0, NULL, 0);
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	cdbc_error *err = NULL;
	bool has_result;

	for (int small = 0; small < 2; small++) {
		cdbc_status status;
		void *cursor;

		r.batch_rows = small ? 100 : 0;
		cursor = pg_submit(conn, &r);
		assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, NULL), CDBC_OK);
		/* CockroachDB works on 1,024 rows at a time. */
		for (int i = 0; small && i < (pg_is_cockroach() ? 10 : 29); i++) {
			assert_int_equal(DRIVER->fetch(cursor, soon(), &batch, NULL), CDBC_OK);
			batch.release(&batch);
			assert_int_equal(DRIVER->summary(cursor)->position, CDBC_POSITION_ROWS_TAKEN);
		}
		while (!(status = DRIVER->fetch(cursor, soon(), &batch, &err)))
			batch.release(&batch);
		assert_int_equal(status, CDBC_SQL);
		assert_string_equal(cdbc_error_sqlstate(err), "22012");
		cdbc_error_free(err);
		assert_int_equal(DRIVER->summary(cursor)->position, CDBC_POSITION_DONE);
		DRIVER->cursor_close(cursor, soon());
	}
	assert_int_equal(pg_int_of(conn, "select 3::int8"), 3);
	DRIVER->close(conn);
}

static void calls_a_rolled_back_commit_a_failure(void **state)
{
	static const char *const words[] = {"commit", "-- why\n /* not */ COMMIT", "end"};
	void *conn = pg_open();

	for (size_t i = 0; i < 3; i++) {
		cdbc_request bad = pg_request("select 1/0", 0, NULL, 0),
					 commit = pg_request(words[i], 0, NULL, 0);
		cdbc_error *err = NULL;
		cdbc_summary facts;

		commit.kind = CDBC_KIND_TRANSACTION;
		pg_run(conn, "begin", NULL);
		assert_int_equal(pg_try(conn, &bad, NULL, NULL), CDBC_SQL);
		assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_FAILED);
		assert_int_equal(pg_try(conn, &commit, &facts, &err), CDBC_SQL);
		assert_string_equal(cdbc_error_sqlstate(err), "40000");
		assert_string_equal(facts.tag, "ROLLBACK");
		assert_int_equal(facts.tx_before, CDBC_TX_FAILED);
		assert_int_equal(DRIVER->state(conn).tx, CDBC_TX_IDLE);
		cdbc_error_free(err);
	}
	DRIVER->close(conn);
}

/* It comes after the command's tag. */
static void tells_a_deferred_constraint(void **state)
{
	void *conn;
	cdbc_request r = pg_request("insert into d values (1), (1)", 7, NULL, 0);
	cdbc_error *err = NULL;

	pg_not_on_cockroach(0, "it has no deferrable constraints");
	conn = pg_open();
	pg_run(conn, "create temp table d (a int8 unique deferrable initially deferred)", NULL);
	assert_int_equal(pg_try(conn, &r, NULL, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "23505");
	cdbc_error_free(err);
	assert_int_equal(pg_int_of(conn, "select count(*) from d"), 0);
	DRIVER->close(conn);
}

static void names_row_and_column_of_a_bad_value(void **state)
{
	void *conn = pg_open();
	cdbc_request r =
		pg_request("select case g when 3 then 'NaN'::numeric(5,2) else g::numeric(5,2) end as n "
				   "from generate_series(1, 5) g",
				   0, NULL, 0);
	cdbc_error *err = NULL;

	r.numeric = CDBC_NUMERIC_DECIMAL; /* whatever precision the server gives the expression */
	assert_int_equal(pg_try(conn, &r, NULL, &err), CDBC_DATA);
	assert_non_null(strstr(cdbc_error_message(err), "row 3"));
	cdbc_error_free(err);
	assert_int_equal(pg_int_of(conn, "select 3::int8"), 3);
	DRIVER->close(conn);
}

static void refuses_wrong_calls(void **state)
{
	void *conn = pg_open(), *cursor, *other;
	cdbc_value v = cdbc_int64(1);
	cdbc_request r = pg_request("select $1::int8, $2::int8", 1, &v, 1),
				 one = pg_request("select 1", 0, NULL, 0);
	cdbc_request copy = pg_request("copy (select 1) to stdout", 0, NULL, 0);

	assert_int_equal(pg_try(conn, &r, NULL, NULL), CDBC_PARAM);
	cursor = pg_submit(conn, &one);
	assert_true(DRIVER->state(conn).is_busy);
	assert_int_equal(DRIVER->submit(conn, &one, 1, CDBC_ONE_SYNC, soon(), &other, NULL, NULL),
					 CDBC_USAGE);
	assert_int_equal(DRIVER->ping(conn, soon(), NULL), CDBC_USAGE);
	DRIVER->cursor_close(cursor, soon());
	assert_false(DRIVER->state(conn).is_busy);
	copy.kind = CDBC_KIND_COPY;
	if (pg_is_cockroach()) /* up to v22.2 it does not parse it */
		assert_int_not_equal(pg_try(conn, &copy, NULL, NULL), CDBC_OK);
	else
		assert_int_equal(pg_try(conn, &copy, NULL, NULL), CDBC_UNSUPPORTED);
	DRIVER->close(conn);
}

static void describes(void **state)
{
	void *conn = pg_open();
	cdbc_request r =
		pg_request("select $1::int8 as a, $2::text || 'x' as b, $3::numeric(5,2)[]", 9, NULL, 0);
	cdbc_description *d;
	cdbc_error *err = NULL;

	assert_int_equal(DRIVER->describe(conn, &r, soon(), &d, NULL), CDBC_OK);
	assert_int_equal(d->param_count, 3);
	assert_int_equal(d->param_types[0].id, CDBC_TYPE_INT8);
	assert_string_equal(d->param_type_names[0], "int8");
	assert_string_equal(d->param_type_names[1], "text");
	assert_true(d->param_types[2].is_array);
	assert_int_equal(d->schema->n_children, 3);
	assert_string_equal(d->schema->children[1]->name, "b");
	d->release(d);
	pg_run(conn, "create temp table described (a int8)", NULL);
	r = pg_request("update described set a = 1 where false", 0, NULL, 0);
	assert_int_equal(DRIVER->describe(conn, &r, soon(), &d, NULL), CDBC_OK);
	assert_null(d->schema);
	d->release(d);
	r = pg_request("selec", 0, NULL, 0);
	assert_int_equal(DRIVER->describe(conn, &r, soon(), &d, &err), CDBC_SQL);
	assert_int_equal(cdbc_error_position(err), 1);
	cdbc_error_free(err);
	assert_int_equal(pg_int_of(conn, "select 3::int8"), 3);
	DRIVER->close(conn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_tells_facts),
		cmocka_unit_test(refuses_settings_it_does_not_know),
		cmocka_unit_test(tells_why_it_cannot_open),
		cmocka_unit_test(reads_no_environment),
		cmocka_unit_test(selects_whole_and_streamed),
		cmocka_unit_test(closes_batches_by_rows_and_bytes),
		cmocka_unit_test(closes_batches_by_time),
		cmocka_unit_test(tells_tags_and_counts),
		cmocka_unit_test(reads_texts_as_binaries),
		cmocka_unit_test(runs_several_statements_in_one_text),
		cmocka_unit_test(tells_errors_in_full),
		cmocka_unit_test(fails_between_rows),
		cmocka_unit_test(calls_a_rolled_back_commit_a_failure),
		cmocka_unit_test(tells_a_deferred_constraint),
		cmocka_unit_test(names_row_and_column_of_a_bad_value),
		cmocka_unit_test(refuses_wrong_calls),
		cmocka_unit_test(describes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
