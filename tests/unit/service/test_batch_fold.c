// SPDX-License-Identifier: Apache-2.0
/* Rows that go as arrays, on the scripted driver: when the catalogue is asked, what is sent, and
 * what a failure at each place means. What the arrays do to a table is in
 * tests/integration/test_batch_fold.c. */
#include "batch_fixture.h"

#define ROWS   64 /* the least that are worth it */
#define INSERT "insert into t (id, s) values ($1, $2)"
#define UNNEST \
	"insert into \"public\".\"t\" (\"id\", \"s\") select * from unnest($1::int8[], $2::text[])"
#define QUESTION "SELECT n.nspname*"

/* What an execute came to, and what was heard. */
typedef struct run {
	outcome o;
	int64_t heard, last_index;
	bool is_in_order;
} run;

static bool count_result(void *data, int64_t index, cdbc_result *result, const cdbc_error *error)
{
	run *r = data;

	r->heard += !error && !cdbc_result_next(result, NULL) && cdbc_result_is_complete(result) &&
				cdbc_result_affected_count(result) == 1;
	r->is_in_order &= index > r->last_index;
	r->last_index = index;
	return true;
}

static void add(cdbc_batch *batch, int64_t count)
{
	cdbc_error *err = NULL;

	for (int64_t i = 0; i < count; i++)
		if (cdbc_batch_add_sql(batch, INSERT,
							   CDBC_PARAMS({NULL, cdbc_int64(i)}, {NULL, cdbc_string("x")}), &err))
			fail_msg("%s", cdbc_error_message(err));
}

static run execute(fixture *f, const cdbc_batch_options *options, int64_t count)
{
	run r = {.o = {.sum = CDBC_BATCH_SUMMARY_INIT}, .last_index = -1, .is_in_order = true};
	cdbc_batch *batch = NULL;
	cdbc_error *err = NULL;

	if (cdbc_batch_new(f->session, options, &batch, &err))
		fail_msg("%s", cdbc_error_message(err));
	add(batch, count);
	r.o.status = cdbc_batch_execute(batch, count_result, &r, &r.o.sum, &r.o.err);
	cdbc_batch_free(batch);
	assert_true(r.is_in_order);
	return r;
}

static void answer_question(fixture *f)
{
	fake_server_answer(f->server,
					   &(fake_answer){.sql = QUESTION,
									  .columns = "a text, b text, c text, d text, e bool",
									  .rows = "public|t|id|int8|t;public|t|s|text|f;"
											  "public|t|z|date|t"});
}

static void answer_unnest(fixture *f, int64_t affected)
{
	fake_server_answer(f->server, &(fake_answer){.sql = UNNEST, .affected = affected});
}

/* The requests since from: Q the question, U arrays, I an INSERT, B and C. */
static const char *ways(const fixture *f, size_t from)
{
	static char text[1024];
	size_t n = 0;
	const char *sql;

	for (size_t i = from; (sql = fake_server_sql(f->server, i, NULL)) && n < 1000; i++)
		text[n++] = strncmp(sql, "SELECT n.", 9) == 0 ? 'Q'
					: strcmp(sql, UNNEST) == 0        ? 'U'
					: strcmp(sql, INSERT) == 0        ? 'I'
													  : sql[0];
	text[n] = '\0';
	return text;
}

static const char *singly(const char *before, int count, const char *after)
{
	static char text[1024];

	strcpy(text, before);
	for (int i = 0; i < count; i++)
		strcat(text, "I");
	return strcat(text, after);
}

static void test_one_statement(void **state)
{
	fixture *f = *state;
	const cdbc_batch_options *both[] = {NULL, &ATOMIC};
	run r;

	answer_question(f);
	answer_unnest(f, ROWS);
	for (int i = 0; i < 2; i++) {
		size_t from = batch_said_count(f);

		r = execute(f, both[i], ROWS);
		batch_is_ok(&r.o);
		assert_string_equal(ways(f, from), "QBUC");
		assert_int_equal(r.heard, ROWS);
		batch_assert_counts(&r.o, ROWS, 0, 0, 0, 0);
		assert_int_equal(r.o.sum.affected_count, ROWS);
		assert_int_equal(r.o.sum.attempt_count, 1);
	}
	assert_int_equal(f->requests, 2 * ROWS); /* a request each, to who watches */
}

