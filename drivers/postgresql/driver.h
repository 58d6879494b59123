// SPDX-License-Identifier: Apache-2.0
/* The driver for PostgreSQL and CockroachDB, by libpq. Only the driver table needs this. */
#ifndef CX_PG_DRIVER_H
#define CX_PG_DRIVER_H

#include <cdbc/driver.h>

extern const cdbc_driver cx_driver_postgresql;

#endif
