// SPDX-License-Identifier: Apache-2.0
/* The statement cache: a hash table of fixed size with a clock hand for eviction, under one lock
 * that is held for a look-up only. */
#include "service/statements.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <pthread.h>
#include <string.h>

#define WAYS     4     /* places a text may stand in */
#define KEPT_MAX 65536 /* longer ones, scripts of data, are lexed each time */

typedef struct entry {
	uint64_t hash;
	char *sql;
	size_t length;
	const cx_dialect *dialect;
	cx_statement *statement;
	uint64_t used; /* the tick of its last use */
} entry;

struct cx_statements {
	pthread_mutex_t lock; /* guards entries and tick */
	size_t mask;          /* sets - 1 */
	uint64_t tick;
	entry entries[];
};

cdbc_status cx_statements_new(size_t capacity, cx_statements **out, cdbc_error **err)
{
	size_t sets = 1;
	cx_statements *s;

	while (sets * WAYS < capacity)
		sets *= 2;
	s = cx_calloc(1, sizeof *s + sets * WAYS * sizeof *s->entries);
	if (!s)
		return cx_error_nomem(err);
	pthread_mutex_init(&s->lock, NULL);
	s->mask = sets - 1;
	*out = s;
	return CDBC_OK;
}

static void entry_clear(entry *e)
{
	cx_free(e->sql);
	cx_statement_unref(e->statement);
	memset(e, 0, sizeof *e);
}

void cx_statements_free(cx_statements *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < (s->mask + 1) * WAYS; i++)
		entry_clear(&s->entries[i]);
	pthread_mutex_destroy(&s->lock);
	cx_free(s);
}

/* Whether two dialects have the same text for a statement. */
static bool is_same_text(const cx_dialect *a, const cx_dialect *b)
{
	return a == b || (a->form == b->form && a->form != CX_FORM_OWN);
}

static entry *find(cx_statements *s, const cx_dialect *dialect, uint64_t hash, const char *sql,
				   size_t length)
{
	entry *set = &s->entries[(hash & s->mask) * WAYS];

	for (int i = 0; i < WAYS; i++)
		if (set[i].hash == hash && set[i].length == length && set[i].sql &&
			is_same_text(set[i].dialect, dialect) && memcmp(set[i].sql, sql, length) == 0)
			return &set[i];
	return NULL;
}

/* Remembers a statement, in the place least recently used. Nothing happens when memory is short. */
static void insert(cx_statements *s, const cx_dialect *dialect, uint64_t hash, const char *sql,
				   size_t length, cx_statement *statement)
{
	entry old, *victim;
	char *copy = cx_strndup(sql, length);

	if (!copy)
		return;
	pthread_mutex_lock(&s->lock);
	if (find(s, dialect, hash, sql, length)) { /* another thread was faster */
		pthread_mutex_unlock(&s->lock);
		cx_free(copy);
		return;
	}
	victim = &s->entries[(hash & s->mask) * WAYS];
	for (int i = 1; i < WAYS; i++)
		if (s->entries[(hash & s->mask) * WAYS + (size_t)i].used < victim->used)
			victim = &s->entries[(hash & s->mask) * WAYS + (size_t)i];
	old = *victim;
	*victim = (entry){hash, copy, length, dialect, cx_statement_ref(statement), ++s->tick};
	pthread_mutex_unlock(&s->lock);
	entry_clear(&old);
}

cdbc_status cx_statements_get(cx_statements *s, const cx_dialect *dialect, const char *sql,
							  size_t length, cx_statement **out, cdbc_error **err)
{
	uint64_t hash = cx_hash_bytes(sql, length, 0);
	cx_statement *statement;
	cdbc_status status;
	entry *e;

	pthread_mutex_lock(&s->lock);
	e = find(s, dialect, hash, sql, length);
	if (e) {
		e->used = ++s->tick;
		*out = cx_statement_ref(e->statement);
		pthread_mutex_unlock(&s->lock);
		return CDBC_OK;
	}
	pthread_mutex_unlock(&s->lock);
	status = cx_statement_parse(sql, length, dialect, NULL, 0, &statement, err);
	if (status)
		return status;
	if (statement->statement_count > 1 && statement->param_count > 0) {
		cx_statement_unref(statement);
		cx_error_set(err, CDBC_PARAM, "several statements in one text take no parameters");
		cx_error_hint(err, "run them one by one");
		return CDBC_PARAM;
	}
	if (length <= KEPT_MAX)
		insert(s, dialect, hash, sql, length, statement);
	*out = statement;
	return CDBC_OK;
}
