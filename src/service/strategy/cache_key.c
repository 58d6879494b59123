// SPDX-License-Identifier: Apache-2.0
/* Keys: every part goes in with its length or its kind, so that no two lists of parts are written
 * the same. */
#include "service/strategy/cache_key.h"

#include "base/alloc.h"
#include "service/session.h"

#include <stdlib.h>
#include <string.h>

#define ROLES_FEW 32

static bool reserve(cx_cache_key_buf *buf, size_t n)
{
	size_t capacity = buf->capacity;
	char *grown;

	if (buf->has_failed || n <= capacity - buf->length)
		return !buf->has_failed;
	buf->has_failed = true;
	if (n > CX_CACHE_KEY_MAX - buf->length)
		return false;
	while (capacity - buf->length < n)
		capacity *= 2;
	if (buf->data == buf->few) {
		grown = cx_alloc(capacity);
		if (grown)
			memcpy(grown, buf->few, buf->length);
	} else {
		grown = cx_realloc(buf->data, capacity);
	}
	if (!grown)
		return false;
	buf->data = grown;
	buf->capacity = capacity;
	buf->has_failed = false;
	return true;
}

static void put(cx_cache_key_buf *buf, const void *bytes, size_t n)
{
	if (!reserve(buf, n))
		return;
	if (n)
		memcpy(buf->data + buf->length, bytes, n);
	buf->length += n;
}

static void put_int64(cx_cache_key_buf *buf, int64_t number)
{
	put(buf, &number, sizeof number);
}

static void put_bytes(cx_cache_key_buf *buf, const char *bytes, size_t n)
{
	put_int64(buf, (int64_t)n);
	put(buf, bytes, n);
}

/* NULL is not "". */
static void put_text(cx_cache_key_buf *buf, const char *text)
{
	if (text)
		put_bytes(buf, text, strlen(text));
	else
		put_int64(buf, -1);
}

static void put_type(cx_cache_key_buf *buf, cdbc_type type)
{
	int32_t parts[] = {(int32_t)type.id, type.is_array, type.precision, type.scale};

	put(buf, parts, sizeof parts);
}

static void put_value(cx_cache_key_buf *buf, const cdbc_value *value)
{
	char kind = (char)value->kind;

	put(buf, &kind, 1);
	put_type(buf, value->type);
	switch (value->kind) {
	case CDBC_VALUE_NULL:
		break;
	case CDBC_VALUE_BOOL:
		put(buf, &value->as.boolean, 1);
		break;
	case CDBC_VALUE_INT64:
		put_int64(buf, value->as.int64);
		break;
	case CDBC_VALUE_DOUBLE: /* its bits: -0 is not 0, and a NaN is itself */
		put(buf, &value->as.float64, sizeof value->as.float64);
		break;
	case CDBC_VALUE_TEXT:
	case CDBC_VALUE_BYTES:
		put_bytes(buf, value->as.text.data, value->as.text.length);
		break;
	case CDBC_VALUE_ARRAY:
		put_int64(buf, (int64_t)value->as.array.count);
		for (size_t i = 0; i < value->as.array.count && !buf->has_failed; i++)
			put_value(buf, &value->as.array.items[i]);
		break;
	default:
		buf->has_failed = true;
	}
}

static int compare_roles(const void *a, const void *b)
{
	const cdbc_text *x = a, *y = b;
	int order = memcmp(x->data, y->data, x->length < y->length ? x->length : y->length);

	return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* In an order of their own, whatever the caller's. */
static void put_roles(cx_cache_key_buf *buf, const cx_identity *identity)
{
	cdbc_text few[ROLES_FEW], *roles = few;
	size_t count = identity->role_count;

	put_int64(buf, identity->has_roles ? (int64_t)count : -1);
	if (count > ROLES_FEW)
		roles = cx_calloc(count, sizeof *roles);
	if (!roles) {
		buf->has_failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		roles[i] = identity->roles[i].as.text;
	if (count > 1)
		qsort(roles, count, sizeof *roles, compare_roles);
	for (size_t i = 0; i < count; i++)
		put_bytes(buf, roles[i].data, roles[i].length);
	if (roles != few)
		cx_free(roles);
}

/* The query as this generation of its file has it. */
static void put_query(cx_cache_key_buf *buf, const cdbc_call *call)
{
	const cx_query *query = call->query;

	put_bytes(buf, call->statement->sql, call->statement->sql_length);
	put_int64(buf, query->cache_ms);
	put_text(buf, query->isolation);
	put_text(buf, query->priority);
	put_int64(buf, query->is_read_only);
	put_int64(buf, (int64_t)query->column_count);
	for (size_t i = 0; i < query->column_count; i++) {
		put_text(buf, query->columns[i].name);
		put_type(buf, query->columns[i].type);
	}
}

/* Who asks, and on what kind of connection. The dialect is the client's, and in the SQL. */
static void put_session(cx_cache_key_buf *buf, const cdbc_session *session)
{
	put_text(buf, session->identity.user);
	put_roles(buf, &session->identity);
	put_int64(buf, (int64_t)session->setting_count);
	for (size_t i = 0; i < session->setting_count; i++) {
		put_text(buf, session->settings[i].name);
		put_text(buf, session->settings[i].value);
	}
}

static void put_modes(cx_cache_key_buf *buf, const cdbc_call *call)
{
	const cdbc_request_options *options = call->options;
	int64_t modes[] = {options ? (int64_t)options->numeric : 0,
					   options ? (int64_t)options->arrays : 0, options ? options->max_rows : 0};

	put(buf, modes, sizeof modes);
}

bool cx_cache_key_make(cx_cache_key_buf *buf, const cdbc_call *call, cx_cache_key *out)
{
	size_t name_length = strlen(call->name);

	buf->data = buf->few;
	buf->length = 0;
	buf->capacity = sizeof buf->few;
	buf->has_failed = false;
	put(buf, call->name, name_length + 1);
	if (!buf->has_failed)
		for (size_t i = 0; i < name_length; i++)
			if (buf->data[i] == '-')
				buf->data[i] = '_';
	put_query(buf, call);
	put_modes(buf, call);
	put_session(buf, call->session);
	put_int64(buf, (int64_t)call->statement->param_count);
	for (size_t i = 0; i < call->statement->param_count && !buf->has_failed; i++)
		put_value(buf, &call->values[i]);
	*out = (cx_cache_key){buf->data, buf->length, 0};
	if (__builtin_mul_overflow(call->query->cache_ms, CX_NS_PER_MS, &out->ttl_ns))
		out->ttl_ns = INT64_MAX;
	return !buf->has_failed;
}

void cx_cache_key_free(cx_cache_key_buf *buf)
{
	if (buf->data != buf->few)
		cx_free(buf->data);
}
