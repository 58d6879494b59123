// SPDX-License-Identifier: Apache-2.0
/* The bank: threads transfer between accounts while faults strike, each transfer in one of many
 * ways, and what each call said of it is held against what is in the database at the end. It knows
 * nothing of how faults are made. */
#ifndef CDBC_TEST_BANK_H
#define CDBC_TEST_BANK_H

#include <cdbc/cdbc.h>

typedef enum bank_dialect { BANK_POSTGRESQL, BANK_COCKROACHDB, BANK_SQLITE } bank_dialect;

typedef struct bank_options {
	const char *url;      /* where faults strike */
	const char *true_url; /* where none does: tables are made and looked at there */
	bank_dialect dialect;
	uint64_t seed;
	int thread_count;
	int64_t deadline_ms;
	bool is_resolved; /* through the commit resolver */
	/* Asked now and then, from any thread, whether it may end. */
	bool (*is_enough)(void *data);
	void *data;
} bank_options;

struct bank;

/* Makes the tables, which are dropped first. Fails the test when it cannot. */
struct bank *bank_new(const bank_options *options);
/* Transfers until it is enough, or the deadline: false then. Ends with the client closed. */
bool bank_run(struct bank *bank);
/* Prints what was done and in how long. */
void bank_report(const struct bank *bank);
/* Holds what was said against what is there. Everything that was under way must have been decided.
 * Fails the test with the first thing that is wrong. */
void bank_check(struct bank *bank);
/* Takes NULL. */
void bank_free(struct bank *bank);

/* CDBC_BANK_SEED, else of the clock; CDBC_BANK_FAULTS, else a few. */
uint64_t bank_seed(void);
int64_t bank_fault_count(void);
/* CDBC_BANK_THREADS, else as many: one thread's run is the same each time, but for what the clock
 * decides. */
int bank_thread_count(int otherwise);

#endif
