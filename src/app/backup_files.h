// SPDX-License-Identifier: GPL-3.0-or-later
// Files and directories of a backup: for backup.c only. All refuse with start.data_dir, or store.unavailable when there is no room.
#ifndef GATEHOUSE_APP_BACKUP_FILES_H
#define GATEHOUSE_APP_BACKUP_FILES_H

#include "base/digest.h"
#include "base/op.h"

#define FILES_PATH_MAX 4096

struct files_tree {
    uint64_t count;       // files
    struct sha256 digest; // over names and contents of all, in the order of the names
};

MUST_USE reason files_join(struct op *op, const char *dir, const char *name, char ret_path[FILES_PATH_MAX]);
MUST_USE reason files_absent(struct op *op, const char *path); // refuses when something is there
MUST_USE reason files_make_dir(struct op *op, const char *path); // 0700, must not be there
MUST_USE reason files_read(struct op *op, const char *path, size_t max, struct slice *ret_bytes);
MUST_USE reason files_write(struct op *op, const char *path, struct slice bytes); // new, 0600, synced
MUST_USE reason files_digest(struct op *op, const char *path, int64_t *ret_bytes, struct sha256 *ret_digest);
MUST_USE reason files_size(struct op *op, const char *path, int64_t *ret_bytes);
MUST_USE reason files_own(struct op *op, const char *path); // refuses what belongs to another user
MUST_USE reason files_copy(struct op *op, const char *from, const char *to); // `to` is new, 0600, synced
// All files below `from`, none over FILES_TREE_FILE_MAX. `to` NULL: reads only. A link, a device: refused, what is copied is what a
// gate put there.
#define FILES_TREE_FILE_MAX (1 << 20)
MUST_USE reason files_copy_tree(struct op *op, const char *from, const char *to, struct files_tree *ret_tree);
MUST_USE reason files_sync_dir(struct op *op, const char *path);
MUST_USE reason files_sync_parent(struct op *op, const char *path);
void files_remove_tree(const char *path); // as far as it can

#endif
