// SPDX-License-Identifier: GPL-3.0-or-later
// libgatehouse with what applications hand to it: key sets, tokens, and claims under a signature that holds.
#include <gatehouse.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define ISSUER "https://gate.example"
#define NOW INT64_C(1795276800)

static EVP_PKEY *key;
static char jwks[512];

static size_t encode(const unsigned char *bytes, size_t len, char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t out = 0;
    for (size_t i = 0; i * 6 < len * 8; i++) {
        unsigned bits = 0;
        for (size_t bit = i * 6; bit < i * 6 + 6; bit++) {
            bits = bits << 1 | (bit < len * 8 ? bytes[bit / 8] >> (7 - bit % 8) & 1U : 0U);
        }
        text[out++] = digits[bits];
    }
    text[out] = '\0';
    return out;
}

static void set_up(void) {
    unsigned char point[65];
    char x[64];
    char y[64];
    size_t len = 0;
    key = EVP_EC_gen("P-256");
    CHECK(key != NULL && EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) == 1);
    (void)encode(point + 1, 32, x);
    (void)encode(point + 33, 32, y);
    (void)snprintf(jwks, sizeof jwks,
                   "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"%s\",\"y\":\"%s\"}]}", x, y);
}

static void check(gatehouse *gate, const char *text, size_t len) {
    gatehouse_token *token = NULL;
    gatehouse_status status = gatehouse_check(gate, text, len, NOW, &token);
    CHECK((status == GATEHOUSE_OK) == (token != NULL) && gatehouse_strerror(status) != NULL);
    if (token != NULL) {
        CHECK(gatehouse_token_subject(token) != NULL && gatehouse_token_expires_at(token) > NOW - 61);
        for (size_t i = 0; i < gatehouse_token_role_count(token); i++) {
            CHECK(gatehouse_token_has_role(token, gatehouse_token_role(token, i)));
        }
        (void)gatehouse_token_has_permission(token, "users:view");
    }
    gatehouse_token_free(token);
}

// The input as claims, signed.
static void check_claims(gatehouse *gate, const uint8_t *data, size_t size) {
    static char text[2 * GATEHOUSE_TOKEN_MAX];
    unsigned char der[128];
    unsigned char raw[64];
    const unsigned char *at = der;
    size_t der_len = sizeof der;
    size_t len = (size_t)snprintf(text, sizeof text, "%s.",
                                  "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsifQ");
    len += encode(data, size < 2900 ? size : 2900, text + len);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CHECK(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
          EVP_DigestSign(context, der, &der_len, (const unsigned char *)text, len) == 1);
    EVP_MD_CTX_free(context);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
    CHECK(signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32) == 32 &&
          BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32) == 32);
    ECDSA_SIG_free(signature);
    text[len++] = '.';
    len += encode(raw, sizeof raw, text + len);
    check(gate, text, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (key == NULL) {
        set_up();
    }
    gatehouse *gate = gatehouse_new(ISSUER, ISSUER);
    CHECK(gate != NULL && gatehouse_set_keys(gate, jwks, strlen(jwks)) == GATEHOUSE_OK);
    if (size > 0 && data[0] == 'k') {
        (void)gatehouse_set_keys(gate, (const char *)data + 1, size - 1);
    } else if (size > 0 && data[0] == 'c') {
        check_claims(gate, data + 1, size - 1);
    } else {
        check(gate, (const char *)data, size);
    }
    gatehouse_free(gate);
    return 0;
}
