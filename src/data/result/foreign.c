// SPDX-License-Identifier: Apache-2.0
/* The shape of Arrow data from elsewhere. */
#include "data/result/foreign.h"

#include "base/error.h"

static bool is_known(const struct ArrowSchema *column)
{
	cx_field field;

	return column && column->format && column->release && !column->dictionary &&
		   cx_field_of_schema(column, &field) &&
		   (field.storage != CX_LIST || !column->children[0]->dictionary);
}

cdbc_status cx_foreign_schema(const struct ArrowSchema *schema, struct ArrowSchema *out,
							  cdbc_error **err)
{
	if (!schema->format || strcmp(schema->format, "+s") != 0 || schema->n_children < 1)
		return cx_error_set(err, CDBC_UNSUPPORTED,
							"the Arrow schema is no struct of columns, its format is \"%s\"",
							schema->format ? schema->format : "");
	for (int64_t i = 0; i < schema->n_children; i++) {
		const struct ArrowSchema *column = schema->children[i];

		if (!is_known(column))
			return cx_error_set(err, CDBC_UNSUPPORTED,
								"column \"%s\" has the Arrow format \"%s\"%s",
								column && column->name ? column->name : "",
								column && column->format ? column->format : "",
								column && column->dictionary ? " in a dictionary" : "");
	}
	return cx_schema_copy(schema, out, err);
}

static int64_t buffer_count(cx_storage storage)
{
	return storage == CX_UTF8 || storage == CX_BINARY ? 3 : 2;
}

/* An array and how many values of it are needed. */
static bool is_shaped(const struct ArrowArray *array, cx_storage storage, int64_t need)
{
	if (!array || !array->release || array->dictionary || array->offset < 0 ||
		array->length < need || array->n_buffers != buffer_count(storage) ||
		array->n_children != (storage == CX_LIST))
		return false;
	return need == 0 || (array->buffers && array->buffers[1]);
}

static bool is_column(const cx_field *field, const struct ArrowArray *array, int64_t need)
{
	int64_t end = array ? array->offset + need : 0;

	if (!is_shaped(array, field->storage, need))
		return false;
	if (need == 0)
		return true;
	if (buffer_count(field->storage) == 3)
		return array->buffers[2] || ((const int32_t *)array->buffers[1])[end] == 0;
	return field->storage != CX_LIST ||
		   is_shaped(array->children[0], field->item, ((const int32_t *)array->buffers[1])[end]);
}

/* Rows that are NULL as a whole. */
static bool has_null_rows(const struct ArrowArray *batch)
{
	const uint8_t *validity = batch->n_buffers && batch->buffers ? batch->buffers[0] : NULL;

	if (!validity || batch->null_count == 0)
		return false;
	for (int64_t i = batch->offset; i < batch->offset + batch->length; i++)
		if (!(validity[i >> 3] >> (i & 7) & 1))
			return true;
	return false;
}

cdbc_status cx_foreign_batch(const cx_field *fields, size_t count, const struct ArrowArray *batch,
							 cdbc_error **err)
{
	if (batch->length < 0 || batch->offset < 0 || (size_t)batch->n_children != count)
		return cx_error_set(err, CDBC_DATA, "a batch has %lld columns, its schema %zu",
							(long long)batch->n_children, count);
	if (has_null_rows(batch))
		return cx_error_set(err, CDBC_DATA, "a batch has rows that are NULL as a whole");
	for (size_t i = 0; i < count; i++)
		if (!is_column(&fields[i], batch->children[i], batch->offset + batch->length))
			return cx_error_set(err, CDBC_DATA,
								"column \"%s\" of a batch is not as its schema says",
								fields[i].name);
	return CDBC_OK;
}
