// SPDX-License-Identifier: Apache-2.0
/* Columns in the Arrow layout: fields, schemas, and the builder of batches. Knows Arrow and the
 * names of SQL types, not a database.
 *
 * A batch is built row by row. Fixed-size values, offsets and bytes begin in one block that also
 * holds the ArrowArrays, so a small batch is one allocation; a column that outgrows its part of the
 * block gets memory of its own.
 *
 *     cx_batch b;
 *     if (cx_batch_begin(&b, fields, count, row_hint, bytes_hint, err)) ...
 *     for each row {
 *         if (!cx_batch_row(&b)) -> out of memory (cx_batch_fail tells)
 *         cx_batch_set_int64(&b, 0, 7); cx_batch_set_null(&b, 1); cx_batch_put_bytes(&b, 2, "x",
 * 1);
 *     }
 *     cx_batch_finish(&b, &array, err);      or cx_batch_discard(&b);
 *
 * cx_batch_row() opens a row; every column must then be set once. A row is taken back by
 * cx_batch_unrow(). */
#ifndef CX_COLUMN_H
#define CX_COLUMN_H

#include <cdbc/arrow.h>
#include <cdbc/error.h>
#include <cdbc/value.h>

typedef enum cx_storage {
	CX_BOOL,
	CX_INT16,
	CX_INT32,
	CX_INT64,
	CX_FLOAT32,
	CX_FLOAT64,
	CX_UTF8,
	CX_BINARY,
	CX_DECIMAL128, /* little-endian two's complement, 16 bytes */
	CX_DATE32,     /* days since 1970-01-01 */
	CX_TIME64,     /* microseconds since midnight */
	CX_TIMESTAMP,  /* microseconds since 1970, no zone */
	CX_TIMESTAMPTZ,
	CX_INTERVAL, /* int32 months, int32 days, int64 nanoseconds */
	CX_UUID,     /* fixed_size_binary(16) */
	CX_LIST,     /* of field.item */
	CX_STORAGE_COUNT
} cx_storage;

/* The extremes stand for infinity in dates and timestamps. */
#define CX_DATE_INFINITY          INT32_MAX
#define CX_DATE_NEG_INFINITY      INT32_MIN
#define CX_TIMESTAMP_INFINITY     INT64_MAX
#define CX_TIMESTAMP_NEG_INFINITY INT64_MIN

/* A column's description. Strings are borrowed. */
typedef struct cx_field {
	const char *name;
	const char *sql_type; /* the database's word; NULL: cdbc_type_name */
	cdbc_type type;       /* type.is_array with storage CX_LIST; precision and scale of a decimal */
	cx_storage storage;
	cx_storage item; /* of CX_LIST */
} cx_field;

/* The storage that the design's type table gives to a SQL type, numeric(p <= 38,s) included; arrays
 * are CX_LIST of it. OTHER and numeric without precision: CX_UTF8. */
cx_storage cx_storage_of(cdbc_type type);
/* Makes field.storage and item from its type. */
void cx_field_resolve(cx_field *field);

/* A struct schema of the fields, with SQL types in the metadata (cdbc.sql_type; cdbc.type of a
 * numeric that is text) and arrow.json, arrow.uuid as extensions. */
cdbc_status cx_schema_make(const cx_field *fields, size_t count, struct ArrowSchema *out,
						   cdbc_error **err);
cdbc_status cx_schema_copy(const struct ArrowSchema *schema, struct ArrowSchema *out,
						   cdbc_error **err);
/* Reads a child schema back into a field; strings point into it. False when the format is none of
 * ours. */
bool cx_field_of_schema(const struct ArrowSchema *child, cx_field *out);
/* The fields of a struct schema that cx_schema_make or cx_schema_copy made; NULL for one from
 * elsewhere (copy it first). Borrowed. */
const cx_field *cx_schema_fields(const struct ArrowSchema *schema);
/* Finds a key in Arrow's binary metadata. False: not there. *value is not NUL terminated. */
bool cx_metadata_find(const char *metadata, const char *key, cdbc_text *value);

typedef struct cx_builder {
	cx_storage storage;
	uint32_t width;    /* bytes of a fixed value; 0: bits, or bytes with offsets */
	uint8_t *validity; /* NULL: no nulls so far */
	void *data;        /* values, bits, or int32 offsets */
	char *bytes;       /* of UTF8 and BINARY */
	size_t bytes_length;
	size_t bytes_capacity;
	int64_t null_count;
	uint8_t owned;           /* bit 0 validity, 1 data, 2 bytes are memory of their own */
	struct cx_builder *item; /* of LIST */
	int64_t item_length;
	int64_t item_capacity;
} cx_builder;

