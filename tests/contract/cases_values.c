// SPDX-License-Identifier: Apache-2.0
/* Driver suite: what goes in and comes out. */
#include "contract.h"

static cdbc_value typed(cdbc_value v, cdbc_type_id id)
{
	v.type.id = id;
	return v;
}

void contract_open_and_close(void **state)
{
	const contract_subject *s = *state;
	void *conn = contract_open(s);
	cdbc_conn_state now = s->driver->state(conn);

	assert_int_equal(now.tx, CDBC_TX_IDLE);
	assert_false(now.is_lost);
	assert_false(now.is_busy);
	s->driver->close(conn);
	s->driver->close(NULL);
	s->driver->cursor_close(NULL, 0);
}

void contract_settings_are_checked(void **state)
{
	const contract_subject *s = *state;
	cdbc_setting items[32] = {{"no_such_setting", "1"}};
	cdbc_settings settings = s->settings;
	cdbc_error *err = NULL;
	void *conn = NULL;

	assert_true(settings.count < 31);
	memcpy(items + 1, settings.items, settings.count * sizeof *items);
	settings.items = items;
	settings.count++;
	assert_int_equal(s->driver->open(&settings, cx_deadline_after_ms(10000), &conn, &err),
					 CDBC_CONFIG);
	assert_null(conn);
	assert_non_null(strstr(cdbc_error_message(err), "no_such_setting"));
	cdbc_error_free(err);
}

void contract_ping_and_info(void **state)
{
	const contract_subject *s = *state;
	void *conn = contract_open(s);
	cdbc_value v;

	assert_int_equal(s->driver->ping(conn, cx_deadline_after_ms(5000), NULL), CDBC_OK);
	for (int id = CDBC_INFO_PRODUCT; id <= CDBC_INFO_HOST; id++) {
		assert_int_equal(s->driver->info(conn, (cdbc_info_id)id, &v, NULL), CDBC_OK);
		assert_int_equal(v.kind, CDBC_VALUE_TEXT);
		assert_true(v.as.text.length > 0);
	}
	assert_int_equal(s->driver->info(conn, CDBC_INFO_NODE_ID, &v, NULL), CDBC_OK);
	assert_true(v.kind == CDBC_VALUE_NULL || v.kind == CDBC_VALUE_INT64);
	s->driver->close(conn);
}

void contract_values_come_back(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, CONTRACT_ECHO, text);
	cdbc_value values[] = {typed(cdbc_int64(INT64_MIN + 1), CDBC_TYPE_INT8),
						   typed(cdbc_double(0.1), CDBC_TYPE_FLOAT8),
						   typed(cdbc_string("gr\xc3\xbc\xc3\x9f 'dich'"), CDBC_TYPE_TEXT),
						   typed(cdbc_null(), CDBC_TYPE_TEXT)};
	void *conn = contract_open(s);
	contract_result result;

	r.values = values;
	r.value_count = 4;
	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
	assert_int_equal(result.row_count, 1);
	assert_int_equal(result.schema.n_children, 4);
	assert_string_equal(result.schema.format, "+s");
	assert_string_equal(result.schema.children[0]->name, "a");
	assert_string_equal(result.schema.children[0]->format, "l");
	assert_true(contract_int64(&result, 0, 0) == INT64_MIN + 1);
	assert_true(contract_double(&result, 1, 0) == 0.1);
	contract_assert_text(&result, 2, 0, "gr\xc3\xbc\xc3\x9f 'dich'");
	assert_true(contract_is_null(&result.first, 3, 0));
	assert_int_equal(result.first.children[3]->null_count, 1);
	contract_result_free(&result);
	s->driver->close(conn);
}

#define TYPE_COUNT 11
static const char *const type_formats[TYPE_COUNT] = {"b",   "l",   "g",    "d:10,2",  "u",   "z",
													 "tdD", "ttu", "tsu:", "tsu:UTC", "w:16"};

static void make_types_table(const contract_subject *s, void *conn)
{
	char sql[1024];

	snprintf(sql, sizeof sql,
			 "create temp table contract_types (a boolean, b bigint, c double precision, d "
			 "numeric(10,2), e text, f %s, g date, "
			 "h time, i timestamp, j timestamp with time zone, k uuid)",
			 s->bytes_type);
	contract_exec(s, conn, sql);
}

