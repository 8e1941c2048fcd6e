// SPDX-License-Identifier: GPL-3.0-or-later
// A role of the tenant's own is removed when nobody has it, or its members get another in its place.
#include "domain/fault.h"
#include "domain/grant.h"
#include "domain/listing.h"
#include "domain/role_parts.h"
#include "domain/roll.h"
#include "domain/service_user.h"
#include "domain/space.h"

struct role_use {
    struct slice role_id;
    size_t rules, services;
};

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
    const struct service_user *service = row;
    const struct grant *grants = service->grants.at;
    struct role_use *use = arg;
    (void)op;
    for (size_t i = 0; i < service->grants.count; i++) {
        use->services += slice_equal(grants[i].role_id, use->role_id) ? 1 : 0;
    }
    return true;
}

static reason count_use(struct op *op, struct txn *txn, struct slice tenant, struct slice role_id,
                        size_t *ret_members, size_t *ret_rules) {
    struct role_use use = {.role_id = role_id};
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
    *ret_rules = use.rules;
    uint64_t members = 0;
    TRY(roll_count(op, txn, tenant, role_id, -1, &members));
    *ret_members = (size_t)members;
    return NULL;
}

static reason check_target(struct op *op, struct txn *txn, const struct actor *actor,
                           const struct tenant *home, struct slice role_id, struct slice target) {
    struct role role;
    struct permission_set set = {{0, 0}};
    struct faults faults = faults_open(op, S(""));
    reason why = slice_equal(role_id, target) ? REASON_OF(UNKNOWN_ROLE)
                                              : role_find(op, txn, home->slug, target, &role);
    if (slice_equal(target, S("support_access"))) {
        fault_at(&faults, "reassign_to", REASON_OF(FIELD_VALUE),
                 "Support Access is given to each person for a time and a ticket");
        return faults_end(&faults);
    }
    if (why == NULL) {
        why = role_entitled(op, txn, home, target);
    }
    if (why == NULL) {
        TRY(role_permissions_in(op, txn, home, (struct texts){&target, 1}, &set));
        why = actor_holds(actor, set) ? NULL : REASON_OF(FORBIDDEN);
    }
    if (why == REASON_OF(UNKNOWN_ROLE) || why == REASON_OF(ENTITLEMENT_MISSING) ||
        why == REASON_OF(FORBIDDEN)) {
        fault_at(&faults, "reassign_to", why, "members cannot get \"%.*s\" in its place: %s",
                 SLICE(slice_sub(target, 0, 64)), why->text);
        return faults_end(&faults);
    }
    return why;
}

// The same grants, with another role in them; one that is there already is not doubled.
static reason move_grants(struct op *op, struct rows old, struct slice from, struct slice to,
                          struct rows *ret_grants) {
    const struct grant *grants = old.at;
    struct grant *made;
    size_t count = 0;
    TRY(op_take(op, (old.count + 1) * sizeof *made, &made));
    for (size_t i = 0; i < old.count; i++) {
        struct grant grant = grants[i];
        bool doubled = false;
        if (slice_equal(grant.role_id, from)) {
            grant.role_id = to;
        }
        for (size_t j = 0; j < count && !doubled; j++) {
            doubled = made[j].source == grant.source &&
                      slice_equal(made[j].role_id, grant.role_id) &&
                      slice_equal(made[j].connection, grant.connection);
        }
        if (!doubled) {
            made[count++] = grant;
        }
    }
    *ret_grants = (struct rows){made, count};
    return NULL;
}

// One round: some members of the role lose it, so that the next round finds others.
static reason move_some(struct op *inner, struct txn *txn, const struct actor *actor,
                        struct slice tenant, struct slice from, struct slice to, size_t *ret_count) {
    struct rows members = {NULL, 0};
    struct slice next = SLICE_NONE;
    size_t total = 0;
    const struct member_filter filter = {.role = from, .status = -1};
    TRY(member_list(inner, txn, tenant, &filter, (struct page){PAGE_LIMIT_MAX, SLICE_NONE},
                    &members, &next, &total));
    for (size_t i = 0; i < members.count; i++) {
        struct membership before = ((const struct member *)members.at)[i].membership;
        struct membership after = before;
        TRY(move_grants(inner, before.grants, from, to, &after.grants));
        TRY(membership_store(inner, txn, actor, &before, &after));
    }
    *ret_count = members.count;
    return NULL;
}

static reason move_members(struct op *op, struct txn *txn, const struct actor *actor,
                           struct slice tenant, struct slice from, struct slice to) {
    size_t count = 1;
    while (count > 0) {
        struct op inner;
        op_open(&inner, op->now);
        inner.id = op->id;
        reason why = move_some(&inner, txn, actor, tenant, from, to, &count);
        if (why != NULL) {
            why = op_refuse(op, why, "%.*s", SLICE(inner.detail));
        }
        op_close(&inner);
        TRY(why);
    }
    return NULL;
}

static reason make_free(struct op *op, struct txn *txn, const struct actor *actor,
                        const struct tenant *home, struct slice role_id, struct slice reassign_to,
                        size_t members) {
    TRY(check_target(op, txn, actor, home, role_id, reassign_to));
    if (members > ROLE_REASSIGN_MAX) {
        REFUSE(op, ROLE_IN_USE, "%zu members have it; one call moves at most %d", members,
               ROLE_REASSIGN_MAX);
    }
    return move_members(op, txn, actor, home->slug, role_id, reassign_to);
}

reason role_remove(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                   struct slice role_id, struct slice reassign_to, size_t *ret_members) {
    struct tenant home;
    struct role role;
    size_t rules = 0;
    size_t members = 0;
    TRY(tenant_find(op, txn, tenant, &home));
    TRY(role_find_to_change(op, txn, home.slug, role_id, &role));
    TRY(count_use(op, txn, home.slug, role_id, &members, &rules));
    *ret_members = members;
    if (rules > 0 || (members > 0 && reassign_to.len == 0)) {
        op_extra_count(op, "count", members);
        REFUSE(
            op, ROLE_IN_USE,
            "the role \"%.*s\" is held by %zu %s and named by %zu mapping %s; take it away there "
            "first",
            SLICE(role_id), members, members == 1 ? "member" : "members", rules,
            rules == 1 ? "rule" : "rules");
    }
    if (reassign_to.len > 0) {
        TRY(make_free(op, txn, actor, &home, role_id, reassign_to, members));
    }
    bool there = false;
    struct key key = role_key_of(home.slug, role_id);
    TRY(entity_remove(op, txn, &role_entity, &key, &there));
    TRY(tenant_roles_changed(op, txn, actor, home.slug));
    return audit_write(op, txn, actor,
                       &(struct audit_entry){
                           .tenant = home.slug,
                           .event = "role.deleted",
                           .target = role_id,
                           .detail = reassign_to.len > 0 ? op_text(op, "%zu members got %.*s",
                                                                   members, SLICE(reassign_to))
                                                         : S(""),
                           .table = &role_fields,
                           .before = &role,
                       });
}
