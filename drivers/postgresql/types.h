// SPDX-License-Identifier: Apache-2.0
/* PostgreSQL's and CockroachDB's types: what columns their OIDs become, how their values are read
 * from both wire formats, and how parameters are written. Knows nothing of connections; the one
 * thing of libpq here is the PGresult that rows are read from. */
#ifndef CX_PG_TYPES_H
#define CX_PG_TYPES_H

#include "base/buf.h"
#include "base/column.h"

#include <cdbc/driver.h>
#include <libpq-fe.h>

/* ---- The type table
 * ----------------------------------------------------------------------------------------- */

/* Room for the words of any type, with its NUL: `timestamptz(3)[]`. */
#define CX_PG_WORDS_MAX 64

/* What a type is to us; an OID that we do not know is CDBC_TYPE_OTHER. typmod -1: none. */
cdbc_type cx_pg_type_of(Oid oid, int typmod);
/* The OID to declare a parameter with; 0 leaves it to the server. */
Oid cx_pg_oid_of(cdbc_type type);
/* The type's words, `numeric(10,2)`, `int8[]`, in buf or in static storage; `other` for an OID that
 * we do not know. */
const char *cx_pg_type_words(Oid oid, int typmod, char *buf, size_t size);

/* Describes a result column. name is kept, words (CX_PG_WORDS_MAX bytes) too when the type's words
 * need building: both must live as long as *out is used. *has_binary: we read this type's binary
 * format, so that with true for all columns the result may be binary. Round trips: none. Cannot
 * fail for lack of memory. */
cdbc_status cx_pg_field(Oid oid, int typmod, const char *name, cdbc_numeric_mode numeric,
						cdbc_arrays_mode arrays, char words[CX_PG_WORDS_MAX], cx_field *out,
						bool *has_binary);

/* ---- Reading rows
 * ------------------------------------------------------------------------------------------- */

/* How one column is read; made once a statement. */
typedef struct cx_pg_decoder {
	uint8_t fast; /* what cx_pg_decode_row switches on */
	uint8_t kind; /* of the value, of the items for a list */
	bool is_list;
	bool is_binary;
	bool checks_utf8;
	uint8_t storage; /* cx_storage of the value, of the item for a list */
	int16_t precision;
	int16_t scale;
	const char *name; /* for messages; borrowed from the field */
	const char *sql_type;
} cx_pg_decoder;

/* field is what cx_pg_field made of the same OID. is_binary: the result's format. checks_utf8: the
 * server does not promise valid UTF-8 (its server_encoding is SQL_ASCII), so text is checked and
 * refused. */
void cx_pg_decoder_init(cx_pg_decoder *decoder, Oid oid, const cx_field *field, bool is_binary,
						bool checks_utf8);

/* Appends row `row` of res to the batch; row_number, from 1, is for messages. On failure the batch
 * is as before (when its memory did not run out). CDBC_DATA: a value that the column cannot hold
 * exactly (the hint names the option), or malformed; CDBC_NOMEM; CDBC_RESOURCE: a batch's column
 * over 2 GiB. */
cdbc_status cx_pg_decode_row(const cx_pg_decoder *decoders, size_t columns, const PGresult *res,
							 int row, cx_batch *batch, int64_t row_number, cdbc_error **err);

/* ---- Writing parameters
 * ------------------------------------------------------------------------------------- */

typedef enum cx_pg_place {
	CX_PG_NULL,
	CX_PG_FIXED,    /* in the parameter itself */
	CX_PG_BORROWED, /* in the value */
	CX_PG_SCRATCH   /* at an offset of the scratch buffer, which may still move */
} cx_pg_place;

typedef struct cx_pg_param {
	cx_pg_place place;
	int length;
	int format; /* 0 text, NUL terminated; 1 binary */
	size_t offset;
	const char *borrowed;
	char fixed[16];
} cx_pg_param;

/* Makes a parameter of a value for the server's type oid; 0 (not known): as text. index, from 0, is
 * for messages: `parameter $2: 1.5 is not an int8`. out is complete only with scratch, which grows,
 * and with the value, which is borrowed. Takes no memory for numbers, bool and text. CDBC_PARAM,
 * CDBC_NOMEM, CDBC_RESOURCE (scratch is full). */
cdbc_status cx_pg_encode(const cdbc_value *value, Oid oid, cx_pg_param *out, cx_buf *scratch,
						 size_t index, cdbc_error **err);

/* The bytes for PQsendQueryParams, once every parameter was encoded and param will not move; NULL
 * for NULL. */
static inline const char *cx_pg_param_data(const cx_pg_param *param, const cx_buf *scratch)
{
	switch (param->place) {
	case CX_PG_FIXED:
		return param->fixed;
	case CX_PG_BORROWED:
		return param->borrowed;
	case CX_PG_SCRATCH:
		return scratch->data + param->offset;
	default:
		return NULL;
	}
}

#endif
