// SPDX-License-Identifier: GPL-3.0-or-later
// Tenants and connections by the API: each route once as it should be, and refused for each thing that can be wrong.
#include "http/idp_made.h"

#define TENANTS "/api/v1/tenants"
#define OKTA "/api/v1/connections/acme-okta"

// ---- tenants --------------------------------------------------------------------------------------------

static void a_tenant_is_made_in_one_call(void **state) {
    struct scene *at = *state;
    struct answer answer = done(
        at, OPERATOR, "createTenant", TENANTS,
        keep_text(at,
                  "{\"slug\":\"acme\",\"name\":\"Acme\",\"domains\":[\"ACME.example\"],"
                  "\"connections\":[{\"slug\":\"acme-okta\",\"idp\":{\"entity_id\":\"urn:idp\","
                  "\"sso_url\":\"https://idp.example/sso\",\"certificates\":[\"%s\"]},"
                  "\"policy\":{\"want\":\"both\"},\"rules\":{\"rules\":[{\"match\":\"exact\","
                  "\"value\":\"Admins\",\"roles\":[\"admin\"]}],\"default_role\":\"read_only\"}},"
                  "{\"slug\":\"acme-adfs\",\"disabled\":true,\"rules\":[{\"match\":\"prefix\","
                  "\"value\":\"g-\",\"roles\":[\"user\"]}]}]}",
                  certificate_made(at, "idp.example")));
    assert_int_equal(answer.status, 201);
    assert_slice(reply_header_of(at, "Location"), "/api/v1/tenants/acme");
    expect_text(answer.body, "domains.0", "acme.example");
    expect_bool(answer.body, "disabled", false);
    expect_text(answer.body, "connections.0.acs_url", "https://gate.example/saml/acme-okta/acs");
    expect_text(answer.body, "connections.0.policy.want", "both");
    expect_number(answer.body, "connections.0.policy.skew_seconds", 180);
    expect_text(answer.body, "connections.0.idp.certificates.0.subject", "CN=idp.example");
    expect_text(answer.body, "connections.0.rules.default_role", "read_only");
    expect_count(answer.body, "connections.0.warnings", 0);
    expect_bool(answer.body, "connections.1.disabled", true);
    expect_text(answer.body, "connections.1.rules.rules.0.value", "g-");
    expect_null(answer.body, "connections.1.rules.default_role");
    expect_text(done(at, OPERATOR, "getTenant", TENANTS "/acme", NULL).body, "name", "Acme");
}

static void a_tenant_with_a_bad_connection_is_not_made_at_all(void **state) {
    struct scene *at = *state;
    (void)done(at, OPERATOR, "createTenant", TENANTS,
               "{\"slug\":\"first\",\"connections\":[{\"slug\":\"taken\"}]}");
    struct answer answer =
        refused(at, OPERATOR, "createTenant", TENANTS,
                "{\"slug\":\"acme\",\"domains\":[\"acme.example\"],\"connections\":[{\"slug\":"
                "\"acme-a\"},{\"slug\":\"taken\"}]}",
                409, "duplicate_slug");
    expect_error(answer.body, "/connections/1/slug", "duplicate_slug");
    (void)refused(at, OPERATOR, "getTenant", TENANTS "/acme", NULL, 404, "not_found");
    (void)refused(at, OPERATOR, "getConnection", "/api/v1/connections/acme-a", NULL, 404,
                  "not_found");
    (void)done(at, OPERATOR, "createTenant", TENANTS,
               "{\"slug\":\"acme\",\"domains\":[\"acme.example\"]}");
}

