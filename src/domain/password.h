// SPDX-License-Identifier: GPL-3.0-or-later
// What a tenant asks of passwords, and whether one is good enough. A person in several tenants has one password: the
// strictest of what they ask counts. Hashing is base/argon's; nothing here keeps a password.
#ifndef GATEHOUSE_DOMAIN_PASSWORD_H
#define GATEHOUSE_DOMAIN_PASSWORD_H

#include "domain/tenant_settings.h"
#include "domain/user.h"

#define PASSWORD_PART_MIN 4 // a shorter part of an address or a name may be in a password

struct password_policy {
    int64_t min_length, classes, max_age_days, history;
    int64_t lock_attempts, lock_minutes;
    bool hard_lock, second_factor;
};
// Of one tenant's settings.
struct password_policy password_policy_of(const struct tenant_settings *settings);
// The stricter of each.
struct password_policy password_policy_stricter(struct password_policy a, struct password_policy b);
// Of all tenants that this user has joined; the usual one where there is none.
MUST_USE reason password_policy_for(struct op *op, struct txn *txn, struct slice user_id,
                                    struct password_policy *ret_policy);

// password.weak, by field (at `pointer`): too short, too few kinds of characters, one of the well-known ones, made of the
// e-mail address, a name or the product's name. Too long: out_of_bounds.
MUST_USE reason password_check(struct op *op, const struct password_policy *policy,
                               const struct user *user, struct slice product, struct slice pointer,
                               struct slice password);
// True for the well-known ones, also with capitals, digits for letters, and something before or after.
bool password_common(struct slice password);
// The rules as one sentence for people, for the forms.
struct slice password_rules(struct op *op, const struct password_policy *policy);

// Named sets of settings: "acquia_cdp". False: there is none of this name.
bool password_preset(struct slice name, struct tenant_settings *settings);

#endif
