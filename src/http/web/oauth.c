// SPDX-License-Identifier: GPL-3.0-or-later
// POST /oauth2/token: who the client is, and the grant of service users: one shows its secret and gets an access token (RFC 6749
// section 4.4). Nothing is written for it: that it was here is noted in memory. Applications' grants are in oauth_code.c.
#include "http/web/oauth.h"

#include "base/clock.h"
#include "base/encode.h"
#include "base/metric.h"
#include "http/limits.h"
#include "http/uses.h"
#include "http/web/web.h"

#define TOO_MANY "too many wrong secrets; try again in a minute"

static const struct {
    const char *name;
    unsigned status;
} errors[] = {
    [OAUTH_INVALID_REQUEST] = {"invalid_request", 400},
    [OAUTH_INVALID_GRANT] = {"invalid_grant", 400},
    [OAUTH_INVALID_CLIENT] = {"invalid_client", 401},
    [OAUTH_UNAUTHORIZED_CLIENT] = {"unauthorized_client", 400},
    [OAUTH_UNSUPPORTED_GRANT_TYPE] = {"unsupported_grant_type", 400},
    [OAUTH_INVALID_SCOPE] = {"invalid_scope", 400},
    [OAUTH_UNSUPPORTED_TOKEN_TYPE] = {"unsupported_token_type", 400},
    [OAUTH_RATE_LIMITED] = {"rate_limited", 429},
};

reason oauth_refuse(struct op *op, struct reply *reply, enum oauth_error error,
                    const char *description) {
    struct json *body = json_object(op);
    json_set_str(op, body, "error", errors[error].name);
    json_set_str(op, body, "error_description", description);
    *reply = (struct reply){.status = 0};
    TRY(reply_json(op, reply, errors[error].status, body));
    reply_header(reply, "Pragma", S("no-cache"));
    if (error == OAUTH_INVALID_CLIENT) {
        reply_header(reply, "WWW-Authenticate", S("Basic realm=\"gatehouse\""));
    }
    if (error == OAUTH_RATE_LIMITED) {
        reply_header(reply, "Retry-After", S("60"));
    }
    return NULL;
}

// A form, as the RFC has it; or an object with the same members, as programs that were written for other platforms
// send it.
static reason read_field(struct op *op, const struct request *request, const char *name,
                         struct slice *ret_value) {
    struct slice said = request_header(request, "Content-Type");
    struct slice type = said;
    const struct json *object = NULL;
    (void)slice_cut(&said, ';', &type);
    if (!slice_equal_nocase(slice_trim(type), S("application/json"))) {
        return request_form(op, request, name, ret_value);
    }
    TRY(request_json(op, request, &object));
    const struct json *value = json_get(object, name);
    *ret_value = SLICE_NONE;
    if (value != NULL && !json_is_null(value) && !json_text(value, ret_value)) {
        REFUSE(op, INVALID_INPUT, "%s has to be a text", name);
    }
    return NULL;
}

reason oauth_field(struct op *op, const struct request *request, struct reply *reply,
                   const char *name, struct slice *ret_value, bool *ret_ok) {
    reason why = read_field(op, request, name, ret_value);
    *ret_ok = why == NULL;
    if (why == REASON_OF(INVALID_INPUT) || why == REASON_OF(NOT_ACCEPTABLE) ||
        why == REASON_OF(MALFORMED_JSON)) {
        const char *detail = NULL;
        TRY(op_cstr(op, op->detail, &detail));
        return oauth_refuse(op, reply, OAUTH_INVALID_REQUEST, detail);
    }
    return why;
}

// ---- who is the client ----

struct look {
    struct oauth_shown shown;
    struct service_view *view;
    struct application *application;
    bool known;
};
static reason look_up(struct op *op, struct txn *txn, void *arg) {
    struct look *look = arg;
    return service_sign_in(op, txn, look->shown.id, look->shown.secret, look->view, &look->known);
}
static reason look_up_application(struct op *op, struct txn *txn, void *arg) {
    struct look *look = arg;
    return application_sign_in(op, txn, look->shown.id, look->shown.secret, look->application,
                               &look->known);
}

