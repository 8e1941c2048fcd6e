// SPDX-License-Identifier: GPL-3.0-or-later
// The steps that bring a store up to date: each once, in order, with its number, and never
// backwards.
#include "scratch.h"

static reason step_one(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    return txn_put(op, txn, S("k:one"), S("1"));
}

static reason step_two(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    bool added = false;
    TRY(txn_add(op, txn, S("k:two"), S("2"), &added));
    assert_true(added); // a second run would find its row
    return NULL;
}

static reason step_fails(struct op *op, struct txn *txn, void *arg) {
    (void)arg;
    TRY(txn_put(op, txn, S("k:half"), S("x")));
    REFUSE(op, INTERNAL, "in the middle");
}

static const struct migration steps[] = {{1, "first rows", step_one}, {2, "more rows", step_two}};
static const struct migration failing[] = {{1, "first rows", step_one},
                                           {2, "more rows", step_fails}};

static void a_fresh_store_takes_all_steps_once(void **state) {
    struct scratch *at = *state;
    assert_done(store_migrate(&at->op, at->store, steps, 2));
    assert_true(row_is(at, S("k:one"), S("1")));
    assert_true(row_is(at, S("k:two"), S("2")));
    assert_true(row_is(at, S("\x01"), S("\0\0\0\x02")));
    assert_done(store_migrate(&at->op, at->store, steps, 2));
    reopen_store(at);
    assert_done(store_migrate(&at->op, at->store, steps, 2));
}

static void an_older_store_takes_the_steps_that_it_lacks(void **state) {
    struct scratch *at = *state;
    assert_done(store_migrate(&at->op, at->store, steps, 1));
    assert_true(row_is(at, S("\x01"), S("\0\0\0\x01")));
    assert_false(has_row(at, S("k:two")));
    put_row(at, S("k:one"), S("changed"));
    assert_done(store_migrate(&at->op, at->store, steps, 2));
    assert_true(row_is(at, S("k:one"), S("changed")));
    assert_true(row_is(at, S("k:two"), S("2")));
}

static void a_step_that_is_refused_leaves_the_store_before_it(void **state) {
    struct scratch *at = *state;
    assert_refused(store_migrate(&at->op, at->store, failing, 2), INTERNAL);
    assert_slice(at->op.detail,
                 S("the store could not be brought to version 2 (more rows): in the middle"));
    assert_true(row_is(at, S("\x01"), S("\0\0\0\x01")));
    assert_false(has_row(at, S("k:half")));
    assert_done(store_migrate(&at->op, at->store, steps, 2));
}

// Counts its passes in a row, and fails once at the second.
static reason step_in_passes(struct op *op, struct txn *txn, void *arg) {
    static bool failed;
    struct migration_pass *pass = arg;
    struct slice first = pass->from.len == 0 ? S("k:pass") : key_slice(&pass->from);
    TRY(txn_put(op, txn, first, S("x")));
    if (pass->from.len == 7 && !failed) {
        failed = true;
        REFUSE(op, INTERNAL, "in the second pass");
    }
    pass->next = (struct key){.len = first.len + 1};
    memcpy(pass->next.bytes, first.at, first.len);
    pass->next.bytes[first.len] = '+';
    pass->more = first.len < 8;
    return NULL;
}

static void a_long_step_is_run_in_passes_and_counts_with_the_last(void **state) {
    static const struct migration long_steps[] = {{1, "rows in passes", step_in_passes}};
    struct scratch *at = *state;
    assert_refused(store_migrate(&at->op, at->store, long_steps, 1), INTERNAL);
    assert_true(row_is(at, S("k:pass"), S("x"))); // what a pass did stays
    assert_false(has_row(at, S("k:pass+")));
    assert_false(has_row(at, S("\x01")));
    assert_done(store_migrate(&at->op, at->store, long_steps, 1));
    assert_true(row_is(at, S("k:pass+"), S("x")));
    assert_true(row_is(at, S("k:pass++"), S("x")));
    assert_false(has_row(at, S("k:pass+++")));
    assert_true(row_is(at, S("\x01"), S("\0\0\0\x01")));
}

static void a_newer_store_is_refused_with_both_numbers(void **state) {
    struct scratch *at = *state;
    assert_done(store_migrate(&at->op, at->store, steps, 2));
    assert_refused(store_migrate(&at->op, at->store, steps, 1), SCHEMA);
    assert_slice(at->op.detail, S("the store has version 2, this program knows versions up to 1; "
                                  "use the newer program"));
    assert_true(row_is(at, S("\x01"), S("\0\0\0\x02")));
}

static void a_version_that_cannot_be_read_is_refused(void **state) {
    struct scratch *at = *state;
    put_row(at, S("\x01"), S("\0\0\0\0\x01"));
    assert_refused(store_migrate(&at->op, at->store, steps, 2), SCHEMA);
    assert_false(has_row(at, S("k:one")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_fresh_store_takes_all_steps_once),
        STORE_TEST(an_older_store_takes_the_steps_that_it_lacks),
        STORE_TEST(a_step_that_is_refused_leaves_the_store_before_it),
        STORE_TEST(a_long_step_is_run_in_passes_and_counts_with_the_last),
        STORE_TEST(a_newer_store_is_refused_with_both_numbers),
        STORE_TEST(a_version_that_cannot_be_read_is_refused),
    };
    RUN(tests);
}
