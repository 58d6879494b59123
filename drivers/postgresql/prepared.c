// SPDX-License-Identifier: Apache-2.0
/* The statements a connection keeps prepared: found by the request's id, the one unused for longest
 * gives way. Deallocating rides along with the next preparing, never with a round trip of its own.
 */
#include "internal.h"

#include "base/alloc.h"

#include <stdio.h>

/* ---- the table
 * ---------------------------------------------------------------------------------------------- */

cdbc_status cx_pg_prepared_init(cx_pg_prepared *prepared, size_t max, cdbc_error **err)
{
	size_t buckets = 16;

	while (buckets < max)
		buckets *= 2;
	prepared->buckets = cx_calloc(buckets, sizeof *prepared->buckets);
	if (!prepared->buckets)
		return cx_error_nomem(err);
	prepared->bucket_count = buckets;
	prepared->max = max;
	return CDBC_OK;
}

static void statement_free(cx_pg_statement *st)
{
	if (!st)
		return;
	cx_pg_shape_release(&st->shape);
	cx_batch_store_free(st->store);
	cx_free(st->oids);
	cx_free(st->types);
	cx_free(st);
}

void cx_pg_prepared_sweep(cx_pg_prepared *prepared)
{
	while (prepared->dead) {
		cx_pg_statement *st = prepared->dead;

		prepared->dead = st->older;
		statement_free(st);
	}
}

void cx_pg_prepared_fini(cx_pg_prepared *prepared)
{
	while (prepared->newest) {
		cx_pg_statement *st = prepared->newest;

		prepared->newest = st->older;
		statement_free(st);
	}
	cx_pg_prepared_sweep(prepared);
	cx_free(prepared->buckets);
	cx_free(prepared->doomed.names);
}

/* The modes change what the columns are, so they are part of what a statement is. */
static uint64_t key_of(const cdbc_request *request)
{
	return request->statement_id << 4 | (uint64_t)request->numeric << 1 | (uint64_t)request->arrays;
}

