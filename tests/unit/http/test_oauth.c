// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens of service users by OAuth: issued, refused, ended, asked about, and when they were last used.
#include "http/services.h"

// ---- tokens ----

static void a_secret_gets_a_token_that_may_what_the_roles_say(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "export", "[\"admin\"]");
    struct secret secret = secret_of(at, ann, path);
    assert_int_equal(strlen(secret.text), 50);
    assert_true(slice_starts(slice_str(secret.text), S("gh_sec_")));
    struct answer answer = ask_token(at, secret);
    assert_int_equal(answer.status, 200);
    expect_fits(document_of(at), "TokenAnswer", answer.body);
    expect_number(answer.body, "expires_in", 3600);
    assert_slice(reply_header_of(at, "Cache-Control"), "no-store");
    struct caller service = {.token = slice_str(keep_at(at, answer.body, "access_token"))};
    answer = done(at, service, "getMe", "/api/v1/me", NULL);
    expect_text(answer.body, "kind", "service");
    expect_text(answer.body, "tenant", "acme");
    (void)done(at, service, "listAudit", "/api/v1/tenants/acme/audit", NULL);
    (void)refused(at, service, "listAudit", "/api/v1/tenants/other/audit", NULL, 404, "not_found");
    (void)refused(at, service, "listTenants", "/api/v1/tenants", NULL, 403, "forbidden");
    (void)done(at, ann, "changeServiceUser", path, "{\"roles\":[\"read_only\"]}");
    (void)refused(at, service, "listAudit", "/api/v1/tenants/acme/audit", NULL, 403, "forbidden");
    answer = done(at, ann, "getServiceUser", path, NULL);
    assert_non_null(keep_at(at, answer.body, "last_used"));
    assert_non_null(keep_at(at, answer.body, "credentials.0.last_used"));
}

static void the_form_takes_the_secret_too(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct secret secret = secret_of(at, ann, service_of(at, ann, "export", "[]"));
    const char *post = keep_text(
        at, "grant_type=client_credentials&client_id=%s&client_secret=%s", secret.client,
        secret.text);
    assert_int_equal(form(at, "/oauth2/token", NULL, post).status, 200);
    expect_oauth(form(at, "/oauth2/token", basic(at, secret.client, secret.text), post), 400,
                 "invalid_request");
}

static void json_is_taken_in_place_of_a_form(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct secret secret = secret_of(at, ann, service_of(at, ann, "export", "[]"));
    begin(at, METHOD_POST, "/oauth2/token",
          keep_text(at, "{\"client_id\":\"%s\",\"client_secret\":\"%s\",\"audience\":\"x\","
                        "\"grant_type\":\"client_credentials\"}",
                    secret.client, secret.text));
    assert_int_equal(send(at).status, 200);
    begin(at, METHOD_POST, "/oauth2/token", "{\"grant_type\":1}");
    expect_oauth(send(at), 400, "invalid_request");
    begin(at, METHOD_POST, "/oauth2/token", "{");
    expect_oauth(send(at), 400, "invalid_request");
}

static void what_is_wrong_is_said_in_the_words_of_rfc_6749(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct secret secret = secret_of(at, ann, service_of(at, ann, "export", "[]"));
    const char *good = basic(at, secret.client, secret.text);
    expect_oauth(form(at, "/oauth2/token", good, ""), 400, "invalid_request");
    expect_oauth(form(at, "/oauth2/token", good, "grant_type=password"), 400,
                 "unsupported_grant_type");
    expect_oauth(form(at, "/oauth2/token", good, "grant_type=a&grant_type=b"), 400,
                 "invalid_request");
    expect_oauth(form(at, "/oauth2/token", good, "grant_type=client_credentials&scope=all"), 400,
                 "invalid_scope");
    expect_oauth(form(at, "/oauth2/token", NULL, "grant_type=client_credentials"), 401,
                 "invalid_client");
    assert_slice(reply_header_of(at, "WWW-Authenticate"), "Basic realm=\"gatehouse\"");
    expect_oauth(form(at, "/oauth2/token", "Basic !", "grant_type=client_credentials"), 401,
                 "invalid_client");
    expect_oauth(form(at, "/oauth2/token", basic(at, "svc_nobody", secret.text),
                      "grant_type=client_credentials"),
                 401, "invalid_client");
    expect_oauth(form(at, "/oauth2/token", basic(at, secret.client, "gh_sec_wrong"),
                      "grant_type=client_credentials"),
                 401, "invalid_client");
    expect_oauth(form(at, "/oauth2/token", basic(at, secret.client, ""),
                      "grant_type=client_credentials"),
                 401, "invalid_client");
    assert_int_equal(form(at, "/oauth2/token", good, "grant_type=client_credentials").status, 200);
}

