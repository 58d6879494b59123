// SPDX-License-Identifier: Apache-2.0
/* What a round does, and how it and its answer are turned into another. Bytes only: no sockets, no
 * threads. */
#include "fault_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BROKEN "refused by the fault proxy"

/* ---- SQL, as far as needed ---- */

static const char *skip_blanks(const char *sql)
{
	for (;;) {
		const char *end = NULL;

		while (isspace((unsigned char)*sql) || *sql == ';')
			sql++;
		if (sql[0] == '-' && sql[1] == '-')
			end = strchr(sql, '\n');
		else if (sql[0] == '/' && sql[1] == '*')
			end = strstr(sql + 2, "*/");
		if (!end)
			return sql;
		sql = end + 1;
		if (*end == '*')
			sql++;
	}
}

/* The end of the statement: a semicolon outside quotes, or the text's end. */
static const char *statement_end(const char *sql)
{
	char quote = 0;

	for (; *sql; sql++) {
		if (quote)
			quote = *sql == quote ? 0 : quote;
		else if (*sql == '\'' || *sql == '"')
			quote = *sql;
		else if (*sql == ';')
			break;
	}
	return sql;
}

static bool is_word(const char *sql, const char *word)
{
	size_t n = strlen(word);

	return strncasecmp(sql, word, n) == 0 && !isalnum((unsigned char)sql[n]) && sql[n] != '_';
}

static bool has_word(const char *sql, const char *end, const char *word)
{
	for (const char *p = sql; p < end; p++)
		if ((p == sql || !(isalnum((unsigned char)p[-1]) || p[-1] == '_')) && is_word(p, word))
			return true;
	return false;
}

static unsigned look_at_one(const char *sql, const char *end)
{
	static const char *const writes[] = {"insert", "update", "delete", "upsert", "merge"};

	if (is_word(sql, "begin") || is_word(sql, "start"))
		return FAULT_SQL_BEGIN;
	if (is_word(sql, "commit") || is_word(sql, "end"))
		return FAULT_SQL_COMMIT;
	if (is_word(sql, "release") && has_word(sql, end, "cockroach_restart"))
		return FAULT_SQL_RELEASE;
	for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
		if (is_word(sql, writes[i]) || (is_word(sql, "with") && has_word(sql, end, writes[i])))
			return FAULT_SQL_WRITE;
	return FAULT_SQL_OTHER;
}

unsigned fault_sql_look(const char *sql)
{
	unsigned found = 0;

	for (sql = skip_blanks(sql); *sql; sql = skip_blanks(sql)) {
		const char *end = statement_end(sql);

		found |= look_at_one(sql, end);
		sql = end;
	}
	return found;
}

/* ---- names ---- */

static fault_name *name_find(const fault_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i].name, name) == 0)
			return &names->items[i];
	return NULL;
}

static void name_set(fault_names *names, const char *name, unsigned sql)
{
	fault_name *item = name_find(names, name);

	if (!item) {
		names->items = realloc(names->items, (names->count + 1) * sizeof *names->items);
		if (!names->items)
			abort();
		item = &names->items[names->count++];
		item->name = strdup(name);
		if (!item->name)
			abort();
	}
	item->sql = sql;
}

static unsigned name_get(const fault_names *names, const char *name)
{
	const fault_name *item = name_find(names, name);

	return item ? item->sql : FAULT_SQL_OTHER;
}

static void name_remove(fault_names *names, const char *name)
{
	fault_name *item = name_find(names, name);

	if (!item)
		return;
	free(item->name);
	*item = names->items[--names->count];
}

void fault_names_fini(fault_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i].name);
	free(names->items);
	*names = (fault_names){0};
}

/* ---- a round ---- */

void fault_round_clear(fault_round *round)
{
	wire_bytes bytes = round->bytes;

	bytes.length = 0;
	*round = (fault_round){.bytes = bytes, .is_plain = true, .commit_at = FAULT_NOWHERE};
}

