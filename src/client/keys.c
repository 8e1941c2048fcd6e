// SPDX-License-Identifier: GPL-3.0-or-later
// Key sets: read from a JWKS, kept, shared, fetched anew by the application's own means. A set that cannot be
// read never takes the place of one that could.
#include "client/client.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COORDINATE 32 // bytes, of P-256

// ---- reading ----

static int digit_of(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool gatehouse_decode(const char *text, size_t len, unsigned char *ret_bytes, size_t room, size_t *ret_len) {
    unsigned bits = 0;
    unsigned have = 0;
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0) {
            return false;
        }
        bits = (bits << 6 | (unsigned)digit) & 0xFFFFU;
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (count == room) {
                return false;
            }
            ret_bytes[count++] = (unsigned char)(bits >> have);
        }
    }
    *ret_len = count;
    return len % 4 != 1 && (bits & ((1U << have) - 1U)) == 0;
}

static const char *text_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

static bool is(const json_t *object, const char *name, const char *text) {
    const char *got = text_of(object, name);
    return got != NULL && strcmp(got, text) == 0;
}

static bool is_or_absent(const json_t *object, const char *name, const char *text) {
    return json_object_get(object, name) == NULL || is(object, name, text);
}

// 0x04, x, y: on the curve, or NULL.
static EVP_PKEY *point_key(const unsigned char *point, size_t len) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY_CTX *check = NULL;
    char group[] = "P-256";
    unsigned char copy[1 + 2 * COORDINATE];
    memcpy(copy, point, len);
    OSSL_PARAM parts[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, len),
        OSSL_PARAM_construct_end(),
    };
    bool good = make != NULL && EVP_PKEY_fromdata_init(make) == 1 &&
                EVP_PKEY_fromdata(make, &key, EVP_PKEY_PUBLIC_KEY, parts) == 1 &&
                (check = EVP_PKEY_CTX_new(key, NULL)) != NULL && EVP_PKEY_public_check(check) == 1;
    EVP_PKEY_CTX_free(check);
    EVP_PKEY_CTX_free(make);
    if (!good) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

// Takes one key into the set, or passes over it. False: it says that it is one of ours, and is broken.
static bool take_key(struct gatehouse_keys *keys, const json_t *jwk) {
    if (!is(jwk, "kty", "EC") || !is(jwk, "crv", "P-256") || !is_or_absent(jwk, "use", "sig") ||
        !is_or_absent(jwk, "alg", "ES256")) {
        return json_is_object(jwk);
    }
    const char *kid = text_of(jwk, "kid");
    const char *x = text_of(jwk, "x");
    const char *y = text_of(jwk, "y");
    unsigned char point[1 + 2 * COORDINATE] = {4};
    size_t x_len = 0;
    size_t y_len = 0;
    if (kid == NULL || kid[0] == '\0' || strlen(kid) > GATEHOUSE_KID_MAX || x == NULL || y == NULL ||
        !gatehouse_decode(x, strlen(x), point + 1, COORDINATE, &x_len) || x_len != COORDINATE ||
        !gatehouse_decode(y, strlen(y), point + 1 + COORDINATE, COORDINATE, &y_len) || y_len != COORDINATE ||
        gatehouse_keys_find(keys, kid) != NULL || keys->count == GATEHOUSE_KEYS_MAX) {
        return false;
    }
    EVP_PKEY *key = point_key(point, sizeof point);
    if (key == NULL) {
        return false;
    }
    struct gatehouse_key *at = &keys->at[keys->count++];
    memcpy(at->kid, kid, strlen(kid) + 1);
    at->key = key;
    return true;
}

gatehouse_status gatehouse_keys_parse(const char *jwks, size_t len, struct gatehouse_keys **ret_keys) {
    if (len > GATEHOUSE_JWKS_MAX) {
        return GATEHOUSE_ERR_KEYS;
    }
    struct gatehouse_keys *keys = calloc(1, sizeof *keys);
    json_t *root = json_loadb(jwks, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(root, "keys");
    bool good = keys != NULL && json_is_array(list);
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        good = take_key(keys, json_array_get(list, i));
    }
    good = good && keys->count > 0;
    json_decref(root);
    if (!good) {
        bool memory = keys == NULL;
        gatehouse_keys_free(keys);
        return memory ? GATEHOUSE_ERR_MEMORY : GATEHOUSE_ERR_KEYS;
    }
    *ret_keys = keys;
    return GATEHOUSE_OK;
}

