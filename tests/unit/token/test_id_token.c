// SPDX-License-Identifier: GPL-3.0-or-later
// What an application gets: an ID token that says what its scope opens and that opens nothing here, and an access token that is
// known as an application's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/encode.h"
#include "token/token.h"

#define URL S("https://gate.example")
#define APPLICATION S("app_01J00000000000000000000000")
#define NOW 1764000000000

static char dir[] = "/tmp/gatehouse-id-token-XXXXXX";
static struct keyring *keyring;

static int set_up(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOW);
    assert_non_null(mkdtemp(dir));
    assert_null(keyring_make(&op, dir));
    assert_null(keyring_open(&op, dir, &keyring));
    op_close(&op);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char path[128];
    keyring_close(keyring);
    (void)snprintf(path, sizeof path, "%s/token-1.key", dir);
    (void)unlink(path);
    return rmdir(dir);
}

static struct session_view jane(const char *connection) {
    return (struct session_view){
        .session = {.id = S("ses_1"), .tenant = S("acme"), .user_id = S("usr_1"),
                    .connection = slice_str(connection), .authn_context = S("urn:x"),
                    .authenticated_at = NOW - HOUR_MS, .expires_at = NOW + HOUR_MS},
        .user = {.id = S("usr_1"), .email = S("jane@acme.example"), .first_name = S("Jane"),
                 .last_name = S("Smith")},
        .rv = 3};
}

// The header (0) or the claims (1) of a token, whatever it is.
static const struct json *part_of(struct op *op, struct slice token, int which) {
    struct slice part = S("");
    struct slice text;
    const struct json *body = NULL;
    for (int i = 0; i <= which; i++) {
        assert_true(slice_cut(&token, '.', &part));
    }
    assert_true(decode_base64url(op, part, &text));
    assert_null(json_parse(op, text, &body));
    return body;
}
static const struct json *claims_of(struct op *op, struct slice token) {
    return part_of(op, token, 1);
}

static void expect(const struct json *body, const char *name, const char *value) {
    struct slice text = SLICE_NONE;
    bool there = json_text(json_get(body, name), &text);
    assert_int_equal(there, value != NULL);
    if (value != NULL) {
        assert_true(slice_equal(text, slice_str(value)));
    }
}

static struct slice id_token(struct op *op, const struct session_view *view, int64_t lifetime,
                             const char *scope, const char *nonce) {
    struct slice token;
    assert_null(id_token_issue(op, keyring, URL, view, lifetime, APPLICATION, slice_str(scope),
                               slice_str(nonce), &token));
    return token;
}

static void it_tells_what_its_scope_opens(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOW);
    struct session_view view = jane("acme-okta");
    const struct json *all =
        claims_of(&op, id_token(&op, &view, 5 * MINUTE_MS, "openid profile email", "n"));
    expect(all, "iss", "https://gate.example");
    expect(all, "aud", "app_01J00000000000000000000000");
    expect(all, "sub", "usr_1");
    expect(all, "sid", "ses_1");
    expect(all, "nonce", "n");
    expect(all, "tenant", "acme");
    expect(all, "email", "jane@acme.example");
    expect(all, "name", "Jane Smith");
    expect(all, "given_name", "Jane");
    expect(all, "family_name", "Smith");
    const struct json *least = claims_of(&op, id_token(&op, &view, 5 * MINUTE_MS, "openid", ""));
    expect(least, "sub", "usr_1");
    static const char *const closed[] = {"email", "name", "given_name", "family_name", "nonce"};
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        expect(least, closed[i], NULL);
    }
    op_close(&op);
}

static void who_has_no_name_or_address_gets_none(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOW);
    struct session_view view = jane("acme-okta");
    view.user.email = S("");
    view.user.first_name = S("");
    const struct json *body =
        claims_of(&op, id_token(&op, &view, MINUTE_MS, "openid profile email", ""));
    expect(body, "email", NULL);
    expect(body, "given_name", NULL);
    expect(body, "name", "Smith");
    op_close(&op);
}

