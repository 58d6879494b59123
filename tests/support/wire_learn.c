// SPDX-License-Identifier: Apache-2.0
// Reads a recorded connection into a table: which SQL got which answer, in whatever shape the
// recorder had sent it. Serving the answers in another shape is wire_session.c.
#include "wire_table.h"

#include <stdlib.h>
#include <string.h>

enum { OPS_MAX = 64, NAMES_MAX = 32 };

// A client's message that waits for its answer; the texts are borrowed from the recording.
typedef struct operation {
	char type; // P B D E C S Q
	char kind; // of Describe: S or P
	const char *name;
	const char *statement; // of Bind
	const char *sql;       // of Parse and Query
	bool is_binary;
} operation;

typedef struct named {
	const char *name;
	const char *sql;
	bool is_binary;
	const wire_message *description;
} named;

typedef struct wire_learner {
	wire_table *table;
	size_t source;
	operation ops[OPS_MAX];
	size_t op_first, op_end;
	named statements[NAMES_MAX], portals[NAMES_MAX];
	size_t statement_count, portal_count;
	char status;
	wire_answer *open; // being filled; taken by the table when its end came
	const char *open_sql;
	wire_answer *last; // the table's, since the last ReadyForQuery
	bool copies;
	wire_bytes greeting;
	bool is_greeted;
} wire_learner;

static operation *front(wire_learner *learner)
{
	return learner->op_first < learner->op_end ? &learner->ops[learner->op_first] : NULL;
}

static char front_type(wire_learner *learner)
{
	return front(learner) != NULL ? front(learner)->type : '\0';
}

static void pop(wire_learner *learner)
{
	if (front(learner) != NULL)
		learner->op_first++;
	if (learner->op_first == learner->op_end)
		learner->op_first = learner->op_end = 0;
}

