// SPDX-License-Identifier: Apache-2.0
/* The bounded buffer. Formats numbers and text only as far as a byte buffer must. */
#include "base/buf.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

void cx_buf_init(cx_buf *buf, size_t max_bytes)
{
	*buf = (cx_buf)CX_BUF_INIT(max_bytes);
}

void cx_buf_free(cx_buf *buf)
{
	cx_free(buf->data);
	cx_buf_init(buf, buf->max);
}

bool cx_buf_reserve_slow(cx_buf *buf, size_t n)
{
	size_t need, capacity;
	char *grown;

	if (buf->is_nomem || buf->is_over)
		return false;
	if (__builtin_add_overflow(buf->length, n, &need) || need > buf->max) {
		buf->is_over = true;
		return false;
	}
	if (buf->data && need < buf->capacity)
		return true;
	capacity = buf->capacity ? buf->capacity : 64;
	while (capacity <= need)
		if (__builtin_mul_overflow(capacity, (size_t)2, &capacity))
			capacity = need + 1;
	if (capacity - 1 > buf->max) /* so that cx_buf_reserve need not look at max */
		capacity = buf->max + 1;
	grown = cx_realloc(buf->data, capacity);
	if (!grown) {
		buf->is_nomem = true;
		return false;
	}
	buf->data = grown;
	buf->capacity = capacity;
	buf->data[buf->length] = '\0';
	return true;
}

void cx_buf_putf(cx_buf *buf, const char *format, ...)
{
	va_list args;
	char small[256];
	int n;

	va_start(args, format);
	n = vsnprintf(small, sizeof small, format, args);
	va_end(args);
	if (n < 0) {
		buf->is_over = true;
		return;
	}
	if ((size_t)n < sizeof small) {
		cx_buf_put(buf, small, (size_t)n);
		return;
	}
	if (!cx_buf_reserve(buf, (size_t)n))
		return;
	va_start(args, format);
	vsnprintf(buf->data + buf->length, (size_t)n + 1, format, args);
	va_end(args);
	buf->length += (size_t)n;
}

void cx_buf_put_int64(cx_buf *buf, int64_t number)
{
	char text[24];
	char *p = text + sizeof text;
	uint64_t u = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (number < 0)
		*--p = '-';
	cx_buf_put(buf, p, (size_t)(text + sizeof text - p));
}

cdbc_status cx_buf_status(const cx_buf *buf, const char *what, cdbc_error **err)
{
	if (buf->is_nomem)
		return cx_error_nomem(err);
	if (buf->is_over)
		return cx_error_set(err, CDBC_RESOURCE, "%s is longer than %zu bytes", what, buf->max);
	return CDBC_OK;
}

char *cx_buf_take(cx_buf *buf)
{
	char *data;

	if (!buf->data)
		cx_buf_reserve(buf, 0);
	if (buf->is_nomem || buf->is_over) {
		cx_buf_free(buf);
		return NULL;
	}
	data = buf->data;
	cx_buf_init(buf, buf->max);
	return data;
}
