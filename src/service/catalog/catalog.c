// SPDX-License-Identifier: Apache-2.0
/* The catalog: records in a hash table by name, and in a list by name. Loading is in files.c,
 * sections.c, headers.c and params.c; what a client's generations are made of is in generation.c.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "service/catalog/table.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_MIN 64

/* ---- Names ---------------------------------------------------------------------------------- */

/* Eight bytes with `_` for each `-`. */
static inline uint64_t fold(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), low = ones * 0x7f;
	uint64_t x = word ^ ones * '-';
	uint64_t zero = ~(((x & low) + low) | x | low); /* the top bit of each byte that was `-` */

	return word ^ (zero >> 7) * ('-' ^ '_');
}

/* One to seven bytes; what is read twice is the same in the same place. */
static inline uint64_t short_word(const char *bytes, size_t length)
{
	uint32_t first, last;

	if (length >= 4) {
		memcpy(&first, bytes, 4);
		memcpy(&last, bytes + length - 4, 4);
		return first | (uint64_t)last << (length - 4) * 8;
	}
	return (uint64_t)(unsigned char)bytes[0] |
		   (uint64_t)(unsigned char)bytes[length / 2] << length / 2 * 8 |
		   (uint64_t)(unsigned char)bytes[length - 1] << (length - 1) * 8;
}

bool cx_catalog_key(const char *name, cx_key *out)
{
	size_t length = strlen(name), i, n = 0;
	uint64_t word, hash = length;

	if (length - 1 >= CX_NAME_MAX) /* none too */
		return false;
	for (i = 0; i < length; i += 8) {
		if (length - i >= 8) {
			memcpy(&word, name + i, 8);
		} else if (i) { /* the last eight bytes, without those that were taken */
			memcpy(&word, name + length - 8, 8);
			word >>= (8 - (length - i)) * 8;
		} else {
			word = short_word(name, length);
		}
		word = fold(word);
		out->words[n++] = word;
		hash = cx_hash_mix(hash ^ word, UINT64_C(0xe7037ed1a0b428db));
	}
	out->count = n;
	out->hash = hash ^ hash >> 32;
	return true;
}

static inline bool same_key(const cx_key *a, const cx_key *b)
{
	if (a->hash != b->hash || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->words[i] != b->words[i])
			return false;
	return true;
}

static inline cx_record *find_key(const cdbc_catalog *catalog, const cx_key *key)
{
	cx_record *record;

	if (!catalog->table_size)
		return NULL;
	for (size_t i = key->hash & (catalog->table_size - 1); (record = catalog->table[i]) != NULL;
		 i = (i + 1) & (catalog->table_size - 1))
		if (same_key(&record->key, key))
			return record;
	return NULL;
}

/* ---- The table ------------------------------------------------------------------------------ */

cx_record *cx_catalog_find_key(const cdbc_catalog *catalog, const cx_key *key)
{
	return find_key(catalog, key);
}

void cx_catalog_put(cdbc_catalog *catalog, cx_record *record)
{
	size_t i = record->key.hash & (catalog->table_size - 1);

	while (catalog->table[i])
		i = (i + 1) & (catalog->table_size - 1);
	catalog->table[i] = record;
	catalog->name_count++;
}

/* Puts the records into the table again, from nothing. */
static void fill(cdbc_catalog *catalog)
{
	catalog->name_count = 0;
	if (catalog->table)
		memset(catalog->table, 0, catalog->table_size * sizeof(cx_record *));
	for (size_t i = 0; i < catalog->record_count; i++) {
		cx_record *record = catalog->records[i], *first = find_key(catalog, &record->key);

		record->next_variant = NULL;
		if (first) {
			while (first->next_variant)
				first = first->next_variant;
			first->next_variant = record;
		} else {
			cx_catalog_put(catalog, record);
		}
	}
}

static bool make_room(cdbc_catalog *catalog)
{
	size_t size = catalog->table_size ? catalog->table_size * 2 : TABLE_MIN;
	cx_record **table;

	if (catalog->name_count * 2 + 2 <= catalog->table_size)
		return true;
	table = cx_calloc(size, sizeof(cx_record *));
	if (!table)
		return false;
	cx_free(catalog->table);
	catalog->table = table;
	catalog->table_size = size;
	fill(catalog);
	return true;
}

