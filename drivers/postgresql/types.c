// SPDX-License-Identifier: Apache-2.0
/* The table of types: OIDs, their words, and the columns that they become. The OIDs are
 * PostgreSQL's, which never change, and those that CockroachDB adds. Nothing here reads or writes a
 * value. */
#include "types_internal.h"

#include <stdio.h>

#define HEADER_SIZE 4 /* what typmods of lengths and of numeric count in */

/* Without a precision a decimal column must take what division gives: 20 digits after the point on
 * both servers. */
#define DECIMAL_SCALE 20

static const pg_type types[] = {
	{OID_BOOL, 1000, PG_BOOL, CDBC_TYPE_BOOL, "bool"},
	{OID_BYTEA, 1001, PG_BYTEA, CDBC_TYPE_BYTES, "bytea"},
	{18, 1002, PG_CHAR, CDBC_TYPE_TEXT, "\"char\""},
	{19, 1003, PG_TEXT, CDBC_TYPE_TEXT, "name"},
	{OID_INT8, 1016, PG_INT8, CDBC_TYPE_INT8, "int8"},
	{OID_INT2, 1005, PG_INT2, CDBC_TYPE_INT2, "int2"},
	{OID_INT4, 1007, PG_INT4, CDBC_TYPE_INT4, "int4"},
	{OID_TEXT, 1009, PG_TEXT, CDBC_TYPE_TEXT, "text"},
	{OID_OID, 1028, PG_OID, CDBC_TYPE_OTHER, "oid"},
	{114, 199, PG_TEXT, CDBC_TYPE_JSON, "json"},
	{OID_FLOAT4, 1021, PG_FLOAT4, CDBC_TYPE_FLOAT4, "float4"},
	{OID_FLOAT8, 1022, PG_FLOAT8, CDBC_TYPE_FLOAT8, "float8"},
	{705, 0, PG_TEXT, CDBC_TYPE_TEXT, "unknown"},
	{OID_BPCHAR, 1014, PG_TEXT, CDBC_TYPE_TEXT, "char"},
	{OID_VARCHAR, 1015, PG_TEXT, CDBC_TYPE_TEXT, "varchar"},
	{OID_DATE, 1182, PG_DATE, CDBC_TYPE_DATE, "date"},
	{OID_TIME, 1183, PG_TIME, CDBC_TYPE_TIME, "time"},
	{OID_TIMESTAMP, 1115, PG_TIMESTAMP, CDBC_TYPE_TIMESTAMP, "timestamp"},
	{OID_TIMESTAMPTZ, 1185, PG_TIMESTAMP, CDBC_TYPE_TIMESTAMPTZ, "timestamptz"},
	{OID_INTERVAL, 1187, PG_INTERVAL, CDBC_TYPE_INTERVAL, "interval"},
	{OID_TIMETZ, 1270, PG_OTHER, CDBC_TYPE_OTHER, "timetz"},
	{OID_BIT, 1561, PG_OTHER, CDBC_TYPE_OTHER, "bit"},
	{OID_VARBIT, 1563, PG_OTHER, CDBC_TYPE_OTHER, "varbit"},
	{OID_NUMERIC, 1231, PG_NUMERIC, CDBC_TYPE_NUMERIC, "numeric"},
	{1790, 2201, PG_TEXT, CDBC_TYPE_TEXT, "refcursor"},
	{OID_UUID, 2951, PG_UUID, CDBC_TYPE_UUID, "uuid"},
	{OID_JSONB, 3807, PG_JSONB, CDBC_TYPE_JSON, "jsonb"},
	/* known by name only; box arrays are separated by semicolons, and so not lists here */
	{22, 1006, PG_OTHER, CDBC_TYPE_OTHER, "int2vector"},
	{24, 1008, PG_OTHER, CDBC_TYPE_OTHER, "regproc"},
	{27, 1010, PG_OTHER, CDBC_TYPE_OTHER, "tid"},
	{28, 1011, PG_OTHER, CDBC_TYPE_OTHER, "xid"},
	{29, 1012, PG_OTHER, CDBC_TYPE_OTHER, "cid"},
	{30, 1013, PG_OTHER, CDBC_TYPE_OTHER, "oidvector"},
	{142, 143, PG_OTHER, CDBC_TYPE_OTHER, "xml"},
	{600, 1017, PG_OTHER, CDBC_TYPE_OTHER, "point"},
	{601, 1018, PG_OTHER, CDBC_TYPE_OTHER, "lseg"},
	{602, 1019, PG_OTHER, CDBC_TYPE_OTHER, "path"},
	{603, 0, PG_OTHER, CDBC_TYPE_OTHER, "box"},
	{604, 1027, PG_OTHER, CDBC_TYPE_OTHER, "polygon"},
	{628, 629, PG_OTHER, CDBC_TYPE_OTHER, "line"},
	{650, 651, PG_OTHER, CDBC_TYPE_OTHER, "cidr"},
	{718, 719, PG_OTHER, CDBC_TYPE_OTHER, "circle"},
	{774, 775, PG_OTHER, CDBC_TYPE_OTHER, "macaddr8"},
	{790, 791, PG_OTHER, CDBC_TYPE_OTHER, "money"},
	{829, 1040, PG_OTHER, CDBC_TYPE_OTHER, "macaddr"},
	{869, 1041, PG_OTHER, CDBC_TYPE_OTHER, "inet"},
	{2202, 2207, PG_OTHER, CDBC_TYPE_OTHER, "regprocedure"},
	{2205, 2210, PG_OTHER, CDBC_TYPE_OTHER, "regclass"},
	{2206, 2211, PG_OTHER, CDBC_TYPE_OTHER, "regtype"},
	{2249, 2287, PG_OTHER, CDBC_TYPE_OTHER, "record"},
	{2278, 0, PG_OTHER, CDBC_TYPE_OTHER, "void"},
	{3220, 3221, PG_OTHER, CDBC_TYPE_OTHER, "pg_lsn"},
	{3614, 3643, PG_OTHER, CDBC_TYPE_OTHER, "tsvector"},
	{3615, 3645, PG_OTHER, CDBC_TYPE_OTHER, "tsquery"},
	{3904, 3905, PG_OTHER, CDBC_TYPE_OTHER, "int4range"},
	{3906, 3907, PG_OTHER, CDBC_TYPE_OTHER, "numrange"},
	{3908, 3909, PG_OTHER, CDBC_TYPE_OTHER, "tsrange"},
	{3910, 3911, PG_OTHER, CDBC_TYPE_OTHER, "tstzrange"},
	{3912, 3913, PG_OTHER, CDBC_TYPE_OTHER, "daterange"},
	{3926, 3927, PG_OTHER, CDBC_TYPE_OTHER, "int8range"},
	{4072, 4073, PG_OTHER, CDBC_TYPE_OTHER, "jsonpath"},
	{4089, 4090, PG_OTHER, CDBC_TYPE_OTHER, "regnamespace"},
	{4096, 4097, PG_OTHER, CDBC_TYPE_OTHER, "regrole"},
	{90000, 90001, PG_OTHER, CDBC_TYPE_OTHER, "geometry"},
	{90002, 90003, PG_OTHER, CDBC_TYPE_OTHER, "geography"},
	{90004, 0, PG_OTHER, CDBC_TYPE_OTHER, "box2d"},
};

