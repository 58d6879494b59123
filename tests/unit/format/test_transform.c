// SPDX-License-Identifier: Apache-2.0
/* A whole result through transformers and a format: cdbc_result_write, and the transformer that
 * masks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/error.h"
#include "data/result/result.h"
#include "format/sample.h"
#include "support/oom.h"

/* A source of batch_count batches of every type, which then ends, or fails. */
typedef struct source {
	struct ArrowSchema schema;
	int batch_count, given;
	bool is_failing;
	cdbc_summary summary;
} source;

static cdbc_status fetch(void *self, struct ArrowArray *out, cdbc_error **err)
{
	source *s = self;
	struct ArrowSchema schema;
	cdbc_status status;

	if (s->given == s->batch_count) {
		cx_array_none(out);
		return s->is_failing ? cx_error_set(err, CDBC_CONNECT, "the link is gone") : CDBC_OK;
	}
	status = sample_every_type(&schema, out, err);
	if (status)
		return status;
	schema.release(&schema);
	s->given++;
	return CDBC_OK;
}

static const cdbc_summary *summary_of(void *self)
{
	return &((source *)self)->summary;
}

static void close_source(void *self)
{
}

static const cx_result_source calls = {fetch, summary_of, NULL, close_source};

typedef struct run {
	const char *format;
	const char *masked;
	const cdbc_transformer *transformers; /* used when masked is NULL */
	size_t transformer_count;
	int batch_count;
	bool is_failing;
	int fail_at;
	int64_t progress;
	cx_buf out;
} run;

static void on_progress(void *data, int64_t row_count)
{
	((run *)data)->progress = row_count;
}

static cdbc_status run_result(void *data, cdbc_error **err)
{
	run *r = data;
	source s = {.batch_count = r->batch_count,
				.is_failing = r->is_failing,
				.summary = {.struct_size = sizeof(cdbc_summary)}};
	sample_sink kept = {.out = CX_BUF_INIT(1 << 20), .fail_at = r->fail_at};
	cdbc_sink sink = sample_sink_of(&kept);
	cdbc_transformer mask = {0};
	cdbc_result result;
	cdbc_status status = cx_schema_make(sample_fields(), sample_field_count, &s.schema, err);

	if (status)
		return status;
	cx_result_init(&result, &calls, &s, &s.schema);
	if (r->masked)
		status = cdbc_transformer_mask(r->masked, &mask, err);
	if (!status)
		status = cdbc_result_write(
			&result, cdbc_format_find(r->format), NULL, r->masked ? &mask : r->transformers,
			r->masked ? 1 : r->transformer_count, on_progress, r, &sink, err);
	if (mask.destroy)
		mask.destroy(mask.self);
	cx_result_fini(&result);
	s.schema.release(&s.schema);
	cx_buf_free(&r->out);
	r->out = kept.out;
	return status;
}

static size_t count_lines(const cx_buf *out)
{
	size_t lines = 0;

	for (size_t i = 0; i < out->length; i++)
		lines += out->data[i] == '\n';
	return lines;
}

static void test_whole(void **state)
{
	run r = {.format = "ndjson", .batch_count = 3};

	assert_int_equal(run_result(&r, NULL), CDBC_OK);
	assert_int_equal(r.progress, 3 * SAMPLE_ROWS);
	assert_int_equal(count_lines(&r.out), 3 * SAMPLE_ROWS);
	cx_buf_free(&r.out);
	r = (run){.format = "json", .batch_count = 0};
	assert_int_equal(run_result(&r, NULL), CDBC_OK);
	assert_string_equal(r.out.data, "[]\n");
	cx_buf_free(&r.out);
}

/* What was written before a failure lacks the end; before the first batch nothing is written at
 * all. */
static void test_source_fails(void **state)
{
	run r = {.format = "json", .batch_count = 0, .is_failing = true};
	cdbc_error *error = NULL;

	assert_int_equal(run_result(&r, &error), CDBC_CONNECT);
	assert_string_equal(cdbc_error_message(error), "the link is gone");
	cdbc_error_free(error);
	assert_int_equal(r.out.length, 0);
	r = (run){.format = "json", .batch_count = 2, .is_failing = true};
	assert_int_equal(run_result(&r, NULL), CDBC_CONNECT);
	assert_true(r.out.length > 0);
	assert_int_equal(r.out.data[r.out.length - 1], '}');
	cx_buf_free(&r.out);
}