static void test_not_when(void **state)
{
	fixture *f = *state;
	cdbc_batch_options by_row = CDBC_BATCH_OPTIONS_INIT, older = CDBC_BATCH_OPTIONS_INIT;
	size_t from;
	run r;

	by_row.is_row_by_row = true;
	batch_answer(f, INSERT);
	r = execute(f, &by_row, ROWS);
	batch_is_ok(&r.o);
	assert_string_equal(ways(f, 0), singly("B", ROWS, "C"));
	from = batch_said_count(f);
	r = execute(f, &CONTINUE, ROWS);
	batch_is_ok(&r.o);
	assert_string_equal(ways(f, from), singly("", ROWS, ""));
	from = batch_said_count(f);
	r = execute(f, NULL, ROWS - 1);
	batch_is_ok(&r.o);
	assert_string_equal(ways(f, from), singly("B", ROWS - 1, "C"));
	/* an application that was compiled when there was no such option */
	older.struct_size = offsetof(cdbc_batch_options, is_row_by_row);
	older.is_row_by_row = true;
	answer_question(f);
	answer_unnest(f, ROWS);
	from = batch_said_count(f);
	r = execute(f, &older, ROWS);
	batch_is_ok(&r.o);
	assert_string_equal(ways(f, from), "QBUC");
}

/* What the catalogue does not say, or not to us. */
static void test_no_answer(void **state)
{
	fixture *f = *state;
	static const char *const rows[] = {
		NULL,                                  /* no such table, or none that may */
		"public|t|id|int8|t",                  /* no such column */
		"public|t|id|\\N|t;public|t|s|text|t", /* a type without arrays */
		"public|t|id|int8|t;public|t|s|text|t;public|t|z|date|f", /* a default */
		"public|t|id|no such|t;public|t|s|text|t"};
	size_t from;
	run r;

	batch_answer(f, INSERT);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		fake_server_answer(f->server,
						   &(fake_answer){.sql = QUESTION,
										  .times = 1,
										  .columns = "a text, b text, c text, d text, e bool",
										  .rows = rows[i]});
		from = batch_said_count(f);
		r = execute(f, NULL, ROWS);
		batch_is_ok(&r.o);
		assert_string_equal(ways(f, from), singly("QB", ROWS, "C"));
	}
	batch_answer_error(f, QUESTION, 1, CDBC_SQL, "42501");
	from = batch_said_count(f);
	r = execute(f, NULL, ROWS);
	batch_is_ok(&r.o);
	assert_string_equal(ways(f, from), singly("QB", ROWS, "C"));
}

static void test_lost_while_asking(void **state)
{
	fixture *f = *state;
	run r;

	batch_answer_lost(f, QUESTION, 1, CDBC_POSITION_SENT);
	answer_question(f);
	answer_unnest(f, ROWS);
	r = execute(f, NULL, ROWS);
	batch_is_ok(&r.o);
	assert_string_equal(ways(f, 0), "QQBUC");
	batch_assert_counts(&r.o, ROWS, 0, 0, 0, 0);
}

/* Arrays were refused, and single statements are not: the batch goes on without arrays. */
static void test_arrays_are_refused(void **state)
{
	fixture *f = *state;
	cdbc_batch_options options = CDBC_BATCH_OPTIONS_INIT;
	char want[1024];
	run r;

	options.chunk_count = ROWS;
	answer_question(f);
	batch_answer_error(f, UNNEST, 1, CDBC_SQL, "42804");
	answer_unnest(f, ROWS);
	batch_answer(f, INSERT);
	r = execute(f, &options, 2 * ROWS);
	batch_is_ok(&r.o);
	strcpy(want, singly("QBUCRB", ROWS, "CB"));
	strcat(want, singly("", ROWS, "C"));
	assert_string_equal(ways(f, 0), want);
	assert_int_equal(r.heard, 2 * ROWS);
	batch_assert_counts(&r.o, 2 * ROWS, 0, 0, 0, 0);
	assert_int_equal(r.o.sum.attempt_count, 2);
}

/* A row fails: it is named, and those before it go as arrays again. */
static void test_a_row_fails(void **state)
{
	fixture *f = *state;
	run r;

	answer_question(f);
	batch_answer_error(f, UNNEST, 1, CDBC_SQL, "23505");
	answer_unnest(f, 2 * ROWS - 1);
	fake_server_answer(f->server,
					   &(fake_answer){.sql = INSERT, .times = 2 * ROWS - 1, .affected = 1});
	batch_answer_error(f, INSERT, 1, CDBC_SQL, "23505");
	r = execute(f, NULL, 2 * ROWS);
	assert_non_null(strstr(cdbc_error_message(r.o.err), "statement 128 of 128"));
	batch_is_error(&r.o, CDBC_SQL, CDBC_OUTCOME_ROLLED_BACK, CDBC_REPLAY_NO);
	batch_assert_counts(&r.o, 2 * ROWS - 1, 1, 0, 0, 0);
	assert_int_equal(r.heard, 2 * ROWS - 1);
	assert_int_equal(r.last_index, 2 * ROWS - 1);
	assert_true(strcmp(ways(f, 0) + strlen(ways(f, 0)) - 3, "BUC") == 0);
}

