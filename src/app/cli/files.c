// SPDX-License-Identifier: Apache-2.0
/* Files of a folder and below, in one order on every machine. */
#include "app/cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX 100000
#define DEPTH_MAX 32

bool cli_has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && strcmp(name + n - s, suffix) == 0;
}

const char *cli_path_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "stdin" : path;
}

int cli_fail_path(const char *path)
{
	fprintf(stderr, "cdbc: %s: %s\n", path, strerror(errno));
	return EXIT_USAGE;
}

int cli_files_add(cli_files *files, const char *path)
{
	char **grown;

	if (files->count == FILES_MAX) {
		fprintf(stderr, "cdbc: more than %d files\n", FILES_MAX);
		return EXIT_USAGE;
	}
	grown = realloc(files->paths, (files->count + 1) * sizeof *grown);
	if (!grown)
		return EXIT_INTERNAL;
	files->paths = grown;
	grown[files->count] = strdup(path);
	return grown[files->count++] ? EXIT_OK : EXIT_INTERNAL;
}

static int is_listed(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int find(cli_files *files, const char *folder, bool (*is_wanted)(const char *name),
				int depth)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, is_listed, by_name), code = EXIT_OK;

	if (count < 0)
		return cli_fail_path(folder);
	for (int i = 0; i < count; i++) {
		char *path = NULL;
		struct stat info;

		if (!code && asprintf(&path, "%s%s%s", folder, cli_has_suffix(folder, "/") ? "" : "/",
							  entries[i]->d_name) < 0)
			code = EXIT_INTERNAL;
		if (!code && stat(path, &info) == 0) {
			if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
				code = find(files, path, is_wanted, depth + 1);
			else if (S_ISREG(info.st_mode) && is_wanted(path))
				code = cli_files_add(files, path);
		}
		free(path);
		free(entries[i]);
	}
	free(entries);
	return code;
}

int cli_files_find(cli_files *files, const char *folder, bool (*is_wanted)(const char *name))
{
	return find(files, folder, is_wanted, 0);
}

void cli_files_fini(cli_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
}
