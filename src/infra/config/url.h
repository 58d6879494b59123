// SPDX-License-Identifier: Apache-2.0
/* Database URLs: taking them apart, and finding the passwords in them. Pure text: knows no table of
 * settings and no driver. */
#ifndef CX_CONFIG_URL_H
#define CX_CONFIG_URL_H

#include "base/arena.h"
#include "base/buf.h"
#include "infra/config/option.h"

#define CX_URL_BYTES_MAX 8192
#define CX_URL_PARTS_MAX 64

typedef enum cx_url_kind {
	CX_URL_WIRE,     /* postgresql: postgres: cockroachdb: */
	CX_URL_EMBEDDED, /* sqlite: */
	CX_URL_OTHER     /* of a driver that is not built in: only its scheme is looked at */
} cx_url_kind;

typedef struct cx_url_part {
	const char *name; /* in libpq's words: user password host port dbname, and the query's; path for
						 sqlite */
	char *value;      /* percent decoded */
	bool is_query;
} cx_url_part;

typedef struct cx_url {
	cx_url_kind kind;
	char *scheme; /* in small letters */
	cx_url_part parts[CX_URL_PARTS_MAX];
	size_t count;
} cx_url;

/* Takes a URL apart; texts live in arena. Hosts and ports are joined by commas. Fails with
 * CDBC_CONFIG (*problem says why, never with a part that may be secret) and CDBC_NOMEM. On failure
 * as on success cx_url_wipe clears what was decoded. */
cdbc_status cx_url_read(const char *text, cx_arena *arena, cx_url *url, cx_option_problem *problem);
void cx_url_wipe(cx_url *url);

/* Writes the URL with *** for every password, also when it is not a valid one. */
void cx_url_mask(const char *text, cx_buf *out);

#endif
