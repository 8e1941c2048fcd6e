// SPDX-License-Identifier: GPL-3.0-or-later
// What happens when the journal, LMDB or the disk fails: nothing is acknowledged, the environment is closed,
// reopened and verified, and only then does the store take work again; and what was acknowledged before the tree had it is
// not lost. The calls are wrapped by the linker (--wrap).
#include <errno.h>
#include <stdatomic.h>

#include <lmdb.h>

#include "writers.h"

// What the next call does; 0 fails none.
static atomic_int fail_write, fail_sync, fail_after_sync; // of the journal
static atomic_int fail_commit, fail_open, fail_put, fail_get, fail_resize;
static atomic_int opened; // attempts
static atomic_int put_at; // the put that fails, from 1

ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

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

int __wrap_mdb_txn_commit(MDB_txn *txn) {
    int code = atomic_exchange(&fail_commit, 0);
    if (code != 0) {
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
    return code != 0 ? code : __real_mdb_put(txn, dbi, key, data, flags);
}

int __wrap_mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data) {
    int code = atomic_exchange(&fail_get, 0);
    return code != 0 ? code : __real_mdb_get(txn, dbi, key, data);
}

int __wrap_mdb_env_set_mapsize(MDB_env *env, size_t size) {
    int code = atomic_exchange(&fail_resize, 0);
    return code != 0 ? code : __real_mdb_env_set_mapsize(env, size);
}

static void fail_one_put(int code, int which) {
    atomic_store(&put_at, which);
    atomic_store(&fail_put, code);
}

static reason write_row(struct scratch *at, struct slice key) {
    struct one_row row = {.key = key, .value = S("v")};
    return store_write(&at->op, at->store, put_one, &row);
}

static void wait_until_ready(struct scratch *at) {
    for (int i = 0; i < 5000 && !store_ready(at->store); i++) {
        nap();
    }
    assert_true(store_ready(at->store));
}

static void a_failed_sync_acknowledges_nothing_and_comes_back(void **state) {
    struct scratch *at = *state;
    assert_done(write_row(at, S("k:before")));
    int opens = atomic_load(&opened);
    uint64_t changes = store_changes(at->store, 'q');
    atomic_store(&fail_sync, EIO);
    assert_refused(write_row(at, S("k:lost")), STORE_UNAVAILABLE);
    assert_int_not_equal(store_changes(at->store, 'q'), changes); // whatever was read may not be so
    assert_slice(at->op.detail, S("the store failed: Input/output error"));
    assert_false(store_ready(at->store));
    assert_refused(write_row(at, S("k:closed")), STORE_UNAVAILABLE);
    struct one_row row = {.key = S("k:before")};
    struct store_stat stat;
    assert_refused(store_read(&at->op, at->store, get_one, &row), STORE_UNAVAILABLE);
    assert_refused(store_stat(&at->op, at->store, &stat), STORE_UNAVAILABLE);
    wait_until_ready(at);
    assert_int_equal(atomic_load(&opened), opens + 1);
    assert_done(write_row(at, S("k:after")));
    assert_true(has_row(at, S("k:before")) && has_row(at, S("k:after")));
    assert_false(has_row(at, S("k:lost")) || has_row(at, S("k:closed")));
}

// The disk took it, but nobody knows: that is a refusal too.
static void an_unknown_outcome_is_a_refusal(void **state) {
    struct scratch *at = *state;
    atomic_store(&fail_after_sync, EIO);
    assert_refused(write_row(at, S("k:k")), STORE_UNAVAILABLE);
    assert_false(store_ready(at->store));
    wait_until_ready(at);
    assert_true(has_row(at, S("k:k")));
}

static void a_whole_group_and_who_waits_behind_it_are_refused(void **state) {
    enum { COUNT = STORE_GROUP_MAX + 10 };
    struct scratch *at = *state;
    static struct writer writers[COUNT];
    static struct one_row rows[COUNT];
    static char keys[COUNT][3];
    struct gatekeeper keeper;
    hold_committer(&keeper, at->store);
    for (size_t i = 0; i < COUNT; i++) {
        (void)memcpy(keys[i], (char[3]){0x10, (char)(i >> 8), (char)i}, 3);
        rows[i] = (struct one_row){.key = slice_of(keys[i], 3), .value = S("v")};
        writer_start(&writers[i], at->store, put_one, &rows[i]);
    }
    wait_for_waiting(at->store, COUNT);
    atomic_store(&fail_sync, EIO);
    let_go(&keeper);
    for (size_t i = 0; i < COUNT; i++) {
        assert_refused(writer_wait(&writers[i]), STORE_UNAVAILABLE);
        assert_true(writers[i].op.detail.len > 0);
        writer_drop(&writers[i]);
    }
    wait_until_ready(at);
    for (size_t i = 0; i < COUNT; i++) {
        assert_false(has_row(at, rows[i].key));
    }
}

