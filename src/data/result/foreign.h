// SPDX-License-Identifier: Apache-2.0
/* Arrow data that somebody else made: looked at before a result reads it as its own. What cannot be
 * seen from here (how long a buffer is) is trusted. */
#ifndef CX_FOREIGN_H
#define CX_FOREIGN_H

#include "base/column.h"

/* A copy of a schema that is a struct of columns which results know. Fails with CDBC_UNSUPPORTED
 * naming the column, CDBC_NOMEM. */
cdbc_status cx_foreign_schema(const struct ArrowSchema *schema, struct ArrowSchema *out,
							  cdbc_error **err);
/* Whether a batch is one of the schema's. Fails with CDBC_DATA naming the column. */
cdbc_status cx_foreign_batch(const cx_field *fields, size_t count, const struct ArrowArray *batch,
							 cdbc_error **err);

#endif
