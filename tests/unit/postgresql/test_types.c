// SPDX-License-Identifier: Apache-2.0
/* The type table, and reading values: text and binary of each type give equal arrays; what does not
 * fit or is malformed is an error that says where. Binary forms are PostgreSQL 15's own, or from
 * the recordings of CockroachDB. */
#include "pg_rows.h"

#include "support/oom.h"
#include "support/wire_recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define NUMERIC(p, s) (((p) << 16 | ((s)&0x7ff)) + 4)

typedef struct form {
	Oid oid;
	int typmod;
	const char *text; /* NULL: NULL */
	const char *hex;
	const char *shown; /* NULL: as text */
} form;

static const form forms[] = {
	{16, -1, "t", "01", "true"},
	{16, -1, "f", "00", "false"},
	{16, -1, NULL, NULL, "NULL"},
	{21, -1, "-32768", "8000", NULL},
	{23, -1, "2147483647", "7fffffff", NULL},
	{23, -1, NULL, NULL, "NULL"},
	{20, -1, "-9223372036854775808", "8000000000000000", NULL},
	{20, -1, NULL, NULL, "NULL"},
	{700, -1, "1.5", "3fc00000", NULL},
	{700, -1, "0.1", "3dcccccd", NULL},
	{701, -1, "0.1", "3fb999999999999a", NULL},
	{701, -1, "NaN", "7ff8000000000001", NULL},
	{701, -1, "-Infinity", "fff0000000000000", NULL},
	{701, -1, "1e+100", "54b249ad2594c37d", NULL},
	{25, -1, "text \xc3\xa9", "7465787420c3a9", NULL},
	{25, -1, "", "", NULL},
	{25, -1, NULL, NULL, "NULL"},
	{1043, 14, "vc", "7663", NULL},
	{1042, 9, "ab   ", "6162202020", NULL},
	{19, -1, "pg_class", "70675f636c617373", NULL},
	{18, -1, "r", "72", NULL},
	{18, -1, "", "00", NULL},
	{18, -1, "\\351", "e9", NULL},
	{26, -1, "4294967295", "ffffffff", NULL},
	{114, -1, "{\"a\":1}", "7b2261223a317d", NULL},
	{3802, -1, "{\"a\": 1}", "017b2261223a20317d", NULL},
	{17, -1, "\\x00ff", "00ff", NULL},
	{17, -1, "\\x", "", NULL},
	{17, -1, "a\\\\\\000\\377", "615c00ff", "\\x615c00ff"},
	{1700, NUMERIC(10, 4), "1234.5600", "000200000000000404d215e0", NULL},
	{1700, NUMERIC(10, 2), "-12.50", "0002000040000002000c1388", NULL},
	{1700, NUMERIC(10, 2), "0.00", "0000000000000002", NULL},
	{1700, NUMERIC(38, 2), "12300000000000000000000000000000000.00", "0001000800000002007b", NULL},
	{1700, NUMERIC(40, 2), "12.50", "0002000000000002000c1388", NULL},
	{1700, NUMERIC(3, -1), "120", "00010000000000000078", NULL},
	{1700, NUMERIC(3, 5), "0.00123", "0002ffff00000005000c0bb8", NULL},
	{1700, -1, "12.50", "0002000000000002000c1388", NULL},
	{1700, -1, "1E-10", "0001fffd0000000a0064", "0.0000000001"},
	{1700, -1, "1E+8", "00010002000000000001", "100000000"},
	{1700, -1, "NaN", "00000000c0000000", NULL},
	{1700, -1, "Infinity", "00000000d0000000", NULL},
	{1700, -1, "-Infinity", "00000000f0000000", NULL},
	{1700, -1, "0", "0000000000000000", NULL},
	{1082, -1, "2020-02-29", "00001cc4", NULL},
	{1082, -1, "0001-01-01", "fff4dbf9", NULL},
	{1082, -1, "0001-12-31 BC", "fff4dbf8", NULL},
	{1082, -1, "4714-11-24 BC", "ffda97a7", NULL},
	{1082, -1, "5874897-12-31", "7fda970c", NULL},
	{1082, -1, "infinity", "7fffffff", NULL},
	{1082, -1, "-infinity", "80000000", NULL},
	{1083, -1, "12:34:56.789012", "0000000a8be62614", NULL},
	{1083, -1, "24:00:00", "000000141dd76000", NULL},
	{1114, -1, "2020-02-29 12:34:56.789012", "000242b4f34ba614", NULL},
	{1114, -1, "infinity", "7fffffffffffffff", NULL},
	{1114, -1, "1999-12-31 23:59:59.999999", "ffffffffffffffff", NULL},
	{1184, -1, "2020-02-29 10:34:56.789012+00:00", "000242b346245e14",
	 "2020-02-29 10:34:56.789012+00"},
	{1184, -1, "-infinity", "8000000000000000", NULL},
	{1184, -1, NULL, NULL, "NULL"},
	{1186, -1, "1 year 2 mons 3 days 04:05:06.789", "000000036c97ca88000000030000000e", NULL},
	{1186, -1, "-1 days +02:03:04", "00000001b81ee600ffffffff00000000", NULL},
	{2950, -1, "acde070d-8c4c-4f0d-9d8a-162843c10333", "acde070d8c4c4f0d9d8a162843c10333", NULL},
	{2950, -1, NULL, NULL, "NULL"},
	{1016, -1, "{1,2,NULL}",
	 "0000000100000001000000140000000300000001000000080000000000000001000000080000000000000002fffff"
	 "fff",
	 "[1, 2, NULL]"},
	{1016, -1, "{}", "000000000000000000000014", "[]"},
	{1016, -1, NULL, NULL, "NULL"},
	{1009, -1, "{a,\"b,\\\"c\",\"\",\"NULL\",NULL,\"x\\\\y\"}",
	 "00000001000000010000001900000006000000010000000161000000"
	 "04622c2263000000000000"
	 "00044e554c4cffffffff00000003785c79",
	 "[a, b,\"c, , NULL, NULL, x\\y]"},
	{1000, -1, "{t,f,NULL}", "000000010000000100000010000000030000000100000001010000000100ffffffff",
	 "[true, false, NULL]"},
	{1231, NUMERIC(10, 2), "{1.50,2.00}",
	 "0000000100000000000006a400000002000000010000000c000200000000000200011388"
	 "0000000a00010000000000020002",
	 "[1.50, 2.00]"},
	{1185, -1, "{\"2020-02-29 10:34:56.789012+00\"}",
	 "0000000100000000000004a0000000010000000100000008000242b346245e14",
	 "[2020-02-29 10:34:56.789012+00]"},
	{1001, -1, "{\"\\\\x00ff\"}", "00000001000000000000001100000001000000010000000200ff",
	 "[\\x00ff]"},
};

