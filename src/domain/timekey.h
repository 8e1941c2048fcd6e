// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of rows that expire: u32 minute of expiry, then 16 bytes that nobody can guess. Such
// rows are written side by side and swept from the front. Outside they are shown as hex.
#ifndef GATEHOUSE_DOMAIN_TIMEKEY_H
#define GATEHOUSE_DOMAIN_TIMEKEY_H

#include "store/key.h"

#define TIMEKEY_BYTES 20

struct timekey {
    uint8_t bytes[TIMEKEY_BYTES];
};

// The first minute at which a row that expires at `expires` (ms) is surely over. False: no such
// minute (before 1970, or past what 32 bits of minutes hold).
MUST_USE bool timekey_minute(int64_t expires, uint32_t *ret_minute);
struct timekey timekey_make(uint32_t minute, const uint8_t chance[16]);
// `prefix` and 40 lower-case hex digits.
MUST_USE reason timekey_print(struct op *op, struct slice prefix, const struct timekey *timekey,
                              struct slice *ret_text);
// The strict reverse; false: not such a text.
MUST_USE bool timekey_parse(struct slice prefix, struct slice text, struct timekey *ret_timekey);

static inline struct slice timekey_slice(const struct timekey *timekey) {
    return slice_of(timekey->bytes, sizeof timekey->bytes);
}

// The primary key that an index row gave as its value. Copied at once: the value lives in the
// store.
struct key key_again(struct slice primary);

#endif
