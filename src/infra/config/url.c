// SPDX-License-Identifier: Apache-2.0
/* Taking URLs apart. Messages never quote what could be a piece of a password that somebody forgot
 * to encode. */
#include "infra/config/url.h"

#include "base/alloc.h"
#include "base/secret.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define NOT_PRINTED \
	"write special characters of user and password as %XX, such as %40 for @ and %2F for /"

typedef struct parser {
	cx_arena *arena;
	cx_url *url;
	cx_option_problem *problem;
} parser;

static cdbc_status wrong(parser *p, const char *text, const char *hint)
{
	snprintf(p->problem->text, sizeof p->problem->text, "%s", text);
	snprintf(p->problem->hint, sizeof p->problem->hint, "%s", hint);
	return CDBC_CONFIG;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes into room of length + 1. False at a % that is none. */
static bool decode(const char *text, size_t length, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		int high, low;

		if (text[i] != '%') {
			out[n++] = text[i];
			continue;
		}
		high = length - i > 2 ? hex_digit(text[i + 1]) : -1;
		low = high >= 0 ? hex_digit(text[i + 2]) : -1;
		if (low < 0 || (high == 0 && low == 0)) {
			cx_wipe(out, n);
			return false;
		}
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	out[n] = '\0';
	return true;
}

static cdbc_status decode_new(parser *p, const char *text, size_t length, char **out)
{
	char *room = cx_arena_alloc(p->arena, length + 1);

	if (!room)
		return CDBC_NOMEM;
	if (!decode(text, length, room))
		return wrong(p, "a % is not followed by two hexadecimal digits (00 is not allowed)",
					 "write % itself as %25");
	if (cx_utf8_valid_prefix(room, strlen(room)) != strlen(room)) {
		cx_wipe(room, length);
		return wrong(p, "not UTF-8", "");
	}
	*out = room;
	return CDBC_OK;
}

/* Adds a part of its decoded value. An empty one counts as not given. */
static cdbc_status add_part(parser *p, const char *name, const char *text, size_t length,
							bool is_query)
{
	cx_url_part *part = &p->url->parts[p->url->count];
	cdbc_status status;

	if (length == 0)
		return CDBC_OK;
	if (p->url->count == CX_URL_PARTS_MAX)
		return wrong(p, "too many parameters", "");
	status = decode_new(p, text, length, &part->value);
	if (status)
		return status;
	part->name = name;
	part->is_query = is_query;
	p->url->count++;
	return CDBC_OK;
}

static cdbc_status read_query(parser *p, const char *text)
{
	cdbc_status status;

	while (*text) {
		size_t length = strcspn(text, "&");
		const char *equals = memchr(text, '=', length);
		char *name;

		if (length) {
			if (!equals || equals == text)
				return wrong(p, "a parameter is not like NAME=VALUE",
							 "the part after ? is NAME=VALUE&NAME=VALUE");
			status = decode_new(p, text, (size_t)(equals - text), &name);
			if (status == CDBC_OK)
				status = add_part(p, name, equals + 1, length - (size_t)(equals + 1 - text), true);
			if (status)
				return status;
		}
		text += length;
		text += *text == '&';
	}
	return CDBC_OK;
}

/* One host with its port, [..] for IPv6. */
static cdbc_status read_host(parser *p, const char *text, size_t length, cx_buf *hosts,
							 cx_buf *ports, bool *has_port)
{
	const char *end = text + length, *colon, *host_end;
	int64_t port = strcmp(p->url->scheme, "cockroachdb") == 0 ? 26257 : 5432;

	if (*text == '[') {
		host_end = memchr(text, ']', length);
		if (!host_end || host_end == text + 1 || (host_end + 1 != end && host_end[1] != ':'))
			return wrong(p, "an IPv6 address is not closed by ]", "write [::1] or [::1]:26257");
		text++;
		colon = host_end + 1 == end ? NULL : host_end + 1;
	} else {
		colon = memchr(text, ':', length);
		host_end = colon ? colon : end;
	}
	if (colon) {
		if (!cx_text_int64(colon + 1, (size_t)(end - colon - 1), 1, 65535, &port) ||
			colon[1] == '+')
			return wrong(p, "the port is not a number from 1 to 65535", NOT_PRINTED);
		*has_port = true;
	}
	if (hosts->length || ports->length) {
		cx_buf_putc(hosts, ',');
		cx_buf_putc(ports, ',');
	}
	cx_buf_put(hosts, text, (size_t)(host_end - text));
	cx_buf_put_int64(ports, port);
	return CDBC_OK;
}

static cdbc_status read_hosts(parser *p, const char *text, size_t length)
{
	cx_buf hosts = CX_BUF_INIT(CX_URL_BYTES_MAX), ports = CX_BUF_INIT(CX_URL_BYTES_MAX);
	cdbc_status status = CDBC_OK;
	bool has_port = false, is_last = length == 0;

	while (status == CDBC_OK && !is_last) {
		const char *comma = memchr(text, ',', length);
		size_t n = comma ? (size_t)(comma - text) : length;

		if (n == 0)
			status = wrong(p, "a host is missing beside a comma", "");
		else
			status = read_host(p, text, n, &hosts, &ports, &has_port);
		is_last = !comma;
		if (comma) {
			text += n + 1;
			length -= n + 1;
			if (length == 0)
				status = status ? status : wrong(p, "a host is missing beside a comma", "");
		}
	}
	if (status == CDBC_OK && (cx_buf_status(&hosts, "", NULL) || cx_buf_status(&ports, "", NULL)))
		status = CDBC_NOMEM;
	if (status == CDBC_OK)
		status = add_part(p, "host", hosts.data ? hosts.data : "", hosts.length, false);
	if (status == CDBC_OK && has_port)
		status = add_part(p, "port", ports.data, ports.length, false);
	cx_buf_free(&hosts);
	cx_buf_free(&ports);
	return status;
}

/* //user:password@host:port,host:port/database?name=value */
static cdbc_status read_wire(parser *p, const char *rest)
{
	cdbc_status status = CDBC_OK;
	size_t authority, user, path;
	const char *at, *slash;

	if (strncmp(rest, "//", 2) != 0)
		return wrong(p, "// is missing after the scheme",
					 "write postgresql://USER@HOST:PORT/DATABASE");
	rest += 2;
	authority = strcspn(rest, "/?#");
	slash = rest + authority;
	at = memrchr(rest, '@', authority);
	path = strcspn(slash, "?");
	if (strchr(slash, '#') || (!at && memchr(slash, '@', path) && memchr(rest, ':', authority)))
		return wrong(p, "a character is in it that must be encoded", NOT_PRINTED);
	if (at) {
		const char *colon = memchr(rest, ':', (size_t)(at - rest));

		user = (size_t)((colon ? colon : at) - rest);
		status = add_part(p, "user", rest, user, false);
		if (status == CDBC_OK && colon)
			status = add_part(p, "password", colon + 1, (size_t)(at - colon - 1), false);
		authority -= (size_t)(at + 1 - rest);
		rest = at + 1;
	}
	if (status == CDBC_OK)
		status = read_hosts(p, rest, authority);
	if (status == CDBC_OK && *slash == '/')
		status = add_part(p, "dbname", slash + 1, path - 1, false);
	slash += path;
	if (status == CDBC_OK && *slash == '?')
		status = read_query(p, slash + 1);
	return status;
}

/* PATH, ///PATH or :memory:, and ?name=value */
static cdbc_status read_embedded(parser *p, const char *rest)
{
	size_t path = strcspn(rest, "?");
	cdbc_status status;

	if (strncmp(rest, "///", 3) == 0) {
		rest += 2;
		path -= 2;
	} else if (strncmp(rest, "//", 2) == 0) {
		return wrong(p, "sqlite has no hosts", "write sqlite:PATH or sqlite:///PATH");
	}
	if (path == 0)
		return wrong(p, "the path is missing", "write sqlite:PATH or sqlite::memory:");
	status = add_part(p, "path", rest, path, false);
	if (status == CDBC_OK && rest[path] == '?')
		status = read_query(p, rest + path + 1);
	return status;
}

/* Length of a scheme, 0 when the text does not begin with one. */
static size_t scheme_length(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

	return n && text[n] == ':' && strchr("0123456789+.-", text[0]) == NULL ? n : 0;
}

static cdbc_status check_text(parser *p, const char *text)
{
	size_t length = strlen(text);

	if (length > CX_URL_BYTES_MAX)
		return wrong(p, "longer than 8192 bytes", "");
	if (cx_utf8_valid_prefix(text, length) != length)
		return wrong(p, "not UTF-8", "");
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7f) {
			/* paths may have spaces, control characters nothing may have */
			if (text[i] == ' ')
				continue;
			return wrong(p, "it has a control character", "");
		}
	return CDBC_OK;
}