static void test_sink_fails(void **state)
{
	run r = {.format = "csv", .batch_count = 2, .fail_at = 2};

	assert_int_equal(run_result(&r, NULL), CDBC_IO);
	assert_int_equal(r.progress, SAMPLE_ROWS);
	cx_buf_free(&r.out);
}

/* ---- masking
 * ------------------------------------------------------------------------------------------------
 */

/* Every column in turn: its values are gone, the others are as they were. */
static void test_mask_each(void **state)
{
	run plain = {.format = "csv", .batch_count = 1};

	assert_int_equal(run_result(&plain, NULL), CDBC_OK);
	for (size_t i = 0; i < sample_field_count; i++) {
		const cx_field *field = &sample_fields()[i];
		bool is_text = field->storage == CX_UTF8 && field->type.id != CDBC_TYPE_JSON &&
					   field->type.id != CDBC_TYPE_NUMERIC;
		run r = {.format = "ndjson", .masked = field->name, .batch_count = 2};
		char masked[64], null[64];
		size_t stars = 0, nulls = 0;

		assert_int_equal(run_result(&r, NULL), CDBC_OK);
		snprintf(masked, sizeof masked, "\"%s\":\"***\"", field->name);
		snprintf(null, sizeof null, "\"%s\":null", field->name);
		for (const char *p = r.out.data; (p = strstr(p, masked)); p++)
			stars++;
		for (const char *p = r.out.data; (p = strstr(p, null)); p++)
			nulls++;
		assert_int_equal(stars, is_text ? 2 * (SAMPLE_ROWS - 1) : 0);
		assert_int_equal(nulls, is_text ? 2 : 2 * SAMPLE_ROWS);
		assert_int_equal(count_lines(&r.out), 2 * SAMPLE_ROWS);
		cx_buf_free(&r.out);
	}
	cx_buf_free(&plain.out);
}

/* The bytes themselves are gone: an Arrow stream hands whole buffers over. */
static void test_mask_leaves_nothing(void **state)
{
	static const char secret[] = "plain";
	run r = {.format = "arrow", .batch_count = 1};

	assert_int_equal(run_result(&r, NULL), CDBC_OK);
	assert_non_null(memmem(r.out.data, r.out.length, secret, 5));
	r.masked = "text";
	assert_int_equal(run_result(&r, NULL), CDBC_OK);
	assert_null(memmem(r.out.data, r.out.length, secret, 5));
	cx_buf_free(&r.out);
}

/* Rows that were read before are left out; the mask must not slip. */
static void test_mask_slice(void **state)
{
	cx_field field = SAMPLE_FIELD("t", CDBC_TYPE_TEXT);
	static const char *const rows[] = {"a", NULL, "c", NULL, "e"};
	sample_sink kept = {.out = CX_BUF_INIT(1 << 20)};
	cdbc_sink sink = sample_sink_of(&kept);
	struct ArrowSchema schema;
	struct ArrowArray batch;
	cdbc_transformer mask;

	cx_field_resolve(&field);
	assert_int_equal(cx_schema_make(&field, 1, &schema, NULL), CDBC_OK);
	assert_int_equal(sample_batch(&field, 1, rows, 5, &batch, NULL), CDBC_OK);
	batch.offset = 1;
	batch.length = 3;
	batch.children[0]->offset = 1;
	batch.children[0]->length = 4;
	assert_int_equal(cdbc_transformer_mask("t", &mask, NULL), CDBC_OK);
	assert_int_equal(mask.schema(mask.self, &schema, NULL), CDBC_OK);
	assert_int_equal(mask.batch(mask.self, &batch, NULL), CDBC_OK);
	mask.destroy(mask.self);
	assert_int_equal(
		sample_write(cdbc_format_find("ndjson"), NULL, &schema, &batch, 1, &sink, NULL), CDBC_OK);
	assert_string_equal(kept.out.data, "{\"t\":\"***\"}\n{\"t\":null}\n{\"t\":\"***\"}\n");
	cx_buf_free(&kept.out);
	batch.release(&batch);
	schema.release(&schema);
}

