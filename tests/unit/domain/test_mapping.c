// SPDX-License-Identifier: GPL-3.0-or-later
// mapping_apply and the lists of grants: each kind of match met and missed, order, defaults,
// overage.
#include "people.h"

#include "domain/grant.h"

struct desk {
    struct op op;
    struct connection connection;
    struct mapping_rule rules[3];
    struct attribute attributes[3];
    struct slice values[3][3];
    struct identity identity;
    struct rows grants;
};

static struct slice role_ids[] = {{"admin", 5}, {"user", 4}, {"compliance", 10}};

static int desk_open(void **state) {
    struct desk *desk = test_calloc(1, sizeof *desk);
    op_open(&desk->op, NOON);
    desk->connection = (struct connection){.slug = S("acme-okta"), .policy = policy_default()};
    desk->connection.mapping = (struct mapping){.rules = {desk->rules, 0}};
    desk->identity =
        (struct identity){.assertion_id = S("_a1"), .attributes = {desk->attributes, 0}};
    *state = desk;
    return 0;
}
static int desk_close(void **state) {
    struct desk *desk = *state;
    op_close(&desk->op);
    test_free(desk);
    return 0;
}

static void rule(struct desk *desk, enum match match, const char *value, struct texts roles) {
    desk->rules[desk->connection.mapping.rules.count++] =
        (struct mapping_rule){(int)match, slice_str(value), roles};
}
static void send(struct desk *desk, const char *name, const char *value) {
    size_t i = desk->identity.attributes.count++;
    desk->values[i][0] = slice_str(value);
    desk->attributes[i] =
        (struct attribute){.name = slice_str(name), .values = {desk->values[i], 1}};
}
static reason apply(struct desk *desk) {
    return mapping_apply(&desk->op, &desk->connection, &desk->identity, &desk->grants);
}
static struct grant given(const struct desk *desk, size_t index) {
    assert_true(index < desk->grants.count);
    return ((const struct grant *)desk->grants.at)[index];
}

static void meets_and_misses(struct desk *desk, enum match match, const char *value,
                             const char *meets, const char *misses) {
    rule(desk, match, value, (struct texts){role_ids, 1});
    send(desk, "groups", meets);
    assert_done(apply(desk));
    assert_int_equal(desk->grants.count, 1);
    assert_slice(given(desk, 0).role_id, "admin");
    desk->values[0][0] = slice_str(misses);
    assert_reason(apply(desk), LOGIN_NO_ROLE);
}

static void exact_is_the_whole_group(void **state) {
    meets_and_misses(*state, MATCH_EXACT, "Admins", "Admins", "admins");
}
static void exact_is_not_a_part(void **state) {
    meets_and_misses(*state, MATCH_EXACT, "Admins", "Admins", "Admins ");
}
static void prefix_is_the_start(void **state) {
    meets_and_misses(*state, MATCH_PREFIX, "gh-", "gh-admins", "x-gh-");
}
static void suffix_is_the_end(void **state) {
    meets_and_misses(*state, MATCH_SUFFIX, "-admins", "gh-admins", "-admins-x");
}
static void contains_is_anywhere(void **state) {
    meets_and_misses(*state, MATCH_CONTAINS, "CN=Admins,", "CN=Admins,OU=x", "CN=Admin,OU=x");
}

static void a_rule_with_nothing_to_match_matches_nothing(void **state) {
    struct desk *desk = *state;
    rule(desk, MATCH_PREFIX, "", (struct texts){role_ids, 1});
    send(desk, "groups", "Admins");
    assert_reason(apply(desk), LOGIN_NO_ROLE);
}

static void the_first_rule_that_gives_a_role_is_its_origin(void **state) {
    struct desk *desk = *state;
    rule(desk, MATCH_PREFIX, "A", (struct texts){role_ids, 2});
    rule(desk, MATCH_EXACT, "Admins", (struct texts){role_ids, 3});
    send(desk, "groups", "Admins");
    assert_done(apply(desk));
    assert_int_equal(desk->grants.count, 3);
    assert_slice(given(desk, 0).rule, "prefix \"A\"");
    assert_slice(given(desk, 1).rule, "prefix \"A\"");
    assert_slice(given(desk, 2).role_id, "compliance");
    assert_slice(given(desk, 2).rule, "exact \"Admins\"");
    assert_slice(given(desk, 2).value, "Admins");
    assert_slice(given(desk, 2).assertion, "_a1");
    assert_int_equal(given(desk, 2).granted_at, NOON);
}

