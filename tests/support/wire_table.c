// SPDX-License-Identifier: Apache-2.0
// SQL text -> answers. Lookup and the answers every server has; learning is in wire_learn.c.
#include "wire_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct table_entry {
	char *sql;
	bool is_prefix;
	wire_answer **answers;
	size_t count;
	uint32_t *parameters;
	size_t parameter_count;
	bool has_parameters;
	wire_bytes description; // from a Describe of the statement alone
} table_entry;

struct wire_table {
	table_entry **entries;
	size_t count;
	wire_bytes greeting;
	bool has_greeting;
	size_t sources;
};

static void *checked(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

// ---- entries ----

// The length of sql without the spaces and semicolons at its end.
static size_t trimmed_length(const char *sql)
{
	size_t length = strlen(sql);
	while (length > 0 && (isspace((unsigned char)sql[length - 1]) || sql[length - 1] == ';'))
		length--;
	return length;
}

static bool entry_matches(const table_entry *candidate, const char *sql)
{
	while (isspace((unsigned char)*sql))
		sql++;
	size_t length = trimmed_length(sql), own = strlen(candidate->sql);
	if (candidate->is_prefix)
		return strncasecmp(candidate->sql, sql, own) == 0;
	return length == own && strncasecmp(candidate->sql, sql, length) == 0;
}

// Exact before prefixes, long prefixes before short ones, later ones before earlier ones.
static size_t entry_rank(const wire_table *table, size_t index)
{
	const table_entry *candidate = table->entries[index];
	size_t weight = candidate->is_prefix ? strlen(candidate->sql) : 1 << 20;
	return weight * (1 << 20) + index + 1;
}

// Moves to the next best entry for sql below *rank; begin with SIZE_MAX.
static bool next_entry(const wire_table *table, const char *sql, size_t *rank, size_t *index)
{
	size_t best = 0;
	for (size_t i = 0; i < table->count; i++) {
		size_t own = entry_rank(table, i);
		if (own > best && own < *rank && entry_matches(table->entries[i], sql)) {
			best = own;
			*index = i;
		}
	}
	*rank = best;
	return best > 0;
}

static table_entry *find_own(const wire_table *table, const char *sql, bool is_prefix)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->entries[i]->is_prefix == is_prefix && strcmp(table->entries[i]->sql, sql) == 0)
			return table->entries[i];
	return NULL;
}

static table_entry *get_entry(wire_table *table, const char *sql, bool is_prefix)
{
	char *key = checked(strndup(sql, is_prefix ? strlen(sql) : trimmed_length(sql)));
	table_entry *found = find_own(table, key, is_prefix);
	if (found != NULL) {
		free(key);
		return found;
	}
	found = checked(calloc(1, sizeof *found));
	found->sql = key;
	found->is_prefix = is_prefix;
	table->entries = checked(realloc(table->entries, (table->count + 1) * sizeof(table_entry *)));
	table->entries[table->count++] = found;
	return found;
}

static void entry_free(table_entry *entry)
{
	for (size_t i = 0; i < entry->count; i++)
		wire_answer_free(entry->answers[i]);
	free(entry->answers);
	free(entry->parameters);
	wire_bytes_fini(&entry->description);
	free(entry->sql);
	free(entry);
}

// ---- answers ----

void wire_answer_free(wire_answer *answer)
{
	if (answer == NULL)
		return;
	wire_bytes_fini(&answer->description);
	wire_bytes_fini(&answer->head);
	wire_bytes_fini(&answer->tail);
	free(answer);
}

// Reads from the messages what the server has to know of them.
static void answer_finish(wire_answer *answer)
{
	wire_message message;
	for (size_t at = 0; wire_message_next(&answer->head, &at, &message);) {
		if (message.type == 'D')
			answer->has_rows = true;
		if (message.type != 'E')
			continue;
		const char *text = wire_error_field(&message, 'M');
		if (answer->fails_at == WIRE_NEVER)
			answer->fails_at = WIRE_AT_EXECUTE;
		answer->waits_for_cancel = text != NULL && strcmp(text, "query execution canceled") == 0;
	}
}

