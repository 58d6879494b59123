// SPDX-License-Identifier: Apache-2.0
/* Statements with optional parts made at random: whatever is taken out, what is left is what a
 * plain reading of the tree says, and PostgreSQL's own parser takes it. A failure prints its seed;
 * CDBC_PROPERTY_SEED repeats it, CDBC_PROPERTY_CASES makes more. */
#include "base/buf.h"
#include "data/sql/lexer.h"
#include "data/sql/statement.h"
#include "data/sql/template.h"
#include "support/skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#ifdef CDBC_PG_QUERY
#include <pg_query.h>
#endif

#define SWITCHES     5
#define STATES       4              /* absent, 'a', 'b', any other */
#define IDENT        (SWITCHES - 1) /* this one stands in the SQL as an identifier */
#define VARIANTS_MAX 100
#define CASES        300

/* ---- Chance --------------------------------------------------------------------------------- */

static uint64_t chance;

static uint32_t below(uint32_t n)
{
	uint64_t x = chance += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((x ^ x >> 31) % n);
}

static bool one_in(uint32_t n)
{
	return below(n) == 0;
}

/* ---- The tree ------------------------------------------------------------------------------- */

/* Children with a separator between those that are left (" " for none), or a text; what stands
 * around them goes when nothing is left. */
typedef struct node {
	const char *text; /* NULL: children */
	const char *before, *after, *separator;
	struct node *kids[6];
	size_t kid_count;
	bool is_trailing; /* the separator belongs to the child before it */
	bool is_optional, is_block;
	unsigned tested; /* a switch */
	int test;        /* 0: given, 1: absent, 2, 3: equal 'a', 'b' */
} node;

static node pool[4000];
static size_t pooled;

static node *make(const char *text, const char *before, const char *separator, const char *after)
{
	node *n = &pool[pooled++];

	assert_true(pooled < sizeof pool / sizeof *pool);
	*n = (node){.text = text, .before = before, .after = after, .separator = separator};
	n->is_trailing = one_in(3);
	return n;
}

static void add(node *parent, node *kid)
{
	assert_true(parent->kid_count < sizeof parent->kids / sizeof *parent->kids);
	parent->kids[parent->kid_count++] = kid;
}

static bool has_optional(const node *n)
{
	for (size_t i = 0; i < n->kid_count; i++)
		if (n->kids[i]->is_optional || has_optional(n->kids[i]))
			return true;
	return false;
}

static node *maybe(node *n)
{
	if (!one_in(2))
		return n;
	n->is_optional = true;
	n->tested = below(IDENT);
	n->test = one_in(3) ? 1 + (int)below(3) : 0;
	n->is_block = has_optional(n) || one_in(6);
	return n;
}

static node *select_statement(unsigned depth);

/* ---- Expressions ---------------------------------------------------------------------------- */

static const char *const atoms[] = {"a = :p0",
									"t.b <> 'it''s -- no /* comment'",
									"c between :p1 and 9",
									"lower(d) = $$x$$",
									"not e",
									"f is null",
									"g in (1, 2)",
									"h = any(array[1, 2])",
									"i like '%and%'",
									"j::text || 'x' > ''",
									"now() > k",
									"l is distinct from :p2",
									"m in (:ids)",
									"n not in (:ids)",
									"o between 1 and 2 + 3",
									"extract(year from q) = 2000",
									"count(*) filter (where r > 1) > 2",
									"case when s then 1 else 2 end = 1",
									"(t).u = 1",
									"\"where\" = 1",
									"w not between 1 and :p3",
									"x @> '{}'",
									"-y < +1",
									"z.\"and\" = z.limits",
									"aa[1:2] = ab[:i]",
									"t.set = 1"};

static node *condition(unsigned depth);

static node *term(unsigned depth)
{
	node *n;

	switch (depth ? below(9) : 0) {
	case 1:
	case 2:
		return condition(depth - 1);
	case 3: /* not, of a group that may be gone */
		n = make(NULL, "not", " ", "");
		add(n, condition(depth - 1));
		return n;
	case 4:
		n = make(NULL, "exists (", " ", ")");
		add(n, select_statement(depth - 1));
		return n;
	case 5: /* a list with one at least */
		n = make(NULL, "ac in (", ",", ")");
		add(n, maybe(make("1", "", " ", "")));
		add(n, make("'two'", "", " ", ""));
		add(n, maybe(make(":p3", "", " ", "")));
		return n;
	case 6: {
		n = make(NULL, "case", " ", "else 'end' end = 'x'");
		add(n, make("when ad = 1 then 'case'", "", " ", ""));
		add(n, maybe(make("when ae and af or ag then 'when'", "", " ", "")));
		return n;
	}
	default:
		return make(atoms[below(sizeof atoms / sizeof *atoms)], "", " ", "");
	}
}

