// SPDX-License-Identifier: GPL-3.0-or-later
// Deciding on access requests, and giving what was approved: in one transaction, so that nobody is approved without
// getting it, or gets it without an approval.
#include "domain/grant.h"
#include "domain/member_life.h"
#include "domain/request_parts.h"
#include "domain/sign_in.h"

// ---- deciding ----

static bool decided_by(const struct access_request *request, struct slice id) {
    const struct request_decision *rows = request->decisions.at;
    for (size_t i = 0; i < request->decisions.count; i++) {
        if (slice_equal(rows[i].by, id)) {
            return true;
        }
    }
    return false;
}

// Is this the one who asked, or the one who would get it?
static reason is_own(struct op *op, struct txn *txn, const struct actor *actor,
                     const struct access_request *request, bool *ret_own) {
    struct user user;
    *ret_own = slice_equal(request->requester, actor->id);
    if (!*ret_own && actor->kind == ACTOR_USER) {
        TRY(user_find(op, txn, actor->id, &user));
        *ret_own = slice_equal(user.email, request->email);
    }
    return NULL;
}

static reason check_decider(struct op *op, struct txn *txn, const struct actor *actor,
                            const struct access_request *request, int decision) {
    struct tenant_settings settings;
    bool own = false;
    if (!request_may_decide(actor)) {
        REFUSE(op, FORBIDDEN, "this needs the permission requests:approve");
    }
    if (decided_by(request, actor->id)) {
        REFUSE(op, ALREADY_DECIDED, "you decided on this request already; it needs %lld people",
               (long long)request->needed);
    }
    TRY(tenant_settings_find(op, txn, request->tenant, &settings));
    bool eyes = request->needed > 1 || !settings.gatekeeper_self_approve;
    if (actor->kind == ACTOR_SERVICE && decision == REQUEST_APPROVE && eyes) {
        // Who has its secret is a gatekeeper already, and would be two.
        REFUSE(op, FORBIDDEN, "this takes people, and a service user is none");
    }
    TRY(is_own(op, txn, actor, request, &own));
    if (own && decision == REQUEST_APPROVE && !settings.gatekeeper_self_approve) {
        REFUSE(op, OWN_REQUEST, "this tenant wants four eyes: somebody else has to approve what "
                                "you asked for or would get");
    }
    return NULL;
}

// What the gatekeeper gives instead of what was asked for.
static reason give_instead(struct op *op, struct txn *txn, struct access_request *request,
                           struct texts roles) {
    struct permission_set set;
    struct faults faults = faults_open(op, S(""));
    TRY(request_check_roles(op, txn, &faults, request->tenant, roles, &set));
    if (texts_have(roles, S("support_access")) != texts_have(request->roles, S("support_access"))) {
        fault_at(&faults, "roles", REASON_OF(FIELD_VALUE),
                 "support access is asked for by a request of its own");
    }
    TRY(faults_end(&faults));
    // Whoever approved before approved something else.
    request->decisions = (struct rows){NULL, 0};
    request->roles = roles;
    request->needed = request_needed(set);
    return NULL;
}

static reason deny(struct op *op, struct txn *txn, const struct actor *actor,
                   const struct request_decision *decision, struct access_request *request) {
    request->state = REQUEST_DENIED;
    request->decided_at = op->now;
    TRY(request_store(op, txn, request));
    TRY(request_audit(op, txn, actor, request, "request.denied", decision->note));
    return request_tell_outcome(op, txn, request, decision->note);
}

// A role of the tenant's own may give more by now than when it was asked for; then it takes as many people as it would now.
static reason weigh(struct op *op, struct txn *txn, struct access_request *request) {
    struct permission_set set = {{0, 0}};
    for (size_t i = 0; i < request->roles.count; i++) {
        struct permission_set gives;
        TRY(role_set(op, txn, request->tenant, request->roles.at[i], &gives));
        set = permission_union(set, gives);
    }
    int64_t needed = request_needed(set);
    request->needed = needed > request->needed ? needed : request->needed;
    return NULL;
}

reason request_decide(struct op *op, struct txn *txn, const struct actor *actor,
                      struct slice tenant, struct slice id,
                      const struct request_decision *decision, struct texts roles,
                      struct access_request *ret) {
    struct access_request request;
    struct faults faults = faults_open(op, S(""));
    TRY(request_read(op, txn, tenant, id, &request));
    if (request.state != REQUEST_PENDING) {
        return request_not_now(op, &request, request_verdict_names[decision->decision]);
    }
    TRY(check_decider(op, txn, actor, &request, decision->decision));
    request_check_text(&faults, "note", decision->note);
    TRY(faults_end(&faults));
    if (roles.at != NULL && decision->decision == REQUEST_APPROVE) {
        TRY(give_instead(op, txn, &request, roles));
    }
    TRY(weigh(op, txn, &request));
    struct request_decision made = *decision;
    made.by = actor->id;
    TRY(request_add_decision(op, &request, &made));
    if (decision->decision == REQUEST_DENY) {
        TRY(deny(op, txn, actor, decision, &request));
        *ret = request;
        return NULL;
    }
    TRY(request_store(op, txn, &request));
    TRY(request_audit(op, txn, actor, &request, "request.approved",
                      op_text(op, "%lld of %lld", (long long)request_approvals(&request),
                              (long long)request.needed)));
    if (request_approvals(&request) >= request.needed) {
        TRY(request_fulfil(op, txn, actor, &request));
    }
    *ret = request;
    return NULL;
}

