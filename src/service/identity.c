// SPDX-License-Identifier: Apache-2.0
/* Copies of a session's user, roles and request id, and their values. */
#include "service/identity.h"

#include "base/alloc.h"
#include "base/backoff.h"
#include "base/error.h"

#include <stddef.h>
#include <time.h>

#define HAS(options, field) \
	((options)->struct_size >= offsetof(cdbc_session_options, field) + sizeof(options)->field)

cdbc_status cx_identity_copy(cx_identity *identity, const cdbc_session_options *options,
							 cdbc_error **err)
{
	if (!HAS(options, request_id) ||
		!(options->user || options->request_id || options->roles || options->role_count))
		return CDBC_OK;
	identity->is_somebody = true;
	if ((options->user && !(identity->user = cx_strdup(options->user))) ||
		(options->request_id && !(identity->request_id = cx_strdup(options->request_id))))
		return cx_error_nomem(err);
	identity->has_roles = options->roles != NULL;
	if (!options->role_count)
		return CDBC_OK;
	identity->roles = cx_calloc(options->role_count, sizeof *identity->roles);
	if (!identity->roles)
		return cx_error_nomem(err);
	for (; identity->role_count < options->role_count; identity->role_count++) {
		char *role = cx_strdup(options->roles[identity->role_count]);

		if (!role)
			return cx_error_nomem(err);
		identity->roles[identity->role_count] = cdbc_string(role);
	}
	return CDBC_OK;
}

void cx_identity_fini(cx_identity *identity)
{
	for (size_t i = 0; i < identity->role_count; i++)
		cx_free((void *)(uintptr_t)identity->roles[i].as.text.data);
	cx_free(identity->roles);
	cx_free(identity->user);
	cx_free(identity->request_id);
	memset(identity, 0, sizeof *identity);
}

void cx_identity_fill(cx_identity *identity, cx_server_values *out)
{
	uint64_t bits[2] = {cx_random_seed(), cx_random_seed()};
	unsigned char *bytes = (unsigned char *)bits;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	cx_timestamp_print((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, true, false,
					   identity->now);
	/* SQLite's functions take no zone of two digits, and give NULL */
	memcpy(identity->now + strlen(identity->now), ":00", sizeof ":00");
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	cx_uuid_print(bytes, identity->made_id);
	out->values[CX_SERVER_USER] = cdbc_string(identity->user);
	out->values[CX_SERVER_ROLES] =
		identity->has_roles ? cdbc_array(identity->roles, identity->role_count) : cdbc_null();
	out->values[CX_SERVER_NOW] = cdbc_string(identity->now);
	out->values[CX_SERVER_REQUEST_ID] =
		cdbc_string(identity->request_id ? identity->request_id : identity->made_id);
}

bool cx_identity_has_role(const cx_identity *identity, const char *const *roles, size_t count)
{
	for (size_t i = 0; i < identity->role_count; i++)
		for (size_t j = 0; j < count; j++)
			if (strcmp(identity->roles[i].as.text.data, roles[j]) == 0)
				return true;
	return false;
}
