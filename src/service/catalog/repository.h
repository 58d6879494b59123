// SPDX-License-Identifier: Apache-2.0
/* The repository: the named queries of a client as a sequence of generations. Each is loaded and
 * checked as a whole, and then put in force by one change of a pointer; what fails changes nothing
 * and is remembered for health. Any thread. */
#ifndef CX_REPOSITORY_H
#define CX_REPOSITORY_H

#include "base/event.h"
#include "base/thread.h"
#include "service/catalog/catalog.h"

#include <stdatomic.h>

#define CX_REFUSED_BYTES 1024

/* Queries that were registered by code: a catalog of one text. */
typedef struct cx_registered {
	char *file; /* the name that they go by */
	char *text;
	size_t length;
	cdbc_catalog *catalog;
	bool is_saved; /* in one of the folders: the next load that succeeds has them from there */
} cx_registered;

/* What health says. */
typedef struct cx_repository_state {
	uint64_t generation;
	size_t query_count;
	int64_t loaded_s;               /* by the calendar's clock, from 1970 */
	char refused[CX_REFUSED_BYTES]; /* why the last load was; "" when it was not */
} cx_repository_state;

typedef struct cx_repository {
	_Atomic(cdbc_catalog *) current; /* one reference; changed with lock held */
	cx_mutex lock;                   /* guards current while it is taken or changed, and state */
	cx_repository_state state;
	cx_mutex loading; /* held for a load as a whole; guards what follows */
	char **folders;
	size_t folder_count;
	const cdbc_embedded_queries *embedded; /* set before init; borrowed; NULL: none */
	size_t sqlc_count;                     /* set before init: the last folders, written for sqlc */
	cdbc_catalog *files;                   /* of the folders: the first part of current */
	cx_registered *registered;
	size_t registered_count, registered_capacity;
	uint64_t generation; /* the last one that was made */
	const cx_events *events;
} cx_repository;

/* Copies the names of the folders; events are borrowed. Loads nothing yet. On failure, too, fini is
 * to be called. */
cdbc_status cx_repository_init(cx_repository *repository, const char *const *folders,
							   size_t folder_count, const cx_events *events, cdbc_error **err);
/* Loads the first generation. */
cdbc_status cx_repository_open(cx_repository *repository, cdbc_error **err);
/* Takes one that is all zeros. */
void cx_repository_fini(cx_repository *repository);

/* Puts the generation in force into *held, whose old one (NULL: none) is given back. */
void cx_repository_renew(cx_repository *repository, cdbc_catalog **held);

/* Asked at the end of a load, well or not: false, and it did not happen. */
typedef struct cx_repository_gate {
	bool (*may_pass)(void *self);
	void *self;
	bool is_retry; /* the same failure as before is not told again */
} cx_repository_gate;

/* Reads the folders again. On failure the generation in force stays. Observers are told. gate NULL:
 * none; what it stops is CDBC_CANCELLED, and nobody is told. */
cdbc_status cx_repository_reload(cx_repository *repository, const cx_repository_gate *gate,
								 cdbc_error **err);

/* Puts a generation of the same files and what is registered now in force, with loading held. Tells
 * nobody. */
cdbc_status cx_repository_compose(cx_repository *repository, cdbc_error **err);

/* Tells observers of a load. No lock may be held. */
void cx_repository_tell(cx_repository *repository, int64_t began_ns, const cdbc_error *error);

/* register.c: as the client's calls of these names. */
cdbc_status cx_repository_register(cx_repository *repository, const char *file, const char *text,
								   size_t length, cdbc_error **err);
cdbc_status cx_repository_unregister(cx_repository *repository, const char *file, cdbc_error **err);
/* *is_own: it went into one of the folders, which are to be loaded again. */
cdbc_status cx_repository_save(cx_repository *repository, const char *file, const char *folder,
							   uint32_t flags, bool *is_own, cdbc_error **err);
void cx_registered_fini(cx_registered *registered);

void cx_repository_look(cx_repository *repository, cx_repository_state *out);

#endif