cdbc_status cx_catalog_insert(cx_sqlfiles *loader, cx_section *section, cx_record *record)
{
	cdbc_catalog *catalog = loader->catalog;
	cx_record *first, *variant;

	first = find_key(catalog, &record->key);
	for (variant = first; variant; variant = variant->next_variant)
		if (variant->dialects == record->dialects || (variant->dialects & record->dialects))
			return cx_sqlfiles_fail(loader, section, section->name_place,
									"give one of them another name, or other dialects",
									"query \"%s\" is also in %s:%lld", record->query.info.name,
									variant->query.info.file, (long long)variant->query.info.line);
	if (catalog->record_count >= CX_QUERIES_MAX)
		return cx_sqlfiles_fail(loader, section, section->name_place, NULL, "more than %d queries",
								CX_QUERIES_MAX);
	if (!make_room(catalog) || !cx_grow(&catalog->records, catalog->record_count,
										&catalog->record_capacity, sizeof(cx_record *)))
		return cx_error_nomem(loader->err);
	catalog->records[catalog->record_count++] = record;
	section->record = NULL;
	if (!first) {
		cx_catalog_put(catalog, record);
		return CDBC_OK;
	}
	while (first->next_variant)
		first = first->next_variant;
	first->next_variant = record;
	return CDBC_OK;
}

static int by_name(const void *a, const void *b)
{
	const cx_record *x = *(cx_record *const *)a, *y = *(cx_record *const *)b;

	return strcmp(x->query.info.name, y->query.info.name);
}

cdbc_status cx_catalog_sort(cdbc_catalog *catalog, cdbc_error **err)
{
	cx_record **sorted = cx_calloc(catalog->name_count + 1, sizeof *sorted);
	size_t n = 0;

	if (!sorted)
		return cx_error_nomem(err);
	for (size_t i = 0; i < catalog->table_size; i++)
		if (catalog->table[i])
			sorted[n++] = catalog->table[i];
	qsort(sorted, n, sizeof *sorted, by_name);
	cx_free(catalog->sorted);
	catalog->sorted = sorted;
	return CDBC_OK;
}

/* ---- Life ----------------------------------------------------------------------------------- */

void cx_record_fini(cx_record *record)
{
	cx_statement_unref(record->query.statement);
	cx_statement_unref(record->query.statement_qmark);
	cx_forms_free(atomic_exchange(&record->forms, NULL));
	cx_variants_free(record->variants);
	record->variants = NULL;
	for (cx_param_rule *rule = record->rules; rule; rule = rule->next)
		cx_rule_fini(rule);
}

cdbc_status cdbc_catalog_new(cdbc_catalog **out, cdbc_error **err)
{
	cdbc_catalog *catalog = cx_calloc(1, sizeof *catalog);

	if (!catalog)
		return cx_error_nomem(err);
	atomic_init(&catalog->refs, 1);
	*out = catalog;
	return CDBC_OK;
}

