// SPDX-License-Identifier: Apache-2.0
/* The messages of Arrow's IPC stream, without their bodies: format/Schema.fbs and Message.fbs of
 * the specification. */
#ifndef CX_ARROW_MESSAGE_H
#define CX_ARROW_MESSAGE_H

#include "base/buf.h"
#include "base/column.h"

/* Where buffers and bodies begin: what the specification recommends, so that readers may use them
 * in place. */
#define CX_ARROW_ALIGN 64u

static inline size_t cx_arrow_padded(size_t length)
{
	return (length + CX_ARROW_ALIGN - 1) / CX_ARROW_ALIGN * CX_ARROW_ALIGN;
}

typedef struct cx_arrow_node {
	int64_t length, null_count;
} cx_arrow_node;

typedef struct cx_arrow_buffer {
	int64_t offset, length;
} cx_arrow_buffer;

/* Write a message into an empty buffer; its failure stays in the buffer. fields are the schema's.
 */
void cx_arrow_schema(cx_buf *out, const struct ArrowSchema *schema, const cx_field *fields);
void cx_arrow_batch(cx_buf *out, int64_t rows, const cx_arrow_node *nodes, size_t node_count,
					const cx_arrow_buffer *buffers, size_t buffer_count, int64_t body_length);

#endif
