// SPDX-License-Identifier: Apache-2.0
/* Arrow's types, as a schema message tells them, against our type table. The numbers are the
 * specification's. Batches are read in read_arrow.c. */
#include "data/format/arrow_read.h"

#include "base/alloc.h"
#include "base/error.h"
#include "data/format/arrow_numbers.h"
#include "data/format/reader.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {"none",
										 "null",
										 "int",
										 "float",
										 "binary",
										 "utf8",
										 "bool",
										 "decimal",
										 "date",
										 "time",
										 "timestamp",
										 "interval",
										 "list",
										 "struct",
										 "union",
										 "fixed_size_binary",
										 "fixed_size_list",
										 "map",
										 "duration",
										 "large_binary",
										 "large_utf8",
										 "large_list",
										 "run_end_encoded",
										 "binary_view",
										 "utf8_view",
										 "list_view",
										 "large_list_view"};

static const char *const units[] = {"s", "ms", "us", "ns"};

void cx_arrow_fields_fini(cx_arrow_fields *fields)
{
	for (size_t i = 0; fields->items && i < fields->count; i++)
		cx_free((void *)(uintptr_t)fields->items[i].name);
	cx_free(fields->items);
	*fields = (cx_arrow_fields){NULL, 0};
}

/* What the type is called that is refused. */
static void name_type(cx_flat *flat, int64_t id, size_t type, char *out, size_t size)
{
	const char *name =
		id >= 0 && id < (int64_t)(sizeof type_names / sizeof *type_names) ? type_names[id] : "?";
	int64_t unit;

	switch (id) {
	case TYPE_INT:
		snprintf(out, size, "%sint%lld", cx_flat_int(flat, type, 1, 1, 0) ? "" : "u",
				 (long long)cx_flat_int(flat, type, 0, 4, 0));
		return;
	case TYPE_FLOATING_POINT:
		snprintf(out, size, "float16");
		return;
	case TYPE_DECIMAL:
		snprintf(out, size, "decimal%lld(%lld,%lld)", (long long)cx_flat_int(flat, type, 2, 4, 128),
				 (long long)cx_flat_int(flat, type, 0, 4, 0),
				 (long long)cx_flat_int(flat, type, 1, 4, 0));
		return;
	case TYPE_DATE:
		snprintf(out, size, "date64");
		return;
	case TYPE_TIME:
	case TYPE_TIMESTAMP:
		unit = cx_flat_int(flat, type, 0, 2, id == TYPE_TIME);
		snprintf(out, size, "%s[%s]", name, unit >= 0 && unit < 4 ? units[unit] : "?");
		return;
	case TYPE_FIXED_SIZE_BINARY:
		snprintf(out, size, "%s[%lld]", name, (long long)cx_flat_int(flat, type, 0, 4, 0));
		return;
	default:
		snprintf(out, size, "%s", name);
	}
}

static bool int_storage(int64_t bits, cx_storage *out)
{
	*out = bits == 16 ? CX_INT16 : bits == 32 ? CX_INT32 : CX_INT64;
	return bits == 16 || bits == 32 || bits == 64;
}

static bool decimal_type(cx_flat *flat, size_t type, cx_field *field)
{
	int64_t precision = cx_flat_int(flat, type, 0, 4, 0), scale = cx_flat_int(flat, type, 1, 4, 0);

	field->storage = CX_DECIMAL128;
	if (precision < 1 || precision > 38 || scale < 0 || scale > precision ||
		cx_flat_int(flat, type, 2, 4, 128) != 128)
		return false;
	field->type = (cdbc_type){CDBC_TYPE_NUMERIC, false, (int16_t)precision, (int16_t)scale};
	return true;
}

