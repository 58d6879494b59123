// SPDX-License-Identifier: Apache-2.0
/* Optional parts: what each mark means, what goes with a part that is taken out, a row a rule; and
 * random templates beside a reference made by hand. */
#include "base/alloc.h"
#include "base/buf.h"
#include "data/sql/lexer.h"
#include "data/sql/template.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A switch for each letter: part names are one letter long here. State 1 is given. */
static void resolve(cx_template *t)
{
	for (size_t i = 0; i < t->part_count; i++) {
		cx_part *part = &t->parts[i];

		part->switch_index = (uint32_t)(t->text[part->name] - 'a');
		part->mask = part->test == CX_PART_ABSENT ? 1u : part->test == CX_PART_GIVEN ? 2u : 4u;
	}
}

/* Renders with the letters of given; an upper-case letter is "equal". */
static char *render(const char *text, const char *given, cx_rendered *info)
{
	cx_buf out = CX_BUF_INIT(1u << 20);
	uint8_t states[26] = {0};
	cx_template t;
	cdbc_error *err = NULL;
	char *result;

	for (; *given; given++) {
		if (*given >= 'a')
			states[*given - 'a'] = 1;
		else
			states[*given - 'A'] = 2;
	}
	if (cx_template_read(text, strlen(text), &t, &err))
		fail_msg("%s: %s", text, cdbc_error_message(err));
	resolve(&t);
	assert_int_equal(cx_template_render(&t, states, NULL, &out, info, NULL), CDBC_OK);
	cx_template_fini(&t);
	result = strdup(out.data ? out.data : "");
	cx_buf_free(&out);
	return result;
}

