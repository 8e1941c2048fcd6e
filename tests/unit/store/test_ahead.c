// SPDX-License-Identifier: GPL-3.0-or-later
// The file that grows before its tree does: only of a large store, only while it may, and nobody has to know.
#include <signal.h>
#include <sys/resource.h>

#include "scratch.h"

#define ROW_BYTES ((size_t)1 << 20)
#define MUCH 10 // rows of it are more than env_go_ahead asks for

static char row_bytes[ROW_BYTES];

static void put_many(struct scratch *at, char first, int count) {
    for (int i = 0; i < count; i++) {
        const char key[] = {'k', ':', (char)(first + i)};
        memset(row_bytes, first + i, sizeof row_bytes);
        put_row(at, slice_of(key, sizeof key), slice_of(row_bytes, sizeof row_bytes));
    }
}

// Compared where it lies: a test has not the memory for copies of all.
static reason compare_one(struct op *op, struct txn *txn, void *arg) {
    struct one_row *row = arg;
    struct slice value;
    TRY(txn_get(op, txn, row->key, &value));
    row->found = slice_equal(value, row->value);
    return NULL;
}

static void assert_many(struct scratch *at, char first, int count) {
    for (int i = 0; i < count; i++) {
        const char key[] = {'k', ':', (char)(first + i)};
        memset(row_bytes, first + i, sizeof row_bytes);
        struct one_row row = {.key = slice_of(key, sizeof key), .value = slice_of(row_bytes, sizeof row_bytes)};
        assert_done(store_read(&at->op, at->store, compare_one, &row));
        assert_true(row.found);
    }
}

// Once all of it is in the file.
static uint64_t used(struct scratch *at) {
    struct store_stat stat;
    assert_done(store_settle(&at->op, at->store));
    assert_done(store_stat(&at->op, at->store, &stat));
    return stat.used_bytes;
}

static uint64_t file_bytes(const struct scratch *at) {
    char path[300];
    struct stat file;
    (void)snprintf(path, sizeof path, "%s/store.mdb", at->dir);
    assert_int_equal(stat(path, &file), 0);
    return (uint64_t)file.st_size;
}

static void a_small_store_has_a_small_file(void **state) {
    struct scratch *at = *state;
    put_many(at, 'a', 2);
    assert_true(file_bytes(at) <= used(at) + (64 << 10));
}

static void the_file_of_a_large_one_is_larger_than_its_tree(void **state) {
    struct scratch *at = *state;
    put_many(at, 'a', MUCH);
    assert_true(used(at) > MUCH * ROW_BYTES);
    assert_true(file_bytes(at) > used(at) + 4 * ROW_BYTES);
    reopen_store(at);
    assert_many(at, 'a', MUCH);
    put_many(at, 'n', MUCH); // past where the file ended
    assert_true(file_bytes(at) > used(at) + 4 * ROW_BYTES);
    assert_many(at, 'a', MUCH);
    assert_many(at, 'n', MUCH);
}

static void a_file_that_may_not_grow_so_far_takes_what_there_is_room_for(void **state) {
    struct scratch *at = *state;
    put_many(at, 'a', MUCH);
    struct rlimit before;
    struct rlimit tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = (struct rlimit){file_bytes(at), before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    put_many(at, 'n', 4);
    uint64_t grown = file_bytes(at);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, handler) != SIG_ERR);
    assert_int_equal(grown, tight.rlim_cur);
    assert_many(at, 'a', MUCH);
    assert_many(at, 'n', 4);
    assert_true(store_ready(at->store));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_small_store_has_a_small_file),
        STORE_TEST(the_file_of_a_large_one_is_larger_than_its_tree),
        STORE_TEST(a_file_that_may_not_grow_so_far_takes_what_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
