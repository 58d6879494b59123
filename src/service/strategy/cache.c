// SPDX-License-Identifier: Apache-2.0
/* The link of the cache: looks a request up, loads its rows through what comes next, or waits for
 * who does. What fails here for want of memory is served as if there were no cache. */
#include "service/strategy/cache.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "service/answer.h"
#include "service/strategy/cache_key.h"
#include "service/strategy/cache_table.h"

#include <string.h>

#define SLICE_NS (20 * CX_NS_PER_MS) /* how late a cancel may be noticed */
#define GRACE_MS 1000

struct cx_cache {
	cx_cache_options options;
	cx_cache_table *table;
};

cdbc_status cx_cache_new(const cx_cache_options *options, cx_cache **out, cdbc_error **err)
{
	cx_cache *cache = cx_calloc(1, sizeof *cache);

	if (cache)
		cache->table = cx_cache_table_new(options->max_bytes);
	if (!cache || !cache->table) {
		cx_free(cache);
		return cx_error_nomem(err);
	}
	cache->options = *options;
	*out = cache;
	return CDBC_OK;
}

void cx_cache_free(cx_cache *cache)
{
	if (!cache)
		return;
	cx_cache_table_free(cache->table);
	cx_free(cache);
}

void cx_cache_invalidate(cx_cache *cache, const char *name)
{
	cx_cache_table_invalidate(cache->table, name);
}

void cx_cache_stats(cx_cache *cache, cdbc_cache_stats *out)
{
	cx_cache_table_stats(cache->table, out);
}

/* ---- answers ---- */

/* In the answer's room. */
typedef struct served {
	cx_kept *kept;
	cx_kept_view *view; /* NULL: the batches are the answer's alone */
	cdbc_result *rest;  /* what comes after them, or NULL */
	size_t at;
} served;

_Static_assert(sizeof(served) <= CX_ANSWER_ROOM * sizeof(void *), "an answer has room for it");

static cdbc_status served_fetch(cx_answer *answer, struct ArrowArray *out, cdbc_error **err)
{
	served *s = (served *)(void *)answer->room;

	if (s->view) {
		cx_kept_view_next(s->view, out);
		return CDBC_OK;
	}
	if (s->at < s->kept->count) {
		*out = s->kept->batches[s->at];
		s->kept->batches[s->at++].release = NULL;
		return CDBC_OK;
	}
	cx_array_none(out);
	if (s->rest) {
		cdbc_status status = cdbc_result_take(s->rest, out, err);

		if (!status && !out->release)
			answer->summary = *s->rest->source->summary(s->rest->self);
		return status;
	}
	return CDBC_OK;
}

static void served_close(cx_answer *answer)
{
	served *s = (served *)(void *)answer->room;

	cx_kept_view_free(s->view);
	cdbc_result_free(s->rest);
	cx_kept_unref(s->kept);
}

static const cx_answer_source served_source = {served_fetch, served_close};

/* Takes over what s holds. */
static cdbc_status serve(cx_answer *answer, cdbc_call *call, const served *s, cdbc_result **out,
						 cdbc_error **err)
{
	memcpy(answer->room, s, sizeof *s);
	answer->summary = (cdbc_summary){.struct_size = sizeof answer->summary,
									 .affected_count = s->kept->affected_count};
	memcpy(answer->summary.tag, s->kept->tag, sizeof answer->summary.tag);
	return cx_answer_open(answer, call, &served_source,
						  s->kept->schema.release ? &s->kept->schema : NULL, out, err);
}

/* ---- loading ---- */

/* The rows are all here: kept, if they can be shared and nobody has called them old. */
static cdbc_status serve_loaded(cx_cache *cache, cx_cache_entry *entry, cx_answer *answer,
								cdbc_call *call, cx_kept *kept, cdbc_result **out, cdbc_error **err)
{
	served s = {.kept = kept, .view = cx_kept_pack(kept)};

	cx_cache_table_end(cache->table, entry, s.view ? kept : NULL, false);
	return serve(answer, call, &s, out, err);
}

/* Only some of them: they are handed over first, then what the result still has. */
static cdbc_status serve_rest(cx_answer *answer, cdbc_call *call, cx_kept *kept, cdbc_result *live,
							  cdbc_result **out, cdbc_error **err)
{
	served s = {.kept = kept, .rest = live};

	if (kept->count)
		return serve(answer, call, &s, out, err);
	cx_kept_unref(kept);
	cx_answer_discard(answer);
	*out = live;
	return CDBC_OK;
}

/* err is not NULL. */
static cdbc_status keep(cx_cache *cache, cx_cache_entry *entry, cx_answer *answer, cdbc_call *call,
						cx_kept *kept, cdbc_result *live, cdbc_result **out, cdbc_error **err)
{
	cx_kept_fill fill = cx_kept_take(kept, live, cache->options.max_entry_bytes, err);

	if (fill == CX_KEPT_ALL) {
		cdbc_result_free(live);
		return serve_loaded(cache, entry, answer, call, kept, out, err);
	}
	cx_cache_table_end(cache->table, entry, NULL, fill == CX_KEPT_LARGE);
	if (fill != CX_KEPT_FAILED)
		return serve_rest(answer, call, kept, live, out, err);
	cx_kept_unref(kept);
	cx_answer_discard(answer);
	cdbc_result_free(live);
	return cdbc_error_status(*err);
}

/* Loads for all who ask the same. Takes answer over. err is not NULL. */
static cdbc_status load(cx_cache *cache, cx_cache_entry *entry, cx_answer *answer,
						const cdbc_next *next, cdbc_call *call, cdbc_result **out, cdbc_error **err)
{
	cx_kept *kept = cx_kept_new();
	cdbc_result *live;
	cdbc_status status = cdbc_next_run(next, call, &live, err);

	if (!status && kept)
		return keep(cache, entry, answer, call, kept, live, out, err);
	cx_cache_table_end(cache->table, entry, NULL, false);
	cx_kept_unref(kept);
	cx_answer_discard(answer);
	if (!status)
		*out = live;
	return status;
}

