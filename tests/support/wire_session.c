// SPDX-License-Identifier: Apache-2.0
// Serves a connection from the table of answers, in whatever order the client sends its messages:
// prepared statements, portals, pipelines, skipping until Sync after an error. It keeps the names
// and the transaction status; what is answered to which SQL is the table's.
#include "wire_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// A prepared statement, or a portal: a statement with a format.
typedef struct named {
	char *name;
	char *sql;
	bool is_binary;
	uint32_t *type_ids; // that the client declared
	size_t type_count;
	struct named *next;
} named;

struct wire_session {
	wire_conn *conn;
	const wire_table *table;
	wire_cursors own_cursors;
	named *statements, *portals;
	char status;
	bool is_skipping;           // until Sync
	const wire_answer *copying; // waits for the client's data
	bool copies_simply;         // by a simple query: ReadyForQuery ends it
};

// ---- names ----

static named *find(named *list, const char *name)
{
	while (list != NULL && strcmp(list->name, name) != 0)
		list = list->next;
	return list;
}

static void drop(named **list, const char *name)
{
	for (; *list != NULL; list = &(*list)->next) {
		named *old = *list;
		if (name != NULL && strcmp(old->name, name) != 0)
			continue;
		*list = old->next;
		free(old->name);
		free(old->sql);
		free(old->type_ids);
		free(old);
		return;
	}
}

static void drop_all(named **list)
{
	while (*list != NULL)
		drop(list, NULL);
}

static named *add(named **list, const char *name, const char *sql)
{
	named *added = calloc(1, sizeof *added);
	drop(list, name);
	if (added == NULL || (added->name = strdup(name)) == NULL || (added->sql = strdup(sql)) == NULL)
		abort();
	added->next = *list;
	*list = added;
	return added;
}

static void forget_if_told(wire_session *session)
{
	pthread_mutex_lock(&session->conn->server->lock);
	bool forgets = session->conn->forgets;
	session->conn->forgets = false;
	pthread_mutex_unlock(&session->conn->server->lock);
	if (forgets)
		drop_all(&session->statements);
}

// DEALLOCATE and DISCARD take effect on our names too. A quoted name loses its quotes.
static void forget_by_sql(wire_session *session, const char *sql)
{
	char name[128] = "";
	if (strncasecmp(sql, "discard all", 11) == 0 || strncasecmp(sql, "deallocate all", 14) == 0) {
		drop_all(&session->statements);
		return;
	}
	if (strncasecmp(sql, "deallocate ", 11) != 0)
		return;
	const char *from = sql + 11;
	size_t length = 0;
	if (strncasecmp(from, "prepare ", 8) == 0)
		from += 8;
	for (; *from != '\0' && *from != ';' && length + 1 < sizeof name; from++)
		if (*from != '"' && !isspace((unsigned char)*from))
			name[length++] = *from;
	drop(&session->statements, name);
}

// ---- answers ----

static wire_pick pick(wire_session *session, const char *sql, bool is_binary, bool peek,
					  const wire_answer **out)
{
	wire_server *server = session->conn->server;
	bool is_own = session->own_cursors.used != NULL;
	pthread_mutex_lock(&server->lock);
	wire_pick result =
		wire_table_pick(session->table, is_own ? &session->own_cursors : &server->cursors, sql,
						session->status, is_binary, peek, out);
	pthread_mutex_unlock(&server->lock);
	return result;
}

static void fail_with(wire_session *session, const wire_bytes *error)
{
	wire_bytes_put(&session->conn->out, error->data, error->length);
	session->status = session->status == 'T' ? 'E' : session->status;
	session->is_skipping = true;
}

// Fails with a message of these three parts; the middle one is usually a name.
static void fail(wire_session *session, const char *sqlstate, const char *before, const char *name,
				 const char *after)
{
	wire_bytes text = {0}, error = {0};
	wire_bytes_put(&text, before, strlen(before));
	wire_bytes_put(&text, name, strlen(name));
	wire_bytes_put(&text, after, strlen(after) + 1);
	wire_put_error_text(&error, sqlstate, (const char *)text.data);
	fail_with(session, &error);
	wire_bytes_fini(&text);
	wire_bytes_fini(&error);
}

static void fail_unpicked(wire_session *session, wire_pick result, const char *sql)
{
	if (result == WIRE_ABORTED_ALREADY) {
		fail(session, "25P02", "current transaction is aborted, commands ignored until end of ",
			 "transaction block", "");
		return;
	}
	const char *what = result == WIRE_OTHER_FORMAT ? "only in the other result format: "
												   : "not in the recording: ";
	wire_log_problem(session->conn->server, "%s%s", what, sql);
	fail(session, "42601", what, sql, "");
}

static void set_status_after(wire_session *session, const wire_answer *answer)
{
	if (answer->after != 0 && (answer->before == 0 || answer->before == session->status)) {
		session->status = answer->after;
		return;
	}
	session->status = wire_status_after(session->status, &answer->head);
	session->status = wire_status_after(session->status, &answer->tail);
}

