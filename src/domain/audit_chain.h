// SPDX-License-Identifier: GPL-3.0-or-later
// The chain of audit rows of a tenant, and the one of what belongs to no tenant: each row holds the hash of the row
// before and its own, which covers every member that is not erasable and a commitment to those that are. A small row
// holds number and hash of the last one; another those of the last row that retention removed.
//
// A chain shows a row that was altered, removed, added or moved by whoever wrote to the store without recomputing all
// that follows. Who recomputes all of it is found by a head that was kept elsewhere (`anchor`).
#ifndef GATEHOUSE_DOMAIN_AUDIT_CHAIN_H
#define GATEHOUSE_DOMAIN_AUDIT_CHAIN_H

#include "base/digest.h"
#include "domain/audit.h"

struct audit_link { // an end of a chain
    uint64_t seq;   // 0: no row yet
    struct sha256 hash;
};

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

#endif
