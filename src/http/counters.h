// SPDX-License-Identifier: GPL-3.0-or-later
// How often each of many keys came in the window of time that runs now, in a table of fixed size. A key is never counted
// less than it came. A key that finds no place takes that of the neighbour counted least, and goes on from its count
// (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams, ICDT 2005): so
// nobody gets more by coming among strangers with many names, and who is counted too much is so by at most an eighth of
// what came of him and his neighbours.
#ifndef GATEHOUSE_HTTP_COUNTERS_H
#define GATEHOUSE_HTTP_COUNTERS_H

#include "base/digest.h"

#define COUNTERS_NEIGHBOURS 8 // 128 bytes
#define COUNTERS 8192         // places of a table

struct counter {
    int64_t window; // its number; one that is over counts nothing
    uint32_t tag;   // of the key
    uint32_t count;
};
// All zero: empty. Not locked: the caller does that.
struct counters {
    struct counter at[COUNTERS / COUNTERS_NEIGHBOURS][COUNTERS_NEIGHBOURS];
};
// Counts `add` (0: only asks) for the key in this window, unless it came `most` times already: false. The digest is of the
// key and a secret, so that nobody chooses neighbours.
bool counters_count(struct counters *counters, const struct sha256 *digest, int64_t window,
                    int64_t most, uint32_t add);

#endif
