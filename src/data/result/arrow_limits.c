// SPDX-License-Identifier: Apache-2.0
/* What our columns can hold and Arrow cannot: refused when rows leave as Arrow, and nowhere else.
 */
#include "data/result/arrow_limits.h"

#include "base/error.h"

#define DAY_US INT64_C(86400000000)

cdbc_status cx_arrow_limits(const cx_field *fields, size_t count, const struct ArrowArray *batch,
							int64_t rows_before, cdbc_error **err)
{
	for (size_t i = 0; i < count; i++) {
		const struct ArrowArray *column = batch->children[i];
		const int64_t *values = column->buffers[1];

		if (fields[i].storage != CX_TIME64)
			continue;
		for (int64_t row = 0; row < batch->length; row++) {
			if (values[batch->offset + column->offset + row] < DAY_US)
				continue;
			cx_error_set(err, CDBC_DATA,
						 "row %lld, column \"%s\": 24:00 has no place in Arrow's time of day",
						 (long long)(rows_before + row + 1), fields[i].name);
			cx_error_hint(err, "cast the column to text, or take another format");
			return CDBC_DATA;
		}
	}
	return CDBC_OK;
}
