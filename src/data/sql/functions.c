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
	/* a */ " abbrev abs acos acosd acosh age any_value area array_agg array_append array_cat array_dims array_fill"
	" array_length array_lower array_ndims array_position array_positions array_prepend array_remove array_replace"
	" array_to_json array_to_string array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d atand atanh"
	" avg ",
	/* b */ " bigint bit bit_and bit_count bit_length bit_or bit_xor bool_and bool_or bound_box box bpchar broadcast"
	" btrim bytea ",
	/* c */ " cardinality cast cbrt ceil ceiling center char char_length character character_length chr cidr circle"
	" clock_timestamp cluster_logical_timestamp coalesce col_description concat concat_agg concat_ws convert"
	" convert_from convert_to corr cos cosd cosh cot cotd count covar_pop covar_samp crc32c crc32ieee cube cume_dist"
	" current_database current_date current_schema current_schemas current_setting current_time current_timestamp"
	" current_user currval ",
	/* d */ " date date_bin date_part date_trunc datemultirange daterange datetime dec decimal decode degrees dense_rank"
	" diagonal diameter digest div ",
	/* e */ " encode enum_first enum_last enum_range erf erfc every exp experimental_strftime experimental_strptime"
	" extract extract_duration ",
	/* f */ " factorial family first_value float float4 float8 floor fnv32 fnv32a fnv64 fnv64a follower_read_timestamp"
	" format format_type from_ip from_uuid ",
	/* g */ " gateway_region gcd gen_random_ulid gen_random_uuid generate_series generate_subscripts get_bit get_byte"
	" get_current_ts_config getdatabaseencoding greatest group group_concat grouping ",
	/* h */ " has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege"
	" has_function_privilege has_language_privilege has_parameter_privilege has_schema_privilege has_sequence_privilege"
	" has_server_privilege has_table_privilege has_tablespace_privilege has_type_privilege height hex host hostmask ",
	/* i */ " ifnull iif inet inet_client_addr inet_client_port inet_merge inet_same_family inet_server_addr"
	" inet_server_port initcap instr int int2 int4 int4multirange int4range int8 int8multirange int8range integer"
	" interval isclosed isempty isfinite ishorizontal isnull isopen isparallel isperp isvertical ",
	/* j */ " json json_agg json_array json_array_elements json_array_elements_text json_array_length json_build_array"
	" json_build_object json_each json_each_text json_extract json_extract_path json_extract_path_text json_group_array"
	" json_group_object json_insert json_object json_object_agg json_object_keys json_patch json_populate_record"
	" json_populate_recordset json_quote json_remove json_remove_path json_replace json_set json_strip_nulls"
	" json_to_record json_to_recordset json_to_tsvector json_tree json_type json_typeof json_valid jsonb jsonb_agg"
	" jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object"
	" jsonb_contained jsonb_contains jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text jsonb_exists"
	" jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object"
	" jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz"
	" jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz"
	" jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax"
	" jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_to_tsvector jsonb_typeof julianday justify_days"
	" justify_hours justify_interval ",
	/* k */ NULL,
	/* l */ " lag last_value lastval lcm lead least left length line ln localtime localtimestamp log log10 log2 lower"
	" lower_inc lower_inf lpad lseg ltrim ",
	/* m */ " macaddr macaddr8_set7bit make_date make_interval make_time make_timestamp make_timestamptz masklen max md5"
	" min min_scale mod mode money multirange ",
	/* n */ " name nchar netmask network normalize now npoints nth_value ntile nullif num_nonnulls num_nulls numeric"
	" nummultirange numnode numrange nvarchar ",
	/* o */ " obj_description octet_length oid overlaps overlay ",
	/* p */ " parse_date parse_ident parse_interval parse_time parse_timestamp path pclose percent_rank percentile_cont"
	" percentile_disc pg_backend_pid pg_blocking_pids pg_char_to_encoding pg_client_encoding pg_collation_for"
	" pg_collation_is_visible pg_column_compression pg_column_size pg_conf_load_time pg_conversion_is_visible"
	" pg_current_snapshot pg_current_wal_lsn pg_current_xact_id_if_assigned pg_database_size pg_describe_object"
	" pg_encoding_to_char pg_filenode_relation pg_function_is_visible pg_get_constraintdef pg_get_expr"
	" pg_get_function_arg_default pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result"
	" pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_object_address pg_get_partkeydef pg_get_ruledef"
	" pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role"
	" pg_identify_object pg_identify_object_as_address pg_index_column_has_property pg_index_has_property"
	" pg_indexam_has_property pg_indexes_size pg_input_is_valid pg_is_in_recovery pg_is_other_temp_schema"
	" pg_jit_available pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_lsn pg_my_temp_schema pg_opclass_is_visible"
	" pg_operator_is_visible pg_options_to_table pg_partition_ancestors pg_partition_root pg_partition_tree"
	" pg_postmaster_start_time pg_relation_filenode pg_relation_filepath pg_relation_size pg_settings_get_flags"
	" pg_size_bytes pg_size_pretty pg_sleep pg_sleep_for pg_sleep_until pg_snapshot_xip pg_snapshot_xmax"
	" pg_snapshot_xmin pg_table_is_visible pg_table_size pg_tablespace_databases pg_tablespace_location"
	" pg_tablespace_size pg_total_relation_size pg_trigger_depth pg_ts_config_is_visible pg_type_is_visible pg_typeof"
	" pg_visible_in_snapshot pg_wal_lsn_diff pg_xact_status phraseto_tsquery pi plainto_tsquery point polygon popen"
	" position pow power printf ",
	/* q */ " querytree quote quote_ident quote_literal quote_nullable ",
	/* r */ " radians radius random range_agg range_intersect_agg range_merge rank real regclass regexp_count"
	" regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table"
	" regexp_substr regnamespace regproc regprocedure regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope"
	" regr_sxx regr_sxy regr_syy regrole regtype repeat replace reverse right rollup round row_number"
	" row_security_active row_to_json rpad rtrim ",
	/* s */ " scale session_user set_bit set_byte set_masklen setweight sha1 sha224 sha256 sha384 sha512"
	" shobj_description sign sin sind sinh slope smallint split_part sqlite_version sqrt starts_with statement_timestamp"
	" stddev stddev_pop stddev_samp strftime string_agg string_to_array string_to_table strip strpos substr substring"
	" sum ",
	/* t */ " tan tand tanh text time timeofday timestamp timestamptz timetz timezone to_ascii to_char to_date"
	" to_english to_hex to_ip to_json to_jsonb to_number to_regclass to_regcollation to_regnamespace to_regoper"
	" to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_timestamp to_tsquery to_tsvector to_uuid total"
	" transaction_timestamp translate treat trim trim_array trim_scale trunc ts_debug ts_delete ts_filter ts_headline"
	" ts_lexize ts_parse ts_rank ts_rank_cd ts_token_type tsmultirange tsquery tsquery_phrase tsrange tstzmultirange"
	" tstzrange tsvector tsvector_to_array txid_current_if_assigned txid_current_snapshot txid_status"
	" txid_visible_in_snapshot typeof ",
	/* u */ " unhex unicode unique_rowid unistr unixepoch unnest unordered_unique_rowid upper upper_inc upper_inf uuid"
	" uuid_generate_v1 uuid_generate_v4 uuid_v4 ",
	/* v */ " var_pop var_samp varbit varchar variance version ",
	/* w */ " websearch_to_tsquery width width_bucket with_max_staleness with_min_timestamp ",
	/* x */ " xml xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document xmlagg xmlcomment xmlconcat"
	" xmlelement xmlexists xmlforest xmlparse xmlpi xmlroot xmlserialize xmltable xor_agg xpath xpath_exists ",
	/* y */ NULL,
	/* z */ " zeroblob "};
