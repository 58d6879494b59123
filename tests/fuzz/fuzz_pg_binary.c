// SPDX-License-Identifier: Apache-2.0
/* Values as a broken or hostile server sends them, of every type we know, in both formats. The
 * first byte chooses the type, the second the format and the modes, the next two a typmod; the rest
 * is the value. Two rows of it go through the decoder; what comes out must be a sound array, and
 * printable. */
#include "unit/postgresql/pg_rows.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const Oid oids[] = {16,   17,   18,   19,   20,   21,   23,   25,   26,    114,  700,  701,
						   705,  869,  1000, 1001, 1005, 1007, 1009, 1016, 1021,  1022, 1041, 1042,
						   1043, 1082, 1083, 1114, 1115, 1182, 1183, 1184, 1185,  1186, 1187, 1231,
						   1266, 1270, 1700, 2249, 2950, 2951, 3802, 3807, 99999, 1002, 1028};

static void check(bool is_so)
{
	if (!is_so)
		__builtin_trap();
}

/* Lengths and offsets rise and end where the bytes end. */
static void check_array(const struct ArrowArray *array, cx_storage storage, cx_storage item)
{
	const int32_t *offsets = array->buffers[1];

	if (storage != CX_LIST && storage != CX_UTF8 && storage != CX_BINARY)
		return;
	check(offsets[0] == 0);
	for (int64_t i = 0; i < array->length; i++)
		check(offsets[i] <= offsets[i + 1]);
	if (storage == CX_LIST) {
		check(array->children[0]->length == offsets[array->length]);
		check_array(array->children[0], item, item);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char shown[1 << 20];
	pg_column column;
	pg_bytes value;
	PGresult *res;
	struct ArrowArray array;
	cdbc_error *err = NULL;
	bool is_binary, has_binary;
	char words[CX_PG_WORDS_MAX];
	cx_field field;

	if (size < 4 || size > 4096)
		return 0;
	is_binary = data[1] & 1;
	column.oid = oids[data[0] % (sizeof oids / sizeof *oids)];
	column.numeric = (cdbc_numeric_mode)(data[1] >> 1 & 3);
	column.arrays = (cdbc_arrays_mode)(data[1] >> 3 & 1);
	column.typmod = data[1] >> 4 & 1 ? (data[2] << 16 | data[3]) + 4 : -1;
	value = (pg_bytes){(const char *)data + 4, (int)size - 4};
	cx_pg_field(column.oid, column.typmod, "c", column.numeric, column.arrays, words, &field,
				&has_binary);
	res = pg_row_of(&column, &value, 1, is_binary);
	PQsetvalue(res, 1, 0, (char *)(uintptr_t)value.data, value.length);
	if (pg_decode(&column, 1, res, is_binary, !(data[1] >> 5 & 1), &array, &err) == CDBC_OK) {
		check(array.length == 2);
		check_array(array.children[0], field.storage, field.item);
		pg_show(array.children[0], field.storage, field.item, field.type.scale, 1, shown,
				sizeof shown);
		array.release(&array);
	} else {
		check(err != NULL && cdbc_error_status(err) == CDBC_DATA);
		cdbc_error_free(err);
	}
	PQclear(res);
	return 0;
}