static void fill_types_table(const contract_subject *s, void *conn)
{
	char text[4096];
	cdbc_request r = contract_request(
		s, "insert into contract_types values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		text);
	cdbc_value values[TYPE_COUNT] = {
		typed(cdbc_bool(true), CDBC_TYPE_BOOL),
		typed(cdbc_int64(-7), CDBC_TYPE_INT8),
		typed(cdbc_double(-2.5e-3), CDBC_TYPE_FLOAT8),
		typed(cdbc_string("-12.50"), CDBC_TYPE_NUMERIC),
		typed(cdbc_string(""), CDBC_TYPE_TEXT),
		typed(cdbc_bytes("\0\1\xff", 3), CDBC_TYPE_BYTES),
		typed(cdbc_string("1969-12-31"), CDBC_TYPE_DATE),
		typed(cdbc_string("12:34:56.789"), CDBC_TYPE_TIME),
		typed(cdbc_string("2024-02-29 12:34:56.789012"), CDBC_TYPE_TIMESTAMP),
		typed(cdbc_string("2024-02-29 12:34:56+02:00"), CDBC_TYPE_TIMESTAMPTZ),
		typed(cdbc_string("acde070d-8c4c-4f0d-9d8a-162843c10333"), CDBC_TYPE_UUID),
	};
	contract_result result;

	r.values = values;
	r.value_count = TYPE_COUNT;
	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
	assert_string_equal(result.summary.tag, "INSERT 0 1");
	contract_result_free(&result);
	for (int i = 0; i < TYPE_COUNT; i++)
		values[i] = typed(cdbc_null(), values[i].type.id);
	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
	contract_result_free(&result);
}

static void check_types_row(const contract_result *r)
{
	static const unsigned char uuid[16] = {0xac, 0xde, 0x07, 0x0d, 0x8c, 0x4c, 0x4f, 0x0d,
										   0x9d, 0x8a, 0x16, 0x28, 0x43, 0xc1, 0x03, 0x33};
	int64_t decimal[2];

	assert_int_equal(contract_int64(r, 0, 0), 1);
	assert_int_equal(contract_int64(r, 1, 0), -7);
	assert_true(contract_double(r, 2, 0) == -2.5e-3);
	memcpy(decimal, r->first.children[3]->buffers[1], sizeof decimal);
	assert_int_equal(decimal[0], -1250);
	assert_int_equal(decimal[1], -1);
	contract_assert_text(r, 4, 0, "");
	assert_int_equal(contract_text(r, 5, 0).length, 3);
	assert_memory_equal(contract_text(r, 5, 0).data, "\0\1\xff", 3);
	assert_int_equal(contract_int64(r, 6, 0), -1);
	assert_true(contract_int64(r, 7, 0) == INT64_C(45296789000));
	assert_true(contract_int64(r, 8, 0) == INT64_C(1709210096789012));
	assert_true(contract_int64(r, 9, 0) == INT64_C(1709202896000000));
	assert_memory_equal(r->first.children[10]->buffers[1], uuid, 16);
}

void contract_types_and_nulls(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, "select * from contract_types order by b is null", text);
	contract_result result;
	void *conn;

	conn = contract_open(s);
	make_types_table(s, conn);
	fill_types_table(s, conn);
	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
	assert_int_equal(result.row_count, 2);
	assert_int_equal(result.schema.n_children, TYPE_COUNT);
	for (size_t i = 0; i < TYPE_COUNT; i++)
		assert_string_equal(result.schema.children[i]->format, type_formats[i]);
	check_types_row(&result);
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		assert_true(contract_is_null(&result.first, i, 1));
		assert_int_equal(result.first.children[i]->null_count, 1);
	}
	contract_result_free(&result);
	s->driver->close(conn);
}

void contract_arrays_as_parameters(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_value items[] = {cdbc_int64(3), cdbc_int64(1), cdbc_int64(9)},
			   array = cdbc_array(items, 3);
	contract_result result;
	cdbc_request r;
	void *conn;

	conn = contract_open(s);
	r = contract_request(s, s->any_of, text);
	r.values = &array;
	r.value_count = 1;
	array.type.id = CDBC_TYPE_INT8;
	array.type.is_array = true;
	for (int i = 0; i < 3; i++)
		items[i].type.id = CDBC_TYPE_INT8;
	for (size_t count = 0; count <= 3; count += 3) {
		array.as.array.count = count;
		assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
		assert_int_equal(contract_int64(&result, 0, 0), count ? 2 : 0);
		contract_result_free(&result);
	}
	for (size_t i = 0; i < 2; i++) { /* as text, where the type says that it is an array */
		cdbc_type type = array.type;

		array = cdbc_string(i ? "{3, \"1\", NULL,9}" : "{}");
		array.type = type;
		assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
		assert_int_equal(contract_int64(&result, 0, 0), i ? 2 : 0);
		contract_result_free(&result);
	}
	s->driver->close(conn);
}