/* Whether a type that is no list is one of ours; sets storage and what printing wants to know. */
static bool plain_type(cx_flat *flat, int64_t id, size_t type, cx_field *field)
{
	int64_t unit;

	field->type = (cdbc_type){CDBC_TYPE_UNKNOWN, false, -1, -1};
	switch (id) {
	case TYPE_INT:
		return cx_flat_int(flat, type, 1, 1, 0) &&
			   int_storage(cx_flat_int(flat, type, 0, 4, 0), &field->storage);
	case TYPE_FLOATING_POINT:
		unit = cx_flat_int(flat, type, 0, 2, 0);
		field->storage = unit == 1 ? CX_FLOAT32 : CX_FLOAT64;
		return unit == 1 || unit == 2;
	case TYPE_BINARY:
		field->storage = CX_BINARY;
		return true;
	case TYPE_UTF8:
		field->type.id = CDBC_TYPE_TEXT;
		field->storage = CX_UTF8;
		return true;
	case TYPE_BOOL:
		field->storage = CX_BOOL;
		return true;
	case TYPE_DECIMAL:
		return decimal_type(flat, type, field);
	case TYPE_DATE:
		field->storage = CX_DATE32;
		return cx_flat_int(flat, type, 0, 2, 1) == DATE_DAY;
	case TYPE_TIME:
		field->storage = CX_TIME64;
		return cx_flat_int(flat, type, 0, 2, 1) == TIME_MICROSECOND;
	case TYPE_TIMESTAMP:
		field->storage = cx_flat_field(flat, type, 1) ? CX_TIMESTAMPTZ : CX_TIMESTAMP;
		return cx_flat_int(flat, type, 0, 2, 0) == TIME_MICROSECOND;
	case TYPE_INTERVAL:
		field->storage = CX_INTERVAL;
		return cx_flat_int(flat, type, 0, 2, 0) == INTERVAL_MONTH_DAY_NANO;
	case TYPE_FIXED_SIZE_BINARY:
		field->storage = CX_UUID;
		return cx_flat_int(flat, type, 0, 4, 0) == 16;
	default:
		return false;
	}
}

static cdbc_status refuse(cx_flat *flat, const cx_field *field, int64_t id, size_t type,
						  bool is_item, cdbc_error **err)
{
	char name[64];

	name_type(flat, id, type, name, sizeof name);
	cx_error_set(err, CDBC_UNSUPPORTED, "column \"%s\": Arrow's type %s%s%s is not read",
				 field->name, is_item ? "list<" : "", name, is_item ? ">" : "");
	cx_error_hint(err, "cast it: bool, int16, int32, int64, float32, float64, utf8, binary, "
					   "decimal128, date32, time64[us], timestamp[us], month_day_nano, "
					   "fixed_size_binary[16], and lists of these are read");
	return CDBC_UNSUPPORTED;
}

static cdbc_status read_field(cx_flat *flat, size_t at, cx_field *field, cdbc_error **err)
{
	size_t length, count, children, item, name = cx_flat_items(flat, at, 0, 1, &length);
	int64_t id = cx_flat_int(flat, at, 2, 1, 0);
	size_t type = cx_flat_child(flat, at, 3);

	field->name = cx_strndup(name ? (const char *)flat->data + name : "", name ? length : 0);
	if (!field->name)
		return cx_error_nomem(err);
	if (cx_flat_field(flat, at, 4)) {
		cx_error_set(err, CDBC_UNSUPPORTED, "column \"%s\": dictionaries are not read",
					 field->name);
		cx_error_hint(err, "write the values themselves");
		return CDBC_UNSUPPORTED;
	}
	if (id != TYPE_LIST)
		return plain_type(flat, id, type, field) ? CDBC_OK
												 : refuse(flat, field, id, type, false, err);
	children = cx_flat_items(flat, at, 5, 4, &count);
	item = count == 1 ? cx_flat_follow(flat, children) : 0;
	if (!item)
		return cx_error_set(err, CDBC_DATA, "column \"%s\": a list of nothing", field->name);
	id = cx_flat_int(flat, item, 2, 1, 0);
	type = cx_flat_child(flat, item, 3);
	if (cx_flat_field(flat, item, 4) || !plain_type(flat, id, type, field))
		return refuse(flat, field, id, type, true, err);
	field->item = field->storage;
	field->storage = CX_LIST;
	field->type.is_array = true;
	return CDBC_OK;
}

cdbc_status cx_arrow_fields_read(cx_arrow_fields *fields, cx_flat *flat, size_t schema,
								 cdbc_error **err)
{
	size_t count, at = cx_flat_items(flat, schema, 1, 4, &count);
	cdbc_status status = CDBC_OK;

	if (cx_flat_int(flat, schema, 0, 2, 0))
		return cx_error_set(err, CDBC_UNSUPPORTED, "the Arrow stream is big-endian");
	if (flat->is_bad || count == 0 || count > CX_READER_COLUMN_MAX)
		return cx_error_set(err, CDBC_DATA, "the Arrow stream: a schema of no or too many columns");
	fields->items = cx_calloc(count, sizeof *fields->items);
	if (!fields->items)
		return cx_error_nomem(err);
	fields->count = count;
	for (size_t i = 0; !status && i < count; i++)
		status = read_field(flat, cx_flat_follow(flat, at + i * 4), &fields->items[i], err);
	if (!status && flat->is_bad)
		status = cx_error_set(err, CDBC_DATA, "the Arrow stream: a damaged schema");
	return status;
}
