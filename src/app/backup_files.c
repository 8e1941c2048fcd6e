// SPDX-License-Identifier: GPL-3.0-or-later
// Copies that are on the disk when they are said to be there, and digests of what was copied.
#include "app/backup_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

#define DEPTH_MAX 4 // keys/connections/SLUG/FILE

// What went wrong with a file; `error` is the system's.
static reason refuse(struct op *op, const char *path, const char *what, int error) {
    if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
        REFUSE(op, STORE_UNAVAILABLE, "%s %s: there is no room for it", path, what);
    }
    REFUSE(op, DATA_DIR, "%s %s: %s", path, what, strerror(error));
}

reason files_join(struct op *op, const char *dir, const char *name, char ret_path[FILES_PATH_MAX]) {
    int len = snprintf(ret_path, FILES_PATH_MAX, "%s/%s", dir, name);
    if (len < 0 || len >= FILES_PATH_MAX) {
        REFUSE(op, DATA_DIR, "the path %s/%s is too long; give a shorter one", dir, name);
    }
    return NULL;
}

reason files_absent(struct op *op, const char *path) {
    struct stat about;
    if (lstat(path, &about) == 0) {
        REFUSE(op, DATA_DIR, "%s is there already: it is not overwritten; move it away, or give another place", path);
    }
    return errno == ENOENT ? NULL : refuse(op, path, "cannot be looked at", errno);
}

reason files_make_dir(struct op *op, const char *path) {
    if (mkdir(path, 0700) == 0) {
        return NULL;
    }
    if (errno == EEXIST) {
        REFUSE(op, DATA_DIR, "%s is there already, perhaps left by one that was stopped; remove it first", path);
    }
    return refuse(op, path, "cannot be made", errno);
}

reason files_own(struct op *op, const char *path) {
    struct stat about;
    if (stat(path, &about) != 0) {
        return refuse(op, path, "cannot be looked at", errno);
    }
    if (about.st_uid != geteuid()) {
        REFUSE(op, DATA_DIR, "%s belongs to user id %u: run this as that user, as the gate runs (you are %u)", path,
               (unsigned)about.st_uid, (unsigned)geteuid());
    }
    return NULL;
}

reason files_size(struct op *op, const char *path, int64_t *ret_bytes) {
    struct stat about;
    if (lstat(path, &about) != 0) {
        return refuse(op, path, "cannot be looked at", errno);
    }
    *ret_bytes = (int64_t)about.st_size;
    return NULL;
}

// ---- files ----

reason files_read(struct op *op, const char *path, size_t max, struct slice *ret_bytes) {
    AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW); // a pipe would wait for who writes
    char *bytes = NULL;
    if (fd < 0) {
        return refuse(op, path, "cannot be read", errno);
    }
    TRY(op_take(op, max, &bytes));
    ssize_t len = read(fd, bytes, max);
    if (len < 0) {
        return refuse(op, path, "cannot be read", errno);
    }
    *ret_bytes = slice_of(bytes, (size_t)len);
    return NULL;
}

static reason create(struct op *op, const char *path, int *ret_fd) {
    *ret_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *ret_fd >= 0 ? NULL : refuse(op, path, "cannot be made", errno);
}

static reason write_all(struct op *op, const char *path, int fd, struct slice bytes) {
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.at, bytes.len);
        if (done < 0 && errno != EINTR) {
            return refuse(op, path, "cannot be written", errno);
        }
        bytes = slice_sub(bytes, done > 0 ? (size_t)done : 0, bytes.len);
    }
    return fsync(fd) == 0 ? NULL : refuse(op, path, "cannot be synced", errno);
}

reason files_write(struct op *op, const char *path, struct slice bytes) {
    AUTO_FD fd = -1;
    TRY(create(op, path, &fd));
    return write_all(op, path, fd, bytes);
}

struct mapped {
    void *at;
    size_t len;
};
static void unmap(struct mapped *mapped) {
    if (mapped->len > 0) {
        (void)munmap(mapped->at, mapped->len);
    }
}
#define AUTO_MAPPED __attribute__((cleanup(unmap))) struct mapped

// An empty file has len 0.
static reason map(struct op *op, const char *path, struct mapped *ret_mapped) {
    AUTO_FD fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW); // a pipe would wait for who writes
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        return refuse(op, path, "cannot be read", errno);
    }
    if (!S_ISREG(about.st_mode)) {
        REFUSE(op, DATA_DIR, "%s is no file: there is nothing else in a data directory; remove it", path);
    }
    if (about.st_size == 0) {
        return NULL;
    }
    void *at = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) {
        return refuse(op, path, "cannot be read", errno);
    }
    *ret_mapped = (struct mapped){at, (size_t)about.st_size};
    return NULL;
}

