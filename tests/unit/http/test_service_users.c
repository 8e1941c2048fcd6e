// SPDX-License-Identifier: GPL-3.0-or-later
// Service users by the API: made, changed, listed, given credentials and roles, and what is refused.
#include "http/services.h"

// One more than fit makes the list a page that lies; nobody needs so many.
static void a_tenant_has_so_many_service_users_and_no_more(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    for (int i = 0; i < SERVICE_USERS_MAX; i++) {
        (void)call(at, ann, "createServiceUser", SERVICES, keep_text(at, "{\"name\":\"n%d\"}", i));
    }
    (void)refused(at, ann, "createServiceUser", SERVICES, "{\"name\":\"last\"}", 422,
                  "service_user_limit");
    struct answer answer = done(at, ann, "listServiceUsers", SERVICES "?limit=200", NULL);
    expect_number(answer.body, "total", SERVICE_USERS_MAX);
    expect_count(answer.body, "items", 200);
    const char *next = keep_at(at, answer.body, "next_cursor");
    answer = done(at, ann, "listServiceUsers", keep_text(at, SERVICES "?limit=200&cursor=%s", next),
                  NULL);
    next = keep_at(at, answer.body, "next_cursor");
    answer = done(at, ann, "listServiceUsers", keep_text(at, SERVICES "?limit=200&cursor=%s", next),
                  NULL);
    expect_count(answer.body, "items", 100);
    expect_null(answer.body, "next_cursor");
}

// ---- making ----

static void a_service_user_is_made_shown_and_removed(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "nightly export", "[\"read_only\"]");
    struct answer answer = done(at, ann, "getServiceUser", path, NULL);
    expect_text(answer.body, "name", "nightly export");
    expect_text(answer.body, "owner_email", "ann@acme.example");
    expect_text(answer.body, "owner_status", "active");
    expect_text(answer.body, "status", "active");
    expect_text(answer.body, "created_by", "operator:0");
    expect_text(answer.body, "roles.0.role_id", "read_only");
    expect_count(answer.body, "credentials", 0);
    expect_null(answer.body, "last_used");
    answer = done(at, ann, "listServiceUsers", SERVICES "?q=NIGHT", NULL);
    expect_count(answer.body, "items", 1);
    expect_count(done(at, ann, "listServiceUsers", SERVICES "?q=other", NULL).body, "items", 0);
    (void)refused(at, ann, "createServiceUser", SERVICES, "{\"name\":\"Nightly EXPORT\"}", 409,
                  "duplicate_name");
    (void)done(at, ann, "removeServiceUser", path, NULL);
    (void)refused(at, ann, "getServiceUser", path, NULL, 404, "not_found");
}

static void who_makes_one_owns_it_and_an_operator_says_who(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct answer answer = done(at, ann, "createServiceUser", SERVICES, "{\"name\":\"a\"}");
    expect_text(answer.body, "owner_email", "ann@acme.example");
    answer = refused(at, OPERATOR, "createServiceUser", SERVICES, "{\"name\":\"b\"}", 422,
                     "invalid_input");
    expect_text(answer.body, "errors.0.pointer", "/owner");
    answer = refused(at, OPERATOR, "createServiceUser", SERVICES,
                     "{\"name\":\"b\",\"owner\":\"usr_nobody\"}", 409, "owner_inactive");
    expect_text(answer.body, "errors.0.pointer", "/owner");
}

static void what_is_wrong_is_said_by_field(void **state) {
    static const char *const cases[][3] = {
        {"{}", "/name", "required"},
        {"{\"name\":\"a\\u0007\"}", "/name", "restricted_characters"},
        {"{\"name\":\"a\",\"token_lifetime\":60}", "/token_lifetime", "out_of_bounds"},
        {"{\"name\":\"a\",\"expires_at\":\"2020-01-01T00:00:00Z\"}", "/expires_at", "not_allowed"},
        {"{\"name\":\"a\",\"colour\":1}", "/colour", "unknown_field"},
    };
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer = refused(at, ann, "createServiceUser", SERVICES, cases[i][0], 422,
                                       "invalid_input");
        expect_text(answer.body, "errors.0.pointer", cases[i][1]);
        expect_text(answer.body, "errors.0.reason", cases[i][2]);
    }
    (void)refused(at, ann, "createServiceUser", SERVICES,
                  "{\"name\":\"a\",\"roles\":[\"nonesuch\"]}", 422, "unknown_role");
}

