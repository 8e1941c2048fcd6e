// SPDX-License-Identifier: GPL-3.0-or-later
// The LMDB body of the store: one file, one unnamed B+ tree, full sync at each commit. The only
// file that knows lmdb.h. It never retries, waits or locks: it says what an error means and
// commit.c decides. An error that is not the caller's own sticks to the transaction, so a function
// that swallows it still cannot commit.
#include "store/engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lmdb.h>

#include "base/check.h"

// A fresh store is small; the map costs address space only, and doubles when it is full.
#define MAP_START ((size_t)64 << 20)
// One slot for each read that runs at once: far above the threads of a gate.
#define READERS_MAX 1000
// Room for them: a slot is a cache line of 64 bytes, the head less than a kilobyte.
#define LOCK_FILE_BYTES ((READERS_MAX + 16) * 64)
// A verification reads a few hundred megabytes at most, so that a start takes seconds also with
// millions of rows.
#define VERIFY_ROWS_MAX 200000
#define PATH_BYTES 4096
// What a group of logins may add to the file at once, about.
#define PROBE_BYTES ((size_t)64 << 10)

struct engine {
    MDB_env *env;
    MDB_dbi rows;
};

// ---- errors

enum engine_class engine_class_of(int code) {
    switch (code) {
    case 0:
        return ENGINE_DONE;
    case MDB_MAP_FULL:
        return ENGINE_GROW;
    case MDB_MAP_RESIZED:
        return ENGINE_RESIZED;
    case MDB_TXN_FULL:
        return ENGINE_LARGE;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case MDB_READERS_FULL:
        return ENGINE_NO_ROOM;
    default:
        return ENGINE_FAILED;
    }
}

const char *engine_words(int code) {
    return mdb_strerror(code);
}

reason engine_refuse(struct op *op, int code) {
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        REFUSE(op, STORE_UNAVAILABLE,
               "the disk of the data directory is full (%s): nothing of this was stored; free some "
               "space, the store then goes on by itself",
               mdb_strerror(code));
    case ENGINE_CLOSED:
        REFUSE(op, STORE_UNAVAILABLE,
               "the store failed and is closed until it was reopened and verified; nothing of this "
               "was stored");
    case ENOMEM:
        REFUSE(op, STORE_UNAVAILABLE, "the store found no memory: nothing of this was stored");
    case MDB_READERS_FULL:
        REFUSE(op, STORE_UNAVAILABLE, "more than %d reads at once", READERS_MAX);
    default:
        REFUSE(op, STORE_UNAVAILABLE, "the store failed: %s", mdb_strerror(code));
    }
}

static reason fault(struct op *op, struct txn *txn, int code) {
    if (txn->fault == 0) {
        txn->fault = code;
    }
    return engine_refuse(op, txn->fault);
}

// ---- the environment

// LMDB finds a tree that cannot be: the file is damaged. Going on would spread it.
static void damaged(MDB_env *env, const char *what) {
    const char *path = NULL;
    (void)mdb_env_get_path(env, &path);
    (void)fprintf(stderr, "gatehouse: %s is damaged; restore it from a backup\n",
                  path != NULL ? path : "the store");
    check_failed(what, "lmdb", 0, "lmdb");
}

// The reader table is written through a shared map: a block that the disk has no room for would
// kill the process (SIGBUS) at some later read. So its blocks are taken now. Only before the
// environment is open: closing a second descriptor of that file drops LMDB's locks on it.
static int make_lock_file(const char *path) {
    char name[PATH_BYTES];
    int len = snprintf(name, sizeof name, "%s-lock", path);
    if (len < 0 || (size_t)len >= sizeof name) {
        return ENAMETOOLONG;
    }
    AUTO_FD fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? errno : posix_fallocate(fd, 0, LOCK_FILE_BYTES);
}

// Pages that were taken and given back in one transaction may end behind the end of the file; read
// there (or behind a cut) through the map, the process would die. As zeros they are refused as
// damaged.
static int fit_file(MDB_env *env) {
    MDB_envinfo info;
    MDB_stat stat;
    mdb_filehandle_t fd = -1;
    int code = mdb_env_info(env, &info);
    code = code != 0 ? code : mdb_env_stat(env, &stat);
    code = code != 0 ? code : mdb_env_get_fd(env, &fd);
    if (code != 0) {
        return code;
    }
    struct stat file;
    if (fstat(fd, &file) != 0) {
        return errno;
    }
    off_t used = (off_t)((info.me_last_pgno + 1) * stat.ms_psize);
    return file.st_size < used && ftruncate(fd, used) != 0 ? errno : 0;
}