static void wrong_secrets_are_held_up_by_address_and_client(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct secret secret = secret_of(at, ann, service_of(at, ann, "export", "[]"));
    struct secret other = secret_of(at, ann, service_of(at, ann, "import", "[]"));
    struct secret wrong = {secret.client, "", "gh_sec_wrong"};
    unsigned last = 0;
    window_ahead(MINUTE_MS);
    for (int i = 0; i <= SECRETS_BAD_MAX; i++) {
        last = ask_token(at, wrong).status;
    }
    assert_int_equal(last, 429);
    assert_slice(reply_header_of(at, "Retry-After"), "60");
    expect_oauth(ask_token(at, secret), 429, "rate_limited");
    assert_int_equal(ask_token(at, other).status, 200); // another client of that address
    for (int i = 0; i <= SECRETS_BAD_MAX; i++) {
        wrong.client = keep_text(at, "svc_nobody%d", i);
        last = ask_token(at, wrong).status;
    }
    assert_int_equal(last, 429);
    assert_int_equal(ask_token(at, other).status, 200);
}

static void a_credential_gets_so_many_tokens_in_a_minute(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "export", "[]");
    struct secret secret = secret_of(at, ann, path);
    struct secret other = secret_of(at, ann, path);
    window_ahead(MINUTE_MS);
    for (int i = 0; i < TOKENS_EACH_MAX; i++) {
        assert_int_equal(ask_token(at, secret).status, 200);
    }
    assert_int_equal(ask_token(at, secret).status, 429);
    assert_int_equal(ask_token(at, other).status, 200);
}

static void two_credentials_overlap_and_a_third_is_refused(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "export", "[\"admin\"]");
    struct secret old = secret_of(at, ann, path);
    struct secret new = secret_of(at, ann, path);
    (void)refused(at, ann, "addCredential", keep_text(at, "%s/credentials", path), "{}", 409,
                  "credential_limit");
    struct caller by_old = caller_of(at, old);
    struct caller by_new = caller_of(at, new);
    const char *gone = keep_text(at, "%s/credentials/%s", path, old.id);
    (void)done(at, ann, "removeCredential", gone, NULL);
    (void)refused(at, by_old, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
    (void)done(at, by_new, "getMe", "/api/v1/me", NULL);
    expect_oauth(ask_token(at, old), 401, "invalid_client");
    (void)refused(at, ann, "removeCredential", gone, NULL, 404, "not_found");
}

static void disabling_and_expiry_end_tokens_at_once(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "export", "[\"admin\"]");
    struct secret secret = secret_of(at, ann, path);
    struct caller service = caller_of(at, secret);
    (void)done(at, service, "getMe", "/api/v1/me", NULL);
    (void)refused(at, service, "disableServiceUser", keep_text(at, "%s:disable", path), NULL, 409,
                  "illegal_transition");
    (void)done(at, ann, "disableServiceUser", keep_text(at, "%s:disable", path), NULL);
    (void)refused(at, service, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
    expect_oauth(ask_token(at, secret), 401, "invalid_client");
    (void)done(at, ann, "enableServiceUser", keep_text(at, "%s:enable", path), NULL);
    (void)done(at, service, "getMe", "/api/v1/me", NULL);
    (void)done(at, ann, "changeServiceUser", path, "{\"expires_at\":\"2026-11-21T12:30:00Z\"}");
    struct answer answer = ask_token(at, secret);
    expect_number(answer.body, "expires_in", 1800); // no token outlives its service user
    at->now += 31 * MINUTE_MS;
    (void)refused(at, service, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
    expect_oauth(ask_token(at, secret), 401, "invalid_client");
}

static void a_credential_may_end_by_itself(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "export", "[]");
    const char *credentials = keep_text(at, "%s/credentials", path);
    (void)refused(at, ann, "addCredential", credentials,
                  "{\"expires_at\":\"2020-01-01T00:00:00Z\"}", 422, "invalid_input");
    struct answer answer = done(at, ann, "addCredential", credentials,
                                "{\"expires_at\":\"2026-11-21T12:10:00Z\"}");
    struct secret secret = {keep_at(at, answer.body, "client_id"), keep_at(at, answer.body, "id"),
                            keep_at(at, answer.body, "client_secret")};
    expect_number(ask_token(at, secret).body, "expires_in", 600);
    (void)secret_of(at, ann, path);
    at->now += 11 * MINUTE_MS;
    expect_oauth(ask_token(at, secret), 401, "invalid_client");
    (void)secret_of(at, ann, path); // two that live: the one that ended is in nobody's way
    expect_count(done(at, ann, "getServiceUser", path, NULL).body, "credentials", 2);
    (void)refused(at, ann, "addCredential", credentials, "{}", 409, "credential_limit");
}

