// SPDX-License-Identifier: Apache-2.0
/* Saving: beside the place and then renamed, so that no reader sees a part of it, and never out of
 * the folder, whatever the name says and the links in the folder do. */
#include "service/catalog/save.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct saving {
	const char *folder, *file, *base;
	int dir; /* the folder that it goes into */
	char part[NAME_MAX + 1];
	bool is_overwrite;
	struct stat old;
	bool has_old;
} saving;

static cdbc_status fail_io(const saving *s, cdbc_error **err)
{
	return cx_error_set(err, errno == ENOMEM ? CDBC_NOMEM : CDBC_IO, "save %s in %s: %s", s->file,
						s->folder, strerror(errno));
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	return n > s && !strcmp(name + n - s, suffix);
}

/* One part of a name: no hidden file, no way up, nothing that a terminal would take amiss. */
static bool is_plain(const char *part, size_t length)
{
	if (length == 0 || length > NAME_MAX - 32 || part[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)part[i] < ' ' || part[i] == 0x7f || part[i] == '\\')
			return false;
	return true;
}

static cdbc_status check_name(const char *file, cdbc_error **err)
{
	bool is_fine = has_suffix(file, ".sql") && !has_suffix(file, ".test.sql");

	for (const char *p = file; is_fine; p++) {
		size_t length = strcspn(p, "/");

		is_fine = is_plain(p, length);
		p += length;
		if (!*p)
			break;
	}
	if (is_fine)
		return CDBC_OK;
	cx_error_set(err, CDBC_USAGE, "save \"%s\": not a name of a file of queries", file);
	cx_error_hint(err, "it is to be NAME.sql, or FOLDER/NAME.sql, below the folder it goes into");
	return CDBC_USAGE;
}

/* Into s->dir, the folder of the file, made when it is not there. */
static cdbc_status open_folder(saving *s, cdbc_error **err)
{
	s->dir = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return fail_io(s, err);
	for (const char *slash; (slash = strchr(s->base, '/')) != NULL; s->base = slash + 1) {
		char part[NAME_MAX + 1];
		int inner;

		snprintf(part, sizeof part, "%.*s", (int)(slash - s->base), s->base);
		if (mkdirat(s->dir, part, 0777) && errno != EEXIST)
			return fail_io(s, err);
		inner = openat(s->dir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (inner < 0) {
			bool is_no_folder = errno == ELOOP || errno == ENOTDIR;
			cdbc_status status = fail_io(s, err);

			if (is_no_folder)
				cx_error_hint(err, "\"%s\" is no folder; links are not followed", part);
			return status;
		}
		close(s->dir);
		s->dir = inner;
	}
	return CDBC_OK;
}

static cdbc_status fail_exists(const saving *s, cdbc_error **err)
{
	cx_error_set(err, CDBC_IO, "save %s in %s: it is there already", s->file, s->folder);
	cx_error_hint(err, "CDBC_SAVE_OVERWRITE replaces it");
	return CDBC_IO;
}

static cdbc_status check_place(saving *s, cdbc_error **err)
{
	s->has_old = fstatat(s->dir, s->base, &s->old, AT_SYMLINK_NOFOLLOW) == 0;
	if (!s->has_old)
		return errno == ENOENT ? CDBC_OK : fail_io(s, err);
	if (!s->is_overwrite)
		return fail_exists(s, err);
	if (S_ISREG(s->old.st_mode))
		return CDBC_OK;
	return cx_error_set(err, CDBC_IO, "save %s in %s: what is there is not a file", s->file,
						s->folder);
}

/* The text, all of it on the disk, in a file of another name. */
static cdbc_status write_part(saving *s, const char *text, size_t length, cdbc_error **err)
{
	cdbc_status status = CDBC_OK;
	int fd;

	snprintf(s->part, sizeof s->part, ".%.200s.%" PRIx64, s->base, (uint64_t)cx_clock_now_ns());
	fd = openat(s->dir, s->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0) {
		s->part[0] = '\0';
		return fail_io(s, err);
	}
	for (size_t done = 0; done < length && !status;) {
		ssize_t n = write(fd, text + done, length - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			status = fail_io(s, err);
	}
	if (!status && s->has_old &&
		fchmod(fd, s->old.st_mode & 0777)) /* no more readers than before */
		status = fail_io(s, err);
	if (!status && fsync(fd))
		status = fail_io(s, err);
	if (close(fd) && !status)
		status = fail_io(s, err);
	return status;
}

static cdbc_status put_in_place(saving *s, cdbc_error **err)
{
	if (s->is_overwrite) {
		if (renameat(s->dir, s->part, s->dir, s->base))
			return fail_io(s, err);
		s->part[0] = '\0';
	} else if (linkat(s->dir, s->part, s->dir, s->base, 0)) {
		return errno == EEXIST ? fail_exists(s, err) : fail_io(s, err);
	}
	fsync(s->dir);
	return CDBC_OK;
}

cdbc_status cx_sqlfiles_save(const char *folder, const char *file, const char *text, size_t length,
							 uint32_t flags, cdbc_error **err)
{
	saving s = {.folder = folder,
				.file = file,
				.base = file,
				.dir = -1,
				.is_overwrite = flags & CDBC_SAVE_OVERWRITE};
	cdbc_status status = check_name(file, err);

	if (!status)
		status = open_folder(&s, err);
	if (!status)
		status = check_place(&s, err);
	if (!status)
		status = write_part(&s, text, length, err);
	if (!status)
		status = put_in_place(&s, err);
	if (s.part[0])
		unlinkat(s.dir, s.part, 0);
	if (s.dir >= 0)
		close(s.dir);
	return status;
}

cdbc_status cdbc_catalog_save_text(const char *folder, const char *file, const char *text,
								   size_t length, uint32_t flags, cdbc_error **err)
{
	cdbc_catalog *catalog = NULL;
	cdbc_status status = check_name(file, err);

	if (!status)
		status = cdbc_catalog_new(&catalog, err);
	if (!status)
		status = cdbc_catalog_add_text(catalog, file, text, length, err);
	cdbc_catalog_free(catalog);
	if (status)
		return status;
	return cx_sqlfiles_save(folder, file, text, length, flags, err);
}
