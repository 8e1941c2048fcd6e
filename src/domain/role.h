// SPDX-License-Identifier: GPL-3.0-or-later
// Roles: the built-in ones (roles.def, immutable) and a tenant's own.
#ifndef GATEHOUSE_DOMAIN_ROLE_H
#define GATEHOUSE_DOMAIN_ROLE_H

#include "domain/audit.h"

#define ROLE_LIMIT_PER_TENANT 100
#define ROLE_NAME_MAX 64
#define ROLE_DESCRIPTION_MAX 256
#define ROLES_EACH_MAX 32 // roles of one membership, of one rule

struct role {
    struct slice tenant; // "" for built-in
    struct slice role_id; // text_role_id
    struct slice name, description;
    struct texts permissions; // ids; session:login is implied
    bool builtin;
    int64_t created_at, updated_at;
};
extern const struct field_table role_fields;
extern const struct entity role_entity; // the tenants' own

// Built-in or the tenant's; unknown_role.
MUST_USE reason role_find(struct op *op, struct txn *txn, struct slice tenant, struct slice role_id,
                          struct role *ret_role);
// What a list of role ids gives in this tenant (union; ids that are no more are left out).
MUST_USE reason role_permissions(struct op *op, struct txn *txn, struct slice tenant,
                                 struct texts role_ids, struct permission_set *ret_set);
// Built-in first, then the tenant's by id.
MUST_USE reason role_list(struct op *op, struct txn *txn, struct slice tenant,
                          struct rows *ret_roles);
// duplicate_role_id (also of a built-in), duplicate_name, unknown_permission, empty_permissions, role_limit,
// forbidden (a permission that the actor lacks), not_found (tenant).
MUST_USE reason role_create(struct op *op, struct txn *txn, const struct actor *actor,
                            struct role *role);
// builtin_role_immutable, not_found, role_in_use (a membership or a mapping rule names it).
MUST_USE reason role_remove(struct op *op, struct txn *txn, const struct actor *actor,
                            struct slice tenant, struct slice role_id);

#endif
