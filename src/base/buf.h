// SPDX-License-Identifier: Apache-2.0
/* A growing byte buffer with a maximum. Failure (out of memory, or past the maximum) is sticky:
 * write on, and check once at the end with cx_buf_status. data is always NUL terminated when not
 * NULL; the NUL does not count in length.
 *
 *     cx_buf b = CX_BUF_INIT(1 << 20);
 *     cx_buf_put(&b, "select ", 7);
 *     cx_buf_putf(&b, "%d", 1);
 *     if (cx_buf_status(&b, "statement", err)) ...
 *     cx_buf_free(&b);
 */
#ifndef CX_BUF_H
#define CX_BUF_H

#include <cdbc/error.h>
#include <string.h>

typedef struct cx_buf {
	char *data;
	size_t length;
	size_t capacity;
	size_t max;
	bool is_nomem;
	bool is_over;
} cx_buf;

#define CX_BUF_INIT(max_bytes)                \
	{                                         \
		NULL, 0, 0, (max_bytes), false, false \
	}

void cx_buf_init(cx_buf *buf, size_t max_bytes);
void cx_buf_free(cx_buf *buf);
/* Makes room for n more bytes and the NUL; false when the buffer has failed. */
bool cx_buf_reserve_slow(cx_buf *buf, size_t n);

static inline bool cx_buf_reserve(cx_buf *buf, size_t n)
{
	if (buf->capacity > buf->length && n < buf->capacity - buf->length && !buf->is_nomem &&
		!buf->is_over)
		return true;
	return cx_buf_reserve_slow(buf, n);
}

static inline void cx_buf_put(cx_buf *buf, const void *bytes, size_t n)
{
	if (!cx_buf_reserve(buf, n))
		return;
	if (n)
		memcpy(buf->data + buf->length, bytes, n);
	buf->length += n;
	buf->data[buf->length] = '\0';
}

static inline void cx_buf_putc(cx_buf *buf, char c)
{
	if (!cx_buf_reserve(buf, 1))
		return;
	buf->data[buf->length++] = c;
	buf->data[buf->length] = '\0';
}

static inline void cx_buf_puts(cx_buf *buf, const char *text)
{
	cx_buf_put(buf, text, strlen(text));
}

void cx_buf_putf(cx_buf *buf, const char *format, ...) CDBC_PRINTF(2, 3);
/* Decimal digits, faster than putf. */
void cx_buf_put_int64(cx_buf *buf, int64_t number);
/* Empties the buffer, keeps its memory, forgets a failure. */
static inline void cx_buf_clear(cx_buf *buf)
{
	buf->length = 0;
	buf->is_nomem = false;
	buf->is_over = false;
	if (buf->data)
		buf->data[0] = '\0';
}
/* CDBC_OK, CDBC_NOMEM, or CDBC_RESOURCE ("<what> is longer than N bytes"). */
cdbc_status cx_buf_status(const cx_buf *buf, const char *what, cdbc_error **err);
/* Hands the memory over (never NULL unless the buffer has failed; an empty one gives ""), leaving
 * the buffer empty. */
char *cx_buf_take(cx_buf *buf);

#endif
