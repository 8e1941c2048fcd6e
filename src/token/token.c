// SPDX-License-Identifier: GPL-3.0-or-later
// Access tokens, RFC 9068: written, signed and checked. One algorithm, ES256, pinned: the header of a token never
// chooses how it is checked.
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/rand.h"
#include "domain/sign_in.h"
#include "token/token_parts.h"

#define CLOCK_TOLERANCE (60 * SECOND_MS) // between gates: a token made a moment ago elsewhere
#define TOKEN_TYPE "at+jwt"

AUTO_FREE(cjose_jws_t, cjose_jws_release);
AUTO_FREE(cjose_header_t, cjose_header_release);

static void write_tenant(struct op *op, struct json *body, const struct claims *claims) {
    json_set_text(op, body, "tenant", claims->tenant);
    if (claims->roles.count <= TOKEN_ROLES_MAX) {
        json_set_texts(op, body, "roles", claims->roles);
    }
    json_set_number(op, body, "rv", claims->rv);
}

// How somebody signed in, as both kinds of token say it.
void token_write_sign_in(struct op *op, struct json *body, const struct sign_in_facts *facts) {
    json_set_text(op, body, "sid", facts->session);
    json_set_number(op, body, "auth_time", facts->authenticated_at / SECOND_MS);
    struct json *amr = json_array(op);
    json_add_text(op, amr, facts->by_password ? S("pwd") : S("saml"));
    if (facts->by_password && slice_equal(facts->acr, S(ACR_FACTORS))) {
        json_add_text(op, amr, S("otp"));
    }
    json_set(op, body, "amr", amr);
    json_set_text(op, body, "acr", facts->acr);
}

struct slice token_audience(struct slice public_url, const struct claims *claims) {
    bool alone = token_is_of_application(claims) && !scope_has(claims->scope, SCOPE_API);
    return alone ? claims->client_id : public_url;
}

static reason write_claims(struct op *op, struct slice public_url, const struct claims *claims,
                           struct slice *ret_json) {
    struct json *body = json_object(op);
    json_set_text(op, body, "iss", public_url);
    json_set_text(op, body, "sub", claims->subject);
    json_set_text(op, body, "aud", token_audience(public_url, claims));
    json_set_number(op, body, "exp", claims->expires_at / SECOND_MS);
    json_set_number(op, body, "iat", claims->issued_at / SECOND_MS);
    json_set_text(op, body, "jti", claims->token_id);
    json_set_text(op, body, "client_id", claims->client_id);
    if (claims->session.len > 0) {
        const struct sign_in_facts facts = {.session = claims->session,
                                            .acr = claims->acr,
                                            .authenticated_at = claims->authenticated_at,
                                            .by_password = claims->by_password};
        token_write_sign_in(op, body, &facts);
        write_tenant(op, body, claims);
        if (claims->authorization.len > 0) {
            json_set_text(op, body, "authorization", claims->authorization);
        }
    } else if (claims->credential.len > 0) {
        json_set_text(op, body, "credential", claims->credential);
        write_tenant(op, body, claims);
    }
    json_set_text(op, body, "scope", claims->scope);
    return json_print(op, body, false, ret_json);
}

reason token_sign(struct op *op, struct keyring *keyring, const char *type, struct slice payload,
                  struct slice *ret_token) {
    const struct token_key *key = keyring_signer(keyring);
    cjose_err error;
    AUTO(cjose_header_t) header = cjose_header_new(&error);
    if (header == NULL || !cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, &error) ||
        !cjose_header_set(header, "typ", type, &error) ||
        !cjose_header_set(header, CJOSE_HDR_KID, key->kid, &error)) {
        REFUSE(op, LIMIT_MEMORY, "no memory for a token");
    }
    AUTO(cjose_jws_t) jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)payload.at,
                                           payload.len, &error);
    const char *text = NULL;
    if (jws == NULL || !cjose_jws_export(jws, &text, &error)) {
        REFUSE(op, INTERNAL, "a token could not be signed: %s", error.message);
    }
    return op_copy(op, slice_str(text), ret_token); // text is the jws's own
}

reason token_issue(struct op *op, struct keyring *keyring, struct slice public_url,
                   const struct claims *claims, struct slice *ret_token) {
    struct slice payload;
    TRY(write_claims(op, public_url, claims, &payload));
    return token_sign(op, keyring, TOKEN_TYPE, payload, ret_token);
}

static bool header_is(cjose_header_t *header, const char *name, const char *want) {
    cjose_err error;
    const char *got = cjose_header_get(header, name, &error);
    return got != NULL && strcmp(got, want) == 0;
}

