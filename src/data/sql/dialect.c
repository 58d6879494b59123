// SPDX-License-Identifier: Apache-2.0
/* The table of dialects: the three that are built in, and the list of those added, which only grows
 * at its head (what it points to never changes), so that it is read without the lock. How each
 * writes is in dialect_text.c and as_of.c. */
#include "data/sql/dialect.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "base/thread.h"
#include "data/sql/as_of.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 40

cx_dialect cx_dialect_cockroachdb = {
	.api = {.struct_size = sizeof(cdbc_dialect),
			.name = "cockroachdb",
			.based_on = "postgresql",
			.features = CDBC_DIALECT_RETURNING | CDBC_DIALECT_SAVEPOINTS | CDBC_DIALECT_READ_ONLY |
						CDBC_DIALECT_ARRAYS | CDBC_DIALECT_SCHEMAS,
			.list = {"= any", "<> all", "", ""},
			.placeholder = cx_dialect_dollar,
			.identifier = cx_dialect_quote,
			.as_of = cx_as_of_system_time,
			.page = cx_dialect_page,
			.upsert = cx_dialect_upsert,
			.rows = cx_dialect_rows_unnest},
	.based_on = &cx_dialect_postgresql,
	.bit = 1u << 0,
	.form = CX_FORM_DOLLAR,
};
cx_dialect cx_dialect_postgresql = {
	.api = {.struct_size = sizeof(cdbc_dialect),
			.name = "postgresql",
			.features = CDBC_DIALECT_RETURNING | CDBC_DIALECT_SAVEPOINTS | CDBC_DIALECT_READ_ONLY |
						CDBC_DIALECT_ARRAYS | CDBC_DIALECT_SCHEMAS,
			.list = {"= any", "<> all", "", ""},
			.placeholder = cx_dialect_dollar,
			.identifier = cx_dialect_quote_63,
			.page = cx_dialect_page,
			.upsert = cx_dialect_upsert,
			.rows = cx_dialect_rows_unnest},
	.bit = 1u << 1,
	.form = CX_FORM_DOLLAR,
};
cx_dialect cx_dialect_sqlite = {
	.api = {.struct_size = sizeof(cdbc_dialect),
			.name = "sqlite",
			.features = CDBC_DIALECT_RETURNING | CDBC_DIALECT_SAVEPOINTS,
			.list = {"in", "not in", "select value from json_each(ifnull(", ", '[null]'))"},
			.placeholder = cx_dialect_question,
			.identifier = cx_dialect_quote,
			.page = cx_dialect_page,
			.upsert = cx_dialect_upsert,
			.rows = cx_dialect_rows_json},
	.bit = 1u << 2,
	.form = CX_FORM_QUESTION,
};

cx_dialect cx_dialect_other[2] = {
	{.api = {.struct_size = sizeof(cdbc_dialect),
			 .name = "other",
			 .list = {"= any", "<> all", "", ""},
			 .placeholder = cx_dialect_dollar,
			 .identifier = cx_dialect_quote,
			 .page = cx_dialect_page,
			 .upsert = cx_dialect_upsert,
			 .rows = cx_dialect_rows_unnest},
	 .form = CX_FORM_DOLLAR},
	{.api = {.struct_size = sizeof(cdbc_dialect),
			 .name = "other",
			 .list = {"in", "not in", "select value from json_each(ifnull(", ", '[null]'))"},
			 .placeholder = cx_dialect_question,
			 .identifier = cx_dialect_quote,
			 .page = cx_dialect_page,
			 .upsert = cx_dialect_upsert,
			 .rows = cx_dialect_rows_json},
	 .form = CX_FORM_QUESTION},
};

static const cx_dialect *const built_in[] = {&cx_dialect_cockroachdb, &cx_dialect_postgresql,
											 &cx_dialect_sqlite};

#define BUILT_IN_COUNT (sizeof built_in / sizeof *built_in)

static cx_mutex lock = CX_MUTEX_INIT; /* one add at a time */
static _Atomic(cx_dialect *) added;

/* ---- Finding -------------------------------------------------------------------------------- */

static bool is_named(const cx_dialect *d, const char *name, size_t length)
{
	return strlen(d->api.name) == length && memcmp(d->api.name, name, length) == 0;
}

const cx_dialect *cx_dialect_find(const char *name, size_t length)
{
	for (size_t i = 0; i < BUILT_IN_COUNT; i++)
		if (is_named(built_in[i], name, length))
			return built_in[i];
	for (const cx_dialect *d = atomic_load_explicit(&added, memory_order_acquire); d; d = d->next)
		if (is_named(d, name, length))
			return d;
	return NULL;
}

const char *cx_dialect_family(const cx_dialect *dialect)
{
	const unsigned known =
		cx_dialect_cockroachdb.bit | cx_dialect_postgresql.bit | cx_dialect_sqlite.bit;

	while (dialect && !(dialect->bit & known) && dialect->based_on)
		dialect = dialect->based_on;
	if (!dialect)
		return NULL;
	return dialect->bit & known ? dialect->api.name : cx_dialect_other[0].api.name;
}