static void an_owner_who_left_is_flagged_and_stops_rotation(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "admin");
    const char *path = service_of(at, bob, "export", "[\"read_only\"]");
    struct caller service = caller_of(at, secret_of(at, ann, path));
    (void)done(at, ann, "disableUser",
               keep_text(at, "/api/v1/tenants/acme/users/%.*s:disable", SLICE(bob.user_id)), NULL);
    struct answer answer = done(at, ann, "listServiceUsers", SERVICES "?owner=inactive", NULL);
    expect_count(answer.body, "items", 1);
    expect_text(answer.body, "items.0.owner_status", "disabled");
    (void)done(at, service, "getMe", "/api/v1/me", NULL); // it serves the tenant, not the person
    (void)refused(at, ann, "addCredential", keep_text(at, "%s/credentials", path), "{}", 409,
                  "owner_inactive");
    (void)done(at, ann, "changeServiceUser", path,
               keep_text(at, "{\"owner\":\"%.*s\"}", SLICE(ann.user_id)));
    (void)secret_of(at, ann, path);
    expect_count(done(at, ann, "listServiceUsers", SERVICES "?owner=inactive", NULL).body, "items",
                 0);
}

static void another_tenant_sees_nothing_of_it(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller eve = signed_in(at, "other", "eve@other.example", "admin");
    const char *path = service_of(at, ann, "export", "[]");
    (void)refused(at, eve, "getServiceUser", path, NULL, 404, "not_found");
    const char *mine = keep_text(at, "/api/v1/tenants/other/service-users/%s", strrchr(path, '/') + 1);
    (void)refused(at, eve, "getServiceUser", mine, NULL, 404, "not_found");
    (void)refused(at, eve, "removeServiceUser", mine, NULL, 404, "not_found");
    (void)refused(at, eve, "addCredential", keep_text(at, "%s/credentials", mine), "{}", 404,
                  "not_found");
    struct caller reader = signed_in(at, "acme", "rita@acme.example", "read_only");
    (void)refused(at, reader, "listServiceUsers", SERVICES, NULL, 403, "forbidden");
}

// ---- revocation and introspection ----

static const char *of_token(struct scene *at, struct caller caller) {
    return keep_text(at, "token=%.*s", SLICE(caller.token));
}

static struct answer introspect(struct scene *at, struct caller as, struct caller about) {
    return form(at, "/oauth2/introspect", keep_text(at, "Bearer %.*s", SLICE(as.token)),
                of_token(at, about));
}

static void expect_active(struct answer answer, bool active) {
    bool got = !active;
    assert_true(json_bool(json_get(answer.body, "active"), &got));
    assert_int_equal(got, active);
}

