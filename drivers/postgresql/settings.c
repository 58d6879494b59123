// SPDX-License-Identifier: Apache-2.0
/* Settings as the words that libpq connects by. Every option that libpq would take from the
 * environment is given, so that nothing hides there; a conninfo string, because only there an empty
 * value counts as given. */
#include "internal.h"

#include "base/alloc.h"
#include "base/secret.h"
#include "base/text.h"

#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#define CONNINFO_MAX ((size_t)1 << 20)

/* What is not libpq's, besides set.NAME. */
static const char *const own_names[] = {"prepared_statements"};

static bool has_set_prefix(const char *name)
{
	return strncmp(name, "set.", 4) == 0;
}

static bool is_cockroach(const cdbc_settings *settings)
{
	return strcmp(settings->scheme, "cockroachdb") == 0;
}

static bool is_local(const char *host)
{
	return !host || host[0] == '\0' || host[0] == '/' || host[0] == '@' ||
		   strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
		   strcmp(host, "::1") == 0;
}

/* ---- what is said for what was not given
 * --------------------------------------------------------------------- */

/* The system's name of who runs this. */
static void user_name(char *out, size_t size)
{
	struct passwd entry, *found = NULL;
	char memory[4096];

	if (getpwuid_r(geteuid(), &entry, memory, sizeof memory, &found) == 0 && found)
		snprintf(out, size, "%s", entry.pw_name);
	else
		snprintf(out, size, "%lu", (unsigned long)geteuid());
}

static const char *default_value(const cdbc_settings *settings, const char *name,
								 const char *compiled)
{
	if (strcmp(name, "sslmode") == 0)
		return is_local(cdbc_settings_find(settings, "host")) ? "prefer" : "verify-full";
	if (strcmp(name, "gssencmode") == 0)
		return is_cockroach(settings) ? "disable" : "prefer";
	if (strcmp(name, "passfile") == 0)
		return "/dev/null/none"; /* a file that cannot be there; libpq warns on stderr of one that
									is no plain file */
	if (strcmp(name, "connect_timeout") == 0)
		return "0"; /* ours is the deadline */
	if (strcmp(name, "application_name") == 0) {
		const char *fallback = cdbc_settings_find(settings, "fallback_application_name");

		return fallback ? fallback : "cdbc";
	}
	if (strcmp(name, "port") == 0 && is_cockroach(settings))
		return "26257";
	if (strcmp(name, "dbname") == 0 && is_cockroach(settings))
		return "defaultdb"; /* libpq would take the user's name, which CockroachDB finds out at the
							   first statement */
	return compiled ? compiled : "";
}

/* ---- writing
 * -------------------------------------------------------------------------------------------------
 */

static void put_pair(cx_buf *out, const char *name, const char *value)
{
	cx_buf_puts(out, name);
	cx_buf_puts(out, "='");
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			cx_buf_putc(out, '\\');
		cx_buf_putc(out, *value);
	}
	cx_buf_puts(out, "' ");
}

/* The server splits options at blanks; a backslash takes away their meaning. CockroachDB undoes
 * percent signs first, and up to v21.2 it passes over names that are not in small letters. */
static void put_switch(cx_buf *out, bool is_escaped, const char *name, const char *value)
{
	cx_buf_puts(out, out->length ? " -c " : "-c ");
	for (; *name; name++)
		cx_buf_putc(out, (char)tolower((unsigned char)*name));
	cx_buf_putc(out, '=');
	for (; *value; value++) {
		if (*value == '\\' || isspace((unsigned char)*value))
			cx_buf_putc(out, '\\');
		if (is_escaped && (*value == '%' || *value == '+'))
			cx_buf_puts(out, *value == '%' ? "%25" : "%2B");
		else
			cx_buf_putc(out, *value);
	}
}

static bool is_session_name(const char *name)
{
	if (*name == '\0')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != '.')
			return false;
	return true;
}

/* The session's settings as command-line switches of the server: they hold from the first statement
 * on and after a reset. */
