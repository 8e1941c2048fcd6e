// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of a tenant's own roles, how roles are found, and what a list of them gives in a tenant: less
// than their rows say where the tenant lacks an entitlement or took something out of a built-in role.
#include "base/text.h"
#include "domain/component.h"
#include "domain/listing.h"
#include "domain/role_parts.h"
#include "domain/space.h"
#include "domain/tenant_settings.h"

// ---- rows ----

const char *const role_scope_names[] = {"tenant", NULL};

static const struct field role_rows[] = {
    F_TEXT(struct role, tenant, 1, FIELD_HIDDEN, 63),
    F_TEXT(struct role, role_id, 2, FIELD_MUST, 64),
    F_TEXT(struct role, name, 3, FIELD_MUST, ROLE_NAME_MAX),
    F_TEXT(struct role, description, 4, FIELD_PLAIN, ROLE_DESCRIPTION_MAX),
    F_TEXTS(struct role, permissions, 5, FIELD_PLAIN, PERMISSION_ROOM),
    F_BOOL(struct role, builtin, 6, FIELD_OUTPUT),
    F_TIME(struct role, created_at, 7, FIELD_OUTPUT),
    F_TIME(struct role, updated_at, 8, FIELD_OUTPUT),
    F_NUMBER(struct role, version, 9, FIELD_OUTPUT, 0, INT64_MAX),
    F_TEXT(struct role, created_by, 10, FIELD_OUTPUT | FIELD_NULL, ROLE_ACTOR_MAX),
    F_CHOICE(struct role, scope, 11, FIELD_PLAIN, role_scope_names),
};
FIELD_TABLE(role_fields, "role", 2, struct role, role_rows);

struct key role_keys_of(struct slice tenant) {
    struct key key = key_in(SPACE_ROLE);
    key_text(&key, tenant);
    return key;
}

struct key role_key_of(struct slice tenant, struct slice role_id) {
    struct key key = role_keys_of(tenant);
    key_text(&key, role_id);
    return key;
}

static void role_key(const void *row, struct key *ret_key) {
    const struct role *role = row;
    *ret_key = role_key_of(role->tenant, role->role_id);
}

