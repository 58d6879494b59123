// SPDX-License-Identifier: Apache-2.0
/* Names that no two columns share, for formats where a name is a key. */
#ifndef CX_NAMES_H
#define CX_NAMES_H

#include "base/column.h"

/* The fields' names; the first column of a name keeps it, the next ones get _2, _3 and so on, past
 * any that a column has already. */
cdbc_status cx_names_make(const cx_field *fields, size_t count, char ***out, cdbc_error **err);
/* Takes NULL. */
void cx_names_free(char **names, size_t count);

#endif
