// SPDX-License-Identifier: GPL-3.0-or-later
// How a request finds its row, who is calling, and who may: the whole route table, row by row.
#include "http/callers.h"

// ---- finding the row --------------------------------------------------------------------------------------

static struct answer get(struct scene *at, const char *path) {
    begin(at, METHOD_GET, path, NULL);
    be(at, OPERATOR);
    return send(at);
}

static void an_unknown_address_is_not_found(void **state) {
    static const char *const paths[] = {"/api/v1/nothing",     "/api/v1/tenants/",
                                        "/api/v1/tenants//x",  "/api/v1",
                                        "/api/v1/me/more",     "//api/v1/me",
                                        "/api/v1/tenants/%zz", "/api/v1/tenants/a%00b",
                                        "/API/v1/me"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct answer answer = get(*state, paths[i]);
        assert_int_equal(answer.status, 404);
    }
}

static void what_is_not_the_api_answers_people_with_a_page(void **state) {
    struct scene *at = *state;
    assert_int_equal(get(at, "/nothing").status, 404);
    assert_string_equal(at->reply.content_type, "text/html; charset=utf-8");
    begin(at, METHOD_GET, "/nothing", NULL);
    set_header(at, "Accept", S("application/json"));
    expect_text(send(at).body, "reason", "not_found");
}

static void parts_of_a_path_are_decoded(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    expect_text(get(at, "/api/v1/tenants/ac%6De").body, "slug", "acme");
}

static void another_method_is_told_which_there_are(void **state) {
    struct scene *at = *state;
    begin(at, METHOD_DELETE, "/api/v1/tenants", NULL);
    be(at, OPERATOR);
    struct answer answer = send(at);
    assert_int_equal(answer.status, 405);
    expect_text(answer.body, "reason", "method_not_allowed");
    assert_slice(reply_header_of(at, "Allow"), "GET, POST");
    begin(at, METHOD_OTHER, "/api/v1/me", NULL);
    assert_int_equal(send(at).status, 405);
    assert_slice(reply_header_of(at, "Allow"), "GET");
}

static void a_request_that_used_up_its_memory_is_told_so(void **state) {
    struct scene *at = *state;
    const char *value = NULL;
    begin(at, METHOD_GET, "/api/v1/openapi.json", NULL);
    at->op.arena.ceiling = 32U << 10;
    struct answer answer = send(at);
    assert_int_equal(answer.status, 503);
    expect_text(answer.body, "reason", "limit.memory");
    // And there is room to send it.
    assert_done(op_cstr(&at->op, reply_header_of(at, "X-Request-Id"), &value));
    begin(at, METHOD_GET, "/login", NULL);
    void *all = NULL;
    at->op.arena.ceiling = 16U << 10;
    while (op_take(&at->op, 64, &all) == NULL) {
    }
    assert_int_equal(send(at).status, 503);
    assert_string_equal(at->reply.content_type, "text/html; charset=utf-8");
}

static void head_is_answered_as_get(void **state) {
    struct scene *at = *state;
    begin(at, METHOD_GET, "/healthz", NULL);
    at->request.head = true;
    assert_int_equal(send(at).status, 200);
}

static void an_action_stands_behind_an_id(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "user");
    const char *user = keep_text(at, "/api/v1/tenants/acme/users/%.*s", SLICE(ann.user_id));
    expect_text(get(at, user).body, "status", "active");
    // An action that is not there is not somebody's id.
    assert_int_equal(get(at, keep_text(at, "%s:explode", user)).status, 404);
    begin(at, METHOD_POST, keep_text(at, "%s:explode", user), NULL);
    be(at, OPERATOR);
    assert_int_equal(send(at).status, 404);
    // One that is there takes POST only, and an id.
    assert_int_equal(get(at, keep_text(at, "%s:disable", user)).status, 405);
    assert_slice(reply_header_of(at, "Allow"), "POST");
    begin(at, METHOD_POST, "/api/v1/tenants/acme/users/:disable", NULL);
    be(at, OPERATOR);
    assert_int_equal(send(at).status, 404);
    expect_text(done(at, OPERATOR, "disableUser", keep_text(at, "%s:disable", user), NULL).body,
                "status", "disabled");
}

