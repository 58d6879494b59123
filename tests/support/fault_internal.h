// SPDX-License-Identifier: Apache-2.0
/* What the files of the fault proxy share. Not for tests. */
#ifndef CDBC_TEST_FAULT_INTERNAL_H
#define CDBC_TEST_FAULT_INTERNAL_H

#include "fault_proxy.h"
#include "wire_message.h"

#include <pthread.h>

/* ---- rounds (fault_round.c): what a client says up to its Query or Sync. Bytes only ---- */

/* What the statements of a text do. */
enum {
	FAULT_SQL_BEGIN = 1,
	FAULT_SQL_COMMIT = 2,  /* COMMIT, END */
	FAULT_SQL_RELEASE = 4, /* RELEASE cockroach_restart: commits, but cannot be made a ROLLBACK */
	FAULT_SQL_WRITE = 8,
	FAULT_SQL_OTHER = 16
};

unsigned fault_sql_look(const char *sql);

/* What a name of a prepared statement or portal stands for. */
typedef struct fault_name {
	char *name;
	unsigned sql;
} fault_name;

typedef struct fault_names {
	fault_name *items;
	size_t count;
} fault_names;

void fault_names_fini(fault_names *names);

#define FAULT_NOWHERE ((size_t)-1)

typedef struct fault_round {
	wire_bytes bytes; /* whole messages */
	bool is_simple;   /* one Query */
	bool is_whole;    /* it ends with Query or Sync */
	bool is_plain;    /* nothing but Parse, Bind, Describe, Execute, Close, Query, Sync */
	unsigned sql;     /* of all it executes */
	unsigned parsed;  /* of the Parse messages it holds */
	size_t commit_at; /* the message with the text of its one COMMIT */
	size_t break_at;  /* the first message after its BEGIN's; 0 when it has none */
} fault_round;

void fault_round_clear(fault_round *round);
void fault_round_fini(fault_round *round);
/* Adds a message, learning and looking up names. */
void fault_round_add(fault_round *round, const wire_message *message, fault_names *statements,
					 fault_names *portals);

typedef enum fault_place {
	FAULT_AT_START = 1, /* a connection begins */
	FAULT_AT_OTHER = 2, /* nothing commits, no transaction */
	FAULT_AT_INSIDE = 4,
	FAULT_AT_COMMIT = 8,
	FAULT_AT_WRITE = 16, /* a write without a transaction */
	FAULT_AT_FAILED = 32 /* in a transaction that has failed */
} fault_place;

/* tx: what the last ReadyForQuery said. */
fault_place fault_round_place(const fault_round *round, char tx);
bool fault_fits(fault_kind kind, fault_place place, const fault_round *round);

/* The round with what comes after BEGIN replaced by something that any server refuses. */
void fault_round_break(const fault_round *round, wire_bytes *out);
/* The round with ROLLBACK in the place of COMMIT. */
void fault_round_undo(const fault_round *round, wire_bytes *out);

/* An answer is the server's messages up to ReadyForQuery. */
bool fault_answer_is_good(const wire_bytes *answer, bool has_commit);
/* The answer with its error replaced by this one, or, when it has none, its last CommandComplete.
 */
void fault_answer_refuse(const wire_bytes *answer, const char *sqlstate, wire_bytes *out);
void fault_put_error(wire_bytes *out, const char *sqlstate);

/* ---- connections (fault_link.c) ---- */

typedef struct fault_link {
	fault_proxy *proxy;
	pthread_t thread;
	uint64_t random;
	/* its thread's own */
	wire_bytes from_client, from_server;
	fault_round round;
	fault_names statements, portals;
	int server;
	int64_t pending_count; /* rounds that the server has not answered */
	char tx;
	bool is_over;
	/* behind the proxy's lock */
	int client;
	bool is_finished;
	struct fault_link *next;
} fault_link;

void *fault_link_main(void *link);

uint64_t fault_random(uint64_t *state);
int fault_connect(const fault_proxy *proxy);
int fault_delay_max_ms(const fault_proxy *proxy);
/* Which kind strikes here; FAULT_KIND_COUNT: none. */
fault_kind fault_choose(fault_link *link, fault_place place, const fault_round *round);
void fault_count(fault_proxy *proxy, fault_kind kind);
/* Lets the client's socket go: stop no longer touches it. */
void fault_close_client(fault_link *link);

#endif
