// SPDX-License-Identifier: Apache-2.0
/* What became of a commit that was not answered: docs/resolver.md. */
#ifndef CDBC_RESOLVER_H
#define CDBC_RESOLVER_H

#include <cdbc/config.h>
#include <cdbc/format.h>
#include <cdbc/session.h>

CDBC_BEGIN

/* Finds out what became of a commit by its token (CDBC_FIELD_TOKEN of an error whose outcome is
 * UNKNOWN): *out is COMMITTED, or ROLLED_BACK, and then the transaction cannot be committed any
 * more, however late its commit arrives. Waits for one that is in flight, resolver.timeout at most.
 * Fails with CDBC_PARAM (that is no token), CDBC_DATA (it is older than half of resolver.keep,
 * after which nothing can be said), CDBC_USAGE (a result or a transaction is open), and as a
 * request does. Round trips: one when all is well. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_session_resolve(cdbc_session *session, const char *token,
														 cdbc_outcome *out, cdbc_error **err);

/* Writes the statements that make the table of the tokens, as config names it, for a dialect
 * ("cockroachdb", "sqlite"; else as postgresql). Fails with CDBC_NOMEM, and as the sink does. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_resolver_schema(const cdbc_config *config,
														 const char *dialect, const cdbc_sink *sink,
														 cdbc_error **err);

CDBC_END
#endif