const pg_type *cx_pg_type_find(Oid oid, bool *is_array)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (types[i].oid != oid && (types[i].array != oid || oid == 0))
			continue;
		*is_array = types[i].oid != oid;
		return &types[i];
	}
	*is_array = false;
	return NULL;
}

static bool has_typmod(Oid oid, int typmod)
{
	return typmod >=
		   (oid == OID_NUMERIC || oid == OID_VARCHAR || oid == OID_BPCHAR ? HEADER_SIZE : 0);
}

static void numeric_typmod(int typmod, int *precision, int *scale)
{
	*precision = (typmod - HEADER_SIZE) >> 16 & 0xffff;
	*scale = (((typmod - HEADER_SIZE) & 0x7ff) ^ 1024) - 1024; /* 11 bits with a sign */
}

cdbc_type cx_pg_type_of(Oid oid, int typmod)
{
	cdbc_type type = {.id = CDBC_TYPE_OTHER, .precision = -1, .scale = -1};
	const pg_type *row = cx_pg_type_find(oid, &type.is_array);
	int precision, scale;

	if (!row)
		return type;
	type.id = (cdbc_type_id)row->id;
	if (row->oid == OID_NUMERIC && has_typmod(row->oid, typmod)) {
		numeric_typmod(typmod, &precision, &scale);
		type.precision = (int16_t)precision;
		type.scale = (int16_t)scale;
	}
	return type;
}

