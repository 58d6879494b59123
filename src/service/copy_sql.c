// SPDX-License-Identifier: Apache-2.0
/* The names in the SQL of bulk copy. What a copy does with its statements does not belong here. */
#include "service/copy_sql.h"

#include "base/error.h"

/* One part of a table's name, from *p to the dot or the end. */
static cdbc_status read_part(const char **p, const char *table, cx_buf *part, cdbc_error **err)
{
	cx_buf_clear(part);
	if (**p == '"') {
		for (++*p; **p && (**p != '"' || (*p)[1] == '"'); ++*p) {
			*p += **p == '"';
			cx_buf_putc(part, **p);
		}
		if (**p != '"')
			return cx_error_set(err, CDBC_USAGE, "a quote of the table's name is not closed");
		++*p;
	} else {
		for (; **p && **p != '.' && **p != '"'; ++*p)
			cx_buf_putc(part, **p >= 'A' && **p <= 'Z' ? (char)(**p + 32) : **p);
	}
	if (**p && **p != '.')
		return cx_error_set(err, CDBC_USAGE, "\"%s\" is no table's name", table);
	cx_buf_put(part, "", 0);
	return cx_buf_status(part, "table", err);
}

cdbc_status cx_copy_put_table(cx_buf *out, const cx_dialect *dialect, const char *table,
							  cdbc_error **err)
{
	cdbc_sink sink = cx_dialect_sink(out);
	cx_buf part = CX_BUF_INIT(CX_COPY_SQL_MAX);
	const char *p = table;
	cdbc_status status;

	for (;;) {
		status = read_part(&p, table, &part, err);
		if (!status)
			status = dialect->api.identifier(&dialect->api, part.data, part.length, &sink, err);
		if (status || !*p)
			break;
		cx_buf_putc(out, '.');
		p++;
	}
	cx_buf_free(&part);
	return status;
}

cdbc_status cx_copy_put_columns(cx_buf *out, const cx_dialect *dialect, const char *const *columns,
								size_t count, cdbc_error **err)
{
	cdbc_sink sink = cx_dialect_sink(out);
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; !status && i < count; i++) {
		if (i)
			cx_buf_puts(out, ", ");
		status = dialect->api.identifier(&dialect->api, columns[i], strlen(columns[i]), &sink, err);
	}
	return status;
}

cdbc_status cx_copy_put_select(cx_buf *out, const cx_dialect *dialect, const char *table,
							   const char *const *columns, size_t count, cdbc_error **err)
{
	cdbc_status status;

	cx_buf_puts(out, count ? "SELECT " : "SELECT *");
	status = cx_copy_put_columns(out, dialect, columns, count, err);
	cx_buf_puts(out, " FROM ");
	if (!status)
		status = cx_copy_put_table(out, dialect, table, err);
	return status ? status : cx_buf_status(out, "statement", err);
}
