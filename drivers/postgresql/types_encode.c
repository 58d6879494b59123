// SPDX-License-Identifier: Apache-2.0
/* Parameters: a value becomes what the server's type takes, in binary where that is cheap and
 * certain, else as text. A value that the type cannot hold exactly is refused here, with the
 * parameter's number, before anything is sent. Arrays are in types_encode_array.c. */
#include "types_encode.h"

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"

#include <limits.h>
#include <math.h>

#define SHOWN_MAX 60

/* ---- messages
 * -----------------------------------------------------------------------------------------------
 */

static const char *describe(const cdbc_value *value, char *buf, size_t size)
{
	char number[CX_NUMBER_MAX];

	switch (value->kind) {
	case CDBC_VALUE_BOOL:
		return value->as.boolean ? "true" : "false";
	case CDBC_VALUE_INT64:
		cx_int64_print(value->as.int64, buf);
		return buf;
	case CDBC_VALUE_DOUBLE:
		cx_double_print(value->as.float64, number);
		snprintf(buf, size, "%s", number);
		return buf;
	case CDBC_VALUE_TEXT:
		return "a text";
	case CDBC_VALUE_BYTES:
		return "a value of bytes";
	case CDBC_VALUE_ARRAY:
		return "an array";
	default:
		return "null";
	}
}

static bool begins_with_vowel(const char *word)
{
	return strchr("aeio", word[0]) != NULL;
}

cdbc_status cx_pg_misfit(const cdbc_value *value, Oid oid, size_t index, cdbc_error **err)
{
	char words[CX_PG_WORDS_MAX], shown[SHOWN_MAX];
	const char *type = cx_pg_type_words(oid, -1, words, sizeof words);

	return cx_error_set(err, CDBC_PARAM, "parameter $%zu: %s is not a%s %s", index + 1,
						describe(value, shown, sizeof shown), begins_with_vowel(type) ? "n" : "",
						type);
}

/* ---- ways to give a value
 * ----------------------------------------------------------------------------------- */

static cdbc_status fixed(cx_pg_param *out, uint64_t number, int width)
{
	uint64_t big = htobe64(number << (64 - 8 * width));

	*out = (cx_pg_param){.place = CX_PG_FIXED, .length = width, .format = 1};
	memcpy(out->fixed, &big, sizeof big);
	return CDBC_OK;
}

static cdbc_status too_long(size_t index, cdbc_error **err)
{
	return cx_error_set(err, CDBC_PARAM, "parameter $%zu: over 1 GiB", index + 1);
}

cdbc_status cx_pg_in_scratch(size_t begin, int format, cx_pg_param *out, cx_buf *scratch,
							 size_t index, cdbc_error **err)
{
	size_t length = scratch->length - begin;
	cdbc_status status;

	cx_buf_putc(scratch, '\0');
	status = cx_buf_status(scratch, "the parameters", err);
	if (status)
		return status;
	if (length > CX_PG_PARAM_MAX)
		return too_long(index, err);
	*out = (cx_pg_param){
		.place = CX_PG_SCRATCH, .length = (int)length, .format = format, .offset = begin};
	return CDBC_OK;
}

/* A short text, NUL terminated, in the parameter itself when it has room. */
static cdbc_status short_text(const char *text, cx_pg_param *out, cx_buf *scratch, size_t index,
							  cdbc_error **err)
{
	size_t length = strlen(text), begin = scratch->length;

	if (length < sizeof out->fixed) {
		*out = (cx_pg_param){.place = CX_PG_FIXED, .length = (int)length, .format = 0};
		memcpy(out->fixed, text, length + 1);
		return CDBC_OK;
	}
	cx_buf_put(scratch, text, length);
	return cx_pg_in_scratch(begin, 0, out, scratch, index, err);
}

static cdbc_status borrowed(cdbc_text text, cx_pg_param *out, size_t index, cdbc_error **err)
{
	if (text.length > CX_PG_PARAM_MAX)
		return too_long(index, err);
	*out = (cx_pg_param){
		.place = CX_PG_BORROWED, .length = (int)text.length, .format = 1, .borrowed = text.data};
	return CDBC_OK;
}

/* ---- numbers into binary; false: the type cannot hold it
 * ----------------------------------------------------- */

static bool integer_to(pg_kind kind, int64_t number, cx_pg_param *out)
{
	double wide = (double)number;
	uint64_t bits;
	uint32_t half;
	float narrow;

	switch (kind) {
	case PG_INT2:
		return number >= INT16_MIN && number <= INT16_MAX && !fixed(out, (uint64_t)number, 2);
	case PG_INT4:
		return number >= INT32_MIN && number <= INT32_MAX && !fixed(out, (uint64_t)number, 4);
	case PG_OID:
		return number >= 0 && number <= UINT32_MAX && !fixed(out, (uint64_t)number, 4);
	case PG_INT8:
		return !fixed(out, (uint64_t)number, 8);
	case PG_FLOAT8:
		if (wide >= 0x1p63 || (int64_t)wide != number)
			return false;
		memcpy(&bits, &wide, sizeof bits);
		return !fixed(out, bits, 8);
	case PG_FLOAT4:
		narrow = (float)number;
		if (narrow >= 0x1p63f || (int64_t)narrow != number)
			return false;
		memcpy(&half, &narrow, sizeof half);
		return !fixed(out, half, 4);
	default:
		return false;
	}
}