Oid cx_pg_oid_of(cdbc_type type)
{
	static const Oid oids[CDBC_TYPE_COUNT] = {
		[CDBC_TYPE_BOOL] = OID_BOOL,           [CDBC_TYPE_INT2] = OID_INT2,
		[CDBC_TYPE_INT4] = OID_INT4,           [CDBC_TYPE_INT8] = OID_INT8,
		[CDBC_TYPE_FLOAT4] = OID_FLOAT4,       [CDBC_TYPE_FLOAT8] = OID_FLOAT8,
		[CDBC_TYPE_NUMERIC] = OID_NUMERIC,     [CDBC_TYPE_TEXT] = OID_TEXT,
		[CDBC_TYPE_JSON] = OID_JSONB,          [CDBC_TYPE_BYTES] = OID_BYTEA,
		[CDBC_TYPE_DATE] = OID_DATE,           [CDBC_TYPE_TIME] = OID_TIME,
		[CDBC_TYPE_TIMESTAMP] = OID_TIMESTAMP, [CDBC_TYPE_TIMESTAMPTZ] = OID_TIMESTAMPTZ,
		[CDBC_TYPE_INTERVAL] = OID_INTERVAL,   [CDBC_TYPE_UUID] = OID_UUID};
	Oid oid = (unsigned)type.id < CDBC_TYPE_COUNT ? oids[type.id] : 0;
	bool is_array;
	const pg_type *row = oid ? cx_pg_type_find(oid, &is_array) : NULL;

	return row && type.is_array ? row->array : oid;
}

/* What stands in brackets after a type's name, into at most size bytes; "" for nothing. */
static void typmod_words(Oid oid, int typmod, char *out, size_t size)
{
	int precision, scale;

	out[0] = '\0';
	if (!has_typmod(oid, typmod))
		return;
	switch (oid) {
	case OID_NUMERIC:
		numeric_typmod(typmod, &precision, &scale);
		snprintf(out, size, "(%d,%d)", precision, scale);
		break;
	case OID_VARCHAR:
	case OID_BPCHAR:
		snprintf(out, size, "(%d)", typmod - HEADER_SIZE);
		break;
	case OID_INTERVAL:
		if ((typmod & 0xffff) != 0xffff)
			snprintf(out, size, "(%d)", typmod & 0xffff);
		break;
	case OID_BIT:
	case OID_VARBIT:
	case OID_TIME:
	case OID_TIMETZ:
	case OID_TIMESTAMP:
	case OID_TIMESTAMPTZ:
		snprintf(out, size, "(%d)", typmod);
		break;
	default:
		break;
	}
}

const char *cx_pg_type_words(Oid oid, int typmod, char *buf, size_t size)
{
	bool is_array;
	const pg_type *row = cx_pg_type_find(oid, &is_array);
	char suffix[32];

	if (!row)
		return "other";
	typmod_words(row->oid, typmod, suffix, sizeof suffix);
	if (!suffix[0] && !is_array)
		return row->name;
	snprintf(buf, size, "%s%s%s", row->name, suffix, is_array ? "[]" : "");
	return buf;
}

/* ---- fields
 * -------------------------------------------------------------------------------------------------
 */

/* Chooses a numeric's storage and mends the type to fit it. */
static cx_storage numeric_storage(cdbc_type *type, cdbc_numeric_mode mode)
{
	int precision = type->precision, scale = type->scale;

	if (mode == CDBC_NUMERIC_DOUBLE) {
		type->id = CDBC_TYPE_FLOAT8;
		type->precision = type->scale = -1;
		return CX_FLOAT64;
	}
	if (mode != CDBC_NUMERIC_TEXT && precision >= 1 && precision <= 38 && scale >= 0 &&
		scale <= precision)
		return CX_DECIMAL128;
	if (mode == CDBC_NUMERIC_DECIMAL) {
		type->scale = (int16_t)(precision < 0 ? DECIMAL_SCALE
								: scale < 0   ? 0
								: scale > 38  ? 38
											  : scale);
		type->precision = 38;
		return CX_DECIMAL128;
	}
	type->precision = type->scale = -1;
	return CX_UTF8;
}

cdbc_status cx_pg_field(Oid oid, int typmod, const char *name, cdbc_numeric_mode numeric,
						cdbc_arrays_mode arrays, char words[CX_PG_WORDS_MAX], cx_field *out,
						bool *has_binary)
{
	cx_field field = {.name = name,
					  .sql_type = cx_pg_type_words(oid, typmod, words, CX_PG_WORDS_MAX),
					  .type = cx_pg_type_of(oid, typmod)};
	bool is_array;
	const pg_type *row = cx_pg_type_find(oid, &is_array);
	cdbc_type item = field.type;

	*has_binary = row && row->kind != PG_OTHER;
	if (is_array && arrays == CDBC_ARRAYS_TEXT) {
		field.type = (cdbc_type){.id = CDBC_TYPE_OTHER, .precision = -1, .scale = -1};
		field.storage = field.item = CX_UTF8;
		*has_binary = false;
		*out = field;
		return CDBC_OK;
	}
	item.is_array = false;
	field.item =
		row && row->kind == PG_NUMERIC ? numeric_storage(&item, numeric) : cx_storage_of(item);
	field.storage = is_array ? CX_LIST : field.item;
	field.type = item;
	field.type.is_array = is_array;
	*out = field;
	return CDBC_OK;
}
