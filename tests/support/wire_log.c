// SPDX-License-Identifier: Apache-2.0
// What the server saw and what went wrong, for tests to read under the lock.
#include "wire_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wire_server_changed(wire_server *server)
{
	pthread_cond_broadcast(&server->changed);
}

void wire_log_message(wire_conn *conn, const wire_message *message, const char *sql)
{
	wire_server *server = conn->server;
	pthread_mutex_lock(&server->lock);
	if (server->log_count == server->log_capacity) {
		server->log_capacity = server->log_capacity > 0 ? 2 * server->log_capacity : 64;
		server->log = realloc(server->log, server->log_capacity * sizeof *server->log);
		if (server->log == NULL)
			abort();
	}
	wire_log_entry *entry = &server->log[server->log_count++];
	*entry = (wire_log_entry){.sql = sql != NULL ? strdup(sql) : NULL,
							  .body = malloc(message->length + 1)};
	if (entry->body == NULL || (sql != NULL && entry->sql == NULL))
		abort();
	if (message->length > 0)
		memcpy(entry->body, message->body, message->length);
	entry->logged = (wire_logged){.connection = conn->number,
								  .type = message->type,
								  .sql = entry->sql,
								  .body = entry->body,
								  .length = message->length};
	wire_server_changed(server);
	pthread_mutex_unlock(&server->lock);
}

void wire_log_problem(wire_server *server, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		abort();
	pthread_mutex_lock(&server->lock);
	server->problems = realloc(server->problems, (server->problem_count + 1) * sizeof(char *));
	if (server->problems == NULL)
		abort();
	server->problems[server->problem_count++] = text;
	pthread_mutex_unlock(&server->lock);
}

void wire_log_free(wire_server *server)
{
	for (size_t i = 0; i < server->log_count; i++) {
		free(server->log[i].sql);
		free(server->log[i].body);
	}
	free(server->log);
	for (size_t i = 0; i < server->problem_count; i++)
		free(server->problems[i]);
	free(server->problems);
	free(server->cancels);
}

char *wire_server_problems(wire_server *server)
{
	char *text = NULL;
	size_t length = 0;
	pthread_mutex_lock(&server->lock);
	if (server->problem_count > 0) {
		FILE *out = open_memstream(&text, &length);
		for (size_t i = 0; out != NULL && i < server->problem_count; i++)
			fprintf(out, "%s\n", server->problems[i]);
		if (out == NULL || fclose(out) != 0)
			abort();
	}
	pthread_mutex_unlock(&server->lock);
	return text;
}

void wire_server_each_message(wire_server *server,
							  bool (*fn)(void *data, const wire_logged *logged), void *data)
{
	pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < server->log_count && fn(data, &server->log[i].logged); i++)
		;
	pthread_mutex_unlock(&server->lock);
}

// The lock is held.
static size_t count_messages(const wire_server *server, char type, const char *sql)
{
	size_t count = 0;
	for (size_t i = 0; i < server->log_count; i++) {
		const wire_logged *logged = &server->log[i].logged;
		if (type != 0 && logged->type != type)
			continue;
		if (sql == NULL || (logged->sql != NULL && strstr(logged->sql, sql) != NULL))
			count++;
	}
	return count;
}

size_t wire_server_count(wire_server *server, char type, const char *sql)
{
	pthread_mutex_lock(&server->lock);
	size_t count = count_messages(server, type, sql);
	pthread_mutex_unlock(&server->lock);
	return count;
}

bool wire_server_sql_contains(wire_server *server, const char *text)
{
	return wire_server_count(server, 'P', text) + wire_server_count(server, 'Q', text) > 0;
}

bool wire_server_bytes_contain(wire_server *server, const void *bytes, size_t length)
{
	bool is_found = false;
	pthread_mutex_lock(&server->lock);
	for (size_t i = 0; i < server->log_count && !is_found; i++)
		is_found = memmem(server->log[i].body, server->log[i].logged.length, bytes, length) != NULL;
	pthread_mutex_unlock(&server->lock);
	return is_found;
}

size_t wire_server_cancel_count(wire_server *server)
{
	pthread_mutex_lock(&server->lock);
	size_t count = server->cancel_count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

bool wire_server_cancel_at(wire_server *server, size_t index, wire_cancel *out)
{
	pthread_mutex_lock(&server->lock);
	bool is_there = index < server->cancel_count;
	if (is_there)
		*out = server->cancels[index];
	pthread_mutex_unlock(&server->lock);
	return is_there;
}

size_t wire_server_connection_count(wire_server *server)
{
	pthread_mutex_lock(&server->lock);
	size_t count = server->accepted_count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

size_t wire_server_open_count(wire_server *server)
{
	pthread_mutex_lock(&server->lock);
	size_t count = server->open_count;
	pthread_mutex_unlock(&server->lock);
	return count;
}

// ---- waiting ----

typedef struct wish {
	enum { MESSAGES, CANCELS, OPEN, HOLDING } what;
	char type;
	const char *sql;
	size_t count;
} wish;

static bool is_there(const wire_server *server, const wish *wanted)
{
	switch (wanted->what) {
	case MESSAGES:
		return count_messages(server, wanted->type, wanted->sql) >= wanted->count;
	case CANCELS:
		return server->cancel_count >= wanted->count;
	case OPEN:
		return server->open_count == wanted->count;
	default:
		return server->holding_count >= wanted->count;
	}
}

static bool wait_for(wire_server *server, const wish *wanted, int64_t limit_ms)
{
	struct timespec until;
	int failure = 0;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += limit_ms / 1000;
	until.tv_nsec += limit_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&server->lock);
	while (!is_there(server, wanted) && failure == 0)
		failure = pthread_cond_timedwait(&server->changed, &server->lock, &until);
	bool is_reached = is_there(server, wanted);
	pthread_mutex_unlock(&server->lock);
	return is_reached;
}

bool wire_server_wait_message(wire_server *server, char type, const char *sql, size_t count,
							  int64_t limit_ms)
{
	return wait_for(server, &(wish){MESSAGES, type, sql, count}, limit_ms);
}

bool wire_server_wait_cancel(wire_server *server, size_t count, int64_t limit_ms)
{
	return wait_for(server, &(wish){.what = CANCELS, .count = count}, limit_ms);
}

bool wire_server_wait_open(wire_server *server, size_t count, int64_t limit_ms)
{
	return wait_for(server, &(wish){.what = OPEN, .count = count}, limit_ms);
}

bool wire_server_wait_holding(wire_server *server, size_t count, int64_t limit_ms)
{
	return wait_for(server, &(wish){.what = HOLDING, .count = count}, limit_ms);
}
