// SPDX-License-Identifier: Apache-2.0
/* A file's queries: where each begins and ends, which comments are its headers, and whether its SQL
 * agrees with them. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "data/sql/keyword.h"
#include "data/sql/split.h"
#include "service/catalog/internal.h"
#include "service/catalog/variants.h"

#include <string.h>

#define DOCUMENTATION_MAX (64u << 10)

typedef struct scan {
	cx_sqlfiles *loader;
	cx_lexer lexer;
	cx_section section;
	cx_buf documentation;
	bool is_open;   /* a section is being read */
	bool has_sql;   /* its first solid token was seen */
	bool is_ended;  /* the last solid token was a semicolon */
	bool has_parts; /* optional ones */
	bool is_broken; /* a lexical error: its SQL is not known */
	cx_place sql;   /* where its SQL begins */
	size_t sql_end;
	cx_recovery recovery;
} scan;

static cdbc_status open_section(scan *s, cx_place place)
{
	cx_record *record = cx_arena_calloc(s->loader->arena, 1, sizeof *record);

	if (!record)
		return cx_error_nomem(s->loader->err);
	record->query.info.struct_size = sizeof record->query.info;
	record->query.info.documentation = "";
	record->query.info.file = s->loader->file;
	record->query.retry_count = -1;
	memset(&s->section, 0, sizeof s->section);
	cx_buf_clear(&s->documentation);
	s->section.record = record;
	s->section.name_place = place;
	s->section.documentation = &s->documentation;
	s->is_open = true;
	s->has_sql = s->has_parts = s->is_ended = false;
	s->is_broken = false;
	s->sql_end = 0;
	return CDBC_OK;
}

/* ---- What a query's SQL and its headers say of each other ----------------------------------- */

/* The place in the file of something in the section's SQL. */
static cx_place place_in_sql(const scan *s, size_t offset, size_t line, size_t line_start)
{
	return (cx_place){s->sql.line + line - 1,
					  line == 1 ? s->sql.line_start : s->sql.offset + line_start,
					  s->sql.offset + offset};
}

static cx_place place_of_param(const scan *s, const char *name)
{
	const cx_variants *variants = s->section.record->variants;
	size_t length = strlen(name);
	cx_lexer lexer;
	cx_token token;

	cx_lexer_init(&lexer, s->loader->text + s->sql.offset, s->sql_end - s->sql.offset);
	while (cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END)
		if (token.kind == CX_TOKEN_PARAM && token.length == length + 1 &&
			!memcmp(token.text + 1, name, length))
			return place_in_sql(s, token.offset, token.line, token.line_start);
	for (size_t i = 0; variants && i < variants->tmpl.part_count; i++) {
		const cx_part *part = &variants->tmpl.parts[i];

		if (part->name_length == length && !memcmp(variants->tmpl.text + part->name, name, length))
			return place_in_sql(s, part->marker, part->line, part->line_start);
	}
	return s->sql;
}

static cdbc_status check_params(scan *s)
{
	cx_record *record = s->section.record;
	const cx_statement *statement = record->query.statement;
	cx_sqlfiles *loader = s->loader;
	cdbc_status status = CDBC_OK;
	size_t told = 0; /* the place of each is looked for in all of the text */

	for (const cx_param_rule *rule = record->rules; rule && !status; rule = rule->next) {
		size_t i = 0;

		while (i < statement->param_count &&
			   !(statement->params[i].name && !strcmp(statement->params[i].name, rule->info.name)))
			i++;
		if (i == statement->param_count)
			status =
				cx_sqlfiles_fail(loader, &s->section, rule->place, NULL,
								 "parameter \"%s\" is declared, but not used", rule->info.name);
	}
	for (size_t i = 0; i < statement->param_count && !status && told < CX_REPORTS_MAX; i++) {
		const char *name = statement->params[i].name;

		if (!name)
			continue;
		if (cx_server_param(name, strlen(name)) >= 0)
			record->has_server_params = true;
		else if (name[0] == '_' && ++told)
			status = cx_sqlfiles_fail(
				loader, &s->section, place_of_param(s, name),
				"`_` begins those that are filled in: :_user, :_roles, :_now and :_request_id",
				"there is no parameter \"%s\"", name);
		else if (record->rules && !cx_section_rule(&s->section, name, strlen(name)) && ++told)
			status = cx_sqlfiles_fail(loader, &s->section, place_of_param(s, name),
									  "declare all parameters, or none",
									  "parameter \"%s\" is used, but not declared", name);
	}
	return status;
}

