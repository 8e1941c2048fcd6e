// SPDX-License-Identifier: GPL-3.0-or-later
// GET /oauth2/authorize: an application sends a browser here (RFC 6749 section 4.1, with PKCE, RFC 7636; OpenID Connect Core
// section 3.1.2). Who is signed in goes back with a code at once; anybody else signs in first and comes here again. Nobody is asked
// for consent: operators register the platform's own applications. What is wrong with the application or its address is told on a
// page, for the browser must not be sent to an address that nobody registered; all else goes back to the application.
#include "base/clock.h"
#include "base/encode.h"
#include "base/text.h"
#include "base/uri.h"
#include "domain/authorization.h"
#include "http/limits.h"
#include "http/web/web.h"

#define STATE_MAX 1024
#define MAX_AGE_MOST INT32_MAX // seconds
#define LOCATION_MAX (12U << 10) // an address, a state, what was asked, each byte as three
#define AUTHORIZE_PATH "/oauth2/authorize"

// What was asked for. Those up to SINCE make the same request again after a sign-in.
enum parameter {
    RESPONSE_TYPE, CLIENT_ID, REDIRECT_URI, SCOPE, STATE, NONCE, CODE_CHALLENGE,
    CODE_CHALLENGE_METHOD, CONNECTION, SINCE, PROMPT, MAX_AGE, LOGIN_HINT, RESPONSE_MODE, REQUEST,
    REQUEST_URI, PARAMETERS
};
static const char *const parameter_names[PARAMETERS] = {
    [RESPONSE_TYPE] = "response_type",
    [CLIENT_ID] = "client_id",
    [REDIRECT_URI] = "redirect_uri",
    [SCOPE] = "scope",
    [STATE] = "state",
    [NONCE] = "nonce",
    [CODE_CHALLENGE] = "code_challenge",
    [CODE_CHALLENGE_METHOD] = "code_challenge_method",
    [CONNECTION] = "connection", // ours: sign in through this one
    [SINCE] = "since",           // ours: of a session that began since then, in ms
    [PROMPT] = "prompt",
    [MAX_AGE] = "max_age",
    [LOGIN_HINT] = "login_hint",
    [RESPONSE_MODE] = "response_mode",
    [REQUEST] = "request",
    [REQUEST_URI] = "request_uri",
};

struct ask {
    struct slice at[PARAMETERS]; // decoded; .at NULL: absent
    bool twice;                  // one of them came twice, or could not be decoded
    struct application application;
    struct slice scope; // of the words that were asked for, those that mean something here
    const struct session_view *view; // NULL: nobody is signed in
};

// ---- the answer ----

static reason add(struct op *op, struct buf *url, char before, const char *name,
                  struct slice value) {
    struct slice encoded;
    TRY(encode_url(op, value, &encoded));
    buf_byte(url, (uint8_t)before);
    buf_str(url, name);
    buf_byte(url, '=');
    buf_put(url, encoded);
    return NULL;
}

// Back to the application, with this answer, its state, and who says so (RFC 9207).
static reason answer(struct op *op, const struct gate *gate, const struct ask *ask,
                     struct reply *reply, const char *name, struct slice value,
                     struct slice description) {
    struct slice to = ask->at[REDIRECT_URI];
    struct buf url;
    struct slice location;
    buf_open(&url, op, LOCATION_MAX);
    buf_put(&url, to);
    TRY(add(op, &url, memchr(to.at, '?', to.len) == NULL ? '?' : '&', name, value));
    if (description.len > 0) {
        TRY(add(op, &url, '&', "error_description", description));
    }
    if (ask->at[STATE].at != NULL) {
        TRY(add(op, &url, '&', "state", ask->at[STATE]));
    }
    TRY(add(op, &url, '&', "iss", gate->settings->public_url));
    TRY(buf_done(&url, &location));
    reply_redirect(reply, 302, location);
    reply_header(reply, "Cache-Control", S("no-store"));
    return NULL;
}

static reason answer_error(struct op *op, const struct gate *gate, const struct ask *ask,
                           struct reply *reply, const char *error, const char *description) {
    return answer(op, gate, ask, reply, "error", slice_str(error), slice_str(description));
}

// ---- what was asked ----

static reason read_ask(struct op *op, const struct request *request, struct ask *ask) {
    for (size_t i = 0; i < PARAMETERS; i++) {
        reason why = request_query(op, request, parameter_names[i], &ask->at[i]);
        if (why == REASON_OF(INVALID_INPUT)) {
            ask->at[i] = SLICE_NONE;
            ask->twice = true;
            why = NULL;
        }
        TRY(why);
    }
    return NULL;
}

