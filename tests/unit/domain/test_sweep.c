// SPDX-License-Identifier: GPL-3.0-or-later
// Sweeping: what is over goes with its index rows, what is not stays, and a step is bounded.
#include "people.h"
#include "space_rows.h"

#include "domain/outbox_work.h"
#include "domain/space.h"

CALLS(call_add, session_add(op, txn, &c->session, &c->cookie))

static size_t rows_in(struct house *house, enum space space) {
    return space_rows(house->fixture, (uint8_t)space).count;
}

struct sweeping {
    size_t most;
    bool more;
};
static reason sweep_fn(struct op *op, struct txn *txn, void *arg) {
    struct sweeping *sweeping = arg;
    return sweep(op, txn, sweeping->most, &sweeping->more);
}
static bool sweep_at(struct house *house, int64_t now, size_t most) {
    struct sweeping sweeping = {most, false};
    house->fixture->op.now = now;
    assert_done(fixture_write(house->fixture, sweep_fn, &sweeping));
    return sweeping.more;
}
static void add_session(struct house *house, int64_t expires) {
    struct call c = {.session = {.tenant = S("acme"),
                                 .user_id = S("usr_1"),
                                 .connection = S("acme-okta"),
                                 .expires_at = expires}};
    assert_done(fixture_write(house->fixture, call_add, &c));
}

static void sessions_go_when_they_are_over(void **state) {
    struct house *house = *state;
    add_session(house, NOON + HOUR_MS + 1);
    add_session(house, NOON + 2 * HOUR_MS);
    assert_false(sweep_at(house, NOON + HOUR_MS, 100));
    assert_int_equal(rows_in(house, SPACE_SESSION), 2);
    assert_false(sweep_at(house, NOON + HOUR_MS + MINUTE_MS, 100));
    assert_int_equal(rows_in(house, SPACE_SESSION), 1);
    assert_false(sweep_at(house, NOON + 2 * HOUR_MS, 100));
    assert_int_equal(rows_in(house, SPACE_SESSION), 0);
    assert_int_equal(rows_in(house, SPACE_VISIT), 1); // their list stays until one more comes
}

static void pending_requests_stay_an_hour_longer_to_say_why(void **state) {
    struct house *house = *state;
    struct call c = {.pending = {.connection = S("acme-okta")}};
    assert_done(fixture_write(house->fixture, call_pending_add, &c));
    assert_false(sweep_at(house, NOON + PENDING_LIFETIME + PENDING_GRACE - MINUTE_MS, 100));
    assert_int_equal(rows_in(house, SPACE_PENDING), 1);
    assert_false(sweep_at(house, NOON + PENDING_LIFETIME + PENDING_GRACE, 100));
    assert_int_equal(rows_in(house, SPACE_PENDING), 0);
}

static void traces_go_after_thirty_days_with_their_index(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    assert_false(sweep_at(house, NOON + TRACE_KEEP - 1, 100));
    assert_int_equal(rows_in(house, SPACE_TRACE), 1);
    assert_false(sweep_at(house, NOON + TRACE_KEEP, 100));
    assert_int_equal(rows_in(house, SPACE_TRACE), 0);
    assert_int_equal(rows_in(house, SPACE_TRACE_OF), 0);
}

static reason issue_fn(struct op *op, struct txn *txn, void *arg) {
    struct ticket ticket = {.purpose = TICKET_RESET, .tenant = S("acme"), .subject = S("x")};
    return ticket_issue(op, txn, &ticket, *(const int64_t *)arg);
}

static void links_stay_a_month_longer_to_say_why(void **state) {
    struct house *house = *state;
    int64_t lifetime = HOUR_MS;
    assert_done(fixture_write(house->fixture, issue_fn, &lifetime));
    assert_false(sweep_at(house, NOON + HOUR_MS + TICKET_GRACE - MINUTE_MS, 100));
    assert_int_equal(rows_in(house, SPACE_TICKET), 1);
    assert_false(sweep_at(house, NOON + HOUR_MS + TICKET_GRACE, 100));
    assert_int_equal(rows_in(house, SPACE_TICKET), 0);
    assert_int_equal(rows_in(house, SPACE_TICKET_OF), 0);
    assert_int_equal(rows_in(house, SPACE_TICKET_ABOUT), 0);
}

static reason letter_fn(struct op *op, struct txn *txn, void *arg) {
    const struct delivery *delivery = arg;
    struct letter letter = {.kind = LETTER_READY,
                            .tenant = S("acme"),
                            .user_id = S("usr_1"),
                            .to = S("jane@acme.example")};
    TRY(outbox_add(op, txn, &letter));
    return delivery->outcome == DELIVERY_LATER ? NULL : outbox_tried(op, txn, letter.id, delivery);
}

