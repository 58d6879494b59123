// SPDX-License-Identifier: Apache-2.0
/* The table of drivers. Knows which ones are built in, and nothing else of any of them. `lock`
 * protects the list of added drivers, which only grows (what it points to never changes), and the
 * first filling of the plug-ins' host table. */
#include "infra/driver/registry.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "base/thread.h"
#include "postgresql/driver.h"
#ifdef CDBC_HAS_SQLITE
#include "sqlite/driver.h"
#endif

#include <string.h>

typedef struct added_driver {
	cdbc_driver driver; /* ours in full: what the original is too old to have is NULL */
	struct added_driver *next;
} added_driver;

/* Ends with NULL. */
static const cdbc_driver *const built_in[] = {
	&cx_driver_postgresql,
#ifdef CDBC_HAS_SQLITE
	&cx_driver_sqlite,
#endif
	NULL,
};

static cx_mutex lock = CX_MUTEX_INIT;
static added_driver *added;
static cdbc_driver_host plugin_host;

/* ---- The host table
 * ------------------------------------------------------------------------------------------ */

static cdbc_status host_error_set(cdbc_error **err, const cdbc_error_info *info)
{
	cdbc_error_info full = {0};

	memcpy(&full, info, info->struct_size < sizeof full ? info->struct_size : sizeof full);
	return cx_error_from_info(err, &full);
}

static cdbc_status host_run_blocking(const cdbc_driver_host *host, void (*fn)(void *data),
									 void (*abandoned)(void *data), void *data, int64_t deadline_ns,
									 cdbc_error **err)
{
	if (!host->self) {
		fn(data);
		return CDBC_OK;
	}
	return cx_helpers_run(host->self, fn, abandoned, data, deadline_ns, err);
}

void cx_driver_host_init(cdbc_driver_host *host, cx_helpers *helpers)
{
	*host = (cdbc_driver_host){
		.struct_size = sizeof *host,
		.allocator = cx_allocator,
		.error_set = host_error_set,
		.now_ns = cx_clock_now_ns,
		.run_blocking = host_run_blocking,
		.self = helpers,
	};
}

const cdbc_driver_host *cx_driver_host_of_plugins(void)
{
	cx_mutex_lock(&lock);
	if (!plugin_host.struct_size)
		cx_driver_host_init(&plugin_host, NULL);
	cx_mutex_unlock(&lock);
	return &plugin_host;
}

/* ---- Schemes
 * -------------------------------------------------------------------------------------------------
 */

/* The next word of a list of schemes; NULL at the end. */
static const char *next_scheme(const char *at, size_t *length)
{
	at += strspn(at, " ");
	*length = strcspn(at, " ");
	return *length ? at : NULL;
}

static bool has_scheme(const char *schemes, const char *scheme, size_t length)
{
	size_t n;

	for (const char *at = schemes; (at = next_scheme(at, &n)); at += n)
		if (n == length && memcmp(at, scheme, n) == 0)
			return true;
	return false;
}

/* With the lock held. */
static const cdbc_driver *find_locked(const char *scheme, size_t length)
{
	for (size_t i = 0; built_in[i]; i++)
		if (has_scheme(built_in[i]->schemes, scheme, length))
			return built_in[i];
	for (const added_driver *a = added; a; a = a->next)
		if (has_scheme(a->driver.schemes, scheme, length))
			return &a->driver;
	return NULL;
}

static void list_schemes(cx_buf *out, const char *schemes)
{
	size_t n;

	for (const char *at = schemes; (at = next_scheme(at, &n)); at += n) {
		if (out->length)
			cx_buf_puts(out, ", ");
		cx_buf_put(out, at, n);
		cx_buf_putc(out, ':');
	}
}

static cdbc_status no_driver(const char *scheme, cdbc_error **err)
{
	cx_buf known = CX_BUF_INIT(4096);
	cdbc_status status = cx_error_set(err, CDBC_CONFIG, "no driver for \"%s:\"", scheme);

	for (size_t i = 0; built_in[i]; i++)
		list_schemes(&known, built_in[i]->schemes);
	cx_mutex_lock(&lock);
	for (const added_driver *a = added; a; a = a->next)
		list_schemes(&known, a->driver.schemes);
	cx_mutex_unlock(&lock);
	if (known.length && !cx_buf_status(&known, "schemes", NULL))
		cx_error_hint(err, "known are %s", known.data);
	cx_buf_free(&known);
	return status;
}

