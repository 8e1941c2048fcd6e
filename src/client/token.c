// SPDX-License-Identifier: GPL-3.0-or-later
// Checks a token. The header is read to refuse what it asks for and to find the key, never to choose how to
// check; nothing of the payload is read before the signature over it holds.
#include "client/client.h"

#include <jansson.h>
#include <openssl/ecdsa.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIGNATURE 64       // bytes of ES256: r and s
#define DER_MAX 80         // of the same as DER
#define TIME_MAX 253402300799 // the end of the year 9999

struct gatehouse_token {
    json_t *claims;
    int64_t issued_at, expires_at;
};

// ---- the gate's side ----

static char *copy_of(const char *text) {
    return text != NULL && text[0] != '\0' ? strdup(text) : NULL;
}

gatehouse *gatehouse_new(const char *issuer, const char *audience) {
    gatehouse *gate = calloc(1, sizeof *gate);
    if (gate == NULL) {
        return NULL;
    }
    gate->issuer = copy_of(issuer);
    gate->audience = copy_of(audience);
    gate->age = GATEHOUSE_AGE_DEFAULT;
    gate->keep = GATEHOUSE_KEEP_DEFAULT;
    gate->gap = GATEHOUSE_GAP_DEFAULT;
    gate->leeway = GATEHOUSE_LEEWAY_DEFAULT;
    (void)pthread_mutex_init(&gate->lock, NULL);
    (void)pthread_mutex_init(&gate->fetch, NULL);
    if (gate->issuer == NULL || gate->audience == NULL) {
        gatehouse_free(gate);
        return NULL;
    }
    return gate;
}

void gatehouse_free(gatehouse *gate) {
    if (gate == NULL) {
        return;
    }
    gatehouse_return(gate, gate->keys);
    (void)pthread_mutex_destroy(&gate->lock);
    (void)pthread_mutex_destroy(&gate->fetch);
    free(gate->issuer);
    free(gate->audience);
    free(gate);
}

void gatehouse_set_fetcher(gatehouse *gate, gatehouse_fetcher fetcher, void *arg) {
    if (gate != NULL) {
        gate->fetcher = fetcher;
        gate->fetcher_arg = arg;
    }
}

void gatehouse_set_cache(gatehouse *gate, unsigned age, unsigned keep, unsigned gap) {
    if (gate != NULL) {
        gate->age = age;
        gate->keep = keep;
        gate->gap = gap;
    }
}

void gatehouse_set_leeway(gatehouse *gate, unsigned seconds) {
    if (gate != NULL) {
        gate->leeway = seconds;
    }
}

// ---- parts ----

struct part {
    const char *at;
    size_t len;
};
struct parts {
    struct part header, payload, signature;
    size_t signed_len; // of the text that is signed: header, dot, payload
};

static bool cut(const char *text, size_t len, struct parts *ret) {
    const char *first = memchr(text, '.', len);
    if (first == NULL) {
        return false;
    }
    const char *end = text + len;
    const char *second = memchr(first + 1, '.', (size_t)(end - first - 1));
    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL) {
        return false;
    }
    ret->header = (struct part){text, (size_t)(first - text)};
    ret->payload = (struct part){first + 1, (size_t)(second - first - 1)};
    ret->signature = (struct part){second + 1, (size_t)(end - second - 1)};
    ret->signed_len = (size_t)(second - text);
    return ret->header.len > 0 && ret->payload.len > 0 && ret->signature.len > 0;
}