static int open_rows(struct engine *engine) {
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(engine->env, NULL, MDB_RDONLY, &txn);
    if (code == 0) {
        code = mdb_dbi_open(txn, NULL, 0, &engine->rows);
        mdb_txn_abort(txn);
    }
    return code;
}

int engine_open(const char *path, struct engine **ret_engine) {
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        return ENOMEM;
    }
    int code = make_lock_file(path);
    code = code != 0 ? code : mdb_env_create(&engine->env);
    if (code != 0) {
        free(engine);
        return code;
    }
    (void)mdb_env_set_assert(engine->env, damaged);
    code = mdb_env_set_mapsize(engine->env, MAP_START);
    code = code != 0 ? code : mdb_env_set_maxreaders(engine->env, READERS_MAX);
    code = code != 0 ? code : mdb_env_open(engine->env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
    code = code != 0 ? code : fit_file(engine->env);
    code = code != 0 ? code : open_rows(engine);
    if (code != 0) {
        engine_close(engine);
        return code;
    }
    *ret_engine = engine;
    return 0;
}

void engine_close(struct engine *engine) {
    if (engine != NULL) {
        mdb_env_close(engine->env);
        free(engine);
    }
}

static int walk(struct engine *engine, MDB_txn *txn) {
    MDB_stat stat;
    MDB_cursor *cursor = NULL;
    int code = mdb_stat(txn, engine->rows, &stat);
    code = code != 0 ? code : mdb_cursor_open(txn, engine->rows, &cursor);
    if (code != 0) {
        return code;
    }
    size_t count = 0;
    MDB_val key;
    MDB_val value;
    struct slice before = SLICE_NONE;
    code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (code == 0 && count < VERIFY_ROWS_MAX) {
        struct slice here = slice_of(key.mv_data, key.mv_size);
        if (here.len == 0 || (count > 0 && slice_compare(before, here) >= 0)) {
            code = MDB_CORRUPTED;
            break;
        }
        before = here;
        count++;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (code == MDB_NOTFOUND) {
        return count == stat.ms_entries ? 0 : MDB_CORRUPTED;
    }
    return code;
}

int engine_verify(struct engine *engine) {
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(engine->env, NULL, MDB_RDONLY, &txn);
    if (code == 0) {
        code = walk(engine, txn);
        mdb_txn_abort(txn);
    }
    return code;
}

int engine_grow(struct engine *engine) {
    MDB_envinfo info;
    int code = mdb_env_info(engine->env, &info);
    if (code != 0) {
        return code;
    }
    if (info.me_mapsize > SIZE_MAX / 4) {
        return ENOMEM;
    }
    return mdb_env_set_mapsize(engine->env, info.me_mapsize * 2);
}

int engine_adopt(struct engine *engine) {
    return mdb_env_set_mapsize(engine->env, 0);
}

int engine_stat(struct engine *engine, struct store_stat *ret_stat) {
    MDB_envinfo info;
    MDB_stat stat;
    int code = mdb_env_info(engine->env, &info);
    code = code != 0 ? code : mdb_env_stat(engine->env, &stat);
    if (code == 0) {
        *ret_stat = (struct store_stat){.rows = stat.ms_entries,
                                        .map_bytes = info.me_mapsize,
                                        .used_bytes = (info.me_last_pgno + 1) * stat.ms_psize};
    }
    return code;
}

// ---- transactions

int engine_begin(struct engine *engine, bool writable, struct txn *ret_txn) {
    *ret_txn = (struct txn){.engine = engine, .writable = writable};
    return mdb_txn_begin(engine->env, NULL, writable ? 0 : MDB_RDONLY, &ret_txn->body);
}

static void close_scans(struct txn *txn) {
    for (size_t i = 0; i < TXN_SCANS_MAX; i++) {
        if (txn->scans[i] != NULL) {
            mdb_cursor_close(txn->scans[i]);
            txn->scans[i] = NULL;
        }
    }
}

// Nothing reads behind the end of the file.
static int probe(MDB_env *env) {
    static const char pages[PROBE_BYTES];
    mdb_filehandle_t fd = -1;
    struct stat file;
    if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &file) != 0) {
        return EIO;
    }
    ssize_t len = pwrite(fd, pages, sizeof pages, file.st_size);
    int code = len < 0 ? errno : len < (ssize_t)sizeof pages ? ENOSPC : 0;
    code = code == 0 && fdatasync(fd) != 0 ? errno : code;
    if (len > 0 && ftruncate(fd, file.st_size) != 0) {
        return EIO;
    }
    return code;
}

