// SPDX-License-Identifier: Apache-2.0
/* A copy into a table, inside: what its interface (copy.c), its rows (rows.c) and its SQL
 * (sql.c) share. */
#ifndef CX_COPY_H
#define CX_COPY_H

#include "data/exec/copy.h"
#include "data/format/row_block.h"
#include "service/copy/sql.h"
#include "service/session.h"

#include <cdbc/copy.h>

/* Where the rows of a COPY stand in the input: a turn where a row is not a line after the one
 * before. */
typedef struct cx_copy_turn {
	int64_t row, line;
} cx_copy_turn;

struct cdbc_copy {
	cdbc_session *session;
	cdbc_copy_options options;
	cdbc_copy_summary summary;
	const char *source;
	char *table; /* as it was given */
	char **columns;
	size_t column_count; /* 0: all of the table */
	size_t width;        /* values a row has; 0: not known yet */
	cx_reader *reader;
	cdbc_copy_method method; /* AUTO: not known yet */
	bool is_in_chunk;        /* the transaction stands */
	bool is_own;             /* and is the copy's */
	bool is_over;
	bool is_own_chunks;  /* no transaction was open when it began */
	bool has_rows;       /* of values, not of bytes */
	int64_t sent;        /* rows of this chunk that are in, or under way */
	int64_t chunk_first; /* rows read before this chunk's first */
	int64_t byte_count;
	uint32_t cancel_count; /* the session's, when it began */
	cx_copy_run run;       /* COPY, streamed */
	cx_buf sql, out;
	cx_statement *statement; /* of what is watched, and of the rows that are no COPY */
	cx_row_block block;
	/* the table's columns, where they must be known */
	cdbc_type *types;
	char **type_names;
	cx_read_as *kinds;
	cdbc_value *values; /* of a statement */
	cdbc_value *items;  /* of its arrays */
	/* where streamed rows stand */
	cx_copy_turn *turns;
	size_t turn_count, turn_room;
	int64_t last_line;
};

int64_t cx_copy_deadline(const cdbc_copy *copy);

/* sql.c */
/* Connects, decides on the method, and writes the statement; learns the columns' types where they
 * matter. width is known. */
cdbc_status cx_copy_prepare(cdbc_copy *copy, cdbc_error **err);
/* Learns the columns' types, when they are not known. */
cdbc_status cx_copy_learn(cdbc_copy *copy, cdbc_error **err);

/* rows.c: err is not NULL, in all of these. */
/* One row of the input: skipped, sent, kept for its block, or left out. */
cdbc_status cx_copy_row(cdbc_copy *copy, const cx_record *record, cdbc_error **err);
/* A record that is no row. */
cdbc_status cx_copy_bad(cdbc_copy *copy, const cx_record *record, cdbc_error *error,
						cdbc_error **err);
/* The open chunk's end: all of it is sent, and committed when it is the copy's own. */
cdbc_status cx_copy_end_chunk(cdbc_copy *copy, cdbc_error **err);

#endif