// Three parts in base64url, whole and without padding. cjose 0.6.2 does not refuse a '=' in the middle of a part: it
// ends the process.
static bool is_compact(struct op *op, struct slice token) {
    for (int part = 0; part < 3; part++) {
        const char *dot = token.len > 0 ? memchr(token.at, '.', token.len) : NULL;
        size_t end = dot != NULL ? (size_t)(dot - token.at) : token.len;
        struct slice bytes;
        if ((dot != NULL) != (part < 2) ||
            !decode_base64url(op, slice_sub(token, 0, end), &bytes) || bytes.len == 0) {
            return false;
        }
        token = slice_sub(token, end + 1, token.len);
    }
    return true;
}

// The payload of a token whose signature held before.
static bool known_payload(struct op *op, struct slice token, struct slice *ret_payload) {
    struct slice part;
    return slice_cut(&token, '.', &part) && slice_cut(&token, '.', &part) &&
           decode_base64url(op, part, ret_payload);
}

reason token_verify(struct op *op, const struct keyring *keyring, const char *type,
                    struct slice token, struct slice *ret_payload) {
    cjose_err error;
    if (token.len > TOKEN_TEXT_MAX) {
        REFUSE(op, UNAUTHENTICATED, "the access token is longer than %d bytes", TOKEN_TEXT_MAX);
    }
    if (!is_compact(op, token)) {
        REFUSE(op, UNAUTHENTICATED, "this is not an access token");
    }
    AUTO(cjose_jws_t) jws = cjose_jws_import(token.at, token.len, &error);
    if (jws == NULL) {
        REFUSE(op, UNAUTHENTICATED, "this is not an access token");
    }
    cjose_header_t *header = cjose_jws_get_protected(jws); // the jws's own
    const char *kid = cjose_header_get(header, CJOSE_HDR_KID, &error);
    const struct token_key *key = kid != NULL ? keyring_find(keyring, kid) : NULL;
    if (key == NULL || !header_is(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256) ||
        !header_is(header, "typ", type)) {
        REFUSE(op, UNAUTHENTICATED, "the access token is not one of this gate");
    }
    uint8_t *payload = NULL;
    size_t len = 0;
    if (!cjose_jws_verify(jws, key->jwk, &error) ||
        !cjose_jws_get_plaintext(jws, &payload, &len, &error)) {
        REFUSE(op, UNAUTHENTICATED, "the signature of the access token does not hold");
    }
    return op_copy(op, slice_of(payload, len), ret_payload);
}

// The same of an access token, of which only those are remembered: what is known need not be looked at for its typ again.
static reason verify(struct op *op, const struct keyring *keyring, struct slice token,
                     struct slice *ret_payload) {
    struct sha256 digest = digest_sha256(token);
    if (token.len <= TOKEN_TEXT_MAX && seen_has(keyring->seen, &digest) &&
        known_payload(op, token, ret_payload)) {
        return NULL;
    }
    TRY(token_verify(op, keyring, TOKEN_TYPE, token, ret_payload));
    seen_add(keyring->seen, &digest);
    return NULL;
}

static bool claim_text(const struct json *body, const char *name, struct slice *ret_text) {
    return json_text(json_get(body, name), ret_text) && ret_text->len > 0;
}

static bool claim_time(const struct json *body, const char *name, int64_t *ret_time) {
    int64_t seconds = 0;
    if (!json_number(json_get(body, name), &seconds) || seconds <= 0 || seconds > INT32_MAX * 8LL) {
        return false;
    }
    *ret_time = seconds * SECOND_MS;
    return true;
}

static reason read_roles(struct op *op, const struct json *list, struct texts *ret_roles) {
    size_t count = json_count(list);
    struct slice *roles = NULL;
    TRY(op_take(op, (count + 1) * sizeof *roles, &roles));
    for (size_t i = 0; i < count; i++) {
        if (!json_text(json_at(list, i), &roles[i])) {
            REFUSE(op, UNAUTHENTICATED, "the access token's roles are not texts");
        }
    }
    *ret_roles = (struct texts){roles, count};
    return NULL;
}

