// SPDX-License-Identifier: GPL-3.0-or-later
// What each sign-in of a member changes, in a row apart from the membership: when the person came last, the assertion that the
// grants were confirmed by, and whose sessions are whose. The rows are small, with short keys, so that those of a million people
// are few pages: a sign-in writes one of them, and the pages above it are shared with others.
#ifndef GATEHOUSE_DOMAIN_VISIT_H
#define GATEHOUSE_DOMAIN_VISIT_H

#include "base/field.h"
#include "store/key.h"

struct visit {
    int64_t last;           // when the person came last, ms; 0 = never
    struct slice assertion; // of the last sign-in through an identity provider: it confirmed the grants that name none
    struct slice sessions;  // keys of the person's sessions in the tenant, timekeys one after the other; some may be gone
};

// All empty when there is none.
MUST_USE reason visit_find(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                           struct visit *ret_visit);
// From `before`, as visit_find gave it, to `after`; one that is all empty has no row. Keeps the order of last visits.
MUST_USE reason visit_put(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                          const struct visit *before, const struct visit *after);
// The membership goes, and with it what is known of its visits; none is no harm.
MUST_USE reason visit_remove(struct op *op, struct txn *txn, struct slice tenant,
                             struct slice user_id);
// The sessions of a person, tenant by tenant, to who only reads. They lie in op's memory.
typedef reason (*visit_fn)(struct op *op, struct txn *txn, struct slice sessions, void *arg);
MUST_USE reason visit_each(struct op *op, struct txn *txn, struct slice user_id, visit_fn seen,
                           void *arg);
// The grants of a membership with the assertion that confirmed them, for who shows them.
MUST_USE reason visit_show_grants(struct op *op, struct rows grants, const struct visit *visit,
                                  struct rows *ret_grants);

// A migration step (arg: struct migration_pass): a store that has the last visit in the membership, and the sessions beside it.
#define VISIT_PASS 200 // members in one transaction of it
MUST_USE reason visits_make(struct op *op, struct txn *txn, void *arg);

#endif
