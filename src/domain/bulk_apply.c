// SPDX-License-Identifier: GPL-3.0-or-later
// One line done: by the functions that the API has for one person, and only where something differs, so that the same
// file a second time changes and writes nothing. What is refused most often is tried first, before anything is written.
#include "domain/bulk_parts.h"
#include "domain/grant.h"

struct target {
    struct txn *txn;
    const struct actor *actor;
    struct slice tenant;
    const struct bulk_line *line;
    struct member member;
    bool there;          // is a member, and not deleted
    struct texts wanted; // role ids by hand, with those of components, as they shall be
};

static reason find(struct op *op, struct target *target) {
    bool known = false;
    bool found = false;
    TRY(user_find_by_email(op, target->txn, target->line->email, &target->member.user, &known));
    if (known) {
        TRY(membership_find(op, target->txn, target->tenant, target->member.user.id,
                            &target->member.membership, &found));
    }
    target->there = found && target->member.membership.status != MEMBER_DELETED;
    return NULL;
}

// ---- what differs ----

static bool has_manual(struct rows grants, struct slice role_id) {
    for (size_t i = 0; i < grants.count; i++) {
        const struct grant *grant = &((const struct grant *)grants.at)[i];
        if (grant->source == GRANT_MANUAL && slice_equal(grant->role_id, role_id)) {
            return true;
        }
    }
    return false;
}

static bool same_roles(const struct membership *membership, struct texts roles) {
    size_t manual = 0;
    const struct grant *grants = membership->grants.at;
    for (size_t i = 0; i < membership->grants.count; i++) {
        manual += grants[i].source == GRANT_MANUAL ? 1 : 0;
    }
    for (size_t i = 0; i < roles.count; i++) {
        if (!has_manual(membership->grants, roles.at[i])) {
            return false;
        }
    }
    return manual == roles.count; // neither holds one twice
}

static bool said_another(struct slice said, struct slice stored) {
    return said.len > 0 && !slice_equal(said, stored);
}

// Roles and components are said apart: what only one of them names leaves the other as it is.
static reason want(struct op *op, struct target *target) {
    const struct bulk_line *line = target->line;
    struct rows held = target->there ? target->member.membership.grants : (struct rows){NULL, 0};
    const struct grant *grants = held.at;
    struct texts base = {NULL, 0};
    TRY(op_take(op, (held.count + line->roles.count + 1) * sizeof *base.at, &base.at));
    for (size_t i = 0; i < line->roles.count; i++) {
        base.at[base.count++] = line->roles.at[i];
    }
    for (size_t i = 0; i < held.count; i++) {
        bool stays = !line->roles_said || component_level_find(grants[i].role_id) != NULL;
        if (grants[i].source == GRANT_MANUAL && stays && !texts_have(base, grants[i].role_id)) {
            base.at[base.count++] = grants[i].role_id;
        }
    }
    return component_apply(op, &line->components, base, &target->wanted);
}

struct difference {
    bool names, roles, end, sso;
};
static struct difference differs(const struct target *target) {
    const struct bulk_line *line = target->line;
    const struct user *user = &target->member.user;
    const struct membership *membership = &target->member.membership;
    return (struct difference){
        .names = said_another(line->first_name, user->first_name) ||
                 said_another(line->last_name, user->last_name),
        .roles = (line->roles_said || line->components.said) &&
                 !same_roles(membership, target->wanted),
        .end = (line->end_said && line->expires_at != membership->expires_at) ||
               said_another(line->ticket, membership->ticket),
        .sso = line->sso_said && line->sso_only != membership->sso_only,
    };
}

// ---- changes ----

static reason set_end(struct op *op, struct target *target) {
    const struct bulk_line *line = target->line;
    const struct membership *membership = &target->member.membership;
    return member_set_end(op, target->txn, target->actor, target->tenant, membership->user_id,
                          line->end_said ? line->expires_at : membership->expires_at,
                          line->ticket.len > 0 ? line->ticket : membership->ticket,
                          &target->member);
}

static reason set_names(struct op *op, struct target *target) {
    const struct bulk_line *line = target->line;
    const struct user *user = &target->member.user;
    reason why = member_set_names(op, target->txn, target->actor, target->tenant, user->id,
                                  line->first_name.len > 0 ? line->first_name : user->first_name,
                                  line->last_name.len > 0 ? line->last_name : user->last_name,
                                  &target->member);
    if (why != NULL && op->error_count == 0) {
        op_error(op, S("/first_name"), why, "%.*s", SLICE(op->detail));
    }
    return why;
}

