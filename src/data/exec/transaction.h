// SPDX-License-Identifier: Apache-2.0
/* The statements that begin transactions, by dialect. Text only. */
#ifndef CX_EXEC_TRANSACTION_H
#define CX_EXEC_TRANSACTION_H

#include "base/buf.h"

#include <cdbc/error.h>

/* What a transaction is to be. Words as SQL has them ("SERIALIZABLE", "HIGH"); NULL: not said. */
typedef struct cx_begin {
	const char *isolation;
	const char *priority;
	const char *as_of; /* an expression */
	bool is_read_only;
} cx_begin;

/* Writes the statement for a dialect ("cockroachdb", "sqlite"; all others as postgresql). Fails
 * with CDBC_UNSUPPORTED (as_of, elsewhere than on CockroachDB), CDBC_SQL_FILE (as_of is not one
 * expression for a time), CDBC_NOMEM. */
cdbc_status cx_begin_write(const cx_begin *begin, const char *dialect, cx_buf *out,
						   cdbc_error **err);

#endif
