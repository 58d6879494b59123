// SPDX-License-Identifier: Apache-2.0
/* The embedded database. Settings:
 *   path         the file, or ":memory:" (required). Each connection to ":memory:" is a private
 * database of its own: SQLite's shared cache would bring table locks that fail at once. Whoever
 * pools such connections keeps exactly one. mode         rwc (default: made when absent), rw, ro
 *   prepared_statements   kept by each connection, 0 to 1000 (default 64)
 *   set.NAME     PRAGMA NAME = value, after our own: foreign_keys on, journal_mode WAL for files
 * (tried), trusted_schema off
 *
 * Waiting for another's lock ends by the deadline of the call (CDBC_TIMEOUT), by cancel, or at once
 * where waiting cannot help (CDBC_CONFLICT). Requests run when next_result comes to them; what
 * cursor_close finds not yet run is not run, and a CDBC_ONE_SYNC batch that was not read to its end
 * is rolled back. A transaction that SQLite itself has rolled back (a full disk, an interrupted
 * write) stays CDBC_TX_FAILED until its end; COMMIT is then answered by ROLLBACK and fails, as with
 * PostgreSQL. */
#ifndef CX_DRIVER_SQLITE_H
#define CX_DRIVER_SQLITE_H

#include <cdbc/driver.h>

extern const cdbc_driver cx_driver_sqlite;

#endif
