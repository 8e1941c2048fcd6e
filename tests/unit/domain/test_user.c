// SPDX-License-Identifier: GPL-3.0-or-later
// Members changed by hand: added, given roles, renamed, disabled, enabled, deleted; and what each
// may not do.
#include "people.h"

CALLS(call_set_names, member_set_names(op, txn, c->actor, c->tenant, c->id, c->user.first_name,
                                       c->user.last_name, &c->member))
CALLS(call_user_find, user_find(op, txn, c->id, &c->user))

static struct call by_staff(struct house *house) {
    return (struct call){.tenant = S("acme"), .actor = &house->fixture->staff};
}
static struct call adding(struct house *house, const char *email, struct slice *role) {
    struct call c = by_staff(house);
    c.user =
        (struct user){.email = slice_str(email), .first_name = S("Jane"), .last_name = S("Smith")};
    c.roles = (struct texts){role, role != NULL ? 1 : 0};
    return c;
}

// ---- adding ----

static void a_person_is_added_with_a_manual_role(void **state) {
    struct house *house = *state;
    struct slice role = S("read_only");
    struct call c = adding(house, " Jane@ACME.example ", &role);
    assert_done(fixture_write(house->fixture, call_member_add, &c));
    assert_slice(c.member.user.email, "jane@acme.example");
    assert_int_equal(c.member.membership.status, MEMBER_ACTIVE);
    const struct grant *grant = c.member.membership.grants.at;
    assert_int_equal(grant->source, GRANT_MANUAL);
    assert_slice(grant->granted_by, "operator");
    struct call found = {.id = S("jane@acme.example")};
    assert_done(fixture_read(house->fixture, call_user_by_email, &found));
    assert_true(found.yes);
    assert_true(slice_equal(found.user.id, c.member.user.id));
}

static void a_member_is_not_added_twice(void **state) {
    struct house *house = *state;
    (void)add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct call c = adding(house, "JANE@acme.example", NULL);
    assert_reason(fixture_write(house->fixture, call_member_add, &c), ALREADY_MEMBER);
}

static void a_known_person_joins_a_second_tenant(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "umbrella", "jane@acme.example", NULL);
    struct call c = adding(house, "jane@acme.example", NULL);
    assert_done(fixture_write(house->fixture, call_member_add, &c));
    assert_true(slice_equal(id, c.member.user.id));
}

