// SPDX-License-Identifier: GPL-3.0-or-later
// Inside of the room's role files: role.c (rows, finding, what a list of roles gives), role_builtin.c (the ones
// that are data of the program), role_change.c (making, changing), role_remove.c (removing).
#ifndef GATEHOUSE_DOMAIN_ROLE_PARTS_H
#define GATEHOUSE_DOMAIN_ROLE_PARTS_H

#include "domain/role.h"

#define BUILTIN_NONE (-1)
// The built-in roles that a list of roles shows come first, then the levels of the components.
extern const int builtin_listed_count, builtin_count;
int builtin_find(struct slice role_id); // its number, or BUILTIN_NONE
struct permission_set builtin_set(int builtin);
struct slice builtin_id(int builtin);
bool builtin_has_name(struct slice name); // without case
MUST_USE reason builtin_role(struct op *op, int builtin, struct role *ret_role);

// A tenant's own role; *ret_found false also for what cannot be an id.
MUST_USE reason role_find_own(struct op *op, struct txn *txn, struct slice tenant,
                              struct slice role_id, struct role *ret_role, bool *ret_found);
struct key role_keys_of(struct slice tenant);
struct key role_key_of(struct slice tenant, struct slice role_id);
// builtin_role_immutable, not_found.
MUST_USE reason role_find_to_change(struct op *op, struct txn *txn, struct slice tenant,
                                    struct slice role_id, struct role *ret_role);

#endif
