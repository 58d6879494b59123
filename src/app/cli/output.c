// SPDX-License-Identifier: Apache-2.0
/* Where results go: stdout, or a file that appears when it is complete. Progress for work over a
 * second, on a terminal. */
#include "app/cli/cli.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES 65536

static cdbc_status write_all(cli_output *output, const char *bytes, size_t length, cdbc_error **err)
{
	while (length > 0) {
		ssize_t n = write(output->fd, bytes, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			output->has_failed = true;
			return cx_error_set(err, CDBC_IO, "write %s: %s",
								output->path ? output->path : "stdout", strerror(errno));
		}
		output->has_output = true;
		bytes += n;
		length -= (size_t)n;
	}
	return CDBC_OK;
}

cdbc_status cli_output_flush(cli_output *output, cdbc_error **err)
{
	cdbc_status status = write_all(output, output->buffer.data, output->buffer.length, err);

	cx_buf_clear(&output->buffer);
	return status;
}

static cdbc_status sink_write(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	cli_output *output = self;
	cdbc_status status = CDBC_OK;

	if (output->buffer.length + length > BUFFER_BYTES)
		status = cli_output_flush(output, err);
	if (status)
		return status;
	if (length >= BUFFER_BYTES)
		return write_all(output, bytes, length, err);
	cx_buf_put(&output->buffer, bytes, length);
	return cx_buf_status(&output->buffer, "output buffer", err);
}

/* What is no file cannot be replaced by one: a device or a pipe is written as it is. */
static int open_device(cli_output *output)
{
	output->fd = open(output->path, O_WRONLY | O_CLOEXEC);
	if (output->fd >= 0)
		return EXIT_OK;
	fprintf(stderr, "cdbc: --output %s: %s\n", output->path, strerror(errno));
	return EXIT_USAGE;
}

static int open_part(cli_output *output, const char *path)
{
	struct stat info;
	size_t length;

	/* A link stays one: what it leads to is replaced. */
	output->path = realpath(path, NULL);
	if (!output->path)
		output->path = strdup(path);
	if (!output->path)
		return EXIT_INTERNAL;
	if (stat(output->path, &info) == 0 && !S_ISREG(info.st_mode))
		return open_device(output);
	length = strlen(output->path);
	output->part = malloc(length + 16);
	if (!output->part)
		return EXIT_INTERNAL;
	snprintf(output->part, length + 16, "%s.XXXXXX", output->path);
	output->fd = mkstemp(output->part);
	if (output->fd < 0) {
		fprintf(stderr, "cdbc: --output %s: %s\n", path, strerror(errno));
		return EXIT_USAGE;
	}
	cli_interrupt_file(output->part);
	return EXIT_OK;
}

int cli_output_open(const cli_args *args, cli_output *out)
{
	bool is_terminal = !args->output && isatty(STDOUT_FILENO);
	struct winsize size;

	memset(out, 0, sizeof *out);
	cx_buf_init(&out->buffer, 2 * BUFFER_BYTES);
	out->fd = STDOUT_FILENO;
	out->format = cdbc_format_find(args->format ? args->format : is_terminal ? "table" : "tsv");
	out->options = (cdbc_format_options)CDBC_FORMAT_OPTIONS_INIT;
	out->options.has_header = !args->no_header;
	if (is_terminal && out->format->is_binary) {
		fprintf(stderr,
				"cdbc: -o %s is not for a terminal\nhint: redirect it, or use --output FILE\n",
				out->format->name);
		return EXIT_USAGE;
	}
	if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		out->options.max_width = size.ws_col;
	out->is_quiet = args->is_quiet || !isatty(STDERR_FILENO);
	out->sink = (cdbc_sink){sizeof out->sink, sink_write, out};
	out->started_ns = cx_clock_now_ns();
	return args->output ? open_part(out, args->output) : EXIT_OK;
}

void cli_output_progress_end(cli_output *output)
{
	if (output->has_progress)
		fprintf(stderr, "\r\033[K");
	output->has_progress = false;
}

/* Puts what was written beside into its place, or takes it away. */
static int finish_part(cli_output *output, bool is_complete)
{
	int code = EXIT_OK;
	mode_t mask = umask(0);

	umask(mask);
	if (is_complete && fchmod(output->fd, 0666 & ~mask))
		code = EXIT_INCOMPLETE;
	if (close(output->fd) && is_complete)
		code = EXIT_INCOMPLETE;
	if (is_complete && !code && rename(output->part, output->path))
		code = EXIT_INCOMPLETE;
	if (code)
		fprintf(stderr, "cdbc: --output %s: %s\n", output->path, strerror(errno));
	if (code || !is_complete)
		unlink(output->part);
	cli_interrupt_file(NULL);
	return code;
}

int cli_output_close(cli_output *output, bool is_complete)
{
	cdbc_error *error = NULL;
	int code = EXIT_OK, finished;

	cli_output_progress_end(output);
	if (!output->has_failed && cli_output_flush(output, &error))
		code = cli_fail(error, CDBC_IO, true, NULL);
	if (output->part && output->fd >= 0) {
		finished = finish_part(output, is_complete && !code);
		code = code ? code : finished;
	} else if (output->path && output->fd >= 0) {
		close(output->fd);
	}
	free(output->path);
	free(output->part);
	output->path = output->part = NULL;
	cx_buf_free(&output->buffer);
	return code;
}

void cli_output_progress(void *data, int64_t row_count)
{
	cli_output *output = data;
	int64_t passed_ns = cx_clock_now_ns() - output->started_ns;

	output->has_output = output->has_output || row_count > 0;
	if (output->is_quiet || passed_ns < CX_NS_PER_S)
		return;
	fprintf(stderr, "\r%lld rows, %.1f s\033[K", (long long)row_count, (double)passed_ns / 1e9);
	output->has_progress = true;
}

cdbc_status cli_output_result(cli_output *output, cdbc_result *result, cdbc_error **err)
{
	cdbc_status status = cdbc_result_write(result, output->format, &output->options, NULL, 0,
										   cli_output_progress, output, &output->sink, err);

	output->has_output = output->has_output || output->has_failed || output->buffer.length > 0;
	cli_output_progress_end(output);
	return status;
}
