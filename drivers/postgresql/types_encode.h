// SPDX-License-Identifier: Apache-2.0
/* What the two files that write parameters share. Not for the rest of the driver. */
#ifndef CX_PG_TYPES_ENCODE_H
#define CX_PG_TYPES_ENCODE_H

#include "types_internal.h"

#define CX_PG_PARAM_MAX ((size_t)1 << 30)

/* "parameter $2: 1.5 is not an int8"; returns CDBC_PARAM. */
cdbc_status cx_pg_misfit(const cdbc_value *value, Oid oid, size_t index, cdbc_error **err);
/* Refuses NUL and invalid UTF-8. */
cdbc_status cx_pg_check_text(cdbc_text text, size_t index, cdbc_error **err);

/* Numbers and bool in a type's binary form. False: not that type's, or out of its range. */
bool cx_pg_encode_binary(const cdbc_value *value, pg_kind kind, cx_pg_param *out);
/* Makes what was written to scratch from begin on the parameter. */
cdbc_status cx_pg_in_scratch(size_t begin, int format, cx_pg_param *out, cx_buf *scratch,
							 size_t index, cdbc_error **err);
/* `\x00ff`. */
void cx_pg_put_hex(cdbc_text bytes, cx_buf *out);

cdbc_status cx_pg_encode_array(const cdbc_value *value, Oid oid, cx_pg_param *out, cx_buf *scratch,
							   size_t index, cdbc_error **err);

#endif