// An object, or NULL. No member twice: which of two counts would depend on who reads.
static json_t *object_of(struct part part) {
    unsigned char bytes[GATEHOUSE_TOKEN_MAX];
    size_t len = 0;
    if (!gatehouse_decode(part.at, part.len, bytes, sizeof bytes, &len)) {
        return NULL;
    }
    json_t *value = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

static const char *text_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

static bool is(const json_t *object, const char *name, const char *text) {
    const char *got = text_of(object, name);
    return got != NULL && strcmp(got, text) == 0;
}

// ---- the signature ----

static gatehouse_status check_header(const json_t *header, const char **ret_kid) {
    if (!is(header, "typ", "at+jwt")) {
        return GATEHOUSE_ERR_TYPE;
    }
    if (!is(header, "alg", "ES256") || json_object_get(header, "crit") != NULL) {
        return GATEHOUSE_ERR_ALGORITHM;
    }
    *ret_kid = text_of(header, "kid");
    return *ret_kid != NULL ? GATEHOUSE_OK : GATEHOUSE_ERR_UNKNOWN_KEY;
}

// OpenSSL wants DER where JWS has r and s side by side.
static size_t der_of(const unsigned char raw[SIGNATURE], unsigned char der[DER_MAX]) {
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, SIGNATURE / 2, NULL);
    BIGNUM *s = BN_bin2bn(raw + SIGNATURE / 2, SIGNATURE / 2, NULL);
    int len = -1;
    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = NULL; // the signature's now
        s = NULL;
        len = i2d_ECDSA_SIG(signature, NULL);
        len = len > 0 && len <= DER_MAX ? i2d_ECDSA_SIG(signature, &der) : -1;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return len > 0 ? (size_t)len : 0;
}

