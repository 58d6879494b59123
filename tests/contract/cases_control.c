// SPDX-License-Identifier: Apache-2.0
/* Driver suite: errors, several requests, transactions, sessions, stopping. */
#include "contract.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* ---- errors
 * -------------------------------------------------------------------------------------------------
 */

void contract_errors_have_facts(void **state)
{
	const contract_subject *s = *state;
	void *conn = contract_open(s);
	cdbc_error *err = contract_fails(s, conn, CONTRACT_SYNTAX, CDBC_SQL, "42601");

	assert_int_equal(cdbc_error_position(err), 1);
	cdbc_error_free(err);
	cdbc_error_free(contract_fails(s, conn, CONTRACT_NO_TABLE, CDBC_SQL, "42P01"));
	if (!s->is_scripted) {
		err = contract_fails(s, conn, "select '\xc3\xa4', nowhere", CDBC_SQL, "42703");
		assert_int_equal(cdbc_error_position(err), s->is_cockroach ? 0 : 13);
		cdbc_error_free(err);
		err = contract_fails(s, conn, "select 1; select 2", CDBC_SQL,
							 s->is_cockroach ? NULL : "42601");
		cdbc_error_free(err);
	}
	s->driver->close(conn);
}

void contract_constraints_have_facts(void **state)
{
	const contract_subject *s = *state;
	cdbc_error *err;
	void *conn;

	conn = contract_open(s);
	contract_exec(s, conn,
				  "create temp table contract_c (a bigint not null primary key, b bigint, "
				  "constraint small check (b < 10))");
	contract_exec(s, conn, "insert into contract_c values (1, 1)");
	err = contract_fails(s, conn, "insert into contract_c values (1, 2)", CDBC_SQL, "23505");
	cdbc_error_free(err);
	err = contract_fails(s, conn, "insert into contract_c values (null, 2)", CDBC_SQL, "23502");
	if (!s->is_cockroach) {
		assert_string_equal(cdbc_error_field(err, CDBC_FIELD_COLUMN), "a");
		assert_string_equal(cdbc_error_field(err, CDBC_FIELD_TABLE), "contract_c");
	}
	cdbc_error_free(err);
	err = contract_fails(s, conn, "insert into contract_c values (2, 20)", CDBC_SQL, "23514");
	assert_string_equal(cdbc_error_field(err, CDBC_FIELD_CONSTRAINT), "small");
	cdbc_error_free(err);
	assert_int_equal(contract_number(s, conn, "select count(*) from contract_c"), 1);
	s->driver->close(conn);
}

void contract_usable_after_error(void **state)
{
	const contract_subject *s = *state;
	void *conn = contract_open(s);

	for (int i = 0; i < 3; i++) {
		cdbc_error_free(contract_fails(s, conn, CONTRACT_SYNTAX, CDBC_SQL, "42601"));
		assert_int_equal(s->driver->state(conn).tx, CDBC_TX_IDLE);
		assert_false(s->driver->state(conn).is_busy);
		assert_int_equal(contract_number(s, conn, CONTRACT_ONE), 1);
	}
	s->driver->close(conn);
}

/* ---- several requests
 * --------------------------------------------------------------------------------------- */

#define BATCH_MAX 4
typedef struct batch_outcome {
	size_t results, errors, rows;
	cdbc_status statuses[BATCH_MAX]; /* of the first next_results */
} batch_outcome;

/* Runs texts as one submit, all to their ends. */
static batch_outcome run_batch(const contract_subject *s, void *conn, const char *const *texts,
							   size_t count, cdbc_sync sync)
{
	static char room[BATCH_MAX][4096];
	cdbc_request requests[BATCH_MAX];
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	batch_outcome out = {0};
	bool has_result = true;
	void *cursor = NULL;

	for (size_t i = 0; i < count; i++)
		requests[i] = contract_request(s, texts[i], room[i]);
	assert_int_equal(s->driver->submit(conn, requests, count, sync, CX_NEVER, &cursor, NULL, NULL),
					 CDBC_OK);
	for (size_t i = 0; i < count; i++)
		memset(room[i], 'x', 20); /* read during submit only */
	for (size_t i = 0; i < BATCH_MAX && has_result; i++) {
		cdbc_status status = s->driver->next_result(cursor, CX_NEVER, &schema, &has_result, NULL);

		while (!status && has_result && schema) {
			status = s->driver->fetch(cursor, CX_NEVER, &batch, NULL);
			if (status || !batch.release)
				break;
			out.rows += (size_t)batch.length;
			batch.release(&batch);
		}
		out.statuses[i] = status;
		out.errors += status != CDBC_OK;
		out.results += !status && has_result;
	}
	s->driver->cursor_close(cursor, cx_deadline_after_ms(5000));
	return out;
}