// RFC 6749 section 2.3.1: both parts are form-encoded inside the Basic credentials.
static bool read_basic(struct op *op, struct slice authorization,
                       struct oauth_shown *ret_shown) {
    struct slice scheme;
    struct slice pair;
    struct slice id;
    return slice_cut(&authorization, ' ', &scheme) && slice_equal_nocase(scheme, S("Basic")) &&
           authorization.at != NULL &&
           decode_base64(op, slice_trim(authorization), false, &pair) &&
           slice_cut(&pair, ':', &id) && pair.at != NULL &&
           decode_url(op, id, true, &ret_shown->id) &&
           decode_url(op, pair, true, &ret_shown->secret);
}

// Reads what was shown; *ret_ok false: the reply says what is wrong with it.
static reason read_shown(struct op *op, const struct request *request, struct reply *reply,
                         struct oauth_shown *ret_shown, bool *ret_there, bool *ret_ok) {
    struct slice authorization = request_header(request, "Authorization");
    struct slice secret = SLICE_NONE;
    struct slice id = SLICE_NONE;
    TRY(oauth_field(op, request, reply, "client_id", &id, ret_ok));
    if (*ret_ok) {
        TRY(oauth_field(op, request, reply, "client_secret", &secret, ret_ok));
    }
    *ret_there = authorization.len > 0 || secret.at != NULL;
    if (!*ret_ok) {
        return NULL;
    }
    *ret_shown = (struct oauth_shown){.id = id, .secret = secret};
    if (authorization.len == 0) {
        return NULL;
    }
    *ret_ok = false;
    if (secret.at != NULL) {
        return oauth_refuse(op, reply, OAUTH_INVALID_REQUEST,
                            "show the secret in one place: the Authorization header or the form");
    }
    if (!read_basic(op, authorization, ret_shown)) {
        return oauth_refuse(op, reply, OAUTH_INVALID_CLIENT,
                            "expected Authorization: Basic with client id and secret");
    }
    if (id.at != NULL && !slice_equal(id, ret_shown->id)) {
        return oauth_refuse(op, reply, OAUTH_INVALID_REQUEST,
                            "client_id is another one than that of the Authorization header");
    }
    *ret_ok = true;
    return NULL;
}

// Bad secrets of one address and one client are counted: another client behind the same proxy is not held up by them.
static reason check_shown(struct op *op, struct gate *gate, const struct request *request,
                          struct reply *reply, store_fn look_at, struct look *look, bool *ret_ok) {
    *ret_ok = false;
    if (!limits_secret_fits(gate->limits, request->address, look->shown.id)) {
        return oauth_refuse(op, reply, OAUTH_RATE_LIMITED, TOO_MANY);
    }
    reason why = store_read(op, gate->store, look_at, look);
    *ret_ok = why == NULL;
    if (why != REASON_OF(UNAUTHENTICATED)) {
        return why;
    }
    metric_add(METRIC_SERVICE_REFUSED, 1);
    if (!limits_bad_secret(gate->limits, request->address, look->known ? look->shown.id : S(""))) {
        return oauth_refuse(op, reply, OAUTH_RATE_LIMITED, TOO_MANY);
    }
    return oauth_refuse(op, reply, OAUTH_INVALID_CLIENT, "the client id or its secret is wrong");
}

reason oauth_client(struct op *op, struct gate *gate, struct request *request, struct reply *reply,
                    struct oauth_client *ret_client) {
    struct look look = {.view = &ret_client->view};
    bool shown = false;
    bool readable = false;
    TRY(read_shown(op, request, reply, &look.shown, &shown, &readable));
    ret_client->shown = shown || !readable;
    ret_client->ok = false;
    return readable && shown
               ? check_shown(op, gate, request, reply, look_up, &look, &ret_client->ok)
               : NULL;
}

reason oauth_shows_application(struct op *op, const struct request *request, struct reply *reply,
                               bool *ret_is, bool *ret_ok) {
    struct oauth_shown shown = {.id = SLICE_NONE};
    bool there = false;
    TRY(read_shown(op, request, reply, &shown, &there, ret_ok));
    *ret_is = *ret_ok && slice_starts(shown.id, S(APPLICATION_ID));
    return NULL;
}

