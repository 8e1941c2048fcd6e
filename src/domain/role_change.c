// SPDX-License-Identifier: GPL-3.0-or-later
// A tenant's own roles made, cloned and changed, and what it takes out of the built-in ones. Nobody puts
// into a role, or gives back to one, what they do not hold themselves.
#include "base/text.h"
#include "domain/admins.h"
#include "domain/component.h"
#include "domain/fault.h"
#include "domain/grant.h"
#include "domain/listing.h"
#include "domain/role_parts.h"

// ---- what a role may be ----

static void check_text(struct faults *faults, const char *name, struct slice text, size_t most) {
    if (text.len > most) {
        fault_at(faults, name, REASON_OF(FIELD_RANGE), "%zu bytes long; at most %zu are taken",
                 text.len, most);
    } else if (!text_line(text)) {
        fault_at(faults, name, REASON_OF(RESTRICTED_CHARACTERS),
                 "one line without control characters is expected");
    }
}

// What a role gives already, it may go on giving: only what is new is the actor's to answer for.
static void check_permission(struct faults *faults, const struct actor *actor,
                             const struct tenant *home, size_t index,
                             const struct permission *permission) {
    struct permission_set one = {{0, 0}};
    permission_add(&one, permission);
    const char *missing = entitlement_missing(one, home->entitlements);
    if (missing != NULL) {
        fault_in(faults, "permissions", index, REASON_OF(ENTITLEMENT_MISSING),
                 "\"%s\" needs the entitlement %s, which this tenant does not have",
                 permission->id, missing);
    } else if (permission->number != PERMISSION_SESSION_LOGIN && !actor_holds(actor, one)) {
        fault_in(faults, "permissions", index, REASON_OF(FORBIDDEN),
                 "nobody gives what they do not hold: \"%s\"", permission->id);
    }
}

static void check_permissions(struct faults *faults, const struct actor *actor,
                              const struct tenant *home, struct texts ids,
                              struct permission_set old, struct permission_set *ret_set) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < ids.count; i++) {
        const struct permission *permission = permission_find(ids.at[i]);
        if (permission == NULL) {
            fault_in(faults, "permissions", i, REASON_OF(UNKNOWN_PERMISSION),
                     "there is no permission with this id");
            continue;
        }
        if (!permission_has(old, permission)) {
            check_permission(faults, actor, home, i, permission);
        }
        permission_add(&set, permission);
    }
    *ret_set = set;
}

// `old`: what the role gives so far; nothing for a new one.
static reason check_role(struct op *op, const struct actor *actor, const struct tenant *home,
                         struct permission_set old, struct role *role) {
    struct faults faults = faults_open(op, S(""));
    if (!text_role_id(role->role_id)) {
        fault_at(&faults, "role_id", REASON_OF(FIELD_VALUE),
                 "1 to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen");
    } else if (slice_starts(role->role_id, S(COMPONENT_PREFIX))) {
        fault_at(&faults, "role_id", REASON_OF(FIELD_VALUE),
                 "ids that begin with " COMPONENT_PREFIX " are those of components");
    }
    role->name = slice_trim(role->name);
    role->description = slice_trim(role->description);
    check_text(&faults, "name", role->name, ROLE_NAME_MAX);
    if (role->name.len == 0) {
        fault_at(&faults, "name", REASON_OF(FIELD_REQUIRED), "a role needs a name");
    }
    check_text(&faults, "description", role->description, ROLE_DESCRIPTION_MAX);
    if (role->permissions.count == 0) {
        fault_at(&faults, "permissions", REASON_OF(EMPTY_PERMISSIONS),
                 "a role needs at least one permission");
    }
    struct permission_set set;
    check_permissions(&faults, actor, home, role->permissions, old, &set);
    TRY(faults_end(&faults));
    return permission_texts(op, set, &role->permissions);
}

static reason check_builtin_name(struct op *op, struct slice name) {
    if (builtin_has_name(name)) {
        REFUSE(op, DUPLICATE_NAME, "\"%.*s\" is the name of a built-in role", SLICE(name));
    }
    return NULL;
}

static struct permission_set set_of(struct texts ids) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < ids.count; i++) {
        const struct permission *permission = permission_find(ids.at[i]);
        if (permission != NULL) {
            permission_add(&set, permission);
        }
    }
    return set;
}

// ---- making ----