static void what_is_wrong_with_a_tenant_is_said_by_field(void **state) {
    static const char *const cases[][3] = {
        {"{}", "/slug", "required"},
        {"{\"slug\":\"Acme\"}", "/slug", "not_allowed"},
        {"{\"slug\":7}", "/slug", "wrong_type"},
        {"{\"slug\":\"a\",\"colour\":1}", "/colour", "unknown_field"},
        {"{\"slug\":\"a\",\"created_at\":null}", "/created_at", "unknown_field"},
        {"{\"slug\":\"a\",\"domains\":[\"ok.example\",\"no_domain\"]}", "/domains/1",
         "not_allowed"},
        {"{\"slug\":\"a\",\"connections\":{}}", "/connections", "wrong_type"},
        {"{\"slug\":\"a\",\"connections\":[7]}", "/connections/0", "wrong_type"},
        {"{\"slug\":\"a\",\"connections\":[{}]}", "/connections/0/slug", "required"},
        {"{\"slug\":\"a\",\"connections\":[{\"slug\":\"b\",\"policy\":{\"want\":\"none\"}}]}",
         "/connections/0/policy/want", "not_allowed"},
        {"{\"slug\":\"a\",\"connections\":[{\"slug\":\"b\",\"policy\":{\"domains\":[\"x.example\"]"
         "}}]}",
         "/connections/0/policy/domains/0", "not_allowed"},
        {"{\"slug\":\"a\",\"connections\":[{\"slug\":\"b\"},{\"slug\":\"c\",\"idp\":{\"sso_url\":"
         "\"https://idp.example/\"}}]}",
         "/connections/1/idp/entity_id", "required"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer =
            refused(*state, OPERATOR, "createTenant", TENANTS, cases[i][0], 422, "invalid_input");
        expect_error(answer.body, cases[i][1], cases[i][2]);
    }
}

static void a_role_that_is_not_there_is_found_in_nested_rules(void **state) {
    struct answer answer = refused(
        *state, OPERATOR, "createTenant", TENANTS,
        "{\"slug\":\"a\",\"connections\":[{\"slug\":\"b\",\"rules\":{\"rules\":[{\"match\":"
        "\"exact\",\"value\":\"G\",\"roles\":[\"user\",\"ghost\"]}]}}]}",
        422, "unknown_role");
    expect_error(answer.body, "/connections/0/rules/rules/0/roles/1", "unknown_role");
    answer = refused(*state, OPERATOR, "createTenant", TENANTS,
                     "{\"slug\":\"a\",\"connections\":[{\"slug\":\"b\",\"rules\":[{\"match\":"
                     "\"exact\",\"value\":\"G\",\"roles\":[\"ghost\"]}]}]}",
                     422, "unknown_role");
    expect_error(answer.body, "/connections/0/rules/0/roles/0", "unknown_role");
}

static void a_name_and_a_domain_belong_to_one_tenant(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    (void)refused(at, OPERATOR, "createTenant", TENANTS, "{\"slug\":\"acme\"}", 409,
                  "duplicate_slug");
    struct answer answer = refused(at, OPERATOR, "createTenant", TENANTS,
                                   "{\"slug\":\"third\",\"domains\":[\"Acme.Example\"]}", 409,
                                   "domain_taken");
    expect_error(answer.body, "/domains/0", "domain_taken");
    (void)refused(at, OPERATOR, "changeTenant", TENANTS "/other",
                  "{\"domains\":[\"other.example\",\"acme.example\"]}", 409, "domain_taken");
}

static void a_body_that_is_no_json_is_refused(void **state) {
    struct scene *at = *state;
    (void)refused(at, OPERATOR, "createTenant", TENANTS, "{\"slug\":", 400, "malformed_json");
    (void)refused(at, OPERATOR, "createTenant", TENANTS, "[]", 400, "malformed_json");
    (void)refused(at, OPERATOR, "createTenant", TENANTS, "", 400, "malformed_json");
    (void)refused(at, OPERATOR, "createTenant", TENANTS, "{\"slug\":\"a\",\"slug\":\"b\"}", 400,
                  "malformed_json");
    begin(at, METHOD_POST, TENANTS, NULL);
    be(at, OPERATOR);
    set_header(at, "Content-Type", S("text/plain"));
    at->request.body = S("{\"slug\":\"acme\"}");
    struct answer answer = send(at);
    assert_int_equal(answer.status, 415);
    expect_text(answer.body, "reason", "unsupported_media_type");
}

static void a_body_over_the_ceiling_is_refused(void **state) {
    struct scene *at = *state;
    char *big = test_malloc(JSON_BODY_MAX + 2);
    memset(big, ' ', JSON_BODY_MAX + 1);
    big[JSON_BODY_MAX + 1] = '\0';
    (void)refused(at, OPERATOR, "createTenant", TENANTS, big, 413, "body_too_large");
    test_free(big);
}

static void a_tenant_is_changed_and_keeps_what_is_left_out(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct answer answer =
        done(at, OPERATOR, "changeTenant", TENANTS "/acme", "{\"disabled\":true}");
    expect_bool(answer.body, "disabled", true);
    expect_text(answer.body, "domains.0", "acme.example");
    answer = done(at, OPERATOR, "changeTenant", TENANTS "/acme",
                  "{\"slug\":\"acme\",\"name\":\"New\",\"domains\":[],\"disabled\":false}");
    expect_text(answer.body, "name", "New");
    expect_count(answer.body, "domains", 0);
    answer = refused(at, OPERATOR, "changeTenant", TENANTS "/acme", "{\"slug\":\"b\"}", 422,
                     "invalid_input");
    expect_error(answer.body, "/slug", "not_allowed");
    answer = refused(at, OPERATOR, "changeTenant", TENANTS "/acme", "{\"disabled\":1}", 422,
                     "invalid_input");
    expect_error(answer.body, "/disabled", "wrong_type");
    (void)refused(at, OPERATOR, "changeTenant", TENANTS "/none", "{}", 404, "not_found");
}

static void tenants_are_listed_page_by_page(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct answer answer = done(at, OPERATOR, "listTenants", TENANTS "?limit=1", NULL);
    expect_count(answer.body, "items", 1);
    expect_number(answer.body, "total", 2);
    const char *next = keep_at(at, answer.body, "next_cursor");
    answer = done(at, OPERATOR, "listTenants",
                  keep_text(at, TENANTS "?limit=1&cursor=%s", next), NULL);
    expect_text(answer.body, "items.0.slug", "other");
    expect_null(answer.body, "next_cursor");
    static const char *const bad[] = {"?limit=0", "?limit=201", "?limit=x", "?limit=1&limit=2",
                                      "?cursor=No%20Cursor"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)refused(at, OPERATOR, "listTenants", keep_text(at, TENANTS "%s", bad[i]), NULL, 422,
                      "invalid_input");
    }
}

