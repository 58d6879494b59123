// SPDX-License-Identifier: Apache-2.0
/* The upper rungs of checking named queries: what a database says of them, now or when it was last
 * asked. Nothing here executes a query. */
#ifndef CDBC_CHECK_H
#define CDBC_CHECK_H

#include <cdbc/catalog.h>
#include <cdbc/client.h>
#include <cdbc/error.h>

CDBC_BEGIN

/* What a server said of each query: its parameters' and columns' types. Never changed once made;
 * any thread. */
typedef struct cdbc_descriptions cdbc_descriptions;

typedef struct cdbc_check_options {
	size_t struct_size;
	int64_t timeout_ms; /* of each request; 0: the configuration's database.timeout */
	bool with_plans;    /* look at the plans too: full scans, missing indexes */
	int64_t large_rows; /* a table of so many rows is large; 0: every table is */
	bool is_strict;     /* warnings are errors */
} cdbc_check_options;

#define CDBC_CHECK_LARGE_ROWS 10000
#define CDBC_CHECK_OPTIONS_INIT                                            \
	{                                                                      \
		sizeof(cdbc_check_options), 0, false, CDBC_CHECK_LARGE_ROWS, false \
	}

/* Has the client's database describe every statement that each of its queries may become there, and
 * compares the answers with the queries' headers. What is wrong is reported, in the order of the
 * files; *error_count is the number of errors. out, if not NULL, gets the answers. options NULL:
 * the defaults. Holds one connection. Any thread. Fails when there is no connection or it is lost
 * (as a request of a session does), and with CDBC_UNSUPPORTED (the driver describes nothing),
 * CDBC_NOMEM. Round trips: one or two a statement; with plans about ten. */
CDBC_API CDBC_MUSTCHECK cdbc_status
cdbc_client_check(cdbc_client *client, const cdbc_check_options *options,
				  void (*report)(void *data, const cdbc_diagnostic *diagnostic), void *data,
				  size_t *error_count, cdbc_descriptions **out, cdbc_error **err);

/* The same without a database, from what one said before. A query that it said nothing of, that was
 * changed since, or that is no longer there is an error. Any thread. Fails with CDBC_NOMEM. Round
 * trips: none. */
CDBC_API CDBC_MUSTCHECK cdbc_status
cdbc_catalog_check_against(const cdbc_catalog *catalog, const cdbc_descriptions *descriptions,
						   const cdbc_check_options *options,
						   void (*report)(void *data, const cdbc_diagnostic *diagnostic),
						   void *data, size_t *error_count, cdbc_error **err);

/* Reads what cdbc_descriptions_export wrote. Fails with CDBC_CONFIG (not such a file;
 * file:line:column in the message), CDBC_IO, CDBC_NOMEM. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_descriptions_load(const char *path,
														   cdbc_descriptions **out,
														   cdbc_error **err);
/* Writes them as JSON, sorted by name, a line for each parameter and column, so that changes can be
 * read and merged. The file appears when it is complete. Fails with CDBC_IO, CDBC_NOMEM. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_descriptions_export(const cdbc_descriptions *descriptions,
															 const char *path, cdbc_error **err);
CDBC_API void cdbc_descriptions_free(cdbc_descriptions *descriptions); /* takes NULL */

CDBC_END
#endif
