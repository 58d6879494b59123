// SPDX-License-Identifier: Apache-2.0
/* From libfyaml's events to a tree. Its diagnostics are collected, never printed. Nothing about
 * settings belongs here. */
#include "infra/config/yaml.h"

#include "base/secret.h"
#include "base/text.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct reader {
	struct fy_diag *diag;
	struct fy_parser *parser;
	size_t items_max;
	cx_arena *arena;
	cx_yaml_problem *problem;
	cx_yaml *stack[CX_YAML_DEPTH_MAX];
	size_t depth;
	cx_yaml *root;
	cx_yaml *made;
	char *key; /* read, its value is still to come */
	int64_t key_line;
	int64_t key_column;
	int64_t last_line; /* where the reader is, for what has no token */
	int64_t last_column;
	size_t document_count;
} reader;

static cdbc_status complain(reader *r, int64_t line, int64_t column, const char *format, ...)
	CDBC_PRINTF(4, 5);
static cdbc_status complain(reader *r, int64_t line, int64_t column, const char *format, ...)
{
	va_list args;

	r->problem->line = line;
	r->problem->column = column;
	va_start(args, format);
	vsnprintf(r->problem->text, sizeof r->problem->text, format, args);
	va_end(args);
	return CDBC_CONFIG;
}

static void note_place(reader *r, struct fy_token *token)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

	if (!mark)
		return;
	r->last_line = mark->line + 1;
	r->last_column = mark->column + 1;
}

static cdbc_status refuse_marks(reader *r, struct fy_token *anchor, struct fy_token *tag)
{
	if (!anchor && !tag)
		return CDBC_OK;
	note_place(r, anchor ? anchor : tag);
	if (anchor)
		r->last_column--; /* libfyaml means the name, a reader the & or * before it */
	return complain(r, r->last_line, r->last_column, "%s are not read here",
					anchor ? "anchors and aliases" : "tags");
}

static bool is_null_word(const char *text, size_t length)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0)
			return true;
	return false;
}

static cdbc_status check_key(reader *r, const char *text, size_t length)
{
	const cx_yaml *map = r->stack[r->depth - 1];

	for (const cx_yaml *n = map->first; n; n = n->next)
		if (strcmp(n->key, text) == 0)
			return complain(r, r->last_line, r->last_column,
							"\"%s\" stands here twice, first in line %lld", text,
							(long long)n->key_line);
	if (length == 0)
		return complain(r, r->last_line, r->last_column, "a key is empty");
	return CDBC_OK;
}

/* Only sequences may be long: each key of a mapping is compared with those before it. */
static size_t items_max(const reader *r, const cx_yaml *parent)
{
	return parent->kind == CX_YAML_SEQUENCE ? r->items_max : CX_YAML_ITEMS_MAX;
}

/* Hangs a new node below the collection that is open. */
static cdbc_status add_node(reader *r, cx_yaml_kind kind, cx_yaml **out)
{
	cx_yaml *parent = r->depth ? r->stack[r->depth - 1] : NULL;
	cx_yaml *n = cx_arena_calloc(r->arena, 1, sizeof *n);

	if (!n)
		return CDBC_NOMEM;
	n->made = r->made;
	r->made = n;
	n->kind = kind;
	n->line = r->last_line;
	n->column = r->last_column;
	n->key = r->key;
	n->key_line = r->key_line;
	n->key_column = r->key_column;
	r->key = NULL;
	*out = n;
	if (!parent) {
		r->root = n;
		return CDBC_OK;
	}
	if (++parent->count > items_max(r, parent))
		return complain(r, n->line, n->column, "more than %zu items", items_max(r, parent));
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return CDBC_OK;
}

static bool wants_key(const reader *r)
{
	return r->depth && r->stack[r->depth - 1]->kind == CX_YAML_MAPPING && !r->key;
}

static cdbc_status on_scalar(reader *r, struct fy_token *value)
{
	size_t length = 0;
	const char *text = value ? fy_token_get_text(value, &length) : "";
	bool is_plain = !value || fy_token_scalar_style(value) == FYSS_PLAIN;
	cdbc_status status;
	char *copy;
	cx_yaml *n;

	/* libfyaml 0.7.12 loses about a kilobyte, once, for a quoted scalar with many escapes */
	note_place(r, value);
	if (value && (fy_token_scalar_style(value) == FYSS_SINGLE_QUOTED ||
				  fy_token_scalar_style(value) == FYSS_DOUBLE_QUOTED))
		r->last_column--; /* libfyaml means what is inside the quotes */
	if (!text)
		return CDBC_NOMEM;
	if (memchr(text, 0, length))
		return complain(r, r->last_line, r->last_column, "a NUL character");
	if (cx_utf8_valid_prefix(text, length) != length)
		return complain(r, r->last_line, r->last_column, "not UTF-8");
	copy = cx_arena_strndup(r->arena, text, length);
	if (!copy)
		return CDBC_NOMEM;
	if (wants_key(r)) {
		r->key = copy;
		r->key_line = r->last_line;
		r->key_column = r->last_column;
		return check_key(r, copy, length);
	}
	status =
		add_node(r, is_plain && is_null_word(text, length) ? CX_YAML_NULL : CX_YAML_SCALAR, &n);
	if (status == CDBC_NOMEM) {
		cx_wipe(copy, length);
	} else {
		n->text = copy;
		n->length = length;
	}
	return status;
}

