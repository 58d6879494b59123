// SPDX-License-Identifier: Apache-2.0
/* Finding passwords in a URL, also in one that is wrong or whose scheme nobody knows. Errs on the
 * side of seeing one: that is why it is not the parser. */
#include "infra/config/url.h"

#include <cdbc/config.h>

#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 64

typedef struct span {
	const char *from;
	const char *to;
} span;

static bool is_port(const char *text, const char *end)
{
	if (text == end)
		return false;
	for (; text < end; text++)
		if (*text < '0' || *text > '9')
			return false;
	return true;
}

/* The password before the host. One with a bare / or ? in it would end the authority: then a later
 * @ tells. */
static bool find_user_password(const char *url, span *out)
{
	const char *start = strstr(url, "//"), *end, *at, *colon;

	if (!start)
		return false;
	start += 2;
	end = start + strcspn(start, "/?#");
	at = memrchr(start, '@', (size_t)(end - start));
	colon = memchr(start, ':', (size_t)((at ? at : end) - start));
	if (!colon)
		return false;
	if (!at && *start != '[') {
		const char *port_end = colon + 1 + strcspn(colon + 1, ",/?#");
		const char *path_end = end + strcspn(end, "?");

		at = memrchr(end, '@', (size_t)(path_end - end));
		if (!at && !is_port(colon + 1, port_end))
			at = strrchr(end, '@');
	}
	out->from = colon + 1;
	out->to = at;
	return at && at > colon + 1;
}

static bool is_secret_name(const char *text, size_t length)
{
	static const char *const words[] = {"password", "passwd", "pwd", "secret", "token"};
	char name[NAME_MAX_BYTES + 1];
	size_t n = 0;

	for (size_t i = 0; i < length && n < NAME_MAX_BYTES; i++) {
		char hex[3] = {0};

		name[n] = text[i];
		if (text[i] == '%' && length - i > 2) {
			static const char digits[] = "0123456789abcdef";
			const char *high, *low;

			hex[0] = (char)(text[i + 1] | 0x20);
			hex[1] = (char)(text[i + 2] | 0x20);
			/* '0' to '9' have the bit already */
			high = strchr(digits, hex[0]);
			low = strchr(digits, hex[1]);
			if (high && low && *high && *low) {
				name[n] = (char)((high - digits) * 16 + (low - digits));
				i += 2;
			}
		}
		n++;
	}
	name[n] = '\0';
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

/* The next password in the parameters, from *at on, which is moved behind it. Where parameters
 * begin with ;, a value may have ; in it in ways that only the driver knows: a password then goes
 * on to the end. */
static bool find_parameter_password(const char *url, const char **at, span *out)
{
	bool is_after_semicolon = url[strcspn(url, "?;")] == ';';
	const char *text = *at;

	while (*text) {
		size_t length = strcspn(text, is_after_semicolon ? ";&?" : "&");
		const char *equals = memchr(text, '=', length);

		*at = text + length + (text[length] != '\0');
		if (equals && is_secret_name(text, (size_t)(equals - text))) {
			out->from = equals + 1;
			out->to = is_after_semicolon ? text + strlen(text) : text + length;
			*at = is_after_semicolon ? out->to : *at;
			if (out->from < out->to)
				return true;
		}
		text = *at;
	}
	return false;
}

/* Where the parameters begin. */
static const char *parameters_of(const char *text)
{
	text += strcspn(text, "?;");
	return *text ? text + 1 : text;
}

bool cdbc_url_has_password(const char *url)
{
	const char *at;
	span s;

	if (!url)
		return false;
	at = parameters_of(url);
	return find_user_password(url, &s) || find_parameter_password(url, &at, &s);
}

void cx_url_mask(const char *text, cx_buf *out)
{
	const char *done = text, *rest, *at;
	span s;

	if (find_user_password(text, &s)) {
		cx_buf_put(out, done, (size_t)(s.from - done));
		cx_buf_puts(out, "***");
		done = s.to;
	}
	rest = done;
	at = parameters_of(rest);
	while (find_parameter_password(rest, &at, &s)) {
		cx_buf_put(out, done, (size_t)(s.from - done));
		cx_buf_puts(out, "***");
		done = s.to;
	}
	cx_buf_puts(out, done);
}
