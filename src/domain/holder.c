// SPDX-License-Identifier: GPL-3.0-or-later
// The roles that give the permission are found once; then members are looked at, one after the other.
#include "domain/holder.h"

#include "domain/listing.h"
#include "domain/space.h"

struct search {
    struct slice tenant, besides;
    struct texts roles; // each gives the permission
    struct slice *ids;  // of who was found, in the op's memory
    struct op *op;
    size_t count, most;
    reason why;
};

static reason giving_roles(struct op *op, struct txn *txn, struct slice tenant,
                           const char *permission, struct texts *ret_roles) {
    struct rows all;
    struct texts roles = {NULL, 0};
    TRY(role_list(op, txn, tenant, &all));
    TRY(op_take(op, all.count * sizeof *roles.at, &roles.at));
    for (size_t i = 0; i < all.count; i++) {
        struct slice id = ((const struct role *)all.at)[i].role_id;
        struct texts one = {&id, 1};
        struct permission_set set;
        TRY(role_permissions(op, txn, tenant, one, &set));
        if (permission_may(set, permission)) {
            roles.at[roles.count++] = id;
        }
    }
    *ret_roles = roles;
    return NULL;
}

static bool holds(const struct search *search, const struct membership *membership) {
    const struct grant *grants = membership->grants.at;
    for (size_t i = 0; i < membership->grants.count; i++) {
        if (texts_have(search->roles, grants[i].role_id)) {
            return true;
        }
    }
    return false;
}

static bool look_at(struct op *op, const void *row, void *arg) {
    struct search *search = arg;
    const struct membership *membership = row;
    bool ended = membership->expires_at != 0 && membership->expires_at <= op->now;
    if (membership->status == MEMBER_ACTIVE && !ended &&
        !slice_equal(membership->user_id, search->besides) && holds(search, membership)) {
        search->why = op_copy(search->op, membership->user_id, &search->ids[search->count]);
        search->count += search->why == NULL ? 1 : 0;
    }
    return search->why == NULL && search->count < search->most;
}

static reason find(struct op *op, struct txn *txn, const char *permission, struct search *search) {
    search->op = op;
    TRY(giving_roles(op, txn, search->tenant, permission, &search->roles));
    TRY(op_take(op, search->most * sizeof *search->ids, &search->ids));
    if (search->roles.count == 0 || search->most == 0) {
        return NULL;
    }
    struct key members = key_in(SPACE_MEMBERSHIP);
    key_text(&members, search->tenant);
    const struct listing listing = {.entity = &membership_entity, .prefix = key_slice(&members)};
    TRY(listing_each(op, txn, &listing, look_at, search));
    return search->why;
}

reason holder_list(struct op *op, struct txn *txn, struct slice tenant, const char *permission,
                   size_t most, struct rows *ret_members) {
    struct search search = {.tenant = tenant, .most = most};
    struct member *members;
    TRY(find(op, txn, permission, &search));
    TRY(op_take(op, search.count * sizeof *members, &members));
    for (size_t i = 0; i < search.count; i++) {
        TRY(member_find(op, txn, tenant, search.ids[i], &members[i]));
    }
    *ret_members = (struct rows){members, search.count};
    return NULL;
}

reason holder_another(struct op *op, struct txn *txn, struct slice tenant, const char *permission,
                      struct slice user_id, bool *ret_there) {
    struct search search = {.tenant = tenant, .besides = user_id, .most = 1};
    TRY(find(op, txn, permission, &search));
    *ret_there = search.count > 0;
    return NULL;
}

reason holder_actor(struct op *op, struct txn *txn, struct slice tenant, struct slice user_id,
                    struct actor *ret_actor) {
    struct membership membership = {.status = MEMBER_DELETED};
    struct texts roles;
    bool found = false;
    TRY(membership_find(op, txn, tenant, user_id, &membership, &found));
    bool ended = membership.expires_at != 0 && membership.expires_at <= op->now;
    if (!found || membership.status != MEMBER_ACTIVE || ended) {
        REFUSE(op, FORBIDDEN, "who this was written to is no active member any more");
    }
    struct actor actor = {.kind = ACTOR_USER, .id = membership.user_id, .tenant = membership.tenant};
    TRY(membership_roles(op, &membership, &roles));
    TRY(role_permissions(op, txn, tenant, roles, &actor.permissions));
    *ret_actor = actor;
    return NULL;
}