static cx_pg_statement **bucket_of(const cx_pg_prepared *prepared, uint64_t key)
{
	return &prepared->buckets[(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
							  (prepared->bucket_count - 1)];
}

static void unlink_order(cx_pg_prepared *p, cx_pg_statement *st)
{
	if (st->newer)
		st->newer->older = st->older;
	else
		p->newest = st->older;
	if (st->older)
		st->older->newer = st->newer;
	else
		p->oldest = st->newer;
}

static void link_newest(cx_pg_prepared *p, cx_pg_statement *st)
{
	st->newer = NULL;
	st->older = p->newest;
	if (p->newest)
		p->newest->newer = st;
	else
		p->oldest = st;
	p->newest = st;
}

bool cx_pg_is_kept(const cx_pg_conn *c, const cdbc_request *request)
{
	return request->statement_id != 0 && !(request->flags & CDBC_REQUEST_NO_PREPARE) &&
		   c->prepared.max > 0;
}

/* A declared type that is not what the statement was prepared for makes it another statement. */
static bool accepts(const cx_pg_statement *st, const cdbc_request *request)
{
	if (request->value_count != st->param_count)
		return true; /* sending says so */
	for (size_t i = 0; i < request->value_count; i++) {
		const cdbc_type *declared = &request->values[i].type;

		if (declared->id != CDBC_TYPE_UNKNOWN && declared->id != CDBC_TYPE_OTHER &&
			(declared->id != st->types[i].id || declared->is_array != st->types[i].is_array) &&
			cx_pg_oid_of(*declared) != 0 && cx_pg_oid_of(*declared) != st->oids[i])
			return false;
	}
	return true;
}

cx_pg_statement *cx_pg_prepared_find(cx_pg_conn *c, const cdbc_request *request)
{
	cx_pg_prepared *p = &c->prepared;
	uint64_t key = key_of(request);
	cx_pg_statement *st;

	if (!cx_pg_is_kept(c, request))
		return NULL;
	for (st = *bucket_of(p, key); st && st->key != key; st = st->in_bucket)
		;
	if (!st)
		return NULL;
	if (!accepts(st, request)) {
		cx_pg_prepared_drop(c, st, true);
		return NULL;
	}
	if (p->newest != st) {
		unlink_order(p, st);
		link_newest(p, st);
	}
	st->used_by = c->serial;
	return st;
}

/* Out of memory: the server keeps one statement too many. */
static void doom(cx_pg_prepared *p, const char *name)
{
	struct cx_pg_doomed *doomed = &p->doomed;

	if (cx_grow(&doomed->names, doomed->count, &doomed->capacity, sizeof *doomed->names))
		memcpy(doomed->names[doomed->count++], name, CX_PG_NAME_MAX);
}

size_t cx_pg_prepared_room(const cx_pg_conn *c)
{
	size_t used = 0;

	for (const cx_pg_statement *st = c->prepared.newest; st && st->used_by == c->serial;
		 st = st->older)
		used++;
	return used < c->prepared.max ? c->prepared.max - used : 0;
}

void cx_pg_prepared_drop(cx_pg_conn *c, cx_pg_statement *st, bool is_there)
{
	cx_pg_prepared *p = &c->prepared;
	cx_pg_statement **link;

	for (link = bucket_of(p, st->key); *link && *link != st; link = &(*link)->in_bucket)
		;
	if (!*link)
		return; /* dropped before, or the unnamed one */
	*link = st->in_bucket;
	unlink_order(p, st);
	p->count--;
	st->older = p->dead;
	p->dead = st;
	if (is_there)
		doom(p, st->name);
}

void cx_pg_prepared_clear(cx_pg_conn *c)
{
	while (c->prepared.newest)
		cx_pg_prepared_drop(c, c->prepared.newest, false);
	c->prepared.doomed.count = 0;
}

static void insert(cx_pg_conn *c, cx_pg_statement *st)
{
	cx_pg_prepared *p = &c->prepared;
	cx_pg_statement **bucket = bucket_of(p, st->key);

	st->in_bucket = *bucket;
	*bucket = st;
	link_newest(p, st);
	p->count++;
}

/* Makes room for so many more. What this submit uses stays. */
static void evict(cx_pg_conn *c, size_t more)
{
	cx_pg_statement *st = c->prepared.oldest, *newer;

	for (; st && c->prepared.count + more > c->prepared.max; st = newer) {
		newer = st->newer;
		if (st->used_by != c->serial)
			cx_pg_prepared_drop(c, st, true);
	}
}

/* ---- preparing
 * ---------------------------------------------------------------------------------------------- */

/* Makes the statement that will be prepared; its name is new. */
static cx_pg_statement *statement_new(cx_pg_conn *c, const cdbc_request *request)
{
	cx_pg_statement *st = cx_calloc(1, sizeof *st);
	size_t n = request->value_count ? request->value_count : 1;

	if (!st)
		return NULL;
	st->key = key_of(request);
	st->used_by = c->serial;
	st->oids = cx_calloc(n, sizeof *st->oids);
	st->types = cx_calloc(n, sizeof *st->types);
	if (!st->oids || !st->types) {
		statement_free(st);
		return NULL;
	}
	for (size_t i = 0; i < request->value_count; i++)
		st->oids[i] = cx_pg_oid_of(request->values[i].type);
	if (cx_pg_is_kept(c, request))
		snprintf(st->name, sizeof st->name, "cdbc_%llu",
				 (unsigned long long)++c->prepared.next_name);
	return st;
}

/* Reads the answer to Describe into the statement. */
static cdbc_status statement_fill(cx_pg_conn *c, cx_pg_statement *st, const cdbc_request *request,
								  const PGresult *described, cdbc_error **err)
{
	size_t count = (size_t)PQnparams(described), n = count ? count : 1;
	Oid *oids = cx_calloc(n, sizeof *oids);
	cdbc_type *types = cx_calloc(n, sizeof *types);

	if (!oids || !types) {
		cx_free(oids);
		cx_free(types);
		return cx_error_nomem(err);
	}
	for (size_t i = 0; i < count; i++) {
		oids[i] = PQparamtype(described, (int)i);
		types[i] = cx_pg_type_of(oids[i], -1);
	}
	cx_free(st->oids);
	cx_free(st->types);
	st->oids = oids;
	st->types = types;
	st->param_count = count;
	return cx_pg_shape_make(described, true, c->checks_utf8, request->numeric, request->arrays,
							&st->shape, err);
}

typedef struct preparing {
	cx_pg_conn *conn;
	cx_pg_preparing *items;
	size_t count;
	size_t skipped; /* queries before the first item's */
	cdbc_status status;
	cdbc_error *error;
} preparing;

/* Two results an item: Parse's, then Describe's. */
static bool on_prepared(void *data, size_t query, PGresult *result)
{
	preparing *p = data;
	ExecStatusType kind = PQresultStatus(result);
	cx_pg_preparing *item;

	if (query < p->skipped || (query - p->skipped) / 2 >= p->count)
		return false;
	item = &p->items[(query - p->skipped) / 2];
	if (kind == PGRES_FATAL_ERROR) {
		if (item->failure)
			return false;
		item->failure = result;
		return true;
	}
	if (kind == PGRES_COMMAND_OK && (query - p->skipped) % 2 == 1 && !p->status)
		p->status = statement_fill(p->conn, item->statement, item->request, result, &p->error);
	return false;
}

/* Queues what it takes; *syncs counts the Syncs. */
static cdbc_status queue_all(cx_pg_conn *c, preparing *p, size_t *syncs, cdbc_error **err)
{
	struct cx_pg_doomed *doomed = &c->prepared.doomed;
	char sql[CX_PG_NAME_MAX + 16];

	for (size_t i = 0; i < doomed->count && c->tx != CDBC_TX_FAILED; i++) {
		snprintf(sql, sizeof sql, "DEALLOCATE %s", doomed->names[i]);
		if (!PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0) || !PQpipelineSync(c->pg))
			return cx_pg_send_failed(c, err);
		++*syncs;
		p->skipped++;
	}
	if (p->skipped)
		doomed->count = 0;
	for (size_t i = 0; i < p->count; i++) {
		cx_pg_preparing *item = &p->items[i];

		item->statement = statement_new(c, item->request);
		if (!item->statement)
			return cx_error_nomem(err);
		if (!PQsendPrepare(c->pg, item->statement->name, item->request->sql,
						   (int)item->request->value_count, item->statement->oids) ||
			!PQsendDescribePrepared(c->pg, item->statement->name) || !PQpipelineSync(c->pg))
			return cx_pg_send_failed(c, err);
		++*syncs;
	}
	return CDBC_OK;
}

