// SPDX-License-Identifier: GPL-3.0-or-later
// How people are shown: in the list, and one by one with where each role came from and what the caller may do.
#include "domain/account.h"
#include "domain/grant.h"
#include "http/api/components.h"
#include "http/api/users.h"

// One entry for each role and source, however many groups or connections gave it.
static struct json *roles_json(struct op *op, const struct membership *membership) {
    struct json *roles = json_array(op);
    const struct grant *grants = membership->grants.at;
    for (size_t i = 0; i < membership->grants.count; i++) {
        bool seen = components_is_grant(&grants[i]);
        for (size_t j = 0; j < i && !seen; j++) {
            seen = grants[j].source == grants[i].source &&
                   slice_equal(grants[j].role_id, grants[i].role_id);
        }
        if (!seen) {
            struct json *role = json_object(op);
            json_set_text(op, role, "role_id", grants[i].role_id);
            json_set_str(op, role, "source", grant_source_names[grants[i].source]);
            json_add(op, roles, role);
        }
    }
    return roles;
}

// "a***@acme.example"
static struct slice masked_email(struct op *op, struct slice email) {
    size_t at = slice_find(email, S("@"));
    if (at == SIZE_MAX || at == 0) {
        return S("");
    }
    return op_text(op, "%.*s***%.*s", SLICE(text_cut(email, 1)),
                   SLICE(slice_sub(email, at, email.len)));
}

// What another tenant knows of a person is not shown before the person has joined this one.
static bool is_stranger(const struct actor *actor, const struct member *member) {
    int status = member->membership.status;
    return actor->kind != ACTOR_OPERATOR && member->visit.last == 0 &&
           (status == MEMBER_INVITED || status == MEMBER_INVITE_EXPIRED ||
            status == MEMBER_DISABLED || status == MEMBER_DELETED) &&
           !slice_equal(member->user.created_in, member->membership.tenant);
}

struct json *member_item(struct op *op, const struct actor *actor, const struct member *member,
                         bool masked) {
    const struct membership *membership = &member->membership;
    bool stranger = is_stranger(actor, member);
    struct json *item = json_object(op);
    json_set_text(op, item, "id", member->user.id);
    json_set_text_or_null(op, item, "email",
                          masked ? masked_email(op, member->user.email) : member->user.email);
    json_set_text(op, item, "first_name", stranger ? S("") : member->user.first_name);
    json_set_text(op, item, "last_name", stranger ? S("") : member->user.last_name);
    json_set_str(op, item, "status",
                 membership_status_names[membership_now(membership, op->now)]);
    json_set(op, item, "roles", roles_json(op, membership));
    json_set_str(op, item, "kind", "person");
    components_set(op, item, membership->grants);
    json_set_time(op, item, "last_visit", member->visit.last);
    return item;
}

reason shown_read(struct op *op, struct txn *txn, const struct member *member,
                  struct shown *ret_shown) {
    struct shown shown = {.member = *member};
    struct account account;
    bool found = false;
    TRY(member_kind(op, txn, member, &shown.kind));
    TRY(account_find(op, txn, member->user.id, &account, &found));
    shown.second_factor = account.factor_at > 0;
    TRY(outbox_last(op, txn, member->membership.tenant, member->user.id, &shown.letter, &found));
    if (!found) {
        shown.letter.id = SLICE_NONE;
    }
    *ret_shown = shown;
    return NULL;
}

static void set_invite(struct op *op, const struct shown *shown, struct json *body) {
    const struct membership *membership = &shown->member.membership;
    if (membership->status != MEMBER_INVITED && membership->status != MEMBER_REACTIVATING) {
        json_set_null(op, body, "invite");
        return;
    }
    struct json *invite = json_object(op);
    json_set_time(op, invite, "expires_at", membership->invite_expires_at);
    json_set_time(op, invite, "sent_at", membership->invited_at);
    json_set_number(op, invite, "sent", membership->invites);
    json_set_text_or_null(op, invite, "last_mail",
                          shown->letter.id.len > 0
                              ? slice_str(letter_state_names[shown->letter.state])
                              : SLICE_NONE);
    json_set(op, body, "invite", invite);
}

reason shown_json(struct op *op, const struct actor *actor, const struct shown *shown,
                  struct json **ret_json) {
    const struct membership *membership = &shown->member.membership;
    struct texts actions;
    struct json *body = member_item(op, actor, &shown->member, false);
    TRY(life_actions(op, membership_now(membership, op->now), shown->kind, actor, &actions));
    json_set_text(op, body, "tenant", membership->tenant);
    json_set_text_or_null(op, body, "status_reason", membership->reason);
    json_set_str(op, body, "auth_source", shown->kind == LIFE_SSO ? "sso" : "password");
    json_set_bool(op, body, "sso_only", membership->sso_only);
    json_set_bool(op, body, "second_factor", shown->second_factor);
    // The name of another tenant is not this one's to know.
    bool here = slice_equal(shown->member.user.created_in, membership->tenant);
    json_set_text_or_null(op, body, "created_in",
                          here || actor->kind == ACTOR_OPERATOR ? shown->member.user.created_in
                                                                : SLICE_NONE);
    struct json *grants = json_array(op);
    struct rows shown_grants;
    TRY(visit_show_grants(op, membership->grants, &shown->member.visit, &shown_grants));
    const struct grant *rows = shown_grants.at;
    for (size_t i = 0; i < shown_grants.count; i++) {
        json_add(op, grants, json_from_fields(op, &grant_fields, &rows[i]));
    }
    json_set(op, body, "grants", grants);
    json_set_time(op, body, "expires_at", membership->expires_at);
    json_set_text_or_null(op, body, "ticket", membership->ticket);
    json_set_time(op, body, "locked_until",
                  membership->status == MEMBER_LOCKED ? membership->locked_until : 0);
    set_invite(op, shown, body);
    json_set_texts(op, body, "_actions", actions);
    json_set_time(op, body, "created_at", membership->created_at);
    json_set_time(op, body, "updated_at", membership->updated_at);
    *ret_json = body;
    return NULL;
}

reason shown_etag(struct op *op, const struct member *member, struct slice *ret_etag) {
    struct membership membership = member->membership;
    struct slice etag = SLICE_NONE;
    membership.notice_at = 0;
    membership.reminded_at = 0;
    TRY(api_etag(op, &membership_fields, &membership, &etag));
    TRY(api_etag(op, &user_fields, &member->user, &etag));
    *ret_etag = etag;
    return NULL;
}

struct user_work user_work_of(const struct request *request) {
    return (struct user_work){.request = request,
                              .actor = &request->actor,
                              .tenant = request->args[0],
                              .user_id = request->args[1]};
}

reason user_work_find(struct op *op, struct txn *txn, struct user_work *work) {
    struct slice etag;
    TRY(member_find(op, txn, work->tenant, work->user_id, &work->shown.member));
    TRY(shown_etag(op, &work->shown.member, &etag));
    return api_if_match(op, work->request, etag);
}

reason user_work_done(struct op *op, struct txn *txn, const struct member *member,
                      struct user_work *work) {
    return shown_read(op, txn, member, &work->shown);
}

reason user_work_reply(struct op *op, struct reply *reply, unsigned status,
                       const struct user_work *work) {
    struct json *body = NULL;
    struct slice etag;
    TRY(shown_json(op, work->actor, &work->shown, &body));
    TRY(shown_etag(op, &work->shown.member, &etag));
    return api_reply_one(op, reply, status, body, etag);
}