static cdbc_status check_count(scan *s)
{
	const cx_statement *statement = s->section.record->query.statement;
	bool is_script = s->section.record->query.info.cardinality == CDBC_SCRIPT;
	cx_splitter splitter;
	cx_piece piece;

	if (statement->statement_count == 0)
		return cx_sqlfiles_fail(s->loader, &s->section, s->section.name_place, NULL,
								"the query has no SQL");
	if (is_script && statement->statement_count > 1 && statement->param_count)
		return cx_sqlfiles_fail(s->loader, &s->section, s->section.name_place, NULL,
								"a script of several statements takes no parameters");
	if (is_script || statement->statement_count == 1)
		return CDBC_OK;
	cx_splitter_init(&splitter, s->loader->text + s->sql.offset, s->sql_end - s->sql.offset);
	if (!cx_splitter_next(&splitter, &piece) || !cx_splitter_next(&splitter, &piece))
		return cx_error_set(s->loader->err, CDBC_INTERNAL,
							"statements counted otherwise than split");
	return cx_sqlfiles_fail(
		s->loader, &s->section, place_in_sql(s, piece.offset, piece.line, piece.line_start),
		"begin each query with a `-- name:` line, or mark the query with # to run it as a script",
		"a second statement in one query");
}

/* What the headers add to what the lexer knows. */
static cdbc_status settle_flags(scan *s)
{
	cx_query *query = &s->section.record->query;
	cdbc_statement_kind kind = query->statement->kind;
	bool has_no_rows = (kind == CDBC_KIND_DML || kind == CDBC_KIND_DDL ||
						kind == CDBC_KIND_TRANSACTION || kind == CDBC_KIND_SESSION) &&
					   (query->statement->flags & CDBC_REQUEST_SMALL_RESULT);
	uint32_t flags = 0;

	if (!s->section.has_mark)
		query->info.cardinality = has_no_rows ? CDBC_EXEC : CDBC_MANY;
	switch (query->info.cardinality) {
	case CDBC_ONE:
	case CDBC_ZERO_OR_ONE:
	case CDBC_SCALAR:
	case CDBC_EXEC:
	case CDBC_EXEC_ROWS:
		flags |= CDBC_REQUEST_SMALL_RESULT;
		break;
	default:
		break;
	}
	if (query->is_read_only && (kind == CDBC_KIND_DML || kind == CDBC_KIND_DDL))
		return cx_sqlfiles_fail(s->loader, &s->section, s->section.read_only_place, NULL,
								"declared read-only, but it is %s",
								kind == CDBC_KIND_DML ? "a change of data"
													  : "a change of the schema");
	/* it cannot be given a transaction that is read only, so its own word must do */
	if (query->is_read_only && query->statement->statement_count > 1 &&
		!(query->statement->flags & CDBC_REQUEST_READ_ONLY))
		return cx_sqlfiles_fail(s->loader, &s->section, s->section.read_only_place, NULL,
								"declared read-only, but a statement of the script may write");
	if (query->is_read_only)
		flags |= CDBC_REQUEST_READ_ONLY;
	if (query->is_idempotent)
		flags |= CDBC_REQUEST_IDEMPOTENT;
	s->section.record->flags = flags;
	query->statement->flags |= flags;
	if (query->statement_qmark != query->statement)
		query->statement_qmark->flags |= flags;
	query->info.kind = kind;
	query->info.is_read_only = (query->statement->flags & CDBC_REQUEST_READ_ONLY) != 0;
	return cx_policy_check(s->loader, &s->section);
}