static void entry_take(table_entry *entry, wire_answer *answer)
{
	answer_finish(answer);
	entry->answers = checked(realloc(entry->answers, (entry->count + 1) * sizeof(wire_answer *)));
	entry->answers[entry->count++] = answer;
}

void wire_table_take(wire_table *table, const char *sql, wire_answer *answer)
{
	entry_take(get_entry(table, sql, false), answer);
}

static wire_answer *answer_of(const wire_bytes *messages, bool is_binary)
{
	wire_answer *answer = checked(calloc(1, sizeof *answer));
	wire_message first;
	size_t at = 0;
	if (wire_message_next(messages, &at, &first) && first.type == 'T')
		wire_bytes_put(&answer->description, messages->data, at);
	else
		at = 0;
	if (messages->length > at)
		wire_bytes_put(&answer->head, messages->data + at, messages->length - at);
	answer->is_binary = is_binary;
	return answer;
}

void wire_table_add(wire_table *table, const char *sql, const wire_bytes *messages, bool is_binary)
{
	wire_table_take(table, sql, answer_of(messages, is_binary));
}

void wire_table_add_prefix(wire_table *table, const char *prefix, const wire_bytes *messages)
{
	entry_take(get_entry(table, prefix, true), answer_of(messages, false));
}

bool wire_table_repeat(wire_table *table, const char *sql, size_t index)
{
	table_entry *entry = find_own(table, sql, false);
	if (entry == NULL || index >= entry->count)
		return false;
	const wire_answer *from = entry->answers[index];
	wire_answer *answer = checked(calloc(1, sizeof *answer));
	*answer = *from;
	answer->description = answer->head = answer->tail = (wire_bytes){0};
	wire_bytes_put(&answer->description, from->description.data, from->description.length);
	wire_bytes_put(&answer->head, from->head.data, from->head.length);
	wire_bytes_put(&answer->tail, from->tail.data, from->tail.length);
	entry_take(entry, answer);
	return true;
}

bool wire_table_has_from_other(const wire_table *table, const char *sql, bool is_binary,
							   size_t source)
{
	size_t rank = SIZE_MAX, index = 0;
	if (!next_entry(table, sql, &rank, &index) || table->entries[index]->is_prefix)
		return false;
	const table_entry *entry = table->entries[index];
	for (size_t i = 0; i < entry->count; i++)
		if (entry->answers[i]->is_binary == is_binary && entry->answers[i]->source != source)
			return true;
	return false;
}

void wire_table_set_parameters(wire_table *table, const char *sql, const uint32_t *type_ids,
							   size_t count)
{
	table_entry *entry = get_entry(table, sql, false);
	free(entry->parameters);
	entry->parameters = checked(calloc(count + 1, sizeof *type_ids));
	if (count > 0)
		memcpy(entry->parameters, type_ids, count * sizeof *type_ids);
	entry->parameter_count = count;
	entry->has_parameters = true;
}

void wire_table_set_description(wire_table *table, const char *sql, const wire_message *message)
{
	table_entry *entry = get_entry(table, sql, false);
	entry->description.length = 0;
	wire_put(&entry->description, 'T', message->body, message->length);
}

// ---- what every server answers ----

static void add_default(wire_table *table, const char *prefix, char before, char after,
						const char *tag)
{
	wire_answer *answer = checked(calloc(1, sizeof *answer));
	if (tag != NULL)
		wire_put_command_complete(&answer->head, tag);
	else
		wire_put_empty_query(&answer->head);
	answer->before = before;
	answer->after = after;
	entry_take(get_entry(table, prefix, prefix[0] != '\0'), answer);
}