static bool is(const struct ask *ask, enum parameter parameter, const char *value) {
    return slice_equal(ask->at[parameter], slice_str(value));
}

static bool has_word(struct slice list, const char *word) {
    return list.at != NULL && scope_has(list, word);
}

// What is wrong with a request whose application and address are known: the error's code; NULL: nothing. In this order.
struct fault {
    const char *error, *description;
};
static struct fault fault_of(const struct ask *ask) {
    const struct fault faults[] = {
        {ask->twice ? "invalid_request" : NULL, "a parameter came twice, or is not encoded as a form"},
        {ask->at[REQUEST].at != NULL ? "request_not_supported" : NULL,
         "write the parameters out: request objects are not read here"},
        {ask->at[REQUEST_URI].at != NULL ? "request_uri_not_supported" : NULL,
         "write the parameters out: request objects are not fetched here"},
        {is(ask, RESPONSE_TYPE, "code") ? NULL
         : ask->at[RESPONSE_TYPE].at == NULL ? "invalid_request" : "unsupported_response_type",
         "response_type must be code"},
        {ask->at[RESPONSE_MODE].at == NULL || is(ask, RESPONSE_MODE, "query") ? NULL
                                                                              : "invalid_request",
         "response_mode can only be query"},
        {ask->at[STATE].len <= STATE_MAX ? NULL : "invalid_request", "state is too long"},
        {ask->at[NONCE].len <= NONCE_MAX ? NULL : "invalid_request", "nonce is too long"},
        {is(ask, CODE_CHALLENGE_METHOD, "S256") && ask->at[CODE_CHALLENGE].len == CHALLENGE_TEXT
             ? NULL
             : "invalid_request",
         "PKCE is needed: code_challenge with code_challenge_method S256"},
        {has_word(ask->at[PROMPT], "none") && ask->at[PROMPT].len != 4 ? "invalid_request" : NULL,
         "prompt none goes with no other"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        if (faults[i].error != NULL) {
            return faults[i];
        }
    }
    return (struct fault){NULL, NULL};
}

// Unknown words are left out, as OpenID Connect has it; the answer with the tokens says what is left.
static struct slice scope_of(struct op *op, const struct ask *ask) {
    static const char *const words[] = {SCOPE_OPENID, SCOPE_PROFILE, SCOPE_EMAIL, SCOPE_API};
    struct buf scope;
    buf_open(&scope, op, 64);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        bool may = strcmp(words[i], SCOPE_API) != 0 || ask->application.api;
        if (may && has_word(ask->at[SCOPE], words[i])) {
            buf_str(&scope, scope.len > 0 ? " " : "");
            buf_str(&scope, words[i]);
        }
    }
    return buf_slice(&scope);
}

struct look {
    struct slice id;
    struct application application;
};
static reason find_application(struct op *op, struct txn *txn, void *arg) {
    struct look *look = arg;
    return application_find(op, txn, look->id, &look->application);
}

// The application, and that a browser may be sent to the address: before both hold, nothing goes there.
static reason check_application(struct op *op, struct gate *gate, struct ask *ask) {
    struct look look = {.id = ask->at[CLIENT_ID]};
    struct slice to = ask->at[REDIRECT_URI];
    if (look.id.len == 0) {
        REFUSE(op, APPLICATION_UNKNOWN, "client_id is missing, or there twice");
    }
    reason why = store_read(op, gate->store, find_application, &look);
    if (why == REASON_OF(NOT_FOUND) || (why == NULL && look.application.disabled)) {
        REFUSE(op, APPLICATION_UNKNOWN, "there is no application with this client_id, or it is disabled");
    }
    TRY(why);
    if (to.len == 0 || !application_redirects_to(&look.application, to)) {
        REFUSE(op, APPLICATION_REDIRECT_URI,
               "redirect_uri must be one that is registered for application %.*s, byte for byte",
               SLICE(look.application.id));
    }
    ask->application = look.application;
    ask->scope = scope_of(op, ask);
    return NULL;
}

// ---- who is signed in ----

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
    ask->view = there && through ? &request->session : NULL;
    return NULL;
}

// Is the sign-in too old for what was asked? After another one this is asked no more (SINCE), even when the identity provider
// took an older sign-in of its own for it: auth_time tells the application.
static bool is_stale(const struct op *op, const struct ask *ask) {
    const struct session *session = &ask->view->session;
    uint64_t number = 0;
    if (ask->at[SINCE].at != NULL) {
        return text_u64(ask->at[SINCE], INT64_MAX, &number) &&
               session->created_at < (int64_t)number;
    }
    if (has_word(ask->at[PROMPT], "login")) {
        return true;
    }
    return ask->at[MAX_AGE].at != NULL && text_u64(ask->at[MAX_AGE], MAX_AGE_MOST, &number) &&
           op->now - session->authenticated_at > (int64_t)number * SECOND_MS;
}

