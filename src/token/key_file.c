// SPDX-License-Identifier: GPL-3.0-or-later
#include "token/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/rand.h"

#define HEX_DIGITS (2 * KEY_FILE_BYTES)

static reason path_in(struct op *op, const char *dir, const char *name, const char **ret_path) {
    return op_cstr(op, op_text(op, "%s/%s", dir, name), ret_path);
}

reason key_file_make(struct op *op, const char *dir, const char *name) {
    uint8_t bytes[KEY_FILE_BYTES];
    const char *path = NULL;
    struct slice hex;
    TRY(path_in(op, dir, name, &path));
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        if (errno == EEXIST) {
            return NULL;
        }
        REFUSE(op, KEY_FILE, "cannot make %s: %s", path, strerror(errno));
    }
    rand_bytes(bytes, sizeof bytes);
    reason why = encode_hex(op, slice_of(bytes, sizeof bytes), &hex);
    explicit_bzero(bytes, sizeof bytes);
    if (why != NULL) {
        (void)unlink(path);
        return why;
    }
    if (write(fd, hex.at, hex.len) != (ssize_t)hex.len || write(fd, "\n", 1) != 1 ||
        fsync(fd) != 0) {
        int error = errno;
        (void)unlink(path);
        REFUSE(op, KEY_FILE, "cannot write %s: %s", path, strerror(error));
    }
    return NULL;
}

reason key_file_read(struct op *op, const char *dir, const char *name, const char *lost,
                     uint8_t key[KEY_FILE_BYTES]) {
    char text[HEX_DIGITS + 2];
    struct stat about;
    struct slice bytes;
    const char *path = NULL;
    TRY(path_in(op, dir, name, &path));
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &about) != 0) {
        REFUSE(op, KEY_FILE, "cannot read the key file %s: %s", path, strerror(errno));
    }
    if ((about.st_mode & 077) != 0) {
        REFUSE(op, KEY_FILE, "the key file %s may be read by others (mode %03o): chmod 600 %s",
               path, about.st_mode & 0777, path);
    }
    ssize_t len = read(fd, text, sizeof text);
    bool good = len > 0 &&
                decode_hex(op, slice_trim(slice_of(text, (size_t)len)), &bytes) &&
                bytes.len == KEY_FILE_BYTES;
    explicit_bzero(text, sizeof text);
    if (!good) {
        REFUSE(op, KEY_FILE, "%s holds no %d hex digits; restore it from a backup, or remove it: a "
               "new one is made at the start, and %s",
               path, HEX_DIGITS, lost);
    }
    memcpy(key, bytes.at, KEY_FILE_BYTES);
    return NULL;
}
