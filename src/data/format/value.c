// SPDX-License-Identifier: Apache-2.0
/* One value for a format that is not ours. */
#include "base/error.h"
#include "data/result/print.h"

#include <cdbc/format.h>

#define VALUE_MAX ((size_t)8 << 30)

cdbc_status cdbc_format_print(const struct ArrowSchema *column, const struct ArrowArray *values,
							  int64_t row, bool is_json, const cdbc_sink *sink, cdbc_error **err)
{
	cx_buf out = CX_BUF_INIT(VALUE_MAX);
	cdbc_status status;
	cx_field field;

	if (!cx_field_of_schema(column, &field))
		return cx_error_set(err, CDBC_UNSUPPORTED, "column \"%s\" has the Arrow format \"%s\"",
							column->name, column->format);
	(is_json ? cx_print_json : cx_print_text)(&out, &field, values, row + values->offset);
	status = cx_buf_status(&out, "a value", err);
	if (!status && out.length)
		status = sink->write(sink->self, out.data, out.length, err);
	cx_buf_free(&out);
	return status;
}
