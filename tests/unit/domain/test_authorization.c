// SPDX-License-Identifier: GPL-3.0-or-later
// Codes and refresh tokens of applications: good once, for the application and the address that they were given for, with the
// verifier of the challenge, while the session lasts; and whoever shows an old one ends the new ones.
#include "people.h"

#include "base/digest.h"
#include "base/encode.h"
#include "domain/authorization.h"
#include "domain/listing.h"
#include "domain/space.h"

#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  // of RFC 7636, appendix B
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define BACK "https://console.example/back"

static const struct ticket_key the_key = {.bytes = {1, 2, 3, 4, 5, 6, 7, 8}};
static const struct ticket_key other_key = {.bytes = {8, 7, 6, 5, 4, 3, 2, 1}};

struct deed {
    const struct actor *actor;
    struct application application;
    struct session_view view;
    struct authorization authorization;
    struct slice code, id, token;
    size_t count;
    bool yes;
};
#define DEEDS(name, expression)                                                                    \
    static reason name(struct op *op, struct txn *txn, void *arg) {                                \
        struct deed *d = arg;                                                                      \
        return expression;                                                                         \
    }
DEEDS(do_put, entity_put(op, txn, &authorization_entity, &d->authorization))
DEEDS(do_register, application_create(op, txn, d->actor, &d->application))
DEEDS(do_add, authorization_add(op, txn, &the_key, &d->view, &d->authorization, &d->code))
DEEDS(do_change_application, application_change(op, txn, d->actor, &d->application, &d->application))
DEEDS(do_remove_application, application_remove(op, txn, d->actor, d->id))
DEEDS(do_find_by_token, authorization_find_by_token(op, txn, d->token, d->id, &d->application))
DEEDS(do_end_session, session_end(op, txn, d->actor, d->id, &d->yes))
static reason do_count(struct op *op, struct txn *txn, void *arg) {
    struct deed *d = arg;
    struct key prefix = key_in(SPACE_AUTHORIZATION);
    return listing_count(op, txn, key_slice(&prefix), &d->count);
}
static reason do_sweep(struct op *op, struct txn *txn, void *arg) {
    struct deed *d = arg;
    return sweep(op, txn, 1000, &d->yes);
}
CALLS(call_add, session_add(op, txn, &c->session, &c->cookie))

static struct application register_one(struct house *house, const char *name, const char *tenant) {
    struct op *op = &house->fixture->op;
    struct deed d = {.actor = &house->fixture->staff,
                     .application = {.name = slice_str(name),
                                     .redirect_uris = one_text(op, S(BACK)),
                                     .tenants = tenant != NULL ? one_text(op, slice_str(tenant))
                                                               : (struct texts){NULL, 0}}};
    assert_done(fixture_write(house->fixture, do_register, &d));
    return d.application;
}

// jane signs in; *ret_view: what her session is.
static void sign_in(struct house *house, struct session_view *ret_view) {
    struct slice id = add_by_hand(house, "acme", "jane@acme.example", "admin");
    struct call c = {.session = {.tenant = S("acme"),
                                 .user_id = id,
                                 .connection = S("acme-okta"),
                                 .expires_at = NOON + HOUR_MS}};
    assert_done(fixture_write(house->fixture, call_add, &c));
    assert_done(fixture_read(house->fixture, call_session_by_cookie, &c));
    *ret_view = c.view;
}

static struct slice code_for(struct house *house, const struct application *application,
                             const struct session_view *view) {
    struct deed d = {.view = *view,
                     .authorization = {.application = application->id,
                                       .redirect_uri = S(BACK),
                                       .challenge = S(CHALLENGE),
                                       .nonce = S("n-1"),
                                       .scope = S("openid email")}};
    assert_done(fixture_write(house->fixture, do_add, &d));
    return d.code;
}

static struct authorization_work show_code(struct house *house,
                                           const struct application *application,
                                           struct slice code) {
    struct authorization_work work = {.key = &the_key,
                                      .application = *application,
                                      .address = S("192.0.2.7"),
                                      .code = code,
                                      .redirect_uri = S(BACK),
                                      .verifier = S(VERIFIER)};
    assert_done(fixture_write(house->fixture, authorization_change, &work));
    return work;
}

