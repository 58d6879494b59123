// SPDX-License-Identifier: Apache-2.0
/* Any bytes as JSON: tokens that lie in the text, in order; skipping comes to the same end; a text
 * written again reads as itself; parameters, or an error with a place in the text. */
#include "base/json.h"
#include "must.h"

#include <stdlib.h>

#define DEPTH 64
static void write_again(cx_json *r)
{
	cx_buf out = CX_BUF_INIT((size_t)1 << 26);
	char *text = malloc(r->length + 1), *again = NULL;
	size_t length, again_length;
	cx_json copy;

	MUST(text);
	if (cx_json_decode(r, text, &length)) {
		MUST(length <= r->length && cx_json_is(r, text, length));
		cx_json_put_string(&out, text, length);
		cx_json_init(&copy, out.data, out.length, 0);
		MUST(cx_json_next(&copy) == CX_JSON_STRING);
		again = malloc(copy.length + 1);
		MUST(again && cx_json_decode(&copy, again, &again_length));
		MUST(again_length == length && cx_json_is(r, again, length));
	} else {
		MUST(r->kind == CX_JSON_BAD);
	}
	free(text);
	free(again);
	cx_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = text + size, *at = text;
	cx_arena arena = CX_ARENA_INIT;
	cdbc_param *params;
	size_t count;
	cx_json r;

	cx_json_init(&r, text, size, DEPTH);
	while (cx_json_next(&r) > CX_JSON_END) {
		cx_json copy = r;

		MUST(cx_json_at(&r) >= at && r.text + r.length <= r.p && r.p <= end && r.depth <= DEPTH);
		at = r.p;
		if (r.kind == CX_JSON_STRING || r.kind == CX_JSON_NAME)
			write_again(&copy);
	}
	MUST(r.p >= at && r.p <= end);
	MUST((r.kind == CX_JSON_END) == cx_json_is_valid(text, size, DEPTH));
	MUST((r.kind == CX_JSON_BAD) == (r.wrong != NULL));
	at = r.p;
	cx_json_init(&r, text, size, DEPTH);
	cx_json_next(&r);
	cx_json_skip(&r);
	cx_json_next(&r);
	MUST(r.p == at);
	cx_json_init(&r, text, size, DEPTH);
	cx_json_next(&r);
	if (cx_json_params(&r, &arena, 100, &params, &count, NULL) == CDBC_OK)
		MUST(count <= 100 && !r.wrong);
	else
		MUST(r.wrong && r.p <= end);
	cx_arena_free(&arena);
	return 0;
}
