// SPDX-License-Identifier: GPL-3.0-or-later
// Looked at only when a change takes user administration from somebody; holder.c then finds another by the roles
// that give it, so what it costs does not grow with the tenant.
#include "domain/admins.h"

#include "domain/holder.h"
#include "domain/listing.h"
#include "domain/space.h"

#define MANAGES "users:manage"

static bool lets_in(const struct op *op, const struct membership *membership) {
    return (membership->status == MEMBER_ACTIVE || membership->status == MEMBER_LOCKED) &&
           (membership->expires_at == 0 || membership->expires_at > op->now);
}

static reason manages(struct op *op, struct txn *txn, const struct tenant *home,
                      struct texts role_ids, bool *ret_manages) {
    struct permission_set set;
    TRY(role_permissions_in(op, txn, home, role_ids, &set));
    *ret_manages = permission_may(set, MANAGES);
    return NULL;
}

static reason is_admin(struct op *op, struct txn *txn, const struct tenant *home,
                       const struct membership *membership, bool *ret_is) {
    struct texts role_ids;
    *ret_is = false;
    if (membership == NULL || !lets_in(op, membership)) {
        return NULL;
    }
    TRY(membership_roles(op, membership, &role_ids));
    return manages(op, txn, home, role_ids, ret_is);
}

// ---- would a sign-in make one ----

struct rule_search {
    struct txn *txn;
    const struct tenant *home;
    reason why;
    bool found;
};

static bool rules_make_one(struct op *op, const void *row, void *arg) {
    struct rule_search *search = arg;
    const struct connection *connection = row;
    const struct mapping_rule *rules = connection->mapping.rules.at;
    for (size_t i = 0; !connection->disabled && i < connection->mapping.rules.count; i++) {
        bool gives = false;
        search->why = manages(op, search->txn, search->home, rules[i].roles, &gives);
        search->found = search->found || (search->why == NULL && gives);
    }
    struct slice usual = connection->mapping.default_role;
    if (!connection->disabled && usual.len > 0 && search->why == NULL) {
        bool gives = false;
        search->why = manages(op, search->txn, search->home, (struct texts){&usual, 1}, &gives);
        search->found = search->found || (search->why == NULL && gives);
    }
    return !search->found && search->why == NULL;
}

static reason sign_in_makes_one(struct op *op, struct txn *txn, const struct tenant *home,
                                bool *ret_makes) {
    struct rule_search search = {.txn = txn, .home = home};
    struct key of = key_in(SPACE_CONNECTION_OF);
    key_text(&of, home->slug);
    const struct listing connections = {
        .entity = &connection_entity, .prefix = key_slice(&of), .index = true};
    TRY(listing_each(op, txn, &connections, rules_make_one, &search));
    *ret_makes = search.found;
    return search.why;
}

// ---- the checks ----

static bool is_held_up(const struct actor *actor, const struct tenant *home) {
    return !home->disabled && (actor->kind == ACTOR_USER || actor->kind == ACTOR_SERVICE ||
                               actor->kind == ACTOR_OPERATOR);
}

static bool is_self(const struct actor *actor, struct slice tenant, struct slice user_id) {
    return (actor->kind == ACTOR_USER || actor->kind == ACTOR_SERVICE) &&
           slice_equal(actor->tenant, tenant) && slice_equal(actor->id, user_id);
}

static reason refuse_self(struct op *op) {
    REFUSE(op, SELF_LOCKOUT, "you would no longer manage users; somebody else has to take that from you");
}

static reason refuse_last(struct op *op, struct txn *txn, const struct actor *actor,
                          const struct tenant *home) {
    bool makes = false;
    if (actor->kind == ACTOR_OPERATOR) {
        TRY(sign_in_makes_one(op, txn, home, &makes));
    }
    if (makes) {
        return NULL;
    }
    REFUSE(op, LAST_ADMIN,
           "nobody would be left who manages the users of \"%.*s\"; make somebody else an "
           "administrator first",
           SLICE(home->slug));
}

// Who is given an end leaves by the clock, which asks nobody.
static bool ends_sooner(const struct membership *before, const struct membership *after) {
    return after != NULL && after->expires_at != 0 &&
           (before->expires_at == 0 || after->expires_at < before->expires_at);
}

reason admins_check(struct op *op, struct txn *txn, const struct actor *actor,
                    const struct membership *before, const struct membership *after) {
    struct tenant home;
    bool was = false;
    bool is = false;
    bool other = false;
    if (actor->kind == ACTOR_SYSTEM || actor->kind == ACTOR_NONE) {
        return NULL;
    }
    TRY(tenant_find(op, txn, before->tenant, &home));
    if (!is_held_up(actor, &home)) {
        return NULL;
    }
    TRY(is_admin(op, txn, &home, before, &was));
    TRY(is_admin(op, txn, &home, after, &is));
    is = is && !ends_sooner(before, after);
    if (!was || is) {
        return NULL;
    }
    if (is_self(actor, home.slug, before->user_id)) {
        return refuse_self(op);
    }
    TRY(holder_another(op, txn, home.slug, MANAGES, before->user_id, &other));
    return other ? NULL : refuse_last(op, txn, actor, &home);
}

static reason watch_now(struct op *op, struct txn *txn, const struct actor *actor,
                        const struct tenant *home, struct admins_watch *ret_watch) {
    struct membership membership;
    bool found = false;
    *ret_watch = (struct admins_watch){false, false};
    TRY(holder_another(op, txn, home->slug, MANAGES, S(""), &ret_watch->had));
    if (is_self(actor, home->slug, actor->id)) {
        TRY(membership_find(op, txn, home->slug, actor->id, &membership, &found));
        if (found) {
            TRY(is_admin(op, txn, home, &membership, &ret_watch->self));
        }
    }
    return NULL;
}

reason admins_watch(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                    struct admins_watch *ret_watch) {
    struct tenant home;
    TRY(tenant_find(op, txn, tenant, &home));
    return watch_now(op, txn, actor, &home, ret_watch);
}

reason admins_watched(struct op *op, struct txn *txn, const struct actor *actor,
                      struct slice tenant, const struct admins_watch *watch) {
    struct tenant home;
    struct admins_watch now;
    TRY(tenant_find(op, txn, tenant, &home));
    if (!is_held_up(actor, &home)) {
        return NULL;
    }
    TRY(watch_now(op, txn, actor, &home, &now));
    if (watch->self && !now.self) {
        return refuse_self(op);
    }
    return watch->had && !now.had ? refuse_last(op, txn, actor, &home) : NULL;
}
