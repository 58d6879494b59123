// SPDX-License-Identifier: Apache-2.0
/* Any bytes to the readers of copy: nothing but rows and errors, the same rows wherever the input
 * is cut, and no row with more values than the one before it where the format does not allow it.
 *
 * Input: the format in the first byte, where to cut in the second, then the bytes. */
#include "base/buf.h"
#include "data/format/reader.h"
#include "data/format/row_block.h"
#include "must.h"

typedef struct taker {
	cx_buf out;
	size_t name_count;
} taker;

static cdbc_status names(void *self, const cdbc_text *texts, size_t count, cdbc_error **err)
{
	taker *t = self;

	(void)texts;
	(void)err;
	MUST(t->name_count == 0);
	t->name_count = count;
	return CDBC_OK;
}

static cdbc_status kinds(void *self, const cx_read_as **out, size_t *count, cdbc_error **err)
{
	static const cx_read_as all[] = {CX_READ_PLAIN, CX_READ_ARRAY, CX_READ_JSON,
									 CX_READ_ARRAY_JSON};

	(void)self;
	(void)err;
	*out = all;
	*count = sizeof all / sizeof *all;
	return CDBC_OK;
}

static cdbc_status row(void *self, const cx_record *record, cdbc_error **err)
{
	taker *t = self;

	return cx_copy_line(&t->out, record->values, record->count, err);
}

static cdbc_status bad(void *self, const cx_record *record, cdbc_error *error, cdbc_error **err)
{
	taker *t = self;

	(void)err;
	cx_buf_put(&t->out, record->raw, record->raw_length);
	cdbc_error_free(error);
	return CDBC_OK;
}

static cdbc_status read_all(const char *format, bool has_header, const char *data, size_t size,
							size_t cut, taker *t)
{
	const cx_reader_options options = {has_header, NULL, 0};
	const cx_reader_sink sink = {names, kinds, row, bad, t};
	cx_reader *reader;
	cdbc_status status;

	MUST(cx_reader_open(format, &options, &sink, &reader, NULL) == CDBC_OK);
	status = cx_reader_feed(reader, data, cut, NULL);
	if (!status)
		status = cx_reader_feed(reader, data + cut, size - cut, NULL);
	if (!status)
		status = cx_reader_end(reader, NULL);
	cx_reader_free(reader);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"csv", "tsv", "ndjson", "arrow"};
	taker whole = {.out = CX_BUF_INIT(1 << 26)}, cut = {.out = CX_BUF_INIT(1 << 26)};
	const char *format, *text;
	cdbc_status one, two;

	if (size < 2)
		return 0;
	format = formats[data[0] & 3];
	text = (const char *)data + 2;
	one = read_all(format, data[0] & 4, text, size - 2, size - 2, &whole);
	two = read_all(format, data[0] & 4, text, size - 2, data[1] % (size - 1), &cut);
	MUST(one == two);
	MUST(whole.out.length == cut.out.length);
	MUST(whole.out.length == 0 || memcmp(whole.out.data, cut.out.data, cut.out.length) == 0);
	cx_buf_free(&whole.out);
	cx_buf_free(&cut.out);
	return 0;
}