static void it_does_not_outlive_the_session(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOW);
    struct session_view view = jane("acme-okta");
    int64_t end = 0;
    assert_true(json_number(
        json_get(claims_of(&op, id_token(&op, &view, 5 * MINUTE_MS, "openid", "")), "exp"), &end));
    assert_int_equal(end, (NOW + 5 * MINUTE_MS) / SECOND_MS);
    assert_true(json_number(
        json_get(claims_of(&op, id_token(&op, &view, 2 * HOUR_MS, "openid", "")), "exp"), &end));
    assert_int_equal(end, (NOW + HOUR_MS) / SECOND_MS);
    op_close(&op);
}

static void it_is_no_access_token(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOW);
    struct session_view view = jane("acme-okta");
    struct claims claims;
    struct slice token = id_token(&op, &view, 5 * MINUTE_MS, "openid", "");
    expect(part_of(&op, token, 0), "typ", "JWT");
    assert_ptr_equal(token_check(&op, keyring, URL, token, &claims), REASON_OF(UNAUTHENTICATED));
    assert_ptr_equal(token_check(&op, keyring, APPLICATION, token, &claims),
                     REASON_OF(UNAUTHENTICATED)); // nor with its own audience
    op_close(&op);
}

static void who_an_old_one_names_is_known_to_its_application(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOW);
    struct session_view view = jane("acme-okta");
    struct slice subject = S("");
    struct slice token = id_token(&op, &view, 5 * MINUTE_MS, "openid", "");
    op.now += 30 * DAY_MS;
    assert_null(id_token_subject(&op, keyring, URL, APPLICATION, token, &subject));
    assert_true(slice_equal(subject, S("usr_1")));
    struct claims claims;
    // That its signature held makes no access token of it, neither now nor the next time.
    for (size_t i = 0; i < 2; i++) {
        assert_ptr_equal(token_check(&op, keyring, URL, token, &claims), REASON_OF(UNAUTHENTICATED));
        assert_true(slice_find(op.detail, S("not one of this gate")) != SIZE_MAX);
    }
    op_close(&op);
}

static void what_is_no_id_token_of_the_application_names_nobody(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOW);
    struct session_view view = jane("acme-okta");
    struct slice subject = S("");
    struct slice access;
    struct claims claims;
    struct slice token = id_token(&op, &view, 5 * MINUTE_MS, "openid", "");
    assert_null(token_for_session(&op, &view, 5 * MINUTE_MS, &claims));
    assert_null(token_issue(&op, keyring, APPLICATION, &claims, &access)); // with the right audience
    struct slice forged = op_text(&op, "%.*sAAAA", (int)token.len - 4, token.at);
    const struct {
        struct slice url, application, token;
    } wrong[] = {{URL, S("app_another"), token},
                 {S("https://other.example"), APPLICATION, token},
                 {APPLICATION, APPLICATION, access},
                 {URL, APPLICATION, forged},
                 {URL, APPLICATION, S("a.b.c")},
                 {URL, APPLICATION, S("a=.b=.c=")},
                 {URL, APPLICATION, S("")}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_ptr_equal(id_token_subject(&op, keyring, wrong[i].url, wrong[i].application,
                                          wrong[i].token, &subject),
                         REASON_OF(UNAUTHENTICATED));
    }
    assert_int_equal(subject.len, 0);
    op_close(&op);
}

static struct slice first_of(const struct json *list) {
    struct slice text = S("");
    assert_true(json_text(json_at(list, 0), &text));
    return text;
}

static struct claims application_claims(struct op *op, const char *connection, const char *scope,
                                        struct slice *ret_token) {
    struct session_view view = jane(connection);
    const struct authorization authorization = {.id = S("aut_1"), .application = APPLICATION};
    struct claims claims;
    assert_null(token_for_application(op, &view, 5 * MINUTE_MS, &authorization, slice_str(scope),
                                      &claims));
    assert_null(token_issue(op, keyring, URL, &claims, ret_token));
    return claims;
}