static void letters_go_a_week_after_they_were_sent_and_a_month_after_they_were_not(void **state) {
    struct house *house = *state;
    for (int outcome = DELIVERY_SENT; outcome <= DELIVERY_DROPPED; outcome++) {
        struct delivery delivery = {outcome, S(""), false};
        assert_done(fixture_write(house->fixture, letter_fn, &delivery));
    }
    assert_false(sweep_at(house, NOON + OUTBOX_KEEP_DONE - 1, 100));
    assert_int_equal(rows_in(house, SPACE_LETTER), 4);
    assert_true(sweep_at(house, NOON + OUTBOX_KEEP_DONE, 1)); // a step is bounded here, too
    assert_int_equal(rows_in(house, SPACE_LETTER), 3);
    assert_false(sweep_at(house, NOON + OUTBOX_KEEP_DONE, 100));
    assert_int_equal(rows_in(house, SPACE_LETTER), 2); // dead, and queued that nothing sent
    assert_false(sweep_at(house, NOON + OUTBOX_KEEP_DEAD, 100));
    assert_int_equal(rows_in(house, SPACE_LETTER), 0);
    assert_int_equal(rows_in(house, SPACE_LETTER_STATE), 0);
    assert_int_equal(rows_in(house, SPACE_LETTER_TENANT), 0);
    assert_int_equal(rows_in(house, SPACE_LETTER_USER), 0);
}

static void a_step_removes_no_more_than_it_may(void **state) {
    struct house *house = *state;
    for (int i = 0; i < 5; i++) {
        add_session(house, NOON + HOUR_MS);
    }
    assert_true(sweep_at(house, NOON + 2 * HOUR_MS, 2));
    assert_int_equal(rows_in(house, SPACE_SESSION), 3);
    assert_true(sweep_at(house, NOON + 2 * HOUR_MS, 2));
    assert_false(sweep_at(house, NOON + 2 * HOUR_MS, 2));
    assert_int_equal(rows_in(house, SPACE_SESSION), 0);
}

static void users_memberships_links_and_audit_are_never_swept(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    size_t audits = rows_in(house, SPACE_AUDIT);
    assert_false(sweep_at(house, NOON + 400 * DAY_MS, 1000));
    assert_int_equal(rows_in(house, SPACE_USER), 1);
    assert_int_equal(rows_in(house, SPACE_MEMBERSHIP_OF), 1);
    assert_int_equal(rows_in(house, SPACE_LINK), 1);
    assert_int_equal(rows_in(house, SPACE_AUDIT), audits);
    assert_int_equal(rows_in(house, SPACE_REPLAY), 0);
    assert_int_equal(rows_in(house, SPACE_REPLAY_SWEPT), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

static void steps_follow_how_long_the_last_one_took(void **state) {
    struct house *house = *state;
    struct sweep_pace pace = {.most = SWEEP_ROWS_FIRST};
    for (int i = 0; i < 3 * SWEEP_ROWS_FIRST; i++) {
        add_session(house, NOON + HOUR_MS);
    }
    house->fixture->op.now = NOON + 2 * HOUR_MS;
    size_t steps = 0;
    do {
        assert_done(fixture_read(house->fixture, sweep_look, &pace));
        assert_done(fixture_write(house->fixture, sweep_step, &pace));
        assert_true(pace.took_us > 0);
        sweep_adapt(&pace);
        steps++;
    } while (pace.more);
    assert_true(steps > 1);
    assert_int_equal(rows_in(house, SPACE_SESSION), 0);
    pace = (struct sweep_pace){.most = 8, .took_us = SWEEP_HOLD_US + 1};
    sweep_adapt(&pace);
    assert_int_equal(pace.most, 4);
    for (int i = 0; i < 8; i++) {
        pace.took_us = 100 * SWEEP_HOLD_US;
        sweep_adapt(&pace);
    }
    assert_int_equal(pace.most, 1); // it goes on, however slow
    for (int i = 0; i < 100; i++) {
        pace.took_us = 1;
        sweep_adapt(&pace);
    }
    assert_int_equal(pace.most, SWEEP_ROWS_MOST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(sessions_go_when_they_are_over),
        T(pending_requests_stay_an_hour_longer_to_say_why),
        T(traces_go_after_thirty_days_with_their_index),
        T(links_stay_a_month_longer_to_say_why),
        T(letters_go_a_week_after_they_were_sent_and_a_month_after_they_were_not),
        T(a_step_removes_no_more_than_it_may),
        T(steps_follow_how_long_the_last_one_took),
        T(users_memberships_links_and_audit_are_never_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
