// SPDX-License-Identifier: GPL-3.0-or-later
// /oauth2/authorize: an application sends a browser here (RFC 6749 section 4.1, with PKCE, RFC 7636; OpenID Connect Core
// section 3.1.2). Who is signed in goes back with a code at once; anybody else signs in first and comes here again. Nobody is asked
// for consent: operators register the platform's own applications. Where it is not sure that it is the application who asks, the
// person says whether to go on, by POST. What is wrong with the application or its address is told on a page, for the browser
// must not be sent to an address that nobody registered; all else goes back to the application.
#include "base/clock.h"
#include "base/encode.h"
#include "base/text.h"
#include "http/limits.h"
#include "http/web/authorize.h"
#include "http/web/form.h"
#include "http/web/web.h"

#define LOGIN_HINT_MAX 254 // bytes of an e-mail address; a longer one is none

// ---- the answer ----

// The application's address with this answer, its state, and who says so (RFC 9207).
static reason address_of(struct op *op, const struct gate *gate, const struct ask *ask,
                         const char *name, struct slice value, struct slice description,
                         struct slice *ret_address) {
    struct slice to = ask->at[REDIRECT_URI];
    struct slice state = ask->at[STATE];
    struct buf url;
    buf_open(&url, op, LOCATION_MAX);
    buf_put(&url, to);
    TRY(ask_add(op, &url, memchr(to.at, '?', to.len) == NULL ? '?' : '&', name, value));
    if (description.len > 0) {
        TRY(ask_add(op, &url, '&', "error_description", description));
    }
    if (state.at != NULL && state.len <= STATE_MAX) { // one that is too long is what is told here
        TRY(ask_add(op, &url, '&', "state", state));
    }
    TRY(ask_add(op, &url, '&', "iss", gate->settings->public_url));
    return buf_done(&url, ret_address);
}

static reason answer(struct op *op, const struct gate *gate, const struct ask *ask,
                     struct reply *reply, const char *name, struct slice value,
                     struct slice description) {
    struct slice location;
    TRY(address_of(op, gate, ask, name, value, description, &location));
    reply_redirect(reply, ask->posted ? 303 : 302, location);
    return NULL;
}

static reason answer_error(struct op *op, const struct gate *gate, const struct ask *ask,
                           struct reply *reply, const char *error, const char *description) {
    return answer(op, gate, ask, reply, "error", slice_str(error), slice_str(description));
}

// ---- who is signed in ----

// Is it whom the application's ID token names? A hint that is none of ours names somebody else.
static reason is_expected(struct op *op, const struct gate *gate, const struct ask *ask,
                          struct slice user_id, bool *ret_expected) {
    struct slice subject = S("");
    *ret_expected = true;
    if (ask->at[ID_TOKEN_HINT].at == NULL) {
        return NULL;
    }
    reason why = id_token_subject(op, gate->keyring, gate->settings->public_url,
                                  ask->application.id, ask->at[ID_TOKEN_HINT], &subject);
    *ret_expected = why == NULL && slice_equal(subject, user_id);
    return why == REASON_OF(UNAUTHENTICATED) ? NULL : why;
}

// Not an Authorization header: a code is for a browser's session.
static reason look_at_session(struct op *op, struct gate *gate, struct request *request,
                              struct ask *ask) {
    reason why = guard_identify(op, gate, request);
    if (why != NULL && why != REASON_OF(UNAUTHENTICATED)) {
        return why;
    }
    bool there = why == NULL && request->by_cookie && request->actor.kind == ACTOR_USER;
    bool through = ask->at[CONNECTION].len == 0 ||
                   slice_equal(ask->at[CONNECTION], request->session.session.connection);
    if (there) {
        bool expected = false;
        TRY(is_expected(op, gate, ask, request->session.user.id, &expected));
        ask->another = !expected;
    }
    ask->view = there && through && !ask->another ? &request->session : NULL;
    return NULL;
}

