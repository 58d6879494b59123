// SPDX-License-Identifier: Apache-2.0
/* A PostgreSQL-protocol proxy that strikes: between clients and a real server on loopback, it knows
 * message borders, transactions and what commits, so that a COMMIT surely was or was not delivered
 * when the link is cut. TLS and GSS encryption are answered with "no". It runs in threads of its
 * own; all calls from any thread. A test helper: aborts when memory is out. */
#ifndef CDBC_TEST_FAULT_PROXY_H
#define CDBC_TEST_FAULT_PROXY_H

#include <stdbool.h>
#include <stdint.h>

/* What may happen. A committing round is one that holds COMMIT, alone or with its whole
 * transaction, or writes without a transaction. X(id, name) */
#define FAULT_KINDS(X)                                             \
	X(CUT_BEFORE_COMMIT, "cut before the commit is delivered")     \
	X(CUT_AFTER_COMMIT, "cut after the commit, before its answer") \
	X(LATE_COMMIT, "cut, and the commit is delivered later")       \
	X(CUT_INSIDE, "cut where nothing commits")                     \
	X(TRUNCATE_REQUEST, "cut within a request")                    \
	X(TRUNCATE_ANSWER, "cut within an answer")                     \
	X(DELAY, "delay")                                              \
	X(CONFLICT, "40001 at a statement")                            \
	X(CONFLICT_COMMIT, "40001 at the commit")                      \
	X(AMBIGUOUS_UNDONE, "40003, not committed")                    \
	X(AMBIGUOUS_DONE, "40003, committed")                          \
	X(ROLLBACK_TAG, "COMMIT answered by ROLLBACK")                 \
	X(SHUTDOWN, "57P01 and the end, nothing delivered")            \
	X(SHUTDOWN_DONE, "57P01 and the end, after the commit")        \
	X(DRAIN, "57014, 57P01 and the end, nothing delivered")        \
	X(DRAIN_DONE, "57014, 57P01 and the end, after the commit")    \
	X(REFUSE, "57P01 while connecting")

typedef enum fault_kind {
#define FAULT_ID(id, name) FAULT_##id,
	FAULT_KINDS(FAULT_ID)
#undef FAULT_ID
		FAULT_KIND_COUNT
} fault_kind;

const char *fault_kind_name(fault_kind kind);

typedef struct fault_proxy_options {
	const char *url;     /* the real server: postgresql: or cockroachdb: */
	uint64_t seed;       /* the same one strikes the same way, as far as threads are scheduled so */
	int commit_permille; /* how many of the committing rounds and of the connects are struck */
	int other_permille;  /* ... of the other rounds */
	int64_t at_least;    /* kinds that struck less often go first; 0: all alike */
	unsigned kinds;      /* 1 << kind, ...; 0: all */
	int delay_max_ms;    /* 0: 10 */
} fault_proxy_options;

typedef struct fault_proxy fault_proxy;

/* NULL: the URL is none, or the port cannot be had; the reason is printed. Strikes nothing before
 * fault_proxy_arm. */
fault_proxy *fault_proxy_start(const fault_proxy_options *options);
/* The URL for clients, without TLS: scheme, user, password and database as those of the server. */
const char *fault_proxy_url(const fault_proxy *proxy);
/* Whether it strikes at random. */
void fault_proxy_arm(fault_proxy *proxy, bool is_armed);
/* Strikes the next round that this kind fits, armed or not. Several are kept in order. */
void fault_proxy_strike(fault_proxy *proxy, fault_kind kind);
/* How often a kind has struck, and the least of all kinds in use. */
int64_t fault_proxy_count(fault_proxy *proxy, fault_kind kind);
int64_t fault_proxy_least(fault_proxy *proxy);
/* Ends all connections and waits until the server has ended them too, so that what was under way is
 * decided. Takes NULL. */
void fault_proxy_stop(fault_proxy *proxy);

#endif
