// SPDX-License-Identifier: Apache-2.0
/* The chain inside: a request as its links see it, and the links of a client in their order. Knows
 * no strategy; the executor is the session's. */
#ifndef CX_CHAIN_H
#define CX_CHAIN_H

#include "service/catalog/catalog.h"

#include <cdbc/session.h>
#include <cdbc/strategy.h>

#define CX_LINKS_MAX 24

struct cdbc_call {
	cdbc_session *session;
	const char *name;
	const cx_query *query; /* NULL: SQL text */
	const char *text;      /* the caller's; NULL: not known */
	const cx_statement *statement;
	const cdbc_value *values;
	const cdbc_request_options *options; /* NULL: the defaults */
	int64_t deadline_ns;
	int64_t attempt;
	int64_t asked_ns; /* when, by the coarse clock; 0: not noted */
};

/* One place in the chain. */
struct cdbc_next {
	const cdbc_strategy *strategy; /* NULL: the executor */
	size_t index;
};

typedef struct cx_chain {
	cdbc_strategy links[CX_LINKS_MAX]; /* the client's; destroyed with it */
	struct cdbc_next places[CX_LINKS_MAX + 1];
	size_t count;
	bool takes_batches; /* every link does */
	bool asks;          /* a link has a say in what goes in a batch */
} cx_chain;

void cx_chain_init(cx_chain *chain);
/* Adds the innermost link so far; it is the chain's on success. Fails with CDBC_USAGE. */
cdbc_status cx_chain_add(cx_chain *chain, const cdbc_strategy *link, cdbc_error **err);
/* Asks every link whether a call may go in a batch. */
cdbc_status cx_chain_allow(const cx_chain *chain, cdbc_call *call, cdbc_error **err);
/* The allow of links that ask nothing: a batch itself retries and asks the breaker, and reads past
 * the cache. */
cdbc_status cx_chain_allow_any(void *self, cdbc_call *call, cdbc_error **err);
/* Destroys the links. */
void cx_chain_fini(cx_chain *chain);

/* What a session remembers of the links whose result is open. */
typedef struct cx_unfinished {
	uint32_t links; /* a bit each */
	int64_t started_ns[CX_LINKS_MAX];
} cx_unfinished;

/* Tells those of *links that it has ended; none is left. */
void cx_chain_finish(const cx_chain *chain, const cx_unfinished *unfinished, uint32_t *links,
					 cdbc_finish *finish);

#endif