void contract_one_sync_runs_all(void **state)
{
	static const char *const texts[] = {"begin", CONTRACT_ONE, "commit"};
	const contract_subject *s = *state;
	batch_outcome out;
	void *conn;

	conn = contract_open(s);
	out = run_batch(s, conn, texts, 3, CDBC_ONE_SYNC);
	assert_int_equal(out.results, 3);
	assert_int_equal(out.errors, 0);
	assert_int_equal(out.rows, 1);
	assert_int_equal(s->driver->state(conn).tx, CDBC_TX_IDLE);
	s->driver->close(conn);
}

void contract_one_sync_is_one_transaction(void **state)
{
	static const char *const good[] = {"insert into contract_b values (1)",
									   "insert into contract_b values (2)",
									   "select a from contract_b"};
	static const char *const bad[] = {"insert into contract_b values (3)",
									  "insert into contract_b values (1)",
									  "insert into contract_b values (4)"};
	const contract_subject *s = *state;
	batch_outcome out;
	void *conn;

	if (s->has_no_batch)
		contract_skip("each statement of a pipeline commits by itself here");
	conn = contract_open(s);
	contract_exec(s, conn, "create temp table contract_b (a bigint primary key)");
	out = run_batch(s, conn, good, 3, CDBC_ONE_SYNC);
	assert_int_equal(out.results, 3);
	assert_int_equal(out.rows, 2);
	assert_int_equal(contract_number(s, conn, "select count(*) from contract_b"), 2);
	out = run_batch(s, conn, bad, 3, CDBC_ONE_SYNC);
	assert_int_equal(out.statuses[0], CDBC_OK);
	assert_int_equal(out.statuses[1], CDBC_SQL);
	assert_int_equal(out.results, 1);
	assert_int_equal(s->driver->state(conn).tx, CDBC_TX_IDLE);
	assert_int_equal(contract_number(s, conn, "select count(*) from contract_b"), 2);
	s->driver->close(conn);
}

void contract_sync_each_goes_on(void **state)
{
	static const char *const texts[] = {CONTRACT_ONE, CONTRACT_SYNTAX, CONTRACT_ONE};
	const contract_subject *s = *state;
	batch_outcome out;
	void *conn;

	conn = contract_open(s);
	out = run_batch(s, conn, texts, 3, CDBC_SYNC_EACH);
	assert_int_equal(out.results, 2);
	assert_int_equal(out.errors, 1);
	assert_int_equal(out.statuses[1], CDBC_SQL);
	assert_int_equal(out.rows, 2);
	s->driver->close(conn);
}

void contract_several_statements_in_a_text(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, "select 1 as a; -- one\nselect 2 as b, 3 as c;", text);
	const struct ArrowSchema *schema;
	bool has_result;
	void *conn, *cursor;

	conn = contract_open(s);
	r.flags = CDBC_REQUEST_SIMPLE;
	assert_int_equal(s->driver->submit(conn, &r, 1, CDBC_ONE_SYNC, CX_NEVER, &cursor, NULL, NULL),
					 CDBC_OK);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(s->driver->next_result(cursor, CX_NEVER, &schema, &has_result, NULL),
						 CDBC_OK);
		assert_true(has_result);
		assert_int_equal(schema->n_children, i);
	}
	assert_int_equal(s->driver->next_result(cursor, CX_NEVER, &schema, &has_result, NULL), CDBC_OK);
	assert_false(has_result);
	s->driver->cursor_close(cursor, CX_NEVER);
	s->driver->close(conn);
}

/* ---- cursors
 * ------------------------------------------------------------------------------------------------
 */

