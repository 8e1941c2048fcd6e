// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of visits, and how a store from before gets them.
#include "domain/visit.h"

#include "base/digest.h"
#include "base/rand.h"
#include "domain/batch.h"
#include "domain/grant.h"
#include "domain/roll.h"
#include "domain/space.h"
#include "domain/timekey.h"

#define SESSIONS_BYTES_MAX (128U << 10) // of one person's keys in a tenant: far above SESSIONS_EACH_MAX of them

static const struct field visit_rows[] = {
    F_TIME(struct visit, last, 1, FIELD_OUTPUT),
    F_TEXT(struct visit, assertion, 2, FIELD_OUTPUT | FIELD_NULL | FIELD_LINES, GRANT_TEXT_MAX),
    F_BYTES(struct visit, sessions, 3, FIELD_HIDDEN, SESSIONS_BYTES_MAX),
};
static FIELD_TABLE(visit_fields, "visit", 1, struct visit, visit_rows);

// ---- keys ----

// An id is "usr_" and a ULID, of which the key has the bytes; of any other text it has those of a digest.
static void person_key(struct slice user_id, struct key *ret_key) {
    uint8_t bytes[ULID_BYTES];
    key_open(ret_key, SPACE_VISIT);
    if (!slice_starts(user_id, S("usr_")) ||
        !ulid_bytes(slice_sub(user_id, 4, user_id.len), bytes)) {
        struct sha256 digest = digest_sha256(user_id);
        memcpy(bytes, digest.bytes, sizeof bytes);
    }
    key_bytes(ret_key, slice_of(bytes, sizeof bytes));
}

static void visit_key(struct slice tenant, struct slice user_id, struct key *ret_key) {
    person_key(user_id, ret_key);
    key_tail(ret_key, tenant);
}

// ---- reading ----

static reason check_list(struct op *op, struct slice sessions) {
    if (sessions.len % TIMEKEY_BYTES != 0) {
        REFUSE(op, STORE_UNAVAILABLE,
               "a list of sessions cannot be read; the store is damaged, restore it from a backup");
    }
    return NULL;
}

static reason read_row(struct op *op, struct slice bytes, struct visit *ret_visit) {
    struct visit visit = {.last = 0};
    if (bytes.at != NULL) {
        TRY(record_get(op, &visit_fields, bytes, &visit));
    }
    TRY(check_list(op, visit.sessions));
    *ret_visit = visit;
    return NULL;
}

reason visit_find(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                  struct visit *ret_visit) {
    struct key key;
    struct slice bytes;
    visit_key(tenant, user_id, &key);
    if (key.broken) { // an id from a URL that can be nobody's
        *ret_visit = (struct visit){.last = 0};
        return NULL;
    }
    TRY(txn_get(op, txn, key_slice(&key), &bytes));
    return read_row(op, bytes, ret_visit);
}

reason visit_each(struct op *op, struct txn *txn, struct slice user_id, visit_fn seen, void *arg) {
    struct key prefix;
    struct scan scan;
    reason why = NULL;
    person_key(user_id, &prefix);
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    while (why == NULL) {
        struct slice key;
        struct slice bytes;
        struct visit visit;
        why = scan_next(op, &scan, &key, &bytes);
        if (why != NULL || key.at == NULL) {
            break;
        }
        why = read_row(op, bytes, &visit);
        why = why == NULL ? seen(op, txn, visit.sessions, arg) : why;
    }
    scan_close(&scan);
    return why;
}

reason visit_show_grants(struct op *op, struct rows grants, const struct visit *visit,
                         struct rows *ret_grants) {
    struct grant *shown = NULL;
    TRY(op_take(op, grants.count * sizeof *shown, &shown));
    for (size_t i = 0; i < grants.count; i++) {
        shown[i] = ((const struct grant *)grants.at)[i];
        if (shown[i].source == GRANT_SSO && shown[i].assertion.len == 0) {
            shown[i].assertion = visit->assertion;
        }
    }
    *ret_grants = (struct rows){shown, grants.count};
    return NULL;
}

// ---- writing ----

