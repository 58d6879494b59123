// SPDX-License-Identifier: Apache-2.0
/* Names that no two columns share, for formats where a name is a key. */
#include "data/format/names.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>

static bool is_taken(char *const *names, size_t made, const cx_field *fields, size_t count,
					 const char *name)
{
	for (size_t i = 0; i < made; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	for (size_t i = made + 1; i < count; i++)
		if (strcmp(fields[i].name, name) == 0)
			return true;
	return false;
}

static char *make_name(char *const *names, size_t made, const cx_field *fields, size_t count)
{
	const char *name = fields[made].name;
	size_t room = strlen(name) + 24, same = 0;
	char *out;

	for (size_t i = 0; i < made; i++)
		same += strcmp(fields[i].name, name) == 0;
	if (same == 0)
		return cx_strdup(name);
	out = cx_alloc(room);
	for (size_t n = same + 1; out; n++) {
		snprintf(out, room, "%s_%zu", name, n);
		if (!is_taken(names, made, fields, count, out))
			break;
	}
	return out;
}

void cx_names_free(char **names, size_t count)
{
	for (size_t i = 0; names && i < count; i++)
		cx_free(names[i]);
	cx_free(names);
}

cdbc_status cx_names_make(const cx_field *fields, size_t count, char ***out, cdbc_error **err)
{
	char **names = cx_calloc(count + 1, sizeof *names);

	for (size_t i = 0; names && i < count; i++) {
		names[i] = make_name(names, i, fields, count);
		if (!names[i]) {
			cx_names_free(names, i);
			names = NULL;
		}
	}
	if (!names)
		return cx_error_nomem(err);
	*out = names;
	return CDBC_OK;
}