static const struct {
	const char *text, *given, *expected;
} rows[] = {
	/* what is kept: given, not given, equal */
	{"select 1 /*? a */ where x = :a /*?*/", "a", "select 1 where x = :a"},
	{"select 1 /*? a */ where x = :a /*?*/", "", "select 1"},
	{"select 1 /*? !a */ where x /*?*/", "", "select 1 where x"},
	{"select 1 /*? !a */ where x /*?*/", "a", "select 1"},
	{"select 1 /*? a = 'x' */ where x /*?*/", "a", "select 1"},
	{"select 1 /*? a = 'x' */ where x /*?*/", "A", "select 1 where x"},
	{"select 1 /*?a*/ where x /*? */", "a", "select 1 where x"},
	/* a part ends at the next one */
	{"select 1 /*? a */ , 2 /*? b */ , 3 /*?*/ , 4", "", "select 1, 4"},
	{"select 1 /*? a */ , 2 /*? b */ , 3 /*?*/ , 4", "a", "select 1, 2, 4"},
	{"select 1 /*? a */ , 2 /*? b */ , 3 /*?*/ , 4", "b", "select 1, 3, 4"},
	{"select 1 /*? a */ , 2 /*? !a */ , 3 /*?*/", "", "select 1, 3"},
	/* blocks nest; a block ends the part before it */
	{"select 1 /*?{ a */ , 2 /*? b */ , 3 /*?*/ , 4 /*?}*/ , 5", "", "select 1, 5"},
	{"select 1 /*?{ a */ , 2 /*? b */ , 3 /*?*/ , 4 /*?}*/ , 5", "b", "select 1, 5"},
	{"select 1 /*?{ a */ , 2 /*? b */ , 3 /*?*/ , 4 /*?}*/ , 5", "a", "select 1, 2, 4, 5"},
	{"select 1 /*?{ a */ , 2 /*? b */ , 3 /*?*/ , 4 /*?}*/ , 5", "ab", "select 1, 2, 3, 4, 5"},
	{"select 1 /*?{ a */ /*?{ b */ /*?{ c */ , 2 /*?}*/ , 3 /*?}*/ , 4 /*?}*/", "abc",
	 "select 1, 2, 3, 4"},
	{"select 1 /*?{ a */ /*?{ b */ /*?{ c */ , 2 /*?}*/ , 3 /*?}*/ , 4 /*?}*/", "ac",
	 "select 1, 4"},
	{"select 1 /*?{ a */ , 2 /*? b */ , 3 /*?}*/ , 4", "a", "select 1, 2, 4"},
	{"select 1 /*? a */ , 2 /*?{ b */ , 3 /*?}*/ , 4", "b", "select 1, 3, 4"},
	{"select 1 /*?{ !a */ , 2 /*?}*/ /*?{ a = 'x' */ , 3 /*?}*/", "A", "select 1, 3"},
	/* a connective beside it */
	{"select 1 where /*? a */ x and /*?*/ y", "", "select 1 where y"},
	{"select 1 where x /*? a */ and y /*?*/", "", "select 1 where x"},
	{"select 1 where /*? a */ x /*?*/ and y", "", "select 1 where y"},
	{"select 1 where x and /*? a */ y /*?*/ and z", "", "select 1 where x and z"},
	{"select 1 where x and /*? a */ y /*?*/", "", "select 1 where x"},
	{"select 1 where x or /*? a */ y /*?*/ or z", "", "select 1 where x or z"},
	{"select 1 where x and /*? a */ y /*?*/ or z", "", "select 1 where x or z"},
	{"select 1 where x or /*? a */ y /*?*/ and z", "", "select 1 where x or z"},
	{"select 1 where x AND /*? a */ y /*?*/ Order by z", "", "select 1 where x Order by z"},
	{"select /*? a */ x /*?*/ , y from t", "", "select y from t"},
	{"select x, /*? a */ y, /*?*/ z from t", "", "select x, z from t"},
	{"select x, /*? a */ y /*?*/ from t", "", "select x from t"},
	{"select x /*? a */, y /*?*/ from t", "", "select x from t"},
	{"select f(/*? a */ x, /*?*/ y)", "", "select f(y)"},
	{"select f(x, /*? a */ y /*?*/)", "", "select f(x)"},
	{"select array[x, /*? a */ y /*?*/]", "", "select array[x]"},
	{"select 1 order by /*? a */ x /*?*/ , y", "", "select 1 order by y"},
	{"update t set /*? a */ x = 1 /*?*/ , y = 2 where z", "", "update t set y = 2 where z"},
	{"insert into t values /*? a */ (1) /*?*/ , (2)", "", "insert into t values (2)"},
	{"with x as (select 1), /*? a */ y as (select 2) /*?*/ select 3", "",
	 "with x as (select 1) select 3"},
	{"with x as (select 1), /*? a */ y as (select 2) /*?*/ delete from t where z", "",
	 "with x as (select 1) delete from t where z"},
	{"select case when x and /*? a */ y /*?*/ then 1 else 2 end", "",
	 "select case when x then 1 else 2 end"},
	{"select 1 where x and /*? a */ y /*?*/ left join u on true", "",
	 "select 1 where x left join u on true"},
	{"select 1 where /*? a */ y and /*?*/ left(x, 1) = 'l'", "", "select 1 where left(x, 1) = 'l'"},
	{"select 1 where x and not /*? a */ y /*?*/", "", "select 1 where x"},
	/* not the and of between */
	{"select 1 where x between 1 and /*? a */ 2 + /*?*/ 3", "", "select 1 where x between 1 and 3"},
	{"select 1 where /*? a */ x and /*?*/ y between 1 and 2", "",
	 "select 1 where y between 1 and 2"},
	{"select 1 where x between 1 and 2 and /*? a */ y /*?*/ and z", "",
	 "select 1 where x between 1 and 2 and z"},
	{"select 1 where x between 1 and 2 /*? a */ and y /*?*/", "",
	 "select 1 where x between 1 and 2"},
	{"select 1 where x between (select 1 where p and /*? a */ q /*?*/) and 2", "",
	 "select 1 where x between (select 1 where p) and 2"},
	{"select 1 where x between case when p and /*? a */ q /*?*/ then 1 end and 2", "",
	 "select 1 where x between case when p then 1 end and 2"},
	/* clauses with nothing after them */
	{"select 1 where /*? a */ x /*?*/", "", "select 1"},
	{"select 1 where /*? a */ x /*? b */ and y /*?*/", "", "select 1"},
	{"select 1 where /*? a */ x /*? b */ and y /*?*/", "b", "select 1 where y"},
	{"select 1 where /*? a */ x /*?*/ order by y", "", "select 1 order by y"},
	{"select 1 where /*? a */ x /*?*/ limit 1", "", "select 1 limit 1"},
	{"select 1 where /*? a */ x /*?*/ union select 2", "", "select 1 union select 2"},
	{"select (select 1 where /*? a */ x /*?*/)", "", "select (select 1)"},
	{"select 1 group by x having /*? a */ y /*?*/ order by x", "",
	 "select 1 group by x order by x"},
	{"select 1 order by /*? a */ x /*?*/ limit 1", "", "select 1 limit 1"},
	{"select 1 group by /*? a */ x /*? b */ , y /*?*/ order by z", "", "select 1 order by z"},
	{"select 1 group by /*? a */ x /*? b */ , y /*?*/ order by z", "b",
	 "select 1 group by y order by z"},
	{"select 1 from a join b on /*? a */ x /*?*/ where y", "", "select 1 from a join b where y"},
	{"insert into t values (1) on conflict (x) do update set /*? a */ y = 2 /*?*/", "",
	 "insert into t values (1) on conflict (x) do update"},
	/* names that look like clauses are names */
	{"select t.where /*? a */ , 1 /*?*/ from t", "", "select t.where from t"},
	{"select 1 where t.and /*? a */ and x /*?*/", "", "select 1 where t.and"},
	{"select \"where\" /*? a */ , 1 /*?*/ from t", "", "select \"where\" from t"},
	/* brackets with nothing in them, and their connective */
	{"select 1 where x and (/*? a */ y /*?*/)", "", "select 1 where x"},
	{"select 1 where (/*? a */ y /*?*/) and x", "", "select 1 where x"},
	{"select 1 where (/*? a */ y /*?*/)", "", "select 1"},
	{"select 1 where x and ((/*? a */ y /*? b */ or z /*?*/)) or u", "", "select 1 where x or u"},
	{"select 1 where x and (/*? a */ y /*? b */ or z /*?*/)", "b", "select 1 where x and (z)"},
	{"select 1 where x and not (/*? a */ y /*?*/) order by z", "", "select 1 where x order by z"},
	{"insert into t values (1), (/*? a */ 2 /*?*/), (3)", "", "insert into t values (1), (3)"},
	{"select now() /*? a */ , 1 /*?*/", "", "select now()"},
	{"select count(/*? a */ x /*?*/)", "", "select count()"},
	/* strings, comments and dollar quotes are not looked into */
	{"select '/*? a */ x /*?*/', $$/*? a */$$ /*? a */ , 1 /*?*/", "",
	 "select '/*? a */ x /*?*/', $$/*? a */$$"},
	{"select 1 -- and\n where x and -- why\n/*? a */ y /*?*/ -- end\n", "",
	 "select 1 -- and\n where x"},
	{"select 1\n where x\n/*? a */   and y\n/*?*/\n order by z", "",
	 "select 1\n where x\n order by z"},
	{"select 1\n where x\n/*? a */   and y\n/*?*/\n order by z", "a",
	 "select 1\n where x\n   and y\n order by z"},
	{"select 1 /*? a */ , 2 /* kept */ /*?*/ , 3", "a", "select 1, 2 /* kept */, 3"},
	{"select a/*? a */+/*?*/b", "a", "select a + b"},
	/* the end */
	{"select 1 /*? a */ , 2 /*?*/ ;", "", "select 1"},
	{"/*? a */ select 1 /*? !a */ select 2 /*?*/", "", "select 2"},
	{"/*? a */ select 1 /*?*/", "", ""},
};

