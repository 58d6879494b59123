// SPDX-License-Identifier: Apache-2.0
/* Arrow schemas of our columns, made, copied and read back. The type table of the design lives
 * here, once. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/column.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

#define METADATA_MAX (1u << 20)

static const char *const type_names[CDBC_TYPE_COUNT] = {[CDBC_TYPE_UNKNOWN] = "unknown",
														[CDBC_TYPE_BOOL] = "bool",
														[CDBC_TYPE_INT2] = "int2",
														[CDBC_TYPE_INT4] = "int4",
														[CDBC_TYPE_INT8] = "int8",
														[CDBC_TYPE_FLOAT4] = "float4",
														[CDBC_TYPE_FLOAT8] = "float8",
														[CDBC_TYPE_NUMERIC] = "numeric",
														[CDBC_TYPE_TEXT] = "text",
														[CDBC_TYPE_JSON] = "json",
														[CDBC_TYPE_BYTES] = "bytea",
														[CDBC_TYPE_DATE] = "date",
														[CDBC_TYPE_TIME] = "time",
														[CDBC_TYPE_TIMESTAMP] = "timestamp",
														[CDBC_TYPE_TIMESTAMPTZ] = "timestamptz",
														[CDBC_TYPE_INTERVAL] = "interval",
														[CDBC_TYPE_UUID] = "uuid",
														[CDBC_TYPE_OTHER] = "other"};

static const char *const formats[CX_STORAGE_COUNT] = {[CX_BOOL] = "b",
													  [CX_INT16] = "s",
													  [CX_INT32] = "i",
													  [CX_INT64] = "l",
													  [CX_FLOAT32] = "f",
													  [CX_FLOAT64] = "g",
													  [CX_UTF8] = "u",
													  [CX_BINARY] = "z",
													  [CX_DECIMAL128] = "",
													  [CX_DATE32] = "tdD",
													  [CX_TIME64] = "ttu",
													  [CX_TIMESTAMP] = "tsu:",
													  [CX_TIMESTAMPTZ] = "tsu:UTC",
													  [CX_INTERVAL] = "tin",
													  [CX_UUID] = "w:16",
													  [CX_LIST] = "+l"};

const char *cdbc_type_name(cdbc_type_id id)
{
	return (unsigned)id < CDBC_TYPE_COUNT ? type_names[id] : "unknown";
}

cx_storage cx_storage_of(cdbc_type type)
{
	if (type.is_array)
		return CX_LIST;
	switch (type.id) {
	case CDBC_TYPE_BOOL:
		return CX_BOOL;
	case CDBC_TYPE_INT2:
		return CX_INT16;
	case CDBC_TYPE_INT4:
		return CX_INT32;
	case CDBC_TYPE_INT8:
		return CX_INT64;
	case CDBC_TYPE_FLOAT4:
		return CX_FLOAT32;
	case CDBC_TYPE_FLOAT8:
		return CX_FLOAT64;
	case CDBC_TYPE_NUMERIC:
		return type.precision > 0 && type.precision <= 38 ? CX_DECIMAL128 : CX_UTF8;
	case CDBC_TYPE_BYTES:
		return CX_BINARY;
	case CDBC_TYPE_DATE:
		return CX_DATE32;
	case CDBC_TYPE_TIME:
		return CX_TIME64;
	case CDBC_TYPE_TIMESTAMP:
		return CX_TIMESTAMP;
	case CDBC_TYPE_TIMESTAMPTZ:
		return CX_TIMESTAMPTZ;
	case CDBC_TYPE_INTERVAL:
		return CX_INTERVAL;
	case CDBC_TYPE_UUID:
		return CX_UUID;
	default:
		return CX_UTF8;
	}
}

void cx_field_resolve(cx_field *field)
{
	cdbc_type item = field->type;

	item.is_array = false;
	field->storage = cx_storage_of(field->type);
	field->item = cx_storage_of(item);
}

static cdbc_status schema_parse(struct ArrowSchema *schema, cdbc_error **err);

/* ---- metadata
 * -----------------------------------------------------------------------------------------------
 */

