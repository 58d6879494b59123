// SPDX-License-Identifier: Apache-2.0
/* Descriptions as a file: JSON that is sorted and has a line for each thing that may change, so
 * that a version control shows what changed. */
#include "base/alloc.h"
#include "base/error.h"
#include "service/check/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 30)

static void put_text(cx_buf *out, const char *text)
{
	cx_buf_putc(out, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			cx_buf_putc(out, '\\');
		if (c < 0x20 || c == 0x7f)
			cx_buf_putf(out, "\\u%04x", c);
		else
			cx_buf_putc(out, (char)c);
	}
	cx_buf_putc(out, '"');
}

static void put_member(cx_buf *out, const char *before, const char *name, const char *text)
{
	cx_buf_putf(out, "%s\"%s\": ", before, name);
	put_text(out, text);
}

/* [ {"name": "id", "type": "int8"}, ... ], a line each. */
static void put_columns(cx_buf *out, const char *indent, const cx_described_column *columns,
						size_t count)
{
	cx_buf_putc(out, '[');
	for (size_t i = 0; i < count; i++) {
		cx_buf_putf(out, "%s\n%s  ", i ? "," : "", indent);
		put_member(out, "{", "name", columns[i].name);
		put_member(out, ", ", "type", columns[i].type);
		cx_buf_putc(out, '}');
	}
	if (count)
		cx_buf_putf(out, "\n%s", indent);
	cx_buf_putc(out, ']');
}

static void put_query(cx_buf *out, const cx_described_query *query)
{
	cx_buf_puts(out, "    {\n");
	put_member(out, "      ", "name", query->name);
	cx_buf_putf(out, ",\n      \"hash\": \"%016llx\"", (unsigned long long)query->hash);
	cx_buf_putf(out, ",\n      \"variants\": %zu,\n      \"parameters\": ", query->variant_count);
	put_columns(out, "      ", query->params, query->param_count);
	cx_buf_puts(out, ",\n      \"results\": [");
	for (size_t i = 0; i < query->result_count; i++) {
		const cx_described_result *r = &query->results[i];

		cx_buf_puts(out, i ? ",\n        {" : "\n        {");
		if (query->result_count > 1) {
			put_member(out, "", "when", r->when);
			cx_buf_puts(out, ", ");
		}
		cx_buf_puts(out, "\"columns\": ");
		put_columns(out, "        ", r->columns, r->column_count);
		cx_buf_putc(out, '}');
	}
	cx_buf_puts(out, query->result_count ? "\n      ]\n    }" : "]\n    }");
}

static void put_all(cx_buf *out, const cdbc_descriptions *d)
{
	put_member(out, "{\n  ", "format", "cdbc-descriptions-1");
	put_member(out, ",\n  ", "dialect", d->dialect);
	put_member(out, ",\n  ", "server", d->server);
	cx_buf_puts(out, ",\n  \"queries\": [");
	for (size_t i = 0; i < d->count; i++) {
		cx_buf_puts(out, i ? ",\n" : "\n");
		put_query(out, &d->queries[i]);
	}
	cx_buf_puts(out, d->count ? "\n  ]\n}\n" : "]\n}\n");
}

static cdbc_status fail(const char *path, cdbc_error **err)
{
	return cx_error_set(err, errno == ENOMEM ? CDBC_NOMEM : CDBC_IO, "write %s: %s", path,
						strerror(errno));
}

/* Beside the file first, so that nobody ever reads half of one. */
static cdbc_status write_file(const char *path, const cx_buf *text, cdbc_error **err)
{
	cx_buf part = CX_BUF_INIT(8192);
	cdbc_status status;
	FILE *stream;

	cx_buf_putf(&part, "%s.%ld.part", path, (long)getpid());
	status = cx_buf_status(&part, "path", err);
	if (status)
		goto out;
	stream = fopen(part.data, "wbe");
	if (!stream) {
		status = fail(path, err);
		goto out;
	}
	if (fwrite(text->data, 1, text->length, stream) != text->length)
		status = fail(path, err);
	if (fclose(stream) && !status)
		status = fail(path, err);
	if (!status && rename(part.data, path))
		status = fail(path, err);
	if (status)
		unlink(part.data);
out:
	cx_buf_free(&part);
	return status;
}

cdbc_status cdbc_descriptions_export(const cdbc_descriptions *descriptions, const char *path,
									 cdbc_error **err)
{
	cx_buf text = CX_BUF_INIT(FILE_MAX);
	cdbc_status status;

	put_all(&text, descriptions);
	status = cx_buf_status(&text, path, err);
	if (!status)
		status = write_file(path, &text, err);
	cx_buf_free(&text);
	return status;
}
