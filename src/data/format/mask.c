// SPDX-License-Identifier: Apache-2.0
/* The transformer that hides a column. The values are gone from its batches, not only from sight: a
 * masked column is built anew. */
#include "base/alloc.h"
#include "base/column.h"
#include "base/error.h"
#include "data/result/print.h"

#include <cdbc/format.h>

#define MASK "***"

typedef struct mask {
	bool *is_masked; /* a column of the present schema */
	cx_field *fields;
	size_t count;
	char name[];
} mask;

static void forget_schema(mask *m)
{
	cx_free(m->is_masked);
	cx_free(m->fields);
	m->is_masked = NULL;
	m->fields = NULL;
	m->count = 0;
}

/* Every column of the name is masked, where several share it. */
static cdbc_status mask_schema(void *self, struct ArrowSchema *schema, cdbc_error **err)
{
	mask *m = self;
	size_t count = (size_t)schema->n_children;
	bool is_found = false;

	forget_schema(m);
	m->is_masked = cx_calloc(count + 1, sizeof *m->is_masked);
	m->fields = cx_calloc(count + 1, sizeof *m->fields);
	if (!m->is_masked || !m->fields)
		return cx_error_nomem(err);
	m->count = count;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(schema->children[i]->name, m->name) != 0)
			continue;
		if (!cx_field_of_schema(schema->children[i], &m->fields[i]))
			return cx_error_set(err, CDBC_UNSUPPORTED, "column \"%s\" has the Arrow format \"%s\"",
								m->name, schema->children[i]->format);
		m->fields[i].name = m->name;
		m->is_masked[i] = is_found = true;
	}
	if (!is_found)
		return cx_error_set(err, CDBC_NOT_FOUND, "the result has no column \"%s\"", m->name);
	return CDBC_OK;
}

/* A column of the old one's length and offset: the mask where a text has a value, else NULL. */
static cdbc_status make_masked(const cx_field *field, const struct ArrowArray *old,
							   struct ArrowArray *out, cdbc_error **err)
{
	bool is_text = field->storage == CX_UTF8 && field->type.id != CDBC_TYPE_JSON &&
				   field->type.id != CDBC_TYPE_NUMERIC;
	int64_t rows = old->offset + old->length;
	size_t bytes = is_text ? (size_t)rows * (sizeof MASK - 1) : 0;
	struct ArrowArray made;
	cdbc_status status;
	cx_batch b;

	status = cx_batch_begin(&b, field, 1, rows, bytes, err);
	if (status)
		return status;
	for (int64_t i = 0; i < rows && cx_batch_row(&b); i++) {
		if (is_text && i >= old->offset && !cx_is_null_at(old, i))
			cx_batch_put_bytes(&b, 0, MASK, sizeof MASK - 1);
		else
			cx_batch_set_null(&b, 0);
	}
	status = cx_batch_finish(&b, &made, err);
	if (status)
		return status;
	*out = *made.children[0];
	made.children[0]->release = NULL;
	made.release(&made);
	out->length = old->length;
	out->offset = old->offset;
	out->null_count = -1;
	return CDBC_OK;
}

static cdbc_status mask_batch(void *self, struct ArrowArray *batch, cdbc_error **err)
{
	const mask *m = self;

	if ((size_t)batch->n_children != m->count)
		return cx_error_set(err, CDBC_USAGE, "a batch has %lld columns, its schema %zu",
							(long long)batch->n_children, m->count);
	for (size_t i = 0; i < m->count; i++) {
		struct ArrowArray masked;
		cdbc_status status;

		if (!m->is_masked[i])
			continue;
		status = make_masked(&m->fields[i], batch->children[i], &masked, err);
		if (status)
			return status;
		batch->children[i]->release(batch->children[i]);
		*batch->children[i] = masked;
	}
	return CDBC_OK;
}

static void mask_destroy(void *self)
{
	mask *m = self;

	if (m)
		forget_schema(m);
	cx_free(m);
}

cdbc_status cdbc_transformer_mask(const char *column_name, cdbc_transformer *out, cdbc_error **err)
{
	size_t length = strlen(column_name);
	mask *m = cx_calloc(1, sizeof *m + length + 1);

	if (!m)
		return cx_error_nomem(err);
	memcpy(m->name, column_name, length + 1);
	*out = (cdbc_transformer){sizeof *out, "mask", mask_schema, mask_batch, mask_destroy, m};
	return CDBC_OK;
}
