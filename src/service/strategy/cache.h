// SPDX-License-Identifier: Apache-2.0
/* The cache: a link that answers queries with a `cache:` header from rows that were read lately,
 * by somebody who asked the same with the same rights. One a client, so that a database's rows
 * never answer for another's. Others pass through. */
#ifndef CX_CACHE_H
#define CX_CACHE_H

#include <cdbc/client.h>
#include <cdbc/strategy.h>

typedef struct cx_cache_options {
	bool is_enabled;
	int64_t max_bytes;
	int64_t max_entry_bytes;
} cx_cache_options;

typedef struct cx_cache cx_cache;

cdbc_status cx_cache_new(const cx_cache_options *options, cx_cache **out, cdbc_error **err);
void cx_cache_free(cx_cache *cache); /* takes NULL */

/* The link. cache is borrowed for its life. */
cdbc_strategy cx_cache_link(cx_cache *cache);

/* As cdbc_client_cache_invalidate and cdbc_client_cache_stats. */
void cx_cache_invalidate(cx_cache *cache, const char *name);
void cx_cache_stats(cx_cache *cache, cdbc_cache_stats *out);

#endif
