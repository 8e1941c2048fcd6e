// SPDX-License-Identifier: GPL-3.0-or-later
// Preloaded into the gate by the test of a power cut: what it writes to the store's files, and when it knows that it is on the
// disk, is appended to the file that RECORDING_IO names, in its order. An entry: what ('w' a write, told before it is done; 'd' one
// that is durable by itself (O_DSYNC), told again when it is; 's' a sync, told when it is done; 't' a new length), which file ('t' the
// tree, 'j' its journal), u64 offset, u32 bytes, the bytes. Tests only; nothing of the product knows of it.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "shim.h"

#define PARTS_MAX 66 // LMDB writes 64 at once

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void tell(char what, char file, uint64_t offset, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    char head[14] = {what, file};
    uint32_t len = 0;
    struct iovec all[PARTS_MAX + 1] = {{head, sizeof head}};
    int saved = errno;
    for (int i = 0; i < count; i++) {
        all[i + 1] = parts[i];
        len += (uint32_t)parts[i].iov_len;
    }
    memcpy(head + 2, &offset, 8);
    memcpy(head + 10, &len, 4);
    (void)pthread_mutex_lock(&mutex);
    static int to = -1;
    if (to < 0) {
        const char *path = getenv("RECORDING_IO");
        to = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    }
    if (to < 0 || count > PARTS_MAX || real(to, all, count + 1) != (ssize_t)(sizeof head + len)) {
        abort();
    }
    (void)pthread_mutex_unlock(&mutex);
    errno = saved;
}

static void tell_write(int fd, char file, uint64_t offset, const struct iovec *parts, int count, bool done) {
    bool durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    if (!done || durable) {
        tell(done ? 'd' : 'w', file, offset, parts, count);
    }
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    char file = store_file(fd);
    struct iovec part = {NULL, len};
    memcpy(&part.iov_base, &bytes, sizeof bytes);
    if (file != 0) {
        tell_write(fd, file, (uint64_t)at, &part, 1, false);
    }
    ssize_t done = real(fd, bytes, len, at);
    if (file != 0 && done == (ssize_t)len) {
        tell_write(fd, file, (uint64_t)at, &part, 1, true);
    }
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) {
    return pwrite64(fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    char file = store_file(fd);
    off_t at = file != 0 ? lseek(fd, 0, SEEK_CUR) : 0;
    if (file != 0) {
        tell_write(fd, file, (uint64_t)at, parts, count, false);
    }
    return real(fd, parts, count);
}

static int sync_with(const char *name, int fd) {
    REAL(int, name, int);
    char file = store_file(fd);
    int code = real(fd);
    if (file != 0 && code == 0) {
        tell('s', file, 0, NULL, 0);
    }
    return code;
}

int fdatasync(int fd) {
    return sync_with("fdatasync", fd);
}

int fsync(int fd) {
    return sync_with("fsync", fd);
}

static int truncate_with(const char *name, int fd, off64_t len) {
    REAL(int, name, int, off64_t);
    char file = store_file(fd);
    if (file != 0) {
        tell('t', file, (uint64_t)len, NULL, 0);
    }
    return real(fd, len);
}

int ftruncate64(int fd, off64_t len) {
    return truncate_with("ftruncate64", fd, len);
}

int ftruncate(int fd, off_t len) {
    return truncate_with("ftruncate", fd, len);
}
