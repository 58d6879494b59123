// SPDX-License-Identifier: Apache-2.0
/* The PostgreSQL driver against a server that does what no real one does when asked: hangs, stops
 * in the middle of a message, resets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "infra/driver/registry.h"
#include "support/wire_server.h"

#include <cdbc/driver.h>

extern const cdbc_driver cx_driver_postgresql;
#define DRIVER (&cx_driver_postgresql)

typedef struct scene {
	wire_table *table;
	wire_server *server;
	cx_helpers *helpers;
	cdbc_driver_host host;
	cdbc_setting items[8];
	cdbc_settings settings;
	char port[16];
	void *conn;
	uint32_t flags; /* of requests */
} scene;

/* BEGIN and COMMIT as a caller's own words, and as the library's, which go in one message. */
#define CONTROL (CDBC_REQUEST_NO_PREPARE | CDBC_REQUEST_SMALL_RESULT)
static const struct {
	uint32_t flags;
	char message;     /* that runs them */
	size_t cut_bytes; /* of an answer to COMMIT that do not make it one */
} ways[] = {{0, 'E', 24}, {CONTROL, 'Q', 18}};
#define EACH_WAY for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)

static int64_t soon(void)
{
	return cx_deadline_after_ms(20000);
}

/* That a limit was kept, never how fast: soon() would be waited for without it. */
#define LATE_NS (15 * CX_NS_PER_S)

static void scene_begin(scene *s)
{
	memset(s, 0, sizeof *s);
	s->table = wire_table_new();
	assert_non_null(s->table);
	s->server = wire_server_start(&(wire_server_options){.table = s->table});
	assert_non_null(s->server);
	assert_int_equal(cx_helpers_new(4, 16, &s->helpers, NULL), CDBC_OK);
	cx_driver_host_init(&s->host, s->helpers);
	snprintf(s->port, sizeof s->port, "%d", wire_server_port(s->server));
	s->items[0] = (cdbc_setting){"host", "127.0.0.1"};
	s->items[1] = (cdbc_setting){"port", s->port};
	s->items[2] = (cdbc_setting){"user", "root"};
	s->items[3] = (cdbc_setting){"dbname", "defaultdb"};
	s->items[4] = (cdbc_setting){"sslmode", "disable"};
	s->settings = (cdbc_settings){.struct_size = sizeof s->settings,
								  .scheme = "cockroachdb",
								  .items = s->items,
								  .count = 5,
								  .host = &s->host};
}

static void scene_open(scene *s)
{
	cdbc_error *err = NULL;

	if (DRIVER->open(&s->settings, soon(), &s->conn, &err))
		fail_msg("%s", cdbc_error_message(err));
}

static void scene_end(scene *s)
{
	DRIVER->close(s->conn);
	wire_server_stop(s->server);
	cx_helpers_free(s->helpers);
	wire_table_free(s->table);
}

static cdbc_status run(scene *s, const char *sql, int64_t deadline_ns, cdbc_summary *facts,
					   cdbc_error **err)
{
	cdbc_request r = {.struct_size = sizeof r,
					  .sql = sql,
					  .sql_length = strlen(sql),
					  .kind = CDBC_KIND_TRANSACTION,
					  .flags = s->flags};
	void *cursor = NULL;
	cdbc_status status =
		DRIVER->submit(s->conn, &r, 1, CDBC_SYNC_EACH, deadline_ns, &cursor, facts, err);

	if (!status) {
		*facts = *DRIVER->summary(cursor);
		DRIVER->cursor_close(cursor, soon());
	}
	return status;
}

static void gives_up_connecting(void **state)
{
	scene s;
	cdbc_error *err = NULL;
	int64_t begun = cx_clock_now_ns();
	wire_script *script = wire_script_new();

	scene_begin(&s);
	wire_script_stall(script);
	wire_server_add_script(s.server, script, 1);
	assert_int_equal(DRIVER->open(&s.settings, cx_deadline_after_ms(200), &s.conn, &err),
					 CDBC_TIMEOUT);
	assert_non_null(strstr(cdbc_error_message(err), "connect 127.0.0.1:"));
	assert_null(s.conn);
	assert_true(cx_clock_now_ns() - begun >= 200 * CX_NS_PER_MS);
	assert_true(cx_clock_now_ns() - begun < LATE_NS);
	cdbc_error_free(err);
	wire_server_refuse(s.server);
	assert_int_equal(DRIVER->open(&s.settings, soon(), &s.conn, &err), CDBC_CONNECT);
	assert_non_null(strstr(cdbc_error_message(err), "refused"));
	cdbc_error_free(err);
	scene_end(&s);
}

