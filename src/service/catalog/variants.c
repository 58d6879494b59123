// SPDX-License-Identifier: Apache-2.0
/* The statements that a query with optional parts may become: which parameters decide, the tree of
 * decisions, and the check of each statement when the file is loaded. Choosing one at run time is
 * in choose.c. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "data/sql/as_of.h"
#include "data/sql/check.h"
#include "data/sql/keyword.h"
#include "service/catalog/variants.h"

#include <stdio.h>
#include <string.h>

#define EXPANDED_MAX (256u << 20) /* bytes of all statements of a load */

/* ---- The signature -------------------------------------------------------------------------- */

static cdbc_status add_param(cx_builder *b, const char *name, size_t length, cdbc_type type,
							 bool is_list, size_t *out)
{
	size_t i;

	for (i = 0; i < b->param_count; i++)
		if (b->params[i].length == length && !memcmp(b->params[i].name, name, length))
			break;
	if (i == b->param_count) {
		if (!cx_grow(&b->params, i, &b->param_capacity, sizeof *b->params))
			return cx_error_nomem(b->loader->err);
		b->params[b->param_count++] = (cx_seen_param){name, length, type, false};
	}
	b->params[i].is_list |= is_list;
	if (is_list)
		b->params[i].type.is_array = true;
	*out = i;
	return CDBC_OK;
}

/* The parameters of a statement of the template; their names are found again in the template, which
 * outlives the statement. */
static cdbc_status add_params(cx_builder *b, const cx_statement *statement)
{
	const cx_template *t = &b->v->tmpl;
	size_t token = 0, ignored;
	cdbc_status status = CDBC_OK;

	for (size_t i = 0; i < statement->param_count && !status; i++) {
		const cx_statement_param *p = &statement->params[i];
		size_t length = strlen(p->name);

		for (token = 0; token < t->token_count; token++)
			if (t->tokens[token].kind == CX_TOKEN_PARAM && t->tokens[token].length == length + 1 &&
				!memcmp(t->text + t->tokens[token].offset + 1, p->name, length))
				break;
		if (token == t->token_count)
			return cx_error_set(b->loader->err, CDBC_INTERNAL, "a parameter out of nowhere");
		status = add_param(b, t->text + t->tokens[token].offset + 1, length, p->type, p->is_list,
						   &ignored);
	}
	return status;
}

/* ---- Each statement ------------------------------------------------------------------------- */

void cx_variants_names(const cx_variants *variants, const uint8_t *states, const char **names)
{
	for (size_t i = 0; i < variants->switch_count; i++) {
		const cx_param_rule *rule = variants->switches[i].rule;

		names[i] = rule && rule->is_ident && states[i] ? rule->names[states[i] - 1] : NULL;
	}
}

void cx_variants_describe(const cx_variants *variants, const uint8_t *states, char *out,
						  size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < variants->switch_count && n + 1 < size; i++) {
		const cx_switch *s = &variants->switches[i];
		cdbc_text text = {NULL, 0};
		int written;

		if (states[i] >= 1 && states[i] <= s->value_count)
			text = s->values[states[i] - 1].value.as.text;
		if (states[i] >= 1 && states[i] <= s->value_count &&
			s->values[states[i] - 1].value.kind != CDBC_VALUE_TEXT) {
			const cx_choice *choice = &s->values[states[i] - 1];

			text.data = choice->number.is_set      ? choice->number.text
						: choice->value.as.boolean ? "true"
												   : "false";
			text.length = strlen(text.data);
		}
		written = snprintf(out + n, size - n, "%s\"%.*s\" %s%.*s%s", n ? ", " : "",
						   (int)s->name_length, s->name,
						   !states[i]  ? "is absent"
						   : text.data ? "= '"
									   : "is given",
						   (int)(text.length < 100 ? text.length : 100), text.data ? text.data : "",
						   text.data ? "'" : "");
		n = written < 0 || (size_t)written >= size - n ? size - 1 : n + (size_t)written;
	}
}

/* Reports what is wrong with a statement, the same thing once. */
static cdbc_status fail_variant(cx_builder *b, const uint8_t *states, cx_place place,
								const char *hint, const char *message)
{
	/* what a parser stumbles on may read otherwise in each statement */
	uint64_t hash = cx_hash_bytes(message, b->loader->rung ? 0 : strlen(message), place.offset);
	char when[400];

	b->is_wrong = true;
	for (size_t i = 0; i < b->reported_count; i++)
		if (b->reported[i] == hash)
			return CDBC_OK;
	if (b->reported_count == CX_REPORTS_MAX)
		return CDBC_OK;
	b->reported[b->reported_count++] = hash;
	cx_variants_describe(b->v, states, when, sizeof when);
	return cx_sqlfiles_fail(b->loader, b->section, place, hint, "%s, when %s", message, when);
}

