// SPDX-License-Identifier: GPL-3.0-or-later
// The file of the tree beside the gate that has it open. LMDB lets another process read: it takes a place in the table of readers, and
// what it reads stays as it was.
#include <sys/stat.h>
#include <unistd.h>

#include "store/lmdb.h"

#define COPY_AGAIN 5

static int open_env(const char *path, unsigned flags, MDB_env **ret_env) {
    MDB_env *env = NULL;
    int code = mdb_env_create(&env);
    if (code != 0) {
        return code;
    }
    code = mdb_env_set_maxreaders(env, READERS_MAX);
    code = code != 0 ? code : mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOTLS | MDB_RDONLY | flags, 0600);
    if (code != 0) {
        mdb_env_close(env);
        return code;
    }
    *ret_env = env;
    return 0;
}

static int copy_once(const char *from, int to) {
    MDB_env *env = NULL;
    int code = open_env(from, 0, &env);
    if (code != 0) {
        return code;
    }
    code = mdb_env_copyfd2(env, to, MDB_CP_COMPACT);
    mdb_env_close(env);
    return code;
}

// The map may grow between the opening and the reading: nothing is written then.
int engine_copy(const char *from, int to) {
    int code = copy_once(from, to);
    for (int again = 0; again < COPY_AGAIN && code == MDB_MAP_RESIZED; again++) {
        code = copy_once(from, to);
    }
    return code == 0 && fsync(to) != 0 ? errno : code;
}

// Read through the map behind the end of the file, the process would die.
static int fits(MDB_env *env, const MDB_envinfo *info, const MDB_stat *stat) {
    mdb_filehandle_t fd = -1;
    struct stat file;
    if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &file) != 0) {
        return EIO;
    }
    return stat->ms_psize > 0 && info->me_last_pgno < (uint64_t)file.st_size / stat->ms_psize ? 0 : MDB_CORRUPTED;
}

static int count_rows(MDB_env *env, struct store_stat *ret_stat) {
    MDB_envinfo info;
    MDB_stat stat;
    MDB_txn *txn = NULL;
    MDB_dbi rows = 0;
    int code = mdb_env_info(env, &info);
    code = code != 0 ? code : mdb_env_stat(env, &stat);
    if (code != 0) {
        return code;
    }
    *ret_stat = (struct store_stat){.map_bytes = info.me_mapsize,
                                    .used_bytes = (info.me_last_pgno + 1) * stat.ms_psize};
    code = fits(env, &info, &stat);
    code = code != 0 ? code : mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (code == 0) {
        code = mdb_dbi_open(txn, NULL, 0, &rows);
        code = code != 0 ? code : env_walk(txn, rows, UINT64_MAX, &ret_stat->rows);
        mdb_txn_abort(txn);
    }
    return code;
}

int engine_count(const char *file, struct store_stat *ret_stat) {
    MDB_env *env = NULL;
    int code = open_env(file, MDB_NOLOCK, &env);
    if (code == 0) {
        code = count_rows(env, ret_stat);
        mdb_env_close(env);
    }
    return code;
}
