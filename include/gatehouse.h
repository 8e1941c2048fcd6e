/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libgatehouse: an application checks the access token of a Gatehouse by itself, without asking the gate.
 *
 *     gatehouse *gate = gatehouse_new("https://login.example", "https://login.example");
 *     gatehouse_set_keys(gate, jwks, jwks_len);         the text of /.well-known/jwks.json
 *     gatehouse_token *token;
 *     gatehouse_status status = gatehouse_check(gate, text, strlen(text), 0, &token);
 *     if (status == GATEHOUSE_OK && gatehouse_token_has_role(token, "admin")) ...
 *     gatehouse_token_free(token);
 *
 * What is checked: RFC 9068 with one algorithm. typ is at+jwt and alg is ES256, whatever else the token says;
 * kid names a key of the set; the signature holds; iss and aud are those that were given here; exp is ahead and
 * iat is not; sub, jti and client_id are there. A token that passed was issued by this gate and has not expired.
 * Whether its session was ended since, only the gate knows (/oauth2/introspect): tokens live for minutes.
 *
 * The library opens no connection and no file and needs libcrypto and jansson only. A `gatehouse` may be used by
 * any number of threads at once; a token belongs to one. C99; all names begin with gatehouse_ or GATEHOUSE_. */
#ifndef GATEHOUSE_H
#define GATEHOUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GATEHOUSE_API __attribute__((visibility("default")))
#else
#define GATEHOUSE_API
#endif

#define GATEHOUSE_TOKEN_MAX 4096     /* bytes of a token; the gate's are under 1024 */
#define GATEHOUSE_JWKS_MAX 65536     /* bytes of a key set */
#define GATEHOUSE_KEYS_MAX 16        /* keys of a set that are used */
#define GATEHOUSE_AGE_DEFAULT 300    /* seconds after which fetched keys are fetched anew */
#define GATEHOUSE_KEEP_DEFAULT 86400 /* seconds that they count when fetching fails */
#define GATEHOUSE_GAP_DEFAULT 10     /* seconds between two fetches, however many unknown kids come */
#define GATEHOUSE_LEEWAY_DEFAULT 60  /* seconds that clocks may differ */

typedef enum gatehouse_status {
    GATEHOUSE_OK = 0,
    GATEHOUSE_ERR_ARGUMENT,    /* a pointer that must be there is not */
    GATEHOUSE_ERR_MEMORY,
    GATEHOUSE_ERR_KEYS,        /* the text is no key set with an ES256 key in it, or is too long */
    GATEHOUSE_ERR_NO_KEYS,     /* no keys were given, fetching them fails, or they are too old */
    GATEHOUSE_ERR_TOO_LONG,    /* the token is */
    GATEHOUSE_ERR_MALFORMED,   /* not three parts of base64url with JSON objects in them */
    GATEHOUSE_ERR_TYPE,        /* typ is not at+jwt */
    GATEHOUSE_ERR_ALGORITHM,   /* alg is not ES256, or crit asks for more */
    GATEHOUSE_ERR_UNKNOWN_KEY, /* no key of the set has this kid */
    GATEHOUSE_ERR_SIGNATURE,
    GATEHOUSE_ERR_ISSUER,
    GATEHOUSE_ERR_AUDIENCE,
    GATEHOUSE_ERR_EXPIRED,
    GATEHOUSE_ERR_NOT_YET,     /* iat or nbf is in the future */
    GATEHOUSE_ERR_CLAIM        /* a claim that must be there is not, or is of the wrong kind */
} gatehouse_status;

/* One sentence, never NULL, also for a number that is none of these. */
GATEHOUSE_API const char *gatehouse_strerror(gatehouse_status status);
/* "0.1.0" */
GATEHOUSE_API const char *gatehouse_version(void);

/* ---- whom to trust ---- */

typedef struct gatehouse gatehouse;

/* issuer: the gate's public_url; audience: what tokens must name in aud: the gate's public_url, or the client id of
 * the application that the service is a part of, whose people's tokens without the scope api name that.
 * NULL: an argument is NULL or empty, or no memory. */
