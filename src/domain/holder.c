// SPDX-License-Identifier: GPL-3.0-or-later
// From the roles that give the permission to the active members that have one, by the roll: what it costs does not
// grow with the tenant.
#include "domain/holder.h"

#include <stdlib.h>

#include "domain/role_parts.h"
#include "domain/roll.h"

struct search {
    struct tenant home;
    struct slice besides;
    const char *permission;
    struct slice *ids; // of who was found, in the op's memory; sorted at the end
    size_t count, most;
};

static bool has_id(const struct search *search, struct slice id) {
    return texts_have((struct texts){search->ids, search->count}, id);
}

// A row of the roll names a member; whether access has ended, only the membership says.
static reason look_at(struct op *op, struct txn *txn, struct slice user_id, struct search *search) {
    struct membership membership;
    bool found = false;
    if (slice_equal(user_id, search->besides) || has_id(search, user_id)) {
        return NULL;
    }
    TRY(membership_find(op, txn, search->home.slug, user_id, &membership, &found));
    if (found && (membership.expires_at == 0 || membership.expires_at > op->now)) {
        TRY(op_copy(op, user_id, &search->ids[search->count]));
        search->count++;
    }
    return NULL;
}

static reason walk(struct op *op, struct txn *txn, struct scan *scan, const struct key *prefix,
                   struct search *search) {
    while (search->count < search->most) {
        struct slice key;
        struct slice value;
        struct spot spot;
        TRY(scan_next(op, scan, &key, &value));
        if (key.at == NULL) {
            return NULL;
        }
        if (roll_read(key, prefix, ROLL_ID, &spot)) {
            TRY(look_at(op, txn, spot_id(&spot), search));
        }
    }
    return NULL;
}

static reason search_role(struct op *op, struct txn *txn, struct slice role_id,
                          struct search *search) {
    struct permission_set set;
    TRY(role_permissions_in(op, txn, &search->home, (struct texts){&role_id, 1}, &set));
    if (!permission_may(set, search->permission)) {
        return NULL;
    }
    struct key prefix = roll_prefix(search->home.slug, role_id, ROLL_ID, MEMBER_ACTIVE);
    struct scan scan;
    TRY(scan_open(op, txn, key_slice(&prefix), SLICE_NONE, false, &scan));
    reason why = walk(op, txn, &scan, &prefix, search);
    scan_close(&scan);
    return why;
}

static int compare_ids(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static reason find(struct op *op, struct txn *txn, struct slice tenant, struct search *search) {
    struct rows own = {NULL, 0};
    TRY(tenant_find(op, txn, tenant, &search->home));
    TRY(op_take(op, (search->most + 1) * sizeof *search->ids, &search->ids));
    for (int i = 0; i < builtin_count && search->count < search->most; i++) {
        TRY(search_role(op, txn, builtin_id(i), search));
    }
    if (search->count < search->most) {
        TRY(role_list(op, txn, tenant, &own));
    }
    const struct role *roles = own.at;
    for (size_t i = 0; i < own.count && search->count < search->most; i++) {
        if (!roles[i].builtin) {
            TRY(search_role(op, txn, roles[i].role_id, search));
        }
    }
    qsort(search->ids, search->count, sizeof *search->ids, compare_ids);
    return NULL;
}

reason holder_list(struct op *op, struct txn *txn, struct slice tenant, const char *permission,
                   size_t most, struct rows *ret_members) {
    struct search search = {.permission = permission, .most = most};
    struct member *members;
    TRY(find(op, txn, tenant, &search));
    TRY(op_take(op, (search.count + 1) * sizeof *members, &members));
    for (size_t i = 0; i < search.count; i++) {
        TRY(member_find(op, txn, tenant, search.ids[i], &members[i]));
    }
    *ret_members = (struct rows){members, search.count};
    return NULL;
}

reason holder_another(struct op *op, struct txn *txn, struct slice tenant, const char *permission,
                      struct slice user_id, bool *ret_there) {
    struct search search = {.permission = permission, .besides = user_id, .most = 1};
    TRY(find(op, txn, tenant, &search));
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
