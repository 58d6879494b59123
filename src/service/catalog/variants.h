// SPDX-License-Identifier: Apache-2.0
/* What the files that turn a section into its possible statements share. */
#ifndef CX_VARIANTS_H
#define CX_VARIANTS_H

#include "service/catalog/internal.h"

#define CX_REPORTS_MAX 20 /* different errors of one query */

typedef struct cx_seen_param {
	const char *name;
	size_t length;
	cdbc_type type;
	bool is_list;
} cx_seen_param;

typedef struct cx_builder {
	cx_sqlfiles *loader;
	cx_section *section;
	cx_place base;
	cx_variants *v;
	/* the signature */
	cx_seen_param *params;
	size_t param_count, param_capacity;
	cdbc_statement_kind kind;
	uint32_t flags;
	/* while statements are found */
	uint64_t sets[CX_SWITCHES_MAX]; /* states that are still possible */
	size_t bytes;
	uint64_t reported[CX_REPORTS_MAX];
	size_t reported_count;
	bool is_wrong; /* the statement that is looked at: its grammar would say the same again */
	bool is_over;
} cx_builder;

static inline cx_place place_of(const cx_builder *b, size_t offset, size_t line, size_t line_start)
{
	return (cx_place){b->base.line + line - 1,
					  line == 1 ? b->base.line_start : b->base.offset + line_start,
					  b->base.offset + offset};
}

static inline cx_place place_of_part(const cx_builder *b, const cx_part *part)
{
	return place_of(b, part->marker, part->line, part->line_start);
}

static inline cx_place place_of_token(const cx_builder *b, const cx_template_token *token)
{
	return token ? place_of(b, token->offset, token->line, token->line_start) : b->base;
}

/* switches.c: which parameters decide, with the states of each and the masks of the parts. The
 * section is bad when something was reported. */
cdbc_status cx_switches_resolve(cx_builder *b);

#endif