static void it_is_not_ready_while_it_cannot_be_reopened(void **state) {
    struct scratch *at = *state;
    assert_done(write_row(at, S("k:before")));
    int opens = atomic_load(&opened);
    atomic_store(&fail_open, EIO);
    atomic_store(&fail_sync, EIO);
    assert_refused(write_row(at, S("k:lost")), STORE_UNAVAILABLE);
    while (atomic_load(&opened) < opens + 2) {
        assert_false(store_ready(at->store));
        nap();
    }
    assert_refused(write_row(at, S("k:lost")), STORE_UNAVAILABLE);
    atomic_store(&fail_open, 0);
    wait_until_ready(at);
    assert_true(has_row(at, S("k:before")));
    assert_done(write_row(at, S("k:after")));
}

static void it_is_not_ready_before_it_is_verified(void **state) {
    struct scratch *at = *state;
    int opens = atomic_load(&opened);
    atomic_store(&fail_sync, EIO);
    atomic_store(&fail_get, MDB_CORRUPTED); // met by the first verification
    assert_refused(write_row(at, S("k:lost")), STORE_UNAVAILABLE);
    wait_until_ready(at);
    assert_int_equal(atomic_load(&fail_get), 0);
    assert_int_equal(atomic_load(&opened), opens + 2);
}

static void it_closes_also_while_it_is_down(void **state) {
    struct scratch *at = *state;
    assert_done(write_row(at, S("k:before")));
    atomic_store(&fail_open, EIO);
    atomic_store(&fail_sync, EIO);
    assert_refused(write_row(at, S("k:lost")), STORE_UNAVAILABLE);
    store_close(at->store);
    at->store = NULL;
    atomic_store(&fail_open, 0);
    assert_done(store_open(&at->op, at->dir, &at->store));
    assert_true(has_row(at, S("k:before")));
}

static void a_full_disk_leaves_the_environment_open(void **state) {
    static const int codes[] = {ENOSPC, EDQUOT, EFBIG};
    struct scratch *at = *state;
    int opens = atomic_load(&opened);
    for (size_t i = 0; i < 3; i++) {
        atomic_store(i % 2 == 0 ? &fail_write : &fail_sync, codes[i]);
        assert_refused(write_row(at, S("k:k")), STORE_UNAVAILABLE);
        assert_true(slice_find(at->op.detail, S("is full")) != SIZE_MAX);
        assert_true(store_ready(at->store));
        assert_false(has_row(at, S("k:k")));
    }
    assert_done(write_row(at, S("k:k")));
    assert_int_equal(atomic_load(&opened), opens);
}

// A function that hears of an error and answers that all is well.
static reason swallow(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    TRY(txn_put(op, txn, S("k:first"), S("v")));
    fail_one_put(ENOSPC, 1);
    assert_refused(txn_put(op, txn, S("k:second"), S("v")), STORE_UNAVAILABLE);
    assert_refused(txn_put(op, txn, S("k:third"), S("v")), STORE_UNAVAILABLE);
    return NULL;
}

static void who_swallows_an_error_still_stores_nothing(void **state) {
    struct scratch *at = *state;
    assert_refused(store_write(&at->op, at->store, swallow, NULL), STORE_UNAVAILABLE);
    assert_true(store_ready(at->store));
    assert_false(has_row(at, S("k:first")));
}

static void damage_that_a_write_meets_closes_the_store(void **state) {
    struct scratch *at = *state;
    fail_one_put(MDB_CORRUPTED, 1);
    assert_refused(write_row(at, S("k:k")), STORE_UNAVAILABLE);
    assert_false(store_ready(at->store));
    wait_until_ready(at);
    assert_done(write_row(at, S("k:k")));
}

static void damage_that_a_read_meets_closes_the_store(void **state) {
    struct scratch *at = *state;
    struct one_row row = {.key = S("k:k")};
    int opens = atomic_load(&opened);
    assert_done(write_row(at, S("k:k")));
    atomic_store(&fail_get, MDB_CORRUPTED);
    assert_refused(store_read(&at->op, at->store, get_one, &row), STORE_UNAVAILABLE);
    wait_until_ready(at);
    assert_int_equal(atomic_load(&opened), opens + 1);
    assert_true(has_row(at, S("k:k")));
}

static void a_map_that_fills_up_grows_without_a_word(void **state) {
    struct scratch *at = *state;
    struct store_stat before;
    struct store_stat after;
    assert_done(store_stat(&at->op, at->store, &before));
    fail_one_put(MDB_MAP_FULL, 1);
    assert_done(write_row(at, S("k:k")));
    assert_done(store_stat(&at->op, at->store, &after));
    assert_true(after.map_bytes == before.map_bytes * 2);
    assert_true(has_row(at, S("k:k")));
}

