// SPDX-License-Identifier: GPL-3.0-or-later
// What happens when the journal, LMDB or the disk fails: nothing is acknowledged, the environment is closed,
// reopened and verified, and only then does the store take work again; and what was acknowledged before the tree had it is
// not lost.
#include "faults.h"

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
    int opens = atomic_load(&opened);
    put_row(at, S("k:before"), S("v"));
    fail_one_put(MDB_MAP_FULL, 1);
    atomic_store(&fail_resize, ENOMEM);
    assert_refused(write_row(at, S("k:k")), STORE_UNAVAILABLE);
    wait_until_ready(at);
    assert_int_equal(atomic_load(&opened), opens + 1);
    assert_true(has_row(at, S("k:before")));
    assert_done(write_row(at, S("k:k")));
}

static void one_write_that_is_too_large_is_refused_alone(void **state) {
    struct scratch *at = *state;
    fail_one_put(MDB_TXN_FULL, 1);
    assert_refused(write_row(at, S("k:k")), LIMIT_MEMORY);
    assert_true(store_ready(at->store));
    assert_done(write_row(at, S("k:k")));
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
    };
    RUN(tests);
}
