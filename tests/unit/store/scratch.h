// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of this room share: a store in a directory of its own that goes with the test, and
// writes of one row. The directory is on a real disk or a tmpfs, as TMPDIR says.
#ifndef GATEHOUSE_UNIT_STORE_SCRATCH_H
#define GATEHOUSE_UNIT_STORE_SCRATCH_H

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unit.h"
#include "store/record.h"

struct scratch {
    struct op op;
    struct store *store;
    char root[200]; // made by mkdtemp, removed at the end
    char dir[240];  // of the store, in root
};

static int scratch_remove_one(const char *path, const struct stat *file, int type,
                              struct FTW *where) {
    (void)file;
    (void)type;
    (void)where;
    return remove(path);
}

__attribute__((unused)) static int scratch_make(void **state) {
    struct scratch *at = calloc(1, sizeof *at);
    const char *tmp = getenv("TMPDIR");
    if (at == NULL) {
        return -1;
    }
    (void)snprintf(at->root, sizeof at->root, "%s/gatehouse-store-XXXXXX",
                   tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(at->root) == NULL) {
        free(at);
        return -1;
    }
    (void)snprintf(at->dir, sizeof at->dir, "%s/data", at->root);
    op_open(&at->op, NOON);
    *state = at;
    return 0;
}

__attribute__((unused)) static int scratch_open(void **state) {
    if (scratch_make(state) != 0) {
        return -1;
    }
    struct scratch *at = *state;
    reason why = store_open(&at->op, at->dir, &at->store);
    if (why != NULL) {
        print_error("%s: %.*s\n", why->slug, SLICE(at->op.detail));
    }
    return why == NULL ? 0 : -1;
}

__attribute__((unused)) static int scratch_drop(void **state) {
    struct scratch *at = *state;
    store_close(at->store);
    op_close(&at->op);
    int code = nftw(at->root, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    free(at);
    return code;
}
#define CLOSED_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_drop)
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_drop)

__attribute__((unused)) static void reopen_store(struct scratch *at) {
    store_close(at->store);
    at->store = NULL;
    assert_done(store_open(&at->op, at->dir, &at->store));
}

// One row, written or read in a transaction of its own.
struct one_row {
    struct slice key, value; // value of a read: a copy
    bool found;
};

__attribute__((unused)) static reason put_one(struct op *op, struct txn *txn, void *arg) {
    struct one_row *row = arg;
    return txn_put(op, txn, row->key, row->value);
}

__attribute__((unused)) static reason get_one(struct op *op, struct txn *txn, void *arg) {
    struct one_row *row = arg;
    struct slice value;
    TRY(txn_get(op, txn, row->key, &value));
    row->found = value.at != NULL;
    return op_copy(op, value, &row->value);
}

__attribute__((unused)) static void put_row(struct scratch *at, struct slice key,
                                            struct slice value) {
    struct one_row row = {.key = key, .value = value};
    assert_done(store_write(&at->op, at->store, put_one, &row));
}

__attribute__((unused)) static bool has_row(struct scratch *at, struct slice key) {
    struct one_row row = {.key = key};
    assert_done(store_read(&at->op, at->store, get_one, &row));
    return row.found;
}

__attribute__((unused)) static bool row_is(struct scratch *at, struct slice key,
                                           struct slice value) {
    struct one_row row = {.key = key};
    assert_done(store_read(&at->op, at->store, get_one, &row));
    return row.found && slice_equal(row.value, value);
}

#endif