static cdbc_status on_start(reader *r, cx_yaml_kind kind, struct fy_token *start)
{
	cdbc_status status;
	cx_yaml *n;

	note_place(r, start);
	if (wants_key(r))
		return complain(r, r->last_line, r->last_column, "a key must be a word");
	if (r->depth == CX_YAML_DEPTH_MAX)
		return complain(r, r->last_line, r->last_column, "nested deeper than %d levels",
						CX_YAML_DEPTH_MAX);
	status = add_node(r, kind, &n);
	if (status == CDBC_OK)
		r->stack[r->depth++] = n;
	return status;
}

static cdbc_status on_event(reader *r, const struct fy_event *e)
{
	cdbc_status status;

	switch (e->type) {
	case FYET_DOCUMENT_START:
		note_place(r, e->document_start.document_start);
		if (++r->document_count > 1)
			return complain(r, r->last_line, r->last_column, "a second document");
		return CDBC_OK;
	case FYET_ALIAS:
		return refuse_marks(r, e->alias.anchor, NULL);
	case FYET_SCALAR:
		status = refuse_marks(r, e->scalar.anchor, e->scalar.tag);
		return status ? status : on_scalar(r, e->scalar.value);
	case FYET_SEQUENCE_START:
		status = refuse_marks(r, e->sequence_start.anchor, e->sequence_start.tag);
		return status ? status : on_start(r, CX_YAML_SEQUENCE, e->sequence_start.sequence_start);
	case FYET_MAPPING_START:
		status = refuse_marks(r, e->mapping_start.anchor, e->mapping_start.tag);
		return status ? status : on_start(r, CX_YAML_MAPPING, e->mapping_start.mapping_start);
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END:
		r->depth--;
		return CDBC_OK;
	default:
		return CDBC_OK;
	}
}

/* What libfyaml has to say, first error first. */
static cdbc_status explain(reader *r)
{
	static const char mapping[] = "invalid nested block mapping on the same line";
	struct fy_diag_error *e;
	void *iterator = NULL;

	while ((e = fy_diag_errors_iterate(r->diag, &iterator)) != NULL)
		if (e->type == FYET_ERROR && e->msg)
			return complain(r, e->line > 0 ? e->line : 1, e->column > 0 ? e->column : 1, "%s",
							strcmp(e->msg, mapping) != 0
								? e->msg
								: "a second `:` in one line: put the value in quotes");
	return complain(r, r->last_line, r->last_column, "not YAML");
}

static cdbc_status open_parser(reader *r, const char *text, size_t length)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
										FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE};

	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.level = FYET_ERROR;
	diag_cfg.colorize = false;
	r->diag = fy_diag_create(&diag_cfg);
	if (!r->diag)
		return CDBC_NOMEM;
	fy_diag_set_collect_errors(r->diag, true);
	cfg.diag = r->diag;
	r->parser = fy_parser_create(&cfg);
	if (!r->parser || fy_parser_set_string(r->parser, text, length))
		return CDBC_NOMEM;
	return CDBC_OK;
}

static cdbc_status read_events(reader *r)
{
	cdbc_status status = CDBC_OK;
	struct fy_event *event;

	while (status == CDBC_OK && (event = fy_parser_parse(r->parser)) != NULL) {
		status = on_event(r, event);
		fy_parser_event_free(r->parser, event);
	}
	if (status == CDBC_OK && (fy_parser_get_stream_error(r->parser) || r->depth))
		status = explain(r);
	return status;
}

/* libfyaml takes control characters and broken UTF-8 in its own ways; said here they have one
 * message. */
static cdbc_status check_bytes(reader *r, const char *text, size_t length)
{
	size_t valid = cx_utf8_valid_prefix(text, length);
	int64_t line = 1, column = 1;
	size_t i;

	for (i = 0; i < valid; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
			return complain(r, line, column, "a control character (%d)", c);
		if (c == '\n') {
			line++;
			column = 1;
		} else if ((c & 0xc0) != 0x80) {
			column++;
		}
	}
	return valid == length ? CDBC_OK : complain(r, line, column, "not UTF-8");
}

cdbc_status cx_yaml_read(const char *text, size_t length, cx_arena *arena, cx_yaml **root,
						 cx_yaml_problem *problem)
{
	return cx_yaml_read_large(text, length, CX_YAML_BYTES_MAX, CX_YAML_ITEMS_MAX, arena, root,
							  problem);
}

cdbc_status cx_yaml_read_large(const char *text, size_t length, size_t bytes_max,
							   size_t sequence_max, cx_arena *arena, cx_yaml **root,
							   cx_yaml_problem *problem)
{
	reader r = {.arena = arena,
				.problem = problem,
				.items_max = sequence_max,
				.last_line = 1,
				.last_column = 1};
	cdbc_status status;

	if (length > bytes_max)
		return complain(&r, 1, 1, "longer than %zu bytes", bytes_max);
	status = check_bytes(&r, text, length);
	if (status)
		return status;
	status = open_parser(&r, text, length);
	if (status == CDBC_OK)
		status = read_events(&r);
	if (r.parser)
		fy_parser_destroy(r.parser);
	if (r.diag)
		fy_diag_destroy(r.diag);
	if (status) {
		for (cx_yaml *n = r.made; n; n = n->made)
			cx_wipe(n->text, n->length);
		return status;
	}
	if (r.root)
		r.root->made = r.made; /* a ring: the root is the last of the list */
	*root = r.root;
	return CDBC_OK;
}

void cx_yaml_wipe(cx_yaml *tree)
{
	cx_yaml *n;

	if (!tree)
		return;
	cx_wipe(tree->text, tree->length);
	for (n = tree->made; n && n != tree; n = n->made)
		cx_wipe(n->text, n->length);
}