static void a_tenant_goes_when_it_is_empty(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    (void)refused(at, OPERATOR, "removeTenant", TENANTS "/acme", NULL, 409, "tenant_not_empty");
    assert_int_equal(done(at, OPERATOR, "removeConnection", OKTA, NULL).status, 204);
    assert_int_equal(done(at, OPERATOR, "removeTenant", TENANTS "/acme", NULL).status, 204);
    assert_int_equal(at->reply.body.len, 0);
    (void)refused(at, OPERATOR, "removeTenant", TENANTS "/acme", NULL, 404, "not_found");
}

// ---- connections ----------------------------------------------------------------------------------------

static void a_connection_says_what_to_enter_at_the_provider(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct answer answer = done(at, OPERATOR, "createConnection", TENANTS "/acme/connections",
                                "{\"slug\":\"acme-entra\"}");
    assert_int_equal(answer.status, 201);
    expect_text(answer.body, "entity_id", "https://gate.example/saml/acme-entra");
    expect_text(answer.body, "acs_url", "https://gate.example/saml/acme-entra/acs");
    expect_text(answer.body, "slo_url", "https://gate.example/saml/acme-entra/slo");
    expect_text(answer.body, "login_url", "https://gate.example/saml/acme-entra/login");
    expect_text(answer.body, "metadata_url", "https://gate.example/saml/acme-entra/metadata");
    expect_text(answer.body, "tenant", "acme");
    expect_null(answer.body, "idp.entity_id");
    (void)refused(at, OPERATOR, "createConnection", TENANTS "/acme/connections",
                  "{\"slug\":\"other-okta\"}", 409, "duplicate_slug");
    (void)refused(at, OPERATOR, "createConnection", TENANTS "/none/connections",
                  "{\"slug\":\"x\"}", 404, "not_found");
    answer = refused(at, OPERATOR, "createConnection", TENANTS "/acme/connections",
                     "{\"slug\":\"under_score\"}", 422, "invalid_input");
    expect_error(answer.body, "/slug", "not_allowed");
}

