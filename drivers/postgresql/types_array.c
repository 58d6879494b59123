// SPDX-License-Identifier: Apache-2.0
/* Arrays of one dimension that begin at 1, from both wire formats, into lists. Others are refused,
 * not flattened. */
#include "types_internal.h"

#include "base/alloc.h"

#include <strings.h>

#define HEADER         12 /* dimensions, flags, the items' type */
#define DIMENSION      8  /* length, lower bound */
#define DIMENSIONS_MAX 6

static pg_fault put_item(const cx_pg_decoder *d, const char *bytes, size_t length, cx_batch *batch,
						 size_t column, pg_cell *cell, cdbc_text *bad)
{
	pg_fault fault = cx_pg_read(d, bytes, length, cell);

	if (fault)
		*bad = (cdbc_text){bytes, length};
	else
		cx_batch_item_put(batch, column, cell->bytes, cell->length);
	return fault;
}

/* ---- binary
 * -------------------------------------------------------------------------------------------------
 */

static pg_fault read_items(const cx_pg_decoder *d, const char *at, const char *end, uint32_t count,
						   cx_batch *batch, size_t column, pg_cell *cell, cdbc_text *bad)
{
	pg_fault fault;

	for (; count; count--) {
		int32_t length;

		if (end - at < 4)
			return PG_MALFORMED;
		length = (int32_t)pg_get32(at);
		at += 4;
		if (length == -1) {
			cx_batch_item_null(batch, column);
			continue;
		}
		if (length < 0 || length > end - at)
			return PG_MALFORMED;
		fault = put_item(d, at, (size_t)length, batch, column, cell, bad);
		if (fault)
			return fault;
		at += length;
	}
	return at == end ? PG_FINE : PG_MALFORMED;
}

static pg_fault read_binary(const cx_pg_decoder *d, const char *bytes, size_t length,
							cx_batch *batch, size_t column, pg_cell *cell, cdbc_text *bad)
{
	uint32_t dimensions, count;

	if (length < HEADER)
		return PG_MALFORMED;
	dimensions = pg_get32(bytes);
	if (dimensions == 0)
		return length == HEADER ? PG_FINE : PG_MALFORMED;
	if (dimensions > DIMENSIONS_MAX || length < HEADER + DIMENSION)
		return PG_MALFORMED;
	if (dimensions > 1)
		return PG_DIMENSIONS;
	count = pg_get32(bytes + HEADER);
	if (count > INT32_MAX)
		return PG_MALFORMED;
	if (pg_get32(bytes + HEADER + 4) != 1)
		return PG_BOUNDS;
	return read_items(d, bytes + HEADER + DIMENSION, bytes + length, count, batch, column, cell,
					  bad);
}

/* ---- text
 * ---------------------------------------------------------------------------------------------------
 */

/* Finds the end of an item: the place of its ',' or '}'. NULL: there is none. *has_escape:
 * backslashes are in it. */
static const char *item_end(const char *at, const char *end, bool *has_escape)
{
	bool is_quoted = at < end && *at == '"';

	*has_escape = false;
	if (is_quoted)
		at++;
	for (; at < end; at++) {
		if (*at == '\\') {
			*has_escape = true;
			if (++at == end)
				return NULL;
		} else if (is_quoted && *at == '"') {
			return at + 1;
		} else if (!is_quoted && (*at == ',' || *at == '}')) {
			return at;
		} else if (!is_quoted && (*at == '"' || *at == '{')) {
			return NULL;
		}
	}
	return NULL;
}

static size_t drop_backslashes(const char *text, size_t length, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\\' && i + 1 < length)
			i++;
		out[n++] = text[i];
	}
	return n;
}

/* *room: memory for an item without its backslashes, made when one needs it. */
static pg_fault read_item_text(const cx_pg_decoder *d, const char *item, size_t length,
							   bool has_escape, char **room, size_t room_size, cx_batch *batch,
							   size_t column, pg_cell *cell, cdbc_text *bad)
{
	if (item[0] != '"' && length == 4 && strncasecmp(item, "NULL", 4) == 0) {
		cx_batch_item_null(batch, column);
		return PG_FINE;
	}
	if (item[0] == '"') {
		item++;
		length -= 2;
	}
	if (has_escape) {
		if (!*room)
			*room = cx_alloc(room_size);
		if (!*room)
			return PG_NOMEM;
		length = drop_backslashes(item, length, *room);
		item = *room;
	}
	return put_item(d, item, length, batch, column, cell, bad);
}

static pg_fault read_text(const cx_pg_decoder *d, const char *bytes, size_t length, cx_batch *batch,
						  size_t column, pg_cell *cell, cdbc_text *bad)
{
	const char *at = bytes + 1, *end = bytes + length, *next;
	pg_fault fault = PG_FINE;
	char *room = NULL;
	bool has_escape;

	if (length && bytes[0] == '[')
		return PG_BOUNDS;
	if (length < 2 || bytes[0] != '{')
		return PG_MALFORMED;
	if (*at == '}')
		return length == 2 ? PG_FINE : PG_MALFORMED;
	for (;; at = next + 1) {
		if (at < end && *at == '{') {
			fault = PG_DIMENSIONS;
			break;
		}
		next = item_end(at, end, &has_escape);
		if (!next || next == at || next == end || (*next != ',' && *next != '}')) {
			fault = PG_MALFORMED;
			break;
		}
		fault = read_item_text(d, at, (size_t)(next - at), has_escape, &room, length, batch, column,
							   cell, bad);
		if (fault || *next == '}')
			break;
	}
	if (!fault && next + 1 != end)
		fault = PG_MALFORMED;
	if (fault && room) /* what bad points at goes away */
		*bad = (cdbc_text){bytes, length};
	cx_free(room);
	return fault;
}

pg_fault cx_pg_read_list(const cx_pg_decoder *decoder, const char *bytes, size_t length,
						 cx_batch *batch, size_t column, pg_cell *cell, cdbc_text *bad)
{
	cx_batch_list_begin(batch, column);
	if (decoder->is_binary)
		return read_binary(decoder, bytes, length, batch, column, cell, bad);
	return read_text(decoder, bytes, length, batch, column, cell, bad);
}