/* Terms joined by AND, or such joined by OR; in brackets below the top. */
static node *junction(unsigned depth, const char *before, const char *after)
{
	bool is_or = one_in(3);
	node *n = make(NULL, before, is_or ? "or" : "and", after);
	size_t count = 1 + below(4);

	for (size_t i = 0; i < count; i++) {
		node *kid;

		if (is_or && one_in(3)) {
			kid = make(NULL, "", "and", "");
			add(kid, maybe(term(depth)));
			add(kid, maybe(term(depth)));
		} else {
			kid = term(depth);
		}
		add(n, maybe(kid));
	}
	return n;
}

static node *condition(unsigned depth)
{
	return junction(depth, "(", ")");
}

/* ---- Statements ----------------------------------------------------------------------------- */

static node *list(const char *before, const char *const *items, size_t count, bool may_be_gone)
{
	node *n = make(NULL, before, ",", "");
	size_t kept = below((uint32_t)count);

	for (size_t i = 0; i < count; i++) {
		node *kid = make(items[i], "", " ", "");

		add(n, i == kept && !may_be_gone ? kid : maybe(kid));
	}
	return n;
}

static node *from_clause(unsigned depth)
{
	node *n = make(NULL, "from t", " ", ""), *join, *on;

	if (one_in(2)) {
		join = make(NULL, one_in(2) ? "left join u" : "join lateral (select 1) u", " ", "");
		on = make(NULL, "on", "and", "");
		add(on, make("u.id = t.id", "", " ", ""));
		add(on, maybe(term(depth)));
		add(join, on);
		add(n, maybe(join));
	}
	return n;
}

static node *select_statement(unsigned depth)
{
	static const char *const columns[] = {"a", "t.b as bb", "coalesce(c, 'x', now()) as \"from\"",
										  "count(*)"};
	static const char *const groups[] = {"a", "lower(b)", "c"};
	static const char *const orders[] = {"a", "b desc nulls last", ":ident"};
	node *n = make(NULL, "", " ", "");

	if (depth > 1 && one_in(4)) {
		node *with = make(NULL, "with", ",", ""), *cte = make(NULL, "q as (", " ", ")");

		add(cte, select_statement(0));
		add(with, maybe(cte));
		cte = make(NULL, "r as materialized (", " ", ")");
		add(cte, select_statement(0));
		add(with, cte);
		add(n, with);
	}
	add(n, list(one_in(5) ? "select distinct" : "select", columns, 1 + below(4), false));
	add(n, from_clause(depth));
	if (!one_in(4))
		add(n, maybe(junction(depth, "where", "")));
	if (one_in(3)) {
		node *group = make(NULL, "", " ", "");

		add(group, list("group by", groups, 1 + below(3), true));
		add(n, maybe(group));
	}
	if (one_in(2)) {
		node *tail = make(NULL, "", " ", "");

		if (!one_in(3))
			add(tail, maybe(list("order by", orders, 1 + below(3), true)));
		if (one_in(2))
			add(tail, maybe(make("limit :n", "", " ", "")));
		if (one_in(2))
			add(tail, maybe(make("offset 5", "", " ", "")));
		add(n, tail);
	}
	return n;
}

static node *statement(void)
{
	static const char *const sets[] = {"a = 1", "b = :p0", "(c, d) = (1, 2)"};
	static const char *const outs[] = {"a", "b as c"};
	node *n = make(NULL, "", " ", "");

	switch (below(5)) {
	case 0:
		add(n, make("update t", "", " ", ""));
		add(n, list("set", sets, 1 + below(3), false));
		add(n, maybe(junction(2, "where", "")));
		break;
	case 1:
		add(n, make("delete from t", "", " ", ""));
		add(n, maybe(make("using u", "", " ", "")));
		add(n, maybe(junction(2, "where", "")));
		break;
	default:
		add(n, select_statement(2));
		if (one_in(4)) {
			node *arm = make(NULL, "", " ", "");

			n->before = "(";
			n->after = ")";
			add(arm, n);
			n = make(NULL, "union all (", " ", ")");
			add(n, select_statement(1));
			add(arm, maybe(n));
			return arm;
		}
		return n;
	}
	if (one_in(2))
		add(n, maybe(list("returning", outs, 2, false)));
	return n;
}

/* ---- The template --------------------------------------------------------------------------- */

typedef struct writer {
	cx_buf *out;
	bool is_part_open; /* its end was not written yet */
} writer;

