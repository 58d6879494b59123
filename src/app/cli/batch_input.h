// SPDX-License-Identifier: Apache-2.0
/* Where a batch's statements come from: SQL scripts and lines of JSON, read piece by piece. */
#ifndef CLI_BATCH_INPUT_H
#define CLI_BATCH_INPUT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"

#include <cdbc/cdbc.h>

#define CLI_STATEMENT_MAX ((size_t)64 << 20)
/* What came waits so long for more to go with it. */
#define CLI_GATHER_NS (10 * CX_NS_PER_MS)

/* A statement with its place. Valid until the next one is asked for. */
typedef struct cli_statement {
	const char *name; /* of a query; NULL: text */
	const char *text;
	size_t length;
	cdbc_param *params;
	size_t param_count;
	int64_t line, column; /* column 0: it stands in a line of JSON */
} cli_statement;

typedef struct cli_batch_input {
	const char *path; /* as it is told; "stdin" */
	int fd;
	bool is_json, is_begun, is_end;
	bool is_dry;      /* the last call gave none because none has come, not because of the end */
	int64_t until_ns; /* of the present call */
	bool is_last;     /* of the pieces: nothing follows them */
	cx_buf buffer;    /* what was read and is not done */
	size_t done;      /* of it */
	int64_t line, column; /* of the first byte that is not done */
	/* SQL: what the last split found in the buffer */
	struct cli_piece *pieces;
	size_t piece_count, piece_at, piece_capacity;
	cdbc_error *failure; /* of the split, behind the pieces */
	cx_arena arena;      /* of the present line of JSON */
} cli_batch_input;

/* Opens a file; NDJSON when its name ends in .ndjson or .jsonl, or its first byte is a brace. Fails
 * with CDBC_IO. */
cdbc_status cli_batch_input_open(const char *path, cli_batch_input *out, cdbc_error **err);
/* The next statement; *has_one false at the end, and, with is_dry in the input, when by until_ns
 * (monotonic; 0: waits for ever) none is there as a whole. What is there already is given whatever
 * the time. Fails with CDBC_IO, CDBC_SQL_FILE, CDBC_USAGE,
 * whose message begins with file:line:column, and CDBC_NOMEM. */
cdbc_status cli_batch_input_next(cli_batch_input *input, int64_t until_ns, cli_statement *out,
								 bool *has_one, cdbc_error **err);
void cli_batch_input_close(cli_batch_input *input); /* also of one that is all zero */

#endif