/* Whether an optional part depends on a parameter: then it need not be given. */
static bool is_switch(const cx_record *record, size_t param)
{
	for (size_t i = 0; record->variants && i < record->variants->switch_count; i++)
		if (record->variants->switches[i].param == param)
			return true;
	return false;
}

/* The public list of parameters, in the order of declaration, else of use; and the rule of each of
 * the statement's. */
static cdbc_status settle_params(scan *s)
{
	cx_record *record = s->section.record;
	const cx_statement *statement = record->query.statement;
	size_t count = statement->param_count;
	cdbc_query_param *params = cx_arena_calloc(s->loader->arena, count + 1, sizeof *params);
	const cx_param_rule **by_index =
		cx_arena_calloc(s->loader->arena, count + 1, sizeof(cx_param_rule *));
	size_t n = 0;

	if (!params || !by_index)
		return cx_error_nomem(s->loader->err);
	for (const cx_param_rule *rule = record->rules; rule; rule = rule->next)
		params[n++] = rule->info;
	for (size_t i = 0; i < count; i++) {
		const char *name = statement->params[i].name;

		if (name && cx_server_param(name, strlen(name)) >= 0)
			continue;
		if (record->rules)
			by_index[i] = cx_section_rule(&s->section, statement->params[i].name,
										  strlen(statement->params[i].name));
		else
			params[n++] =
				(cdbc_query_param){statement->params[i].name ? statement->params[i].name : "",
								   "",
								   statement->params[i].type,
								   is_switch(record, i),
								   NULL,
								   "",
								   ""};
	}
	record->by_index = record->rules ? by_index : NULL;
	record->query.info.params = params;
	record->query.info.param_count = n;
	return CDBC_OK;
}

/* ---- The query as a whole ------------------------------------------------------------------- */

static cdbc_status settle_name(scan *s)
{
	cx_sqlfiles *loader = s->loader;
	cx_record *record = s->section.record;
	const char *name = s->section.name ? s->section.name : loader->base_name;
	size_t length = s->section.name ? s->section.name_length : strlen(name),
		   before = strlen(loader->name_space);
	char full[CX_NAME_MAX + 1];

	if (s->section.name && length == 0)
		return CDBC_OK; /* reported already */
	if (length + before == 0 || length + before > CX_NAME_MAX)
		return cx_sqlfiles_fail(loader, &s->section, s->section.name_place, NULL,
								"a query's name has 1 to %d bytes with its folders", CX_NAME_MAX);
	memcpy(full, loader->name_space, before);
	memcpy(full + before, name, length);
	full[before + length] = '\0';
	for (const char *p = full; *p; p++)
		if (!((*p >= '0' && *p <= '9') || (cx_lower(*p) >= 'a' && cx_lower(*p) <= 'z') ||
			  *p == '_' || *p == '-' || (*p == '.' && p < full + before)))
			return cx_sqlfiles_fail(
				loader, &s->section, s->section.name_place,
				p < full + before ? "rename the folder"
								  : "begin the query with a line: -- name: NAME",
				"\"%s\" is no name for a query: letters, digits, _ and -", full);
	record->query.info.name = cx_arena_strdup(loader->arena, full);
	record->query.info.line = (int64_t)s->section.name_place.line;
	record->place = s->section.name_place;
	cx_catalog_key(full, &record->key);
	return record->query.info.name ? CDBC_OK : cx_error_nomem(loader->err);
}

static cdbc_status note_passed_over(scan *s)
{
	cx_sqlfiles *loader = s->loader;
	cdbc_status status = CDBC_OK;

	if (loader->is_passed_over) {
		loader->rung = "grammar";
		status = cx_sqlfiles_note(loader, &s->section, s->sql,
								  "PostgreSQL's parser was not asked: the statement is too large, "
								  "or has too long runs of operator characters");
		loader->rung = NULL;
	}
	loader->is_passed_over = false;
	return status;
}

