// SPDX-License-Identifier: GPL-3.0-or-later
// Lists of grants: merged, compared, stored with the membership that holds them. Decides nothing
// about who may grant.
#include "domain/grant.h"

#include "domain/admins.h"

struct slice text_cut(struct slice text, size_t most) {
    if (text.len <= most) {
        return text;
    }
    while (most > 0 && ((unsigned char)text.at[most] & 0xC0U) == 0x80U) {
        most--;
    }
    return slice_of(text.at, most);
}

static const struct grant *grant_at(struct rows grants, size_t index) {
    return &((const struct grant *)grants.at)[index];
}

static bool has_text(const struct texts *texts, struct slice text) {
    for (size_t i = 0; i < texts->count; i++) {
        if (slice_equal(texts->at[i], text)) {
            return true;
        }
    }
    return false;
}

reason grant_roles(struct op *op, struct rows grants, struct texts *ret_role_ids) {
    struct texts roles = {NULL, 0};
    TRY(op_take(op, grants.count * sizeof *roles.at, &roles.at));
    for (size_t i = 0; i < grants.count; i++) {
        struct slice role = grant_at(grants, i)->role_id;
        if (!has_text(&roles, role)) {
            roles.at[roles.count++] = role;
        }
    }
    *ret_role_ids = roles;
    return NULL;
}

static const struct grant *find_grant(struct rows grants, int source, struct slice connection,
                                      struct slice role_id) {
    for (size_t i = 0; i < grants.count; i++) {
        const struct grant *grant = grant_at(grants, i);
        if (grant->source == source && slice_equal(grant->role_id, role_id) &&
            slice_equal(grant->connection, connection)) {
            return grant;
        }
    }
    return NULL;
}

static void add_grant(struct rows *grants, const struct grant *grant) {
    if (grants->count < GRANTS_MAX) {
        ((struct grant *)grants->at)[grants->count++] = *grant;
    }
}

reason grant_replace_manual(struct op *op, struct rows old, struct texts role_ids,
                            struct slice granted_by, struct rows *ret_grants) {
    struct rows made = {NULL, 0};
    TRY(op_take(op, (old.count + role_ids.count) * sizeof(struct grant), &made.at));
    for (size_t i = 0; i < role_ids.count; i++) {
        const struct grant *kept = find_grant(old, GRANT_MANUAL, SLICE_NONE, role_ids.at[i]);
        struct grant fresh = {.role_id = role_ids.at[i],
                              .source = GRANT_MANUAL,
                              .granted_by = text_cut(granted_by, GRANT_TEXT_MAX),
                              .granted_at = op->now};
        if (find_grant(made, GRANT_MANUAL, SLICE_NONE, role_ids.at[i]) == NULL) {
            add_grant(&made, kept != NULL ? kept : &fresh);
        }
    }
    for (size_t i = 0; i < old.count; i++) {
        if (grant_at(old, i)->source != GRANT_MANUAL) {
            add_grant(&made, grant_at(old, i));
        }
    }
    *ret_grants = made;
    return NULL;
}

static bool granted_by_connection(const struct grant *grant, struct slice connection) {
    return grant->source == GRANT_SSO && slice_equal(grant->connection, connection);
}

// One that this sign-in does not confirm.
static struct grant left_alone(const struct grant *grant, struct slice confirmed_by) {
    struct grant left = *grant;
    if (left.source == GRANT_SSO && left.assertion.len == 0) {
        left.assertion = confirmed_by;
    }
    return left;
}

reason grant_replace_sso(struct op *op, struct rows old, const struct sso_grants *sso,
                         struct rows *ret_grants) {
    struct rows made = {NULL, 0};
    TRY(op_take(op, (old.count + sso->given.count) * sizeof(struct grant), &made.at));
    for (size_t i = 0; i < old.count; i++) {
        const struct grant *grant = grant_at(old, i);
        bool ours = granted_by_connection(grant, sso->connection);
        bool again =
            ours && find_grant(sso->given, GRANT_SSO, sso->connection, grant->role_id) != NULL;
        if (!ours || (sso->mode == MAPPING_ADDITIVE && !again)) {
            struct grant left = left_alone(grant, sso->confirmed_by);
            add_grant(&made, &left);
        }
    }
    for (size_t i = 0; i < sso->given.count; i++) {
        struct grant grant = *grant_at(sso->given, i);
        const struct grant *kept = find_grant(old, GRANT_SSO, sso->connection, grant.role_id);
        if (kept != NULL) {
            grant.granted_at = kept->granted_at;
        }
        grant.assertion = SLICE_NONE;
        add_grant(&made, &grant);
    }
    *ret_grants = made;
    return NULL;
}

bool grant_stands_alone(struct rows grants, struct slice connection, int mode) {
    for (size_t i = 0; i < grants.count; i++) {
        const struct grant *grant = grant_at(grants, i);
        if (grant->source != GRANT_SSO ||
            (mode == MAPPING_ADDITIVE && granted_by_connection(grant, connection))) {
            return true;
        }
    }
    return false;
}

static reason audit_roles(struct op *op, struct txn *txn, const struct actor *actor,
                          const struct membership *membership, const struct texts *had,
                          const struct texts *has, const char *event) {
    for (size_t i = 0; i < has->count; i++) {
        if (!has_text(had, has->at[i])) {
            TRY(audit_add(op, txn, actor, membership->tenant, event, membership->user_id,
                          op_text(op, "role %.*s", SLICE(has->at[i]))));
        }
    }
    return NULL;
}

static bool same_roles(const struct texts *a, const struct texts *b) {
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!has_text(b, a->at[i])) {
            return false;
        }
    }
    return true;
}

reason membership_store(struct op *op, struct txn *txn, const struct actor *actor,
                        const struct membership *before, struct membership *membership) {
    struct texts had = {NULL, 0};
    struct texts has;
    TRY(grant_roles(op, membership->grants, &has));
    if (before == NULL) {
        membership->created_at = op->now;
        membership->updated_at = op->now;
        membership->rv = 1;
    } else {
        TRY(grant_roles(op, before->grants, &had));
        if (before->status != membership->status || !same_roles(&had, &has)) {
            TRY(admins_check(op, txn, actor, before, membership));
            membership->updated_at = op->now;
            membership->rv = before->rv + 1;
        } else if (before->expires_at != membership->expires_at) {
            TRY(admins_check(op, txn, actor, before, membership));
        }
    }
    TRY(before == NULL ? entity_new(op, txn, &membership_entity, membership)
                       : entity_put(op, txn, &membership_entity, membership));
    TRY(audit_roles(op, txn, actor, membership, &had, &has, "role.assigned"));
    return audit_roles(op, txn, actor, membership, &has, &had, "role.unassigned");
}
