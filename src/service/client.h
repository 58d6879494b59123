// SPDX-License-Identifier: Apache-2.0
/* The client inside: what sessions need of it. */
#ifndef CX_CLIENT_H
#define CX_CLIENT_H

#include "base/event.h"
#include "base/helpers.h"
#include "infra/pool/pool.h"
#include "service/catalog/repository.h"
#include "service/catalog/watch.h"
#include "service/observe/observe.h"
#include "service/options.h"
#include "service/transaction/resolver.h"
#include "service/statements.h"
#include "service/strategy/breaker.h"
#include "service/strategy/cache.h"
#include "service/strategy/chain.h"
#include "service/strategy/retry.h"

#include <cdbc/client.h>
#include <stdatomic.h>

struct cdbc_client {
	atomic_int refs; /* the owner's, and one a session; the spare keeps its own */
	atomic_bool is_closed;
	_Atomic(const cx_dialect *) dialect; /* NULL until the first connection tells */
	_Atomic uint64_t request_serial;
	_Atomic(cdbc_session *) spare; /* a session that was released, for the next acquire;
									  CX_SPARE_CLOSED once the client is closed */
	const cdbc_driver *driver;
	const cx_dialect *presumed; /* how the driver wants statements until then */
	cx_events events;
	cx_observe observe;
	cx_helpers *helpers;
	cx_pool *pool;
	cx_repository queries;
	cx_watch *watch; /* NULL: queries are not reloaded by themselves */
	cx_statements *statements;
	cx_result_options results;
	int64_t timeout_ms;
	int64_t tx_idle_ns; /* how long a transaction may rest; CX_NEVER: for ever */
	bool tells_values;  /* parameters, in events */
	cx_retry retry;
	cx_resolver resolver;
	cx_breaker breaker;
	cx_cache *cache; /* NULL: not enabled */
	cx_chain chain;
};

/* No session: the place is taken for good. */
#define CX_SPARE_CLOSED ((cdbc_session *)1)

static inline void cx_client_ref(cdbc_client *client)
{
	atomic_fetch_add_explicit(&client->refs, 1, memory_order_relaxed);
}
void cx_client_unref(cdbc_client *client);

/* The dialect that statements are written in: the server's, but with the placeholders that the
 * driver says it takes. dialect NULL: not known yet. */
static inline const cx_dialect *cx_client_writes(const cdbc_client *client,
												 const cx_dialect *dialect)
{
	return dialect && (dialect->form == client->presumed->form || dialect->form == CX_FORM_OWN)
			   ? dialect
			   : client->presumed;
}

/* Notes the dialect at the first connection; one to a server of another dialect is refused with
 * CDBC_CONFIG. Asked once of each connection: conn->is_known. */
cdbc_status cx_client_note_dialect(cdbc_client *client, cx_conn *conn, cdbc_error **err);

#endif