// Puts the messages out; an error waits for the cancel that brings it about. True: with an error.
static bool put_messages(wire_session *session, const wire_answer *answer, const wire_bytes *from)
{
	wire_conn *conn = session->conn;
	wire_message message;
	bool has_error = false;
	for (size_t at = 0; wire_message_next(from, &at, &message);) {
		bool is_error = message.type == 'E';
		if (is_error && answer->waits_for_cancel && !conn->server->options.has_no_waiting) {
			if (!wire_conn_flush(conn))
				return true;
			wire_conn_wait(conn, WIRE_WAIT_CANCEL);
		}
		wire_put(&conn->out, message.type, message.body, message.length);
		has_error = has_error || is_error;
	}
	return has_error;
}

// Sends what an answer says from Execute on. True when the statement is done (not copying).
static bool give(wire_session *session, const char *sql, const wire_answer *answer)
{
	if (put_messages(session, answer, &answer->head))
		session->is_skipping = true;
	if (answer->tail.length > 0 && !session->is_skipping) {
		session->copying = answer;
		return false;
	}
	set_status_after(session, answer);
	forget_by_sql(session, sql);
	if (strncasecmp(sql, "cancel ", 7) == 0)
		wire_server_cancel_all(session->conn->server);
	return true;
}

static bool ready(wire_session *session)
{
	session->is_skipping = false;
	wire_conn_forget_cancel(session->conn);
	wire_put_ready(&session->conn->out, session->status);
	return wire_conn_flush(session->conn);
}

bool wire_session_fail(wire_session *session, const wire_message *message, const wire_bytes *error)
{
	fail_with(session, error);
	return message->type == 'Q' ? ready(session) : true;
}

// ---- messages ----

static void keep_types(named *statement, wire_reader *reader)
{
	size_t count = wire_read_u16(reader);
	statement->type_ids = calloc(count + 1, sizeof *statement->type_ids);
	if (statement->type_ids == NULL)
		abort();
	for (size_t i = 0; i < count; i++)
		statement->type_ids[i] = wire_read_u32(reader);
	statement->type_count = count;
}

// The answer to come, when it fails before anything runs; it is then taken.
static const wire_answer *early_failure(wire_session *session, const char *sql, bool is_binary,
										wire_phase phase)
{
	const wire_answer *answer = NULL;
	if (pick(session, sql, is_binary, true, &answer) != WIRE_PICKED || answer->fails_at != phase)
		return NULL;
	return pick(session, sql, is_binary, false, &answer) == WIRE_PICKED ? answer : NULL;
}

static void on_parse(wire_session *session, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	const char *name = wire_read_string(&reader);
	const char *sql = wire_read_string(&reader);
	if (!wire_table_knows(session->table, sql)) {
		fail_unpicked(session, WIRE_UNKNOWN_SQL, sql);
		return;
	}
	if (name[0] != '\0' && find(session->statements, name) != NULL) {
		fail(session, "42P05", "prepared statement \"", name, "\" already exists");
		return;
	}
	const wire_answer *answer = early_failure(session, sql, true, WIRE_AT_PARSE);
	if (answer == NULL)
		answer = early_failure(session, sql, false, WIRE_AT_PARSE);
	if (answer != NULL) {
		give(session, sql, answer);
		return;
	}
	keep_types(add(&session->statements, name, sql), &reader);
	wire_put_parse_complete(&session->conn->out);
}

static void on_bind(wire_session *session, const wire_message *message)
{
	wire_bind bind;
	if (!wire_read_bind(message, &bind)) {
		wire_log_problem(session->conn->server, "a Bind that cannot be read");
		fail(session, "08P01", "a Bind that cannot be read", "", "");
		return;
	}
	const named *statement = find(session->statements, bind.statement);
	if (statement == NULL) {
		fail(session, "26000", "unknown prepared statement \"", bind.statement, "\"");
		return;
	}
	const wire_answer *answer =
		early_failure(session, statement->sql, bind.is_binary, WIRE_AT_BIND);
	if (answer != NULL) {
		give(session, statement->sql, answer);
		return;
	}
	add(&session->portals, bind.portal, statement->sql)->is_binary = bind.is_binary;
	wire_put_bind_complete(&session->conn->out);
}

static size_t placeholder_count(const char *sql)
{
	size_t count = 0;
	for (const char *at = strchr(sql, '$'); at != NULL; at = strchr(at + 1, '$')) {
		size_t number = strtoul(at + 1, NULL, 10);
		count = number > count && number < 65536 ? number : count;
	}
	return count;
}

static void put_parameters(wire_session *session, const named *statement)
{
	size_t known = 0, count = placeholder_count(statement->sql);
	const uint32_t *types = wire_table_parameters(session->table, statement->sql, &known);
	if (types != NULL)
		count = known;
	uint32_t *type_ids = calloc(count + 1, sizeof *type_ids);
	if (type_ids == NULL)
		abort();
	for (size_t i = 0; i < count; i++) {
		bool is_declared = i < statement->type_count && statement->type_ids[i] != 0;
		type_ids[i] = is_declared ? statement->type_ids[i] : types != NULL ? types[i] : 20;
	}
	wire_put_parameter_description(&session->conn->out, type_ids, count);
	free(type_ids);
}

