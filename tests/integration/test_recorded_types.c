// SPDX-License-Identifier: Apache-2.0
// Every type that a real CockroachDB sent us, in binary and in text, through our driver: both must
// decode to the same column, and to what the recording shows. The driver takes text for a whole
// result as soon as one column is not its own, so each column is served alone (binary) and beside
// an inet (text).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorded.h"

static const char *const versions[] = {"v21.2", "v22.1"};

// A column of the recording: its Arrow format, and the value as render prints it.
typedef struct expectation {
	const char *name;
	const char *format;
	const char *value; // NULL: the recording's text
} expectation;

static const expectation ours[] = {
	{"i2", "s", "1"},
	{"i4", "i", "2"},
	{"i8", "l", "3"},
	{"f4", "f", "1.5"},
	{"f8", "g", "2.5"},
	{"fnan", "g", "nan"},
	{"ninf", "g", "-inf"},
	{"b", "b", "true"},
	{"s", "u", NULL},
	{"vc", "u", NULL},
	{"c", "u", NULL},
	{"d104", "d:10,4", "12345600 of 10^4"},
	{"d", "u", "0.0000000001"},
	{"dnan", "u", "NaN"},
	{"big", "u", NULL},
	{"bys", "z", "00ff"},
	{"dte", "tdD", "18321"},
	{"dold", "tdD", "-719162"},
	{"dinf", "tdD", "2147483647"},
	{"tm", "ttu", "45296789012"},
	{"ts", "tsu:", "1582979696789012"},
	{"tsz", "tsu:UTC", "1582972496789012"},
	{"iv", "tin", "14 months 3 days 14706789000000 ns"},
	{"u", "w:16", "acde070d8c4c4f0d9d8a162843c10333"},
	{"j", "u", NULL},
	{"ai", "+l", "1|2|null|"},
	{"as_", "+l", "a|b,\"c|"},
	{"nul", "l", "null"},
};

// Handled as the server prints them.
static const char *const others[] = {"tmz", "ip", "vb", "tup"};

// ---- the recording ----

typedef struct recorded_column {
	wire_column description;
	wire_value binary, text; // data NULL: NULL
} recorded_column;

typedef struct recorded_columns {
	wire_recording *recordings[2];
	recorded_column items[64];
	size_t count;
} recorded_columns;

static const wire_message *find_message(const wire_recording *recording, char type)
{
	const wire_recorded_connection *connection = wire_recording_find(recording, NULL);
	bool is_greeted = false;
	for (size_t i = 0; i < connection->count; i++) {
		const wire_recorded *at = &connection->messages[i];
		if (at->from == WIRE_FROM_SERVER && is_greeted && at->message.type == type)
			return &at->message;
		is_greeted = is_greeted || at->message.type == 'Z';
	}
	fail_msg("no message %c", type);
	return NULL;
}

static wire_value next_value(wire_reader *reader)
{
	uint32_t length = wire_read_u32(reader);
	wire_value value = {0};
	if (length == UINT32_MAX)
		return value;
	value = (wire_value){reader->data + reader->offset, length};
	wire_read_skip(reader, length);
	return value;
}

static void load_columns(recorded_columns *columns, const char *version)
{
	static const char *const scenarios[] = {"types_binary", "types_text"};
	for (size_t i = 0; i < 2; i++) {
		columns->recordings[i] = wire_recording_open(version, "extended", scenarios[i]);
		assert_non_null(columns->recordings[i]);
	}
	wire_reader names = wire_reader_of(find_message(columns->recordings[0], 'T'));
	wire_reader binary = wire_reader_of(find_message(columns->recordings[0], 'D'));
	wire_reader text = wire_reader_of(find_message(columns->recordings[1], 'D'));
	columns->count = wire_read_u16(&names);
	assert_int_equal(wire_read_u16(&binary), columns->count);
	assert_int_equal(wire_read_u16(&text), columns->count);
	for (size_t i = 0; i < columns->count; i++) {
		recorded_column *column = &columns->items[i];
		column->description.name = wire_read_string(&names);
		wire_read_skip(&names, 6);
		column->description.type_id = wire_read_u32(&names);
		column->description.size = (int16_t)wire_read_u16(&names);
		column->description.typmod = (int32_t)wire_read_u32(&names);
		wire_read_skip(&names, 2);
		column->binary = next_value(&binary);
		column->text = next_value(&text);
	}
	assert_false(names.failed || binary.failed || text.failed);
}

static void free_columns(recorded_columns *columns)
{
	wire_recording_free(columns->recordings[0]);
	wire_recording_free(columns->recordings[1]);
}

static const recorded_column *find_column(const recorded_columns *columns, const char *name)
{
	size_t i = 0;
	while (i < columns->count && strcmp(columns->items[i].description.name, name) != 0)
		i++;
	assert_in_range(i, 0, columns->count - 1);
	return &columns->items[i];
}

// ---- serving a column ----