static void every_value_of_every_such_attribute_counts(void **state) {
    struct desk *desk = *state;
    rule(desk, MATCH_EXACT, "Admins", (struct texts){role_ids, 1});
    send(desk, "groups", "Other");
    send(desk, "groups", "First");
    desk->values[1][1] = S("Admins");
    desk->attributes[1].values.count = 2;
    assert_done(apply(desk));
    assert_slice(given(desk, 0).value, "Admins");
}

static void only_the_attributes_name_counts(void **state) {
    struct desk *desk = *state;
    rule(desk, MATCH_EXACT, "Admins", (struct texts){role_ids, 1});
    send(desk, "urn:other", "Admins");
    desk->attributes[0].friendly_name = S("groups");
    assert_reason(apply(desk), LOGIN_NO_ROLE);
    desk->connection.policy.groups_attribute = S("urn:other");
    assert_done(apply(desk));
}

static void the_default_role_is_for_those_whom_nothing_matches(void **state) {
    struct desk *desk = *state;
    desk->connection.mapping.default_role = S("read_only");
    rule(desk, MATCH_EXACT, "Admins", (struct texts){role_ids, 1});
    assert_done(apply(desk));
    assert_int_equal(desk->grants.count, 1);
    assert_slice(given(desk, 0).role_id, "read_only");
    assert_slice(given(desk, 0).rule, "default role");
    send(desk, "groups", "Admins");
    assert_done(apply(desk));
    assert_int_equal(desk->grants.count, 1);
    assert_slice(given(desk, 0).role_id, "admin");
}

static void a_link_in_place_of_the_groups_is_refused(void **state) {
    struct desk *desk = *state;
    desk->connection.mapping.default_role = S("read_only");
    send(desk, "http://schemas.microsoft.com/claims/groups.link", "https://graph.example/x");
    assert_reason(apply(desk), ATTRIBUTE_GROUPS_OVERAGE);
}
static void claim_names_that_speak_of_groups_are_refused(void **state) {
    struct desk *desk = *state;
    desk->connection.mapping.default_role = S("read_only");
    send(desk, "_claim_names", "{\"groups\":\"src1\"}");
    assert_reason(apply(desk), ATTRIBUTE_GROUPS_OVERAGE);
    desk->values[0][0] = S("{\"other\":\"src1\"}");
    assert_done(apply(desk));
}
static void a_link_beside_the_groups_is_no_harm(void **state) {
    struct desk *desk = *state;
    rule(desk, MATCH_EXACT, "Admins", (struct texts){role_ids, 1});
    send(desk, "http://schemas.microsoft.com/claims/groups.link", "https://graph.example/x");
    send(desk, "groups", "Admins");
    assert_done(apply(desk));
}

// ---- lists of grants ----

static void sso_grants_of_other_connections_are_left_alone(void **state) {
    struct desk *desk = *state;
    struct grant old[] = {
        {.role_id = S("admin"), .source = GRANT_SSO, .connection = S("acme-okta")},
        {.role_id = S("admin"), .source = GRANT_SSO, .connection = S("acme-entra")},
        {.role_id = S("user"), .source = GRANT_SCIM},
        {.role_id = S("compliance"), .source = GRANT_REQUEST},
    };
    struct rows made;
    const struct sso_grants none = {.connection = S("acme-okta"), .mode = MAPPING_AUTHORITATIVE};
    assert_done(grant_replace_sso(&desk->op, (struct rows){old, 4}, &none, &made));
    assert_int_equal(made.count, 3);
    assert_slice(((struct grant *)made.at)[0].connection, "acme-entra");
    assert_true(grant_stands_alone(made, S("acme-okta"), MAPPING_AUTHORITATIVE));
    assert_false(grant_stands_alone((struct rows){old, 2}, S("acme-okta"), MAPPING_AUTHORITATIVE));
    assert_true(grant_stands_alone((struct rows){old, 1}, S("acme-okta"), MAPPING_ADDITIVE));
}