void contract_wrong_count_of_parameters(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, CONTRACT_ECHO, text);
	cdbc_value values[5] = {cdbc_int64(1), cdbc_double(1), cdbc_string("x"), cdbc_string("y"),
							cdbc_null()};
	cdbc_error *err = NULL;
	contract_result result;
	void *conn;

	conn = contract_open(s);
	r.values = values;
	for (r.value_count = 3; r.value_count <= 5; r.value_count += 2) {
		assert_int_not_equal(contract_query(s, conn, &r, CX_NEVER, &result, &err), CDBC_OK);
		assert_true(cdbc_error_status(err) == CDBC_PARAM || cdbc_error_status(err) == CDBC_SQL);
		cdbc_error_free(err);
		err = NULL;
		contract_result_free(&result);
		assert_int_equal(contract_number(s, conn, CONTRACT_ONE), 1);
	}
	s->driver->close(conn);
}

void contract_empty_result(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, CONTRACT_EMPTY, text);
	void *conn = contract_open(s);
	contract_result result;

	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
	assert_int_equal(result.schema.n_children, 1);
	assert_string_equal(result.schema.children[0]->name, "n");
	assert_int_equal(result.row_count, 0);
	assert_string_equal(result.summary.tag, "SELECT 0");
	assert_int_equal(result.summary.position, CDBC_POSITION_DONE);
	contract_result_free(&result);
	s->driver->close(conn);
}

void contract_many_batches(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, CONTRACT_ROWS, text);
	void *conn = contract_open(s);
	contract_result result;

	r.batch_rows = 64;
	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
	assert_int_equal(result.row_count, CONTRACT_ROW_COUNT);
	assert_int_equal(result.batch_rows_max, 64);
	assert_true(result.batch_count >= CONTRACT_ROW_COUNT / 64);
	assert_string_equal(result.summary.tag, "SELECT 1000");
	if (!s->is_scripted) {
		assert_int_equal(contract_int64(&result, 0, 63), 64);
		contract_assert_text(&result, 1, 63, "row 64");
	}
	contract_result_free(&result);
	if (s->is_scripted)
		goto out;
	r.batch_rows = 0;
	r.batch_bytes = 1000;
	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
	assert_int_equal(result.row_count, CONTRACT_ROW_COUNT);
	assert_true(result.batch_count > 3);
	contract_result_free(&result);
out:
	s->driver->close(conn);
}

void contract_batches_outlive_connection(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, CONTRACT_ROWS, text);
	void *conn = contract_open(s);
	contract_result result;

	assert_int_equal(contract_query(s, conn, &r, CX_NEVER, &result, NULL), CDBC_OK);
	s->driver->close(conn);
	assert_int_equal(contract_int64(&result, 0, 0), 1);
	contract_assert_text(&result, 1, 0, "row 1");
	contract_result_free(&result);
}

void contract_tags_and_counts(void **state)
{
	static const struct {
		const char *sql, *tag;
		int64_t affected;
	} rows[] = {
		{"create temp table contract_t (a bigint primary key, b text)", "CREATE TABLE", -1},
		{"insert into contract_t values (1, 'x'), (2, 'y')", "INSERT 0 2", 2},
		{"update contract_t set b = 'z'", "UPDATE 2", 2},
		{"delete from contract_t where a > 5", "DELETE 0", 0},
		{"select * from contract_t", "SELECT 2", -1},
		{"with w as (select 3 as a) insert into contract_t select a, 'w' from w", "INSERT 0 1", 1},
		{"insert into contract_t values (4, 'r'), (5, 'r') returning a", "INSERT 0 2", 2},
		{"drop table contract_t", "DROP TABLE", -1},
		{"begin", "BEGIN", -1},
		{"commit", "COMMIT", -1},
	};
	const contract_subject *s = *state;
	void *conn;

	conn = contract_open(s);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cdbc_summary summary = contract_exec(s, conn, rows[i].sql);

		assert_string_equal(summary.tag, rows[i].tag);
		assert_int_equal(summary.affected_count, rows[i].affected);
		assert_int_equal(summary.position, CDBC_POSITION_DONE);
	}
	s->driver->close(conn);
}

void contract_describe(void **state)
{
	const contract_subject *s = *state;
	char text[4096];
	cdbc_request r = contract_request(s, CONTRACT_ECHO, text);
	cdbc_description *d = NULL;
	cdbc_error *err = NULL;
	void *conn;

	conn = contract_open(s);
	assert_int_equal(s->driver->describe(conn, &r, CX_NEVER, &d, NULL), CDBC_OK);
	assert_int_equal(d->param_count, 4);
	assert_non_null(d->param_types);
	assert_non_null(d->param_type_names[3]);
	assert_non_null(d->schema);
	assert_int_equal(d->schema->n_children, 4);
	assert_string_equal(d->schema->children[2]->name, "c");
	d->release(d);
	r = contract_request(s, CONTRACT_SYNTAX, text);
	assert_int_equal(s->driver->describe(conn, &r, CX_NEVER, &d, &err), CDBC_SQL);
	assert_string_equal(cdbc_error_sqlstate(err), "42601");
	cdbc_error_free(err);
	assert_int_equal(contract_number(s, conn, CONTRACT_ONE), 1);
	s->driver->close(conn);
}