static reason read_claims(struct op *op, const struct json *body, struct claims *ret_claims) {
    struct claims claims = {.issued_at = 0};
    if (!claim_text(body, "sub", &claims.subject) || !claim_text(body, "jti", &claims.token_id) ||
        !claim_text(body, "client_id", &claims.client_id) ||
        !claim_time(body, "iat", &claims.issued_at) || !claim_time(body, "exp", &claims.expires_at)) {
        REFUSE(op, UNAUTHENTICATED, "the access token lacks a claim");
    }
    (void)json_text(json_get(body, "scope"), &claims.scope);
    (void)json_text(json_get(body, "sid"), &claims.session);
    (void)json_text(json_get(body, "credential"), &claims.credential);
    (void)json_text(json_get(body, "authorization"), &claims.authorization);
    (void)json_text(json_get(body, "tenant"), &claims.tenant);
    (void)json_text(json_get(body, "acr"), &claims.acr);
    (void)json_number(json_get(body, "rv"), &claims.rv);
    (void)claim_time(body, "auth_time", &claims.authenticated_at);
    TRY(read_roles(op, json_get(body, "roles"), &claims.roles));
    *ret_claims = claims;
    return NULL;
}

reason token_check(struct op *op, struct keyring *keyring, struct slice public_url,
                   struct slice token, struct claims *ret_claims) {
    struct slice payload;
    struct slice issuer;
    struct slice audience;
    struct claims claims;
    const struct json *body = NULL;
    TRY(verify(op, keyring, token, &payload));
    if (json_parse(op, payload, &body) != NULL || !json_is_object(body)) {
        REFUSE(op, UNAUTHENTICATED, "the access token's claims are not JSON");
    }
    TRY(read_claims(op, body, &claims));
    if (!claim_text(body, "iss", &issuer) || !slice_equal(issuer, public_url) ||
        !claim_text(body, "aud", &audience) ||
        !slice_equal(audience, token_audience(public_url, &claims))) {
        REFUSE(op, UNAUTHENTICATED, "the access token is for another gate than %.*s",
               SLICE(public_url));
    }
    if (claims.expires_at <= op->now) {
        REFUSE(op, UNAUTHENTICATED, "the access token expired %lld s ago",
               (long long)((op->now - claims.expires_at) / SECOND_MS));
    }
    if (claims.issued_at > op->now + CLOCK_TOLERANCE) {
        REFUSE(op, UNAUTHENTICATED, "the access token was made in the future; the clocks differ");
    }
    *ret_claims = claims;
    return NULL;
}

reason token_for_session(struct op *op, const struct session_view *view, int64_t lifetime,
                         struct claims *ret_claims) {
    const struct session *session = &view->session;
    int64_t expires = op->now + lifetime;
    struct claims claims = {
        .subject = view->user.id,
        .session = session->id,
        .tenant = session->tenant,
        .client_id = session->connection.len > 0 ? session->connection : S(TOKEN_CLIENT_PASSWORD),
        .by_password = session->connection.len == 0,
        .acr = session->authn_context,
        .roles = view->roles,
        .scope = S(""),
        .issued_at = op->now,
        // No token outlives its session.
        .expires_at = expires < session->expires_at ? expires : session->expires_at,
        .authenticated_at = session->authenticated_at,
        .rv = view->rv,
    };
    TRY(rand_ulid(op, S("tok_"), &claims.token_id));
    *ret_claims = claims;
    return NULL;
}

reason token_for_application(struct op *op, const struct session_view *view, int64_t lifetime,
                             const struct authorization *authorization, struct slice scope,
                             struct claims *ret_claims) {
    TRY(token_for_session(op, view, lifetime, ret_claims));
    ret_claims->client_id = authorization->application;
    ret_claims->authorization = authorization->id;
    ret_claims->scope = scope;
    return NULL;
}

static int64_t sooner(int64_t time, int64_t end) {
    return end != 0 && end < time ? end : time;
}

reason token_for_service(struct op *op, const struct service_view *view, int64_t lifetime,
                         struct claims *ret_claims) {
    const struct service_user *user = &view->user;
    const struct credential *credentials = user->credentials.at;
    struct claims claims = {
        .subject = user->id,
        .credential = view->credential,
        .tenant = user->tenant,
        .client_id = user->id,
        .roles = view->roles,
        .scope = S(""),
        .issued_at = op->now,
        .expires_at = sooner(op->now + lifetime, user->expires_at),
        .rv = user->rv,
    };
    for (size_t i = 0; i < user->credentials.count; i++) {
        if (slice_equal(credentials[i].id, view->credential)) {
            claims.expires_at = sooner(claims.expires_at, credentials[i].expires_at);
        }
    }
    TRY(rand_ulid(op, S("tok_"), &claims.token_id));
    *ret_claims = claims;
    return NULL;
}
