// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-256 by OpenSSL, and the comparison of secrets. The algorithm is fetched once for the process: a
// fetch takes locks and searches providers, which costs more than the digest of a short text.
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <limits.h>
#include <pthread.h>

#include "base/auto.h"
#include "base/check.h"

AUTO_FREE(EVP_MD_CTX, EVP_MD_CTX_free);

// Written once, before the first use; never freed, since threads may still digest while main ends.
static EVP_MD *sha256_method;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void) {
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static const EVP_MD *sha256(void) {
    CHECK(pthread_once(&sha256_once, fetch_sha256) == 0);
    CHECK(sha256_method != NULL);
    return sha256_method;
}

struct sha256 digest_sha256(struct slice bytes) {
    struct sha256 digest;
    unsigned len = 0;
    int done =
        EVP_Digest(bytes.len > 0 ? bytes.at : "", bytes.len, digest.bytes, &len, sha256(), NULL);
    CHECK(done == 1 && len == SHA256_BYTES);
    return digest;
}

#define TOGETHER_MAX 1024 // parts that fit are put side by side first: one call instead of two for each

static void length_bytes(size_t len, uint8_t bytes[8]) {
    for (unsigned byte = 0; byte < 8; byte++) {
        bytes[byte] = (uint8_t)((uint64_t)len >> (8 * (7 - byte)));
    }
}

static struct sha256 digest_together(const struct slice *parts, size_t count, size_t total) {
    uint8_t bytes[TOGETHER_MAX];
    size_t at = 0;
    CHECK(total <= sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        length_bytes(parts[i].len, bytes + at);
        at += 8;
        if (parts[i].len > 0) {
            memcpy(bytes + at, parts[i].at, parts[i].len);
            at += parts[i].len;
        }
    }
    return digest_sha256(slice_of(bytes, at));
}

struct sha256 digest_parts(const struct slice *parts, size_t count) {
    size_t total = 8 * count;
    for (size_t i = 0; i < count && total <= TOGETHER_MAX; i++) {
        total += parts[i].len;
    }
    if (total <= TOGETHER_MAX) {
        return digest_together(parts, count, total);
    }
    AUTO(EVP_MD_CTX) context = EVP_MD_CTX_new();
    CHECK(context != NULL && EVP_DigestInit_ex2(context, sha256(), NULL) == 1);
    for (size_t i = 0; i < count; i++) {
        uint8_t length[8];
        length_bytes(parts[i].len, length);
        CHECK(EVP_DigestUpdate(context, length, sizeof length) == 1);
        CHECK(parts[i].len == 0 || EVP_DigestUpdate(context, parts[i].at, parts[i].len) == 1);
    }
    struct sha256 digest;
    unsigned len = 0;
    CHECK(EVP_DigestFinal_ex(context, digest.bytes, &len) == 1 && len == SHA256_BYTES);
    return digest;
}

struct sha256 digest_hmac(struct slice key, struct slice bytes) {
    struct sha256 digest;
    unsigned len = 0;
    CHECK(key.len > 0 && key.len <= INT_MAX);
    CHECK(HMAC(sha256(), key.at, (int)key.len,
               (const unsigned char *)(bytes.len > 0 ? bytes.at : ""), bytes.len, digest.bytes,
               &len) != NULL &&
          len == SHA256_BYTES);
    return digest;
}

bool same_secret(struct slice a, struct slice b) {
    return a.len == b.len && a.len > 0 && CRYPTO_memcmp(a.at, b.at, a.len) == 0;
}