// Is the sign-in too old for what was asked? After another one this is asked no more (SINCE; PROMPT does not come back), even when
// the identity provider took an older sign-in of its own for it: auth_time tells the application.
static bool is_stale(const struct op *op, const struct ask *ask) {
    const struct session *session = &ask->view->session;
    uint64_t number = 0;
    if (ask_has_word(ask, PROMPT, "login")) {
        return true;
    }
    if (ask->at[SINCE].at != NULL) {
        return text_u64(ask->at[SINCE], INT64_MAX, &number) &&
               session->created_at <= (int64_t)number; // also one of the same millisecond was there before
    }
    if (ask->at[MAX_AGE].at == NULL || !text_u64(ask->at[MAX_AGE], MAX_AGE_MOST, &number)) {
        return false;
    }
    // 0 asks as prompt=login does, whatever the clock of the identity provider says.
    return number == 0 || op->now - session->authenticated_at > (int64_t)number * SECOND_MS;
}

// ---- to the sign-in, and back here ----

// The connection to sign in through: the one that the request names, or that of the address in it; without any the one that the
// person signed in through before. Else "".
static reason connection_of(struct op *op, struct gate *gate, const struct ask *ask,
                            struct slice *ret_connection) {
    struct email email;
    *ret_connection = ask->at[CONNECTION];
    if (ask->at[CONNECTION].len > 0) {
        return NULL;
    }
    if (ask->at[LOGIN_HINT].len == 0 || email_normalise(op, ask->at[LOGIN_HINT], &email) != NULL) {
        *ret_connection = ask->view != NULL ? ask->view->session.connection : S("");
        return NULL;
    }
    return web_connection_for(op, gate, email.domain, ret_connection);
}

static reason sign_in_first(struct op *op, struct gate *gate, const struct ask *ask, bool anew,
                            struct reply *reply) {
    struct slice back;
    struct slice location;
    struct slice connection = S("");
    struct buf url;
    TRY(ask_again(op, ask, anew, &back));
    TRY(connection_of(op, gate, ask, &connection));
    buf_open(&url, op, LOCATION_MAX);
    if (connection.len > 0) {
        struct slice part;
        TRY(encode_url(op, connection, &part));
        buf_printf(&url, "/saml/%.*s/login", SLICE(part));
    } else {
        buf_str(&url, "/login");
    }
    TRY(ask_add(op, &url, '?', "return_to", back));
    if (anew) {
        TRY(ask_add(op, &url, '&', "force_authn", S("true")));
    }
    struct slice email = ask->at[LOGIN_HINT];
    if (connection.len == 0 && email.len > 0 && email.len <= LOGIN_HINT_MAX) {
        TRY(ask_add(op, &url, '&', "email", email));
    }
    TRY(buf_done(&url, &location));
    reply_redirect(reply, ask->posted ? 303 : 302, location);
    return NULL;
}

// ---- the code ----

struct giving {
    const struct ticket_key *key;
    const struct session_view *view;
    struct authorization authorization;
    struct slice code;
};
static reason give(struct op *op, struct txn *txn, void *arg) {
    struct giving *giving = arg;
    return authorization_add(op, txn, giving->key, giving->view, &giving->authorization,
                             &giving->code);
}

static reason give_code(struct op *op, struct gate *gate, const struct ask *ask,
                        struct reply *reply) {
    struct giving giving = {.key = gate->ticket_key,
                            .view = ask->view,
                            .authorization = {.application = ask->application.id,
                                              .redirect_uri = ask->at[REDIRECT_URI],
                                              .challenge = ask->at[CODE_CHALLENGE],
                                              .nonce = ask->at[NONCE],
                                              .scope = ask->scope}};
    TRY(store_write(op, gate->store, give, &giving));
    return answer(op, gate, ask, reply, "code", giving.code, S(""));
}

// ---- who asks ----

// Any program on a machine can send its person's browser here in the name of an application that has no secret, and take the code
// at a port or with a scheme there (RFC 8252 section 8.6). What comes to an https address comes to its owner.
static bool is_assured(const struct ask *ask) {
    return ask->application.confidential || slice_starts(ask->at[REDIRECT_URI], S("https://"));
}

