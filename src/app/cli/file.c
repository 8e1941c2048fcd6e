// SPDX-License-Identifier: GPL-3.0-or-later
// Files that a command line names.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "app/cli/cli.h"
#include "base/buf.h"

#define CHUNK 16384

static reason read_all(struct op *op, int fd, const char *path, size_t max,
                       struct slice *ret_bytes) {
    struct buf bytes;
    char chunk[CHUNK];
    buf_open(&bytes, op, max);
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            REFUSE(op, INTERNAL, "cannot read %s: %s", path, strerror(errno));
        }
        if (got == 0) {
            break;
        }
        buf_put(&bytes, slice_of(chunk, (size_t)got));
        if (bytes.broken) {
            REFUSE(op, INTERNAL, "%s is larger than the %zu bytes that are read", path, max);
        }
    }
    return buf_done(&bytes, ret_bytes);
}

reason file_read(struct op *op, struct slice path, size_t max, struct slice *ret_bytes) {
    if (slice_equal(path, S("-"))) {
        return read_all(op, STDIN_FILENO, "standard input", max, ret_bytes);
    }
    const char *name = NULL;
    TRY(op_cstr(op, path, &name));
    AUTO_FD fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        REFUSE(op, INTERNAL, "cannot read %s: %s", name, strerror(errno));
    }
    return read_all(op, fd, name, max, ret_bytes);
}