static void test_rules(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cx_rendered info;
		char *text = render(rows[i].text, rows[i].given, &info);

		if (strcmp(text, rows[i].expected) != 0)
			fail_msg("%s [%s]\nwas:    %s\nwanted: %s", rows[i].text, rows[i].given, text,
					 rows[i].expected);
		if (info.token_hash != cx_template_hash(text, strlen(text)))
			fail_msg("%s: reads otherwise", text);
		free(text);
	}
}

/* What is left without its condition. */
static void test_lost(void **state)
{
	static const struct {
		const char *text, *given;
		bool is_where_lost, is_set_lost;
	} lost[] = {
		{"delete from t where /*? a */ x /*?*/", "", true, false},
		{"delete from t where /*? a */ x /*?*/", "a", false, false},
		{"delete from t /*? a */ where x /*?*/ returning y", "", true, false},
		{"delete from t where x /*? a */ and y /*?*/", "", false, false},
		{"delete from t", "", false, false},
		{"update t set x = 1 where /*? a */ x /*?*/", "", true, false},
		{"update t set /*? a */ x = 1 /*?*/ where y", "", false, true},
		{"with d as (delete from t where /*? a */ x /*?*/ returning 1) select 1 from d where z", "",
		 true, false},
		{"with d as (select 1) delete from t where /*? a */ x /*?*/", "", true, false},
		{"explain analyze delete from t where /*? a */ x /*?*/", "", true, false},
		{"select 1 where /*? a */ x /*?*/", "", false, false},
		{"select 1 where /*? a */ x /*?*/ for update", "", false, false},
		{"insert into t values (1) on conflict do update set x = 1 where /*? a */ x /*?*/", "",
		 false, false},
		{"update t set x = (select 1 where /*? a */ y /*?*/)", "", false, false},
		{"update t set x = (select 1 where y) where /*? a */ y /*?*/", "", true, false},
		{"delete from t where (/*? a */ x /*? b */ or y /*?*/)", "", true, false},
		{"/*? a */ delete from t where x /*? !a */ delete from t /*?*/", "", false, false},
		{"/*? !a */ delete from t /*? a */ delete from t where x /*?*/", "", false, false},
		{"/*?{ a */ update t set x = 1 where y /*?}*/ /*?{ !a */ delete from t where /*? b */ x "
		 "/*?*/ /*?}*/",
		 "", true, false},
		{"delete from \"t\" /*? a */ using update /*?*/ where /*? b */ x /*?*/", "", true, false},
	};

	for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
		cx_rendered info;

		free(render(lost[i].text, lost[i].given, &info));
		if ((info.lost_where != NULL) != lost[i].is_where_lost ||
			(info.lost_set != NULL) != lost[i].is_set_lost)
			fail_msg("%s", lost[i].text);
	}
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *message;
		int64_t column;
	} bad[] = {
		{"select 1 /*? a */ , 2", "an optional part without its end", 10},
		{"select 1 /*?{ a */ , 2", "a block without its end", 10},
		{"select 1 /*?{ a */ , 2 /*?*/", "the end of an optional part where none is open", 24},
		{"select 1 /*?*/", "the end of an optional part where none is open", 10},
		{"select 1 /*?}*/", "the end of a block where none is open", 10},
		{"select 1 /*? !*/ /*?*/", "an optional part without a parameter's name", 10},
		{"select 1 /*? 'x' */ /*?*/", "an optional part without a parameter's name", 10},
		{"select 1 /*? a b */ /*?*/", "an optional part's condition is not understood", 10},
		{"select 1 /*? a = */ /*?*/", "a literal is missing in an optional part", 10},
		{"select 1 /*? a = 'x' b */ /*?*/", "an optional part's condition is not understood", 10},
		{"select 1 /*? a <> 'x' */ /*?*/", "an optional part's condition is not understood", 10},
		{"select 1 /*? !a = 'x' */ /*?*/", "an optional part's condition is not understood", 10},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cdbc_error *err = NULL;
		cx_template t;

		assert_int_equal(cx_template_read(bad[i].text, strlen(bad[i].text), &t, &err),
						 CDBC_SQL_FILE);
		cx_template_fini(&t);
		assert_string_equal(cdbc_error_message(err), bad[i].message);
		assert_int_equal(cdbc_error_column(err), bad[i].column);
		cdbc_error_free(err);
	}
}