static void nobody_gives_or_borrows_what_he_does_not_hold(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    (void)refused(at, ann, "createServiceUser", SERVICES,
                  "{\"name\":\"a\",\"roles\":[\"admin_compliance\"]}", 403, "forbidden");
    const char *path = service_of(at, ann, "strong", "[\"admin_compliance\"]");
    const char *credentials = keep_text(at, "%s/credentials", path);
    (void)refused(at, ann, "addCredential", credentials, "{}", 403, "forbidden");
    (void)secret_of(at, OPERATOR, path);
    (void)done(at, ann, "disableServiceUser", keep_text(at, "%s:disable", path), NULL);
    (void)refused(at, ann, "enableServiceUser", keep_text(at, "%s:enable", path), NULL, 403,
                  "forbidden");
    (void)done(at, OPERATOR, "enableServiceUser", keep_text(at, "%s:enable", path), NULL);
}

static void its_own_end_is_not_its_own_to_put_off(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "bot", "[\"admin\"]");
    (void)done(at, OPERATOR, "changeServiceUser", path, "{\"expires_at\":\"2090-01-01T00:00:00Z\"}");
    struct caller bot = caller_of(at, secret_of(at, OPERATOR, path));
    (void)refused(at, bot, "changeServiceUser", path, "{\"expires_at\":null}", 403, "forbidden");
    (void)done(at, bot, "changeServiceUser", path, "{\"expires_at\":\"2089-01-01T00:00:00Z\"}");
    (void)done(at, ann, "changeServiceUser", path, "{\"expires_at\":null}");
}

static void changes_leave_what_is_not_named(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "export", "[\"read_only\"]");
    struct answer answer =
        done(at, ann, "changeServiceUser", path,
             "{\"description\":\"every night\",\"token_lifetime\":900,\"roles\":[\"user\"]}");
    expect_text(answer.body, "name", "export");
    expect_text(answer.body, "description", "every night");
    expect_text(answer.body, "roles.0.role_id", "user");
    expect_number(answer.body, "rv", 2);
    expect_number(answer.body, "token_lifetime", 900);
    answer = done(at, ann, "changeServiceUser", path, "{\"active\":false}");
    expect_text(answer.body, "status", "disabled");
    expect_count(done(at, ann, "listServiceUsers", SERVICES "?status=disabled", NULL).body, "items",
                 1);
    (void)refused(at, ann, "listServiceUsers", SERVICES "?status=sleepy", NULL, 422,
                  "invalid_input");
    (void)refused(at, ann, "disableServiceUser", keep_text(at, "%s:disable", path), NULL, 409,
                  "illegal_transition");
}

static void components_are_roles_of_their_own(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct answer answer = done(
        at, OPERATOR, "createServiceUser", SERVICES,
        keep_text(at, "{\"name\":\"cdp\",\"owner\":\"%.*s\",\"roles\":[\"user\"],\"bundle\":\"full\"}",
                  SLICE(ann.user_id)));
    const char *path = keep_text(at, SERVICES "/%s", keep_at(at, answer.body, "id"));
    expect_text(answer.body, "bundle", "full");
    expect_text(answer.body, "components.campaigns", "full");
    expect_count(answer.body, "roles", 1);
    answer = done(at, OPERATOR, "changeServiceUser", path, "{\"components\":{\"campaigns\":\"view\"}}");
    expect_text(answer.body, "components.campaigns", "view");
    expect_text(answer.body, "roles.0.role_id", "user");
    // An add-on that the tenant did not buy, and a level that there is not.
    (void)refused(at, OPERATOR, "changeServiceUser", path,
                  "{\"components\":{\"interactive_queries\":\"on\"}}", 422, "entitlement_missing");
    (void)refused(at, OPERATOR, "changeServiceUser", path, "{\"components\":{\"campaigns\":\"some\"}}",
                  422, "invalid_input");
}

