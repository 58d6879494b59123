// SPDX-License-Identifier: Apache-2.0
/* Queries that come from code: a part of every generation beside the folders, until they are taken
 * back or saved into one of those. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "service/catalog/repository.h"
#include "service/catalog/save.h"

#include <string.h>
#include <sys/stat.h>

void cx_registered_fini(cx_registered *registered)
{
	cx_free(registered->file);
	cx_free(registered->text);
	cdbc_catalog_free(registered->catalog);
	*registered = (cx_registered){.file = NULL};
}

static cx_registered *find(cx_repository *repository, const char *file)
{
	for (size_t i = 0; i < repository->registered_count; i++)
		if (strcmp(repository->registered[i].file, file) == 0)
			return &repository->registered[i];
	return NULL;
}

static cdbc_status make(const char *file, const char *text, size_t length, cx_registered *out,
						cdbc_error **err)
{
	cx_registered made = {cx_strdup(file), cx_strndup(text, length), length, NULL, false};
	cdbc_status status = made.file && made.text ? CDBC_OK : cx_error_nomem(err);

	if (!status)
		status = cdbc_catalog_new(&made.catalog, err);
	if (!status)
		status = cdbc_catalog_add_text(made.catalog, file, text, length, err);
	if (status)
		cx_registered_fini(&made);
	else
		*out = made;
	return status;
}

/* With loading held: in the place of the one of its name, or as a new one. What does not go
 * together with the rest is taken out again. */
static cdbc_status put(cx_repository *repository, cx_registered *made, cdbc_error **err)
{
	cx_registered *place = find(repository, made->file), old = {.file = NULL};
	cdbc_status status;

	if (place) {
		old = *place;
	} else {
		if (!cx_grow(&repository->registered, repository->registered_count,
					 &repository->registered_capacity, sizeof *repository->registered))
			return cx_error_nomem(err);
		place = &repository->registered[repository->registered_count++];
	}
	*place = *made;
	status = cx_repository_compose(repository, err);
	if (!status) {
		cx_registered_fini(&old);
		*made = (cx_registered){.file = NULL};
	} else if (old.file) {
		*place = old;
	} else {
		repository->registered_count--;
	}
	return status;
}

cdbc_status cx_repository_register(cx_repository *repository, const char *file, const char *text,
								   size_t length, cdbc_error **err)
{
	int64_t began_ns = cx_clock_now_ns();
	cx_registered made = {.file = NULL};
	cdbc_status status = make(file, text, length, &made, err);

	if (status)
		return status;
	cx_mutex_lock(&repository->loading);
	status = put(repository, &made, err);
	cx_mutex_unlock(&repository->loading);
	cx_registered_fini(&made);
	if (!status)
		cx_repository_tell(repository, began_ns, NULL);
	return status;
}

static cdbc_status fail_unknown(const char *file, cdbc_error **err)
{
	return cx_error_set(err, CDBC_NOT_FOUND, "no queries are registered as \"%s\"", file);
}

cdbc_status cx_repository_unregister(cx_repository *repository, const char *file, cdbc_error **err)
{
	int64_t began_ns = cx_clock_now_ns();
	cx_registered *place, *last, taken;
	cdbc_status status;

	cx_mutex_lock(&repository->loading);
	place = find(repository, file);
	if (!place) {
		cx_mutex_unlock(&repository->loading);
		return fail_unknown(file, err);
	}
	last = &repository->registered[repository->registered_count - 1];
	taken = *place;
	*place = *last;
	repository->registered_count--;
	status = cx_repository_compose(repository, err);
	if (status) { /* the last one is still in its own place */
		*place = taken;
		repository->registered_count++;
	}
	cx_mutex_unlock(&repository->loading);
	if (status)
		return status;
	cx_registered_fini(&taken);
	cx_repository_tell(repository, began_ns, NULL);
	return CDBC_OK;
}

/* ---- Saving --------------------------------------------------------------------------------- */

static bool is_same_folder(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISDIR(x.st_mode) && x.st_dev == y.st_dev &&
		   x.st_ino == y.st_ino;
}

/* The configured folder that is meant; NULL: none of them. */
static const char *own_folder(const cx_repository *repository, const char *folder)
{
	for (size_t i = 0; i < repository->folder_count; i++) {
		const char *own = repository->folders[i];

		if (is_same_folder(own, folder ? folder : own))
			return own;
	}
	return NULL;
}

cdbc_status cx_repository_save(cx_repository *repository, const char *file, const char *folder,
							   uint32_t flags, bool *is_own, cdbc_error **err)
{
	const char *own = own_folder(repository, folder);
	cx_registered *registered;
	cdbc_status status;

	if (!own && !folder)
		return cx_error_set(err, CDBC_USAGE, "save \"%s\": queries.folders names no folder", file);
	cx_mutex_lock(&repository->loading);
	registered = find(repository, file);
	if (registered)
		status = cx_sqlfiles_save(own ? own : folder, file, registered->text, registered->length,
								  flags, err);
	else
		status = fail_unknown(file, err);
	if (!status && own)
		registered->is_saved = true;
	cx_mutex_unlock(&repository->loading);
	*is_own = own != NULL;
	return status;
}
