// SPDX-License-Identifier: Apache-2.0
/* A dialect of an application's own: PostgreSQL, but with the standard's words for a page. Prints
 * what it writes; a query of a SQL file may name it in its `dialect:` line. */
#include <cdbc/cdbc.h>
#include <errno.h>

#include <stdio.h>
#include <string.h>

static cdbc_status to_stdout(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	(void)self;
	if (fwrite(bytes, 1, length, stdout) == length)
		return CDBC_OK;
	return cdbc_error_set(err, CDBC_IO, "standard output: %s", strerror(errno));
}

static cdbc_status put(const cdbc_sink *sink, const char *text, size_t length, cdbc_error **err)
{
	return sink->write(sink->self, text, length, err);
}

/* sql ORDER BY key FETCH FIRST n ROWS ONLY: of a statement without an order, by its first key. */
static cdbc_status page(const cdbc_dialect *d, const char *sql, size_t length,
						const cdbc_dialect_page *p, const cdbc_sink *sink, cdbc_error **err)
{
	cdbc_status status;

	if (p->key_count != 1 || p->is_after || p->has_offset)
		return cdbc_error_set(err, CDBC_USAGE, "only first pages by one key are written");
	status = put(sink, "select * from (", 15, err);
	if (!status)
		status = put(sink, sql, length, err);
	if (!status)
		status = put(sink, ") as page order by ", 19, err);
	if (!status)
		status = d->identifier(d, p->keys[0], strlen(p->keys[0]), sink, err);
	if (!status)
		status = put(sink, " fetch first ", 13, err);
	if (!status)
		status = d->placeholder(d, p->first_number, sink, err);
	return status ? status : put(sink, " rows only\n", 11, err);
}

int main(void)
{
	static const char *const keys[] = {"id"}, *const columns[] = {"id", "name"},
							 *const updates[] = {"name"};
	const cdbc_sink sink = {sizeof sink, to_stdout, NULL};
	const cdbc_dialect own = {
		.struct_size = sizeof own, .name = "ansi", .based_on = "postgresql", .page = page};
	cdbc_dialect_page first = CDBC_DIALECT_PAGE_INIT;
	cdbc_dialect_insert row = CDBC_DIALECT_INSERT_INIT;
	const cdbc_dialect *d = NULL;
	cdbc_error *err = NULL;
	cdbc_status status = cdbc_dialect_add(&own, &err);

	first.keys = keys;
	first.key_count = 1;
	row.table = "users";
	row.columns = columns;
	row.column_count = 2;
	row.keys = keys;
	row.key_count = 1;
	row.updates = updates;
	row.update_count = 1;
	if (!status)
		status = cdbc_dialect_get("ansi", &d, &err);
	if (!status)
		status = d->page(d, "select id, name from users", 26, &first, &sink, &err);
	if (!status)
		status = d->upsert(d, &row, &sink, &err);
	if (!status)
		status = put(&sink, "\n", 1, &err);
	if (status)
		fprintf(stderr, "ansi: %s\n", cdbc_error_message(err));
	cdbc_error_free(err);
	return status != CDBC_OK;
}
