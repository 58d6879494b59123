// SPDX-License-Identifier: Apache-2.0
/* The statements of a batch, with no more of the input in memory than a window and a statement. */
#include "app/cli/batch_input.h"

#include "app/cli/cli.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES   ((size_t)256 << 10)
#define PARAMS_MAX     4096
#define JSON_DEPTH_MAX 64

/* A statement in the buffer. */
typedef struct cli_piece {
	size_t offset, length;
	int64_t line, column;
	bool is_copy;
} cli_piece;

cdbc_status cli_batch_input_open(const char *path, cli_batch_input *out, cdbc_error **err)
{
	bool is_stdin = strcmp(path, "-") == 0;

	memset(out, 0, sizeof *out);
	out->path = cli_path_name(path);
	out->line = out->column = 1;
	cx_buf_init(&out->buffer, CLI_STATEMENT_MAX + WINDOW_BYTES);
	out->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (out->fd < 0)
		return cx_error_set(err, CDBC_IO, "%s: %s", path, strerror(errno));
	out->is_json = cli_has_suffix(path, ".ndjson") || cli_has_suffix(path, ".jsonl");
	return CDBC_OK;
}

void cli_batch_input_close(cli_batch_input *input)
{
	if (input->path && input->fd > STDIN_FILENO)
		close(input->fd);
	cx_buf_free(&input->buffer);
	cx_free(input->pieces);
	cdbc_error_free(input->failure);
	cx_arena_free(&input->arena);
	memset(input, 0, sizeof *input);
}

/* ---- reading ---- */

static void count_places(cli_batch_input *input, const char *from, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (from[i] == '\n') {
			input->line++;
			input->column = 1;
		} else if (((unsigned char)from[i] & 0xc0) != 0x80) {
			input->column++;
		}
	}
}

/* Throws away what is done, and reads as much again as there is left, a window at least; less when
 * no more comes for a moment. is_dry: nothing came. */
static cdbc_status read_more(cli_batch_input *input, cdbc_error **err)
{
	cx_buf *b = &input->buffer;
	size_t left = b->length - input->done, want = left > WINDOW_BYTES ? left : WINDOW_BYTES;
	int64_t until_ns = input->until_ns;
	ssize_t n;

	if (left >= CLI_STATEMENT_MAX)
		return cx_error_set(err, CDBC_RESOURCE, "%s:%lld:%lld: a statement of more than 64 MiB",
							input->path, (long long)input->line, (long long)input->column);
	if (input->done && left)
		memmove(b->data, b->data + input->done, left);
	b->length = left;
	input->done = 0;
	while (want > 0 && !input->is_end) {
		size_t step = want < WINDOW_BYTES ? want : WINDOW_BYTES;

		if (!cx_buf_reserve(b, step))
			return cx_buf_status(b, input->path, err);
		n = cli_interrupt_read(input->fd, b->data + b->length, step, until_ns);
		if (n < 0 && errno == EINTR) {
			if (cli_interrupted_exit())
				return cx_error_set(err, CDBC_CANCELLED, "interrupted");
			continue;
		}
		if (n < 0 && errno == ETIMEDOUT)
			break;
		if (n < 0)
			return cx_error_set(err, CDBC_IO, "%s: %s", input->path, strerror(errno));
		input->is_end = n == 0;
		b->length += (size_t)n;
		b->data[b->length] = '\0';
		want -= (size_t)n;
		if (until_ns == 0)
			until_ns = cx_clock_now_ns() + CLI_GATHER_NS;
	}
	input->is_dry = !input->is_end && b->length == left;
	return CDBC_OK;
}

/* ---- SQL ---- */

typedef struct collector {
	cli_batch_input *input;
	bool is_nomem;
} collector;

static bool collect(void *data, const cdbc_sql_piece *piece)
{
	collector *c = data;
	cli_batch_input *in = c->input;

	if (!cx_grow(&in->pieces, in->piece_count, &in->piece_capacity, sizeof *in->pieces)) {
		c->is_nomem = true;
		return false;
	}
	in->pieces[in->piece_count++] =
		(cli_piece){.offset = in->done + piece->offset,
					.length = piece->length,
					.is_copy = piece->kind == CDBC_KIND_COPY,
					.line = in->line + (int64_t)piece->line - 1,
					.column = piece->line > 1 ? (int64_t)piece->column
											  : in->column + (int64_t)piece->column - 1};
	return true;
}

/* Moves the place behind a piece. */
static void finish_piece(cli_batch_input *in, const cli_piece *piece)
{
	size_t end = piece->offset + piece->length;

	count_places(in, in->buffer.data + in->done, end - in->done);
	in->done = end;
}

