// SPDX-License-Identifier: GPL-3.0-or-later
// Makes and locks the data directory. The lock is flock's on DIR/lock: it ends with the process,
// however that ends, so nothing stale is ever left; the process id in the file is only for the
// message.
#include "store/place.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PID_LINE 12 // ten digits, line end, NUL
_Static_assert(PLACE_PATH_MAX >= PATH_MAX, "realpath writes up to PATH_MAX bytes");

static reason join(struct op *op, const struct place *place, const char *name,
                   char ret_path[PLACE_PATH_MAX]) {
    int len = snprintf(ret_path, PLACE_PATH_MAX, "%s/%s", place->dir, name);
    if (len < 0 || len >= PLACE_PATH_MAX) {
        REFUSE(op, DATA_DIR, "the path of the data directory %s is too long; give a shorter one",
               place->dir);
    }
    return NULL;
}

static reason make_dir(struct op *op, const char *dir, struct place *place) {
    place->made = mkdir(dir, 0700) == 0;
    if (!place->made && errno != EEXIST) {
        int error = errno;
        REFUSE(op, DATA_DIR,
               "the data directory %s cannot be made: %s; make it (and its parents), owned by user "
               "id %u, or set data_dir to another",
               dir, strerror(error), (unsigned)geteuid());
    }
    if (realpath(dir, place->dir) == NULL) {
        int error = errno;
        REFUSE(op, DATA_DIR, "the data directory %s cannot be used: %s; set data_dir to another",
               dir, strerror(error));
    }
    return NULL;
}

static reason refuse_locked(struct op *op, const struct place *place, int fd) {
    char line[PID_LINE] = "";
    ssize_t len = pread(fd, line, sizeof line - 1, 0);
    long pid = len > 0 ? strtol(line, NULL, 10) : 0;
    if (pid > 0) {
        REFUSE(op, DATA_DIR_LOCKED,
               "process %ld uses the data directory %s; stop it first, or set data_dir to another",
               pid, place->dir);
    }
    REFUSE(op, DATA_DIR_LOCKED,
           "another process uses the data directory %s; stop it first, or set data_dir to another",
           place->dir);
}

static reason take_lock(struct op *op, struct place *place) {
    char path[PLACE_PATH_MAX];
    TRY(join(op, place, "lock", path));
    AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        int error = errno;
        REFUSE(op, DATA_DIR,
               "%s cannot be written: %s; make the data directory writable for user id %u, or set "
               "data_dir to another",
               path, strerror(error), (unsigned)geteuid());
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        if (error == EWOULDBLOCK) {
            return refuse_locked(op, place, fd);
        }
        REFUSE(op, DATA_DIR, "%s cannot be locked: %s; use a local disk for data_dir", path,
               strerror(error));
    }
    // Always the same bytes of the same block, so that a restart on a full disk can write it too.
    char line[PID_LINE];
    (void)snprintf(line, sizeof line, "%10d\n", (int)getpid());
    if (pwrite(fd, line, sizeof line - 1, 0) != (ssize_t)sizeof line - 1) {
        int error = errno;
        REFUSE(op, DATA_DIR, "%s cannot be written: %s; free some space or set data_dir to another",
               path, strerror(error));
    }
    place->lock = fd;
    fd = -1;
    return NULL;
}

reason place_take(struct op *op, const char *dir, struct place *place) {
    *place = (struct place){.lock = -1};
    if (dir == NULL || dir[0] == '\0') {
        REFUSE(op, DATA_DIR, "no data directory is given; set data_dir");
    }
    TRY(make_dir(op, dir, place));
    TRY(join(op, place, STORE_FILE, place->file));
    return take_lock(op, place);
}

reason place_expect_whole(struct op *op, const struct place *place) {
    char path[PLACE_PATH_MAX];
    struct stat about;
    TRY(join(op, place, STORE_RESTORING, path));
    if (lstat(path, &about) == 0) {
        REFUSE(op, DATA_DIR,
               "a restore into %s was stopped: remove " STORE_RESTORING ", store.mdb and keys there, and restore again",
               place->dir);
    }
    return NULL;
}

static int sync_dir(const char *path) {
    AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) != 0 ? errno : 0;
}

reason place_settle(struct op *op, const struct place *place) {
    int error = sync_dir(place->dir);
    if (error == 0 && place->made) {
        char parent[PLACE_PATH_MAX];
        TRY(join(op, place, "..", parent));
        error = sync_dir(parent);
        // A parent that we may only pass through cannot be synced by us: its owner made that
        // choice.
        error = error == EACCES ? 0 : error;
    }
    if (error != 0) {
        REFUSE(op, DATA_DIR, "the data directory %s cannot be synced: %s", place->dir,
               strerror(error));
    }
    return NULL;
}

void place_leave(struct place *place) {
    auto_close_fd(&place->lock);
}