static void an_access_token_of_an_application_is_known_as_one(void **state) {
    (void)state;
    static const struct {
        const char *connection, *amr;
    } ways[] = {{"acme-okta", "saml"}, {"", "pwd"}};
    for (size_t i = 0; i < 2; i++) {
        struct op op;
        op_open(&op, NOW);
        struct session_view view = jane(ways[i].connection);
        struct claims got;
        struct slice token;
        struct claims claims = application_claims(&op, ways[i].connection, "openid api", &token);
        assert_true(token.len < 1024);
        assert_null(token_check(&op, keyring, URL, token, &got));
        assert_true(token_is_of_application(&got));
        assert_true(slice_equal(got.client_id, APPLICATION));
        assert_true(slice_equal(got.authorization, S("aut_1")));
        assert_true(scope_has(got.scope, SCOPE_API));
        assert_true(slice_equal(first_of(json_get(claims_of(&op, token), "amr")),
                                slice_str(ways[i].amr)));
        // One of the session itself is none.
        assert_null(token_for_session(&op, &view, 5 * MINUTE_MS, &claims));
        assert_false(token_is_of_application(&claims));
        op_close(&op);
    }
}

static void without_the_scope_api_it_is_for_the_application_alone(void **state) {
    (void)state;
    struct op op;
    op_open(&op, NOW);
    struct slice token;
    struct claims got;
    (void)application_claims(&op, "acme-okta", "openid", &token);
    expect(claims_of(&op, token), "aud", "app_01J00000000000000000000000");
    assert_null(token_check(&op, keyring, URL, token, &got)); // the gate knows it all the same
    (void)application_claims(&op, "acme-okta", "openid api", &token);
    expect(claims_of(&op, token), "aud", "https://gate.example");
    // Nobody else's is good for an audience of its own.
    struct claims other = {.subject = S("usr_1"), .token_id = S("tok_1"), .session = S("ses_1"),
                           .client_id = S("app_2"), .issued_at = NOW,
                           .expires_at = NOW + MINUTE_MS, .scope = S("openid")};
    assert_null(token_issue(&op, keyring, URL, &other, &token));
    assert_ptr_equal(token_check(&op, keyring, S("app_2"), token, &got),
                     REASON_OF(UNAUTHENTICATED));
    op_close(&op);
}

static void a_word_can_be_taken_out_of_a_scope(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"openid api email", "openid email"}, {"api", ""}, {"", ""}, {"apis api", "apis"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct op op;
        struct slice left;
        op_open(&op, NOW);
        assert_null(scope_without(&op, slice_str(cases[i][0]), "api", &left));
        assert_true(slice_equal(left, slice_str(cases[i][1])));
        op_close(&op);
    }
}

static void a_scope_is_words(void **state) {
    (void)state;
    assert_true(scope_has(S("openid api"), "api"));
    assert_true(scope_has(S("api"), "api"));
    assert_true(scope_has(S("openid  api"), "api"));
    static const char *const without[] = {"", "apis", "openid-api", "openid,api", "API"};
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        assert_false(scope_has(slice_str(without[i]), "api"));
    }
    assert_false(scope_has(SLICE_NONE, "api"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_what_its_scope_opens),
        cmocka_unit_test(who_has_no_name_or_address_gets_none),
        cmocka_unit_test(it_does_not_outlive_the_session),
        cmocka_unit_test(it_is_no_access_token),
        cmocka_unit_test(who_an_old_one_names_is_known_to_its_application),
        cmocka_unit_test(what_is_no_id_token_of_the_application_names_nobody),
        cmocka_unit_test(an_access_token_of_an_application_is_known_as_one),
        cmocka_unit_test(without_the_scope_api_it_is_for_the_application_alone),
        cmocka_unit_test(a_scope_is_words),
        cmocka_unit_test(a_word_can_be_taken_out_of_a_scope),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
