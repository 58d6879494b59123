// SPDX-License-Identifier: Apache-2.0
/* The place that a database gives in what it was sent becomes the one in what the caller wrote, or
 * in the file that has it. */
#include "base/error.h"
#include "data/sql/lexer.h"
#include "service/session.h"

#include <string.h>

/* The byte that is the character at position, from 1. */
static size_t byte_of(const char *text, size_t length, int64_t position)
{
	size_t i = 0;

	for (; i < length; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80 && --position == 0)
			break;
	return i;
}

void cx_session_locate(const cdbc_call *call, cdbc_error **err)
{
	const cdbc_client *client = call->session->client;
	const cx_dialect *dialect =
		cx_client_writes(client, atomic_load_explicit(&client->dialect, memory_order_relaxed));
	const cx_statement *statement = call->statement;
	int64_t position = *err ? cdbc_error_position(*err) : 0;
	cx_query_place place;
	size_t offset;

	if (position <= 0 || !statement)
		return;
	offset = byte_of(statement->sql, statement->sql_length, position);
	if (call->query) {
		if (!cx_query_origin(call->query, statement, dialect, offset, &place))
			return;
		cx_error_position(err, place.position);
		cx_error_place(err, call->query->info.file, place.line, place.column);
	} else if (call->text && !cx_statement_origin(call->text, strlen(call->text), dialect, NULL, 0,
												  offset, &offset, NULL)) {
		cx_error_position(err, (int64_t)cx_column(call->text, 0, offset));
	}
}
