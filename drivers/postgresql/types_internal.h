// SPDX-License-Identifier: Apache-2.0
/* What the files types*.c share: the table's rows, reading one value, big-endian numbers. Not for
 * the rest of the driver. */
#ifndef CX_PG_TYPES_INTERNAL_H
#define CX_PG_TYPES_INTERNAL_H

#include "types.h"

#include <endian.h>
#include <string.h>

/* How values of a type are read and written. */
typedef enum pg_kind {
	PG_OTHER, /* as its text; its binary format is not ours */
	PG_TEXT,  /* its bytes are its text in both formats */
	PG_BOOL,
	PG_INT2,
	PG_INT4,
	PG_INT8,
	PG_FLOAT4,
	PG_FLOAT8,
	PG_NUMERIC,
	PG_JSONB,
	PG_BYTEA,
	PG_DATE,
	PG_TIME,
	PG_TIMESTAMP,
	PG_INTERVAL,
	PG_UUID,
	PG_CHAR, /* "char": one byte */
	PG_OID
} pg_kind;

enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_OID = 26,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_BPCHAR = 1042,
	OID_VARCHAR = 1043,
	OID_DATE = 1082,
	OID_TIME = 1083,
	OID_TIMESTAMP = 1114,
	OID_TIMESTAMPTZ = 1184,
	OID_INTERVAL = 1186,
	OID_TIMETZ = 1266,
	OID_BIT = 1560,
	OID_VARBIT = 1562,
	OID_NUMERIC = 1700,
	OID_UUID = 2950,
	OID_JSONB = 3802
};

typedef struct pg_type {
	Oid oid;
	Oid array; /* 0: its arrays are not ours */
	uint8_t kind;
	uint8_t id; /* cdbc_type_id */
	const char *name;
} pg_type;

/* The table's row of a type or of an array of it; NULL: not known. */
const pg_type *cx_pg_type_find(Oid oid, bool *is_array);

/* Why a value could not be read. */
typedef enum pg_fault {
	PG_FINE,
	PG_MALFORMED,
	PG_RANGE,      /* the column's type cannot hold it */
	PG_ENCODING,   /* not valid UTF-8 */
	PG_DIMENSIONS, /* an array of several */
	PG_BOUNDS,     /* an array that does not begin at 1 */
	PG_NOMEM
} pg_fault;

/* A value that was read: bytes points at it, into fixed, the row or memory of the cell's own. */
typedef struct pg_cell {
	const char *bytes;
	size_t length;
	union {
		char bytes[16];
		bool boolean;
		int16_t int16;
		int32_t int32;
		int64_t int64;
		float float32;
		double float64;
	} fixed;
	char small[256];
	char *own; /* when small was too small; freed by pg_cell_free */
} pg_cell;

/* Room for n bytes that lives as long as the cell; NULL when out of memory. Ends the room given
 * before. */
char *cx_pg_cell_room(pg_cell *cell, size_t n);
void cx_pg_cell_free(pg_cell *cell);

/* Reads one value, not a list, of the decoder's kind into the layout of its storage. cell->own must
 * be NULL or of an earlier read. */
pg_fault cx_pg_read(const cx_pg_decoder *decoder, const char *bytes, size_t length, pg_cell *cell);
/* The text of a binary numeric; gives bytes and length. */
pg_fault cx_pg_numeric_text(const char *bytes, size_t length, pg_cell *cell);
pg_fault cx_pg_read_numeric(const cx_pg_decoder *decoder, const char *bytes, size_t length,
							pg_cell *cell);

/* Appends an array as the list of the row being filled. *bad: the item that is at fault, for the
 * message; its bytes may end with the cell. */
pg_fault cx_pg_read_list(const cx_pg_decoder *decoder, const char *bytes, size_t length,
						 cx_batch *batch, size_t column, pg_cell *cell, cdbc_text *bad);

/* ---- big-endian
 * --------------------------------------------------------------------------------------------- */

static inline uint16_t pg_get16(const char *bytes)
{
	uint16_t n;

	memcpy(&n, bytes, sizeof n);
	return be16toh(n);
}

static inline uint32_t pg_get32(const char *bytes)
{
	uint32_t n;

	memcpy(&n, bytes, sizeof n);
	return be32toh(n);
}

static inline uint64_t pg_get64(const char *bytes)
{
	uint64_t n;

	memcpy(&n, bytes, sizeof n);
	return be64toh(n);
}

static inline float pg_get_float(const char *bytes)
{
	uint32_t bits = pg_get32(bytes);
	float number;

	memcpy(&number, &bits, sizeof number);
	return __builtin_isnan(number) ? __builtin_nanf("") : number;
}

static inline double pg_get_double(const char *bytes)
{
	uint64_t bits = pg_get64(bytes);
	double number;

	memcpy(&number, &bits, sizeof number);
	return __builtin_isnan(number) ? __builtin_nan("") : number;
}

/* PostgreSQL counts from 2000-01-01. */
#define PG_EPOCH_DAYS 10957
#define PG_EPOCH_US   INT64_C(946684800000000)

/* False: infinite, or not in Arrow's range. */
static inline bool pg_is_usual_timestamp(int64_t us)
{
	return us > INT64_MIN && us < INT64_MAX - PG_EPOCH_US;
}

#endif
