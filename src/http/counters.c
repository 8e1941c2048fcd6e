// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/counters.h"

#include <string.h>

// The counter of the key, or that whose place it would take; with the tag and the count that the key has there.
static struct counter *find(struct counter *row, uint32_t tag, int64_t window) {
    struct counter *least = &row[0];
    for (size_t i = 0; i < COUNTERS_NEIGHBOURS; i++) {
        struct counter *one = &row[i];
        if (one->window < window) { // who read the clock just before it turned counts in the new one
            *one = (struct counter){.window = window};
        }
        if (one->count > 0 && one->tag == tag) {
            return one;
        }
        least = one->count < least->count ? one : least;
    }
    return least;
}

bool counters_count(struct counters *counters, const struct sha256 *digest, int64_t window,
                    int64_t most, uint32_t add) {
    uint32_t place, tag;
    memcpy(&place, digest->bytes, sizeof place);
    memcpy(&tag, digest->bytes + sizeof place, sizeof tag);
    struct counter *mine =
        find(counters->at[place % (COUNTERS / COUNTERS_NEIGHBOURS)], tag, window);
    if (mine->count >= most) {
        return false;
    }
    mine->tag = tag;
    mine->count += add;
    return true;
}
