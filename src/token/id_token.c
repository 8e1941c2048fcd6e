// SPDX-License-Identifier: GPL-3.0-or-later
// ID tokens (OpenID Connect Core): who signed in, for the application that asked. Its typ is another one than an access
// token's, and its audience the application, so that nothing takes it for an access token.
#include "base/clock.h"
#include "token/token_parts.h"

#define ID_TOKEN_TYPE "JWT"

bool scope_has(struct slice scope, const char *word) {
    struct slice part;
    while (scope.at != NULL && slice_cut(&scope, ' ', &part)) {
        if (slice_equal(part, slice_str(word))) {
            return true;
        }
    }
    return false;
}

reason scope_without(struct op *op, struct slice scope, const char *word, struct slice *ret_scope) {
    struct buf kept;
    struct slice part;
    buf_open(&kept, op, scope.len + 1);
    while (scope.at != NULL && slice_cut(&scope, ' ', &part)) {
        if (part.len > 0 && !slice_equal(part, slice_str(word))) {
            buf_str(&kept, kept.len > 0 ? " " : "");
            buf_put(&kept, part);
        }
    }
    return buf_done(&kept, ret_scope);
}

static void set_some(struct op *op, struct json *body, const char *name, struct slice value) {
    if (value.len > 0) {
        json_set_text(op, body, name, value);
    }
}

void id_claims_write(struct op *op, struct json *body, const struct session_view *view,
                     struct slice scope) {
    const struct user *user = &view->user;
    json_set_text(op, body, "sub", user->id);
    json_set_text(op, body, "tenant", view->session.tenant);
    if (scope_has(scope, SCOPE_EMAIL)) {
        set_some(op, body, "email", user->email);
    }
    if (scope_has(scope, SCOPE_PROFILE)) {
        bool both = user->first_name.len > 0 && user->last_name.len > 0;
        set_some(op, body, "given_name", user->first_name);
        set_some(op, body, "family_name", user->last_name);
        set_some(op, body, "name",
                 op_text(op, "%.*s%s%.*s", SLICE(user->first_name), both ? " " : "",
                         SLICE(user->last_name)));
    }
}

reason id_token_issue(struct op *op, struct keyring *keyring, struct slice public_url,
                      const struct session_view *view, int64_t lifetime, struct slice application,
                      struct slice scope, struct slice nonce, struct slice *ret_token) {
    const struct session *session = &view->session;
    int64_t expires = op->now + lifetime;
    struct json *body = json_object(op);
    json_set_text(op, body, "iss", public_url);
    json_set_text(op, body, "aud", application);
    json_set_number(op, body, "exp",
                    (expires < session->expires_at ? expires : session->expires_at) / SECOND_MS);
    json_set_number(op, body, "iat", op->now / SECOND_MS);
    set_some(op, body, "nonce", nonce);
    const struct sign_in_facts facts = {.session = session->id,
                                        .acr = session->authn_context,
                                        .authenticated_at = session->authenticated_at,
                                        .by_password = session->connection.len == 0};
    token_write_sign_in(op, body, &facts);
    id_claims_write(op, body, view, scope);
    struct slice payload;
    TRY(json_print(op, body, false, &payload));
    return token_sign(op, keyring, ID_TOKEN_TYPE, payload, ret_token);
}

static bool says(const struct json *body, const char *name, struct slice want) {
    struct slice text;
    return json_text(json_get(body, name), &text) && slice_equal(text, want);
}

reason id_token_subject(struct op *op, const struct keyring *keyring, struct slice public_url,
                        struct slice application, struct slice token, struct slice *ret_subject) {
    struct slice payload;
    const struct json *body = NULL;
    TRY(token_verify(op, keyring, ID_TOKEN_TYPE, token, &payload));
    if (json_parse(op, payload, &body) != NULL || !says(body, "iss", public_url) ||
        !says(body, "aud", application) || !json_text(json_get(body, "sub"), ret_subject)) {
        REFUSE(op, UNAUTHENTICATED, "the ID token is not one for this application");
    }
    return NULL;
}
