// SPDX-License-Identifier: Apache-2.0
/* Which parameters decide about the parts of a query, and which values of them matter. */
#include "base/alloc.h"
#include "base/error.h"
#include "data/sql/check.h"
#include "data/sql/keyword.h"
#include "service/catalog/variants.h"

#include <string.h>

static cdbc_status find_switch(cx_builder *b, const char *name, size_t length, cx_place place,
							   uint32_t *out)
{
	cx_variants *v = b->v;
	const cx_param_rule *rule = cx_section_rule(b->section, name, length);

	for (uint32_t i = 0; i < v->switch_count; i++)
		if (v->switches[i].name_length == length && !memcmp(v->switches[i].name, name, length)) {
			*out = i;
			return CDBC_OK;
		}
	if (v->switch_count == CX_SWITCHES_MAX)
		return cx_sqlfiles_fail(b->loader, b->section, place, NULL,
								"more than %d parameters decide about optional parts",
								CX_SWITCHES_MAX);
	if (!cx_grow(&v->switches, v->switch_count, &v->switch_capacity, sizeof *v->switches))
		return cx_error_nomem(b->loader->err);
	*out = (uint32_t)v->switch_count;
	v->switches[v->switch_count++] =
		(cx_switch){.name = name,
					.name_length = length,
					.rule = rule,
					.values = rule && rule->is_ident ? rule->choices : NULL,
					.value_count = rule && rule->is_ident ? rule->choice_count : 0};
	return CDBC_OK;
}

/* The literal of a condition as a value of the parameter's type. */
static cdbc_status read_choice(cx_builder *b, const cx_part *part, const cx_switch *s,
							   cx_choice *out)
{
	const char *text = b->v->tmpl.text + part->literal;
	size_t length = part->literal_length;
	bool is_word = cx_lower(text[0]) >= 'a' && cx_lower(text[0]) <= 'z';
	cdbc_error *error = NULL;
	cx_place place = place_of_part(b, part);
	char *copy;

	memset(out, 0, sizeof *out);
	if (is_word && !(s->rule && s->rule->is_ident)) {
		if (!cx_word_is(text, length, "true") && !cx_word_is(text, length, "false"))
			return cx_sqlfiles_fail(b->loader, b->section, place, "put text in single quotes",
									"\"%.*s\" is no literal", (int)(length < 64 ? length : 64),
									text);
		out->value = cdbc_bool(cx_lower(text[0]) == 't');
	} else {
		copy = text[0] == '\'' ? cx_unquote(b->loader->arena, text, length, &length)
							   : cx_arena_strndup(b->loader->arena, text, length);
		if (!copy)
			return cx_error_nomem(b->loader->err);
		out->value = cdbc_text_n(copy, length);
		if (text[0] != '\'' && !is_word)
			cx_limit_read(copy, &out->number);
	}
	if (s->rule && s->rule->info.type.is_array)
		return cx_sqlfiles_fail(b->loader, b->section, place, NULL,
								"parameter \"%s\" is an array: it is given or not, nothing else",
								s->rule->info.name);
	if (s->rule &&
		(cx_value_check(s->rule->info.name, s->rule->info.type, &out->value, &out->value, &error) ||
		 cx_rule_check(s->rule, &out->value, &error))) {
		cdbc_status status;

		status = !error || cdbc_error_status(error) == CDBC_NOMEM
					 ? cx_error_nomem(b->loader->err)
					 : cx_sqlfiles_fail(b->loader, b->section, place, NULL, "%s",
										cdbc_error_message(error));
		cx_error_clear(&error);
		return status;
	}
	if (s->rule && cx_type_is_moment(s->rule->info.type.id)) {
		cx_limit_moment(s->rule->info.type.id, out->value.as.text, out->value.as.text.data,
						&out->number);
	} else if (s->rule && cx_type_is_number(s->rule->info.type.id) && !out->number.is_set) {
		copy = cx_arena_strndup(b->loader->arena, text, part->literal_length);
		if (text[0] == '\'')
			copy = cx_unquote(b->loader->arena, text, part->literal_length, &length);
		if (!copy)
			return cx_error_nomem(b->loader->err);
		cx_limit_read(copy, &out->number);
	}
	return CDBC_OK;
}