reason visit_put(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                 const struct visit *before, const struct visit *after) {
    struct key key;
    struct slice bytes;
    bool there = false;
    visit_key(tenant, user_id, &key);
    if (after->last == 0 && after->assertion.len == 0 && after->sessions.len == 0) {
        TRY(txn_delete(op, txn, key_slice(&key), &there));
    } else {
        TRY(record_put(op, &visit_fields, after, &bytes));
        TRY(txn_put(op, txn, key_slice(&key), bytes));
    }
    return roll_visited(op, txn, tenant, user_id, before->last, after->last);
}

reason visit_remove(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id) {
    struct key key;
    bool there = false;
    visit_key(tenant, user_id, &key);
    return txn_delete(op, txn, key_slice(&key), &there);
}

// ---- a store from before there were such rows ----

// Of a membership as it was: everything else in its record is passed over.
struct old_membership {
    struct slice tenant, user_id;
    int64_t last_visit;
};
static const struct field old_rows[] = {
    F_TEXT(struct old_membership, tenant, 1, FIELD_OUTPUT, 63),
    F_TEXT(struct old_membership, user_id, 2, FIELD_OUTPUT, 64),
    F_TIME(struct old_membership, last_visit, 7, FIELD_OUTPUT),
};
static FIELD_TABLE(old_fields, "membership", 3, struct old_membership, old_rows);

// Two lists as one: each key once, the first to end first.
static reason join_lists(struct op *op, struct slice a, struct slice b, struct slice *ret_keys) {
    char *made = NULL;
    size_t len = 0;
    TRY(op_take(op, a.len + b.len, &made));
    while (a.len > 0 || b.len > 0) {
        struct slice first_a = slice_sub(a, 0, TIMEKEY_BYTES);
        struct slice first_b = slice_sub(b, 0, TIMEKEY_BYTES);
        bool of_a = b.len == 0 || (a.len > 0 && slice_compare(first_a, first_b) <= 0);
        bool of_b = a.len == 0 || (b.len > 0 && slice_compare(first_b, first_a) <= 0);
        memcpy(made + len, of_a ? first_a.at : first_b.at, TIMEKEY_BYTES);
        len += TIMEKEY_BYTES;
        a = slice_sub(a, of_a ? TIMEKEY_BYTES : 0, a.len);
        b = slice_sub(b, of_b ? TIMEKEY_BYTES : 0, b.len);
    }
    *ret_keys = slice_of(made, len);
    return NULL;
}

// A visit may be there already: the pass is run again, or the step to version 5 was begun by a program that made lists beside
// memberships, and ended by this one. Rows that earlier visits left in the order of visits stay for the janitor.
static reason move_member(struct op *op, struct txn *txn, const struct key *key) {
    struct old_membership old;
    struct key list = *key;
    struct slice bytes;
    struct slice sessions;
    key_bytes(&list, S("+"));
    TRY(txn_get(op, txn, key_slice(key), &bytes));
    if (bytes.at == NULL) {
        return NULL;
    }
    TRY(record_get(op, &old_fields, bytes, &old));
    TRY(txn_get(op, txn, key_slice(&list), &sessions));
    if (sessions.at == NULL && old.last_visit == 0) {
        return NULL;
    }
    struct visit before;
    TRY(check_list(op, sessions));
    TRY(visit_find(op, txn, old.tenant, old.user_id, &before));
    struct visit after = before;
    after.last = before.last > old.last_visit ? before.last : old.last_visit;
    TRY(join_lists(op, before.sessions, sessions, &after.sessions));
    return visit_put(op, txn, old.tenant, old.user_id, &before, &after);
}

// The key of a membership ends with a zero byte, that of the list beside it, which comes next and goes, with a plus.
static reason move_one(struct op *op, struct txn *txn, const struct key *key) {
    bool there = false;
    return key->bytes[key->len - 1] == 0 ? move_member(op, txn, key)
                                         : txn_delete(op, txn, key_slice(key), &there);
}

reason visits_make(struct op *op, struct txn *txn, void *arg) {
    return batch_pass(op, txn, arg, SPACE_MEMBERSHIP, VISIT_PASS, move_one);
}
