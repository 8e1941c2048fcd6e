// SPDX-License-Identifier: GPL-3.0-or-later
// Faults where nothing may be done twice or be lost: a request with an Idempotency-Key, the erasure of a person, and
// retention. Whatever fails, the same request again makes one thing, and the chain of the audit log is whole.
#include <lmdb.h>

#include "http/callers.h"

#include "domain/audit_chain.h"

#include "fault.h" // last: those before have parameters of that name

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
#define ROLES "/api/v1/tenants/acme/roles"

static struct scene *at;
static unsigned serial;

// ---- in a transaction, with memory of its own ----

static reason in_write(store_fn fn, void *arg, int64_t now) {
    reason why = NULL;
    for (int waited = 0; waited < AGAIN_MS; waited += 20) {
        struct op op;
        op_open(&op, now);
        op.id = S("req_fault");
        why = store_write(&op, at->gate.store, fn, arg);
        op_close(&op);
        if (why != REASON_OF(STORE_UNAVAILABLE)) {
            break;
        }
        (void)usleep(20000);
    }
    return why;
}

static bool is_whole(void) {
    struct audit_walk *walk = calloc(1, sizeof *walk);
    reason why = REASON_OF(STORE_UNAVAILABLE);
    for (int waited = 0; why == REASON_OF(STORE_UNAVAILABLE) && waited < AGAIN_MS; waited += 20) {
        struct op op;
        op_open(&op, NOON);
        *walk = (struct audit_walk){.tenant = S("acme")};
        why = audit_verify(&op, at->gate.store, walk);
        op_close(&op);
        (void)usleep(why != NULL ? 20000 : 0);
    }
    bool whole = why == NULL && walk->found == 0;
    if (!whole) {
        printf("the chain: %s, %zu findings\n", why != NULL ? why->slug : "read", walk->found);
    }
    free(walk);
    return whole;
}

// ---- a request with a key ----

static unsigned post_role(void) {
    char body[128];
    char key[32];
    (void)snprintf(body, sizeof body, "{\"role_id\":\"r%u\",\"name\":\"R%u\",\"permissions\":[\"sso:manage\"]}",
                   serial, serial);
    (void)snprintf(key, sizeof key, "key-%u", serial);
    begin(at, METHOD_POST, ROLES, body);
    be(at, OPERATOR);
    set_header(at, "Idempotency-Key", slice_str(key));
    router_run(&at->op, &at->gate, &at->request, &at->reply);
    return at->reply.status;
}

static enum outcome make_role(void) {
    unsigned status = post_role();
    return status == 201                    ? OUTCOME_DONE
           : status == 503 || status == 500 ? OUTCOME_REFUSED
                                            : OUTCOME_WRONG;
}

static size_t created_rows(void) {
    char path[128];
    (void)snprintf(path, sizeof path, "/api/v1/tenants/acme/audit");
    char query[64];
    (void)snprintf(query, sizeof query, "event=role.created&target=r%u", serial);
    begin(at, METHOD_GET, path, NULL);
    at->request.query = slice_str(query);
    be(at, OPERATOR);
    router_run(&at->op, &at->gate, &at->request, &at->reply);
    const struct json *body = NULL;
    if (at->reply.status != 200 || json_parse(&at->op, at->reply.body, &body) != NULL) {
        return SIZE_MAX;
    }
    return json_count(json_get(body, "items"));
}

// Who was not told sends it again; who was told may do so too. Either way there is one.
static bool it_was_made_once(void) {
    unsigned status = 503;
    for (int waited = 0; status == 503 && waited < AGAIN_MS; waited += 20) {
        status = post_role();
        if (status == 503) {
            (void)usleep(20000);
        }
    }
    size_t rows = created_rows();
    if (status != 201 || rows != 1) {
        printf("the same again: %u, and %zu rows that say it was made\n", status, rows);
        return false;
    }
    // Room for the next: a tenant has so many roles of its own.
    char path[64];
    (void)snprintf(path, sizeof path, ROLES "/r%u", serial);
    begin(at, METHOD_DELETE, path, NULL);
    be(at, OPERATOR);
    router_run(&at->op, &at->gate, &at->request, &at->reply);
    serial++;
    return at->reply.status == 204 && (serial % 50 != 0 || is_whole());
}

// ---- erasing, and retention ----

static reason add_rows(struct op *op, struct txn *txn, void *arg) {
    const struct actor staff = {.kind = ACTOR_OPERATOR, .id = S("operator"), .address = S("192.0.2.1")};
    (void)arg;
    for (int i = 0; i < 3; i++) {
        TRY(audit_add(op, txn, &staff, S("acme"), "user.updated", S("usr_1"), S("was a@acme.example")));
    }
    return audit_due_put(op, txn, S("acme"), op->now);
}

static enum outcome erase_person(void) {
    struct op op;
    struct actor staff = {.kind = ACTOR_OPERATOR, .id = S("operator"), .address = S("192.0.2.1")};
    struct audit_erasure erasure = {.tenant = S("acme"), .user_id = S("usr_1")};
    op_open(&op, NOON);
    reason why = audit_erase(&op, at->gate.store, &staff, &erasure);
    op_close(&op);
    return why == NULL ? OUTCOME_DONE : OUTCOME_REFUSED;
}

static reason sweep_old(struct op *op, struct txn *txn, void *arg) {
    size_t left = 100;
    (void)arg;
    return audit_sweep(op, txn, &left);
}

// The log stays short, so that there are no more calls to fail than the last time.
static bool is_whole_and_goes_on(void) {
    bool whole = is_whole();
    reason why = in_write(sweep_old, NULL, NOON + 400 * DAY_MS);
    why = why != NULL ? why : in_write(add_rows, NULL, NOON);
    return whole && why == NULL && is_whole();
}

static enum outcome forget_old(void) {
    struct op op;
    op_open(&op, NOON + 400 * DAY_MS);
    reason why = store_write(&op, at->gate.store, sweep_old, NULL);
    op_close(&op);
    return why == NULL ? OUTCOME_DONE : OUTCOME_REFUSED;
}

int main(void) {
    void *state = NULL;
    (void)scene_open(&state);
    at = state;
    log_level_set((enum log_level)(LOG_ERROR + 1)); // what fails here is meant to
    two_tenants(at);
    fault_each("a request with a key", FAULT_MEMORY, OUTCOME_DONE, make_role, it_was_made_once);
    fault_each("a request with a key", FAULT_STORE, OUTCOME_DONE, make_role, it_was_made_once);
    (void)in_write(add_rows, NULL, NOON);
    fault_each("an erasure", FAULT_MEMORY, OUTCOME_DONE, erase_person, is_whole_and_goes_on);
    fault_each("an erasure", FAULT_STORE, OUTCOME_DONE, erase_person, is_whole_and_goes_on);
    fault_each("retention", FAULT_MEMORY, OUTCOME_DONE, forget_old, is_whole_and_goes_on);
    fault_each("retention", FAULT_STORE, OUTCOME_DONE, forget_old, is_whole_and_goes_on);
    (void)scene_close(&state);
    return fault_done();
}
