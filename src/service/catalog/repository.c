// SPDX-License-Identifier: Apache-2.0
/* Generations: made, put in force, given back. How one is put together is generation.c's; when a
 * folder has changed is watch.c's. */
#include "service/catalog/repository.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "service/catalog/generation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- In force ------------------------------------------------------------------------------- */

void cx_repository_renew(cx_repository *repository, cdbc_catalog **held)
{
	cdbc_catalog *old = *held;

	cx_mutex_lock(&repository->lock);
	*held = cx_catalog_ref(atomic_load_explicit(&repository->current, memory_order_relaxed));
	cx_mutex_unlock(&repository->lock);
	cdbc_catalog_free(old);
}

/* The one place where a generation comes into force. */
static void publish(cx_repository *repository, cdbc_catalog *catalog, const char *refused)
{
	cdbc_catalog *old;

	repository->generation = cdbc_catalog_generation(catalog);
	cx_mutex_lock(&repository->lock);
	old = atomic_exchange(&repository->current, catalog);
	repository->state.generation = repository->generation;
	repository->state.query_count = cdbc_catalog_count(catalog);
	repository->state.loaded_s = (int64_t)time(NULL);
	snprintf(repository->state.refused, sizeof repository->state.refused, "%s", refused);
	cx_mutex_unlock(&repository->lock);
	cdbc_catalog_free(old);
}

/* Remembers why the last load failed. False: it is what the one before failed of. */
static bool refuse(cx_repository *repository, const cdbc_error *error)
{
	char text[CX_REFUSED_BYTES];
	bool is_new;

	snprintf(text, sizeof text, "%s", error ? cdbc_error_message(error) : "out of memory");
	cx_mutex_lock(&repository->lock);
	is_new = strcmp(repository->state.refused, text) != 0;
	memcpy(repository->state.refused, text, sizeof text);
	cx_mutex_unlock(&repository->lock);
	return is_new;
}

void cx_repository_look(cx_repository *repository, cx_repository_state *out)
{
	cx_mutex_lock(&repository->lock);
	*out = repository->state;
	cx_mutex_unlock(&repository->lock);
}

void cx_repository_tell(cx_repository *repository, int64_t began_ns, const cdbc_error *error)
{
	cx_repository_state state;
	char text[128];
	cdbc_event event = {.kind = CDBC_EVENT_CATALOG, .error = error};

	if (!cx_events_wants(repository->events, event.kind))
		return;
	cx_repository_look(repository, &state);
	snprintf(text, sizeof text, "generation %" PRIu64 "%s, %zu queries", state.generation,
			 error ? " stays" : "", state.query_count);
	event.id = state.generation;
	event.row_count = (int64_t)state.query_count;
	event.text = text;
	event.time_ns = cx_clock_now_ns();
	event.duration_ns = event.time_ns - began_ns;
	cx_events_emit(repository->events, &event);
}

/* ---- Loading -------------------------------------------------------------------------------- */

static cdbc_status read_folders(const cx_repository *repository, cdbc_catalog **out,
								cdbc_error **err)
{
	cdbc_catalog *files = NULL;
	cdbc_status status = cdbc_catalog_new(&files, err);

	if (!status && repository->embedded)
		status = cdbc_catalog_add_embedded(files, repository->embedded, err);
	for (size_t i = 0; i < repository->folder_count && !status; i++)
		status = cdbc_catalog_load_style(files, repository->folders[i],
										 i < repository->folder_count - repository->sqlc_count
											 ? CDBC_STYLE_CDBC
											 : CDBC_STYLE_SQLC,
										 err);
	if (status) {
		cdbc_catalog_free(files);
		return status;
	}
	if (repository->files)
		cx_catalog_inherit(files, repository->files);
	*out = files;
	return CDBC_OK;
}

/* The next generation, of these files and what is registered; what is saved is in the files, when
 * those are new. */
static cdbc_status compose(const cx_repository *repository, cdbc_catalog *files, bool has_saved,
						   cdbc_catalog **out, cdbc_error **err)
{
	cdbc_catalog **parts = cx_calloc(repository->registered_count + 1, sizeof(cdbc_catalog *));
	size_t count = 0;
	cdbc_status status;

	if (!parts)
		return cx_error_nomem(err);
	parts[count++] = files;
	for (size_t i = 0; i < repository->registered_count; i++)
		if (!has_saved || !repository->registered[i].is_saved)
			parts[count++] = repository->registered[i].catalog;
	status = cx_catalog_compose(parts, count, repository->generation + 1, out, err);
	cx_free(parts);
	return status;
}

