// SPDX-License-Identifier: GPL-3.0-or-later
// Why somebody may do something, or may not: permission <- role <- grant <- rule <- assertion.
#ifndef GATEHOUSE_DOMAIN_PROVENANCE_H
#define GATEHOUSE_DOMAIN_PROVENANCE_H

#include "domain/user.h"

// Why a way to a permission leads nowhere in this tenant, or that it does lead there.
enum way_state { WAY_OPEN, WAY_RESTRICTED, WAY_ENTITLEMENT };
extern const char *const way_state_names[]; // "open", "restricted", "entitlement_missing"
struct way {
    const struct permission *permission;
    struct slice role_id, role_name;
    const struct grant *grant;
    enum way_state state;
};

// The answer to whether somebody may, in one word.
enum verdict {
    VERDICT_GRANTED,
    VERDICT_NOT_GRANTED, // no role of theirs gives it
    VERDICT_RESTRICTED,  // a built-in role would give it; the tenant took it out
    VERDICT_ENTITLEMENT, // a role would give it; the tenant does not have the add-on
    VERDICT_NO_MEMBER,   // nobody of that id in this tenant
    VERDICT_NOT_ACTIVE,  // the membership lets nobody in: invited, disabled, deleted ...
    VERDICT_EXPIRED,     // its time is over
    VERDICT_TENANT,      // the tenant is disabled
};
extern const char *const verdict_names[];

struct why {
    enum verdict verdict;
    struct rows ways; // struct way: those that lead to it, or would
};
// rows of struct way: all that these grants give, by permission, then in the order of the grants; with a permission
// only that one's.
MUST_USE reason provenance_ways(struct op *op, struct txn *txn, const struct tenant *home,
                                struct rows grants, const struct permission *only,
                                struct rows *ret_ways);
// `user_id`: a person, or a service user of the tenant.
MUST_USE reason provenance_of(struct op *op, struct txn *txn, const struct tenant *home,
                              struct slice user_id, const struct permission *permission,
                              struct why *ret_why);

#endif
