// SPDX-License-Identifier: Apache-2.0
/* The tables of all rooms put together, and their settings as the structs that the rooms take. How
 * layers are merged is infra/config's matter; what a setting does is its room's. */
#ifndef CX_OPTIONS_H
#define CX_OPTIONS_H

#include "base/arena.h"
#include "infra/config/config.h"
#include "infra/pool/pool.h"
#include "service/observe/observe.h"
#include "service/transaction/resolver.h"
#include "service/strategy/breaker.h"
#include "service/strategy/cache.h"
#include "service/strategy/retry.h"

#include <cdbc/driver.h>

/* Every setting there is. Static. */
const cx_option_set *cx_options_set(void);

/* The pool's. out->name is borrowed from config. */
cdbc_status cx_options_pool(const cdbc_config *config, cx_pool_options *out, cdbc_error **err);

/* Where and how to connect, in the driver's words. Everything is the storage's own; fini wipes it.
 * settings.host is NULL: set it. */
typedef struct cx_settings_storage {
	cdbc_settings settings;
	cdbc_setting *items;
	size_t capacity;
} cx_settings_storage;

/* Fails with CDBC_CONFIG (no database is given, hosts and ports do not fit), CDBC_NOMEM. */
cdbc_status cx_options_settings(const cdbc_config *config, cx_settings_storage *out,
								cdbc_error **err);
void cx_options_settings_fini(cx_settings_storage *storage);

/* What a request asks of its result when it does not say. */
typedef struct cx_result_options {
	cdbc_numeric_mode numeric;
	cdbc_arrays_mode arrays;
	int64_t batch_rows;
	int64_t batch_bytes;
	int64_t batch_ns;
} cx_result_options;

/* How long a transaction may rest; CX_NEVER: for ever. */
int64_t cx_options_tx_idle_ns(const cdbc_config *config);

/* *timeout_ms: of a request; CDBC_FOREVER for never. */
cdbc_status cx_options_results(const cdbc_config *config, cx_result_options *out,
							   int64_t *timeout_ms, cdbc_error **err);

typedef enum cx_reload_mode { CX_RELOAD_OFF, CX_RELOAD_ON, CX_RELOAD_POLL } cx_reload_mode;

/* Folders and files of queries, ready to open (relative ones in a file are relative to its folder).
 * The texts are borrowed from config. */
typedef struct cx_query_options {
	const char **folders;
	size_t folder_count;
	cx_reload_mode reload;
	int64_t reload_delay_ns;
	int64_t reload_interval_ns;
	size_t sqlc_count; /* the last ones of them are written for sqlc */
} cx_query_options;

cdbc_status cx_options_queries(const cdbc_config *config, cx_query_options *out, cdbc_error **err);
void cx_options_queries_fini(cx_query_options *queries);

cdbc_status cx_options_retry(const cdbc_config *config, cx_retry_options *out, cdbc_error **err);

/* The table is borrowed from config. */
cdbc_status cx_options_resolver(const cdbc_config *config, cx_resolver_options *out,
								cdbc_error **err);
cdbc_status cx_options_breaker(const cdbc_config *config, cx_breaker_options *out,
							   cdbc_error **err);

/* Texts are borrowed from config. */
void cx_options_observe(const cdbc_config *config, cx_observe_options *out);

cdbc_status cx_options_cache(const cdbc_config *config, cx_cache_options *out, cdbc_error **err);

size_t cx_options_helper_threads(const cdbc_config *config);

#endif
