// SPDX-License-Identifier: Apache-2.0
/* The keeper: one thread a pool that sleeps until something is due, and sees to what no caller
 * comes by for. */
#include "infra/pool/internal.h"

#define LEAKS_A_LOOK 8

typedef struct leak {
	cx_slot slot; /* a copy: its borrower may return it meanwhile */
	int64_t lent_for_ns;
} leak;

/* Notes the closing of idle connections that are due; returns when the next one is. */
static int64_t look_at_idle(cx_pool *pool, int64_t now_ns, cx_pool_work *work)
{
	int64_t due = CX_NEVER;
	cx_slot **at = &pool->idle;

	while (*at) {
		cx_slot *slot = *at;
		bool is_over = now_ns >= slot->expires_ns;
		bool may_rest_end =
			slot->idle_ns != CX_NEVER && cx_pool_size(pool) > pool->options.min_size;

		if (is_over || (may_rest_end && now_ns >= slot->rested_ns + slot->idle_ns)) {
			*at = slot->next;
			cx_pool_note_close(pool, slot, is_over ? "end of its life" : "idle for long", work);
			continue;
		}
		due = cx_deadline_sooner(due, may_rest_end ? cx_pool_rest_ends(slot) : slot->expires_ns);
		at = &slot->next;
	}
	return due;
}

/* Collects leases not told of yet that are out for too long; returns when the next one will be. */
static int64_t look_at_lent(cx_pool *pool, int64_t now_ns, leak *leaks, size_t *count)
{
	int64_t due = CX_NEVER;

	if (pool->leak_warn_ns == CX_NEVER || pool->count[CX_SLOT_LENT] == 0)
		return due;
	for (int64_t i = 0; i < pool->options.max_size; i++) {
		cx_slot *slot = &pool->slots[i];

		if (slot->state != CX_SLOT_LENT || slot->is_leak_told)
			continue;
		if (now_ns < slot->lent_ns + pool->leak_warn_ns || *count == LEAKS_A_LOOK) {
			due = cx_deadline_sooner(due, slot->lent_ns + pool->leak_warn_ns);
			continue;
		}
		slot->is_leak_told = true;
		pool->total.leak_count++;
		/* not the whole slot: a part of it is the borrower's to write */
		leaks[(*count)++] = (leak){{.conn = {.serial = slot->conn.serial}, .source = slot->source},
								   now_ns - slot->lent_ns};
	}
	return due;
}

int64_t cx_pool_keep(cx_pool *pool)
{
	while (!pool->is_closing) {
		cx_pool_work work = CX_POOL_WORK_INIT;
		leak leaks[LEAKS_A_LOOK];
		size_t leak_count = 0;
		int64_t now = cx_clock_now_ns();
		int64_t due = look_at_idle(pool, now, &work);

		due = cx_deadline_sooner(due, look_at_lent(pool, now, leaks, &leak_count));
		cx_pool_plan(pool, now, &work);
		if (!work.opens && !work.closes && !leak_count)
			return cx_deadline_sooner(due, pool->open_due_ns);
		cx_mutex_unlock(&pool->lock);
		cx_pool_do(pool, &work);
		for (size_t i = 0; i < leak_count; i++)
			cx_pool_emit(pool, &leaks[i].slot, CDBC_EVENT_LEAK, leaks[i].lent_for_ns,
						 leaks[i].slot.source, NULL);
		cx_mutex_lock(&pool->lock);
	}
	return CX_NEVER;
}

static void *keeper_main(void *data)
{
	cx_pool *pool = data;

	cx_mutex_lock(&pool->lock);
	while (!pool->must_keeper_end) {
		pool->keeper_wakes_ns = INT64_MIN;
		pool->keeper_wakes_ns = cx_pool_keep(pool);
		while (!pool->must_keeper_end && cx_clock_now_ns() < pool->keeper_wakes_ns)
			cx_cond_wait(&pool->keeper_wake, &pool->lock, pool->keeper_wakes_ns);
	}
	cx_mutex_unlock(&pool->lock);
	return NULL;
}

bool cx_pool_keeper_start(cx_pool *pool)
{
	pool->has_keeper = cx_thread_start(&pool->keeper, keeper_main, pool, "cdbc-pool");
	return pool->has_keeper;
}

void cx_pool_keeper_stop(cx_pool *pool)
{
	if (!pool->has_keeper)
		return;
	cx_mutex_lock(&pool->lock);
	pool->must_keeper_end = true;
	cx_cond_signal(&pool->keeper_wake);
	cx_mutex_unlock(&pool->lock);
	cx_thread_join(&pool->keeper);
	pool->has_keeper = false;
}