/* Nobody knows what became of it: it is not sent again, in either form. */
static void test_lost(void **state)
{
	fixture *f = *state;
	run r;

	answer_question(f);
	batch_answer_lost(f, UNNEST, 1, CDBC_POSITION_SENT);
	r = execute(f, NULL, ROWS);
	batch_is_error(&r.o, CDBC_CONNECT, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_string_equal(ways(f, 0), "QBUC");
	batch_assert_counts(&r.o, 0, 0, 0, ROWS, 0);
	answer_unnest(f, ROWS);
	batch_answer_error(f, "COMMIT", 1, CDBC_SQL, "40003");
	r = execute(f, NULL, ROWS);
	batch_is_error(&r.o, CDBC_SQL, CDBC_OUTCOME_UNKNOWN, CDBC_REPLAY_NO);
	assert_int_equal(r.heard, 0);
}

static void test_a_conflict(void **state)
{
	fixture *f = *state;
	run r;

	answer_question(f);
	batch_answer_error(f, UNNEST, 1, CDBC_CONFLICT, "40001");
	answer_unnest(f, ROWS);
	r = execute(f, &ATOMIC, ROWS);
	batch_is_ok(&r.o);
	assert_null(strchr(ways(f, 0), 'I'));
	assert_int_equal(r.heard, ROWS);
	assert_int_equal(r.o.sum.attempt_count, 2);
}

/* More than a part takes, and rows of other types between them. */
static void test_parts(void **state)
{
	fixture *f = *state;
	run r = {.o = {.sum = CDBC_BATCH_SUMMARY_INIT}, .last_index = -1, .is_in_order = true};
	cdbc_batch *batch = batch_of(f, &ATOMIC, SQLS("insert a"));
	cdbc_value typed = cdbc_int64(1), list = cdbc_array(&typed, 1);
	cdbc_error *err = NULL;

	typed.type.id = CDBC_TYPE_INT2;
	answer_question(f);
	fake_server_answer(f->server, &(fake_answer){.sql = UNNEST, .times = 1, .affected = 1000});
	fake_server_answer(f->server, &(fake_answer){.sql = UNNEST, .times = 1, .affected = 100});
	answer_unnest(f, ROWS);
	batch_answer(f, "insert a");
	batch_answer(f, INSERT);
	add(batch, 1100);
	assert_int_equal(cdbc_batch_add_sql(batch, INSERT,
										CDBC_PARAMS({NULL, typed}, {NULL, cdbc_string("x")}), NULL),
					 CDBC_OK);
	add(batch, ROWS);
	assert_int_equal(
		cdbc_batch_add_sql(batch, INSERT,
						   CDBC_PARAMS({NULL, cdbc_int64(1)}, {NULL, cdbc_bytes("x", 1)}), NULL),
		CDBC_OK);
	assert_int_equal(
		cdbc_batch_add_sql(batch, INSERT, CDBC_PARAMS({NULL, cdbc_int64(1)}, {NULL, list}), NULL),
		CDBC_OK);
	r.o.status = cdbc_batch_execute(batch, count_result, &r, &r.o.sum, &err);
	r.o.err = err;
	batch_is_ok(&r.o);
	assert_string_equal(ways(f, 0), "QBiUUIUIIC");
	assert_int_equal(r.heard, 1 + 1100 + 1 + ROWS + 2);
	cdbc_batch_free(batch);
}

/* A result that is too long to be held lets go of what is: of each row, too. */
static void test_before_and_behind_a_long_result(void **state)
{
	fixture *f = *state;
	run r = {.o = {.sum = CDBC_BATCH_SUMMARY_INIT}, .last_index = -1, .is_in_order = true};
	cdbc_batch *batch = batch_of(f, &ATOMIC, SQLS(NULL));

	answer_question(f);
	answer_unnest(f, ROWS);
	fake_server_answer(
		f->server,
		&(fake_answer){.sql = "select long", .columns = "n int8", .rows = "7", .repeat = 3000000});
	add(batch, ROWS);
	assert_int_equal(cdbc_batch_add_sql(batch, "select long", CDBC_NO_PARAMS, NULL), CDBC_OK);
	add(batch, ROWS);
	r.o.status = cdbc_batch_execute(batch, count_result, &r, &r.o.sum, &r.o.err);
	batch_is_ok(&r.o);
	assert_string_equal(ways(f, 0), "QBUsUC");
	assert_int_equal(r.heard, 2 * ROWS);
	assert_int_equal(r.last_index, 2 * ROWS);
	assert_true(r.is_in_order);
	cdbc_batch_free(batch);
}

/* ---- rows that the caller says are ---- */

static cdbc_status add_rows(cdbc_batch *batch, const cdbc_value *values, size_t row_count,
							cdbc_error **err)
{
	static const char *const columns[] = {"id", "s"}, *const types[] = {"int8", "text"};
	cdbc_dialect_insert insert = CDBC_DIALECT_INSERT_INIT;

	insert.schema = "public";
	insert.table = "t";
	insert.columns = columns;
	insert.types = types;
	insert.column_count = 2;
	return cdbc_batch_add_rows(batch, &insert, values, row_count, err);
}

static void refuses(cdbc_batch *batch, const cdbc_value *values, const char *message)
{
	cdbc_error *err = NULL;

	assert_int_equal(add_rows(batch, values, 3, &err), CDBC_PARAM);
	assert_string_equal(cdbc_error_message(err), message);
	cdbc_error_free(err);
	assert_int_equal(cdbc_batch_count(batch), 0);
}

static void test_rows_are_looked_at(void **state)
{
	fixture *f = *state;
	cdbc_batch *batch = batch_of(f, NULL, SQLS(NULL));
	const cdbc_value list = cdbc_array(NULL, 0);
	cdbc_value values[] = {cdbc_int64(1),        cdbc_string(""), cdbc_int64(2),
						   cdbc_text_n(NULL, 0), cdbc_null(),     cdbc_string("\xc3\xa4 and more")};

	values[5] = cdbc_string("12345678\xff");
	refuses(batch, values, "row 3, column 2: it is not valid UTF-8");
	values[3] = cdbc_text_n("a\0b", 3);
	refuses(batch, values, "row 2, column 2: the text has a NUL byte");
	values[4] = list;
	refuses(batch, values, "row 3, column 1: rows hold no arrays");
	values[3] = cdbc_text_n(NULL, 0);
	values[4] = cdbc_null();
	values[5] = cdbc_bytes("\0\xff", 2);
	assert_int_equal(add_rows(batch, values, 3, NULL), CDBC_OK);
	cdbc_batch_free(batch);
}

static void runs_short_of_memory(fixture *f, oom_scenario what)
{
	run r;

	answer_question(f);
	answer_unnest(f, ROWS);
	batch_answer(f, INSERT);
	r = execute(f, NULL, ROWS); /* the connection is there */
	batch_is_ok(&r.o);
	assert_true(oom_run(what, f) > 5);
}

static cdbc_status rows_scenario(void *data, cdbc_error **err)
{
	static const char text[600] = "x";
	fixture *f = data;
	cdbc_value values[2 * ROWS];
	cdbc_batch *batch = NULL;
	cdbc_status status = cdbc_batch_new(f->session, NULL, &batch, err);

	for (size_t i = 0; i < ROWS; i++) {
		values[2 * i] = cdbc_int64((int64_t)i);
		values[2 * i + 1] = cdbc_bytes(text, i % 5 * 150);
	}
	for (int i = 0; !status && i < 2; i++)
		status = add_rows(batch, values, ROWS, err);
	for (int i = 0; !status && i < 2; i++) /* they stay */
		status = cdbc_batch_execute(batch, NULL, NULL, NULL, err);
	cdbc_batch_free(batch);
	return status;
}

static void test_rows_without_memory(void **state)
{
	runs_short_of_memory(*state, rows_scenario);
}

/* ---- out of memory ---- */

static cdbc_status scenario(void *data, cdbc_error **err)
{
	fixture *f = data;
	size_t from = batch_said_count(f);
	cdbc_batch *batch = NULL;
	run r = {.o = {.sum = CDBC_BATCH_SUMMARY_INIT}, .last_index = -1};
	cdbc_status status = cdbc_batch_new(f->session, NULL, &batch, err);
	bool was_sent;

	for (int64_t i = 0; !status && i < ROWS; i++)
		status = cdbc_batch_add_sql(
			batch, INSERT, CDBC_PARAMS({NULL, cdbc_int64(i)}, {NULL, cdbc_string("x")}), err);
	if (!status) {
		status = cdbc_batch_execute(batch, count_result, &r, &r.o.sum, err);
		was_sent = strchr(ways(f, from), 'C') != NULL;
		batch_assert_counts(&r.o, was_sent ? ROWS : 0, 0, 0, 0, was_sent ? 0 : ROWS);
	}
	cdbc_batch_free(batch);
	return status;
}

static void test_out_of_memory(void **state)
{
	runs_short_of_memory(*state, scenario);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, batch_set_up, batch_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_one_statement),
		CASE(test_not_when),
		CASE(test_no_answer),
		CASE(test_lost_while_asking),
		CASE(test_arrays_are_refused),
		CASE(test_a_row_fails),
		CASE(test_lost),
		CASE(test_a_conflict),
		CASE(test_parts),
		CASE(test_before_and_behind_a_long_result),
		CASE(test_rows_are_looked_at),
		CASE(test_rows_without_memory),
		CASE(test_out_of_memory),
	};

	return test_fake_begin() ? 1 : cmocka_run_group_tests_name("batch_fold", tests, NULL, NULL);
}
