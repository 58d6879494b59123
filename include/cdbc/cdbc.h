// SPDX-License-Identifier: Apache-2.0
/* Everything at once. */
#ifndef CDBC_CDBC_H
#define CDBC_CDBC_H

#include <cdbc/arrow.h>
#include <cdbc/base.h>
#include <cdbc/batch.h>
#include <cdbc/catalog.h>
#include <cdbc/check.h>
#include <cdbc/client.h>
#include <cdbc/config.h>
#include <cdbc/copy.h>
#include <cdbc/dialect.h>
#include <cdbc/driver.h>
#include <cdbc/error.h>
#include <cdbc/event.h>
#include <cdbc/format.h>
#include <cdbc/resolver.h>
#include <cdbc/result.h>
#include <cdbc/session.h>
#include <cdbc/sql.h>
#include <cdbc/stats.h>
#include <cdbc/strategy.h>
#include <cdbc/transaction.h>
#include <cdbc/value.h>

#endif
