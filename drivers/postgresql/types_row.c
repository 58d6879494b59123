// SPDX-License-Identifier: Apache-2.0
/* Rows of a PGresult into a batch. cx_pg_decode_row is where a streamed result spends its time: the
 * types that are common in binary are read in its switch, and everything else, with every doubt,
 * goes to cx_pg_read. */
#include "types_internal.h"

#include "base/civil.h"
#include "base/error.h"

#define SHOWN_MAX 60 /* bytes of a value in a message */

enum {
	FAST_NONE,
	FAST_BYTES,
	FAST_BOOL,
	FAST_INT2,
	FAST_INT4,
	FAST_INT8,
	FAST_FLOAT4,
	FAST_FLOAT8,
	FAST_TIMESTAMP,
	FAST_UUID,
	FAST_JSONB
};

static uint8_t fast_of(const cx_pg_decoder *d)
{
	static const uint8_t binary[PG_OID + 1] = {
		[PG_TEXT] = FAST_BYTES,    [PG_BYTEA] = FAST_BYTES,   [PG_BOOL] = FAST_BOOL,
		[PG_INT2] = FAST_INT2,     [PG_INT4] = FAST_INT4,     [PG_INT8] = FAST_INT8,
		[PG_FLOAT4] = FAST_FLOAT4, [PG_FLOAT8] = FAST_FLOAT8, [PG_TIMESTAMP] = FAST_TIMESTAMP,
		[PG_UUID] = FAST_UUID,     [PG_JSONB] = FAST_JSONB};

	if (d->is_list || (d->checks_utf8 && d->storage == CX_UTF8))
		return FAST_NONE;
	if (d->is_binary)
		return binary[d->kind];
	return d->kind == PG_TEXT || d->kind == PG_JSONB || d->kind == PG_OTHER || d->kind == PG_OID
			   ? FAST_BYTES
			   : FAST_NONE;
}

void cx_pg_decoder_init(cx_pg_decoder *decoder, Oid oid, const cx_field *field, bool is_binary,
						bool checks_utf8)
{
	bool is_array;
	const pg_type *row = cx_pg_type_find(oid, &is_array);

	memset(decoder, 0, sizeof *decoder);
	decoder->is_list = field->storage == CX_LIST;
	decoder->kind = row && decoder->is_list == is_array ? row->kind : PG_OTHER;
	decoder->is_binary = is_binary;
	decoder->checks_utf8 = checks_utf8;
	decoder->storage = (uint8_t)(decoder->is_list ? field->item : field->storage);
	decoder->precision = field->type.precision;
	decoder->scale = field->type.scale;
	decoder->name = field->name;
	decoder->sql_type = field->sql_type;
	decoder->fast = fast_of(decoder);
}

/* ---- messages
 * -----------------------------------------------------------------------------------------------
 */

/* Says what is wrong with a value that the column cannot hold. */
static void explain_range(const cx_pg_decoder *d, const cdbc_text *bad, cdbc_error **err,
						  int64_t row)
{
	char decimal[32] = "float8";
	pg_cell cell = {.own = NULL};
	cdbc_text text = *bad;

	if (d->kind != PG_NUMERIC) {
		cx_error_set(err, CDBC_DATA,
					 "row %lld, column \"%s\": the %s is outside what the column can hold",
					 (long long)row, d->name, d->sql_type);
		cx_error_hint(err, "cast the column to text in the statement");
		return;
	}
	if (d->storage == CX_DECIMAL128)
		snprintf(decimal, sizeof decimal, "decimal(%d,%d)", d->precision, d->scale);
	if (d->is_binary && cx_pg_numeric_text(text.data, text.length, &cell) == PG_FINE)
		text = (cdbc_text){cell.bytes, cell.length};
	cx_error_set(err, CDBC_DATA, "row %lld, column \"%s\": %.*s%s does not fit %s", (long long)row,
				 d->name, (int)(text.length > SHOWN_MAX ? SHOWN_MAX : text.length), text.data,
				 text.length > SHOWN_MAX ? "..." : "", decimal);
	cx_error_hint(err, "set results.numeric = text");
	cx_pg_cell_free(&cell);
}

static cdbc_status explain(pg_fault fault, const cx_pg_decoder *d, const cdbc_text *bad,
						   int64_t row, cdbc_error **err)
{
	long long n = row;

	switch (fault) {
	case PG_NOMEM:
		return cx_error_nomem(err);
	case PG_RANGE:
		explain_range(d, bad, err, row);
		return CDBC_DATA;
	case PG_ENCODING:
		cx_error_set(err, CDBC_DATA, "row %lld, column \"%s\": the text is not valid UTF-8", n,
					 d->name);
		cx_error_hint(err, "read it as bytea in the statement");
		return CDBC_DATA;
	case PG_DIMENSIONS:
	case PG_BOUNDS:
		cx_error_set(err, CDBC_DATA, "row %lld, column \"%s\": an array %s is not a list", n,
					 d->name,
					 fault == PG_BOUNDS ? "that does not begin at 1" : "of several dimensions");
		cx_error_hint(err, "set results.arrays = text");
		return CDBC_DATA;
	default:
		return cx_error_set(err, CDBC_DATA, "row %lld, column \"%s\": malformed %s from the server",
							n, d->name, d->sql_type ? d->sql_type : "value");
	}
}