/* Neither the statement nor the cancel has an answer: the connection is given up, soon. */
static void gives_up_a_server_that_hangs(void **state)
{
	(void)state;
	EACH_WAY
	{
		scene s;
		cdbc_error *err = NULL;
		cdbc_summary facts = {0};
		wire_script *script = wire_script_new();
		int64_t begun;

		scene_begin(&s);
		s.flags = ways[w].flags;
		wire_script_stall(script);
		wire_server_when(s.server, ways[w].message, "begin", 1, script);
		scene_open(&s);
		begun = cx_clock_now_ns();
		assert_int_equal(run(&s, "begin", cx_deadline_after_ms(500), &facts, &err), CDBC_TIMEOUT);
		assert_true(cx_clock_now_ns() - begun < LATE_NS);
		assert_true(facts.is_cancel_sent);
		assert_true(facts.is_link_lost);
		assert_int_equal(facts.position, CDBC_POSITION_SENT);
		assert_string_equal(cdbc_error_sqlstate(err), "");
		assert_true(DRIVER->state(s.conn).is_lost);
		assert_true(wire_server_wait_cancel(s.server, 1, 5000));
		cdbc_error_free(err);
		scene_end(&s);
	}
}

static void is_used_again_after_a_cancel(void **state)
{
	(void)state;
	EACH_WAY
	{
		scene s;
		cdbc_error *err = NULL;
		cdbc_summary facts = {0};
		wire_script *script = wire_script_new();

		scene_begin(&s);
		s.flags = ways[w].flags;
		wire_script_wait_cancel(script);
		wire_script_error(script, "57014", "query execution canceled");
		wire_server_when(s.server, ways[w].message, "begin", 1, script);
		scene_open(&s);
		assert_int_equal(run(&s, "begin", cx_deadline_after_ms(500), &facts, &err), CDBC_TIMEOUT);
		assert_string_equal(cdbc_error_sqlstate(err), "57014");
		assert_int_equal(facts.position, CDBC_POSITION_DONE);
		assert_false(facts.is_link_lost);
		cdbc_error_free(err);
		assert_false(DRIVER->state(s.conn).is_lost);
		assert_int_equal(run(&s, "begin", soon(), &facts, NULL), CDBC_OK);
		assert_int_equal(DRIVER->state(s.conn).tx, CDBC_TX_OPEN);
		scene_end(&s);
	}
}

/* A commit whose answer came while it was given up: by COMMIT it is in, by ROLLBACK it is not, and
 * nobody may take one for the other. */
static void reads_a_late_answer_to_a_commit(void **state)
{
	static const char *const tags[] = {"COMMIT", "ROLLBACK"};

	(void)state;
	EACH_WAY
	{
		for (int i = 0; i < 2; i++) {
			cdbc_request r = {.struct_size = sizeof r,
							  .sql = "commit",
							  .sql_length = 6,
							  .kind = CDBC_KIND_TRANSACTION,
							  .flags = ways[w].flags | CDBC_REQUEST_COMMITS};
			wire_script *script = wire_script_new();
			cdbc_summary facts = {0};
			cdbc_error *err = NULL;
			const struct ArrowSchema *schema;
			void *cursor = NULL;
			bool has_result;
			scene s;

			scene_begin(&s);
			s.flags = ways[w].flags;
			wire_script_wait_cancel(script);
			wire_put_command_complete(wire_script_send(script), tags[i]);
			if (ways[w].message == 'Q') /* no Sync follows, whose answer it is */
				wire_put_ready(wire_script_send(script), 'I');
			wire_server_when(s.server, ways[w].message, "commit", 1, script);
			scene_open(&s);
			assert_int_equal(run(&s, "begin", soon(), &facts, NULL), CDBC_OK);
			if (DRIVER->submit(s.conn, &r, 1, CDBC_SYNC_EACH, cx_deadline_after_ms(500), &cursor,
							   &facts, &err) == CDBC_OK) {
				assert_int_equal(DRIVER->next_result(cursor, cx_deadline_after_ms(0), &schema,
													 &has_result, &err),
								 CDBC_TIMEOUT);
				facts = *DRIVER->summary(cursor);
				DRIVER->cursor_close(cursor, soon());
			}
			assert_int_equal(cdbc_error_status(err), CDBC_TIMEOUT);
			assert_int_equal(facts.position, CDBC_POSITION_DONE);
			assert_string_equal(cdbc_error_sqlstate(err), i ? "40000" : "");
			assert_false(facts.is_link_lost);
			cdbc_error_free(err);
			scene_end(&s);
		}
	}
}

/* The answer is cut after each of its bytes, by an end in order and by a reset: never a success,
 * never a hang. */
