// SPDX-License-Identifier: GPL-3.0-or-later
// Roles. The built-in ones are data of the program (roles.def); a tenant's own are rows. Nobody
// makes a role that gives what its maker lacks.
#include "domain/role.h"

#include "base/text.h"
#include "domain/connection.h"
#include "domain/fault.h"
#include "domain/listing.h"
#include "domain/service_user.h"
#include "domain/space.h"
#include "domain/user.h"

// ---- the built-in ones ----

enum {
#define PERMISSION(number, symbol, id, task, name, description, pii, entitlement)                  \
    PERMISSION_##symbol = number,
#include "domain/permissions.def"
#undef PERMISSION
};

enum {
#define BUILTIN_ROLE(letter, id, name, description) BUILTIN_##letter,
#define BUILTIN_GIVES(permission, letters)
#include "domain/roles.def"
#undef BUILTIN_ROLE
#undef BUILTIN_GIVES
    BUILTIN_COUNT
};

enum { // the letters in the lines of roles.def
#define BUILTIN_ROLE(letter, id, name, description) letter = 1 << BUILTIN_##letter,
#define BUILTIN_GIVES(permission, letters)
#include "domain/roles.def"
#undef BUILTIN_ROLE
#undef BUILTIN_GIVES
};

static const struct {
    const char *id, *name, *description;
} builtin_roles[] = {
#define BUILTIN_ROLE(letter, id, name, description) {id, name, description},
#define BUILTIN_GIVES(permission, letters)
#include "domain/roles.def"
#undef BUILTIN_ROLE
#undef BUILTIN_GIVES
};

static const struct {
    uint8_t number;
    int letters;
} builtin_gives[] = {
#define BUILTIN_ROLE(letter, id, name, description)
#define BUILTIN_GIVES(permission, letters_) {PERMISSION_##permission, letters_},
#include "domain/roles.def"
#undef BUILTIN_ROLE
#undef BUILTIN_GIVES
};

// BUILTIN_COUNT: not one of them.
static int builtin_of(struct slice role_id) {
    for (int i = 0; i < BUILTIN_COUNT; i++) {
        if (slice_equal(role_id, slice_str(builtin_roles[i].id))) {
            return i;
        }
    }
    return BUILTIN_COUNT;
}

static struct permission_set builtin_set(int builtin) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < sizeof builtin_gives / sizeof builtin_gives[0]; i++) {
        if ((builtin_gives[i].letters & 1 << builtin) != 0) {
            set.bits[builtin_gives[i].number / 64] |= UINT64_C(1) << builtin_gives[i].number % 64;
        }
    }
    return set;
}

static reason builtin_role(struct op *op, int builtin, struct role *ret_role) {
    struct role role = {
        .role_id = slice_str(builtin_roles[builtin].id),
        .name = slice_str(builtin_roles[builtin].name),
        .description = slice_str(builtin_roles[builtin].description),
        .builtin = true,
    };
    TRY(permission_texts(op, builtin_set(builtin), &role.permissions));
    *ret_role = role;
    return NULL;
}

// ---- rows ----

static const struct field role_rows[] = {
    F_TEXT(struct role, tenant, 1, FIELD_HIDDEN, 63),
    F_TEXT(struct role, role_id, 2, FIELD_MUST, 64),
    F_TEXT(struct role, name, 3, FIELD_MUST, ROLE_NAME_MAX),
    F_TEXT(struct role, description, 4, FIELD_PLAIN, ROLE_DESCRIPTION_MAX),
    F_TEXTS(struct role, permissions, 5, FIELD_PLAIN, PERMISSION_ROOM),
    F_BOOL(struct role, builtin, 6, FIELD_OUTPUT),
    F_TIME(struct role, created_at, 7, FIELD_OUTPUT),
    F_TIME(struct role, updated_at, 8, FIELD_OUTPUT),
};
FIELD_TABLE(role_fields, "role", 1, struct role, role_rows);

static struct key roles_of(struct slice tenant) {
    struct key key = key_in(SPACE_ROLE);
    key_text(&key, tenant);
    return key;
}

static struct key key_of(struct slice tenant, struct slice role_id) {
    struct key key = roles_of(tenant);
    key_text(&key, role_id);
    return key;
}

static void role_key(const void *row, struct key *ret_key) {
    const struct role *role = row;
    *ret_key = key_of(role->tenant, role->role_id);
}