static void put_int32(cx_buf *b, size_t n)
{
	int32_t v = (int32_t)n;

	cx_buf_put(b, &v, sizeof v);
}

static void put_pair(cx_buf *b, const char *key, const char *value)
{
	put_int32(b, strlen(key));
	cx_buf_puts(b, key);
	put_int32(b, strlen(value));
	cx_buf_puts(b, value);
}

static char *make_metadata(const cx_field *field, cdbc_type_id id, bool is_item)
{
	const char *extension = id == CDBC_TYPE_JSON   ? "arrow.json"
							: id == CDBC_TYPE_UUID ? "arrow.uuid"
												   : NULL;
	bool is_list = field->storage == CX_LIST && !is_item;
	bool is_marked = id == CDBC_TYPE_NUMERIC && (is_item ? field->item : field->storage) == CX_UTF8;
	cx_buf b = CX_BUF_INIT(METADATA_MAX);

	if (is_list)
		extension = NULL;
	put_int32(&b, (extension ? 3u : 1u) + is_marked);
	put_pair(&b, "cdbc.sql_type", field->sql_type ? field->sql_type : cdbc_type_name(id));
	if (is_marked)
		put_pair(&b, "cdbc.type", cdbc_type_name(id));
	if (extension) {
		put_pair(&b, "ARROW:extension:name", extension);
		put_pair(&b, "ARROW:extension:metadata", "");
	}
	return cx_buf_take(&b);
}

bool cx_metadata_find(const char *metadata, const char *key, cdbc_text *value)
{
	size_t key_length = strlen(key);
	int32_t pairs, n;

	if (!metadata)
		return false;
	memcpy(&pairs, metadata, 4);
	metadata += 4;
	for (; pairs > 0; pairs--) {
		const char *name = metadata + 4;
		int32_t m;

		memcpy(&n, metadata, 4);
		metadata += 4 + n;
		memcpy(&m, metadata, 4);
		if ((size_t)n == key_length && memcmp(name, key, key_length) == 0) {
			*value = (cdbc_text){metadata + 4, (size_t)m};
			return true;
		}
		metadata += 4 + m;
	}
	return false;
}

static size_t metadata_size(const char *metadata)
{
	const char *p = metadata + 4;
	int32_t pairs, n;

	memcpy(&pairs, metadata, 4);
	for (int32_t i = 0; i < 2 * pairs; i++) {
		memcpy(&n, p, 4);
		p += 4 + n;
	}
	return (size_t)(p - metadata);
}

/* ---- schemas: every string and child is memory of its own
 * --------------------------------------------------- */

/* What cx_schema_make keeps beside a struct schema, so that readers need not parse it again. */
typedef struct schema_fields {
	size_t count;
	cx_field items[];
} schema_fields;

static void release_schema(struct ArrowSchema *schema)
{
	schema_fields *fields = schema->private_data;

	for (size_t i = 0; fields && i < fields->count; i++)
		cx_free((void *)(uintptr_t)fields->items[i].sql_type);
	cx_free(fields);
	for (int64_t i = 0; i < schema->n_children; i++) {
		struct ArrowSchema *child = schema->children[i];

		if (child && child->release)
			child->release(child);
		cx_free(child);
	}
	cx_free(schema->children);
	cx_free((void *)(uintptr_t)schema->format);
	cx_free((void *)(uintptr_t)schema->name);
	cx_free((void *)(uintptr_t)schema->metadata);
	schema->release = NULL;
}