static cdbc_status parse_sql(scan *s)
{
	cx_sqlfiles *loader = s->loader;
	cx_record *record = s->section.record;
	cx_param_decl *decls = NULL;
	size_t count = 0, length;
	bool is_template = s->has_parts;
	cdbc_error *error = NULL;
	cdbc_status status = CDBC_OK;
	char *sql;

	if (loader->is_sqlc)
		status = cx_sqlc_declare(loader, &s->section, s->sql, s->sql_end);
	if (!status)
		status = cx_record_decls(record, &decls, &count, loader->err);
	if (status)
		return status;
	for (const cx_param_rule *rule = record->rules; rule; rule = rule->next)
		is_template |= rule->is_ident;
	record->sql = s->sql;
	record->sql_column = cx_column(loader->text, s->sql.line_start, s->sql.offset);
	record->has_mark = s->section.has_mark;
	length = s->sql_end - s->sql.offset;
	sql = cx_arena_strndup(loader->arena, loader->text + s->sql.offset, length);
	record->parsed_sql = sql;
	record->query.info.sql = loader->is_sqlc ? cx_sqlc_written(loader, s->sql.offset, length) : sql;
	record->read_sql = sql;
	if (!sql || !record->query.info.sql)
		status = cx_error_nomem(loader->err);
	else if (is_template)
		status = cx_variants_load(loader, &s->section, s->sql, sql, length, decls, count);
	else if (cx_statement_parse_both(loader->text + s->sql.offset, length, decls, count,
									 &record->query.statement, &record->query.statement_qmark,
									 &error))
		status = cx_sqlfiles_adopt(loader, &s->section, s->sql, &error);
	else if (loader->is_grammar_checked &&
			 cx_sqlfiles_grammar(loader, record, loader->text + s->sql.offset,
								 s->sql_end - s->sql.offset, decls, count,
								 record->query.statement->sql, &error)) {
		loader->rung = "grammar";
		status = cx_sqlfiles_adopt(loader, &s->section, s->sql, &error);
		loader->rung = NULL;
	}
	if (!status)
		status = note_passed_over(s);
	cx_free(decls);
	return status;
}

static cdbc_status settle_texts(scan *s)
{
	cx_sqlfiles *loader = s->loader;
	cx_query *query = &s->section.record->query;
	size_t count = s->section.column_count;
	cdbc_column_hint *hints = cx_arena_calloc(loader->arena, count + 1, sizeof *hints);
	cdbc_query_column *columns = cx_arena_calloc(loader->arena, count + 1, sizeof *columns);

	if (s->documentation.length)
		query->info.documentation = cx_arena_strdup(loader->arena, s->documentation.data);
	if (!query->info.documentation || !columns || !hints)
		return cx_error_nomem(loader->err);
	for (size_t i = 0; i < count; i++) {
		columns[i] = s->section.columns[i];
		hints[i] = (cdbc_column_hint){columns[i].name, columns[i].type};
	}
	query->columns = count ? hints : NULL;
	query->column_count = count;
	query->info.columns = columns;
	query->info.column_count = count;
	return CDBC_OK;
}

static cdbc_status settle(scan *s)
{
	cx_record *record = s->section.record;
	cdbc_status status = settle_name(s);

	if (!s->has_sql && !s->is_broken && !status)
		status = cx_sqlfiles_fail(s->loader, &s->section, s->section.name_place, NULL,
								  "the query has no SQL");
	else if (!status && !s->is_broken)
		status = parse_sql(s);
	if (!status && record->query.statement)
		status = check_count(s);
	if (!status && record->query.statement)
		status = check_params(s);
	if (!status && record->query.statement)
		status = settle_flags(s);
	if (!status && record->query.statement)
		status = cx_as_of_settle(s->loader, &s->section, s->sql, s->loader->text + s->sql.offset,
								 s->sql_end - s->sql.offset);
	if (!status && !s->section.is_bad)
		status = settle_params(s);
	if (!status && !s->section.is_bad)
		status = settle_texts(s);
	if (!status && s->documentation.is_over)
		status = cx_sqlfiles_fail(s->loader, &s->section, s->section.name_place, NULL,
								  "more than %u bytes of documentation", DOCUMENTATION_MAX);
	return status;
}

