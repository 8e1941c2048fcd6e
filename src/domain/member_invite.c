// SPDX-License-Identifier: GPL-3.0-or-later
// New members, the end that a membership may have, and the first sign-in of who was invited or was not.
#include "base/text.h"
#include "domain/member_parts.h"
#include "domain/roll.h"
#include "domain/sign_in.h"

// ---- bounds ----

static reason check_limit(struct op *op, struct txn *txn, const struct tenant_settings *settings) {
    uint64_t count = 0;
    if (settings->user_limit == 0) {
        return NULL;
    }
    TRY(roll_count(op, txn, settings->tenant, S(""), -1, &count));
    if (count >= (uint64_t)settings->user_limit) {
        REFUSE(op, USER_LIMIT, "the tenant has %llu users, and its limit is %lld",
               (unsigned long long)count, (long long)settings->user_limit);
    }
    return NULL;
}

reason member_check_end(struct op *op, const struct membership *membership, int64_t old_end) {
    size_t before = op->error_count;
    if (membership->expires_at != 0 && membership->expires_at != old_end &&
        membership->expires_at <= op->now) {
        op_error(op, S("/expires_at"), REASON_OF(FIELD_VALUE), "the end lies in the past");
    }
    if (!text_line(membership->ticket) || membership->ticket.len > MEMBER_TEXT_MAX) {
        op_error(op, S("/ticket"), REASON_OF(FIELD_RANGE), "one line of at most %d bytes",
                 MEMBER_TEXT_MAX);
    }
    if (membership_is_support(membership)) {
        if (membership->expires_at == 0) {
            op_error(op, S("/expires_at"), REASON_OF(FIELD_REQUIRED),
                     "Support Access is given for a time");
        }
        if (membership->ticket.len == 0) {
            op_error(op, S("/ticket"), REASON_OF(FIELD_REQUIRED),
                     "Support Access is given for a support ticket");
        }
    }
    if (op->error_count > before) {
        REFUSE(op, INVALID_INPUT, "%.*s", SLICE(op->errors[before].detail));
    }
    return NULL;
}

// ---- new ----

static reason grants_of(struct op *op, const struct actor *actor, const struct invitation *invitation,
                        struct rows *ret_grants) {
    struct rows grants;
    TRY(grant_replace_manual(op, (struct rows){NULL, 0}, invitation->role_ids, actor->id, &grants));
    for (size_t i = 0; i < grants.count; i++) {
        ((struct grant *)grants.at)[i].source = invitation->source;
    }
    *ret_grants = grants;
    return NULL;
}

static reason fresh_membership(struct op *op, const struct actor *actor, struct slice tenant,
                               const struct invitation *invitation, struct member *member) {
    member->membership = (struct membership){.tenant = tenant,
                                             .user_id = member->user.id,
                                             .status = MEMBER_INVITED,
                                             .sso_only = invitation->sso_only,
                                             .expires_at = invitation->expires_at,
                                             .ticket = invitation->ticket};
    member->visit = (struct visit){.last = 0};
    TRY(grants_of(op, actor, invitation, &member->membership.grants));
    return member_check_end(op, &member->membership, 0);
}

// Whoever is invited anew was never there.
static reason forget_visits(struct op *op, struct txn *txn, const struct membership *membership) {
    struct visit before;
    TRY(visit_find(op, txn, membership->tenant, membership->user_id, &before));
    const struct visit none = {.sessions = before.sessions};
    return visit_put(op, txn, membership->tenant, membership->user_id, &before, &none);
}

// A tombstone is no membership: what it held does not come back, but how many letters went out does.
static reason old_membership(struct op *op, struct txn *txn, struct member *member,
                             struct membership *ret_before, bool *ret_was) {
    TRY(membership_find(op, txn, member->membership.tenant, member->user.id, ret_before, ret_was));
    if (!*ret_was) {
        return NULL;
    }
    if (ret_before->status != MEMBER_DELETED) {
        REFUSE(op, ALREADY_MEMBER, "this person is %s in this tenant already",
               membership_status_names[membership_now(ret_before, op->now)]);
    }
    member->membership.created_at = ret_before->created_at;
    member->membership.invites = ret_before->invites;
    member->membership.invites_since = ret_before->invites_since;
    return forget_visits(op, txn, ret_before);
}

