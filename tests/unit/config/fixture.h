// SPDX-License-Identifier: Apache-2.0
/* A folder of its own for each program of tests, in which it works, and loading with given
 * variables only. */
#ifndef TEST_CONFIG_FIXTURE_H
#define TEST_CONFIG_FIXTURE_H

#include <cdbc/config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* For cmocka_run_group_tests. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Writes a file of the folder. */
void write_file(const char *name, const char *text, int mode);

/* A load without the process's environment. */
typedef struct given {
	const char *path;
	const char *environment;
	const char *url;
	const char *variables[8];
	cdbc_config_item command_line[4];
	cdbc_config_item items[4];
	bool find_file;
} given;

cdbc_config_options given_options(const given *g);
/* Must succeed. */
cdbc_config *must_load(const given *g);
/* Must fail with this status, message and hint (NULL: none). */
void must_fail(const given *g, cdbc_status status, const char *message, const char *hint);
/* Writes t.yaml and loads it; must fail with CDBC_CONFIG. */
void file_must_fail(const char *text, const char *message, const char *hint);
/* value NULL: not set; origin NULL: not looked at. */
void assert_setting(const cdbc_config *config, const char *key, const char *value,
					const char *origin);

#endif