void gatehouse_keys_free(struct gatehouse_keys *keys) {
    for (size_t i = 0; keys != NULL && i < keys->count; i++) {
        EVP_PKEY_free(keys->at[i].key);
    }
    free(keys);
}

EVP_PKEY *gatehouse_keys_find(const struct gatehouse_keys *keys, const char *kid) {
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->at[i].kid, kid) == 0) {
            return keys->at[i].key;
        }
    }
    return NULL;
}

// ---- keeping ----

// Not the time of day: setting that back or forth would keep old keys, or drop good ones.
static int64_t steady(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec;
}

static void replace(gatehouse *gate, struct gatehouse_keys *keys) {
    keys->uses = 1;
    keys->since = steady();
    (void)pthread_mutex_lock(&gate->lock);
    struct gatehouse_keys *old = gate->keys;
    gate->keys = keys;
    (void)pthread_mutex_unlock(&gate->lock);
    gatehouse_return(gate, old);
}

gatehouse_status gatehouse_set_keys(gatehouse *gate, const char *jwks, size_t len) {
    struct gatehouse_keys *keys = NULL;
    if (gate == NULL || jwks == NULL) {
        return GATEHOUSE_ERR_ARGUMENT;
    }
    gatehouse_status status = gatehouse_keys_parse(jwks, len, &keys);
    if (status == GATEHOUSE_OK) {
        replace(gate, keys);
    }
    return status;
}

static struct gatehouse_keys *borrow(gatehouse *gate) {
    (void)pthread_mutex_lock(&gate->lock);
    struct gatehouse_keys *keys = gate->keys;
    if (keys != NULL) {
        keys->uses++;
    }
    (void)pthread_mutex_unlock(&gate->lock);
    return keys;
}

void gatehouse_return(gatehouse *gate, struct gatehouse_keys *keys) {
    if (keys == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&gate->lock);
    bool last = --keys->uses == 0;
    (void)pthread_mutex_unlock(&gate->lock);
    if (last) {
        gatehouse_keys_free(keys);
    }
}

// Under the lock of fetching.
static void fetch(gatehouse *gate) {
    char *jwks = NULL;
    size_t len = 0;
    struct gatehouse_keys *keys = NULL;
    if (gate->ever_asked && steady() - gate->asked < (int64_t)gate->gap) {
        return;
    }
    gate->asked = steady();
    gate->ever_asked = true;
    if (gate->fetcher(gate->fetcher_arg, &jwks, &len) == 0 && jwks != NULL &&
        gatehouse_keys_parse(jwks, len, &keys) == GATEHOUSE_OK) {
        keys->fetched = true;
        replace(gate, keys);
    }
    free(jwks);
}

static bool is_older(const struct gatehouse_keys *keys, unsigned seconds) {
    return keys->fetched && steady() - keys->since >= (int64_t)seconds;
}

struct gatehouse_keys *gatehouse_borrow(gatehouse *gate, bool fresh) {
    struct gatehouse_keys *keys = borrow(gate);
    if (gate->fetcher != NULL && (keys == NULL || fresh || is_older(keys, gate->age))) {
        // With keys at hand nobody waits for somebody else's fetch; without, there is nothing else to do.
        bool mine = keys == NULL ? pthread_mutex_lock(&gate->fetch) == 0
                                 : pthread_mutex_trylock(&gate->fetch) == 0;
        if (mine) {
            fetch(gate);
            (void)pthread_mutex_unlock(&gate->fetch);
        }
        gatehouse_return(gate, keys);
        keys = borrow(gate);
    }
    if (keys != NULL && is_older(keys, gate->keep)) {
        gatehouse_return(gate, keys);
        keys = NULL;
    }
    return keys;
}