static reason store_new(struct op *op, struct txn *txn, const struct actor *actor,
                        const struct invitation *invitation, const struct tenant_settings *settings,
                        struct member *member, bool known) {
    struct membership before;
    bool was = false;
    TRY(old_membership(op, txn, member, &before, &was));
    bool closed = false;
    TRY(sign_in_closed(op, txn, settings->tenant, member->user.email, &closed));
    enum life_kind kind = invitation->sso_only || closed ? LIFE_SSO
                          : known                        ? LIFE_KNOWN
                                                         : LIFE_PASSWORD;
    const struct happening happening = {.event = LIFE_CREATE};
    struct consequence c = {.actor = actor,
                            .happening = &happening,
                            .row = life_find(LIFE_NOBODY, LIFE_CREATE, kind),
                            .settings = *settings};
    if (!invitation->silent) {
        TRY(member_write_to(op, txn, &c, member));
    }
    TRY(membership_store(op, txn, actor, was ? &before : NULL, &member->membership));
    TRY(audit_add(op, txn, actor, settings->tenant, life_events[LIFE_CREATE].audit, member->user.id,
                  op_text(op, "%.*s%s", SLICE(member->user.email),
                          known ? ", who is known here from another tenant" : "")));
    return member_support_granted(op, txn, actor, member);
}

reason member_invite(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                     const struct invitation *invitation, struct member *ret_member,
                     bool *ret_known) {
    struct tenant home;
    struct tenant_settings settings;
    struct email email;
    struct member member;
    bool known = false;
    const struct user given = {.first_name = invitation->first_name,
                               .last_name = invitation->last_name};
    TRY(tenant_find(op, txn, tenant, &home));
    TRY(tenant_settings_find(op, txn, home.slug, &settings));
    TRY(member_check_email(op, invitation->email, &email));
    TRY(member_check_names(op, invitation->first_name, invitation->last_name));
    TRY(member_check_roles(op, txn, actor, home.slug, invitation->role_ids, (struct rows){NULL, 0}));
    TRY(member_find_or_make(op, txn, actor, home.slug, &given, email.whole, &member.user, &known));
    TRY(fresh_membership(op, actor, home.slug, invitation, &member));
    TRY(check_limit(op, txn, &settings));
    bool elsewhere = known && !slice_equal(member.user.created_in, home.slug);
    TRY(store_new(op, txn, actor, invitation, &settings, &member, elsewhere));
    *ret_member = member;
    *ret_known = known;
    return NULL;
}

// ---- the end ----

static bool ends_later(const struct membership *before, int64_t expires_at) {
    return before->expires_at != 0 && (expires_at == 0 || expires_at > before->expires_at);
}

reason member_set_end(struct op *op, struct txn *txn, const struct actor *actor,
                      struct slice tenant, struct slice user_id, int64_t expires_at,
                      struct slice ticket, struct member *ret_member) {
    struct member member;
    TRY(member_find(op, txn, tenant, user_id, &member));
    struct membership before = member.membership;
    int status = membership_now(&before, op->now);
    if (life_find(status, LIFE_UPDATE, LIFE_ANY) == NULL) {
        return life_refuse(op, status, LIFE_UPDATE);
    }
    if (before.expires_at == expires_at && slice_equal(before.ticket, ticket)) {
        *ret_member = member;
        return NULL;
    }
    if (ends_later(&before, expires_at)) {
        if (actor->kind == ACTOR_USER && slice_equal(actor->id, user_id)) {
            REFUSE(op, FORBIDDEN, "how long your own access lasts is for somebody else to say");
        }
        TRY(member_check_ceiling(op, txn, actor, &before));
    }
    member.membership.expires_at = expires_at;
    member.membership.ticket = ticket;
    TRY(member_check_end(op, &member.membership, before.expires_at));
    TRY(membership_store(op, txn, actor, &before, &member.membership));
    TRY(audit_change(op, txn, actor, tenant, "user.updated", user_id, &membership_fields, &before,
                     &member.membership));
    *ret_member = member;
    return NULL;
}

// ---- the first sign-in through an identity provider ----

reason member_came_in(struct op *op, struct txn *txn, const struct actor *actor,
                      const struct user *user, const struct membership *before,
                      struct membership *membership, struct slice connection) {
    (void)connection;
    if (before == NULL) {
        membership->notice_at = op->now; // the janitor tells administrators, of many at once
        return NULL;
    }
    if (before->status == membership->status) {
        return NULL;
    }
    struct member member = {.user = *user, .membership = *membership};
    const struct happening happening = {.event = LIFE_SSO_LOGIN};
    struct consequence c = {
        .actor = actor,
        .happening = &happening,
        .row = life_find(membership_now(before, op->now), LIFE_SSO_LOGIN, LIFE_ANY)};
    if (c.row == NULL) {
        REFUSE(op, INTERNAL, "a sign-in was admitted in a state that lets nobody in");
    }
    TRY(tenant_settings_find(op, txn, membership->tenant, &c.settings));
    TRY(ticket_revoke(op, txn, membership->tenant, membership->user_id));
    TRY(member_write_to(op, txn, &c, &member));
    membership->invite_expires_at = 0;
    return NULL;
}