static void a_role_that_is_given_again_keeps_its_time_and_names_no_assertion(void **state) {
    struct desk *desk = *state;
    struct grant old[] = {{.role_id = S("admin"),
                           .source = GRANT_SSO,
                           .connection = S("c"),
                           .granted_at = 5,
                           .assertion = S("_old")}};
    struct grant now[] = {{.role_id = S("admin"),
                           .source = GRANT_SSO,
                           .connection = S("c"),
                           .granted_at = 9,
                           .assertion = S("_new")}};
    const struct sso_grants sso = {S("c"), MAPPING_ADDITIVE, {now, 1}, S("_before")};
    struct rows made;
    assert_done(grant_replace_sso(&desk->op, (struct rows){old, 1}, &sso, &made));
    assert_int_equal(made.count, 1);
    assert_int_equal(((struct grant *)made.at)[0].granted_at, 5);
    assert_int_equal(((struct grant *)made.at)[0].assertion.len, 0);
}

// Those of another connection, and those that an additive one does not give again, keep the assertion that was the last
// to confirm them; what was given by hand has none.
static void what_is_not_given_again_names_the_assertion_before(void **state) {
    struct desk *desk = *state;
    struct grant old[] = {
        {.role_id = S("admin"), .source = GRANT_SSO, .connection = S("other")},
        {.role_id = S("user"), .source = GRANT_SSO, .connection = S("c")},
        {.role_id = S("user"), .source = GRANT_SSO, .connection = S("old"), .assertion = S("_long")},
        {.role_id = S("user"), .source = GRANT_MANUAL},
        {.role_id = S("read_only"), .source = GRANT_SSO, .connection = S("c")},
    };
    struct grant now[] = {{.role_id = S("read_only"), .source = GRANT_SSO, .connection = S("c")}};
    const struct sso_grants sso = {S("c"), MAPPING_ADDITIVE, {now, 1}, S("_before")};
    static const char *const expected[] = {"_before", "_before", "_long", "", ""};
    struct rows made;
    assert_done(grant_replace_sso(&desk->op, (struct rows){old, 5}, &sso, &made));
    assert_int_equal(made.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(slice_equal(((struct grant *)made.at)[i].assertion, slice_str(expected[i])));
    }
}

static void grants_past_the_ceiling_are_left_out(void **state) {
    struct desk *desk = *state;
    static struct grant old[GRANTS_MAX];
    for (size_t i = 0; i < GRANTS_MAX; i++) {
        old[i] = (struct grant){.role_id = S("user"), .source = GRANT_SCIM};
    }
    struct grant now[] = {{.role_id = S("admin"), .source = GRANT_SSO, .connection = S("c")}};
    struct rows made;
    const struct sso_grants sso = {
        .connection = S("c"), .mode = MAPPING_ADDITIVE, .given = {now, 1}};
    assert_done(grant_replace_sso(&desk->op, (struct rows){old, GRANTS_MAX}, &sso, &made));
    assert_int_equal(made.count, GRANTS_MAX);
}

static void a_text_is_cut_between_characters(void **state) {
    (void)state;
    assert_slice(text_cut(S("abc"), 3), "abc");
    assert_slice(text_cut(S("abcd"), 3), "abc");
    assert_slice(text_cut(S("ab\xC3\xA9"), 3), "ab");
}

#define T(name) cmocka_unit_test_setup_teardown(name, desk_open, desk_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(exact_is_the_whole_group),
        T(exact_is_not_a_part),
        T(prefix_is_the_start),
        T(suffix_is_the_end),
        T(contains_is_anywhere),
        T(a_rule_with_nothing_to_match_matches_nothing),
        T(the_first_rule_that_gives_a_role_is_its_origin),
        T(every_value_of_every_such_attribute_counts),
        T(only_the_attributes_name_counts),
        T(the_default_role_is_for_those_whom_nothing_matches),
        T(a_link_in_place_of_the_groups_is_refused),
        T(claim_names_that_speak_of_groups_are_refused),
        T(a_link_beside_the_groups_is_no_harm),
        T(sso_grants_of_other_connections_are_left_alone),
        T(a_role_that_is_given_again_keeps_its_time_and_names_no_assertion),
        T(what_is_not_given_again_names_the_assertion_before),
        T(grants_past_the_ceiling_are_left_out),
        T(a_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