static void add_node_id(wire_table *table)
{
	static const wire_column column = {"node_id", 25, -1, -1, 0};
	static const char *const row[] = {"1"};
	wire_bytes messages = {0};
	wire_put_row_description(&messages, &column, 1);
	wire_put_text_row(&messages, row, 1);
	wire_put_command_complete(&messages, "SHOW 1");
	// Text is the same in both formats.
	wire_table_add(table, "show node_id", &messages, false);
	wire_table_add(table, "show node_id", &messages, true);
	wire_bytes_fini(&messages);
}

static void add_plain_greeting(wire_table *table)
{
	wire_bytes *out = &table->greeting;
	wire_put_authentication(out, 0);
	wire_put_parameter_status(out, "server_version", "13.0.0");
	wire_put_parameter_status(out, "server_encoding", "UTF8");
	wire_put_parameter_status(out, "client_encoding", "UTF8");
	wire_put_parameter_status(out, "DateStyle", "ISO, MDY");
	wire_put_parameter_status(out, "IntervalStyle", "postgres");
	wire_put_parameter_status(out, "TimeZone", "UTC");
	wire_put_parameter_status(out, "integer_datetimes", "on");
	wire_put_parameter_status(out, "standard_conforming_strings", "on");
	wire_put_backend_key(out, 0x100001, 77);
	wire_put_ready(out, 'I');
}

wire_table *wire_table_new(void)
{
	wire_table *table = checked(calloc(1, sizeof *table));
	add_plain_greeting(table);
	add_default(table, "", 0, 0, NULL);
	add_default(table, "set ", 0, 0, "SET");
	add_default(table, "reset ", 0, 0, "RESET");
	add_default(table, "begin", 0, 'T', "BEGIN");
	add_default(table, "start transaction", 0, 'T', "START TRANSACTION");
	add_default(table, "commit", 0, 'I', "COMMIT");
	add_default(table, "commit", 'E', 'I', "ROLLBACK");
	add_default(table, "end", 0, 'I', "COMMIT");
	add_default(table, "end", 'E', 'I', "ROLLBACK");
	add_default(table, "rollback", 0, 'I', "ROLLBACK");
	add_default(table, "rollback", 'E', 'I', "ROLLBACK");
	add_default(table, "rollback to ", 0, 'T', "ROLLBACK");
	add_default(table, "rollback to ", 'E', 'T', "ROLLBACK");
	add_default(table, "savepoint ", 0, 0, "SAVEPOINT");
	add_default(table, "release ", 0, 0, "RELEASE");
	add_default(table, "discard all", 0, 0, "DISCARD ALL");
	add_default(table, "deallocate ", 0, 0, "DEALLOCATE");
	add_default(table, "deallocate all", 0, 0, "DEALLOCATE ALL");
	add_node_id(table);
	return table;
}

void wire_table_free(wire_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->count; i++)
		entry_free(table->entries[i]);
	free(table->entries);
	wire_bytes_fini(&table->greeting);
	free(table);
}

void wire_table_set_greeting(wire_table *table, const wire_bytes *messages)
{
	if (table->has_greeting)
		return;
	table->has_greeting = true;
	table->greeting.length = 0;
	wire_bytes_put(&table->greeting, messages->data, messages->length);
}

const wire_bytes *wire_table_greeting(const wire_table *table)
{
	return &table->greeting;
}

bool wire_table_add_scenario(wire_table *table, const char *version, const char *scenario,
							 const char *label)
{
	static const char *const forms[] = {"extended", "simple"};
	for (size_t i = 0; i < 2; i++) {
		wire_recording *recording = wire_recording_open(version, forms[i], scenario);
		if (recording == NULL)
			return false;
		table->sources++;
		for (size_t j = 0; j < recording->count; j++)
			if (label == NULL || strcmp(recording->connections[j].label, label) == 0)
				wire_table_learn(table, &recording->connections[j], table->sources);
		wire_recording_free(recording);
	}
	return true;
}

// ---- asking ----

void wire_cursors_init(wire_cursors *cursors, const wire_table *table)
{
	cursors->used = checked(calloc(table->count + 1, sizeof *cursors->used));
}

