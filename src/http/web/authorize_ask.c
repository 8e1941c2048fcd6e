// SPDX-License-Identifier: GPL-3.0-or-later
// What an application asks for, and what is wrong with it.
#include "http/web/authorize.h"

#include "base/digest.h"
#include "base/encode.h"
#include "base/text.h"
#include "base/uri.h"

const char *const parameter_names[PARAMETERS] = {
    [RESPONSE_TYPE] = "response_type",
    [CLIENT_ID] = "client_id",
    [REDIRECT_URI] = "redirect_uri",
    [SCOPE] = "scope",
    [STATE] = "state",
    [NONCE] = "nonce",
    [CODE_CHALLENGE] = "code_challenge",
    [CODE_CHALLENGE_METHOD] = "code_challenge_method",
    [CONNECTION] = "connection", // ours: sign in through this one
    [MAX_AGE] = "max_age",
    [SINCE] = "since", // ours: of a session that began since then, in ms
    [PROMPT] = "prompt",
    [LOGIN_HINT] = "login_hint",
    [ID_TOKEN_HINT] = "id_token_hint",
    [RESPONSE_MODE] = "response_mode",
    [REQUEST] = "request",
    [REQUEST_URI] = "request_uri",
};

reason ask_add(struct op *op, struct buf *url, char before, const char *name,
               struct slice value) {
    struct slice encoded;
    TRY(encode_url(op, value, &encoded));
    buf_byte(url, (uint8_t)before);
    buf_str(url, name);
    buf_byte(url, '=');
    buf_put(url, encoded);
    return NULL;
}

reason ask_read(struct op *op, const struct request *request, struct ask *ask) {
    for (size_t i = 0; i < PARAMETERS; i++) {
        reason why = request->method == METHOD_POST
                         ? request_form(op, request, parameter_names[i], &ask->at[i])
                         : request_query(op, request, parameter_names[i], &ask->at[i]);
        if (why == REASON_OF(INVALID_INPUT)) {
            ask->twice = true;
            why = NULL;
            ask->at[i] = SLICE_NONE;
        }
        TRY(why);
        ask->at[i] = ask->at[i].len > 0 ? ask->at[i] : SLICE_NONE;
    }
    return NULL;
}

bool ask_is(const struct ask *ask, enum parameter parameter, const char *value) {
    return slice_equal(ask->at[parameter], slice_str(value));
}

bool ask_has_word(const struct ask *ask, enum parameter parameter, const char *word) {
    return ask->at[parameter].at != NULL && scope_has(ask->at[parameter], word);
}

static bool is_number(struct slice text, int64_t most) {
    uint64_t number = 0;
    return text.at == NULL || text_u64(text, (uint64_t)most, &number);
}

static bool is_challenge(struct op *op, struct slice text) {
    struct slice bytes;
    return text.len == CHALLENGE_TEXT && decode_base64url(op, text, &bytes) &&
           bytes.len == sizeof(struct sha256);
}

// Whoever asks: an application whose requests are too long would else notice with the first who is not signed in.
static reason can_come_back(struct op *op, const struct ask *ask, bool *ret_can) {
    struct slice path;
    size_t len = 0;
    for (size_t i = 0; i < SINCE; i++) {
        len += ask->at[i].len;
    }
    *ret_can = len <= URI_MAX; // past it there is no room to write it down
    if (*ret_can) {
        TRY(ask_again(op, ask, true, &path));
        *ret_can = uri_is_local_path(path);
    }
    return NULL;
}

reason ask_fault(struct op *op, const struct ask *ask, struct fault *ret_fault) {
    bool can = false;
    TRY(can_come_back(op, ask, &can));
    const struct fault faults[] = {
        {ask->twice ? "invalid_request" : NULL, "a parameter came twice, or is not encoded as a form"},
        {ask->at[REQUEST].at != NULL ? "request_not_supported" : NULL,
         "write the parameters out: request objects are not read here"},
        {ask->at[REQUEST_URI].at != NULL ? "request_uri_not_supported" : NULL,
         "write the parameters out: request objects are not fetched here"},
        {ask_is(ask, RESPONSE_TYPE, "code") ? NULL
         : ask->at[RESPONSE_TYPE].at == NULL ? "invalid_request" : "unsupported_response_type",
         "response_type must be code"},
        {ask->at[RESPONSE_MODE].at == NULL || ask_is(ask, RESPONSE_MODE, "query") ? NULL
                                                                              : "invalid_request",
         "response_mode can only be query"},
        {ask->at[STATE].len <= STATE_MAX ? NULL : "invalid_request", "state is too long"},
        {ask->at[NONCE].len <= NONCE_MAX ? NULL : "invalid_request", "nonce is too long"},
        {ask_is(ask, CODE_CHALLENGE_METHOD, "S256") && is_challenge(op, ask->at[CODE_CHALLENGE])
             ? NULL
             : "invalid_request",
         "PKCE is needed: code_challenge, the SHA-256 of the verifier in base64url, with code_challenge_method S256"},
        {ask_has_word(ask, PROMPT, "none") && ask->at[PROMPT].len != 4 ? "invalid_request" : NULL,
         "prompt none goes with no other"},
        {is_number(ask->at[MAX_AGE], MAX_AGE_MOST) && is_number(ask->at[SINCE], INT64_MAX)
             ? NULL
             : "invalid_request",
         "max_age must be a number of seconds from 0 up"},
        {can ? NULL : "invalid_request",
         "the request is too long to come back to after a sign-in: shorten state, nonce, scope or redirect_uri"},
        {NULL, NULL},
    };
    size_t i = 0;
    while (faults[i].error == NULL && faults[i].description != NULL) {
        i++;
    }
    *ret_fault = faults[i];
    return NULL;
}

// Unknown words are left out, as OpenID Connect has it; the answer with the tokens says what is left.
static struct slice scope_of(struct op *op, const struct ask *ask) {
    static const char *const words[] = {SCOPE_OPENID, SCOPE_PROFILE, SCOPE_EMAIL, SCOPE_API};
    struct buf scope;
    buf_open(&scope, op, 64);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        bool may = strcmp(words[i], SCOPE_API) != 0 || ask->application.api;
        if (may && ask_has_word(ask, SCOPE, words[i])) {
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

reason ask_application(struct op *op, struct gate *gate, struct ask *ask) {
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

reason ask_again(struct op *op, const struct ask *ask, bool anew, struct slice *ret_path) {
    struct buf url;
    char before = '?';
    buf_open(&url, op, LOCATION_MAX);
    buf_str(&url, AUTHORIZE_PATH);
    for (size_t i = 0; i < SINCE; i++) {
        if (ask->at[i].at != NULL) {
            TRY(ask_add(op, &url, before, parameter_names[i], ask->at[i]));
            before = '&';
        }
    }
    struct slice since = anew ? op_text(op, "%lld", (long long)op->now) : ask->at[SINCE];
    if (since.at != NULL) {
        TRY(ask_add(op, &url, before, parameter_names[SINCE], since));
    }
    return buf_done(&url, ret_path);
}
