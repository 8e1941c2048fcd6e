// SPDX-License-Identifier: GPL-3.0-or-later
// Access tokens (RFC 9068, ES256 by cjose), the keys that sign them, and their public set.
#ifndef GATEHOUSE_TOKEN_TOKEN_H
#define GATEHOUSE_TOKEN_TOKEN_H

#include "base/json.h"
#include "domain/authorization.h"
#include "domain/session.h"

#define TOKEN_LIFETIME_DEFAULT (5 * MINUTE_MS)
#define TOKEN_TEXT_MAX 4096       // ours are under 1 KB
#define OPERATOR_TTL_DEFAULT 900  // seconds
#define OPERATOR_TTL_MAX 86400
#define TOKEN_CLIENT_PASSWORD "urn:gatehouse:password" // client_id of a session that no connection made
#define TOKEN_ROLES_MAX 32        // more roles than this do not fit a token of 1 KB: `roles` is left out

struct keyring; // P-256 keys: the newest signs, all verify; kid = RFC 7638 thumbprint

// Makes DIR/token-1.key (PEM, 0600) when there is no token-*.key yet. start.key_file.
MUST_USE reason keyring_make(struct op *op, const char *dir);
// start.key_file: which file, what is wrong, what to do.
MUST_USE reason keyring_open(struct op *op, const char *dir, struct keyring **ret_keyring);
void keyring_close(struct keyring *keyring);
// {"keys":[...]}: public parts only.
MUST_USE reason keyring_jwks(struct op *op, struct keyring *keyring, struct slice *ret_json);

struct claims {
    struct slice subject;   // user id, service user id, or "operator"
    struct slice token_id;  // jti
    struct slice session;   // sid of a person's; "" for operators and service users
    struct slice credential; // that a service user's was issued for, else ""
    struct slice authorization; // that an application's was issued for (domain/authorization.h), else ""
    struct slice tenant;
    struct slice client_id;
    struct slice acr;
    bool by_password;       // not by SAML; for what is issued, token_check does not set it
    struct texts roles;
    struct slice scope;     // "operator" for operators; what an application's token is good for; else ""
    int64_t issued_at, expires_at, authenticated_at; // ms
    int64_t rv;
};
// {"typ":"at+jwt","alg":"ES256","kid":...}. issuer and audience are public_url.
MUST_USE reason token_issue(struct op *op, struct keyring *keyring, struct slice public_url,
                            const struct claims *claims, struct slice *ret_token);
// Signature by one of ours, ES256 only, typ at+jwt, iss, aud (token_audience), exp, iat not in the future (60 s), all required claims.
// unauthenticated with what failed in the detail.
MUST_USE reason token_check(struct op *op, struct keyring *keyring, struct slice public_url,
                            struct slice token, struct claims *ret_claims);
// Claims for a session as it is now.
MUST_USE reason token_for_session(struct op *op, const struct session_view *view, int64_t lifetime,
                                  struct claims *ret_claims);
// The same for an application that the session's person signed in to: client_id is the application, and scope what it may here.
MUST_USE reason token_for_application(struct op *op, const struct session_view *view, int64_t lifetime,
                                      const struct authorization *authorization, struct slice scope,
                                      struct claims *ret_claims);
// Who it is for (aud): the gate and all services behind it, at public_url; or, of an application without the scope api, that
// application alone, so that it opens no other service.
struct slice token_audience(struct slice public_url, const struct claims *claims);
// Was this token issued to an application (domain/application.h)? No connection has such a name.
static inline bool token_is_of_application(const struct claims *claims) {
    return slice_starts(claims->client_id, S(APPLICATION_ID));
}
// The words of a scope that mean something here; "operator" is none that an application can have.
#define SCOPE_OPENID "openid"   // an ID token
#define SCOPE_PROFILE "profile" // names
#define SCOPE_EMAIL "email"
#define SCOPE_API "api"         // the access token is good at /api/v1, too
bool scope_has(struct slice scope, const char *word);
MUST_USE reason scope_without(struct op *op, struct slice scope, const char *word, struct slice *ret_scope);
// What an application learns of who signed in: an ID token (OpenID Connect Core section 2), ES256, typ JWT. lifetime in ms; never
// longer than the session. nonce "": the application gave none.
MUST_USE reason id_token_issue(struct op *op, struct keyring *keyring, struct slice public_url,
                               const struct session_view *view, int64_t lifetime,
                               struct slice application, struct slice scope, struct slice nonce,
                               struct slice *ret_token);
// Whom an ID token names that was issued here for this application, however long ago: it only says whom the application expects.
// unauthenticated.
MUST_USE reason id_token_subject(struct op *op, const struct keyring *keyring,
                                 struct slice public_url, struct slice application,
                                 struct slice token, struct slice *ret_subject);
// The claims about the person that a scope opens: sub, and tenant; names with profile, the address with email.
void id_claims_write(struct op *op, struct json *body, const struct session_view *view,
                     struct slice scope);
// Claims for a service user that showed its secret. lifetime in ms; no token outlives its service user or credential.
MUST_USE reason token_for_service(struct op *op, const struct service_view *view, int64_t lifetime,
                                  struct claims *ret_claims);

#endif