static named *find_named(named *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

static void set_named(named *list, size_t *count, named value)
{
	named *found = find_named(list, *count, value.name);
	if (found == NULL && *count == NAMES_MAX)
		abort();
	if (found == NULL)
		found = &list[(*count)++];
	*found = value;
}

static named *portal_of(wire_learner *learner, const char *name)
{
	return find_named(learner->portals, learner->portal_count, name);
}

static named *statement_of(wire_learner *learner, const char *name)
{
	return find_named(learner->statements, learner->statement_count, name);
}

static void on_client(wire_learner *learner, const wire_message *message)
{
	wire_reader reader = wire_reader_of(message);
	wire_bind bind;
	operation next = {.type = message->type};
	switch (message->type) {
	case 'P':
		next.name = wire_read_string(&reader);
		next.sql = wire_read_string(&reader);
		break;
	case 'B':
		if (!wire_read_bind(message, &bind))
			return;
		next.name = bind.portal;
		next.statement = bind.statement;
		next.is_binary = bind.is_binary;
		break;
	case 'D':
	case 'C':
		next.kind = (char)wire_read_byte(&reader);
		next.name = wire_read_string(&reader);
		break;
	case 'E':
		next.name = wire_read_string(&reader);
		break;
	case 'Q':
		next.sql = wire_read_string(&reader);
		break;
	case 'S':
		break;
	case 'c':
	case 'f':
		learner->copies = true;
		return;
	default:
		return;
	}
	if (learner->op_end == OPS_MAX)
		abort();
	learner->ops[learner->op_end++] = next;
}

// The SQL an operation is about, and the format its rows have.
static const char *sql_of(wire_learner *learner, const operation *op, bool *is_binary)
{
	named *found = NULL;
	*is_binary = false;
	if (op->type == 'P' || op->type == 'Q')
		return op->sql;
	if (op->type == 'E' || (op->type == 'D' && op->kind == 'P'))
		found = portal_of(learner, op->name);
	else if (op->type == 'D' || op->type == 'B')
		found = statement_of(learner, op->type == 'B' ? op->statement : op->name);
	if (found == NULL)
		return NULL;
	*is_binary = op->type == 'B' ? op->is_binary : found->is_binary;
	return found->sql;
}

// The answer that the front operation fills; NULL when it is of no use.
static wire_answer *open_answer(wire_learner *learner)
{
	bool is_binary;
	if (learner->open != NULL)
		return learner->open;
	const char *sql = front(learner) != NULL ? sql_of(learner, front(learner), &is_binary) : NULL;
	if (sql == NULL)
		return NULL;
	learner->open = calloc(1, sizeof *learner->open);
	if (learner->open == NULL)
		abort();
	learner->open->before = learner->status;
	learner->open->is_binary = is_binary;
	learner->open->source = learner->source;
	learner->open_sql = sql;
	named *portal = front_type(learner) == 'E' ? portal_of(learner, front(learner)->name) : NULL;
	if (portal != NULL && portal->description != NULL)
		wire_put(&learner->open->description, 'T', portal->description->body,
				 portal->description->length);
	return learner->open;
}

// The other file of a scenario repeats what is not a simple query: one of them is enough.
static void close_answer(wire_learner *learner)
{
	wire_answer *answer = learner->open;
	learner->open = NULL;
	learner->copies = false;
	if (answer == NULL)
		return;
	learner->status = wire_status_after(learner->status, &answer->head);
	learner->status = wire_status_after(learner->status, &answer->tail);
	if (wire_table_has_from_other(learner->table, learner->open_sql, answer->is_binary,
								  learner->source)) {
		wire_answer_free(answer);
		learner->last = NULL;
		return;
	}
	wire_table_take(learner->table, learner->open_sql, answer);
	learner->last = answer;
}

static void append(wire_learner *learner, const wire_message *message)
{
	char type = front_type(learner);
	wire_answer *answer = type == 'E' || type == 'Q' ? open_answer(learner) : NULL;
	if (answer != NULL)
		wire_put(learner->copies ? &answer->tail : &answer->head, message->type, message->body,
				 message->length);
}

static void on_description(wire_learner *learner, const wire_message *message)
{
	operation *op = front(learner);
	bool is_binary, has_columns = message->type == 'T';
	if (op != NULL && op->type == 'Q' && has_columns && learner->open == NULL) {
		if (open_answer(learner) != NULL)
			wire_put(&learner->open->description, 'T', message->body, message->length);
		return;
	}
	if (op == NULL || op->type == 'Q') {
		append(learner, message);
		return;
	}
	const char *sql = sql_of(learner, op, &is_binary);
	// Where a long recording was thinned out, the client's Describe may be missing.
	bool is_of_portal = op->type == 'E' || op->kind == 'P';
	if (is_of_portal && portal_of(learner, op->name) != NULL)
		portal_of(learner, op->name)->description = has_columns ? message : NULL;
	else if (op->kind == 'S' && sql != NULL && has_columns)
		wire_table_set_description(learner->table, sql, message);
	if (op->type == 'D')
		pop(learner);
}

static void on_parameters(wire_learner *learner, const wire_message *message)
{
	uint32_t type_ids[64];
	bool is_binary;
	const char *sql = front(learner) != NULL ? sql_of(learner, front(learner), &is_binary) : NULL;
	wire_reader reader = wire_reader_of(message);
	size_t count = wire_read_u16(&reader);
	if (sql == NULL || count > 64)
		return;
	for (size_t i = 0; i < count; i++)
		type_ids[i] = wire_read_u32(&reader);
	wire_table_set_parameters(learner->table, sql, type_ids, count);
}

static void on_error(wire_learner *learner, const wire_message *message)
{
	const char *state = wire_error_field(message, 'C');
	char type = front_type(learner);
	// Lost and doubled statements are the server's own matter: it keeps the names.
	bool is_kept = state != NULL && strcmp(state, "26000") != 0 && strcmp(state, "42P05") != 0;
	if (type == '\0' || type == 'S')
		return;
	wire_answer *answer = is_kept ? open_answer(learner) : NULL;
	if (answer != NULL) {
		wire_put(learner->copies ? &answer->tail : &answer->head, 'E', message->body,
				 message->length);
		answer->fails_at = type == 'P' || type == 'D' ? WIRE_AT_PARSE
						   : type == 'B'              ? WIRE_AT_BIND
													  : WIRE_AT_EXECUTE;
	}
	if (type == 'Q')
		return;
	close_answer(learner);
	while (front(learner) != NULL && front_type(learner) != 'S')
		pop(learner);
}

static void on_ready(wire_learner *learner, const wire_message *message)
{
	char status = message->length > 0 ? (char)message->body[0] : 'I';
	close_answer(learner);
	pop(learner);
	if (learner->last != NULL)
		learner->last->after = status;
	learner->last = NULL;
	learner->status = status;
}

static void on_complete(wire_learner *learner, const wire_message *message)
{
	append(learner, message);
	if (front_type(learner) == 'E') {
		close_answer(learner);
		pop(learner);
	}
}

static void on_done(wire_learner *learner, char type)
{
	operation *op = front(learner);
	if (op == NULL)
		return;
	named *statement = type == '2' ? statement_of(learner, op->statement) : NULL;
	if (type == '1')
		set_named(learner->statements, &learner->statement_count,
				  (named){.name = op->name, .sql = op->sql});
	else if (statement != NULL)
		set_named(learner->portals, &learner->portal_count,
				  (named){.name = op->name, .sql = statement->sql, .is_binary = op->is_binary});
	pop(learner);
}

static void on_server(wire_learner *learner, const wire_message *message)
{
	switch (message->type) {
	case '1':
	case '2':
	case '3':
		on_done(learner, message->type);
		break;
	case 'T':
	case 'n':
		on_description(learner, message);
		break;
	case 't':
		on_parameters(learner, message);
		break;
	case 'C':
	case 'I':
	case 's':
		on_complete(learner, message);
		break;
	case 'E':
		on_error(learner, message);
		break;
	case 'Z':
		on_ready(learner, message);
		break;
	case WIRE_EOF:
		break;
	default:
		append(learner, message);
	}
}

// Keeps what comes before the first ReadyForQuery. True while it is not there.
static bool greet(wire_learner *learner, const wire_message *message)
{
	if (learner->is_greeted)
		return false;
	wire_put(&learner->greeting, message->type, message->body, message->length);
	if (message->type == 'Z') {
		learner->is_greeted = true;
		wire_table_set_greeting(learner->table, &learner->greeting);
	}
	return true;
}

void wire_table_learn(wire_table *table, const wire_recorded_connection *connection, size_t source)
{
	wire_learner learner = {.table = table, .source = source, .status = 'I'};
	for (size_t i = 0; i < connection->count; i++) {
		const wire_recorded *recorded = &connection->messages[i];
		if (recorded->from == WIRE_FROM_CLIENT)
			on_client(&learner, &recorded->message);
		else if (recorded->from == WIRE_FROM_SERVER && !greet(&learner, &recorded->message))
			on_server(&learner, &recorded->message);
	}
	wire_answer_free(learner.open);
	wire_bytes_fini(&learner.greeting);
}
