// SPDX-License-Identifier: Apache-2.0
/* Values and parameters: what a caller hands in. Plain data, borrowed for the call. */
#ifndef CDBC_VALUE_H
#define CDBC_VALUE_H

#include <cdbc/base.h>
#include <string.h>

CDBC_BEGIN

typedef enum cdbc_type_id {
	CDBC_TYPE_UNKNOWN, /* left to the server */
	CDBC_TYPE_BOOL,
	CDBC_TYPE_INT2,
	CDBC_TYPE_INT4,
	CDBC_TYPE_INT8,
	CDBC_TYPE_FLOAT4,
	CDBC_TYPE_FLOAT8,
	CDBC_TYPE_NUMERIC,
	CDBC_TYPE_TEXT,
	CDBC_TYPE_JSON,
	CDBC_TYPE_BYTES,
	CDBC_TYPE_DATE,
	CDBC_TYPE_TIME,
	CDBC_TYPE_TIMESTAMP,
	CDBC_TYPE_TIMESTAMPTZ,
	CDBC_TYPE_INTERVAL,
	CDBC_TYPE_UUID,
	CDBC_TYPE_OTHER, /* a type of the server's or user's own, handled as its text */
	CDBC_TYPE_COUNT
} cdbc_type_id;

/* A SQL type. precision and scale are of numeric(p,s); -1 when not given. */
typedef struct cdbc_type {
	cdbc_type_id id;
	bool is_array;
	int16_t precision;
	int16_t scale;
} cdbc_type;

typedef enum cdbc_value_kind {
	CDBC_VALUE_NULL,
	CDBC_VALUE_BOOL,
	CDBC_VALUE_INT64,
	CDBC_VALUE_DOUBLE,
	CDBC_VALUE_TEXT, /* UTF-8 text, or any type written as text: '2024-02-29', '12.50' */
	CDBC_VALUE_BYTES,
	CDBC_VALUE_ARRAY
} cdbc_value_kind;

/* A value, tagged. type says what it is to the database; CDBC_TYPE_UNKNOWN leaves it to the
 * statement's declaration or server. */
typedef struct cdbc_value {
	cdbc_value_kind kind;
	cdbc_type type;
	union {
		bool boolean;
		int64_t int64;
		double float64;
		cdbc_text text; /* TEXT and BYTES */
		struct {
			const struct cdbc_value *items;
			size_t count;
		} array;
	} as;
} cdbc_value;

/* A parameter. name NULL: the next positional one ($1, $2, ...). */
typedef struct cdbc_param {
	const char *name;
	cdbc_value value;
} cdbc_param;

typedef struct cdbc_params {
	const cdbc_param *items;
	size_t count;
} cdbc_params;

/* Make values. The text and the bytes are not copied. */
static inline cdbc_value cdbc_value_of(cdbc_value_kind kind)
{
	cdbc_value v;
	memset(&v, 0, sizeof v);
	v.kind = kind;
	v.type.precision = -1;
	v.type.scale = -1;
	return v;
}

static inline cdbc_value cdbc_null(void)
{
	return cdbc_value_of(CDBC_VALUE_NULL);
}

static inline cdbc_value cdbc_bool(bool boolean)
{
	cdbc_value v = cdbc_value_of(CDBC_VALUE_BOOL);
	v.as.boolean = boolean;
	return v;
}

static inline cdbc_value cdbc_int64(int64_t number)
{
	cdbc_value v = cdbc_value_of(CDBC_VALUE_INT64);
	v.as.int64 = number;
	return v;
}

static inline cdbc_value cdbc_double(double number)
{
	cdbc_value v = cdbc_value_of(CDBC_VALUE_DOUBLE);
	v.as.float64 = number;
	return v;
}

static inline cdbc_value cdbc_text_n(const char *data, size_t length)
{
	cdbc_value v = cdbc_value_of(CDBC_VALUE_TEXT);
	v.as.text.data = data;
	v.as.text.length = length;
	return v;
}

/* text NULL makes a NULL value. */
static inline cdbc_value cdbc_string(const char *text)
{
	return text ? cdbc_text_n(text, strlen(text)) : cdbc_null();
}

static inline cdbc_value cdbc_bytes(const void *data, size_t length)
{
	cdbc_value v = cdbc_value_of(CDBC_VALUE_BYTES);
	v.as.text.data = (const char *)data;
	v.as.text.length = length;
	return v;
}

static inline cdbc_value cdbc_array(const cdbc_value *items, size_t count)
{
	cdbc_value v = cdbc_value_of(CDBC_VALUE_ARRAY);
	v.as.array.items = items;
	v.as.array.count = count;
	return v;
}

static inline cdbc_param cdbc_param_of(const char *name, cdbc_value value)
{
	cdbc_param p;
	p.name = name;
	p.value = value;
	return p;
}

static inline cdbc_params cdbc_params_of(const cdbc_param *items, size_t count)
{
	cdbc_params p;
	p.items = items;
	p.count = count;
	return p;
}

#define CDBC_NO_PARAMS cdbc_params_of(NULL, 0)
#ifndef __cplusplus
/* CDBC_PARAMS({"user_id", cdbc_int64(7)}, {"state", cdbc_string("settled")}) */
#define CDBC_PARAMS(...)                              \
	cdbc_params_of((const cdbc_param[]){__VA_ARGS__}, \
				   sizeof((const cdbc_param[]){__VA_ARGS__}) / sizeof(cdbc_param))
#endif

/* Returns the type's usual name ("int8", "timestamptz"); "unknown" or "other" where it has none.
 * Static storage. */
CDBC_API const char *cdbc_type_name(cdbc_type_id id);

CDBC_END
#endif
