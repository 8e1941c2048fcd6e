// SPDX-License-Identifier: GPL-3.0-or-later
// Preloaded into the gate by the crash tests: while the file FAILING_IO names is there, the calls
// that stand in it (pwrite, pwritev, fdatasync, fsync, msync, meta) fail with EIO on the store's
// files, the tree's and its journal. `meta` are the writes that LMDB makes durable by themselves (O_DSYNC): the ones that make a
// commit count. Everything else goes through. Tests only; nothing of the product knows of it.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "shim.h"

// Whether `word` stands in the control file now.
static bool told(const char *word) {
    const char *control = getenv("FAILING_IO");
    char text[256];
    int fd = control != NULL ? open(control, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return false;
    }
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    char *rest = text;
    for (char *each = strsep(&rest, " \n"); each != NULL; each = strsep(&rest, " \n")) {
        if (strcmp(each, word) == 0) {
            return true;
        }
    }
    return false;
}

static bool fails(const char *word, int fd) {
    if (!told(word) || store_file(fd) == 0) {
        return false;
    }
    errno = EIO;
    return true;
}

static bool write_fails(const char *word, int fd) {
    int flags = fcntl(fd, F_GETFL);
    return fails((flags & O_DSYNC) != 0 ? "meta" : word, fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return write_fails("pwrite", fd) ? -1 : real(fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) {
    return pwrite64(fd, bytes, len, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    REAL(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
    return write_fails("pwritev", fd) ? -1 : real(fd, parts, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    return pwritev64(fd, parts, count, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    return write_fails("pwritev", fd) ? -1 : real(fd, parts, count);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return fails("fdatasync", fd) ? -1 : real(fd);
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return fails("fsync", fd) ? -1 : real(fd);
}

int msync(void *at, size_t len, int flags) {
    REAL(int, "msync", void *, size_t, int);
    if (told("msync")) {
        errno = EIO;
        return -1;
    }
    return real(at, len, flags);
}
