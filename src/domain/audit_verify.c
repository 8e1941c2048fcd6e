// SPDX-License-Identifier: GPL-3.0-or-later
// Walks along a chain and says where it is not what it was. After a row that is bad the walk takes the next row's own
// word for what came before, so that one altered row is one finding and not all that follow.
#include "domain/audit_chain.h"
#include "domain/listing.h"
#include "domain/space.h"

const char *const audit_fault_names[] = {"altered", "missing", "added", "moved", NULL};

static const struct field finding_rows[] = {
    F_CHOICE(struct audit_finding, kind, 1, FIELD_OUTPUT, audit_fault_names),
    F_NUMBER(struct audit_finding, seq, 2, FIELD_OUTPUT, 0, INT64_MAX),
    F_NUMBER(struct audit_finding, to, 3, FIELD_OUTPUT, 0, INT64_MAX),
    F_TEXT(struct audit_finding, detail, 4, FIELD_OUTPUT, 200),
};
FIELD_TABLE(audit_finding_fields, "finding", 1, struct audit_finding, finding_rows);

static void found(struct op *op, struct audit_walk *walk, int kind, uint64_t seq, uint64_t to,
                  const char *detail) {
    if (walk->found < AUDIT_FINDINGS_MAX) {
        walk->findings[walk->found] = (struct audit_finding){
            .kind = kind, .seq = (int64_t)seq, .to = (int64_t)to, .detail = op_text(op, "%s", detail)};
    }
    walk->found++;
}

static bool same(struct slice bytes, const struct sha256 *hash) {
    return slice_equal(bytes, digest_slice(hash));
}

// What the row says of itself: NULL, or what is wrong with it.
static const char *fault_of(const struct audit *audit) {
    struct sha256 hash = audit_hash(audit);
    struct sha256 actor = audit_actor_seal(audit);
    struct sha256 person = audit_person_seal(audit);
    if (!same(audit->hash, &hash)) {
        return "it does not say what its hash covers";
    }
    bool actor_erased = (audit->erased & AUDIT_ERASED_ACTOR) != 0;
    bool person_erased = (audit->erased & AUDIT_ERASED_PERSON) != 0;
    bool has_actor = audit->address.len + audit->actor_salt.len > 0;
    bool has_person = audit->person_salt.len + audit->person_detail.len +
                          audit->person_before.len + audit->person_after.len >
                      0;
    if ((actor_erased && has_actor) || (person_erased && has_person)) {
        return "a part of it counts as erased, and is there";
    }
    if (!actor_erased && (has_actor || audit->actor_seal.len > 0) &&
        !same(audit->actor_seal, &actor)) {
        return "the address is not the one that was written";
    }
    if (!person_erased && (has_person || audit->person_seal.len > 0) &&
        !same(audit->person_seal, &person)) {
        return "the part about a person is not the one that was written";
    }
    return NULL;
}

// A row at its place. Says whether the next can be held against it.
static void check_row(struct op *op, struct audit_walk *walk, uint64_t seq,
                      const struct audit *audit) {
    bool doubtful = walk->doubtful;
    walk->doubtful = true;
    if (audit->seq != (int64_t)seq || !slice_equal(audit->tenant, walk->tenant)) {
        found(op, walk, AUDIT_MOVED, seq, (uint64_t)audit->seq,
              "the row here says that it stands elsewhere");
        return;
    }
    const char *fault = fault_of(audit);
    if (fault != NULL) {
        found(op, walk, AUDIT_ALTERED, seq, seq, fault);
        return;
    }
    if (!doubtful && !same(audit->prev_hash, &walk->last.hash)) {
        found(op, walk, AUDIT_ALTERED, seq, seq, "it does not follow from the row before it");
        return;
    }
    if (walk->anchored && walk->anchor.seq == seq && !same(audit->hash, &walk->anchor.hash)) {
        found(op, walk, AUDIT_ALTERED, seq, seq, "its hash is not the one that was kept elsewhere");
        return;
    }
    walk->erased_actor += (audit->erased & AUDIT_ERASED_ACTOR) != 0 ? 1 : 0;
    walk->erased_person += (audit->erased & AUDIT_ERASED_PERSON) != 0 ? 1 : 0;
    walk->doubtful = false;
}

// A row behind the end as it was when the walk began was written since, or added by whoever did not move the end.
static reason is_added(struct op *op, struct txn *txn, const struct audit_walk *walk, uint64_t seq,
                       bool *ret_added) {
    struct audit_link head;
    TRY(audit_link_get(op, txn, SPACE_AUDIT_HEAD, walk->tenant, &head));
    *ret_added = seq > head.seq;
    return NULL;
}