/* ---- waiting ---- */

static cdbc_status give_up(cdbc_call *call, cdbc_status status, cdbc_error **err)
{
	cdbc_call_fail(call, status,
				   status == CDBC_TIMEOUT ? "timeout while another request reads the same rows"
										  : "cancelled while another request reads the same rows",
				   err);
	if (status == CDBC_TIMEOUT)
		cx_error_outcome(err, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_SAFE);
	return status;
}

/* Until the load is over: CDBC_TIMEOUT, CDBC_CANCELLED (since the count) when it takes too long.
 * Meanwhile the session keeps no connection: the loader may be waiting for one. */
static cdbc_status wait_for(cx_cache *cache, cx_cache_entry *entry, cdbc_call *call,
							uint32_t cancel_count, cdbc_error **err)
{
	cdbc_session *session = call->session;
	cdbc_status status = CDBC_OK;
	bool is_over = false;

	if (session->lease.conn)
		cx_lease_give(&session->lease, GRACE_MS);
	atomic_store(&session->is_waiting, true);
	while (!status && !is_over) {
		int64_t until_ns = cx_clock_now_ns() + SLICE_NS;

		is_over = cx_cache_table_wait(cache->table, entry,
									  cx_deadline_sooner(until_ns, call->deadline_ns));
		if (cx_session_cancel_count(session) != cancel_count)
			status = CDBC_CANCELLED;
		else if (!is_over && cx_deadline_passed(call->deadline_ns))
			status = CDBC_TIMEOUT;
	}
	atomic_store(&session->is_waiting, false);
	return status ? give_up(call, status, err) : CDBC_OK;
}

/* ---- the link ---- */

/* Whether a request of a query that asks for it may be answered by somebody else's rows. */
static bool may_share(const cdbc_call *call)
{
	const cdbc_session *session = call->session;

	return (call->statement->flags & (CDBC_REQUEST_READ_ONLY | CDBC_REQUEST_VOLATILE |
									  CDBC_REQUEST_CHANGES_SESSION)) == CDBC_REQUEST_READ_ONLY &&
		   call->query->info.is_read_only && call->statement->statement_count == 1 &&
		   !(session->lease.conn && session->lease.is_changed) &&
		   !cx_session_in_transaction(session);
}

/* Takes kept and answer over. */
static cdbc_status serve_kept(cx_answer *answer, const cdbc_next *next, cdbc_call *call,
							  cx_kept *kept, cdbc_result **out, cdbc_error **err)
{
	served s = {.kept = kept, .view = cx_kept_view_new(kept)};

	if (s.view)
		return serve(answer, call, &s, out, err);
	cx_kept_unref(kept);
	cx_answer_discard(answer);
	return cdbc_next_run(next, call, out, err);
}

/* Takes answer over. err is not NULL. */
static cdbc_status with_key(cx_cache *cache, const cx_cache_key *key, cx_answer *answer,
							const cdbc_next *next, cdbc_call *call, cdbc_result **out,
							cdbc_error **err)
{
	uint32_t cancel_count = cx_session_cancel_count(call->session);

	for (;;) {
		cx_cache_entry *entry = NULL;
		cx_kept *kept = NULL;
		cx_cache_found found =
			cx_cache_table_find(cache->table, key, cx_clock_now_ns(), &entry, &kept);

		call->session->cache_use = found;
		if (found == CX_CACHE_LOAD)
			return load(cache, entry, answer, next, call, out, err);
		if (found == CX_CACHE_WAIT) {
			cdbc_status status = wait_for(cache, entry, call, cancel_count, err);

			found = cx_cache_table_leave(cache->table, entry, &kept);
			if (status) {
				cx_kept_unref(kept);
				cx_answer_discard(answer);
				return status;
			}
			if (found == CX_CACHE_PASS)
				call->session->cache_use = CX_CACHE_PASS;
		}
		if (found == CX_CACHE_HIT)
			return serve_kept(answer, next, call, kept, out, err);
		if (found == CX_CACHE_PASS) {
			cx_answer_discard(answer);
			return cdbc_next_run(next, call, out, err);
		}
	}
}

static cdbc_status __attribute__((noinline))
cached(cx_cache *cache, const cdbc_next *next, cdbc_call *call, cdbc_result **out, cdbc_error **err)
{
	cx_answer *answer = may_share(call) ? cx_answer_new(call->session) : NULL;
	cdbc_error *error = NULL;
	cx_cache_key_buf buf;
	cx_cache_key key;
	cdbc_status status;

	if (!answer)
		return cdbc_next_run(next, call, out, err);
	if (cx_cache_key_make(&buf, call, &key)) {
		status = with_key(cache, &key, answer, next, call, out, &error);
	} else {
		cx_answer_discard(answer);
		status = cdbc_next_run(next, call, out, &error);
	}
	cx_cache_key_free(&buf);
	if (status)
		cx_error_pass(err, error);
	return status;
}

static cdbc_status execute(void *self, const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						   cdbc_error **err)
{
	if (__builtin_expect(!call->query || !call->query->cache_ms, 1))
		return cdbc_next_run(next, call, out, err);
	return cached(self, next, call, out, err);
}

cdbc_strategy cx_cache_link(cx_cache *cache)
{
	return (cdbc_strategy){.struct_size = sizeof(cdbc_strategy),
						   .name = "cache",
						   .execute = execute,
						   .self = cache,
						   .allow = cx_chain_allow_any};
}
