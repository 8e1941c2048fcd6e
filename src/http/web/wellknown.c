// SPDX-License-Identifier: GPL-3.0-or-later
// What applications read: the public keys and the discovery document.
#include "http/web/oauth.h"
#include "http/web/web.h"

reason web_jwks(struct op *op, struct gate *gate, struct request *request, struct reply *reply) {
    (void)request;
    struct slice json;
    TRY(keyring_jwks(op, gate->keyring, &json));
    reply_text(reply, 200, "application/jwk-set+json", json);
    reply_header(reply, "Cache-Control", S("public, max-age=300"));
    oauth_open(reply);
    return NULL;
}

static const struct {
    const char *name;
    const char *values[10];
} lists[] = {
    {"response_types_supported", {"code"}},
    {"response_modes_supported", {"query"}},
    {"grant_types_supported", {"authorization_code", "refresh_token", "client_credentials"}},
    {"code_challenge_methods_supported", {"S256"}},
    {"scopes_supported", {SCOPE_OPENID, SCOPE_PROFILE, SCOPE_EMAIL, SCOPE_API}},
    {"claims_supported", {"sub", "tenant", "sid", "auth_time", "acr", "amr", "email", "name",
                          "given_name", "family_name"}},
    {"prompt_values_supported", {"none", "login"}},
    {"subject_types_supported", {"public"}},
    {"id_token_signing_alg_values_supported", {"ES256"}},
    {"access_token_signing_alg_values_supported", {"ES256"}},
    {"token_endpoint_auth_methods_supported", {"client_secret_basic", "client_secret_post", "none"}},
    {"revocation_endpoint_auth_methods_supported",
     {"client_secret_basic", "client_secret_post", "none"}},
    {"introspection_endpoint_auth_methods_supported", {"bearer"}},
};
static const struct {
    const char *name, *path;
} addresses[] = {
    {"jwks_uri", "/.well-known/jwks.json"},
    {"authorization_endpoint", "/oauth2/authorize"},
    {"token_endpoint", "/oauth2/token"},
    {"userinfo_endpoint", "/oauth2/userinfo"},
    {"revocation_endpoint", "/oauth2/revoke"},
    {"introspection_endpoint", "/oauth2/introspect"},
    {"end_session_endpoint", "/logout"},
    {"service_documentation", "/api/v1/openapi.json"},
};
// RFC 8414, OpenID Connect Discovery: only what is there.
reason web_discovery(struct op *op, struct gate *gate, struct request *request,
                     struct reply *reply) {
    (void)request;
    struct json *body = json_object(op);
    json_set_text(op, body, "issuer", gate->settings->public_url);
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        json_set_text(op, body, addresses[i].name,
                      op_text(op, "%.*s%s", SLICE(gate->settings->public_url), addresses[i].path));
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct json *list = json_array(op);
        for (size_t k = 0; k < sizeof lists[i].values / sizeof lists[i].values[0]; k++) {
            if (lists[i].values[k] != NULL) {
                json_add_text(op, list, slice_str(lists[i].values[k]));
            }
        }
        json_set(op, body, lists[i].name, list);
    }
    json_set_bool(op, body, "authorization_response_iss_parameter_supported", true);
    json_set_bool(op, body, "request_parameter_supported", false);
    json_set_bool(op, body, "request_uri_parameter_supported", false);
    TRY(reply_json(op, reply, 200, body));
    oauth_open(reply);
    return NULL;
}
