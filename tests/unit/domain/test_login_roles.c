// SPDX-License-Identifier: GPL-3.0-or-later
// login_admit against a real store: which roles somebody gets, and which grants a sign-in never
// touches.
#include "people.h"

// ---- grants ----

static void a_group_that_is_gone_takes_its_role_away(void **state) {
    struct house *house = house_of(state);
    house_attribute(house, "groups", "gh-viewers");
    assert_done(house_admit(house));
    assert_int_equal(house->login.roles.count, 2);
    house_identity(house);
    house->values[2][0] = S("gh-viewers");
    assert_done(house_admit(house));
    assert_int_equal(house->login.roles.count, 1);
    assert_slice(house->login.roles.at[0], "read_only");
    assert_int_equal(house->login.membership.rv, 2);
    struct slice detail = SLICE_NONE;
    assert_int_equal(house_audits(house, "role.unassigned", &detail), 1);
    assert_slice(detail, "role admin");
}

static void a_manual_grant_is_never_touched(void **state) {
    struct house *house = house_of(state);
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "admin");
    assert_done(house_admit(house)); // Admins: the same role, now also by SSO
    house_identity(house);
    house->values[2][0] = S("gh-viewers");
    assert_done(house_admit(house));
    struct membership membership = membership_of(house, id);
    assert_true(has_grant(&membership, "admin", GRANT_MANUAL));
    assert_false(has_grant(&membership, "admin", GRANT_SSO));
    assert_true(has_grant(&membership, "read_only", GRANT_SSO));
}

static void additive_rules_never_take_away(void **state) {
    struct house *house = house_of(state);
    struct mapping mapping = house->connection.mapping;
    mapping.mode = MAPPING_ADDITIVE;
    house_mapping(house, &mapping);
    assert_done(house_admit(house));
    house_identity(house);
    house->values[2][0] = S("gh-viewers");
    assert_done(house_admit(house));
    assert_int_equal(house->login.roles.count, 2);
    house_identity(house);
    house->values[2][0] = S("Nothing");
    assert_done(house_admit(house));
    assert_int_equal(house->login.roles.count, 2);
}

static void groups_that_give_nothing_are_refused(void **state) {
    struct house *house = house_of(state);
    house->values[2][0] = S("Guests");
    assert_refused(house, LOGIN_NO_ROLE);
    struct trace kept = kept_trace(house);
    assert_slice(failed_row(&kept).expected, "exact \"Admins\", prefix \"gh-\"");
    assert_slice(failed_row(&kept).got, "Guests");
    struct call c = {.id = S("jane@acme.example")};
    assert_done(fixture_read(house->fixture, call_user_by_email, &c));
    assert_false(c.yes);
}

static void who_is_refused_for_want_of_a_group_has_lost_its_role(void **state) {
    struct house *house = house_of(state);
    assert_done(house_admit(house));
    struct slice id = house->login.user.id;
    house_identity(house);
    house->values[2][0] = S("Guests");
    assert_refused(house, LOGIN_NO_ROLE);
    struct membership membership = membership_of(house, id);
    assert_int_equal(membership.grants.count, 0);
    struct slice detail = SLICE_NONE;
    assert_int_equal(house_audits(house, "role.unassigned", &detail), 1);
    assert_refused(house, ASSERTION_REPLAYED); // it cannot take roles away a second time
}

static void a_default_role_lets_in_whom_no_rule_matches(void **state) {
    struct house *house = house_of(state);
    struct mapping mapping = house->connection.mapping;
    mapping.default_role = S("user");
    house_mapping(house, &mapping);
    house->values[2][0] = S("Guests");
    assert_done(house_admit(house));
    assert_slice(house->login.roles.at[0], "user");
}

static void a_manual_role_lets_in_whom_no_rule_matches(void **state) {
    struct house *house = house_of(state);
    (void)add_by_hand(house, "acme", "jane@acme.example", "user");
    house->values[2][0] = S("Guests");
    assert_done(house_admit(house));
    assert_slice(house->login.roles.at[0], "user");
}

static void too_many_groups_for_entra_are_refused(void **state) {
    struct house *house = house_of(state);
    house_bare(house);
    house_attribute(house, "http://schemas.microsoft.com/claims/groups.link", "https://graph...");
    assert_refused(house, ATTRIBUTE_GROUPS_OVERAGE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_group_that_is_gone_takes_its_role_away),
        T(a_manual_grant_is_never_touched),
        T(additive_rules_never_take_away),
        T(groups_that_give_nothing_are_refused),
        T(who_is_refused_for_want_of_a_group_has_lost_its_role),
        T(a_default_role_lets_in_whom_no_rule_matches),
        T(a_manual_role_lets_in_whom_no_rule_matches),
        T(too_many_groups_for_entra_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