static struct authorization_work show_refresh(struct house *house,
                                              const struct application *application,
                                              struct slice token) {
    struct authorization_work work = {
        .key = &the_key, .application = *application, .address = S("192.0.2.7"), .refresh = token};
    assert_done(fixture_write(house->fixture, authorization_refresh, &work));
    return work;
}

static void assert_no_grant(struct authorization_work work, const char *words) {
    assert_non_null(work.refused);
    assert_non_null(strstr(work.refused, words));
    assert_int_equal(work.refresh_given.len, 0);
}

static size_t rows(struct house *house) {
    struct deed d = {.count = 0};
    assert_done(fixture_read(house->fixture, do_count, &d));
    return d.count;
}

struct scene {
    struct application application;
    struct session_view view;
    struct slice code;
};
static struct scene begin(struct house *house) {
    struct scene scene = {.application = register_one(house, "Console", NULL)};
    sign_in(house, &scene.view);
    scene.code = code_for(house, &scene.application, &scene.view);
    return scene;
}

// ---- codes ----

static void a_code_is_changed_into_tokens_of_the_session(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct authorization_work work = show_code(house, &s.application, s.code);
    assert_null(work.refused);
    assert_true(slice_equal(work.view.user.id, s.view.user.id));
    assert_slice(work.authorization.scope, "openid email");
    assert_slice(work.nonce, "n-1");
    assert_slice(work.authorization.nonce, ""); // tokens that come later have none
    assert_true(slice_equal(work.authorization.session, s.view.session.id));
    assert_int_equal(work.authorization.expires_at, NOON + HOUR_MS);
    assert_true(authorization_is_refresh(work.refresh_given));
    assert_false(authorization_is_refresh(s.code));
    assert_int_equal(house_audits(house, "token.issued", NULL), 1);
}

static void a_code_is_good_once_and_the_second_showing_ends_what_it_gave(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct authorization_work first = show_code(house, &s.application, s.code);
    struct authorization_work second = show_code(house, &s.application, s.code);
    assert_no_grant(second, "used before");
    assert_int_equal(house_audits(house, "token.replayed", NULL), 1);
    assert_no_grant(show_refresh(house, &s.application, first.refresh_given), "none of this gate");
    // There is nothing left to end, and nothing to say.
    assert_no_grant(show_code(house, &s.application, s.code), "used before");
    assert_int_equal(house_audits(house, "token.replayed", NULL), 1);
}

static void who_could_not_have_used_a_code_ends_nothing_by_showing_it(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct slice token = show_code(house, &s.application, s.code).refresh_given;
    struct authorization_work work = {.key = &the_key,
                                      .application = s.application,
                                      .code = s.code,
                                      .redirect_uri = S(BACK),
                                      .verifier = S(CHALLENGE)};
    assert_done(fixture_write(house->fixture, authorization_change, &work));
    assert_no_grant(work, "used before");
    assert_int_equal(house_audits(house, "token.replayed", NULL), 0);
    assert_null(show_refresh(house, &s.application, token).refused);
}

static void a_code_is_good_for_a_minute(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    house->fixture->op.now = NOON + CODE_LIFETIME;
    assert_no_grant(show_code(house, &s.application, s.code), "expired");
    struct slice again = code_for(house, &s.application, &s.view);
    house->fixture->op.now += CODE_LIFETIME - 1;
    assert_null(show_code(house, &s.application, again).refused);
}

static void a_code_is_for_the_application_that_asked(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct application thief = register_one(house, "Thief", NULL);
    assert_no_grant(show_code(house, &thief, s.code), "another application");
    assert_null(show_code(house, &s.application, s.code).refused); // nobody else uses it up
}

static struct authorization_work show_with(struct house *house, const struct scene *s,
                                           const char *redirect_uri, const char *verifier) {
    struct authorization_work work = {.key = &the_key,
                                      .application = s->application,
                                      .code = s->code,
                                      .redirect_uri = slice_str(redirect_uri),
                                      .verifier = slice_str(verifier)};
    assert_done(fixture_write(house->fixture, authorization_change, &work));
    return work;
}