static int unhex(const char *hex, char *out)
{
	int n = 0;
	unsigned byte;

	for (; hex[0] && hex[1]; hex += 2) {
		sscanf(hex, "%2x", &byte);
		out[n++] = (char)byte;
	}
	return n;
}

static cdbc_status decode(const pg_column *column, bool is_binary, const char *data, int length,
						  struct ArrowArray *out, cdbc_error **err)
{
	pg_bytes value = {data, length};
	PGresult *res = pg_row_of(column, &value, 1, is_binary);
	cdbc_status status = pg_decode(column, 1, res, is_binary, true, out, err);

	PQclear(res);
	return status;
}

static void show(const pg_column *column, const struct ArrowArray *array, char *out, size_t size)
{
	char words[CX_PG_WORDS_MAX];
	bool has_binary;
	cx_field field;

	cx_pg_field(column->oid, column->typmod, "c", column->numeric, column->arrays, words, &field,
				&has_binary);
	pg_show(array->children[0], field.storage, field.item, field.type.scale, 0, out, size);
}

static void check(const pg_column *column, bool is_binary, const char *data, int length,
				  const char *shown)
{
	struct ArrowArray array;
	cdbc_error *err = NULL;
	char text[256];

	if (decode(column, is_binary, data, length, &array, &err))
		fail_msg("type %u, %s: %s", column->oid, shown, cdbc_error_message(err));
	show(column, &array, text, sizeof text);
	array.release(&array);
	assert_string_equal(text, shown);
}

