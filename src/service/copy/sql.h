// SPDX-License-Identifier: Apache-2.0
/* The SQL of bulk copy: a table's name and columns as the dialect writes them. */
#ifndef CX_COPY_SQL_H
#define CX_COPY_SQL_H

#include "base/buf.h"
#include "data/sql/dialect.h"

#define CX_COPY_SQL_MAX ((size_t)1 << 20)

/* A name as a person writes it in SQL (`items`, `bank.items`, `"My Items"`), each part quoted by
 * the dialect. CDBC_USAGE: it is none. */
cdbc_status cx_copy_put_table(cx_buf *out, const cx_dialect *dialect, const char *table,
							  cdbc_error **err);
/* `"a", "b"`, of names as the catalogue has them. */
cdbc_status cx_copy_put_columns(cx_buf *out, const cx_dialect *dialect, const char *const *columns,
								size_t count, cdbc_error **err);
/* `SELECT "a", "b" FROM "t"`; no columns: all of them. */
cdbc_status cx_copy_put_select(cx_buf *out, const cx_dialect *dialect, const char *table,
							   const char *const *columns, size_t count, cdbc_error **err);

#endif
