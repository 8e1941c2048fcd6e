// SPDX-License-Identifier: GPL-3.0-or-later
// Reading of personal data: who may, who sees less, and what the audit log says of it.
#include "http/callers.h"

#define TENANTS "/api/v1/tenants"
#define USERS TENANTS "/acme/users"
#define VIEWED TENANTS "/acme/audit?event=pii.viewed"

static size_t viewed(struct scene *at) {
    return json_count(need(done(at, OPERATOR, "listAudit", VIEWED, NULL).body, "items"));
}

static void a_reading_is_one_row_an_hour(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller admin = in_browser(at, "acme", "admin@acme.example", "admin");
    size_t before = viewed(at); // and the operator's own reading of the log is noted behind it
    for (int i = 0; i < 5; i++) {
        (void)done(at, admin, "listUsers", USERS, NULL);
    }
    struct answer answer = done(at, OPERATOR, "listAudit", VIEWED, NULL);
    expect_text(answer.body, "items.0.detail", "users");
    expect_text(answer.body, "items.0.actor_kind", "user");
    assert_int_equal(json_count(need(answer.body, "items")), before + 2);
    at->now += HOUR_MS;
    (void)done(at, admin, "listUsers", USERS, NULL);
    (void)done(at, admin, "listUsers", USERS, NULL);
    assert_int_equal(viewed(at), before + 3);
}

static void each_person_that_is_looked_at_is_named(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller admin = signed_in(at, "acme", "admin@acme.example", "admin");
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "user");
    struct caller ben = signed_in(at, "acme", "ben@acme.example", "user");
    const struct caller people[] = {ann, ben, ann, admin};
    for (size_t i = 0; i < sizeof people / sizeof people[0]; i++) {
        (void)done(at, admin, "getUser", keep_text(at, USERS "/%.*s", SLICE(people[i].user_id)),
                   NULL);
    }
    struct answer answer =
        done(at, OPERATOR, "listAudit", keep_text(at, VIEWED "&actor=%.*s", SLICE(admin.user_id)),
             NULL);
    expect_count(answer.body, "items", 2); // once each, and nobody's own
    expect_text(answer.body, "items.0.target", keep_text(at, "%.*s", SLICE(ben.user_id)));
    expect_text(answer.body, "items.1.target", keep_text(at, "%.*s", SLICE(ann.user_id)));
}

static void what_was_refused_or_is_not_there_was_not_read(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller user = signed_in(at, "acme", "user@acme.example", "user");
    struct caller admin = signed_in(at, "acme", "admin@acme.example", "admin");
    (void)refused(at, user, "getUser", keep_text(at, USERS "/%.*s", SLICE(admin.user_id)), NULL,
                  403, "forbidden");
    (void)refused(at, admin, "getUser", USERS "/usr_nobody", NULL, 404, "not_found");
    (void)refused(at, admin, "getUser",
                  keep_text(at, TENANTS "/other/users/%.*s", SLICE(admin.user_id)), NULL, 404,
                  "not_found");
    assert_int_equal(viewed(at), 0);
}

static reason put_trace(struct op *op, struct txn *txn, void *arg) {
    return trace_put(op, txn, arg);
}

static const char *login_of_ann(struct scene *at) {
    struct trace trace;
    assert_done(trace_open(&at->keep, S("acme-okta"), S("acme"), &trace));
    trace.email = S("ann@acme.example");
    trace.name_id = S("ann-7");
    trace.user_id = S("usr_7");
    trace.address = S("198.51.100.7");
    trace_add(&at->keep, &trace, "audience", CHECK_PASS, S("https://gate.example"), S("the same"));
    trace_add(&at->keep, &trace, "login.identifier", CHECK_FAIL, S("a name"), S("is ann-7 here"));
    trace.verified = true;
    trace_close(&at->keep, &trace, REASON_OF(LOGIN_NO_ROLE));
    assert_done(store_write(&at->keep, at->gate.store, put_trace, &trace));
    return keep_text(at, "/api/v1/traces/%.*s", SLICE(trace.id));
}

static void who_signed_in_is_for_those_who_may_see_activity(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    const char *path = login_of_ann(at);
    struct caller admin = signed_in(at, "acme", "admin@acme.example", "admin");
    struct caller compliance = signed_in(at, "acme", "c@acme.example", "compliance");
    struct answer answer = done(at, admin, "getTrace", path, NULL);
    expect_text(answer.body, "email", "ann@acme.example");
    expect_text(answer.body, "checks.1.got", "is ann-7 here");
    expect_bool(answer.body, "withheld", false);
    answer = done(at, compliance, "getTrace", path, NULL);
    expect_bool(answer.body, "withheld", true);
    expect_null(answer.body, "email");
    expect_null(answer.body, "name_id");
    expect_null(answer.body, "user_id");
    expect_null(answer.body, "address");
    expect_text(answer.body, "checks.0.got", "the same");
    expect_text(answer.body, "reason", "login.no_role");
    assert_true(slice_find(answer.text, S("ann-7")) == SIZE_MAX);
    answer = done(at, compliance, "listTraces", TENANTS "/acme/traces", NULL);
    assert_true(slice_find(answer.text, S("ann")) == SIZE_MAX);
    (void)refused(at, compliance, "listTraces", TENANTS "/acme/traces?user=usr_7", NULL, 403,
                  "forbidden");
    expect_count(done(at, admin, "listTraces", TENANTS "/acme/traces?user=usr_7", NULL).body,
                 "items", 1);
    answer = done(at, OPERATOR, "listAudit", VIEWED, NULL);
    expect_count(answer.body, "items", 2); // the administrator's two; the other saw nobody
    expect_text(answer.body, "items.1.detail", "sign-in");
    expect_text(answer.body, "items.0.detail", "sign-ins");
}

static void an_operator_s_reading_stands_in_the_log_of_the_tenant(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    (void)done(at, OPERATOR, "getTrace", login_of_ann(at), NULL);
    struct answer answer = done(at, OPERATOR, "listAudit", VIEWED, NULL);
    expect_text(answer.body, "items.0.actor", "operator:0");
    expect_text(answer.body, "items.0.detail", "sign-in");
}

// ---- too much at once ----------------------------------------------------------------------------------

static void a_credential_has_so_many_requests_a_minute(void **state) {
    struct scene *at = *state;
    two_tenants(at);
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller ben = signed_in(at, "acme", "ben@acme.example", "admin");
    at->settings.api_rate = 5;
    window_ahead(MINUTE_MS);
    for (int i = 0; i < 5; i++) {
        (void)done(at, ann, "getMe", "/api/v1/me", NULL);
    }
    (void)refused(at, ann, "getMe", "/api/v1/me", NULL, 429, "rate_limited");
    struct slice wait = reply_header_of(at, "Retry-After");
    uint64_t seconds = 0;
    assert_true(text_u64(wait, 61, &seconds) && seconds > 0);
    (void)done(at, ben, "getMe", "/api/v1/me", NULL);
    for (int i = 0; i < 11; i++) { // commands are not counted
        (void)done(at, OPERATOR, "getMe", "/api/v1/me", NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(a_reading_is_one_row_an_hour),
        SCENE_TEST(each_person_that_is_looked_at_is_named),
        SCENE_TEST(what_was_refused_or_is_not_there_was_not_read),
        SCENE_TEST(who_signed_in_is_for_those_who_may_see_activity),
        SCENE_TEST(an_operator_s_reading_stands_in_the_log_of_the_tenant),
        SCENE_TEST(a_credential_has_so_many_requests_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
