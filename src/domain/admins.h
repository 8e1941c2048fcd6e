// SPDX-License-Identifier: GPL-3.0-or-later
// A tenant keeps somebody who manages its users, and nobody takes that from himself. An administrator is a
// membership that lets in (active, or locked, and not past its end) and gives users:manage.
// Who is given an end, or an earlier one, counts as gone: nobody is asked when it comes.
// Sign-ins by SSO and the program itself are not held up: what the identity provider says of its people counts. An
// operator is held up only where no group of a switched-on connection would make another administrator, and never in a
// tenant that is disabled.
#ifndef GATEHOUSE_DOMAIN_ADMINS_H
#define GATEHOUSE_DOMAIN_ADMINS_H

#include "domain/user.h"

// One membership changes from `before` to `after` (NULL: it goes). Called by membership_store, so whoever stores a
// membership through it is checked. last_admin, self_lockout.
MUST_USE reason admins_check(struct op *op, struct txn *txn, const struct actor *actor,
                             const struct membership *before, const struct membership *after);

// What roles give changes: looked at before the change, checked after it, in the same transaction.
struct admins_watch {
    bool had;  // the tenant had an administrator
    bool self; // the actor was one
};
MUST_USE reason admins_watch(struct op *op, struct txn *txn, const struct actor *actor,
                             struct slice tenant, struct admins_watch *ret_watch);
MUST_USE reason admins_watched(struct op *op, struct txn *txn, const struct actor *actor,
                               struct slice tenant, const struct admins_watch *watch);

#endif
