// SPDX-License-Identifier: Apache-2.0
/* The configuration engine: merges layers of settings by tables that others write, and gives typed
 * access. Knows no setting. A loaded configuration never changes: any thread. */
#ifndef CX_CONFIG_H
#define CX_CONFIG_H

#include "base/secret.h"
#include "infra/config/option.h"

#include <cdbc/config.h>

/* The tables of all rooms, composed by the service layer. */
typedef struct cx_option_set {
	const cx_option *rows;
	size_t count;
	/* Fills in what is computed from other settings (cx_config_derive) and checks what must
	 * hold between them (cx_config_complain), once all layers are merged; may be NULL. */
	cdbc_status (*derive)(cdbc_config *config, cdbc_error **err);
} cx_option_set;

/* As cdbc_config_load and cdbc_config_check (report NULL: load, stopping at the first error). set
 * must outlive the configuration. */
cdbc_status cx_config_load(const cx_option_set *set, const cdbc_config_options *options,
						   cdbc_config **out, cdbc_error **err);
cdbc_status cx_config_check(const cx_option_set *set, const cdbc_config_options *options,
							void (*report)(void *data, const cdbc_diagnostic *diagnostic),
							void *data, size_t *error_count, cdbc_error **err);

/* Typed access, by keys that are in the tables (another key reads as not set). Borrowed from the
 * configuration. */
bool cx_config_is_set(const cdbc_config *config,
					  const char *key); /* it has a value, be it the default */
bool cx_config_is_given(const cdbc_config *config, const char *key); /* by a layer above built-in */
const char *cx_config_text(const cdbc_config *config,
						   const char *key); /* NULL: not set. Never a secret */
/* INT, BOOL, CHOICE (the index), SIZE (bytes), DURATION (ms, CX_OPTION_IS_NEVER); otherwise when
 * not set. */
int64_t cx_config_number(const cdbc_config *config, const char *key, int64_t otherwise);
const cx_secret *cx_config_secret(const cdbc_config *config,
								  const char *key); /* of a URL: the whole of it; NULL: not set */
const char *const *cx_config_list(const cdbc_config *config, const char *key, size_t *count);
const char *const *cx_config_map_names(const cdbc_config *config, const char *key,
									   size_t *count); /* values: cx_config_list */
const char *cx_config_origin(const cdbc_config *config, const char *key);
/* The file that was read, or NULL; the environment chosen in it, or NULL. */
const char *cx_config_path(const cdbc_config *config);
const char *cx_config_environment(const cdbc_config *config);
const cx_option_set *cx_config_set(const cdbc_config *config);

/* For derive alone: gives a setting that no layer has set a value, with origin "built-in". */
cdbc_status cx_config_derive(cdbc_config *config, const char *key, const char *text,
							 cdbc_error **err);

/* An error about a setting, beginning with where it was set. */
cdbc_status cx_config_complain(const cdbc_config *config, const char *key, cdbc_error **err,
							   const char *format, ...) CDBC_PRINTF(4, 5);

#endif
