// SPDX-License-Identifier: GPL-3.0-or-later
// What browsers send back: session cookies, session ids, request ids, relay handles, against a store that holds none
// of them.
#include <stdint.h>
#include <stdlib.h>

#include "fuzz_keys.h"
#include "domain/session.h"

static reason look(struct op *op, struct txn *txn, void *arg) {
    struct slice text = *(const struct slice *)arg;
    struct session_view view;
    struct pending pending;
    CHECK(session_find_by_cookie(op, txn, text, &view) != NULL);
    CHECK(session_find(op, txn, text, &view) != NULL);
    bool found = true;
    CHECK(pending_find(op, txn, text, &pending, &found) != NULL || !found);
    found = true;
    CHECK(pending_find_by_handle(op, txn, text, &pending, &found) != NULL || !found);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct store *store;
    if (store == NULL) {
        struct op start;
        op_open(&start, FUZZ_NOW);
        CHECK(store_open(&start, fuzz_dir(), &store) == NULL);
        op_close(&start);
    }
    struct op op;
    op_open(&op, INT64_C(1795276800000));
    struct slice input = slice_of(data, size);
    CHECK(store_read(&op, store, look, &input) == NULL);
    op_close(&op);
    return 0;
}
