// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers of tenants and organizations: given once, from one sequence, so that a number names one thing. For
// interfaces that name accounts so.
#include "domain/batch.h"
#include "domain/space.h"
#include "domain/tenant.h"

reason tenant_find_by_number(struct op *op, struct txn *txn, int64_t number,
                             struct tenant *ret_tenant) {
    struct key key = key_in(SPACE_TENANT_NUMBER);
    bool found = false;
    if (number > 0) {
        key_u64(&key, (uint64_t)number);
        TRY(entity_find_by(op, txn, &tenant_entity, 0, &key, ret_tenant, &found));
    }
    if (!found) {
        REFUSE(op, NOT_FOUND, "there is no tenant with this number");
    }
    return NULL;
}

reason number_next(struct op *op, struct txn *txn, int64_t *ret_number) {
    struct key key = key_in(SPACE_NUMBER);
    struct key bytes = {.len = 0};
    struct slice value = SLICE_NONE;
    uint64_t last = 0;
    TRY(txn_get(op, txn, key_slice(&key), &value));
    if (value.at != NULL && !key_read_u64(&value, &last)) {
        REFUSE(op, STORE_UNAVAILABLE, "the sequence of numbers cannot be read");
    }
    key_u64(&bytes, last + 1);
    TRY(txn_put(op, txn, key_slice(&key), key_slice(&bytes)));
    *ret_number = (int64_t)(last + 1);
    return NULL;
}

// ---- a store from before there were numbers ----

static reason give_number(struct op *op, struct txn *txn, const struct key *key) {
    struct tenant tenant;
    bool found = false;
    TRY(entity_find(op, txn, &tenant_entity, key, &tenant, &found));
    if (!found || tenant.number > 0) {
        return NULL;
    }
    TRY(number_next(op, txn, &tenant.number));
    return entity_put(op, txn, &tenant_entity, &tenant);
}

reason tenant_numbers_make(struct op *op, struct txn *txn, void *arg) {
    return batch_pass(op, txn, arg, SPACE_TENANT, TENANT_NUMBERS_PASS, give_number);
}