static void every_answer_carries_its_protection(void **state) {
    struct scene *at = *state;
    static const char *const paths[] = {"/", "/api/v1/me", "/api/v1/nothing", "/healthz"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        (void)get(at, paths[i]);
        assert_slice(reply_header_of(at, "X-Content-Type-Options"), "nosniff");
        assert_slice(reply_header_of(at, "Referrer-Policy"), "no-referrer");
        assert_slice(reply_header_of(at, "X-Request-Id"), "req_test");
    }
}

static void a_body_has_a_ceiling_by_its_door(void **state) {
    (void)state;
    assert_int_equal(router_body_max(METHOD_PUT, S("/api/v1/connections/a/idp")), JSON_BODY_MAX);
    assert_int_equal(router_body_max(METHOD_POST, S("/saml/acme-okta/acs")), SAML_FORM_MAX);
    assert_int_equal(router_body_max(METHOD_POST, S("/login")), 64 << 10);
    assert_int_equal(router_body_max(METHOD_GET, S("/api/v1/me")), 0);
    assert_true(router_is_saml(S("/saml/acme-okta/acs")));
    assert_false(router_is_saml(S("/samlish")));
}

// ---- who may, row by row ------------------------------------------------------------------------------------

// The operations that anybody may ask for. A new one is opened here too, on purpose.
static void only_these_doors_are_open_to_everybody(void **state) {
    (void)state;
    static const char *const open[] = {
        "home",          "askEmail",          "findConnection",   "getAsset",
        "getMetadata",   "getMetadataAgain",  "startLogin",       "consumeAssertion",
        "getKeys",       "singleLogoutQuery", "singleLogoutForm", "discover",
        "discoverOauth", "getHealth",         "getReadiness",     "getMetrics",
        "getOpenApi",    "listPermissions",   "listComponents",   "askSignOut",       "signOut",
        "issueToken",    "revokeToken",       "askApproval",      "approveByLink",
        "askDenial",     "denyByLink",        "askForAccess",     "askedForAccess",
        "askPassword",   "signInWithPassword", "askTenant",       "chooseTenant",
        "askForgotten",  "forgetPassword",    "askReset",         "resetPasswordForm",
        "askInvitation", "acceptInvitationForm", "askChange",     "changePasswordForm",
        "askFactor",     "giveFactor",        "askFactorSetup",   "setUpFactor",
        "askEmailConfirmation", "confirmEmail", "signIn",         "acceptInvitation",
        "forgotPassword", "resetPassword", "authorizeApplication", "authorizeApplicationForm"};
    size_t count = sizeof open / sizeof open[0];
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(route_of(open[i])->access, ACCESS_PUBLIC);
    }
    for (size_t i = 0; i < route_count; i++) {
        count -= route_table[i].access == ACCESS_PUBLIC ? 1 : 0;
    }
    assert_int_equal(count, 0);
}

static void a_permission_of_a_route_is_one_or_nobodys(void **state) {
    (void)state;
    for (size_t i = 0; i < route_count; i++) {
        const char *permission = route_table[i].permission;
        assert_true(permission == NULL || strcmp(permission, "operator") == 0 ||
                    permission_find(slice_str(permission)) != NULL);
    }
    assert_null(permission_find(S("operator")));
}

// The path with the names of acme's things in it.
static const char *path_in_acme(struct scene *at, const char *pattern) {
    static const char *const parts[][2] = {{"{tenant}", "acme"},
                                           {"{connection}", "acme-okta"},
                                           {"{user}", "usr_01J00000000000000000000000"},
                                           {"{role_id}", "admin"},
                                           {"{organization_number}", "1"},
                                           {"{account_number}", "1"},
                                           {"{trace}", "trc_01J00000000000000000000000"}};
    struct slice rest = slice_str(pattern);
    const char *path = "";
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t where = slice_find(rest, slice_str(parts[i][0]));
        if (where != SIZE_MAX) {
            path = keep_text(at, "%s%.*s%s", path, SLICE(slice_sub(rest, 0, where)), parts[i][1]);
            rest = slice_sub(rest, where + strlen(parts[i][0]), rest.len);
        }
    }
    return keep_text(at, "%s%.*s", path, SLICE(rest));
}