/* Takes over an error about a statement's text. */
static cdbc_status adopt(cx_builder *b, const uint8_t *states, const char *const *names,
						 const cx_buf *text, cdbc_error **error)
{
	const cx_template_token *token = NULL;
	int64_t skip = cdbc_error_position(*error) - 1;
	size_t offset = 0;
	cdbc_status status;

	if (!*error || cdbc_error_status(*error) == CDBC_NOMEM) {
		cx_error_clear(error);
		return cx_error_nomem(b->loader->err);
	}
	for (; offset < text->length; offset++)
		if (((unsigned char)text->data[offset] & 0xc0) != 0x80 && skip-- <= 0)
			break;
	status = cx_template_origin(&b->v->tmpl, states, names, offset, &token, b->loader->err);
	if (!status)
		status =
			fail_variant(b, states, place_of_token(b, token),
						 cdbc_error_field(*error, CDBC_FIELD_HINT), cdbc_error_message(*error));
	cx_error_clear(error);
	return status;
}

static cdbc_status check_statement(cx_builder *b, const uint8_t *states, const cx_statement *s,
								   const cx_rendered *info, const cx_buf *text)
{
	bool is_script = b->section->record->query.info.cardinality == CDBC_SCRIPT;
	cx_place place = b->v->tmpl.part_count ? place_of_part(b, &b->v->tmpl.parts[0]) : b->base;
	bool is_write = s->kind == CDBC_KIND_DML || s->kind == CDBC_KIND_DDL;

	if (s->statement_count == 0)
		return fail_variant(b, states, place, NULL, "nothing is left of the query");
	if (s->statement_count > 1 && (!is_script || s->param_count))
		return fail_variant(b, states, place, NULL,
							is_script ? "a script of several statements takes no parameters"
									  : "a second statement in one query");
	if (cx_template_hash(text->data, text->length) != info->token_hash)
		return fail_variant(b, states, place, "put a part around whole expressions",
							"what is left reads otherwise than it was written");
	if (info->wrong)
		return fail_variant(b, states, place_of_token(b, info->wrong), info->wrong_hint,
							info->wrong_message);
	if (info->lost_where && !b->section->record->may_lose_condition)
		return fail_variant(b, states, place_of_token(b, info->lost_where),
							"`allow-all-rows` allows it",
							"an UPDATE or DELETE loses its condition");
	if (info->lost_set)
		return fail_variant(b, states, place_of_token(b, info->lost_set), NULL,
							"an UPDATE has nothing left to set");
	if (b->v->count == 0) {
		b->kind = s->kind;
		b->flags = s->flags;
	} else {
		if (b->kind != s->kind)
			b->kind = is_write || b->kind == CDBC_KIND_DML || b->kind == CDBC_KIND_DDL
						  ? (is_write ? s->kind : b->kind)
						  : CDBC_KIND_UNKNOWN;
		b->flags = (b->flags & s->flags) |
				   ((b->flags | s->flags) & (CDBC_REQUEST_CHANGES_SESSION | CDBC_REQUEST_VOLATILE |
											 CDBC_REQUEST_COMMITS_PARTS | CDBC_REQUEST_CONTROLS));
	}
	return add_params(b, s);
}

/* The statement for the states that are left: written, read, checked, forgotten. */
static cdbc_status check_variant(cx_builder *b, const uint8_t *states)
{
	const char *names[CX_SWITCHES_MAX];
	cx_buf text = CX_BUF_INIT(CX_TEMPLATE_MAX_BYTES * 2);
	cx_statement *statement = NULL;
	cdbc_error *error = NULL;
	cx_rendered info;
	size_t place;
	cdbc_status status;

	b->is_wrong = false;
	cx_variants_names(b->v, states, names);
	status = cx_template_render(&b->v->tmpl, states, names, &text, &info, b->loader->err);
	if (status)
		goto out;
	b->bytes += b->v->tmpl.length; /* that much was looked at */
	b->loader->expanded_bytes += b->v->tmpl.length;
	if (b->bytes > CX_VARIANTS_MAX_BYTES || b->loader->expanded_bytes > EXPANDED_MAX) {
		b->is_over = true;
		status = cx_sqlfiles_fail(
			b->loader, b->section, b->base, "make several queries of it",
			"the statements that the quer%s may become have more than %u bytes",
			b->bytes > CX_VARIANTS_MAX_BYTES ? "y" : "ies",
			b->bytes > CX_VARIANTS_MAX_BYTES ? CX_VARIANTS_MAX_BYTES : EXPANDED_MAX);
		goto out;
	}
	if (cx_statement_parse_both(text.data ? text.data : "", text.length, b->v->decls,
								b->v->decl_count, &statement, NULL, &error))
		status = adopt(b, states, names, &text, &error);
	else if (cx_as_of_is_wanted(b->section->record) &&
			 cx_as_of_place(text.data ? text.data : "", text.length, &place, &error))
		status = adopt(b, states, names, &text, &error);
	else
		status = check_statement(b, states, statement, &info, &text);
	if (!status && !b->is_wrong && statement->statement_count && b->loader->is_grammar_checked &&
		cx_sqlfiles_grammar(b->loader, b->section->record, text.data, text.length, b->v->decls,
							b->v->decl_count, statement->sql, &error)) {
		b->loader->rung = "grammar";
		status = adopt(b, states, names, &text, &error);
		b->loader->rung = NULL;
	}
out:
	cx_statement_unref(statement);
	cx_buf_free(&text);
	return status;
}