static reason change(struct op *op, struct target *target, const struct difference *what) {
    struct slice id = target->member.user.id;
    if (what->end) { // before the roles: some are given only for a time
        TRY(set_end(op, target));
    }
    if (what->roles) {
        TRY(member_set_roles(op, target->txn, target->actor, target->tenant, id,
                             target->wanted, &target->member));
    }
    if (what->sso) {
        TRY(member_set_sso_only(op, target->txn, target->actor, target->tenant, id,
                                target->line->sso_only, &target->member));
    }
    return what->names ? set_names(op, target) : NULL;
}

static reason invite(struct op *op, struct target *target, bool silent) {
    const struct bulk_line *line = target->line;
    const struct invitation invitation = {.email = line->email,
                                          .first_name = line->first_name,
                                          .last_name = line->last_name,
                                          .role_ids = target->wanted,
                                          .silent = silent,
                                          .sso_only = line->sso_only,
                                          .expires_at = line->expires_at,
                                          .ticket = line->ticket,
                                          .source = GRANT_MANUAL};
    bool known = false;
    return member_invite(op, target->txn, target->actor, target->tenant, &invitation,
                         &target->member, &known);
}

static reason ensure(struct op *op, struct target *target, bool silent,
                     enum bulk_outcome *ret_outcome) {
    int action = target->line->action;
    TRY(want(op, target));
    if (!target->there && action == BULK_UPDATE) {
        REFUSE(op, NOT_FOUND, "nobody in this tenant has this address");
    }
    if (!target->there) {
        TRY(invite(op, target, silent));
        *ret_outcome = BULK_CREATED;
        return NULL;
    }
    struct difference what = differs(target);
    if (!what.names && !what.roles && !what.end && !what.sso) {
        *ret_outcome = BULK_UNCHANGED;
        return NULL;
    }
    if (action == BULK_CREATE) {
        REFUSE(op, ALREADY_MEMBER, "is %s here already, with other values",
               membership_status_names[membership_now(&target->member.membership, op->now)]);
    }
    TRY(change(op, target, &what));
    *ret_outcome = BULK_UPDATED;
    return NULL;
}

static reason happen(struct op *op, struct target *target, enum life_event event) {
    const struct happening happening = {.event = event};
    return member_happens(op, target->txn, target->actor, target->tenant, target->member.user.id,
                          &happening, &target->member);
}

reason bulk_apply(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                  const struct bulk_line *line, bool silent, enum bulk_outcome *ret_outcome) {
    struct target target = {.txn = txn, .actor = actor, .tenant = tenant, .line = line};
    TRY(find(op, &target));
    if (line->action == BULK_DELETE && !target.there) {
        *ret_outcome = BULK_UNCHANGED;
        return NULL;
    }
    if (line->action < BULK_DISABLE) {
        return ensure(op, &target, silent, ret_outcome);
    }
    if (!target.there) {
        REFUSE(op, NOT_FOUND, "nobody in this tenant has this address");
    }
    int status = target.member.membership.status;
    if (line->action == BULK_DELETE) {
        *ret_outcome = BULK_DELETED;
        return happen(op, &target, LIFE_DELETE);
    }
    bool disable = line->action == BULK_DISABLE;
    if ((status == MEMBER_DISABLED) == disable) {
        *ret_outcome = BULK_UNCHANGED;
        return NULL;
    }
    *ret_outcome = disable ? BULK_DISABLED : BULK_ENABLED;
    return happen(op, &target, disable ? LIFE_DISABLE : LIFE_ENABLE);
}

// ---- refusals ----

// "/roles/0" and "/components/campaigns" as the columns roles and campaigns.
static const char *column_at(struct slice pointer) {
    struct slice rest = slice_sub(pointer, 1, pointer.len);
    struct slice name;
    while (rest.at != NULL && slice_cut(&rest, '/', &name)) {
        for (int i = 0; i < BULK_ALL; i++) {
            if (slice_equal(name, slice_str(bulk_column_name(i)))) {
                return bulk_column_name(i);
            }
        }
    }
    return NULL;
}

const char *bulk_column(const struct op *op, reason why) {
    const char *column =
        op->error_count > 0 ? column_at(op->errors[op->error_count - 1].pointer) : NULL;
    if (column != NULL) {
        return column;
    }
    if (why == REASON_OF(UNKNOWN_ROLE) || why == REASON_OF(FORBIDDEN)) {
        return bulk_column_name(BULK_ROLES);
    }
    if (why == REASON_OF(ALREADY_MEMBER) || why == REASON_OF(NOT_FOUND)) {
        return bulk_column_name(BULK_EMAIL);
    }
    return why == REASON_OF(ILLEGAL_TRANSITION) ? bulk_column_name(BULK_ACTION) : "";
}