typedef struct cx_batch_block cx_batch_block;
typedef struct cx_batch {
	cx_batch_block *block;
	cx_builder *columns; /* in the block */
	size_t column_count;
	int64_t row_count;
	int64_t row_capacity;
	size_t bytes_count; /* roughly what the batch holds */
	bool has_failed;    /* out of memory, or more than 2 GiB in one column */
	bool is_over;
} cx_batch;

/* row_hint: rows that are surely coming (at least 1); bytes_hint: bytes of all texts together, 0
 * when unknown. */
cdbc_status cx_batch_begin(cx_batch *batch, const cx_field *fields, size_t count, int64_t row_hint,
						   size_t bytes_hint, cdbc_error **err);

/* Memory that small batches of the same columns take turns with: one that was released whole is
 * kept for the next. Any thread may release a batch, also after the store was freed. NULL: out of
 * memory. */
typedef struct cx_batch_store cx_batch_store;
cx_batch_store *cx_batch_store_new(void);
void cx_batch_store_free(cx_batch_store *store); /* takes NULL */
/* The same from a store, for up to so many rows; fields and count must be the same each time. */
#define CX_BATCH_STORE_ROWS 4
cdbc_status cx_batch_begin_stored(cx_batch *batch, cx_batch_store *store, const cx_field *fields,
								  size_t count, cdbc_error **err);

bool cx_batch_grow(cx_batch *batch);
/* Moves the batch into *out, a struct array; the batch is then empty. */
cdbc_status cx_batch_finish(cx_batch *batch, struct ArrowArray *out, cdbc_error **err);
void cx_batch_discard(cx_batch *batch);
void cx_batch_unrow(cx_batch *batch);

/* Opens a row. */
static inline bool cx_batch_row(cx_batch *batch)
{
	if (__builtin_expect(batch->row_count == batch->row_capacity, 0) && !cx_batch_grow(batch))
		return false;
	batch->row_count++;
	return !batch->has_failed;
}

/* The row being filled. */
static inline int64_t cx_batch_at(const cx_batch *batch)
{
	return batch->row_count - 1;
}

void cx_batch_set_null(cx_batch *batch, size_t column);
/* Room for n bytes as the column's value (UTF8, BINARY); NULL when it failed. */
char *cx_batch_put_room(cx_batch *batch, size_t column, size_t n);

#define CX_BATCH_SETTER(name, ctype)                                                    \
	static inline void cx_batch_set_##name(cx_batch *batch, size_t column, ctype value) \
	{                                                                                   \
		((ctype *)batch->columns[column].data)[cx_batch_at(batch)] = value;             \
	}
CX_BATCH_SETTER(int16, int16_t)
CX_BATCH_SETTER(int32, int32_t)
CX_BATCH_SETTER(int64, int64_t)
CX_BATCH_SETTER(float32, float)
CX_BATCH_SETTER(float64, double)
#undef CX_BATCH_SETTER

static inline void cx_batch_set_bool(cx_batch *batch, size_t column, bool value)
{
	uint8_t *bits = (uint8_t *)batch->columns[column].data;
	int64_t at = cx_batch_at(batch);

	if (value)
		bits[at >> 3] = (uint8_t)(bits[at >> 3] | 1u << (at & 7));
}

/* DECIMAL128, INTERVAL, UUID: 16 bytes as they stand in memory. */
static inline void cx_batch_set_16(cx_batch *batch, size_t column, const void *bytes)
{
	memcpy((char *)batch->columns[column].data + cx_batch_at(batch) * 16, bytes, 16);
}

static inline void cx_batch_put_bytes(cx_batch *batch, size_t column, const char *bytes, size_t n)
{
	cx_builder *c = &batch->columns[column];
	int32_t *offsets = (int32_t *)c->data;

	if (__builtin_expect(n <= c->bytes_capacity - c->bytes_length, 1)) {
		memcpy(c->bytes + c->bytes_length, bytes, n);
		c->bytes_length += n;
		offsets[batch->row_count] = (int32_t)c->bytes_length;
	} else {
		char *room = cx_batch_put_room(batch, column, n);

		if (room)
			memcpy(room, bytes, n);
	}
}

/* A LIST value: begin, then one item call for each item. A NULL list is cx_batch_set_null. */
void cx_batch_list_begin(cx_batch *batch, size_t column);
void cx_batch_item_null(cx_batch *batch, size_t column);
/* The item's bytes in its storage's layout (a fixed value as it stands in memory; bool: one byte;
 * text: its bytes). */
void cx_batch_item_put(cx_batch *batch, size_t column, const void *bytes, size_t n);

/* CDBC_OK, or why the batch failed: CDBC_NOMEM, or CDBC_RESOURCE for a column past 2 GiB. */
cdbc_status cx_batch_status(const cx_batch *batch, cdbc_error **err);

/* An empty array (0 rows) for a schema of no columns or an end; release NULL. */
static inline void cx_array_none(struct ArrowArray *out)
{
	memset(out, 0, sizeof *out);
}

#endif