/* ---- The tree of decisions ------------------------------------------------------------------ */

static cdbc_status add_leaf(cx_builder *b, int32_t *out)
{
	cx_variants *v = b->v;
	uint8_t states[CX_SWITCHES_MAX];
	cdbc_status status;

	if (v->count == CX_VARIANTS_MAX) {
		b->is_over = true;
		return cx_sqlfiles_fail(b->loader, b->section,
								v->tmpl.part_count ? place_of_part(b, &v->tmpl.parts[0]) : b->base,
								"make several queries of it", "more than %d possible statements",
								CX_VARIANTS_MAX);
	}
	for (size_t i = 0; i < v->switch_count; i++)
		states[i] = (uint8_t)__builtin_ctzll(b->sets[i]);
	status = check_variant(b, states);
	if (status || b->is_over)
		return status;
	while (v->states_capacity < (v->count + 1) * v->switch_count)
		if (!cx_grow(&v->states, v->states_capacity, &v->states_capacity, 1))
			return cx_error_nomem(b->loader->err);
	memcpy(v->states + v->count * v->switch_count, states, v->switch_count);
	*out = ~(int32_t)v->count++;
	return CDBC_OK;
}

static cdbc_status walk(cx_builder *b, uint32_t token, uint32_t part, int32_t *out);

static cdbc_status split(cx_builder *b, uint32_t sw, uint64_t mask, const uint32_t yes[2],
						 const uint32_t no[2], int32_t *out)
{
	cx_variants *v = b->v;
	uint64_t set = b->sets[sw];
	size_t index = v->node_count;
	int32_t answer = 0;
	cdbc_status status;

	if (!cx_grow(&v->nodes, index, &v->node_capacity, sizeof *v->nodes))
		return cx_error_nomem(b->loader->err);
	v->nodes[v->node_count++] = (cx_node){mask, sw, 0, 0};
	b->sets[sw] = set & mask;
	status = walk(b, yes[0], yes[1], &answer);
	if (!status && !b->is_over) {
		v->nodes[index].yes = answer;
		b->sets[sw] = set & ~mask;
		status = walk(b, no[0], no[1], &answer);
	}
	b->sets[sw] = set;
	v->nodes[index].no = answer;
	*out = (int32_t)index;
	return status;
}

/* The first part after one and all that it holds. */
static uint32_t part_end(const cx_template *t, uint32_t part)
{
	uint32_t i = part + 1;

	for (; i < t->part_count; i++) {
		uint32_t above = t->parts[i].parent;

		while (above > part + 1)
			above = t->parts[above - 1].parent;
		if (above != part + 1)
			break;
	}
	return i;
}

/* The first token at or after one that is not in the parts from one to another. */
static uint32_t pass_parts(const cx_template *t, uint32_t token, uint32_t from, uint32_t to)
{
	while (token < t->token_count && t->tokens[token].part > from && t->tokens[token].part <= to)
		token++;
	return token;
}

