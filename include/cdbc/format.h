// SPDX-License-Identifier: Apache-2.0
/* Formats: results as text or bytes, into a sink; and transformers, which change batches on their
 * way. */
#ifndef CDBC_FORMAT_H
#define CDBC_FORMAT_H

#include <cdbc/arrow.h>
#include <cdbc/error.h>
#include <cdbc/result.h>

CDBC_BEGIN

/* Where a format's bytes go. write takes all of them or fails (CDBC_IO, by cdbc_error_set). */
typedef struct cdbc_sink {
	size_t struct_size;
	cdbc_status (*write)(void *self, const void *bytes, size_t length, cdbc_error **err);
	void *self;
} cdbc_sink;

typedef struct cdbc_format_options {
	size_t struct_size;
	bool has_header;    /* csv, tsv: a first line of names */
	bool is_colored;    /* table: NULL and lines dimmed */
	int max_width;      /* table: display columns of the terminal; 0: no limit */
	int64_t table_rows; /* table: rows that are looked at for the widths */
} cdbc_format_options;

#define CDBC_FORMAT_OPTIONS_INIT                          \
	{                                                     \
		sizeof(cdbc_format_options), true, false, 0, 1000 \
	}

/* A format: begin once, batch for each batch, end once, over a sink. A failed call ends it; destroy
 * is called in any case. A writer prints its proof of completeness (the closing bracket, the end of
 * stream) in end and nowhere else. */
typedef struct cdbc_format {
	size_t struct_size;
	const char *name;       /* "csv" */
	const char *media_type; /* "text/csv; charset=utf-8" */
	bool is_binary;         /* not fit for a terminal */
	cdbc_status (*open)(const cdbc_format_options *options, const cdbc_sink *sink, void **writer,
						cdbc_error **err);
	cdbc_status (*begin)(void *writer, const struct ArrowSchema *schema, cdbc_error **err);
	cdbc_status (*batch)(void *writer, const struct ArrowArray *batch, cdbc_error **err);
	cdbc_status (*end)(void *writer, cdbc_error **err);
	void (*destroy)(void *writer);
} cdbc_format;

/* A transformer changes batches on their way from a result to a format. schema may replace *schema
 * (releasing the old one), batch may replace *batch likewise; both own what they are given, and
 * give back what the next one owns. */
typedef struct cdbc_transformer {
	size_t struct_size;
	const char *name;
	cdbc_status (*schema)(void *self, struct ArrowSchema *schema, cdbc_error **err);
	cdbc_status (*batch)(void *self, struct ArrowArray *batch, cdbc_error **err);
	void (*destroy)(void *self); /* the caller's to call; NULL: nothing to do */
	void *self;
} cdbc_transformer;

/* Finds a built-in format: table, json, ndjson, csv, tsv, markdown, arrow. NULL: there is none of
 * that name. Static storage. */
CDBC_API const cdbc_format *cdbc_format_find(const char *name);
/* Returns the built-in formats, ended by NULL. Static storage. */
CDBC_API const cdbc_format *const *cdbc_format_list(void);

/* Prints one value of a column to the sink: as csv prints it, without quotes (NULL prints nothing),
 * or as JSON on one line. For formats of an application's own. row counts from the array's own
 * offset; add a struct's. Slower than a format that knows its columns. Fails with CDBC_UNSUPPORTED
 * for a column that is none of ours, CDBC_NOMEM, and as the sink does. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_format_print(const struct ArrowSchema *column,
													  const struct ArrowArray *values, int64_t row,
													  bool is_json, const cdbc_sink *sink,
													  cdbc_error **err);

/* Writes all that is left of a result through the transformers, in their order, and the format, to
 * the sink. progress, if not NULL, is called after each batch with the rows so far. Fails as
 * cdbc_result_next, the sink, the format or a transformer does; what was written then lacks its
 * end, the result has failed, and the outcome is the statement's: it was run. */
CDBC_API CDBC_MUSTCHECK cdbc_status
cdbc_result_write(cdbc_result *result, const cdbc_format *format,
				  const cdbc_format_options *options, const cdbc_transformer *transformers,
				  size_t transformer_count, void (*progress)(void *data, int64_t row_count),
				  void *progress_data, const cdbc_sink *sink, cdbc_error **err);

/* A transformer that replaces the values of a text column by "***" and of any other by NULL, the
 * schema kept; a NULL stays NULL. All columns of the name are masked. Copies column_name. Fails
 * with CDBC_NOMEM; the transformer with CDBC_NOT_FOUND when the result has no such column. */
CDBC_API CDBC_MUSTCHECK cdbc_status cdbc_transformer_mask(const char *column_name,
														  cdbc_transformer *out, cdbc_error **err);

CDBC_END
#endif
