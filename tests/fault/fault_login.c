// SPDX-License-Identifier: GPL-3.0-or-later
// Faults while a sign-in is admitted into a real store: memory, and each call of LMDB. A fault is a
// refusal with a reason, of which nothing is kept; the next sign-in succeeds.
#include "fault.h"

#include <lmdb.h>

#include "people.h"

WRAP(FAULT_STORE, MDB_PANIC, int, mdb_txn_begin, (MDB_env * env, MDB_txn *parent, unsigned flags, MDB_txn **txn),
     (env, parent, flags, txn))
WRAP(FAULT_STORE, MDB_MAP_FULL, int, mdb_put, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags),
     (txn, dbi, key, data, flags))
WRAP(FAULT_STORE, MDB_CORRUPTED, int, mdb_get, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *data),
     (txn, dbi, key, data))
WRAP(FAULT_STORE, EIO, int, mdb_del, (MDB_txn * txn, MDB_dbi dbi, MDB_val *key, MDB_val *data), (txn, dbi, key, data))
WRAP(FAULT_STORE, ENOMEM, int, mdb_cursor_open, (MDB_txn * txn, MDB_dbi dbi, MDB_cursor **cursor), (txn, dbi, cursor))
WRAP(FAULT_STORE, MDB_CORRUPTED, int, mdb_cursor_get,
     (MDB_cursor * cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op), (cursor, key, data, op))

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn) {
    if (fault_now(FAULT_STORE)) {
        mdb_txn_abort(txn); // as a commit that fails does
        return EIO;
    }
    return __real_mdb_txn_commit(txn);
}

#define AGAIN_MS 3000 // for a store to come back

static const struct reason wrong = {.slug = "what was given is wrong"};
static struct house *house;
static struct slice last_id;

// With an operation of its own, so that memory is asked for anew each time.
static reason admit(void) {
    struct op op;
    op_open(&op, NOON);
    op.id = S("req_fault");
    struct trace trace;
    house->login = (struct login){.ask_again = false};
    reason why = trace_open(&op, S("acme-okta"), S("acme"), &trace);
    if (why == NULL) {
        why = login_admit(&op, house->fixture->store, &house->door, &trace, &house->login);
    }
    // What was given points into the operation: look at it before it ends.
    if (why == NULL && (!slice_equal(house->login.user.email, S("jane@acme.example")) ||
                        house->login.roles.count != 1 || house->login.cookie.len != SESSION_COOKIE)) {
        why = &wrong;
    }
    if (why != NULL && why != &wrong && house->login.cookie.len > 0) {
        why = &wrong;
    }
    op_close(&op);
    return why;
}

static char id_room[32];
static void new_identity(void) {
    static unsigned serial;
    (void)snprintf(id_room, sizeof id_room, "_f%u", serial++);
    last_id = slice_str(id_room);
    house->identity.assertion_id = last_id;
}

static enum outcome sign_in(void) {
    new_identity();
    reason why = admit();
    if (why == &wrong) {
        return OUTCOME_WRONG;
    }
    // A fault is never told as the person's fault.
    if (why != NULL && why->class == CLASS_LOGIN) {
        printf("refused with %s\n", why->slug);
        return OUTCOME_WRONG;
    }
    return why == NULL ? OUTCOME_DONE : OUTCOME_REFUSED;
}

static reason admit_patiently(void) {
    reason why = NULL;
    for (int waited = 0; waited < AGAIN_MS; waited += 20) {
        why = admit();
        if (why != REASON_OF(STORE_UNAVAILABLE)) {
            break;
        }
        (void)usleep(20000);
    }
    return why;
}

// The same assertion may come once more unless it was used up; the next one is always let in.
static bool next_succeeds(void) {
    reason again = admit_patiently();
    if (again != NULL && again != REASON_OF(ASSERTION_REPLAYED)) {
        printf("the same again: %s\n", again->slug);
        return false;
    }
    if (admit_patiently() != REASON_OF(ASSERTION_REPLAYED)) {
        printf("the same a third time is not refused\n");
        return false;
    }
    new_identity();
    reason next = admit_patiently();
    if (next != NULL) {
        printf("the next one: %s\n", next->slug);
    }
    return next == NULL;
}

// One that must be refused: replayed.
static enum outcome replay(void) {
    reason why = admit();
    return why == NULL || why == &wrong ? OUTCOME_WRONG : OUTCOME_REFUSED;
}

static bool store_is_back(void) {
    return admit_patiently() == REASON_OF(ASSERTION_REPLAYED);
}

int main(void) {
    void *state = NULL;
    (void)house_open(&state);
    house = state;
    fault_each("a sign-in", FAULT_MEMORY, OUTCOME_DONE, sign_in, next_succeeds);
    fault_each("a sign-in", FAULT_STORE, OUTCOME_DONE, sign_in, next_succeeds);
    new_identity();
    (void)admit_patiently();
    fault_each("a replayed assertion", FAULT_MEMORY, OUTCOME_REFUSED, replay, store_is_back);
    fault_each("a replayed assertion", FAULT_STORE, OUTCOME_REFUSED, replay, store_is_back);
    (void)house_close(&state);
    return fault_done();
}
