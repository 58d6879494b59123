// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a SQL file, of our style and of sqlc's: checked without a crash or a leak, every
 * diagnostic with a place inside the file; what check finds no fault with can be loaded, and the
 * other way round, but for what grammars say, which a load does not ask. */
#include <cdbc/catalog.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_so)
{
	if (!is_so)
		__builtin_trap();
}

static struct {
	bool has_nul; /* a line's text ends there */
	size_t errors, lexical;
} reported;

static void report(void *data, const cdbc_diagnostic *d)
{
	(void)data;
	check(d->line > 0 && d->column > 0 && d->message && d->hint && d->line_text);
	check((size_t)d->column <= strlen(d->line_text) + 2 || strlen(d->line_text) == 0 ||
		  reported.has_nul);
	check(!(d->is_error && d->is_note));
	reported.errors += d->is_error;
	reported.lexical += d->is_error && strcmp(d->rung, "lexical") == 0;
}

static void look(const char *path, cdbc_sql_style style)
{
	const char *paths[1] = {path};
	size_t count = 0;
	cdbc_catalog *catalog = NULL;
	cdbc_error *err = NULL;

	reported.errors = reported.lexical = 0;
	check(cdbc_catalog_check_style(paths, &style, 1, NULL, report, NULL, &count, NULL) == CDBC_OK);
	check(count == reported.errors);
	check(cdbc_catalog_new(&catalog, NULL) == CDBC_OK);
	if (cdbc_catalog_load_style(catalog, path, style, &err) == CDBC_OK)
		check(reported.lexical == 0);
	else /* what comes after the grammar is not told of a query that it refuses */
		check(reported.errors > 0);
	cdbc_error_free(err);
	cdbc_catalog_free(catalog);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd = memfd_create("q.sql", 0);

	check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	reported.has_nul = size && memchr(data, '\0', size);
	look(path, CDBC_STYLE_CDBC);
	look(path, CDBC_STYLE_SQLC);
	close(fd);
	return 0;
}
