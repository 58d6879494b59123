// SPDX-License-Identifier: Apache-2.0
/* The fake driver's servers: scripts, gates, planned failures and counts. Memory comes from malloc:
 * it is the test's, not the library's, and does not count in allocation-failure runs. */
#include "support/fake_internal.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>
#include <time.h>

#define WAIT_MAX_S 10

static pthread_mutex_t servers_lock = PTHREAD_MUTEX_INITIALIZER;
static fake_server *servers;

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static char *copy(const char *text)
{
	return text ? need(strdup(text)) : NULL;
}

/* ---- servers
 * ------------------------------------------------------------------------------------------------
 */

fake_server *fake_server_new(const char *name)
{
	fake_server *s = need(calloc(1, sizeof *s));
	pthread_condattr_t attr;

	if (fake_server_find(name))
		abort();
	s->name = copy(name);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	s->product = copy("PostgreSQL");
	s->version = copy("15.0");
	s->dialect = copy("postgresql");
	s->node_id = -1;
	pthread_mutex_lock(&servers_lock);
	s->next = servers;
	servers = s;
	pthread_mutex_unlock(&servers_lock);
	return s;
}

fake_server *fake_server_find(const char *name)
{
	fake_server *s;

	pthread_mutex_lock(&servers_lock);
	for (s = servers; s && strcmp(s->name, name) != 0;)
		s = s->next;
	pthread_mutex_unlock(&servers_lock);
	return s;
}

static void entry_free(fake_entry *e)
{
	free((char *)(uintptr_t)e->answer.sql);
	free((char *)(uintptr_t)e->answer.columns);
	free((char *)(uintptr_t)e->answer.rows);
	free((char *)(uintptr_t)e->answer.tag);
	free((char *)(uintptr_t)e->answer.gate);
	fake_info_free(&e->answer.error);
	free(e);
}

static void entries_free(fake_server *s)
{
	while (s->entries) {
		fake_entry *next = s->entries->next;

		entry_free(s->entries);
		s->entries = next;
	}
}

void fake_server_free(fake_server *s)
{
	fake_server **at = &servers;

	if (!s)
		return;
	pthread_mutex_lock(&servers_lock);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	pthread_mutex_unlock(&servers_lock);
	if (s->counts.live)
		abort();
	entries_free(s);
	while (s->gates) {
		fake_gate *next = s->gates->next;

		free(s->gates->name);
		free(s->gates);
		s->gates = next;
	}
	for (size_t i = 0; i < s->said_count; i++)
		free(s->said[i].sql);
	free(s->said);
	fake_info_free(&s->opens.error);
	fake_info_free(&s->pings.error);
	fake_info_free(&s->resets.error);
	free(s->product);
	free(s->version);
	free(s->dialect);
	free(s->name);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

cdbc_settings fake_settings(fake_server *server, cdbc_setting *item)
{
	*item = (cdbc_setting){"server", server->name};
	return (cdbc_settings){
		.struct_size = sizeof(cdbc_settings), .scheme = "fake", .items = item, .count = 1};
}

void fake_server_identify(fake_server *s, const char *product, const char *version,
						  const char *dialect, int64_t node_id)
{
	pthread_mutex_lock(&s->lock);
	free(s->product);
	free(s->version);
	free(s->dialect);
	s->product = copy(product);
	s->version = copy(version);
	s->dialect = copy(dialect);
	s->node_id = node_id;
	pthread_mutex_unlock(&s->lock);
}

/* ---- errors
 * -------------------------------------------------------------------------------------------------
 */

void fake_info_copy(cdbc_error_info *to, const cdbc_error_info *from)
{
	*to = *from;
	to->struct_size = sizeof *to;
	to->message = copy(from->message);
	to->sqlstate = copy(from->sqlstate);
	to->detail = copy(from->detail);
	to->hint = copy(from->hint);
	to->constraint = copy(from->constraint);
	to->schema = copy(from->schema);
	to->table = copy(from->table);
	to->column = copy(from->column);
	to->host = copy(from->host);
}

void fake_info_free(cdbc_error_info *info)
{
	const char *texts[] = {info->message, info->sqlstate,   info->detail,
						   info->hint,    info->constraint, info->schema,
						   info->table,   info->column,     info->host};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free((char *)(uintptr_t)texts[i]);
	memset(info, 0, sizeof *info);
}

static void plan_failing(fake_server *s, fake_failing *failing, int64_t n,
						 const cdbc_error_info *error)
{
	static const cdbc_error_info refused = {.status = CDBC_CONNECT, .message = "refused"};

	pthread_mutex_lock(&s->lock);
	fake_info_free(&failing->error);
	fake_info_copy(&failing->error, error ? error : &refused);
	failing->left = n;
	pthread_mutex_unlock(&s->lock);
}

void fake_server_fail_opens(fake_server *s, int64_t n, const cdbc_error_info *error)
{
	plan_failing(s, &s->opens, n, error);
}

void fake_server_fail_pings(fake_server *s, int64_t n, const cdbc_error_info *error)
{
	plan_failing(s, &s->pings, n, error);
}

void fake_server_fail_resets(fake_server *s, int64_t n, const cdbc_error_info *error)
{
	plan_failing(s, &s->resets, n, error);
}

bool fake_must_fail(fake_server *s, fake_failing *failing, cdbc_error_info *out)
{
	bool must;

	pthread_mutex_lock(&s->lock);
	must = failing->left != 0;
	if (must)
		fake_info_copy(out, &failing->error);
	if (failing->left > 0)
		failing->left--;
	pthread_mutex_unlock(&s->lock);
	return must;
}

/* ---- answers
 * ------------------------------------------------------------------------------------------------
 */

static fake_gate *gate_get(fake_server *s, const char *name, bool is_held)
{
	fake_gate *g = s->gates;

	while (g && strcmp(g->name, name) != 0)
		g = g->next;
	if (!g) {
		g = need(calloc(1, sizeof *g));
		g->name = copy(name);
		g->is_held = is_held;
		g->next = s->gates;
		s->gates = g;
	}
	return g;
}

void fake_server_answer(fake_server *s, const fake_answer *answer)
{
	fake_entry *e = need(calloc(1, sizeof *e)), **at;

	e->answer = *answer;
	e->answer.sql = copy(answer->sql);
	e->answer.columns = copy(answer->columns);
	e->answer.rows = copy(answer->rows);
	e->answer.tag = copy(answer->tag);
	e->answer.gate = copy(answer->gate);
	fake_info_copy(&e->answer.error, &answer->error);
	e->times_left = answer->times ? answer->times : -1;
	pthread_mutex_lock(&s->lock);
	for (at = &s->entries; *at;)
		at = &(*at)->next;
	*at = e;
	if (answer->gate)
		gate_get(s, answer->gate, true);
	pthread_mutex_unlock(&s->lock);
}

/* Entries may be in use by a cursor: they are only used up, and freed with the server. */
void fake_server_forget(fake_server *s)
{
	pthread_mutex_lock(&s->lock);
	for (fake_entry *e = s->entries; e; e = e->next)
		e->times_left = 0;
	pthread_mutex_unlock(&s->lock);
}

static bool matches(const char *pattern, const char *sql)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return strncmp(pattern, sql, n - 1) == 0;
	return strcmp(pattern, sql) == 0;
}

