// SPDX-License-Identifier: Apache-2.0
/* The commit resolver: a transaction leaves a token in a table, and when its commit is not answered
 * the table is asked. The question inserts the token too, so that whoever comes second loses: a
 * commit that is still on its way can then only fail. Whether a transaction is run again is decided
 * elsewhere. */
#ifndef CX_RESOLVER_H
#define CX_RESOLVER_H

#include "base/thread.h"
#include "data/sql/statement.h"

#include <cdbc/session.h>
#include <stdatomic.h>

#define CX_TOKEN_TEXT 37

/* A random UUID whose last 12 digits are the time it was made, in milliseconds since 1970. */
typedef struct cx_commit_token {
	char text[CX_TOKEN_TEXT]; /* "": none */
} cx_commit_token;

typedef struct cx_resolver_options {
	bool is_enabled;
	const char *table; /* NAME, SCHEMA.NAME or DATABASE.SCHEMA.NAME */
	int64_t timeout_ms;
	int64_t keep_ms; /* CDBC_FOREVER: tokens are not swept */
} cx_resolver_options;

/* A client's. Any thread. */
typedef struct cx_resolver {
	cx_resolver_options options; /* table is its own copy */
	cx_mutex lock;               /* guards the making of what follows */
	atomic_bool is_ready;        /* it is there, and changes no more */
	char *table;                 /* as statements name it */
	cx_statement *put;           /* the transaction's token */
	cx_statement *ask;           /* the resolver's, giving whose is there */
	cx_statement *sweep;
	_Atomic int64_t put_count;    /* since the last sweep */
	_Atomic int64_t sweep_due_ns; /* by the coarse clock */
} cx_resolver;

cdbc_status cx_resolver_init(cx_resolver *resolver, const cx_resolver_options *options,
							 cdbc_error **err);
void cx_resolver_fini(cx_resolver *resolver); /* also of one that is all zero */

static inline bool cx_resolver_wants(const cx_resolver *resolver, cdbc_resolve resolve)
{
	return resolve == CDBC_RESOLVE_ON ||
		   (resolve == CDBC_RESOLVE_DEFAULT && resolver->options.is_enabled);
}

/* Sees to it, once a client, that the table can be used; the session has a connection at rest.
 * Nothing of the caller's was sent when this fails. Round trips: none, but the first time. */
cdbc_status cx_resolver_ready(cdbc_session *session, int64_t deadline_ns, cdbc_error **err);

/* Fails with CDBC_RESOURCE when the system has no random numbers. */
cdbc_status cx_commit_token_make(cx_commit_token *out, cdbc_error **err);
/* The statement that puts a token; value is stored by the caller. */
cdbc_request cx_resolver_put(cx_resolver *resolver, const cx_commit_token *token,
							 cdbc_value *value);

/* Whether a failure leaves it open what became of a commit that was sent with a token. */
bool cx_resolver_must_ask(const cdbc_error *error);
/* Finds out, within resolver.timeout, with the session's connection or another: its transaction is
 * over. CDBC_OK: it was committed, and *error is gone. Else *error's status, and it says
 * ROLLED_BACK (replay: TRANSACTION), or still UNKNOWN, with the token. */
cdbc_status cx_resolver_settle(cdbc_session *session, const char *name,
							   const cx_commit_token *token, cdbc_error **error);

/* Gives an error whose outcome is UNKNOWN the token and what to do with it. */
void cx_resolver_sign(const cx_commit_token *token, cdbc_error **error);

/* After a commit with a token, on the session's connection: deletes old ones now and then. */
void cx_resolver_tidy(cdbc_session *session);

#endif