/* What stands behind a comment that begins here; NULL: its end is not there, or it is none. */
static const char *after_comment(const char *p, const char *end)
{
	size_t depth = 0;

	if (end - p < 2 || (memcmp(p, "--", 2) != 0 && memcmp(p, "/*", 2) != 0))
		return NULL;
	if (*p == '-')
		return memchr(p, '\n', (size_t)(end - p));
	for (; end - p >= 2; p++) {
		if (p[0] == '/' && p[1] == '*') {
			depth++;
			p++;
		} else if (p[0] == '*' && p[1] == '/') {
			p++;
			if (--depth == 0)
				return p + 1;
		}
	}
	return NULL;
}

/* Whether the last piece is all there, as its semicolon is; rows may follow a COPY. */
static bool is_whole(const cli_batch_input *in)
{
	const cli_piece *last = &in->pieces[in->piece_count - 1];
	const char *p = in->buffer.data + last->offset + last->length;
	const char *end = in->buffer.data + in->buffer.length;

	while (p && p < end && *p != ';')
		p = strchr(" \t\r\n\f\v", *p) && *p ? p + 1 : after_comment(p, end);
	return p && p < end && !last->is_copy;
}

/* Splits what is in the buffer. Unless the input has ended, its last piece may go on, and what is
 * wrong in it may be only that it is not all there. */
static cdbc_status split(cli_batch_input *in, cdbc_error **err)
{
	collector c = {in, false};

	in->piece_count = in->piece_at = 0;
	cx_error_clear(&in->failure);
	if (in->buffer.length == in->done)
		return CDBC_OK;
	if (cdbc_sql_split(in->buffer.data + in->done, in->buffer.length - in->done, collect, &c,
					   &in->failure) &&
		!in->failure)
		return cx_error_nomem(err);
	if (c.is_nomem)
		return cx_error_nomem(err);
	if (!in->is_end) {
		cx_error_clear(&in->failure);
		if (in->piece_count && !is_whole(in))
			in->piece_count--;
	}
	return CDBC_OK;
}

/* A lexical error's own place counts from the text that was split. */
static cdbc_status tell_failure(cli_batch_input *in, cdbc_error **err)
{
	int64_t line = cdbc_error_line(in->failure), column = cdbc_error_column(in->failure);
	cdbc_status status = cdbc_error_status(in->failure);

	if (line <= 1)
		column += in->column - 1;
	cx_error_wrap(&in->failure, "%s:%lld:%lld", in->path, (long long)(in->line + line - 1),
				  (long long)column);
	cx_error_pass(err, in->failure);
	in->failure = NULL;
	return status;
}

/* Reads until there may be a statement that was not there: a long one that comes slowly is not
 * split again and again. */
static cdbc_status read_statements(cli_batch_input *in, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;
	size_t left;

	do {
		left = in->buffer.length - in->done;
		if (!in->is_end)
			status = read_more(in, err);
	} while (!status && !in->is_end && !in->is_dry &&
			 !memchr(in->buffer.data + left, ';', in->buffer.length - left));
	return status;
}

static cdbc_status next_sql(cli_batch_input *in, cli_statement *out, bool *has_one,
							cdbc_error **err)
{
	const cli_piece *piece;
	cdbc_status status = CDBC_OK;

	in->is_dry = false;
	while (!status && in->piece_at == in->piece_count) {
		if (in->failure)
			return tell_failure(in, err);
		if (in->is_last)
			return CDBC_OK;
		if (in->piece_count)
			finish_piece(in, &in->pieces[in->piece_count - 1]);
		in->piece_count = in->piece_at = 0;
		status = read_statements(in, err);
		if (in->is_dry)
			return status;
		in->is_last = in->is_end;
		if (!status)
			status = split(in, err);
	}
	if (status)
		return status;
	piece = &in->pieces[in->piece_at++];
	*out = (cli_statement){.text = in->buffer.data + piece->offset,
						   .length = piece->length,
						   .line = piece->line,
						   .column = piece->column};
	*has_one = true;
	return CDBC_OK;
}

/* ---- lines of JSON ---- */

/* The next line that is not blank; *line NULL at the end. */
static cdbc_status next_line(cli_batch_input *in, const char **line, size_t *length,
							 cdbc_error **err)
{
	cdbc_status status;

	*line = NULL;
	in->is_dry = false;
	for (;;) {
		char *from = in->buffer.data ? in->buffer.data + in->done : NULL;
		size_t left = in->buffer.length - in->done;
		const char *end = left ? memchr(from, '\n', left) : NULL;

		if (!end && !in->is_end) {
			status = read_more(in, err);
			if (status || in->is_dry)
				return status;
			continue;
		}
		if (left == 0)
			return CDBC_OK;
		*length = end ? (size_t)(end - from) : left;
		in->done += *length + (end != NULL);
		in->line++;
		for (size_t i = 0; i < *length; i++) {
			if (!strchr(" \t\r", from[i])) {
				*line = from;
				return CDBC_OK;
			}
		}
	}
}

