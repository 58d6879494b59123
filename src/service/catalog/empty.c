// SPDX-License-Identifier: Apache-2.0
/* An empty catalog, until files are read: it refuses every folder, so that none is ignored. */
#include "base/error.h"
#include "service/catalog/catalog.h"

static char empty;

cdbc_status cdbc_catalog_new(cdbc_catalog **out, cdbc_error **err)
{
	(void)err;
	*out = (cdbc_catalog *)(void *)&empty;
	return CDBC_OK;
}

void cdbc_catalog_free(cdbc_catalog *catalog)
{
	(void)catalog;
}

cdbc_status cdbc_catalog_load(cdbc_catalog *catalog, const char *path, cdbc_error **err)
{
	(void)catalog;
	return cx_error_set(err, CDBC_UNSUPPORTED, "%s: files of queries are not read yet", path);
}

cdbc_status cdbc_catalog_check(const char *const *paths, size_t path_count,
							   void (*report)(void *data, const cdbc_diagnostic *diagnostic), void *data, size_t *error_count,
							   cdbc_error **err)
{
	(void)report, (void)data, (void)error_count;
	return cx_error_set(err, CDBC_UNSUPPORTED, "%s: files of queries are not read yet", path_count ? paths[0] : "");
}

size_t cdbc_catalog_count(const cdbc_catalog *catalog)
{
	(void)catalog;
	return 0;
}

bool cdbc_catalog_at(const cdbc_catalog *catalog, size_t index, cdbc_query_info *out)
{
	(void)catalog, (void)index, (void)out;
	return false;
}

cdbc_status cdbc_catalog_get(const cdbc_catalog *catalog, const char *name, cdbc_query_info *out, cdbc_error **err)
{
	(void)catalog, (void)out;
	return cx_error_set(err, CDBC_NOT_FOUND, "no query \"%s\"", name);
}

cdbc_status cx_catalog_find(const cdbc_catalog *catalog, const char *name, const char *dialect, const cx_query **out,
							cdbc_error **err)
{
	(void)catalog, (void)dialect, (void)out;
	return cx_error_set(err, CDBC_NOT_FOUND, "no query \"%s\"", name);
}

cdbc_status cx_query_bind(const cx_query *query, const cx_statement *statement, cdbc_params params, cdbc_value *values,
						  cdbc_error **err)
{
	(void)query;
	return cx_statement_bind(statement, params, values, err);
}

const char *cdbc_cardinality_name(cdbc_cardinality cardinality)
{
	(void)cardinality;
	return "";
}

const char *cdbc_kind_name(cdbc_statement_kind kind)
{
	(void)kind;
	return "";
}
