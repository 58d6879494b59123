// SPDX-License-Identifier: Apache-2.0
/* One SQL file in a folder of the test's own: loaded, or refused with its place. A header, because
 * each test of the room is a program. */
#ifndef SQL_FILE_H
#define SQL_FILE_H

#include <cdbc/catalog.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* A file, and the one thing that is wrong with it: how the message after the file's name begins. */
typedef struct sql_file_mistake {
	const char *text;
	const char *message;
} sql_file_mistake;

static char sql_file_root[64], sql_file_path[80], sql_file_text[1024];
static cdbc_catalog *sql_file_kept[32];
static size_t sql_file_kept_count;

static inline int sql_file_begin(void **state)
{
	snprintf(sql_file_root, sizeof sql_file_root, "/tmp/cdbc-sql-file-XXXXXX");
	if (!mkdtemp(sql_file_root))
		return 1;
	snprintf(sql_file_path, sizeof sql_file_path, "%s/bad.sql", sql_file_root);
	return 0;
}

static inline int sql_file_end(void **state)
{
	while (sql_file_kept_count)
		cdbc_catalog_free(sql_file_kept[--sql_file_kept_count]);
	unlink(sql_file_path);
	return rmdir(sql_file_root);
}

/* Frees the catalog when all tests are done. */
static inline void sql_file_keep(cdbc_catalog *catalog)
{
	assert_true(sql_file_kept_count < sizeof sql_file_kept / sizeof *sql_file_kept);
	sql_file_kept[sql_file_kept_count++] = catalog;
}

static inline void sql_file_write(const char *text)
{
	FILE *f = fopen(sql_file_path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	fclose(f);
}

/* Writes and loads it; for what must work. */
static inline cdbc_catalog *sql_file_load(const char *text)
{
	cdbc_catalog *catalog = NULL;
	cdbc_error *err = NULL;

	sql_file_write(text);
	assert_int_equal(cdbc_catalog_new(&catalog, NULL), CDBC_OK);
	if (cdbc_catalog_load(catalog, sql_file_path, &err))
		fail_msg("%s\n%s", text, cdbc_error_message(err));
	return catalog;
}

static inline cdbc_status sql_file_try(const char *text, cdbc_error **err)
{
	cdbc_catalog *catalog = NULL;
	cdbc_status status = cdbc_catalog_new(&catalog, err);

	sql_file_write(text);
	if (!status)
		status = cdbc_catalog_load(catalog, sql_file_path, err);
	cdbc_catalog_free(catalog);
	return status;
}

static inline void sql_file_collect(void *data, const cdbc_diagnostic *d)
{
	size_t n = strlen(sql_file_text);

	snprintf(sql_file_text + n, sizeof sql_file_text - n, "%lld:%lld: %s\n", (long long)d->line,
			 (long long)d->column, d->message);
}

/* Each is refused with its place and message, by load and (once) by check. */
static inline void sql_file_refuse(const sql_file_mistake *mistakes, size_t mistake_count)
{
	for (size_t i = 0; i < mistake_count; i++) {
		const char *message, *wanted = mistakes[i].message, *paths[1] = {sql_file_path};
		cdbc_error *err = NULL;
		size_t count = 0;

		if (sql_file_try(mistakes[i].text, &err) != CDBC_SQL_FILE)
			fail_msg("not refused: %s: %s", mistakes[i].text, err ? cdbc_error_message(err) : "");
		message = strstr(cdbc_error_message(err), "bad.sql:") + 8;
		if (strncmp(message, wanted, strlen(wanted)) != 0)
			fail_msg("%s\nwas:    %s\nwanted: %s", mistakes[i].text, message, wanted);
		cdbc_error_free(err);
		sql_file_text[0] = '\0';
		assert_int_equal(cdbc_catalog_check(paths, 1, sql_file_collect, NULL, &count, NULL),
						 CDBC_OK);
		if (count != 1 || strncmp(sql_file_text, wanted, strlen(wanted)) != 0)
			fail_msg("%s\nchecked: %s", mistakes[i].text, sql_file_text);
	}
}

/* The message of its first mistake, behind its place; valid until the next call. */
static inline const char *sql_file_message(const char *text)
{
	const char *message;
	cdbc_error *err = NULL;

	assert_int_equal(sql_file_try(text, &err), CDBC_SQL_FILE);
	message = strstr(cdbc_error_message(err), ": ");
	snprintf(sql_file_text, sizeof sql_file_text, "%s", message ? message + 2 : "");
	cdbc_error_free(err);
	return sql_file_text;
}

/* The hint of its first mistake; valid until the next call. */
static inline const char *sql_file_hint(const char *text)
{
	cdbc_error *err = NULL;

	assert_int_equal(sql_file_try(text, &err), CDBC_SQL_FILE);
	snprintf(sql_file_text, sizeof sql_file_text, "%s", cdbc_error_field(err, CDBC_FIELD_HINT));
	cdbc_error_free(err);
	return sql_file_text;
}

#endif
