// SPDX-License-Identifier: Apache-2.0
/* What the files of this room share: a query's record, a parameter's rule, and the loader that
 * reads files into them. */
#ifndef CX_CATALOG_INTERNAL_H
#define CX_CATALOG_INTERNAL_H

#include "base/arena.h"
#include "data/sql/grammar.h"
#include "data/sql/keyword.h"
#include "data/sql/lexer.h"
#include "data/sql/template.h"
#include "service/catalog/catalog.h"

#include <regex.h>

#define CX_NAME_MAX         120         /* bytes of a query's name, with its namespace */
#define CX_FILE_MAX         (16u << 20) /* bytes of a SQL file */
#define CX_QUERIES_MAX      100000      /* in a catalog */
#define CX_FOLDER_DEPTH_MAX 32
#define CX_RULES_MAX        1000 /* declared parameters of a query */

/* A place in the file that is being read. */
typedef struct cx_place {
	size_t line; /* from 1 */
	size_t line_start;
	size_t offset;
} cx_place;

/* A number or moment to compare with, in the forms that values come in. */
typedef struct cx_limit {
	bool is_set;
	bool is_int64;
	cdbc_type_id moment; /* the type of a moment, which int64 is; else UNKNOWN */
	const char *text;
	double number;
	int64_t int64;
} cx_limit;

/* One of in(...). */
typedef struct cx_choice {
	cdbc_value value;
	cx_limit number; /* when the type is one of numbers or moments */
} cx_choice;

/* A declared parameter and its checks. */
typedef struct cx_param_rule {
	cdbc_query_param info;
	bool is_ident;            /* an identifier out of choices: never bound */
	const char *const *names; /* of an identifier: as they are written into SQL */
	cx_place place;
	bool has_default;
	cdbc_value default_value;
	const cx_choice *choices; /* in(...); NULL: any */
	size_t choice_count;
	const char *choices_text;
	cx_limit min, max;
	int64_t length_min, length_max; /* -1: none */
	regex_t *match;                 /* NULL: none */
	const char *match_text;
	struct cx_param_rule *next;
} cx_param_rule;

/* A parameter that decides which statement a query becomes. Its states: 0 when it is absent, then
 * one for each value that matters, then any other value. */
typedef struct cx_switch {
	size_t param;     /* of the signature */
	const char *name; /* name_length bytes */
	size_t name_length;
	const cx_param_rule *rule; /* NULL: undeclared */
	uint64_t possible;
	const cx_choice *values; /* of states 1 to value_count */
	size_t value_count;
	cx_choice *own_values; /* values, while and when they are not the rule's */
	size_t own_capacity;
} cx_switch;

/* A decision: kept or not. Below 0: the statement of that number, inverted. */
typedef struct cx_node {
	uint64_t mask; /* the states that say yes */
	uint32_t switch_index;
	int32_t yes, no;
} cx_node;

/* One of the statements that a query may become. */
typedef struct cx_variant {
	cx_statement *statement;
	uint16_t params[]; /* the signature's parameter for each of the statement's */
} cx_variant;

/* Every statement that a query with optional parts or identifiers may become. Each was checked when
 * the query was loaded, and is made when it is wanted first. */
typedef struct cx_variants {
	cx_template tmpl;
	cx_switch *switches;
	size_t switch_count, switch_capacity;
	cx_node *nodes;
	size_t node_count, node_capacity;
	int32_t root;
	uint8_t *states; /* switch_count bytes for each statement */
	size_t count, states_capacity;
	_Atomic(cx_variant *) *made; /* count for $n, count for ?n */
	cx_param_decl *decls;
	size_t decl_count;
} cx_variants;

/* The statements of a query as one dialect takes them, where those for $n and ?n are not its own.
 */
typedef struct cx_form {
	const cx_dialect *dialect;
	struct cx_form *next; /* made before it */
	size_t count;
	_Atomic(cx_variant *) made[]; /* one for each statement of the query */
} cx_form;

/* A name as it is looked up: with `_` for `-`, in words padded with zeros. */
typedef struct cx_key {
	uint64_t words[CX_NAME_MAX / 8];
	size_t count;
	uint64_t hash;
} cx_key;