static void programs_are_listed_with_people_when_asked_for(void **state) {
    struct scene *at = *state;
    const char *list = "/api/v1/tenants/acme/users";
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller rob = signed_in(at, "acme", "rob@acme.example", "read_only");
    (void)service_of(at, ann, "export", "[\"user\"]");
    (void)service_of(at, ann, "import", "[]");
    expect_count(done(at, ann, "listUsers", list, NULL).body, "items", 2);
    struct answer answer = done(at, ann, "listUsers", keep_text(at, "%s?kind=service", list), NULL);
    expect_count(answer.body, "items", 2);
    expect_text(answer.body, "items.0.kind", "service");
    answer = done(at, ann, "listUsers", keep_text(at, "%s?kind=service&role=user", list), NULL);
    expect_number(answer.body, "total", 1);
    expect_text(answer.body, "items.0.first_name", "export");
    answer = done(at, ann, "listUsers", keep_text(at, "%s?kind=service&status=locked", list), NULL);
    expect_number(answer.body, "total", 0);
    // All of them, a page of one after the other: people first.
    const char *cursor = "";
    for (int i = 0; i < 4; i++) {
        answer = done(at, ann, "listUsers",
                      keep_text(at, "%s?kind=all&limit=1&cursor=%s", list, cursor), NULL);
        expect_number(answer.body, "total", 4);
        if (i == 1) { // the people end here
            cursor = keep_at(at, answer.body, "next_cursor");
            assert_string_equal(cursor, "service.");
        }
        expect_text(answer.body, "items.0.kind", i < 2 ? "person" : "service");
        cursor = i < 3 ? keep_at(at, answer.body, "next_cursor") : cursor;
    }
    expect_null(answer.body, "next_cursor");
    (void)refused(at, ann, "listUsers", keep_text(at, "%s?kind=robot", list), NULL, 422,
                  "invalid_input");
    (void)refused(at, rob, "listUsers", keep_text(at, "%s?kind=service", list), NULL, 403,
                  "forbidden");
    expect_number(done(at, rob, "listUsers", keep_text(at, "%s?kind=all", list), NULL).body, "total",
                  2);
}

static void what_a_service_user_needs_is_not_removed(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    (void)done(at, OPERATOR, "createRole", "/api/v1/tenants/acme/roles",
               "{\"role_id\":\"exporter\",\"name\":\"Exporter\",\"permissions\":[\"users:view\"]}");
    const char *path = service_of(at, ann, "export", "[\"exporter\"]");
    (void)refused(at, OPERATOR, "removeRole", "/api/v1/tenants/acme/roles/exporter", NULL, 409,
                  "role_in_use");
    // The last administrator goes only with the tenant.
    (void)done(at, OPERATOR, "changeTenant", "/api/v1/tenants/acme", "{\"disabled\":true}");
    (void)done(at, OPERATOR, "removeUser",
               keep_text(at, "/api/v1/tenants/acme/users/%.*s", SLICE(ann.user_id)), NULL);
    (void)done(at, OPERATOR, "removeConnection", "/api/v1/connections/acme-okta", NULL);
    (void)refused(at, OPERATOR, "removeTenant", "/api/v1/tenants/acme", NULL, 409,
                  "tenant_not_empty");
    (void)done(at, OPERATOR, "removeServiceUser", path, NULL);
    (void)done(at, OPERATOR, "removeRole", "/api/v1/tenants/acme/roles/exporter", NULL);
    (void)done(at, OPERATOR, "removeTenant", "/api/v1/tenants/acme", NULL);
}

static void a_change_may_name_the_state_that_it_is_made_for(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "export", "[]");
    (void)done(at, ann, "getServiceUser", path, NULL);
    const char *etag = keep_text(at, "%.*s", SLICE(reply_header_of(at, "ETag")));
    for (int i = 0; i < 2; i++) {
        begin(at, METHOD_PATCH, path, "{\"description\":\"changed\"}");
        be(at, ann);
        set_header(at, "If-Match", slice_str(etag));
        struct answer answer = send(at);
        assert_int_equal(answer.status, i == 0 ? 200 : 412);
    }
}

static void a_secret_is_not_shown_to_who_asks_again(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = keep_text(at, "%s/credentials", service_of(at, ann, "export", "[]"));
    for (int i = 0; i < 2; i++) {
        begin(at, METHOD_POST, path, "{}");
        be(at, ann);
        set_header(at, "Idempotency-Key", S("\"once\""));
        struct answer answer = send(at);
        assert_int_equal(answer.status, i == 0 ? 201 : 409);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(a_service_user_is_made_shown_and_removed),
        SERVICE_TEST(a_tenant_has_so_many_service_users_and_no_more),
        SERVICE_TEST(who_makes_one_owns_it_and_an_operator_says_who),
        SERVICE_TEST(what_is_wrong_is_said_by_field),
        SERVICE_TEST(nobody_gives_or_borrows_what_he_does_not_hold),
        SERVICE_TEST(its_own_end_is_not_its_own_to_put_off),
        SERVICE_TEST(changes_leave_what_is_not_named),
        SERVICE_TEST(components_are_roles_of_their_own),
        SERVICE_TEST(programs_are_listed_with_people_when_asked_for),
        SERVICE_TEST(what_a_service_user_needs_is_not_removed),
        SERVICE_TEST(a_change_may_name_the_state_that_it_is_made_for),
        SERVICE_TEST(a_secret_is_not_shown_to_who_asks_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
