// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of libgatehouse. It is a program of somebody else's that this runs in: no globals, no logs, no
// aborts, and no name that is not gatehouse_.
#ifndef GATEHOUSE_CLIENT_CLIENT_H
#define GATEHOUSE_CLIENT_CLIENT_H

#include <openssl/evp.h>
#include <pthread.h>

#include <gatehouse.h>

#define GATEHOUSE_KID_MAX 256 // bytes of a key's name; the gate's have 43

// Keys of one set, shared by the threads that check with them just now.
struct gatehouse_key {
    char kid[GATEHOUSE_KID_MAX + 1];
    EVP_PKEY *key;
};
struct gatehouse_keys {
    unsigned uses; // under the lock of the gatehouse
    int64_t since; // seconds on a clock that only goes forward
    bool fetched;
    size_t count;
    struct gatehouse_key at[GATEHOUSE_KEYS_MAX];
};

struct gatehouse {
    char *issuer, *audience;
    gatehouse_fetcher fetcher;
    void *fetcher_arg;
    unsigned age, keep, gap, leeway;
    pthread_mutex_t lock;  // of `keys`; held for pointer work only
    pthread_mutex_t fetch; // one fetch at a time
    struct gatehouse_keys *keys;
    int64_t asked; // when a fetch was last begun; under `fetch`
    bool ever_asked;
};

// Strict base64url without padding, of exactly that alphabet and with no bits left over. False: not that, or
// it does not fit.
bool gatehouse_decode(const char *text, size_t len, unsigned char *ret_bytes, size_t room, size_t *ret_len);
// The keys that a set has for ES256; ERR_KEYS, ERR_MEMORY.
gatehouse_status gatehouse_keys_parse(const char *jwks, size_t len, struct gatehouse_keys **ret_keys);
void gatehouse_keys_free(struct gatehouse_keys *keys); // NULL-safe
EVP_PKEY *gatehouse_keys_find(const struct gatehouse_keys *keys, const char *kid); // NULL: none; theirs
// Borrows the keys that count now, fetched if that is due or `fresh` asks for it; NULL: there are none.
struct gatehouse_keys *gatehouse_borrow(gatehouse *gate, bool fresh);
void gatehouse_return(gatehouse *gate, struct gatehouse_keys *keys); // NULL-safe

#endif
