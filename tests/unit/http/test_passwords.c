// SPDX-License-Identifier: GPL-3.0-or-later
// Signing in with a password by API: from the invitation to the session, with all that stands between.
#include "http/passwords.h"

#include <liboath/oath.h>

#include "domain/second_factor.h"
#include "domain/sign_in.h"

// ---- from the invitation to the session ----

static void an_invitation_becomes_a_session(void **state) {
    struct scene *at = *state;
    struct slice id = invite(at, "ann@acme.example");
    const char *text = link_of(at, id, LETTER_WELCOME);
    (void)refused(at, NOBODY, "acceptInvitation", "/api/v1/invitations:accept",
                  keep_text(at, "{\"token\":\"%s\",\"password\":\"password1234\"}", text), 422,
                  "password.weak");
    struct answer answer =
        done(at, NOBODY, "acceptInvitation", "/api/v1/invitations:accept",
             keep_text(at, "{\"token\":\"%s\",\"password\":\"" GOOD "\"}", text));
    expect_text(answer.body, "status", "active");
    (void)refused(at, NOBODY, "acceptInvitation", "/api/v1/invitations:accept",
                  keep_text(at, "{\"token\":\"%s\",\"password\":\"" GOOD "\"}", text), 404,
                  "link.unknown");
    answer = sign_in(at, "Ann@acme.example", GOOD, "");
    expect_text(answer.body, "tenant", "acme");
    expect_text(answer.body, "roles.0", "user");
    struct caller ann = {.token = slice_str(keep_at(at, answer.body, "access_token"))};
    answer = done(at, ann, "getSession", "/session", NULL);
    expect_text(answer.body, "connection", "");
    expect_text(answer.body, "user.email", "ann@acme.example");
    struct claims claims;
    assert_done(token_check(&at->op, at->gate.keyring, at->settings.public_url, ann.token, &claims));
    assert_slice(claims.acr, ACR_PASSWORD);
    assert_slice(claims.client_id, TOKEN_CLIENT_PASSWORD);
    (void)done(at, OPERATOR, "listTraces", "/api/v1/tenants/acme/traces", NULL);
}

static void a_link_is_too_old_after_its_days(void **state) {
    struct scene *at = *state;
    struct slice id = invite(at, "ann@acme.example");
    const char *text = link_of(at, id, LETTER_WELCOME);
    later(at, 7 * DAY_MS + MINUTE_MS);
    (void)refused(at, NOBODY, "acceptInvitation", "/api/v1/invitations:accept",
                  keep_text(at, "{\"token\":\"%s\",\"password\":\"" GOOD "\"}", text), 410,
                  "link.expired");
    expect_text(done(at, OPERATOR, "getUser", keep_text(at, USERS "/%.*s", SLICE(id)), NULL).body,
                "status", "invite_expired");
}

static void nobody_learns_who_is_known(void **state) {
    struct scene *at = *state;
    (void)with_password(at, "ann@acme.example");
    struct slice bob = invite(at, "bob@acme.example"); // has no password yet
    (void)bob;
    static const char *const emails[] = {"ann@acme.example", "bob@acme.example",
                                         "nobody@acme.example", "no address"};
    for (size_t i = 0; i < 4; i++) {
        struct answer answer = no_sign_in(at, emails[i], "wrong horse battery", "", 401, "sign_in.refused");
        expect_text(answer.body, "detail",
                    "The e-mail address or the password is not right, or this account cannot sign in "
                    "with a password at the moment.");
        assert_int_equal(done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot",
                              keep_text(at, "{\"email\":\"%s\"}", emails[i])).status, 202);
    }
}

// ---- forgotten ----

static void a_forgotten_password_is_set_anew_and_ends_all_sessions(void **state) {
    struct scene *at = *state;
    struct slice id = with_password(at, "ann@acme.example");
    struct answer answer = sign_in(at, "ann@acme.example", GOOD, "");
    struct caller ann = {.token = slice_str(keep_at(at, answer.body, "access_token"))};
    later(at, SECOND_MS);
    (void)done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot",
               "{\"email\":\"ann@acme.example\"}");
    const char *text = link_of(at, id, LETTER_RESET);
    (void)sign_in(at, "ann@acme.example", GOOD, ""); // nothing changed yet
    later(at, SECOND_MS);
    answer = done(at, NOBODY, "resetPassword", "/api/v1/password:reset",
                  keep_text(at, "{\"token\":\"%s\",\"password\":\"" BETTER "\"}", text));
    expect_text(answer.body, "status", "active");
    (void)refused(at, ann, "getSession", "/session", NULL, 401, "unauthenticated");
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 401, "sign_in.refused");
    (void)sign_in(at, "ann@acme.example", BETTER, "");
    (void)link_of(at, id, LETTER_PASSWORD_CHANGED);
}