/* The state of a switch that stands for a condition's literal. */
static cdbc_status find_state(cx_builder *b, const cx_part *part, cx_switch *s, unsigned *out)
{
	cx_choice choice;
	cdbc_status status = read_choice(b, part, s, &choice);

	if (status || b->section->is_bad)
		return status;
	for (size_t i = 0; i < s->value_count; i++)
		if (cx_choice_is(&s->values[i], &choice.value)) {
			*out = (unsigned)i + 1;
			return CDBC_OK;
		}
	if (s->value_count >= CX_STATES_MAX - 2)
		return cx_sqlfiles_fail(b->loader, b->section, place_of_part(b, part), NULL,
								"parameter \"%.*s\" is compared with too many values",
								(int)s->name_length, s->name);
	if (!cx_grow(&s->own_values, s->value_count, &s->own_capacity, sizeof *s->own_values))
		return cx_error_nomem(b->loader->err);
	s->own_values[s->value_count++] = choice;
	s->values = s->own_values;
	*out = (unsigned)s->value_count;
	return CDBC_OK;
}

static cdbc_status resolve_parts(cx_builder *b)
{
	cx_template *t = &b->v->tmpl;
	cdbc_status status;

	for (size_t i = 0; i < t->part_count; i++) {
		cx_part *part = &t->parts[i];
		unsigned state = 0;

		status = find_switch(b, t->text + part->name, part->name_length, place_of_part(b, part),
							 &part->switch_index);
		if (!status && !b->section->is_bad && part->test == CX_PART_EQUAL)
			status = find_state(b, part, &b->v->switches[part->switch_index], &state);
		if (status || b->section->is_bad)
			return status;
		part->mask = part->test == CX_PART_GIVEN ? ~UINT64_C(1) : UINT64_C(1) << state;
	}
	return CDBC_OK;
}

static cdbc_status resolve_idents(cx_builder *b)
{
	cx_template *t = &b->v->tmpl;
	cdbc_status status;
	uint32_t at;

	for (size_t i = 0; i < t->token_count; i++) {
		cx_template_token *token = &t->tokens[i];
		const cx_param_rule *rule;

		if (token->kind == CX_TOKEN_POSITIONAL)
			return cx_sqlfiles_fail(b->loader, b->section, place_of_token(b, token),
									"give the parameter a name",
									"$1 in a query with optional parts or identifiers");
		if (token->kind != CX_TOKEN_PARAM)
			continue;
		rule = cx_section_rule(b->section, t->text + token->offset + 1, token->length - 1);
		if (!rule || !rule->is_ident)
			continue;
		status = find_switch(b, t->text + token->offset + 1, token->length - 1,
							 place_of_token(b, token), &at);
		if (status || b->section->is_bad)
			return status;
		token->switch_index = (uint16_t)(at + 1);
	}
	return CDBC_OK;
}

/* Which states a switch can be in. */
static void find_possible(cx_switch *s)
{
	const cx_param_rule *rule = s->rule;
	uint64_t values = s->value_count ? (UINT64_C(2) << s->value_count) - 2 : 0;
	bool is_complete = rule && rule->choices && s->value_count == rule->choice_count;

	s->possible = values | 1 | (is_complete ? 0 : UINT64_C(1) << (s->value_count + 1));
	if (rule && rule->is_ident && (rule->has_default || !rule->info.is_optional))
		s->possible &= ~UINT64_C(1);
}

cdbc_status cx_switches_resolve(cx_builder *b)
{
	cdbc_status status = resolve_parts(b);

	if (!status && !b->section->is_bad)
		status = resolve_idents(b);
	for (size_t i = 0; i < b->v->switch_count; i++)
		find_possible(&b->v->switches[i]);
	return status;
}