void contract_early_close_and_reuse(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, CONTRACT_ROWS, text);
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	bool has_result;
	void *conn = contract_open(s), *cursor;

	r.batch_rows = 10;
	for (int stage = 0; stage < 3; stage++) {
		assert_int_equal(
			s->driver->submit(conn, &r, 1, CDBC_ONE_SYNC, CX_NEVER, &cursor, NULL, NULL), CDBC_OK);
		assert_true(s->driver->state(conn).is_busy);
		if (stage > 0)
			assert_int_equal(s->driver->next_result(cursor, CX_NEVER, &schema, &has_result, NULL),
							 CDBC_OK);
		if (stage > 1) {
			assert_int_equal(s->driver->fetch(cursor, CX_NEVER, &batch, NULL), CDBC_OK);
			batch.release(&batch);
		}
		s->driver->cursor_close(cursor, cx_deadline_after_ms(5000));
		assert_false(s->driver->state(conn).is_busy);
		assert_false(s->driver->state(conn).is_lost);
		assert_int_equal(contract_number(s, conn, CONTRACT_ONE), 1);
	}
	s->driver->close(conn);
}

void contract_one_cursor_at_a_time(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, CONTRACT_ONE, text);
	void *conn = contract_open(s), *cursor, *other = NULL;

	assert_int_equal(s->driver->submit(conn, &r, 1, CDBC_ONE_SYNC, CX_NEVER, &cursor, NULL, NULL),
					 CDBC_OK);
	assert_int_equal(s->driver->submit(conn, &r, 1, CDBC_ONE_SYNC, CX_NEVER, &other, NULL, NULL),
					 CDBC_USAGE);
	assert_null(other);
	s->driver->cursor_close(cursor, CX_NEVER);
	assert_int_equal(contract_number(s, conn, CONTRACT_ONE), 1);
	s->driver->close(conn);
}

void contract_summary_at_each_stage(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, CONTRACT_ROWS, text);
	const struct ArrowSchema *schema;
	struct ArrowArray batch;
	bool has_result;
	void *conn = contract_open(s), *cursor;

	r.batch_rows = 600;
	assert_int_equal(s->driver->submit(conn, &r, 1, CDBC_ONE_SYNC, CX_NEVER, &cursor, NULL, NULL),
					 CDBC_OK);
	assert_true(s->driver->summary(cursor)->position <= CDBC_POSITION_SENT);
	assert_int_equal(s->driver->next_result(cursor, CX_NEVER, &schema, &has_result, NULL), CDBC_OK);
	assert_int_equal(s->driver->summary(cursor)->position, CDBC_POSITION_SENT);
	assert_int_equal(s->driver->summary(cursor)->affected_count, -1);
	assert_int_equal(s->driver->fetch(cursor, CX_NEVER, &batch, NULL), CDBC_OK);
	batch.release(&batch);
	assert_int_equal(s->driver->summary(cursor)->position, CDBC_POSITION_ROWS_TAKEN);
	assert_string_equal(s->driver->summary(cursor)->tag, "");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(s->driver->fetch(cursor, CX_NEVER, &batch, NULL), CDBC_OK);
		if (batch.release)
			batch.release(&batch);
	}
	assert_int_equal(s->driver->summary(cursor)->position, CDBC_POSITION_DONE);
	assert_string_equal(s->driver->summary(cursor)->tag, "SELECT 1000");
	assert_int_equal(s->driver->summary(cursor)->tx_before, CDBC_TX_IDLE);
	assert_false(s->driver->summary(cursor)->is_cancel_sent);
	s->driver->cursor_close(cursor, CX_NEVER);
	s->driver->close(conn);
}

/* ---- transactions
 * ------------------------------------------------------------------------------------------- */

void contract_transaction_states(void **state)
{
	const contract_subject *s = *state;
	void *conn;

	conn = contract_open(s);
	assert_int_equal(contract_exec(s, conn, "begin").tx_before, CDBC_TX_IDLE);
	assert_int_equal(s->driver->state(conn).tx, CDBC_TX_OPEN);
	assert_int_equal(contract_exec(s, conn, CONTRACT_ONE).tx_before, CDBC_TX_OPEN);
	assert_int_equal(contract_exec(s, conn, "commit").tx_before, CDBC_TX_OPEN);
	assert_int_equal(s->driver->state(conn).tx, CDBC_TX_IDLE);
	contract_exec(s, conn, "begin");
	cdbc_error_free(contract_fails(s, conn, CONTRACT_SYNTAX, CDBC_SQL, "42601"));
	assert_int_equal(s->driver->state(conn).tx,
					 s->fails_in_transaction ? CDBC_TX_FAILED : CDBC_TX_OPEN);
	assert_string_equal(contract_exec(s, conn, "rollback").tag, "ROLLBACK");
	assert_int_equal(s->driver->state(conn).tx, CDBC_TX_IDLE);
	s->driver->close(conn);
}