/* ---- rows
 * ---------------------------------------------------------------------------------------------------
 */

static void put(cx_storage storage, const pg_cell *cell, cx_batch *batch, size_t column)
{
	switch (storage) {
	case CX_BOOL:
		cx_batch_set_bool(batch, column, cell->fixed.boolean);
		break;
	case CX_INT16:
		cx_batch_set_int16(batch, column, cell->fixed.int16);
		break;
	case CX_INT32:
	case CX_DATE32:
		cx_batch_set_int32(batch, column, cell->fixed.int32);
		break;
	case CX_FLOAT32:
		cx_batch_set_float32(batch, column, cell->fixed.float32);
		break;
	case CX_INT64:
	case CX_TIME64:
	case CX_TIMESTAMP:
	case CX_TIMESTAMPTZ:
		cx_batch_set_int64(batch, column, cell->fixed.int64);
		break;
	case CX_FLOAT64:
		cx_batch_set_float64(batch, column, cell->fixed.float64);
		break;
	case CX_DECIMAL128:
	case CX_INTERVAL:
	case CX_UUID:
		cx_batch_set_16(batch, column, cell->bytes);
		break;
	default:
		cx_batch_put_bytes(batch, column, cell->bytes, cell->length);
		break;
	}
}

/* Any value, by the long way. */
static __attribute__((noinline)) cdbc_status decode_value(const cx_pg_decoder *d,
														  const PGresult *res, int row,
														  size_t column, cx_batch *batch,
														  int64_t row_number, cdbc_error **err)
{
	cdbc_text value = {PQgetvalue(res, row, (int)column),
					   (size_t)PQgetlength(res, row, (int)column)};
	cdbc_status status = CDBC_OK;
	pg_fault fault;
	pg_cell cell;

	if (value.length == 0 && PQgetisnull(res, row, (int)column)) {
		cx_batch_set_null(batch, column);
		return CDBC_OK;
	}
	cell.own = NULL;
	if (d->is_list) {
		fault = cx_pg_read_list(d, value.data, value.length, batch, column, &cell, &value);
	} else {
		fault = cx_pg_read(d, value.data, value.length, &cell);
		if (fault == PG_FINE)
			put((cx_storage)d->storage, &cell, batch, column);
	}
	if (fault)
		status = explain(fault, d, &value, row_number, err);
	cx_pg_cell_free(&cell);
	return status;
}

/* Reads a common value; false: decode_value must. */
static inline bool decode_fast(const cx_pg_decoder *d, const PGresult *res, int row, int column,
							   cx_batch *batch)
{
	int length = PQgetlength(res, row, column);
	const char *bytes = PQgetvalue(res, row, column);
	size_t at = (size_t)column;
	int64_t us;

	switch (d->fast) {
	case FAST_BYTES:
		if (length <= 0)
			return false;
		cx_batch_put_bytes(batch, at, bytes, (size_t)length);
		return true;
	case FAST_BOOL:
		if (length != 1)
			return false;
		cx_batch_set_bool(batch, at, bytes[0] != 0);
		return true;
	case FAST_INT2:
		if (length != 2)
			return false;
		cx_batch_set_int16(batch, at, (int16_t)pg_get16(bytes));
		return true;
	case FAST_INT4:
		if (length != 4)
			return false;
		cx_batch_set_int32(batch, at, (int32_t)pg_get32(bytes));
		return true;
	case FAST_INT8:
		if (length != 8)
			return false;
		cx_batch_set_int64(batch, at, (int64_t)pg_get64(bytes));
		return true;
	case FAST_FLOAT4:
		if (length != 4)
			return false;
		cx_batch_set_float32(batch, at, pg_get_float(bytes));
		return true;
	case FAST_FLOAT8:
		if (length != 8)
			return false;
		cx_batch_set_float64(batch, at, pg_get_double(bytes));
		return true;
	case FAST_TIMESTAMP:
		if (length != 8 || !pg_is_usual_timestamp(us = (int64_t)pg_get64(bytes)))
			return false;
		cx_batch_set_int64(batch, at, us + PG_EPOCH_US);
		return true;
	case FAST_UUID:
		if (length != 16)
			return false;
		cx_batch_set_16(batch, at, bytes);
		return true;
	case FAST_JSONB:
		if (length < 2 || bytes[0] != 1)
			return false;
		cx_batch_put_bytes(batch, at, bytes + 1, (size_t)length - 1);
		return true;
	default:
		return false;
	}
}

cdbc_status cx_pg_decode_row(const cx_pg_decoder *decoders, size_t columns, const PGresult *res,
							 int row, cx_batch *batch, int64_t row_number, cdbc_error **err)
{
	cdbc_status status;

	if (!cx_batch_row(batch))
		return cx_batch_status(batch, err);
	for (size_t i = 0; i < columns; i++) {
		if (decode_fast(&decoders[i], res, row, (int)i, batch))
			continue;
		status = decode_value(&decoders[i], res, row, i, batch, row_number, err);
		if (__builtin_expect(status != CDBC_OK, 0)) {
			cx_batch_unrow(batch);
			return status;
		}
	}
	return __builtin_expect(batch->has_failed, 0) ? cx_batch_status(batch, err) : CDBC_OK;
}
