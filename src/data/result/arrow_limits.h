// SPDX-License-Identifier: Apache-2.0
/* The check of a batch before it leaves as Arrow. */
#ifndef CX_ARROW_LIMITS_H
#define CX_ARROW_LIMITS_H

#include "base/column.h"

/* CDBC_DATA naming row (counted after rows_before) and column when a value is outside what Arrow
 * defines for its type. */
cdbc_status cx_arrow_limits(const cx_field *fields, size_t count, const struct ArrowArray *batch,
							int64_t rows_before, cdbc_error **err);

#endif