static void both_formats_are_equal(void **unused)
{
	char bytes[256];

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		const form *f = &forms[i];
		pg_column column = {f->oid, f->typmod, CDBC_NUMERIC_AUTO, CDBC_ARRAYS_LIST};
		const char *shown = f->shown ? f->shown : f->text;

		check(&column, false, f->text, f->text ? (int)strlen(f->text) : 0, shown);
		check(&column, true, f->hex ? bytes : NULL, f->hex ? unhex(f->hex, bytes) : 0, shown);
	}
}

/* ---- the recordings
 * ----------------------------------------------------------------------------------------- */

static unsigned take(const char **at, int width)
{
	unsigned n = 0;

	for (int i = 0; i < width; i++)
		n = n << 8 | (unsigned char)*(*at)++;
	return n;
}

/* Finds the message of the type in a recording's only connection. */
static const wire_message *message_of(const wire_recording *recording, char type)
{
	const wire_recorded_connection *connection = wire_recording_find(recording, NULL);

	for (size_t i = 0; i < connection->count; i++)
		if (connection->messages[i].from == WIRE_FROM_SERVER &&
			connection->messages[i].message.type == type)
			return &connection->messages[i].message;
	fail_msg("no such message");
	return NULL;
}

static int read_recorded(const wire_recording *recording, pg_column *columns, pg_bytes *values)
{
	const char *at = (const char *)message_of(recording, 'T')->body;
	int count = (int)take(&at, 2);

	for (int i = 0; i < count; i++) {
		at += strlen(at) + 1 + 4 + 2;
		columns[i] = (pg_column){.oid = take(&at, 4)};
		take(&at, 2);
		columns[i].typmod = (int)take(&at, 4);
		take(&at, 2);
	}
	at = (const char *)message_of(recording, 'D')->body + 2;
	for (int i = 0; i < count; i++) {
		int length = (int)take(&at, 4);

		values[i] = (pg_bytes){length < 0 ? NULL : at, length};
		at += length < 0 ? 0 : length;
	}
	return count;
}

static void recordings_are_equal(void **state)
{
	const char *version = *state;
	wire_recording *binary = wire_recording_open(version, "extended", "types_binary");
	wire_recording *text = wire_recording_open(version, "simple", "types_text");
	pg_column columns[64];
	pg_bytes in_binary[64], in_text[64];
	char words[CX_PG_WORDS_MAX], a[256], b[256];
	int count, compared = 0;

	assert_non_null(binary);
	assert_non_null(text);
	count = read_recorded(binary, columns, in_binary);
	assert_int_equal(read_recorded(text, columns, in_text), count);
	for (int i = 0; i < count; i++) {
		struct ArrowArray from_binary, from_text;
		bool has_binary;
		cx_field field;

		cx_pg_field(columns[i].oid, columns[i].typmod, "c", CDBC_NUMERIC_AUTO, CDBC_ARRAYS_LIST,
					words, &field, &has_binary);
		assert_int_equal(
			decode(&columns[i], false, in_text[i].data, in_text[i].length, &from_text, NULL),
			CDBC_OK);
		show(&columns[i], &from_text, a, sizeof a);
		from_text.release(&from_text);
		if (!has_binary)
			continue;
		assert_int_equal(
			decode(&columns[i], true, in_binary[i].data, in_binary[i].length, &from_binary, NULL),
			CDBC_OK);
		show(&columns[i], &from_binary, b, sizeof b);
		from_binary.release(&from_binary);
		assert_string_equal(a, b);
		compared++;
	}
	assert_int_equal(compared, count - 4); /* timetz, inet, varbit and a tuple are text */
	wire_recording_free(binary);
	wire_recording_free(text);
}

