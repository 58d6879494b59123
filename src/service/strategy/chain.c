// SPDX-License-Identifier: Apache-2.0
/* Links in their order, and what they may ask of a call. */
#include "service/strategy/chain.h"

#include "base/clock.h"
#include "base/error.h"
#include "service/session.h"

#include <string.h>

void cx_chain_init(cx_chain *chain)
{
	chain->count = 0;
	chain->takes_batches = true;
	chain->asks = false;
	chain->places[0] = (struct cdbc_next){NULL, 0};
}

cdbc_status cx_chain_add(cx_chain *chain, const cdbc_strategy *link, cdbc_error **err)
{
	size_t at = chain->count;

	if (at == CX_LINKS_MAX)
		return cx_error_set(err, CDBC_USAGE, "more than %d strategies", CX_LINKS_MAX);
	if (!link->execute)
		return cx_error_set(err, CDBC_USAGE, "strategy \"%s\" has no execute",
							link->name ? link->name : "");
	memset(&chain->links[at], 0, sizeof chain->links[at]);
	memcpy(&chain->links[at], link,
		   link->struct_size < sizeof *link ? link->struct_size : sizeof *link);
	chain->places[at] = (struct cdbc_next){&chain->links[at], at};
	chain->places[at + 1] = (struct cdbc_next){NULL, at + 1};
	chain->takes_batches &= chain->links[at].allow != NULL;
	chain->asks |= chain->links[at].allow != cx_chain_allow_any;
	chain->count++;
	return CDBC_OK;
}

cdbc_status cx_chain_allow(const cx_chain *chain, cdbc_call *call, cdbc_error **err)
{
	for (size_t i = 0; i < chain->count; i++) {
		cdbc_status status = chain->links[i].allow(chain->links[i].self, call, err);

		if (status)
			return status;
	}
	return CDBC_OK;
}

cdbc_status cx_chain_allow_any(void *self, cdbc_call *call, cdbc_error **err)
{
	(void)self, (void)call, (void)err;
	return CDBC_OK;
}

void cx_chain_fini(cx_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->links[i].destroy)
			chain->links[i].destroy(chain->links[i].self);
	cx_chain_init(chain);
}

/* A link that waits for the end. By itself, so that the others cost a jump each. */
static __attribute__((noinline)) cdbc_status run_to_finish(const cdbc_next *next, cdbc_call *call,
														   cdbc_result **out, cdbc_error **err)
{
	const cdbc_strategy *link = next->strategy;
	cx_unfinished *unfinished = &call->session->unfinished;
	cdbc_status status;

	unfinished->started_ns[next->index] = cx_clock_coarse_ns();
	status = link->execute(link->self, next + 1, call, out, err);
	if (!status)
		unfinished->links |= UINT32_C(1) << next->index;
	return status;
}

cdbc_status cdbc_next_run(const cdbc_next *next, cdbc_call *call, cdbc_result **out,
						  cdbc_error **err)
{
	const cdbc_strategy *link = next->strategy;

	if (!link)
		return cx_session_execute(call, out, err);
	if (link->finished)
		return run_to_finish(next, call, out, err);
	return link->execute(link->self, next + 1, call, out, err);
}

void cx_chain_finish(const cx_chain *chain, const cx_unfinished *unfinished,
					 uint32_t *unfinished_links, cdbc_finish *finish)
{
	uint32_t links = *unfinished_links;
	int64_t now_ns = cx_clock_coarse_ns();

	*unfinished_links = 0;
	finish->struct_size = sizeof *finish;
	for (size_t i = chain->count; i-- > 0;) {
		if (!(links & UINT32_C(1) << i))
			continue;
		finish->duration_ns = now_ns - unfinished->started_ns[i];
		chain->links[i].finished(chain->links[i].self, finish);
	}
}

/* ---- what a link may ask ---- */

static cdbc_status judge(const cdbc_call *call, cdbc_status status, cdbc_outcome outcome,
						 cdbc_replay replay, cdbc_error **err)
{
	cx_error_outcome(err, outcome, replay);
	if (call->name) {
		cx_error_field(err, CDBC_FIELD_STATEMENT, call->name);
		cx_error_wrap(err, "query \"%s\"", call->name);
	}
	return status;
}

cdbc_status cdbc_call_fail(cdbc_call *call, cdbc_status status, const char *message,
						   cdbc_error **err)
{
	status = cdbc_error_set(err, status, "%s", message);
	return judge(call, status, CDBC_OUTCOME_NOT_SENT, CDBC_REPLAY_NO, err);
}

cdbc_status cdbc_call_fail_as(cdbc_call *call, const cdbc_error_info *info, cdbc_outcome outcome,
							  cdbc_replay replay, cdbc_error **err)
{
	return judge(call, cx_error_from_info(err, info), outcome, replay, err);
}

const char *cdbc_call_name(const cdbc_call *call)
{
	return call->name;
}

const char *cdbc_call_sql(const cdbc_call *call)
{
	return call->statement->sql;
}

const cdbc_value *cdbc_call_values(const cdbc_call *call, size_t *count)
{
	*count = call->statement->param_count;
	return call->values;
}

cdbc_statement_kind cdbc_call_kind(const cdbc_call *call)
{
	return call->statement->kind;
}

bool cdbc_call_is_read_only(const cdbc_call *call)
{
	return call->statement->flags & CDBC_REQUEST_READ_ONLY;
}

bool cdbc_call_is_volatile(const cdbc_call *call)
{
	return call->statement->flags & CDBC_REQUEST_VOLATILE;
}

bool cdbc_call_is_idempotent(const cdbc_call *call)
{
	return (call->query && call->query->is_idempotent) ||
		   (call->options && call->options->is_idempotent);
}

bool cdbc_call_in_transaction(const cdbc_call *call)
{
	return cx_session_in_transaction(call->session);
}

int64_t cdbc_call_deadline_ns(const cdbc_call *call)
{
	return call->deadline_ns;
}

int64_t cdbc_call_attempt(const cdbc_call *call)
{
	return call->attempt;
}

void cdbc_call_set_attempt(cdbc_call *call, int64_t attempt)
{
	call->attempt = attempt;
}

const char *cdbc_call_user(const cdbc_call *call)
{
	return call->session->identity.user;
}

const cdbc_value *cdbc_call_roles(const cdbc_call *call, size_t *count)
{
	*count = call->session->identity.role_count;
	return call->session->identity.roles;
}
