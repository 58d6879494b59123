// SPDX-License-Identifier: Apache-2.0
/* What the readers share: one struct for those of lines, and the values of a row. */
#ifndef CX_READER_INTERNAL_H
#define CX_READER_INTERNAL_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "data/format/reader.h"

/* A reader's own functions. feed and end NULL: it is one of lines, and record is called for each.
 */
typedef struct cx_reader_class {
	const char *name;
	bool has_quotes; /* a line end inside quotes is none */
	cdbc_status (*record)(cx_reader *reader, const char *text, size_t length, cdbc_error **err);
	cdbc_status (*open)(cx_reader *reader, cdbc_error **err); /* NULL: nothing to do */
	cdbc_status (*feed)(cx_reader *reader, const char *bytes, size_t length, cdbc_error **err);
	cdbc_status (*end)(cx_reader *reader, cdbc_error **err);
	void (*fini)(cx_reader *reader); /* NULL: nothing to do */
} cx_reader_class;

extern const cx_reader_class cx_reader_csv, cx_reader_tsv, cx_reader_ndjson, cx_reader_arrow;

struct cx_reader {
	const cx_reader_class *own;
	cx_reader_sink sink;
	cx_reader_options options;
	bool has_names; /* they were read, or there are none */
	cdbc_value *values;
	size_t value_count, value_room;
	cx_buf text;        /* values that do not stand in the input as they are */
	cx_buf carry;       /* a record whose end has not come */
	int64_t line;       /* of the record that comes */
	size_t mark_length; /* bytes of the mark of UTF-8 that have come */
	bool has_begun;     /* text came behind it, or instead of it */
	bool is_handed; /* the present record was the sink's: what fails then is the sink's failure */
	bool is_quoted; /* what is carried over ends inside quotes */
	void *state;    /* of one that is not of lines, or needs more */
};

/* Adds a value to the row. */
cdbc_status cx_reader_value(cx_reader *reader, cdbc_value value, cdbc_error **err);
/* The row is whole: the names, or a row for the sink. */
cdbc_status cx_reader_row(cx_reader *reader, const char *raw, size_t length, cdbc_error **err);
/* CDBC_DATA at a place of the record that begins at from. */
cdbc_status cx_reader_bad(const cx_reader *reader, const char *from, const char *at,
						  cdbc_error **err, const char *format, ...) CDBC_PRINTF(5, 6);

#endif
