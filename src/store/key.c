// SPDX-License-Identifier: GPL-3.0-or-later
// Makes keys that sort as their parts do, and reads the parts back. It never cuts a part: what does
// not fit, or would be ambiguous (a text with a zero byte in it), breaks the key, and a broken key
// is refused.
#include "store/key.h"

static void append(struct key *key, const void *bytes, size_t len) {
    if (key->broken || len > sizeof key->bytes - key->len) {
        key->broken = true;
        return;
    }
    if (len > 0) {
        memcpy(key->bytes + key->len, bytes, len);
        key->len += len;
    }
}

void key_tail(struct key *key, struct slice text) {
    if (text.len > 0 && memchr(text.at, 0, text.len) != NULL) {
        key->broken = true;
        return;
    }
    append(key, text.at, text.len);
}

void key_text(struct key *key, struct slice text) {
    key_tail(key, text);
    append(key, "", 1);
}

static void append_number(struct key *key, uint64_t number, size_t bytes) {
    uint8_t big_endian[8];
    for (size_t i = bytes; i > 0; i--) {
        big_endian[i - 1] = (uint8_t)number;
        number >>= 8;
    }
    append(key, big_endian, bytes);
}

void key_u32(struct key *key, uint32_t number) {
    append_number(key, number, 4);
}

void key_u64(struct key *key, uint64_t number) {
    append_number(key, number, 8);
}

void key_bytes(struct key *key, struct slice bytes) {
    append(key, bytes.at, bytes.len);
}

struct slice key_slice(const struct key *key) {
    return key->broken ? SLICE_NONE : slice_of(key->bytes, key->len);
}

bool key_read_text(struct slice *rest, struct slice *ret_text) {
    const char *end = rest->len > 0 ? memchr(rest->at, 0, rest->len) : NULL;
    if (end == NULL) {
        return false;
    }
    size_t len = (size_t)(end - rest->at);
    *ret_text = slice_of(rest->at, len);
    *rest = slice_sub(*rest, len + 1, rest->len);
    return true;
}

static bool read_number(struct slice *rest, size_t bytes, uint64_t *ret_number) {
    if (rest->len < bytes) {
        return false;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++) {
        number = number << 8 | (uint8_t)rest->at[i];
    }
    *ret_number = number;
    *rest = slice_sub(*rest, bytes, rest->len);
    return true;
}

bool key_read_u32(struct slice *rest, uint32_t *ret_number) {
    uint64_t number = 0;
    if (!read_number(rest, 4, &number)) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

bool key_read_u64(struct slice *rest, uint64_t *ret_number) {
    return read_number(rest, 8, ret_number);
}