typedef struct cx_record {
	cx_query query; /* first: a cx_query of the catalog is a record */
	cx_key key;
	unsigned dialects;      /* their bits; 0: all */
	cx_place place;         /* of the name */
	cx_place sql;           /* of the SQL's first byte */
	size_t sql_column;      /* in characters from 1 */
	const char *parsed_sql; /* byte for byte in the place of info.sql, in our own style */
	bool has_mark;          /* else the cardinality was guessed */
	cx_param_rule *rules;
	const cx_param_rule *const
		*by_index; /* the rule of the statement's parameter i; NULL when none is declared */
	struct cx_record *next_variant; /* of the same name for other dialects */
	cx_variants *variants;          /* NULL: it is one statement */
	const char *read_sql;           /* what is parsed: its SQL, without sqlc's own calls */
	_Atomic(cx_form *) forms;
	bool has_server_params;  /* :_user and others */
	bool may_lose_condition; /* allow-all-rows */
	uint32_t flags;          /* what the headers add to each statement's */
} cx_record;

typedef struct cx_sqlfiles {
	cdbc_catalog *catalog;
	cx_arena *arena; /* of what is loaded now */
	void (*report)(void *data,
				   const cdbc_diagnostic *diagnostic); /* NULL: the first error ends it all */
	void *data;
	cdbc_error **err;
	size_t error_count;
	size_t note_count;
	/* a check of the grammar, which loading does without: it costs more than all the rest */
	bool is_grammar_checked;
	unsigned dialect;    /* of queries without a dialect line; 0: not known */
	cx_grammar grammar;  /* PostgreSQL's, if it is there */
	bool is_passed_over; /* the parser was not asked about the query's statement, or one of them */
	const char *rung;    /* of the check that is under way; NULL: the lexical one */
	size_t expanded_bytes; /* of the statements that queries may become */
	/* the file that is read */
	const char *file;
	const char *name_space; /* "reports." or "" */
	const char *base_name;  /* of the file, without .sql */
	const char *text;
	size_t length;
	bool is_sqlc;        /* files written for sqlc */
	const char *written; /* as it is in the file, where text was made ours; else text */
} cx_sqlfiles;

/* One query while it is read. */
typedef struct cx_section {
	cx_record *record;
	cx_place name_place;
	const char *name; /* as written, without namespace; NULL: the file's */
	size_t name_length;
	bool has_mark;
	bool is_bad; /* something was reported */
	struct cx_buf *documentation;
	cx_param_rule *last_rule;
	size_t rule_count;
	cdbc_query_column *columns;
	size_t column_count, column_capacity;
	cx_place read_only_place, as_of_place, cache_place, retry_place, isolation_place,
		priority_place;
	unsigned seen; /* headers, a bit each */
} cx_section;

/* Tells the report function, if there is one, what is no error: of the first hundred such. */
cdbc_status cx_sqlfiles_note(cx_sqlfiles *loader, cx_section *section, cx_place place,
							 const char *message);
/* The same for a warning. hint may be NULL. */
cdbc_status cx_sqlfiles_warn(cx_sqlfiles *loader, cx_section *section, cx_place place,
							 const char *hint, const char *format, ...) CDBC_PRINTF(5, 6);
/* Reports an error at a place. With a report function: OK, and the section is bad; without:
 * CDBC_SQL_FILE, *err is made. hint may be NULL. */
cdbc_status cx_sqlfiles_fail(cx_sqlfiles *loader, cx_section *section, cx_place place,
							 const char *hint, const char *format, ...) CDBC_PRINTF(5, 6);
/* Notes where the token ends that stands at a place, when that is known. */
void cx_diagnostic_end(const char *text, size_t length, cx_place place, cdbc_diagnostic *out);
/* Takes over an error of a lower layer about bytes that begin at base of the file, whose place
 * counts from there. Frees *error. */
cdbc_status cx_sqlfiles_adopt(cx_sqlfiles *loader, cx_section *section, cx_place base,
							  cdbc_error **error);

/* files.c: a file or folder into the catalog. */
cdbc_status cx_sqlfiles_path(cx_sqlfiles *loader, const char *path);
/* A text as if it stood in the file of that path below a folder. */
cdbc_status cx_sqlfiles_embedded(cx_sqlfiles *loader, const cdbc_embedded_file *file);
/* sections.c: the file in loader->text into the catalog. */
cdbc_status cx_sqlfiles_text(cx_sqlfiles *loader);
/* name.c: what follows `name:` (from offset to end). */
cdbc_status cx_header_name(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
						   size_t to);
/* Whether a word is one of the marks behind a name. */
bool cx_header_is_mark(const char *text, size_t length);

static inline bool cx_header_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static inline bool cx_header_is_name_char(char c)
{
	return (c >= '0' && c <= '9') || (cx_lower(c) >= 'a' && cx_lower(c) <= 'z') || c == '_' ||
		   c == '-';
}

/* headers.c: a comment line between name and SQL. */
cdbc_status cx_header_line(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
						   size_t to);
/* Each line of a block comment there, as if it were one of its own. */
cdbc_status cx_header_block(cx_sqlfiles *loader, cx_section *section, cx_place place, size_t from,
							size_t to);