static struct answer try_route(struct scene *at, struct caller as, const struct route *route) {
    begin(at, route->method, path_in_acme(at, route->path),
          route->method == METHOD_GET ? NULL : "{}");
    be(at, as);
    return send(at);
}

// Where a refusal says its reason.
static const char *reason_at(const struct route *route) {
    return route->door == DOOR_PLATFORM ? "errors.0.reason" : "reason";
}

static bool is_guarded(const struct route *route) {
    return route->access != ACCESS_PUBLIC && route->access != ACCESS_KNOWN;
}

static void nobody_gets_401_everywhere(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    for (size_t i = 0; i < route_count; i++) {
        if (is_guarded(&route_table[i])) {
            struct answer answer = try_route(at, NOBODY, &route_table[i]);
            assert_int_equal(answer.status, 401);
            expect_text(answer.body, reason_at(&route_table[i]), "unauthenticated");
            assert_slice(reply_header_of(at, "WWW-Authenticate"), "Bearer realm=\"gatehouse\"");
        }
    }
}

static void who_may_nothing_gets_403_in_the_own_tenant(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "audiences_only");
    // What everybody else may: ask for access.
    struct caller sue = signed_in(at, "acme", "sue@acme.example", "support_access");
    for (size_t i = 0; i < route_count; i++) {
        const struct route *route = &route_table[i];
        bool asks = strstr(route->id, "MyRequest") != NULL ||
                    (route->permission != NULL && strcmp(route->permission, "requests:create") == 0);
        if (!is_guarded(route) || strcmp(route->id, "getMe") == 0 ||
            strcmp(route->id, "introspect") == 0 || strcmp(route->id, "listUsers") == 0 ||
            strcmp(route->id, "listMyPermissions") == 0 || strcmp(route->id, "authorize") == 0 ||
            strcmp(route->id, "changePassword") == 0) {
            continue;
        }
        struct answer answer = try_route(at, asks ? sue : ann, route);
        if (route->access == ACCESS_ORGANIZATION) { // that there is one is not for everybody to know
            assert_int_equal(answer.status, 404);
            continue;
        }
        if (answer.status != 403) {
            print_error("%s answers %u\n", route->id, answer.status);
        }
        assert_int_equal(answer.status, 403);
        expect_text(answer.body, reason_at(route), "forbidden");
    }
}

static void another_tenants_things_answer_404_to_its_administrator(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller eve = signed_in(at, "other", "eve@other.example", "admin_compliance");
    for (size_t i = 0; i < route_count; i++) {
        const struct route *route = &route_table[i];
        if (route->access == ACCESS_TENANT || route->access == ACCESS_CONNECTION ||
            route->access == ACCESS_ACCOUNT) {
            struct answer answer = try_route(at, eve, route);
            if (answer.status != 404) {
                print_error("%s answers %u\n", route->id, answer.status);
            }
            assert_int_equal(answer.status, 404);
            expect_text(answer.body, reason_at(route), "not_found");
        }
    }
}

// Whoever may most in a tenant still does not do what is the operators'.
static void these_are_for_operators_only(void **state) {
    static const char *const theirs[] = {"listTenants",     "createTenant",     "changeTenant",
                                         "removeTenant",    "listConnections",  "createConnection",
                                         "switchConnection", "removeConnection"};
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin_compliance");
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++) {
        struct answer answer = try_route(at, ann, route_of(theirs[i]));
        assert_int_equal(answer.status, 403);
        expect_text(answer.body, "reason", "forbidden");
    }
}

static void an_administrator_gets_as_far_as_the_permissions_go(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    (void)done(at, ann, "getTenant", "/api/v1/tenants/acme", NULL);
    (void)done(at, ann, "listUsers", "/api/v1/tenants/acme/users", NULL);
    (void)done(at, ann, "getPolicy", "/api/v1/connections/acme-okta/policy", NULL);
    (void)done(at, ann, "listAudit", "/api/v1/tenants/acme/audit", NULL);
    struct answer answer = refused(at, ann, "createRole", "/api/v1/tenants/acme/roles", "{}", 403,
                                   "forbidden");
    expect_text(answer.body, "detail", "this needs the permission roles:manage");
}