const cx_dialect *cx_dialect_of_bit(unsigned bit)
{
	for (size_t i = 0; i < BUILT_IN_COUNT; i++)
		if (built_in[i]->bit == bit)
			return built_in[i];
	for (const cx_dialect *d = atomic_load_explicit(&added, memory_order_acquire); d; d = d->next)
		if (d->bit == bit)
			return d;
	return NULL;
}

bool cx_dialect_has_added(void)
{
	return atomic_load_explicit(&added, memory_order_acquire) != NULL;
}

void cx_dialect_list_names(char *out, size_t size)
{
	const cx_dialect *d = atomic_load_explicit(&added, memory_order_acquire);
	int n = snprintf(out, size, "cockroachdb, postgresql%s sqlite", d ? "," : " and");

	for (; d && n > 0 && (size_t)n < size; d = d->next)
		n += snprintf(out + n, size - (size_t)n, "%s %s", d->next ? "," : " and", d->api.name);
}

/* The dialect that a name was probably meant to be, or NULL. */
static const char *nearest(const char *name)
{
	const char *names[CX_DIALECTS_MAX];
	size_t count = 0;

	for (; count < BUILT_IN_COUNT; count++)
		names[count] = built_in[count]->api.name;
	for (const cx_dialect *d = atomic_load_explicit(&added, memory_order_acquire);
		 d && count < CX_DIALECTS_MAX; d = d->next)
		names[count++] = d->api.name;
	return cx_text_nearest(name, names, count);
}

cdbc_status cx_dialect_get(const char *name, size_t length, const cx_dialect **out,
						   cdbc_error **err)
{
	const cx_dialect *d = cx_dialect_find(name, length);
	char shown[NAME_MAX_BYTES + 1], known[400];
	const char *near;
	int n = (int)(length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES);

	if (d) {
		*out = d;
		return CDBC_OK;
	}
	snprintf(shown, sizeof shown, "%.*s", n, name);
	cx_error_set(err, CDBC_NOT_FOUND, "unknown dialect \"%s\"", shown);
	near = nearest(shown);
	cx_dialect_list_names(known, sizeof known);
	if (near)
		cx_error_hint(err, "did you mean %s?", near);
	else
		cx_error_hint(err, "the dialects are %s", known);
	return CDBC_NOT_FOUND;
}

const cdbc_dialect *cdbc_dialect_find(const char *name)
{
	const cx_dialect *d = name ? cx_dialect_find(name, strlen(name)) : NULL;

	return d ? &d->api : NULL;
}

cdbc_status cdbc_dialect_get(const char *name, const cdbc_dialect **out, cdbc_error **err)
{
	const cx_dialect *d;
	cdbc_status status;

	if (!name)
		return cx_error_set(err, CDBC_USAGE, "a dialect without a name was asked for");
	status = cx_dialect_get(name, strlen(name), &d, err);
	if (!status)
		*out = &d->api;
	return status;
}

/* ---- Adding --------------------------------------------------------------------------------- */

static cdbc_status check_name(const cdbc_dialect *d, cdbc_error **err)
{
	size_t length;

	if (!d)
		return cx_error_set(err, CDBC_USAGE, "add dialect: it is NULL");
	if (d->struct_size < offsetof(cdbc_dialect, placeholder))
		return cx_error_set(err, CDBC_USAGE,
							"add dialect: its struct_size of %zu ends before placeholder",
							d->struct_size);
	length = d->name ? strlen(d->name) : 0;
	if (length == 0)
		return cx_error_set(err, CDBC_USAGE, "add dialect: it has no name");
	if (length > NAME_MAX_BYTES ||
		strspn(d->name, "abcdefghijklmnopqrstuvwxyz0123456789_-") < length)
		return cx_error_set(err, CDBC_USAGE,
							"add dialect \"%.*s\": small letters, digits, _ and - only, at most %d",
							NAME_MAX_BYTES, d->name, NAME_MAX_BYTES);
	return CDBC_OK;
}

/* Puts what is not there from the one it is based on. */
static cdbc_status fill(cx_dialect *d, cdbc_error **err)
{
	static const cdbc_dialect none = {0};
	const cdbc_dialect *from = d->based_on ? &d->based_on->api : &none;
	cdbc_dialect *api = &d->api;
	cdbc_dialect_list *list = &api->list;

	if (!list->in && !list->not_in && !list->before && !list->after)
		*list = from->list;
	if (!api->features)
		api->features = from->features;
	if (!api->placeholder)
		api->placeholder = from->placeholder;
	if (!api->identifier)
		api->identifier = from->identifier;
	if (!api->as_of)
		api->as_of = from->as_of;
	if (!api->page)
		api->page = from->page;
	if (!api->upsert)
		api->upsert = from->upsert;
	if (!api->rows)
		api->rows = from->rows;
	if (!list->in || !list->not_in || !list->before || !list->after || !api->placeholder ||
		!api->identifier || !api->page || !api->upsert || !api->rows)
		return cx_error_set(
			err, CDBC_USAGE, "add dialect %s: a function, or a part of its list, is NULL, and %s",
			api->name, d->based_on ? "the list needs all four or none" : "it is based on no other");
	return CDBC_OK;
}

