// SPDX-License-Identifier: GPL-3.0-or-later
// The replay ledger: once is once, over restarts, sweeps and clocks that step back; odd IDs fail
// closed.
#include "people.h"

struct ledger {
    struct slice connection, issuer, id;
    int64_t issued, expires;
    bool fresh, seen, halves;
    int64_t restored;
};
static reason add_fn(struct op *op, struct txn *txn, void *arg) {
    struct ledger *l = arg;
    struct replay replay;
    const struct replay_of of = {l->issuer, l->id, l->issued, l->expires};
    bool again = true;
    TRY(replay_look(op, txn, l->connection, &of, &replay));
    l->seen = !replay.fresh;
    l->restored = replay.restored;
    TRY(l->halves ? replay_use(op, txn, &replay, &l->fresh)
                  : replay_add(op, txn, l->connection, &of, &l->fresh));
    TRY(replay_use(op, txn, &replay, &again));
    assert_false(again); // neither way does it twice
    return NULL;
}
static bool halves;
static bool was_issued(struct fixture *fixture, struct slice id, int64_t issued, int64_t expires) {
    struct ledger l = {S("acme-okta"), S("http://www.okta.com/exk1"), id, issued, expires, false, false, halves, 0};
    halves = !halves; // both ways, in turn
    assert_done(fixture_write(fixture, add_fn, &l));
    assert_true(l.fresh == !l.seen); // asking and taking agree
    return l.fresh;
}
static bool is_fresh(struct fixture *fixture, struct slice id, int64_t expires) {
    return was_issued(fixture, id, NOON - MINUTE_MS, expires);
}

struct sweeping {
    size_t most;
    bool more;
};
static reason sweep_fn(struct op *op, struct txn *txn, void *arg) {
    struct sweeping *sweeping = arg;
    return sweep(op, txn, sweeping->most, &sweeping->more);
}
static void sweep_at(struct fixture *fixture, int64_t now) {
    struct sweeping sweeping = {1000, false};
    fixture->op.now = now;
    assert_done(fixture_write(fixture, sweep_fn, &sweeping));
}

static void an_assertion_is_fresh_once(void **state) {
    assert_true(is_fresh(*state, S("_a"), NOON));
    assert_false(is_fresh(*state, S("_a"), NOON));
    assert_true(is_fresh(*state, S("_b"), NOON));
}

static void connection_and_issuer_are_part_of_it(void **state) {
    struct ledger l = {S("ab"), S("c"), S("_a"), 0, NOON, false, false, false, 0};
    assert_done(fixture_write(*state, add_fn, &l));
    assert_true(l.fresh);
    l.connection = S("a");
    l.issuer = S("bc");
    assert_done(fixture_write(*state, add_fn, &l));
    assert_true(l.fresh); // no two lists of parts run together
    assert_done(fixture_write(*state, add_fn, &l));
    assert_false(l.fresh);
}

static void it_is_used_after_a_restart(void **state) {
    struct fixture *fixture = *state;
    assert_true(is_fresh(fixture, S("_a"), NOON));
    store_close(fixture->store);
    assert_done(store_open(&fixture->op, fixture->dir, &fixture->store));
    assert_false(is_fresh(fixture, S("_a"), NOON));
}

static void ids_of_any_length_and_content_are_told_apart(void **state) {
    static char longer[100001];
    memset(longer, 'x', sizeof longer);
    struct slice ids[] = {
        S(""), S("\0"), S("a\0b"), S("a"), slice_of(longer, 100000), slice_of(longer, 100001)};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_true(is_fresh(*state, ids[i], NOON));
    }
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_false(is_fresh(*state, ids[i], NOON));
    }
}

static void an_expiry_that_cannot_be_is_not_fresh(void **state) {
    assert_false(is_fresh(*state, S("_a"), 0));
    assert_false(is_fresh(*state, S("_a"), -1));
    assert_false(is_fresh(*state, S("_a"), INT64_MAX));
    assert_true(is_fresh(*state, S("_a"), 1));
}

static void rows_are_kept_26_hours_past_their_expiry(void **state) {
    assert_true(is_fresh(*state, S("_a"), NOON));
    sweep_at(*state, NOON + 26 * HOUR_MS);
    assert_false(is_fresh(*state, S("_a"), NOON));
    assert_true(is_fresh(*state, S("_b"), NOON)); // the hour was not swept
}

static void what_was_swept_is_never_fresh_again(void **state) {
    assert_true(is_fresh(*state, S("_a"), NOON));
    assert_true(is_fresh(*state, S("_later"), NOON + HOUR_MS));
    sweep_at(*state, NOON + 27 * HOUR_MS);
    // The clock steps back to where the assertion was valid.
    struct fixture *fixture = *state;
    fixture->op.now = NOON - MINUTE_MS;
    assert_false(is_fresh(fixture, S("_a"), NOON));
    assert_false(is_fresh(fixture, S("_c"), NOON));           // of a swept hour
    assert_false(is_fresh(fixture, S("_c"), NOON - HOUR_MS)); // and of those before
    assert_true(is_fresh(fixture, S("_c"), NOON + HOUR_MS));
}

