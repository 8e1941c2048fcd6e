// SPDX-License-Identifier: GPL-3.0-or-later
// Access tokens that are there already: what one is worth (RFC 7662), and ending one before its time (RFC 7009).
#include "base/clock.h"
#include "http/web/oauth.h"
#include "http/web/web.h"

// ---- introspection ----

struct lookup {
    struct slice session;
    struct session_view view;
};
static reason read_session(struct op *op, struct txn *txn, void *arg) {
    struct lookup *lookup = arg;
    return session_find(op, txn, lookup->session, &lookup->view);
}

// Does this caller get to know about that token? Operators; whose token it is; administrators of its tenant, people or
// programs.
static bool may_know(const struct request *request, const struct claims *claims) {
    const struct actor *actor = &request->actor;
    if (actor->kind == ACTOR_OPERATOR) {
        return true;
    }
    if (request->authorization.len > 0) { // an application learns about its own, whatever the person may
        return slice_equal(request->authorization, claims->authorization);
    }
    bool own = actor->kind == ACTOR_SERVICE
                   ? slice_equal(actor->id, claims->subject)
                   : claims->session.len > 0 && slice_equal(actor->session, claims->session);
    return slice_equal(actor->tenant, claims->tenant) &&
           (own || permission_may(actor->permissions, "users:view"));
}

static struct json *claims_json(struct op *op, const struct gate *gate,
                                const struct claims *claims) {
    struct json *body = json_object(op);
    json_set_bool(op, body, "active", true);
    json_set_str(op, body, "token_type", "Bearer");
    json_set_text(op, body, "iss", gate->settings->public_url);
    json_set_text(op, body, "aud", token_audience(gate->settings->public_url, claims));
    json_set_text(op, body, "sub", claims->subject);
    json_set_text(op, body, "jti", claims->token_id);
    json_set_text(op, body, "client_id", claims->client_id);
    json_set_number(op, body, "iat", claims->issued_at / SECOND_MS);
    json_set_number(op, body, "exp", claims->expires_at / SECOND_MS);
    if (claims->scope.len > 0) {
        json_set_text(op, body, "scope", claims->scope);
    }
    return body;
}

static reason add_session(struct op *op, struct gate *gate, const struct request *request,
                          const struct claims *claims, struct json *body) {
    struct lookup lookup = {.session = claims->session};
    // Who asks about the own token was looked up a moment ago.
    bool own = request->actor.kind == ACTOR_USER &&
               slice_equal(request->actor.session, claims->session) &&
               slice_equal(request->authorization, claims->authorization);
    const struct session_view *view = own ? &request->session : &lookup.view;
    if (token_is_of_application(claims)) {
        struct slice scope = request->scope;
        TRY(own ? NULL : guard_application(op, gate, claims, &lookup.view, &scope));
        json_set_text(op, body, "scope", scope);
    } else {
        TRY(own ? NULL : store_read(op, gate->store, read_session, &lookup));
    }
    json_set_text(op, body, "sid", claims->session);
    json_set_text(op, body, "tenant", view->session.tenant);
    json_set_texts(op, body, "roles", view->roles);
    json_set_number(op, body, "rv", view->rv);
    json_set_number(op, body, "auth_time", view->session.authenticated_at / SECOND_MS);
    return NULL;
}

static reason add_service(struct op *op, struct gate *gate, const struct claims *claims,
                          struct json *body) {
    struct service_view view;
    TRY(guard_service(op, gate, claims, &view));
    json_set_text(op, body, "tenant", view.user.tenant);
    json_set_text(op, body, "username", view.user.name);
    json_set_text(op, body, "credential", view.credential);
    json_set_texts(op, body, "roles", view.roles);
    json_set_number(op, body, "rv", view.user.rv);
    return NULL;
}