static void test_mask_unknown(void **state)
{
	run r = {.format = "csv", .masked = "nobody", .batch_count = 1};
	cdbc_error *error = NULL;

	assert_int_equal(run_result(&r, &error), CDBC_NOT_FOUND);
	assert_string_equal(cdbc_error_message(error),
						"transformer \"mask\": the result has no column \"nobody\"");
	assert_int_equal(r.out.length, 0);
	cdbc_error_free(error);
}

/* ---- others
 * -------------------------------------------------------------------------------------------------
 */

static cdbc_status fail_second(void *self, struct ArrowArray *batch, cdbc_error **err)
{
	return ++*(int *)self == 2 ? cx_error_set(err, CDBC_DATA, "a bad row") : CDBC_OK;
}

static void test_transformer_fails(void **state)
{
	int count = 0;
	cdbc_transformer transformers[] = {{.struct_size = sizeof(cdbc_transformer), .name = "nothing"},
									   {.struct_size = sizeof(cdbc_transformer),
										.name = "picky",
										.batch = fail_second,
										.self = &count}};
	run r = {
		.format = "json", .transformers = transformers, .transformer_count = 2, .batch_count = 3};
	cdbc_error *error = NULL;

	assert_int_equal(run_result(&r, &error), CDBC_DATA);
	assert_string_equal(cdbc_error_message(error), "transformer \"picky\": a bad row");
	assert_int_equal(r.progress, SAMPLE_ROWS);
	cdbc_error_free(error);
	cx_buf_free(&r.out);
}

static cdbc_status fail_silently(void *self, struct ArrowArray *batch, cdbc_error **err)
{
	return CDBC_DATA;
}

/* An application cannot make errors; what failed is said nevertheless. */
static void test_fails_without_a_word(void **state)
{
	cdbc_transformer silent = {
		.struct_size = sizeof silent, .name = "silent", .batch = fail_silently};
	run r = {.format = "json", .transformers = &silent, .transformer_count = 1, .batch_count = 1};
	cdbc_error *error = NULL;

	assert_int_equal(run_result(&r, NULL), CDBC_DATA);
	assert_int_equal(run_result(&r, &error), CDBC_DATA);
	assert_non_null(strstr(cdbc_error_message(error), "transformer \"silent\": "));
	cdbc_error_free(error);
	cx_buf_free(&r.out);
}

/* ---- one value
 * ---------------------------------------------------------------------------------------------- */

static void test_print(void **state)
{
	static const char *const rows[] = {"a\"b", NULL, ""};
	static const char *const as_text[] = {"a\"b", "", ""}, *const as_json[] = {"\"a\\\"b\"", "null",
																			   "\"\""};
	struct ArrowSchema schema, foreign = {.format = "e", .name = "half"};
	cx_field field = SAMPLE_FIELD("t", CDBC_TYPE_TEXT);
	struct ArrowArray batch;

	cx_field_resolve(&field);
	assert_int_equal(cx_schema_make(&field, 1, &schema, NULL), CDBC_OK);
	assert_int_equal(sample_batch(&field, 1, rows, 3, &batch, NULL), CDBC_OK);
	for (int64_t i = 0; i < 6; i++) {
		sample_sink kept = {.out = CX_BUF_INIT(1 << 10)};
		cdbc_sink sink = sample_sink_of(&kept);

		assert_int_equal(
			cdbc_format_print(schema.children[0], batch.children[0], i / 2, i % 2, &sink, NULL),
			CDBC_OK);
		assert_string_equal(kept.out.data ? kept.out.data : "",
							i % 2 ? as_json[i / 2] : as_text[i / 2]);
		cx_buf_free(&kept.out);
		assert_int_equal(cdbc_format_print(&foreign, batch.children[0], 0, i % 2, &sink, NULL),
						 CDBC_UNSUPPORTED);
	}
	batch.release(&batch);
	schema.release(&schema);
}

static cdbc_status run_and_forget(void *data, cdbc_error **err)
{
	cdbc_status status = run_result(data, err);

	cx_buf_free(&((run *)data)->out);
	return status;
}

static void test_out_of_memory(void **state)
{
	run r = {.format = "csv", .masked = "text", .batch_count = 2};

	assert_true(oom_run(run_and_forget, &r) > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_source_fails),
		cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_mask_each),
		cmocka_unit_test(test_mask_leaves_nothing),
		cmocka_unit_test(test_mask_slice),
		cmocka_unit_test(test_mask_unknown),
		cmocka_unit_test(test_transformer_fails),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_fails_without_a_word),
		cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