static reason confirm_page(struct op *op, const struct gate *gate, const struct ask *ask,
                           struct reply *reply) {
    const struct session_view *view = ask->view;
    struct slice name = ask->application.name;
    struct slice who = view->user.email.len > 0 ? view->user.email : view->session.name_id;
    struct slice away;
    const char *title = NULL;
    struct page_out page;
    TRY(op_cstr(op, op_text(op, "Sign in to %.*s?", SLICE(name)), &title));
    TRY(address_of(op, gate, ask, "error", S("access_denied"), S("the person did not go on"), &away));
    page_open(&page, op, gate, title);
    page_paragraph(&page, op_text(op, "You are signed in as %.*s in the tenant %.*s. A program on your device asks to "
                                      "be signed in to %.*s as you.",
                                  SLICE(who), SLICE(view->session.tenant), SLICE(name)));
    page_paragraph(&page, op_text(op, "Go on only if you have just started %.*s yourself: whoever asks may then do "
                                      "there what you may.", SLICE(name)));
    form_open(&page, AUTHORIZE_PATH);
    for (size_t i = 0; i <= SINCE; i++) {
        if (ask->at[i].at != NULL) {
            form_hidden(&page, parameter_names[i], ask->at[i]);
        }
    }
    form_hidden(&page, "confirmed", view->session.id);
    form_close(&page, "Go on");
    page_html(&page, "<p><a href=\"");
    page_text(&page, away);
    page_html(&page, "\">No, I did not start it</a></p>\n");
    return page_reply(&page, reply, 200, true);
}

// ---- the doors ----

static reason let_in(struct op *op, struct gate *gate, const struct request *request,
                     const struct ask *ask, struct reply *reply) {
    if (!application_serves(&ask->application, ask->view->session.tenant)) {
        return answer_error(op, gate, ask, reply, "access_denied",
                            "this application is not for the tenant that the person signed in to");
    }
    if (!is_assured(ask) && !slice_equal(ask->confirmed, ask->view->session.id)) {
        return ask_is(ask, PROMPT, "none")
                   ? answer_error(op, gate, ask, reply, "interaction_required",
                                  "an application that cannot show who it is signs nobody in without asking")
                   : confirm_page(op, gate, ask, reply);
    }
    if (request->head) { // it only asks what there is: no code is made that nobody reads
        reply_text(reply, 200, "text/html; charset=utf-8", S(""));
        reply_header(reply, "Cache-Control", S("no-store"));
        return NULL;
    }
    if (!limits_code(gate->limits, ask->view->session.id)) {
        return answer_error(op, gate, ask, reply, "temporarily_unavailable",
                            "too many codes for one sign-in; try again in a minute");
    }
    return give_code(op, gate, ask, reply);
}

static reason authorize(struct op *op, struct gate *gate, struct request *request, struct ask *ask,
                        struct reply *reply) {
    struct fault fault;
    TRY(ask_read(op, request, ask));
    TRY(ask_application(op, gate, ask));
    TRY(ask_fault(op, ask, &fault));
    if (fault.error != NULL) {
        return answer_error(op, gate, ask, reply, fault.error, fault.description);
    }
    TRY(look_at_session(op, gate, request, ask));
    bool anew = ask->another || (ask->view != NULL && is_stale(op, ask));
    if (ask->view != NULL && !anew) {
        return let_in(op, gate, request, ask, reply);
    }
    if (ask_is(ask, PROMPT, "none")) {
        return answer_error(op, gate, ask, reply, "login_required",
                            "nobody is signed in here, not recently enough, or somebody else");
    }
    return sign_in_first(op, gate, ask, anew || ask_has_word(ask, PROMPT, "login"), reply);
}

reason web_authorize(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct ask ask = {.posted = false};
    return authorize(op, gate, request, &ask, reply);
}

// What was confirmed holds for whom the page named: if somebody else is signed in by now, it asks again.
reason web_authorize_form(struct op *op, struct gate *gate, struct request *request,
                          struct reply *reply) {
    struct ask ask = {.posted = true};
    TRY(guard_same_site(op, gate, request));
    TRY(form_text(op, request, "confirmed", &ask.confirmed));
    return authorize(op, gate, request, &ask, reply);
}
