// SPDX-License-Identifier: Apache-2.0
/* The batch builder: values, nulls, growth, lists, taking rows back, moved children, allocation
 * failure. */
#include "base/buf.h"
#include "base/column.h"
#include "base/error.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

static const cdbc_type plain = {CDBC_TYPE_INT8, false, -1, -1};

static void make_fields(cx_field *fields)
{
	static const cdbc_type_id ids[] = {CDBC_TYPE_INT8, CDBC_TYPE_TEXT, CDBC_TYPE_BOOL,
									   CDBC_TYPE_TEXT};

	for (int i = 0; i < 4; i++) {
		fields[i] = (cx_field){.name = "c", .type = plain};
		fields[i].type.id = ids[i];
		fields[i].type.is_array = i == 3;
		cx_field_resolve(&fields[i]);
	}
}

static cdbc_status build(int64_t rows, int64_t hint, struct ArrowArray *out, cdbc_error **err)
{
	cx_field fields[4];
	cx_batch b;
	cdbc_status status;
	char text[32];

	make_fields(fields);
	status = cx_batch_begin(&b, fields, 4, hint, 16, err);
	if (status)
		return status;
	for (int64_t i = 0; i < rows && cx_batch_row(&b); i++) {
		cx_batch_set_int64(&b, 0, i);
		snprintf(text, sizeof text, "row %d", (int)i);
		if (i % 3 == 1)
			cx_batch_set_null(&b, 1);
		else
			cx_batch_put_bytes(&b, 1, text, strlen(text));
		cx_batch_set_bool(&b, 2, i % 2);
		if (i % 5 == 4) {
			cx_batch_set_null(&b, 3);
		} else {
			cx_batch_list_begin(&b, 3);
			for (int64_t k = 0; k < i % 5; k++) {
				if (k == 1)
					cx_batch_item_null(&b, 3);
				else
					cx_batch_item_put(&b, 3, text, 3);
			}
		}
	}
	return cx_batch_finish(&b, out, err);
}

static bool is_valid(const struct ArrowArray *a, int64_t i)
{
	const uint8_t *bits = a->buffers[0];

	return !bits || (bits[i >> 3] >> (i & 7) & 1);
}

static void check(const struct ArrowArray *a, int64_t rows)
{
	const int64_t *numbers = a->children[0]->buffers[1];
	const int32_t *offsets = a->children[1]->buffers[1];
	const char *bytes = a->children[1]->buffers[2];
	const uint8_t *flags = a->children[2]->buffers[1];
	const int32_t *lists = a->children[3]->buffers[1];
	const struct ArrowArray *items = a->children[3]->children[0];
	char text[32];

	assert_int_equal(a->length, rows);
	for (int64_t i = 0; i < rows; i++) {
		assert_int_equal(numbers[i], i);
		snprintf(text, sizeof text, "row %d", (int)i);
		assert_int_equal(is_valid(a->children[1], i), i % 3 != 1);
		if (i % 3 != 1) {
			assert_int_equal(offsets[i + 1] - offsets[i], strlen(text));
			assert_memory_equal(bytes + offsets[i], text, strlen(text));
		} else {
			assert_int_equal(offsets[i + 1], offsets[i]);
		}
		assert_int_equal(flags[i >> 3] >> (i & 7) & 1, i % 2);
		assert_int_equal(is_valid(a->children[3], i), i % 5 != 4);
		assert_int_equal(lists[i + 1] - lists[i], i % 5 == 4 ? 0 : i % 5);
		if (i % 5 == 2)
			assert_false(is_valid(items, lists[i] + 1));
	}
}

static void test_values_and_growth(void **state)
{
	static const int64_t sizes[] = {0, 1, 2, 7, 8, 9, 63, 64, 65, 1000};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct ArrowArray a;

		assert_int_equal(build(sizes[i], 1, &a, NULL), CDBC_OK);
		check(&a, sizes[i]);
		a.release(&a);
		assert_null(a.release);
		assert_int_equal(build(sizes[i], 2000, &a, NULL), CDBC_OK);
		check(&a, sizes[i]);
		a.release(&a);
	}
}

static void test_child_outlives_parent(void **state)
{
	struct ArrowArray a, child, list;

	assert_int_equal(build(100, 1, &a, NULL), CDBC_OK);
	child = *a.children[1];
	a.children[1]->release = NULL;
	list = *a.children[3];
	a.children[3]->release = NULL;
	a.release(&a);
	assert_memory_equal((const char *)child.buffers[2], "row 0row 2", 10);
	list.release(&list);
	child.release(&child);
}

