// SPDX-License-Identifier: Apache-2.0
/* CSV and TSV into rows, as our own writers give them. CSV is RFC 4180's: an empty value is NULL,
 * "" an empty text. TSV is the text format of PostgreSQL's COPY: \N is NULL, and a backslash
 * escapes. Which types the values have is not known here. */
#include "data/format/reader_internal.h"

/* A value in quotes that begins at *p; *p is then after its closing quote. */
static bool unquote(cx_reader *reader, const char **p, const char *end, cdbc_value *out)
{
	size_t begin = reader->text.length;
	const char *c = *p + 1;

	for (;;) {
		const char *quote = memchr(c, '"', (size_t)(end - c));

		if (!quote)
			return false;
		cx_buf_put(&reader->text, c, (size_t)(quote - c));
		c = quote + 1;
		if (c == end || *c != '"')
			break;
		cx_buf_putc(&reader->text, '"');
		c++;
	}
	*p = c;
	*out = cdbc_text_n(reader->text.data + begin, reader->text.length - begin);
	return true;
}

static cdbc_status csv_record(cx_reader *reader, const char *from, size_t length, cdbc_error **err)
{
	const char *p = from, *end = from + length;

	for (;;) {
		cdbc_value value = cdbc_null();
		const char *begin = p;
		cdbc_status status;

		if (p < end && *p == '"') {
			if (!unquote(reader, &p, end, &value))
				return cx_reader_bad(reader, from, begin, err, "a quote is not closed");
			if (p < end && *p != ',')
				return cx_reader_bad(reader, from, p, err,
									 "something stands between a closing quote and the comma");
		} else {
			while (p < end && *p != ',' && *p != '"' && *p != '\r')
				p++;
			if (p < end && *p != ',')
				return cx_reader_bad(reader, from, p, err,
									 *p == '"'
										 ? "a quote inside a value that is not quoted"
										 : "a carriage return inside a value that is not quoted");
			if (p > begin)
				value = cdbc_text_n(begin, (size_t)(p - begin));
		}
		status = cx_reader_value(reader, value, err);
		if (status)
			return status;
		if (p == end)
			break;
		p++;
	}
	return cx_reader_row(reader, from, length, err);
}

const cx_reader_class cx_reader_csv = {.name = "csv", .has_quotes = true, .record = csv_record};

static int octal(const char **p, const char *end)
{
	int number = 0;

	for (int n = 0; n < 3 && *p < end && **p >= '0' && **p <= '7'; n++)
		number = number * 8 + *(*p)++ - '0';
	return number & 0xff;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What stands after a backslash, as COPY reads it. */
static char unescape(const char **p, const char *end)
{
	static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
	char c = *(*p)++;
	const char *known = c ? strchr(from, c) : NULL;

	if (known)
		return to[known - from];
	if (c >= '0' && c <= '7') {
		--*p;
		return (char)octal(p, end);
	}
	if (c == 'x' && *p < end && hex_digit(**p) >= 0) {
		int number = 0;

		for (int n = 0; n < 2 && *p < end && hex_digit(**p) >= 0; n++)
			number = number * 16 + hex_digit(*(*p)++);
		return (char)number;
	}
	return c;
}

static cdbc_status tsv_value(cx_reader *reader, const char *from, const char **p, const char *end,
							 cdbc_value *out, cdbc_error **err)
{
	const char *begin = *p, *c = *p;
	size_t start;

	while (c < end && *c != '\t' && *c != '\\')
		c++;
	*p = c;
	*out = cdbc_text_n(begin, (size_t)(c - begin));
	if (c == end || *c == '\t')
		return CDBC_OK;
	if (c == begin && end - c >= 2 && c[1] == 'N' && (end - c == 2 || c[2] == '\t')) {
		*p = c + 2;
		*out = cdbc_null();
		return CDBC_OK;
	}
	start = reader->text.length;
	cx_buf_put(&reader->text, begin, (size_t)(c - begin));
	while (c < end && *c != '\t') {
		if (*c != '\\') {
			cx_buf_putc(&reader->text, *c++);
		} else if (++c == end) {
			return cx_reader_bad(reader, from, c - 1, err, "a backslash ends the line");
		} else {
			cx_buf_putc(&reader->text, unescape(&c, end));
		}
	}
	*p = c;
	*out = cdbc_text_n(reader->text.data + start, reader->text.length - start);
	return CDBC_OK;
}

static cdbc_status tsv_record(cx_reader *reader, const char *from, size_t length, cdbc_error **err)
{
	const char *p = from, *end = from + length;

	for (;; p++) {
		cdbc_value value;
		cdbc_status status = tsv_value(reader, from, &p, end, &value, err);

		if (!status)
			status = cx_reader_value(reader, value, err);
		if (status)
			return status;
		if (p == end)
			break;
	}
	return cx_reader_row(reader, from, length, err);
}

const cx_reader_class cx_reader_tsv = {.name = "tsv", .record = tsv_record};
