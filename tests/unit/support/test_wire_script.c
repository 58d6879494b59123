// SPDX-License-Identifier: Apache-2.0
// The wire server's moods: scripts, rules, pushes; driven by libpq.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire_client.h"

static void test_encryption_requests(void **state)
{
	char conninfo[256];
	(void)state;
	wire_table *table = wire_table_new();
	wire_server *server =
		wire_server_start(&(wire_server_options){.table = table, .gss_answer = 'E'});
	snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d user=root sslmode=prefer",
			 wire_server_port(server));
	PGconn *conn = PQconnectdb(conninfo);
	assert_int_equal(PQstatus(conn), CONNECTION_OK);
	assert_int_equal(wire_server_count(server, WIRE_SSL_REQUEST, NULL), 1);
	PQfinish(conn);
	stop_server(server);
	wire_table_free(table);
}

// ---- scripts at start-up ----

static wire_server *scripted(wire_script *script)
{
	wire_server *server = wire_server_start(&(wire_server_options){0});
	wire_server_add_script(server, script, 1);
	return server;
}

static void assert_connect_fails(wire_server *server, const char *part)
{
	PGconn *conn = PQconnectdb(wire_server_conninfo(server));
	assert_int_equal(PQstatus(conn), CONNECTION_BAD);
	assert_non_null(strstr(PQerrorMessage(conn), part));
	PQfinish(conn);
}

static void test_refuses(void **state)
{
	(void)state;
	wire_server *server = wire_server_start(&(wire_server_options){0});
	wire_server_refuse(server);
	assert_connect_fails(server, "refused");
	wire_server_stop(server);
}

static void test_nothing_to_do_closes(void **state)
{
	(void)state;
	wire_server *server = wire_server_start(&(wire_server_options){0});
	assert_connect_fails(server, "closed the connection");
	stop_server(server);
}

static void test_error_at_startup(void **state)
{
	wire_script *script = wire_script_new();
	(void)state;
	wire_script_accept(script);
	wire_put_error(wire_script_send(script),
				   &(wire_error){.severity = "FATAL",
								 .sqlstate = "57P01",
								 .message = "server is not accepting clients, try another node"});
	wire_script_close(script);
	wire_server *server = scripted(script);
	assert_connect_fails(server, "not accepting clients");
	stop_server(server);
}

static void test_reset_after_accept(void **state)
{
	wire_script *script = wire_script_new();
	(void)state;
	wire_script_reset(script);
	wire_server *server = scripted(script);
	assert_connect_fails(server, "");
	stop_server(server);
}

static void test_garbage_at_startup(void **state)
{
	wire_script *script = wire_script_new();
	(void)state;
	wire_script_accept(script);
	wire_bytes_put(wire_script_send(script), "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	wire_script_close(script);
	wire_server *server = scripted(script);
	assert_connect_fails(server, "");
	stop_server(server);
}

static void test_hangs_after_accept(void **state)
{
	wire_script *script = wire_script_new();
	(void)state;
	wire_script_stall(script);
	wire_server *server = scripted(script);
	PGconn *conn = PQconnectStart(wire_server_conninfo(server));
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	while (next == PGRES_POLLING_WRITING) {
		struct pollfd fd = {.fd = PQsocket(conn), .events = POLLOUT};
		assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
		next = PQconnectPoll(conn);
	}
	assert_int_equal(next, PGRES_POLLING_READING);
	assert_true(wire_server_wait_holding(server, 1, LIMIT_MS));
	// Stopping frees whoever waits for it.
	wire_server_stop(server);
	assert_true(wait_readable(conn));
	assert_int_equal(PQconnectPoll(conn), PGRES_POLLING_FAILED);
	PQfinish(conn);
}

// What a client reads that has sent more than the server wanted to know: 0 is the end in order.
static ssize_t read_after(bool by_reset)
{
	wire_script *script = wire_script_new();
	char byte;
	wire_script_hold(script);
	if (by_reset)
		wire_script_reset(script);
	else
		wire_script_close(script);
	wire_server *server = scripted(script);
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_port = htons(wire_server_port(server))};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(send(fd, "unread", 6, MSG_NOSIGNAL), 6);
	assert_true(wire_server_wait_holding(server, 1, LIMIT_MS));
	wire_server_release(server);
	ssize_t got = recv(fd, &byte, 1, 0);
	close(fd);
	stop_server(server);
	return got;
}