// ---- to the sign-in, and back here ----

static reason again(struct op *op, const struct ask *ask, bool anew, struct slice *ret_path) {
    struct buf url;
    char before = '?';
    buf_open(&url, op, LOCATION_MAX);
    buf_str(&url, AUTHORIZE_PATH);
    for (size_t i = 0; i < SINCE; i++) {
        if (ask->at[i].at != NULL) {
            TRY(add(op, &url, before, parameter_names[i], ask->at[i]));
            before = '&';
        }
    }
    struct slice since = anew ? op_text(op, "%lld", (long long)op->now) : ask->at[SINCE];
    if (since.at != NULL) {
        TRY(add(op, &url, before, parameter_names[SINCE], since));
    }
    return buf_done(&url, ret_path);
}

struct hint {
    struct slice domain, connection;
};
static reason find_connection(struct op *op, struct txn *txn, void *arg) {
    struct hint *hint = arg;
    struct connection connection;
    TRY(connection_for_domain(op, txn, hint->domain, &connection));
    hint->connection = connection.slug;
    return NULL;
}

// The connection to sign in through, where the request says so or the address in it does; else "".
static reason connection_of(struct op *op, struct gate *gate, const struct ask *ask,
                            struct slice *ret_connection) {
    struct email email;
    *ret_connection = ask->at[CONNECTION];
    if (ask->at[CONNECTION].len > 0 || ask->at[LOGIN_HINT].len == 0 ||
        email_normalise(op, ask->at[LOGIN_HINT], &email) != NULL) {
        return NULL;
    }
    struct hint hint = {.domain = email.domain, .connection = S("")};
    reason why = store_read(op, gate->store, find_connection, &hint);
    *ret_connection = hint.connection;
    return why == REASON_OF(NOT_FOUND) ? NULL : why;
}

static reason sign_in_first(struct op *op, struct gate *gate, const struct ask *ask, bool anew,
                            struct reply *reply) {
    struct slice back;
    struct slice location;
    struct slice connection = S("");
    struct buf url;
    TRY(again(op, ask, anew, &back));
    if (!uri_is_local_path(back)) {
        return answer_error(op, gate, ask, reply, "invalid_request",
                            "the request is too long to come back to after a sign-in: shorten state, nonce or redirect_uri");
    }
    TRY(connection_of(op, gate, ask, &connection));
    buf_open(&url, op, LOCATION_MAX);
    if (connection.len > 0) {
        struct slice part;
        TRY(encode_url(op, connection, &part));
        buf_printf(&url, "/saml/%.*s/login", SLICE(part));
    } else {
        buf_str(&url, "/login");
    }
    TRY(add(op, &url, '?', "return_to", back));
    if (connection.len > 0 && anew) {
        TRY(add(op, &url, '&', "force_authn", S("true")));
    } else if (connection.len == 0 && ask->at[LOGIN_HINT].len > 0) {
        TRY(add(op, &url, '&', "email", ask->at[LOGIN_HINT]));
    }
    TRY(buf_done(&url, &location));
    reply_redirect(reply, 302, location);
    reply_header(reply, "Cache-Control", S("no-store"));
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

reason web_authorize(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct ask ask = {.twice = false};
    TRY(read_ask(op, request, &ask));
    TRY(check_application(op, gate, &ask));
    struct fault fault = fault_of(&ask);
    if (fault.error != NULL) {
        return answer_error(op, gate, &ask, reply, fault.error, fault.description);
    }
    TRY(look_at_session(op, gate, request, &ask));
    bool anew = ask.view != NULL && is_stale(op, &ask);
    if (ask.view == NULL || anew) {
        if (is(&ask, PROMPT, "none")) {
            return answer_error(op, gate, &ask, reply, "login_required",
                                "nobody is signed in here, or not recently enough");
        }
        return sign_in_first(op, gate, &ask, anew || has_word(ask.at[PROMPT], "login"), reply);
    }
    if (!application_serves(&ask.application, ask.view->session.tenant)) {
        return answer_error(op, gate, &ask, reply, "access_denied",
                            "this application is not for the tenant that the person signed in to");
    }
    if (!limits_code(gate->limits, ask.view->session.id)) {
        return answer_error(op, gate, &ask, reply, "temporarily_unavailable",
                            "too many codes for one sign-in; try again in a minute");
    }
    return give_code(op, gate, &ask, reply);
}
