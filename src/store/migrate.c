// SPDX-License-Identifier: GPL-3.0-or-later
// The version of the whole store, and the steps from one to the next. The last pass of a step and its
// new number are one durable write, so that a crash between two steps, or in one, leaves a store that
// the next start takes on.
#include "base/check.h"
#include "store/record.h"

struct step {
    const struct migration *migration;
    uint32_t version; // what is stored
    struct migration_pass pass;
};

static reason read_version(struct op *op, struct txn *txn, void *arg) {
    struct step *step = arg;
    struct key key = key_in(SPACE_SCHEMA);
    struct slice value;
    TRY(txn_get(op, txn, key_slice(&key), &value));
    step->version = 0; // a fresh store
    if (value.at != NULL && (!key_read_u32(&value, &step->version) || value.len != 0)) {
        REFUSE(op, SCHEMA, "the version of the store cannot be read; restore it from a backup");
    }
    return NULL;
}

static reason run_step(struct op *op, struct txn *txn, void *arg) {
    struct step *step = arg;
    const struct migration *migration = step->migration;
    TRY(read_version(op, txn, step));
    CHECK(step->version + 1 == migration->to);
    step->pass.more = false;
    TRY(migration->run(op, txn, &step->pass));
    if (step->pass.more) {
        return NULL;
    }
    struct key key = key_in(SPACE_SCHEMA);
    struct key number = {.len = 0};
    key_u32(&number, migration->to);
    return txn_put(op, txn, key_slice(&key), key_slice(&number));
}

// Each pass in memory of its own, so that a large store takes no more of it than a small one.
static reason run_passes(struct op *op, struct store *store, struct step *step) {
    reason why = NULL;
    step->pass = (struct migration_pass){.from = {.len = 0}};
    do {
        struct op inner;
        op_open(&inner, op->now);
        why = store_write(&inner, store, run_step, step);
        if (why != NULL) {
            op->detail = op_text(op, "%.*s", SLICE(inner.detail));
        }
        op_close(&inner);
        step->pass.from = step->pass.next;
    } while (why == NULL && step->pass.more);
    return why;
}

reason store_migrate(struct op *op, struct store *store, const struct migration *steps,
                     size_t count) {
    for (size_t i = 0; i < count; i++) {
        CHECK(steps[i].to == i + 1);
    }
    struct step step = {.migration = NULL};
    TRY(store_read(op, store, read_version, &step));
    if (step.version > count) {
        REFUSE(op, SCHEMA,
               "the store has version %u, this program knows versions up to %zu; use the newer "
               "program",
               step.version, count);
    }
    for (size_t i = step.version; i < count; i++) {
        step.migration = &steps[i];
        reason why = run_passes(op, store, &step);
        if (why != NULL) {
            struct slice detail = op->detail;
            return op_refuse(op, why, "the store could not be brought to version %u (%s): %.*s",
                             steps[i].to, steps[i].what, SLICE(detail));
        }
    }
    return NULL;
}
