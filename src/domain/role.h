// SPDX-License-Identifier: GPL-3.0-or-later
// Roles: the built-in ones (roles.def, immutable) and a tenant's own.
#ifndef GATEHOUSE_DOMAIN_ROLE_H
#define GATEHOUSE_DOMAIN_ROLE_H

#include "domain/audit.h"
#include "domain/tenant.h"

#define ROLE_LIMIT_PER_TENANT 100
#define ROLE_NAME_MAX 64
#define ROLE_DESCRIPTION_MAX 256
#define ROLES_EACH_MAX 32 // roles of one membership, of one rule
#define ROLE_ACTOR_MAX 64 // bytes of who made a role

struct role {
    struct slice tenant; // "" for built-in
    struct slice role_id; // text_role_id
    struct slice name, description;
    struct texts permissions; // ids; session:login is implied
    bool builtin;
    int64_t created_at, updated_at;
    int64_t version;         // of a tenant's own: grows with each change; 0: built-in
    struct slice created_by; // actor
    int scope;               // where it can be given: in its tenant, the only scope there is
};
extern const char *const role_scope_names[]; // "tenant"
extern const struct field_table role_fields;
extern const struct entity role_entity; // the tenants' own

// Built-in or the tenant's; unknown_role.
MUST_USE reason role_find(struct op *op, struct txn *txn, struct slice tenant, struct slice role_id,
                          struct role *ret_role);
// What a list of role ids gives in this tenant: the union; ids that are no more are left out, and so is what the
// tenant took out of a built-in role, or has no entitlement for.
MUST_USE reason role_permissions(struct op *op, struct txn *txn, struct slice tenant,
                                 struct texts role_ids, struct permission_set *ret_set);
// The same, for who has read the tenant already.
MUST_USE reason role_permissions_in(struct op *op, struct txn *txn, const struct tenant *home,
                                    struct texts role_ids, struct permission_set *ret_set);
// What one role's row says that it gives (nothing when there is none), and what of it is taken away in a tenant.
MUST_USE reason role_set(struct op *op, struct txn *txn, struct slice tenant, struct slice role_id,
                         struct permission_set *ret_set);
MUST_USE reason role_denied(struct op *op, struct txn *txn, const struct tenant *home,
                            struct slice role_id, struct permission_set *ret_denied);
// Of that what the tenant took out itself (role_override_set), and no setting of it.
struct permission_set role_taken_out(const struct tenant *home, struct slice role_id);
// entitlement_missing: the role gives what this tenant did not buy.
MUST_USE reason role_entitled(struct op *op, struct txn *txn, const struct tenant *home,
                              struct slice role_id);
// Built-in first, then the tenant's by id.
MUST_USE reason role_list(struct op *op, struct txn *txn, struct slice tenant,
                          struct rows *ret_roles);
// duplicate_role_id (also of a built-in), duplicate_name, unknown_permission, empty_permissions, role_limit,
// forbidden (a permission that the actor lacks), entitlement_missing, not_found (tenant).
MUST_USE reason role_create(struct op *op, struct txn *txn, const struct actor *actor,
                            struct role *role);
// Replaces name, description and permissions. builtin_role_immutable, not_found, and those of role_create; what is
// added must be held by the actor and bought by the tenant, what was there before stays. last_admin, self_lockout.
MUST_USE reason role_change(struct op *op, struct txn *txn, const struct actor *actor,
                            struct role *role);
// A new role with the permissions of another, built-in or own. An empty name is that of the other with a mark.
MUST_USE reason role_clone(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice from, struct role *role);
// builtin_role_immutable, not_found, role_in_use (a membership or a mapping rule names it; *ret_members says how many
// have it). With `reassign_to` its members get that role in its place, each grant where it came from.
#define ROLE_REASSIGN_MAX 10000 // members that one call may move: all of it is one transaction
MUST_USE reason role_remove(struct op *op, struct txn *txn, const struct actor *actor,
                            struct slice tenant, struct slice role_id, struct slice reassign_to,
                            size_t *ret_members);
// What the tenant takes out of a built-in role; an empty list gives all of it back. What is given back must be held
// by the actor. not_found (it is no built-in role), invalid_input by field, last_admin, self_lockout.
MUST_USE reason role_override_set(struct op *op, struct txn *txn, const struct actor *actor,
                                  struct slice tenant, struct slice role_id, struct texts denied);

#endif
