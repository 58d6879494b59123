// SPDX-License-Identifier: Apache-2.0
/* Functions that write nothing: a query that calls only these is repeated after a lost connection
 * without asking. A name that is missing costs a retry, a name that should not be here costs
 * correctness, so: built-in functions only, and none that writes, locks, sets or sends. Words that
 * take a bracket without being functions (types, row, cast) are here too. */
#include "data/sql/judge.h"

#include <string.h>

/* In one string, a space on either side of each name, in the order of strcmp for those who read. */
/* clang-format off */
static const char *const pure_names[26] = {
	/* a */ " abs acos acosd acosh age array_agg array_append array_cat array_fill array_length array_lower array_ndims array_position"
	" array_positions array_prepend array_remove array_replace array_to_json array_to_string array_upper ascii asin asind asinh"
	" atan atan2 atan2d atand atanh avg ",
	/* b */ " bernoulli bigint bit bit_and bit_count bit_length bit_or bit_xor bool_and bool_or bpchar broadcast btrim bytes ",
	/* c */ " cardinality cast cbrt ceil ceiling char char_length character character_length chr clock_timestamp"
	" cluster_logical_timestamp coalesce concat concat_agg concat_ws convert convert_from convert_to corr cos cosd cosh cot cotd"
	" count covar_pop covar_samp crc32c crc32ieee cube cume_dist current_database current_date current_schema current_schemas"
	" current_setting current_time current_timestamp current_user currval ",
	/* d */ " date date_bin date_part date_trunc datetime dec decimal decode degrees dense_rank digest div double ",
	/* e */ " encode enum_first enum_last enum_range erf erfc every exp experimental_strftime experimental_strptime extract"
	" extract_duration ",
	/* f */ " factorial first_value float float4 float8 floor fnv32 fnv32a fnv64 fnv64a follower_read_timestamp format format_type"
	" from_ip from_uuid ",
	/* g */ " gateway_region gcd gen_random_ulid gen_random_uuid generate_series generate_subscripts get_bit get_byte greatest group"
	" group_concat grouping ",
	/* h */ " has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege has_schema_privilege"
	" has_table_privilege has_type_privilege hex hour ",
	/* i */ " ifnull iif inet_client_addr inet_client_port inet_server_addr inet_server_port initcap instr int int2 int4 int8 integer"
	" interval isfinite isnull ",
	/* j */ " json json_agg json_array json_array_elements json_array_elements_text json_array_length json_build_array"
	" json_build_object json_each json_each_text json_extract json_extract_path json_extract_path_text json_group_array"
	" json_group_object json_insert json_object json_object_agg json_object_keys json_patch json_populate_record"
	" json_populate_recordset json_quote json_remove json_remove_path json_replace json_set json_strip_nulls json_to_record"
	" json_to_recordset json_tree json_type json_typeof json_valid jsonb jsonb_agg jsonb_array_elements"
	" jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text"
	" jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys"
	" jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_populate_record"
	" jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof julianday"
	" justify_days justify_hours justify_interval ",
	/* k */ " key ",
	/* l */ " lag last_value lastval lcm lead least left length ln localtime localtimestamp log log10 log2 lower lpad ltrim ",
	/* m */ " make_date make_interval make_time make_timestamp make_timestamptz max md5 min min_scale mod mode ",
	/* n */ " nchar now nth_value ntile nullif num_nonnulls num_nulls numeric nvarchar ",
	/* o */ " obj_description octet_length ordinality overlay ",
	/* p */ " parse_date parse_ident parse_interval parse_time parse_timestamp partition percent_rank percentile_cont percentile_disc"
	" pg_backend_pid pg_client_encoding pg_column_size pg_database_size pg_encoding_to_char pg_get_constraintdef pg_get_expr"
	" pg_get_function_identity_arguments pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_serial_sequence"
	" pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_indexes_size pg_input_is_valid pg_is_in_recovery"
	" pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_postmaster_start_time pg_relation_size pg_size_bytes pg_size_pretty pg_sleep"
	" pg_sleep_for pg_sleep_until pg_table_is_visible pg_table_size pg_total_relation_size pg_type_is_visible pg_typeof phraseto_tsquery pi plainto_tsquery"
	" position pow power printf ",
	/* q */ " quote quote_ident quote_literal quote_nullable ",
	/* r */ " radians random range rank real regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace"
	" regexp_split_to_array regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope"
	" repeat reverse right rollup round row_number row_to_json rownum rpad rtrim ",
	/* s */ " scale session_user sets sha1 sha224 sha256 sha384 sha512 shobj_description sign sin sind sinh smallint split_part"
	" sqlite_version sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp strftime string string_agg string_to_array"
	" string_to_table strpos substr substring sum system ",
	/* t */ " tan tand tanh text time timeofday timestamp timestamptz timetz to_char to_date to_english to_hex to_ip to_json to_jsonb"
	" to_number to_regclass to_regtype to_timestamp to_tsquery to_tsvector to_uuid total transaction_timestamp translate treat"
	" trim trim_array trim_scale trunc ts_headline ts_rank typeof ",
	/* u */ " unhex unicode unistr unixepoch unnest upper uuid uuid_v4 ",
	/* v */ " var_pop var_samp varbit varchar variance varying version ",
	/* w */ " websearch_to_tsquery width_bucket with_max_staleness with_min_timestamp ",
	/* x */ " xmlagg xmlconcat xmlelement xmlforest xmlserialize xor_agg ",
	/* y */ NULL,
	/* z */ " zeroblob "};
/* clang-format on */

#define NAME_MAX_LENGTH 40

bool cx_function_is_pure(const char *name, size_t length)
{
	unsigned letter = length ? (unsigned)cx_lower(name[0]) - 'a' : 26;
	char key[NAME_MAX_LENGTH + 3];

	if (letter >= 26 || !pure_names[letter] || length > NAME_MAX_LENGTH)
		return false;
	key[0] = ' ';
	for (size_t i = 0; i < length; i++) {
		if (name[i] == ' ')
			return false;
		key[i + 1] = cx_lower(name[i]);
	}
	key[length + 1] = ' ';
	key[length + 2] = '\0';
	return strstr(pure_names[letter], key) != NULL;
}

bool cx_function_changes_session(const char *name, size_t length)
{
	if (cx_word_begins(name, length, "pg_advisory_") ||
		cx_word_begins(name, length, "pg_try_advisory_"))
		return !cx_word_begins(name, length, "pg_advisory_xact") &&
			   !cx_word_begins(name, length, "pg_try_advisory_xact");
	return cx_word_begins(name, length, "dblink_connect") || cx_word_is(name, length, "setseed");
}