static bool role_name_key(const void *row, struct key *ret_key) {
    const struct role *role = row;
    char name[ROLE_NAME_MAX];
    size_t len = role->name.len < sizeof name ? role->name.len : sizeof name;
    for (size_t i = 0; i < len; i++) {
        char c = role->name.at[i];
        name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    key_open(ret_key, SPACE_ROLE_NAME);
    key_text(ret_key, role->tenant);
    key_text(ret_key, slice_of(name, len));
    return true;
}

static const struct entity_index role_indexes[] = {
    {SPACE_ROLE_NAME, true, REASON_OF(DUPLICATE_NAME), role_name_key},
};
const struct entity role_entity = {
    .space = SPACE_ROLE,
    .fields = &role_fields,
    .key = role_key,
    .indexes = role_indexes,
    .index_count = sizeof role_indexes / sizeof role_indexes[0],
};

reason role_find_own(struct op *op, struct txn *txn, struct slice tenant, struct slice role_id,
                     struct role *ret_role, bool *ret_found) {
    *ret_found = false;
    if (!text_slug(tenant) || !text_role_id(role_id)) {
        return NULL;
    }
    struct key key = role_key_of(tenant, role_id);
    return entity_find(op, txn, &role_entity, &key, ret_role, ret_found);
}

// ---- finding ----

reason role_find(struct op *op, struct txn *txn, struct slice tenant, struct slice role_id,
                 struct role *ret_role) {
    int builtin = builtin_find(role_id);
    if (builtin != BUILTIN_NONE) {
        return builtin_role(op, builtin, ret_role);
    }
    bool found;
    TRY(role_find_own(op, txn, tenant, role_id, ret_role, &found));
    if (!found) {
        REFUSE(op, UNKNOWN_ROLE,
               "there is no role with this id, neither built-in nor the tenant's");
    }
    return NULL;
}

reason role_list(struct op *op, struct txn *txn, struct slice tenant, struct rows *ret_roles) {
    struct rows own = {NULL, 0};
    if (tenant.len > 0) {
        struct key prefix = role_keys_of(tenant);
        const struct listing listing = {.entity = &role_entity, .prefix = key_slice(&prefix)};
        bool more = false;
        TRY(listing_read(op, txn, &listing, ROLE_LIMIT_PER_TENANT, &own, &more));
    }
    size_t builtins = (size_t)builtin_listed_count;
    struct role *roles;
    TRY(op_take(op, (builtins + own.count) * sizeof *roles, &roles));
    for (size_t i = 0; i < builtins; i++) {
        TRY(builtin_role(op, (int)i, &roles[i]));
    }
    if (own.count > 0) {
        memcpy(&roles[builtins], own.at, own.count * sizeof *roles);
    }
    *ret_roles = (struct rows){roles, builtins + own.count};
    return NULL;
}

// ---- what roles give ----

// Each role lets sign in.
static void add_ids(struct permission_set *set, struct texts ids) {
    permission_add_number(set, PERMISSION_SESSION_LOGIN);
    for (size_t i = 0; i < ids.count; i++) {
        const struct permission *permission = permission_find(ids.at[i]);
        if (permission != NULL) {
            permission_add(set, permission);
        }
    }
}

reason role_set(struct op *op, struct txn *txn, struct slice tenant, struct slice role_id,
                struct permission_set *ret_set) {
    struct permission_set set = {{0, 0}};
    int builtin = builtin_find(role_id);
    if (builtin != BUILTIN_NONE) {
        set = builtin_set(builtin);
    } else {
        struct role role;
        bool found;
        TRY(role_find_own(op, txn, tenant, role_id, &role, &found));
        if (found) {
            add_ids(&set, role.permissions);
        }
    }
    *ret_set = set;
    return NULL;
}

// The switch of the tenant that keeps credentials from support staff.
static reason deny_support(struct op *op, struct txn *txn, const struct tenant *home,
                           struct permission_set *denied) {
    struct tenant_settings settings;
    TRY(tenant_settings_find(op, txn, home->slug, &settings));
    if (settings.support_no_credentials) {
        permission_add_number(denied, PERMISSION_API_CREDENTIALS_MANAGE);
    }
    return NULL;
}

struct permission_set role_taken_out(const struct tenant *home, struct slice role_id) {
    struct permission_set taken = {{0, 0}};
    const struct role_override *overrides = home->overrides.at;
    for (size_t i = 0; i < home->overrides.count; i++) {
        if (slice_equal(overrides[i].role_id, role_id)) {
            for (size_t j = 0; j < overrides[i].denied.count; j++) {
                const struct permission *permission = permission_find(overrides[i].denied.at[j]);
                if (permission != NULL) {
                    permission_add(&taken, permission);
                }
            }
        }
    }
    return taken;
}

reason role_denied(struct op *op, struct txn *txn, const struct tenant *home, struct slice role_id,
                   struct permission_set *ret_denied) {
    struct permission_set denied = role_taken_out(home, role_id);
    if (slice_equal(role_id, S("support_access"))) {
        TRY(deny_support(op, txn, home, &denied));
    }
    *ret_denied = denied;
    return NULL;
}

reason role_permissions_in(struct op *op, struct txn *txn, const struct tenant *home,
                           struct texts role_ids, struct permission_set *ret_set) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < role_ids.count; i++) {
        struct permission_set gives;
        struct permission_set denied;
        TRY(role_set(op, txn, home->slug, role_ids.at[i], &gives));
        TRY(role_denied(op, txn, home, role_ids.at[i], &denied));
        set = permission_union(set, permission_without(gives, denied));
    }
    *ret_set = permission_without(set, entitlement_lacking(set, home->entitlements));
    return NULL;
}

reason role_permissions(struct op *op, struct txn *txn, struct slice tenant, struct texts role_ids,
                        struct permission_set *ret_set) {
    struct tenant home;
    TRY(tenant_find(op, txn, tenant, &home));
    return role_permissions_in(op, txn, &home, role_ids, ret_set);
}

reason role_entitled(struct op *op, struct txn *txn, const struct tenant *home,
                     struct slice role_id) {
    struct permission_set set;
    TRY(role_set(op, txn, home->slug, role_id, &set));
    const char *missing = entitlement_missing(set, home->entitlements);
    if (missing != NULL) {
        REFUSE(op, ENTITLEMENT_MISSING,
               "\"%.*s\" needs the entitlement %s, which this tenant does not have",
               SLICE(slice_sub(role_id, 0, 64)), missing);
    }
    return NULL;
}
