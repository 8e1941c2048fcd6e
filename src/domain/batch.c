// SPDX-License-Identifier: GPL-3.0-or-later
// Collects keys for removal or for a second look. Knows no entity.
#include "domain/batch.h"

#include "domain/timekey.h"
#include "store/record.h"

reason batch_open(struct op *op, size_t room, struct key prefix, struct batch *ret_batch) {
    struct batch batch = {.prefix = prefix, .room = room};
    TRY(op_take_raw(op, room * sizeof *batch.at, &batch.at));
    *ret_batch = batch;
    return NULL;
}

static reason fill(struct op *op, struct scan *scan, struct batch *batch) {
    while (batch->count < batch->room) {
        struct slice key;
        struct slice value;
        TRY(scan_next(op, scan, &key, &value));
        if (key.at == NULL || (batch->wanted != NULL && !batch->wanted(key, batch->limit))) {
            return NULL;
        }
        batch->last = key_again(key);
        batch->at[batch->count++] = batch->values ? key_again(value) : batch->last;
    }
    batch->more = true;
    return NULL;
}

reason batch_next(struct op *op, struct txn *txn, struct batch *batch) {
    batch->count = 0;
    batch->more = false;
    struct scan scan;
    struct slice from = batch->last.len > 0 ? key_slice(&batch->last) : SLICE_NONE;
    TRY(scan_open(op, txn, key_slice(&batch->prefix), from, false, &scan));
    reason why = fill(op, &scan, batch);
    scan_close(&scan);
    return why;
}

static reason in_own_memory(struct op *op, struct txn *txn, const struct key *key, batch_fn each) {
    struct op inner;
    op_open(&inner, op->now);
    reason why = each(&inner, txn, key);
    if (why != NULL) {
        op->detail = op_text(op, "%.*s", SLICE(inner.detail));
    }
    op_close(&inner);
    return why;
}

reason batch_pass(struct op *op, struct txn *txn, struct migration_pass *pass, uint8_t space,
                  size_t room, batch_fn each) {
    struct batch batch;
    TRY(batch_open(op, room, key_in(space), &batch));
    batch.last = pass->from;
    TRY(batch_next(op, txn, &batch));
    for (size_t i = 0; i < batch.count; i++) {
        TRY(in_own_memory(op, txn, &batch.at[i], each));
    }
    pass->more = batch.more;
    pass->next = batch.last;
    return NULL;
}