static void a_code_needs_the_address_that_it_was_sent_to(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    assert_no_grant(show_with(house, &s, BACK "/", VERIFIER), "redirect_uri");
    assert_no_grant(show_code(house, &s.application, s.code), "used before"); // tried once
}

static void a_code_needs_an_address_that_is_still_registered(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    s.application.redirect_uris = one_text(&house->fixture->op, S("https://console.example/new"));
    assert_no_grant(show_code(house, &s.application, s.code), "not registered");
}

static void a_code_needs_the_verifier_of_its_challenge(void **state) {
    struct house *house = *state;
    static const char *const bad[] = {
        "", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", CHALLENGE,
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk ",
    };
    struct scene s = begin(house);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        s.code = code_for(house, &s.application, &s.view);
        assert_no_grant(show_with(house, &s, BACK, bad[i]), "code_verifier");
    }
}

static void a_short_verifier_counts_not_even_when_it_fits(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct sha256 digest = digest_sha256(S("short"));
    struct slice challenge;
    assert_done(encode_base64url(&house->fixture->op, digest_slice(&digest), &challenge));
    struct deed d = {.view = s.view,
                     .authorization = {.application = s.application.id,
                                       .redirect_uri = S(BACK),
                                       .challenge = challenge}};
    assert_done(fixture_write(house->fixture, do_add, &d));
    s.code = d.code;
    assert_no_grant(show_with(house, &s, BACK, "short"), "code_verifier");
}

static void what_is_no_code_of_ours_gives_nothing(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct op *op = &house->fixture->op;
    struct authorization_work tokens = show_code(house, &s.application, s.code);
    s.code = code_for(house, &s.application, &s.view);
    for (size_t i = 0; i < s.code.len; i++) {
        char *bent = NULL;
        assert_done(op_take(op, s.code.len, &bent));
        memcpy(bent, s.code.at, s.code.len);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        struct authorization_work work = {.key = &the_key, .code = slice_of(bent, s.code.len)};
        assert_false(authorization_is_ours(op, &work));
        assert_no_grant(show_code(house, &s.application, work.code), "none of this gate");
    }
    assert_no_grant(show_code(house, &s.application, S("")), "none of this gate");
    assert_no_grant(show_code(house, &s.application, tokens.refresh_given), "none of this gate");
    struct authorization_work other = {.key = &other_key, .code = s.code};
    assert_false(authorization_is_ours(op, &other));
    other.key = &the_key;
    assert_true(authorization_is_ours(op, &other));
    assert_null(show_code(house, &s.application, s.code).refused);
}

static void a_code_of_a_session_that_ended_gives_nothing(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct deed d = {.actor = &house->fixture->staff, .id = s.view.session.id};
    assert_done(fixture_write(house->fixture, do_end_session, &d));
    assert_no_grant(show_code(house, &s.application, s.code), "session is over");
}

static void an_application_for_other_tenants_gets_nothing(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct application elsewhere = s.application;
    elsewhere.tenants = one_text(&house->fixture->op, S("umbrella"));
    assert_no_grant(show_code(house, &elsewhere, s.code), "tenant");
}

static void a_session_has_so_many_for_an_application_and_the_idle_one_goes(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct slice tokens[AUTHORIZATIONS_EACH_MAX + 1];
    tokens[0] = show_code(house, &s.application, s.code).refresh_given;
    for (size_t i = 1; i < AUTHORIZATIONS_EACH_MAX; i++) {
        house->fixture->op.now += SECOND_MS;
        tokens[i] = show_code(house, &s.application, code_for(house, &s.application, &s.view))
                        .refresh_given;
    }
    house->fixture->op.now += SECOND_MS;
    tokens[0] = show_refresh(house, &s.application, tokens[0]).refresh_given; // not idle
    house->fixture->op.now += SECOND_MS;
    tokens[AUTHORIZATIONS_EACH_MAX] =
        show_code(house, &s.application, code_for(house, &s.application, &s.view)).refresh_given;
    assert_no_grant(show_refresh(house, &s.application, tokens[1]), "none of this gate");
    for (size_t i = 0; i <= AUTHORIZATIONS_EACH_MAX; i++) {
        if (i != 1) {
            assert_null(show_refresh(house, &s.application, tokens[i]).refused);
        }
    }
    assert_int_equal(house_audits(house, "token.issued", NULL), 1); // one sign-in
    struct application other = register_one(house, "Other", NULL);
    assert_null(show_code(house, &other, code_for(house, &other, &s.view)).refused);
    assert_int_equal(house_audits(house, "token.issued", NULL), 2);
}

