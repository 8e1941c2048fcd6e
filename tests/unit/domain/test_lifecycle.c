// SPDX-License-Identifier: GPL-3.0-or-later
// The table of what may happen to a membership, walked: all states x events x kinds of people. What is expected stands here in
// a form of its own, one letter a state, so that a row that comes or goes is noticed.
#include "people.h"

#include "domain/lifecycle.h"

#define STATES (MEMBER_DELETED + 2) // and nobody
#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

// N nobody, i invited, x invite_expired, a active, l locked, d disabled, r reactivating, D deleted
static const char letters[] = "Nixaldr" "D";

// What becomes of each state, in that order; '.': illegal_transition.
static const struct {
    enum life_event event;
    const char *password, *sso, *known;
} expected[] = {
    {LIFE_CREATE, "i.......", "i.......", "i......."},
    {LIFE_RESEND, ".ii...r.", ".ii...r.", ".ii...r."},
    {LIFE_ACCEPT, ".a......", ".a......", ".a......"},
    {LIFE_SSO_LOGIN, "aaaal.a.", "aaaal.a.", "aaaal.a."},
    {LIFE_INVITE_ENDS, ".x....r.", ".x....r.", ".x....r."},
    {LIFE_LOCK, "...l....", "...l....", "...l...."},
    {LIFE_LOCK_ENDS, "....a...", "....a...", "....a..."},
    {LIFE_UNLOCK, "....a...", "....a...", "....a..."},
    {LIFE_REACTIVATE, "....rr..", "....ra..", "....rr.."},
    {LIFE_FORGOT, "...al...", "...al...", "...al..."},
    {LIFE_RESET, "...aa...", "...aa...", "...aa..."},
    {LIFE_DISABLE, ".dddd.d.", ".dddd.d.", ".dddd.d."},
    {LIFE_ENABLE, ".....r..", ".....a..", ".....r.."},
    {LIFE_CONFIRM, "......a.", "......a.", "......a."},
    {LIFE_UPDATE, ".ixaldr.", ".ixaldr.", ".ixaldr."},
    {LIFE_CHANGE_EMAIL, ".ixaldr.", ".ixaldr.", ".ixaldr."},
    {LIFE_DELETE, ".DDDDDD.", ".DDDDDD.", ".DDDDDD."},
    {LIFE_RESTORE, ".......r", ".......a", ".......r"},
    {LIFE_END, ".dddd.d.", ".dddd.d.", ".dddd.d."},
};

static void each_state_takes_the_events_that_it_should(void **state) {
    struct house *house = *state;
    assert_int_equal(sizeof expected / sizeof expected[0], LIFE_EVENTS);
    for (size_t i = 0; i < LIFE_EVENTS; i++) {
        const char *const by_kind[] = {expected[i].password, expected[i].sso, expected[i].known};
        assert_int_equal(expected[i].event, i);
        for (int kind = LIFE_PASSWORD; kind <= LIFE_KNOWN; kind++) {
            for (int at = 0; at < STATES; at++) {
                const struct life_row *row =
                    life_find(at - 1, expected[i].event, (enum life_kind)kind);
                char got = '.';
                if (row != NULL) {
                    got = letters[row->to + 1];
                }
                if (got != by_kind[kind][at]) {
                    print_error("%s in state %c, kind %d: got %c, want %c\n",
                                life_events[i].name, letters[at], kind, got, by_kind[kind][at]);
                }
                assert_int_equal(got, by_kind[kind][at]);
                if (row == NULL) {
                    struct op *op = &house->fixture->op;
                    assert_reason(life_refuse(op, at - 1, expected[i].event), ILLEGAL_TRANSITION);
                    assert_slice(op->extras[0].value,
                                 at == 0 ? "none" : membership_status_names[at - 1]);
                    assert_slice(op->extras[1].value, life_events[i].name);
                }
            }
        }
    }
}

