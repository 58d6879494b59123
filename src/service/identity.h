// SPDX-License-Identifier: Apache-2.0
/* Who a session works for: what :_user, :_roles, :_now and :_request_id stand for. Checks nothing:
 * who may say so is the caller's business. */
#ifndef CX_IDENTITY_H
#define CX_IDENTITY_H

#include "base/civil.h"
#include "service/catalog/catalog.h"

#include <cdbc/client.h>

typedef struct cx_identity {
	char *user; /* NULL: nobody in particular; so are the others */
	char *request_id;
	cdbc_value *roles;
	size_t role_count;
	bool has_roles;
	bool is_somebody; /* fini has something to do */
	/* of the present request */
	char now[CX_CIVIL_MAX];
	char made_id[CX_CIVIL_MAX];
} cx_identity;

/* Copies what the options say. Fails with CDBC_NOMEM; then, too, fini is to be called. */
cdbc_status cx_identity_copy(cx_identity *identity, const cdbc_session_options *options,
							 cdbc_error **err);
void cx_identity_fini(cx_identity *identity);
/* Whether one of its roles is among those named. */
bool cx_identity_has_role(const cx_identity *identity, const char *const *roles, size_t count);
/* The values of one request, valid until the next. A session without a request's id gets a new one
 * (a UUID) each time. */
void cx_identity_fill(cx_identity *identity, cx_server_values *out);

#endif
