// SPDX-License-Identifier: GPL-3.0-or-later
// Secrets that have to be read again are stored sealed (AES-256-GCM) under a key that is not in the store.
#ifndef GATEHOUSE_DOMAIN_SEAL_H
#define GATEHOUSE_DOMAIN_SEAL_H

#include "base/op.h"

// Lent to all that seals; token/seal_key.h has the file.
struct seal_key {
    uint8_t bytes[32];
};
#define SEAL_OVERHEAD 28 // nonce and tag

// `about` is no secret: what is sealed with one opens with the same one only.
MUST_USE reason seal_close(struct op *op, const struct seal_key *key, struct slice about,
                           struct slice bytes, struct slice *ret_sealed);
// start.key_file: it was sealed with another key, for something else, or changed.
MUST_USE reason seal_open(struct op *op, const struct seal_key *key, struct slice about,
                          struct slice sealed, struct slice *ret_bytes);

#endif