GATEHOUSE_API gatehouse *gatehouse_new(const char *issuer, const char *audience);
/* NULL-safe. No thread may use it any more; tokens that it checked stay good. */
GATEHOUSE_API void gatehouse_free(gatehouse *gate);

/* Replaces the keys. They count until they are replaced: give the present text each few minutes, or set a
 * fetcher. Keys that are not for ES256 signatures are passed over; a text that cannot be used leaves the keys
 * as they were. ERR_KEYS, ERR_MEMORY. */
GATEHOUSE_API gatehouse_status gatehouse_set_keys(gatehouse *gate, const char *jwks, size_t len);

/* Gets the text of the key set, by whatever the application has for that. *ret_jwks is freed by free(). Anything
 * but 0 says that it failed. Called from gatehouse_check, by one thread at a time, while others go on with the
 * keys that are there: when there are none, when they are older than `age`, and when a token names an unknown
 * one; never within `gap` seconds of the last time. */
typedef int (*gatehouse_fetcher)(void *arg, char **ret_jwks, size_t *ret_len);
/* Before the first check. */
GATEHOUSE_API void gatehouse_set_fetcher(gatehouse *gate, gatehouse_fetcher fetcher, void *arg);
/* Seconds; before the first check. keep: how long fetched keys count when fetching fails. */
GATEHOUSE_API void gatehouse_set_cache(gatehouse *gate, unsigned age, unsigned keep, unsigned gap);
/* Seconds that clocks may differ; before the first check. */
GATEHOUSE_API void gatehouse_set_leeway(gatehouse *gate, unsigned seconds);

/* ---- checking ---- */

typedef struct gatehouse_token gatehouse_token;

/* now: seconds since 1970, 0 = the system's clock. *ret_token is set on GATEHOUSE_OK, else NULL. The text need
 * not end in NUL. */
GATEHOUSE_API gatehouse_status gatehouse_check(gatehouse *gate, const char *text, size_t len, int64_t now,
                                               gatehouse_token **ret_token);
GATEHOUSE_API void gatehouse_token_free(gatehouse_token *token); /* NULL-safe */

/* ---- what a checked token says ----
 * Texts live as long as the token. NULL, 0 or false where the token does not say. */

GATEHOUSE_API const char *gatehouse_token_subject(const gatehouse_token *token);   /* sub: user or service user */
GATEHOUSE_API const char *gatehouse_token_id(const gatehouse_token *token);        /* jti */
GATEHOUSE_API const char *gatehouse_token_client(const gatehouse_token *token);    /* client_id */
GATEHOUSE_API const char *gatehouse_token_session(const gatehouse_token *token);   /* sid */
GATEHOUSE_API const char *gatehouse_token_tenant(const gatehouse_token *token);
GATEHOUSE_API const char *gatehouse_token_scope(const gatehouse_token *token);
GATEHOUSE_API int64_t gatehouse_token_issued_at(const gatehouse_token *token);     /* seconds since 1970 */
GATEHOUSE_API int64_t gatehouse_token_expires_at(const gatehouse_token *token);
GATEHOUSE_API int64_t gatehouse_token_authenticated_at(const gatehouse_token *token); /* auth_time */
GATEHOUSE_API int64_t gatehouse_token_roles_version(const gatehouse_token *token); /* rv: grows when roles change */
/* Any claim that is a text. */
GATEHOUSE_API const char *gatehouse_token_claim(const gatehouse_token *token, const char *name);

/* The gate leaves `roles` out when there are too many for a token: then gatehouse_token_has_roles is false, and
 * the answer to every question for a role is no; ask the gate (introspection, GET /session). */
GATEHOUSE_API bool gatehouse_token_has_roles(const gatehouse_token *token);
GATEHOUSE_API size_t gatehouse_token_role_count(const gatehouse_token *token);
GATEHOUSE_API const char *gatehouse_token_role(const gatehouse_token *token, size_t index);
GATEHOUSE_API bool gatehouse_token_has_role(const gatehouse_token *token, const char *role_id);
/* "resource:action", where the token carries `permissions` or lists it in `scope`. */
GATEHOUSE_API bool gatehouse_token_has_permission(const gatehouse_token *token, const char *permission);

#ifdef __cplusplus
}
#endif

#endif
