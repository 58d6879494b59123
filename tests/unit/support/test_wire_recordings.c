// SPDX-License-Identifier: Apache-2.0
// Every statement of the recordings again, in three shapes: the wire server must answer as recorded
// whatever order of messages a client chooses.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire_client.h"

static const char *const versions[] = {"v21.2", "v22.1"};

static wire_server *serve(wire_table **table, const char *version, const char *scenario,
						  const char *label)
{
	*table = wire_table_new();
	assert_true(wire_table_add_scenario(*table, version, scenario, label));
	return wire_server_start(&(wire_server_options){.table = *table});
}

static void stop(wire_server *server, wire_table *table, PGconn *conn)
{
	PQfinish(conn);
	assert_true(wire_server_wait_open(server, 0, LIMIT_MS));
	assert_no_problems(server);
	wire_server_stop(server);
	wire_table_free(table);
}

// A transcript of results: rows and tag of each statement, or its SQLSTATE. What came before an
// error of the same statement is left out, as libpq drops it.
typedef struct wire_transcript {
	wire_bytes text;
	size_t statement_start;
} wire_transcript;

static void transcript_put(wire_transcript *transcript, const char *kind, const void *data,
						   size_t length)
{
	wire_bytes_put(&transcript->text, kind, strlen(kind));
	wire_bytes_put(&transcript->text, data, length);
	wire_bytes_put(&transcript->text, "\n", 1);
}

static void transcript_end(wire_transcript *transcript, bool is_error, const char *text)
{
	if (is_error)
		transcript->text.length = transcript->statement_start;
	transcript_put(transcript, is_error ? "error " : "tag ", text, strlen(text));
	transcript->statement_start = transcript->text.length;
}

static void put_recorded_row(wire_transcript *transcript, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	size_t count = wire_read_u16(&reader);
	for (size_t i = 0; i < count; i++) {
		uint32_t length = wire_read_u32(&reader);
		if (length == UINT32_MAX)
			transcript_put(transcript, "null", NULL, 0);
		else
			transcript_put(transcript, "value ", reader.data + reader.offset, length);
		wire_read_skip(&reader, length == UINT32_MAX ? 0 : length);
	}
}

static void put_recorded_columns(wire_transcript *transcript, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	size_t count = wire_read_u16(&reader);
	for (size_t i = 0; i < count; i++) {
		const char *name = wire_read_string(&reader);
		transcript_put(transcript, "column ", name, strlen(name));
		wire_read_skip(&reader, 18);
	}
}

static void put_recorded(wire_transcript *transcript, const wire_message *message)
{
	if (message->type == 'T')
		put_recorded_columns(transcript, message);
	else if (message->type == 'D')
		put_recorded_row(transcript, message);
	else if (message->type == 'E')
		transcript_end(transcript, true, wire_error_field(message, 'C'));
	else if (message->type == 'C' || message->type == 'I')
		transcript_end(transcript, false, message->type == 'C' ? (const char *)message->body : "");
}

static void put_result(wire_transcript *transcript, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	for (int column = 0; column < PQnfields(result); column++) {
		const char *name = PQfname(result, column);
		transcript_put(transcript, "column ", name, strlen(name));
	}
	for (int row = 0; row < PQntuples(result); row++)
		for (int column = 0; column < PQnfields(result); column++)
			if (PQgetisnull(result, row, column))
				transcript_put(transcript, "null", NULL, 0);
			else
				transcript_put(transcript, "value ", PQgetvalue(result, row, column),
							   (size_t)PQgetlength(result, row, column));
	transcript_end(transcript, sqlstate != NULL,
				   sqlstate != NULL ? sqlstate : PQcmdStatus((PGresult *)(uintptr_t)result));
}

typedef enum wire_shape {
	SIMPLE,   // PQexec, over the simple recording
	EXTENDED, // PQexecParams, binary results, over the extended one
	PREPARED, // prepare, describe, execute, over the extended one
} wire_shape;

static bool put_if_failed(wire_transcript *transcript, PGresult *result)
{
	bool has_failed = PQresultStatus(result) != PGRES_COMMAND_OK;
	if (has_failed)
		put_result(transcript, result);
	PQclear(result);
	return has_failed;
}