static void add_binary(wire_table *table, const recorded_column *column)
{
	char sql[128];
	wire_bytes messages = {0};
	snprintf(sql, sizeof sql, "select binary %s", column->description.name);
	wire_put_row_description(&messages, &column->description, 1);
	wire_put_data_row(&messages, &column->binary, 1);
	wire_put_command_complete(&messages, "SELECT 1");
	wire_table_add(table, sql, &messages, true);
	wire_bytes_fini(&messages);
}

static void add_text(wire_table *table, const recorded_column *column, const recorded_column *inet)
{
	char sql[128];
	wire_bytes messages = {0};
	const wire_column descriptions[] = {column->description, inet->description};
	const wire_value values[] = {column->text, inet->text};
	snprintf(sql, sizeof sql, "select text %s", column->description.name);
	wire_put_row_description(&messages, descriptions, 2);
	wire_put_data_row(&messages, values, 2);
	wire_put_command_complete(&messages, "SELECT 1");
	wire_table_add(table, sql, &messages, false);
	wire_bytes_fini(&messages);
}

// ---- what came out ----

typedef struct arrow_cell {
	char format[32];
	char value[256];
	int64_t batches;
} arrow_cell;

static void render_decimal(const char *format, const uint8_t *bytes, char *out, size_t size)
{
	__int128 number;
	char digits[64];
	size_t at = sizeof digits;
	memcpy(&number, bytes, 16);
	unsigned __int128 rest = number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
	digits[--at] = '\0';
	do
		digits[--at] = (char)('0' + (int)(rest % 10));
	while ((rest /= 10) != 0);
	snprintf(out, size, "%s%s of 10^%s", number < 0 ? "-" : "", digits + at,
			 strchr(format, ',') + 1);
}

static void render_hex(const uint8_t *bytes, size_t length, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < length && 2 * i + 3 <= size; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void render_bytes(const struct ArrowSchema *schema, const struct ArrowArray *array,
						 int64_t row, char *out, size_t size)
{
	const int32_t *offsets = array->buffers[1];
	const uint8_t *bytes = (const uint8_t *)array->buffers[2] + offsets[row];
	int32_t length = offsets[row + 1] - offsets[row];
	if (schema->format[0] == 'z')
		render_hex(bytes, (size_t)length, out, size);
	else
		snprintf(out, size, "%.*s", (int)length, length > 0 ? (const char *)bytes : "");
}

static void render_number(const char *format, const void *values, int64_t row, char *out,
						  size_t size)
{
	switch (format[0]) {
	case 's':
		snprintf(out, size, "%d", ((const int16_t *)values)[row]);
		return;
	case 'i':
		snprintf(out, size, "%" PRId32, ((const int32_t *)values)[row]);
		return;
	case 'f':
		snprintf(out, size, "%g", (double)((const float *)values)[row]);
		return;
	case 'g':
		snprintf(out, size, "%g", ((const double *)values)[row]);
		return;
	case 'b':
		snprintf(out, size, "%s",
				 ((const uint8_t *)values)[row / 8] >> (row % 8) & 1 ? "true" : "false");
		return;
	default:
		snprintf(out, size, "%" PRId64, ((const int64_t *)values)[row]);
	}
}

static void render_interval(const uint8_t *bytes, char *out, size_t size)
{
	int32_t months, days;
	int64_t ns;
	memcpy(&months, bytes, 4);
	memcpy(&days, bytes + 4, 4);
	memcpy(&ns, bytes + 8, 8);
	snprintf(out, size, "%" PRId32 " months %" PRId32 " days %" PRId64 " ns", months, days, ns);
}

static void render(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row,
				   char *out, size_t size)
{
	const char *format = schema->format;
	const uint8_t *validity = array->buffers[0];
	const uint8_t *values = array->n_buffers > 1 ? array->buffers[1] : NULL;
	row += array->offset;
	if (validity != NULL && (validity[row / 8] >> (row % 8) & 1) == 0)
		snprintf(out, size, "null");
	else if (strcmp(format, "+l") == 0) {
		const int32_t *offsets = array->buffers[1];
		size_t length = 0;
		for (int32_t i = offsets[row]; i < offsets[row + 1] && length + 2 < size; i++) {
			render(schema->children[0], array->children[0], i, out + length, size - length - 1);
			length += strlen(out + length);
			out[length++] = '|';
			out[length] = '\0';
		}
	} else if (format[0] == 'u' || format[0] == 'z')
		render_bytes(schema, array, row, out, size);
	else if (format[0] == 'd')
		render_decimal(format, values + 16 * row, out, size);
	else if (strcmp(format, "w:16") == 0)
		render_hex(values + 16 * row, 16, out, size);
	else if (strcmp(format, "tin") == 0)
		render_interval(values + 16 * row, out, size);
	else
		render_number(strcmp(format, "tdD") == 0 ? "i"
					  : format[0] == 't'         ? "l"
												 : format,
					  values, row, out, size);
}

static void take_cell(void *data, const struct ArrowSchema *schema, const struct ArrowArray *array)
{
	arrow_cell *cell = data;
	assert_int_equal(array->length, 1);
	cell->batches++;
	snprintf(cell->format, sizeof cell->format, "%s", schema->children[0]->format);
	render(schema->children[0], array->children[0], array->offset, cell->value, sizeof cell->value);
}

static arrow_cell run(cockroach *node, const char *form, const char *name)
{
	char sql[128];
	arrow_cell cell = {0};
	size_t before = wire_server_count(node->server, 'E', NULL);
	snprintf(sql, sizeof sql, "select %s %s", form, name);
	recorded_run ran = recorded_query(node, sql, NULL, 0, take_cell, &cell);
	if (ran.status != CDBC_OK)
		print_message("# %s: %s\n", sql, ran.message);
	assert_int_equal(ran.status, CDBC_OK);
	assert_int_equal(cell.batches, 1);
	assert_int_equal(wire_server_count(node->server, 'E', NULL), before + 1);
	return cell;
}

// ---- tests ----

static void serve_columns(cockroach *node, recorded_columns *columns, const char *version)
{
	load_columns(columns, version);
	recorded_init(node, version, NULL, NULL);
	const recorded_column *inet = find_column(columns, "ip");
	for (size_t i = 0; i < columns->count; i++) {
		add_binary(node->table, &columns->items[i]);
		add_text(node->table, &columns->items[i], inet);
	}
	recorded_start(node);
	assert_int_equal(recorded_connect(node, &node->conn, NULL), CDBC_OK);
}

static void test_binary_and_text_decode_equal(void **state)
{
	(void)state;
	for (size_t v = 0; v < 2; v++) {
		cockroach node;
		recorded_columns columns = {0};
		serve_columns(&node, &columns, versions[v]);
		for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
			char shown[256];
			const recorded_column *column = find_column(&columns, ours[i].name);
			arrow_cell binary = run(&node, "binary", ours[i].name);
			arrow_cell text = run(&node, "text", ours[i].name);
			snprintf(shown, sizeof shown, "%.*s", (int)column->text.length,
					 column->text.data != NULL ? (const char *)column->text.data : "");
			if (strcmp(binary.value, text.value) != 0)
				print_message("# %s\n", ours[i].name);
			assert_string_equal(binary.value, text.value);
			assert_string_equal(binary.format, text.format);
			assert_string_equal(binary.format, ours[i].format);
			assert_string_equal(binary.value, ours[i].value != NULL ? ours[i].value : shown);
		}
		recorded_close(&node);
		free_columns(&columns);
	}
}

