// SPDX-License-Identifier: Apache-2.0
/* Strings of JSON. What values look like is their printers' affair. */
#include "base/json.h"
#include "base/json_run.h"
#include "base/text.h"

/* One byte that cannot stand for itself. */
static size_t escape_byte(unsigned char c, char out[6])
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
								   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

	out[0] = '\\';
	if (c < sizeof letters && letters[c]) {
		out[1] = letters[c];
		return 2;
	}
	memcpy(out + 1, "u00", 3);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

void cx_json_put_string(cx_buf *out, const char *text, size_t length)
{
	const char *p = text, *end = text + length;
	uint64_t high = 0;
	char escape[6];

	cx_buf_putc(out, '"');
	while (p < end) {
		size_t run = cx_json_run(p, end, &high);

		cx_buf_put(out, p, run);
		p += run;
		if (p < end)
			cx_buf_put(out, escape, escape_byte((unsigned char)*p++, escape));
	}
	cx_buf_putc(out, '"');
}

static bool is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

cdbc_text cx_json_piece(const char **p, const char *end, char room[8])
{
	const char *begin = *p, *at = begin;
	unsigned char c = (unsigned char)*begin;
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0x80 ? 2 : 1;

	while (at < end && is_plain(*at))
		at++;
	if (at > begin) {
		*p = at;
		return (cdbc_text){begin, (size_t)(at - begin)};
	}
	if (c < 0x80) {
		*p = begin + 1;
		return (cdbc_text){room, escape_byte(c, room)};
	}
	if (n > (size_t)(end - begin) || cx_utf8_valid_prefix(begin, n) != n) {
		*p = begin + 1;
		return (cdbc_text){"\xef\xbf\xbd", 3};
	}
	*p = begin + n;
	/* controls of Latin-1, which terminals obey */
	if (c == 0xc2 && (unsigned char)begin[1] < 0xa0)
		return (cdbc_text){room, escape_byte((unsigned char)begin[1], room)};
	return (cdbc_text){begin, n};
}