static void settle_items(cx_pg_conn *c, cx_pg_preparing *items, size_t count, bool is_ok)
{
	for (size_t i = 0; i < count; i++) {
		cx_pg_statement *st = items[i].statement;

		if (st && is_ok && !items[i].failure) {
			if (st->name[0]) {
				insert(c, st);
			} else {
				st->older = c->prepared.dead; /* the unnamed one is for this cursor only */
				c->prepared.dead = st;
			}
			continue;
		}
		if (st && !items[i].failure && st->name[0])
			doom(&c->prepared, st->name);
		statement_free(st);
		items[i].statement = NULL;
	}
}

cdbc_status cx_pg_prepare(cx_pg_conn *c, cx_pg_preparing *items, size_t count, int64_t deadline_ns,
						  cdbc_error **err)
{
	preparing p = {.conn = c, .items = items, .count = count};
	size_t syncs = 0, kept = 0;
	cdbc_status status;

	for (size_t i = 0; i < count; i++) {
		items[i].statement = NULL;
		items[i].failure = NULL;
		kept += cx_pg_is_kept(c, items[i].request);
	}
	evict(c, kept);
	if (!PQenterPipelineMode(c->pg))
		return cx_pg_send_failed(c, err);
	status = queue_all(c, &p, &syncs, err);
	if (status)
		c->is_lost = true; /* half an exchange is queued */
	else
		status = cx_pg_exchange(c, syncs, deadline_ns, on_prepared, &p, err);
	if (!status && p.status) {
		status = p.status;
		if (err) {
			*err = p.error;
			p.error = NULL;
		}
	}
	cdbc_error_free(p.error);
	settle_items(c, items, count, status == CDBC_OK);
	for (size_t i = 0; i < count && status; i++) {
		PQclear(items[i].failure);
		items[i].failure = NULL;
	}
	return status;
}