reason role_create(struct op *op, struct txn *txn, const struct actor *actor, struct role *role) {
    struct tenant tenant;
    struct permission_set nothing = {{0, 0}};
    TRY(tenant_find(op, txn, role->tenant, &tenant));
    struct role made = *role;
    TRY(check_role(op, actor, &tenant, nothing, &made));
    if (builtin_find(made.role_id) != BUILTIN_NONE) {
        REFUSE(op, DUPLICATE_ROLE_ID, "\"%.*s\" is the id of a built-in role", SLICE(made.role_id));
    }
    TRY(check_builtin_name(op, made.name));
    size_t count = 0;
    struct key prefix = role_keys_of(made.tenant);
    TRY(listing_count(op, txn, key_slice(&prefix), &count));
    if (count >= ROLE_LIMIT_PER_TENANT) {
        REFUSE(op, ROLE_LIMIT, "a tenant has at most %d roles of its own", ROLE_LIMIT_PER_TENANT);
    }
    made.builtin = false;
    made.created_at = op->now;
    made.updated_at = op->now;
    made.version = 1;
    made.created_by = text_cut(actor->id, ROLE_ACTOR_MAX);
    bool there = false;
    struct role other;
    TRY(role_find_own(op, txn, made.tenant, made.role_id, &other, &there));
    if (there) {
        REFUSE(op, DUPLICATE_ROLE_ID, "this tenant has a role \"%.*s\" already",
               SLICE(made.role_id));
    }
    TRY(entity_put(op, txn, &role_entity, &made));
    TRY(tenant_roles_changed(op, txn, actor, made.tenant));
    TRY(audit_change(op, txn, actor, made.tenant, "role.created", made.role_id, &role_fields, NULL,
                     &made));
    *role = made;
    return NULL;
}

reason role_clone(struct op *op, struct txn *txn, const struct actor *actor, struct slice from,
                  struct role *role) {
    struct role old;
    struct tenant tenant;
    TRY(tenant_find(op, txn, role->tenant, &tenant));
    reason why = role_find(op, txn, role->tenant, from, &old);
    if (why == REASON_OF(UNKNOWN_ROLE)) {
        REFUSE(op, NOT_FOUND, "this tenant has no role with this id, neither built-in nor its own");
    }
    TRY(why);
    if (slice_trim(role->name).len == 0) {
        role->name = op_text(op, "%.*s (copy)", SLICE(text_cut(old.name, ROLE_NAME_MAX - 7)));
    }
    if (role->description.len == 0) {
        role->description = old.description;
    }
    // What the tenant took out of a built-in role is not in its copy either.
    struct permission_set denied;
    TRY(role_denied(op, txn, &tenant, from, &denied));
    TRY(permission_texts(op, permission_without(set_of(old.permissions), denied),
                         &role->permissions));
    return role_create(op, txn, actor, role);
}

// ---- changing ----

reason role_find_to_change(struct op *op, struct txn *txn, struct slice tenant,
                           struct slice role_id, struct role *ret_role) {
    bool found = false;
    if (builtin_find(role_id) != BUILTIN_NONE) {
        REFUSE(op, BUILTIN_ROLE_IMMUTABLE,
               "\"%.*s\" is a built-in role; clone it, and change the copy", SLICE(role_id));
    }
    TRY(role_find_own(op, txn, tenant, role_id, ret_role, &found));
    if (!found) {
        REFUSE(op, NOT_FOUND, "this tenant has no role of its own with this id");
    }
    return NULL;
}

static bool same_texts(struct texts a, struct texts b) {
    for (size_t i = 0; i < a.count; i++) {
        if (!texts_have(b, a.at[i])) {
            return false;
        }
    }
    return a.count == b.count; // each stands once
}

static bool same_role(const struct role *a, const struct role *b) {
    return slice_equal(a->name, b->name) && slice_equal(a->description, b->description) &&
           same_texts(a->permissions, b->permissions);
}

reason role_change(struct op *op, struct txn *txn, const struct actor *actor, struct role *role) {
    struct tenant tenant;
    struct role old;
    struct admins_watch watch;
    TRY(tenant_find(op, txn, role->tenant, &tenant));
    TRY(role_find_to_change(op, txn, tenant.slug, role->role_id, &old));
    struct role made = old;
    made.name = role->name;
    made.description = role->description;
    made.permissions = role->permissions;
    TRY(check_role(op, actor, &tenant, set_of(old.permissions), &made));
    TRY(check_builtin_name(op, made.name));
    if (!same_role(&old, &made)) {
        TRY(admins_watch(op, txn, actor, tenant.slug, &watch));
        made.updated_at = op->now;
        made.version = old.version + 1;
        TRY(entity_put(op, txn, &role_entity, &made));
        TRY(tenant_roles_changed(op, txn, actor, tenant.slug));
        TRY(admins_watched(op, txn, actor, tenant.slug, &watch));
        TRY(audit_change(op, txn, actor, tenant.slug, "role.changed", made.role_id, &role_fields,
                         &old, &made));
    }
    *role = made;
    return NULL;
}

