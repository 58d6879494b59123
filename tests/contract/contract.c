// SPDX-License-Identifier: Apache-2.0
/* What the cases of the driver suite share, and the list of them. */
#include "contract.h"

#include "infra/driver/registry.h"
#include "support/skip.h"

#include <inttypes.h>
#include <stdlib.h>

void *contract_open(const contract_subject *s)
{
	cdbc_error *err = NULL;
	void *conn = NULL;
	cdbc_status status = s->driver->open(&s->settings, cx_deadline_after_ms(10000), &conn, &err);

	if (status)
		fail_msg("open: %s", err ? cdbc_error_message(err) : "");
	assert_non_null(conn);
	return conn;
}

cdbc_request contract_request(const contract_subject *s, const char *sql, char *out)
{
	cdbc_request r = {.struct_size = sizeof r, .sql = out, .sql_length = strlen(sql)};

	assert_true(r.sql_length < 4096);
	if (strcmp(sql, "begin") == 0 || strcmp(sql, "commit") == 0 || strcmp(sql, "rollback") == 0)
		r.kind = CDBC_KIND_TRANSACTION;
	memcpy(out, sql, r.sql_length + 1);
	for (; *out; out++)
		if (out[0] == '$' && out[1] >= '0' && out[1] <= '9')
			*out = s->placeholder;
	return r;
}

void contract_skip(const char *why)
{
	test_skip("%s", why);
}

void contract_result_free(contract_result *result)
{
	if (result->schema.release)
		result->schema.release(&result->schema);
	if (result->first.release)
		result->first.release(&result->first);
	memset(result, 0, sizeof *result);
}

/* Counts and checks a batch, and keeps the first. */
static void take_batch(contract_result *out, struct ArrowArray *batch,
					   const struct ArrowSchema *schema)
{
	assert_int_equal(batch->n_children, schema->n_children);
	assert_int_equal(batch->offset, 0);
	for (int64_t i = 0; i < batch->n_children; i++)
		assert_int_equal(batch->children[i]->length, batch->length);
	out->batch_count++;
	out->row_count += batch->length;
	if (batch->length > out->batch_rows_max)
		out->batch_rows_max = batch->length;
	if (out->first.release)
		batch->release(batch);
	else
		out->first = *batch;
}

cdbc_status contract_query(const contract_subject *s, void *conn, const cdbc_request *r,
						   int64_t deadline_ns, contract_result *out, cdbc_error **err)
{
	const struct ArrowSchema *schema = NULL;
	struct ArrowArray batch;
	bool has_result = false;
	void *cursor = NULL;
	cdbc_status status;

	memset(out, 0, sizeof *out);
	status = s->driver->submit(conn, r, 1, CDBC_ONE_SYNC, deadline_ns, &cursor, &out->summary, err);
	if (status)
		return status;
	status = s->driver->next_result(cursor, deadline_ns, &schema, &has_result, err);
	if (!status && schema)
		assert_int_equal(cx_schema_copy(schema, &out->schema, NULL), CDBC_OK);
	while (!status && schema) {
		status = s->driver->fetch(cursor, deadline_ns, &batch, err);
		if (status || !batch.release)
			break;
		take_batch(out, &batch, schema);
	}
	out->summary = *s->driver->summary(cursor);
	if (!status) {
		status = s->driver->next_result(cursor, deadline_ns, &schema, &has_result, err);
		if (!status)
			assert_false(has_result);
	}
	s->driver->cursor_close(cursor, cx_deadline_after_ms(5000));
	return status;
}

cdbc_summary contract_exec(const contract_subject *s, void *conn, const char *sql)
{
	char text[4096];
	cdbc_request r = contract_request(s, sql, text);
	cdbc_error *err = NULL;
	contract_result result;
	cdbc_summary summary;

	if (contract_query(s, conn, &r, CX_NEVER, &result, &err))
		fail_msg("%s: %s", sql, err ? cdbc_error_message(err) : "");
	summary = result.summary;
	contract_result_free(&result);
	return summary;
}

int64_t contract_number(const contract_subject *s, void *conn, const char *sql)
{
	char text[4096];
	cdbc_request r = contract_request(s, sql, text);
	cdbc_error *err = NULL;
	contract_result result;
	int64_t number;

	if (contract_query(s, conn, &r, CX_NEVER, &result, &err))
		fail_msg("%s: %s", sql, err ? cdbc_error_message(err) : "");
	assert_int_equal(result.row_count, 1);
	number = contract_int64(&result, 0, 0);
	contract_result_free(&result);
	return number;
}

