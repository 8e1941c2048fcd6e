// SPDX-License-Identifier: GPL-3.0-or-later
// Whose keys a connection trusts decides who is who on it. So who may set its identity provider may act as its strongest
// member, and need not be that strong: a tenant's administrator of sign-in sets keys without holding what, say, the
// compliance people hold. That is what such a person is for; but it is said, in the same transaction, in a row of its own.
#include "domain/component.h"
#include "domain/connection_check.h"
#include "domain/roll.h"

static bool known_before(const struct idp *old, const struct certificate *certificate) {
    const struct certificate *rows = old->certificates.at;
    bool found = false;
    for (size_t i = 0; i < old->certificates.count; i++) {
        found = found || slice_equal(rows[i].sha256, certificate->sha256);
    }
    return found;
}

static bool trusts_more(const struct idp *old, const struct idp *now) {
    const struct certificate *rows = now->certificates.at;
    bool more = false;
    for (size_t i = 0; i < now->certificates.count; i++) {
        more = more || !known_before(old, &rows[i]);
    }
    return more;
}

// Adds what this role gives beyond what the actor holds, if an active member has it.
static reason add_role(struct op *op, struct txn *txn, const struct actor *actor,
                       const struct tenant *home, struct slice id, struct permission_set *set) {
    struct permission_set gives;
    uint64_t count = 0;
    TRY(role_permissions_in(op, txn, home, (struct texts){&id, 1}, &gives));
    gives = permission_without(gives, actor->permissions);
    if (!permission_none(gives)) {
        TRY(roll_count(op, txn, home->slug, id, MEMBER_ACTIVE, &count));
    }
    if (count > 0) {
        *set = permission_union(*set, gives);
    }
    return NULL;
}

// What active members hold and the actor does not, by roles and by access to components. A counter for each, so it costs the
// same in each tenant.
static reason beyond(struct op *op, struct txn *txn, const struct actor *actor, struct slice slug,
                     struct permission_set *ret_set) {
    struct rows roles;
    struct tenant home;
    struct permission_set all = {{0}};
    TRY(tenant_find(op, txn, slug, &home));
    TRY(role_list(op, txn, slug, &roles));
    const struct role *rows = roles.at;
    for (size_t i = 0; i < roles.count; i++) {
        TRY(add_role(op, txn, actor, &home, rows[i].role_id, &all));
    }
    for (size_t i = 0; i < component_level_count; i++) {
        TRY(add_role(op, txn, actor, &home, slice_str(component_levels[i].role_id), &all));
    }
    *ret_set = all;
    return NULL;
}

reason connection_outranks(struct op *op, struct txn *txn, const struct actor *actor,
                           const struct connection *connection, const struct idp *old) {
    struct permission_set set;
    struct texts ids;
    struct buf text;
    struct slice names;
    bool member = actor->kind == ACTOR_USER || actor->kind == ACTOR_SERVICE;
    if (!member || !trusts_more(old, &connection->idp)) {
        return NULL;
    }
    TRY(beyond(op, txn, actor, connection->tenant, &set));
    if (permission_none(set)) {
        return NULL;
    }
    TRY(permission_texts(op, set, &ids));
    buf_open(&text, op, AUDIT_VALUE_MAX);
    for (size_t i = 0; i < ids.count; i++) {
        buf_str(&text, i > 0 ? ", " : "");
        buf_put(&text, ids.at[i]);
    }
    TRY(buf_done(&text, &names));
    return audit_add(op, txn, actor, connection->tenant, "sso.provider_outranks_actor", connection->slug,
                     op_text(op, "keys were trusted by somebody who does not hold what people hold who sign in with them: %.*s",
                             SLICE(names)));
}