// ---- taking out of a built-in role ----

static reason check_override(struct op *op, const struct actor *actor, struct slice role_id,
                             struct permission_set had, struct texts denied,
                             struct permission_set *ret_set) {
    struct faults faults = faults_open(op, S(""));
    struct permission_set gives = builtin_set(builtin_find(role_id));
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < denied.count; i++) {
        const struct permission *permission = permission_find(denied.at[i]);
        if (permission == NULL) {
            fault_in(&faults, "denied", i, REASON_OF(UNKNOWN_PERMISSION),
                     "there is no permission with this id");
        } else if (!permission_has(gives, permission)) {
            fault_in(&faults, "denied", i, REASON_OF(FIELD_VALUE),
                     "this role does not give \"%s\"", permission->id);
        } else if (permission->number == PERMISSION_SESSION_LOGIN) {
            fault_in(&faults, "denied", i, REASON_OF(FIELD_VALUE), "each role lets sign in");
        } else {
            permission_add(&set, permission);
        }
    }
    if (!actor_holds(actor, permission_without(had, set))) {
        fault_at(&faults, "denied", REASON_OF(FORBIDDEN),
                 "nobody gives back what they do not hold themselves");
    }
    TRY(faults_end(&faults));
    *ret_set = set;
    return NULL;
}

// The overrides without that of this role, and with room for one.
static reason other_overrides(struct op *op, const struct tenant *tenant, struct slice role_id,
                              struct rows *ret_others, struct texts *ret_denied) {
    const struct role_override *old = tenant->overrides.at;
    struct role_override *made;
    size_t count = 0;
    TRY(op_take(op, (tenant->overrides.count + 1) * sizeof *made, &made));
    for (size_t i = 0; i < tenant->overrides.count; i++) {
        if (slice_equal(old[i].role_id, role_id)) {
            *ret_denied = old[i].denied;
        } else {
            made[count++] = old[i];
        }
    }
    *ret_others = (struct rows){made, count};
    return NULL;
}

static void put_ids(struct buf *buf, const char *mark, struct texts ids, struct texts others) {
    for (size_t i = 0; i < ids.count; i++) {
        if (!texts_have(others, ids.at[i])) {
            buf_printf(buf, "; %s%.*s", mark, SLICE(ids.at[i]));
        }
    }
}

// "-users:view; +audit:view"
static struct slice override_text(struct op *op, struct texts old, struct texts now) {
    struct buf buf;
    buf_open(&buf, op, RECORD_MAX);
    put_ids(&buf, "-", now, old);
    put_ids(&buf, "+", old, now);
    struct slice text = buf_slice(&buf);
    return text.len > 2 ? slice_sub(text, 2, text.len) : S("nothing changed");
}

reason role_override_set(struct op *op, struct txn *txn, const struct actor *actor,
                         struct slice tenant, struct slice role_id, struct texts denied) {
    struct tenant home;
    struct admins_watch watch;
    struct rows others;
    struct texts had = {NULL, 0};
    struct permission_set set;
    TRY(tenant_find(op, txn, tenant, &home));
    if (builtin_find(role_id) == BUILTIN_NONE) {
        REFUSE(op, NOT_FOUND, "there is no built-in role with this id; change a role of the "
                              "tenant's own instead");
    }
    TRY(other_overrides(op, &home, role_id, &others, &had));
    TRY(check_override(op, actor, role_id, set_of(had), denied, &set));
    struct role_override made = {.role_id = role_id};
    TRY(permission_texts(op, set, &made.denied));
    TRY(admins_watch(op, txn, actor, tenant, &watch));
    if (made.denied.count > 0) {
        ((struct role_override *)others.at)[others.count++] = made;
    }
    home.overrides = others;
    TRY(entity_put(op, txn, &tenant_entity, &home));
    TRY(tenant_roles_changed(op, txn, actor, tenant));
    TRY(admins_watched(op, txn, actor, tenant, &watch));
    return audit_add(op, txn, actor, tenant,
                     made.denied.count > 0 ? "role.restricted" : "role.restored", role_id,
                     override_text(op, had, made.denied));
}