cdbc_status cx_driver_find(const char *scheme, const cdbc_driver **out, cdbc_error **err)
{
	const cdbc_driver *driver;

	if (!scheme)
		return cx_error_set(err, CDBC_USAGE, "a driver without a scheme was asked for");
	cx_mutex_lock(&lock);
	driver = find_locked(scheme, strlen(scheme));
	cx_mutex_unlock(&lock);
	if (!driver)
		return no_driver(scheme, err);
	*out = driver;
	return CDBC_OK;
}

/* ---- Adding
 * --------------------------------------------------------------------------------------------------
 */

/* What a driver must have to be of use. */
static cdbc_status check_driver(const cdbc_driver *d, cdbc_error **err)
{
	size_t n;
	const char *name;

	if (!d)
		return cx_error_set(err, CDBC_USAGE, "add driver: it is NULL");
	if (d->struct_size < offsetof(cdbc_driver, copy_begin))
		return cx_error_set(err, CDBC_USAGE,
							"add driver: its struct_size of %zu ends before cursor_close",
							d->struct_size);
	name = d->name;
	if (!name || !*name)
		return cx_error_set(err, CDBC_USAGE, "add driver: it has no name");
	if (!d->schemes || !next_scheme(d->schemes, &n))
		return cx_error_set(err, CDBC_USAGE, "add driver %s: it has no schemes", name);
	for (const char *at = d->schemes; (at = next_scheme(at, &n)); at += n)
		if (strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789+-.") < n)
			return cx_error_set(
				err, CDBC_USAGE,
				"add driver %s: \"%.*s\" is no scheme: lower case letters, digits, + - . only",
				name, (int)n, at);
	if (!d->open || !d->close || !d->state || !d->info || !d->ping || !d->reset || !d->describe ||
		!d->submit || !d->next_result || !d->fetch || !d->summary || !d->cursor_close)
		return cx_error_set(err, CDBC_USAGE,
							"add driver %s: a required function (open to cursor_close) is NULL",
							name);
	return CDBC_OK;
}

static void free_added(added_driver *a)
{
	if (!a)
		return;
	cx_free((void *)(uintptr_t)a->driver.name);
	cx_free((void *)(uintptr_t)a->driver.schemes);
	cx_free(a);
}

static added_driver *copy_driver(const cdbc_driver *driver)
{
	added_driver *a = cx_calloc(1, sizeof *a);

	if (!a)
		return NULL;
	memcpy(&a->driver, driver,
		   driver->struct_size < sizeof a->driver ? driver->struct_size : sizeof a->driver);
	a->driver.struct_size = sizeof a->driver;
	a->driver.name = cx_strdup(driver->name);
	a->driver.schemes = cx_strdup(driver->schemes);
	if (a->driver.name && a->driver.schemes)
		return a;
	free_added(a);
	return NULL;
}

cdbc_status cdbc_driver_add(const cdbc_driver *driver, cdbc_error **err)
{
	cdbc_status status = check_driver(driver, err);
	const cdbc_driver *taken = NULL;
	added_driver *a;
	const char *at;
	size_t n = 0;

	if (status)
		return status;
	a = copy_driver(driver);
	if (!a)
		return cx_error_nomem(err);
	cx_mutex_lock(&lock);
	for (at = a->driver.schemes; (at = next_scheme(at, &n)); at += n)
		if ((taken = find_locked(at, n)))
			break;
	if (!taken) {
		a->next = added;
		added = a;
	}
	cx_mutex_unlock(&lock);
	if (!taken)
		return CDBC_OK;
	status =
		cx_error_set(err, CDBC_USAGE, "add driver %s: the scheme \"%.*s:\" belongs to driver %s",
					 driver->name, (int)n, at, taken->name);
	free_added(a);
	return status;
}

void cx_driver_forget_added(void)
{
	while (added) {
		added_driver *next = added->next;

		free_added(added);
		added = next;
	}
}