cdbc_status cx_url_read(const char *text, cx_arena *arena, cx_url *url, cx_option_problem *problem)
{
	static const char *const wires[] = {"postgresql", "postgres", "cockroachdb"};
	parser p = {arena, url, problem};
	size_t n = scheme_length(text);
	cdbc_status status = check_text(&p, text);

	url->count = 0;
	url->kind = CX_URL_OTHER;
	problem->hint[0] = '\0';
	if (status)
		return status;
	if (n == 0)
		return wrong(
			&p, "it does not begin with a scheme",
			"write postgresql://HOST/DATABASE, cockroachdb://HOST/DATABASE or sqlite:PATH");
	url->scheme = cx_arena_strndup(arena, text, n);
	if (!url->scheme)
		return CDBC_NOMEM;
	for (size_t i = 0; i < n; i++)
		if (url->scheme[i] >= 'A' && url->scheme[i] <= 'Z')
			url->scheme[i] = (char)(url->scheme[i] | 0x20);
	if (strcmp(url->scheme, "sqlite") == 0) {
		url->kind = CX_URL_EMBEDDED;
		return read_embedded(&p, text + n + 1);
	}
	for (size_t i = 0; i < sizeof wires / sizeof *wires; i++)
		if (strcmp(url->scheme, wires[i]) == 0) {
			url->kind = CX_URL_WIRE;
			return read_wire(&p, text + n + 1);
		}
	return CDBC_OK;
}

void cx_url_wipe(cx_url *url)
{
	for (size_t i = 0; i < url->count; i++)
		cx_wipe(url->parts[i].value, strlen(url->parts[i].value));
	url->count = 0;
}