/* Takes metadata over, also when it fails. */
static bool schema_init(struct ArrowSchema *schema, const char *format, const char *name,
						char *metadata, size_t children)
{
	memset(schema, 0, sizeof *schema);
	schema->release = release_schema;
	schema->flags = ARROW_FLAG_NULLABLE;
	schema->metadata = metadata;
	schema->format = cx_strdup(format);
	schema->name = cx_strdup(name);
	if (!schema->format || !schema->name)
		return false;
	if (children == 0)
		return true;
	schema->children = cx_calloc(children, sizeof *schema->children);
	if (!schema->children)
		return false;
	for (size_t i = 0; i < children; i++) {
		schema->children[i] = cx_calloc(1, sizeof **schema->children);
		if (!schema->children[i])
			return false;
		schema->n_children = (int64_t)i + 1;
	}
	return true;
}

static bool field_schema(const cx_field *field, cx_storage storage, cdbc_type_id id, bool is_item,
						 struct ArrowSchema *out)
{
	char decimal[32];
	char *metadata = make_metadata(field, id, is_item);
	const char *format = formats[storage];

	if (!metadata)
		return false;
	if (storage == CX_DECIMAL128) {
		snprintf(decimal, sizeof decimal, "d:%d,%d", field->type.precision, field->type.scale);
		format = decimal;
	}
	if (!schema_init(out, format, is_item ? "item" : field->name, metadata,
					 storage == CX_LIST ? 1 : 0))
		return false;
	return storage != CX_LIST || field_schema(field, field->item, id, true, out->children[0]);
}

cdbc_status cx_schema_make(const cx_field *fields, size_t count, struct ArrowSchema *out,
						   cdbc_error **err)
{
	struct ArrowSchema schema;
	bool ok = schema_init(&schema, "+s", "", NULL, count);

	schema.flags = 0;
	for (size_t i = 0; ok && i < count; i++)
		ok = field_schema(&fields[i], fields[i].storage, fields[i].type.id, false,
						  schema.children[i]);
	if (!ok) {
		release_schema(&schema);
		return cx_error_nomem(err);
	}
	if (schema_parse(&schema, err)) {
		release_schema(&schema);
		return CDBC_NOMEM;
	}
	*out = schema;
	return CDBC_OK;
}

const cx_field *cx_schema_fields(const struct ArrowSchema *schema)
{
	const schema_fields *fields = schema->release == release_schema ? schema->private_data : NULL;

	return fields ? fields->items : NULL;
}

static cdbc_status schema_parse(struct ArrowSchema *schema, cdbc_error **err)
{
	size_t count = (size_t)schema->n_children;
	schema_fields *fields;

	if (cx_schema_fields(schema))
		return CDBC_OK;
	fields = cx_calloc(1, sizeof *fields + count * sizeof *fields->items);
	if (!fields)
		return cx_error_nomem(err);
	schema->private_data = fields;
	for (size_t i = 0; i < count; i++) {
		cdbc_text text;

		fields->count = i + 1;
		if (!cx_field_of_schema(schema->children[i], &fields->items[i]))
			return cx_error_set(err, CDBC_UNSUPPORTED, "column \"%s\" has the Arrow format \"%s\"",
								schema->children[i]->name, schema->children[i]->format);
		if (!cx_metadata_find(schema->children[i]->metadata, "cdbc.sql_type", &text))
			text = (cdbc_text){cdbc_type_name(fields->items[i].type.id),
							   strlen(cdbc_type_name(fields->items[i].type.id))};
		fields->items[i].sql_type = cx_strndup(text.data, text.length);
		if (!fields->items[i].sql_type)
			return cx_error_nomem(err);
	}
	return CDBC_OK;
}

static bool copy_into(const struct ArrowSchema *schema, struct ArrowSchema *out)
{
	char *metadata = NULL;
	bool ok;

	if (schema->metadata) {
		size_t size = metadata_size(schema->metadata);

		metadata = cx_alloc(size);
		if (!metadata)
			return false;
		memcpy(metadata, schema->metadata, size);
	}
	ok = schema_init(out, schema->format, schema->name ? schema->name : "", metadata,
					 (size_t)schema->n_children);
	out->flags = schema->flags;
	for (int64_t i = 0; ok && i < schema->n_children; i++)
		ok = copy_into(schema->children[i], out->children[i]);
	return ok;
}

