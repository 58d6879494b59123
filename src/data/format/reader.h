// SPDX-License-Identifier: Apache-2.0
/* Readers: bytes of a format, in pieces that end anywhere, become rows of values. The reverse of a
 * format's writer; knows no database. */
#ifndef CX_READER_H
#define CX_READER_H

#include <cdbc/error.h>
#include <cdbc/value.h>

/* A record longer than this is refused, as is a batch of Arrow's. */
#define CX_READER_RECORD_MAX ((size_t)64 << 20)
#define CX_READER_BATCH_MAX  ((size_t)256 << 20)
#define CX_READER_COLUMN_MAX 10000

/* A row. All is borrowed for the call. */
typedef struct cx_record {
	const cdbc_value *values;
	size_t count;
	int64_t line;    /* where it begins, from 1; 0: the format has no lines */
	const char *raw; /* its bytes as they stand, without the line end; NULL: they are no text */
	size_t raw_length;
} cx_record;

/* How a column's JSON is to be understood. */
typedef enum cx_read_as {
	CX_READ_PLAIN,      /* a string is its text, what is no scalar its JSON */
	CX_READ_JSON,       /* everything but null is its JSON */
	CX_READ_ARRAY,      /* an array is PostgreSQL's {...} */
	CX_READ_ARRAY_JSON, /* the same, each item its JSON */
} cx_read_as;

/* Who takes the rows. */
typedef struct cx_reader_sink {
	/* The names of the columns, once and before the first row, where the input tells any. */
	cdbc_status (*names)(void *self, const cdbc_text *names, size_t count, cdbc_error **err);
	/* How each column is to be read: asked after names, by formats whose values have kinds of
	 * their own. *count 0: all plain. */
	cdbc_status (*kinds)(void *self, const cx_read_as **kinds, size_t *count, cdbc_error **err);
	cdbc_status (*row)(void *self, const cx_record *record, cdbc_error **err);
	/* A record that cannot be read, and its error (with line and column), which is the sink's from
	 * here on. CDBC_OK: it is passed over. */
	cdbc_status (*bad)(void *self, const cx_record *record, cdbc_error *error, cdbc_error **err);
	void *self;
} cx_reader_sink;

typedef struct cx_reader_options {
	bool has_header;          /* csv, tsv: the first line is names */
	const char *const *names; /* ndjson: the columns; NULL: the keys of the first object */
	size_t name_count;
} cx_reader_options;

typedef struct cx_reader cx_reader;

/* The format's reader: csv, tsv, ndjson, arrow. CDBC_UNSUPPORTED: it has none. The options are read
 * during the call, names is kept. */
cdbc_status cx_reader_open(const char *format, const cx_reader_options *options,
						   const cx_reader_sink *sink, cx_reader **out, cdbc_error **err);
/* Hands over every record that is whole. CDBC_DATA: it is none of the format, with line and column;
 * CDBC_RESOURCE, CDBC_NOMEM, and as the sink does. A failure ends it. */
cdbc_status cx_reader_feed(cx_reader *reader, const char *bytes, size_t length, cdbc_error **err);
/* The end: a last record may lack its line end. */
cdbc_status cx_reader_end(cx_reader *reader, cdbc_error **err);
void cx_reader_free(cx_reader *reader); /* takes NULL */

#endif