static void connections_are_listed_of_one_tenant_and_of_all(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct answer answer =
        done(at, OPERATOR, "listTenantConnections", TENANTS "/acme/connections", NULL);
    expect_number(answer.body, "total", 1);
    expect_text(answer.body, "items.0.slug", "acme-okta");
    answer = done(at, OPERATOR, "listConnections", "/api/v1/connections?limit=1", NULL);
    expect_number(answer.body, "total", 2);
    expect_text(answer.body, "next_cursor", "acme-okta");
    (void)refused(at, OPERATOR, "listTenantConnections", TENANTS "/none/connections", NULL, 404,
                  "not_found");
}

static void a_connection_is_switched_off_and_on(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    expect_bool(done(at, OPERATOR, "switchConnection", OKTA, "{\"disabled\":true}").body,
                "disabled", true);
    expect_bool(done(at, OPERATOR, "getConnection", OKTA, NULL).body, "disabled", true);
    expect_bool(done(at, OPERATOR, "switchConnection", OKTA, "{\"disabled\":false}").body,
                "disabled", false);
    struct answer answer =
        refused(at, OPERATOR, "switchConnection", OKTA, "{}", 422, "invalid_input");
    expect_error(answer.body, "/disabled", "required");
    (void)refused(at, OPERATOR, "switchConnection", "/api/v1/connections/none",
                  "{\"disabled\":true}", 404, "not_found");
}

// ---- policy and rules -------------------------------------------------------------------------------------

static void a_policy_is_replaced_by_what_is_said_and_the_defaults(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct answer answer =
        done(at, OPERATOR, "setPolicy", OKTA "/policy",
             "{\"unsolicited\":true,\"skew_seconds\":60,\"domains\":[\"acme.example\"],"
             "\"email_attribute\":\"mail\"}");
    expect_bool(answer.body, "unsolicited", true);
    expect_text(answer.body, "email_attribute", "mail");
    answer = done(at, OPERATOR, "setPolicy", OKTA "/policy", "{\"want\":\"response\"}");
    expect_text(answer.body, "want", "response");
    expect_bool(answer.body, "unsolicited", false);
    expect_number(answer.body, "skew_seconds", 180);
    expect_count(answer.body, "domains", 0);
    expect_null(answer.body, "email_attribute");
    answer = done(at, OPERATOR, "getPolicy", OKTA "/policy", NULL);
    expect_text(answer.body, "want", "response");
    expect_bool(answer.body, "allow_cbc", true);
}

static void a_policy_that_cannot_be_is_refused_by_field(void **state) {
    static const char *const cases[][3] = {
        {"{\"skew_seconds\":301}", "/skew_seconds", "out_of_bounds"},
        {"{\"skew_seconds\":\"60\"}", "/skew_seconds", "wrong_type"},
        {"{\"want\":\"neither\"}", "/want", "not_allowed"},
        {"{\"wants\":\"both\"}", "/wants", "unknown_field"},
        {"{\"domains\":[\"other.example\"]}", "/domains/0", "not_allowed"},
        {"{\"groups_attribute\":\"\"}", "/groups_attribute", "required"},
        {"{\"name_id_format\":\"not a uri\"}", "/name_id_format", "not_allowed"}};
    struct scene *at = *state;
    two_tenants(at);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer = refused(at, OPERATOR, "setPolicy", OKTA "/policy", cases[i][0], 422,
                                       "invalid_input");
        expect_error(answer.body, cases[i][1], cases[i][2]);
    }
}