// Who read the mail and kept a link for later has nothing once the person set another password.
static void a_new_password_ends_the_links_asked_for_before(void **state) {
    struct scene *at = *state;
    struct slice id = with_password(at, "ann@acme.example");
    struct answer answer = sign_in(at, "ann@acme.example", GOOD, "");
    struct caller ann = {.token = slice_str(keep_at(at, answer.body, "access_token"))};
    (void)done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot", "{\"email\":\"ann@acme.example\"}");
    const char *text = link_of(at, id, LETTER_RESET);
    later(at, SECOND_MS);
    (void)done(at, ann, "changePassword", "/api/v1/password:change",
               "{\"current_password\":\"" GOOD "\",\"password\":\"" BETTER "\"}");
    (void)refused(at, NOBODY, "resetPassword", "/api/v1/password:reset",
                  keep_text(at, "{\"token\":\"%s\",\"password\":\"another long one 77\"}", text), 404,
                  "link.unknown");
    (void)sign_in(at, "ann@acme.example", BETTER, "");
}

static void five_letters_an_hour_are_enough(void **state) {
    struct scene *at = *state;
    struct slice id = with_password(at, "ann@acme.example");
    const char *text = NULL;
    window_ahead(HOUR_MS);
    for (int i = 0; i < FORGOT_EACH_MAX; i++) {
        later(at, SECOND_MS);
        (void)done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot", "{\"email\":\"ann@acme.example\"}");
        text = link_of(at, id, LETTER_RESET);
    }
    later(at, SECOND_MS);
    (void)done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot", "{\"email\":\"ann@acme.example\"}");
    assert_string_equal(link_of(at, id, LETTER_RESET), text); // no sixth one
}

// Behind a proxy one address is everybody's: the setting that says so counts here, too.
static void one_address_forgets_so_often(void **state) {
    struct scene *at = *state;
    at->settings.password_address_limit = 10; // three letters
    struct slice id = with_password(at, "ann@acme.example");
    window_ahead(HOUR_MS);
    for (int i = 0; i < 3; i++) {
        (void)done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot",
                   keep_text(at, "{\"email\":\"nobody%d@acme.example\"}", i));
    }
    (void)done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot", "{\"email\":\"ann@acme.example\"}");
    struct peek peek = peek_at(at, id);
    assert_done(store_read(&at->keep, at->gate.store, last_link, &peek));
    assert_int_not_equal(peek.letter.kind, LETTER_RESET);
    at->settings.password_address_limit = 1000;
    later(at, SECOND_MS);
    (void)done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot", "{\"email\":\"ann@acme.example\"}");
    (void)link_of(at, id, LETTER_RESET);
}

// ---- locks ----

static void bad_attempts_lock_for_a_time(void **state) {
    struct scene *at = *state;
    struct slice id = with_password(at, "ann@acme.example");
    const char *path = keep_text(at, USERS "/%.*s", SLICE(id));
    for (int i = 0; i < 10; i++) {
        expect_text(done(at, OPERATOR, "getUser", path, NULL).body, "status", "active");
        (void)no_sign_in(at, "ann@acme.example", "wrong horse battery", "", 401, "sign_in.refused");
    }
    struct answer answer = done(at, OPERATOR, "getUser", path, NULL);
    expect_text(answer.body, "status", "locked");
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 401, "sign_in.refused"); // also the right one
    later(at, 31 * MINUTE_MS);
    expect_text(done(at, OPERATOR, "getUser", path, NULL).body, "status", "active");
    (void)sign_in(at, "ann@acme.example", GOOD, "");
}

