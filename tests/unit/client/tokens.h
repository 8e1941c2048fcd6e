// SPDX-License-Identifier: GPL-3.0-or-later
// Keys and tokens for the tests of libgatehouse, made with OpenSSL.
#ifndef GATEHOUSE_TESTS_UNIT_CLIENT_TOKENS_H
#define GATEHOUSE_TESTS_UNIT_CLIENT_TOKENS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjose/cjose.h>
#include <gatehouse.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#define ISSUER "https://login.example"
#define NOW INT64_C(1795262400)
#define HEADER "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}"
#define TEXT_MAX 16384

struct signer {
    EVP_PKEY *key;
    char x[64], y[64]; // base64url
};
static struct signer ours, theirs;

// ---- making tokens ----

static inline void encode(const unsigned char *bytes, size_t len, char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6) {
            *text++ = digits[bits >> (have - 6) & 63];
        }
    }
    if (have > 0) {
        *text++ = digits[bits << (6 - have) & 63];
    }
    *text = '\0';
}

static inline void signer_open(struct signer *signer) {
    unsigned char point[65];
    size_t len = 0;
    signer->key = EVP_EC_gen("P-256");
    assert_non_null(signer->key);
    assert_int_equal(EVP_PKEY_get_octet_string_param(signer->key, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                     sizeof point, &len),
                     1);
    assert_int_equal(len, 65);
    encode(point + 1, 32, signer->x);
    encode(point + 33, 32, signer->y);
}

static inline void sign(const struct signer *signer, const char *text, unsigned char raw[64]) {
    unsigned char der[128];
    const unsigned char *at = der;
    size_t len = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer->key), 1);
    assert_int_equal(EVP_DigestSign(context, der, &len, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(context);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_non_null(signature);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32), 32);
    ECDSA_SIG_free(signature);
}

// header.payload
static inline void two_parts(const char *header, const char *claims, char token[TEXT_MAX]) {
    encode((const unsigned char *)header, strlen(header), token);
    (void)strncat(token, ".", 2);
    encode((const unsigned char *)claims, strlen(claims), token + strlen(token));
}

static inline const char *make(const struct signer *signer, const char *header, const char *claims) {
    static char token[TEXT_MAX];
    unsigned char raw[64];
    two_parts(header, claims, token);
    sign(signer, token, raw);
    (void)strncat(token, ".", 2);
    encode(raw, sizeof raw, token + strlen(token));
    return token;
}

// The claims of the gate, with one replaced (`"name":value`, or "" for none) and more at the end.
static inline const char *claims_with(const char *name, const char *instead) {
    static char claims[TEXT_MAX];
    static const char *const all[][2] = {
        {"iss", "\"" ISSUER "\""},       {"sub", "\"usr_1\""},
        {"aud", "\"" ISSUER "\""},       {"exp", "1795262700"},
        {"iat", "1795262400"},           {"jti", "\"tok_1\""},
        {"client_id", "\"acme-okta\""},  {"sid", "\"ses_1\""},
        {"auth_time", "1795262300"},     {"tenant", "\"acme\""},
        {"roles", "[\"admin\",\"user\"]"}, {"rv", "7"},
        {"scope", "\"profile users:view\""},
    };
    size_t len = 1;
    (void)snprintf(claims, sizeof claims, "{");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const char *value = name != NULL && strcmp(name, all[i][0]) == 0 ? instead : all[i][1];
        if (value[0] != '\0') {
            len += (size_t)snprintf(claims + len, sizeof claims - len, "%s\"%s\":%s", len > 1 ? "," : "",
                                    all[i][0], value);
        }
    }
    if (name != NULL && name[0] == '+') {
        len += (size_t)snprintf(claims + len, sizeof claims - len, ",%s", instead);
    }
    (void)snprintf(claims + len, sizeof claims - len, "}");
    return claims;
}

static inline const char *jwk_text(const struct signer *signer, const char *kid) {
    static char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\",\"alg\":\"ES256\",\"use\":\"sig\","
                   "\"x\":\"%s\",\"y\":\"%s\"}",
                   kid, signer->x, signer->y);
    return text;
}

static inline const char *jwks_of(const char *keys) {
    static char text[TEXT_MAX];
    (void)snprintf(text, sizeof text, "{\"keys\":[%s]}", keys);
    return text;
}

#endif
