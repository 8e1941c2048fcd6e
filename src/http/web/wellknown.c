// SPDX-License-Identifier: GPL-3.0-or-later
// What applications read: the public keys and the discovery document.
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

static const char *const client_methods[] = {"client_secret_basic", "client_secret_post", NULL};
static void set_all(struct op *op, struct json *body, const char *name,
                    const char *const *values) {
    struct json *list = json_array(op);
    for (; *values != NULL; values++) {
        json_add_text(op, list, slice_str(*values));
    }
    json_set(op, body, name, list);
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
    set_url(op, gate, body, "token_endpoint", "/oauth2/token");
    set_all(op, body, "token_endpoint_auth_methods_supported", client_methods);
    set_url(op, gate, body, "revocation_endpoint", "/oauth2/revoke");
    set_all(op, body, "revocation_endpoint_auth_methods_supported", client_methods);
    set_url(op, gate, body, "introspection_endpoint", "/oauth2/introspect");
    set_one(op, body, "introspection_endpoint_auth_methods_supported", "bearer");
    set_url(op, gate, body, "end_session_endpoint", "/logout");
    json_set(op, body, "response_types_supported", json_array(op));
    set_one(op, body, "grant_types_supported", "client_credentials");
    set_one(op, body, "subject_types_supported", "public");
    set_one(op, body, "id_token_signing_alg_values_supported", "ES256");
    set_one(op, body, "access_token_signing_alg_values_supported", "ES256");
    set_url(op, gate, body, "service_documentation", "/api/v1/openapi.json");
    TRY(reply_json(op, reply, 200, body));
    return NULL;
}