void wire_cursors_fini(wire_cursors *cursors)
{
	free(cursors->used);
	cursors->used = NULL;
}

bool wire_table_knows(const wire_table *table, const char *sql)
{
	size_t rank = SIZE_MAX, index;
	return next_entry(table, sql, &rank, &index);
}

static bool answer_fits(const wire_answer *answer, char status)
{
	return answer->before == status || (answer->before == 0 && status != 'E');
}

// Answer number n (or the last) recorded in this status, of this format or without rows.
static const wire_answer *nth_answer(const table_entry *entry, char status, bool is_binary,
									 size_t n, bool *has_other_format)
{
	const wire_answer *found = NULL, *other = NULL;
	size_t own_seen = 0, other_seen = 0;
	for (size_t i = 0; i < entry->count; i++) {
		const wire_answer *answer = entry->answers[i];
		if (!answer_fits(answer, status))
			continue;
		if (answer->is_binary == is_binary && own_seen++ <= n)
			found = answer;
		else if (answer->is_binary != is_binary && other_seen++ <= n)
			other = answer;
	}
	if (found == NULL && other != NULL) {
		if (!other->has_rows)
			return other;
		*has_other_format = true;
	}
	return found;
}

wire_pick wire_table_pick(const wire_table *table, wire_cursors *cursors, const char *sql,
						  char status, bool is_binary, bool peek, const wire_answer **out)
{
	bool has_other_format = false;
	size_t index = 0;
	for (size_t rank = SIZE_MAX; next_entry(table, sql, &rank, &index);) {
		const table_entry *entry = table->entries[index];
		char statuses[] = {status, status == 'I' ? 'T' : 'I'};
		for (size_t i = 0; i < (status == 'E' ? 1 : 2); i++) {
			size_t *used = &cursors->used[index][statuses[i] == 'I'   ? 0
												 : statuses[i] == 'T' ? 1
																	  : 2];
			const wire_answer *answer =
				nth_answer(entry, statuses[i], is_binary, *used, &has_other_format);
			if (answer == NULL)
				continue;
			*used += peek ? 0 : 1;
			*out = answer;
			return WIRE_PICKED;
		}
	}
	if (status == 'E')
		return WIRE_ABORTED_ALREADY;
	return has_other_format ? WIRE_OTHER_FORMAT : WIRE_UNKNOWN_SQL;
}

bool wire_table_describe(const wire_table *table, const char *sql, wire_message *out)
{
	size_t index = 0;
	for (size_t rank = SIZE_MAX; next_entry(table, sql, &rank, &index);) {
		const table_entry *entry = table->entries[index];
		size_t at = 0;
		for (size_t i = 0; i < entry->count; i++)
			if (wire_message_next(&entry->answers[i]->description, &at, out))
				return true;
		if (wire_message_next(&entry->description, &at, out))
			return true;
	}
	return false;
}

const uint32_t *wire_table_parameters(const wire_table *table, const char *sql, size_t *count)
{
	size_t index = 0;
	for (size_t rank = SIZE_MAX; next_entry(table, sql, &rank, &index);) {
		*count = table->entries[index]->parameter_count;
		if (table->entries[index]->has_parameters)
			return table->entries[index]->parameters;
	}
	return NULL;
}

static char status_after_tag(char status, const char *tag)
{
	if (strcmp(tag, "BEGIN") == 0 || strcmp(tag, "START TRANSACTION") == 0)
		return 'T';
	return strcmp(tag, "COMMIT") == 0 || strcmp(tag, "ROLLBACK") == 0 ? 'I' : status;
}

char wire_status_after(char status, const wire_bytes *messages)
{
	wire_message message;
	for (size_t at = 0; wire_message_next(messages, &at, &message);) {
		if (message.type == 'E')
			return status == 'T' ? 'E' : status;
		if (message.type == 'C' && message.length > 0)
			status = status_after_tag(status, (const char *)message.body);
	}
	return status;
}
