// SPDX-License-Identifier: Apache-2.0
// Runs our driver against the wire server.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "infra/driver/registry.h"
#include "postgresql/driver.h"

#include "recorded.h"

void recorded_init(cockroach *node, const char *version, const char *scenario, const char *label)
{
	*node = (cockroach){.table = wire_table_new()};
	if (scenario != NULL)
		assert_true(wire_table_add_scenario(node->table, version, scenario, label));
	cx_driver_host_init(&node->host, NULL);
	node->driver = &cx_driver_postgresql;
}

void recorded_start(cockroach *node)
{
	node->server = wire_server_start(&(wire_server_options){.table = node->table});
}

cdbc_status recorded_connect(cockroach *node, void **conn, cdbc_error **err)
{
	char port[16];
	snprintf(port, sizeof port, "%d", wire_server_port(node->server));
	const cdbc_setting items[] = {{"host", "127.0.0.1"},
								  {"port", port},
								  {"user", "root"},
								  {"dbname", "defaultdb"},
								  {"sslmode", "disable"}};
	cdbc_settings settings = {.struct_size = sizeof settings,
							  .scheme = "cockroachdb",
							  .items = items,
							  .count = sizeof items / sizeof *items,
							  .host = &node->host};
	return node->driver->open(&settings, recorded_deadline(node), conn, err);
}

void recorded_open(cockroach *node, const char *version, const char *scenario, const char *label)
{
	cdbc_error *error = NULL;
	recorded_init(node, version, scenario, label);
	recorded_start(node);
	if (recorded_connect(node, &node->conn, &error) != CDBC_OK)
		fail_msg("%s", cdbc_error_message(error));
}

void recorded_close(cockroach *node)
{
	node->driver->close(node->conn);
	assert_true(wire_server_wait_open(node->server, 0, RECORDED_LIMIT_MS));
	char *problems = wire_server_problems(node->server);
	if (problems != NULL)
		print_message("# %s", problems);
	assert_null(problems);
	wire_server_stop(node->server);
	wire_table_free(node->table);
}

int64_t recorded_deadline(const cockroach *node)
{
	return node->host.now_ns() + RECORDED_LIMIT_MS * INT64_C(1000000);
}

// Enough of the lexer for the statements of the recordings.
static cdbc_statement_kind kind_of(const char *sql)
{
	static const char *const words[] = {"begin",    "start",     "commit",
										"rollback", "savepoint", "release"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strncasecmp(sql, words[i], strlen(words[i])) == 0)
			return CDBC_KIND_TRANSACTION;
	if (strncasecmp(sql, "select", 6) == 0)
		return CDBC_KIND_SELECT;
	return strncasecmp(sql, "set ", 4) == 0 ? CDBC_KIND_SESSION : CDBC_KIND_UNKNOWN;
}

static uint64_t id_of(const char *sql)
{
	uint64_t id = 14695981039346656037U;
	for (; *sql != '\0'; sql++)
		id = (id ^ (uint8_t)*sql) * 1099511628211U;
	return id;
}

cdbc_request recorded_request(const char *sql, const cdbc_value *values, size_t count)
{
	return (cdbc_request){.struct_size = sizeof(cdbc_request),
						  .sql = sql,
						  .sql_length = strlen(sql),
						  .statement_id = id_of(sql),
						  .values = values,
						  .value_count = count,
						  .kind = kind_of(sql)};
}

static void keep(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text != NULL ? text : "");
}

static void keep_error(recorded_run *run, cdbc_error *error)
{
	if (run->status == CDBC_OK)
		return;
	assert_non_null(error);
	assert_int_equal(cdbc_error_status(error), run->status);
	keep(run->sqlstate, sizeof run->sqlstate, cdbc_error_sqlstate(error));
	keep(run->message, sizeof run->message, cdbc_error_message(error));
	keep(run->detail, sizeof run->detail, cdbc_error_field(error, CDBC_FIELD_DETAIL));
	keep(run->constraint, sizeof run->constraint, cdbc_error_field(error, CDBC_FIELD_CONSTRAINT));
	run->position = cdbc_error_position(error);
	cdbc_error_free(error);
}

recorded_run recorded_query(cockroach *node, const char *sql, const cdbc_value *values,
							size_t count,
							void (*batch)(void *data, const struct ArrowSchema *schema,
										  const struct ArrowArray *array),
							void *data)
{
	const cdbc_driver *driver = node->driver;
	int64_t deadline_ns = recorded_deadline(node);
	cdbc_request request = recorded_request(sql, values, count);
	recorded_run run = {.summary.struct_size = sizeof run.summary};
	const struct ArrowSchema *schema = NULL;
	struct ArrowArray array = {0};
	cdbc_error *error = NULL;
	void *cursor = NULL;
	bool has_result = false;
	run.status = driver->submit(node->conn, &request, 1, CDBC_ONE_SYNC, deadline_ns, &cursor,
								&run.summary, &error);
	if (run.status == CDBC_OK) {
		run.status = driver->next_result(cursor, deadline_ns, &schema, &has_result, &error);
		while (run.status == CDBC_OK && has_result && schema != NULL) {
			run.status = driver->fetch(cursor, deadline_ns, &array, &error);
			if (run.status != CDBC_OK || array.release == NULL)
				break;
			run.row_count += array.length;
			if (batch != NULL)
				batch(data, schema, &array);
			array.release(&array);
		}
		if (run.status == CDBC_OK && schema == NULL && has_result)
			run.status = driver->fetch(cursor, deadline_ns, &array, &error);
		run.summary = *driver->summary(cursor);
	}
	driver->cursor_close(cursor, deadline_ns);
	keep_error(&run, error);
	return run;
}

recorded_run recorded_exec(cockroach *node, const char *sql)
{
	return recorded_query(node, sql, NULL, 0, NULL, NULL);
}

char recorded_status(const cockroach *node)
{
	switch (node->driver->state(node->conn).tx) {
	case CDBC_TX_IDLE:
		return 'I';
	case CDBC_TX_OPEN:
		return 'T';
	default:
		return 'E';
	}
}