int engine_probe(struct engine *engine) {
    return probe(engine->env);
}

// LMDB says EIO when a write came out short, as it does on a disk that is just full.
static int what_eio_means(MDB_env *env) {
    int code = probe(env);
    return engine_class_of(code) == ENGINE_NO_ROOM ? code : EIO;
}

int engine_commit(struct txn *txn) {
    close_scans(txn);
    int code = mdb_txn_commit(txn->body);
    txn->body = NULL;
    return code == EIO ? what_eio_means(txn->engine->env) : code;
}

void engine_abort(struct txn *txn) {
    close_scans(txn);
    mdb_txn_abort(txn->body);
    txn->body = NULL;
}

static reason usable(struct op *op, struct txn *txn, struct slice key) {
    if (txn->fault != 0) {
        return engine_refuse(op, txn->fault);
    }
    if (key.len == 0 || key.len > STORE_KEY_MAX) {
        REFUSE(op, INVALID_INPUT,
               "a key of 1 to %d bytes is needed; a part of this one is too long, or none is there",
               STORE_KEY_MAX);
    }
    return NULL;
}

// LMDB's values have no const: what is given in is only read.
static MDB_val val(struct slice bytes) {
    MDB_val it = {.mv_size = bytes.len};
    memcpy(&it.mv_data, &bytes.at, sizeof it.mv_data);
    return it;
}

static struct slice slice_val(MDB_val it) {
    return slice_of(it.mv_data, it.mv_size);
}

reason txn_get(struct op *op, struct txn *txn, struct slice key, struct slice *ret_value) {
    TRY(usable(op, txn, key));
    MDB_val at = val(key);
    MDB_val value;
    int code = mdb_get(txn->body, txn->engine->rows, &at, &value);
    if (code != 0 && code != MDB_NOTFOUND) {
        return fault(op, txn, code);
    }
    *ret_value = code == 0 ? slice_val(value) : SLICE_NONE;
    return NULL;
}

reason txn_put(struct op *op, struct txn *txn, struct slice key, struct slice value) {
    CHECK(txn->writable);
    TRY(usable(op, txn, key));
    MDB_val at = val(key);
    MDB_val bytes = val(value);
    int code = mdb_put(txn->body, txn->engine->rows, &at, &bytes, 0);
    if (code != 0) {
        return fault(op, txn, code);
    }
    txn->writes++;
    return NULL;
}

reason txn_add(struct op *op, struct txn *txn, struct slice key, struct slice value,
               bool *ret_added) {
    CHECK(txn->writable);
    TRY(usable(op, txn, key));
    MDB_val at = val(key);
    MDB_val bytes = val(value);
    int code = mdb_put(txn->body, txn->engine->rows, &at, &bytes, MDB_NOOVERWRITE);
    if (code != 0 && code != MDB_KEYEXIST) {
        return fault(op, txn, code);
    }
    txn->writes += code == 0 ? 1 : 0;
    *ret_added = code == 0;
    return NULL;
}

reason txn_delete(struct op *op, struct txn *txn, struct slice key, bool *ret_there) {
    CHECK(txn->writable);
    TRY(usable(op, txn, key));
    MDB_val at = val(key);
    int code = mdb_del(txn->body, txn->engine->rows, &at, NULL);
    if (code != 0 && code != MDB_NOTFOUND) {
        return fault(op, txn, code);
    }
    txn->writes += code == 0 ? 1 : 0;
    *ret_there = code == 0;
    return NULL;
}

// ---- scans

reason scan_open(struct op *op, struct txn *txn, struct slice prefix, struct slice from,
                 bool backwards, struct scan *ret_scan) {
    *ret_scan = (struct scan){.ended = true}; // closing it is safe also when this refuses
    TRY(usable(op, txn, prefix));
    if (from.len > STORE_KEY_MAX) {
        REFUSE(op, INVALID_INPUT, "a listing cannot go on from a key of %zu bytes", from.len);
    }
    size_t slot = 0;
    while (slot < TXN_SCANS_MAX && txn->scans[slot] != NULL) {
        slot++;
    }
    CHECK(slot < TXN_SCANS_MAX);
    int code = mdb_cursor_open(txn->body, txn->engine->rows, &txn->scans[slot]);
    if (code != 0) {
        txn->scans[slot] = NULL;
        return fault(op, txn, code);
    }
    *ret_scan = (struct scan){.txn = txn,
                              .cursor = txn->scans[slot],
                              .prefix = prefix,
                              .backwards = backwards,
                              .from_len = from.len};
    if (from.len > 0) {
        memcpy(ret_scan->from, from.at, from.len);
    }
    return NULL;
}