cdbc_error *contract_fails(const contract_subject *s, void *conn, const char *sql,
						   cdbc_status status, const char *sqlstate)
{
	char text[4096];
	cdbc_request r = contract_request(s, sql, text);
	cdbc_error *err = NULL;
	contract_result result;

	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, &err), status);
	assert_non_null(err);
	assert_int_equal(cdbc_error_status(err), status);
	if (sqlstate)
		assert_string_equal(cdbc_error_sqlstate(err), sqlstate);
	assert_false(result.summary.is_link_lost);
	contract_result_free(&result);
	return err;
}

/* ---- reading
 * ------------------------------------------------------------------------------------------------
 */

bool contract_is_null(const struct ArrowArray *array, size_t column, int64_t row)
{
	const uint8_t *bits = array->children[column]->buffers[0];

	return bits && !(bits[row >> 3] >> (row & 7) & 1);
}

int64_t contract_int64(const contract_result *result, size_t column, int64_t row)
{
	const struct ArrowArray *a = result->first.children[column];

	assert_false(contract_is_null(&result->first, column, row));
	switch (result->schema.children[column]->format[0]) {
	case 's':
		return ((const int16_t *)a->buffers[1])[row];
	case 'i':
		return ((const int32_t *)a->buffers[1])[row];
	case 'b':
		return ((const uint8_t *)a->buffers[1])[row >> 3] >> (row & 7) & 1;
	case 'l':
		return ((const int64_t *)a->buffers[1])[row];
	case 't':
		if (result->schema.children[column]->format[1] == 'd')
			return ((const int32_t *)a->buffers[1])[row];
		return ((const int64_t *)a->buffers[1])[row];
	default:
		fail_msg("column %zu is no integer: %s", column, result->schema.children[column]->format);
		return 0;
	}
}

double contract_double(const contract_result *result, size_t column, int64_t row)
{
	assert_string_equal(result->schema.children[column]->format, "g");
	assert_false(contract_is_null(&result->first, column, row));
	return ((const double *)result->first.children[column]->buffers[1])[row];
}

cdbc_text contract_text(const contract_result *result, size_t column, int64_t row)
{
	const struct ArrowArray *a = result->first.children[column];
	const int32_t *offsets = a->buffers[1];

	assert_non_null(strchr("uz", result->schema.children[column]->format[0]));
	assert_false(contract_is_null(&result->first, column, row));
	return (cdbc_text){(const char *)a->buffers[2] + offsets[row],
					   (size_t)(offsets[row + 1] - offsets[row])};
}

void contract_assert_text(const contract_result *result, size_t column, int64_t row,
						  const char *expected)
{
	cdbc_text text = contract_text(result, column, row);

	assert_int_equal(text.length, strlen(expected));
	assert_memory_equal(text.data, expected, text.length);
}

static unsigned offers_of(const contract_subject *s)
{
	uint32_t can = s->driver->capabilities;

	return (s->is_scripted ? 0 : CONTRACT_DATA) |
		   (can & CDBC_CAN_DESCRIBE ? CONTRACT_DESCRIBE : 0) |
		   (can & CDBC_CAN_PIPELINE ? CONTRACT_PIPELINE : 0) |
		   (can & CDBC_CAN_TRANSACT ? CONTRACT_TRANSACT : 0) |
		   (s->fails_in_transaction ? CONTRACT_FAILING : 0) |
		   (can & CDBC_CAN_CANCEL ? CONTRACT_CANCEL : 0);
}

int contract_run(contract_subject *subject)
{
#define CONTRACT_TEST(name, needs) {{#name, contract_##name, NULL, NULL, subject}, (needs)},
	const struct {
		struct CMUnitTest test;
		unsigned needs;
	} cases[] = {CONTRACT_CASES(CONTRACT_TEST)};
#undef CONTRACT_TEST
	struct CMUnitTest tests[sizeof cases / sizeof *cases];
	unsigned offers = offers_of(subject);
	size_t count = 0;
	cdbc_driver_host host;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if ((cases[i].needs & ~offers) == 0)
			tests[count++] = cases[i].test;
	cx_driver_host_init(&host, NULL);
	subject->settings.host = &host;
	return _cmocka_run_group_tests(subject->name, tests, count, NULL, NULL);
}