cdbc_status cx_repository_compose(cx_repository *repository, cdbc_error **err)
{
	char refused[CX_REFUSED_BYTES];
	cdbc_catalog *next = NULL;
	cdbc_status status = compose(repository, repository->files, false, &next, err);

	if (status)
		return status;
	cx_mutex_lock(&repository->lock); /* the files are as bad as they were */
	memcpy(refused, repository->state.refused, sizeof refused);
	cx_mutex_unlock(&repository->lock);
	publish(repository, next, refused);
	return CDBC_OK;
}

static void forget_saved(cx_repository *repository)
{
	size_t kept = 0;

	for (size_t i = 0; i < repository->registered_count; i++)
		if (repository->registered[i].is_saved)
			cx_registered_fini(&repository->registered[i]);
		else
			repository->registered[kept++] = repository->registered[i];
	repository->registered_count = kept;
}

/* With loading held. */
static cdbc_status load(cx_repository *repository, const cx_repository_gate *gate, cdbc_error **err)
{
	cdbc_catalog *files = NULL, *next = NULL;
	cdbc_status status = read_folders(repository, &files, err);

	if (!status)
		status = compose(repository, files, true, &next, err);
	if (gate && !gate->may_pass(gate->self)) {
		if (!status)
			cdbc_catalog_free(next);
		cx_error_clear(err);
		status = cx_error_set(err, CDBC_CANCELLED, "the folders changed while they were read");
	}
	if (status) {
		cdbc_catalog_free(files);
		return status;
	}
	cdbc_catalog_free(repository->files);
	repository->files = files;
	publish(repository, next, "");
	forget_saved(repository);
	return CDBC_OK;
}

cdbc_status cx_repository_reload(cx_repository *repository, const cx_repository_gate *gate,
								 cdbc_error **err)
{
	int64_t began_ns = cx_clock_now_ns();
	cdbc_error *error = NULL;
	bool is_new = false;
	cdbc_status status;

	cx_mutex_lock(&repository->loading);
	status = load(repository, gate, &error);
	if (status && status != CDBC_CANCELLED)
		is_new = refuse(repository, error) || !gate || !gate->is_retry;
	cx_mutex_unlock(&repository->loading);
	if (status) {
		cx_error_wrap(&error, "reload queries");
		if (is_new)
			cx_repository_tell(repository, began_ns, error);
		cx_error_pass(err, error);
		return status;
	}
	cx_repository_tell(repository, began_ns, NULL);
	return CDBC_OK;
}

/* ---- Life ----------------------------------------------------------------------------------- */

static cdbc_status copy_folders(cx_repository *repository, const char *const *folders,
								size_t folder_count, cdbc_error **err)
{
	repository->folders = cx_calloc(folder_count + 1, sizeof(char *));
	if (!repository->folders)
		return cx_error_nomem(err);
	for (; repository->folder_count < folder_count; repository->folder_count++) {
		char *copy = cx_strdup(folders[repository->folder_count]);

		if (!copy)
			return cx_error_nomem(err);
		repository->folders[repository->folder_count] = copy;
	}
	return CDBC_OK;
}

cdbc_status cx_repository_init(cx_repository *repository, const char *const *folders,
							   size_t folder_count, const cx_events *events, cdbc_error **err)
{
	cx_mutex_init(&repository->lock);
	cx_mutex_init(&repository->loading);
	repository->events = events;
	return copy_folders(repository, folders, folder_count, err);
}

cdbc_status cx_repository_open(cx_repository *repository, cdbc_error **err)
{
	return load(repository, NULL, err);
}

void cx_repository_fini(cx_repository *repository)
{
	cdbc_catalog_free(atomic_load(&repository->current));
	cdbc_catalog_free(repository->files);
	for (size_t i = 0; i < repository->registered_count; i++)
		cx_registered_fini(&repository->registered[i]);
	cx_free(repository->registered);
	for (size_t i = 0; i < repository->folder_count; i++)
		cx_free(repository->folders[i]);
	cx_free(repository->folders);
	cx_mutex_fini(&repository->loading);
	cx_mutex_fini(&repository->lock);
}