static bool double_to(pg_kind kind, double number, cx_pg_param *out)
{
	uint64_t bits;
	uint32_t half;
	float narrow;

	switch (kind) {
	case PG_FLOAT8:
		memcpy(&bits, &number, sizeof bits);
		return !fixed(out, bits, 8);
	case PG_FLOAT4: /* rounds, as the type's user expects, but never to infinity or to nothing */
		narrow = (float)number;
		if ((isinf(narrow) && !isinf(number)) ||
			(!(narrow < 0 || narrow > 0) && (number < 0 || number > 0)))
			return false;
		memcpy(&half, &narrow, sizeof half);
		return !fixed(out, half, 4);
	default:
		return number >= -0x1p63 && number < 0x1p63 && trunc(number) <= number &&
			   trunc(number) >= number && integer_to(kind, (int64_t)number, out);
	}
}

static bool is_number(pg_kind kind)
{
	return kind == PG_INT2 || kind == PG_INT4 || kind == PG_INT8 || kind == PG_OID ||
		   kind == PG_FLOAT4 || kind == PG_FLOAT8;
}

bool cx_pg_encode_binary(const cdbc_value *value, pg_kind kind, cx_pg_param *out)
{
	if (value->kind == CDBC_VALUE_INT64)
		return is_number(kind) && integer_to(kind, value->as.int64, out);
	if (value->kind == CDBC_VALUE_DOUBLE)
		return is_number(kind) && double_to(kind, value->as.float64, out);
	return value->kind == CDBC_VALUE_BOOL && kind == PG_BOOL && !fixed(out, value->as.boolean, 1);
}

/* ---- text and bytes
 * ----------------------------------------------------------------------------------------- */

cdbc_status cx_pg_check_text(cdbc_text text, size_t index, cdbc_error **err)
{
	if (cx_text_is_clean(text.data, text.length))
		return CDBC_OK;
	return cx_error_set(err, CDBC_PARAM, "parameter $%zu: the text %s", index + 1,
						memchr(text.data, 0, text.length) ? "has a NUL byte"
														  : "is not valid UTF-8");
}

static cdbc_status encode_text(cdbc_text text, pg_kind kind, cx_pg_param *out, cx_buf *scratch,
							   size_t index, cdbc_error **err)
{
	size_t begin = scratch->length;
	cdbc_status status = cx_pg_check_text(text, index, err);

	if (status)
		return status;
	if (kind == PG_TEXT)
		return borrowed(text, out, index, err);
	cx_buf_put(scratch, text.data, text.length);
	return cx_pg_in_scratch(begin, 0, out, scratch, index, err);
}

void cx_pg_put_hex(cdbc_text bytes, cx_buf *out)
{
	static const char hex[] = "0123456789abcdef";

	if (!cx_buf_reserve(out, 2 + 2 * bytes.length))
		return;
	cx_buf_put(out, "\\x", 2);
	for (size_t i = 0; i < bytes.length; i++) {
		unsigned char byte = (unsigned char)bytes.data[i];
		char pair[2] = {hex[byte >> 4], hex[byte & 15]};

		cx_buf_put(out, pair, 2);
	}
}

static cdbc_status encode_bytes(const cdbc_value *value, Oid oid, pg_kind kind, cx_pg_param *out,
								cx_buf *scratch, size_t index, cdbc_error **err)
{
	size_t begin = scratch->length;

	if (kind == PG_BYTEA || (kind == PG_UUID && value->as.text.length == 16))
		return borrowed(value->as.text, out, index, err);
	if (oid != 0)
		return cx_pg_misfit(value, oid, index, err);
	cx_pg_put_hex(value->as.text, scratch);
	return cx_pg_in_scratch(begin, 0, out, scratch, index, err);
}

/* ---- all
 * ----------------------------------------------------------------------------------------------------
 */

static cdbc_status encode_any(const cdbc_value *value, Oid oid, cx_pg_param *out, cx_buf *scratch,
							  size_t index, cdbc_error **err)
{
	char text[CX_NUMBER_MAX];
	bool is_array;
	const pg_type *row = oid ? cx_pg_type_find(oid, &is_array) : NULL;
	pg_kind kind = row && !is_array ? (pg_kind)row->kind : PG_OTHER;

	switch (value->kind) {
	case CDBC_VALUE_NULL:
		*out = (cx_pg_param){.place = CX_PG_NULL};
		return CDBC_OK;
	case CDBC_VALUE_TEXT:
		return encode_text(value->as.text, kind, out, scratch, index, err);
	case CDBC_VALUE_BYTES:
		return encode_bytes(value, oid, kind, out, scratch, index, err);
	case CDBC_VALUE_ARRAY:
		return cx_pg_encode_array(value, oid, out, scratch, index, err);
	default:
		break;
	}
	if (cx_pg_encode_binary(value, kind, out))
		return CDBC_OK;
	/* bool is nothing else, and numbers are only numbers or text: the server reads the text of all
	 * the rest, and judges it */
	if (is_number(kind) || (kind == PG_BOOL && value->kind != CDBC_VALUE_BOOL) ||
		kind == PG_BYTEA || (row && is_array))
		return cx_pg_misfit(value, oid, index, err);
	if (value->kind == CDBC_VALUE_BOOL)
		return short_text(value->as.boolean ? "true" : "false", out, scratch, index, err);
	if (value->kind == CDBC_VALUE_INT64)
		cx_int64_print(value->as.int64, text);
	else
		cx_double_print(value->as.float64, text);
	return short_text(text, out, scratch, index, err);
}

cdbc_status cx_pg_encode(const cdbc_value *value, Oid oid, cx_pg_param *out, cx_buf *scratch,
						 size_t index, cdbc_error **err)
{
	if (value->kind == CDBC_VALUE_INT64 && oid == OID_INT8) { /* what most keys are */
		fixed(out, (uint64_t)value->as.int64, 8);
		return CDBC_OK;
	}
	return encode_any(value, oid, out, scratch, index, err);
}