/* ---- what is refused
 * ---------------------------------------------------------------------------------------- */

static void refuse(const pg_column *column, bool is_binary, const char *data, int length,
				   const char *message, const char *hint)
{
	struct ArrowArray array;
	cdbc_error *err = NULL;

	assert_int_equal(decode(column, is_binary, data, length, &array, &err), CDBC_DATA);
	assert_string_equal(cdbc_error_message(err), message);
	if (hint)
		assert_string_equal(cdbc_error_field(err, CDBC_FIELD_HINT), hint);
	cdbc_error_free(err);
}

static void refuses_what_does_not_fit(void **unused)
{
	static const struct {
		form f;
		const char *message;
		const char *hint;
	} cases[] = {
		{{1700, NUMERIC(10, 2), "NaN", "00000000c0000000", NULL},
		 "row 1, column \"c\": NaN does not fit decimal(10,2)",
		 "set results.numeric = text"},
		{{1700, NUMERIC(10, 2), "Infinity", "00000000d0000000", NULL},
		 "row 1, column \"c\": Infinity does not fit decimal(10,2)",
		 "set results.numeric = text"},
		{{1700, NUMERIC(10, 2), "1.505",
		  "000200000000000300"
		  "0113ba",
		  NULL},
		 "row 1, column \"c\": 1.505 does not fit decimal(10,2)",
		 "set results.numeric = text"},
		{{1231, NUMERIC(4, 2), "{NaN}",
		  "0000000100000000000006a400000001000000010000000800000000c0000000", NULL},
		 "row 1, column \"c\": NaN does not fit decimal(4,2)",
		 "set results.numeric = text"},
		{{1114, -1, "294276-12-31 23:59:59.999999", "7ffffa8f2b65ffff", NULL},
		 "row 1, column \"c\": the timestamp is outside what the column can hold",
		 "cast the column to text in the statement"},
		{{1186, -1, "2562048:00:00",
		  "0020c49ba6"
		  "a82000"
		  "0000000000000000",
		  NULL},
		 "row 1, column \"c\": the interval is outside what the column can hold",
		 "cast the column to text in the statement"},
		{{1186, -1, "infinity", "7fffffffffffffff7fffffff7fffffff", NULL},
		 "row 1, column \"c\": the interval is outside what the column can hold",
		 "cast the column to text in the statement"},
		{{1007, -1, "{{1,2}}",
		  "000000020000000000000017000000010000000100000002000000010000000400000001"
		  "0000000400000002",
		  NULL},
		 "row 1, column \"c\": an array of several dimensions is not a list",
		 "set results.arrays = text"},
		{{1007, -1, "[0:0]={1}",
		  "000000010000000000000017000000010000000000000004"
		  "00000001",
		  NULL},
		 "row 1, column \"c\": an array that does not begin at 1 is not a list",
		 "set results.arrays = text"},
		{{25, -1, "a\xff", "61ff", NULL},
		 "row 1, column \"c\": the text is not valid UTF-8",
		 "read it as bytea in the statement"},
	};
	char bytes[256];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		pg_column column = {cases[i].f.oid, cases[i].f.typmod, CDBC_NUMERIC_AUTO, CDBC_ARRAYS_LIST};

		refuse(&column, false, cases[i].f.text, (int)strlen(cases[i].f.text), cases[i].message,
			   cases[i].hint);
		refuse(&column, true, bytes, unhex(cases[i].f.hex, bytes), cases[i].message, cases[i].hint);
	}
}