static bool is_same_list(const cdbc_dialect_list *a, const cdbc_dialect_list *b)
{
	return !strcmp(a->in, b->in) && !strcmp(a->not_in, b->not_in) &&
		   !strcmp(a->before, b->before) && !strcmp(a->after, b->after);
}

static cx_dialect_form form_of(const cdbc_dialect *d)
{
	if (d->placeholder == cx_dialect_dollar &&
		is_same_list(&d->list, &cx_dialect_postgresql.api.list))
		return CX_FORM_DOLLAR;
	if (d->placeholder == cx_dialect_question &&
		is_same_list(&d->list, &cx_dialect_sqlite.api.list))
		return CX_FORM_QUESTION;
	return CX_FORM_OWN;
}

static void free_added(cx_dialect *d)
{
	if (!d)
		return;
	cx_free((void *)(uintptr_t)d->api.name);
	cx_free((void *)(uintptr_t)d->api.based_on);
	cx_free((void *)(uintptr_t)d->api.list.in);
	cx_free((void *)(uintptr_t)d->api.list.not_in);
	cx_free((void *)(uintptr_t)d->api.list.before);
	cx_free((void *)(uintptr_t)d->api.list.after);
	cx_free(d);
}

static cdbc_status own_string(const char **text, cdbc_error **err)
{
	const char *copy = *text ? cx_strdup(*text) : NULL;

	if (*text && !copy) {
		*text = NULL;
		return cx_error_nomem(err);
	}
	*text = copy;
	return CDBC_OK;
}

/* A copy with strings of its own. */
static cdbc_status copy_dialect(const cdbc_dialect *dialect, cx_dialect **out, cdbc_error **err)
{
	cx_dialect *d = cx_calloc(1, sizeof *d);
	cdbc_status status;

	if (!d)
		return cx_error_nomem(err);
	memcpy(&d->api, dialect,
		   dialect->struct_size < sizeof d->api ? dialect->struct_size : sizeof d->api);
	d->api.struct_size = sizeof d->api;
	if (dialect->based_on)
		d->based_on = cx_dialect_find(dialect->based_on, strlen(dialect->based_on));
	if (dialect->based_on && !d->based_on)
		status = cx_error_set(err, CDBC_USAGE, "add dialect %s: based on \"%s\", which is unknown",
							  dialect->name, dialect->based_on);
	else
		status = fill(d, err);
	if (status) {
		cx_free(d); /* its strings are not its own yet */
		return status;
	}
	d->form = form_of(&d->api);
	{
		const char **texts[] = {&d->api.name,        &d->api.based_on,    &d->api.list.in,
								&d->api.list.not_in, &d->api.list.before, &d->api.list.after};

		for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
			if (status)
				*texts[i] = NULL;
			else
				status = own_string(texts[i], err);
	}
	if (status)
		free_added(d);
	else
		*out = d;
	return status;
}

cdbc_status cdbc_dialect_add(const cdbc_dialect *dialect, cdbc_error **err)
{
	cdbc_status status = check_name(dialect, err);
	cx_dialect *d = NULL;
	size_t count = BUILT_IN_COUNT;

	if (!status)
		status = copy_dialect(dialect, &d, err);
	if (status)
		return status;
	cx_mutex_lock(&lock);
	for (const cx_dialect *a = atomic_load(&added); a; a = a->next)
		count++;
	if (cx_dialect_find(d->api.name, strlen(d->api.name)))
		status =
			cx_error_set(err, CDBC_USAGE, "add dialect %s: there is one of that name", d->api.name);
	else if (count == CX_DIALECTS_MAX)
		status = cx_error_set(err, CDBC_RESOURCE, "add dialect %s: there are %d already",
							  d->api.name, CX_DIALECTS_MAX);
	if (!status) {
		d->bit = 1u << count;
		d->next = atomic_load(&added);
		atomic_store_explicit(&added, d, memory_order_release);
	}
	cx_mutex_unlock(&lock);
	if (status)
		free_added(d);
	return status;
}

void cx_dialect_forget_added(void)
{
	cx_dialect *d = atomic_exchange(&added, NULL);

	while (d) {
		cx_dialect *next = d->next;

		free_added(d);
		d = next;
	}
}

cdbc_status cx_dialect_failed(const cx_dialect *dialect, const char *function, cdbc_status status,
							  cdbc_error *error, cdbc_error **err)
{
	if (!error)
		return cx_error_set(err, status, "dialect %s: %s failed", dialect->api.name, function);
	cx_error_pass(err, error);
	return status;
}

/* ---- Sinks ---------------------------------------------------------------------------------- */

static cdbc_status write_buf(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	cx_buf *buf = self;

	cx_buf_put(buf, bytes, length);
	return cx_buf_status(buf, "the statement", err);
}

cdbc_sink cx_dialect_sink(cx_buf *buf)
{
	return (cdbc_sink){sizeof(cdbc_sink), write_buf, buf};
}
