// SPDX-License-Identifier: Apache-2.0
/* Readers: bytes of a format, in pieces that end anywhere, become rows of values. The reverse of a
 * format's writer; knows no database. */
#ifndef CX_READER_H
#define CX_READER_H

#include "base/buf.h"

#include <cdbc/value.h>

/* A record longer than this is refused. */
#define CX_READER_RECORD_MAX ((size_t)64 << 20)

/* Takes a row; line is where it begins, from 1. Values are borrowed for the call. */
typedef cdbc_status (*cx_reader_row)(void *self, const cdbc_value *values, size_t count,
									 int64_t line, cdbc_error **err);

typedef struct cx_csv_reader {
	cx_reader_row row;
	void *self;
	cx_buf carry; /* a record whose end has not come */
	cx_buf text;  /* values out of quotes */
	cdbc_value *values;
	size_t value_room;
	int64_t line; /* of the record that comes */
	bool has_begun;
	bool is_quoted; /* what is carried over ends inside quotes */
} cx_csv_reader;

void cx_csv_reader_init(cx_csv_reader *reader, cx_reader_row row, void *self);
/* Hands over every record that is whole. CDBC_DATA: it is no CSV; CDBC_RESOURCE, CDBC_NOMEM, and as
 * row does. A failure ends it. */
cdbc_status cx_csv_reader_feed(cx_csv_reader *reader, const char *bytes, size_t length,
							   cdbc_error **err);
/* The end: a last record may lack its line end. */
cdbc_status cx_csv_reader_end(cx_csv_reader *reader, cdbc_error **err);
void cx_csv_reader_fini(cx_csv_reader *reader);

#endif
