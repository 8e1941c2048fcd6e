// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that sort as their parts do. First a byte, the space; then texts (ended by a zero byte, so
// they hold none), big-endian numbers, fixed bytes. A key that grows too long is marked broken, and
// the store refuses it: a part of unbounded length is hashed by who makes the key, never cut.
#ifndef GATEHOUSE_STORE_KEY_H
#define GATEHOUSE_STORE_KEY_H

#include "store/store.h"

struct key {
    uint8_t bytes[STORE_KEY_MAX]; // those behind len mean nothing
    size_t len;
    bool broken;
};

static inline void key_open(struct key *ret_key, uint8_t space) {
    ret_key->bytes[0] = space;
    ret_key->len = 1;
    ret_key->broken = false;
}
static inline struct key key_in(uint8_t space) {
    struct key key;
    key_open(&key, space);
    return key;
}
void key_text(struct key *key, struct slice text);
// The last part, or the start of one: no zero byte after it.
void key_tail(struct key *key, struct slice text);
void key_u32(struct key *key, uint32_t number);
void key_u64(struct key *key, uint64_t number);
void key_bytes(struct key *key, struct slice bytes);
// Empty when broken, which every txn_ call refuses with invalid_input.
struct slice key_slice(const struct key *key);

// Reads parts back, in order; false when the key has no such part.
bool key_read_text(struct slice *rest, struct slice *ret_text);
bool key_read_u32(struct slice *rest, uint32_t *ret_number);
bool key_read_u64(struct slice *rest, uint64_t *ret_number);

#endif
