// SPDX-License-Identifier: GPL-3.0-or-later
// What applications read: the public keys, the discovery document, and whether a token is still worth anything.
#include "base/clock.h"
#include "http/web/web.h"

reason web_jwks(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    (void)request;
    struct slice json;
    TRY(keyring_jwks(op, gate->keyring, &json));
    reply_text(reply, 200, "application/jwk-set+json", json);
    reply_header(reply, "Cache-Control", S("public, max-age=300"));
    return NULL;
}

static void set_url(struct op *op, const struct gate *gate, struct json *body, const char *name,
                    const char *path) {
    json_set_text(op, body, name, op_text(op, "%.*s%s", SLICE(gate->settings->public_url), path));
}

static void set_one(struct op *op, struct json *body, const char *name, const char *value) {
    struct json *list = json_array(op);
    json_add_text(op, list, slice_str(value));
    json_set(op, body, name, list);
}

// RFC 8414: only what is there. Sign-in is by SAML, so there is no authorization endpoint to name.
reason web_discovery(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    (void)request;
    struct json *body = json_object(op);
    json_set_text(op, body, "issuer", gate->settings->public_url);
    set_url(op, gate, body, "jwks_uri", "/.well-known/jwks.json");
    set_url(op, gate, body, "introspection_endpoint", "/oauth2/introspect");
    set_one(op, body, "introspection_endpoint_auth_methods_supported", "bearer");
    set_url(op, gate, body, "end_session_endpoint", "/logout");
    json_set(op, body, "response_types_supported", json_array(op));
    json_set(op, body, "grant_types_supported", json_array(op));
    set_one(op, body, "subject_types_supported", "public");
    set_one(op, body, "id_token_signing_alg_values_supported", "ES256");
    set_one(op, body, "access_token_signing_alg_values_supported", "ES256");
    set_url(op, gate, body, "service_documentation", "/api/v1/openapi.json");
    TRY(reply_json(op, reply, 200, body));
    return NULL;
}

struct lookup {
    struct slice session;
    struct session_view view;
};
static reason read_session(struct op *op, struct txn *txn, void *arg) {
    struct lookup *lookup = arg;
    return session_find(op, txn, lookup->session, &lookup->view);
}

// Does this caller get to know about that token? Operators; the token's own session; administrators of its tenant.
static bool may_know(const struct request *request, const struct claims *claims) {
    const struct actor *actor = &request->actor;
    if (actor->kind == ACTOR_OPERATOR) {
        return true;
    }
    return slice_equal(actor->tenant, claims->tenant) &&
           (slice_equal(actor->session, claims->session) ||
            permission_may(actor->permissions, "users:view"));
}

static struct json *claims_json(struct op *op, const struct gate *gate,
                                const struct claims *claims) {
    struct json *body = json_object(op);
    json_set_bool(op, body, "active", true);
    json_set_str(op, body, "token_type", "Bearer");
    json_set_text(op, body, "iss", gate->settings->public_url);
    json_set_text(op, body, "aud", gate->settings->public_url);
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

// RFC 7662. Roles are those of now, not those of when the token was made.
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
        struct lookup lookup = {.session = claims.session};
        why = store_read(op, gate->store, read_session, &lookup);
        if (why == REASON_OF(UNAUTHENTICATED)) {
            return reply_json(op, reply, 200, dead);
        }
        TRY(why);
        json_set_text(op, body, "sid", claims.session);
        json_set_text(op, body, "tenant", lookup.view.session.tenant);
        json_set_texts(op, body, "roles", lookup.view.roles);
        json_set_number(op, body, "rv", lookup.view.membership.rv);
        json_set_number(op, body, "auth_time", lookup.view.session.authenticated_at / SECOND_MS);
    }
    return reply_json(op, reply, 200, body);
}
