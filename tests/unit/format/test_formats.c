// SPDX-License-Identifier: Apache-2.0
/* What holds for every format: they are found, run out of memory in good order, pass a sink's
 * failure on, and write no proof of completeness before their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "format/sample.h"
#include "support/oom.h"

static void test_find(void **state)
{
	static const char *const names[] = {"table", "json",     "ndjson", "csv",
										"tsv",   "markdown", "arrow"};
	const cdbc_format *const *list = cdbc_format_list();
	size_t count = 0;

	for (; list[count]; count++)
		assert_ptr_equal(cdbc_format_find(list[count]->name), list[count]);
	assert_int_equal(count, sizeof names / sizeof *names);
	for (size_t i = 0; i < count; i++) {
		const cdbc_format *format = cdbc_format_find(names[i]);

		assert_non_null(format);
		assert_int_equal(format->is_binary, strcmp(names[i], "arrow") == 0);
		assert_non_null(format->media_type);
		assert_int_equal(format->struct_size, sizeof(cdbc_format));
	}
	assert_null(cdbc_format_find("xml"));
	assert_null(cdbc_format_find(NULL));
}

typedef struct scenario {
	const cdbc_format *format;
	struct ArrowSchema schema;
	struct ArrowArray batches[2];
} scenario;

static cdbc_status swallow(void *self, const void *bytes, size_t length, cdbc_error **err)
{
	*(size_t *)self += length;
	return CDBC_OK;
}

static cdbc_status write_all(void *data, cdbc_error **err)
{
	scenario *s = data;
	size_t total = 0;
	cdbc_sink sink = {sizeof sink, swallow, &total};

	return sample_write(s->format, NULL, &s->schema, s->batches, 2, &sink, err);
}

static void make_scenario(scenario *s)
{
	struct ArrowSchema again;

	assert_int_equal(sample_every_type(&s->schema, &s->batches[0], NULL), CDBC_OK);
	assert_int_equal(sample_every_type(&again, &s->batches[1], NULL), CDBC_OK);
	again.release(&again);
}

static void end_scenario(scenario *s)
{
	s->batches[0].release(&s->batches[0]);
	s->batches[1].release(&s->batches[1]);
	s->schema.release(&s->schema);
}

/* The sample is made outside, so its memory is not of the hook's. */
static void test_out_of_memory(void **state)
{
	for (const cdbc_format *const *f = cdbc_format_list(); *f; f++) {
		scenario s = {.format = *f};

		make_scenario(&s);
		assert_true(oom_run(write_all, &s) > 10);
		end_scenario(&s);
	}
}

static void test_sink_fails(void **state)
{
	for (const cdbc_format *const *f = cdbc_format_list(); *f; f++) {
		sample_sink whole = {.out = CX_BUF_INIT(1 << 20)};
		cdbc_sink sink = sample_sink_of(&whole);
		scenario s = {.format = *f};

		make_scenario(&s);
		assert_int_equal(sample_write(*f, NULL, &s.schema, s.batches, 2, &sink, NULL), CDBC_OK);
		assert_true(whole.call_count >= 1);
		for (int at = 1; at <= whole.call_count; at++) {
			sample_sink part = {.out = CX_BUF_INIT(1 << 20), .fail_at = at};
			cdbc_error *error = NULL;

			sink = sample_sink_of(&part);
			assert_int_equal(sample_write(*f, NULL, &s.schema, s.batches, 2, &sink, &error),
							 CDBC_IO);
			assert_string_equal(cdbc_error_message(error), "the sink is full");
			assert_int_equal(part.call_count, at);
			assert_true(part.out.length < whole.out.length);
			cdbc_error_free(error);
			cx_buf_free(&part.out);
		}
		cx_buf_free(&whole.out);
		end_scenario(&s);
	}
}

/* begin alone writes nothing: a failure before the first row leaves the output empty. A writer that
 * is given up has no proof. */
static void test_given_up(void **state)
{
	for (const cdbc_format *const *f = cdbc_format_list(); *f; f++) {
		sample_sink kept = {.out = CX_BUF_INIT(1 << 20)};
		cdbc_sink sink = sample_sink_of(&kept);
		scenario s = {.format = *f};
		void *writer;

		make_scenario(&s);
		assert_int_equal((*f)->open(NULL, &sink, &writer, NULL), CDBC_OK);
		assert_int_equal((*f)->begin(writer, &s.schema, NULL), CDBC_OK);
		assert_int_equal(kept.call_count, 0);
		assert_int_equal((*f)->batch(writer, &s.batches[0], NULL), CDBC_OK);
		(*f)->destroy(writer);
		if (kept.out.length) {
			assert_null(strstr(kept.out.data, "\n]"));
			assert_null(strstr(kept.out.data, " rows)"));
			assert_memory_not_equal(kept.out.data + kept.out.length - 8, "\xff\xff\xff\xff\0\0\0\0",
									8);
		}
		cx_buf_free(&kept.out);
		end_scenario(&s);
	}
}

