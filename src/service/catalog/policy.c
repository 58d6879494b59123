// SPDX-License-Identifier: Apache-2.0
/* The headers that say who may run a query and how: roles, limits, transactions. What they say is
 * kept here, and whether it can be true of the query; what it does stands with who runs it. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "data/sql/keyword.h"
#include "service/catalog/internal.h"

#include <stdio.h>
#include <string.h>

#define ROLES_MAX     64
#define ROLE_MAX      63 /* bytes */
#define RETRIES_MAX   1000
#define LEVEL_MAX     32
#define SHOWN_BYTES   40
#define SHOWN(length) ((int)((length) < SHOWN_BYTES ? (length) : SHOWN_BYTES))

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

cdbc_status cx_header_duration(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							   size_t to, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	const char *text = loader->text;
	size_t digits = from;
	int64_t number;

	while (digits < to && text[digits] >= '0' && text[digits] <= '9')
		digits++;
	if (cx_text_int64(text + from, digits - from, 0, 1000000000, &number))
		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (strlen(units[i].unit) == to - digits &&
				!memcmp(units[i].unit, text + digits, to - digits)) {
				*ms = number * units[i].ms;
				line.offset = from;
				return number ? CDBC_OK
							  : cx_sqlfiles_fail(loader, section, line,
												 "leave the line out for what holds by default",
												 "a duration is above 0");
			}
	line.offset = from;
	return cx_sqlfiles_fail(loader, section, line, "write a number and ms, s, m or h: 2s",
							"\"%.*s\" is not a duration", SHOWN(to - from), text + from);
}

cdbc_status cx_header_cache(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to)
{
	section->cache_place = line;
	return cx_header_duration(loader, section, line, from, to, &section->record->query.cache_ms);
}

cdbc_status cx_header_retry(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to)
{
	section->retry_place = line;
	if (cx_text_int64(loader->text + from, to - from, 0, RETRIES_MAX,
					  &section->record->query.retry_count))
		return CDBC_OK;
	line.offset = from;
	return cx_sqlfiles_fail(loader, section, line, "write a number from 0 (never) to 1000",
							"\"%.*s\" is not a number of retries", SHOWN(to - from),
							loader->text + from);
}

/* A role is any word: it is compared, and never becomes SQL. */
cdbc_status cx_header_roles(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to)
{
	const char *text = loader->text, **roles;
	size_t at = from, begin, count = 0;

	roles = cx_arena_calloc(loader->arena, ROLES_MAX, sizeof *roles);
	if (!roles)
		return cx_error_nomem(loader->err);
	for (;; at++) {
		while (at < to && is_blank(text[at]))
			at++;
		for (begin = at; at < to && text[at] != ',' && (unsigned char)text[at] > ' '; at++)
			;
		line.offset = begin;
		if (at == begin || at - begin > ROLE_MAX)
			return cx_sqlfiles_fail(loader, section, line, NULL,
									at == begin ? "a role's name is missing"
												: "a role's name has more than %d bytes",
									ROLE_MAX);
		if (count == ROLES_MAX)
			return cx_sqlfiles_fail(loader, section, line, NULL, "more than %d roles", ROLES_MAX);
		roles[count] = cx_arena_strndup(loader->arena, text + begin, at - begin);
		if (!roles[count])
			return cx_error_nomem(loader->err);
		for (size_t i = 0; i < count; i++)
			if (!strcmp(roles[i], roles[count]))
				return cx_sqlfiles_fail(loader, section, line, NULL, "role \"%s\" is given twice",
										roles[i]);
		count++;
		while (at < to && is_blank(text[at]))
			at++;
		if (at == to)
			break;
		line.offset = at;
		if (text[at] != ',')
			return cx_sqlfiles_fail(loader, section, line, "write: -- roles: teller, auditor",
									"a comma is missing between roles");
	}
	section->record->query.roles = roles;
	section->record->query.role_count = count;
	return CDBC_OK;
}

/* ---- Transactions --------------------------------------------------------------------------- */