static void test_closes_in_order_or_not(void **state)
{
	(void)state;
	assert_int_equal(read_after(false), 0);
	assert_int_equal(read_after(true), -1);
}

// ---- scripts within a statement ----

static void put_rows(wire_bytes *out, size_t count)
{
	static const char *const row[] = {"some text", NULL};
	static const wire_column columns[] = {{"a", 25, -1, -1, 0}, {"b", 23, 4, -1, 0}};
	wire_put_row_description(out, columns, 2);
	for (size_t i = 0; i < count; i++)
		wire_put_text_row(out, row, 2);
}

static wire_script *query_script(void)
{
	wire_script *script = wire_script_new();
	wire_script_handshake(script);
	wire_script_expect(script, 'Q', "from t");
	return script;
}

static void test_query_by_script(void **state)
{
	wire_script *script = query_script();
	wire_bytes *out = wire_script_send(script);
	(void)state;
	wire_put_notice(out, &(wire_error){.sqlstate = "00000", .message = "by the way"});
	put_rows(out, 2);
	wire_put_command_complete(out, "SELECT 2");
	wire_put_ready(out, 'I');
	wire_script_expect(script, 'X', NULL);
	wire_server *server = scripted(script);
	PGconn *conn = connect_to(server);
	PGresult *result = PQexec(conn, "select * from t");
	assert_int_equal(PQntuples(result), 2);
	assert_true(PQgetisnull(result, 1, 1));
	assert_outcome(result, "SELECT 2");
	PQfinish(conn);
	stop_server(server);
}

static void test_cut_in_the_middle_of_a_message(void **state)
{
	for (int by_reset = 0; by_reset < 2; by_reset++) {
		wire_script *script = query_script();
		put_rows(wire_script_send_first(script, 77), 10);
		if (by_reset)
			wire_script_reset(script);
		else
			wire_script_close(script);
		wire_server *server = scripted(script);
		PGconn *conn = connect_to(server);
		assert_lost(PQexec(conn, "select * from t"));
		assert_int_equal(PQstatus(conn), CONNECTION_BAD);
		PQfinish(conn);
		stop_server(server);
	}
	(void)state;
}

static void test_holds_in_the_middle_of_rows(void **state)
{
	wire_script *script = query_script();
	(void)state;
	put_rows(wire_script_send(script), 1);
	wire_script_hold(script);
	wire_bytes *out = wire_script_send(script);
	wire_put_command_complete(out, "SELECT 1");
	wire_put_ready(out, 'I');
	wire_script_expect(script, 'X', NULL);
	wire_server *server = scripted(script);
	PGconn *conn = connect_to(server);
	assert_int_equal(PQsendQuery(conn, "select * from t"), 1);
	assert_int_equal(PQsetSingleRowMode(conn), 1);
	PGresult *result = PQgetResult(conn);
	assert_int_equal(PQresultStatus(result), PGRES_SINGLE_TUPLE);
	PQclear(result);
	assert_true(wire_server_wait_holding(server, 1, LIMIT_MS));
	assert_true(PQisBusy(conn));
	wire_server_release(server);
	assert_outcome(PQgetResult(conn), "SELECT 1");
	assert_null(PQgetResult(conn));
	PQfinish(conn);
	stop_server(server);
}

static void test_floods_until_cancelled(void **state)
{
	static const char *const row[] = {"some text", NULL};
	wire_script *script = query_script();
	char text[256];
	(void)state;
	put_rows(wire_script_send(script), 0);
	wire_put_text_row(wire_script_flood(script), row, 2);
	wire_bytes *out = wire_script_send(script);
	wire_put_error_text(out, "57014", "query execution canceled");
	wire_put_ready(out, 'I');
	wire_script_expect(script, 'X', NULL);
	wire_server *server = scripted(script);
	PGconn *conn = connect_to(server);
	size_t rows = 0;
	PGresult *result;
	assert_int_equal(PQsendQuery(conn, "select * from t"), 1);
	assert_int_equal(PQsetSingleRowMode(conn), 1);
	while ((result = PQgetResult(conn)) != NULL) {
		if (PQresultStatus(result) != PGRES_SINGLE_TUPLE) {
			assert_outcome(result, "57014");
			continue;
		}
		PQclear(result);
		if (rows++ != 1000)
			continue;
		PGcancel *handle = PQgetCancel(conn);
		assert_int_equal(PQcancel(handle, text, sizeof text), 1);
		PQfreeCancel(handle);
	}
	assert_true(rows > 1000);
	PQfinish(conn);
	stop_server(server);
}

