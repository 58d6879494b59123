// SPDX-License-Identifier: Apache-2.0
/* For tests of types: columns made of OIDs, values of either format decoded through a PGresult,
 * arrays compared and shown. */
#ifndef TEST_PG_ROWS_H
#define TEST_PG_ROWS_H

#include "base/civil.h"
#include "base/column.h"
#include "base/decimal.h"
#include "postgresql/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A column as the server describes it, and how we are to take it. */
typedef struct pg_column {
	Oid oid;
	int typmod;
	cdbc_numeric_mode numeric;
	cdbc_arrays_mode arrays;
} pg_column;

typedef struct pg_bytes {
	const char *data; /* NULL: NULL */
	int length;
} pg_bytes;

/* A result of one row. */
static inline PGresult *pg_row_of(const pg_column *columns, const pg_bytes *values, int count,
								  int format)
{
	PGresult *res = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc attributes[64];
	char name[] = "c";

	for (int i = 0; i < count; i++)
		attributes[i] = (PGresAttDesc){.name = name,
									   .format = format,
									   .typid = columns[i].oid,
									   .atttypmod = columns[i].typmod};
	PQsetResultAttrs(res, count, attributes);
	for (int i = 0; i < count; i++)
		PQsetvalue(res, 0, i, (char *)(uintptr_t)values[i].data,
				   values[i].data ? values[i].length : -1);
	return res;
}

/* Decodes a result's rows into *out, a struct array. The first row is row 1. */
static inline cdbc_status pg_decode(const pg_column *columns, int count, const PGresult *res,
									bool is_binary, bool checks_utf8, struct ArrowArray *out,
									cdbc_error **err)
{
	cx_field fields[64];
	cx_pg_decoder decoders[64];
	char words[64][CX_PG_WORDS_MAX];
	cdbc_status status = CDBC_OK;
	bool has_binary;
	cx_batch batch;

	for (int i = 0; i < count; i++) {
		status = cx_pg_field(columns[i].oid, columns[i].typmod, "c", columns[i].numeric,
							 columns[i].arrays, words[i], &fields[i], &has_binary);
		if (status)
			return status;
		cx_pg_decoder_init(&decoders[i], columns[i].oid, &fields[i], is_binary, checks_utf8);
	}
	status = cx_batch_begin(&batch, fields, (size_t)count, 2, 0, err);
	if (status)
		return status;
	for (int row = 0; !status && row < PQntuples(res); row++)
		status = cx_pg_decode_row(decoders, (size_t)count, res, row, &batch, row + 1, err);
	if (status) {
		cx_batch_discard(&batch);
		return status;
	}
	return cx_batch_finish(&batch, out, err);
}

static inline bool pg_is_valid(const struct ArrowArray *array, int64_t i)
{
	const uint8_t *bits = array->buffers[0];

	return !bits || bits[i >> 3] >> (i & 7) & 1;
}

/* Shows one value as `1.50`, `NULL`, `[a, b]`, bytes as hex. */
static inline void pg_show(const struct ArrowArray *array, cx_storage storage, cx_storage item,
						   int scale, int64_t i, char *out, size_t size)
{
	const char *data = array->buffers[1];
	const int32_t *offsets = array->buffers[1];
	int32_t interval[4];
	int64_t wide = 0;
	size_t n = 0;

	if (!pg_is_valid(array, i)) {
		snprintf(out, size, "NULL");
		return;
	}
	switch (storage) {
	case CX_BOOL:
		snprintf(out, size, "%s", data[i >> 3] >> (i & 7) & 1 ? "true" : "false");
		break;
	case CX_INT16:
		snprintf(out, size, "%d", ((const int16_t *)array->buffers[1])[i]);
		break;
	case CX_INT32:
		snprintf(out, size, "%d", ((const int32_t *)array->buffers[1])[i]);
		break;
	case CX_INT64:
		snprintf(out, size, "%lld", (long long)((const int64_t *)array->buffers[1])[i]);
		break;
	case CX_FLOAT32:
		cx_float_print(((const float *)array->buffers[1])[i], out);
		break;
	case CX_FLOAT64:
		cx_double_print(((const double *)array->buffers[1])[i], out);
		break;
	case CX_DECIMAL128:
		cx_decimal_print(data + 16 * i, scale, out);
		break;
	case CX_DATE32:
		cx_date_print(((const int32_t *)array->buffers[1])[i], out);
		break;
	case CX_TIME64:
		cx_time_print(((const int64_t *)array->buffers[1])[i], out);
		break;
	case CX_TIMESTAMP:
	case CX_TIMESTAMPTZ:
		cx_timestamp_print(((const int64_t *)array->buffers[1])[i], storage == CX_TIMESTAMPTZ,
						   false, out);
		break;
	case CX_INTERVAL:
		memcpy(interval, data + 16 * i, 16);
		memcpy(&wide, data + 16 * i + 8, 8);
		cx_interval_print_pg(interval[0], interval[1], wide, out);
		break;
	case CX_UUID:
		cx_uuid_print(data + 16 * i, out);
		break;
	case CX_BINARY:
		n = (size_t)snprintf(out, size, "\\x");
		for (int32_t k = offsets[i]; k < offsets[i + 1] && n + 3 < size; k++)
			n += (size_t)snprintf(out + n, size - n, "%02x",
								  (unsigned char)((const char *)array->buffers[2])[k]);
		break;
	case CX_LIST:
		n = (size_t)snprintf(out, size, "[");
		for (int32_t k = offsets[i]; k < offsets[i + 1] && n + CX_CIVIL_MAX < size; k++) {
			n += (size_t)snprintf(out + n, size - n, "%s", k > offsets[i] ? ", " : "");
			pg_show(array->children[0], item, item, scale, k, out + n, size - n);
			n += strlen(out + n);
		}
		snprintf(out + n, size - n, "]");
		break;
	default:
		snprintf(out, size, "%.*s", offsets[i + 1] - offsets[i],
				 (const char *)array->buffers[2] + offsets[i]);
		break;
	}
}

#endif