// ---- credentials ------------------------------------------------------------------------------------------

static void a_wrong_credential_is_refused_not_ignored(void **state) {
    struct scene *at = *state;
    static const char *const tokens[] = {"Bearer", "Bearer ", "Bearer nonsense", "Basic YTpi"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        begin(at, METHOD_GET, "/api/v1/me", NULL);
        set_header(at, "Authorization", slice_str(tokens[i]));
        assert_int_equal(send(at).status, 401);
    }
    struct caller stranger = {.cookie = S("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")};
    assert_int_equal(call(at, stranger, "getMe", "/api/v1/me", NULL).status, 401);
}

static void a_token_of_an_ended_session_is_worth_nothing(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "user");
    (void)done(at, ann, "getMe", "/api/v1/me", NULL);
    (void)done(at, OPERATOR, "revokeSessions",
               keep_text(at, "/api/v1/tenants/acme/users/%.*s:revoke-sessions",
                         SLICE(ann.user_id)),
               NULL);
    (void)refused(at, ann, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
}

static void a_token_and_a_session_expire(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "user");
    struct caller bob = in_browser(at, "acme", "bob@acme.example", "user");
    at->now = NOON + HOUR_MS + MINUTE_MS;
    (void)refused(at, ann, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
    (void)done(at, bob, "getMe", "/api/v1/me", NULL);
    at->now = NOON + 9 * HOUR_MS;
    (void)refused(at, bob, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
}

// An operator's token, as `gatehouse operator-token` makes it.
static void an_operators_token_may_do_all(void **state) {
    struct scene *at = *state;
    struct claims claims = {.subject = S("operator:0"),
                            .token_id = S("tok_1"),
                            .client_id = S("gatehouse"),
                            .scope = S("operator"),
                            .issued_at = NOON,
                            .expires_at = NOON + HOUR_MS};
    struct caller operator= {.control = false};
    assert_done(token_issue(&at->keep, at->gate.keyring, at->settings.public_url, &claims,
                            &operator.token));
    (void)done(at, operator, "createTenant", "/api/v1/tenants", "{\"slug\":\"acme\"}");
    expect_text(done(at, operator, "getMe", "/api/v1/me", NULL).body, "kind", "operator");
    // The same from another gate.
    assert_done(token_issue(&at->keep, at->gate.keyring, S("https://elsewhere.example"), &claims,
                            &operator.token));
    (void)refused(at, operator, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
}

// ---- cross-site -------------------------------------------------------------------------------------------

struct site {
    const char *fetch_site, *origin;
    unsigned status;
};

static void a_cookie_changes_things_only_from_this_site(void **state) {
    static const struct site sites[] = {
        {"same-origin", NULL, 200},       {"none", NULL, 200},
        {"cross-site", NULL, 403},        {"same-site", NULL, 403},
        {NULL, "https://gate.example", 200}, {NULL, "https://evil.example", 403},
        {NULL, "null", 403},              {NULL, NULL, 403},
        {"cross-site", "https://gate.example", 403}};
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = in_browser(at, "acme", "ann@acme.example", "admin");
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++) {
        begin(at, METHOD_PUT, "/api/v1/connections/acme-okta/policy", "{}");
        set_header(at, "Cookie",
                   op_text(&at->op, SESSION_COOKIE_NAME "=%.*s", SLICE(ann.cookie)));
        if (sites[i].fetch_site != NULL) {
            set_header(at, "Sec-Fetch-Site", slice_str(sites[i].fetch_site));
        }
        if (sites[i].origin != NULL) {
            set_header(at, "Origin", slice_str(sites[i].origin));
        }
        struct answer answer = send(at);
        assert_int_equal(answer.status, sites[i].status);
        if (answer.status == 403) {
            expect_text(answer.body, "reason", "cross_site");
        }
    }
}

static void reading_and_tokens_need_no_site(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = in_browser(at, "acme", "ann@acme.example", "admin");
    begin(at, METHOD_GET, "/api/v1/me", NULL);
    set_header(at, "Cookie", op_text(&at->op, SESSION_COOKIE_NAME "=%.*s", SLICE(ann.cookie)));
    set_header(at, "Sec-Fetch-Site", S("cross-site"));
    assert_int_equal(send(at).status, 200);
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "admin");
    begin(at, METHOD_PUT, "/api/v1/connections/acme-okta/policy", "{}");
    be(at, bob);
    set_header(at, "Sec-Fetch-Site", S("cross-site"));
    assert_int_equal(send(at).status, 200);
}

