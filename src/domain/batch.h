// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of many rows, some at a time: rows are removed only after the scan that found them is
// closed, and the memory for it is taken once.
#ifndef GATEHOUSE_DOMAIN_BATCH_H
#define GATEHOUSE_DOMAIN_BATCH_H

#include "store/key.h"

#define BATCH_ROOM 128

struct batch {
    struct key prefix;
    bool values; // false: the keys themselves; true: the rows' values are primary keys (an index)
    // Stops before the first key that is not wanted; NULL: takes all.
    bool (*wanted)(struct slice key, int64_t limit);
    int64_t limit;
    struct key *at;
    size_t room, count;
    struct key last; // where the next ones start; len 0: at the front
    bool more;       // the batch is full: there may be more
};

// Takes the memory; the caller sets the rest.
MUST_USE reason batch_open(struct op *op, size_t room, struct key prefix, struct batch *ret_batch);
// The next `room` keys. An empty batch: that was all.
MUST_USE reason batch_next(struct op *op, struct txn *txn, struct batch *batch);

// A pass of a migration step: `each` for the next `room` keys of a space, with memory of its own for each, so that a pass fits
// however large the rows are.
struct migration_pass;
typedef reason (*batch_fn)(struct op *op, struct txn *txn, const struct key *key);
MUST_USE reason batch_pass(struct op *op, struct txn *txn, struct migration_pass *pass,
                           uint8_t space, size_t room, batch_fn each);

#endif