static void drop_section(scan *s)
{
	if (!s->is_open)
		return;
	s->is_open = false;
	if (s->section.record)
		cx_record_fini(s->section.record);
	cx_free(s->section.columns);
	s->section.columns = NULL;
}

static cdbc_status close_section(scan *s)
{
	cdbc_status status;

	if (!s->is_open)
		return CDBC_OK;
	status = settle(s);
	/* a check goes on: a query that is wrong is in the way of another of its name, too */
	if (!status && (!s->section.is_bad || (s->loader->report && s->section.record->key.count)))
		status = cx_catalog_insert(s->loader, &s->section, s->section.record);
	drop_section(s);
	return status;
}

/* ---- Tokens --------------------------------------------------------------------------------- */

static bool is_at_line_start(const scan *s, const cx_token *token)
{
	for (size_t i = token->line_start; i < token->offset; i++)
		if (!strchr(" \t\f\v", s->loader->text[i]) && (unsigned char)s->loader->text[i] < 0x80)
			return false;
	return true;
}

static bool is_block(const cx_token *token)
{
	return token->text[0] == '/';
}

/* The bytes of a comment without its marks and the white space around. */
static void trim(const cx_token *token, size_t skip, size_t *from, size_t *to)
{
	size_t end = token->length - (is_block(token) ? 2 : 0), begin = skip;

	while (begin < end && strchr(" \t\r\n\f", token->text[begin]))
		begin++;
	while (end > begin && strchr(" \t\r\n\f", token->text[end - 1]))
		end--;
	*from = token->offset + begin;
	*to = token->offset + end;
}

static cdbc_status take_comment(scan *s, const cx_token *token)
{
	cx_place place = {token->line, token->line_start, token->offset};
	size_t from, to;

	if (s->has_sql)
		return !is_block(token) && is_at_line_start(s, token)
				   ? cx_header_stray(s->loader, &s->section, token, "after the SQL began")
				   : cx_header_behind(s->loader, &s->section, token);
	trim(token, 2, &from, &to);
	if (from == to)
		return CDBC_OK;
	place.offset = from;
	if (!is_block(token))
		return cx_header_line(s->loader, &s->section, place, from, to);
	return cx_header_block(s->loader, &s->section, place, token->offset + 2, to);
}

static cdbc_status take_name(scan *s, const cx_token *token, size_t colon)
{
	cx_place place = {token->line, token->line_start, token->offset};
	size_t from, to;
	cdbc_status status = CDBC_OK;

	if (s->is_open && !s->section.name) {
		if (s->has_sql && !s->loader->is_sqlc) /* it takes what has no name for a schema */
			status =
				cx_sqlfiles_fail(s->loader, &s->section, s->sql, "move it below a `-- name:` line",
								 "SQL before the file's first `name` line");
		drop_section(s);
	} else {
		status = close_section(s);
	}
	if (!status)
		status = open_section(s, place);
	if (status)
		return status;
	trim(token, colon, &from, &to);
	cx_lexer_seek(&s->lexer, s->lexer.at, s->lexer.line,
				  s->lexer.line_start); /* brackets left open are the last query's */
	return cx_header_name(s->loader, &s->section, place, from, to);
}

/* Whether any comment at a line's start is a `name` line. A quick look: one in a string counts too,
 * and is sorted out later. */