static void test_unrow(void **state)
{
	cx_field fields[4];
	struct ArrowArray a;
	cx_batch b;

	make_fields(fields);
	assert_int_equal(cx_batch_begin(&b, fields, 4, 4, 64, NULL), CDBC_OK);
	assert_true(cx_batch_row(&b));
	cx_batch_set_null(&b, 0);
	cx_batch_put_bytes(&b, 1, "gone", 4);
	cx_batch_set_bool(&b, 2, true);
	cx_batch_list_begin(&b, 3);
	cx_batch_item_null(&b, 3);
	cx_batch_item_put(&b, 3, "x", 1);
	cx_batch_unrow(&b);
	assert_true(cx_batch_row(&b));
	cx_batch_set_int64(&b, 0, 5);
	cx_batch_put_bytes(&b, 1, "kept", 4);
	cx_batch_set_bool(&b, 2, false);
	cx_batch_list_begin(&b, 3);
	cx_batch_item_put(&b, 3, "y", 1);
	assert_int_equal(cx_batch_finish(&b, &a, NULL), CDBC_OK);
	assert_int_equal(a.length, 1);
	assert_int_equal(a.children[0]->null_count, 0);
	assert_memory_equal((const char *)a.children[1]->buffers[2], "kept", 4);
	assert_int_equal(((const uint8_t *)a.children[2]->buffers[1])[0] & 1, 0);
	assert_int_equal(a.children[3]->children[0]->length, 1);
	assert_int_equal(a.children[3]->children[0]->null_count, 0);
	assert_memory_equal((const char *)a.children[3]->children[0]->buffers[2], "y", 1);
	a.release(&a);
}

static void test_schema_round_trip(void **state)
{
	cx_field field = {.name = "d",
					  .sql_type = "numeric(10,2)",
					  .type = {CDBC_TYPE_NUMERIC, true, 10, 2}},
			 back;
	struct ArrowSchema s, copy;
	cdbc_text text;

	cx_field_resolve(&field);
	assert_int_equal(cx_schema_make(&field, 1, &s, NULL), CDBC_OK);
	assert_int_equal(cx_schema_copy(&s, &copy, NULL), CDBC_OK);
	s.release(&s);
	assert_string_equal(copy.children[0]->format, "+l");
	assert_string_equal(copy.children[0]->children[0]->format, "d:10,2");
	assert_true(cx_metadata_find(copy.children[0]->metadata, "cdbc.sql_type", &text));
	assert_int_equal(text.length, 13);
	assert_memory_equal(text.data, "numeric(10,2)", 13);
	assert_true(cx_field_of_schema(copy.children[0], &back));
	assert_true(back.type.is_array);
	assert_int_equal(back.item, CX_DECIMAL128);
	assert_int_equal(back.type.precision, 10);
	copy.release(&copy);
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	cx_field fields[4];
	struct ArrowSchema schema;
	struct ArrowArray array;
	cdbc_status status;

	make_fields(fields);
	status = cx_schema_make(fields, 4, &schema, err);
	if (status)
		return status;
	schema.release(&schema);
	status = build(200, 1, &array, err);
	if (status)
		return status;
	array.release(&array);
	return CDBC_OK;
}

static void test_out_of_memory(void **state)
{
	assert_true(oom_run(scenario, NULL) > 20);
}

/* ---- stores
 * -------------------------------------------------------------------------------------------------
 */

static const cx_field stored_fields[] = {{.name = "n", .storage = CX_INT64},
										 {.name = "t", .storage = CX_UTF8},
										 {.name = "b", .storage = CX_BOOL}};

/* Rows (n, text or NULL, true) from a store. */
static cdbc_status build_stored(cx_batch_store *store, int64_t n, const char *text, int rows,
								struct ArrowArray *out, cdbc_error **err)
{
	cx_batch b;
	cdbc_status status = cx_batch_begin_stored(&b, store, stored_fields, 3, err);

	if (status)
		return status;
	for (int i = 0; i < rows && cx_batch_row(&b); i++) {
		cx_batch_set_int64(&b, 0, n + i);
		if (text)
			cx_batch_put_bytes(&b, 1, text, strlen(text));
		else
			cx_batch_set_null(&b, 1);
		cx_batch_set_bool(&b, 2, n % 2 == 0);
	}
	return cx_batch_finish(&b, out, err);
}

