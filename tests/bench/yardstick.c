// SPDX-License-Identifier: GPL-3.0-or-later
// The yardstick of the bench: what one RSA-2048 SHA-256 verification costs on this core right now,
// with the key and its context made once. No login can cost less, and noise hits both alike, so
// "CPU per login in verifies" can be compared between machines and between busy moments. Prints one
// line of JSON; asserts nothing.
#include "args.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

enum {
    KEY_BITS = 2048,
    BATCHES = 9,         // the median of so many, so that one interrupted batch does not count
    BATCH_VERIFIES = 64, // between two looks at the clock
    MILLISECONDS_MAX = 60000
};

static uint64_t cpu_ns(void) {
    struct timespec t;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0) {
        err(2, "clock_gettime");
    }
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static int by_size(const void *left, const void *right) {
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

// Verifies for `budget_ns` of CPU time; returns the nanoseconds of one verification.
static uint64_t batch(EVP_PKEY_CTX *verifier, const unsigned char *signature, size_t signature_len,
                      const unsigned char *digest, size_t digest_len, uint64_t budget_ns,
                      uint64_t *ret_count) {
    uint64_t count = 0;
    uint64_t start = cpu_ns();
    uint64_t spent = 0;
    do {
        for (int i = 0; i < BATCH_VERIFIES; i++) {
            if (EVP_PKEY_verify(verifier, signature, signature_len, digest, digest_len) != 1) {
                errx(2, "a good signature was not verified");
            }
        }
        count += BATCH_VERIFIES;
        spent = cpu_ns() - start;
    } while (spent < budget_ns);
    *ret_count = count;
    return spent / count;
}

// A context for `key` that is ready to sign or to verify SHA-256 digests.
static EVP_PKEY_CTX *context(EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *)) {
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    if (ctx == NULL || init(ctx) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1) {
        errx(2, "OpenSSL gave no RSA context");
    }
    return ctx;
}

int main(int argc, char **argv) {
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        errx(2, "usage: yardstick [MILLISECONDS]");
    }
    long milliseconds = argc == 2 ? arg_number("milliseconds", argv[1], 1, MILLISECONDS_MAX) : 450;

    EVP_PKEY *key = EVP_RSA_gen((unsigned int)KEY_BITS);
    if (key == NULL) {
        errx(2, "OpenSSL made no key");
    }
    unsigned char digest[32];
    unsigned char signature[KEY_BITS / 8];
    size_t signature_len = sizeof signature;
    memset(digest, 0x5a, sizeof digest);
    EVP_PKEY_CTX *signer = context(key, EVP_PKEY_sign_init);
    if (EVP_PKEY_sign(signer, signature, &signature_len, digest, sizeof digest) != 1) {
        errx(2, "OpenSSL did not sign");
    }
    EVP_PKEY_CTX_free(signer);

    EVP_PKEY_CTX *verifier = context(key, EVP_PKEY_verify_init);
    uint64_t budget_ns = (uint64_t)milliseconds * UINT64_C(1000000) / BATCHES;
    uint64_t ns[BATCHES];
    uint64_t total = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        uint64_t count = 0;
        ns[i] = batch(verifier, signature, signature_len, digest, sizeof digest, budget_ns, &count);
        total += count;
    }
    EVP_PKEY_CTX_free(verifier);
    EVP_PKEY_free(key);
    qsort(ns, BATCHES, sizeof ns[0], by_size);
    printf("{\"verify_ns\": %" PRIu64 ", \"best_ns\": %" PRIu64 ", \"count\": %" PRIu64 "}\n",
           ns[BATCHES / 2], ns[0], total);
    return 0;
}