static void test_reads_no_more(void **state)
{
	enum { LENGTH = 16 * 1024 * 1024 };
	wire_script *script = wire_script_new();
	char *sql = malloc(LENGTH + 1);
	(void)state;
	assert_non_null(sql);
	memset(sql, 'x', LENGTH);
	sql[LENGTH] = '\0';
	wire_script_handshake(script);
	wire_script_hold(script);
	wire_script_expect(script, 'Q', NULL);
	wire_put_empty_query(wire_script_send(script));
	wire_put_ready(wire_script_send(script), 'I');
	wire_script_expect(script, 'X', NULL);
	wire_server *server = wire_server_start(&(wire_server_options){.receive_buffer_bytes = 4096});
	wire_server_add_script(server, script, 1);
	PGconn *conn = connect_to(server);
	assert_int_equal(PQsetnonblocking(conn, 1), 0);
	assert_int_equal(PQsendQuery(conn, sql), 1);
	assert_int_equal(PQflush(conn), 1);
	wire_server_release(server);
	while (PQflush(conn) == 1) {
		struct pollfd fd = {.fd = PQsocket(conn), .events = POLLOUT};
		assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
	}
	assert_outcome(PQgetResult(conn), "");
	assert_null(PQgetResult(conn));
	PQfinish(conn);
	stop_server(server);
	free(sql);
}

static void test_script_tells_other_messages(void **state)
{
	(void)state;
	wire_server *server = scripted(query_script());
	PGconn *conn = connect_to(server);
	assert_lost(PQexec(conn, "select 2"));
	assert_problem(server, "script: expected Q from t, got Q select 2");
	PQfinish(conn);
	wire_server_stop(server);
}

// ---- rules and pushes on a server with answers ----

static wire_server *with_rows(wire_table **table)
{
	wire_bytes rows = {0};
	*table = wire_table_new();
	put_rows(&rows, 3);
	wire_put_command_complete(&rows, "SELECT 3");
	wire_table_add(*table, "select * from t", &rows, false);
	wire_bytes_fini(&rows);
	return wire_server_start(&(wire_server_options){.table = *table});
}

static PGresult *run(PGconn *conn, const char *sql)
{
	return PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 0);
}

static void test_rule_fails_once(void **state)
{
	wire_table *table;
	wire_script *script = wire_script_new();
	(void)state;
	wire_server *server = with_rows(&table);
	wire_script_error(script, "40001", "restart transaction");
	wire_server_when(server, 'E', "from t", 1, script);
	script = wire_script_new();
	wire_script_error(script, "53200", "out of memory");
	wire_server_when(server, 'Q', "from t", 1, script);
	PGconn *conn = connect_to(server);
	assert_outcome(run(conn, "begin"), "BEGIN");
	assert_outcome(run(conn, "select * from t"), "40001");
	assert_int_equal(PQtransactionStatus(conn), PQTRANS_INERROR);
	assert_outcome(run(conn, "rollback"), "ROLLBACK");
	assert_outcome(run(conn, "select * from t"), "SELECT 3");
	assert_outcome(PQexec(conn, "select * from t"), "53200");
	assert_outcome(PQexec(conn, "select * from t"), "SELECT 3");
	PQfinish(conn);
	stop_server(server);
	wire_table_free(table);
}

static void test_rule_cuts_the_answer(void **state)
{
	wire_table *table;
	wire_script *script = wire_script_new();
	(void)state;
	wire_server *server = with_rows(&table);
	wire_script_answer(script, 20);
	wire_script_reset(script);
	wire_server_when(server, 'E', "from t", -1, script);
	for (int i = 0; i < 2; i++) {
		PGconn *conn = connect_to(server);
		assert_lost(run(conn, "select * from t"));
		assert_int_equal(PQstatus(conn), CONNECTION_BAD);
		PQfinish(conn);
	}
	stop_server(server);
	wire_table_free(table);
}