static void check_stored(const struct ArrowArray *a, int64_t n, const char *text, int rows)
{
	const struct ArrowArray *t = a->children[1];
	size_t length = text ? strlen(text) : 0;

	assert_int_equal(a->length, rows);
	assert_int_equal(a->offset, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a->children[i]->length, rows);
		assert_int_equal(a->children[i]->offset, 0);
		assert_non_null(a->children[i]->release);
	}
	assert_int_equal(t->null_count, text ? 0 : rows);
	assert_true((t->buffers[0] != NULL) == !text);
	for (int i = 0; i < rows; i++) {
		const int32_t *offsets = t->buffers[1];

		assert_int_equal(((const int64_t *)a->children[0]->buffers[1])[i], n + i);
		assert_int_equal(offsets[i + 1] - offsets[i], length);
		if (text)
			assert_memory_equal((const char *)t->buffers[2] + offsets[i], text, length);
		assert_int_equal(*(const uint8_t *)a->children[2]->buffers[1] >> i & 1, n % 2 == 0);
	}
}

/* Whatever a batch was, the next one from the store is as good as new. */
static void test_store(void **state)
{
	static const char big[] = "a text that is much longer than what a stored batch has room for at "
							  "first, by a good deal; and more";
	static const struct {
		int64_t n;
		const char *text;
		int rows;
	} cases[] = {{2, "two", 4}, {1, "", 1},  {3, NULL, 2}, {4, "four", 1},
				 {5, big, 4},   {7, big, 9}, {6, big, 1},  {9, "x", 3}};
	cx_batch_store *store = cx_batch_store_new();
	struct ArrowArray a, other;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases * 2; i++) {
		size_t k = i % (sizeof cases / sizeof *cases);

		assert_int_equal(build_stored(store, cases[k].n, cases[k].text, cases[k].rows, &a, NULL),
						 CDBC_OK);
		assert_int_equal(build_stored(store, 8, "other", 1, &other, NULL), CDBC_OK);
		check_stored(&a, cases[k].n, cases[k].text, cases[k].rows);
		check_stored(&other, 8, "other", 1);
		a.release(&a);
		assert_null(a.release);
		other.release(&other);
	}
	/* one released whole is used again */
	assert_int_equal(build_stored(store, 1, "one", 1, &a, NULL), CDBC_OK);
	other = a;
	a.release(&a);
	assert_int_equal(build_stored(store, 1, "one", 1, &a, NULL), CDBC_OK);
	assert_ptr_equal(a.private_data, other.private_data);
	a.release(&a);
	cx_batch_store_free(store);
	cx_batch_store_free(NULL);
}

static void test_store_is_outlived(void **state)
{
	cx_batch_store *store = cx_batch_store_new();
	struct ArrowArray a, b, child;
	cx_batch discarded;

	(void)state;
	assert_int_equal(build_stored(store, 1, "one", 1, &a, NULL), CDBC_OK);
	a.release(&a); /* the spare */
	assert_int_equal(build_stored(store, 1, "one", 1, &a, NULL), CDBC_OK);
	child = *a.children[1]; /* moved away: the block is not the store's while it lives */
	a.children[1]->release = NULL;
	a.release(&a);
	assert_int_equal(build_stored(store, 2, "two", 1, &a, NULL), CDBC_OK);
	assert_memory_equal(child.buffers[2], "one", 3);
	/* another array in a child's place goes with the batch */
	assert_int_equal(build_stored(store, 3, "six", 1, &b, NULL), CDBC_OK);
	a.children[1]->release(a.children[1]);
	*a.children[1] = *b.children[1];
	b.children[1]->release = NULL;
	b.release(&b);
	assert_memory_equal(a.children[1]->buffers[2], "six", 3);
	a.release(&a);
	assert_int_equal(cx_batch_begin_stored(&discarded, store, stored_fields, 3, NULL), CDBC_OK);
	cx_batch_discard(&discarded);
	assert_int_equal(build_stored(store, 4, "four", 1, &a, NULL), CDBC_OK);
	cx_batch_store_free(store);
	check_stored(&a, 4, "four", 1);
	a.release(&a);
	assert_memory_equal(child.buffers[2], "one", 3);
	child.release(&child);
}

static cdbc_status store_scenario(void *data, cdbc_error **err)
{
	cx_batch_store *store = cx_batch_store_new();
	struct ArrowArray a;
	cdbc_status status = store ? CDBC_OK : CDBC_NOMEM;

	(void)data;
	if (!store)
		return cx_error_nomem(err);
	for (int i = 0; i < 3 && !status; i++) {
		status = build_stored(store, i, i == 1 ? NULL : "text", 6, &a, err);
		if (!status)
			a.release(&a);
	}
	cx_batch_store_free(store);
	return status;
}

static void test_store_without_memory(void **state)
{
	(void)state;
	oom_run(store_scenario, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_and_growth),
		cmocka_unit_test(test_child_outlives_parent),
		cmocka_unit_test(test_unrow),
		cmocka_unit_test(test_schema_round_trip),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_store_is_outlived),
		cmocka_unit_test(test_store_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
