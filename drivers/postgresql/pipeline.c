// SPDX-License-Identifier: Apache-2.0
/* Several requests in one round trip: what is not yet prepared is prepared for all first, then all
 * are sent, with both directions drained. Their results are read by cursor.c. */
#include "internal.h"

#include "base/alloc.h"

/* What may change what later statements mean: tables, types, the search path. */
static bool may_change_names(const cdbc_request *request)
{
	switch (request->kind) {
	case CDBC_KIND_SELECT:
	case CDBC_KIND_DML:
	case CDBC_KIND_TRANSACTION:
		return false;
	default:
		return true;
	}
}

static bool is_among(const cx_pg_preparing *items, size_t count, const cdbc_request *request)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].request->statement_id == request->statement_id &&
			items[i].request->numeric == request->numeric &&
			items[i].request->arrays == request->arrays)
			return true;
	return false;
}

/* Prepares what the connection has not seen. A request that is not kept, that comes after one which
 * may change its meaning, or that the server refuses to prepare now, is sent as it is: its error,
 * if it is one, then comes in its place. */
static cdbc_status prepare_new(cx_pg_conn *c, const cdbc_request *requests, size_t count,
							   int64_t deadline_ns, cdbc_error **err)
{
	size_t n = 0, capacity = 0;
	cx_pg_preparing *items = NULL;
	cdbc_status status = CDBC_OK;
	uint64_t last_id = 0;

	for (size_t i = 0; i < count && n < c->prepared.max; i++) {
		const cdbc_request *r = &requests[i];

		if (may_change_names(r))
			break;
		/* A batch is often one statement many times. */
		if (r->statement_id == last_id || cx_pg_is_direct(r) || !cx_pg_is_kept(c, r) ||
			cx_pg_prepared_find(c, r))
			continue;
		last_id = r->statement_id;
		if (is_among(items, n, r))
			continue;
		if (!cx_grow(&items, n, &capacity, sizeof *items)) {
			status = cx_error_nomem(err);
			goto out;
		}
		items[n++] = (cx_pg_preparing){.request = r};
	}
	if (n > cx_pg_prepared_room(c))
		n = cx_pg_prepared_room(c);
	/* In a transaction a refusal ends it, so that is the batch's error. */
	if (n > 0 && c->cursor.summary.tx_before != CDBC_TX_FAILED)
		status = cx_pg_prepare(c, items, n, deadline_ns, err);
	for (size_t i = 0; i < n; i++) {
		if (items[i].failure && !status && c->cursor.summary.tx_before == CDBC_TX_OPEN) {
			status = cx_pg_error_result(c, items[i].failure, err);
			c->cursor.summary.request_number = (size_t)(items[i].request - requests) + 1;
			c->cursor.summary.position = CDBC_POSITION_DONE;
		}
		PQclear(items[i].failure);
	}
out:
	cx_free(items);
	return status;
}

/* What the connection has of them. False: something is to be prepared first. */
static bool find_all(cx_pg_conn *c, const cdbc_request *requests)
{
	cx_pg_cursor *cursor = &c->cursor;
	bool has_all = true;

	for (size_t i = 0; i < cursor->count; i++) {
		cx_pg_statement *st = cx_pg_prepared_find(c, &requests[i]);

		cursor->slots[i].statement = st;
		has_all &= st || cx_pg_is_direct(&requests[i]) || !cx_pg_is_kept(c, &requests[i]);
	}
	return has_all;
}

static cdbc_status make_slots(cx_pg_conn *c, const cdbc_request *requests, size_t count,
							  cdbc_sync sync, int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_cursor *cursor = &c->cursor;
	cx_pg_slot *slots = count <= CX_PG_FEW_SLOTS ? cursor->few : cx_alloc(count * sizeof *slots);
	cdbc_status status = CDBC_OK;

	if (!slots)
		return cx_error_nomem(err);
	cursor->slots = slots;
	cursor->count = count;
	if (!find_all(c, requests)) {
		status = prepare_new(c, requests, count, deadline_ns, err);
		(void)find_all(c, requests); /* one may have given way to another */
	}
	for (size_t i = 0; i < count; i++) {
		cx_pg_slot_init(&slots[i], &requests[i], slots[i].statement);
		slots[i].has_sync = sync == CDBC_SYNC_EACH || i + 1 == count;
	}
	return status;
}

/* Sees that every value can be sent, before anything is. */
static cdbc_status encode(cx_pg_conn *c, const cdbc_request *requests, cx_pg_param *params,
						  cdbc_error **err)
{
	cx_pg_cursor *cursor = &c->cursor;

	for (size_t i = 0; i < cursor->count; i++) {
		cdbc_status status =
			cx_pg_encode_all(c, &requests[i], cursor->slots[i].statement, params, err);

		if (status) {
			cursor->summary.request_number = i + 1;
			return status;
		}
		params += requests[i].value_count;
	}
	return CDBC_OK;
}

static cdbc_status send_all(cx_pg_conn *c, const cdbc_request *requests, const cx_pg_room *room,
							int64_t deadline_ns, cdbc_error **err)
{
	cx_pg_cursor *cursor = &c->cursor;
	const cx_pg_param *params = room->params;
	size_t queued = 0;
	cdbc_status status;

	for (size_t i = 0; i < cursor->count; i++) {
		status =
			cx_pg_send(c, &requests[i], cursor->slots[i].statement, params, room, &queued, err);
		params += requests[i].value_count;
		if (!status && cursor->slots[i].has_sync) {
			if (!PQpipelineSync(c->pg))
				status = cx_pg_send_failed(c, err);
			cursor->syncs_left++;
		}
		if (status) {
			c->is_lost = true; /* half a batch is queued: it must not be completed by accident */
			return status;
		}
		if (queued >= CX_PG_FLUSH_BYTES) {
			queued = 0;
			status = cx_pg_flush(c, deadline_ns, err);
			if (status)
				return status;
		}
	}
	return cx_pg_flush(c, deadline_ns, err);
}

/* Each value is encoded once: what is seen to be fit is what is sent. */
static cdbc_status encode_and_send(cx_pg_conn *c, const cdbc_request *requests, int64_t deadline_ns,
								   cdbc_error **err)
{
	cx_pg_cursor *cursor = &c->cursor;
	cx_pg_room *room = cx_pg_room_make(c, requests, cursor->count);
	cdbc_status status;

	if (!room)
		return cx_error_nomem(err);
	status = encode(c, requests, room->params, err);
	if (!status && !PQenterPipelineMode(c->pg))
		status = cx_pg_send_failed(c, err);
	if (!status) {
		cursor->is_pipeline = true;
		cursor->is_idle = false;
		cursor->summary.position = CDBC_POSITION_SENT;
		status = send_all(c, requests, room, deadline_ns, err);
	}
	cx_pg_room_free(c, room);
	return status;
}

cdbc_status cx_pg_submit_many(cx_pg_conn *c, const cdbc_request *requests, size_t count,
							  cdbc_sync sync, int64_t deadline_ns, cdbc_error **err)
{
	cdbc_status status;

	for (size_t i = 0; i < count; i++)
		if (requests[i].flags & CDBC_REQUEST_SIMPLE)
			return cx_error_set(err, CDBC_USAGE,
								"statement %zu of %zu: a text of several statements goes alone",
								i + 1, count);
	status = make_slots(c, requests, count, sync, deadline_ns, err);
	/* The first failure is in its place; what cannot be sent is the whole batch's. */
	return status ? status : encode_and_send(c, requests, deadline_ns, err);
}