// Who links have: each letter with a link goes where the link's page lets something happen.
static void the_letters_and_links_of_the_rows(void **state) {
    (void)state;
    static const struct {
        int from;
        enum life_event event;
        enum life_kind kind;
        int letter, ticket;
    } rows[] = {
        {LIFE_NOBODY, LIFE_CREATE, LIFE_PASSWORD, LETTER_WELCOME, TICKET_INVITE},
        {LIFE_NOBODY, LIFE_CREATE, LIFE_SSO, LETTER_WELCOME_SSO, LIFE_NO_TICKET},
        {LIFE_NOBODY, LIFE_CREATE, LIFE_KNOWN, LETTER_MEMBER_ADDED, TICKET_INVITE},
        {MEMBER_INVITED, LIFE_ACCEPT, LIFE_PASSWORD, LETTER_READY, LIFE_NO_TICKET},
        {MEMBER_ACTIVE, LIFE_LOCK, LIFE_PASSWORD, LETTER_LOCKED, LIFE_NO_TICKET},
        {MEMBER_LOCKED, LIFE_REACTIVATE, LIFE_PASSWORD, LETTER_REACTIVATION, TICKET_REACTIVATE},
        {MEMBER_LOCKED, LIFE_FORGOT, LIFE_PASSWORD, LETTER_RESET, TICKET_RESET},
        {MEMBER_ACTIVE, LIFE_DISABLE, LIFE_PASSWORD, LETTER_DISABLED, LIFE_NO_TICKET},
        {MEMBER_DISABLED, LIFE_ENABLE, LIFE_PASSWORD, LETTER_REACTIVATION, TICKET_REACTIVATE},
        {MEMBER_DISABLED, LIFE_ENABLE, LIFE_SSO, LIFE_NO_LETTER, LIFE_NO_TICKET},
        {MEMBER_REACTIVATING, LIFE_CONFIRM, LIFE_PASSWORD, LETTER_PASSWORD_CHANGED, LIFE_NO_TICKET},
        {MEMBER_ACTIVE, LIFE_DELETE, LIFE_PASSWORD, LETTER_DELETED, LIFE_NO_TICKET},
        {MEMBER_ACTIVE, LIFE_CHANGE_EMAIL, LIFE_PASSWORD, LETTER_EMAIL_CONFIRM, TICKET_EMAIL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct life_row *row = life_find(rows[i].from, rows[i].event, rows[i].kind);
        assert_non_null(row);
        assert_int_equal(row->letter, rows[i].letter);
        assert_int_equal(row->ticket, rows[i].ticket);
    }
    // What takes access away ends sessions and links; what voids a password sends a link for a new one.
    for (int from = MEMBER_INVITED; from <= MEMBER_DELETED; from++) {
        for (int event = 0; event < LIFE_EVENTS; event++) {
            const struct life_row *row = life_find(from, (enum life_event)event, LIFE_PASSWORD);
            bool out = row != NULL && row->to != from &&
                       (row->to == MEMBER_DISABLED || row->to == MEMBER_DELETED);
            assert_true(!out || (row->effects & DROP_LINKS) != 0);
            bool was_in = from == MEMBER_ACTIVE || from == MEMBER_LOCKED;
            assert_true(!out || !was_in || (row->effects & END_SESSIONS) != 0);
            assert_true(row == NULL || (row->effects & VOID_PASSWORD) == 0 ||
                        row->ticket == TICKET_REACTIVATE);
        }
    }
}

static void the_clock_makes_two_states(void **state) {
    (void)state;
    struct membership membership = {.status = MEMBER_INVITED, .invite_expires_at = NOON};
    assert_int_equal(membership_now(&membership, NOON - 1), MEMBER_INVITED);
    assert_int_equal(membership_now(&membership, NOON), MEMBER_INVITE_EXPIRED);
    membership = (struct membership){.status = MEMBER_INVITED};
    assert_int_equal(membership_now(&membership, NOON), MEMBER_INVITED);
    membership = (struct membership){.status = MEMBER_LOCKED, .locked_until = NOON};
    assert_int_equal(membership_now(&membership, NOON - 1), MEMBER_LOCKED);
    assert_int_equal(membership_now(&membership, NOON), MEMBER_ACTIVE);
    membership.locked_until = 0; // a hard lock
    assert_int_equal(membership_now(&membership, NOON), MEMBER_LOCKED);
}

static bool has_action(struct texts actions, const char *action) {
    return texts_have(actions, slice_str(action));
}

static void actions_follow_state_and_permissions(void **state) {
    struct house *house = *state;
    struct op *op = &house->fixture->op;
    struct texts actions;
    struct actor nobody = {.kind = ACTOR_USER};
    assert_done(life_actions(op, MEMBER_LOCKED, LIFE_PASSWORD, &nobody, &actions));
    assert_int_equal(actions.count, 0);
    const struct actor *staff = &house->fixture->staff;
    assert_done(life_actions(op, MEMBER_LOCKED, LIFE_PASSWORD, staff, &actions));
    assert_true(has_action(actions, "unlock") && has_action(actions, "reactivate") &&
                has_action(actions, "disable") && has_action(actions, "delete"));
    assert_false(has_action(actions, "enable") || has_action(actions, "resend-welcome"));
    assert_done(life_actions(op, MEMBER_DELETED, LIFE_PASSWORD, staff, &actions));
    assert_int_equal(actions.count, 1);
    assert_true(has_action(actions, "restore"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(each_state_takes_the_events_that_it_should),
        T(the_letters_and_links_of_the_rows),
        T(the_clock_makes_two_states),
        T(actions_follow_state_and_permissions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