// ---- signing out ------------------------------------------------------------------------------------------

static void a_person_signs_out_and_the_cookie_goes(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = in_browser(at, "acme", "ann@acme.example", "user");
    (void)done(at, ann, "signOut", "/logout", NULL);
    assert_slice(reply_header_of(at, "Location"), "/?signed_out=here");
    assert_true(slice_find(reply_header_of(at, "Set-Cookie"), S("Max-Age=0")) != SIZE_MAX);
    assert_int_equal(call(at, ann, "getMe", "/api/v1/me", NULL).status, 401);
    // Once more, with a cookie that is worth nothing any more: no error, and it goes.
    (void)done(at, ann, "signOut", "/logout", NULL);
    assert_slice(reply_header_of(at, "Location"), "/");
    assert_non_null(reply_header_of(at, "Set-Cookie").at);
    (void)done(at, ann, "askSignOut", "/logout", NULL);
    assert_int_equal(at->reply.status, 303);
}

static void a_sign_out_from_another_site_ends_nothing(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = in_browser(at, "acme", "ann@acme.example", "user");
    begin(at, METHOD_POST, "/logout", NULL);
    set_header(at, "Cookie", op_text(&at->op, SESSION_COOKIE_NAME "=%.*s", SLICE(ann.cookie)));
    set_header(at, "Sec-Fetch-Site", S("cross-site"));
    assert_int_equal(send(at).status, 403);
    begin(at, METHOD_POST, "/logout", NULL); // as SameSite=Lax leaves it: without the cookie
    set_header(at, "Sec-Fetch-Site", S("cross-site"));
    assert_int_equal(send(at).status, 303);
    assert_null(reply_header_of(at, "Set-Cookie").at);
    (void)done(at, ann, "getMe", "/api/v1/me", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(an_unknown_address_is_not_found),
        SCENE_TEST(what_is_not_the_api_answers_people_with_a_page),
        SCENE_TEST(parts_of_a_path_are_decoded),
        SCENE_TEST(another_method_is_told_which_there_are),
        SCENE_TEST(a_request_that_used_up_its_memory_is_told_so),
        SCENE_TEST(head_is_answered_as_get),
        SCENE_TEST(an_action_stands_behind_an_id),
        SCENE_TEST(every_answer_carries_its_protection),
        SCENE_TEST(a_body_has_a_ceiling_by_its_door),
        SCENE_TEST(only_these_doors_are_open_to_everybody),
        SCENE_TEST(a_permission_of_a_route_is_one_or_nobodys),
        SCENE_TEST(nobody_gets_401_everywhere),
        SCENE_TEST(who_may_nothing_gets_403_in_the_own_tenant),
        SCENE_TEST(another_tenants_things_answer_404_to_its_administrator),
        SCENE_TEST(these_are_for_operators_only),
        SCENE_TEST(an_administrator_gets_as_far_as_the_permissions_go),
        SCENE_TEST(a_wrong_credential_is_refused_not_ignored),
        SCENE_TEST(a_token_of_an_ended_session_is_worth_nothing),
        SCENE_TEST(a_token_and_a_session_expire),
        SCENE_TEST(an_operators_token_may_do_all),
        SCENE_TEST(a_cookie_changes_things_only_from_this_site),
        SCENE_TEST(reading_and_tokens_need_no_site),
        SCENE_TEST(a_person_signs_out_and_the_cookie_goes),
        SCENE_TEST(a_sign_out_from_another_site_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