static bool role_name_key(const void *row, struct key *ret_key) {
    const struct role *role = row;
    char name[ROLE_NAME_MAX];
    size_t len = role->name.len < sizeof name ? role->name.len : sizeof name;
    for (size_t i = 0; i < len; i++) {
        char c = role->name.at[i];
        name[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    *ret_key = key_in(SPACE_ROLE_NAME);
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

static reason find_own(struct op *op, struct txn *txn, struct slice tenant, struct slice role_id,
                       struct role *ret_role, bool *ret_found) {
    *ret_found = false;
    if (!text_slug(tenant) || !text_role_id(role_id)) {
        return NULL;
    }
    struct key key = key_of(tenant, role_id);
    return entity_find(op, txn, &role_entity, &key, ret_role, ret_found);
}

// ---- finding ----

reason role_find(struct op *op, struct txn *txn, struct slice tenant, struct slice role_id,
                 struct role *ret_role) {
    int builtin = builtin_of(role_id);
    if (builtin < BUILTIN_COUNT) {
        return builtin_role(op, builtin, ret_role);
    }
    bool found;
    TRY(find_own(op, txn, tenant, role_id, ret_role, &found));
    if (!found) {
        REFUSE(op, UNKNOWN_ROLE,
               "there is no role with this id, neither built-in nor the tenant's");
    }
    return NULL;
}

// Each role lets sign in.
static void add_ids(struct permission_set *set, struct texts ids) {
    permission_add(set, &permission_table[PERMISSION_SESSION_LOGIN]);
    for (size_t i = 0; i < ids.count; i++) {
        const struct permission *permission = permission_find(ids.at[i]);
        if (permission != NULL) {
            permission_add(set, permission);
        }
    }
}

reason role_permissions(struct op *op, struct txn *txn, struct slice tenant, struct texts role_ids,
                        struct permission_set *ret_set) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < role_ids.count; i++) {
        int builtin = builtin_of(role_ids.at[i]);
        if (builtin < BUILTIN_COUNT) {
            set = permission_union(set, builtin_set(builtin));
            continue;
        }
        struct role role;
        bool found;
        TRY(find_own(op, txn, tenant, role_ids.at[i], &role, &found));
        if (found) {
            add_ids(&set, role.permissions);
        }
    }
    *ret_set = set;
    return NULL;
}

reason role_list(struct op *op, struct txn *txn, struct slice tenant, struct rows *ret_roles) {
    struct rows own = {NULL, 0};
    if (tenant.len > 0) {
        struct key prefix = roles_of(tenant);
        const struct listing listing = {.entity = &role_entity, .prefix = key_slice(&prefix)};
        bool more = false;
        TRY(listing_read(op, txn, &listing, ROLE_LIMIT_PER_TENANT, &own, &more));
    }
    struct role *roles;
    TRY(op_take(op, (BUILTIN_COUNT + own.count) * sizeof *roles, &roles));
    for (int i = 0; i < BUILTIN_COUNT; i++) {
        TRY(builtin_role(op, i, &roles[i]));
    }
    if (own.count > 0) {
        memcpy(&roles[BUILTIN_COUNT], own.at, own.count * sizeof *roles);
    }
    *ret_roles = (struct rows){roles, BUILTIN_COUNT + own.count};
    return NULL;
}

// ---- making ----

static void check_text(struct faults *faults, const char *name, struct slice text, size_t most) {
    if (text.len > most) {
        fault_at(faults, name, REASON_OF(FIELD_RANGE), "%zu bytes long; at most %zu are taken",
                 text.len, most);
    } else if (!text_line(text)) {
        fault_at(faults, name, REASON_OF(RESTRICTED_CHARACTERS),
                 "one line without control characters is expected");
    }
}

static void check_permissions(struct faults *faults, const struct actor *actor, struct texts ids,
                              struct permission_set *ret_set) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < ids.count; i++) {
        const struct permission *permission = permission_find(ids.at[i]);
        struct permission_set one = {{0, 0}};
        if (permission == NULL) {
            fault_in(faults, "permissions", i, REASON_OF(UNKNOWN_PERMISSION),
                     "there is no permission with this id");
            continue;
        }
        permission_add(&one, permission);
        if (permission->number != PERMISSION_SESSION_LOGIN && !actor_holds(actor, one)) {
            fault_in(faults, "permissions", i, REASON_OF(FORBIDDEN),
                     "nobody gives what they do not hold: \"%s\"", permission->id);
        }
        permission_add(&set, permission);
    }
    *ret_set = set;
}

