// SPDX-License-Identifier: Apache-2.0
/* Queries against what a server said of them before: needs no server. */
#include "base/error.h"
#include "service/check/check.h"

#include <string.h>

static const char again[] = "describe them again: cdbc queries check --online --save FILE";

static cdbc_status compare(cx_check *check, const cdbc_descriptions *d, const cx_record *record)
{
	const cx_query *query;
	const cx_described_query *found;

	if (cx_catalog_find(check->catalog, record->query.info.name, cx_dialect_named(d->dialect),
						&query, NULL) ||
		query != &record->query)
		return CDBC_OK; /* for another dialect */
	cx_check_query(check, record);
	found = cx_descriptions_find(d, record->query.info.name);
	if (!found)
		return cx_check_tell(check, CX_ERROR, record->place, "description-missing", again, "",
							 "query \"%s\" is not in %s", record->query.info.name,
							 d->file ? d->file : "the descriptions");
	if (found->hash != cx_check_hash(record))
		return cx_check_tell(check, CX_ERROR, record->place, "description-stale", again, "",
							 "query \"%s\" was changed since %s was written",
							 record->query.info.name, d->file ? d->file : "it was described");
	return cx_check_judge(check, found);
}

cdbc_status cdbc_catalog_check_against(const cdbc_catalog *catalog,
									   const cdbc_descriptions *descriptions,
									   const cdbc_check_options *options,
									   void (*report)(void *data,
													  const cdbc_diagnostic *diagnostic),
									   void *data, size_t *error_count, cdbc_error **err)
{
	cx_check check;
	const cx_record *record;
	cdbc_status status = CDBC_OK;

	cx_check_init(&check, catalog, options, report, data, err);
	for (size_t i = 0; !status && (record = cx_catalog_record(catalog, i)) != NULL; i++) {
		status = compare(&check, descriptions, record);
		if (!status)
			status = cx_check_flush(&check);
	}
	for (size_t i = 0; i < descriptions->count && !status; i++) {
		const cx_described_query *query = &descriptions->queries[i];
		const cx_query *found;

		if (cx_catalog_find(catalog, query->name, cx_dialect_named(descriptions->dialect), &found,
							NULL))
			cx_check_tell_file(&check, descriptions->file ? descriptions->file : "", query->line,
							   query->column, again, "query \"%s\" is no longer there",
							   query->name);
	}
	cx_check_fini(&check);
	if (!status)
		*error_count = check.error_count;
	return status;
}