/* clang-format on */

#define NAME_MAX_LENGTH 40

static bool is_listed(const char *names, const char *name, size_t length)
{
	char key[NAME_MAX_LENGTH + 3];

	if (!length || length > NAME_MAX_LENGTH)
		return false;
	key[0] = ' ';
	for (size_t i = 0; i < length; i++) {
		if (name[i] == ' ')
			return false;
		key[i + 1] = cx_lower(name[i]);
	}
	key[length + 1] = ' ';
	key[length + 2] = '\0';
	return strstr(names, key) != NULL;
}

bool cx_function_is_pure(const char *name, size_t length)
{
	unsigned letter = length ? (unsigned)cx_lower(name[0]) - 'a' : 26;

	return letter < 26 && pure_names[letter] && is_listed(pure_names[letter], name, length);
}

/* Of the pure ones. Those that only make a read older (follower_read_timestamp) are not here, nor
 * who the user is, which a session's settings say. */
static const char volatile_names[] =
	" clock_timestamp cluster_logical_timestamp current_date current_time current_timestamp currval"
	" gateway_region gen_random_ulid gen_random_uuid inet_client_addr inet_client_port lastval "
	"localtime"
	" localtimestamp now pg_backend_pid pg_blocking_pids pg_current_snapshot pg_current_wal_lsn"
	" pg_current_xact_id_if_assigned pg_last_wal_receive_lsn pg_last_wal_replay_lsn random "
	"statement_timestamp timeofday"
	" transaction_timestamp txid_current_if_assigned txid_current_snapshot unique_rowid "
	"unordered_unique_rowid"
	" uuid_generate_v1 uuid_generate_v4 uuid_v4 ";

bool cx_function_is_volatile(const char *name, size_t length)
{
	return is_listed(volatile_names, name, length);
}

bool cx_function_fills_in_now(const char *name, size_t length)
{
	return is_listed(" age strftime ", name, length);
}

bool cx_function_changes_session(const char *name, size_t length)
{
	if (cx_word_begins(name, length, "pg_advisory_") ||
		cx_word_begins(name, length, "pg_try_advisory_"))
		return !cx_word_begins(name, length, "pg_advisory_xact") &&
			   !cx_word_begins(name, length, "pg_try_advisory_xact");
	return cx_word_begins(name, length, "dblink_connect") || cx_word_is(name, length, "setseed");
}
