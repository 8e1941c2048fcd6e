// SPDX-License-Identifier: GPL-3.0-or-later
// How many rows a space of the store has, for tests of what is left behind.
#ifndef GATEHOUSE_TESTS_UNIT_DOMAIN_SPACE_ROWS_H
#define GATEHOUSE_TESTS_UNIT_DOMAIN_SPACE_ROWS_H

#include "fixture.h"

#include "store/key.h"

struct space_rows {
    uint8_t space;
    size_t count, key_len; // of the last one's key
};
static inline reason space_rows_fn(struct op *op, struct txn *txn, void *arg) {
    struct space_rows *rows = arg;
    struct key prefix = key_in(rows->space);
    struct scan scan;
    struct slice key;
    struct slice value;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    rows->count = 0; // a read may run again
    reason why = scan_next(op, &scan, &key, &value);
    for (; why == NULL && key.at != NULL; rows->count++) {
        rows->key_len = key.len;
        why = scan_next(op, &scan, &key, &value);
    }
    scan_close(&scan);
    return why;
}
static inline struct space_rows space_rows(struct fixture *fixture, uint8_t space) {
    struct space_rows rows = {.space = space};
    assert_done(fixture_read(fixture, space_rows_fn, &rows));
    return rows;
}

#endif