// ---- access tokens ----

static reason by_token(struct house *house, const struct scene *s, struct slice id) {
    struct deed d = {.token = id, .id = s->application.id};
    return fixture_read(house->fixture, do_find_by_token, &d);
}

static void an_access_token_is_good_while_what_it_was_issued_for_is(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct authorization_work work = show_code(house, &s.application, s.code);
    struct slice id = work.authorization.id;
    assert_done(by_token(house, &s, id));
    (void)show_refresh(house, &s.application, work.refresh_given);
    assert_done(by_token(house, &s, id)); // until its own end
    static const char *const others[] = {"", "aut_", "aut_0000", "ses_1",
                                         "aut_0123456789abcdef0123456789abcdef01234567"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_reason(by_token(house, &s, slice_str(others[i])), UNAUTHENTICATED);
    }
    struct scene thief = {.application = register_one(house, "Thief", NULL)};
    assert_reason(by_token(house, &thief, id), UNAUTHENTICATED);
    assert_no_grant(show_code(house, &s.application, s.code), "used before"); // stolen
    assert_reason(by_token(house, &s, id), UNAUTHENTICATED);
}

static void a_code_is_no_authorization_of_a_token_yet(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct deed d = {.view = s.view,
                     .authorization = {.application = s.application.id,
                                       .redirect_uri = S(BACK),
                                       .challenge = S(CHALLENGE)}};
    assert_done(fixture_write(house->fixture, do_add, &d));
    assert_reason(by_token(house, &s, d.authorization.id), UNAUTHENTICATED);
}

static void change(struct house *house, struct scene *s) {
    struct deed d = {.actor = &house->fixture->staff, .application = s->application};
    assert_done(fixture_write(house->fixture, do_change_application, &d));
    s->application = d.application;
}

static void disabling_an_application_ends_for_good_what_was_issued_for_it(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct authorization_work work = show_code(house, &s.application, s.code);
    struct slice late = code_for(house, &s.application, &s.view);
    house->fixture->op.now += SECOND_MS;
    s.application.disabled = true;
    change(house, &s);
    assert_reason(by_token(house, &s, work.authorization.id), UNAUTHENTICATED);
    s.application.disabled = false;
    change(house, &s);
    assert_reason(by_token(house, &s, work.authorization.id), UNAUTHENTICATED);
    assert_no_grant(show_refresh(house, &s.application, work.refresh_given), "disabled since");
    assert_no_grant(show_code(house, &s.application, late), "disabled since");
    work = show_code(house, &s.application, code_for(house, &s.application, &s.view));
    assert_null(work.refused);
    assert_done(by_token(house, &s, work.authorization.id));
}

static void a_tenant_that_is_taken_from_it_is_taken_from_its_tokens(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct authorization_work work = show_code(house, &s.application, s.code);
    s.application.tenants = one_text(&house->fixture->op, S("umbrella"));
    change(house, &s);
    assert_reason(by_token(house, &s, work.authorization.id), UNAUTHENTICATED);
    assert_no_grant(show_refresh(house, &s.application, work.refresh_given), "tenant");
}

static void an_application_that_is_gone_has_no_tokens(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct authorization_work work = show_code(house, &s.application, s.code);
    struct deed d = {.actor = &house->fixture->staff, .id = s.application.id};
    assert_done(fixture_write(house->fixture, do_remove_application, &d));
    assert_reason(by_token(house, &s, work.authorization.id), UNAUTHENTICATED);
}