void fault_round_fini(fault_round *round)
{
	wire_bytes_fini(&round->bytes);
}

static void add_parse(fault_round *round, const wire_message *message, fault_names *statements)
{
	wire_reader reader = wire_reader_of(message);
	const char *name = wire_read_string(&reader);
	unsigned sql = fault_sql_look(wire_read_string(&reader));

	name_set(statements, name, sql);
	round->parsed |= sql;
	if (sql == FAULT_SQL_COMMIT)
		round->commit_at = round->bytes.length;
}

static void add_execute(fault_round *round, const wire_message *message, const fault_names *portals)
{
	wire_reader reader = wire_reader_of(message);
	unsigned sql = name_get(portals, wire_read_string(&reader));

	if (sql == FAULT_SQL_BEGIN && round->sql == 0)
		round->break_at = round->bytes.length + 5 + message->length;
	round->sql |= sql;
}

static void add_close(const wire_message *message, fault_names *statements, fault_names *portals)
{
	wire_reader reader = wire_reader_of(message);
	char what = (char)wire_read_byte(&reader);

	name_remove(what == 'S' ? statements : portals, wire_read_string(&reader));
}

void fault_round_add(fault_round *round, const wire_message *message, fault_names *statements,
					 fault_names *portals)
{
	wire_reader reader = wire_reader_of(message);
	wire_bind bind;

	switch (message->type) {
	case 'P':
		add_parse(round, message, statements);
		break;
	case 'B':
		if (wire_read_bind(message, &bind))
			name_set(portals, bind.portal, name_get(statements, bind.statement));
		break;
	case 'E':
		add_execute(round, message, portals);
		break;
	case 'C':
		add_close(message, statements, portals);
		break;
	case 'Q':
		round->is_simple = round->is_whole = true;
		round->sql = fault_sql_look(wire_read_string(&reader));
		if (round->sql == FAULT_SQL_COMMIT)
			round->commit_at = round->bytes.length;
		break;
	case 'S':
		round->is_whole = true;
		break;
	case 'D':
		break;
	default:
		round->is_plain = false;
	}
	wire_put(&round->bytes, message->type, message->body, message->length);
}

fault_place fault_round_place(const fault_round *round, char tx)
{
	if (tx == 'E')
		return FAULT_AT_FAILED;
	if (round->sql & (FAULT_SQL_COMMIT | FAULT_SQL_RELEASE))
		return tx == 'T' || round->sql & FAULT_SQL_BEGIN ? FAULT_AT_COMMIT : FAULT_AT_OTHER;
	if (tx != 'T' && !(round->sql & FAULT_SQL_WRITE))
		return FAULT_AT_OTHER;
	return tx == 'T' || round->sql & FAULT_SQL_BEGIN ? FAULT_AT_INSIDE : FAULT_AT_WRITE;
}

/* Whether its COMMIT can be made a ROLLBACK. */
static bool has_commit_text(const fault_round *round)
{
	return round->commit_at != FAULT_NOWHERE && !(round->sql & FAULT_SQL_RELEASE);
}

bool fault_fits(fault_kind kind, fault_place place, const fault_round *round)
{
	bool is_committing = place == FAULT_AT_COMMIT || place == FAULT_AT_WRITE;
	bool is_nothing = place == FAULT_AT_OTHER || place == FAULT_AT_INSIDE;

	if (place == FAULT_AT_START || kind == FAULT_REFUSE)
		return place == FAULT_AT_START && kind == FAULT_REFUSE;
	switch (kind) {
	case FAULT_CUT_BEFORE_COMMIT:
	case FAULT_CUT_AFTER_COMMIT:
	case FAULT_LATE_COMMIT:
	case FAULT_AMBIGUOUS_DONE:
	case FAULT_SHUTDOWN_DONE:
	case FAULT_DRAIN_DONE:
		return is_committing;
	case FAULT_CUT_INSIDE:
		return is_nothing;
	case FAULT_CONFLICT: /* in a transaction, of one statement, or in the middle of a whole one */
		return round->sql & FAULT_SQL_WRITE && (place == FAULT_AT_INSIDE || is_committing);
	case FAULT_CONFLICT_COMMIT:
	case FAULT_ROLLBACK_TAG:
		return place == FAULT_AT_COMMIT && has_commit_text(round);
	case FAULT_AMBIGUOUS_UNDONE:
		return place == FAULT_AT_WRITE || (place == FAULT_AT_COMMIT && has_commit_text(round));
	case FAULT_DRAIN:
		return place == FAULT_AT_INSIDE || is_committing;
	default:
		return is_nothing || is_committing;
	}
}