static reason take_row(struct op *op, struct op *inner, struct audit_walk *walk, uint64_t seq,
                       struct slice value) {
    struct audit audit;
    reason why = NULL;
    if (seq <= walk->front.seq) {
        found(op, walk, AUDIT_ADDED, seq, seq, "it stands before the front of the chain");
        return NULL;
    }
    if (seq > walk->last.seq + 1) {
        found(op, walk, AUDIT_MISSING, walk->last.seq + 1, seq - 1, "these rows are not there");
        walk->doubtful = true;
    }
    walk->rows++;
    why = record_get(inner, &audit_fields, value, &audit);
    if (why == REASON_OF(LIMIT_MEMORY)) {
        REFUSE(op, LIMIT_MEMORY, "no memory to read a row of the audit log");
    }
    if (why != NULL) {
        found(op, walk, AUDIT_ALTERED, seq, seq, "it cannot be read");
        walk->doubtful = true;
    } else {
        check_row(op, walk, seq, &audit);
        if (audit.hash.len == SHA256_BYTES) {
            memcpy(walk->last.hash.bytes, audit.hash.at, SHA256_BYTES);
        }
    }
    walk->last.seq = seq;
    return NULL;
}

// What the ends say, once all rows were seen.
static void finish(struct op *op, struct audit_walk *walk) {
    walk->done = true;
    if (walk->last.seq < walk->head.seq) {
        found(op, walk, AUDIT_MISSING, walk->last.seq + 1, walk->head.seq,
              "the chain ends before its end");
    } else if (walk->last.seq == walk->head.seq && !walk->doubtful &&
               !same(digest_slice(&walk->head.hash), &walk->last.hash)) {
        found(op, walk, AUDIT_ALTERED, walk->head.seq, walk->head.seq,
              "its hash is not the one that the end of the chain holds");
    }
    if (walk->anchored && walk->anchor.seq == walk->front.seq &&
        !same(digest_slice(&walk->anchor.hash), &walk->front.hash)) {
        found(op, walk, AUDIT_ALTERED, walk->front.seq, walk->front.seq,
              "the hash at the front is not the one that was kept elsewhere");
    }
    if (walk->anchored && walk->anchor.seq > walk->head.seq) {
        found(op, walk, AUDIT_MISSING, walk->head.seq + 1, walk->anchor.seq,
              "the chain was longer when its end was kept elsewhere");
    }
}

static reason begin(struct op *op, struct txn *txn, struct audit_walk *walk) {
    TRY(audit_link_get(op, txn, SPACE_AUDIT_FRONT, walk->tenant, &walk->front));
    if (!walk->begun) {
        // The end as it is now: what is written from here on is none of this walk.
        TRY(audit_link_get(op, txn, SPACE_AUDIT_HEAD, walk->tenant, &walk->head));
        struct key old = key_in(SPACE_AUDIT);
        key_text(&old, walk->tenant);
        TRY(listing_count(op, txn, key_slice(&old), &walk->before_chain));
        walk->last = walk->front;
        walk->begun = true;
    } else if (walk->front.seq > walk->last.seq) {
        walk->last = walk->front; // retention was faster than the walk
        walk->doubtful = false;
    }
    return NULL;
}

static reason walk_on(struct op *op, struct txn *txn, struct scan *scan, struct audit_walk *walk) {
    for (size_t i = 0; i < AUDIT_STEP; i++) {
        struct slice key;
        struct slice value;
        struct slice tenant;
        uint64_t seq = 0;
        TRY(scan_next(op, scan, &key, &value));
        struct slice rest = slice_sub(key, 1, key.len);
        if (key.at == NULL || !key_read_text(&rest, &tenant) || !key_read_u64(&rest, &seq)) {
            finish(op, walk);
            return NULL;
        }
        if (seq > walk->head.seq) {
            bool added = false;
            TRY(is_added(op, txn, walk, seq, &added));
            if (added) {
                found(op, walk, AUDIT_ADDED, seq, seq, "it stands behind the end of the chain");
            }
            finish(op, walk);
            return NULL;
        }
        struct op inner;
        op_open(&inner, op->now);
        reason why = take_row(op, &inner, walk, seq, value);
        op_close(&inner);
        TRY(why);
    }
    return NULL;
}

reason audit_verify_step(struct op *op, struct txn *txn, struct audit_walk *walk) {
    bool first = !walk->begun;
    TRY(begin(op, txn, walk));
    struct key prefix = key_in(SPACE_AUDIT_ROW);
    key_text(&prefix, walk->tenant);
    struct key from = audit_row_key(walk->tenant, walk->last.seq);
    struct scan scan = {0};
    // The first step begins at the very front, so that a row before it is seen.
    reason why = scan_open(op, txn, key_slice(&prefix), first ? SLICE_NONE : key_slice(&from), false,
                           &scan);
    if (why == NULL) {
        why = walk_on(op, txn, &scan, walk);
    }
    scan_close(&scan);
    return why;
}

static reason step(struct op *op, struct txn *txn, void *arg) {
    return audit_verify_step(op, txn, arg);
}

reason audit_verify(struct op *op, struct store *store, struct audit_walk *walk) {
    while (!walk->done) {
        TRY(store_walk(op, store, step, walk));
    }
    return NULL;
}