// ---- refresh tokens ----

static void each_refresh_gives_a_new_token_and_the_old_one_ends_all(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct slice first = show_code(house, &s.application, s.code).refresh_given;
    house->fixture->op.now += 5 * MINUTE_MS;
    struct slice second = show_refresh(house, &s.application, first).refresh_given;
    assert_true(second.len > 0 && !slice_equal(first, second));
    house->fixture->op.now += 5 * MINUTE_MS;
    struct slice third = show_refresh(house, &s.application, second).refresh_given;
    assert_no_grant(show_refresh(house, &s.application, first), "used before");
    assert_int_equal(house_audits(house, "token.replayed", NULL), 1);
    assert_no_grant(show_refresh(house, &s.application, third), "none of this gate");
}

static void who_did_not_get_the_answer_may_ask_once_more(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct slice first = show_code(house, &s.application, s.code).refresh_given;
    struct slice second = show_refresh(house, &s.application, first).refresh_given;
    house->fixture->op.now += REFRESH_LEEWAY - 1;
    assert_true(slice_equal(show_refresh(house, &s.application, first).refresh_given, second));
    house->fixture->op.now += 1;
    assert_no_grant(show_refresh(house, &s.application, first), "used before");
    assert_no_grant(show_refresh(house, &s.application, second), "none of this gate");
}

static void two_that_come_at_once_may_be_stored_in_either_order(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct slice first = show_code(house, &s.application, s.code).refresh_given;
    house->fixture->op.now += 1;
    struct slice second = show_refresh(house, &s.application, first).refresh_given;
    house->fixture->op.now -= 1; // the other one's clock was read before
    assert_true(slice_equal(show_refresh(house, &s.application, first).refresh_given, second));
}

static void a_token_from_before_the_store_was_put_back_goes_on(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct authorization_work work = show_code(house, &s.application, s.code);
    struct deed back = {.authorization = work.authorization};
    struct slice second = show_refresh(house, &s.application, work.refresh_given).refresh_given;
    house->fixture->op.now += HOUR_MS / 2;
    struct slice third = show_refresh(house, &s.application, second).refresh_given;
    assert_done(fixture_write(house->fixture, do_put, &back)); // as it was after the first
    struct authorization_work next = show_refresh(house, &s.application, third);
    assert_null(next.refused);
    assert_int_equal(next.authorization.generation, 4);
    house->fixture->op.now += MINUTE_MS;
    assert_no_grant(show_refresh(house, &s.application, second), "used before");
}

static void a_clock_that_steps_back_opens_no_old_token(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct slice first = show_code(house, &s.application, s.code).refresh_given;
    (void)show_refresh(house, &s.application, first);
    house->fixture->op.now -= HOUR_MS;
    assert_no_grant(show_refresh(house, &s.application, first), "used before");
}

static void a_refresh_token_is_for_its_application_alone(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct application thief = register_one(house, "Thief", NULL);
    struct slice token = show_code(house, &s.application, s.code).refresh_given;
    assert_no_grant(show_refresh(house, &thief, token), "another application");
    assert_null(show_refresh(house, &s.application, token).refused);
}

static void a_refresh_token_ends_with_the_session(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct slice token = show_code(house, &s.application, s.code).refresh_given;
    struct deed d = {.actor = &house->fixture->staff, .id = s.view.session.id};
    assert_done(fixture_write(house->fixture, do_end_session, &d));
    assert_no_grant(show_refresh(house, &s.application, token), "session is over");
}

static void a_refresh_token_ends_with_the_membership(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct slice token = show_code(house, &s.application, s.code).refresh_given;
    struct call c = {.actor = &house->fixture->staff,
                     .tenant = S("acme"),
                     .id = s.view.user.id,
                     .status = MEMBER_DISABLED};
    assert_done(fixture_write(house->fixture, call_set_status, &c));
    assert_no_grant(show_refresh(house, &s.application, token), "session is over");
}