static void a_session_guesses_no_longer_than_the_lock(void **state) {
    struct scene *at = *state;
    (void)with_password(at, "ann@acme.example");
    struct answer answer = sign_in(at, "ann@acme.example", GOOD, "");
    struct caller ann = {.token = slice_str(keep_at(at, answer.body, "access_token"))};
    const char *right = "{\"current_password\":\"" GOOD "\",\"password\":\"" BETTER "\"}";
    for (int i = 0; i < 11; i++) {
        (void)refused(at, ann, "changePassword", "/api/v1/password:change",
                      i < 10 ? "{\"current_password\":\"a\",\"password\":\"b\"}" : right, 401, "sign_in.refused");
    }
    later(at, 31 * MINUTE_MS);
    answer = sign_in(at, "ann@acme.example", GOOD, "");
    ann.token = slice_str(keep_at(at, answer.body, "access_token"));
    (void)done(at, ann, "changePassword", "/api/v1/password:change", right);
}

static size_t failures_told(struct scene *at) {
    struct answer audits = done(at, OPERATOR, "listAudit", "/api/v1/tenants/acme/audit?limit=200", NULL);
    const struct json *items = json_get(audits.body, "items");
    size_t count = 0;
    for (size_t i = 0; i < json_count(items); i++) {
        struct slice event = S("");
        (void)json_text(json_get(json_at(items, i), "event"), &event);
        count += slice_equal(event, S("login.failed")) ? 1 : 0;
    }
    return count;
}

// Whoever goes on trying behind a lock fills no disk.
static void each_bad_attempt_is_told_until_the_lock(void **state) {
    struct scene *at = *state;
    (void)with_password(at, "ann@acme.example");
    for (size_t i = 1; i <= 15; i++) {
        (void)no_sign_in(at, "ann@acme.example", "wrong horse battery", "", 401, "sign_in.refused");
        assert_int_equal(failures_told(at), i < 10 ? i : 10);
    }
}

static void an_administrator_unlocks_and_a_hard_lock_stays(void **state) {
    struct scene *at = *state;
    struct tenant_settings settings = tenant_settings_default(S("acme"));
    settings.lock_attempts = 3;
    settings.hard_lock = true;
    set_settings(at, settings);
    struct slice id = with_password(at, "ann@acme.example");
    const char *path = keep_text(at, USERS "/%.*s", SLICE(id));
    for (int i = 0; i < 3; i++) {
        (void)no_sign_in(at, "ann@acme.example", "wrong horse battery", "", 401, "sign_in.refused");
    }
    later(at, 365 * DAY_MS);
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 401, "sign_in.refused");
    // A new password does not end it.
    (void)done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot", "{\"email\":\"ann@acme.example\"}");
    struct answer answer =
        done(at, NOBODY, "resetPassword", "/api/v1/password:reset",
             keep_text(at, "{\"token\":\"%s\",\"password\":\"" BETTER "\"}", link_of(at, id, LETTER_RESET)));
    expect_text(answer.body, "status", "locked");
    (void)no_sign_in(at, "ann@acme.example", BETTER, "", 401, "sign_in.refused");
    (void)done(at, OPERATOR, "unlockUser", keep_text(at, "%s:unlock", path), NULL);
    (void)sign_in(at, "ann@acme.example", BETTER, "");
}

static void one_address_tries_so_often(void **state) {
    struct scene *at = *state;
    (void)with_password(at, "ann@acme.example");
    at->settings.password_address_limit = 3;
    window_ahead(SIGN_IN_WINDOW);
    for (int i = 0; i < 3; i++) {
        (void)no_sign_in(at, "nobody@acme.example", "wrong horse battery", "", 401, "sign_in.refused");
    }
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 429, "sign_in.rate_limited");
}

// ---- several tenants ----

static void who_is_in_two_tenants_says_which(void **state) {
    struct scene *at = *state;
    struct slice id = with_password(at, "ann@acme.example");
    struct answer answer = done(at, OPERATOR, "addUser", "/api/v1/tenants/other/users",
                                "{\"email\":\"ann@acme.example\"}");
    assert_int_equal(answer.status, 200);
    (void)sign_in(at, "ann@acme.example", GOOD, ""); // one only, so far
    struct peek peek = peek_at(at, id);
    peek.tenant = S("other");
    assert_done(store_read(&at->keep, at->gate.store, last_link, &peek));
    assert_int_equal(peek.letter.kind, LETTER_MEMBER_ADDED);
    answer = done(at, NOBODY, "acceptInvitation", "/api/v1/invitations:accept",
                  keep_text(at, "{\"token\":\"%.*s\"}", SLICE(peek.text))); // no second password
    expect_text(answer.body, "status", "active");
    answer = no_sign_in(at, "ann@acme.example", GOOD, "", 409, "sign_in.tenant_required");
    expect_error(answer.body, "/tenant", "required");
    answer = sign_in(at, "ann@acme.example", GOOD, ",\"tenant\":\"other\"");
    expect_text(answer.body, "tenant", "other");
    (void)no_sign_in(at, "ann@acme.example", GOOD, ",\"tenant\":\"nonesuch\"", 409,
                     "sign_in.tenant_required");
}