cdbc_status cx_schema_copy(const struct ArrowSchema *schema, struct ArrowSchema *out,
						   cdbc_error **err)
{
	struct ArrowSchema copy;

	memset(&copy, 0, sizeof copy);
	if (!copy_into(schema, &copy)) {
		if (copy.release)
			release_schema(&copy);
		return cx_error_nomem(err);
	}
	if (schema->n_children && strcmp(schema->format, "+s") == 0) {
		cdbc_status status = schema_parse(&copy, err);

		if (status) {
			release_schema(&copy);
			return status;
		}
	}
	*out = copy;
	return CDBC_OK;
}

/* ---- reading back
 * ------------------------------------------------------------------------------------------- */

static const cdbc_type_id usual_types[CX_STORAGE_COUNT] = {[CX_BOOL] = CDBC_TYPE_BOOL,
														   [CX_INT16] = CDBC_TYPE_INT2,
														   [CX_INT32] = CDBC_TYPE_INT4,
														   [CX_INT64] = CDBC_TYPE_INT8,
														   [CX_FLOAT32] = CDBC_TYPE_FLOAT4,
														   [CX_FLOAT64] = CDBC_TYPE_FLOAT8,
														   [CX_UTF8] = CDBC_TYPE_TEXT,
														   [CX_BINARY] = CDBC_TYPE_BYTES,
														   [CX_DECIMAL128] = CDBC_TYPE_NUMERIC,
														   [CX_DATE32] = CDBC_TYPE_DATE,
														   [CX_TIME64] = CDBC_TYPE_TIME,
														   [CX_TIMESTAMP] = CDBC_TYPE_TIMESTAMP,
														   [CX_TIMESTAMPTZ] = CDBC_TYPE_TIMESTAMPTZ,
														   [CX_INTERVAL] = CDBC_TYPE_INTERVAL,
														   [CX_UUID] = CDBC_TYPE_UUID,
														   [CX_LIST] = CDBC_TYPE_UNKNOWN};

static bool storage_of_format(const char *format, cx_field *field)
{
	if (strncmp(format, "d:", 2) == 0) {
		char *end;
		long p = strtol(format + 2, &end, 10);
		long s = *end == ',' ? strtol(end + 1, &end, 10) : -1;

		if (*end || p < 1 || p > 38 || s < 0 || s > 38)
			return false;
		field->storage = CX_DECIMAL128;
		field->type.precision = (int16_t)p;
		field->type.scale = (int16_t)s;
		return true;
	}
	for (int i = 0; i < CX_STORAGE_COUNT; i++) {
		if (formats[i][0] && strcmp(format, formats[i]) == 0) {
			field->storage = (cx_storage)i;
			return true;
		}
	}
	return false;
}

bool cx_field_of_schema(const struct ArrowSchema *child, cx_field *out)
{
	cx_field field = {.name = child->name, .type = {.precision = -1, .scale = -1}};
	cdbc_text text;
	cx_field item;

	if (!storage_of_format(child->format, &field))
		return false;
	field.type.id = usual_types[field.storage];
	if (field.storage == CX_LIST) {
		if (child->n_children != 1 || !cx_field_of_schema(child->children[0], &item) ||
			item.storage == CX_LIST)
			return false;
		field.item = item.storage;
		field.type = item.type;
		field.type.is_array = true;
	}
	if (cx_metadata_find(child->metadata, "ARROW:extension:name", &text) && text.length == 10 &&
		memcmp(text.data, "arrow.json", 10) == 0)
		field.type.id = CDBC_TYPE_JSON;
	if (field.storage == CX_UTF8 && cx_metadata_find(child->metadata, "cdbc.type", &text) &&
		text.length == 7 && memcmp(text.data, "numeric", 7) == 0)
		field.type.id = CDBC_TYPE_NUMERIC;
	*out = field;
	return true;
}