reason files_digest(struct op *op, const char *path, int64_t *ret_bytes, struct sha256 *ret_digest) {
    AUTO_MAPPED mapped = {NULL, 0};
    TRY(map(op, path, &mapped));
    *ret_bytes = (int64_t)mapped.len;
    *ret_digest = digest_sha256(slice_of(mapped.at, mapped.len));
    return NULL;
}

static reason copy_mapped(struct op *op, const struct mapped *mapped, const char *to) {
    AUTO_FD fd = -1;
    TRY(create(op, to, &fd));
    return write_all(op, to, fd, slice_of(mapped->at, mapped->len));
}

reason files_copy(struct op *op, const char *from, const char *to) {
    AUTO_MAPPED mapped = {NULL, 0};
    TRY(map(op, from, &mapped));
    return copy_mapped(op, &mapped, to);
}

// ---- trees ----

static int by_name(const struct dirent **left, const struct dirent **right) {
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int not_dots(const struct dirent *entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static reason walk_dir(struct op *op, struct files_tree *tree, const char *from, const char *to, const char *name,
                       unsigned depth);

// The digest so far, the name below the root, and what is in the file.
static reason walk_file(struct op *op, struct files_tree *tree, const char *from, const char *to, const char *name) {
    AUTO_MAPPED mapped = {NULL, 0};
    TRY(map(op, from, &mapped));
    TRY(to != NULL ? copy_mapped(op, &mapped, to) : NULL);
    const struct slice parts[] = {digest_slice(&tree->digest), slice_str(name),
                                  slice_of(mapped.at, mapped.len)};
    tree->digest = digest_parts(parts, sizeof parts / sizeof parts[0]);
    tree->count++;
    return NULL;
}

static reason walk_entry(struct op *op, struct files_tree *tree, const char *from, const char *to, const char *name,
                         const char *entry, unsigned depth) {
    char source[FILES_PATH_MAX];
    char target[FILES_PATH_MAX];
    char below[FILES_PATH_MAX];
    struct stat about;
    TRY(files_join(op, from, entry, source));
    TRY(to != NULL ? files_join(op, to, entry, target) : NULL);
    TRY(files_join(op, name, entry, below));
    if (lstat(source, &about) != 0) {
        return refuse(op, source, "cannot be looked at", errno);
    }
    if (!S_ISDIR(about.st_mode) && (!S_ISREG(about.st_mode) || about.st_size > FILES_TREE_FILE_MAX)) {
        REFUSE(op, DATA_DIR, "%s is nothing that a gate made: it is no file, or larger than any key; remove it", source);
    }
    return S_ISDIR(about.st_mode) ? walk_dir(op, tree, source, to != NULL ? target : NULL, below, depth + 1)
                                  : walk_file(op, tree, source, to != NULL ? target : NULL, below);
}

static void free_entries(struct dirent **entries, int count) {
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
}

static reason walk_dir(struct op *op, struct files_tree *tree, const char *from, const char *to, const char *name,
                       unsigned depth) {
    struct dirent **entries = NULL;
    if (depth > DEPTH_MAX) {
        REFUSE(op, DATA_DIR, "%s is deeper than anything that a gate makes; remove it", from);
    }
    TRY(to != NULL ? files_make_dir(op, to) : NULL);
    int count = scandir(from, &entries, not_dots, by_name);
    if (count < 0) {
        return refuse(op, from, "cannot be read", errno);
    }
    reason why = NULL;
    for (int i = 0; i < count && why == NULL; i++) {
        why = walk_entry(op, tree, from, to, name, entries[i]->d_name, depth);
    }
    free_entries(entries, count);
    TRY(why);
    return to != NULL ? files_sync_dir(op, to) : NULL;
}

reason files_copy_tree(struct op *op, const char *from, const char *to, struct files_tree *ret_tree) {
    *ret_tree = (struct files_tree){.count = 0};
    return walk_dir(op, ret_tree, from, to, "", 0);
}

reason files_sync_dir(struct op *op, const char *path) {
    AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? NULL : refuse(op, path, "cannot be synced", errno);
}

reason files_sync_parent(struct op *op, const char *path) {
    char copy[FILES_PATH_MAX];
    int len = snprintf(copy, sizeof copy, "%s", path);
    return len > 0 && len < FILES_PATH_MAX ? files_sync_dir(op, dirname(copy)) : NULL;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where) {
    (void)about;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

void files_remove_tree(const char *path) {
    (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
