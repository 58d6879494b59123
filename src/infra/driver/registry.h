// SPDX-License-Identifier: Apache-2.0
/* The table of drivers of the process: built-in ones, those added and those loaded; chosen by URL
 * scheme. */
#ifndef CX_DRIVER_REGISTRY_H
#define CX_DRIVER_REGISTRY_H

#include "base/helpers.h"

#include <cdbc/driver.h>

/* Finds the driver for a scheme ("postgresql"). CDBC_CONFIG with the known schemes in the hint when
 * there is none. */
cdbc_status cx_driver_find(const char *scheme, const cdbc_driver **out, cdbc_error **err);

/* Fills in the host table that drivers get in their settings; helpers may be NULL (run_blocking
 * then runs on the caller's thread). */
void cx_driver_host_init(cdbc_driver_host *host, cx_helpers *helpers);

/* The host table that shared objects get once, when they are loaded; lives for good. Its
 * run_blocking runs on the caller's thread. */
const cdbc_driver_host *cx_driver_host_of_plugins(void);

/* Tests only, with no other thread inside: forgets the drivers that were added. */
void cx_driver_forget_added(void);

#endif
