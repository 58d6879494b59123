// SPDX-License-Identifier: Apache-2.0
/* A statement that is checked, and its query as written: where it comes from, and a hash of it. */
#include "service/check/check.h"

cdbc_status cx_check_origin(const cx_check *check, const cx_check_statement *s, size_t offset,
							cx_place *out)
{
	size_t at = s->base + offset;
	cdbc_status status = CDBC_OK;

	if (s->statement)
		status = cx_record_origin(check->record, s->statement, s->states, s->dialect, offset, &at,
								  check->err);
	if (!status)
		*out = cx_record_place(check->record, at);
	return status;
}

/* FNV-1a: kept in files, so it may not change. Carriage returns do not count: a file checked out
 * with other line ends is the same. */
static uint64_t add_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		if (*text != '\r')
			hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

uint64_t cx_check_hash(const cx_record *record)
{
	uint64_t hash = add_text(UINT64_C(0xcbf29ce484222325), record->query.info.sql);

	for (const cx_param_rule *rule = record->rules; rule; rule = rule->next) {
		hash = add_text(hash, rule->info.name);
		hash = add_text(hash, rule->info.type_name);
		for (size_t i = 0; rule->is_ident && i < rule->choice_count; i++)
			hash = add_text(hash, rule->names[i]);
	}
	return hash;
}