static void run_statement(wire_transcript *transcript, PGconn *conn, wire_shape shape,
						  const char *sql)
{
	char name[32];
	PGresult *result;
	if (shape == SIMPLE)
		assert_int_equal(PQsendQuery(conn, sql), 1);
	if (shape == EXTENDED)
		assert_int_equal(PQsendQueryParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1), 1);
	if (shape == PREPARED) {
		// A name that no other call has.
		snprintf(name, sizeof name, "s%zu", transcript->text.length);
		if (put_if_failed(transcript, PQprepare(conn, name, sql, 0, NULL)) ||
			put_if_failed(transcript, PQdescribePrepared(conn, name)))
			return;
		assert_int_equal(PQsendQueryPrepared(conn, name, 0, NULL, NULL, NULL, 1), 1);
	}
	while ((result = PQgetResult(conn)) != NULL) {
		put_result(transcript, result);
		PQclear(result);
	}
}

static char status_of(PGconn *conn)
{
	switch (PQtransactionStatus(conn)) {
	case PQTRANS_IDLE:
		return 'I';
	case PQTRANS_INTRANS:
		return 'T';
	default:
		return 'E';
	}
}

// The SQL of the statement at *index, and its recorded transcript; *index moves behind it.
static const char *next_statement(const wire_recorded_connection *recorded, size_t *index,
								  wire_transcript *transcript, char *status)
{
	const char *sql = NULL;
	for (; *index < recorded->count; (*index)++) {
		const wire_recorded *at = &recorded->messages[*index];
		const wire_message *message = &at->message;
		if (at->from == WIRE_FROM_CLIENT && (message->type == 'P' || message->type == 'Q')) {
			sql = (const char *)message->body;
			sql += message->type == 'P' ? strlen(sql) + 1 : 0;
		}
		if (at->from != WIRE_FROM_SERVER || sql == NULL)
			continue;
		put_recorded(transcript, message);
		if (message->type == 'Z') {
			*status = (char)message->body[0];
			return sql;
		}
	}
	return NULL;
}

static void check_connection(const char *version, const char *scenario, wire_shape shape,
							 const wire_recorded_connection *recorded)
{
	wire_table *table;
	wire_server *server = serve(&table, version, scenario, recorded->label);
	PGconn *conn = connect_to(server);
	wire_transcript expected = {0}, seen = {0};
	const char *sql;
	char status = 'I';
	for (size_t i = 0; (sql = next_statement(recorded, &i, &expected, &status)) != NULL;) {
		run_statement(&seen, conn, shape, sql);
		if (expected.text.length != seen.text.length || status_of(conn) != status)
			print_message("# %s %s, shape %d: %s\n# %s", version, scenario, (int)shape, sql,
						  PQerrorMessage(conn));
		assert_int_equal(status_of(conn), status);
		assert_int_equal(seen.text.length, expected.text.length);
		if (seen.text.length > 0)
			assert_memory_equal(seen.text.data, expected.text.data, seen.text.length);
	}
	wire_bytes_fini(&expected.text);
	wire_bytes_fini(&seen.text);
	stop(server, table, conn);
}

static void check_scenarios(wire_shape shape, const char *const *scenarios)
{
	for (size_t v = 0; v < 2; v++)
		for (size_t s = 0; scenarios[s] != NULL; s++) {
			wire_recording *recording = wire_recording_open(
				versions[v], shape == SIMPLE ? "simple" : "extended", scenarios[s]);
			assert_non_null(recording);
			for (size_t c = 0; c < recording->count; c++)
				check_connection(versions[v], scenarios[s], shape, &recording->connections[c]);
			wire_recording_free(recording);
		}
}

static const char *const all_scenarios[] = {
	"as_of_system_time",
	"cockroach_restart",
	"conflict_at_commit",
	"ddl_at_commit",
	"errors",
	"force_retry",
	"inject_retry_errors",
	"large_result",
	"nested_savepoints",
	"read_only_transaction",
	"serialization_conflict",
	"statement_timeout",
	"startup",
	"version_and_nodes",
	NULL,
};

static void test_simple_queries_as_recorded(void **state)
{
	static const char *const more[] = {"multi_statement_simple", NULL};
	(void)state;
	check_scenarios(SIMPLE, all_scenarios);
	check_scenarios(SIMPLE, more);
}

static void test_extended_queries_as_recorded(void **state)
{
	static const char *const more[] = {"types_binary", NULL};
	(void)state;
	check_scenarios(EXTENDED, all_scenarios);
	check_scenarios(EXTENDED, more);
}

static void test_prepared_statements_as_recorded(void **state)
{
	static const char *const more[] = {"types_binary", NULL};
	(void)state;
	check_scenarios(PREPARED, all_scenarios);
	check_scenarios(PREPARED, more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple_queries_as_recorded),
		cmocka_unit_test(test_extended_queries_as_recorded),
		cmocka_unit_test(test_prepared_statements_as_recorded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