/* Whether a comment is HugSQL's `:name` or `:snip`. */
bool cx_header_is_hugsql(const char *text, size_t length);
/* A comment line after the SQL began, or before the name: an error when it is a header, a warning
 * when it is nearly one. what says where it stands. section may be NULL. */
cdbc_status cx_header_stray(cx_sqlfiles *loader, cx_section *section, const cx_token *token,
							const char *what);
/* A comment behind SQL in its line, where no header counts: a warning when it is one for sure,
 * which guards, or begins a query; an error when it is to keep somebody out; else it is prose. */
cdbc_status cx_header_behind(cx_sqlfiles *loader, cx_section *section, const cx_token *token);
/* If a comment's text is `name: ...`: the offset in it after the colon; else 0. */
size_t cx_header_is_name(const char *text, size_t length);

/* recovery.c: lexical errors of a file. All zeros: none so far. */
typedef struct cx_recovery {
	size_t count;
	size_t looked; /* bytes that were looked at again */
	size_t left_out;
	bool is_over;   /* more is not read */
	cx_place place; /* of the first that is left out, or where it is over */
} cx_recovery;
/* Reports one, or notes that it is left out. */
cdbc_status cx_recovery_tell(cx_recovery *recovery, cx_sqlfiles *loader, cx_section *section,
							 const cx_lex_error *error);
/* Goes on at the next line that begins a query; false: there is none, or it is over. */
bool cx_recovery_skip(cx_recovery *recovery, const cx_sqlfiles *loader, cx_lexer *lexer);
/* Says at the end of the file how many were left out. */
cdbc_status cx_recovery_end(const cx_recovery *recovery, cx_sqlfiles *loader);

/* sqlc.c: what is sqlc's in loader->text made ours in text, a copy of it. */
cdbc_status cx_sqlc_translate(cx_sqlfiles *loader, char *text);
/* The parameters of a section's SQL, from base on, declared, unless any is: without types, and
 * optional where written so. */
cdbc_status cx_sqlc_declare(cx_sqlfiles *loader, cx_section *section, cx_place base, size_t to);
/* A section's SQL as it is in the file; NULL: out of memory. */
char *cx_sqlc_written(cx_sqlfiles *loader, size_t from, size_t length);

/* policy.c: who may run it and how. */
cdbc_status cx_header_roles(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to);
cdbc_status cx_header_cache(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to);
cdbc_status cx_header_retry(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to);
cdbc_status cx_header_isolation(cx_sqlfiles *loader, cx_section *section, cx_place line,
								size_t from, size_t to);
cdbc_status cx_header_priority(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							   size_t to);
/* `2s` in milliseconds. */
cdbc_status cx_header_duration(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							   size_t to, int64_t *ms);
/* Whether they can all be true of the query, whose kind and mark are known; into its info. */
cdbc_status cx_policy_check(cx_sqlfiles *loader, cx_section *section);

/* params.c: `param:` and its checks. */
cdbc_status cx_header_param(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to);
cdbc_status cx_rule_check(const cx_param_rule *rule, const cdbc_value *value, cdbc_error **err);
void cx_rule_fini(cx_param_rule *rule);
cx_param_rule *cx_section_rule(cx_section *section, const char *name, size_t length);
/* A rule of that name, added at the end; NULL: out of memory. */
cx_param_rule *cx_section_add_rule(cx_sqlfiles *loader, cx_section *section, const char *name,
								   size_t length, cx_place place);

/* pattern.c: why an expression for `match` is not given to the compiler, and where; NULL: it may
 * be. Nothing is allocated. */
const char *cx_pattern_refused(const char *text, size_t length, size_t *out_offset);

/* A number as written, for comparing. */
void cx_limit_read(const char *text, cx_limit *out);
/* A value that fits a type of moments; text is how it was written. */
void cx_limit_moment(cdbc_type_id id, cdbc_text value, const char *text, cx_limit *out);
bool cx_type_is_number(cdbc_type_id id);
/* Whether a value is the choice. */
bool cx_choice_is(const cx_choice *choice, const cdbc_value *value);
/* The bytes of '..' with '' undone, in the arena; NULL: out of memory. */
char *cx_unquote(cx_arena *arena, const char *text, size_t length, size_t *out_length);

/* variants.c: the SQL of a section, which begins at base, into the record's variants and
 * signature: a statement with all parameters, which is not itself run. */
cdbc_status cx_variants_load(cx_sqlfiles *loader, cx_section *section, cx_place base,
							 const char *text, size_t length, const cx_param_decl *decls,
							 size_t decl_count);
