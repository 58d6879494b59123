// SPDX-License-Identifier: Apache-2.0
/* What the files of this room share: the check that is under way with its places in files, and the
 * descriptions that it fills or compares with. */
#ifndef CX_CHECK_H
#define CX_CHECK_H

#include "base/buf.h"
#include "service/catalog/internal.h"
#include "service/session.h"

#include <cdbc/check.h>

/* ---- Descriptions ---- */

typedef struct cx_described_column {
	const char *name;
	const char *type; /* the server's words; "" when it does not say */
} cx_described_column;

/* The columns of some of a query's statements; none: they return no rows. */
typedef struct cx_described_result {
	const char *when; /* the first of them: `"since" is absent`; "" when it is all of them */
	const cx_described_column *columns;
	size_t column_count;
} cx_described_result;

typedef struct cx_described_query {
	const char *name;
	uint64_t hash; /* cx_check_hash of it then */
	size_t variant_count;
	cx_described_column *params; /* what the server takes each to be, left to itself */
	size_t param_count, param_capacity;
	cx_described_result *results; /* none: nothing is known of its columns (a script) */
	size_t result_count, result_capacity;
	int64_t line, column; /* of the name in the file that it was read from */
} cx_described_query;

struct cdbc_descriptions {
	cx_arena arena;
	const char *file;    /* that it was read from; NULL: none */
	const char *dialect; /* "postgresql" */
	const char *server;  /* "PostgreSQL 15.18" */
	cx_described_query *queries;
	size_t count, capacity; /* sorted by name once complete */
};

/* descriptions.c */
cdbc_status cx_descriptions_new(cdbc_descriptions **out, cdbc_error **err);
/* A query of that name at the end; NULL: out of memory. Valid until the next is added. */
cx_described_query *cx_descriptions_add(cdbc_descriptions *descriptions, const char *name);
/* Adds, unless it is there already. False: out of memory. */
bool cx_described_add_param(cdbc_descriptions *descriptions, cx_described_query *query,
							const char *name, const char *type);
/* columns are copied unless the same are there already. */
bool cx_described_add_result(cdbc_descriptions *descriptions, cx_described_query *query,
							 const char *when, const cx_described_column *columns, size_t count);
void cx_descriptions_sort(cdbc_descriptions *descriptions);
/* NULL when there is none. After cx_descriptions_sort. */
cx_described_query *cx_descriptions_find(const cdbc_descriptions *descriptions, const char *name);
/* The type of a parameter, or NULL. */
const char *cx_described_param_type(const cx_described_query *query, const char *name);

/* ---- A check under way: report.c ---- */

typedef enum cx_severity { CX_NOTE, CX_WARNING, CX_ERROR } cx_severity;

/* Something that is wrong with a query, to be reported when all of its statements were seen. */
typedef struct cx_finding {
	cx_severity severity;
	cx_place place;
	const char *rung; /* static */
	const char *code;
	const char *hint;
	const char *message;
	const char *when; /* the first statement of which it is true */
	size_t count;     /* of how many it is */
} cx_finding;

typedef struct cx_check {
	const cdbc_catalog *catalog;
	cdbc_check_options options;
	void (*report)(void *data, const cdbc_diagnostic *diagnostic);
	void *data;
	cdbc_error **err;
	size_t error_count;
	const char *rung;
	const cx_record *record; /* the query that is looked at */
	const char *file;        /* whose text is there; NULL: none */
	cx_buf text;
	cx_arena arena; /* of what was found */
	cx_finding *found;
	size_t found_count, found_capacity;
} cx_check;

void cx_check_init(cx_check *check, const cdbc_catalog *catalog, const cdbc_check_options *options,
				   void (*report)(void *data, const cdbc_diagnostic *diagnostic), void *data,
				   cdbc_error **err);
void cx_check_fini(cx_check *check);
/* The next query. */
void cx_check_query(cx_check *check, const cx_record *record);
/* Notes that something is wrong. when tells of which of the query's statements it is true, "" for
 * all; code and hint may be NULL. Fails with CDBC_NOMEM only. */
cdbc_status cx_check_tell(cx_check *check, cx_severity severity, cx_place place, const char *code,
						  const char *hint, const char *when, const char *format, ...)
	CDBC_PRINTF(7, 8);
/* Reports what was found of the query, by place; what is true of all of its statements says nothing
 * of when. Fails with CDBC_NOMEM only. */
cdbc_status cx_check_flush(cx_check *check);
/* Reports an error at a line and column of another file. */
void cx_check_tell_file(cx_check *check, const char *file, int64_t line, int64_t column,
						const char *hint, const char *format, ...) CDBC_PRINTF(6, 7);
/* The place of the query's `column:` line of that name. */
cx_place cx_check_column_place(cx_check *check, const char *name);
/* A file as a whole. Fails with CDBC_IO, CDBC_NOMEM. */
cdbc_status cx_check_read(const char *path, cx_buf *out, cdbc_error **err);

/* ---- A statement as it is sent, and where it comes from: origin.c ---- */

typedef struct cx_check_statement {
	const char *sql; /* NUL terminated */
	size_t length;
	const cx_statement *statement; /* NULL: a piece of a script */
	cdbc_statement_kind kind;
	size_t base;           /* of a piece: where it begins in the query's SQL */
	const uint8_t *states; /* of a variant's switches; NULL: the query is one statement */
	const char *when;      /* "" */
	const cx_dialect *dialect;
} cx_check_statement;

/* The place in the file of a byte of the SQL that is sent. Fails with CDBC_NOMEM. */
cdbc_status cx_check_origin(const cx_check *check, const cx_check_statement *statement,
							size_t offset, cx_place *out);
/* A hash of what a description depends on: the SQL, and the types of its parameters. */
uint64_t cx_check_hash(const cx_record *record);

/* ---- judge.c: what a description says against the headers ---- */
cdbc_status cx_check_judge(cx_check *check, const cx_described_query *query);
/* Whether a declared type can be what the server says; "" and unknown words can. */
bool cx_check_types_agree(cdbc_type declared, const char *said);

/* ---- plan.c: rung 4 of one statement that the server has accepted ---- */
cdbc_status cx_check_plan(cx_check *check, cdbc_session *session,
						  const cx_check_statement *statement, const cx_described_query *query);

#endif
