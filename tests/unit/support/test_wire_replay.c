// SPDX-License-Identifier: Apache-2.0
// The wire server as a replay of recorded connections, byte for byte, driven by libpq.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire_client.h"

static wire_server *replay(wire_recording **recording, const char *version, const char *form,
						   const char *scenario, const wire_server_options *options)
{
	*recording = wire_recording_open(version, form, scenario);
	assert_non_null(*recording);
	wire_server *server = wire_server_start(options);
	wire_server_add_recording(server, *recording);
	return server;
}

static void test_replay_of_statements(void **state)
{
	static const char *const forms[] = {"simple", "extended"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		wire_recording *recording;
		wire_server *server = replay(&recording, "v22.1", forms[i], "read_only_transaction",
									 &(wire_server_options){0});
		PGconn *conn = connect_to(server);
		const wire_recorded_connection *recorded = wire_recording_find(recording, NULL);
		for (size_t at = 0; at < recorded->count; at++) {
			const wire_message *message = &recorded->messages[at].message;
			const char *sql = (const char *)message->body;
			if (recorded->messages[at].from != WIRE_FROM_CLIENT)
				continue;
			if (message->type == 'Q')
				PQclear(PQexec(conn, sql));
			else if (message->type == 'P')
				PQclear(PQexecParams(conn, sql + 1, 0, NULL, NULL, NULL, NULL, 1));
		}
		assert_int_equal(PQtransactionStatus(conn), PQTRANS_IDLE);
		PQfinish(conn);
		stop_server(server);
		wire_recording_free(recording);
	}
}

static void test_replay_of_a_cancel(void **state)
{
	wire_recording *recording;
	(void)state;
	wire_server *server =
		replay(&recording, "v22.1", "simple", "cancel", &(wire_server_options){0});
	PGconn *conn = connect_to(server);
	char text[256];
	assert_int_equal(PQsendQuery(conn, "select pg_sleep(3)"), 1);
	assert_true(wire_server_wait_holding(server, 1, LIMIT_MS));
	PGcancel *handle = PQgetCancel(conn);
	assert_int_equal(PQcancel(handle, text, sizeof text), 1);
	PQfreeCancel(handle);
	assert_outcome(PQgetResult(conn), "57014");
	assert_null(PQgetResult(conn));
	// The second statement was cancelled from elsewhere.
	wire_server_release(server);
	assert_outcome(PQexec(conn, "select pg_sleep(5)"), "57014");
	PQfinish(conn);
	stop_server(server);
	wire_recording_free(recording);
}

static void test_replay_of_a_drain(void **state)
{
	wire_recording *recording;
	(void)state;
	wire_server *server = replay(&recording, "v22.1", "simple", "server_drain",
								 &(wire_server_options){.pauses_at_notes = true});
	PGconn *conn = connect_to(server);
	assert_true(wire_server_wait_holding(server, 1, LIMIT_MS));
	assert_int_equal(PQconsumeInput(conn), 1);
	wire_server_release(server);
	assert_sees_shutdown(conn);
	PQfinish(conn);
	wire_server_stop(server);
	wire_recording_free(recording);
}

static void test_replay_tells_other_messages(void **state)
{
	wire_recording *recording;
	(void)state;
	wire_server *server =
		replay(&recording, "v22.1", "simple", "errors", &(wire_server_options){0});
	PGconn *conn = connect_to(server);
	assert_lost(PQprepare(conn, "x", "select 1", 0, NULL));
	assert_problem(server, "replay: expected Q, got P select 1");
	PQfinish(conn);
	wire_server_stop(server);
	wire_recording_free(recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replay_of_statements),
		cmocka_unit_test(test_replay_of_a_cancel),
		cmocka_unit_test(test_replay_of_a_drain),
		cmocka_unit_test(test_replay_tells_other_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