static int seek_forwards(struct scan *scan, MDB_val *key, MDB_val *value) {
    struct slice from = slice_of(scan->from, scan->from_len);
    bool after = from.len > 0 && slice_compare(from, scan->prefix) >= 0;
    *key = val(after ? from : scan->prefix);
    int code = mdb_cursor_get(scan->cursor, key, value, MDB_SET_RANGE);
    if (code == 0 && after && slice_equal(slice_val(*key), from)) {
        code = mdb_cursor_get(scan->cursor, key, value, MDB_NEXT);
    }
    return code;
}

// The least key above all with this prefix; 0 bytes: there is none.
static size_t end_of(struct slice prefix, uint8_t end[STORE_KEY_MAX]) {
    size_t len = prefix.len;
    memcpy(end, prefix.at, len);
    while (len > 0 && end[len - 1] == 0xff) {
        len--;
    }
    if (len > 0) {
        end[len - 1]++;
    }
    return len;
}

static int seek_backwards(struct scan *scan, MDB_val *key, MDB_val *value) {
    uint8_t end[STORE_KEY_MAX];
    struct slice before = slice_of(end, end_of(scan->prefix, end));
    struct slice from = slice_of(scan->from, scan->from_len);
    if (from.len > 0 && (before.len == 0 || slice_compare(from, before) < 0)) {
        before = from;
    }
    int code = MDB_NOTFOUND;
    if (before.len > 0) {
        *key = val(before);
        code = mdb_cursor_get(scan->cursor, key, value, MDB_SET_RANGE);
    }
    if (code == 0) {
        return mdb_cursor_get(scan->cursor, key, value, MDB_PREV);
    }
    return code == MDB_NOTFOUND ? mdb_cursor_get(scan->cursor, key, value, MDB_LAST) : code;
}

static int step(struct scan *scan, MDB_val *key, MDB_val *value) {
    // After a write the cursor may stand elsewhere: it is set anew by the key that was given last.
    if (scan->started && scan->writes == scan->txn->writes) {
        return mdb_cursor_get(scan->cursor, key, value, scan->backwards ? MDB_PREV : MDB_NEXT);
    }
    scan->started = true;
    scan->writes = scan->txn->writes;
    return scan->backwards ? seek_backwards(scan, key, value) : seek_forwards(scan, key, value);
}

reason scan_next(struct op *op, struct scan *scan, struct slice *ret_key, struct slice *ret_value) {
    if (scan->ended) {
        *ret_key = SLICE_NONE;
        *ret_value = SLICE_NONE;
        return NULL;
    }
    if (scan->txn->fault != 0) {
        return engine_refuse(op, scan->txn->fault);
    }
    MDB_val key;
    MDB_val value;
    int code = step(scan, &key, &value);
    if (code != 0 && code != MDB_NOTFOUND) {
        return fault(op, scan->txn, code);
    }
    if (code == MDB_NOTFOUND || !slice_starts(slice_val(key), scan->prefix)) {
        scan->ended = true;
        *ret_key = SLICE_NONE;
        *ret_value = SLICE_NONE;
        return NULL;
    }
    if (key.mv_size > sizeof scan->from) {
        return fault(op, scan->txn, MDB_CORRUPTED);
    }
    memcpy(scan->from, key.mv_data, key.mv_size);
    scan->from_len = key.mv_size;
    *ret_key = slice_val(key);
    *ret_value = slice_val(value);
    return NULL;
}

void scan_close(struct scan *scan) {
    if (scan == NULL || scan->cursor == NULL) {
        return;
    }
    for (size_t i = 0; i < TXN_SCANS_MAX; i++) {
        if (scan->txn->scans[i] == scan->cursor) {
            mdb_cursor_close(scan->txn->scans[i]);
            scan->txn->scans[i] = NULL;
        }
    }
    scan->cursor = NULL;
    scan->ended = true;
}