static void a_map_that_cannot_grow_is_reopened(void **state) {
    struct scratch *at = *state;
    fail_one_put(MDB_MAP_FULL, 1);
    atomic_store(&fail_resize, ENOMEM);
    assert_refused(write_row(at, S("k:k")), STORE_UNAVAILABLE);
    wait_until_ready(at);
    assert_done(write_row(at, S("k:k")));
}

static void one_write_that_is_too_large_is_refused_alone(void **state) {
    struct scratch *at = *state;
    fail_one_put(MDB_TXN_FULL, 1);
    assert_refused(write_row(at, S("k:k")), LIMIT_MEMORY);
    assert_true(store_ready(at->store));
    assert_done(write_row(at, S("k:k")));
}

// ---- the tail

static void wait_for_no_tail(struct scratch *at) {
    for (int i = 0; i < 5000 && atomic_load(&at->store->tail); i++) {
        nap();
    }
    assert_false(atomic_load(&at->store->tail));
}

static void wait_until_taken(const atomic_int *what) {
    for (int i = 0; i < 5000 && atomic_load(what) != 0; i++) {
        nap();
    }
    assert_int_equal(atomic_load(what), 0);
}

static void a_tail_that_the_tree_fails_to_take_is_not_lost(void **state) {
    struct scratch *at = *state;
    int opens = atomic_load(&opened);
    atomic_store(&fail_commit, EIO);
    assert_done(write_row(at, S("k:k"))); // the journal has it
    wait_until_taken(&fail_commit);
    for (int i = 0; i < 5000 && atomic_load(&opened) == opens; i++) {
        nap();
    }
    wait_until_ready(at);
    assert_true(has_row(at, S("k:k")));
    assert_done(write_row(at, S("k:after")));
    reopen_store(at);
    assert_true(has_row(at, S("k:k")) && has_row(at, S("k:after")));
}

static void a_tail_that_has_no_room_is_read_and_goes_in_later(void **state) {
    struct scratch *at = *state;
    int opens = atomic_load(&opened);
    atomic_store(&fail_commit, ENOSPC);
    assert_done(write_row(at, S("k:k")));
    wait_until_taken(&fail_commit);
    for (int i = 0; i < 5000 && !store_full(at->store); i++) {
        nap();
    }
    assert_true(store_full(at->store));
    assert_true(has_row(at, S("k:k")));
    assert_done(write_row(at, S("k:more"))); // the journal has room
    assert_true(has_row(at, S("k:more")));
    for (int i = 0; i < 5000 && store_full(at->store); i++) {
        nap();
    }
    wait_for_no_tail(at);
    assert_int_equal(atomic_load(&opened), opens);
    assert_true(has_row(at, S("k:k")) && has_row(at, S("k:more")));
}

static void a_map_that_fills_up_keeps_the_tail(void **state) {
    struct scratch *at = *state;
    for (char i = 'a'; i < 'f'; i++) {
        const char key[] = {'k', ':', i};
        fail_one_put(MDB_MAP_FULL, 1);
        assert_done(write_row(at, slice_of(key, sizeof key)));
        for (char j = 'a'; j <= i; j++) {
            const char before[] = {'k', ':', j};
            assert_true(has_row(at, slice_of(before, sizeof before)));
        }
    }
}

static void what_is_too_much_together_goes_in_turn(void **state) {
    struct scratch *at = *state;
    struct one_row rows[] = {{.key = S("k:0"), .value = S("v")}, {.key = S("k:1"), .value = S("v")}};
    struct store_job jobs[2];
    struct op ops[2];
    for (size_t i = 0; i < 2; i++) {
        op_open(&ops[i], NOON);
        jobs[i] = (struct store_job){.op = &ops[i], .fn = put_one, .arg = &rows[i]};
    }
    fail_one_put(MDB_TXN_FULL, 2);
    store_write_many(at->store, jobs, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_done(jobs[i].why);
        assert_true(has_row(at, rows[i].key));
        op_close(&ops[i]);
    }
}

struct noting {
    struct slice key;
    unsigned runs;
};
static reason note_and_put(struct op *op, struct txn *txn, void *arg) {
    struct noting *noting = arg;
    noting->runs++;
    op_error(op, S("/noted"), REASON_OF(FIELD_VALUE), "once");
    return txn_put(op, txn, noting->key, S("v"));
}

static void who_runs_again_says_its_errors_once(void **state) {
    struct scratch *at = *state;
    struct noting notings[2] = {{.key = S("k:0")}, {.key = S("k:1")}};
    struct store_job jobs[2];
    struct op ops[2];
    for (size_t i = 0; i < 2; i++) {
        op_open(&ops[i], NOON);
        jobs[i] = (struct store_job){.op = &ops[i], .fn = note_and_put, .arg = &notings[i]};
    }
    fail_one_put(MDB_MAP_FULL, 2);
    store_write_many(at->store, jobs, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_done(jobs[i].why);
        assert_int_equal(notings[i].runs, 2);
        assert_int_equal(ops[i].error_count, 1);
        op_close(&ops[i]);
    }
    assert_true(has_row(at, S("k:0")) && has_row(at, S("k:1")));
}