void contract_failed_transaction_cannot_commit(void **state)
{
	const contract_subject *s = *state;
	void *conn;

	conn = contract_open(s);
	contract_exec(s, conn, "begin");
	cdbc_error_free(contract_fails(s, conn, CONTRACT_SYNTAX, CDBC_SQL, "42601"));
	cdbc_error_free(contract_fails(s, conn, CONTRACT_ONE, CDBC_SQL, "25P02"));
	cdbc_error_free(contract_fails(s, conn, "commit", CDBC_SQL, "40000"));
	assert_int_equal(s->driver->state(conn).tx, CDBC_TX_IDLE);
	assert_int_equal(contract_number(s, conn, CONTRACT_ONE), 1);
	s->driver->close(conn);
}

/* ---- prepared statements
 * ------------------------------------------------------------------------------------ */

static int64_t prepared_count(const contract_subject *s, void *conn)
{
	cdbc_value v;

	assert_int_equal(s->driver->info(conn, CDBC_INFO_PREPARED_COUNT, &v, NULL), CDBC_OK);
	assert_int_equal(v.kind, CDBC_VALUE_INT64);
	return v.as.int64;
}

static void run_kept(const contract_subject *s, void *conn, int number)
{
	char sql[64], text[4096];
	cdbc_value value = cdbc_int64(number * 10);
	contract_result result;
	cdbc_request r;

	snprintf(sql, sizeof sql, "select cast($1 as bigint) + %d as n", number);
	r = contract_request(s, sql, text);
	value.type.id = CDBC_TYPE_INT8;
	r.statement_id = 7000 + (uint64_t)number;
	r.values = &value;
	r.value_count = 1;
	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
	assert_int_equal(contract_int64(&result, 0, 0), number * 11);
	contract_result_free(&result);
}

void contract_prepared_reuse_and_eviction(void **state)
{
	const contract_subject *s = *state;
	cdbc_setting items[32] = {{"prepared_statements", "4"}};
	contract_subject small = *s;
	void *conn;

	memcpy(items + 1, s->settings.items, s->settings.count * sizeof *items);
	small.settings.items = items;
	small.settings.count = s->settings.count + 1;
	conn = contract_open(&small);
	run_kept(s, conn, 1);
	assert_int_equal(prepared_count(s, conn), 1);
	run_kept(s, conn, 1);
	assert_int_equal(prepared_count(s, conn), 1);
	for (int i = 1; i <= 12; i++) {
		run_kept(s, conn, i);
		run_kept(s, conn, 1);
		assert_true(prepared_count(s, conn) <= 4);
	}
	run_kept(s, conn, 2);
	s->driver->close(conn);
}

void contract_prepared_survives_schema_change(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, "select * from contract_s", text);
	contract_result result;
	cdbc_status status;
	void *conn;

	conn = contract_open(s);
	r.statement_id = 6999;
	contract_exec(s, conn, "create temp table contract_s (a bigint)");
	contract_exec(s, conn, "insert into contract_s values (1)");
	for (int columns = 1; columns <= 2; columns++) {
		status = contract_query(s, conn, &r, CX_NEVER, &result, NULL);
		assert_int_equal(status, CDBC_OK);
		assert_int_equal(result.schema.n_children, columns);
		assert_int_equal(result.first.n_children, columns);
		contract_result_free(&result);
		contract_exec(s, conn,
					  columns == 1 ? "alter table contract_s add column b text"
								   : "drop table contract_s");
	}
	s->driver->close(conn);
}

