// SPDX-License-Identifier: GPL-3.0-or-later
// Backups: one directory, made under another name and renamed when it is whole, so that there is never a half one. The keys are told by one
// digest over all of their files in the order of their names, however many connections have keys of their own.
#include "app/backup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/backup_files.h"
#include "app/gate.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/json.h"
#include "domain/session.h"

#define NOTE_NAME "backup.json"
#define NOTE_MAX 4096

// ---- backup.json ----

static reason set_digest(struct op *op, struct json *note, const char *name, const struct sha256 *digest) {
    struct slice text = SLICE_NONE;
    TRY(encode_hex(op, digest_slice(digest), &text));
    json_set_text(op, note, name, text);
    return NULL;
}

static reason write_note(struct op *op, const char *dir, const struct backup *backup) {
    char path[FILES_PATH_MAX];
    struct slice text;
    struct json *note = json_object(op);
    json_set_number(op, note, "format", BACKUP_FORMAT);
    json_set_time(op, note, "made", backup->made);
    json_set_str(op, note, "program", GATEHOUSE_VERSION);
    json_set_number(op, note, "rows", backup->rows);
    json_set_number(op, note, "store_bytes", backup->store_bytes);
    TRY(set_digest(op, note, "store_sha256", &backup->store_digest));
    json_set_number(op, note, "keys", backup->keys);
    TRY(set_digest(op, note, "keys_sha256", &backup->keys_digest));
    TRY(json_print(op, note, true, &text));
    TRY(files_join(op, dir, NOTE_NAME, path));
    return files_write(op, path, text);
}

static bool read_digest(struct op *op, const struct json *note, const char *name, struct sha256 *ret_digest) {
    struct slice text = SLICE_NONE;
    struct slice bytes = SLICE_NONE;
    if (!json_text(json_get(note, name), &text) || !decode_hex(op, text, &bytes) || bytes.len != SHA256_BYTES) {
        return false;
    }
    memcpy(ret_digest->bytes, bytes.at, SHA256_BYTES);
    return true;
}

static reason read_note(struct op *op, const char *dir, struct backup *ret_backup) {
    char path[FILES_PATH_MAX];
    struct slice text;
    const struct json *note = NULL;
    int64_t format = 0;
    struct slice made = SLICE_NONE;
    TRY(files_join(op, dir, NOTE_NAME, path));
    TRY(files_read(op, path, NOTE_MAX, &text));
    if (json_parse(op, text, &note) != NULL || !json_number(json_get(note, "format"), &format)) {
        REFUSE(op, STORE_UNAVAILABLE, "%s is no %s of a backup", path, NOTE_NAME);
    }
    if (format != BACKUP_FORMAT) {
        REFUSE(op, SCHEMA, "%s has format %lld, this program knows %d; use the newer program", path, (long long)format,
               BACKUP_FORMAT);
    }
    if (!json_text(json_get(note, "made"), &made) || !clock_parse(made, &ret_backup->made) ||
        !json_number(json_get(note, "rows"), &ret_backup->rows) ||
        !json_number(json_get(note, "store_bytes"), &ret_backup->store_bytes) ||
        !json_number(json_get(note, "keys"), &ret_backup->keys) ||
        !read_digest(op, note, "store_sha256", &ret_backup->store_digest) ||
        !read_digest(op, note, "keys_sha256", &ret_backup->keys_digest)) {
        REFUSE(op, STORE_UNAVAILABLE, "%s lacks a part: it was changed, or is damaged", path);
    }
    return NULL;
}

// ---- making ----

static reason describe_store(struct op *op, const char *dir, struct backup *backup) {
    char path[FILES_PATH_MAX];
    struct store_stat stat;
    TRY(files_join(op, dir, STORE_FILE, path));
    TRY(store_check(op, path, &stat));
    backup->rows = (int64_t)stat.rows;
    return files_digest(op, path, &backup->store_bytes, &backup->store_digest);
}

static void describe_keys(const struct files_tree *tree, struct backup *backup) {
    backup->keys = (int64_t)tree->count;
    backup->keys_digest = tree->digest;
}