/* ---- turned into another ---- */

static void put_parse(wire_bytes *out, const char *name, size_t name_length, const char *sql)
{
	wire_bytes body = {0};

	wire_bytes_put(&body, name, name_length);
	wire_bytes_put(&body, "", 1);
	wire_bytes_put(&body, sql, strlen(sql) + 1);
	wire_bytes_put(&body, "\0", 2);
	wire_put(out, 'P', body.data, body.length);
	wire_bytes_fini(&body);
}

void fault_round_break(const fault_round *round, wire_bytes *out)
{
	if (round->is_simple) {
		wire_put(out, 'Q', BROKEN, sizeof BROKEN);
		return;
	}
	wire_bytes_put(out, round->bytes.data, round->break_at);
	put_parse(out, "", 0, BROKEN);
	wire_put(out, 'S', NULL, 0);
}

void fault_round_undo(const fault_round *round, wire_bytes *out)
{
	size_t after = round->commit_at;
	wire_message message;

	wire_bytes_put(out, round->bytes.data, round->commit_at);
	if (!wire_message_next(&round->bytes, &after, &message))
		abort();
	if (round->is_simple)
		wire_put(out, 'Q', "ROLLBACK", sizeof "ROLLBACK");
	else
		put_parse(out, (const char *)message.body, strlen((const char *)message.body), "ROLLBACK");
	wire_bytes_put(out, round->bytes.data + after, round->bytes.length - after);
}

/* ---- answers ---- */

bool fault_answer_is_good(const wire_bytes *answer, bool has_commit)
{
	const char *tag = "";
	wire_message message;

	for (size_t at = 0; wire_message_next(answer, &at, &message);) {
		if (message.type == 'E')
			return false;
		if (message.type == 'C')
			tag = (const char *)message.body;
	}
	return has_commit ? strcmp(tag, "COMMIT") == 0 : tag[0] != '\0';
}

/* As the recordings have them, and 40003 as the server's source does. */
void fault_put_error(wire_bytes *out, const char *sqlstate)
{
	static const struct {
		const char *sqlstate, *message;
	} known[] = {
		{"40001",
		 "restart transaction: TransactionRetryWithProtoRefreshError: "
		 "TransactionRetryError: retry txn (RETRY_SERIALIZABLE - made by the fault proxy)"},
		{"40003", "result is ambiguous (error=made by the fault proxy [exhausted])"},
		{"57014", "query execution canceled"},
		{"57P01", "server is shutting down"},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].sqlstate, sqlstate) == 0)
			wire_put_error_text(out, sqlstate, known[i].message);
}

void fault_answer_refuse(const wire_bytes *answer, const char *sqlstate, wire_bytes *out)
{
	size_t replaced = FAULT_NOWHERE, begin = 0;
	bool has_error = false;
	wire_message message;

	for (size_t at = 0; wire_message_next(answer, &at, &message); begin = at) {
		if (message.type == 'E' && !has_error)
			replaced = begin;
		else if (message.type == 'C' && !has_error)
			replaced = begin;
		has_error = has_error || message.type == 'E';
	}
	begin = 0;
	for (size_t at = 0; wire_message_next(answer, &at, &message); begin = at) {
		if (begin == replaced)
			fault_put_error(out, sqlstate);
		else
			wire_put(out, message.type, message.body, message.length);
	}
}
