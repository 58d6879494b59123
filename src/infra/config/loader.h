// SPDX-License-Identifier: Apache-2.0
/* What the files of the engine share: the configuration's inside and the loader that fills it. Only
 * for src/infra/config. */
#ifndef CX_CONFIG_LOADER_H
#define CX_CONFIG_LOADER_H

#include "base/arena.h"
#include "infra/config/config.h"
#include "infra/config/yaml.h"

typedef enum cx_layer {
	CX_LAYER_BUILT_IN,
	CX_LAYER_FILE,
	CX_LAYER_FILE_ENVIRONMENT,
	CX_LAYER_PG,
	CX_LAYER_CDBC,
	CX_LAYER_URL,
	CX_LAYER_COMMAND_LINE,
	CX_LAYER_CODE
} cx_layer;

/* Where a value stands. Texts live as long as the configuration. */
typedef struct cx_place {
	cx_layer layer;
	const char *origin; /* as cdbc_config_entry has it */
	const char *prefix; /* as messages begin */
	const char *file;   /* the file, or the name of variable or option */
	int64_t line;       /* 0: not in a file */
	int64_t column;
	const char *folder; /* what relative paths are relative to; NULL: as they are */
	bool is_libpq;      /* values in libpq's manner */
	bool is_from_url;   /* set through a URL: what the same layer says itself is stronger */
} cx_place;

/* The value of one row. */
typedef struct cx_config_value {
	bool is_set;
	int64_t number;
	char *text; /* canonical, masked for a URL; NULL for a secret */
	char **items;
	char **names; /* of a map */
	size_t count;
	cx_secret secret;
	cx_place place;
} cx_config_value;

struct cdbc_config {
	cx_arena arena;
	const cx_option_set *set;
	cx_config_value *values; /* one a row */
	char *path;
	char *environment;
};

typedef struct cx_loader {
	cdbc_config *config;
	cdbc_config_options options; /* as much as the caller's version has */
	const char *const *environ_list;
	void (*report)(void *data,
				   const cdbc_diagnostic *diagnostic); /* NULL: stop at the first error */
	void *data;
	size_t error_count;
	char *file_text; /* of the file being read, for the caret */
	size_t file_length;
	bool is_dry;        /* check values, keep none */
	cx_layer url_layer; /* the highest one above the file that gives a URL */
} cx_loader;

/* Says that something is wrong. Returns CDBC_OK when checking goes on. */
cdbc_status cx_loader_problem(cx_loader *loader, const cx_place *place, const char *hint,
							  cdbc_error **err, const char *format, ...) CDBC_PRINTF(5, 6);

/* Sets the row at index. The list form takes items as they are; texts of lists are split at commas.
 */
cdbc_status cx_loader_text(cx_loader *loader, const cx_place *place, size_t index, const char *text,
						   cdbc_error **err);
cdbc_status cx_loader_items(cx_loader *loader, const cx_place *places, size_t index,
							const char *const *names, const char *const *items, size_t count,
							cdbc_error **err);
/* Back to the table's default. */
cdbc_status cx_loader_default(cx_loader *loader, size_t index, cdbc_error **err);
/* Splits and sets a URL with all its parts. */
cdbc_status cx_loader_url(cx_loader *loader, const cx_place *place, size_t index, const char *text,
						  cdbc_error **err);
/* Stores a secret, or a value; both obey what is_from_url and is_dry say. */
bool cx_loader_may_set(const cx_loader *loader, const cx_place *place, size_t index);

/* The layers. */
cdbc_status cx_loader_file(cx_loader *loader, const char *path, const char *environment,
						   bool is_environment_asked, cdbc_error **err);
cdbc_status cx_loader_variables(cx_loader *loader, cdbc_error **err);
cdbc_status cx_loader_secret_files(cx_loader *loader, cdbc_error **err);

/* Reads a whole file, at most max bytes, NUL terminated. The caller wipes and frees *out. Fails
 * with CDBC_CONFIG (there is no such file, it is too long; is_private: others may read it),
 * CDBC_IO, CDBC_NOMEM; messages begin with the path. */
cdbc_status cx_config_read_file(const char *path, size_t max, bool is_private, char **out,
								size_t *length, cdbc_error **err);

/* The row of a key; false when there is none. */
bool cx_option_find(const cx_option_set *set, const char *key, size_t *index);
/* A hint that names the nearest key, or "". */
void cx_option_nearest(const cx_option_set *set, const char *key, char *hint, size_t hint_size);

#endif
