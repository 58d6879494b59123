// SPDX-License-Identifier: Apache-2.0
/* What the columns of a result are: made once a prepared statement, or once a result that was not
 * prepared. No values here. */
#include "internal.h"

#include "base/alloc.h"

typedef char words[CX_PG_WORDS_MAX];

void cx_pg_shape_release(cx_pg_shape *shape)
{
	if (shape->schema.release)
		shape->schema.release(&shape->schema);
	cx_free(shape->fields);
	memset(shape, 0, sizeof *shape);
}

/* One block: fields, decoders, numbers of the text columns, the types' words, the names. */
static bool shape_alloc(const PGresult *result, size_t count, cx_pg_shape *shape,
						words **type_words, char **names)
{
	size_t size = count * (sizeof(cx_field) + sizeof(cx_pg_decoder) + sizeof(int) + sizeof(words));
	char *block;

	for (size_t i = 0; i < count; i++)
		size += strlen(PQfname(result, (int)i)) + 1;
	block = cx_alloc(size);
	if (!block)
		return false;
	shape->count = count;
	shape->fields = (cx_field *)block;
	shape->decoders = (cx_pg_decoder *)(shape->fields + count);
	shape->text_columns = (int *)(shape->decoders + count);
	*type_words = (words *)(shape->text_columns + count);
	*names = (char *)(*type_words + count);
	return true;
}

cdbc_status cx_pg_shape_make(const PGresult *result, bool is_described, bool checks_utf8,
							 cdbc_numeric_mode numeric, cdbc_arrays_mode arrays, cx_pg_shape *out,
							 cdbc_error **err)
{
	int count = PQnfields(result);
	cx_pg_shape shape = {.is_binary = is_described};
	words *type_words;
	char *name;
	cdbc_status status = CDBC_OK;

	if (count <= 0) {
		*out = (cx_pg_shape){0};
		return CDBC_OK;
	}
	if (!shape_alloc(result, (size_t)count, &shape, &type_words, &name))
		return cx_error_nomem(err);
	for (int i = 0; i < count && !status; i++) {
		bool has_binary = false;
		size_t length = strlen(PQfname(result, i)) + 1;

		memcpy(name, PQfname(result, i), length);
		status = cx_pg_field(PQftype(result, i), PQfmod(result, i), name, numeric, arrays,
							 type_words[i], &shape.fields[i], &has_binary);
		shape.is_binary = shape.is_binary && has_binary;
		if (shape.fields[i].storage == CX_UTF8 || shape.fields[i].storage == CX_BINARY)
			shape.text_columns[shape.text_count++] = i;
		shape.has_long =
			shape.text_count > 0 || shape.has_long || shape.fields[i].storage == CX_LIST;
		name += length;
	}
	for (int i = 0; i < count && !status; i++)
		cx_pg_decoder_init(&shape.decoders[i], PQftype(result, i), &shape.fields[i],
						   is_described ? shape.is_binary : PQfformat(result, i) == 1, checks_utf8);
	if (!status)
		status = cx_schema_make(shape.fields, (size_t)count, &shape.schema, err);
	if (status)
		cx_pg_shape_release(&shape);
	else
		*out = shape;
	return status;
}