static bool has_name_line(const cx_sqlfiles *loader)
{
	const char *p = loader->text, *end = p + loader->length, *stop;

	while (p < end) {
		stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			stop = end;
		while (p < stop && (strchr(" \t\r", *p) || (unsigned char)*p >= 0x80))
			p++;
		if (stop - p > 6 && ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*')) &&
			cx_header_is_name(p, (size_t)(stop - p)))
			return true;
		p = stop + 1;
	}
	return false;
}

/* After a lexical error: goes on at the next line that begins a query. */
static cdbc_status recover(scan *s)
{
	cdbc_status status = cx_recovery_tell(&s->recovery, s->loader, &s->section, &s->lexer.error);

	s->is_broken = true;
	if (!status)
		cx_recovery_skip(&s->recovery, s->loader, &s->lexer);
	return status;
}

/* A line that begins with `#`, as other tools' comments do: no statement does. */
static cdbc_status pass_over_line(scan *s, const cx_token *token)
{
	size_t end = token->offset;

	while (end < s->loader->length && s->loader->text[end] != '\n')
		end++;
	cx_lexer_seek(&s->lexer, end, token->line, token->line_start);
	return cx_sqlfiles_fail(
		s->loader, &s->section, (cx_place){token->line, token->line_start, token->offset},
		"a comment begins with --: -- name: NAME", "`#` begins neither a comment nor a statement");
}

static cdbc_status take_token(scan *s, const cx_token *token)
{
	if (token->kind == CX_TOKEN_ERROR)
		return recover(s);
	if (token->kind == CX_TOKEN_COMMENT && cx_template_is_marker(token->text, token->length)) {
		s->has_parts = true;
	} else if (token->kind == CX_TOKEN_COMMENT) {
		size_t colon =
			is_at_line_start(s, token) ? cx_header_is_name(token->text, token->length) : 0;

		if (colon)
			return take_name(s, token, colon);
		if (cx_header_is_hugsql(token->text, token->length))
			return cx_sqlfiles_fail(
				s->loader, s->is_open ? &s->section : NULL,
				(cx_place){token->line, token->line_start, token->offset},
				"write: -- name: NAME, and its mark: :one, :many, :exec",
				"HugSQL's files are not read: their names are written otherwise");
		if (s->is_open)
			return take_comment(s, token);
		/* before the first query it is nobody's, and guards nothing */
		return is_block(token) ? CDBC_OK
							   : cx_header_stray(s->loader, NULL, token, "before the query's name");
	}
	if ((!s->has_sql || s->is_ended) && token->text[0] == '#')
		return pass_over_line(s, token);
	s->is_ended = cx_token_is(token, ';');
	if (s->is_ended) /* the last one is not the statement's */
		return CDBC_OK;
	if (!s->has_sql) {
		s->has_sql = true;
		s->sql = (cx_place){token->line, token->line_start, token->offset};
	}
	s->sql_end = token->offset + token->length;
	return CDBC_OK;
}

cdbc_status cx_sqlfiles_text(cx_sqlfiles *loader)
{
	scan s;
	cx_token token;
	cdbc_status status = CDBC_OK;

	memset(&s, 0, sizeof s);
	s.loader = loader;
	cx_buf_init(&s.documentation, DOCUMENTATION_MAX);
	cx_lexer_init(&s.lexer, loader->text, loader->length);
	if (!has_name_line(loader))
		status = open_section(&s, (cx_place){1, 0, 0});
	while (!status && cx_lexer_next(&s.lexer, &token) != CX_TOKEN_END) {
		if (token.kind == CX_TOKEN_SPACE)
			continue;
		if (!s.is_open &&
			(token.kind != CX_TOKEN_COMMENT || cx_template_is_marker(token.text, token.length)))
			status = open_section(&s, (cx_place){token.line, token.line_start, token.offset});
		if (!status)
			status = take_token(&s, &token);
	}
	if (!status)
		status = close_section(&s);
	if (!status)
		status = cx_recovery_end(&s.recovery, loader);
	drop_section(&s);
	cx_buf_free(&s.documentation);
	return status;
}