/* A value as its words are compared: small letters, one blank for blanks, `-` and `_`. */
static void fold(const char *text, size_t length, char out[LEVEL_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < length && n < LEVEL_MAX; i++) {
		bool is_gap = is_blank(text[i]) || text[i] == '-' || text[i] == '_';

		if (!is_gap)
			out[n++] = cx_lower(text[i]);
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	out[n] = '\0';
}

/* The word of a list that the value is, as SQL writes it; or what is wrong. */
static cdbc_status read_word(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							 size_t to, const char *what, const char *const (*words)[2],
							 size_t count, const char **out)
{
	char value[LEVEL_MAX + 1], hint[120];
	const char *names[8], *near;
	size_t n = 0;

	fold(loader->text + from, to - from, value);
	for (size_t i = 0; i < count; i++) {
		if (to - from <= LEVEL_MAX && !strcmp(value, words[i][0])) {
			*out = words[i][1];
			return CDBC_OK;
		}
		names[i] = words[i][0];
		n += (size_t)snprintf(hint + n, sizeof hint - n, "%s%s",
							  i == 0           ? "one of: "
							  : i + 1 == count ? " or "
											   : ", ",
							  names[i]);
	}
	line.offset = from;
	near = cx_text_nearest(value, names, count);
	if (near)
		snprintf(hint, sizeof hint, "did you mean \"%s\"?", near);
	return cx_sqlfiles_fail(loader, section, line, hint, "\"%.*s\" is no %s", SHOWN(to - from),
							loader->text + from, what);
}

cdbc_status cx_header_isolation(cx_sqlfiles *loader, cx_section *section, cx_place line,
								size_t from, size_t to)
{
	/* CockroachDB reads SNAPSHOT as REPEATABLE READ, which is what PostgreSQL means by it */
	static const char *const levels[][2] = {{"serializable", "SERIALIZABLE"},
											{"repeatable read", "REPEATABLE READ"},
											{"read committed", "READ COMMITTED"},
											{"snapshot", "REPEATABLE READ"}};

	section->isolation_place = line;
	return read_word(loader, section, line, from, to, "isolation level", levels, 4,
					 &section->record->query.isolation);
}

cdbc_status cx_header_priority(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							   size_t to)
{
	static const char *const words[][2] = {{"low", "LOW"}, {"normal", "NORMAL"}, {"high", "HIGH"}};

	section->priority_place = line;
	return read_word(loader, section, line, from, to, "priority", words, 3,
					 &section->record->query.priority);
}

/* ---- What cannot be true -------------------------------------------------------------------- */

/* Why a query cannot be run within a transaction that is begun for it; NULL: it can. */
static const char *no_transaction(const cx_query *query)
{
	switch (query->info.kind) {
	case CDBC_KIND_TRANSACTION:
		return "a statement that begins or ends one";
	case CDBC_KIND_SESSION:
		return "a statement that sets the session";
	default:
		return query->info.cardinality == CDBC_SCRIPT ? "a script" : NULL;
	}
}

cdbc_status cx_policy_check(cx_sqlfiles *loader, cx_section *section)
{
	cx_query *query = &section->record->query;
	cdbc_query_info *info = &query->info;
	const char *why = no_transaction(query);
	cdbc_status status = CDBC_OK;

	if (query->cache_ms && !info->is_read_only)
		status = cx_sqlfiles_fail(loader, section, section->cache_place,
								  "only what reads can be answered from a cache",
								  "`cache` on a query that is not read only");
	else if (query->cache_ms && query->statement->flags & CDBC_REQUEST_VOLATILE)
		status =
			cx_sqlfiles_fail(loader, section, section->cache_place,
							 "give the time, or what was drawn, as a parameter",
							 "`cache` on a query that names the time, chance or its connection");
	else if (query->cache_ms && info->cardinality != CDBC_MANY && info->cardinality != CDBC_ONE &&
			 info->cardinality != CDBC_ZERO_OR_ONE && info->cardinality != CDBC_SCALAR)
		status = cx_sqlfiles_fail(loader, section, section->cache_place,
								  ":many, :one, :one? and $ give rows",
								  "`cache` on a query that gives no rows");
	if (!status && query->retry_count > 0 &&
		(info->cardinality == CDBC_SCRIPT || info->cardinality == CDBC_COPY_FROM))
		status = cx_sqlfiles_fail(loader, section, section->retry_place,
								  "write `retry: 0`, or run its statements in a transaction",
								  "`retry` on %s, which is never repeated",
								  info->cardinality == CDBC_SCRIPT ? "a script" : "a copy of rows");
	if (!status && query->isolation && why)
		status = cx_sqlfiles_fail(loader, section, section->isolation_place, NULL,
								  "`isolation` on %s", why);
	if (!status && query->priority && why)
		status = cx_sqlfiles_fail(loader, section, section->priority_place, NULL,
								  "`priority` on %s", why);
	info->roles = query->roles;
	info->role_count = query->role_count;
	info->timeout_ms = query->timeout_ms;
	info->max_rows = query->max_rows;
	info->cache_ms = query->cache_ms;
	info->retry_count = query->retry_count;
	info->isolation = query->isolation;
	info->priority = query->priority;
	info->is_idempotent = query->is_idempotent;
	info->deprecated = query->deprecated;
	return status;
}