static void an_application_ends_its_own_tokens(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct application thief = register_one(house, "Thief", NULL);
    struct slice token = show_code(house, &s.application, s.code).refresh_given;
    struct authorization_work work = {.key = &the_key, .application = thief, .refresh = token};
    assert_done(fixture_write(house->fixture, authorization_revoke, &work));
    token = show_refresh(house, &s.application, token).refresh_given; // another's: nothing happened
    work.application = s.application;
    work.refresh = token;
    assert_done(fixture_write(house->fixture, authorization_revoke, &work));
    assert_no_grant(show_refresh(house, &s.application, token), "none of this gate");
    assert_done(fixture_write(house->fixture, authorization_revoke, &work)); // once more: nothing
    assert_int_equal(house_audits(house, "token.revoked", NULL), 1);
}

static void bent_refresh_tokens_are_none(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct op *op = &house->fixture->op;
    struct slice token = show_code(house, &s.application, s.code).refresh_given;
    for (size_t i = 0; i < token.len; i++) {
        char *bent = NULL;
        assert_done(op_take(op, token.len, &bent));
        memcpy(bent, token.at, token.len);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        assert_no_grant(show_refresh(house, &s.application, slice_of(bent, token.len)),
                       "none of this gate");
    }
    assert_null(show_refresh(house, &s.application, token).refused);
}

static void what_is_over_is_swept(void **state) {
    struct house *house = *state;
    struct scene s = begin(house);
    struct deed d = {.yes = false};
    (void)show_code(house, &s.application, s.code);
    house->fixture->op.now = NOON + CODE_KEEP - MINUTE_MS;
    assert_done(fixture_write(house->fixture, do_sweep, &d));
    assert_int_equal(rows(house), 2); // that the code was used is known for as long
    house->fixture->op.now = NOON + CODE_KEEP + 2 * MINUTE_MS;
    assert_done(fixture_write(house->fixture, do_sweep, &d));
    assert_int_equal(rows(house), 1); // that of the tokens stays with the session
    house->fixture->op.now = NOON + HOUR_MS + 2 * MINUTE_MS;
    assert_done(fixture_write(house->fixture, do_sweep, &d));
    assert_int_equal(rows(house), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_open, house_close)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_code_is_changed_into_tokens_of_the_session),
        TEST(a_code_is_good_once_and_the_second_showing_ends_what_it_gave),
        TEST(who_could_not_have_used_a_code_ends_nothing_by_showing_it),
        TEST(a_code_is_good_for_a_minute),
        TEST(a_code_needs_an_address_that_is_still_registered),
        TEST(a_session_has_so_many_for_an_application_and_the_idle_one_goes),
        TEST(an_access_token_is_good_while_what_it_was_issued_for_is),
        TEST(a_code_is_no_authorization_of_a_token_yet),
        TEST(disabling_an_application_ends_for_good_what_was_issued_for_it),
        TEST(a_tenant_that_is_taken_from_it_is_taken_from_its_tokens),
        TEST(an_application_that_is_gone_has_no_tokens),
        TEST(two_that_come_at_once_may_be_stored_in_either_order),
        TEST(a_token_from_before_the_store_was_put_back_goes_on),
        TEST(a_code_is_for_the_application_that_asked),
        TEST(a_code_needs_the_address_that_it_was_sent_to),
        TEST(a_code_needs_the_verifier_of_its_challenge),
        TEST(a_short_verifier_counts_not_even_when_it_fits),
        TEST(what_is_no_code_of_ours_gives_nothing),
        TEST(a_code_of_a_session_that_ended_gives_nothing),
        TEST(an_application_for_other_tenants_gets_nothing),
        TEST(each_refresh_gives_a_new_token_and_the_old_one_ends_all),
        TEST(who_did_not_get_the_answer_may_ask_once_more),
        TEST(a_clock_that_steps_back_opens_no_old_token),
        TEST(a_refresh_token_is_for_its_application_alone),
        TEST(a_refresh_token_ends_with_the_session),
        TEST(a_refresh_token_ends_with_the_membership),
        TEST(an_application_ends_its_own_tokens),
        TEST(bent_refresh_tokens_are_none),
        TEST(what_is_over_is_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
