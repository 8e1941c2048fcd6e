// SPDX-License-Identifier: GPL-3.0-or-later
// A connection with its keys parsed once: immutable, shared between threads by a count, kept in a bounded
// cache that compares the stored version at each use.
#ifndef GATEHOUSE_SAML_TRUST_H
#define GATEHOUSE_SAML_TRUST_H

#include "domain/connection.h"

#define TRUST_CACHE_MAX 4096 // connections with parsed keys: some 10 KB each

struct trust_key {
    void *key; // EVP_PKEY
    // EVP_PKEY_CTX, set up to verify RSA with SHA-256 and copied for each use; NULL: for another kind of key. Setting one
    // up takes a fifth as long as the verification itself.
    void *rsa_sha256;
    int64_t not_after; // of its certificate, 0 = none
    struct slice sha256; // of the certificate, hex
};
struct trust {
    struct connection connection;
    struct trust_key keys[CONNECTION_CERTIFICATES_MAX];
    struct sp_keys *own_keys; // ours for this connection; NULL: the gate's
    size_t key_count; // keys that can be used and are not distrusted; 0 refuses everything
    // Inner state.
    struct arena arena;
    long uses;
};

struct sp_keys;
// Ours towards this connection's identity provider: its own, or those of the gate.
static inline const struct sp_keys *trust_sp_keys(const struct trust *trust, const struct sp_keys *gates) {
    return trust->own_keys != NULL ? trust->own_keys : gates;
}

struct trust_cache;
struct trust_cache *trust_cache_open(void); // NULL: no memory
void trust_cache_close(struct trust_cache *cache);
// Where the keys are that connections have for themselves, and what is used beside them, which outlives the cache. Told once, before any use. Without
// it a connection with keys of its own is refused.
void trust_cache_keys(struct trust_cache *cache, const char *dir, const struct sp_keys *gates);
// not_found when there is no such connection; store.unavailable when a key of its own cannot be opened.
MUST_USE reason trust_borrow(struct op *op, struct trust_cache *cache, struct store *store,
                             struct slice slug, const struct trust **ret_trust);
void trust_return(struct trust_cache *cache, const struct trust *trust); // NULL-safe
// From a connection that is not in a store (gatehouse check). Freed by trust_free.
MUST_USE reason trust_make(struct op *op, const struct connection *connection,
                           const struct trust **ret_trust);
void trust_free(const struct trust *trust);

// A certificate as support staff paste it: PEM (with text around, several: the first chain element each), DER, DER
// in base64, bare base64 in any wrapping. rows of struct certificate. invalid_certificate: says what it is instead;
// an RSA key below 2048 bits or an unknown curve is refused too.
MUST_USE reason certificate_read(struct op *op, struct slice text, struct rows *ret_certificates);
// Sets key_sha256 where an older record lacks it. invalid_certificate.
MUST_USE reason certificate_fill(struct op *op, struct certificate *certificate);

// Has the metadata's validUntil passed, with the policy's skew? Then no key of it counts any more.
bool trust_expired(const struct trust *trust, int64_t now);

#endif
