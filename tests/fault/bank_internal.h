// SPDX-License-Identifier: Apache-2.0
/* What the files of the bank share. */
#ifndef CDBC_TEST_BANK_INTERNAL_H
#define CDBC_TEST_BANK_INTERNAL_H

#include "bank.h"

#include <pthread.h>
#include <stdatomic.h>

#define BANK_ACCOUNTS 100
#define BANK_INITIAL  1000
#define BANK_THREADS  16

/* How a transfer is made. X(id, name, share) */
#define BANK_WAYS(X)                                \
	X(TRANSACT, "transact", 14)                     \
	X(NESTED, "transact, nested", 10)               \
	X(CARELESS, "transact, errors overlooked", 6)   \
	X(REFUSED, "transact, refused at its end", 4)   \
	X(RESTART, "transact, restart savepoint", 5)    \
	X(SCRIPT, "begin and commit as text", 5)        \
	X(BATCH, "batch, atomic", 6)                    \
	X(BATCH_EACH, "batch, each by itself", 4)       \
	X(BY_HAND, "begin and commit", 10)              \
	X(SINGLE, "one statement", 9)                   \
	X(SINGLE_AGAIN, "one statement, idempotent", 9) \
	X(UNIT, "one round trip", 9)                    \
	X(UNIT_AGAIN, "one round trip, idempotent", 9)

typedef enum bank_way {
#define BANK_WAY_ID(id, name, share) BANK_##id,
	BANK_WAYS(BANK_WAY_ID)
#undef BANK_WAY_ID
		BANK_WAY_COUNT
} bank_way;

/* What a call said. */
typedef enum bank_word {
	BANK_DONE,    /* success, or COMMITTED: it must be there */
	BANK_UNDONE,  /* ROLLED_BACK, NOT_SENT: it must not */
	BANK_UNKNOWN, /* either */
	BANK_WORD_COUNT
} bank_word;

typedef struct bank_transfer {
	int64_t from_id, to_id, amount;
	bank_way way;
	bank_word word;
	bool is_there; /* found in the database */
	char *message; /* of its error; NULL: none */
} bank_transfer;

typedef struct bank_teller {
	struct bank *bank;
	int number;
	pthread_t thread;
	uint64_t random;
	cdbc_session *session;
	bank_transfer *transfers; /* the one of id number << 32 | i is transfers[i] */
	size_t count, capacity;
	int64_t run_count; /* how often the closure ran */
} bank_teller;

struct bank {
	bank_options options;
	cdbc_client *client;
	bank_teller tellers[BANK_THREADS];
	atomic_bool is_over;
	double seconds;
	pthread_mutex_t lock; /* protects complaint */
	char complaint[1024]; /* the first one; "" is none */
};

/* Notes what is wrong; the first one stands. */
void bank_complain(struct bank *bank, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A client with limits that let faults strike often. */
cdbc_client *bank_client(const struct bank *bank, const char *url);
/* One transfer, done and recorded (bank_teller.c). */
void bank_transfer_once(bank_teller *teller);
extern const char bank_queries_cte[], bank_queries_trigger[];

#endif