reason oauth_application(struct op *op, struct gate *gate, struct request *request,
                         struct reply *reply, struct application *ret_application, bool *ret_ok) {
    struct look look = {.application = ret_application};
    bool shown = false;
    TRY(read_shown(op, request, reply, &look.shown, &shown, ret_ok));
    if (!*ret_ok) {
        return NULL;
    }
    if (look.shown.id.len == 0) {
        *ret_ok = false;
        return oauth_refuse(op, reply, OAUTH_INVALID_CLIENT, "client_id is missing");
    }
    return check_shown(op, gate, request, reply, look_up_application, &look, ret_ok);
}

// ---- the token ----

static reason issue(struct op *op, struct gate *gate, struct reply *reply,
                    const struct service_view *view) {
    struct claims claims;
    struct slice token;
    int64_t lifetime = view->user.token_lifetime > 0 ? view->user.token_lifetime * SECOND_MS
                                                     : gate->settings->service_token_lifetime;
    TRY(token_for_service(op, view, lifetime, &claims));
    TRY(token_issue(op, gate->keyring, gate->settings->public_url, &claims, &token));
    uses_note(gate->uses, view->user.id, view->user.tenant, view->credential, op->now, true);
    metric_add(METRIC_SERVICE_TOKENS, 1);
    struct json *body = json_object(op);
    json_set_text(op, body, "access_token", token);
    json_set_str(op, body, "token_type", "Bearer");
    json_set_number(op, body, "expires_in", (claims.expires_at - op->now) / SECOND_MS);
    TRY(reply_json(op, reply, 200, body));
    reply_header(reply, "Pragma", S("no-cache"));
    return NULL;
}

// RFC 6749 section 4.4.
static reason client_credentials(struct op *op, struct gate *gate, struct request *request,
                                 struct reply *reply) {
    struct slice scope = SLICE_NONE;
    struct oauth_client client;
    bool ok = false;
    TRY(oauth_field(op, request, reply, "scope", &scope, &ok));
    if (!ok) {
        return NULL;
    }
    if (scope.len > 0) {
        return oauth_refuse(op, reply, OAUTH_INVALID_SCOPE,
                            "a service user has no scopes: what it may are its roles");
    }
    TRY(oauth_client(op, gate, request, reply, &client));
    if (client.shown && !client.ok) {
        return NULL;
    }
    if (!client.shown) {
        return oauth_refuse(op, reply, OAUTH_INVALID_CLIENT, "no client id and secret were shown");
    }
    if (!limits_token(gate->limits, client.view.credential)) {
        return oauth_refuse(op, reply, OAUTH_RATE_LIMITED,
                            "too many tokens in a minute; keep one until it ends");
    }
    return issue(op, gate, reply, &client.view);
}

static const struct {
    const char *name;
    route_fn run;
} grants[] = {
    {"client_credentials", client_credentials},
    {"authorization_code", oauth_change_code},
    {"refresh_token", oauth_refresh},
};

static reason run_grant(struct op *op, struct gate *gate, struct request *request,
                        struct reply *reply) {
    struct slice grant = SLICE_NONE;
    bool ok = false;
    TRY(oauth_field(op, request, reply, "grant_type", &grant, &ok));
    if (!ok) {
        return NULL;
    }
    if (grant.len == 0) {
        return oauth_refuse(op, reply, OAUTH_INVALID_REQUEST, "grant_type is missing");
    }
    for (size_t i = 0; i < sizeof grants / sizeof grants[0]; i++) {
        if (slice_equal(grant, slice_str(grants[i].name))) {
            return grants[i].run(op, gate, request, reply);
        }
    }
    return oauth_refuse(op, reply, OAUTH_UNSUPPORTED_GRANT_TYPE,
                        "grant_type can be authorization_code, refresh_token or client_credentials");
}

// What no cookie opens a page of any site may read: it has to show a code and its verifier, or a token.
void oauth_open(struct reply *reply) {
    reply_header(reply, "Access-Control-Allow-Origin", S("*"));
}

reason web_token(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    TRY(run_grant(op, gate, request, reply));
    oauth_open(reply);
    return NULL;
}