static reason fill(struct op *op, const char *data, const char *part, struct backup *backup) {
    char keys[FILES_PATH_MAX];
    char path[FILES_PATH_MAX];
    struct files_tree copied;
    struct files_tree now;
    TRY(files_join(op, data, "keys", keys));
    TRY(files_join(op, part, "keys", path));
    TRY(files_copy_tree(op, keys, path, &copied));
    TRY(files_join(op, part, STORE_FILE, path));
    TRY(store_copy(op, data, path));
    TRY(files_copy_tree(op, keys, NULL, &now));
    if (now.count != copied.count || !same_secret(digest_slice(&now.digest), digest_slice(&copied.digest))) {
        REFUSE(op, DATA_DIR, "the keys in %s were changed while they were copied; run it again", keys);
    }
    describe_keys(&copied, backup);
    TRY(describe_store(op, part, backup));
    TRY(write_note(op, part, backup));
    return files_sync_dir(op, part);
}

static reason make(struct op *op, const char *data, const char *part, const char *to, struct backup *backup) {
    TRY(fill(op, data, part, backup));
    TRY(files_absent(op, to));
    if (rename(part, to) != 0) {
        REFUSE(op, DATA_DIR, "%s cannot be named %s: %s", part, to, strerror(errno));
    }
    return files_sync_parent(op, to);
}

reason backup_expect(struct op *op, const struct settings *settings, const char *to) {
    const char *data = NULL;
    const char *part = NULL;
    TRY(op_cstr(op, settings->data_dir, &data));
    TRY(files_own(op, data));
    TRY(op_cstr(op, op_text(op, "%s.part", to), &part));
    TRY(files_absent(op, part));
    return files_absent(op, to);
}

reason backup_make(struct op *op, const struct settings *settings, const char *to, struct backup *ret_backup) {
    const char *data = NULL;
    const char *part = NULL;
    TRY(op_cstr(op, settings->data_dir, &data));
    TRY(op_cstr(op, op_text(op, "%s.part", to), &part));
    TRY(backup_expect(op, settings, to));
    TRY(files_make_dir(op, part));
    *ret_backup = (struct backup){.made = op->now};
    reason why = make(op, data, part, to, ret_backup);
    if (why != NULL) {
        files_remove_tree(part);
    }
    return why;
}

// ---- checking ----

static reason refuse_other(struct op *op, const char *dir, const char *what) {
    REFUSE(op, STORE_UNAVAILABLE, "%s of the backup %s is not as it was made: it was changed, or is damaged; use another backup",
           what, dir);
}

static reason check_against(struct op *op, const char *from, const struct backup *note, const struct backup *found) {
    if (found->store_bytes != note->store_bytes ||
        !same_secret(digest_slice(&found->store_digest), digest_slice(&note->store_digest))) {
        return refuse_other(op, from, STORE_FILE);
    }
    if (found->keys != note->keys ||
        !same_secret(digest_slice(&found->keys_digest), digest_slice(&note->keys_digest))) {
        return refuse_other(op, from, "keys/");
    }
    return NULL;
}

// The digest first: what LMDB is given to read is then what was made.
reason backup_check(struct op *op, const char *from, struct backup *ret_backup) {
    char path[FILES_PATH_MAX];
    struct files_tree tree;
    struct backup found = {.made = 0};
    TRY(read_note(op, from, ret_backup));
    TRY(files_join(op, from, STORE_FILE, path));
    TRY(files_size(op, path, &found.store_bytes));
    if (found.store_bytes != ret_backup->store_bytes) {
        return refuse_other(op, from, STORE_FILE); // without reading what is far too large
    }
    TRY(files_digest(op, path, &found.store_bytes, &found.store_digest));
    TRY(files_join(op, from, "keys", path));
    TRY(files_copy_tree(op, path, NULL, &tree));
    describe_keys(&tree, &found);
    TRY(check_against(op, from, ret_backup, &found));
    TRY(describe_store(op, from, &found));
    return found.rows == ret_backup->rows ? NULL : refuse_other(op, from, STORE_FILE);
}

// ---- putting back ----

struct restoring {
    const struct backup *backup;
    struct actor actor;
};

static reason note_restored(struct op *op, struct txn *txn, void *arg) {
    const struct restoring *restoring = arg;
    int64_t now = clock_now(); // not when the command began: copying takes a while
    int64_t made = restoring->backup->made;
    return replay_restored(op, txn, &restoring->actor, made, now > made ? now : made);
}