// Roles are those of now, not those of when the token was made.
reason web_introspect(struct op *op, struct gate *gate, struct request *request,
                      struct reply *reply) {
    struct slice token;
    struct claims claims;
    TRY(request_form(op, request, "token", &token));
    if (token.at == NULL) {
        REFUSE(op, INVALID_INPUT, "the form field token is missing");
    }
    struct json *dead = json_object(op);
    json_set_bool(op, dead, "active", false);
    reason why = token_check(op, gate->keyring, gate->settings->public_url, token, &claims);
    if (why != NULL || !may_know(request, &claims)) {
        return why == NULL || why == REASON_OF(UNAUTHENTICATED) ? reply_json(op, reply, 200, dead)
                                                                : why;
    }
    struct json *body = claims_json(op, gate, &claims);
    if (claims.session.len > 0) {
        why = add_session(op, gate, request, &claims, body);
    } else if (claims.credential.len > 0) {
        why = add_service(op, gate, &claims, body);
    }
    if (why == REASON_OF(UNAUTHENTICATED)) {
        return reply_json(op, reply, 200, dead);
    }
    TRY(why);
    return reply_json(op, reply, 200, body);
}

// ---- revocation ----

struct ending {
    const struct claims *claims;
    struct actor actor;
};
static reason end_it(struct op *op, struct txn *txn, void *arg) {
    struct ending *ending = arg;
    const struct claims *claims = ending->claims;
    bool there = false;
    if (claims->session.len > 0) {
        return session_end(op, txn, &ending->actor, claims->session, &there);
    }
    return service_revoke_token(op, txn, &ending->actor, claims->tenant, claims->subject,
                                claims->token_id, claims->expires_at);
}

// A person's token is a view of the session, which is the grant behind it: that ends (RFC 7009 section 2.1), and who holds the
// token may do so, as with any public client. A service user's ends alone, and only its client may end it.
static reason end_token(struct op *op, struct gate *gate, struct request *request,
                        const struct claims *claims) {
    struct ending ending = {.claims = claims,
                            .actor = {.kind = claims->session.len > 0 ? ACTOR_USER : ACTOR_SERVICE,
                                      .id = claims->subject,
                                      .tenant = claims->tenant,
                                      .session = claims->session.len > 0 ? claims->session
                                                                         : claims->credential,
                                      .address = request->address}};
    return store_write(op, gate->store, end_it, &ending);
}

// Of a person's session, or of a service user.
static reason revoke_other(struct op *op, struct gate *gate, struct request *request,
                           struct reply *reply, struct slice token) {
    struct oauth_client client;
    struct claims claims;
    TRY(oauth_client(op, gate, request, reply, &client));
    if (client.shown && !client.ok) {
        return NULL;
    }
    reason why = token_check(op, gate->keyring, gate->settings->public_url, token, &claims);
    if (why == REASON_OF(UNAUTHENTICATED)) { // it is worth nothing already
        reply_empty(reply, 200);
        return NULL;
    }
    TRY(why);
    if (claims.session.len == 0 && claims.credential.len == 0) {
        return oauth_refuse(op, reply, OAUTH_UNSUPPORTED_TOKEN_TYPE,
                            "an operator's token ends by itself and cannot be revoked");
    }
    if (client.ok && !slice_equal(claims.client_id, client.view.user.id)) {
        return oauth_refuse(op, reply, OAUTH_UNAUTHORIZED_CLIENT,
                            "the token was issued to another client");
    }
    if (!client.ok && (claims.credential.len > 0 || claims.authorization.len > 0)) {
        return oauth_refuse(op, reply, OAUTH_INVALID_CLIENT,
                            "the token is revoked by its client: show its id, and its secret if it has one");
    }
    TRY(end_token(op, gate, request, &claims));
    reply_empty(reply, 200);
    return NULL;
}

static reason revoke(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    struct slice token = SLICE_NONE;
    bool application = false;
    bool ok = false;
    TRY(oauth_field(op, request, reply, "token", &token, &ok));
    if (!ok) {
        return NULL;
    }
    if (token.len == 0) {
        return oauth_refuse(op, reply, OAUTH_INVALID_REQUEST, "the form field token is missing");
    }
    TRY(oauth_shows_application(op, request, reply, &application, &ok));
    if (!ok) {
        return NULL;
    }
    return application || authorization_is_refresh(token)
               ? oauth_revoke_application(op, gate, request, reply, token)
               : revoke_other(op, gate, request, reply, token);
}

reason web_revoke(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    TRY(revoke(op, gate, request, reply));
    oauth_open(reply);
    return NULL;
}