static const struct {
	Oid oid;
	bool is_binary;
	const char *data; /* hex for binary */
	const char *message;
} malformed[] = {
	{16, true, "", "malformed bool"},
	{16, true, "0101", "malformed bool"},
	{16, false, "true", "malformed bool"},
	{20, true, "00000001", "malformed int8"},
	{20, true, "", "malformed int8"},
	{20, false, "1x", "malformed int8"},
	{21, false, "40000", "malformed int2"},
	{701, true, "00", "malformed float8"},
	{701, false, "1,5", "malformed float8"},
	{3802, true, "", "malformed jsonb"},
	{3802, true, "027b7d", "malformed jsonb"},
	{17, false, "\\x0", "malformed bytea"},
	{17, false, "\\x0g", "malformed bytea"},
	{17, false, "\\400", "malformed bytea"},
	{17, false, "a\\0", "malformed bytea"},
	{18, true, "6162", "malformed \"char\""},
	{1082, true, "000000", "malformed date"},
	{1082, false, "2024-02-30", "malformed date"},
	{1083, true, "000000141dd76001", "malformed time"},
	{1083, true, "ffffffffffffffff", "malformed time"},
	{1083, false, "24:00:01", "malformed time"},
	{1184, false, "yesterday", "malformed timestamptz"},
	{1186, false, "1 lightyear", "malformed interval"},
	{1186, true, "00", "malformed interval"},
	{2950, true, "00", "malformed uuid"},
	{2950, false, "acde", "malformed uuid"},
	{1700, true, "00", "malformed numeric"},
	{1700, true, "000100000000000", "malformed numeric"},
	{1700, true, "00010000000000002710", "malformed numeric"}, /* a digit of 10000 */
	{1700, true, "00010000123400000001", "malformed numeric"}, /* no such sign */
	{1700, true, "0001ffff000000000001", "malformed numeric"}, /* digits beyond the scale */
	{1700, true, "000100000000ffff0001", "malformed numeric"},
	{1700, false, "12.5x", "malformed numeric"},
	{1700, false, "abc", "malformed numeric"},
	{1016, true, "0000", "malformed int8[]"},
	{1016, true, "00000001000000000000001400000001", "malformed int8[]"},
	{1016, true, "0000000100000000000000147fffffff00000001", "malformed int8[]"},
	{1016, true,
	 "00000001000000000000001480000000"
	 "00000001",
	 "malformed int8[]"},
	{1016, true,
	 "000000010000000000000014000000010000000100000004"
	 "00000001",
	 "malformed int8[]"},
	{1016, true,
	 "0000000100000000000000140000000100000001"
	 "000000ff",
	 "malformed int8[]"},
	{1016, true, "0000000100000000000000140000000100000001fffffff0", "malformed int8[]"},
	{1016, true, "00000000000000000000001400", "malformed int8[]"},
	{1016, true, "000000ff0000000000000014", "malformed int8[]"},
	{1016, false, "1,2", "malformed int8[]"},
	{1016, false, "{", "malformed int8[]"},
	{1016, false, "{1", "malformed int8[]"},
	{1016, false, "{1,", "malformed int8[]"},
	{1016, false, "{1,}", "malformed int8[]"},
	{1016, false, "{,1}", "malformed int8[]"},
	{1016, false, "{1}x", "malformed int8[]"},
	{1016, false, "{}x", "malformed int8[]"},
	{1009, true,
	 "0000000100000000000000190000000100000001"
	 "0000000561",
	 "malformed text[]"},
	{1009, false, "{\"a}", "malformed text[]"},
	{1009, false, "{\"a\"", "malformed text[]"},
	{1009, false, "{\"a\"b}", "malformed text[]"},
	{1009, false, "{a\\", "malformed text[]"},
};

static void refuses_what_is_malformed(void **unused)
{
	char bytes[256], message[128];

	for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
		pg_column column = {malformed[i].oid, -1, CDBC_NUMERIC_AUTO, CDBC_ARRAYS_LIST};
		int n = malformed[i].is_binary ? unhex(malformed[i].data, bytes)
									   : (int)strlen(malformed[i].data);

		snprintf(message, sizeof message, "row 1, column \"c\": %s from the server",
				 malformed[i].message);
		refuse(&column, malformed[i].is_binary, malformed[i].is_binary ? bytes : malformed[i].data,
			   n, message, NULL);
	}
}