// Before it is in its place: no gate can start with it as it was.
static reason mark(struct op *op, const char *stage, const struct backup *backup) {
    struct store *store = NULL;
    struct restoring restoring = {backup,
                                  {.kind = ACTOR_OPERATOR,
                                   .id = op_text(op, "operator:%u", (unsigned)getuid()),
                                   .address = S("local")}};
    TRY(store_open(op, stage, &store));
    reason why = gate_migrate(op, store);
    why = why != NULL ? why : store_write(op, store, note_restored, &restoring);
    store_close(store);
    TRY(why);
    // What did not get into the tree is in the journal, which is not moved: then it would not be marked.
    char journal[FILES_PATH_MAX];
    struct stat about;
    TRY(files_join(op, stage, STORE_FILE "-journal", journal));
    if (stat(journal, &about) == 0 ? about.st_size > 0 : errno != ENOENT) {
        REFUSE(op, STORE_UNAVAILABLE, "%s could not be written whole: is the disk full?", stage);
    }
    return NULL;
}

static reason move(struct op *op, const char *stage, const char *data, const char *name) {
    char from[FILES_PATH_MAX];
    char to[FILES_PATH_MAX];
    TRY(files_join(op, stage, name, from));
    TRY(files_join(op, data, name, to));
    if (rename(from, to) != 0) {
        REFUSE(op, DATA_DIR, "%s cannot be moved to %s: %s", from, to, strerror(errno));
    }
    return NULL;
}

static reason stage_all(struct op *op, const char *from, const char *stage, const struct backup *backup) {
    char source[FILES_PATH_MAX];
    char path[FILES_PATH_MAX];
    struct files_tree tree;
    struct backup copied = {.made = 0};
    TRY(files_join(op, from, "keys", source));
    TRY(files_join(op, stage, "keys", path));
    TRY(files_copy_tree(op, source, path, &tree));
    describe_keys(&tree, &copied);
    TRY(files_join(op, from, STORE_FILE, source));
    TRY(files_join(op, stage, STORE_FILE, path));
    TRY(files_copy(op, source, path));
    TRY(files_digest(op, path, &copied.store_bytes, &copied.store_digest));
    TRY(check_against(op, from, backup, &copied));
    return mark(op, stage, backup);
}

static reason put(struct op *op, const char *from, const char *data, const char *stage, const struct backup *backup) {
    char path[FILES_PATH_MAX];
    TRY(stage_all(op, from, stage, backup));
    TRY(files_join(op, data, STORE_FILE, path));
    TRY(move(op, stage, data, STORE_FILE));
    reason why = move(op, stage, data, "keys");
    if (why != NULL) {
        (void)unlink(path);
        return why;
    }
    return files_sync_dir(op, data);
}

static reason expect_empty(struct op *op, const char *data) {
    static const char *const names[] = {STORE_FILE, STORE_FILE "-journal", "keys"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[FILES_PATH_MAX];
        TRY(files_join(op, data, names[i], path));
        TRY(files_absent(op, path));
    }
    return NULL;
}

// Under the lock of the data directory; and while `restoring` is there nothing opens a store beside it.
static reason restore_held(struct op *op, const char *from, const char *data, const struct backup *backup) {
    char stage[FILES_PATH_MAX];
    TRY(expect_empty(op, data));
    TRY(files_join(op, data, STORE_RESTORING, stage));
    TRY(files_make_dir(op, stage));
    TRY(files_sync_dir(op, data));
    reason why = put(op, from, data, stage, backup);
    files_remove_tree(stage);
    return why != NULL ? why : files_sync_dir(op, data);
}

reason backup_restore(struct op *op, const struct settings *settings, const char *from, struct backup *ret_backup) {
    const char *data = NULL;
    AUTO_FD lock = -1;
    TRY(op_cstr(op, settings->data_dir, &data));
    TRY(backup_check(op, from, ret_backup));
    bool made = mkdir(data, 0700) == 0;
    if (!made && errno != EEXIST) {
        REFUSE(op, DATA_DIR, "the data directory %s cannot be made: %s", data, strerror(errno));
    }
    TRY(made ? files_sync_parent(op, data) : files_own(op, data));
    TRY(store_hold(op, data, &lock));
    return restore_held(op, from, data, ret_backup);
}