static void a_clock_that_was_a_year_ahead_lets_nothing_in_twice(void **state) {
    struct fixture *fixture = *state;
    assert_true(is_fresh(fixture, S("_a"), NOON + HOUR_MS));
    sweep_at(fixture, NOON + 365 * DAY_MS);
    fixture->op.now = NOON;
    assert_false(is_fresh(fixture, S("_a"), NOON + HOUR_MS));
    assert_true(is_fresh(fixture, S("_b"), NOON + 2 * HOUR_MS)); // and life goes on
}

static void the_mark_never_goes_back(void **state) {
    struct fixture *fixture = *state;
    assert_true(is_fresh(fixture, S("_a"), NOON));
    sweep_at(fixture, NOON + 27 * HOUR_MS);
    sweep_at(fixture, NOON);
    sweep_at(fixture, NOON + 29 * HOUR_MS);
    assert_false(is_fresh(fixture, S("_a"), NOON));
}

// ---- a store that came from a backup

static reason restored_fn(struct op *op, struct txn *txn, void *arg) {
    const struct actor actor = {.kind = ACTOR_OPERATOR, .id = S("operator:0"), .address = S("local")};
    const int64_t *at = arg;
    return replay_restored(op, txn, &actor, NOON - DAY_MS, *at);
}
static void restore_at(struct fixture *fixture, int64_t at) {
    assert_done(fixture_write(fixture, restored_fn, &at));
}

static void what_was_issued_before_a_restore_is_not_fresh(void **state) {
    struct fixture *fixture = *state;
    assert_true(was_issued(fixture, S("_before"), NOON - 2, NOON + MINUTE_MS));
    restore_at(fixture, NOON - 300);
    assert_false(was_issued(fixture, S("_lost"), NOON - 1, NOON + MINUTE_MS)); // its row may be lost
    assert_false(was_issued(fixture, S("_same"), NOON - SECOND_MS, NOON + MINUTE_MS)); // used in that very second
    assert_true(was_issued(fixture, S("_new"), NOON, NOON + MINUTE_MS));
    assert_false(was_issued(fixture, S("_new"), NOON, NOON + MINUTE_MS));
    assert_true(was_issued(fixture, S("_later"), NOON + SECOND_MS, NOON + HOUR_MS));
}

static void it_says_that_it_is_for_the_restore(void **state) {
    struct fixture *fixture = *state;
    struct ledger l = {S("acme-okta"), S("i"), S("_a"), NOON - 1, NOON + MINUTE_MS, false, false, false, 0};
    restore_at(fixture, NOON);
    assert_done(fixture_write(fixture, add_fn, &l));
    assert_true(l.restored == NOON && !l.fresh);
    l.issued = NOON;
    assert_done(fixture_write(fixture, add_fn, &l));
    assert_true(l.restored == 0 && l.fresh);
}

static void sweeps_and_restores_keep_each_others_mark(void **state) {
    struct fixture *fixture = *state;
    assert_true(is_fresh(fixture, S("_a"), NOON));
    restore_at(fixture, NOON);
    sweep_at(fixture, NOON + 27 * HOUR_MS);
    assert_false(was_issued(fixture, S("_b"), NOON - 1, NOON + 30 * HOUR_MS));
    assert_false(was_issued(fixture, S("_b"), NOON + 1, NOON)); // of an hour that was swept
    assert_true(was_issued(fixture, S("_b"), NOON + 1, NOON + 30 * HOUR_MS));
    restore_at(fixture, NOON + HOUR_MS);
    assert_false(was_issued(fixture, S("_c"), NOON + HOUR_MS, NOON)); // still
    restore_at(fixture, NOON);                                        // by a clock that stepped back
    assert_false(was_issued(fixture, S("_d"), NOON + 1, NOON + 30 * HOUR_MS));
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(an_assertion_is_fresh_once),
        T(connection_and_issuer_are_part_of_it),
        T(it_is_used_after_a_restart),
        T(ids_of_any_length_and_content_are_told_apart),
        T(an_expiry_that_cannot_be_is_not_fresh),
        T(rows_are_kept_26_hours_past_their_expiry),
        T(what_was_swept_is_never_fresh_again),
        T(a_clock_that_was_a_year_ahead_lets_nothing_in_twice),
        T(the_mark_never_goes_back),
        T(what_was_issued_before_a_restore_is_not_fresh),
        T(it_says_that_it_is_for_the_restore),
        T(sweeps_and_restores_keep_each_others_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