// ---- the second factor ----

static void give_factor(struct scene *at, struct slice id, struct factor_setup *setup,
                        struct texts *codes) {
    struct peek peek = peek_at(at, id);
    bool good = false;
    char code[8];
    char *secret = NULL;
    size_t len = 0;
    char base32[64];
    size_t count = 0;
    assert_done(store_read(&at->keep, at->gate.store, get_account, &peek));
    assert_done(factor_begin(&at->keep, at->gate.seal_key, &peek.account, S("G"), S("ann"), setup));
    for (size_t i = 0; i < setup->secret.len; i++) {
        if (setup->secret.at[i] != ' ') {
            base32[count++] = setup->secret.at[i];
        }
    }
    assert_int_equal(oath_base32_decode(base32, count, &secret, &len), OATH_OK);
    assert_int_equal(oath_totp_generate(secret, len, (time_t)(at->now / SECOND_MS), 30, 0, 6, code), OATH_OK);
    free(secret);
    assert_done(factor_confirm(&at->keep, at->gate.seal_key, &peek.account, slice_str(code), &good, codes));
    assert_true(good);
    assert_done(store_write(&at->keep, at->gate.store, put_account, &peek));
}

static void a_second_factor_is_asked_for_and_good_once(void **state) {
    struct scene *at = *state;
    struct factor_setup setup;
    struct texts codes;
    struct slice id = with_password(at, "ann@acme.example");
    give_factor(at, id, &setup, &codes);
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 401, "sign_in.second_factor");
    (void)no_sign_in(at, "ann@acme.example", GOOD, ",\"code\":\"abcd-efgh-jkmn\"", 401,
                     "sign_in.second_factor_wrong");
    const char *code = keep_text(at, ",\"code\":\"%.*s\"", SLICE(codes.at[0]));
    struct answer answer = sign_in(at, "ann@acme.example", GOOD, code);
    struct claims claims;
    assert_done(token_check(&at->op, at->gate.keyring, at->settings.public_url,
                            slice_str(keep_at(at, answer.body, "access_token")), &claims));
    assert_slice(claims.acr, ACR_FACTORS);
    (void)no_sign_in(at, "ann@acme.example", GOOD, code, 401, "sign_in.second_factor_wrong");
    // Who lost it asks an administrator: one who may all that ann may.
    const char *path = keep_text(at, USERS "/%.*s:reset-second-factor", SLICE(id));
    struct caller keeper = signed_in(at, "acme", "keeper@acme.example", "security_gatekeeper");
    (void)refused(at, keeper, "resetSecondFactor", path, NULL, 403, "forbidden");
    expect_bool(done(at, OPERATOR, "resetSecondFactor", path, NULL).body, "second_factor", false);
    (void)sign_in(at, "ann@acme.example", GOOD, "");
}

// Behind a lock neither the password nor the code can be found out: right ones are answered like wrong ones.
static void a_lock_comes_before_the_second_factor(void **state) {
    struct scene *at = *state;
    struct factor_setup setup;
    struct texts codes;
    struct slice id = with_password(at, "ann@acme.example");
    give_factor(at, id, &setup, &codes);
    for (int i = 0; i < 10; i++) {
        (void)no_sign_in(at, "ann@acme.example", "wrong horse battery", "", 401, "sign_in.refused");
    }
    const char *code = keep_text(at, ",\"code\":\"%.*s\"", SLICE(codes.at[0]));
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 401, "sign_in.refused");
    (void)no_sign_in(at, "ann@acme.example", GOOD, ",\"code\":\"abcd-efgh-jkmn\"", 401, "sign_in.refused");
    (void)no_sign_in(at, "ann@acme.example", GOOD, code, 401, "sign_in.refused");
    struct peek peek = peek_at(at, id);
    assert_done(store_read(&at->keep, at->gate.store, get_account, &peek));
    assert_int_equal(peek.account.failures, 3); // the same write, so the same time
    later(at, 31 * MINUTE_MS);
    (void)sign_in(at, "ann@acme.example", GOOD, code); // and no code was used up
}

