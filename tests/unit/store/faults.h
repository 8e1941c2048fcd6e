// SPDX-License-Identifier: GPL-3.0-or-later
// Failures of the journal, LMDB and the disk, on demand: the calls are wrapped by the linker (--wrap, see the Makefile).
#ifndef GATEHOUSE_UNIT_STORE_FAULTS_H
#define GATEHOUSE_UNIT_STORE_FAULTS_H

#include <errno.h>
#include <stdatomic.h>

#include <lmdb.h>

#include "writers.h"

// What the next call does; 0 fails none.
static atomic_int fail_write, fail_sync, fail_after_sync; // of the journal
static atomic_int fail_commit, fail_open, fail_put, fail_get, fail_resize;
static atomic_int opened; // attempts
static atomic_int committed; // attempts, of the tree
static atomic_int put_at; // the put that fails, from 1
static atomic_int hold_ms; // so long a put or commit that fails takes

ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __real_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);
int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn);
void __real_mdb_txn_abort(MDB_txn *txn);
void __wrap_mdb_txn_abort(MDB_txn *txn);
int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
int __real_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode);
int __wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode);
int __real_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags);
int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags);
int __real_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);
int __wrap_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data);
int __real_mdb_env_set_mapsize(MDB_env *env, size_t size);
int __wrap_mdb_env_set_mapsize(MDB_env *env, size_t size);

static bool is_journal(int fd) {
    char link[64];
    char path[4096];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    return len > 0 && slice_ends(slice_of(path, (size_t)len), S(JOURNAL_SUFFIX));
}

static int fails(int fd, atomic_int *what) {
    errno = is_journal(fd) ? atomic_exchange(what, 0) : 0;
    return errno;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at) {
    return fails(fd, &fail_write) != 0 ? -1 : __real_pwrite(fd, bytes, len, at);
}

// After a sync that was done all the same, the journal cannot take back either.
int __wrap_fdatasync(int fd) {
    if (fails(fd, &fail_sync) != 0) {
        return -1;
    }
    int code = __real_fdatasync(fd);
    int after = fails(fd, &fail_after_sync);
    if (code == 0 && after != 0) {
        atomic_store(&fail_write, after);
        errno = after;
        return -1;
    }
    return code;
}

// LMDB's rule: a transaction that writes ends on the thread that began it.
static MDB_txn *_Atomic writing;
static pthread_t writes;
static atomic_bool ended_elsewhere;

int __wrap_mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn) {
    int code = __real_mdb_txn_begin(env, parent, flags, txn);
    if (code == 0 && (flags & MDB_RDONLY) == 0) {
        writes = pthread_self();
        atomic_store(&writing, *txn);
    }
    return code;
}

static void ends(MDB_txn *txn) {
    if (atomic_load(&writing) == txn) {
        atomic_store(&ended_elsewhere, atomic_load(&ended_elsewhere) || !pthread_equal(pthread_self(), writes));
    }
}

void __wrap_mdb_txn_abort(MDB_txn *txn) {
    ends(txn);
    __real_mdb_txn_abort(txn);
}

static void hold_up(void) {
    (void)usleep((useconds_t)atomic_load(&hold_ms) * 1000);
}

int __wrap_mdb_txn_commit(MDB_txn *txn) {
    ends(txn);
    atomic_fetch_add(&committed, 1);
    int code = atomic_exchange(&fail_commit, 0);
    if (code != 0) {
        hold_up();
        mdb_txn_abort(txn);
        return code;
    }
    return __real_mdb_txn_commit(txn);
}

int __wrap_mdb_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode) {
    atomic_fetch_add(&opened, 1);
    return atomic_load(&fail_open) != 0 ? atomic_load(&fail_open)
                                        : __real_mdb_env_open(env, path, flags, mode);
}

int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags) {
    int code = atomic_load(&fail_put) != 0 && atomic_fetch_sub(&put_at, 1) == 1 ? atomic_exchange(&fail_put, 0) : 0;
    if (code != 0 && atomic_load(&hold_ms) > 0) {
        hold_up();
        MDB_envinfo info;
        assert_int_equal(mdb_env_info(mdb_txn_env(txn), &info), 0);
        MDB_val much = {info.me_mapsize, data->mv_data}; // so that LMDB, too, gives up the transaction
        assert_int_equal(__real_mdb_put(txn, dbi, key, &much, 0), MDB_MAP_FULL);
    }
    return code != 0 ? code : __real_mdb_put(txn, dbi, key, data, flags);
}

int __wrap_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data) {
    int code = atomic_exchange(&fail_get, 0);
    return code != 0 ? code : __real_mdb_get(txn, dbi, key, data);
}

int __wrap_mdb_env_set_mapsize(MDB_env *env, size_t size) {
    int code = atomic_exchange(&fail_resize, 0);
    if (code != 0) { // more than there can be: the map is gone
        assert_int_equal(__real_mdb_env_set_mapsize(env, (size_t)1 << 60), code);
        return code;
    }
    return __real_mdb_env_set_mapsize(env, size);
}

// Whoever waits for the tail comes in before the committer goes on.
static struct store *_Atomic paused;
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
    int code = __real_pthread_mutex_unlock(mutex);
    struct store *store = atomic_load(&paused);
    if (store != NULL && mutex == &store->tail_use && pthread_equal(pthread_self(), store->committer)) {
        hold_up();
    }
    return code;
}

__attribute__((unused)) static void fail_one_put(int code, int which) {
    atomic_store(&put_at, which);
    atomic_store(&fail_put, code);
}

__attribute__((unused)) static reason write_row(struct scratch *at, struct slice key) {
    struct one_row row = {.key = key, .value = S("v")};
    return store_write(&at->op, at->store, put_one, &row);
}

__attribute__((unused)) static void wait_until_ready(struct scratch *at) {
    for (int i = 0; i < 5000 && !store_ready(at->store); i++) {
        nap();
    }
    assert_true(store_ready(at->store));
}

#endif
