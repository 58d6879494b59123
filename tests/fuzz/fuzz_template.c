// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a template: every statement that it may become for up to 64 combinations has the
 * tokens that it was meant to have, or is one that the loader refuses; with everything kept and no
 * part in it, the text is itself; forms of forms are themselves. */
#include "base/buf.h"
#include "data/sql/lexer.h"
#include "data/sql/template.h"

#include <cdbc/sql.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_so)
{
	if (!is_so)
		__builtin_trap();
}

static void check_identity(const char *text, size_t length)
{
	cdbc_sql_form *one = NULL, *two = NULL;

	if (cdbc_sql_identity(text, length, &one, NULL))
		return;
	if (!cdbc_sql_identity(cdbc_sql_form_text(one), strlen(cdbc_sql_form_text(one)), &two, NULL))
		cdbc_sql_form_free(two);
	cdbc_sql_form_free(one);
	if (!cdbc_sql_fingerprint(text, length, &one, NULL)) {
		check(strlen(cdbc_sql_form_text(one)) <= length * 2 + 2);
		cdbc_sql_form_free(one);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	cx_template t;
	cx_buf out = CX_BUF_INIT(1u << 22);
	uint8_t states[CX_PARTS_MAX];
	cx_rendered info;

	check_identity(text, size);
	if (cx_template_read(text, size, &t, NULL) == CDBC_OK) {
		for (size_t i = 0; i < t.part_count; i++) {
			t.parts[i].switch_index = (uint32_t)i;
			t.parts[i].mask = 2;
		}
		for (unsigned round = 0; round < 64; round++) {
			for (size_t i = 0; i < t.part_count; i++)
				states[i] = (uint8_t)(round >> i % 6 & 1);
			cx_buf_clear(&out);
			check(cx_template_render(&t, states, NULL, &out, &info, NULL) == CDBC_OK);
			check(out.length <= size * 2 + 1);
			for (size_t offset = 0; offset < out.length; offset += 1 + out.length / 3) {
				const cx_template_token *token = NULL;

				check(cx_template_origin(&t, states, NULL, offset, &token, NULL) == CDBC_OK);
				check(token && token->offset < size);
			}
			if (t.part_count == 0)
				break;
		}
		/* a byte order mark is white space at the beginning only */
		if (t.part_count == 0 && (out.length < 3 || memcmp(out.data, "\xef\xbb\xbf", 3) != 0))
			check(cx_template_hash(out.data ? out.data : "", out.length) == info.token_hash);
	}
	cx_template_fini(&t);
	cx_buf_free(&out);
	return 0;
}