// ---- giving ----

bool request_fulfilment_failed(reason why) {
    return why == REASON_OF(UNKNOWN_ROLE) || why == REASON_OF(ENTITLEMENT_MISSING) ||
           why == REASON_OF(NO_MEMBERSHIP_NOW) || why == REASON_OF(USER_LIMIT);
}

// The tenant may have changed since it was asked.
static reason check_still(struct op *op, struct txn *txn, const struct access_request *request) {
    struct permission_set set;
    struct faults faults = faults_open(op, S(""));
    TRY(request_check_roles(op, txn, &faults, request->tenant, request->roles, &set));
    return faults_end(&faults);
}

static bool has_role(const struct membership *membership, struct slice role) {
    const struct grant *grants = membership->grants.at;
    for (size_t i = 0; i < membership->grants.count; i++) {
        if (grants[i].source == GRANT_REQUEST && slice_equal(grants[i].role_id, role)) {
            return true;
        }
    }
    return false;
}

static reason add_grants(struct op *op, const struct access_request *request,
                         struct membership *membership) {
    struct grant *rows;
    size_t count = membership->grants.count;
    TRY(op_take(op, (count + request->roles.count) * sizeof *rows, &rows));
    if (count > 0) {
        memcpy(rows, membership->grants.at, count * sizeof *rows);
    }
    for (size_t i = 0; i < request->roles.count; i++) {
        if (has_role(membership, request->roles.at[i])) {
            continue;
        }
        if (count >= GRANTS_MAX) {
            REFUSE(op, NO_MEMBERSHIP_NOW, "a membership holds at most %d grants", GRANTS_MAX);
        }
        rows[count++] = (struct grant){.role_id = request->roles.at[i],
                                       .source = GRANT_REQUEST,
                                       .granted_by = request->id,
                                       .granted_at = op->now};
    }
    membership->grants = (struct rows){rows, count};
    return NULL;
}

// Has the person a door where a password is taken?
static reason by_sso_alone(struct op *op, struct txn *txn, const struct access_request *request,
                           bool *ret_alone) {
    struct tenant_settings settings;
    struct email email;
    bool enforced = false;
    TRY(tenant_settings_find(op, txn, request->tenant, &settings));
    TRY(email_normalise(op, request->email, &email));
    TRY(sign_in_enforced(op, txn, email.domain, &enforced));
    *ret_alone = enforced || !settings.local_sign_in || request->requester.len == 0;
    return NULL;
}

// By the system: the approvals are what lets it be given, and audit names the request.
static reason invite(struct op *op, struct txn *txn, const struct access_request *request,
                     struct slice *ret_user_id) {
    const struct actor giver = {.kind = ACTOR_SYSTEM, .id = request->id};
    struct invitation invitation = {.email = request->email,
                                    .first_name = request->first_name,
                                    .last_name = request->last_name,
                                    .role_ids = request->roles,
                                    .expires_at = request->access_expires_at,
                                    .ticket = request->ticket,
                                    .source = GRANT_REQUEST};
    struct member member;
    bool known = false;
    TRY(by_sso_alone(op, txn, request, &invitation.sso_only));
    TRY(member_invite(op, txn, &giver, request->tenant, &invitation, &member, &known));
    *ret_user_id = member.user.id;
    return NULL;
}

static reason add_to(struct op *op, struct txn *txn, const struct access_request *request,
                     const struct membership *before) {
    const struct actor giver = {.kind = ACTOR_SYSTEM, .id = request->id};
    struct membership membership = *before;
    if (before->status == MEMBER_DISABLED) {
        REFUSE(op, NO_MEMBERSHIP_NOW, "this person's access is disabled; enable it, then retry");
    }
    TRY(add_grants(op, request, &membership));
    return membership_store(op, txn, &giver, before, &membership);
}

// A new membership with its letter, or more for the one that is there.
static reason give(struct op *op, struct txn *txn, const struct access_request *request,
                   struct slice *ret_user_id) {
    struct user user;
    struct membership membership;
    bool known = false;
    bool there = false;
    TRY(check_still(op, txn, request));
    TRY(user_find_by_email(op, txn, request->email, &user, &known));
    if (known) {
        TRY(membership_find(op, txn, request->tenant, user.id, &membership, &there));
    }
    if (!there || membership.status == MEMBER_DELETED) {
        return invite(op, txn, request, ret_user_id);
    }
    if (request->kind == REQUEST_SUPPORT_ACCESS) {
        REFUSE(op, NO_MEMBERSHIP_NOW, "this person became a member meanwhile; support access is a "
                                      "membership of its own");
    }
    TRY(add_to(op, txn, request, &membership));
    *ret_user_id = user.id;
    return NULL;
}