static void test_other_types_as_the_server_prints_them(void **state)
{
	(void)state;
	for (size_t v = 0; v < 2; v++) {
		cockroach node;
		recorded_columns columns = {0};
		serve_columns(&node, &columns, versions[v]);
		for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
			const recorded_column *column = find_column(&columns, others[i]);
			arrow_cell cell = run(&node, "text", others[i]);
			assert_string_equal(cell.format, "u");
			assert_int_equal(strlen(cell.value), column->text.length);
			assert_memory_equal(cell.value, column->text.data, column->text.length);
		}
		assert_int_equal(sizeof ours / sizeof *ours + sizeof others / sizeof *others,
						 columns.count);
		recorded_close(&node);
		free_columns(&columns);
	}
}

// The recorded statement itself: all columns, in the one format that serves them all.
static void take_row(void *data, const struct ArrowSchema *schema, const struct ArrowArray *array)
{
	int64_t *columns = data;
	*columns += schema->n_children;
	assert_int_equal(array->n_children, schema->n_children);
}

static void test_whole_row_of_the_recording(void **state)
{
	(void)state;
	for (size_t v = 0; v < 2; v++) {
		cockroach node;
		int64_t column_count = 0;
		wire_recording *recording = wire_recording_open(versions[v], "extended", "types_text");
		assert_non_null(recording);
		const wire_recorded_connection *connection = wire_recording_find(recording, NULL);
		size_t at = 0;
		while (connection->messages[at].from != WIRE_FROM_CLIENT ||
			   connection->messages[at].message.type != 'P')
			at++;
		const char *sql = (const char *)connection->messages[at].message.body + 1;
		recorded_open(&node, versions[v], "types_text", NULL);
		recorded_run ran = recorded_query(&node, sql, NULL, 0, take_row, &column_count);
		assert_int_equal(ran.status, CDBC_OK);
		assert_int_equal(ran.row_count, 1);
		assert_int_equal(column_count, sizeof ours / sizeof *ours + sizeof others / sizeof *others);
		recorded_close(&node);
		wire_recording_free(recording);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binary_and_text_decode_equal),
		cmocka_unit_test(test_other_types_as_the_server_prints_them),
		cmocka_unit_test(test_whole_row_of_the_recording),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
