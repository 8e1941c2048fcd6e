// SPDX-License-Identifier: GPL-3.0-or-later
// Digests and the comparison of secrets. EVP objects are fetched once.
#ifndef GATEHOUSE_BASE_DIGEST_H
#define GATEHOUSE_BASE_DIGEST_H

#include "base/slice.h"

#define SHA256_BYTES 32

struct sha256 {
    uint8_t bytes[SHA256_BYTES];
};

// Aborts only when OpenSSL cannot compute at all (no memory): a digest that is not one must never be used.
struct sha256 digest_sha256(struct slice bytes);
// Over length-prefixed parts, so that ("ab","c") and ("a","bc") differ.
struct sha256 digest_parts(const struct slice *parts, size_t count);
// HMAC-SHA256 (RFC 2104).
struct sha256 digest_hmac(struct slice key, struct slice bytes);
// In time that depends on the lengths only. Two empty ones are not the same: absence proves nothing.
bool same_secret(struct slice a, struct slice b);

static inline struct slice digest_slice(const struct sha256 *digest) {
    return slice_of(digest->bytes, sizeof digest->bytes);
}

#endif
