// SPDX-License-Identifier: GPL-3.0-or-later
// What the policy and the mapping rules of a connection may say, what is told when they may not,
// and the audit row of their change.
#include "connections.h"

// ---- policy ----

static void a_policy_is_stored_and_its_change_told(void **state) {
    struct fixture *fixture = *state;
    struct slice given[] = {S(" B.Example."), S("b.example")};
    struct policy policy = policy_default();
    policy.skew_seconds = 60;
    policy.want = WANT_BOTH;
    policy.email_attribute = S("mail");
    policy.domains = (struct texts){given, 2};
    assert_done(put_policy(fixture, "acme-okta", policy));
    struct connection connection = stored(fixture, "acme-okta");
    assert_int_equal(connection.policy.domains.count, 1);
    assert_slice(connection.policy.domains.at[0], "b.example");
    audit_is(fixture, "sso.connection_policy_changed",
             "want \"either\" -> \"both\"; skew_seconds 180 -> 60; domains [] -> [\"b.example\"]; "
             "email_attribute null -> \"mail\"");
}

static void what_is_wrong_in_a_policy_is_told_by_field(void **state) {
    struct fixture *fixture = *state;
    struct slice strange[] = {S("a.example"), S("bank.example"), S("no domain")};
    struct slice contexts[] = {S("urn:oasis:names:tc:SAML:2.0:ac:classes:Password"), S("Password")};
    struct policy policy = policy_default();
    policy.domains = (struct texts){strange, 3};
    policy.authn_context = (struct texts){contexts, 2};
    policy.name_id_format = S("email");
    policy.groups_attribute = S("");
    policy.skew_seconds = SKEW_SECONDS_MAX + 1;
    policy.want = 9;
    assert_reason(put_policy(fixture, "acme-okta", policy), INVALID_INPUT);
    assert_int_equal(fixture->op.error_count, 7);
    assert_fault(&fixture->op, 0, "/want", FIELD_VALUE);
    assert_fault(&fixture->op, 1, "/skew_seconds", FIELD_RANGE);
    assert_fault(&fixture->op, 2, "/groups_attribute", FIELD_REQUIRED);
    assert_fault(&fixture->op, 3, "/name_id_format", FIELD_VALUE);
    assert_fault(&fixture->op, 4, "/authn_context/1", FIELD_VALUE);
    assert_fault(&fixture->op, 5, "/domains/1", FIELD_VALUE);
    assert_fault(&fixture->op, 6, "/domains/2", FIELD_VALUE);
    policy = policy_default();
    policy.skew_seconds = SKEW_SECONDS_MAX;
    policy.name_id_format = S("urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
    policy.authn_context = (struct texts){contexts, 1};
    policy.domains = (struct texts){strange, 1};
    assert_done(put_policy(fixture, "acme-okta", policy));
}

// ---- mapping ----

static reason put_mapping(struct fixture *fixture, const struct actor *actor,
                          struct mapping_rule *rules, size_t count, const char *default_role) {
    struct work work = by_operator(fixture, "acme-okta");
    work.actor = actor;
    work.mapping.rules = (struct rows){rules, count};
    work.mapping.default_role = slice_str(default_role);
    return fixture_write(fixture, set_mapping, &work);
}

static void rules_are_stored_in_order_and_their_change_told(void **state) {
    struct fixture *fixture = *state;
    struct slice roles[] = {S("admin"), S("user"), S("admin")};
    struct mapping_rule rules[] = {{MATCH_EXACT, S("Admins"), {roles, 3}},
                                   {MATCH_PREFIX, S("gatehouse-"), {&roles[1], 1}}};
    assert_done(put_mapping(fixture, &fixture->staff, rules, 2, "read_only"));
    audit_is(fixture, "group.map_changed",
             "default_role \"\" -> \"read_only\"; rule exact \"Admins\" -> admin, user added; rule "
             "prefix \"gatehouse-\" -> user added");
    struct connection connection = stored(fixture, "acme-okta");
    const struct mapping_rule *stored_rules = connection.mapping.rules.at;
    assert_int_equal(connection.mapping.rules.count, 2);
    assert_int_equal(stored_rules[0].roles.count, 2); // admin once
    assert_slice(stored_rules[1].value, "gatehouse-");
    struct mapping_rule turned[] = {rules[1], rules[0]};
    assert_done(put_mapping(fixture, &fixture->staff, turned, 2, "read_only"));
    audit_is(fixture, "group.map_changed", "order of the rules");
    assert_done(put_mapping(fixture, &fixture->staff, turned, 1, ""));
    audit_is(fixture, "group.map_changed",
             "default_role \"read_only\" -> \"\"; rule exact \"Admins\" -> admin, user removed");
}

static void a_rule_names_roles_that_exist(void **state) {
    struct fixture *fixture = *state;
    struct slice roles[] = {S("admin"), S("marketer")};
    struct mapping_rule rules[] = {{MATCH_EXACT, S("A"), {roles, 1}},
                                   {MATCH_EXACT, S("B"), {roles, 2}}};
    assert_reason(put_mapping(fixture, &fixture->staff, rules, 2, "user"), UNKNOWN_ROLE);
    assert_fault(&fixture->op, 0, "/rules/1/roles/1", UNKNOWN_ROLE);
    assert_reason(put_mapping(fixture, &fixture->staff, rules, 1, "marketer"), UNKNOWN_ROLE);
    assert_fault(&fixture->op, 0, "/default_role", UNKNOWN_ROLE);
    assert_int_equal(stored(fixture, "acme-okta").mapping.rules.count, 0);
}

static void a_rule_has_a_value_and_roles(void **state) {
    struct fixture *fixture = *state;
    struct slice admin = S("admin");
    struct mapping_rule rules[] = {{MATCH_CONTAINS, S(""), {&admin, 1}},
                                   {MATCH_EXACT, S("A"), {&admin, 0}},
                                   {7, S("A\nB"), {&admin, 1}}};
    assert_reason(put_mapping(fixture, &fixture->staff, rules, 3, ""), INVALID_INPUT);
    assert_fault(&fixture->op, 0, "/rules/0/value", FIELD_REQUIRED);
    assert_fault(&fixture->op, 1, "/rules/1/roles", FIELD_REQUIRED);
    assert_fault(&fixture->op, 2, "/rules/2/match", FIELD_VALUE);
    assert_fault(&fixture->op, 3, "/rules/2/value", FIELD_RANGE);
}

static void rules_are_bounded(void **state) {
    struct fixture *fixture = *state;
    struct slice user = S("user");
    static struct mapping_rule rules[CONNECTION_RULES_MAX + 1];
    for (size_t i = 0; i <= CONNECTION_RULES_MAX; i++) {
        rules[i] = (struct mapping_rule){MATCH_EXACT, S("A"), {&user, 1}};
    }
    assert_reason(put_mapping(fixture, &fixture->staff, rules, CONNECTION_RULES_MAX + 1, ""),
                  INVALID_INPUT);
    assert_fault(&fixture->op, 0, "/rules", FIELD_RANGE);
    assert_done(put_mapping(fixture, &fixture->staff, rules, CONNECTION_RULES_MAX, ""));
}

// Errors beyond what an answer lists refuse all the same.
static void more_faults_than_an_answer_holds_still_refuse(void **state) {
    struct fixture *fixture = *state;
    struct slice admin = S("admin");
    struct mapping_rule rules[OP_ERRORS_MAX + 8];
    for (size_t i = 0; i < OP_ERRORS_MAX + 8; i++) {
        rules[i] = (struct mapping_rule){MATCH_EXACT, S(""), {&admin, 1}};
    }
    assert_reason(put_mapping(fixture, &fixture->staff, rules, OP_ERRORS_MAX + 8, ""),
                  INVALID_INPUT);
    assert_int_equal(fixture->op.error_count, OP_ERRORS_MAX);
}

static void nobody_gives_by_a_rule_what_they_lack(void **state) {
    struct fixture *fixture = *state;
    struct slice roles[] = {S("read_only"), S("admin_compliance")};
    struct mapping_rule rules[] = {{MATCH_EXACT, S("Privacy"), {&roles[1], 1}},
                                   {MATCH_EXACT, S("All"), {&roles[0], 1}}};
    struct actor admin = {.kind = ACTOR_USER, .id = S("usr_1"), .tenant = S("acme")};
    const char *const held[] = {"session:login",
                                "profile:view_own",
                                "profile:edit_own",
                                "dashboard:view",
                                "system_alerts:view",
                                "event_forwarding:view",
                                "catalog:view",
                                "directory:view",
                                "workspaces:view",
                                "inputs:view",
                                "outputs:view",
                                "audiences:view",
                                "calculated_attributes:view",
                                "data_plans:view",
                                "rules:view",
                                "filters:view",
                                "live_stream:view",
                                "identity_settings:view",
                                "requests:create"};
    for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
        permission_add(&admin.permissions, permission_find(slice_str(held[i])));
    }
    assert_reason(put_mapping(fixture, &admin, rules, 2, ""), FORBIDDEN);
    assert_fault(&fixture->op, 0, "/rules/0/roles/0", FORBIDDEN);
    assert_reason(put_mapping(fixture, &admin, &rules[1], 1, "admin_compliance"), FORBIDDEN);
    assert_fault(&fixture->op, 0, "/default_role", FORBIDDEN);
    assert_done(put_mapping(fixture, &admin, &rules[1], 1, "read_only"));
    // What an operator set may stay when somebody else changes the rest.
    assert_done(put_mapping(fixture, &fixture->staff, rules, 2, ""));
    assert_done(put_mapping(fixture, &admin, rules, 1, ""));
    rules[0].value = S("Everybody");
    assert_reason(put_mapping(fixture, &admin, rules, 1, ""), FORBIDDEN);
}

int main(void) {
#define STORED(name) cmocka_unit_test_setup_teardown(name, open_acme, fixture_close)
    const struct CMUnitTest tests[] = {
        STORED(a_policy_is_stored_and_its_change_told),
        STORED(what_is_wrong_in_a_policy_is_told_by_field),
        STORED(rules_are_stored_in_order_and_their_change_told),
        STORED(a_rule_names_roles_that_exist),
        STORED(a_rule_has_a_value_and_roles),
        STORED(rules_are_bounded),
        STORED(more_faults_than_an_answer_holds_still_refuse),
        STORED(nobody_gives_by_a_rule_what_they_lack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
