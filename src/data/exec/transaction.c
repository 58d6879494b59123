// SPDX-License-Identifier: Apache-2.0
/* BEGIN in three dialects. */
#include "data/exec/transaction.h"

#include "base/error.h"
#include "data/sql/as_of.h"

#include <string.h>

/* Writing transactions take the lock at once: one that has read and then cannot write would have
 * waited for nothing. All of them are serializable. */
static cdbc_status write_sqlite(const cx_begin *begin, cx_buf *out, cdbc_error **err)
{
	cx_buf_puts(out, begin->is_read_only ? "BEGIN" : "BEGIN IMMEDIATE");
	return cx_buf_status(out, "begin", err);
}

static void add(cx_buf *out, bool *has_one, const char *words, const char *what)
{
	cx_buf_puts(out, *has_one ? ", " : " ");
	cx_buf_puts(out, words);
	cx_buf_puts(out, what);
	*has_one = true;
}

/* It cannot be a parameter, so nothing but one expression gets into the text. */
static cdbc_status add_as_of(cx_buf *out, bool *has_one, const char *as_of, cdbc_error **err)
{
	size_t from, to;
	cdbc_status status = cx_as_of_expression(as_of, strlen(as_of), true, &from, &to, err);

	if (status) {
		cx_error_wrap(err, "as of \"%s\"", as_of);
		return status;
	}
	add(out, has_one, "AS OF SYSTEM TIME ", "");
	cx_buf_put(out, as_of + from, to - from);
	return CDBC_OK;
}

cdbc_status cx_begin_write(const cx_begin *begin, const char *dialect, cx_buf *out,
						   cdbc_error **err)
{
	bool is_cockroachdb = dialect && strcmp(dialect, "cockroachdb") == 0, has_one = false;

	if (begin->as_of && !is_cockroachdb) {
		cx_error_set(err, CDBC_UNSUPPORTED,
					 "as of system time is CockroachDB's, the database is %s",
					 dialect ? dialect : "another");
		return CDBC_UNSUPPORTED;
	}
	if (dialect && strcmp(dialect, "sqlite") == 0)
		return write_sqlite(begin, out, err);
	cx_buf_puts(out, "BEGIN");
	if (begin->isolation)
		add(out, &has_one, "ISOLATION LEVEL ",
			!is_cockroachdb && strcmp(begin->isolation, "SNAPSHOT") == 0 ? "REPEATABLE READ"
																		 : begin->isolation);
	if (begin->priority && is_cockroachdb)
		add(out, &has_one, "PRIORITY ", begin->priority);
	if (begin->is_read_only)
		add(out, &has_one, "READ ONLY", "");
	if (begin->as_of && add_as_of(out, &has_one, begin->as_of, err))
		return CDBC_SQL_FILE;
	return cx_buf_status(out, "begin", err);
}