void contract_reset_brings_back(void **state)
{
	const contract_subject *s = *state;
	void *conn = contract_open(s);

	contract_exec(s, conn, "begin");
	assert_int_equal(s->driver->reset(conn, cx_deadline_after_ms(5000), NULL), CDBC_OK);
	assert_int_equal(s->driver->state(conn).tx, CDBC_TX_IDLE);
	if (!s->is_scripted) {
		contract_exec(s, conn, "create temp table contract_gone (a bigint)");
		assert_int_equal(s->driver->reset(conn, cx_deadline_after_ms(5000), NULL), CDBC_OK);
		if (!s->has_no_batch) /* CockroachDB since v22.1 */
			cdbc_error_free(
				contract_fails(s, conn, "select * from contract_gone", CDBC_SQL, "42P01"));
	}
	assert_int_equal(contract_number(s, conn, CONTRACT_ONE), 1);
	s->driver->close(conn);
}

/* ---- stopping
 * -----------------------------------------------------------------------------------------------
 */

typedef struct canceller {
	const contract_subject *subject;
	void *conn;
	atomic_bool is_over;
} canceller;

/* Nobody can see from here that the statement runs already, and a cancel that comes before is
 * forgotten: so again, until it is over. */
static void *cancel_until_over(void *data)
{
	canceller *c = data;

	while (!atomic_load(&c->is_over)) {
		c->subject->driver->cancel(c->conn, cx_deadline_after_ms(5000), NULL);
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	return NULL;
}

void contract_cancel_from_another_thread(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, s->slow, text);
	cdbc_error *err = NULL;
	contract_result result;
	canceller c;
	pthread_t thread;

	if (s->has_no_cancel)
		contract_skip("no cancel over the wire here");
	c.subject = s;
	c.conn = contract_open(s);
	atomic_init(&c.is_over, false);
	assert_int_equal(pthread_create(&thread, NULL, cancel_until_over, &c), 0);
	assert_int_equal(contract_query(s, c.conn, &r, cx_deadline_after_ms(30000), &result, &err),
					 CDBC_CANCELLED);
	atomic_store(&c.is_over, true);
	pthread_join(thread, NULL);
	assert_string_equal(cdbc_error_sqlstate(err), "57014");
	assert_true(result.summary.is_cancel_sent);
	cdbc_error_free(err);
	contract_result_free(&result);
	assert_true(s->is_cockroach ||
				!s->driver->state(c.conn).is_lost); /* it was cancelled more than once */
	s->driver->close(c.conn);
}

void contract_late_cancel_hits_nobody(void **state)
{
	const contract_subject *s = *state;
	void *conn;

	if (s->is_cockroach)
		contract_skip("a cancel that hit nothing ends the connection here");
	conn = contract_open(s);
	for (int i = 0; i < 5; i++) {
		assert_string_equal(contract_exec(s, conn, CONTRACT_ROWS).tag,
							"SELECT 1000"); /* long enough to be hit */
		assert_int_equal(s->driver->cancel(conn, cx_deadline_after_ms(5000), NULL), CDBC_OK);
	}
	assert_false(s->driver->state(conn).is_lost);
	s->driver->close(conn);
}

void contract_deadline_ends_it(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, s->slow, text);
	void *conn = NULL;
	contract_result result;
	int64_t begun;

	memset(&result, 0, sizeof result);
	/* The first limit that is long enough for this machine to send the statement. */
	for (int64_t limit_ms = 50; limit_ms <= 5000 && !result.summary.is_cancel_sent;
		 limit_ms *= 10) {
		cdbc_error *err = NULL;

		contract_result_free(&result);
		if (conn)
			s->driver->close(conn);
		conn = contract_open(s);
		begun = cx_clock_now_ns();
		assert_int_equal(contract_query(s, conn, &r, cx_deadline_after_ms(limit_ms), &result, &err),
						 CDBC_TIMEOUT);
		assert_true(cx_clock_now_ns() - begun < 20 * CX_NS_PER_S); /* it would take for ever */
		cdbc_error_free(err);
	}
	assert_true(result.summary.is_cancel_sent);
	contract_result_free(&result);
	if (!s->driver->state(conn).is_lost) {
		assert_int_equal(s->driver->state(conn).tx, CDBC_TX_IDLE);
		assert_int_equal(contract_number(s, conn, CONTRACT_ONE), 1);
	}
	s->driver->close(conn);
}
