// SPDX-License-Identifier: Apache-2.0
/* Configuration: layers of settings, each with where it came from. Immutable once loaded: any
 * thread. */
#ifndef CDBC_CONFIG_H
#define CDBC_CONFIG_H

#include <cdbc/error.h>

CDBC_BEGIN

/* A setting given by name, such as {"pool.max_size", "20"}. */
typedef struct cdbc_config_item {
	const char *key;
	const char *value;
} cdbc_config_item;

/* Where settings come from, lowest layer first: built-in < file < the file's environments.NAME <
 * PG* variables < CDBC_* variables < url < command_line < items. */
typedef struct cdbc_config_options {
	size_t struct_size;
	const char *path; /* YAML file; NULL: none, or found (find_file) */
	bool find_file;   /* path NULL: CDBC_CONFIG, ./cdbc.yaml, the user's configuration folder */
	const char *environment; /* NULL: CDBC_ENVIRONMENT, the file's default_environment, or none */
	const char *url;         /* database.url; a password in it is allowed here */
	const cdbc_config_item *command_line;
	size_t command_line_count;
	const cdbc_config_item *items; /* from code */
	size_t item_count;
	const char *const *environ_list; /* NULL: the process's environment; else like environ */
} cdbc_config_options;

#define CDBC_CONFIG_OPTIONS_INIT                                                     \
	{                                                                                \
		sizeof(cdbc_config_options), NULL, false, NULL, NULL, NULL, 0, NULL, 0, NULL \
	}

/* Loads, merges and checks; options NULL: the process's variables alone. Every unknown key (with
 * the nearest name), wrong type or value out of range is an error with file:line:column, or the
 * variable's or option's name. docs/configuration.md has every setting. No message has a secret in
 * it. Fails with CDBC_CONFIG (a file that is not there, too), CDBC_IO, CDBC_USAGE, CDBC_NOMEM.
 * Round trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_config_load(const cdbc_config_options *options,
													 cdbc_config **out, cdbc_error **err);
/* Checks as load does, but goes on after an error and reports every one. *error_count is the number
 * of errors. Fails with CDBC_IO, CDBC_USAGE, CDBC_NOMEM only. */
CDBC_API CDBC_MUSTCHECK cdbc_status
cdbc_config_check(const cdbc_config_options *options,
				  void (*report)(void *data, const cdbc_diagnostic *diagnostic), void *data,
				  size_t *error_count, cdbc_error **err);
/* Frees a configuration and wipes its secrets. Takes NULL. */
CDBC_API void cdbc_config_free(cdbc_config *config);

/* The environment that was chosen in the file, or NULL. Borrowed. */
CDBC_API const char *cdbc_config_environment(const cdbc_config *config);

/* Reads any setting as text in its canonical form; a secret reads as "***". A list is joined by ",
 * ". *out is borrowed from config; NULL when the setting has no value. Fails with CDBC_NOT_FOUND
 * (unknown key; the hint names the nearest). */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_config_get(const cdbc_config *config, const char *key,
													const char **out, cdbc_error **err);

/* One setting as `cdbc config show` prints it. */
typedef struct cdbc_config_entry {
	const char *key;
	const char *value;  /* NULL: not set; secrets as "***" */
	const char *origin; /* "built-in", "cdbc.yaml:3:9", "PGHOST", "--url" */
	const char *help;
	bool is_secret;
} cdbc_config_entry;

/* Visits every setting in the order of the tables. */
CDBC_API void cdbc_config_each(const cdbc_config *config,
							   void (*visit)(void *data, const cdbc_config_entry *entry),
							   void *data);

/* True when there is a password in the URL: before the host, or as a parameter. Errs on the side of
 * true, and judges wrong URLs too. */
CDBC_API bool cdbc_url_has_password(const char *url);

CDBC_END
#endif