static void no_address_and_no_such_role_are_refused(void **state) {
    struct house *house = *state;
    struct slice role = S("nonesuch");
    struct call c = adding(house, "", NULL);
    assert_reason(fixture_write(house->fixture, call_member_add, &c), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/email", FIELD_REQUIRED);
    c = adding(house, "no address", NULL);
    assert_reason(fixture_write(house->fixture, call_member_add, &c), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/email", FIELD_VALUE);
    c = adding(house, "jane@acme.example", &role);
    assert_reason(fixture_write(house->fixture, call_member_add, &c), UNKNOWN_ROLE);
    c = adding(house, "jane@acme.example", NULL);
    c.tenant = S("nonesuch");
    assert_reason(fixture_write(house->fixture, call_member_add, &c), NOT_FOUND);
}

static void a_name_is_one_line_of_at_most_256_characters(void **state) {
    struct house *house = *state;
    static char name[2 * USER_NAME_MAX + 2];
    for (size_t i = 0; i < sizeof name; i += 2) {
        memcpy(name + i, "\xC3\xA9", 2);
    }
    struct call c = adding(house, "jane@acme.example", NULL);
    c.user.first_name = slice_of(name, sizeof name);
    assert_reason(fixture_write(house->fixture, call_member_add, &c), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/first_name", FIELD_RANGE);
    c.user.first_name = S("two\nlines");
    assert_reason(fixture_write(house->fixture, call_member_add, &c), INVALID_INPUT);
    assert_fault(&house->fixture->op, 0, "/first_name", RESTRICTED_CHARACTERS);
    c.user.first_name = slice_of(name, 2 * USER_NAME_MAX);
    assert_done(fixture_write(house->fixture, call_member_add, &c));
}

// ---- roles ----

static void nobody_gives_what_he_does_not_have(void **state) {
    struct house *house = *state;
    struct permission_set set = {{0, 0}};
    permission_add(&set, permission_find(S("users:manage")));
    struct actor weak = {
        .kind = ACTOR_USER, .id = S("usr_admin"), .tenant = S("acme"), .permissions = set};
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    (void)add_by_hand(house, "acme", "joe@acme.example", "admin"); // so she is not the last one
    struct slice role = S("admin");
    struct call c = {.tenant = S("acme"), .id = id, .actor = &weak, .roles = {&role, 1}};
    assert_reason(fixture_write(house->fixture, call_set_roles, &c), FORBIDDEN);
    c.actor = &house->fixture->staff;
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    assert_int_equal(c.member.membership.rv, 2);
    // What is there already, he may leave, and take away.
    c.actor = &weak;
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    c.roles.count = 0;
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    assert_int_equal(c.member.membership.grants.count, 0);
    assert_int_equal(house_audits(house, "role.assigned", NULL), 2);
    assert_int_equal(house_audits(house, "role.unassigned", NULL), 1);
}

static void roles_by_hand_leave_those_of_a_sign_in(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    struct slice role = S("user");
    struct call c = by_staff(house);
    c.id = house->login.user.id;
    c.roles = (struct texts){&role, 1};
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    assert_true(has_grant(&c.member.membership, "admin", GRANT_SSO));
    assert_true(has_grant(&c.member.membership, "user", GRANT_MANUAL));
    c.roles.count = 0;
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    assert_true(has_grant(&c.member.membership, "admin", GRANT_SSO));
    assert_false(has_grant(&c.member.membership, "user", GRANT_MANUAL));
}

static void the_same_role_twice_is_one_grant(void **state) {
    struct house *house = *state;
    struct slice roles[] = {S("user"), S("user")};
    struct call c = by_staff(house);
    c.id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    c.roles = (struct texts){roles, 2};
    assert_done(fixture_write(house->fixture, call_set_roles, &c));
    assert_int_equal(c.member.membership.grants.count, 1);
}

static void more_roles_than_fit_are_refused(void **state) {
    struct house *house = *state;
    struct slice roles[ROLES_EACH_MAX + 1];
    for (size_t i = 0; i <= ROLES_EACH_MAX; i++) {
        roles[i] = S("user");
    }
    struct call c = by_staff(house);
    c.id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    c.roles = (struct texts){roles, ROLES_EACH_MAX + 1};
    assert_reason(fixture_write(house->fixture, call_set_roles, &c), INVALID_INPUT);
}

// ---- finding and naming ----

static void somebody_of_another_tenant_is_not_there(void **state) {
    struct house *house = *state;
    struct call c = {.tenant = S("acme"),
                     .id = add_by_hand(house, "umbrella", "eve@umbrella.example", NULL)};
    assert_reason(fixture_read(house->fixture, call_member_find, &c), NOT_FOUND);
    c.tenant = S("umbrella");
    assert_done(fixture_read(house->fixture, call_member_find, &c));
}

static void an_id_that_cannot_be_one_is_not_there(void **state) {
    struct house *house = *state;
    static char longer[600];
    memset(longer, 'x', sizeof longer);
    struct slice bad[] = {S(""), S("usr\0x"), slice_of(longer, sizeof longer), S("usr_x")};
    for (size_t i = 0; i < 4; i++) {
        struct call c = {.tenant = S("acme"), .id = bad[i]};
        assert_reason(fixture_read(house->fixture, call_member_find, &c), NOT_FOUND);
        assert_reason(fixture_read(house->fixture, call_user_find, &c), NOT_FOUND);
    }
}

static void names_are_changed_and_told(void **state) {
    struct house *house = *state;
    struct call c = by_staff(house);
    c.id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    c.user = (struct user){.first_name = S("Janet"), .last_name = S("Miller")};
    assert_done(fixture_write(house->fixture, call_set_names, &c));
    assert_done(fixture_read(house->fixture, call_member_find, &c));
    assert_slice(c.member.user.last_name, "Miller");
    assert_int_equal(house_audits(house, "user.updated", NULL), 1);
}

// ---- status ----

static reason status(struct house *house, struct slice id, int to) {
    struct call c = by_staff(house);
    c.id = id;
    c.status = to;
    return fixture_write(house->fixture, call_set_status, &c);
}

static void disabling_ends_the_sessions_and_enabling_brings_the_roles_back(void **state) {
    struct house *house = *state;
    assert_done(house_admit(house));
    struct call c = {.cookie = house->login.cookie};
    assert_done(fixture_read(house->fixture, call_session_by_cookie, &c));
    assert_done(status(house, house->login.user.id, MEMBER_DISABLED));
    assert_reason(fixture_read(house->fixture, call_session_by_cookie, &c), UNAUTHENTICATED);
    assert_done(status(house, house->login.user.id, MEMBER_ACTIVE));
    struct membership membership = membership_of(house, house->login.user.id);
    assert_true(has_grant(&membership, "admin", GRANT_SSO));
    assert_int_equal(membership.rv, 3);
    assert_reason(fixture_read(house->fixture, call_session_by_cookie, &c), UNAUTHENTICATED);
    assert_int_equal(house_audits(house, "user.disabled", NULL), 1);
    assert_int_equal(house_audits(house, "user.enabled", NULL), 1);
    assert_int_equal(house_audits(house, "session.revoked", NULL), 1);
}

static void what_makes_no_sense_is_an_illegal_transition(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    assert_reason(status(house, id, MEMBER_ACTIVE), ILLEGAL_TRANSITION);
    assert_done(status(house, id, MEMBER_DISABLED));
    assert_reason(status(house, id, MEMBER_DISABLED), ILLEGAL_TRANSITION);
    assert_done(status(house, id, MEMBER_DELETED));
    assert_reason(status(house, id, MEMBER_DELETED), ILLEGAL_TRANSITION);
    assert_reason(status(house, id, MEMBER_ACTIVE), ILLEGAL_TRANSITION);
    assert_reason(status(house, S("usr_none"), MEMBER_DISABLED), NOT_FOUND);
}

static void nobody_disables_himself(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", NULL);
    struct actor self = {.kind = ACTOR_USER, .id = id, .tenant = S("acme")};
    struct call c = {.tenant = S("acme"), .id = id, .actor = &self, .status = MEMBER_DISABLED};
    assert_reason(fixture_write(house->fixture, call_set_status, &c), SELF_LOCKOUT);
    c.status = MEMBER_DELETED;
    assert_reason(fixture_write(house->fixture, call_set_status, &c), SELF_LOCKOUT);
}

static void the_deleted_keep_nothing_and_can_be_added_anew(void **state) {
    struct house *house = *state;
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "admin");
    assert_done(status(house, id, MEMBER_DELETED));
    struct call c = by_staff(house);
    c.id = id;
    assert_reason(fixture_write(house->fixture, call_set_roles, &c), ILLEGAL_TRANSITION);
    assert_reason(fixture_write(house->fixture, call_set_names, &c), ILLEGAL_TRANSITION);
    c = adding(house, "jane@acme.example", NULL);
    assert_done(fixture_write(house->fixture, call_member_add, &c));
    assert_true(slice_equal(id, c.member.user.id));
    assert_int_equal(c.member.membership.grants.count, 0);
    assert_int_equal(house_audits(house, "user.restored", NULL), 1);
    house->values[2][0] = S("gh-viewers");
    assert_done(house_admit(house)); // and may sign in again
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_person_is_added_with_a_manual_role),
        T(a_member_is_not_added_twice),
        T(a_known_person_joins_a_second_tenant),
        T(no_address_and_no_such_role_are_refused),
        T(a_name_is_one_line_of_at_most_256_characters),
        T(nobody_gives_what_he_does_not_have),
        T(roles_by_hand_leave_those_of_a_sign_in),
        T(the_same_role_twice_is_one_grant),
        T(more_roles_than_fit_are_refused),
        T(somebody_of_another_tenant_is_not_there),
        T(an_id_that_cannot_be_one_is_not_there),
        T(names_are_changed_and_told),
        T(disabling_ends_the_sessions_and_enabling_brings_the_roles_back),
        T(what_makes_no_sense_is_an_illegal_transition),
        T(nobody_disables_himself),
        T(the_deleted_keep_nothing_and_can_be_added_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