static void space(writer *w)
{
	static const char *const spaces[] = {
		" ", " ", " ", "\n  ", "\t", " /* , and */ ", " -- where ( '\n", "\r\n"};

	cx_buf_puts(w->out, spaces[below(sizeof spaces / sizeof *spaces)]);
}

static void end_part(writer *w)
{
	if (w->is_part_open)
		cx_buf_puts(w->out, "/*?*/");
	w->is_part_open = false;
}

static void put(writer *w, const char *text)
{
	if (!*text)
		return;
	end_part(w);
	space(w);
	cx_buf_puts(w->out, text);
}

static void write_template(writer *w, const node *n, const char *left, const char *right)
{
	if (n->is_optional) {
		if (one_in(2)) /* else the next part ends this one */
			end_part(w);
		w->is_part_open = false;
		space(w);
		cx_buf_putf(w->out, "/*?%s %sp%u%s */", n->is_block ? "{" : "", n->test == 1 ? "!" : "",
					n->tested,
					n->test == 2   ? " = 'a'"
					: n->test == 3 ? "= 'b'"
								   : "");
	}
	put(w, left);
	put(w, n->text ? n->text : n->before);
	for (size_t i = 0; i < n->kid_count; i++)
		write_template(w, n->kids[i], n->is_trailing || i == 0 ? "" : n->separator,
					   n->is_trailing && i + 1 < n->kid_count ? n->separator : "");
	if (!n->text)
		put(w, n->after);
	put(w, right);
	if (n->is_optional && n->is_block) {
		if (one_in(2)) /* else the block's end does */
			end_part(w);
		w->is_part_open = false;
		cx_buf_puts(w->out, " /*?}*/");
	} else if (n->is_optional) {
		w->is_part_open = true;
	}
}

/* ---- The reference -------------------------------------------------------------------------- */

static bool is_kept(const node *n, const uint8_t *states)
{
	unsigned state = states[n->tested];

	return !n->is_optional || (n->test == 0   ? state != 0
							   : n->test == 1 ? state == 0
											  : state == (unsigned)n->test - 1);
}

/* Writes what is left of it; nothing when nothing is. */
static void write_reference(cx_buf *out, const node *n, const uint8_t *states,
							const char *separator)
{
	cx_buf inner = CX_BUF_INIT(1u << 20);

	if (!is_kept(n, states))
		return;
	if (n->text)
		cx_buf_puts(&inner, n->text);
	for (size_t i = 0; i < n->kid_count; i++)
		write_reference(&inner, n->kids[i], states, inner.length ? n->separator : "");
	/* a table or a verb with nothing more to say stays; a clause does not */
	if (inner.length || (!n->text && !strncmp(n->before, "from", 4)))
		cx_buf_putf(out, " %s %s %s %s", separator, n->text ? "" : n->before,
					inner.length ? inner.data : "", n->text ? "" : n->after);
	cx_buf_free(&inner);
}

/* ---- Comparing ------------------------------------------------------------------------------ */

static bool same_tokens(const char *a, const char *b)
{
	cx_lexer x, y;
	cx_token s, t;

	cx_lexer_init(&x, a, strlen(a));
	cx_lexer_init(&y, b, strlen(b));
	do {
		cx_lexer_next_solid(&x, &s);
		cx_lexer_next_solid(&y, &t);
		if (s.kind != t.kind || s.length != t.length || memcmp(s.text, t.text, s.length) != 0)
			return false;
	} while (s.kind != CX_TOKEN_END);
	return true;
}

/* The text with names instead of :ident. */
static void replace_ident(cx_buf *out, const char *text, const char *name)
{
	const char *at;

	while ((at = strstr(text, ":ident")) != NULL) {
		cx_buf_put(out, text, (size_t)(at - text));
		cx_buf_puts(out, name);
		text = at + 6;
	}
	cx_buf_puts(out, text);
}

static void parse(const char *text, const char *source, uint64_t seed)
{
#ifdef CDBC_PG_QUERY
	cx_statement *statement = NULL;
	cdbc_error *err = NULL;
	PgQuerySplitResult result;

	if (cx_statement_parse(text, strlen(text), &cx_dialect_postgresql, NULL, 0, &statement, &err))
		fail_msg("seed %llu: %s\n%s\nof\n%s", (unsigned long long)seed, cdbc_error_message(err),
				 text, source);
	result = pg_query_split_with_parser(statement->sql);
	if (result.error)
		fail_msg("seed %llu: %s\n%s\nof\n%s", (unsigned long long)seed, result.error->message,
				 statement->sql, source);
	pg_query_free_split_result(result);
	cx_statement_unref(statement);
#endif
}

