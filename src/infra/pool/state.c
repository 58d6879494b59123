// SPDX-License-Identifier: Apache-2.0
/* The states of a slot and what every move brings with it. No opening and no policy here. */
#include "base/error.h"
#include "infra/pool/internal.h"

#include <assert.h>
#include <string.h>

#define TO(state) (1u << CX_SLOT_##state)

static const unsigned allowed[CX_SLOT_STATE_COUNT] = {
	[CX_SLOT_FREE] = TO(OPENING),
	[CX_SLOT_OPENING] = TO(IDLE) | TO(LENT) | TO(CLOSING) | TO(FREE),
	[CX_SLOT_IDLE] = TO(LENT) | TO(CHECKING) | TO(CLOSING),
	[CX_SLOT_CHECKING] = TO(LENT) | TO(IDLE) | TO(CLOSING),
	[CX_SLOT_LENT] = TO(LENT) | TO(IDLE) | TO(RESETTING) | TO(CLOSING),
	[CX_SLOT_RESETTING] = TO(IDLE) | TO(LENT) | TO(CLOSING),
	[CX_SLOT_CLOSING] = TO(FREE),
};

void cx_conn_move(cx_pool *pool, cx_slot *slot, cx_slot_state to)
{
	assert(allowed[slot->state] & (1u << to));
	pool->count[slot->state]--;
	pool->count[to]++;
	slot->state = to;
}

void cx_pool_answer(cx_pool *pool, cx_slot *slot, cdbc_status status, cdbc_error *error)
{
	cx_pool_answer_at(pool, &pool->waiters, slot, status, error);
}

void cx_pool_answer_at(cx_pool *pool, cx_waiter **at, cx_slot *slot, cdbc_status status,
					   cdbc_error *error)
{
	cx_waiter *waiter = *at;

	*at = waiter->next;
	pool->queued--;
	waiter->slot = slot;
	waiter->status = status;
	waiter->error = error;
	if (slot)
		slot->source = waiter->source;
	if (waiter->is_parked)
		cx_cond_signal(&waiter->wake); /* it cannot leave before the lock is ours no more */
	atomic_store_explicit(&waiter->is_answered, true, memory_order_release);
}

void cx_pool_note_close(cx_pool *pool, cx_slot *slot, const char *why, cx_pool_work *work)
{
	cx_conn_move(pool, slot, CX_SLOT_CLOSING);
	slot->source = why;
	slot->next = work->closes;
	work->closes = slot;
}

void cx_pool_free_slot(cx_pool *pool, cx_slot *slot, cx_pool_work *work)
{
	cx_conn_move(pool, slot, CX_SLOT_FREE);
	slot->conn.handle = NULL;
	slot->next = pool->free;
	pool->free = slot;
	if (pool->is_closing)
		cx_cond_broadcast(&pool->gone);
	work->is_last = pool->is_freed && pool->count[CX_SLOT_FREE] == pool->options.max_size;
}

void cx_pool_place(cx_pool *pool, cx_slot *slot, int64_t now_ns, cx_pool_work *work)
{
	if (__builtin_expect(pool->is_closing, 0)) {
		cx_pool_note_close(pool, slot, "the pool closes", work);
	} else if (__builtin_expect(now_ns >= slot->expires_ns, 0)) {
		cx_pool_note_close(pool, slot, "end of its life", work);
	} else if (__builtin_expect(pool->waiters != NULL, 0)) {
		cx_conn_move(pool, slot, CX_SLOT_LENT);
		slot->lent_ns = now_ns;
		slot->is_leak_told = false;
		if (pool->leak_warn_ns != CX_NEVER)
			cx_pool_due(pool, now_ns + pool->leak_warn_ns);
		cx_pool_answer(pool, slot, CDBC_OK, NULL);
	} else {
		cx_conn_move(pool, slot, CX_SLOT_IDLE);
		slot->rested_ns = now_ns;
		slot->next = pool->idle;
		pool->idle = slot;
		cx_pool_due(pool, cx_pool_rest_ends(slot));
	}
}

/* The host as a text that ends; NULL when it is none. */
static const char *copy_host(const cdbc_value *host, char *out, size_t size)
{
	size_t n = host->kind == CDBC_VALUE_TEXT ? host->as.text.length : 0;

	if (n == 0)
		return NULL;
	if (n >= size)
		n = size - 1;
	memcpy(out, host->as.text.data, n);
	out[n] = '\0';
	return out;
}

void cx_pool_emit(cx_pool *pool, const cx_slot *slot, cdbc_event_kind kind, int64_t duration_ns,
				  const char *text, const cdbc_error *error)
{
	const cx_events *events = atomic_load_explicit(&pool->events, memory_order_acquire);
	cdbc_event event = {0};
	cdbc_value host;
	char text_of_host[256];

	if (!cx_events_wants(events, kind))
		return;
	event.kind = kind;
	event.name = pool->options.name;
	event.duration_ns = duration_ns;
	event.text = text;
	event.error = error;
	if (slot)
		event.id = slot->conn.serial;
	/* a borrower may be inside a connection that leaks: its driver is not asked */
	if (slot && slot->conn.handle && kind != CDBC_EVENT_LEAK &&
		pool->driver->info(slot->conn.handle, CDBC_INFO_HOST, &host, NULL) == CDBC_OK)
		event.host = copy_host(&host, text_of_host, sizeof text_of_host);
	cx_events_emit(events, &event);
}

void cx_pool_close_slot(cx_pool *pool, cx_slot *slot, const cdbc_error *error)
{
	cx_pool_work work = CX_POOL_WORK_INIT;
	int64_t now = cx_clock_now_ns();

	cx_pool_emit(pool, slot, CDBC_EVENT_CONN_CLOSE, now - slot->opened_ns, slot->source, error);
	pool->driver->close(slot->conn.handle);
	cx_mutex_lock(&pool->lock);
	pool->total.close_count++;
	cx_pool_free_slot(pool, slot, &work);
	cx_pool_plan(pool, now, &work);
	cx_mutex_unlock(&pool->lock);
	cx_pool_do(pool, &work);
}

void cx_pool_do(cx_pool *pool, cx_pool_work *work)
{
	cx_slot *slot, *next;

	for (slot = work->opens; slot; slot = next) {
		next = slot->next;
		cx_pool_start_open(pool, slot);
	}
	for (slot = work->closes; slot; slot = next) {
		next = slot->next;
		cx_pool_close_slot(pool, slot, NULL);
	}
	if (work->is_last)
		cx_pool_destroy(pool);
}
