// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of rows that expire. Knows nothing of what the rows hold.
#include "domain/timekey.h"

#include "base/clock.h"
#include "base/encode.h"

bool timekey_minute(int64_t expires, uint32_t *ret_minute) {
    if (expires <= 0 || expires / MINUTE_MS >= UINT32_MAX) {
        return false;
    }
    *ret_minute = (uint32_t)(expires / MINUTE_MS) + (expires % MINUTE_MS != 0 ? 1 : 0);
    return true;
}

struct timekey timekey_make(uint32_t minute, const uint8_t chance[16]) {
    struct timekey made;
    for (unsigned i = 0; i < 4; i++) {
        made.bytes[i] = (uint8_t)(minute >> (24 - 8 * i));
    }
    memcpy(made.bytes + 4, chance, 16);
    return made;
}

reason timekey_print(struct op *op, struct slice prefix, const struct timekey *timekey,
                     struct slice *ret_text) {
    struct slice hex;
    TRY(encode_hex(op, timekey_slice(timekey), &hex));
    *ret_text = op_text(op, "%.*s%.*s", SLICE(prefix), SLICE(hex));
    if (ret_text->len != prefix.len + hex.len) {
        REFUSE(op, LIMIT_MEMORY, "no memory for an id");
    }
    return NULL;
}

static int nibble(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool timekey_parse(struct slice prefix, struct slice text, struct timekey *ret_timekey) {
    // Not decode_hex: keys of rows are made where there is no op to take memory from.
    if (text.len != prefix.len + 2 * (size_t)TIMEKEY_BYTES || !slice_starts(text, prefix)) {
        return false;
    }
    struct timekey read;
    for (size_t i = 0; i < TIMEKEY_BYTES; i++) {
        int high = nibble(text.at[prefix.len + 2 * i]);
        int low = nibble(text.at[prefix.len + 2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        read.bytes[i] = (uint8_t)(high * 16 + low);
    }
    *ret_timekey = read;
    return true;
}

struct key key_again(struct slice primary) {
    struct key key = {.broken = primary.len > sizeof key.bytes};
    if (!key.broken && primary.len > 0) {
        memcpy(key.bytes, primary.at, primary.len);
        key.len = primary.len;
    }
    return key;
}
