// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogue of permissions as data (permissions.def) and sets of them. A permission's number is frozen
// and never reused; a set is 128 bits.
#ifndef GATEHOUSE_DOMAIN_PERMISSION_H
#define GATEHOUSE_DOMAIN_PERMISSION_H

#include "base/op.h"

#define PERMISSION_ROOM 128 // numbers 0..127

enum permission_number {
#define PERMISSION(number, symbol, id, task, name, description, pii, entitlement)                  \
    PERMISSION_##symbol = number,
#include "domain/permissions.def"
#undef PERMISSION
};

struct permission {
    uint8_t number;
    const char *id;      // "users:view"
    const char *task_id; // the name in the custom roles API ("user_management:view"), or NULL
    const char *name, *description;
    bool pii; // lets its holder see personal data of end users
    const char *entitlement; // what the tenant must have bought, or NULL
};
extern const struct permission permission_table[];
extern const size_t permission_count;

struct permission_set {
    uint64_t bits[2];
};

const struct permission *permission_find(struct slice id); // NULL: there is none
bool permission_has(struct permission_set set, const struct permission *permission);
bool permission_may(struct permission_set set, const char *id); // false for an unknown id
void permission_add(struct permission_set *set, const struct permission *permission);
struct permission_set permission_union(struct permission_set a, struct permission_set b);
struct permission_set permission_without(struct permission_set set, struct permission_set less);
bool permission_within(struct permission_set part, struct permission_set whole);
void permission_add_number(struct permission_set *set, unsigned number);
bool permission_none(struct permission_set set);

// ---- entitlements: what a tenant bought ----

// Is this the name of one that some permission needs?
bool entitlement_known(struct slice name);
// Of `set`, what needs an entitlement that is not among these.
struct permission_set entitlement_lacking(struct permission_set set, struct texts entitlements);
// The name of one that `set` needs and that is not among these; NULL: none is missing.
const char *entitlement_missing(struct permission_set set, struct texts entitlements);
// The ids, sorted, in the arena.
MUST_USE reason permission_texts(struct op *op, struct permission_set set, struct texts *ret_ids);

#endif
