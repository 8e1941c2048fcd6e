// SPDX-License-Identifier: GPL-3.0-or-later
// A directory that holds all that a gate needs to go on: the store, the keys, and what they should be (backup.json). Made beside a running gate;
// put back where no data directory is.
#ifndef GATEHOUSE_APP_BACKUP_H
#define GATEHOUSE_APP_BACKUP_H

#include "app/config.h"
#include "base/digest.h"

#define BACKUP_FORMAT 1

struct backup {
    int64_t made; // ms since 1970
    int64_t rows, store_bytes, keys; // keys: how many files
    struct sha256 store_digest, keys_digest;
};

// Before anybody is asked for anything: refuses a place where something is, and a data directory of another user: a program of
// root's that works by name in what another may change does what that one wants.
MUST_USE reason backup_expect(struct op *op, const struct settings *settings, const char *to);
// Copies data_dir into the directory `to`, which must not be there: it has that name when all of it is on the disk and was read again.
// The caller has asked the running gate before (POST /store:copy), or closed the store. start.data_dir: a file cannot be used, or is
// there already, or the keys changed meanwhile; store.unavailable. Nothing is left of what failed.
MUST_USE reason backup_make(struct op *op, const struct settings *settings, const char *to,
                            struct backup *ret_backup);
// Reads all of a backup. start.data_dir: there is none; store.unavailable: it is not as it was made.
MUST_USE reason backup_check(struct op *op, const char *from, struct backup *ret_backup);
// Checks it and makes data_dir of it, in which neither a store nor keys may be. What was issued before now is not accepted after it
// (replay_restored). Only for who owns data_dir. Refusals as above, and those of a store that is opened.
MUST_USE reason backup_restore(struct op *op, const struct settings *settings, const char *from,
                               struct backup *ret_backup);

#endif