/* ---- modes
 * --------------------------------------------------------------------------------------------------
 */

static void modes(void **unused)
{
	pg_column text = {1700, NUMERIC(10, 2), CDBC_NUMERIC_TEXT, CDBC_ARRAYS_LIST};
	pg_column number = {1700, NUMERIC(10, 2), CDBC_NUMERIC_DOUBLE, CDBC_ARRAYS_LIST};
	pg_column decimal = {1700, -1, CDBC_NUMERIC_DECIMAL, CDBC_ARRAYS_LIST};
	pg_column wide = {1700, NUMERIC(100, 2), CDBC_NUMERIC_DECIMAL, CDBC_ARRAYS_LIST};
	pg_column array = {1016, -1, CDBC_NUMERIC_AUTO, CDBC_ARRAYS_TEXT};
	char bytes[32];
	int n = unhex("0002000000000002000c1388", bytes);

	check(&text, false, "NaN", 3, "NaN");
	check(&text, true, bytes, n, "12.50");
	check(&number, false, "12.50", 5, "12.5");
	check(&number, true, bytes, n, "12.5");
	check(&number, false, "NaN", 3, "NaN");
	check(&decimal, true, bytes, n, "12.50000000000000000000");
	check(&wide, true, bytes, n, "12.50");
	check(&array, false, "[0:1]={1,2}", 11, "[0:1]={1,2}");
	refuse(&number, false, "1e400", 5, "row 1, column \"c\": 1e400 does not fit float8",
		   "set results.numeric = text");
	refuse(&decimal, false, "0.000000000000000000001", 23,
		   "row 1, column \"c\": 0.000000000000000000001 does not fit decimal(38,20)",
		   "set results.numeric = text");
}

static void checks_words(Oid oid, int typmod, const char *words)
{
	char buf[CX_PG_WORDS_MAX];

	assert_string_equal(cx_pg_type_words(oid, typmod, buf, sizeof buf), words);
}

static void the_table(void **unused)
{
	cdbc_type type = cx_pg_type_of(1231, NUMERIC(10, 2));

	assert_int_equal(type.id, CDBC_TYPE_NUMERIC);
	assert_true(type.is_array && type.precision == 10 && type.scale == 2);
	assert_int_equal(cx_pg_type_of(99999, -1).id, CDBC_TYPE_OTHER);
	checks_words(1700, NUMERIC(10, 2), "numeric(10,2)");
	checks_words(1700, NUMERIC(3, -1), "numeric(3,-1)");
	checks_words(1231, NUMERIC(10, 2), "numeric(10,2)[]");
	checks_words(1043, 14, "varchar(10)");
	checks_words(1042, 5, "char(1)");
	checks_words(1016, -1, "int8[]");
	checks_words(1184, 3, "timestamptz(3)");
	checks_words(1186, 0x7fff0002, "interval(2)");
	checks_words(1186, 0x0004ffff, "interval");
	checks_words(1562, 5, "varbit(5)");
	checks_words(0, -1, "other");
	checks_words(99999, -1, "other");
	for (int id = 0; id < CDBC_TYPE_COUNT; id++) {
		for (int is_array = 0; is_array < 2; is_array++) {
			cdbc_type of = {(cdbc_type_id)id, is_array, -1, -1};
			Oid oid = cx_pg_oid_of(of);

			assert_int_equal(oid != 0, id != CDBC_TYPE_UNKNOWN && id != CDBC_TYPE_OTHER);
			if (oid) {
				assert_int_equal(cx_pg_type_of(oid, -1).id, id);
				assert_int_equal(cx_pg_type_of(oid, -1).is_array, is_array);
			}
		}
	}
}

/* ---- rows
 * ---------------------------------------------------------------------------------------------------
 */

