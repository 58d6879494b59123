// SPDX-License-Identifier: Apache-2.0
/* The Arrow stream's frame, read by a small reader of flatbuffers that is the test's own: lengths,
 * alignment, buffers, slices, the end. Whether others understand it is asked of two real readers
 * (tests/integration/arrow_readers). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "format/sample.h"

typedef struct message {
	const char *root; /* the Message table */
	const char *body;
	int64_t body_length;
	const char *next;
} message;

#define READER(type, name)                   \
	static type name(const char *p)          \
	{                                        \
		type value = 0;                      \
                                             \
		if (p)                               \
			memcpy(&value, p, sizeof value); \
		else                                 \
			fail_msg("a field is absent");   \
		return value;                        \
	}
READER(uint8_t, read_uint8)
READER(uint16_t, read_uint16)
READER(int16_t, read_int16)
READER(uint32_t, read_uint32)
READER(int32_t, read_int32)
READER(int64_t, read_int64)

/* A table's field, or NULL when it is absent. */
static const char *field_of(const char *table, unsigned slot)
{
	const char *vtable = table - read_int32(table);

	if (read_uint16(vtable) < 4 + 2 * slot + 2)
		return NULL;
	return read_uint16(vtable + 4 + 2 * slot) ? table + read_uint16(vtable + 4 + 2 * slot) : NULL;
}

static const char *follow(const char *p)
{
	return p + read_uint32(p);
}

static message read_message(const char *p)
{
	message m;
	int32_t length;

	assert_int_equal(read_int32(p), -1);
	length = read_int32(p + 4);
	assert_int_equal((length + 8) % 64, 0);
	m.root = follow(p + 8);
	assert_int_equal(read_int16(field_of(m.root, 0)), 4);
	m.body = p + 8 + length;
	m.body_length = field_of(m.root, 3) ? read_int64(field_of(m.root, 3)) : 0;
	assert_int_equal(m.body_length % 64, 0);
	m.next = m.body + m.body_length;
	return m;
}

static int header_type(const message *m)
{
	return read_uint8(field_of(m->root, 1));
}

/* Buffer i of a record batch. */
static const char *buffer_of(const message *m, uint32_t i, int64_t *length)
{
	const char *batch = follow(field_of(m->root, 2)), *vector = follow(field_of(batch, 2));
	const char *at = vector + 4 + 16 * i;

	assert_true(i < read_uint32(vector));
	assert_int_equal(read_int64(at) % 64, 0);
	assert_true(read_int64(at) + read_int64(at + 8) <= m->body_length);
	*length = read_int64(at + 8);
	return m->body + read_int64(at);
}

static int64_t null_count_of(const message *m, uint32_t i)
{
	const char *batch = follow(field_of(m->root, 2)), *vector = follow(field_of(batch, 1));

	assert_true(i < read_uint32(vector));
	return read_int64(vector + 4 + 16 * i + 8);
}

static int64_t rows_of(const message *m)
{
	return read_int64(field_of(follow(field_of(m->root, 2)), 0));
}

static void make_stream(const cx_field *fields, size_t count, const struct ArrowArray *batches,
						size_t batch_count, cx_buf *out)
{
	sample_sink kept = {.out = CX_BUF_INIT(1 << 30)};
	cdbc_sink sink = sample_sink_of(&kept);
	struct ArrowSchema schema;

	assert_int_equal(cx_schema_make(fields, count, &schema, NULL), CDBC_OK);
	assert_int_equal(
		sample_write(cdbc_format_find("arrow"), NULL, &schema, batches, batch_count, &sink, NULL),
		CDBC_OK);
	schema.release(&schema);
	*out = kept.out;
}

static void check_end(const char *p, const cx_buf *out)
{
	assert_int_equal(read_int32(p), -1);
	assert_int_equal(read_int32(p + 4), 0);
	assert_ptr_equal(p + 8, out->data + out->length);
}

static void test_frame(void **state)
{
	struct ArrowArray batches[2];
	struct ArrowSchema schema;
	cx_buf out;
	message m;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(sample_every_type(&schema, &batches[i], NULL), CDBC_OK);
		schema.release(&schema);
	}
	make_stream(sample_fields(), sample_field_count, batches, 2, &out);
	m = read_message(out.data);
	assert_int_equal(header_type(&m), 1);
	assert_int_equal(m.body_length, 0);
	for (int i = 0; i < 2; i++) {
		m = read_message(m.next);
		assert_int_equal(header_type(&m), 3);
		assert_int_equal(rows_of(&m), SAMPLE_ROWS);
		batches[i].release(&batches[i]);
	}
	check_end(m.next, &out);
	cx_buf_free(&out);
}