static void loses_the_link_at_every_byte(void **state)
{
	(void)state;
	EACH_WAY
	{
		for (size_t bytes = 0; bytes < ways[w].cut_bytes; bytes++) {
			scene s;
			cdbc_error *err = NULL;
			cdbc_summary facts = {0};
			wire_script *script = wire_script_new();

			scene_begin(&s);
			s.flags = ways[w].flags;
			wire_script_answer(script, bytes);
			if (bytes % 2)
				wire_script_close(script);
			else
				wire_script_reset(script);
			scene_open(&s);
			assert_int_equal(run(&s, "begin", soon(), &facts, NULL), CDBC_OK);
			wire_server_when(s.server, ways[w].message, "commit", 1, script);
			assert_int_equal(run(&s, "commit", soon(), &facts, &err), CDBC_CONNECT);
			assert_non_null(strstr(cdbc_error_message(err), " lost: "));
			assert_int_equal(facts.position, CDBC_POSITION_SENT);
			assert_int_equal(facts.tx_before, CDBC_TX_OPEN);
			assert_true(facts.is_link_lost);
			assert_true(DRIVER->state(s.conn).is_lost);
			cdbc_error_free(err);
			scene_end(&s);
		}
	}
}

/* The simple protocol runs every statement of a text. Where there may be two, the other is taken,
 * which refuses them. */
static void runs_no_second_statement(void **state)
{
	static const char *const texts[] = {"BEGIN AS OF SYSTEM TIME '-1s'; COMMIT", "COMMIT"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		scene s;
		cdbc_summary facts = {0};

		scene_begin(&s);
		s.flags = CONTROL;
		scene_open(&s);
		(void)run(&s, texts[i], soon(), &facts, NULL);
		assert_int_equal(wire_server_count(s.server, 'Q', texts[i]), i);
		assert_int_equal(wire_server_count(s.server, 'P', texts[i]), 1 - i);
		scene_end(&s);
	}
}

/* A statement of a batch is stopped, and then the session: the server goes away. What says so comes
 * behind the rest of the batch, or is the link's end alone. */
static void sees_a_drain_in_a_batch(void **state)
{
	(void)state;
	for (int has_word = 0; has_word < 2; has_word++) {
		cdbc_request rs[2] = {{.struct_size = sizeof *rs,
							   .sql = "begin",
							   .sql_length = 5,
							   .kind = CDBC_KIND_TRANSACTION}};
		wire_script *script = wire_script_new();
		wire_bytes *out = wire_script_send(script);
		const struct ArrowSchema *schema;
		void *cursor = NULL;
		bool has_result;
		cdbc_error *err = NULL;
		scene s;

		rs[1] = rs[0];
		scene_begin(&s);
		wire_put_error_text(out, "57014", "query execution canceled");
		if (has_word)
			wire_put_error_text(out, "57P01", "server is shutting down");
		wire_script_close(script);
		wire_server_when(s.server, 'E', "begin", 1, script);
		scene_open(&s);
		assert_int_equal(DRIVER->submit(s.conn, rs, 2, CDBC_ONE_SYNC, soon(), &cursor, NULL, NULL),
						 CDBC_OK);
		assert_int_equal(DRIVER->next_result(cursor, soon(), &schema, &has_result, &err),
						 CDBC_CONNECT);
		assert_string_equal(cdbc_error_sqlstate(err), has_word ? "57P01" : "");
		assert_true(DRIVER->summary(cursor)->is_link_lost);
		assert_int_equal(DRIVER->summary(cursor)->position, CDBC_POSITION_SENT);
		cdbc_error_free(err);
		DRIVER->cursor_close(cursor, soon());
		scene_end(&s);
	}
}

/* CockroachDB undoes percent signs in `options` and wants small letters; libpq's guess of a
 * database is no use there. */
static void writes_settings_as_cockroachdb_reads_them(void **state)
{
	static const char *const seen[] = {"-c datestyle=ISO ", "-c extra_float_digits=3 ",
									   "-c cdbc.note=50%25%2B1\\ 2 ",
									   "-c statement_timeout=5s --cluster=x", "defaultdb"};
	scene s;
	cdbc_error *err = NULL;

	scene_begin(&s);
	s.items[3] = (cdbc_setting){"set.cdbc.Note", "50%+1 2"};
	s.items[5] = (cdbc_setting){"set.Statement_Timeout", "5s"};
	s.items[6] = (cdbc_setting){"options", "--cluster=x"};
	s.settings.count = 7;
	scene_open(&s);
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
		assert_true(wire_server_bytes_contain(s.server, seen[i], strlen(seen[i])));
	DRIVER->close(s.conn);
	s.conn = NULL;
	s.items[3].value = "a=b";
	assert_int_equal(DRIVER->open(&s.settings, soon(), &s.conn, &err), CDBC_CONFIG);
	assert_non_null(strstr(cdbc_error_message(err), "set.cdbc.Note"));
	cdbc_error_free(err);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_up_connecting),
		cmocka_unit_test(gives_up_a_server_that_hangs),
		cmocka_unit_test(is_used_again_after_a_cancel),
		cmocka_unit_test(reads_a_late_answer_to_a_commit),
		cmocka_unit_test(loses_the_link_at_every_byte),
		cmocka_unit_test(runs_no_second_statement),
		cmocka_unit_test(sees_a_drain_in_a_batch),
		cmocka_unit_test(writes_settings_as_cockroachdb_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
