// SPDX-License-Identifier: Apache-2.0
/* Putting generations together. */
#include "service/catalog/generation.h"

#include "base/alloc.h"
#include "base/error.h"
#include "service/catalog/table.h"

#include <string.h>

cdbc_catalog *cx_catalog_ref(cdbc_catalog *catalog)
{
	atomic_fetch_add_explicit(&catalog->refs, 1, memory_order_relaxed);
	return catalog;
}

static cdbc_status fail_twice(const cx_record *record, const cx_record *other, cdbc_error **err)
{
	const cdbc_query_info *info = &record->query.info;
	int64_t column = (int64_t)(record->place.offset - record->place.line_start) + 1;

	cx_error_set(err, CDBC_SQL_FILE, "%s:%lld:%lld: query \"%s\" is also in %s:%lld", info->file,
				 (long long)info->line, (long long)column, info->name, other->query.info.file,
				 (long long)other->query.info.line);
	cx_error_place(err, info->file, info->line, column);
	cx_error_hint(err, "give one of them another name");
	return CDBC_SQL_FILE;
}

static cdbc_status add_part(cdbc_catalog *catalog, cdbc_catalog *part, cdbc_error **err)
{
	for (size_t i = 0; i < part->name_count; i++) {
		const cx_record *other = cx_catalog_find_key(catalog, &part->sorted[i]->key);

		if (other)
			return fail_twice(part->sorted[i], other, err);
		cx_catalog_put(catalog, part->sorted[i]);
	}
	part->is_sealed = true;
	catalog->parts[catalog->part_count++] = cx_catalog_ref(part);
	return CDBC_OK;
}

cdbc_status cx_catalog_compose(cdbc_catalog *const *parts, size_t part_count, uint64_t generation,
							   cdbc_catalog **out, cdbc_error **err)
{
	cdbc_catalog *catalog = NULL;
	size_t names = 0, size = 64;
	cdbc_status status = cdbc_catalog_new(&catalog, err);

	if (status)
		return status;
	for (size_t i = 0; i < part_count; i++)
		names += parts[i]->name_count;
	while (size <= names * 2)
		size *= 2;
	catalog->is_sealed = true;
	catalog->generation = generation;
	catalog->table = cx_calloc(size, sizeof(cx_record *));
	catalog->parts = cx_calloc(part_count + 1, sizeof(cdbc_catalog *));
	if (!catalog->table || !catalog->parts) {
		status = cx_error_nomem(err);
		goto out;
	}
	catalog->table_size = size;
	for (size_t i = 0; i < part_count && !status; i++)
		status = add_part(catalog, parts[i], err);
	if (!status)
		status = cx_catalog_sort(catalog, err);
out:
	if (status)
		cdbc_catalog_free(catalog);
	else
		*out = catalog;
	return status;
}

/* ---- Statements that stay ------------------------------------------------------------------- */

static bool is_same_param(const cx_statement_param *a, const cx_statement_param *b)
{
	if (!a->name != !b->name || (a->name && strcmp(a->name, b->name) != 0))
		return false;
	return a->is_list == b->is_list && a->type.id == b->type.id &&
		   a->type.is_array == b->type.is_array && a->type.precision == b->type.precision &&
		   a->type.scale == b->type.scale;
}

static bool is_same_statement(const cx_statement *a, const cx_statement *b)
{
	if (a->sql_length != b->sql_length || a->param_count != b->param_count || a->kind != b->kind ||
		a->flags != b->flags || a->is_positional != b->is_positional ||
		a->statement_count != b->statement_count || memcmp(a->sql, b->sql, a->sql_length) != 0)
		return false;
	for (size_t i = 0; i < a->param_count; i++)
		if (!is_same_param(&a->params[i], &b->params[i]))
			return false;
	return true;
}

/* Names that are borrowed from a statement, by those of its twin. */
static void rename_params(cx_record *record, const cx_statement *from, const cx_statement *to)
{
	cdbc_query_param *params = (cdbc_query_param *)(uintptr_t)record->query.info.params;

	for (size_t i = 0; i < record->query.info.param_count; i++)
		for (size_t k = 0; k < from->param_count; k++)
			if (params[i].name == from->params[k].name) {
				params[i].name = to->params[k].name;
				break;
			}
}

static void take_over(cx_record *record, cx_statement **mine, cx_statement *old)
{
	if (!*mine || !old || !is_same_statement(*mine, old))
		return;
	rename_params(record, *mine, old);
	cx_statement_unref(*mine);
	*mine = cx_statement_ref(old);
}

/* One that nobody uses yet gets the statement of an old one, when it is the same. */
static void share(const cx_variant *made, const cx_variant *old)
{
	cx_variant *mine = (cx_variant *)(uintptr_t)made;

	if (!is_same_statement(mine->statement, old->statement))
		return;
	cx_statement_unref(mine->statement);
	mine->statement = cx_statement_ref(old->statement);
}

/* Of statements that are made when they are wanted, those that were. What memory is too short for
 * is made later, and is prepared again. */
static void inherit_variants(cx_record *record, const cx_record *old)
{
	const cx_variants *v = record->variants, *from = old->variants;
	const cx_variant *before, *made;

	if (v->count != from->count || v->switch_count != from->switch_count ||
		memcmp(v->states, from->states, v->count * v->switch_count) != 0)
		return;
	for (size_t i = 0; i < v->count * 2; i++) {
		before = atomic_load_explicit(&from->made[i], memory_order_acquire);
		if (before && !cx_variant_get(record, i % v->count,
									  i < v->count ? &cx_dialect_postgresql : &cx_dialect_sqlite,
									  &made, NULL))
			share(made, before);
	}
}

static void inherit_forms(cx_record *record, const cx_record *old)
{
	const cx_form *form = atomic_load_explicit(&old->forms, memory_order_acquire);
	size_t count = record->variants ? record->variants->count : 1;
	const cx_variant *before, *made;

	for (; form; form = form->next)
		for (size_t i = 0; i < form->count && form->count == count; i++) {
			before = atomic_load_explicit(&form->made[i], memory_order_acquire);
			if (before && cx_form_is_own(record, form->dialect) &&
				!cx_form_get(record, i, form->dialect, &made, NULL))
				share(made, before);
		}
}

void cx_catalog_inherit(cdbc_catalog *catalog, const cdbc_catalog *old)
{
	for (size_t i = 0; i < catalog->record_count; i++) {
		cx_record *record = catalog->records[i], *before = cx_catalog_find_key(old, &record->key);

		while (before &&
			   (before->dialects != record->dialects || !before->variants != !record->variants))
			before = before->next_variant;
		if (!before)
			continue;
		if (record->variants) {
			inherit_variants(record, before);
		} else {
			take_over(record, &record->query.statement, before->query.statement);
			take_over(record, &record->query.statement_qmark, before->query.statement_qmark);
		}
		inherit_forms(record, before);
	}
}
