// SPDX-License-Identifier: Apache-2.0
/* `as-of:`, the time that a query reads at: kept when it is read, and checked when all headers and
 * the SQL are known, because who may run it decides what it may be. */
#include "data/sql/as_of.h"

#include "base/error.h"
#include "service/catalog/internal.h"

#include <string.h>

cdbc_status cx_header_as_of(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to)
{
	section->as_of_place = line;
	section->as_of_place.offset = from;
	section->record->query.info.as_of =
		cx_arena_strndup(loader->arena, loader->text + from, to - from);
	return section->record->query.info.as_of ? CDBC_OK : cx_error_nomem(loader->err);
}

bool cx_as_of_is_wanted(const cx_record *record)
{
	const unsigned served = cx_dialect_cockroachdb.bit | cx_dialect_postgresql.bit;

	return record->query.info.as_of && (record->dialects == 0 || (record->dialects & served));
}

/* With a dialect's own words for it, which only it can check. */
static cdbc_status check_own(cx_sqlfiles *loader, cx_section *section)
{
	const cx_record *record = section->record;
	size_t count = record->variants ? record->variants->count : 1;
	const cx_variant *ignored;
	const cx_dialect *dialect;
	cdbc_error *error = NULL;
	cdbc_status status = CDBC_OK;

	for (unsigned left = record->dialects; left && !status; left &= left - 1) {
		dialect = cx_dialect_of_bit(left & -left);
		if (!dialect || !dialect->api.as_of)
			continue;
		for (size_t i = 0; i < count && !status && !section->is_bad; i++) {
			if (!cx_form_get(record, i, dialect, &ignored, &error))
				continue;
			if (!error || cdbc_error_status(error) == CDBC_NOMEM)
				status = cx_error_nomem(loader->err);
			else
				status = cx_sqlfiles_fail(loader, section, section->as_of_place,
										  cdbc_error_field(error, CDBC_FIELD_HINT), "%s",
										  cdbc_error_message(error));
			cx_error_clear(&error);
		}
	}
	return status;
}

cdbc_status cx_as_of_settle(cx_sqlfiles *loader, cx_section *section, cx_place base,
							const char *text, size_t length)
{
	cx_record *record = section->record;
	const char *expression = record->query.info.as_of;
	size_t begin, end, place;
	cx_place at = section->as_of_place;
	cdbc_error *error = NULL;

	if (!expression)
		return CDBC_OK;
	if (cx_as_of_expression(expression, strlen(expression), cx_as_of_is_wanted(record), &begin,
							&end, &error))
		return cx_sqlfiles_adopt(loader, section, at, &error);
	record->query.info.as_of = cx_arena_strndup(loader->arena, expression + begin, end - begin);
	if (!record->query.info.as_of)
		return cx_error_nomem(loader->err);
	if (cx_as_of_is_wanted(record) && (record->query.isolation || record->query.priority))
		return cx_sqlfiles_fail(loader, section, at,
								"make two variants of it, each with its own `dialect`",
								"a statement `as-of` a time has no isolation and no priority");
	if (cx_as_of_is_wanted(record) && !record->variants &&
		cx_as_of_place(text, length, &place, &error))
		return cx_sqlfiles_adopt(loader, section, base, &error);
	return section->is_bad ? CDBC_OK : check_own(loader, section);
}