static void rules_are_replaced(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct answer answer =
        done(at, OPERATOR, "setRules", OKTA "/rules",
             "{\"rules\":[{\"match\":\"suffix\",\"value\":\"-adm\",\"roles\":[\"admin\"]}],"
             "\"default_role\":\"user\",\"mode\":\"additive\"}");
    expect_text(answer.body, "rules.0.match", "suffix");
    expect_text(answer.body, "mode", "additive");
    answer = done(at, OPERATOR, "setRules", OKTA "/rules", "{\"default_role\":null}");
    expect_count(answer.body, "rules", 0);
    expect_text(answer.body, "mode", "authoritative");
    expect_null(done(at, OPERATOR, "getRules", OKTA "/rules", NULL).body, "default_role");
}

static void rules_that_cannot_be_are_refused_by_field(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct answer answer =
        refused(at, OPERATOR, "setRules", OKTA "/rules",
                "{\"rules\":[{\"match\":\"exact\",\"value\":\"A\",\"roles\":[\"admin\"]},"
                "{\"match\":\"exact\",\"value\":\"B\",\"roles\":[\"ghost\"]}]}",
                422, "unknown_role");
    expect_error(answer.body, "/rules/1/roles/0", "unknown_role");
    answer = refused(at, OPERATOR, "setRules", OKTA "/rules",
                     "{\"rules\":[{\"match\":\"regex\",\"value\":\"\"}]}", 422, "invalid_input");
    expect_error(answer.body, "/rules/0/match", "not_allowed");
    expect_error(answer.body, "/rules/0/value", "required");
    expect_error(answer.body, "/rules/0/roles", "required");
    (void)refused(at, OPERATOR, "setRules", OKTA "/rules", "{\"default_role\":\"ghost\"}", 422,
                  "unknown_role");
}

static void nobody_gives_by_a_rule_what_they_do_not_hold(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    (void)done(at, ann, "setRules", OKTA "/rules",
               "{\"rules\":[{\"match\":\"exact\",\"value\":\"A\",\"roles\":[\"admin\"]}]}");
    struct answer answer = refused(
        at, ann, "setRules", OKTA "/rules",
        "{\"rules\":[{\"match\":\"exact\",\"value\":\"A\",\"roles\":[\"admin_compliance\"]}]}", 403,
        "forbidden");
    expect_error(answer.body, "/rules/0/roles/0", "forbidden");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_tenant_is_made_in_one_call),
        SCENE_TEST(a_tenant_with_a_bad_connection_is_not_made_at_all),
        SCENE_TEST(what_is_wrong_with_a_tenant_is_said_by_field),
        SCENE_TEST(a_role_that_is_not_there_is_found_in_nested_rules),
        SCENE_TEST(a_name_and_a_domain_belong_to_one_tenant),
        SCENE_TEST(a_body_that_is_no_json_is_refused),
        SCENE_TEST(a_body_over_the_ceiling_is_refused),
        SCENE_TEST(a_tenant_is_changed_and_keeps_what_is_left_out),
        SCENE_TEST(tenants_are_listed_page_by_page),
        SCENE_TEST(a_tenant_goes_when_it_is_empty),
        SCENE_TEST(a_connection_says_what_to_enter_at_the_provider),
        SCENE_TEST(connections_are_listed_of_one_tenant_and_of_all),
        SCENE_TEST(a_connection_is_switched_off_and_on),
        SCENE_TEST(a_policy_is_replaced_by_what_is_said_and_the_defaults),
        SCENE_TEST(a_policy_that_cannot_be_is_refused_by_field),
        SCENE_TEST(rules_are_replaced),
        SCENE_TEST(rules_that_cannot_be_are_refused_by_field),
        SCENE_TEST(nobody_gives_by_a_rule_what_they_do_not_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