static void a_tenant_can_ask_for_a_second_factor(void **state) {
    struct scene *at = *state;
    (void)with_password(at, "ann@acme.example");
    struct tenant_settings settings = tenant_settings_default(S("acme"));
    settings.require_second_factor = true;
    set_settings(at, settings);
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 403, "sign_in.second_factor_setup");
}

// ---- old passwords ----

static void a_password_gets_too_old_and_is_not_used_again(void **state) {
    struct scene *at = *state;
    struct tenant_settings settings = tenant_settings_default(S("acme"));
    settings.password_max_age_days = 90;
    settings.password_history = 2;
    set_settings(at, settings);
    struct slice id = with_password(at, "ann@acme.example");
    struct answer answer = sign_in(at, "ann@acme.example", GOOD, "");
    struct caller ann = {.token = slice_str(keep_at(at, answer.body, "access_token"))};
    (void)refused(at, ann, "changePassword", "/api/v1/password:change",
                  "{\"current_password\":\"wrong\",\"password\":\"" BETTER "\"}", 401, "sign_in.refused");
    (void)refused(at, ann, "changePassword", "/api/v1/password:change",
                  "{\"current_password\":\"" GOOD "\",\"password\":\"" GOOD "\"}", 422, "password.reused");
    (void)done(at, ann, "changePassword", "/api/v1/password:change",
               "{\"current_password\":\"" GOOD "\",\"password\":\"" BETTER "\"}");
    (void)done(at, ann, "getSession", "/session", NULL); // goes on
    (void)refused(at, ann, "changePassword", "/api/v1/password:change",
                  "{\"current_password\":\"" BETTER "\",\"password\":\"" GOOD "\"}", 422, "password.reused");
    (void)link_of(at, id, LETTER_PASSWORD_CHANGED);
    later(at, 91 * DAY_MS);
    (void)no_sign_in(at, "ann@acme.example", BETTER, "", 403, "sign_in.password_expired");
    (void)refused(at, OPERATOR, "changePassword", "/api/v1/password:change",
                  "{\"current_password\":\"a\",\"password\":\"b\"}", 403, "forbidden");
}

static void a_hash_of_other_parameters_is_made_anew(void **state) {
    struct scene *at = *state;
    struct slice id = with_password(at, "ann@acme.example");
    static const struct argon_options more = {
        .memory_kib = 128, .passes = 1, .lanes = 1, .threads = 1, .waiting = 1};
    argon_close(at->gate.argon);
    at->gate.argon = argon_open(&more);
    (void)sign_in(at, "ann@acme.example", GOOD, "");
    struct peek peek = peek_at(at, id);
    assert_done(store_read(&at->keep, at->gate.store, get_account, &peek));
    assert_true(slice_starts(peek.account.password, S("$argon2id$v=19$m=128,")));
    (void)sign_in(at, "ann@acme.example", GOOD, "");
}

// ---- an identity provider that is enforced ----

static void an_enforced_provider_leaves_only_those_who_are_named(void **state) {
    struct scene *at = *state;
    struct slice boss = with_password(at, "boss@acme.example");
    (void)with_password(at, "ann@acme.example");
    (void)with_password(at, "sue@partner.example");
    (void)done(at, OPERATOR, "changeUser", keep_text(at, USERS "/%.*s", SLICE(boss)),
               "{\"roles\":[\"admin\"]}");
    (void)refused(at, OPERATOR, "setPolicy", "/api/v1/connections/acme-okta/policy",
                  "{\"enforced\":true,\"break_glass\":[\"nobody\"]}", 422, "invalid_input");
    (void)done(at, OPERATOR, "setPolicy", "/api/v1/connections/acme-okta/policy",
               "{\"enforced\":true,\"break_glass\":[\"Boss@acme.example\"]}");
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 401, "sign_in.refused");
    (void)sign_in(at, "sue@partner.example", GOOD, ""); // of no domain of the tenant's
    later(at, SECOND_MS);
    (void)sign_in(at, "boss@acme.example", GOOD, "");
    struct answer audits = done(at, OPERATOR, "listAudit", "/api/v1/tenants/acme/audit", NULL);
    bool told = false;
    for (size_t i = 0; i < json_count(json_get(audits.body, "items")); i++) {
        struct slice event = S("");
        (void)json_text(json_get(json_at(json_get(audits.body, "items"), i), "event"), &event);
        told = told || slice_equal(event, S("login.break_glass"));
    }
    assert_true(told);
    (void)done(at, OPERATOR, "setPolicy", "/api/v1/connections/acme-okta/policy", "{}");
    (void)sign_in(at, "ann@acme.example", GOOD, "");
}

