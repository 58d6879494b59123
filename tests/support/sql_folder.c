// SPDX-License-Identifier: Apache-2.0
/* Folders of SQL files for tests. */
#include "support/sql_folder.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char root[64];

const char *sql_folder_make(void)
{
	strcpy(root, "/tmp/cdbc-sql-XXXXXX");
	assert_non_null(mkdtemp(root));
	return root;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *at)
{
	(void)info;
	(void)flag;
	(void)at;
	return remove(path);
}

void sql_folder_remove(void)
{
	assert_int_equal(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void sql_rmtree(const char *name)
{
	assert_int_equal(nftw(sql_path(name), remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *sql_path(const char *name)
{
	static _Thread_local char paths[8][256];
	static _Thread_local unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", root, name);
	return path;
}

void sql_write(const char *name, const char *text)
{
	FILE *file = fopen(sql_path(name), "w");

	if (!file)
		fail_msg("write %s", name);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

void sql_replace(const char *name, const char *text)
{
	char beside[256];

	snprintf(beside, sizeof beside, "%s.part~", name);
	sql_write(beside, text);
	sql_rename(beside, name);
}

void sql_unlink(const char *name)
{
	assert_int_equal(unlink(sql_path(name)), 0);
}

void sql_mkdir(const char *name)
{
	assert_int_equal(mkdir(sql_path(name), 0755), 0);
}

void sql_rename(const char *from, const char *to)
{
	assert_int_equal(rename(sql_path(from), sql_path(to)), 0);
}

void sql_symlink(const char *to, const char *name)
{
	assert_int_equal(symlink(to, sql_path(name)), 0);
}