static void test_no_batch(void **state)
{
	cx_buf out;
	message m;

	make_stream(sample_fields(), sample_field_count, NULL, 0, &out);
	m = read_message(out.data);
	check_end(m.next, &out);
	cx_buf_free(&out);
	make_stream(NULL, 0, NULL, 0, &out);
	m = read_message(out.data);
	check_end(m.next, &out);
	cx_buf_free(&out);
}

#define SLICE_ROWS 40

/* Row i: a flag of i % 3 == 0, and the text of i digits of i % 10; every fifth is NULL. */
static struct ArrowArray slice_batch(const cx_field *fields)
{
	struct ArrowArray array;
	cx_batch b;

	assert_int_equal(cx_batch_begin(&b, fields, 2, SLICE_ROWS, 64, NULL), CDBC_OK);
	for (int i = 0; i < SLICE_ROWS && cx_batch_row(&b); i++) {
		char text[SLICE_ROWS + 1] = {0};

		memset(text, '0' + i % 10, (size_t)i);
		sample_set(&b, 0, &fields[0], i % 5 == 4 ? NULL : i % 3 == 0 ? "t" : "f");
		sample_set(&b, 1, &fields[1], i % 5 == 4 ? NULL : text);
	}
	assert_int_equal(cx_batch_finish(&b, &array, NULL), CDBC_OK);
	return array;
}

static void check_slice(const message *m, int first, int count)
{
	int64_t length, nulls = 0;
	const char *validity = buffer_of(m, 0, &length), *bits = buffer_of(m, 1, &length), *offsets,
			   *bytes;

	assert_int_equal(length, (count + 7) / 8);
	offsets = buffer_of(m, 3, &length);
	assert_int_equal(length, (count + 1) * 4);
	bytes = buffer_of(m, 4, &length);
	assert_int_equal(read_int32(offsets), 0);
	assert_int_equal(read_int32(offsets + 4 * count), length);
	for (int i = 0; i < count; i++) {
		int row = first + i;
		bool is_null = row % 5 == 4;

		nulls += is_null;
		if (is_null)
			assert_false(validity[i >> 3] >> (i & 7) & 1);
		else
			assert_int_equal(bits[i >> 3] >> (i & 7) & 1, row % 3 == 0);
		assert_int_equal(read_int32(offsets + 4 * i + 4) - read_int32(offsets + 4 * i),
						 is_null ? 0 : row);
		if (!is_null && row)
			assert_int_equal(bytes[read_int32(offsets + 4 * i)], '0' + row % 10);
	}
	assert_int_equal(null_count_of(m, 0), nulls);
	assert_int_equal(null_count_of(m, 1), nulls);
}

/* The struct's offset and the columns' own, at every bit of a byte. */
static void test_slices(void **state)
{
	cx_field fields[] = {SAMPLE_FIELD("flag", CDBC_TYPE_BOOL),
						 SAMPLE_FIELD("text", CDBC_TYPE_TEXT)};

	cx_field_resolve(&fields[0]);
	cx_field_resolve(&fields[1]);
	for (int first = 0; first < 18; first++) {
		for (int count = 0; count + first <= SLICE_ROWS; count += 11) {
			struct ArrowArray batch = slice_batch(fields);
			cx_buf out;
			message m;

			batch.length = count;
			batch.offset = first / 2;
			for (int i = 0; i < 2; i++) {
				batch.children[i]->offset = first - first / 2;
				batch.children[i]->length -= first - first / 2;
				batch.children[i]->null_count = -1;
			}
			make_stream(fields, 2, &batch, 1, &out);
			m = read_message(out.data);
			m = read_message(m.next);
			assert_int_equal(rows_of(&m), count);
			if (count)
				check_slice(&m, first, count);
			check_end(m.next, &out);
			cx_buf_free(&out);
			batch.release(&batch);
		}
	}
}

/* No NULL in sight: the validity bits need not be sent. */
static void test_no_nulls(void **state)
{
	static const char *const rows[] = {"1", NULL, "2", "3"};
	cx_field field = SAMPLE_FIELD("n", CDBC_TYPE_INT8);
	struct ArrowArray batch;
	int64_t length;
	cx_buf out;
	message m;

	cx_field_resolve(&field);
	assert_int_equal(sample_batch(&field, 1, rows, 4, &batch, NULL), CDBC_OK);
	batch.offset = 2;
	batch.length = 2;
	make_stream(&field, 1, &batch, 1, &out);
	m = read_message(read_message(out.data).next);
	buffer_of(&m, 0, &length);
	assert_int_equal(length, 0);
	assert_int_equal(null_count_of(&m, 0), 0);
	assert_int_equal(read_int64(buffer_of(&m, 1, &length)), 2);
	assert_int_equal(length, 16);
	cx_buf_free(&out);
	batch.release(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_no_batch),
		cmocka_unit_test(test_slices),
		cmocka_unit_test(test_no_nulls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
