// SPDX-License-Identifier: GPL-3.0-or-later
// The file of the tree: one environment, one unnamed B+ tree, full sync at each commit; and what LMDB's errors mean. It
// never retries, waits or locks: it says what an error means and commit.c decides.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "store/lmdb.h"

// A fresh store is small; the map costs address space only, and doubles when it is full.
#define MAP_START ((size_t)64 << 20)
// Room for them: a slot is a cache line of 64 bytes, the head less than a kilobyte.
#define LOCK_FILE_BYTES ((READERS_MAX + 16) * 64)
// A verification reads a few hundred megabytes at most, so that a start takes seconds also with
// millions of rows.
#define VERIFY_ROWS_MAX 200000
#define PATH_BYTES 4096
// The file is kept so much larger than the tree, once that is as large itself: more than a full tail adds to it.
#define AHEAD_BYTES ((size_t)8 << 20)
// In steps of this; what a kernel reads at once at the least.
#define AHEAD_STEP ((size_t)128 << 10)
// What a group of logins may add to the file at once, about.
#define PROBE_BYTES ((size_t)64 << 10)

// ---- errors

enum engine_class engine_class_of(int code) {
    switch (code) {
    case 0:
        return ENGINE_DONE;
    case MDB_MAP_FULL:
        return ENGINE_GROW;
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

static int open_journal(const char *path, struct journal **ret_journal) {
    char name[PATH_BYTES];
    int len = snprintf(name, sizeof name, "%s" JOURNAL_SUFFIX, path);
    return len < 0 || (size_t)len >= sizeof name ? ENAMETOOLONG : journal_open(name, ret_journal);
}

int engine_open(const char *path, struct engine_changes *changes, struct engine **ret_engine) {
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        return ENOMEM;
    }
    engine->unread = true;
    engine->changes = changes;
    int code = make_lock_file(path);
    code = code != 0 ? code : mdb_env_create(&engine->env);
    if (code != 0) {
        free(engine);
        return code;
    }
    (void)mdb_env_set_assert(engine->env, damaged);
    code = mdb_env_set_mapsize(engine->env, MAP_START);
    code = code != 0 ? code : mdb_env_set_maxreaders(engine->env, READERS_MAX);
    code = code != 0 ? code : mdb_env_open(engine->env, path, MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD, 0600);
    code = code != 0 ? code : fit_file(engine->env);
    code = code != 0 ? code : open_rows(engine);
    code = code != 0 ? code : open_journal(path, &engine->journal);
    if (code != 0) {
        engine_close(engine);
        return code;
    }
    *ret_engine = engine;
    return 0;
}

void engine_close(struct engine *engine) {
    if (engine != NULL) {
        if (engine->journal != NULL) {
            bool all_in = engine->tail == NULL && !engine->unread && journal_bytes(engine->journal) == 0;
            engine_drop(engine);
            if (all_in) { // whoever then puts an older tree beside it, or begins a new one, means that
                journal_empty(engine->journal);
            }
        }
        mdb_env_close(engine->env);
        journal_close(engine->journal);
        free(engine->undo.at);
        free(engine);
    }
}

int env_walk(MDB_txn *txn, MDB_dbi rows, uint64_t most, uint64_t *ret_count) {
    MDB_stat stat;
    MDB_cursor *cursor = NULL;
    int code = mdb_stat(txn, rows, &stat);
    code = code != 0 ? code : mdb_cursor_open(txn, rows, &cursor);
    if (code != 0) {
        return code;
    }
    uint64_t count = 0;
    MDB_val key;
    MDB_val value;
    struct slice before = SLICE_NONE;
    code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (code == 0 && count < most) {
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
    *ret_count = count;
    if (code == MDB_NOTFOUND) {
        return count == stat.ms_entries ? 0 : MDB_CORRUPTED;
    }
    return code;
}

int engine_verify(struct engine *engine) {
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(engine->env, NULL, MDB_RDONLY, &txn);
    if (code == 0) {
        uint64_t count = 0;
        code = env_walk(txn, engine->rows, VERIFY_ROWS_MAX, &count);
        mdb_txn_abort(txn);
    }
    return code;
}

int engine_stat(struct engine *engine, struct store_stat *ret_stat) {
    MDB_envinfo info;
    MDB_stat stat;
    int code = mdb_env_info(engine->env, &info);
    if (code == 0) {
        code = engine->tail != NULL ? mdb_stat(engine->tail, engine->rows, &stat)
                                    : mdb_env_stat(engine->env, &stat);
    }
    if (code == 0) {
        *ret_stat = (struct store_stat){.rows = stat.ms_entries,
                                        .map_bytes = info.me_mapsize,
                                        .used_bytes = (info.me_last_pgno + 1) * stat.ms_psize};
    }
    return code;
}

int env_base(MDB_env *env, uint64_t *ret_base) {
    MDB_envinfo info;
    MDB_stat stat;
    int code = mdb_env_info(env, &info);
    code = code != 0 ? code : mdb_env_stat(env, &stat);
    if (code == 0) {
        const uint64_t tree[] = {info.me_last_txnid,   info.me_last_pgno,  stat.ms_entries,
                                 stat.ms_branch_pages, stat.ms_leaf_pages, stat.ms_overflow_pages};
        *ret_base = journal_base(slice_of((const char *)tree, sizeof tree));
    }
    return code;
}

// Linux keeps what is written at once, and was not in memory before, in one large folio, and ext4 then goes through all blocks of a
// folio for each page of it that is written. LMDB writes new pages in runs, and changes them later one by one. What is read
// without read-ahead comes into memory page by page, and stays so. Nothing depends on it: whoever has no room for it goes on as he is.
void env_go_ahead(struct engine *engine) {
    MDB_envinfo info;
    MDB_stat stat;
    mdb_filehandle_t fd = -1;
    struct stat file;
    if (mdb_env_info(engine->env, &info) != 0 || mdb_env_stat(engine->env, &stat) != 0 ||
        mdb_env_get_fd(engine->env, &fd) != 0 || fstat(fd, &file) != 0) {
        return;
    }
    size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
    size_t from = engine->ahead > used ? engine->ahead : used / AHEAD_STEP * AHEAD_STEP;
    size_t end = (used + AHEAD_BYTES) / AHEAD_STEP * AHEAD_STEP;
    if (used < AHEAD_BYTES || end < from + AHEAD_BYTES / 4 || end > info.me_mapsize ||
        (file.st_size < (off_t)end && ftruncate(fd, (off_t)end) != 0)) {
        return;
    }
    for (; from < end; from += AHEAD_STEP) {
        (void)posix_fadvise(fd, (off_t)from, AHEAD_STEP, POSIX_FADV_WILLNEED);
    }
    engine->ahead = end;
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
int env_what_it_means(MDB_env *env, int code) {
    if (code != EIO) {
        return code;
    }
    int found = probe(env);
    return engine_class_of(found) == ENGINE_NO_ROOM ? found : EIO;
}
