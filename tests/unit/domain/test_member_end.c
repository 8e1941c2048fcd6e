// SPDX-License-Identifier: GPL-3.0-or-later
// The end that a membership may have: who may set it, and who may put it off.
#include "people.h"

#include "domain/member_life.h"

struct life {
    const struct actor *actor;
    struct slice tenant, id;
    struct invitation invitation;
    struct member member;
};
static reason set_end(struct op *op, struct txn *txn, void *arg) {
    struct life *l = arg;
    return member_set_end(op, txn, l->actor, l->tenant, l->id, l->invitation.expires_at,
                          l->invitation.ticket, &l->member);
}

static struct life life_of(struct house *house) {
    return (struct life){.actor = &house->fixture->staff, .tenant = S("acme")};
}

static void an_end_is_put_off_by_one_who_could_give_the_access(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    int64_t soon = house->fixture->op.now + HOUR_MS;
    struct actor keeper = {.kind = ACTOR_USER, .id = S("usr_keeper"), .tenant = S("acme")};
    permission_add(&keeper.permissions, permission_find(S("session:login")));
    permission_add(&keeper.permissions, permission_find(S("users:manage")));
    struct slice jane = add_by_hand(house, "acme", "jane@acme.example", "admin");
    struct slice joe = add_by_hand(house, "acme", "joe@acme.example", NULL);
    (void)add_by_hand(house, "acme", "ann@acme.example", "admin");
    l.invitation.expires_at = soon;
    l.id = joe;
    assert_done(fixture_write(house->fixture, set_end, &l));
    l.id = jane;
    assert_done(fixture_write(house->fixture, set_end, &l));
    l.actor = &keeper;
    l.invitation.expires_at = 0;
    assert_reason(fixture_write(house->fixture, set_end, &l), FORBIDDEN);
    l.invitation.expires_at = soon - MINUTE_MS; // sooner gives nothing
    assert_done(fixture_write(house->fixture, set_end, &l));
    l.invitation.expires_at = soon + HOUR_MS;
    l.id = joe;
    assert_done(fixture_write(house->fixture, set_end, &l));
    keeper.id = joe; // his own
    l.invitation.expires_at = 0;
    assert_reason(fixture_write(house->fixture, set_end, &l), FORBIDDEN);
}

// An end is a way out that the clock takes, and the clock asks nobody. (Umbrella has no connection.)
static void the_last_administrator_gets_no_end(void **state) {
    struct house *house = *state;
    struct life l = life_of(house);
    l.tenant = S("umbrella");
    l.id = add_by_hand(house, "umbrella", "jane@umbrella.example", "admin");
    l.invitation.expires_at = house->fixture->op.now + HOUR_MS;
    assert_reason(fixture_write(house->fixture, set_end, &l), LAST_ADMIN);
    struct slice joe = add_by_hand(house, "umbrella", "joe@umbrella.example", "admin");
    struct actor jane = {.kind = ACTOR_USER,
                         .id = l.id,
                         .tenant = S("umbrella"),
                         .permissions = {{~0ULL, ~0ULL}}};
    l.actor = &jane;
    assert_reason(fixture_write(house->fixture, set_end, &l), SELF_LOCKOUT);
    l.id = joe;
    assert_done(fixture_write(house->fixture, set_end, &l));
    l.invitation.expires_at = 0; // nobody is kept from staying
    assert_done(fixture_write(house->fixture, set_end, &l));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_end_is_put_off_by_one_who_could_give_the_access,
                                        house_open, house_close),
        cmocka_unit_test_setup_teardown(the_last_administrator_gets_no_end, house_open, house_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