static gatehouse_status verify(EVP_PKEY *key, const char *text, const struct parts *parts) {
    unsigned char raw[SIGNATURE];
    unsigned char der[DER_MAX];
    size_t raw_len = 0;
    if (!gatehouse_decode(parts->signature.at, parts->signature.len, raw, sizeof raw, &raw_len) ||
        raw_len != SIGNATURE) {
        return GATEHOUSE_ERR_SIGNATURE;
    }
    size_t der_len = der_of(raw, der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (der_len == 0 || context == NULL) {
        EVP_MD_CTX_free(context);
        return GATEHOUSE_ERR_MEMORY;
    }
    bool good = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(context, der, der_len, (const unsigned char *)text,
                                 parts->signed_len) == 1;
    EVP_MD_CTX_free(context);
    return good ? GATEHOUSE_OK : GATEHOUSE_ERR_SIGNATURE;
}

// With the keys that are there, or, when none has the name, with those that a fetch brings.
static gatehouse_status check_signature(gatehouse *gate, const char *text, const struct parts *parts,
                                        const char *kid) {
    struct gatehouse_keys *keys = gatehouse_borrow(gate, false);
    EVP_PKEY *key = keys != NULL ? gatehouse_keys_find(keys, kid) : NULL;
    if (keys != NULL && key == NULL && gate->fetcher != NULL) {
        gatehouse_return(gate, keys);
        keys = gatehouse_borrow(gate, true);
        key = keys != NULL ? gatehouse_keys_find(keys, kid) : NULL;
    }
    gatehouse_status status = keys == NULL  ? GATEHOUSE_ERR_NO_KEYS
                              : key == NULL ? GATEHOUSE_ERR_UNKNOWN_KEY
                                            : verify(key, text, parts);
    gatehouse_return(gate, keys);
    return status;
}

// ---- the claims ----

static bool time_of(const json_t *claims, const char *name, int64_t *ret_time) {
    const json_t *value = json_object_get(claims, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > TIME_MAX) {
        return false;
    }
    *ret_time = json_integer_value(value);
    return true;
}

static bool is_for(const json_t *claims, const char *audience) {
    const json_t *list = json_object_get(claims, "aud");
    if (!json_is_array(list)) {
        return is(claims, "aud", audience);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one != NULL && strcmp(one, audience) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_text(const json_t *claims, const char *name) {
    const char *text = text_of(claims, name);
    return text != NULL && text[0] != '\0';
}

// A list of texts, where there is one.
static bool are_texts(const json_t *claims, const char *name) {
    const json_t *list = json_object_get(claims, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!json_is_string(json_array_get(list, i))) {
            return false;
        }
    }
    return list == NULL || json_is_array(list);
}

static gatehouse_status check_times(const gatehouse *gate, int64_t now, const json_t *claims,
                                    gatehouse_token *token) {
    int64_t not_before = 0;
    if (!time_of(claims, "exp", &token->expires_at) || !time_of(claims, "iat", &token->issued_at) ||
        (json_object_get(claims, "nbf") != NULL && !time_of(claims, "nbf", &not_before))) {
        return GATEHOUSE_ERR_CLAIM;
    }
    if (token->expires_at <= now - (int64_t)gate->leeway) {
        return GATEHOUSE_ERR_EXPIRED;
    }
    bool early = token->issued_at > now + (int64_t)gate->leeway || not_before > now + (int64_t)gate->leeway;
    return early ? GATEHOUSE_ERR_NOT_YET : GATEHOUSE_OK;
}

static gatehouse_status check_claims(const gatehouse *gate, int64_t now, gatehouse_token *token) {
    const json_t *claims = token->claims;
    if (!is(claims, "iss", gate->issuer)) {
        return GATEHOUSE_ERR_ISSUER;
    }
    if (!is_for(claims, gate->audience)) {
        return GATEHOUSE_ERR_AUDIENCE;
    }
    gatehouse_status status = check_times(gate, now, claims, token);
    if (status != GATEHOUSE_OK) {
        return status;
    }
    bool whole = has_text(claims, "sub") && has_text(claims, "jti") && has_text(claims, "client_id") &&
                 are_texts(claims, "roles") && are_texts(claims, "permissions");
    return whole ? GATEHOUSE_OK : GATEHOUSE_ERR_CLAIM;
}

// ---- the check ----

static gatehouse_status check_parts(gatehouse *gate, const char *text, const struct parts *parts) {
    const char *kid = NULL;
    json_t *header = object_of(parts->header);
    if (header == NULL) {
        return GATEHOUSE_ERR_MALFORMED;
    }
    gatehouse_status status = check_header(header, &kid);
    if (status == GATEHOUSE_OK) {
        status = check_signature(gate, text, parts, kid);
    }
    json_decref(header);
    return status;
}

gatehouse_status gatehouse_check(gatehouse *gate, const char *text, size_t len, int64_t now,
                                 gatehouse_token **ret_token) {
    struct parts parts;
    if (ret_token == NULL) {
        return GATEHOUSE_ERR_ARGUMENT;
    }
    *ret_token = NULL;
    if (gate == NULL || text == NULL) {
        return GATEHOUSE_ERR_ARGUMENT;
    }
    if (len > GATEHOUSE_TOKEN_MAX) {
        return GATEHOUSE_ERR_TOO_LONG;
    }
    if (!cut(text, len, &parts)) {
        return GATEHOUSE_ERR_MALFORMED;
    }
    gatehouse_status status = check_parts(gate, text, &parts);
    if (status != GATEHOUSE_OK) {
        return status;
    }
    gatehouse_token *token = calloc(1, sizeof *token);
    if (token == NULL) {
        return GATEHOUSE_ERR_MEMORY;
    }
    token->claims = object_of(parts.payload);
    status = token->claims == NULL ? GATEHOUSE_ERR_MALFORMED
                                   : check_claims(gate, now != 0 ? now : (int64_t)time(NULL), token);
    if (status != GATEHOUSE_OK) {
        gatehouse_token_free(token);
        return status;
    }
    *ret_token = token;
    return GATEHOUSE_OK;
}

void gatehouse_token_free(gatehouse_token *token) {
    if (token != NULL) {
        json_decref(token->claims);
        free(token);
    }
}

// ---- what it says ----

const char *gatehouse_token_claim(const gatehouse_token *token, const char *name) {
    return token != NULL && name != NULL ? text_of(token->claims, name) : NULL;
}
const char *gatehouse_token_subject(const gatehouse_token *token) {
    return gatehouse_token_claim(token, "sub");
}
const char *gatehouse_token_id(const gatehouse_token *token) {
    return gatehouse_token_claim(token, "jti");
}
const char *gatehouse_token_client(const gatehouse_token *token) {
    return gatehouse_token_claim(token, "client_id");
}
const char *gatehouse_token_session(const gatehouse_token *token) {
    return gatehouse_token_claim(token, "sid");
}
const char *gatehouse_token_tenant(const gatehouse_token *token) {
    return gatehouse_token_claim(token, "tenant");
}
const char *gatehouse_token_scope(const gatehouse_token *token) {
    return gatehouse_token_claim(token, "scope");
}

static int64_t number_of(const gatehouse_token *token, const char *name) {
    return token != NULL ? json_integer_value(json_object_get(token->claims, name)) : 0;
}
int64_t gatehouse_token_issued_at(const gatehouse_token *token) {
    return token != NULL ? token->issued_at : 0;
}
int64_t gatehouse_token_expires_at(const gatehouse_token *token) {
    return token != NULL ? token->expires_at : 0;
}
int64_t gatehouse_token_authenticated_at(const gatehouse_token *token) {
    return number_of(token, "auth_time");
}
int64_t gatehouse_token_roles_version(const gatehouse_token *token) {
    return number_of(token, "rv");
}

static const json_t *list_of(const gatehouse_token *token, const char *name) {
    return token != NULL ? json_object_get(token->claims, name) : NULL;
}

static bool list_has(const json_t *list, const char *text) {
    for (size_t i = 0; text != NULL && i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0) {
            return true;
        }
    }
    return false;
}

bool gatehouse_token_has_roles(const gatehouse_token *token) {
    return list_of(token, "roles") != NULL;
}
size_t gatehouse_token_role_count(const gatehouse_token *token) {
    return json_array_size(list_of(token, "roles"));
}
const char *gatehouse_token_role(const gatehouse_token *token, size_t index) {
    return json_string_value(json_array_get(list_of(token, "roles"), index));
}
bool gatehouse_token_has_role(const gatehouse_token *token, const char *role_id) {
    return list_has(list_of(token, "roles"), role_id);
}

// A word of the scope, which is a text of words with a space between them.
static bool scope_has(const char *scope, const char *word) {
    size_t len = strlen(word);
    while (scope != NULL && len > 0) {
        if (strncmp(scope, word, len) == 0 && (scope[len] == ' ' || scope[len] == '\0')) {
            return true;
        }
        scope = strchr(scope, ' ');
        scope = scope != NULL ? scope + 1 : NULL;
    }
    return false;
}

bool gatehouse_token_has_permission(const gatehouse_token *token, const char *permission) {
    return permission != NULL && strchr(permission, ' ') == NULL &&
           (list_has(list_of(token, "permissions"), permission) ||
            scope_has(gatehouse_token_scope(token), permission));
}

// ---- words ----

const char *gatehouse_strerror(gatehouse_status status) {
    switch (status) {
    case GATEHOUSE_OK: return "the token holds";
    case GATEHOUSE_ERR_ARGUMENT: return "an argument is missing";
    case GATEHOUSE_ERR_MEMORY: return "there is no memory";
    case GATEHOUSE_ERR_KEYS: return "this is no key set with a usable ES256 key";
    case GATEHOUSE_ERR_NO_KEYS: return "there are no keys to check with: none were given, or they could not be fetched";
    case GATEHOUSE_ERR_TOO_LONG: return "the token is longer than 4096 bytes";
    case GATEHOUSE_ERR_MALFORMED: return "this is not a signed token in compact form";
    case GATEHOUSE_ERR_TYPE: return "this is not an access token (typ is not at+jwt)";
    case GATEHOUSE_ERR_ALGORITHM: return "the token asks for another algorithm than ES256, or for an extension";
    case GATEHOUSE_ERR_UNKNOWN_KEY: return "the token names a key that the gate does not have";
    case GATEHOUSE_ERR_SIGNATURE: return "the signature of the token does not hold";
    case GATEHOUSE_ERR_ISSUER: return "the token was issued by another gate";
    case GATEHOUSE_ERR_AUDIENCE: return "the token is for another audience";
    case GATEHOUSE_ERR_EXPIRED: return "the token has expired";
    case GATEHOUSE_ERR_NOT_YET: return "the token is not valid yet: the clocks differ";
    case GATEHOUSE_ERR_CLAIM: return "the token lacks a claim, or one is of the wrong kind";
    }
    return "unknown status";
}

const char *gatehouse_version(void) {
    return GATEHOUSE_VERSION;
}