void cdbc_catalog_free(cdbc_catalog *catalog)
{
	if (!catalog || atomic_fetch_sub_explicit(&catalog->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < catalog->part_count; i++)
		cdbc_catalog_free(catalog->parts[i]);
	cx_free(catalog->parts);
	for (size_t i = 0; i < catalog->record_count; i++)
		cx_record_fini(catalog->records[i]);
	for (size_t i = 0; i < catalog->arena_count; i++)
		cx_arena_free(&catalog->arenas[i]);
	cx_free(catalog->arenas);
	cx_free(catalog->records);
	cx_free(catalog->table);
	cx_free(catalog->sorted);
	cx_free(catalog);
}

/* Loads a path (NULL: the files) with a loader that is set up; takes back what it added when it
 * fails. */
static cdbc_status load(cx_sqlfiles *loader, const char *path, const cdbc_embedded_file *files,
						size_t file_count)
{
	cdbc_catalog *catalog = loader->catalog;
	size_t before = catalog->record_count;
	cdbc_status status = CDBC_OK;

	if (catalog->is_sealed)
		return cx_error_set(loader->err, CDBC_USAGE, "load %s: the catalog belongs to a client",
							path         ? path
							: file_count ? files[0].file
										 : "queries");
	if (!cx_grow(&catalog->arenas, catalog->arena_count, &catalog->arena_capacity,
				 sizeof *catalog->arenas))
		return cx_error_nomem(loader->err);
	catalog->arenas[catalog->arena_count] = (cx_arena)CX_ARENA_INIT;
	loader->arena = &catalog->arenas[catalog->arena_count++];
	if (path)
		status = cx_sqlfiles_path(loader, path);
	for (size_t i = 0; !status && i < file_count; i++)
		status = cx_sqlfiles_embedded(loader, &files[i]);
	if (!status)
		status = cx_catalog_sort(catalog, loader->err);
	if (!status)
		return CDBC_OK;
	while (catalog->record_count > before)
		cx_record_fini(catalog->records[--catalog->record_count]);
	fill(catalog);
	cx_arena_free(&catalog->arenas[--catalog->arena_count]);
	return status;
}

cdbc_status cdbc_catalog_load(cdbc_catalog *catalog, const char *path, cdbc_error **err)
{
	return cdbc_catalog_load_style(catalog, path, CDBC_STYLE_CDBC, err);
}

cdbc_status cdbc_catalog_load_style(cdbc_catalog *catalog, const char *path, cdbc_sql_style style,
									cdbc_error **err)
{
	cx_sqlfiles loader = {.catalog = catalog, .err = err, .is_sqlc = style == CDBC_STYLE_SQLC};

	return load(&loader, path, NULL, 0);
}

cdbc_status cdbc_catalog_add_text(cdbc_catalog *catalog, const char *file, const char *text,
								  size_t length, cdbc_error **err)
{
	cdbc_embedded_file embedded = {file, text, length};
	cx_sqlfiles loader = {.catalog = catalog, .err = err};

	return load(&loader, NULL, &embedded, 1);
}

cdbc_status cdbc_catalog_add_embedded(cdbc_catalog *catalog, const cdbc_embedded_queries *embedded,
									  cdbc_error **err)
{
	cx_sqlfiles loader = {.catalog = catalog, .err = err};

	return load(&loader, NULL, embedded->files, embedded->file_count);
}

bool cdbc_catalog_has_grammar(void)
{
	cx_grammar grammar;

	return cx_grammar_open(&grammar);
}

cdbc_status cdbc_catalog_check_style(const char *const *paths, const cdbc_sql_style *styles,
									 size_t path_count, const char *dialect,
									 void (*report)(void *data, const cdbc_diagnostic *diagnostic),
									 void *data, size_t *error_count, cdbc_error **err)
{
	cdbc_catalog *catalog = NULL;
	cx_sqlfiles loader = {.report = report, .data = data, .err = err, .is_grammar_checked = true};
	const cx_dialect *meant;
	cdbc_status status = CDBC_OK;

	if (dialect) {
		status = cx_dialect_get(dialect, strlen(dialect), &meant, err);
		if (status) {
			cx_error_status(err, CDBC_CONFIG);
			return CDBC_CONFIG;
		}
		loader.dialect = meant->bit;
	}
	cx_grammar_open(&loader.grammar);
	status = cdbc_catalog_new(&catalog, err);

	loader.catalog = catalog;
	for (size_t i = 0; i < path_count && !status; i++) {
		loader.is_sqlc = styles && styles[i] == CDBC_STYLE_SQLC;
		status = load(&loader, paths[i], NULL, 0);
	}
	cdbc_catalog_free(catalog);
	if (!status)
		*error_count = loader.error_count;
	return status;
}

cdbc_status cdbc_catalog_check_for(const char *const *paths, size_t path_count, const char *dialect,
								   void (*report)(void *data, const cdbc_diagnostic *diagnostic),
								   void *data, size_t *error_count, cdbc_error **err)
{
	return cdbc_catalog_check_style(paths, NULL, path_count, dialect, report, data, error_count,
									err);
}

cdbc_status cdbc_catalog_check(const char *const *paths, size_t path_count,
							   void (*report)(void *data, const cdbc_diagnostic *diagnostic),
							   void *data, size_t *error_count, cdbc_error **err)
{
	return cdbc_catalog_check_style(paths, NULL, path_count, NULL, report, data, error_count, err);
}

/* ---- Asking --------------------------------------------------------------------------------- */

uint64_t cdbc_catalog_generation(const cdbc_catalog *catalog)
{
	return catalog->generation;
}

const cx_record *cx_catalog_record(const cdbc_catalog *catalog, size_t index)
{
	for (size_t i = 0; i < catalog->part_count; i++) {
		const cdbc_catalog *part = catalog->parts[i];

		if (index < part->record_count)
			return part->records[index];
		index -= part->record_count;
	}
	return index < catalog->record_count ? catalog->records[index] : NULL;
}

size_t cdbc_catalog_count(const cdbc_catalog *catalog)
{
	return catalog->name_count;
}

bool cdbc_catalog_at(const cdbc_catalog *catalog, size_t index, cdbc_query_info *out)
{
	if (index >= catalog->name_count)
		return false;
	*out = catalog->sorted[index]->query.info;
	return true;
}

static cdbc_status fail_unknown(const cdbc_catalog *catalog, const char *name, cdbc_error **err)
{
	cdbc_status status = cx_error_set(err, CDBC_NOT_FOUND, "there is no query \"%s\"", name);
	const char *near[3];
	size_t count = 0;

	for (size_t limit = 1; limit <= 2 && count == 0; limit++)
		for (size_t i = 0; i < catalog->name_count && count < 3; i++) {
			const char *candidate = catalog->sorted[i]->query.info.name,
					   *dot = strrchr(candidate, '.');

			if (cx_text_distance(name, candidate, limit) <= limit ||
				(dot && cx_text_distance(name, dot + 1, limit) <= limit))
				near[count++] = candidate;
		}
	if (count)
		cx_error_hint(err, "did you mean \"%s\"%s%s%s%s%s%s?", near[0], count > 1 ? ", \"" : "",
					  count > 1 ? near[1] : "", count > 1 ? "\"" : "", count > 2 ? " or \"" : "",
					  count > 2 ? near[2] : "", count > 2 ? "\"" : "");
	else if (catalog->name_count == 0)
		cx_error_hint(err, "no queries are loaded: name a folder of SQL files");
	return status;
}

/* The variant for a dialect: its own, that of the one it is based on, then the one for all. */
static const cx_record *variant_for(const cx_record *first, const cx_dialect *dialect)
{
	const cx_record *all = NULL;

	if (!dialect)
		return first;
	for (; dialect; dialect = dialect->based_on)
		for (const cx_record *r = first; r; r = r->next_variant)
			if (r->dialects & dialect->bit)
				return r;
			else if (r->dialects == 0)
				all = r;
	return all;
}

cdbc_status cx_catalog_find(const cdbc_catalog *catalog, const char *name,
							const cx_dialect *dialect, const cx_query **out, cdbc_error **err)
{
	cx_key key;
	const cx_record *record = cx_catalog_key(name, &key) ? find_key(catalog, &key) : NULL;

	if (!record)
		return fail_unknown(catalog, name, err);
	if (record->dialects || record->next_variant) {
		record = variant_for(record, dialect);
		if (!record)
			return cx_error_set(err, CDBC_NOT_FOUND, "query \"%s\" has no variant for %s", name,
								dialect->api.name);
	}
	*out = &record->query;
	return CDBC_OK;
}

cdbc_status cdbc_catalog_get(const cdbc_catalog *catalog, const char *name, cdbc_query_info *out,
							 cdbc_error **err)
{
	cx_key key;
	const cx_record *record = cx_catalog_key(name, &key) ? find_key(catalog, &key) : NULL;

	if (!record)
		return fail_unknown(catalog, name, err);
	*out = record->query.info;
	return CDBC_OK;
}

const char *cdbc_cardinality_name(cdbc_cardinality cardinality)
{
	static const char *const names[] = {":many",     ":one", ":one?",  "$",         ":exec",
										":execrows", "<!",   ":batch", ":copyfrom", "#"};

	return (unsigned)cardinality < sizeof names / sizeof *names ? names[cardinality] : "unknown";
}

const char *cdbc_kind_name(cdbc_statement_kind kind)
{
	static const char *const names[] = {"unknown",     "select",  "dml",  "ddl",
										"transaction", "session", "copy", "utility"};

	return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}