static void test_misuse(void **state)
{
	sample_sink kept = {.out = CX_BUF_INIT(1 << 20)};
	cdbc_sink sink = sample_sink_of(&kept);
	cx_field one = SAMPLE_FIELD("n", CDBC_TYPE_INT8);
	struct ArrowSchema schema, child = {.format = "e", .name = "half"}, *children[] = {&child};
	struct ArrowSchema foreign = {
		.format = "+s", .name = "", .n_children = 1, .children = children};

	cx_field_resolve(&one);
	for (const cdbc_format *const *f = cdbc_format_list(); *f; f++) {
		cdbc_error *error = NULL;
		scenario s = {.format = *f};
		void *writer;

		make_scenario(&s);
		assert_int_equal((*f)->open(NULL, NULL, &writer, NULL), CDBC_USAGE);
		assert_int_equal((*f)->open(NULL, &sink, &writer, NULL), CDBC_OK);
		assert_int_equal((*f)->batch(writer, &s.batches[0], NULL), CDBC_USAGE);
		assert_int_equal((*f)->begin(writer, &foreign, &error), CDBC_UNSUPPORTED);
		assert_non_null(strstr(cdbc_error_message(error), "half"));
		cdbc_error_free(error);
		assert_int_equal(cx_schema_make(&one, 1, &schema, NULL), CDBC_OK);
		assert_int_equal((*f)->begin(writer, &schema, NULL), CDBC_OK);
		assert_int_equal((*f)->begin(writer, &schema, NULL), CDBC_USAGE);
		assert_int_equal((*f)->batch(writer, &s.batches[0], NULL), CDBC_USAGE);
		(*f)->destroy(writer);
		(*f)->destroy(NULL);
		schema.release(&schema);
		end_scenario(&s);
	}
	cx_buf_free(&kept.out);
}

/* An application built with an older header has a shorter struct: what it lacks has its default. */
static void test_short_options(void **state)
{
	sample_sink kept = {.out = CX_BUF_INIT(1 << 20)};
	cdbc_sink sink = sample_sink_of(&kept);
	cdbc_format_options old = {.struct_size = offsetof(cdbc_format_options, is_colored),
							   .has_header = false,
							   .max_width = 1};
	cx_field fields[] = {SAMPLE_FIELD("n", CDBC_TYPE_INT8)};
	struct ArrowSchema schema;

	cx_field_resolve(&fields[0]);
	assert_int_equal(cx_schema_make(fields, 1, &schema, NULL), CDBC_OK);
	assert_int_equal(sample_write(cdbc_format_find("csv"), &old, &schema, NULL, 0, &sink, NULL),
					 CDBC_OK);
	assert_int_equal(kept.out.length, 0);
	schema.release(&schema);
	cx_buf_free(&kept.out);
}

#define MANY 20000

/* More than the buffer holds, and one value that is larger than it: whole, in order, in pieces of
 * about the buffer's size. */
static void test_much(void **state)
{
	sample_sink kept = {.out = CX_BUF_INIT(1 << 24)};
	cdbc_sink sink = sample_sink_of(&kept);
	cx_field fields[] = {SAMPLE_FIELD("n", CDBC_TYPE_INT8), SAMPLE_FIELD("t", CDBC_TYPE_TEXT)};
	struct ArrowSchema schema;
	struct ArrowArray batch;
	char *large = malloc(1 << 20);
	const char *p;
	cx_batch b;

	assert_non_null(large);
	memset(large, 'x', 1 << 20);
	cx_field_resolve(&fields[0]);
	cx_field_resolve(&fields[1]);
	assert_int_equal(cx_batch_begin(&b, fields, 2, MANY, 1 << 20, NULL), CDBC_OK);
	for (int64_t i = 0; i < MANY && cx_batch_row(&b); i++) {
		cx_batch_set_int64(&b, 0, i);
		cx_batch_put_bytes(&b, 1, large, i == MANY / 2 ? 1 << 20 : 3);
	}
	assert_int_equal(cx_batch_finish(&b, &batch, NULL), CDBC_OK);
	assert_int_equal(cx_schema_make(fields, 2, &schema, NULL), CDBC_OK);
	assert_int_equal(sample_write(cdbc_format_find("csv"), NULL, &schema, &batch, 1, &sink, NULL),
					 CDBC_OK);
	assert_true(kept.call_count > 3 && kept.call_count < 20);
	p = strchr(kept.out.data, '\n') + 1;
	for (int64_t i = 0; i < MANY; i++) {
		char *end;

		assert_int_equal(strtoll(p, &end, 10), i);
		p = strchr(end, '\n') + 1;
		assert_int_equal(p - end, i == MANY / 2 ? (1 << 20) + 2 : 5);
	}
	assert_ptr_equal(p, kept.out.data + kept.out.length);
	batch.release(&batch);
	schema.release(&schema);
	cx_buf_free(&kept.out);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),       cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_sink_fails), cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_misuse),     cmocka_unit_test(test_short_options),
		cmocka_unit_test(test_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