static void on_describe(wire_session *session, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	wire_message description;
	bool is_statement = wire_read_byte(&reader) == 'S';
	const char *name = wire_read_string(&reader);
	const named *found = find(is_statement ? session->statements : session->portals, name);
	if (found == NULL) {
		fail(session, is_statement ? "26000" : "34000",
			 is_statement ? "unknown prepared statement \"" : "unknown portal \"", name, "\"");
		return;
	}
	if (is_statement)
		put_parameters(session, found);
	if (wire_table_describe(session->table, found->sql, &description))
		wire_put_row_description_as(&session->conn->out, &description,
									!is_statement && found->is_binary ? 1 : 0);
	else
		wire_put_no_data(&session->conn->out);
}

static void on_execute(wire_session *session, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	const char *name = wire_read_string(&reader);
	const named *portal = find(session->portals, name);
	const wire_answer *answer;
	if (portal == NULL) {
		fail(session, "34000", "unknown portal \"", name, "\"");
		return;
	}
	wire_pick result = pick(session, portal->sql, portal->is_binary, false, &answer);
	if (result != WIRE_PICKED) {
		fail_unpicked(session, result, portal->sql);
		return;
	}
	session->copies_simply = false;
	give(session, portal->sql, answer);
}

static bool on_query(wire_session *session, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	const char *sql = wire_read_string(&reader);
	const wire_answer *answer;
	wire_pick result = pick(session, sql, false, false, &answer);
	if (result != WIRE_PICKED) {
		fail_unpicked(session, result, sql);
		return ready(session);
	}
	wire_bytes_put(&session->conn->out, answer->description.data, answer->description.length);
	session->copies_simply = true;
	return give(session, sql, answer) ? ready(session) : wire_conn_flush(session->conn);
}

static void on_close(wire_session *session, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	bool is_statement = wire_read_byte(&reader) == 'S';
	drop(is_statement ? &session->statements : &session->portals, wire_read_string(&reader));
	wire_put_close_complete(&session->conn->out);
}

static bool on_copy_end(wire_session *session)
{
	const wire_answer *answer = session->copying;
	session->copying = NULL;
	if (answer == NULL)
		return true;
	if (put_messages(session, answer, &answer->tail))
		session->is_skipping = true;
	set_status_after(session, answer);
	return session->copies_simply ? ready(session) : true;
}

bool wire_session_answer(wire_session *session, const wire_message *message)
{
	switch (message->type) {
	case 'P':
		on_parse(session, message);
		return true;
	case 'B':
		on_bind(session, message);
		return true;
	case 'D':
		on_describe(session, message);
		return true;
	case 'E':
		on_execute(session, message);
		return session->copying == NULL || wire_conn_flush(session->conn);
	case 'C':
		on_close(session, message);
		return true;
	case 'Q':
		return on_query(session, message);
	case 'S':
		return session->copying != NULL || ready(session);
	case 'H':
		return wire_conn_flush(session->conn);
	case 'd':
		return true;
	case 'c':
	case 'f':
		return on_copy_end(session);
	default:
		wire_log_problem(session->conn->server, "a message of type %c", message->type);
		return false;
	}
}

// ---- the loop ----

static const char *sql_of(wire_session *session, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	const named *found = NULL;
	switch (message->type) {
	case 'Q':
		return wire_read_string(&reader);
	case 'P':
		wire_read_string(&reader);
		return wire_read_string(&reader);
	case 'B':
		wire_read_string(&reader);
		found = find(session->statements, wire_read_string(&reader));
		break;
	case 'D':
		found = wire_read_byte(&reader) == 'S'
					? find(session->statements, wire_read_string(&reader))
					: find(session->portals, wire_read_string(&reader));
		break;
	case 'E':
		found = find(session->portals, wire_read_string(&reader));
		break;
	default:
		break;
	}
	return found != NULL ? found->sql : NULL;
}

static bool on_message(wire_session *session, const wire_message *message)
{
	forget_if_told(session);
	const char *sql = sql_of(session, message);
	wire_log_message(session->conn, message, sql);
	if (message->type == 'X')
		return false;
	if (session->is_skipping && message->type != 'S')
		return true;
	const wire_script *script = wire_server_take_rule(session->conn->server, message->type, sql);
	if (script != NULL)
		return wire_script_run(session->conn, script, session, message);
	return wire_session_answer(session, message);
}

void wire_session_serve(wire_conn *conn)
{
	wire_session session = {.conn = conn, .status = 'I', .table = conn->server->options.table};
	wire_message message;
	if (session.table == NULL)
		session.table = conn->server->own_table;
	if (conn->server->options.has_own_cursors)
		wire_cursors_init(&session.own_cursors, session.table);
	while (wire_conn_read(conn, &message) && on_message(&session, &message))
		;
	drop_all(&session.statements);
	drop_all(&session.portals);
	wire_cursors_fini(&session.own_cursors);
}
