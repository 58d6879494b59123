// SPDX-License-Identifier: Apache-2.0
/* A page that is made from tables: printed, or held against what is committed. */
#ifndef TOOLS_PAGE_H
#define TOOLS_PAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int page_check(const char *path, void (*print)(FILE *out))
{
	char *page = NULL, *found;
	size_t size = 0, n = 0;
	FILE *out = open_memstream(&page, &size), *in = fopen(path, "r");
	int is_same;

	if (!out || !in) {
		perror(path);
		return 1;
	}
	print(out);
	fclose(out);
	found = calloc(1, size + 2);
	if (found)
		n = fread(found, 1, size + 1, in);
	fclose(in);
	is_same = found && n == size && memcmp(found, page, size) == 0;
	if (!is_same)
		fprintf(stderr, "%s is not what the tables say: make docs\n", path);
	free(found);
	free(page);
	return !is_same;
}

/* No argument: prints the page. --check FILE: fails unless FILE is that page. */
static int page_main(int argc, char **argv, void (*print)(FILE *out))
{
	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		return page_check(argv[2], print);
	print(stdout);
	return ferror(stdout) != 0;
}

#endif
