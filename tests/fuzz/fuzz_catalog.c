// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a SQL file: checked without a crash or a leak, every diagnostic with a place inside
 * the file; what check finds no fault with can be loaded, and the other way round. */
#include <cdbc/catalog.h>

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

static void report(void *data, const cdbc_diagnostic *d)
{
	check(d->line > 0 && d->column > 0 && d->message && d->hint && d->line_text);
	check((size_t)d->column <= strlen(d->line_text) + 2 || strlen(d->line_text) == 0);
	++*(size_t *)data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	const char *paths[1] = {path};
	size_t reported = 0, count = 0;
	cdbc_catalog *catalog = NULL;
	cdbc_error *err = NULL;
	int fd = memfd_create("q.sql", 0);

	check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	check(cdbc_catalog_check(paths, 1, report, &reported, &count, NULL) == CDBC_OK);
	check(count == reported);
	check(cdbc_catalog_new(&catalog, NULL) == CDBC_OK);
	check((cdbc_catalog_load(catalog, path, &err) == CDBC_OK) == (count == 0));
	cdbc_error_free(err);
	cdbc_catalog_free(catalog);
	close(fd);
	return 0;
}
