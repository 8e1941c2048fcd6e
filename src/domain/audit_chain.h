// SPDX-License-Identifier: GPL-3.0-or-later
// The chain of audit rows of a tenant, and the one of what belongs to no tenant: each row holds the hash of the row
// before and its own, which covers every member that is not erasable and a commitment to those that are. A small row
// holds number and hash of the last one; another those of the last row that retention removed.
//
// A chain shows a row that was altered, removed, added or moved by whoever wrote to the store without recomputing all
// that follows. Who recomputes all of it is found by a head that was kept elsewhere (`anchor`).
#ifndef GATEHOUSE_DOMAIN_AUDIT_CHAIN_H
#define GATEHOUSE_DOMAIN_AUDIT_CHAIN_H

#include "domain/audit.h"

// What prev_hash of the first row is.
struct sha256 audit_origin(struct slice tenant);
struct sha256 audit_hash(const struct audit *audit);
struct sha256 audit_actor_seal(const struct audit *audit);  // of part and salt, as they stand in the row
struct sha256 audit_person_seal(const struct audit *audit);

// SPACE_AUDIT_HEAD or SPACE_AUDIT_FRONT; an origin with seq 0 when there is none.
MUST_USE reason audit_link_get(struct op *op, struct txn *txn, uint8_t space, struct slice tenant,
                               struct audit_link *ret_link);
MUST_USE reason audit_link_put(struct op *op, struct txn *txn, uint8_t space, struct slice tenant,
                               const struct audit_link *link);

// The key of a row, and the id by which it is shown.
struct key audit_row_key(struct slice tenant, uint64_t seq);
struct slice audit_row_id(struct op *op, uint64_t seq);

// ---- verifying (audit_verify.c) ----

enum audit_fault {
    AUDIT_ALTERED, // a row does not say what its hash covers, or does not follow from the one before
    AUDIT_MISSING, // numbers from seq to `to` have no row
    AUDIT_ADDED,   // a row behind the end, or before the front
    AUDIT_MOVED,   // a row says that it stands elsewhere
};
extern const char *const audit_fault_names[]; // "altered" ..., NULL at the end
struct audit_finding {
    int kind; // enum audit_fault
    int64_t seq, to;
    struct slice detail;
};
extern const struct field_table audit_finding_fields;
#define AUDIT_FINDINGS_MAX 100 // that are told; the rest is counted
#define AUDIT_STEP 5000        // rows of one read; a longer one would keep the store from using old pages again

// A walk along one chain. The caller sets tenant and, where there is one, the anchor: number and hash of a row that
// were kept elsewhere.
struct audit_walk {
    struct slice tenant;
    struct audit_link anchor;
    bool anchored;
    // What is known so far.
    struct audit_link head, front; // when the walk began, and now
    struct audit_link last;        // the row that was seen last
    bool begun, done, doubtful;    // doubtful: the row before was bad, so the next need not follow from it
    size_t rows, before_chain, erased_actor, erased_person, found;
    struct audit_finding findings[AUDIT_FINDINGS_MAX];
};
// The next AUDIT_STEP rows, in a read; op's memory holds the findings.
MUST_USE reason audit_verify_step(struct op *op, struct txn *txn, struct audit_walk *walk);
// The whole, in as many reads as it takes.
MUST_USE reason audit_verify(struct op *op, struct store *store, struct audit_walk *walk);

// ---- erasing and retention (audit_erase.c) ----

// Takes out of a chain what says who a person is: of rows about him what changed and its detail, of rows by him the
// address. Rows, numbers and hashes stay. `email` "": not known; else rows that hold it are about him, too.
struct audit_erasure {
    struct slice tenant, user_id, email;
    size_t erased; // rows
};
MUST_USE reason audit_erase(struct op *op, struct store *store, const struct actor *actor,
                            struct audit_erasure *erasure);

// The same a little at a time, by audit_sweep: for those whose data goes by itself.
MUST_USE reason audit_erase_later(struct op *op, struct txn *txn, struct slice tenant,
                                  struct slice user_id, struct slice email);

// Notes that retention looks at this chain in a day.
MUST_USE reason audit_due_put(struct op *op, struct txn *txn, struct slice tenant, int64_t now);
// Goes on with the erasures that were put off, then removes rows that are older than their tenant keeps them, from the
// front; at most *left rows, whose number it takes off.
MUST_USE reason audit_sweep(struct op *op, struct txn *txn, size_t *left);

#endif