static void a_client_ends_its_own_token_and_no_other(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct secret secret = secret_of(at, ann, service_of(at, ann, "export", "[\"admin\"]"));
    struct secret other = secret_of(at, ann, service_of(at, ann, "import", "[\"admin\"]"));
    struct caller first = caller_of(at, secret);
    struct caller second = caller_of(at, secret);
    const char *good = basic(at, secret.client, secret.text);
    expect_oauth(form(at, "/oauth2/revoke", NULL, of_token(at, first)), 401, "invalid_client");
    expect_oauth(form(at, "/oauth2/revoke", basic(at, other.client, other.text),
                      of_token(at, first)),
                 400, "unauthorized_client");
    expect_oauth(form(at, "/oauth2/revoke", good, "x=1"), 400, "invalid_request");
    (void)done(at, first, "getMe", "/api/v1/me", NULL);
    assert_int_equal(form(at, "/oauth2/revoke", good, of_token(at, first)).status, 200);
    (void)refused(at, first, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
    expect_active(introspect(at, second, first), false);
    expect_active(introspect(at, second, second), true);
    assert_int_equal(form(at, "/oauth2/revoke", good, of_token(at, first)).status, 200);
    assert_int_equal(form(at, "/oauth2/revoke", good, "token=rubbish").status, 200);
}

static void a_persons_token_is_ended_with_the_session(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller bob = signed_in(at, "acme", "bob@acme.example", "admin");
    expect_active(introspect(at, bob, ann), true);
    assert_int_equal(form(at, "/oauth2/revoke", NULL, of_token(at, ann)).status, 200);
    (void)refused(at, ann, "getMe", "/api/v1/me", NULL, 401, "unauthenticated");
    expect_active(introspect(at, bob, ann), false);
    (void)done(at, bob, "getMe", "/api/v1/me", NULL);
}

static void introspection_tells_of_a_service_users_token_as_it_is_now(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    struct caller eve = signed_in(at, "other", "eve@other.example", "admin");
    const char *path = service_of(at, ann, "export", "[\"read_only\"]");
    struct caller service = caller_of(at, secret_of(at, ann, path));
    struct answer answer = introspect(at, service, service); // about itself, without users:view
    expect_active(answer, true);
    expect_text(answer.body, "tenant", "acme");
    expect_text(answer.body, "username", "export");
    expect_text(answer.body, "roles.0", "read_only");
    expect_active(introspect(at, service, ann), false);
    expect_active(introspect(at, eve, service), false);
    (void)done(at, ann, "changeServiceUser", path, "{\"roles\":[\"user\"]}");
    expect_text(introspect(at, ann, service).body, "roles.0", "user");
    (void)done(at, ann, "removeServiceUser", path, NULL);
    expect_active(introspect(at, ann, service), false);
}

static void an_operators_token_is_not_revoked(void **state) {
    struct scene *at = *state;
    struct claims claims = {.subject = S("operator"),
                            .token_id = S("tok_test"),
                            .client_id = S("gatehouse"),
                            .scope = S("operator"),
                            .issued_at = NOON,
                            .expires_at = NOON + HOUR_MS};
    struct slice token;
    assert_done(token_issue(&at->keep, at->gate.keyring, at->settings.public_url, &claims, &token));
    expect_oauth(form(at, "/oauth2/revoke", NULL, keep_text(at, "token=%.*s", SLICE(token))), 400,
                 "unsupported_token_type");
}

// ---- last used ----

static void uses_are_written_at_most_once_a_minute(void **state) {
    struct scene *at = *state;
    struct caller ann = signed_in(at, "acme", "ann@acme.example", "admin");
    const char *path = service_of(at, ann, "export", "[\"read_only\"]");
    struct caller service = caller_of(at, secret_of(at, ann, path));
    struct op op;
    op_open(&op, at->now);
    assert_done(uses_flush(&op, &at->gate, false));
    op_close(&op);
    uses_close(at->gate.uses); // a restart
    at->gate.uses = uses_open();
    struct answer answer = done(at, ann, "getServiceUser", path, NULL);
    assert_slice(slice_str(keep_at(at, answer.body, "last_used")), "2026-11-21T12:00:00.000Z");
    at->now += 10 * SECOND_MS;
    (void)done(at, service, "getMe", "/api/v1/me", NULL);
    op_open(&op, at->now);
    assert_done(uses_flush(&op, &at->gate, false));
    at->now += 10 * SECOND_MS;
    (void)done(at, service, "getMe", "/api/v1/me", NULL);
    op.now = at->now;
    assert_done(uses_flush(&op, &at->gate, false)); // too soon
    op_close(&op);
    uses_close(at->gate.uses);
    at->gate.uses = uses_open();
    answer = done(at, ann, "getServiceUser", path, NULL);
    assert_slice(slice_str(keep_at(at, answer.body, "last_used")), "2026-11-21T12:00:10.000Z");
    answer = done(at, ann, "listAudit", "/api/v1/tenants/acme/audit", NULL);
    assert_true(slice_find(answer.text, S("token.issued")) != SIZE_MAX);
    assert_true(slice_find(answer.text, S("credential.created")) != SIZE_MAX);
    assert_true(slice_find(answer.text, S("service_user.created")) != SIZE_MAX);
    assert_true(slice_find(answer.text, S("gh_sec_")) == SIZE_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(a_secret_gets_a_token_that_may_what_the_roles_say),
        SERVICE_TEST(the_form_takes_the_secret_too),
        SERVICE_TEST(json_is_taken_in_place_of_a_form),
        SERVICE_TEST(what_is_wrong_is_said_in_the_words_of_rfc_6749),
        SERVICE_TEST(wrong_secrets_are_held_up_by_address_and_client),
        SERVICE_TEST(a_credential_gets_so_many_tokens_in_a_minute),
        SERVICE_TEST(two_credentials_overlap_and_a_third_is_refused),
        SERVICE_TEST(disabling_and_expiry_end_tokens_at_once),
        SERVICE_TEST(a_credential_may_end_by_itself),
        SERVICE_TEST(an_owner_who_left_is_flagged_and_stops_rotation),
        SERVICE_TEST(another_tenant_sees_nothing_of_it),
        SERVICE_TEST(a_client_ends_its_own_token_and_no_other),
        SERVICE_TEST(a_persons_token_is_ended_with_the_session),
        SERVICE_TEST(introspection_tells_of_a_service_users_token_as_it_is_now),
        SERVICE_TEST(an_operators_token_is_not_revoked),
        SERVICE_TEST(uses_are_written_at_most_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