static void local_sign_in_can_be_switched_off(void **state) {
    struct scene *at = *state;
    (void)with_password(at, "ann@acme.example");
    struct tenant_settings settings = tenant_settings_default(S("acme"));
    settings.local_sign_in = false;
    set_settings(at, settings);
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 401, "sign_in.refused");
}

static void who_was_let_back_in_sets_a_new_password(void **state) {
    struct scene *at = *state;
    struct slice id = with_password(at, "ann@acme.example");
    const char *path = keep_text(at, USERS "/%.*s", SLICE(id));
    (void)done(at, OPERATOR, "disableUser", keep_text(at, "%s:disable", path), "{\"reason\":\"away\"}");
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 401, "sign_in.refused");
    later(at, SECOND_MS);
    (void)done(at, OPERATOR, "enableUser", keep_text(at, "%s:enable", path), NULL);
    (void)no_sign_in(at, "ann@acme.example", GOOD, "", 401, "sign_in.refused");
    const char *text = link_of(at, id, LETTER_REACTIVATION);
    struct answer answer = done(at, NOBODY, "resetPassword", "/api/v1/password:reset",
                                keep_text(at, "{\"token\":\"%s\",\"password\":\"" BETTER "\"}", text));
    expect_text(answer.body, "status", "active");
    (void)sign_in(at, "ann@acme.example", BETTER, "");
    later(at, SECOND_MS);
    // A link of one who was disabled since does nothing.
    (void)done(at, NOBODY, "forgotPassword", "/api/v1/password:forgot", "{\"email\":\"ann@acme.example\"}");
    later(at, SECOND_MS);
    text = link_of(at, id, LETTER_RESET);
    (void)done(at, OPERATOR, "disableUser", keep_text(at, "%s:disable", path), NULL);
    (void)refused(at, NOBODY, "resetPassword", "/api/v1/password:reset",
                  keep_text(at, "{\"token\":\"%s\",\"password\":\"" GOOD "\"}", text), 404, "link.unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PASSWORD_TEST(an_invitation_becomes_a_session),
        PASSWORD_TEST(a_link_is_too_old_after_its_days),
        PASSWORD_TEST(nobody_learns_who_is_known),
        PASSWORD_TEST(a_forgotten_password_is_set_anew_and_ends_all_sessions),
        PASSWORD_TEST(a_new_password_ends_the_links_asked_for_before),
        PASSWORD_TEST(five_letters_an_hour_are_enough),
        PASSWORD_TEST(one_address_forgets_so_often),
        PASSWORD_TEST(bad_attempts_lock_for_a_time),
        PASSWORD_TEST(a_session_guesses_no_longer_than_the_lock),
        PASSWORD_TEST(each_bad_attempt_is_told_until_the_lock),
        PASSWORD_TEST(an_administrator_unlocks_and_a_hard_lock_stays),
        PASSWORD_TEST(one_address_tries_so_often),
        PASSWORD_TEST(who_is_in_two_tenants_says_which),
        PASSWORD_TEST(a_second_factor_is_asked_for_and_good_once),
        PASSWORD_TEST(a_lock_comes_before_the_second_factor),
        PASSWORD_TEST(a_tenant_can_ask_for_a_second_factor),
        PASSWORD_TEST(a_password_gets_too_old_and_is_not_used_again),
        PASSWORD_TEST(a_hash_of_other_parameters_is_made_anew),
        PASSWORD_TEST(an_enforced_provider_leaves_only_those_who_are_named),
        PASSWORD_TEST(local_sign_in_can_be_switched_off),
        PASSWORD_TEST(who_was_let_back_in_sets_a_new_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