static cdbc_status read_params(cli_batch_input *in, cx_json *r, cli_statement *out,
							   cdbc_error **err)
{
	if (out->params) {
		cx_json_refuse(r, cx_json_at(r), "\"params\" is there twice");
		return cx_json_fail(r, CDBC_USAGE, err);
	}
	return cx_json_params(r, &in->arena, PARAMS_MAX, &out->params, &out->param_count, err);
}

/* The name in `"query": "name"`, or the SQL. */
static cdbc_status read_statement(cli_batch_input *in, cx_json *r, bool is_query,
								  cli_statement *out, cdbc_error **err)
{
	cdbc_value value;
	cdbc_status status;

	if (r->kind != CX_JSON_STRING || out->name || out->text) {
		cx_json_refuse(r, cx_json_at(r), "one \"query\" or \"sql\", a string, is expected");
		return cx_json_fail(r, CDBC_USAGE, err);
	}
	status = cx_json_value(r, &in->arena, &value, err);
	if (status)
		return status;
	if (is_query) {
		out->name = value.as.text.data;
	} else {
		out->text = value.as.text.data;
		out->length = value.as.text.length;
	}
	return CDBC_OK;
}

static cdbc_status read_line(cli_batch_input *in, cx_json *r, cli_statement *out, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	if (cx_json_next(r) != CX_JSON_OBJECT)
		cx_json_refuse(r, cx_json_at(r), "an object in braces is expected");
	while (!status && cx_json_next(r) == CX_JSON_NAME) {
		bool is_query = cx_json_is(r, "query", 5), is_sql = cx_json_is(r, "sql", 3);
		bool is_params = cx_json_is(r, "params", 6);

		if (cx_json_next(r) == CX_JSON_BAD)
			break;
		if (is_params)
			status = read_params(in, r, out, err);
		else if (is_query || is_sql)
			status = read_statement(in, r, is_query, out, err);
		else
			cx_json_refuse(r, cx_json_at(r), "a line has \"query\" or \"sql\", and \"params\"");
	}
	if (status)
		return status;
	if (cx_json_next(r) == CX_JSON_END && !out->name && !out->text)
		cx_json_refuse(r, r->begin, "a line has \"query\" or \"sql\"");
	return r->wrong ? cx_json_fail(r, CDBC_USAGE, err) : CDBC_OK;
}

static cdbc_status next_json(cli_batch_input *in, cli_statement *out, bool *has_one,
							 cdbc_error **err)
{
	size_t length = 0;
	cdbc_error *error = NULL;
	const char *line;
	cx_json r;
	cdbc_status status = next_line(in, &line, &length, err);

	if (status || !line)
		return status;
	cx_arena_free(&in->arena);
	*out = (cli_statement){.line = in->line - 1};
	cx_json_init(&r, line, length, JSON_DEPTH_MAX);
	status = read_line(in, &r, out, &error);
	if (status == CDBC_USAGE)
		cx_error_wrap(&error, "%s:%lld:%lld", in->path, (long long)in->line - 1,
					  (long long)cdbc_error_column(error));
	cx_error_pass(err, error);
	*has_one = !status;
	return status;
}

/* ---- either ---- */

static cdbc_status look_at_first_byte(cli_batch_input *in, cdbc_error **err)
{
	cdbc_status status;
	size_t blank = 0;

	do {
		status = read_more(in, err);
		if (status || in->is_dry)
			return status;
		blank = in->buffer.data ? strspn(in->buffer.data, " \t\r\n") : 0;
	} while (blank == in->buffer.length && !in->is_end);
	in->is_begun = true;
	if (in->is_json || !in->buffer.length)
		return CDBC_OK;
	in->is_json = in->buffer.data[blank] == '{';
	in->is_last = !in->is_json && in->is_end;
	return in->is_json ? CDBC_OK : split(in, err);
}

cdbc_status cli_batch_input_next(cli_batch_input *input, int64_t until_ns, cli_statement *out,
								 bool *has_one, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;

	*has_one = false;
	input->until_ns = until_ns;
	if (!input->is_begun)
		status = look_at_first_byte(input, err);
	if (status || !input->is_begun)
		return status;
	return input->is_json ? next_json(input, out, has_one, err)
						  : next_sql(input, out, has_one, err);
}