fake_entry *fake_entry_find(fake_server *s, const char *sql, bool is_used)
{
	fake_entry *e;

	pthread_mutex_lock(&s->lock);
	for (e = s->entries; e && (e->times_left == 0 || !matches(e->answer.sql, sql));)
		e = e->next;
	if (e && is_used && e->times_left > 0)
		e->times_left--;
	pthread_mutex_unlock(&s->lock);
	return e;
}

void fake_said(fake_server *s, const char *sql, int64_t serial)
{
	pthread_mutex_lock(&s->lock);
	if (s->said_count == s->said_capacity) {
		s->said_capacity = s->said_capacity ? s->said_capacity * 2 : 16;
		s->said = need(realloc(s->said, s->said_capacity * sizeof *s->said));
	}
	s->said[s->said_count].sql = copy(sql);
	s->said[s->said_count++].serial = serial;
	s->counts.requests++;
	pthread_mutex_unlock(&s->lock);
}

const char *fake_server_sql(const fake_server *server, size_t index, int64_t *serial)
{
	fake_server *s = (fake_server *)(uintptr_t)server;
	const char *sql = NULL;

	pthread_mutex_lock(&s->lock);
	if (index < s->said_count) {
		sql = s->said[index].sql;
		if (serial)
			*serial = s->said[index].serial;
	}
	pthread_mutex_unlock(&s->lock);
	return sql;
}

fake_counts fake_server_counts(const fake_server *server)
{
	fake_server *s = (fake_server *)(uintptr_t)server;
	fake_counts counts;

	FAKE_LOCKED(s, counts = s->counts);
	return counts;
}

void fake_server_cut(fake_server *s)
{
	FAKE_LOCKED(s, s->cuts++);
}

/* ---- gates
 * --------------------------------------------------------------------------------------------------
 */

static void wait_a_little(fake_server *s)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 2 * CX_NS_PER_MS; /* deadlines may be those of a fake clock: look again */
	if (until.tv_nsec >= CX_NS_PER_S) {
		until.tv_nsec -= CX_NS_PER_S;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

void fake_server_hold(fake_server *s, const char *gate)
{
	FAKE_LOCKED(s, gate_get(s, gate, true)->is_held = true);
}

void fake_server_let(fake_server *s, const char *gate)
{
	FAKE_LOCKED(s, gate_get(s, gate, false)->is_held = false; pthread_cond_broadcast(&s->changed));
}

bool fake_server_wait(fake_server *s, const char *gate, size_t waiting)
{
	struct timespec now, end;
	fake_gate *g;
	bool is_there;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += WAIT_MAX_S;
	pthread_mutex_lock(&s->lock);
	g = gate_get(s, gate, true);
	do {
		if (g->waiting < waiting)
			wait_a_little(s);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (g->waiting < waiting && now.tv_sec < end.tv_sec);
	is_there = g->waiting >= waiting;
	pthread_mutex_unlock(&s->lock);
	return is_there;
}

cdbc_status fake_gate_pass(fake_server *s, const char *gate, fake_conn *conn, int64_t deadline_ns,
						   cdbc_error **err)
{
	bool is_cancelled = false, is_late = false;
	fake_gate *g;

	pthread_mutex_lock(&s->lock);
	g = gate_get(s, gate, false);
	g->waiting++;
	pthread_cond_broadcast(&s->changed);
	while (g->is_held && !is_cancelled && !is_late) {
		wait_a_little(s);
		is_cancelled = conn && conn->is_cancelled;
		is_late = cx_deadline_passed(deadline_ns);
	}
	g->waiting--;
	pthread_mutex_unlock(&s->lock);
	if (!is_cancelled && !is_late)
		return CDBC_OK;
	cx_error_set(err, is_cancelled ? CDBC_CANCELLED : CDBC_TIMEOUT,
				 is_cancelled ? "cancelled" : "the deadline passed");
	cx_error_sqlstate(err, is_cancelled ? "57014" : "");
	return is_cancelled ? CDBC_CANCELLED : CDBC_TIMEOUT;
}