static void set_switches(cx_template *t)
{
	for (size_t i = 0; i < t->part_count; i++) {
		cx_part *p = &t->parts[i];

		p->switch_index = (uint32_t)(t->text[p->name + 1] - '0');
		p->mask = p->test == CX_PART_GIVEN         ? 14
				  : p->test == CX_PART_ABSENT      ? 1
				  : t->text[p->literal + 1] == 'a' ? 2
												   : 4;
	}
	for (size_t i = 0; i < t->token_count; i++)
		if (t->tokens[i].kind == CX_TOKEN_PARAM && t->tokens[i].length == 6 &&
			!memcmp(t->text + t->tokens[i].offset, ":ident", 6))
			t->tokens[i].switch_index = IDENT + 1;
}

/* Each byte's token stands in the template as it does here. */
static void check_origin(const cx_template *t, const uint8_t *states, const char *const *names,
						 const cx_buf *text)
{
	const cx_template_token *origin = NULL;
	cx_lexer lexer;
	cx_token token;

	cx_lexer_init(&lexer, text->data, text->length);
	while (cx_lexer_next_solid(&lexer, &token) != CX_TOKEN_END) {
		assert_int_equal(cx_template_origin(t, states, names, token.offset, &origin, NULL),
						 CDBC_OK);
		assert_non_null(origin);
		if (!origin->switch_index)
			assert_memory_equal(t->text + origin->offset, token.text, token.length);
		if (one_in(4))
			break;
	}
}

static void check_variant(const cx_template *t, const node *tree, uint8_t *states, uint64_t seed)
{
	static const char *const idents[] = {"\"a\"", "t.\"b\"", "\"order\"", "c"};
	const char *names[SWITCHES] = {NULL};
	cx_buf text = CX_BUF_INIT(1u << 20), plain = CX_BUF_INIT(1u << 20),
		   reference = CX_BUF_INIT(1u << 20);
	cx_rendered info;

	names[IDENT] = idents[states[IDENT]];
	assert_int_equal(cx_template_render(t, states, names, &text, &info, NULL), CDBC_OK);
	write_reference(&plain, tree, states, "");
	replace_ident(&reference, plain.data, names[IDENT]);
	if (!same_tokens(text.data, reference.data))
		fail_msg("seed %llu, states %d%d%d%d%d:\n%s\nwanted:\n%s\nof\n%s", (unsigned long long)seed,
				 states[0], states[1], states[2], states[3], states[4], text.data, reference.data,
				 t->text);
	if (cx_template_hash(text.data, text.length) != info.token_hash)
		fail_msg("seed %llu: reads otherwise: %s", (unsigned long long)seed, text.data);
	check_origin(t, states, names, &text);
	parse(text.data, t->text, seed);
	cx_buf_free(&text);
	cx_buf_free(&plain);
	cx_buf_free(&reference);
}

static size_t check_case(uint64_t seed)
{
	cx_buf text = CX_BUF_INIT(1u << 20);
	writer w = {&text, false};
	uint8_t states[SWITCHES] = {0};
	cdbc_error *err = NULL;
	size_t total = 1, count;
	const node *tree;
	cx_template t;

	chance = seed;
	pooled = 0;
	tree = statement();
	write_template(&w, tree, "", "");
	end_part(&w);
	if (cx_template_read(text.data, text.length, &t, &err))
		fail_msg("seed %llu: %s\n%s", (unsigned long long)seed, cdbc_error_message(err), text.data);
	set_switches(&t);
	for (size_t i = 0; i < SWITCHES; i++)
		total *= STATES;
	count = total < VARIANTS_MAX ? total : VARIANTS_MAX;
	for (size_t i = 0; i < count; i++) {
		uint32_t number = below((uint32_t)total);

		for (size_t k = 0; k < SWITCHES; k++, number /= STATES)
			states[k] = (uint8_t)(i == 0 ? 0 : i == 1 ? 3 : number % STATES);
		check_variant(&t, tree, states, seed);
	}
	cx_template_fini(&t);
	cx_buf_free(&text);
	return count;
}

static void test_variants(void **state)
{
	const char *cases = getenv("CDBC_PROPERTY_CASES"), *first = getenv("CDBC_PROPERTY_SEED");
	uint64_t seed = first ? strtoull(first, NULL, 10) : 1;
	size_t n = cases ? strtoul(cases, NULL, 10) : first ? 1 : CASES, variants = 0;

	for (size_t i = 0; i < n; i++)
		variants += check_case(seed + i);
	print_message("# %zu statements with optional parts, %zu texts, seeds from %llu\n", n, variants,
				  (unsigned long long)seed);
#ifndef CDBC_PG_QUERY
	test_skip("not parsed: libpg_query is not there");
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_variants)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
