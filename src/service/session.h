// SPDX-License-Identifier: Apache-2.0
/* The session inside: what its life (session.c) and its requests (request.c) share. */
#ifndef CX_SESSION_H
#define CX_SESSION_H

#include "base/clock.h"
#include "data/exec/run.h"
#include "service/client.h"
#include "service/identity.h"

#include <cdbc/session.h>

struct cdbc_session {
	cdbc_client *client;
	cx_lease lease;
	bool is_busy; /* a result is open */
	const char *source;
	int64_t timeout_ms;
	cdbc_setting *settings;
	size_t setting_count;
	cx_identity identity;
	cdbc_catalog *catalog;   /* the generation that its last named query is from, or NULL */
	cx_statement *statement; /* of the open result, when it was given as text */
	uint64_t request_id;     /* of the open result, when somebody watches */
	int64_t started_ns;
	cx_run run;
	cdbc_result result;
};

/* Sees to it that there is a connection, as the session wants it. err is not NULL. */
cdbc_status cx_session_connect(cdbc_session *session, int64_t deadline_ns, cdbc_error **err);

static inline bool cx_session_is_current(const cdbc_session *session)
{
	return session->catalog ==
		   atomic_load_explicit(&session->client->queries.current, memory_order_relaxed);
}

/* The queries in force, as one generation. Not while a result is open: it may be of another. */
static inline const cdbc_catalog *cx_session_catalog(cdbc_session *session)
{
	if (__builtin_expect(!cx_session_is_current(session), 0))
		cx_repository_renew(&session->client->queries, &session->catalog);
	return session->catalog;
}

/* Frees a session that is not in use, and its reference to the client. */
void cx_session_free(cdbc_session *session);
/* The spare session does not keep an old generation. */
void cx_session_trim_spare(cdbc_client *client);

/* By the cheap clock where one of its ticks does not matter. */
static inline int64_t cx_session_deadline(int64_t timeout_ms)
{
	if (timeout_ms >= 1000 && timeout_ms < INT64_MAX / CX_NS_PER_MS / 2)
		return cx_clock_coarse_ns() + timeout_ms * CX_NS_PER_MS;
	return cx_deadline_after_ms(timeout_ms);
}

#endif
