// SPDX-License-Identifier: Apache-2.0
/* What makes two requests the same to the cache, written down exactly: equal bytes mean equal rows.
 */
#ifndef CX_CACHE_KEY_H
#define CX_CACHE_KEY_H

#include "service/strategy/cache_table.h"
#include "service/strategy/chain.h"

#define CX_CACHE_KEY_FEW 1024
#define CX_CACHE_KEY_MAX ((size_t)64 << 10)

/* A key under way: few bytes stand here, more on the heap. */
typedef struct cx_cache_key_buf {
	char *data;
	size_t length, capacity;
	bool has_failed; /* memory is short, or it would be too long */
	char few[CX_CACHE_KEY_FEW];
} cx_cache_key_buf;

/* Writes the key of a call to a named query, as its session stands. False: it has none. To be
 * freed in any case. */
bool cx_cache_key_make(cx_cache_key_buf *buf, const cdbc_call *call, cx_cache_key *out);
void cx_cache_key_free(cx_cache_key_buf *buf);

#endif