static void test_rule_answers_and_closes(void **state)
{
	wire_table *table;
	wire_script *script = wire_script_new();
	(void)state;
	wire_server *server = with_rows(&table);
	wire_script_answer(script, SIZE_MAX);
	wire_script_close(script);
	wire_server_when(server, 'Q', "from t", 1, script);
	PGconn *conn = connect_to(server);
	assert_outcome(PQexec(conn, "select * from t"), "SELECT 3");
	assert_true(wait_readable(conn));
	assert_int_equal(PQconsumeInput(conn), 0);
	PQfinish(conn);
	stop_server(server);
	wire_table_free(table);
}

static void test_script_then_serve(void **state)
{
	wire_table *table;
	wire_script *script = wire_script_new();
	(void)state;
	wire_server *server = with_rows(&table);
	wire_script_handshake(script);
	wire_script_expect(script, 'Q', "first");
	wire_script_error(script, "42601", "not yet");
	wire_put_ready(wire_script_send(script), 'I');
	wire_script_serve(script);
	wire_server_add_script(server, script, 1);
	PGconn *conn = connect_to(server);
	assert_outcome(PQexec(conn, "first"), "42601");
	assert_outcome(PQexec(conn, "select * from t"), "SELECT 3");
	PQfinish(conn);
	conn = connect_to(server);
	assert_outcome(PQexec(conn, "select * from t"), "SELECT 3");
	PQfinish(conn);
	stop_server(server);
	wire_table_free(table);
}

static void test_push_to_idle_connections(void **state)
{
	wire_table *table;
	wire_bytes gone = {0};
	PGconn *conns[3];
	(void)state;
	wire_server *server = with_rows(&table);
	wire_put_error_text(&gone, "57P01", "server is shutting down");
	for (int i = 0; i < 3; i++)
		conns[i] = connect_to(server);
	wire_server_push(server, &gone, WIRE_CLOSE);
	for (int i = 0; i < 3; i++) {
		assert_sees_shutdown(conns[i]);
		PQfinish(conns[i]);
	}
	PGconn *conn = connect_to(server);
	assert_outcome(PQexec(conn, "select * from t"), "SELECT 3");
	wire_server_push(server, NULL, WIRE_RESET);
	assert_true(wire_server_wait_open(server, 0, LIMIT_MS));
	assert_outcome(PQexec(conn, "select * from t"), "");
	assert_int_equal(PQstatus(conn), CONNECTION_BAD);
	PQfinish(conn);
	stop_server(server);
	wire_table_free(table);
	wire_bytes_fini(&gone);
}

static bool count_messages(void *data, const wire_logged *logged)
{
	size_t *count = data;
	(*count)++;
	return logged->type != 'Q';
}

static void test_log_and_waits(void **state)
{
	wire_table *table;
	size_t count = 0;
	(void)state;
	wire_server *server = with_rows(&table);
	PGconn *conn = connect_to(server);
	assert_false(wire_server_wait_message(server, 'Q', NULL, 1, 0));
	assert_false(wire_server_wait_cancel(server, 1, 1));
	assert_outcome(PQexec(conn, "select * from t"), "SELECT 3");
	assert_true(wire_server_wait_message(server, 'Q', "from t", 1, LIMIT_MS));
	wire_server_each_message(server, count_messages, &count);
	assert_int_equal(count, 2);
	assert_int_equal(wire_server_open_count(server), 1);
	PQfinish(conn);
	stop_server(server);
	wire_table_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encryption_requests),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_nothing_to_do_closes),
		cmocka_unit_test(test_error_at_startup),
		cmocka_unit_test(test_reset_after_accept),
		cmocka_unit_test(test_garbage_at_startup),
		cmocka_unit_test(test_hangs_after_accept),
		cmocka_unit_test(test_closes_in_order_or_not),
		cmocka_unit_test(test_query_by_script),
		cmocka_unit_test(test_cut_in_the_middle_of_a_message),
		cmocka_unit_test(test_holds_in_the_middle_of_rows),
		cmocka_unit_test(test_floods_until_cancelled),
		cmocka_unit_test(test_reads_no_more),
		cmocka_unit_test(test_script_tells_other_messages),
		cmocka_unit_test(test_rule_fails_once),
		cmocka_unit_test(test_rule_cuts_the_answer),
		cmocka_unit_test(test_rule_answers_and_closes),
		cmocka_unit_test(test_script_then_serve),
		cmocka_unit_test(test_push_to_idle_connections),
		cmocka_unit_test(test_log_and_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