/* A row that fails in its last column leaves the batch as it was, lists too. */
static void a_failed_row_is_taken_back(void **unused)
{
	static const pg_column columns[] = {{25, -1, 0, 0}, {1009, -1, 0, 0}, {20, -1, 0, 0}};
	const pg_bytes good[] = {{"ab", 2}, {"{x,y}", 5}, {"7", 1}},
				   bad[] = {{"cd", 2}, {"{z,NULL}", 8}, {"seven", 5}};
	PGresult *first = pg_row_of(columns, good, 3, 0), *second = pg_row_of(columns, bad, 3, 0);
	char words[3][CX_PG_WORDS_MAX], shown[256];
	cx_field fields[3];
	cx_pg_decoder decoders[3];
	cdbc_error *err = NULL;
	struct ArrowArray array;
	bool has_binary;
	cx_batch batch;

	for (int i = 0; i < 3; i++) {
		cx_pg_field(columns[i].oid, -1, "c", CDBC_NUMERIC_AUTO, CDBC_ARRAYS_LIST, words[i],
					&fields[i], &has_binary);
		cx_pg_decoder_init(&decoders[i], columns[i].oid, &fields[i], false, false);
	}
	assert_int_equal(cx_batch_begin(&batch, fields, 3, 1, 0, NULL), CDBC_OK);
	assert_int_equal(cx_pg_decode_row(decoders, 3, first, 0, &batch, 1, NULL), CDBC_OK);
	assert_int_equal(cx_pg_decode_row(decoders, 3, second, 0, &batch, 2, &err), CDBC_DATA);
	assert_string_equal(cdbc_error_message(err),
						"row 2, column \"c\": malformed int8 from the server");
	cdbc_error_free(err);
	assert_int_equal(cx_pg_decode_row(decoders, 3, first, 0, &batch, 3, NULL), CDBC_OK);
	assert_int_equal(cx_batch_finish(&batch, &array, NULL), CDBC_OK);
	assert_int_equal(array.length, 2);
	pg_show(array.children[1], CX_LIST, CX_UTF8, 0, 1, shown, sizeof shown);
	assert_string_equal(shown, "[x, y]");
	pg_show(array.children[0], CX_UTF8, CX_UTF8, 0, 1, shown, sizeof shown);
	assert_string_equal(shown, "ab");
	array.release(&array);
	PQclear(first);
	PQclear(second);
}

static cdbc_status decode_much(void *data, cdbc_error **err)
{
	static const pg_column columns[] = {{25, -1, 0, 0}, {1009, -1, 0, 0}, {1700, -1, 0, 0},
										{17, -1, 0, 0}, {20, -1, 0, 0},   {1016, -1, 0, 0}};
	static char digits[600];
	const pg_bytes values[] = {{"some text", 9}, {"{\"a\\\"b\",NULL,c}", 15},
							   {digits, 600},    {digits, 600},
							   {NULL, 0},        {"{1,2,NULL}", 10}};
	PGresult *res;
	struct ArrowArray array;
	cdbc_status status;

	memset(digits, '7', sizeof digits);
	res = pg_row_of(columns, values, 6, 0);
	status = pg_decode(columns, 6, res, false, false, &array, err);
	PQclear(res);
	if (!status)
		array.release(&array);
	return status;
}

static void survives_without_memory(void **unused)
{
	assert_true(oom_run(decode_much, NULL) >= 5);
}

int main(void)
{
	static char v21[] = "v21.2", v22[] = "v22.1";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_formats_are_equal),
		{"recordings_are_equal_21_2", recordings_are_equal, NULL, NULL, v21},
		{"recordings_are_equal_22_1", recordings_are_equal, NULL, NULL, v22},
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(refuses_what_is_malformed),
		cmocka_unit_test(modes),
		cmocka_unit_test(the_table),
		cmocka_unit_test(a_failed_row_is_taken_back),
		cmocka_unit_test(survives_without_memory),
	};

	return cmocka_run_group_tests_name("postgresql types", tests, NULL, NULL);
}
