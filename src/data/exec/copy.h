// SPDX-License-Identifier: Apache-2.0
/* A COPY ... FROM STDIN on a lease: begun, fed and ended; every failure ends it and is judged. */
#ifndef CX_EXEC_COPY_H
#define CX_EXEC_COPY_H

#include "data/exec/lease.h"

typedef struct cx_copy_run {
	cx_lease *lease;
	void *handle; /* the driver's; NULL: none is open */
} cx_copy_run;

/* On the lease's connection, which is there and in a transaction. err is not NULL, in all of these.
 * A line that the server names is the error's line, from 1, and there is no file. */
cdbc_status cx_copy_run_begin(cx_copy_run *run, const char *sql, size_t length, int64_t deadline_ns,
							  cdbc_error **err);
/* CDBC_CANCELLED when it was cancelled meanwhile. */
cdbc_status cx_copy_run_write(cx_copy_run *run, const void *bytes, size_t length,
							  int64_t deadline_ns, cdbc_error **err);
/* *count: the rows that the server took. */
cdbc_status cx_copy_run_end(cx_copy_run *run, int64_t *count, int64_t deadline_ns,
							cdbc_error **err);
/* Makes the server discard what it has; nothing when none is open. */
void cx_copy_run_abort(cx_copy_run *run, int64_t deadline_ns);

#endif