static cdbc_status session_options(const cdbc_settings *settings, cx_buf *out, cdbc_error **err)
{
	const char *given = cdbc_settings_find(settings, "options");

	put_switch(out, false, "datestyle", "ISO");
	put_switch(out, false, "intervalstyle", "postgres");
	put_switch(out, false, "timezone", "UTC");
	put_switch(out, false, "bytea_output", "hex");
	put_switch(out, false, "extra_float_digits", "3"); /* with 1 CockroachDB gives 16 digits only */
	for (size_t i = 0; i < settings->count; i++) {
		const cdbc_setting *s = &settings->items[i];

		if (!has_set_prefix(s->name))
			continue;
		if (!is_session_name(s->name + 4))
			return cx_error_set(err, CDBC_CONFIG, "\"%s\" is not the name of a session setting",
								s->name);
		if (is_cockroach(settings) && strchr(s->value, '=')) {
			cx_error_set(err, CDBC_CONFIG,
						 "%s: CockroachDB takes no \"=\" in a session setting at start-up",
						 s->name);
			cx_error_hint(err, "run SET in the session");
			return CDBC_CONFIG;
		}
		put_switch(out, is_cockroach(settings), s->name + 4, s->value);
	}
	if (given && *given) {
		cx_buf_putc(out, ' ');
		cx_buf_puts(out, given);
	}
	return cx_buf_status(out, "session settings", err);
}

/* ---- checking
 * ------------------------------------------------------------------------------------------------
 */

static const PQconninfoOption *option_find(const PQconninfoOption *options, const char *name)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, name) == 0)
			return options;
	return NULL;
}

static cdbc_status unknown_name(const PQconninfoOption *options, const char *name, cdbc_error **err)
{
	const char *candidates[80], *nearest;
	size_t n = 0;

	for (; options->keyword && n < 78; options++)
		candidates[n++] = options->keyword;
	candidates[n++] = own_names[0];
	candidates[n] = NULL;
	cx_error_set(err, CDBC_CONFIG, "unknown connection setting \"%s\"", name);
	nearest = cx_text_nearest(name, candidates, n);
	if (nearest)
		cx_error_hint(err, "did you mean \"%s\"?", nearest);
	return CDBC_CONFIG;
}

static cdbc_status check_names(const cdbc_settings *settings, const PQconninfoOption *options,
							   cdbc_error **err)
{
	int64_t number;

	for (size_t i = 0; i < settings->count; i++) {
		const char *name = settings->items[i].name;

		if (strcmp(name, "service") == 0) {
			cx_error_set(err, CDBC_CONFIG, "service files are not read");
			cx_error_hint(err, "give host, port, dbname and user themselves");
			return CDBC_CONFIG;
		}
		if (strcmp(name, own_names[0]) == 0) {
			const char *value = settings->items[i].value;

			if (!cx_text_int64(value, strlen(value), 0, 100000, &number))
				return cx_error_set(err, CDBC_CONFIG,
									"%s = \"%s\" is not a number from 0 to 100000", name, value);
		} else if (!has_set_prefix(name) && !option_find(options, name)) {
			return unknown_name(options, name, err);
		}
	}
	return CDBC_OK;
}

/* So much that the buffer never grows: growing would leave copies of the password behind. */
static size_t size_bound(const cdbc_settings *settings, const cx_buf *session)
{
	size_t size = 8192 + 2 * session->length;

	for (size_t i = 0; i < settings->count; i++)
		size += strlen(settings->items[i].name) + 2 * strlen(settings->items[i].value) + 8;
	return size;
}

cdbc_status cx_pg_conninfo(const cdbc_settings *settings, cx_buf *out, cdbc_error **err)
{
	PQconninfoOption *options = PQconninfoParse("", NULL);
	cx_buf session = CX_BUF_INIT(CONNINFO_MAX);
	char user[256];
	cdbc_status status;

	if (!options)
		return cx_error_nomem(err);
	status = check_names(settings, options, err);
	if (!status)
		status = session_options(settings, &session, err);
	if (status)
		goto out;
	cx_buf_reserve(out, size_bound(settings, &session));
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		const char *given = cdbc_settings_find(settings, o->keyword);

		if (strcmp(o->keyword, "service") == 0)
			continue;
		if (strcmp(o->keyword, "options") == 0) {
			put_pair(out, "options", session.data);
		} else if (strcmp(o->keyword, "client_encoding") == 0) {
			put_pair(out, "client_encoding", "UTF8");
		} else if (strcmp(o->keyword, "user") == 0 && !(given && *given)) {
			user_name(user, sizeof user);
			put_pair(out, "user", user);
		} else if (given && *given) {
			put_pair(out, o->keyword, given);
		} else if (o->envvar) {
			put_pair(out, o->keyword, default_value(settings, o->keyword, o->compiled));
		}
	}
	status = cx_buf_status(out, "connection settings", err);
out:
	cx_buf_free(&session);
	PQconninfoFree(options);
	return status;
}