static reason check_role(struct op *op, const struct actor *actor, struct role *role) {
    struct faults faults = faults_open(op, S(""));
    if (!text_role_id(role->role_id)) {
        fault_at(&faults, "role_id", REASON_OF(FIELD_VALUE),
                 "1 to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen");
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
    check_permissions(&faults, actor, role->permissions, &set);
    TRY(faults_end(&faults));
    return permission_texts(op, set, &role->permissions);
}

static bool is_builtin_name(struct slice name) {
    for (int i = 0; i < BUILTIN_COUNT; i++) {
        if (slice_equal_nocase(name, slice_str(builtin_roles[i].name))) {
            return true;
        }
    }
    return false;
}

reason role_create(struct op *op, struct txn *txn, const struct actor *actor, struct role *role) {
    struct tenant tenant;
    TRY(tenant_find(op, txn, role->tenant, &tenant));
    struct role made = *role;
    TRY(check_role(op, actor, &made));
    if (builtin_of(made.role_id) < BUILTIN_COUNT) {
        REFUSE(op, DUPLICATE_ROLE_ID, "\"%.*s\" is the id of a built-in role", SLICE(made.role_id));
    }
    if (is_builtin_name(made.name)) {
        REFUSE(op, DUPLICATE_NAME, "\"%.*s\" is the name of a built-in role", SLICE(made.name));
    }
    size_t count = 0;
    struct key prefix = roles_of(made.tenant);
    TRY(listing_count(op, txn, key_slice(&prefix), &count));
    if (count >= ROLE_LIMIT_PER_TENANT) {
        REFUSE(op, ROLE_LIMIT, "a tenant has at most %d roles of its own", ROLE_LIMIT_PER_TENANT);
    }
    made.builtin = false;
    made.created_at = op->now;
    made.updated_at = op->now;
    bool there = false;
    struct role other;
    TRY(find_own(op, txn, made.tenant, made.role_id, &other, &there));
    if (there) {
        REFUSE(op, DUPLICATE_ROLE_ID, "this tenant has a role \"%.*s\" already",
               SLICE(made.role_id));
    }
    TRY(entity_put(op, txn, &role_entity, &made));
    TRY(audit_change(op, txn, actor, made.tenant, "role.created", made.role_id, &role_fields, NULL,
                     &made));
    *role = made;
    return NULL;
}

// ---- removing ----

struct role_use {
    struct slice role_id;
    size_t members, rules, services;
};

static bool count_member(struct op *op, const void *row, void *arg) {
    (void)op;
    const struct membership *membership = row;
    struct role_use *use = arg;
    const struct grant *grants = membership->grants.at;
    for (size_t i = 0; membership->status != MEMBER_DELETED && i < membership->grants.count; i++) {
        if (slice_equal(grants[i].role_id, use->role_id)) {
            use->members++;
            break;
        }
    }
    return true;
}

static bool count_rules(struct op *op, const void *row, void *arg) {
    (void)op;
    const struct connection *connection = row;
    struct role_use *use = arg;
    const struct mapping_rule *rules = connection->mapping.rules.at;
    for (size_t i = 0; i < connection->mapping.rules.count; i++) {
        for (size_t j = 0; j < rules[i].roles.count; j++) {
            use->rules += slice_equal(rules[i].roles.at[j], use->role_id) ? 1 : 0;
        }
    }
    use->rules += slice_equal(connection->mapping.default_role, use->role_id) ? 1 : 0;
    return true;
}

static bool count_service(struct op *op, const void *row, void *arg) {
    (void)op;
    const struct service_user *service = row;
    const struct grant *grants = service->grants.at;
    struct role_use *use = arg;
    for (size_t i = 0; i < service->grants.count; i++) {
        use->services += slice_equal(grants[i].role_id, use->role_id) ? 1 : 0;
    }
    return true;
}

static reason role_is_free(struct op *op, struct txn *txn, struct slice tenant,
                           struct slice role_id) {
    struct role_use use = {.role_id = role_id};
    struct key members = key_in(SPACE_MEMBERSHIP);
    key_text(&members, tenant);
    const struct listing memberships = {.entity = &membership_entity,
                                        .prefix = key_slice(&members)};
    TRY(listing_each(op, txn, &memberships, count_member, &use));
    struct key of = key_in(SPACE_CONNECTION_OF);
    key_text(&of, tenant);
    const struct listing connections = {
        .entity = &connection_entity, .prefix = key_slice(&of), .index = true};
    TRY(listing_each(op, txn, &connections, count_rules, &use));
    struct key services = key_in(SPACE_SERVICE_USER_OF);
    key_text(&services, tenant);
    const struct listing service_users = {
        .entity = &service_user_entity, .prefix = key_slice(&services), .index = true};
    TRY(listing_each(op, txn, &service_users, count_service, &use));
    if (use.services > 0) {
        REFUSE(op, ROLE_IN_USE, "the role \"%.*s\" is held by %zu service %s; take it away there first",
               SLICE(role_id), use.services, use.services == 1 ? "user" : "users");
    }
    if (use.members > 0 || use.rules > 0) {
        REFUSE(
            op, ROLE_IN_USE,
            "the role \"%.*s\" is held by %zu %s and named by %zu mapping %s; take it away there "
            "first",
            SLICE(role_id), use.members, use.members == 1 ? "member" : "members", use.rules,
            use.rules == 1 ? "rule" : "rules");
    }
    return NULL;
}

reason role_remove(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                   struct slice role_id) {
    if (builtin_of(role_id) < BUILTIN_COUNT) {
        REFUSE(op, BUILTIN_ROLE_IMMUTABLE, "\"%.*s\" is a built-in role", SLICE(role_id));
    }
    struct role role;
    bool found;
    TRY(find_own(op, txn, tenant, role_id, &role, &found));
    if (!found) {
        REFUSE(op, NOT_FOUND, "this tenant has no role of its own with this id");
    }
    TRY(role_is_free(op, txn, tenant, role_id));
    bool there = false;
    struct key key = key_of(tenant, role_id);
    TRY(entity_remove(op, txn, &role_entity, &key, &there));
    return audit_change(op, txn, actor, tenant, "role.deleted", role_id, &role_fields, &role,
                        NULL);
}