reason request_fulfil(struct op *op, struct txn *txn, const struct actor *actor,
                      struct access_request *request) {
    TRY(give(op, txn, request, &request->user_id));
    request->state = REQUEST_FULFILLED;
    request->failure = SLICE_NONE;
    request->decided_at = op->now;
    request->fulfilled_at = op->now;
    TRY(request_store(op, txn, request));
    TRY(request_audit(op, txn, actor, request, "request.fulfilled", request->user_id));
    return request_tell_outcome(op, txn, request, SLICE_NONE);
}

// ---- when it could not be given ----

reason request_fail(struct op *op, struct txn *txn, const struct actor *actor, struct slice tenant,
                    struct slice id, const struct request_decision *decision,
                    struct slice failure, struct access_request *ret) {
    struct access_request request;
    TRY(request_read(op, txn, tenant, id, &request));
    if (request.state != REQUEST_PENDING && request.state != REQUEST_FAILED) {
        return request_not_now(op, &request, "approve");
    }
    if (request.state == REQUEST_PENDING) {
        struct request_decision made = *decision;
        made.by = actor->id;
        TRY(check_decider(op, txn, actor, &request, REQUEST_APPROVE));
        TRY(request_add_decision(op, &request, &made));
    }
    request.state = REQUEST_FAILED;
    request.failure = text_cut(failure, REQUEST_TEXT_MAX);
    TRY(request_store(op, txn, &request));
    TRY(request_audit(op, txn, actor, &request, "request.failed", failure));
    *ret = request;
    return NULL;
}

reason request_retry(struct op *op, struct txn *txn, const struct actor *actor,
                     struct slice tenant, struct slice id, struct access_request *ret) {
    struct access_request request;
    TRY(request_read(op, txn, tenant, id, &request));
    if (!request_may_decide(actor)) {
        REFUSE(op, FORBIDDEN, "this needs the permission requests:approve");
    }
    if (request.state != REQUEST_FAILED) {
        return request_not_now(op, &request, "retry");
    }
    TRY(weigh(op, txn, &request));
    if (request_approvals(&request) < request.needed) {
        REFUSE(op, ILLEGAL_TRANSITION,
               "this would give more now than what was approved, and needs %lld people; ask again",
               (long long)request.needed);
    }
    TRY(request_fulfil(op, txn, actor, &request));
    *ret = request;
    return NULL;
}

// ---- taking it back ----

static reason take_grants(struct op *op, const struct access_request *request,
                          struct membership *membership) {
    const struct grant *old = membership->grants.at;
    struct grant *rows;
    size_t count = 0;
    TRY(op_take(op, membership->grants.count * sizeof *rows, &rows));
    for (size_t i = 0; i < membership->grants.count; i++) {
        if (old[i].source != GRANT_REQUEST || !slice_equal(old[i].granted_by, request->id)) {
            rows[count++] = old[i];
        }
    }
    membership->grants = (struct rows){rows, count};
    return NULL;
}

static reason take_back(struct op *op, struct txn *txn, const struct actor *actor,
                        const struct access_request *request) {
    struct membership before;
    bool there = false;
    TRY(membership_find(op, txn, request->tenant, request->user_id, &before, &there));
    if (!there || before.status == MEMBER_DELETED) {
        return NULL; // gone already, which is more than was asked for
    }
    struct membership membership = before;
    TRY(take_grants(op, request, &membership));
    TRY(membership_store(op, txn, actor, &before, &membership));
    if (membership.grants.count > 0 || before.status == MEMBER_DISABLED) {
        return NULL;
    }
    struct member member;
    return member_set_status(op, txn, actor, request->tenant, request->user_id, MEMBER_DISABLED,
                             &member);
}

reason request_revoke(struct op *op, struct txn *txn, const struct actor *actor,
                      struct slice tenant, struct slice id, struct slice note,
                      struct access_request *ret) {
    struct access_request request;
    struct faults faults = faults_open(op, S(""));
    TRY(request_read(op, txn, tenant, id, &request));
    if (!request_may_decide(actor)) {
        REFUSE(op, FORBIDDEN, "this needs the permission requests:approve");
    }
    if (request.state != REQUEST_FULFILLED) {
        return request_not_now(op, &request, "revoke");
    }
    request_check_text(&faults, "note", note);
    TRY(faults_end(&faults));
    TRY(take_back(op, txn, actor, &request));
    request.state = REQUEST_REVOKED;
    TRY(request_store(op, txn, &request));
    TRY(request_audit(op, txn, actor, &request, "request.revoked", note));
    *ret = request;
    return NULL;
}
