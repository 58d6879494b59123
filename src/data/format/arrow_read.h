// SPDX-License-Identifier: Apache-2.0
/* The schema message of Arrow's IPC stream, read: fields of the types that we have. */
#ifndef CX_ARROW_READ_H
#define CX_ARROW_READ_H

#include "base/column.h"
#include "data/format/flat_read.h"

typedef struct cx_arrow_fields {
	cx_field *items; /* names are of their own */
	size_t count;
} cx_arrow_fields;

/* Reads the Schema table at schema. CDBC_UNSUPPORTED names the column and the type that is none of
 * ours; CDBC_DATA: it is damaged. To be freed in any case. */
cdbc_status cx_arrow_fields_read(cx_arrow_fields *fields, cx_flat *flat, size_t schema,
								 cdbc_error **err);
void cx_arrow_fields_fini(cx_arrow_fields *fields);

#endif