/* ---- Random templates beside a reference ---------------------------------------------------- */

static uint64_t seed = 42;

static unsigned roll(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* A condition, a list, or a tree of them, written as a template and as what is to be left of it for
 * the letters given. The reference is made from the tree: what is empty is not there. */
typedef struct pair {
	cx_buf template;
	cx_buf wanted;
} pair;

/* Writes terms joined by a word, each maybe optional, the connective before the term or inside its
 * part, brackets around some. Returns how many are left. */
static unsigned terms(pair *out, const char *word, unsigned depth, unsigned given, bool is_inside)
{
	unsigned count = 1 + roll(4), left = 0;

	for (unsigned i = 0; i < count; i++) {
		bool is_optional = roll(3) != 0, is_not = is_optional && roll(4) == 0;
		unsigned letter = roll(6);
		bool is_kept = !is_optional || ((given >> letter & 1) != 0) != is_not;
		bool is_group = depth && roll(4) == 0;
		const char *open = is_group && is_optional ? "{" : "";
		cx_buf name = CX_BUF_INIT(100);
		pair inner = {CX_BUF_INIT(1u << 20), CX_BUF_INIT(1u << 20)};
		unsigned inside = 1;

		if (is_group)
			inside = terms(&inner, word[1] == 'a' ? " or " : " and ", depth - 1, given, is_inside);
		else
			cx_buf_putf(&name, "x%u", roll(1000));
		if (i && (!is_inside || !is_optional))
			cx_buf_puts(&out->template, word);
		if (is_optional)
			cx_buf_putf(&out->template, " /*?%s %s%c */ ", open, is_not ? "!" : "",
						'a' + (char)letter);
		if (i && is_inside && is_optional)
			cx_buf_puts(&out->template, word);
		if (is_group)
			cx_buf_putf(&out->template, " ( %s ) ", inner.template.data);
		else
			cx_buf_putf(&out->template, " %s ", name.data);
		if (is_optional)
			cx_buf_puts(&out->template, is_group ? " /*?}*/ " : " /*?*/ ");
		if (is_kept && inside) {
			if (left++)
				cx_buf_puts(&out->wanted, word);
			if (is_group)
				cx_buf_putf(&out->wanted, " ( %s ) ", inner.wanted.data);
			else
				cx_buf_putf(&out->wanted, " %s ", name.data);
		}
		cx_buf_free(&name);
		cx_buf_free(&inner.template);
		cx_buf_free(&inner.wanted);
	}
	return left;
}

static void clause(pair *out, const char *before, const char *word, unsigned depth, unsigned given)
{
	pair inner = {CX_BUF_INIT(1u << 20), CX_BUF_INIT(1u << 20)};
	unsigned left = terms(&inner, word, depth, given, roll(2));

	cx_buf_putf(&out->template, " %s %s", before, inner.template.data);
	if (left)
		cx_buf_putf(&out->wanted, " %s %s", before, inner.wanted.data);
	cx_buf_free(&inner.template);
	cx_buf_free(&inner.wanted);
}

static bool same_tokens(const char *a, const char *b)
{
	return cx_template_hash(a, strlen(a)) == cx_template_hash(b, strlen(b));
}

static void test_random(void **state)
{
	for (unsigned round = 0; round < 3000; round++) {
		uint64_t start = seed;

		for (unsigned given = 0; given < 64; given += 1 + roll(7)) {
			pair p = {CX_BUF_INIT(1u << 20), CX_BUF_INIT(1u << 20)};
			char letters[8], *text, *at = letters;
			uint64_t after = seed;

			seed = start;
			for (unsigned i = 0; i < 6; i++)
				if (given >> i & 1)
					*at++ = (char)('a' + i);
			*at = '\0';
			cx_buf_puts(&p.template, "select 1, 2 from t");
			cx_buf_puts(&p.wanted, "select 1, 2 from t");
			clause(&p, "where", roll(2) ? " and " : " or ", 3, given);
			clause(&p, "group by", " , ", 0, given);
			clause(&p, "having", " and ", 2, given);
			clause(&p, "order by", " , ", 0, given);
			text = render(p.template.data, letters, NULL);
			if (!same_tokens(text, p.wanted.data))
				fail_msg("%s [%s]\nwas:    %s\nwanted: %s", p.template.data, letters, text,
						 p.wanted.data);
			free(text);
			cx_buf_free(&p.template);
			cx_buf_free(&p.wanted);
			seed = after;
		}
		seed = start * 31 + round;
	}
}

static cdbc_status scenario(void *data, cdbc_error **err)
{
	const char *text = data;
	cx_buf out = CX_BUF_INIT(1u << 20);
	uint8_t states[26] = {0};
	cx_rendered info;
	cx_template t;
	cdbc_status status = cx_template_read(text, strlen(text), &t, err);

	if (!status) {
		resolve(&t);
		status = cx_template_render(&t, states, NULL, &out, &info, err);
	}
	cx_template_fini(&t);
	cx_buf_free(&out);
	return status;
}

static void test_out_of_memory(void **state)
{
	char text[] =
		"delete from t where (((((/*? a */ x /*?{ b */ and y /*? c */ or case when x and y "
		"then z end /*?}*/)))))";

	assert_true(oom_run(scenario, text) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),         cmocka_unit_test(test_lost),
		cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_random),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