/* Goes on from a token, the parts before part being decided. */
static cdbc_status walk(cx_builder *b, uint32_t token, uint32_t part, int32_t *out)
{
	const cx_template *t = &b->v->tmpl;

	for (; token < t->token_count && !b->is_over; token++) {
		const cx_template_token *at = &t->tokens[token];
		uint64_t set, mask;
		uint32_t sw;

		if (part < t->part_count && at->is_marker && at->offset == t->parts[part].marker) {
			uint32_t end = part_end(t, part), after = pass_parts(t, token, part, end);

			sw = t->parts[part].switch_index;
			set = b->sets[sw];
			mask = t->parts[part].mask;
			if ((set & mask) && (set & ~mask))
				return split(b, sw, mask, (uint32_t[]){token + 1, part + 1},
							 (uint32_t[]){after, end}, out);
			if (set & mask) {
				part++;
			} else {
				part = end;
				token = after - 1;
			}
		} else if (at->switch_index) {
			sw = at->switch_index - 1u;
			set = b->sets[sw];
			if (set & 1) {
				b->is_over = true;
				return cx_sqlfiles_fail(b->loader, b->section, place_of_token(b, at),
										"give it a default, or put it into an optional part",
										"identifier \"%s\" may be absent here",
										b->v->switches[sw].rule->info.name);
			}
			mask = set & -set;
			if (set != mask)
				return split(b, sw, mask, (uint32_t[]){token + 1, part}, (uint32_t[]){token, part},
							 out);
		}
	}
	return b->is_over ? CDBC_OK : add_leaf(b, out);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static cdbc_status make_signature(cx_builder *b, cx_statement **out)
{
	size_t names = 0;
	cx_statement_param *params;
	cx_statement *statement;
	cdbc_status status = CDBC_OK;
	char *at;

	for (size_t i = 0; i < b->v->switch_count && !status; i++) {
		cx_switch *s = &b->v->switches[i];
		int server = cx_server_param(s->name, s->name_length);
		cdbc_type type = s->rule       ? s->rule->info.type
						 : server >= 0 ? cx_server_decls[server].type
									   : (cdbc_type){CDBC_TYPE_UNKNOWN, false, -1, -1};

		status = add_param(b, s->name, s->name_length, type, false, &s->param);
	}
	if (!status && b->param_count > UINT16_MAX)
		return cx_sqlfiles_fail(b->loader, b->section, b->base, NULL, "more than 65535 parameters");
	for (size_t i = 0; i < b->param_count; i++)
		names += b->params[i].length + 1;
	if (status)
		return status;
	statement = cx_alloc(sizeof *statement + b->param_count * sizeof *params + names + 1);
	if (!statement)
		return cx_error_nomem(b->loader->err);
	params = (cx_statement_param *)(statement + 1);
	at = (char *)(params + b->param_count);
	for (size_t i = 0; i < b->param_count; i++) {
		params[i] = (cx_statement_param){at, b->params[i].type, b->params[i].is_list};
		memcpy(at, b->params[i].name, b->params[i].length);
		at[b->params[i].length] = '\0';
		at += b->params[i].length + 1;
	}
	*at = '\0';
	*statement = (cx_statement){.sql = at,
								.params = params,
								.param_count = b->param_count,
								.kind = b->kind,
								.flags = b->flags,
								.statement_count = 1};
	atomic_init(&statement->refs, 1);
	*out = statement;
	return CDBC_OK;
}

static cdbc_status build(cx_builder *b, const char *text, size_t length)
{
	cx_variants *v = b->v;
	cx_record *record = b->section->record;
	cdbc_error *error = NULL;
	cdbc_status status;

	if (cx_template_read(text, length, &v->tmpl, &error))
		return cx_sqlfiles_adopt(b->loader, b->section, b->base, &error);
	status = cx_switches_resolve(b);
	if (status || b->section->is_bad)
		return status;
	for (size_t i = 0; i < v->switch_count; i++)
		b->sets[i] = v->switches[i].possible;
	status = walk(b, 0, 0, &v->root);
	if (status || b->section->is_bad)
		return status;
	v->made = cx_calloc(v->count * 2, sizeof *v->made);
	if (!v->made)
		return cx_error_nomem(b->loader->err);
	status = make_signature(b, &record->query.statement);
	if (!status && record->query.statement)
		record->query.statement_qmark = cx_statement_ref(record->query.statement);
	return status;
}

cdbc_status cx_variants_load(cx_sqlfiles *loader, cx_section *section, cx_place base,
							 const char *text, size_t length, const cx_param_decl *decls,
							 size_t decl_count)
{
	cx_builder b = {.loader = loader, .section = section, .base = base};
	cdbc_status status;

	b.v = cx_calloc(1, sizeof *b.v);
	if (!b.v)
		return cx_error_nomem(loader->err);
	section->record->variants = b.v; /* freed with the record */
	b.v->decls = cx_arena_calloc(loader->arena, decl_count + 1, sizeof *decls);
	if (!b.v->decls)
		return cx_error_nomem(loader->err);
	memcpy(b.v->decls, decls, decl_count * sizeof *decls);
	b.v->decl_count = decl_count;
	status = build(&b, text, length);
	cx_free(b.params);
	return status;
}

void cx_variants_free(cx_variants *variants)
{
	if (!variants)
		return;
	for (size_t i = 0; variants->made && i < variants->count * 2; i++) {
		cx_variant *made = atomic_load(&variants->made[i]);

		if (made)
			cx_statement_unref(made->statement);
		cx_free(made);
	}
	for (size_t i = 0; i < variants->switch_count; i++)
		cx_free(variants->switches[i].own_values);
	cx_template_fini(&variants->tmpl);
	cx_free(variants->switches);
	cx_free(variants->nodes);
	cx_free(variants->states);
	cx_free((void *)(uintptr_t)variants->made);
	cx_free(variants);
}