void cx_variants_free(cx_variants *variants); /* takes NULL */
/* What is true of a statement's parameters: `"since" is absent, "state" = 'settled'`. */
void cx_variants_describe(const cx_variants *variants, const uint8_t *states, char *out,
						  size_t size);
/* The identifiers to be written for the states; names has room for CX_SWITCHES_MAX. */
void cx_variants_names(const cx_variants *variants, const uint8_t *states, const char **names);
/* choose.c */
/* The number of one of the parameters that are filled in here, or -1. */
int cx_server_param(const char *name, size_t length);
extern const cx_param_decl cx_server_decls[4];
/* Makes the statement of a number, or finds it made. The record has variants. */
cdbc_status cx_variant_get(const cx_record *record, size_t index, const cx_dialect *dialect,
						   const cx_variant **out, cdbc_error **err);

/* The same when it was made already, else NULL. */
const cx_variant *cx_variant_made(const cx_record *record, size_t index, const cx_dialect *dialect);

/* origin.c */
/* The byte of the query's SQL that byte offset of a statement of it came from. states: of the
 * switches that made it; NULL: the query has none. Fails with CDBC_NOMEM. */
cdbc_status cx_record_origin(const cx_record *record, const cx_statement *statement,
							 const uint8_t *states, const cx_dialect *dialect, size_t offset,
							 size_t *out, cdbc_error **err);
/* The place in the file of a byte of the query's SQL. */
cx_place cx_record_place(const cx_record *record, size_t offset);

/* grammar.c: whether the databases that a query is for take a statement made of text, with our
 * parameters. text was read without an error. Fails as cx_statement_parse_both, with CDBC_SQL_FILE
 * and CDBC_NOMEM. A statement that the parser would take too long for is passed over, which
 * the loader notes. */
cdbc_status cx_sqlfiles_grammar(cx_sqlfiles *loader, const cx_record *record, const char *text,
								size_t length, const cx_param_decl *decls, size_t decl_count,
								const char *sql, cdbc_error **err);

/* The statement of a record that has no variants. */
cdbc_status cx_statement_only(const cx_record *record, const cx_dialect *dialect,
							  const cx_statement **statement, cdbc_error **err);
/* A variant, made anew; a variant around a statement, which it takes over, also on failure; and one
 * put into its place, or the one that another thread put there before. */
cdbc_status cx_variant_make(const cx_record *record, size_t index, const cx_dialect *dialect,
							cx_variant **out, cdbc_error **err);
cdbc_status cx_variant_of(const cx_record *record, cx_statement *statement, cx_variant **out,
						  cdbc_error **err);
const cx_variant *cx_variant_keep(_Atomic(cx_variant *) *slot, cx_variant *variant);

/* forms.c */
/* Whether a dialect takes the query otherwise than as $n or ?n. */
static inline bool cx_form_is_own(const cx_record *record, const cx_dialect *dialect)
{
	return dialect->form == CX_FORM_OWN || (record->query.info.as_of && dialect->api.as_of);
}
/* Makes the statement of a number (0 when there is but one), or finds it made. */
cdbc_status cx_form_get(const cx_record *record, size_t index, const cx_dialect *dialect,
						const cx_variant **out, cdbc_error **err);
/* The same when it was made already, else NULL. */
const cx_variant *cx_form_made(const cx_record *record, size_t index, const cx_dialect *dialect);
void cx_forms_free(cx_form *forms); /* takes NULL */
/* The declared parameters, and those filled in here. Free *out with cx_free. */
cdbc_status cx_record_decls(const cx_record *record, cx_param_decl **out, size_t *count,
							cdbc_error **err);

/* as_of.c: `as-of:`, kept; and checked against the query's SQL, which begins at base. */
cdbc_status cx_header_as_of(cx_sqlfiles *loader, cx_section *section, cx_place line, size_t from,
							size_t to);
cdbc_status cx_as_of_settle(cx_sqlfiles *loader, cx_section *section, cx_place base,
							const char *text, size_t length);
/* Whether the query may run where AS OF SYSTEM TIME is the word for it. */
bool cx_as_of_is_wanted(const cx_record *record);

/* catalog.c */
/* Adds the section's record, which is the catalog's then, or reports the duplicate. */
cdbc_status cx_catalog_insert(cx_sqlfiles *loader, cx_section *section, cx_record *record);
/* False: the name is empty or too long, and no query has it. */
bool cx_catalog_key(const char *name, cx_key *out);
void cx_record_fini(cx_record *record);
/* Every record in the order of loading, those for other dialects too; NULL: there are no more. */
const cx_record *cx_catalog_record(const cdbc_catalog *catalog, size_t index);

#endif
