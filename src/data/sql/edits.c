// SPDX-License-Identifier: Apache-2.0
/* Writes a statement out with a database's placeholders. */
#include "data/sql/edits.h"

#include "base/alloc.h"
#include "data/sql/keyword.h"

#include <string.h>

bool cx_edits_add(cx_edits *edits, cx_edit one)
{
	if (!cx_grow(&edits->items, edits->count, &edits->capacity, sizeof *edits->items))
		return false;
	edits->items[edits->count++] = one;
	return true;
}

void cx_edits_free(cx_edits *edits)
{
	cx_free(edits->items);
	*edits = (cx_edits){0};
}

/* Whether a placeholder stands there then. */
static bool is_param(const cx_edit *e)
{
	return e->kind == CX_EDIT_PARAM || e->kind == CX_EDIT_LIST || e->kind == CX_EDIT_POSITION;
}

/* Whether a byte before a placeholder would swallow it: x:a may not become x$1. */
static bool sticks(char c)
{
	return (c >= '0' && c <= '9') || (cx_lower(c) >= 'a' && cx_lower(c) <= 'z') || c == '_' ||
		   c == '$' || (c & 0x80);
}

/* The dialect's word in the place of `in` or `not in`. */
static void write_word(const cdbc_dialect_list *list, cx_edit_kind kind, cx_buf *out)
{
	const char *rest = strchr(list->not_in, ' ');

	switch (kind) {
	case CX_EDIT_IN:
		cx_buf_puts(out, list->in);
		break;
	case CX_EDIT_NOT_IN:
		cx_buf_puts(out, list->not_in);
		break;
	case CX_EDIT_NOT:
		cx_buf_put(out, list->not_in, rest ? (size_t)(rest - list->not_in) : strlen(list->not_in));
		break;
	default:
		cx_buf_puts(out, rest ? rest + 1 : "");
		break;
	}
}

static cdbc_status write_placeholder(const cx_dialect *dialect, uint32_t number, cx_buf *out,
									 cdbc_error **err)
{
	cdbc_sink sink;
	cdbc_error *error = NULL;
	cdbc_status status;

	if (dialect->form != CX_FORM_OWN) {
		cx_buf_putc(out, dialect->form == CX_FORM_DOLLAR ? '$' : '?');
		cx_buf_put_int64(out, number);
		return CDBC_OK;
	}
	sink = cx_dialect_sink(out);
	status = dialect->api.placeholder(&dialect->api, number, &sink, &error);
	return status ? cx_dialect_failed(dialect, "placeholder", status, error, err) : CDBC_OK;
}

/* *origin is an offset in what is written, and becomes the one in the text that it came from. */
static void note_origin(const cx_buf *out, size_t before, size_t from, bool is_copy, size_t wanted,
						size_t *origin)
{
	if (wanted >= before && wanted < out->length)
		*origin = is_copy ? from + (wanted - before) : from;
}

/* What stands instead of a parameter, or of the `in` before a list. */
static cdbc_status write_edit(const cx_edit *e, const char *text, const cx_dialect *dialect,
							  cx_buf *out, cdbc_error **err)
{
	const cdbc_dialect_list *list = &dialect->api.list;
	cdbc_status status;

	if (!is_param(e)) {
		write_word(list, e->kind, out);
		return CDBC_OK;
	}
	if (e->offset && sticks(text[e->offset - 1]))
		cx_buf_putc(out, ' ');
	if (e->kind == CX_EDIT_LIST)
		cx_buf_puts(out, list->before);
	status = write_placeholder(dialect, e->number, out, err);
	if (e->kind == CX_EDIT_LIST)
		cx_buf_puts(out, list->after);
	return status;
}

cdbc_status cx_edits_write(const cx_edits *edits, const char *text, size_t length,
						   const cx_dialect *dialect, bool keeps_numbers, cx_buf *out,
						   size_t *origin, cdbc_error **err)
{
	const cdbc_dialect_list *list = &dialect->api.list;
	bool keeps_words = !strcmp(list->in, "in") && !strcmp(list->not_in, "not in");
	size_t at = 0, wanted = *origin, before;
	cdbc_status status = CDBC_OK;

	*origin = length;
	for (size_t i = 0; i < edits->count && !status; i++) {
		const cx_edit *e = &edits->items[i];

		if (is_param(e) ? keeps_numbers : keeps_words)
			continue; /* stands as it was written */
		before = out->length;
		cx_buf_put(out, text + at, e->offset - at);
		note_origin(out, before, at, true, wanted, origin);
		at = e->offset + e->length;
		before = out->length;
		status = write_edit(e, text, dialect, out, err);
		note_origin(out, before, e->offset, false, wanted, origin);
	}
	before = out->length;
	cx_buf_put(out, text + at, length - at);
	note_origin(out, before, at, true, wanted, origin);
	return status;
}