static reason put_and_refuse(struct op *op, struct txn *txn, void *arg) {
    TRY(txn_put(op, txn, S("k:there"), S("changed")));
    fail_one_put(*(int *)arg, 1); // met by what takes it back
    REFUSE(op, INVALID_INPUT, "no");
}

static void a_write_that_cannot_be_taken_back_takes_nobody_along(void **state) {
    struct scratch *at = *state;
    int codes[] = {MDB_MAP_FULL, MDB_TXN_FULL};
    for (size_t i = 0; i < 2; i++) {
        put_row(at, S("k:there"), S("first"));
        struct one_row row = {.key = S("k:other"), .value = S("v")};
        struct op ops[2];
        op_open(&ops[0], NOON);
        op_open(&ops[1], NOON);
        struct store_job jobs[] = {{.op = &ops[0], .fn = put_and_refuse, .arg = &codes[i]},
                                   {.op = &ops[1], .fn = put_one, .arg = &row}};
        store_write_many(at->store, jobs, 2);
        assert_ptr_equal(jobs[0].why, REASON_OF(INVALID_INPUT));
        assert_done(jobs[1].why);
        assert_true(row_is(at, S("k:there"), S("first")) && has_row(at, S("k:other")));
        op_close(&ops[0]);
        op_close(&ops[1]);
    }
}

// More than the journal takes: the tree has it at once, or nobody has.
static reason put_much(struct op *op, struct txn *txn, void *arg) {
    static char value[1 << 20];
    for (unsigned char i = 0; i < 6; i++) {
        const unsigned char key[] = {'m', *(unsigned char *)arg, i};
        TRY(txn_put(op, txn, slice_of(key, sizeof key), slice_of(value, sizeof value)));
    }
    return NULL;
}

static void a_large_write_is_durable_in_the_tree(void **state) {
    struct scratch *at = *state;
    unsigned char name = 'a';
    put_row(at, S("k:before"), S("v"));
    assert_done(store_write(&at->op, at->store, put_much, &name));
    assert_false(atomic_load(&at->store->tail));
    name = 'b';
    atomic_store(&fail_commit, ENOSPC);
    assert_refused(store_write(&at->op, at->store, put_much, &name), STORE_UNAVAILABLE);
    assert_true(has_row(at, S("k:before")) && has_row(at, S("ma\5")));
    assert_false(has_row(at, S("mb\0")));
    put_row(at, S("k:after"), S("v"));
    atomic_store(&fail_commit, ENOSPC);
    assert_refused(store_write(&at->op, at->store, put_much, &name), STORE_UNAVAILABLE);
    assert_true(has_row(at, S("k:after")) && !has_row(at, S("mb\0")));
    assert_done(store_write(&at->op, at->store, put_much, &name));
    reopen_store(at);
    assert_true(has_row(at, S("k:after")) && has_row(at, S("mb\5")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_failed_sync_acknowledges_nothing_and_comes_back),
        STORE_TEST(an_unknown_outcome_is_a_refusal),
        STORE_TEST(a_whole_group_and_who_waits_behind_it_are_refused),
        STORE_TEST(it_is_not_ready_while_it_cannot_be_reopened),
        STORE_TEST(it_is_not_ready_before_it_is_verified),
        STORE_TEST(it_closes_also_while_it_is_down),
        STORE_TEST(a_full_disk_leaves_the_environment_open),
        STORE_TEST(who_swallows_an_error_still_stores_nothing),
        STORE_TEST(damage_that_a_write_meets_closes_the_store),
        STORE_TEST(damage_that_a_read_meets_closes_the_store),
        STORE_TEST(a_map_that_fills_up_grows_without_a_word),
        STORE_TEST(a_map_that_cannot_grow_is_reopened),
        STORE_TEST(one_write_that_is_too_large_is_refused_alone),
        STORE_TEST(a_tail_that_the_tree_fails_to_take_is_not_lost),
        STORE_TEST(a_tail_that_has_no_room_is_read_and_goes_in_later),
        STORE_TEST(a_map_that_fills_up_keeps_the_tail),
        STORE_TEST(what_is_too_much_together_goes_in_turn),
        STORE_TEST(who_runs_again_says_its_errors_once),
        STORE_TEST(a_write_that_cannot_be_taken_back_takes_nobody_along),
        STORE_TEST(a_large_write_is_durable_in_the_tree),
    };
    RUN(tests);
}
