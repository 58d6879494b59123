// SPDX-License-Identifier: Apache-2.0
/* Writing a file of queries into a folder. */
#ifndef CX_CATALOG_SAVE_H
#define CX_CATALOG_SAVE_H

#include <cdbc/catalog.h>

/* As cdbc_catalog_save_text, of a text that was checked. */
cdbc_status cx_sqlfiles_save(const char *folder, const char *file, const char *text, size_t length,
							 uint32_t flags, cdbc_error **err);

#endif
