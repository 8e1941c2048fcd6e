// SPDX-License-Identifier: GPL-3.0-or-later
// What an application does with the code that a browser brought it: changes it into tokens, gets new ones before they end,
// ends them (RFC 6749 sections 4.1.3 and 6, RFC 7009); and who signed in (OpenID Connect Core section 5.3).
#include "base/clock.h"
#include "base/metric.h"
#include "http/limits.h"
#include "http/web/oauth.h"
#include "http/web/web.h"

#define GRANT_KEY_TEXT 26 // characters of a code or refresh token that say which row it is of

// ---- the answer ----

static reason tokens(struct op *op, struct gate *gate, const struct authorization_work *work,
                     struct reply *reply) {
    const struct settings *settings = gate->settings;
    const struct authorization *authorization = &work->authorization;
    struct slice scope = authorization->scope;
    struct claims claims;
    struct slice access;
    if (!work->application.api) { // it may have had it when the person signed in
        TRY(scope_without(op, scope, SCOPE_API, &scope));
    }
    TRY(token_for_application(op, &work->view, settings->token_lifetime, authorization, scope,
                              &claims));
    TRY(token_issue(op, gate->keyring, settings->public_url, &claims, &access));
    struct json *body = json_object(op);
    json_set_text(op, body, "access_token", access);
    json_set_str(op, body, "token_type", "Bearer");
    json_set_number(op, body, "expires_in", (claims.expires_at - op->now) / SECOND_MS);
    json_set_text(op, body, "refresh_token", work->refresh_given);
    json_set_text(op, body, "scope", scope);
    if (scope_has(scope, SCOPE_OPENID)) {
        struct slice id_token;
        TRY(id_token_issue(op, gate->keyring, settings->public_url, &work->view,
                           settings->token_lifetime, work->application.id, scope, work->nonce,
                           &id_token));
        json_set_text(op, body, "id_token", id_token);
    }
    metric_add(METRIC_APPLICATION_TOKENS, 1);
    TRY(reply_json(op, reply, 200, body));
    reply_header(reply, "Pragma", S("no-cache"));
    return NULL;
}

// ---- the grants ----

static struct authorization_work work_of(const struct gate *gate, const struct request *request) {
    return (struct authorization_work){.key = gate->ticket_key, .address = request->address};
}

// Nothing is written for a text that this gate did not make; and one row gives only so many tokens in a minute.
static reason settle(struct op *op, struct gate *gate, struct request *request, struct reply *reply,
                     struct authorization_work *work, store_fn run) {
    struct slice shown = work->code.at != NULL ? work->code : work->refresh;
    bool ok = false;
    TRY(oauth_application(op, gate, request, reply, &work->application, &ok));
    if (!ok) {
        return NULL;
    }
    if (!authorization_is_ours(op, work)) {
        return oauth_refuse(op, reply, OAUTH_INVALID_GRANT, "this was not given by this gate");
    }
    if (!limits_token(gate->limits, slice_sub(shown, 0, GRANT_KEY_TEXT))) {
        return oauth_refuse(op, reply, OAUTH_RATE_LIMITED,
                            "too many tokens in a minute; keep one until it ends");
    }
    TRY(store_write(op, gate->store, run, work));
    if (work->refused != NULL) {
        return oauth_refuse(op, reply, OAUTH_INVALID_GRANT, work->refused);
    }
    return tokens(op, gate, work, reply);
}

struct wanted {
    const char *name;
    struct slice *value;
};
// All of them have to be there.
static reason read_fields(struct op *op, const struct request *request, struct reply *reply,
                          const struct wanted *wanted, size_t count, bool *ret_ok) {
    for (size_t i = 0; i < count; i++) {
        TRY(oauth_field(op, request, reply, wanted[i].name, wanted[i].value, ret_ok));
        if (!*ret_ok) {
            return NULL;
        }
        if (wanted[i].value->len == 0) {
            *ret_ok = false;
            const char *text = NULL;
            TRY(op_cstr(op, op_text(op, "%s is missing", wanted[i].name), &text));
            return oauth_refuse(op, reply, OAUTH_INVALID_REQUEST, text);
        }
    }
    *ret_ok = true;
    return NULL;
}

reason oauth_change_code(struct op *op, struct gate *gate, struct request *request,
                         struct reply *reply) {
    struct authorization_work work = work_of(gate, request);
    const struct wanted wanted[] = {{"code", &work.code},
                                    {"redirect_uri", &work.redirect_uri},
                                    {"code_verifier", &work.verifier}};
    bool ok = false;
    TRY(read_fields(op, request, reply, wanted, 3, &ok));
    return ok ? settle(op, gate, request, reply, &work, authorization_change) : NULL;
}

reason oauth_refresh(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct authorization_work work = work_of(gate, request);
    const struct wanted wanted[] = {{"refresh_token", &work.refresh}};
    bool ok = false;
    TRY(read_fields(op, request, reply, wanted, 1, &ok));
    return ok ? settle(op, gate, request, reply, &work, authorization_refresh) : NULL;
}

struct ending {
    struct authorization_work work;
    struct slice id; // of the authorization, that an access token names
};
static reason end_it(struct op *op, struct txn *txn, void *arg) {
    struct ending *ending = arg;
    return ending->id.len > 0 ? authorization_end(op, txn, &ending->work, ending->id)
                              : authorization_revoke(op, txn, &ending->work);
}

// What is worth nothing already is answered as what was ended (RFC 7009 section 2.2).
reason oauth_revoke_application(struct op *op, struct gate *gate, struct request *request,
                                struct reply *reply, struct slice token) {
    struct ending ending = {.work = work_of(gate, request)};
    struct claims claims = {.authorization = S("")};
    bool ok = false;
    TRY(oauth_application(op, gate, request, reply, &ending.work.application, &ok));
    if (!ok) {
        return NULL;
    }
    ending.work.refresh = token;
    bool some = authorization_is_refresh(token) && authorization_is_ours(op, &ending.work);
    if (!some) {
        reason why = token_check(op, gate->keyring, gate->settings->public_url, token, &claims);
        if (why == NULL && !slice_equal(claims.client_id, ending.work.application.id)) {
            return oauth_refuse(op, reply, OAUTH_UNAUTHORIZED_CLIENT,
                                "the token was issued to another client");
        }
        some = why == NULL;
        TRY(why == REASON_OF(UNAUTHENTICATED) ? NULL : why);
    }
    ending.id = claims.authorization;
    TRY(some ? store_write(op, gate->store, end_it, &ending) : NULL);
    reply_empty(reply, 200);
    return NULL;
}

// ---- who it is ----

reason web_userinfo(struct op *op, struct gate *gate, struct request *request,
                    struct reply *reply) {
    (void)gate;
    if (request->actor.kind != ACTOR_USER || request->by_cookie) {
        REFUSE(op, UNAUTHENTICATED, "send an application's access token: Authorization: Bearer ...");
    }
    if (!scope_has(request->scope, SCOPE_OPENID)) {
        REFUSE(op, INSUFFICIENT_SCOPE, "the access token has no scope openid");
    }
    struct json *body = json_object(op);
    id_claims_write(op, body, &request->session, request->scope);
    return reply_json(op, reply, 200, body);
}
