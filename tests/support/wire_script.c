// SPDX-License-Identifier: Apache-2.0
// Builds scripts. Steps are run by wire_act.c.
#include "wire_script.h"

#include <stdlib.h>
#include <string.h>

struct wire_script {
	wire_step *steps;
	size_t count;
};

wire_script *wire_script_new(void)
{
	wire_script *script = calloc(1, sizeof *script);
	if (script == NULL)
		abort();
	return script;
}

void wire_script_free(wire_script *script)
{
	if (script == NULL)
		return;
	for (size_t i = 0; i < script->count; i++) {
		free(script->steps[i].sql);
		wire_bytes_fini(&script->steps[i].bytes);
	}
	free(script->steps);
	free(script);
}

static wire_step *add_step(wire_script *script, wire_step_kind kind)
{
	wire_step *grown = realloc(script->steps, (script->count + 1) * sizeof *grown);
	if (grown == NULL)
		abort();
	script->steps = grown;
	wire_step *step = &grown[script->count++];
	*step = (wire_step){.kind = kind, .times = 1, .limit = SIZE_MAX};
	return step;
}

void wire_script_handshake(wire_script *script)
{
	add_step(script, WIRE_STEP_HANDSHAKE);
}

void wire_script_accept(wire_script *script)
{
	add_step(script, WIRE_STEP_ACCEPT);
}

void wire_script_expect(wire_script *script, char type, const char *sql)
{
	wire_step *step = add_step(script, WIRE_STEP_EXPECT);
	step->type = type;
	step->sql = sql != NULL ? strdup(sql) : NULL;
}

wire_bytes *wire_script_send(wire_script *script)
{
	return &add_step(script, WIRE_STEP_SEND)->bytes;
}

wire_bytes *wire_script_send_times(wire_script *script, size_t times)
{
	wire_step *step = add_step(script, WIRE_STEP_SEND);
	step->times = times;
	return &step->bytes;
}

wire_bytes *wire_script_send_first(wire_script *script, size_t limit)
{
	wire_step *step = add_step(script, WIRE_STEP_SEND);
	step->limit = limit;
	return &step->bytes;
}

wire_bytes *wire_script_flood(wire_script *script)
{
	return &add_step(script, WIRE_STEP_FLOOD)->bytes;
}

void wire_script_error(wire_script *script, const char *sqlstate, const char *message)
{
	wire_put_error_text(&add_step(script, WIRE_STEP_ERROR)->bytes, sqlstate, message);
}

void wire_script_close(wire_script *script)
{
	add_step(script, WIRE_STEP_CLOSE);
}

void wire_script_reset(wire_script *script)
{
	add_step(script, WIRE_STEP_RESET);
}

void wire_script_stall(wire_script *script)
{
	add_step(script, WIRE_STEP_STALL);
}

void wire_script_hold(wire_script *script)
{
	add_step(script, WIRE_STEP_HOLD);
}

void wire_script_wait_cancel(wire_script *script)
{
	add_step(script, WIRE_STEP_WAIT_CANCEL);
}

void wire_script_serve(wire_script *script)
{
	add_step(script, WIRE_STEP_SERVE);
}

void wire_script_answer(wire_script *script, size_t limit)
{
	add_step(script, WIRE_STEP_ANSWER)->limit = limit;
}

size_t wire_script_count(const wire_script *script)
{
	return script->count;
}

const wire_step *wire_script_step(const wire_script *script, size_t index)
{
	return &script->steps[index];
}

bool wire_script_reads_first(const wire_script *script)
{
	return script->count > 0 && (script->steps[0].kind == WIRE_STEP_HANDSHAKE ||
								 script->steps[0].kind == WIRE_STEP_ACCEPT);
}
