// SPDX-License-Identifier: GPL-3.0-or-later
// A membership as it is after a visit, for tests that write it themselves.
#ifndef GATEHOUSE_TESTS_UNIT_DOMAIN_VISITED_H
#define GATEHOUSE_TESTS_UNIT_DOMAIN_VISITED_H

#include "domain/user.h"

// As a sign-in does it: the visit first.
static inline reason put_visited(struct op *op, struct txn *txn, const struct membership *membership,
                                 int64_t last) {
    struct visit before;
    TRY(visit_find(op, txn, membership->tenant, membership->user_id, &before));
    struct visit after = before;
    after.last = last;
    TRY(visit_put(op, txn, membership->tenant, membership->user_id, &before, &after));
    return entity_put(op, txn, &membership_entity, membership);
}

#endif
