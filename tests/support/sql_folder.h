// SPDX-License-Identifier: Apache-2.0
/* A folder of SQL files that tests write, replace and remove. Everything fails the test when it
 * cannot be done. */
#ifndef TEST_SQL_FOLDER_H
#define TEST_SQL_FOLDER_H

/* Makes the folder, and goes on to speak of it alone; one at a time. Returns its path. */
const char *sql_folder_make(void);
void sql_folder_remove(void);
/* A path in it, in one of eight places that are used in turn. */
const char *sql_path(const char *name);
/* Writes a file in its place, or beside it and renames. Folders on the way must be there. */
void sql_write(const char *name, const char *text);
void sql_replace(const char *name, const char *text);
void sql_unlink(const char *name);
void sql_mkdir(const char *name);
void sql_rename(const char *from, const char *to);
void sql_symlink(const char *to, const char *name);
/* Removes a folder with all that is in it. */
void sql_rmtree(const char *name);

#endif
